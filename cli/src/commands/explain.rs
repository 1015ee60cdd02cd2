//! `aisoc explain`

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::accepted::{FoundDecision, HereOptions, explain_found};
use aisoc_pipeline::documents::{ExplainedDecision, ExplainedGate};
use aisoc_pipeline::{AtRestOptions, Discovered, Source, Subject, UserPlugins};

use super::lock_rule::{gone_by, require_lock_there};
use super::platform::{choosing, require_none};
use super::subject::subject;
use super::verify::as_text;
use crate::args::lock::{LockArgs, ModeArgs};
use crate::args::plugin::ExplainArgs;
use crate::context::{Context, shared_directories};
use crate::output::{Answer, printable};
use crate::runtime;

/// How files are called that may be drop-ins.
const SINGLE_FILES: [&str; 3] = ["py", "json", "jsonld"];

impl Answer for ExplainedDecision {
    fn text(&self) -> String {
        let id = self.id.as_deref().unwrap_or("a plugin whose id cannot be read");
        let mut text = format!("{}: {}\n", printable(id), self.verdict.replace('_', " "));
        write_gates(&mut text, &self.gates);
        text
    }
}

/// Every gate in a line, and its checks below it.
pub(super) fn write_gates(text: &mut String, gates: &[ExplainedGate]) {
    for gate in gates {
        let ExplainedGate { gate: number, name, result, asked_elsewhere, checks } = gate;
        let elsewhere = asked_elsewhere.map(|elsewhere| format!("  {elsewhere}")).unwrap_or_default();
        let _ = writeln!(text, "{}  {number:<2}  {name}{elsewhere}", mark(result));
        for check in checks {
            let line = format!("        {}  {}  {}", mark(check.result), check.name, printable(&check.evidence));
            let _ = writeln!(text, "{}", line.trim_end());
            if let Some(hint) = &check.hint {
                let _ = writeln!(text, "            to change it: {}", printable(hint));
            }
        }
    }
}

fn mark(result: &str) -> &'static str {
    match result {
        "passed" => "ok",
        "failed" => "NO",
        _ => "--",
    }
}

/// What is decided is the answer, so a refusal that was explained is no failure of this command.
pub(crate) fn run(args: ExplainArgs, context: &Context) -> Result<u8> {
    let ExplainArgs { source, plugins_dir, lock, mode, sources, shared, trust, platform, registry } = args;
    let site = context.site(plugins_dir);
    let is_file = is_single_file(Path::new(&source));
    let sources = context.sources(&site, sources)?;
    let found = subject(&source, &site, context);
    if is_file || found.as_ref().is_err_and(|fault| fault.reason() == Reason::IoNotFound) {
        require_none(platform.platform.as_ref())?;
        let options = HereOptions {
            sources,
            trust: context.trust(trust, &site)?,
            limits: context.limits()?,
            shared_directories: shared_directories(&shared),
        };
        let no_plugin =
            |_| Fault::new(Reason::PluginNotFound, format!("`{}` is no plugin here", as_text(source.clone())));
        let missing = found.map_or_else(|fault| fault, no_plugin);
        let decision = elsewhere(&source, options, lock, mode, missing, context)?;
        return context.output.answer(&decision);
    }
    let subject = found?;
    if !matches!(subject, Subject::Source(Source::Artifact(_))) {
        require_none(platform.platform.as_ref())?;
    }
    let trust = context.trust(trust, &site)?;
    let lock = gone_by(lock, mode, context)?;
    let reporter = context.output.reporter();
    let is_installed = matches!(subject, Subject::Installed { .. });
    let verification = match subject {
        Subject::Source(offered) => {
            let named: Vec<_> = offered.artifact().into_iter().collect();
            // What an install would refuse to ask for is not asked for here.
            if let Some(Reference::Registry(reference)) = offered.artifact() {
                context.environment.reference_rules()?.allow(reference, None)?;
            }
            let client = context.client(&registry, &named)?;
            let client = choosing(PlatformChoice::of(platform.platform), client);
            let explained = aisoc_pipeline::explain_offer(&offered, &site, &trust, &lock, &client, &reporter);
            runtime::block_on(context.cancellation()?, explained)?
        }
        Subject::Installed { id, .. } => {
            let (limits, shared_directories) = (context.limits()?, shared_directories(&shared));
            let options = AtRestOptions { site, only: vec![id.to_string()], trust, limits, shared_directories };
            aisoc_pipeline::verify_installed(&options, Some(&lock))?.verification
        }
    };
    drop(reporter);
    context.output.answer(&ExplainedDecision::of(as_text(source), is_installed, &verification))
}

/// One file that may be a drop-in: no archive, which is offered.
fn is_single_file(path: &Path) -> bool {
    let is_of = |extension: &OsStr| SINGLE_FILES.iter().any(|known| extension == *known);
    path.extension().is_some_and(is_of) && path.is_file()
}

/// What is no path, no reference and not in the plugins directory may be a drop-in, one that Python finds, or something
/// that should be one of them.
fn elsewhere(
    source: &OsStr,
    mut options: HereOptions,
    lock: LockArgs,
    mode: ModeArgs,
    missing: Fault,
    context: &Context,
) -> Result<ExplainedDecision> {
    let Some(named) = source.to_str() else { return Err(missing) };
    let mode = context.plugin_mode(mode.plugin_mode);
    require_lock_there(&lock)?;
    let chosen = context.plugins_lock(lock.plugins_lock)?;
    let lock = chosen.read()?;
    let switch = std::mem::replace(&mut options.sources.user_plugins, UserPlugins::Allowed);
    let check = |plugins: &[&Discovered]| context.contract_check(&options.sources, plugins);
    let found = explain_found(named, (&options, switch), mode, (&chosen.path, lock.as_ref()), &check)?;
    let FoundDecision { id, asking } = found.ok_or(missing)?;
    Ok(ExplainedDecision::asked(named.to_owned(), id, &asking))
}
