//! `PluginDir`: an author's directory, as it will be signed and shipped; `InstalledDir`: what is installed.
//!
//! Signing and packing read the same list of files, so that a signature never covers less, or more,
//! than what is shipped. Whatever cannot be shipped safely refuses the directory, instead of being
//! skipped: what is skipped in silence is what nobody notices is missing.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};
use aisoc_signing::{Claim, ClaimedTree, Content, SIGNATURE_FILE, is_signature_file};

use crate::ignore::IgnoreRules;
use crate::keep::Keep;
use crate::limits::Limits;
use crate::parallel::{self, Links, default_threads};
pub(crate) use crate::search::forbidden;
use crate::search::{Search, require_size, require_total};
use crate::secrets::{FoundSecret, Kind, Place, Scanner, Secrets};
use crate::stage::{manifest_path, python_files, whole_manifest};

/// An author's directory that has a manifest and no forbidden entries.
#[derive(Debug)]
pub struct PluginDir {
    root: PathBuf,
    contents: Contents,
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
        let bench = Bench { rules: IgnoreRules::read(root)?, secrets };
        let contents = Contents::read(root, Some(bench), threads, limits)?;
        Ok(Self { root: root.to_owned(), contents, limits: limits.clone() })
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
        Contents::read(root, None, threads, limits).map(Self)
    }

    /// Every file.
    pub fn files(&self) -> &FileMap {
        &self.0.files
    }

    /// The identity of the tree.
    pub fn subject(&self) -> Digest {
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
}

impl Contents {
    fn read(root: &Path, bench: Option<Bench<'_>>, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let secrets = bench.as_ref().map_or(&Secrets::Unsearched, |bench| bench.secrets);
        let (found, excluded) = Search::run(root, bench.map(|bench| bench.rules), limits)?;
        let read = parallel::map(&found, threads, |path, buffer| {
            read_file(root, path, limits, buffer, secrets.searcher(path))
        })?;
        let secrets = secrets.judge(found.iter().zip(&read).map(|(path, file)| (path, file.secret)))?;
        let total: u64 = read.iter().map(|file| file.entry.size).sum();
        require_total(total, limits)?;
        let mut kept = BTreeMap::new();
        let mut files = FileMap::new();
        for (path, file) in found.into_iter().zip(read) {
            kept.extend(file.kept.map(|bytes| (path.to_string(), bytes)));
            files.insert(path, file.entry);
        }
        let (manifest_file, _) = manifest_path(&files).map_err(|_| {
            Fault::new(Reason::ManifestMissing, format!("there is no manifest in `{}`", root.display()))
        })?;
        let manifest = whole_manifest(manifest_file, kept.get(manifest_file.name()))?.to_vec();
        kept.retain(|name, _| is_signature_file(name));
        Ok(Self { files: Arc::new(files), manifest_file, manifest, signature_files: kept, excluded, secrets })
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

struct ReadFile {
    entry: FileEntry,
    kept: Option<Content>,
    /// What was found in it.
    secret: Option<(Kind, Place)>,
}

fn read_file(
    root: &Path,
    path: &RelPath,
    limits: &Limits,
    buffer: &mut [u8],
    mut searcher: Option<Scanner>,
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
    let hashed = parallel::hash(&mut file, buffer, limits, |bytes| {
        keep.iter_mut().for_each(|keep| keep.push(bytes));
        searcher.iter_mut().for_each(|searcher| searcher.see(bytes));
    })
    .map_err(failed)?;
    if hashed.size > limits.max_file_bytes {
        return Err(forbidden(format!("`{path}` is larger than {} bytes", limits.max_file_bytes)));
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    let entry = FileEntry { digest: hashed.digest, size: hashed.size, executable };
    let secret = searcher.and_then(Scanner::finish);
    Ok(ReadFile { entry, kept: keep.map(Keep::finish), secret })
}

/// Set-user-id and set-group-id: no package carries them, so somebody set them afterwards.
pub(crate) const SPECIAL_BITS: u32 = 0o6000;
