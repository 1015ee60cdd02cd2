//! `pack`: a plugin directory as one tar layer, the same bytes on every machine.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use aisoc_manifests::digest::{ContentDigest, Hasher, LayerDigest, meaning};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::FileEntry;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::progress::Act;
use aisoc_manifests::tar::{self, BLOCK, Mode, Written};
use aisoc_signing::Publishable;

use crate::changed::changed;
use crate::dir::{PluginDir, forbidden};
use crate::gzip::{Gzip, compress};
use crate::names;
use crate::parallel::{self, READ_BYTES, default_threads};

/// How to pack. Only `mtime` changes the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackOptions {
    /// Threads that compress; 0 for [`default_threads`].
    pub threads: usize,
    /// The time of every entry, in seconds since 1970, when SOURCE_DATE_EPOCH sets one; else 0.
    pub mtime: Option<u64>,
}

/// A layer that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedLayer {
    /// Digest of the layer's bytes.
    pub digest: LayerDigest,
    /// Their number.
    pub size: u64,
    /// Digest of the tar inside.
    pub content_digest: ContentDigest,
    /// Bytes of all files together.
    pub unpacked_bytes: u64,
    /// Number of files.
    pub files: usize,
}

/// The largest time that eleven octal digits hold, in the year 2242.
const MAX_MTIME: u64 = 0o777_7777_7777;

/// Writes the files of `plugin` below `<id>/` as a gzipped tar.
///
/// Every file is hashed again while it is packed: what is shipped is what was listed, and found to be signed.
///
/// # Errors
/// `internal` when `publishable` is about another tree, `invalid_plugin_id` for an id that cannot be a directory, `forbidden_entry` for a name that every installer refuses, a file that changed since the directory
/// was read, or content that compresses so well that no reader would take it for harmless; I/O reasons.
pub fn pack(
    plugin: &PluginDir,
    publishable: &Publishable,
    id: &PluginId,
    options: &PackOptions,
    out: impl Write,
) -> Result<PackedLayer> {
    let (found, judged) = (plugin.files().tree_digest(), publishable.subject());
    if found != judged {
        return Err(Fault::new(Reason::Internal, "another tree was found fit to be published")
            .expected(judged.to_string(), found.to_string()));
    }
    write_layer(plugin, id, options, out)
}

/// As [`pack`], for whoever keeps none of the bytes and wants to know their digests.
pub(crate) fn write_layer(
    plugin: &PluginDir,
    id: &PluginId,
    options: &PackOptions,
    out: impl Write,
) -> Result<PackedLayer> {
    id.require_directory_name().map_err(|fault| fault.hint("choose another id, then sign again"))?;
    for (path, _) in plugin.files().iter() {
        names::require_portable(path)
            .map_err(|fault| forbidden(fault.message()).hint("rename the file, then sign again"))?;
    }
    let mtime = options.mtime.unwrap_or(0).min(MAX_MTIME);
    let threads = NonZeroUsize::new(options.threads).unwrap_or_else(default_threads);
    let mut content_hasher = ContentDigest::hasher();
    let out = Hashing { inner: out, hasher: LayerDigest::hasher(), bytes: 0 };
    let _packing = plugin.cancellation().begin(Act::Packing, plugin.files().total_bytes());
    let written = compress(out, threads, plugin.limits(), |gzip| {
        let mut tar = Tar { gzip, hasher: &mut content_hasher, header: Vec::new(), mtime };
        write_tree(plugin, id, &mut tar)
    });
    let out = written.map_err(|Stopped(fault)| fault)?;
    Ok(PackedLayer {
        digest: out.hasher.finish(),
        size: out.bytes,
        content_digest: content_hasher.finish(),
        unpacked_bytes: plugin.files().total_bytes(),
        files: plugin.files().len(),
    })
}

