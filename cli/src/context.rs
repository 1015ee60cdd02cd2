//! What a command goes by: flags win, then variables, then the documented defaults.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use aisoc_dispatch::Program;
use aisoc_installation::{Access, CoverageFloor, NetworkFileSystems, SharedDirectories, Site};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::capability::Capability;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::progress::{Act, Watcher};
use aisoc_manifests::reference::Reference;
use aisoc_manifests::registry_host::RegistryHost;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::warning::Warning;
use aisoc_packaging::Limits;
use aisoc_pipeline::{
    Contract, ContractChecks, Demands, Discovered, EventLog, ForeseenKeys, Occurrence, SignatureRule, SiteSources,
    TrustInputs, check_contracts,
};
use aisoc_platform::{Ctx, JournalReason};
use aisoc_registry_client::{ClientOptions, HeldSetting, RegistrySettings};
use aisoc_signing::{Origin, TimestampAuthorities};
use aisoc_trust::journal::Writer;
use aisoc_trust::keys::Applied;
use aisoc_trust::{Consent, PluginMode, Policy, TrustMode};
use aisoc_worker::{Launcher, Sandbox};
use jiff::Timestamp;

use crate::args::known::Capabilities;
use crate::args::lock::SourceArgs;
use crate::args::plugin::{ChangeArgs, FloorArgs, PlaceArgs, RegistryArgs, SharingArgs, SignatureArgs, TrustArgs};
use crate::chosen_lock::ChosenLock;
use crate::client;
use crate::clock;
use crate::commands::{Commands, without_denied};
use crate::config_directory::ConfigDirectory;
use crate::environment::{
    CAPA_PLUGIN_MODE, DENY_CAPABILITIES, Environment, PLUGIN_MODE, PLUGINS_DIR, SANDBOX, TRUST_COVERAGE, TRUST_MODE,
    TRUST_POLICY, TRUSTED_KEYS_DIR, VIRTUAL_ENV,
};
use crate::held_plugin;
use crate::notices;
use crate::output::Output;
use crate::proofs;
use crate::runtime;
use crate::timestamp_root;
use crate::variables::{
    COVERAGE_RULES, DEFAULT_PLUGINS_DIR, DEFAULT_TRUSTED_KEYS_DIR, OneOf, PLUGIN_MODES, SANDBOXES, TRUST_MODES,
    Word as _,
};
use crate::wanted;

/// What the flags and the environment say.
pub(crate) struct Context {
    pub(crate) output: Output,
    pub(crate) environment: Environment,
    /// For the commands that are about commands.
    pub(crate) commands: Commands,
    /// Who is compiled in, and what is denied.
    pub(crate) program: Arc<Program>,
    /// What those around the command have the journal say.
    journal_reason: RefCell<Option<StatedReason>>,
    cancellation: Cancellation,
    listening: OnceCell<()>,
    /// Whether the clock was spoken of.
    clock_told: OnceCell<()>,
    /// Whether the set of keys was, that is followed.
    keyset_told: OnceCell<()>,
    sandbox_told: OnceCell<()>,
    /// With what plugins are run.
    launcher: OnceCell<Launcher>,
}

impl Context {
    /// For the command of that name.
    pub(crate) fn new(
        name: String,
        output: Output,
        environment: Environment,
        commands: Commands,
        program: Arc<Program>,
    ) -> Self {
        let cancellation = Cancellation::of(Watching { name, output: output.clone() });
        let (listening, clock_told, keyset_told) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let (sandbox_told, launcher) = (OnceCell::new(), OnceCell::new());
        let journal_reason = RefCell::default();
        Self {
            output,
            environment,
            commands,
            program,
            journal_reason,
            cancellation,
            listening,
            clock_told,
            keyset_told,
            sandbox_told,
            launcher,
        }
    }

    /// The parser, whose help leaves out what is denied.
    pub(crate) fn parser(&self) -> clap::Command {
        without_denied((self.commands.parser)(), self.program.tree(), &self.program.denials())
    }

