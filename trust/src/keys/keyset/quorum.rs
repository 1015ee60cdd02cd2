//! `require_quorum`: whether enough keys that this site trusts for it have signed a set.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, HeldKey, Keyring, PayloadType, Standing};
use jiff::Timestamp;

use crate::continuity::KnownSigner;

/// How many signers a refusal names.
const SHOWN: usize = 8;

/// Who has signed a set.
#[derive(Debug, Clone)]
pub struct SetSigners {
    kind: PayloadType,
    /// The keys whose signatures count: trusted here, current, and allowed to sign sets.
    pub counting: Vec<KnownSigner>,
    /// The others of this site's keys, each with the reason.
    pub others: Vec<(KnownSigner, Standing)>,
}

impl SetSigners {
    /// What the signatures of those keys are worth here. A key under several names is one, and counts where one of its
    /// files does.
    pub fn of(kind: PayloadType, keyring: &Keyring, signed: &BTreeSet<Fingerprint>, at: Timestamp) -> Self {
        let mut best: BTreeMap<Fingerprint, (&HeldKey, Standing)> = BTreeMap::new();
        for key in keyring.all_keys().iter().filter(|key| signed.contains(&key.fingerprint)) {
            let standing = key.standing_as(kind.kind(), at);
            let known = best.entry(key.fingerprint).or_insert_with(|| (key, standing.clone()));
            if standing == Standing::Current {
                *known = (key, standing);
            }
        }
        let signer = |key: &HeldKey| KnownSigner { key_id: key.id.to_string(), fingerprint: key.fingerprint };
        let (counting, others): (Vec<_>, Vec<_>) =
            best.into_values().partition(|(_, standing)| *standing == Standing::Current);
        Self {
            kind,
            counting: counting.into_iter().map(|(key, _)| signer(key)).collect(),
            others: others.into_iter().map(|(key, standing)| (signer(key), standing)).collect(),
        }
    }
}

/// Whether so many of the site's keys have signed. `claimed` is who else a signature names, whether or not it holds.
///
/// # Errors
/// `signers_too_few`, naming each signer and why it does not count.
pub fn require_quorum(
    signers: &SetSigners,
    claimed: &[Fingerprint],
    required: NonZeroUsize,
    at: Timestamp,
) -> Result<()> {
    if signers.counting.len() >= required.get() {
        return Ok(());
    }
    let counting = signers.counting.iter().map(|signer| format!("`{}` counts", signer.key_id));
    let others = signers.others.iter().map(|(signer, standing)| format!("`{}` {standing}", signer.key_id));
    let is_known = |key: &&Fingerprint| {
        signers.counting.iter().chain(signers.others.iter().map(|(signer, _)| signer)).any(|it| it.fingerprint == **key)
    };
    let strangers: BTreeSet<Fingerprint> = claimed.iter().filter(|key| !is_known(key)).copied().collect();
    let strangers = strangers.iter().map(|key| format!("{key} does not verify it with a key of this site"));
    let said: Vec<String> = counting.chain(others).chain(strangers).take(SHOWN).collect();
    let found = match said.is_empty() {
        true => "no signature".to_owned(),
        false => said.join("; "),
    };
    let wanted = counted(required.get(), "key");
    let message = format!("the {} is signed by too few that count at {at:.0}", signers.kind.noun());
    Err(Fault::new(Reason::SignersTooFew, message)
        .expected(format!("{wanted} of this site that may sign `{}`", signers.kind.kind()), found)
        .hint("ask who signs the set; see which keys may sign one here: `aisoc keys list`"))
}
