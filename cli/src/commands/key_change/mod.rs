//! `aisoc keys add|stage|promote|retire|revoke|restore|annotate`: one change of the trusted keys each.

mod note;
pub(super) mod pem;
pub(super) mod rotate;
mod successors;

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::AtRestOptions;
use aisoc_pipeline::documents::{ChangedKey, FinishedChange, SuccessorOfKey};
use aisoc_pipeline::keys::{ChangedKeys, Dependence, Doubts, Guard, KeyChangeOptions, change_keys};
use aisoc_signing::{KeyPlace, Keyring};
use aisoc_trust::Patience;
use aisoc_trust::journal::{Action, Entry, HeldDirectory};
use aisoc_trust::keys::{Addition, Grounds, KeyChange, KeysAccess};

use self::successors::Wish;
use super::uninstall::confirm;
use crate::args::key_change::{
    GuardArgs, InstalledArgs, KeyAddArgs, KeyAnnotateArgs, KeyChangeArgs, KeyIdArgs, KeyRestoreArgs, KeyRetireArgs,
    KeyRevokeArgs,
};
use crate::args::known::Capabilities;
use crate::args::known::Requirement;
use crate::args::plugin::TrustArgs;
use crate::clock;
use crate::context::{Context, shared_directories};
use crate::environment::TIMESTAMP_ROOT;
use crate::output::{Answer, path_text, printable};

impl Answer for ChangedKey {
    fn text(&self) -> String {
        format!("{} {}\n", printable(&self.key_id), self.key_fingerprint)
    }
}

pub(crate) fn add(args: KeyAddArgs, context: &Context) -> Result<u8> {
    put(args, KeyChange::add, context)
}

pub(crate) fn stage(args: KeyAddArgs, context: &Context) -> Result<u8> {
    put(args, KeyChange::stage, context)
}

fn put(
    args: KeyAddArgs,
    decide: fn(&Keyring, &Addition, &Grounds) -> Result<KeyChange>,
    context: &Context,
) -> Result<u8> {
    let addition = Addition {
        key: pem::read(&args.pem, context)?,
        id: args.id.map_or_else(|| pem::id_of(&args.pem), Ok)?,
        note: note::new(args.note)?,
    };
    let options = options(args.change, context)?;
    let changed = change_keys(&options, None, |keyring, grounds| decide(keyring, &addition, grounds))?;
    answer(&options, changed, context)
}

pub(crate) fn promote(args: KeyIdArgs, context: &Context) -> Result<u8> {
    let options = options(args.change, context)?;
    let changed =
        change_keys(&options, None, |keyring, grounds| KeyChange::promote(keyring, keyring.named(&args.id)?, grounds))?;
    answer(&options, changed, context)
}

pub(crate) fn retire(args: KeyRetireArgs, context: &Context) -> Result<u8> {
    let options = options(args.change, context)?;
    // A key that goes on counting for a while is missed later, and until then there is time to see to it.
    let force = args.guard.force || args.after.is_some();
    let guard = guard(GuardArgs { force, ..args.guard }, &options.keys_dir, context)?;
    let changed = change_keys(&options, Some(&guard), |keyring, grounds| {
        KeyChange::retire(keyring, keyring.named(&args.id)?, args.after, grounds)
    })?;
    answer(&options, changed, context)
}

pub(crate) fn revoke(args: KeyRevokeArgs, context: &Context) -> Result<u8> {
    let options = options(args.change, context)?;
    let guard = guard(args.guard, &options.keys_dir, context)?;
    let wish = Wish::of(args.with_successors, args.keep_successors);
    let mut asked = None;
    let changed = change_keys(&options, Some(&guard), |keyring, grounds| {
        let key = keyring.named(&args.id)?;
        asked = Some(key.fingerprint);
        KeyChange::revoke(keyring, key, args.since, grounds)
    });
    let changed = changed.map_err(|fault| successors::after_refusal(fault, asked, &options))?;
    if args.since.is_some() && context.environment.path(TIMESTAMP_ROOT).is_none() {
        let said = "what the key signed before that time is refused as well: PLUGIN_TIMESTAMP_ROOT names no authority by \
                    whose word anything is older";
        context.output.warning(Warning::SinceDecidesNothing, said);
    }
    let successors = successors::of_revoked(&changed, wish, &options, guard, context);
    let id = changed.entry.id.clone().unwrap_or_default();
    let successors = successors
        .map_err(|fault| fault.although(format!("key `{id}` {}", context.said("is revoked", "can be revoked"))))?;
    answer_with(&options, changed, successors, context)
}