    /// Takes what those around the command hand to it.
    ///
    /// # Errors
    /// `wrapper_failed` for what no journal says, and for a command that is not wanted any more.
    pub(crate) fn takes(&self, ctx: &Ctx) -> Result<()> {
        wanted::require(ctx)?;
        let reason = ctx.value::<JournalReason>().map(|JournalReason(text)| text.parse::<StatedReason>());
        let reason = reason.transpose().map_err(|fault| {
            Fault::new(Reason::WrapperFailed, format!("a plugin has something for the journal that is none: {fault}"))
        })?;
        self.journal_reason.replace(reason);
        Ok(())
    }

    /// Set once the command is to stop.
    pub(crate) fn stops(&self) -> Arc<AtomicBool> {
        self.cancellation.flag()
    }

    /// What stops the command, from now on instead of the process: for commands that ask it wherever they
    /// take long.
    ///
    /// # Errors
    /// `io_error` when the system takes no signal handler.
    pub(crate) fn cancellation(&self) -> Result<&Cancellation> {
        if self.listening.set(()).is_ok() {
            runtime::stop_on_signals(&self.cancellation)?;
        }
        Ok(&self.cancellation)
    }

    /// Whether anything is changed.
    pub(crate) fn dry_run(&self) -> DryRun {
        self.output.is_dry_run().into()
    }

    /// What was done, or in a dry run what would be.
    pub(crate) fn said<'a>(&self, done: &'a str, foreseen: &'a str) -> &'a str {
        self.output.said(done, foreseen)
    }

    /// How much is read of a directory, and until when.
    ///
    /// # Errors
    /// As [`Context::cancellation`].
    pub(crate) fn limits(&self) -> Result<Limits> {
        self.cancellation().map(Limits::until)
    }

    /// The plugins directory.
    pub(crate) fn site(&self, flag: Option<PathBuf>) -> Site {
        let named = flag.or_else(|| self.environment.path(PLUGINS_DIR));
        Site::at(named.unwrap_or_else(|| DEFAULT_PLUGINS_DIR.into()))
    }

    /// The trusted keys: a directory, or where a verdict is asked for one file.
    pub(crate) fn keys_directory(&self, flag: Option<PathBuf>) -> PathBuf {
        let named = flag.or_else(|| self.environment.path(TRUSTED_KEYS_DIR));
        named.unwrap_or_else(|| DEFAULT_TRUSTED_KEYS_DIR.into())
    }

    /// Whether a host loads what the lock does not accept. A mode that is misspelt in the environment is production,
    /// and says so.
    pub(crate) fn plugin_mode(&self, flag: Option<PluginMode>) -> PluginMode {
        let is_set = |name: &&str| self.environment.variable(name).is_some();
        let named = || [PLUGIN_MODE, CAPA_PLUGIN_MODE].into_iter().find(is_set);
        let set = |name| self.variable(name, &PLUGIN_MODES);
        flag.unwrap_or_else(|| named().map_or_else(PluginMode::default, set))
    }

    /// The lock that is meant: the one that is named, else the first that is there.
    ///
    /// # Errors
    /// `io_error` when nobody can tell where the working directory is.
    pub(crate) fn plugins_lock(&self, flag: Option<PathBuf>) -> Result<ChosenLock> {
        ChosenLock::of(flag, self.environment.plugins_lock())
    }

    /// Where a lock is made: where it is named, else in the working directory.
    ///
    /// # Errors
    /// As [`Context::plugins_lock`].
    pub(crate) fn new_plugins_lock(&self, flag: Option<PathBuf>) -> Result<PathBuf> {
        ChosenLock::of(flag, None).map(|chosen| chosen.path.to_path_buf())
    }

