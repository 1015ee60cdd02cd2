//! An OCI image layout as one uncompressed tar file.
//!
//! Read by one pass over the headers that notes where each file's bytes are; blobs are then read by
//! offset. Nothing is ever unpacked, so a name cannot leave a directory, but links, repeated and
//! climbing names are refused all the same: two readers would see two layouts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_drafts::{DraftDirectory, parent, sweep};
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{ImageIndex, MAX_MANIFEST_BYTES};
use aisoc_manifests::text::shown;
use tar::{EntryType, Header};

use super::directory::{BLOBS, Directory, INDEX, MARKER, blob_name, check_marker, read_index};
use super::ingest::{DRAFTS, land, temporary};
use super::{PIECE_BYTES, StoredBlob, invalid};

/// Most entries of an archive: what keeps the table of names below a few MiB.
const MAX_ENTRIES: usize = 65_536;

/// What a tar archive is made of.
const BLOCK_BYTES: u64 = 512;
/// Some programs pad to blocks of tapes, 10 KiB or more.
const MAX_PADDING_BYTES: u64 = 1 << 20;

/// A layout archive that is read.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    file: Arc<File>,
    /// Offset and size of each file by name.
    places: BTreeMap<String, (u64, u64)>,
}

/// A layout archive that is written: a directory beside it that becomes one file.
#[derive(Debug)]
pub(super) struct StagedArchive {
    target: PathBuf,
    directory: Directory,
    /// Removed with its content when the last user is gone.
    _staging: DraftDirectory,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Fault::io("read", path, error))?;
        let found = file.metadata().map_err(|error| Fault::io("read", path, error))?;
        if !found.is_file() {
            return Err(invalid(path, "it is not a file").hint("write `oci:PATH` for a layout directory"));
        }
        let places = read_places(path, &file, found.len())?;
        let archive = Self { path: path.to_owned(), file: Arc::new(file), places };
        check_marker(path, &archive.small_file(MARKER)?)?;
        Ok(archive)
    }

    pub(super) fn index(&self) -> Result<ImageIndex> {
        read_index(&self.path, &self.small_file(INDEX)?)
    }

    pub(super) fn blob(&self, digest: Digest) -> Option<StoredBlob> {
        let &(offset, size) = self.places.get(&blob_name(digest))?;
        Some(StoredBlob { file: Arc::clone(&self.file), offset, size })
    }

    fn small_file(&self, name: &str) -> Result<Vec<u8>> {
        use std::os::unix::fs::FileExt;
        let &(offset, size) =
            self.places.get(name).ok_or_else(|| invalid(&self.path, &format!("`{name}` is missing")))?;
        if size > MAX_MANIFEST_BYTES {
            return Err(invalid(&self.path, &format!("`{name}` is larger than 4 MiB")));
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| Fault::io("read", &self.path, error))?;
        Ok(bytes)
    }
}

fn read_places(path: &Path, file: &File, length: u64) -> Result<BTreeMap<String, (u64, u64)>> {
    let unreadable = |error: io::Error| invalid(path, "it is not an uncompressed tar archive").caused_by(error);
    let mut places = BTreeMap::new();
    let mut last = 0;
    let mut archive = tar::Archive::new(BufReader::new(file));
    for (count, entry) in archive.entries_with_seek().map_err(unreadable)?.enumerate() {
        let entry = entry.map_err(unreadable)?;
        if count >= MAX_ENTRIES {
            return Err(invalid(path, "it has too many entries"));
        }
        last = entry.raw_file_position().saturating_add(entry.size());
        let name = entry.path_bytes();
        let shown = name.escape_ascii().to_string();
        let name = plain_name(&name).ok_or_else(|| invalid(path, &format!("the entry `{shown}` climbs out of it")))?;
        match entry.header().entry_type() {
            EntryType::Directory => continue,
            EntryType::Regular | EntryType::Continuous => {}
            kind => return Err(invalid(path, &format!("the entry `{shown}` is a {kind:?}, not a file"))),
        }
        let (offset, size) = (entry.raw_file_position(), entry.size());
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(invalid(path, &format!("the entry `{shown}` ends after the file")));
        }
        if places.insert(name, (offset, size)).is_some() {
            return Err(invalid(path, &format!("the entry `{shown}` stands twice")));
        }
    }
    check_end(path, file, last.next_multiple_of(BLOCK_BYTES), length)?;
    Ok(places)
}

