//! `Manifest`: the fields without which the host loads nothing, and those that people are shown.

use std::collections::BTreeSet;

use super::document::Document;
use super::file::ManifestFile;
use super::kind::PluginType;
use crate::capability::is_grant;
use crate::fault::{Fault, Location, Reason, Result};
use crate::id::PluginId;
use crate::reader::canonical;
use crate::reader::value::{Node, Value};

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
        let fields = Fields { root: document.root(), file: document.file() };
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

impl Manifest {
    /// What the plugin asks to be allowed, known to a host or not, each once and in the order of their names.
    pub fn grants(&self) -> BTreeSet<String> {
        self.capabilities.iter().filter(|entry| is_grant(entry)).cloned().collect()
    }
}

/// The keys of a manifest that name what a plugin needs beside itself: other plugins, packages, a host, a runtime.
pub(super) const REQUIREMENTS: [&str; 8] = [
    "depends_on",
    "dependencies",
    "requires",
    "requires_stigmem",
    "min_aisoc_version",
    "python_requires",
    "runtime",
    "oci_image",
];

/// What a manifest says that the plugin needs beside itself, each as `key: value`, whatever a reader makes of it. Shown,
/// and compared with what another version needs; nothing is decided by it.
pub fn requirements(document: &Document) -> BTreeSet<String> {
    let root = document.root();
    let named = REQUIREMENTS.into_iter().filter_map(|key| Some((key, root.get(key)?)));
    let stated = named.flat_map(|(key, node)| {
        let (items, whole) = match node.value() {
            Value::List(_) => (node.items().map(text_of).collect(), None),
            _ => (Vec::new(), Some(text_of(node))),
        };
        items.into_iter().chain(whole).map(move |text| format!("{key}: {text}"))
    });
    stated.collect()
}

/// A text as it is, anything else in its canonical form.
fn text_of(node: Node<'_>) -> String {
    match node.value() {
        Value::Text(text) => text.to_string(),
        other => match canonical::canonical(node) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(_) => other.kind().to_owned(),
        },
    }
}

/// The four fields without which the host loads nothing.
pub(super) const REQUIRED_FIELDS: [&str; 4] = ["id", "name", "version", "plugin_type"];

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
        self.root.get(name).map(text_of).unwrap_or_default()
    }
}

/// Whether Python takes the value for true: not null, false, zero or empty.
pub(super) fn is_truthy(node: Node<'_>) -> bool {
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
