//! A directory of trusted public keys, or one such file.
//!
//! Each key file is judged on its own: one that cannot be used is named and skipped, and never breaks
//! the others. A note is judged with all of them, because what it takes away must not be lost with it.
//! Order is by name in code point order; the first key that verifies gives the id.
//!
//! Reading says what limits a key; whether it counts is asked when it is used, by the caller's time: a
//! keyring may live longer than a key.

mod files;
mod folder;
mod held;
mod kind;
mod member;
mod named;
mod names;
mod notes;
mod place;
mod scope;
mod standing;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};

use self::folder::{Content, KeyFile, key_id, read_all, shown};
use self::held::Limits;
pub use self::held::{HeldKey, KeyId};
pub use self::kind::{KeyCoverage, SignatureKind};
pub use self::names::note_of;
pub use self::notes::{KeyNotes, Revocation};
pub use self::place::{JOURNAL, JOURNAL_CHAIN, KeyPlace, OWN_DIRECTORY};
pub use self::scope::{Origin, Scope};
pub use self::standing::{Circumstances, OutOfScope, PlannedEnd, Standing};
use crate::key::{Fingerprint, PublicKey};

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
    fn of(contents: &'a [Content]) -> Self {
        let mut in_flight: HashMap<&OsStr, Vec<&KeyNotes>> = HashMap::new();
        for Content { keys, notes, .. } in contents {
            let own: HashSet<OsString> = keys.iter().map(|(key, _)| note_of(key)).collect();
            for (name, note) in notes.iter().filter(|(name, _)| !own.contains(*name)) {
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
        Limits {
            notes: self.own.into_iter().chain(self.in_flight.iter().copied()).cloned().collect(),
            is_revoked: place == KeyPlace::Revoked,
            accepts_code: place == KeyPlace::Trusted
                && self.own.is_some_and(|own| own.coverage == Some(KeyCoverage::Code)),
        }
    }
}

/// The keys of a directory, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Keyring {
    directory: PathBuf,
    /// The trusted ones first.
    keys: Vec<HeldKey>,
    trusted_count: usize,
    skipped: Vec<SkippedKey>,
    is_missing: bool,
}

impl Keyring {
    /// Reads every `*.pem` and `*.pub` of `directory`, in either case, hidden ones included; or the one such file that
    /// `directory` names, with the note beside it, and no other. Of a directory `staged/`, `retired/` and `revoked/`
    /// are read as well: those keys are known and not trusted.
    /// A directory that does not exist holds no keys: [`Keyring::require_there`] says so.
    /// `NAME.json` beside `NAME.pem` can limit the key or revoke it. What limits a key under one name limits it under
    /// every name, and a key that is revoked in one place is revoked in all.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed: unreadable evidence is not absent evidence.
    /// `key_invalid` for one file that is not named as a key is, and for a revoked key that cannot be read.
    /// `directory_insecure` when somebody else may change a file of it, or a directory on the way to one.
    /// `key_note_invalid` when a note cannot be understood, or belongs to no key that can be used, and for
    /// any other file that may have been meant for a note.
    pub fn read(directory: &Path) -> Result<Self> {
        let mut keyring = Self { directory: directory.to_owned(), ..Self::default() };
        let Some(contents) = read_all(directory)? else { return Ok(Self { is_missing: true, ..keyring }) };
        let in_flight = NotesInFlight::of(&contents);
        for Content { place, keys, notes } in &contents {
            for (name, file) in keys {
                let note = note_of(name);
                let limiting = Noted { own: notes.get(&note), in_flight: in_flight.named(&note) };
                keyring.add(*place, file, name, &limiting)?;
            }
        }
        keyring.trusted_count = keyring.keys.iter().filter(|key| key.place == KeyPlace::Trusted).count();
        keyring.spread_limits();
        Ok(keyring)
    }