pub(crate) fn restore(args: KeyRestoreArgs, context: &Context) -> Result<u8> {
    let options = options(args.change, context)?;
    let is_asked = !args.yes && !context.dry_run().is_on();
    let changed = change_keys(&options, None, |keyring, grounds| {
        let key = keyring.named(&args.id)?;
        if is_asked && key.place == KeyPlace::Revoked {
            let question = format!("Trust `{}` ({}) again, which was revoked? [y/N] ", key.file, key.fingerprint);
            confirm("trusting a revoked key again", &question, "the key stays revoked", context)?;
        }
        KeyChange::restore(keyring, key, grounds)
    })?;
    answer(&options, changed, context)
}

pub(crate) fn annotate(args: KeyAnnotateArgs, context: &Context) -> Result<u8> {
    let options = options(args.change, context)?;
    note::require_change(&args.note, &args.clear)?;
    let guard = guard(args.guard, &options.keys_dir, context)?;
    let changed = change_keys(&options, Some(&guard), |keyring, grounds| {
        let key = keyring.named(&args.id)?;
        KeyChange::annotate(key, note::changed(key.notes(), args.note, &args.clear), grounds)
    })?;
    answer(&options, changed, context)
}

/// Where keys are changed, by whom and why.
pub(super) fn options(args: KeyChangeArgs, context: &Context) -> Result<KeyChangeOptions> {
    let patience = Patience {
        lock_timeout: Duration::from_secs(args.lock_timeout),
        cancellation: context.cancellation()?.clone(),
    };
    let keys_dir = context.keys_directory(args.trusted_keys);
    context.warn_of_stale_set(&keys_dir, clock::now());
    Ok(KeyChangeOptions {
        keys_dir,
        access: KeysAccess { patience, writer: context.journal_writer(), dry_run: context.dry_run() },
        grounds: Grounds { at: clock::now(), reason: args.reason },
    })
}

/// What is installed is judged by the keys that are changed, and by nobody else's.
pub(super) fn guard(args: GuardArgs, keys_dir: &Path, context: &Context) -> Result<Guard> {
    let GuardArgs { force, installed } = args;
    let (installed, doubts) = installed_as_far_as_read(installed, keys_dir, context)?;
    // A key that goes whatever depends on it waits for no setting: those decide about plugins, and not about it.
    for doubt in doubts.all() {
        if !force {
            return Err(doubt);
        }
        warn_of_doubt(&doubt, context);
    }
    Ok(Guard { installed, is_forced: force })
}

/// # Errors
/// As [`installed_as_far_as_read`], and [`Context::trust`].
fn installed(args: InstalledArgs, keys_dir: &Path, context: &Context) -> Result<AtRestOptions> {
    let (installed, doubts) = installed_as_far_as_read(args, keys_dir, context)?;
    doubts.all().next().map_or(Ok(installed), Err)
}

/// What is installed, and what of the settings by which it is judged could not be read. What plugins may not ask for is
/// none of them: it says nothing of keys.
///
/// # Errors
/// `io_not_found` for a plugins directory that is named and not there.
pub(super) fn installed_as_far_as_read(
    args: InstalledArgs,
    keys_dir: &Path,
    context: &Context,
) -> Result<(AtRestOptions, Doubts)> {
    let InstalledArgs { plugins_dir, trust_mode, trust_coverage, required_signers, shared } = args;
    let trusted_keys = Some(keys_dir.to_owned());
    if let Some(named) = plugins_dir.as_deref() {
        require_there(named)?;
    }
    let site = context.site(plugins_dir);
    let deny_capabilities = Some(Capabilities::default());
    let required = vec![Requirement::Signers(required_signers)];
    let (timestamp_root, trust_policy) = (None, None);
    let trust = TrustArgs {
        trusted_keys,
        timestamp_root,
        trust_mode,
        trust_coverage,
        deny_capabilities,
        required,
        trust_policy,
    };
    let (at, time) = context.judging_time_as_far_as_read(&site);
    let (trust, policy) = context.trust_as_far_as_read(trust, at);
    let installed = AtRestOptions {
        trust,
        site,
        only: Vec::new(),
        limits: context.limits()?,
        shared_directories: shared_directories(&shared),
    };
    Ok((installed, Doubts { time, policy }))
}

