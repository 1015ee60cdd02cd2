//! Which directory or file stood at a path, and reading what others may exchange for another meanwhile.
#![expect(clippy::disallowed_methods, reason = "its room: every entry of a tree is looked at, within `Limits`")]

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use aisoc_packaging::Limits;

/// How often a directory is read again that keeps being exchanged.
const ATTEMPTS: usize = 32;

/// Reads until the directory that stood at `path` before is the one that stands there afterwards.
///
/// A tree that was replaced is deleted soon after, so that a reader can find half of it; that says
/// nothing about the plugin that is in place now. Readers take no lock: they must work for users who
/// may not write, and an upgrade must not wait for them.
pub fn while_in_place<T>(path: &Path, mut read: impl FnMut() -> T) -> T {
    let mut attempt = 1;
    loop {
        let before = Identity::at(path);
        let found = read();
        if attempt == ATTEMPTS || before == Identity::at(path) {
            return found;
        }
        attempt += 1;
    }
}

/// What tells a file or directory from others that stood at its path, and from itself after a change: its
/// number, which is given again soon after a removal, its mode and size, and the time of its last change, which
/// a rename is, too, and which nobody but root can set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    number: u64,
    mode: u32,
    size: u64,
    changed: (i64, i64),
}

impl Identity {
    /// That of what stands at `path`, links not followed; nothing when it cannot be looked at.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        path.symlink_metadata().ok().as_ref().map(Self::of)
    }

    pub(crate) fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            number: found.ino(),
            mode: found.mode(),
            size: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

/// The identities of a tree's entries, all of them: a write into a file, however deep, changes no directory
/// above it. To look at them takes a thousandth of the time in which the tree is hashed, so it can be done
/// under the lock.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TreeStamp(Vec<(PathBuf, Identity)>);

impl TreeStamp {
    /// That of what stands at `root`; nothing when a part of it cannot be looked at, or when it has more
    /// entries than any plugin.
    pub(crate) fn of(root: &Path) -> Option<Self> {
        Self::within(root, Limits::default().max_entries)
    }

    fn within(root: &Path, most: usize) -> Option<Self> {
        let mut entries = vec![(root.to_owned(), Identity::at(root)?)];
        let mut directories = vec![root.to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).ok()? {
                let entry = entry.ok()?;
                let found = entry.metadata().ok()?;
                if found.is_dir() {
                    directories.push(entry.path());
                }
                entries.push((entry.path(), Identity::of(&found)));
                if entries.len() > most + 1 {
                    return None;
                }
            }
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(Self(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn reads_again_what_was_exchanged_meanwhile_and_once_what_was_not() {
        let root = tempfile::tempdir().expect("directory");
        let (place, next) = (root.path().join("plugin"), root.path().join("next"));
        for (directory, content) in [(&place, "old"), (&next, "new")] {
            fs::create_dir(directory).expect("made");
            fs::write(directory.join("file"), content).expect("written");
        }
        let mut reads = 0;
        let found = while_in_place(&place, || {
            reads += 1;
            let found = fs::read_to_string(place.join("file")).expect("read");
            if reads == 1 {
                fs::remove_dir_all(&place).expect("removed");
                fs::rename(&next, &place).expect("renamed");
            }
            found
        });
        assert_eq!((found.as_str(), reads), ("new", 2));
    }

    #[test]
    fn gives_up_on_what_changes_without_end() {
        let root = tempfile::tempdir().expect("directory");
        let place = root.path().join("plugin");
        let mut reads = 0;
        while_in_place(&place, || {
            reads += 1;
            if fs::remove_dir(&place).is_err() {
                fs::create_dir(&place).expect("made");
            }
        });
        assert_eq!(reads, ATTEMPTS);
    }

    #[test]
    fn every_change_in_a_tree_changes_its_stamp() {
        use std::os::unix::fs::PermissionsExt as _;
        let root = tempfile::tempdir().expect("directory");
        let (sub, file) = (root.path().join("sub"), root.path().join("sub/file"));
        fs::create_dir(&sub).expect("made");
        fs::write(&file, "old").expect("written");
        let changes: [(&str, &dyn Fn()); 6] = [
            ("content of the same size", &|| fs::write(&file, "new").expect("written")),
            ("a mode", &|| fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).expect("mode")),
            ("a file deep down", &|| fs::write(sub.join("more"), "").expect("written")),
            ("a link", &|| std::os::unix::fs::symlink("/etc/passwd", sub.join("link")).expect("linked")),
            ("a removal", &|| fs::remove_file(sub.join("more")).expect("removed")),
            ("a directory", &|| fs::create_dir(root.path().join("empty")).expect("made")),
        ];
        for (what, change) in changes {
            let before = TreeStamp::of(root.path());
            assert!(before.is_some() && before == TreeStamp::of(root.path()), "{what}");
            // File systems note the time of a change in steps.
            std::thread::sleep(std::time::Duration::from_millis(20));
            change();
            assert_ne!(before, TreeStamp::of(root.path()), "{what}");
        }
    }

    #[test]
    fn what_stays_is_read_once_whether_or_not_it_is_there() {
        let root = tempfile::tempdir().expect("directory");
        for name in ["", "absent"] {
            let mut reads = 0;
            while_in_place(&root.path().join(name), || reads += 1);
            assert_eq!(reads, 1, "{name}");
        }
    }

    #[test]
    fn a_tree_is_stamped_whole_or_not_at_all() {
        let root = tempfile::tempdir().expect("directory");
        for name in ["a", "b"] {
            fs::write(root.path().join(name), "").expect("written");
        }
        for (most, is_stamped) in [(3, true), (2, true), (1, false)] {
            assert_eq!(TreeStamp::within(root.path(), most).is_some(), is_stamped, "{most}");
        }
        assert_eq!(TreeStamp::of(&root.path().join("absent")), None);
    }

    #[test]
    fn a_file_is_itself_until_it_is_changed_or_renamed() {
        let root = tempfile::tempdir().expect("directory");
        let (one, other) = (root.path().join("one"), root.path().join("other"));
        assert_eq!(Identity::at(&one), None);
        fs::write(&one, "").expect("written");
        fs::write(&other, "").expect("written");
        let first = Identity::at(&one);
        assert!(first.is_some() && first == Identity::at(&one));
        assert_ne!(first, Identity::at(&other));
        fs::rename(&one, root.path().join("away")).expect("renamed");
        assert_eq!(Identity::at(&one), None);
        fs::rename(root.path().join("away"), &one).expect("renamed");
        assert_ne!(first, Identity::at(&one), "it was away meanwhile");
        let number = |identity: Option<Identity>| identity.map(|identity| (identity.device, identity.number));
        assert_eq!(number(first), number(Identity::at(&one)), "and is the same file");
        std::os::unix::fs::symlink(&one, root.path().join("link")).expect("linked");
        assert_ne!(number(first), number(Identity::at(&root.path().join("link"))));
    }
}
