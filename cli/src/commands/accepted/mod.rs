//! `aisoc plugins list|trust|untrust|lock`: what this site has accepted, beside what is here.

mod answer;
pub(super) mod list;
pub(super) mod new_lock;
pub(super) mod trust;
pub(super) mod untrust;
pub(super) mod verify;

pub(super) use answer::shown_lock;

use std::path::Path;

use aisoc_installation::{Access, SharedDirectories, Site, escaped};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::is_blank;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::accepted::{Acceptable, Candidates, HereOptions, begin_lock};
use aisoc_pipeline::{Contract, Discovered, DropinFile, Note, Noticed, PluginSource};
use aisoc_trust::lockfile::LockSession;

use crate::args::lock::SourceArgs;
use crate::args::plugin::TrustArgs;
use crate::commands::installing::{warn_of_objection, warn_of_override};
use crate::commands::key_change::require_there;
use crate::commands::list::ending_keys;
use crate::context::Context;
use crate::output::Output;

/// Every place where plugins are looked for, and whom to trust.
pub(super) fn here(
    site: &Site,
    sources: SourceArgs,
    trust: TrustArgs,
    shared_directories: SharedDirectories,
    context: &Context,
) -> Result<HereOptions> {
    // A listing goes on without keys where none are named; whoever names some means some that are there.
    if let Some(missing) = trust.trusted_keys.as_ref().filter(|named| !named.exists()) {
        return Err(Fault::io("open", missing, std::io::ErrorKind::NotFound.into()));
    }
    Ok(HereOptions {
        sources: context.sources(site, sources)?,
        trust: context.trust(trust, site)?,
        limits: context.limits()?,
        shared_directories,
    })
}

/// Whoever names a plugins directory means one that is there; the default need not be.
///
/// # Errors
/// `io_not_found`.
pub(in crate::commands) fn require_named(plugins_dir: Option<&Path>) -> Result<()> {
    plugins_dir.map_or(Ok(()), require_there)
}

/// Says what is no failure and worth knowing; of every drop-in, whatever comes of it, where it is and which bytes it has.
///
/// # Errors
/// As [`Context::record`].
pub(super) fn tell(noticed: &Noticed, context: &Context) -> Result<()> {
    for Note { warning, message, .. } in &noticed.notes {
        context.output.warning(*warning, message);
    }
    noticed.dropin_files.iter().for_each(|file| warn_of_file(file, &context.output));
    context.record(&noticed.occurrences)
}

/// Says of a drop-in where it is and which bytes it has.
pub(super) fn warn_of_file(DropinFile { place, registry, digest }: &DropinFile, output: &Output) {
    let (place, digest) = (escaped(place.as_os_str()), digest.map(|digest| digest.hex().to_string()));
    let said = format!("`{place}` ({registry}) sha256={}", digest.unwrap_or_default());
    output.warning_with(Warning::UserPluginLoaded, said, None);
}

/// Takes the lock of a lock file, and says what its journal holds that the next line makes final.
///
/// # Errors
/// As [`begin_lock`].
fn begin(lock: &Path, site: &Site, access: &Access, context: &Context) -> Result<LockSession> {
    let session = begin_lock(lock, site, access)?;
    if let Some(slip) = session.slip() {
        let said = format!("{slip}; it was written by hand, counts for nothing, and stays so from the next line on");
        context.output.warning(Warning::JournalUnread, said);
    }
    if access.dry_run.is_on() {
        context.output.status("Would write", format!("`{}`, and a line into its journal", lock.display()));
    }
    Ok(session)
}

/// The check of what plugins say of themselves, which says before what it runs.
fn announced<'a>(
    options: &'a HereOptions,
    context: &'a Context,
) -> impl Fn(&[&Discovered]) -> Result<Vec<Contract>> + 'a {
    |plugins| {
        let run = plugins.iter().filter(|plugin| plugin.source == PluginSource::EntryPoint);
        for Discovered { package, version, entry_point, .. } in run {
            context.output.status("Loading", format!("{entry_point} of {package} {version}, in a child process"));
        }
        context.contract_check(&options.sources, plugins)
    }
}

/// Says which plugins go into a lock under the names of their entry points.
fn warn_of_names(candidates: &Candidates<'_>, context: &Context) {
    for (plugin, fault) in candidates.not_asked() {
        let said = format!("`{}` is known by what its entry point is called alone: {fault}", plugin.id);
        context.output.warning(Warning::IdNotAsked, said);
    }
}

/// Says what somebody should know of the signatures of what is accepted.
fn warn_of_signatures(plugins: &[Acceptable], skipped_keys: &[String], options: &HereOptions, context: &Context) {
    context
        .output
        .warn_of_keys(skipped_keys, ending_keys(plugins.iter().filter_map(|plugin| plugin.judged.as_deref())));
    for Acceptable { plugin, judged } in plugins {
        let Some(Ok(judged)) = judged.as_ref().map(|judged| judged.verdict.as_ref()) else { continue };
        let done = format!("{} `{}`", context.said("accepts", "would accept"), plugin.id);
        warn_of_objection(&done, judged.objection.as_ref(), options.trust.policy.mode, &context.output);
        warn_of_override(&done, judged, &context.output);
    }
}

/// The reason that is written down; `command` refuses without one.
fn required_reason(reason: Option<String>, command: &str) -> Result<String> {
    reason.filter(|reason| !is_blank(reason)).ok_or_else(|| {
        Fault::new(Reason::Usage, format!("{command}: --reason is required (recorded in audit journal)"))
            .hint("say in one line why: `--reason \"TEXT\"`")
    })
}
