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

/// How long to wait before the next look.
const PAUSE: Duration = Duration::from_millis(20);
/// How often a lock may come and go while it is opened.
const MAX_ROUNDS: u32 = 1_000;
const OPEN: OFlags =
    OFlags::RDWR.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
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
    match rustix::fs::openat(directory, name, OPEN, Mode::empty()) {
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

/// Waits for the lock on `file`, at most as long as that. `go_on` is asked in every round. Says whether
/// the lock is ours; the kernel releases it when the file is closed, however the process ends.
///
/// # Errors
/// What `go_on` answers, and those of locking.
pub fn wait_for_lock(file: &File, at_most: Duration, go_on: impl FnMut() -> io::Result<()>) -> io::Result<bool> {
    wait_for(|| file.try_lock(), at_most, go_on)
}

/// As [`wait_for_lock`], for whoever only looks: it is shared with others who do, and keeps the writers out.
///
/// # Errors
/// As [`wait_for_lock`].
pub fn wait_for_shared_lock(file: &File, at_most: Duration, go_on: impl FnMut() -> io::Result<()>) -> io::Result<bool> {
    wait_for(|| file.try_lock_shared(), at_most, go_on)
}

fn wait_for(
    lock: impl Fn() -> Result<(), TryLockError>,
    at_most: Duration,
    mut go_on: impl FnMut() -> io::Result<()>,
) -> io::Result<bool> {
    let begin = Instant::now();
    loop {
        go_on()?;
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) if begin.elapsed() < at_most => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
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
    /// Waits for the lock `name` of `directory`, at most as long as that, asking `go_on` in every round.
    /// `None` when somebody else holds it still.
    ///
    /// # Errors
    /// What `go_on` answers, and those of [`open_lock`] and of locking.
    pub fn acquire(
        directory: &Path,
        name: &'static str,
        at_most: Duration,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(directory, flags, Mode::empty())?;
        let begin = Instant::now();
        loop {
            let file = open_lock(&directory, name, &directory)?;
            if !wait_for_lock(&file, at_most.saturating_sub(begin.elapsed()), &mut go_on)? {
                return Ok(None);
            }
            // Whoever held it before has removed the file, and another one may be held under its name.
            if is_at(&file, &directory, name)? {
                return Ok(Some(Self { file, directory, name }));
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
                        let lock = PassingLock::acquire(place.path(), "lock", Duration::from_secs(60), || Ok(()));
                        let lock = lock.expect("asked").expect("free in time");
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 0);
    }

    #[test]
    fn a_lock_is_waited_for_until_its_time_is_over_or_it_is_told_to_stop() {
        let (_place, opened) = directory(0o755);
        let lock = || open_lock(&opened, "lock", &opened).expect("opened");
        let held = lock();
        assert!(wait_for_lock(&held, Duration::ZERO, || Ok(())).expect("asked"));
        let other = lock();
        for (at_most, longest) in [(Duration::ZERO, 5), (Duration::from_millis(120), 10)] {
            let begin = Instant::now();
            assert!(!wait_for_lock(&other, at_most, || Ok(())).expect("asked"));
            assert!(begin.elapsed() >= at_most && begin.elapsed() < Duration::from_secs(longest));
        }
        let mut rounds = 0;
        let stop = || {
            rounds += 1;
            if rounds < 3 { Ok(()) } else { Err(io::Error::other("stopped")) }
        };
        wait_for_lock(&other, Duration::from_secs(60), stop).expect_err("stopped");
        drop(held);
        assert!(wait_for_lock(&other, Duration::ZERO, || Ok(())).expect("asked"));
    }

    #[test]
    fn a_lock_is_shared_by_those_who_look_and_by_nobody_else() {
        let (place, opened) = directory(0o755);
        assert!(open_existing_lock(&opened, "lock").expect("asked").is_none());
        assert_eq!(fs::read_dir(place.path()).expect("listed").count(), 0, "none is made for the question");
        let writer = open_lock(&opened, "lock", &opened).expect("made");
        let [first, second] = [(); 2].map(|()| open_existing_lock(&opened, "lock").expect("opened").expect("there"));
        for looking in [&first, &second] {
            assert!(wait_for_shared_lock(looking, Duration::ZERO, || Ok(())).expect("asked"));
        }
        assert!(!wait_for_lock(&writer, Duration::ZERO, || Ok(())).expect("asked"));
        drop((first, second));
        assert!(wait_for_lock(&writer, Duration::ZERO, || Ok(())).expect("asked"));
        let late = open_existing_lock(&opened, "lock").expect("opened").expect("there");
        assert!(!wait_for_shared_lock(&late, Duration::ZERO, || Ok(())).expect("asked"));
    }
}
