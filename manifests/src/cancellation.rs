//! `Cancellation`: the one value by which a command that is told to stop tells its work.
//!
//! Work that takes long asks it in every round: whoever hashes, waits for a lock, or reads from a pipe.
//! What is asked last, before a change becomes visible, decides: from there on the work is finished.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{error, fmt};

/// Whether work is to go on. Clones share one answer, which changes once and never back.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Arc<AtomicBool>);

/// The answer to work that is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl Cancellation {
    /// Tells the work to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether the work is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Asked in every round of work that takes long.
    ///
    /// # Errors
    /// [`Cancelled`] once the work is to stop. It becomes `interrupted`, also by way of an `io::Error`.
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// What a signal handler sets.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// Two are equal when one stop stops both.
impl PartialEq for Cancellation {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Cancellation {}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped by a signal")
    }
}

impl error::Error for Cancelled {}

/// Not of the kind `Interrupted`, which readers take for "try again".
impl From<Cancelled> for io::Error {
    fn from(cancelled: Cancelled) -> Self {
        Self::other(cancelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Reason};

    #[test]
    fn one_stop_stops_every_clone_and_is_interrupted_by_whatever_way_it_comes() {
        let cancellation = Cancellation::default();
        let clone = cancellation.clone();
        assert_eq!((clone.check(), clone == cancellation), (Ok(()), true));
        cancellation.cancel();
        assert!(clone.is_cancelled() && Cancellation::default().check().is_ok());
        let fault = Fault::io("read", "file".as_ref(), clone.check().expect_err("stopped").into());
        assert_eq!((fault.reason(), fault.message()), (Reason::Interrupted, "stopped by a signal"));
    }
}
