//! `Looking`: what a dry run has in place of a [`Transaction`](crate::change::Transaction): the same refusals on
//! the way in, the lock, shared, and nothing to change anything with.
//!
//! A change that a killed process has begun is not finished here. Readers tell from its note which tree is in
//! place, and so which record is about it, and [`Remaining`](crate::remaining::Remaining) which versions are left:
//! a dry run judges what the real run will find once it has finished that change.

use std::os::fd::OwnedFd;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_trust::StateLock;
use rustix::fs::{CWD, Mode};
use rustix::io::Errno;

use crate::access::{Access, may_write};
use crate::census::ids_in;
use crate::change::Finished;
use crate::guarded::require_secure_plugins;
use crate::layout::{FLOORS, Layout, PENDING, RECORDS, VERSIONS};
use crate::lock;
use crate::pending::{PendingChange, Side};
use crate::sealed;
use crate::secure::OPEN_DIRECTORY;

/// A plugins directory that a change could be made in, for as long as nobody else makes one.
#[derive(Debug)]
pub(crate) struct Looking {
    _lock: Option<StateLock>,
    /// Changes of others that the real run would finish first.
    pub(crate) finished: Vec<Finished>,
    /// Those of which nobody can tell how they would end.
    pub(crate) unfinished: Vec<(PluginId, Fault)>,
}

impl Looking {
    /// Waits for the lock, where there is one, and looks at what would be finished first.
    ///
    /// # Errors
    /// `locked`, `directory_insecure`, `interrupted`, and `io_denied` where the real run may not write.
    pub(crate) fn begin(layout: &Layout, access: &Access) -> Result<Self> {
        access.require_writable(layout.plugins())?;
        let lock = enter(layout, access)?;
        let (mut finished, mut unfinished) = (Vec::new(), Vec::new());
        for id in ids_in(layout, PENDING)? {
            match is_removal(layout, &id) {
                Ok(is_removal) => finished.push(Finished { id, is_removal }),
                Err(fault) => unfinished.push((id, fault)),
            }
        }
        access.cancellation.check()?;
        Ok(Self { _lock: lock, finished, unfinished })
    }

    /// Refuses as the real run would a change of a plugin that has another one which nobody can finish, and one that
    /// this user could not write down.
    ///
    /// # Errors
    /// Why the other one could not be finished; `io_denied`.
    pub(crate) fn require_possible(mut self, layout: &Layout, id: &PluginId) -> Result<()> {
        if let Some(at) = self.unfinished.iter().position(|(unfinished, _)| unfinished == id) {
            return Err(self.unfinished.swap_remove(at).1);
        }
        for path in OURS.map(|name| layout.ours(name)) {
            if let Some(opened) = open(&path)? {
                may_write(&opened, "write in", &path)?;
            }
        }
        Ok(())
    }
}

/// What a change writes in, beside the plugins directory itself.
const OURS: [&str; 4] = [RECORDS, PENDING, VERSIONS, FLOORS];

/// Holds what is ours to what a change needs of it, and shares the lock. Where nothing is ours yet, nobody has it.
fn enter(layout: &Layout, access: &Access) -> Result<Option<StateLock>> {
    match require_secure_plugins(layout, access.shared_directories) {
        Err(fault) if fault.reason() == Reason::IoNotFound => return Ok(None),
        secure => secure?,
    }
    let Some(own) = open(&layout.own())? else { return Ok(None) };
    for path in OURS.map(|name| layout.ours(name)) {
        // The real run would make it.
        if open(&path)?.is_none() {
            may_write(&own, "create the directory", &path)?;
        }
    }
    lock::share(own, layout.plugins(), access)
}

/// One of our directories; nothing when it is not there.
pub(crate) fn open(path: &Path) -> Result<Option<OwnedFd>> {
    match rustix::fs::openat(CWD, path, OPEN_DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        opened => opened.map(Some).map_err(|error| Fault::io("create the directory", path, error.into())),
    }
}

/// Whether the change that was begun is an uninstall that has only to be tidied up after. A note that cannot be
/// understood is removed, and its plugin judged by itself.
fn is_removal(layout: &Layout, id: &PluginId) -> Result<bool> {
    let Some(change) = sealed::understood(PendingChange::read(layout, id))? else { return Ok(false) };
    Ok(change.side(layout)? == Side::After && change.after.is_none())
}
