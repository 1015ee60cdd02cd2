//! `aisoc plugins verify`

use std::fmt::Write as _;

use aisoc_installation::escaped;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{PluginVerdict, PluginVerdicts, VerdictCounts};
use aisoc_pipeline::{AtRest, AtRestOptions, Judgement, PluginAtRest, verify_at_rest};
use aisoc_trust::SignatureStatus;
use serde::Serialize;

use super::columns::Columns;
use super::list::{self, ending_keys, judgement, write_leniency, write_place};
use super::several::worst;
use super::uninstall::installed;
use crate::args::plugin::VerifyAtRestArgs;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, path_text, printable};

/// The verdicts, and what they make of the command.
#[derive(Serialize)]
struct Verdicts {
    #[serde(flatten)]
    document: PluginVerdicts,
    #[serde(skip)]
    exit_code: u8,
    /// Whether what would mend each is said as well.
    #[serde(skip)]
    with_cures: bool,
}

pub(crate) fn run(args: VerifyAtRestArgs, context: &Context) -> Result<u8> {
    let site = context.site(args.plugins_dir);
    let options = AtRestOptions {
        only: installed(args.ids, &site)?,
        trust: context.trust(args.trust, &site)?,
        site,
        limits: context.limits()?,
        shared_directories: shared_directories(&args.shared),
    };
    let AtRest { plugins, skipped_keys, shared } = verify_at_rest(&options)?;
    context.warn_of_sharing(shared.as_deref());
    context.warn_of_keys(&skipped_keys, ending_keys(&plugins));
    let foresees = args.dry_run;
    if plugins.is_empty() && !foresees {
        let message = format!("there is no plugin in `{}`", options.site.path().display());
        return Err(Fault::new(Reason::PluginNotFound, message)
            .hint("check the path, or install one: `aisoc plugin install REF`"));
    }
    let counts = counts(&plugins);
    context.output.status("Verified", counts_text(counts));
    let total = plugins.len();
    let mut refusals = Vec::new();
    let rows: Vec<PluginVerdict> = plugins.into_iter().map(|plugin| row(plugin, &mut refusals)).collect();
    let refusal = worst(total, "are refused", refusals);
    let document = PluginVerdicts {
        plugins_directory: path_text(options.site.path()),
        shared: shared.is_some(),
        counts,
        plugins: rows,
    };
    // Whoever asks beforehand has not failed by the answer.
    let refusal = refusal.filter(|_| !foresees);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Verdicts { document, exit_code, with_cures: foresees })?;
    refusal.map_or(Ok(0), Err)
}

fn counts(plugins: &[PluginAtRest]) -> VerdictCounts {
    let mut counts = VerdictCounts::default();
    for plugin in plugins {
        *count_of(&mut counts, &plugin.verdict) += 1;
    }
    counts
}

fn count_of<'a>(counts: &'a mut VerdictCounts, verdict: &Result<Judgement>) -> &'a mut usize {
    let Ok(judgement) = verdict else { return &mut counts.refused };
    match judgement.status {
        SignatureStatus::Verified if judgement.objection.is_none() => &mut counts.verified,
        SignatureStatus::Verified => &mut counts.verified_in_part,
        SignatureStatus::Unsigned => &mut counts.unsigned,
        SignatureStatus::Invalid => &mut counts.invalid,
        SignatureStatus::Skipped => &mut counts.skipped,
    }
}

/// `1 of 3 plugins, 1 unsigned, 1 refused`: what is not verified is named as what it is.
fn counts_text(counts: VerdictCounts) -> String {
    let VerdictCounts { verified, verified_in_part, unsigned, invalid, skipped, refused } = counts;
    let others = [
        (verified_in_part, "verified in part"),
        (unsigned, "unsigned"),
        (invalid, "invalid"),
        (skipped, "skipped"),
        (refused, "refused"),
    ];
    let total = verified + others.iter().map(|(count, _)| count).sum::<usize>();
    let mut text = format!("{verified} of {}", counted(total, "plugin"));
    for (count, word) in others.iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, ", {count} {word}");
    }
    text
}

fn row(plugin: PluginAtRest, refusals: &mut Vec<Fault>) -> PluginVerdict {
    let (signature, objection) = judgement(&plugin);
    let admitted = plugin.verdict.is_ok();
    let PluginAtRest { id, directory, path, version, verdict, .. } = plugin;
    if let Err(fault) = verdict {
        refusals.push(fault.about(&id));
    }
    let name = (directory != id).then_some(directory);
    let directory = escaped(path.as_os_str());
    PluginVerdict { id, directory, name, version, admitted, signature, objection }
}

const HEADING: [&str; 5] = ["ID", "VERSION", "SIGNATURE", "COVERAGE", "KEY"];

fn values(row: &PluginVerdict) -> Vec<String> {
    list::columns(&row.id, row.version.as_deref(), &row.signature)
}

impl Answer for Verdicts {
    fn text(&self) -> String {
        let rows: Vec<Vec<String>> = self.document.plugins.iter().map(values).collect();
        let columns = Columns::of(&HEADING, &rows);
        let mut text = columns.line(&HEADING);
        for (row, values) in self.document.plugins.iter().zip(&rows) {
            text.push_str(&columns.line(values));
            write_place(&mut text, row.name.as_deref());
            write_leniency(&mut text, &row.signature);
            if let Some(objection) = &row.objection {
                let _ = writeln!(text, "  {}", printable(&objection.to_string()));
                if self.with_cures {
                    let _ = writeln!(text, "  cure: {}", printable(&objection.hint));
                }
            }
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
