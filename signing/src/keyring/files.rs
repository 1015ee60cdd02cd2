//! `KeyFiles`: the files of a trusted keys directory, or one key file of any directory and the notes beside it.
//! Whoever may change one of them, or a directory on the way to one, says who is trusted.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Insecure, Links, Place, SmallFileError, Walk, parallel, parent};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::value::Text;
use rustix::fs::FileType;
use zeroize::Zeroizing;

use super::names::{begins_as_note, is_key_name, may_be_note_beside};

/// Largest file that is read. A public key takes 113 bytes; certificates with notes a few thousand.
pub(super) const MAX_FILE_BYTES: u64 = 64 << 10;
/// Largest file that is searched for a private key, by whoever looks for faults.
pub(super) const MAX_SEARCHED_BYTES: u64 = 1 << 20;
/// Most files of a key directory. Beyond, it is not a directory of keys.
const MAX_FILES: usize = 10_000;
/// How many files one processor reads before it looks for more. A directory of fewer keys is not worth a thread.
const FILES_AT_ONCE: usize = 64;

/// An open directory of keys. What was read counts when [`KeyFiles::finish`] has found nothing.
pub(super) struct KeyFiles {
    walk: Walk,
    place: Place,
    shown: PathBuf,
    /// The one key file that counts; all of the directory when there is none.
    only: Option<OsString>,
}

