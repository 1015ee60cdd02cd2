//! `Sbom`: what is shipped of a plugin, and what it says that it needs, as a CycloneDX 1.6 document.
//!
//! The files are those that `package` ships, from the same walk and under the same rules; the Python distributions are
//! those that lists of requirements, `pyproject.toml` and lock files name, and those that the plugin brings along. Nothing is
//! looked up anywhere: what a list does not say, the document does not.
//!
//! The bytes depend on the files alone, and on `SOURCE_DATE_EPOCH` where a time is asked for. The serial number is made of
//! them (RFC 9562, version 8), so that another document has another one and the same has the same.
//!
//! The form is written by the few types of `cyclonedx`: the library of the CycloneDX project ends at version 1.5 of it, and
//! the other crate of it is generated from the whole schema for forty members that are used here.

mod cyclonedx;
mod distribution;
mod gathered;
mod list;
mod locks;
mod project;
mod purl;
mod requirements;
mod vendored;

use std::path::Path;

use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{Limits, PluginDir, Secrets, default_threads};
use jiff::Timestamp;

pub use self::cyclonedx::Bom;
use self::cyclonedx::{
    Author, Component, Composition, Dependency, License, Metadata, NamedLicense, Property, SPEC_VERSION, Tools,
    WrittenHash,
};
use self::distribution::{Distribution, Hash, Name};
use self::gathered::{Facts, Gathered};
use self::purl::{Purl, PurlType};
use crate::publication::read_manifest;
use crate::redact::{holds_credentials, holds_secret};

/// What the statement of an attestation calls it (in-toto).
pub const SBOM_PREDICATE_TYPE: &str = "https://cyclonedx.org/bom";

/// A list that was not read, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadList {
    /// The file, by its path in the plugin.
    pub path: RelPath,
    /// Why, of each part that was not read.
    pub notes: Vec<String>,
}

/// The document, and what is not in it.
#[derive(Debug)]
pub struct Sbom {
    /// The document.
    pub bom: Bom,
    /// Lists of which it does not have everything, by their paths. The document says the same.
    pub unread: Vec<UnreadList>,
}

impl Sbom {
    /// Of an author's directory, signed or not, as it would be packed.
    ///
    /// # Errors
    /// What cannot be packed: `forbidden_entry`, `manifest_*`, I/O reasons; and `forbidden_entry` where the document would
    /// hold a secret.
    pub fn of_directory(directory: &Path, limits: &Limits, time: Option<u64>) -> Result<Self> {
        // Of contents nothing is told but hashes; whoever packs the plugin looks for secrets in them.
        let plugin = PluginDir::open_knowing(directory, &Secrets::Unsearched, default_threads(), limits)?;
        let manifest = read_manifest(&plugin)?;
        Self::of(&plugin, &manifest, time)
    }

    /// Of what was read; `time`, in seconds since 1970, is when the document says that it was made.
    pub(crate) fn of(plugin: &PluginDir, manifest: &Manifest, time: Option<u64>) -> Result<Self> {
        let gathered = Gathered::of(plugin)?;
        let root = root(plugin, manifest)?;
        let root_ref = root.bom_ref.clone().unwrap_or_default();
        let mut components = files(plugin, &gathered)?;
        let (mut direct, mut libraries) = (Vec::new(), Vec::new());
        for ((name, version), facts) in &gathered.distributions {
            let library = library(name, version.as_deref(), facts)?;
            direct.extend(library.bom_ref.clone().filter(|_| facts.is_direct));
            libraries.push(library);
        }
        components.append(&mut libraries);
        let mut bom = Bom {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            bom_format: "CycloneDX",
            spec_version: SPEC_VERSION,
            serial_number: None,
            version: 1,
            metadata: Metadata { timestamp: time.map(instant).transpose()?, tools: tools(), component: root },
            components,
            dependencies: vec![Dependency { of: root_ref.clone(), depends_on: direct }],
            compositions: compositions(root_ref, &gathered),
        };
        bom.serial_number = Some(serial_number(&bom)?);
        let unread = gathered.unread.into_iter().map(|(path, notes)| UnreadList { path, notes }).collect();
        Ok(Self { bom, unread })
    }
}

/// The package URL of a plugin, which no index has.
pub(crate) fn plugin_purl(manifest: &Manifest) -> String {
    Purl { kind: PurlType::Generic, name: manifest.id.as_str(), version: Some(&manifest.version) }.to_string()
}

/// The plugin itself.
fn root(plugin: &PluginDir, manifest: &Manifest) -> Result<Component> {
    let file = Path::new(plugin.manifest_file().name());
    let public = |text: &str| public(text, file);
    let (name, version) = (public(manifest.id.as_str())?, public(&manifest.version)?);
    let purl = plugin_purl(manifest);
    let author = manifest.author.as_deref().map(public).transpose()?.map(|name| Author { name });
    let license = manifest.license.as_deref().map(public).transpose()?.map(license);
    Ok(Component {
        kind: "application",
        bom_ref: Some(purl.clone()),
        authors: author.into_iter().collect(),
        version: Some(version),
        licenses: license.into_iter().collect(),
        purl: Some(purl),
        properties: vec![
            Property { name: "aisoc:plugin_type", value: manifest.plugin_type.to_string() },
            Property { name: "aisoc:tree", value: plugin.files().tree_digest().to_string() },
        ],
        name,
        ..Component::default()
    })
}

