//! What a plugins directory and everything in it is held to: nobody but this user, root and the owner's group
//! can change it. What is open is judged, and never what a path leads to a moment later.

use std::io::ErrorKind;
use std::path::Path;

use aisoc_files::{Arrival, Insecure, Links, Walk};
use aisoc_manifests::fault::{Fault, Result};
use rustix::fs::{CWD, Mode, OFlags};

use crate::shared_directories::{SharedDirectories, hint};
use aisoc_trust::changeable;
pub(crate) use aisoc_trust::{OPEN_DIRECTORY, own_directory, require_secure};

/// As [`Access::check`], for readers: nothing is made, and what is not there is an error.
pub(crate) fn require_secure_way(plugins_dir: &Path, shared: SharedDirectories) -> Result<()> {
    match arrive(plugins_dir, shared)? {
        Arrival::Directory(_) => Ok(()),
        Arrival::Missing(_) => Err(Fault::io("open", plugins_dir, ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => Err(Fault::no_directory(plugins_dir)),
    }
}

/// Walks to a plugins directory. Whoever can change it, or a directory on the way to it, decides what a
/// host loads: nobody but its owner's group, this user and root. A link is no plugins directory, with a
/// slash at its end or without. What everybody may write is put up with only where somebody answers for it.
pub(crate) fn arrive(plugins_dir: &Path, shared: SharedDirectories) -> Result<Arrival> {
    let (arrival, insecure) = walk_to(plugins_dir)?;
    match insecure {
        Some(insecure) if !insecure.is_shared_only() => Err(changeable(insecure)),
        Some(insecure) if shared == SharedDirectories::Refused => {
            let hint = hint(&insecure);
            Err(changeable(insecure).hint(hint))
        }
        _ => Ok(arrival),
    }
}

/// What everybody may write of a plugins directory and the way to it, as it was accepted.
pub(crate) fn shared_way(plugins_dir: &Path) -> Result<Option<Insecure>> {
    Ok(walk_to(plugins_dir)?.1.filter(Insecure::is_shared_only))
}

fn walk_to(plugins_dir: &Path) -> Result<(Arrival, Option<Insecure>)> {
    let mut walk = Walk::default();
    let arrival = walk.to(plugins_dir, Links::Refused).map_err(|error| Fault::io("open", plugins_dir, error))?;
    Ok((arrival, walk.finish().err()))
}

/// Whether a directory stands at `path`, and no link to one.
pub(crate) fn is_directory(path: &Path) -> Result<bool> {
    Ok(look_at(path)?.is_some_and(|found| found.is_dir()))
}

/// What stands at `path`, links not followed, or `None` when nothing does. An error is no absence.
pub(crate) fn look_at(path: &Path) -> Result<Option<std::fs::Metadata>> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Fault::io("look at", path, error)),
    }
}

/// Makes what was renamed or removed in a directory survive a power cut.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let opened = rustix::fs::openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    opened.and_then(rustix::fs::fsync).map_err(|error| Fault::io("sync", path, error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    use aisoc_manifests::fault::Reason;

    /// A directory with a file and a link to itself.
    fn place() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        fs::write(root.path().join("file"), "").expect("written");
        symlink(".", root.path().join("link")).expect("linked");
        root
    }

    #[test]
    fn an_error_is_no_absence_and_a_link_is_not_what_it_leads_to() {
        let root = place();
        let look = |name: &str| look_at(&root.path().join(name));
        for absent in ["absent", "absent/below", "file/below"] {
            assert!(look(absent).expect("looked at").is_none(), "{absent}");
        }
        assert!(look("link").expect("looked at").expect("there").is_symlink());
        for (name, expected) in [("", true), ("link/.", true), ("link", false), ("file", false), ("absent", false)] {
            assert_eq!(is_directory(&root.path().join(name)).expect("looked at"), expected, "{name}");
        }
        let too_long = "x".repeat(300);
        look(&too_long).expect_err("no such name can be");
        is_directory(&root.path().join(too_long)).expect_err("no such name can be");
    }

    #[test]
    fn the_way_of_a_reader_makes_nothing_and_takes_a_directory_only() {
        let root = place();
        let require_secure_way = |path: &Path| require_secure_way(path, SharedDirectories::Refused);
        require_secure_way(root.path()).expect("ours");
        for (name, reason) in
            [("absent", Reason::IoNotFound), ("file", Reason::DirectoryInsecure), ("link", Reason::DirectoryInsecure)]
        {
            let fault = require_secure_way(&root.path().join(name)).expect_err(name);
            assert_eq!(fault.reason(), reason, "{name}");
        }
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 2);
        sync_directory(root.path()).expect("synced");
        sync_directory(&root.path().join("file")).expect_err("no directory");
    }
}