    /// Every place where plugins are looked for.
    ///
    /// # Errors
    /// `io_not_found` for a directory that is named and not there, and an I/O reason for what is none: its name is wrong.
    pub(crate) fn sources(&self, site: &Site, args: SourceArgs) -> Result<SiteSources> {
        let SourceArgs { site_packages } = args;
        if let Some(missing) = site_packages.iter().find(|named| !named.exists()) {
            return Err(Fault::io("open", missing, std::io::ErrorKind::NotFound.into()));
        }
        if let Some(file) = site_packages.iter().find(|named| !named.is_dir()) {
            return Err(Fault::io("list", file, std::io::ErrorKind::NotADirectory.into()));
        }
        let site_packages = if site_packages.is_empty() { self.environment.site_packages() } else { site_packages };
        Ok(SiteSources {
            site: Some(site.clone()),
            site_packages,
            virtual_env: self.environment.path(VIRTUAL_ENV),
            data_dir: self.environment.data_dir(),
            user_plugins: self.environment.user_plugins(),
        })
    }

    /// With what plugins are run, and how they are confined.
    pub(crate) fn launcher(&self) -> &Launcher {
        self.launcher.get_or_init(|| {
            let sandbox = self.variable(SANDBOX, &SANDBOXES);
            Launcher::new(self.environment.python(), held_plugin::program(), sandbox)
        })
    }

    /// The same, for whoever runs some now: where they are not confined, that is said.
    pub(crate) fn launcher_to_run(&self) -> &Launcher {
        let launcher = self.launcher();
        let is_told = launcher.sandbox != Sandbox::Off || self.environment.is_development();
        if !is_told && self.sandbox_told.set(()).is_ok() {
            self.output.warning(Warning::SandboxOff, "plugins are not confined: `AISOC_SANDBOX` is `off`");
        }
        launcher
    }

    /// What entry points say of themselves, once they are run.
    ///
    /// # Errors
    /// As [`check_contracts`], and [`Context::cancellation`].
    pub(crate) fn contract_check(&self, sources: &SiteSources, plugins: &[&Discovered]) -> Result<Vec<Contract>> {
        let (launcher, site_packages) = (self.launcher_to_run(), sources.site_packages()?);
        let limits = self.limits()?;
        let (memory, meant) = (None, &|_: &Discovered| true);
        let checks = ContractChecks { launcher, site_packages: &site_packages, limits: &limits, memory, meant };
        check_contracts(plugins, &checks)
    }

    /// The file that events go into, if one is named and anything may be written. Whoever changes something asks for it
    /// before.
    ///
    /// # Errors
    /// As [`EventLog::open`].
    pub(crate) fn event_log(&self) -> Result<Option<EventLog>> {
        let named = self.environment.log_file().filter(|_| !self.dry_run().is_on());
        named.map(|path| EventLog::open(&path)).transpose()
    }

    /// Writes down what has happened, if somebody has named a file for that.
    ///
    /// # Errors
    /// As [`EventLog::open`] and [`EventLog::record`].
    pub(crate) fn record(&self, occurrences: &[Occurrence]) -> Result<()> {
        self.event_log()?.map_or(Ok(()), |mut log| log.record(clock::now(), occurrences))
    }

    /// Who writes lines of a journal: this process, in the CI job that its environment names.
    pub(crate) fn journal_writer(&self) -> Writer {
        let because = self.journal_reason.borrow().as_ref().map(ToString::to_string);
        Writer { because, ..Writer::of_process(self.environment.ci_run()) }
    }

    /// The plugins directory, and how the command goes about changing it.
    ///
    /// # Errors
    /// As [`Context::judging_time`] and [`Context::cancellation`].
    pub(crate) fn change(&self, args: ChangeArgs) -> Result<(Site, Access)> {
        let (site, access) = self.access(args)?;
        self.judging_time(&site)?;
        Ok((site, access))
    }

