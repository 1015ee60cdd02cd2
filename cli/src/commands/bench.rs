//! Showing all problems of a manifest at once, as several author commands do.

use aisoc_manifests::fault::{Fault, Location, Result};
use aisoc_manifests::plugin::Problem;
use aisoc_pipeline::documents::{ManifestProblem, RefusedManifest};
use serde::Serialize;

use crate::context::Context;
use crate::output::{self, Answer};

/// The rows of problems, with the path as the user would write it.
fn rows(shown: &str, problems: Vec<Problem>) -> Vec<ManifestProblem> {
    let row = |problem: Problem| ManifestProblem {
        reason_code: problem.reason.as_str(),
        file: shown.to_owned(),
        line: problem.location.line,
        column: problem.location.column,
        message: output::redacted(&problem.message),
        instead: problem.instead.as_deref().map(output::redacted),
    };
    problems.into_iter().map(row).collect()
}

/// A manifest that was refused, and what that makes of the command.
#[derive(Serialize)]
struct Refused {
    #[serde(flatten)]
    document: RefusedManifest,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Refused {
    fn text(&self) -> String {
        String::new()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// Shows every problem, each as an error of its own or all in one JSON document, and gives the exit
/// code of the first.
pub(crate) fn refuse(shown: &str, problems: Vec<Problem>, context: &Context) -> Result<u8> {
    let exit_code = problems.first().map_or(0, |problem| problem.reason.class().exit_code());
    if context.output.json() {
        let problems = rows(shown, problems);
        let document = RefusedManifest { manifest: shown.to_owned(), problems };
        return context.output.answer(&Refused { document, exit_code });
    }
    for Problem { reason, location, message, instead } in problems {
        let fault = Fault::new(reason, message).at(Location { file: shown.to_owned(), ..location });
        output::report(&instead.into_iter().fold(fault, Fault::hint), false);
    }
    Ok(exit_code)
}
