//! `ProofDemand`: a proof beyond a key that somebody requires, and whose it has to be.

use std::fmt;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::in_ascii;
use aisoc_signing::MAX_ATTESTATION_BYTES;
use aisoc_signing::proof::{Constraint, Identity, MAX_BUNDLE_BYTES, ProofKey, ProofSigner, Proven, TrustedRoot};

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

    /// Its name, on the command line and in a file of rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sigstore => "sigstore",
            Self::Provenance => "provenance",
            Self::Sbom => "sbom",
        }
    }

    /// How a trace asks for it.
    pub const fn question(self) -> &'static str {
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
    pub fn is_met_by(self, predicate: Option<&str>) -> bool {
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

/// Who has to have signed a proof.
#[derive(Debug)]
pub enum ProvedBy {
    /// Somebody of that name, as the authorities and logs of the root show.
    Identity {
        /// Whose authorities and logs count.
        root: Arc<TrustedRoot>,
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
        root: Option<Arc<TrustedRoot>>,
    },
}

impl ProvedBy {
    /// Whether that is who has signed it. Which keys are trusted the keys themselves say.
    fn is(&self, signer: &ProofSigner) -> bool {
        match (self, signer) {
            (Self::Identity { identity, .. }, ProofSigner::Identity { name, issuer }) => identity.is(name, issuer),
            (Self::Key { key, .. }, ProofSigner::Key(fingerprint)) => key.fingerprint() == *fingerprint,
            (Self::TrustedKeys, ProofSigner::Key(_)) => true,
            (Self::Identity { .. }, ProofSigner::Key(_))
            | (Self::TrustedKeys | Self::Key { .. }, ProofSigner::Identity { .. }) => false,
        }
    }
}

impl fmt::Display for ProvedBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { identity, .. } => identity.fmt(formatter),
            Self::TrustedKeys => formatter.write_str("a trusted key"),
            Self::Key { key, root: Some(_) } => key.fmt(formatter),
            Self::Key { key, root: None } => write!(formatter, "{key}, whatever a log holds"),
        }
    }
}

/// A proof that is required.
#[derive(Debug, Clone)]
pub struct ProofDemand {
    /// Of what.
    pub kind: ProofKind,
    /// By whom.
    pub by: Arc<ProvedBy>,
    /// Who has to have built the artifact, for provenance.
    pub builder: Option<Constraint>,
}

impl ProofDemand {
    /// How large such a proof may be.
    pub fn max_bytes(&self) -> u64 {
        match *self.by {
            ProvedBy::TrustedKeys => MAX_ATTESTATION_BYTES,
            ProvedBy::Identity { .. } | ProvedBy::Key { .. } => MAX_BUNDLE_BYTES,
        }
    }

    /// Whether what was proven is what is demanded.
    ///
    /// # Errors
    /// `proof_identity_refused` for a proof of somebody else's, `proof_builder_refused` for provenance of another builder.
    pub fn require(&self, proven: &Proven) -> Result<()> {
        if !self.by.is(&proven.signer) {
            return Err(Fault::new(Reason::ProofIdentityRefused, "the proof is refused: somebody else has signed it")
                .expected(self.by.to_string(), proven.signer.to_string()));
        }
        let Some(wanted) = &self.builder else { return Ok(()) };
        match &proven.builder {
            Some(builder) if wanted.allows(builder) => Ok(()),
            found => {
                let found = found.as_deref().map_or("no builder".to_owned(), |found| format!("`{}`", in_ascii(found)));
                Err(Fault::new(
                    Reason::ProofBuilderRefused,
                    "the provenance is refused: another has built the artifact",
                )
                .expected(wanted.to_string(), found))
            }
        }
    }
}

impl fmt::Display for ProofDemand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} by {}", self.kind, self.by)?;
        match &self.builder {
            Some(builder) => write!(formatter, ", built by {builder}"),
            None => Ok(()),
        }
    }
}

/// The first candidate that shows what is demanded. A candidate that is none, because it is of another kind, is passed over.
///
/// # Errors
/// Why the first of the others is refused; nothing where there is no other.
pub fn first_shown<T>(candidates: impl IntoIterator<Item = Option<Result<T>>>) -> Result<T, Option<Fault>> {
    let mut refused = None;
    for candidate in candidates.into_iter().flatten() {
        match candidate {
            Ok(shown) => return Ok(shown),
            Err(fault) => refused = refused.or(Some(fault)),
        }
    }
    Err(refused)
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

    fn proven(signer: ProofSigner, builder: Option<&str>) -> Proven {
        Proven { signer, predicate_type: None, builder: builder.map(str::to_owned), signed_at: Vec::new() }
    }

    #[test]
    fn a_builder_that_is_demanded_has_to_be_named() {
        let wanted = Constraint::exact("https://b").expect("a name");
        let demand =
            ProofDemand { kind: ProofKind::Provenance, by: Arc::new(ProvedBy::TrustedKeys), builder: Some(wanted) };
        let key = || ProofSigner::Key("SHA256:00".to_owned());
        demand.require(&proven(key(), Some("https://b"))).expect("that builder");
        for other in [None, Some("https://b/"), Some("https://B")] {
            let refused = demand.require(&proven(key(), other)).expect_err("another");
            assert_eq!(refused.reason(), Reason::ProofBuilderRefused, "{other:?}");
        }
        let anybody = ProofDemand { builder: None, ..demand };
        anybody.require(&proven(key(), None)).expect("whoever has built it");
        let person = ProofSigner::Identity { name: "a@example.com".to_owned(), issuer: "https://i".to_owned() };
        let refused = anybody.require(&proven(person, None)).expect_err("no trusted key");
        assert_eq!(refused.reason(), Reason::ProofIdentityRefused);
    }
}
