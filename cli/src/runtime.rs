//! Where the asynchronous part of a command runs, and what Ctrl-C does to every command that takes long.
#![expect(clippy::disallowed_methods, reason = "what the kernel says of this process, in `/proc`")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::unless_stopped;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use tokio::runtime::{Builder, Runtime};

/// How soon a signal is noticed by what waits for the network.
const ROUND: Duration = Duration::from_millis(20);
/// How soon after one signal another one is the same wish.
const SAME_WISH: Duration = Duration::from_millis(200);

/// Lets SIGINT, SIGTERM and SIGHUP tell the work to stop, which undoes what it has begun. A second Ctrl-C ends the
/// process at once, as it would without us; a second SIGTERM does not.
///
/// A flag, and no listener: it is set whatever the threads are busy with, and takes no descriptor.
///
/// # Errors
/// `io_error` when the system takes no handler.
pub(crate) fn stop_on_signals(cancellation: &Cancellation) -> Result<()> {
    let second = Arc::new(AtomicBool::new(false));
    let set = |signal| flag::register(signal, cancellation.flag());
    flag::register_conditional_default(SIGINT, Arc::clone(&second))
        .and_then(|_| set(SIGINT))
        .and_then(|_| set(SIGTERM))
        // A terminal that went away, unless `nohup` said that this is no matter.
        .and_then(|_| if is_ignored(SIGHUP) { set(SIGTERM) } else { set(SIGHUP) })
        .map_err(|error| Fault::new(Reason::IoError, "cannot listen to signals").caused_by(error))?;
    arm_later(cancellation.clone(), second);
    Ok(())
}

/// Whether whoever started this process lets it pass over a signal. Unknown is no.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Lets the next Ctrl-C end the process, a moment after the first signal: `timeout` sends the same signal
/// twice at once, to the process and to its group, and that is no second wish.
fn arm_later(cancellation: Cancellation, second: Arc<AtomicBool>) {
    let arm = move || {
        while !cancellation.is_cancelled() {
            thread::sleep(ROUND);
        }
        thread::sleep(SAME_WISH);
        second.store(true, Ordering::SeqCst);
    };
    // Without a thread the work still stops by itself, only not at once.
    let _ = thread::Builder::new().name("signals".to_owned()).spawn(arm);
}

/// Runs a command's future on this thread, unless the work is to stop ([`unless_stopped`]).
pub(crate) fn block_on<T>(cancellation: &Cancellation, work: impl Future<Output = Result<T>>) -> Result<T> {
    event_loop()?.block_on(unless_stopped(cancellation, work))
}

/// As [`block_on`], for work that ends by itself once [`stopped`] says so.
pub(crate) fn block_on_to_its_end<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    event_loop()?.block_on(work)
}

fn event_loop() -> Result<Runtime> {
    let failed = |error: std::io::Error| Fault::new(Reason::IoError, "cannot start the event loop").caused_by(error);
    Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)
}

/// Ready once the work is to stop.
pub(crate) async fn stopped(cancellation: &Cancellation) {
    let _stopped = aisoc_pipeline::stopped(cancellation).await;
}
