//! Which plugins there are of some words: on a site, and in publishing indexes.

use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, read_small, shell_word};
use aisoc_installation::{InstalledPlugin, Site, escaped};
use aisoc_manifests::capability::is_grant;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::{Manifest, PluginType};
use aisoc_manifests::reference::Reference;
use serde::Deserialize;

use crate::bench::Bench;
use crate::documents::{FoundPlugin, FoundPlugins, Objection, SCHEMA_VERSION};

/// Largest index that is read: one of 1,000 plugins takes a tenth of it.
const MAX_INDEX_BYTES: u64 = 16 << 20;
/// Most words of one search: each is looked for in every plugin.
pub const MAX_SEARCH_WORDS: usize = 32;

/// The plugins of which every word says something, whatever its case: those on the site, and those of the indexes. No word
/// is about all of them. What an index says is what whoever has made the file says: nobody has verified it.
///
/// # Errors
/// `usage` for too many words; I/O reasons of the site and of an index, and `index_invalid` for a file that is none.
pub fn search(words: &[String], site: &Site, indexes: &[PathBuf]) -> Result<FoundPlugins> {
    if words.len() > MAX_SEARCH_WORDS {
        return Err(Fault::new(Reason::Usage, "these are more words than a search has")
            .expected(format!("{MAX_SEARCH_WORDS} at most"), words.len().to_string()));
    }
    let mut plugins = on_site(site)?;
    let installed: Vec<(String, String)> =
        plugins.iter().filter_map(|plugin| Some((plugin.id.clone(), plugin.version.clone()?))).collect();
    for index in indexes {
        let offered = read_index(index)?;
        plugins.extend(offered.into_iter().map(|plugin| {
            let here = installed.iter().find(|(id, _)| *id == plugin.id);
            FoundPlugin { installed_version: here.map(|(_, version)| version.clone()), ..plugin }
        }));
    }
    let words: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    plugins.retain(|plugin| is_about(plugin, &words));
    plugins.sort_by(|one, other| {
        (&one.id, &one.version, &one.found_in).cmp(&(&other.id, &other.version, &other.found_in))
    });
    Ok(FoundPlugins {
        plugins_directory: escaped(site.path().as_os_str()),
        indexes: indexes.iter().map(|index| escaped(index.as_os_str())).collect(),
        plugins,
    })
}

/// Whether each of these words, in small letters, stands in something that is said of it.
fn is_about(plugin: &FoundPlugin, words: &[String]) -> bool {
    let FoundPlugin { id, plugin_type, name, description, author, tags, capabilities, .. } = plugin;
    let texts = [Some(id), plugin_type.as_ref(), name.as_ref(), description.as_ref(), author.as_ref()];
    let texts = texts.into_iter().flatten().chain(tags).chain(capabilities);
    let said: Vec<String> = texts.map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| said.iter().any(|text| text.contains(word)))
}

fn on_site(site: &Site) -> Result<Vec<FoundPlugin>> {
    let observed = site.observe()?;
    let directories = observed.directories();
    let plugins = directories.iter().filter_map(|directory| observed.read(directory));
    Ok(plugins.map(|plugin| installed(&plugin)).collect())
}

/// What the manifest in its place says. Where nobody can read that, it is there by the name of its directory.
fn installed(plugin: &InstalledPlugin) -> FoundPlugin {
    let found_in = escaped(plugin.path.as_os_str());
    match Bench::open(&plugin.path).and_then(|bench| bench.manifest()) {
        Ok(manifest) => {
            let version = manifest.version.clone();
            FoundPlugin { installed_version: Some(version), ..of_manifest(manifest, found_in) }
        }
        Err(fault) => FoundPlugin {
            id: escaped(&plugin.directory),
            found_in,
            objection: Some(Objection::from(&fault)),
            ..FoundPlugin::default()
        },
    }
}

fn of_manifest(manifest: Manifest, found_in: String) -> FoundPlugin {
    FoundPlugin {
        id: manifest.id.to_string(),
        plugin_type: Some(manifest.plugin_type.as_str().to_owned()),
        name: Some(manifest.name),
        description: manifest.description,
        author: manifest.author,
        version: Some(manifest.version),
        tags: manifest.tags,
        capabilities: manifest.capabilities.into_iter().filter(|entry| is_grant(entry)).collect(),
        found_in,
        ..FoundPlugin::default()
    }
}

/// An index as `plugin index` prints it, with or without `--json`. A member that is not known is of a newer aisoc.
#[derive(Deserialize)]
struct Index {
    schema_version: Option<u32>,
    plugins: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(rename = "type")]
    plugin_type: String,
    name: String,
    description: Option<String>,
    author: Option<String>,
    version: String,
    #[serde(default)]
    tags: Vec<String>,
    reference: Option<String>,
    signing_key_fingerprint: Option<String>,
    #[serde(default)]
    capabilities: Vec<String>,
}

fn read_index(path: &Path) -> Result<Vec<FoundPlugin>> {
    let shown = escaped(path.as_os_str());
    let none = |why: String| Fault::new(Reason::IndexInvalid, format!("`{shown}` is no publishing index: {why}"));
    let content = match read_small(path, MAX_INDEX_BYTES, Links::Followed) {
        Ok(file) => file.content,
        Err(SmallFileError::Io(error)) => return Err(Fault::io("read", path, error)),
        Err(SmallFileError::NotAFile) => return Err(none("it is no regular file".to_owned())),
        Err(SmallFileError::TooLarge { bytes, .. }) => {
            let found = bytes.map_or("more".to_owned(), |bytes| format!("{bytes} bytes"));
            return Err(none("it is too large".to_owned()).expected(format!("at most {MAX_INDEX_BYTES} bytes"), found));
        }
    };
    let index: Index = serde_json::from_slice(&content).map_err(|error| none(error.to_string()))?;
    if let Some(version) = index.schema_version.filter(|version| *version != SCHEMA_VERSION) {
        let fault = none("it is of another form".to_owned());
        return Err(fault.expected(format!("schema_version {SCHEMA_VERSION}"), version.to_string()));
    }
    let offered =
        index.plugins.into_iter().enumerate().map(|(place, entry)| {
            offered(entry, &shown).map_err(|why| none(format!("its plugin {}: {why}", place + 1)))
        });
    offered.collect()
}

/// One plugin of an index. The command that installs it is made here: what a file says is a command is none to be printed.
fn offered(entry: Entry, found_in: &str) -> std::result::Result<FoundPlugin, Fault> {
    let id: PluginId = entry.id.parse()?;
    let plugin_type: PluginType = entry.plugin_type.parse()?;
    let reference = entry.reference.as_deref().map(pinned).transpose()?;
    Ok(FoundPlugin {
        id: id.to_string(),
        plugin_type: Some(plugin_type.as_str().to_owned()),
        name: Some(entry.name),
        description: entry.description,
        author: entry.author,
        version: Some(entry.version),
        tags: entry.tags,
        capabilities: entry.capabilities,
        found_in: found_in.to_owned(),
        install: reference.as_ref().map(|reference| format!("aisoc plugin install {}", shell_word(reference))),
        reference,
        signing_key_fingerprint: entry.signing_key_fingerprint,
        ..FoundPlugin::default()
    })
}

/// Exactly one artifact of a registry: what a tag means may change, and a path is one of another machine.
fn pinned(reference: &str) -> Result<String> {
    let parsed: Reference = reference.parse()?;
    match &parsed {
        Reference::Registry(registry) if registry.digest().is_some() => Ok(parsed.to_string()),
        _ => Err(Fault::new(Reason::UnpinnedReference, format!("`{reference}` names no digest in a registry"))),
    }
}
