//! `PrivateCopy`: the content of a directory's files, taken over while they are read for the first time.
//!
//! A checkout belongs to many: editors, builds, whoever else may write there. What is signed and packed from a
//! copy that nobody else can open is what was read, however the checkout changes meanwhile; each file is
//! opened once, and nothing is written beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::path::RelPath;

/// Contents on their way into a copy, from several threads.
pub(crate) struct Copying {
    /// All contents, one after the other. It has no name: nothing stays of it, however the process ends.
    file: File,
    end: AtomicU64,
}

/// Where one content goes.
pub(crate) struct Place<'a> {
    file: &'a File,
    begin: u64,
    written: u64,
    size: u64,
}

impl Copying {
    /// Begins where temporary files are.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn begin() -> Result<Self> {
        let failed = |error| Fault::io("write a private copy in", &tempfile::env::temp_dir(), error);
        Ok(Self { file: tempfile::tempfile().map_err(failed)?, end: AtomicU64::new(0) })
    }

    /// Sets room aside for a file of that size.
    pub(crate) fn place(&self, size: u64) -> Place<'_> {
        Place { file: &self.file, begin: self.end.fetch_add(size, Ordering::Relaxed), written: 0, size }
    }

    /// The copy, once every file is where `places` says.
    pub(crate) fn finish(self, places: BTreeMap<RelPath, u64>) -> PrivateCopy {
        PrivateCopy::new(self.file, places)
    }
}

impl Place<'_> {
    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// Those of writing, and `FileTooLarge` for more than there is room for: the next file begins there.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size - self.written < bytes.len() as u64 {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it grows while it is read"));
        }
        self.file.write_all_at(bytes, self.begin + self.written)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Where it begins.
    pub(crate) fn begin(&self) -> u64 {
        self.begin
    }
}

/// The contents of a directory, by path: no file of it is opened again.
#[derive(Debug)]
pub(crate) struct PrivateCopy {
    file: File,
    places: BTreeMap<RelPath, u64>,
}

impl PrivateCopy {
    /// The copy in `file`, where each content begins at its place.
    pub(crate) fn new(file: File, places: BTreeMap<RelPath, u64>) -> Self {
        Self { file, places }
    }

    /// The content at `path`, `size` bytes of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn content(&self, path: &RelPath, size: u64) -> io::Result<Content<'_>> {
        let at = *self.places.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Content::Copied { file: &self.file, at, left: size })
    }
}

/// A file's content when it is packed.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// Where the author has it.
    InPlace(File),
    /// In the private copy.
    Copied { file: &'a File, at: u64, left: u64 },
    /// In memory, because it is small and describes the plugin.
    Held(&'a [u8]),
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::InPlace(file) => file.read(buffer),
            Self::Held(bytes) => bytes.read(buffer),
            Self::Copied { file, at, left } => {
                let wanted = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let read = file.read_at(&mut buffer[..wanted], *at)?;
                (*at, *left) = (*at + read as u64, *left - read as u64);
                Ok(read)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).expect("a path")
    }

    #[test]
    fn contents_are_kept_apart_and_none_grows_into_the_next() {
        let copying = Copying::begin().expect("begun");
        let (mut first, mut second) = (copying.place(4), copying.place(3));
        second.write(b"xyz").expect("room");
        first.write(b"ab").expect("room");
        first.write(b"cd").expect("room");
        assert_eq!(first.write(b"e").expect_err("full").kind(), io::ErrorKind::FileTooLarge);
        let places = BTreeMap::from([(path("a"), first.begin()), (path("b"), second.begin())]);
        let copy = copying.finish(places);
        let read = |copy: &PrivateCopy, name: &str, size| {
            let mut text = String::new();
            copy.content(&path(name), size).and_then(|mut content| content.read_to_string(&mut text)).map(|_| text)
        };
        assert_eq!(read(&copy, "a", 4).expect("copied"), "abcd");
        assert_eq!(read(&copy, "b", 3).expect("copied"), "xyz");
        assert_eq!(read(&copy, "c", 0).expect_err("nothing").kind(), io::ErrorKind::NotFound);
        assert_eq!(read(&copy, "a", 2).expect("copied"), "ab", "as much as is asked for");
        let mut content = copy.content(&path("a"), 4).expect("copied");
        let mut pieces = Vec::new();
        let mut buffer = [0; 3];
        while let Some(length) = Some(content.read(&mut buffer).expect("read")).filter(|length| *length > 0) {
            pieces.push(buffer[..length].to_vec());
        }
        assert_eq!(pieces, [&b"abc"[..], b"d"], "each piece behind the one before");
    }
}
