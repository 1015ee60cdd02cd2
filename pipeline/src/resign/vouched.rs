//! `Vouched`: the word of somebody known for what is to be signed again.
//!
//! Whoever may write to a registry may put anything there. A key that signed whatever it finds would give its
//! publisher's name to a stranger's plugin, so what is there has to be what a trusted key has signed, or this key.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Appearance, Claim, Coverage, Fingerprint, Origin, PublicKey, SIGNATURE_FILE, Signature};
use aisoc_trust::{CoverageRule, KnownSigner, Policy, TrustMode, Verdict, changed_after_signing};

use crate::judge::{ForeseenKeys, TrustInputs};
use crate::proofs::Demands;
use crate::verify::{Verification, judge};

/// What is known of a version that may be signed again.
#[derive(Debug)]
pub(super) struct Vouched {
    /// The signature of the key that signs, when it has signed before.
    pub(super) own: Option<Signature>,
    /// Whose `plugin.sig` is.
    pub(super) first: Option<Fingerprint>,
    /// The trusted keys whose word it is.
    pub(super) by: Vec<KnownSigner>,
    /// How much the signatures cover that are there.
    pub(super) coverage: Coverage,
}

impl Vouched {
    /// Judges what is there, and comes from `origin`. It must be sound before anybody is asked: a signature in every file of one, and the files
    /// that the manifest states.
    ///
    /// # Errors
    /// `unsigned`, `signature_malformed`, `coverage_mismatch`, and every refusal of the gate in mode `strict`.
    pub(super) fn of(claim: &Claim, origin: Origin, key: &PublicKey, trust: &TrustInputs) -> Result<Self> {
        require_sound(claim)?;
        let finding = claim.compare_tree(claim.document()?)?;
        let coverage = claim.coverage_if_signed(&finding);
        if let Some(own) = claim.signature_of(key)? {
            return Ok(Self { own: Some(own), first: None, by: Vec::new(), coverage });
        }
        // As much as is covered now is covered then, whatever a host asks for: the new signature states the same.
        let policy = Policy { coverage: CoverageRule::Code, ..Policy::of(TrustMode::Strict) };
        let strict =
            TrustInputs { policy, foreseen: ForeseenKeys::default(), demands: Demands::default(), ..trust.clone() };
        let verification = judge(claim, origin, &strict)?;
        let first = first_signer(&verification);
        let verdict = verification.verdict?;
        Ok(Self { own: None, first, by: verdict.signers().iter().map(KnownSigner::from).collect(), coverage })
    }
}

fn require_sound(claim: &Claim) -> Result<()> {
    match Appearance::of(claim)? {
        Appearance::Fits(_) | Appearance::OnlyAKeyCanTell => Ok(()),
        Appearance::Malformed(fault) => Err(fault),
        Appearance::OtherTree(difference) => Err(changed_after_signing(&difference)),
        Appearance::Unsigned(_) => Err(Fault::new(Reason::Unsigned, format!("it has no `{SIGNATURE_FILE}`"))
            .expected("a signature of a trusted key", "none")
            .hint(
                "nobody vouches for it: release it from its sources, `aisoc plugin release DIR REF --private-key KEY`",
            )),
    }
}

/// Whose `plugin.sig` is, among the trusted keys that verify it; whether the key counts today makes no difference.
fn first_signer(verification: &Verification) -> Option<Fingerprint> {
    let Verification { findings, verdict, .. } = verification;
    let verdict: &Verdict = verdict.as_ref().ok()?;
    let first = findings.signatures.iter().find(|tried| tried.file == SIGNATURE_FILE)?.key_id.as_ref()?;
    let current = verdict.signers().iter().map(|signer| (&signer.key_id, signer.fingerprint));
    let ended = verdict.ended_signers().iter().map(|signer| (&signer.key_id, signer.fingerprint));
    current.chain(ended).find(|(id, _)| *id == first).map(|(_, fingerprint)| fingerprint)
}
