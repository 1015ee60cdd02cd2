//! Which plugins have a process, and for how long: a plugin that takes calls needs none before the first of them, and none
//! once nobody calls it.
//!
//! A plugin without one is in memory as what it was admitted as, and its state is that of any other. It gets its process from
//! the bytes of that admission, which are read and judged by the keys, the lock and the time of then: what stands there
//! otherwise is started no more than it would be loaded.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use aisoc_manifests::fault::{Class, Fault, Reason, Result};
use aisoc_pipeline::accepted::Evidence;
use aisoc_pipeline::{Discovered, PluginSource, read_admitted_code};

use crate::about::About;
use crate::asker::Asker;
use crate::code::{Code, described};
use crate::found::Found;
use crate::held::{Held, Now, Running, locked};
use crate::hooks::registering::said_of_hooks;
use crate::host::{Host, PIN_PATIENCE};
use crate::lifecycle::Event;
use crate::refusal::Refusal;
use crate::rooms::Room;
use crate::standing::OnDisk;

impl Host {
    /// Reads the code that was admitted.
    ///
    /// # Errors
    /// As [`read_admitted_code`]; `tree_modified` where another directory stands there by now.
    pub(crate) fn read_code(&self, plugin: &Discovered) -> Result<Code> {
        let is_directory = matches!(plugin.source, PluginSource::Dir | PluginSource::Oci);
        let pin = is_directory.then(|| self.pinned.pin(&plugin.place)).transpose()?;
        self.settle_pins(PIN_PATIENCE);
        let code = read_admitted_code(plugin, &self.site_paths(plugin)?, &self.settings.here.limits, self.stopped())?;
        pin.as_ref().map_or(Ok(()), |pin| pin.require_at(&plugin.place))?;
        Ok(Code { code, pin })
    }

    /// Holds a plugin as what it was admitted as, without a process.
    pub(crate) fn hold(&self, held: &Held, found: &Found, plugin: &Arc<Discovered>) -> Result<()> {
        self.remember_meant(held, found)?;
        let loaded_at = (self.settings.clock)();
        {
            let mut now = locked(&held.now);
            (now.admitted, now.loaded_at) = (Some(Arc::clone(plugin)), Some(loaded_at));
            (now.no_longer_admitted, now.on_disk) = (None, Some(OnDisk::Same));
        }
        self.moved(held, &found.place);
        Ok(())
    }

    /// A place for one more process; of the plugins that nobody calls, the one that was called least lately makes room. Those
    /// that are asked at hooks have their own, and make none: whoever calls plugins keeps no guard from being asked.
    ///
    /// # Errors
    /// `host_busy` where all of them are called.
    pub(crate) fn place(&self, is_asked_at_hooks: bool) -> Result<Room> {
        if is_asked_at_hooks {
            return Ok(self.guards.take());
        }
        let most = self.settings.processes.most;
        loop {
            if let Some(place) = self.processes.take_of(most) {
                return Ok(place);
            }
            let idle = self.all().into_iter().filter_map(|held| {
                let now = locked(&held.now);
                let since = now.idle_since().filter(|_| now.hooks.is_none());
                drop(now);
                Some((since?, held))
            });
            let Some((_, held)) = idle.min_by_key(|(since, _)| *since) else {
                return Err(Fault::new(
                    Reason::HostBusy,
                    format!("{most} plugins are called, and no more have a process"),
                ));
            };
            held.rest(|_| true);
        }
    }

    /// As [`Host::called`], of what was brought into memory a moment ago by whoever is `changing` it, and waits for it to run.
    pub(crate) fn require_running(&self, held: &Held, changing: &MutexGuard<'_, ()>) -> Result<(), Refusal> {
        let _starting = locked(&held.starting);
        let has_process = locked(&held.now).running.is_some();
        if has_process { Ok(()) } else { self.awaken(held, Some(changing)).map(drop) }
    }

    /// Gives a plugin its process; nothing where what is in memory has become another one meanwhile. Whoever calls holds
    /// `starting`, and may be the one who is `changing` it.
    pub(crate) fn awaken(
        &self,
        held: &Held,
        changing: Option<&MutexGuard<'_, ()>>,
    ) -> Result<Option<Arc<Running>>, Refusal> {
        let admitted = locked(&held.now).admitted.clone();
        let Some(plugin) = admitted else { return Err(Refusal::NotNow(locked(&held.now).life.state())) };
        let awakened = self.begin_again(held, &plugin, changing);
        if let Err(Refusal::Plugin(fault)) = &awakened {
            let is_missed = {
                let now = locked(&held.now);
                now.hooks.is_some() && now.no_longer_admitted.is_none() && now.life.state().is_in_memory()
            };
            // Whoever asks whether all are there learns of it, and it is tried again.
            if is_missed {
                self.not_started(held, &plugin, fault, changing);
            }
        }
        awakened
    }

