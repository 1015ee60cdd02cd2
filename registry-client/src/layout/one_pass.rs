//! `OnePass`: a layout that gets a new artifact, whose layer is written where it stays while it is made.
//!
//! The digest of a layer is its name in a layout, and is known when the last byte is. So a directory takes the
//! bytes under no name and links them when there is one, and an archive takes them first, behind room for their
//! header. Nothing is written twice, and what is killed on the way leaves no half of a layout.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::slice;

use aisoc_files::{Draft, parent, sweep};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Descriptor, ImageIndex, to_bytes};
use aisoc_manifests::reference::{LayoutForm, LayoutReference, Tag};
use aisoc_manifests::tar::BLOCK;
use tar::EntryType;

use super::archive::Archive;
use super::directory::Directory;
use super::documents::{INDEX, MARKER, MARKER_BYTES, blob_name};
use super::index;
use super::ingest::{DRAFTS, land, temporary};
use super::staged::{DIRECTORIES, header, largest_first};
use crate::storage::{Manifest, ReplaceTag};

/// Where the layer begins in an archive: after the directories and its own header.
const LAYER_AT: u64 = (DIRECTORIES.len() as u64 + 1) * BLOCK_BYTES;
/// What an archive is made of.
const BLOCK_BYTES: u64 = BLOCK as u64;

/// A layout that is waiting for a layer.
#[derive(Debug)]
pub struct OnePass {
    draft: Draft,
    place: Place,
    written: u64,
    cancellation: Cancellation,
}

#[derive(Debug)]
enum Place {
    Directory(Directory),
    /// What the archive is to be called.
    Archive(PathBuf),
}

/// What a layout gets, its layer's bytes apart.
#[derive(Debug)]
pub struct NewArtifact<'a> {
    /// The root.
    pub manifest: &'a Manifest,
    /// The config document.
    pub config: &'a [u8],
    /// What was written for a layer.
    pub layer: &'a Descriptor,
    /// The tag, when the artifact gets one.
    pub tag: Option<&'a Tag>,
}

impl OnePass {
    /// Begins. A layout directory is made unless there is one, and keeps the artifacts that it has; an archive
    /// is replaced as a whole, when it is finished.
    ///
    /// # Errors
    /// `layout_invalid` when something else is there, `io_` reasons.
    pub fn begin(reference: &LayoutReference, cancellation: &Cancellation) -> Result<Self> {
        let path = &reference.path;
        let (place, draft) = match reference.form {
            LayoutForm::Directory => {
                let directory = Directory::create(path)?.until(cancellation);
                (Place::Directory(directory), temporary(path)?)
            }
            LayoutForm::Archive => {
                sweep(parent(path), DRAFTS);
                require_replaceable(path)?;
                let draft = temporary(parent(path))?;
                draft.file().set_len(LAYER_AT).map_err(|error| Fault::io("write", path, error))?;
                (Place::Archive(path.clone()), draft)
            }
        };
        Ok(Self { draft, place, written: 0, cancellation: cancellation.clone() })
    }

    /// Gives the layer its name and adds what names it: the config, then the manifest, then the tag.
    ///
    /// # Errors
    /// `internal` when the layer has another size than was written; `locked`, `layout_invalid`, `io_` reasons.
    pub fn finish(self, artifact: &NewArtifact<'_>) -> Result<()> {
        if self.written != artifact.layer.size {
            return Err(Fault::new(Reason::Internal, "the layer has another size than was written")
                .expected(artifact.layer.size.to_string(), self.written.to_string()));
        }
        self.cancellation.check()?;
        match self.place {
            Place::Directory(directory) => {
                land(self.draft, &directory.place_of(artifact.layer.digest)?)?;
                directory.keep(directory.ingest()?.write(artifact.config)?, Digest::of(artifact.config))?;
                let tags = artifact.tag.map(slice::from_ref).unwrap_or_default();
                directory.put_manifest(artifact.manifest, tags, ReplaceTag::Yes).map(|_| ())
            }
            Place::Archive(path) => {
                complete(self.draft.file(), artifact).map_err(|error| Fault::io("write", &path, error))?;
                self.cancellation.check()?;
                land(self.draft, &path)
            }
        }
    }
}

