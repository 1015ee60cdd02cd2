//! `ReferenceDir`: any plugin directory, read exactly as the host reads it.
//!
//! For `verify DIR` and `digest DIR`, whose answer must be the host's: links to files are followed,
//! caches and virtual environments count, what the host passes over is passed over. Nothing that is
//! read this way can be installed. Contract: the signing format's "file map".

use std::fs::{self, DirEntry};
use std::io::{ErrorKind, Read as _};
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::{Claim, SIGNATURE_FILE};
use sha2::{Digest as _, Sha256};

use crate::limits::Limits;
use crate::parallel::{self, Links, default_threads};
use crate::stage::too_large;

/// A plugin directory as the host sees it.
#[derive(Debug)]
pub struct ReferenceDir {
    manifest_file: ManifestFile,
    manifest: Vec<u8>,
    python: PythonFiles,
    signature: Option<Vec<u8>>,
}

impl ReferenceDir {
    /// Reads and hashes the directory with [`default_threads`].
    ///
    /// # Errors
    /// `manifest_missing`, `manifest_too_large`, and I/O reasons.
    pub fn read(root: &Path) -> Result<Self> {
        Self::read_with(root, default_threads(), &Limits::default())
    }

    /// As [`ReferenceDir::read`], with that many threads and within those limits.
    ///
    /// # Errors
    /// As [`ReferenceDir::read`].
    pub fn read_with(root: &Path, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let manifest_file = ManifestFile::find(|name| root.join(name).exists())
            .ok_or_else(|| Fault::new(Reason::ManifestMissing, format!("`{}` has no manifest", root.display())))?;
        let manifest = read_bounded(&root.join(manifest_file.name()), limits.max_manifest_bytes)?.unwrap_or_default();
        if manifest.len() as u64 > limits.max_manifest_bytes {
            return Err(too_large(manifest_file, limits.max_manifest_bytes));
        }
        let signature = read_bounded(&root.join(SIGNATURE_FILE), limits.max_signature_bytes)?;
        Ok(Self { manifest_file, manifest, python: reference_files(root, threads)?, signature })
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
        &self.python
    }

    /// The bytes of `plugin.sig`, cut one byte beyond what any signature needs.
    pub fn signature(&self) -> Option<&[u8]> {
        self.signature.as_deref()
    }

    /// What the directory says about itself. Its subject is never that of a staged tree, so that the
    /// verdict on a directory somewhere cannot let another tree in.
    pub fn claim(&self) -> Claim {
        let mut subject = Sha256::new();
        subject.update(b"aisoc.reference-dir/v1\0");
        subject.update(Digest::of(&self.manifest).as_bytes());
        for (path, digest) in self.python.iter() {
            subject.update(Digest::of(path.as_bytes()).as_bytes());
            subject.update(digest.as_bytes());
        }
        Claim::new(
            Digest::from_bytes(subject.finalize().into()),
            self.manifest_file,
            self.manifest.clone(),
            self.python.clone(),
            self.signature.clone(),
        )
    }
}

/// Every `*.py` file below `root` with its digest, as the host finds them.
///
/// # Errors
/// I/O reasons for a file that is there and cannot be read.
pub fn reference_files(root: &Path, threads: NonZeroUsize) -> Result<PythonFiles> {
    let mut paths = Vec::new();
    search(root, &mut paths)?;
    let digests = parallel::map(&paths, threads, |path, buffer| {
        let failed = |error| Fault::io("read", path, error);
        let mut file = parallel::open(path, Links::Followed).map_err(failed)?;
        Ok(parallel::hash(&mut file, buffer, |_| ()).map_err(failed)?.digest)
    })?;
    let name = |path: &PathBuf| {
        let relative = path.strip_prefix(root).unwrap_or(path);
        Text::from_os_bytes(relative.as_os_str().as_bytes())
    };
    Ok(paths.iter().map(name).zip(digests).collect())
}

/// Collects without recursion: nothing bounds the depth of somebody else's directory.
fn search(root: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        // The host passes over what it may not list, and signs what is left.
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                directories.push(entry.path());
            } else if entry.file_name().as_bytes().ends_with(b".py") && (kind.is_file() || leads_to_file(&entry)?) {
                paths.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Whether a link leads to a regular file; links to nothing, in circles, or to other things do not count.
fn leads_to_file(entry: &DirEntry) -> Result<bool> {
    match fs::metadata(entry.path()) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Fault::io("read", &entry.path(), error)),
        Err(_) => Ok(false),
    }
}

/// Up to one byte more than `limit`, or `None` when there is no such file.
fn read_bounded(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let failed = |error| Fault::io("read", path, error);
    let file = match parallel::open(path, Links::Followed) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}
