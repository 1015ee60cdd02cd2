//! Every plugin that is compiled in, asked in its turn what it is and what it wants; or why no command runs.

mod plugins;
mod staging;

use std::collections::BTreeSet;
use std::sync::Arc;

use aisoc_manifests::fault::Reason;
use aisoc_manifests::warning::Warning;
use aisoc_platform::{Capabilities, Error, FailurePolicy, Plugin, is_valid_name};

pub use self::plugins::{HookName, Hooks, InstalledPlugin, LifecycleHook, ObserverHook, Plugins, WrapperHook};
use self::staging::{Staged, Staging};
use crate::guard::{Panicked, guarded, let_go};
use crate::refusal::Refusal;
use crate::version::VersionConstraint;

/// How many wrappers there may be: each is called within the one before.
pub const MAX_WRAPPERS: usize = 1_024;

/// Installs all plugins in their order, for a command of that version. What is skipped is told to `warn`, one line each.
///
/// # Errors
/// The first plugin without which no command runs.
pub fn install_all(
    plugins: &[Arc<dyn Plugin>],
    version: &str,
    warn: &mut dyn FnMut(Warning, String),
) -> Result<Plugins, Refusal> {
    // Each is asked for its name once: one that says another one the next time is what it said first.
    let named: Vec<Named> = plugins.iter().map(|plugin| guarded(|| plugin.name().to_owned())).collect();
    refuse_equal_names(&named)?;
    let mut installed = Plugins::default();
    for (plugin, name) in plugins.iter().zip(named) {
        match install(&**plugin, name, version) {
            Ok(plugin) => installed.commit(plugin),
            Err(Failed { refusal, is_fatal: true, .. }) => return Err(refusal),
            Err(Failed { name, refusal, is_fatal: false }) => {
                warn(Warning::PluginSkipped, format!("plugin {name:?} skipped: {refusal}"))
            }
        }
    }
    if installed.hooks().wrappers.len() > MAX_WRAPPERS {
        let reason = format!("there are {} wrappers, and {MAX_WRAPPERS} may be", installed.hooks().wrappers.len());
        let last = installed.listed().iter().rfind(|plugin| !plugin.wrappers.is_empty());
        let last = last.map_or("", |plugin| &plugin.name);
        return Err(Refusal::of_plugin(last, Reason::InvalidHookRegistration, reason, None));
    }
    let restricting: Vec<String> = installed.restricting().map(str::to_owned).collect();
    if restricting.len() > 1 { Err(Refusal::of_conflict(&restricting)) } else { Ok(installed) }
}

/// What a plugin calls itself, or what it panicked with when it was asked.
type Named = Result<String, Panicked>;

/// A plugin that is not installed, and whether that ends everything.
struct Failed {
    name: String,
    refusal: Refusal,
    is_fatal: bool,
}

/// What is wrong with a plugin: the code, why, and what that came of.
type Wrong = (Reason, String, Option<Error>);

fn wrong(code: Reason, reason: impl Into<String>) -> Wrong {
    (code, reason.into(), None)
}

/// Codes after which nobody believes what a plugin says of itself, what comes of its failing included.
const fn is_always_fatal(code: Reason) -> bool {
    use Reason::{
        CapabilitiesPanic, DoubleRestrict, DuplicatePluginName, InvalidCapability, InvalidPluginName, InvalidRule,
        PluginNamePanic, RestrictsMismatch,
    };
    // What comes of a plugin that cannot say it is the stricter of the two. Who hands over a rule is closed, whatever they say:
    // what was to be restricted would run.
    matches!(
        code,
        DuplicatePluginName
            | PluginNamePanic
            | InvalidPluginName
            | CapabilitiesPanic
            | InvalidCapability
            | RestrictsMismatch
            | InvalidRule
            | DoubleRestrict
    )
}

fn refuse_equal_names(named: &[Named]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    // One that panics is met again, in its turn.
    match named.iter().flatten().find(|name| !seen.insert(*name)) {
        Some(name) => Err(Refusal::of_plugin(name, Reason::DuplicatePluginName, "two plugins have this name", None)),
        None => Ok(()),
    }
}

