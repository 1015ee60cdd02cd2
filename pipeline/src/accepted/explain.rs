//! How a decision about a plugin comes about that is found beside the plugins directory: gate by gate, as a listing asks.

use std::path::Path;

use aisoc_discovery::{Discovered, Failed, Source, UserPlugins};
use aisoc_installation::escaped;
use aisoc_manifests::fault::Result;
use aisoc_trust::lockfile::{LockPath, Lockfile};
use aisoc_trust::{Asking, FoundPlugin, PluginMode, Traces};

use super::contract::ContractCheck;
use super::here::HereOptions;
use super::list::{Listing, list};
use crate::contract::Contract;

/// What the gates say of one plugin.
#[derive(Debug)]
pub struct FoundDecision {
    /// What it goes by; its name, where it is none.
    pub id: String,
    /// Every gate that was asked.
    pub asking: Asking,
}

/// What the gates say of what has that id, or stands at that path; nothing where nothing does. `switch` says whether
/// drop-ins count: `options` has to look at them all the same, so that it can be said of one that it does not. Nobody but the plugin that is meant
/// is run, and that one where the gates before let it pass.
///
/// # Errors
/// As [`list`].
pub fn explain_found(
    named: &str,
    (options, switch): (&HereOptions, UserPlugins),
    mode: PluginMode,
    lock: (&LockPath, Option<&Lockfile>),
    check: &ContractCheck<'_>,
) -> Result<Option<FoundDecision>> {
    let of_one = |plugins: &[&Discovered]| check_one(named, plugins, check);
    let listing = list(options, mode, lock, &of_one, Traces::Kept)?;
    let Some(found) = meant(named, listing) else { return Ok(None) };
    if found.is_dropin && switch == UserPlugins::Disabled {
        let place = FoundPlugin { place: &found.place, kind: found.kind, is_allowed: Some(false) };
        return Ok(Some(FoundDecision { id: found.id, asking: Asking::found(&place, Traces::Kept) }));
    }
    Ok(Some(FoundDecision { id: found.id, asking: found.asking }))
}

/// What is meant, however it fared.
struct Meant {
    id: String,
    place: String,
    kind: &'static str,
    is_dropin: bool,
    asking: Asking,
}

fn meant(named: &str, listing: Listing) -> Option<Meant> {
    let Listing { plugins, failed, .. } = listing;
    let is_meant = |id: &str, place: &Path| id == named || is_at(place, named);
    let listed = plugins.into_iter().find(|listed| is_meant(&listed.plugin.id, &listed.plugin.place));
    if let Some(listed) = listed {
        let Discovered { id, place, kind, source, .. } = listed.plugin;
        return Some(Meant {
            id,
            place: escaped(place.as_os_str()),
            kind: kind.as_str(),
            is_dropin: source == Source::Dropin,
            asking: listed.asking,
        });
    }
    let Failed { name, source, kind, place, fault, .. } =
        failed.into_iter().find(|failed| is_meant(&failed.name, &failed.place))?;
    Some(Meant {
        id: name,
        place: escaped(place.as_os_str()),
        kind: kind.map_or("plugin", |kind| kind.as_str()),
        is_dropin: source == Source::Dropin,
        asking: Asking::failed(&fault),
    })
}

fn is_at(place: &Path, named: &str) -> bool {
    let named = Path::new(named).canonicalize().ok();
    named.is_some() && named == place.canonicalize().ok()
}

/// Runs the one whose entry point is called that; where none is, all of them, as one may call itself that.
fn check_one(named: &str, plugins: &[&Discovered], check: &ContractCheck<'_>) -> Result<Vec<Contract>> {
    let is_meant = |plugin: &Discovered| plugin.id == named || is_at(&plugin.place, named);
    let Some(at) = plugins.iter().position(|plugin| is_meant(plugin)) else { return check(plugins) };
    let mut answers: Vec<Contract> = plugins.iter().map(|_| Contract::NotAsked).collect();
    answers.splice(at..=at, check(&plugins[at..=at])?);
    Ok(answers)
}
