//! `aisoc plugins describe`

use std::fmt::Write as _;
use std::path::Path;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Reason, Result};
use aisoc_pipeline::accepted::{HereOptions, LockRule};
use aisoc_pipeline::documents::{AskedCapability, DescribedPlugin};
use aisoc_pipeline::review::{accepted, described, described_listed, listed};
use aisoc_pipeline::{Discovered, SiteSources};
use aisoc_trust::PluginMode;
use aisoc_trust::lockfile::{LockPath, Lockfile};

use super::changes::write_changes;
use super::{beside, looked, options};
use crate::args::accepted::DescribeArgs;
use crate::args::host::DEFAULT_STATE;
use crate::commands::capabilities::write_capability;
use crate::commands::digest::digits;
use crate::commands::explain::write_gates;
use crate::commands::subject::subject;
use crate::commands::usage::used;
use crate::commands::verify::as_text;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, printable};

pub(crate) fn run(args: DescribeArgs, context: &Context) -> Result<u8> {
    let (site, chosen, lock) = beside(&args.review, context)?;
    let sources = context.sources(&site, args.sources)?;
    let state = args.state.clone();
    let answer = |page: DescribedPlugin| context.output.answer(&beside_use(page, state.as_deref(), context)?);
    let subject = match subject(&args.source, &site, context) {
        Err(missing) if missing.reason() == Reason::IoNotFound => {
            let Some(id) = args.source.to_str() else { return Err(missing) };
            let here = HereOptions {
                sources: SiteSources { site: None, ..sources },
                trust: context.trust(args.review.trust, &site)?,
                limits: context.limits()?,
                shared_directories: shared_directories(&args.review.shared),
            };
            let mode = context.plugin_mode(args.mode.plugin_mode);
            return answer(elsewhere(id, &here, mode, (&chosen.path, lock.as_ref()), context)?.ok_or(missing)?);
        }
        subject => subject?,
    };
    let DescribeArgs { source, review, mode, .. } = args;
    let asked = LockRule::of(context.plugin_mode(mode.plugin_mode), chosen.path);
    let options = options(review, &site, Some(asked), &[&source], context)?;
    let looked = looked(subject, &options, context)?;
    let accepted = accepted(&looked, lock.as_ref(), &site, &options.limits)?;
    let sandbox = context.launcher().sandbox;
    answer(described(as_text(source), &looked, accepted.as_ref(), sandbox))
}

/// The page with what a host has written down, where there is one. Whoever names one means one that is there.
fn beside_use(page: DescribedPlugin, state: Option<&Path>, context: &Context) -> Result<DescribedPlugin> {
    let Some(id) = page.decision.id.clone() else { return Ok(page) };
    match (used(&id, state.unwrap_or(Path::new(DEFAULT_STATE))), state) {
        (Ok(used), _) => Ok(page.beside(used)),
        (Err(fault), Some(_)) => Err(fault),
        (Err(fault), None) => {
            if fault.reason() != Reason::IoNotFound {
                context.output.status("Not read", format!("what it has called of a host: {fault}"));
            }
            Ok(page)
        }
    }
}

/// What is no path, no reference and not in the plugins directory may be a drop-in, or one that Python finds; nothing
/// where it is neither.
fn elsewhere(
    id: &str,
    here: &HereOptions,
    mode: PluginMode,
    lock: (&LockPath, Option<&Lockfile>),
    context: &Context,
) -> Result<Option<DescribedPlugin>> {
    let check = |plugins: &[&Discovered]| context.contract_check(&here.sources, plugins);
    let found = listed(id, here, mode, lock, &check)?;
    let (lock, sandbox) = (lock.1, context.launcher().sandbox);
    Ok(found.map(|found| described_listed(id.to_owned(), found, lock, sandbox)))
}

impl Answer for DescribedPlugin {
    fn text(&self) -> String {
        let mut text = String::new();
        self.write_head(&mut text);
        if !self.decision.gates.is_empty() {
            text.push_str("\nGates\n");
            write_gates(&mut text, &self.decision.gates);
        }
        self.write_capabilities(&mut text);
        self.write_use(&mut text);
        text.push_str("\nSince the accepted version\n");
        match &self.since_accepted {
            None => text.push_str("  no version of it was accepted here\n"),
            Some(changes) => write_changes(&mut text, changes),
        }
        self.write_files(&mut text);
        text.push_str("\nChecklist\n");
        for item in &self.checklist {
            let _ = writeln!(text, "{:<4}  {}  {}", item.result, item.item, item.question);
            let _ = writeln!(text, "         {}", printable(&item.finding));
        }
        text
    }
}

