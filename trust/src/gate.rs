//! The gate: the one place where a verdict becomes a decision.

use std::path::Path;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Claim, Fingerprint, KeyId, Outcome, SIGNATURE_FILE, Verified};

use crate::danger;
use crate::mode::{MalformedSignature, Policy, SignatureStatus, TrustMode};

/// Evidence that a tree may be activated. Made by [`admit`] only; used once.
#[derive(Debug)]
#[must_use = "an admission that is not used lets nothing in"]
pub struct Admitted {
    subject: Digest,
    status: SignatureStatus,
    verified: Option<Verified>,
    objection: Option<Fault>,
}

impl Admitted {
    pub(crate) fn unverified(subject: Digest, status: SignatureStatus, objection: Option<Fault>) -> Self {
        Self { subject, status, verified: None, objection }
    }

    /// The tree that was admitted.
    pub fn subject(&self) -> Digest {
        self.subject
    }

    /// The word for it in listings.
    pub fn status(&self) -> SignatureStatus {
        self.status
    }

    /// The key that verified it, if one did.
    pub fn key_id(&self) -> Option<&KeyId> {
        self.verified.as_ref().map(Verified::key_id)
    }

    /// That key by content, if one did.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.verified.as_ref().map(Verified::fingerprint)
    }

    /// The canonical digest that was verified, if it was.
    pub fn digest(&self) -> Option<Digest> {
        self.verified.as_ref().map(Verified::digest)
    }

    /// What strict mode would have refused it for: to be shown wherever the plugin is shown.
    pub fn objection(&self) -> Option<&Fault> {
        self.objection.as_ref()
    }
}

/// Decides whether the claimed tree may be activated.
///
/// `verify` is called at most once, and not at all in mode `disabled`, which reads nothing.
///
/// # Errors
/// In mode `strict`, whatever is not verified: `unsigned`, `signature_malformed`, `no_trusted_keys`,
/// `signature_invalid`. In every mode that verifies, the errors of `verify`.
pub fn admit(policy: &Policy, claim: &Claim, verify: impl FnOnce(&Claim) -> Result<Outcome>) -> Result<Admitted> {
    let subject = claim.subject();
    if policy.mode == TrustMode::Disabled {
        return Ok(danger::admit_unread(subject));
    }
    let (status, objection) = match verify(claim)? {
        Outcome::Verified(verified) => return admit_verified(subject, verified),
        Outcome::Unsigned => (SignatureStatus::Unsigned, unsigned()),
        Outcome::Malformed(fault) if policy.malformed == MalformedSignature::Refused => return Err(fault),
        Outcome::Malformed(fault) => (SignatureStatus::Invalid, fault),
        Outcome::NoTrustedKeys { directory, skipped } => {
            (SignatureStatus::Invalid, no_trusted_keys(&directory, &skipped))
        }
        Outcome::Untrusted { digest, tried } => (SignatureStatus::Invalid, untrusted(digest, &tried)),
    };
    match policy.mode {
        TrustMode::Strict | TrustMode::Disabled => Err(objection),
        TrustMode::Warn => Ok(danger::admit_despite(subject, status, objection)),
    }
}

fn admit_verified(subject: Digest, verified: Verified) -> Result<Admitted> {
    if verified.subject() != subject {
        return Err(Fault::new(Reason::Internal, "the verdict is about another tree")
            .expected(subject.to_string(), verified.subject().to_string()));
    }
    Ok(Admitted { subject, status: SignatureStatus::Verified, verified: Some(verified), objection: None })
}

fn unsigned() -> Fault {
    Fault::new(Reason::Unsigned, format!("the plugin has no `{SIGNATURE_FILE}`"))
}

fn no_trusted_keys(directory: &Path, skipped: &[String]) -> Fault {
    let message = format!("there is no key in `{}` to verify the signature with", directory.display());
    let fault = Fault::new(Reason::NoTrustedKeys, message);
    if skipped.is_empty() { fault } else { fault.caused_by(format!("skipped {}", skipped.join("; "))) }
}

fn untrusted(digest: Digest, tried: &[KeyId]) -> Fault {
    let names: Vec<&str> = tried.iter().map(KeyId::as_str).collect();
    Fault::new(
        Reason::SignatureInvalid,
        format!("no trusted key signed this content, whose digest is {}", digest.hex()),
    )
    .expected(
        format!("a signature by one of {}", names.join(", ")),
        "a signature by nobody of them, or over other content",
    )
}
