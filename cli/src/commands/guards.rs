//! What guards everything that comes into a plugins directory, by whichever command it comes: as it was typed, and as the
//! site has it.

use aisoc_installation::Access;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::InstallOptions;
use aisoc_registry_client::ClientOptions;
use aisoc_trust::{CapabilityConsent, Consent};

use super::lock_rule::{AskedLock, lock_rule};
use crate::args::known::Capabilities;
use crate::args::plugin::GuardArgs;
use crate::context::{Context, coverage_floor};
use crate::proofs;

/// What each plugin is installed by. Nothing is said of one alone: no digest is required, and all may come. `client` is how
/// registries are asked.
///
/// # Errors
/// `usage` for what does not go together; those of reading the rules, the lock and the site.
pub(super) fn guarded(
    mut args: GuardArgs,
    consent: Consent,
    client: ClientOptions,
    context: &Context,
) -> Result<InstallOptions> {
    let has_rules = context.trust_policy(args.trust.trust_policy.clone()).is_some();
    let typed = proofs::typed(&mut args.trust.required, args.proofs, has_rules, &context.environment)?;
    let references = context.environment.reference_rules()?;
    let asked = AskedLock { records: args.lock, is_locked: args.locked, lock: args.plugins_lock, mode: args.mode };
    let (lock, floor) = lock_rule(asked, args.floor, context)?;
    let (site, access) = context.change(args.change)?;
    let mut trust = context.trust(args.trust, &site)?;
    trust.demands.proofs = typed.demands;
    trust.require_acknowledged()?;
    let access = Access { coverage_floor: coverage_floor(floor, trust.policy.mode)?, consent, ..access };
    let (only, require_digest, is_on_trial) = (None, None, false);
    Ok(InstallOptions {
        site,
        trust,
        only,
        require_digest,
        references,
        bundles: typed.bundles.into(),
        lock,
        client,
        keep: args.keep,
        is_on_trial,
        access,
    })
}

/// What is accepted of what is new in what a plugin asks for.
pub(super) fn accepted(capabilities: Option<Capabilities>) -> CapabilityConsent {
    match capabilities {
        Some(Capabilities(accepted)) => CapabilityConsent::These(accepted),
        None => CapabilityConsent::Nothing,
    }
}
