//! `RelPath`: the only way to name a file inside a plugin.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::fault::{Fault, Reason, Result};
use crate::text::{first_hidden, shown};

/// A relative path of `/`-separated components that cannot leave its directory.
///
/// Invariant, held by [`RelPath::parse`]: not empty, not absolute, no empty, `.` or `..` component,
/// no backslash, no character that is not seen (see [`crate::text`]), at most 1,024 bytes, components of
/// at most 255 bytes, at most 32 components deep. One file has one spelling.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(String);

/// Longest path in bytes; beyond it, path-length bugs of file systems and other tools begin.
pub const MAX_PATH_BYTES: usize = 1024;
/// Longest component in bytes, the limit of every common file system.
pub const MAX_COMPONENT_BYTES: usize = 255;
/// Deepest nesting; deeper trees are made to exhaust recursive readers.
pub const MAX_DEPTH: usize = 32;

impl RelPath {
    /// Checks `name` against the invariant. The name is taken as it is: nothing is normalised,
    /// because a second spelling of a name is how two readers come to see two trees.
    ///
    /// # Errors
    /// `unsafe_archive`, saying which rule the name breaks.
    pub fn parse(name: &str) -> Result<Self> {
        match Self::broken_rule(name) {
            None => Ok(Self(name.to_owned())),
            Some(rule) => Err(Fault::new(Reason::UnsafeArchive, format!("the name `{}` {rule}", shown(name, 120)))),
        }
    }

    fn broken_rule(name: &str) -> Option<&'static str> {
        if name.is_empty() {
            return Some("is empty");
        }
        if name.len() > MAX_PATH_BYTES {
            return Some("is longer than 1024 bytes");
        }
        if name.starts_with('/') {
            return Some("is absolute");
        }
        if name.contains('\\') {
            return Some("holds a backslash");
        }
        if first_hidden(name).is_some() {
            return Some("holds a character that is not seen: a control, invisible or text-direction character");
        }
        if name.split('/').count() > MAX_DEPTH {
            return Some("is nested deeper than 32 directories");
        }
        for component in name.split('/') {
            match component {
                "" => return Some("has an empty component"),
                "." => return Some("has a `.` component"),
                ".." => return Some("leaves its directory"),
                long if long.len() > MAX_COMPONENT_BYTES => return Some("has a component longer than 255 bytes"),
                _ => {}
            }
        }
        None
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The directory that holds it, or `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// What is left of the path below `directory`, or `None` when it is not below it.
    pub fn below(&self, directory: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(directory.as_str())?.strip_prefix('/')?;
        Some(Self(rest.to_owned()))
    }

    /// `self/name`, checked as a whole.
    ///
    /// # Errors
    /// As [`RelPath::parse`].
    pub fn join(&self, name: &str) -> Result<Self> {
        Self::parse(&format!("{}/{name}", self.0))
    }

    /// Where the path is under `directory` on this machine.
    pub fn under(&self, directory: &Path) -> PathBuf {
        directory.join(&self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl serde::Serialize for RelPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_every_way_out() {
        let long = "x".repeat(256);
        let deep = ["d"; 33].join("/");
        for bad in [
            "",
            "/etc/passwd",
            "..",
            "../x",
            "a/../b",
            "a/..",
            ".",
            "./a",
            "a/.",
            "a//b",
            "a/",
            "a\\b",
            "C:\\x",
            "a\0b",
            "a\nb",
            "\u{1b}[2J",
            "\u{202e}cod.py",
            "a\u{200b}.py",
            "a\u{ad}.py",
            "\u{3164}",
            "a\u{e0041}",
            "a\u{fe0f}.py",
            "a/\u{301}.py",
            long.as_str(),
            deep.as_str(),
        ] {
            assert_eq!(RelPath::parse(bad).expect_err(bad).reason(), Reason::UnsafeArchive);
        }
    }

    #[test]
    fn below_needs_a_whole_component() {
        let parse = |text| RelPath::parse(text).expect("valid");
        assert_eq!(parse("demo/sub/x.py").below(&parse("demo")), Some(parse("sub/x.py")));
        assert_eq!(parse("demon/x.py").below(&parse("demo")), None);
        assert_eq!(parse("demo").below(&parse("demo")), None);
    }
}
