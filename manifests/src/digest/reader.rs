//! The reader that proves a digest while bytes pass through.

use std::io::{self, Read};

use super::body::Hasher;
use super::meaning::Blob;
use super::named::Digest;
use crate::fault::{Fault, Reason, Result};

/// Passes bytes through, and refuses at the end unless they were exactly the promised ones.
///
/// Never hands out more than `size` bytes. The caller must read to the end and call
/// [`VerifyingReader::finish`], which consumes the reader: an early drop proves nothing, and says so
/// by not having returned anything.
pub struct VerifyingReader<R> {
    inner: R,
    hasher: Hasher<Blob>,
    expected: Digest,
    remaining: u64,
}

impl<R: Read> VerifyingReader<R> {
    /// Expects exactly `size` bytes with digest `expected`.
    pub fn new(inner: R, expected: Digest, size: u64) -> Self {
        Self { inner, hasher: expected.own_hasher(), expected, remaining: size }
    }

    /// How many bytes are still to be read.
    pub fn remaining(&self) -> u64 {
        self.remaining
    }

    /// Reads what is left, then compares size and digest.
    ///
    /// # Errors
    /// `pull_failed` when the bytes are fewer, more, or others than promised.
    pub fn finish(mut self) -> Result<()> {
        io::copy(&mut self, &mut io::sink()).map_err(|source| {
            Fault::new(Reason::PullFailed, format!("cannot read all of {}", self.expected)).caused_by(source)
        })?;
        if self.remaining > 0 {
            return Err(Fault::new(
                Reason::PullFailed,
                format!("{} ended {} bytes early", self.expected, self.remaining),
            ));
        }
        let mut byte = [0];
        if !matches!(self.inner.read(&mut byte), Ok(0)) {
            return Err(Fault::new(Reason::PullFailed, format!("{} goes on after its end", self.expected)));
        }
        let found = self.hasher.finish();
        self.expected.require(&found, Reason::PullFailed, "the content does not match its digest")
    }
}

impl<R: Read> Read for VerifyingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.remaining).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut buffer[..wanted])?;
        self.hasher.update(&buffer[..read]);
        self.remaining -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Algorithm;

    #[test]
    fn refuses_short_long_and_other_bytes() {
        let check = |bytes: &[u8], digest: Digest, size: u64| VerifyingReader::new(bytes, digest, size).finish();
        let mut long = Digest::hasher_of(Algorithm::Sha512);
        long.update(b"hello");
        for digest in [Digest::of(b"hello"), long.finish()] {
            assert!(check(b"hello", digest, 5).is_ok());
            for (bytes, size) in [(&b"hell"[..], 5), (b"hello!", 5), (b"hellx", 5), (b"hello", 4), (b"hello", 6)] {
                assert_eq!(check(bytes, digest, size).expect_err("differs").reason(), Reason::PullFailed);
            }
        }
    }
}
