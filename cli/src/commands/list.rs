//! `aisoc plugin list`

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aisoc_installation::escaped;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{ListedPlugin, Objection, PluginList, SignatureJudgement};
use aisoc_pipeline::{AtRest, AtRestOptions, PluginAtRest, verify_at_rest};

use super::columns::{Columns, short};
use super::uninstall::installed;
use super::{grants, versions};
use crate::args::plugin::ListArgs;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, path_text, printable};

pub(crate) fn run(args: ListArgs, context: &Context) -> Result<u8> {
    let site = context.site(args.plugins_dir);
    let trust = context.trust(args.trust, &site)?;
    let options = AtRestOptions {
        site: site.clone(),
        only: installed(args.ids, &site)?,
        trust,
        limits: context.limits()?,
        shared_directories: shared_directories(&args.shared),
    };
    let AtRest { plugins: found, shared, skipped_keys } = verify_at_rest(&options)?;
    context.output.warn_of_keys(&skipped_keys, ending_keys(&found));
    context.warn_of_sharing(shared.as_deref());
    let mut plugins = Vec::new();
    for plugin in found {
        let versions = match args.versions {
            true => Some(versions::of_plugin(&site, &plugin.path, plugin.record.as_deref(), &plugin.directory)?),
            false => None,
        };
        plugins.push(ListedPlugin { versions, ..row(plugin) });
    }
    context.output.answer(&PluginList { plugins_directory: path_text(site.path()), shared: shared.is_some(), plugins })
}

/// One plugin, judged by today's keys. A plugin that is refused is listed with the reason.
fn row(plugin: PluginAtRest) -> ListedPlugin {
    let (signature, objection) = judgement(&plugin);
    let PluginAtRest { id, directory, path, version, grants, record, verdict, .. } = plugin;
    ListedPlugin {
        name: (directory != id).then_some(directory),
        id,
        version,
        unknown_capabilities: grants.iter().flatten().filter(|grant| grants::is_unknown(grant)).cloned().collect(),
        capabilities: grants.map(|grants| grants.into_iter().collect()),
        admitted: verdict.is_ok(),
        signature,
        reference: record.as_ref().map(|record| record.reference.clone()),
        artifact_digest: record.as_ref().map(|record| record.digest.to_string()),
        note: record.is_none().then_some("no install record: judged by its signature alone"),
        rolled_back_at: record.as_ref().and_then(|record| record.rolled_back_at.clone()),
        rolled_back_from: record.as_ref().and_then(|record| record.rolled_back_from.clone()),
        installed_at: record.map(|record| record.installed_at),
        directory: escaped(path.as_os_str()),
        objection,
        versions: None,
    }
}

/// What is to be said of the keys that end, once for all plugins.
pub(crate) fn ending_keys<'a>(plugins: impl IntoIterator<Item = &'a PluginAtRest>) -> BTreeSet<String> {
    plugins
        .into_iter()
        .filter_map(|plugin| plugin.verdict.as_ref().ok())
        .flat_map(|judged| judged.ending_keys.clone())
        .collect()
}

/// A verdict as listings show it: what was judged, and what is wrong.
pub(crate) fn judgement(plugin: &PluginAtRest) -> (SignatureJudgement, Option<Objection>) {
    let judged = plugin.verdict.as_ref();
    let objection = match judged {
        Ok(judgement) => judgement.objection.as_ref(),
        Err(fault) => Some(fault),
    };
    (SignatureJudgement::of(plugin), objection.map(Objection::from))
}

/// A line below the plugin's own, when its directory has another name.
pub(crate) fn write_place(text: &mut String, name: Option<&str>) {
    if let Some(name) = name {
        let _ = writeln!(text, "  in the directory `{}`", printable(name));
    }
}

/// A line below the plugin's own, when a note says that less is enough from its signer.
pub(super) fn write_leniency(text: &mut String, signature: &SignatureJudgement) {
    if let Some(said) = leniency(&signature.coverage_accepted_from) {
        let _ = writeln!(text, "  {}", printable(&said));
    }
}

/// That a note says that less is enough, in words.
pub(super) fn leniency(keys: &[String]) -> Option<String> {
    (!keys.is_empty()).then(|| format!("code is enough from {}, as the note on the key says", keys.join(", ")))
}

/// A line that says why an older version may be in place: somebody has gone back to it.
fn write_rollback(text: &mut String, row: &ListedPlugin) {
    if let Some(at) = &row.rolled_back_at {
        let from = row.rolled_back_from.as_deref().unwrap_or("another version");
        let _ = writeln!(text, "  rolled back from {} on {}", printable(from), printable(at));
    }
}

const HEADING: [&str; 6] = ["ID", "VERSION", "SIGNATURE", "COVERAGE", "KEY", "DIGEST"];

fn values(row: &ListedPlugin) -> Vec<String> {
    let mut values = columns(&row.id, row.version.as_deref(), &row.signature);
    values.push(printable(row.artifact_digest.as_deref().map_or("-", short)).into_owned());
    values
}

/// What every listing says of a plugin: id, version, and what the gate said.
pub(super) fn columns(id: &str, version: Option<&str>, signature: &SignatureJudgement) -> Vec<String> {
    let SignatureJudgement { signature_status, signing_key_id, coverage, .. } = signature;
    let values = [version, *signature_status, *coverage, signing_key_id.as_deref()];
    let or_dash = values.map(|value| printable(value.unwrap_or("-")).into_owned());
    [printable(id).into_owned()].into_iter().chain(or_dash).collect()
}

/// A line below the plugin's own, when it asks for anything.
fn write_grants(text: &mut String, capabilities: &[String]) {
    if !capabilities.is_empty() {
        let _ = writeln!(text, "  may: {}", printable(&grants::listed(capabilities)));
    }
}

impl Answer for PluginList {
    fn text(&self) -> String {
        if self.plugins.is_empty() {
            return format!("no plugins in {}\n", printable(&self.plugins_directory));
        }
        let rows: Vec<Vec<String>> = self.plugins.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (row, values) in self.plugins.iter().zip(&rows) {
            text.push_str(&columns.line(values));
            write_place(&mut text, row.name.as_deref());
            write_leniency(&mut text, &row.signature);
            write_rollback(&mut text, row);
            write_grants(&mut text, row.capabilities.as_deref().unwrap_or_default());
            versions::write(&mut text, row.versions.as_deref().unwrap_or_default());
            let objection = row.objection.as_ref().map(ToString::to_string);
            for line in objection.as_deref().into_iter().chain(row.note) {
                let _ = writeln!(text, "  {}", printable(line));
            }
        }
        text
    }
}
