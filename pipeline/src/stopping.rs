//! Work on a network that ends when it is told to: the future is dropped, and its transfers with it.

use std::future::Future;
use std::time::Duration;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Result};

/// How soon it is noticed.
const ROUND: Duration = Duration::from_millis(20);

/// The result of work, or `interrupted` once it is to stop. Staging that had begun is undone before this is ready, because
/// dropping waits for the threads that own it. What has a result by then is done, and its result counts.
///
/// # Errors
/// Those of the work, and `interrupted`.
pub async fn unless_stopped<T>(cancellation: &Cancellation, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        biased;
        result = work => result,
        stopped = stopped(cancellation) => Err(stopped),
    }
}

/// Ready once the work is to stop.
pub async fn stopped(cancellation: &Cancellation) -> Fault {
    loop {
        if let Err(cancelled) = cancellation.check() {
            return cancelled.into();
        }
        tokio::time::sleep(ROUND).await;
    }
}
