//! `Trace`: what every gate said, in the order in which they were asked. It is made while they are asked, so
//! that an explanation cannot know another order than the decision.

use aisoc_manifests::fault::{Fault, Reason};

/// What one gate said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The gate.
    pub name: &'static str,
    /// What came of it.
    pub answered: Answered,
    /// What it went by, in words; nothing when there is nothing to add to its name.
    pub evidence: String,
    /// The reason code of a gate that failed.
    pub reason: Option<Reason>,
    /// What would change its answer, when it failed.
    pub remedy: Option<String>,
}

/// What came of asking a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It lets the claim pass.
    Passed,
    /// It objects.
    Failed,
    /// It was not asked, because of what another has said.
    NotReached,
}

impl Answered {
    /// The answer in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotReached => "not_reached",
        }
    }
}

/// All steps, in order.
#[derive(Debug, Default)]
pub struct Trace(Vec<Step>);

impl Trace {
    /// The steps, in the order of the gates.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    pub(super) fn passed(&mut self, name: &'static str, evidence: String) {
        self.0.push(Step { name, answered: Answered::Passed, evidence, reason: None, remedy: None });
    }

    pub(super) fn failed(&mut self, name: &'static str, objection: &Fault) {
        self.0.push(Step {
            name,
            answered: Answered::Failed,
            evidence: objection.message().to_owned(),
            reason: Some(objection.reason()),
            remedy: Some(objection.next_step().to_owned()),
        });
    }

    pub(super) fn not_reached(&mut self, name: &'static str, why: &str) {
        self.0.push(Step {
            name,
            answered: Answered::NotReached,
            evidence: why.to_owned(),
            reason: None,
            remedy: None,
        });
    }
}
