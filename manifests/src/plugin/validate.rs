//! Every problem of a manifest at once, by the rules of one reader or of all of them together.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;

use super::document::Document;
use super::file::ManifestFile;
use super::kind::PluginType;
use super::manifest::{REQUIRED_FIELDS, REQUIREMENTS, is_truthy};
use super::problem::Problem;
use super::strict;
use crate::capability::{is_grant, nearest, require_known};
use crate::fault::{Fault, Location, Reason, Result};
use crate::id::PluginId;
use crate::path::RelPath;
use crate::position::Position;
use crate::reader::value::{Node, Value};
use crate::reader::yaml::{self, Kind};
use crate::text::shown;

/// The keys of a manifest that some reader knows: those of the schema for editors.
const KNOWN_KEYS: [&str; 18] = [
    "id",
    "name",
    "version",
    "plugin_type",
    "description",
    "author",
    "license",
    "homepage",
    "tier",
    "tags",
    "capabilities",
    "min_aisoc_version",
    "runtime",
    "entry_point",
    "config_schema",
    "integrity",
    "signature",
    "trust",
];
/// Most characters of a key that a message repeats.
const MAX_SHOWN_KEY: usize = 80;

/// Whose rules a manifest is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// What every known reader takes, and takes in the same way: for new plugins.
    #[default]
    Strict,
    /// The reference's command line.
    Cli,
    /// The host's plugin manager.
    Manager,
    /// The SDKs.
    Sdk,
    /// The builder of the marketplace.
    Marketplace,
}

