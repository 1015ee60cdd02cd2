//! `ChosenLock`: which plugins.lock a command is about.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Result};
use aisoc_trust::lockfile::{LockPath, LockPlace, Lockfile};

use crate::output::{Output, path_text};

/// The lock in the working directory.
const NAME: &str = "plugins.lock";

/// The lock that is meant.
#[derive(Debug)]
pub(crate) struct ChosenLock {
    /// Where it is; where it would be, when there is none.
    pub(crate) path: LockPath,
    /// Whether it is there and nobody has named it.
    is_found: bool,
}

impl ChosenLock {
    /// The one that is named, whether or not it is there; else the first that is there, of the one in the working
    /// directory and the user's.
    pub(crate) fn of(named: Option<PathBuf>, of_user: Option<PathBuf>) -> Result<Self> {
        let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| Fault::io("find", &path, error));
        if let Some(named) = named {
            return Ok(Self { path: absolute(named)?.into(), is_found: false });
        }
        let (here, of_user) = (absolute(NAME.into())?, of_user.map(absolute).transpose()?);
        let found = [Some(&here), of_user.as_ref()].into_iter().flatten().find(|path| is_there(path)).cloned();
        let is_found = found.is_some();
        let path = found.map_or_else(|| LockPath::missing(here, of_user), LockPath::from);
        Ok(Self { path, is_found })
    }

    /// Says which lock decides where nobody has named one.
    pub(crate) fn announce(&self, output: &Output) {
        if self.is_found {
            output.status("plugins.lock", format!("(auto-discovered): {}", path_text(&self.path)));
        }
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
        let is_found = |named: Option<&PathBuf>, of_user: Option<&PathBuf>| {
            ChosenLock::of(named.cloned(), of_user.cloned()).expect("chosen").is_found
        };
        // Tests stand in a directory without a lock.
        assert_eq!(*chosen(None, Some(&user)), *user);
        assert!(chosen(None, Some(&absent)).ends_with(NAME) && chosen(None, None).is_absolute());
        assert_eq!(*chosen(Some(&absent), Some(&user)), *absent);
        // Where none is found every place is known; one that is named, or found, is looked for nowhere else.
        assert_eq!(chosen(None, Some(&absent)).elsewhere(), Some(absent.as_path()));
        assert_eq!(chosen(Some(&absent), Some(&user)).elsewhere(), None);
        assert_eq!(chosen(None, Some(&user)).elsewhere(), None);
        assert!(is_found(None, Some(&user)) && !is_found(None, Some(&absent)) && !is_found(Some(&user), None));
        let read = |path: &PathBuf| ChosenLock { path: path.clone().into(), is_found: false }.read();
        assert!(read(&absent).expect("no fault").is_none() && read(&user).expect("a lock").is_some());
        assert!(read(&absent.join("below")).expect("no fault").is_none());
    }
}
