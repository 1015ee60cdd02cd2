//! `aisoc config policy show`

use aisoc_dispatch::{Denials, PolicySource};
use aisoc_manifests::fault::Result;
use aisoc_pipeline::documents::{EffectivePolicy, ShownRule};

use super::shown_rule;
use crate::args::config::ShowPolicyArgs;
use crate::context::Context;
use crate::output::{Answer, printable};

impl Answer for EffectivePolicy {
    fn text(&self) -> String {
        let Self { source, source_name, denied_paths, rule, note } = self;
        let Some(rule) = rule else { return format!("source: {source}\nnote: {}\n", note.unwrap_or_default()) };
        let name = source_name.as_deref().filter(|name| !name.is_empty()).map(|name| format!(" {name}"));
        let denied = denied_paths.unwrap_or_default();
        format!("source: {source}{}\ndenied paths: {denied}\n{}", name.unwrap_or_default(), rule_text(rule))
    }
}

/// What a rule says, a line for each key; what it does not say is left out.
pub(super) fn rule_text(rule: &ShownRule) -> String {
    let ShownRule { name, description, allow, deny, max_risk, identities, allow_unannotated } = rule;
    let texts = [("name", name), ("description", description), ("max_risk", max_risk)];
    let lists = [("allow", allow), ("deny", deny), ("identities", identities)];
    let texts = texts.into_iter().map(|(key, text)| (key, printable(text).into_owned()));
    let lists = lists.into_iter().map(|(key, list)| (key, printable(&list.join(", ")).into_owned()));
    let says = texts.chain(lists).filter(|(_, says)| !says.is_empty());
    let unannotated = allow_unannotated.then(|| ("allow_unannotated", "true".to_owned()));
    says.chain(unannotated).map(|(key, says)| format!("{key}: {says}\n")).collect()
}

pub(crate) fn run(ShowPolicyArgs {}: ShowPolicyArgs, context: &Context) -> Result<u8> {
    let program = &context.program;
    let Some(policy) = program.policy() else {
        return context.output.answer(&EffectivePolicy {
            source: "none",
            source_name: None,
            denied_paths: None,
            rule: None,
            note: Some("no plugin has handed over a rule, and no policy file counts"),
        });
    };
    let (source, source_name) = match policy.source() {
        PolicySource::Plugin(name) => ("plugin", name.clone()),
        PolicySource::Yaml => ("yaml", String::new()),
    };
    context.output.answer(&EffectivePolicy {
        source,
        source_name: Some(source_name),
        denied_paths: Some(Denials::judge(program.tree(), Some(policy), None).iter().count()),
        rule: Some(shown_rule(policy.rule())),
        note: None,
    })
}
