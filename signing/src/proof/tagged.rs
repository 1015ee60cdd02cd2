//! `TaggedSignature`: what cosign attached before it had bundles. It is found by a tag that is made of the artifact's
//! digest, each signature a layer of what stands there, and what belongs to it in the layer's annotations
//! (github.com/sigstore/cosign, `specs/SIGNATURE_SPEC.md`, `specs/ATTESTATION_SPEC.md`).
//!
//! It is judged as the bundle that has the same content, so there is one judge; and what it signs is read behind that.

use std::collections::BTreeMap;

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::text::shown;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::bundle::{Bundle, MAX_BUNDLE_BYTES};
use super::key::{Logged, ProofKey, verify_bundle_by_key};
use super::refusal::{malformed, refused};
use super::signing_payload::{SimpleSigning, is_bounded};
use super::verify::{Proven, Subject};

/// A layer whose content is signed.
pub const SIMPLE_SIGNING_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// A layer that is a signed statement.
pub const DSSE_MEDIA_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// Where the signature of a layer is, in base64.
pub const COSIGN_SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The certificate of whoever signed without a key.
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// What a log has said of the signature.
const LOG: &str = "dev.sigstore.cosign/bundle";

/// The first version of bundles, in which a log's promise is enough: there was nothing else when these were made.
const WITH_PROMISE: &str = "application/vnd.dev.sigstore.bundle+json;version=0.1";
const WITHOUT_LOG: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A layer under such a tag.
#[derive(Debug, Clone, Copy)]
pub struct TaggedLayer<'a> {
    /// What it says that it is.
    pub media_type: &'a str,
    /// What stands beside it in the manifest.
    pub annotations: &'a BTreeMap<String, String>,
    /// Its bytes.
    pub content: &'a [u8],
}

/// A signature or a statement under such a tag, of which nothing is judged yet.
#[derive(Debug)]
pub struct TaggedSignature {
    place: String,
    form: Form,
    log: Option<Promised>,
}

#[derive(Debug)]
enum Form {
    /// The payload and the signature over it.
    Payload { content: Vec<u8>, signature: String },
    /// The envelope of a statement.
    Envelope(Envelope),
}

/// An envelope of DSSE v1, of which nothing stands beside what is known.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Envelope {
    payload_type: String,
    payload: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeSignature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// What a log has signed of an entry, as cosign keeps it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promised {
    #[serde(rename = "SignedEntryTimestamp")]
    promise: String,
    #[serde(rename = "Payload")]
    entry: PromisedEntry,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PromisedEntry {
    body: String,
    integrated_time: u64,
    log_index: u64,
    #[serde(rename = "logID")]
    log_id: String,
}

/// What the body of an entry says that it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryKind {
    kind: String,
    api_version: String,
}

impl TaggedSignature {
    /// Reads a layer. `place` is how it is called where it is refused.
    ///
    /// # Errors
    /// `proof_malformed` for what is neither a signature nor a statement, or is larger than one may be;
    /// `proof_unsupported` for what was signed by a certificate.
    pub fn read(place: &str, layer: &TaggedLayer<'_>) -> Result<Self> {
        let noted = |name: &str| layer.annotations.get(name).map(String::as_str).filter(|text| !text.is_empty());
        if noted(CERTIFICATE).is_some() {
            let what =
                "it was signed by a certificate, in the form that cosign had before bundles, which is not judged here";
            return Err(refused(Reason::ProofUnsupported, place, what)
                .expected("a bundle of sigstore, or a signature by a key", "a certificate in an annotation")
                .hint("have it signed again by a cosign that writes bundles: 2.6 with `--new-bundle-format`, or 3"));
        }
        let form = match layer.media_type {
            SIMPLE_SIGNING_MEDIA_TYPE => {
                is_bounded(place, layer.content.len() as u64)?;
                let signature = noted(COSIGN_SIGNATURE)
                    .ok_or_else(|| malformed(place, format!("it has no annotation `{COSIGN_SIGNATURE}`")))?;
                Form::Payload { content: layer.content.to_vec(), signature: signature.to_owned() }
            }
            DSSE_MEDIA_TYPE => Form::Envelope(envelope(place, layer.content)?),
            other => {
                return Err(malformed(place, "it is neither a signature nor a statement of cosign")
                    .expected(format!("`{SIMPLE_SIGNING_MEDIA_TYPE}` or `{DSSE_MEDIA_TYPE}`"), shown(other, 120)));
            }
        };
        let log = noted(LOG).map(|text| promised(place, text)).transpose()?;
        Ok(Self { place: place.to_owned(), form, log })
    }

