//! `ReferenceDir`: any plugin directory, read exactly as the host reads it.
//!
//! For `verify DIR` and `digest DIR`, whose answer must be the host's: links to files are followed,
//! caches and virtual environments count, what the host passes over is passed over. Nothing that is
//! read this way can be installed. Contract: the signing format's "file map".
//!
//! What the host passes over is noted beside: it is what a signature of the code alone does not cover.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aisoc_files::{
    EachEntry, Entry, Links as Following, SmallFileError, Walk, open_directory, open_directory_in, read_small,
};
use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::progress::Act;
use aisoc_manifests::value::Text;
use aisoc_signing::{Claim, ClaimedTree, Content, SIGNATURE_FILE, is_signature_file};
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;

use crate::dir::SPECIAL_BITS;
use crate::keep::Keep;
use crate::limits::Limits;
use crate::parallel::{self, Links, default_threads};
use crate::stage::whole_manifest;
use crate::vacancy::Vacancy;

/// A plugin directory as the host sees it.
#[derive(Debug)]
pub struct ReferenceDir {
    manifest_file: ManifestFile,
    manifest: Vec<u8>,
    signature_files: BTreeMap<String, Content>,
    entries: Entries,
}

impl ReferenceDir {
    /// Reads and hashes the directory with [`default_threads`].
    ///
    /// # Errors
    /// `manifest_missing`, `manifest_too_large`, `forbidden_entry` for more than [`Limits`] allow, and I/O reasons.
    pub fn read(root: &Path) -> Result<Self> {
        Self::read_with(root, default_threads(), &Limits::default())
    }

    /// As [`ReferenceDir::read`], with that many threads and within those limits.
    ///
    /// # Errors
    /// As [`ReferenceDir::read`].
    pub fn read_with(root: &Path, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        Self::read_watched(root, None, threads, limits)
    }

    /// As [`ReferenceDir::read_with`], and asks `walk` of everything that is opened whether nobody else may change it:
    /// what is judged is what is read. See [`ReferenceDir::watch`].
    ///
    /// # Errors
    /// As [`ReferenceDir::read`]. A link in the directory's place is not listed, and so not secure.
    pub fn read_guarded(root: &Path, walk: &Walk, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        Self::read_watched(root, Some(walk), threads, limits)
    }

    fn read_watched(root: &Path, walk: Option<&Walk>, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let manifest_file = ManifestFile::find(|name| root.join(name).exists())
            .ok_or_else(|| Fault::new(Reason::ManifestMissing, format!("`{}` has no manifest", root.display())))?;
        let mut entries = Entries::read(root, Everything::Wanted, walk, threads, limits)?;
        let mut described = |name: &str, limit| match entries.kept.remove(name) {
            Some(content) => Ok(Some(content)),
            // Through a link, which the host follows.
            None => read_bounded(&root.join(name), limit),
        };
        let manifest = described(manifest_file.name(), limits.max_manifest_bytes)?;
        let manifest = whole_manifest(manifest_file, manifest.as_ref())?.to_vec();
        let signature = described(SIGNATURE_FILE, limits.max_signature_bytes)?;
        let mut signature_files = std::mem::take(&mut entries.kept);
        signature_files.retain(|name, _| is_signature_file(name));
        signature_files.extend(signature.map(|content| (SIGNATURE_FILE.to_owned(), content)));
        Ok(Self { manifest_file, manifest, signature_files, entries })
    }

    /// Which file is the manifest.
    pub fn manifest_file(&self) -> ManifestFile {
        self.manifest_file
    }

