//! `PluginDir`: an author's directory, as it will be signed and shipped; `InstalledDir`: what is installed.
//!
//! Signing and packing read the same list of files, so that a signature never covers less, or more,
//! than what is shipped. Whatever cannot be shipped safely refuses the directory, instead of being
//! skipped: what is skipped in silence is what nobody notices is missing.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{SmallFileError, read_stream};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};
use aisoc_manifests::progress::Act;
use aisoc_signing::{Claim, ClaimedTree, Content, SIGNATURE_FILE, is_signature_file};

use crate::changed::{changed, grown};
use crate::ignore::IgnoreRules;
use crate::keep::Keep;
use crate::limits::Limits;
use crate::parallel::{self, Links, default_threads};
use crate::private_copy::{self, Copying, PrivateCopy};
pub(crate) use crate::search::forbidden;
use crate::search::{Search, require_size, require_total};
use crate::secrets::{FoundSecret, Kind, Place, Scanner, Secrets};
use crate::stage::{manifest_path, python_files, whole_manifest};

mod resigned;

/// An author's directory that has a manifest and no forbidden entries.
#[derive(Debug)]
pub struct PluginDir {
    root: PathBuf,
    contents: Contents,
    /// What is packed instead of what the directory holds by then.
    copy: Option<PrivateCopy>,
    limits: Limits,
}

impl PluginDir {
    /// Reads and hashes a directory with [`default_threads`].
    ///
    /// # Errors
    /// `forbidden_entry` for a link, a special file, a name that cannot be shipped, or a secret;
    /// `manifest_missing`; I/O reasons for whatever cannot be read.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_with(root, default_threads(), &Limits::default())
    }

    /// As [`PluginDir::open`], with that many threads and within those limits.
    ///
    /// # Errors
    /// As [`PluginDir::open`].
    pub fn open_with(root: &Path, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        Self::open_knowing(root, &Secrets::default(), threads, limits)
    }

    /// As [`PluginDir::open_with`], with what is known about its secrets.
    ///
    /// # Errors
    /// As [`PluginDir::open`]; `usage` for an allowed path where nothing looks like a secret.
    pub fn open_knowing(root: &Path, secrets: &Secrets, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let bench = Bench { rules: IgnoreRules::read(root)?, secrets, copying: None };
        let (contents, _) = Contents::read(root, Some(bench), threads, limits)?;
        Ok(Self { root: root.to_owned(), contents, copy: None, limits: limits.clone() })
    }

    /// As [`PluginDir::open_knowing`], and takes the content of every file over into a private copy, so that
    /// each is opened once, and what is packed later is what is read now.
    ///
    /// # Errors
    /// As [`PluginDir::open_knowing`].
    pub fn copied(root: &Path, secrets: &Secrets, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let copying = Copying::begin()?;
        let bench = Bench { rules: IgnoreRules::read(root)?, secrets, copying: Some(&copying) };
        let (contents, places) = Contents::read(root, Some(bench), threads, limits)?;
        Ok(Self { root: root.to_owned(), contents, copy: Some(copying.finish(places)), limits: limits.clone() })
    }

    /// The private copy, signed: `files` stand in place of the manifest and of every signature that was there.
    ///
    /// # Errors
    /// `internal` when there is no private copy, or for files that are neither manifest nor signature.
    pub fn signed_with(mut self, files: Vec<(RelPath, Vec<u8>)>) -> Result<Self> {
        if self.copy.is_none() {
            return Err(Fault::new(Reason::Internal, "a directory is signed as if it were a private copy"));
        }
        self.contents.replace_signed(files)?;
        Ok(self)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What stops the work on it.
    pub fn cancellation(&self) -> &Cancellation {
        &self.limits.cancellation
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The content of a file: that of the private copy, or what stands there now.
    pub(crate) fn content(&self, path: &RelPath, entry: &FileEntry) -> io::Result<private_copy::Content<'_>> {
        match (&self.copy, self.contents.held(path)) {
            (None, _) => parallel::open(&path.under(&self.root), Links::Refused).map(private_copy::Content::InPlace),
            (Some(_), Some(bytes)) => Ok(private_copy::Content::Held(bytes)),
            (Some(copy), None) => copy.content(path, entry.size),
        }
    }

    /// The bytes of a file that is shipped, which are those that were hashed; nothing of one that is larger than that, or that
    /// is not there.
    ///
    /// # Errors
    /// `forbidden_entry` for one that was changed since; I/O reasons.
    pub fn small_content(&self, path: &RelPath, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let Some(entry) = self.files().get(path).filter(|entry| entry.size <= max_bytes) else { return Ok(None) };
        let unreadable = |error| Fault::io("read", &path.under(&self.root), error);
        let read = read_stream(self.content(path, entry).map_err(unreadable)?, entry.size);
        let content = read.map_err(|error| match error {
            SmallFileError::Io(error) => unreadable(error),
            SmallFileError::NotAFile | SmallFileError::TooLarge { .. } => grown(path, entry),
        })?;
        let found = FileDigest::of(&content);
        if found != entry.digest { Err(changed(path, entry, found)) } else { Ok(Some(content)) }
    }

    /// Every file that is shipped.
    pub fn files(&self) -> &FileMap {
        &self.contents.files
    }

    /// The files that a signature covers one by one.
    pub fn python(&self) -> PythonFiles {
        python_files(&self.contents.files)
    }

    /// Which file is the manifest.
    pub fn manifest_file(&self) -> ManifestFile {
        self.contents.manifest_file
    }

    /// The manifest's bytes: those that were hashed.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.contents.manifest
    }

    /// The manifest, as the host reads it.
    ///
    /// # Errors
    /// `manifest_invalid`.
    pub fn document(&self) -> Result<Document> {
        Document::read(self.contents.manifest_file, &self.contents.manifest)
    }

    /// What `plugin.sig` holds.
    pub fn signature(&self) -> Option<&Content> {
        self.contents.signature_files.get(SIGNATURE_FILE)
    }

    /// What the directory says about itself.
    pub fn claim(&self) -> Claim {
        self.contents.claim()
    }

    /// What the ignore rules left out: files, and directories with a slash at the end.
    pub fn excluded(&self) -> &[String] {
        &self.contents.excluded
    }

    /// What looks like a secret and is shipped because its path was allowed.
    pub fn allowed_secrets(&self) -> &[FoundSecret] {
        &self.contents.secrets
    }
}

