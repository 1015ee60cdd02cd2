//! `TimestampAuthorities`: whose word for a time the operator takes.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::{in_ascii, shown};
use cms::cert::x509::Certificate;
use cms::cert::x509::der::Decode as _;
use cms::cert::x509::ext::pkix::ExtendedKeyUsage;
use jiff::Timestamp;
use sigstore_verify::crypto::KeyAlgorithm;
use sigstore_verify::trust_root::TrustedRoot as Document;
use sigstore_verify::tsa::{Error, verify_timestamp_for_authority};
use sigstore_verify::types::{
    DerCertificate, DerPublicKey, SignatureBytes, TimeRange, TimestampToken as Token, TsaAuthority,
};

use super::by_rsa;
use super::refusal::SHOWN;
use super::signed_data::{brought, is};
use super::token::TimestampToken;
use crate::pem::blocks;
use crate::proof::{MAX_TRUSTED_ROOT_BYTES, RsaVerifiers, install};
use crate::signature::Signature;

/// Most authorities in one file: each costs one check per timestamp.
pub const MAX_AUTHORITIES: usize = 16;
/// Most certificates of one, from its own to its root.
pub const MAX_AUTHORITY_CERTIFICATES: usize = 8;

const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const TIME_STAMPING: &str = "1.3.6.1.5.5.7.3.8";

/// The authorities that an operator has named. None is the default: then no timestamp is evidence of anything.
#[derive(Clone, Default)]
pub struct TimestampAuthorities(Option<Arc<Named>>);

struct Named {
    place: String,
    authorities: Vec<Authority>,
}

struct Authority {
    name: String,
    /// Its certificates: a token may bring those, and no others.
    chain: BTreeSet<Vec<u8>>,
    authority: TsaAuthority,
    key: KeyKind,
}

/// Who verifies what an authority has signed: of ECDSA the library, of RSA [`by_rsa`].
#[derive(Clone, Copy)]
enum KeyKind {
    Ecdsa,
    Rsa,
}

/// What an authority vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAt {
    /// The time that it has signed.
    pub at: Timestamp,
    /// The first and the last moment that this may have been, by its accuracy.
    pub earliest: Timestamp,
    /// See `earliest`.
    pub latest: Timestamp,
    /// Who it is, as its certificate calls it.
    pub authority: String,
}

impl fmt::Debug for TimestampAuthorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => formatter.write_str("TimestampAuthorities(none)"),
            Some(named) => write!(formatter, "TimestampAuthorities({} of {})", named.authorities.len(), named.place),
        }
    }
}

impl TimestampAuthorities {
    /// Reads the authorities of a file: a trusted root of sigstore, whose `timestampAuthorities` count, or the certificates
    /// of one authority in PEM, its own first and its root last. `place` is how it is called where it is refused; `rsa`
    /// verifies what was signed by RSA.
    ///
    /// # Errors
    /// `trusted_root_invalid` for what is neither, for one that names no authority, and for an authority whose
    /// certificate is not for timestamps alone (RFC 3161, 2.3) or whose signatures are not verified here.
    pub fn read(place: &str, content: &[u8], rsa: RsaVerifiers) -> Result<Self> {
        let invalid = |what: String| {
            let message = format!("`{place}` names no timestamp authority: {}", shown(&what, SHOWN));
            Fault::new(Reason::TrustedRootInvalid, message)
                .hint("name the certificates of the authority in PEM, its own first, with `--timestamp-root FILE`")
        };
        if content.len() as u64 > MAX_TRUSTED_ROOT_BYTES {
            return Err(invalid("it is larger than any".to_owned())
                .expected(format!("at most {MAX_TRUSTED_ROOT_BYTES} bytes"), format!("{} bytes", content.len())));
        }
        install(rsa);
        let chains = if content.trim_ascii_start().starts_with(b"{") { of_root(content) } else { of_pem(content) };
        let chains = chains.map_err(invalid)?;
        if chains.is_empty() || chains.len() > MAX_AUTHORITIES {
            return Err(invalid("it names none, or too many".to_owned())
                .expected(format!("1 to {MAX_AUTHORITIES} authorities"), chains.len().to_string()));
        }
        let authorities =
            chains.into_iter().map(|chain| Authority::of(chain, rsa)).collect::<std::result::Result<_, _>>();
        let authorities = authorities.map_err(invalid)?;
        Ok(Self(Some(Arc::new(Named { place: place.to_owned(), authorities }))))
    }

    /// Whether none is named.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// What the token shows of that signature. An error says, in words, why it shows nothing here.
    pub fn judge(&self, token: &TimestampToken, signature: &Signature) -> std::result::Result<SignedAt, String> {
        let Some(named) = &self.0 else { return Err("no timestamp authority is named here".to_owned()) };
        let mut refusal = format!("none of the authorities of `{}` has signed it", named.place);
        for authority in &named.authorities {
            let Authority { name, chain, .. } = authority;
            match authority.verify(token, signature) {
                Ok(_) if !brought(&token.signed).iter().all(|brought| chain.contains(brought)) => {
                    refusal = format!("it brings a certificate that is none of `{name}`'s");
                }
                Ok(at) => return stamped(at, token, name),
                Err(Error::TimestampOutsideValidity { .. }) => {
                    refusal = format!("`{name}` was no authority here at the time that it states");
                }
                Err(Error::CertificateValidationError(why)) => {
                    refusal = format!("the certificate of `{name}` does not hold: {}", shown(&why, SHOWN));
                }
                Err(_) => {}
            }
        }
        Err(refusal)
    }
}

