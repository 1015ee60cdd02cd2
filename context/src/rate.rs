//! `Rate`: so many in a second, and so many at once.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What is left at a moment.
#[derive(Debug)]
pub(crate) struct Rate {
    a_second: f64,
    at_once: f64,
    left: Mutex<(f64, Instant)>,
}

impl Rate {
    pub(crate) fn of(a_second: u32, at_once: u32) -> Self {
        let at_once = f64::from(at_once);
        Self { a_second: a_second.into(), at_once, left: Mutex::new((at_once, Instant::now())) }
    }

    /// Takes one, where one is left.
    pub(crate) fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (held, since) = *left;
        let held = (held + now.saturating_duration_since(since).as_secs_f64() * self.a_second).min(self.at_once);
        let is_there = held >= 1.0;
        *left = (if is_there { held - 1.0 } else { held }, now.max(since));
        is_there
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn so_many_are_taken_at_once_and_then_as_time_passes() {
        let (rate, now) = (Rate::of(10, 3), Instant::now());
        let taken = |at| (0..100).filter(|_| rate.take_at(at)).count();
        assert_eq!(taken(now), 3);
        assert_eq!(taken(now + Duration::from_millis(50)), 0);
        assert_eq!(taken(now + Duration::from_millis(101)), 1);
        assert_eq!(taken(now + Duration::from_secs(60)), 3, "no more than at once");
        assert_eq!(taken(now), 0, "time does not go back");
    }
}
