//! `KeptTree`: a kept version on its way back, read whole before it is believed.

use std::path::Path;

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::Claim;
use aisoc_trust::Admitted;

use crate::access::{Access, is_directory};
use crate::activate::{Installed, Previous, inode, judge_present, require_admission};
use crate::guarded::require_guarded;
use crate::kept::{self, KeptVersion};
use crate::pending::PendingChange;
use crate::record::InstallRecord;
use crate::staging::StagingDirectory;
use crate::transaction::{Incoming, Transaction};
use aisoc_packaging::InstalledDir;
use aisoc_packaging::Limits;
use aisoc_packaging::default_threads;

/// A kept version, every byte of which is as its record says. The plugins directory stays locked until
/// this is dropped, so that what was read is what is activated.
pub struct KeptTree {
    transaction: Transaction,
    version: KeptVersion,
    tree: InstalledDir,
    replaced: Option<InstallRecord>,
    access: Access,
}

impl KeptTree {
    /// Locks the plugins directory, chooses a kept version of `id` (the most recently replaced, or that
    /// of the version or artifact digest `wanted`), and reads it whole.
    ///
    /// # Errors
    /// `plugin_not_found` when nothing of `id` is there, `version_not_found`, `tree_modified` when a
    /// file was changed, added or removed since, `directory_insecure` when others can write one, `locked`,
    /// `lock_unsupported`, and I/O reasons.
    pub fn open(plugins_dir: &Path, id: &PluginId, wanted: Option<&str>, access: &Access) -> Result<Self> {
        let place = plugins_dir.join(id.as_str());
        if !is_directory(&place)? && !is_directory(&kept::directory(plugins_dir, id))? {
            return Err(Fault::new(
                Reason::PluginNotFound,
                format!("no plugin `{id}` in `{}`, and no version of it is kept", plugins_dir.display()),
            )
            .hint("install it from its reference: `aisoc plugin install REF`"));
        }
        access.check(plugins_dir)?;
        let transaction = Transaction::begin(StagingDirectory::create(plugins_dir)?, access)?;
        let version = kept::choose(kept::stored(plugins_dir, id)?, id, wanted)?;
        let modified = |found: String| {
            Fault::new(
                Reason::TreeModified,
                format!("the kept version {} of `{id}` was changed since it was installed", version.record.version),
            )
            .expected(version.record.tree_digest.to_string(), found)
            .hint(format!("install it again: `aisoc plugin install {}`", version.record.reference))
        };
        let tree = InstalledDir::read_with(&version.path, default_threads(), &Limits::until(&access.cancellation))
            .map_err(|fault| match fault.reason() {
                Reason::ForbiddenEntry | Reason::ManifestMissing => modified(fault.to_string()),
                _ => fault,
            })?;
        if tree.subject() != version.record.tree_digest {
            return Err(modified(tree.subject().to_string()));
        }
        // Whoever could write it while it was in place may have it open still.
        require_guarded(&version.path)?;
        let replaced = InstallRecord::read_understood(plugins_dir, id)?;
        Ok(Self { transaction, version, tree, replaced, access: access.clone() })
    }

    /// What was written down when it was installed.
    pub fn record(&self) -> &InstallRecord {
        &self.version.record
    }

    /// What was written down about the version that is installed now.
    pub fn replaced(&self) -> Option<&InstallRecord> {
        self.replaced.as_ref()
    }

    /// The identity of the tree.
    pub fn subject(&self) -> TreeDigest {
        self.tree.subject()
    }

    /// What the tree says about itself, rebuilt from the bytes that were read.
    pub fn claim(&self) -> Claim {
        self.tree.claim()
    }

    /// Exchanges the kept version for the installed one, which is kept in its place.
    ///
    /// # Errors
    /// As [`crate::activate`]; each leaves everything as it was.
    pub fn activate(self, admitted: Admitted, record: &InstallRecord) -> Result<Installed> {
        let Self { mut transaction, version, tree, replaced, access } = self;
        require_admission(&admitted, record, tree.subject())?;
        let floor = judge_present(&transaction.plugins.path, &admitted, record, &access)?;
        let slot = version.slot;
        let name = format!("{}/{}", slot.below(&record.id), kept::KEPT_TREE);
        let inode = inode(&transaction.plugins.versions.directory, &name, &version.path)?;
        let change = PendingChange::new(record.id.clone(), replaced.clone(), Some(record.clone()), slot, inode, None);
        let path = transaction.plugins.target(&record.id);
        let moved = transaction.run(&change, Incoming::Kept, &floor)?;
        let (previous, lowered_from) = (Previous::of(moved), floor.lowered_from());
        Ok(Installed { path, previous, replaced, lowered_from, leftovers: transaction.end() })
    }
}
