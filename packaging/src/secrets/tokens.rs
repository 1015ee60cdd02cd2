//! Reading around a fixed string: the runs of characters of which keys and tokens are made.

/// Fewer different characters than this is a placeholder: `AAAA…`, `xxxx-xxxx`.
const MIN_VARIETY: usize = 10;

pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// As in PEM, where `-` ends the body.
pub(super) fn is_pem_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Where the run of such bytes ends that begins at `from`.
pub(super) fn run(bytes: &[u8], from: usize, is_in: impl Fn(u8) -> bool) -> usize {
    from + bytes[from.min(bytes.len())..].iter().take_while(|byte| is_in(**byte)).count()
}

/// Where the run of such bytes begins that ends before `to`.
pub(super) fn run_back(bytes: &[u8], to: usize, is_in: impl Fn(u8) -> bool) -> usize {
    to - bytes[..to].iter().rev().take_while(|byte| is_in(**byte)).count()
}

/// Whether somebody's random bytes are behind it, and not a placeholder.
pub(super) fn is_varied(bytes: &[u8]) -> bool {
    let mut seen = [false; 256];
    bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
    seen.iter().filter(|seen| **seen).count() >= MIN_VARIETY
}

/// What may stand between the lines of a key: blanks, line ends as they are and as escapes, and what a
/// program, a document or a data file puts around each line.
pub(super) fn skip_separators(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        let next = match bytes.get(at) {
            Some(
                b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b',' | b';' | b'(' | b')' | b'#' | b'*' | b'>',
            ) => 1,
            Some(b'[' | b']' | b'{' | b'}' | b'|' | b'.' | b'&') => 1,
            Some(b'\\') => 1 + usize::from(matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't' | b'\\'))),
            // A line joined to the next, or a comment's beginning: never as long as a line of a key.
            Some(b'+' | b'/') => {
                let signs = run(bytes, at, |byte| matches!(byte, b'+' | b'/')) - at;
                if signs <= 3 && bytes.get(at + signs).is_none_or(|byte| !is_pem_body(*byte)) { signs } else { 0 }
            }
            _ => 0,
        };
        if next == 0 {
            return at;
        }
        at += next;
    }
}

/// The first place of `needle` in `bytes[from..to]`.
pub(super) fn find(bytes: &[u8], needle: &[u8], from: usize, to: usize) -> Option<usize> {
    let to = to.min(bytes.len());
    memchr::memmem::find(bytes.get(from..to)?, needle).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_different_characters_are_no_placeholder() {
        assert!(!is_varied(b"abcdefghi"));
        assert!(!is_varied(&b"abcdefghi".repeat(10)));
        assert!(is_varied(b"abcdefghij"));
    }

    #[test]
    fn a_line_is_joined_by_few_signs_and_a_key_has_many() {
        for (between, length) in [
            ("", 0),
            (" \r\n\t\"'", 6),
            ("\\n\\r\\t\\\\", 8),
            ("\\x", 1),
            ("+ ", 2),
            ("/// ", 4),
            ("//// ", 0),
            ("+++A", 0),
            ("///", 3),
            ("-", 0),
        ] {
            assert_eq!(skip_separators(between.as_bytes(), 0), length, "{between:?}");
        }
    }
}