    /// The time by which keys are judged on a site. A clock that does not go on from what was seen before is spoken of,
    /// once.
    ///
    /// # Errors
    /// As [`Site::last_seen`]: what cannot be read is not nothing.
    pub(crate) fn judging_time(&self, site: &Site) -> Result<Timestamp> {
        let (clock, seen) = (clock::now(), site.last_seen()?);
        if let (Some(seen), Ok(())) = (seen, self.clock_told.set(())) {
            clock::warn(clock, seen, &self.output);
        }
        Ok(seen.map_or(clock, |seen| seen.max(clock)))
    }

    /// As [`Context::judging_time`], for what is not on the site. Whoever may not read there is not the one who runs it,
    /// and has a clock alone.
    ///
    /// # Errors
    /// As [`Context::judging_time`].
    pub(crate) fn judging_time_elsewhere(&self, site: &Site) -> Result<Timestamp> {
        match self.judging_time(site) {
            Err(fault) if fault.reason() == Reason::IoDenied => Ok(clock::now()),
            time => time,
        }
    }

    /// As [`Context::change`], for a command that is about the time that was seen.
    ///
    /// # Errors
    /// As [`Context::cancellation`].
    pub(crate) fn access(&self, args: ChangeArgs) -> Result<(Site, Access)> {
        let site = self.site(args.plugins_dir);
        let access = self.access_to(&site, &args.place, &args.shared)?;
        Ok((site, access))
    }

    /// How this process goes about changing a plugins directory.
    ///
    /// # Errors
    /// As [`Context::access`].
    pub(crate) fn access_to(&self, site: &Site, place: &PlaceArgs, shared: &SharingArgs) -> Result<Access> {
        let access = Access {
            lock_timeout: Duration::from_secs(place.lock_timeout),
            network_file_systems: match place.accept_network_file_system {
                true => NetworkFileSystems::Accepted,
                false => NetworkFileSystems::Refused,
            },
            shared_directories: shared_directories(shared),
            coverage_floor: CoverageFloor::Held,
            consent: Consent::default(),
            cancellation: self.cancellation()?.clone(),
            dry_run: self.dry_run(),
            writer: self.journal_writer(),
            at: clock::now(),
        };
        if access.shared_directories == SharedDirectories::Accepted {
            self.warn_of_sharing(site.shared()?.as_deref());
        }
        Ok(access)
    }

    /// Says each time what somebody has answered for.
    pub(crate) fn warn_of_sharing(&self, shared: Option<&str>) {
        if let Some(shared) = shared {
            let said = format!(
                "{shared}: whoever can write there decides what a host loads, as `--accept-shared-directory` accepts"
            );
            self.output.warning(Warning::SharedDirectory, said);
        }
    }

    /// Says what a command could not remove: the command itself has done its work.
    pub(crate) fn warn_of_leftovers(&self, leftovers: &[PathBuf]) {
        for path in leftovers {
            self.output.warning(Warning::NotRemoved, format!("could not remove `{}`", path.display()));
        }
    }

    /// Says that the next install of the plugin will accept less than this one had to.
    pub(crate) fn warn_of_lowering(&self, id: &impl Display, from: Option<&str>, to: impl Display) {
        if let Some(from) = from {
            let done = self.said("was lowered", "would be lowered");
            let said = format!("the coverage floor of {id} {done} from {from} to {to}, as was asked for");
            self.output.warning(Warning::CoverageFloorLowered, said);
        }
    }

    /// Whom to trust on a site, how far, and by which time.
    ///
    /// # Errors
    /// As [`Context::judging_time`].
    pub(crate) fn trust(&self, args: TrustArgs, site: &Site) -> Result<TrustInputs> {
        self.trust_at(args, self.judging_time(site)?)
    }

    /// Whom to trust, how far, and by that time. A mode that is misspelt in the environment is strict,
    /// and says so; misspelt on the command line it is a usage error, and a list that cannot be read everywhere.
    ///
    /// # Errors
    /// `usage` for lists of publishers or capabilities that cannot be read.
    pub(crate) fn trust_at(&self, args: TrustArgs, at: Timestamp) -> Result<TrustInputs> {
        let (trust, doubt) = self.trust_as_far_as_read(args, at);
        doubt.map_or(Ok(trust), Err)
    }

