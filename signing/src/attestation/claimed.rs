//! `ClaimedBundle`: what a bundle of sigstore says of itself, whoever has made it and with whatever. Evidence of nothing.

use aisoc_manifests::fault::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::refusal::invalid;

/// How the media types of all versions begin, of a bundle and of an artifact that is one.
pub const BUNDLE_MEDIA_TYPES: &str = "application/vnd.dev.sigstore.bundle";

/// What a bundle says, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedBundle {
    /// The hint at the key of its signer's own, where it is signed with one.
    pub key_hint: Option<String>,
    /// Whether it has a certificate in place of a key.
    pub has_certificate: bool,
    /// What its statement says that it is, where it holds one.
    pub predicate_type: Option<String>,
}

/// The members that are looked at. Whatever else stands there is of no matter to who only looks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    verification_material: WrittenMaterial,
    dsse_envelope: Option<WrittenEnvelope>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenMaterial {
    public_key: Option<WrittenKey>,
    certificate: Option<IgnoredAny>,
    x509_certificate_chain: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct WrittenKey {
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize)]
struct WrittenEnvelope {
    payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenStatement {
    predicate_type: String,
}

impl ClaimedBundle {
    /// Looks at the content of one.
    ///
    /// # Errors
    /// `attestation_invalid` for what is no bundle of any version.
    pub fn look(content: &[u8]) -> Result<Self> {
        let written: Written = serde_json::from_slice(content)
            .map_err(|error| invalid("is no bundle of sigstore, although its type says so").caused_by(error))?;
        let material = written.verification_material;
        Ok(Self {
            key_hint: material.public_key.map(|key| key.hint),
            has_certificate: material.certificate.is_some() || material.x509_certificate_chain.is_some(),
            predicate_type: written.dsse_envelope.map(|envelope| predicate_type(&envelope.payload)).transpose()?,
        })
    }
}

fn predicate_type(payload: &str) -> Result<String> {
    let payload = STANDARD
        .decode(payload)
        .map_err(|error| invalid("has a payload that is no base64 of the standard alphabet").caused_by(error))?;
    serde_json::from_slice::<WrittenStatement>(&payload)
        .map(|statement| statement.predicate_type)
        .map_err(|error| invalid("holds no statement of in-toto").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::fault::Reason;

    #[test]
    fn a_bundle_of_any_kind_is_looked_at_and_what_is_none_is_said() {
        let statement = STANDARD.encode(br#"{"predicateType":"urn:x"}"#);
        let look = |text: &str| ClaimedBundle::look(text.as_bytes());
        let keyed = look(&format!(
            r#"{{"mediaType":"x","verificationMaterial":{{"publicKey":{{"hint":"h"}},"tlogEntries":[]}},"dsseEnvelope":{{"payload":"{statement}"}}}}"#
        ));
        let expected =
            ClaimedBundle { key_hint: Some("h".into()), has_certificate: false, predicate_type: Some("urn:x".into()) };
        assert_eq!(keyed.expect("a bundle"), expected);
        let keyless = look(r#"{"verificationMaterial":{"certificate":{}},"messageSignature":{}}"#).expect("a bundle");
        assert_eq!(keyless, ClaimedBundle { key_hint: None, has_certificate: true, predicate_type: None });
        for none in [
            "{}",
            "[]",
            "",
            r#"{"verificationMaterial":{},"dsseEnvelope":{"payload":"?"}}"#,
            r#"{"verificationMaterial":{},"dsseEnvelope":{"payload":"e30="}}"#,
        ] {
            assert_eq!(look(none).expect_err(none).reason(), Reason::AttestationInvalid, "{none}");
        }
    }
}
