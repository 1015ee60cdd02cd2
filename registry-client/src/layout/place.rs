//! `Place`: where a layout directory is, and how what is in it is opened, locked and removed.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: blobs stream through files that are larger than memory, and digests judge them"
)]

use std::fs::{self, File};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_files::{LockWait, PassingLock, SmallFileError, Waited, read_open, shell_word};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::lock::Lock;
use aisoc_manifests::oci::MAX_MANIFEST_BYTES;
use rustix::fs::OFlags;

use super::documents::{blob_name, invalid};

/// What writers lock, there only while one does: it is no part of a layout.
const LOCK: &str = ".aisoc-lock";
/// How long a writer waits for others, each of which holds the lock for the time of one small file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// A directory that holds a layout.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    cancellation: Cancellation,
    /// Whether nothing may be made in it.
    is_read_alone: bool,
}

impl Place {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), cancellation: Cancellation::default(), is_read_alone: false }
    }

    /// What ends the wait for other writers before its time is over.
    pub(super) fn until(self, cancellation: &Cancellation) -> Self {
        Self { cancellation: cancellation.clone(), ..self }
    }

    /// Nothing is made in it from now on, no lock either.
    pub(super) fn read_alone(self) -> Self {
        Self { is_read_alone: true, ..self }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keeps other writers out until it is dropped.
    ///
    /// # Errors
    /// `locked`, `interrupted`, `io_` reasons.
    pub fn lock(&self) -> Result<PassingLock> {
        if self.is_read_alone {
            let message = format!("the layout `{}` changes faster than it can be read", self.root.display());
            return Err(
                Fault::new(Reason::Locked, message).hint("ask again: it is read alone here, and not kept still")
            );
        }
        let (guards, path) = (format!("the layout `{}`", self.root.display()), self.root.join(LOCK));
        let lock = Lock { guards: &guards, at_most: LOCK_TIMEOUT };
        let wait = LockWait {
            command: self.cancellation.command(),
            at_most: LOCK_TIMEOUT,
            go_on: &|| Ok(self.cancellation.check()?),
            told: &|holder| self.cancellation.waits_for(&lock.waiting(holder)),
        };
        let waited = PassingLock::acquire(&self.root, LOCK, &wait);
        match waited.map_err(|error| Fault::io("lock", &path, error))? {
            Waited::Ours(held) => Ok(held),
            Waited::Theirs(holder) => Err(lock.fault(holder.as_deref(), &shell_word(&path))),
        }
    }

    /// Removes a blob. Says whether it was there.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn remove_blob(&self, digest: Digest) -> Result<bool> {
        let path = self.root.join(blob_name(digest));
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Fault::io("remove", &path, error)),
        }
    }

    /// A small file of it, whole.
    pub(super) fn small_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some((file, _)) = self.open_regular(name)? else {
            return Ok(None);
        };
        match read_open(file, MAX_MANIFEST_BYTES) {
            Ok(file) => Ok(Some(file.content)),
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &self.root.join(name), error)),
            Err(_) => Err(invalid(&self.root, &format!("`{name}` is larger than 4 MiB"))),
        }
    }

    /// Opens a regular file and nothing else: a link could lead anywhere, a FIFO would block.
    pub(super) fn open_regular(&self, name: &str) -> Result<Option<(File, u64)>> {
        let path = self.root.join(name);
        let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
        let file = match File::options().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_symlink() => return Err(invalid(&self.root, &format!("`{name}` is a link"))),
            Err(error) => return Err(Fault::io("read", &path, error)),
        };
        let found = file.metadata().map_err(|error| Fault::io("read", &path, error))?;
        if !found.is_file() {
            return Err(invalid(&self.root, &format!("`{name}` is not a regular file")));
        }
        Ok(Some((file, found.len())))
    }
}