    fn begin_again(
        &self,
        held: &Held,
        plugin: &Arc<Discovered>,
        changing: Option<&MutexGuard<'_, ()>>,
    ) -> Result<Option<Arc<Running>>, Refusal> {
        let room = self.place(held.is_registered()).map_err(Refusal::Host)?;
        let Code { code, pin } = self.read_again(held, plugin)?;
        self.require_still_admitted(held, plugin, &code.evidence)?;
        let begun = self.start(held, plugin, &code).map_err(|fault| {
            self.not_started(held, plugin, &fault, changing);
            Refusal::Plugin(fault)
        })?;
        // Starting takes its time, in which keys are revoked.
        self.require_still_admitted(held, plugin, &code.evidence)?;
        let said = said_of_hooks(&begun.worker).map_err(Refusal::Plugin)?;
        let mut now = locked(&held.now);
        if !is_of(plugin)(&now) {
            return Ok(None);
        }
        let hooks = held.same_hooks(&now, said.as_ref()).map_err(Refusal::Plugin)?;
        now.about = About::whole(described(now.about.shown(), &code, &begun.worker));
        let running = Arc::new(Running::new(begun, code.copy, pin, room).with_hooks(hooks));
        self.handles.runs(&running.granted.granted);
        (now.running, now.evidence) = (Some(Arc::clone(&running)), Some(Arc::new(code.evidence)));
        now.on_disk = Some(OnDisk::Same);
        Ok(Some(running))
    }

    /// What could not be given its process has failed. What becomes of one that somebody else changes meanwhile, they say.
    fn not_started(&self, held: &Held, plugin: &Arc<Discovered>, fault: &Fault, changing: Option<&MutexGuard<'_, ()>>) {
        let taken = if changing.is_none() { held.changing.try_lock().ok() } else { None };
        if (changing.is_some() || taken.is_some()) && is_of(plugin)(&locked(&held.now)) {
            let _ = self.drive(held, Event::NotStarted(fault.into()), None, &Asker::host());
        }
    }

    /// The code that a plugin was admitted with. That something else stands there is noted.
    fn read_again(&self, held: &Held, plugin: &Discovered) -> Result<Code, Refusal> {
        self.read_code(plugin).map_err(|fault| {
            let on_disk = match fault.reason() {
                Reason::TreeModified => Some(OnDisk::Differs),
                Reason::IoNotFound => Some(OnDisk::Gone),
                _ => None,
            };
            if on_disk.is_some() {
                locked(&held.now).on_disk = on_disk;
            }
            Refusal::Plugin(fault)
        })
    }

    /// Refuses what would not be admitted at this moment. That is noted, and takes a plugin out of no state: a key may come
    /// back, as it may for one that has a process.
    fn require_still_admitted(
        &self,
        held: &Held,
        plugin: &Arc<Discovered>,
        evidence: &Evidence,
    ) -> Result<(), Refusal> {
        let is_it = is_of(plugin);
        match self.require_admitted(evidence) {
            Ok(()) => {
                self.note(held, is_it, None);
                Ok(())
            }
            Err(fault) if fault.class() == Class::Refused => {
                self.note(held, is_it, Some(fault.clone()));
                Err(quarantined(&fault))
            }
            // Nobody can tell: that is nothing against it, and it is not started.
            Err(fault) => Err(Refusal::Plugin(fault)),
        }
    }

    /// Ends the processes of plugins that nobody has called for long, and closes what they keep; for whoever asks again and again.
    pub(crate) fn rest_round(&self) {
        self.handles.rest();
        let has_some = self.processes.count() > 0 || self.guards.count() > 0;
        let Some(idle) = self.settings.processes.idle.filter(|_| has_some) else { return };
        for held in self.all() {
            held.rest(|since| since.elapsed() >= idle);
        }
    }
}

/// Whether that is what is in memory.
fn is_of(plugin: &Arc<Discovered>) -> impl Fn(&Now) -> bool {
    move |now| now.admitted.as_ref().is_some_and(|current| Arc::ptr_eq(current, plugin))
}

pub(crate) fn quarantined(fault: &Fault) -> Refusal {
    Refusal::Plugin(fault.clone().about("plugin is quarantined"))
}

impl Now {
    /// Since when nobody calls it, of a plugin that has a process.
    fn idle_since(&self) -> Option<Instant> {
        let running = self.running.as_ref().filter(|running| Arc::strong_count(running) == 1)?;
        Some(*locked(&running.used_at))
    }
}

impl Held {
    /// Ends its process where nobody calls it and it is `due`. It stays in memory as what it was admitted as.
    pub(crate) fn rest(&self, due: impl FnOnce(Instant) -> bool) {
        let running = {
            let mut now = locked(&self.now);
            let Some(since) = now.idle_since().filter(|_| now.admitted.is_some()) else { return };
            if !due(since) {
                return;
            }
            now.evidence = None;
            now.running.take()
        };
        // Outside of the lock: it may take its time.
        drop(running);
    }
}
