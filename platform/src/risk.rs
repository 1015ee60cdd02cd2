//! `Risk`: how much harm a command can do.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most harm that a command can do. The three levels are all that there are; what somebody wrote beside
/// them is kept, so that it can be refused in their own words.
///
/// ```
/// use aisoc_platform::Risk;
///
/// assert!(Risk::Read.rank() < Risk::Write.rank());
/// assert_eq!(Risk::HighRiskWrite.to_string(), "high-risk-write");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Risk {
    /// Changes nothing.
    Read,
    /// Makes or changes something.
    Write,
    /// Destroys something, lowers what is checked or trusted, or runs code of others.
    HighRiskWrite,
    /// None of the three, as it was written.
    Unknown(String),
}

impl Risk {
    /// The three levels, the least first.
    ///
    /// ```
    /// assert_eq!(aisoc_platform::Risk::ALL.map(|risk| risk.to_string()), ["read", "write", "high-risk-write"]);
    /// ```
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::HighRiskWrite];

    /// The level of that name, exactly as it is written; nothing for an empty text.
    ///
    /// # Errors
    /// A text that is none of the three.
    ///
    /// ```
    /// use aisoc_platform::Risk;
    ///
    /// assert_eq!(Risk::parse("write"), Ok(Some(Risk::Write)));
    /// assert_eq!(Risk::parse(""), Ok(None));
    /// assert!(Risk::parse("Read").is_err() && Risk::parse(" read ").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Option<Self>, UnknownRisk> {
        match Self::from(text) {
            Self::Unknown(text) if text.is_empty() => Ok(None),
            Self::Unknown(text) => Err(UnknownRisk(text)),
            known => Ok(Some(known)),
        }
    }

    /// Whether it is one of the three.
    ///
    /// ```
    /// use aisoc_platform::Risk;
    ///
    /// assert!(Risk::Read.is_valid() && !Risk::from("wrtie").is_valid());
    /// ```
    pub const fn is_valid(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Where it stands among the three, from 0; nothing for what is none of them.
    ///
    /// ```
    /// use aisoc_platform::Risk;
    ///
    /// assert_eq!(Risk::ALL.map(|risk| risk.rank()), [Some(0), Some(1), Some(2)]);
    /// assert_eq!(Risk::from("wrtie").rank(), None);
    /// ```
    pub const fn rank(&self) -> Option<u8> {
        match self {
            Self::Read => Some(0),
            Self::Write => Some(1),
            Self::HighRiskWrite => Some(2),
            Self::Unknown(_) => None,
        }
    }

    /// Whether it makes or changes something: `write` and `high-risk-write`.
    ///
    /// ```
    /// use aisoc_platform::Risk;
    ///
    /// assert!(Risk::Write.is_write() && Risk::HighRiskWrite.is_write() && !Risk::Read.is_write());
    /// ```
    pub const fn is_write(&self) -> bool {
        matches!(self, Self::Write | Self::HighRiskWrite)
    }

    /// The level in one word.
    ///
    /// ```
    /// assert_eq!(aisoc_platform::Risk::Write.as_str(), "write");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::HighRiskWrite => "high-risk-write",
            Self::Unknown(text) => text,
        }
    }
}

/// The level of that name, or the text as it was written.
impl From<&str> for Risk {
    fn from(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|level| level.as_str() == text);
        known.unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for Risk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Risk {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// A text that is no level of risk.
///
/// ```
/// let error = aisoc_platform::Risk::parse("nuclear").unwrap_err();
/// assert_eq!(error.to_string(), "invalid risk \"nuclear\": must be one of read|write|high-risk-write");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRisk(String);

impl fmt::Display for UnknownRisk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "invalid risk {:?}: must be one of read|write|high-risk-write", self.0)
    }
}

impl std::error::Error for UnknownRisk {}
