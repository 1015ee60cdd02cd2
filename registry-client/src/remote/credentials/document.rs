//! `Document`: a file of logins as it is changed: one entry comes or goes, and everything else stays as it was, in its
//! order and to the letter. The file is its user's and that of every tool that keeps something there.

use std::collections::BTreeSet;
use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What Docker's logins stand below.
const AUTHS: &str = "auths";

/// The members of an object in their order, each value as it is written.
#[derive(Default)]
struct Members(Vec<(String, Box<RawValue>)>);

/// A file of logins. Has no `Debug`: nearly every text in it is a secret.
#[derive(Default)]
pub(super) struct Document(Members);

impl Document {
    /// An empty file is one before a first login.
    ///
    /// # Errors
    /// `registry_denied` for everything else that is no such document, and for one in which a name stands twice, of which
    /// two readers would take another one each. The text is not quoted.
    pub(super) fn read(content: &[u8]) -> Result<Self> {
        if content.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let document: Option<Members> = serde_json::from_slice(content).map_err(|error| unreadable(&error))?;
        let document = Self(document.unwrap_or_default());
        // Asked before anything is changed.
        document.auths()?;
        Ok(document)
    }

    /// The same with that entry, in the place of one under the same key.
    ///
    /// # Errors
    /// As [`Document::read`]; `internal` for a key or an entry that makes no JSON.
    pub(super) fn with_entry(self, key: &str, auth: &str) -> Result<Self> {
        let entry = object(&[("auth".to_owned(), raw(quoted(auth)?)?)], 2)?;
        let mut auths = self.auths()?;
        auths.set(key, raw(entry)?);
        self.with_auths(&auths)
    }

    /// The same without the entry of that key; nothing where there is none.
    ///
    /// # Errors
    /// As [`Document::read`].
    pub(super) fn without_entry(self, key: &str) -> Result<Option<Self>> {
        let mut auths = self.auths()?;
        let known = auths.0.len();
        auths.0.retain(|(other, _)| other != key);
        if auths.0.len() == known {
            return Ok(None);
        }
        self.with_auths(&auths).map(Some)
    }

    /// As it is to be written, indented as Docker does it.
    ///
    /// # Errors
    /// `internal` for what makes no JSON.
    pub(super) fn text(&self) -> Result<String> {
        object(&self.0.0, 0).map(|text| text + "\n")
    }

    fn auths(&self) -> Result<Members> {
        let auths = self.0.0.iter().find(|(name, _)| name == AUTHS);
        let auths = auths.map(|(_, auths)| serde_json::from_str::<Option<Members>>(auths.get())).transpose();
        Ok(auths.map_err(|error| unreadable(&error))?.flatten().unwrap_or_default())
    }

    fn with_auths(mut self, auths: &Members) -> Result<Self> {
        self.0.set(AUTHS, raw(object(&auths.0, 1)?)?);
        Ok(self)
    }
}

impl Members {
    fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Members, A::Error> {
                let (mut members, mut names) = (Vec::new(), BTreeSet::new());
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !names.insert(name.clone()) {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// An object whose members stand that deep.
fn object(members: &[(String, Box<RawValue>)], depth: usize) -> Result<String> {
    let (inside, outside) = ("\t".repeat(depth + 1), "\t".repeat(depth));
    let line = |(name, value): &(String, Box<RawValue>)| Ok(format!("{inside}{}: {}", quoted(name)?, value.get()));
    let lines: Vec<String> = members.iter().map(line).collect::<Result<_>>()?;
    match lines.is_empty() {
        true => Ok("{}".to_owned()),
        false => Ok(format!("{{\n{}\n{outside}}}", lines.join(",\n"))),
    }
}

fn quoted(text: &str) -> Result<String> {
    serde_json::to_string(text).map_err(|_| no_json())
}

fn raw(text: String) -> Result<Box<RawValue>> {
    RawValue::from_string(text).map_err(|_| no_json())
}

/// Without its cause, which may quote what it stumbled over.
fn no_json() -> Fault {
    Fault::new(Reason::Internal, "a file of logins cannot be written as JSON")
}

/// The reader's own words may quote what it stumbled over.
fn unreadable(error: &serde_json::Error) -> Fault {
    let why = match error.to_string().starts_with("a name stands twice") {
        true => "a name stands twice in one object",
        false => "not an object of objects",
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    Fault::new(Reason::RegistryDenied, format!("no configuration of logins: {why}, at {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(content: &str, key: &str) -> String {
        Document::read(content.as_bytes()).and_then(|document| document.with_entry(key, "dTpw")?.text()).expect(content)
    }

    fn forgotten(content: &str, key: &str) -> Option<String> {
        let document = Document::read(content.as_bytes()).and_then(|document| document.without_entry(key));
        document.expect(content).map(|document| document.text().expect(content))
    }

    #[test]
    fn an_entry_comes_and_goes_and_everything_else_stays_to_the_letter() {
        let first = "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}\n";
        for content in ["", " \n", "null", "{}", r#"{"auths":null}"#, r#"{"auths":{}}"#] {
            assert_eq!(kept(content, "ghcr.io"), first, "{content:?}");
        }
        assert_eq!(kept(first, "ghcr.io"), first, "the same again");
        assert_eq!(forgotten(first, "ghcr.io").as_deref(), Some("{\n\t\"auths\": {}\n}\n"));
        assert_eq!(forgotten(first, "quay.io"), None);
        assert_eq!(forgotten("", "quay.io"), None);
        // An order that is no alphabet's, numbers that no float holds, escapes, and what nobody knows.
        let own = r#"{"z":1.00000000000000000001,"credHelpers":{"b":"x","a":"y"},"auths":{"quay.io":{"email": "\u0061","auth":"eDp5"},"a":7},"psFormat":"{{.ID}}","a":[1,  2]}"#;
        let both = kept(own, "ghcr.io");
        let pieces = [
            "\t\"z\": 1.00000000000000000001,\n\t\"credHelpers\": {\"b\":\"x\",\"a\":\"y\"},\n\t\"auths\": {\n",
            "\t\t\"quay.io\": {\"email\": \"\\u0061\",\"auth\":\"eDp5\"},\n\t\t\"a\": 7,\n\t\t\"ghcr.io\": {",
            "\t\"psFormat\": \"{{.ID}}\",\n\t\"a\": [1,  2]\n}\n",
        ];
        for piece in pieces {
            assert!(both.contains(piece), "{piece} is not in {both}");
        }
        let left = forgotten(&both, "ghcr.io").expect("it was there");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&left), value(own));
        assert!(!kept(&both, "quay.io").contains("eDp5"), "a login takes the place of the one before it");
    }

    #[test]
    fn a_file_that_two_readers_would_read_differently_is_not_changed_and_not_quoted() {
        for content in [
            r#"{"auths":{},"hunter2":1,"auths":{}}"#,
            r#"{"auths":{"ghcr.io":{},"ghcr.io":{"auth":"hunter2"}}}"#,
            "hunter2",
            r#"["hunter2"]"#,
            r#"{"auths":["hunter2"]}"#,
            r#"{"auths":"hunter2"}"#,
            r#"{"auths":{}} hunter2"#,
            "{",
        ] {
            let fault = Document::read(content.as_bytes()).err().unwrap_or_else(|| panic!("{content} was read"));
            assert_eq!(fault.reason(), Reason::RegistryDenied);
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
        let twice = Document::read(br#"{"a":1,"a":2}"#).err().expect("refused");
        assert!(twice.message().contains("a name stands twice"), "{twice}");
    }
}