    /// As [`Context::trust_at`], and why some of what a site asks could not be read, which is left out then: for whoever
    /// does not let plugins in by it.
    pub(crate) fn trust_as_far_as_read(&self, args: TrustArgs, at: Timestamp) -> (TrustInputs, Option<Fault>) {
        let mode = args.trust_mode.unwrap_or_else(|| self.variable(TRUST_MODE, &TRUST_MODES));
        if mode == TrustMode::Disabled && !self.environment.is_development() {
            self.output.warning(
                Warning::TrustDisabled,
                "PLUGIN_TRUST_MODE=disabled outside development — plugins will load without signature verification.",
            );
        }
        let coverage = args.trust_coverage.unwrap_or_else(|| self.variable(TRUST_COVERAGE, &COVERAGE_RULES));
        let keys_dir = self.keys_directory(args.trusted_keys);
        if mode != TrustMode::Disabled {
            self.warn_of_stale_set(&keys_dir, at);
        }
        let mut doubt = None;
        let timestamps = match mode {
            TrustMode::Disabled => TimestampAuthorities::default(),
            _ => timestamp_root::authorities(args.timestamp_root, &self.environment)
                .unwrap_or_else(|fault| left_out(fault, &mut doubt)),
        };
        let required_signers = proofs::required_signers(&args.required).unwrap_or_else(|fault| {
            doubt = Some(fault);
            // Whoever goes on without what could not be read does not go on with less.
            NonZeroUsize::MAX
        });
        let policy = Policy {
            coverage,
            required_signers,
            publishers: self.environment.publishers().unwrap_or_else(|fault| left_out(fault, &mut doubt)),
            denied_capabilities: self
                .denied_capabilities(args.deny_capabilities)
                .unwrap_or_else(|fault| left_out(fault, &mut doubt)),
            is_unsigned_acknowledged: self
                .environment
                .is_unsigned_acknowledged()
                .unwrap_or_else(|fault| left_out(fault, &mut doubt)),
            ..Policy::of(mode)
        };
        if let Some(missing) = args.trust_policy.as_ref().filter(|named| !named.exists()) {
            doubt.get_or_insert(Fault::io("read", missing, std::io::ErrorKind::NotFound.into()));
        }
        let demands = Demands { rules: self.trust_policy(args.trust_policy), ..Demands::default() };
        (TrustInputs { keys_dir, policy, at, timestamps, foreseen: ForeseenKeys::default(), demands }, doubt)
    }

    /// The file of trust rules, where one is named.
    pub(crate) fn trust_policy(&self, flag: Option<PathBuf>) -> Option<PathBuf> {
        flag.or_else(|| self.environment.path(TRUST_POLICY))
    }

    /// The time by which keys are judged, or the clock and why that is all there is.
    pub(crate) fn judging_time_as_far_as_read(&self, site: &Site) -> (Timestamp, Option<Fault>) {
        self.judging_time(site).map_or_else(|fault| (clock::now(), Some(fault)), |at| (at, None))
    }

    /// What no plugin may ask for.
    fn denied_capabilities(&self, flag: Option<Capabilities>) -> Result<BTreeSet<Capability>> {
        match (flag, self.environment.text(DENY_CAPABILITIES)?) {
            (Some(Capabilities(denied)), _) => Ok(denied),
            (None, Some(list)) => Capability::read_list(&list).map_err(|fault| fault.about(DENY_CAPABILITIES)),
            (None, None) => Ok(BTreeSet::new()),
        }
    }

