//! `aisoc explain`

use std::fmt::Write as _;

use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{ExplainedDecision, ExplainedGate};
use aisoc_pipeline::{AtRestOptions, Subject};

use super::verify::as_text;
use crate::args::plugin::ExplainArgs;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, printable};
use crate::runtime;

impl Answer for ExplainedDecision {
    fn text(&self) -> String {
        let id = self.id.as_deref().unwrap_or("a plugin whose id cannot be read");
        let mut text = format!("{}: {}\n", printable(id), self.verdict.replace('_', " "));
        write_gates(&mut text, &self.gates);
        text
    }
}

/// Every gate in a line, and its checks below it.
pub(super) fn write_gates(text: &mut String, gates: &[ExplainedGate]) {
    for gate in gates {
        let ExplainedGate { gate: number, name, result, asked_elsewhere, checks } = gate;
        let elsewhere = asked_elsewhere.map(|elsewhere| format!("  {elsewhere}")).unwrap_or_default();
        let _ = writeln!(text, "{}  {number:<2}  {name}{elsewhere}", mark(result));
        for check in checks {
            let line = format!("        {}  {}  {}", mark(check.result), check.name, printable(&check.evidence));
            let _ = writeln!(text, "{}", line.trim_end());
            if let Some(hint) = &check.hint {
                let _ = writeln!(text, "            to change it: {}", printable(hint));
            }
        }
    }
}

fn mark(result: &str) -> &'static str {
    match result {
        "passed" => "ok",
        "failed" => "NO",
        _ => "--",
    }
}

/// What is decided is the answer, so a refusal that was explained is no failure of this command.
pub(crate) fn run(args: ExplainArgs, context: &Context) -> Result<u8> {
    let site = context.site(args.plugins_dir);
    let subject = Subject::parse(&args.source, &site)?;
    let trust = context.trust(args.trust, &site)?;
    let reporter = context.output.reporter();
    let is_installed = matches!(subject, Subject::Installed { .. });
    let verification = match subject {
        Subject::Source(source) => {
            let named: Vec<_> = source.artifact().into_iter().collect();
            let client = context.client(&args.registry, &named)?;
            let explained = aisoc_pipeline::explain_offer(&source, &site, &trust, &client, &reporter);
            runtime::block_on(context.cancellation()?, explained)?
        }
        Subject::Installed { id, .. } => {
            let (limits, shared_directories) = (context.limits()?, shared_directories(&args.shared));
            let options = AtRestOptions { site, only: vec![id.to_string()], trust, limits, shared_directories };
            aisoc_pipeline::verify_installed(&options)?.verification
        }
    };
    drop(reporter);
    context.output.answer(&ExplainedDecision::of(as_text(args.source), is_installed, &verification))
}
