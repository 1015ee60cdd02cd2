//! `Screen`: standard error, which lines and the one bar share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::ProgressBar;

/// The width of a terminal that does not say.
const USUAL_COLUMNS: usize = 80;

/// Standard error. Clones share its bar: whoever prints a line steps in front of it.
#[derive(Clone)]
pub(crate) struct Screen {
    draws: bool,
    bar: Arc<Mutex<Option<ProgressBar>>>,
}

impl Screen {
    pub(super) fn new(draws: bool) -> Self {
        Self { draws, bar: Arc::default() }
    }

    /// Whether a line can be drawn over: never into a file, or on a terminal that cannot go back.
    pub(super) fn draws(&self) -> bool {
        self.draws
    }

    /// Prints lines, above the bar if there is one.
    pub(super) fn print<T>(&self, write: impl FnOnce() -> T) -> T {
        match &*self.held() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Shows this bar from now on, in the place of any other, of which nothing is left.
    pub(super) fn show(&self, bar: Option<ProgressBar>) {
        let before = std::mem::replace(&mut *self.held(), bar);
        if let Some(before) = before {
            before.finish_and_clear();
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.bar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("draws", &self.draws).finish_non_exhaustive()
    }
}

/// How wide the terminal is now.
pub(super) fn columns() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stderr());
    size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(USUAL_COLUMNS)
}
