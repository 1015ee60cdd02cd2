//! `Lines`: to which line of signers a plugin belongs, and so whose facts it sees.
//!
//! A line is begun by whoever has signed its first version. A later one belongs to it where everybody who has begun it
//! signed that one too, or has named somebody their successor who did. That others have put their signatures beside is no
//! word of theirs: anybody can sign what anybody has published.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aisoc_files::{Draft, Existing, Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

/// Most bytes of the file: some ten thousand plugins.
const MAX_FILE_BYTES: u64 = 8 << 20;
/// The form of the file.
const SCHEMA: u32 = 2;
const NAME: &str = "signers.json";

/// Somebody who has signed a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginSigner {
    /// The key, by its fingerprint.
    pub fingerprint: String,
    /// Those that it may speak for: keys that have named it their successor, and those that had named them.
    pub successor_of: BTreeSet<String>,
}

impl PluginSigner {
    fn speaks_for(&self, key: &str) -> bool {
        self.fingerprint == key || self.successor_of.contains(key)
    }
}

/// By plugin, and by the name of a line: the keys that have begun it.
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

    /// The line of a plugin that these have signed: of those that they may go on with the one that most have begun, else one
    /// that begins with them. It is written down before anything is kept under it.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn of(&self, id: &str, signers: &[PluginSigner]) -> Result<Option<String>> {
        if signers.is_empty() {
            return Ok(None);
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = known.get(id).into_iter().flatten();
        let going_on = lines.filter_map(|(line, founders)| rank(founders, signers).map(|rank| (rank, line)));
        if let Some((_, line)) = going_on.max() {
            return Ok(Some(line.clone()));
        }
        let founders: BTreeSet<&str> = signers.iter().map(|signer| signer.fingerprint.as_str()).collect();
        let founders: Vec<String> = founders.into_iter().map(str::to_owned).collect();
        let line = founders.join("+");
        let mut changed = known.clone();
        changed.entry(id.to_owned()).or_default().insert(line.clone(), founders);
        self.write(&changed)?;
        *known = changed;
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

/// How well these go on with what those have begun; nothing where one of those has no part in it. A line of more keys
/// counts more than one of fewer, what somebody was given more than what they have begun since, and who stands first.
fn rank(founders: &[String], signers: &[PluginSigner]) -> Option<(usize, usize, Reverse<usize>)> {
    let spoken_for = |founder: &String| signers.iter().position(|signer| signer.speaks_for(founder));
    let places: Vec<usize> = founders.iter().map(spoken_for).collect::<Option<_>>()?;
    let is_given = |founder: &&String| signers.iter().any(|signer| signer.successor_of.contains(*founder));
    let given = founders.iter().filter(is_given).count();
    Some((founders.len(), given, Reverse(places.into_iter().min()?)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// `b<a` is `b`, whom `a` has named as a successor.
    fn signed_by(names: &str) -> Vec<PluginSigner> {
        let signer = |name: &str| {
            let mut names = name.split('<').map(str::to_owned);
            PluginSigner { fingerprint: names.next().expect("a name"), successor_of: names.collect() }
        };
        names.split_whitespace().map(signer).collect()
    }

    #[test]
    fn a_line_goes_on_with_all_who_have_begun_it_or_whom_they_have_named() {
        let place = tempfile::tempdir().expect("a directory");
        let lines = Lines::open(place.path()).expect("opened");
        let of = |lines: &Lines, id: &str, names: &str| lines.of(id, &signed_by(names)).expect("written");
        assert_eq!(of(&lines, "demo", ""), None);
        for (signers, line) in [
            ("a", "a"),
            // Whoever signs beside has no part in it, in whatever order, and whatever comes then.
            ("a b", "a"),
            ("b a", "a"),
            ("b", "b"),
            ("a b", "a"),
            ("b a", "b"),
            // Whom the one has named goes on alone; whom another has named does not.
            ("c<a", "a"),
            ("d<c<a", "a"),
            ("e<x", "e"),
            // What somebody is given counts more than what they have begun before that was said.
            ("b<a", "a"),
            ("b", "b"),
            // What two have begun goes on with both.
            ("y x", "x+y"),
            ("x", "x"),
            ("x y", "x+y"),
            ("x y z", "x+y"),
            ("x z<y", "x+y"),
            ("z<y", "z"),
            ("w<x<y", "x+y"),
        ] {
            assert_eq!(of(&lines, "demo", signers).as_deref(), Some(line), "{signers}");
        }
        assert_eq!(of(&lines, "other", "c<a").as_deref(), Some("c"), "of another plugin");
        let again = Lines::open(place.path()).expect("opened");
        assert_eq!(of(&again, "demo", "c<a").as_deref(), Some("a"), "the next host knows");
    }

    #[test]
    fn what_is_none_of_ours_is_refused_and_left() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join(NAME);
        for text in [
            "",
            "{\"schema\": 1, \"plugins\": {}}",
            "{\"schema\": 3, \"plugins\": {}}",
            "{\"schema\": 2, \"plugins\": []}",
        ] {
            fs::write(&path, text).expect("written");
            assert_eq!(Lines::open(place.path()).expect_err(text).reason(), Reason::RecordInvalid);
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
    }
}
