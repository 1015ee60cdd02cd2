//! Proofs beyond a key: what an operator requires of an artifact, and whether what refers to it shows that.

mod offered;
mod rule;
mod tagged;

pub(crate) use rule::{AskedAbout, AtHand, as_evidence};
pub use rule::{ProofKind, ProofRule, ProvedBy, RequiredProof, ShownProof};
pub(crate) use tagged::{TagKind, tag_of};
