//! `JournalPlace`: where a journal, its chain and its head stand, in directories that are open.

use std::fs::File;
use std::io::ErrorKind;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use aisoc_files::{SmallFileError, Walk, open_append, open_file_in, read_open, replace_in};
use aisoc_manifests::digest::LinesDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{CWD, Mode, OFlags};

use super::chain::Link;

/// Largest journal, and largest chain, that is read and written.
pub(super) const MAX_JOURNAL_BYTES: u64 = 1 << 30;
/// Larger than any head.
const MAX_HEAD_BYTES: u64 = 1024;
/// The directory of ours in a keyring.
const OWN_DIRECTORY: &str = ".aisoc";
const KEYS: &str = "keys.journal";
const PLUGINS: &str = "plugins.journal";
const CHAIN: &str = ".chain";
const HEAD: &str = ".head";
/// The head of the journal of keys, in the keyring's own directory of ours.
const KEYS_HEAD: &str = "journal.head";
/// So many digits of a path's hash tell apart the journals of one site's locks.
const PATH_DIGITS: usize = 16;

/// A directory that is open, and how the user calls it. What is done in it leads nowhere else, whatever its path
/// leads to a moment later.
#[derive(Debug)]
pub struct HeldDirectory {
    directory: OwnedFd,
    path: PathBuf,
}

impl HeldDirectory {
    /// Opens a directory; nothing where there is none. It is not judged: its files are.
    ///
    /// # Errors
    /// `directory_insecure` for a file in its place, and I/O reasons.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(std::io::Error::from) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotADirectory => Err(Fault::no_directory(path)),
            Err(error) => Err(Fault::io("open", path, error)),
            Ok(directory) => Ok(Some(Self { directory, path: path.to_owned() })),
        }
    }

    /// A directory that its caller holds, as `path`.
    ///
    /// # Errors
    /// `io_error` when no descriptor is left.
    pub fn of(directory: impl AsFd, path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let directory = directory.as_fd().try_clone_to_owned().map_err(|error| Fault::io("open", &path, error))?;
        Ok(Self { directory, path })
    }
}

impl AsFd for HeldDirectory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// Where one journal is. Nothing is opened by it.
#[derive(Debug)]
pub struct JournalPlace {
    directory: HeldDirectory,
    name: String,
    /// The directory of the head: the keyring's or the site's own. A reader may find none.
    state: Option<HeldDirectory>,
    head: String,
    /// Whether the journal is carried from site to site, whose heads know nothing of it.
    is_carried: bool,
}

impl JournalPlace {
    /// `KEYS/keys.journal`, with its head in the directory of ours in the keyring.
    pub fn of_keys(keys: HeldDirectory, own: Option<HeldDirectory>) -> Self {
        Self { directory: keys, name: KEYS.into(), state: own, head: KEYS_HEAD.into(), is_carried: false }
    }

