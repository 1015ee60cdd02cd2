//! How long is waited for whom a plugin has its host ask, while it is called itself.

use std::time::Duration;

/// What is left of a call once a request was given up: for what is written down of it, and for what a plugin makes of that.
const LEFT: Duration = Duration::from_secs(1);

/// Most of what is left of a call: who waits until its end has no time for the answer.
pub(crate) fn patience(left: Duration) -> Duration {
    left.saturating_sub(LEFT.min(left / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_has_something_left_when_its_request_is_given_up() {
        for (left, patience_is) in [(0, 0), (20, 15), (2_000, 1_500), (4_000, 3_000), (30_000, 29_000)] {
            assert_eq!(patience(Duration::from_millis(left)), Duration::from_millis(patience_is), "{left}");
        }
    }
}