/// In the order of the bytes of names, which puts every directory (its name ends in a slash) before what is in
/// it. `oras` creates no parents, so every directory has an entry. Files come sorted, and no list of all names
/// is made.
fn write_tree<W: Write>(plugin: &PluginDir, id: &PluginId, tar: &mut Tar<'_, W>) -> Result<(), Stopped> {
    let mut buffer = vec![0; READ_BYTES];
    let directories = directories(plugin);
    let mut directories = directories.iter().peekable();
    tar.directory(&format!("{id}/"))?;
    for (path, entry) in plugin.files().iter() {
        while let Some(directory) = directories.next_if(|directory| directory.as_str() < path.as_str()) {
            tar.directory(&format!("{id}/{directory}"))?;
        }
        tar.file(plugin, &format!("{id}/{path}"), path, entry, &mut buffer)?;
    }
    // Two blocks of zeros and nothing after them: `oras` hashes up to here.
    tar.write(&[0; 2 * BLOCK])
}

/// The directories in which files are, with a slash at the end, sorted.
fn directories(plugin: &PluginDir) -> BTreeSet<String> {
    let mut directories = BTreeSet::new();
    for (path, _) in plugin.files().iter() {
        let parents = std::iter::successors(path.parent(), RelPath::parent);
        // Whoever is known has its parents known.
        parents
            .map(|parent| format!("{parent}/"))
            .take_while(|parent| directories.insert(parent.clone()))
            .for_each(drop);
    }
    directories
}

struct Tar<'a, W> {
    gzip: &'a mut Gzip<W>,
    hasher: &'a mut Hasher<meaning::Content>,
    header: Vec<u8>,
    mtime: u64,
}

impl<W: Write> Tar<'_, W> {
    fn directory(&mut self, name: &str) -> Result<(), Stopped> {
        self.header(&Written { name, kind: b'5', size: 0, mode: 0o755, mtime: self.mtime })
    }

    fn file(
        &mut self,
        plugin: &PluginDir,
        name: &str,
        path: &RelPath,
        entry: &FileEntry,
        buffer: &mut [u8],
    ) -> Result<(), Stopped> {
        let mode = Mode::of(entry.executable).bits();
        self.header(&Written { name, kind: b'0', size: entry.size, mode, mtime: self.mtime })?;
        let unreadable = |error| Fault::io("read", &path.under(plugin.root()), error);
        let mut file = plugin.content(path, entry).map_err(unreadable)?;
        let mut outcome = Ok(());
        let mut left = entry.size;
        let hashed = parallel::hash(&mut file, None, buffer, plugin.limits(), |bytes| {
            // Never more than the header promised, even if the file is growing.
            let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            left -= taken as u64;
            if outcome.is_ok() {
                outcome = self.write(&bytes[..taken]);
            }
        })
        .map_err(unreadable)?;
        outcome?;
        if hashed.digest != entry.digest || hashed.size != entry.size {
            return Err(Stopped(changed(path, entry, hashed.digest)));
        }
        self.header.clear();
        tar::pad(&mut self.header, entry.size);
        let padding = std::mem::take(&mut self.header);
        self.write(&padding)
    }

    fn header(&mut self, written: &Written<'_>) -> Result<(), Stopped> {
        let mut header = std::mem::take(&mut self.header);
        header.clear();
        tar::write(&mut header, written);
        self.write(&header)?;
        self.header = header;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.hasher.update(bytes);
        Ok(self.gzip.write_all(bytes)?)
    }
}

/// Why packing stopped: a fault of its own, or an error of the output.
struct Stopped(Fault);

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::IoNoSpace,
            _ => Reason::IoError,
        };
        // What no reader would take is refused where it is compressed.
        let failed = |error| Fault::new(reason, "cannot write the layer").caused_by(error);
        Self(error.downcast::<Fault>().unwrap_or_else(failed))
    }
}

struct Hashing<W> {
    inner: W,
    hasher: Hasher<meaning::Layer>,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
