//! `Given`: a command that was given, as hooks see it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::SystemTime;

use aisoc_platform::{CommandView, Error, Invocation};

use crate::guard::let_go;
use crate::policy::Denial;

/// One command that was given.
pub struct Dispatch<'a> {
    /// The command.
    pub command: &'a dyn CommandView,
    /// What was typed behind it.
    pub arguments: Vec<String>,
    /// That it may not be given.
    pub denial: Option<&'a Denial>,
    /// When it was given.
    pub started: SystemTime,
}

/// A command that was given, and what it has come to so far.
pub(super) struct Given<'a> {
    of: Dispatch<'a>,
    outcome: Outcome,
}

/// What a command, or what stands around it, has failed of.
#[derive(Clone, Default)]
pub(super) struct Outcome(Rc<RefCell<Option<Error>>>);

impl Outcome {
    pub(super) fn is(&self, error: Option<&Error>) {
        let before = self.0.replace(error.cloned());
        let_go(before);
    }
}

impl<'a> Given<'a> {
    pub(super) fn new(of: Dispatch<'a>) -> Self {
        Self { of, outcome: Outcome::default() }
    }

    /// Where it is put down as soon as it is known.
    pub(super) fn outcome(&self) -> Outcome {
        self.outcome.clone()
    }
}

impl Invocation for Given<'_> {
    fn cmd(&self) -> &dyn CommandView {
        self.of.command
    }

    fn args(&self) -> Vec<String> {
        self.of.arguments.clone()
    }

    fn started(&self) -> SystemTime {
        self.of.started
    }

    fn err(&self) -> Option<Error> {
        self.outcome.0.borrow().clone()
    }

    fn denied_by_policy(&self) -> bool {
        self.of.denial.is_some()
    }

    fn denial_layer(&self) -> &str {
        self.of.denial.map_or("", |denial| denial.layer.as_str())
    }

    fn denial_policy_source(&self) -> &str {
        self.of.denial.map_or("", |denial| &denial.policy_source)
    }
}
