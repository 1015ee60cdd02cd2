//! What a lock says and its journal does not: a change that nobody has answered for.

use std::collections::HashMap;
use std::fmt;

use aisoc_manifests::digest::AcceptedDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};

use super::entry::LockEntry;
use super::read::Lockfile;
use crate::journal::{Action, JournalPlace, JournalTime, Reading};

/// Most plugins of one journal whose last line is kept in mind.
const MAX_PLUGINS: usize = 100_000;

/// An entry, or one that is gone, of which the journal says something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unjournaled {
    /// The plugin.
    pub id: String,
    /// What the last line about it says that is accepted; nothing for a revocation, or without a line.
    pub journaled: Option<String>,
    /// What the lock accepts; nothing without an entry.
    pub locked: Option<String>,
    /// The last line about it, where that is a revocation.
    pub revoked: Option<Revocation>,
    /// Which of what the entry says was changed, where the hash is the same.
    pub changed: Option<Changed>,
}

/// What somebody has changed of an entry besides its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The version: what the line has, and what the entry has.
    Version(String, String),
    /// Something else: what is loaded, who has signed it, what it may ask for, which versions come back.
    Other,
}

/// A line that takes an acceptance back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When.
    pub at: JournalTime,
    /// Why.
    pub reason: Option<String>,
}

impl fmt::Display for Unjournaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = &self.id;
        if let Some(Revocation { at, reason }) = &self.revoked {
            let reason = reason.as_deref().unwrap_or("no reason is given");
            return write!(f, "`{id}` was revoked at {at}: {reason}; and the lock still accepts it");
        }
        match (&self.journaled, &self.locked) {
            (Some(_), None) => {
                write!(f, "unjournaled change: the entry `{id}` is gone, and the journal has no revocation of it")
            }
            (Some(_), Some(_)) => match &self.changed {
                None => {
                    write!(
                        f,
                        "unjournaled change: the entry `{id}` accepts another hash than its last line in the journal"
                    )
                }
                Some(Changed::Version(line, entry)) => {
                    write!(
                        f,
                        "unjournaled change: the entry `{id}` says version {entry}, and its last line in the journal {line}"
                    )
                }
                Some(Changed::Other) => {
                    write!(f, "unjournaled change: the entry `{id}` does not say what it said when it was accepted")
                }
            },
            (None, _) => write!(f, "unjournaled change: the journal has no line that accepts the entry `{id}`"),
        }
    }
}

/// What a line accepts: as much as whoever wrote it has said.
#[derive(Default)]
struct Accepted {
    hash: Option<String>,
    version: Option<String>,
    /// All that the entry said; not of a line by hand, or of an older aisoc.
    entry: Option<AcceptedDigest>,
}

impl Accepted {
    fn changed(&self, entry: &LockEntry) -> Option<Changed> {
        match &self.version {
            Some(version) if *version != entry.version => {
                Some(Changed::Version(version.clone(), entry.version.clone()))
            }
            _ => self.entry.filter(|accepted| *accepted != entry.digest()).map(|_| Changed::Other),
        }
    }
}

/// Goes over the journal beside a lock, and compares the last line about each plugin with its entry: in the order of
/// the lock, and behind it those that are gone, by their ids.
///
/// # Errors
/// As [`JournalPlace::read`], and `journal_invalid` for one that is about more plugins than any site has.
pub fn unjournaled(lock: &Lockfile, journal: &JournalPlace) -> Result<(Vec<Unjournaled>, Reading)> {
    let mut last: HashMap<String, Result<Accepted, Revocation>> = HashMap::new();
    let reading = journal.read(|seen| {
        let Ok(entry) = seen.entry() else { return Ok(()) };
        let (Some(id), Action::Trust | Action::Revoke) = (entry.id, entry.action) else { return Ok(()) };
        let said = match entry.action {
            Action::Trust => Ok(Accepted { hash: entry.hash, version: entry.version, entry: seen.accepted }),
            _ => Err(Revocation { at: entry.at, reason: entry.reason }),
        };
        if last.len() >= MAX_PLUGINS && !last.contains_key(&id) {
            let message = format!("`{}` is about more plugins than any site has", journal.path().display());
            return Err(Fault::new(Reason::JournalInvalid, message)
                .expected(format!("at most {MAX_PLUGINS} plugins"), "more")
                .hint("begin a new one: \"A new journal\" in `aisoc help journal`"));
        }
        last.insert(id, said);
        Ok(())
    })?;
    let mut found = Vec::new();
    for entry in lock.entries() {
        let (accepted, revoked) = match last.remove(&entry.id) {
            Some(Err(revocation)) => (Accepted::default(), Some(revocation)),
            said => (said.and_then(Result::ok).unwrap_or_default(), None),
        };
        let locked = Some(entry.distribution_hash.clone());
        let changed = (accepted.hash == locked).then(|| accepted.changed(entry)).flatten();
        if accepted.hash != locked || changed.is_some() {
            found.push(Unjournaled { id: entry.id.clone(), journaled: accepted.hash, locked, revoked, changed });
        }
    }
    let gone = last.into_iter().filter_map(|(id, said)| Some((id, said.ok()?.hash?)));
    let mut gone: Vec<(String, String)> = gone.collect();
    gone.sort();
    found.extend(gone.into_iter().map(|(id, hash)| Unjournaled {
        id,
        journaled: Some(hash),
        locked: None,
        revoked: None,
        changed: None,
    }));
    Ok((found, reading))
}
