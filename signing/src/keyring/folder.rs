//! `Folder`: the files of one place of a directory of keys: which are keys, which are notes on one, and what may have
//! been meant for a note.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::{Insecure, SmallFileError, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;
use rustix::io::Errno;

use super::files::{KeyFiles, MAX_FILE_BYTES, changeable};
use super::held::KeyId;
use super::names::{KeyNames, begins_as_note, has_not_begun, key_stem, note_of};
use super::notes::KeyNotes;
use super::place::{KeyPlace, is_ours};
use crate::key::{Fingerprint, PublicKey};
use crate::key_form::{Algorithm, Form};
use crate::key_source::KeySource;
use crate::pem::blocks;

/// One place, open and listed.
struct Folder {
    place: KeyPlace,
    files: KeyFiles,
    keys: Vec<OsString>,
    others: Vec<OsString>,
}

/// What stands in one place, each file judged for itself.
pub(super) struct Content {
    pub(super) place: KeyPlace,
    /// Where it is, open.
    pub(super) files: KeyFiles,
    /// By the name of the file, in code point order.
    pub(super) keys: Vec<(OsString, KeyFile)>,
    /// By the name of the file.
    pub(super) notes: BTreeMap<OsString, Result<KeyNotes>>,
    /// What is neither, and why it may have been meant for a note.
    pub(super) others: Vec<(OsString, Option<Fault>)>,
    /// What others may change.
    pub(super) insecure: Option<Insecure>,
}

/// Every place of a directory.
pub(super) struct Contents {
    /// The trusted keys first.
    pub(super) places: Vec<Content>,
    /// Why others could not be listed.
    pub(super) unlisted: Vec<Fault>,
}

/// What a key file holds.
pub(super) struct KeyFile {
    /// The key, or why there is none.
    pub(super) key: Result<PublicKey>,
    /// What it is in place of a key.
    pub(super) flaw: Option<KeyFlaw>,
    /// The keys that stand behind it, and why they are not used.
    pub(super) unused: Vec<(Fingerprint, Fault)>,
    /// How many PEM blocks there are.
    pub(super) block_count: usize,
}

/// What is wrong with a file that is named as a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFlaw {
    /// It cannot be read, or is no file.
    Unreadable,
    /// It holds a private key.
    Private,
    /// Anybody can sign for it.
    Weak,
    /// It is a key of another algorithm, or of another tool.
    OtherAlgorithm,
    /// It holds what may be a note on a key.
    Note,
    /// It holds no key that can be read.
    NoKey,
}

/// Whether it is asked of each key that it is a point of the curve. Of a thousand that takes longer than all the rest, and
/// one that is none verifies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    /// By whoever looks at the keys.
    Asked,
    /// By nobody but the signature that names it.
    Unasked,
}

/// How often a directory is read that is changed meanwhile. Each time another key would have to be moved, in the few
/// milliseconds that it takes.
const MAX_READINGS: usize = 20;

/// Reads every place of the directory, the trusted keys first; nothing where there is no directory.
///
/// Keys are moved from place to place while hosts read them. What was listed in one state and read in the next would be
/// a key without its file, or a note without its key, so it is read again until no name has come or gone meanwhile.
///
/// All places are listed before any file is judged: a note whose key stands in another place is the one of a key that
/// is on its way there, and not a stray one.
///
/// # Errors
/// When the directory itself cannot be listed, or this process can open no more files. What is wrong with one place or
/// one file is there with the others.
pub(super) fn read_all(directory: &Path, points: Points) -> Result<Option<Contents>> {
    let mut contents = read_once(directory, points)?;
    for _ in 1..MAX_READINGS {
        if contents.as_ref().is_none_or(Contents::is_as_listed) {
            break;
        }
        contents = read_once(directory, points)?;
    }
    Ok(contents)
}

fn read_once(directory: &Path, points: Points) -> Result<Option<Contents>> {
    let Some(top) = KeyFiles::open(directory)? else { return Ok(None) };
    let aside = if top.is_one_file() { Vec::new() } else { aside(&top) };
    let (mut folders, mut unlisted) = (vec![Folder::list(KeyPlace::Trusted, top)?], Vec::new());
    for folder in aside {
        match folder {
            Ok(folder) => folders.push(folder),
            Err(fault) => unlisted.push(fault),
        }
    }
    // Where nothing stands beside the keys, nothing is compared with a thousand names.
    let is_alone = folders.iter().all(|folder| folder.others.is_empty());
    let noted = folders.iter().flat_map(|folder| &folder.keys).filter(|_| !is_alone).map(|key| note_of(key)).collect();
    let places = folders.into_iter().map(|folder| folder.read(&noted, points)).collect::<Result<_>>()?;
    Ok(Some(Contents { places, unlisted }))
}

