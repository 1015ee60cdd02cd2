//! What a host may be asked for: the policy of this machine, over what operators ask and over calls of plugins.

use std::sync::Arc;

use aisoc_dispatch::{PluginCall, Program, Refusal};
use aisoc_host::{Asked, CallerKind, Rules};
use aisoc_manifests::capability::{Capability, Impact};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_platform::{Identity, Risk};

use crate::context::Context;

/// The rules of a host: those of the command that it is.
///
/// # Errors
/// `policy_invalid` where the policy file cannot be used: whoever starts a host does not read its warnings. `usage` for a
/// variable that names nobody.
pub(super) fn rules(context: &Context) -> Result<Arc<Rules>> {
    // Looked for before by what was typed, so that it is said once; here it is decided by what runs.
    if let Some(why) = context.program.not_applied() {
        return Err(Fault::new(Reason::PolicyInvalid, why));
    }
    let without_token = context.environment.identity()?.unwrap_or(Identity::User);
    let program = Arc::clone(&context.program);
    Ok(Arc::new(move |asked| denial(&program, asked, &without_token)))
}

/// Refuses to call a plugin that the policy of this machine does not let be called, whatever a host says. What the plugin
/// declares, the host knows alone.
///
/// # Errors
/// As the policy denies it; `usage` for a variable that names nobody.
pub(super) fn require_call(id: &str, context: &Context) -> Result<()> {
    let call = PluginCall { id: id.to_owned(), risk: Risk::Write, identity: context.environment.caller()? };
    let denial = context.program.denial_of(&call);
    denial.map_or(Ok(()), |denial| Err(Refusal::of_denial(&denial).fault()))
}

fn denial(program: &Program, asked: &Asked<'_>, without_token: &Identity) -> Option<Fault> {
    let denial = match *asked {
        Asked::Command(path) => match program.tree().find(path) {
            Some(id) => program.denial(id),
            // Nothing would judge it.
            None => return Some(Fault::new(Reason::Internal, format!("no policy can name `{path}`"))),
        },
        Asked::Call { id, capabilities, by } => program.denial_of(&PluginCall {
            id: id.to_owned(),
            risk: risk(capabilities),
            identity: match by {
                CallerKind::Token | CallerKind::Subject | CallerKind::Host => Identity::Bot,
                CallerKind::Development => without_token.clone(),
            },
        }),
    };
    denial.map(|denial| Refusal::of_denial(&denial).fault())
}

/// A call writes, for all that anybody knows; what changes what others rely on, or reaches other machines, is more.
pub(super) fn risk<'a>(capabilities: impl IntoIterator<Item = &'a Capability>) -> Risk {
    let is_high = capabilities.into_iter().any(|capability| capability.impact() == Impact::High);
    if is_high { Risk::HighRiskWrite } else { Risk::Write }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_as_dangerous_as_what_the_plugin_declares() {
        assert_eq!(risk(&[]), Risk::Write);
        for capability in Capability::ALL {
            let expected = if capability.impact() == Impact::High { Risk::HighRiskWrite } else { Risk::Write };
            assert_eq!(risk(&[Capability::FactsRead, *capability]), expected, "{capability}");
        }
    }
}
