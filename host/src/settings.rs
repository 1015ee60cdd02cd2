//! What a host goes by, and what it says of what happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use aisoc_context::{Caller, CallerKind, Notice};
use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::hook::Hook;
use aisoc_manifests::plugin::PluginType;
use aisoc_outbound::{Grant, ProviderRule};
use aisoc_pipeline::accepted::HereOptions;
use aisoc_pipeline::{DropinFile, InstallOptions, Installation, Note, Rollback};
use aisoc_trust::lockfile::{LockPath, Lockfile};
use aisoc_trust::{PluginMode, SignatureStatus, TrustMode};
use aisoc_worker::Launcher;
use aisoc_worker::serving::LogLine;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::asker::Asker;
use crate::feed::Feed;
use crate::hooks::event::RegistryEvent;
use crate::lifecycle::{Failure, State};
use crate::rooms::ProcessRules;
use crate::standing::OnRevoked;

/// What a plugin is configured with.
#[derive(Default)]
pub struct ConfiguredWith {
    /// All of it.
    pub values: Map<String, Value>,
    /// Those texts in it that are had by reference: nobody but the plugin is told them.
    pub secrets: Vec<String>,
}

/// Nothing of it.
impl fmt::Debug for ConfiguredWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredWith").finish_non_exhaustive()
    }
}

/// Says what the plugin of an id is configured with.
pub type Configured = dyn Fn(&str) -> Result<Option<ConfiguredWith>> + Send + Sync;

/// What somebody asks a host for, as policies judge it.
#[derive(Debug)]
pub enum Asked<'a> {
    /// What a command of that name asks for: `api/enable`.
    Command(&'static str),
    /// The call of a plugin.
    Call {
        /// The plugin.
        id: &'a str,
        /// What it declares.
        capabilities: &'a BTreeSet<Capability>,
        /// By what its caller is known.
        by: CallerKind,
    },
}

