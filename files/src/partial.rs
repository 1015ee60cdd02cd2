//! `PartialDirectory`: where what is on its way stays when the process that fetches it is gone, so that the next
//! one goes on from there.
//!
//! A directory of this user alone (0700) beside what is made, and in it one file (0600) for each thing, known by
//! its name and by how it begins: a head of fixed length in which its user notes how far it is, and behind it the
//! content. Whoever uses one holds its lock. What is in it is believed by nobody: its user hashes it. Nothing
//! here waits, and what cannot be proved to be ours is neither used nor removed.

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::listing::entries_of;

/// The directory's name. Hosts and listings pass over it, as over everything that begins with a dot.
pub const PARTIALS: &str = ".aisoc-partials";
/// How the name of every file in it ends.
const SUFFIX: &str = ".partial";
/// How every file begins: what proves that we wrote it.
const MAGIC: &[u8] = b"aisoc partial 1\n";
/// Where the content begins: one page, so that a note is written in one piece.
const HEAD_BYTES: u64 = 4096;
/// Longest note of how far it is.
const MAX_NOTE_BYTES: usize = 512;
/// Most files that stay; the oldest that nobody holds goes for a new one.
const MAX_PARTIALS: usize = 16;
/// Most bytes that stay in all: what a broken line may fill of a disk.
const MAX_PARTIALS_BYTES: u64 = 8 << 30;
/// Most names that are looked at in the directory.
const MAX_NAMES: usize = 1_000;
/// How often the directory may be removed by another process, which found it empty, before it is entered.
const ROUNDS: usize = 16;
const OPEN: OFlags =
    OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The directory of what is on its way, in one that need not have it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialDirectory {
    path: PathBuf,
    /// Whether the directories above it are made, too, when something is kept.
    makes_parents: bool,
}

/// One thing that is on its way, locked.
#[derive(Debug)]
pub struct Partial {
    file: File,
    directory: OwnedFd,
    name: String,
    path: PathBuf,
}

impl PartialDirectory {
    /// The one in `parent`. Nothing is made before something is kept.
    pub fn in_directory(parent: &Path) -> Self {
        Self { path: parent.join(PARTIALS), makes_parents: false }
    }

