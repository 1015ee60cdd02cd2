//! `Lines`: to which line of signers a plugin belongs: whoever has signed one version of it, and whoever has signed a later
//! version together with them. A key that is replaced by another one leaves its plugins what they have kept; a plugin of
//! somebody else that takes the same id sees nothing of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aisoc_files::{Draft, Existing, Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

/// Most bytes of the file: some ten thousand plugins.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// The form of the file.
const SCHEMA: u32 = 1;
const NAME: &str = "signers.json";

/// By plugin, and by the key that a line began with: every key of it.
type Known = BTreeMap<String, BTreeMap<String, Vec<String>>>;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: u32,
    plugins: Known,
}

/// Every line that a host has seen.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    known: Mutex<Known>,
}

impl Lines {
    /// # Errors
    /// `record_invalid` for what cannot be understood, and I/O reasons.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let invalid = |why: &dyn std::fmt::Display| {
            Fault::new(Reason::RecordInvalid, format!("`{}` does not say who has signed plugins: {why}", path.display()))
                .hint("put back the file as a host has written it: without it a plugin whose key was replaced loses its facts")
        };
        let known = match read_small(&path, MAX_FILE_BYTES, Links::Refused) {
            Err(error) if error.is_absent() => Known::new(),
            Err(SmallFileError::Io(error)) => return Err(Fault::io("read", &path, error)),
            Err(error) => return Err(invalid(&error)),
            Ok(file) => match serde_json::from_slice(&file.content) {
                Ok(Written { schema: SCHEMA, plugins }) => plugins,
                Ok(Written { schema, .. }) => {
                    return Err(invalid(&"another form").expected(SCHEMA.to_string(), schema.to_string()));
                }
                Err(error) => return Err(invalid(&error)),
            },
        };
        Ok(Self { path, known: Mutex::new(known) })
    }

    /// The line of a plugin that these have signed: the one of the first of them who is in any. The others join it, unless
    /// they are in another one. It is written down before anything is kept under it.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn of(&self, id: &str, signers: &[String]) -> Result<Option<String>> {
        let Some(first) = signers.first() else { return Ok(None) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = known.clone();
        let lines = changed.entry(id.to_owned()).or_default();
        let line_of = |lines: &BTreeMap<String, Vec<String>>, signer: &String| {
            lines.iter().find(|(_, keys)| keys.contains(signer)).map(|(line, _)| line.clone())
        };
        let line = signers.iter().find_map(|signer| line_of(lines, signer)).unwrap_or_else(|| first.clone());
        let new: Vec<String> = signers.iter().filter(|signer| line_of(lines, signer).is_none()).cloned().collect();
        if !new.is_empty() {
            lines.entry(line.clone()).or_default().extend(new);
            self.write(&changed)?;
            *known = changed;
        }
        Ok(Some(line))
    }

    fn write(&self, known: &Known) -> Result<()> {
        let failed = |error| Fault::io("write", &self.path, error);
        let written = Written { schema: SCHEMA, plugins: known.clone() };
        let text = serde_json::to_string(&written).map_err(|error| failed(error.into()))?;
        let write = || {
            let mut draft = Draft::create(aisoc_files::parent(&self.path), ".aisoc-signers-", 0o600)?;
            draft.write_all(text.as_bytes())?;
            draft.publish(&self.path, Existing::Replace)
        };
        write().map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn whoever_signs_together_with_a_line_joins_it_and_nobody_else_does() {
        let place = tempfile::tempdir().expect("a directory");
        let lines = Lines::open(place.path()).expect("opened");
        let of = |lines: &Lines, id: &str, names: &[&str]| lines.of(id, &named(names)).expect("written");
        assert_eq!(of(&lines, "demo", &[]), None);
        for (signers, line) in [
            (&["a"][..], "a"),
            (&["x"], "x"),
            (&["b", "a"], "a"),
            (&["b"], "a"),
            (&["c", "b"], "a"),
            (&["c"], "a"),
            // Two lines do not become one.
            (&["x", "a"], "x"),
            (&["a", "x"], "a"),
            (&["x"], "x"),
            (&["y"], "y"),
        ] {
            assert_eq!(of(&lines, "demo", signers).as_deref(), Some(line), "{signers:?}");
        }
        assert_eq!(of(&lines, "other", &["b"]).as_deref(), Some("b"), "of another plugin");
        let again = Lines::open(place.path()).expect("opened");
        assert_eq!(of(&again, "demo", &["c"]).as_deref(), Some("a"), "the next host knows");
    }

    #[test]
    fn what_is_none_of_ours_is_refused_and_left() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join(NAME);
        for text in ["", "{\"schema\": 2, \"plugins\": {}}", "{\"schema\": 1, \"plugins\": []}"] {
            fs::write(&path, text).expect("written");
            assert_eq!(Lines::open(place.path()).expect_err(text).reason(), Reason::RecordInvalid);
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
    }
}
