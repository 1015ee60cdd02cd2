//! `follow`: the lock of a site as a signed set has it.
//!
//! Everything is decided under the lock's own lock, from the set, from the lock that stands there and from what was
//! applied before. What is remembered is written first, the lines of the journal then and the lock last: a run that is
//! killed is finished by the next, and no older version gets in between.

use std::path::{Path, PathBuf};

use aisoc_installation::{Access, Site};
use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_signing::{Envelope, Keyring};
use aisoc_trust::KnownSigner;
use aisoc_trust::journal::{Action, Entry, JournalTime};
use aisoc_trust::keys::{Advance, SetHead, SignedSet as _, SyncSettings, advance};
use aisoc_trust::lockfile::{
    AppliedLock, Brought, EntryChange, LockPlace, LockSchema, LockSession, LockSet, Lockfile, Remembered, followed,
};
use jiff::Timestamp;

use crate::accepted::{begin_lock, revoke_line, trust_line};
use crate::keys::FoundStatement;
use crate::signed_set::Judges;

/// How a lock follows a set.
#[derive(Debug)]
pub struct FollowOptions {
    /// The lock.
    pub lock: PathBuf,
    /// The site that keeps the end of its journal.
    pub site: Site,
    /// Who changes it, and how long they wait.
    pub access: Access,
    /// The directory of the keys.
    pub keys_dir: PathBuf,
    /// Which set, and how many have to have signed it.
    pub settings: SyncSettings,
    /// Whether that is written down, for the runs to come.
    pub is_saved: bool,
    /// The time to judge keys by.
    pub at: Timestamp,
    /// Why; the set and its version where nobody says so.
    pub reason: Option<StatedReason>,
}

/// What a set has made of a lock, or in a dry run would.
#[derive(Debug)]
pub struct Followed {
    /// Which set it is.
    pub name: String,
    /// Its version.
    pub version: u64,
    /// Until when it can be relied on.
    pub expires_at: Timestamp,
    /// The set by content.
    pub digest: Digest,
    /// The version that was applied before.
    pub previous_version: Option<u64>,
    /// Whose signatures counted; nobody's where it is what was applied before.
    pub signers: Vec<KnownSigner>,
    /// What becomes of the entries.
    pub changes: Vec<EntryChange>,
    /// Whether this site has gone back from that version: then it stays so until a newer one comes.
    pub is_rolled_back: bool,
    /// Why it was done, as it is written down.
    pub reason: StatedReason,
    /// Whether anything was written.
    pub is_changed: bool,
    /// The lock, and its schema version.
    pub lock: (PathBuf, LockSchema),
    /// The journal beside it.
    pub journal: PathBuf,
    /// What it accepts now.
    pub accepted: Lockfile,
}

/// The artifact that was applied last to a lock which stands as it was written then: whoever finds it again has nothing
/// to read, and nothing to do. Nothing where more has to be asked.
///
/// # Errors
/// `io_not_found` without a directory for the lock; as [`AppliedLock::read`], and as reading the lock.
pub fn known_artifact(options: &FollowOptions) -> Result<Option<ArtifactDigest>> {
    let place = LockPlace::open(&options.lock)?.ok_or_else(|| LockPlace::missing_directory(&options.lock))?;
    let (here, applied) = (place.read()?, AppliedLock::read(&place)?);
    let is_known = |applied: &AppliedLock| is_settled(applied, here.as_ref(), options);
    Ok(applied.filter(is_known).and_then(|applied| applied.artifact_digest))
}

/// Whether nothing but an expiry can come of the version that was applied last.
fn is_settled(applied: &AppliedLock, here: Option<&Lockfile>, options: &FollowOptions) -> bool {
    let SyncSettings { name, required_signatures, .. } = &options.settings;
    let has_gone_back = applied.is_rolled_back && here.is_some() && applied.unfinished(here).is_none();
    let stands = applied.is_untouched(here) || has_gone_back;
    !options.is_saved && applied.name == *name && applied.required_signatures >= *required_signatures && stands
}

