//! `Envelope`: a statement about keys or about an artifact, and who has signed it.
//!
//! The form is that of DSSE v1 (github.com/secure-systems-lab/dsse: `protocol.md`, `envelope.md`), so that tools of
//! others can verify what stands in it. What is signed is the payload with its type, byte by byte as it stands here;
//! nobody gets at the payload for believing it but by [`Envelope::open`], which verifies first, and what it gives are
//! the very bytes that were verified.

mod payload_type;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};

pub use self::payload_type::PayloadType;
use self::wire::{MAX_ENVELOPE_SIGNATURES, Parts, invalid};
use crate::key::{Fingerprint, PublicKey};
use crate::signer::{KeyHolder, sign_message};

/// A statement that somebody has signed, whoever that is.
pub struct Envelope(Parts);

/// A statement whose signatures hold.
#[derive(Debug)]
pub struct Opened<'a> {
    payload: &'a [u8],
    signers: BTreeSet<Fingerprint>,
}

impl Opened<'_> {
    /// What the signers say.
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// The keys of those that were asked about which have signed it, each once however often it signed.
    pub fn signers(&self) -> &BTreeSet<Fingerprint> {
        &self.signers
    }
}

impl Envelope {
    /// Has a statement signed by each of the signers.
    ///
    /// # Errors
    /// `usage` for no signer, for too many, and for one that is named twice; `statement_invalid` for a payload that is
    /// larger than any; as [`sign_message`].
    pub fn sign(payload_type: PayloadType, payload: Vec<u8>, signers: &[&dyn KeyHolder]) -> Result<Self> {
        let unsigned = Self(Parts { payload_type, payload, signatures: Vec::new() });
        if signers.is_empty() {
            return Err(Fault::new(Reason::Usage, "nobody signs the statement")
                .expected("a private key at least", "none")
                .hint("name who signs: `--private-key KEY`"));
        }
        signers.iter().try_fold(unsigned, |envelope, signer| envelope.signed_by(*signer))
    }

    /// Has it signed by one more.
    ///
    /// # Errors
    /// `usage` for a signer that has signed it, and beyond 16 signatures; as [`Envelope::sign`].
    pub fn signed_by(mut self, signer: &dyn KeyHolder) -> Result<Self> {
        let key = signer.public_key().fingerprint();
        if self.0.signatures.iter().any(|(signed, _)| *signed == key) {
            return Err(Fault::new(Reason::Usage, "a key signs a statement once")
                .expected("keys that have not signed it", key.to_string())
                .hint("leave that key out: one more signature of it would say nothing more"));
        }
        if self.0.signatures.len() >= MAX_ENVELOPE_SIGNATURES {
            return Err(Fault::new(Reason::Usage, "more keys sign the statement than one is read with")
                .expected(format!("at most {MAX_ENVELOPE_SIGNATURES} signatures"), "one more"));
        }
        let signature = sign_message(signer, &self.message())?;
        self.0.signatures.push((key, signature));
        let max_bytes = self.0.payload_type.max_envelope_bytes();
        match self.to_json().len() as u64 > max_bytes {
            false => Ok(self),
            true => Err(invalid("it would be larger than any").expected(format!("at most {max_bytes} bytes"), "more")),
        }
    }

    /// Reads the content of a file. Nothing of the payload is looked at, and no signature.
    ///
    /// # Errors
    /// `statement_invalid` for what is no envelope of DSSE v1 as [`Envelope::to_json`] writes it, in whatever layout of
    /// the JSON; for more than [`PayloadType::max_envelope_bytes`] or 16 signatures; and for one that says something
    /// else than was asked for.
    pub fn read(content: &[u8], wanted: PayloadType) -> Result<Self> {
        let parts = wire::read(content, wanted.max_envelope_bytes())?;
        match parts.payload_type == wanted {
            true => Ok(Self(parts)),
            false => {
                Err(Fault::new(Reason::StatementInvalid, format!("what was signed is not {}", wanted.described()))
                    .expected(wanted.as_str(), parts.payload_type.as_str()))
            }
        }
    }

    /// The one that stands in another document, with one signature by the key that is named beside it. As
    /// [`Envelope::read`], but for the size, which is that document's.
    pub(crate) fn of_one(kind: PayloadType, payload: &str, key: Fingerprint, sig: &str) -> Result<Self> {
        wire::of_one(kind, payload, (key, sig)).map(Self)
    }

    /// The payload and the signatures as they stand in another document.
    pub(crate) fn encoded(&self) -> (String, Vec<String>) {
        wire::encoded(&self.0)
    }

    /// The content of the file: one line.
    pub fn to_json(&self) -> String {
        wire::written(&self.0)
    }

    /// What it says it is.
    pub fn payload_type(&self) -> PayloadType {
        self.0.payload_type
    }

    /// Who is said to have signed it. Anybody can write that.
    pub fn named_signers(&self) -> BTreeSet<Fingerprint> {
        self.0.signatures.iter().map(|(key, _)| *key).collect()
    }

    /// The payload as anybody could have written it, for those who show it, or sign it as well once they have compared
    /// it with what they mean to say. Whoever is going to believe it calls [`Envelope::open`].
    pub fn unverified_payload(&self) -> &[u8] {
        &self.0.payload
    }

    /// Verifies the signatures of those keys, whatever they may sign: that is judged by whoever holds the keyring.
    ///
    /// A signature by a key that is not one of them says nothing here. One that names a key of them and is not that
    /// key's refuses the whole, as in `plugin.sig.d`: then the payload was changed after it was signed.
    ///
    /// # Errors
    /// `signature_invalid` for such a one; `untrusted_key` when none of the keys has signed it.
    pub fn open<'k>(&self, keys: impl IntoIterator<Item = &'k PublicKey>) -> Result<Opened<'_>> {
        let keys: BTreeMap<Fingerprint, &PublicKey> = keys.into_iter().map(|key| (key.fingerprint(), key)).collect();
        let (message, mut signers) = (self.message(), BTreeSet::new());
        for (named, signature) in &self.0.signatures {
            let Some(key) = keys.get(named) else { continue };
            if !key.verifies(&message, signature) {
                return Err(self.changed(*named));
            }
            signers.insert(*named);
        }
        match signers.is_empty() {
            false => Ok(Opened { payload: &self.0.payload, signers }),
            true => Err(self.unknown()),
        }
    }

    fn message(&self) -> Vec<u8> {
        self.0.payload_type.message(&self.0.payload)
    }

    fn changed(&self, named: Fingerprint) -> Fault {
        let what = self.0.payload_type.described();
        Fault::new(Reason::SignatureInvalid, format!("{what} is not what {named} has signed"))
            .expected(format!("a signature by {named} over it"), "one over something else, or by another key")
            .hint("ask whoever made it for the file again; it was changed on its way, or was never signed by that key")
    }

    fn unknown(&self) -> Fault {
        let named: Vec<String> = self.named_signers().iter().map(ToString::to_string).collect();
        let what = self.0.payload_type.described();
        Fault::new(Reason::UntrustedKey, format!("nobody that is known here has signed {what}"))
            .expected("a signature by a key of the trusted keys directory", named.join(", "))
            .hint("compare the fingerprint with those of `aisoc keys list`; whoever is not listed there vouches for nothing here")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, signers) = (self.0.payload.len(), self.named_signers());
        write!(f, "Envelope({}, {bytes} bytes, {signers:?})", self.0.payload_type)
    }
}
