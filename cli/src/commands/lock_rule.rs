//! What plugins.lock has to do with what comes into a plugins directory.

use std::io::ErrorKind;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::{InLock, LockRule};
use aisoc_trust::PluginMode;
use aisoc_trust::lockfile::LockSchema;

use crate::args::lock::{LockArgs, ModeArgs};
use crate::args::plugin::FloorArgs;
use crate::chosen_lock::ChosenLock;
use crate::context::Context;

/// What the command line says of a lock.
pub(super) struct AskedLock {
    /// Whether what comes is accepted with that.
    pub(super) records: bool,
    /// Whether nothing else may come than what is accepted, in dev as well.
    pub(super) is_locked: bool,
    pub(super) lock: LockArgs,
    pub(super) mode: ModeArgs,
}

/// The rule, and what is left of the reason for a lower floor. A host in production refuses what its lock does not list,
/// so nothing else comes there unless it is accepted with that.
pub(super) fn lock_rule(asked: AskedLock, floor: FloorArgs, context: &Context) -> Result<(LockRule, FloorArgs)> {
    let AskedLock { records, is_locked, lock, mode } = asked;
    let Some(reason) = floor.reason.clone().filter(|_| records) else {
        let mode = if is_locked { ModeArgs { plugin_mode: Some(PluginMode::Production) } } else { mode };
        let (chosen, rule) = chosen_rule(lock, mode, context)?;
        if !matches!(rule, LockRule::Known(_)) {
            chosen.announce(&context.output);
        }
        return Ok((rule, floor));
    };
    // Whoever names a lock that is not there means one that this makes.
    let chosen = context.plugins_lock(lock.plugins_lock)?;
    chosen.announce(&context.output);
    let path = chosen.path;
    let floor = FloorArgs { reason: floor.reason.filter(|_| floor.lower_coverage), ..floor };
    Ok((LockRule::Record { path, reason: reason.to_string() }, floor))
}

/// That it is accepted, where that was asked, and that who knows the older schema version alone reads the lock no more.
pub(super) fn say_accepted(rule: &LockRule, lock: InLock, (id, version): (&PluginId, &str), context: &Context) {
    if lock.is_accepted && rule.records() {
        context.output.status(context.said("Accepted", "Would accept"), format!("{id} {version} in plugins.lock"));
    }
    if let Some(before) = lock.raised_from {
        let path = rule.path().display();
        let (is, was) = (context.said("is now", "would be"), context.said("was", "is"));
        let newest = LockSchema::NEWEST;
        let said = format!("`{path}` {is} of schema version {newest}, and {was} of version {before}");
        context.output.warning(Warning::LockSchemaRaised, said);
    }
}

/// Whoever names a lock that is only gone by means one that is there.
pub(super) fn require_lock_there(lock: &LockArgs) -> Result<()> {
    match lock.plugins_lock.as_ref().filter(|named| !named.exists()) {
        Some(named) => Err(Fault::io("read", named, ErrorKind::NotFound.into())),
        None => Ok(()),
    }
}

/// The lock that is gone by, and not changed: one that is named is there.
pub(super) fn gone_by(lock: LockArgs, mode: ModeArgs, context: &Context) -> Result<LockRule> {
    chosen_rule(lock, mode, context).map(|(_, rule)| rule)
}

fn chosen_rule(lock: LockArgs, mode: ModeArgs, context: &Context) -> Result<(ChosenLock, LockRule)> {
    require_lock_there(&lock)?;
    let is_named = lock.plugins_lock.is_some();
    let chosen = context.plugins_lock(lock.plugins_lock)?;
    if is_named {
        // Whoever names one means what it says, in dev too, where one that was only found may be somebody else's.
        chosen.read()?;
    }
    let rule = LockRule::of(context.plugin_mode(mode.plugin_mode), chosen.path.clone());
    Ok((chosen, rule))
}
