//! `require_way_in`: a set after which nothing would be verified here, or no further set could come, is not applied.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, HeldKey, KeyPlace, Keyring, SignatureKind, Standing};
use jiff::Timestamp;

use super::plan::{Following, KeyMove, SyncPlan};
use super::settings::SyncSettings;

/// Whether behind the plan a key counts here for plugins, and enough of them for the next set.
///
/// # Errors
/// `keyset_lockout`.
pub fn require_way_in(plan: &SyncPlan, following: &Following<'_>, required: NonZeroUsize) -> Result<()> {
    let after = After { plan, following };
    let locked_out = |message: &str, expected: String, found: usize| {
        Err(Fault::new(Reason::KeysetLockout, message).expected(expected, counted(found, "key")))
    };
    if after.counting(SignatureKind::Plugin) == 0 {
        let message = "after this set no key would count here, and nothing would be verified";
        return locked_out(message, "a trusted key that counts for plugins".to_owned(), 0);
    }
    let signers = after.counting(SignatureKind::Keyset);
    match signers < required.get() {
        true => {
            let message = "after this set too few keys would be left here that may sign the next one";
            locked_out(message, format!("at least {} that may sign `keyset`", counted(required.get(), "key")), signers)
        }
        false => Ok(()),
    }
}

/// The keys as they are behind the plan, what waits included.
/// Whether the sets that a site follows can be signed still when `gone` counts no more: a site that takes away the last
/// keys for that follows nobody from then on, and learns of no revocation.
///
/// # Errors
/// `key_needed` when too few would be left, and what keeps the settings from being read.
pub fn require_signers_beside(keyring: &Keyring, gone: Fingerprint, at: Timestamp) -> Result<()> {
    let Some(settings) = SyncSettings::read(keyring.directory())? else { return Ok(()) };
    let counting = keyring.keys().iter().filter(|key| key.standing_as(SignatureKind::Keyset, at) == Standing::Current);
    let signers: BTreeSet<Fingerprint> = counting.map(|key| key.fingerprint).collect();
    let (left, required) = (signers.iter().filter(|key| **key != gone).count(), settings.required_signatures.get());
    match signers.contains(&gone) && left < required {
        false => Ok(()),
        true => Err(Fault::new(
            Reason::KeyNeeded,
            format!("too few keys would be left that may sign the set `{}`, which is followed here", settings.name),
        )
        .expected(format!("at least {} that may sign `keyset`", counted(required, "key")), counted(left, "key"))
        .hint("trust another one for sets first: `aisoc keys add PEM --may-sign keyset --reason TEXT`. `--force` is for a key that is in the wrong hands")),
    }
}

struct After<'a> {
    plan: &'a SyncPlan,
    following: &'a Following<'a>,
}

impl After<'_> {
    /// How many distinct keys count then for such things.
    fn counting(&self, kind: SignatureKind) -> usize {
        let Following { keyring, set, at, .. } = *self.following;
        let stays = keyring.keys().iter().filter(|file| !self.is_moved(file) && !self.is_revoked(file.fingerprint));
        let stays = stays.filter(|file| file.standing_as(kind, at) == Standing::Current).map(|file| file.fingerprint);
        let comes = self.plan.moves.iter().filter(|moved| moved.to == KeyPlace::Trusted).filter(|moved| {
            let says_so = set.counting(kind, at).any(|key| key.fingerprint == moved.fingerprint);
            says_so && !self.is_revoked(moved.fingerprint) && self.is_free_elsewhere(moved, kind)
        });
        let comes = comes.map(|moved| moved.fingerprint);
        stays.chain(comes).collect::<BTreeSet<_>>().len()
    }

    fn is_moved(&self, file: &HeldKey) -> bool {
        self.plan.moves.iter().any(|moved| moved.is_of(file))
    }

    fn is_revoked(&self, key: Fingerprint) -> bool {
        self.plan.moves.iter().any(|moved| moved.is_revocation && moved.fingerprint == key)
    }

    /// What is written of the same key under another name limits it as well.
    fn is_free_elsewhere(&self, moved: &KeyMove, kind: SignatureKind) -> bool {
        let Following { keyring, at, .. } = *self.following;
        let others = keyring.all_keys().iter().filter(|file| file.fingerprint == moved.fingerprint);
        let notes = others.filter(|file| !moved.is_of(file)).filter_map(|file| file.notes());
        notes.into_iter().all(|notes| notes.standing(at) == Standing::Current && notes.may_sign(kind))
    }
}
