//! What of a timestamp nobody has signed: which is exactly one thing here, or there is a second spelling of each token.

use std::collections::BTreeSet;

use aisoc_manifests::fault::Result;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};

use super::refusal::malformed;

/// How signatures are called that are over a digest, each with that digest (RFC 5754, 2 and 3; RFC 8419): a token names
/// both, and only the digest decides.
const SIGNATURES: [(&str, &str); 7] = [
    ("1.2.840.10045.4.3.2", SHA256), // ECDSA
    ("1.2.840.10045.4.3.3", SHA384),
    ("1.2.840.10045.4.3.4", SHA512),
    ("1.2.840.113549.1.1.11", SHA256), // RSA
    ("1.2.840.113549.1.1.12", SHA384),
    ("1.2.840.113549.1.1.13", SHA512),
    ("1.3.101.112", SHA512), // Ed25519
];
const SHA256: &str = "2.16.840.1.101.3.4.2.1";
const SHA384: &str = "2.16.840.1.101.3.4.2.2";
const SHA512: &str = "2.16.840.1.101.3.4.2.3";
/// RSA, where the digest is named beside it.
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";

/// Refuses a token (RFC 3161, 2.4.2: a `TimeStampResp` around CMS) of which what is not signed says more than has to be
/// there: certificates that are none of the trusted root's, which has the chain by which the token is judged, and names of
/// algorithms that are not those by which it was signed.
pub(super) fn says_no_more(place: &str, token: &[u8], certificates: &BTreeSet<Vec<u8>>) -> Result<()> {
    let signed = read(token).map_err(|error| malformed(place, "a timestamp in it cannot be read").caused_by(error))?;
    let refused = |what: &str| Err(malformed(place, format!("a timestamp in it {what}")));
    if !brought(&signed).iter().all(|brought| certificates.contains(brought)) {
        return refused("brings a certificate that is none of the trusted root's");
    }
    if signed.crls.is_some() {
        return refused("brings a list of revocations, which nobody looks at");
    }
    let signers = signed.signer_infos.0.as_slice();
    let [signer] = signers else { return refused("is not signed by one authority") };
    if signer.unsigned_attrs.is_some() {
        return refused("has attributes that nobody has signed");
    }
    let digests: Vec<_> = signed.digest_algorithms.iter().map(|algorithm| algorithm.oid).collect();
    if digests != [signer.digest_alg.oid] || !is_by_its_digest(signer) {
        return refused("names algorithms by which it was not signed");
    }
    Ok(())
}

fn read(token: &[u8]) -> der::Result<SignedData> {
    let mut reader = SliceReader::new(token)?;
    let content = reader.sequence(|response| {
        // The status, which the library judges.
        AnyRef::decode(response)?;
        ContentInfo::decode(response)
    })?;
    reader.finish(())?;
    let signed: SignedData = content.content.decode_as()?;
    match &signed.encap_content_info.econtent {
        Some(stamp) => stamp.tag().assert_eq(Tag::OctetString).map(|_| signed),
        None => Err(Tag::OctetString.value_error()),
    }
}

/// The certificates in it, and what stands in their place.
fn brought(signed: &SignedData) -> Vec<Vec<u8>> {
    let choices = signed.certificates.iter().flat_map(|set| set.0.iter());
    let written = choices.map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => certificate.to_der(),
        CertificateChoices::Other(other) => other.to_der(),
    });
    // What cannot be written is no certificate of a root's.
    written.map(Result::unwrap_or_default).collect()
}

fn is_by_its_digest(signer: &SignerInfo) -> bool {
    let is = |oid: &ObjectIdentifier, name: &str| ObjectIdentifier::new(name).is_ok_and(|named| named == *oid);
    let signature = &signer.signature_algorithm.oid;
    is(signature, RSA_ENCRYPTION)
        || SIGNATURES.iter().any(|(name, digest)| is(signature, name) && is(&signer.digest_alg.oid, digest))
}
