//! `PluginDir`: an author's directory, as it will be signed and shipped; `InstalledDir`: what is installed.
//!
//! Signing and packing read the same list of files, so that a signature never covers less, or more,
//! than what is shipped. Whatever cannot be shipped safely refuses the directory, instead of being
//! skipped: what is skipped in silence is what nobody notices is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, FileType};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};
use aisoc_signing::{Claim, ClaimedTree, SIGNATURE_FILE, is_signature_file};

use crate::ignore::{IgnoreRules, Verdict, is_secret_name, may_hold_key};
use crate::limits::Limits;
use crate::names::Names;
use crate::parallel::{self, Links, default_threads};
use crate::stage::{manifest_path, python_files, too_large};

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
    /// `forbidden_entry` for a link, a special file, a name that cannot be shipped, or a private key;
    /// `manifest_missing`; I/O reasons for whatever cannot be read.
    pub fn open(root: &Path) -> Result<Self> {
        Self::open_with(root, default_threads(), &Limits::default())
    }

    /// As [`PluginDir::open`], with that many threads and within those limits.
    ///
    /// # Errors
    /// As [`PluginDir::open`].
    pub fn open_with(root: &Path, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let contents = Contents::read(root, Some(IgnoreRules::read(root)?), threads, limits)?;
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

    /// The bytes of `plugin.sig`, cut one byte beyond what any signature needs.
    pub fn signature(&self) -> Option<&[u8]> {
        self.contents.signature_files.get(SIGNATURE_FILE).map(Vec::as_slice)
    }

    /// What the directory says about itself.
    pub fn claim(&self) -> Claim {
        self.contents.claim()
    }

    /// What the ignore rules left out: files, and directories with a slash at the end.
    pub fn excluded(&self) -> &[String] {
        &self.contents.excluded
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
    signature_files: BTreeMap<String, Vec<u8>>,
    excluded: Vec<String>,
}

impl Contents {
    fn read(root: &Path, rules: Option<IgnoreRules>, threads: NonZeroUsize, limits: &Limits) -> Result<Self> {
        let (found, excluded) = Search::run(root, rules, limits)?;
        let read = parallel::map(&found, threads, |found, buffer| read_file(root, found, limits, buffer))?;
        let total: u64 = read.iter().map(|file| file.entry.size).sum();
        require_total(total, limits)?;
        let mut kept = BTreeMap::new();
        let mut files = FileMap::new();
        for (Found { path, .. }, file) in found.into_iter().zip(read) {
            kept.extend(file.kept.map(|bytes| (path.to_string(), bytes)));
            files.insert(path, file.entry);
        }
        let (manifest_file, _) = manifest_path(&files).map_err(|_| {
            Fault::new(Reason::ManifestMissing, format!("there is no manifest in `{}`", root.display()))
        })?;
        let manifest = kept.remove(manifest_file.name()).unwrap_or_default();
        if manifest.len() as u64 > limits.max_manifest_bytes {
            return Err(too_large(manifest_file, limits.max_manifest_bytes));
        }
        kept.retain(|name, _| is_signature_file(name));
        Ok(Self { files: Arc::new(files), manifest_file, manifest, signature_files: kept, excluded })
    }

    fn claim(&self) -> Claim {
        Claim::new(ClaimedTree {
            subject: self.files.tree_digest(),
            manifest_file: self.manifest_file,
            manifest: self.manifest.clone(),
            python: python_files(&self.files),
            files: Arc::clone(&self.files),
            strange: Vec::new(),
            signature_files: self.signature_files.clone(),
        })
    }
}

/// A file that belongs to the plugin.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    path: RelPath,
    origin: Origin,
}

/// Whose tree it is. On the author's bench a private key is refused, because it can still be kept back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Bench,
    Installed,
}

struct Search<'a> {
    root: &'a Path,
    rules: Option<IgnoreRules>,
    limits: &'a Limits,
    names: Names,
    found: Vec<Found>,
    excluded: BTreeSet<String>,
    /// Entries of any kind, left out or not.
    seen: usize,
    /// Bytes of what was found, as the file system states them: a file that is mostly hole is refused
    /// before anybody reads it.
    bytes: u64,
}

impl<'a> Search<'a> {
    /// The plugin's files and what the rules left out, both sorted.
    fn run(root: &'a Path, rules: Option<IgnoreRules>, limits: &'a Limits) -> Result<(Vec<Found>, Vec<String>)> {
        let mut search = Self {
            root,
            rules,
            limits,
            names: Names::default(),
            found: Vec::new(),
            excluded: BTreeSet::new(),
            seen: 0,
            bytes: 0,
        };
        search.directory(None)?;
        search.found.sort();
        Ok((search.found, search.excluded.into_iter().collect()))
    }

