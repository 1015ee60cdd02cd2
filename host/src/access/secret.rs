//! `Token`: what an operator's program shows a host, once in plain text and never again.

use std::fmt;

use aisoc_manifests::digest::{TokenDigest, hex};
use aisoc_manifests::fault::{Fault, Reason, Result};
use zeroize::Zeroizing;

/// Begins every token, so that people and searches for secrets know one when they see it.
const PREFIX: &str = "aisoc_";
/// As much as nobody guesses.
const RANDOM_BYTES: usize = 24;

/// A token. It is forgotten when it is dropped, and shown by [`Token::text`] alone.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one.
    ///
    /// # Errors
    /// `io_error` where the system has no randomness.
    pub fn generate() -> Result<Self> {
        let mut random = Zeroizing::new([0; RANDOM_BYTES]);
        getrandom::fill(random.as_mut_slice()).map_err(|error| {
            Fault::new(Reason::IoError, "the system gives no randomness for a token").caused_by(error)
        })?;
        let digits = Zeroizing::new(hex(random.as_slice()));
        Ok(Self(Zeroizing::new(format!("{PREFIX}{}", digits.as_str()))))
    }

    /// The text, for whoever has asked for a token.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        digest(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What would be kept of what somebody shows, if it has the form of a token.
pub(super) fn digest_of(shown: &[u8]) -> Option<TokenDigest> {
    let text = std::str::from_utf8(shown).ok()?;
    let digits = text.strip_prefix(PREFIX)?;
    let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && digits.len() == 2 * RANDOM_BYTES).then(|| digest(text))
}

fn digest(text: &str) -> TokenDigest {
    TokenDigest::of(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_known_by_their_form() {
        let [one, other] = [(); 2].map(|()| Token::generate().expect("random"));
        assert_ne!(one.text(), other.text());
        let (prefix, digits) = one.text().split_at(6);
        assert_eq!((prefix, digits.len()), ("aisoc_", 48));
        assert_eq!(digest_of(one.text().as_bytes()), Some(one.digest()));
        assert_ne!(one.digest(), other.digest());
        assert_eq!(format!("{one:?}"), "Token(…)");
    }

    #[test]
    fn what_has_another_form_is_none() {
        let token = Token::generate().expect("random");
        let text = token.text();
        for other in [
            String::new(),
            text[..53].to_owned(),
            format!("{text}0"),
            format!("{text} "),
            text.to_uppercase(),
            text.replace("aisoc_", "aisoc-"),
            text.replace("aisoc_", ""),
            format!("{}g", &text[..53]),
            format!("aisoc_{}", "x".repeat(1 << 20)),
        ] {
            assert_eq!(digest_of(other.as_bytes()), None, "{}", &other[..other.len().min(60)]);
        }
        assert_eq!(digest_of(b"aisoc_\xff"), None);
    }
}
