//! `aisoc plugins sync`: the lock as its set has it, then each plugin as the lock accepts it.

use std::collections::HashMap;
use std::path::PathBuf;

use aisoc_installation::{Access, Site};
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::accepted::LockRule;
use aisoc_pipeline::documents::{ExtraPlugin, Objection, PulledPluginSet, SyncedPlugin, SyncedPlugins};
use aisoc_pipeline::fleet::{
    BackOptions, Extra, LockedArtifact, SyncAct, SyncPlan, SyncStep, applied_to, followed_by, foresee,
};
use aisoc_trust::lock_missing;
use aisoc_trust::lockfile::{KnownLock, LockPath, Lockfile};
use serde::Serialize;

use super::super::accepted::{here, shown_lock, tell};
use super::super::several::{self, InTurn};
use super::bring::Bringing;
use super::pull::{Asked, back, document, pull};
use crate::args::accepted::LockChangeArgs;
use crate::args::fleet::{SyncPluginsArgs, SyncTargetArgs};
use crate::args::keyset::FollowedSetArgs;
use crate::args::plugin::RegistryArgs;
use crate::chosen_lock::ChosenLock;
use crate::context::Context;
use crate::output::{Answer, printable};

/// What came of each plugin, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: SyncedPlugins,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        let SyncedPlugins { plugins, extras, .. } = &self.document;
        plugins.iter().filter_map(plugin_line).chain(extras.iter().map(extra_line)).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// Nothing of what was as accepted before: of ten thousand it would hide the one that was not.
fn plugin_line(plugin: &SyncedPlugin) -> Option<String> {
    let SyncedPlugin { id, version, action, why, objection, .. } = plugin;
    let (id, version) = (printable(id), printable(version));
    match objection {
        Some(objection) => Some(format!("failed {id} {version}: {}\n", printable(&objection.to_string()))),
        None if *action == SyncAct::Keep.as_str() => None,
        None => Some(format!("{action} {id} {version}: {}\n", printable(why))),
    }
}

fn extra_document(extra: Extra) -> ExtraPlugin {
    let Extra { id, version, source, fault } = extra;
    ExtraPlugin { id, version, source: source.as_str(), objection: fault.as_ref().map(Objection::from) }
}

fn extra_line(extra: &ExtraPlugin) -> String {
    let ExtraPlugin { id, version, source, objection } = extra;
    let why = objection.as_ref().map(|objection| format!("; {objection}")).unwrap_or_default();
    let (id, version) = (printable(id), printable(version.as_deref().unwrap_or("-")));
    format!("extra {id} {version}: not in plugins.lock ({source}){}\n", printable(&why))
}

/// What says once which set is followed.
const SYNC: &str = "plugins sync";

/// The lock that the plugins are brought to, and what the set that it follows has made of it.
struct Target {
    followed: Option<PulledPluginSet>,
    lock: Lockfile,
}

/// Where everything is, and who changes it.
struct Place<'a> {
    chosen: &'a ChosenLock,
    site: &'a Site,
    access: &'a Access,
    keys_dir: PathBuf,
    registry: &'a RegistryArgs,
}

pub(crate) fn run(args: SyncPluginsArgs, context: &Context) -> Result<u8> {
    let SyncPluginsArgs { target, keep, sources, trust, lock, registry } = args;
    let LockChangeArgs { lock, change } = lock;
    let chosen = context.plugins_lock(lock.plugins_lock)?;
    chosen.announce(&context.output);
    let references = context.environment.reference_rules()?;
    let (site, access) = context.change(change)?;
    let keys_dir = context.keys_directory(trust.trusted_keys.clone());
    let here = here(&site, sources, trust, access.shared_directories, context)?;
    here.trust.require_acknowledged()?;
    let place = Place { chosen: &chosen, site: &site, access: &access, keys_dir, registry: &registry };
    let Target { followed, lock } = place.target(target, context)?;
    let although_pulled = |fault: Fault| match followed.as_ref().is_some_and(|set| set.changed) {
        true => fault.although("plugins.lock is as the set has it"),
        false => fault,
    };
    // Of what a killed run has put in its place nothing would be left to do, but for what it has left beside.
    site.finish_interrupted(&access).map_err(although_pulled)?;
    let mode = context.plugin_mode(None);
    let plan = foresee(&lock, &here, mode).map_err(although_pulled)?;
    tell(&plan.noticed, context)?;
    let artifacts: Vec<&LockedArtifact> = plan.steps.iter().filter_map(|step| step.act.artifact()).collect();
    let named: Vec<&Reference> = artifacts.iter().map(|artifact| &artifact.reference).collect();
    let client = context.client(&registry, &named).map_err(although_pulled)?;
    // Where something comes, each install says so of itself.
    if artifacts.is_empty() {
        context.warn_of_sharing(plan.shared.as_deref());
        context.output.warn_of_keys(&plan.skipped_keys, NO_ENDING_KEYS);
    } else {
        here.trust.require_keys().map_err(although_pulled)?;
    }
    let lock_rule = rule(&chosen.path, &lock, context);
    let trust = here.trust.clone();
    let access = access.clone();
    let bringing = Bringing { site: site.clone(), trust, references, lock: lock_rule, client, keep, access };
    let mut turn = InTurn::default();
    let failures = brought(&plan.steps, &bringing, &mut turn, context);
    // What is here is looked at again: by the lock as it is then, whoever has changed either meanwhile.
    let looked_at_again = || foresee(&chosen.read()?.ok_or_else(|| lock_missing(&chosen.path))?, &here, mode);
    let after = match context.dry_run().is_on() || artifacts.is_empty() {
        true => After::NothingCame,
        false => After::of(turn.next(looked_at_again), &turn)
            .map_err(|fault| fault.although("what could come was brought"))?,
    };
    let SyncPlan { steps, extras, .. } = plan;
    let Outcomes { plugins, failures, stopped } = Outcomes::of(steps, after, failures);
    announce(&plugins, context);
    let document = SyncedPlugins {
        plugins_lock: shown_lock(&chosen.path, lock.schema()),
        followed,
        is_complete: stopped.is_none() && plugins.iter().all(|plugin| plugin.is_done),
        plugins,
        extras: extras.into_iter().map(extra_document).collect(),
    };
    answer(document, failures, stopped, context)
}

