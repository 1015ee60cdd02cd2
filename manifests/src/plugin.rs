//! The plugin manifest: read as the host reads it, signed as the host signs it, checked more strictly.

mod core_schema;
mod refusal;
mod strict;
mod validate;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use validate::{Problem, Profile, ambiguities, validate};

use refusal::refusal;

use crate::digest::Digest;
use crate::fault::{Fault, Location, Reason, Result};
use crate::id::PluginId;

use crate::position::Position;
use crate::reader::value::{Node, Text, Tree, Value};
use crate::reader::{canonical, json, yaml};
use crate::text::shown;

/// Larger manifests are refused before they are read.
pub const MAX_MANIFEST_BYTES: usize = 1 << 20;

/// The two files that can be a plugin's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestFile {
    /// plugin.yaml, which counts whenever it exists, even when it is broken.
    Yaml,
    /// aisoc-plugin.json, which counts only in the absence of plugin.yaml.
    Json,
}

impl ManifestFile {
    /// Both, in the order in which they count.
    pub const ALL: [Self; 2] = [Self::Yaml, Self::Json];

    /// The name inside the plugin directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "plugin.yaml",
            Self::Json => "aisoc-plugin.json",
        }
    }

    /// The file that counts, given which names exist.
    pub fn find(has: impl Fn(&str) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|file| has(file.name()))
    }
}

impl fmt::Display for ManifestFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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

/// Top-level keys that are left out of what is signed.
pub const UNSIGNED_KEYS: [&str; 2] = ["signature", "trust"];

/// The Python files of a plugin: every name that ends in `.py`, with the digest of its bytes.
#[derive(Default, Clone, Debug, PartialEq, Eq)]
pub struct PythonFiles(BTreeMap<Text, Digest>);

impl PythonFiles {
    /// Adds a file by its path relative to the plugin, with `/` between components.
    pub fn insert(&mut self, path: Text, digest: Digest) -> Option<Digest> {
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
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &Digest)> {
        self.0.iter()
    }

    /// Writes the payload up to the manifest.
    fn write(&self, output: &mut String) {
        output.push_str("{\"files\":{");
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

impl FromIterator<(Text, Digest)> for PythonFiles {
    fn from_iter<I: IntoIterator<Item = (Text, Digest)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PluginType {
    /// Acts on other systems.
    Action,
    /// Brings alerts in.
    Connector,
    /// Brings detection rules.
    Detection,
    /// Adds context to alerts.
    Enricher,
    /// Responds to incidents.
    Responder,
    /// Shows something.
    Widget,
}

impl PluginType {
    /// All six.
    pub const ALL: [Self; 6] =
        [Self::Action, Self::Connector, Self::Detection, Self::Enricher, Self::Responder, Self::Widget];

    /// The word in the manifest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Connector => "connector",
            Self::Detection => "detection",
            Self::Enricher => "enricher",
            Self::Responder => "responder",
            Self::Widget => "widget",
        }
    }
}

impl fmt::Display for PluginType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for PluginType {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Fault::new(Reason::InvalidPluginType, format!("`{}` is not a plugin type", shown(text, 80))))
    }
}

/// What the host demands of a manifest before it looks at the signature, and the fields that are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The identity.
    pub id: PluginId,
    /// The name for people.
    pub name: String,
    /// The version; a number, as the host accepts it, is shown as its canonical text.
    pub version: String,
    /// What the plugin does.
    pub plugin_type: PluginType,
    /// One sentence or more.
    pub description: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// The licence, as an SPDX expression.
    pub license: Option<String>,
    /// Where to read more.
    pub homepage: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Capabilities of the host, and connector tags.
    pub capabilities: Vec<String>,
    /// The file that holds the code.
    pub entry_point: Option<String>,
    /// What runs the code.
    pub runtime: Option<String>,
    /// The oldest host that can load it.
    pub min_aisoc_version: Option<String>,
}

impl Manifest {
    /// Reads the fields. Optional fields of another type than text are taken as absent.
    ///
    /// # Errors
    /// `manifest_field_missing`, `invalid_plugin_id` or `invalid_plugin_type`, as the host's manager would
    /// refuse; `field_type` for an id that is not text, which the host would read in its own way.
    pub fn from_document(document: &Document) -> Result<Self> {
        let fields = Fields { root: document.root(), file: document.file };
        fields.require()?;
        let id = fields.required_text("id")?;
        let plugin_type = fields.required_text("plugin_type")?;
        Ok(Self {
            id: id.0.parse().map_err(|fault: Fault| fault.at(fields.location(id.1)))?,
            name: fields.shown("name"),
            version: fields.shown("version"),
            plugin_type: plugin_type.0.parse().map_err(|fault: Fault| fault.at(fields.location(plugin_type.1)))?,
            description: fields.text("description"),
            author: fields.text("author"),
            license: fields.text("license"),
            homepage: fields.text("homepage"),
            tags: fields.texts("tags"),
            capabilities: fields.texts("capabilities"),
            entry_point: fields.text("entry_point"),
            runtime: fields.text("runtime"),
            min_aisoc_version: fields.text("min_aisoc_version"),
        })
    }
}

/// The four fields without which the host loads nothing.
const REQUIRED_FIELDS: [&str; 4] = ["id", "name", "version", "plugin_type"];

struct Fields<'document> {
    root: Node<'document>,
    file: ManifestFile,
}

impl<'document> Fields<'document> {
    fn location(&self, node: Node<'_>) -> Location {
        Location::new(self.file.name(), node.position())
    }

    fn require(&self) -> Result<()> {
        let is_missing = |name: &&str| !self.root.get(name).is_some_and(is_truthy);
        let missing: Vec<_> = REQUIRED_FIELDS.into_iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("the manifest has no {}", missing.join(", "));
        Err(Fault::new(Reason::ManifestFieldMissing, message).at(self.location(self.root)))
    }

    fn required_text(&self, name: &str) -> Result<(&'document str, Node<'document>)> {
        let node = self.root.get(name).unwrap_or(self.root);
        let text = node.as_str().ok_or_else(|| {
            let message = format!("`{name}` is {}, not text", node.value().kind());
            Fault::new(Reason::FieldType, message).at(self.location(node)).hint("put the value in quotes")
        })?;
        Ok((text, node))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.root.get(name)?.as_str().map(str::to_owned)
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let items = self.root.get(name).into_iter().flat_map(Node::items);
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    fn shown(&self, name: &str) -> String {
        let Some(node) = self.root.get(name) else { return String::new() };
        match node.value() {
            Value::Text(text) => text.to_string(),
            other => match canonical::canonical(node) {
                Ok(text) => String::from_utf8_lossy(&text).into_owned(),
                Err(_) => other.kind().to_owned(),
            },
        }
    }
}

/// Whether Python takes the value for true: not null, false, zero or empty.
fn is_truthy(node: Node<'_>) -> bool {
    match node.value() {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Integer(value) => value.to_string() != "0",
        Value::Float(value) => *value != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Mapping(members) => !members.is_empty(),
        Value::Unprintable | Value::Date | Value::Bytes | Value::Set => true,
    }
}
