//! `ProofKey`: a public key of whatever kind others sign with, and bundles that were signed by one.
//!
//! Plugins are signed by Ed25519 alone; such keys are of those who sign artifacts with other tools.

use aisoc_manifests::fault::{Fault, Reason, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sigstore_verify::PublicKeyVerificationPolicy;
use sigstore_verify::crypto::{SigningScheme, VerificationKey};
use sigstore_verify::types::bundle::{MessageSignature, VerificationMaterialContent};
use sigstore_verify::types::{DerPublicKey, DsseEnvelope, HashAlgorithm, SignatureContent};

use super::bundle::Bundle;
use super::provider::{RsaVerifiers, install};
use super::refusal;
use super::root::TrustedRoot;
use super::verify::{ProofSigner, Proven, Subject};

/// The largest file of a public key: RSA of 8192 bits takes 1.5 kB.
pub const MAX_PROOF_KEY_BYTES: u64 = 16 << 10;

/// What a statement is signed as (github.com/in-toto/attestation, `spec/v1/envelope.md`).
pub(super) const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A public key: P-256, P-384, Ed25519, or RSA where the provider verifies it.
pub struct ProofKey {
    der: DerPublicKey,
    key: VerificationKey,
    digest: [u8; 32],
}

impl std::fmt::Display for ProofKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the key {}", self.fingerprint())
    }
}

impl std::fmt::Debug for ProofKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "ProofKey({})", STANDARD.encode(self.digest))
    }
}

/// Whether a log has to hold what a key has signed.
#[derive(Debug, Clone, Copy)]
pub enum Logged<'a> {
    /// A log of this root does: whoever has the key cannot sign in secret.
    Required(&'a TrustedRoot),
    /// The signature is enough. To be asked for: it is less than what a log shows.
    NotRequired,
}

impl ProofKey {
    /// Reads a public key as PEM has it (`PUBLIC KEY`, RFC 7468, 13).
    ///
    /// # Errors
    /// `key_invalid` for what is none, for two of them, for a kind that is not taken, and for a file that is larger than
    /// [`MAX_PROOF_KEY_BYTES`].
    pub fn read(place: &str, content: &[u8], rsa: RsaVerifiers) -> Result<Self> {
        let invalid = |what: &str| Fault::new(Reason::ProofKeyInvalid, format!("`{place}` is no public key: {what}"));
        if content.len() as u64 > MAX_PROOF_KEY_BYTES {
            return Err(invalid("it is larger than any")
                .expected(format!("at most {MAX_PROOF_KEY_BYTES} bytes"), format!("{} bytes", content.len())));
        }
        install(rsa);
        let text = std::str::from_utf8(content).map_err(|error| invalid("it is no text").caused_by(error))?;
        if text.matches("-----BEGIN ").count() != 1 {
            return Err(invalid("it does not hold one block of PEM").hint("have one public key in the file"));
        }
        let der = DerPublicKey::from_pem(text).map_err(|_| invalid("it holds no block `PUBLIC KEY`"))?;
        let key = VerificationKey::from_spki(&der)
            .map_err(|error| invalid("it is of a kind that is not taken").caused_by(error))?;
        let digest = Sha256::digest(der.as_bytes()).into();
        Ok(Self { der, key, digest })
    }

    /// `SHA256:` and a digest in hexadecimal digits: of an Ed25519 key its 32 bytes', as every such key is called here; of
    /// another its SubjectPublicKeyInfo's.
    pub fn fingerprint(&self) -> String {
        let named = if self.key.scheme() == SigningScheme::Ed25519 {
            Sha256::digest(self.key.as_bytes()).into()
        } else {
            self.digest
        };
        let digits: String = named.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("SHA256:{digits}")
    }

    /// Whether a bundle that says so means this key: cosign writes the digest of it in base64, and `plugin attest` the
    /// fingerprint. Nothing said is no contradiction.
    fn is_meant(&self, hint: &str) -> bool {
        hint.is_empty() || hint == STANDARD.encode(self.digest) || hint == self.fingerprint()
    }
}