/// The verification of each plugin says which keys end.
const NO_ENDING_KEYS: [&str; 0] = [];

/// In a dry run nothing is written that an install could go by.
fn rule(path: &LockPath, lock: &Lockfile, context: &Context) -> LockRule {
    match context.dry_run().is_on() {
        true => LockRule::Foreseen { path: path.clone(), lock: lock.clone() },
        false => LockRule::AsSigned { path: path.clone(), known: KnownLock::of(lock) },
    }
}

impl Place<'_> {
    /// The lock as the set has it that it follows, as it was before, or as it stands.
    fn target(&self, asked: SyncTargetArgs, context: &Context) -> Result<Target> {
        let SyncTargetArgs { source, rollback, followed } = asked;
        let lock = self.chosen.path.to_path_buf();
        if let Some(reason) = followed.reason.clone().filter(|_| rollback) {
            let (site, access) = (self.site.clone(), self.access.clone());
            let (document, lock) = back(&BackOptions { lock, site, access, reason, is_once: true }, context)?;
            return Ok(Target { followed: Some(document), lock });
        }
        let FollowedSetArgs { name, required_signatures, save, reason } = &followed;
        let is_asked = source.is_some() || name.is_some() || required_signatures.is_some() || *save || reason.is_some();
        // Whoever followed a set and says no more from where goes by a lock that nobody renews.
        if is_asked || followed_by(&lock)?.is_some() || applied_to(&lock)?.is_some() {
            let keys_dir = self.keys_dir.clone();
            let asked = Asked { command: SYNC, lock, keys_dir, source, followed, registry: self.registry };
            let (done, options) = pull(asked, self.site, self.access, context)?;
            return Ok(Target { followed: Some(document(&done, &options)), lock: done.accepted });
        }
        let lock = self.chosen.read()?.ok_or_else(|| nothing_to_go_by(&self.chosen.path))?;
        Ok(Target { followed: None, lock })
    }
}

/// A host that was told nothing yet.
fn nothing_to_go_by(path: &LockPath) -> Fault {
    lock_missing(path).hint(
        "say once which set is followed: `aisoc plugins sync REF --name NAME --required-signatures COUNT --save`, or \
         name a lock with `--plugins-lock PATH`",
    )
}

/// Brings each plugin that has to come, and says why some have not. Of a command that is stopped what is done then is
/// done, and the next run goes on.
fn brought(steps: &[SyncStep], bringing: &Bringing, turn: &mut InTurn, context: &Context) -> HashMap<String, Fault> {
    let failure = |SyncStep { entry, act, differs, .. }: &SyncStep| {
        let failure = match (act, act.artifact()) {
            (SyncAct::Keep, _) => None,
            (_, Some(artifact)) => turn.next(|| bringing.bring(artifact, context)).err(),
            (_, None) => differs.clone(),
        };
        failure.map(|fault| (entry.id.clone(), fault))
    };
    steps.iter().filter_map(failure).collect()
}

/// What is known of the plugins once all that could come was brought.
enum After {
    /// What was known before.
    NothingCame,
    /// The command was stopped: each that has come was judged when it came, and nobody has looked again.
    Stopped(Fault),
    /// Each as it is by the lock as it is.
    Seen(Vec<SyncStep>),
}

impl After {
    /// # Errors
    /// Whatever kept it from being looked at, but for a stop.
    fn of(looked_at_again: Result<SyncPlan>, turn: &InTurn) -> Result<Self> {
        match looked_at_again {
            Ok(plan) => Ok(Self::Seen(plan.steps)),
            Err(fault) if turn.is_stopped() => Ok(Self::Stopped(fault)),
            Err(fault) => Err(fault),
        }
    }
}

