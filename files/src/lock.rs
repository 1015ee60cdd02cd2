//! A lock file: one writer at a time, across processes, and no waiting without an end.
//!
//! Whoever can open a file can lock it, for reading too. So a lock file is open to those alone who may
//! write the directory that it guards: nobody else can keep the writers out.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::holder::{holder, write_holder};

/// How long to wait before the next look.
const PAUSE: Duration = Duration::from_millis(20);
/// What is changed under a lock is a rename or one small file: who waits longer waits for something else.
const USUAL_WAIT: Duration = Duration::from_secs(1);
/// How often a lock may come and go while it is opened.
const MAX_ROUNDS: u32 = 1_000;
const OPEN: OFlags =
    OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// To share a lock nobody has to be able to write it.
const SHARE: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// What its group may do with a directory. That everybody may write it too, opens the lock to nobody: who holds a
/// lock keeps the others out, and says in it who they wait for.
const WRITABLE_BY_GROUP: u32 = 0o020;

/// Opens the lock file `name` in `directory`, made when it is missing. It may be opened by those who may
/// write the directory `guarded`; a file of ours that more may open is tightened.
///
/// # Errors
/// `InvalidInput` when something else than a file with one name stands there, and those of opening.
pub fn open_lock(directory: impl AsFd, name: &str, guarded: impl AsFd) -> io::Result<File> {
    let file = open_or_create(&directory, name)?;
    let found = rustix::fs::fstat(&file)?;
    require_lock(&found)?;
    if found.st_uid == rustix::process::geteuid().as_raw() {
        narrow(&file, &found, &rustix::fs::fstat(guarded)?)?;
    }
    Ok(file)
}

/// Opens the lock file `name` in `directory` to share it, and makes and changes nothing; `None` where there is none.
///
/// # Errors
/// As [`open_lock`].
pub fn open_existing_lock(directory: impl AsFd, name: &str) -> io::Result<Option<File>> {
    match rustix::fs::openat(directory, name, SHARE, Mode::empty()) {
        Err(Errno::NOENT) => Ok(None),
        opened => {
            let file = File::from(opened?);
            require_lock(&rustix::fs::fstat(&file)?).map(|()| Some(file))
        }
    }
}

fn require_lock(found: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(found.st_mode) == FileType::RegularFile && found.st_nlink <= 1 {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file with one name")),
    }
}

/// Opens the file, or makes it, open to nobody else until [`narrow`] says to whom. Whoever holds a passing lock
/// removes it: between two looks it may come and go, and each round means that somebody else got on.
fn open_or_create(directory: impl AsFd, name: &str) -> io::Result<File> {
    let owner_only = Mode::RUSR | Mode::WUSR;
    for _ in 0..MAX_ROUNDS {
        match rustix::fs::openat(&directory, name, OPEN, Mode::empty()) {
            Err(Errno::NOENT) => {}
            opened => return Ok(opened?.into()),
        }
        match rustix::fs::openat(&directory, name, OPEN | OFlags::CREATE | OFlags::EXCL, owner_only) {
            Err(Errno::EXIST) => {}
            made => return Ok(made?.into()),
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "its lock comes and goes"))
}

/// Gives the file the group of the directory, when that group may write it, and the mode that follows.
fn narrow(file: &File, found: &Stat, guarded: &Stat) -> io::Result<()> {
    let mut bits = 0o600;
    if guarded.st_mode & WRITABLE_BY_GROUP != 0 {
        let gid = Gid::from_raw(guarded.st_gid);
        let is_theirs = found.st_gid == guarded.st_gid || rustix::fs::fchown(file, None, Some(gid)).is_ok();
        bits |= if is_theirs { 0o060 } else { 0 };
    }
    if found.st_mode & 0o7777 != bits {
        rustix::fs::fchmod(file, Mode::from_raw_mode(bits))?;
    }
    Ok(())
}

/// How a lock is waited for.
pub struct LockWait<'a> {
    /// The command that wants it: whoever waits for it then is told.
    pub command: &'a str,
    /// Not longer than that. Zero does not wait.
    pub at_most: Duration,
    /// Asked in every round.
    pub go_on: &'a dyn Fn() -> io::Result<()>,
    /// Told once, by whoever waits longer than others take, what the holder has written of itself.
    pub told: &'a dyn Fn(Option<&str>),
}

/// What became of the wait for a lock.
#[derive(Debug)]
pub enum Waited<T> {
    /// The lock is ours. The kernel releases it when the file is closed, however the process ends.
    Ours(T),
    /// Somebody else holds it still, who has written this of itself.
    Theirs(Option<String>),
}

