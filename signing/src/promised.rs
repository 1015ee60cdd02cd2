//! What a manifest promises to be there: its entry point, and what it says that it loads.
//!
//! A signature of the code alone does not notice that a file was taken away. A plugin whose rules are gone
//! is verified all the same, and detects nothing; so what the signed manifest names has to be there.

use std::collections::BTreeSet;

use aisoc_manifests::file_map::FileMap;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, PluginType};
use aisoc_manifests::value::Node;

use crate::claim::Claim;
use crate::coverage::hazard;

/// How the keys begin under which manifests name what a plugin loads: `rules`, `rules_dir`, `model_file`.
const LOADED: [&str; 4] = ["rule", "detection", "playbook", "model"];
/// Under which keys of an item its file is.
const IN_ITEMS: [&str; 3] = ["path", "file", "source"];

/// The paths that a manifest names, and at which there is nothing that could be loaded.
pub(crate) fn named_and_absent(claim: &Claim, document: &Document) -> Vec<String> {
    let present = Present::of(&claim.tree().files);
    let root = document.root();
    let is_detection = root.get("plugin_type").and_then(Node::as_str) == Some(PluginType::Detection.as_str());
    let entry = root.get("entry_point").and_then(Node::as_str).filter(|text| may_be_path(text));
    let is_there = |path: &&str| match is_detection {
        // Its rules are what it is; code beside them is none of them.
        true => present.file(path) || present.data_below(path) || (!path.ends_with('/') && present.module(path)),
        false => present.file(path) || present.data_below(path) || present.code_below(path) || present.module(path),
    };
    let entry = entry.filter(|path| !is_there(path));
    let loaded = loaded(root).into_iter().filter(|path| !present.file(path) && !present.data_below(path));
    entry.into_iter().chain(loaded).map(str::to_owned).collect()
}

/// What the manifest says that it loads, at its top and in the mappings there.
fn loaded(root: Node<'_>) -> Vec<&str> {
    let inner = root.members().map(|(_, value)| value);
    let members = root.members().chain(inner.flat_map(Node::members));
    let named = members.filter(|(key, _)| key.as_str().is_some_and(names_what_is_loaded));
    let mut paths: Vec<&str> = named.flat_map(|(_, value)| paths_in(value)).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn names_what_is_loaded(key: &str) -> bool {
    const ENDS: [&str; 7] = ["", "s", "_dir", "_file", "_files", "_path", "_paths"];
    let ends =
        |stem: &&str| key.strip_prefix(*stem).is_some_and(|end| ENDS.contains(&end.strip_prefix('s').unwrap_or(end)));
    LOADED.iter().any(ends)
}

/// A text, the texts of a list, and those that say where the file of an item is.
fn paths_in(value: Node<'_>) -> impl Iterator<Item = &str> {
    let items = value.items().chain([value]);
    let texts = items.flat_map(files_of_item).filter_map(Node::as_str);
    texts.filter(|text| may_be_path(text) && looks_like_path(text))
}

fn files_of_item(item: Node<'_>) -> Vec<Node<'_>> {
    IN_ITEMS.iter().filter_map(|key| item.get(key)).chain([item]).collect()
}

/// `module:object`, a command line and an address outside name no file of the plugin.
fn may_be_path(text: &str) -> bool {
    !text.is_empty() && !text.starts_with('/') && !text.contains([':', ' ', '\t'])
}

/// Whether a text that could also be the identifier of a rule is a path: it has a directory or a suffix, or
/// is a word as directories are called. `T1059` and `det-ssh-001` are identifiers.
fn looks_like_path(text: &str) -> bool {
    let is_suffix = |suffix: &str| !suffix.is_empty() && suffix.bytes().all(|byte| byte.is_ascii_alphabetic());
    text.contains('/')
        || text.rsplit_once('.').is_some_and(|(_, suffix)| is_suffix(suffix))
        || text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// The files of a plugin with something in them, and the directories that hold code or data.
struct Present<'a> {
    files: &'a FileMap,
    code: BTreeSet<&'a str>,
    data: BTreeSet<&'a str>,
}

impl<'a> Present<'a> {
    fn of(files: &'a FileMap) -> Self {
        let mut present = Self { files, code: BTreeSet::new(), data: BTreeSet::new() };
        for (path, entry) in files.iter().filter(|(_, entry)| entry.size > 0) {
            let directories = match path.as_str().ends_with(".py") {
                true => &mut present.code,
                // Documents are for people: rules that were replaced by one are gone.
                false if hazard(path, entry).is_none() => continue,
                false => &mut present.data,
            };
            let parents = path.as_str().rmatch_indices('/').map(|(at, _)| &path.as_str()[..at]);
            parents.chain(["."]).take_while(|parent| directories.insert(*parent)).for_each(drop);
        }
        present
    }

    fn file(&self, path: &str) -> bool {
        let path = RelPath::parse(&plain(path));
        path.ok().and_then(|path| self.files.get(&path)).is_some_and(|entry| entry.size > 0)
    }

    fn data_below(&self, path: &str) -> bool {
        self.data.contains(plain(path).as_str())
    }

    fn code_below(&self, path: &str) -> bool {
        self.code.contains(plain(path).as_str())
    }

    /// `plugin`, `package.module`, and `plugin.Class` with a module before the last dot.
    fn module(&self, path: &str) -> bool {
        let plain = plain(path);
        let whole = plain.replace('.', "/");
        let before = plain.rsplit_once('.').map(|(module, _)| module.replace('.', "/"));
        [Some(whole), before]
            .into_iter()
            .flatten()
            .any(|module| self.file(&format!("{module}.py")) || self.file(&format!("{module}/__init__.py")))
    }
}

/// The path as the list of files has it; of a pattern, the directory that it looks in.
fn plain(path: &str) -> String {
    let is_plain = |part: &&str| !part.is_empty() && *part != ".";
    let fixed = path.split('/').filter(is_plain).take_while(|part| !part.contains(['*', '?', '[']));
    let joined = fixed.collect::<Vec<_>>().join("/");
    if joined.is_empty() { ".".to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_name_what_is_loaded_are_known_by_their_words() {
        for key in [
            "rules",
            "rule",
            "rules_dir",
            "rule_files",
            "detections",
            "playbooks",
            "models",
            "model_file",
            "model_path",
        ] {
            assert!(names_what_is_loaded(key), "{key}");
        }
        for key in ["ruleset_version", "modeled", "rules_count", "homepage", "entry_point", "detection_engine"] {
            assert!(!names_what_is_loaded(key), "{key}");
        }
    }

    #[test]
    fn a_path_is_compared_as_the_list_of_files_has_it() {
        for (written, expected) in [
            ("./rules//x.yaml", "rules/x.yaml"),
            ("rules/", "rules"),
            ("a/./b", "a/b"),
            ("./", "."),
            ("rules/**/*.yaml", "rules"),
        ] {
            assert_eq!(plain(written), expected);
        }
    }
}
