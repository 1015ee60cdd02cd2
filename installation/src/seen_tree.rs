//! `SeenTree`: what stood in the place of a plugin before it is replaced, read whole without a lock for who has
//! signed it. Whether that tree still stands there is told under the lock.

use std::path::PathBuf;

use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{InstalledDir, Limits, default_threads};
use aisoc_signing::Claim;

use crate::in_place::TreeStamp;
use crate::layout::Layout;
use crate::record::InstallRecord;
use crate::recorded;
use crate::secure::is_directory;

/// What stood in the place of a plugin, with or without a record, as it was installed or not.
#[derive(Debug)]
pub struct SeenTree {
    path: PathBuf,
    stamp: Option<TreeStamp>,
    record: Option<InstallRecord>,
    claim: Option<Claim>,
}

impl SeenTree {
    /// As [`crate::Site::seen_tree`].
    pub(crate) fn read(layout: &Layout, id: &PluginId, limits: &Limits) -> Result<Option<Self>> {
        let path = layout.plugin(id);
        if !is_directory(&path)? {
            return Ok(None);
        }
        // Before it is read: what is exchanged or changed from here on is another one at the end.
        let stamp = TreeStamp::of(&path);
        let record = recorded::read_understood(layout, id)?;
        let claim = match InstalledDir::read_with(&path, default_threads(), limits) {
            Ok(tree) => Some(tree.claim()),
            // It is no tree that anybody could have signed, or is being exchanged.
            Err(fault)
                if matches!(fault.reason(), Reason::ForbiddenEntry | Reason::ManifestMissing | Reason::IoNotFound) =>
            {
                None
            }
            Err(fault) => return Err(fault),
        };
        let claim = claim.filter(|_| stamp.is_some());
        Ok(Some(Self { path, stamp, record, claim }))
    }

    /// What it says about itself; nothing when it is no tree that anybody could have signed.
    pub fn claim(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

    /// What is written down of it.
    pub fn record(&self) -> Option<&InstallRecord> {
        self.record.as_ref()
    }

    /// Whether it is what stands there, every entry of it, and `record` what is written down of it. It stays so
    /// under the lock only.
    pub(crate) fn stands(&self, record: Option<&InstallRecord>) -> bool {
        record == self.record.as_ref() && self.stamp == TreeStamp::of(&self.path)
    }
}
