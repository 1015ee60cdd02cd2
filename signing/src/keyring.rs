//! A directory of trusted public keys, or one such file.
//!
//! Each key file is judged on its own: one that cannot be used is named and skipped, and never breaks
//! the others. A note is judged with all of them, because what it takes away must not be lost with it.
//! Order is by name in code point order; the first key that verifies gives the id.
//!
//! Reading says what limits a key; whether it counts is asked when it is used, by the caller's time: a
//! keyring may live longer than a key.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{SmallFileError, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;
use jiff::Timestamp;
use rustix::io::Errno;

use crate::key::{Fingerprint, PublicKey};
use crate::key_files::{KeyFiles, MAX_FILE_BYTES};
use crate::key_names::{KeyNames, begins_as_note, has_not_begun, key_stem, note_of};
use crate::key_notes::{KeyNotes, PlannedEnd, Standing};
use crate::key_source::KeySource;

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
    /// What limits it: every note on this key, under whatever name.
    limits: Arc<[KeyNotes]>,
}

impl TrustedKey {
    /// When it ends, or has ended: the first time that a note on it says.
    pub fn planned_end(&self) -> Option<PlannedEnd> {
        self.limits.iter().filter_map(KeyNotes::planned_end).min()
    }

    /// Whether it may verify anything at that time. Of several notes the strictest counts.
    pub fn standing(&self, at: Timestamp) -> Standing {
        let standings = self.limits.iter().map(|notes| notes.standing(at));
        // The first of equally strict ones, so that one directory always says the same.
        standings
            .fold(Standing::Current, |known, next| if next.strictness() > known.strictness() { next } else { known })
    }
}

/// A key that is not used: that of a whole file, or one behind another in a file.
#[derive(Debug)]
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

/// The keys of a directory, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct Keyring {
    directory: PathBuf,
    keys: Vec<TrustedKey>,
    skipped: Vec<SkippedKey>,
    is_missing: bool,
}

impl Keyring {
    /// Reads every `*.pem` and `*.pub` of `directory`, in either case, hidden ones included,
    /// sub-directories not; or the one such file that `directory` names, with the note beside it, and no other.
    /// A directory that does not exist holds no keys: [`Keyring::require_there`] says so.
    /// `NAME.json` beside `NAME.pem` can limit the key in time or revoke it. What limits a key under one name
    /// limits it under every name.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed: unreadable evidence is not absent evidence.
    /// `key_invalid` for one file that is not named as a key is.
    /// `directory_insecure` when somebody else may change a file of it, or a directory on the way to one.
    /// `key_note_invalid` when a note cannot be understood, or belongs to no key that can be used, and for
    /// any other file that may have been meant for a note.
    pub fn read(directory: &Path) -> Result<Self> {
        let mut keyring = Self { directory: directory.to_owned(), ..Self::default() };
        let Some(mut files) = KeyFiles::open(directory)? else {
            return Ok(Self { is_missing: true, ..keyring });
        };
        let (keys, others): (Vec<_>, Vec<_>) = files.names()?.into_iter().partition(|name| key_id(name).is_some());
        let names = KeyNames::new(keys.iter().map(OsString::as_os_str));
        let (notes, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|name| names.have_note(name));
        let notes: BTreeMap<_, _> = notes.iter().map(|name| (name, read_note(&mut files, name))).collect();
        let contents: Vec<_> = keys.iter().map(|name| KeyFile::read(&mut files, name)).collect::<Result<_>>()?;
        let stray = others.iter().try_for_each(|name| refuse_stray(&files, &names, name, &notes));
        files.finish()?;
        stray?;
        let notes: BTreeMap<_, _> =
            notes.into_iter().map(|(name, note)| Ok((name.as_os_str(), note?))).collect::<Result<_>>()?;
        for (name, key) in keys.iter().zip(contents) {
            keyring.add(key, name, notes.get(note_of(name).as_os_str()))?;
        }
        keyring.spread_limits();
        Ok(keyring)
    }