fn aside(top: &KeyFiles) -> Vec<Result<Folder>> {
    let places = [KeyPlace::Revoked, KeyPlace::Retired, KeyPlace::Staged];
    let opened = places.into_iter().filter_map(|place| {
        let files = top.below(place.directory()?).transpose()?;
        Some(files.and_then(|files| Folder::list(place, files)))
    });
    opened.collect()
}

impl Contents {
    /// Whether the names are those that were listed before the files were read.
    fn is_as_listed(&self) -> bool {
        self.places.iter().all(Content::is_as_listed)
    }

    /// Whether all of it is understood: the first thing that is not refuses the directory.
    ///
    /// # Errors
    /// As [`super::Keyring::read`].
    pub(super) fn require_sound(&self) -> Result<()> {
        self.unlisted.first().map_or(Ok(()), |fault| Err(fault.clone()))?;
        self.places.iter().try_for_each(Content::require_sound)
    }
}

impl Content {
    fn is_as_listed(&self) -> bool {
        let Ok(now) = names_of(self.place, &self.files, KeyFiles::listed) else { return false };
        let others = self.others.iter().map(|(name, _)| name);
        let listed = self.keys.iter().map(|(name, _)| name).chain(self.notes.keys()).chain(others);
        let (mut listed, mut now): (Vec<_>, Vec<_>) = (listed.collect(), now.iter().collect());
        listed.sort_unstable();
        now.sort_unstable();
        listed == now && !self.is_any_missed()
    }

    /// Whether a file was not there when it was read: it was away between two listings that have its name. A link that
    /// leads nowhere never was.
    fn is_any_missed(&self) -> bool {
        let keys = self.keys.iter().map(|(name, file)| (name, file.key.as_ref().err()));
        let notes = self.notes.iter().map(|(name, note)| (name, note.as_ref().err()));
        let absent = |fault: Option<&Fault>| fault.is_some_and(|fault| fault.reason() == Reason::IoNotFound);
        keys.chain(notes).any(|(name, fault)| absent(fault) && !self.files.is_link(name))
    }

    fn require_sound(&self) -> Result<()> {
        let insecure = self.insecure.as_ref().map(changeable);
        let in_place_of_keys = self.keys.iter().filter(|(_, file)| file.flaw == Some(KeyFlaw::Note));
        let in_place_of_keys = in_place_of_keys.filter_map(|(_, file)| file.key.as_ref().err());
        let stray = self.others.iter().filter_map(|(_, fault)| fault.as_ref());
        let notes = self.notes.values().filter_map(|note| note.as_ref().err());
        let first = insecure.as_ref().into_iter().chain(in_place_of_keys).chain(stray).chain(notes).next();
        first.map_or(Ok(()), |fault| Err(fault.clone()))
    }
}

impl Folder {
    fn list(place: KeyPlace, files: KeyFiles) -> Result<Self> {
        let (keys, others) =
            names_of(place, &files, KeyFiles::names)?.into_iter().partition(|name| key_id(name).is_some());
        Ok(Self { place, files, keys, others })
    }

    /// Reads the keys and the notes. `noted` are the names of the notes on the keys of all places.
    fn read(self, noted: &BTreeSet<OsString>, points: Points) -> Result<Content> {
        let Self { place, mut files, keys, others } = self;
        let (notes, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|name| noted.contains(name));
        let read = |name: OsString| (read_note(&mut files, &name), name);
        let notes: BTreeMap<_, _> = notes.into_iter().map(read).map(|(note, name)| (name, note)).collect();
        let directory = files.directory().to_owned();
        let read = files.read_each(&keys, |name, content| KeyFile::read(content, points, || directory.join(name)))?;
        let read = keys.into_iter().zip(read.into_iter().flatten());
        let keys: Vec<(OsString, KeyFile)> = read.map(|(name, file)| Ok((name, file?))).collect::<Result<_>>()?;
        // Of a thousand keys the names take longer to compare than the keys to read.
        let names = LazyCell::new(|| KeyNames::new(keys.iter().map(|(name, _)| name.as_os_str())));
        let stray = |name: OsString| (refuse_stray(&files, &names, &name, &notes).err(), name);
        let others = others.into_iter().map(stray).map(|(fault, name)| (name, fault)).collect();
        let insecure = files.finish();
        drop(names);
        Ok(Content { place, files, keys, notes, others, insecure })
    }
}

/// The names of a place, but for what is ours there.
fn names_of(place: KeyPlace, files: &KeyFiles, names: fn(&KeyFiles) -> Result<Vec<OsString>>) -> Result<Vec<OsString>> {
    let is_foreign = |name: &OsString| place != KeyPlace::Trusted || !is_ours(name);
    Ok(names(files)?.into_iter().filter(is_foreign).collect())
}

