//! `Remaining`: which versions of a plugin are left once every change that was begun is finished.

use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;

use crate::layout::{Layout, Slot};
use crate::pending::{PendingChange, Side};
use crate::previous::{PreviousVersion, previous_versions, slots, stored, superfluous};
use crate::record::InstallRecord;
use crate::recorded;
use crate::sealed;

/// The versions of one plugin. Under the lock of a change nothing is left to be finished, and it is what stands there.
#[derive(Debug, Default)]
pub(crate) struct Remaining {
    /// Those that can be rolled back to, the most recently replaced first.
    kept: Vec<PreviousVersion>,
    /// Places that hold none.
    pub(crate) orphans: Vec<Slot>,
    /// What is written down of the plugin in place.
    record: Option<InstallRecord>,
}

impl Remaining {
    /// Reads what stands there, and takes from it what the change that was begun takes when it is finished.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn of(layout: &Layout, id: &PluginId) -> Result<Self> {
        let begun = sealed::understood(PendingChange::read(layout, id))?;
        let side = begun.as_ref().map(|change| change.side(layout)).transpose()?;
        if side == Some(Side::After) && begun.as_ref().is_some_and(|change| change.after.is_none()) {
            return Ok(Self::default());
        }
        let known = stored(layout, id)?;
        let is_known = |slot: Slot| known.iter().any(|version| version.slot == slot);
        // The tree of the change itself is put into its place or removed.
        let is_on_its_way = |slot: Slot| begun.as_ref().is_some_and(|change| change.slot == slot);
        let mut orphans = slots(layout, id)?;
        orphans.retain(|slot| !is_known(*slot) && !is_on_its_way(*slot));
        orphans.sort();
        let mut kept = previous_versions(layout, id)?;
        if let Some(change) = begun.filter(|_| side == Some(Side::After))
            && let Some(keep) = change.keep
        {
            let surplus = superfluous(&kept, change.after.as_ref(), keep);
            kept.retain(|version| !surplus.contains(&version.slot));
        }
        Ok(Self { kept, orphans, record: recorded::read_understood(layout, id)? })
    }

    /// The versions beyond the newest `keep`.
    pub(crate) fn surplus(&self, keep: u8) -> impl Iterator<Item = &PreviousVersion> {
        let surplus = superfluous(&self.kept, self.record.as_ref(), keep);
        self.kept.iter().filter(move |version| surplus.contains(&version.slot))
    }
}
