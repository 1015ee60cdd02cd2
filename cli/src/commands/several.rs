//! Commands that do several things, each on its own: all are tried, and one code stands for all.

use std::collections::HashSet;

use aisoc_manifests::fault::{Class, Fault, Reason, Result};

use crate::context::Context;

/// One thing behind the other, until the command is stopped: nothing more is begun then, and what was done is said as
/// well as what was not.
#[derive(Debug, Default)]
pub(super) struct InTurn {
    is_stopped: bool,
}

impl InTurn {
    /// Does the next one, unless the command was stopped in one before.
    ///
    /// # Errors
    /// As the work; `interrupted` for what is not begun.
    pub(super) fn next<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.is_stopped {
            return Err(Fault::new(Reason::Interrupted, "not begun, because the command was stopped before"));
        }
        let done = work();
        self.is_stopped = done.as_ref().is_err_and(|fault| fault.class() == Class::Interrupted);
        done
    }

    /// Whether the command was stopped.
    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

/// The one refusal that stands for all, by [`weight`], the first among equals. `what` says what became of them, as in
/// `are refused`.
pub(super) fn worst(total: usize, what: &str, mut faults: Vec<Fault>) -> Option<Fault> {
    let count = faults.len();
    faults.sort_by_key(|fault| weight(fault.class()));
    let first = faults.into_iter().next()?;
    Some(if count > 1 { first.about(format!("{count} of {total} plugins {what}, the first is")) } else { first })
}

/// As [`worst`], of what has failed by its name: of several, each has its line.
pub(super) fn refusal(total: usize, what: &str, faults: Vec<(String, Fault)>, context: &Context) -> Option<Fault> {
    if total < 2 {
        return faults.into_iter().next().map(|(_, fault)| fault);
    }
    for (name, fault) in &faults {
        context.output.status("Failed", format!("{name}: {}: {fault}", fault.reason()));
    }
    worst(total, what, faults.into_iter().map(|(name, fault)| fault.about(name)).collect())
}

/// What counts before what: a no of trust before everything, then a bug, then what a retry may help, so that a script
/// which tries again meets what no retry helps at the end.
fn weight(class: Class) -> u8 {
    match class {
        Class::Interrupted => 0,
        Class::Refused => 1,
        Class::Internal => 2,
        Class::Unavailable => 3,
        Class::Failed => 4,
        Class::Usage | Class::Unconfirmed => 5,
    }
}

/// Refuses one thing that is named twice: nobody can say which of the two was meant to stay.
///
/// # Errors
/// `usage`.
pub(super) fn refuse_repeated<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(Fault::new(Reason::Usage, format!("`{name}` is named twice"))
            .expected("each plugin once", "twice")
            .hint("name each plugin once, or run a command for each")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_no_of_trust_counts_most_and_a_retry_before_what_it_does_not_help() {
        let worst = |reasons: &[Reason]| {
            let faults = reasons.iter().map(|reason| Fault::new(*reason, reason.as_str())).collect();
            worst(9, "are not installed", faults).map(|fault| fault.message().to_owned())
        };
        use Reason::{IoNotFound, RegistryUnavailable, Unsigned, Usage};
        assert_eq!(worst(&[]), None);
        assert_eq!(worst(&[IoNotFound]).as_deref(), Some("io_not_found"));
        for (reasons, first) in [
            (&[Usage, IoNotFound][..], "io_not_found"),
            (&[IoNotFound, RegistryUnavailable], "registry_unavailable"),
            (&[RegistryUnavailable, Unsigned], "unsigned"),
        ] {
            let expected = format!("2 of 9 plugins are not installed, the first is: {first}");
            assert_eq!(worst(reasons), Some(expected), "{reasons:?}");
        }
    }

    #[test]
    fn behind_the_one_that_is_stopped_nothing_is_begun() {
        let mut turn = InTurn::default();
        assert_eq!(turn.next(|| Ok(1)).expect("done"), 1);
        turn.next(|| Err::<(), _>(Fault::new(Reason::Unsigned, "no"))).expect_err("refused");
        assert!(!turn.is_stopped());
        turn.next(|| Err::<(), _>(Fault::new(Reason::Interrupted, "stopped by a signal"))).expect_err("stopped");
        let fault = turn.next(|| -> Result<()> { panic!("begun") }).expect_err("not begun");
        assert_eq!((turn.is_stopped(), fault.class()), (true, Class::Interrupted));
    }

    #[test]
    fn what_is_named_twice_is_refused() {
        assert!(refuse_repeated(["a", "b"]).is_ok() && refuse_repeated([]).is_ok());
        let fault = refuse_repeated(["a", "b", "a"]).expect_err("twice");
        assert_eq!((fault.reason(), fault.message()), (Reason::Usage, "`a` is named twice"));
    }
}
