//! `Host`: every plugin that was found, its life, and whoever runs it. It carries out what a life asks for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aisoc_context::{Handles, Options, PluginUsage, Tell};
use aisoc_files::parallel;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_pipeline::documents::{AuditPage, HostedPlugin};
use aisoc_pipeline::{ContractMemory, InstallOptions, escaped};
use aisoc_trust::journal::{Action, JournalMemory};
use aisoc_trust::lockfile::LockPath;
use aisoc_trust::{Patience, PluginMode, lock_missing};
use aisoc_worker::PrivateCopy;

use crate::about::{About, SignedLately};
use crate::asker::{Actor, Asker};
use crate::audit::{self, Subject, action};
use crate::beside::{Beside, MAX_ENDING, MAX_RETRYING};
use crate::decided::Decided;
use crate::feed::Feed;
use crate::found::{Found, Verdict, reason_of};
use crate::held::{Held, Key, Now, key, locked};
use crate::hooks::known::{Hooks, in_order_of_needs};
use crate::lifecycle::{Effect, Event, Life, State, Verb};
use crate::meant::require_plain_name;
use crate::noticed::Noticed;
use crate::pinned::Pinned;
use crate::reaching;
use crate::refusal::Refusal;
use crate::rooms::Processes;
use crate::settings::{Happening, Settings};
use crate::shown::{Looks, Shown};
use crate::standing::{Judgement, LIST_KEPT, LOOK_ROUND, OnRevoked, Round, SETTLE_ROUND, Sweep};
use crate::switches::Switches;
use crate::turns::Turns;

/// How long to wait, before a plugin is loaded, for whoever changes the plugins directory: others do so in a moment.
pub(crate) const PIN_PATIENCE: Duration = Duration::from_secs(2);

/// How long after its end a plugin is tried again; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// And no later than this, of what is tried again for ever: each time takes what loading takes.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The plugins of a site.
#[derive(Debug)]
pub struct Host {
    pub(crate) settings: Settings,
    pub(crate) switches: Switches,
    /// What plugins can ask for while they are called.
    pub(crate) handles: Handles,
    /// Who changes what is on the disk. Taken before anything else but `discovering`.
    pub(crate) turns: Turns,
    pub(crate) pinned: Pinned,
    /// How many plugins have a process.
    pub(crate) processes: Processes,
    /// Those of plugins that are asked at hooks.
    pub(crate) guards: Processes,
    /// Who is called at which hook.
    pub(crate) hooks: Hooks,
    /// What was said of signatures lately.
    signed: SignedLately,
    /// Where the sweep over the disk is.
    pub(crate) sweep: Mutex<Sweep>,
    pub(crate) plugins: Mutex<BTreeMap<Key, Arc<Held>>>,
    /// One discovery at a time. Taken before anything else, where it is.
    discovering: Mutex<()>,
    /// One look at a time, but for what is asked of plugins meanwhile. Taken after `changing` of a plugin, and nothing is
    /// waited for while it is held.
    pub(crate) looking: Mutex<()>,
    /// What entry points have said of themselves.
    pub(crate) contracts: ContractMemory,
    /// What was shown last of all plugins.
    shown: Mutex<Arc<Shown>>,
    /// What was said of the sources last.
    pub(crate) noticed: Mutex<Noticed>,
    /// When what is in memory is judged again.
    pub(crate) judgement: Mutex<Judgement>,
    /// When it is compared with the disk again.
    pub(crate) disk: Mutex<Round>,
    /// When what plugins have used is written down.
    pub(crate) settling: Mutex<Round>,
    /// What it has decided by itself, and when that is written down.
    pub(crate) decided: Decided,
    pub(crate) journaling: Mutex<Round>,
    /// When plugins that have ended are tried again.
    pub(crate) due: Mutex<Vec<(Instant, Key)>>,
    /// How often that was.
    pub(crate) restarts: AtomicU64,
    /// Who tries them.
    pub(crate) retrying: Beside,
    /// Where what was replaced ends.
    pub(crate) ending: Beside,
    /// Where the journal of the site ended.
    pub(crate) journal: JournalMemory,
    /// Where everything is let go.
    stop: Arc<AtomicBool>,
}

