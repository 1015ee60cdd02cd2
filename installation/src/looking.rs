//! `Looking`: what a dry run has in place of a [`Transaction`](crate::change::Transaction): the same refusals on
//! the way in, the lock, shared, and nothing to change anything with.
//!
//! A change that a killed process has begun is not finished here. Readers tell from its note which tree is in
//! place, and so which record is about it, and [`Remaining`](crate::remaining::Remaining) which versions are left:
//! a dry run judges what the real run will find once it has finished that change.

use std::os::fd::OwnedFd;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use rustix::fs::{CWD, Mode};
use rustix::io::Errno;

use crate::access::{Access, may_write};
use crate::census::ids_in;
use crate::change::Finished;
use crate::guarded::require_secure_plugins;
use crate::layout::{FLOORS, Layout, PENDING, RECORDS, VERSIONS};
use crate::lock::PluginsLock;
use crate::pending::{PendingChange, Side};
use crate::sealed;
use crate::secure::OPEN_DIRECTORY;

/// A plugins directory that a change could be made in, for as long as nobody else makes one.
#[derive(Debug)]
pub(crate) struct Looking {
    _lock: Option<PluginsLock>,
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

    /// Refuses as the real run would a change of a plugin that has another one which nobody can finish.
    pub(crate) fn require_finished(mut self, id: &PluginId) -> Result<()> {
        match self.unfinished.iter().position(|(unfinished, _)| unfinished == id) {
            Some(at) => Err(self.unfinished.swap_remove(at).1),
            None => Ok(()),
        }
    }
}

/// Holds what is ours to what a change needs of it, and shares the lock. Where nothing is ours yet, nobody has it.
fn enter(layout: &Layout, access: &Access) -> Result<Option<PluginsLock>> {
    match require_secure_plugins(layout, access.shared_directories) {
        Err(fault) if fault.reason() == Reason::IoNotFound => return Ok(None),
        secure => secure?,
    }
    let Some(own) = open_ours(layout, "")? else { return Ok(None) };
    for name in [RECORDS, PENDING, VERSIONS, FLOORS] {
        open_ours(layout, name)?;
    }
    PluginsLock::share(own, layout.plugins(), access)
}

/// One of our directories, which the real run would write in; nothing when it would have to be made.
fn open_ours(layout: &Layout, name: &str) -> Result<Option<OwnedFd>> {
    let path = layout.ours(name);
    match rustix::fs::openat(CWD, &path, OPEN_DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        opened => {
            let opened = opened.map_err(|error| Fault::io("create the directory", &path, error.into()))?;
            may_write(&opened, "write in", &path).map(|()| Some(opened))
        }
    }
}

/// Whether the change that was begun is an uninstall that has only to be tidied up after. A note that cannot be
/// understood is removed, and its plugin judged by itself.
fn is_removal(layout: &Layout, id: &PluginId) -> Result<bool> {
    let Some(change) = sealed::understood(PendingChange::read(layout, id))? else { return Ok(false) };
    Ok(change.side(layout)? == Side::After && change.after.is_none())
}
