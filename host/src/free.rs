//! Whether a host can answer: for whoever asks whether it is alive.

use crate::host::Host;

impl Host {
    /// Returns once everything is free that a request waits for. A host that is stuck does not return.
    pub fn require_free(&self) {
        drop(self.shown());
    }
}
