//! `Switches`: what operators have said of plugins: which are disabled, and of several directories which is meant. One
//! file, which one host has.
//!
//! It is written whole, before anybody is told: what was said of a plugin holds after whatever ends the host.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aisoc_files::{
    Draft, Existing, Links, LockWait, SmallFileError, Waited, open_directory, open_lock, read_small, wait_for_lock,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use serde::{Deserialize, Serialize};

use crate::lifecycle::Switch;
use crate::meant::is_plain_name;

/// Most bytes of the file: the ids of some ten thousand plugins.
const MAX_STATE_BYTES: u64 = 1 << 20;
/// The form of the file.
const SCHEMA: u32 = 1;
/// Nobody else needs to know.
const MODE: u32 = 0o600;

/// What is in the file.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `schema` and `disabled`")]
struct Written {
    schema: u32,
    disabled: BTreeSet<String>,
    /// The directories that are meant, by their names in the plugins directory.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    meant: BTreeMap<String, String>,
}

/// What was said of plugins, and the lock that keeps other hosts away.
#[derive(Debug)]
pub(crate) struct Switches {
    path: PathBuf,
    said: Mutex<Written>,
    _lock: File,
}

impl Switches {
    /// Takes the file for this host, until it is dropped. One that is missing disables nothing.
    ///
    /// # Errors
    /// `locked` where another host has it, `record_invalid` for what is no such file, and I/O reasons.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let name = path.file_name().and_then(OsStr::to_str);
        let Some(name) = name else {
            return Err(Fault::new(Reason::Usage, format!("`{}` names no file", path.display())));
        };
        let lock = take(path, &format!("{name}.lock"))?;
        let said = Mutex::new(read(path)?);
        Ok(Self { path: path.to_owned(), said, _lock: lock })
    }

    /// What was said of a plugin.
    pub(crate) fn of(&self, id: &str) -> Switch {
        if self.said().disabled.contains(id) { Switch::Off } else { Switch::On }
    }

    /// In which directory a plugin is that is meant, where that was said.
    pub(crate) fn meant(&self, id: &str) -> Option<String> {
        self.said().meant.get(id).cloned()
    }

    /// All directories that are meant, by the plugins.
    pub(crate) fn all_meant(&self) -> BTreeMap<String, String> {
        self.said().meant.clone()
    }

    /// Writes down what is said of a plugin; where that fails, nothing was said.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn set(&self, id: &str, switch: Switch) -> Result<()> {
        self.change(|said| {
            match switch {
                Switch::On => said.disabled.remove(id),
                Switch::Off => said.disabled.insert(id.to_owned()),
            };
        })
    }

    /// Writes down in which directory a plugin is that is meant, or that none is; where that fails, nothing was said.
    ///
    /// # Errors
    /// I/O reasons.
    pub(crate) fn mean(&self, id: &str, directory: Option<&str>) -> Result<()> {
        self.change(|said| {
            match directory {
                Some(directory) => said.meant.insert(id.to_owned(), directory.to_owned()),
                None => said.meant.remove(id),
            };
        })
    }

    fn change(&self, change: impl FnOnce(&mut Written)) -> Result<()> {
        let mut said = self.said();
        let mut changed = said.clone();
        change(&mut changed);
        self.write(&changed)?;
        *said = changed;
        Ok(())
    }

    fn said(&self) -> MutexGuard<'_, Written> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, said: &Written) -> Result<()> {
        let failed = |error| Fault::io("write", &self.path, error);
        let text = serde_json::to_string(said).map_err(|error| failed(error.into()))?;
        if text.len() as u64 > MAX_STATE_BYTES {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        let write = || {
            let mut draft = Draft::create(aisoc_files::parent(&self.path), ".aisoc-state-", MODE)?;
            draft.write_all(text.as_bytes())?;
            draft.publish(&self.path, Existing::Replace)
        };
        write().map_err(failed)
    }
}

