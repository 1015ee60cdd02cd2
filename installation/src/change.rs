//! `Transaction`: one change of one plugin, whole or not at all, whenever the process is killed.
//!
//! 1. Everything that will be visible is on disk: the tree, its record, and a [`PendingChange`].
//! 2. The note of the change is renamed into place. From here on readers look at the tree.
//! 3. The incoming tree moves to its place among the versions, and one rename exchanges it with the
//!    tree in place: that is the change.
//! 4. The record is renamed into place, what somebody has answered for goes into the journal, the previous tree becomes
//!    a kept version, the note is removed.
//!
//! A kill before 3 leaves the old tree, a kill after it the new one; the note says which record is
//! about it. Whoever holds the lock next finishes what was begun: forward after 3, else backward.

use std::fs::File;
use std::path::PathBuf;

use aisoc_files::remove_tree;
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use rustix::fs::{AtFlags, RenameFlags};
use rustix::io::Errno;

use crate::access::Access;
use crate::census::ids_in;
use crate::exceptions;
use crate::floor;
use crate::floor_change::{FloorChange, draft_name};
use crate::in_use::InUse;
use crate::layout::{Layout, PENDING, PREVIOUS_NOTE, Slot, TREE, json_name};
use crate::pending::{PendingChange, Side};
use crate::plugins::{Plugins, rename_without_replacing};
use crate::previous;
use crate::record::InstallRecord;
use crate::recorded;
use crate::sealed;
use crate::secure::is_directory;
use crate::staging::StagingDirectory;

/// The lock on a plugins directory, and a private directory for what comes and goes.
#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) plugins: Plugins,
    pub(crate) staging: StagingDirectory,
    removed: usize,
    /// What could not be moved out of sight.
    leftovers: Vec<PathBuf>,
    /// Changes of others that could not be finished: their plugins stay as they are.
    unfinished: Vec<(PluginId, Fault)>,
    pub(crate) finished: Vec<Finished>,
    cancellation: Cancellation,
}

/// A change that a killed process had begun, and that is finished now.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) id: PluginId,
    /// Whether it was an uninstall, and the plugin is gone.
    pub(crate) is_removal: bool,
}

/// What moves into a plugin's place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Incoming<'a> {
    /// The directory of that name in the open directory.
    Staged(&'a File, &'a str),
    /// The previous version that is where the change says.
    Previous,
    /// Nothing: the plugin is removed.
    Nothing,
}

/// What the one rename did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// A tree came where nothing was.
    In,
    /// A tree was exchanged for another.
    Exchanged,
    /// The tree left.
    Out,
}

impl Transaction {
    /// Waits for the lock and finishes what killed processes have begun.
    pub(crate) fn begin(staging: StagingDirectory, access: &Access) -> Result<Self> {
        let plugins = Plugins::lock(&Layout::of(staging.plugins()), access)?;
        let mut transaction = Self {
            plugins,
            staging,
            removed: 0,
            leftovers: Vec::new(),
            unfinished: Vec::new(),
            finished: Vec::new(),
            cancellation: access.cancellation.clone(),
        };
        for id in ids_in(&transaction.plugins.layout, PENDING)? {
            match transaction.recover(&id) {
                Ok(is_removal) => transaction.finished.push(Finished { id, is_removal }),
                // Nobody else's plugin has to wait for this one; a change of this one has.
                Err(fault) => transaction.unfinished.push((id, fault)),
            }
        }
        transaction.cancellation.check()?;
        Ok(transaction)
    }

    /// Makes a change. When it is refused, everything is as it was.
    pub(crate) fn run(&mut self, change: &PendingChange, incoming: Incoming<'_>, floor: &FloorChange) -> Result<Moved> {
        if let Some(at) = self.unfinished.iter().position(|(unfinished, _)| *unfinished == change.id) {
            return Err(self.unfinished.swap_remove(at).1);
        }
        let published = floor.publish(&self.plugins, &self.staging)?;
        let moved = self.make(change, incoming);
        // A change that was made all the same keeps the floor that it was made by.
        if moved.is_err() && !matches!(change.side(&self.plugins.layout), Ok(Side::After)) {
            published.undo(&self.plugins, &self.staging);
        }
        moved
    }

    fn make(&mut self, change: &PendingChange, incoming: Incoming<'_>) -> Result<Moved> {
        let id = &change.id;
        let note = json_name(id);
        self.prepare(change)?;
        self.staging.write(&note, &sealed::to_text(change)?)?;
        self.staging.sync()?;
        if let Some(answered) = &change.answered {
            exceptions::require_writable(answered, &self.plugins)?;
        }
        let made =
            self.plugins.pending.take(self.staging.held(), &note, &note).and_then(|()| self.exchange(change, incoming));
        let moved = match made {
            Ok(moved) => moved,
            Err(fault) => return Err(self.take_back(change, fault)),
        };
        if let Err(fault) = self.sync_exchange(change).and_then(|()| self.write_down(change)) {
            // No line of a journal is taken back. Where it stands there, so does the change that it speaks of, and the next
            // command finishes that by its note.
            if !change.answered.as_ref().is_some_and(|answered| exceptions::may_be_said(answered, &self.plugins)) {
                self.undo(change, moved);
            }
            return Err(self.take_back(change, fault));
        }
        // The change is made. What is not tidied now is tidied by the next command that changes something.
        if self.settle(change).is_err() {
            self.leftovers.push(self.plugins.layout.pending(id));
        }
        Ok(moved)
    }

