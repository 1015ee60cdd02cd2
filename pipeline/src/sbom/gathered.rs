//! `Gathered`: the Python distributions of a plugin, of all its lists and of what it brings along.
//!
//! A list that cannot be read stops nothing: it is for pip, which reads more than this does, and a plugin is not refused
//! because its document would be incomplete. But the document says so, of each list with why, and calls what it has of
//! dependencies incomplete.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_manifests::fault::Result;
use aisoc_manifests::file_map::FileEntry;
use aisoc_manifests::path::RelPath;
use aisoc_packaging::PluginDir;

use super::distribution::{Distribution, Hash, Name};
use super::list::{List, MAX_LIST_BYTES};
use super::locks::Lock;
use super::{project, requirements, vendored};

/// Most distributions of one plugin, each version counted.
const MAX_DISTRIBUTIONS: usize = 50_000;
/// Most bytes of all lists of one plugin together.
const MAX_LISTS_BYTES: u64 = 64 << 20;

/// What says what a plugin needs in words that are not read here.
const UNREAD_LISTS: [&str; 6] =
    ["Pipfile", "Pipfile.lock", "setup.py", "setup.cfg", "environment.yml", "environment.yaml"];

/// What all lists together say of one version of a distribution.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The files that name it.
    pub(super) named_by: BTreeSet<RelPath>,
    pub(super) requirements: BTreeSet<String>,
    pub(super) hashes: BTreeSet<Hash>,
    pub(super) is_direct: bool,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// By name, then by version, none first.
    pub(super) distributions: BTreeMap<(Name, Option<String>), Facts>,
    /// What was not understood, by file.
    pub(super) unread: BTreeMap<RelPath, Vec<String>>,
    read_bytes: u64,
}

/// How a file names distributions.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Requirements,
    Lock(Lock),
    Project,
    NotRead,
}

impl Kind {
    fn of(file_name: &str) -> Option<Self> {
        match file_name {
            "pyproject.toml" => Some(Self::Project),
            _ if file_name.starts_with("requirements") && file_name.ends_with(".txt") => Some(Self::Requirements),
            _ if UNREAD_LISTS.contains(&file_name) => Some(Self::NotRead),
            _ => Lock::of(file_name).map(Self::Lock),
        }
    }

    fn read(self, text: &str) -> List {
        match self {
            Self::Requirements => requirements::read(text),
            Self::Lock(lock) => lock.read(text),
            Self::Project => project::read(text),
            Self::NotRead => List::unread("is in words that are not read"),
        }
    }
}

impl Gathered {
    /// Looks at every file that is shipped.
    ///
    /// # Errors
    /// As [`PluginDir::small_content`].
    pub(super) fn of(plugin: &PluginDir) -> Result<Self> {
        let mut gathered = Self::default();
        let mut lists: BTreeMap<RelPath, Kind> = BTreeMap::new();
        for (path, FileEntry { digest, .. }) in plugin.files().iter() {
            lists.extend(Kind::of(path.file_name()).map(|kind| (path.clone(), kind)));
            match vendored::distribution(path, digest.hex().to_string()) {
                Some(Ok(distribution)) => gathered.add(path, distribution),
                Some(Err(why)) => gathered.note(path, why),
                None => {}
            }
        }
        let mut known: BTreeSet<RelPath> = lists.keys().cloned().collect();
        while let Some((path, kind)) = lists.pop_first() {
            let list = gathered.read(plugin, &path, kind)?;
            for other in &list.others {
                match beside(&path, other).filter(|other| plugin.files().get(other).is_some()) {
                    Some(other) if known.insert(other.clone()) => drop(lists.insert(other, Kind::Requirements)),
                    Some(_) => {}
                    None => gathered.note(&path, "names another list, which is not shipped".to_owned()),
                }
            }
            gathered.take(&path, list);
        }
        Ok(gathered)
    }

    /// Whether everything that was found was understood.
    pub(super) fn is_whole(&self) -> bool {
        self.unread.is_empty()
    }

