//! `Observed`: what can be told of a plugins directory without its lock, and the facts that the gates ask for,
//! which a session reads in the same way under its own.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::{Coverage, SIGNATURE_DIRECTORY, SIGNATURE_FILE};
use aisoc_trust::{Consent, Errand, Facts, InPlace, SignedBy};

use crate::access::Access;
use crate::census::Census;
use crate::floor::{CoverageFloor, before_change, listed_coverage_floor};
use crate::identity::{Placed, manifest_grants, manifest_id, manifest_version};
use crate::layout::Layout;
use crate::names::{escaped, folded};
use crate::plugin::{InstalledPlugin, has_manifest};
use crate::record::InstallRecord;
use crate::recorded;
use crate::secure::{is_directory, look_at};

/// What stood in a plugins directory when it was listed, without a lock. It is good for listings and for
/// refusals; nothing is admitted by it, because it may be otherwise by now.
#[derive(Debug)]
pub struct Observed {
    layout: Layout,
    census: Census,
}

impl Observed {
    pub(crate) fn new(layout: Layout, census: Census) -> Self {
        Self { layout, census }
    }

    /// The names of what can be a plugin, and of what should be one by its record, sorted.
    pub fn directories(&self) -> Vec<OsString> {
        let mut names = self.census.candidates.clone();
        names.extend(self.census.recorded.iter().map(|id| OsString::from(id.as_str())));
        names.sort();
        names.dedup();
        names
    }

    /// The plugin in that directory, as [`Site::read`](crate::Site::read) finds it, without looking for a record where
    /// none was listed; `None` for what is no plugin.
    pub fn read(&self, directory: &OsStr) -> Option<InstalledPlugin> {
        match self.may_be_recorded(directory) {
            true => InstalledPlugin::read(&self.layout, directory),
            false => InstalledPlugin::unrecorded(&self.layout, directory),
        }
    }

    /// Which plugin that directory is, as cheaply as it can be told; `None` for what is no plugin.
    pub fn placed(&self, directory: &OsStr) -> Option<Placed> {
        placed(&self.layout, &self.census, directory)
    }

    /// Where the plugin `id` stands: in the directory of its name, or in the first one whose manifest states it.
    /// Nothing when it stands nowhere.
    pub fn place_of(&self, id: &PluginId) -> Option<PathBuf> {
        let own = OsStr::new(id.as_str());
        let is_there = |name: &OsStr| self.placed(name).filter(|place| place.id.as_ref() == Some(id));
        // A plugin that is damaged so far that it states no id is still the one of its name.
        let of_name = || self.directories().iter().any(|name| name == own).then(|| self.placed(own)).flatten();
        let elsewhere = || self.directories().iter().find_map(|name| is_there(name));
        is_there(own).or_else(elsewhere).or_else(of_name).map(|place| place.path)
    }

    /// The plugins whose record says that they are that artifact.
    pub fn of_artifact(&self, digest: ArtifactDigest) -> Vec<InstalledPlugin> {
        let is_of = |plugin: &InstalledPlugin| {
            // What cannot be read here is read again, and refused, before it is replaced.
            matches!(&plugin.record, Ok(Some(record)) if record.digest == digest && plugin.directory == *record.id.as_str())
        };
        let recorded = self.census.candidates.iter().filter(|name| self.may_be_recorded(name));
        recorded.filter_map(|name| InstalledPlugin::read(&self.layout, name)).filter(is_of).collect()
    }

    /// The plugin whose record says that it is the artifact of that digest, or of the one that begins so; none where
    /// several do.
    pub fn id_of_digest(&self, digest: &str) -> Option<PluginId> {
        let recorded = self.census.candidates.iter().filter(|name| self.may_be_recorded(name));
        let records = recorded.filter_map(|name| InstalledPlugin::read(&self.layout, name)?.record.ok()?);
        let mut ids = records.filter(|record| record.has_digest(digest)).map(|record| record.id);
        ids.next().filter(|_| ids.next().is_none())
    }

    fn may_be_recorded(&self, name: &OsStr) -> bool {
        let id = name.to_str().and_then(|name| name.parse::<PluginId>().ok());
        id.is_some_and(|id| self.census.recorded.contains(&id) || self.census.pending.contains(&id))
    }

    /// What decided, when it was observed, about what may come for `id`.
    ///
    /// # Errors
    /// I/O reasons, and `directory_insecure` for a floor that others can write.
    pub fn facts(&self, id: &PluginId, access: &Access) -> Result<Facts> {
        facts(&self.layout, &self.census, id, access)
    }

