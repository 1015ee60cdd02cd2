//! What a change does to the floor of its plugin, written down before the change is made.

use std::path::Path;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_signing::Coverage;
use aisoc_trust::journal::{Action, Entry, JournalTime, Writer};
use aisoc_trust::{Facts, SignatureStatus, Verdict};
use rustix::fs::AtFlags;

use crate::access::Access;
use crate::census::Census;
use crate::floor::{CoverageFloor, Floor, before_change, of_spelling, unwritten};
use crate::identity::manifest_id;
use crate::layout::{Layout, json_name};
use crate::lowered::{self, UNKNOWN};
use crate::plugins::Plugins;
use crate::record::InstallRecord;
use crate::recorded;
use crate::sealed;
use crate::staging::StagingDirectory;

/// What a change does to the floor of its plugin.
#[derive(Debug)]
pub(crate) struct FloorChange {
    pub(crate) id: PluginId,
    pub(crate) digest: Option<ArtifactDigest>,
    /// What the file has to say before the change is made; nothing when it says so already.
    pub(crate) to: Option<Coverage>,
    pub(crate) lowering: Option<Lowering>,
}

/// How far a floor is lowered, and why.
#[derive(Debug)]
pub(crate) struct Lowering {
    /// Nothing when the floor could not be read.
    pub(crate) from: Option<Coverage>,
    pub(crate) reason: StatedReason,
    /// What is accepted.
    pub(crate) version: String,
    pub(crate) digest: ArtifactDigest,
    /// Who accepts it.
    pub(crate) writer: Writer,
    /// Other spellings of the id that say more, with what they say; nothing where that cannot be read.
    pub(crate) others: Vec<(PluginId, Option<Coverage>)>,
}

impl FloorChange {
    /// What putting an admitted tree in place of what is there does to the floor. The gate has held it to the
    /// same facts; this says what is written down of it.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn by_putting(
        layout: &Layout,
        census: &Census,
        facts: &Facts,
        verdict: &Verdict,
        after: &InstallRecord,
        access: &Access,
    ) -> Result<Self> {
        let (id, covered) = (&facts.plugin, verdict.coverage());
        // What nobody has read is no ground to lower anything.
        let reason = match &access.coverage_floor {
            CoverageFloor::Lowered(reason) if verdict.status() != SignatureStatus::Skipped => Some(reason),
            CoverageFloor::Lowered(_) | CoverageFloor::Held => None,
        };
        let change = |to, lowering| Self { id: id.clone(), digest: Some(after.digest), to, lowering };
        match (facts.coverage_floor.as_ref().ok().copied(), reason) {
            (Some(before), Some(_)) if covered >= before => Ok(change(unwritten(layout, id, before)?, None)),
            (Some(before), None) => Ok(change(unwritten(layout, id, before)?, None)),
            (from, Some(reason)) => {
                let others = others_above(layout, census, id, covered)?;
                let (reason, version, writer) = (reason.clone(), after.version.clone(), access.writer.clone());
                let lowering = Lowering { from, reason, version, digest: after.digest, writer, others };
                Ok(change(Some(covered), Some(lowering)))
            }
            (None, None) => Err(Fault::new(Reason::Internal, "a floor that nobody can tell has let something pass")),
        }
    }

    /// Keeps the floor of the plugin that stands in the directory `place`, or of which nothing but the record
    /// is left, before it is removed. When nothing can say what the floor was, it is the widest. A plugin
    /// that was placed by hand has the id that its manifest states; one that states none has no floor.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn by_removing(layout: &Layout, census: &Census, place: &PluginId) -> Result<Self> {
        let tree = layout.plugin(place);
        let id = match recorded::read(layout, place) {
            Ok(None) => manifest_id(&tree),
            Ok(Some(_)) => Some(place.clone()),
            Err(fault) if fault.reason() == Reason::RecordInvalid => Some(place.clone()),
            Err(fault) => return Err(fault),
        };
        let to = id.as_ref().map_or(Ok(None), |id| kept_by_removal(layout, census, id, &tree))?;
        Ok(Self { id: id.unwrap_or_else(|| place.clone()), digest: None, to, lowering: None })
    }

    /// The coverage that the floor is lowered from, in one word; nothing when it is not lowered.
    pub(crate) fn lowered_from(&self) -> Option<&'static str> {
        self.lowering.as_ref().map(|lowering| lowering.from.map_or(UNKNOWN, Coverage::as_str))
    }

    /// Writes down, before the change is made, what would be forgotten by it, or how far the floor is
    /// lowered; until the change is made the record of what is still in place stands in for a lowered one.
    pub(crate) fn publish(&self, plugins: &Plugins, staging: &StagingDirectory) -> Result<Published> {
        let mut published = Published::default();
        match self.write(plugins, staging, &mut published) {
            Ok(()) => Ok(published),
            Err(fault) => {
                published.undo(plugins, staging);
                Err(fault)
            }
        }
    }

    fn write(&self, plugins: &Plugins, staging: &StagingDirectory, published: &mut Published) -> Result<()> {
        let Some(coverage) = self.to else { return Ok(()) };
        if let Some(lowering) = &self.lowering {
            lowering.append_lines(&self.id, coverage, plugins)?;
            for (other, from) in &lowering.others {
                published.keep(plugins, other, *from)?;
                put(plugins, staging, other, &Floor::text(other, coverage, self.digest, plugins.at)?)?;
                // Nothing of that name is in place: what its record says, its floor says from here on.
                plugins.records.unlink(&json_name(other))?;
            }
            published.keep(plugins, &self.id, None)?;
        }
        put(plugins, staging, &self.id, &Floor::text(&self.id, coverage, self.digest, plugins.at)?)
    }
}

