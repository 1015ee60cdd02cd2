//! The coverage floor: the widest coverage that a trusted key was ever seen to verify of a plugin here.
//!
//! It is a fact of the site and not of what is installed: `<plugins-dir>/.aisoc/floors/<id>` stays when
//! the plugin is uninstalled and when its record is lost. Every change of a plugin is held to it by a gate,
//! under the lock; nothing lowers a floor but [`CoverageFloor::Lowered`].

use std::path::Path;

use aisoc_files::{Links, SmallFileError, open_file, read_open};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::text::shown;
use aisoc_packaging::ReferenceDir;
use aisoc_signing::{Coverage, TreeFinding};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::census::Census;
use crate::layout::Layout;
use crate::record::{self, InstallRecord};
use crate::recorded;
use crate::sealed;
use crate::secure::{is_directory, require_secure};

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
pub(crate) fn coverage_floor(layout: &Layout, census: &Census, id: &PluginId) -> Result<Option<Coverage>> {
    widest(layout, &census.spellings(id))
}

/// As [`coverage_floor`], as it was when the site was listed: nothing is looked for that was not there.
///
/// # Errors
/// As [`coverage_floor`].
pub(crate) fn listed_coverage_floor(layout: &Layout, census: &Census, id: &PluginId) -> Result<Option<Coverage>> {
    let mut spellings = census.spellings(id);
    spellings.retain(|spelling| census.has_notes_on(spelling));
    widest(layout, &spellings)
}

fn widest(layout: &Layout, spellings: &[PluginId]) -> Result<Option<Coverage>> {
    let mut widest = None;
    for spelling in spellings {
        widest = widest.max(of_spelling(layout, spelling)?);
    }
    Ok(widest)
}

pub(crate) fn of_spelling(layout: &Layout, id: &PluginId) -> Result<Option<Coverage>> {
    let floor = read(layout, id)?;
    let record = sealed::understood(recorded::read(layout, id))?;
    let unknown = |fault: Fault| fault.about(layout.record(id).display()).hint(HOW_TO_GO_ON);
    let recorded = record.and_then(|record| record.coverage).map(|word| coverage("the record", &word).map_err(unknown));
    Ok(floor.max(recorded.transpose()?))
}

/// The floor as a change meets it. Where nothing is written down, as on a site that is older than
/// floors, the tree in place says what it was signed for.
pub(crate) fn before_change(layout: &Layout, census: &Census, id: &PluginId, tree: &Path) -> Result<Coverage> {
    if let Some(coverage) = coverage_floor(layout, census, id)? {
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
    match recorded::read(layout, id) {
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

pub(crate) fn read(layout: &Layout, id: &PluginId) -> Result<Option<Coverage>> {
    let path = layout.floor(id);
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

/// The floor, unless the file says so already. Without a file there is no floor.
pub(crate) fn unwritten(layout: &Layout, id: &PluginId, floor: Coverage) -> Result<Option<Coverage>> {
    let written = read(layout, id)?;
    Ok(Some(floor).filter(|floor| *floor != written.unwrap_or(Coverage::None)))
}

/// The floor that a change which was made raises, as the text of its file; nothing when it raises none.
/// Written with the record, and not before: what is in place until then may be less, and stays allowed.
/// In between the record stands in for it.
///
/// # Errors
/// I/O reasons. A floor that is damaged stays so, and goes on refusing.
pub(crate) fn raised(layout: &Layout, after: &InstallRecord, at: Timestamp) -> Result<Option<Vec<u8>>> {
    let written = match read(layout, &after.id) {
        Err(fault) if matches!(fault.reason(), Reason::RecordInvalid | Reason::DirectoryInsecure) => return Ok(None),
        written => written?.unwrap_or(Coverage::None),
    };
    let covered = after.coverage.as_deref().map_or(Ok(Coverage::None), |word| coverage("the record", word))?;
    (covered > written).then(|| Floor::text(&after.id, covered, Some(after.digest), at)).transpose()
}

impl Floor {
    pub(crate) fn text(
        id: &PluginId,
        coverage: Coverage,
        digest: Option<ArtifactDigest>,
        at: Timestamp,
    ) -> Result<Vec<u8>> {
        sealed::to_text(&Self {
            schema_version: SCHEMA_VERSION,
            id: id.clone(),
            coverage: coverage.as_str().to_owned(),
            digest,
            since: format!("{at:.0}"),
        })
    }
}
