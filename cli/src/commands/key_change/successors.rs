//! What stands on the word of a key that is revoked. The revocation comes first and waits for nobody: a key in the wrong
//! hands is gone before anybody is asked about others.

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::SuccessorOfKey;
use aisoc_pipeline::keys::{ChangedKeys, Guard, KeyChangeOptions, change_keys};
use aisoc_signing::{Fingerprint, Keyring};
use aisoc_trust::keys::{KeyChange, accepted_on_word_of};

use crate::commands::uninstall::{can_ask, confirm};
use crate::context::Context;

/// What becomes of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// They are revoked as well.
    Revoked,
    /// They stay.
    Kept,
    /// Whoever is there is asked; where nobody is, they stay, and are named.
    Asked,
}

impl Wish {
    pub(super) fn of(revoked: bool, kept: bool) -> Self {
        match (revoked, kept) {
            (true, _) => Self::Revoked,
            (_, true) => Self::Kept,
            _ => Self::Asked,
        }
    }
}

/// Names the keys that count on the word of one that was revoked, and revokes them as is wished: each that can be,
/// whatever becomes of the others.
///
/// # Errors
/// As [`change_keys`], when it is done with all: `key_needed` for one of them that something depends on, with the
/// commands that revoke those that are left.
pub(super) fn of_revoked(
    changed: &ChangedKeys,
    wish: Wish,
    options: &KeyChangeOptions,
    mut guard: Guard,
    context: &Context,
) -> Result<Vec<SuccessorOfKey>> {
    let mut found = found(changed.fingerprint, options)?;
    if found.is_empty() || !are_revoked(&found, wish, context)? {
        let id = changed.entry.id.as_deref().unwrap_or_default();
        found.iter().for_each(|key| warn(key, id, context));
        return Ok(found);
    }
    let mut left = Vec::new();
    guard.installed.trust.foreseen.gone.insert(changed.fingerprint);
    for key in &mut found {
        match revoke(key, options, &guard, context) {
            Ok(gone) => {
                key.revoked = true;
                guard.installed.trust.foreseen.gone.insert(gone);
            }
            Err(fault) if fault.reason() == Reason::Interrupted => return Err(fault),
            Err(fault) => left.push((key.key_fingerprint.clone(), fault.about(format!("key `{}`", key.key_id)))),
        }
    }
    let commands: Vec<String> =
        left.iter().map(|(key, _)| format!("`aisoc keys revoke {} --force --reason TEXT`", shell_word(key))).collect();
    match left.into_iter().next() {
        None => Ok(found),
        Some((_, fault)) => Err(fault.hint(format!(
            "what depends on them is refused once they are gone; in the wrong hands they go all the same: {}",
            commands.join(", ")
        ))),
    }
}

/// A key that was revoked before may have left others behind that count on its word: they are named.
pub(super) fn after_refusal(fault: Fault, asked: Option<Fingerprint>, options: &KeyChangeOptions) -> Fault {
    let left = asked.filter(|_| fault.reason() == Reason::AlreadyExists).map(|key| found(key, options));
    let Some(Ok(left)) = left else { return fault };
    let revoke =
        |key: &SuccessorOfKey| format!("`aisoc keys revoke {} --reason TEXT`", shell_word(&key.key_fingerprint));
    match left.is_empty() {
        true => fault,
        false => fault.hint(format!(
            "keys count still that were accepted on its word: {}",
            left.iter().map(revoke).collect::<Vec<_>>().join(", ")
        )),
    }
}

fn found(revoked: Fingerprint, options: &KeyChangeOptions) -> Result<Vec<SuccessorOfKey>> {
    let keyring = Keyring::read(&options.keys_dir)?;
    let found = accepted_on_word_of(&keyring, revoked, options.grounds.at).into_iter();
    let found = found.filter(|key| key.fingerprint != revoked).map(|key| SuccessorOfKey {
        key_id: key.id.to_string(),
        key_fingerprint: key.fingerprint.to_string(),
        revoked: false,
    });
    Ok(found.collect())
}

fn are_revoked(found: &[SuccessorOfKey], wish: Wish, context: &Context) -> Result<bool> {
    if wish != Wish::Asked || context.output.json() || context.dry_run().is_on() || !can_ask(context) {
        return Ok(wish == Wish::Revoked);
    }
    let named: Vec<String> = found.iter().map(|key| format!("`{}` ({})", key.key_id, key.key_fingerprint)).collect();
    let question = format!("Revoke {} as well, accepted on its word? [y/N] ", named.join(", "));
    match confirm("revoking its successors", &question, "they stay", context) {
        Ok(()) => Ok(true),
        Err(fault) if fault.reason() == Reason::ConfirmationRequired => Ok(false),
        Err(fault) => Err(fault),
    }
}

fn revoke(key: &SuccessorOfKey, options: &KeyChangeOptions, guard: &Guard, context: &Context) -> Result<Fingerprint> {
    let changed = change_keys(options, Some(guard), |keyring, grounds| {
        KeyChange::revoke(keyring, keyring.named(&key.key_fingerprint)?, None, grounds)
    })?;
    let said = format!("key {} ({}), accepted on its word", key.key_id, key.key_fingerprint);
    context.output.status(context.said("Revoked", "Would revoke"), said);
    Ok(changed.fingerprint)
}

/// Names the keys that count on the word of one that a rotation has revoked, but for the one that came in its place.
///
/// # Errors
/// As [`Keyring::read`].
pub(super) fn warn_of_left(
    options: &KeyChangeOptions,
    (revoked, new): (Fingerprint, Fingerprint),
    context: &Context,
) -> Result<()> {
    let keyring = Keyring::read(&options.keys_dir)?;
    let id = keyring.named(&revoked.to_string()).map_or_else(|_| revoked.to_string(), |key| key.id.to_string());
    let new = new.to_string();
    found(revoked, options)?.iter().filter(|key| key.key_fingerprint != new).for_each(|key| warn(key, &id, context));
    Ok(())
}

fn warn(key: &SuccessorOfKey, id: &str, context: &Context) {
    let said = format!("key `{}` was accepted on the word of `{id}`, and goes on counting", key.key_id);
    let hint = format!(
        "find out whether it is its owner's; if nobody can tell: `aisoc keys revoke {} --reason TEXT`",
        shell_word(&key.key_id)
    );
    context.output.warning_with(Warning::SuccessorStands, said, Some(&hint));
}
