//! What each command makes of the keys as they are: a change, or why not. Nothing is read or written here.

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::text::shown;
use aisoc_signing::{
    Fingerprint, HeldKey, KeyNotes, KeyPlace, Keyring, PublicKey, Revocation, SignatureKind, Standing,
};
use jiff::Timestamp;

use super::change::{KeyChange, KeyFile, Step};
use crate::journal::{Action, Entry, JournalTime};

/// Longest id: it becomes the name of a file, with a suffix.
const MAX_ID_BYTES: usize = 128;

/// A key that comes.
#[derive(Debug, Clone)]
pub struct Addition {
    /// The key.
    pub key: PublicKey,
    /// Under which id.
    pub id: String,
    /// What is written of it.
    pub note: Option<KeyNotes>,
}

/// When something is done to a key, and why.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: StatedReason,
}

impl Grounds {
    fn change(&self, action: Action, id: &str, key: Fingerprint, steps: Vec<Step>) -> KeyChange {
        let entry = Entry {
            at: JournalTime::utc(self.at),
            action,
            id: Some(id.to_owned()),
            version: None,
            hash: Some(key.to_string()),
            reason: Some(self.reason.to_string()),
        };
        KeyChange { entry, also: Vec::new(), steps }
    }
}

impl KeyChange {
    /// Makes a key a trusted one.
    ///
    /// # Errors
    /// `usage` for what is no id, `already_exists` for a key or an id that is there, `key_revoked` for a key that was
    /// revoked, `key_note_invalid` for a note that says nothing.
    pub fn add(keyring: &Keyring, addition: &Addition, why: &Grounds) -> Result<Self> {
        Self::put(keyring, addition, KeyPlace::Trusted, Action::KeyAdd, why)
    }

    /// Puts a key beside the trusted ones.
    ///
    /// # Errors
    /// As [`KeyChange::add`].
    pub fn stage(keyring: &Keyring, addition: &Addition, why: &Grounds) -> Result<Self> {
        Self::put(keyring, addition, KeyPlace::Staged, Action::KeyStage, why)
    }

    /// Makes a key a trusted one because others have named it their successor.
    ///
    /// # Errors
    /// As [`KeyChange::add`].
    pub(super) fn accept(keyring: &Keyring, addition: &Addition, why: &Grounds) -> Result<Self> {
        Self::put(keyring, addition, KeyPlace::Trusted, Action::KeyAccept, why)
    }

    fn put(keyring: &Keyring, addition: &Addition, place: KeyPlace, action: Action, why: &Grounds) -> Result<Self> {
        let Addition { key, id, note } = addition;
        require_id(id)?;
        require_new(keyring, key.fingerprint(), id)?;
        note.as_ref().map_or(Ok(()), KeyNotes::require_sound)?;
        let steps = Step::put(key, &KeyFile::named(place, id), note.clone());
        Ok(why.change(action, id, key.fingerprint(), steps))
    }

    /// Writes down that a key is trusted which somebody has put there by hand. Nothing else is changed.
    ///
    /// # Errors
    /// `usage` for a key that is not trusted.
    pub fn write_down(key: &HeldKey, why: &Grounds) -> Result<Self> {
        require_place(key, KeyPlace::Trusted)?;
        Ok(why.change(Action::KeyAdd, key.id.as_str(), key.fingerprint, Vec::new()))
    }

    /// Makes a staged key a trusted one.
    ///
    /// # Errors
    /// `usage` for a key that is not staged, `already_exists` for an id that is taken at the top.
    pub fn promote(keyring: &Keyring, key: &HeldKey, why: &Grounds) -> Result<Self> {
        require_place(key, KeyPlace::Staged)?;
        require_free(keyring, key, KeyPlace::Trusted)?;
        let steps = Step::moved(key, KeyPlace::Trusted, key.notes().cloned());
        Ok(why.change(Action::KeyPromote, key.id.as_str(), key.fingerprint, steps))
    }

