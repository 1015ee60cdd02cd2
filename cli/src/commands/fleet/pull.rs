//! `aisoc plugins lock pull`

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use aisoc_installation::{Access, Site};
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Class, Fault, Result};
use aisoc_pipeline::documents::PulledPluginSet;
use aisoc_pipeline::fleet::{
    BackOptions, FollowOptions, Followed, WentBack, applied_to, follow, followed_by, go_back, known_artifact,
    still_followed,
};
use aisoc_signing::{Keyring, PayloadType};
use aisoc_trust::keys::SyncSettings;
use aisoc_trust::lockfile::{AppliedLock, Lockfile};

use super::super::accepted::{require_named, shown_lock};
use super::super::signed_set::{settings, signer};
use super::super::statement::Named;
use super::{change_line, changed};
use crate::args::accepted::LockChangeArgs;
use crate::args::fleet::PullLockArgs;
use crate::args::keyset::FollowedSetArgs;
use crate::args::plugin::RegistryArgs;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

impl Answer for PulledPluginSet {
    fn text(&self) -> String {
        let head = format!("{} {}\n", printable(&self.name), self.set_version);
        head + &self.changes.iter().map(change_line).collect::<String>()
    }
}

pub(crate) fn run(args: PullLockArgs, context: &Context) -> Result<u8> {
    let PullLockArgs { source, rollback, followed, trusted_keys, lock: LockChangeArgs { lock, change }, registry } =
        args;
    let lock = context.plugins_lock(lock.plugins_lock)?.path.to_path_buf();
    require_named(change.plugins_dir.as_deref())?;
    let (site, access) = context.change(change)?;
    if let Some(reason) = followed.reason.clone().filter(|_| rollback) {
        let options = BackOptions { lock, site, access, reason, is_once: false };
        return context.output.answer(&back(&options, context)?.0);
    }
    let keys_dir = context.keys_directory(trusted_keys);
    let asked = Asked { command: PULL, lock, keys_dir, source, followed, registry: &registry };
    let (done, options) = pull(asked, &site, &access, context)?;
    context.output.answer(&document(&done, &options))
}

/// Puts the lock before back, and gives what it accepts.
pub(super) fn back(options: &BackOptions, context: &Context) -> Result<(PulledPluginSet, Lockfile)> {
    let WentBack { applied, changes, is_changed, lock: (path, schema), journal, accepted, .. } = go_back(options)?;
    let AppliedLock { name, version, .. } = &applied;
    let done = if is_changed { context.said("Rolled back", "Would roll back") } else { "Unchanged" };
    let said = match applied.is_rolled_back {
        true => format!("{name} version {version}, which stays so until a newer version comes"),
        false => format!("to {name} version {version} again"),
    };
    context.output.status(done, said);
    let document = PulledPluginSet {
        name: applied.name,
        set_version: applied.version,
        previous_set_version: Some(applied.version),
        expires_at: applied.expires_at.to_string(),
        payload_digest: applied.payload_digest.to_string(),
        source: path_text(&path) + ".set",
        signers: Vec::new(),
        required_signature_count: applied.required_signatures.get(),
        changed: is_changed && !context.dry_run().is_on(),
        is_rolled_back: applied.is_rolled_back,
        changes: changes.iter().map(changed).collect(),
        plugins_lock: shown_lock(&path, schema),
        journal: path_text(&journal),
        reason: options.reason.to_string(),
    };
    Ok((document, accepted))
}

/// What says once which set is followed.
const PULL: &str = "plugins lock pull";

/// What is pulled, and into which lock.
pub(super) struct Asked<'a> {
    /// Which command it is that says it once.
    pub(super) command: &'static str,
    pub(super) lock: PathBuf,
    pub(super) keys_dir: PathBuf,
    pub(super) source: Option<OsString>,
    pub(super) followed: FollowedSetArgs,
    pub(super) registry: &'a RegistryArgs,
}

/// Brings the lock to what the set says, and says so.
pub(super) fn pull(
    asked: Asked<'_>,
    site: &Site,
    access: &Access,
    context: &Context,
) -> Result<(Followed, FollowOptions)> {
    let Asked { command, lock, keys_dir, source, followed, registry } = asked;
    // What would refuse every set is said before one is asked for.
    Keyring::read(&keys_dir)?.require_there()?;
    let settings = settings(PayloadType::Lockset, command, source.as_ref(), &followed, followed_by(&lock))?;
    let from = OsString::from(&settings.from);
    let options = FollowOptions {
        at: context.judging_time(site)?,
        site: site.clone(),
        access: access.clone(),
        is_saved: followed.save,
        reason: followed.reason,
        lock,
        keys_dir,
        settings,
    };
    let named = Named::of(PayloadType::Lockset, &from, registry, context)?;
    let found = named.read_unless(known_artifact(&options)?, context);
    let done = match found.map_err(|fault| although_kept(fault, &options.lock))? {
        Some(found) => follow(&found, &options)?,
        None => still_followed(&options)?,
    };
    announce(&done, context);
    Ok((done, options))
}

/// The last good set is kept when its source is down, and what it accepts stays accepted.
fn although_kept(fault: Fault, lock: &Path) -> Fault {
    match applied_to(lock) {
        Ok(Some(applied)) if fault.class() == Class::Unavailable => {
            let AppliedLock { name, version, expires_at, .. } = applied;
            fault.although(format!(
                "the lock stays as version {version} of `{name}` has left it, which holds until {expires_at}"
            ))
        }
        _ => fault,
    }
}

fn announce(done: &Followed, context: &Context) {
    let set = format!("{} version {}", done.name, done.version);
    match (done.is_rolled_back, done.changes.is_empty() && !done.is_changed) {
        (true, _) => {
            let said = format!("{set} was rolled back here, and stays so until a newer version comes");
            context.output.status("Unchanged", said);
        }
        (false, true) => context.output.status("Unchanged", format!("{set} is applied already")),
        (false, false) => {
            let entries = counted(done.changes.len(), "change");
            context.output.status(context.said("Applied", "Would apply"), format!("{set}: {entries}"));
        }
    }
}

/// What a set has made of a lock, as documents have it.
pub(super) fn document(done: &Followed, options: &FollowOptions) -> PulledPluginSet {
    let SyncSettings { from, required_signatures, .. } = &options.settings;
    PulledPluginSet {
        name: done.name.clone(),
        set_version: done.version,
        previous_set_version: done.previous_version,
        expires_at: done.expires_at.to_string(),
        payload_digest: done.digest.to_string(),
        source: from.clone(),
        signers: done.signers.iter().map(signer).collect(),
        required_signature_count: required_signatures.get(),
        changed: done.is_changed,
        is_rolled_back: done.is_rolled_back,
        changes: done.changes.iter().map(changed).collect(),
        plugins_lock: shown_lock(&done.lock.0, done.lock.1),
        journal: path_text(&done.journal),
        reason: done.reason.to_string(),
    }
}
