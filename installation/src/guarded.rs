//! What stands in a plugins directory, held to what an install would have put there: nobody but this
//! user, root and the owner's group can change it, and it is made of directories and regular files.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: every entry of a plugin in place is looked at, within `Limits`"
)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use aisoc_files::Walk;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::{Limits, ReferenceDir};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::layout::{FLOORS, Layout, PENDING, RECORDS, VERSIONS};
use crate::secure::{require_secure, require_secure_way};
use crate::shared_directories::SharedDirectories;

/// Holds a plugins directory, and what is ours in it, to what an install asks of it, before anything in
/// it is judged: where others can write, a verdict is about what was there a moment ago.
///
/// # Errors
/// `directory_insecure`, `io_not_found` when there is no such directory, and I/O reasons.
pub(crate) fn require_secure_plugins(layout: &Layout, shared: SharedDirectories) -> Result<()> {
    require_secure_way(layout.plugins(), shared)?;
    let ours = [RECORDS, PENDING, FLOORS, VERSIONS].map(|name| layout.ours(name));
    for directory in [layout.own()].into_iter().chain(ours) {
        match require_secure_directory(&directory) {
            Err(fault) if fault.reason() == Reason::IoNotFound => {}
            held => held?,
        }
    }
    Ok(())
}

/// Without the right to read it, which nobody has but its owner where kept versions are.
fn require_secure_directory(path: &Path) -> Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => Fault::no_directory(path),
        error => Fault::io("open", path, error.into()),
    })?;
    require_secure(&opened, path).map(drop)
}

/// Holds every entry of a plugin in place to what an install leaves.
///
/// # Errors
/// `directory_insecure` for a link in the plugin's place, and for what others can write or own;
/// `forbidden_entry` for a link or a special file inside, and for more entries than any plugin has; I/O
/// reasons for what cannot be looked at.
pub fn require_guarded(root: &Path) -> Result<()> {
    require_guarded_within(root, Limits::default().max_entries)
}

/// Reads a plugin in place as the host would, and holds what is read to what an install leaves: each entry is judged
/// when it is open, and is what is read. Only where one is not as it should be is the whole looked at for what to say.
///
/// # Errors
/// As [`require_guarded`], and as [`ReferenceDir::read`].
pub fn read_guarded(root: &Path, walk: &Walk, threads: NonZeroUsize, limits: &Limits) -> Result<ReferenceDir> {
    let read = ReferenceDir::read_guarded(root, walk, threads, limits);
    if read.as_ref().is_ok_and(|read| read.watch().is_secure()) {
        return read;
    }
    require_guarded(root)?;
    let read = read?;
    match read.watch().insecure() {
        None => Ok(read),
        // It was read when somebody else could change it, whatever became of it by now.
        Some(path) => {
            let what = format!("`{}` could be changed by others while it was read", path.display());
            Err(Fault::new(Reason::DirectoryInsecure, what).hint("run the command again"))
        }
    }
}

fn require_guarded_within(root: &Path, most: usize) -> Result<()> {
    let mut paths = vec![root.to_owned()];
    let mut found_so_far = 0;
    while let Some(path) = paths.pop() {
        let kind = require_guarded_entry(&path)?;
        if path == root && kind != FileType::Directory {
            return Err(Fault::no_directory(&path).hint("find out what it is and who put it there, then remove it"));
        }
        if kind == FileType::Symlink {
            return Err(forbidden(format!("`{}` is a link, and an install makes none", path.display())));
        }
        if kind == FileType::Directory {
            let failed = |error| Fault::io("list", &path, error);
            for entry in fs::read_dir(&path).map_err(failed)? {
                paths.push(entry.map_err(failed)?.path());
                found_so_far += 1;
                if found_so_far > most {
                    let what = format!("`{}` holds more than {most} files and directories", root.display());
                    return Err(forbidden(what));
                }
            }
        }
    }
    Ok(())
}

/// Judges what is open and not what the path leads to: a link is opened itself.
fn require_guarded_entry(path: &Path) -> Result<FileType> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(CWD, path, flags, Mode::empty());
    let opened = opened.map_err(|error| Fault::io("look at", path, error.into()))?;
    let found = rustix::fs::fstat(&opened).map_err(|error| Fault::io("look at", path, error.into()))?;
    match FileType::from_raw_mode(found.st_mode) {
        // A link has no mode of its own; the root of a plugin is told apart by its caller.
        FileType::Symlink => Ok(FileType::Symlink),
        kind @ (FileType::Directory | FileType::RegularFile) => require_secure(&opened, path).map(|_| kind),
        _ => Err(forbidden(format!("`{}` is neither a directory nor a regular file", path.display()))),
    }
}

fn forbidden(what: String) -> Fault {
    Fault::new(Reason::ForbiddenEntry, what).hint("find out what it is and who put it there, then remove it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_holds_as_many_entries_as_any_plugin_and_no_more() {
        let root = tempfile::tempdir().expect("directory");
        fs::create_dir(root.path().join("sub")).expect("made");
        for (name, is_held) in [("sub/a", true), ("sub/b", true), ("c", false)] {
            fs::write(root.path().join(name), "").expect("written");
            let held = require_guarded_within(root.path(), 3);
            assert_eq!(held.is_ok(), is_held, "{name}: {held:?}");
        }
    }
}
