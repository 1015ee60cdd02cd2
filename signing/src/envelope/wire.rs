//! How an envelope stands in a file: one JSON object, of stated members.

use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::payload_type::PayloadType;
use crate::key::Fingerprint;
use crate::signature::Signature;

/// Most signatures of one, as of a plugin: each costs a check.
pub(super) const MAX_ENVELOPE_SIGNATURES: usize = crate::tried::MAX_SIGNATURES;

/// The members of DSSE v1. Others are refused, which its consumers need not do: here a misspelt one is an error of
/// whoever made the file, and not something to be passed over.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSignature {
    keyid: String,
    sig: String,
}

/// What stands in the file, unverified.
pub(super) struct Parts {
    pub(super) payload_type: PayloadType,
    pub(super) payload: Vec<u8>,
    pub(super) signatures: Vec<(Fingerprint, Signature)>,
}

pub(super) fn read(content: &[u8], max_bytes: u64) -> Result<Parts> {
    if content.len() as u64 > max_bytes {
        return Err(invalid("it is larger than any")
            .expected(format!("at most {max_bytes} bytes"), format!("{} bytes", content.len())));
    }
    let written: Written =
        serde_json::from_slice(content).map_err(|error| invalid("it is no envelope").caused_by(error))?;
    let payload_type = PayloadType::named(&written.payload_type).ok_or_else(|| {
        invalid("its `payloadType` is none that is known here")
            .expected(PayloadType::ALL.map(PayloadType::as_str).join(", or "), shown(&written.payload_type, 120))
    })?;
    let payload = decoded("payload", &written.payload)?;
    Ok(Parts { payload_type, payload, signatures: signatures(&written.signatures)? })
}

/// The members of an envelope that stands in another document, with one signature, whose key is named beside it.
pub(super) fn of_one(payload_type: PayloadType, payload: &str, (key, sig): (Fingerprint, &str)) -> Result<Parts> {
    let signatures = vec![(key, ed25519(sig)?)];
    Ok(Parts { payload_type, payload: decoded("payload", payload)?, signatures })
}

/// Payload and signatures as they stand in it.
pub(super) fn encoded(parts: &Parts) -> (String, Vec<String>) {
    let signatures = parts.signatures.iter().map(|(_, signature)| STANDARD.encode(signature.0));
    (STANDARD.encode(&parts.payload), signatures.collect())
}

/// One at least: what nobody has signed is no statement.
fn signatures(written: &[WrittenSignature]) -> Result<Vec<(Fingerprint, Signature)>> {
    match written.len() {
        1..=MAX_ENVELOPE_SIGNATURES => written.iter().map(signature).collect(),
        count => Err(invalid("it has no signatures, or too many")
            .expected(format!("1 to {MAX_ENVELOPE_SIGNATURES} signatures"), count.to_string())),
    }
}

fn signature(written: &WrittenSignature) -> Result<(Fingerprint, Signature)> {
    let key = written.keyid.parse().map_err(|_: Fault| {
        invalid("the `keyid` of a signature is no fingerprint of a key")
            .expected("SHA256: and 64 hexadecimal digits in lower case", shown(&written.keyid, 80))
    })?;
    Ok((key, ed25519(&written.sig)?))
}

fn ed25519(sig: &str) -> Result<Signature> {
    let bytes = decoded("sig", sig)?;
    let signature = <[u8; 64]>::try_from(bytes.as_slice());
    let wrong = |_| invalid("a `sig` is no signature of Ed25519").expected("64 bytes", bytes.len().to_string());
    signature.map(Signature).map_err(wrong)
}

/// In the standard alphabet, with its padding and no bit that is not decoded: the same bytes have one text.
fn decoded(member: &str, text: &str) -> Result<Vec<u8>> {
    let wrong = |error| invalid(format!("its `{member}` is no base64 of the standard alphabet")).caused_by(error);
    STANDARD.decode(text).map_err(wrong)
}

pub(super) fn written(parts: &Parts) -> String {
    let (payload, sigs) = encoded(parts);
    let keys = parts.signatures.iter().map(|(key, _)| key.to_string());
    let signatures = keys.zip(sigs).map(|(keyid, sig)| WrittenSignature { keyid, sig });
    let written = Written { payload, payload_type: parts.payload_type.to_string(), signatures: signatures.collect() };
    serde_json::to_string(&written).expect("texts are JSON") + "\n"
}

pub(super) fn invalid(why: impl fmt::Display) -> Fault {
    Fault::new(Reason::StatementInvalid, format!("the signed statement cannot be read: {why}"))
}
