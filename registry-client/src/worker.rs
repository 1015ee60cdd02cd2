//! `Worker`: a thread that does one thing for an asynchronous task.
//!
//! Not the runtime's own threads: there the system may give one and no second, and work that waits for
//! other work then waits for itself; when it gives none, the runtime panics. Here a thread that cannot be
//! had is an error, or no thread is needed.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use aisoc_manifests::fault::{Fault, Reason, Result};
use tokio::sync::oneshot;

/// Work on a thread of its own. Whoever drops it waits for the thread: what it owns is undone then.
#[derive(Debug)]
pub struct Worker<T> {
    result: oneshot::Receiver<Result<T>>,
    thread: Option<JoinHandle<()>>,
}

impl<T: Send + 'static> Worker<T> {
    /// Begins the work.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn begin(work: impl FnOnce() -> Result<T> + Send + 'static) -> io::Result<Self> {
        let (sender, result) = oneshot::channel();
        let thread = thread::Builder::new().name("file".to_owned()).spawn(move || {
            // Nobody listens when the task was dropped meanwhile.
            let _ = sender.send(work());
        })?;
        Ok(Self { result, thread: Some(thread) })
    }

    /// What came of it.
    ///
    /// # Errors
    /// Those of the work; `internal` when it ended without a result.
    pub async fn result(mut self) -> Result<T> {
        (&mut self.result).await.unwrap_or_else(|failure| {
            Err(Fault::new(Reason::Internal, "a thread ended without a result").caused_by(failure))
        })
    }
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It panicked, and has said so.
            let _ = thread.join();
        }
    }
}

/// Runs file operations where they may wait for the disk; here, when there is no thread to be had.
///
/// # Errors
/// Those of the work; `internal` when it ended without a result.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let here = Arc::new(Mutex::new(Some(work)));
    let there = Arc::clone(&here);
    let take = |place: &Mutex<Option<_>>| place.lock().unwrap_or_else(PoisonError::into_inner).take();
    let begun = Worker::begin(move || take(&there).map_or_else(abandoned, |work| work()));
    match begun {
        Ok(worker) => worker.result().await,
        Err(_) => take(&here).map_or_else(abandoned, |work| work()),
    }
}

fn abandoned<T>() -> Result<T> {
    Err(Fault::new(Reason::Internal, "a file operation was abandoned"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    #[tokio::test]
    async fn work_is_done_and_its_refusal_is_its_own() {
        assert_eq!(blocking(|| Ok(7)).await.expect("done"), 7);
        let refused: Result<()> = blocking(|| Err(Fault::new(Reason::IoDenied, "no"))).await;
        assert_eq!(refused.expect_err("refused").reason(), Reason::IoDenied);
    }

    #[tokio::test]
    async fn whoever_stops_waiting_leaves_no_thread_behind() {
        let is_done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_done);
        let work = blocking(move || {
            thread::sleep(Duration::from_millis(50));
            seen.store(true, Ordering::SeqCst);
            Ok(())
        });
        tokio::time::timeout(Duration::from_millis(1), work).await.expect_err("too long");
        assert!(is_done.load(Ordering::SeqCst));
    }
}
