//! `Limiter`: how often is told what a plugin does. What happens lately is kept for everybody, and no plugin fills it alone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most events of handlers of one plugin in that time; what is more is counted, and told with the next.
const MAX_HANDLER_EVENTS: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

/// What was told of each plugin lately. There are as many as are registered, and a registry is frozen.
#[derive(Debug, Default)]
pub(super) struct Limiter(HashMap<String, Lately>);

#[derive(Debug)]
struct Lately {
    begun: Instant,
    told: u32,
    passed_over: u64,
}

impl Limiter {
    /// Whether something of that plugin is told at that moment, and how much was not since the last time.
    pub(super) fn take(&mut self, plugin: &str, now: Instant) -> Option<u64> {
        let new = || Lately { begun: now, told: 0, passed_over: 0 };
        let lately = match self.0.get_mut(plugin) {
            Some(lately) => lately,
            None => self.0.entry(plugin.to_owned()).or_insert_with(new),
        };
        if now.duration_since(lately.begun) >= WINDOW {
            (lately.begun, lately.told) = (now, 0);
        }
        if lately.told >= MAX_HANDLER_EVENTS {
            lately.passed_over += 1;
            return None;
        }
        lately.told += 1;
        Some(std::mem::take(&mut lately.passed_over))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_much_is_told_of_each_and_the_rest_is_counted() {
        let (mut limiter, begun) = (Limiter::default(), Instant::now());
        let told = (0..MAX_HANDLER_EVENTS).filter_map(|_| limiter.take("a", begun)).collect::<Vec<_>>();
        assert_eq!(told, vec![0; 10]);
        assert_eq!((limiter.take("a", begun), limiter.take("a", begun)), (None, None));
        assert_eq!(limiter.take("b", begun), Some(0), "another one has its own");
        let almost = begun + WINDOW - Duration::from_millis(1);
        assert_eq!(limiter.take("a", almost), None);
        assert_eq!(limiter.take("a", begun + WINDOW), Some(3));
        assert_eq!(limiter.take("a", begun + WINDOW), Some(0));
    }
}
