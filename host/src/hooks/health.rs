//! How plugins say that they do: asked again and again, shown, and nothing follows from it.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aisoc_context::Waiting;
use aisoc_files::parallel;
use aisoc_hooks::HealthAnswer;
use aisoc_worker::Error;
use aisoc_worker::serving::{Ask, HandlerAnswer};

use super::firing::of_host;
use super::reported::Health;
use crate::held::{Held, Running, locked};
use crate::host::Host;

/// How long a plugin may take to say how it does.
const HEALTH_PATIENCE: Duration = Duration::from_secs(5);
/// Most plugins that are asked at a time.
const MAX_CHECKING: usize = 16;

impl Host {
    /// Asks plugins how they do, where that is due; for whoever asks again and again.
    pub(crate) fn health_round(&self) {
        let due: Vec<_> = self.all().into_iter().filter_map(|held| due(&held).map(|running| (held, running))).collect();
        // Beside each other: one that takes its time keeps no other from being asked. Where there is no thread, the next
        // round asks.
        let threads = NonZeroUsize::MIN.saturating_add(MAX_CHECKING - 1);
        let _ = parallel::map(&due, threads, |(held, running)| self.ask_health(held, running));
    }

    fn ask_health(&self, held: &Held, running: &Arc<Running>) {
        let has_check = running.hooks.as_ref().is_some_and(|hooks| hooks.has_health_check);
        let answer = if has_check {
            let (stop, caller) = (self.stopped(), of_host());
            let waiting = Waiting::begin(HEALTH_PATIENCE, stop);
            let asked = |ask: &Ask| self.answer(&running.granted, &caller, ask, waiting);
            let answered = running.worker.ask_health(HEALTH_PATIENCE, stop, &asked);
            answer(answered.map(|said| held.masked.answer(said)).map_err(|error| held.masked.error(error)))
        } else {
            Some(HealthAnswer::NoCheck)
        };
        let (asked, checked_at) = (Instant::now(), (self.settings.clock)());
        let mut now = locked(&held.now);
        let is_it = now.running.as_ref().is_some_and(|current| Arc::ptr_eq(current, running));
        match (answer, &mut now.health) {
            _ if !is_it => {}
            (Some(answer), health) => *health = Some(Health::new(answer.into(), asked, checked_at)),
            // It is busy, and was not asked: what it said stands a while longer.
            (None, Some(health)) => health.stands(asked),
            (None, None) => {}
        }
    }
}

/// The process of a plugin that is to be asked now.
fn due(held: &Held) -> Option<Arc<Running>> {
    let now = locked(&held.now);
    let running = now.running.as_ref().filter(|running| running.hooks.is_some() && running.worker.is_alive())?;
    (!now.health.as_ref().is_some_and(Health::is_believed)).then(|| Arc::clone(running))
}

/// What came of asking it; nothing where it could not be asked at all.
fn answer(asked: Result<HandlerAnswer, Error>) -> Option<HealthAnswer> {
    Some(match asked {
        Ok(HandlerAnswer::Health { status, message }) => HealthAnswer::Stated { status, message },
        Ok(HandlerAnswer::Raised { error_type, message }) => HealthAnswer::Failed { error_type, message },
        Ok(HandlerAnswer::Rejected { reason }) => {
            HealthAnswer::Failed { error_type: "RejectError".to_owned(), message: reason }
        }
        Ok(HandlerAnswer::Value { type_name, .. }) => HealthAnswer::Other(type_name),
        Ok(HandlerAnswer::Nothing {}) => HealthAnswer::Other("NoneType".to_owned()),
        Ok(HandlerAnswer::Allow {}) => HealthAnswer::Other("Allow".to_owned()),
        Ok(HandlerAnswer::Deny { .. }) => HealthAnswer::Other("Deny".to_owned()),
        Err(Error::Busy { .. } | Error::NotReached { .. } | Error::Stopped | Error::Withdrawn) => return None,
        Err(error @ Error::TimedOut { .. }) => {
            HealthAnswer::Failed { error_type: "timeout".to_owned(), message: error.to_string() }
        }
        Err(error) => {
            HealthAnswer::Failed { error_type: "PluginExecutionError".to_owned(), message: error.to_string() }
        }
    })
}
