//! Tar archives as attackers write them: every field of a header can be what it should not be.

use std::io::Write as _;

const BLOCK: usize = 512;

/// One entry before it is written; begin with [`Entry::file`] or [`Entry::directory`] and change it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name field, at most 100 bytes.
    pub name: Vec<u8>,
    /// The prefix field.
    pub prefix: Vec<u8>,
    /// The typeflag.
    pub kind: u8,
    /// Permission bits.
    pub mode: u32,
    /// The size field; the length of the content unless it lies.
    pub size: u64,
    /// The link target.
    pub link: Vec<u8>,
    /// Magic and version: POSIX or GNU.
    pub magic: [u8; 8],
    /// What follows the header, padded to a block.
    pub content: Vec<u8>,
}

impl Entry {
    /// A regular file.
    pub fn file(name: &str, content: impl Into<Vec<u8>>) -> Self {
        let content = content.into();
        Self {
            name: name.into(),
            prefix: Vec::new(),
            kind: b'0',
            mode: 0o644,
            size: content.len() as u64,
            link: Vec::new(),
            magic: *b"ustar\x0000",
            content,
        }
    }

    /// A directory.
    pub fn directory(name: &str) -> Self {
        Self { kind: b'5', mode: 0o755, ..Self::file(name, "") }
    }

    /// An entry of another kind, with a link target.
    pub fn special(name: &str, kind: u8, link: &str) -> Self {
        Self { kind, link: link.into(), ..Self::file(name, "") }
    }

    /// A PAX header with those records.
    pub fn pax(kind: u8, records: &[(&str, &str)]) -> Self {
        Self { kind, ..Self::file("PaxHeaders/x", records.iter().map(|(k, v)| record(k, v)).collect::<String>()) }
    }

    /// The header's bytes, with a right checksum.
    pub fn header(&self) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name);
        put(100, format!("{:07o}", self.mode).as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, &[self.kind]);
        put(157, &self.link);
        put(257, &self.magic);
        put(345, &self.prefix);
        sign(&mut block);
        block
    }
}

/// Sets the checksum of a header that was changed.
pub fn sign(block: &mut [u8; BLOCK]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// One PAX record.
pub fn record(key: &str, value: &str) -> String {
    let rest = key.len() + value.len() + 3;
    let length = (1..8).map(|digits| rest + digits).find(|length| length.to_string().len() == length - rest);
    format!("{} {key}={value}\n", length.unwrap_or_default())
}

/// An archive that is being written.
#[derive(Debug, Clone, Default)]
pub struct TarBuilder(Vec<u8>);

impl TarBuilder {
    /// An archive without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry: header, content, padding.
    #[must_use]
    pub fn entry(mut self, entry: &Entry) -> Self {
        self.0.extend(entry.header());
        self.0.extend(&entry.content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    /// Adds a regular file.
    #[must_use]
    pub fn file(self, name: &str, content: &str) -> Self {
        self.entry(&Entry::file(name, content))
    }

    /// Adds a directory.
    #[must_use]
    pub fn directory(self, name: &str) -> Self {
        self.entry(&Entry::directory(name))
    }

    /// Adds bytes as they are.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Ends the archive properly: two blocks of zeros.
    pub fn end(self) -> Vec<u8> {
        self.raw(&[0; 2 * BLOCK]).0
    }

    /// The bytes so far, without an end.
    pub fn unended(self) -> Vec<u8> {
        self.0
    }
}

/// One gzip member around `bytes`.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_of_level(bytes, 6)
}

/// As [`gzip`], in the least time.
pub fn gzip_quickly(bytes: &[u8]) -> Vec<u8> {
    gzip_of_level(bytes, 1)
}

fn gzip_of_level(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}