/// Two blocks of zeros and nothing but zeros after them: an archive that was cut is not taken for a
/// shorter one, and nothing hides behind its end.
fn check_end(path: &Path, file: &File, end: u64, length: u64) -> Result<()> {
    let size = length.saturating_sub(end);
    if size < 2 * BLOCK_BYTES {
        return Err(invalid(path, "it is cut before its end")
            .expected(format!("{} bytes or more", end + 2 * BLOCK_BYTES), format!("{length} bytes")));
    }
    if size > MAX_PADDING_BYTES {
        return Err(invalid(path, "there is more than padding after its end"));
    }
    let mut padding = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut padding, end)
        .map_err(|error| Fault::io("read", path, error))?;
    match padding.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(invalid(path, "there is something after its end")),
    }
}

/// `./a/b` and `a/b/` as `a/b`; nothing for absolute names, `..`, and what is not UTF-8.
fn plain_name(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name).trim_end_matches('/');
    let climbs = name.starts_with('/') || name.contains(['\\', '\0']) || name.split('/').any(|part| part == "..");
    (!climbs).then(|| name.to_owned())
}

impl StagedArchive {
    /// Begins with what the archive at `target` holds, if there is one.
    pub(super) fn create(target: &Path) -> Result<Self> {
        let parent = parent(target);
        // Beside it, where a killed run may have left its own.
        sweep(parent, DRAFTS);
        let staging = DraftDirectory::create(parent, ".aisoc-archive-", 0o777)
            .map_err(|error| Fault::io("write in", parent, error))?;
        let directory = Directory::create(staging.path())?;
        if target.symlink_metadata().is_ok() {
            import(&Archive::open(target)?, &directory)?;
        }
        Ok(Self { target: target.to_owned(), directory, _staging: staging })
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Writes the archive: sorted names, no owner, no time, so that equal content has equal bytes.
    pub(super) fn write(&self) -> Result<()> {
        let failed = |error| Fault::io("write", &self.target, error);
        // The tar library copies in small pieces; the file sees large ones.
        let mut archive = tar::Builder::new(BufWriter::with_capacity(PIECE_BYTES, temporary(parent(&self.target))?));
        let mut names = blob_names(&self.directory)?;
        names.extend([INDEX.to_owned(), MARKER.to_owned()]);
        for directory in ["blobs/", "blobs/sha256/"] {
            archive.append_data(&mut header(EntryType::Directory, 0), directory, io::empty()).map_err(failed)?;
        }
        for name in names {
            let path = self.directory.root().join(&name);
            let file = File::open(&path).map_err(|error| Fault::io("read", &path, error))?;
            let size = file.metadata().map_err(|error| Fault::io("read", &path, error))?.len();
            let content = BufReader::with_capacity(PIECE_BYTES, file.take(size));
            archive.append_data(&mut header(EntryType::Regular, size), &name, content).map_err(failed)?;
        }
        let file = archive.into_inner().and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error));
        land(file.map_err(failed)?, &self.target)
    }
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

fn blob_names(directory: &Directory) -> Result<Vec<String>> {
    let path = directory.root().join(BLOBS);
    let failed = |error| Fault::io("read", &path, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(format!("{BLOBS}/{}", name.to_string_lossy()));
    }
    names.sort();
    Ok(names)
}

/// Takes over the blobs and the index of an archive, hashing each blob on the way.
fn import(archive: &Archive, directory: &Directory) -> Result<()> {
    let failed = |error| Fault::io("read", &archive.path, error);
    for (name, &(offset, size)) in &archive.places {
        let Some(hex) = name.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        let digest: Digest = format!("sha256:{hex}")
            .parse()
            .map_err(|_| invalid(&archive.path, &format!("`{}` is not a digest", shown(hex, 120))))?;
        let mut file = archive.file.try_clone().map_err(failed)?;
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        let mut reader = file.take(size);
        let mut ingest = directory.ingest()?;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match reader.read(&mut buffer).map_err(failed)? {
                0 => break,
                read => ingest = ingest.write(&buffer[..read])?,
            }
        }
        ingest.finish(directory, digest)?;
    }
    let entries = archive.index()?;
    directory.update(|index| {
        *index = entries;
        Ok(())
    })
}
