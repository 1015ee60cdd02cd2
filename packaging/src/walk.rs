//! The one reader of layer bytes: every install, verification and inspection goes through [`archive`]
//! or [`single_file`], and whatever they do not refuse is what every other tar reader sees too.

use std::io::{ErrorKind, Read};

use aisoc_manifests::digest::ContentDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::tar::pax::{self, Extension};
use aisoc_manifests::tar::{BLOCK, Flag, Header, Mode, refuse, shown};

use crate::inflate::{Flow, Inflated, unreceived};
use crate::limits::Limits;
use crate::names::{self, Names};

/// What to do about an archive of macOS, whose `tar` adds a file `._x` about each file `x`.
const PACK_WITHOUT_NOTES: &str = "have the publisher package it again with `aisoc plugin package DIR --out NAME.tar`, \
     or with `COPYFILE_DISABLE=1 tar --no-mac-metadata`";

/// Where the walk puts what it finds: files only, with checked and unique names. A directory exists
/// because a file is in it, so that what is staged is exactly what its file map says.
pub(crate) trait Visitor {
    /// A file begins.
    fn file(&mut self, path: RelPath, mode: Mode) -> Result<()>;
    /// A buffer to fill and give back to [`Visitor::content`], so that bytes are copied only once.
    fn buffer(&mut self) -> Vec<u8>;
    /// The next bytes of the file: the first `length` of `buffer`.
    fn content(&mut self, buffer: Vec<u8>, length: usize) -> Result<()>;
    /// The file is complete.
    fn end(&mut self) -> Result<()>;
}

/// The archive that is expected in a layer.
pub(crate) struct Expected<'a> {
    /// What the layer's descriptor says that it is.
    pub(crate) media_type: &'a str,
    /// The directory that every name must be below.
    pub(crate) title: Option<&'a RelPath>,
    /// Digest of the uncompressed archive, when the publisher noted one.
    pub(crate) content_digest: Option<ContentDigest>,
}

/// Walks a tar layer from its first byte to its last.
pub(crate) fn archive(
    reader: impl Read,
    expected: &Expected<'_>,
    limits: &Limits,
    flow: &mut Flow,
    names: &mut Names,
    visitor: &mut impl Visitor,
) -> Result<()> {
    let hasher = expected.content_digest.map(|digest| digest.own_hasher());
    let blocks = Inflated::new(reader, expected.media_type, hasher, limits, flow)?;
    let mut walk = Walk { blocks, title: expected.title, limits, names, visitor, entries: 0, headers: 0 };
    walk.entries()?;
    let found = walk.blocks.finish()?;
    if let (Some(expected), Some(found)) = (expected.content_digest, found)
        && expected != found
    {
        return Err(refuse("the archive is not the one that its layer's annotation names")
            .expected(expected.to_string(), found.to_string()));
    }
    Ok(())
}

/// Takes a whole layer as one file, which is never executable: no header says that it should be.
pub(crate) fn single_file(
    mut reader: impl Read,
    path: &RelPath,
    limits: &Limits,
    names: &mut Names,
    visitor: &mut impl Visitor,
) -> Result<()> {
    names::require_portable(path)?;
    names.file(path, limits)?;
    visitor.file(path.clone(), Mode::Plain)?;
    let mut total = 0;
    loop {
        let mut buffer = visitor.buffer();
        let read = match reader.read(&mut buffer) {
            Ok(0) => return visitor.end(),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreceived(error)),
        };
        total += read as u64;
        if total > limits.max_file_bytes {
            return Err(refuse(format!("`{path}` is larger than {} bytes", limits.max_file_bytes)));
        }
        visitor.content(buffer, read)?;
    }
}

struct Walk<'a, 'l, R: Read, V> {
    blocks: Inflated<'l, R>,
    title: Option<&'a RelPath>,
    limits: &'l Limits,
    names: &'a mut Names,
    visitor: &'a mut V,
    /// Files and directories.
    entries: usize,
    /// Headers of any kind.
    headers: usize,
}

impl<R: Read, V: Visitor> Walk<'_, '_, R, V> {
    fn entries(&mut self) -> Result<()> {
        let mut pending: Option<Extension> = None;
        while let Some(block) = self.header_block()? {
            let header = Header::read(&block)?;
            match header.flag {
                Flag::File | Flag::Directory => self.entry(header, pending.take())?,
                _ if pending.is_some() => return Err(refuse("a header extends another extension")),
                Flag::Pax => pending = Some(pax::attributes(&self.extension(&header)?)?),
                Flag::GnuLongName => pending = Some(pax::long_name(self.extension(&header)?)),
                Flag::PaxGlobal => pax::only_comments(&self.extension(&header)?)?,
            }
        }
        if pending.is_some() {
            return Err(refuse("the archive ends where an extended entry should follow"));
        }
        match self.entries {
            0 => Err(refuse("the archive is empty")),
            _ => Ok(()),
        }
    }

