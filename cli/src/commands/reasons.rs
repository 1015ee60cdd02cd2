//! `aisoc reasons`, and the page of the manual made from the same enum.

use std::fmt::Write as _;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_pipeline::documents::{ReasonCode, ReasonCodes};

use crate::args::ReasonsArgs;
use crate::context::Context;
use crate::output::Answer;

impl Answer for ReasonCodes {
    fn text(&self) -> String {
        let mut text = String::new();
        for row in &self.reasons {
            let _ =
                writeln!(text, "{} (exit {})\n  {}\n  hint: {}", row.code, row.exit_code, row.meaning, row.next_step);
        }
        text
    }
}

pub(crate) fn run(args: ReasonsArgs, context: &Context) -> Result<u8> {
    let reasons = match args.code {
        None => Reason::ALL.iter().copied().map(ReasonCode::from).collect(),
        Some(code) => match Reason::from_code(&code) {
            Some(reason) => vec![ReasonCode::from(reason)],
            None => {
                return Err(Fault::new(Reason::Usage, format!("`{}` is not a reason code", shown(&code, 80)))
                    .hint("see all of them with `aisoc reasons`"));
            }
        },
    };
    context.output.answer(&ReasonCodes { reasons })
}

/// `docs/reasons.md`
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Reason codes\n\nEvery refusal of aisoc carries one of these codes: in `error[code]`, and as `reason_code` with\n\
         `--json`. A code keeps its meaning. Generated from the registry in `manifests/src/reason.rs`.\n\n\
         | code | exit | meaning | next step |\n|---|---|---|---|\n",
    );
    for row in Reason::ALL.iter().copied().map(ReasonCode::from) {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", row.code, row.exit_code, row.meaning, row.next_step);
    }
    page
}
