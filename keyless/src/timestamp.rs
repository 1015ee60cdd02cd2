//! When it was signed, as an authority for that vouches (RFC 3161, over HTTP as its section 3.4 has it).

use aisoc_manifests::fault::Result;
use aisoc_registry_client::ClientOptions;
use bytes::Bytes;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::{AnyRef, Null, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode as _, Encode as _, Reader as _, Sequence, SliceReader, Tag, Tagged as _};
use sha2::{Digest as _, Sha256};

use crate::refusal;
use crate::service::{Role, Service, ServiceUrl, post};

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// What a token is about (`id-ct-TSTInfo`).
const STAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// The two statuses with which there is a token (RFC 3161, 2.4.2).
const GRANTED: [u8; 2] = [0, 1];
const NONCE_BYTES: usize = 16;

#[derive(Sequence)]
struct Question<'a> {
    version: u8,
    imprint: Imprint<'a>,
    nonce: UintRef<'a>,
}

#[derive(Sequence, PartialEq, Eq)]
struct Imprint<'a> {
    algorithm: Algorithm<'a>,
    digest: OctetStringRef<'a>,
}

#[derive(Sequence, PartialEq, Eq)]
struct Algorithm<'a> {
    name: ObjectIdentifier,
    #[asn1(optional = "true")]
    parameters: Option<AnyRef<'a>>,
}

/// What of a token is held against what was asked for.
struct Stamp {
    algorithm: ObjectIdentifier,
    digest: Vec<u8>,
    nonce: Option<Vec<u8>>,
}

/// A timestamp of that signature, as it was answered. Whose word it is, is for whoever verifies the bundle to say.
pub(crate) async fn timestamp(at: &ServiceUrl, signature: &[u8], options: &ClientOptions) -> Result<Vec<u8>> {
    let service = Service::new(Role::TimestampAuthority, at.url(), options);
    let (digest, nonce) = (Sha256::digest(signature), nonce()?);
    let question =
        question(&digest, &nonce).map_err(|error| refusal::internal("a request for a timestamp").caused_by(error))?;
    let request = post(at.url(), "application/timestamp-query", "application/timestamp-reply", Bytes::from(question));
    let answer = service.ask(request).await?;
    let status = status(&answer).map_err(|error| service.mismatch("answers with no timestamp").caused_by(error))?;
    if !GRANTED.contains(&status) {
        return Err(service.mismatch("grants no timestamp").expected("the status 0, or 1", status.to_string()));
    }
    let stamp = Stamp::read(&answer).map_err(|error| service.mismatch("answers with no timestamp").caused_by(error))?;
    if stamp.algorithm != SHA256 || stamp.digest[..] != digest[..] {
        return Err(service
            .mismatch("gives a timestamp of something else")
            .expected(hex(&digest), format!("{} by {}", hex(&stamp.digest), stamp.algorithm)));
    }
    match &stamp.nonce {
        Some(found) if *found == significant(&nonce) => Ok(answer),
        found => Err(service.mismatch("answers another question than it was asked").expected(
            format!("the nonce {}", hex(significant(&nonce))),
            found.as_ref().map_or_else(|| "none".to_owned(), |found| hex(found)),
        )),
    }
}

/// A number that nobody knew before, so that no answer of another day can be given again.
fn nonce() -> Result<[u8; NONCE_BYTES]> {
    let mut drawn = [0; NONCE_BYTES];
    getrandom::fill(&mut drawn)
        .map_err(|error| refusal::internal("a nonce: the system gives no random numbers").caused_by(error))?;
    Ok(drawn)
}

/// Without certificates: a bundle has none that its trusted root does not have.
fn question(digest: &[u8], nonce: &[u8]) -> der::Result<Vec<u8>> {
    let algorithm = Algorithm { name: SHA256, parameters: Some(Null.into()) };
    let imprint = Imprint { algorithm, digest: OctetStringRef::new(digest)? };
    Question { version: 1, imprint, nonce: UintRef::new(nonce)? }.to_der()
}

/// The status alone: an answer that grants nothing has nothing behind it.
fn status(answer: &[u8]) -> der::Result<u8> {
    let mut reader = SliceReader::new(answer)?;
    reader.sequence(|response| {
        let status = response.sequence(|info| {
            let status = u8::decode(info)?;
            while !info.is_finished() {
                AnyRef::decode(info)?;
            }
            Ok(status)
        })?;
        while !response.is_finished() {
            AnyRef::decode(response)?;
        }
        Ok(status)
    })
}

impl Stamp {
    fn read(answer: &[u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(answer)?;
        let content = reader.sequence(|response| {
            AnyRef::decode(response)?;
            ContentInfo::decode(response)
        })?;
        reader.finish(())?;
        let signed: SignedData = content.content.decode_as()?;
        let held = signed.encap_content_info;
        let (STAMP, Some(content)) = (held.econtent_type, held.econtent) else {
            return Err(Tag::OctetString.value_error());
        };
        let content: OctetStringRef<'_> = content.decode_as()?;
        SliceReader::new(content.as_bytes())?.sequence(Self::of)
    }

    /// The members in their order: those in between are the authority's own (RFC 3161, 2.4.2).
    fn of<'a>(info: &mut der::NestedReader<'_, SliceReader<'a>>) -> der::Result<Self> {
        u8::decode(info)?;
        ObjectIdentifier::decode(info)?;
        let imprint = Imprint::decode(info)?;
        let (algorithm, digest) = (imprint.algorithm.name, imprint.digest.as_bytes().to_vec());
        // The number of the token, which is one as well, and its time.
        AnyRef::decode(info)?;
        AnyRef::decode(info)?;
        let mut nonce = None;
        while !info.is_finished() {
            let member = AnyRef::decode(info)?;
            if member.tag() == Tag::Integer {
                nonce = Some(member.decode_as::<UintRef<'_>>()?.as_bytes().to_vec());
            }
        }
        Ok(Self { algorithm, digest, nonce })
    }
}

/// A number without the zeros before it, as ASN.1 has it.
fn significant(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros.min(number.len() - 1)..]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(64).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_as_others_write_it() {
        let mut expected =
            vec![0x30, 0x3b, 2, 1, 1, 0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        expected.extend([5, 0, 4, 0x20]);
        expected.extend([7; 32]);
        expected.extend([2, 3, 0, 0x80, 1]);
        assert_eq!(question(&[7; 32], &[0, 0, 0x80, 1]).expect("written"), expected);
    }

    #[test]
    fn a_number_is_compared_without_its_zeros() {
        for (number, left) in [(&[0, 0, 1, 0][..], &[1, 0][..]), (&[1], &[1]), (&[0, 0], &[0])] {
            assert_eq!(significant(number), left);
        }
    }
}