/// What became of each plugin, and why of those that are not here as they were accepted.
#[derive(Default)]
struct Outcomes {
    plugins: Vec<SyncedPlugin>,
    failures: Vec<(String, Fault)>,
    /// Why not all was done, or looked at again.
    stopped: Option<Fault>,
}

impl Outcomes {
    /// One that is here as it was accepted is done, whoever has brought it; one that is not has failed, whatever was
    /// done. Of a dry run it is known what would fail.
    fn of(steps: Vec<SyncStep>, after: After, mut failures: HashMap<String, Fault>) -> Self {
        let by_id = |steps: Vec<SyncStep>| steps.into_iter().map(|step| (step.entry.id.clone(), step)).collect();
        let (mut after, stopped): (HashMap<String, SyncStep>, _) = match after {
            After::NothingCame => return Self::foreseen(steps, failures),
            After::Stopped(fault) => (HashMap::new(), Some(fault)),
            After::Seen(after) => (by_id(after), None),
        };
        let mut outcomes = Self::default();
        for step in steps {
            let failure = failures.remove(&step.entry.id);
            let now = after.remove(&step.entry.id);
            let failure = match stopped {
                Some(_) => failure,
                None => {
                    let differs = now.map_or_else(|| Some(went(&step)), |now| now.differs);
                    let is_brought = failure.is_none() && step.act.artifact().is_some();
                    let differs = differs.map(|differs| if is_brought { although_brought(differs) } else { differs });
                    differs.map(|differs| failure.unwrap_or(differs))
                }
            };
            outcomes.add(&step, failure.is_none(), failure);
        }
        outcomes.stopped = stopped;
        let mut added: Vec<_> = after.into_values().collect();
        added.sort_by(|one, other| one.entry.id.cmp(&other.entry.id));
        added.iter().for_each(|step| outcomes.add(step, step.is_done(), step.differs.clone()));
        outcomes
    }

    /// Of what was not looked at again: nothing has come, or nothing may.
    fn foreseen(steps: Vec<SyncStep>, mut failures: HashMap<String, Fault>) -> Self {
        let mut outcomes = Self::default();
        steps.iter().for_each(|step| outcomes.add(step, step.is_done(), failures.remove(&step.entry.id)));
        outcomes
    }

    fn add(&mut self, step: &SyncStep, is_done: bool, failure: Option<Fault>) {
        self.plugins.push(SyncedPlugin {
            id: step.entry.id.clone(),
            version: step.entry.version.clone(),
            action: step.act.as_str(),
            why: step.why(),
            previous_version: step.present_version.clone(),
            reference: step.act.artifact().map(|artifact| artifact.reference.to_string()),
            is_done,
            objection: failure.as_ref().map(Objection::from),
        });
        self.failures.extend(failure.map(|fault| (step.entry.id.clone(), fault)));
    }
}

/// An entry that somebody has taken out of the lock while its plugin was brought.
fn went(step: &SyncStep) -> Fault {
    Fault::new(Reason::MissingFromLock, "it was accepted when this began, and plugins.lock does not list it now")
        .expected(&step.entry.version, "none")
        .hint("see who has changed it: `aisoc plugins journal show`")
}

/// What somebody has changed since, or what cannot be looked at.
fn although_brought(differs: Fault) -> Fault {
    differs.although("it was brought as it was accepted")
}

fn announce(plugins: &[SyncedPlugin], context: &Context) {
    let changed = plugins.iter().filter(|plugin| plugin.action != SyncAct::Keep.as_str() && plugin.objection.is_none());
    let total = counted(plugins.len(), "plugin");
    let failed = plugins.iter().filter(|plugin| plugin.objection.is_some()).count();
    match changed.count() {
        count if failed > 0 => {
            let said = format!("{count} of {total} in plugins.lock, and {failed} failed");
            context.output.status(context.said("Synced", "Would sync"), said);
        }
        0 => context.output.status("Unchanged", format!("{total} in plugins.lock")),
        count => {
            context.output.status(context.said("Synced", "Would sync"), format!("{count} of {total} in plugins.lock"))
        }
    }
}

fn answer(
    document: SyncedPlugins,
    failures: Vec<(String, Fault)>,
    stopped: Option<Fault>,
    context: &Context,
) -> Result<u8> {
    // A plugin that fails alone is named as well.
    let total = (document.plugins.len() + document.extras.len()).max(2);
    let what = context.said("are not as plugins.lock has them", "would not be as plugins.lock has them");
    // A stop counts most: of those that are not done it has a line each, and may come when all are.
    let refusal = several::refusal(total, what, failures, context)
        .filter(|refusal| stopped.is_none() || refusal.class() == Class::Interrupted)
        .or(stopped);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Outcome { document, exit_code })?;
    refusal.map_or(Ok(0), Err)
}
