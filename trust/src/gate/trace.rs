//! `Trace`: what every gate said, in the order in which they were asked. It is made while they are asked, so
//! that an explanation cannot know another order than the decision.

use aisoc_manifests::fault::{Fault, Reason};

/// The last question about what a signature proves: whether a key that counts has signed these bytes.
pub(super) const FILES_AS_SIGNED: &str = "files as signed";

/// What one gate said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The gate that it is a part of, by the number that the manual has for it.
    pub number: &'static str,
    /// What is asked.
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

/// Whether somebody is to read what the gates said. Of ten thousand plugins nobody does, and it would take most of the
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Traces {
    /// Each step is written down.
    #[default]
    Kept,
    /// The first objection alone.
    Dropped,
}

/// All steps, in order.
#[derive(Debug, Default)]
pub struct Trace {
    steps: Vec<Step>,
    traces: Traces,
}

impl Trace {
    /// The steps, in the order of the gates.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether a key that counts has signed what was judged, whatever else was objected to.
    pub fn is_proved(&self) -> bool {
        let proof = |step: &&Step| step.name == FILES_AS_SIGNED;
        self.steps.iter().find(proof).is_some_and(|step| step.answered == Answered::Passed)
    }

    /// Whether a gate has objected for that reason.
    pub fn has_objected(&self, reason: Reason) -> bool {
        self.steps.iter().any(|step| step.reason == Some(reason))
    }

    /// One that is written as `traces` says.
    pub(super) fn of(traces: Traces) -> Self {
        Self { steps: Vec::new(), traces }
    }

    /// Puts behind it what was asked before.
    pub(super) fn extend(&mut self, other: Self) {
        self.steps.extend(other.steps);
    }

    /// Forgets what a gate said: it is asked again.
    pub(super) fn forget(&mut self, number: &str) {
        self.steps.retain(|step| step.number != number);
    }

    pub(super) fn passed(&mut self, question: Question, evidence: String) {
        self.add(question, Answered::Passed, evidence, None);
    }

    pub(super) fn failed(&mut self, question: Question, objection: &Fault) {
        self.add(question, Answered::Failed, objection.message().to_owned(), Some(objection));
    }

    pub(super) fn not_reached(&mut self, question: Question, why: &str) {
        self.add(question, Answered::NotReached, why.to_owned(), None);
    }

    fn add(&mut self, question: Question, answered: Answered, evidence: String, objection: Option<&Fault>) {
        if self.traces == Traces::Dropped {
            return;
        }
        let Question { number, name } = question;
        let reason = objection.map(Fault::reason);
        let remedy = objection.map(|objection| objection.next_step().to_owned());
        self.steps.push(Step { number, name, answered, evidence, reason, remedy });
    }
}

/// What a gate asks, and which gate of the manual it is a part of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    pub(super) number: &'static str,
    pub(super) name: &'static str,
}
