//! `aisoc serve`: the host.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use aisoc_host::access::{Issuer, Logins, Tell, TokenFile};
use aisoc_host::lifecycle::{Failure, State};
use aisoc_host::{
    Asker, Configured, Feed, HandleRules, Happening, Host, Notice, ProcessRules, RegistryEvent, RequestId,
    RequiredHandlers, Settings,
};
use aisoc_manifests::cancellation::Cancelled;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::platform::PlatformChoice;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::LockRule;
use aisoc_pipeline::documents::ServedHost;
use aisoc_pipeline::{EventLog, HostedStep, InstallOptions, Occurrence, RegistryRecord};
use aisoc_registry_client::{ClientOptions, tls_provider};
use aisoc_worker::serving::LogLine;
use aisoc_worker::{Groups, Launcher, Layer, Sandbox};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::accepted::{here, require_named, warn_of_file};
use super::configuration::{Configuration, of_none};
use super::host_rules;
use super::installing::{announce, came_in, registered, warn_of_installed};
use super::listen_place::Place;
use super::service_manager::ServiceManager;
use super::tls_files::TlsFiles;
use crate::args::accepted::DiscoveredListArgs;
use crate::args::host::{HostArgs, HostInstallArgs, HostIssuerArgs, RevokedArg};
use crate::context::{Context, shared_directories};
use crate::output::{Answer, Output, path_text, printable};
use crate::{clock, runtime};

impl Answer for ServedHost {
    fn text(&self) -> String {
        format!("{}\n", printable(&self.address))
    }

    fn goes_on(&self) -> bool {
        true
    }
}

pub(crate) fn run(args: HostArgs, context: &Context) -> Result<u8> {
    require_sandbox(context)?;
    let logins = logins(args.tokens, args.issuer, context.output.clone())?;
    let has_login = logins.is_some();
    let files = args.tls_certificate.zip(args.tls_private_key);
    let speaks_tls = files.is_some();
    let tls = files.map(|(certificate, key)| TlsFiles::begin(certificate, key, context)).transpose()?;
    let processes = args.processes.into();
    let settings = settings(args.site, args.installing, (args.on_revoked, args.config), &args.state, context)?;
    let settings = Settings { processes, launcher: limited(settings.launcher, &context.output), ..settings };
    let place = Place::of(args.listen, context)?;
    place.require_private(speaks_tls, has_login, context)?;
    let manager = ServiceManager::of(&context.environment, context.output.clone())?;
    let host = Arc::new(Host::begin(settings)?);
    let (output, cancellation) = (context.output.clone(), context.cancellation()?.clone());
    runtime::block_on_to_its_end(async {
        let listener = place.listen(tls.as_ref().map(TlsFiles::shown), has_login)?;
        let address = listener.url()?;
        if logins.is_none() {
            context.output.warning(
                Warning::HostWithoutLogin,
                format!("whoever has an account on this machine may do everything at {address}"),
            );
        }
        context.output.answer(&ServedHost {
            address,
            plugins_directory: path_text(host.plugins_directory()),
            state_path: path_text(&args.state),
            process_id: std::process::id(),
        })?;
        let told = Arc::clone(&manager);
        let looked = move |trouble: Option<Fault>| {
            if let Some(fault) = &trouble {
                output.warning(Warning::DiscoveryFailed, fault.to_string());
            }
            told.is_ready(trouble.as_ref());
        };
        let beside = [
            tls.map(|tls| tokio::spawn(tls.reread_for_ever())),
            Some(tokio::spawn(Arc::clone(&manager).keep_told(Arc::clone(&host)))),
        ];
        let stopped = async {
            runtime::stopped(&cancellation).await;
            manager.is_stopping();
        };
        let served = aisoc_host::serve(host, logins.map(Arc::new), listener, stopped, looked).await;
        beside.iter().flatten().for_each(JoinHandle::abort);
        served
    })
    .map(|()| 0)
}