/// Waits for the lock on `file`, and says in it who holds it then.
///
/// # Errors
/// What `go_on` answers, and those of locking.
pub fn wait_for_lock(file: &File, wait: &LockWait<'_>) -> io::Result<Waited<()>> {
    wait_from(Instant::now(), file, wait)
}

/// As [`wait_for_lock`], for whoever only looks: it is shared with others who do, keeps the writers out, and nothing
/// is written into it.
///
/// # Errors
/// As [`wait_for_lock`].
pub fn wait_for_shared_lock(file: &File, wait: &LockWait<'_>) -> io::Result<Waited<()>> {
    wait_for(Instant::now(), file, || file.try_lock_shared(), wait)
}

fn wait_from(begin: Instant, file: &File, wait: &LockWait<'_>) -> io::Result<Waited<()>> {
    let waited = wait_for(begin, file, || file.try_lock(), wait)?;
    if let Waited::Ours(()) = waited {
        // A note for people: what excludes others is the lock, which a full disk cannot take away.
        let _ = write_holder(file, wait.command);
    }
    Ok(waited)
}

fn wait_for(
    begin: Instant,
    file: &File,
    lock: impl Fn() -> Result<(), TryLockError>,
    wait: &LockWait<'_>,
) -> io::Result<Waited<()>> {
    let mut is_told = false;
    loop {
        (wait.go_on)()?;
        match lock() {
            Ok(()) => return Ok(Waited::Ours(())),
            Err(TryLockError::WouldBlock) if begin.elapsed() < wait.at_most => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(Waited::Theirs(holder(file))),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if !is_told && begin.elapsed() >= USUAL_WAIT {
            is_told = true;
            (wait.told)(holder(file).as_deref());
        }
    }
}

/// A lock whose file is there only as long as somebody holds it or waits: for directories that are carried
/// to other places, where it would mean nothing.
#[derive(Debug)]
pub struct PassingLock {
    file: File,
    directory: OwnedFd,
    name: &'static str,
}

impl PassingLock {
    /// Waits for the lock `name` of `directory`, and says in it who holds it then.
    ///
    /// # Errors
    /// What `go_on` answers, and those of [`open_lock`] and of locking.
    pub fn acquire(directory: &Path, name: &'static str, wait: &LockWait<'_>) -> io::Result<Waited<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Self::acquire_in(rustix::fs::open(directory, flags, Mode::empty())?, name, wait)
    }

    /// As [`PassingLock::acquire`], in a directory that is open.
    ///
    /// # Errors
    /// As [`PassingLock::acquire`].
    pub fn acquire_in(directory: impl AsFd, name: &'static str, wait: &LockWait<'_>) -> io::Result<Waited<Self>> {
        let directory = directory.as_fd().try_clone_to_owned()?;
        let begin = Instant::now();
        loop {
            let file = open_lock(&directory, name, &directory)?;
            if let Waited::Theirs(holder) = wait_from(begin, &file, wait)? {
                return Ok(Waited::Theirs(holder));
            }
            // Whoever held it before has removed the file, and another one may be held under its name.
            if is_at(&file, &directory, name)? {
                return Ok(Waited::Ours(Self { file, directory, name }));
            }
        }
    }
}

impl Drop for PassingLock {
    fn drop(&mut self) {
        if is_at(&self.file, &self.directory, self.name).unwrap_or(false) {
            // Held until the file is closed, which is after this. What stays is the next one's.
            let _ = rustix::fs::unlinkat(&self.directory, self.name, AtFlags::empty());
        }
    }
}

