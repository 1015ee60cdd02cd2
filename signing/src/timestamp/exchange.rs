//! What is asked of an authority and what it answers (RFC 3161, 2.4), without the way there.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo, SignerInfos};
use der::asn1::{AnyRef, SetOfVec, Utf8StringRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};

use super::refusal::{SHOWN, invalid};
use super::time_info::{Imprint, imprint};
use super::token::{GRANTED, TimestampToken};
use crate::signature::Signature;

/// SHA-256 as an algorithm, which has no parameters.
const SHA256: [u8; 13] = [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// Bytes of a nonce.
const NONCE_BYTES: usize = 8;

/// A question: for a timestamp over one signature, with a number that only its answer has.
#[derive(Debug, Clone)]
pub struct TimestampQuery {
    imprint: Imprint,
    nonce: Vec<u8>,
    are_certificates_wanted: bool,
}

impl TimestampQuery {
    /// For a timestamp that is kept beside a plugin's signature, with the certificates of its authority.
    ///
    /// # Errors
    /// `io_error` when the system has no random numbers.
    pub fn new(signature: &Signature) -> Result<Self> {
        Self::of(imprint(&signature.0), true)
    }

    /// For one over any signature, which brings no certificate: whoever judges it has those of its authority.
    ///
    /// # Errors
    /// As [`TimestampQuery::new`].
    pub fn without_certificates(signature: &[u8]) -> Result<Self> {
        Self::of(imprint(signature), false)
    }

    fn of(imprint: Imprint, are_certificates_wanted: bool) -> Result<Self> {
        let mut random = [0; NONCE_BYTES];
        getrandom::fill(&mut random).map_err(|error| {
            Fault::new(Reason::IoError, "the system has no random numbers for a question").caused_by(error)
        })?;
        // A number above zero that begins with no byte of zeros is written in one way.
        random[0] = random[0] & 0x7f | 0x40;
        Ok(Self { imprint, nonce: random.to_vec(), are_certificates_wanted })
    }

    /// `TimeStampReq`: version 1, the imprint, the nonce, and whether the certificate is wanted, which is not by default.
    pub fn to_der(&self) -> Vec<u8> {
        let imprint = tlv(0x30, &[&SHA256[..], &tlv(0x04, &self.imprint)].concat());
        let wanted = if self.are_certificates_wanted { &[0x01, 0x01, 0xff][..] } else { &[] };
        tlv(0x30, &[&[0x02, 0x01, 0x01], &imprint[..], &tlv(0x02, &self.nonce), wanted].concat())
    }

    /// The timestamp of an answer that came from `place`.
    ///
    /// # Errors
    /// `timestamp_invalid` for what is no answer to this question, and for one that grants nothing.
    pub fn answered(&self, place: &str, answer: &[u8]) -> Result<TimestampToken> {
        let token = standardised(place, answer, &self.imprint)?;
        match token.info.nonce.as_deref() == Some(self.nonce.as_slice()) {
            true => Ok(token),
            false => Err(invalid(place, "it answers another question")
                .expected("the number that was asked with", token.info.nonce.map_or("none", |_| "another one"))),
        }
    }
}

/// The timestamp in an answer of an authority, as it is kept: the token in it, with the status alone.
///
/// # Errors
/// `timestamp_invalid` for one that grants nothing or is about another signature; as [`TimestampToken::read`].
pub fn standard_reply(place: &str, answer: &[u8], signature: &Signature) -> Result<TimestampToken> {
    standardised(place, answer, &imprint(&signature.0))
}

fn standardised(place: &str, answer: &[u8], imprint: &Imprint) -> Result<TimestampToken> {
    let unread = |error: der::Error| invalid(place, "it cannot be read").caused_by(error);
    let (status, token) = read(answer).map_err(unread)?;
    let Some(token) = token.filter(|_| status.is_granted) else {
        let said = if status.said.is_empty() { String::new() } else { format!(": {}", status.said) };
        return Err(invalid(place, format!("its authority has granted none{said}"))
            .expected("the status 0, or 1, and a token", format!("the status {}", status.number)));
    };
    let token = without_what_nobody_signed(&token).map_err(unread)?;
    let kept = tlv(0x30, &[&tlv(0x30, &GRANTED)[..], &token].concat());
    let token = TimestampToken::read(place, &kept)?;
    token.require_imprint(place, imprint).map(|()| token)
}

/// The token in the one way in which it is kept: without lists and attributes that nobody has signed, and in the order
/// that DER has.
fn without_what_nobody_signed(token: &[u8]) -> der::Result<Vec<u8>> {
    let mut content = ContentInfo::from_der(token)?;
    let mut signed: SignedData = content.content.decode_as()?;
    signed.crls = None;
    let bare = |signer: &SignerInfo| SignerInfo { unsigned_attrs: None, ..signer.clone() };
    signed.signer_infos = SignerInfos(SetOfVec::try_from(signed.signer_infos.0.iter().map(bare).collect::<Vec<_>>())?);
    content.content = der::Any::encode_from(&signed)?;
    content.to_der()
}

/// `PKIStatusInfo`.
struct Status {
    /// 0, or 1 for one that differs from what was asked for in what is looked at here.
    is_granted: bool,
    number: String,
    said: String,
}

fn read(answer: &[u8]) -> der::Result<(Status, Option<Vec<u8>>)> {
    let mut reader = SliceReader::new(answer)?;
    let read = reader.sequence(|response| {
        let status = AnyRef::decode(response)?;
        let token = if response.is_finished() { None } else { Some(response.tlv_bytes()?.to_vec()) };
        Ok((status_of(status)?, token))
    })?;
    reader.finish(read)
}

fn status_of(status: AnyRef<'_>) -> der::Result<Status> {
    status.tag().assert_eq(Tag::Sequence)?;
    let mut reader = SliceReader::new(status.value())?;
    let number: u8 = reader.decode()?;
    let mut said = Vec::new();
    if !reader.is_finished() && reader.peek_tag()? == Tag::Sequence {
        let texts = AnyRef::decode(&mut reader)?;
        let mut texts = SliceReader::new(texts.value())?;
        while !texts.is_finished() {
            said.push(texts.decode::<Utf8StringRef<'_>>()?.as_str().to_owned());
        }
    }
    Ok(Status { is_granted: number <= 1, number: number.to_string(), said: shown(&said.join("; "), SHOWN) })
}

/// A tag, a length and a value, as DER has them.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len().to_be_bytes();
    let digits = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let length = match value.len() {
        0 => vec![0],
        1..0x80 => digits.to_vec(),
        _ => [&[0x80 | digits.len() as u8], digits].concat(),
    };
    [&[tag][..], &length, value].concat()
}