    /// Recursion is bounded: a name deeper than `RelPath` allows is refused before it is entered.
    fn directory(&mut self, below: Option<&RelPath>) -> Result<()> {
        let path = below.map_or_else(|| self.root.to_owned(), |below| below.under(self.root));
        let failed = |error| Fault::io("list", &path, error);
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            self.count_entry()?;
            self.entry(below, &entry, kind)?;
        }
        Ok(())
    }

    fn count_entry(&mut self) -> Result<()> {
        self.limits.cancellation.check()?;
        self.seen += 1;
        if self.seen <= self.limits.max_seen_entries {
            return Ok(());
        }
        Err(forbidden(format!("`{}` has too many entries", self.root.display()))
            .expected(format!("at most {}", self.limits.max_seen_entries), "more")
            .hint("move what is no part of the plugin out of its directory"))
    }

    /// Judged by its stated size, before anything is read; the open file is held to it again.
    fn count_bytes(&mut self, path: &RelPath, bytes: u64) -> Result<()> {
        require_size(path, bytes, self.limits)?;
        self.bytes = self.bytes.saturating_add(bytes);
        require_total(self.bytes, self.limits)
    }

    fn entry(&mut self, below: Option<&RelPath>, entry: &DirEntry, kind: FileType) -> Result<()> {
        let name = entry.file_name();
        let relative = below.map_or_else(|| PathBuf::from(&name), |below| Path::new(below.as_str()).join(&name));
        let verdict = match &self.rules {
            None => Verdict::Shipped,
            Some(rules) if kind.is_dir() => rules.of_directory(&relative),
            Some(rules) => rules.of_file(&relative),
        };
        if verdict != Verdict::Shipped {
            self.leave_out(format!("{}{}", relative.display(), if kind.is_dir() { "/" } else { "" }));
        }
        if verdict == Verdict::LeftOut {
            return Ok(());
        }
        let shown = format!("`{}`", relative.as_os_str().as_encoded_bytes().escape_ascii());
        let text = relative.to_str().ok_or_else(|| forbidden(format!("the name {shown} is not UTF-8")))?;
        let path = RelPath::parse(text).map_err(|fault| forbidden(fault.message()))?;
        if kind.is_dir() {
            if verdict == Verdict::Shipped {
                self.names.directory(&path, self.limits).map_err(|fault| forbidden(fault.message()))?;
            }
            return self.directory(Some(&path));
        }
        if !kind.is_file() {
            return Err(forbidden(format!("{shown} is {}", kind_name(kind))));
        }
        let origin = if self.rules.is_some() { Origin::Bench } else { Origin::Installed };
        if origin == Origin::Bench && is_secret_name(path.file_name()) {
            return Err(secret(&path));
        }
        self.names.file(&path, self.limits).map_err(|fault| forbidden(fault.message()))?;
        let stated = entry.metadata().map_err(|error| Fault::io("look at", &entry.path(), error))?.len();
        self.count_bytes(&path, stated)?;
        self.found.push(Found { path, origin });
        Ok(())
    }

    /// Notes an entry, unless the directory that it is in was noted.
    fn leave_out(&mut self, entry: String) {
        let mut above = entry.match_indices('/').map(|(at, _)| &entry[..=at]).filter(|above| *above != entry);
        if !above.any(|above| self.excluded.contains(above)) {
            self.excluded.insert(entry);
        }
    }
}

struct ReadFile {
    entry: FileEntry,
    kept: Option<Vec<u8>>,
}

fn read_file(root: &Path, found: &Found, limits: &Limits, buffer: &mut [u8]) -> Result<ReadFile> {
    let Found { path, origin } = found;
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
    let keep = match limits.bytes_to_keep(path.as_str().as_bytes()) {
        Some(bytes) => bytes,
        // A PEM file with a key begins with it, or follows a certificate or two.
        None if may_hold_key(path.file_name()) => 64 << 10,
        None => 0,
    };
    let mut kept = Vec::new();
    let hashed = parallel::hash(&mut file, buffer, limits, |bytes| {
        let room = usize::try_from(keep).unwrap_or(usize::MAX) - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    })
    .map_err(failed)?;
    let pem = *origin == Origin::Bench && may_hold_key(path.file_name());
    if pem && kept.windows(PRIVATE_KEY.len()).any(|window| window == PRIVATE_KEY) {
        return Err(secret(path));
    }
    let executable = metadata.permissions().mode() & 0o100 != 0;
    let entry = FileEntry { digest: hashed.digest, size: hashed.size, executable };
    Ok(ReadFile { entry, kept: (keep > 0).then_some(kept) })
}

fn require_size(path: &RelPath, bytes: u64, limits: &Limits) -> Result<()> {
    if bytes <= limits.max_file_bytes {
        return Ok(());
    }
    Err(forbidden(format!("`{path}` is too large"))
        .expected(format!("at most {} bytes", limits.max_file_bytes), format!("{bytes} bytes"))
        .hint(format!("make it smaller, or list `{path}` in .aisocignore")))
}

fn require_total(bytes: u64, limits: &Limits) -> Result<()> {
    if bytes <= limits.max_total_bytes {
        return Ok(());
    }
    Err(forbidden("the plugin is too large")
        .expected(format!("at most {} bytes", limits.max_total_bytes), format!("{bytes} bytes"))
        .hint("list what is no part of the plugin in .aisocignore"))
}

/// Set-user-id and set-group-id: no package carries them, so somebody set them afterwards.
pub(crate) const SPECIAL_BITS: u32 = 0o6000;

/// In the first line of every PEM form of a private key: PKCS#8, encrypted or not, RSA, EC, OpenSSH.
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

/// An author's own signing key, packed by accident, is published for ever.
fn secret(path: &RelPath) -> Fault {
    forbidden(format!("`{path}` looks like a secret, and everything in a package is public"))
        .hint(format!("move it out of the plugin directory, or list `{path}` in .aisocignore"))
}

pub(crate) fn forbidden(message: impl Into<String>) -> Fault {
    Fault::new(Reason::ForbiddenEntry, message)
}

fn kind_name(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}
