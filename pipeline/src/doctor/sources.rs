//! What stands beside the plugins directory: drop-ins, distributions, and what looking for them has noticed.

use aisoc_discovery::{Discovered, Discovery, Note, Source, UserPlugins};
use aisoc_files::{Links, shell_word};
use aisoc_manifests::fault::Result;
use aisoc_manifests::warning::Warning;
use aisoc_trust::{PluginMode, SignatureStatus};

use super::finding::Finding;
use super::options::{DoctorOptions, Host};
use super::plugins::{refused, unsigned_count};
use super::rule::Rule;
use super::ways;
use crate::accepted::verify_dropins;
use crate::discovered::discover_site;

/// The kill switch of drop-ins.
const SWITCH: &str = "AISOC_ALLOW_USER_PLUGINS";

pub(super) fn findings(options: &DoctorOptions) -> Vec<Finding> {
    let here = &options.here;
    let Discovery { plugins, failed, notes, .. } = match discover_site(&here.sources, &here.limits) {
        Err(fault) => return vec![Finding::of(Rule::PlaceUnreadable, options.site.path(), &fault)],
        Ok(found) => found,
    };
    let is_beside = |source: Source| matches!(source, Source::EntryPoint | Source::Dropin);
    let failed = failed.iter().filter(|failed| is_beside(failed.source));
    let failed = failed.map(|failed| refused(&failed.name, &failed.place, &failed.fault));
    let noticed = notes.iter().map(noticed);
    let found = failed.chain(noticed).chain(data_directory(options)).chain(python(options, &plugins));
    found.chain(shared(options, &plugins)).collect()
}

fn noticed(note: &Note) -> Finding {
    let (rule, values, hint) = match note.warning {
        Warning::PathSettingsSuspiciousDataDir => (
            Rule::DataDirectorySuspicious,
            ("a directory of its own", "one of the system's"),
            "name another one with `AISOC_DATA_DIR`",
        ),
        warning => {
            (Rule::Noticed, ("nothing that is passed over", warning.as_str()), "see what is here: `aisoc plugins list`")
        }
    };
    Finding::at(rule, &note.place, &note.message, values, hint)
}

/// Whoever may write there runs what they like in the host.
fn data_directory(options: &DoctorOptions) -> Vec<Finding> {
    let sources = &options.here.sources;
    match &sources.data_dir {
        Some(data) if sources.user_plugins == UserPlugins::Allowed && ways::is_there(data) => {
            let plugins = data.join("plugins");
            let place = if ways::is_there(&plugins) { &plugins } else { data };
            ways::changeable(place, Links::Followed).into_iter().chain(ways::of_groups(place)).collect()
        }
        _ => Vec::new(),
    }
}

fn python(options: &DoctorOptions, plugins: &[Discovered]) -> Option<Finding> {
    let asked = plugins.iter().find(|plugin| plugin.source == Source::EntryPoint)?;
    let message = format!("there is no Python to ask `{}` and other entry points for their names", asked.id);
    let hint = "install Python 3, or name one with `AISOC_PYTHON`";
    let finding = || Finding::at(Rule::PythonMissing, "AISOC_PYTHON", message, ("a program", "none"), hint);
    options.python.is_none().then(finding)
}

/// What a host that others use should not have.
fn shared(options: &DoctorOptions, plugins: &[Discovered]) -> Vec<Finding> {
    if options.host == Host::Own {
        return Vec::new();
    }
    let is_allowed = options.here.sources.user_plugins == UserPlugins::Allowed;
    let switch = is_allowed.then(|| {
        let message = "drop-ins are allowed on a host that others use";
        let values = (format!("{SWITCH}=0"), "drop-ins allowed");
        Finding::at(
            Rule::DropinsAllowed,
            SWITCH,
            message,
            values,
            format!("set `{SWITCH}=0` where the host is started"),
        )
    });
    let dropins = plugins.iter().filter(|plugin| plugin.source == Source::Dropin);
    let to_move = dropins.map(|plugin| {
        let message = format!("`{}` is a drop-in", plugin.id);
        let hint = format!(
            "make a distribution with an entry point of it; look at it with `aisoc plugins describe {}`",
            shell_word(&plugin.id)
        );
        Finding::at(Rule::DropinToMove, &plugin.place, message, ("an entry point of a distribution", "a file"), hint)
    });
    switch.into_iter().chain(to_move).chain(unsigned(options, plugins)).collect()
}

/// As production sees them, whatever counts here: a signature beside a file is one.
fn unsigned_dropins(options: &DoctorOptions) -> Result<usize> {
    let found = verify_dropins(&options.here, PluginMode::Production)?;
    Ok(found.judged.iter().filter(|dropin| dropin.verdict.status == SignatureStatus::Unsigned).count())
}

fn unsigned(options: &DoctorOptions, plugins: &[Discovered]) -> Option<Finding> {
    let beside = |source: Source| plugins.iter().filter(|plugin| plugin.source == source).count();
    // What cannot be judged has no signature that anybody knows of.
    let dropins = unsigned_dropins(options).unwrap_or_else(|_| beside(Source::Dropin));
    let (installed, distributions) = (unsigned_count(options), beside(Source::EntryPoint));
    let count = installed + dropins + distributions;
    let found = format!("{count}: {installed} installed, {dropins} drop-ins, {distributions} entry points");
    let hint =
        "ask their publishers for signed ones; `aisoc plugins list --json` says of each what its signature is worth";
    let message = "there are plugins that nobody has signed";
    (count > 0).then(|| Finding::at(Rule::UnsignedSource, options.site.path(), message, ("0", found), hint))
}
