//! `aisoc plugins verify`

use std::fmt::Write as _;

use aisoc_manifests::fault::{Class, Fault, Result};
use aisoc_pipeline::{AtRest, AtRestOptions, Evidence, PluginAtRest, Unchanged, verify_at_rest};
use serde::Serialize;

use super::list::Standing;
use crate::args::plugin::VerifyAtRestArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

#[derive(Serialize)]
struct Verdicts {
    plugins_dir: String,
    verified: usize,
    refused: usize,
    plugins: Vec<Row>,
    #[serde(skip)]
    exit_code: u8,
}

#[derive(Serialize)]
struct Row {
    id: String,
    version: Option<String>,
    signature_status: &'static str,
    signing_key_id: Option<String>,
    coverage: &'static str,
    /// `read` or `cached`.
    evidence: &'static str,
    error: Option<String>,
}

pub(crate) fn run(args: VerifyAtRestArgs, context: &Context) -> Result<u8> {
    let options = AtRestOptions {
        plugins_dir: context.plugins_dir(args.plugins_dir),
        only: args.ids,
        trust: context.trust(args.trust),
        unchanged: if args.cached { Unchanged::Believed } else { Unchanged::Read },
        limits: context.limits()?,
    };
    let AtRest { plugins, skipped_keys, cache_problem } = verify_at_rest(&options)?;
    for skipped in skipped_keys {
        context.output.warning(format!("key file not used: {skipped}"));
    }
    if let Some(problem) = cache_problem {
        context.output.warning(problem);
    }
    let total = plugins.len();
    let mut refusals = Vec::new();
    let rows: Vec<Row> = plugins.into_iter().map(|plugin| row(plugin, &mut refusals)).collect();
    context.output.status("Verified", format!("{} of {total} plugins", total - refusals.len()));
    let refusal = summary(refusals.len(), total, refusals);
    context.output.answer(&Verdicts {
        plugins_dir: options.plugins_dir.display().to_string(),
        verified: total - rows.iter().filter(|row| row.error.is_some()).count(),
        refused: refusal.as_ref().map_or(0, |(count, _)| *count),
        plugins: rows,
        exit_code: refusal.as_ref().map_or(0, |(_, fault)| fault.class().exit_code()),
    })?;
    refusal.map_or(Ok(0), |(_, fault)| Err(fault))
}

fn row(plugin: PluginAtRest, refusals: &mut Vec<Fault>) -> Row {
    let PluginAtRest { directory, version, verdict, evidence, .. } = plugin;
    let Standing { signature_status, signing_key_id, coverage, error } = Standing::of(&verdict);
    if let Err(fault) = verdict {
        refusals.push(fault.about(&directory));
    }
    let evidence = match evidence {
        Evidence::Read => "read",
        Evidence::Believed => "cached",
    };
    Row { id: directory, version, signature_status, signing_key_id, coverage, evidence, error }
}

/// One refusal stands for all, and a no of trust before what could not be read.
fn summary(count: usize, total: usize, mut refusals: Vec<Fault>) -> Option<(usize, Fault)> {
    refusals.sort_by_key(|fault| fault.class() != Class::Refused);
    let first = refusals.into_iter().next()?;
    let fault =
        if count > 1 { first.about(format!("{count} of {total} plugins are refused, the first is")) } else { first };
    Some((count, fault))
}

impl Answer for Verdicts {
    fn text(&self) -> String {
        let width = self.plugins.iter().map(|row| row.id.chars().count()).max().unwrap_or(2).max(2);
        let mut text = format!("{:<width$}  {:<10}  {:<9}  {:<8}  KEY\n", "ID", "VERSION", "SIGNATURE", "COVERAGE");
        for row in &self.plugins {
            let or_dash = |value: &Option<String>| printable(value.as_deref().unwrap_or("-"));
            let _ = writeln!(
                text,
                "{:<width$}  {:<10}  {:<9}  {:<8}  {}",
                printable(&row.id),
                or_dash(&row.version),
                row.signature_status,
                row.coverage,
                or_dash(&row.signing_key_id),
            );
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
