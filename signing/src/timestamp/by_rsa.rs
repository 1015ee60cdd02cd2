//! Tokens of authorities whose key is of RSA: as many public ones are.
//!
//! The library that judges all others refuses these by name. What it does for ECDSA is done here in the same order: the
//! signature over the attributes (RFC 5652, 5.4), the way from the authority's certificate to its root, and the time in
//! which the operator takes its word. The mathematics and the way are libraries' here too.

use cms::cert::x509::Certificate;
use cms::cert::x509::der::{Decode as _, Encode as _};
use cms::cert::x509::ext::pkix::SubjectKeyIdentifier;
use cms::signed_data::{SignerIdentifier, SignerInfo};
use der::asn1::{OctetStringRef, UintRef};
use der::{Reader as _, SliceReader};
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime, alg_id};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use sigstore_verify::crypto::{KeyAlgorithm, WEBPKI_VERIFICATION_ALGS, verify_signature};
use sigstore_verify::tsa::{Error, Result};
use sigstore_verify::types::{DerPublicKey, HashAlgorithm, SignatureBytes, TsaAuthority};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::signed_data::{MESSAGE_DIGEST, SHA256, SHA384, SHA512, is};
use super::time_info::imprint;
use super::token::TimestampToken;
use crate::proof::RsaVerifiers;
use crate::signature::Signature;

/// The bits of a modulus that what verifies RSA for TLS takes. Shorter ones can be broken, and longer ones take long.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// `id-kp-timeStamping` (RFC 5280, 4.2.1.12), as DER has its value.
const TIME_STAMPING: [u8; 8] = [0x2b, 6, 1, 5, 5, 7, 3, 8];

/// Whether a key is of RSA, and one by which signatures are verified here; in words what it is otherwise.
pub(super) fn require_verified(certificate: &Certificate, rsa: RsaVerifiers) -> std::result::Result<(), String> {
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

/// What the authority shows by a token of that signature: the time that it states.
///
/// # Errors
/// Those of the library, for what it would say them of.
pub(super) fn verify(token: &TimestampToken, signature: &Signature, authority: &TsaAuthority) -> Result<Timestamp> {
    let not_signed = |what: &str| Err(Error::SignatureVerificationError(what.to_owned()));
    if token.info.imprint != imprint(&signature.0) {
        return not_signed("it is about another signature");
    }
    let leaf = Certificate::from_der(authority.leaf.as_bytes()).map_err(|error| unread(&error))?;
    // More than one was refused when it was read, and so was what is not stated.
    let [signer] = token.signed.signer_infos.0.as_slice() else { return not_signed("it is not signed by one") };
    let Some(stated) = &token.signed.encap_content_info.econtent else { return not_signed("it states nothing") };
    if !is_of(&signer.sid, &leaf) {
        return not_signed("it is not signed by this authority");
    }
    is_signed(signer, stated.value(), &leaf)?;
    leads_to_root(authority, token.info.at)?;
    match &authority.valid_for {
        Some(window) if !window.contains(token.info.at) => Err(Error::TimestampOutsideValidity { time: token.info.at }),
        _ => Ok(token.info.at),
    }
}

/// Whether the signer is called as the certificate is. What a token brings is never looked at for it.
fn is_of(named: &SignerIdentifier, certificate: &Certificate) -> bool {
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

/// Whether the key of that certificate has signed the attributes, and these are of what is stated.
fn is_signed(signer: &SignerInfo, stated: &[u8], certificate: &Certificate) -> Result<()> {
    let not_signed = |what: &str| Error::SignatureVerificationError(what.to_owned());
    let attributes = signer.signed_attrs.as_ref().ok_or_else(|| not_signed("its signature is not over attributes"))?;
    let (hash, digest) = digested(signer, stated).ok_or_else(|| not_signed("its digest is of another kind"))?;
    let of_stated = |value: &der::Any| {
        value.decode_as::<OctetStringRef<'_>>().is_ok_and(|named| named.as_bytes() == digest.as_slice())
    };
    let mut named = attributes.iter().filter(|attribute| is(&attribute.oid, MESSAGE_DIGEST));
    match (named.next().map(|attribute| attribute.values.as_slice()), named.next()) {
        (Some([value]), None) if of_stated(value) => {}
        _ => return Err(not_signed("its signature is over something else")),
    }
    // As a set of its own, which they are not where they stand (RFC 5652, 5.4).
    let signed = attributes.to_der().map_err(|error| unread(&error))?;
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|error| unread(&error))?;
    let scheme = KeyAlgorithm::Rsa.resolve_signing_scheme(hash).map_err(|error| unread(&error))?;
    let signature = SignatureBytes::from_bytes(signer.signature.as_bytes());
    verify_signature(&DerPublicKey::new(key), &signed, &signature, scheme).map_err(|error| unread(&error))
}

fn digested(signer: &SignerInfo, stated: &[u8]) -> Option<(HashAlgorithm, Vec<u8>)> {
    let named = |name| is(&signer.digest_alg.oid, name);
    match () {
        () if named(SHA256) => Some((HashAlgorithm::Sha2256, Sha256::digest(stated).to_vec())),
        () if named(SHA384) => Some((HashAlgorithm::Sha2384, Sha384::digest(stated).to_vec())),
        () if named(SHA512) => Some((HashAlgorithm::Sha2512, Sha512::digest(stated).to_vec())),
        () => None,
    }
}

/// Whether the certificates of the authority lead from its own to its root, and were valid at that time.
fn leads_to_root(authority: &TsaAuthority, at: Timestamp) -> Result<()> {
    let refused = |error: webpki::Error| Error::CertificateValidationError(error.to_string());
    let der =
        |certificate: &sigstore_verify::types::DerCertificate| CertificateDer::from(certificate.as_bytes().to_vec());
    let (leaf, root) = (der(&authority.leaf), der(&authority.root));
    let between: Vec<_> = authority.intermediates.iter().map(der).collect();
    let seconds = u64::try_from(at.as_second())
        .map_err(|_| Error::CertificateValidationError("it states a time before 1970".to_owned()))?;
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let root = anchor_from_trusted_cert(&root).map_err(refused)?;
    let usage = KeyUsage::required(&TIME_STAMPING);
    EndEntityCert::try_from(&leaf)
        .map_err(refused)?
        .verify_for_usage(WEBPKI_VERIFICATION_ALGS, &[root], &between, now, usage, None, None)
        .map(drop)
        .map_err(refused)
}

fn unread(error: &impl std::fmt::Display) -> Error {
    Error::SignatureVerificationError(error.to_string())
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
