//! Removing a directory tree, entry by entry relative to open directories: no link is followed, no file
//! system that is mounted inside is entered, and nobody who swaps a parent meanwhile leads it elsewhere.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

/// No tree of ours is deeper: an open directory is held for each level.
const MAX_DEPTH: usize = 256;
pub(crate) const OPEN_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// Removes what stands at `name` in `parent`, with all it holds. A link is removed and not followed.
///
/// # Errors
/// `CrossesDevices` for a directory in which something is mounted, `InvalidInput` for a tree that is too
/// deep to be ours, and those of removing; what was removed before is gone then.
pub fn remove_tree(parent: impl AsFd, name: &str) -> io::Result<()> {
    let device = rustix::fs::fstat(&parent)?.st_dev;
    remove_entry(parent, &CString::new(name)?, device, MAX_DEPTH)
}

fn remove_entry(parent: impl AsFd, name: &CStr, device: u64, depth: usize) -> io::Result<()> {
    // A directory is no file to unlink, which the system says in one of two ways.
    let no_file = match rustix::fs::unlinkat(&parent, name, AtFlags::empty()) {
        Err(error @ (Errno::ISDIR | Errno::PERM)) => error,
        unlinked => return Ok(unlinked?),
    };
    // An empty one needs no descriptor, of which there may be none left.
    match rustix::fs::unlinkat(&parent, name, AtFlags::REMOVEDIR) {
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => {}
        Err(Errno::NOTDIR) => return Err(no_file.into()),
        removed => return Ok(removed?),
    }
    let opened = match rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Mode::empty()) {
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(no_file.into()),
        opened => opened?,
    };
    empty(opened, device, depth, None)?;
    Ok(rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR)?)
}

/// Removes all that is in a directory but `stays`.
pub(crate) fn empty(directory: OwnedFd, device: u64, depth: usize, stays: Option<&CStr>) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is deeper than a tree of ours"));
    }
    if rustix::fs::fstat(&directory)?.st_dev != device || is_mounted(&directory)? {
        return Err(io::Error::new(io::ErrorKind::CrossesDevices, "another file system is mounted in it"));
    }
    let mut entries = Dir::new(directory)?;
    while let Some(entry) = entries.read() {
        let name = entry?.file_name().to_owned();
        if name.as_c_str() != c"." && name.as_c_str() != c".." && stays != Some(&name) {
            remove_entry(entries.fd()?, &name, device, depth - 1)?;
        }
    }
    Ok(())
}

/// As [`empty`], for a directory that stays open.
pub(crate) fn empty_held(directory: impl AsFd, stays: Option<&CStr>) -> io::Result<()> {
    let device = rustix::fs::fstat(&directory)?.st_dev;
    let opened = rustix::fs::openat(directory, c".", OPEN_DIRECTORY, Mode::empty())?;
    empty(opened, device, MAX_DEPTH, stays)
}

/// Whether there is nothing in a directory but `except`.
pub(crate) fn is_empty(directory: impl AsFd, except: Option<&CStr>) -> io::Result<bool> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") && except != Some(entry.file_name()) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a directory is the root of a mount, which a bind mount of the same file system is too. A
/// kernel before 5.8 does not say; there the number of the file system alone decides.
pub(crate) fn is_mounted(directory: impl AsFd) -> io::Result<bool> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::NO_AUTOMOUNT;
    match rustix::fs::statx(directory, c"", flags, StatxFlags::empty()) {
        Ok(found) => Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_tree_goes_whole_and_what_its_links_lead_to_stays() {
        let root = tempfile::tempdir().expect("directory");
        let (tree, victim) = (root.path().join("tree"), root.path().join("victim"));
        fs::create_dir_all(tree.join("a/b/c")).expect("made");
        fs::create_dir(&victim).expect("made");
        fs::write(victim.join("file"), "x").expect("written");
        fs::write(tree.join("a/b/file"), "x").expect("written");
        symlink(&victim, tree.join("a/link")).expect("linked");
        symlink(&victim, root.path().join("top")).expect("linked");
        let parent = File::open(root.path()).expect("opened");
        for name in ["tree", "top"] {
            remove_tree(&parent, name).expect(name);
            assert!(!root.path().join(name).is_symlink() && !root.path().join(name).exists(), "{name}");
        }
        assert_eq!(fs::read_to_string(victim.join("file")).expect("there"), "x");
    }

    #[test]
    fn a_tree_is_removed_up_to_the_depth_that_ours_have() {
        let root = tempfile::tempdir().expect("directory");
        let parent = File::open(root.path()).expect("opened");
        for (depth, is_removed) in [(MAX_DEPTH, true), (MAX_DEPTH + 1, false)] {
            let deepest = root.path().join(vec!["d"; depth].join("/"));
            fs::create_dir_all(&deepest).expect("made");
            // An empty directory is not gone into.
            fs::write(deepest.join("file"), "x").expect("written");
            assert_eq!(remove_tree(&parent, "d").is_ok(), is_removed, "{depth}");
        }
    }
}
