//! `Predicate`: the document that is said of an artifact, as its maker wrote it.

use aisoc_manifests::fault::{Fault, Result};
use serde::Deserialize;
use serde_json::Value;

use super::refusal::invalid;
use super::unambiguous::Unambiguous;

/// Largest predicate: bills of materials of whole distributions have some, and a plugin's has a hundredth of it.
pub const MAX_PREDICATE_BYTES: u64 = 16 << 20;

/// One JSON object, which says the same to every reader.
#[derive(Debug)]
pub struct Predicate {
    name: String,
    text: String,
    members: Members,
}

/// The members by which documents say what they are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Members {
    pub(super) bom_format: Option<String>,
    pub(super) spdx_version: Option<String>,
    pub(super) context: Option<String>,
    pub(super) has_build_definition: bool,
    /// The type of a statement of in-toto.
    statement_type: Option<String>,
}

impl Predicate {
    /// Reads the content of the file of that name.
    ///
    /// # Errors
    /// `attestation_invalid` for what is larger than any, is no JSON, says one thing twice, is no object, or is a
    /// statement already.
    pub fn read(name: &str, content: &[u8]) -> Result<Self> {
        let refuse = |why: &str| invalid(format!("cannot be made of `{name}`: {why}"));
        if content.len() as u64 > MAX_PREDICATE_BYTES {
            return Err(refuse("it is larger than any predicate")
                .expected(format!("at most {MAX_PREDICATE_BYTES} bytes"), format!("{} bytes", content.len())));
        }
        let text = std::str::from_utf8(content).map_err(|error| refuse("it is no UTF-8").caused_by(error))?;
        let no_json = |error| refuse("it is no JSON that every reader reads alike").caused_by(error);
        serde_json::from_str::<Unambiguous>(text).map_err(no_json)?;
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if !text.starts_with('{') {
            return Err(refuse("it is no object").expected("one JSON object", "another value"));
        }
        let members = Members::read(text).map_err(no_json)?;
        match members.statement_type {
            None => Ok(Self { name: name.to_owned(), text: text.to_owned(), members }),
            Some(_) => Err(statement(name)),
        }
    }

    /// What the file is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document, byte by byte, without the blanks around it.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }
}

impl Members {
    fn read(text: &str) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Written {
            bom_format: Option<Word>,
            spdx_version: Option<Word>,
            #[serde(rename = "@context")]
            context: Option<Word>,
            build_definition: Option<serde::de::IgnoredAny>,
            #[serde(rename = "_type")]
            statement_type: Option<Word>,
        }
        let written: Written = serde_json::from_str(text)?;
        let word = |word: Option<Word>| word.map(|Word(word)| word);
        Ok(Self {
            bom_format: word(written.bom_format),
            spdx_version: word(written.spdx_version),
            context: word(written.context),
            has_build_definition: written.build_definition.is_some(),
            statement_type: word(written.statement_type).filter(|text| text.contains("in-toto")),
        })
    }
}

/// A text; of what is none, that it is none.
struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| match value {
            Value::String(text) => Self(text),
            _ => Self("no text".to_owned()),
        })
    }
}

/// As other tools write them, whole: signed again it would be a statement about a statement.
fn statement(name: &str) -> Fault {
    invalid(format!("cannot be made of `{name}`: it is a statement of in-toto already"))
        .expected("the predicate alone", "a statement, with a subject of its own")
        .hint("take its member `predicate` out into a file, for example with `jq .predicate`, and name that file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::fault::Reason;

    #[test]
    fn a_predicate_is_kept_as_it_was_written() {
        let written = "\n {\"b\": 1.50, \"a\":123456789012345678901234567890,\n\"c\":\"\\u00e9\"} \r\n";
        let predicate = Predicate::read("x", written.as_bytes()).expect("an object");
        assert_eq!(predicate.text(), written.trim());
    }

    #[test]
    fn what_is_no_object_that_says_one_thing_is_no_predicate() {
        for bad in [
            &b"[]"[..],
            b"\"x\"",
            b"{\"a\":1,\"a\":2}",
            b"{\"a\":{\"b\":1,\"b\":1}}",
            b"{} {}",
            b"",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"_type\":\"https://in-toto.io/Statement/v1\"}",
            b"{\"_type\":\"https://in-toto.io/Statement/v0.1\"}",
        ] {
            assert_eq!(Predicate::read("x", bad).expect_err("no predicate").reason(), Reason::AttestationInvalid);
        }
        assert!(Predicate::read("x", b"{\"_type\":\"mine\"}").is_ok());
    }

    #[test]
    fn a_predicate_has_an_end() {
        let largest = usize::try_from(MAX_PREDICATE_BYTES).expect("small");
        let of = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
        for bytes in [largest - 1, largest] {
            assert!(Predicate::read("x", of(bytes).as_bytes()).is_ok());
        }
        let fault = Predicate::read("x", of(largest + 1).as_bytes()).expect_err("one byte more");
        assert_eq!((fault.reason(), of(largest).len()), (Reason::AttestationInvalid, largest));
    }
}
