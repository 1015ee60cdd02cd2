//! `View`: the files that a plugin may see, and the one directory that it may write to.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::{Path, PathBuf};

use aisoc_files::{PrivateDirectory, sweep};
use serde::{Deserialize, Serialize};

use crate::nobody::{NOBODY, is_root};

/// Most that a plugin writes at a time, where it has namespaces.
pub(crate) const MAX_SCRATCH_BYTES: u64 = 64 << 20;
/// And in so many files and directories.
pub(crate) const MAX_SCRATCH_ENTRIES: u64 = 4096;
/// How the directories begin in which scratches are.
pub(crate) const PREFIX: &str = "aisoc-scratch-";
/// What every program of a system stands on; all of it is everybody's to read.
const OF_THE_SYSTEM: [&str; 11] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    // Where a system keeps every package in a directory of its own.
    "/nix/store",
];
/// What is no file, and holds nothing.
pub(super) const DEVICES: [&str; 5] = ["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"];

/// What a plugin may see. What of it is not there is not shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct View {
    /// Files, and directories with all that is in them.
    pub(crate) readable: Vec<PathBuf>,
    /// Programs that it may start.
    pub(crate) executable: Vec<PathBuf>,
    /// The directory that it may write to.
    pub(crate) scratch: PathBuf,
}

impl View {
    /// All that may be read, and what that is when links are followed: a link that is shown leads to something that is. What
    /// is in a directory that is shown is shown with that.
    pub(super) fn shown_paths(&self) -> Vec<PathBuf> {
        let named = self.readable().chain(self.executable.iter().map(PathBuf::as_path));
        let whole = |path: &Path| [Some(path.to_owned()), fs::canonicalize(path).ok()];
        let mut paths: Vec<PathBuf> = named.flat_map(whole).flatten().filter(|path| path.is_absolute()).collect();
        paths.sort();
        paths.dedup();
        let mut shown: Vec<PathBuf> = Vec::new();
        for path in paths {
            if !shown.iter().any(|above| path.starts_with(above)) {
                shown.push(path);
            }
        }
        shown
    }

    /// What may be read and not started.
    pub(super) fn readable(&self) -> impl Iterator<Item = &Path> {
        let named = self.readable.iter().map(PathBuf::as_path).filter(|path| !is_too_much(path));
        OF_THE_SYSTEM.into_iter().map(Path::new).chain(named)
    }
}

/// Whether a path, or what it leads to, is the system as a whole, its devices or its processes. Whoever names that as a place for
/// modules gets no module from it.
fn is_too_much(path: &Path) -> bool {
    let handed = path.strip_prefix("/proc/self/fd").is_ok_and(|number| number.components().count() == 1);
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A directory that is handed over open is asked for where it is. Within its view it is there by that very name.
    let mut names = [path, whole.as_path()].into_iter().filter(|name| !handed || *name != path);
    names.any(|path| {
        let is_below = |above: &str| path.starts_with(above);
        // Memory that looks like a directory among the devices: temporary files may be there.
        let is_in_memory = path.strip_prefix("/dev/shm").is_ok_and(|below| below.components().next().is_some());
        path == Path::new("/")
            || (["/dev", "/proc", "/sys"].into_iter().any(is_below) && !is_in_memory)
            || path == Path::new("/etc")
    })
}

/// A directory for what a plugin writes. With namespaces it stays empty: what is seen there is memory of the plugin's own.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _home: PrivateDirectory,
}

impl Scratch {
    /// In the directory for temporary files; its plugin's alone. What a host leaves that is killed goes with
    /// [`crate::PrivateCopy::sweep`].
    pub(crate) fn make() -> io::Result<Self> {
        let home = PrivateDirectory::create(&tempfile::env::temp_dir(), PREFIX)?;
        let path = home.path().join("scratch");
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        if is_root() {
            chown(&path, Some(NOBODY), Some(NOBODY))?;
            home.let_group_through(NOBODY)?;
        }
        Ok(Self { path, _home: home })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn sweep() {
        sweep(&tempfile::env::temp_dir(), PREFIX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_never_the_system_as_a_whole() {
        let link = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/", link.path().join("root")).expect("linked");
        for (path, is_shown) in [
            ("/", false),
            ("//", false),
            ("/usr/..", false),
            ("/dev", false),
            ("/dev/shm", false),
            ("/dev/shm/", false),
            ("/dev/shm/copy", true),
            ("/proc/self/fd", false),
            ("/proc/1/root", false),
            ("/sys/fs", false),
            ("/etc", false),
            ("/developers", true),
            ("/usr/lib", true),
        ] {
            assert_eq!(is_too_much(Path::new(path)), !is_shown, "{path}");
        }
        assert!(is_too_much(&link.path().join("root")) && !is_too_much(link.path()));
    }
}
