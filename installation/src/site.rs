//! `Site`: a plugins directory. Readers observe it without a lock; whoever changes it begins a session.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_files::PartialDirectory;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_packaging::Limits;
use aisoc_trust::{Patience, StateLock};
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags};

use crate::access::Access;
use crate::census::Census;
use crate::collect::{Collected, collect_partials, collect_staging};
use crate::guarded::require_secure_plugins;
use crate::identity::Placed;
use crate::in_use::Pins;
use crate::kept_proofs;
use crate::last_seen;
use crate::layout::{Layout, OWN_DIRECTORY};
use crate::looking;
use crate::observed::{Observed, not_installed};
use crate::plugin::InstalledPlugin;
use crate::plugins::OPEN_TO_READERS;
use crate::previous::{PreviousVersion, previous_versions};
use crate::recorded;
use crate::secure::{OPEN_DIRECTORY, look_at, own_directory, shared_way};
use crate::seen_tree::SeenTree;
use crate::session::{self, Session};
use crate::shared_directories::SharedDirectories;
use crate::staging::{StagingDirectory, abandoned};
use crate::standing::Standing;
use crate::tree_in_place::{PreviousTree, TreeInPlace};

/// A plugins directory, by its path. Nothing of it is open, and nothing is known of it yet.
#[derive(Debug, Clone)]
pub struct Site {
    pub(crate) layout: Layout,
    meant: BTreeMap<PluginId, PathBuf>,
}

impl Site {
    /// The site in that directory, which need not exist.
    pub fn at(plugins_dir: impl Into<PathBuf>) -> Self {
        Self { layout: Layout::of(plugins_dir), meant: BTreeMap::new() }
    }

    /// The same, where somebody has said of plugins in which directory they are: of several that state one id that one
    /// has it, as long as it does.
    #[must_use]
    pub fn meaning(self, meant: BTreeMap<PluginId, PathBuf>) -> Self {
        Self { meant, ..self }
    }

    /// Whether that is the place that is meant of a plugin.
    pub fn means(&self, id: &str, place: &Path) -> bool {
        id.parse().is_ok_and(|id: PluginId| self.meant.get(&id).is_some_and(|meant| meant == place))
    }

    /// Whether of all that stands there another one is meant.
    pub fn passes_over(&self, one: &Placed, all: &[Placed]) -> bool {
        let Some((id, meant)) = one.id.as_ref().and_then(|id| self.meant.get_key_value(id)) else { return false };
        one.path != *meant && all.iter().any(|other| other.path == *meant && other.id.as_ref() == Some(id))
    }

    /// The plugins directory.
    pub fn path(&self) -> &Path {
        self.layout.plugins()
    }

    /// The place of the plugin `id`.
    pub fn plugin(&self, id: &PluginId) -> PathBuf {
        self.layout.plugin(id)
    }

    /// Holds the directory, or the nearest one above it that exists, and everything on the way there to what
    /// a change needs, before anything is fetched. Beginning a session checks again.
    ///
    /// # Errors
    /// `directory_insecure`, `lock_unsupported`, and I/O reasons.
    pub fn check(&self, access: &Access) -> Result<()> {
        access.check(self.path())
    }

    /// Looks at what no change of `id` could pass, before anything is written, so that the refusal leaves no
    /// trace.
    ///
    /// # Errors
    /// `invalid_plugin_id` for an id that cannot be a directory everywhere, and `already_exists` when
    /// something stands in its place that no install made.
    pub fn require_possible(&self, id: &PluginId) -> Result<()> {
        session::require_possible(&self.layout, id)
    }

    /// Holds the directory, and what is ours in it, to what an install asks of it, before anything in it is
    /// judged: where others can write, a verdict is about what was there a moment ago.
    ///
    /// # Errors
    /// `directory_insecure`, `io_not_found` when there is no such directory, and I/O reasons.
    pub fn require_secure(&self, shared: SharedDirectories) -> Result<()> {
        require_secure_plugins(&self.layout, shared)
    }

