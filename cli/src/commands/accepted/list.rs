//! `aisoc plugins list`: what a host would load from every source, what it would refuse, and drift.

use std::fmt::Write as _;

use aisoc_installation::escaped;
use aisoc_manifests::counted;
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::{Listed, Listing, list};
use aisoc_pipeline::documents::{DiscoveredPlugin, DiscoveredPlugins, Objection};
use aisoc_pipeline::{CheckedAgainst, Discovered, Failed};
use aisoc_trust::{SignatureStatus, Traces};
use serde::Serialize;

use super::answer::{drift_lines, drifts, short_hash, shown_lock};
use super::verify::MAX_WARNED;
use super::{here, require_named, tell};
use crate::args::accepted::DiscoveredListArgs;
use crate::commands::dropins::{not_asked, of_file};
use crate::commands::list::{ending_keys, judgement};
use crate::context::{Context, shared_directories};
use crate::output::{Answer, printable};

/// In which state a plugin is before a host has begun.
const DISCOVERED: &str = "discovered";
const FAILED: &str = "failed";

/// The listing, and its drift as lines.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: DiscoveredPlugins,
    #[serde(skip)]
    drift_lines: Vec<String>,
}

pub(crate) fn run(args: DiscoveredListArgs, context: &Context) -> Result<u8> {
    let mode = context.plugin_mode(args.mode.plugin_mode);
    let chosen = context.plugins_lock(args.lock.plugins_lock)?;
    let lock = chosen.read()?;
    require_named(args.plugins_dir.as_deref())?;
    let site = context.site(args.plugins_dir);
    let options = here(&site, args.sources, args.trust, shared_directories(&args.shared), context)?;
    let lock = (&chosen.path, lock.as_ref());
    let check = |plugins: &[&Discovered]| context.contract_check(&options.sources, plugins);
    let listing = list(&options, mode, lock, &check, Traces::Dropped)?;
    tell(&listing.noticed, context)?;
    context.warn_of_sharing(listing.shared.as_deref());
    let judged = listing.plugins.iter().filter_map(|listed| Some(&**listed.signature.as_ref()?.as_ref().ok()?));
    context.output.warn_of_keys(&listing.skipped_keys, ending_keys(judged));
    let Listing { mode, lock, plugins, failed, drifts: found, .. } = listing;
    // Of ten thousand plugins the rows take the place of what they are made of, which is not so behind a `chain`.
    let mut rows: Vec<DiscoveredPlugin> = plugins.into_iter().map(row).collect();
    rows.extend(failed.into_iter().map(failed_row));
    let document = DiscoveredPlugins {
        plugin_mode: mode.as_str(),
        plugins_lock: lock.map(|(path, schema)| shown_lock(&path, schema)),
        plugins: rows,
        drift: drifts(&found),
    };
    warn_of_unverified(&document.plugins, context);
    context.output.answer(&Outcome { document, drift_lines: found.iter().map(ToString::to_string).collect() })
}

/// The table is capa's to the byte and has no column for it: which of its rows nobody who is trusted has signed is said
/// beside it.
fn warn_of_unverified(plugins: &[DiscoveredPlugin], context: &Context) {
    let loaded = plugins.iter().filter(|plugin| plugin.error.is_none());
    let verified = Some(SignatureStatus::Verified.as_str());
    let unverified: Vec<_> = loaded.filter(|plugin| plugin.signature.signature_status != verified).collect();
    if unverified.is_empty() {
        return;
    }
    let named = unverified.iter().take(MAX_WARNED).map(|plugin| {
        let status = plugin.signature.signature_status.unwrap_or(plugin.source);
        format!("`{}` ({status})", plugin.id)
    });
    let mut named = named.collect::<Vec<_>>().join(", ");
    if let more @ 1.. = unverified.len().saturating_sub(MAX_WARNED) {
        let _ = write!(named, ", and {}", counted(more, "other"));
    }
    let said = format!("{} without a signature that counts here: {named}", counted(unverified.len(), "plugin"));
    context.output.warning(Warning::UnverifiedListed, said);
}

fn row(listed: Listed) -> DiscoveredPlugin {
    let error = listed.rejection().map(Objection::from);
    let code_checked_against = listed.code_checked_against().map(CheckedAgainst::as_str);
    let Listed { plugin, signature, file, is_listed, .. } = listed;
    let signature = match (signature, file) {
        (Some(Ok(judged)), _) => judgement(&judged).0,
        (_, Some(file)) => of_file(&file),
        _ => not_asked(),
    };
    let Discovered { id, version, kind, source, package, entry_point, hash, place, .. } = plugin;
    DiscoveredPlugin {
        id,
        source: source.as_str(),
        kind: Some(kind.as_str()),
        package: Some(package),
        version: Some(version),
        entry_point: Some(entry_point),
        hash: Some(hash),
        place: escaped(place.as_os_str()),
        state: if error.is_some() { FAILED } else { DISCOVERED },
        is_locked: is_listed,
        signature,
        code_checked_against,
        error,
    }
}

fn failed_row(failed: Failed) -> DiscoveredPlugin {
    let Failed { name, source, kind, version, place, fault } = failed;
    DiscoveredPlugin {
        id: name,
        source: source.as_str(),
        kind: kind.map(|kind| kind.as_str()),
        package: None,
        version,
        entry_point: None,
        hash: None,
        place: escaped(place.as_os_str()),
        state: FAILED,
        is_locked: false,
        signature: not_asked(),
        code_checked_against: None,
        error: Some(Objection::from(&fault)),
    }
}

/// The columns of capa's table: what does not fit into one moves the next ones, and is whole.
fn columns([id, package, version, hash]: [&str; 4]) -> String {
    format!("{id:<40}  {package:<20}  {version:<10}  {hash}\n")
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let DiscoveredPlugins { plugin_mode, plugins_lock, plugins, .. } = &self.document;
        let mut text = format!("plugin mode: {plugin_mode}\n");
        let _ = match plugins_lock {
            Some(lock) => {
                writeln!(text, "plugins.lock: {} (schema v{})", printable(&lock.path), lock.lock_schema)
            }
            None => writeln!(text, "plugins.lock: (none — production mode requires one to gate trust)"),
        };
        let (rejected, loaded): (Vec<_>, Vec<_>) = plugins.iter().partition(|plugin| plugin.error.is_some());
        if loaded.is_empty() {
            text.push_str("(no plugins loaded)\n");
        } else {
            text.push('\n');
            text.push_str(&columns(["id", "package", "version", "hash"]));
        }
        for plugin in loaded {
            let hash = plugin.hash.as_deref().map(short_hash);
            let values =
                [Some(plugin.id.as_str()), plugin.package.as_deref(), plugin.version.as_deref(), hash.as_deref()];
            let values = values.map(|value| printable(value.unwrap_or("-")).into_owned());
            text.push_str(&columns(values.each_ref().map(String::as_str)));
        }
        if !rejected.is_empty() {
            text.push_str("\nRejected:\n");
        }
        for plugin in rejected {
            let error = plugin.error.as_ref().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {}: {}", printable(&plugin.id), printable(&error));
        }
        text + &drift_lines(&self.drift_lines)
    }
}
