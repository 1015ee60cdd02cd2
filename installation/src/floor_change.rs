//! What a change does to the floor of its plugin, written down before the change is made.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_signing::Coverage;
use rustix::fs::AtFlags;

use crate::floor::{Floor, path};
use crate::lowered::{LoweredLine, UNKNOWN};
use crate::plugins::Plugins;
use crate::sealed;
use crate::staging::StagingDirectory;
use crate::transaction::file_name;

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
    pub(crate) digest: ArtifactDigest,
    /// Other spellings of the id that say more, with what they say; nothing where that cannot be read.
    pub(crate) others: Vec<(PluginId, Option<Coverage>)>,
}

impl FloorChange {
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
                put(plugins, staging, other, &Floor::text(other, coverage, self.digest)?)?;
                // Nothing of that name is in place: what its record says, its floor says from here on.
                plugins.records.unlink(&file_name(other))?;
            }
            published.keep(plugins, &self.id, None)?;
        }
        put(plugins, staging, &self.id, &Floor::text(&self.id, coverage, self.digest)?)
    }
}

impl Lowering {
    /// One line for each spelling that is lowered, before any of them is.
    fn append_lines(&self, id: &PluginId, to: Coverage, plugins: &Plugins) -> Result<()> {
        let others = self.others.iter().map(|(other, from)| (other, *from));
        for (id, from) in std::iter::once((id, self.from)).chain(others) {
            LoweredLine::new(id, from, to, &self.reason, self.digest).append(&plugins.own)?;
        }
        Ok(())
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
            Some(coverage) => Some(Floor::text(id, coverage, None)?),
            None => sealed::read(&path(&plugins.path, id)).ok().flatten(),
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
