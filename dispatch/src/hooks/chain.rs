//! The wrappers around one command: made anew for each, the first that was asked for outermost.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use aisoc_platform::{AbortError, Ctx, Error, Handler, Invocation as _, Result};

use super::given::{Given, Outcome};
use crate::guard::{Panicked, guarded, let_go, unguarded};
use crate::install::{HookName, WrapperHook};
use crate::refusal::HookPanic;

/// What a command's own code has panicked with, which is nobody's but ours.
pub(super) type Bug = Box<dyn Any + Send>;

/// Runs a command within the wrappers that are for it.
pub(super) fn composed(wrappers: &[WrapperHook], run: Handler, ctx: &Ctx, given: &Given<'_>) -> (Result, Option<Bug>) {
    let bug = Rc::new(RefCell::new(None));
    let known = Known { outcome: given.outcome(), settled: Rc::default() };
    let innermost = own(run, known.clone(), Rc::clone(&bug));
    let handler = wrappers.iter().rev().fold(innermost, |next, hook| {
        match guarded(|| hook.selector.matches(given.cmd())) {
            Ok(false) => next,
            Ok(true) => around(hook, next, known.clone()),
            // Nobody knows whether the command may run without it.
            Err(panicked) => {
                let_go(next);
                panics(hook.name.to_string(), panicked)
            }
        }
    });
    let result = handler(ctx, given);
    // What wrappers have kept goes with their handlers, and may panic as well.
    let dropped = guarded(|| drop((handler, known)));
    (result.and(dropped.map_err(Error::from)), bug.take())
}

/// What is known of one command while it goes through its wrappers.
#[derive(Clone)]
struct Known {
    outcome: Outcome,
    /// Errors that go out as they are: whoever stopped the command is named in them.
    settled: Rc<RefCell<Vec<Error>>>,
}

impl Known {
    /// What a handler has come to, for whoever is around it.
    fn takes(&self, result: Result) -> Result {
        self.outcome.is(result.as_ref().err());
        self.settled.borrow_mut().extend(result.as_ref().err().cloned());
        result
    }

    /// Puts the hook's name into its own error. The error itself may be the plugin's, for many commands: it is copied.
    fn named(&self, hook: &HookName, error: Error) -> Error {
        let is_settled =
            self.settled.borrow().iter().any(|known| std::ptr::addr_eq(known.as_error(), error.as_error()));
        match error.downcast_ref::<AbortError>() {
            Some(abort) if !is_settled => Error::from(AbortError { hook_name: hook.to_string(), ..abort.clone() }),
            _ => error,
        }
    }
}

/// The command itself. What it panics with is kept until all of the wrappers have been left.
fn own(run: Handler, known: Known, bug: Rc<RefCell<Option<Bug>>>) -> Handler {
    Box::new(move |ctx, given| {
        let result = unguarded(|| run(ctx, given)).unwrap_or_else(|payload| {
            *bug.borrow_mut() = Some(payload);
            Err("the command panicked".into())
        });
        known.takes(result)
    })
}

fn around(hook: &WrapperHook, next: Handler, known: Known) -> Handler {
    let (name, wrapper) = (hook.name.clone(), Arc::clone(&hook.wrapper));
    match guarded(|| wrapper(next)) {
        Ok(handler) => Box::new(move |ctx, given| {
            let result = match guarded(|| handler(ctx, given)) {
                Ok(result) => result.map_err(|error| known.named(&name, error)),
                Err(panicked) => Err(Error::from(HookPanic { hook: name.to_string(), panicked })),
            };
            known.takes(result)
        }),
        Err(panicked) => panics(hook.name.to_string(), panicked),
    }
}

/// A handler in the place of one that could not be made.
fn panics(hook: String, panicked: Panicked) -> Handler {
    let panic = HookPanic { hook, panicked };
    Box::new(move |_, _| Err(Error::from(panic.clone())))
}
