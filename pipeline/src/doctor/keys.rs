//! The trusted keys: what their own lint finds, whose the files are, and where they stand.

use std::path::Path;

use aisoc_files::{Outlook, shell_word};
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{FileKind, Survey};

use super::finding::Finding;
use super::options::DoctorOptions;
use super::rule::Rule;
use super::ways;
use crate::keys::lint::{LintOptions, When, lint};

/// Nobody has to write or run a key where it is used.
const NEEDLESS: u32 = 0o333;

pub(super) fn findings(options: &DoctorOptions) -> Vec<Finding> {
    let keys = &options.here.trust.keys_dir;
    let when = When { at: options.here.trust.at, within: options.within };
    let linted = lint(&LintOptions { keys_dir: keys.clone(), site: options.site.clone(), when });
    match linted {
        Err(fault) if fault.reason() == Reason::IoNotFound && !ways::is_there(keys) => vec![missing(keys, &fault)],
        Err(fault) => vec![Finding::of(Rule::PlaceUnreadable, keys, &fault)],
        Ok(found) => found.findings.into_iter().map(Finding::of_key).chain(of_places(keys)).collect(),
    }
}

fn missing(keys: &Path, fault: &Fault) -> Finding {
    let values = ("a directory of public keys, or one", "nothing");
    Finding::at(Rule::KeysMissing, keys, fault.message(), values, fault.next_step())
}

fn of_places(keys: &Path) -> Vec<Finding> {
    let Ok(Some(survey)) = Survey::read(keys) else { return Vec::new() };
    let files = survey.files.iter().filter(|file| matches!(file.kind, FileKind::Key { .. }));
    let files = files.flat_map(|file| of_file(&file.path));
    let directory = of_owner(keys).filter(|_| !survey.is_one_file());
    let beside = ways::of_network(keys).into_iter().chain(who_else(keys));
    directory.into_iter().chain(files).chain(beside).collect()
}

/// Who else may change the keys, where nothing is refused for it: a group, and whoever is on a host whose mount can be
/// written.
pub(super) fn who_else(keys: &Path) -> Vec<Finding> {
    ways::of_groups(keys).into_iter().chain(writable_mount(keys)).collect()
}

fn of_file(path: &Path) -> Vec<Finding> {
    of_owner(path).into_iter().chain(of_mode(path)).collect()
}

fn of_owner(path: &Path) -> Option<Finding> {
    let found = Outlook::at(path).ok().filter(|found| found.owner != 0)?;
    let message = format!("`{}` does not belong to root", path.display());
    let values = ("owner 0", format!("owner {}", found.owner));
    Some(Finding::at(Rule::KeyOwner, path, message, values, format!("`chown 0 {}`", shell_word(path))))
}

fn of_mode(path: &Path) -> Option<Finding> {
    let found = Outlook::at(path).ok().filter(|found| found.is_file && found.mode & NEEDLESS != 0)?;
    let message = format!("`{}` can be written, or run", path.display());
    let values = ("mode 0444", format!("mode {:04o}", found.mode));
    Some(Finding::at(Rule::KeyMode, path, message, values, format!("`chmod 0444 {}`", shell_word(path))))
}

fn writable_mount(keys: &Path) -> Option<Finding> {
    Outlook::at(keys).ok().filter(|found| !found.is_read_only)?;
    let message = format!("`{}` is on a mount that can be written", keys.display());
    let hint = "mount it read-only where the host runs, and change keys where it is mounted from";
    Some(Finding::at(Rule::KeysWritableMount, keys, message, ("a read-only mount", "one that can be written"), hint))
}
