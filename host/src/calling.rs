//! Calls of plugins: who may be called, and for how long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_context::{Caller, Waiting};
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::PluginType;
use aisoc_worker::Error;
use aisoc_worker::serving::{Ask, Call};
use serde_json::{Map, Value};

use crate::held::{Held, Running, locked};
use crate::host::Host;
use crate::lifecycle::{Effect, Event, Verb};
use crate::loading::fault;
use crate::processes::quarantined;
use crate::refusal::Refusal;
use crate::settings::{Asked, Invocation};

/// How long a call of a plugin may take.
const CALL_PATIENCE: Duration = Duration::from_secs(30);
/// How soon it is noticed that somebody else has given a plugin its process.
const STEP: Duration = Duration::from_millis(5);

impl Host {
    /// Calls a plugin.
    ///
    /// # Errors
    /// As [`Refusal`] has them.
    pub fn run(&self, id: &str, invocation: &Invocation<'_>) -> Result<Map<String, Value>, Refusal> {
        let held = self.find(id)?;
        self.require_allowed(&held, invocation.caller, None)?;
        self.notice_end(&held);
        let Invocation { payload, caller, context, expected, stop } = *invocation;
        let patience = CALL_PATIENCE;
        loop {
            let running = self.called(&held, expected, stop)?;
            self.require_allowed(&held, caller, Some(&running))?;
            let is_it = |now: &Arc<Running>| Arc::ptr_eq(now, &running);
            let may_begin = || self.callable(&held, expected).is_ok_and(|now| now.as_ref().is_some_and(is_it));
            let waiting = Waiting::begin(patience, stop);
            let answer = |ask: &Ask| self.answer(&running.granted, caller, ask, waiting);
            let call = Call { payload, context, patience, stop, may_begin: &may_begin, answer: &answer };
            let called = running.worker.call(&call);
            running.is_used();
            match called {
                // While it waited for its turn somebody has taken the plugin's calls away, or another version its place.
                Err(Error::Withdrawn) => {}
                called => return called.map_err(|error| self.failed(&held, &running, error)),
            }
        }
    }

    /// Why a policy denies what a command of that name asks for.
    pub(crate) fn denial(&self, command: &'static str) -> Option<Fault> {
        (self.settings.rules)(&Asked::Command(command))
    }

    /// Refuses a call that a policy denies: by what is shown of the plugin, before anything is started for it, and by what was
    /// granted to the process that is called.
    ///
    /// # Errors
    /// [`Refusal::Denied`].
    fn require_allowed(&self, held: &Held, caller: &Caller, running: Option<&Running>) -> Result<(), Refusal> {
        let capabilities = match running {
            Some(running) => running.granted.granted.declared().clone(),
            None => locked(&held.now).about.capabilities(),
        };
        let asked = Asked::Call { id: &held.id, capabilities: &capabilities, by: caller.kind };
        (self.settings.rules)(&asked).map_or(Ok(()), |fault| Err(Refusal::Denied(fault)))
    }

    pub(crate) fn failed(&self, held: &Held, running: &Arc<Running>, error: Error) -> Refusal {
        if let Error::Busy { .. } | Error::NotReached { .. } = error {
            return Refusal::Host(Fault::new(Reason::HostBusy, error.to_string()));
        }
        let failure = fault(Reason::ExecutionFailed, &held.masked.error(error));
        // Who changes it meanwhile may wait for this answer: that it has ended is noticed once they have done so.
        if !running.worker.is_alive()
            && let Ok(_changing) = held.changing.try_lock()
        {
            let is_current = locked(&held.now).running.as_ref().is_some_and(|current| Arc::ptr_eq(current, running));
            if is_current {
                self.has_ended(held, (&failure).into());
            }
        }
        Refusal::Plugin(failure)
    }

    /// The process of a plugin that takes calls, which is started for the first of them.
    ///
    /// # Errors
    /// As [`Refusal`] has them: what would not be admitted at this moment is not started.
    pub(crate) fn called(
        &self,
        held: &Held,
        expected: Option<PluginType>,
        stop: &AtomicBool,
    ) -> Result<Arc<Running>, Refusal> {
        loop {
            if let Some(running) = self.callable(held, expected)? {
                return Ok(running);
            }
            let _starting = turn_to_start(held, stop)?;
            // Whoever had it may have started it, or taken it away.
            if let Some(running) = self.callable(held, expected)? {
                return Ok(running);
            }
            if let Some(running) = self.awaken(held, None)? {
                return Ok(running);
            }
        }
    }

    /// Whether it is that process that takes the plugin's calls.
    pub(crate) fn is_called(&self, held: &Held, running: &Arc<Running>) -> bool {
        self.callable(held, None).is_ok_and(|now| now.is_some_and(|now| Arc::ptr_eq(&now, running)))
    }

    /// The process of a plugin that takes calls; nothing where it has none. Of which type it is, is asked of what is called:
    /// a reload may bring another one.
    fn callable(&self, held: &Held, expected: Option<PluginType>) -> Result<Option<Arc<Running>>, Refusal> {
        if self.is_over() {
            return Err(Refusal::Host(Fault::new(Reason::HostBusy, "the host is going to end")));
        }
        let now = locked(&held.now);
        let (_, effects) = now.life.clone().step(Event::Asked(Verb::Run));
        let is_called = effects == [Effect::Call];
        if let Some(expected) = expected.filter(|expected| is_called && !now.about.is_of(*expected)) {
            return Err(Refusal::OtherType { expected, found: now.about.kind() });
        }
        match (effects.as_slice(), &now.running, &now.admitted) {
            ([Effect::Call], Some(running), _) => {
                match now.no_longer_admitted.as_deref().filter(|_| self.quarantines()) {
                    Some(fault) => Err(quarantined(fault)),
                    None => {
                        running.is_used();
                        Ok(Some(Arc::clone(running)))
                    }
                }
            }
            ([Effect::Call], None, Some(_)) => Ok(None),
            _ => Err(Refusal::NotNow(now.life.state())),
        }
    }
}

/// Waits until nobody else gives it a process: for as long as a call takes, and as somebody waits for that.
fn turn_to_start<'a>(held: &'a Held, stop: &AtomicBool) -> Result<MutexGuard<'a, ()>, Refusal> {
    let begun = Instant::now();
    loop {
        match held.starting.try_lock() {
            Ok(starting) => return Ok(starting),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if stop.load(Ordering::SeqCst) => {
                return Err(Refusal::Plugin(fault(Reason::ExecutionFailed, &Error::Stopped)));
            }
            Err(TryLockError::WouldBlock) if begun.elapsed() >= CALL_PATIENCE => {
                let patience = CALL_PATIENCE;
                return Err(Refusal::Plugin(fault(Reason::ExecutionFailed, &Error::TimedOut { patience })));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(STEP),
        }
    }
}
