//! `Walk`: the way to a file, and who may change it: its owner and mode, and those of every directory above.
//!
//! A file that nobody else may write is still theirs when they may write a directory on the way to it:
//! they put another one in its place. So the way is walked from the root, step by step, links by hand,
//! and each thing on it is judged by the descriptor that the next step starts from. What is opened at the
//! end is what was judged, whatever the path leads to a moment later.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Dir, DirEntry, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::access::{Insecure, Part, Rule, Weakness};
use crate::small::{Links, READ_WITHOUT_WAITING, SmallFileError, read_of_size};

/// How many links may stand on one way: as many as the kernel follows.
const MAX_LINKS: usize = 40;
/// To look at and to go on from, without the right to read.
const PASS: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Where a walk arrived.
#[derive(Debug)]
pub enum Arrival {
    /// At a directory.
    Directory(Place),
    /// At something else, which has that name in a directory.
    Other(Place, OsString, FileType),
    /// At a link that was not to be followed, or beside a file that was taken for a directory.
    NoWay,
    /// Nowhere: this is the last directory on the way that exists.
    Missing(Place),
}

/// An open directory, and the path that led to it without a link.
#[derive(Debug)]
pub struct Place {
    directory: OwnedFd,
    path: PathBuf,
}

/// Ways that are walked, and what was found on them. Ask [`Walk::finish`] before anything is believed.
#[derive(Debug)]
pub struct Walk {
    weaknesses: Vec<Weakness>,
    rule: Rule,
    /// Paths below it are named from there, as whoever gave a relative path would.
    current: Option<PathBuf>,
}

impl Default for Walk {
    fn default() -> Self {
        Self { weaknesses: Vec::new(), rule: Rule::for_this_user(), current: None }
    }
}

impl Walk {
    /// Walks to `path` from the root, or for a relative path from the root to the current directory and on.
    ///
    /// # Errors
    /// `InvalidInput` for an empty path, and those of opening, too many links among them. What is insecure
    /// is no error yet.
    pub fn to(&mut self, path: &Path, links: Links) -> io::Result<Arrival> {
        self.start(path, links, None)
    }

    /// As [`Walk::to`], and makes the directories that are missing; `mode` is narrowed by the umask. Nothing
    /// is made below what is insecure: there the walk arrives at [`Arrival::Missing`].
    ///
    /// # Errors
    /// As [`Walk::to`], and those of making.
    pub fn make(&mut self, path: &Path, links: Links, mode: u32) -> io::Result<Arrival> {
        self.start(path, links, Some(Mode::from_raw_mode(mode)))
    }

    /// Walks on from `place` to the directory `name` in it, which may be a link to one.
    ///
    /// # Errors
    /// As [`Walk::to`].
    pub fn enter(&mut self, place: &Place, name: &OsStr) -> io::Result<Arrival> {
        self.go(place.again()?, Path::new(name), Links::Followed, None)
    }

    /// Opens the regular file that `name` in `place` is, or is a link to, without ever waiting for a writer.
    ///
    /// # Errors
    /// [`SmallFileError::NotAFile`] for what is no regular file, and those of opening.
    pub fn open_file(&mut self, place: &Place, name: &OsStr) -> Result<File, SmallFileError> {
        Ok(self.open_judged(place, name)?.0)
    }

    /// As [`Walk::open_file`], and reads it whole; one of more than `max_bytes` is refused.
    ///
    /// # Errors
    /// As [`Walk::open_file`] and [`crate::read_open`].
    pub fn read_file(&mut self, place: &Place, name: &OsStr, max_bytes: u64) -> Result<Vec<u8>, SmallFileError> {
        let (file, found) = self.open_judged(place, name)?;
        read_of_size(file, u64::try_from(found.st_size).unwrap_or(u64::MAX), max_bytes)
    }

