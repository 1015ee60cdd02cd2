//! Namespaces: a plugin has processes, files and networks of its own, and no name for any other.
#![expect(clippy::disallowed_methods, reason = "its room: the maps of a user namespace, and the roots of a view")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};
use rustix::fs::{Mode, StatVfsMountFlags, statvfs};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change, mount_remount, unmount,
};
use rustix::process::{chdir, getgid, getuid, pivot_root, umask};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, configure_capability_in_ambient_set, set_capabilities,
};

use super::layer::{Failed, Layer};
use super::view::{DEVICES, MAX_SCRATCH_BYTES, MAX_SCRATCH_ENTRIES, View};
use crate::nobody::{NOBODY, is_root};

/// Leaves the namespaces of whoever started this process: what it starts from now on is in others, and its first child is
/// the first process in there. An ordinary user needs a user namespace for that, in which it stays who it is.
pub(crate) fn enter() -> Layer {
    Layer::of(try_enter())
}

fn try_enter() -> Result<String, Failed> {
    // Before, as nobody has a number in a user namespace that has no map yet.
    let (user, group) = (getuid(), getgid());
    let mut flags =
        CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    if user.is_root() {
        unshare(flags).map_err(Failed::to("make namespaces"))?;
        return Ok("pid, mount, network, ipc".to_owned());
    }
    flags |= CloneFlags::CLONE_NEWUSER;
    unshare(flags).map_err(Failed::to("make namespaces"))?;
    for (map, line) in [
        // Without it an ordinary user may map no group.
        ("setgroups", "deny".to_owned()),
        ("uid_map", format!("{user} {user} 1")),
        ("gid_map", format!("{group} {group} 1")),
    ] {
        fs::write(format!("/proc/self/{map}"), line).map_err(Failed::to(format!("write {map}")))?;
    }
    keep_over_start(CapabilitySet::SYS_ADMIN | CapabilitySet::SETPCAP)?;
    Ok("user, pid, mount, network, ipc".to_owned())
}

/// What is started next has these as well, although it is not root.
fn keep_over_start(kept: CapabilitySet) -> Result<(), Failed> {
    let failed = || Failed::to::<Errno>("keep capabilities");
    let now = capabilities(None).map_err(failed())?;
    set_capabilities(None, CapabilitySets { inheritable: kept, ..now }).map_err(failed())?;
    kept.iter().try_for_each(|one| configure_capability_in_ambient_set(one, true)).map_err(failed())
}

/// Leaves nothing of the files of this system but a view. For the first process in namespaces of its own.
///
/// # Errors
/// What cannot be shown, or left. Then anything may still be seen.
pub(crate) fn show_only(view: &View) -> Result<(), Failed> {
    // Its own alone: whoever supervises it goes on to see what it saw. Nothing that is mounted here is to be seen by others.
    unshare(CloneFlags::CLONE_NEWNS).map_err(Failed::to("make a mount namespace"))?;
    let alone = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", alone).map_err(Failed::to("leave the mounts of others"))?;
    // Whoever goes through the view need not be who makes it, and whoever starts a host may let nobody in by their umask.
    umask(Mode::from_raw_mode(0o022));
    // Over the scratch itself, which nobody has to find there any more.
    let root = view.scratch.as_path();
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    mount("aisoc", root, "tmpfs", plain, c"mode=0755,size=1m,nr_inodes=16384").map_err(Failed::to("mount a root"))?;
    fill_and_enter(root, view, plain).inspect_err(|_| {
        // What is below it is the scratch of a plugin without namespaces.
        let _ = unmount(root, UnmountFlags::DETACH);
    })
}

