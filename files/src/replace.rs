//! `replace_in`: a small file of ours that is there as it was or as it is to be, in a directory that is open.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::existing::Existing;

const CREATE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::TRUNC).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Puts `content` in the place of the file `name`, for whoever holds the directory's lock: a second name,
/// `NAME.new`, is the next writer's to use again when a killed one has left it.
///
/// # Errors
/// Those of writing, syncing and renaming. Each leaves the file as it was.
pub fn replace_in(directory: impl AsFd, name: &str, content: &[u8]) -> io::Result<()> {
    put_in(&directory, &directory, name, content, Existing::Replace)
}

/// As [`replace_in`], where whoever reads the directory must not meet a second name in it: the file is written in
/// `drafts`, a directory of the same file system. Everybody may read it, whatever the umask.
///
/// # Errors
/// As [`replace_in`]; `AlreadyExists` where the name is taken and is to be kept.
pub fn put_in(
    drafts: impl AsFd,
    directory: impl AsFd,
    name: &str,
    content: &[u8],
    existing: Existing,
) -> io::Result<()> {
    let new_name = format!("{name}.new");
    let mode = Mode::from_raw_mode(0o644);
    let mut file = File::from(rustix::fs::openat(&drafts, &new_name, CREATE, mode)?);
    rustix::fs::fchmod(&file, mode)?;
    file.write_all(content)?;
    file.sync_all()?;
    let flags = match existing {
        Existing::Keep => RenameFlags::NOREPLACE,
        Existing::Replace => RenameFlags::empty(),
    };
    rename_in(&drafts, &new_name, &directory, name, flags)
}

/// Moves a file from one directory to another of the same file system, where nothing has its name, and syncs both.
///
/// # Errors
/// `AlreadyExists`, and those of renaming and syncing.
pub fn move_in(from: impl AsFd, to: impl AsFd, name: &str) -> io::Result<()> {
    rename_in(&from, name, &to, name, RenameFlags::NOREPLACE)
}

fn rename_in(from: &impl AsFd, name: &str, to: &impl AsFd, new_name: &str, flags: RenameFlags) -> io::Result<()> {
    rustix::fs::renameat_with(from, name, to, new_name, flags)?;
    rustix::fs::fsync(to)?;
    Ok(rustix::fs::fsync(from)?)
}

/// Removes a file, if it is there, and syncs the directory.
///
/// # Errors
/// Those of removing and syncing.
pub fn remove_in(directory: impl AsFd, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(&directory, name, AtFlags::empty()) {
        Err(Errno::NOENT) => Ok(()),
        removed => {
            removed?;
            Ok(rustix::fs::fsync(&directory)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_is_replaced_whole_and_what_a_kill_has_left_is_used_again() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        fs::write(root.path().join("file.new"), "longer than what comes").expect("written");
        for content in ["one", ""] {
            replace_in(&directory, "file", content.as_bytes()).expect("replaced");
            assert_eq!(fs::read_to_string(root.path().join("file")).expect("read"), content);
        }
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_link_in_the_place_of_the_new_file_leads_nowhere() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        fs::write(root.path().join("victim"), "kept").expect("written");
        symlink("victim", root.path().join("file.new")).expect("linked");
        replace_in(&directory, "file", b"x").expect_err("a link");
        assert_eq!(fs::read_to_string(root.path().join("victim")).expect("read"), "kept");
        assert!(!root.path().join("file").exists());
    }

    #[test]
    fn a_name_that_is_taken_is_kept_and_a_draft_never_stands_where_others_read() {
        let root = tempfile::tempdir().expect("directory");
        for name in ["drafts", "keys", "aside"] {
            fs::create_dir(root.path().join(name)).expect("made");
        }
        let [drafts, keys, aside] =
            ["drafts", "keys", "aside"].map(|name| File::open(root.path().join(name)).expect("opened"));
        put_in(&drafts, &keys, "a", b"one", Existing::Keep).expect("put");
        let taken = put_in(&drafts, &keys, "a", b"two", Existing::Keep).expect_err("taken");
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        let read = |name: &str| fs::read_to_string(root.path().join(name)).ok();
        assert_eq!(read("keys/a").as_deref(), Some("one"));
        put_in(&drafts, &keys, "a", b"three", Existing::Replace).expect("replaced");
        assert_eq!(read("keys/a").as_deref(), Some("three"));
        fs::write(root.path().join("aside/a"), "other").expect("written");
        assert_eq!(move_in(&keys, &aside, "a").expect_err("taken").kind(), io::ErrorKind::AlreadyExists);
        for _ in 0..2 {
            remove_in(&aside, "a").expect("gone");
        }
        move_in(&keys, &aside, "a").expect("moved");
        assert_eq!((read("keys/a"), read("aside/a").as_deref()), (None, Some("three")));
        assert!(move_in(&keys, &aside, "a").is_err(), "nothing is there");
    }
}
