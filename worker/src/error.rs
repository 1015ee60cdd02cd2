//! `Error`: why a plugin was not loaded.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use std::{error, fmt, io};

use crate::sandbox::layer::Layers;

/// Why a plugin was not loaded. The words of the plugin in it are as the plugin wrote them: whoever shows
/// them cuts and escapes them.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Something could not be done to a file or a program.
    Io {
        /// What was to be done, to be read before the path.
        act: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no such Python.
    NoPython {
        /// The program that was looked for.
        program: OsString,
        /// What the system says.
        source: io::Error,
    },
    /// Python is there, and cannot be started.
    NotStarted {
        /// The program.
        program: OsString,
        /// What the system says.
        source: io::Error,
    },
    /// With this path there is more than the room that a copy has.
    TooMuch {
        /// The first path that was too much.
        path: PathBuf,
    },
    /// The caller said to stop.
    Stopped,
    /// What the plugin started cannot be ended, and may go on.
    Left,
    /// The plugin took longer than the caller waits.
    TimedOut {
        /// How long that is.
        patience: Duration,
    },
    /// All processes of the plugin together took more memory than they may, and the system has ended them.
    OutOfMemory,
    /// What `run` returned is larger than what is read of it.
    TooLarge {
        /// How many bytes are read.
        at_most: u64,
    },
    /// So many calls wait for the plugin that no more are taken.
    Busy {
        /// How many wait at most.
        at_most: usize,
    },
    /// Other calls of the plugin took so long that this one's turn did not come, so the plugin has seen nothing of it.
    NotReached {
        /// How long it was waited for.
        patience: Duration,
    },
    /// It was not to be called any more once it was the call's turn, so the plugin has seen nothing of it.
    Withdrawn,
    /// What the plugin was to be called with is larger than a call may be.
    CallTooLarge {
        /// How many bytes a call has at most.
        at_most: usize,
    },
    /// The child ended, or closed its output, without a whole line.
    Unanswered {
        /// How it ended, if it did.
        status: Option<ExitStatus>,
        /// The last line that was printed.
        printed: Option<String>,
    },
    /// The line that the child wrote is none of ours.
    Unreadable {
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Nothing was started, because this system does not give every layer that a plugin is to be confined by.
    Unconfined {
        /// What it gives, and why not more.
        layers: Layers,
    },
    /// What was to be imported could not be.
    NotImported {
        /// Python's words.
        message: String,
        /// The exception behind it, and the deepest line of what was imported that led to it.
        cause: Option<String>,
    },
    /// What was imported is not what a host asks for.
    Breach {
        /// What it asks for.
        message: String,
        /// The exception behind it, and the deepest line of what was imported that led to it.
        cause: Option<String>,
    },
    /// A host would refuse the plugin.
    Refused {
        /// The host's words.
        refusal: String,
        /// The exception behind it, and the deepest line of the plugin that led to it.
        cause: Option<String>,
    },
}

impl Error {
    /// Whether there were too many processes at that moment.
    pub(crate) fn is_of_a_moment(&self) -> bool {
        matches!(self, Self::NotStarted { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
    }

    /// For `map_err`: what was to be done, and to what.
    pub(crate) fn io(act: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { act, path: path.to_owned(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { act, path, .. } => write!(f, "cannot {act} `{}`", path.display()),
            Self::NoPython { program, .. } => {
                write!(f, "there is no Python: `{}` was not found", program.to_string_lossy())
            }
            Self::NotStarted { program, .. } => write!(f, "cannot start `{}`", program.to_string_lossy()),
            Self::TooMuch { path } => {
                write!(f, "with `{}` there is more than a plugin may hold", path.display())
            }
            Self::Stopped => f.write_str("stopped"),
            Self::Left => f.write_str("the plugin started processes that cannot be ended"),
            Self::TimedOut { patience } => {
                let seconds = patience.as_millis().div_ceil(1000);
                write!(f, "the plugin did not finish within {seconds} seconds")
            }
            Self::OutOfMemory => f.write_str("the plugin took more memory than all of its processes may have together"),
            Self::TooLarge { at_most } => write!(f, "the result of run is larger than {at_most} bytes"),
            Self::NotReached { patience } => {
                let seconds = patience.as_millis().div_ceil(1000);
                write!(f, "other calls of the plugin took longer than {seconds} seconds")
            }
            Self::Withdrawn => f.write_str("the plugin may not be called any more"),
            Self::Busy { at_most } => write!(f, "{at_most} calls of the plugin wait already"),
            Self::CallTooLarge { at_most } => write!(f, "the call is larger than {at_most} bytes"),
            Self::Unanswered { status: Some(status), .. } => write!(f, "Python ended without an answer ({status})"),
            Self::Unanswered { status: None, .. } => f.write_str("Python closed its standard output without an answer"),
            Self::Unreadable { .. } => f.write_str("the answer of Python cannot be read"),
            Self::Unconfined { layers } => {
                write!(f, "this system does not confine a plugin whole: {}", layers.missing())
            }
            Self::NotImported { message, .. } | Self::Breach { message, .. } => f.write_str(message),
            Self::Refused { refusal, .. } => f.write_str(refusal),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io { source, .. } | Self::NoPython { source, .. } | Self::NotStarted { source, .. } => Some(source),
            Self::Unreadable { source } => Some(source),
            Self::TooMuch { .. }
            | Self::Stopped
            | Self::Left
            | Self::TimedOut { .. }
            | Self::OutOfMemory
            | Self::TooLarge { .. }
            | Self::Busy { .. }
            | Self::NotReached { .. }
            | Self::Withdrawn
            | Self::CallTooLarge { .. }
            | Self::Unanswered { .. }
            | Self::Unconfined { .. }
            | Self::NotImported { .. }
            | Self::Breach { .. }
            | Self::Refused { .. } => None,
        }
    }
}
