//! `Replacement`: a file that somebody else keeps as well, changed whole: mode, owner and group stay.

use std::fs::Metadata;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{AtFlags, Gid, Mode, RenameFlags, Uid};

use crate::existing::Existing;
use crate::replace::create_new;

/// What is to come into the place of a file, written and synced under a second name, for whoever holds the directory's
/// lock. Dropped, it is removed, and the file is as it was.
#[derive(Debug)]
pub struct Replacement {
    directory: OwnedFd,
    name: String,
    existing: Existing,
    is_placed: bool,
}

impl Replacement {
    /// The second name of what is to be `name`. The directory is not ours alone, and whoever edits the file may keep a
    /// `NAME.new` of his own beside it: that one is ours by its name, so that it may be removed.
    pub fn draft_of(name: &str) -> String {
        format!(".{name}.aisoc-new")
    }

    /// Writes what is to be the file `name`. Mode, owner and group are those of the file that was there `before`, as
    /// far as this user may give them; where there was none, the mode is `new_mode`, and none may be there when it is
    /// published. A draft that a killed process has left is removed.
    ///
    /// # Errors
    /// Those of writing and syncing.
    pub fn write(
        directory: impl AsFd,
        name: &str,
        content: &[u8],
        before: Option<&Metadata>,
        new_mode: u32,
    ) -> io::Result<Self> {
        let mode = before.map_or(new_mode, |before| before.mode() & 0o7777);
        Self::write_as(directory, name, content, before, mode)
    }

    /// As [`Replacement::write`], with that mode whatever it was before: for a file of secrets that somebody left open.
    ///
    /// # Errors
    /// As [`Replacement::write`].
    pub fn write_as(
        directory: impl AsFd,
        name: &str,
        content: &[u8],
        before: Option<&Metadata>,
        mode: u32,
    ) -> io::Result<Self> {
        let directory = directory.as_fd().try_clone_to_owned()?;
        let mut file = create_new(&directory, &Self::draft_of(name), Mode::from_raw_mode(0o600))?;
        let existing = if before.is_some() { Existing::Replace } else { Existing::Keep };
        let replacement = Self { directory, name: name.to_owned(), existing, is_placed: false };
        if let Some(before) = before {
            let (uid, gid) = (Uid::from_raw(before.uid()), Gid::from_raw(before.gid()));
            // Who may not give a file away leaves it the group, and who may not do that keeps it.
            if rustix::fs::fchown(&file, Some(uid), Some(gid)).is_err() {
                let _ = rustix::fs::fchown(&file, None, Some(gid));
            }
        }
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        file.write_all(content)?;
        file.sync_all()?;
        Ok(replacement)
    }

    /// Gives it its name, and syncs the directory.
    ///
    /// # Errors
    /// `AlreadyExists` where there was no file before and there is one now, and those of renaming and syncing.
    pub fn publish(mut self) -> io::Result<()> {
        let flags = match self.existing {
            Existing::Keep => RenameFlags::NOREPLACE,
            Existing::Replace => RenameFlags::empty(),
        };
        let (directory, draft) = (self.directory.as_fd(), Self::draft_of(&self.name));
        rustix::fs::renameat_with(directory, &draft, directory, self.name.as_str(), flags)?;
        self.is_placed = true;
        Ok(rustix::fs::fsync(&self.directory)?)
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.is_placed {
            // What stays is the next writer's to remove.
            let _ = rustix::fs::unlinkat(&self.directory, Self::draft_of(&self.name), AtFlags::empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_replacement_has_the_mode_of_what_was_there_and_leaves_nothing_when_it_is_dropped() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        let path = root.path().join("file");
        let write = |before: Option<&Metadata>| Replacement::write(&directory, "file", b"new", before, 0o640);
        drop(write(None).expect("written"));
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 0);
        write(None).expect("written").publish().expect("named");
        let mode = || fs::metadata(&path).expect("there").mode() & 0o7777;
        assert_eq!((fs::read_to_string(&path).expect("read"), mode()), ("new".to_owned(), 0o640));
        // What was not there before is not replaced.
        let error = write(None).expect("written").publish().expect_err("it is there now");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        for bits in [0o600, 0o664] {
            rustix::fs::chmod(&path, Mode::from_raw_mode(bits)).expect("set");
            let before = fs::metadata(&path).expect("there");
            write(Some(&before)).expect("written").publish().expect("named");
            assert_eq!(mode(), bits);
        }
        let before = fs::metadata(&path).expect("there");
        let draft = Replacement::write_as(&directory, "file", b"new", Some(&before), 0o600).expect("written");
        draft.publish().expect("named");
        assert_eq!(mode(), 0o600, "whatever it was");
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 1);
    }

    #[test]
    fn what_a_kill_has_left_of_a_replacement_is_not_written_through() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        fs::write(root.path().join("victim"), "kept").expect("written");
        let draft = root.path().join(Replacement::draft_of("file"));
        let victim = root.path().join("victim");
        fs::hard_link(&victim, &draft).expect("linked");
        Replacement::write(&directory, "file", b"new", None, 0o644).expect("written").publish().expect("named");
        assert_eq!(fs::read_to_string(&victim).expect("read"), "kept");
        // Who has made a link there is not us.
        symlink(&victim, &draft).expect("linked");
        let before = fs::metadata(root.path().join("file")).expect("there");
        Replacement::write(&directory, "file", b"other", Some(&before), 0o644).expect_err("a link");
        assert!(draft.is_symlink());
        assert_eq!(fs::read_to_string(&victim).expect("read"), "kept");
        assert_eq!(fs::read_to_string(root.path().join("file")).expect("read"), "new");
    }
}
