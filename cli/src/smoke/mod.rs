//! Loading a plugin in Python, the way a host does.
//!
//! This runs the plugin's code with the rights of the caller, or with nobody's when the caller is root. It
//! is for authors, on plugins they wrote, and is no sandbox: the plugin can read the caller's files. What
//! it keeps from the plugin is this process, its environment and its memory, where keys and tokens are.
//! The child and everything that it started end before [`load`] returns, whatever the plugin did.

mod child;
mod descendants;
mod lowered;

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_packaging::Limits;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::timeout;

use self::child::{Host, OUTPUT_LIMIT};
use crate::runtime;

/// What a host would find.
#[derive(Debug, Deserialize)]
pub(crate) struct SmokeReport {
    /// Python's version, such as `3.12.1`.
    pub(crate) python: String,
    /// The name of the class behind `Plugin`.
    pub(crate) class: String,
    /// Whether `run` is declared `async`.
    pub(crate) run_is_async: bool,
    /// What `run` returned; `None` when it was not run. Always an object, as a host wraps the rest.
    pub(crate) result: Option<Value>,
}

/// Imports `plugin.py`, makes `Plugin()` and, with a payload, awaits `run(payload, {})`.
///
/// The Python is `$AISOC_PYTHON`, else `python3`. The payload is the text of a JSON object. Every
/// refusal of the host is an [`Reason::EntryPointInvalid`] in the host's words.
pub(crate) fn load(plugin_dir: &Path, payload: Option<&str>, limits: &Limits) -> Result<SmokeReport> {
    let python = env::var_os("AISOC_PYTHON").filter(|name| !name.is_empty());
    let python = python.as_deref().unwrap_or(OsStr::new("python3"));
    runtime::block_on(&limits.cancellation, load_with(python, plugin_dir, payload, TIMEOUT, limits))
}

/// One at a time: what a load leaves behind ends with all children of this process.
static ALONE: Mutex<()> = Mutex::const_new(());

async fn load_with(
    python: &OsStr,
    plugin_dir: &Path,
    payload: Option<&str>,
    limit: Duration,
    limits: &Limits,
) -> Result<SmokeReport> {
    let request = request(payload)?;
    let directory = fs::canonicalize(plugin_dir).map_err(|source| Fault::io("find", plugin_dir, source))?;
    let _alone = ALONE.lock().await;
    let mut host = Host::start(python, &directory, &request, limits)?;
    let report = match timeout(limit, host.answer()).await {
        Ok(line) if line.ends_with(b"\n") => read_answer(&line),
        Ok(line) if line.len() as u64 == OUTPUT_LIMIT => {
            Err(Fault::new(Reason::EntryPointInvalid, format!("the result of run is larger than {OUTPUT_LIMIT} bytes")))
        }
        Ok(_) => Err(host.unanswered().await),
        Err(_) => Err(Fault::new(
            Reason::EntryPointInvalid,
            format!("the plugin did not finish within {} seconds", limit.as_secs()),
        )
        .hint("let `Plugin()` and `run` return sooner, then load it again")),
    };
    host.end()?;
    report
}

/// The line that the host reads: `{}`, or the payload in it.
fn request(payload: Option<&str>) -> Result<String> {
    let Some(payload) = payload else { return Ok("{}".to_owned()) };
    let object: serde_json::Map<String, Value> = serde_json::from_str(payload)
        .map_err(|source| Fault::new(Reason::Usage, "the payload is not a JSON object").caused_by(source))?;
    Ok(serde_json::json!({ "payload": object }).to_string())
}

fn read_answer(line: &[u8]) -> Result<SmokeReport> {
    let answer: Answer = serde_json::from_slice(line).map_err(|source| {
        Fault::new(Reason::EntryPointInvalid, "the answer of Python cannot be read").caused_by(source)
    })?;
    match answer {
        Answer::Loaded(report) => Ok(report),
        Answer::Refused { refusal, cause } => {
            let fault = Fault::new(Reason::EntryPointInvalid, shown(&refusal, MAX_SHOWN)).hint(HINT);
            Err(match cause {
                Some(cause) => fault.caused_by(shown(&cause, MAX_SHOWN)),
                None => fault,
            })
        }
    }
}

/// The one line that the child writes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Loaded(SmokeReport),
    Refused { refusal: String, cause: Option<String> },
}

