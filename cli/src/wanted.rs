//! Whether a command is still wanted by those who stand around it: a plugin that is compiled in may give it until a deadline,
//! or take it back while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use aisoc_dispatch::asks_whether_cancelled;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_platform::Ctx;

/// How long a command may go on that is not wanted any more, before it is told.
const ROUND: Duration = Duration::from_millis(50);

/// Refuses a command that is not wanted any more.
///
/// # Errors
/// `wrapper_failed`; also when whoever says so panics, because then nobody knows.
pub(crate) fn require(ctx: &Ctx) -> Result<()> {
    let why = match asks_whether_cancelled(ctx) {
        Ok(false) => return Ok(()),
        Ok(true) => "a plugin has cancelled the command before it began, or has left it no time".to_owned(),
        Err(panicked) => format!("a plugin panicked when it was asked whether the command is wanted: {panicked}"),
    };
    Err(Fault::new(Reason::WrapperFailed, why))
}

/// Runs a command as long as it is wanted. Once it is not, `stops` is set, as a signal sets it: what has begun is undone, or
/// ended when it can be seen already.
///
/// # Errors
/// What the command fails of; `wrapper_failed` when it has stopped for that.
pub(crate) fn while_wanted<T>(ctx: &Ctx, stops: &Arc<AtomicBool>, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let taken_back = Arc::new(AtomicBool::new(false));
    let (running, ended) = channel::<()>();
    let watch = {
        let (ctx, stops, taken_back) = (ctx.clone(), Arc::clone(stops), Arc::clone(&taken_back));
        move || {
            while ended.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
                if asks_whether_cancelled(&ctx).unwrap_or(true) {
                    // A signal that has come first is what is said of it.
                    return taken_back.store(!stops.swap(true, Ordering::SeqCst), Ordering::SeqCst);
                }
            }
        }
    };
    // It is not waited for: a plugin that does not answer keeps nobody.
    let watching = thread::Builder::new().name("wanted".to_owned()).spawn(watch);
    watching.map_err(|error| Fault::new(Reason::IoError, "cannot watch over the command").caused_by(error))?;
    let result = run();
    drop(running);
    result.map_err(|fault| match fault.reason() {
        Reason::Interrupted if taken_back.load(Ordering::SeqCst) => {
            let why = "a plugin has cancelled the command while it ran, or its time was over";
            Fault::new(Reason::WrapperFailed, why).caused_by(fault)
        }
        _ => fault,
    })
}
