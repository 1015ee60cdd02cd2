//! `aisoc plugins verify`

use std::fmt::Write as _;

use aisoc_installation::escaped;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_pipeline::{AtRest, AtRestOptions, Judgement, PluginAtRest, verify_at_rest};
use aisoc_trust::SignatureStatus;
use serde::Serialize;

use super::list::{Standing, write_place};
use crate::args::plugin::VerifyAtRestArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

#[derive(Serialize)]
struct Verdicts {
    plugins_dir: String,
    #[serde(flatten)]
    counts: Counts,
    plugins: Vec<Row>,
    #[serde(skip)]
    exit_code: u8,
}

/// How many plugins have which verdict. Each is counted once.
#[derive(Default, Serialize)]
struct Counts {
    verified: usize,
    /// Verified, and let in although the policy asks for more.
    verified_in_part: usize,
    unsigned: usize,
    invalid: usize,
    /// Nothing was checked.
    skipped: usize,
    refused: usize,
}

#[derive(Serialize)]
struct Row {
    id: String,
    /// Its place, from which the path can be had back: bytes that are no UTF-8 are `\xNN`.
    directory: String,
    /// The directory's own name, when it is not the id.
    #[serde(skip)]
    name: Option<String>,
    version: Option<String>,
    /// Nothing where no signature was judged.
    signature_status: Option<&'static str>,
    signing_key_id: Option<String>,
    /// Nothing where it is not known.
    coverage: Option<&'static str>,
    error: Option<String>,
}

pub(crate) fn run(args: VerifyAtRestArgs, context: &Context) -> Result<u8> {
    let options = AtRestOptions {
        site: context.site(args.plugins_dir),
        only: args.ids,
        trust: context.trust(args.trust)?,
        limits: context.limits()?,
    };
    let AtRest { plugins, skipped_keys } = verify_at_rest(&options)?;
    for skipped in skipped_keys {
        context.output.warning(format!("key file not used: {skipped}"));
    }
    if plugins.is_empty() {
        let message = format!("there is no plugin in `{}`", options.site.path().display());
        return Err(Fault::new(Reason::PluginNotFound, message)
            .hint("check the path, or install one: `aisoc plugin install REF`"));
    }
    let counts = Counts::of(&plugins);
    context.output.status("Verified", counts.text());
    let total = plugins.len();
    let mut refusals = Vec::new();
    let rows: Vec<Row> = plugins.into_iter().map(|plugin| row(plugin, &mut refusals)).collect();
    let refusal = summary(total, refusals);
    context.output.answer(&Verdicts {
        plugins_dir: options.site.path().display().to_string(),
        counts,
        plugins: rows,
        exit_code: refusal.as_ref().map_or(0, |fault| fault.class().exit_code()),
    })?;
    refusal.map_or(Ok(0), Err)
}

impl Counts {
    fn of(plugins: &[PluginAtRest]) -> Self {
        let mut counts = Self::default();
        for plugin in plugins {
            *counts.of_verdict(&plugin.verdict) += 1;
        }
        counts
    }

    fn of_verdict(&mut self, verdict: &Result<Judgement>) -> &mut usize {
        let Ok(judgement) = verdict else { return &mut self.refused };
        match judgement.status {
            SignatureStatus::Verified if judgement.objection.is_none() => &mut self.verified,
            SignatureStatus::Verified => &mut self.verified_in_part,
            SignatureStatus::Unsigned => &mut self.unsigned,
            SignatureStatus::Invalid => &mut self.invalid,
            SignatureStatus::Skipped => &mut self.skipped,
        }
    }

    /// `1 of 3 plugins, 1 unsigned, 1 refused`: what is not verified is named as what it is.
    fn text(&self) -> String {
        let Self { verified, verified_in_part, unsigned, invalid, skipped, refused } = *self;
        let others = [
            (verified_in_part, "verified in part"),
            (unsigned, "unsigned"),
            (invalid, "invalid"),
            (skipped, "skipped"),
            (refused, "refused"),
        ];
        let total = verified + others.iter().map(|(count, _)| count).sum::<usize>();
        let mut text = format!("{verified} of {total} plugins");
        for (count, word) in others.iter().filter(|(count, _)| *count > 0) {
            let _ = write!(text, ", {count} {word}");
        }
        text
    }
}

fn row(plugin: PluginAtRest, refusals: &mut Vec<Fault>) -> Row {
    let Standing { signature_status, signing_key_id, coverage, error } = Standing::of(&plugin);
    let PluginAtRest { id, directory, path, version, verdict, .. } = plugin;
    if let Err(fault) = verdict {
        refusals.push(fault.about(&id));
    }
    let name = (directory != id).then_some(directory);
    let directory = escaped(path.as_os_str());
    Row { id, directory, name, version, signature_status, signing_key_id, coverage, error }
}

/// One refusal stands for all, and a no of trust before what could not be read.
fn summary(total: usize, mut refusals: Vec<Fault>) -> Option<Fault> {
    let count = refusals.len();
    refusals.sort_by_key(|fault| fault.class() != Class::Refused);
    let first = refusals.into_iter().next()?;
    Some(if count > 1 { first.about(format!("{count} of {total} plugins are refused, the first is")) } else { first })
}

impl Answer for Verdicts {
    fn text(&self) -> String {
        let width = self.plugins.iter().map(|row| row.id.chars().count()).max().unwrap_or(2).max(2);
        let mut text = format!("{:<width$}  {:<10}  {:<9}  {:<8}  KEY\n", "ID", "VERSION", "SIGNATURE", "COVERAGE");
        for row in &self.plugins {
            let or_dash = |value: &Option<String>| printable(value.as_deref().unwrap_or("-")).into_owned();
            let _ = writeln!(
                text,
                "{:<width$}  {:<10}  {:<9}  {:<8}  {}",
                printable(&row.id),
                or_dash(&row.version),
                row.signature_status.unwrap_or("-"),
                row.coverage.unwrap_or("-"),
                or_dash(&row.signing_key_id),
            );
            write_place(&mut text, row.name.as_deref());
            if let Some(error) = &row.error {
                let _ = writeln!(text, "  {}", printable(error));
            }
        }
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
