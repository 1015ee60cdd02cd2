//! What the library says of a proof, as a reason of ours.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;
use sigstore_verify::Error;

/// How much of what the library says is shown: it quotes what stands in the bundle.
const SHOWN: usize = 300;

/// A refusal of that bundle.
pub(super) fn refused(reason: Reason, place: &str, what: impl AsRef<str>) -> Fault {
    Fault::new(reason, format!("`{place}` is no proof: {}", shown(what.as_ref(), SHOWN)))
}

/// Of a bundle of which something is not as it has to be before it is judged.
pub(super) fn malformed(place: &str, what: impl AsRef<str>) -> Fault {
    refused(Reason::ProofMalformed, place, what)
}

/// What the library's answer is called here.
pub(super) fn of(place: &str, error: &Error) -> Fault {
    let reason = match error {
        Error::SignatureInvalid(_) | Error::Crypto(_) => Reason::ProofSignatureInvalid,
        Error::ArtifactMismatch(_) | Error::UnsupportedArtifact(_) => Reason::ProofOtherArtifact,
        Error::IdentityMismatch { .. } | Error::IssuerMismatch { .. } => Reason::ProofIdentityRefused,
        Error::Certificate(_) => Reason::ProofCertificateRefused,
        Error::TransparencyLog(_) => Reason::ProofLogRefused,
        Error::Timestamp(_) => Reason::ProofTimestampRefused,
        Error::InvalidTrustRoot(_) | Error::TrustRoot(_) | Error::TrustedCertificate(_) => Reason::TrustedRootInvalid,
        // The library may learn of more: what is not known is not taken.
        _ => Reason::ProofMalformed,
    };
    refused(reason, place, error.to_string())
}
