//! What of a token nobody has signed: which is exactly one thing here, or there is a second spelling of each token.

use cms::cert::CertificateChoices;
use cms::content_info::CmsVersion;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::Encode as _;
use der::asn1::ObjectIdentifier;

/// How signatures are called that are over a digest, each with that digest (RFC 5754, 2 and 3; RFC 8419): a token names
/// both, and only the digest decides.
const SIGNATURES: [(&str, &str, SignatureKind); 7] = [
    ("1.2.840.10045.4.3.2", SHA256, SignatureKind::Ecdsa),
    ("1.2.840.10045.4.3.3", SHA384, SignatureKind::Ecdsa),
    ("1.2.840.10045.4.3.4", SHA512, SignatureKind::Ecdsa),
    ("1.2.840.113549.1.1.11", SHA256, SignatureKind::Rsa),
    ("1.2.840.113549.1.1.12", SHA384, SignatureKind::Rsa),
    ("1.2.840.113549.1.1.13", SHA512, SignatureKind::Rsa),
    ("1.3.101.112", SHA512, SignatureKind::Ed25519),
];
pub(super) const SHA256: &str = "2.16.840.1.101.3.4.2.1";
pub(super) const SHA384: &str = "2.16.840.1.101.3.4.2.2";
pub(super) const SHA512: &str = "2.16.840.1.101.3.4.2.3";
/// The attribute with the digest of what is signed (RFC 5652, 11.2).
pub(super) const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
/// RSA, where the digest is named beside it.
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";

/// What kind of signature a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureKind {
    Ecdsa,
    Rsa,
    Ed25519,
}

impl SignatureKind {
    pub(super) fn named(oid: &ObjectIdentifier) -> Option<Self> {
        let known = SIGNATURES.iter().find(|(name, ..)| is(oid, name)).map(|(.., kind)| *kind);
        known.or_else(|| is(oid, RSA_ENCRYPTION).then_some(Self::Rsa))
    }
}

/// In what a token says more than has to be there, beside its certificates: lists and attributes that nobody has signed,
/// and names of algorithms that are not those by which it was signed. In words that go on from the token.
pub(crate) fn says_more_than_is_signed(signed: &SignedData) -> Option<&'static str> {
    if signed.crls.is_some() {
        return Some("brings a list of revocations, which nobody looks at");
    }
    let [signer] = signed.signer_infos.0.as_slice() else { return Some("is not signed by one authority") };
    if signer.unsigned_attrs.is_some() {
        return Some("has attributes that nobody has signed");
    }
    let digests: Vec<_> = signed.digest_algorithms.iter().map(|algorithm| algorithm.oid).collect();
    if digests != [signer.digest_alg.oid] || !is_by_its_digest(signer) {
        return Some("names algorithms by which it was not signed");
    }
    None
}

/// As [`says_more_than_is_signed`], of what stands beside a plugin, where nobody else looks: versions and parameters too.
pub(super) fn is_written_in_another_way(signed: &SignedData) -> Option<&'static str> {
    let Some(signer) = signed.signer_infos.0.as_slice().first() else { return Some("is not signed by one authority") };
    let expected = match signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V1,
        SignerIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V3,
    };
    if signed.version != CmsVersion::V3 || signer.version != expected {
        return Some("is of another version of CMS");
    }
    let digests = signed.digest_algorithms.iter();
    let mut algorithms = digests.chain([&signer.digest_alg, &signer.signature_algorithm]);
    let is_plain = |parameters: &der::Any| parameters.is_null();
    if !algorithms.all(|algorithm| algorithm.parameters.as_ref().is_none_or(is_plain)) {
        return Some("has parameters of algorithms that have none");
    }
    None
}

/// The certificates in it, and what stands in their place.
pub(crate) fn brought(signed: &SignedData) -> Vec<Vec<u8>> {
    let choices = signed.certificates.iter().flat_map(|set| set.0.iter());
    let written = choices.map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => certificate.to_der(),
        CertificateChoices::Other(other) => other.to_der(),
    });
    // What cannot be written is no certificate of a root's.
    written.map(Result::unwrap_or_default).collect()
}

/// Whether something is called so.
pub(super) fn is(oid: &ObjectIdentifier, name: &str) -> bool {
    ObjectIdentifier::new(name).is_ok_and(|named| named == *oid)
}

fn is_by_its_digest(signer: &SignerInfo) -> bool {
    let signature = &signer.signature_algorithm.oid;
    is(signature, RSA_ENCRYPTION)
        || SIGNATURES.iter().any(|(name, digest, _)| is(signature, name) && is(&signer.digest_alg.oid, digest))
}