const HINT: &str = "correct plugin.py, then load it again; `aisoc plugin new` makes one that loads";
/// Most characters that are shown of what the plugin says.
const MAX_SHOWN: usize = 300;
const TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads one plugin.py; `None`, visibly, without Python.
    fn smoke(source: &str, payload: Option<&str>) -> Option<Result<SmokeReport>> {
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::write(directory.path().join("plugin.py"), source).expect("written");
        let loaded = load(directory.path(), payload, &Limits::default());
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1, "Python left something behind");
        if loaded.as_ref().is_err_and(|fault| fault.reason() == Reason::IoNotFound) {
            eprintln!("SKIPPED: there is no python3, so nothing was loaded");
            return None;
        }
        Some(loaded)
    }

    #[test]
    fn says_what_the_host_says() {
        let cases = [
            (
                "import nowhere_at_all",
                "error importing plugin.py: No module named 'nowhere_at_all'",
                "plugin.py line 1",
            ),
            ("\ndef f(:", "error importing plugin.py: ", "SyntaxError, plugin.py line 2"),
            ("import sys\nsys.exit(3)", "error importing plugin.py: 3", "SystemExit, plugin.py line 2"),
            ("x = 1", "plugin.py must define a class named 'Plugin'", ""),
            ("Plugin = 1", "plugin.py must define a class named 'Plugin'", ""),
            ("class Plugin:\n def __init__(self, config): pass", "error making Plugin(): ", "TypeError"),
            ("class Plugin: pass", "Plugin class missing 'run' method", ""),
            ("class Plugin:\n def run(self, p, c):\n  1 / 0", "execution error: division by zero", "plugin.py line 3"),
            (
                "import asyncio\nclass Plugin:\n def run(self, p, c): asyncio.run(asyncio.sleep(0))",
                "execution error: asyncio.run() cannot be called from a running event loop",
                "RuntimeError, plugin.py line 3",
            ),
            ("class Plugin:\n def run(self, p, c): return {1, 2}", "the result of run cannot be written as JSON", ""),
            (
                "class Plugin:\n def run(self, p, c): return {'a': 'x' * 2000000}",
                "the result of run is larger than 1048576 bytes",
                "",
            ),
            ("import os\nos._exit(3)", "Python ended without an answer (exit status: 3)", ""),
        ];
        for (source, message, cause) in cases {
            let Some(loaded) = smoke(source, Some("{}")) else { return };
            let fault = loaded.expect_err(source);
            assert_eq!(fault.reason(), Reason::EntryPointInvalid);
            assert!(fault.message().starts_with(message), "{source}: {fault}");
            assert!(format!("{fault:?}").contains(cause), "{source}: {fault:?}");
        }
    }

    #[test]
    fn runs_sync_and_async_and_wraps_what_is_no_object() {
        let Some(loaded) = smoke("class Plugin:\n async def run(self, p, c): return [p, c]", Some(r#"{"a": "é"}"#))
        else {
            return;
        };
        let report = loaded.expect("loads");
        assert!(report.run_is_async && report.python.starts_with('3'));
        assert_eq!(report.result, Some(serde_json::json!({ "result": [{ "a": "é" }, {}] })));
        let report = smoke("class Plugin:\n def run(self, p, c): return {}", None).expect("Python").expect("loads");
        assert!(!report.run_is_async && report.result.is_none());
    }

    #[test]
    fn what_the_plugin_prints_is_never_the_answer() {
        let forged = r#"{"python": "9", "class": "Forged", "run_is_async": true}"#;
        let source = format!(
            "import os, subprocess, sys\nprint('''{forged}''', flush=True)\nos.write(1, b'''{forged}\\n''')\n\
             subprocess.run(['echo', '''{forged}'''])\nsys.__stdout__.write('x' * 3000000)\nclass Plugin:\n \
             def run(self, p, c): return {{'input': sys.stdin.read(), 'key': os.environ.get('CARGO')}}"
        );
        let Some(loaded) = smoke(&source, Some("{}")) else { return };
        let report = loaded.expect("loads");
        assert_eq!(report.class, "Plugin");
        assert_eq!(report.result, Some(serde_json::json!({ "input": "", "key": null })));
    }

    #[test]
    fn a_plugin_that_never_ends_is_ended() {
        let directory = tempfile::tempdir().expect("temporary directory");
        fs::write(directory.path().join("plugin.py"), "while True: pass").expect("written");
        let python = OsStr::new("python3");
        let loaded = runtime::block_on(
            &Limits::default().cancellation,
            load_with(python, directory.path(), None, Duration::from_millis(300), &Limits::default()),
        );
        let fault = loaded.expect_err("never ends");
        assert!(matches!(fault.reason(), Reason::EntryPointInvalid | Reason::IoNotFound), "{fault:?}");
    }

    #[test]
    fn threads_left_running_do_not_delay_the_answer() {
        let source = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n\
                      class Plugin:\n def run(self, p, c): return {}";
        let Some(loaded) = smoke(source, None) else { return };
        loaded.expect("loads");
    }

    #[test]
    fn names_what_is_missing() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let python = OsStr::new("no-such-python");
        let without_python = runtime::block_on(
            &Limits::default().cancellation,
            load_with(python, directory.path(), None, TIMEOUT, &Limits::default()),
        )
        .expect_err("none");
        assert_eq!(without_python.reason(), Reason::IoNotFound);
        assert!(without_python.next_step().contains("AISOC_PYTHON"));
        let no_directory = load(&directory.path().join("nowhere"), None, &Limits::default()).expect_err("none");
        assert_eq!(no_directory.reason(), Reason::IoNotFound);
        if let Some(loaded) = smoke("", None) {
            assert!(loaded.is_err());
            let empty = load(directory.path(), None, &Limits::default()).expect_err("empty");
            assert_eq!(empty.message(), "plugin.py not found");
        }
        assert_eq!(
            load(directory.path(), Some("[1]"), &Limits::default()).expect_err("no object").reason(),
            Reason::Usage
        );
    }
}