/// Refuses a system that does not give what plugins have to be confined by, and warns of one that does not give all of it.
///
/// # Errors
/// `sandbox_unavailable`; `interrupted`.
fn require_sandbox(context: &Context) -> Result<()> {
    let launcher = context.launcher_to_run();
    let missing = match launcher.sandbox {
        Sandbox::Off => return Ok(()),
        _ => match launcher.layers(&context.cancellation()?.flag()) {
            Ok(layers) => layers.missing(),
            Err(aisoc_worker::Error::Stopped) => return Err(Cancelled.into()),
            Err(error) => error.to_string(),
        },
    };
    let said = || format!("this system does not confine plugins whole: {missing}");
    match launcher.sandbox {
        _ if missing.is_empty() => {}
        Sandbox::Require => return Err(Fault::new(Reason::SandboxUnavailable, said())),
        _ => context.output.warning(Warning::SandboxPartial, said()),
    }
    Ok(())
}

/// With a control group for each plugin, where this process was given one to divide; which it is, is said.
fn limited(launcher: Launcher, output: &Output) -> Launcher {
    match Groups::begin() {
        Ok(groups) => {
            let Layer { is_active, detail } = groups.layer();
            let by = if is_active {
                format!("a control group each: {detail}")
            } else {
                format!("their processes, as {detail}")
            };
            output.status("Limited", format!("plugins by {by}"));
            launcher.within(groups)
        }
        Err(why) => {
            output.status("Limited", format!("plugins by their processes, as {}", printable(&why.to_string())));
            launcher
        }
    }
}

/// Whom a host lets in; nothing where it asks nobody.
fn logins(tokens: Option<PathBuf>, issuer: HostIssuerArgs, output: Output) -> Result<Option<Logins>> {
    let tell: Tell = Arc::new(move |why| output.warning(Warning::NobodyLetIn, why));
    let begin = |options| Issuer::begin(options, tls_provider()?, clock::now, Arc::clone(&tell));
    let issuer = issuer.named().map(begin).transpose()?;
    if tokens.is_none() && issuer.is_none() {
        return Ok(None);
    }
    Logins::begin(tokens.map(TokenFile::at), issuer, clock::now, tell).map(Some)
}

const OTHER_STATE: &str = "make that directory, or name a file in one that is there with `--state FILE`";

/// What the host goes by. Whoever names a place means one that is there.
fn settings(
    args: DiscoveredListArgs,
    installing: HostInstallArgs,
    (on_revoked, config): (RevokedArg, Option<PathBuf>),
    state: &Path,
    context: &Context,
) -> Result<Settings> {
    require_named(args.plugins_dir.as_deref())?;
    if let Some(missing) = args.lock.plugins_lock.as_ref().filter(|named| !named.exists()) {
        return Err(Fault::io("open", missing, ErrorKind::NotFound.into()));
    }
    if let Some(missing) = installing.registry.ca_file.as_ref().filter(|named| !named.exists()) {
        return Err(Fault::io("read", missing, ErrorKind::NotFound.into()));
    }
    let (configuration, handles, required_handlers) = configuration(config, context)?;
    let (mode, chosen) = (context.plugin_mode(args.mode.plugin_mode), context.plugins_lock(args.lock.plugins_lock)?);
    chosen.announce(&context.output);
    let site = context.site(args.plugins_dir);
    let access = context.access_to(&site, &installing.place, &args.shared)?;
    let here = here(&site, args.sources, args.trust, shared_directories(&args.shared), context)?;
    if !aisoc_files::parent(state).is_dir() {
        return Err(Fault::io("write", state, ErrorKind::NotFound.into()).hint(OTHER_STATE));
    }
    let installing = InstallOptions {
        site: site.clone(),
        trust: here.trust.clone(),
        only: None,
        require_digest: None,
        bundles: Arc::default(),
        references: context.environment.reference_rules()?,
        lock: LockRule::of(mode, chosen.path.clone()),
        client: ClientOptions { platform: PlatformChoice::of(None), ..context.client(&installing.registry, &[])? },
        keep: installing.keep,
        is_on_trial: false,
        access,
    };
    let feed = Arc::new(Feed::begin(clock::now()));
    Ok(Settings {
        here,
        installing,
        mode,
        lock_path: chosen.path.clone(),
        lock: Box::new(move || chosen.read()),
        judging_time: Box::new(move || clock::judging_time(&site)),
        configuration,
        handles,
        required_handlers,
        processes: ProcessRules::default(),
        launcher: context.launcher().clone(),
        state_file: state.to_owned(),
        rules: host_rules::rules(context)?,
        observer: Arc::new(observer(context.output.clone(), context.event_log()?, Arc::clone(&feed))),
        feed,
        on_revoked: on_revoked.into(),
        clock: clock::now,
    })
}

