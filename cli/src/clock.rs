//! The clock: read in this file and nowhere else, and passed on as a value.
//!
//! What a command decides about keys it decides by the later of two times: the clock's, and the latest that was seen on
//! the site before. Whoever sets the clock back gets nothing that had ended.
#![expect(clippy::disallowed_methods, reason = "its room: the clock is read once, at the edge")]

use aisoc_installation::{ClockState, Site};
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use jiff::Timestamp;

use crate::output::Output;

/// What the clock says.
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// The time by which keys are judged on a site, for whoever asks again and again: what is to be said of it was said once.
///
/// # Errors
/// As [`Site::last_seen`].
pub(crate) fn judging_time(site: &Site) -> Result<Timestamp> {
    let clock = now();
    Ok(site.last_seen()?.map_or(clock, |seen| seen.max(clock)))
}

/// Says when the clock does not go on from what was seen on a site before.
pub(crate) fn warn(clock: Timestamp, seen: Timestamp, output: &Output) {
    match ClockState::of(clock, Some(seen)) {
        ClockState::Behind => {
            let said =
                format!("the clock says {clock:.0}, and {seen:.0} was seen here before: keys are judged by that");
            output.warning(Warning::ClockBehind, said);
        }
        ClockState::FarAhead => {
            let said = format!(
                "the clock says {clock:.0}, more than a year after {seen:.0}, which was seen here last: keys are judged \
                 by it, and it is not written down"
            );
            output.warning(Warning::ClockAhead, said);
        }
        ClockState::GoesOn | ClockState::Unknown => {}
    }
}
