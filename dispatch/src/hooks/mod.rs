//! Who is called around a command, and at the beginning and the end of a process.

mod chain;
mod given;
mod lifecycle;

use std::panic::resume_unwind;

use aisoc_manifests::warning::Warning;
use aisoc_platform::{Ctx, Error, Handler, Invocation as _, Result, When};

use self::chain::composed;
pub use self::given::Dispatch;
use self::given::Given;
pub use self::lifecycle::{SHUTDOWN_TIME, shut_down, start_up};
use crate::guard::{guarded, let_go};
use crate::install::Hooks;

/// Runs one command between its hooks: observers before it, wrappers around it, observers after it. One that is denied
/// is not run, and no wrapper hears of it; observers do.
///
/// Observers change nothing: those that panic are told to `warn`, one line each.
///
/// # Errors
/// What the command fails of, how a wrapper stopped it, or that it is denied.
pub fn dispatch(
    hooks: &Hooks,
    of: Dispatch<'_>,
    ctx: &Ctx,
    run: Handler,
    warn: &mut dyn FnMut(Warning, String),
) -> Result {
    let denial = of.denial;
    let given = Given::new(of);
    observe(hooks, When::Before, ctx, &given, warn);
    let (result, bug) = match denial {
        Some(denial) => (Err(Error::from(denial.error())), None),
        None => composed(&hooks.wrappers, run, ctx, &given),
    };
    given.outcome().is(result.as_ref().err());
    observe(hooks, When::After, ctx, &given, warn);
    let_go(given);
    match bug {
        // Whoever looks on has been told that it failed, unless whoever reports panics has ended the process before.
        Some(payload) => resume_unwind(payload),
        None => result,
    }
}

fn observe(hooks: &Hooks, when: When, ctx: &Ctx, given: &Given<'_>, warn: &mut dyn FnMut(Warning, String)) {
    for hook in hooks.observers.iter().filter(|hook| hook.when == when) {
        let called = guarded(|| {
            if hook.selector.matches(given.cmd()) {
                (hook.observer)(ctx, given);
            }
        });
        if let Err(panicked) = called {
            warn(Warning::HookPanicked, format!("hook {:?} panicked: {panicked}", hook.name.to_string()));
        }
    }
}