    /// What everybody may write of the directory and the way to it, in words; nothing when nobody may, or when
    /// it is refused whatever is accepted.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn shared(&self) -> Result<Option<String>> {
        Ok(shared_way(self.path())?.map(|insecure| insecure.to_string()))
    }

    /// Lists what is there, without a lock.
    ///
    /// # Errors
    /// `forbidden_entry` for a directory that somebody has filled, and I/O reasons.
    pub fn observe(&self) -> Result<Observed> {
        Ok(Observed::new(self.layout.clone(), Census::of(&self.layout)?))
    }

    /// Keeps every change out of the directory as long as what it gives lives; others who only look share it. Nothing
    /// where nobody has ever changed anything there, and so nobody has a lock.
    ///
    /// Whoever holds the lock of the trusted keys as well has taken that one first.
    ///
    /// # Errors
    /// `locked`, `interrupted`, and I/O reasons.
    pub fn hold_still(&self, patience: &Patience) -> Result<Option<StateLock>> {
        let Some(own) = looking::open(&self.layout.own())? else { return Ok(None) };
        StateLock::share(own, OWN_DIRECTORY, self.path(), patience)
    }

    /// Says which directories, by their numbers, hold what a host runs: nothing removes them from then on. Whether it could
    /// be said: where nobody has ever changed anything nobody removes anything either.
    ///
    /// # Errors
    /// As [`Site::hold_still`], and those of writing.
    pub fn pin(&self, pins: &mut Option<Pins>, numbers: &BTreeSet<u64>, patience: &Patience) -> Result<bool> {
        let Some(_still) = self.hold_still(patience)? else { return Ok(false) };
        let pins = match pins {
            Some(pins) => pins,
            None => pins.insert(Pins::begin(&self.layout)?),
        };
        pins.write(numbers).map(|()| true)
    }

    /// As [`Site::hold_still`], for whoever changes what installs are judged by: where nobody has a lock yet, it is made,
    /// for the first install would make it the next moment. Nothing where there is no plugins directory, or one that
    /// nobody can write; and where others can, which is refused by whoever judges what is in it.
    ///
    /// # Errors
    /// As [`Site::hold_still`], and those of making it.
    pub fn hold_still_from_now_on(&self, shared: SharedDirectories, patience: &Patience) -> Result<Option<StateLock>> {
        if let Some(still) = self.hold_still(patience)? {
            return Ok(Some(still));
        }
        let path = self.path();
        if look_at(path)?.is_none() || self.require_secure(shared).is_err() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| Fault::io("open", path, error);
        let top = rustix::fs::open(path, OPEN_DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty())
            .map_err(|error| failed(error.into()))?;
        match aisoc_files::may_write_open(&top) {
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => return Ok(None),
            may => may.map_err(|error| Fault::io("write in", path, error))?,
        }
        let own = own_directory(&top, path, OWN_DIRECTORY, OPEN_TO_READERS)?;
        StateLock::acquire(&own, OWN_DIRECTORY, &top, path, patience).map(Some)
    }

    /// The plugin in that directory, read now; `None` for what is no plugin.
    pub fn read(&self, directory: &OsStr) -> Option<InstalledPlugin> {
        InstalledPlugin::read(&self.layout, directory)
    }

    /// The versions of `id` that can be rolled back to, the most recently replaced first.
    ///
    /// # Errors
    /// I/O reasons: previous versions are private to the user who installed them.
    pub fn previous_versions(&self, id: &PluginId) -> Result<Vec<PreviousVersion>> {
        previous_versions(&self.layout, id)
    }

    /// Chooses a previous version of `id` (the most recently replaced, or that of the version or artifact
    /// digest `wanted`), and reads it whole, without a lock.
    ///
    /// # Errors
    /// `plugin_not_found` when nothing of `id` is there, `version_not_found`, `tree_modified` when a file was
    /// changed, added or removed since, `directory_insecure` when others can write one, and I/O reasons.
    pub fn previous_tree(&self, id: &PluginId, wanted: Option<&str>, limits: &Limits) -> Result<PreviousTree> {
        PreviousTree::read(&self.layout, id, wanted, limits)
    }

    /// Reads what stands in the place of `id` whole, without a lock; nothing when it is free.
    ///
    /// # Errors
    /// `interrupted`, and I/O reasons.
    pub fn seen_tree(&self, id: &PluginId, limits: &Limits) -> Result<Option<SeenTree>> {
        SeenTree::read(&self.layout, id, limits)
    }

    /// Whether that tree is still the plugin in place, as far as that can be told without a lock.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn is_in_place(&self, tree: &TreeInPlace) -> Result<bool> {
        let record = recorded::read_understood(&self.layout, &tree.record().id)?;
        Ok(tree.stands(record.as_ref()))
    }

    /// What stands there of `id`, to be compared with what stands there under the lock.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn standing(&self, id: &PluginId) -> Result<Standing> {
        Standing::of(&self.layout, id)
    }

    /// Whether there is something of `id` that an uninstall removes: what an install put there, what a host
    /// would take for a plugin, or a change of it that was begun.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn can_be_uninstalled(&self, id: &PluginId) -> Result<bool> {
        session::can_be_uninstalled(&self.layout, id)
    }

    /// Refuses what [`Site::staging`] would refuse, and makes nothing: for a dry run.
    ///
    /// # Errors
    /// As [`Site::check`], and `io_denied` where this user may not write.
    pub fn require_writable(&self, access: &Access) -> Result<()> {
        access.require_writable(self.path())
    }

    /// A private directory in which an artifact can be staged, beside its place. No lock is held for it, so
    /// that a download that stalls keeps nobody waiting.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn staging(&self) -> Result<StagingDirectory> {
        StagingDirectory::create(self.path())
    }

    /// Where what came of a large artifact stays until all of it is there. Nothing is made yet.
    pub fn partials(&self) -> PartialDirectory {
        self.layout.partials()
    }

    /// Takes the lock, finishes what killed processes have begun, and does `work`, which holds the lock
    /// until its session ends. What is read in a session is true until then, and can be used in no other:
    /// the lifetime is the session's own.
    ///
    /// # Errors
    /// `locked`, `directory_insecure`, `lock_unsupported`, I/O reasons, and those of `work`.
    pub fn session<T>(
        &self,
        access: &Access,
        work: impl for<'session> FnOnce(Session<'session>) -> Result<T>,
    ) -> Result<T> {
        access.check(self.path())?;
        work(Session::begin(&self.layout, access, None)?)
    }

    /// As [`Site::session`], for a tree that was staged in `staging` and is not activated yet, if one was.
    ///
    /// # Errors
    /// As [`Site::session`].
    pub fn session_beside<T>(
        &self,
        staging: Option<&Path>,
        access: &Access,
        work: impl for<'session> FnOnce(Session<'session>) -> Result<T>,
    ) -> Result<T> {
        access.check(self.path())?;
        work(Session::begin(&self.layout, access, staging)?)
    }

    /// What is kept of the proofs of that artifact; nothing where nothing is.
    ///
    /// # Errors
    /// `record_invalid` for what is no file, or too large; `directory_insecure` for one that others can change, and I/O
    /// reasons.
    pub fn kept_proofs(&self, artifact: ArtifactDigest) -> Result<Option<Vec<u8>>> {
        kept_proofs::kept(&self.layout, artifact)
    }

    /// The latest time that a command which held this site's lock has seen; nothing where none is written down.
    ///
    /// # Errors
    /// `record_invalid` for a file that holds no time, `directory_insecure` for one that others can write, and I/O
    /// reasons.
    pub fn last_seen(&self) -> Result<Option<Timestamp>> {
        last_seen::read(&self.layout)
    }

    /// Makes the time of `access` the one that was seen last, whatever is written down, and leaves a line in the
    /// site's journal.
    ///
    /// # Errors
    /// `io_not_found` when there is no such directory, and as [`Site::session`] and [`Session::reset_clock`].
    pub fn reset_clock(&self, access: &Access, reason: &StatedReason) -> Result<()> {
        if look_at(self.path())?.is_none() {
            return Err(Fault::io("open", self.path(), ErrorKind::NotFound.into()));
        }
        access.check(self.path())?;
        Session::begin_unseen(&self.layout, access, None)?.reset_clock(reason)
    }

    /// Whether a killed process has left anything.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn is_interrupted(&self) -> Result<bool> {
        session::is_interrupted(&self.layout)
    }

    /// The staging directories of processes that are gone: `aisoc plugin gc` removes them.
    ///
    /// # Errors
    /// I/O reasons when the directory cannot be listed.
    pub fn abandoned_staging(&self) -> Result<Vec<PathBuf>> {
        Ok(abandoned(self.path())?.iter().map(|left| left.path().to_owned()).collect())
    }

    /// Why `id` cannot be uninstalled.
    pub fn not_installed(&self, id: &PluginId) -> Fault {
        not_installed(&self.layout, id)
    }

    /// As [`Site::session`], if there is anything that a killed process has left; for commands that have
    /// nothing to change themselves.
    ///
    /// # Errors
    /// As [`Site::session`].
    pub fn finish_interrupted(&self, access: &Access) -> Result<()> {
        match self.is_interrupted()? {
            true => self.session(access, |session| {
                session.end();
                Ok(())
            }),
            false => Ok(()),
        }
    }

    /// Finishes what killed processes began, and removes previous versions beyond the newest `keep` of each
    /// plugin, staging of dead processes, and what belongs to nothing.
    ///
    /// # Errors
    /// `io_not_found` when there is no such directory, and as [`Site::session`].
    pub fn collect_garbage(&self, keep: u8, access: &Access) -> Result<Collected> {
        if look_at(self.path())?.is_none() {
            return Err(Fault::io("open", self.path(), ErrorKind::NotFound.into()));
        }
        access.check(self.path())?;
        let staging = collect_staging(&self.layout, access.dry_run)?;
        let staging = staging.and(collect_partials(&self.layout, access.dry_run)?);
        Ok(staging.and(self.session(access, |session| session.collect(keep))?))
    }
}
