//! `aisoc keys sync`

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use aisoc_manifests::fault::{Class, Fault, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::{LeftKey, Objection, SyncedKey, SyncedKeySet, WaitingKey};
use aisoc_pipeline::keys::{Dependent, SyncOptions, Synced, sync};
use aisoc_signing::{KeyPlace, Keyring, PayloadType};
use aisoc_trust::Patience;
use aisoc_trust::keys::{Applied, KeyMove, KeysAccess, LeftAlone, Loss, SyncSettings, WhyLeft};

use super::super::key_change::{finished_change, installed_as_far_as_read, warn_of_doubt};
use super::super::signed_set::{settings, signer};
use super::super::statement::Named;
use crate::args::keyset::SyncKeysArgs;
use crate::clock;
use crate::context::Context;
use crate::output::{Answer, path_text, printable};

impl Answer for SyncedKeySet {
    fn text(&self) -> String {
        let head = format!("{} {}\n", printable(&self.name), self.set_version);
        let changes =
            self.changes.iter().map(|it| format!("{} {} {}\n", it.change, printable(&it.key_id), it.fingerprint));
        let waiting = self.waiting.iter().map(|it| format!("waiting {} {}\n", printable(&it.key_id), it.fingerprint));
        std::iter::once(head).chain(changes).chain(waiting).collect()
    }
}

pub(crate) fn run(args: SyncKeysArgs, context: &Context) -> Result<u8> {
    let keys_dir = context.keys_directory(args.trusted_keys.clone());
    // What would refuse every set is said before one is asked for.
    Keyring::read(&keys_dir)?.require_there()?;
    let saved = SyncSettings::read(&keys_dir);
    let settings = settings(PayloadType::Keyset, "keys sync", args.source.as_ref(), &args.followed, saved)?;
    let source = OsString::from(&settings.from);
    let patience = Patience {
        lock_timeout: Duration::from_secs(args.lock_timeout),
        cancellation: context.cancellation()?.clone(),
    };
    let (installed, doubts) = installed_as_far_as_read(args.guard.installed, &keys_dir, context)?;
    let options = SyncOptions {
        access: KeysAccess { patience, writer: context.journal_writer(), dry_run: context.dry_run() },
        installed,
        doubts,
        is_forced: args.guard.force,
        now: clock::now(),
        is_saved: args.followed.save,
        reason: args.followed.reason,
        settings,
        keys_dir,
    };
    let named = Named::of(PayloadType::Keyset, &source, &args.registry, context)?;
    let found = named.read(context).map_err(|fault| although_kept(fault, &options.keys_dir))?;
    let done = sync(&found.content, &options)?;
    for doubt in [&options.doubts.time, &options.doubts.policy].into_iter().flatten() {
        warn_of_doubt(doubt, context);
    }
    announce(&done, context);
    answer(done, &options, context)
}

/// The last good set is kept when its source is down, and goes on judging.
fn although_kept(fault: Fault, keys_dir: &Path) -> Fault {
    match Applied::read(keys_dir) {
        Ok(Some(applied)) if fault.class() == Class::Unavailable => {
            let Applied { name, version, expires_at, .. } = applied;
            fault.although(format!(
                "the keys stay as version {version} of `{name}` has left them, which holds until {expires_at}"
            ))
        }
        _ => fault,
    }
}

fn announce(done: &Synced, context: &Context) {
    let (name, version) = (&done.set.name, done.set.version);
    match done.is_changed || !done.moves.is_empty() {
        true => context.output.status(context.said("Applied", "Would apply"), format!("{name} version {version}")),
        false => context.output.status("Unchanged", format!("{name} version {version} is applied already")),
    }
    for left in &done.left {
        let key = left.file.as_deref().unwrap_or(&left.key_id);
        let said = format!("key `{key}` ({}) {}", left.fingerprint, left.why);
        let hint = (left.why == WhyLeft::OwnKeyRevoked).then(|| "remove that file once nothing reads it".to_owned());
        context.output.warning_with(Warning::KeyLeftAlone, said, hint.as_deref());
    }
    for waiting in &done.waiting {
        let is_to = match waiting.loss {
            Some(Loss::IsLimited) => "is to sign less",
            _ => "is to go",
        };
        let said = match &done.not_judged {
            Some(fault) => {
                format!("key `{}` {is_to} and waits: nobody can tell what depends on it: {fault}", waiting.key_id)
            }
            None => format!("key `{}` {is_to} and waits for {}", waiting.key_id, of(waiting, done).join(", ")),
        };
        context.output.warning(Warning::DependsOnKey, said);
    }
}

/// What depends on a key that waits.
fn of(waiting: &KeyMove, done: &Synced) -> Vec<String> {
    let is_its = |dependent: &&Dependent| dependent.signers.iter().any(|it| it.fingerprint == waiting.fingerprint);
    let named = |dependent: &Dependent| match (&dependent.id, &dependent.version) {
        (Some(id), Some(version)) => format!("{id} {version}"),
        _ => dependent.source.clone(),
    };
    done.dependents.iter().filter(is_its).map(named).collect()
}

fn answer(done: Synced, options: &SyncOptions, context: &Context) -> Result<u8> {
    let waiting = done.waiting.iter().map(|waiting| WaitingKey {
        key_id: waiting.key_id.clone(),
        fingerprint: waiting.fingerprint.to_string(),
        dependents: of(waiting, &done),
        objection: done.not_judged.as_ref().map(Objection::from),
    });
    context.output.answer(&SyncedKeySet {
        name: done.set.name.clone(),
        set_version: done.set.version,
        previous_set_version: done.previous_version,
        expires_at: done.set.expires_at.to_string(),
        payload_digest: done.digest.to_string(),
        source: options.settings.from.clone(),
        signers: done.signers.iter().map(signer).collect(),
        required_signature_count: options.settings.required_signatures.get(),
        changed: done.is_changed,
        changes: done.moves.iter().map(synced).collect(),
        waiting: waiting.collect(),
        left_alone: done.left.iter().map(|left| left_key(left, options)).collect(),
        keys_directory: path_text(&options.keys_dir),
        reason: done.reason.to_string(),
        finished: done.finished.as_ref().map(finished_change),
    })
}

fn synced(moved: &KeyMove) -> SyncedKey {
    SyncedKey {
        key_id: moved.key_id.clone(),
        fingerprint: moved.fingerprint.to_string(),
        change: moved.word(),
        previous_state: moved.from.map(KeyPlace::as_str),
        state: moved.to.as_str(),
    }
}

fn left_key(left: &LeftAlone, options: &SyncOptions) -> LeftKey {
    LeftKey {
        key_id: left.key_id.clone(),
        fingerprint: left.fingerprint.to_string(),
        path: left.file.as_ref().map(|file| path_text(&options.keys_dir.join(file))),
        why: left.why.as_str(),
    }
}
