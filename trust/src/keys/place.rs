//! `Places`: the directories of a keyring, open, and what is done in them. What is done in one of them leads nowhere
//! else, whatever its path leads to a moment later.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_files::{Existing, SmallFileError, move_in, open_file_in, put_in, read_open, remove_in};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::printable;
use aisoc_signing::{Fingerprint, KeyPlace, KeySource, OWN_DIRECTORY, PublicKey};

use crate::state_directory::{existing_directory, own_directory};

/// The mode of `staged/`, `retired/` and `revoked/`: whoever may read the keys may read those.
const OPEN_TO_READERS: u32 = 0o755;
/// As large as the file of a key may be.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// The keys in the directories of one keyring, for whoever only looks: nothing is made by it.
#[derive(Debug)]
pub(super) struct KeysInPlace {
    path: PathBuf,
    top: OwnedFd,
}

/// The directories of one keyring, made and opened when they are needed.
#[derive(Debug)]
pub(super) struct Places {
    keys: KeysInPlace,
    /// Where a file is written before it has its name.
    drafts: OwnedFd,
}

impl KeysInPlace {
    pub(super) fn of(path: &Path, top: OwnedFd) -> Self {
        Self { path: path.to_owned(), top }
    }

    /// The key that stands there under that name, as its file is now; nothing where there is no file.
    ///
    /// # Errors
    /// `key_invalid` for a link and for what is no key, `directory_insecure` for a place that others can change, and
    /// I/O reasons.
    pub(super) fn key(&self, place: KeyPlace, name: &str) -> Result<Option<Fingerprint>> {
        let shown = self.path.join(place.below(name));
        let Some(directory) = self.open(place)? else { return Ok(None) };
        let file = match open_file_in(&directory, name) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened.map_err(|error| unreadable(&directory, name, &shown, error))?,
        };
        let content =
            read_open(file, MAX_KEY_BYTES).map_err(|error| unreadable(&directory, name, &shown, error))?.content;
        PublicKey::read(&content, &KeySource::file(OsStr::new(&shown))).map(|key| Some(key.fingerprint()))
    }

    /// One of the directories; nothing where it is not there yet.
    fn open(&self, place: KeyPlace) -> Result<Option<OwnedFd>> {
        match place.directory() {
            Some(name) => existing_directory(&self.top, &self.path, name),
            None => {
                self.top.as_fd().try_clone_to_owned().map(Some).map_err(|error| Fault::io("open", &self.path, error))
            }
        }
    }
}

impl Places {
    pub(super) fn new(keys: KeysInPlace, drafts: OwnedFd) -> Self {
        Self { keys, drafts }
    }

    /// As [`KeysInPlace::key`].
    ///
    /// # Errors
    /// The keys in them, to look at.
    pub(super) fn keys(&self) -> &KeysInPlace {
        &self.keys
    }

    /// As [`KeysInPlace::key`].
    pub(super) fn key(&self, place: KeyPlace, name: &str) -> Result<Option<Fingerprint>> {
        self.keys.key(place, name)
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
            .map_err(|error| Fault::io("write", &self.keys.path.join(OWN_DIRECTORY).join(name), error))
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
        let path = self.keys.path.join(place.below(name));
        match error.kind() {
            ErrorKind::AlreadyExists => {
                Fault::new(Reason::AlreadyExists, format!("`{}` is there already", path.display()))
            }
            _ => Fault::io(what, &path, error),
        }
    }

    /// One of the directories, made when it is missing.
    fn open(&self, place: KeyPlace) -> Result<OwnedFd> {
        let KeysInPlace { path, top } = &self.keys;
        match place.directory() {
            Some(name) => own_directory(top, path, name, OPEN_TO_READERS),
            None => top.as_fd().try_clone_to_owned().map_err(|error| Fault::io("open", path, error)),
        }
    }
}

/// A link is not moved: what it leads to would stay where it is, and come back with the next mount.
fn unreadable(directory: &OwnedFd, name: &str, path: &Path, error: SmallFileError) -> Fault {
    if let Ok(target) = rustix::fs::readlinkat(directory, name, Vec::new()) {
        let target = target.to_string_lossy().into_owned();
        return Fault::new(
            Reason::KeyInvalid,
            format!("`{}` is a link, and a link is neither moved nor removed", path.display()),
        )
        .expected("the file of the key itself", format!("a link to `{}`", printable(&target)))
        .hint(
            "change the keys where they are mounted from, in Kubernetes the secret; or put the file itself there in \
                 place of the link",
        );
    }
    match error {
        SmallFileError::Io(error) => Fault::io("read the key", path, error),
        error => Fault::new(Reason::KeyInvalid, format!("`{}` is no key file", path.display())).caused_by(error),
    }
}
