//! `TokenName`: what people call a token.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};

/// Longest name of a token.
const MAX_NAME_BYTES: usize = 64;

/// What people call a token: for lists, for events, and to revoke it by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TokenName(String);

impl TokenName {
    /// What events call the host, of what it does by itself.
    pub(crate) const OF_HOST: &str = "host";
    /// And whoever asks a host without a login.
    pub(crate) const OF_DEVELOPMENT: &str = "development";

    /// Refuses what events and the journal call somebody else.
    ///
    /// # Errors
    /// `usage`.
    pub(super) fn require_free(&self) -> Result<()> {
        let (host, development) = (Self::OF_HOST, Self::OF_DEVELOPMENT);
        match [host, development].contains(&self.as_str()) {
            true => Err(Fault::new(Reason::Usage, format!("`{self}` is what events call somebody else"))
                .expected(format!("another name than `{host}` and `{development}`"), format!("`{self}`"))
                .hint("choose another name")),
            false => Ok(()),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TokenName {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let is_first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        match is_first && is_name && text.len() <= MAX_NAME_BYTES {
            true => Ok(Self(text.to_owned())),
            false => {
                let form =
                    format!("a letter or digit, then letters, digits, `.`, `_` and `-`, {MAX_NAME_BYTES} at most");
                Err(Fault::new(Reason::Usage, format!("`{}` is no name of a token", shown(text, MAX_NAME_BYTES)))
                    .expected(form, shown(text, MAX_NAME_BYTES)))
            }
        }
    }
}

impl TryFrom<String> for TokenName {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<TokenName> for String {
    fn from(name: TokenName) -> Self {
        name.0
    }
}