    /// What its statement is of, as its author says; none of a signature.
    pub fn predicate_type(&self) -> Option<String> {
        self.bundle(None).ok().and_then(|bundle| bundle.predicate_type())
    }

    /// The bundle of the same content.
    fn bundle(&self, log: Option<&Promised>) -> Result<Bundle> {
        let mut material = json!({"publicKey": {"hint": ""}});
        if let Some(log) = log {
            material["tlogEntries"] = json!([log.entry(&self.place)?]);
        }
        let (name, content) = match &self.form {
            Form::Payload { content, signature } => {
                let digest = json!({"algorithm": "SHA2_256", "digest": STANDARD.encode(Sha256::digest(content))});
                ("messageSignature", json!({"messageDigest": digest, "signature": signature}))
            }
            Form::Envelope(envelope) => ("dsseEnvelope", json!(envelope)),
        };
        let media_type = if log.is_some() { WITH_PROMISE } else { WITHOUT_LOG };
        let bundle = json!({"mediaType": media_type, "verificationMaterial": material, name: content});
        Bundle::read(&self.place, bundle.to_string().as_bytes())
    }
}

fn envelope(place: &str, content: &[u8]) -> Result<Envelope> {
    let unread = |error: serde_json::Error| malformed(place, format!("its envelope cannot be read: {error}"));
    if content.len() as u64 > MAX_BUNDLE_BYTES {
        return Err(malformed(place, "it is larger than any")
            .expected(format!("at most {MAX_BUNDLE_BYTES} bytes"), format!("{} bytes", content.len())));
    }
    serde_json::from_slice(content).map_err(unread)
}

fn promised(place: &str, text: &str) -> Result<Promised> {
    let unread = |error: serde_json::Error| malformed(place, format!("what its log says cannot be read: {error}"));
    serde_json::from_str(text).map_err(unread)
}

impl Promised {
    /// As a bundle has it.
    fn entry(&self, place: &str) -> Result<Value> {
        let unread = || malformed(place, "the entry of its log cannot be read");
        let entry = &self.entry;
        let body = STANDARD.decode(&entry.body).map_err(|_| unread())?;
        let kind: EntryKind = serde_json::from_slice(&body).map_err(|_| unread())?;
        let digits = entry.log_id.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).ok());
        let id: Option<Vec<u8>> = digits.map(|two| u8::from_str_radix(two?, 16).ok()).collect();
        Ok(json!({
            "logIndex": entry.log_index.to_string(),
            "logId": {"keyId": STANDARD.encode(id.ok_or_else(unread)?)},
            "kindVersion": {"kind": kind.kind, "version": kind.api_version},
            "integratedTime": entry.integrated_time.to_string(),
            "inclusionPromise": {"signedEntryTimestamp": self.promise},
            "canonicalizedBody": entry.body,
        }))
    }
}

/// Whether what stands under the tag shows that this key has signed the artifact. What a log says of it counts where a log
/// is required, and nothing follows of it where none is.
///
/// # Errors
/// As [`verify_bundle_by_key`]; `proof_malformed` for a payload that is none, or says more than is understood.
pub fn verify_tagged_by_key(
    tagged: &TaggedSignature,
    subject: Subject<'_>,
    key: &ProofKey,
    logged: Logged<'_>,
) -> Result<Proven> {
    let log = match logged {
        Logged::Required(_) => tagged.log.as_ref(),
        Logged::NotRequired => None,
    };
    let bundle = tagged.bundle(log)?;
    let Form::Payload { content, .. } = &tagged.form else {
        return verify_bundle_by_key(&bundle, subject, key, logged);
    };
    let proven = verify_bundle_by_key(&bundle, Subject::Content(content), key, logged)?;
    SimpleSigning::read(&tagged.place, content)?.require(&tagged.place, &subject.sha256())?;
    Ok(proven)
}
