//! `aisoc trust policy …`: what has to be shown of which plugin, before anything comes.

pub(super) mod explain;
pub(super) mod show;
pub(super) mod test;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::printable;
use aisoc_pipeline::documents::{ShownTrustKeys, ShownTrustProof, ShownTrustRule};
use aisoc_registry_client::signature_verifiers;
use aisoc_trust::{TrustRule, TrustRules};

use crate::args::trust_policy::TrustRulesArgs;
use crate::context::Context;
use crate::environment::TRUST_POLICY;

/// The rules that are named, or count here.
///
/// # Errors
/// `usage` where there are none; as [`TrustRules::read`].
fn rules(args: TrustRulesArgs, context: &Context) -> Result<TrustRules> {
    let path = context.trust_policy(args.trust_policy).ok_or_else(|| {
        Fault::new(Reason::Usage, "there are no trust rules: no file of them is named")
            .expected(format!("`--trust-policy FILE`, or {TRUST_POLICY}"), "neither")
            .hint("name the file: `aisoc trust policy show --trust-policy FILE`; `aisoc help trust` shows one")
    })?;
    TrustRules::read(&path, signature_verifiers())
}

fn shown(rule: &TrustRule) -> ShownTrustRule {
    let keys = rule.keys.as_ref().map(|keys| ShownTrustKeys { least_count: keys.at_least.get(), of: keys.of.clone() });
    let proofs = rule.proofs.iter().map(|demand| ShownTrustProof {
        kind: demand.kind.to_string(),
        by: demand.by.to_string(),
        builder: demand.builder.as_ref().map(ToString::to_string),
    });
    ShownTrustRule {
        name: rule.name.clone(),
        plugins: rule.scope.plugins.clone(),
        repositories: rule.scope.repositories.clone(),
        keys,
        proofs: proofs.collect(),
    }
}

/// A rule in a few lines.
fn text(rule: &ShownTrustRule) -> String {
    let ShownTrustRule { name, plugins, repositories, keys, proofs } = rule;
    let mut lines = vec![printable(name).into_owned()];
    let about = |what: &str, patterns: &Option<Vec<String>>| {
        patterns.as_ref().map(|patterns| format!("  {what}: {}", printable(&patterns.join(", "))))
    };
    lines.extend(about("plugins", plugins));
    lines.extend(about("from", repositories));
    lines.extend(keys.as_ref().map(|ShownTrustKeys { least_count, of }| match of.is_empty() {
        true => format!("  keys: {least_count} of the trusted keys"),
        false => format!("  keys: {least_count} of {}", printable(&of.join(", "))),
    }));
    lines.extend(proofs.iter().map(|ShownTrustProof { kind, by, builder }| match builder {
        Some(builder) => format!("  proof: {kind} by {by}, built by {builder}"),
        None => format!("  proof: {kind} by {by}"),
    }));
    if keys.is_none() && proofs.is_empty() {
        lines.push("  nothing more than the site asks of all".to_owned());
    }
    lines.join("\n") + "\n"
}