fn is_at(file: &File, directory: &OwnedFd, name: &str) -> io::Result<bool> {
    let held = rustix::fs::fstat(file)?;
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok((found.st_dev, found.st_ino) == (held.st_dev, held.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn directory(mode: u32) -> (tempfile::TempDir, File) {
        let directory = tempfile::tempdir().expect("directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("mode");
        let opened = File::open(directory.path()).expect("opened");
        (directory, opened)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("found").permissions().mode() & 0o7777
    }

    #[test]
    fn only_those_who_may_write_the_directory_may_open_its_lock() {
        for (guarded, expected) in [(0o755, 0o600), (0o700, 0o600), (0o775, 0o660), (0o2770, 0o660), (0o777, 0o660)] {
            let (place, opened) = directory(guarded);
            open_lock(&opened, "lock", &opened).expect("made");
            assert_eq!(mode(&place.path().join("lock")), expected, "{guarded:o}");
            let group = fs::metadata(place.path()).expect("found").gid();
            assert_eq!(fs::metadata(place.path().join("lock")).expect("found").gid(), group);
        }
    }

    #[test]
    fn a_lock_that_more_may_open_is_tightened() {
        let (place, opened) = directory(0o755);
        let path = place.path().join("lock");
        fs::write(&path, "").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("mode");
        open_lock(&opened, "lock", &opened).expect("opened");
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn what_is_no_file_with_one_name_is_no_lock() {
        let (place, opened) = directory(0o755);
        fs::write(place.path().join("victim"), "").expect("written");
        symlink("victim", place.path().join("link")).expect("linked");
        fs::hard_link(place.path().join("victim"), place.path().join("second")).expect("linked");
        rustix::fs::mknodat(&opened, "fifo", FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("made");
        fs::create_dir(place.path().join("directory")).expect("made");
        for name in ["link", "second", "fifo", "directory"] {
            open_lock(&opened, name, &opened).expect_err(name);
            open_existing_lock(&opened, name).expect_err(name);
        }
    }

    #[test]
    fn a_passing_lock_excludes_and_leaves_nothing() {
        let (place, _opened) = directory(0o755);
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let wait = LockWait { at_most: Duration::from_secs(60), ..no_wait() };
                        let Waited::Ours(lock) = PassingLock::acquire(place.path(), "lock", &wait).expect("asked")
                        else {
                            panic!("free in time");
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 0);
    }

    fn no_wait() -> LockWait<'static> {
        LockWait { command: "aisoc test", at_most: Duration::ZERO, go_on: &|| Ok(()), told: &|_| () }
    }

    fn is_ours(file: &File, wait: &LockWait<'_>) -> bool {
        matches!(wait_for_lock(file, wait).expect("asked"), Waited::Ours(()))
    }

    #[test]
    fn a_lock_is_waited_for_until_its_time_is_over_or_it_is_told_to_stop() {
        let (_place, opened) = directory(0o755);
        let lock = || open_lock(&opened, "lock", &opened).expect("opened");
        let held = lock();
        assert!(is_ours(&held, &no_wait()));
        let other = lock();
        for (at_most, longest) in [(Duration::ZERO, 5), (Duration::from_millis(120), 10)] {
            let begin = Instant::now();
            assert!(!is_ours(&other, &LockWait { at_most, ..no_wait() }));
            assert!(begin.elapsed() >= at_most && begin.elapsed() < Duration::from_secs(longest));
        }
        let rounds = AtomicUsize::new(0);
        let stop = || match rounds.fetch_add(1, Ordering::SeqCst) {
            0..2 => Ok(()),
            _ => Err(io::Error::other("stopped")),
        };
        let long = LockWait { at_most: Duration::from_secs(60), ..no_wait() };
        wait_for_lock(&other, &LockWait { go_on: &stop, ..long }).expect_err("stopped");
        drop(held);
        assert!(is_ours(&other, &no_wait()));
    }

    #[test]
    fn a_lock_is_shared_by_those_who_look_and_by_nobody_else() {
        let (place, opened) = directory(0o755);
        assert!(open_existing_lock(&opened, "lock").expect("asked").is_none());
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 0, "none is made for the question");
        let writer = open_lock(&opened, "lock", &opened).expect("made");
        let [first, second] = [(); 2].map(|()| open_existing_lock(&opened, "lock").expect("opened").expect("there"));
        let is_shared =
            |file: &File| matches!(wait_for_shared_lock(file, &no_wait()).expect("asked"), Waited::Ours(()));
        assert!(is_shared(&first) && is_shared(&second));
        assert!(!is_ours(&writer, &no_wait()));
        drop((first, second));
        assert!(is_ours(&writer, &no_wait()));
        let late = open_existing_lock(&opened, "lock").expect("opened").expect("there");
        assert!(!is_shared(&late));
    }

    #[test]
    fn whoever_waits_is_told_once_who_holds_it_and_so_is_who_gives_up() {
        let (place, _opened) = directory(0o755);
        let (told, is_expected) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let line = format!("process {}, aisoc test, host ", std::process::id());
        let is_named = |holder: Option<&str>| holder.is_some_and(|holder| holder.starts_with(&line));
        let tell = |holder: Option<&str>| {
            told.fetch_add(1, Ordering::SeqCst);
            is_expected.fetch_add(usize::from(is_named(holder)), Ordering::SeqCst);
        };
        let held = PassingLock::acquire(place.path(), "lock", &no_wait()).expect("asked");
        let patience = LockWait { at_most: USUAL_WAIT + Duration::from_millis(500), told: &tell, ..no_wait() };
        let Waited::Theirs(holder) = PassingLock::acquire(place.path(), "lock", &patience).expect("asked") else {
            panic!("it is held");
        };
        assert!(is_named(holder.as_deref()), "{holder:?}");
        assert_eq!((told.into_inner(), is_expected.into_inner()), (1, 1));
        drop(held);
    }
}
