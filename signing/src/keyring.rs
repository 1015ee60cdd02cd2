//! A directory of trusted public keys.
//!
//! Each key file is judged on its own: one that cannot be used is named and skipped, and never breaks
//! the others. A note is judged with all of them, because what it takes away must not be lost with it.
//! Order is by name in code point order; the first key that verifies gives the id.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use aisoc_drafts::SmallFileError;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;
use jiff::Timestamp;
use rustix::io::Errno;

use crate::key::{Fingerprint, PublicKey};
use crate::key_files::KeyFiles;
use crate::key_notes::{KeyNotes, Standing};

const NOTE_SUFFIX: &str = ".json";

/// The notes of a directory, by file name.
type Notes = BTreeMap<OsString, KeyNotes>;

/// The name of a trusted key: its file name without the suffix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A usable key of the directory.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// File name without suffix.
    pub id: KeyId,
    /// File name.
    pub file: String,
    /// The key.
    pub key: PublicKey,
    /// The key by content.
    pub fingerprint: Fingerprint,
    /// Whether it may verify anything.
    pub standing: Standing,
}

/// A key file that is not used.
#[derive(Debug)]
pub struct SkippedKey {
    /// File name.
    pub file: String,
    /// Why: `key_invalid`, `weak_key`, or why it could not be read.
    pub fault: Fault,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: error[{}]: {}", self.file, self.fault.reason(), self.fault)
    }
}

/// The keys of a directory, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Keyring {
    directory: PathBuf,
    keys: Vec<TrustedKey>,
    skipped: Vec<SkippedKey>,
}

impl Keyring {
    /// Reads every `*.pem` and `*.pub` of `directory`, in either case, hidden ones included,
    /// sub-directories not. A directory that does not exist holds no keys, which trust then refuses.
    /// `NAME.json` beside `NAME.pem` can limit the key in time or revoke it; `at` is the time to judge by.
    /// A key that is revoked under one name is revoked under every name.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed: unreadable evidence is not absent evidence.
    /// `directory_insecure` when somebody else may change a file of it, or a directory on the way to one.
    /// `key_note_invalid` when a `*.json` cannot be understood, or belongs to no key that can be used.
    pub fn read(directory: &Path, at: Timestamp) -> Result<Self> {
        let mut keyring = Self { directory: directory.to_owned(), ..Self::default() };
        let Some(mut files) = KeyFiles::open(directory)? else { return Ok(keyring) };
        let (mut notes, mut keys) = (BTreeMap::new(), Vec::new());
        for name in files.names()? {
            if is_note(&name) {
                let content = read_notes(&mut files, &name);
                notes.insert(name, content);
            } else if let Some(id) = key_id(&Text::from_os_bytes(name.as_bytes()).to_string()) {
                keys.push((id, read_key(&mut files, &name)?, name));
            }
        }
        files.finish()?;
        let notes: Notes = notes.into_iter().map(|(name, content)| Ok((name, content?))).collect::<Result<_>>()?;
        keyring.refuse_strays(&notes, &keys)?;
        for (id, key, name) in keys {
            keyring.add(id, key, &name, notes.get(&note_of(&name)), at)?;
        }
        keyring.spread_revocations();
        Ok(keyring)
    }

    /// A key with a note can be used, or nobody knows which key the note is about: that may be here again.
    fn add(
        &mut self,
        id: KeyId,
        key: Result<PublicKey>,
        name: &OsStr,
        notes: Option<&KeyNotes>,
        at: Timestamp,
    ) -> Result<()> {
        let file = Text::from_os_bytes(name.as_bytes()).to_string();
        match (key, notes) {
            (Ok(key), notes) => {
                let standing = notes.map_or(Standing::Current, |notes| notes.clone().standing(at));
                self.keys.push(TrustedKey { id, file, fingerprint: key.fingerprint(), key, standing });
            }
            (Err(fault), None) => self.skipped.push(SkippedKey { file, fault }),
            (Err(fault), Some(_)) => {
                let note = self.directory.join(note_of(name));
                let message = format!("the note `{}` is about a key that cannot be used, `{file}`", note.display());
                return Err(Fault::new(Reason::KeyNoteInvalid, message).caused_by(fault).hint(format!(
                    "put the public key back into `{file}`: what its note takes away is known by it alone"
                )));
            }
        }
        Ok(())
    }

    fn refuse_strays(&self, notes: &Notes, keys: &[(KeyId, Result<PublicKey>, OsString)]) -> Result<()> {
        let wanted: BTreeSet<OsString> = keys.iter().map(|(_, _, name)| note_of(name)).collect();
        let Some(note) = notes.keys().find(|note| !wanted.contains(*note)) else { return Ok(()) };
        let message = format!("the note `{}` is about no key that is there", self.directory.join(note).display());
        let fault = Fault::new(Reason::KeyNoteInvalid, message);
        let shown = |name: &OsStr| name.to_string_lossy().into_owned();
        Err(match nearest(note, keys.iter().map(|(_, _, name)| name.as_os_str())) {
            Some(key) => {
                let (right, key) = (note_of(key), shown(key));
                // What is there already must not be lost to the other one.
                let way = if notes.contains_key(&right) { "put what it says into" } else { "rename it to" };
                let hint = format!("if it is about `{key}`, {way} `{}`", shown(&right));
                fault.expected(shown(&right), shown(note)).hint(hint)
            }
            None => fault.expected("NAME.json beside NAME.pem or NAME.pub", shown(note)).hint(
                "name it after the key file that it is about, and put that file back if it is gone: the key may be \
                 here under another name",
            ),
        })
    }

