//! `Usage`: which accessors plugins have really called, in one file that is written while a host runs and when it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::{Fault, Reason, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::granted::Granted;
use crate::record::write_record;

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
    /// What it declared when it ran last.
    pub declared: BTreeSet<Capability>,
    /// What it declared or called, in their order, and how often.
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

/// By plugin and line of signers.
type Counted = BTreeMap<String, BTreeMap<String, OfLine>>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfLine {
    declared: BTreeSet<String>,
    accessors: BTreeMap<String, AccessorUsage>,
}

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
        let counted = Self::read(&path)?;
        Ok(Self { path, counted: Mutex::new((counted, false)) })
    }

    fn read(path: &Path) -> Result<Counted> {
        let invalid = |why: &dyn std::fmt::Display| {
            Fault::new(
                Reason::RecordInvalid,
                format!("`{}` does not say what plugins have used: {why}", path.display()),
            )
            .hint("put the file aside: then the host begins to count anew")
        };
        match read_small(path, MAX_FILE_BYTES, Links::Refused) {
            Err(error) if error.is_absent() => Ok(Counted::new()),
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", path, error)),
            Err(error) => Err(invalid(&error)),
            Ok(file) => match serde_json::from_slice(&file.content) {
                Ok(Written { schema: SCHEMA, plugins }) => Ok(plugins),
                Ok(Written { schema, .. }) => {
                    Err(invalid(&"another form").expected(SCHEMA.to_string(), schema.to_string()))
                }
                Err(error) => Err(invalid(&error)),
            },
        }
    }

    /// What a plugin declares that begins to run.
    pub(crate) fn declare(&self, id: &str, line: &str, declared: &BTreeSet<Capability>) {
        let mut counted = self.counted();
        let of_line = counted.0.entry(id.to_owned()).or_default().entry(line.to_owned()).or_default();
        let declared: BTreeSet<String> = declared.iter().map(|capability| capability.as_str().to_owned()).collect();
        if of_line.declared != declared {
            of_line.declared = declared;
            counted.1 = true;
        }
    }

    fn counted(&self) -> MutexGuard<'_, (Counted, bool)> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one, and says whether it is the first of its kind for a while.
    pub(crate) fn count(&self, plugin: &Granted, capability: Capability, what: Happened, at: Timestamp) -> bool {
        let mut counted = self.counted();
        counted.1 = true;
        let of_line = counted.0.entry(plugin.id.clone()).or_default().entry(plugin.line.clone()).or_default();
        let usage = of_line.accessors.entry(capability.as_str().to_owned()).or_default();
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
        // A clock that was ahead is no reason to be silent until then.
        let is_recent = |last: Timestamp| last <= at && at.duration_since(last) < DENIAL_PAUSE;
        let is_first = !usage.last_denied_at.is_some_and(is_recent);
        if is_first {
            usage.last_denied_at = Some(at);
        }
        is_first
    }

    #[cfg(test)]
    pub(crate) fn of(&self, id: &str) -> Vec<PluginUsage> {
        shown(&self.counted().0, id)
    }

    /// What the host whose files are in that directory has written down of a plugin.
    ///
    /// # Errors
    /// As [`Usage::open`]; `io_not_found` where no host has kept anything.
    pub(crate) fn kept(directory: &Path, id: &str) -> Result<Vec<PluginUsage>> {
        if !directory.is_dir() {
            return Err(Fault::io("read", directory, ErrorKind::NotFound.into())
                .hint("name the state file that the host was started with: `--state FILE`"));
        }
        Ok(shown(&Self::read(&directory.join(NAME))?, id))
    }

    /// Writes the file, where anything has changed.
    ///
    /// # Errors
    /// I/O reasons; then it is tried again the next time.
    pub(crate) fn settle(&self) -> Result<()> {
        let failed = |error| Fault::io("write", &self.path, error);
        let written = {
            let mut counted = self.counted();
            if !std::mem::take(&mut counted.1) {
                return Ok(());
            }
            Written { schema: SCHEMA, plugins: counted.0.clone() }
        };
        write_record(&self.path, ".aisoc-usage-", &written, MAX_FILE_BYTES).map_err(|error| {
            self.counted().1 = true;
            failed(error)
        })
    }
}

fn shown(counted: &Counted, id: &str) -> Vec<PluginUsage> {
    let lines = counted.get(id).into_iter().flatten();
    let usage = lines.map(|(line, OfLine { declared, accessors })| {
        let declared = |capability: &Capability| declared.contains(capability.as_str());
        let of = |capability: Capability| {
            let counted = accessors.get(capability.as_str()).cloned();
            counted.or_else(|| declared(&capability).then(AccessorUsage::default)).map(|usage| (capability, usage))
        };
        PluginUsage {
            signers: line.clone(),
            declared: Capability::ALL.iter().copied().filter(declared).collect(),
            accessors: Capability::ALL.iter().copied().filter_map(of).collect(),
        }
    });
    usage.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn granted(line: &str) -> Granted {
        crate::facts::granted_for_tests("demo", line, "facts.read")
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
        assert_eq!(again.of("demo")[0].accessors, [(Capability::FactsRead, expected.clone())]);
        // What is declared and was never called is there as well.
        again.declare("demo", "a", &BTreeSet::from([Capability::FactsWrite]));
        again.settle().expect("written");
        let kept = Usage::kept(place.path(), "demo").expect("read");
        assert_eq!(kept[0].declared, BTreeSet::from([Capability::FactsWrite]));
        let never = (Capability::FactsWrite, AccessorUsage::default());
        assert_eq!(kept[0].accessors, [(Capability::FactsRead, expected), never]);
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
