//! `Python`: which one runs plugins, and what it sees of its caller's environment.

use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use rustix::io::Errno;

use crate::error::Error;
use crate::shim::ending::{EXHAUSTED, FAILED, NOT_FOUND, NOT_STARTED};

/// What finds Python and makes it start, also behind a version manager's shim; nothing secret. The child sees
/// no other variable.
pub const KEPT_VARIABLES: [&str; 4] = ["PATH", "HOME", "PYENV_VERSION", "SYSTEMROOT"];

/// Which file something is, told from another one that takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    device: u64,
    number: u64,
    changed: (i64, i64),
}

impl FileIdentity {
    /// Of the file that stands there, behind links.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let found = path.metadata().ok()?;
        Some(Self { device: found.dev(), number: found.ino(), changed: (found.ctime(), found.ctime_nsec()) })
    }
}

/// Which Python loads a plugin, and what it sees of the caller's environment.
#[derive(Debug, Clone)]
pub struct Python {
    /// A path, or a name that is looked for in the `PATH` below.
    pub program: OsString,
    /// Names and values; what is not one of [`KEPT_VARIABLES`] is not passed on.
    pub variables: Vec<(OsString, OsString)>,
}

impl Python {
    pub(crate) fn kept_variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let variables = self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        variables.filter(|(name, _)| KEPT_VARIABLES.iter().any(|kept| name == kept))
    }

    /// Where the program is, for us to see: the path that is named, else the first of that name in the `PATH` above.
    pub fn path(&self) -> Option<PathBuf> {
        if self.program.as_encoded_bytes().contains(&b'/') {
            return Some(PathBuf::from(&self.program)).filter(|path| path.exists());
        }
        let path = self.kept_variables().find(|(name, _)| *name == "PATH").map(|(_, path)| path).unwrap_or_default();
        std::env::split_paths(path).map(|place| place.join(&self.program)).find(|path| path.exists())
    }

    /// Which file that is; nothing where there is none.
    pub fn identity(&self) -> Option<FileIdentity> {
        self.path().and_then(|path| FileIdentity::of(&path))
    }

    /// Whether there is such a program; a path that is named was meant, whatever is there.
    fn is_found(&self) -> bool {
        self.program.as_encoded_bytes().contains(&b'/') || self.path().is_some()
    }

    /// What the status of a shim says, if Python was not even started.
    pub(crate) fn why_not_started(&self, status: ExitStatus, printed: Option<&str>) -> Option<Error> {
        let program = self.program.clone();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        // To nobody, a directory of the search path that is root's is a refusal, and not an absence.
        let is_absent = code == Some(NOT_FOUND) || (code == Some(NOT_STARTED) && !self.is_found());
        match code {
            Some(NOT_FOUND | NOT_STARTED) if is_absent => {
                Some(Error::NoPython { program, source: ErrorKind::NotFound.into() })
            }
            Some(NOT_STARTED) => Some(Error::NotStarted { program, source: ErrorKind::PermissionDenied.into() }),
            Some(EXHAUSTED) => Some(Error::NotStarted { program, source: Errno::AGAIN.into() }),
            Some(FAILED) => {
                let source = io::Error::other(printed.unwrap_or("it ended before it could start it").to_owned());
                Some(Error::NotStarted { program, source })
            }
            _ => None,
        }
    }
}