    /// A key with a note can be used, or nobody knows which key the note is about: that may be here again. And so can
    /// a revoked one.
    fn add(&mut self, place: KeyPlace, held: &KeyFile, name: &OsStr, noted: &Noted<'_>) -> Result<()> {
        let Some(id) = key_id(name) else { return Ok(()) };
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
                notes: noted.own.cloned(),
                limits: Arc::new(noted.limits(place)),
            }),
            Err(fault) if noted.is_any() => {
                let note = self.directory.join(place.below(&shown(&note_of(name))));
                let message = format!("the note `{}` is about a key that cannot be used, `{file}`", note.display());
                return Err(Fault::new(Reason::KeyNoteInvalid, message).caused_by(fault.clone()).hint(format!(
                    "put the public key back into `{file}`: what its note takes away is known by it alone"
                )));
            }
            Err(fault) if place == KeyPlace::Revoked => {
                return Err(fault.clone().about("nobody can tell which key is revoked").hint(format!(
                    "put the public key that was revoked back into `{file}`: it is known by its bytes alone"
                )));
            }
            Err(fault) => self.skipped.push(skipped(None, fault)),
        }
        Ok(())
    }

    /// One key is one key, wherever it stands and whatever its files are called: the note on one of them is about all.
    fn spread_limits(&mut self) {
        let mut limits: HashMap<Fingerprint, Limits> = HashMap::new();
        for key in self.keys.iter().filter(|key| key.limits.is_some()) {
            limits.entry(key.fingerprint).or_default().add(&key.limits);
        }
        let limits: HashMap<_, _> = limits.into_iter().map(|(key, limits)| (key, Arc::new(limits))).collect();
        for key in &mut self.keys {
            if let Some(limits) = limits.get(&key.fingerprint) {
                key.limits = Arc::clone(limits);
            }
        }
    }

    /// One key that is at hand, for what it has signed itself.
    pub fn of_key(id: &str, key: PublicKey) -> Self {
        Self { keys: vec![HeldKey::at_hand(id, key)], trusted_count: 1, ..Self::default() }
    }

    /// The keyring, if there was anything to read. Keys that are nowhere are no verdict about a signature:
    /// somebody has misspelt a path, or not mounted it.
    ///
    /// # Errors
    /// `io_not_found`.
    pub fn require_there(self) -> Result<Self> {
        if !self.is_missing {
            return Ok(self);
        }
        let message = format!("there is nothing at `{}`, where trusted keys were looked for", self.directory.display());
        Err(Fault::new(Reason::IoNotFound, message).hint(
            "put the publisher's NAME.pem into a directory, and name it, or that one file, with `--trusted-keys PATH`",
        ))
    }

    /// The keyring as it would be without those keys, under whatever names and wherever they stand.
    #[must_use]
    pub fn without(&self, gone: &BTreeSet<Fingerprint>) -> Self {
        let keys: Vec<HeldKey> = self.keys.iter().filter(|key| !gone.contains(&key.fingerprint)).cloned().collect();
        let is_gone = |skipped: &&SkippedKey| skipped.fingerprint.is_some_and(|key| gone.contains(&key));
        Self {
            directory: self.directory.clone(),
            trusted_count: keys.iter().filter(|key| key.place == KeyPlace::Trusted).count(),
            keys,
            skipped: self.skipped.iter().filter(|skipped| !is_gone(skipped)).cloned().collect(),
            is_missing: self.is_missing,
        }
    }

    /// The path of a file of the keys, as the user would write it.
    pub fn path_of(&self, file: &str) -> PathBuf {
        match self.directory.is_dir() {
            true => self.directory.join(file),
            false => self.directory.with_file_name(file),
        }
    }

    /// The path of the note beside a key.
    pub fn note_path_of(&self, key: &HeldKey) -> PathBuf {
        self.path_of(&shown(&note_of(OsStr::new(&key.file))))
    }

    /// Where the keys are from: the directory, or the one file.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The trusted keys that can be used, in the order in which they are tried.
    pub fn keys(&self) -> &[HeldKey] {
        &self.keys[..self.trusted_count]
    }

    /// Every key that can be used: behind the trusted ones those that are known and not trusted.
    pub fn all_keys(&self) -> &[HeldKey] {
        &self.keys
    }

    /// The keys that are not used, each with its reason: a file that holds none, and what stands behind the first
    /// key of one.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}
