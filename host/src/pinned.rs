//! `Pinned`: which directories hold what runs, for whoever changes the plugins directory meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::{Pins, directory_number};

/// That a directory stays, until it is dropped and the next look notices.
#[derive(Debug)]
pub(crate) struct Pin {
    number: u64,
}

impl Pin {
    /// Refuses where another directory stands there by now.
    ///
    /// # Errors
    /// `tree_modified`, and I/O reasons.
    pub(crate) fn require_at(&self, place: &Path) -> Result<()> {
        match directory_number(place)? == self.number {
            true => Ok(()),
            false => {
                let what = format!("`{}` was exchanged while it was read", place.display());
                Err(Fault::new(Reason::TreeModified, what).hint("load it again: `aisoc api discover`"))
            }
        }
    }
}

/// All of them, and what is written down of them.
#[derive(Debug, Default)]
pub(crate) struct Pinned {
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    pins: Option<Pins>,
    live: Vec<Weak<Pin>>,
    written: BTreeSet<u64>,
    is_told: bool,
}

impl Pinned {
    /// Pins what stands there; it is written down by [`Pinned::settle`].
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn pin(&self, place: &Path) -> Result<Arc<Pin>> {
        let pin = Arc::new(Pin { number: directory_number(place)? });
        self.now.lock().unwrap_or_else(PoisonError::into_inner).live.push(Arc::downgrade(&pin));
        Ok(pin)
    }

    /// Writes down what is pinned, if that has changed: `write` says whether it could. What cannot be written at all is
    /// given once; what somebody else is in the way of is tried again.
    pub(crate) fn settle(
        &self,
        write: impl FnOnce(&mut Option<Pins>, &BTreeSet<u64>) -> Result<bool>,
    ) -> Option<Fault> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.live.retain(|pin| pin.strong_count() > 0);
        let numbers: BTreeSet<u64> = now.live.iter().filter_map(Weak::upgrade).map(|pin| pin.number).collect();
        if numbers == now.written {
            return None;
        }
        match write(&mut now.pins, &numbers) {
            Ok(is_written) => {
                if is_written {
                    now.written = numbers;
                }
                None
            }
            Err(fault) if matches!(fault.reason(), Reason::Locked | Reason::Interrupted) => None,
            Err(fault) => (!std::mem::replace(&mut now.is_told, true)).then_some(fault),
        }
    }
}
