//! `require_way_in`: a set after which nothing would be verified here, or no further set could come, is not applied.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, Keyring, SignatureKind};
use jiff::Timestamp;

use super::super::foreseen::counting;
use super::plan::{Following, SyncPlan};
use super::settings::SyncSettings;

/// How many keys have to count on a site.
#[derive(Debug, Clone, Copy)]
pub struct WayIn {
    /// For a plugin to be verified.
    pub signers: NonZeroUsize,
    /// For a set to be applied.
    pub set_signers: NonZeroUsize,
    /// Whether somebody answers for it that a revocation leaves too few for plugins: for keys in the wrong hands.
    pub is_forced: bool,
}

/// What whoever revokes the last keys for plugins says.
const FORCED: &str = "ask who signs the set for one with a key that counts; whoever means that nothing is verified any more, because \
     the keys are in the wrong hands, says so with `--force`";

/// Whether behind the plan enough keys count here for plugins, and enough of them for the next set. Nobody can answer for
/// it that no further set could come.
///
/// # Errors
/// `keyset_lockout`.
pub fn require_way_in(plan: &SyncPlan, following: &Following<'_>, required: WayIn) -> Result<()> {
    let after = plan.losses().after(following.keyring);
    let locked_out = |message: &str, expected: String, found: usize| {
        Err(Fault::new(Reason::KeysetLockout, message).expected(expected, counted(found, "key")))
    };
    if !(required.is_forced && plan.revokes()) {
        let signers = counting(&after, SignatureKind::Plugin, following.at);
        require_plugin_signers(signers, required.signers)
            .map_err(|fault| if plan.revokes() { fault.hint(FORCED) } else { fault })?;
    }
    let signers = counting(&after, SignatureKind::Keyset, following.at);
    match signers < required.set_signers.get() {
        true => {
            let message = "after this set too few keys would be left here that may sign the next one";
            let least = counted(required.set_signers.get(), "key");
            locked_out(message, format!("at least {least} that may sign `keyset`"), signers)
        }
        false => Ok(()),
    }
}

fn require_plugin_signers(signers: usize, required: NonZeroUsize) -> Result<()> {
    let locked_out = |message: &str, expected: String| {
        Fault::new(Reason::KeysetLockout, message).expected(expected, counted(signers, "key"))
    };
    match signers {
        0 => {
            let message = "after this set no key would count here, and nothing would be verified";
            Err(locked_out(message, "a trusted key that counts for plugins".to_owned()))
        }
        few if few < required.get() => {
            let message =
                "after this set fewer keys would count here than have to sign a plugin, and nothing would be verified";
            let least = counted(required.get(), "key");
            Err(locked_out(message, format!("at least {least} that count for plugins, as `--require` asks")))
        }
        _ => Ok(()),
    }
}

/// Whether the sets that a site follows can be signed still when `gone` counts no more: a site that takes away the last
/// keys for that follows nobody from then on, and learns of no revocation.
///
/// # Errors
/// `key_needed` when too few would be left, and what keeps the settings from being read.
pub fn require_signers_beside(keyring: &Keyring, gone: Fingerprint, at: Timestamp) -> Result<()> {
    require_set_signers(keyring, &keyring.without(&BTreeSet::from([gone])), at)
}

/// As [`require_signers_beside`], of keys as they are `before` a change and `after` it.
///
/// # Errors
/// As [`require_signers_beside`].
pub fn require_set_signers(before: &Keyring, after: &Keyring, at: Timestamp) -> Result<()> {
    let Some(settings) = SyncSettings::read(before.directory())? else { return Ok(()) };
    let [were, left] = [before, after].map(|keyring| counting(keyring, SignatureKind::Keyset, at));
    let required = settings.required_signatures.get();
    match left < were && left < required {
        false => Ok(()),
        true => Err(Fault::new(
            Reason::KeyNeeded,
            format!("too few keys would be left that may sign the set `{}`, which is followed here", settings.name),
        )
        .expected(format!("at least {} that may sign `keyset`", counted(required, "key")), counted(left, "key"))
        .hint("trust another one for sets first: `aisoc keys add PEM --may-sign keyset --reason TEXT`. `--force` is for a key that is in the wrong hands")),
    }
}