    /// Takes a trusted key out of use: now, or `after` a time that is still to come, until which it counts.
    ///
    /// # Errors
    /// `usage` for a key that is not trusted and for a time that is over, `already_exists` for an id that is taken among the
    /// retired.
    pub fn retire(keyring: &Keyring, key: &HeldKey, after: Option<Timestamp>, why: &Grounds) -> Result<Self> {
        require_place(key, KeyPlace::Trusted)?;
        let steps = match after {
            None => {
                require_free(keyring, key, KeyPlace::Retired)?;
                Step::moved(key, KeyPlace::Retired, key.notes().cloned())
            }
            Some(after) => vec![Step::noted(key, Some(ending(key, after, why.at)?))],
        };
        Ok(why.change(Action::KeyRetire, key.id.as_str(), key.fingerprint, steps))
    }

    /// Revokes a key wherever it stands and under every name: what it signed counts no more, but for what a timestamp
    /// authority of the site says was signed before `since`.
    ///
    /// # Errors
    /// `usage` for a time that is still to come, and for a time of a key that is not trusted: revoking it would give it
    /// something. `already_exists` for an id that is taken among the revoked.
    pub fn revoke(keyring: &Keyring, key: &HeldKey, since: Option<Timestamp>, why: &Grounds) -> Result<Self> {
        if let Some(since) = since.filter(|since| *since > why.at) {
            return Err(Fault::new(Reason::Usage, "a key cannot have been lost in the future")
                .expected(format!("a time up to {}", why.at), since.to_string())
                .hint("name the time since which somebody else may have had it, or leave it out"));
        }
        let revocation = Revocation { at: whole_seconds(why.at), reason: Some(why.reason.to_string()), since };
        let others = keyring.all_keys().iter().filter(|other| other.fingerprint == key.fingerprint);
        let standing: Vec<&HeldKey> = others.filter(|other| other.place != KeyPlace::Revoked).collect();
        if standing.is_empty() {
            return Err(nothing_to_do(key, "is revoked already"));
        }
        if since.is_some() && standing.iter().all(|held| held.place != KeyPlace::Trusted) {
            return Err(Fault::new(
                Reason::Usage,
                format!("key `{}` is not trusted, and gets nothing by when", key.id),
            )
            .expected("no time: nothing that it signed counts", "a time before which it would count")
            .hint("revoke it without `--since`"));
        }
        let mut steps = Vec::new();
        for held in standing {
            let note = KeyNotes { revoked: Some(revocation.clone()), ..of_schema(held.notes()) };
            steps.extend(match other_name(keyring, held) {
                None => Step::moved(held, KeyPlace::Revoked, Some(note)),
                Some(id) => Step::moved_as(held, &KeyFile::named(KeyPlace::Revoked, &id), note),
            });
        }
        Ok(why.change(Action::KeyRevoke, key.id.as_str(), key.fingerprint, steps))
    }

    /// Makes a key that was retired or revoked a trusted one again.
    ///
    /// # Errors
    /// `usage` for a key that is neither, and for one that would not count all the same; `already_exists` for an id that is
    /// taken at the top.
    pub fn restore(keyring: &Keyring, key: &HeldKey, why: &Grounds) -> Result<Self> {
        if !matches!(key.place, KeyPlace::Retired | KeyPlace::Revoked) {
            return Err(not_there(key, "a retired or a revoked key"));
        }
        require_free(keyring, key, KeyPlace::Trusted)?;
        let twin = keyring.all_keys().iter().find(|other| {
            other.fingerprint == key.fingerprint && other.file != key.file && other.place == KeyPlace::Revoked
        });
        if let Some(twin) = twin {
            return Err(Fault::new(Reason::KeyRevoked, format!("the key is revoked as `{}` as well", twin.file))
                .expected("a key that is revoked under one name", format!("`{}` and `{}`", key.file, twin.file))
                .hint("remove one of the two files, which hold the same key, and restore the other"));
        }
        let note = key.notes().map(|notes| KeyNotes { revoked: None, ..of_schema(Some(notes)) });
        let note = note.filter(|note| note.require_sound().is_ok());
        if let Some(note) = note.as_ref().filter(|note| matches!(note.standing(why.at), Standing::Expired(_))) {
            let end = note.not_after.map_or_else(String::new, |end| end.to_string());
            return Err(Fault::new(Reason::KeyExpired, format!("key `{}` has expired, and would not count", key.id))
                .expected(format!("not_after behind {}", why.at), end)
                .hint(
                    "use a new key; or change the note first: `aisoc keys annotate ID --not-after TIME --reason TEXT`",
                ));
        }
        let steps = Step::moved(key, KeyPlace::Trusted, note);
        Ok(why.change(Action::KeyRestore, key.id.as_str(), key.fingerprint, steps))
    }

