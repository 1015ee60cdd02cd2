//! `TimestampAuthorities`: whose word for a time the operator takes.

use std::fmt;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::{in_ascii, shown};
use cms::cert::x509::Certificate;
use cms::cert::x509::der::Decode as _;
use cms::cert::x509::ext::pkix::ExtendedKeyUsage;
use jiff::Timestamp;
use sigstore_verify::trust_root::TrustedRoot as Document;
use sigstore_verify::types::TimeRange;

use super::authentic::{KeyKind, Unshown, is_signed_by, lead_to_root};
use super::refusal::SHOWN;
use super::signed_data::{brought, is};
use super::time_info::imprint;
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
    own: Certificate,
    key: KeyKind,
    /// Its own certificate first, its root last.
    certificates: Vec<Vec<u8>>,
    /// When the operator takes its word; always where that is not said.
    valid_for: Option<TimeRange>,
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
        if token.info.imprint != imprint(&signature.0) {
            return Err("it is about another signature".to_owned());
        }
        let accuracy = token.info.accuracy;
        let open = (token.info.at.checked_sub(accuracy), token.info.at.checked_add(accuracy));
        let (Ok(earliest), Ok(latest)) = open else { return Err("its accuracy leaves any time open".to_owned()) };
        let mut refusal = format!("none of the authorities of `{}` has signed it", named.place);
        for authority in &named.authorities {
            let name = &authority.name;
            match authority.shows(token) {
                Ok(()) => {
                    return Ok(SignedAt { at: token.info.at, earliest, latest, authority: name.clone() });
                }
                Err(Unshown::BySomebodyElse) => {}
                Err(Unshown::NotSigned(why)) => refusal = format!("it names `{name}`, and {why}"),
                Err(Unshown::Brings) => refusal = format!("it brings a certificate that is none of `{name}`'s"),
                Err(Unshown::OutOfTime) => {
                    refusal = format!("`{name}` was no authority here at the time that it states");
                }
                Err(Unshown::Certificate(why)) => {
                    refusal = format!("the certificates of `{name}` do not hold: {}", shown(&why, SHOWN));
                }
            }
        }
        Err(refusal)
    }
}

/// The certificates of an authority, its own first, and when its word counts.
struct Chain {
    certificates: Vec<Vec<u8>>,
    valid_for: Option<TimeRange>,
}

fn of_root(content: &[u8]) -> std::result::Result<Vec<Chain>, String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    let document = Document::from_json(text).map_err(|error| error.to_string())?;
    let chain = |authority: &sigstore_verify::trust_root::TimestampAuthority| Chain {
        certificates: authority.cert_chain.certificates.iter().map(|one| one.raw_bytes.as_bytes().to_vec()).collect(),
        valid_for: authority.valid_for,
    };
    Ok(document.timestamp_authorities.iter().map(chain).collect())
}

fn of_pem(content: &[u8]) -> std::result::Result<Vec<Chain>, String> {
    let certificate = |block: crate::pem::Block<'_>| match (block.label, block.der()) {
        ("CERTIFICATE", Some(der)) => Ok(der.to_vec()),
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
        let read = certificates.iter().map(|one| Certificate::from_der(one));
        let read = read.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
        // All of them have begun then.
        let begun = read.iter().map(|one| one.tbs_certificate.validity.not_before.to_unix_duration()).max();
        let (Some(own), Some(begun)) = (read.into_iter().next(), begun) else {
            return Err("an authority has no certificate".to_owned());
        };
        let name = in_ascii(&own.tbs_certificate.subject.to_string());
        if !is_for_timestamps_alone(&own) {
            return Err(format!("the certificate of `{name}` is not for timestamps alone"));
        }
        let key = KeyKind::of(&own, rsa).map_err(|what| format!("the key of `{name}` {what}"))?;
        // Whoever names an authority by which nothing could ever count believes that something does.
        let begun = i64::try_from(begun.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let begun = begun.ok_or_else(|| format!("the certificates of `{name}` begin at no time"))?;
        match lead_to_root(&certificates, begun) {
            Err(Unshown::Certificate(why)) => Err(format!("the certificates of `{name}` do not hold: {why}")),
            _ => Ok(Self { name, own, key, certificates, valid_for }),
        }
    }

    /// Whether it has signed the token, and its word counts at the time that it states. How accurate that is, is held against the
    /// dates of keys and not of authorities: one that has just begun may state a time that leaves an earlier one open.
    fn shows(&self, token: &TimestampToken) -> std::result::Result<(), Unshown> {
        is_signed_by(token, &self.own, self.key)?;
        if !brought(&token.signed).iter().all(|brought| self.certificates.contains(brought)) {
            return Err(Unshown::Brings);
        }
        match self.valid_for.as_ref().is_none_or(|window| window.contains(token.info.at)) {
            true => lead_to_root(&self.certificates, token.info.at),
            false => Err(Unshown::OutOfTime),
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
