//! `aisoc reasons`, and the page of the manual made from the same enum.

use std::fmt::Write as _;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{ReasonCode, ReasonCodes, WarningCode};

use crate::args::ReasonsArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for ReasonCodes {
    fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.reasons {
            let _ = writeln!(text, "{} (exit {})\n  {}\n  hint: {}", row.code, row.exit_code, row.meaning, row.hint);
        }
        for row in &self.warnings {
            let _ = writeln!(text, "{} (warning)\n  {}", row.code, row.meaning);
            if let Some(hint) = row.hint {
                let _ = writeln!(text, "  hint: {hint}");
            }
        }
        text
    }
}

pub(crate) fn run(args: ReasonsArgs, context: &Context) -> Result<u8> {
    let answer = match args.code {
        None => ReasonCodes { reasons: reasons(Reason::ALL), warnings: warnings(Warning::ALL) },
        Some(code) => match (Reason::from_code(&code), Warning::from_code(&code)) {
            (Some(reason), _) => ReasonCodes { reasons: reasons(&[reason]), warnings: Vec::new() },
            (None, Some(warning)) => ReasonCodes { reasons: Vec::new(), warnings: warnings(&[warning]) },
            (None, None) => {
                return Err(Fault::new(Reason::Usage, format!("`{}` is not a code", shown(&code, 80)))
                    .hint("see all of them with `aisoc reasons`"));
            }
        },
    };
    context.output.answer(&answer)
}

fn reasons(of: &[Reason]) -> Vec<ReasonCode> {
    of.iter().copied().map(ReasonCode::from).collect()
}

fn warnings(of: &[Warning]) -> Vec<WarningCode> {
    of.iter().copied().map(WarningCode::from).collect()
}

/// `docs/reasons.md`
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Reason codes\n\nEvery refusal of aisoc carries one of these codes: in `error[code]`, and as `reason_code` with\n\
         `--json`. A code keeps its meaning. Generated from the registry in `manifests/src/reason.rs`.\n\n\
         | code | exit | meaning | next step |\n|---|---|---|---|\n",
    );
    for row in reasons(Reason::ALL) {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", row.code, row.exit_code, row.meaning, row.hint);
    }
    page.push_str(
        "\n## Warnings\n\nA command that warns goes on, and its exit code says nothing of it. Every warning carries one of\n\
         these codes: in `warning[code]`, and as `code` in `warnings` with `--json`. Generated from the registry in\n\
         `manifests/src/warning.rs`.\n\n| code | meaning | next step |\n|---|---|---|\n",
    );
    for row in warnings(Warning::ALL) {
        let _ = writeln!(page, "| `{}` | {} | {} |", row.code, row.meaning, row.hint.unwrap_or(""));
    }
    page
}
