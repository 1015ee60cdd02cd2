//! How what was found comes into memory: beside what runs of it, whose place it then takes.

use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::HostedPlugin;
use aisoc_pipeline::{AdmittedCode, Discovered, PluginSource};
use aisoc_trust::journal::Action;

use crate::about::About;
use crate::asker::Asker;
use crate::audit::Subject;
use crate::code::{Code, described};
use crate::configuration::require_described;
use crate::found::{Found, Verdict};
use crate::held::{Begun, Held, Running, locked};
use crate::host::Host;
use crate::lifecycle::{Event, Verb};
use crate::loading::load;
use crate::refusal::Refusal;
use crate::settings::Happening;
use crate::standing::OnDisk;

/// What was put into its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brought<'a> {
    /// By what.
    pub(crate) action: Action,
    /// The plugin.
    pub(crate) id: &'a str,
    /// Its version.
    pub(crate) version: &'a str,
    /// Where it is.
    pub(crate) place: &'a Path,
    /// Whether it was there before.
    pub(crate) is_unchanged: bool,
}

impl Host {
    /// Lets what is not in memory come there as it may. Whoever calls holds `changing`.
    pub(crate) fn bring(&self, held: &Held, found: &Found, by: &Asker) -> Result<(), Refusal> {
        locked(&held.now).about = self.about(found);
        self.tell_of_refused(found);
        self.journal_refused(found);
        let brought = match &found.verdict {
            Verdict::Admitted(_) => self.drive(held, Event::Admitted, Some(found), by),
            Verdict::NotLoaded => Ok(()),
            Verdict::Refused(fault) => self
                .drive(held, Event::Refused(fault.into()), Some(found), by)
                .and_then(|()| Err(Refusal::Plugin(fault.clone()))),
        };
        if brought.is_err() && found.is_hook() {
            self.hooks.note_refused(found);
        }
        brought
    }

    /// Lets what stands in a place now take the place of what is in memory of that plugin, or come there. Where what was put
    /// there is what was there before, and in memory, nothing is to be done.
    ///
    /// # Errors
    /// As [`Refusal`] has them. What is new there is written down before anything comes of it.
    pub(crate) fn take_up(&self, brought: &Brought<'_>, by: &Asker) -> Result<HostedPlugin, Refusal> {
        let Brought { action, id, version, place, is_unchanged } = *brought;
        let is_it = |found: &Found| found.about.id == id;
        let found = self.look_in(place).map(|found| found.into_iter().find(is_it));
        if !is_unchanged {
            let hash = found.as_ref().ok().and_then(|found| found.as_ref()?.hash.clone());
            let subject = Subject { id: Some(id.to_owned()), version: Some(version.to_owned()), hash };
            self.write_down(action, subject, by).map_err(Refusal::Host)?;
        }
        let found = found.map_err(Refusal::Plugin)?.ok_or_else(|| Refusal::Plugin(gone(id)))?;
        self.require_its_own(&found).map_err(Refusal::Plugin)?;
        let held = self.find(id).ok().filter(|held| held.is_in_memory()).unwrap_or_else(|| self.held(&found));
        {
            let changing = locked(&held.changing);
            match held.is_in_memory() {
                true if is_unchanged && held.holds(&found) => {}
                true => self.drive(&held, Event::Asked(Verb::Reload), Some(&found), by)?,
                false => {
                    self.bring(&held, &found, by)?;
                    self.require_running(&held, &changing)?;
                }
            }
        }
        Ok(self.seen(&held))
    }

    /// Loads the code that was admitted, beside whatever runs, and lets it take that one's place. Calls that have begun
    /// end in what they began in.
    ///
    /// # Errors
    /// As [`Refusal`] has them: what cannot be written down is no fault of the plugin's.
    pub(crate) fn load(&self, held: &Held, found: Option<&Found>, replacing: Option<&Asker>) -> Result<(), Refusal> {
        let found = found.ok_or_else(|| Refusal::Plugin(gone(&held.id)))?;
        let Found { verdict: Verdict::Admitted(plugin), about, place, registration, .. } = found else {
            return Err(Refusal::Plugin(gone(&held.id)));
        };
        self.require_its_own(found).map_err(Refusal::Plugin)?;
        // What it is registered as, a plugin with handlers says once it was started.
        if self.settings.processes.is_lazy && replacing.is_none() && !found.is_hook() {
            return self.hold(held, found, plugin).map_err(Refusal::Host);
        }
        let room = self.place(found.is_hook()).map_err(Refusal::Host)?;
        let (Code { code, pin }, begun) = self.begin_code(held, plugin).map_err(Refusal::Plugin)?;
        let hooks = self.admit_hooks(held, plugin, registration.as_deref(), &begun)?;
        if let Some(by) = replacing {
            let (version, hash) = (about.manifest.version.clone(), Some(plugin.hash.clone()));
            let subject = Subject { id: Some(held.id.clone()), version, hash };
            self.write_down(Action::Reload, subject, by).map_err(Refusal::Host)?;
        }
        let about = described(about.clone(), &code, &begun.worker);
        let running = Running::new(begun, code.copy, pin, room).with_hooks(hooks.clone());
        let loaded_at = (self.settings.clock)();
        let before = {
            // Whoever writes may have been kept waiting, and so may a plugin that was asked. No round goes by in between: what
            // it says of what ran is said of what runs.
            let _no_round = locked(&self.judgement);
            self.require_admitted(&code.evidence).map_err(Refusal::Plugin)?;
            let meant = self.switches.meant(&held.id);
            self.remember_meant(held, found).map_err(Refusal::Host)?;
            let mut now = locked(&held.now);
            if let Err(fault) = self.take_hooks(&mut now, plugin, hooks.as_ref()) {
                // What is refused changes nothing.
                self.switches.mean(&held.id, meant.as_deref()).map_err(Refusal::Host)?;
                return Err(Refusal::Plugin(fault));
            }
            self.handles.runs(&running.granted.granted);
            (now.about, now.loaded_at) = (About::whole(about), Some(loaded_at));
            (now.admitted, now.evidence) = (Some(Arc::clone(plugin)), Some(Arc::new(code.evidence)));
            (now.no_longer_admitted, now.on_disk) = (None, Some(OnDisk::Same));
            now.running.replace(Arc::new(running))
        };
        self.moved(held, place);
        // Whoever still calls it ends it. Else it may take its time to end, and nobody waits for that, unless too many do.
        let unused = before.and_then(Arc::into_inner).map(|unused| Box::new(unused.unpinned()));
        if let Some(Err(before)) = unused.map(|before| self.ending.begin(before, drop)) {
            drop(before);
        }
        if let Some(hooks) = &hooks {
            self.tell_of_registration(plugin, hooks);
        }
        Ok(())
    }

