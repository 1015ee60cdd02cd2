//! `LockSession`: a lock file that is read, judged and changed under the lock of its directory.
//!
//! What changes a lock says so in the journal beside it, and first: a process that is killed in between leaves a line
//! that the lock does not bear out, which [`unjournaled`](super::unjournaled) finds, and never an entry that nobody has
//! answered for.

use std::path::Path;

use aisoc_files::{PassingLock, Replacement, may_write_open, replace_in};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::applied::{APPLIED, AppliedLock, SETTINGS};
use super::entry::LockEntry;
use super::place::{LockPlace, Stored};
use super::read::{KnownLock, Lockfile};
use crate::journal::{Action, Entry, HeldDirectory, JournalPlace, Writer};
use crate::keys::SyncSettings;
use crate::state_lock::Patience;

/// The lock's own lock, in its directory. It is there only while somebody changes a lock, for the directory is often
/// one that is carried to other places.
const BUSY: &str = ".aisoc-plugins-lock";
/// Of a lock that is new: it may be read by everybody, whatever the umask.
const NEW_MODE: u32 = 0o644;

/// Who changes a lock, and under which circumstances.
#[derive(Debug, Clone)]
pub struct LockAccess {
    /// How long the lock is waited for.
    pub patience: Patience,
    /// Who is written down.
    pub writer: Writer,
    /// Whether anything is changed.
    pub dry_run: DryRun,
}

/// What is remembered of the set that a lock follows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Remembered<'a> {
    /// Which set it is, for the runs to come.
    pub settings: Option<&'a SyncSettings>,
    /// Which version of it was applied.
    pub applied: Option<&'a AppliedLock>,
}

/// A lock file under its directory's lock. Dropping it releases that, and changes nothing.
#[derive(Debug)]
pub struct LockSession {
    place: LockPlace,
    stored: Option<Stored>,
    journal: JournalPlace,
    access: LockAccess,
    slip: Option<Fault>,
    _busy: Option<PassingLock>,
}

impl LockSession {
    /// Waits for the lock of the directory of `path`, and reads what stands there. `head` is where this site keeps the
    /// end of the journal, if it has such a place.
    ///
    /// # Errors
    /// `io_not_found` without a directory for it, `locked`, `interrupted`, as [`LockPlace::open`] and
    /// [`LockPlace::read`].
    pub fn begin(path: &Path, head: Option<HeldDirectory>, access: &LockAccess) -> Result<Self> {
        Self::begin_beside(path, head, access, &KnownLock::default())
    }

    /// As [`LockSession::begin`], for whoever has read the lock before.
    ///
    /// # Errors
    /// As [`LockSession::begin`].
    pub fn begin_beside(
        path: &Path,
        head: Option<HeldDirectory>,
        access: &LockAccess,
        known: &KnownLock,
    ) -> Result<Self> {
        let place = LockPlace::open(path)?.ok_or_else(|| LockPlace::missing_directory(path))?;
        let busy = match access.dry_run {
            DryRun::Yes => {
                may_write_open(&place).map_err(|error| Fault::io("write", path, error))?;
                None
            }
            DryRun::No => Some(wait(&place, &access.patience)?),
        };
        let stored = place.stored(known)?;
        let held = HeldDirectory::of(&place, path.parent().unwrap_or(Path::new("")))?;
        let journal = JournalPlace::beside_lock(held, place.name(), head);
        Ok(Self { place, stored, journal, access: access.clone(), slip: None, _busy: busy })
    }

    /// Holds the journal to its chain before anything is changed that it will have to answer for, and before a dry run
    /// says that it could be.
    ///
    /// # Errors
    /// `journal_broken`, and as [`JournalPlace::read`].
    pub fn with_journal(mut self) -> Result<Self> {
        let reading = self.journal.read(|_| Ok(()))?;
        if let Some(broken) = reading.broken {
            return Err(broken);
        }
        self.slip = reading.summary.invalid.map(|(line, fault)| fault.fault(&self.journal.path(), line));
        Ok(self)
    }

    /// What is wrong with a line that somebody has written by hand, and that the next line makes stay as it is.
    pub fn slip(&self) -> Option<&Fault> {
        self.slip.as_ref()
    }

    /// The lock's path, as it was named.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// What the lock says now; nothing when there is none.
    pub fn lock(&self) -> Option<&Lockfile> {
        self.stored.as_ref().map(|stored| &stored.lock)
    }

    /// The journal beside it.
    pub fn journal(&self) -> &JournalPlace {
        &self.journal
    }

