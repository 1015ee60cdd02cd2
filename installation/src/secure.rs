//! What a plugins directory and everything in it is held to: nobody but this user, root and the owner's group
//! can change it. What is open is judged, and never what a path leads to a moment later.

use std::io::ErrorKind;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aisoc_files::{Arrival, Insecure, Links, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{CWD, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::shared_directories::{SharedDirectories, hint};

pub(crate) const OPEN_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a directory of ours inside another, made when it is missing. Its mode is `bits`, whatever the umask.
pub(crate) fn own_directory(parent: impl AsFd, shown: &Path, name: &str, bits: u32) -> Result<OwnedFd> {
    let path = shown.join(name);
    let failed = |error: Errno| Fault::io("create the directory", &path, error.into());
    match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(bits)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error)),
    }
    let opened = rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => no_directory(&path),
        error => failed(error),
    })?;
    let found = require_secure(&opened, &path)?;
    if found.st_mode & 0o777 != bits && found.st_uid == rustix::process::geteuid().as_raw() {
        rustix::fs::fchmod(&opened, Mode::from_raw_mode(bits)).map_err(failed)?;
    }
    Ok(opened)
}

/// As [`Access::check`], for readers: nothing is made, and what is not there is an error.
pub(crate) fn require_secure_way(plugins_dir: &Path, shared: SharedDirectories) -> Result<()> {
    match arrive(plugins_dir, shared)? {
        Arrival::Directory(_) => Ok(()),
        Arrival::Missing(_) => Err(Fault::io("open", plugins_dir, ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => Err(no_directory(plugins_dir)),
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

/// Holds one thing that is open, in a directory that was held to it already, to the same rule.
pub(crate) fn require_secure(opened: impl AsFd, shown: &Path) -> Result<Stat> {
    let mut walk = Walk::default();
    let found = walk.judge_open(opened, shown).map_err(|error| Fault::io("look at", shown, error))?;
    walk.finish().map_err(changeable)?;
    Ok(found)
}

fn changeable(insecure: Insecure) -> Fault {
    Fault::insecure(insecure.to_string(), insecure.expected(), insecure.found(), insecure.remedy())
}

pub(crate) fn no_directory(path: &Path) -> Fault {
    let message = format!("`{}` is a link or a file, where a directory is needed", path.display());
    Fault::new(Reason::DirectoryInsecure, message)
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
    use std::os::unix::fs::{PermissionsExt as _, symlink};

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
    fn a_directory_of_ours_is_made_with_its_mode_and_not_taken_from_others() {
        let root = place();
        let top = fs::File::open(root.path()).expect("opened");
        let own = |name: &str, bits| own_directory(&top, root.path(), name, bits);
        let mode = |name: &str| fs::metadata(root.path().join(name)).expect("there").permissions().mode() & 0o777;
        for bits in [0o700, 0o755, 0o700] {
            own("ours", bits).expect("made, or there");
            assert_eq!(mode("ours"), bits, "whatever it was before");
        }
        fs::set_permissions(root.path().join("ours"), fs::Permissions::from_mode(0o777)).expect("set");
        for name in ["ours", "file", "link"] {
            let fault = own(name, 0o700).expect_err(name);
            assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{name}");
            assert!(fault.message().contains(&format!("{name}`")), "{fault:?}");
        }
        assert_eq!(mode("ours"), 0o777, "what somebody could have changed is not made to look as ours");
        assert_eq!(own("absent/below", 0o700).expect_err("no parent").reason(), Reason::IoNotFound);
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
