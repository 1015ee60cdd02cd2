//! `calendar`: what falls due among the keys of a directory.

use std::collections::HashMap;
use std::path::Path;

use aisoc_installation::Site;
use aisoc_manifests::fault::Result;
use aisoc_signing::{Fingerprint, HeldKey, KeyPlace, Keyring};
use aisoc_trust::journal::{Action, JournalPlace};
use aisoc_trust::keys::Applied;
use jiff::Timestamp;

use super::lint::When;

/// What happens to a key on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueKind {
    /// It begins to count; one that is staged is to be promoted.
    Begins,
    /// It counts no more: it expires, as one does that is to be retired then.
    Expires,
    /// It counts no more: its revocation was decided.
    IsRevoked,
    /// It has been staged since then, and nobody has promoted it.
    StagedSince,
    /// The set that is followed can be relied on no more: a newer one may be withheld.
    SetExpires,
}

impl DueKind {
    /// The word in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Expires => "expires",
            Self::IsRevoked => "is_revoked",
            Self::StagedSince => "staged_since",
            Self::SetExpires => "set_expires",
        }
    }
}

/// One entry of a calendar.
#[derive(Debug, Clone)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: DueKind,
    /// Of what.
    pub of: DueOf,
}

/// What something happens to.
#[derive(Debug, Clone)]
pub enum DueOf {
    /// A key.
    Key(Box<HeldKey>),
    /// The set of keys that is followed, as it was applied.
    Set {
        /// Which set.
        name: String,
        /// Its version.
        version: u64,
    },
}

impl DueOf {
    /// By the file of a key; a set before them.
    fn order(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(&key.file),
            Self::Set { .. } => None,
        }
    }
}

/// A directory of keys, and what falls due in it.
#[derive(Debug)]
pub struct Calendar {
    /// The keys.
    pub keyring: Keyring,
    /// In order of time.
    pub due: Vec<Due>,
}

/// Everything that falls due up to a time. What is over stays in it as long as its key stands where it counts: somebody
/// has still to do something about it; and the end of a set until a newer one is applied.
///
/// # Errors
/// `io_not_found` when there is nothing where keys should be; as [`Keyring::read`], [`Applied::read`] and reading the
/// journals.
pub fn calendar(keys_dir: &Path, site: &Site, when: &When) -> Result<Calendar> {
    let keyring = Keyring::read(keys_dir)?.require_there()?;
    let staged = staged(keys_dir, site)?;
    let set = Applied::read(keys_dir)?.map(of_set);
    let mut due: Vec<Due> = keyring.all_keys().iter().flat_map(|key| of_key(key, &staged)).chain(set).collect();
    due.retain(|due| due.at <= when.horizon() && !is_done(due, when.at));
    due.sort_by(|one, other| (one.at, one.of.order(), one.kind).cmp(&(other.at, other.of.order(), other.kind)));
    Ok(Calendar { keyring, due })
}

/// A beginning that is over is nothing to do, but for a key that still waits for it.
fn is_done(due: &Due, at: Timestamp) -> bool {
    let is_trusted = matches!(&due.of, DueOf::Key(key) if key.place == KeyPlace::Trusted);
    due.kind == DueKind::Begins && due.at <= at && is_trusted
}

fn of_set(applied: Applied) -> Due {
    let Applied { name, version, expires_at, .. } = applied;
    Due { at: expires_at, kind: DueKind::SetExpires, of: DueOf::Set { name, version } }
}

fn of_key(key: &HeldKey, staged: &HashMap<Fingerprint, Timestamp>) -> Vec<Due> {
    let due = |at, kind| Due { at, kind, of: DueOf::Key(Box::new(key.clone())) };
    if !matches!(key.place, KeyPlace::Trusted | KeyPlace::Staged) {
        return Vec::new();
    }
    let end = key
        .planned_end()
        .map(|end| due(end.at(), if end.is_revocation() { DueKind::IsRevoked } else { DueKind::Expires }));
    let waits = staged.get(&key.fingerprint).filter(|_| key.place == KeyPlace::Staged);
    let waits = waits.map(|since| due(*since, DueKind::StagedSince));
    let begin = key.first_moment().map(|at| due(at, DueKind::Begins));
    [begin, end, waits].into_iter().flatten().collect()
}

/// When each key was staged last, as the journals have it.
fn staged(keys_dir: &Path, site: &Site) -> Result<HashMap<Fingerprint, Timestamp>> {
    let mut staged = HashMap::new();
    let in_keyring = if keys_dir.is_dir() { JournalPlace::in_keyring(keys_dir)? } else { None };
    for place in [in_keyring, site.keys_journal()?].into_iter().flatten() {
        place.read(|seen| {
            let entry = seen.entry().ok().filter(|entry| entry.action == Action::KeyStage);
            let key = entry.as_ref().and_then(|entry| entry.hash.as_deref()?.parse().ok());
            staged.extend(key.zip(entry.map(|entry| entry.at.instant())));
            Ok(())
        })?;
    }
    Ok(staged)
}
