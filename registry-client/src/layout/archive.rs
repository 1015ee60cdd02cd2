//! An OCI image layout as one uncompressed tar file.
//!
//! Read by one pass over the headers that notes where each file's bytes are; blobs are then read by
//! offset. Nothing is ever unpacked, so a name cannot leave a directory, but links, repeated and
//! climbing names are refused all the same: two readers would see two layouts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{DraftDirectory, Links, SmallFileError, open_file, parent, sweep};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{ImageIndex, MAX_MANIFEST_BYTES};
use aisoc_manifests::tar::pax::{self, Extension};
use aisoc_manifests::tar::{BLOCK, Flag, Header, MAX_EXTENSION_BYTES};
use aisoc_manifests::text::shown;
use tar::EntryType;

use super::directory::{BLOBS, Directory, INDEX, MARKER, blob_name, check_marker, read_index};
use super::ingest::{DRAFTS, land, temporary};
use super::{PIECE_BYTES, StoredBlob, invalid};

/// What an archive begins with.
pub(super) const DIRECTORIES: [&str; 2] = ["blobs/", "blobs/sha256/"];

/// Most headers of an archive: what keeps the table of names below a few MiB.
const MAX_HEADERS: usize = 65_536;

/// What a tar archive is made of.
const BLOCK_BYTES: u64 = BLOCK as u64;
/// Some programs pad to blocks of tapes, 10 KiB or more.
const MAX_PADDING_BYTES: u64 = 1 << 20;

type Places = BTreeMap<String, (u64, u64)>;

/// A layout archive that is read.
#[derive(Debug)]
pub(super) struct Archive {
    path: PathBuf,
    file: Arc<File>,
    /// Offset and size of each file by name.
    places: Places,
}

/// A layout archive that is written: a directory beside it that becomes one file.
#[derive(Debug)]
pub(super) struct StagedArchive {
    target: PathBuf,
    directory: Directory,
    /// Removed with its content when the last user is gone.
    _staging: DraftDirectory,
    cancellation: Cancellation,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        // A FIFO in its place is refused, and not waited for.
        let file = open_file(path, Links::Followed).map_err(|error| match error {
            SmallFileError::NotAFile => {
                invalid(path, "it is not a file").hint("write `oci:PATH` for a layout directory")
            }
            error => Fault::io("read", path, error.into()),
        })?;
        let found = file.metadata().map_err(|error| Fault::io("read", path, error))?;
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

/// Where each file of the archive is. The headers are read as those of layers are: an extension is bounded
/// before it is read, and what two readers could see differently is refused.
fn read_places(path: &Path, file: &File, length: u64) -> Result<Places> {
    let mut places = Places::new();
    let mut headers = Headers { path, file, length, at: 0, count: 0 };
    while let Some((header, long_name)) = headers.next()? {
        let (offset, size) = (headers.at, header.size);
        headers.skip(size)?;
        let name = long_name.unwrap_or(header.name);
        let shown = name.escape_ascii().to_string();
        let name = plain_name(&name).ok_or_else(|| invalid(path, &format!("the entry `{shown}` climbs out of it")))?;
        if header.flag == Flag::File && places.insert(name, (offset, size)).is_some() {
            return Err(invalid(path, &format!("the entry `{shown}` stands twice")));
        }
    }
    check_end(path, file, headers.at, length)?;
    Ok(places)
}

/// The headers of an archive, one after the other.
struct Headers<'a> {
    path: &'a Path,
    file: &'a File,
    length: u64,
    at: u64,
    count: usize,
}

impl Headers<'_> {
    /// The next file or directory with its long name, if it has one, or `None` at the first block of zeros.
    fn next(&mut self) -> Result<Option<(Header, Option<Vec<u8>>)>> {
        let mut extension = None;
        loop {
            let Some(header) = self.header()? else {
                return match extension {
                    None => Ok(None),
                    Some(_) => Err(invalid(self.path, "it ends where an extended entry should follow")),
                };
            };
            match header.flag {
                Flag::File | Flag::Directory => {
                    return Ok(Some((header, extension.and_then(|Extension(name)| name))));
                }
                _ if extension.is_some() => return Err(invalid(self.path, "a header extends another extension")),
                Flag::Pax => extension = Some(pax::attributes(&self.extension(&header)?).map_err(self.unsafe_for())?),
                Flag::GnuLongName => extension = Some(pax::long_name(self.extension(&header)?)),
                Flag::PaxGlobal => pax::only_comments(&self.extension(&header)?).map_err(self.unsafe_for())?,
            }
        }
    }

    fn header(&mut self) -> Result<Option<Header>> {
        if self.length - self.at < BLOCK_BYTES {
            return Err(cut(self.path, self.at, self.length));
        }
        let mut block = [0; BLOCK];
        self.file.read_exact_at(&mut block, self.at).map_err(|error| Fault::io("read", self.path, error))?;
        if block == [0; BLOCK] {
            return Ok(None);
        }
        self.count += 1;
        if self.count > MAX_HEADERS {
            return Err(invalid(self.path, "it has too many entries"));
        }
        self.at += BLOCK_BYTES;
        Header::read(&block).map(Some).map_err(self.unsafe_for())
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        if header.size > MAX_EXTENSION_BYTES {
            return Err(invalid(self.path, "a header extension is too large")
                .expected(format!("at most {MAX_EXTENSION_BYTES} bytes"), format!("{} bytes", header.size)));
        }
        let begin = self.at;
        self.skip(header.size)?;
        let mut content = vec![0; header.size as usize];
        self.file.read_exact_at(&mut content, begin).map_err(|error| Fault::io("read", self.path, error))?;
        Ok(content)
    }

    /// Goes past a content and its padding, which must be there.
    fn skip(&mut self, size: u64) -> Result<()> {
        let end = self.at.checked_add(size.next_multiple_of(BLOCK_BYTES)).filter(|end| *end <= self.length);
        self.at = end.ok_or_else(|| invalid(self.path, "an entry ends after the file"))?;
        Ok(())
    }

    fn unsafe_for(&self) -> impl Fn(Fault) -> Fault + use<'_> {
        |fault| invalid(self.path, "it is not an uncompressed tar archive that can be read in one way").caused_by(fault)
    }
}

