//! What a plugin asks for beyond what was accepted of it: with what is in its place, and by plugins.lock. The narrower
//! of the two counts: an entry that accepts less than what is installed asks for is not passed by.

use std::collections::BTreeSet;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::Fault;

use crate::facts::{CapabilityConsent, Errand, Facts};
use crate::refusal;

/// What is asked for, and was not accepted.
#[derive(Debug)]
pub(super) struct Growth {
    /// Beyond what is in its place; nothing where nothing is replaced, or by the same.
    place: Option<BTreeSet<String>>,
    /// Beyond the entry; nothing where it does not say what it accepts.
    lock: Option<BTreeSet<String>>,
    /// Whether what was accepted of what is in its place is known.
    is_known: bool,
}

/// What follows from it.
pub(super) enum Grown {
    /// It may pass, for that reason.
    Passes(String),
    /// It may not.
    Refused(Fault),
}

impl Growth {
    /// What of the host is asked for beyond what the site knows to be accepted.
    pub(super) fn of(facts: &Facts, subject: TreeDigest, grants: &BTreeSet<String>) -> Self {
        let in_place = facts.replaced(subject).filter(|_| facts.errand == Errand::Arrival);
        let place = in_place.map(|in_place| match &in_place.capabilities {
            Some(before) => grants - before,
            None => grants.clone(),
        });
        let is_known = in_place.is_none_or(|in_place| in_place.capabilities.is_some());
        // What stays where it is was accepted or refused by its content.
        let lock = facts.lock.as_ref().filter(|_| facts.errand != Errand::Stay);
        let lock = lock.and_then(|lock| lock.capabilities()).map(|accepted| grants - &accepted);
        Self { place, lock, is_known }
    }

    /// Whether there is anything to compare with: where nothing can be read of the plugin, it may ask for anything.
    pub(super) fn is_held(facts: &Facts, subject: TreeDigest) -> bool {
        let nothing = Self::of(facts, subject, &BTreeSet::new());
        nothing.place.is_some() || nothing.lock.is_some()
    }

    /// All of it.
    pub(super) fn whole(&self) -> BTreeSet<String> {
        [&self.place, &self.lock].into_iter().flatten().flatten().cloned().collect()
    }

    /// What somebody's word makes of it.
    pub(super) fn decide(&self, consent: &CapabilityConsent) -> Grown {
        let whole = self.whole();
        if self.place.is_none() && self.lock.is_none() {
            return Grown::Passes(String::new());
        }
        if whole.is_empty() {
            return Grown::Passes("no more than before".to_owned());
        }
        let by_lock = || self.lock.clone().unwrap_or_default();
        let (asked, said) = match consent {
            CapabilityConsent::Nothing => (whole.clone(), None),
            CapabilityConsent::These(these) => (whole.clone(), Some(these)),
            CapabilityConsent::AcceptedBefore => (by_lock(), None),
            CapabilityConsent::AcceptedBeforeAnd(these) => (by_lock(), Some(these)),
        };
        match said {
            _ if asked.is_empty() => Grown::Passes(format!("{}, as accepted before", refusal::listed(&whole))),
            Some(these) if is_exactly(&asked, these) => {
                Grown::Passes(format!("{}, as was said", refusal::listed(&asked)))
            }
            said => Grown::Refused(refusal::capabilities_grown(&asked, said, self.whose())),
        }
    }

    fn whose(&self) -> refusal::AcceptedBy {
        match &self.place {
            Some(place) if !place.is_empty() && self.is_known => refusal::AcceptedBy::Place,
            Some(place) if !place.is_empty() => refusal::AcceptedBy::Nobody,
            _ => refusal::AcceptedBy::Lock,
        }
    }
}

fn is_exactly(grown: &BTreeSet<String>, these: &BTreeSet<Capability>) -> bool {
    // The order of the names is not that of the reference.
    let names: BTreeSet<&str> = these.iter().map(|capability| capability.as_str()).collect();
    grown.iter().map(String::as_str).eq(names)
}