    /// The next header, or `None` after two blocks of zeros and nothing but zeros behind them.
    ///
    /// GNU tar pads to 10,240 bytes; anything else after the end is a second archive for some reader.
    fn header_block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let block = self.block()?;
        if block != [0; BLOCK] {
            return Ok(Some(block));
        }
        if self.block()? != [0; BLOCK] {
            return Err(refuse("the archive goes on after a block of zeros"));
        }
        let mut padding = [0; BLOCK];
        loop {
            match self.blocks.fill(&mut padding)? {
                0 => return Ok(None),
                read if padding[..read].iter().any(|byte| *byte != 0) => {
                    return Err(refuse("the archive goes on after its end"));
                }
                _ => {}
            }
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        match self.blocks.fill(&mut block)? {
            BLOCK => Ok(block),
            _ => Err(refuse("the archive ends early")),
        }
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        if header.size > self.limits.max_extension_bytes {
            return Err(refuse(format!("a header extension is larger than {} bytes", self.limits.max_extension_bytes)));
        }
        // A flood of global headers is bounded like any other entry.
        self.count_entry()?;
        let mut content = vec![0; header.size as usize];
        if self.blocks.fill(&mut content)? < content.len() {
            return Err(refuse("the archive ends early"));
        }
        self.padding(header.size)?;
        Ok(content)
    }

    fn entry(&mut self, header: Header, extension: Option<Extension>) -> Result<()> {
        self.count_entry()?;
        self.entries += 1;
        let Extension(long_name) = extension.unwrap_or_default();
        let name = long_name.as_ref().unwrap_or(&header.name);
        let Some(path) = self.path(name, header.flag)? else { return Ok(()) };
        // What the title names is the plugin's id, which has rules of its own.
        let inside = self.title.map_or_else(|| Some(path.clone()), |title| path.below(title));
        if let Some(inside) = inside {
            names::require_portable(&inside)?;
        }
        if header.flag == Flag::Directory {
            return self.names.directory(&path, self.limits);
        }
        if header.size > self.limits.max_file_bytes {
            return Err(refuse(format!("`{path}` is larger than {} bytes", self.limits.max_file_bytes)));
        }
        self.names.file(&path, self.limits)?;
        self.visitor.file(path, header.mode)?;
        self.content(header.size)
    }

    fn content(&mut self, size: u64) -> Result<()> {
        let mut left = size;
        while left > 0 {
            let mut buffer = self.visitor.buffer();
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            if self.blocks.fill(&mut buffer[..wanted])? < wanted {
                return Err(refuse("the archive ends early"));
            }
            left -= wanted as u64;
            self.visitor.content(buffer, wanted)?;
        }
        self.padding(size)?;
        self.visitor.end()
    }

    /// Content of the padding is not looked at: no reader hands it out, and old ones leave rubbish there.
    fn padding(&mut self, size: u64) -> Result<()> {
        let past = (size % BLOCK as u64) as usize;
        let mut padding = [0; BLOCK];
        let length = if past == 0 { 0 } else { BLOCK - past };
        match self.blocks.fill(&mut padding[..length])? == length {
            true => Ok(()),
            false => Err(refuse("the archive ends early")),
        }
    }

    /// The name as a path below the title, or `None` for the entry of the archive's own top (`./`).
    fn path(&self, name: &[u8], flag: Flag) -> Result<Option<RelPath>> {
        let text = str::from_utf8(name).map_err(|_| refuse(format!("the name {} is not UTF-8", shown(name))))?;
        let text = match flag {
            Flag::Directory => text.strip_suffix('/').unwrap_or(text),
            _ => text,
        };
        let text = match self.title {
            None if text == "." && flag == Flag::Directory => return Ok(None),
            None => text.strip_prefix("./").unwrap_or(text),
            Some(_) => text,
        };
        let path = RelPath::parse(text)?;
        if let Some(title) = self.title {
            let at_title = path == *title && flag == Flag::Directory;
            if !at_title && path.below(title).is_none() {
                let outside = refuse(format!("`{path}` is outside of `{title}`"));
                return Err(if path.file_name().starts_with("._") {
                    outside.hint(PACK_WITHOUT_NOTES)
                } else {
                    outside
                });
            }
        }
        Ok(Some(path))
    }

    fn count_entry(&mut self) -> Result<()> {
        self.headers += 1;
        match self.headers > 2 * self.limits.max_entries {
            true => Err(refuse(format!("there are more than {} headers", 2 * self.limits.max_entries))),
            false => Ok(()),
        }
    }
}
