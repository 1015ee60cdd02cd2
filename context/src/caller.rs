//! `Caller`: who has made a call of a plugin, and for which tenant.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

/// Longest name of a tenant.
const MAX_TENANT_BYTES: usize = 64;

/// A tenant, by its name: lower-case letters, digits, `.`, `_` and `-`, and the first is a letter or a digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Tenant(String);

impl Tenant {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Tenant {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_name = text.len() <= MAX_TENANT_BYTES
            && text.bytes().next().is_some_and(is_plain)
            && text.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'_' | b'-'));
        match is_name {
            true => Ok(Self(text.to_owned())),
            false => Err(Fault::new(Reason::Usage, "a tenant has no name that it could have").expected(
                format!("1 to {MAX_TENANT_BYTES} of a-z, 0-9, `.`, `_` and `-`, a letter or a digit first"),
                format!("{} bytes", text.len()),
            )),
        }
    }
}

impl TryFrom<String> for Tenant {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

/// By what a host knows a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// A token of the host.
    Token,
    /// A token of an issuer.
    Subject,
    /// Nothing: whoever is on the machine of a host without a login.
    Development,
    /// The host itself calls.
    Host,
}

impl CallerKind {
    /// In one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Subject => "subject",
            Self::Development => "development",
            Self::Host => "host",
        }
    }
}

/// Who has made a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// By what they are known.
    pub kind: CallerKind,
    /// Their name, as events and the journal have it.
    pub name: String,
    /// For which tenant they call; for none where their token says nothing of one.
    pub tenant: Option<Tenant>,
    /// In which request.
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_word() {
        for (length, is_one) in [(0, false), (1, true), (MAX_TENANT_BYTES, true), (MAX_TENANT_BYTES + 1, false)] {
            assert_eq!("a".repeat(length).parse::<Tenant>().is_ok(), is_one, "{length}");
        }
        for name in ["acme", "0", "a.b_c-d"] {
            assert_eq!(name.parse::<Tenant>().expect(name).as_str(), name);
        }
        for name in ["Acme", ".a", "-a", "_a", "a b", "a/b", "a\0", "\u{e4}", "a\n"] {
            assert!(name.parse::<Tenant>().is_err(), "{name:?}");
        }
    }
}
