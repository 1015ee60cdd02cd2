//! `FileMap`: what a plugin directory holds, as names, digests, sizes and the executable bit.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::path::RelPath;

/// One regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEntry {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Whether the owner may execute it; all other mode bits are normalised away.
    pub executable: bool,
}

/// Every regular file below a directory, sorted by name in byte order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileMap(BTreeMap<RelPath, FileEntry>);

impl FileMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; gives back the entry that it would have replaced, in which case nothing changed.
    pub fn insert(&mut self, path: RelPath, entry: FileEntry) -> Option<FileEntry> {
        use std::collections::btree_map::Entry;
        match self.0.entry(path) {
            Entry::Occupied(present) => Some(*present.get()),
            Entry::Vacant(slot) => {
                slot.insert(entry);
                None
            }
        }
    }

    /// The entry of a path.
    pub fn get(&self, path: &RelPath) -> Option<&FileEntry> {
        self.0.get(path)
    }

    /// The files, sorted by name in byte order.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &FileEntry)> {
        self.0.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of all files together.
    pub fn total_bytes(&self) -> u64 {
        self.0.values().map(|entry| entry.size).sum()
    }

    /// The files below `directory`, named relative to it.
    #[must_use]
    pub fn below(&self, directory: &RelPath) -> Self {
        Self(self.0.iter().filter_map(|(path, entry)| Some((path.below(directory)?, *entry))).collect())
    }

    /// One digest over every name, size, digest and executable bit: equal exactly when two trees
    /// hold the same files.
    ///
    /// Per file, in byte order of names: the name, one NUL, the decimal size, one NUL, `x` or `-`,
    /// one NUL, 64 hexadecimal digits, one newline. Names hold neither NUL nor newline ([`RelPath`]).
    pub fn tree_digest(&self) -> Digest {
        let mut hasher = Sha256::new();
        for (path, entry) in &self.0 {
            hasher.update(path.as_str());
            hasher.update(format!(
                "\0{}\0{}\0{}\n",
                entry.size,
                if entry.executable { 'x' } else { '-' },
                entry.digest.hex()
            ));
        }
        Digest::from_bytes(hasher.finalize().into())
    }
}

impl FromIterator<(RelPath, FileEntry)> for FileMap {
    fn from_iter<I: IntoIterator<Item = (RelPath, FileEntry)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8], executable: bool) -> (RelPath, FileEntry) {
        let entry = FileEntry { digest: Digest::of(content), size: content.len() as u64, executable };
        (RelPath::parse(name).expect("valid name"), entry)
    }

    #[test]
    fn tree_digest_sees_name_content_and_executable_bit() {
        let base = FileMap::from_iter([file("a", b"1", false), file("b", b"2", false)]);
        for other in [
            FileMap::from_iter([file("a", b"1", false)]),
            FileMap::from_iter([file("a", b"1", true), file("b", b"2", false)]),
            FileMap::from_iter([file("a", b"2", false), file("b", b"2", false)]),
            FileMap::from_iter([file("a", b"1", false), file("c", b"2", false)]),
        ] {
            assert_ne!(base.tree_digest(), other.tree_digest());
        }
        let shuffled = FileMap::from_iter([file("b", b"2", false), file("a", b"1", false)]);
        assert_eq!(base.tree_digest(), shuffled.tree_digest());
    }

    #[test]
    fn insert_keeps_the_first_of_two_equal_names() {
        let mut map = FileMap::new();
        let (path, first) = file("a", b"1", false);
        assert_eq!(map.insert(path.clone(), first), None);
        assert_eq!(map.insert(path.clone(), file("a", b"2", false).1), Some(first));
        assert_eq!(map.get(&path), Some(&first));
    }
}
