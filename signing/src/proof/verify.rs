//! Judging a bundle: whether it shows that such a one has signed that artifact.

use std::fmt;

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::text::in_ascii;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sigstore_verify::types::{Artifact, Sha256Hash};
use sigstore_verify::{VerificationPolicy, VerificationResult};

use super::bundle::{Bundle, BundleKind};
use super::identity::Identity;
use super::refusal;
use super::root::TrustedRoot;

/// The artifact that a bundle has to be of.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// Its bytes: of an artifact of a registry, those of the manifest.
    Content(&'a [u8]),
    /// Its SHA-256. Who signs by Ed25519 signs the bytes, which do not follow of it.
    Digest([u8; 32]),
}

impl<'a> Subject<'a> {
    pub(super) fn sha256(self) -> Sha256Hash {
        match self {
            Self::Content(content) => Sha256Hash::new(Sha256::digest(content).into()),
            Self::Digest(digest) => Sha256Hash::new(digest),
        }
    }

    pub(super) fn artifact(self) -> Artifact<'a> {
        match self {
            Self::Content(content) => content.into(),
            Self::Digest(digest) => Sha256Hash::new(digest).into(),
        }
    }
}

/// What a bundle has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Who signed.
    pub signer: ProofSigner,
    /// What the statement is of; none where the artifact itself is signed.
    pub predicate_type: Option<String>,
    /// Who has built the artifact, where the statement is provenance that says so.
    pub builder: Option<String>,
    /// The times at which it was signed, of those that vouch for them: logs and timestamp authorities.
    pub signed_at: Vec<Timestamp>,
}

/// Who has signed a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofSigner {
    /// Somebody for whom there is a certificate.
    Identity {
        /// The name in it.
        name: String,
        /// Who vouched for that name.
        issuer: String,
    },
    /// Whoever has the key of that fingerprint: `SHA256:` and the digits of the digest of its SubjectPublicKeyInfo.
    Key(String),
}

impl fmt::Display for ProofSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity { name, .. } => formatter.write_str(&in_ascii(name)),
            Self::Key(fingerprint) => formatter.write_str(fingerprint),
        }
    }
}

/// Whether the bundle shows that somebody of that identity signed the artifact. All of it counts: the
/// certificate and its log, the log of signatures, and every time that is stated.
///
/// # Errors
/// `proof_other_artifact`, `proof_signature_invalid`, `proof_certificate_refused`, `proof_log_refused`,
/// `proof_timestamp_refused` and `proof_identity_refused` as they are called; `proof_malformed` for what holds what would
/// be judged by nobody, and for a bundle that was signed by a key, which shows no identity.
pub fn verify_bundle(bundle: &Bundle, subject: Subject<'_>, root: &TrustedRoot, identity: &Identity) -> Result<Proven> {
    if bundle.kind() == BundleKind::Key {
        return Err(refusal::malformed(&bundle.place, "it was signed by a key and shows no identity")
            .expected(format!("a certificate of {identity}"), "a key"));
    }
    bundle.is_bound(root)?;
    // Whoever signed is judged below, by constraints that the library does not have; all else is judged here.
    let policy = VerificationPolicy::any_identity();
    let result = root.verifier.verify(subject.artifact(), &bundle.document, &policy);
    let result = result.map_err(|error| refusal::of(&bundle.place, &error))?;
    proven(bundle, &result, identity)
}

fn proven(bundle: &Bundle, result: &VerificationResult, identity: &Identity) -> Result<Proven> {
    let was_judged = result.certificate_verified() && result.sct_verified() && result.tlog_verified();
    let (Some(name), Some(issuer), true) = (result.identity(), result.issuer(), was_judged) else {
        return Err(refusal::refused(Reason::ProofCertificateRefused, &bundle.place, "its certificate names nobody"));
    };
    if !identity.is(name.as_str(), issuer) {
        return Err(refusal::refused(Reason::ProofIdentityRefused, &bundle.place, "somebody else has signed it")
            .expected(identity.to_string(), format!("`{}` by `{}`", in_ascii(name.as_str()), in_ascii(issuer))));
    }
    Ok(Proven {
        signer: ProofSigner::Identity { name: name.as_str().to_owned(), issuer: issuer.to_owned() },
        predicate_type: bundle.predicate_type(),
        builder: bundle.builder(),
        signed_at: result.verified_timestamps().to_vec(),
    })
}
