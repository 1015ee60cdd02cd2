//! What is no timestamp, in words.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::text::shown;

/// How much is shown of what stands in a token or is said of it.
pub(super) const SHOWN: usize = 300;

pub(super) fn invalid(place: &str, what: impl AsRef<str>) -> Fault {
    Fault::new(Reason::TimestampInvalid, format!("`{place}` is no timestamp: {}", shown(what.as_ref(), SHOWN)))
}
