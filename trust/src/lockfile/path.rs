//! `LockPath`: where a lock is, or would be, and where else one was looked for.

use std::ops::Deref;
use std::path::{Path, PathBuf};

/// The path of a lock. It is that path; where none was found it knows as well where else one was looked for, so that who
/// misses it can say so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockPath {
    path: PathBuf,
    elsewhere: Option<PathBuf>,
}

impl LockPath {
    /// Where a lock would be, of which there is none there nor elsewhere.
    pub fn missing(path: PathBuf, elsewhere: Option<PathBuf>) -> Self {
        Self { path, elsewhere }
    }

    /// Where else one was looked for.
    pub fn elsewhere(&self) -> Option<&Path> {
        self.elsewhere.as_deref()
    }
}

impl From<PathBuf> for LockPath {
    fn from(path: PathBuf) -> Self {
        Self { path, elsewhere: None }
    }
}

impl Deref for LockPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}
