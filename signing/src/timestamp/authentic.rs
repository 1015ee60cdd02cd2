//! Whether an authority has signed a token: the signature over its attributes (RFC 5652, 5.4), by a key whose certificate leads to
//! the authority's root, at a time at which the operator takes its word.
//!
//! The library of proofs judges such tokens too, and not enough of them: none by RSA or with SHA-512, and none that states its
//! accuracy in parts of a second. So this is the one body for all; mathematics and certificates are libraries' here too, and
//! what it lets count of ECDSA is held against the other in tests.

use cms::cert::x509::Certificate;
use cms::cert::x509::der::Encode as _;
use cms::cert::x509::ext::pkix::SubjectKeyIdentifier;
use cms::signed_data::{SignerIdentifier, SignerInfo};
use der::asn1::{OctetStringRef, UintRef};
use der::{Decode as _, Reader as _, SliceReader};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime, alg_id};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{KeyAlgorithm, WEBPKI_VERIFICATION_ALGS, verify_signature};
use sigstore_verify::types::{DerPublicKey, HashAlgorithm, SignatureBytes};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::signed_data::{MESSAGE_DIGEST, SHA256, SHA384, SHA512, SignatureKind, is};
use super::token::TimestampToken;
use crate::proof::{RsaVerifiers, by_p256, by_p384};

/// The bits of a modulus that what verifies RSA for TLS takes. Shorter ones can be broken, and longer ones take long.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// `id-kp-timeStamping` (RFC 5280, 4.2.1.12), as DER has its value.
const TIME_STAMPING: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];

/// By what an authority signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    P256,
    P384,
    Rsa,
}

/// Why a token shows nothing by an authority.
#[derive(Debug)]
pub(super) enum Unshown {
    /// Somebody else has signed it, as it says itself.
    BySomebodyElse,
    /// It has not signed what stands there.
    NotSigned(&'static str),
    /// It brings certificates that are none of the authority's.
    Brings,
    /// The operator did not take the authority's word then.
    OutOfTime,
    /// Its certificates do not lead to its root at that time.
    Certificate(String),
}

impl KeyKind {
    /// Of other kinds no timestamp would ever count, and whoever names such an authority believes that one does. In words what
    /// is wrong with the key.
    pub(super) fn of(certificate: &Certificate, rsa: RsaVerifiers) -> Result<Self, String> {
        let key = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|error| error.to_string())?;
        match KeyAlgorithm::from_spki(&DerPublicKey::new(key)) {
            Ok(KeyAlgorithm::EcdsaP256) => Ok(Self::P256),
            Ok(KeyAlgorithm::EcdsaP384) => Ok(Self::P384),
            Ok(KeyAlgorithm::Rsa) => is_rsa_verified(certificate, rsa).map(|()| Self::Rsa),
            _ => Err("is of a kind that is not verified here: ECDSA over P-256 or P-384 is, and RSA".to_owned()),
        }
    }

    fn signs_by(self) -> SignatureKind {
        match self {
            Self::P256 | Self::P384 => SignatureKind::Ecdsa,
            Self::Rsa => SignatureKind::Rsa,
        }
    }
}

fn is_rsa_verified(certificate: &Certificate, rsa: RsaVerifiers) -> Result<(), String> {
    if !rsa.iter().any(|verifier| verifier.public_key_alg_id() == alg_id::RSA_ENCRYPTION) {
        return Err("is of RSA, by which this build verifies nothing".to_owned());
    }
    let key = &certificate.tbs_certificate.subject_public_key_info.subject_public_key;
    match key.as_bytes().and_then(modulus_bits) {
        Some(bits) if MODULUS_BITS.contains(&bits) => Ok(()),
        Some(bits) => Err(format!("has {bits} bits, and those of RSA have 2048 to 8192")),
        None => Err("cannot be read".to_owned()),
    }
}

