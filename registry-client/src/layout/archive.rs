//! An OCI image layout as one uncompressed tar file.
//!
//! Read by one pass over the headers that notes where each file's bytes are; blobs are then read by
//! offset. Nothing is ever unpacked, so a name cannot leave a directory, but links, repeated and
//! climbing names are refused all the same: two readers would see two layouts.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{Links, SmallFileError, open_file};
use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{ImageIndex, MAX_MANIFEST_BYTES};
use aisoc_manifests::tar::pax::{self, Extension};
use aisoc_manifests::tar::{BLOCK, Flag, Header, MAX_EXTENSION_BYTES};
use aisoc_manifests::text::{shown, spelled};

use super::documents::{INDEX, MARKER, blob_directory, blob_name, check_marker, invalid, read_index};
use super::foreign::{require_uncompressed, without_marker};
use super::stored::StoredBlob;

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

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        // A FIFO in its place is refused, and not waited for.
        let file = open_file(path, Links::Followed).map_err(|error| match error {
            SmallFileError::NotAFile => {
                invalid(path, "it is not a file").hint("write `oci:PATH` for a layout directory")
            }
            error => Fault::io("read", path, error.into()),
        })?;
        require_uncompressed(path, &file)?;
        let found = file.metadata().map_err(|error| Fault::io("read", path, error))?;
        let places = read_places(path, &file, found.len())?;
        let archive = Self { path: path.to_owned(), file: Arc::new(file), places };
        if !archive.places.contains_key(MARKER) {
            return Err(without_marker(path, archive.places.keys().map(String::as_str)));
        }
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

    /// Everything that lies among the blobs of an algorithm, under the name that it has there.
    pub(super) fn blobs(&self) -> impl Iterator<Item = (Algorithm, &str, StoredBlob)> {
        Algorithm::ALL.into_iter().flat_map(move |algorithm| {
            self.places.iter().filter_map(move |(name, &(offset, size))| {
                let name = name.strip_prefix(blob_directory(algorithm))?.strip_prefix('/')?;
                Some((algorithm, name, StoredBlob { file: Arc::clone(&self.file), offset, size }))
            })
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
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
        let shown = shown(&spelled(&name), 240);
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
