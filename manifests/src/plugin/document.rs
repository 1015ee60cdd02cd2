//! `Document`: a manifest as the host reads it, and the bytes of it that are signed.

use std::collections::BTreeMap;

use super::file::ManifestFile;
use super::refusal::refusal;
use crate::digest::FileDigest;
use crate::fault::{Fault, Location, Reason, Result};
use crate::position::Position;
use crate::reader::value::{Node, Text, Tree, Value};
use crate::reader::{canonical, json, yaml};

/// Larger manifests are refused before they are read.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// A manifest as the host reads it: nothing is required of it yet but that it can be read.
#[derive(Debug, Clone)]
pub struct Document {
    file: ManifestFile,
    tree: Tree,
}

impl Document {
    /// Reads a manifest with the host's grammar and typing.
    ///
    /// # Errors
    /// `manifest_invalid`, `manifest_too_deep` or `manifest_too_large`, at the place where reading stopped.
    pub fn read(file: ManifestFile, bytes: &[u8]) -> Result<Self> {
        if bytes.len() > MAX_MANIFEST_BYTES {
            let message = format!("the manifest has {} bytes, more than {MAX_MANIFEST_BYTES}", bytes.len());
            return Err(Fault::new(Reason::TooLarge, message).at(Location::new(file.name(), Position::START)));
        }
        let tree = match file {
            ManifestFile::Yaml => yaml::read(bytes),
            ManifestFile::Json => json::read(bytes).map(|(tree, _)| tree),
        };
        Ok(Self { file, tree: tree.map_err(|error| refusal(file, &error))? })
    }

    /// Which file it was.
    pub fn file(&self) -> ManifestFile {
        self.file
    }

    /// The outermost value.
    pub fn root(&self) -> Node<'_> {
        self.tree.root()
    }

    /// Where in `bytes`, which this document was read from, the text of `node` begins: at its quote, or
    /// at its first character.
    pub fn byte_of(&self, node: Node<'_>, bytes: &[u8]) -> Option<usize> {
        match self.file {
            ManifestFile::Yaml => yaml::byte_of(bytes, node.position()),
            ManifestFile::Json => node.position().byte_in(bytes),
        }
    }

    /// The canonical JSON of the whole manifest.
    ///
    /// # Errors
    /// `manifest_not_canonical` for a value that has no canonical form.
    pub fn canonical(&self) -> Result<Vec<u8>> {
        canonical::canonical(self.root()).map_err(|error| refusal(self.file, &error))
    }

    /// As [`Document::canonical`], without the top-level key `key`.
    ///
    /// # Errors
    /// As [`Document::canonical`].
    pub fn canonical_without(&self, key: &str) -> Result<Vec<u8>> {
        let mut output = String::new();
        let kept = |name: &Text| name != key;
        canonical::write(self.root(), kept, &mut output).map_err(|error| refusal(self.file, &error))?;
        Ok(output.into_bytes())
    }

    /// The bytes whose SHA-256 is signed: canonical JSON of the Python files and of the manifest without
    /// its top-level keys `signature` and `trust`.
    ///
    /// # Errors
    /// `manifest_not_canonical` for a value that has no canonical form.
    pub fn signed_payload(&self, python: &PythonFiles) -> Result<Vec<u8>> {
        let root = self.root();
        if !matches!(root.value(), Value::Mapping(_)) {
            let message = format!("the manifest is {}, and only a mapping can be signed", root.value().kind());
            let location = Location::new(self.file.name(), root.position());
            return Err(Fault::new(Reason::ManifestNotCanonical, message).at(location).hint("write an object"));
        }
        let mut output = String::with_capacity(1024 + 90 * python.len());
        python.write(&mut output);
        canonical::write(root, |key| UNSIGNED_KEYS.iter().all(|unsigned| key != *unsigned), &mut output)
            .map_err(|error| refusal(self.file, &error))?;
        output.push('}');
        Ok(output.into_bytes())
    }
}

/// How every text begins that a plugin's signature is over: members are in order, and so the files come first.
pub const PAYLOAD_START: &str = "{\"files\":{";

/// Top-level keys that are left out of what is signed.
pub const UNSIGNED_KEYS: [&str; 2] = ["signature", "trust"];

/// The Python files of a plugin: every name that ends in `.py`, with the digest of its bytes.
#[derive(Default, Clone, Debug, PartialEq, Eq)]
pub struct PythonFiles(BTreeMap<Text, FileDigest>);

impl PythonFiles {
    /// Adds a file by its path relative to the plugin, with `/` between components.
    pub fn insert(&mut self, path: Text, digest: FileDigest) -> Option<FileDigest> {
        self.0.insert(path, digest)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files in code point order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &FileDigest)> {
        self.0.iter()
    }

    /// Writes the payload up to the manifest.
    fn write(&self, output: &mut String) {
        output.push_str(PAYLOAD_START);
        for (index, (path, digest)) in self.iter().enumerate() {
            if index > 0 {
                output.push(',');
            }
            canonical::write_text(path, output);
            output.push_str(":\"");
            output.push_str(&digest.hex());
            output.push('"');
        }
        output.push_str("},\"manifest\":");
    }
}

impl FromIterator<(Text, FileDigest)> for PythonFiles {
    fn from_iter<I: IntoIterator<Item = (Text, FileDigest)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}
