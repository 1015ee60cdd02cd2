//! `aisoc plugin install`

use std::ffi::OsString;

use aisoc_installation::Access;
use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_manifests::plugin::Problem;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{InstalledPlugin, InstalledPlugins, NotInstalled, Objection, SignatureJudgement};
use aisoc_pipeline::{Change, InstallOptions, Installation, Judgement, Source};
use aisoc_trust::{CapabilityConsent, Consent, OVERRIDE_PUBLISHERS, TrustDecision, TrustMode};
use serde::Serialize;

use super::bench::WARNED_PROBLEMS;
use super::grants;
use super::lock_rule::{AskedLock, lock_rule};
use super::mistagged::naming_tags;
use super::replaced;
use super::several;
use super::untagged::require_named;
use super::verify::as_text;
use crate::args::known::Capabilities;
use crate::args::plugin::{ConsentArgs, InstallArgs};
use crate::context::{Context, coverage_floor};
use crate::output::{Answer, path_text, printable, redacted};
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

pub(crate) fn run(args: InstallArgs, context: &Context) -> Result<u8> {
    let wanted = wanted(&args.sources)?;
    if let (Some(required), true) = (args.require_digest, wanted.len() > 1) {
        return Err(Fault::new(Reason::Usage, "`--require-digest` is about one artifact, and several are named")
            .expected("one source", wanted.len().to_string())
            .hint(format!("run a command of its own for the one that is {required}")));
    }
    if args.consent.accept_capabilities.is_some() && wanted.len() > 1 {
        return Err(Fault::new(Reason::Usage, "`--accept-capabilities` is about one plugin, and several are named")
            .expected("one source", wanted.len().to_string())
            .hint("run a command of its own for the plugin that they are accepted of"));
    }
    let references = context.environment.reference_rules()?;
    for reference in wanted.iter().filter_map(|(_, source)| source.as_ref().ok()?.artifact()) {
        if let Reference::Registry(reference) = reference {
            references.allow(reference, args.require_digest)?;
        }
    }
    let asked = AskedLock { records: args.lock, is_locked: args.locked, lock: args.plugins_lock, mode: args.mode };
    let (lock, floor) = lock_rule(asked, args.floor, context)?;
    let (site, access) = context.change(args.change)?;
    let trust = context.trust(args.trust, &site)?;
    trust.require_acknowledged()?;
    let consent = consent(args.consent);
    let access = Access { coverage_floor: coverage_floor(floor, trust.policy.mode)?, consent, ..access };
    let named: Vec<&Reference> = wanted.iter().filter_map(|(_, source)| source.as_ref().ok()?.artifact()).collect();
    let client = context.client(&args.registry, &named)?;
    let require_digest = args.require_digest;
    let options = InstallOptions { site, trust, require_digest, references, lock, client, keep: args.keep, access };
    for reference in wanted.iter().filter_map(|(_, source)| source.as_ref().ok()?.artifact()) {
        if options.require_digest.is_none() {
            require_named(reference, &options.client, context)?;
        }
    }
    options.trust.require_keys()?;
    // Before the first of them is installed into the directory of another one.
    let mut sources = wanted.iter().filter_map(|(_, source)| source.as_ref().ok());
    sources.try_for_each(|source| source.require_beside(options.site.path()))?;
    refuse_one_plugin_twice(&wanted, &options, context)?;
    let (mut document, mut faults) = (InstalledPlugins::default(), Vec::new());
    for (name, source) in wanted {
        let installed = source.and_then(|source| install(&source, &options, context));
        match installed.map_err(|fault| grants::as_typed(fault, &args.sources, &name, context)) {
            Ok(plugin) => document.plugins.push(plugin),
            Err(fault) if fault.class() == Class::Interrupted => return Err(fault),
            Err(fault) => {
                document.failed.push(NotInstalled { source: redacted(&name), objection: Objection::from(&fault) });
                faults.push((name, fault));
            }
        }
    }
    answer(document, faults, context)
}

fn consent(args: ConsentArgs) -> Consent {
    let capabilities = match args.accept_capabilities {
        Some(Capabilities(accepted)) => CapabilityConsent::These(accepted),
        None => CapabilityConsent::Nothing,
    };
    Consent { downgrade: args.allow_downgrade, signer_change: args.allow_signer_change, capabilities }
}

/// What each word names. What is wrong with the command line refuses it whole; a path that is missing is one of
/// several things that can go wrong with one source.
fn wanted(words: &[OsString]) -> Result<Vec<(String, Result<Source>)>> {
    let mut wanted = Vec::new();
    for word in words {
        match Source::parse(word) {
            Err(fault) if fault.class() == Class::Usage => return Err(fault),
            source => wanted.push((as_text(word.clone()), source)),
        }
    }
    several::refuse_repeated(wanted.iter().map(|(name, _)| name.as_str()))?;
    Ok(wanted)
}

