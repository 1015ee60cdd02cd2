//! `activate`: the one place where a plugin becomes visible, by one rename.

use std::fs::File;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::ManifestFile;
use aisoc_trust::Admitted;
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::home::{Home, TREE};
use crate::lock::PluginsLock;
use crate::record::{self, InstallRecord, sync_directory};
use crate::stage::Staged;

/// Evidence that the admitted tree is in place and synced.
#[derive(Debug)]
pub struct Installed {
    /// Where the plugin is now.
    pub path: PathBuf,
    /// Whether a tree was there before.
    pub previous: Previous,
    /// What could not be removed of the previous tree; the next install tries again.
    pub leftover: Option<PathBuf>,
}

/// What stood at the plugin's place before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// Nothing.
    None,
    /// Another tree, exchanged for the new one in one step.
    Replaced,
}

/// Publishes a staged tree as `<plugins-dir>/<id>`, where id and directory are those it was staged for.
///
/// Order: everything of the new tree and its record is on disk, then one rename makes it visible,
/// then the record takes its place. A process killed in between leaves the old tree or the new one.
/// A record that was not yet exchanged names another tree digest, which its readers compare.
///
/// # Errors
/// `internal` when the admission is about another tree, `locked`, and I/O reasons; each leaves what
/// is installed as it was.
pub fn activate(admitted: Admitted, staged: Staged, record: &InstallRecord) -> Result<Installed> {
    let subject = staged.subject();
    for about in [admitted.subject(), record.tree_digest] {
        if about != subject {
            return Err(Fault::new(Reason::Internal, "what was admitted is not what was staged")
                .expected(about.to_string(), subject.to_string()));
        }
    }
    let Some((mut home, root)) = staged.into_home() else {
        return Err(Fault::new(Reason::Internal, "nothing was written that could be activated"));
    };
    let plugins = home.plugins().to_owned();
    let target = plugins.join(record.id.as_str());
    // Looked at before anything is written, so that this refusal leaves no trace; the exchange looks again.
    if target.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
        return Err(foreign(&target));
    }
    let lock = PluginsLock::acquire(&plugins)?;
    let prepared = record.prepare(home.path(), &plugins)?;
    sync_all(&home)?;
    let previous = publish(&home, root.as_ref(), &target)?;
    if let Err(fault) = sync_directory(&plugins).and_then(|()| prepared.publish()) {
        retract(&home, root.as_ref(), &target, previous);
        return Err(fault);
    }
    home.keep_plugins_directory();
    drop(lock);
    // Only now, and without the lock: the previous tree may be large, and nobody needs it gone.
    Ok(Installed { path: target, previous, leftover: home.remove() })
}

/// Moves a staged tree to `out`, which is missing or an empty directory, for `pull`. No host looks there:
/// nothing becomes active, so nothing has to be admitted.
///
/// # Errors
/// `already_exists` when there is something at `out`, and I/O reasons.
pub fn release_unverified(staged: Staged, out: &Path) -> Result<()> {
    let Some((mut home, root)) = staged.into_home() else {
        return Err(Fault::new(Reason::Internal, "nothing was written that could be released"));
    };
    sync_all(&home)?;
    rustix::fs::renameat(home.held(), source(root.as_ref()), CWD, out).map_err(|error| match error {
        Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR => {
            Fault::new(Reason::AlreadyExists, format!("`{}` exists and is not an empty directory", out.display()))
        }
        error => Fault::io("write", out, error.into()),
    })?;
    home.keep_plugins_directory();
    sync_directory(home.plugins())
}