    /// The one in `parent`, which is this user's and need not be there yet: it is made, for this user alone, when
    /// something is kept.
    pub fn of_user(parent: &Path) -> Self {
        Self { makes_parents: true, ..Self::in_directory(parent) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The thing of that name, locked, as an earlier process left it, or new; `None` while another process has it. Room is
    /// made for `bytes`, all that may come to be in it: the oldest others go.
    ///
    /// # Errors
    /// `InvalidInput` for a name with other characters than lower-case letters, digits and `-`, and for a file or a
    /// directory that is not this user's alone; `FileTooLarge` for more than may be kept; those of opening.
    pub fn open(&self, name: &str, bytes: u64) -> io::Result<Option<Partial>> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a part"));
        }
        if bytes > MAX_PARTIALS_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("it is more than {MAX_PARTIALS_BYTES} bytes"),
            ));
        }
        let name = format!("{name}{SUFFIX}");
        for _ in 0..ROUNDS {
            let directory = self.make()?;
            let file = match make_or_open(&directory, &name) {
                Err(Errno::NOENT) => continue,
                opened => File::from(opened?),
            };
            require_ours(&file)?;
            if !lock(&file)? {
                return Ok(None);
            }
            let partial = Partial { path: self.path.join(&name), file, directory, name: name.clone() };
            // Whoever held it before may have removed it meanwhile.
            if partial.is_at_its_name()? {
                self.make_room(&partial, bytes);
                return Ok(Some(partial));
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "it comes and goes"))
    }

    /// What stays and nobody holds, each of it locked, with the time of its last change; of others and of what is
    /// no part nothing is said.
    ///
    /// # Errors
    /// Those of listing; a directory that is absent, or not this user's alone, has none.
    pub fn abandoned(&self) -> io::Result<Vec<Partial>> {
        let directory = match rustix::fs::open(&self.path, DIRECTORY, Mode::empty()) {
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return Ok(Vec::new()),
            opened => opened?,
        };
        if require_private(&directory).is_err() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for entry in entries_of(&directory, MAX_NAMES)? {
            let Some(name) = entry.name.to_str().filter(|name| name.ends_with(SUFFIX)) else { continue };
            let Ok(file) = rustix::fs::openat(&directory, name, OPEN, Mode::empty()) else { continue };
            let file = File::from(file);
            let is_part = require_ours(&file).is_ok() && lock(&file).unwrap_or(false) && begins_as_ours(&file)?;
            if is_part {
                let directory = directory.try_clone()?;
                found.push(Partial { path: self.path.join(name), file, directory, name: name.to_owned() });
            }
        }
        Ok(found)
    }

    /// Removes the directory if nothing is in it any more. Nothing happens where there is none.
    pub fn remove_if_empty(&self) {
        // What is not empty stays, and so does what is somebody else's.
        let _ = rustix::fs::unlinkat(rustix::fs::CWD, &self.path, AtFlags::REMOVEDIR);
    }

    fn make(&self) -> io::Result<OwnedFd> {
        if let Some(parent) = self.path.parent().filter(|_| self.makes_parents) {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        for _ in 0..ROUNDS {
            match rustix::fs::mkdirat(rustix::fs::CWD, &self.path, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            match rustix::fs::open(&self.path, DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT) => {}
                opened => {
                    let directory = opened?;
                    return require_private(&directory).map(|()| directory);
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "it comes and goes"))
    }

    /// Removes the oldest that nobody holds until there is room. What is held stays, and ends by itself.
    fn make_room(&self, but: &Partial, bytes: u64) {
        let mut others: Vec<(SystemTime, u64, Partial)> = self
            .abandoned()
            .unwrap_or_default()
            .into_iter()
            .filter(|other| other.name != but.name)
            .filter_map(|other| Some((other.file.metadata().ok()?.modified().ok()?, other.disk_bytes(), other)))
            .collect();
        others.sort_by_key(|(changed, ..)| *changed);
        let mut held = others.iter().fold(bytes, |sum: u64, (_, bytes, _)| sum.saturating_add(*bytes));
        let mut count = others.len() + 1;
        for (_, bytes, other) in others {
            if count <= MAX_PARTIALS && held <= MAX_PARTIALS_BYTES {
                return;
            }
            if other.remove().is_ok() {
                (count, held) = (count - 1, held.saturating_sub(bytes));
            }
        }
    }
}

impl Partial {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How much it is on the disk, with its head.
    pub fn disk_bytes(&self) -> u64 {
        self.file.metadata().map_or(0, |found| found.len())
    }

    /// How many bytes of content are in it, noted or not.
    ///
    /// # Errors
    /// Those of asking.
    pub fn content_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len().saturating_sub(HEAD_BYTES))
    }

    /// What its user noted last. Nothing in a new one, and in one whose head is none of ours.
    ///
    /// # Errors
    /// Those of reading.
    pub fn note(&self) -> io::Result<Option<String>> {
        let mut head = vec![0; MAGIC.len() + MAX_NOTE_BYTES];
        let mut filled = 0;
        while filled < head.len() {
            match self.file.read_at(&mut head[filled..], filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let note = head[..filled].strip_prefix(MAGIC).and_then(|rest| rest.split(|byte| *byte == 0).next());
        Ok(note.and_then(|note| std::str::from_utf8(note).ok()).map(str::to_owned).filter(|note| !note.is_empty()))
    }

    /// Notes how far it is, in place of what was noted before.
    ///
    /// # Errors
    /// `InvalidInput` for a note that is too long or holds a zero byte, and those of writing.
    pub fn write_note(&self, note: &str) -> io::Result<()> {
        if note.len() > MAX_NOTE_BYTES || note.contains('\0') {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no note of a part"));
        }
        let mut head = vec![0; MAGIC.len() + MAX_NOTE_BYTES];
        head[..MAGIC.len()].copy_from_slice(MAGIC);
        head[MAGIC.len()..MAGIC.len() + note.len()].copy_from_slice(note.as_bytes());
        self.file.write_all_at(&head, 0)
    }

    /// Another handle of the file, and where its content begins in it.
    ///
    /// # Errors
    /// Those of duplicating a descriptor.
    pub fn content(&self) -> io::Result<(File, u64)> {
        Ok((self.file.try_clone()?, HEAD_BYTES))
    }

    /// Writes content at that place.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, HEAD_BYTES + at)
    }

    /// Keeps so many bytes of its content.
    ///
    /// # Errors
    /// Those of truncating.
    pub fn truncate(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(HEAD_BYTES + bytes)
    }

    /// Removes it, and its directory if it was the last there.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove(self) -> io::Result<()> {
        // Held until the file is closed: what stands at the name now is this file, or nothing.
        if self.is_at_its_name()? {
            rustix::fs::unlinkat(&self.directory, self.name.as_str(), AtFlags::empty())?;
        }
        if let Some(directory) = self.path.parent() {
            PartialDirectory { path: directory.to_owned(), makes_parents: false }.remove_if_empty();
        }
        Ok(())
    }

    fn is_at_its_name(&self) -> io::Result<bool> {
        let held = self.file.metadata()?;
        match rustix::fs::statat(&self.directory, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok((found.st_dev, found.st_ino) == (held.dev(), held.ino())),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The file of that name. A new one has its beginning before it has its name, so that a process that is killed leaves
/// none of which nobody can say whose it is; only where the file system has no files without a name, it may.
fn make_or_open(directory: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    let private = Mode::RUSR | Mode::WUSR;
    let open = |flags| rustix::fs::openat(directory, name, OPEN | flags, private);
    match open(OFlags::empty()) {
        Err(Errno::NOENT) => {}
        opened => return opened,
    }
    let Ok(file) = rustix::fs::openat(directory, ".", OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC, private) else {
        return open(OFlags::CREATE);
    };
    rustix::io::pwrite(&file, MAGIC, 0)?;
    // What it is known by while it has no name (open(2), `O_TMPFILE`).
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    match rustix::fs::linkat(rustix::fs::CWD, unnamed, directory, name, AtFlags::SYMLINK_FOLLOW) {
        Ok(()) => Ok(file),
        // Another process was quicker; or there is no `/proc`.
        Err(_) => open(OFlags::CREATE),
    }
}

/// A lock that is not waited for. Where the file system has none, nothing is shared with a second process.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn begins_as_ours(file: &File) -> io::Result<bool> {
    let mut begin = [0; MAGIC.len()];
    match file.read_exact_at(&mut begin, 0) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        read => read.map(|()| begin == *MAGIC),
    }
}

