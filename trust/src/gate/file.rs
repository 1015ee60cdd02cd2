//! What a site makes of the signature over a single file: a drop-in obeys the gates of everything else, in production.

use std::path::Path;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{FileOutcome, KeyId, Signer};

use super::found::FoundSignature;
use crate::continuity::known;
use crate::mode::{SignatureStatus, TrustMode};
use crate::plugin_mode::PluginMode;
use crate::policy::Policy;
use crate::publisher::TrustDecision;
use crate::refusal;

/// What is said of a file, and what it is worth.
#[derive(Debug, Clone)]
pub struct FileVerdict {
    /// The status word.
    pub status: SignatureStatus,
    /// Who has signed it, where a key that counts has.
    pub signer: Option<Signer>,
    /// Why it was let in, where one that counts has.
    pub decision: Option<TrustDecision>,
    /// What production would refuse it for, in mode `strict`.
    pub objection: Option<Fault>,
    /// What gate 5 says.
    pub said: FoundSignature,
}

impl FileVerdict {
    /// The same, which something else refuses as well. What it was refused for before is said first.
    #[must_use]
    pub fn and_refused(mut self, fault: Fault) -> Self {
        if !matches!(self.said, FoundSignature::Refused(_)) {
            self.objection = Some(fault.clone());
            self.said = FoundSignature::Refused(fault);
        }
        self
    }
}

/// Judges the file in that place by what is known of the signature over it; `prove` is not asked in mode `disabled`.
///
/// In dev a host loads it whoever has made it, and what there is to say is said. In production the trust mode decides, as
/// of everything else, and so do the lists of publishers and the number of signers, of which a file has one.
pub fn judge_file(policy: &Policy, mode: PluginMode, place: &Path, prove: impl FnOnce() -> FileOutcome) -> FileVerdict {
    if policy.mode == TrustMode::Disabled {
        let said = match mode == PluginMode::Dev || policy.is_unsigned_acknowledged {
            true => FoundSignature::Passes("nobody has looked: trust mode disabled".to_owned()),
            false => FoundSignature::Refused(refusal::not_acknowledged()),
        };
        return FileVerdict { status: SignatureStatus::Skipped, signer: None, decision: None, objection: None, said };
    }
    let outcome = prove();
    let status = match &outcome {
        FileOutcome::Verified(_) => SignatureStatus::Verified,
        FileOutcome::Unsigned => SignatureStatus::Unsigned,
        _ => SignatureStatus::Invalid,
    };
    let (objection, signer) = match outcome {
        FileOutcome::Verified(signer) => (shortfall(policy, &signer), Some(signer)),
        other => (Some(objection(&other, place)), None),
    };
    let said = match (objection.clone(), &signer) {
        (None, signer) => {
            let by = signer.as_ref().map(|signer| signer.key_id.to_string()).unwrap_or_default();
            FoundSignature::Passes(format!("signed by key {by}"))
        }
        (Some(objection), _) if mode == PluginMode::Dev => {
            FoundSignature::Passes(format!("{}, which dev lets pass: {objection}", objection.reason()))
        }
        // Who sets a list means nobody else, in every mode that verifies.
        (Some(objection), _) if policy.mode == TrustMode::Warn && !policy.publishers.are_limited() => {
            FoundSignature::Passes(format!("{}, which trust mode warn lets pass: {objection}", objection.reason()))
        }
        (Some(objection), _) => FoundSignature::Refused(objection),
    };
    let decision = signer.as_ref().and_then(|signer| policy.decision_on(&known(std::slice::from_ref(signer))));
    FileVerdict { status, signer, decision, objection, said }
}

/// What the policy misses although a key has signed it.
fn shortfall(policy: &Policy, signer: &Signer) -> Option<Fault> {
    let required = policy.required_signers.get();
    if required > 1 {
        let fault = Fault::new(Reason::SignersTooFew, "a drop-in is signed by one key, and more are required");
        return Some(fault.expected(format!("{required} signers"), "one"));
    }
    let signers = std::slice::from_ref(signer);
    policy.unlisted(&known(signers))
}

fn objection(outcome: &FileOutcome, place: &Path) -> Fault {
    let hint = |fault: Fault| {
        fault.hint(format!(
            "read it, then have somebody sign it whose key may: `aisoc plugin sign {} --private-key KEY`",
            shell_word(place)
        ))
    };
    match outcome {
        FileOutcome::Malformed(fault) if fault.reason() == Reason::SignatureMalformed => hint(fault.clone()),
        FileOutcome::Malformed(fault) => fault.clone(),
        FileOutcome::NoTrustedKeys { directory, skipped } => refusal::no_trusted_keys(directory, skipped),
        FileOutcome::NotCounted { key_id, standing } => refusal::file_not_counted(key_id, standing),
        FileOutcome::Untrusted { tried } => {
            let names: Vec<&str> = tried.iter().map(KeyId::as_str).collect();
            hint(
                Fault::new(Reason::SignatureInvalid, "no trusted key has signed these bytes").expected(
                    format!("a signature by {}", names.join(", ")),
                    "one by nobody of them, or over other bytes",
                ),
            )
        }
        FileOutcome::Unsigned | FileOutcome::Verified(_) => {
            hint(Fault::new(Reason::Unsigned, "there is no signature beside the file"))
        }
    }
}
