//! `Ingest`: bytes on their way into a layout. They get their name only when their digest is known.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use aisoc_files::{Draft, Existing, PrivateDirectory};
use aisoc_manifests::digest::{Algorithm, Digest, Hasher, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{Timespec, Timestamps, UTIME_NOW};

use super::stored::PIECE_BYTES;

/// How the names of private directories begin in which a file is on its way.
pub(super) const DRAFTS: &str = ".ingest-";
/// Readable as the umask allows, once the file has its name.
const DRAFT_MODE: u32 = 0o666;

/// A blob that is arriving. Dropping it removes what arrived.
#[derive(Debug)]
pub struct Ingest {
    draft: Draft,
    /// What is hashed with on the way: what the sender said, or what everybody means who says nothing.
    algorithm: Algorithm,
    hasher: Hasher<meaning::Blob>,
    size: u64,
}

impl Ingest {
    /// Collects in the directory `parent`, which must be on the file system of the layout.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn new_in(parent: &Path, algorithm: Algorithm) -> Result<Self> {
        Ok(Self::begin(temporary(parent)?, algorithm))
    }

    /// Collects among other blobs in a private directory, on the file system of the layouts.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn new_among(home: &Arc<PrivateDirectory>, algorithm: Algorithm) -> Result<Self> {
        let failed = |error| Fault::io("write in", home.path(), error);
        let draft = Draft::create_in(home, DRAFT_MODE).map_err(failed)?;
        Ok(Self::begin(draft, algorithm))
    }

    fn begin(draft: Draft, algorithm: Algorithm) -> Self {
        Self { draft, algorithm, hasher: Digest::hasher_of(algorithm), size: 0 }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// `io_` reasons; the ingest is gone then, and what it wrote is removed.
    pub fn write(mut self, bytes: &[u8]) -> Result<Self> {
        self.draft.write_all(bytes).map_err(|error| Fault::io("write", self.draft.path(), error))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(self)
    }

    /// How many bytes arrived.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The open file.
    #[cfg(test)]
    pub(super) fn file(&self) -> &File {
        self.draft.file()
    }

    /// See [`Directory::keep`](super::Directory::keep), which knows what the name is.
    pub(super) fn finish(self, expected: Digest, target: &Path) -> Result<()> {
        let found = match self.algorithm == expected.algorithm() {
            true => self.hasher.finish(),
            // The digest came last and is of another algorithm: what arrived is read once more, from the open file.
            false => hashed(self.draft.file(), expected.algorithm(), self.size)
                .map_err(|error| Fault::io("read", self.draft.path(), error))?,
        };
        expected.require(&found, Reason::PullFailed, "the content does not match its digest")?;
        // Its last byte may have come long ago, and it is wanted now.
        renew_file(self.draft.file()).map_err(|error| Fault::io("write", self.draft.path(), error))?;
        land(self.draft, target)
    }
}

/// Says that a blob is wanted now: the time at which its file was changed is from when its grace is counted.
pub(super) fn renew_file(file: &File) -> io::Result<()> {
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: NOW, last_modification: NOW };
    Ok(rustix::fs::futimens(file, &times)?)
}

/// The digest of the first `size` bytes of a file.
fn hashed(file: &File, algorithm: Algorithm, size: u64) -> io::Result<Digest> {
    let mut hasher = Digest::hasher_of(algorithm);
    let mut buffer = vec![0; PIECE_BYTES];
    let mut done = 0;
    while done < size {
        let length = buffer.len().min(usize::try_from(size - done).unwrap_or(usize::MAX));
        file.read_exact_at(&mut buffer[..length], done)?;
        hasher.update(&buffer[..length]);
        done += length as u64;
    }
    Ok(hasher.finish())
}

/// Writes a small file in place of whatever has its name.
pub(super) fn replace_file(root: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let mut draft = temporary(root)?;
    draft.write_all(bytes).map_err(|error| Fault::io("write", draft.path(), error))?;
    land(draft, &root.join(name))
}

/// A file without a name of its own yet.
pub(super) fn temporary(parent: &Path) -> Result<Draft> {
    Draft::create(parent, DRAFTS, DRAFT_MODE).map_err(|error| Fault::io("write in", parent, error))
}

/// Synced, then renamed: after a power cut the name stands for the whole content or for nothing.
pub(super) fn land(draft: Draft, target: &Path) -> Result<()> {
    draft.publish(target, Existing::Replace).map_err(|error| Fault::io("write", target, error))
}

/// As [`land`], and never in the place of another file.
pub(super) fn land_new(draft: Draft, target: &Path) -> Result<()> {
    draft.publish(target, Existing::Keep).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(target),
        _ => Fault::io("write", target, error),
    })
}

/// Says before anything is written that a new archive would find that name taken.
///
/// # Errors
/// `already_exists`.
pub fn require_absent(target: &Path) -> Result<()> {
    if target.symlink_metadata().is_ok() { Err(taken(target)) } else { Ok(()) }
}

fn taken(target: &Path) -> Fault {
    let message = format!("`{}` is there already", target.display());
    Fault::new(Reason::AlreadyExists, message).expected("no file of that name", "one")
}