/// Of two artifacts of one plugin the second would replace the first. Nothing is trusted of what they say of
/// themselves here; what cannot be asked says so when it is installed.
fn refuse_one_plugin_twice(
    wanted: &[(String, Result<Source>)],
    options: &InstallOptions,
    context: &Context,
) -> Result<()> {
    if wanted.len() < 2 {
        return Ok(());
    }
    let mut ids: Vec<(String, &str)> = Vec::new();
    for (name, source) in wanted {
        let Ok(source) = source else { continue };
        let claimed = aisoc_pipeline::claimed_id(source, &options.client);
        let Some(id) = runtime::block_on(context.cancellation()?, async { Ok(claimed.await) })? else { continue };
        if let Some((_, other)) = ids.iter().find(|(known, _)| *known == id) {
            return Err(Fault::new(Reason::Usage, format!("`{other}` and `{name}` are one plugin, `{id}`"))
                .expected("each plugin once", "twice")
                .hint("name the one that is to be installed"));
        }
        ids.push((id, name));
    }
    Ok(())
}

/// One that fails alone has an error and no answer, as everywhere; of several, each has its line.
fn answer(document: InstalledPlugins, faults: Vec<(String, Fault)>, context: &Context) -> Result<u8> {
    let total = document.plugins.len() + faults.len();
    let refusal = several::refusal(total, context.said("are not installed", "would not be installed"), faults, context);
    let exit_code = refusal.as_ref().map_or(0, |fault| fault.class().exit_code());
    if total > 1 || refusal.is_none() {
        context.output.answer(&Outcome { document, exit_code })?;
    }
    refusal.map_or(Ok(0), Err)
}

fn install(source: &Source, options: &InstallOptions, context: &Context) -> Result<InstalledPlugin> {
    let reporter = context.output.reporter();
    let installed = runtime::block_on(context.cancellation()?, aisoc_pipeline::install(source, options, &reporter));
    drop(reporter);
    let installed = match source.artifact() {
        Some(reference) => naming_tags(installed, reference, &options.client, context)?,
        None => installed?,
    };
    let objection = installed.signature.objection.as_ref();
    let done = format!("{} `{}`", context.said("installed", "would install"), installed.id);
    warn_of_objection(&done, objection, options.trust.policy.mode, context);
    warn_of_override(&done, &installed.signature, context);
    context.warn_of_keys(&installed.signature.skipped_keys, &installed.signature.ending_keys);
    if let Some(replaced) = &installed.replaced {
        replaced::warn(&installed.id, &installed.version, &installed.signature, replaced, context);
    }
    for Problem { reason, location, message, .. } in installed.unloadable.iter().take(WARNED_PROBLEMS) {
        let place = format!("{}:{}:{}", location.file, location.line, location.column);
        let said = format!("no host loads `{}`: {place}: {message} ({reason}, manager)", installed.id);
        context.output.warning(Warning::NotLoadable, said);
    }
    grants::say(&installed.id, &installed.grants, context);
    context.warn_of_lowering(&installed.id, installed.lowered_from, installed.signature.coverage);
    context.warn_of_leftovers(&installed.leftovers);
    announce(&installed, context);
    if installed.is_locked && options.lock.records() {
        let said = format!("{} {} in plugins.lock", installed.id, installed.version);
        context.output.status(context.said("Accepted", "Would accept"), said);
    }
    Ok(InstalledPlugin {
        reference: source.pinned(installed.digest)?,
        id: installed.id.to_string(),
        artifact_digest: installed.digest.to_string(),
        index_digest: installed.index.map(|digest| digest.to_string()),
        directory: path_text(&installed.directory),
        signature: judged(&installed.signature),
        objection: installed.signature.objection.as_ref().map(Objection::from),
        change: installed.change.as_str(),
        lowered_from: installed.lowered_from,
        is_locked: installed.is_locked,
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
pub(super) fn warn_of_objection(done: &str, objection: Option<&Fault>, mode: TrustMode, context: &Context) {
    if let Some(fault) = objection {
        let said = format!("{done} although {}: {fault} (trust mode {mode})", fault.reason());
        context.output.warning_with(Warning::AdmittedDespite, said, Some(fault.next_step()));
    }
}

/// Says each time that a publisher is taken as an exception.
pub(super) fn warn_of_override(done: &str, judgement: &Judgement, context: &Context) {
    if judgement.decision == Some(TrustDecision::OperatorOverride) {
        let by: Vec<String> = judgement.signers.iter().map(ToString::to_string).collect();
        let said = format!("{done} by {OVERRIDE_PUBLISHERS}: signed by {}", by.join(" and "));
        context.output.warning(Warning::PublisherOverridden, said);
    }
}

fn announce(installed: &Installation, context: &Context) {
    let by = match &installed.signature.key_id {
        Some(key) => format!("verified, key {key}, coverage {}", installed.signature.coverage),
        None => installed.signature.status.to_string(),
    };
    let (done, foreseen) = match installed.change {
        Change::Installed => ("Installed", "Would install"),
        Change::Upgraded { .. } => ("Upgraded", "Would upgrade"),
        Change::Downgraded { .. } => ("Downgraded", "Would downgrade"),
        Change::Replaced { .. } => ("Replaced", "Would replace"),
        Change::Unchanged => ("Up to date", "Would keep"),
    };
    let from = installed.change.from().map(|from| format!("{from} → ")).unwrap_or_default();
    let (id, version, directory) = (&installed.id, &installed.version, installed.directory.display());
    context.output.status(context.said(done, foreseen), format!("{id} {from}{version} in {directory} ({by})"));
}
