//! The keyring as it would be with other files: what is asked before keys are changed.

use std::collections::HashMap;

use super::folder::key_id;
use super::gathered::spread_limits;
use super::held::{HeldKey, Limits};
use super::notes::KeyNotes;
use super::place::KeyPlace;
use crate::key::{Fingerprint, PublicKey};

/// The file of a key as it would be.
#[derive(Debug, Clone)]
pub struct ForeseenFile {
    /// Where it would stand.
    pub place: KeyPlace,
    /// The name of the file.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// The note beside it.
    pub note: Option<KeyNotes>,
}

/// The keys of those files, in place of the ones that are there. A note that stands without its key, which is on its way,
/// goes on limiting it. What is named as no key would not be read.
pub(super) fn foreseen(present: &[HeldKey], files: impl IntoIterator<Item = ForeseenFile>) -> Vec<HeldKey> {
    let in_flight = notes_in_flight(present);
    let mut keys: Vec<HeldKey> = files.into_iter().filter_map(|file| held(file, &in_flight)).collect();
    spread_limits(&mut keys);
    keys.sort_by_key(|key| key.place != KeyPlace::Trusted);
    keys
}

fn held(file: ForeseenFile, in_flight: &HashMap<Fingerprint, Vec<KeyNotes>>) -> Option<HeldKey> {
    let ForeseenFile { place, name, key, note } = file;
    let (id, fingerprint) = (key_id(name.as_ref())?, key.fingerprint());
    let mut limits = Limits::of(place, note.as_ref());
    limits.notes.extend(in_flight.get(&fingerprint).into_iter().flatten().cloned());
    Some(HeldKey {
        id,
        file: place.below(&name),
        place,
        fingerprint,
        key,
        notes: note.map(Box::new),
        limits: limits.into(),
    })
}

/// What limits each key beside the notes that stand beside its files.
fn notes_in_flight(keys: &[HeldKey]) -> HashMap<Fingerprint, Vec<KeyNotes>> {
    let mut notes: HashMap<Fingerprint, Vec<KeyNotes>> = HashMap::new();
    for key in keys {
        notes.entry(key.fingerprint).or_insert_with(|| key.limits.notes.clone());
    }
    for (key, own) in keys.iter().filter_map(|key| Some((key.fingerprint, key.notes()?))) {
        let Some(all) = notes.get_mut(&key) else { continue };
        if let Some(at) = all.iter().position(|note| note == own) {
            all.swap_remove(at);
        }
    }
    notes.retain(|_, notes| !notes.is_empty());
    notes
}