/// What is known of a set whose artifact is the one that was applied last.
///
/// # Errors
/// `locked` where that is not so any more, `lockset_expired`, and as [`follow`].
pub fn still_followed(options: &FollowOptions) -> Result<Followed> {
    let session = begin_lock(&options.lock, &options.site, &options.access)?;
    let applied = session.applied()?.filter(|applied| is_settled(applied, session.lock(), options));
    let (Some(applied), Some(here)) = (applied, session.lock()) else {
        let message = format!("`{}` was changed by somebody else meanwhile", options.lock.display());
        return Err(Fault::new(Reason::Locked, message).hint("look at the change, and run the command again"));
    };
    if options.at >= applied.expires_at {
        let AppliedLock { name, version, expires_at, .. } = &applied;
        return Err(Fault::new(Reason::LocksetExpired, format!("version {version} of the set `{name}` has expired"))
            .expected(format!("expires_at behind {}", options.at), expires_at.to_string()));
    }
    Ok(Followed {
        name: applied.name.clone(),
        version: applied.version,
        expires_at: applied.expires_at,
        digest: applied.payload_digest,
        previous_version: Some(applied.version),
        signers: Vec::new(),
        changes: Vec::new(),
        is_rolled_back: applied.is_rolled_back,
        reason: reason(options, &applied.name, applied.version)?,
        is_changed: false,
        lock: (session.path().to_owned(), here.schema()),
        journal: session.journal().path(),
        accepted: here.clone(),
    })
}

/// Applies the set that is in the envelope.
///
/// # Errors
/// `statement_invalid`, `untrusted_key`, `signature_invalid`, `signers_too_few` for what is not signed by whom this
/// site trusts for it; `lockset_mismatch`, `lockset_expired`, `lockset_rollback`, `lockset_invalid`; `version_downgrade`
/// for a version below the floor; as [`begin_lock`] and [`LockSession::commit_set`]. Nothing is written then.
pub fn follow(found: &FoundStatement, options: &FollowOptions) -> Result<Followed> {
    let session = begin_lock(&options.lock, &options.site, &options.access)?;
    let before = session.applied()?;
    let judged = judged(&found.content, before.as_ref(), options)?;
    let SetHead { name, version, expires_at, .. } = judged.set.head();
    let wanted = judged.set.lockfile()?;
    let is_rolled_back = judged.is_same && before.as_ref().is_some_and(|before| before.is_rolled_back);
    let here = session.lock();
    let is_untouched = before.as_ref().is_some_and(|before| before.is_untouched(here));
    let returning = before.as_ref().filter(|_| is_rolled_back).and_then(|before| before.unfinished(here));
    let brought = match (returning, here) {
        (Some(returning), _) => Brought::back(here, &returning.lockfile()?)?,
        (None, Some(here)) if is_rolled_back => Brought { lock: here.clone(), changes: Vec::new() },
        _ => Brought::of(here, &wanted, is_untouched)?,
    };
    let accepts_more = brought.changes.iter().any(|change| change.after.is_some());
    if let Some(doubt) = judged.doubt.filter(|_| accepts_more || asks_for_more(before.as_ref(), options)) {
        return Err(doubt);
    }
    let done = Followed {
        reason: reason(options, &name, version)?,
        name,
        version,
        expires_at,
        digest: judged.digest,
        previous_version: before.as_ref().and_then(|it| it.last_of(&judged.set.name)).map(|last| last.version),
        signers: judged.signers,
        changes: brought.changes,
        is_rolled_back,
        is_changed: false,
        lock: (session.path().to_owned(), brought.lock.schema()),
        journal: session.journal().path(),
        accepted: brought.lock,
    };
    let applied = applied(&judged.set, &done, found.artifact, before.as_ref(), here, options);
    let is_changed = write(session, &done, &applied, before.as_ref(), options)?;
    Ok(Followed { is_changed, ..done })
}

/// Writes down what has changed, if anything has. Says whether it did.
fn write(
    session: LockSession,
    done: &Followed,
    applied: &AppliedLock,
    before: Option<&AppliedLock>,
    options: &FollowOptions,
) -> Result<bool> {
    let settings = options.is_saved.then_some(&options.settings);
    let remembered = Remembered { settings, applied: Some(applied) };
    let is_newer = before.is_none_or(|it| it.name != applied.name || it.version != applied.version);
    let is_dry = options.access.dry_run.is_on();
    let is_same_text = session.lock().is_some_and(|here| here.text() == done.accepted.text());
    match (is_newer || !is_same_text, Some(applied) == before && settings.is_none()) {
        (true, _) => session.commit_set(&done.accepted, &lines(done, options), &remembered)?,
        (false, false) => session.remember_alone(&remembered)?,
        (false, true) => return Ok(false),
    }
    Ok(!is_dry)
}

