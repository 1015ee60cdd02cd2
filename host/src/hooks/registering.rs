//! A plugin is registered, as it comes into memory: what it says of itself is judged, who is registered is asked, and it
//! itself. What is refused does not come into memory.

use std::path::Path;
use std::sync::Arc;

use aisoc_context::Waiting;
use aisoc_hooks::{Answer, CONTRACT_VERSION, Decision, Failure, Fired, Invoked, Outcome, Registration};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::hook::Hook;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::text::shown;
use aisoc_pipeline::{Discovered, escaped, judge_hooks};
use aisoc_worker::serving::{HookCall, Worker};
use serde_json::{Map, Value, json};

use super::firing::{Among, Firing, invoked, of_host};
use super::telling::{Registering, Why};
use crate::found::{Found, Verdict};
use crate::held::{Begun, Held, Now, locked};
use crate::host::Host;
use crate::refusal::Refusal;

/// Most characters that are shown of what a handler says.
const MAX_SHOWN: usize = 1000;

impl Host {
    /// What a plugin that was started is registered as, as it said when it was `checked`: nothing of one that has no handlers
    /// of hooks. It is registered by [`Host::take_hooks`], once it takes the place of what ran before.
    ///
    /// # Errors
    /// `contract_check_failed`, `duplicate_plugin_id`, `registration_refused`, `dependency_missing`, which are told;
    /// [`Refusal::Unasked`] where somebody could not be asked.
    pub(crate) fn admit_hooks(
        &self,
        held: &Held,
        plugin: &Discovered,
        checked: Option<&Registration>,
        begun: &Begun,
    ) -> std::result::Result<Option<Arc<Registration>>, Refusal> {
        let Some(manifest) = begun.worker.manifest().cloned() else { return Ok(None) };
        let refused = |registration: Option<&Registration>, (why, fault): (Why, Fault)| {
            self.tell_registered(&Registering { plugin, registration }, Some((why, &fault)));
            match why {
                Why::ConfigException => Refusal::Unasked { fault, is_itself: false },
                _ => Refusal::Plugin(fault),
            }
        };
        let judged = judge_hooks(manifest).map_err(|fault| refused(None, (Why::ManifestInvalid, fault)))?;
        // What it says of itself once it runs is no ground for anything else than it said when its contract was checked: no
        // gate has seen that. It may have been replaced in between, so that is no word of its own.
        if checked != Some(&judged) {
            // What it imports of others may have changed since: it is asked again.
            self.contracts.forget(plugin);
            let what = format!("plugin '{}' says something else than when its contract was checked", judged.name);
            let fault = Fault::new(Reason::ContractCheckFailed, what)
                .expected("one manifest, whoever asks for it", "two that differ");
            self.tell_registered(
                &Registering { plugin, registration: Some(&judged) },
                Some((Why::ManifestInvalid, &fault)),
            );
            return Err(Refusal::Unasked { fault, is_itself: false });
        }
        let judged = Arc::new(judged);
        self.judge_registration(held, &judged).map_err(|why| refused(Some(&judged), why))?;
        self.ask_itself(held, &judged, begun).map_err(|why| match refused(Some(&judged), why) {
            Refusal::Unasked { fault, .. } => Refusal::Unasked { fault, is_itself: true },
            refusal => refusal,
        })?;
        Ok(Some(judged))
    }

    /// What is asked of a registration, in the order in which hosts ask it; the plugin itself comes last.
    fn judge_registration(&self, held: &Held, registration: &Registration) -> std::result::Result<(), (Why, Fault)> {
        let is_its_own = locked(&held.now).hooks.is_some();
        {
            let registry = locked(&self.hooks.registry);
            registry.require_free(&registration.name, is_its_own).map_err(|fault| match fault.reason() {
                Reason::DuplicatePluginId => (Why::Duplicate, fault),
                _ => (Why::ManifestInvalid, fault),
            })?;
            registry.require_dependencies(registration).map_err(|fault| (Why::ManifestInvalid, fault))?;
        }
        // It was admitted under the name that it said when it was looked at.
        if registration.name != held.id {
            let fault = Fault::new(Reason::ContractCheckFailed, "the manifest's name is not the one that was admitted");
            let fault = fault.expected(held.id.as_str(), registration.name.as_str());
            return Err((Why::ManifestInvalid, fault));
        }
        registration.require_host(CONTRACT_VERSION).map_err(|fault| (Why::ManifestInvalid, fault))?;
        self.ask_registered(registration)
    }

