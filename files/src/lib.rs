#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, RenameFlags};
use rustix::io::Errno;

mod access;
mod access_list;
mod append;
mod existing;
mod holder;
mod listing;
mod lock;
mod nameless;
mod outlook;
pub mod parallel;
mod partial;
mod private;
mod remove;
mod replace;
mod replacement;
mod shell;
mod small;
mod walk;
mod writable;

pub use access::{Flaw, Insecure, Weakness};
pub use append::{append_lines, append_lines_after, open_append};
pub use existing::Existing;
pub use listing::{EachEntry, Entry, TooManyNames, entries_of, names_in, open_directory, open_directory_in};
pub use lock::{LockWait, PassingLock, Waited, open_existing_lock, open_lock, wait_for_lock, wait_for_shared_lock};
pub use nameless::Nameless;
pub use outlook::{Outlook, effective_user};
pub use partial::{PARTIALS, Partial, PartialDirectory};
use private::CONTENT;
pub use private::{Abandoned, MARKER, MARKER_TEXT, PrivateDirectory, sweep};
pub use remove::remove_tree;
pub use replace::{move_in, put_in, remove_in, replace_in};
pub use replacement::Replacement;
pub use shell::{shell_argument, shell_word};
pub use small::{
    Links, SmallFile, SmallFileError, open_file, open_file_in, read_into, read_open, read_small, read_stream,
};
pub use walk::{Arrival, Place, Walk};
pub use writable::{may_write_in, may_write_open};

/// A file on its way, in a private directory beside its place. Removed when it is dropped.
#[derive(Debug)]
pub struct Draft {
    file: File,
    home: Arc<PrivateDirectory>,
    name: String,
    path: PathBuf,
}

impl Draft {
    /// A new file in a private directory in `directory` whose name begins with `prefix`; `mode` is
    /// narrowed by the umask.
    ///
    /// # Errors
    /// Those of creating a directory and a file.
    pub fn create(directory: &Path, prefix: &str, mode: u32) -> io::Result<Self> {
        Self::create_in(&Arc::new(PrivateDirectory::create(directory, prefix)?), mode)
    }

    /// A new file in a private directory that holds others, too.
    ///
    /// # Errors
    /// Those of creating a file.
    pub fn create_in(home: &Arc<PrivateDirectory>, mode: u32) -> io::Result<Self> {
        let (file, name) = home.file(mode)?;
        let path = home.path().join(&name);
        Ok(Self { file, home: Arc::clone(home), name, path })
    }

    /// The file, to set its mode or sync it.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Its temporary name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the content, gives the file its name, and syncs the directory.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of syncing and renaming.
    pub fn publish(self, path: &Path, existing: Existing) -> io::Result<()> {
        self.file.sync_all()?;
        self.place(path, existing)?;
        settle(path)
    }

    /// Gives the file its name, without any sync: what a power cut loses can be made again.
    ///
    /// # Errors
    /// `AlreadyExists`, and those of renaming.
    pub fn place(self, path: &Path, existing: Existing) -> io::Result<()> {
        let (from, name) = (self.home.held(), self.name.as_str());
        let placed = match existing {
            Existing::Replace => rustix::fs::renameat(from, name, CWD, path),
            Existing::Keep => match rustix::fs::renameat_with(from, name, CWD, path, RenameFlags::NOREPLACE) {
                // A second name, which no file system gives away; the first goes with the draft.
                Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::linkat(from, name, CWD, path, AtFlags::empty()),
                renamed => renamed,
            },
        };
        Ok(placed?)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Gone when it was placed. What cannot be removed goes with the directory, now or later.
        let _ = rustix::fs::unlinkat(self.home.held(), self.name.as_str(), AtFlags::empty());
    }
}

impl io::Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A directory on its way, inside a private one beside its place. Removed with all it holds when it is
/// dropped, unless it was renamed.
#[derive(Debug)]
pub struct DraftDirectory {
    path: PathBuf,
    /// Removed with whatever is still in it.
    _home: PrivateDirectory,
}

