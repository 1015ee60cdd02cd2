//! A lock that somebody else holds, in words: whoever waits learns for whom, and whoever gave up what to do.

use std::time::Duration;

use crate::fault::{Fault, Reason};
use crate::text::shown;

/// Whoever holds a lock and has not said who it is, or is of another host or container.
const NAMELESS: &str = "a process that has not given its name";
/// Longest line of a holder that is repeated.
const MAX_SHOWN: usize = 120;

/// What is locked, and how long it is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Lock<'a> {
    /// What its holder changes, in words: `` the layout `dist` ``.
    pub guards: &'a str,
    /// How long it is waited for.
    pub at_most: Duration,
}

impl Lock<'_> {
    /// What is waited for, for [`crate::cancellation::Cancellation::waits_for`]. `holder` is the holder's own line.
    pub fn waiting(&self, holder: Option<&str>) -> String {
        format!("for {}, which {} changes; {} s at most", self.guards, named(holder), self.at_most.as_secs())
    }

    /// The fault of a wait that is over. `path` is the lock's file, as a shell takes it.
    pub fn fault(&self, holder: Option<&str>, path: &str) -> Fault {
        let waited = self.at_most.as_secs();
        let fault = Fault::new(Reason::Locked, format!("{} is being changed by {}", self.guards, named(holder)))
            .expected(format!("the lock within {waited} seconds"), "the lock of another process");
        match holder {
            Some(_) => fault,
            None => fault.hint(format!("find it with `fuser -v {path}`, then run the command again")),
        }
    }
}

/// Somebody else wrote it.
fn named(holder: Option<&str>) -> String {
    holder.map_or_else(|| NAMELESS.to_owned(), |line| shown(line, MAX_SHOWN))
}
