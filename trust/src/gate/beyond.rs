//! Proofs beyond a key: what came of those that were required, as evidence for the gate.

use aisoc_manifests::fault::{Fault, Result};

/// What came of every proof that was required. None where none is.
#[derive(Debug, Default)]
pub struct Proofs(pub Vec<RequiredShown>);

/// A proof that was required.
#[derive(Debug)]
pub struct RequiredShown {
    /// What is asked, as a trace names it.
    pub name: &'static str,
    /// Who has shown it, or why nobody has.
    pub outcome: Result<String, Fault>,
}
