//! `Refusal`: why a plugin does not get what it asks for.

use aisoc_manifests::capability::Capability;

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its manifest does not declare the capability.
    Denied {
        /// Which.
        capability: Capability,
        /// Whether this is the first time for a while: whoever writes denials down, writes that one.
        is_first: bool,
    },
    /// It does, and what is asked was not done.
    Failed(Why, String),
}

/// Why something was not done, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// There is no such handle, no such method, or the arguments are not what it takes.
    InvalidArgument,
    /// There is none.
    NotFound,
    /// There is no room for it.
    QuotaExceeded,
    /// Too often in a moment.
    RateLimited,
    /// The operator does not let it go there.
    NotAllowed,
    /// It is more than may be.
    TooLarge,
    /// It took too long.
    TimedOut,
    /// Nobody answers there.
    Unreachable,
    /// The host provides nothing here, or cannot at this moment.
    Unavailable,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::InvalidArgument,
        Self::NotFound,
        Self::QuotaExceeded,
        Self::RateLimited,
        Self::NotAllowed,
        Self::TooLarge,
        Self::TimedOut,
        Self::Unreachable,
        Self::Unavailable,
    ];

    /// The one of that word, if it is one of them.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.as_str() == word)
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidArgument => "invalid_argument",
            Self::NotFound => "not_found",
            Self::QuotaExceeded => "quota_exceeded",
            Self::RateLimited => "rate_limited",
            Self::NotAllowed => "not_allowed",
            Self::TooLarge => "too_large",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Refusal {
    /// Why, in one word.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => Why::Unavailable.as_str(),
            Self::Failed(why, _) => why.as_str(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::Failed(Why::InvalidArgument, message.into())
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Failed(Why::Unavailable, message.into())
    }
}
