//! `ChosenLock`: which plugins.lock a command is about.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_trust::lockfile::{LockPlace, Lockfile};

/// The lock in the working directory.
const NAME: &str = "plugins.lock";

/// The lock that is meant, and where else it was looked for.
#[derive(Debug)]
pub(crate) struct ChosenLock {
    /// Where it is; where it would be, when there is none.
    pub(crate) path: PathBuf,
}

impl ChosenLock {
    /// The one that is named, whether or not it is there; else the first that is there, of the one in the working
    /// directory and the user's.
    pub(crate) fn of(named: Option<PathBuf>, of_user: Option<PathBuf>) -> Result<Self> {
        let path = match named {
            Some(named) => named,
            None => [PathBuf::from(NAME)].into_iter().chain(of_user).find(|path| is_there(path)).unwrap_or(NAME.into()),
        };
        let path = std::path::absolute(&path).map_err(|error| Fault::io("find", &path, error))?;
        Ok(Self { path })
    }

    /// What it says; nothing when there is none.
    ///
    /// # Errors
    /// As [`LockPlace::read`].
    pub(crate) fn read(&self) -> Result<Option<Lockfile>> {
        match LockPlace::open(&self.path)? {
            Some(place) => place.read(),
            None => Ok(None),
        }
    }
}

/// What cannot be looked at is there: whoever reads it says why it cannot.
fn is_there(path: &Path) -> bool {
    let absent = |error: std::io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    !path.symlink_metadata().is_err_and(absent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_named_lock_comes_first_then_the_one_that_is_there() {
        let root = tempfile::tempdir().expect("a directory");
        let [user, absent] = ["user.lock", "absent.lock"].map(|name| root.path().join(name));
        fs::write(&user, "version = 1\n").expect("written");
        let chosen = |named: Option<&PathBuf>, of_user: Option<&PathBuf>| {
            ChosenLock::of(named.cloned(), of_user.cloned()).expect("chosen").path
        };
        // Tests stand in a directory without a lock.
        assert_eq!(chosen(None, Some(&user)), user);
        assert!(chosen(None, Some(&absent)).ends_with(NAME) && chosen(None, None).is_absolute());
        assert_eq!(chosen(Some(&absent), Some(&user)), absent);
        let read = |path: &PathBuf| ChosenLock { path: path.clone() }.read();
        assert!(read(&absent).expect("no fault").is_none() && read(&user).expect("a lock").is_some());
        assert!(read(&absent.join("below")).expect("no fault").is_none());
    }
}
