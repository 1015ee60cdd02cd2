//! `HandlerTimeout`: how long a handler may take.

use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};

/// Longest time that a handler may take, and what it has that says nothing of it.
pub const MAX_HANDLER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a handler may take: more than nothing, and no more than [`MAX_HANDLER_TIMEOUT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandlerTimeout(Duration);

impl HandlerTimeout {
    /// So many seconds.
    ///
    /// # Errors
    /// `contract_check_failed`, in the words of a host.
    pub fn of_seconds(seconds: f64) -> Result<Self> {
        let refused = |words: &str| Err(Fault::new(Reason::ContractCheckFailed, words));
        // What is no number at all is not more than nothing either.
        if seconds.is_nan() || seconds <= 0.0 {
            return refused("handler timeout must be positive");
        }
        if seconds > MAX_HANDLER_TIMEOUT.as_secs_f64() {
            return refused("handler timeout cannot exceed 30 seconds");
        }
        Ok(Self(Duration::from_secs_f64(seconds)))
    }

    /// As a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl Default for HandlerTimeout {
    fn default() -> Self {
        Self(MAX_HANDLER_TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_are_held() {
        let words = |seconds: f64| HandlerTimeout::of_seconds(seconds).map_err(|fault| fault.message().to_owned());
        for good in [f64::MIN_POSITIVE, 0.05, 1.0, 29.999, 30.0] {
            assert!(words(good).is_ok_and(|timeout| timeout.duration() <= MAX_HANDLER_TIMEOUT), "{good}");
        }
        for bad in [0.0, -0.0, -1.0, f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(words(bad), Err("handler timeout must be positive".to_owned()), "{bad}");
        }
        for bad in [30.0_f64.next_up(), 31.0, f64::INFINITY] {
            assert_eq!(words(bad), Err("handler timeout cannot exceed 30 seconds".to_owned()), "{bad}");
        }
        assert_eq!(HandlerTimeout::default(), HandlerTimeout::of_seconds(30.0).expect("as long as it may be"));
    }
}