impl Profile {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Strict, Self::Cli, Self::Manager, Self::Sdk, Self::Marketplace];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Cli => "cli",
            Self::Manager => "manager",
            Self::Sdk => "sdk",
            Self::Marketplace => "marketplace",
        }
    }

    fn required_fields(self) -> &'static [&'static str] {
        match self {
            Self::Strict | Self::Cli => &["id", "name", "version", "plugin_type", "description", "author"],
            Self::Manager | Self::Sdk => &REQUIRED_FIELDS,
            Self::Marketplace => &[],
        }
    }

    fn plugin_types(self) -> &'static [PluginType] {
        use PluginType::{Action, Connector, Detection, Enricher, Responder, Widget};
        match self {
            Self::Strict | Self::Manager => &PluginType::ALL,
            Self::Cli => &[Enricher, Connector, Responder, Detection, Widget],
            Self::Sdk => &[Enricher, Action, Connector],
            Self::Marketplace => &[],
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{}` is not a profile", shown(text, 80)))
                .hint("use one of strict, cli, manager, sdk, marketplace")
        })
    }
}

/// Every problem of a manifest, in the order of the file.
///
/// `has` says whether the plugin directory holds a regular file of that relative path or, when the path
/// ends in `/`, a directory.
pub fn validate(file: ManifestFile, bytes: &[u8], has: &dyn Fn(&str) -> bool, profile: Profile) -> Vec<Problem> {
    let mut problems = if profile == Profile::Strict { strict::problems(file, bytes) } else { Vec::new() };
    match Document::read(file, bytes) {
        Ok(document) => {
            let mut check = Check { document: &document, bytes, has, profile, problems, written: OnceCell::new() };
            check.all();
            problems = check.problems;
        }
        // The strict rules report it themselves.
        Err(_) if profile == Profile::Strict => {}
        Err(fault) => problems.push(fault.into()),
    }
    in_order(problems)
}

/// Every spot that two readers could read differently, whatever the fields mean: what must not be signed.
pub fn ambiguities(file: ManifestFile, bytes: &[u8]) -> Vec<Problem> {
    in_order(strict::problems(file, bytes))
}

/// What must not be signed, whatever the other fields mean: what [`ambiguities`] finds, an id that nobody can
/// install, and capabilities that no host can grant or that nobody can read.
pub fn unsignable(file: ManifestFile, bytes: &[u8]) -> Vec<Problem> {
    let mut problems = strict::problems(file, bytes);
    if let Ok(document) = Document::read(file, bytes) {
        problems.extend(uninstallable_id(&document));
        problems.extend(ungrantable(&document));
    }
    in_order(problems)
}

/// A key that no reader of manifests knows, and nearly one that they do. They pass over it without a word, and what it
/// was to say is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrangeKey {
    /// The key, as far as it is shown.
    pub found: String,
    /// The key that may have been meant.
    pub nearest: &'static str,
    /// Where it stands.
    pub location: Location,
}

/// The keys of a manifest that are nearly others; nothing of what cannot be read.
pub fn strange_keys(file: ManifestFile, bytes: &[u8]) -> Vec<StrangeKey> {
    let Ok(document) = Document::read(file, bytes) else { return Vec::new() };
    let strange = |key: Node<'_>| {
        let known = || KNOWN_KEYS.iter().chain(&REQUIREMENTS).copied();
        let found = key.as_str().filter(|key| known().all(|known| known != *key))?;
        let nearest = nearest(found, known().map(|known| (known, known)))?;
        let location = Location::new(document.file().name(), key.position());
        Some(StrangeKey { found: shown(found, MAX_SHOWN_KEY), nearest, location })
    };
    document.root().members().filter_map(|(key, _)| strange(key)).collect()
}

fn uninstallable_id(document: &Document) -> Option<Problem> {
    let node = document.root().get("id")?;
    let fault = PluginId::installable(node.as_str().filter(|id| !id.is_empty())?).err()?;
    Some(fault.at(Location::new(document.file().name(), node.position())).into())
}

/// What is asked for and no host knows, all of it at its first place, and what another reader may take for a grant
/// where this one reads none: each where it stands. An operator who is told that a plugin asks for nothing has to be
/// able to believe it.
fn ungrantable(document: &Document) -> Vec<Problem> {
    let Some(node) = document.root().get("capabilities") else { return Vec::new() };
    let at = |fault: Fault, node: Node<'_>| fault.at(Location::new(document.file().name(), node.position())).into();
    match node.value() {
        Value::Null => Vec::new(),
        Value::List(_) => {
            let no_texts = node.items().filter(|item| item.as_str().is_none());
            let no_texts = no_texts.map(|item| at(no_text(item), item));
            let unknown = |item: &Node<'_>| require_known(grant(*item)).is_err();
            let first = node.items().find(unknown);
            let fault = require_known(node.items().filter_map(grant)).err();
            first.zip(fault).map(|(item, fault)| at(fault, item)).into_iter().chain(no_texts).collect()
        }
        other => {
            let message = format!("`capabilities` is {}, not a list", other.kind());
            vec![at(Fault::new(Reason::FieldType, message).hint("write capabilities: [one, two]"), node)]
        }
    }
}

fn grant<'document>(item: Node<'document>) -> Option<&'document str> {
    item.as_str().filter(|entry| is_grant(entry))
}

fn no_text(item: Node<'_>) -> Fault {
    let message = format!("an entry of `capabilities` is {}, not text", item.value().kind());
    Fault::new(Reason::FieldType, message).hint("write the name of one capability, as text")
}

/// Refuses a manifest that asks for what no host can grant: a typing error, or a permission of a host that is not
/// there yet, which nobody has agreed to by then. What it asks for has to be a list of texts, if it is there.
///
/// # Errors
/// `unknown_capability`, which names all of them, or `field_type` for the first entry that is no text, and where it
/// stands.
pub fn require_known_capabilities(document: &Document) -> Result<()> {
    in_order(ungrantable(document)).into_iter().next().map_or(Ok(()), |problem| Err(problem.into()))
}

/// What a manifest asks to be allowed, known to a host or not: each once and in the order of their names.
///
/// # Errors
/// `field_type` where `capabilities` is no list of texts: another reader may find in it what this one does not.
pub fn stated_grants(document: &Document) -> Result<BTreeSet<String>> {
    let problems = ungrantable(document);
    match problems.into_iter().find(|problem| problem.reason == Reason::FieldType) {
        Some(problem) => Err(problem.into()),
        None => {
            let items = document.root().get("capabilities").into_iter().flat_map(Node::items);
            Ok(items.filter_map(grant).map(str::to_owned).collect())
        }
    }
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| (problem.location.line, problem.location.column));
    problems
}

/// The rules that are about fields.
struct Check<'a> {
    document: &'a Document,
    bytes: &'a [u8],
    has: &'a dyn Fn(&str) -> bool,
    profile: Profile,
    problems: Vec<Problem>,
    /// The scalars as they were written, before they became numbers or dates, by where they begin. Read
    /// once, and only for a problem: a list can hold a hundred thousand of them.
    written: OnceCell<HashMap<Position, String>>,
}

impl<'a> Check<'a> {
    fn all(&mut self) {
        let other = ManifestFile::Json.name();
        if self.profile == Profile::Strict && self.document.file() == ManifestFile::Yaml && (self.has)(other) {
            let message = format!("{other} stands beside plugin.yaml, and readers disagree on which one counts");
            self.add(Reason::ManifestAmbiguous, Position::START, message, format!("delete {other}"));
        }
        if !matches!(self.root().value(), Value::Mapping(_)) {
            // A JSON manifest can be anything; the strict rules have said so.
            if self.profile != Profile::Strict {
                let message = format!("the manifest is {}, not an object", self.root().value().kind());
                self.add(Reason::ManifestInvalid, self.root().position(), message, "write an object: { … }");
            }
            return;
        }
        self.required();
        self.id();
        self.version();
        self.plugin_type();
        self.tier();
        if matches!(self.profile, Profile::Strict | Profile::Cli) {
            self.types();
            self.runtime();
        }
        if self.profile == Profile::Strict {
            self.capabilities();
            self.lengths();
        }
        self.entry_point();
    }

    /// Texts that are shown on one line or in a list must fit there.
    fn lengths(&mut self) {
        for (name, most) in
            [("name", 256), ("author", 256), ("license", 256), ("homepage", 2048), ("description", 4096)]
        {
            let Some((text, position)) = self.text_field(name) else { continue };
            let length = text.chars().count();
            if length > most {
                let message = format!("`{name}` has {length} characters, more than {most}");
                self.add(Reason::FieldType, position, message, "shorten it; longer text belongs into README.md");
            }
        }
    }

    fn root(&self) -> Node<'a> {
        self.document.root()
    }

    fn add(&mut self, reason: Reason, position: Position, message: impl Into<String>, instead: impl Into<String>) {
        let location = Location::new(self.document.file().name(), position);
        self.problems.push(Problem { reason, location, message: message.into(), instead: Some(instead.into()) });
    }

    /// A field that is there and, where the profile asks for text, is text.
    fn text_field(&self, name: &str) -> Option<(&'a str, Position)> {
        let node = self.root().get(name)?;
        Some((node.as_str()?, node.position()))
    }

    /// The scalar that was written there.
    fn written(&self, position: Position) -> Option<&str> {
        let written = self.written.get_or_init(|| match self.document.file() {
            ManifestFile::Yaml => written_scalars(self.bytes),
            ManifestFile::Json => HashMap::new(),
        });
        written.get(&position).map(String::as_str)
    }

    /// How to write a value as text.
    fn quoted(&self, node: Node<'_>) -> String {
        match self.written(node.position()) {
            Some(written) => format!("write \"{}\" with quotes", shown(written, 80)),
            None => "write it as text, in quotes".to_owned(),
        }
    }

    fn required(&mut self) {
        let blank =
            |node: Node<'_>| self.profile != Profile::Manager && node.as_str().is_some_and(|s| s.trim().is_empty());
        let is_there = |name: &str| self.root().get(name).is_some_and(|node| is_truthy(node) && !blank(node));
        let missing: Vec<_> = self.profile.required_fields().iter().filter(|name| !is_there(name)).collect();
        for name in missing {
            let (position, what) = match self.root().get(name) {
                Some(node) => (node.position(), "is empty"),
                None => (self.root().position(), "is missing"),
            };
            let misnamed = *name == "plugin_type" && self.root().get("type").is_some();
            let instead = if misnamed { "rename `type` to `plugin_type`".to_owned() } else { example_of(name) };
            self.add(Reason::ManifestFieldMissing, position, format!("`{name}` {what}"), instead);
        }
    }

    /// Reports a field that is there but not text; gives it back when it is.
    fn checked_text(&mut self, name: &str) -> Option<(&'a str, Position)> {
        let node = self.root().get(name).filter(|node| is_truthy(*node))?;
        if node.as_str().is_none() {
            let message = format!("`{name}` is {}, not text", node.value().kind());
            let instead = self.quoted(node);
            self.add(Reason::FieldType, node.position(), message, instead);
        }
        self.text_field(name)
    }

    fn id(&mut self) {
        if self.profile == Profile::Marketplace {
            return;
        }
        let Some((id, position)) = self.checked_text("id") else { return };
        let is_cli_byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
        let (is_good, rule) = match self.profile {
            Profile::Strict => (
                id.parse::<PluginId>().is_ok_and(|id| id.is_portable()),
                "use 2 to 64 lower-case letters, digits, `-` and `_`, beginning with a letter or digit, and no device's name",
            ),
            Profile::Cli => (id.bytes().all(is_cli_byte), "use lower-case letters, digits, `-` and `_`"),
            Profile::Manager => (
                id.parse::<PluginId>().is_ok(),
                "use 2 to 64 letters, digits, `.`, `-` and `_`, beginning with a letter or digit",
            ),
            Profile::Sdk | Profile::Marketplace => (true, ""),
        };
        if !is_good && !id.is_empty() {
            self.add(Reason::InvalidPluginId, position, format!("`{}` is not a plugin id", shown(id, 80)), rule);
        }
    }

    fn version(&mut self) {
        let Some(node) = self.root().get("version").filter(|node| is_truthy(*node)) else { return };
        if matches!(self.profile, Profile::Manager | Profile::Marketplace) {
            return;
        }
        let Some(version) = node.as_str() else {
            let message = format!("`version` is {}, not text", node.value().kind());
            let instead = match self.written(node.position()) {
                Some(written) => {
                    format!("write it in quotes, with three numbers, for example \"{}\"", three_numbers(written))
                }
                None => "write a text such as \"1.2.0\"".to_owned(),
            };
            return self.add(Reason::InvalidVersion, node.position(), message, instead);
        };
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let has_leading_zero = |part: &str| part.len() > 1 && part.starts_with('0');
        let is_three_numbers = version.split('.').count() == 3 && version.split('.').all(is_number);
        let is_semantic = self.profile != Profile::Strict || !version.split('.').any(has_leading_zero);
        let is_required = matches!(self.profile, Profile::Strict | Profile::Cli);
        if is_required && !version.trim().is_empty() && !(is_three_numbers && is_semantic) {
            let message = format!("`{}` is not MAJOR.MINOR.PATCH", shown(version, 80));
            self.add(Reason::InvalidVersion, node.position(), message, "write three numbers, for example \"1.2.0\"");
        }
    }

    fn plugin_type(&mut self) {
        let allowed = self.profile.plugin_types();
        if allowed.is_empty() {
            return;
        }
        let Some((text, position)) = self.checked_text("plugin_type") else { return };
        let is_allowed = text.parse().is_ok_and(|kind| allowed.contains(&kind));
        if is_allowed || text.trim().is_empty() {
            return;
        }
        let instead = match nearest(text, allowed.iter().map(|kind| (*kind, kind.as_str()))) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of {}", allowed.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")),
        };
        self.add(Reason::InvalidPluginType, position, format!("`{}` is not a plugin type", shown(text, 80)), instead);
    }

    fn tier(&mut self) {
        if matches!(self.profile, Profile::Strict | Profile::Marketplace) {
            self.one_of("tier", &["stable", "beta", "community"]);
        }
    }

    /// Whether the host itself runs the code; in a container, the entry point is the container's matter.
    fn is_python(&self) -> bool {
        self.text_field("runtime").is_none_or(|(runtime, _)| runtime == "python")
    }

    fn runtime(&mut self) {
        self.one_of("runtime", &["python", "oci"]);
    }

    fn one_of(&mut self, name: &str, allowed: &[&str]) {
        let Some(node) = self.root().get(name) else { return };
        if !node.as_str().is_some_and(|text| allowed.contains(&text)) {
            let instead = format!("use one of {}", allowed.join(", "));
            self.add(Reason::FieldType, node.position(), format!("`{name}` has none of its known values"), instead);
        }
    }

    /// Fields whose type the command line checks.
    fn types(&mut self) {
        for name in ["name", "description", "author", "license", "homepage", "min_aisoc_version", "entry_point"] {
            self.checked_text(name);
        }
        self.list_of_texts("tags");
        if let Some(node) = self.root().get("config_schema")
            && !matches!(node.value(), Value::Mapping(_))
        {
            let message = format!("`config_schema` is {}, not a mapping", node.value().kind());
            self.add(
                Reason::FieldType,
                node.position(),
                message,
                "write a JSON Schema: config_schema: {type: object, …}",
            );
        }
    }

    fn list_of_texts(&mut self, name: &str) {
        let Some(node) = self.root().get(name) else { return };
        if !matches!(node.value(), Value::List(_)) {
            let message = format!("`{name}` is {}, not a list", node.value().kind());
            return self.add(Reason::FieldType, node.position(), message, format!("write {name}: [one, two]"));
        }
        for item in node.items().filter(|item| item.as_str().is_none()) {
            let message = format!("an entry of `{name}` is {}, not text", item.value().kind());
            let instead = self.quoted(item);
            self.add(Reason::FieldType, item.position(), message, instead);
        }
    }

    fn capabilities(&mut self) {
        if self.root().get("capabilities").is_some_and(|node| matches!(node.value(), Value::Null)) {
            self.list_of_texts("capabilities");
        }
        self.problems.extend(ungrantable(self.document));
    }

    fn entry_point(&mut self) {
        let declared = self.text_field("entry_point").filter(|(path, _)| !path.is_empty());
        let position = declared.map_or(self.root().position(), |(_, position)| position);
        if matches!(self.profile, Profile::Strict | Profile::Cli)
            && let Some((path, position)) = declared
        {
            if RelPath::parse(path.trim_end_matches('/')).is_err() {
                let message = format!("the entry point `{}` is not a path inside the plugin", shown(path, 80));
                return self.add(
                    Reason::EntryPointInvalid,
                    position,
                    message,
                    "name a file of the plugin, such as plugin.py",
                );
            }
            let is_directory = (self.has)(&format!("{}/", path.trim_end_matches('/')));
            if !is_directory && !(self.has)(path) {
                let message = format!("the entry point `{}` does not exist", shown(path, 80));
                self.add(Reason::EntryPointInvalid, position, message, "name a file that exists, such as plugin.py");
            } else if self.profile == Profile::Strict && self.is_python() && !is_directory && is_uncovered_code(path) {
                let message = format!("the entry point `{}` is code outside of the signed *.py files", shown(path, 80));
                self.add(Reason::EntryPointInvalid, position, message, "name a file that ends in .py");
            }
        }
        let needs_plugin_py = match self.profile {
            Profile::Strict | Profile::Manager => {
                declared.is_none_or(|(path, _)| path != "plugin.py") || self.profile == Profile::Manager
            }
            Profile::Cli => declared.is_none(),
            Profile::Sdk | Profile::Marketplace => false,
        };
        if needs_plugin_py && !(self.has)("plugin.py") {
            let message = "there is no plugin.py, which is the file that the host loads";
            self.add(Reason::EntryPointInvalid, position, message, "add plugin.py with a class named Plugin");
        }
    }
}

/// Every scalar of a YAML document by the place where it begins; none of one that cannot be read.
fn written_scalars(bytes: &[u8]) -> HashMap<Position, String> {
    let nodes = yaml::parse(bytes).map(|syntax| syntax.nodes).unwrap_or_default();
    // Backwards, so that the first of those at one place is what stays.
    let nodes = nodes.into_iter().rev();
    nodes
        .filter_map(|node| match node.kind {
            Kind::Scalar(text, _) => Some((node.position, text.to_string())),
            _ => None,
        })
        .collect()
}

fn example_of(field: &str) -> String {
    match field {
        "id" => "add a line such as id: my-plugin",
        "name" => "add a line such as name: My plugin",
        "version" => "add a line such as version: \"0.1.0\"",
        "plugin_type" => "add a line such as plugin_type: enricher",
        "description" => "add a line such as description: What the plugin does",
        _ => "add a line such as author: \"Your Name <you@example.com>\"",
    }
    .to_owned()
}

/// Whether a host could run a file that the signature's `*.py`, which is case-sensitive, passes over.
fn is_uncovered_code(path: &str) -> bool {
    const CODE: [&str; 12] = ["py", "pyw", "pyx", "pyc", "pyo", "pyd", "pyz", "so", "dll", "dylib", "exe", "sh"];
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        None => true,
        Some((_, "py")) => false,
        Some((_, suffix)) => CODE.contains(&suffix.to_ascii_lowercase().as_str()),
    }
}

/// A version of three numbers that begins as the written one does.
fn three_numbers(written: &str) -> String {
    let is_version =
        |text: &&str| text.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    match Some(written).filter(|text| is_version(text) && text.len() < 20) {
        Some(text) if text.split('.').count() == 1 => format!("{text}.0.0"),
        Some(text) if text.split('.').count() == 2 => format!("{text}.0"),
        Some(text) if text.split('.').count() == 3 => text.to_owned(),
        _ => "1.2.0".to_owned(),
    }
}
