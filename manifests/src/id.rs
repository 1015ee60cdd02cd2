//! `PluginId`: a plugin's identity, safe as a directory name on every system we run on.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};

/// `[A-Za-z0-9][A-Za-z0-9._-]{1,63}`, matched to the very end.
///
/// This is what the host accepts from existing plugins. It cannot be `.`, `..`, a path, an option,
/// or hold a newline. New plugins use the narrower [`PluginId::is_portable`].
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PluginId(String);

impl PluginId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the id also passes every stricter reader: `[a-z0-9][a-z0-9_-]{1,63}`.
    pub fn is_portable(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && self.0.as_bytes()[0].is_ascii_alphanumeric()
    }
}

impl FromStr for PluginId {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let bytes = text.as_bytes();
        let safe = (2..=64).contains(&bytes.len())
            && bytes[0].is_ascii_alphanumeric()
            && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if safe {
            return Ok(Self(text.to_owned()));
        }
        let shown: String = text.chars().take(80).collect();
        Err(Fault::new(Reason::InvalidPluginId, format!("`{}` is not a plugin id", shown.escape_debug())))
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for PluginId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_trailing_newline_and_paths() {
        for bad in ["", "a", ".", "..", "../x", "a/b", "a\\b", "abc\n", "-a", "a b", "é1", "a:b", &"x".repeat(65)] {
            assert!(bad.parse::<PluginId>().is_err(), "{bad:?}");
        }
        for good in ["ab", "A.b_c-d", "a..", "00", &"x".repeat(64)] {
            assert!(good.parse::<PluginId>().is_ok(), "{good:?}");
        }
    }
}
