//! Accepting and revoking: an entry of the lock, and the line of the journal that answers for it.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use aisoc_discovery::{Discovered, Origin};
use aisoc_installation::{Access, InstallRecord, Site};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_manifests::version_order::compare;
use aisoc_trust::journal::{Action, Entry, JournalTime};
use aisoc_trust::lockfile::{
    LockAccess, LockEntry, LockPath, LockSchema, LockSession, Lockfile, Provenance, unjournaled,
};
use aisoc_trust::{Patience, lock_missing};
use jiff::Timestamp;

use super::came_in::platform_of;
use crate::at_rest::PluginAtRest;

/// Longest version that a message repeats.
const MAX_SHOWN: usize = 60;

/// What was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The entries, as they stand in the lock now.
    pub entries: Vec<LockEntry>,
    /// The lock.
    pub lock: PathBuf,
    /// The journal beside it.
    pub journal: PathBuf,
    /// The lock's schema version.
    pub schema: LockSchema,
}

/// What is accepted no more.
#[derive(Debug)]
pub struct Revoked {
    /// The entry that was there; nothing when somebody had taken it out by hand, and the journal did not know.
    pub entry: Option<LockEntry>,
    /// The lock.
    pub lock: PathBuf,
    /// The journal beside it.
    pub journal: PathBuf,
}

/// Takes the lock of a lock file, whose journal's end this site keeps where it has a place for it.
///
/// # Errors
/// As [`LockSession::begin`] and [`LockSession::with_journal`], and I/O reasons.
pub fn begin_lock(lock: &Path, site: &Site, access: &Access) -> Result<LockSession> {
    LockSession::begin(lock, site.journal_heads(access)?, &lock_access(access))?.with_journal()
}

/// Who changes the lock: who changes the site.
pub(super) fn lock_access(access: &Access) -> LockAccess {
    LockAccess {
        patience: Patience { lock_timeout: access.lock_timeout, cancellation: access.cancellation.clone() },
        writer: access.writer.clone(),
        dry_run: access.dry_run,
    }
}

/// A plugin as it is here, to be accepted.
#[derive(Debug)]
pub struct Acceptable {
    /// What was found.
    pub plugin: Discovered,
    /// What its signature is worth, of what has one, where more is written down than capa's five texts.
    pub judged: Option<Box<PluginAtRest>>,
}

/// Why something is accepted, and when.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'a> {
    /// What is written down of it beside what capa reads: where it is from, who has signed it, what it asks for.
    pub is_provided: bool,
    /// Why.
    pub reason: &'a str,
    /// When.
    pub at: Timestamp,
}

/// Accepts a plugin as it is here: an entry for it, in the place of the one that there was.
///
/// # Errors
/// `version_downgrade` below the oldest version that the entry accepts, and as [`LockSession::commit`].
pub fn accept(session: LockSession, plugin: &Acceptable, grounds: Grounds<'_>) -> Result<Accepted> {
    accept_all(session, std::slice::from_ref(plugin), grounds)
}

/// As [`accept`], of everything that is here, into a lock that is new.
///
/// # Errors
/// `already_exists` where there is one, and as [`accept`].
pub fn accept_installed(session: LockSession, plugins: &[Acceptable], grounds: Grounds<'_>) -> Result<Accepted> {
    require_absent(&session)?;
    accept_all(session, plugins, grounds)
}

/// Makes a lock that accepts nothing.
///
/// # Errors
/// `already_exists` where there is one, and as [`LockSession::commit`].
pub fn create(session: LockSession) -> Result<Accepted> {
    require_absent(&session)?;
    let lock = Lockfile::empty();
    let accepted = Accepted::of(&session, &lock, Vec::new());
    session.commit(&lock, &[])?;
    Ok(accepted)
}

impl Accepted {
    fn of(session: &LockSession, lock: &Lockfile, entries: Vec<LockEntry>) -> Self {
        let (path, journal) = (session.path().to_owned(), session.journal().path());
        Self { entries, lock: path, journal, schema: lock.schema() }
    }
}

/// A lock that is there is somebody's.
///
/// # Errors
/// `already_exists`.
fn require_absent(session: &LockSession) -> Result<()> {
    match session.lock() {
        None => Ok(()),
        Some(_) => Err(Fault::new(Reason::AlreadyExists, format!("`{}` is there already", session.path().display()))
            .hint("add to it, plugin by plugin: `aisoc plugins trust ID --reason TEXT`; or move it away first")),
    }
}

fn accept_all(session: LockSession, plugins: &[Acceptable], grounds: Grounds<'_>) -> Result<Accepted> {
    let Grounds { is_provided, reason, at } = grounds;
    let lock = session.lock().cloned().unwrap_or_else(Lockfile::empty);
    let known: HashMap<&str, &LockEntry> = lock.entries().iter().map(|entry| (&*entry.id, entry)).collect();
    // What is known beyond version 1 is about what was accepted before: it is written anew, or not at all.
    let is_provided = is_provided || lock.schema() > LockSchema::One;
    let entry = |Acceptable { plugin, judged }: &Acceptable| {
        let before = known.get(plugin.id.as_str()).copied();
        let provenance = match is_provided {
            true => provenance(plugin, judged.as_deref(), before, at)?,
            false => Provenance::default(),
        };
        Ok(entry(plugin, provenance))
    };
    let entries: Vec<LockEntry> = plugins.iter().map(entry).collect::<Result<_>>()?;
    let lines: Vec<Entry> = entries.iter().map(|entry| trust_line(entry, reason, at)).collect();
    let lock = lock.with_all(&entries)?;
    let accepted = Accepted::of(&session, &lock, entries);
    session.commit(&lock, &lines)?;
    Ok(accepted)
}