/// The id of the key that a file of that name holds; nothing when it is named as none.
pub(super) fn key_id(name: &OsStr) -> Option<KeyId> {
    key_stem(&shown(name)).map(|stem| KeyId(stem.to_owned()))
}

/// The name of a file as text.
pub(super) fn shown(name: &OsStr) -> String {
    Text::from_os_bytes(name.as_bytes()).to_string()
}

/// A file that is neither a key nor a note on one is passed over only when it can be meant for neither.
fn refuse_stray<T>(files: &KeyFiles, names: &KeyNames<'_>, name: &OsStr, notes: &BTreeMap<OsString, T>) -> Result<()> {
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

impl KeyFile {
    /// That this process may open no more files says nothing about the key, and so is no verdict about what it
    /// signed.
    fn read(content: Result<Vec<u8>, SmallFileError>, points: Points, path: impl Fn() -> PathBuf) -> Result<Self> {
        let fault = |error| unreadable(Reason::KeyInvalid, "the key", &path(), error);
        match content {
            Err(error) if is_exhausted(&error) => Err(fault(error)),
            Err(error) => Ok(Self::without_key(KeyFlaw::Unreadable, fault(error), &[])),
            Ok(content) => Ok(Self::of(&content, points, path)),
        }
    }

    fn of(content: &[u8], points: Points, path: impl Fn() -> PathBuf) -> Self {
        let plain = match points {
            Points::Asked => PublicKey::plain(content),
            Points::Unasked => PublicKey::plain_unproven(content),
        };
        if let Some(Ok(key)) = plain {
            return Self { key: Ok(key), flaw: None, unused: Vec::new(), block_count: 1 };
        }
        let path = &path();
        let source = KeySource::file(path);
        match PublicKey::read(content, &source) {
            Err(_) if begins_as_note(content) => Self::without_key(KeyFlaw::Note, note_in_place_of_key(path), content),
            Err(fault) => Self::without_key(KeyFlaw::of(content, fault.reason()), fault, content),
            Ok(key) => {
                let behind = |key: &PublicKey| (key.fingerprint(), source.behind_another(key.fingerprint()));
                let unused = PublicKey::behind_first(content).iter().map(behind).collect();
                Self { key: Ok(key), flaw: None, unused, block_count: blocks(content).count() }
            }
        }
    }

    fn without_key(flaw: KeyFlaw, fault: Fault, content: &[u8]) -> Self {
        Self { key: Err(fault), flaw: Some(flaw), unused: Vec::new(), block_count: blocks(content).count() }
    }
}

impl KeyFlaw {
    fn of(content: &[u8], reason: Reason) -> Self {
        match (reason, Form::of(content)) {
            (Reason::WeakKey, _) => Self::Weak,
            _ if PublicKey::holds_private_key(content) => Self::Private,
            (_, Form::Public(Algorithm::Other(_) | Algorithm::Unknown) | Form::Foreign(_)) => Self::OtherAlgorithm,
            _ => Self::NoKey,
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
    use std::fs;

    use std::sync::atomic::{AtomicBool, Ordering};

    use super::super::Keyring;
    use crate::key::SigningKey;

    #[test]
    fn a_key_that_is_moved_while_it_is_read_is_in_the_one_place_or_the_other() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = |name: &str| directory.path().join(name);
        for name in ["staged", ".aisoc"] {
            fs::create_dir(path(name)).expect("made");
        }
        for name in ["stays.pem", "moves.pem"] {
            let key = SigningKey::generate().expect("random numbers");
            fs::write(path(name), key.public_key().to_pem()).expect("written");
        }
        let note = r#"{"schema_version": 2, "owner": "Ada"}"#;
        fs::write(path("moves.json"), note).expect("written");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // As a session does it: the note is there before the key, and goes after it.
                for turn in 0..300 {
                    let (from, to) = if turn % 2 == 0 { ("", "staged/") } else { ("staged/", "") };
                    fs::write(path(".aisoc/draft"), note).expect("written");
                    fs::rename(path(".aisoc/draft"), path(&format!("{to}moves.json"))).expect("moved");
                    fs::rename(path(&format!("{from}moves.pem")), path(&format!("{to}moves.pem"))).expect("moved");
                    fs::remove_file(path(&format!("{from}moves.json"))).expect("removed");
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                is_over.store(true, Ordering::Relaxed);
            });
            while !is_over.load(Ordering::Relaxed) {
                let keyring = Keyring::read(directory.path()).expect("every reading meets one state");
                assert_eq!((keyring.all_keys().len(), keyring.skipped().len()), (2, 0));
            }
        });
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
        let keyring = Keyring::read(directory.path()).expect("readable");
        assert_eq!(keyring.keys().len(), 1);
        assert_eq!(keyring.keys()[0].id.as_str(), "e");
        assert_eq!(keyring.skipped().len(), 4);
    }
}
