//! What `aisoc plugin outdated` and `aisoc plugin upgrade` do alike: they find the plugins that are meant, and look for
//! newer versions of each.

use aisoc_installation::Site;
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::reference::Reference;
use aisoc_pipeline::{PreReleases, UpgradeChoice, UpgradeOptions, UpgradeSubject, choose_upgrade, upgrade_subjects};

use super::several;
use super::uninstall::plugin_id;
use crate::args::upgrade::PreReleaseArgs;
use crate::context::Context;
use crate::runtime;

/// The plugins that are named, in the order of the command line, or all of them. One that is not there says so itself.
///
/// # Errors
/// `usage` for what is no id and for one that is named twice, and I/O reasons.
pub(super) fn subjects(ids: &[String], site: &Site) -> Result<Vec<UpgradeSubject>> {
    several::refuse_repeated(ids.iter().map(String::as_str))?;
    let ids = ids.iter().map(|id| plugin_id(id)).collect::<Result<Vec<PluginId>>>()?;
    let ids = ids.iter().map(|id| aisoc_pipeline::installed(id, site)).collect::<Result<Vec<_>>>()?;
    several::refuse_repeated(ids.iter().map(PluginId::as_str))?;
    let mut all = upgrade_subjects(site)?;
    if ids.is_empty() {
        return Ok(all);
    }
    let missing = |id: &PluginId| UpgradeSubject { id: id.to_string(), record: Err(site.not_installed(id)) };
    let named = |id: &PluginId| match all.iter().position(|subject| subject.id == id.as_str()) {
        Some(at) => all.swap_remove(at),
        None => missing(id),
    };
    Ok(ids.iter().map(named).collect())
}

/// The places that are going to be asked.
pub(super) fn places(subjects: &[UpgradeSubject]) -> Vec<Reference> {
    subjects.iter().filter_map(UpgradeSubject::place).collect()
}

/// Which pre-releases count.
pub(super) fn pre_releases(args: PreReleaseArgs) -> PreReleases {
    if args.pre { PreReleases::All } else { PreReleases::OfInstalled }
}

/// Looks for a newer version of one plugin.
///
/// # Errors
/// As [`choose_upgrade`].
pub(super) fn look(subject: &UpgradeSubject, options: &UpgradeOptions, context: &Context) -> Result<UpgradeChoice> {
    let reporter = context.output.reporter();
    runtime::block_on(context.cancellation()?, choose_upgrade(subject, options, &reporter))
}