fn install(plugin: &dyn Plugin, name: Named, version: &str) -> Result<Staged, Failed> {
    let failed = |name: &str, policy: FailurePolicy, (code, reason, cause): Wrong| Failed {
        name: name.to_owned(),
        refusal: Refusal::of_plugin(name, code, reason, cause),
        is_fatal: policy == FailurePolicy::FailClosed || is_always_fatal(code),
    };
    let name = name_of(name).map_err(|(name, wrong)| failed(&name, FailurePolicy::FailClosed, wrong))?;
    let capabilities = guarded(|| plugin.capabilities()).map_err(|panicked| {
        let wrong = (Reason::CapabilitiesPanic, "`capabilities` panicked".to_owned(), Some(Error::from(panicked)));
        failed(&name, FailurePolicy::FailClosed, wrong)
    })?;
    let policy = capabilities.failure_policy;
    refuse_capabilities(&capabilities, version).map_err(|wrong| failed(&name, policy, wrong))?;
    let staging = stage(plugin, &capabilities).map_err(|wrong| failed(&name, policy, wrong))?;
    // A version is for listings alone, and a plugin without one is none the worse.
    let version = guarded(|| plugin.version().to_owned()).unwrap_or_default();
    Ok(Staged { name, version, capabilities, staging })
}

fn name_of(name: Named) -> Result<String, (String, Wrong)> {
    match name {
        Ok(name) if is_valid_name(&name) => Ok(name),
        Ok(name) => Err((name, wrong(Reason::InvalidPluginName, "a name has to match ^[a-z0-9][a-z0-9-]*$"))),
        Err(panicked) => {
            Err((String::new(), (Reason::PluginNamePanic, "`name` panicked".to_owned(), Some(Error::from(panicked)))))
        }
    }
}

/// What a plugin says of itself, before anything of it is asked for.
fn refuse_capabilities(capabilities: &Capabilities, version: &str) -> Result<(), Wrong> {
    let Capabilities { required_cli_version, restricts, failure_policy } = capabilities;
    if *restricts && *failure_policy != FailurePolicy::FailClosed {
        return Err(wrong(Reason::RestrictsMismatch, "a plugin that restricts has to be FailClosed"));
    }
    let constraint = VersionConstraint::parse(required_cli_version).map_err(|malformed| {
        (Reason::InvalidCapability, "`required_cli_version` cannot be read".to_owned(), Some(Error::from(malformed)))
    })?;
    match constraint {
        Some(constraint) if !constraint.is_met_by(version) => {
            let reason = format!("it asks for version {required_cli_version}, and this is {version}");
            Err(wrong(Reason::CapabilityUnmet, reason))
        }
        _ => Ok(()),
    }
}

fn stage(plugin: &dyn Plugin, capabilities: &Capabilities) -> Result<Staging, Wrong> {
    let mut staging = Staging::default();
    match fill(plugin, capabilities, &mut staging) {
        Ok(()) => Ok(staging),
        Err(wrong) => {
            let_go(staging);
            Err(wrong)
        }
    }
}

fn fill(plugin: &dyn Plugin, capabilities: &Capabilities, staging: &mut Staging) -> Result<(), Wrong> {
    match guarded(|| plugin.install(staging)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err((Reason::InstallFailed, "`install` failed".to_owned(), Some(error))),
        Err(panicked) => {
            return Err((Reason::InstallPanic, "`install` panicked".to_owned(), Some(Error::from(panicked))));
        }
    }
    if let Some((code, reason)) = staging.fault.take() {
        return Err(wrong(code, reason));
    }
    // What a rule means is judged behind what was asked for.
    if let Some(fault) = staging.rule.as_ref().and_then(|rule| rule.faults().into_iter().next()) {
        return Err(wrong(Reason::InvalidRule, fault.to_string()));
    }
    match (capabilities.restricts, staging.is_restricting) {
        (true, false) => Err(wrong(Reason::RestrictsMismatch, "it says that it restricts, and hands over no rule")),
        (false, true) => {
            Err(wrong(Reason::RestrictsMismatch, "it hands over a rule, and does not say that it restricts"))
        }
        _ => Ok(()),
    }
}
