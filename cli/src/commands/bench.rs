//! Showing all problems of a manifest at once, as several author commands do.

use aisoc_manifests::fault::{Fault, Location, Result};
use aisoc_manifests::plugin::Problem;

use crate::context::Context;

/// A problem as a refusal of its own, with the path as the user would write it.
fn fault(shown: &str, problem: Problem) -> Fault {
    let Problem { reason, location, message, instead } = problem;
    let fault = Fault::new(reason, message).at(Location { file: shown.to_owned(), ..location });
    instead.into_iter().fold(fault, Fault::hint)
}

/// Shows every problem, each as an error of its own, and gives the exit code of the first; nothing when there is
/// none.
///
/// # Errors
/// With `--json` the first problem, with all of them in it: a document holds one error.
pub(crate) fn refuse(shown: &str, problems: Vec<Problem>, context: &Context) -> Result<u8> {
    let problems: Vec<Fault> = problems.into_iter().map(|problem| fault(shown, problem)).collect();
    let Some(first) = problems.first() else { return Ok(0) };
    let exit_code = first.class().exit_code();
    if context.output.json() {
        return Err(summary(shown, first, problems.len()).problems_are(problems));
    }
    problems.iter().for_each(|problem| context.output.error(problem));
    Ok(exit_code)
}

/// One refusal that stands for all.
fn summary(shown: &str, first: &Fault, count: usize) -> Fault {
    if count == 1 {
        return first.clone();
    }
    let message = format!("{count} problems in {shown}, the first: {first}");
    Fault::new(first.reason(), message).hint(first.next_step())
}
