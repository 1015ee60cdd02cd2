//! Why a provider has not answered, in words that hold nothing of what was asked, and no token.

use std::fmt;
use std::time::Duration;

use crate::refused::Refused;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unanswered {
    /// The plugin has asked too often.
    Rate {
        /// How long until it may ask again.
        retry_after: Duration,
    },
    /// So many wait for an answer.
    Busy {
        /// Most at a time.
        most: usize,
    },
    /// It took too long.
    Late {
        /// How long.
        after: Duration,
    },
    /// Whoever is told before an ask leaves has not taken it.
    NotTaken,
    /// Nobody waits for it any more.
    Stopped,
    /// What the provider knows its host by cannot be had.
    Token {
        /// Why.
        why: String,
    },
    /// What stands there is not asked.
    Socket {
        /// Why.
        why: String,
    },
    /// Nobody answers there, or in a way that is no HTTP.
    Unreached {
        /// Why.
        why: String,
    },
    /// It answers with another status than 200; a redirect leads nowhere.
    Status {
        /// Which.
        status: u16,
    },
    /// Its answer is larger than may be.
    TooLarge {
        /// Most of it, in bytes.
        most: usize,
    },
}

impl Unanswered {
    /// One word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rate { .. } => "rate_limited",
            Self::Busy { .. } => "too_many_requests",
            Self::Late { .. } => "timed_out",
            Self::NotTaken => "unavailable",
            Self::Stopped => "stopped",
            Self::Token { .. } => "token_unavailable",
            Self::Socket { .. } => "socket_refused",
            Self::Unreached { .. } => "unreachable",
            Self::Status { .. } => "other_status",
            Self::TooLarge { .. } => "answer_too_large",
        }
    }
}

impl From<Refused> for Unanswered {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::TooLarge { most, .. } => Self::TooLarge { most },
            Refused::Address { host, leads_to } => Self::Unreached { why: format!("`{host}` leads to {leads_to}") },
            other => Self::Unreached { why: other.to_string() },
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate { retry_after } => {
                write!(f, "this plugin has asked too often: it may ask again in {:.1} s", retry_after.as_secs_f64())
            }
            Self::Busy { most } => write!(f, "{most} asks wait for an answer, and no more may"),
            Self::Late { after } => write!(f, "it did not answer within {:.1} s", after.as_secs_f64()),
            Self::NotTaken => f.write_str("nobody could write down that it leaves"),
            Self::Stopped => f.write_str("nobody waits for the answer any more"),
            Self::Token { why } | Self::Socket { why } | Self::Unreached { why } => f.write_str(why),
            Self::Status { status } => write!(f, "it answers with status {status}, and not with 200"),
            Self::TooLarge { most } => write!(f, "its answer is larger than {most} bytes"),
        }
    }
}

impl std::error::Error for Unanswered {}
