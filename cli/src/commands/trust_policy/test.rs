//! `aisoc trust policy test`

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::printable;
use aisoc_pipeline::documents::{TestedTrust, TestedTrustCase};
use aisoc_trust::{TrustCase, TrustRules};
use serde::Serialize;

use super::rules;
use crate::args::trust_policy::TestTrustArgs;
use crate::context::Context;
use crate::output::Answer;

/// What came of the cases, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: TestedTrust,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let line = |case: &TestedTrustCase| {
            let TestedTrustCase { plugin, line, expected, found, is_as_expected, rules, reason } = case;
            let why = reason.as_ref().map_or_else(|| rules.join(", "), Clone::clone);
            let (plugin, why) = (printable(plugin), printable(&why));
            match is_as_expected {
                true => format!("ok    {plugin}, line {line}: {found} ({why})\n"),
                false => format!("FAIL  {plugin}, line {line}: expected {expected}, found {found} ({why})\n"),
            }
        };
        self.document.cases.iter().map(line).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

pub(crate) fn run(args: TestTrustArgs, context: &Context) -> Result<u8> {
    let rules = rules(args.rules, context)?;
    let cases = TrustCase::read(&args.cases)?;
    let cases: Vec<TestedTrustCase> = cases.into_iter().map(|case| tested(case, &rules)).collect();
    let failed_count = cases.iter().filter(|case| !case.is_as_expected).count();
    let fault = (failed_count > 0).then(|| {
        let failed = counted(failed_count, "case");
        Fault::new(Reason::TrustPolicyDiffers, format!("the trust rules say otherwise in {failed} of {}", cases.len()))
    });
    let exit_code = fault.as_ref().map_or(0, |fault| fault.class().exit_code());
    let document = TestedTrust { path: rules.place.clone(), case_count: cases.len(), failed_count, cases };
    context.output.answer(&Outcome { document, exit_code })?;
    fault.map_or(Ok(0), Err)
}

fn tested(case: TrustCase, rules: &TrustRules) -> TestedTrustCase {
    let outcome = rules.suppose(&case);
    let is_as_expected = case.expects(&outcome);
    TestedTrustCase {
        plugin: case.plugin.to_string(),
        line: case.line,
        expected: case.expected,
        found: outcome.as_ref().err().map_or("admitted", |fault| fault.reason().as_str()).to_owned(),
        is_as_expected,
        rules: outcome.as_ref().map(|rules| rules.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        reason: outcome.err().map(|fault| fault.message().to_owned()),
    }
}
