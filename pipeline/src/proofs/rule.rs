//! `ProofRule`: which proofs an artifact has to have, and of whom.

use std::fmt;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::proof::{
    Bundle, Identity, Logged, MAX_BUNDLE_BYTES, ProofKey, ProofSigner, Proven, Subject, TaggedSignature, TrustedRoot,
    verify_bundle, verify_bundle_by_key, verify_tagged_by_key,
};
use aisoc_signing::{
    AttestationBundle, AttestationOutcome, Circumstances, ClaimedBundle, MAX_ATTESTATION_BYTES, Origin,
};
use aisoc_trust::{Proofs, RequiredShown, not_counted};

use super::offered::{Offered, OfferedProof, offered};
use crate::fetch::Fetched;
use crate::judge::{Judge, TrustInputs};

/// What a proof is required of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProofKind {
    /// That somebody of that identity has signed the artifact, or states anything of it.
    Sigstore,
    /// How it was built: provenance of SLSA.
    Provenance,
    /// What is in it: a bill of materials.
    Sbom,
}

impl ProofKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Sigstore, Self::Provenance, Self::Sbom];

    /// Its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sigstore => "sigstore",
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
        }
    }

    /// How a trace asks for it.
    const fn question(self) -> &'static str {
        match self {
            Self::Sigstore => "proof: sigstore",
            Self::Provenance => "proof: provenance",
            Self::Sbom => "proof: sbom",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The predicates of statements that are such a proof; none where any is.
    const fn predicates(self) -> &'static [&'static str] {
        match self {
            Self::Sigstore => &[],
            Self::Provenance => &["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"],
            Self::Sbom => &["https://cyclonedx.org/bom", "https://spdx.dev/Document"],
        }
    }

    /// Whether a statement of that predicate is such a proof. Types of SPDX end in a version for some.
    fn is_met_by(self, predicate: Option<&str>) -> bool {
        let versioned = |stated: &str, known: &str| {
            stated.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with("/v"))
        };
        let predicates = self.predicates();
        predicates.is_empty() || predicate.is_some_and(|stated| predicates.iter().any(|known| versioned(stated, known)))
    }
}

impl fmt::Display for ProofKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Which proofs are required, and what they are judged by.
#[derive(Debug)]
pub struct ProofRule {
    /// Of what, each once.
    pub kinds: Vec<ProofKind>,
    /// Who has to have signed them, and what shows that.
    pub by: ProvedBy,
    /// Bundles that are at hand, by the files that they are in, beside those that refer to the artifact.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Who has to have signed a proof.
#[derive(Debug)]
pub enum ProvedBy {
    /// Somebody of that name, as the authorities and logs of the root show.
    Identity {
        /// Whose authorities and logs count.
        root: TrustedRoot,
        /// Who that is.
        identity: Identity,
    },
    /// The trusted keys of the site, as they count for the plugin.
    TrustedKeys,
    /// Whoever has that key; with a root, a log of it has to hold the signature.
    Key {
        /// The public key.
        key: ProofKey,
        /// Whose logs count; none where the signature is to be enough.
        root: Option<TrustedRoot>,
    },
}

impl ProvedBy {
    /// The largest bundle that is taken.
    const fn max_bytes(&self) -> u64 {
        match self {
            Self::TrustedKeys => MAX_ATTESTATION_BYTES,
            Self::Identity { .. } | Self::Key { .. } => MAX_BUNDLE_BYTES,
        }
    }
}

impl fmt::Display for ProvedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { identity, .. } => identity.fmt(formatter),
            Self::TrustedKeys => formatter.write_str("a trusted key"),
            Self::Key { key, .. } => key.fmt(formatter),
        }
    }
}

/// A proof that was required, and what came of it.
#[derive(Debug)]
pub struct RequiredProof {
    /// Of what.
    pub kind: ProofKind,
    /// The one that shows it, or why none does.
    pub outcome: Result<ShownProof>,
}

/// A proof that shows what was required.
#[derive(Debug, Clone)]
pub struct ShownProof {
    /// Where it was: a file, or the digest of the manifest that refers to the artifact.
    pub place: String,
    /// What it shows.
    pub proven: Proven,
}

