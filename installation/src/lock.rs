//! One writer at a time in a plugins directory, across processes.

use std::os::fd::AsFd;
use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_trust::{Patience, StateLock};

use crate::access::Access;
use crate::layout::OWN_DIRECTORY;

/// Waits for the lock in `own`, our directory in the plugins directory `plugins`, which is `shown` in messages.
///
/// # Errors
/// `locked`, naming the process that holds it; `interrupted`.
pub(crate) fn acquire(own: impl AsFd, plugins: impl AsFd, shown: &Path, access: &Access) -> Result<StateLock> {
    StateLock::acquire(own, OWN_DIRECTORY, plugins, shown, &patience(access))
}

/// As [`acquire`], for whoever changes nothing: the lock is shared, and where nobody has ever changed anything there is
/// none.
///
/// # Errors
/// As [`acquire`].
pub(crate) fn share(own: impl AsFd, shown: &Path, access: &Access) -> Result<Option<StateLock>> {
    StateLock::share(own, OWN_DIRECTORY, shown, &patience(access))
}

fn patience(access: &Access) -> Patience {
    Patience { lock_timeout: access.lock_timeout, cancellation: access.cancellation.clone() }
}