    /// Opens the socket that `name` in `place` is, and no link to one: to be connected to by its descriptor, in `/proc`.
    ///
    /// # Errors
    /// [`SmallFileError::NotAFile`] for what is no socket, and those of opening.
    pub fn open_socket(&mut self, place: &Place, name: &OsStr) -> Result<OwnedFd, SmallFileError> {
        let opened = rustix::fs::openat(place, name, PASS, Mode::empty()).map_err(io::Error::from)?;
        let found = rustix::fs::fstat(&opened).map_err(io::Error::from)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Socket => self.judge(&opened, &found, || place.below(name), Part::End)?,
            _ => return Err(SmallFileError::NotAFile),
        }
        Ok(opened)
    }

    fn open_judged(&mut self, place: &Place, name: &OsStr) -> Result<(File, Stat), SmallFileError> {
        // What is no link is judged by the descriptor alone. Whatever it is else goes the long way.
        let is_in_place = !matches!(name.as_bytes(), b"" | b"." | b"..") && !name.as_bytes().contains(&b'/');
        if is_in_place && let Ok(opened) = self.open_regular(place, name) {
            return Ok(opened);
        }
        match self.go(place.again()?, Path::new(name), Links::Followed, None)? {
            Arrival::Other(parent, name, FileType::RegularFile) => self.open_regular(&parent, &name),
            Arrival::Missing(_) => Err(io::Error::from(io::ErrorKind::NotFound).into()),
            Arrival::Other(..) | Arrival::Directory(_) | Arrival::NoWay => Err(SmallFileError::NotAFile),
        }
    }

    /// Judges something that is open already, alone.
    ///
    /// # Errors
    /// Those of looking at it.
    pub fn judge_open(&mut self, opened: impl AsFd, path: &Path) -> io::Result<Stat> {
        let found = rustix::fs::fstat(&opened)?;
        self.judge(opened, &found, || path.to_owned(), Part::End)?;
        Ok(found)
    }

    /// Whether nobody else may change what is open, of which `found` was stated. It is no part of the walk: many are asked
    /// about at once, by whoever names the first that is not.
    ///
    /// # Errors
    /// Those of looking at it.
    pub fn holds(&self, opened: impl AsFd, found: &Stat) -> io::Result<bool> {
        Ok(self.rule.judge(opened, found, PathBuf::new, Part::End)?.is_none())
    }

    /// A walk of the same beginning that has found nothing yet, for work side by side.
    #[must_use]
    pub fn branch(&self) -> Self {
        Self { weaknesses: Vec::new(), rule: self.rule.clone(), current: self.current.clone() }
    }

    /// Takes in what a branch has found.
    pub fn join(&mut self, branch: Self) {
        branch.weaknesses.into_iter().for_each(|weakness| self.note(weakness));
    }

    /// Ends the walk: all of it was secure, or this was not.
    ///
    /// # Errors
    /// Everything that somebody else may change.
    pub fn finish(self) -> Result<(), Insecure> {
        self.rule.conclude(self.weaknesses)
    }

    fn start(&mut self, path: &Path, links: Links, made: Option<Mode>) -> io::Result<Arrival> {
        if path.is_relative() {
            self.current = Some(std::env::current_dir()?);
        }
        let root = Place { directory: rustix::fs::open("/", PASS, Mode::empty())?, path: "/".into() };
        self.go(root, &std::path::absolute(path)?, links, made)
    }

    fn go(&mut self, start: Place, path: &Path, links: Links, made: Option<Mode>) -> io::Result<Arrival> {
        let (mut here, mut rest, mut followed) = (start, steps(path), 0);
        while let Some(name) = rest.pop() {
            let part = if rest.is_empty() { Part::End } else { Part::Above };
            let opened = match self.step(&here, &name, made) {
                Err(Errno::NOENT) => return Ok(Arrival::Missing(here)),
                Err(Errno::NOTDIR) => return Ok(Arrival::NoWay),
                opened => opened?,
            };
            let found = rustix::fs::fstat(&opened)?;
            let path = here.below(&name);
            match (FileType::from_raw_mode(found.st_mode), part) {
                (FileType::Directory, _) => {
                    self.judge(&opened, &found, || path.clone(), part)?;
                    here = Place { directory: opened, path };
                }
                (FileType::Symlink, Part::End) if links == Links::Refused => return Ok(Arrival::NoWay),
                (FileType::Symlink, _) if followed == MAX_LINKS => return Err(Errno::LOOP.into()),
                (FileType::Symlink, _) => {
                    self.judge(&opened, &found, || path.clone(), Part::Link)?;
                    followed += 1;
                    rest.extend(steps(&target(&opened)?));
                }
                (kind, Part::End) => return Ok(Arrival::Other(here, name, kind)),
                (_, Part::Above | Part::Link) => return Ok(Arrival::NoWay),
            }
        }
        Ok(Arrival::Directory(here))
    }

    fn step(&self, here: &Place, name: &OsStr, made: Option<Mode>) -> rustix::io::Result<OwnedFd> {
        let open = || rustix::fs::openat(here, name, PASS, Mode::empty());
        match (open(), made) {
            (Err(Errno::NOENT), Some(mode)) if self.weaknesses.is_empty() => {
                match rustix::fs::mkdirat(here, name, mode) {
                    // What another process made meanwhile is judged as everything is.
                    Ok(()) | Err(Errno::EXIST) => open(),
                    Err(error) => Err(error),
                }
            }
            (opened, _) => opened,
        }
    }

    /// What is read is what is judged: the descriptor, which another file may have got meanwhile.
    fn open_regular(&mut self, parent: &Place, name: &OsStr) -> Result<(File, Stat), SmallFileError> {
        let flags = READ_WITHOUT_WAITING.union(OFlags::NOFOLLOW);
        let opened = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(io::Error::from)?;
        let file = File::from(opened);
        let found = rustix::fs::fstat(&file).map_err(io::Error::from)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => self.judge(&file, &found, || parent.below(name), Part::End)?,
            _ => return Err(SmallFileError::NotAFile),
        }
        Ok((file, found))
    }

    fn named<'a>(&self, path: &'a Path) -> &'a Path {
        match self.current.as_ref().and_then(|current| path.strip_prefix(current).ok()) {
            Some(below) if below.as_os_str().is_empty() => Path::new("."),
            below => below.unwrap_or(path),
        }
    }

    /// `path` is asked for only where there is something to say of it: a thousand keys are judged one by one.
    fn judge(&mut self, opened: impl AsFd, found: &Stat, path: impl FnOnce() -> PathBuf, part: Part) -> io::Result<()> {
        let weakness = self.rule.judge(opened, found, || self.named(&path()).to_owned(), part)?;
        weakness.into_iter().for_each(|weakness| self.note(weakness));
        Ok(())
    }

    fn note(&mut self, weakness: Weakness) {
        if !self.weaknesses.iter().any(|known| known.repeats(&weakness)) {
            self.weaknesses.push(weakness);
        }
    }
}