    /// What the signature of what is published has to be. Only flags say so: what an operator's environment
    /// trusts on this machine is not what a publisher means by its own keys.
    pub(crate) fn signature_rule(&self, args: SignatureArgs, destination: Origin) -> SignatureRule {
        let Some(keys_dir) = args.trusted_keys else {
            return if args.unsigned { SignatureRule::UnsignedMeant } else { SignatureRule::Compared };
        };
        let trust = self.publisher_trust(keys_dir);
        let policy = Policy { coverage: args.trust_coverage.unwrap_or_default(), ..trust.policy };
        SignatureRule::Verified { trust: Box::new(TrustInputs { policy, ..trust }), destination }
    }

    /// Whom a publisher trusts, who has no site: strictly, and by the clock, to which no timestamp is an exception.
    pub(crate) fn publisher_trust(&self, keys_dir: PathBuf) -> TrustInputs {
        let at = clock::now();
        self.warn_of_stale_set(&keys_dir, at);
        let (policy, timestamps) = (Policy::of(TrustMode::Strict), TimestampAuthorities::default());
        let (foreseen, demands) = (ForeseenKeys::default(), Demands::default());
        TrustInputs { keys_dir, policy, at, timestamps, foreseen, demands }
    }

    /// Says, once, when nobody can rely any more on the set that these keys follow: who holds newer ones back holds
    /// revocations back. What cannot be read of the keys themselves is refused where they are read.
    pub(crate) fn warn_of_stale_set(&self, keys_dir: &Path, at: Timestamp) {
        let said = match Applied::read(keys_dir) {
            Ok(Some(applied)) if applied.is_stale(at) => {
                let Applied { name, version, expires_at, .. } = applied;
                format!(
                    "version {version} of the set of keys `{name}` has expired at {expires_at}: a newer one may be withheld"
                )
            }
            Err(fault) if matches!(fault.reason(), Reason::RecordInvalid | Reason::DirectoryInsecure) => {
                format!("nobody can tell until when the set of keys holds: {fault}")
            }
            _ => return,
        };
        if self.keyset_told.set(()).is_ok() {
            self.output.warning(Warning::KeysetStale, said);
        }
    }

    /// A variable's value, or the default when it is not set. A misspelt one counts as the strictest:
    /// somebody wanted something, and it must not become less.
    fn variable<T: Default + Copy + FromStr>(&self, name: &str, words: &OneOf<T>) -> T {
        let Some(text) = self.environment.variable(name) else {
            return T::default();
        };
        let text = text.to_string_lossy();
        words.read(&text).unwrap_or_else(|| {
            let said = format!("invalid {name} `{text}`; falling back to {}", words.strictest());
            self.output.warning(Warning::VariableInvalid, said);
            words.strictest
        })
    }

    /// How to reach the registries that the command names. Whoever speaks to one without TLS is told what that
    /// means before anything is sent.
    ///
    /// # Errors
    /// `usage` for half a login in the environment, and as [`Context::cancellation`].
    pub(crate) fn client(&self, args: &RegistryArgs, named: &[&Reference]) -> Result<ClientOptions> {
        let registries: Vec<RegistryHost> = named
            .iter()
            .filter_map(|reference| match reference {
                Reference::Registry(registry) => Some(RegistryHost::from(registry)),
                Reference::Layout(_) => None,
            })
            .collect();
        self.client_of(args, &registries)
    }

