//! The coverage floor: the widest coverage that a trusted key was ever seen to verify of a plugin here.
//!
//! It is a fact of the site and not of what is installed: `<plugins-dir>/.aisoc/floors/<id>` stays when
//! the plugin is uninstalled and when its record is lost. Every change of a plugin passes [`judge`],
//! under the lock; nothing lowers a floor but [`CoverageFloor::Lowered`].

use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, open_file, read_open};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::text::shown;
use aisoc_signing::{Coverage, TreeFinding};
use aisoc_trust::{Admitted, SignatureStatus};
use serde::{Deserialize, Serialize};

use crate::access::{is_directory, require_secure};
use crate::floor_change::{FloorChange, Lowering};
use crate::installed::manifest_id;
use crate::record::{self, InstallRecord, OWN_DIRECTORY};
use crate::sealed;
use crate::spellings::spellings;
use aisoc_packaging::ReferenceDir;

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
pub(crate) struct Floor {
    schema_version: u32,
    #[serde(deserialize_with = "record::plugin_id")]
    id: PluginId,
    coverage: String,
    /// The artifact that set it; nothing when it was taken over from what was installed before there were floors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<ArtifactDigest>,
    since: String,
}

/// What the site has written down of `id`: the widest of the floors and of the records of what is
/// installed, or nothing. All spellings of the id are asked, which are the same plugin to some hosts.
///
/// # Errors
/// `record_invalid` and `directory_insecure` for a floor that cannot be relied on, which is not the same
/// as no floor, and I/O reasons.
pub fn coverage_floor(plugins_dir: &Path, id: &PluginId) -> Result<Option<Coverage>> {
    let mut widest = None;
    for spelling in spellings(plugins_dir, id)? {
        widest = widest.max(of_spelling(plugins_dir, &spelling)?);
    }
    Ok(widest)
}

fn of_spelling(plugins_dir: &Path, id: &PluginId) -> Result<Option<Coverage>> {
    let floor = read(plugins_dir, id)?;
    let record = sealed::understood(InstallRecord::read(plugins_dir, id))?;
    let unknown = |fault: Fault| fault.about(record::path(plugins_dir, id).display()).hint(HOW_TO_GO_ON);
    let recorded = record.and_then(|record| record.coverage).map(|word| coverage("the record", &word).map_err(unknown));
    Ok(floor.max(recorded.transpose()?))
}

/// The floor as a change meets it. Where nothing is written down, as on a site that is older than
/// floors, the tree in place says what it was signed for.
fn before_change(plugins_dir: &Path, id: &PluginId, tree: &Path) -> Result<Coverage> {
    if let Some(coverage) = coverage_floor(plugins_dir, id)? {
        return Ok(coverage);
    }
    let nothing_says = |fault: Fault| {
        Fault::new(Reason::RecordInvalid, format!("nothing says what the installed `{id}` was signed for"))
            .caused_by(fault)
    };
    if is_directory(tree)? {
        let hint = || format!("remove what is left of it, then install: `aisoc plugin uninstall {id}`");
        return stated_by(tree).map_err(|fault| nothing_says(fault).hint(hint()));
    }
    // The tree is gone: a record that cannot be understood is all that was left of it.
    match InstallRecord::read(plugins_dir, id) {
        Err(fault) if fault.reason() == Reason::RecordInvalid => Err(nothing_says(fault).hint(HOW_TO_GO_ON)),
        record => record.map(|_| Coverage::None),
    }
}

/// What a tree claims to be signed for, whether or not anybody's key verifies it today.
fn stated_by(tree: &Path) -> Result<Coverage> {
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

fn read(plugins_dir: &Path, id: &PluginId) -> Result<Option<Coverage>> {
    let path = path(plugins_dir, id);
    let invalid = |fault: Fault| {
        Fault::new(Reason::RecordInvalid, format!("the coverage floor `{}` cannot be read", path.display()))
            .hint(HOW_TO_GO_ON)
            .caused_by(fault)
    };
    let unread = |error| match error {
        SmallFileError::Io(error) if !sealed::is_link(&error) => Fault::io("read", &path, error).hint(HOW_TO_GO_ON),
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

pub(crate) fn path(plugins_dir: &Path, id: &PluginId) -> PathBuf {
    plugins_dir.join(OWN_DIRECTORY).join(FLOORS).join(id.as_str())
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
    let before = match before_change(plugins_dir, id, &plugins_dir.join(id.as_str())) {
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
            let others = others_above(plugins_dir, id, covered)?;
            let lowering =
                reason.map(|reason| Lowering { from, reason: reason.clone(), digest: record.digest, others });
            Ok(change(Some(covered), lowering))
        }
    }
}

/// What has to be lowered beside `id`, for otherwise its other spellings would go on saying more.
fn others_above(plugins_dir: &Path, id: &PluginId, covered: Coverage) -> Result<Vec<(PluginId, Option<Coverage>)>> {
    let mut above = Vec::new();
    for other in spellings(plugins_dir, id)?.into_iter().filter(|other| other != id) {
        match of_spelling(plugins_dir, &other) {
            Err(fault) if fault.reason() == Reason::RecordInvalid => above.push((other, None)),
            floor => above.extend(floor?.filter(|floor| *floor > covered).map(|floor| (other, Some(floor)))),
        }
    }
    Ok(above)
}

/// Keeps the floor of the plugin that stands in the directory `place`, or of which nothing but the record
/// is left, before it is removed. When nothing can say what the floor was, it is the widest. A plugin that
/// was placed by hand has the id that its manifest states; one that states none has no floor.
///
/// # Errors
/// I/O reasons.
pub(crate) fn judge_removal(plugins_dir: &Path, place: &PluginId) -> Result<FloorChange> {
    let tree = plugins_dir.join(place.as_str());
    let id = match InstallRecord::read(plugins_dir, place) {
        Ok(None) => manifest_id(&tree),
        Ok(Some(_)) => Some(place.clone()),
        Err(fault) if fault.reason() == Reason::RecordInvalid => Some(place.clone()),
        Err(fault) => return Err(fault),
    };
    let to = id.as_ref().map_or(Ok(None), |id| kept_by_removal(plugins_dir, id, &tree))?;
    Ok(FloorChange { id: id.unwrap_or_else(|| place.clone()), digest: None, to, lowering: None })
}

fn kept_by_removal(plugins_dir: &Path, id: &PluginId, tree: &Path) -> Result<Option<Coverage>> {
    match before_change(plugins_dir, id, tree) {
        // A floor that is there and damaged stays, and goes on refusing.
        Err(fault) if fault.reason() == Reason::RecordInvalid && is_written(plugins_dir, id) => Ok(None),
        Err(fault) if fault.reason() == Reason::RecordInvalid => Ok(Some(Coverage::Full)),
        before => unwritten(plugins_dir, id, before?),
    }
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

impl Floor {
    pub(crate) fn text(id: &PluginId, coverage: Coverage, digest: Option<ArtifactDigest>) -> Result<Vec<u8>> {
        sealed::to_text(&Self {
            schema_version: SCHEMA_VERSION,
            id: id.clone(),
            coverage: coverage.as_str().to_owned(),
            digest,
            since: format!("{:.0}", jiff::Timestamp::now()),
        })
    }
}
