//! `Site`: a plugins directory. Readers observe it without a lock; whoever changes it begins a session.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::Coverage;
use aisoc_trust::Facts;

use crate::access::{Access, is_directory, look_at};
use crate::census::Census;
use crate::collect::{Collected, collect_staging};
use crate::floor::{CoverageFloor, before_change, coverage_floor};
use crate::guarded::require_secure_plugins;
use crate::identity::{Placed, manifest_id};
use crate::layout::Layout;
use crate::names::{escaped, folded};
use crate::plugin::{InstalledPlugin, has_manifest};
use crate::previous::{PreviousVersion, previous_versions};
use crate::session::{self, Session};
use crate::staging::StagingDirectory;

/// A plugins directory, by its path. Nothing of it is open, and nothing is known of it yet.
#[derive(Debug, Clone)]
pub struct Site {
    layout: Layout,
}

impl Site {
    /// The site in that directory, which need not exist.
    pub fn at(plugins_dir: impl Into<PathBuf>) -> Self {
        Self { layout: Layout::of(plugins_dir) }
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
    pub fn require_secure(&self) -> Result<()> {
        require_secure_plugins(&self.layout)
    }

    /// Lists what is there, without a lock.
    ///
    /// # Errors
    /// `forbidden_entry` for a directory that somebody has filled, and I/O reasons.
    pub fn observe(&self) -> Result<Observed> {
        Ok(Observed { census: Census::of(&self.layout)?, layout: self.layout.clone() })
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

    /// Whether there is something of `id` that an uninstall removes: what an install put there, what a host
    /// would take for a plugin, or a change of it that was begun.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn can_be_uninstalled(&self, id: &PluginId) -> Result<bool> {
        session::can_be_uninstalled(&self.layout, id)
    }

    /// A private directory in which an artifact can be staged, beside its place. No lock is held for it, so
    /// that a download that stalls keeps nobody waiting.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn staging(&self) -> Result<StagingDirectory> {
        StagingDirectory::create(self.path())
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
        work(Session::begin(&self.layout, access)?)
    }

