//! `Session`: the lock on a plugins directory, and what may be done under it.
//!
//! Whatever decides about what may come is read, judged and acted upon between the beginning and the end of
//! one session. The type sees to it: [`Present`] is read by a session and carries its lifetime, the gate
//! makes an admission from a `Present` alone, and only the same session takes that admission. A guard that
//! is asked before the lock is taken is a guard that a second process walks past: of two installs at once
//! each sees a directory in which the other has not installed yet.
//!
//! Nothing slow happens here. Trees are downloaded and hashed before, and the session compares which
//! directory that was ([`TreeInPlace`]).

use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::{ArtifactDigest, TreeDigest};
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::ManifestFile;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_packaging::Staged;
use aisoc_trust::{Admitted, Errand, Facts, KnownSigner, LockFacts, UnderLock};
use rustix::fs::AtFlags;

use crate::access::Access;
use crate::census::{Census, ids_in};
use crate::change::{Incoming, Moved, Transaction, foreign};
use crate::collect::Collected;
use crate::collection::Collection;
use crate::exceptions;
use crate::floor_change::FloorChange;
use crate::in_use::InUse;
use crate::kept_proofs;
use crate::last_seen;
use crate::layout::{Layout, PENDING, TREE};
use crate::looking::Looking;
use crate::means::Means;
use crate::observed::{facts, not_installed};
use crate::pending::PendingChange;
use crate::previous;
use crate::record::InstallRecord;
use crate::recorded;
use crate::secure::{is_directory, look_at};
use crate::seen_tree::SeenTree;
use crate::staging::{StagingDirectory, abandoned};
use crate::standing::Standing;
use crate::tree_in_place::{Leaving, PreviousTree, TreeInPlace};

/// Evidence of one session's lock. The lifetime is that session's own and no other's: it can be neither
/// lengthened nor shortened to another one, because it stands on both sides of an arrow.
#[derive(Debug)]
pub struct Held<'session>(PhantomData<fn(&'session ()) -> &'session ()>);

/// A plugins directory that is locked, checked and recovered. Dropping it releases the lock.
///
/// That of a dry run ([`Access::dry_run`]) is locked and checked, and nothing in it is changed: every step goes the
/// same way up to the change, and says what it would have made.
#[derive(Debug)]
pub struct Session<'session> {
    layout: Layout,
    means: Means,
    census: Census,
    access: Access,
    _held: Held<'session>,
}

/// What is installed of one plugin, and beside it, read in a session.
///
/// It cannot outlive the session, and no other session takes what was admitted beside it.
#[derive(Debug)]
pub struct Present<'session> {
    facts: Facts,
    record: Option<InstallRecord>,
    _held: Held<'session>,
}

/// Evidence that the admitted tree is in place and synced; from a dry run, what would be.
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
    fn of(moved: Moved) -> Self {
        match moved {
            Moved::Exchanged => Self::Replaced,
            Moved::In | Moved::Out => Self::None,
        }
    }
}

impl Installed {
    fn new(path: PathBuf, previous: Previous, present: Present<'_>, floor: &FloorChange) -> Self {
        let (replaced, lowered_from) = (present.record, floor.lowered_from());
        Self { path, previous, replaced, lowered_from, leftovers: Vec::new() }
    }

    fn leaving(self, leftovers: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { leftovers: leftovers.into_iter().collect(), ..self }
    }
}

impl Present<'_> {
    /// What is written down of the plugin in place; nothing when there is none that can be understood.
    pub fn record(&self) -> Option<&InstallRecord> {
        self.record.as_ref()
    }

    /// Whether that tree, which was read before the lock was taken, is still the plugin in place.
    pub fn is(&self, tree: &TreeInPlace) -> bool {
        tree.stands(self.record())
    }

    /// Says which artifact comes; whether it comes again is what the record says.
    pub fn comes(&mut self, artifact: ArtifactDigest) {
        if self.record().is_some_and(|record| record.digest == artifact) {
            self.facts.errand = Errand::Return;
        }
    }

    /// Says what plugins.lock says of what comes, read while its own lock is held.
    pub fn locked(&mut self, lock: LockFacts) {
        self.facts.lock = Some(lock);
    }

    /// Adds who has signed the tree in place, if `seen` is still that tree; says whether it is.
    #[must_use = "what was seen of another tree has told nothing"]
    pub fn signed_by(&mut self, seen: &SeenTree, found: Vec<KnownSigner>) -> bool {
        let is_in_place = seen.stands(self.record());
        if let Some(in_place) = self.facts.in_place.as_mut().filter(|_| is_in_place) {
            in_place.signers.and_found(found);
        }
        is_in_place
    }
}

