//! Proofs beyond a key: what an operator requires of an artifact, and whether what refers to it shows that.

mod offered;
mod rule;

pub(crate) use rule::as_evidence;
pub use rule::{ProofKind, ProofRule, ProvedBy, RequiredProof, ShownProof};
