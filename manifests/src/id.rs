//! `PluginId`: a plugin's identity, safe as a directory name on every system we run on.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};
use crate::name::unportable;
use crate::text::{first_hidden, shown};

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

    /// Whether the id also passes every stricter reader: `[a-z0-9][a-z0-9_-]{1,63}`, and no device.
    pub fn is_portable(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && unportable(&self.0).is_none()
    }

    /// The id of what is made, signed, packed, pushed, installed or named on a command line: one rule for all of them.
    ///
    /// # Errors
    /// `invalid_plugin_id` for what is no id, and as [`PluginId::require_directory_name`].
    pub fn installable(text: &str) -> Result<Self> {
        let id: Self = text.parse()?;
        id.require_directory_name().map(|()| id)
    }

    /// Refuses an id that cannot be the name of a directory on every system. Hosts accept such ids, so
    /// reading does not ask; making, packing and installing do.
    ///
    /// # Errors
    /// `invalid_plugin_id`, saying which rule the id breaks.
    pub fn require_directory_name(&self) -> Result<()> {
        match unportable(&self.0) {
            None => Ok(()),
            Some(rule) => Err(Fault::new(
                Reason::InvalidPluginId,
                format!("the id `{self}` {rule}, and becomes the name of a directory"),
            )),
        }
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
        Err(Fault::new(Reason::InvalidPluginId, format!("`{}` is not a plugin id", shown(text, 80))))
    }
}

/// By what a host knows a plugin: a [`PluginId`], or `KIND/STEM` of a drop-in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostedId(String);

/// What drop-ins are to a host, in the first part of their ids.
const DROPIN_KINDS: [&str; 5] = ["loader", "tool", "cleaner", "archive_handler", "domain"];
/// Longest name of a file.
const MAX_STEM_BYTES: usize = 255;

impl HostedId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostedId {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let is_stem = |stem: &str| {
            !matches!(stem, "" | "." | "..")
                && stem.len() <= MAX_STEM_BYTES
                && !stem.contains('/')
                && first_hidden(stem).is_none()
        };
        let is_dropin = text.split_once('/').is_some_and(|(kind, stem)| DROPIN_KINDS.contains(&kind) && is_stem(stem));
        if is_dropin {
            return Ok(Self(text.to_owned()));
        }
        text.parse::<PluginId>().map(|id| Self(id.0))
    }
}

impl From<PluginId> for HostedId {
    fn from(id: PluginId) -> Self {
        Self(id.0)
    }
}

impl fmt::Display for HostedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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
    fn what_a_host_holds_is_installed_or_a_drop_in() {
        for bad in [
            "",
            "a",
            "a/b",
            "/tidy",
            "cleaner/",
            "cleaner/a/b",
            "cleaner/..",
            "cleaner/.",
            "cleaner/a\0",
            "cleaner/a\n",
            "other/tidy",
            "../cleaner/a",
            "cleaner/\u{202e}a",
            &format!("cleaner/{}", "x".repeat(256)),
        ] {
            assert!(bad.parse::<HostedId>().is_err(), "{bad:?}");
        }
        for good in ["ab", "lab.flux", "cleaner/tidy", "archive_handler/a b", &format!("tool/{}", "x".repeat(255))] {
            assert_eq!(good.parse::<HostedId>().expect(good).as_str(), good);
        }
    }

    #[test]
    fn refuses_a_trailing_newline_and_paths() {
        for bad in ["", "a", ".", "..", "../x", "a/b", "a\\b", "abc\n", "-a", "a b", "é1", "a:b", &"x".repeat(65)] {
            assert!(bad.parse::<PluginId>().is_err(), "{bad:?}");
        }
        for good in ["ab", "con", "A.b_c-d", "a..", "00", &"x".repeat(64)] {
            assert!(good.parse::<PluginId>().is_ok(), "{good:?}");
        }
    }
    #[test]
    fn an_id_that_windows_takes_for_something_else_is_no_directory_name() {
        for bad in ["con", "CON", "com1", "nul", "NUL", "aux.py", "lpt9.tar.gz", "ab.", "prn.txt"] {
            let id: PluginId = bad.parse().expect(bad);
            assert_eq!(id.require_directory_name().expect_err(bad).reason(), Reason::InvalidPluginId);
            assert!(!id.is_portable(), "{bad}");
        }
        for good in ["console", "com10", "A.b_c-d", "my.con", "con-1"] {
            good.parse::<PluginId>().expect(good).require_directory_name().expect(good);
        }
    }
}
