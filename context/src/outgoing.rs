//! `Outgoing`: what a host asks others for a plugin, in the audit log.
//!
//! What leaves stands there before it does, and what came of it behind that. What does not leave is counted: whoever asks in vain
//! writes no log full.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::asking::Asking;
use crate::audit::{AuditLog, OutgoingEvents};
use crate::refusal::Refusal;

/// How long after a line about asks that did not leave there is none of the same plugin and reason.
const REFUSAL_PAUSE: Duration = Duration::from_secs(60);

/// Writes down what leaves, by one way.
#[derive(Debug)]
pub(crate) struct Outgoing {
    events: OutgoingEvents,
    audit: AuditLog,
    clock: fn() -> Timestamp,
    passed_over: PassedOver,
}

/// What came of an ask.
pub(crate) struct Came {
    /// What the plugin is told.
    pub(crate) answer: Result<Value, Refusal>,
    /// What is written down of it.
    pub(crate) account: Map<String, Value>,
    /// In one word, why nothing was answered.
    pub(crate) refused: Option<&'static str>,
}

impl Outgoing {
    pub(crate) fn of(events: OutgoingEvents, audit: AuditLog, clock: fn() -> Timestamp) -> Self {
        Self { events, audit, clock, passed_over: PassedOver::default() }
    }

    /// Has it asked. `ask` says of each request that it leaves before it does; what is refused
    /// then does not leave.
    ///
    /// # Errors
    /// What the plugin is told; `unavailable` where what came of it cannot be written down.
    pub(crate) fn ask(
        &self,
        asking: &Asking<'_>,
        ask: impl FnOnce(&mut dyn FnMut(Map<String, Value>) -> Result<(), Refusal>) -> Came,
    ) -> Result<Value, Refusal> {
        let mut first = None;
        let mut leaves = |said: Map<String, Value>| {
            let line = self.audit.leaves(self.events, asking, &said, (self.clock)())?;
            first.get_or_insert(line);
            Ok(())
        };
        let Came { answer, mut account, refused } = ask(&mut leaves);
        if let Some(line) = first {
            account.insert("line".to_owned(), json!(line));
            // What nobody could write down is not told either.
            self.audit.ended(self.events, asking, &account, answer.is_ok(), (self.clock)())?;
        } else if let Some(passed_over) =
            self.passed_over.count(&asking.plugin.id, refused.unwrap_or("unavailable"), Instant::now())
        {
            account.insert("passed_over".to_owned(), json!(passed_over));
            self.audit.refused(self.events, asking, &account, (self.clock)());
        }
        answer
    }
}

/// A plugin, and a reason.
type ByPlugin = (String, &'static str);

/// Asks that did not leave, by plugin and reason: when one was last written down, and how many were not since.
#[derive(Debug, Default)]
struct PassedOver(Mutex<BTreeMap<ByPlugin, (Instant, u64)>>);

impl PassedOver {
    /// Counts one; where it is written down, how many were not before it.
    fn count(&self, id: &str, refused: &'static str, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = counted.get_mut(&(id.to_owned(), refused));
        match since {
            Some((at, count)) if now.saturating_duration_since(*at) < REFUSAL_PAUSE => {
                *count = count.saturating_add(1);
                None
            }
            Some((at, count)) => {
                *at = now;
                Some(std::mem::take(count))
            }
            None => {
                counted.insert((id.to_owned(), refused), (now, 0));
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_asks_that_do_not_leave_one_is_written_down_in_a_minute_of_each_plugin_and_reason() {
        let (passed_over, now) = (PassedOver::default(), Instant::now());
        let count = |id, refused, seconds| passed_over.count(id, refused, now + Duration::from_secs(seconds));
        assert_eq!(count("one", "rate_limited", 0), Some(0));
        for second in [0, 1, 59] {
            assert_eq!(count("one", "rate_limited", second), None);
        }
        assert_eq!((count("one", "timed_out", 1), count("two", "rate_limited", 1)), (Some(0), Some(0)));
        assert_eq!(count("one", "rate_limited", 60), Some(3));
        assert_eq!((count("one", "rate_limited", 61), count("one", "rate_limited", 120)), (None, Some(1)));
    }
}