impl DraftDirectory {
    /// A new directory in a private one in `parent` whose name begins with `prefix`; `mode` is narrowed
    /// by the umask. What killed processes left there under that prefix is removed first.
    ///
    /// # Errors
    /// Those of creating a directory.
    pub fn create(parent: &Path, prefix: &str, mode: u32) -> io::Result<Self> {
        sweep(parent, prefix);
        let home = PrivateDirectory::create(parent, prefix)?;
        rustix::fs::mkdirat(home.held(), CONTENT, Mode::from_raw_mode(mode))?;
        Ok(Self { path: home.path().join(CONTENT), _home: home })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes renames and removals in a directory survive a power cut.
///
/// # Errors
/// Those of opening and syncing.
#[expect(clippy::disallowed_methods, reason = "its room: a directory is opened to be synced")]
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes the name that `path` has just got survive a power cut.
///
/// # Errors
/// Those of [`sync_directory`], saying that `path` is in place all the same.
pub fn settle(path: &Path) -> io::Result<()> {
    sync_directory(parent(path)).map_err(|error| {
        let message = format!("`{}` is in place, but a power cut may still lose it: {error}", path.display());
        io::Error::new(error.kind(), message)
    })
}

/// The directory in which `path` is, `.` for a name alone.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(directory)
            .expect("listed")
            .map(|entry| entry.expect("entry").file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_appears_whole_and_replaces_only_when_told() {
        let root = tempfile::tempdir().expect("directory");
        let target = root.path().join("file");
        for (content, existing, expected) in [
            ("one", Existing::Keep, Ok(())),
            ("two", Existing::Keep, Err(io::ErrorKind::AlreadyExists)),
            ("three", Existing::Replace, Ok(())),
        ] {
            let mut draft = Draft::create(root.path(), ".draft-", 0o644).expect("created");
            draft.write_all(content.as_bytes()).expect("written");
            assert_eq!(draft.publish(&target, existing).map_err(|error| error.kind()), expected, "{content}");
        }
        assert_eq!(fs::read_to_string(&target).expect("read"), "three");
        assert_eq!(names(root.path()), ["file"]);
    }

    #[test]
    fn a_dropped_draft_leaves_nothing() {
        let root = tempfile::tempdir().expect("directory");
        drop(Draft::create(root.path(), ".draft-", 0o600).expect("created"));
        let directory = DraftDirectory::create(root.path(), ".drafts-", 0o700).expect("created");
        fs::write(directory.path().join("inside"), "x").expect("written");
        drop(directory);
        assert!(names(root.path()).is_empty());
    }

    /// What a killed process leaves: a private directory that nobody holds.
    fn abandon(root: &Path, name: &str) -> PathBuf {
        let path = root.join(name);
        fs::create_dir_all(path.join("content/inside")).expect("made");
        fs::write(path.join(MARKER), MARKER_TEXT).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("mode");
        path
    }

    #[test]
    fn sweeping_removes_what_a_killed_process_left_and_nobody_holds() {
        let root = tempfile::tempdir().expect("directory");
        let abandoned = abandon(root.path(), ".draft-aB3dE9");
        symlink(root.path(), abandoned.join("content/link")).expect("linked");
        let held = Draft::create(root.path(), ".draft-", 0o644).expect("created");
        let held_directory = DraftDirectory::create(root.path(), ".other-", 0o755).expect("created");
        sweep(root.path(), ".draft-");
        sweep(root.path(), ".other-");
        assert!(!abandoned.exists() && held.path().exists() && held_directory.path().is_dir());
        assert_eq!(names(root.path()).len(), 2);
    }

    #[test]
    fn what_only_looks_like_a_draft_survives_every_sweep() {
        let root = tempfile::tempdir().expect("directory");
        let path = |name: &str| root.path().join(name);
        let marker = |name: &str| path(name).join(MARKER);
        for name in [".draft-photos", ".draft-empty1"] {
            fs::create_dir(path(name)).expect("made");
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o700)).expect("mode");
        }
        fs::write(path(".draft-photos/holiday"), "x").expect("written");
        fs::write(path(".draft-backup"), "a file").expect("written");
        abandon(root.path(), ".draft-too-long");
        abandon(root.path(), ".draft-ab-cd1");
        fs::write(marker(&abandon(root.path(), ".draft-other1").to_string_lossy()), "something else").expect("written");
        fs::write(marker(&abandon(root.path(), ".draft-longer").to_string_lossy()), [MARKER_TEXT, "x"].concat())
            .expect("written");
        fs::set_permissions(abandon(root.path(), ".draft-open01"), fs::Permissions::from_mode(0o755)).expect("mode");
        fs::remove_file(abandon(root.path(), ".draft-linked").join(MARKER)).expect("removed");
        fs::write(path("text"), MARKER_TEXT).expect("written");
        symlink(path("text"), marker(".draft-linked")).expect("linked");
        fs::remove_file(abandon(root.path(), ".draft-hard01").join(MARKER)).expect("removed");
        fs::hard_link(path("text"), marker(".draft-hard01")).expect("linked");
        abandon(root.path(), "elsewhere");
        symlink("elsewhere", path(".draft-symlnk")).expect("linked");
        let before = names(root.path());
        sweep(root.path(), ".draft-");
        assert_eq!(names(root.path()), before);
        assert!(path("elsewhere/content/inside").is_dir() && path(".draft-photos/holiday").exists());
    }