/// Says why something may not be asked for, where a policy denies it. It is asked each time.
pub type Rules = dyn Fn(&Asked<'_>) -> Option<Fault> + Send + Sync;

/// Plugins, by the hooks that come to nothing without them.
pub type RequiredHandlers = BTreeMap<Hook, BTreeSet<String>>;

/// Who does what, where an operator has said who.
#[derive(Debug, Clone, Default)]
pub struct ProviderRules {
    /// What `federation.read` and `federation.write` let plugins do.
    pub federation: Option<ProviderRule>,
    /// What `tenant.write` lets them do.
    pub tenant: Option<ProviderRule>,
}

/// What operators say of what plugins are given.
#[derive(Debug, Clone, Default)]
pub struct HandleRules {
    /// Plugins that read every line of the audit log.
    pub read_all_audit: BTreeSet<String>,
    /// Of the plugins that read them, whose facts they see beside their own.
    pub shared_facts: BTreeMap<String, BTreeSet<String>>,
    /// Of the keys that an operator says have taken the place of others, by fingerprint, those others.
    pub successors: BTreeMap<String, BTreeSet<String>>,
    /// Keys that sign what others have published, by fingerprint, and have no part in what its plugins keep.
    pub countersigners: BTreeSet<String>,
    /// Where plugins may go on the network, through their host.
    pub outbound: BTreeMap<String, Grant>,
    /// Who does for the host what it does not do itself.
    pub providers: ProviderRules,
}

/// What a host goes by.
pub struct Settings {
    /// Where plugins are looked for, and whom to trust; the time in it is that of each look.
    pub here: HereOptions,
    /// Whether what the lock does not accept is refused.
    pub mode: PluginMode,
    /// Where the lock would be.
    pub lock_path: LockPath,
    /// What the lock says now; nothing where there is none.
    pub lock: Box<dyn Fn() -> Result<Option<Lockfile>> + Send + Sync>,
    /// The time by which keys are judged now.
    pub judging_time: Box<dyn Fn() -> Result<Timestamp> + Send + Sync>,
    /// With what plugins are loaded.
    pub launcher: Launcher,
    /// And when.
    pub processes: ProcessRules,
    /// What the plugin of an id is configured with; nothing where nobody has said anything of it.
    pub configuration: Arc<Configured>,
    /// Where what plugins are given is kept, and what operators say of that.
    pub handles: HandleRules,
    /// Plugins without which a hook comes to nothing, because an operator says so.
    pub required_handlers: RequiredHandlers,
    /// How plugins are installed; the time in it is that of each install.
    pub installing: InstallOptions,
    /// The file in which the host keeps what operators have said.
    pub state_file: PathBuf,
    /// What may be asked for.
    pub rules: Arc<Rules>,
    /// Is told what happens.
    pub observer: Arc<dyn Fn(&Happening<'_>) + Send + Sync>,
    /// What has happened, for whoever watches. The observer tells it.
    pub feed: Arc<Feed>,
    /// What becomes of what is admitted no more.
    pub on_revoked: OnRevoked,
    /// What the clock says.
    pub clock: fn() -> Timestamp,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("mode", &self.mode)
            .field("state_file", &self.state_file)
            .finish_non_exhaustive()
    }
}

/// What somebody may want to write down.
#[derive(Debug)]
pub enum Happening<'a> {
    /// A plugin went from one state to another.
    Moved {
        /// The plugin.
        id: &'a str,
        /// The state before.
        from: State,
        /// The state after.
        to: State,
        /// Why it has failed.
        error: Option<&'a Failure>,
        /// At whose word.
        by: &'a Asker,
    },
    /// What is in memory was replaced by what is on the disk, or was not.
    Reloaded {
        /// The plugin.
        id: &'a str,
        /// The state that it is in.
        state: State,
        /// Why it was not.
        error: Option<&'a Failure>,
        /// At whose word.
        by: &'a Asker,
    },
    /// A reference without a digest is taken.
    Unpinned {
        /// The reference.
        reference: &'a str,
    },
    /// A plugin was installed. Whether it comes into memory is said next.
    Installed {
        /// What was.
        installed: &'a Installation,
        /// How it was judged.
        mode: TrustMode,
    },
    /// A version that was replaced is in its place again. Whether it comes into memory is said next.
    RolledBack {
        /// The plugin.
        id: &'a str,
        /// What came of it.
        rolled_back: &'a Rollback,
    },
    /// What is in memory would not be admitted any more.
    NoLongerAdmitted {
        /// The plugin.
        id: &'a str,
        /// The state that it is in.
        state: State,
        /// Why.
        why: &'a Failure,
        /// Whether it takes no calls for that.
        is_quarantined: bool,
    },
    /// What was admitted no more is again.
    AdmittedAgain {
        /// The plugin.
        id: &'a str,
        /// The state that it is in.
        state: State,
    },
    /// What is in memory could not be judged again, and goes on as it was admitted.
    NotJudged {
        /// Why.
        why: &'a str,
    },
    /// Nobody else can tell which versions run.
    NotPinned {
        /// Why.
        error: &'a str,
    },
    /// A file of a user's is going to be run, or is taken as data, or nobody can read it.
    UserFile {
        /// Where it is, and which bytes it has.
        file: &'a DropinFile,
    },
    /// Something was passed over, or is not as it should be, where plugins were looked for.
    Noticed {
        /// What.
        note: &'a Note,
    },
    /// A plugin has the id of another one, and does not count.
    Duplicate {
        /// The id.
        id: &'a str,
        /// Where it is.
        place: &'a Path,
        /// Why, with both places.
        fault: &'a Fault,
    },
    /// A signature does not count, or there is none where that is let pass.
    Signature {
        /// The plugin.
        id: &'a str,
        /// Where it is.
        place: &'a Path,
        /// What it is worth.
        status: SignatureStatus,
        /// What is wrong with it.
        why: String,
        /// Whether the plugin is refused, for that or anything else.
        is_refused: bool,
    },
    /// Something has happened at hooks: a plugin was registered, or was not; a handler denies something, or has failed.
    Hooks {
        /// What.
        event: &'a RegistryEvent,
    },
    /// Something is to be known of what is kept for plugins.
    Kept {
        /// What.
        notice: Notice<'a>,
    },
    /// A plugin printed something.
    Printed {
        /// The plugin.
        id: &'a str,
        /// What, as it wrote it.
        line: LogLine,
    },
}

/// A call of a plugin.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// What it is given.
    pub payload: &'a Map<String, Value>,
    /// Who calls.
    pub caller: &'a Caller,
    /// On whose behalf they say it is, and whatever else.
    pub context: &'a Map<String, Value>,
    /// Which type the plugin has to be of, if somebody says.
    pub expected: Option<PluginType>,
    /// Set when nobody waits for the answer any more.
    pub stop: &'a AtomicBool,
}
