//! Whose word is taken for when something was signed.

use std::path::PathBuf;

use aisoc_manifests::fault::Result;
use aisoc_registry_client::signature_verifiers;
use aisoc_signing::TimestampAuthorities;
use aisoc_trust::trusted_root_file;

use crate::environment::{Environment, TIMESTAMP_ROOT};

/// The authorities of the file that is named; none where none is. Who can change it decides what an expired key is worth,
/// so it is judged as the keys are.
///
/// # Errors
/// `trusted_root_invalid`, `directory_insecure` and I/O reasons.
pub(crate) fn authorities(flag: Option<PathBuf>, environment: &Environment) -> Result<TimestampAuthorities> {
    match flag.or_else(|| environment.path(TIMESTAMP_ROOT)) {
        None => Ok(TimestampAuthorities::default()),
        Some(place) => {
            TimestampAuthorities::read(&place.display().to_string(), &trusted_root_file(&place)?, signature_verifiers())
        }
    }
}
