//! What is installed and rolled back while plugins run: by the same line as on the command line, and then held.
//!
//! What was put into its place is judged there as everything is, and loaded beside what runs. What does not come into
//! memory does not stay on the disk either: what stood there before is put back, and what runs goes on.

use std::sync::{Mutex, PoisonError};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::progress::{Act, Watcher};
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::accepted::LockRule;
use aisoc_pipeline::documents::{BroughtPlugin, HostedPlugin};
use aisoc_pipeline::{
    Change, Event, InstallOptions, Installation, Leaving, Reporter, RollbackOptions, Silent, Source, install,
    roll_back, uninstall, unless_stopped,
};
use aisoc_trust::journal::Action;
use tokio::runtime::Handle;

use crate::asker::Asker;
use crate::audit::Subject;
use crate::bringing::Brought;
use crate::host::{Host, PIN_PATIENCE};
use crate::refusal::Refusal;
use crate::settings::Happening;
use crate::turns::Turn;

/// What says that a reference into a registry follows.
const REGISTRY: &str = "oci://";

/// What somebody wants to be installed.
#[derive(Debug)]
pub(crate) struct Wanted {
    source: Source,
    only: Option<PluginId>,
}

impl Wanted {
    /// Reads what a request names: a reference into a registry, whatever there is on this machine, and the plugin that it
    /// is of, where that is said.
    ///
    /// # Errors
    /// `invalid_ref`, `forbidden_registry`, `invalid_plugin_id`.
    pub(crate) fn read(reference: &str, plugin_id: Option<&str>) -> Result<Self, Fault> {
        let only = plugin_id.map(str::parse).transpose()?;
        let reference = reference.strip_prefix(REGISTRY).unwrap_or(reference);
        Ok(Self { source: Source::parse(format!("{REGISTRY}{reference}"))?, only })
    }

    /// The reference, where it names no digest: it may be another artifact tomorrow.
    fn unpinned(&self) -> Option<String> {
        match self.source.artifact() {
            Some(Reference::Registry(reference)) if reference.digest().is_none() => Some(reference.to_string()),
            _ => None,
        }
    }
}

/// A request, to whoever waits for what it holds.
struct Request;

impl Watcher for Request {
    fn name(&self) -> &'static str {
        "aisoc serve"
    }

    fn waits_for(&self, _what: &str) {}

    fn begins(&self, _act: Act, _total: u64) {}

    fn is_at(&self, _act: Act, _done: u64, _total: u64) {}

    fn is_over(&self) {}
}

/// What stops a request.
pub(crate) fn cancellation() -> Cancellation {
    Cancellation::of(Request)
}

/// Takes a plugin's turn before it is put into its place, and asks whether it may be put there: nobody knows before which one
/// it is.
struct Claiming<'a> {
    host: &'a Host,
    cancellation: &'a Cancellation,
    turn: Mutex<Option<Turn<'a>>>,
}

impl<'a> Claiming<'a> {
    fn claim(&self, id: &PluginId) {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if turn.is_none() {
            // Nothing where the work is to stop, which it notices by itself before it changes anything.
            *turn = self.host.turns.take(id.as_str(), self.cancellation);
        }
    }

    fn turn(self, id: &PluginId) -> Option<Turn<'a>> {
        self.claim(id);
        self.turn.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for Claiming<'_> {
    fn event(&self, _: &Event<'_>) {}

    fn before_activation(&self, id: &PluginId) -> Result<(), Fault> {
        self.claim(id);
        self.host.require_no_guard(id)
    }
}

impl Host {
    /// Installs a plugin, and loads it: beside what runs of it, which it then takes the place of. Calls that have begun end
    /// in what they began in.
    ///
    /// # Errors
    /// As [`install`]: then everything is as it was. What cannot be loaded is taken away again.
    pub(crate) fn install(
        &self,
        wanted: &Wanted,
        by: &Asker,
        cancellation: &Cancellation,
    ) -> Result<BroughtPlugin, Refusal> {
        let _begun = self.turns.begin(cancellation).map_err(Refusal::Host)?;
        let options = self.install_options(cancellation).map_err(Refusal::Plugin)?;
        // What is replaced stays until it is known whether what replaces it can be loaded.
        let trial = InstallOptions { only: wanted.only.clone(), ..options.clone() }.on_trial();
        if let Some(reference) = wanted.unpinned() {
            self.tell_of(&Happening::Unpinned { reference: &reference });
        }
        let claiming = Claiming { host: self, cancellation, turn: Mutex::default() };
        let installing = install(&wanted.source, &trial, &claiming);
        let installed =
            Handle::current().block_on(unless_stopped(cancellation, installing)).map_err(Refusal::Plugin)?;
        let _turn = claiming.turn(&installed.id);
        let reference = wanted.source.pinned(installed.digest).map_err(Refusal::Plugin)?;
        self.tell_of(&Happening::Installed { installed: &installed, mode: options.trust.policy.mode });
        let is_unchanged = installed.change == Change::Unchanged;
        let brought = Brought {
            action: Action::Install,
            id: installed.id.as_str(),
            version: &installed.version,
            place: &installed.directory,
            is_unchanged,
        };
        if let Err(refusal) = self.take_up(&brought, by) {
            return Err(self.taken_back(refusal, &installed.id, by, || self.take_back(&installed)));
        }
        if !is_unchanged {
            // What could not be removed is removed by the next change, or by `gc`.
            let _ = options.settle(&installed.id);
        }
        Ok(BroughtPlugin { plugin_id: installed.id.to_string(), oci_ref: reference })
    }