/// Two blocks of zeros and nothing but zeros after them: an archive that was cut is not taken for a
/// shorter one, and nothing hides behind its end.
fn check_end(path: &Path, file: &File, end: u64, length: u64) -> Result<()> {
    let size = length.saturating_sub(end);
    if size < 2 * BLOCK_BYTES {
        return Err(cut(path, end, length));
    }
    if size > MAX_PADDING_BYTES {
        return Err(invalid(path, "there is more than padding after its end"));
    }
    let mut padding = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut padding, end).map_err(|error| Fault::io("read", path, error))?;
    match padding.iter().all(|byte| *byte == 0) {
        true => Ok(()),
        false => Err(invalid(path, "there is something after its end")),
    }
}

fn cut(path: &Path, end: u64, length: u64) -> Fault {
    invalid(path, "it is cut before its end")
        .expected(format!("{} bytes or more", end + 2 * BLOCK_BYTES), format!("{length} bytes"))
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
    /// Taking it over may take a while, and ends when it is told to.
    pub(super) fn create(target: &Path, cancellation: &Cancellation) -> Result<Self> {
        let parent = parent(target);
        // Beside it, where a killed run may have left its own.
        sweep(parent, DRAFTS);
        let staging = DraftDirectory::create(parent, ".aisoc-archive-", 0o777)
            .map_err(|error| Fault::io("write in", parent, error))?;
        let directory = Directory::create(staging.path())?;
        if target.symlink_metadata().is_ok() {
            import(&Archive::open(target)?, &directory, cancellation)?;
        }
        Ok(Self { target: target.to_owned(), directory, _staging: staging, cancellation: cancellation.clone() })
    }

    pub(super) fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Writes the archive: no owner, no time, one order, so that equal content has equal bytes.
    pub(super) fn write(&self) -> Result<()> {
        let failed = |error| Fault::io("write", &self.target, error);
        // The tar library copies in small pieces; the file sees large ones.
        let mut archive = tar::Builder::new(BufWriter::with_capacity(PIECE_BYTES, temporary(parent(&self.target))?));
        let mut names = blob_names(&self.directory)?;
        names.extend([INDEX.to_owned(), MARKER.to_owned()]);
        for directory in DIRECTORIES {
            archive.append_data(&mut header(EntryType::Directory, 0), directory, io::empty()).map_err(failed)?;
        }
        for name in names {
            self.cancellation.check()?;
            let path = self.directory.root().join(&name);
            let file = File::open(&path).map_err(|error| Fault::io("read", &path, error))?;
            let size = file.metadata().map_err(|error| Fault::io("read", &path, error))?.len();
            let content = BufReader::with_capacity(PIECE_BYTES, file.take(size));
            archive.append_data(&mut header(EntryType::Regular, size), &name, content).map_err(failed)?;
        }
        let file = archive.into_inner().and_then(|writer| writer.into_inner().map_err(io::IntoInnerError::into_error));
        self.cancellation.check()?;
        land(file.map_err(failed)?, &self.target)
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

fn blob_names(directory: &Directory) -> Result<Vec<String>> {
    let path = directory.root().join(BLOBS);
    let failed = |error| Fault::io("read", &path, error);
    let mut blobs = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let size = entry.metadata().map_err(failed)?.len();
        blobs.push((format!("{BLOBS}/{}", entry.file_name().to_string_lossy()), size));
    }
    largest_first(&mut blobs);
    Ok(blobs.into_iter().map(|(name, _)| name).collect())
}

/// Takes over the blobs and the index of an archive, hashing each blob on the way.
fn import(archive: &Archive, directory: &Directory, cancellation: &Cancellation) -> Result<()> {
    let failed = |error| Fault::io("read", &archive.path, error);
    for (name, &(offset, size)) in &archive.places {
        let Some(hex) = name.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        let digest: Digest = format!("sha256:{hex}")
            .parse()
            .map_err(|_| invalid(&archive.path, &format!("`{}` is not a digest", shown(hex, 120))))?;
        let mut ingest = directory.ingest()?;
        let mut buffer = vec![0; PIECE_BYTES];
        let mut done = 0;
        while done < size {
            cancellation.check()?;
            let length = buffer.len().min(usize::try_from(size - done).unwrap_or(usize::MAX));
            archive.file.read_exact_at(&mut buffer[..length], offset + done).map_err(failed)?;
            ingest = ingest.write(&buffer[..length])?;
            done += length as u64;
        }
        ingest.finish(directory, digest)?;
    }
    let entries = archive.index()?;
    directory.update(|index| {
        *index = entries;
        Ok(())
    })
}
