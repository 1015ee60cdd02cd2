//! How often: so many in a minute, and those of a minute at once.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// As many as may be asked for, filled up as time passes.
#[derive(Debug)]
pub(crate) struct Rate {
    per_minute: u32,
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(crate) fn new(per_minute: u32, now: Instant) -> Self {
        Self { per_minute, left: Mutex::new((f64::from(per_minute), now)) }
    }

    /// Takes one.
    ///
    /// # Errors
    /// How long until there is one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let most = f64::from(self.per_minute);
        let per_second = most / 60.0;
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(left.1);
        *left = ((left.0 + passed.as_secs_f64() * per_second).min(most), left.1.max(now));
        if left.0 < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - left.0) / per_second));
        }
        left.0 -= 1.0;
        Ok(())
    }

    /// Whether nothing is known by it: one that begins now would say the same.
    pub(crate) fn is_whole(&self, now: Instant) -> bool {
        let most = f64::from(self.per_minute);
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.0 + now.saturating_duration_since(left.1).as_secs_f64() * most / 60.0 >= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_a_minute_are_there_at_once_and_then_one_as_time_passes() {
        let began = Instant::now();
        let rate = Rate::new(6, began);
        for number in 0..6 {
            rate.take(began).unwrap_or_else(|_| panic!("{number}"));
        }
        assert_eq!(rate.take(began).expect_err("all of them"), Duration::from_secs(10));
        assert!(rate.take(began + Duration::from_millis(9_900)).is_err());
        rate.take(began + Duration::from_millis(10_100)).expect("one more");
        rate.take(began + Duration::from_millis(10_100)).expect_err("and no other");
        let later = began + Duration::from_secs(3_600);
        assert_eq!((0..10).filter(|_| rate.take(later).is_ok()).count(), 6, "no more than those of a minute");
        rate.take(began).expect_err("a clock that goes back gives none");
        assert!(!rate.is_whole(later + Duration::from_millis(59_900)));
        assert!(rate.is_whole(later + Duration::from_millis(60_100)));
    }
}
