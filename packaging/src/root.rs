//! Which directory of an unpacked artifact is the plugin.

use std::collections::BTreeSet;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::path::RelPath;

use crate::names::Kind;
use crate::tree::is_manifest;

/// Chooses the plugin's root as the host does: the top when a manifest is there, else the one
/// sub-directory that holds one, else the only sub-directory. `None` is the top.
///
/// # Errors
/// `ambiguous_layout` when two sub-directories could be meant: which one an installer takes must not
/// depend on the order in which a file system lists them.
pub fn select_root<'a>(names: impl IntoIterator<Item = (&'a RelPath, Kind)>) -> Result<Option<RelPath>> {
    let mut directories = BTreeSet::new();
    let mut holders = BTreeSet::new();
    for (path, kind) in names {
        match (path.parent(), kind) {
            (None, Kind::File) if is_manifest(path.as_str()) => return Ok(None),
            (None, Kind::File) => {}
            (None, Kind::Directory) => {
                directories.insert(path.clone());
            }
            (Some(parent), Kind::File) if parent.parent().is_none() && is_manifest(path.file_name()) => {
                holders.insert(parent);
            }
            (Some(_), _) => {}
        }
    }
    let candidates = if holders.is_empty() { directories } else { holders };
    let several = candidates.len() > 1;
    match candidates.into_iter().next() {
        Some(_) if several => {
            Err(Fault::new(Reason::AmbiguousLayout, "the artifact holds several directories that could be the plugin"))
        }
        only => Ok(only),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root that is chosen among those names, which is the same in any order; `!` when none is.
    fn chosen(names: &[&str]) -> String {
        let parse = |name: &&str| {
            let kind = if name.ends_with('/') { Kind::Directory } else { Kind::File };
            (RelPath::parse(name.trim_end_matches('/')).expect("a path"), kind)
        };
        let names: Vec<(RelPath, Kind)> = names.iter().map(parse).collect();
        let said = |outcome: Result<Option<RelPath>>| match outcome {
            Ok(root) => root.map_or_else(|| ".".to_owned(), |root| root.to_string()),
            Err(fault) => {
                assert_eq!(fault.reason(), Reason::AmbiguousLayout);
                "!".to_owned()
            }
        };
        let forwards = said(select_root(names.iter().map(|(path, kind)| (path, *kind))));
        let backwards = said(select_root(names.iter().rev().map(|(path, kind)| (path, *kind))));
        assert_eq!(forwards, backwards, "{names:?}");
        forwards
    }

    #[test]
    fn the_root_is_where_the_manifest_is_in_whatever_order_names_come() {
        for (names, root) in [
            (&["plugin.yaml"][..], "."),
            (&["aisoc-plugin.json"], "."),
            (&["a/", "a/plugin.yaml", "b/", "b/plugin.yaml", "plugin.yaml"], "."),
            (&["a/", "a/plugin.yaml", "b/", "b/x"], "a"),
            (&["a/", "b/", "b/aisoc-plugin.json"], "b"),
            (&["a/", "a/plugin.yaml", "a/aisoc-plugin.json"], "a"),
            (&["a/", "a/plugin.yaml", "b/", "b/aisoc-plugin.json"], "!"),
            (&["README.md", "a/", "a/x"], "a"),
            (&["a/", "a/b/", "a/b/plugin.yaml"], "a"),
            (&["a/", "a/b/", "a/b/plugin.yaml", "c/"], "!"),
            (&["a/", "b/"], "!"),
            (&["x"], "."),
            (&[], "."),
        ] {
            assert_eq!(chosen(names), root, "{names:?}");
        }
    }

    #[test]
    fn a_directory_with_the_name_of_a_manifest_is_none() {
        assert_eq!(chosen(&["plugin.yaml/", "plugin.yaml/x"]), "plugin.yaml");
        assert_eq!(chosen(&["a/", "a/plugin.yaml/", "b/", "b/x"]), "!");
        assert_eq!(chosen(&["a/", "a/plugin.yaml/", "b/", "b/plugin.yaml"]), "b");
        assert_eq!(chosen(&["a/", "a/Plugin.yaml", "b/"]), "!");
    }
}
