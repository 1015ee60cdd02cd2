//! Why something is no pattern.

use std::fmt;

/// How long a pattern may be.
pub(super) const MAX_PATTERN_BYTES: usize = 1024;

/// How many patterns without braces one with braces may stand for.
pub(super) const MAX_ALTERNATIVES: usize = 1024;

/// Why something is no pattern.
///
/// ```
/// assert_eq!(aisoc_platform::GlobError::Empty.to_string(), "empty pattern");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GlobError {
    /// There is nothing in it.
    Empty,
    /// A class or a brace is not closed, a class is empty, or a `\` or `}` stands alone.
    Malformed,
    /// It is longer than patterns may be.
    TooLong,
    /// Its braces stand for more patterns than they may.
    TooManyAlternatives,
}

impl fmt::Display for GlobError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("empty pattern"),
            Self::Malformed => formatter.write_str("syntax error in pattern"),
            Self::TooLong => write!(formatter, "pattern of more than {MAX_PATTERN_BYTES} bytes"),
            Self::TooManyAlternatives => write!(formatter, "more than {MAX_ALTERNATIVES} alternatives"),
        }
    }
}

impl std::error::Error for GlobError {}
