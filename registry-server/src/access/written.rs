//! What stands in the files by which people are let in, and where something wrong stands.

use std::sync::Arc;

use aisoc_manifests::position::Position;
use aisoc_manifests::text::shown;

/// Longest name of somebody.
const MAX_NAME_BYTES: usize = 64;
/// Most characters of what a reader says of a text.
const MAX_SHOWN: usize = 300;
/// Who has shown nothing, in the file of rights.
pub(super) const ANONYMOUS: &str = "anonymous";

/// What was read, or what is wrong with it.
pub(super) type Written<T> = Result<T, WrittenWrong>;

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct WrittenWrong {
    pub(super) position: Position,
    pub(super) message: String,
}

impl WrittenWrong {
    pub(super) fn at(position: Position, message: impl Into<String>) -> Self {
        Self { position, message: message.into() }
    }

    /// Of a text that is no TOML, or has other keys than it may have.
    pub(super) fn of_toml(text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start);
        Self::at(Position::of_byte(text.as_bytes(), at), shown(error.message(), MAX_SHOWN))
    }

    /// At a part of that text.
    pub(super) fn at_byte(text: &str, byte: usize, message: impl Into<String>) -> Self {
        Self::at(Position::of_byte(text.as_bytes(), byte), message)
    }
}

/// The name of somebody: what logs and rights can repeat without marks around it.
pub(super) fn is_name(text: &str) -> Result<Arc<str>, String> {
    let is_first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@'));
    match is_first && is_name && text.len() <= MAX_NAME_BYTES {
        true if text == ANONYMOUS => Err(format!("`{ANONYMOUS}` is whoever has shown nothing, and nobody's name")),
        true => Ok(text.into()),
        false => Err(format!(
            "`{}` is no name: a letter or digit, then letters, digits, `.`, `_`, `-` and `@`, {MAX_NAME_BYTES} at most",
            shown(text, MAX_NAME_BYTES)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_repeated_as_they_are() {
        for (length, is_right) in [(1, true), (MAX_NAME_BYTES, true), (MAX_NAME_BYTES + 1, false)] {
            assert_eq!(is_name(&"a".repeat(length)).is_ok(), is_right, "{length}");
        }
        for name in ["ada", "Ada", "ci-1", "ada@example.com", "9", "a_b.c"] {
            assert_eq!(is_name(name).expect(name).as_ref(), name);
        }
        for other in ["", "-a", ".a", "@a", "a b", "a\nb", "a:b", "a\"", "ä", "a\u{202e}", "*", ANONYMOUS] {
            assert!(is_name(other).is_err(), "{other}");
        }
    }
}