/// An installed tree, read whole: no rule leaves anything out, and whatever an install would not have
/// put there refuses it.
#[derive(Debug)]
pub struct InstalledDir(Contents);

impl InstalledDir {
    /// Reads and hashes a directory.
    ///
    /// # Errors
    /// As [`PluginDir::open`].
    pub fn read(root: &Path) -> Result<Self> {
        Self::read_with(root, default_threads(), &Limits::default())
    }

    /// As [`InstalledDir::read`], with that many threads and within those limits.
    ///
    /// # Errors
    /// As [`PluginDir::open`].
    pub fn read_with(root: &Path, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        Contents::read(root, None, threads, limits).map(|(contents, _)| Self(contents))
    }

    /// Every file.
    pub fn files(&self) -> &FileMap {
        &self.0.files
    }

    /// The identity of the tree.
    pub fn subject(&self) -> TreeDigest {
        self.0.files.tree_digest()
    }

    /// What the plugin says about itself.
    pub fn claim(&self) -> Claim {
        self.0.claim()
    }
}

#[derive(Debug)]
struct Contents {
    files: Arc<FileMap>,
    manifest_file: ManifestFile,
    manifest: Vec<u8>,
    signature_files: BTreeMap<String, Content>,
    excluded: Vec<String>,
    secrets: Vec<FoundSecret>,
}

/// What is decided about a directory on the author's bench, and about none that is installed.
struct Bench<'a> {
    rules: IgnoreRules,
    secrets: &'a Secrets,
    /// Where the contents are taken over to, if they are.
    copying: Option<&'a Copying>,
}

impl Contents {
    /// Beside the contents, where in the copy each file begins, if there is one.
    fn read(
        root: &Path,
        bench: Option<Bench<'_>>,
        threads: NonZeroUsize,
        limits: &Limits,
    ) -> Result<(Self, BTreeMap<RelPath, u64>)> {
        let secrets = bench.as_ref().map_or(&Secrets::Unsearched, |bench| bench.secrets);
        let copying = bench.as_ref().and_then(|bench| bench.copying);
        let (found, excluded, bytes) = Search::run(root, bench.map(|bench| bench.rules), limits)?;
        let reading = limits.cancellation.begin(Act::Reading, bytes);
        let read = parallel::map(&found, threads, |path, buffer| {
            read_file(root, path, limits, buffer, secrets.searcher(path), copying)
        })?;
        drop(reading);
        let secrets =
            secrets.judge(found.iter().zip(&read).map(|(path, file)| (path, file.secret.as_deref().copied())))?;
        let total: u64 = read.iter().map(|file| file.entry.size).sum();
        require_total(total, limits)?;
        let mut kept = BTreeMap::new();
        let (mut files, mut places) = (FileMap::new(), BTreeMap::new());
        for (path, file) in found.into_iter().zip(read) {
            kept.extend(file.kept.map(|bytes| (path.to_string(), *bytes)));
            places.extend(file.copied_to.map(|begin| (path.clone(), begin)));
            files.insert(path, file.entry);
        }
        let (manifest_file, _) = manifest_path(&files).map_err(|_| {
            Fault::new(Reason::ManifestMissing, format!("there is no manifest in `{}`", root.display()))
        })?;
        let manifest = whole_manifest(manifest_file, kept.get(manifest_file.name()))?.to_vec();
        kept.retain(|name, _| is_signature_file(name));
        let files = Arc::new(files);
        Ok((Self { files, manifest_file, manifest, signature_files: kept, excluded, secrets }, places))
    }

