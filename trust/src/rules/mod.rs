//! What a site requires of which plugin, beside what it asks of all: keys by name, and proofs beyond a key. As data, in
//! a file that an operator writes and everybody who judges here reads.

mod cases;
mod demand;
mod file;
mod material;
mod rule;

pub use cases::{MAX_TRUST_CASES, MAX_TRUST_CASES_BYTES, TrustCase};
pub use demand::{ProofDemand, ProofKind, ProvedBy, first_shown};
pub use file::{MAX_RULE_PROOFS, MAX_RULES, MAX_TRUST_POLICY_BYTES};
pub use material::{read_proof_key, read_trusted_root, trusted_root_file};
pub use rule::{KeyDemand, TrustRule, TrustRules};
