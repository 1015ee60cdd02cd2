//! An OCI image layout as a directory: `oci-layout`, `index.json`, `blobs/sha256/`, and `blobs/sha512/` once there
//! is something in it.
//!
//! Files land by rename and are never changed afterwards, except the index, which is replaced under
//! a lock. Links are not followed (umoci CVE-2021-29136): a layout is often somebody else's.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: blobs stream through files that are larger than memory, and digests judge them"
)]

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{DraftDirectory, PassingLock, parent, settle, sweep, sync_directory};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{ImageIndex, to_bytes};
use aisoc_manifests::reference::Tag;

use super::changes::Change;
use super::documents::{BLOBS, INDEX, MARKER, MARKER_BYTES, blob_directory, blob_name, check_marker, invalid};
use super::index;
use super::ingest::{DRAFTS, Ingest, replace_file};
use super::kept::{Kept, replace_index};
use super::place::Place;
use super::stored::StoredBlob;
use crate::storage::{Manifest, ManifestName, Pushed, ReplaceTag, require_named};

/// Narrowed by the umask.
const DIRECTORY_MODE: u32 = 0o755;

/// A layout directory.
#[derive(Debug)]
pub struct Directory {
    place: Place,
}

impl Directory {
    /// The layout at `root`.
    ///
    /// # Errors
    /// `layout_invalid` when it is none, `io_` reasons.
    pub fn open(root: &Path) -> Result<Self> {
        let directory = Self { place: Place::new(root) };
        check_marker(root, &directory.place.small_file(MARKER)?.ok_or_else(|| missing_marker(root))?)?;
        for part in [BLOBS].into_iter().chain(Algorithm::ALL.map(blob_directory)) {
            let path = root.join(part);
            match fs::symlink_metadata(&path) {
                Ok(found) if !found.is_dir() => return Err(invalid(root, &format!("`{part}` is not a directory"))),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Fault::io("read", &path, error)),
            }
        }
        Ok(directory)
    }

    /// The layout at `root`, made if there is nothing or an empty directory.
    ///
    /// # Errors
    /// `layout_invalid` when something else is there, `io_` reasons.
    pub fn create(root: &Path) -> Result<Self> {
        if root.join(MARKER).exists() {
            sweep(root, DRAFTS);
        } else {
            Self::make(root)?;
        }
        Self::open(root)
    }

    /// Whose work it is, and what ends the wait for other writers before its time is over.
    #[must_use]
    pub fn until(self, cancellation: &Cancellation) -> Self {
        Self { place: self.place.until(cancellation) }
    }

    /// To be read and never written, not even to be locked: it may be on a read-only mount.
    #[must_use]
    pub fn read_alone(self) -> Self {
        Self { place: self.place.read_alone() }
    }

    /// Puts an empty layout at `root` in one step: it is made beside and renamed, which replaces an empty
    /// directory and nothing else. So several writers can begin a layout at once, and none of them
    /// sees half of it or loses what another has put into it meanwhile.
    fn make(root: &Path) -> Result<()> {
        let failed = |error| Fault::io("create", root, error);
        fs::create_dir_all(parent(root)).map_err(failed)?;
        let beside = DraftDirectory::create(parent(root), ".aisoc-layout-", DIRECTORY_MODE).map_err(failed)?;
        // What everybody writes; the other one is made for the first blob that it gets.
        let usual = blob_directory(Algorithm::Sha256);
        fs::create_dir_all(beside.path().join(usual)).map_err(failed)?;
        for part in [BLOBS, usual] {
            sync_directory(&beside.path().join(part)).map_err(failed)?;
        }
        replace_file(beside.path(), INDEX, &to_bytes(&ImageIndex::new(vec![])))?;
        replace_file(beside.path(), MARKER, MARKER_BYTES)?;
        match fs::rename(beside.path(), root) {
            Ok(()) => {
                drop(beside);
                settle(root).map_err(failed)
            }
            Err(error) => match error.kind() {
                std::io::ErrorKind::NotADirectory => Err(invalid(root, "it is a file")),
                std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::AlreadyExists => {
                    // Somebody else was quicker, unless what is there is no layout at all.
                    if root.join(MARKER).exists() {
                        return Ok(());
                    }
                    Err(invalid(root, "it holds other files").hint("name a new or an empty directory"))
                }
                _ => Err(failed(error)),
            },
        }
    }

    /// The index.
    ///
    /// # Errors
    /// `layout_invalid` when it is missing or no index, `io_` reasons.
    pub fn index(&self) -> Result<ImageIndex> {
        Ok(Kept::read(&self.place)?.catalog().index())
    }

    /// The blob of that digest, if there is one.
    ///
    /// # Errors
    /// `layout_invalid` when a link or device stands in its place, `io_` reasons.
    pub fn blob(&self, digest: Digest) -> Result<Option<StoredBlob>> {
        let opened = self.open_regular(&blob_name(digest))?;
        Ok(opened.map(|(file, size)| StoredBlob { file: Arc::new(file), offset: 0, size }))
    }

    /// A new file for a blob that is about to arrive.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn ingest(&self) -> Result<Ingest> {
        self.ingest_by(Algorithm::Sha256)
    }

    /// As [`Directory::ingest`], when the algorithm of the digest is known: another one costs a second reading.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn ingest_by(&self, algorithm: Algorithm) -> Result<Ingest> {
        Ingest::new_in(self.root(), algorithm)
    }

    /// Gives what arrived its name, once it is on the disk and its digest is the expected one.
    ///
    /// # Errors
    /// `pull_failed` for another digest, `io_` reasons.
    pub fn keep(&self, arrived: Ingest, expected: Digest) -> Result<()> {
        arrived.finish(expected, &self.place_of(expected)?)
    }

    /// Where the blob of that digest is to be put, in a directory that is there.
    ///
    /// # Errors
    /// `layout_invalid` when something else stands in its place, `io_` reasons.
    pub fn place_of(&self, digest: Digest) -> Result<PathBuf> {
        let directory = blob_directory(digest.algorithm());
        let path = self.root().join(directory);
        match DirBuilder::new().mode(DIRECTORY_MODE).create(&path) {
            Ok(()) => {
                settle(&path).map_err(|error| Fault::io("create", &path, error))?;
            }
            // Another writer may have been quicker, and it is usually there. A link would lead elsewhere.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let found = fs::symlink_metadata(&path).map_err(|error| Fault::io("look at", &path, error))?;
                if !found.is_dir() {
                    return Err(invalid(self.root(), &format!("`{directory}` is not a directory")));
                }
            }
            Err(error) => return Err(Fault::io("create", &path, error)),
        }
        Ok(self.blob_path(digest))
    }

    /// Stores the bytes of the manifest unless they are there. The index does not list it for that.
    ///
    /// # Errors
    /// `layout_invalid`, `io_` reasons.
    pub fn keep_manifest(&self, manifest: &Manifest) -> Result<()> {
        self.keep_manifest_by(manifest, |algorithm| self.ingest_by(algorithm))
    }

    /// As [`Directory::keep_manifest`], where its bytes arrive elsewhere, on the file system of the layout.
    ///
    /// # Errors
    /// As [`Directory::keep_manifest`], and those of `begin`.
    pub fn keep_manifest_by(&self, manifest: &Manifest, begin: impl FnOnce(Algorithm) -> Result<Ingest>) -> Result<()> {
        let digest = manifest.digest().blob();
        let is_whole = match self.blob(digest)? {
            Some(blob) => blob.is(digest, manifest.bytes().len() as u64),
            None => false,
        };
        // Sent again, so wanted from now on.
        if is_whole && self.renew(digest)?.is_some() {
            return Ok(());
        }
        self.keep(begin(digest.algorithm())?.write(manifest.bytes())?, digest)
    }

    /// As [`Directory::keep_manifest`], and says what became of it.
    ///
    /// # Errors
    /// `layout_invalid`, `io_` reasons.
    pub fn keep_part(&self, manifest: &Manifest) -> Result<Pushed> {
        let is_there = self.blob(manifest.digest().blob())?.is_some();
        self.keep_manifest(manifest)?;
        Ok(if is_there { Pushed::Present } else { Pushed::Uploaded })
    }

    /// Stores the manifest unless it is there, and points the tags at it: all of them or none.
    ///
    /// # Errors
    /// `tag_exists`, `layout_invalid`, `io_` reasons.
    pub fn put_manifest(&self, manifest: &Manifest, tags: &[Tag], replace: ReplaceTag) -> Result<Pushed> {
        self.update(|entries| {
            for tag in tags {
                let present = index::tagged(entries, tag)?.map(|found| found.artifact_digest());
                replace.check(tag, present, manifest.digest())?;
            }
            // While nobody else writes, so that it is not collected before it is listed.
            self.keep_manifest(manifest)?;
            let before = entries.clone();
            let descriptor = manifest.descriptor();
            match tags {
                [] => index::insert(entries, &descriptor, None),
                tags => tags.iter().for_each(|tag| index::insert(entries, &descriptor, Some(tag))),
            }
            Ok(if *entries == before { Pushed::Present } else { Pushed::Uploaded })
        })
    }

    /// Takes the tag away, whose manifest stays, or the manifest with all its tags, as long as it is that one. Other tools
    /// see it at once.
    ///
    /// # Errors
    /// `reference_not_found`, `tag_exists`, `locked`, `interrupted`, `layout_invalid`, `io_` reasons.
    pub fn delete(&self, name: &ManifestName, digest: ArtifactDigest) -> Result<()> {
        let mut kept = Kept::read(&self.place)?;
        kept.change(&self.place, |catalog| {
            let (found, change) = match name {
                ManifestName::Tag(tag) => (catalog.tagged(tag)?, Change::Untag { tag: tag.to_string() }),
                ManifestName::Digest(digest) => (catalog.manifest(*digest), Change::Remove { digest: *digest }),
            };
            require_named(name, found.map(|found| found.artifact_digest()), digest)?;
            // How long it is without a tag is counted from now on.
            self.renew(digest.blob())?;
            Ok::<_, Fault>((vec![change], ()))
        })?;
        kept.fold(&self.place)
    }

    /// Changes the index under the layout's lock; other writers wait, and not for ever.
    ///
    /// # Errors
    /// What `edit` refuses, `locked`, `interrupted`, `layout_invalid`, `io_` reasons.
    pub fn update<T>(&self, edit: impl FnOnce(&mut ImageIndex) -> Result<T>) -> Result<T> {
        let lock = self.lock()?;
        let read = Kept::read_under(&self.place, &lock)?;
        let mut entries = read.catalog().index();
        let before = entries.clone();
        let result = edit(&mut entries)?;
        if entries != before {
            replace_index(&self.place, read, &entries, &lock)?;
        }
        Ok(result)
    }

    /// Keeps other writers out until it is dropped.
    ///
    /// # Errors
    /// `locked`, `interrupted`, `io_` reasons.
    pub fn lock(&self) -> Result<PassingLock> {
        self.place.lock()
    }

    /// Removes a blob. Says whether it was there.
    ///
    /// # Errors
    /// `io_` reasons.
    pub fn remove_blob(&self, digest: Digest) -> Result<bool> {
        self.place.remove_blob(digest)
    }

    /// The directory.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Where the layout is.
    pub fn root(&self) -> &Path {
        self.place.root()
    }

    /// Where the blob of that digest is or would be.
    pub fn blob_path(&self, digest: Digest) -> PathBuf {
        self.root().join(blob_name(digest))
    }

    /// How many bytes would be free without the blob: none where another layout shares them, or it is not there.
    pub(super) fn unshared_size(&self, digest: Digest) -> Result<u64> {
        let failed = |error| Fault::io("look at", &self.blob_path(digest), error);
        let Some(blob) = self.blob(digest)? else { return Ok(0) };
        let found = blob.file.metadata().map_err(failed)?;
        Ok(if found.nlink() == 1 { found.len() } else { 0 })
    }

    /// Opens a regular file and nothing else.
    pub(super) fn open_regular(&self, name: &str) -> Result<Option<(File, u64)>> {
        self.place.open_regular(name)
    }
}

fn missing_marker(root: &Path) -> Fault {
    if root.exists() {
        return invalid(root, "the file `oci-layout` is missing");
    }
    Fault::io("read", root, std::io::ErrorKind::NotFound.into())
}
