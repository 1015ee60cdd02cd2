//! `StoredBlob`: a blob where it lies, in a file of its own or in the middle of an archive.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use sha2::{Digest as _, Sha256};

/// Bytes that are read and written at a time.
pub(super) const PIECE_BYTES: usize = 256 << 10;

/// A stored blob: `size` bytes of an open file from `offset` on. Not hashed.
#[derive(Debug)]
pub struct StoredBlob {
    /// The open file.
    pub file: Arc<File>,
    /// Where the blob begins.
    pub offset: u64,
    /// How long it is.
    pub size: u64,
}

impl StoredBlob {
    /// Whether it has that size and digest. Reads all of it; what cannot be read is not it.
    pub fn is(&self, digest: Digest, size: u64) -> bool {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; PIECE_BYTES];
        let mut done = 0;
        while self.size == size && done < size {
            let Ok(length) = self.read_piece(done, &mut buffer) else { return false };
            hasher.update(&buffer[..length]);
            done += length as u64;
        }
        self.size == size && Digest::from_bytes(hasher.finalize().into()) == digest
    }

    /// Reads what follows the first `done` bytes, as much as the buffer takes. Says how much that is.
    pub(super) fn read_piece(&self, done: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.size - done).unwrap_or(usize::MAX));
        self.file.read_exact_at(&mut buffer[..length], self.offset + done)?;
        Ok(length)
    }

    /// All bytes, when they are at most `max_bytes` and have that digest.
    ///
    /// # Errors
    /// `pull_failed` when they are more, other ones, or cannot be read.
    pub fn read(&self, digest: Digest, max_bytes: u64) -> Result<Vec<u8>> {
        if self.size > max_bytes {
            return Err(Fault::new(Reason::PullFailed, format!("{digest} is too large for what it is"))
                .expected(format!("at most {max_bytes} bytes"), format!("{} bytes", self.size)));
        }
        let mut bytes = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, self.offset).map_err(|source| {
            Fault::new(Reason::PullFailed, format!("cannot read all of {digest}")).caused_by(source)
        })?;
        let found = Digest::of(&bytes);
        if found == digest {
            return Ok(bytes);
        }
        Err(Fault::new(Reason::PullFailed, "the content does not match its digest")
            .expected(digest.to_string(), found.to_string()))
    }
}
