//! What is called at the beginning and at the end of a process.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::fault::Reason;
use aisoc_manifests::warning::Warning;
use aisoc_platform::{Ctx, Error, LifecycleContext, LifecycleEvent, LifecycleHandler};

use crate::errors::text_of;
use crate::guard::{guarded, let_go};
use crate::install::Hooks;
use crate::refusal::Refusal;

/// How long all that is called at the end has together.
pub const SHUTDOWN_TIME: Duration = Duration::from_secs(2);

/// Calls what is to be called at the beginning, in its order.
///
/// # Errors
/// The first that fails or panics; nothing behind it is called, and no command runs.
pub fn start_up(hooks: &Hooks, ctx: &Ctx) -> Result<(), Refusal> {
    let context = LifecycleContext { event: LifecycleEvent::Startup, err: None };
    for (name, handler) in of_event(hooks, LifecycleEvent::Startup) {
        match guarded(|| handler(ctx, &context)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(Refusal::of_start(&name, Reason::LifecycleFailed, error)),
            Err(panicked) => return Err(Refusal::of_start(&name, Reason::LifecyclePanic, Error::from(panicked))),
        }
    }
    Ok(())
}

/// Calls what is to be called at the end, in its order, after a command that has failed of `err`. Whatever goes wrong is
/// told to `warn`, one line each; whoever is still busy after `time` is left alone.
pub fn shut_down(hooks: &Hooks, ctx: &Ctx, err: Option<Error>, time: Duration, warn: &mut dyn FnMut(Warning, String)) {
    let handlers = of_event(hooks, LifecycleEvent::Shutdown);
    if handlers.is_empty() {
        return let_go(err);
    }
    let names: Vec<String> = handlers.iter().map(|(name, _)| name.clone()).collect();
    let deadline = Instant::now() + time;
    let ctx = ctx.with_deadline(deadline);
    let context = LifecycleContext { event: LifecycleEvent::Shutdown, err };
    let (ended, endings) = channel();
    // One thread for all: who comes later is not called while an earlier one goes on.
    let call_all = move || {
        for (_, handler) in handlers {
            let ending = match guarded(|| handler(&ctx, &context)) {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(said_of(error)),
                Err(panicked) => Some(format!("it panicked: {panicked}")),
            };
            if ended.send(ending).is_err() || Instant::now() >= deadline {
                return;
            }
        }
    };
    // Guarded as a whole: what the command failed of is dropped at the end, and may be a plugin's.
    let thread = thread::Builder::new().name("shutdown".to_owned());
    let started = thread.spawn(|| guarded(call_all).unwrap_or_default());
    if let Err(error) = started {
        return warn(Warning::ShutdownUnfinished, format!("shutdown hooks are not called: {error}"));
    }
    for (at, name) in names.iter().enumerate() {
        match endings.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(None) => {}
            Ok(Some(said)) => warn(Warning::ShutdownUnfinished, format!("shutdown hook {name:?}: {said}")),
            Err(RecvTimeoutError::Timeout) => {
                warn(Warning::ShutdownUnfinished, format!("shutdown hook {name:?}: it did not end in time"));
                return skip(&names[at + 1..], warn);
            }
            // The thread ends between two hooks when the time is over.
            Err(RecvTimeoutError::Disconnected) => return skip(&names[at..], warn),
        }
    }
}

/// What an error says, which nobody has any more then.
fn said_of(error: Error) -> String {
    let said = text_of(&error);
    let_go(error);
    said
}

fn skip(names: &[String], warn: &mut dyn FnMut(Warning, String)) {
    names.iter().for_each(|name| {
        warn(Warning::ShutdownUnfinished, format!("shutdown deadline exceeded; skipping hook {name:?}"))
    });
}

fn of_event(hooks: &Hooks, event: LifecycleEvent) -> Vec<(String, LifecycleHandler)> {
    let wanted = hooks.lifecycle.iter().filter(|hook| hook.event == event);
    wanted.map(|hook| (hook.name.to_string(), Arc::clone(&hook.handler))).collect()
}
