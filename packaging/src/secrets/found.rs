//! What was found, and where: said of a secret without showing it.

use std::fmt;

use aisoc_manifests::path::RelPath;

/// What a private key or a credential was recognised by.
pub type Kind = &'static str;

/// A file that looks like a secret. What it holds is not shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundSecret {
    /// Which file.
    pub path: RelPath,
    /// What it looks like.
    pub kind: Kind,
    /// Where in it, unless the name alone decided.
    pub place: Option<Place>,
}

/// Where in a file something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A line, from 1.
    Line(usize),
    /// A byte, from 0, too far into the file to have counted lines.
    Byte(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Byte(byte) => write!(f, "byte {byte}"),
        }
    }
}

impl fmt::Display for FoundSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, kind, place } = self;
        match place {
            Some(place) => write!(f, "`{path}` looks like a secret ({kind}, {place})"),
            None => write!(f, "`{path}` looks like a secret ({kind})"),
        }
    }
}
