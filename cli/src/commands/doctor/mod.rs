//! `aisoc doctor`: everything that is insecure or broken on a site.

mod confined;
mod settings;
mod tokens;

use std::fmt::Write as _;

use aisoc_installation::SharedDirectories;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::accepted::HereOptions;
use aisoc_pipeline::doctor::{DoctorOptions, Finding, Host, count, doctor};
use aisoc_pipeline::documents::{SandboxExamination, SiteExamination, SiteFinding};
use aisoc_pipeline::keys::lint::Level;
use aisoc_pipeline::{Demands, ForeseenKeys, TrustInputs};
use serde::Serialize;

use self::settings::Settings;
use super::accepted::require_named;
use super::findings::{counts, fails, write_finding};
use crate::args::doctor::DoctorArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text};

/// What was found, and what it makes of the command.
#[derive(Serialize)]
struct Outcome<'a> {
    #[serde(flatten)]
    document: SiteExamination,
    #[serde(skip)]
    exit_code: u8,
    #[serde(skip)]
    context: &'a Context,
}

pub(crate) fn run(args: DoctorArgs, context: &Context) -> Result<u8> {
    let DoctorArgs { lock, mode, place, sources, tokens, within, shared, strict } = args;
    require_named(place.plugins_dir.as_deref())?;
    if let Some(missing) = place.trusted_keys.as_ref().filter(|named| !named.exists()) {
        return Err(Fault::io("open", missing, std::io::ErrorKind::NotFound.into()));
    }
    let site = context.site(place.plugins_dir);
    let clock = clock::now();
    let of_tokens = tokens::examine(tokens, clock)?;
    // What cannot be read is a finding, and until it can keys are judged by the clock.
    let at = site.last_seen().ok().flatten().map_or(clock, |seen| seen.max(clock));
    let Settings { policy, mode, timestamps, findings } = Settings::read(mode.plugin_mode, &context.environment);
    let keys_dir = context.keys_directory(place.trusted_keys);
    let demands = Demands { rules: context.trust_policy(None), ..Demands::default() };
    let is_named = lock.plugins_lock.is_some();
    let lock = context.plugins_lock(lock.plugins_lock)?;
    if is_named && !lock.path.exists() {
        return Err(Fault::io("open", &lock.path, std::io::ErrorKind::NotFound.into()));
    }
    let options = DoctorOptions {
        here: HereOptions {
            sources: context.sources(&site, sources)?,
            trust: TrustInputs { keys_dir, policy, at, timestamps, foreseen: ForeseenKeys::default(), demands },
            limits: context.limits()?,
            // It is a finding, and what stands there is judged all the same.
            shared_directories: SharedDirectories::Accepted,
        },
        lock: lock.path,
        mode,
        clock,
        within,
        python: context.environment.python().path(),
        host: if shared { Host::Shared } else { Host::Own },
        site,
    };
    let (sandbox, of_sandbox) = confined::examine(context.launcher(), &context.cancellation()?.flag());
    let found = doctor(&options, findings.into_iter().chain(of_sandbox).chain(of_tokens).collect())?;
    let (errors, warnings) = (count(&found, Level::Error), count(&found, Level::Warning));
    let fault = fails(errors, warnings, strict).then(|| {
        let message = counts(&[(errors, "error"), (warnings, "warning")]);
        Fault::new(Reason::SiteFaulty, format!("there are faults on this site: {message}"))
    });
    let exit_code = fault.as_ref().map_or(0, |fault| fault.class().exit_code());
    context.output.answer(&Outcome { document: document(&options, sandbox, &found), exit_code, context })?;
    fault.map_or(Ok(0), Err)
}

fn document(options: &DoctorOptions, sandbox: SandboxExamination, found: &[Finding]) -> SiteExamination {
    SiteExamination {
        plugins_directory: path_text(options.site.path()),
        keys_directory: path_text(&options.here.trust.keys_dir),
        lock: path_text(&options.lock),
        plugin_mode: options.mode.as_str(),
        trust_mode: options.here.trust.policy.mode.as_str(),
        sandbox,
        error_count: count(found, Level::Error),
        warning_count: count(found, Level::Warning),
        note_count: count(found, Level::Note),
        site_findings: found.iter().map(item).collect(),
    }
}

fn item(finding: &Finding) -> SiteFinding {
    let (expected, found) = finding.values.clone().unzip();
    SiteFinding {
        rule: finding.rule,
        level: finding.level.as_str(),
        place: path_text(&finding.place),
        message: finding.message.clone(),
        expected,
        found,
        hint: finding.hint.clone(),
    }
}

impl Answer for Outcome<'_> {
    fn text(&self) -> String {
        let SiteExamination { site_findings, error_count, warning_count, note_count, .. } = &self.document;
        let mut text = String::new();
        for SiteFinding { rule, level, place, message, expected, found, hint } in site_findings {
            let message = match (expected, found) {
                (Some(expected), Some(found)) if !message.contains(expected.as_str()) => {
                    format!("{message}: expected {expected}, found {found}")
                }
                _ => message.clone(),
            };
            write_finding(&mut text, [level, rule, place, &message], Some(&self.context.output.hint(hint)));
        }
        confined::write_layers(&mut text, &self.document.sandbox);
        let total = counts(&[(*error_count, "error"), (*warning_count, "warning"), (*note_count, "note")]);
        let _ = writeln!(text, "{}", if total.is_empty() { "nothing was found" } else { &total });
        text
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}
