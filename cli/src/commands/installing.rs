//! One plugin, installed, and what somebody should know of it.

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Problem;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{InstalledPlugin, InstalledPlugins, Objection, SignatureJudgement};
use aisoc_pipeline::{
    Change, EventLog, InstallOptions, Installation, Judgement, Occurrence, RegistrationMetadata, SigningGrounds, Source,
};
use aisoc_trust::{OVERRIDE_PUBLISHERS, TrustDecision, TrustMode};
use serde::Serialize;

use super::bench::WARNED_PROBLEMS;
use super::grants;
use super::lock_rule::say_accepted;
use super::mistagged::naming_tags;
use super::replaced;
use super::several;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, Output, path_text, printable};
use crate::runtime;

/// What came of each source, and what it makes of the command.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    document: InstalledPlugins,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Outcome {
    fn text(&self) -> String {
        self.document.plugins.iter().map(|plugin| format!("{}\n", printable(&plugin.reference))).collect()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// One that fails alone has an error and no answer, as everywhere; of several, each has its line.
pub(super) fn answer(document: InstalledPlugins, faults: Vec<(String, Fault)>, context: &Context) -> Result<u8> {
    let total = document.plugins.len() + faults.len();
    let refusal = several::refusal(total, context.said("are not installed", "would not be installed"), faults, context);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    if total > 1 || refusal.is_none() {
        context.output.answer(&Outcome { document, exit_code })?;
    }
    refusal.map_or(Ok(0), Err)
}

pub(super) fn install(source: &Source, options: &InstallOptions, context: &Context) -> Result<InstalledPlugin> {
    // Who asks for a log of what comes in lets nothing in without one.
    let mut log = context.event_log()?;
    let unpinned = unpinned(source, options);
    record(log.as_mut(), unpinned.as_slice())?;
    let reporter = context.output.reporter();
    let installed = runtime::block_on(context.cancellation()?, aisoc_pipeline::install(source, options, &reporter));
    drop(reporter);
    let installed = match source.artifact() {
        Some(reference) => naming_tags(installed, reference, &options.client, context)?,
        None => installed?,
    };
    told(installed, source, options, log.as_mut(), context)
}

/// Says what was installed, or would be, and writes it down where events are written down.
pub(super) fn told(
    installed: Installation,
    source: &Source,
    options: &InstallOptions,
    log: Option<&mut EventLog>,
    context: &Context,
) -> Result<InstalledPlugin> {
    warn_of_installed(&installed, options.trust.policy.mode, &context.output);
    grants::say(&installed.id, &installed.grants, context);
    grants::warn_of_not_asked(&installed.id, &installed.grants, &options.access.consent.capabilities, context);
    context.warn_of_lowering(&installed.id, installed.lowered_from, installed.signature.coverage);
    context.warn_of_leftovers(&installed.leftovers);
    announce(&installed, &context.output);
    record_in_place(log, &installed.id, &installed.version, &came_in(&installed))?;
    say_accepted(&options.lock, installed.lock, (&installed.id, &installed.version), context);
    Ok(InstalledPlugin {
        reference: source.pinned(installed.digest)?,
        id: installed.id.to_string(),
        artifact_digest: installed.digest.to_string(),
        index_digest: installed.index.map(|digest| digest.to_string()),
        platform: installed.platform.map(|platform| platform.to_string()),
        directory: path_text(&installed.directory),
        signature: judged(&installed.signature),
        objection: installed.signature.objection.as_ref().map(Objection::from),
        change: installed.change.as_str(),
        lowered_from: installed.lowered_from,
        is_locked: installed.lock.is_accepted,
        added_capabilities: installed.grants.added().map(owned),
        removed_capabilities: installed.grants.removed().map(owned),
        capabilities: installed.grants.now.into_iter().collect(),
        previous_version: installed.change.from().map(str::to_owned),
        previous_signers: installed.replaced.as_ref().map(|replaced| replaced::signers(replaced.signers.signers())),
        added_signers: installed.replaced.as_ref().map(|replaced| replaced::signers(&replaced.added_signers)),
        previous_reference: installed.replaced.and_then(|replaced| replaced.reference),
        signers: replaced::signers(&installed.signature.signers),
        version: installed.version,
    })
}

/// What somebody should know of what was installed, whoever has installed it.
pub(super) fn warn_of_installed(installed: &Installation, mode: TrustMode, output: &Output) {
    let Installation { id, version, signature, .. } = installed;
    let done = format!("{} `{id}`", output.said("installed", "would install"));
    warn_of_objection(&done, signature.objection.as_ref(), mode, output);
    warn_of_override(&done, signature, output);
    output.warn_of_keys(&signature.skipped_keys, &signature.ending_keys);
    if let Some(replaced) = &installed.replaced {
        replaced::warn(id, version, signature, replaced, output);
    }
    for Problem { reason, location, message, .. } in installed.unloadable.iter().take(WARNED_PROBLEMS) {
        let place = format!("{}:{}:{}", location.file, location.line, location.column);
        let said = format!("no host loads `{id}`: {place}: {message} ({reason}, manager)");
        output.warning(Warning::NotLoadable, said);
    }
}

fn record(log: Option<&mut EventLog>, occurrences: &[Occurrence]) -> Result<()> {
    log.map_or(Ok(()), |log| log.record(clock::now(), occurrences))
}

/// That a reference is taken that may name another artifact tomorrow.
fn unpinned(source: &Source, options: &InstallOptions) -> Option<Occurrence> {
    match source.artifact() {
        Some(Reference::Registry(reference)) if reference.digest().is_none() && options.require_digest.is_none() => {
            Some(Occurrence::unpinned(&reference.to_string()))
        }
        _ => None,
    }
}

/// Writes down whose word has let a plugin in.
pub(super) fn record_registered(
    log: Option<&mut EventLog>,
    id: &PluginId,
    version: &str,
    judgement: &Judgement,
) -> Result<()> {
    record_in_place(log, id, version, &[registered(id, version, judgement)])
}

/// Writes down what has happened to a plugin that is in its place by then, whatever becomes of the lines.
fn record_in_place(log: Option<&mut EventLog>, id: &PluginId, version: &str, occurrences: &[Occurrence]) -> Result<()> {
    record(log, occurrences).map_err(|fault| fault.although(format!("`{id}` {version} is in its place")))
}

/// That an artifact was installed, and whose word has let it in.
pub(super) fn came_in(installed: &Installation) -> [Occurrence; 2] {
    [Occurrence::installed(installed), registered(&installed.id, &installed.version, &installed.signature)]
}

pub(super) fn registered(id: &PluginId, version: &str, judgement: &Judgement) -> Occurrence {
    let Judgement { decision, signers, status, objection, .. } = judgement;
    let trust_reason = match (decision, objection) {
        (Some(TrustDecision::OperatorOverride), _) => format!("by {OVERRIDE_PUBLISHERS}"),
        (_, Some(objection)) => format!("although {}: {objection}", objection.reason()),
        (_, None) => status.to_string(),
    };
    let metadata = RegistrationMetadata {
        signed_by: signers.iter().map(ToString::to_string).collect(),
        signing: SigningGrounds { trust_decision: decision.map(TrustDecision::as_str), trust_reason },
    };
    Occurrence::registered(id.as_str(), version, metadata)
}

pub(super) fn owned(words: Vec<&str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// What the gate said, as documents have it.
pub(super) fn judged(judgement: &Judgement) -> SignatureJudgement {
    SignatureJudgement {
        signature_status: Some(judgement.status.as_str()),
        signing_key_id: judgement.key_id.clone(),
        signing_key_fingerprint: judgement.fingerprint.clone(),
        coverage: Some(judgement.coverage.as_str()),
        coverage_accepted_from: judgement.coverage_accepted_from.clone(),
        trust_decision: judgement.decision.map(TrustDecision::as_str),
    }
}

/// What strict mode would have refused, and what the trust mode made of it.
pub(super) fn warn_of_objection(done: &str, objection: Option<&Fault>, mode: TrustMode, output: &Output) {
    if let Some(fault) = objection {
        let said = format!("{done} although {}: {fault} (trust mode {mode})", fault.reason());
        output.warning_with(Warning::AdmittedDespite, said, Some(fault.next_step()));
    }
}

/// Says each time that a publisher is taken as an exception.
pub(super) fn warn_of_override(done: &str, judgement: &Judgement, output: &Output) {
    if judgement.decision == Some(TrustDecision::OperatorOverride) {
        let by: Vec<String> = judgement.signers.iter().map(ToString::to_string).collect();
        let said = format!("{done} by {OVERRIDE_PUBLISHERS}: signed by {}", by.join(" and "));
        output.warning(Warning::PublisherOverridden, said);
    }
}

/// By whose word it was let in.
pub(super) fn by_whom(signature: &Judgement) -> String {
    match &signature.key_id {
        Some(key) => format!("verified, key {key}, coverage {}", signature.coverage),
        None => signature.status.to_string(),
    }
}

/// Says what has become of the plugin.
pub(super) fn announce(installed: &Installation, output: &Output) {
    let by = by_whom(&installed.signature);
    let (done, foreseen) = match installed.change {
        Change::Installed => ("Installed", "Would install"),
        Change::Upgraded { .. } => ("Upgraded", "Would upgrade"),
        Change::Downgraded { .. } => ("Downgraded", "Would downgrade"),
        Change::Replaced { .. } => ("Replaced", "Would replace"),
        Change::Unchanged => ("Up to date", "Would keep"),
    };
    let from = installed.change.from().map(|from| format!("{from} → ")).unwrap_or_default();
    let (id, version, directory) = (&installed.id, &installed.version, installed.directory.display());
    output.status(output.said(done, foreseen), format!("{id} {from}{version} in {directory} ({by})"));
}
