//! `TimeInfo`: what an authority has signed (`TSTInfo`, RFC 3161, 2.4.2).

use der::asn1::{AnyRef, GeneralizedTime, ObjectIdentifier, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::signed_data::{SHA256, is};

/// What a token is about: a SHA-256.
pub(super) type Imprint = [u8; 32];

/// That of these bytes.
pub(super) fn imprint(bytes: &[u8]) -> Imprint {
    Sha256::digest(bytes).into()
}

/// The content of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeInfo {
    /// The SHA-256 of what it is about.
    pub(super) imprint: Imprint,
    /// The time that it states.
    pub(super) at: Timestamp,
    /// By how much that may be wrong, either way; nothing where it does not say so.
    pub(super) accuracy: SignedDuration,
    /// The number that was asked for, as DER has its bytes.
    pub(super) nonce: Option<Vec<u8>>,
}

impl TimeInfo {
    /// Reads it, and understands all of it: an error says what was not understood.
    pub(super) fn read(content: &[u8]) -> Result<Self, &'static str> {
        let parts = parts(content).map_err(|_| "what it states cannot be read")?;
        let [version, policy, imprint, serial, time, rest @ ..] = parts.as_slice() else {
            return Err("it does not state all that a timestamp does");
        };
        let named = policy.decode_as::<ObjectIdentifier>().is_ok() && serial.tag() == Tag::Integer;
        if version.decode_as::<u8>() != Ok(1) || !named {
            return Err("it is of another version");
        }
        let time = time.decode_as::<GeneralizedTime>().map_err(|_| "it states a time that is not of whole seconds")?;
        let seconds = i64::try_from(time.to_unix_duration().as_secs()).map_err(|_| "it states no time")?;
        let at = Timestamp::from_second(seconds).map_err(|_| "it states no time")?;
        let (accuracy, nonce) = after_the_time(rest)?;
        Ok(Self { imprint: imprint_of(*imprint)?, at, accuracy, nonce })
    }
}