/// The bits of the modulus of an `RSAPublicKey` (RFC 8017, A.1.1).
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(key).ok()?;
    let modulus: UintRef<'_> = reader
        .sequence(|members| {
            let modulus = UintRef::decode(members)?;
            UintRef::decode(members).map(|_exponent| modulus)
        })
        .ok()?;
    let digits = reader.finish(modulus).ok()?.as_bytes();
    Some(digits.len() * 8 - digits.first()?.leading_zeros() as usize)
}

/// Whether the key of that certificate has signed the token. What the token brings along is never looked at for it.
pub(super) fn is_signed_by(token: &TimestampToken, certificate: &Certificate, key: KeyKind) -> Result<(), Unshown> {
    // More than one signer was refused when it was read, and so was what states nothing.
    let [signer] = token.signed.signer_infos.0.as_slice() else {
        return Err(Unshown::NotSigned("it is not signed by one"));
    };
    let Some(stated) = &token.signed.encap_content_info.econtent else {
        return Err(Unshown::NotSigned("it states nothing"));
    };
    if !is_called_so(&signer.sid, certificate) {
        return Err(Unshown::BySomebodyElse);
    }
    is_signed(signer, stated.value(), certificate, key).map_err(Unshown::NotSigned)
}

fn is_called_so(named: &SignerIdentifier, certificate: &Certificate) -> bool {
    let certificate = &certificate.tbs_certificate;
    match named {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == certificate.issuer && named.serial_number == certificate.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            matches!(certificate.get::<SubjectKeyIdentifier>(), Ok(Some((_, own))) if own == *named)
        }
    }
}

/// Whether the key has signed the attributes, and these are of what is stated.
fn is_signed(signer: &SignerInfo, stated: &[u8], certificate: &Certificate, key: KeyKind) -> Result<(), &'static str> {
    const UNREAD: &str = "it cannot be read";
    if SignatureKind::named(&signer.signature_algorithm.oid) != Some(key.signs_by()) {
        return Err("it names another kind of signature than its key makes");
    }
    let attributes = signer.signed_attrs.as_ref().ok_or("its signature is not over attributes")?;
    let hash = hash_of(signer).ok_or("its digest is none of SHA-256, SHA-384 and SHA-512")?;
    let digest = digested(hash, stated);
    let of_stated = |value: &der::Any| {
        value.decode_as::<OctetStringRef<'_>>().is_ok_and(|named| named.as_bytes() == digest.as_slice())
    };
    let mut named = attributes.iter().filter(|attribute| is(&attribute.oid, MESSAGE_DIGEST));
    match (named.next().map(|attribute| attribute.values.as_slice()), named.next()) {
        (Some([value]), None) if of_stated(value) => {}
        _ => return Err("its signature is over something else"),
    }
    // As a set of its own, which they are not where they stand (RFC 5652, 5.4).
    let signed = attributes.to_der().map_err(|_| UNREAD)?;
    let spki = &certificate.tbs_certificate.subject_public_key_info;
    let point = spki.subject_public_key.as_bytes().ok_or(UNREAD)?;
    let (digest, signature) = (digested(hash, &signed), signer.signature.as_bytes());
    let verified = match key {
        KeyKind::P256 => by_p256(point, &digest, signature),
        KeyKind::P384 => by_p384(point, &digest, signature),
        KeyKind::Rsa => {
            let scheme = KeyAlgorithm::Rsa.resolve_signing_scheme(hash).map_err(|_| UNREAD)?;
            let spki = DerPublicKey::new(spki.to_der().map_err(|_| UNREAD)?);
            verify_signature(&spki, &signed, &SignatureBytes::from_bytes(signature), scheme)
        }
    };
    verified.map_err(|_| "its signature is not by the key of its authority")
}

fn hash_of(signer: &SignerInfo) -> Option<HashAlgorithm> {
    let hashes = [(SHA256, HashAlgorithm::Sha2256), (SHA384, HashAlgorithm::Sha2384), (SHA512, HashAlgorithm::Sha2512)];
    hashes.into_iter().find(|(name, _)| is(&signer.digest_alg.oid, name)).map(|(_, hash)| hash)
}

