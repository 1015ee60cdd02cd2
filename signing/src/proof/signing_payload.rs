//! `SimpleSigning`: what a signature of cosign in its first form is over: one JSON document that names the manifest
//! (github.com/containers/image, `docs/containers-signature.5.md`, "JSON data format"; of that only what cosign writes).

use std::collections::BTreeMap;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sigstore_verify::types::Sha256Hash;

use super::refusal::{malformed, refused};
use crate::attestation::Unambiguous;

/// The largest payload. One of cosign has some 300 bytes; what is added for whoever signs is as long as he likes.
pub const MAX_SIMPLE_SIGNING_BYTES: u64 = 64 << 10;

/// What cosign calls it.
const KIND: &str = "cosign container image signature";

/// Whoever does not know a member of `critical` must not take the signature: it may say what it is not for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SimpleSigning {
    critical: Critical,
    /// What its author adds, of which nothing follows here.
    optional: Option<BTreeMap<String, Value>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: ClaimedIdentity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

/// What the signer calls the artifact. It is a text, and compared with nothing: an artifact that was carried elsewhere is
/// called otherwise there, and what was signed is its digest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimedIdentity {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

impl SimpleSigning {
    /// That of a manifest, by the name that it has where it is signed.
    pub(super) fn of(reference: &str, sha256: &Sha256Hash) -> Self {
        let identity = ClaimedIdentity { reference: reference.to_owned() };
        let image = Image { digest: format!("sha256:{}", sha256.to_hex()) };
        Self { critical: Critical { identity, image, kind: KIND.to_owned() }, optional: None }
    }

    /// As it is signed.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }

    /// Reads a payload that somebody has signed.
    pub(super) fn read(place: &str, content: &[u8]) -> Result<Self> {
        let unread = |error: serde_json::Error| malformed(place, format!("what it signs cannot be read: {error}"));
        is_bounded(place, content.len() as u64)?;
        serde_json::from_slice::<Unambiguous>(content).map_err(unread)?;
        let payload: Self = serde_json::from_slice(content).map_err(unread)?;
        match payload.critical.kind == KIND {
            true => Ok(payload),
            false => {
                Err(malformed(place, "what it signs is of another kind")
                    .expected(KIND, shown(&payload.critical.kind, 120)))
            }
        }
    }

    /// Refuses one that is of something else.
    pub(super) fn require(&self, place: &str, sha256: &Sha256Hash) -> Result<()> {
        let wanted = format!("sha256:{}", sha256.to_hex());
        match self.critical.image.digest == wanted {
            true => Ok(()),
            false => Err(refused(Reason::ProofOtherArtifact, place, "what it signs is another artifact")
                .expected(wanted, shown(&self.critical.image.digest, 120))),
        }
    }
}

/// Refuses what is larger than any payload.
pub(super) fn is_bounded(place: &str, bytes: u64) -> Result<()> {
    let too_large = |place| -> Fault { malformed(place, "what it signs is larger than any") };
    match bytes <= MAX_SIMPLE_SIGNING_BYTES {
        true => Ok(()),
        false => {
            Err(too_large(place)
                .expected(format!("at most {MAX_SIMPLE_SIGNING_BYTES} bytes"), format!("{bytes} bytes")))
        }
    }
}