fn fill_and_enter(root: &Path, view: &View, plain: MountFlags) -> Result<(), Failed> {
    for path in view.shown_paths() {
        show(root, &path)?;
    }
    for device in DEVICES {
        show(root, Path::new(device))?;
    }
    close_all_shown(root, plain)?;
    let scratch = within(root, &view.scratch);
    fs::create_dir_all(&scratch).map_err(Failed::to("make the scratch"))?;
    let owner = if is_root() { NOBODY } else { getuid().as_raw() };
    let bounds = format!("mode=0700,uid={owner},size={MAX_SCRATCH_BYTES},nr_inodes={MAX_SCRATCH_ENTRIES}\0");
    let bounds = std::ffi::CStr::from_bytes_with_nul(bounds.as_bytes()).map_err(Failed::to("name the scratch"))?;
    mount("aisoc", &scratch, "tmpfs", plain | MountFlags::NOEXEC, bounds).map_err(Failed::to("mount the scratch"))?;
    let read_only = plain | MountFlags::BIND | MountFlags::RDONLY;
    mount_remount(root, read_only, "").map_err(Failed::to("close the root"))?;
    chdir(root).map_err(Failed::to("enter the root"))?;
    // Both at one place: the old root is mounted over the new one, and is taken away from there.
    pivot_root(".", ".").map_err(Failed::to("change the root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(Failed::to("leave the old root"))?;
    chdir("/").map_err(Failed::to("enter the root"))
}

/// A path of this system as one below `root`.
fn within(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Shows one path, as it is called here. What is not there is not shown.
fn show(root: &Path, path: &Path) -> Result<(), Failed> {
    let failed = || format!("show `{}`", path.display());
    // By where it is: what was opened in another mount namespace, such as a directory that is handed over, is not mounted.
    let Ok(source) = fs::canonicalize(path) else { return Ok(()) };
    let found = fs::metadata(path).map_err(Failed::to(failed()))?;
    let same = fs::metadata(&source).map_err(Failed::to(failed()))?;
    if (found.dev(), found.ino()) != (same.dev(), same.ino()) {
        return Err(Failed::to(failed())("it is another one by now"));
    }
    let target = within(root, path);
    let parent = target.parent().unwrap_or(root);
    fs::create_dir_all(parent).map_err(Failed::to(failed()))?;
    // What is made, is made on the root of the view, and never in something of the system that is shown there.
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).map_err(Failed::to(failed()));
    if device(parent)? != device(root)? {
        return Err(Failed::to(failed())("it is in something that is shown already"));
    }
    if found.is_dir() {
        fs::create_dir_all(&target).map_err(Failed::to(failed()))?;
    } else {
        fs::File::create_new(&target).map_err(Failed::to(failed()))?;
    }
    mount_bind_recursive(&source, &target).map_err(Failed::to(failed()))
}

/// Makes all that is shown read-only, whatever is mounted in it as well: a bind takes that along as it is.
fn close_all_shown(root: &Path, plain: MountFlags) -> Result<(), Failed> {
    let failed = || "close what is shown".to_owned();
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(Failed::to(failed()))?;
    let devices = DEVICES.map(|device| within(root, Path::new(device)));
    // The fifth field is where it is mounted (proc_pid_mountinfo(5)).
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped);
    for place in places.filter(|place| place != root && place.starts_with(root)) {
        // What its file system is mounted with stays: another user's namespace may not take it off.
        let now = statvfs(&place).map_err(Failed::to(failed()))?.f_flag;
        let flags = if devices.contains(&place) { MountFlags::NOSUID } else { plain };
        let flags = flags | MountFlags::BIND | MountFlags::RDONLY | as_mounted(now);
        mount_remount(&place, flags, "").map_err(Failed::to(failed()))?;
    }
    Ok(())
}

/// A path as the kernel writes it: a blank, a tab, a line feed and a backslash are octal.
fn unescaped(text: &str) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(|_| *first == b'\\');
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn as_mounted(now: StatVfsMountFlags) -> MountFlags {
    let pairs = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    pairs.into_iter().filter(|(seen, _)| now.contains(*seen)).map(|(_, flag)| flag).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_the_kernel_writes_it() {
        for (text, path) in
            [("/a", "/a"), ("/a\\040b\\011\\012\\134", "/a b\t\n\\"), ("/a\\04", "/a\\04"), ("/\\777", "/\\777")]
        {
            assert_eq!(unescaped(text), PathBuf::from(path), "{text}");
        }
    }
}
