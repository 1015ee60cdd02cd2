//! Judging what is at hand: whether any of it is the proof that is demanded.

use std::borrow::Cow;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::proof::{
    Bundle, Logged, ProofSigner, Proven, Subject, verify_bundle, verify_bundle_by_key, verify_tagged_by_key,
};
use aisoc_signing::{AttestationBundle, AttestationOutcome, Circumstances, ClaimedBundle, Keyring};
use aisoc_trust::{ProofDemand, ProvedBy, first_shown, not_counted};

use super::at_hand::AtHand;
use super::offered::{Offered, OfferedProof};
use super::tagged::TaggedProof;

/// A proof that shows what was required.
#[derive(Debug, Clone)]
pub struct ShownProof {
    /// Where it was: a file, or the digest of the manifest that refers to the artifact.
    pub place: String,
    /// What it shows.
    pub proven: Proven,
}

/// Who is asked about which plugin.
pub(super) struct Trusted<'a> {
    pub(super) plugin: Option<&'a str>,
    pub(super) circumstances: &'a Circumstances,
    pub(super) keyring: &'a Keyring,
}

/// The first that is what is demanded.
///
/// # Errors
/// `proof_missing` where there is none of that kind; of several that are refused, why the first is.
pub(super) fn find(
    demand: &ProofDemand,
    at_hand: &Result<Option<Cow<'_, AtHand>>>,
    trusted: &Trusted<'_>,
) -> Result<ShownProof> {
    let Some(at_hand) = at_hand.as_ref().map_err(Fault::clone)? else { return Err(nothing_at_hand(demand)) };
    let candidates = at_hand.offered.iter().map(|offer| {
        let place = offer.place.clone();
        Some(judged(demand, offer, at_hand, trusted)?.map(|proven| ShownProof { place, proven }))
    });
    first_shown(candidates).map_err(|refused| refused.unwrap_or_else(|| missing(demand, at_hand)))
}

/// None for what is of another kind, by what it says itself: whoever is refused wants to hear of the one that he means.
fn judged(demand: &ProofDemand, offer: &Offered, at_hand: &AtHand, trusted: &Trusted<'_>) -> Option<Result<Proven>> {
    if !demand.kind.is_met_by(offer.predicate().as_deref()) {
        return None;
    }
    let verified = match &offer.content {
        Err(fault) => Err(fault.clone()),
        Ok(OfferedProof::Bundle(content)) => judged_bundle(demand, &offer.place, content, at_hand, trusted),
        Ok(OfferedProof::Tagged(tagged)) => judged_tagged(demand, &offer.place, tagged, at_hand),
    };
    let proven = match verified {
        Ok(proven) => proven,
        Err(fault) => return Some(Err(fault)),
    };
    // What was verified decides, and not what was looked at.
    if !demand.kind.is_met_by(proven.predicate_type.as_deref()) {
        return None;
    }
    Some(demand.require(&proven).map(|()| proven))
}

fn judged_bundle(
    demand: &ProofDemand,
    place: &str,
    content: &[u8],
    at_hand: &AtHand,
    trusted: &Trusted<'_>,
) -> Result<Proven> {
    let subject = Subject::Content(&at_hand.manifest);
    match &*demand.by {
        ProvedBy::Identity { root, identity } => verify_bundle(&Bundle::read(place, content)?, subject, root, identity),
        ProvedBy::Key { key, root } => {
            let logged = root.as_deref().map_or(Logged::NotRequired, Logged::Required);
            verify_bundle_by_key(&Bundle::read(place, content)?, subject, key, logged)
        }
        ProvedBy::TrustedKeys => attested(place, content, at_hand.artifact, trusted),
    }
}

