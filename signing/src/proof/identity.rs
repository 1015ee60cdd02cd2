//! `Identity`: whose certificate counts, and who has to vouch for it.

use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::in_ascii;
use regex::{Regex, RegexBuilder};

/// The longest name or pattern. Names of workflows are of some 200 bytes; what is longer only costs.
pub const MAX_IDENTITY_BYTES: usize = 4096;
/// How much memory a pattern may compile to: `(a{1000}){1000}` is refused when it is read.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// What a name has to be.
#[derive(Debug, Clone)]
pub enum Constraint {
    /// This one, byte by byte.
    Exact(String),
    /// Whatever the pattern matches, from its first to its last character.
    Pattern(Pattern),
}

/// A regular expression that says where a name begins and ends. Matching takes time in proportion to the name, whatever
/// the pattern is.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: String,
    compiled: Regex,
}

impl Constraint {
    /// The name itself.
    ///
    /// # Errors
    /// `usage` for an empty one and for one that is longer than any.
    pub fn exact(name: &str) -> Result<Self> {
        bounded(name)?;
        Ok(Self::Exact(name.to_owned()))
    }

    /// A pattern that begins with `^` and ends with `$`. What is not anchored matches `https://evil.example/?of=` and
    /// whatever is wanted behind it.
    ///
    /// # Errors
    /// `usage` for one that has no anchors, that is no regular expression, or that is larger than any.
    pub fn pattern(written: &str) -> Result<Self> {
        bounded(written)?;
        let inner = written.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
        let Some(inner) = inner.filter(|inner| !ends_in_escape(inner)) else {
            return Err(Fault::new(
                Reason::Usage,
                "the pattern of an identity does not say where a name begins and ends",
            )
            .expected("`^…$`", format!("`{}`", in_ascii(written)))
            .hint("write the whole name: `^` before the pattern and `$` behind it"));
        };
        // In a group of its own: of `^a|b$` each half would have one anchor.
        let compiled = RegexBuilder::new(&format!(r"\A(?:{inner})\z")).size_limit(MAX_PATTERN_BYTES).build();
        let compiled = compiled.map_err(|error| {
            Fault::new(Reason::Usage, format!("`{}` is no pattern for an identity", in_ascii(written))).caused_by(error)
        })?;
        Ok(Self::Pattern(Pattern { written: written.to_owned(), compiled }))
    }

    /// Whether it is such a name.
    pub fn allows(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == name,
            Self::Pattern(pattern) => pattern.compiled.is_match(name),
        }
    }
}

/// Whether the `$` behind it is a dollar and no anchor.
fn ends_in_escape(inner: &str) -> bool {
    inner.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn bounded(written: &str) -> Result<()> {
    match written.len() {
        1..=MAX_IDENTITY_BYTES => Ok(()),
        length => Err(Fault::new(Reason::Usage, "an identity cannot be that")
            .expected(format!("1 to {MAX_IDENTITY_BYTES} bytes"), format!("{length} bytes"))),
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(formatter, "`{}`", in_ascii(name)),
            Self::Pattern(pattern) => write!(formatter, "what `{}` matches", in_ascii(&pattern.written)),
        }
    }
}

/// Whose certificate counts: the name that stands in it, and who has vouched for that name.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The subject: an address or the URI of a workflow.
    pub name: Constraint,
    /// The issuer of the token by which it was shown.
    pub issuer: Constraint,
}

impl Identity {
    /// Whether that is somebody of that name, by the word of that issuer.
    pub fn is(&self, name: &str, issuer: &str) -> bool {
        self.name.allows(name) && self.issuer.allows(issuer)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} by {}", self.name, self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_the_whole_name() {
        let pattern = Constraint::pattern("^https://a/(b|c)$").expect("a pattern");
        assert!(pattern.allows("https://a/b") && pattern.allows("https://a/c"));
        for other in ["https://a/bc", "xhttps://a/b", "https://a/b\n", "HTTPS://a/b", ""] {
            assert!(!pattern.allows(other), "{other}");
        }
        let halves = Constraint::pattern("^a|b$").expect("a pattern");
        assert!(halves.allows("a") && halves.allows("b") && !halves.allows("ax") && !halves.allows("xb"));
        // A `$` that is a dollar.
        assert!(Constraint::pattern(r"^a\\$").expect("a pattern").allows(r"a\"));
    }

    #[test]
    fn what_has_no_anchors_or_is_too_much_is_refused() {
        for wrong in ["a", "^a", "a$", r"^a\$", "^(a$", "^((a{1000}){1000}){9}$", "", "^"] {
            assert_eq!(Constraint::pattern(wrong).expect_err(wrong).reason(), Reason::Usage, "{wrong}");
        }
        assert!(Constraint::exact(&"a".repeat(MAX_IDENTITY_BYTES)).is_ok());
        assert!(Constraint::exact(&"a".repeat(MAX_IDENTITY_BYTES + 1)).is_err());
        assert!(Constraint::exact("").is_err());
    }

    #[test]
    fn an_exact_name_is_that_name_and_two_that_look_alike_are_shown_as_two() {
        let exact = Constraint::exact("alice@example.com").expect("a name");
        assert!(exact.allows("alice@example.com"));
        for other in ["Alice@example.com", "alice@example.com ", "\u{430}lice@example.com", "alice@example.comm"] {
            assert!(!exact.allows(other), "{other}");
        }
        assert_eq!(in_ascii("\u{430}lice"), "\\u{430}lice");
    }

    #[test]
    fn a_pattern_that_others_go_back_on_takes_time_by_the_length_of_the_name() {
        let pattern = Constraint::pattern("^(a+)+b$").expect("a pattern");
        assert!(!pattern.allows(&"a".repeat(200_000)));
    }
}
