//! `aisoc plugin outdated`

use std::fmt::Write as _;

use aisoc_installation::DEFAULT_PREVIOUS_VERSIONS;
use aisoc_manifests::counted;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{OutdatedPlugin, OutdatedPlugins};
use aisoc_pipeline::{InstallOptions, UpgradeOptions, UpgradePurpose};
use serde::Serialize;

use super::columns::Columns;
use super::lock_rule::gone_by;
use super::several::{self, InTurn};
use super::upgrading::{look, places, pre_releases, subjects};
use crate::args::plugin::PlaceArgs;
use crate::args::upgrade::OutdatedArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

/// As long as a change waits for another command, where nobody says how long.
const LOCK_SECONDS: u64 = 30;
/// Where something newer is published, and somebody asked for it.
const OUTDATED: u8 = 1;
const HEADING: [&str; 5] = ["ID", "INSTALLED", "ADMITTED", "PUBLISHED", "STANDING"];

/// What is published, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: OutdatedPlugins,
    #[serde(skip)]
    exit_code: u8,
}

pub(crate) fn run(args: OutdatedArgs, context: &Context) -> Result<u8> {
    let site = context.site(args.plugins_dir);
    let subjects = subjects(&args.ids, &site)?;
    let trust = context.trust(args.trust, &site)?;
    let lock = gone_by(args.plugins_lock, args.mode, context)?;
    let place = PlaceArgs { lock_timeout: LOCK_SECONDS, accept_network_file_system: false };
    let access = context.access_to(&site, &place, &args.shared)?;
    let places = places(&subjects);
    // What is not there needs no keys.
    if !subjects.is_empty() {
        trust.require_acknowledged()?;
        trust.require_keys()?;
    }
    let client = context.client(&args.registry, &places.iter().collect::<Vec<_>>())?;
    let plugins_directory = path_text(site.path());
    let install = InstallOptions {
        site,
        trust,
        only: None,
        require_digest: None,
        bundles: std::sync::Arc::default(),
        references: context.environment.reference_rules()?,
        lock,
        client,
        keep: DEFAULT_PREVIOUS_VERSIONS,
        is_on_trial: false,
        access,
    };
    let options =
        UpgradeOptions { install, pre_releases: pre_releases(args.pre_releases), purpose: UpgradePurpose::Look };
    let mut document = OutdatedPlugins { plugins_directory, plugins: Vec::new() };
    let (mut faults, mut turn) = (Vec::new(), InTurn::default());
    for subject in &subjects {
        document.plugins.push(match turn.next(|| look(subject, &options, context)) {
            Ok(choice) => OutdatedPlugin::of(subject, &choice),
            Err(fault) => {
                let row = OutdatedPlugin::unknown(subject, &fault);
                faults.push((subject.id.clone(), fault));
                row
            }
        });
    }
    let total = document.plugins.len();
    let refusal = several::refusal(total, "could not be asked", faults, context);
    let exit_code = match &refusal {
        Some(fault) => fault.class().exit_code(),
        None if args.exit_code && document.plugins.iter().any(is_behind) => OUTDATED,
        None => 0,
    };
    if total != 1 || refusal.is_none() {
        context.output.answer(&Outcome { document, exit_code })?;
    }
    refusal.map_or(Ok(exit_code), Err)
}

fn is_behind(plugin: &OutdatedPlugin) -> bool {
    matches!(plugin.standing, "outdated" | "held_back")
}

fn values(row: &OutdatedPlugin) -> Vec<String> {
    let versions = [&row.installed_version, &row.admitted_version, &row.published_version];
    let versions = versions.map(|version| printable(version.as_deref().unwrap_or("-")).into_owned());
    let standing = row.standing.replace('_', " ");
    [printable(&row.id).into_owned()].into_iter().chain(versions).chain([standing]).collect()
}

/// Lines below the plugin's own: what is newer and would be refused, and why it could not be asked.
fn write_objections(text: &mut String, row: &OutdatedPlugin) {
    for passed_over in &row.passed_over {
        let line = format!("{}: {}", passed_over.version, passed_over.objection);
        let _ = writeln!(text, "  {}", printable(&line));
    }
    if row.unjudged_count > 0 {
        let _ = writeln!(text, "  {} behind these not looked at", counted(row.unjudged_count, "newer version"));
    }
    if let Some(objection) = &row.objection {
        let _ = writeln!(text, "  {}", printable(&objection.to_string()));
    }
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let OutdatedPlugins { plugins_directory, plugins } = &self.document;
        if plugins.is_empty() {
            return format!("no plugins in {}\n", printable(plugins_directory));
        }
        let rows: Vec<Vec<String>> = plugins.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (row, values) in plugins.iter().zip(&rows) {
            text.push_str(&columns.line(values));
            write_objections(&mut text, row);
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