/// What has to be lowered beside `id`, for otherwise its other spellings would go on saying more.
fn others_above(
    layout: &Layout,
    census: &Census,
    id: &PluginId,
    covered: Coverage,
) -> Result<Vec<(PluginId, Option<Coverage>)>> {
    let mut above = Vec::new();
    for other in census.spellings(id).into_iter().filter(|other| other != id) {
        match of_spelling(layout, &other) {
            Err(fault) if fault.reason() == Reason::RecordInvalid => above.push((other, None)),
            floor => above.extend(floor?.filter(|floor| *floor > covered).map(|floor| (other, Some(floor)))),
        }
    }
    Ok(above)
}

fn kept_by_removal(layout: &Layout, census: &Census, id: &PluginId, tree: &Path) -> Result<Option<Coverage>> {
    let is_written = || layout.floor(id).symlink_metadata().is_ok();
    match before_change(layout, census, id, tree) {
        // A floor that is there and damaged stays, and goes on refusing.
        Err(fault) if fault.reason() == Reason::RecordInvalid && is_written() => Ok(None),
        Err(fault) if fault.reason() == Reason::RecordInvalid => Ok(Some(Coverage::Full)),
        before => unwritten(layout, id, before?),
    }
}

impl Lowering {
    /// One line of the site's journal for each spelling that is lowered, before any of them is.
    fn append_lines(&self, id: &PluginId, to: Coverage, plugins: &Plugins) -> Result<()> {
        let others = self.others.iter().map(|(other, from)| (other, *from));
        let at = JournalTime::utc(plugins.at);
        let entry = |(id, from): (&PluginId, _)| Entry {
            at,
            action: Action::FloorLower,
            id: Some(id.to_string()),
            version: Some(self.version.clone()),
            hash: Some(self.digest.to_string()),
            reason: Some(lowered::reason(from, to, self.reason.as_str())),
        };
        let entries: Vec<Entry> = std::iter::once((id, self.from)).chain(others).map(entry).collect();
        plugins.write_down(&entries, &self.writer)
    }
}

/// The floors that were written for a change, as they were before it.
#[derive(Debug, Default)]
pub(crate) struct Published {
    before: Vec<(PluginId, Vec<u8>)>,
}

impl Published {
    /// Notes what `id` says before it is lowered: its floor, or what its record says in place of one.
    fn keep(&mut self, plugins: &Plugins, id: &PluginId, recorded: Option<Coverage>) -> Result<()> {
        let floor = match recorded {
            Some(coverage) => Some(Floor::text(id, coverage, None, plugins.at)?),
            None => sealed::read(&plugins.layout.floor(id)).ok().flatten(),
        };
        self.before.extend(floor.map(|text| (id.clone(), text)));
        Ok(())
    }

    /// Puts back floors that were lowered for a change that was not made. Should that fail, the lowering
    /// stands, as its line says.
    pub(crate) fn undo(self, plugins: &Plugins, staging: &StagingDirectory) {
        for (id, text) in self.before {
            let _ = put(plugins, staging, &id, &text);
        }
    }
}

/// Writes a floor's file.
pub(crate) fn put(plugins: &Plugins, staging: &StagingDirectory, id: &PluginId, text: &[u8]) -> Result<()> {
    let name = draft_name(id);
    staging.write(&name, text)?;
    staging.sync()?;
    // A file takes the place of everything but a directory; one with something in it stays, and refuses.
    let _ = rustix::fs::unlinkat(&plugins.floors.directory, id.as_str(), AtFlags::REMOVEDIR);
    plugins.floors.take(staging.held(), &name, id.as_str())
}

/// The name of a floor that is on its way.
pub(crate) fn draft_name(id: &PluginId) -> String {
    format!("{id}.floor")
}