    /// The manifest's bytes.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest
    }

    /// The files that a signature covers.
    pub fn python(&self) -> &PythonFiles {
        &self.entries.python
    }

    /// What `plugin.sig` holds.
    pub fn signature(&self) -> Option<&Content> {
        self.signature_files.get(SIGNATURE_FILE)
    }

    /// Why a file could not be read, or a directory listed, that the host passes over: a refusal of the others may be
    /// about that alone.
    pub fn unread(&self) -> Option<&Fault> {
        self.entries.unread.as_ref()
    }

    /// Whether nobody else may change what was read, as [`ReferenceDir::read_guarded`] has seen it.
    pub fn watch(&self) -> &Watch {
        &self.entries.watch
    }

    /// What the directory says about itself. Its subject is never that of a staged tree, so that the
    /// verdict on a directory somewhere cannot let another tree in.
    pub fn claim(self) -> Claim {
        let Entries { python, files, strange, vacancy, .. } = self.entries;
        let mut subject = TreeDigest::hasher();
        subject.update(b"aisoc.reference-dir/v1\0");
        subject.update(FileDigest::of(&self.manifest).as_bytes());
        for (path, digest) in python.iter() {
            subject.update(FileDigest::of(path.as_bytes()).as_bytes());
            subject.update(digest.as_bytes());
        }
        Claim::new(ClaimedTree {
            subject: subject.finish(),
            manifest_file: self.manifest_file,
            manifest: self.manifest,
            python,
            files: Arc::new(files),
            strange,
            empty_directories: vacancy.empty(),
            signature_files: self.signature_files,
        })
    }
}

/// Every `*.py` file below `root` with its digest, as the host finds them.
///
/// # Errors
/// I/O reasons for a file that is there and cannot be read.
pub fn reference_files(root: &Path, threads: NonZeroUsize) -> Result<PythonFiles> {
    Ok(Entries::read(root, Everything::PassedOver, None, threads, &Limits::default())?.python)
}

/// How large the files of a directory are together, as its file system states them: for whoever is to read it, and
/// is watched.
///
/// # Errors
/// As [`ReferenceDir::read`], but for the manifest.
pub fn stated_bytes(root: &Path, limits: &Limits) -> Result<u64> {
    let mut bounds = Bounds::of(root, limits, Sizes::LookedUp);
    Entries::default().search(Everything::Wanted, None, &mut bounds)?;
    Ok(bounds.bytes.into_inner())
}

/// Whether nobody else may change a directory and what is in it, of each of which the open one was judged.
#[derive(Debug, Default)]
pub struct Watch {
    /// The first that somebody else may change.
    insecure: Option<PathBuf>,
    /// Whether there is something that was not opened, or that no install makes.
    is_unjudged: bool,
}

impl Watch {
    /// The first of what was read that somebody else may change.
    pub fn insecure(&self) -> Option<&Path> {
        self.insecure.as_deref()
    }

    /// Whether all of it was judged, directories and regular files, and nobody else may change any.
    pub fn is_secure(&self) -> bool {
        self.insecure.is_none() && !self.is_unjudged
    }

    fn saw(&mut self, path: impl FnOnce() -> PathBuf, is_secure: bool) {
        if !is_secure {
            self.insecure.get_or_insert_with(path);
        }
    }
}

/// What is in a directory.
#[derive(Debug, Default)]
struct Entries {
    /// Every `*.py` that the host finds, links to files among them.
    python: PythonFiles,
    /// Every regular file whose name a list can hold.
    files: FileMap,
    /// The regular files that describe the plugin.
    kept: BTreeMap<String, Content>,
    /// Everything else but directories: links, devices, forbidden names, what cannot be read.
    strange: Vec<String>,
    vacancy: Vacancy,
    /// The first regular file that a host would pass over because it may not read it.
    unread: Option<Fault>,
    /// What says nothing where nobody has asked.
    watch: Watch,
}

/// Where the sizes of files come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sizes {
    /// Looked up while the directory is searched: somebody is to hear how much there is to read.
    LookedUp,
    /// Of each file as it states them once it is open, before it is read: nobody looks at it twice.
    OfOpen,
}

/// Holds a directory to the bounds of an archive: while it is searched, and as its files are opened.
struct Bounds<'a> {
    root: &'a Path,
    limits: &'a Limits,
    sizes: Sizes,
    entries: usize,
    name_bytes: usize,
    /// Of the files so far, on whatever thread.
    bytes: AtomicU64,
}