/// What cosign attached before it had bundles shows what a key has signed, and nothing else.
fn judged_tagged(demand: &ProofDemand, place: &str, tagged: &TaggedProof, at_hand: &AtHand) -> Result<Proven> {
    match &*demand.by {
        ProvedBy::Key { key, root } => {
            let logged = root.as_deref().map_or(Logged::NotRequired, Logged::Required);
            verify_tagged_by_key(&tagged.read(place)?, Subject::Content(&at_hand.manifest), key, logged)
        }
        by @ (ProvedBy::Identity { .. } | ProvedBy::TrustedKeys) => {
            let what = format!("`{place}` is no proof: it is a signature in the form that cosign had before bundles");
            Err(Fault::new(Reason::ProofUnsupported, what)
                .expected(format!("a bundle of {by}"), "what a key has signed")
                .hint("name the key that has to have signed it: `--proof-key FILE`"))
        }
    }
}

/// What a trusted key has said of the artifact.
fn attested(place: &str, content: &[u8], artifact: ArtifactDigest, trusted: &Trusted<'_>) -> Result<Proven> {
    let Trusted { plugin, circumstances, keyring } = trusted;
    let read = AttestationBundle::read(content);
    let outcome = read.and_then(|bundle| bundle.verify(artifact, *plugin, keyring, circumstances));
    match outcome.map_err(|fault| as_proof(place, fault))? {
        AttestationOutcome::Verified(attestation) => Ok(Proven {
            signer: ProofSigner::Key(attestation.signer.fingerprint.to_string()),
            predicate_type: Some(attestation.statement.predicate_type().to_string()),
            builder: attestation.statement.builder(),
            signed_at: Vec::new(),
        }),
        AttestationOutcome::NotCounted { signer, .. } => Err(not_counted(&signer.key_id, &signer.standing)),
        AttestationOutcome::Untrusted { named } => {
            Err(Fault::new(Reason::UntrustedKey, "what is said of the artifact is signed by no trusted key")
                .expected("a trusted key", named.to_string()))
        }
    }
}

/// What an author hears of an attestation that he makes, in the words of one that is judged: anybody may attach anything, and
/// that it shows nothing is a no of trust.
fn as_proof(place: &str, fault: Fault) -> Fault {
    let (reason, what) = match fault.reason() {
        Reason::AttestationInvalid => (Reason::ProofMalformed, "no attestation by a key"),
        Reason::DigestMismatch => (Reason::ProofOtherArtifact, "said of another artifact"),
        _ => return fault,
    };
    let whole = Fault::new(reason, format!("`{place}` is no proof: it is {what}"));
    match fault.difference() {
        Some(difference) => whole.expected(difference.expected.clone(), difference.found.clone()),
        None => whole,
    }
    .caused_by(fault)
}

fn nothing_at_hand(demand: &ProofDemand) -> Fault {
    let kind = demand.kind;
    Fault::new(Reason::ProofMissing, format!("no proof of the kind `{kind}` is at hand for it"))
        .expected(format!("a proof of {}", demand.by), "none, where it stands")
        .hint("install it from the registry that has its proofs: `aisoc plugin install REFERENCE`")
}

fn missing(demand: &ProofDemand, at_hand: &AtHand) -> Fault {
    let (kind, offered) = (demand.kind, &at_hand.offered);
    let found = match &offered[..] {
        [] => "nothing that is one".to_owned(),
        _ => {
            let stated = offered.iter().map(|one| one.predicate().unwrap_or_else(|| "a signature".to_owned()));
            aisoc_manifests::text::shown(&stated.collect::<Vec<_>>().join(", "), 300)
        }
    };
    Fault::new(Reason::ProofMissing, format!("the artifact has no proof of the kind `{kind}`"))
        .expected(format!("a proof of {}", demand.by), found)
        .hint("have whoever published it attach one; a proof that is in a file is named with `--bundle FILE`")
}

impl Offered {
    /// What its statement is of, as it says itself.
    fn predicate(&self) -> Option<String> {
        match self.content.as_ref().ok()? {
            OfferedProof::Bundle(content) => {
                ClaimedBundle::look(content).ok().and_then(|claimed| claimed.predicate_type)
            }
            OfferedProof::Tagged(tagged) => tagged.read(&self.place).ok()?.predicate_type(),
        }
    }
}
