//! `Ingest`: bytes on their way into a layout. They get their name only when their digest is known.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use aisoc_files::{Draft, Existing, PrivateDirectory};
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use sha2::{Digest as _, Sha256};

/// How the names of private directories begin in which a file is on its way.
pub(super) const DRAFTS: &str = ".ingest-";
/// Readable as the umask allows, once the file has its name.
const DRAFT_MODE: u32 = 0o666;

/// A blob that is arriving. Dropping it removes what arrived.
#[derive(Debug)]
pub struct Ingest {
    draft: Draft,
    hasher: Sha256,
    size: u64,
}

impl Ingest {
    /// Collects in the directory `parent`, which must be on the file system of the layout.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn new_in(parent: &Path) -> Result<Self> {
        let draft = temporary(parent)?;
        Ok(Self { draft, hasher: Sha256::new(), size: 0 })
    }

    /// Collects among other blobs in a private directory, on the file system of the layouts.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn new_among(home: &Arc<PrivateDirectory>) -> Result<Self> {
        let failed = |error| Fault::io("write in", home.path(), error);
        let draft = Draft::create_in(home, DRAFT_MODE).map_err(failed)?;
        Ok(Self { draft, hasher: Sha256::new(), size: 0 })
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

    /// See [`Directory::keep`](super::Directory::keep), which knows what the name is.
    pub(super) fn finish(self, expected: Digest, target: &Path) -> Result<()> {
        let found = Digest::from_bytes(self.hasher.finalize().into());
        if found != expected {
            return Err(Fault::new(Reason::PullFailed, "the content does not match its digest")
                .expected(expected.to_string(), found.to_string()));
        }
        land(self.draft, target)
    }
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