/// Says what is done all the same.
pub(in crate::commands) fn warn_of_doubt(doubt: &Fault, context: &Context) {
    let said = format!("a setting is left out that cannot be read, and decides nothing here: {doubt}");
    context.output.warning(Warning::SettingLeftOut, said);
}

/// Nothing depends on a key in a directory that is not there. Whoever names one means one that is.
pub(super) fn require_there(plugins_dir: &Path) -> Result<()> {
    HeldDirectory::open(plugins_dir)?
        .map(drop)
        .ok_or_else(|| Fault::io("open", plugins_dir, ErrorKind::NotFound.into()))
}

fn answer(options: &KeyChangeOptions, changed: ChangedKeys, context: &Context) -> Result<u8> {
    answer_with(options, changed, Vec::new(), context)
}

fn answer_with(
    options: &KeyChangeOptions,
    changed: ChangedKeys,
    successors: Vec<SuccessorOfKey>,
    context: &Context,
) -> Result<u8> {
    let ChangedKeys { entry, fingerprint, before, finished, impact, not_judged } = &changed;
    tell_finished(finished.as_ref(), context);
    for loss in impact.iter().flat_map(|impact| impact.losses()) {
        let version = loss.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let id = loss.id.as_deref().unwrap_or(&loss.source);
        let said = format!("`{id}`{version} depends on the key: {}", words(loss.dependence));
        context.output.warning(Warning::DependsOnKey, said);
    }
    if let Some(fault) = not_judged {
        context.output.warning(Warning::DependsOnKey, format!("nobody can tell what depends on the key: {fault}"));
    }
    say(&changed, &options.keys_dir, context);
    context.output.answer(&ChangedKey {
        action: entry.action.as_str(),
        key_id: entry.id.clone().unwrap_or_default(),
        key_fingerprint: fingerprint.to_string(),
        previous_state: before.map(KeyPlace::as_str),
        keys_directory: path_text(&options.keys_dir),
        reason: entry.reason.clone().unwrap_or_default(),
        changed_at: entry.at.to_string(),
        finished: finished.as_ref().map(finished_change),
        successors,
    })
}

/// Says what an earlier run had begun and this one has finished.
pub(super) fn tell_finished(finished: Option<&Entry>, context: &Context) {
    if let Some(finished) = finished {
        let id = finished.id.as_deref().unwrap_or_default();
        context.output.status("Finished", format!("{} of key {id}, which was interrupted", finished.action));
    }
}

/// Says what was done to a key, or would be.
fn say(changed: &ChangedKeys, keys_dir: &Path, context: &Context) {
    let ChangedKeys { entry, fingerprint, .. } = changed;
    let (done, foreseen) = verbs(entry.action);
    let id = entry.id.as_deref().unwrap_or_default();
    context.output.status(context.said(done, foreseen), format!("key {id} ({fingerprint}) in {}", keys_dir.display()));
}

/// What becomes of something without the key.
fn words(dependence: Dependence) -> &'static str {
    match dependence {
        Dependence::OnlyThisKey => "without it it is refused",
        Dependence::BelowRequired => "without it fewer keys vouch for it than are required",
        Dependence::WouldBecomeUnsigned => "without it nobody vouches for it as is asked",
        Dependence::AlsoAnotherKey => "another key vouches for it as well",
    }
}

/// What was done, and what would be.
fn verbs(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::KeyAdd | Action::KeyPromote => ("Trusted", "Would trust"),
        Action::KeyStage => ("Staged", "Would stage"),
        Action::KeyRetire => ("Retired", "Would retire"),
        Action::KeyRevoke => ("Revoked", "Would revoke"),
        Action::KeyRestore => ("Restored", "Would restore"),
        _ => ("Annotated", "Would annotate"),
    }
}

/// The same, in a document.
pub(super) fn finished_change(entry: &Entry) -> FinishedChange {
    FinishedChange { action: entry.action.as_str(), key_id: entry.id.clone().unwrap_or_default() }
}