impl Host {
    /// A host that knows no plugin yet: [`Host::discover`] finds them.
    ///
    /// # Errors
    /// `locked` where another host has the state file, `record_invalid` for one that cannot be understood,
    /// `lock_missing` in production where there is no lock.
    pub fn begin(settings: Settings) -> Result<Self> {
        if settings.mode == PluginMode::Production && (settings.lock)()?.is_none() {
            return Err(lock_missing(&settings.lock_path));
        }
        let switches = Switches::open(&settings.state_file)?;
        let observer = Arc::clone(&settings.observer);
        let tell: Arc<Tell> = Arc::new(move |notice| observer(&Happening::Kept { notice }));
        let certificates = &settings.installing.client.certificates;
        let (network, providers) = reaching::begin(&settings.handles, certificates, &tell)?;
        let handles = Handles::begin(Options {
            directory: kept_beside(&settings.state_file),
            read_all_audit: settings.handles.read_all_audit.clone(),
            shared_facts: settings.handles.shared_facts.clone(),
            network,
            providers,
            clock: settings.clock,
            countersigners: settings.handles.countersigners.clone(),
            tell,
        })?;
        PrivateCopy::sweep();
        Ok(Self {
            settings,
            switches,
            handles,
            turns: Turns::default(),
            pinned: Pinned::default(),
            processes: Processes::default(),
            guards: Processes::default(),
            hooks: Hooks::default(),
            signed: SignedLately::default(),
            sweep: Mutex::new(Sweep::begin()),
            plugins: Mutex::default(),
            discovering: Mutex::default(),
            looking: Mutex::default(),
            contracts: ContractMemory::default(),
            shown: Mutex::new(Arc::new(Shown::of(Vec::new(), false))),
            noticed: Mutex::default(),
            judgement: Mutex::new(Judgement::begin()),
            disk: Mutex::new(Round::begin(LOOK_ROUND)),
            settling: Mutex::new(Round::begin(SETTLE_ROUND)),
            decided: Decided::default(),
            journaling: Mutex::new(Round::begin(SETTLE_ROUND)),
            due: Mutex::default(),
            restarts: AtomicU64::default(),
            retrying: Beside::new(MAX_RETRYING),
            ending: Beside::new(MAX_ENDING),
            journal: JournalMemory::default(),
            stop: Arc::default(),
        })
    }