/// A proof that was looked at.
struct Judged {
    place: String,
    /// What its statement is of, as far as it can be read: whoever is refused wants to hear of that one.
    predicate: Option<String>,
    outcome: Result<Proven>,
}

/// What is at hand of proofs of an artifact.
#[derive(Default)]
pub(crate) struct AtHand {
    offered: Vec<Offered>,
    manifest: Vec<u8>,
}

/// What is asked about: which plugin it is, where it comes from, and whom the site trusts.
pub(crate) struct AskedAbout<'a> {
    pub(crate) plugin: Option<&'a str>,
    pub(crate) artifact: ArtifactDigest,
    pub(crate) origin: Origin,
    pub(crate) trust: &'a TrustInputs,
}

impl ProofRule {
    /// What refers to the artifact, and what is in files.
    ///
    /// # Errors
    /// What keeps the list of what refers to it from being read.
    pub(crate) async fn gather(&self, fetched: &Fetched) -> Result<AtHand> {
        let mut at_hand: Vec<Offered> = self.files.iter().cloned().map(Offered::file).collect();
        // Whoever has brought all that is needed asks nobody: a file works where there is no network.
        if at_hand.is_empty() {
            at_hand = Box::pin(offered(fetched, self.by.max_bytes())).await?;
        }
        Ok(AtHand { offered: at_hand, manifest: fetched.artifact.bytes().to_vec() })
    }

    /// Judges what is at hand. A proof that is missing or refused is an outcome.
    ///
    /// # Errors
    /// Those of reading the trusted keys.
    pub(crate) fn judge(&self, at_hand: &AtHand, asked: &AskedAbout<'_>) -> Result<Vec<RequiredProof>> {
        let judge = Judge::new(asked.trust)?;
        let offers = at_hand.offered.iter();
        let judged: Vec<Judged> = offers.map(|offer| self.judged(offer, &at_hand.manifest, asked, &judge)).collect();
        let required = |kind| RequiredProof { kind, outcome: self.best_of(&judged, kind) };
        Ok(self.kinds.iter().copied().map(required).collect())
    }

    /// As [`ProofRule::judge`], and refuses for the first that is missing or refused.
    ///
    /// # Errors
    /// Those, and what came of that one.
    pub(crate) fn require(&self, at_hand: &AtHand, asked: &AskedAbout<'_>) -> Result<()> {
        self.judge(at_hand, asked)?.into_iter().try_for_each(|required| required.outcome.map(drop))
    }

    fn judged(&self, offer: &Offered, manifest: &[u8], asked: &AskedAbout<'_>, judge: &Judge<'_>) -> Judged {
        let place = offer.place.clone();
        let content = match &offer.content {
            Ok(OfferedProof::Bundle(content)) => content,
            Ok(OfferedProof::Tagged(tagged)) => return self.judged_tagged(place, tagged, Subject::Content(manifest)),
            Err(fault) => return Judged { place, predicate: None, outcome: Err(fault.clone()) },
        };
        let read = || Bundle::read(&place, content);
        let subject = Subject::Content(manifest);
        let outcome = match &self.by {
            ProvedBy::Identity { root, identity } => {
                read().and_then(|bundle| verify_bundle(&bundle, subject, root, identity))
            }
            ProvedBy::Key { key, root } => {
                let logged = root.as_ref().map_or(Logged::NotRequired, Logged::Required);
                read().and_then(|bundle| verify_bundle_by_key(&bundle, subject, key, logged))
            }
            ProvedBy::TrustedKeys => attested(content, asked, judge),
        };
        let predicate = outcome.as_ref().map_or_else(
            |_| ClaimedBundle::look(content).ok().and_then(|claimed| claimed.predicate_type),
            |proven| proven.predicate_type.clone(),
        );
        Judged { place, predicate, outcome }
    }

    /// What cosign attached before it had bundles shows what a key has signed, and nothing else.
    fn judged_tagged(&self, place: String, tagged: &TaggedSignature, subject: Subject<'_>) -> Judged {
        let outcome = match &self.by {
            ProvedBy::Key { key, root } => {
                let logged = root.as_ref().map_or(Logged::NotRequired, Logged::Required);
                verify_tagged_by_key(tagged, subject, key, logged)
            }
            by @ (ProvedBy::Identity { .. } | ProvedBy::TrustedKeys) => {
                let what =
                    format!("`{place}` is no proof: it is a signature in the form that cosign had before bundles");
                Err(Fault::new(Reason::ProofUnsupported, what)
                    .expected(format!("a bundle of {by}"), "what a key has signed")
                    .hint("name the key that has to have signed it: `--proof-key FILE`"))
            }
        };
        Judged { place, predicate: tagged.predicate_type(), outcome }
    }

