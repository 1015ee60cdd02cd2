//! One writer at a time in a directory that decides about trust, across processes.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_files::{LockWait, Waited, open_existing_lock, open_lock, shell_word, wait_for_lock, wait_for_shared_lock};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::lock::Lock;

/// The lock's file in a directory of ours. Not `lock`, which an earlier version left readable: who had it open could
/// hold it for ever.
pub const LOCK: &str = "write.lock";

/// How long somebody waits for a lock, and what ends the wait.
#[derive(Debug, Clone)]
pub struct Patience {
    /// How long to wait for another process. Zero does not wait.
    pub lock_timeout: Duration,
    /// Whose work it is, and what ends it.
    pub cancellation: Cancellation,
}

impl Patience {
    /// Waits for a lock, by whatever `acquire` takes it; `guarded` is what it keeps others from, and `path` is its file.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it; and those of `acquire`, `interrupted` among them.
    pub fn wait_for<T>(
        &self,
        guarded: &Path,
        path: &Path,
        acquire: impl FnOnce(&LockWait<'_>) -> Result<Waited<T>>,
    ) -> Result<T> {
        let Self { lock_timeout, cancellation } = self;
        let guards = format!("`{}`", guarded.display());
        let lock = Lock { guards: &guards, at_most: *lock_timeout };
        let wait = LockWait {
            command: cancellation.command(),
            at_most: *lock_timeout,
            go_on: &|| Ok(cancellation.check()?),
            told: &|holder| cancellation.waits_for(&lock.waiting(holder)),
        };
        match acquire(&wait)? {
            Waited::Ours(held) => Ok(held),
            Waited::Theirs(holder) => Err(lock.fault(holder.as_deref(), &shell_word(path))),
        }
    }
}

/// Held while a directory is changed. The kernel releases it when the process ends, however it ends; the file stays,
/// because removing a lock file is how two processes come to hold it.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

impl StateLock {
    /// Waits for the lock in `own`, our directory in `guarded`, which is `shown` in messages and holds it as
    /// `own_name`.
    ///
    /// # Errors
    /// `locked`, naming the process that holds it; `interrupted`.
    pub fn acquire(
        own: impl AsFd,
        own_name: &str,
        guarded: impl AsFd,
        shown: &Path,
        patience: &Patience,
    ) -> Result<Self> {
        let path = lock_path(shown, own_name);
        let file = open_lock(own, LOCK, guarded).map_err(|error| Fault::io("lock", &path, error))?;
        Self::wait(file, &path, shown, patience, wait_for_lock)
    }

    /// As [`StateLock::acquire`], for whoever changes nothing: the lock is shared, no name is written into it, and
    /// where nobody has ever changed anything there is none.
    ///
    /// # Errors
    /// As [`StateLock::acquire`].
    pub fn share(own: impl AsFd, own_name: &str, shown: &Path, patience: &Patience) -> Result<Option<Self>> {
        let path = lock_path(shown, own_name);
        let file = open_existing_lock(own, LOCK).map_err(|error| Fault::io("lock", &path, error))?;
        file.map(|file| Self::wait(file, &path, shown, patience, wait_for_shared_lock)).transpose()
    }

    fn wait(
        file: File,
        path: &Path,
        shown: &Path,
        patience: &Patience,
        wait_for: impl Fn(&File, &LockWait<'_>) -> io::Result<Waited<()>>,
    ) -> Result<Self> {
        let failed = |error| Fault::io("lock", path, error);
        patience.wait_for(shown, path, |wait| wait_for(&file, wait).map_err(failed))?;
        Ok(Self { _file: file })
    }
}

fn lock_path(guarded: &Path, own_name: &str) -> PathBuf {
    guarded.join(own_name).join(LOCK)
}