fn stamped(at: Timestamp, token: &TimestampToken, name: &str) -> std::result::Result<SignedAt, String> {
    let accuracy = token.info.accuracy;
    match (at.checked_sub(accuracy), at.checked_add(accuracy)) {
        (Ok(earliest), Ok(latest)) if at == token.info.at => {
            Ok(SignedAt { at, earliest, latest, authority: name.to_owned() })
        }
        _ => Err("its accuracy leaves any time open".to_owned()),
    }
}

/// The certificates of an authority, its own first, and when its word counts.
struct Chain {
    certificates: Vec<DerCertificate>,
    valid_for: Option<TimeRange>,
}

fn of_root(content: &[u8]) -> std::result::Result<Vec<Chain>, String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    let document = Document::from_json(text).map_err(|error| error.to_string())?;
    let chain = |authority: &sigstore_verify::trust_root::TimestampAuthority| Chain {
        certificates: authority.cert_chain.certificates.iter().map(|one| one.raw_bytes.clone()).collect(),
        valid_for: authority.valid_for,
    };
    Ok(document.timestamp_authorities.iter().map(chain).collect())
}

fn of_pem(content: &[u8]) -> std::result::Result<Vec<Chain>, String> {
    let certificate = |block: crate::pem::Block<'_>| match (block.label, block.der()) {
        ("CERTIFICATE", Some(der)) => Ok(DerCertificate::new(der.to_vec())),
        _ => Err("it holds something else than certificates".to_owned()),
    };
    let certificates: Vec<_> = blocks(content).map(certificate).collect::<std::result::Result<_, _>>()?;
    match certificates.is_empty() {
        true => Err("it is no trusted root, and holds no certificate in PEM".to_owned()),
        false => Ok(vec![Chain { certificates, valid_for: None }]),
    }
}

impl Authority {
    fn of(Chain { certificates, valid_for }: Chain, rsa: RsaVerifiers) -> std::result::Result<Self, String> {
        if certificates.len() > MAX_AUTHORITY_CERTIFICATES {
            return Err(format!("an authority has {} certificates, and most have 3", certificates.len()));
        }
        let (leaf, between, root) = match certificates.as_slice() {
            [] => return Err("an authority has no certificate".to_owned()),
            [own] => (own, &[][..], own),
            [leaf, between @ .., root] => (leaf, between, root),
        };
        let own = Certificate::from_der(leaf.as_bytes()).map_err(|error| error.to_string())?;
        let name = in_ascii(&own.tbs_certificate.subject.to_string());
        if !is_for_timestamps_alone(&own) {
            return Err(format!("the certificate of `{name}` is not for timestamps alone"));
        }
        let key = verified_kind(&own, rsa).map_err(|what| format!("the key of `{name}` {what}"))?;
        let authority = TsaAuthority::new(leaf.clone(), between.to_vec(), root.clone(), valid_for);
        let chain = certificates.iter().map(|one| one.as_bytes().to_vec()).collect();
        Ok(Self { name, chain, authority, key })
    }

    fn verify(&self, token: &TimestampToken, signature: &Signature) -> sigstore_verify::tsa::Result<Timestamp> {
        match self.key {
            KeyKind::Rsa => by_rsa::verify(token, signature, &self.authority),
            KeyKind::Ecdsa => {
                let (token, signature) = (Token::new(token.bytes.clone()), SignatureBytes::from_bytes(&signature.0));
                verify_timestamp_for_authority(&token, &signature, &self.authority)
            }
        }
    }
}

/// One critical extension that names this use and no other (RFC 3161, 2.3).
fn is_for_timestamps_alone(certificate: &Certificate) -> bool {
    let extensions = certificate.tbs_certificate.extensions.iter().flatten();
    let uses: Vec<_> = extensions.filter(|extension| is(&extension.extn_id, EXTENDED_KEY_USAGE)).collect();
    let [usage] = uses.as_slice() else { return false };
    let named = ExtendedKeyUsage::from_der(usage.extn_value.as_bytes());
    usage.critical && named.is_ok_and(|named| matches!(named.0.as_slice(), [only] if is(only, TIME_STAMPING)))
}

/// Of other kinds no timestamp would ever count, and whoever names such an authority believes that one does.
fn verified_kind(certificate: &Certificate, rsa: RsaVerifiers) -> std::result::Result<KeyKind, String> {
    use cms::cert::x509::der::Encode as _;
    let key = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|error| error.to_string())?;
    match KeyAlgorithm::from_spki(&DerPublicKey::new(key)) {
        Ok(KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384) => Ok(KeyKind::Ecdsa),
        Ok(KeyAlgorithm::Rsa) => by_rsa::require_verified(certificate, rsa).map(|()| KeyKind::Rsa),
        _ => Err("is of a kind that is not verified here: ECDSA over P-256 or P-384 is, and RSA".to_owned()),
    }
}