    /// Reads the code that was admitted, and starts it.
    fn begin_code(&self, held: &Held, plugin: &Discovered) -> Result<(Code, Begun)> {
        let code = self.read_code(plugin)?;
        // What was signed whole covers its data, which may have been changed since it was listed.
        self.require_admitted(&code.code.evidence)?;
        let begun = self.start(held, plugin, &code.code)?;
        // And starting takes its time, in which keys are revoked.
        self.require_admitted(&code.code.evidence)?;
        Ok((code, begun))
    }

    /// Writes down which directory is meant before what is in it takes calls, and that none is any more where what is in
    /// another one does.
    pub(crate) fn remember_meant(&self, held: &Held, found: &Found) -> Result<()> {
        let is_elsewhere = |meant: &String| self.plugins_directory().join(meant) != found.place;
        match (&found.asked_for, self.switches.meant(&held.id)) {
            (Some(asked_for), meant) if meant.as_ref() != Some(asked_for) => {
                self.switches.mean(&held.id, Some(asked_for))
            }
            (None, Some(meant)) if is_elsewhere(&meant) => self.switches.mean(&held.id, None),
            _ => Ok(()),
        }
    }

    /// What is in memory comes from there: so it is known by that place.
    pub(crate) fn moved(&self, held: &Held, place: &Path) {
        let mut plugins = locked(&self.plugins);
        let before = held.key();
        if before.1 == place {
            return;
        }
        place.clone_into(&mut locked(&held.now).place);
        if let Some(moved) = plugins.remove(&before) {
            plugins.insert(held.key(), moved);
        }
    }

    pub(crate) fn start(&self, held: &Held, plugin: &Discovered, code: &AdmittedCode) -> Result<Begun> {
        let (observer, id, masked) = (Arc::clone(&self.settings.observer), held.id.clone(), Arc::clone(&held.masked));
        let log = move |line| observer(&Happening::Printed { id: &id, line: masked.line(line) });
        let configuration = (self.settings.configuration)(&held.id)?;
        if let Some(configuration) = &configuration {
            held.masked.add(&configuration.secrets);
            require_described(&held.id, &configuration.values, code.config_schema.as_ref())?;
        }
        code.open()?;
        if let Some(file) = &code.user_file {
            self.tell_of(&Happening::UserFile { file });
        }
        let configuration = configuration.unwrap_or_default().values;
        let worker = load(&self.settings.launcher, held, code, self.stopped(), &configuration, log)?;
        let granted = self.granted(held, plugin, code, &worker)?;
        Ok(Begun { worker, granted })
    }

    /// As [`Host::load`], of what was found; of what stands in its place now, judged anew, where nobody has looked.
    ///
    /// # Errors
    /// As [`Host::load`].
    pub(crate) fn replace(&self, held: &Held, found: Option<&Found>, by: &Asker) -> Result<(), Refusal> {
        let looked_at = if found.is_some() { None } else { self.look_for_next(held).map_err(Refusal::Plugin)? };
        match found.or(looked_at.as_ref()) {
            Some(Found { verdict: Verdict::Refused(fault), .. }) => Err(Refusal::Plugin(fault.clone())),
            found => self.load(held, found, Some(by)),
        }
    }

    /// What stands in its place now, judged anew.
    pub(crate) fn look_at(&self, held: &Held) -> Result<Option<Found>> {
        let place = locked(&held.now).place.clone();
        Ok(self.look_in(&place)?.into_iter().find(|found| found.about.id == held.id))
    }

    /// As [`Host::look_at`]; where nothing stands there any more, what the gates admit of it elsewhere.
    fn look_for_next(&self, held: &Held) -> Result<Option<Found>> {
        if let Some(found) = self.look_at(held)? {
            return Ok(Some(found));
        }
        let is_it = |found: &Found| found.about.id == held.id && matches!(found.verdict, Verdict::Admitted(_));
        let in_memory = locked(&held.now).admitted.clone();
        if let Some(plugin) = in_memory.filter(|plugin| plugin.source == PluginSource::EntryPoint) {
            // Of another version the place has another name.
            let found = self.look_of(&plugin.package)?.into_iter().find(is_it);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(self.look()?.into_iter().find(is_it))
    }
}

pub(crate) fn gone(id: &str) -> Fault {
    Fault::new(Reason::PluginNotFound, format!("`{id}` is not there any more"))
}