    /// Puts `lock` into the place of what was read, and writes down why. The new text is on the disk before the
    /// journal says that it counts; a dry run writes nothing.
    ///
    /// # Errors
    /// `locked` when somebody has changed the file by hand meanwhile; those of the journal, before anything is
    /// changed; and I/O reasons.
    pub fn commit(self, lock: &Lockfile, entries: &[Entry]) -> Result<()> {
        self.commit_set(lock, entries, &Remembered::default())
    }

    /// As [`LockSession::commit`], and what is remembered of the set that the lock follows is written first: a version
    /// that was begun is the oldest that is applied again, whatever becomes of this run.
    ///
    /// # Errors
    /// As [`LockSession::commit`].
    pub fn commit_set(self, lock: &Lockfile, entries: &[Entry], remembered: &Remembered<'_>) -> Result<()> {
        self.access.patience.cancellation.check()?;
        if self.access.dry_run.is_on() {
            return Ok(());
        }
        let failed = |error| Fault::io("write", self.place.path(), error);
        let before = self.stored.as_ref().map(|stored| &stored.metadata);
        let draft = Replacement::write(&self.place, self.place.name(), lock.text().as_bytes(), before, NEW_MODE)
            .map_err(failed)?;
        let mut journal = self.journal.open()?;
        self.require_unchanged()?;
        self.remember(remembered)?;
        // What is accepted is the whole entry, of which the line has a version and a hash.
        let accepted = |line: &Entry| match (line.action, &line.id) {
            (Action::Trust, Some(id)) => lock.entry(id).map(LockEntry::digest),
            _ => None,
        };
        journal.append_accepting(entries.iter().map(|line| (line, accepted(line))), &self.access.writer)?;
        draft.publish().map_err(|error| match (self.holds(lock), entries.is_empty()) {
            (true, _) => failed(error).although(format!("`{}` says so now", self.place.path().display())),
            (false, false) => failed(error).although("the journal says that the lock was changed"),
            (false, true) => failed(error),
        })?;
        let returned = remembered.applied.and_then(AppliedLock::returned);
        let finished = returned.map(|applied| self.remember(&Remembered { settings: None, applied: Some(&applied) }));
        let place = self.place.path().display();
        finished.unwrap_or(Ok(())).map_err(|fault| fault.although(format!("`{place}` says so now")))
    }

    /// Writes down what is remembered of a set, and nothing else.
    ///
    /// # Errors
    /// I/O reasons, and `interrupted`.
    pub fn remember_alone(self, remembered: &Remembered<'_>) -> Result<()> {
        self.access.patience.cancellation.check()?;
        if self.access.dry_run.is_on() { Ok(()) } else { self.remember(remembered) }
    }

    fn remember(&self, remembered: &Remembered<'_>) -> Result<()> {
        let Remembered { settings, applied } = remembered;
        let files = [(SETTINGS, settings.map(SyncSettings::to_json)), (APPLIED, applied.map(AppliedLock::to_json))];
        for (ending, content) in files {
            let Some(content) = content else { continue };
            replace_in(&self.place, &format!("{}{ending}", self.place.name()), content.as_bytes())
                .map_err(|error| Fault::io("write", &self.place.path_beside(ending), error))?;
        }
        Ok(())
    }

    /// The set that was applied last, if one was.
    ///
    /// # Errors
    /// As [`AppliedLock::read`].
    pub fn applied(&self) -> Result<Option<AppliedLock>> {
        AppliedLock::read(&self.place)
    }

    /// Whether that text stands there, of a change that has failed: it may have its name already.
    fn holds(&self, lock: &Lockfile) -> bool {
        matches!(self.place.content(), Ok(Some((content, _))) if content == lock.text().as_bytes())
    }

    /// An editor asks no lock of ours.
    fn require_unchanged(&self) -> Result<()> {
        let before = self.stored.as_ref().map(|stored| stored.lock.text().as_bytes());
        let now = self.place.content()?;
        match before == now.as_ref().map(|(content, _)| content.as_slice()) {
            true => Ok(()),
            false => {
                let message = format!("`{}` was changed by somebody else meanwhile", self.place.path().display());
                Err(Fault::new(Reason::Locked, message)
                    .expected("the text that was read", "another one")
                    .hint("look at the change, and run the command again"))
            }
        }
    }
}

fn wait(place: &LockPlace, patience: &Patience) -> Result<PassingLock> {
    let path = aisoc_files::parent(place.path()).join(BUSY);
    let failed = |error| Fault::io("lock", &path, error);
    patience.wait_for(place.path(), &path, |wait| PassingLock::acquire_in(place, BUSY, wait).map_err(failed))
}