impl<'a> Bounds<'a> {
    fn of(root: &'a Path, limits: &'a Limits, sizes: Sizes) -> Self {
        Self { root, limits, sizes, entries: 0, name_bytes: 0, bytes: AtomicU64::new(0) }
    }

    fn entry(&mut self, within: &Path) -> Result<()> {
        self.limits.cancellation.check()?;
        self.entries += 1;
        self.name_bytes += within.as_os_str().len();
        let (entries, name_bytes) = (self.limits.max_entries, self.limits.max_name_bytes);
        match (self.entries > entries, self.name_bytes > name_bytes) {
            (true, _) => Err(self.exceeded("has too many entries", format!("at most {entries}"), "more".to_owned())),
            (_, true) => {
                let most = format!("at most {name_bytes} bytes of names");
                Err(self.exceeded("has too many names", most, "more".to_owned()))
            }
            (false, false) => Ok(()),
        }
    }

    /// A file that was found. What cannot be looked at is reported when it cannot be read.
    fn found(&self, within: &Path) -> Result<()> {
        match self.sizes {
            Sizes::LookedUp => self.file(fs::metadata(self.root.join(within)).map_or(0, |found| found.len())),
            Sizes::OfOpen => Ok(()),
        }
    }

    /// A file that is open, before anything of it is read.
    fn opened(&self, found: &Stat) -> Result<()> {
        match self.sizes {
            Sizes::LookedUp => Ok(()),
            Sizes::OfOpen => self.file(u64::try_from(found.st_size).unwrap_or(u64::MAX)),
        }
    }

    /// By the stated size: a file that is mostly hole is refused before anybody reads it.
    fn file(&self, bytes: u64) -> Result<()> {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let Limits { max_file_bytes, max_total_bytes, .. } = self.limits;
        for (found, most) in [(bytes, max_file_bytes), (before.saturating_add(bytes), max_total_bytes)] {
            if found > *most {
                return Err(self.exceeded("is too large", format!("at most {most} bytes"), format!("{found} bytes")));
            }
        }
        Ok(())
    }

    fn exceeded(&self, what: &str, expected: String, found: String) -> Fault {
        Fault::new(Reason::ForbiddenEntry, format!("`{}` {what}", self.root.display()))
            .expected(expected, found)
            .hint("name the directory of one plugin, without what is no part of it")
    }
}

/// Whether to look at what the host passes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Everything {
    Wanted,
    PassedOver,
}

/// What is to be read of a directory, and the directory, open. Nothing where it cannot be opened.
#[derive(Default)]
struct Candidates {
    root: Option<OwnedFd>,
    files: Vec<Candidate>,
}

struct Candidate {
    /// From the root of the plugin on.
    within: PathBuf,
    is_python: bool,
    is_regular: bool,
}

impl Entries {
    fn read(
        root: &Path,
        everything: Everything,
        walk: Option<&Walk>,
        threads: NonZeroUsize,
        limits: &Limits,
    ) -> Result<Self> {
        // On several threads nobody could say which file was one too many.
        let is_looked_up = threads > NonZeroUsize::MIN || limits.cancellation.would_measure();
        let sizes = if is_looked_up { Sizes::LookedUp } else { Sizes::OfOpen };
        let (mut entries, mut bounds) = (Self::default(), Bounds::of(root, limits, sizes));
        let Candidates { root: opened, files } = entries.search(everything, walk, &mut bounds)?;
        // Nothing was found in what cannot be opened.
        let Some(opened) = opened else { return Ok(entries) };
        let _reading = limits.cancellation.begin(Act::Reading, bounds.bytes.load(Ordering::Relaxed));
        let read = parallel::map(&files, threads, |candidate, buffer| {
            let keep = limits.bytes_to_keep(candidate.name());
            let read = match candidate.open(&opened, walk) {
                Ok(file) => {
                    bounds.opened(&file.found)?;
                    file.read(keep, limits, buffer)
                }
                Err(error) => Err(error),
            };
            let failed = |error| Fault::io("read", &root.join(&candidate.within), error);
            match read {
                Ok(entry) => Ok(Ok(entry)),
                Err(error) if candidate.is_python || keep.is_some() || is_of_machine(&error) => Err(failed(error)),
                Err(error) => Ok(limits.cancellation.check().map(|()| Err(failed(error)))?),
            }
        })?;
        for (candidate, read) in files.iter().zip(read) {
            let (read, unread) = read.map_or_else(|fault| (None, Some(fault)), |read| (Some(read), None));
            entries.add(root, candidate, read);
            entries.unread = entries.unread.take().or(unread);
        }
        entries.strange.sort();
        Ok(entries)
    }

