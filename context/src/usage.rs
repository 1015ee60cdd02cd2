//! `Usage`: which accessors plugins have really called, in one file that is written while a host runs and when it ends.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aisoc_files::{Draft, Existing, Links, SmallFileError, read_small};
use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::granted::Granted;

/// Most bytes of the file: some ten thousand plugins.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// The form of the file.
const SCHEMA: u32 = 1;
const NAME: &str = "usage.json";
/// A denial is written down once in so long, for each plugin and capability.
const DENIAL_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// How often an accessor was called, and what with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessorUsage {
    /// How often the accessor itself.
    pub opened: u64,
    /// How often a method of what it gives was done.
    pub used: u64,
    /// How often that was not done, for whatever reason.
    pub failed: u64,
    /// How often either was denied.
    pub denied: u64,
    /// When it was last.
    pub last_at: Option<Timestamp>,
    /// When it was last denied.
    pub last_denied_at: Option<Timestamp>,
}

/// What one line of signers has called under an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginUsage {
    /// The line.
    pub signers: String,
    /// By the capability, in their order.
    pub accessors: Vec<(Capability, AccessorUsage)>,
}

/// What came of an ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    Opened,
    Used,
    Failed,
    Denied,
}

/// By plugin, line of signers and capability.
type Counted = BTreeMap<String, BTreeMap<String, BTreeMap<String, AccessorUsage>>>;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    schema: u32,
    plugins: Counted,
}

/// What plugins have called.
#[derive(Debug)]
pub(crate) struct Usage {
    path: PathBuf,
    counted: Mutex<(Counted, bool)>,
}

impl Usage {
    /// # Errors
    /// `record_invalid` for what cannot be understood, and I/O reasons.
    pub(crate) fn open(directory: &Path) -> Result<Self> {
        let path = directory.join(NAME);
        let invalid = |why: &dyn std::fmt::Display| {
            Fault::new(
                Reason::RecordInvalid,
                format!("`{}` does not say what plugins have used: {why}", path.display()),
            )
            .hint("put the file aside: then the host begins to count anew")
        };
        let counted = match read_small(&path, MAX_FILE_BYTES, Links::Refused) {
            Err(error) if error.is_absent() => Counted::new(),
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
        Ok(Self { path, counted: Mutex::new((counted, false)) })
    }

    fn counted(&self) -> MutexGuard<'_, (Counted, bool)> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one, and says whether it is the first of its kind for a while.
    pub(crate) fn count(&self, plugin: &Granted, capability: Capability, what: Happened, at: Timestamp) -> bool {
        let mut counted = self.counted();
        counted.1 = true;
        let of_line = counted.0.entry(plugin.id.clone()).or_default().entry(plugin.line.clone()).or_default();
        let usage = of_line.entry(capability.as_str().to_owned()).or_default();
        usage.last_at = Some(at);
        let count = match what {
            Happened::Opened => &mut usage.opened,
            Happened::Used => &mut usage.used,
            Happened::Failed => &mut usage.failed,
            Happened::Denied => &mut usage.denied,
        };
        *count = count.saturating_add(1);
        if what != Happened::Denied {
            return false;
        }
        let is_first = usage.last_denied_at.is_none_or(|last| at.duration_since(last) >= DENIAL_PAUSE);
        if is_first {
            usage.last_denied_at = Some(at);
        }
        is_first
    }

    pub(crate) fn of(&self, id: &str) -> Vec<PluginUsage> {
        let counted = self.counted();
        let lines = counted.0.get(id).into_iter().flatten();
        let usage = lines.map(|(line, by_name)| PluginUsage {
            signers: line.clone(),
            accessors: Capability::ALL
                .iter()
                .filter_map(|capability| Some((*capability, by_name.get(capability.as_str())?.clone())))
                .collect(),
        });
        usage.collect()
    }

    /// Writes the file, where anything has changed.
    ///
    /// # Errors
    /// I/O reasons; then it is tried again the next time.
    pub(crate) fn settle(&self) -> Result<()> {
        let failed = |error| Fault::io("write", &self.path, error);
        let text = {
            let mut counted = self.counted();
            if !std::mem::take(&mut counted.1) {
                return Ok(());
            }
            let written = Written { schema: SCHEMA, plugins: counted.0.clone() };
            serde_json::to_string(&written).map_err(|error| failed(error.into()))?
        };
        let write = || {
            let mut draft = Draft::create(aisoc_files::parent(&self.path), ".aisoc-usage-", 0o600)?;
            draft.write_all(text.as_bytes())?;
            draft.publish(&self.path, Existing::Replace)
        };
        write().map_err(|error| {
            self.counted().1 = true;
            failed(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::*;

    fn granted(line: &str) -> Granted {
        Granted::of("demo", line, [], Arc::new(|| Ok(serde_json::Map::new())))
    }

    #[test]
    fn what_was_counted_is_there_for_the_next_host_by_the_line_of_signers() {
        let place = tempfile::tempdir().expect("a directory");
        let usage = Usage::open(place.path()).expect("opened");
        let at = Timestamp::UNIX_EPOCH;
        let later = |seconds| at + SignedDuration::from_secs(seconds);
        let count = |line, what, at| usage.count(&granted(line), Capability::FactsRead, what, at);
        assert!(
            !count("a", Happened::Opened, at) && !count("a", Happened::Used, at) && !count("a", Happened::Failed, at)
        );
        assert!(count("a", Happened::Denied, at), "the first");
        assert!(!count("a", Happened::Denied, later(59)) && count("a", Happened::Denied, later(60)));
        assert!(count("b", Happened::Denied, at), "of another line");
        usage.settle().expect("written");
        let again = Usage::open(place.path()).expect("opened");
        assert_eq!(again.of("demo"), usage.of("demo"));
        let expected = AccessorUsage {
            opened: 1,
            used: 1,
            failed: 1,
            denied: 3,
            last_at: Some(later(60)),
            last_denied_at: Some(later(60)),
        };
        assert_eq!(again.of("demo")[0].accessors, [(Capability::FactsRead, expected)]);
        assert_eq!((again.of("demo").len(), again.of("other").len()), (2, 0));
    }

    #[test]
    fn what_is_none_of_ours_is_refused_and_left() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join(NAME);
        for text in ["", "[]", "{\"schema\": 2, \"plugins\": {}}", "{\"schema\": 1, \"plugins\": {}, \"x\": 1}"] {
            fs::write(&path, text).expect("written");
            assert_eq!(Usage::open(place.path()).expect_err(text).reason(), Reason::RecordInvalid);
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
    }
}
