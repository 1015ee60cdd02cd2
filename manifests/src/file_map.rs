//! `FileMap`: what a plugin directory holds, as names, digests, sizes and the executable bit.

use std::collections::BTreeMap;

use crate::digest::{FileDigest, TreeDigest};
use crate::path::RelPath;

/// One regular file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEntry {
    /// SHA-256 of the bytes.
    pub digest: FileDigest,
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
    /// hold the same files. It is what our records call a tree by; what a signature covers is another list.
    pub fn tree_digest(&self) -> TreeDigest {
        let mut hasher = TreeDigest::hasher();
        write_list(TreeScheme::V1, self.iter(), |text| hasher.update(text));
        hasher.finish()
    }

    /// Reads what [`write_list`] wrote under that scheme, and nothing else: one list has one spelling.
    pub fn read_list(scheme: TreeScheme, list: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(list).ok()?;
        let mut lines = text.strip_prefix(scheme.as_str())?.strip_prefix('\n')?.split_terminator('\n');
        let files: Self = lines.by_ref().map(read_line).collect::<Option<_>>()?;
        let mut again = String::with_capacity(text.len());
        write_list(scheme, files.iter(), |piece| again.push_str(piece));
        (again == text).then_some(files)
    }
}

/// What a list of files covers. Its name is the first line of the list, and the scheme in a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeScheme {
    /// Every file but the manifest, whose bytes another reader could therefore see changed.
    V1,
    /// Every file, the manifest among them.
    V2,
}

impl TreeScheme {
    /// The scheme that `sign` writes.
    pub const CURRENT: Self = Self::V2;

    /// The scheme's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "aisoc.tree/v1",
            Self::V2 => "aisoc.tree/v2",
        }
    }

    /// The scheme of that name.
    pub fn find(name: &str) -> Option<Self> {
        [Self::V1, Self::V2].into_iter().find(|scheme| scheme.as_str() == name)
    }
}

/// Writes a list of files, piece by piece.
///
/// The first line is the scheme's name. Then one line per file, in the order given, which is the byte
/// order of names: 64 hexadecimal digits, one space, `x` or `-`, one space, the decimal size, one space,
/// the name. Every line ends in one newline. No name holds a newline ([`RelPath`]), so no two trees have
/// one list.
pub fn write_list<'a, E: std::borrow::Borrow<FileEntry>>(
    scheme: TreeScheme,
    files: impl Iterator<Item = (&'a RelPath, E)>,
    mut write: impl FnMut(&str),
) {
    write(scheme.as_str());
    write("\n");
    for (path, entry) in files {
        let FileEntry { digest, size, executable } = entry.borrow();
        let executable = if *executable { 'x' } else { '-' };
        write(&format!("{} {executable} {size} {path}\n", digest.hex()));
    }
}

fn read_line(line: &str) -> Option<(RelPath, FileEntry)> {
    let mut fields = line.splitn(4, ' ');
    let digest = FileDigest::from_hex(fields.next()?)?;
    let executable = fields.next()? == "x";
    let size = fields.next()?.parse().ok()?;
    Some((RelPath::parse(fields.next()?).ok()?, FileEntry { digest, size, executable }))
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
        let entry = FileEntry { digest: FileDigest::of(content), size: content.len() as u64, executable };
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
    fn a_list_has_the_documented_bytes_and_is_read_back() {
        let map = FileMap::from_iter([file("run me", b"1", true), file("a.py", b"", false)]);
        let (empty, one) = (FileDigest::of(b"").hex(), FileDigest::of(b"1").hex());
        for (scheme, name) in [(TreeScheme::V1, "aisoc.tree/v1"), (TreeScheme::V2, "aisoc.tree/v2")] {
            let mut list = String::new();
            write_list(scheme, map.iter(), |piece| list.push_str(piece));
            assert_eq!(list, format!("{name}\n{empty} - 0 a.py\n{one} x 1 run me\n"));
            assert_eq!(FileMap::read_list(scheme, list.as_bytes()), Some(map.clone()));
            assert_eq!(TreeDigest::of(list.as_bytes()) == map.tree_digest(), scheme == TreeScheme::V1);
            assert_eq!(TreeScheme::find(name), Some(scheme));
        }
        assert_eq!(TreeScheme::find("aisoc.tree/v3"), None);
    }

    #[test]
    fn a_list_in_any_other_spelling_is_not_read() {
        let digest = FileDigest::of(b"1").hex();
        let line = |rest: &str| format!("{}\n{digest} {rest}\n", TreeScheme::V1.as_str());
        assert!(FileMap::read_list(TreeScheme::V1, line("- 1 a").as_bytes()).is_some());
        for other in [
            String::new(),
            TreeScheme::V1.as_str().to_owned(),
            line("- 1 a").replace("v1", "v2"),
            line("- 01 a"),
            line("- +1 a"),
            line("X 1 a"),
            line("- 1 a/../b"),
            line("- 1 a").trim_end().to_owned(),
            line("- 1 a") + "\n",
            line("- 1 b") + &format!("{digest} - 1 a\n"),
            line("- 1 a") + &format!("{digest} - 1 a\n"),
            line("- 1 a").replace('\n', "\r\n"),
            line("- 1 a").to_uppercase(),
        ] {
            assert_eq!(FileMap::read_list(TreeScheme::V1, other.as_bytes()), None, "{other:?}");
        }
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
