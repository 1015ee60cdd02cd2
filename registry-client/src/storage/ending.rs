//! `Ending`: how the way of a blob ended, for whoever keeps some of it meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// What is known of the end of a blob's way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending(Arc<AtomicU8>);

const OPEN: u8 = 0;
const WHOLE: u8 = 1;
const REFUSED: u8 = 2;

impl Ending {
    /// All of it was handed on: nothing is left to go on with.
    pub(crate) fn whole(&self) {
        self.0.store(WHOLE, Ordering::SeqCst);
    }

    /// It was refused for what it is: nothing of it is worth keeping.
    pub(crate) fn refused(&self) {
        self.0.store(REFUSED, Ordering::SeqCst);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::SeqCst) == OPEN
    }
}
