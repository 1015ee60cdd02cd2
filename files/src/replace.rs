//! `replace_in`: a small file of ours that is there as it was or as it is to be, in a directory that is open.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::existing::Existing;

const CREATE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Puts `content` in the place of the file `name`, in a directory of ours, for whoever holds its lock: a second name,
/// `NAME.new`, is removed when a killed process has left it, whoever's that was. Nobody else uses that name there, and
/// nobody alive does under the lock; and what is written is never another user's file.
///
/// # Errors
/// Those of writing, syncing and renaming, and `PermissionDenied` and `InvalidInput` for a `NAME.new` that cannot be
/// removed or is no file, which name it. Each leaves the file as it was.
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
    let mut file = create_new(&drafts, &new_name, mode)?;
    rustix::fs::fchmod(&file, mode)?;
    file.write_all(content)?;
    file.sync_all()?;
    let flags = match existing {
        Existing::Keep => RenameFlags::NOREPLACE,
        Existing::Replace => RenameFlags::empty(),
    };
    rename_in(&drafts, &new_name, &directory, name, flags)
}

/// A draft of that name, which nothing else is.
///
/// # Errors
/// Those of creating it, and of removing what a killed process has left.
pub(crate) fn create_new(drafts: &impl AsFd, name: &str, mode: Mode) -> io::Result<File> {
    match rustix::fs::openat(drafts, name, CREATE, mode) {
        Err(Errno::EXIST) => remove_left(drafts, name)?,
        created => return Ok(created?.into()),
    }
    // Of somebody who has no lock: it is not taken from them a second time.
    Ok(rustix::fs::openat(drafts, name, CREATE, mode).map_err(|error| left(name, &io::Error::from(error)))?.into())
}

/// Its other names, if it has any, keep what is in it.
fn remove_left(drafts: &impl AsFd, name: &str) -> io::Result<()> {
    let found = match rustix::fs::statat(drafts, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        found => found?,
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(left(name, &io::Error::new(io::ErrorKind::InvalidInput, "it is no file")));
    }
    match rustix::fs::unlinkat(drafts, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(left(name, &error.into())),
    }
}

fn left(name: &str, error: &io::Error) -> io::Error {
    // That the draft is there says nothing of the file that it is to be.
    let kind = match error.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::ResourceBusy,
        kind => kind,
    };
    let message =
        format!("`{name}` stands where the new one is written, and cannot be removed: {error}; remove it by hand");
    io::Error::new(kind, message)
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
    use std::io::Read as _;
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

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

    /// A directory of ours may be shared with a group: whose process was killed there is not who writes now.
    #[test]
    fn what_another_users_killed_process_has_left_is_replaced_by_a_file_of_ours() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        let path = |name: &str| root.path().join(name);
        fs::write(path("file.new"), "theirs").expect("written");
        fs::hard_link(path("file.new"), path("other")).expect("linked");
        let me = fs::metadata(path("file.new")).expect("there").uid();
        // Only root can give a file away.
        let is_given = chown(path("file.new"), Some(12_345), Some(12_345)).is_ok();
        let mut open = File::open(path("file.new")).expect("opened");
        replace_in(&directory, "file", b"ours").expect("replaced");
        let found = fs::metadata(path("file")).expect("there");
        assert_eq!((found.uid(), fs::read_to_string(path("file")).expect("read").as_str()), (me, "ours"), "{is_given}");
        let mut seen = String::new();
        open.read_to_string(&mut seen).expect("read");
        assert_eq!((seen.as_str(), fs::read_to_string(path("other")).expect("read").as_str()), ("theirs", "theirs"));
    }

    #[test]
    fn what_stands_there_and_is_no_file_is_named() {
        let root = tempfile::tempdir().expect("directory");
        let directory = File::open(root.path()).expect("opened");
        fs::create_dir(root.path().join("file.new")).expect("made");
        let error = replace_in(&directory, "file", b"x").expect_err("a directory");
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        let said =
            "`file.new` stands where the new one is written, and cannot be removed: it is no file; remove it by hand";
        assert_eq!(error.to_string(), said);
        assert!(root.path().join("file.new").is_dir() && !root.path().join("file").exists());
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
