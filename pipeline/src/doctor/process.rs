//! The process itself: its user, its clock, and the Python that it starts.

use aisoc_files::{Links, effective_user};
use aisoc_installation::ClockState;

use super::finding::Finding;
use super::options::DoctorOptions;
use super::rule::Rule;
use super::ways;

pub(super) fn findings(options: &DoctorOptions) -> Vec<Finding> {
    let python = options.python.iter().flat_map(|python| ways::changeable(python, Links::Followed));
    user().into_iter().chain(clock(options)).chain(python).collect()
}

fn user() -> Option<Finding> {
    let hint = "run the host as a user of its own, and this command as that user: `sudo -u USER aisoc doctor`";
    let values = ("a user other than root", "user 0");
    (effective_user() == 0).then(|| Finding::at(Rule::AsRoot, "user 0", "this is run by root", values, hint))
}

/// The clock beside what was seen here last.
fn clock(options: &DoctorOptions) -> Option<Finding> {
    let (site, clock) = (&options.site, options.clock);
    let seen = match site.last_seen() {
        Err(fault) => return Some(Finding::of(Rule::ClockRecordBroken, site.path(), &fault)),
        Ok(seen) => seen,
    };
    let said = match ClockState::of(clock, seen) {
        ClockState::GoesOn | ClockState::Unknown => return None,
        ClockState::Behind => "the clock is behind the time that was seen here last",
        ClockState::FarAhead => "the clock is more than a year ahead of the time that was seen here last",
    };
    let seen = seen.map(|seen| format!("{seen:.0}")).unwrap_or_default();
    let values = (format!("{seen} or a little later"), format!("{clock:.0}"));
    let hint = "set the clock right; `aisoc plugins clock` shows both times, and how keys are judged";
    Some(Finding::at(Rule::ClockStrange, site.path(), said, values, hint))
}
