//! `Cancellation`: the one value by which a command that is told to stop tells its work, and by which the work
//! tells the command what it waits for, so that whoever could stop it knows whether to.
//!
//! Work that takes long asks it in every round: whoever hashes, waits for a lock, or reads from a pipe.
//! What is asked last, before a change becomes visible, decides: from there on the work is finished.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{error, fmt};

/// Whether work is to go on. Clones share one answer, which changes once and never back.
#[derive(Clone, Default)]
pub struct Cancellation {
    is_cancelled: Arc<AtomicBool>,
    waits: Option<Arc<Told>>,
}

/// Somebody who is told what is waited for.
type Told = dyn Fn(&str) + Send + Sync;

/// The answer to work that is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl Cancellation {
    /// Work that says to `told` what it waits for, as soon as it has waited longer than usual: `for …`, in words.
    pub fn telling(told: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { waits: Some(Arc::new(told)), ..Self::default() }
    }

    /// Says what is waited for, to whoever wants to know.
    pub fn waits_for(&self, what: &str) {
        if let Some(told) = &self.waits {
            told(what);
        }
    }

    /// Tells the work to stop.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::SeqCst);
    }

    /// Whether the work is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
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
        Arc::clone(&self.is_cancelled)
    }
}

/// Two are equal when one stop stops both.
impl PartialEq for Cancellation {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.is_cancelled, &other.is_cancelled)
    }
}

impl Eq for Cancellation {}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation").field(&self.is_cancelled()).finish()
    }
}

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
