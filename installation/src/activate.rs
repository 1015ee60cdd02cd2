//! `activate` and `uninstall`: where a plugin becomes visible and where it ceases to be, by one rename each.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::ManifestFile;
use aisoc_trust::Admitted;
use rustix::fs::{AtFlags, CWD};
use rustix::io::Errno;

use crate::access::{Access, is_directory, look_at, sync_directory};
use crate::floor;
use crate::floor_change::FloorChange;
use crate::identity::{not_installed, refuse_second_spelling};
use crate::kept;
use crate::pending::{self, PendingChange};
use crate::record::{self, InstallRecord};
use crate::staging::{StagingDirectory, abandoned};
use crate::transaction::{Incoming, Moved, Transaction, foreign};
use aisoc_packaging::Staged;

/// Evidence that the admitted tree is in place and synced.
#[derive(Debug)]
pub struct Installed {
    /// Where the plugin is now.
    pub path: PathBuf,
    /// Whether a tree was there before.
    pub previous: Previous,
    /// What was written down about that tree.
    pub replaced: Option<InstallRecord>,
    /// The coverage that the floor was lowered from for it, in one word.
    pub lowered_from: Option<&'static str>,
    /// What could not be removed; the next change of the plugins directory, or `gc`, tries again.
    pub leftovers: Vec<PathBuf>,
}

/// What stood at the plugin's place before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// Nothing.
    None,
    /// Another tree, exchanged for the new one in one step.
    Replaced,
}

impl Previous {
    pub(crate) fn of(moved: Moved) -> Self {
        match moved {
            Moved::Exchanged => Self::Replaced,
            Moved::In | Moved::Out => Self::None,
        }
    }
}

/// Publishes a staged tree as `<plugins-dir>/<id>`, where id and directory are those it was staged for.
/// The tree that it replaces stays among the kept versions, of which the newest `keep` remain.
///
/// What is installed is judged under the lock: the coverage floor, and other spellings of the id.
///
/// A process killed at any moment leaves the old tree or the new one, with its own record.
///
/// # Errors
/// `internal` when the admission is about another tree, `invalid_plugin_id`, `coverage_downgrade`, `already_exists`,
/// `locked`, `directory_insecure`,
/// `lock_unsupported`, `exchange_unsupported`, and I/O reasons; each leaves what is installed as it was.
pub fn activate(
    admitted: Admitted,
    staged: Staged<StagingDirectory>,
    record: &InstallRecord,
    keep: u8,
    access: &Access,
) -> Result<Installed> {
    require_admission(&admitted, record, staged.subject())?;
    let other_id = |fault: Fault| fault.hint("ask the publisher for a build with another id");
    record.id.require_directory_name().map_err(other_id)?;
    let (staging, source) = staged.into_place();
    let target = staging.plugins().join(record.id.as_str());
    // Looked at before anything is written, so that these refusals leave no trace; under the lock they are asked again.
    if target.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
        return Err(foreign(&target));
    }
    judge_present(staging.plugins(), &admitted, record, access)?;
    let mut transaction = Transaction::begin(staging, access)?;
    let plugins = transaction.plugins.path.clone();
    let floor = judge_present(&plugins, &admitted, record, access)?;
    let inode = inode(transaction.staging.held(), &source, &target)?;
    let before = InstallRecord::read_understood(&plugins, &record.id)?;
    let slot = kept::next_slot(&plugins, &record.id)?;
    let change = PendingChange::new(
        record.id.clone(),
        before.clone(),
        Some(record.clone()),
        slot,
        inode,
        Some(keep.min(kept::MAX_KEPT_VERSIONS)),
    );
    let moved = transaction.run(&change, Incoming::Staged(&source), &floor)?;
    let previous = Previous::of(moved);
    let lowered_from = floor.lowered_from();
    Ok(Installed { path: target, previous, replaced: before, lowered_from, leftovers: transaction.end() })
}

/// What is installed decides about what may come: how widely it was signed, and which ids there are.
pub(crate) fn judge_present(
    plugins_dir: &Path,
    admitted: &Admitted,
    record: &InstallRecord,
    access: &Access,
) -> Result<FloorChange> {
    refuse_second_spelling(plugins_dir, &record.id)?;
    floor::judge(plugins_dir, record, admitted, &access.coverage_floor)
        .map_err(|fault| fault.about(format_args!("{} {}", record.id, record.version)))
}