/// What operators say of plugins: what each is configured with, what it is given, and at which hooks it has to be.
type Said = (Arc<Configured>, HandleRules, RequiredHandlers);

fn configuration(file: Option<PathBuf>, context: &Context) -> Result<Said> {
    let Some(file) = file else {
        return Ok((Arc::new(of_none), HandleRules::default(), RequiredHandlers::default()));
    };
    let configuration = Configuration::begin(file, context.environment.clone(), context.cancellation()?.clone())?;
    let (handles, required) = (configuration.handles()?, configuration.required_handlers()?);
    Ok((Arc::new(move |id: &str| configuration.of(id)), handles, required))
}

/// Says what happens to people, and to machines in the file that is named for that, or with `--json` on stderr.
fn observer(output: Output, log: Option<EventLog>, feed: Arc<Feed>) -> impl Fn(&Happening<'_>) + Send + Sync {
    let log = log.map(Mutex::new);
    move |happening| {
        say(happening, &output);
        let occurrences = occurrences(happening);
        if occurrences.is_empty() {
            return;
        }
        let now = clock::now();
        for occurrence in &occurrences {
            feed.tell(now, occurrence);
        }
        let Some(log) = &log else {
            return occurrences.iter().for_each(|occurrence| output.event(&occurrence.line(now)));
        };
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(fault) = log.record(now, &occurrences) {
            output.warning(Warning::EventNotWritten, fault.to_string());
        }
    }
}

fn say(happening: &Happening<'_>, output: &Output) {
    match happening {
        Happening::Moved { id, from, to, error: Some(error), .. } => {
            output.status("Failed", format!("{id}: {from} → {to}: {}", printable(&error.words)));
        }
        Happening::Moved { id, from, to, error: None, .. } => output.status("State", format!("{id}: {from} → {to}")),
        Happening::Reloaded { id, error: Some(error), .. } => {
            output.status("Kept", format!("{id}, which was not reloaded: {}", printable(&error.words)));
        }
        Happening::Reloaded { id, error: None, .. } => output.status("Reloaded", id),
        Happening::NotPinned { error } => output.warning(Warning::VersionsNotPinned, error),
        Happening::Unpinned { reference } => output.status("Unpinned", format!("{reference} names no digest")),
        Happening::Installed { installed, mode } => {
            announce(installed, output);
            warn_of_installed(installed, *mode, output);
        }
        Happening::RolledBack { id, rolled_back } => {
            output
                .status("Switched", format!("{id} to {} in {}", rolled_back.version, rolled_back.directory.display()));
        }
        Happening::NoLongerAdmitted { id, why, is_quarantined: true, .. } => {
            output.status("Quarantined", format!("{id}, which takes no calls: {}", printable(&why.words)));
        }
        Happening::NoLongerAdmitted { id, why, is_quarantined: false, .. } => {
            output.status("Warned", format!("of {id}, which would not be loaded any more: {}", printable(&why.words)));
        }
        Happening::AdmittedAgain { id, .. } => output.status("Admitted", format!("{id}, again")),
        Happening::UserFile { file } => warn_of_file(file, output),
        Happening::Noticed { note } => output.warning(note.warning, &note.message),
        // A refusal is said as every other one.
        Happening::Duplicate { .. } | Happening::Signature { is_refused: true, .. } => {}
        Happening::Signature { id, place, status, why, .. } => {
            let place = path_text(place);
            output.status("Doubted", format!("{} in `{place}`, which is {status}: {}", printable(id), printable(why)));
        }
        Happening::Kept { notice } => say_of_kept(*notice, output),
        Happening::NotJudged { why } => output.warning(Warning::NotJudgedAgain, (*why).to_owned()),
        Happening::Hooks { event } => say_of_hooks(event, output),
        Happening::Printed { id, line: LogLine::Printed(line) } => {
            output.status("Printed", format!("{id}: {}", printable(line)));
        }
        Happening::Printed { id, line: LogLine::Dropped(lines) } => {
            output.status("Dropped", format!("{id}: {lines} more lines"));
        }
    }
}

/// Most lines of signers that are named.
const MAX_LINES: usize = 4;