    /// Makes `note` what is written of a key; nothing is written of it any more when there is none.
    ///
    /// # Errors
    /// `key_note_invalid` for a note that says nothing or the same as before, `usage` for one that would take back a
    /// revocation.
    pub fn annotate(key: &HeldKey, note: Option<KeyNotes>, why: &Grounds) -> Result<Self> {
        note.as_ref().map_or(Ok(()), KeyNotes::require_sound)?;
        if note.as_ref() == key.notes() {
            return Err(nothing_to_do(key, "has that note already"));
        }
        let revocation = |notes: Option<&KeyNotes>| notes.and_then(|notes| notes.revoked.clone());
        if revocation(note.as_ref()) != revocation(key.notes()) {
            return Err(Fault::new(Reason::Usage, "a note is not how a key is revoked or restored")
                .hint("`aisoc keys revoke ID --reason TEXT`, or `aisoc keys restore ID --reason TEXT`"));
        }
        let steps = vec![Step::noted(key, note)];
        Ok(why.change(Action::KeyAnnotate, key.id.as_str(), key.fingerprint, steps))
    }
}

/// Nobody needs to know the moment more exactly, and one that is a little earlier takes nothing away.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A note as it is written today.
fn of_schema(notes: Option<&KeyNotes>) -> KeyNotes {
    let notes = notes.cloned().unwrap_or_default();
    KeyNotes { schema_version: KeyNotes::SCHEMA_VERSION, ..notes }
}

/// The note of a key that ends then.
fn ending(key: &HeldKey, after: Timestamp, now: Timestamp) -> Result<KeyNotes> {
    if after <= now {
        return Err(Fault::new(Reason::Usage, "the time after which the key is retired is over")
            .expected(format!("a time behind {now}"), after.to_string())
            .hint("leave `--after` out to retire the key now"));
    }
    if let Some(end) = key.planned_end().filter(|end| end.at() <= after) {
        return Err(
            nothing_to_do(key, &format!("{end}")).expected(format!("a time before {}", end.at()), after.to_string())
        );
    }
    Ok(KeyNotes { not_after: Some(after), ..of_schema(key.notes()) })
}

fn nothing_to_do(key: &HeldKey, why: &str) -> Fault {
    Fault::new(Reason::AlreadyExists, format!("key `{}` {why}", key.id))
        .hint("nothing is to be done; see what is written of it with `aisoc keys list`")
}

fn require_place(key: &HeldKey, place: KeyPlace) -> Result<()> {
    match key.place == place {
        true => Ok(()),
        false => Err(not_there(key, &format!("a {} key", place.as_str()))),
    }
}

fn not_there(key: &HeldKey, expected: &str) -> Fault {
    Fault::new(Reason::Usage, format!("key `{}` is a {} one", key.id, key.place.as_str()))
        .expected(expected, format!("`{}`", key.file))
        .hint("see where each key stands with `aisoc keys list`")
}