impl<'session> UnderLock for Present<'session> {
    type Held = Held<'session>;

    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn held(&self) -> Held<'session> {
        Held(PhantomData)
    }
}

impl<'session> Session<'session> {
    /// Waits for the lock and finishes what killed processes have begun.
    pub(crate) fn begin(layout: &Layout, access: &Access, staged: Option<&Path>) -> Result<Self> {
        let session = Self::begin_unseen(layout, access, staged)?;
        match &session.means {
            Means::Change(transaction) => transaction.see()?,
            Means::Look(_) => drop(last_seen::read(layout)?),
        }
        Ok(session)
    }

    /// As [`Session::begin`], for whoever sets what was seen last.
    pub(crate) fn begin_unseen(layout: &Layout, access: &Access, staged: Option<&Path>) -> Result<Self> {
        let means = match access.dry_run {
            DryRun::Yes => Means::Look(Looking::begin(layout, access)?),
            DryRun::No => {
                let staging = StagingDirectory::create_beside(layout.plugins(), staged)?;
                Means::Change(Box::new(Transaction::begin(staging, access)?))
            }
        };
        let census = Census::of(layout)?;
        Ok(Self { layout: layout.clone(), means, census, access: access.clone(), _held: Held(PhantomData) })
    }

    /// Reads what is installed of `id`, and beside it.
    ///
    /// # Errors
    /// `already_exists` when something stands in its place that no install made, `invalid_plugin_id` for an
    /// id that cannot be a directory everywhere, and I/O reasons.
    pub fn present(&self, id: &PluginId) -> Result<Present<'session>> {
        require_possible(&self.layout, id)?;
        Ok(Present {
            facts: facts(&self.layout, &self.census, id, &self.access)?,
            record: recorded::read_understood(&self.layout, id)?,
            _held: Held(PhantomData),
        })
    }

    /// Keeps proofs of that artifact, for whoever judges again what came of it. A dry run keeps none.
    ///
    /// # Errors
    /// `record_invalid` for more than would be read again, and I/O reasons.
    pub fn keep_proofs(&self, artifact: ArtifactDigest, text: &[u8]) -> Result<()> {
        match &self.means {
            Means::Change(transaction) => kept_proofs::write(transaction, artifact, text),
            Means::Look(_) => Ok(()),
        }
    }

    /// Whether that is what stands there of `id`: what was read, or could not be, before the lock was taken is
    /// then about what is there.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn stands(&self, id: &PluginId, standing: &Standing) -> Result<bool> {
        Ok(Standing::of(&self.layout, id)? == *standing)
    }

    /// Publishes a staged tree in the place of the plugin that `present` is about. The tree that it replaces
    /// becomes a previous version, of which the newest `keep` remain. Nothing is staged for a dry run, and there alone.
    ///
    /// A process killed at any moment leaves the old tree or the new one, with its own record.
    ///
    /// # Errors
    /// `internal` when the admission, the record and the tree are not about one content and one plugin;
    /// `exchange_unsupported`, `interrupted`, and I/O reasons. Each leaves what is installed as it was.
    pub fn activate(
        self,
        admitted: Admitted<Held<'session>>,
        present: Present<'session>,
        staged: Option<Staged<StagingDirectory>>,
        record: &InstallRecord,
        keep: u8,
    ) -> Result<Installed> {
        let subject = staged.as_ref().map_or(record.tree_digest, Staged::subject);
        require_admission(&admitted, &present, record, subject)?;
        let (target, slot) = (self.layout.plugin(&record.id), previous::next_slot(&self.layout, &record.id)?);
        let floor = self.floor_change(&present, &admitted, record)?;
        let answered = exceptions::answered(admitted.verdict(), record, &self.access);
        let (mut transaction, staged) = match (self.means, staged) {
            (Means::Change(transaction), Some(staged)) => (transaction, staged),
            (Means::Look(looking), None) => return foreseen(looking, &self.layout, present, &floor),
            _ => return Err(Fault::new(Reason::Internal, "what is staged is not what this session is for")),
        };
        let (mut staging, source) = staged.into_place();
        let inode = inode(staging.held(), &source, &target)?;
        // What runs is kept, however few are to be.
        let least = u8::from(InUse::read(&self.layout)?.holds(&target)?);
        let keep = Some(keep.clamp(least, previous::MAX_PREVIOUS_VERSIONS));
        let before = present.record.clone();
        let change = PendingChange::new(record.id.clone(), before, Some(record.clone()), slot, inode, keep);
        let change = change.answered_for(answered);
        let incoming = Incoming::Staged(staging.held(), &source);
        let moved = transaction.run(&change, incoming, &floor)?;
        staging.keep_plugins_directory();
        let installed = Installed::new(target, Previous::of(moved), present, &floor);
        Ok(installed.leaving(transaction.end().into_iter().chain(staging.remove())))
    }

    /// Exchanges a previous version for the installed one, which becomes a previous version in its place, or goes;
    /// `None` when what was read is no longer there, because another process was faster.
    ///
    /// # Errors
    /// As [`Session::activate`].
    pub fn restore(
        self,
        admitted: Admitted<Held<'session>>,
        present: Present<'session>,
        previous: &PreviousTree,
        record: &InstallRecord,
    ) -> Result<Option<Installed>> {
        require_admission(&admitted, &present, record, previous.tree.subject())?;
        let PreviousTree { tree, id, slot, wanted, leaving } = previous;
        // Chosen again, because another version may have been replaced since.
        let chosen = previous::choose(previous::previous_versions(&self.layout, id)?, id, wanted.as_deref()).ok();
        let is_chosen = chosen.is_some_and(|version| version.slot == *slot && tree.stands(Some(&version.record)));
        if !is_chosen || record.id != *id {
            return Ok(None);
        }
        let (target, floor) = (self.layout.plugin(id), self.floor_change(&present, &admitted, record)?);
        let answered = exceptions::answered(admitted.verdict(), record, &self.access);
        let mut transaction = match self.means {
            Means::Change(transaction) => transaction,
            Means::Look(looking) => return foreseen(looking, &self.layout, present, &floor).map(Some),
        };
        let name = format!("{}/{TREE}", slot.below(id));
        let inode = inode(&transaction.plugins.versions.directory, &name, tree.path())?;
        // What nothing is written down of is not kept.
        let before = present.record.clone().filter(|_| *leaving == Leaving::IsKept);
        let change = PendingChange::new(id.clone(), before, Some(record.clone()), *slot, inode, None);
        let moved = transaction.run(&change.answered_for(answered), Incoming::Previous, &floor)?;
        let installed = Installed::new(target, Previous::of(moved), present, &floor);
        Ok(Some(installed.leaving(transaction.end())))
    }

    /// Confirms that the plugin in place is the admitted one, and changes nothing; `None` when that tree is no
    /// longer the one in place.
    ///
    /// # Errors
    /// `internal` when the admission is about another tree.
    pub fn confirm(
        self,
        admitted: Admitted<Held<'session>>,
        present: Present<'session>,
        tree: &TreeInPlace,
    ) -> Result<Option<Vec<PathBuf>>> {
        require_admission(&admitted, &present, tree.record(), tree.subject())?;
        if !present.is(tree) {
            return Ok(None);
        }
        Ok(Some(self.end()))
    }

    /// Removes the plugin `id`, its record and its previous versions: one rename takes it out of sight, then
    /// it is deleted. Gives what could not be removed; `gc` tries again.
    ///
    /// When a killed uninstall of this plugin was begun, finishing it is what was asked for.
    ///
    /// # Errors
    /// `plugin_not_found`, `exchange_unsupported`, and I/O reasons; each leaves the plugin as it was, or says
    /// that it is uninstalled.
    pub fn uninstall(self, id: &PluginId) -> Result<Vec<PathBuf>> {
        if !self.means.is_unfinished(id) && !is_there(&self.layout, id)? {
            let is_removed = self.means.has_removed(id);
            let missing = not_installed(&self.layout, id);
            let leftovers = self.end();
            // Otherwise another process was faster, or nothing but an install had been begun.
            return if is_removed { Ok(leftovers) } else { Err(missing) };
        }
        let path = self.layout.plugin(id);
        if path.is_symlink() {
            return Err(foreign(&path));
        }
        let in_use = InUse::read(&self.layout)?;
        in_use.require_unused(id, &path)?;
        for kept in previous::slots(&self.layout, id)? {
            in_use.require_unused(id, &self.layout.version_tree(id, kept))?;
        }
        let before = recorded::read_understood(&self.layout, id)?;
        let slot = previous::next_slot(&self.layout, id)?;
        let floor = FloorChange::by_removing(&self.layout, &self.census, id)?;
        let mut transaction = match self.means {
            Means::Change(transaction) => transaction,
            Means::Look(looking) => return looking.require_possible(&self.layout, id).map(|()| Vec::new()),
        };
        let inode = inode(&transaction.plugins.top, id.as_str(), &path)?;
        let change = PendingChange::new(id.clone(), before, None, slot, inode, None);
        transaction.run(&change, Incoming::Nothing, &floor)?;
        Ok(transaction.end())
    }

    /// Removes previous versions of `id` beyond the newest `keep`; gives what could not be removed.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn keep_newest(self, id: &PluginId, keep: u8) -> Result<Vec<PathBuf>> {
        match self.means {
            Means::Change(mut transaction) => {
                transaction.prune(id, keep, None)?;
                Ok(transaction.end())
            }
            Means::Look(_) => Ok(Vec::new()),
        }
    }

    /// Removes previous versions beyond the newest `keep` of each plugin, and what belongs to nothing.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn collect(self, keep: u8) -> Result<Collected> {
        let Self { layout, means, census, .. } = self;
        let collection = Collection::find(&layout, &census, keep, &means)?;
        let (finished, unfinished) = means.recovered();
        let collected = match means {
            Means::Change(transaction) => collection.remove(&layout, *transaction),
            Means::Look(_) => collection.foresee(),
        };
        Ok(Collected { finished, unfinished, ..collected })
    }

    /// Makes the time of this session the one that was seen last, whatever is written down, and leaves a line in the
    /// site's journal which says so before it is done.
    ///
    /// # Errors
    /// `journal_broken` and the other reasons of the journal, and I/O reasons: each leaves what was seen as it was.
    pub fn reset_clock(self, reason: &StatedReason) -> Result<()> {
        if let Means::Change(transaction) = &self.means {
            transaction.reset_clock(reason, &self.access.writer)?;
        }
        self.end();
        Ok(())
    }

    /// Releases the lock; gives what could not be removed. A change that could not be finished is for whoever
    /// changes that plugin.
    pub fn end(self) -> Vec<PathBuf> {
        self.means.end()
    }

    fn floor_change(
        &self,
        present: &Present<'session>,
        admitted: &Admitted<Held<'session>>,
        record: &InstallRecord,
    ) -> Result<FloorChange> {
        let (layout, access) = (&self.layout, &self.access);
        FloorChange::by_putting(layout, &self.census, &present.facts, admitted.verdict(), record, access)
    }
}

