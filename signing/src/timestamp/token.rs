//! `TimestampToken`: what stands beside a signature, read whole and strictly, and not judged yet.

use std::fmt;

use aisoc_manifests::digest::hex;
use aisoc_manifests::fault::Result;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, Tagged as _};
use jiff::Timestamp;

use super::refusal::invalid;
use super::signed_data::{MESSAGE_DIGEST, is, is_written_in_another_way, says_more_than_is_signed};
use super::time_info::{Imprint, TimeInfo, imprint};
use crate::content::Content;
use crate::signature::Signature;

/// The largest timestamp. One with the chain of its authority has some 6 kB; the rest is whoever can write it.
pub const MAX_TIMESTAMP_BYTES: u64 = 16 << 10;
/// Most certificates in one: nobody has signed that they are there.
pub const MAX_TIMESTAMP_CERTIFICATES: usize = 4;

const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
const TIME_INFO: &str = "1.2.840.113549.1.9.16.1.4";
const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";

/// A `TimeStampResp` that was granted (RFC 3161, 2.4.2) in the one way in which it is written here. Untrusted: anybody can
/// make one.
#[derive(Clone)]
pub struct TimestampToken {
    pub(super) bytes: Vec<u8>,
    pub(super) signed: SignedData,
    pub(super) info: TimeInfo,
}

impl fmt::Debug for TimestampToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TimestampToken({})", self.info.at)
    }
}

impl TimestampToken {
    /// Reads the content of a file. `place` is how it is called where it is refused.
    ///
    /// # Errors
    /// `timestamp_invalid` for what is none, for what is larger than [`MAX_TIMESTAMP_BYTES`], and for one of which
    /// something was not understood or says more than has to be there.
    pub fn read(place: &str, content: &[u8]) -> Result<Self> {
        if content.len() as u64 > MAX_TIMESTAMP_BYTES {
            return Err(too_large(place, MAX_TIMESTAMP_BYTES));
        }
        let unread = |error: der::Error| invalid(place, "it cannot be read").caused_by(error);
        let token = granted(content).map_err(unread)?;
        let (signed, info) = Self::of_token(&token).map_err(|what| invalid(place, what))?;
        Ok(Self { bytes: content.to_vec(), signed, info })
    }

    /// As [`TimestampToken::read`], of a file as it was found, which has to be about that signature.
    ///
    /// # Errors
    /// As [`TimestampToken::read`], and when it is about something else.
    pub(crate) fn read_file(place: &str, content: &Content, signature: &Signature) -> Result<Self> {
        let token = match content {
            Content::Whole(bytes) => Self::read(place, bytes)?,
            Content::TooLarge { max_bytes } => return Err(too_large(place, *max_bytes)),
            Content::NotAFile => return Err(invalid(place, "it is no regular file")),
        };
        token.require_about(place, signature).map(|()| token)
    }

    /// # Errors
    /// `timestamp_invalid` when it is about something else.
    pub fn require_about(&self, place: &str, signature: &Signature) -> Result<()> {
        self.require_imprint(place, &imprint(&signature.0))
    }

    pub(super) fn require_imprint(&self, place: &str, imprint: &Imprint) -> Result<()> {
        match self.info.imprint == *imprint {
            true => Ok(()),
            false => Err(invalid(place, "it is about another signature").expected(
                format!("about SHA-256 {}", hex(imprint)),
                format!("about SHA-256 {}", hex(&self.info.imprint)),
            )),
        }
    }

    /// The time that it states, which is worth what its authority is.
    pub fn claimed_time(&self) -> Timestamp {
        self.info.at
    }

    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Of the token in it, which is all but its status.
    pub(super) fn of_token(token: &[u8]) -> std::result::Result<(SignedData, TimeInfo), &'static str> {
        let content = ContentInfo::from_der(token).map_err(|_| "it holds no token")?;
        if !is(&content.content_type, SIGNED_DATA) {
            return Err("its token is not signed");
        }
        let signed: SignedData = content.content.decode_as().map_err(|_| "its token cannot be read")?;
        // There is one way to write it, whatever ways the reader takes.
        if signed.to_der().ok().as_deref() != content.content.to_der().ok().as_deref() {
            return Err("its token is written in another way");
        }
        if let Some(what) = says_more_than_is_signed(&signed).or_else(|| is_written_in_another_way(&signed)) {
            return Err(what);
        }
        let certificates = signed.certificates.iter().flat_map(|set| set.0.iter());
        let (certificates, others): (Vec<_>, Vec<_>) =
            certificates.partition(|choice| matches!(choice, CertificateChoices::Certificate(_)));
        if certificates.len() > MAX_TIMESTAMP_CERTIFICATES || !others.is_empty() {
            return Err("it brings more certificates than one needs");
        }
        let stated = signed.encap_content_info.econtent.as_ref().filter(|content| content.tag() == Tag::OctetString);
        let (Some(stated), true) = (stated, is(&signed.encap_content_info.econtent_type, TIME_INFO)) else {
            return Err("its token does not state a time");
        };
        signed.signer_infos.0.iter().try_for_each(says_what_it_signs)?;
        let info = TimeInfo::read(stated.value())?;
        Ok((signed, info))
    }
}

/// The digest in it is compared by who judges the token; that it is of a time, nobody else asks (RFC 5652, 11.1).
fn says_what_it_signs(signer: &SignerInfo) -> std::result::Result<(), &'static str> {
    let attributes = signer.signed_attrs.as_ref().ok_or("its signature is not over attributes")?;
    let named = |name: &str| attributes.iter().filter(|attribute| is(&attribute.oid, name)).collect::<Vec<_>>();
    let [content_type] = named(CONTENT_TYPE).try_into().map_err(|_| "its signature does not say of what it is")?;
    let [digest] = named(MESSAGE_DIGEST).try_into().map_err(|_| "its signature does not say of what it is")?;
    let of_a_time = |value: &der::Any| value.decode_as::<ObjectIdentifier>().is_ok_and(|oid| is(&oid, TIME_INFO));
    let of_bytes = |value: &der::Any| value.decode_as::<OctetStringRef<'_>>().is_ok();
    match (content_type.values.as_slice(), digest.values.as_slice()) {
        ([content_type], [digest]) if of_a_time(content_type) && of_bytes(digest) => Ok(()),
        _ => Err("its signature is not of a time"),
    }
}

fn too_large(place: &str, most: u64) -> aisoc_manifests::fault::Fault {
    invalid(place, "it is larger than any").expected(format!("at most {most} bytes"), "more")
}

/// The token of a response whose status, which nobody has signed, is `granted` and says no more.
fn granted(content: &[u8]) -> der::Result<Vec<u8>> {
    let mut reader = SliceReader::new(content)?;
    let token = reader.sequence(|response| {
        let status = AnyRef::decode(response)?;
        status.tag().assert_eq(Tag::Sequence)?;
        if status.value() != GRANTED {
            return Err(Tag::Sequence.value_error());
        }
        response.tlv_bytes().map(<[u8]>::to_vec)
    })?;
    reader.finish(token)
}

/// The number 0.
pub(super) const GRANTED: [u8; 3] = [0x02, 0x01, 0x00];
