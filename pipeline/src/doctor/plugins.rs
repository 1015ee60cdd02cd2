//! The plugins directory: who may change it, what stands in it, and what killed processes have left.

use std::collections::BTreeSet;
use std::path::Path;

use aisoc_files::{Links, Outlook, shell_word};
use aisoc_installation::{SharedDirectories, Site};
use aisoc_manifests::capability::{Capability, Impact, require_known};
use aisoc_manifests::fault::{Fault, Result};
use aisoc_trust::SignatureStatus;

use super::finding::Finding;
use super::options::DoctorOptions;
use super::rule::Rule;
use super::ways;
use crate::at_rest::{AtRest, AtRestOptions, PluginAtRest, verify_at_rest};
use crate::keys::lint::journal_state;
use crate::review::writes_without_audit;

pub(super) fn findings(options: &DoctorOptions) -> Vec<Finding> {
    let site = &options.site;
    if !ways::is_there(site.path()) {
        let message = format!("there is no plugins directory at `{}`", site.path().display());
        let hint =
            "name the one that the host reads with `--plugins-dir DIR`; the first `aisoc plugin install` makes it";
        return vec![Finding::at(Rule::PluginsMissing, site.path(), message, ("a directory", "nothing"), hint)];
    }
    let way = ways::changeable(site.path(), Links::Refused);
    let place = way.into_iter().chain(ways::of_groups(site.path())).chain(mount(site.path()));
    place.chain(left_over(site)).chain(journal(site)).chain(at_rest(options)).collect()
}

fn mount(path: &Path) -> Vec<Finding> {
    let Ok(found) = Outlook::at(path) else { return Vec::new() };
    let shown = path.display();
    let noexec = found.is_noexec.then(|| {
        let message = format!("`{shown}` is on a mount on which nothing runs");
        let hint = "where a plugin has native modules, mount it without `noexec`";
        Finding::at(Rule::NoexecMount, path, message, ("a mount without noexec", "noexec"), hint)
    });
    let read_only = found.is_read_only.then(|| {
        let message = format!("`{shown}` is on a mount that cannot be written");
        let hint = "install where it is mounted from; for a host that only reads it is as it should be";
        Finding::at(Rule::ReadOnlyMount, path, message, ("a mount that can be written", "read-only"), hint)
    });
    [noexec, read_only, ways::of_network(path)].into_iter().flatten().collect()
}

fn left_over(site: &Site) -> Vec<Finding> {
    let hint = "wait for the command that is at it; if there is none: `aisoc plugin gc`";
    let begun = match site.is_interrupted() {
        Err(fault) => Some(Finding::of(Rule::PlaceUnreadable, site.path(), &fault)),
        Ok(false) => None,
        Ok(true) => {
            let values = ("no change that was begun", "one that is not finished");
            let message = "a killed process has begun a change, and nobody has finished it";
            Some(Finding::at(Rule::LeftOver, site.path(), message, values, hint))
        }
    };
    let staging = match site.abandoned_staging() {
        Err(fault) => vec![Finding::of(Rule::PlaceUnreadable, site.path(), &fault)],
        Ok(left) => left
            .iter()
            .map(|path| {
                let message = format!("`{}` is the staging directory of a process that is gone", path.display());
                Finding::at(Rule::LeftOver, path, message, ("nothing", "a staging directory"), "`aisoc plugin gc`")
            })
            .collect(),
    };
    begun.into_iter().chain(staging).collect()
}

fn journal(site: &Site) -> Vec<Finding> {
    let Some(state) = journal_state(site.journal(), site.path()) else { return Vec::new() };
    let faults = state.broken.iter().chain(&state.line);
    faults.map(|fault| Finding::of(Rule::LockJournalBroken, &state.path, fault)).collect()
}

fn judged(options: &DoctorOptions) -> Result<AtRest> {
    verify_at_rest(&AtRestOptions {
        site: options.site.clone(),
        only: Vec::new(),
        trust: options.here.trust.clone(),
        limits: options.here.limits.clone(),
        shared_directories: SharedDirectories::Accepted,
    })
}

/// Every plugin as a listing judges it. What everybody may write is a finding already, and is judged all the same.
fn at_rest(options: &DoctorOptions) -> Vec<Finding> {
    match judged(options) {
        Ok(AtRest { plugins, .. }) => plugins.iter().flat_map(of_plugin).collect(),
        Err(fault) => vec![Finding::of(Rule::PluginsUnjudged, options.site.path(), &fault)],
    }
}

fn of_plugin(plugin: &PluginAtRest) -> Vec<Finding> {
    let refused = plugin.verdict.as_ref().err().map(|fault| refused(&plugin.id, &plugin.path, fault));
    let grants = plugin.grants.iter().flat_map(|grants| of_grants(&plugin.id, &plugin.path, grants));
    refused.into_iter().chain(grants).collect()
}

/// A plugin that no host loads, wherever it is.
pub(super) fn refused(id: &str, place: &Path, fault: &Fault) -> Finding {
    let finding = Finding::of(Rule::PluginRefused, place, fault);
    Finding { message: format!("`{id}` is refused: {}", finding.message), ..finding }
}

fn of_grants(id: &str, place: &Path, grants: &BTreeSet<String>) -> Vec<Finding> {
    let word = shell_word(id);
    let unknown = require_known(grants.iter().map(String::as_str)).err();
    let unknown = unknown.map(|fault| Finding::of(Rule::CapabilityUnknown, place, &fault));
    let silent = writes_without_audit(grants).then(|| {
        let message = format!("`{id}` asks to change something, and not for `audit.emit`");
        let hint = format!("see what it asks for: `aisoc plugins describe {word}`");
        Finding::at(Rule::WritesWithoutAudit, place, message, ("audit.emit", "not asked for"), hint)
    });
    let high = Capability::ALL.iter().filter(|known| known.impact() == Impact::High && grants.contains(known.as_str()));
    let high: Vec<&str> = high.map(|known| known.as_str()).collect();
    let high = (!high.is_empty()).then(|| {
        let message = format!("`{id}` asks for what has a high impact");
        let hint = format!("see what to ask about each: `aisoc plugins describe {word}`");
        Finding::at(Rule::HighImpact, place, message, ("what its use needs", high.join(", ")), hint)
    });
    [unknown, silent, high].into_iter().flatten().collect()
}

/// How many installed plugins nobody has signed.
pub(super) fn unsigned_count(options: &DoctorOptions) -> usize {
    let plugins = judged(options).map(|judged| judged.plugins).unwrap_or_default();
    plugins.iter().filter(|plugin| plugin.signature == Some(SignatureStatus::Unsigned)).count()
}
