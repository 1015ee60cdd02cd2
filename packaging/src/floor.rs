//! The coverage floor: the widest coverage that a trusted key was ever seen to verify of a plugin here.
//!
//! It is a fact of the site and not of what is installed: `<plugins-dir>/.aisoc/floors/<id>` stays when
//! the plugin is uninstalled and when its record is lost. Every change of a plugin passes [`judge`],
//! under the lock; nothing lowers a floor but [`CoverageFloor::Lowered`].

use std::path::{Path, PathBuf};

use aisoc_drafts::{Links, SmallFileError, open_file, read_open};
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::text::shown;
use aisoc_signing::{Coverage, TreeFinding};
use aisoc_trust::{Admitted, SignatureStatus};
use serde::{Deserialize, Serialize};

use crate::access::{is_directory, require_secure};
use crate::home::Home;
use crate::identity::folded;
use crate::lowered::{LoweredLine, UNKNOWN};
use crate::plugins::Plugins;
use crate::record::{self, InstallRecord, OWN_DIRECTORY};
use crate::reference_dir::ReferenceDir;
use crate::sealed;

pub(crate) const FLOORS: &str = "floors";
const SCHEMA_VERSION: u32 = 1;
const HOW_TO_GO_ON: &str = "see \"The coverage floor\" in `aisoc help install`";

/// What a change may do to the coverage floor of its plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CoverageFloor {
    /// Raise it and never fall below it.
    #[default]
    Held,
    /// Lower it to what is changed to, when that is less, and write down why.
    Lowered(StatedReason),
}

/// The content of a floor's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    schema_version: u32,
    #[serde(deserialize_with = "record::plugin_id")]
    id: PluginId,
    coverage: String,
    /// The artifact that set it; nothing when it was taken over from what was installed before there were floors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    since: String,
}

/// What the site has written down of `id`: the wider one of the floor and of the record of what is
/// installed, or nothing. An id without a floor of its own begins with that of its other spellings, which
/// are the same plugin to some hosts.
///
/// # Errors
/// `record_invalid` and `directory_insecure` for a floor that cannot be relied on, which is not the same
/// as no floor, and I/O reasons.
pub fn coverage_floor(plugins_dir: &Path, id: &PluginId) -> Result<Option<Coverage>> {
    let floor = match read(plugins_dir, id)? {
        None => of_other_spellings(plugins_dir, id)?,
        floor => floor,
    };
    let record = sealed::understood(InstallRecord::read(plugins_dir, id))?;
    let recorded = record.and_then(|record| record.coverage).map(|word| coverage("the record", &word)).transpose()?;
    Ok(floor.max(recorded))
}

/// The floor as a change meets it. Where nothing is written down, as on a site that is older than
/// floors, the tree in place says what it was signed for.
fn before_change(plugins_dir: &Path, id: &PluginId) -> Result<Coverage> {
    match coverage_floor(plugins_dir, id)? {
        Some(coverage) => Ok(coverage),
        None => stated_by(&plugins_dir.join(id.as_str())).map_err(|fault| {
            Fault::new(Reason::RecordInvalid, format!("nothing says what the installed `{id}` was signed for"))
                .hint(format!("remove what is left of it, then install: `aisoc plugin uninstall {id}`"))
                .caused_by(fault)
        }),
    }
}

/// What a tree claims to be signed for, whether or not anybody's key verifies it today.
fn stated_by(tree: &Path) -> Result<Coverage> {
    if !is_directory(tree)? {
        return Ok(Coverage::None);
    }
    let claim = match ReferenceDir::read(tree) {
        Err(fault) if fault.reason() == Reason::ManifestMissing => return Ok(Coverage::None),
        tree => tree?.claim(),
    };
    let finding = claim.compare_tree(claim.document()?)?;
    Ok(match finding {
        TreeFinding::NotStated if claim.signature().is_none() => Coverage::None,
        finding => claim.coverage_if_signed(&finding),
    })
}

fn of_other_spellings(plugins_dir: &Path, id: &PluginId) -> Result<Option<Coverage>> {
    let directory = plugins_dir.join(OWN_DIRECTORY).join(FLOORS);
    let failed = |error| Fault::io("list", &directory, error);
    let entries = match std::fs::read_dir(&directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        entries => entries.map_err(failed)?,
    };
    let mut widest = None;
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let Some(other) = name.to_str().and_then(|name| name.parse::<PluginId>().ok()) else { continue };
        if other != *id && folded(other.as_str()) == folded(id.as_str()) {
            widest = widest.max(read(plugins_dir, &other)?);
        }
    }
    Ok(widest)
}

