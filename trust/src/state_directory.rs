//! The directories of ours in which state about trust is kept, inside of those that users name. Nobody but this user,
//! root and the owner's group may change them.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use aisoc_files::{Insecure, Walk};
use aisoc_manifests::fault::{Fault, Result};
use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

/// How a directory of ours is opened: never through a link.
pub const OPEN_DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a directory of ours inside another, made when it is missing. Its mode is `bits`, whatever the umask.
///
/// # Errors
/// `directory_insecure` for a link, a file, and for what others can change; I/O reasons.
pub fn own_directory(parent: impl AsFd, shown: &Path, name: &str, bits: u32) -> Result<OwnedFd> {
    let path = shown.join(name);
    let failed = |error: Errno| Fault::io("create the directory", &path, error.into());
    match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(bits)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed(error)),
    }
    let opened = rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => Fault::no_directory(&path),
        error => failed(error),
    })?;
    let found = require_secure(&opened, &path)?;
    if found.st_mode & 0o777 != bits && found.st_uid == rustix::process::geteuid().as_raw() {
        rustix::fs::fchmod(&opened, Mode::from_raw_mode(bits)).map_err(failed)?;
    }
    Ok(opened)
}

/// As [`own_directory`], for whoever only looks: nothing is made or changed; `None` where there is none.
///
/// # Errors
/// As [`own_directory`].
pub(crate) fn existing_directory(parent: impl AsFd, shown: &Path, name: &str) -> Result<Option<OwnedFd>> {
    let path = shown.join(name);
    let opened = match rustix::fs::openat(&parent, name, OPEN_DIRECTORY, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => return Err(Fault::no_directory(&path)),
        opened => opened.map_err(|error| Fault::io("open", &path, error.into()))?,
    };
    require_secure(&opened, &path)?;
    Ok(Some(opened))
}

/// Holds one thing that is open, in a directory that was held to it already, to the same rule.
///
/// # Errors
/// `directory_insecure`, and I/O reasons.
pub fn require_secure(opened: impl AsFd, shown: &Path) -> Result<Stat> {
    let mut walk = Walk::default();
    let found = walk.judge_open(opened, shown).map_err(|error| Fault::io("look at", shown, error))?;
    walk.finish().map_err(changeable)?;
    Ok(found)
}

/// `directory_insecure`, with what somebody else can change.
pub fn changeable(insecure: Insecure) -> Fault {
    Fault::insecure(insecure.to_string(), insecure.expected(), insecure.found(), insecure.remedy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use aisoc_manifests::fault::Reason;

    #[test]
    fn a_directory_of_ours_is_made_with_its_mode_and_not_taken_from_others() {
        let root = tempfile::tempdir().expect("a directory");
        fs::write(root.path().join("file"), "").expect("written");
        symlink(".", root.path().join("link")).expect("linked");
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
}
