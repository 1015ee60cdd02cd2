//! The spellings of an id of which something is written down: to a host, or to a file system, all of
//! them are one plugin.

use std::ffi::OsString;
use std::path::Path;

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;

use crate::floor::FLOORS;
use crate::identity::folded;
use crate::listing::names_in;
use crate::pending::PENDING;
use crate::record::{OWN_DIRECTORY, RECORDS};

/// `id`, and every other spelling of it that has a floor, a record or a change that was begun, sorted.
///
/// # Errors
/// I/O reasons when that cannot be listed.
pub(crate) fn spellings(plugins_dir: &Path, id: &PluginId) -> Result<Vec<PluginId>> {
    let own = plugins_dir.join(OWN_DIRECTORY);
    let mut spellings = vec![id.clone()];
    for (directory, end) in [(FLOORS, ""), (RECORDS, ".json"), (PENDING, ".json")] {
        let names = names_in(&own.join(directory))?;
        spellings.extend(names.iter().filter_map(|name| spelling(name, end, id)));
    }
    spellings.sort();
    spellings.dedup();
    Ok(spellings)
}

/// The id in a file's name, if it is another form of `id`.
fn spelling(name: &OsString, end: &str, id: &PluginId) -> Option<PluginId> {
    let other: PluginId = name.to_str()?.strip_suffix(end)?.parse().ok()?;
    let length = |id: &PluginId| id.as_str().trim_end_matches('.').len();
    // Ids are ASCII, so that no folding changes their length; folding all of a large site takes its time.
    (length(&other) == length(id) && folded(other.as_str()) == folded(id.as_str())).then_some(other)
}