    /// The first that shows it. Of several that do not, the first that is of that kind says why.
    fn best_of(&self, judged: &[Judged], kind: ProofKind) -> Result<ShownProof> {
        let shown = judged.iter().find_map(|one| {
            let proven = one.outcome.as_ref().ok()?;
            kind.is_met_by(proven.predicate_type.as_deref()).then(|| (one.place.clone(), proven.clone()))
        });
        if let Some((place, proven)) = shown {
            return Ok(ShownProof { place, proven });
        }
        let refused = judged.iter().find(|one| one.outcome.is_err() && kind.is_met_by(one.predicate.as_deref()));
        match refused.and_then(|one| one.outcome.as_ref().err()) {
            Some(fault) => Err(fault.clone()),
            None => Err(self.missing(judged, kind)),
        }
    }

    fn missing(&self, judged: &[Judged], kind: ProofKind) -> Fault {
        let found = match judged {
            [] => "nothing that is one".to_owned(),
            _ => {
                let stated = judged.iter().map(|one| one.predicate.as_deref().unwrap_or("a signature"));
                aisoc_manifests::text::shown(&stated.collect::<Vec<_>>().join(", "), 300)
            }
        };
        Fault::new(Reason::ProofMissing, format!("the artifact has no proof of the kind `{kind}`"))
            .expected(format!("a proof of {}", self.by), found)
            .hint("have whoever published it attach one; a proof that is in a file is named with `--bundle FILE`")
    }
}

/// What a trusted key has said of the artifact.
fn attested(content: &[u8], asked: &AskedAbout<'_>, judge: &Judge<'_>) -> Result<Proven> {
    let circumstances = Circumstances { at: asked.trust.at, origin: asked.origin.clone() };
    let bundle = AttestationBundle::read(content)?;
    match bundle.verify(asked.artifact, asked.plugin, judge.keyring(), &circumstances)? {
        AttestationOutcome::Verified(attestation) => Ok(Proven {
            signer: ProofSigner::Key(attestation.signer.fingerprint.to_string()),
            predicate_type: Some(attestation.statement.predicate_type().to_string()),
            signed_at: Vec::new(),
        }),
        AttestationOutcome::NotCounted { signer, .. } => Err(not_counted(&signer.key_id, &signer.standing)),
        AttestationOutcome::Untrusted { named } => {
            Err(Fault::new(Reason::UntrustedKey, "what is said of the artifact is signed by no trusted key")
                .expected("a trusted key", named.to_string()))
        }
    }
}

/// The same, for the gate.
pub(crate) fn as_evidence(required: &[RequiredProof]) -> Proofs {
    let shown = |one: &RequiredProof| RequiredShown {
        name: one.kind.question(),
        outcome: one.outcome.as_ref().map(|shown| shown.proven.signer.to_string()).map_err(Fault::clone),
    };
    Proofs(required.iter().map(shown).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_predicate_is_of_the_kind_that_it_says_and_of_none_that_begins_alike() {
        let is = |kind: ProofKind, predicate| kind.is_met_by(predicate);
        assert!(is(ProofKind::Sigstore, None) && is(ProofKind::Sigstore, Some("anything")));
        assert!(is(ProofKind::Provenance, Some("https://slsa.dev/provenance/v1")));
        assert!(is(ProofKind::Sbom, Some("https://cyclonedx.org/bom")));
        assert!(is(ProofKind::Sbom, Some("https://cyclonedx.org/bom/v1.6")));
        assert!(is(ProofKind::Sbom, Some("https://spdx.dev/Document/v2.3")));
        for other in [None, Some("https://cyclonedx.org/bomb"), Some("https://slsa.dev/provenance/v1")] {
            assert!(!is(ProofKind::Sbom, other), "{other:?}");
        }
        assert!(!is(ProofKind::Provenance, Some("https://slsa.dev/provenance/v10")));
    }
}