    fn spread_revocations(&mut self) {
        let is_revoked = |key: &&TrustedKey| matches!(key.standing, Standing::Revoked { .. });
        let revoked: Vec<TrustedKey> = self.keys.iter().filter(is_revoked).cloned().collect();
        for key in &mut self.keys {
            if let Some(known) = revoked.iter().find(|revoked| revoked.key == key.key) {
                key.standing = known.standing.clone();
            }
        }
    }

    /// Where the keys are from.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The usable keys, in the order in which they are tried.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The key files that are not used, each with its reason.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}

/// The file name without its last suffix, if that is `.pem` or `.pub` in any case. `.pem` alone is a
/// hidden file without a suffix, as in Python's `pathlib`.
fn key_id(file: &str) -> Option<KeyId> {
    let (stem, suffix) = file.rsplit_once('.')?;
    let is_key = suffix.eq_ignore_ascii_case("pem") || suffix.eq_ignore_ascii_case("pub");
    (is_key && !stem.is_empty()).then(|| KeyId(stem.to_owned()))
}

/// A `*.json` in any case and with a slip in it: what is meant for a note must be one.
fn is_note(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let suffix = name.trim_end_matches([' ', '.']).rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase());
    suffix.is_some_and(|suffix| strsim::osa_distance(&suffix, "json") <= 1)
}

/// The name of the note on a key file.
fn note_of(key: &OsStr) -> OsString {
    let name = key.as_bytes();
    let stem = name.iter().rposition(|byte| *byte == b'.').unwrap_or(name.len());
    OsString::from_vec([&name[..stem], NOTE_SUFFIX.as_bytes()].concat())
}

/// The key that a note may have been meant for.
fn nearest<'a>(note: &OsStr, keys: impl Iterator<Item = &'a OsStr>) -> Option<&'a OsStr> {
    let folded = |name: &OsStr| name.to_string_lossy().trim_end().to_lowercase();
    let note = folded(note);
    let distance = |key: &OsStr| {
        let appended = format!("{}{NOTE_SUFFIX}", folded(key));
        strsim::osa_distance(&note, &folded(&note_of(key))).min(strsim::osa_distance(&note, &appended))
    };
    keys.map(|key| (distance(key), key)).filter(|(distance, _)| *distance <= 2).min().map(|(_, key)| key)
}

/// The key, or why the file holds none. That this process may open no more files says nothing about the
/// key, and so is no verdict about what it signed.
fn read_key(files: &mut KeyFiles, name: &OsStr) -> Result<Result<PublicKey>> {
    let path = files.path(name);
    let fault = |error| unreadable(Reason::KeyInvalid, "the key", &path, error);
    match files.read(name) {
        Err(error) if is_exhausted(&error) => Err(fault(error)),
        read => Ok(read.map_err(fault).and_then(|content| PublicKey::from_pem(&content))),
    }
}

/// Whether it is this process or this machine that has nothing left.
fn is_exhausted(error: &SmallFileError) -> bool {
    const EXHAUSTED: [Errno; 3] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    match error {
        SmallFileError::Io(error) => EXHAUSTED.iter().any(|known| error.raw_os_error() == Some(known.raw_os_error())),
        SmallFileError::NotAFile | SmallFileError::TooLarge { .. } => false,
    }
}

fn read_notes(files: &mut KeyFiles, name: &OsStr) -> Result<KeyNotes> {
    let path = files.path(name);
    let content = files.read(name).map_err(|error| unreadable(Reason::KeyNoteInvalid, "the note", &path, error))?;
    KeyNotes::read(&path, &content)
}

/// What the system says keeps its own reason; the form of the file is a matter of `reason`.
fn unreadable(reason: Reason, what: &str, path: &Path, error: SmallFileError) -> Fault {
    let invalid = |how: &str| Fault::new(reason, format!("{what} `{}` {how}", path.display()));
    match error {
        SmallFileError::Io(error) => Fault::io(&format!("read {what}"), path, error),
        SmallFileError::NotAFile => invalid("is not a regular file"),
        SmallFileError::TooLarge { max_bytes, bytes } => {
            let found = bytes.map_or_else(|| "more".to_owned(), |bytes| bytes.to_string());
            invalid("is too large").expected(format!("at most {max_bytes} bytes"), found)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;
    use std::fs;

    #[test]
    fn key_ids_follow_the_hosts_suffix_rule() {
        for (file, id) in [
            ("ops.pem", Some("ops")),
            ("ops.PUB", Some("ops")),
            (".pem", None),
            (".ops.pem", Some(".ops")),
            ("ops", None),
            ("ops.pem.bak", None),
            ("a.b.pem", Some("a.b")),
        ] {
            assert_eq!(key_id(file).as_ref().map(KeyId::as_str), id, "{file}");
        }
    }

    #[test]
    fn one_bad_file_never_breaks_the_others() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let good = SigningKey::generate().expect("random numbers");
        fs::write(directory.path().join("a.pem"), "not a key").expect("written");
        fs::write(directory.path().join("b.pem"), good.to_pem().as_bytes()).expect("written");
        fs::create_dir(directory.path().join("c.pem")).expect("made");
        fs::write(directory.path().join("d.pem"), vec![b'x'; 1 << 20]).expect("written");
        fs::write(directory.path().join("e.pem"), good.public_key().to_pem()).expect("written");
        let keyring = Keyring::read(directory.path(), Timestamp::UNIX_EPOCH).expect("readable");
        assert_eq!(keyring.keys().len(), 1);
        assert_eq!(keyring.keys()[0].id.as_str(), "e");
        assert_eq!(keyring.skipped().len(), 4);
    }
}
