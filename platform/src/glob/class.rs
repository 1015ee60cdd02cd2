//! A class of letters, `[a-c]`.

use super::error::GlobError;
use super::syntax::unescaped;

/// Whether a letter is in a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It is; the place behind the `]`.
    Holds(usize),
    /// It is not; how far the class was read to find that out.
    Lacks(usize),
}

/// Looks for a letter in the class that begins behind its `[`.
///
/// # Errors
/// A class that is empty or not closed.
pub(super) fn class(pattern: &str, start: usize, letter: char) -> Result<Class, GlobError> {
    let bytes = pattern.as_bytes();
    let is_negated = matches!(bytes.get(start), Some(b'!' | b'^'));
    let first = start + usize::from(is_negated);
    if matches!(bytes.get(first), None | Some(b']')) {
        return Err(GlobError::Malformed);
    }
    let (is_listed, at) = listed(pattern, first, letter);
    if is_listed == is_negated {
        return if at < bytes.len() { Ok(Class::Lacks(at)) } else { Err(GlobError::Malformed) };
    }
    unescaped(bytes, at, b']').map(|end| Class::Holds(end + 1)).ok_or(GlobError::Malformed)
}

/// Whether a letter is listed, and how far the list was read: to its end, or behind the letter.
fn listed(pattern: &str, first: usize, letter: char) -> (bool, usize) {
    let bytes = pattern.as_bytes();
    let (mut at, mut low) = (first, None);
    while at < bytes.len() && bytes[at] != b']' {
        let mut found = next(pattern, &mut at);
        if let Some(from) = low
            && found == '-'
            && bytes.get(at).is_some_and(|byte| *byte != b']')
        {
            at += usize::from(bytes[at] == b'\\');
            let to = next(pattern, &mut at);
            if (from..=to).contains(&letter) {
                return (true, at);
            }
            // What ends a range begins none.
            low = None;
            continue;
        }
        if found == '\\' {
            found = next(pattern, &mut at);
        }
        if found == letter {
            return (true, at);
        }
        low = Some(found);
    }
    (false, at)
}

/// The letter at a place, which moves behind it. Behind the end it is what Go decodes there, and nothing moves.
fn next(pattern: &str, at: &mut usize) -> char {
    let letter = pattern[*at..].chars().next();
    *at += letter.map_or(0, char::len_utf8);
    letter.unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_ranges_and_what_is_negated() {
        for (pattern, inside, outside) in [
            ("[abc]", "abc", "d-"),
            ("[a-c]", "abc", "d-"),
            ("[^a]", "bé", "a"),
            ("[!a-c]", "d", "abc"),
            ("[a-]", "a-", "b"),
            ("[-a]", "a-", "b"),
            ("[\\]]", "]", "\\"),
            ("[a-c-e]", "abc-e", "d"),
            ("[+-\\-]", "+,-", "."),
            ("[ä-ü]", "äöü", "a"),
        ] {
            for letter in inside.chars() {
                assert_eq!(class(pattern, 1, letter), Ok(Class::Holds(pattern.len())), "{pattern} {letter}");
            }
            for letter in outside.chars() {
                assert!(matches!(class(pattern, 1, letter), Ok(Class::Lacks(_))), "{pattern} {letter}");
            }
        }
    }

    #[test]
    fn a_class_that_is_empty_or_open_is_none() {
        for pattern in ["[", "[]", "[^", "[^]", "[b", "[a", "[a-\\"] {
            assert_eq!(class(pattern, 1, 'a'), Err(GlobError::Malformed), "{pattern}");
        }
    }
}
