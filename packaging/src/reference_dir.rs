//! `ReferenceDir`: any plugin directory, read exactly as the host reads it.
//!
//! For `verify DIR` and `digest DIR`, whose answer must be the host's: links to files are followed,
//! caches and virtual environments count, what the host passes over is passed over. Nothing that is
//! read this way can be installed. Contract: the signing format's "file map".
//!
//! What the host passes over is noted beside: it is what a signature of the code alone does not cover.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{EachEntry, Entry, Links as Following, SmallFileError, Walk, open_directory, read_small};
use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::progress::Act;
use aisoc_manifests::value::Text;
use aisoc_signing::{Claim, ClaimedTree, Content, SIGNATURE_FILE, is_signature_file};
use rustix::fs::{FileType, fstat};
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
    Entries::default().search(root, Everything::Wanted, None, limits).map(|(_, bytes)| bytes)
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

    fn saw(&mut self, path: &Path, is_secure: bool) {
        if !is_secure {
            self.insecure.get_or_insert_with(|| path.to_owned());
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

/// Holds a directory to the bounds of an archive while it is searched, before anything in it is read.
struct Bounds<'a> {
    root: &'a Path,
    limits: &'a Limits,
    entries: usize,
    name_bytes: usize,
    bytes: u64,
}

impl Bounds<'_> {
    fn entry(&mut self, path: &Path) -> Result<()> {
        self.limits.cancellation.check()?;
        self.entries += 1;
        self.name_bytes += relative(self.root, path).len();
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

    /// By the stated size: a file that is mostly hole is refused before anybody reads it. What cannot be
    /// looked at is reported when it cannot be read.
    fn file(&mut self, path: &Path) -> Result<()> {
        let bytes = fs::metadata(path).map_or(0, |found| found.len());
        self.bytes = self.bytes.saturating_add(bytes);
        let Limits { max_file_bytes, max_total_bytes, .. } = self.limits;
        for (found, most) in [(bytes, max_file_bytes), (self.bytes, max_total_bytes)] {
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

struct Candidate {
    path: PathBuf,
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
        let mut entries = Self::default();
        let (candidates, bytes) = entries.search(root, everything, walk, limits)?;
        let _reading = limits.cancellation.begin(Act::Reading, bytes);
        let read = parallel::map(&candidates, threads, |candidate, buffer| {
            let keep = limits.bytes_to_keep(relative(root, &candidate.path));
            match read_entry(candidate, keep, walk, limits, buffer) {
                Ok(entry) => Ok(Ok(entry)),
                Err(error) if candidate.is_python || keep.is_some() || is_of_machine(&error) => {
                    Err(Fault::io("read", &candidate.path, error))
                }
                Err(error) => {
                    Ok(limits.cancellation.check().map(|()| Err(Fault::io("read", &candidate.path, error)))?)
                }
            }
        })?;
        for (candidate, entry) in candidates.iter().zip(read) {
            entries.add(root, candidate, entry.as_ref().ok());
            entries.unread = entries.unread.take().or(entry.err());
        }
        entries.strange.sort();
        Ok(entries)
    }

    /// Collects without recursion: nothing bounds the depth of somebody else's directory. Beside the files, how large
    /// they are together.
    fn search(
        &mut self,
        root: &Path,
        everything: Everything,
        walk: Option<&Walk>,
        limits: &Limits,
    ) -> Result<(Vec<Candidate>, u64)> {
        let mut bounds = Bounds { root, limits, entries: 0, name_bytes: 0, bytes: 0 };
        let mut candidates = Vec::new();
        let mut directories = vec![root.to_owned()];
        while let Some(directory) = directories.pop() {
            // The host passes over what it may not list, and signs what is left.
            let links = if walk.is_none() { Following::Followed } else { Following::Refused };
            let entries = match self.opened(&directory, links, walk) {
                Ok(entries) => entries,
                Err(error) if is_of_machine(&error) => return Err(Fault::io("list", &directory, error)),
                Err(error) => {
                    self.watch.is_unjudged = true;
                    self.unread.get_or_insert_with(|| Fault::io("list", &directory, error));
                    self.note(root, &directory);
                    self.vacancy.entry(&directory.strip_prefix(root).unwrap_or(&directory).join("unlisted"));
                    continue;
                }
            };
            for entry in entries {
                let Entry { name, kind } = match entry {
                    Ok(entry) => entry,
                    Err(error) if is_of_machine(&error) => return Err(Fault::io("list", &directory, error)),
                    Err(error) => {
                        self.watch.is_unjudged = true;
                        self.unread.get_or_insert_with(|| Fault::io("list", &directory, error));
                        self.note(root, &directory);
                        continue;
                    }
                };
                let found = directory.join(&name);
                bounds.entry(&found)?;
                let within = found.strip_prefix(root).unwrap_or(&found);
                if kind == FileType::Directory {
                    self.vacancy.directory(within);
                    directories.push(found);
                    continue;
                }
                self.vacancy.entry(within);
                let is_regular = kind == FileType::RegularFile;
                let is_python = name.as_bytes().ends_with(b".py") && (is_regular || leads_to_file(&found)?);
                let is_read = is_python || (is_regular && everything == Everything::Wanted);
                if is_read {
                    bounds.file(&found)?;
                }
                if !is_regular {
                    self.watch.is_unjudged = true;
                    self.note(root, &found);
                }
                if is_read {
                    candidates.push(Candidate { path: found, is_python, is_regular });
                }
            }
        }
        Ok((candidates, bounds.bytes))
    }

    /// Opens a directory to list it: the one that is judged.
    fn opened(&mut self, path: &Path, links: Following, walk: Option<&Walk>) -> std::io::Result<EachEntry> {
        let opened = open_directory(path, links)?;
        if let Some(walk) = walk {
            self.watch.saw(path, walk.holds(&opened, &fstat(&opened)?)?);
        }
        EachEntry::of(opened)
    }

    fn add(&mut self, root: &Path, candidate: &Candidate, read: Option<&ReadEntry>) {
        let name = relative(root, &candidate.path);
        let entry = read.map(|read| read.entry);
        self.watch.is_unjudged |= read.is_none();
        if let Some(ReadEntry { is_special, is_secure, kept, .. }) = read {
            self.watch.saw(&candidate.path, *is_secure);
            if *is_special {
                self.note(root, &candidate.path);
            }
            let kept = kept.clone().filter(|_| candidate.is_regular);
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
            _ if candidate.is_regular => self.note(root, &candidate.path),
            _ => {}
        }
    }

    fn note(&mut self, root: &Path, path: &Path) {
        self.strange.push(String::from_utf8_lossy(relative(root, path)).into_owned());
    }
}

/// Whether it is this machine that could not read it now, and not the file that nobody may read: what a host would have
/// found there is not known then.
fn is_of_machine(error: &std::io::Error) -> bool {
    const OF_MACHINE: [Errno; 8] =
        [Errno::IO, Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::STALE];
    Errno::from_io_error(error).is_some_and(|error| OF_MACHINE.contains(&error))
}

fn relative<'a>(root: &Path, path: &'a Path) -> &'a [u8] {
    path.strip_prefix(root).unwrap_or(path).as_os_str().as_bytes()
}

struct ReadEntry {
    entry: FileEntry,
    /// Whether it would run as somebody else.
    is_special: bool,
    /// Whether nobody else may change it, where somebody asks.
    is_secure: bool,
    kept: Option<Content>,
}

fn read_entry(
    candidate: &Candidate,
    keep: Option<u64>,
    walk: Option<&Walk>,
    limits: &Limits,
    buffer: &mut [u8],
) -> std::io::Result<ReadEntry> {
    let links = if walk.is_some() && candidate.is_regular { Links::Refused } else { Links::Followed };
    let mut file = parallel::open(&candidate.path, links)?;
    let found = fstat(&file)?;
    let mode = found.st_mode;
    let is_secure = walk.map_or(Ok(true), |walk| walk.holds(&file, &found))?;
    let mut keep = keep.map(Keep::new);
    let hashed = parallel::hash(&mut file, u64::try_from(found.st_size).ok(), buffer, limits, |bytes| {
        keep.iter_mut().for_each(|keep| keep.push(bytes));
    })?;
    let entry = FileEntry { digest: hashed.digest, size: hashed.size, executable: mode & 0o100 != 0 };
    Ok(ReadEntry { entry, is_special: mode & SPECIAL_BITS != 0, is_secure, kept: keep.map(Keep::finish) })
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
