//! `Gathered`: the keys of every place of a directory, each with what limits it under whatever name.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason};

use super::folder::{Content, Contents, KeyFile, key_id, shown};
use super::held::{HeldKey, Limits};
use super::names::note_of;
use super::notes::KeyNotes;
use super::place::KeyPlace;
use crate::key::Fingerprint;

/// What became of the files that are named as keys are.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Those that can be used.
    pub(super) keys: Vec<HeldKey>,
    /// Those that are not used.
    pub(super) skipped: Vec<SkippedKey>,
    /// What limits a key that nothing limits.
    unlimited: Arc<Limits>,
    /// Those without which nobody can tell what is limited or revoked, each by its file.
    pub(super) refusals: Vec<(String, Fault)>,
}

/// A key that is not used: that of a whole file, or one behind another in a file.
#[derive(Debug, Clone)]
pub struct SkippedKey {
    /// File name.
    pub file: String,
    /// Why: `key_invalid`, `weak_key`, or why it could not be read.
    pub fault: Fault,
    /// The key by content, when it can be read.
    pub fingerprint: Option<Fingerprint>,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: error[{}]: {}", self.file, self.fault.reason(), self.fault)?;
        match self.fault.reason() {
            Reason::KeyInvalid => write!(f, "; {}", self.fault.next_step()),
            _ => Ok(()),
        }
    }
}

/// The notes whose key stands in another place: one that is on its way there.
struct NotesInFlight<'a>(HashMap<&'a OsStr, Vec<&'a KeyNotes>>);

impl<'a> NotesInFlight<'a> {
    fn of(places: &'a [Content]) -> Self {
        let mut in_flight: HashMap<&OsStr, Vec<&KeyNotes>> = HashMap::new();
        for Content { keys, notes, .. } in places.iter().filter(|content| !content.notes.is_empty()) {
            let own: HashSet<OsString> = keys.iter().map(|(key, _)| note_of(key)).collect();
            let understood = notes.iter().filter_map(|(name, note)| Some((name, note.as_ref().ok()?)));
            for (name, note) in understood.filter(|(name, _)| !own.contains(*name)) {
                in_flight.entry(name).or_default().push(note);
            }
        }
        Self(in_flight)
    }

    fn named(&self, name: &OsStr) -> &[&'a KeyNotes] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The notes that are about one key file.
struct Noted<'a> {
    own: Option<&'a KeyNotes>,
    in_flight: &'a [&'a KeyNotes],
}

impl Noted<'_> {
    fn is_any(&self) -> bool {
        self.own.is_some() || !self.in_flight.is_empty()
    }

    fn limits(&self, place: KeyPlace) -> Limits {
        let mut limits = Limits::of(place, self.own);
        limits.notes.extend(self.in_flight.iter().copied().cloned());
        limits
    }
}

impl Gathered {
    /// Of the notes those that are understood.
    pub(super) fn of(directory: &Path, contents: &Contents) -> Self {
        let in_flight = NotesInFlight::of(&contents.places);
        let file_count = contents.places.iter().map(|content| content.keys.len()).sum();
        let mut gathered = Self { keys: Vec::with_capacity(file_count), ..Self::default() };
        for Content { place, keys, notes, .. } in &contents.places {
            for (name, file) in keys {
                let note = note_of(name);
                let own = notes.get(&note).and_then(|note| note.as_ref().ok());
                let noted = Noted { own, in_flight: in_flight.named(&note) };
                gathered.add(directory, *place, file, name, &noted);
            }
        }
        spread_limits(&mut gathered.keys);
        gathered
    }

    /// A key with a note can be used, or nobody knows which key the note is about: that may be here again. And so can
    /// a revoked one.
    fn add(&mut self, directory: &Path, place: KeyPlace, held: &KeyFile, name: &OsStr, noted: &Noted<'_>) {
        let Some(id) = key_id(name) else { return };
        let file = place.below(&shown(name));
        let skipped = |fingerprint, fault: &Fault| SkippedKey { file: file.clone(), fault: fault.clone(), fingerprint };
        self.skipped.extend(held.unused.iter().map(|(key, fault)| skipped(Some(*key), fault)));
        match &held.key {
            Ok(key) => self.keys.push(HeldKey {
                id,
                file: file.clone(),
                place,
                fingerprint: key.fingerprint(),
                key: *key,
                notes: noted.own.cloned().map(Box::new),
                limits: match noted.is_any() || place == KeyPlace::Revoked {
                    true => Arc::new(noted.limits(place)),
                    false => Arc::clone(&self.unlimited),
                },
            }),
            Err(fault) if noted.is_any() => {
                let note = directory.join(place.below(&shown(&note_of(name))));
                let message = format!("the note `{}` is about a key that cannot be used, `{file}`", note.display());
                let hint =
                    format!("put the public key back into `{file}`: what its note takes away is known by it alone");
                let refusal = Fault::new(Reason::KeyNoteInvalid, message).caused_by(fault.clone()).hint(hint);
                self.refusals.push((file, refusal));
            }
            Err(fault) if place == KeyPlace::Revoked => {
                let refusal = fault.clone().about("nobody can tell which key is revoked").hint(format!(
                    "put the public key that was revoked back into `{file}`: it is known by its bytes alone"
                ));
                self.refusals.push((file, refusal));
            }
            Err(fault) => self.skipped.push(skipped(None, fault)),
        }
    }
}

/// One key is one key, wherever it stands and whatever its files are called: the note on one of them is about all.
pub(super) fn spread_limits(keys: &mut [HeldKey]) {
    let mut limits: HashMap<Fingerprint, Limits> = HashMap::new();
    for key in keys.iter().filter(|key| key.limits.is_some()) {
        limits.entry(key.fingerprint).or_default().add(&key.limits);
    }
    let limits: HashMap<_, _> = limits.into_iter().map(|(key, limits)| (key, Arc::new(limits))).collect();
    for key in keys {
        if let Some(limits) = limits.get(&key.fingerprint) {
            key.limits = Arc::clone(limits);
        }
    }
}
