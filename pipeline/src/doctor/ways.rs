//! The way to a place: who may change it, and how the file system below it is mounted.

use std::io;
use std::path::Path;

use aisoc_files::{Insecure, Links, Outlook, Walk, Weakness, shell_word};
use aisoc_installation::network_file_system;
use aisoc_manifests::fault::Fault;

use super::finding::Finding;
use super::rule::Rule;

const WRITABLE_BY_GROUP: u32 = 0o020;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;
const HOW_TO_MEND: &str = "find out who made it so, then correct its owner and mode";

/// What others may change of a place and the way to it, by the rule by which it is refused.
pub(super) fn changeable(path: &Path, links: Links) -> Vec<Finding> {
    let mut walk = Walk::default();
    match walk.to(path, links) {
        Err(error) => vec![unreadable(path, error)],
        Ok(_) => walk.finish().err().map(|insecure| of_insecure(&insecure)).unwrap_or_default(),
    }
}

fn of_insecure(insecure: &Insecure) -> Vec<Finding> {
    let hint = insecure.remedy().unwrap_or_else(|| HOW_TO_MEND.to_owned());
    let finding = |weakness: &Weakness| {
        let found = format!("owner {}, mode {:04o}", weakness.owner, weakness.mode);
        let values = (insecure.expected(), found);
        Finding::at(Rule::PlaceWritable, &weakness.path, weakness.to_string(), values, hint.clone())
    };
    insecure.weaknesses.iter().map(finding).collect()
}

/// What a group may change of a place and the way to it, which is refused nowhere: somebody has to know the group.
pub(super) fn of_groups(path: &Path) -> Vec<Finding> {
    let Ok(whole) = std::path::absolute(path) else { return Vec::new() };
    whole.ancestors().filter_map(of_group).collect()
}

fn of_group(path: &Path) -> Option<Finding> {
    let found = Outlook::at(path).ok()?;
    // In a sticky directory of root's nobody takes away the names of others.
    let is_shared = found.owner == 0 && found.mode & STICKY != 0;
    // What everybody may write is a finding of its own.
    let is_of_group = found.mode & (WRITABLE_BY_GROUP | WRITABLE_BY_ALL) == WRITABLE_BY_GROUP;
    if !is_of_group || is_shared || found.is_read_only {
        return None;
    }
    let message = format!("`{}` can be written by its group", path.display());
    let values = ("a mode without write permission for the group", format!("mode {:04o}", found.mode));
    let hint = format!("unless everybody in the group answers for it: `chmod g-w {}`", shell_word(path));
    Some(Finding::at(Rule::GroupWritable, path, message, values, hint))
}

/// Whether it is on a file system whose locks and renames may not hold.
pub(super) fn of_network(path: &Path) -> Option<Finding> {
    let name = network_file_system(Outlook::at(path).ok()?.file_system)?;
    let message = format!("`{}` is on a network file system", path.display());
    let hint =
        "put it on a file system of this machine; a change is refused there without `--accept-network-file-system`";
    Some(Finding::at(Rule::NetworkMount, path, message, ("a local file system", name), hint))
}

/// What cannot be looked at.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Finding {
    Finding::of(Rule::PlaceUnreadable, path, &Fault::io("look at", path, error))
}

/// Whether something stands at a path; what cannot be looked at may.
pub(super) fn is_there(path: &Path) -> bool {
    !path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}