    /// Releases the lock and removes what was moved out of sight; says what could not be.
    pub(crate) fn end(self) -> Vec<PathBuf> {
        let Self { plugins, mut staging, mut leftovers, .. } = self;
        staging.keep_plugins_directory();
        // Large trees take a while to remove, and nobody needs them gone.
        drop(plugins);
        leftovers.extend(staging.remove());
        leftovers
    }

    /// Changes that could not be finished, with the reason for each.
    pub(crate) fn unfinished(&self) -> &[(PluginId, Fault)] {
        &self.unfinished
    }

    /// Moves something of `.aisoc/versions` out of sight, where [`Transaction::end`] removes it. Whether
    /// it is gone; else it is among the leftovers.
    pub(crate) fn discard_version(&mut self, name: &str) -> bool {
        self.removed += 1;
        let versions = &self.plugins.versions;
        let path = versions.path.join(name);
        match versions.give(name, self.staging.held(), &format!("removed-{}", self.removed)) {
            Ok(()) | Err(Errno::NOENT) => true,
            // It cannot be renamed, as in the lower layer of an overlay; perhaps it can be removed.
            Err(_) if remove_tree(&versions.directory, name).is_ok() => true,
            Err(_) => {
                self.leftovers.push(path);
                false
            }
        }
    }

    /// Removes previous versions of `id` beyond the newest `keep`; the slots that went.
    pub(crate) fn prune(&mut self, id: &PluginId, keep: u8, finishing: Option<&InstallRecord>) -> Result<Vec<Slot>> {
        let kept = previous::stored(&self.plugins.layout, id)?;
        let read = match finishing {
            Some(_) => None,
            None => recorded::read_understood(&self.plugins.layout, id)?,
        };
        let mut surplus = previous::superfluous(&kept, finishing.or(read.as_ref()), keep);
        let (in_use, layout) = (InUse::read(&self.plugins.layout)?, self.plugins.layout.clone());
        // What runs stays, and what nobody can tell of.
        surplus.retain(|slot| {
            matches!(in_use.holds(&layout.version_tree(id, *slot)), Ok(false)) && self.discard_version(&slot.below(id))
        });
        self.remove_if_empty(id);
        Ok(surplus)
    }

    /// A plugin without kept versions has no directory for them.
    pub(crate) fn remove_if_empty(&self, id: &PluginId) {
        let _ = rustix::fs::unlinkat(&self.plugins.versions.directory, id.as_str(), AtFlags::REMOVEDIR);
    }

    /// Writes what will be renamed into place after the exchange, so that a full disk refuses the
    /// change before anything of it is visible.
    pub(crate) fn prepare(&self, change: &PendingChange) -> Result<()> {
        if let Some(after) = &change.after {
            self.staging.write(&record_name(&change.id), &after.to_text()?)?;
            if let Some(raised) = floor::raised(&self.plugins.layout, after, self.plugins.at)? {
                self.staging.write(&draft_name(&change.id), &raised)?;
            }
        }
        if let Some(before) = change.before.as_ref().filter(|_| change.keeps_previous()) {
            let sequence = previous::next_sequence(&previous::stored(&self.plugins.layout, &change.id)?);
            self.staging.write(&kept_name(&change.id), &previous::to_text(before, sequence)?)?;
        }
        Ok(())
    }

    /// The one rename, and what it needs.
    fn exchange(&self, change: &PendingChange, incoming: Incoming<'_>) -> Result<Moved> {
        let Plugins { top, versions, .. } = &self.plugins;
        let (id, slot) = (&change.id, change.slot.below(&change.id));
        let other = format!("{slot}/{TREE}");
        let target = self.plugins.layout.plugin(id);
        let failed = |error: Errno| not_in_one_step(error, &target);
        if !matches!(incoming, Incoming::Previous) {
            versions.make(id.as_str())?;
            versions.make(&slot)?;
        }
        if let Incoming::Nothing = incoming {
            self.cancellation.check()?;
            rename_without_replacing(top, id.as_str(), &versions.directory, &other).map_err(failed)?;
            return Ok(Moved::Out);
        }
        if let Incoming::Staged(from, source) = incoming {
            rename_without_replacing(from, source, &versions.directory, &other).map_err(failed)?;
            versions.sync_parent_of(&other)?;
        }
        // The last moment in which the change can be called off: with the next rename it is made.
        self.cancellation.check()?;
        match rename_without_replacing(&versions.directory, &other, top, id.as_str()) {
            Ok(()) => return Ok(Moved::In),
            Err(Errno::EXIST) => require_directory(top, id, &target)?,
            Err(error) => return Err(failed(error)),
        }
        rustix::fs::renameat_with(&versions.directory, &other, top, id.as_str(), RenameFlags::EXCHANGE)
            .map_err(failed)?;
        Ok(Moved::Exchanged)
    }