impl Place {
    /// Where it is, with no link on the way.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it to list it, to lock it or to work in it.
    ///
    /// # Errors
    /// Those of opening.
    pub fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.directory, ".", flags, Mode::empty())?)
    }

    /// The names in it, in no order.
    ///
    /// # Errors
    /// Those of opening and listing.
    pub fn names(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
        let name = |entry: DirEntry| OsString::from_vec(entry.file_name().to_bytes().to_vec());
        let entries = Dir::new(self.open()?)?.map(move |entry| Ok(entry.map(name)?));
        Ok(entries.filter(|name| !name.as_ref().is_ok_and(|name| name == "." || name == "..")))
    }

    fn again(&self) -> io::Result<Self> {
        Ok(Self { directory: self.directory.try_clone()?, path: self.path.clone() })
    }

    fn below(&self, name: &OsStr) -> PathBuf {
        match name == ".." {
            true => self.path.parent().unwrap_or(&self.path).to_owned(),
            false => self.path.join(name),
        }
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// The names to open one after the other, the last one first; `/` leads to the root from everywhere.
fn steps(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter(|component| *component != Component::CurDir);
    names.map(|component| component.as_os_str().to_owned()).collect()
}

fn target(link: &OwnedFd) -> io::Result<PathBuf> {
    let target = rustix::fs::readlinkat(link, "", Vec::new())?;
    Ok(OsString::from_vec(target.into_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Flaw;
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    const STRANGER: u32 = 12_345;

    /// A directory in which everything is as it should be, and `change` to it.
    fn found_at(path: &str, change: impl Fn(&Path)) -> Vec<(String, Flaw)> {
        let root = tempfile::tempdir().expect("a directory");
        let top = root.path().canonicalize().expect("a path");
        fs::create_dir_all(top.join("above/keys")).expect("made");
        fs::write(top.join("above/keys/a.pem"), "key").expect("written");
        change(&top);
        let mut walk = Walk::default();
        walk.to(&top.join(path), Links::Followed).expect("walked");
        weaknesses(walk, &top)
    }

    fn weaknesses(walk: Walk, top: &Path) -> Vec<(String, Flaw)> {
        let found = walk.finish().err().map(|insecure| insecure.weaknesses).unwrap_or_default();
        let shown = |path: &Path| path.strip_prefix(top).unwrap_or(path).display().to_string();
        found.iter().map(|weakness| (shown(&weakness.path), weakness.flaw)).collect()
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    fn writable(paths: &[&str]) -> Vec<(String, Flaw)> {
        paths.iter().map(|path| ((*path).to_owned(), Flaw::WritableByAll)).collect()
    }

    #[test]
    fn what_only_its_owner_and_a_group_may_write_is_secure() {
        for mode in [0o700, 0o755, 0o750, 0o770, 0o775, 0o2775] {
            let found = found_at("above/keys/a.pem", |top| {
                set_mode(&top.join("above"), mode);
                set_mode(&top.join("above/keys"), mode);
                set_mode(&top.join("above/keys/a.pem"), 0o664);
            });
            assert_eq!(found, [], "{mode:o}");
        }
    }

    #[test]
    fn every_thing_on_the_way_that_everybody_may_write_is_named() {
        let found = found_at("above/keys/a.pem", |top| {
            set_mode(&top.join("above"), 0o777);
            set_mode(&top.join("above/keys"), 0o757);
        });
        assert_eq!(found, writable(&["above", "above/keys"]));
        let found = found_at("above/keys", |top| set_mode(&top.join("above/keys"), 0o1777));
        assert_eq!(found, writable(&["above/keys"]), "the end of a way is no place to share");
    }

    #[test]
    fn what_an_access_list_opens_to_another_user_is_named() {
        // The owner, a named user, the group, the mask, the others: rights 6, 6, 4, 6 and 4.
        let list = b"\x02\0\0\0\x01\0\x06\0\xff\xff\xff\xff\x02\0\x06\0\x39\x30\0\0\x04\0\x04\0\xff\xff\xff\xff\
            \x10\0\x06\0\xff\xff\xff\xff\x20\0\x04\0\xff\xff\xff\xff";
        let has_lists = Cell::new(true);
        let found = found_at("above/keys", |top| {
            let flags = rustix::fs::XattrFlags::empty();
            match rustix::fs::setxattr(top.join("above"), "system.posix_acl_access", list, flags) {
                Err(Errno::OPNOTSUPP) => has_lists.set(false),
                set => set.expect("set"),
            }
        });
        if !has_lists.get() {
            eprintln!("SKIPPED: no access lists on this file system");
            return;
        }
        assert_eq!(found, [("above".to_owned(), Flaw::WritableBy(STRANGER))]);
    }

    #[test]
    fn a_file_is_judged_by_the_descriptor_that_is_read() {
        let root = tempfile::tempdir().expect("a directory");
        for (mode, is_named) in [(0o644, false), (0o664, false), (0o666, true), (0o602, true)] {
            fs::write(root.path().join("a.pem"), "key").expect("written");
            set_mode(&root.path().join("a.pem"), mode);
            let mut walk = Walk::default();
            let Ok(Arrival::Directory(place)) = walk.to(root.path(), Links::Refused) else { panic!("a directory") };
            walk.open_file(&place, OsStr::new("a.pem")).expect("opened");
            assert_eq!(!weaknesses(walk, place.path()).is_empty(), is_named, "{mode:o}");
        }
    }

    #[test]
    fn a_link_leads_to_the_way_to_its_target() {
        for target in ["open/real", "../links/open/real", "ABSOLUTE"] {
            let found = found_at("links/a", |top| {
                fs::create_dir_all(top.join("links/open/real")).expect("made");
                set_mode(&top.join("links/open"), 0o777);
                let absolute = top.join("links/open/real");
                let target = if target == "ABSOLUTE" { absolute.as_path() } else { Path::new(target) };
                symlink(target, top.join("links/a")).expect("linked");
            });
            assert_eq!(found, writable(&["links/open"]), "{target}");
        }
    }

    #[test]
    fn as_many_links_as_the_kernel_follows_are_followed() {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("0")).expect("made");
        for link in 1..=41 {
            symlink((link - 1).to_string(), root.path().join(link.to_string())).expect("linked");
        }
        symlink("loop", root.path().join("loop")).expect("linked");
        for (name, is_reached) in [("39", true), ("40", true), ("41", false), ("loop", false)] {
            let arrived = Walk::default().to(&root.path().join(name), Links::Followed);
            assert_eq!(matches!(arrived, Ok(Arrival::Directory(_))), is_reached, "{name}: {arrived:?}");
        }
    }

    #[test]
    fn what_is_not_there_or_no_way_is_told_apart() {
        let root = tempfile::tempdir().expect("a directory");
        fs::write(root.path().join("file"), "").expect("written");
        symlink(root.path(), root.path().join("link")).expect("linked");
        let arrive = |name: &str| Walk::default().to(&root.path().join(name), Links::Refused).expect("walked");
        assert!(matches!(arrive("absent/below"), Arrival::Missing(above) if above.path() == root.path()));
        assert!(matches!(arrive("file"), Arrival::Other(..)));
        for name in ["file/below", "link", "link/"] {
            assert!(matches!(arrive(name), Arrival::NoWay), "{name}");
        }
        assert!(matches!(arrive("link/absent"), Arrival::Missing(_)), "only the last link is refused");
    }

    #[test]
    fn what_is_missing_is_made_and_nothing_below_what_others_can_change() {
        let root = tempfile::tempdir().expect("a directory");
        let make = |name: &str| {
            let mut walk = Walk::default();
            let arrival = walk.make(&root.path().join(name), Links::Refused, 0o750).expect("walked");
            (matches!(arrival, Arrival::Directory(_)), walk.finish().is_ok())
        };
        assert_eq!(make("a/b"), (true, true));
        let mode = root.path().join("a/b").metadata().expect("made").permissions().mode();
        assert_eq!(mode & 0o7027, 0, "{mode:o}");
        symlink(root.path().join("victim"), root.path().join("link")).expect("linked");
        assert_eq!(make("link"), (false, true), "a link at the end is refused, though it leads nowhere");
        set_mode(&root.path().join("a"), 0o777);
        assert_eq!(make("a/c/d"), (false, false));
        assert!(!root.path().join("a/c").exists() && !root.path().join("victim").exists());
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting() {
        let root = tempfile::tempdir().expect("a directory");
        let fifo = root.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
        symlink("fifo", root.path().join("link")).expect("linked");
        symlink("nowhere", root.path().join("dangling")).expect("linked");
        let mut walk = Walk::default();
        let Ok(Arrival::Directory(place)) = walk.to(root.path(), Links::Refused) else { panic!("a directory") };
        for (name, is_absent) in [("fifo", false), ("link", false), ("..", false), ("dangling", true), ("absent", true)]
        {
            let error = walk.open_file(&place, OsStr::new(name)).expect_err(name);
            assert_eq!(error.is_absent(), is_absent, "{name}: {error}");
            assert_eq!(matches!(error, SmallFileError::NotAFile), !is_absent, "{name}: {error}");
        }
        let names: io::Result<std::collections::BTreeSet<OsString>> = place.names().expect("open").collect();
        assert!(names.expect("listed").iter().eq(["dangling", "fifo", "link"]), "and not `.` and `..`");
    }

    #[test]
    fn what_belongs_to_a_stranger_is_named_and_a_shared_directory_only_when_it_is_roots() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: only root gives files away");
            return;
        }
        let give = |path: &Path| chown(path, Some(STRANGER), None).expect("given");
        let foreign = |path: &str| vec![(path.to_owned(), Flaw::ForeignOwner)];
        assert_eq!(found_at("above/keys", |top| give(&top.join("above"))), foreign("above"));
        assert_eq!(found_at("above/keys", |top| give(&top.join("above/keys"))), foreign("above/keys"));
        let linked = found_at("link", |top| {
            symlink("above/keys", top.join("link")).expect("linked");
            std::os::unix::fs::lchown(top.join("link"), Some(STRANGER), None).expect("given");
        });
        assert_eq!(linked, foreign("link"), "its owner can make it lead elsewhere");
        let share = |top: &Path| set_mode(&top.join("above"), 0o1777);
        assert_eq!(found_at("above/keys", share), []);
        let shared_by_a_stranger = |top: &Path| {
            share(top);
            give(&top.join("above"));
        };
        assert_eq!(found_at("above/keys", shared_by_a_stranger), foreign("above"));
    }
}
