//! What the status of an answer means before anything else of it is looked at.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Whether the same request may be answered otherwise in a moment. Registries answer 429 when they limit
/// (distribution specification, error code `TOOMANYREQUESTS`), and 5xx while they are being replaced.
pub(super) fn is_transient(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) || status.is_server_error()
}

/// Whether the answer sends us elsewhere. 300 and 304 are in the same class and do not: one offers a
/// choice, the other says that a copy is fresh, and we have none.
pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The wait that the registry asked for (RFC 9110, 10.2.3). The form with a date is passed over: clocks
/// differ. Whoever waits bounds it; here it may be a hundred years.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u32 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}
