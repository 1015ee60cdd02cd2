//! `StatedReason`: the sentence that an exception costs, and that is kept beside it.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};
use crate::text::{first_hidden, without_hidden};

/// Longest reason: a sentence or two, not a document.
const MAX_REASON_BYTES: usize = 1024;

/// Why somebody makes an exception from a rule: one line that people can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedReason(String);

impl FromStr for StatedReason {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let refuse = |what: &str| {
            Err(Fault::new(Reason::Usage, format!("the reason {what}"))
                .hint("say in one line why it is right this time: `--reason \"TEXT\"`"))
        };
        if is_blank(text) {
            return refuse("is blank");
        }
        if text.len() > MAX_REASON_BYTES {
            return refuse(&format!("is longer than {MAX_REASON_BYTES} bytes"));
        }
        if first_hidden(text).is_some() {
            return refuse("holds a tab, a line break, or a character that does not print");
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether a text gives no reason: nothing in it can be read.
pub fn is_blank(text: &str) -> bool {
    !without_hidden(text).contains(char::is_alphanumeric)
}

impl StatedReason {
    /// The line.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StatedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_people_can_read() {
        for good in ["ticket 12", "Müller: \"code\" only, vendor's build \\ 2", " trimmed ", "理由", &"x".repeat(1024)]
        {
            assert_eq!(good.parse::<StatedReason>().expect(good).to_string(), good.trim());
        }
        let bad = ["", " ", "\u{200b}", "\u{3164}", "\u{2800}", "--", "a\tb", "a\nb", "a\rb", "a\u{85}b", "a\u{9b}b"];
        for bad in bad.into_iter().chain(["a\u{202e}b", "a\u{2028}b", "a\u{ad}b", "a\u{7f}b", "a\0b", "a\u{3164}b"]) {
            assert_eq!(bad.parse::<StatedReason>().expect_err(bad).reason(), Reason::Usage);
        }
        assert!("x".repeat(1025).parse::<StatedReason>().is_err());
    }
}