fn require_private(directory: impl AsFd) -> io::Result<()> {
    let found = rustix::fs::fstat(directory)?;
    match found.st_uid == rustix::process::geteuid().as_raw() && found.st_mode & 0o077 == 0 {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "its directory is not this user's alone")),
    }
}

/// A regular file of this user, which nobody else may open, with one name. One that is new is all of that.
fn require_ours(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    let is_ours = found.is_file()
        && found.uid() == rustix::process::geteuid().as_raw()
        && found.nlink() <= 1
        && found.mode() & 0o077 == 0;
    match is_ours {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file of this user alone, with one name")),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what others leave in the place of a part")]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn place() -> (tempfile::TempDir, PartialDirectory) {
        let parent = tempfile::tempdir().expect("a directory");
        let partials = PartialDirectory::in_directory(parent.path());
        (parent, partials)
    }

    fn opened(partials: &PartialDirectory, name: &str, bytes: u64) -> Partial {
        partials.open(name, bytes).expect("opened").expect("free")
    }

    #[test]
    fn what_was_noted_is_there_for_the_next_and_for_this_user_alone() {
        let (parent, partials) = place();
        let partial = opened(&partials, "sha256-aa", 10);
        assert_eq!(partial.note().expect("read"), None);
        partial.write_at(b"hello", 0).expect("written");
        partial.write_note("5 of 10").expect("noted");
        assert!(partials.open("sha256-aa", 10).expect("asked").is_none(), "another has it");
        assert!(partials.abandoned().expect("listed").is_empty(), "it is held");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(partials.path()), mode(partial.path())), (0o700, 0o600));
        drop(partial);
        let partial = opened(&partials, "sha256-aa", 10);
        assert_eq!(
            (partial.note().expect("read").as_deref(), partial.content_bytes().expect("asked")),
            (Some("5 of 10"), 5)
        );
        partial.truncate(3).expect("cut");
        assert_eq!(partial.content_bytes().expect("asked"), 3);
        partial.remove().expect("removed");
        assert_eq!(fs::read_dir(parent.path()).expect("listed").count(), 0, "and its directory with it");
    }

    #[test]
    fn the_directory_of_a_user_is_made_with_those_above_it_once_something_is_kept() {
        let parent = tempfile::tempdir().expect("a directory");
        let state = parent.path().join("state/aisoc");
        let partials = PartialDirectory::of_user(&state);
        assert!(!state.exists() && partials.abandoned().expect("listed").is_empty());
        let partial = opened(&partials, "n", 1);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&state), mode(partials.path())), (0o700, 0o700));
        partial.remove().expect("removed");
        assert!(state.exists() && !partials.path().exists());
    }

    #[test]
    fn what_is_not_this_users_alone_is_neither_used_nor_removed() {
        let (parent, partials) = place();
        drop(opened(&partials, "first", 1));
        let path = partials.path().join("aa.partial");
        let victim = parent.path().join("victim");
        fs::write(&victim, "mine").expect("written");
        fs::set_permissions(&victim, Permissions::from_mode(0o600)).expect("set");
        let refused = |what: &str| {
            partials.open("aa", 1).expect_err(what);
            let left = partials.abandoned().expect("listed");
            assert!(left.iter().all(|left| left.name != "aa.partial"), "{what}");
            assert_eq!(fs::read(&victim).expect("read"), b"mine", "{what}");
        };
        symlink(&victim, &path).expect("linked");
        refused("a link");
        fs::remove_file(&path).expect("removed");
        fs::hard_link(&victim, &path).expect("linked");
        refused("a second name");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "x").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        refused("one that others read");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("set");
        // Only root can give a file away; for anybody else there is nothing to try.
        if chown(&path, Some(65534), None).is_ok() {
            refused("another user's");
        }
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("made");
        refused("a directory");
        fs::set_permissions(partials.path(), Permissions::from_mode(0o755)).expect("set");
        partials.open("bb", 1).expect_err("a directory that others list");
        fs::remove_dir_all(partials.path()).expect("removed");
        symlink(parent.path(), partials.path()).expect("linked");
        partials.open("bb", 1).expect_err("a link in the directory's place");
        for name in ["", "../x", "a/b", "A", "a.b"] {
            partials.open(name, 1).expect_err(name);
        }
    }

    #[test]
    fn only_so_many_stay_and_the_oldest_goes() {
        let (_parent, partials) = place();
        for number in 0..MAX_PARTIALS + 1 {
            let partial = opened(&partials, &format!("n-{number}"), 1);
            partial.write_note("x").expect("noted");
            let age = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
            partial.file.set_modified(age).expect("set");
        }
        let names = || {
            let mut names: Vec<_> = partials.abandoned().expect("listed").into_iter().map(|found| found.name).collect();
            names.sort();
            names
        };
        assert_eq!(names().len(), MAX_PARTIALS);
        assert!(!names().contains(&"n-0.partial".to_owned()), "the oldest");
        partials.open("n-1", MAX_PARTIALS_BYTES + 1).expect_err("more than may stay");
        drop(opened(&partials, "n-1", MAX_PARTIALS_BYTES));
        assert_eq!(names(), ["n-1.partial"], "it needs all of the room");
    }

    #[test]
    fn one_that_was_just_made_is_known_as_ours_before_anything_is_noted() {
        let (_parent, partials) = place();
        let partial = opened(&partials, "new", 1);
        let path = partial.path().to_owned();
        assert!(begins_as_ours(&partial.file).expect("read") && partial.note().expect("read").is_none());
        // As a kill leaves it.
        drop(partial);
        let found = partials.abandoned().expect("listed").pop().expect("found");
        found.remove().expect("removed");
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_part_of_ours_is_not_found_among_them() {
        let (_parent, partials) = place();
        let empty = opened(&partials, "empty", 1);
        File::options().write(true).open(empty.path()).expect("opened").set_len(0).expect("emptied");
        drop(empty);
        let strange = partials.path().join("strange.partial");
        fs::write(&strange, [MAGIC, b"x"].concat()).expect("written");
        fs::set_permissions(&strange, Permissions::from_mode(0o600)).expect("set");
        fs::write(partials.path().join("photo"), "x").expect("written");
        let found: Vec<_> = partials.abandoned().expect("listed").into_iter().map(|found| found.name).collect();
        assert_eq!(found, ["strange.partial"], "one without our head may be anybody's");
    }
}
