//! `Standing`: what stands there of one plugin, to tell under the lock whether what was read before it, or
//! failed, was about that.

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;

use crate::in_place::Identity;
use crate::layout::{Layout, Slot};
use crate::previous::{self, PreviousVersion};
use crate::record::InstallRecord;
use crate::recorded;

/// The plugin in place and its previous versions, each with the directory that it was in.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    place: Option<Identity>,
    record: Option<InstallRecord>,
    versions: Vec<(Slot, InstallRecord, Option<Identity>)>,
}

impl Standing {
    /// Reads it. Without the lock it may be half of two states, which is then no state that is found again.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn of(layout: &Layout, id: &PluginId) -> Result<Self> {
        let version = |PreviousVersion { record, path, slot, .. }| {
            let identity = Identity::at(&path);
            (slot, record, identity)
        };
        Ok(Self {
            place: Identity::at(&layout.plugin(id)),
            record: recorded::read_understood(layout, id)?,
            versions: previous::stored(layout, id)?.into_iter().map(version).collect(),
        })
    }
}