    /// As [`Observed::facts`], of what comes again: the artifact that is in place by its record.
    ///
    /// # Errors
    /// As [`Observed::facts`].
    pub fn facts_again(&self, id: &PluginId, access: &Access) -> Result<Facts> {
        Ok(Facts { errand: Errand::Return, ..self.facts(id, access)? })
    }

    /// What decided, when it was observed, about the plugin that is in place: what is written down of it, and
    /// not what its own tree claims. Other spellings are for whoever sees all plugins.
    ///
    /// # Errors
    /// `record_invalid` and `directory_insecure` for a floor that cannot be relied on, and I/O reasons.
    pub fn facts_at_rest(&self, id: &PluginId) -> Result<Facts> {
        let floor = listed_coverage_floor(&self.layout, &self.census, id)?.unwrap_or(Coverage::None);
        Ok(Facts {
            plugin: id.clone(),
            coverage_floor: Ok(floor),
            lowers_floor: false,
            other_spelling: None,
            // Nothing replaces it.
            in_place: None,
            errand: Errand::Stay,
            consent: Consent::default(),
            lock: None,
        })
    }
}

/// What decides about what may come for `id`, read from what is listed and now.
pub(crate) fn facts(layout: &Layout, census: &Census, id: &PluginId, access: &Access) -> Result<Facts> {
    let coverage_floor = match before_change(layout, census, id, &layout.plugin(id)) {
        // What is damaged says nothing, which the gate refuses unless somebody has a reason.
        Err(fault) if fault.reason() == Reason::RecordInvalid => Err(fault),
        before => Ok(before?),
    };
    let lowers_floor = matches!(access.coverage_floor, CoverageFloor::Lowered(_));
    let other_spelling = other_spelling(layout, census, id).map(|other| second_spelling(&other, id));
    let is_signed = !matches!(coverage_floor, Ok(Coverage::None));
    let in_place = in_place(layout, id, is_signed)?;
    let (plugin, consent, errand) = (id.clone(), access.consent.clone(), Errand::Arrival);
    let lock = None;
    Ok(Facts { plugin, coverage_floor, lowers_floor, other_spelling, in_place, errand, consent, lock })
}

/// What would be replaced, or was until somebody took its directory away. `is_signed` says whether something beside
/// the record says that it is signed.
fn in_place(layout: &Layout, id: &PluginId, is_signed: bool) -> Result<Option<InPlace>> {
    let tree = layout.plugin(id);
    let is_gone = !is_directory(&tree)?;
    let (record, is_damaged) = match recorded::read(layout, id) {
        Err(fault) if fault.reason() == Reason::RecordInvalid => (None, true),
        record => (record?, false),
    };
    if is_gone && record.is_none() && !is_damaged {
        return Ok(None);
    }
    let known = record.as_ref().map(InstallRecord::signed_by).filter(SignedBy::is_signed);
    let is_signed = is_damaged || is_signed || has_signature(&tree)?;
    let signers = known.unwrap_or_else(|| if is_signed { SignedBy::not_known() } else { SignedBy::default() });
    let version = record.as_ref().map_or_else(|| manifest_version(&tree), |record| Some(record.version.clone()));
    let capabilities = accepted_capabilities(&tree, record.as_ref(), is_damaged);
    let damaged_record = is_damaged.then(|| layout.record(id));
    let recorded = record.map(|record| record.tree_digest);
    Ok(Some(InPlace { recorded, damaged_record, version, signers, is_gone, capabilities }))
}

/// What it was accepted to ask for: as its install has written it down, or as the manifest in place has it where no
/// install has. What no host takes for a plugin asks for nothing; what says neither is not known.
fn accepted_capabilities(tree: &Path, record: Option<&InstallRecord>, is_damaged: bool) -> Option<BTreeSet<String>> {
    match record.and_then(|record| record.capabilities.clone()) {
        Some(recorded) => Some(recorded),
        None if record.is_none() && !is_damaged && !has_manifest(tree) => Some(BTreeSet::new()),
        None => manifest_grants(tree),
    }
}

/// Whether a tree has what makes a signature of it, whoever's that is.
fn has_signature(tree: &Path) -> Result<bool> {
    Ok(look_at(&tree.join(SIGNATURE_FILE))?.is_some() || look_at(&tree.join(SIGNATURE_DIRECTORY))?.is_some())
}

