//! What the status of an answer means before anything else of it is looked at: the one table of what is worth
//! another try, and of what a refusal is.

use std::time::Duration;

use aisoc_manifests::fault::Reason;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};

use crate::limits::{MAX_FRESH_URLS, MAX_TRIES};

/// What a registry says with a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It did what was asked (2xx).
    Done,
    /// It leads elsewhere.
    Elsewhere,
    /// It wants to know who asks, or knows it and says no.
    Denied,
    /// It has no such thing.
    Absent,
    /// Not now: the same request may be answered otherwise in a moment.
    Later,
    /// No: the same request gets the same answer, today and tomorrow.
    Never,
    /// Nothing that a registry answers.
    Odd,
}

impl Standing {
    /// The status by its number. Registries answer 429 when they limit (distribution specification, error code
    /// `TOOMANYREQUESTS`), and 5xx while they are being replaced; what lies in front of them has numbers of its
    /// own there (520 to 530). Those that say "not supported" (501, 505), "you are caught in a loop" (508) or
    /// "log in to this network" (511) stay so.
    pub(super) fn of(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Done,
            301 | 302 | 303 | 307 | 308 => Self::Elsewhere,
            401 | 403 => Self::Denied,
            404 | 410 => Self::Absent,
            408 | 425 | 429 => Self::Later,
            501 | 505 | 506 | 508 | 510 | 511 => Self::Never,
            500..=599 => Self::Later,
            400..=499 => Self::Never,
            // 300 offers a choice, 304 says that a copy is fresh, and we have none.
            _ => Self::Odd,
        }
    }

    /// How often a request is made altogether that is answered so, by the registry itself or by a place that it
    /// led to. Such a place is reached by a URL that was signed for a short time: when it denies, the registry
    /// is asked for a fresh one; not to send a whole blob three times. A HEAD only saves work, so nothing is waited
    /// for to learn its answer there.
    pub(super) fn tries(self, place: Place, method: &Method) -> u32 {
        match (self, place) {
            (_, Place::Elsewhere) if *method == Method::HEAD => 1,
            (Self::Later, _) => MAX_TRIES,
            (Self::Denied | Self::Never, Place::Elsewhere) if *method == Method::GET => MAX_FRESH_URLS,
            _ => 1,
        }
    }

    /// The reason of a refusal. "Not now" and "no" never share an exit code.
    pub(super) fn reason(self, place: Place) -> Reason {
        match (self, place) {
            (Self::Denied, Place::Registry) => Reason::RegistryDenied,
            // No login of ours is meant: none was sent there.
            (Self::Denied, Place::Elsewhere) | (Self::Never, _) => Reason::RegistryRefused,
            // A place that the registry led to has no tags that could be free, and no say in what there is.
            (Self::Absent, Place::Registry) => Reason::ReferenceNotFound,
            (Self::Absent, Place::Elsewhere) => Reason::RegistryRefused,
            (Self::Later, _) => Reason::RegistryUnavailable,
            (Self::Done | Self::Elsewhere | Self::Odd, _) => Reason::RegistryProtocol,
        }
    }
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Who was asked.
    Registry,
    /// Who stands where the registry led.
    Elsewhere,
}

/// The wait that the registry asked for (RFC 9110, 10.2.3). The form with a date is passed over: clocks
/// differ. Whoever waits bounds it; here it may be a hundred years.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Statuses; tries at the registry and where it leads; the reason at both.
    type Row<'a> = (&'a [u16], u32, u32, Reason, Reason);

    #[test]
    fn which_answers_are_worth_a_retry_is_one_table() {
        use Reason::{ReferenceNotFound, RegistryDenied, RegistryProtocol, RegistryRefused, RegistryUnavailable};
        let rows: [Row<'_>; 6] = [
            (&[401, 403], 1, 3, RegistryDenied, RegistryRefused),
            (&[404, 410], 1, 1, ReferenceNotFound, RegistryRefused),
            (
                &[408, 425, 429, 500, 502, 503, 504, 507, 520, 522, 524, 530, 599],
                5,
                5,
                RegistryUnavailable,
                RegistryUnavailable,
            ),
            (
                &[400, 402, 405, 406, 409, 411, 412, 413, 415, 416, 418, 421, 422, 431, 451],
                1,
                3,
                RegistryRefused,
                RegistryRefused,
            ),
            (&[501, 505, 506, 508, 510, 511], 1, 3, RegistryRefused, RegistryRefused),
            (&[300, 304, 305, 600, 999], 1, 1, RegistryProtocol, RegistryProtocol),
        ];
        for (statuses, here, there, reason_here, reason_there) in rows {
            for status in statuses {
                let standing = Standing::of(StatusCode::from_u16(*status).expect("a status"));
                for (place, tries, reason) in
                    [(Place::Registry, here, reason_here), (Place::Elsewhere, there, reason_there)]
                {
                    assert_eq!(standing.tries(place, &Method::GET), tries, "{status} at {place:?}");
                    assert_eq!(standing.reason(place), reason, "{status} at {place:?}");
                }
                assert_eq!(standing.tries(Place::Registry, &Method::HEAD), here, "HEAD, {status}");
                assert_eq!(standing.tries(Place::Elsewhere, &Method::HEAD), 1, "HEAD, {status}");
            }
        }
    }
}
