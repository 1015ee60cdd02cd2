//! One writer at a time in a plugins directory, across processes.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use aisoc_files::{LockWait, Waited, open_existing_lock, open_lock, shell_word, wait_for_lock, wait_for_shared_lock};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::lock::Lock;

use crate::access::Access;
use crate::layout::{LOCK, OWN_DIRECTORY};

/// Held while the plugins directory is changed. The kernel releases it when the process ends, however
/// it ends; the file stays, because removing a lock file is how two processes come to hold it.
#[derive(Debug)]
pub(crate) struct PluginsLock {
    _file: File,
}

impl PluginsLock {
    /// Waits for the lock in `own`, our directory in the plugins directory `plugins`, which is `shown`
    /// in messages.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it; `interrupted`.
    pub(crate) fn acquire(own: impl AsFd, plugins: impl AsFd, shown: &Path, access: &Access) -> Result<Self> {
        let path = lock_path(shown);
        let file = open_lock(own, LOCK, plugins).map_err(|error| Fault::io("lock", &path, error))?;
        Self::wait(file, shown, access, wait_for_lock)
    }

    /// As [`PluginsLock::acquire`], for whoever changes nothing: the lock is shared, no name is written into it, and
    /// where nobody has ever changed anything there is none.
    ///
    /// # Errors
    /// As [`PluginsLock::acquire`].
    pub(crate) fn share(own: impl AsFd, shown: &Path, access: &Access) -> Result<Option<Self>> {
        let path = lock_path(shown);
        let file = open_existing_lock(own, LOCK).map_err(|error| Fault::io("lock", &path, error))?;
        file.map(|file| Self::wait(file, shown, access, wait_for_shared_lock)).transpose()
    }

    fn wait(
        file: File,
        shown: &Path,
        access: &Access,
        wait_for: impl Fn(&File, &LockWait<'_>) -> io::Result<Waited<()>>,
    ) -> Result<Self> {
        let (guards, path, cancellation) = (format!("`{}`", shown.display()), lock_path(shown), &access.cancellation);
        let lock = Lock { guards: &guards, at_most: access.lock_timeout };
        let wait = LockWait {
            command: cancellation.command(),
            at_most: access.lock_timeout,
            go_on: &|| Ok(cancellation.check()?),
            told: &|holder| cancellation.waits_for(&lock.waiting(holder)),
        };
        match wait_for(&file, &wait).map_err(|error| Fault::io("lock", &path, error))? {
            Waited::Ours(()) => Ok(Self { _file: file }),
            Waited::Theirs(holder) => Err(lock.fault(holder.as_deref(), &shell_word(&path))),
        }
    }
}

fn lock_path(plugins: &Path) -> PathBuf {
    plugins.join(OWN_DIRECTORY).join(LOCK)
}