    /// A key with a note can be used, or nobody knows which key the note is about: that may be here again.
    fn add(&mut self, KeyFile { key, unused }: KeyFile, name: &OsStr, notes: Option<&KeyNotes>) -> Result<()> {
        let Some(id) = key_id(name) else { return Ok(()) };
        let file = shown(name);
        let unused = unused.into_iter();
        self.skipped.extend(unused.map(|(key, fault)| SkippedKey {
            file: file.clone(),
            fault,
            fingerprint: Some(key),
        }));
        match (key, notes) {
            (Ok(key), notes) => {
                let limits = notes.cloned().into_iter().collect();
                self.keys.push(TrustedKey { id, file, fingerprint: key.fingerprint(), key, limits });
            }
            (Err(fault), None) => self.skipped.push(SkippedKey { file, fault, fingerprint: None }),
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

    /// One key is one key, whatever its files are called: the note on one of them is about all.
    fn spread_limits(&mut self) {
        let mut limits: HashMap<Fingerprint, Vec<KeyNotes>> = HashMap::new();
        for key in self.keys.iter().filter(|key| !key.limits.is_empty()) {
            limits.entry(key.fingerprint).or_default().extend_from_slice(&key.limits);
        }
        for key in &mut self.keys {
            if let Some(limits) = limits.get(&key.fingerprint) {
                key.limits = limits.as_slice().into();
            }
        }
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

    /// Where the keys are from: the directory, or the one file.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The usable keys, in the order in which they are tried.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The keys that are not used, each with its reason: a file that holds none, and what stands behind the first
    /// key of one.
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }
}

fn key_id(name: &OsStr) -> Option<KeyId> {
    key_stem(&shown(name)).map(|stem| KeyId(stem.to_owned()))
}

fn shown(name: &OsStr) -> String {
    Text::from_os_bytes(name.as_bytes()).to_string()
}

/// A file that is neither a key nor a note on one is passed over only when it can be meant for neither.
fn refuse_stray<T>(files: &KeyFiles, names: &KeyNames<'_>, name: &OsStr, notes: &BTreeMap<&OsString, T>) -> Result<()> {
    let path = files.path(name);
    let is_note = names.resemble(name)
        || match files.beginning(name) {
            Ok(beginning) => {
                let is_cut = beginning.len() as u64 == MAX_FILE_BYTES;
                begins_as_note(&beginning) || (is_cut && has_not_begun(&beginning))
            }
            // A directory, a FIFO, a device, a link to nothing: no note could be read there.
            Err(error) if matches!(error, SmallFileError::NotAFile) || error.is_absent() => false,
            Err(error) => return Err(unreadable(Reason::KeyNoteInvalid, "what may be a note", &path, error)),
        };
    if !is_note {
        return Ok(());
    }
    let message = format!("`{}` may be a note on a key, and is the note of none that is there", path.display());
    let fault = Fault::new(Reason::KeyNoteInvalid, message);
    Err(match names.nearest(name) {
        Some(key) => {
            let right = note_of(key);
            // What is there already must not be lost to the other one.
            let way = if notes.contains_key(&right) { "put what it says into" } else { "rename it to" };
            let hint =
                format!("if it is about `{}`, {way} `{}`; else keep it elsewhere", shell_word(key), shell_word(&right));
            fault.expected(shown(&right), shown(name)).hint(hint)
        }
        None => fault.expected("NAME.json beside NAME.pem or NAME.pub", shown(name)).hint(
            "name it after the key file that it is about, and put that file back if it is gone: the key may be \
             here under another name; what is no note belongs elsewhere",
        ),
    })
}

/// What a key file holds.
struct KeyFile {
    /// The key, or why there is none.
    key: Result<PublicKey>,
    /// The keys that stand behind it, and why they are not used.
    unused: Vec<(Fingerprint, Fault)>,
}

impl KeyFile {
    /// That this process may open no more files says nothing about the key, and so is no verdict about what it
    /// signed.
    fn read(files: &mut KeyFiles, name: &OsStr) -> Result<Self> {
        let path = files.path(name);
        let fault = |error| unreadable(Reason::KeyInvalid, "the key", &path, error);
        match files.read(name) {
            Err(error) if is_exhausted(&error) => Err(fault(error)),
            Err(error) => Ok(Self { key: Err(fault(error)), unused: Vec::new() }),
            Ok(content) => Self::of(&content, &path),
        }
    }

    fn of(content: &[u8], path: &Path) -> Result<Self> {
        let source = KeySource::file(path);
        match PublicKey::read(content, &source) {
            Err(_) if begins_as_note(content) => Err(note_in_place_of_key(path)),
            Err(fault) => Ok(Self { key: Err(fault), unused: Vec::new() }),
            Ok(key) => {
                let behind = PublicKey::behind_first(content);
                Ok(Self {
                    key: Ok(key),
                    unused: behind
                        .iter()
                        .map(|key| (key.fingerprint(), source.behind_another(key.fingerprint())))
                        .collect(),
                })
            }
        }
    }
}

fn note_in_place_of_key(path: &Path) -> Fault {
    let message = format!("the key file `{}` holds what may be a note, and no key", path.display());
    Fault::new(Reason::KeyNoteInvalid, message)
        .expected("-----BEGIN PUBLIC KEY-----", "one JSON object")
        .hint("name it NAME.json after the key file that it is about, and put the key back")
}

/// Whether it is this process or this machine that has nothing left.
fn is_exhausted(error: &SmallFileError) -> bool {
    const EXHAUSTED: [Errno; 3] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM];
    match error {
        SmallFileError::Io(error) => EXHAUSTED.iter().any(|known| error.raw_os_error() == Some(known.raw_os_error())),
        SmallFileError::NotAFile | SmallFileError::TooLarge { .. } => false,
    }
}

fn read_note(files: &mut KeyFiles, name: &OsStr) -> Result<KeyNotes> {
    let path = files.path(name);
    let content = files.read(name).map_err(|error| unreadable(Reason::KeyNoteInvalid, "the note", &path, error))?;
    KeyNotes::read(&path, &content)
}

/// What the system says keeps its own reason; the form of the file is a matter of `reason`.
fn unreadable(reason: Reason, what: &str, path: &Path, error: SmallFileError) -> Fault {
    let invalid = |how: &str| {
        let fault = Fault::new(reason, format!("{what} `{}` {how}", path.display()));
        match reason {
            Reason::KeyInvalid => fault.hint("put the PREFIX.pem there that its publisher gave you"),
            _ => fault,
        }
    };
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
    fn one_bad_file_never_breaks_the_others() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let good = SigningKey::generate().expect("random numbers");
        fs::write(directory.path().join("a.pem"), "not a key").expect("written");
        fs::write(directory.path().join("b.pem"), good.to_pem().as_bytes()).expect("written");
        fs::create_dir(directory.path().join("c.pem")).expect("made");
        fs::write(directory.path().join("d.pem"), vec![b'x'; 1 << 20]).expect("written");
        fs::write(directory.path().join("e.pem"), good.public_key().to_pem()).expect("written");
        let keyring = Keyring::read(directory.path()).expect("readable");
        assert_eq!(keyring.keys().len(), 1);
        assert_eq!(keyring.keys()[0].id.as_str(), "e");
        assert_eq!(keyring.skipped().len(), 4);
    }
}