    /// Has `files` in place of the manifest and of every signature. A manifest stays as executable as it was; a
    /// file of the signature never is, for nothing would bind that bit.
    fn replace_signed(&mut self, files: Vec<(RelPath, Vec<u8>)>) -> Result<()> {
        let is_replaced =
            |path: &RelPath| is_signature_file(path.as_str()) || files.iter().any(|(replaced, _)| replaced == path);
        let kept = self.files.iter().filter(|(path, _)| !is_replaced(path));
        let mut all: FileMap = kept.map(|(path, entry)| (path.clone(), *entry)).collect();
        self.signature_files.clear();
        for (path, content) in files {
            let mut entry =
                FileEntry { digest: FileDigest::of(&content), size: content.len() as u64, executable: false };
            if is_signature_file(path.as_str()) {
                self.signature_files.insert(path.to_string(), Content::Whole(content));
            } else if path.as_str() == self.manifest_file.name() {
                entry.executable = self.files.get(&path).is_some_and(|before| before.executable);
                self.manifest = content;
            } else {
                return Err(Fault::new(Reason::Internal, format!("signing writes no file like `{path}`")));
            }
            all.insert(path, entry);
        }
        self.files = Arc::new(all);
        Ok(())
    }

    /// The bytes of a file that is in memory, because it describes the plugin.
    fn held(&self, path: &RelPath) -> Option<&[u8]> {
        match path.as_str() == self.manifest_file.name() {
            true => Some(&self.manifest),
            false => self.signature_files.get(path.as_str())?.whole(),
        }
    }

    fn claim(&self) -> Claim {
        Claim::new(ClaimedTree {
            subject: self.files.tree_digest(),
            manifest_file: self.manifest_file,
            manifest: self.manifest.clone(),
            python: python_files(&self.files),
            files: Arc::clone(&self.files),
            strange: Vec::new(),
            empty_directories: Vec::new(),
            signature_files: self.signature_files.clone(),
        })
    }
}

/// There is one of these for every file at once, so what few files have is apart.
struct ReadFile {
    entry: FileEntry,
    kept: Option<Box<Content>>,
    /// What was found in it.
    secret: Option<Box<(Kind, Place)>>,
    /// Where in the private copy it begins.
    copied_to: Option<u64>,
}

fn read_file(
    root: &Path,
    path: &RelPath,
    limits: &Limits,
    buffer: &mut [u8],
    mut searcher: Option<Scanner>,
    copying: Option<&Copying>,
) -> Result<ReadFile> {
    let on_disk = path.under(root);
    let failed = |error| Fault::io("read", &on_disk, error);
    let mut file = parallel::open(&on_disk, Links::Refused).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(forbidden(format!("`{path}` is no longer a regular file")));
    }
    if metadata.permissions().mode() & SPECIAL_BITS != 0 {
        return Err(forbidden(format!("`{path}` runs as its owner or group, which no plugin file has to")));
    }
    require_size(path, metadata.len(), limits)?;
    let mut keep = limits.bytes_to_keep(path.as_str().as_bytes()).map(Keep::new);
    let (mut place, mut copied) = (copying.map(|copying| copying.place(metadata.len())), Ok(()));
    let hashed = parallel::hash(&mut file, Some(metadata.len()), buffer, limits, |bytes| {
        keep.iter_mut().for_each(|keep| keep.push(bytes));
        searcher.iter_mut().for_each(|searcher| searcher.see(bytes));
        if let (Some(place), Ok(())) = (&mut place, &copied) {
            copied = place.write(bytes);
        }
    })
    .map_err(failed)?;
    copied.map_err(|error| Fault::io("take over", &on_disk, error))?;
    if hashed.size > limits.max_file_bytes {
        return Err(forbidden(format!("`{path}` is larger than {} bytes", limits.max_file_bytes)));
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    let entry = FileEntry { digest: hashed.digest, size: hashed.size, executable };
    let secret = searcher.and_then(Scanner::finish).map(Box::new);
    let copied_to = place.map(|place| place.begin());
    Ok(ReadFile { entry, kept: keep.map(|keep| Box::new(keep.finish())), secret, copied_to })
}

/// Set-user-id and set-group-id: no package carries them, so somebody set them afterwards.
pub(crate) const SPECIAL_BITS: u32 = 0o6000;
