//! Our ends of a program's pipes: none of them waits, and what was read leaves no copy.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;

use zeroize::{Zeroize as _, Zeroizing};

/// A file of our end that does not wait.
pub(crate) fn open(end: Option<impl Into<OwnedFd>>) -> io::Result<Option<File>> {
    let Some(end) = end.map(Into::into) else { return Ok(None) };
    rustix::io::ioctl_fionbio(&end, true)?;
    Ok(Some(File::from(end)))
}

/// The question on its way.
pub(crate) struct Input<'a> {
    pub(crate) end: Option<File>,
    pub(crate) rest: &'a [u8],
}

impl Input<'_> {
    /// Writes what the pipe takes, and closes it behind the last byte. That nobody reads is the program's business.
    pub(crate) fn write(&mut self) {
        let Some(end) = &mut self.end else { return };
        match end.write(self.rest) {
            Ok(length) => self.rest = &self.rest[length..],
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            Err(_) => self.rest = &[],
        }
        if self.rest.is_empty() {
            self.end = None;
        }
    }
}

/// What is read, in one buffer of full size: one that grows leaves its old self behind.
pub(crate) struct Output {
    pub(crate) end: Option<File>,
    kept: Zeroizing<Vec<u8>>,
    length: usize,
    most: usize,
}

impl Output {
    pub(crate) fn new(end: Option<File>, most: usize) -> Self {
        // One more byte says that there is more.
        Self { end, kept: Zeroizing::new(vec![0; most + 1]), length: 0, most }
    }

    /// Reads a piece, and says whether there may be another one that counts.
    pub(crate) fn read(&mut self) -> io::Result<bool> {
        let Some(end) = &mut self.end else { return Ok(false) };
        let (is_over, mut rest) = (self.length > self.most, [0; 4096]);
        let read = if is_over { end.read(&mut rest) } else { end.read(&mut self.kept[self.length..]) };
        rest.zeroize();
        match read {
            Ok(0) => self.end = None,
            Ok(length) if !is_over => self.length += length,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(self.end.is_some() && !is_over)
    }

    /// Whether there was more than may be.
    pub(crate) fn is_over(&self) -> bool {
        self.length > self.most
    }

    /// What was kept.
    pub(crate) fn take(&mut self) -> Zeroizing<Vec<u8>> {
        self.kept.truncate(self.length.min(self.most));
        std::mem::take(&mut self.kept)
    }
}