    /// Puts a version back that was replaced, and loads it as [`Host::install`] does.
    ///
    /// # Errors
    /// As [`roll_back`], and as [`Host::install`].
    pub(crate) fn roll_back(
        &self,
        id: &PluginId,
        to: Option<String>,
        by: &Asker,
        cancellation: &Cancellation,
    ) -> Result<HostedPlugin, Refusal> {
        let _begun = self.turns.begin(cancellation).map_err(Refusal::Host)?;
        let _turn = self.turns.take(id.as_str(), cancellation).ok_or_else(interrupted)?;
        self.require_no_guard(id).map_err(Refusal::Plugin)?;
        let options = self.install_options(cancellation).map_err(Refusal::Plugin)?;
        let before = options.site.read(id.as_str().as_ref()).and_then(|plugin| plugin.record.ok().flatten());
        let rolled_back = roll_back(&options.back_to(id.clone(), to), &Silent).map_err(Refusal::Plugin)?;
        self.tell_of(&Happening::RolledBack { id: id.as_str(), rolled_back: &rolled_back });
        let brought = Brought {
            action: Action::Rollback,
            id: id.as_str(),
            version: &rolled_back.version,
            place: &rolled_back.directory,
            is_unchanged: rolled_back.is_unchanged,
        };
        self.take_up(&brought, by).map_err(|refusal| {
            self.taken_back(refusal, id, by, || match before.filter(|_| !rolled_back.is_unchanged) {
                Some(before) => self.put_back(id, Some(before.digest.to_string()), Leaving::IsKept),
                None => Ok(()),
            })
        })
    }

    /// The refusal, once what stood there before stands there again, or with the reason why it does not.
    fn taken_back(
        &self,
        refusal: Refusal,
        id: &PluginId,
        by: &Asker,
        take_back: impl FnOnce() -> Result<(), Fault>,
    ) -> Refusal {
        // What has not come up runs no more.
        self.settle_pins(PIN_PATIENCE);
        let taken_back = take_back();
        self.look_again(id.as_str());
        // Behind the line that said that it comes. Where there could be none, there is none of this either.
        let why = Asker { reason: refusal.reason().as_str().parse().ok(), ..by.clone() };
        let _ = self.write_down(Action::Refuse, Subject { id: Some(id.to_string()), ..Subject::default() }, &why);
        match (refusal, taken_back) {
            (refusal, Ok(())) => refusal,
            (
                Refusal::Denied(fault) | Refusal::Plugin(fault) | Refusal::Unasked { fault, .. } | Refusal::Host(fault),
                Err(left),
            ) => Refusal::Plugin(
                fault.and(&Fault::new(left.reason(), format!("what was there before is not put back: {left}"))),
            ),
            (refusal, Err(left)) => Refusal::Plugin(
                left.although(format!("{}, and what was there before is to be put back", refusal.words())),
            ),
        }
    }

    /// What was installed and cannot be loaded goes again, whoever waits for it.
    fn take_back(&self, installed: &Installation) -> Result<(), Fault> {
        match installed.change {
            Change::Unchanged => Ok(()),
            Change::Installed => {
                let options = self.install_options(&cancellation())?;
                uninstall(&options.site, &installed.id, &options.access).map(drop)
            }
            Change::Upgraded { .. } | Change::Downgraded { .. } | Change::Replaced { .. } => {
                self.put_back(&installed.id, None, Leaving::Goes)
            }
        }
    }

    /// Puts back what stood there a moment ago: it is judged by the keys of today, and not by a lock that may know the one
    /// that has taken its place.
    fn put_back(&self, id: &PluginId, to: Option<String>, leaving: Leaving) -> Result<(), Fault> {
        let options = self.install_options(&cancellation())?;
        let lock = LockRule::Known(self.lock_path().clone());
        let back = InstallOptions { lock, ..options }.back_to(id.clone(), to);
        roll_back(&RollbackOptions { leaving, ..back }, &Silent).map(drop)
    }
}

fn interrupted() -> Refusal {
    Refusal::Plugin(Fault::new(Reason::Interrupted, "stopped before it was its turn"))
}
