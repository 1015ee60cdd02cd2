//! `Answer` and `Failure`: what came of a question.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::{error, fmt, io};

use zeroize::Zeroizing;

/// How a program ended, and what it printed. Without `Debug`: what is printed may be a secret.
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed on standard output, whole.
    pub printed: Zeroizing<Vec<u8>>,
    /// The beginning of what it printed on standard error.
    pub complaint: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// How it ended, to be read behind its name.
    pub fn end(&self) -> String {
        match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("failed with exit code {code}"),
            (None, signal) => format!("was ended by signal {}", signal.unwrap_or_default()),
        }
    }
}

/// Why there is no answer. To be read behind the name of the program.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// There is no such program.
    NotFound,
    /// It is there, and cannot be started.
    NotStarted(io::Error),
    /// It did not end in time.
    TimedOut,
    /// Whoever asked no longer wants to know.
    Stopped,
    /// It printed more than an answer may have.
    TooMuch {
        /// How many bytes that is.
        at_most: usize,
    },
    /// The system does not let it be read from or waited for.
    Broken(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("is not on the PATH"),
            Self::NotStarted(error) => write!(f, "cannot be run: {error}"),
            Self::TimedOut => f.write_str("does not answer"),
            Self::Stopped => f.write_str("was stopped"),
            Self::TooMuch { at_most } => write!(f, "prints more than {at_most} bytes"),
            Self::Broken(error) => write!(f, "cannot be read from: {error}"),
        }
    }
}

impl error::Error for Failure {}
