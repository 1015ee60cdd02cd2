#![doc = include_str!("../README.md")]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod continuity;
mod danger;
pub mod drift;
mod facts;
mod gate;
pub mod journal;
pub mod keys;
mod lock_facts;
pub mod lockfile;
mod mode;
mod plugin_mode;
mod policy;
mod publisher;
mod refusal;
pub mod rotation;
mod rules;
mod state_directory;
mod state_lock;
mod verdict;

pub use continuity::{KnownSigner, SignedBy};
pub use facts::{CapabilityConsent, Consent, Errand, Facts, InPlace, UnderLock};
pub use gate::{
    Admitted, Answered, Asking, Decision, Examined, FileVerdict, FoundPlugin, FoundSignature, NUMBERED, Proofs,
    RequiredShown, Step, Trace, Traces, admit, examine, foresee, judge_file, observe,
};
pub use lock_facts::{CameIn, LockDemand, LockFacts, LockListed};
pub use mode::{CoverageRule, MalformedSignature, SignatureStatus, TrustMode};
pub use plugin_mode::PluginMode;
pub use policy::Policy;
pub use publisher::{
    OVERRIDE_PUBLISHERS, Publishers, TRUSTED_PUBLISHERS, TrustDecision, UNSIGNED_ACK, UNSIGNED_ACK_TEXT,
};
pub use refusal::{FETCH_AGAIN, changed_after_signing, lock_missing, no_trusted_keys, not_acknowledged, not_counted};
pub use rules::{
    KeyDemand, MAX_RULE_PROOFS, MAX_RULES, MAX_TRUST_CASES, MAX_TRUST_CASES_BYTES, MAX_TRUST_POLICY_BYTES, ProofDemand,
    ProofKind, ProvedBy, TrustCase, TrustRule, TrustRules, first_shown, read_proof_key, read_trusted_root,
    trusted_root_file,
};
pub use state_directory::{OPEN_DIRECTORY, changeable, own_directory, require_secure};
pub use state_lock::{LOCK, Patience, StateLock};
pub use verdict::Verdict;
