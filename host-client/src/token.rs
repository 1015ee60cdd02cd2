//! `Token`: what is shown to a host.

use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use zeroize::Zeroizing;

/// Nothing that is shown to a host is longer.
pub const MAX_TOKEN_BYTES: usize = 8 << 10;

/// What is shown to a host. No message and no `Debug` has it.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token in what a file or a variable holds: one line of what may stand in a header (RFC 6750, 2.1), with the
    /// line break that tools leave behind it, or without.
    ///
    /// # Errors
    /// `not_authenticated` when it is none.
    pub fn read(bytes: &[u8], given_by: &str) -> Result<Self> {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let line = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
        let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        match !line.is_empty() && line.len() <= MAX_TOKEN_BYTES && line.bytes().all(is_in_token) {
            true => Ok(Self(Zeroizing::new(line.to_owned()))),
            false => Err(Fault::new(Reason::NotAuthenticated, format!("{given_by} holds no token"))
                .hint("give what `aisoc token create` has printed, and nothing else")),
        }
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_of_what_a_header_takes() {
        let longest = "x".repeat(MAX_TOKEN_BYTES);
        for text in ["aisoc_0a", "aisoc_0a\n", "aisoc_0a\r\n", "a.b-c_d~e+f/g==", &longest] {
            assert_eq!(Token::read(text.as_bytes(), "x").expect("a token").reveal(), text.trim_end());
        }
        let too_long = "x".repeat(MAX_TOKEN_BYTES + 1);
        for text in ["", "\n", "a\n\n", "a b", "a\nb", "a\r", "ä", "a\0", &too_long] {
            let fault = Token::read(text.as_bytes(), "`f`").expect_err(text);
            assert_eq!((fault.reason(), fault.message()), (Reason::NotAuthenticated, "`f` holds no token"));
        }
        assert!(Token::read(b"\xff", "x").is_err());
    }

    #[test]
    fn nobody_sees_it() {
        assert_eq!(format!("{:?}", Token::read(b"hunter2", "x").expect("a token")), "[token]");
    }
}
