//! `aisoc config policy explain`

use aisoc_dispatch::{AxisOutcome, Denial, Explanation, Program};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{DeniedBelow, ExplainedCommand, PolicyAxis, ShownDenial};
use aisoc_platform::CommandView;

use super::judged::{Judged, call};
use super::names;
use crate::args::config::ExplainPolicyArgs;
use crate::commands::columns::Columns;
use crate::context::Context;
use crate::output::Answer;

const HEADING: [&str; 3] = ["AXIS", "SAYS", "BECAUSE"];
const BELOW: [&str; 2] = ["COMMAND", "DENIED BY"];

impl Answer for ExplainedCommand {
    fn text(&self) -> String {
        let Self { command_path, policy_source, axes, denial, .. } = self;
        let rule = policy_source.as_deref().map_or("no policy counts".to_owned(), |source| format!("policy {source}"));
        let verdict = denial.as_ref().map_or("allowed".to_owned(), |denial| {
            let ShownDenial { layer, policy_source, reason_code, reason, .. } = denial;
            format!("denied by {layer} ({policy_source}), {reason_code}: {reason}")
        });
        let row = |axis: &PolicyAxis| {
            let says = axis.reason_code.unwrap_or("passes").to_owned();
            vec![axis.axis.to_owned(), says, axis.reason.clone()]
        };
        let below = denial.iter().flat_map(|denial| &denial.below);
        let below = below.map(|below| vec![below.command_path.clone(), below.reason_code.to_owned()]);
        let (axes, below) = (axes.iter().map(row).collect::<Vec<_>>(), below.collect::<Vec<_>>());
        format!("{command_path}: {verdict}\n{rule}\n{}{}", table(&HEADING, &axes), table(&BELOW, &below))
    }
}

/// Rows below their heading; nothing where there are none.
fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let columns = Columns::of(heading, rows);
    rows.iter().fold(columns.line(heading), |text, row| text + &columns.line(row))
}

pub(crate) fn run(args: ExplainPolicyArgs, context: &Context) -> Result<u8> {
    let ExplainPolicyArgs { command, capabilities } = args;
    let (program, tree) = (&context.program, context.program.tree());
    let explained = match Judged::named(tree, &command)? {
        Judged::Call(id) => {
            let call = call(&id, &capabilities.unwrap_or_default().0, context.environment.caller()?);
            explained(&call, program.explain_view(&call), program)
        }
        Judged::Command(_) if capabilities.is_some() => {
            return Err(Fault::new(Reason::Usage, "`--capabilities` is what a plugin declares, and here is a command")
                .hint("ask about a call: `aisoc config policy explain plugin/ID/run --capabilities LIST`"));
        }
        // A group is judged by what stands below it, and by no axis.
        Judged::Command(id) => explained(&tree.view(id), program.explain(id), program),
    };
    context.output.answer(&explained)
}

fn explained(
    view: &dyn CommandView,
    (explanation, denial): (Option<Explanation>, Option<Denial>),
    program: &Program,
) -> ExplainedCommand {
    let axes = explanation.map(|explanation| explanation.0).unwrap_or_default();
    ExplainedCommand {
        command_path: view.path(),
        is_allowed: denial.is_none(),
        risk: view.risk().map(|risk| risk.to_string()),
        domain: view.domain(),
        identities: view.identities().map(|identities| names(&identities)),
        policy_source: program.policy().map(|policy| policy.source_label()),
        axes: axes.into_iter().map(axis).collect(),
        denial: denial.map(shown),
    }
}

fn axis(outcome: AxisOutcome) -> PolicyAxis {
    let AxisOutcome { axis, refuses, because, pattern } = outcome;
    let reason_code = refuses.map(|code| code.as_str());
    PolicyAxis { axis: axis.as_str(), passes: refuses.is_none(), reason_code, reason: because, pattern }
}

fn shown(denial: Denial) -> ShownDenial {
    let Denial { layer, policy_source, rule_name, code, reason, children, .. } = denial;
    let below = children.into_iter();
    let below = below.map(|(command_path, code)| DeniedBelow { command_path, reason_code: code.as_str() });
    ShownDenial {
        layer: layer.as_str(),
        policy_source,
        rule_name,
        reason_code: code.as_str(),
        reason,
        below: below.collect(),
    }
}