fn placed(layout: &Layout, census: &Census, directory: &OsStr) -> Option<Placed> {
    let path = layout.place(directory);
    let place = |id| Placed { directory: directory.to_owned(), path: path.clone(), id };
    let name = directory.to_str().and_then(|name| name.parse::<PluginId>().ok());
    match name {
        // Only its tree says what became of it.
        Some(name) if census.pending.contains(&name) => {
            InstalledPlugin::read(layout, directory).map(|plugin| place(plugin.id()))
        }
        // A record is about the id that its file is named for, or about none.
        Some(name) if census.recorded.contains(&name) => Some(place(Some(name))),
        _ if has_manifest(&path) => Some(place(manifest_id(&path))),
        _ => None,
    }
}

/// What is installed under another spelling of `id`, or under another name.
fn other_spelling(layout: &Layout, census: &Census, id: &PluginId) -> Option<Placed> {
    let folded_id = folded(id.as_str());
    let same = |name: &str| folded(name) == folded_id;
    let is_other = |plugin: &Placed| {
        plugin.directory.to_str().is_some_and(same) || plugin.id.as_ref().is_some_and(|id| same(id.as_str()))
    };
    let others = census.candidates.iter().filter(|name| **name != *id.as_str());
    others.filter_map(|name| placed(layout, census, name)).find(is_other)
}

fn second_spelling(other: &Placed, id: &PluginId) -> Fault {
    match other.id.as_ref().filter(|stated| other.directory != *stated.as_str()) {
        Some(stated) if stated == id => stands_elsewhere(id, &other.path),
        Some(stated) => spelt_otherwise(
            format!("the plugin `{stated}` stands in the directory `{}`", escaped(other.path.as_os_str())),
            id,
            other,
        ),
        None => spelt_otherwise(format!("the plugin `{}` is installed", escaped(&other.directory)), id, other),
    }
}

fn spelt_otherwise(message: String, id: &PluginId, other: &Placed) -> Fault {
    Fault::new(Reason::AlreadyExists, message)
        .expected("an id that differs in more than case, `-`, `_` and `.`", id.to_string())
        .hint(format!("if it is the same plugin, remove it first: {}", removal(&other.path)))
}

/// Why nothing takes the place of a plugin of which somebody has put a tree into the directory `other`: nobody can tell
/// which of the two is meant.
pub fn stands_elsewhere(id: &PluginId, other: &Path) -> Fault {
    let own = other.with_file_name(id.as_str());
    let [shown_own, shown] = [&own, other].map(|place| escaped(place.as_os_str()));
    let beside = match own.symlink_metadata() {
        Ok(_) => format!("as well as in its own, `{shown_own}`"),
        Err(_) => format!("and not in its own, `{shown_own}`"),
    };
    Fault::new(Reason::AlreadyExists, format!("the plugin `{id}` stands in the directory `{shown}` {beside}"))
        .expected("an id that no other directory has", id.to_string())
        .hint(format!("look at what stands there, then remove it where it stands: {}", removal(other)))
}

/// The command that removes a plugin, wherever it stands: a name that is no id cannot be uninstalled.
fn removal(place: &Path) -> String {
    match place.file_name().and_then(OsStr::to_str).and_then(|name| name.parse::<PluginId>().ok()) {
        Some(name) => format!("`aisoc plugin uninstall {name}`"),
        None => format!("`rm -r {}`", shell_word(place)),
    }
}

/// Why `id` cannot be uninstalled: nothing of it is there, or it stands in a directory of another name.
pub(crate) fn not_installed(layout: &Layout, id: &PluginId) -> Fault {
    let fault = |what: String| Fault::new(Reason::PluginNotFound, what);
    let shown = layout.plugins().display();
    let census = Census::of(layout).unwrap_or_default();
    let mut plugins = census.candidates.iter().filter_map(|name| placed(layout, &census, name));
    match plugins.find(|plugin| plugin.id.as_ref() == Some(id)) {
        Some(plugin) => {
            let place = escaped(plugin.path.as_os_str());
            fault(format!("there is no directory `{id}` in `{shown}`: the plugin stands in `{place}`"))
                .hint(format!("remove it where it stands: {}", removal(&plugin.path)))
        }
        None if look_at(&layout.record(id)).is_ok_and(|found| found.is_some()) => {
            fault(format!("`{id}` is written down in `{shown}`, and its directory is gone"))
                .hint("remove what is left of it: `aisoc plugin gc`")
        }
        None => fault(format!("there is no plugin `{id}` in `{shown}`")),
    }
}
