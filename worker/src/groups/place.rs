//! `Place`: the group that this process was given.
#![expect(clippy::disallowed_methods, reason = "its room: the files of control groups")]

use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat, getxattr};

/// Where `systemd` says that whoever is in a group may divide it: for everybody to read, and before version 251 for root
/// alone.
const GIVEN: [&str; 2] = ["user.delegate", "trusted.delegate"];

/// What is divided, where it is given.
pub(super) const CONTROLLERS: [&str; 3] = ["memory", "pids", "cpu"];
/// Which processes are in a group.
pub(super) const PROCESSES: &str = "cgroup.procs";
/// What groups below one have a share of.
pub(super) const DIVIDED: &str = "cgroup.subtree_control";

/// Why there are none.
#[derive(Debug)]
pub struct NoGroups(String);

impl NoGroups {
    pub(super) fn because(why: String) -> Self {
        Self(why)
    }
}

impl fmt::Display for NoGroups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoGroups {}

/// The group that this process is in, and was given.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) directory: PathBuf,
    /// What of ours it has.
    pub(super) controllers: Vec<&'static str>,
}

impl Place {
    /// # Errors
    /// Why this process has none.
    pub(super) fn find() -> Result<Self, NoGroups> {
        let none = || NoGroups("this system has no control groups of version 2".to_owned());
        let groups = fs::read_to_string("/proc/self/cgroup").map_err(|_| none())?;
        let path = groups.lines().find_map(|line| line.strip_prefix("0::")).ok_or_else(none)?;
        let mounts = fs::read("/proc/self/mountinfo").map_err(|_| none())?;
        let mounts = String::from_utf8_lossy(&mounts);
        let not_shown = || NoGroups("no control groups of version 2 are mounted".to_owned());
        let directory = mounts.lines().rev().find_map(|mount| shown(mount, path)).ok_or_else(not_shown)?;
        if !was_given(&directory, path == "/") {
            let why = "this process was given no control group to divide (systemd: `Delegate=yes`)";
            return Err(NoGroups(why.to_owned()));
        }
        let files = ["", PROCESSES, DIVIDED].map(|name| directory.join(name));
        if let Some(closed) = files.iter().find(|path| !may_write(path)) {
            return Err(NoGroups(format!("`{}` cannot be written to", closed.display())));
        }
        match fs::read_to_string(directory.join("cgroup.type")) {
            Ok(kind) if kind.trim() == "domain" => {}
            _ => return Err(NoGroups(format!("`{}` divides threads, and no processes", directory.display()))),
        }
        Ok(Self { controllers: controllers_of(&directory), directory })
    }

    /// # Errors
    /// Whoever else is in it keeps it from being divided.
    pub(super) fn alone(self) -> Result<Self, NoGroups> {
        let processes = fs::read_to_string(self.directory.join(PROCESSES)).unwrap_or_default();
        // This process is one of them.
        let are_more = processes.lines().nth(1).is_some() && !self.controllers.is_empty();
        if are_more { Err(not_alone(&self.directory)) } else { Ok(self) }
    }
}

pub(super) fn not_alone(place: &Path) -> NoGroups {
    NoGroups(format!("other processes are in `{}` as well, which the host has to have alone", place.display()))
}

/// What is there to be divided.
fn controllers_of(place: &Path) -> Vec<&'static str> {
    let given = fs::read_to_string(place.join("cgroup.controllers")).unwrap_or_default();
    CONTROLLERS.into_iter().filter(|controller| given.split_whitespace().any(|word| word == *controller)).collect()
}

/// Where a mount of the groups shows that path.
fn shown(mount: &str, path: &str) -> Option<PathBuf> {
    let (mount, kind) = mount.split_once(" - ")?;
    if kind.split(' ').next() != Some("cgroup2") {
        return None;
    }
    let mut fields = mount.split(' ').skip(3);
    let (root, point) = (unescaped(fields.next()?), unescaped(fields.next()?));
    let below = Path::new(path).strip_prefix(root).ok()?;
    // A process above the root of its namespace has a name there, and no place.
    let is_plain = below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    is_plain.then(|| point.join(below))
}

/// As the kernel writes paths there: some bytes as three octal digits behind a `\`.
fn unescaped(field: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = (*first == b'\\').then(|| u8::from_str_radix(digits?, 8).ok()).flatten();
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[3..] } else { behind };
    }
    std::ffi::OsString::from_vec(bytes).into()
}

/// Whether its keeper says so; or it is all of them that a container sees, though not all that there are, which have no type.
fn was_given(directory: &Path, is_whole: bool) -> bool {
    let says_so = |name: &&str| {
        let mut value = [0; 2];
        matches!(getxattr(directory, *name, &mut value), Ok(1)) && value[0] == b'1'
    };
    GIVEN.iter().any(says_so) || (is_whole && directory.join("cgroup.type").exists())
}

fn may_write(path: &Path) -> bool {
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_where_a_mount_shows_it() {
        let mount =
            |root: &str, point: &str, kind: &str| format!("41 31 0:38 {root} {point} rw shared:4 - {kind} none rw");
        for (root, point, kind, path, expected) in [
            ("/", "/sys/fs/cgroup", "cgroup2", "/a.slice/b.service", Some("/sys/fs/cgroup/a.slice/b.service")),
            ("/", "/sys/fs/cgroup", "cgroup2", "/", Some("/sys/fs/cgroup/")),
            ("/pod", "/mnt", "cgroup2", "/pod/x", Some("/mnt/x")),
            ("/pod", "/mnt", "cgroup2", "/other", None),
            ("/pod", "/mnt", "cgroup2", "/podx", None),
            ("/", "/sys/fs/cgroup", "cgroup2", "/../above", None),
            ("/", "/sys/fs/cgroup/pids", "cgroup", "/a", None),
            ("/", "/with\\040blank\\134", "cgroup2", "/a", Some("/with blank\\/a")),
        ] {
            assert_eq!(shown(&mount(root, point, kind), path), expected.map(PathBuf::from), "{root} {path}");
        }
        assert_eq!(shown("nothing", "/"), None);
    }
}
