//! `AttestationBundle`: a signed statement as it stands in a registry, and whether a trusted key vouches for it.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};

use super::predicate_type::PredicateType;
use super::refusal::invalid;
use super::statement::ArtifactStatement;
use crate::envelope::{Envelope, PayloadType};
use crate::key::Fingerprint;
use crate::keyring::{Circumstances, HeldKey, Keyring, Standing};
use crate::signed_by::{EndedSigner, Signer};
use crate::signer::KeyHolder;

/// What is written, and read of a key that its owner manages.
pub const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Largest bundle: its envelope, and a few words around it.
pub const MAX_ATTESTATION_BYTES: u64 = 25 << 20;

/// A bundle of a key that its owner manages: no certificate, no log, no time of others. A member that is not named here
/// is evidence of another kind, for another reader.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    media_type: String,
    verification_material: WrittenMaterial,
    dsse_envelope: WrittenEnvelope,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenMaterial {
    public_key: WrittenKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    hint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

/// Without a name of the key: readers of others pass over a signature whose `keyid` is not what they would call the key
/// themselves, and each calls it otherwise. The hint names it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSignature {
    sig: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
}

/// A statement that one key has signed, whoever that is.
#[derive(Debug)]
pub struct AttestationBundle {
    envelope: Envelope,
    key: Fingerprint,
}

/// What a trusted key says of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// Whose word it is.
    pub signer: Signer,
    /// What was signed.
    pub statement: ArtifactStatement,
}

/// What is known of an attestation whose form is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttestationOutcome {
    /// A trusted key has signed exactly this, and counts for it.
    Verified(Box<Attestation>),
    /// A trusted key has signed it, and is none that counts.
    NotCounted {
        /// The key, and why it does not count.
        signer: EndedSigner,
        /// What it would say.
        predicate_type: PredicateType,
    },
    /// The key that it names is none of the trusted ones.
    Untrusted {
        /// That key. Anybody can write that.
        named: Fingerprint,
    },
}

impl AttestationBundle {
    /// Has a statement signed. With an Ed25519 key the same statement is the same bundle, byte by byte.
    ///
    /// # Errors
    /// As [`Envelope::sign`].
    pub fn sign(statement: &ArtifactStatement, signer: &dyn KeyHolder) -> Result<Self> {
        let envelope = Envelope::sign(PayloadType::Attestation, statement.payload().to_vec(), &[signer])?;
        Ok(Self { envelope, key: signer.public_key().fingerprint() })
    }

    /// Reads a bundle. Nothing of the statement is looked at, and no signature.
    ///
    /// # Errors
    /// `attestation_invalid` for what is no bundle of a managed key that [`AttestationBundle::to_json`] could have
    /// written, in whatever layout of the JSON.
    pub fn read(content: &[u8]) -> Result<Self> {
        if content.len() as u64 > MAX_ATTESTATION_BYTES {
            return Err(invalid("is larger than any")
                .expected(format!("at most {MAX_ATTESTATION_BYTES} bytes"), format!("{} bytes", content.len())));
        }
        let written: Written = serde_json::from_slice(content)
            .map_err(|error| invalid("is no bundle of sigstore for a key of its owner's").caused_by(error))?;
        if written.media_type != BUNDLE_MEDIA_TYPE {
            return Err(
                invalid("is a bundle of another version").expected(BUNDLE_MEDIA_TYPE, shown(&written.media_type, 120))
            );
        }
        let hint = &written.verification_material.public_key.hint;
        let key = hint.parse().map_err(|_: Fault| {
            invalid("has a hint that is no fingerprint of a key")
                .expected("SHA256: and 64 hexadecimal digits in lower case", shown(hint, 120))
        })?;
        Ok(Self { envelope: written.dsse_envelope.read(key)?, key })
    }

    /// The content of the file: one line.
    pub fn to_json(&self) -> String {
        let (payload, sigs) = self.envelope.encoded();
        let signatures = sigs.into_iter().map(|sig| WrittenSignature { sig, keyid: String::new() });
        let written = Written {
            media_type: BUNDLE_MEDIA_TYPE.to_owned(),
            verification_material: WrittenMaterial { public_key: WrittenKey { hint: self.key.to_string() } },
            dsse_envelope: WrittenEnvelope {
                payload,
                payload_type: PayloadType::Attestation.to_string(),
                signatures: signatures.collect(),
            },
        };
        serde_json::to_string(&written).expect("texts are JSON") + "\n"
    }

    /// Verifies it by the trusted keys, as what is said of that artifact, which holds the plugin `plugin` and comes from
    /// where the circumstances say. A key counts for it as it counts for a signature of the plugin.
    ///
    /// # Errors
    /// `signature_invalid` where the key is known and has signed something else; `attestation_invalid` and
    /// `digest_mismatch` as [`ArtifactStatement::read`].
    pub fn verify(
        &self,
        artifact: ArtifactDigest,
        plugin: Option<&str>,
        keyring: &Keyring,
        circumstances: &Circumstances,
    ) -> Result<AttestationOutcome> {
        let held: Vec<&HeldKey> = keyring.all_keys().iter().filter(|key| key.fingerprint == self.key).collect();
        let Some(first) = held.first() else { return Ok(AttestationOutcome::Untrusted { named: self.key }) };
        let opened = self.envelope.open([&first.key])?;
        let statement = ArtifactStatement::read(opened.payload(), artifact)?;
        let standing = |key: &HeldKey| key.standing_for(plugin, circumstances);
        if let Some(key) = held.iter().find(|key| standing(key) == Standing::Current) {
            return Ok(AttestationOutcome::Verified(Box::new(Attestation { signer: Signer::of(key), statement })));
        }
        let (key_id, fingerprint) = (first.id.clone(), first.fingerprint);
        let signer = EndedSigner { key_id, fingerprint, standing: standing(first) };
        Ok(AttestationOutcome::NotCounted { signer, predicate_type: statement.predicate_type().clone() })
    }
}

impl WrittenEnvelope {
    /// The envelope with its one signature, which is by that key or by nobody.
    fn read(&self, key: Fingerprint) -> Result<Envelope> {
        let kind = PayloadType::Attestation;
        if self.payload_type != kind.as_str() {
            return Err(invalid("holds something else").expected(kind.as_str(), shown(&self.payload_type, 120)));
        }
        let [WrittenSignature { sig, keyid }] = &self.signatures[..] else {
            return Err(invalid("is not signed once")
                .expected("one signature, as every bundle has", self.signatures.len().to_string()));
        };
        if !keyid.is_empty() {
            return Err(invalid("names its key twice").expected("a hint, and no `keyid`", shown(keyid, 120)));
        }
        let unread = |fault| invalid("holds no envelope that can be read").caused_by(fault);
        Envelope::of_one(kind, &self.payload, key, sig).map_err(unread)
    }
}