    fn read(&mut self, plugin: &PluginDir, path: &RelPath, kind: Kind) -> Result<List> {
        let left = MAX_LISTS_BYTES - self.read_bytes;
        let Some(content) = plugin.small_content(path, MAX_LIST_BYTES.min(left))? else {
            return Ok(List::unread(match left < MAX_LIST_BYTES {
                true => format!("is behind {MAX_LISTS_BYTES} bytes of lists"),
                false => format!("is larger than {MAX_LIST_BYTES} bytes"),
            }));
        };
        self.read_bytes += content.len() as u64;
        plugin.cancellation().check()?;
        Ok(match std::str::from_utf8(&content) {
            // Editors on Windows begin a file with the mark.
            Ok(text) => kind.read(text.strip_prefix('\u{feff}').unwrap_or(text)).bounded(),
            Err(_) => List::unread("is not UTF-8"),
        })
    }

    /// Takes a list whole, or none of it.
    fn take(&mut self, path: &RelPath, list: List) {
        if self.distributions.len() + list.distributions.len() > MAX_DISTRIBUTIONS {
            return self.note(path, format!("is behind {MAX_DISTRIBUTIONS} distributions"));
        }
        list.distributions.into_iter().for_each(|distribution| self.add(path, distribution));
        list.unread.into_iter().for_each(|why| self.note(path, why));
    }

    fn add(&mut self, path: &RelPath, distribution: Distribution) {
        let Distribution { name, version, requirement, hashes, is_direct } = distribution;
        let facts = self.distributions.entry((name, version)).or_default();
        facts.named_by.insert(path.clone());
        facts.requirements.extend(requirement);
        facts.hashes.extend(hashes);
        facts.is_direct |= is_direct;
    }

    fn note(&mut self, path: &RelPath, why: String) {
        self.unread.entry(path.clone()).or_default().push(why);
    }
}

/// A path that stands in a list, which is relative to it; nothing where it leads out of the plugin.
fn beside(list: &RelPath, other: &str) -> Option<RelPath> {
    let parent = list.parent();
    let mut parts: Vec<&str> = parent.iter().flat_map(RelPath::components).collect();
    for part in other.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    RelPath::parse(&parts.join("/")).ok().filter(|_| !other.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_is_beside_the_one_that_names_it() {
        let of = |list: &str, other: &str| {
            beside(&RelPath::parse(list).expect(list), other).map(|path| path.as_str().to_owned())
        };
        assert_eq!(of("requirements.txt", "base.txt").as_deref(), Some("base.txt"));
        assert_eq!(of("a/requirements.txt", "./b//base.txt").as_deref(), Some("a/b/base.txt"));
        assert_eq!(of("a/requirements.txt", "../base.txt").as_deref(), Some("base.txt"));
        for other in ["../base.txt", "/base.txt", "", "https://u:p@h/x/../../../../y"] {
            assert_eq!(of("requirements.txt", other).filter(|path| !path.starts_with("https:")), None, "{other}");
        }
    }

    #[test]
    fn a_list_behind_the_last_distribution_is_noted_and_not_taken() {
        let path = RelPath::parse("requirements.txt").expect("a path");
        let list = |names: std::ops::Range<usize>| {
            let text: Vec<String> = names.map(|number| format!("p{number}")).collect();
            requirements::read(&text.join("\n"))
        };
        let mut gathered = Gathered::default();
        gathered.take(&path, list(0..MAX_DISTRIBUTIONS - 1));
        gathered.take(&path, list(MAX_DISTRIBUTIONS - 1..MAX_DISTRIBUTIONS));
        assert_eq!((gathered.distributions.len(), gathered.is_whole()), (MAX_DISTRIBUTIONS, true));
        gathered.take(&path, list(MAX_DISTRIBUTIONS..MAX_DISTRIBUTIONS + 1));
        assert_eq!((gathered.distributions.len(), gathered.is_whole()), (MAX_DISTRIBUTIONS, false));
    }
}