/// The line that says which set was applied, and one for each entry.
fn lines(done: &Followed, options: &FollowOptions) -> Vec<Entry> {
    let Followed { name, version, digest, .. } = done;
    let at = options.access.at;
    let head = set_line(name, *version, *digest, &done.reason, at);
    let set = format!("set {name}, version {version}");
    let reason = options.reason.as_ref().map_or_else(|| set.clone(), |reason| format!("{set}: {reason}"));
    std::iter::once(head).chain(entry_lines(&done.changes, &reason, at)).collect()
}

/// The line about a set.
pub(super) fn set_line(name: &str, version: u64, digest: Digest, reason: &StatedReason, at: Timestamp) -> Entry {
    Entry {
        at: JournalTime::utc(at),
        action: Action::LockSync,
        id: Some(name.to_owned()),
        version: Some(version.to_string()),
        hash: Some(digest.to_string()),
        reason: Some(reason.to_string()),
    }
}

/// The line that answers for each entry which is not what it was. What else than the content is another one was
/// accepted with it, and has its line as well.
pub(super) fn entry_lines(changes: &[EntryChange], reason: &str, at: Timestamp) -> Vec<Entry> {
    let line = |change: &EntryChange| match &change.after {
        Some(entry) => trust_line(entry, reason, at),
        None => revoke_line(&change.id, reason, at),
    };
    changes.iter().map(line).collect()
}

fn reason(options: &FollowOptions, name: &str, version: u64) -> Result<StatedReason> {
    options.reason.clone().map_or_else(|| format!("set {name}, version {version}").parse(), Ok)
}

fn applied(
    set: &LockSet,
    done: &Followed,
    artifact: Option<ArtifactDigest>,
    before: Option<&AppliedLock>,
    here: Option<&Lockfile>,
    options: &FollowOptions,
) -> AppliedLock {
    let required = options.settings.required_signatures;
    match before.filter(|_| done.is_rolled_back) {
        Some(before) => before.clone(),
        None => AppliedLock::of(set, done.digest, &done.accepted, before, here).asked_of(artifact, required),
    }
}

/// A set that may be believed.
struct Judged {
    set: LockSet,
    digest: Digest,
    /// Whose signatures count.
    signers: Vec<KnownSigner>,
    /// Whether it is what was applied before.
    is_same: bool,
    /// Why it would not be believed today, if it was applied before and would not.
    doubt: Option<Fault>,
}

/// The set, once it is known that it may be believed. The very bytes that were applied before were judged then: a key
/// that has gone since takes nothing back that this site has accepted, and accepts nothing more.
fn judged(content: &[u8], before: Option<&AppliedLock>, options: &FollowOptions) -> Result<Judged> {
    let FollowOptions { settings: SyncSettings { name, required_signatures, .. }, at, .. } = options;
    let envelope = Envelope::read(content, LockSet::KIND)?;
    let digest = Digest::of(envelope.unverified_payload());
    let keyring = Keyring::read(&options.keys_dir)?.require_there()?;
    let vouched = Judges { keyring: &keyring, at: *at }.vouched::<LockSet>(&envelope, *required_signatures);
    let is_known = before.is_some_and(|before| before.name == *name && before.payload_digest == digest);
    let (set, signers, doubt) = match vouched {
        Ok((set, signers)) => (set, signers, None),
        Err(doubt) if is_known => (LockSet::read(envelope.unverified_payload())?, Vec::new(), Some(doubt)),
        Err(fault) => return Err(fault),
    };
    let last = before.and_then(|before| before.last_of(name));
    let is_same = advance(&set, digest, name, last.as_ref(), *at)? == Advance::Same && is_known;
    Ok(Judged { set, digest, signers, is_same, doubt })
}

/// Whether more signatures are asked for than when the version was applied.
fn asks_for_more(before: Option<&AppliedLock>, options: &FollowOptions) -> bool {
    before.is_none_or(|before| before.required_signatures < options.settings.required_signatures)
}

/// Which set the lock at `path` follows, if that is written down.
///
/// # Errors
/// As [`followed`].
pub fn followed_by(path: &Path) -> Result<Option<SyncSettings>> {
    LockPlace::open(path)?.map_or(Ok(None), |place| followed(&place))
}

/// What was applied last to the lock at `path`.
///
/// # Errors
/// As [`AppliedLock::read`].
pub fn applied_to(path: &Path) -> Result<Option<AppliedLock>> {
    LockPlace::open(path)?.map_or(Ok(None), |place| AppliedLock::read(&place))
}