fn say_of_kept(notice: Notice<'_>, output: &Output) {
    match notice {
        Notice::FactsRefused(why) => output.warning(Warning::FactsRefused, why.to_owned()),
        Notice::AuditRefused(why) => output.warning(Warning::AuditRefused, why.to_owned()),
        Notice::CertificatesRefused(why) => output.warning(Warning::CertificatesRefused, why.to_owned()),
        Notice::BegunAnew { id, line, before } => {
            let mut kept = before.iter().take(MAX_LINES).map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ");
            if let Some(more) = before.len().checked_sub(MAX_LINES).filter(|more| *more > 0) {
                kept += &format!(" and {more} more");
            }
            let message = format!(
                "{} begins without what was kept under its id: it is signed by `{line}`, and before by {kept}",
                printable(id)
            );
            output.warning(Warning::FactsBegunAnew, message);
        }
        Notice::OfOthers { id, line, before } => {
            let message = format!(
                "{} goes on with what `{line}` has kept under its id, and without what `{before}` has kept until now",
                printable(id)
            );
            output.warning(Warning::FactsOfOthers, message);
        }
    }
}

fn say_of_hooks(event: &RegistryEvent, output: &Output) {
    let RegistryEvent { name, plugin, failure, metadata, .. } = event;
    let detail = metadata.get("validation_failure").or_else(|| metadata.get("error")).and_then(Value::as_str);
    let why = || printable(detail.or(failure.as_deref()).unwrap_or_default());
    match *name {
        "plugin.registered" => output.status("Registered", plugin),
        "plugin.registration_failed" => output.status("Unregistered", format!("{}: {}", printable(plugin), why())),
        "plugin.handler_error" => output.status("Failed", why()),
        // A vote is what a handler is there for.
        _ => {}
    }
}

/// What hosts have a name for.
fn occurrences(happening: &Happening<'_>) -> Vec<Occurrence> {
    if let Happening::Installed { installed, .. } = happening {
        return came_in(installed).into();
    }
    occurrence(happening).into_iter().collect()
}

fn occurrence(happening: &Happening<'_>) -> Option<Occurrence> {
    match happening {
        Happening::Moved { id, to, error, by, .. } => Some(Occurrence::of_state(step(id, *to, *error, by))),
        Happening::Reloaded { id, state, error, by } => Some(Occurrence::of_reload(step(id, *state, *error, by))),
        Happening::Unpinned { reference } => Some(Occurrence::unpinned(reference)),
        Happening::RolledBack { id, rolled_back } => {
            let id = id.parse().ok()?;
            Some(registered(&id, &rolled_back.version, &rolled_back.signature))
        }
        Happening::NoLongerAdmitted { id, state, why, is_quarantined: true } => {
            Some(Occurrence::Quarantined(step(id, *state, Some(why), &Asker::host())))
        }
        Happening::NoLongerAdmitted { id, state, why, is_quarantined: false } => {
            Some(Occurrence::NoLongerAdmitted(step(id, *state, Some(why), &Asker::host())))
        }
        Happening::AdmittedAgain { id, state } => {
            Some(Occurrence::AdmittedAgain(step(id, *state, None, &Asker::host())))
        }
        Happening::UserFile { file } => Some(Occurrence::of_dropin(file)),
        Happening::Noticed { note } => Occurrence::of_note(note),
        Happening::Duplicate { id, place, fault } => Occurrence::of_duplicate(id, place, fault),
        Happening::Signature { id, place, status, why, .. } => Occurrence::of_signature(id, place, *status, why),
        Happening::Hooks { event } => Occurrence::of_registry(event.name, record(event)),
        Happening::Installed { .. }
        | Happening::Kept { .. }
        | Happening::NotJudged { .. }
        | Happening::NotPinned { .. }
        | Happening::Printed { .. } => None,
    }
}

fn record(event: &RegistryEvent) -> RegistryRecord {
    RegistryRecord {
        plugin_id: event.plugin.clone(),
        actor_uri: RegistryEvent::ACTOR,
        target_uri: event.target(),
        tenant_id: RegistryEvent::TENANT,
        outcome: event.outcome(),
        message: event.failure.clone(),
        metadata: event.metadata.clone(),
    }
}

fn step(id: &str, state: State, failure: Option<&Failure>, by: &Asker) -> HostedStep {
    let wrong = failure.map(|Failure { reason, words }| (*reason, words.as_str()));
    HostedStep::new(id, state.as_str(), wrong, by.actor.as_str(), by.request_id.as_ref().map(RequestId::as_str))
}