/// What the one rename would do to what stands in the plugin's place now.
fn foreseen(looking: Looking, layout: &Layout, present: Present<'_>, floor: &FloorChange) -> Result<Installed> {
    let path = layout.plugin(&present.facts.plugin);
    looking.require_possible(layout, &present.facts.plugin)?;
    let previous = if is_directory(&path)? { Previous::Replaced } else { Previous::None };
    Ok(Installed::new(path, previous, present, floor))
}

/// The admission, what is present, the record and the tree must be about one plugin and one content.
fn require_admission(
    admitted: &Admitted<Held<'_>>,
    present: &Present<'_>,
    record: &InstallRecord,
    subject: TreeDigest,
) -> Result<()> {
    let other = || Fault::new(Reason::Internal, "what was admitted is not what would be activated");
    for about in [admitted.verdict().subject(), record.tree_digest] {
        if about != subject {
            return Err(other().expected(about.to_string(), subject.to_string()));
        }
    }
    for about in [admitted.plugin(), &present.facts.plugin] {
        if *about != record.id {
            return Err(other().expected(about.to_string(), record.id.to_string()));
        }
    }
    Ok(())
}

/// Looks at what no change could pass, before anything is written: refusals leave no trace.
///
/// # Errors
/// As [`Session::present`].
pub(crate) fn require_possible(layout: &Layout, id: &PluginId) -> Result<()> {
    let other_id = |fault: Fault| fault.hint("ask the publisher for a build with another id");
    id.require_directory_name().map_err(other_id)?;
    let target = layout.plugin(id);
    match target.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
        true => Err(foreign(&target)),
        false => Ok(()),
    }
}

/// As [`crate::Site::can_be_uninstalled`].
pub(crate) fn can_be_uninstalled(layout: &Layout, id: &PluginId) -> Result<bool> {
    Ok(look_at(&layout.pending(id))?.is_some() || is_there(layout, id)?)
}

/// Whether what stands in the place of `id` was put there by an install, or is a plugin to a host.
fn is_there(layout: &Layout, id: &PluginId) -> Result<bool> {
    let path = layout.plugin(id);
    if !is_directory(&path)? {
        return Ok(false);
    }
    for file in ManifestFile::ALL {
        if look_at(&path.join(file.name()))?.is_some() {
            return Ok(true);
        }
    }
    Ok(look_at(&layout.record(id))?.is_some())
}

/// Whether a killed process has left anything.
pub(crate) fn is_interrupted(layout: &Layout) -> Result<bool> {
    Ok(!ids_in(layout, PENDING)?.is_empty() || !abandoned(layout.plugins())?.is_empty())
}

/// The number of a directory, by which it is known wherever it is moved to.
fn inode(parent: impl AsFd, name: &str, shown: &Path) -> Result<u64> {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .map(|found| found.st_ino)
        .map_err(|error| Fault::io("look at", shown, error.into()))
}
