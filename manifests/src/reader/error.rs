//! What stops a reader: what kind of defect, where, and in which words.

use std::error::Error;
use std::fmt;

use crate::position::Position;

/// Why a document cannot be read, or a value not be written: a refusal before the file has a name and the
/// defect a reason code, both of which the readers do not know.
///
/// One pointer wide, because it is part of every frame of the recursive readers.
pub struct ReadError(Box<Parts>);

struct Parts {
    defect: Defect,
    position: Position,
    message: String,
    instead: Option<&'static str>,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// It breaks the grammar or the typing of the host's reader.
    Malformed,
    /// It nests deeper than the host's stack and ours bear.
    TooDeep,
    /// Reading it would take more work than any manifest needs.
    TooLarge,
    /// It can be read, but a value in it has no canonical form.
    NotCanonical,
}

impl ReadError {
    /// Not a document that the host can read.
    pub(crate) fn at(position: impl Into<Position>, message: impl Into<String>) -> Self {
        let (position, message) = (position.into(), message.into());
        Self(Box::new(Parts { defect: Defect::Malformed, position, message, instead: None }))
    }

    /// Another defect than [`Defect::Malformed`].
    pub(crate) fn because(mut self, defect: Defect) -> Self {
        self.0.defect = defect;
        self
    }

    /// Says what to write instead, where the defect alone does not.
    pub(crate) fn instead(mut self, instead: &'static str) -> Self {
        self.0.instead = Some(instead);
        self
    }

    /// What is wrong.
    pub fn defect(&self) -> Defect {
        self.0.defect
    }

    /// Where reading stopped, or where the value begins that cannot be written.
    pub fn position(&self) -> Position {
        self.0.position
    }

    /// One lower-case clause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to write instead, where that is known.
    pub fn next_step(&self) -> Option<&'static str> {
        self.0.instead
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { line, column } = self.0.position;
        write!(f, "{line}:{column}: {}", self.0.message)
    }
}

impl fmt::Debug for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.defect)
    }
}

impl Error for ReadError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_reader_is_one_pointer_wide_and_says_where() {
        assert_eq!(size_of::<ReadError>(), size_of::<usize>());
        let error = ReadError::at(Position { line: 3, column: 7 }, "a tab").because(Defect::TooDeep).instead("a space");
        assert_eq!((error.to_string().as_str(), error.defect()), ("3:7: a tab", Defect::TooDeep));
        assert_eq!((error.message(), error.next_step()), ("a tab", Some("a space")));
        assert_eq!(format!("{error:?}"), "TooDeep: 3:7: a tab");
    }
}