    /// For whoever asks: looks at every source, loads what the gates admit and is not in memory, and says which those were. What is in
    /// memory is left as it is, whatever stands on the disk.
    ///
    /// # Errors
    /// As [`list`](aisoc_pipeline::accepted::list), and those of the lock. What is refused is listed.
    pub fn discover(&self, by: &Asker) -> Result<Vec<String>> {
        let _one = locked(&self.discovering);
        self.write_down(Action::Discover, Subject::default(), by)?;
        let found = self.look()?;
        self.follow_upgrades(&found);
        self.forget_all_but(&found);
        let (mut hooks, others): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|found| found.is_hook());
        let met = parallel::map(&others, parallel::default_threads(), |found| self.meet(found, by))
            .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
        in_order_of_needs(&mut hooks);
        let registered = hooks.iter().map(|found| self.meet(found, by));
        let met = met.into_iter().chain(registered).flatten().collect();
        if !self.hooks.is_frozen() {
            self.miss_those_without_their_ids(&hooks);
            self.hooks.freeze(self.settings.required_handlers.values().flatten());
        }
        Ok(met)
    }

    /// What is neither there nor in memory is nothing any more, unless it is registered: nobody but an operator says that a
    /// guard is not missed, and what is gone from the disk says nothing.
    fn forget_all_but(&self, found: &[Found]) {
        let there: BTreeSet<Key> = found.iter().map(key).collect();
        let is_kept = |held: &Held| held.is_in_memory() || held.is_registered();
        locked(&self.plugins).retain(|key, held| there.contains(key) || is_kept(held));
        let ids: BTreeSet<&str> = there.iter().map(|(id, _)| id.as_str()).collect();
        self.hooks.forget_refused_but(&ids);
    }

    /// Lets a plugin that was found live as it may, and gives its id if that brought it into memory.
    fn meet(&self, found: &Found, by: &Asker) -> Option<String> {
        let held = self.held(found);
        let _changing = locked(&held.changing);
        if held.is_in_memory() {
            return None;
        }
        // What is in memory of it comes from another place: it stays what it is until somebody asks for a reload.
        let is_elsewhere = self.find(&held.id).is_ok_and(|held| held.is_in_memory());
        if is_elsewhere && matches!(found.verdict, Verdict::Admitted(_)) {
            locked(&held.now).about = self.about(found);
            return None;
        }
        // Nothing is written down for what a discovery brings, so that nothing can fail to be.
        let _ = self.bring(&held, found, by);
        held.is_in_memory().then(|| held.id.clone())
    }

    /// Looks at a plugin again that is not in memory, after what stands on the disk was put back. What is wrong with it is
    /// shown with it.
    pub(crate) fn look_again(&self, id: &str) {
        let Ok(held) = self.find(id) else { return };
        let _changing = locked(&held.changing);
        let place = locked(&held.now).place.clone();
        let Ok(found) = self.look_in(&place) else { return };
        if held.is_in_memory() {
            return;
        }
        match found.iter().find(|found| found.about.id == id) {
            Some(found) => drop(self.bring(&held, found, &Asker::host())),
            None if held.is_registered() => {}
            None => drop(locked(&self.plugins).remove(&(held.id.clone(), place))),
        }
    }

    /// How a plugin is installed now.
    pub(crate) fn install_options(&self, cancellation: &Cancellation) -> Result<InstallOptions> {
        let Settings { installing, judging_time, clock, .. } = &self.settings;
        Ok(installing.anew(judging_time()?, clock(), cancellation))
    }

    /// Set where everything is let go.
    pub(crate) fn stopped(&self) -> &AtomicBool {
        &self.stop
    }

    pub(crate) fn lock_path(&self) -> &LockPath {
        &self.settings.lock_path
    }

    pub(crate) fn mode(&self) -> PluginMode {
        self.settings.mode
    }

    /// Whether what is admitted no more takes no calls.
    pub(crate) fn quarantines(&self) -> bool {
        self.settings.on_revoked == OnRevoked::Quarantine
    }

    /// Every plugin, in the order of the ids.
    pub(crate) fn all(&self) -> Vec<Arc<Held>> {
        locked(&self.plugins).values().cloned().collect()
    }

    /// The next ones behind that one, in that order; from the first where nothing is said, or there is none behind it.
    pub(crate) fn next_of(&self, after: Option<&Key>, most: usize) -> Vec<Arc<Held>> {
        let plugins = locked(&self.plugins);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let next: Vec<_> =
            plugins.range((from, Bound::Unbounded)).take(most).map(|(_, held)| Arc::clone(held)).collect();
        if next.is_empty() { plugins.values().take(most).cloned().collect() } else { next }
    }

    pub(crate) fn tell_of(&self, happening: &Happening<'_>) {
        (self.settings.observer)(happening);
    }

    /// What is shown of it.
    pub(crate) fn about(&self, found: &Found) -> About {
        match &found.verdict {
            Verdict::Admitted(plugin) if self.settings.processes.is_lazy => {
                About::Admitted(Arc::clone(plugin), self.signed.of(&found.about))
            }
            _ => About::whole(found.about.clone()),
        }
    }

    pub(crate) fn held(&self, found: &Found) -> Arc<Held> {
        let id = &found.about.id;
        let new = || {
            let now = Now {
                place: found.place.clone(),
                life: Life::begin(self.switches.of(id)),
                about: self.about(found),
                running: None,
                admitted: None,
                evidence: None,
                no_longer_admitted: None,
                on_disk: None,
                loaded_at: None,
                hooks: None,
                distribution: None,
                health: None,
            };
            Arc::new(Held {
                id: id.clone(),
                changing: Mutex::default(),
                starting: Mutex::default(),
                masked: Arc::default(),
                now: Mutex::new(now),
            })
        };
        Arc::clone(locked(&self.plugins).entry(key(found)).or_insert_with(new))
    }

    /// Steps through an event and everything that follows from it. Whoever calls holds `changing`.
    pub(crate) fn drive(&self, held: &Held, event: Event, found: Option<&Found>, by: &Asker) -> Result<(), Refusal> {
        let mut events = VecDeque::from([event]);
        let mut refusal = None;
        while let Some(event) = events.pop_front() {
            let is_reload = matches!(event, Event::Replaced | Event::NotReplaced(_));
            let asked = match &event {
                Event::Asked(verb) => action(*verb),
                Event::LetGo => action(Verb::Unload),
                _ => None,
            };
            let (life, effects) = {
                let now = locked(&held.now);
                now.life.clone().awaited(now.hooks.is_some()).switched_as(self.switches.of(&held.id)).step(event)
            };
            // What is said is written down before it is so; a reload, once there is something to take its place.
            let is_change = !effects.is_empty() && !effects.iter().any(|effect| matches!(effect, Effect::Refuse(_)));
            if let Some(action) = asked.filter(|action| is_change && *action != Action::Reload) {
                self.write_down(action, held.subject(), by).map_err(Refusal::Host)?;
            }
            for effect in &effects {
                if let Effect::Remember(switch) = effect {
                    self.switches.set(&held.id, *switch).map_err(Refusal::Host)?;
                }
            }
            locked(&held.now).life = life;
            if is_reload {
                self.tell_of_reload(held, by);
            }
            for effect in effects {
                match effect {
                    Effect::Load => events.push_back(match self.load(held, found, None) {
                        Ok(()) => Event::Loaded,
                        Err(why) => {
                            self.miss_unless_refused(held, found, &why);
                            let event = Event::NotLoaded(why.failure());
                            refusal = Some(why);
                            event
                        }
                    }),
                    Effect::Replace => events.push_back(match self.replace(held, found, by) {
                        Ok(()) => Event::Replaced,
                        Err(why) => {
                            let event = Event::NotReplaced(why.failure());
                            refusal = Some(why);
                            event
                        }
                    }),
                    Effect::Settle => events.push_back(Event::Settled),
                    Effect::End => {
                        held.let_go();
                        // What has ended by itself is missed where it votes; what an operator takes out is not.
                        if locked(&held.now).life.state() == State::Unloaded {
                            self.let_go_of_hooks(held);
                        }
                    }
                    Effect::Retry { attempt } => {
                        let (key, mut due) = (held.key(), locked(&self.due));
                        due.retain(|(_, other)| *other != key);
                        due.push((Instant::now() + pause_before(attempt), key));
                    }
                    Effect::Refuse(state) => refusal = Some(Refusal::NotNow(state)),
                    Effect::Tell { from, to } => self.tell(held, from, to, by),
                    Effect::Remember(_) | Effect::Call => {}
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    fn tell(&self, held: &Held, from: State, to: State, by: &Asker) {
        // What is wrong with a reload is no reason for another step.
        let error = locked(&held.now).life.error().filter(|_| to == State::Failed).cloned();
        (self.settings.observer)(&Happening::Moved { id: &held.id, from, to, error: error.as_ref(), by });
    }

    fn tell_of_reload(&self, held: &Held, by: &Asker) {
        let life = locked(&held.now).life.clone();
        (self.settings.observer)(&Happening::Reloaded { id: &held.id, state: life.state(), error: life.error(), by });
    }

    /// Says which directories hold what runs, if they are others than before.
    pub(crate) fn settle_pins(&self, lock_timeout: Duration) {
        let Settings { installing, here, .. } = &self.settings;
        let patience = Patience { lock_timeout, cancellation: here.limits.cancellation.clone() };
        let failed = self.pinned.settle(|pins, numbers| installing.site.pin(pins, numbers, &patience));
        if let Some(fault) = failed {
            self.tell_of(&Happening::NotPinned { error: &reason_of(&fault) });
        }
    }

    /// Every plugin, in the order of the ids, as of the last round: what has ended by itself since is noticed by the next.
    pub(crate) fn shown(&self) -> Arc<Shown> {
        let held = self.all();
        let mut shown = locked(&self.shown);
        if !shown.is_still(&held) {
            let looks = held.iter().map(|held| Looks::of(&locked(&held.now))).collect();
            *shown = Arc::new(Shown::of(looks, self.quarantines()));
        }
        Arc::clone(&shown)
    }

    /// Lets go of the list of all where nobody asks for it; for whoever asks again and again.
    pub(crate) fn forget_list_round(&self) {
        let shown = Arc::clone(&locked(&self.shown));
        shown.forget_list(LIST_KEPT);
    }

    /// Returns once everything is free that a request waits for. A host that is stuck does not return.
    pub fn require_free(&self) {
        drop(self.shown());
    }

    /// The one that an operator means by an id; of several, the one that is in memory, else the one that is registered, else the
    /// first.
    pub(crate) fn find(&self, id: &str) -> Result<Arc<Held>, Refusal> {
        let plugins = locked(&self.plugins);
        let mut named = named(&plugins, id);
        let first = named.clone().next();
        let in_memory = named.clone().find(|held| held.is_in_memory());
        let registered = named.find(|held| held.is_registered());
        in_memory.or(registered).or(first).map(Arc::clone).ok_or(Refusal::Unknown)
    }

    /// The one that is asked at hooks under that id, in memory or not.
    pub(crate) fn find_registered(&self, id: &str) -> Option<Arc<Held>> {
        named(&locked(&self.plugins), id).find(|held| held.is_registered()).map(Arc::clone)
    }

    pub(crate) fn seen(&self, held: &Held) -> HostedPlugin {
        self.notice_end(held);
        Looks::of(&locked(&held.now)).shown(self.quarantines())
    }

    /// What an operator asks for: everything but a call.
    ///
    /// # Errors
    /// As [`Refusal`] has them.
    pub fn ask(&self, id: &str, verb: Verb, by: &Asker) -> Result<HostedPlugin, Refusal> {
        let held = self.find(id)?;
        self.notice_end(&held);
        {
            let _changing = locked(&held.changing);
            // What is missed where it votes is let go of by an operator, in memory or not.
            let is_missed = !held.is_in_memory() && held.is_registered();
            let event = if verb == Verb::Unload && is_missed { Event::LetGo } else { Event::Asked(verb) };
            self.drive(&held, event, None, by)?;
        }
        // Whoever unloads a plugin may remove it next.
        self.settle_pins(PIN_PATIENCE);
        Ok(self.seen(&held))
    }

    /// Lets what is in a directory of the plugins directory take the place of what is in memory, and be meant from then on
    /// where another one holds the plugin as well.
    ///
    /// # Errors
    /// As [`Host::ask`]; `usage` for what is no directory's name, `plugin_not_found` where the plugin is not in it.
    pub(crate) fn reload_from(&self, id: &str, directory: &str, by: &Asker) -> Result<HostedPlugin, Refusal> {
        require_plain_name(directory).map_err(Refusal::Plugin)?;
        let held = self.find(id)?;
        self.notice_end(&held);
        {
            let _changing = locked(&held.changing);
            let place = self.plugins_directory().join(directory);
            let found = self.look_in_for(&place, Some((id, directory))).map_err(Refusal::Plugin)?;
            let is_it = |found: &Found| found.about.id == id;
            let found = found.into_iter().find(is_it).ok_or_else(|| Refusal::Plugin(not_in(id, &place)))?;
            let found = Found { asked_for: Some(directory.to_owned()), ..found };
            self.drive(&held, Event::Asked(Verb::Reload), Some(&found), by)?;
        }
        Ok(self.seen(&held))
    }

    /// Says that it is going to end: what is being installed is called off, so that nobody waits for that.
    pub(crate) fn wind_down(&self) {
        self.turns.stop();
    }

    /// Whether it has looked for its plugins, at the first time or since, and those are there that are required.
    pub(crate) fn is_ready(&self) -> bool {
        self.hooks.is_frozen() && !self.is_over() && self.has_required()
    }

    /// Whether it is going to end.
    pub(crate) fn is_over(&self) -> bool {
        self.turns.are_over()
    }

    /// As [`audit::write_down`], of what somebody else than the host itself has asked for.
    pub(crate) fn write_down(&self, action: Action, of: Subject, by: &Asker) -> Result<()> {
        if by.actor == Actor::Host {
            return Ok(());
        }
        audit::write_down(self.install_options(&Cancellation::default())?, action, of, by, &self.journal)
    }

    /// As [`audit::page`].
    pub(crate) fn audit(&self, limit: usize, after: Option<u64>) -> Result<AuditPage> {
        audit::page(&self.settings.installing, limit, after)
    }

    /// What has happened.
    pub fn feed(&self) -> &Arc<Feed> {
        &self.settings.feed
    }

    /// Lets every plugin go.
    pub fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.turns.end();
        self.retrying.end();
        let held: Vec<_> = std::mem::take(&mut *locked(&self.plugins)).into_values().collect();
        for held in held {
            // Calls that nobody waits for any more end with it.
            if let Some(running) = &locked(&held.now).running {
                running.worker.end();
            }
            held.let_go();
        }
        self.ending.end();
        self.settle_handles();
        self.write_decided();
    }

    /// Where plugins are installed; empty where nothing is named.
    pub fn plugins_directory(&self) -> &Path {
        self.settings.here.sources.site.as_ref().map_or(Path::new(""), |site| site.path())
    }
}

/// The directory beside the state file that everything is kept in which plugins have written.
fn kept_beside(state: &Path) -> PathBuf {
    state.with_extension("context")
}

/// What the host with that state file has written down of what a plugin has really called.
///
/// # Errors
/// `record_invalid` for what cannot be understood, and I/O reasons.
pub fn kept_usage(state: &Path, id: &str) -> Result<Vec<PluginUsage>> {
    Handles::kept_usage(&kept_beside(state), id)
}

fn not_in(id: &str, place: &Path) -> Fault {
    Fault::new(Reason::PluginNotFound, format!("`{id}` is not in `{}`", escaped(place.as_os_str())))
}

/// All that have that id.
fn named<'a>(plugins: &'a BTreeMap<Key, Arc<Held>>, id: &'a str) -> impl Iterator<Item = &'a Arc<Held>> + Clone {
    let from = (id.to_owned(), PathBuf::new());
    plugins.range(from..).take_while(move |((found, _), _)| found == id).map(|(_, held)| held)
}

/// Each time twice as long as the time before.
fn pause_before(attempt: u8) -> Duration {
    let factor = 1_u32.checked_shl(u32::from(attempt.saturating_sub(1))).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE)
}