    /// Asks those that are registered.
    fn ask_registered(&self, registration: &Registration) -> std::result::Result<(), (Why, Fault)> {
        let payload = Map::from_iter([("plugin".to_owned(), manifest_of(registration))]);
        let firing = Firing { value: None, payload: &payload, caller: &of_host(), stop: self.stopped() };
        // What ran of it before is not asked about what runs of it next.
        let among = Among { left_out: Some(&registration.name), ..Among::default() };
        let Fired { outcome, .. } = self.fire_among(Hook::ConfigValidate, firing, &among).fired;
        match outcome {
            Ok(Outcome::Decided(Decision::Deny { reason, .. })) => Err(denied(registration, &reason)),
            Ok(_) => Ok(()),
            Err(words) => Err((Why::ConfigException, refused(shown(&words, MAX_SHOWN)))),
        }
    }

    /// Asks the plugin itself, where it has something to say.
    fn ask_itself(
        &self,
        held: &Held,
        registration: &Registration,
        begun: &Begun,
    ) -> std::result::Result<(), (Why, Fault)> {
        let Some(handler) = registration.handler(Hook::ConfigValidate) else { return Ok(()) };
        let caller = of_host();
        let waiting = Waiting::begin(handler.timeout.duration(), self.stopped());
        let call = HookCall {
            hook: Hook::ConfigValidate.as_str(),
            value: None,
            payload: &Map::new(),
            is_own: true,
            patience: handler.timeout.duration(),
            stop: self.stopped(),
            may_begin: &|| true,
            answer: &|ask| self.answer(&begun.granted, &caller, ask, waiting),
        };
        let name = &registration.name;
        let failed = |words: &str| {
            let text = format!("plugin '{name}' config validator failed: {}", shown(words, MAX_SHOWN));
            (Why::ConfigException, refused(text))
        };
        let answer = begun.worker.fire(&call).map_err(|error| failed(&held.masked.error(error).to_string()))?;
        let found = match invoked(Hook::ConfigValidate, held.masked.answer(answer)) {
            Invoked::Returned(Answer::Allow) => return Ok(()),
            Invoked::Returned(Answer::Deny(reason)) => return Err(denied(registration, &reason)),
            Invoked::Failed(Failure::Raised { message, .. } | Failure::NotCalled(message)) => {
                return Err(failed(&message));
            }
            Invoked::Failed(Failure::TimedOut(_)) | Invoked::Skipped(_) => return Err(failed("it did not answer")),
            Invoked::Returned(Answer::Nothing) => "NoneType".to_owned(),
            Invoked::Returned(Answer::Value { type_name, .. }) => shown(&type_name, MAX_SHOWN),
        };
        let text = format!("plugin '{name}' config validator returned {found}; expected Allow or Deny");
        Err((Why::ConfigResult, refused(text)))
    }

    /// Takes what a plugin is registered as out, that is there no more.
    pub(crate) fn let_go_of_hooks(&self, held: &Held) {
        let hooks = {
            let mut now = locked(&held.now);
            (now.health, now.distribution) = (None, None);
            now.hooks.take()
        };
        if let Some(hooks) = hooks {
            locked(&self.hooks.registry).remove(&hooks.name);
        }
        self.hooks.forget_refused(&held.id);
    }

    /// Registers what takes the place of what was registered of a plugin, in the moment in which its process does.
    ///
    /// # Errors
    /// As [`Registry::register`].
    pub(crate) fn take_hooks(
        &self,
        now: &mut Now,
        plugin: &Discovered,
        hooks: Option<&Arc<Registration>>,
    ) -> Result<()> {
        let mut registry = locked(&self.hooks.registry);
        let Some(hooks) = hooks else {
            // What has no handlers takes nobody's place who has some.
            return registry.require_unregistered(&plugin.id);
        };
        registry.register(Arc::clone(hooks), now.hooks.is_some())?;
        self.hooks.forget_refused(&hooks.name);
        (now.hooks, now.distribution, now.health) = (Some(Arc::clone(hooks)), Some(plugin.package.clone()), None);
        Ok(())
    }

    /// Refuses what has the id of a plugin that is registered, and is another one: what is called at hooks is not taken the
    /// place of by what is called at none, or came in another distribution, whoever has signed it.
    ///
    /// # Errors
    /// `duplicate_plugin_id`.
    pub(crate) fn require_its_own(&self, found: &Found) -> Result<()> {
        self.require_nobody_elses(&found.about.id, found.distribution(), &found.place)
    }