fn read(plugins_dir: &Path, id: &PluginId) -> Result<Option<Coverage>> {
    let path = path(plugins_dir, id);
    let invalid = |fault: Fault| {
        Fault::new(Reason::RecordInvalid, format!("the coverage floor `{}` cannot be read", path.display()))
            .hint(HOW_TO_GO_ON)
            .caused_by(fault)
    };
    let unread = |error| match error {
        SmallFileError::Io(error) => Fault::io("read", &path, error).hint(HOW_TO_GO_ON),
        error => invalid(Fault::new(Reason::RecordInvalid, error.to_string())),
    };
    let file = match open_file(&path, Links::Refused) {
        Err(error) if error.is_absent() => return Ok(None),
        file => file.map_err(unread)?,
    };
    require_secure(&file, &path)?;
    let file = read_open(file, sealed::MAX_BYTES).map_err(unread)?;
    let floor: Floor = sealed::parse("the coverage floor", &file.content).map_err(&invalid)?;
    if floor.schema_version != SCHEMA_VERSION || floor.id != *id {
        return Err(invalid(Fault::new(Reason::RecordInvalid, "it is another one").expected(
            format!("{id}, schema {SCHEMA_VERSION}"),
            format!("{}, schema {}", floor.id, floor.schema_version),
        )));
    }
    coverage("the floor", &floor.coverage).map(Some).map_err(invalid)
}

/// A word that a later version has written is not understood, and never counts as nothing.
fn coverage(what: &str, word: &str) -> Result<Coverage> {
    let known = [Coverage::None, Coverage::Code, Coverage::Full].into_iter().find(|known| known.as_str() == word);
    known.ok_or_else(|| {
        Fault::new(Reason::RecordInvalid, format!("{what} names a coverage that is not known"))
            .expected("none, code or full", shown(word, 40))
    })
}

fn path(plugins_dir: &Path, id: &PluginId) -> PathBuf {
    plugins_dir.join(OWN_DIRECTORY).join(FLOORS).join(id.as_str())
}

/// What a change does to the floor of its plugin.
#[derive(Debug)]
pub(crate) struct FloorChange {
    id: PluginId,
    digest: Option<Digest>,
    /// What the file has to say before the change is made; nothing when it says so already.
    to: Option<Coverage>,
    lowering: Option<Lowering>,
}

#[derive(Debug)]
struct Lowering {
    /// Nothing when the floor could not be read.
    from: Option<Coverage>,
    reason: StatedReason,
    digest: Digest,
}

/// Holds what was admitted to the floor. Asked under the lock: what is installed cannot change any more.
///
/// # Errors
/// `coverage_downgrade`, and those of [`coverage_floor`].
pub(crate) fn judge(
    plugins_dir: &Path,
    record: &InstallRecord,
    admitted: &Admitted,
    rule: &CoverageFloor,
) -> Result<FloorChange> {
    let id = &record.id;
    // What nobody has read is no ground to lower anything.
    let reason = match rule {
        CoverageFloor::Lowered(reason) if admitted.status() != SignatureStatus::Skipped => Some(reason),
        CoverageFloor::Lowered(_) | CoverageFloor::Held => None,
    };
    let before = match before_change(plugins_dir, id) {
        Err(fault) if reason.is_some() && fault.reason() == Reason::RecordInvalid => None,
        before => Some(before?),
    };
    let covered = admitted.coverage();
    let change = |to, lowering| FloorChange { id: id.clone(), digest: Some(record.digest), to, lowering };
    match (before, reason) {
        (Some(before), None) => {
            admitted.require_coverage(before)?;
            Ok(change(unwritten(plugins_dir, id, before)?, None))
        }
        (Some(before), Some(_)) if covered >= before => Ok(change(unwritten(plugins_dir, id, before)?, None)),
        (from, reason) => {
            let lowering = reason.map(|reason| Lowering { from, reason: reason.clone(), digest: record.digest });
            Ok(change(Some(covered), lowering))
        }
    }
}