    /// Whether a killed process has left anything.
    ///
    /// # Errors
    /// I/O reasons.
    pub fn is_interrupted(&self) -> Result<bool> {
        session::is_interrupted(&self.layout)
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
            true => self.session(access, |session| session.end().map(drop)),
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
        let staging = collect_staging(&self.layout)?;
        Ok(staging.and(self.session(access, |session| session.collect(keep))?))
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// What stood in a plugins directory when it was listed, without a lock. It is good for listings and for
/// refusals; nothing is admitted by it, because it may be otherwise by now.
#[derive(Debug)]
pub struct Observed {
    layout: Layout,
    census: Census,
}

impl Observed {
    /// The names of what can be a plugin, and of what should be one by its record, sorted.
    pub fn directories(&self) -> Vec<OsString> {
        let mut names = self.census.candidates.clone();
        names.extend(self.census.recorded.iter().map(|id| OsString::from(id.as_str())));
        names.sort();
        names.dedup();
        names
    }

    /// Which plugin that directory is, as cheaply as it can be told; `None` for what is no plugin.
    pub fn placed(&self, directory: &OsStr) -> Option<Placed> {
        placed(&self.layout, &self.census, directory)
    }

    /// The plugins whose record says that they are that artifact.
    pub fn of_artifact(&self, digest: Digest) -> Vec<InstalledPlugin> {
        let is_of = |plugin: &InstalledPlugin| {
            // What cannot be read here is read again, and refused, before it is replaced.
            matches!(&plugin.record, Ok(Some(record)) if record.digest == digest && plugin.directory == *record.id.as_str())
        };
        let recorded = self.census.candidates.iter().filter(|name| self.may_be_recorded(name));
        recorded.filter_map(|name| InstalledPlugin::read(&self.layout, name)).filter(is_of).collect()
    }

    fn may_be_recorded(&self, name: &OsStr) -> bool {
        let id = name.to_str().and_then(|name| name.parse::<PluginId>().ok());
        id.is_some_and(|id| self.census.recorded.contains(&id) || self.census.pending.contains(&id))
    }

    /// What decided, when it was observed, about what may come for `id`.
    ///
    /// # Errors
    /// I/O reasons, and `directory_insecure` for a floor that others can write.
    pub fn facts(&self, id: &PluginId, floor: &CoverageFloor) -> Result<Facts> {
        facts(&self.layout, &self.census, id, floor)
    }

    /// What decided, when it was observed, about the plugin that is in place: what is written down of it, and
    /// not what its own tree claims. Other spellings are for whoever sees all plugins.
    ///
    /// # Errors
    /// `record_invalid` and `directory_insecure` for a floor that cannot be relied on, and I/O reasons.
    pub fn facts_at_rest(&self, id: &PluginId) -> Result<Facts> {
        let floor = coverage_floor(&self.layout, &self.census, id)?.unwrap_or(Coverage::None);
        Ok(Facts { plugin: id.clone(), coverage_floor: Ok(floor), lowers_floor: false, other_spelling: None })
    }
}

/// What decides about what may come for `id`, read from what is listed and now.
pub(crate) fn facts(layout: &Layout, census: &Census, id: &PluginId, rule: &CoverageFloor) -> Result<Facts> {
    let coverage_floor = match before_change(layout, census, id, &layout.plugin(id)) {
        // What is damaged says nothing, which the gate refuses unless somebody has a reason.
        Err(fault) if fault.reason() == Reason::RecordInvalid => Err(fault),
        before => Ok(before?),
    };
    let lowers_floor = matches!(rule, CoverageFloor::Lowered(_));
    let other_spelling = other_spelling(layout, census, id).map(|other| second_spelling(&other, id));
    Ok(Facts { plugin: id.clone(), coverage_floor, lowers_floor, other_spelling })
}

fn placed(layout: &Layout, census: &Census, directory: &OsStr) -> Option<Placed> {
    let path = layout.place(directory);
    let place = |id| Placed { directory: directory.to_owned(), path: path.clone(), id };
    let name = directory.to_str().and_then(|name| name.parse::<PluginId>().ok());
    match name {
        // Only its tree says what became of it.
        Some(name) if census.pending.contains(&name) => {
            InstalledPlugin::read(layout, directory).map(|plugin| place(plugin.id()))
        }
        // A record is about the id that its file is named for, or about none.
        Some(name) if census.recorded.contains(&name) => Some(place(Some(name))),
        _ if has_manifest(&path) => Some(place(manifest_id(&path))),
        _ => None,
    }
}

/// What is installed under another spelling of `id`, or under another name.
fn other_spelling(layout: &Layout, census: &Census, id: &PluginId) -> Option<Placed> {
    let folded_id = folded(id.as_str());
    let same = |name: &str| folded(name) == folded_id;
    let is_other = |plugin: &Placed| {
        plugin.directory.to_str().is_some_and(same) || plugin.id.as_ref().is_some_and(|id| same(id.as_str()))
    };
    let others = census.candidates.iter().filter(|name| **name != *id.as_str());
    others.filter_map(|name| placed(layout, census, name)).find(is_other)
}

fn second_spelling(other: &Placed, id: &PluginId) -> Fault {
    let message = match other.id.as_ref().filter(|stated| other.directory != *stated.as_str()) {
        Some(stated) => {
            format!("the plugin `{stated}` stands in the directory `{}`", escaped(other.path.as_os_str()))
        }
        None => format!("the plugin `{}` is installed", escaped(&other.directory)),
    };
    Fault::new(Reason::AlreadyExists, message)
        .expected("an id that differs in more than case, `-`, `_` and `.`", id.to_string())
        .hint(format!("if it is the same plugin, remove it first: {}", removal(other)))
}

/// The command that removes a plugin, wherever it stands: a name that is no id cannot be uninstalled.
fn removal(plugin: &Placed) -> String {
    match plugin.directory.to_str().and_then(|name| name.parse::<PluginId>().ok()) {
        Some(name) => format!("`aisoc plugin uninstall {name}`"),
        None => format!("`rm -r {}`", shell_word(&plugin.path)),
    }
}

/// Why `id` cannot be uninstalled: nothing of it is there, or it stands in a directory of another name.
pub(crate) fn not_installed(layout: &Layout, id: &PluginId) -> Fault {
    let fault = |what: String| Fault::new(Reason::PluginNotFound, what);
    let shown = layout.plugins().display();
    let census = Census::of(layout).unwrap_or_default();
    let mut plugins = census.candidates.iter().filter_map(|name| placed(layout, &census, name));
    match plugins.find(|plugin| plugin.id.as_ref() == Some(id)) {
        Some(plugin) => {
            let place = escaped(plugin.path.as_os_str());
            fault(format!("there is no directory `{id}` in `{shown}`: the plugin stands in `{place}`"))
                .hint(format!("remove it where it stands: {}", removal(&plugin)))
        }
        None => fault(format!("there is no plugin `{id}` in `{shown}`")),
    }
}

/// Whether anything of `id` is there that could be rolled back to.
pub(crate) fn is_known(layout: &Layout, id: &PluginId) -> Result<bool> {
    Ok(is_directory(&layout.plugin(id))? || is_directory(&layout.versions(id))?)
}