impl Write for OnePass {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &self.place {
            Place::Directory(_) => self.draft.write(bytes)?,
            Place::Archive(_) => self.draft.file().write_at(bytes, LAYER_AT + self.written)?,
        };
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

/// An archive takes the place of another one, and of nothing else: not of a file that happens to have the name.
///
/// # Errors
/// `layout_invalid` when something else is there, `io_` reasons.
pub fn require_replaceable(path: &Path) -> Result<()> {
    match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Fault::io("look at", path, error)),
        Ok(found) if found.is_file() && found.len() == 0 => return Ok(()),
        Ok(_) => {}
    }
    Archive::open(path).map(|_| ()).map_err(|fault| match fault.reason() {
        Reason::LayoutInvalid => fault.hint("write the archive to another name, or remove what is there first"),
        _ => fault,
    })
}

/// Writes what an archive holds beside the layer, which is there already: the same bytes as if everything had
/// been put into an archive in order.
fn complete(file: &File, artifact: &NewArtifact<'_>) -> io::Result<()> {
    let layer = (blob_name(artifact.layer.digest), artifact.layer.size);
    let documents = [artifact.config, artifact.manifest.bytes()].map(|bytes| (blob_name(Digest::of(bytes)), bytes));
    let mut blobs: Vec<(String, u64)> =
        documents.iter().map(|(name, bytes)| (name.clone(), bytes.len() as u64)).collect();
    blobs.push(layer.clone());
    largest_first(&mut blobs);
    let (held, mut rest, at) = if blobs[0] == layer {
        blobs.remove(0);
        file.write_all_at(&block(EntryType::Regular, &layer.0, layer.1)?, LAYER_AT - BLOCK_BYTES)?;
        (None, padding(layer.1), LAYER_AT + layer.1)
    } else {
        (Some(taken_back(file, artifact.layer)?), Vec::new(), LAYER_AT - BLOCK_BYTES)
    };
    for (name, _) in blobs {
        let document = documents.iter().find(|(document, _)| *document == name).map(|(_, bytes)| *bytes);
        entry(&mut rest, &name, document.or(held.as_deref()).unwrap_or_default())?;
    }
    let mut entries = ImageIndex::new(vec![]);
    index::insert(&mut entries, &artifact.manifest.descriptor(), artifact.tag);
    entry(&mut rest, INDEX, &to_bytes(&entries))?;
    entry(&mut rest, MARKER, MARKER_BYTES)?;
    rest.resize(rest.len() + 2 * BLOCK, 0);
    file.write_all_at(&rest, at)?;
    let directories = DIRECTORIES.iter().map(|name| block(EntryType::Directory, name, 0));
    file.write_all_at(&directories.collect::<io::Result<Vec<_>>>()?.concat(), 0)
}

/// A layer that is smaller than a document about it: it fits into memory, and takes its place among them.
fn taken_back(file: &File, layer: &Descriptor) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(layer.size).unwrap_or(usize::MAX)];
    file.read_exact_at(&mut bytes, LAYER_AT)?;
    file.set_len(LAYER_AT - BLOCK_BYTES)?;
    match Digest::of(&bytes) == layer.digest {
        true => Ok(bytes),
        false => Err(io::Error::other("the layer that was written is another one now")),
    }
}

fn entry(archive: &mut Vec<u8>, name: &str, content: &[u8]) -> io::Result<()> {
    archive.extend_from_slice(&block(EntryType::Regular, name, content.len() as u64)?);
    archive.extend_from_slice(content);
    archive.extend(padding(content.len() as u64));
    Ok(())
}

fn padding(size: u64) -> Vec<u8> {
    vec![0; usize::try_from(size.next_multiple_of(BLOCK_BYTES) - size).unwrap_or_default()]
}

fn block(kind: EntryType, name: &str, size: u64) -> io::Result<[u8; BLOCK]> {
    let mut header = header(kind, size);
    header.set_path(Path::new(name))?;
    header.set_cksum();
    Ok(*header.as_bytes())
}
