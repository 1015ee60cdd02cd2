//! `Problem`: one thing to change in a manifest, and how; a refusal among others of its kind.

use crate::fault::{Fault, Location, Reason};
use crate::position::Position;

/// One thing to change in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The reason code.
    pub reason: Reason,
    /// Where it is.
    pub location: Location,
    /// What is wrong, in one clause.
    pub message: String,
    /// How to write it instead.
    pub instead: Option<String>,
}

impl Problem {
    /// Whether two rules have found the same; they may advise differently.
    pub fn is_same_as(&self, other: &Self) -> bool {
        (self.reason, &self.location, &self.message) == (other.reason, &other.location, &other.message)
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        let location = fault.location().cloned().unwrap_or_else(|| Location::new("", Position::START));
        // What stops the reader says in its message what to do; its remedy would be to run this check.
        let has_own_hint = fault.next_step() != Reason::ManifestInvalid.remedy();
        let instead = has_own_hint.then(|| fault.next_step().to_owned());
        Self { reason: fault.reason(), location, message: fault.message().to_owned(), instead }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let fault = Self::new(problem.reason, problem.message).at(problem.location);
        match problem.instead {
            Some(instead) => fault.hint(instead),
            None => fault,
        }
    }
}
