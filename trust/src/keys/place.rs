//! `Places`: the directories of a keyring, open, and what is done in them. What is done in one of them leads nowhere
//! else, whatever its path leads to a moment later.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_files::{Existing, SmallFileError, move_in, open_file_in, put_in, read_open, remove_in};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, KeyPlace, KeySource, OWN_DIRECTORY, PublicKey};

use crate::state_directory::own_directory;

/// The mode of `staged/`, `retired/` and `revoked/`: whoever may read the keys may read those.
const OPEN_TO_READERS: u32 = 0o755;
/// As large as the file of a key may be.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// The directories of one keyring, opened when they are needed.
#[derive(Debug)]
pub(super) struct Places {
    path: PathBuf,
    top: OwnedFd,
    /// Where a file is written before it has its name.
    drafts: OwnedFd,
}

impl Places {
    pub(super) fn new(path: &Path, top: OwnedFd, drafts: OwnedFd) -> Self {
        Self { path: path.to_owned(), top, drafts }
    }

    /// The key that stands there under that name, as its file is now; nothing where there is no file.
    ///
    /// # Errors
    /// `key_invalid` for what is no key, and I/O reasons.
    pub(super) fn key(&self, place: KeyPlace, name: &str) -> Result<Option<Fingerprint>> {
        let shown = self.path.join(place.below(name));
        let file = match open_file_in(self.open(place)?, name) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened.map_err(|error| unreadable(&shown, error))?,
        };
        let content = read_open(file, MAX_KEY_BYTES).map_err(|error| unreadable(&shown, error))?.content;
        PublicKey::read(&content, &KeySource::file(OsStr::new(&shown))).map(|key| Some(key.fingerprint()))
    }

    /// # Errors
    /// `already_exists`, and I/O reasons.
    pub(super) fn put_key(&self, place: KeyPlace, name: &str, pem: &str) -> Result<()> {
        self.put(place, name, pem.as_bytes(), Existing::Keep)
    }

    /// # Errors
    /// I/O reasons.
    pub(super) fn write_note(&self, place: KeyPlace, name: &str, content: &str) -> Result<()> {
        self.put(place, name, content.as_bytes(), Existing::Replace)
    }

    /// Writes a file of the keyring's own directory.
    ///
    /// # Errors
    /// I/O reasons.
    pub(super) fn write_own(&self, name: &str, content: &str) -> Result<()> {
        put_in(&self.drafts, &self.drafts, name, content.as_bytes(), Existing::Replace)
            .map_err(|error| Fault::io("write", &self.path.join(OWN_DIRECTORY).join(name), error))
    }

    fn put(&self, place: KeyPlace, name: &str, content: &[u8], existing: Existing) -> Result<()> {
        let put = put_in(&self.drafts, self.open(place)?, name, content, existing);
        put.map_err(|error| self.failed("write", place, name, error))
    }

    /// # Errors
    /// `already_exists`, and I/O reasons.
    pub(super) fn move_key(&self, from: KeyPlace, to: KeyPlace, name: &str) -> Result<()> {
        move_in(self.open(from)?, self.open(to)?, name).map_err(|error| self.failed("move", to, name, error))
    }

    /// # Errors
    /// I/O reasons.
    pub(super) fn remove(&self, place: KeyPlace, name: &str) -> Result<()> {
        remove_in(self.open(place)?, name).map_err(|error| self.failed("remove", place, name, error))
    }

    fn failed(&self, what: &str, place: KeyPlace, name: &str, error: io::Error) -> Fault {
        let path = self.path.join(place.below(name));
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Fault::new(Reason::AlreadyExists, format!("`{}` is there already", path.display()))
            }
            _ => Fault::io(what, &path, error),
        }
    }

    /// One of the directories, made when it is missing.
    fn open(&self, place: KeyPlace) -> Result<OwnedFd> {
        match place.directory() {
            Some(name) => own_directory(&self.top, &self.path, name, OPEN_TO_READERS),
            None => self.top.as_fd().try_clone_to_owned().map_err(|error| Fault::io("open", &self.path, error)),
        }
    }
}

fn unreadable(path: &Path, error: SmallFileError) -> Fault {
    match error {
        SmallFileError::Io(error) => Fault::io("read the key", path, error),
        error => Fault::new(Reason::KeyInvalid, format!("`{}` is no key file", path.display())).caused_by(error),
    }
}