/// Whether the bundle shows that this key has signed the artifact.
///
/// # Errors
/// As [`super::verify_bundle`], but for identities; `proof_log_refused` where a log is required and none is named.
pub fn verify_bundle_by_key(
    bundle: &Bundle,
    subject: Subject<'_>,
    key: &ProofKey,
    logged: Logged<'_>,
) -> Result<Proven> {
    let VerificationMaterialContent::PublicKey(named) = &bundle.document.verification_material.content else {
        return Err(refusal::malformed(&bundle.place, "it was signed by a certificate and not by a key"));
    };
    if !key.is_meant(&named.hint) {
        return Err(refusal::refused(Reason::ProofIdentityRefused, &bundle.place, "another key has signed it")
            .expected(STANDARD.encode(key.digest), aisoc_manifests::text::shown(&named.hint, 100)));
    }
    let signed_at = match logged {
        Logged::Required(root) => by_log(bundle, subject, key, root)?,
        Logged::NotRequired => by_signature_alone(bundle, subject, key).map(|()| Vec::new())?,
    };
    Ok(Proven {
        signer: ProofSigner::Key(key.fingerprint()),
        predicate_type: bundle.predicate_type(),
        builder: bundle.builder(),
        signed_at,
    })
}

fn by_log(bundle: &Bundle, subject: Subject<'_>, key: &ProofKey, root: &TrustedRoot) -> Result<Vec<Timestamp>> {
    if !bundle.is_logged() {
        return Err(refusal::refused(Reason::ProofLogRefused, &bundle.place, "it names no log that holds it"));
    }
    bundle.is_bound(root)?;
    let policy = PublicKeyVerificationPolicy::new(key.der.clone());
    let result = root.verifier.verify(subject.artifact(), &bundle.document, &policy);
    result.map(|result| result.verified_timestamps().to_vec()).map_err(|error| refusal::of(&bundle.place, &error))
}

/// The library wants a log or a timestamp of every bundle. What else is in this one is not looked at, and so refused.
fn by_signature_alone(bundle: &Bundle, subject: Subject<'_>, key: &ProofKey) -> Result<()> {
    let material = &bundle.document.verification_material;
    if bundle.is_logged() || !material.timestamp_verification_data.rfc3161_timestamps.is_empty() {
        return Err(refusal::malformed(
            &bundle.place,
            "it names a log or a time, and without a trusted root nobody judges those",
        )
        .hint("name the trusted root of the log: `--trusted-root FILE`"));
    }
    match &bundle.document.content {
        SignatureContent::DsseEnvelope(envelope) => statement_is_signed(bundle, envelope, subject, key),
        SignatureContent::MessageSignature(message) => artifact_is_signed(bundle, message, subject, key),
        _ => Err(refusal::malformed(&bundle.place, "it holds a signature of a kind that is not known")),
    }
}

fn statement_is_signed(bundle: &Bundle, envelope: &DsseEnvelope, subject: Subject<'_>, key: &ProofKey) -> Result<()> {
    if envelope.payload_type != IN_TOTO {
        return Err(refusal::malformed(&bundle.place, "what it signs is no statement")
            .expected(IN_TOTO, aisoc_manifests::text::shown(&envelope.payload_type, 120)));
    }
    let signature = &envelope.signature.sig;
    key.key.verify(envelope.pae(), signature).map_err(|_| not_by(&bundle.place))?;
    match bundle.statement()?.is_some_and(|statement| statement.matches_sha256(&subject.sha256())) {
        true => Ok(()),
        false => {
            Err(refusal::refused(Reason::ProofOtherArtifact, &bundle.place, "its statement is of another artifact"))
        }
    }
}

fn artifact_is_signed(bundle: &Bundle, message: &MessageSignature, subject: Subject<'_>, key: &ProofKey) -> Result<()> {
    let stated = message.message_digest.as_ref();
    let sha256 = subject.sha256();
    if stated.is_some_and(|stated| stated.algorithm != HashAlgorithm::Sha2256 || stated.digest != sha256) {
        return Err(refusal::refused(Reason::ProofOtherArtifact, &bundle.place, "it is of another artifact"));
    }
    let verified = match subject {
        Subject::Content(content) => key.key.verify(content, &message.signature),
        Subject::Digest(digest) => key.key.verify_prehashed(&digest, &message.signature),
    };
    verified.map_err(|_| not_by(&bundle.place))
}

fn not_by(place: &str) -> Fault {
    refusal::refused(Reason::ProofSignatureInvalid, place, "the key has not signed it")
}
