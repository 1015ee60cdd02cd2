//! The text of a pattern: where its braces end, and whether it is well formed.

use super::letters::Letters;

/// Whether classes and braces are closed, no class is empty, and no `\` or `}` stands alone.
pub(super) fn is_well_formed(pattern: &str) -> bool {
    let (bytes, mut at, mut depth) = (pattern.as_bytes(), 0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'\\' if at == bytes.len() => return false,
            b'\\' => at += 1,
            b'[' => match end_of_class(bytes, at) {
                Some(end) => at = end,
                None => return false,
            },
            b'{' => depth += 1,
            b'}' if depth == 0 => return false,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    depth == 0
}

/// Behind the `]` of the class whose `[` stands before `at`; nothing if there is none, or nothing in the class.
fn end_of_class(bytes: &[u8], at: usize) -> Option<usize> {
    let start = at + usize::from(matches!(bytes.get(at), Some(b'^' | b'!')));
    match bytes.get(start) {
        None | Some(b']') => None,
        Some(_) => unescaped(bytes, start, b']').map(|end| end + 1),
    }
}

/// Where a byte stands first with no `\` before it.
pub(super) fn unescaped(bytes: &[u8], start: usize, wanted: u8) -> Option<usize> {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            byte if *byte == wanted => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The alternatives of a brace, each as its bounds, and the place behind the brace; nothing if it is not closed.
///
/// Classes are not looked at: in doublestar, too, a brace in a class counts once it stands in a brace.
pub(super) fn brace(pattern: &str, opening: usize) -> Option<(Vec<(usize, usize)>, usize)> {
    let (bytes, mut at, mut depth) = (pattern.as_bytes(), opening + 1, 1);
    let (mut found, mut start) = (Vec::new(), at);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'{' => depth += 1,
            b',' if depth == 1 => {
                found.push((start, at));
                start = at + 1;
            }
            b'}' if depth == 1 => {
                found.push((start, at));
                return Some((found, at + 1));
            }
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// How many patterns without braces a pattern stands for, at most.
pub(super) fn alternatives(pattern: &str) -> usize {
    let (bytes, mut at, mut open, mut total) = (pattern.as_bytes(), 0, Vec::new(), 1_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'{' => open.push(1_usize),
            b',' => open.last_mut().into_iter().for_each(|count| *count += 1),
            b'}' => total = total.saturating_mul(open.pop().unwrap_or(1)),
            _ => {}
        }
        at += 1;
    }
    total
}

/// How many bytes a path has in common with every pattern that begins like this one, or it does not match.
pub(super) fn literal_beginning(pattern: &str) -> usize {
    let is_special = |byte: &u8| matches!(byte, b'*' | b'?' | b'[' | b'{' | b'}' | b'\\');
    let end = pattern.bytes().position(|byte| is_special(&byte)).unwrap_or(pattern.len());
    // `docs/**` names `docs` as well.
    let is_crossing = end < pattern.len() && pattern.as_bytes()[..end].ends_with(b"/");
    end - usize::from(is_crossing)
}

/// How many bytes a path has in common at its end with every pattern that ends like this one, or it does not match.
pub(super) fn literal_ending(pattern: &str) -> usize {
    // Behind a class a path may lead to a fault, which would go unnoticed.
    if pattern.contains('[') {
        return 0;
    }
    let is_special = |byte: u8| matches!(byte, b'*' | b'?' | b'{' | b'}' | b'\\');
    let start = pattern.bytes().rposition(is_special).map_or(0, |at| at + 1);
    // `**/show` names `show` as well.
    pattern[start..].trim_start_matches('/').len()
}

/// What stands in every path that matches a pattern which is well formed, and in every path that leads to a fault of it.
///
/// Each letter outside of braces is matched once, but for `/`, which a `**` beside it makes up for. What stands behind the
/// first class says nothing: a path may lead to a fault there without it.
pub(super) fn required_letters(pattern: &str) -> Letters {
    let (bytes, mut at, mut depth, mut letters) = (pattern.as_bytes(), 0, 0_usize, Letters::default());
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'[' => break,
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b'\\' => {
                at += 1;
                if let Some(escaped) = bytes.get(at).filter(|escaped| depth == 0 && **escaped != b'/') {
                    letters = letters.with(*escaped);
                }
            }
            b'*' | b'?' | b'/' => {}
            byte if depth == 0 => letters = letters.with(*byte),
            _ => {}
        }
        at += 1;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_well_formed() {
        for pattern in ["a", "[a]", "[^a]", "[!]]x", "{a,b}", "{a,{b}}", "\\[", "[\\]]", "[a-]", "{}"] {
            assert_eq!(is_well_formed(pattern), pattern != "[!]]x", "{pattern}");
        }
        for pattern in ["[", "[]", "[^]", "[^", "[a", "[]a]", "{", "}", "a}", "\\", "{a", "[\\]"] {
            assert!(!is_well_formed(pattern), "{pattern}");
        }
    }

    #[test]
    fn braces_are_told_apart_where_they_nest() {
        let parts = |pattern: &'static str| {
            let (parts, end) = brace(pattern, 0)?;
            Some((parts.into_iter().map(|(from, to)| &pattern[from..to]).collect::<Vec<_>>(), &pattern[end..]))
        };
        assert_eq!(parts("{a,{b,c},d}e"), Some((vec!["a", "{b,c}", "d"], "e")));
        assert_eq!(parts("{}"), Some((vec![""], "")));
        assert_eq!(parts("{a\\,b,c\\}}"), Some((vec!["a\\,b", "c\\}"], "")));
        assert_eq!(parts("{a,b"), None);
        assert_eq!(parts("{a\\}"), None);
    }

    #[test]
    fn alternatives_multiply() {
        let counts = ["a", "{a}", "{a,b}", "{a,b}{c,d,e}", "\\{a,b}", "a,b"].map(alternatives);
        assert_eq!(counts, [1, 1, 2, 6, 1, 1]);
        assert!(alternatives("{a,{b,c}}") >= 3);
    }
}
