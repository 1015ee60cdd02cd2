//! `Position`: a place in a text, before the text has a name.

/// A line and a column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// The first character.
    pub const START: Self = Self { line: 1, column: 1 };

    /// Where byte `offset` of `text` is, for a text whose lines end in LF.
    pub fn of_byte(text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let newlines = before.iter().filter(|byte| **byte == b'\n').count();
        let is_character_start = |byte: &&u8| **byte & 0xC0 != 0x80;
        Self { line: newlines + 1, column: before[line_start..].iter().filter(is_character_start).count() + 1 }
    }

    /// The byte of `text` that is there: the way back from [`Position::of_byte`].
    pub(crate) fn byte_in(self, text: &[u8]) -> Option<usize> {
        let newlines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let line_start = std::iter::once(0).chain(newlines).nth(self.line.checked_sub(1)?)?;
        let is_character_start = |(_, byte): &(usize, &u8)| **byte & 0xC0 != 0x80;
        let mut characters = text[line_start..].iter().enumerate().filter(is_character_start);
        characters.nth(self.column.checked_sub(1)?).map(|(at, _)| line_start + at)
    }
}
