//! `require_way_in`: a set after which nothing would be verified here, or no further set could come, is not applied.

use std::num::NonZeroUsize;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, HeldKey, KeyPlace, SignatureKind, Standing};

use super::plan::{Following, KeyMove, SyncPlan};

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
        stays.chain(comes).collect::<std::collections::BTreeSet<_>>().len()
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