    /// [`JournalPlace::of_keys`] for whoever only reads: opens the keyring, and what is ours in it if it is there;
    /// nothing where there is no keyring.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn in_keyring(keys: &Path) -> Result<Option<Self>> {
        let Some(directory) = HeldDirectory::open(keys)? else { return Ok(None) };
        Ok(Some(Self::of_keys(directory, HeldDirectory::open(&keys.join(OWN_DIRECTORY))?)))
    }

    /// The journal of keys in the directory of ours of a site, where the keyring itself cannot be written.
    ///
    /// # Errors
    /// `io_error` when no descriptor is left.
    pub fn of_keys_in_site(own: HeldDirectory) -> Result<Self> {
        Self::in_site(own, KEYS)
    }

    /// The journal of a site, in the directory of ours in its plugins directory.
    ///
    /// # Errors
    /// `io_error` when no descriptor is left.
    pub fn of_site(own: HeldDirectory) -> Result<Self> {
        Self::in_site(own, PLUGINS)
    }

    fn in_site(own: HeldDirectory, name: &str) -> Result<Self> {
        let state = HeldDirectory::of(&own, own.path.clone())?;
        let head = format!("{name}{HEAD}");
        Ok(Self { directory: own, name: name.into(), state: Some(state), head, is_carried: false })
    }

    /// `LOCK.journal` beside a lock file `lock` in `directory`. It may stand in a repository that many sites have, so
    /// that a site which has not written to it knows no head of it.
    pub fn beside_lock(directory: HeldDirectory, lock: &str, own: Option<HeldDirectory>) -> Self {
        let name = format!("{lock}.journal");
        let path = directory.path.join(&name);
        let whole = std::path::absolute(&path).unwrap_or(path);
        let digits = LinesDigest::of(whole.as_os_str().as_encoded_bytes()).hex();
        let head = format!("{}{HEAD}", &digits[..PATH_DIGITS]);
        Self { directory, name, state: own, head, is_carried: true }
    }

    /// The journal's path.
    pub fn path(&self) -> PathBuf {
        self.directory.path.join(&self.name)
    }

    /// Whether there is a journal, or what was beside one.
    ///
    /// # Errors
    /// As [`JournalPlace::open`].
    pub fn is_there(&self) -> Result<bool> {
        Ok(self.journal()?.is_some() || self.chain()?.is_some() || self.read_head()?.is_some())
    }

    /// The chain's path.
    pub fn chain_path(&self) -> PathBuf {
        self.directory.path.join(self.chain_name())
    }

    /// The head's path, where there is a directory for it.
    pub fn head_path(&self) -> Option<PathBuf> {
        self.state.as_ref().map(|state| state.path.join(&self.head))
    }

    fn chain_name(&self) -> String {
        format!("{}{CHAIN}", self.name)
    }

    /// Whether a chain without a head is one whose end nobody has kept.
    pub(super) fn needs_head(&self) -> bool {
        !self.is_carried
    }

    pub(super) fn journal(&self) -> Result<Option<File>> {
        self.open_to_read(&self.name)
    }

    pub(super) fn chain(&self) -> Result<Option<File>> {
        self.open_to_read(&self.chain_name())
    }

    pub(super) fn journal_to_append(&self) -> Result<File> {
        self.open_to_append(&self.name)
    }

    pub(super) fn chain_to_append(&self) -> Result<File> {
        self.open_to_append(&self.chain_name())
    }

    fn open_to_read(&self, name: &str) -> Result<Option<File>> {
        let path = self.directory.path.join(name);
        let file = match open_file_in(&self.directory, name) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened.map_err(|error| no_file(&path, error))?,
        };
        require_ours(&file, &path)?;
        let bytes = file.metadata().map_err(|error| Fault::io("look at", &path, error))?.len();
        match bytes > MAX_JOURNAL_BYTES {
            true => Err(too_large(&path, bytes)),
            false => Ok(Some(file)),
        }
    }

    fn open_to_append(&self, name: &str) -> Result<File> {
        let path = self.directory.path.join(name);
        let file = open_append(&self.directory, name).map_err(|error| no_file(&path, error.into()))?;
        require_ours(&file, &path)?;
        Ok(file)
    }

    /// The place in the chain that the site has seen last.
    pub(super) fn read_head(&self) -> Result<Option<Link>> {
        let Some(state) = &self.state else { return Ok(None) };
        let path = state.path.join(&self.head);
        let file = match open_file_in(state, &self.head) {
            Err(error) if error.is_absent() => return Ok(None),
            opened => opened.map_err(|error| no_file(&path, error))?,
        };
        require_ours(&file, &path)?;
        let content = read_open(file, MAX_HEAD_BYTES).map_err(|error| no_file(&path, error))?.content;
        head_of(&content).map(Some).ok_or_else(|| {
            Fault::new(Reason::JournalBroken, format!("`{}` is no head of a journal", path.display()))
                .expected("a line's number and hash", aisoc_manifests::counted(content.len() as u64, "byte"))
        })
    }

    /// Of a journal that is carried, a site that has no place for it keeps no head: [`Summary`](super::Summary) says so to
    /// whoever reads it.
    ///
    /// # Errors
    /// I/O reasons; each leaves the head as it was.
    pub(super) fn write_head(&self, link: Link) -> Result<()> {
        let Some(state) = &self.state else {
            if self.is_carried {
                return Ok(());
            }
            return Err(Fault::new(Reason::Internal, "a journal is written without a place for its head"));
        };
        let path = state.path.join(&self.head);
        replace_in(state, &self.head, head_text(link).as_bytes()).map_err(|error| Fault::io("write", &path, error))
    }
}

fn head_text(Link { number, hash }: Link) -> String {
    format!("{number}\t{hash}\n")
}

fn head_of(content: &[u8]) -> Option<Link> {
    let (number, hash) = std::str::from_utf8(content).ok()?.strip_suffix('\n')?.split_once('\t')?;
    let link = Link { number: number.parse().ok()?, hash: hash.parse().ok()? };
    (head_text(link).as_bytes() == content).then_some(link)
}

/// Whoever may write a journal writes what was done: this user, root and the owner's group.
fn require_ours(file: &File, path: &Path) -> Result<()> {
    let mut walk = Walk::default();
    walk.judge_open(file, path).map_err(|error| Fault::io("look at", path, error))?;
    walk.finish().map_err(|insecure| {
        Fault::insecure(insecure.to_string(), insecure.expected(), insecure.found(), insecure.remedy())
    })
}

/// A link, a directory or a FIFO in the place of a file.
fn no_file(path: &Path, error: SmallFileError) -> Fault {
    let is_link = |error: &std::io::Error| error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    match error {
        SmallFileError::Io(error) if error.kind() == ErrorKind::InvalidInput || is_link(&error) => no_regular(path),
        SmallFileError::Io(error) => Fault::io("open", path, error),
        SmallFileError::NotAFile => no_regular(path),
        SmallFileError::TooLarge { .. } => {
            Fault::new(Reason::JournalBroken, format!("`{}` is no file of ours", path.display())).caused_by(error)
        }
    }
}

fn no_regular(path: &Path) -> Fault {
    Fault::new(Reason::DirectoryInsecure, format!("`{}` is no regular file", path.display()))
        .hint("find out who put it there, and remove it")
}

pub(super) fn too_large(path: &Path, bytes: u64) -> Fault {
    Fault::new(Reason::JournalInvalid, format!("`{}` is larger than any journal", path.display()))
        .expected(format!("at most {MAX_JOURNAL_BYTES} bytes"), format!("{bytes} bytes"))
        .hint("begin a new one: \"A new journal\" in `aisoc help journal`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_has_one_spelling() {
        let link = Link { number: 7, ..Link::start() };
        let text = head_text(link);
        assert_eq!(head_of(text.as_bytes()), Some(link));
        for other in
            ["", "7", &text[1..], text.trim_end(), &format!("0{text}"), &format!("{text}\n"), &format!("+{text}")]
        {
            assert_eq!(head_of(other.as_bytes()), None, "{other:?}");
        }
    }
}
