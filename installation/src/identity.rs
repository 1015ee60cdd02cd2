//! Which plugin a directory is: the one that its manifest states, and no other by its name.
//!
//! An install puts `ID` into the directory `ID`. What somebody placed by hand may stand under another
//! name, provided that nobody can take the name for another plugin, or the plugin for another directory.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aisoc_files::{Links, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::{Document, Manifest, ManifestFile, stated_grants};
use aisoc_packaging::Limits;

use crate::names::{escaped, folded, look};

/// Places that are named of an id that stands in many.
const SHOWN_PLACES: usize = 5;

/// The id that a manifest states, whatever else is wrong with it.
///
/// # Errors
/// Those of [`Manifest::from_document`] when it states none.
pub fn stated_id(document: &Document) -> Result<PluginId> {
    let text = document.root().get("id").and_then(|id| id.as_str());
    match text.and_then(|text| text.parse().ok()) {
        Some(id) => Ok(id),
        None => Manifest::from_document(document).map(|manifest| manifest.id),
    }
}

/// The id that the manifest in a directory states; `None` when it cannot be read.
pub fn manifest_id(plugin: &Path) -> Option<PluginId> {
    stated_id(&manifest(plugin)?).ok()
}

/// The version that the manifest in a directory states; `None` when it cannot be read.
pub(crate) fn manifest_version(plugin: &Path) -> Option<String> {
    Manifest::from_document(&manifest(plugin)?).ok().map(|manifest| manifest.version)
}

/// What the manifest in a directory asks to be allowed ([`stated_grants`]); `None` when it cannot be read.
pub(crate) fn manifest_grants(plugin: &Path) -> Option<BTreeSet<String>> {
    stated_grants(&manifest(plugin)?).ok()
}

fn manifest(plugin: &Path) -> Option<Document> {
    let file = ManifestFile::find(|name| plugin.join(name).is_file())?;
    // Through a link, which the host follows; what it leads to is refused later, under its id.
    let manifest = read_small(&plugin.join(file.name()), Limits::default().max_manifest_bytes, Links::Followed).ok()?;
    Document::read(file, &manifest.content).ok()
}

/// Why a directory cannot be taken for the plugin that its manifest states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConflict {
    what: String,
    expected: String,
    found: String,
}

impl IdentityConflict {
    /// The refusal, `identity_ambiguous`.
    pub fn fault(&self) -> Fault {
        Fault::new(Reason::IdentityAmbiguous, self.what.clone()).expected(self.expected.clone(), self.found.clone())
    }
}

/// A plugin in its place, as far as its identity goes.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The directory's name.
    pub directory: OsString,
    /// Where it is.
    pub path: PathBuf,
    /// The id that a record or its manifest states; nothing when neither can be read.
    pub id: Option<PluginId>,
}

/// Why the identity of each plugin cannot be relied on, seen beside all others; nothing when it can.
pub fn identity_conflicts(placed: &[Placed]) -> Vec<Option<IdentityConflict>> {
    let neighbours = Neighbours::of(placed);
    placed.iter().map(|plugin| neighbours.conflict(plugin)).collect()
}

/// All plugins of a directory, by what they could be taken for.
struct Neighbours<'a> {
    by_id: HashMap<String, Vec<&'a Placed>>,
    by_look: HashMap<String, Vec<&'a Placed>>,
}

impl<'a> Neighbours<'a> {
    fn of(placed: &'a [Placed]) -> Self {
        let mut neighbours = Self { by_id: HashMap::new(), by_look: HashMap::new() };
        for plugin in placed {
            let id = plugin.id.as_ref().map(PluginId::as_str);
            if let Some(id) = id {
                neighbours.by_id.entry(folded(id)).or_default().push(plugin);
            }
            for name in id.into_iter().chain(plugin.directory.to_str()) {
                neighbours.by_look.entry(look(name)).or_default().push(plugin);
            }
        }
        neighbours
    }

    fn conflict(&self, plugin: &Placed) -> Option<IdentityConflict> {
        let id = plugin.id.as_ref()?;
        match self.by_id.get(&folded(id.as_str())) {
            Some(twins) if twins.len() > 1 => Some(twice(twins)),
            _ if plugin.directory == OsStr::new(id.as_str()) => None,
            _ => self.name_conflict(&plugin.directory, id),
        }
    }

    /// The rule for a directory that is not named as its plugin.
    fn name_conflict(&self, directory: &OsStr, id: &PluginId) -> Option<IdentityConflict> {
        let shown = escaped(directory);
        let refuse = |what: String| {
            Some(IdentityConflict {
                what: format!("the directory `{shown}` {what}"),
                expected: format!("the name `{id}`, as its manifest states"),
                found: format!("the name `{shown}`"),
            })
        };
        let Some(name) = directory.to_str().filter(|name| name.parse::<PluginId>().is_ok()) else {
            return refuse("has a name that no plugin can have".to_owned());
        };
        let alike = self.by_look.get(&look(name))?.iter().find(|other| other.directory != directory)?;
        let other = escaped(&alike.directory);
        match &alike.id {
            Some(other_id) => refuse(format!("is named like the plugin `{other_id}` in `{other}`")),
            None => refuse(format!("is named like the directory `{other}`")),
        }
    }
}

fn twice(twins: &[&Placed]) -> IdentityConflict {
    let mut twins = twins.to_vec();
    twins.sort_by_key(|twin| &twin.path);
    let ids: Vec<&PluginId> = twins.iter().filter_map(|twin| twin.id.as_ref()).collect();
    let is_there = |twin: &Placed| twin.path.symlink_metadata().is_ok();
    let place = |twin: &&Placed| {
        let state = if is_there(twin) { "" } else { " (recorded, and not there)" };
        format!("`{}`{state}", escaped(twin.path.as_os_str()))
    };
    let places: Vec<String> = twins.iter().take(SHOWN_PLACES).map(place).collect();
    let rest = twins.len().saturating_sub(SHOWN_PLACES);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let what = match ids.windows(2).all(|pair| pair[0] == pair[1]) {
        true if !twins.iter().all(|twin| is_there(twin)) => format!("the plugin `{}` has more than one place", ids[0]),
        true => format!("the plugin `{}` is there more than once", ids[0]),
        false => {
            let ids: Vec<&str> = ids.iter().take(SHOWN_PLACES).map(|id| id.as_str()).collect();
            format!("the ids {} are one plugin to a host", ids.join(", "))
        }
    };
    IdentityConflict {
        what: format!("{what}: {}{more}", places.join(", ")),
        expected: "one directory".to_owned(),
        found: match twins.iter().filter(|twin| !is_there(twin)).count() {
            0 => format!("{} directories", twins.len()),
            gone => format!("{}, of which {gone} only recorded", twins.len()),
        },
    }
}
