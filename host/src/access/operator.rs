//! `Operator`: the person who answers for a token.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};

/// Longest name of a person, in bytes.
const MAX_OPERATOR_BYTES: usize = 128;
/// What may stand in one beside letters and digits: nothing that a journal puts around it.
const SIGNS: [char; 7] = [' ', '.', '-', '_', '\'', '@', '+'];

/// Who answers for a token: a name, or an address, that journals repeat. Nobody checks whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Operator(String);

impl Operator {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Operator {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let is_name = text.chars().all(|c| c.is_alphanumeric() || SIGNS.contains(&c));
        let names_somebody = text.contains(char::is_alphanumeric) && text.trim() == text;
        match is_name && names_somebody && text.len() <= MAX_OPERATOR_BYTES {
            true => Ok(Self(text.to_owned())),
            false => {
                let form = format!(
                    "letters, digits, spaces and `.-_'@+`, {MAX_OPERATOR_BYTES} bytes at most, as `Ada Lovelace`"
                );
                let found = shown(text, MAX_OPERATOR_BYTES);
                Err(Fault::new(Reason::Usage, format!("`{found}` is no name of an operator")).expected(form, found))
            }
        }
    }
}

impl TryFrom<String> for Operator {
    type Error = Fault;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Operator> for String {
    fn from(operator: Operator) -> Self {
        operator.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_who_and_nothing_beside_it() {
        for (length, is_name) in [(1, true), (MAX_OPERATOR_BYTES, true), (MAX_OPERATOR_BYTES + 1, false)] {
            assert_eq!("a".repeat(length).parse::<Operator>().is_ok(), is_name, "{length}");
        }
        for name in ["Ada Lovelace", "ada@example.com", "Jean-Luc d'Été", "理由"] {
            assert_eq!(name.parse::<Operator>().expect(name).as_str(), name);
        }
        for other in
            ["", " ", "-", " Ada", "Ada ", "a\tb", "a\nb", "a)b", "a, asked by root", "\"a\"", "a\u{202e}b", "`a`"]
        {
            assert_eq!(other.parse::<Operator>().expect_err(other).reason(), Reason::Usage);
        }
    }
}
