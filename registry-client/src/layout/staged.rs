//! A layout archive that is written: a directory beside it that becomes one file.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: the blobs of an archive that is being written, in a directory of its own"
)]

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read as _, Take};
use std::path::{Path, PathBuf};

use aisoc_files::{DraftDirectory, parent, sweep};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::progress::Act;
use aisoc_manifests::text::shown;
use tar::EntryType;

use super::archive::Archive;
use super::directory::Directory;
use super::documents::{INDEX, MARKER, blob_directory, invalid};
use super::ingest::{DRAFTS, Ingest, land, land_new, temporary};
use super::stored::{PIECE_BYTES, StoredBlob};

/// What an archive begins with.
pub(super) const DIRECTORIES: [&str; 2] = ["blobs/", "blobs/sha256/"];
/// What follows, where there is something in it.
const ALSO: &str = "blobs/sha512/";

/// A layout archive that is written: a directory beside it that becomes one file.
#[derive(Debug)]
pub(super) struct StagedArchive {
    target: PathBuf,
    directory: Directory,
    /// Removed with its content when the last user is gone.
    _staging: DraftDirectory,
    cancellation: Cancellation,
    /// Whether it takes the place of another file of that name.
    replaces: bool,
}

impl StagedArchive {
    /// Begins with what the archive at `target` holds, if there is one.
    /// Taking it over may take a while, and ends when it is told to.
    pub(super) fn create(target: &Path, cancellation: &Cancellation) -> Result<Self> {
        let staged = Self { replaces: true, ..Self::create_new(target, cancellation)? };
        if target.symlink_metadata().is_ok() {
            import(&Archive::open(target)?, &staged.directory, cancellation)?;
        }
        Ok(staged)
    }

    /// Begins with nothing, and takes no other file's place.
    pub(super) fn create_new(target: &Path, cancellation: &Cancellation) -> Result<Self> {
        let parent = parent(target);
        // Beside it, where a killed run may have left its own.
        sweep(parent, DRAFTS);
        let staging = DraftDirectory::create(parent, ".aisoc-archive-", 0o777)
            .map_err(|error| Fault::io("write in", parent, error))?;
        let directory = Directory::create(staging.path())?;
        let (target, cancellation) = (target.to_owned(), cancellation.clone());
        Ok(Self { target, directory, _staging: staging, cancellation, replaces: false })
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Writes the archive: no owner, no time, one order, so that equal content has equal bytes.
    pub(super) fn write(&self) -> Result<()> {
        let failed = |error| Fault::io("write", &self.target, error);
        // The tar library copies in small pieces; the file sees large ones.
        let mut archive = tar::Builder::new(BufWriter::with_capacity(PIECE_BYTES, temporary(parent(&self.target))?));
        let blobs = blobs_of(&self.directory)?;
        let _writing = self.cancellation.begin(Act::Writing, blobs.iter().map(|(_, size)| size).sum());
        let also = blobs.iter().any(|(name, _)| name.starts_with(ALSO)).then_some(ALSO);
        let names = blobs.into_iter().map(|(name, _)| name).chain([INDEX, MARKER].map(str::to_owned));
        for directory in DIRECTORIES.into_iter().chain(also) {
            archive.append_data(&mut header(EntryType::Directory, 0), directory, io::empty()).map_err(failed)?;
        }
        for name in names {
            self.cancellation.check()?;
            let path = self.directory.root().join(&name);
            let file = File::open(&path).map_err(|error| Fault::io("read", &path, error))?;
            let size = file.metadata().map_err(|error| Fault::io("read", &path, error))?.len();
            let content = Counted { file: file.take(size), cancellation: &self.cancellation };
            let content = BufReader::with_capacity(PIECE_BYTES, content);
            archive.append_data(&mut header(EntryType::Regular, size), &name, content).map_err(failed)?;
        }
        let file = archive.into_inner().and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error));
        self.cancellation.check()?;
        let put = if self.replaces { land } else { land_new };
        put(file.map_err(failed)?, &self.target)
    }
}

/// The largest blob comes first and the others by name: whoever makes an archive begins with the one that takes
/// long, and writes it before it knows the name (see `one_pass`).
pub(super) fn largest_first(blobs: &mut [(String, u64)]) {
    blobs.sort();
    let largest = blobs.iter().map(|(_, size)| *size).max();
    if let Some(at) = blobs.iter().position(|(_, size)| Some(*size) == largest) {
        blobs[..=at].rotate_right(1);
    }
}

pub(super) fn header(kind: EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// The blobs with their sizes, in the order of an archive.
fn blobs_of(directory: &Directory) -> Result<Vec<(String, u64)>> {
    let mut blobs = Vec::new();
    for parent in Algorithm::ALL.map(blob_directory) {
        let path = directory.root().join(parent);
        let failed = |error| Fault::io("read", &path, error);
        let entries = match std::fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let size = entry.metadata().map_err(failed)?.len();
            blobs.push((format!("{parent}/{}", entry.file_name().to_string_lossy()), size));
        }
    }
    largest_first(&mut blobs);
    Ok(blobs)
}

/// A file whose bytes are counted as they are read.
struct Counted<'a> {
    file: Take<File>,
    cancellation: &'a Cancellation,
}

impl io::Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.cancellation.advance(read as u64);
        Ok(read)
    }
}

/// Takes over the blobs and the index of an archive, hashing each blob on the way.
fn import(archive: &Archive, directory: &Directory, cancellation: &Cancellation) -> Result<()> {
    let total = archive.blobs().fold(0, |sum: u64, (_, _, blob)| sum.saturating_add(blob.size));
    let _reading = cancellation.begin(Act::Reading, total);
    for (algorithm, hex, blob) in archive.blobs() {
        let digest: Digest = format!("{algorithm}:{hex}")
            .parse()
            .map_err(|_| invalid(archive.path(), &format!("`{}` is not a digest", shown(hex, 120))))?;
        let arrived = take_over(&blob, archive.path(), directory.ingest_by(algorithm)?, cancellation)?;
        directory.keep(arrived, digest)?;
    }
    let entries = archive.index()?;
    directory.update(|index| {
        *index = entries;
        Ok(())
    })
}

fn take_over(blob: &StoredBlob, path: &Path, mut arriving: Ingest, cancellation: &Cancellation) -> Result<Ingest> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut done = 0;
    while done < blob.size {
        cancellation.check()?;
        let length = blob.read_piece(done, &mut buffer).map_err(|error| Fault::io("read", path, error))?;
        arriving = arriving.write(&buffer[..length])?;
        cancellation.advance(length as u64);
        done += length as u64;
    }
    Ok(arriving)
}
