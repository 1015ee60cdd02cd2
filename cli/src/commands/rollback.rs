//! `aisoc plugin rollback`

use aisoc_installation::{Access, Leaving};
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_pipeline::documents::{Objection, RolledBackPlugin};
use aisoc_pipeline::{Rollback, RollbackOptions};

use super::installing::{judged, owned, record_registered, warn_of_objection, warn_of_override};
use super::lock_rule::{AskedLock, lock_rule, say_accepted};
use super::uninstall::plugin_id;
use super::{grants, replaced};
use crate::args::known::Capabilities;
use crate::args::plugin::RollbackArgs;
use crate::context::{Context, coverage_floor};
use crate::output::{Answer, path_text};

impl Answer for RolledBackPlugin {
    fn text(&self) -> String {
        format!("{}\n", self.artifact_digest)
    }
}

pub(crate) fn run(args: RollbackArgs, context: &Context) -> Result<u8> {
    let (site, access) = context.change(args.change)?;
    let trust = context.trust(args.trust, &site)?;
    let asked = AskedLock { records: args.lock, is_locked: false, lock: args.plugins_lock, mode: args.mode };
    let (lock, floor) = lock_rule(asked, args.floor, context)?;
    let access = Access { coverage_floor: coverage_floor(floor, trust.policy.mode)?, ..access };
    let accepted_capabilities = args.accept_capabilities.map(|Capabilities(accepted)| accepted);
    let id = aisoc_pipeline::installed(&plugin_id(&args.id)?, &site)?;
    let options =
        RollbackOptions { site, id, to: args.to, trust, lock, accepted_capabilities, leaving: Leaving::IsKept, access };
    context.output.answer(&roll_back(&options, context)?)
}

/// Puts a kept version back, and says what somebody should know of it.
pub(super) fn roll_back(options: &RollbackOptions, context: &Context) -> Result<RolledBackPlugin> {
    let mut log = context.event_log()?;
    let reporter = context.output.reporter();
    let rollback = aisoc_pipeline::roll_back(options, &reporter)?;
    drop(reporter);
    let objection = rollback.signature.objection.as_ref();
    let done = format!("{} `{}`", context.said("rolled back", "would roll back"), options.id);
    warn_of_objection(&done, objection, options.trust.policy.mode, &context.output);
    warn_of_override(&done, &rollback.signature, &context.output);
    context.output.warn_of_keys(&rollback.signature.skipped_keys, &rollback.signature.ending_keys);
    if let Some(replaced) = &rollback.replaced {
        replaced::warn(&options.id, &rollback.version, &rollback.signature, replaced, &context.output);
    }
    grants::say(&options.id, &rollback.grants, context);
    context.warn_of_lowering(&options.id, rollback.lowered_from, rollback.signature.coverage);
    context.warn_of_leftovers(&rollback.leftovers);
    announce(&options.id, &rollback, context);
    record_registered(log.as_mut(), &options.id, &rollback.version, &rollback.signature)?;
    say_accepted(&options.lock, rollback.lock, (&options.id, &rollback.version), context);
    Ok(RolledBackPlugin {
        id: options.id.to_string(),
        version: rollback.version,
        artifact_digest: rollback.digest.to_string(),
        directory: path_text(&rollback.directory),
        signature: judged(&rollback.signature),
        previous_version: rollback.from,
        previous_signers: rollback.replaced.as_ref().map(|replaced| replaced::signers(replaced.signers.signers())),
        added_signers: rollback.replaced.as_ref().map(|replaced| replaced::signers(&replaced.added_signers)),
        previous_reference: rollback.replaced.and_then(|replaced| replaced.reference),
        signers: replaced::signers(&rollback.signature.signers),
        lowered_from: rollback.lowered_from,
        is_locked: rollback.lock.is_accepted,
        added_capabilities: rollback.grants.added().map(owned),
        removed_capabilities: rollback.grants.removed().map(owned),
        capabilities: rollback.grants.now.into_iter().collect(),
        objection: rollback.signature.objection.as_ref().map(Objection::from),
    })
}

/// A kept version may be older or newer than what it replaces.
fn announce(id: &PluginId, rollback: &Rollback, context: &Context) {
    let version = &rollback.version;
    let from = rollback.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    match rollback.is_unchanged {
        true => context.output.status(context.said("Up to date", "Would keep"), format!("{id} {version}")),
        false => context.output.status(context.said("Switched", "Would roll back"), format!("{id}{from} to {version}")),
    }
}