    /// As [`Context::client`], for registries as a whole.
    ///
    /// # Errors
    /// As [`Context::client`].
    pub(crate) fn client_of<'a>(
        &self,
        args: &RegistryArgs,
        registries: impl IntoIterator<Item = &'a RegistryHost>,
    ) -> Result<ClientOptions> {
        let settings = self.registry_settings(args)?;
        for registry in registries {
            self.warn_of_settings(registry, args, settings.of(registry)?.as_ref());
        }
        let cancellation = self.cancellation()?.clone();
        Ok(ClientOptions {
            settings: Arc::new(settings),
            key_reader: client::key_reader(cancellation.clone()),
            cancellation,
            manifests_from: self.environment.reference_rules()?.registries().cloned(),
            told: notices::shown(self.output.clone()),
            ..client::options(args, &self.environment)?
        })
    }

    /// What is written down of registries, as far as nothing is said in its place.
    fn registry_settings(&self, args: &RegistryArgs) -> Result<RegistrySettings> {
        let directory = ConfigDirectory::of(&self.environment);
        let written = directory.as_ref().map(ConfigDirectory::registry_settings).transpose()?.unwrap_or_default();
        Ok(if args.ca_file.is_some() { written.with_other_authority() } else { written })
    }

    /// Says what goes over the network unencrypted, and what of the command line stands in place of what is written.
    fn warn_of_settings(&self, registry: &RegistryHost, args: &RegistryArgs, held: Option<&HeldSetting>) {
        let written = held.and_then(|held| held.setting.plain_http);
        if args.plain_http.or(written) == Some(true) && !registry.is_loopback() {
            let said =
                format!("`{registry}` is spoken to without TLS: a login that it asks for can be read on the way");
            self.output.warning(Warning::ConnectionUnencrypted, said);
        }
        let Some(held) = held else { return };
        let plain = args.plain_http.zip(written).filter(|(said, written)| said != written);
        let plain =
            plain.map(|(said, written)| format!("`--plain-http={said}` counts, and not `plain_http = {written}`"));
        let has_authority = !held.setting.authorities.is_empty();
        let authority = args.ca_file.as_ref().filter(|_| has_authority);
        let authority = authority.map(|_| "`--ca-file` counts, and not the certificates that are named".to_owned());
        for said in plain.into_iter().chain(authority) {
            let place = held.certs_d.as_ref().map_or_else(|| held.file.clone(), |path| path.display().to_string());
            self.output.warning(Warning::SettingOverridden, format!("{said} in `{place}` for `{registry}`"));
        }
    }
}

/// Nothing, in place of what could not be read, and the first reason for that.
fn left_out<T: Default>(fault: Fault, doubt: &mut Option<Fault>) -> T {
    doubt.get_or_insert(fault);
    T::default()
}

/// Who is told of the work of a command: the user, by whatever the command speaks through.
struct Watching {
    name: String,
    output: Output,
}

impl Watcher for Watching {
    fn name(&self) -> &str {
        &self.name
    }

    fn waits_for(&self, what: &str) {
        self.output.status("Waiting", what);
    }

    fn begins(&self, act: Act, total: u64) {
        self.output.progress().end();
        self.output.progress().advance(act, 0, total);
    }

    fn is_at(&self, act: Act, done: u64, total: u64) {
        self.output.progress().advance(act, done, total);
    }

    fn is_over(&self) {
        self.output.progress().end();
    }
}

/// Whether less than before may be accepted. Where nothing is checked nothing is known to be less.
///
/// # Errors
/// `usage` in the trust mode `disabled`.
pub(crate) fn coverage_floor(args: FloorArgs, mode: TrustMode) -> Result<CoverageFloor> {
    if args.reason.is_some() && !args.lower_coverage {
        return Err(Fault::new(Reason::Usage, "`--reason` says why an exception is made, and none is")
            .expected("`--lower-coverage`", "`--reason` alone")
            .hint("leave it out, or name what it is about"));
    }
    match args.reason.filter(|_| args.lower_coverage) {
        None => Ok(CoverageFloor::Held),
        Some(_) if mode == TrustMode::Disabled => {
            Err(Fault::new(Reason::Usage, "`--lower-coverage` is about what a signature covers, and none is read")
                .expected("the trust mode strict or warn", mode.as_str()))
        }
        Some(reason) => Ok(CoverageFloor::Lowered(reason)),
    }
}

/// Whether a plugins directory that everybody may write is acceptable. Only a flag says so: a variable that is
/// set once for all would say it of directories that nobody has looked at.
pub(crate) fn shared_directories(args: &SharingArgs) -> SharedDirectories {
    match args.accept_shared_directory {
        true => SharedDirectories::Accepted,
        false => SharedDirectories::Refused,
    }
}
