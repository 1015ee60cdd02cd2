//! `KeyChange`: what is done to the keys of a directory, as steps in the order in which they are safe.

use std::ffi::OsStr;

use aisoc_signing::{Fingerprint, HeldKey, KeyNotes, KeyPlace, PublicKey};
use serde::{Deserialize, Serialize};

use crate::journal::{Action, Entry};

/// A change that was decided, and what is written down of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// The line of the journal.
    pub entry: Entry,
    /// The lines behind it, of a change that is about several keys.
    pub(super) also: Vec<Entry>,
    /// What is done, in order.
    pub(super) steps: Vec<Step>,
}

/// Where the file of a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// The place.
    pub place: KeyPlace,
    /// The name of the file.
    pub name: String,
}

/// One step. Each is either done or not after a kill, and doing it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Step {
    /// Puts a key where none has its name.
    PutKey { place: KeyPlace, name: String, pem: String, fingerprint: Fingerprint },
    /// Writes the note of a key, or replaces it.
    WriteNote { place: KeyPlace, name: String, note: Box<KeyNotes> },
    /// Moves a key to another place.
    MoveKey { from: KeyPlace, to: KeyPlace, name: String, fingerprint: Fingerprint },
    /// Removes a key that stands somewhere else as well.
    RemoveKey { place: KeyPlace, name: String, fingerprint: Fingerprint },
    /// Removes the note of a key.
    RemoveNote { place: KeyPlace, name: String },
    /// Writes a file of the keyring's own directory, or replaces it.
    WriteOwn { file: OwnFile, content: String },
}

/// What a site keeps beside its keys of the set that it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum OwnFile {
    /// What was taken of it.
    Applied,
    /// Which set that is.
    Settings,
}

impl OwnFile {
    /// The name in the keyring's own directory.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Applied => "keyset.json",
            Self::Settings => "sync.json",
        }
    }
}

impl KeyFile {
    /// That of a key of the directory.
    pub fn of(key: &HeldKey) -> Self {
        let name = key.file.rsplit_once('/').map_or(key.file.as_str(), |(_, name)| name);
        Self { place: key.place, name: name.to_owned() }
    }

    /// A new file of that id.
    pub(super) fn named(place: KeyPlace, id: &str) -> Self {
        Self { place, name: format!("{id}.pem") }
    }

    /// The path from the directory of the keys on.
    pub fn path(&self) -> String {
        self.place.below(&self.name)
    }

    fn note_name(&self) -> String {
        aisoc_signing::note_of(OsStr::new(&self.name)).to_string_lossy().into_owned()
    }
}

impl Step {
    /// The steps that put a new key into a place. Into the trusted ones it goes by way of the staged: so its note is
    /// there before it counts, and is at no time the note of a key that is nowhere.
    pub(super) fn put(key: &PublicKey, file: &KeyFile, note: Option<KeyNotes>) -> Vec<Self> {
        let (name, fingerprint) = (file.name.clone(), key.fingerprint());
        let first = if file.place == KeyPlace::Trusted { KeyPlace::Staged } else { file.place };
        let put = Self::PutKey { place: first, name: name.clone(), pem: key.to_pem(), fingerprint };
        let note = note.map(|note| Self::write_note(file, note));
        let moved = (first != file.place).then_some(Self::MoveKey { from: first, to: file.place, name, fingerprint });
        std::iter::once(put).chain(note).chain(moved).collect()
    }

    /// The steps that move a key to another place, where `note` is what is written of it. The note goes before: in
    /// between the key has both, and the stricter one counts.
    pub(super) fn moved(key: &HeldKey, to: KeyPlace, note: Option<KeyNotes>) -> Vec<Self> {
        let from = KeyFile::of(key);
        let target = KeyFile { place: to, name: from.name.clone() };
        let write = note.map(|note| Self::write_note(&target, note));
        let moved = Self::MoveKey { from: from.place, to, name: from.name.clone(), fingerprint: key.fingerprint };
        let remove = key.notes().map(|_| Self::RemoveNote { place: from.place, name: from.note_name() });
        write.into_iter().chain([moved]).chain(remove).collect()
    }

    /// As [`Step::moved`], to another name: it stands in both places first, and the stricter one counts.
    pub(super) fn moved_as(key: &HeldKey, target: &KeyFile, note: KeyNotes) -> Vec<Self> {
        let from = KeyFile::of(key);
        let (name, pem, fingerprint) = (target.name.clone(), key.key.to_pem(), key.fingerprint);
        let put = Self::PutKey { place: target.place, name, pem, fingerprint };
        let write = Self::write_note(target, note);
        let unnote = key.notes().map(|_| Self::RemoveNote { place: from.place, name: from.note_name() });
        let remove = Self::RemoveKey { place: from.place, name: from.name.clone(), fingerprint };
        [put, write].into_iter().chain(unnote).chain([remove]).collect()
    }

    /// The step that makes `note` what is written of a key.
    pub(super) fn noted(key: &HeldKey, note: Option<KeyNotes>) -> Self {
        let file = KeyFile::of(key);
        match note {
            Some(note) => Self::write_note(&file, note),
            None => Self::RemoveNote { place: file.place, name: file.note_name() },
        }
    }

    fn write_note(file: &KeyFile, note: KeyNotes) -> Self {
        Self::WriteNote { place: file.place, name: file.note_name(), note: Box::new(note) }
    }
}

/// Whether two notes limit a key in the same way, whatever else they say of it.
pub(super) fn limit_alike(one: Option<&KeyNotes>, other: Option<&KeyNotes>) -> bool {
    let limits = |note: Option<&KeyNotes>| {
        let note = note.cloned().unwrap_or_default();
        KeyNotes { schema_version: 0, owner: None, comment: None, ..note }
    };
    limits(one) == limits(other)
}

impl KeyChange {
    /// What was done, by the word of the journal.
    pub fn action(&self) -> Action {
        self.entry.action
    }

    /// Every line of the journal, in order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        std::iter::once(&self.entry).chain(&self.also)
    }

    /// Whether it is made although the journal does not hold: a key is revoked by it, and one that is in the wrong hands
    /// is not trusted until somebody has mended the journal.
    pub(super) fn goes_without_journal(&self) -> bool {
        let revokes = self.steps.iter().any(|step| {
            matches!(step, Step::PutKey { place: KeyPlace::Revoked, .. } | Step::MoveKey { to: KeyPlace::Revoked, .. })
        });
        self.action() == Action::KeyRevoke || revokes
    }
}