/// What may be left out, in its order: the accuracy, whether times of the authority have an order, the nonce, a name.
fn after_the_time(parts: &[AnyRef<'_>]) -> Result<(SignedDuration, Option<Vec<u8>>), &'static str> {
    const NAME: Tag = Tag::ContextSpecific { constructed: true, number: TagNumber::N0 };
    let (mut accuracy, mut nonce, mut before) = (SignedDuration::ZERO, None, 0);
    for part in parts {
        let place = match part.tag() {
            Tag::Sequence => 1,
            Tag::Boolean => 2,
            Tag::Integer => 3,
            NAME => 4,
            // An extension may change what all the rest means.
            _ => return Err("it states something that is not understood"),
        };
        if place <= before {
            return Err("what it states stands in another order");
        }
        before = place;
        match place {
            1 => accuracy = accuracy_of(*part).ok_or("its accuracy cannot be read")?,
            3 => nonce = Some(part.value().to_vec()),
            _ => {}
        }
    }
    Ok((accuracy, nonce))
}

fn imprint_of(imprint: AnyRef<'_>) -> Result<Imprint, &'static str> {
    let read = || {
        let [algorithm, digest] = parts_of(imprint).ok()?.try_into().ok()?;
        let digest: OctetStringRef<'_> = digest.decode_as().ok()?;
        Some((parts_of(algorithm).ok()?, digest.as_bytes().try_into().ok()))
    };
    match read() {
        Some((algorithm, Some(digest))) if is_sha256(&algorithm) => Ok(digest),
        Some(_) => Err("it is not about a SHA-256"),
        None => Err("what it is about cannot be read"),
    }
}

fn is_sha256(algorithm: &[AnyRef<'_>]) -> bool {
    let named = |part: &AnyRef<'_>| part.decode_as::<ObjectIdentifier>().is_ok_and(|oid| is(&oid, SHA256));
    match algorithm {
        [name] => named(name),
        [name, parameters] => named(name) && parameters.is_null(),
        _ => false,
    }
}

/// Seconds, thousandths `[0]` and millionths `[1]` of one, each of which may be left out.
fn accuracy_of(accuracy: AnyRef<'_>) -> Option<SignedDuration> {
    let (mut whole, mut before) = (SignedDuration::ZERO, 0);
    for part in parts_of(accuracy).ok()? {
        let (place, unit_in_nanos, most) = match part.tag() {
            Tag::Integer => (1, 1_000_000_000, i64::MAX),
            Tag::ContextSpecific { constructed: false, number: TagNumber::N0 } => (2, 1_000_000, 999),
            Tag::ContextSpecific { constructed: false, number: TagNumber::N1 } => (3, 1_000, 999),
            _ => return None,
        };
        let number = unsigned(part.value()).filter(|number| *number <= most && place > before)?;
        before = place;
        whole = whole.checked_add(SignedDuration::from_nanos(number.checked_mul(unit_in_nanos)?))?;
    }
    Some(whole)
}

/// A number of DER that is not below zero, and not written longer than it has to be.
fn unsigned(bytes: &[u8]) -> Option<i64> {
    let is_shortest = !matches!(bytes, [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..]);
    let digits: [u8; 8] = match (is_shortest, 8_usize.checked_sub(bytes.len())) {
        (true, Some(missing)) => [&[0; 8][..missing], bytes].concat().try_into().ok()?,
        _ => return None,
    };
    Some(i64::from_be_bytes(digits))
}

fn parts(content: &[u8]) -> der::Result<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(content)?;
    let sequence = AnyRef::decode(&mut reader)?;
    reader.finish(())?;
    parts_of(sequence)
}

fn parts_of(sequence: AnyRef<'_>) -> der::Result<Vec<AnyRef<'_>>> {
    sequence.tag().assert_eq(Tag::Sequence)?;
    let mut reader = SliceReader::new(sequence.value())?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(AnyRef::decode(&mut reader)?);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tag, a length and a value of less than 128 bytes.
    fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(value.len()).expect("short")], value].concat()
    }

    fn info(version: u8, time: &str, rest: &[Vec<u8>]) -> Vec<u8> {
        let sha256 = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
        let imprint = tlv(0x30, &[tlv(0x30, &sha256), tlv(0x04, &[7; 32])].concat());
        let policy = tlv(0x06, &[0x2a, 0x03, 0x04]);
        let first = [tlv(0x02, &[version]), policy, imprint, tlv(0x02, &[1]), tlv(0x18, time.as_bytes())];
        tlv(0x30, &[first.concat(), rest.concat()].concat())
    }

    #[test]
    fn what_an_authority_states_is_read() {
        let accuracy = tlv(0x30, &[tlv(0x02, &[2]), tlv(0x80, &[3]), tlv(0x81, &[4])].concat());
        let read = TimeInfo::read(&info(
            1,
            "20260101000000Z",
            &[accuracy, tlv(0x01, &[0xff]), tlv(0x02, &[9]), tlv(0xa0, &tlv(0x82, b"a"))],
        ));
        let at = "2026-01-01T00:00:00Z".parse().expect("a time");
        let accuracy = SignedDuration::new(2, 3_004_000);
        assert_eq!(read, Ok(TimeInfo { imprint: [7; 32], at, accuracy, nonce: Some(vec![9]) }));
        let bare = TimeInfo::read(&info(1, "20260101000000Z", &[])).expect("read");
        assert_eq!((bare.accuracy, bare.nonce), (SignedDuration::ZERO, None));
    }

    #[test]
    fn what_is_not_understood_is_none() {
        let nonce = || tlv(0x02, &[9]);
        for (what, content) in [
            ("nothing", Vec::new()),
            ("another version", info(2, "20260101000000Z", &[])),
            ("parts of a second", info(1, "20260101000000.5Z", &[])),
            ("no time", info(1, "20261301000000Z", &[])),
            ("a second nonce", info(1, "20260101000000Z", &[nonce(), nonce()])),
            ("a nonce before the accuracy", info(1, "20260101000000Z", &[nonce(), tlv(0x30, &[])])),
            ("an extension", info(1, "20260101000000Z", &[tlv(0xa1, &[])])),
            ("below zero", info(1, "20260101000000Z", &[tlv(0x30, &tlv(0x02, &[0x80]))])),
            ("a thousand thousandths", info(1, "20260101000000Z", &[tlv(0x30, &tlv(0x80, &[3, 0xe8]))])),
            ("an accuracy that is too long", info(1, "20260101000000Z", &[tlv(0x30, &tlv(0x02, &[0x7f; 8]))])),
            ("a byte behind it", [info(1, "20260101000000Z", &[]), vec![0]].concat()),
        ] {
            assert!(TimeInfo::read(&content).is_err(), "{what}");
        }
    }
}
