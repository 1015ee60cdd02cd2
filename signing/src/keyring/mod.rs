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
mod foreseen;
mod gathered;
mod held;
mod inheritance;
mod kind;
mod links;
mod member;
mod named;
mod names;
mod notes;
mod place;
mod scope;
mod standing;
mod survey;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};

pub use self::folder::KeyFlaw;
use self::folder::{Points, read_all, shown};
pub use self::foreseen::ForeseenFile;
use self::foreseen::foreseen;
use self::gathered::Gathered;
pub use self::gathered::SkippedKey;
pub use self::held::{HeldKey, KeyId};
pub use self::inheritance::{Wider, inherited, wider};
pub use self::kind::{KeyCoverage, SignatureKind};
pub use self::links::LinkOut;
pub use self::names::note_of;
pub use self::notes::{KeyNotes, Revocation};
pub use self::place::{JOURNAL, JOURNAL_CHAIN, KeyPlace, OWN_DIRECTORY};
pub use self::scope::{Origin, Scope};
pub use self::standing::{Circumstances, OutOfScope, PlannedEnd, Standing};
pub use self::survey::{FileKind, Passed, Survey, SurveyedFile};
use crate::key::{Fingerprint, PublicKey};
use crate::timestamp::TimestampAuthorities;

/// The keys of a directory, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Keyring {
    directory: PathBuf,
    /// The trusted ones first.
    keys: Vec<HeldKey>,
    trusted_count: usize,
    skipped: Vec<SkippedKey>,
    is_missing: bool,
    authorities: TimestampAuthorities,
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
        Self::read_with(directory, Points::Asked)
    }

    /// As [`Keyring::read`], for whoever verifies: a key file in the usual form whose key is no point of the curve, which
    /// nobody can have signed with, is not named as one that is not used. Whoever looks at keys is told.
    ///
    /// # Errors
    /// As [`Keyring::read`].
    pub fn read_to_verify(directory: &Path) -> Result<Self> {
        Self::read_with(directory, Points::Unasked)
    }

    fn read_with(directory: &Path, points: Points) -> Result<Self> {
        let mut keyring = Self { directory: directory.to_owned(), ..Self::default() };
        let Some(contents) = read_all(directory, points)? else { return Ok(Self { is_missing: true, ..keyring }) };
        contents.require_sound()?;
        let gathered = Gathered::of(directory, &contents);
        gathered.refusals.into_iter().next().map_or(Ok(()), |(_, refusal)| Err(refusal))?;
        keyring.trusted_count = gathered.keys.iter().filter(|key| key.place == KeyPlace::Trusted).count();
        Ok(Self { keys: gathered.keys, skipped: gathered.skipped, ..keyring })
    }

    /// One key that is at hand, for what it has signed itself.
    pub fn of_key(id: &str, key: PublicKey) -> Self {
        Self { keys: vec![HeldKey::at_hand(id, key)], trusted_count: 1, ..Self::default() }
    }

    /// The keyring of a site that takes the word of those authorities for when something was signed.
    #[must_use]
    pub fn with_timestamp_authorities(self, authorities: TimestampAuthorities) -> Self {
        Self { authorities, ..self }
    }

    /// Whose word is taken for when something was signed.
    pub(crate) fn timestamp_authorities(&self) -> &TimestampAuthorities {
        &self.authorities
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
            authorities: self.authorities.clone(),
        }
    }

    /// The keyring as it would be with that key among the trusted ones: a staged one with what its note says, and one
    /// that is not there under that name. One that was taken out of use stays where it is.
    #[must_use]
    pub fn with_trusted(&self, id: &str, key: PublicKey) -> Self {
        let fingerprint = key.fingerprint();
        let is_it = |held: &HeldKey| held.fingerprint == fingerprint;
        let (mut keys, mut others) = (self.keys().to_vec(), self.keys[self.trusted_count..].to_vec());
        if !self.keys.iter().any(is_it) {
            keys.push(HeldKey::at_hand(id, key));
        } else if self.keys.iter().filter(|held| is_it(held)).all(|held| held.place == KeyPlace::Staged) {
            keys.extend(others.extract_if(.., |held| is_it(held)).map(HeldKey::promoted));
        }
        let trusted_count = keys.len();
        keys.append(&mut others);
        Self {
            directory: self.directory.clone(),
            trusted_count,
            keys,
            skipped: self.skipped.clone(),
            is_missing: self.is_missing,
            authorities: self.authorities.clone(),
        }
    }

    /// The keyring as it would be with those files in place of the ones of keys that can be used.
    #[must_use]
    pub fn with_files(&self, files: impl IntoIterator<Item = ForeseenFile>) -> Self {
        let keys = foreseen(&self.keys, files);
        Self {
            directory: self.directory.clone(),
            trusted_count: keys.iter().filter(|key| key.place == KeyPlace::Trusted).count(),
            keys,
            skipped: self.skipped.clone(),
            is_missing: self.is_missing,
            authorities: self.authorities.clone(),
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

    /// Those in words, with the keys that are no points of the curve, whoever has read them: where nobody that is known
    /// has signed, one of them may be the key that was meant.
    pub(crate) fn unused(&self) -> Vec<String> {
        let nowhere = |key: &HeldKey| {
            let fault = key.key.require_point().err()?;
            Some(SkippedKey { file: key.file.clone(), fault, fingerprint: Some(key.fingerprint) })
        };
        let nowhere: Vec<SkippedKey> = self.all_keys().iter().filter_map(nowhere).collect();
        self.skipped.iter().chain(&nowhere).map(ToString::to_string).collect()
    }
}
