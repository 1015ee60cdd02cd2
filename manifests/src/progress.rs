//! How far work is that goes through bytes, or through plugins: what is done with them, and how many of how many.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many bytes go by before a watcher hears of them, unless they come in larger pieces: a tree of small files
/// is not held up by saying so of each.
const STEP: u64 = 64 << 10;

/// What is done with bytes, and in [`Act::Judging`] with whole plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Read from a directory or a layout, and hashed.
    Reading,
    /// Put into a layer.
    Packing,
    /// Taken out of a layer.
    Unpacking,
    /// Written into a layout.
    Writing,
    /// Received from a registry, or read from a layout as if they were.
    Fetching,
    /// Sent to a registry.
    Pushing,
    /// Read and judged, one plugin beside the other: counted are plugins, whose bytes nobody knows before they are read.
    Judging,
}

impl Act {
    /// Whether plugins are counted, and not bytes.
    pub fn counts_plugins(self) -> bool {
        self == Self::Judging
    }
}

/// The command that work is done for, as far as the work speaks to it.
pub trait Watcher: Send + Sync {
    /// Its name, such as `aisoc plugin install`: whoever waits for what it holds is told.
    fn name(&self) -> &str;

    /// Told what the work waits for, as soon as it has waited longer than usual: `for …`, in words.
    fn waits_for(&self, what: &str);

    /// Told that work on so many bytes, or plugins, begins.
    fn begins(&self, act: Act, total: u64);

    /// Told now and then that `done` of its `total` are through. They are never less than before.
    fn is_at(&self, act: Act, done: u64, total: u64);

    /// Told that the work is over, however it ended.
    fn is_over(&self);
}

/// How far the one work is that is under way.
#[derive(Debug, Default)]
pub(crate) struct Gauge(Mutex<Option<Work>>);

#[derive(Debug)]
struct Work {
    act: Act,
    done: u64,
    total: u64,
    /// Of `done`, what the watcher has not heard of.
    untold: u64,
}

impl Gauge {
    /// So many more bytes are through: nothing to work that counts plugins.
    pub(crate) fn advance(&self, bytes: u64, watcher: &dyn Watcher) {
        self.count(bytes, STEP, |act| !act.counts_plugins(), watcher);
    }

    /// One more plugin is through.
    pub(crate) fn advance_plugin(&self, watcher: &dyn Watcher) {
        self.count(1, 1, Act::counts_plugins, watcher);
    }

    fn count(&self, more: u64, step: u64, is_counted: impl Fn(Act) -> bool, watcher: &dyn Watcher) {
        let mut work = self.work();
        let Some(work) = work.as_mut().filter(|work| is_counted(work.act)) else { return };
        work.done = work.done.saturating_add(more);
        work.untold = work.untold.saturating_add(more);
        // Told under the lock, so that it is never told less than before.
        if work.untold >= step || work.done >= work.total {
            work.untold = 0;
            watcher.is_at(work.act, work.done.min(work.total), work.total);
        }
    }

    fn begin(&self, act: Act, total: u64, watcher: &dyn Watcher) -> bool {
        let mut work = self.work();
        if work.is_some() {
            return false;
        }
        *work = Some(Work { act, done: 0, total, untold: 0 });
        watcher.begins(act, total);
        true
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.work().is_some()
    }

    fn work(&self) -> MutexGuard<'_, Option<Work>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that has begun. It is over when this is dropped.
#[must_use = "the work is over when this is dropped"]
pub struct Measured<'a>(Option<(&'a Gauge, &'a dyn Watcher)>);

impl<'a> Measured<'a> {
    pub(crate) fn of(watched: Option<(&'a Gauge, &'a dyn Watcher)>, act: Act, total: u64) -> Self {
        Self(watched.filter(|(gauge, watcher)| gauge.begin(act, total, *watcher)))
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        if let Some((gauge, watcher)) = self.0 {
            *gauge.work() = None;
            watcher.is_over();
        }
    }
}
