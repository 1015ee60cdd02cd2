//! The format of Docker's `config.json`, which podman's `auth.json` has too: what of it is about logins.
//!
//! Read member by member: what stands there for another registry, or for another program, may be anything.
//! Sources: Docker's command-line reference (`config.json`), containers-auth.json(5).

use aisoc_manifests::fault::{Fault, Reason, Result};
use serde_json::{Map, Value};

use super::place::Place;

/// A configuration. Has no `Debug`: nearly every text in it is a secret.
#[derive(Default)]
pub(super) struct Config {
    auths: Map<String, Value>,
    helpers: Map<String, Value>,
    store: String,
}

/// Who keeps the credentials of a registry beside the entries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Keeper<'a> {
    /// `credHelpers` has the registry: this program has the first word.
    Helper(&'a str),
    /// `credsStore`: this program keeps what has no entry of its own.
    Store(&'a str),
    /// Nobody.
    Entries,
}

impl Config {
    /// What there is before a first login, an empty file or blanks, is no configuration, and no trouble.
    ///
    /// # Errors
    /// `registry_denied` for everything else that is no such document. The text is not quoted.
    pub(super) fn read(content: &[u8]) -> Result<Self> {
        if content.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let refuse = |why: &str| Fault::new(Reason::RegistryDenied, format!("no configuration of logins: {why}"));
        // The reader's own words may quote what it stumbled over.
        let place = |error: serde_json::Error| format!("line {}, column {}", error.line(), error.column());
        let document: Option<Map<String, Value>> = serde_json::from_slice(content)
            .map_err(|error| refuse(&format!("not a JSON object from {} on", place(error))))?;
        let mut document = document.unwrap_or_default();
        let mut table = |name: &str| match document.remove(name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(table)) => Ok(table),
            Some(_) => Err(refuse(&format!("`{name}` is not an object"))),
        };
        let (auths, helpers) = (table("auths")?, table("credHelpers")?);
        let store = match document.remove("credsStore") {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(store)) => store,
            Some(_) => return Err(refuse("`credsStore` is not a text")),
        };
        Ok(Self { auths, helpers, store })
    }

    /// Whether nothing in it is about logins.
    pub(super) fn is_empty(&self) -> bool {
        self.auths.is_empty() && self.helpers.is_empty() && self.store.is_empty()
    }

    /// The entries for that place with their keys, the one that fits best first.
    pub(super) fn entries(&self, place: &Place) -> Vec<(&str, &Value)> {
        let fit = |(key, entry)| Some((place.fit(key)?, (key, entry)));
        let mut fitting: Vec<_> = self.auths.iter().map(|(key, entry)| (key.as_str(), entry)).filter_map(fit).collect();
        fitting.sort_by(|(one, _), (other, _)| one.cmp(other));
        fitting.into_iter().map(|(_, found)| found).collect()
    }

    /// Helpers are for a registry and never for a namespace of it, as Docker and podman have it.
    ///
    /// # Errors
    /// `registry_denied` when the helper's name is no text.
    pub(super) fn keeper(&self, place: &Place) -> Result<Keeper<'_>> {
        let fitting = self.helpers.iter().filter_map(|(key, name)| Some((place.fit(key)?, name)));
        let best = fitting.filter(|(fit, _)| fit.is_whole()).min_by(|(one, _), (other, _)| one.cmp(other));
        match best.map(|(_, name)| name.as_str()) {
            // Docker's way to keep one registry out of the store.
            Some(Some("")) => Ok(Keeper::Entries),
            Some(Some(name)) => Ok(Keeper::Helper(name)),
            Some(None) => Err(Fault::new(Reason::RegistryDenied, "the name of its credential helper is not a text")),
            None if self.store.is_empty() => Ok(Keeper::Entries),
            None => Ok(Keeper::Store(&self.store)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::tests::place;
    use super::*;

    fn keeper(text: &str) -> String {
        let config = Config::read(text.as_bytes()).expect(text);
        format!("{:?}", config.keeper(&place("ghcr.io/team/demo:1")).expect(text))
    }

    #[test]
    fn what_is_there_before_a_first_login_is_no_configuration_and_no_trouble() {
        for text in ["", " ", "\n\t\r\n", "null", "{}", r#"{"auths":null,"credHelpers":null,"credsStore":null}"#] {
            let config = Config::read(text.as_bytes()).unwrap_or_else(|fault| panic!("{text:?}: {fault}"));
            assert!(config.entries(&place("ghcr.io/team/demo:1")).is_empty());
            assert_eq!(keeper(text), "Entries");
        }
        for text in ["hunter2", "[]", "\"hunter2\"", r#"{"auths":["hunter2"]}"#, r#"{"credsStore":7}"#, "{", "\0"] {
            let fault = Config::read(text.as_bytes()).err().unwrap_or_else(|| panic!("{text:?} was read"));
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }

    #[test]
    fn a_helper_is_for_a_registry_and_comes_before_the_store() {
        for (text, expected) in [
            (r#"{"credsStore":"s"}"#, r#"Store("s")"#),
            (r#"{"credsStore":"s","credHelpers":{"ghcr.io":"h"}}"#, r#"Helper("h")"#),
            (r#"{"credsStore":"s","credHelpers":{"https://ghcr.io":"h"}}"#, r#"Helper("h")"#),
            (r#"{"credHelpers":{"https://ghcr.io/v1/":"one","https://ghcr.io/v2/":"two"}}"#, r#"Helper("two")"#),
            (r#"{"credsStore":"s","credHelpers":{"ghcr.io/team":"h"}}"#, r#"Store("s")"#),
            (r#"{"credsStore":"s","credHelpers":{"quay.io":"h"}}"#, r#"Store("s")"#),
            (r#"{"credsStore":"s","credHelpers":{"ghcr.io":""}}"#, "Entries"),
            (r#"{"credHelpers":{"quay.io":7}}"#, "Entries"),
        ] {
            assert_eq!(keeper(text), expected, "{text}");
        }
        let config = Config::read(br#"{"credHelpers":{"ghcr.io":7}}"#).expect("read");
        assert!(config.keeper(&place("ghcr.io/team/demo:1")).is_err());
    }
}
