//! `KeysSession`: the lock on a directory of keys, and what may be done under it.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, Walk, names_in, put_in, remove_in};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Keyring, OWN_DIRECTORY};
use rustix::fs::{Mode, OFlags};

use super::change::KeyChange;
use super::pending::{self, PENDING};
use super::place::{KeysInPlace, Places};
use super::steps;
use super::unfinished::begun_in;
use crate::journal::{Entry, HeldDirectory, JournalPlace, Writer};
use crate::state_directory::{changeable, own_directory};
use crate::state_lock::{Patience, StateLock};

/// The mode of the keyring's own directory: whoever may read the keys may read what was done to them.
const OPEN_TO_READERS: u32 = 0o755;
/// Most names in the keyring's own directory that are looked through for drafts: it has four.
const MAX_OWN_NAMES: usize = 1_000;
/// How a draft is called that is going to be one of our files.
const DRAFT: &str = ".new";

/// What has happened all the same when a change fails behind its beginning.
const BEGUN: &str = "the change of the keys was begun, and the next command that changes them finishes it";

/// The same behind the last step.
const CHANGED: &str = "the keys are changed, and the next command that changes them writes that down";

/// Who changes the keys, and under which circumstances.
#[derive(Debug, Clone)]
pub struct KeysAccess {
    /// How long the lock is waited for.
    pub patience: Patience,
    /// Who is written down.
    pub writer: Writer,
    /// Whether anything is changed.
    pub dry_run: DryRun,
}

/// A directory of keys that is locked, checked and recovered. Dropping it releases the lock.
///
/// That of a dry run changes nothing, and finishes nothing that others have begun.
#[derive(Debug)]
pub struct KeysSession {
    path: PathBuf,
    keyring: Keyring,
    access: KeysAccess,
    keys: KeysInPlace,
    means: Option<Means>,
    finished: Option<Entry>,
    _lock: Option<StateLock>,
}

/// What a change is made with; a dry run has nothing of it.
#[derive(Debug)]
struct Means {
    own: OwnedFd,
    places: Places,
    journal: JournalPlace,
}

impl KeysSession {
    /// Waits for the lock on the directory `path`, and finishes what killed processes have begun.
    ///
    /// # Errors
    /// `io_not_found` and `usage` for what is no directory of keys, `directory_insecure` for one that others can
    /// change, `locked`, `interrupted`; `record_invalid` when nobody can tell what was begun; `journal_broken`; as
    /// [`Keyring::read`]; and I/O reasons.
    pub fn begin(path: &Path, access: &KeysAccess) -> Result<Self> {
        let top = open(path)?;
        let (means, lock) = match access.dry_run {
            DryRun::No => {
                let own = own_directory(&top, path, OWN_DIRECTORY, OPEN_TO_READERS)?;
                let lock = StateLock::acquire(&own, OWN_DIRECTORY, &top, path, &access.patience)?;
                (Some(Means::new(path, &top, own)?), Some(lock))
            }
            DryRun::Yes => (None, share(path, &top, access)?),
        };
        let finished = means.as_ref().map(|means| means.recover(access)).transpose()?.flatten();
        means.iter().for_each(|means| means.tidy(path));
        let keyring = Keyring::read(path)?;
        // The path leads to the directory whose lock is held, or what was read is of another one.
        require_same(&top, &open(path)?, path)?;
        let keys = KeysInPlace::of(path, top);
        Ok(Self { path: path.to_owned(), keyring, access: access.clone(), keys, means, finished, _lock: lock })
    }

    /// The keys as they are under the lock.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What an earlier run has begun and this one has finished.
    pub fn finished(&self) -> Option<&Entry> {
        self.finished.as_ref()
    }

    /// Makes a change that was decided in this session, and writes it down. It ends the session: the keys that were
    /// read are those of before.
    ///
    /// # Errors
    /// I/O reasons, and those of the journal. What was begun is finished by the next session.
    pub fn make(self, change: &KeyChange) -> Result<()> {
        let Some(means) = &self.means else { return self.require_possible(change) };
        self.access.patience.cancellation.check()?;
        means.begin(&self.path, change)?;
        means.finish(change, &self.access)
    }

    /// Whether a change that was decided in this session could be begun, for whoever only asks: nothing is made by it.
    ///
    /// # Errors
    /// What [`KeysSession::make`] refuses before it begins.
    pub fn require_possible(&self, change: &KeyChange) -> Result<()> {
        let journal = JournalPlace::in_keyring(&self.path)?.filter(|_| !change.goes_without_journal());
        journal.map_or(Ok(None), |journal| journal.read(|_| Ok(())).map(|read| read.broken))?.map_or(Ok(()), Err)?;
        require_takeable(change, &self.keys).map(drop)
    }
}

/// Whether the steps can be taken, as far as anybody can tell, and can be written down before.
fn require_takeable(change: &KeyChange, keys: &KeysInPlace) -> Result<Vec<u8>> {
    steps::require_possible(&change.steps, keys)?;
    pending::written(change)
}

#[cfg(test)]
impl KeysSession {
    /// Begins a change and leaves it behind so many steps, the line of the journal being the last, as a kill does.
    pub(super) fn stop_after(self, change: &KeyChange, taken: usize) -> Result<()> {
        let Some(means) = &self.means else { return Ok(()) };
        means.begin(&self.path, change)?;
        change.steps.iter().take(taken).try_for_each(|step| steps::take(step, &means.places))?;
        let lines = change.entries().take(taken.saturating_sub(change.steps.len()));
        means.write_down(lines, &self.access)?;
        Ok(())
    }
}

