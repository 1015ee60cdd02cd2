//! Proofs by the trusted keys of a site, which fall with a key as a signature does.

use std::borrow::Cow;

use aisoc_manifests::fault::Result;
use aisoc_signing::Fingerprint;
use aisoc_signing::proof::ProofSigner;
use aisoc_trust::{KnownSigner, ProofDemand, RequiredShown, TrustRule, TrustRules};

use super::at_hand::AtHand;
use super::judged::{Trusted, find};
use super::required::Asked;
use super::rule::{Demands, is_by_trusted_keys};

/// A proof that is shown today, and would be no more.
pub(crate) struct LostProof {
    /// What the gate is told.
    pub(crate) shown: RequiredShown,
    /// The key that shows it today.
    pub(crate) signer: Option<KnownSigner>,
}

/// Those that the keys of `today` show and those of `later` do not. What is not shown today either is lost by no key:
/// whoever misses it needs the keys that have signed the plugin all the same.
pub(crate) fn lost_proofs(
    demands: &Demands,
    rules: Option<&TrustRules>,
    today: &Asked<'_>,
    later: &Asked<'_>,
) -> Vec<LostProof> {
    let about = rules.map(|rules| rules.about(today.plugin, &today.coming.origin).unwrap_or_default());
    let about = about.unwrap_or_default();
    let of_rules = about.iter().flat_map(|rule| rule.proofs.iter().map(|demand| (Some(*rule), demand)));
    let all = demands.proofs.iter().map(|demand| (None, demand)).chain(of_rules);
    let by_keys: Vec<_> = all.filter(|(_, demand)| is_by_trusted_keys(demand)).collect();
    if by_keys.is_empty() {
        return Vec::new();
    }
    let at_hand = today.coming.at_hand(today.claim);
    by_keys.into_iter().filter_map(|(rule, demand)| lost(rule, demand, &at_hand, (today, later))).collect()
}

fn lost(
    rule: Option<&TrustRule>,
    demand: &ProofDemand,
    at_hand: &Result<Option<Cow<'_, AtHand>>>,
    (today, later): (&Asked<'_>, &Asked<'_>),
) -> Option<LostProof> {
    let asked = |asked: &Asked<'_>| {
        let Asked { plugin, circumstances, keyring, .. } = *asked;
        find(demand, at_hand, &Trusted { plugin, circumstances, keyring })
    };
    let shown = asked(today).ok()?;
    let fault = asked(later).err()?;
    let fault = match rule {
        Some(rule) => rule.refusing(fault),
        None => fault,
    };
    let signer = signer(&shown.proven.signer, today);
    Some(LostProof { shown: RequiredShown { name: demand.kind.question(), outcome: Err(fault) }, signer })
}

fn signer(signer: &ProofSigner, today: &Asked<'_>) -> Option<KnownSigner> {
    let ProofSigner::Key(fingerprint) = signer else { return None };
    let fingerprint: Fingerprint = fingerprint.parse().ok()?;
    let trusted = today.keyring.keys().iter().find(|key| key.fingerprint == fingerprint)?;
    Some(KnownSigner { key_id: trusted.id.to_string(), fingerprint })
}
