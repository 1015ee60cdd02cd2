//! `Foreseen`: what steps would make of the keys, for whoever asks before they are taken. Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;

use aisoc_signing::{
    Fingerprint, ForeseenFile, KeyNotes, KeyPlace, Keyring, PublicKey, SignatureKind, Standing, note_of,
};
use jiff::Timestamp;

use super::change::{KeyChange, KeyFile, Step, limit_alike};

/// What becomes of keys.
#[derive(Debug, Clone, Default)]
pub struct Foreseen {
    steps: Vec<Step>,
    keys: BTreeSet<Fingerprint>,
}

/// The files of keys, and the notes beside them, each by its place and name.
struct Files {
    keys: BTreeMap<(KeyPlace, String), PublicKey>,
    notes: BTreeMap<(KeyPlace, String), KeyNotes>,
}

impl Foreseen {
    /// What a change makes of one key.
    pub fn of(change: &KeyChange, key: Fingerprint) -> Self {
        Self { steps: change.steps.clone(), keys: BTreeSet::from([key]) }
    }

    pub(super) fn new(steps: Vec<Step>, keys: BTreeSet<Fingerprint>) -> Self {
        Self { steps, keys }
    }

    /// Whether something else limits a key then, or it is not where it was: a note can say who owns a key, too.
    pub fn limits_anew(&self, keyring: &Keyring) -> bool {
        let (before, after) = (Files::of(keyring), self.files(keyring));
        let is_kept = |(file, _): (&(KeyPlace, String), &PublicKey)| {
            let note = note_at(&KeyFile { place: file.0, name: file.1.clone() });
            after.keys.contains_key(file) && limit_alike(before.notes.get(&note), after.notes.get(&note))
        };
        !before.keys.iter().all(is_kept)
    }

    /// The keys that it is about.
    pub fn keys(&self) -> &BTreeSet<Fingerprint> {
        &self.keys
    }

    /// The keys as they would be.
    pub fn after(&self, keyring: &Keyring) -> Keyring {
        keyring.with_files(self.files(keyring).into_files())
    }

    fn files(&self, keyring: &Keyring) -> Files {
        let mut files = Files::of(keyring);
        self.steps.iter().for_each(|step| files.take(step));
        files
    }
}

impl Files {
    fn of(keyring: &Keyring) -> Self {
        let named = |file: KeyFile| (file.place, file.name);
        let keys = keyring.all_keys();
        Self {
            keys: keys.iter().map(|key| (named(KeyFile::of(key)), key.key)).collect(),
            notes: keys.iter().filter_map(|key| Some((note_at(&KeyFile::of(key)), key.notes()?.clone()))).collect(),
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::PutKey { place, name, pem, .. } => {
                // What cannot be read is no key, as on the disk.
                if let Ok(key) = PublicKey::from_pem(pem.as_bytes()) {
                    self.keys.insert((*place, name.clone()), key);
                }
            }
            Step::MoveKey { from, to, name, .. } => {
                if let Some(key) = self.keys.remove(&(*from, name.clone())) {
                    self.keys.insert((*to, name.clone()), key);
                }
            }
            Step::RemoveKey { place, name, .. } => drop(self.keys.remove(&(*place, name.clone()))),
            Step::WriteNote { place, name, note } => {
                drop(self.notes.insert((*place, name.clone()), note.as_ref().clone()));
            }
            Step::RemoveNote { place, name } => drop(self.notes.remove(&(*place, name.clone()))),
            Step::WriteOwn { .. } => {}
        }
    }

    fn into_files(self) -> impl Iterator<Item = ForeseenFile> {
        let Self { keys, notes } = self;
        keys.into_iter().map(move |((place, name), key)| {
            let note = notes.get(&note_at(&KeyFile { place, name: name.clone() })).cloned();
            ForeseenFile { place, name, key, note }
        })
    }
}

fn note_at(file: &KeyFile) -> (KeyPlace, String) {
    (file.place, note_of(OsStr::new(&file.name)).to_string_lossy().into_owned())
}

/// How many distinct trusted keys count at that time for such things.
pub fn counting(keyring: &Keyring, kind: SignatureKind, at: Timestamp) -> usize {
    let counts = keyring.keys().iter().filter(|key| key.standing_as(kind, at) == Standing::Current);
    counts.map(|key| key.fingerprint).collect::<BTreeSet<_>>().len()
}