/// Takes a plugin out of the lock at `path`, of which the session is. One that somebody has taken out by hand gets the line that is missing.
///
/// # Errors
/// `usage` for what the lock does not list, with what it lists; `lock_missing` without a lock; and as
/// [`LockSession::commit`].
pub fn revoke(path: &LockPath, session: LockSession, id: &str, reason: &str, at: Timestamp) -> Result<Revoked> {
    let Some(lock) = session.lock() else { return Err(lock_missing(path)) };
    let entry = lock.entry(id).cloned();
    let changed = match lock.without(id)? {
        Some(changed) => changed,
        None => {
            let (found, _) = unjournaled(lock, session.journal())?;
            if !found.iter().any(|found| found.id == id && found.locked.is_none()) {
                return Err(not_listed(lock, id));
            }
            lock.clone()
        }
    };
    let line = revoke_line(id, reason, at);
    let revoked = Revoked { entry, lock: session.path().to_owned(), journal: session.journal().path() };
    session.commit(&changed, &[line])?;
    Ok(revoked)
}

fn not_listed(lock: &Lockfile, id: &str) -> Fault {
    let listed: Vec<String> = lock.entries().iter().map(|entry| entry.id.clone()).collect();
    Fault::new(Reason::Usage, format!("untrust: plugin '{id}' not found in plugins.lock. Accepted: {}", ids(&listed)))
        .hint("see what it accepts: `aisoc plugins list`")
}

/// Ids for a message: `<none>` without one.
pub(crate) fn ids(ids: &[String]) -> String {
    if ids.is_empty() { "<none>".to_owned() } else { ids.join(", ") }
}

/// The line of the journal that answers for an entry that is gone.
pub(crate) fn revoke_line(id: &str, reason: &str, at: Timestamp) -> Entry {
    Entry {
        at: JournalTime::utc(at),
        action: Action::Revoke,
        id: Some(id.to_owned()),
        version: None,
        hash: None,
        reason: Some(reason.to_owned()),
    }
}

/// The line of the journal that answers for an entry.
pub(crate) fn trust_line(entry: &LockEntry, reason: &str, at: Timestamp) -> Entry {
    Entry {
        at: JournalTime::utc(at),
        action: Action::Trust,
        id: Some(entry.id.clone()),
        version: Some(entry.version.clone()),
        hash: Some(entry.distribution_hash.clone()),
        reason: Some(reason.to_owned()),
    }
}

fn entry(plugin: &Discovered, provenance: Provenance) -> LockEntry {
    let Discovered { id, version, package, entry_point, hash, .. } = plugin.clone();
    LockEntry { id, package, version, entry_point, distribution_hash: hash, provenance }
}

fn provenance(
    plugin: &Discovered,
    judged: Option<&PluginAtRest>,
    before: Option<&LockEntry>,
    at: Timestamp,
) -> Result<Provenance> {
    let judgement = judged.and_then(|judged| judged.verdict.as_ref().ok());
    let record = match &plugin.origin {
        Origin::Installed(record) => Some(&**record),
        _ => None,
    };
    let signed_by: Vec<String> = judgement
        .map(|judged| judged.signers.iter().map(|signer| signer.fingerprint.to_string()).collect())
        .unwrap_or_default();
    let coverage = judgement.map(|judged| judged.coverage.as_str().to_owned());
    let grants = judged.and_then(|judged| judged.grants.as_ref()).or_else(|| plugin.declared_in_code());
    let capabilities = grants.map(|grants| grants.iter().cloned().collect());
    Ok(Provenance {
        source: Some(plugin.source.as_str().to_owned()),
        signed_by: (!signed_by.is_empty()).then_some(signed_by),
        coverage,
        capabilities,
        ..provenance_of(record, &plugin.id, &plugin.version, before, at)?
    })
}

/// What is known of every accepted plugin: from where, since when, and how far back it may go.
pub(super) fn provenance_of(
    record: Option<&InstallRecord>,
    id: &str,
    version: &str,
    before: Option<&LockEntry>,
    at: Timestamp,
) -> Result<Provenance> {
    Ok(Provenance {
        oci_ref: record.map(|record| record.reference.clone()),
        oci_digest: record.map(|record| record.digest.to_string()),
        oci_index_digest: record.and_then(|record| record.index_digest).map(|index| index.to_string()),
        oci_platform: record.and_then(platform_of).map(|platform| platform.to_string()),
        version_floor: Some(floor(id, version, before)?),
        accepted_at: Some(format!("{at:.0}")),
        ..Provenance::default()
    })
}

/// The floor only grows.
fn floor(id: &str, version: &str, before: Option<&LockEntry>) -> Result<String> {
    let Some(floor) = before.and_then(|before| before.provenance.version_floor.as_deref()) else {
        return Ok(version.to_owned());
    };
    match compare(version, floor) {
        Some(Ordering::Less) => Err(Fault::new(
            Reason::VersionDowngrade,
            format!("{}: plugins.lock accepts no version that is older than its `version_floor`", shown(id, MAX_SHOWN)),
        )
        .expected(format!("{} or newer", shown(floor, MAX_SHOWN)), shown(version, MAX_SHOWN))
        .hint("install a newer version; whoever answers for the older one lowers `version_floor` in the lock by hand")),
        Some(Ordering::Greater) => Ok(version.to_owned()),
        Some(Ordering::Equal) | None => Ok(floor.to_owned()),
    }
}
