//! `while_in_place`: reading a plugin that others may exchange for another meanwhile.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

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
        let before = identity(path);
        let found = read();
        if attempt == ATTEMPTS || before == identity(path) {
            return found;
        }
        attempt += 1;
    }
}

/// What tells a directory from others that stood at its path: its number, which is given again soon
/// after a removal, and the time of its last change, which a rename is.
fn identity(path: &Path) -> Option<[i128; 4]> {
    let found = path.symlink_metadata().ok()?;
    Some([found.dev().into(), found.ino().into(), found.ctime().into(), found.ctime_nsec().into()])
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
}
