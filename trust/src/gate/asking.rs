//! `Asking`: the gates as they are asked one after the other of a plugin that is found, by whoever lists what is here.
//!
//! A plugin in a directory is judged whole by [`observe`](super::observe), and its verdict is gate 5 here. What is found
//! elsewhere has no tree: each gate is told what was read of it. The first objection refuses; the other gates are asked
//! all the same where that costs nothing, so that whoever explains sees what they say.

use std::collections::BTreeSet;

use aisoc_manifests::fault::Fault;
use aisoc_signing::Coverage;

use super::found::{FoundPlugin, FoundSignature};
use super::order::{ContractCase, DeclaredCase, FoundCase, LockCase, NameCase, SignatureCase};
use super::trace::{Trace, Traces};
use crate::lock_facts::LockFacts;
use crate::policy::Policy;

/// What was asked so far, and the first objection.
#[derive(Debug, Default)]
pub struct Asking {
    trace: Trace,
    refusal: Option<Fault>,
}

impl Asking {
    /// Asks gates 1 to 3a.
    pub fn found(plugin: &FoundPlugin<'_>, traces: Traces) -> Self {
        let mut asking = Self { trace: Trace::of(traces), refusal: None };
        let refusal = FoundCase { plugin }.ask(&mut asking.trace);
        asking.note(refusal);
        asking
    }

    /// What was refused where it was looked for: it is no plugin, or one that another has the id of.
    pub fn failed(fault: &Fault) -> Self {
        let mut asking = Self::default();
        let refusal = FoundCase::fail(fault, &mut asking.trace);
        asking.note(Some(refusal));
        asking
    }

    /// Asks gate 5.
    pub fn signature(&mut self, signature: &FoundSignature) {
        let refusal = SignatureCase { signature }.ask(&mut self.trace);
        self.note(refusal);
    }

    /// Asks gate 7. Asked again, once more is known of the plugin, the last answer counts.
    pub fn lock(&mut self, lock: &LockFacts, coverage: Option<Coverage>) {
        let refusal = LockCase { lock: Some(lock), coverage, signed_by: Vec::new() }.ask(&mut self.trace);
        self.note(refusal);
    }

    /// Asks gate 8: `other` has the id already.
    pub fn name(&mut self, other: Option<&Fault>) {
        let refusal = NameCase { other }.ask(&mut self.trace);
        self.note(refusal);
    }

    /// Asks gate 3b: why the plugin does not keep its contract, if it does not.
    pub fn contract(&mut self, broken: Option<&Fault>) {
        let refusal = ContractCase { broken }.ask(&mut self.trace);
        self.note(refusal);
    }

    /// Asks gate 4 of what says in its code what it asks for, once that was run. `accepted` is what plugins.lock accepts of
    /// it, where it says.
    pub fn declared(&mut self, grants: &BTreeSet<String>, policy: &Policy, accepted: Option<&BTreeSet<String>>) {
        let refusal = DeclaredCase { grants, policy, accepted }.ask(&mut self.trace);
        self.note(refusal);
    }

    /// The first objection.
    pub fn refusal(&self) -> Option<&Fault> {
        self.refusal.as_ref()
    }

    /// What every gate said, where that is [kept](Traces).
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    fn note(&mut self, refusal: Option<Fault>) {
        if self.refusal.is_none() {
            self.refusal = refusal;
        }
    }
}
