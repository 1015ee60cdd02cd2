//! JSON whose integers are kept as they are, and which takes no more memory than its text leads one to expect: looked at before
//! it is read. A reader would make the nearest number of an integer that it cannot hold, without a word.

use std::fmt;

/// Most values of one text: elements, members, and the whole. In memory each may take a hundred times what it takes in a text.
pub const MAX_VALUES: usize = 50_000;

/// Why a text is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotExact {
    /// An integer in it has more than 64 bits.
    Integer,
    /// It has more values than one text may.
    Values,
}

impl fmt::Display for NotExact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("an integer in it has more than 64 bits: what is larger is to be a text"),
            Self::Values => write!(f, "it has more than {MAX_VALUES} values"),
        }
    }
}

impl std::error::Error for NotExact {}

/// Refuses what cannot be kept as it is, and gives how many values it has. Whether it is JSON at all, its reader says.
///
/// # Errors
/// As [`NotExact`] has them.
pub fn require_exact(text: &[u8]) -> Result<usize, NotExact> {
    let (mut values, mut at) = (1, 0);
    while let Some(byte) = text.get(at) {
        let rest = &text[at..];
        at += match byte {
            b'"' => length_of_string(rest),
            b'-' | b'0'..=b'9' => length_of_number(rest)?,
            byte => {
                let is_one_more = match byte {
                    b',' => true,
                    // The first that is in it, where there is one.
                    b'[' | b'{' => !matches!(rest[1..].trim_ascii_start().first(), Some(b']' | b'}')),
                    _ => false,
                };
                values += usize::from(is_one_more);
                1
            }
        };
        if values > MAX_VALUES {
            return Err(NotExact::Values);
        }
    }
    Ok(values)
}

/// With both of its quotes; all that is left of one without an end.
fn length_of_string(text: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

fn length_of_number(text: &[u8]) -> Result<usize, NotExact> {
    let is_in_it = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let length = text.iter().position(|byte| !is_in_it(byte)).unwrap_or(text.len());
    let number = &text[..length];
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    let fits = |text: &str| text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok();
    let is_integer = digits.iter().all(u8::is_ascii_digit);
    match is_integer && !str::from_utf8(number).is_ok_and(fits) && !digits.is_empty() {
        true => Err(NotExact::Integer),
        false => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_is_kept_or_refused() {
        for kept in [
            "9223372036854775807",
            "18446744073709551615",
            "-9223372036854775808",
            "18446744073709551616.0",
            "1.8446744073709552e+19",
            "1e30",
            "-0",
            "\"18446744073709551616\"",
            "{\"18446744073709551616\": 1}",
            "\"a\\\\\"",
            "\"a\\\"18446744073709551616\"",
            "-",
            "\"18446744073709551616",
            "",
        ] {
            assert_eq!(require_exact(kept.as_bytes()).err(), None, "{kept}");
            assert_eq!(require_exact(format!("[{kept}").as_bytes()).err(), None, "{kept}");
        }
        for other in ["18446744073709551616", "-9223372036854775809", "100000000000000000000000000000000000000000"] {
            for text in [
                other.to_owned(),
                format!("[{other}]"),
                format!("{{\"a\": {{\"b\":{other}}}}}"),
                format!("[\"a\\\"\",{other},1]"),
            ] {
                assert_eq!(require_exact(text.as_bytes()), Err(NotExact::Integer), "{text}");
            }
        }
    }

    #[test]
    fn a_text_has_so_many_values() {
        let list = |of: &str, most: usize| format!("[{}]", vec![of; most].join(","));
        for (of, each) in [("0", 1), ("[]", 1), ("{ }", 1), ("{\"\":0}", 2), ("[[]]", 2), ("\",[{\"", 1)] {
            // The list is one of them.
            let most = (MAX_VALUES - 1) / each;
            assert_eq!(require_exact(list(of, most - 1).as_bytes()), Ok(1 + (most - 1) * each), "{of}");
            assert_eq!(require_exact(list(of, most).as_bytes()), Ok(1 + most * each), "{of}");
            assert_eq!(require_exact(list(of, most + 1).as_bytes()), Err(NotExact::Values), "{of}");
        }
    }
}