/// What SPDX knows is an expression of it; everything else is a name.
fn license(text: String) -> License {
    match spdx::Expression::parse(&text) {
        Ok(_) => License::Expression(text),
        Err(_) => License::License(NamedLicense { name: text }),
    }
}

/// Every file that is shipped, and of lists what was not understood.
fn files(plugin: &PluginDir, gathered: &Gathered) -> Result<Vec<Component>> {
    let file = |path: &RelPath, digits: String| {
        if holds_secret(path.as_str()) {
            return Err(secret(&plugin.root().join(path.as_str())));
        }
        let notes = gathered.unread.get(path).into_iter().flatten();
        let property =
            |note: &String| Ok(Property { name: "aisoc:unread", value: public(note, Path::new(path.as_str()))? });
        Ok(Component {
            kind: "file",
            bom_ref: Some(format!("file:{path}")),
            name: path.to_string(),
            hashes: vec![written(&Hash::sha256(digits))],
            properties: notes.map(property).collect::<Result<_>>()?,
            ..Component::default()
        })
    };
    plugin.files().iter().map(|(path, entry)| file(path, entry.digest.hex().to_string())).collect()
}

/// A Python distribution.
fn library(name: &Name, version: Option<&str>, facts: &Facts) -> Result<Component> {
    let list = facts.named_by.first().map(RelPath::as_str).unwrap_or_default();
    let public = |text: &str| public(text, Path::new(list));
    let version = version.map(public).transpose()?;
    let purl = Distribution::purl(name, version.as_deref());
    let requirements = facts.requirements.iter().map(|text| public(text)).collect::<Result<Vec<_>>>()?;
    let named = |value| move |text| Property { name: value, value: text };
    // One archive has one hash. Of several any may be the one that is installed, which `hashes` cannot say.
    let (hashes, archives) = match facts.hashes.len() {
        1 => (facts.hashes.iter().map(written).collect(), Vec::new()),
        _ => (Vec::new(), facts.hashes.iter().map(archive).collect()),
    };
    let named_by = facts.named_by.iter().map(ToString::to_string).map(named("aisoc:named_by"));
    let properties = named_by.chain(requirements.into_iter().map(named("aisoc:requirement"))).chain(archives).collect();
    Ok(Component {
        kind: "library",
        bom_ref: Some(purl.clone()),
        name: name.as_str().to_owned(),
        version,
        hashes,
        purl: Some(purl),
        properties,
        ..Component::default()
    })
}

fn written(hash: &Hash) -> WrittenHash {
    WrittenHash { alg: hash.algorithm.as_str(), content: hash.digits.clone() }
}

fn archive(hash: &Hash) -> Property {
    Property { name: "aisoc:archive", value: format!("{}:{}", hash.algorithm.as_str(), hash.digits) }
}

fn tools() -> Tools {
    let (name, version) = ("aisoc".to_owned(), Some(env!("CARGO_PKG_VERSION").to_owned()));
    Tools { components: vec![Component { kind: "application", name, version, ..Component::default() }] }
}

/// All files are there. Of dependencies nobody knows here what these need in turn.
fn compositions(root: String, gathered: &Gathered) -> Vec<Composition> {
    let dependencies = if gathered.is_whole() { "unknown" } else { "incomplete" };
    vec![
        Composition { aggregate: "complete", assemblies: vec![root.clone()], dependencies: Vec::new() },
        Composition { aggregate: dependencies, assemblies: Vec::new(), dependencies: vec![root] },
    ]
}

fn instant(seconds: u64) -> Result<String> {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let none =
        || Fault::new(Reason::Usage, format!("{seconds} seconds since 1970 is no time that a document can have"));
    timestamp.map(|timestamp| timestamp.to_string()).ok_or_else(none)
}

/// A UUID of the document without it.
fn serial_number(bom: &Bom) -> Result<String> {
    let unwritten = |error| Fault::new(Reason::Internal, "a bill of materials cannot be written").caused_by(error);
    let digest = FileDigest::of(&serde_json::to_vec(bom).map_err(unwritten)?);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = aisoc_manifests::digest::hex(&bytes);
    let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
    Ok(format!("urn:uuid:{}", groups.join("-")))
}

/// What somebody has written, if everybody may read it.
fn public(text: &str, file: &Path) -> Result<String> {
    if holds_credentials(text) { Err(secret(file)) } else { Ok(text.to_owned()) }
}

fn secret(file: &Path) -> Fault {
    let message = format!("`{}` would put a secret into the SBOM, which is public", file.display());
    Fault::new(Reason::ForbiddenEntry, message)
        .hint("take it out of there; addresses with a login belong into pip's own configuration, its keyring or .netrc")
}
