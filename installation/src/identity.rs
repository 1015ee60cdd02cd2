//! Which plugin a directory is: the one that its manifest states, and no other by its name.
//!
//! An install puts `ID` into the directory `ID`. What somebody placed by hand may stand under another
//! name, provided that nobody can take the name for another plugin, or the plugin for another directory.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::{Document, Manifest};

use crate::installed::{InstalledPlugin, installed};

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

/// A directory's name as one line of text, from which the name can be had back: bytes that are no UTF-8
/// are `\xNN`, a backslash is `\\`, and what does not print is `\u{…}`.
pub fn escaped(name: &OsStr) -> String {
    let quoted = format!("{name:?}");
    quoted[1..quoted.len() - 1].replace("\\\"", "\"").replace("\\'", "'")
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
    /// As [`InstalledPlugin::id`].
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

/// Two names that are one to some file system, or that differ only in dots at the end, are one directory
/// there, and two that differ only in `-`, `_` and `.` are one module to the host: whoever is second
/// replaces the first.
pub(crate) fn folded(name: &str) -> String {
    aisoc_manifests::name::folded(name.trim_end_matches('.')).replace(['-', '.'], "_")
}

/// As [`folded`], letters that people take for each other being one too. For names of ids, which are
/// ASCII; no other name passes.
fn look(name: &str) -> String {
    let name = name.replace(['I', '1', '|'], "l").replace('0', "o");
    folded(&name).replace('i', "l").replace('m', "rn").replace('w', "vv")
}

/// Refuses to put `id` beside a plugin that is the same one to somebody: under the lock, so that nobody
/// puts one there meanwhile.
///
/// # Errors
/// `already_exists`, and I/O reasons.
pub(crate) fn refuse_second_spelling(plugins_dir: &Path, id: &PluginId) -> Result<()> {
    let same = |name: &str| folded(name) == folded(id.as_str());
    let is_second = |plugin: &InstalledPlugin| {
        plugin.directory != OsStr::new(id.as_str())
            && (plugin.directory.to_str().is_some_and(same) || plugin.id().is_some_and(|id| same(id.as_str())))
    };
    let Some(plugin) = installed(plugins_dir)?.into_iter().find(is_second) else { return Ok(()) };
    let shown = escaped(&plugin.directory);
    let fault = match plugin.id().filter(|id| plugin.directory != OsStr::new(id.as_str())) {
        Some(stated) => Fault::new(
            Reason::AlreadyExists,
            format!("the plugin `{stated}` stands in the directory `{}`", escaped(plugin.path.as_os_str())),
        ),
        None => Fault::new(Reason::AlreadyExists, format!("the plugin `{shown}` is installed")),
    };
    Err(fault
        .expected("an id that differs in more than case, `-`, `_` and `.`", id.to_string())
        .hint(format!("if it is the same plugin, remove it first: {}", removal(&plugin))))
}

/// The command that removes a plugin, wherever it stands: a name that is no id cannot be uninstalled.
fn removal(plugin: &InstalledPlugin) -> String {
    match plugin.directory.to_str().and_then(|name| name.parse::<PluginId>().ok()) {
        Some(name) => format!("`aisoc plugin uninstall {name}`"),
        None => format!("`rm -r {}`", shell_word(&plugin.path)),
    }
}

/// Why `id` cannot be uninstalled: nothing of it is there, or it stands in a directory of another name.
pub(crate) fn not_installed(plugins_dir: &Path, id: &PluginId) -> Fault {
    let fault = |what: String| Fault::new(Reason::PluginNotFound, what);
    let plugins = installed(plugins_dir).unwrap_or_default();
    match plugins.into_iter().find(|plugin| plugin.id().as_ref() == Some(id)) {
        Some(plugin) => {
            let place = escaped(plugin.path.as_os_str());
            fault(format!(
                "there is no directory `{id}` in `{}`: the plugin stands in `{place}`",
                plugins_dir.display()
            ))
            .hint(format!("remove it where it stands: {}", removal(&plugin)))
        }
        None => fault(format!("there is no plugin `{id}` in `{}`", plugins_dir.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn a_name_is_escaped_so_that_it_can_be_had_back() {
        for (name, shown) in [
            (&b"demo"[..], "demo"),
            (b"d\xffmo", "d\\xFFmo"),
            (b"d\\xFFmo", "d\\\\xFFmo"),
            (b"a\"b'c", "a\"b'c"),
            (b"a\nb", "a\\nb"),
            ("a\u{200b}b\u{202e}".as_bytes(), "a\\u{200b}b\\u{202e}"),
        ] {
            assert_eq!(escaped(OsStr::from_bytes(name)), shown);
        }
    }

    #[test]
    fn names_that_people_or_hosts_take_for_each_other_look_alike() {
        for (one, other) in [
            ("race-x", "Race.X"),
            ("shodan", "sh0dan"),
            ("virustotal", "v1rusTotaI"),
            ("modern", "rnodern"),
            ("demo", "demo.."),
        ] {
            assert_eq!(look(one), look(other), "{one} {other}");
        }
        for (one, other) in [("demo", "demo2"), ("other", "another"), ("a-b", "ab")] {
            assert_ne!(look(one), look(other), "{one} {other}");
        }
    }
}