/// The admission, the record and the tree must be about one content.
pub(crate) fn require_admission(admitted: &Admitted, record: &InstallRecord, subject: TreeDigest) -> Result<()> {
    for about in [admitted.subject(), record.tree_digest] {
        if about != subject {
            return Err(Fault::new(Reason::Internal, "what was admitted is not what would be activated")
                .expected(about.to_string(), subject.to_string()));
        }
    }
    Ok(())
}

/// Moves a staged tree to `out`, which is missing or an empty directory, for `pull`. No host looks there:
/// nothing becomes active, so nothing has to be admitted.
///
/// # Errors
/// `already_exists` when there is something at `out`, and I/O reasons.
pub fn release_unverified(staged: Staged<StagingDirectory>, out: &Path) -> Result<()> {
    let (mut staging, source) = staged.into_place();
    staging.sync()?;
    rustix::fs::renameat(staging.held(), source, CWD, out).map_err(|error| match error {
        Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR => {
            Fault::new(Reason::AlreadyExists, format!("`{}` exists and is not an empty directory", out.display()))
        }
        error => Fault::io("write", out, error.into()),
    })?;
    staging.keep_plugins_directory();
    sync_directory(staging.plugins())
}

/// Removes the plugin `id`, its record and its kept versions: one rename takes it out of sight, then
/// it is deleted. Gives what could not be removed; `gc` tries again.
///
/// When a killed uninstall of this plugin was begun, finishing it is what was asked for. When there is
/// nothing to uninstall, what killed processes have left is finished all the same.
///
/// # Errors
/// `plugin_not_found`, `locked`, `directory_insecure`, `lock_unsupported`, `exchange_unsupported`, and
/// I/O reasons; each leaves the plugin as it was, or says that it is uninstalled.
pub fn uninstall(plugins_dir: &Path, id: &PluginId, access: &Access) -> Result<Vec<PathBuf>> {
    let path = plugins_dir.join(id.as_str());
    let missing = || not_installed(plugins_dir, id);
    if !can_be_uninstalled(plugins_dir, id)? {
        finish_interrupted(plugins_dir, access)?;
        return Err(missing());
    }
    access.check(plugins_dir)?;
    let mut transaction = Transaction::begin(StagingDirectory::create(plugins_dir)?, access)?;
    if !can_be_uninstalled(plugins_dir, id)? {
        let is_removed = transaction.finished.iter().any(|finished| finished.is_removal && finished.id == *id);
        let leftovers = transaction.end();
        // Otherwise another process was faster, or nothing but an install had been begun.
        return if is_removed { Ok(leftovers) } else { Err(missing()) };
    }
    if path.is_symlink() {
        return Err(foreign(&path));
    }
    let before = InstallRecord::read_understood(plugins_dir, id)?;
    let inode = inode(&transaction.plugins.top, id.as_str(), &path)?;
    let slot = kept::next_slot(plugins_dir, id)?;
    let floor = floor::judge_removal(plugins_dir, id)?;
    transaction.run(&PendingChange::new(id.clone(), before, None, slot, inode, None), Incoming::Nothing, &floor)?;
    Ok(transaction.end())
}

/// Whether there is something that [`uninstall`] removes: what an install put there, what the host would
/// take for a plugin, or a change of it that was begun.
///
/// # Errors
/// I/O reasons.
pub fn can_be_uninstalled(plugins_dir: &Path, id: &PluginId) -> Result<bool> {
    let path = plugins_dir.join(id.as_str());
    if look_at(&pending::path(plugins_dir, id))?.is_some() {
        return Ok(true);
    }
    if !is_directory(&path)? {
        return Ok(false);
    }
    for file in ManifestFile::ALL {
        if look_at(&path.join(file.name()))?.is_some() {
            return Ok(true);
        }
    }
    Ok(look_at(&record::path(plugins_dir, id))?.is_some())
}

/// Finishes what killed processes have left, if they have left anything: for commands that have nothing
/// to change themselves.
///
/// # Errors
/// As [`activate`], when there is something to finish.
pub fn finish_interrupted(plugins_dir: &Path, access: &Access) -> Result<()> {
    if pending::ids(plugins_dir)?.is_empty() && abandoned(plugins_dir)?.is_empty() {
        return Ok(());
    }
    access.check(plugins_dir)?;
    Transaction::begin(StagingDirectory::create(plugins_dir)?, access)?.end();
    Ok(())
}

/// The number of a directory, by which it is known wherever it is moved to.
pub(crate) fn inode(parent: impl AsFd, name: &str, shown: &Path) -> Result<u64> {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .map(|found| found.st_ino)
        .map_err(|error| Fault::io("look at", shown, error.into()))
}