fn take(path: &Path, name: &str) -> Result<File> {
    let failed = |error| Fault::io("lock", path, error).hint("name another file with `--state FILE`");
    let directory = open_directory(aisoc_files::parent(path), Links::Followed).map_err(failed)?;
    let file = open_lock(&directory, name, &directory).map_err(failed)?;
    let wait =
        LockWait { command: "aisoc serve", at_most: Duration::ZERO, go_on: &|| Ok(()), told: &|_: Option<&str>| () };
    match wait_for_lock(&file, &wait).map_err(failed)? {
        Waited::Ours(()) => Ok(file),
        Waited::Theirs(holder) => {
            let holder = holder.map(|holder| format!(": {holder}")).unwrap_or_default();
            let what = format!("another host has `{}`{holder}", path.display());
            Err(Fault::new(Reason::Locked, what).hint("end that host, or name another file with `--state FILE`"))
        }
    }
}

fn read(path: &Path) -> Result<Written> {
    let invalid = |why: &dyn std::fmt::Display| {
        Fault::new(Reason::RecordInvalid, format!("`{}` is no state of a host: {why}", path.display()))
            .hint("put back the file as a host has written it, or take it away: then every plugin is enabled")
    };
    let content = match read_small(path, MAX_STATE_BYTES, Links::Refused) {
        Ok(file) => file.content,
        Err(error) if error.is_absent() => return Ok(Written { schema: SCHEMA, ..Written::default() }),
        Err(SmallFileError::Io(error)) => return Err(Fault::io("read", path, error)),
        Err(SmallFileError::NotAFile) => return Err(invalid(&"it is no file")),
        Err(SmallFileError::TooLarge { max_bytes, .. }) => {
            return Err(invalid(&format!("more than {max_bytes} bytes")));
        }
    };
    let written: Written = serde_json::from_slice(&content).map_err(|error| invalid(&error))?;
    if let Some((id, directory)) = written.meant.iter().find(|(_, directory)| !is_plain_name(directory)) {
        return Err(invalid(&format!("`{directory}` of `{id}` is no directory's name")));
    }
    match written.schema {
        SCHEMA => Ok(written),
        other => Err(invalid(&"another form").expected(SCHEMA.to_string(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_holds_for_the_next_host_and_for_one_at_a_time() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("state.json");
        let first = Switches::open(&path).expect("taken");
        assert_eq!(first.of("demo"), Switch::On);
        first.set("demo", Switch::Off).expect("written");
        first.set("other", Switch::Off).expect("written");
        first.set("other", Switch::On).expect("written");
        first.mean("demo", Some("demo-2")).expect("written");
        first.mean("other", Some("x")).expect("written");
        first.mean("other", None).expect("written");
        let refused = Switches::open(&path).expect_err("one host");
        assert_eq!(refused.reason(), Reason::Locked);
        assert!(refused.message().contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        let second = Switches::open(&path).expect("free");
        assert_eq!((second.of("demo"), second.of("other")), (Switch::Off, Switch::On));
        assert_eq!((second.meant("demo").as_deref(), second.all_meant().len()), (Some("demo-2"), 1));
    }

    #[test]
    fn what_is_no_state_is_refused_and_left_as_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("state.json");
        for text in [
            "",
            "[]",
            "{\"schema\": 1}",
            "{\"schema\": 2, \"disabled\": []}",
            "{\"schema\": 1, \"disabled\": [], \"x\": 1}",
            "{\"schema\": 1, \"disabled\": [], \"meant\": {\"demo\": \"../demo\"}}",
        ] {
            std::fs::write(&path, text).expect("written");
            assert_eq!(Switches::open(&path).expect_err(text).reason(), Reason::RecordInvalid, "{text}");
            assert_eq!(std::fs::read_to_string(&path).expect("read"), text);
        }
        std::fs::write(&path, "x".repeat(2 << 20)).expect("written");
        assert_eq!(Switches::open(&path).expect_err("too large").reason(), Reason::RecordInvalid);
    }

    #[test]
    fn what_cannot_be_written_was_not_said() {
        let place = tempfile::tempdir().expect("a directory");
        let below = place.path().join("below");
        std::fs::create_dir(&below).expect("made");
        let switches = Switches::open(&below.join("state.json")).expect("taken");
        std::fs::remove_dir_all(&below).expect("removed");
        switches.set("demo", Switch::Off).expect_err("there is no directory");
        assert_eq!(switches.of("demo"), Switch::On);
    }
}