/// A file keeps its name when it is moved, so that its history can be followed by it.
fn require_free(keyring: &Keyring, key: &HeldKey, place: KeyPlace) -> Result<()> {
    let taken = keyring.all_keys().iter().find(|other| other.place == place && other.id == key.id);
    match taken {
        None => Ok(()),
        Some(other) => Err(Fault::new(Reason::AlreadyExists, format!("`{}` has that id already", other.file))
            .expected(format!("no key `{}` that is {}", key.id, place.as_str()), other.fingerprint.to_string())
            .hint(format!(
                "give one of the two files another name: {} or {}",
                shell_word(&key.file),
                shell_word(&other.file)
            ))),
    }
}

/// Under which name a key is revoked where another key has its own: a revocation waits for nobody to tidy up.
fn other_name(keyring: &Keyring, key: &HeldKey) -> Option<String> {
    let is_taken = |id: &str| {
        let there = keyring.all_keys().iter().filter(|other| other.place == KeyPlace::Revoked);
        there.filter(|other| other.fingerprint != key.fingerprint).any(|other| other.id.as_str() == id)
    };
    let digits = key.fingerprint.hex();
    let names = [format!("{}-{}", key.id, &digits[..8]), digits.to_string()];
    is_taken(key.id.as_str()).then(|| names.into_iter().find(|id| !is_taken(id)))?
}

/// An id that is a plain file name on every system, and begins with what no option begins with.
pub(super) fn is_id(id: &str) -> bool {
    let is_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.chars().all(is_char) && id.len() <= MAX_ID_BYTES
}

fn require_id(id: &str) -> Result<()> {
    match is_id(id) {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, format!("`{}` is no id of a key", shown(id, 80)))
            .expected(
                format!("letters, digits, `.`, `_` and `-`, at most {MAX_ID_BYTES}, a letter or digit first"),
                shown(id, 80),
            )
            .hint("name it with `--id ID`")),
    }
}

/// Whether neither the key nor a key of that id is there, in whatever place.
fn require_new(keyring: &Keyring, fingerprint: Fingerprint, id: &str) -> Result<()> {
    let same = |key: &&HeldKey| key.fingerprint == fingerprint;
    if let Some(there) = keyring.all_keys().iter().filter(same).max_by_key(|key| key.place) {
        let (reason, hint) = match there.place {
            KeyPlace::Revoked => (Reason::KeyRevoked, "ask its publisher for the key that replaces it"),
            KeyPlace::Trusted => (Reason::AlreadyExists, "nothing is to be done: it is trusted; see `aisoc keys list`"),
            KeyPlace::Staged => (Reason::AlreadyExists, "make it a trusted one: `aisoc keys promote ID --reason TEXT`"),
            KeyPlace::Retired => (Reason::AlreadyExists, "trust it again: `aisoc keys restore ID --reason TEXT`"),
        };
        return Err(Fault::new(
            reason,
            format!("the key is there already, as `{}`, and is {}", there.file, there.place.as_str()),
        )
        .expected("a key that is not there", fingerprint.to_string())
        .hint(hint));
    }
    match keyring.all_keys().iter().find(|key| key.id.as_str().eq_ignore_ascii_case(id)) {
        None => Ok(()),
        Some(taken) => Err(Fault::new(Reason::AlreadyExists, format!("another key is there as `{}`", taken.file))
            .expected(format!("no key of the id `{id}`"), taken.fingerprint.to_string())
            .hint("name the new one with `--id ID`; the old one is replaced with `aisoc keys rotate`")),
    }
}

/// Whether a key that is trusted counts beside that one, at that time: without one nothing is verified any more.
pub fn counts_beside(keyring: &Keyring, fingerprint: Fingerprint, at: Timestamp) -> bool {
    let counts = |key: &HeldKey| {
        key.fingerprint != fingerprint && key.standing_as(SignatureKind::Plugin, at) == Standing::Current
    };
    keyring.keys().iter().any(counts)
}