impl KeyFiles {
    /// Opens the directory, or that of the one key file that `path` names; `None` when there is neither.
    ///
    /// # Errors
    /// I/O reasons, also for what is neither; `key_invalid` for a file that is not named as a key is.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let mut walk = Walk::default();
        let failed = |error| unlisted(path, error);
        match walk.to(path, Links::Followed).map_err(failed)? {
            Arrival::Directory(place) => Ok(Some(Self { walk, place, shown: path.to_owned(), only: None })),
            Arrival::Missing(_) => Ok(None),
            Arrival::Other(_, _, FileType::RegularFile) => Self::beside(path),
            Arrival::Other(..) | Arrival::NoWay => Err(failed(io::ErrorKind::NotADirectory.into())),
        }
    }

    /// The directory `name` in this one; `None` when there is none.
    ///
    /// # Errors
    /// I/O reasons, and `key_note_invalid` for something else under that name, which may be meant for a note.
    pub(super) fn below(&self, name: &str) -> Result<Option<Self>> {
        let (mut walk, shown) = (Walk::default(), self.shown.join(name));
        let failed = |error| unlisted(&shown, error);
        match walk.enter(&self.place, OsStr::new(name)).map_err(failed)? {
            Arrival::Directory(place) => Ok(Some(Self { walk, place, shown, only: None })),
            Arrival::Missing(_) => Ok(None),
            Arrival::Other(..) | Arrival::NoWay => {
                let message = format!("`{}` is where keys that are {name} stand, and no directory", shown.display());
                Err(Fault::new(Reason::KeyNoteInvalid, message)
                    .expected("a directory, or nothing", "something else")
                    .hint("give it another name: a note is named after its key, NAME.json beside NAME.pem"))
            }
        }
    }

    /// Whether it is one key file that counts, and not a directory of them.
    pub(super) fn is_one_file(&self) -> bool {
        self.only.is_some()
    }

    /// The directory in which that file's own name stands: its note stands beside the name that was given, and
    /// not beside what a link of that name leads to.
    fn beside(file: &Path) -> Result<Option<Self>> {
        let Some(name) = file.file_name().filter(|name| is_key_name(name)) else {
            let message = format!("`{}` is not named as a public key is", file.display());
            return Err(Fault::new(Reason::KeyInvalid, message)
                .expected("NAME.pem or NAME.pub, or a directory of them", Text::from_os_bytes(last(file)).to_string())
                .hint("name the PREFIX.pem that its publisher gave you; the name is the key's, and its note's"));
        };
        let mut walk = Walk::default();
        match walk.to(parent(file), Links::Followed).map_err(|error| unlisted(file, error))? {
            Arrival::Directory(place) => {
                let shown = file.parent().unwrap_or(file).to_owned();
                Ok(Some(Self { walk, place, shown, only: Some(name.to_owned()) }))
            }
            // It was there a moment ago.
            _ => Ok(None),
        }
    }

    /// The names, in code point order; of one key file alone, that and what may be its note.
    ///
    /// # Errors
    /// As [`KeyFiles::listed`].
    pub(super) fn names(&self) -> Result<Vec<OsString>> {
        let mut names = self.listed()?;
        // Bytes of UTF-8 have the order of their code points, and others do not.
        match names.iter().all(|name| name.to_str().is_some()) {
            true => names.sort_unstable(),
            false => names.sort_by_cached_key(|name| Text::from_os_bytes(name.as_bytes())),
        }
        Ok(names)
    }

    /// As [`KeyFiles::names`], in no order.
    ///
    /// # Errors
    /// I/O reasons, also for more names than a directory of keys has.
    pub(super) fn listed(&self) -> Result<Vec<OsString>> {
        let failed = |error| unlisted(self.place.path(), error);
        let counts = |name: &io::Result<OsString>| name.as_ref().map_or(true, |name| self.counts(name));
        let names = self.place.names().map_err(failed)?.filter(counts);
        let names = names.take(MAX_FILES + 1).collect::<io::Result<Vec<OsString>>>().map_err(failed)?;
        if names.len() > MAX_FILES {
            let message = format!("`{}` is not a directory of keys", self.shown.display());
            return Err(Fault::new(Reason::IoError, message).expected(format!("at most {MAX_FILES} files"), "more"));
        }
        Ok(names)
    }

    fn counts(&self, name: &OsStr) -> bool {
        let Some(only) = &self.only else { return true };
        // What cannot be looked at may be a note: it is refused where it is read.
        let begins = || match self.beginning(name) {
            Ok(beginning) => begins_as_note(&beginning),
            Err(error) => !matches!(error, SmallFileError::NotAFile) && !error.is_absent(),
        };
        name == only || may_be_note_beside(only, name, begins)
    }

    /// Reads a file whole. Links are followed: clusters mount keys that way.
    ///
    /// # Errors
    /// What cannot be opened, is no regular file, or is larger than a key.
    pub(super) fn read(&mut self, name: &OsStr) -> Result<Vec<u8>, SmallFileError> {
        self.walk.read_file(&self.place, name, MAX_FILE_BYTES)
    }

    /// As [`KeyFiles::read`], of many: what `judge` makes of each, in their order, in the parts in which they were read.
    ///
    /// # Errors
    /// Those of starting a thread. What is wrong with a file is `judge`'s to say.
    pub(super) fn read_each<T: Send>(
        &mut self,
        names: &[OsString],
        judge: impl Fn(&OsStr, Result<Vec<u8>, SmallFileError>) -> T + Sync,
    ) -> Result<Vec<Vec<T>>> {
        let parts: Vec<&[OsString]> = names.chunks(FILES_AT_ONCE).collect();
        let read = parallel::map(&parts, parallel::default_threads(), |names| {
            let mut walk = self.walk.branch();
            let mut read = |name| judge(name, walk.read_file(&self.place, name, MAX_FILE_BYTES));
            let judged: Vec<T> = names.iter().map(|name| read(name)).collect();
            (walk, judged)
        });
        let read = read.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
        let mut all = Vec::with_capacity(read.len());
        for (walk, judged) in read {
            self.walk.join(walk);
            all.push(judged);
        }
        Ok(all)
    }

    /// How a file begins that may decide nothing but that it does not belong here. So it may be large, and
    /// its owner and mode do not matter.
    ///
    /// # Errors
    /// What cannot be opened or is no regular file.
    pub(super) fn beginning(&self, name: &OsStr) -> Result<Vec<u8>, SmallFileError> {
        let file = Walk::default().open_file(&self.place, name)?;
        Ok(BufReader::with_capacity(MAX_FILE_BYTES as usize, file).fill_buf()?.to_vec())
    }

    /// Where they are, as the user would write it.
    pub(super) fn directory(&self) -> &Path {
        &self.shown
    }

    /// The path of a file as the user would write it.
    pub(super) fn path(&self, name: &OsStr) -> PathBuf {
        self.shown.join(name)
    }

    /// A file whole that nobody reads as a key or a note, to look for what must not be there. Its owner and mode do not
    /// matter.
    ///
    /// # Errors
    /// What cannot be opened, is no regular file, or is larger than what is searched.
    pub(super) fn searched(&self, name: &OsStr) -> Result<Zeroizing<Vec<u8>>, SmallFileError> {
        Walk::default().read_file(&self.place, name, MAX_SEARCHED_BYTES).map(Zeroizing::new)
    }

    /// Whether that name is a link.
    pub(super) fn is_link(&self, name: &OsStr) -> bool {
        rustix::fs::readlinkat(&self.place, name, Vec::new()).is_ok()
    }

    /// The path of the directory, with no link on the way.
    pub(super) fn real_path(&self) -> &Path {
        self.place.path()
    }

    /// Ends the reading: everything that was read or stepped on and that others may change.
    pub(super) fn finish(&mut self) -> Option<Insecure> {
        std::mem::take(&mut self.walk).finish().err()
    }
}

/// Why keys that others may change judge nothing.
pub(super) fn changeable(insecure: &Insecure) -> Fault {
    let message = format!("others can change who is trusted: {insecure}");
    Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
}

fn last(path: &Path) -> &[u8] {
    path.file_name().unwrap_or(path.as_os_str()).as_bytes()
}

fn unlisted(directory: &Path, error: io::Error) -> Fault {
    Fault::io("list the trusted keys directory", directory, error)
}
