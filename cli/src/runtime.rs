//! Where the asynchronous part of a command runs, and what Ctrl-C does to it.

use std::future::Future;

use aisoc_manifests::fault::{Fault, Reason, Result};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a command's future on this thread. On SIGINT or SIGTERM the future is dropped, which ends
/// its transfers; staging that had begun is undone before this returns, because the runtime waits
/// for the threads that own it.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let no_runtime =
        |error: std::io::Error| Fault::new(Reason::IoError, "cannot start the event loop").caused_by(error);
    let runtime = Builder::new_current_thread().enable_all().build().map_err(no_runtime)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(no_runtime)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(no_runtime)?;
        tokio::select! {
            result = work => result,
            _ = interrupt.recv() => Err(interrupted("SIGINT")),
            _ = terminate.recv() => Err(interrupted("SIGTERM")),
        }
    })
}

fn interrupted(signal: &str) -> Fault {
    Fault::new(Reason::Interrupted, format!("stopped by {signal}"))
}