    /// Makes the exchange survive a power cut: both directories that it changed.
    fn sync_exchange(&self, change: &PendingChange) -> Result<()> {
        self.plugins.sync()?;
        self.plugins.versions.sync_parent_of(&format!("{}/{TREE}", change.slot.below(&change.id)))
    }

    /// Undoes the rename when the record could not follow.
    fn undo(&self, change: &PendingChange, moved: Moved) {
        let Plugins { top, versions, .. } = &self.plugins;
        let (id, other) = (change.id.as_str(), format!("{}/{TREE}", change.slot.below(&change.id)));
        let _ = match moved {
            Moved::In => rename_without_replacing(top, id, &versions.directory, &other),
            Moved::Exchanged => rustix::fs::renameat_with(&versions.directory, &other, top, id, RenameFlags::EXCHANGE),
            Moved::Out => rename_without_replacing(&versions.directory, &other, top, id),
        };
    }

    /// What is to be read of the change once it is made: its record, and what somebody has answered for with it.
    pub(crate) fn write_down(&self, change: &PendingChange) -> Result<()> {
        self.publish_record(change)?;
        change.answered.as_ref().map_or(Ok(()), |answered| exceptions::write_down(answered, &self.plugins))
    }

    fn publish_record(&self, change: &PendingChange) -> Result<()> {
        let name = json_name(&change.id);
        match &change.after {
            Some(_) => self.plugins.records.take(self.staging.held(), &record_name(&change.id), &name),
            None => self.plugins.records.unlink(&name),
        }
    }

    /// Everything after the records: the previous tree is kept or removed, the note goes.
    pub(crate) fn settle(&mut self, change: &PendingChange) -> Result<()> {
        let (id, slot) = (&change.id, change.slot.below(&change.id));
        match &change.after {
            None => {
                let _ = self.discard_version(id.as_str());
            }
            Some(after) => {
                if floor::raised(&self.plugins.layout, after, self.plugins.at)?.is_some() {
                    self.plugins.floors.take(self.staging.held(), &draft_name(id), id.as_str())?;
                }
                let left = is_directory(&self.plugins.versions.path.join(&slot).join(TREE))?;
                if change.keeps_previous() && left {
                    let to = format!("{slot}/{PREVIOUS_NOTE}");
                    self.plugins.versions.take(self.staging.held(), &kept_name(id), &to)?;
                } else {
                    let _ = self.discard_version(&slot);
                }
                match change.keep {
                    Some(keep) => drop(self.prune(id, keep, Some(after))?),
                    None => self.remove_if_empty(id),
                }
            }
        }
        self.plugins.pending.unlink(&json_name(id))
    }
}

pub(crate) fn record_name(id: &PluginId) -> String {
    format!("{id}.record")
}

fn kept_name(id: &PluginId) -> String {
    format!("{id}.kept")
}

/// Fails unless a directory stands at the plugin's place: a link or a file there was not put by us.
fn require_directory(top: &std::os::fd::OwnedFd, id: &PluginId, target: &std::path::Path) -> Result<()> {
    let found = rustix::fs::statat(top, id.as_str(), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| Fault::io("look at", target, error.into()))?;
    match rustix::fs::FileType::from_raw_mode(found.st_mode) {
        rustix::fs::FileType::Directory => Ok(()),
        _ => Err(foreign(target)),
    }
}

pub(crate) fn foreign(target: &std::path::Path) -> Fault {
    Fault::new(Reason::AlreadyExists, format!("`{}` is a link or a file, which no install made", target.display()))
        .hint("find out what it is and who put it there, then remove it")
}

/// Some network file systems know no exchange, and an overlay cannot move a directory of its lower
/// layers. Anything but one rename would need a moment in which the plugin does not exist.
fn not_in_one_step(error: Errno, target: &std::path::Path) -> Fault {
    let cannot = |what: String, hint: &str| {
        Fault::new(Reason::ExchangeUnsupported, what).hint(hint.to_owned()).caused_by(std::io::Error::from(error))
    };
    match error {
        Errno::XDEV => cannot(
            format!("`{}` cannot be moved in one step: it lies in another layer or mount", target.display()),
            "mount a volume at the plugins directory, or change the plugin where the image is built",
        ),
        Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => cannot(
            format!("the file system of `{}` cannot exchange two directories in one step", target.display()),
            "keep the plugins directory on a local file system, such as ext4, XFS, btrfs or tmpfs",
        ),
        error => Fault::io("change", target, error.into()),
    }
}