    /// Collects without recursion: nothing bounds the depth of somebody else's directory.
    fn search(&mut self, everything: Everything, walk: Option<&Walk>, bounds: &mut Bounds<'_>) -> Result<Candidates> {
        let mut candidates = Candidates::default();
        let mut directories = vec![PathBuf::new()];
        while let Some(directory) = directories.pop() {
            let entries = match self.opened(bounds.root, &directory, walk, &mut candidates.root) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unlisted(bounds.root, &directory, error)?;
                    self.vacancy.entry(&directory.join("unlisted"));
                    continue;
                }
            };
            for entry in entries {
                let Entry { name, kind } = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.unlisted(bounds.root, &directory, error)?;
                        continue;
                    }
                };
                let within = directory.join(&name);
                bounds.entry(&within)?;
                if kind == FileType::Directory {
                    self.vacancy.directory(&within);
                    directories.push(within);
                    continue;
                }
                self.vacancy.entry(&within);
                let is_regular = kind == FileType::RegularFile;
                let is_named_python = name.as_bytes().ends_with(b".py");
                let is_python = is_named_python && (is_regular || leads_to_file(&bounds.root.join(&within))?);
                let is_read = is_python || (is_regular && everything == Everything::Wanted);
                if is_read {
                    bounds.found(&within)?;
                }
                if !is_regular {
                    self.watch.is_unjudged = true;
                    self.note(&within);
                }
                if is_read {
                    candidates.files.push(Candidate { within, is_python, is_regular });
                }
            }
        }
        Ok(candidates)
    }

    /// Opens a directory to list it, the one that is judged; `root` is opened with the first, and all others are in it.
    fn opened(
        &mut self,
        path: &Path,
        within: &Path,
        walk: Option<&Walk>,
        root: &mut Option<OwnedFd>,
    ) -> std::io::Result<EachEntry> {
        let opened = match root {
            Some(root) => open_directory_in(root, within)?,
            None => {
                let links = if walk.is_none() { Following::Followed } else { Following::Refused };
                let opened = open_directory(path, links)?;
                root.insert(opened).try_clone()?
            }
        };
        if let Some(walk) = walk {
            self.watch.saw(|| path.join(within), walk.holds(&opened, &fstat(&opened)?)?);
        }
        EachEntry::of(opened)
    }

    /// What the host may not list it passes over, and signs what is left.
    fn unlisted(&mut self, root: &Path, within: &Path, error: std::io::Error) -> Result<()> {
        if is_of_machine(&error) {
            return Err(Fault::io("list", &root.join(within), error));
        }
        self.watch.is_unjudged = true;
        self.unread.get_or_insert_with(|| Fault::io("list", &root.join(within), error));
        self.note(within);
        Ok(())
    }

    fn add(&mut self, root: &Path, candidate: &Candidate, read: Option<ReadEntry>) {
        let (within, name) = (&candidate.within, candidate.name());
        let entry = read.as_ref().map(|read| read.entry);
        self.watch.is_unjudged |= read.is_none();
        if let Some(ReadEntry { is_special, is_secure, kept, .. }) = read {
            self.watch.saw(|| root.join(within), is_secure);
            if is_special {
                self.note(within);
            }
            let kept = kept.filter(|_| candidate.is_regular);
            self.kept.extend(kept.map(|content| (String::from_utf8_lossy(name).into_owned(), content)));
        }
        if let (true, Some(entry)) = (candidate.is_python, entry) {
            self.python.insert(Text::from_os_bytes(name), entry.digest);
        }
        let listed = std::str::from_utf8(name).ok().and_then(|name| RelPath::parse(name).ok());
        match (listed, entry) {
            (Some(path), Some(entry)) if candidate.is_regular => {
                self.files.insert(path, entry);
            }
            _ if candidate.is_regular => self.note(within),
            _ => {}
        }
    }

    fn note(&mut self, within: &Path) {
        self.strange.push(String::from_utf8_lossy(within.as_os_str().as_bytes()).into_owned());
    }
}

