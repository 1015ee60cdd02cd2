//! Proofs beyond a key: what came of those that were required, as evidence for the gate.

use aisoc_manifests::fault::{Fault, Result};

use super::Examined;
use super::order::{BeyondCase, all_of};

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

impl Examined {
    /// Asks the gate about proofs beyond a key. No mode overrules it, and no key stands in for one: whoever requires a
    /// proof means that one.
    pub fn with_proofs(mut self, proofs: &Proofs) -> Self {
        let [_, about_proof, _] = &mut self.traces;
        let unproven = BeyondCase { proofs }.ask(about_proof);
        self.unlisted = all_of(self.unlisted.take().into_iter().chain(unproven));
        self
    }
}