/// Keeps the floor of a plugin that is uninstalled. When nothing can say what it was, it is the widest.
///
/// # Errors
/// I/O reasons.
pub(crate) fn judge_removal(plugins_dir: &Path, id: &PluginId) -> Result<FloorChange> {
    let floor = match before_change(plugins_dir, id) {
        // A floor that is there and damaged stays, and goes on refusing.
        Err(fault) if fault.reason() == Reason::RecordInvalid && is_written(plugins_dir, id) => None,
        Err(fault) if fault.reason() == Reason::RecordInvalid => Some(Coverage::Full),
        before => unwritten(plugins_dir, id, before?)?,
    };
    Ok(FloorChange { id: id.clone(), digest: None, to: floor, lowering: None })
}

fn is_written(plugins_dir: &Path, id: &PluginId) -> bool {
    path(plugins_dir, id).symlink_metadata().is_ok()
}

/// The floor, unless the file says so already. Without a file there is no floor.
fn unwritten(plugins_dir: &Path, id: &PluginId, floor: Coverage) -> Result<Option<Coverage>> {
    let written = read(plugins_dir, id)?;
    Ok(Some(floor).filter(|floor| *floor != written.unwrap_or(Coverage::None)))
}

/// The floor that a change which was made raises, as the text of its file; nothing when it raises none.
/// Written with the record, and not before: what is in place until then may be less, and stays allowed.
/// In between the record stands in for it.
///
/// # Errors
/// I/O reasons. A floor that is damaged stays so, and goes on refusing.
pub(crate) fn raised(plugins_dir: &Path, after: &InstallRecord) -> Result<Option<Vec<u8>>> {
    let written = match read(plugins_dir, &after.id) {
        Err(fault) if matches!(fault.reason(), Reason::RecordInvalid | Reason::DirectoryInsecure) => return Ok(None),
        written => written?.unwrap_or(Coverage::None),
    };
    let covered = after.coverage.as_deref().map_or(Ok(Coverage::None), |word| coverage("the record", word))?;
    (covered > written).then(|| Floor::text(&after.id, covered, Some(after.digest))).transpose()
}

/// The name of a floor that is on its way.
pub(crate) fn draft_name(id: &PluginId) -> String {
    format!("{id}.floor")
}

impl Floor {
    fn text(id: &PluginId, coverage: Coverage, digest: Option<Digest>) -> Result<Vec<u8>> {
        sealed::to_text(&Self {
            schema_version: SCHEMA_VERSION,
            id: id.clone(),
            coverage: coverage.as_str().to_owned(),
            digest,
            since: format!("{:.0}", jiff::Timestamp::now()),
        })
    }
}

impl FloorChange {
    /// The coverage that the floor is lowered from, in one word; nothing when it is not lowered.
    pub(crate) fn lowered_from(&self) -> Option<&'static str> {
        self.lowering.as_ref().map(|lowering| lowering.from.map_or(UNKNOWN, Coverage::as_str))
    }

    /// Writes down, before the change is made, what would be forgotten by it, or how far the floor is
    /// lowered; until the change is made the record of what is still in place stands in for a lowered one.
    pub(crate) fn publish(&self, plugins: &Plugins, home: &Home) -> Result<Published> {
        let Some(coverage) = self.to else { return Ok(Published { before: None }) };
        let mut before = None;
        if let Some(Lowering { from, reason, digest }) = &self.lowering {
            before = sealed::read(&path(&plugins.path, &self.id)).ok().flatten();
            LoweredLine::new(&self.id, *from, coverage, reason, *digest).append(&plugins.own)?;
        }
        put(plugins, home, &self.id, &Floor::text(&self.id, coverage, self.digest)?)?;
        Ok(Published { before: before.map(|text| (self.id.clone(), text)) })
    }
}

/// A floor that was written for a change.
#[derive(Debug)]
pub(crate) struct Published {
    before: Option<(PluginId, Vec<u8>)>,
}

impl Published {
    /// Puts back a floor that was lowered for a change that was not made. Should that fail, the lowering
    /// stands, as its line says.
    pub(crate) fn undo(self, plugins: &Plugins, home: &Home) {
        if let Some((id, text)) = self.before {
            let _ = put(plugins, home, &id, &text);
        }
    }
}

fn put(plugins: &Plugins, home: &Home, id: &PluginId, text: &[u8]) -> Result<()> {
    let name = draft_name(id);
    home.write(&name, text)?;
    home.sync()?;
    plugins.floors.take(home.held(), &name, id.as_str())
}
