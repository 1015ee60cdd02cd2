//! `CosignSignature`: a signature over an artifact in the two forms that cosign reads: a bundle with a statement, which its
//! third version makes, and a payload with a signature beside it, as all before it.

use aisoc_manifests::fault::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sigstore_verify::types::Sha256Hash;

use super::artifact_signer::ArtifactSigner;
use super::key::IN_TOTO;
use super::signing_payload::SimpleSigning;
use crate::attestation::BUNDLE_MEDIA_TYPE;

/// What the statement says that is the signature: that it was signed, and no more.
pub const COSIGN_PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

/// A signature over one artifact. By a key that signs plugins too, neither message can be taken for the other: that of a plugin
/// has 32 bytes, and these more than 150, of which one begins with `DSSEv1 ` and the other with `{`. The same key signs the same artifact in the same bytes, and no time is in them.
#[derive(Debug)]
pub struct CosignSignature {
    /// The bundle: one line of JSON.
    pub bundle: String,
    /// What is signed in the older form.
    pub payload: String,
    /// The signature over that, in base64.
    pub payload_signature: String,
}

impl CosignSignature {
    /// Signs the artifact whose manifest has that SHA-256. `reference` is what it is called where it is signed, which stands
    /// in the older form; nothing is compared with it here.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn make(reference: &str, sha256: [u8; 32], signer: &ArtifactSigner) -> Result<Self> {
        let sha256 = Sha256Hash::new(sha256);
        let payload = SimpleSigning::of(reference, &sha256).to_json();
        let payload_signature = STANDARD.encode(signer.sign(payload.as_bytes())?);
        Ok(Self { bundle: bundle(&sha256, signer)?, payload, payload_signature })
    }
}

fn bundle(sha256: &Sha256Hash, signer: &ArtifactSigner) -> Result<String> {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": sha256.to_hex()}}],
        "predicateType": COSIGN_PREDICATE_TYPE,
        "predicate": {},
    });
    let payload = statement.to_string();
    let message = format!("DSSEv1 {} {IN_TOTO} {} {payload}", IN_TOTO.len(), payload.len());
    let signature = STANDARD.encode(signer.sign(message.as_bytes())?);
    let bundle = json!({
        "mediaType": BUNDLE_MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": signer.hint()?}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": signature}],
        },
    });
    Ok(format!("{bundle}\n"))
}
