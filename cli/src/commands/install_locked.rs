//! `aisoc plugin install --locked` without a reference: everything that the lock accepts, and nothing else.

use aisoc_installation::Access;
use aisoc_manifests::fault::Result;
use aisoc_pipeline::accepted::LockRule;
use aisoc_pipeline::documents::{InstalledPlugins, NotInstalled, Objection};
use aisoc_pipeline::fleet::{LockedArtifact, SyncAct, SyncPlan, foresee};
use aisoc_trust::lock_missing;
use aisoc_trust::lockfile::KnownLock;

use super::accepted::{here, tell};
use super::fleet::bring::Bringing;
use super::installing::answer;
use super::several::InTurn;
use crate::args::lock::SourceArgs;
use crate::args::plugin::InstallArgs;
use crate::context::{Context, coverage_floor};
use crate::output::redacted;

/// Every artifact comes by its digest, through every gate; what the lock accepts that comes in none is compared with what
/// is here. The lock answers for what takes whose place, and for what a plugin asks for.
pub(super) fn install_locked(args: InstallArgs, context: &Context) -> Result<u8> {
    let InstallArgs { guards, registry, .. } = args;
    let references = context.environment.reference_rules()?;
    let chosen = context.plugins_lock(guards.plugins_lock.plugins_lock)?;
    let lock = chosen.read()?.ok_or_else(|| lock_missing(&chosen.path))?;
    chosen.announce(&context.output);
    let (site, access) = context.change(guards.change)?;
    let here = here(&site, SourceArgs::default(), guards.trust, access.shared_directories, context)?;
    here.trust.require_acknowledged()?;
    let SyncPlan { steps, noticed, shared, .. } = foresee(&lock, &here, context.plugin_mode(guards.mode.plugin_mode))?;
    tell(&noticed, context)?;
    context.warn_of_sharing(shared.as_deref());
    let artifacts: Vec<_> = steps.iter().map(|step| LockedArtifact::of(&step.entry)).collect();
    if artifacts.iter().any(Option::is_some) {
        here.trust.require_keys()?;
    }
    let named: Vec<_> = artifacts.iter().flatten().map(|artifact| &artifact.reference).collect();
    let client = context.client(&registry, &named)?;
    let access = Access { coverage_floor: coverage_floor(guards.floor, here.trust.policy.mode)?, ..access };
    let (trust, lock) = (here.trust, LockRule::AsSigned { path: chosen.path, known: KnownLock::of(&lock) });
    let bringing = Bringing { site, trust, references, lock, client, keep: guards.keep, access };
    let (mut document, mut faults, mut turn) = (InstalledPlugins::default(), Vec::new(), InTurn::default());
    for (step, artifact) in steps.iter().zip(&artifacts) {
        let done = match (&step.act, artifact) {
            (SyncAct::Refuse, _) => step.differs.clone().map_or(Ok(None), Err),
            (_, Some(artifact)) => turn.next(|| bringing.install(artifact, context)).map(Some),
            (_, None) => Ok(None),
        };
        match done {
            Ok(installed) => document.plugins.extend(installed),
            Err(fault) => {
                let id = &step.entry.id;
                document.failed.push(NotInstalled { source: redacted(id), objection: Objection::from(&fault) });
                faults.push((id.clone(), fault));
            }
        }
    }
    answer(document, faults, context)
}