/// Removes the plugin `id` and its record: one rename takes it out of sight, then it is deleted.
///
/// # Errors
/// `plugin_not_found`, `locked`, and I/O reasons.
pub fn uninstall(plugins_dir: &Path, id: &PluginId) -> Result<()> {
    let path = plugins_dir.join(id.as_str());
    let missing = || Fault::new(Reason::PluginNotFound, format!("no plugin `{id}` in `{}`", plugins_dir.display()));
    // Only what an install put there, or what the host would take for a plugin.
    let is_plugin = ManifestFile::find(|name| path.join(name).symlink_metadata().is_ok()).is_some();
    if !path.is_dir() || !(is_plugin || record::exists(plugins_dir, id)) {
        return Err(missing());
    }
    let lock = PluginsLock::acquire(plugins_dir)?;
    let home = Home::create(plugins_dir)?;
    match rustix::fs::renameat(CWD, &path, home.held(), TREE) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Err(missing()),
        Err(error) => return Err(Fault::io("remove", &path, error.into())),
    }
    sync_directory(plugins_dir)?;
    record::remove(plugins_dir, id)?;
    drop(lock);
    match home.remove() {
        None => Ok(()),
        Some(rest) => Err(Fault::new(
            Reason::IoError,
            format!("`{id}` is uninstalled, but `{}` could not be removed", rest.display()),
        )),
    }
}

fn foreign(target: &Path) -> Fault {
    Fault::new(Reason::AlreadyExists, format!("`{}` is a link or a file, which no install made", target.display()))
        .hint("find out what it is and who put it there, then remove it")
}

/// One `syncfs` for the whole tree: an `fsync` per file would take milliseconds each.
fn sync_all(home: &Home) -> Result<()> {
    rustix::fs::syncfs(home.held()).map_err(|error| Fault::io("sync", home.path(), error.into()))
}

/// Where the plugin's root is inside its staging directory.
fn source(root: Option<&RelPath>) -> String {
    root.map_or_else(|| TREE.to_owned(), |root| format!("{TREE}/{root}"))
}

/// Moves the staged root to `target`, or exchanges the two.
fn publish(home: &Home, root: Option<&RelPath>, target: &Path) -> Result<Previous> {
    let source = source(root);
    let rename = |flags| rustix::fs::renameat_with(home.held(), &source, CWD, target, flags);
    let failed = |error: Errno| Fault::io("install into", target, error.into());
    match rename(RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(Previous::None),
        Err(Errno::EXIST) => {}
        Err(Errno::INVAL | Errno::NOSYS) => return publish_without_flags(home, &source, target),
        Err(error) => return Err(failed(error)),
    }
    let previous = open_plain_directory(target).map_err(|error| match error {
        Errno::NOTDIR | Errno::LOOP => foreign(target),
        error => failed(error),
    })?;
    rename(RenameFlags::EXCHANGE).map_err(failed)?;
    // Still open across the exchange: a sync error of the tree that leaves is nobody's concern.
    drop(previous);
    Ok(Previous::Replaced)
}

/// Undoes [`publish`] when the record could not follow. Failing here leaves the new tree, whole, with a
/// record that names another.
fn retract(home: &Home, root: Option<&RelPath>, target: &Path, previous: Previous) {
    let flags = match previous {
        Previous::None => RenameFlags::NOREPLACE,
        Previous::Replaced => RenameFlags::EXCHANGE,
    };
    let _ = rustix::fs::renameat_with(CWD, target, home.held(), source(root), flags);
}

/// Some network file systems know no flags. A fresh install needs none, since the lock keeps other
/// installs out; an upgrade would need a moment in which the plugin does not exist, so it is refused.
fn publish_without_flags(home: &Home, source: &str, target: &Path) -> Result<Previous> {
    if target.symlink_metadata().is_ok() {
        return Err(Fault::new(
            Reason::IoError,
            format!("the file system of `{}` cannot exchange two directories in one step", target.display()),
        )
        .hint("uninstall the plugin first, or keep the plugins directory on a local file system"));
    }
    rustix::fs::renameat(home.held(), source, CWD, target)
        .map_err(|error| Fault::io("install into", target, error.into()))?;
    Ok(Previous::None)
}

/// Fails unless a directory stands at `path` itself: a link or a file there was not put by us.
fn open_plain_directory(path: &Path) -> std::result::Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map(File::from)
}