impl Means {
    fn new(path: &Path, top: &OwnedFd, own: OwnedFd) -> Result<Self> {
        let failed = |error| Fault::io("open", path, error);
        let journal = JournalPlace::of_keys(
            HeldDirectory::of(top, path)?,
            Some(HeldDirectory::of(&own, path.join(OWN_DIRECTORY))?),
        );
        let clone = |fd: &OwnedFd| fd.as_fd().try_clone_to_owned().map_err(failed);
        let places = Places::new(KeysInPlace::of(path, clone(top)?), clone(&own)?);
        Ok(Self { own, places, journal })
    }

    /// Finishes the change that a killed process has begun.
    fn recover(&self, access: &KeysAccess) -> Result<Option<Entry>> {
        let Some(change) = begun_in(&self.own)? else { return Ok(None) };
        change.steps.iter().try_for_each(|step| steps::take(step, &self.places))?;
        let written = self.written_down(&change)?;
        self.write_down(change.entries().filter(|entry| !written.contains(entry)), access)?;
        self.forget().map(|()| Some(change.entry))
    }

    /// Drafts that a killed process has left. What cannot be removed is the next writer's to use again.
    fn tidy(&self, path: &Path) {
        let Ok(names) = names_in(&path.join(OWN_DIRECTORY), MAX_OWN_NAMES) else { return };
        for name in names.iter().filter_map(|name| name.to_str()).filter(|name| name.ends_with(DRAFT)) {
            let _ = remove_in(&self.own, name);
        }
    }

    /// Nothing is begun that could not be finished: it would stand in the way of every change after it. So the steps
    /// are asked whether they can be taken, and the journal is held to its chain.
    fn begin(&self, path: &Path, change: &KeyChange) -> Result<()> {
        if !change.goes_without_journal() {
            drop(self.journal.open()?);
        }
        let content = require_takeable(change, self.places.keys())?;
        let shown = path.join(OWN_DIRECTORY).join(PENDING);
        put_in(&self.own, &self.own, PENDING, &content, aisoc_files::Existing::Keep).map_err(|error| {
            // It may have its name already, and whoever is told that nothing was done must not see it done later.
            let is_gone = error.kind() == ErrorKind::AlreadyExists || remove_in(&self.own, PENDING).is_ok();
            let fault = Fault::io("write", &shown, error);
            if is_gone { fault } else { fault.although(BEGUN) }
        })
    }

    fn finish(&self, change: &KeyChange, access: &KeysAccess) -> Result<()> {
        let taken = change.steps.iter().try_for_each(|step| steps::take(step, &self.places));
        taken.map_err(|fault| fault.although(BEGUN))?;
        let written = self.write_down(change.entries(), access).and_then(|()| self.forget());
        written.map_err(|fault| fault.although(CHANGED))
    }

    fn write_down<'a>(&self, entries: impl Iterator<Item = &'a Entry>, access: &KeysAccess) -> Result<()> {
        let mut entries = entries.peekable();
        if entries.peek().is_none() {
            return Ok(());
        }
        let mut journal = self.journal.open()?;
        journal.append_all(entries, &access.writer)
    }

    /// Those of its lines that the run that was killed had come to.
    fn written_down<'a>(&self, change: &'a KeyChange) -> Result<Vec<&'a Entry>> {
        let mut written = Vec::new();
        self.journal.read(|seen| {
            let Ok(line) = seen.entry() else { return Ok(()) };
            written.extend(change.entries().find(|entry| **entry == line));
            Ok(())
        })?;
        Ok(written)
    }

    fn forget(&self) -> Result<()> {
        let shown = Path::new(OWN_DIRECTORY).join(PENDING);
        remove_in(&self.own, PENDING).map_err(|error| Fault::io("remove", &shown, error))
    }
}

/// A dry run shares the lock where there is one, and makes nothing.
fn share(path: &Path, top: &OwnedFd, access: &KeysAccess) -> Result<Option<StateLock>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(top, OWN_DIRECTORY, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => {
            aisoc_files::may_write_open(top).map_err(|error| Fault::io("write in", path, error))?;
            Ok(None)
        }
        opened => {
            let own = opened.map_err(|error| Fault::io("open", &path.join(OWN_DIRECTORY), error.into()))?;
            StateLock::share(&own, OWN_DIRECTORY, path, &access.patience)
        }
    }
}

/// Opens the directory, and holds it and the way to it to the rule for keys. A link is followed: clusters mount keys
/// that way.
fn open(path: &Path) -> Result<OwnedFd> {
    let mut walk = Walk::default();
    let failed = |error| Fault::io("open", path, error);
    let arrival = walk.to(path, Links::Followed).map_err(failed)?;
    walk.finish().map_err(changeable)?;
    match arrival {
        Arrival::Directory(place) => place.open().map_err(failed),
        Arrival::Missing(_) => Err(failed(ErrorKind::NotFound.into())
            .hint("make it, so that nobody but you may write there: `mkdir -m 0755 DIR`")),
        Arrival::Other(..) | Arrival::NoWay => {
            Err(Fault::new(Reason::Usage, format!("`{}` is one file, and no directory of keys", path.display()))
                .expected("a directory of keys", "something else")
                .hint("name the directory, or replace the file by hand"))
        }
    }
}

fn require_same(locked: &OwnedFd, now: &OwnedFd, path: &Path) -> Result<()> {
    let identity = |directory: &OwnedFd| {
        rustix::fs::fstat(directory)
            .map(|found| (found.st_dev, found.st_ino))
            .map_err(|error| Fault::io("look at", path, error.into()))
    };
    match identity(locked)? == identity(now)? {
        true => Ok(()),
        false => Err(Fault::new(
            Reason::Locked,
            format!("`{}` was exchanged for another directory meanwhile", path.display()),
        )
        .hint("run the command again")),
    }
}
