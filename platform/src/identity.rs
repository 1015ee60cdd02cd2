//! `Identity`: as whom a command is given.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// As whom a command is given. The two are all that there are; what somebody wrote beside them is kept, so
/// that it can be refused in their own words.
///
/// ```
/// use aisoc_platform::Identity;
///
/// assert_eq!(Identity::User.to_string(), "user");
/// assert_eq!(Identity::Bot.to_string(), "bot");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// A person.
    User,
    /// A program: an agent, a CI job, a service.
    Bot,
    /// Neither, as it was written.
    Unknown(String),
}

impl Identity {
    /// The two identities.
    ///
    /// ```
    /// assert_eq!(aisoc_platform::Identity::ALL.map(|identity| identity.to_string()), ["user", "bot"]);
    /// ```
    pub const ALL: [Self; 2] = [Self::User, Self::Bot];

    /// The identity of that name, exactly as it is written; nothing for an empty text.
    ///
    /// # Errors
    /// A text that is neither.
    ///
    /// ```
    /// use aisoc_platform::Identity;
    ///
    /// assert_eq!(Identity::parse("bot"), Ok(Some(Identity::Bot)));
    /// assert_eq!(Identity::parse(""), Ok(None));
    /// assert!(Identity::parse("Bot").is_err() && Identity::parse(" bot").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Option<Self>, UnknownIdentity> {
        match Self::from(text) {
            Self::Unknown(text) if text.is_empty() => Ok(None),
            Self::Unknown(text) => Err(UnknownIdentity(text)),
            known => Ok(Some(known)),
        }
    }

    /// Whether it is one of the two.
    ///
    /// ```
    /// use aisoc_platform::Identity;
    ///
    /// assert!(Identity::User.is_valid() && !Identity::from("root").is_valid());
    /// ```
    pub const fn is_valid(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// The identity in one word.
    ///
    /// ```
    /// assert_eq!(aisoc_platform::Identity::Bot.as_str(), "bot");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::User => "user",
            Self::Bot => "bot",
            Self::Unknown(text) => text,
        }
    }
}

/// The identity of that name, or the text as it was written.
impl From<&str> for Identity {
    fn from(text: &str) -> Self {
        let known = Self::ALL.into_iter().find(|identity| identity.as_str() == text);
        known.unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// A text that is no identity.
///
/// ```
/// let error = aisoc_platform::Identity::parse("root").unwrap_err();
/// assert_eq!(error.to_string(), "invalid identity \"root\": must be 'user' or 'bot'");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownIdentity(String);

impl fmt::Display for UnknownIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "invalid identity {:?}: must be 'user' or 'bot'", self.0)
    }
}

impl std::error::Error for UnknownIdentity {}