    #[test]
    fn a_draft_whose_process_was_killed_at_once_is_swept_while_it_holds_nothing_else() {
        let root = tempfile::tempdir().expect("directory");
        let begun = &MARKER_TEXT[..10];
        for (name, mode, content, stays) in [
            (".draft-fresh1", 0o1700, None, false),
            (".draft-fresh2", 0o1700, Some((MARKER, "")), false),
            (".draft-fresh3", 0o1700, Some((MARKER, begun)), false),
            (".draft-fresh4", 0o1700, Some((MARKER, "mine")), true),
            (".draft-fresh5", 0o1700, Some(("mine", "")), true),
            (".draft-fresh6", 0o700, None, true),
            (".draft-fresh7", 0o700, Some((MARKER, begun)), true),
            (".draft-fresh8", 0o1755, None, true),
        ] {
            let path = root.path().join(name);
            fs::create_dir(&path).expect("made");
            if let Some((file, text)) = content {
                fs::write(path.join(file), text).expect("written");
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("mode");
            sweep(root.path(), ".draft-");
            assert_eq!(path.exists(), stays, "{name}");
        }
    }

    #[test]
    fn another_users_draft_survives_a_sweep() {
        let root = tempfile::tempdir().expect("directory");
        let theirs = abandon(root.path(), ".draft-theirs");
        // Only root can give a directory away; for anybody else there is nothing to try.
        let given = [theirs.clone(), theirs.join(MARKER)].iter().all(|path| chown(path, Some(65534), None).is_ok());
        sweep(root.path(), ".draft-");
        assert_eq!(theirs.exists(), given);
    }

    #[test]
    fn files_in_one_private_directory_come_and_go_by_themselves() {
        let root = tempfile::tempdir().expect("directory");
        let home = Arc::new(PrivateDirectory::create(root.path(), ".home-").expect("created"));
        let (first, second) = (Draft::create_in(&home, 0o644), Draft::create_in(&home, 0o644));
        drop(first.expect("created"));
        second.expect("created").publish(&root.path().join("file"), Existing::Keep).expect("published");
        assert_eq!(names(home.path()), [MARKER]);
        drop(home);
        assert_eq!(names(root.path()), ["file"]);
    }

    #[test]
    fn many_writers_and_sweepers_do_not_lose_a_file() {
        let root = tempfile::tempdir().expect("directory");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let root = root.path();
                scope.spawn(move || {
                    for round in 0..50 {
                        sweep(root, ".draft-");
                        let mut draft = Draft::create(root, ".draft-", 0o644).expect("created");
                        draft.write_all(b"whole").expect("written");
                        draft.place(&root.join(format!("{writer}-{round}")), Existing::Keep).expect("placed");
                    }
                });
            }
        });
        let found = names(root.path());
        assert_eq!(found.len(), 200);
        assert!(found.iter().all(|name| fs::read(root.path().join(name)).expect("read") == b"whole"));
    }
}
