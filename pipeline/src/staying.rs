//! What a refusal leaves in place, said with it: whoever reads that an install was refused asks at once whether the
//! plugin still runs. Nothing is said that was not read, and nothing where several could be meant.

use aisoc_installation::{InstallRecord, Site};
use aisoc_manifests::fault::{Fault, InstalledVersion};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::reference::Reference;

use crate::source::Source;

/// The refusal, with the version that stays: of the plugin that was read, or where nothing could be read of it, of
/// the only one that was installed from the same place.
pub(crate) fn beside(fault: Fault, site: &Site, id: Option<&PluginId>, source: &Source) -> Fault {
    let record = match id {
        Some(id) => record_of(site, id),
        None => only_one_from(site, source),
    };
    staying(fault, record)
}

/// The refusal of a change of `id`, with the version that stays.
pub(crate) fn beside_plugin(fault: Fault, site: &Site, id: &PluginId) -> Fault {
    staying(fault, record_of(site, id))
}

fn staying(fault: Fault, record: Option<InstallRecord>) -> Fault {
    match record {
        Some(InstallRecord { id, version, .. }) => fault.beside(InstalledVersion { id: id.to_string(), version }),
        None => fault,
    }
}

fn record_of(site: &Site, id: &PluginId) -> Option<InstallRecord> {
    let plugin = site.read(id.as_str().as_ref())?;
    plugin.path.is_dir().then_some(plugin.record.ok()?).flatten()
}

fn only_one_from(site: &Site, source: &Source) -> Option<InstallRecord> {
    let place = place(&source.origin().ok()?);
    let directories = site.observe().ok()?.directories();
    let records = directories.iter().filter_map(|name| record_of(site, &name.to_str()?.parse().ok()?));
    let mut same = records.filter(|record| self::place(&record.reference) == place);
    let only = same.next()?;
    same.next().is_none().then_some(only)
}

/// Where artifacts of one plugin come from: a repository without its tag, or a path.
fn place(origin: &str) -> String {
    match origin.parse() {
        Ok(Reference::Registry(registry)) => format!("{}/{}", registry.registry(), registry.repository()),
        _ => origin.to_owned(),
    }
}