/// Whether it is this machine that could not read it now, and not the file that nobody may read: what a host would have
/// found there is not known then.
fn is_of_machine(error: &std::io::Error) -> bool {
    const OF_MACHINE: [Errno; 8] =
        [Errno::IO, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::STALE];
    Errno::from_io_error(error).is_some_and(|error| OF_MACHINE.contains(&error))
}

struct ReadEntry {
    entry: FileEntry,
    /// Whether it would run as somebody else.
    is_special: bool,
    /// Whether nobody else may change it, where somebody asks.
    is_secure: bool,
    kept: Option<Content>,
}

/// A candidate that is open, and what it says of itself then.
struct OpenEntry {
    file: File,
    found: Stat,
    is_secure: bool,
}

impl Candidate {
    fn name(&self) -> &[u8] {
        self.within.as_os_str().as_bytes()
    }

    fn open(&self, root: &OwnedFd, walk: Option<&Walk>) -> std::io::Result<OpenEntry> {
        let links = if walk.is_some() && self.is_regular { Links::Refused } else { Links::Followed };
        let file = parallel::open_in(root, &self.within, links)?;
        let found = fstat(&file)?;
        let is_secure = walk.map_or(Ok(true), |walk| walk.holds(&file, &found))?;
        Ok(OpenEntry { file, found, is_secure })
    }
}

impl OpenEntry {
    fn read(self, keep: Option<u64>, limits: &Limits, buffer: &mut [u8]) -> std::io::Result<ReadEntry> {
        let Self { mut file, found, is_secure } = self;
        let mut keep = keep.map(Keep::new);
        let hashed = parallel::hash(&mut file, u64::try_from(found.st_size).ok(), buffer, limits, |bytes| {
            keep.iter_mut().for_each(|keep| keep.push(bytes));
        })?;
        let is_special = found.st_mode & SPECIAL_BITS != 0;
        let entry = FileEntry { digest: hashed.digest, size: hashed.size, executable: found.st_mode & 0o100 != 0 };
        Ok(ReadEntry { entry, is_special, is_secure, kept: keep.map(Keep::finish) })
    }
}

/// Whether a link leads to a regular file; links to nothing, in circles, or to other things do not count.
fn leads_to_file(path: &Path) -> Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Fault::io("read", path, error)),
        Err(_) => Ok(false),
    }
}

/// A file of at most `limit` bytes, through a link; `None` when there is no such file.
fn read_bounded(path: &Path, limit: u64) -> Result<Option<Content>> {
    match read_small(path, limit, Following::Followed) {
        Ok(file) => Ok(Some(Content::Whole(file.content))),
        Err(error) if error.is_absent() => Ok(None),
        Err(SmallFileError::TooLarge { max_bytes, .. }) => Ok(Some(Content::TooLarge { max_bytes })),
        Err(SmallFileError::NotAFile) => Ok(Some(Content::NotAFile)),
        Err(SmallFileError::Io(error)) => Err(Fault::io("read", path, error)),
    }
}
