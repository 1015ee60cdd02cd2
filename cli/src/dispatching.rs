//! What stands between what was typed and the command: who is compiled in, what is denied, and who is called around it.
//!
//! The order, each a function: the program begins (`begin`: the tree of commands, who is compiled in, the rule that counts,
//! what is called at the beginning), a command is found and judged and given (`give`), the program ends (`end`).

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aisoc_dispatch::{
    CommandId, CommandTree, Denial, Given, PolicyFile, Program, Refusal, Setup, find_source, text_of,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_manifests::warning::Warning;
use aisoc_platform::{Ctx, Error, Handler, registered_plugins};

use crate::clock;
use crate::commands::{COMMANDS, Typed, parser, tree, without_denied};
use crate::config_directory::{ConfigDirectory, PolicyUse};
use crate::context::Context;
use crate::environment::{Environment, POLICY};
use crate::output::{Manner, Output, Reports};
use crate::usage;
use crate::variables::{POLICY_USES, Word as _};
use crate::wanted::while_wanted;

/// How much of a word that is none is shown.
const MAX_SHOWN: usize = 80;

/// Installs what is compiled in, finds the rule that counts, and starts.
///
/// # Errors
/// Why no command runs, help included.
pub(crate) fn begin(environment: &Environment, reports: &Reports) -> Result<Program> {
    let (tree, directory) = (tree(COMMANDS), ConfigDirectory::of(environment));
    directory.iter().try_for_each(ConfigDirectory::require)?;
    let look = || directory.as_ref().map_or(PolicyFile::Absent, ConfigDirectory::policy);
    // A host goes on for as long as nobody ends it: it does not begin without the policy that somebody has written for it.
    let of_host = (tree.find("serve") == Some(typed(&tree, environment).0)).then(look);
    let is_unusable = matches!(of_host, Some(PolicyFile::Unusable(_)));
    let setup = Setup {
        registered: &registered_plugins(),
        version: env!("CARGO_PKG_VERSION"),
        strict_mode: directory.as_ref().map(ConfigDirectory::strict_mode).transpose()?.flatten(),
        policy_file: || of_host.unwrap_or_else(look),
        is_policy_required: is_unusable || policy_use(environment, reports) == PolicyUse::Require,
    };
    Program::begin(tree, setup, &Ctx::background(), &mut warns(reports)).map_err(|refusal| refusal.fault())
}

/// What comes of a policy that cannot be used. Another word than those that are known counts as the stricter one.
fn policy_use(environment: &Environment, reports: &Reports) -> PolicyUse {
    let Some(text) = environment.variable(POLICY) else { return PolicyUse::default() };
    let text = text.to_string_lossy();
    POLICY_USES.read(&text).unwrap_or_else(|| {
        let said =
            format!("invalid {POLICY} `{}`; falling back to {}", shown(&text, MAX_SHOWN), POLICY_USES.strictest());
        reports.warning(Warning::VariableInvalid, &said, Warning::VariableInvalid.remedy());
        POLICY_USES.strictest
    })
}

/// A command line that was given, and what it has come to.
pub(crate) struct Ended {
    /// The exit code, or what is to be reported.
    pub(crate) result: Result<u8>,
    /// What those are told who are called at the end; the second is none when nobody is.
    err: Option<Error>,
    is_for_completion: bool,
}

impl Ended {
    fn answered(result: Result<u8>) -> Self {
        let err = result.as_ref().err().map(|fault| Error::from(fault.clone()));
        Self { result, err, is_for_completion: false }
    }
}

/// Gives what was typed: help and the version are never denied, and neither is what nobody understands and that is below
/// no denied group.
pub(crate) fn give(program: &Arc<Program>, environment: Environment, reports: &Reports) -> Ended {
    let (found, arguments) = typed(program.tree(), &environment);
    let found = Given::plainly(found);
    match Typed::parse(parser(), &environment) {
        Err(error) if usage::is_answer(&error) => Ended::answered(help(program, error, &environment)),
        Err(error) => match program.denial_given(&found) {
            Some(denial) => {
                let never: Handler = Box::new(|_, _| Err("it is denied".into()));
                ended(dispatch(program, &found, arguments, &Ctx::background(), never, reports), Some(&denial))
            }
            None => Ended::answered(usage::answer(&error, &environment)),
        },
        Ok(typed) => {
            // What runs is what the parser has found, and that is what is judged.
            let given = typed.given(program.tree(), &environment);
            let is_for_completion = typed.path() == "completions";
            let manner =
                Manner { progress: typed.progress_form(), can_draw: environment.can_draw(), clock: clock::now };
            let output = Output::new(&typed.global, reports.clone(), manner);
            let output = output.of_dry_run(typed.is_dry_run());
            // Most hints are made where nobody knows the command line.
            reports.repeat(typed.repeated());
            let context = Context::new(typed.name(), output, environment, COMMANDS, Arc::clone(program));
            let stops = context.stops();
            let ctx = Ctx::background().with_cancellation(move || stops.load(Ordering::SeqCst));
            let denial = program.denial_given(&given);
            let result = dispatch(program, &given, arguments, &ctx, runs(typed, context), reports);
            Ended { is_for_completion, ..ended(result, denial.as_ref()) }
        }
    }
}

/// Calls those who are called at the end.
pub(crate) fn end(program: &Program, ended: Ended, reports: &Reports) -> Result<u8> {
    // A shell asks for completions again and again, and no command was given.
    if !ended.is_for_completion {
        program.end(ended.err, &Ctx::background(), &mut warns(reports));
    }
    ended.result
}

/// The command whose words were typed, as far as they name one, and what was typed behind them. Options that every command has
/// stand anywhere.
fn typed(tree: &CommandTree, environment: &Environment) -> (CommandId, Vec<String>) {
    let words = environment.words().map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.filter(|word| !["--json", "--quiet", "-q"].contains(&word.as_str())).collect();
    let (id, own) = tree.typed(&words.iter().map(String::as_str).collect::<Vec<_>>());
    (id, words[own..].to_vec())
}

/// Help without what is denied, which has its own help all the same.
fn help(program: &Program, error: clap::Error, environment: &Environment) -> Result<u8> {
    let denials = program.denials();
    let error = match denials.iter().next() {
        None => error,
        Some(_) => Typed::parse(without_denied(parser(), program.tree(), &denials), environment).err().unwrap_or(error),
    };
    usage::answer(&error, environment)
}

fn dispatch(
    program: &Program,
    given: &Given,
    arguments: Vec<String>,
    ctx: &Ctx,
    run: Handler,
    reports: &Reports,
) -> aisoc_platform::Result {
    program.give(given, arguments, clock::now().into(), ctx, run, &mut warns(reports))
}

/// The command itself. A wrapper may call it again.
fn runs(typed: Typed, context: Context) -> Handler {
    Box::new(move |ctx, _| {
        context.takes(ctx)?;
        // Nobody but a wrapper has something to take back.
        let result = match context.program.plugins().hooks().wrappers.is_empty() {
            true => typed.run(&context),
            false => while_wanted(ctx, &context.stops(), || typed.run(&context)),
        };
        match result {
            Ok(0) => Ok(()),
            Ok(code) => Err(Unsuccessful(code).into()),
            Err(fault) => Err(fault.into()),
        }
    })
}

/// That a command has answered, and that the answer is a no.
#[derive(Debug, Clone)]
struct Unsuccessful(u8);

impl fmt::Display for Unsuccessful {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "exit code {}", self.0)
    }
}

impl StdError for Unsuccessful {}

/// What a command has come to, once it has gone through those around it.
fn ended(result: aisoc_platform::Result, denial: Option<&Denial>) -> Ended {
    let err = result.err();
    let result = match (&err, denial) {
        (None, _) => Ok(0),
        (Some(_), Some(denial)) => Err(Refusal::of_denial(denial).fault()),
        (Some(error), None) => told(error),
    };
    Ended { result, err, is_for_completion: false }
}

/// What is told of an error: how a wrapper has stopped the command, else what the command itself has come to, else what a
/// wrapper has put in its place.
fn told(error: &Error) -> Result<u8> {
    if let Some(refusal) = Refusal::of_hook(error) {
        return Err(refusal.fault());
    }
    match (find_source(error), find_source::<Fault>(error)) {
        (Some(Unsuccessful(code)), _) => Ok(code),
        (None, Some(fault)) => Err(fault),
        (None, None) => Err(Fault::new(Reason::WrapperFailed, text_of(error))),
    }
}

/// Where it is told what a plugin could not do.
fn warns(reports: &Reports) -> impl FnMut(Warning, String) + '_ {
    |code, said| reports.warning(code, &said, code.remedy())
}