fn digested(hash: HashAlgorithm, content: &[u8]) -> Vec<u8> {
    match hash {
        HashAlgorithm::Sha2384 => Sha384::digest(content).to_vec(),
        HashAlgorithm::Sha2512 => Sha512::digest(content).to_vec(),
        _ => Sha256::digest(content).to_vec(),
    }
}

/// Whether certificates, an authority's own first and its root last, lead from the one to the other, and were all valid at that
/// time. What its own is for was judged by itself; those between may leave it open (RFC 5280, 4.2.1.12).
pub(super) fn lead_to_root(certificates: &[Vec<u8>], at: Timestamp) -> Result<(), Unshown> {
    let refused = |error: webpki::Error| Unshown::Certificate(in_words(&error));
    let der: Vec<_> = certificates.iter().map(|one| CertificateDer::from(one.as_slice())).collect();
    let (leaf, between, root) = match der.as_slice() {
        [] => return Err(Unshown::Certificate("there is none".to_owned())),
        [own] => (own, &[][..], own),
        [leaf, between @ .., root] => (leaf, between, root),
    };
    let seconds = u64::try_from(at.as_second());
    let seconds = seconds.map_err(|_| Unshown::Certificate("no certificate is of before 1970".to_owned()))?;
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let roots = [anchor_from_trusted_cert(root).map_err(refused)?];
    let usage = KeyUsage::required_if_present(&TIME_STAMPING);
    let leaf = EndEntityCert::try_from(leaf).map_err(refused)?;
    let led = leaf.verify_for_usage(WEBPKI_VERIFICATION_ALGS, &roots, between, now, usage, None, None);
    led.map(drop).map_err(refused)
}

fn in_words(error: &webpki::Error) -> String {
    use webpki::Error;
    match error {
        Error::CertExpired { .. } => "one of them had expired at that time".to_owned(),
        Error::CertNotValidYet { .. } => "one of them did not count yet at that time".to_owned(),
        Error::UnknownIssuer => "they do not lead from its own to its root, one by the next".to_owned(),
        Error::InvalidSignatureForPublicKey => "one of them is not signed by the next".to_owned(),
        Error::CaUsedAsEndEntity => "its own is one that makes others".to_owned(),
        Error::EndEntityUsedAsCa => "one between them makes no others".to_owned(),
        Error::RequiredEkuNotFoundContext(_) => "one of them is not for timestamps".to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An `RSAPublicKey` whose modulus begins with that byte and has so many.
    fn key(first: u8, bytes: usize) -> Vec<u8> {
        let number = |digits: &[u8]| [&[0x02, 0x82, (digits.len() >> 8) as u8, digits.len() as u8], digits].concat();
        let zero = if first >= 0x80 { &[0][..] } else { &[] };
        let modulus = number(&[zero, &[first], &vec![1; bytes - 1]].concat());
        let members = [&modulus[..], &[2, 3, 1, 0, 1]].concat();
        [&[0x30, 0x82, (members.len() >> 8) as u8, members.len() as u8], &members[..]].concat()
    }

    #[test]
    fn the_bits_of_a_key_are_those_of_its_modulus() {
        for (first, bytes, bits, are_taken) in
            [(0x7f, 256, 2047, false), (0x80, 256, 2048, true), (0xff, 1024, 8192, true), (1, 1025, 8193, false)]
        {
            assert_eq!(modulus_bits(&key(first, bytes)), Some(bits));
            assert_eq!(MODULUS_BITS.contains(&bits), are_taken, "{bits}");
        }
        let followed = [&key(0x80, 256)[..], &[0]].concat();
        for unread in [&followed[..], &[], &[0x30, 0], &[0x30, 3, 2, 1, 5], &[0x04, 1, 1]] {
            assert_eq!(modulus_bits(unread), None, "{unread:?}");
        }
    }
}