    /// The same of what is to be put into the plugins directory, where no plugin with handlers is: asked before it is there, so
    /// that a host that is killed leaves nothing that the next one would take for the plugin.
    ///
    /// # Errors
    /// As [`Host::require_its_own`].
    pub(crate) fn require_no_guard(&self, id: &PluginId) -> Result<()> {
        self.require_nobody_elses(id.as_str(), None, &self.plugins_directory().join(id.as_str()))
    }

    fn require_nobody_elses(&self, id: &str, its_own: Option<&str>, other: &Path) -> Result<()> {
        let Some(registered) = self.find_registered(id) else { return Ok(()) };
        let (place, distribution) = {
            let now = locked(&registered.now);
            (now.place.clone(), now.distribution.clone())
        };
        if distribution.as_deref() == its_own {
            return Ok(());
        }
        let [at, other] = [place.as_path(), other].map(|place| escaped(place.as_os_str()));
        let text = format!("plugin '{id}' is registered at hooks from '{at}' already, and cannot be from '{other}'");
        Err(Fault::new(Reason::DuplicatePluginId, text))
    }

    /// A plugin that is registered and not in memory is where its distribution is by now, which has another place once it was
    /// upgraded: what comes of that is its own, and it is missed until it comes.
    pub(crate) fn follow_upgrades(&self, found: &[Found]) {
        let is_missed = |held: &Held| held.is_registered() && !held.is_in_memory();
        for held in self.all().iter().filter(|held| is_missed(held)) {
            let _changing = locked(&held.changing);
            let (key, distribution) = (held.key(), locked(&held.now).distribution.clone());
            let is_its_own =
                |found: &&Found| found.about.id == key.0 && found.distribution() == distribution.as_deref();
            let mut its_own = found.iter().filter(is_its_own);
            if let Some(next) = its_own.clone().find(|found| found.place == key.1).or_else(|| its_own.next())
                && is_missed(held)
            {
                self.moved(held, &next.place);
            }
        }
    }

    /// Says that it was registered.
    pub(crate) fn tell_of_registration(&self, plugin: &Discovered, registration: &Registration) {
        self.tell_registered(&Registering { plugin, registration: Some(registration) }, None);
    }

    /// Says of a plugin of Stigmem that a gate refuses it, where that is about its manifest: it is not registered.
    pub(crate) fn tell_of_refused(&self, found: &Found) {
        let (Verdict::Refused(fault), Some(plugin)) = (&found.verdict, &found.refused) else { return };
        let why = match fault.reason() {
            Reason::DuplicatePluginId => Why::Duplicate,
            Reason::ContractCheckFailed | Reason::UnknownCapability => Why::ManifestInvalid,
            _ => return,
        };
        self.tell_registered(&Registering { plugin, registration: None }, Some((why, fault)));
    }
}

impl Held {
    /// What a plugin is registered as that was started again for a call: what it said before.
    ///
    /// # Errors
    /// `registration_refused` where it says something else now, of which nobody was asked.
    pub(crate) fn same_hooks(&self, now: &Now, said: Option<&Registration>) -> Result<Option<Arc<Registration>>> {
        match (&now.hooks, said) {
            (None, None) => Ok(None),
            (Some(before), Some(said)) if **before == *said => Ok(Some(Arc::clone(before))),
            _ => Err(refused(format!("plugin '{}' says something else than it was registered as", self.id))),
        }
    }
}

/// What a plugin that was started says of itself.
///
/// # Errors
/// `contract_check_failed` for what is no manifest.
pub(crate) fn said_of_hooks(worker: &Worker) -> Result<Option<Registration>> {
    worker.manifest().cloned().map(judge_hooks).transpose()
}

fn refused(text: String) -> Fault {
    Fault::new(Reason::RegistrationRefused, text)
}

fn denied(registration: &Registration, reason: &str) -> (Why, Fault) {
    let reason = shown(reason, MAX_SHOWN);
    let text = format!("plugin '{}' failed config validation: {reason}", registration.name);
    (Why::ConfigValidate, refused(text))
}

/// What a plugin is asked about another one.
fn manifest_of(registration: &Registration) -> Value {
    let Registration { name, version, requires, capabilities, depends_on, is_async_safe, handlers, .. } = registration;
    json!({
        "name": name,
        "version": version,
        "requires_stigmem": requires,
        "capabilities": capabilities.iter().map(|one| one.as_str()).collect::<Vec<_>>(),
        "depends_on": depends_on,
        "async_safe": is_async_safe,
        "hooks": handlers.iter().map(|handler| handler.hook.as_str()).collect::<Vec<_>>(),
    })
}
