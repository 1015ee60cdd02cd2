//! `aisoc config policy test`

use std::path::Path;

use aisoc_dispatch::{Denials, Policy, PolicySource, read_policy};
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{TestedCase, TestedPolicy};
use aisoc_platform::CommandView as _;
use serde::Serialize;

use super::cases::{Case, read_cases};
use super::judged::{Judged, call};
use super::{located, read, refuse};
use crate::args::config::TestPolicyArgs;
use crate::context::Context;
use crate::output::{Answer, path_text};

/// What came of the cases, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: TestedPolicy,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let line = |case: &TestedCase| {
            let TestedCase { command_path, line, expected, found, is_as_expected, reason } = case;
            let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            match is_as_expected {
                true => format!("ok    {command_path}: {found}\n"),
                false => format!("FAIL  {command_path}, line {line}: expected {expected}, found {found}{why}\n"),
            }
        };
        self.document.cases.iter().map(line).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: TestPolicyArgs, context: &Context) -> Result<u8> {
    let policy = match &args.policy {
        Some(path) => named(path)?,
        None => context.program.policy().cloned().ok_or_else(|| {
            Fault::new(Reason::PolicyMissing, "there is no policy to test")
                .hint("name one: `aisoc config policy test CASES --policy policy.yml`")
        })?,
    };
    let cases = match read_cases(&read(&args.cases, Reason::PolicyCasesInvalid)?, context.program.tree()) {
        Ok(cases) => cases,
        Err(faults) => {
            let shown = path_text(&args.cases);
            let faults = faults.into_iter();
            let faults = faults.map(|(place, message)| located(&shown, place, Reason::PolicyCasesInvalid, message));
            return refuse(&args.cases, faults.collect(), context);
        }
    };
    let cases: Vec<TestedCase> = cases.into_iter().map(|case| tested(case, &policy, context)).collect();
    let failed_count = cases.iter().filter(|case| !case.is_as_expected).count();
    let fault = (failed_count > 0).then(|| {
        let failed = counted(failed_count, "case");
        Fault::new(Reason::PolicyDiffers, format!("the policy says otherwise in {failed} of {}", cases.len()))
    });
    let exit_code = fault.as_ref().map_or(0, |fault| fault.class().exit_code());
    let document = TestedPolicy { case_count: cases.len(), failed_count, cases };
    context.output.answer(&Outcome { document, exit_code })?;
    fault.map_or(Ok(0), Err)
}

/// The policy in a file that somebody names.
fn named(path: &Path) -> Result<Policy> {
    let invalid = |first: String| {
        Fault::new(Reason::PolicyInvalid, format!("`{}` is no policy: {first}", path.display()))
            .hint("see all that is wrong with it: `aisoc config policy validate FILE`")
    };
    let first = |faults: &[String]| invalid(faults.first().cloned().unwrap_or_default());
    let texts = |faults: Vec<String>| first(&faults);
    let rule = read_policy(&read(path, Reason::PolicyInvalid)?)
        .map_err(|faults| texts(faults.iter().map(ToString::to_string).collect()))?;
    Policy::new(PolicySource::Yaml, rule).map_err(|faults| texts(faults.iter().map(ToString::to_string).collect()))
}

fn tested(case: Case, policy: &Policy, context: &Context) -> TestedCase {
    let Case { judged, capabilities, identity, line, expected } = case;
    let tree = context.program.tree();
    let (command_path, denial) = match judged {
        Judged::Command(id) => (tree.path(id).to_owned(), Denials::of(tree, id, Some(policy), None)),
        Judged::Call(id) => {
            let call = call(&id, &capabilities, identity);
            (call.path(), Denials::of_view(&call, Some(policy), None))
        }
    };
    let is_as_expected = match (expected.as_str(), &denial) {
        ("allowed", None) | ("denied", Some(_)) => true,
        (expected, Some(denial)) => denial.code.as_str() == expected,
        (_, None) => false,
    };
    TestedCase {
        command_path,
        line,
        expected,
        found: denial.as_ref().map_or("allowed", |denial| denial.code.as_str()).to_owned(),
        is_as_expected,
        reason: denial.map(|denial| denial.reason),
    }
}