trait Sections {
    fn write_head(&self, text: &mut String);
    fn write_capabilities(&self, text: &mut String);
    fn write_use(&self, text: &mut String);
    fn write_files(&self, text: &mut String);
}

impl Sections for DescribedPlugin {
    fn write_head(&self, text: &mut String) {
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<11} {}", printable(value).replace('\n', " "));
        };
        line("id", self.decision.id.as_deref().unwrap_or("(cannot be read)"));
        line("version", self.version.as_deref().unwrap_or("(cannot be read)"));
        line("kind", self.kind.as_deref().unwrap_or("(cannot be read)"));
        let source = self.plugin_source.as_deref().unwrap_or("unknown");
        line("source", &[Some(source), self.reference.as_deref()].into_iter().flatten().collect::<Vec<_>>().join("  "));
        line("state", if self.decision.installed { "here" } else { "offered" });
        for (name, digest) in [("artifact", &self.artifact_digest), ("hash", &self.hash)] {
            digest.iter().for_each(|digest| line(name, digest));
        }
        if let Some(claimed) = &self.claimed {
            let rest = [("name", Some(&claimed.name)), ("says", claimed.description.as_ref())];
            rest.into_iter().for_each(|(name, value)| value.into_iter().for_each(|value| line(name, value)));
        }
        let coverage = self.coverage.as_deref().unwrap_or("unknown");
        line(
            "signature",
            &match self.signature_status {
                None => "none: a source without signatures".to_owned(),
                Some("unsigned") => "unsigned".to_owned(),
                Some(status) => format!("{status}, coverage {coverage}"),
            },
        );
        for signer in &self.signers {
            let name = signer.signing_key_id.as_deref().unwrap_or("a key without a name here");
            line("signed by", &format!("{name}  {}", signer.signing_key_fingerprint));
        }
        let decision = self.decision.trust_decision.map(|decision| format!(": {decision}")).unwrap_or_default();
        line("decision", &format!("{}{decision}", self.decision.verdict.replace('_', " ")));
        if let Some(objection) = &self.decision.objection {
            line("because", &objection.to_string());
        }
        line("confinement", &self.confinement);
        self.dependencies.iter().for_each(|dependency| line("needs", dependency));
    }

    fn write_capabilities(&self, text: &mut String) {
        text.push_str("\nCapabilities\n");
        match &self.asked_capabilities {
            None => text.push_str("  it declares none, and none limits it\n"),
            Some(asked) if asked.is_empty() && self.unknown_capabilities.is_empty() => text.push_str("  none\n"),
            Some(asked) => asked.iter().for_each(|AskedCapability { capability, is_new }| {
                text.push_str(if *is_new == Some(true) { "+ " } else { "  " });
                write_capability(text, capability);
            }),
        }
        for unknown in &self.unknown_capabilities {
            let _ = writeln!(text, "  {} (unknown: no host can grant it)", printable(unknown));
        }
        if self.writes_without_audit {
            text.push_str("  flagged: writes without audit.emit\n");
        }
    }

    fn write_use(&self, text: &mut String) {
        let Some(used) = &self.used else { return };
        text.push_str("\nUsed so far\n");
        for line in used.text().lines() {
            let _ = writeln!(text, "  {line}");
        }
    }

    fn write_files(&self, text: &mut String) {
        let Some(files) = &self.files else { return };
        let bytes = files.iter().map(|file| file.content_bytes).fold(0, u64::saturating_add);
        let _ = writeln!(text, "\nFiles: {} ({})", files.len(), counted(bytes, "byte"));
        for file in files {
            let mode = if file.executable { "x" } else { "-" };
            let digest = &digits(&file.content_digest)[..12];
            let _ = writeln!(text, "  {digest} {mode} {:>10} {}", file.content_bytes, printable(&file.path));
        }
    }
}
