//! Showing all problems of a manifest at once, as several author commands do.

use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Location, Result};
use aisoc_manifests::plugin::{Problem, Profile, StrangeKey};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::Bench;

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
    refuse_faults(shown, problems.into_iter().map(|problem| fault(shown, problem)).collect(), context)
}

/// As [`refuse`], for what is no manifest.
///
/// # Errors
/// As [`refuse`].
pub(super) fn refuse_faults(shown: &str, problems: Vec<Fault>, context: &Context) -> Result<u8> {
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

/// Most problems that are warnings of their own; `validate` shows all.
pub(super) const WARNED_PROBLEMS: usize = 5;

/// Holds what is published to the profile that was asked for, if one was. Gives the exit code when there is something
/// to refuse.
pub(super) fn refuse_by(directory: &Path, profile: Option<Profile>, context: &Context) -> Result<Option<u8>> {
    let Some(profile) = profile else { return Ok(None) };
    let bench = Bench::open(directory)?;
    match bench.problems(profile) {
        problems if problems.is_empty() => Ok(None),
        problems => refuse(&bench.shown, problems, context).map(Some),
    }
}

/// Where no profile was asked for: what is no plugin to anybody was refused by whoever read the manifest. What a host's
/// manager refuses is said first, and then what the strict profile refuses alone.
pub(super) fn warn_unless(profile: Option<Profile>, directory: &Path, context: &Context) -> Result<()> {
    if profile.is_none() {
        let bench = Bench::open(directory)?;
        warn_of_strange_keys(&bench, context);
        let manager = warn(&bench, Profile::Manager, context);
        let is_said = |found: &Problem| manager.iter().any(|said| said.is_same_as(found));
        let strict = bench.problems(Profile::Strict).into_iter().filter(|found| !is_said(found));
        say(&bench, strict.collect(), Profile::Strict, context);
    }
    Ok(())
}

/// Says which keys nobody reads that were meant to be read. No more than that: other programs may have keys of their own.
pub(super) fn warn_of_strange_keys(bench: &Bench, context: &Context) {
    for StrangeKey { found, nearest, location } in bench.strange_keys().into_iter().take(WARNED_PROBLEMS) {
        let place = format!("{}:{}:{}", bench.shown, location.line, location.column);
        let said = format!("{place}: nobody reads the key `{found}`, which is nearly `{nearest}`");
        let hint = "correct it if that is what was meant; a key of another program may stay";
        context.output.warning_with(Warning::ManifestKeyStrange, said, Some(hint));
    }
}

/// Says what a profile would refuse, for a command that does not, and gives it.
pub(super) fn warn(bench: &Bench, profile: Profile, context: &Context) -> Vec<Problem> {
    let problems = bench.problems(profile);
    say(bench, problems.clone(), profile, context);
    problems
}

fn say(bench: &Bench, problems: Vec<Problem>, profile: Profile, context: &Context) {
    let rest = problems.len().saturating_sub(WARNED_PROBLEMS);
    for Problem { reason, location, message, instead } in problems.into_iter().take(WARNED_PROBLEMS) {
        let text = format!("{}:{}:{}: {message} ({reason}, {profile})", bench.shown, location.line, location.column);
        context.output.warning_with(Warning::ManifestNotStrict, text, instead.as_deref());
    }
    if rest > 0 {
        let hint = format!("see all with `aisoc plugin validate {} --profile {profile}`", shell_word(&bench.directory));
        context.output.warning_with(Warning::ManifestNotStrict, format!("and {rest} more"), Some(&hint));
    }
}
