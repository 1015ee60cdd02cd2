//! Plugins that are loaded as a host loads them, each in a real Python.
#![expect(clippy::print_stderr, reason = "without Python there is nothing to test, which is said")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_worker::{Error, Loading, PATIENCE, Report, Room, Sandbox, load};
use serde_json::{Map, json};
use support::{launcher, launcher_of};

fn load_with(
    program: &str,
    directory: &Path,
    payload: Option<&str>,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<Report, Error> {
    let payload = payload.map(|text| serde_json::from_str(text).expect("an object"));
    let room = Room { entries: 1000, file_bytes: 1 << 20, total_bytes: 1 << 24 };
    let launcher = launcher_of(program);
    load(&Loading {
        launcher: &launcher,
        directory,
        id: "of-tests",
        declared: &[],
        payload: payload.as_ref(),
        patience,
        room,
        stop,
    })
}

/// Kept from nothing by the kernel.
fn load_unconfined(directory: &Path, payload: Option<&str>) -> Result<Report, Error> {
    let payload = payload.map(|text| serde_json::from_str(text).expect("an object"));
    let (launcher, stop) = (launcher(Sandbox::Off), AtomicBool::new(false));
    let room = Room { entries: 1000, file_bytes: 1 << 20, total_bytes: 1 << 24 };
    let payload = payload.as_ref();
    load(&Loading {
        launcher: &launcher,
        directory,
        id: "of-tests",
        declared: &[],
        payload,
        patience: PATIENCE,
        room,
        stop: &stop,
    })
}

fn load_in(directory: &Path, payload: Option<&str>) -> Result<Report, Error> {
    load_with("python3", directory, payload, PATIENCE, &AtomicBool::new(false))
}

/// Loads one plugin.py; `None`, visibly, without Python.
fn smoke(source: &str, payload: Option<&str>) -> Option<Result<Report, Error>> {
    smoke_by(load_in, source, payload)
}

fn smoke_by(
    load: fn(&Path, Option<&str>) -> Result<Report, Error>,
    source: &str,
    payload: Option<&str>,
) -> Option<Result<Report, Error>> {
    let directory = tempfile::tempdir().expect("temporary directory");
    fs::write(directory.path().join("plugin.py"), source).expect("written");
    let loaded = load(directory.path(), payload);
    assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 1, "Python left something behind");
    if matches!(loaded, Err(Error::NoPython { .. })) {
        eprintln!("SKIPPED: there is no python3, so nothing was loaded");
        return None;
    }
    Some(loaded)
}

#[test]
fn says_what_the_host_says() {
    let cases = [
        ("import nowhere_at_all", "error importing plugin.py: No module named 'nowhere_at_all'", "plugin.py line 1"),
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
        let error = loaded.expect_err(source);
        assert!(error.to_string().starts_with(message), "{source}: {error}");
        assert!(format!("{error:?}").contains(cause), "{source}: {error:?}");
    }
}

#[test]
fn runs_sync_and_async_and_wraps_what_is_no_object() {
    let Some(loaded) = smoke("class Plugin:\n async def run(self, p, c): return [p, c]", Some(r#"{"a": "é"}"#)) else {
        return;
    };
    let report = loaded.expect("loads");
    assert!(report.run_is_async && report.python.starts_with('3'));
    assert_eq!(report.result, Some(json!({ "result": [{ "a": "é" }, {}] })));
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
    let Some(loaded) = smoke_by(load_unconfined, &source, Some("{}")) else { return };
    let report = loaded.expect("loads");
    assert_eq!(report.class, "Plugin");
    assert_eq!(report.result, Some(json!({ "input": "", "key": null })));
}

#[test]
fn a_plugin_that_never_ends_is_ended() {
    let directory = tempfile::tempdir().expect("temporary directory");
    fs::write(directory.path().join("plugin.py"), "while True: pass").expect("written");
    let (patience, go_on) = (Duration::from_millis(300), AtomicBool::new(false));
    let error = load_with("python3", directory.path(), None, patience, &go_on).expect_err("never ends");
    assert!(matches!(error, Error::TimedOut { .. } | Error::NoPython { .. }), "{error:?}");
}

#[test]
fn a_load_that_is_to_stop_does_not_wait_for_the_plugin() {
    let directory = tempfile::tempdir().expect("temporary directory");
    fs::write(directory.path().join("plugin.py"), "while True: pass").expect("written");
    let (stop, began) = (AtomicBool::new(false), Instant::now());
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(200));
            stop.store(true, Ordering::SeqCst);
        });
        load_with("python3", directory.path(), None, PATIENCE, &stop).expect_err("never ends")
    });
    assert!(matches!(error, Error::Stopped | Error::NoPython { .. }), "{error:?}");
    assert!(began.elapsed() < PATIENCE, "it was waited for");
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
    let go_on = AtomicBool::new(false);
    let without_python = load_with("no-such-python", directory.path(), None, PATIENCE, &go_on).expect_err("no Python");
    assert!(matches!(without_python, Error::NoPython { .. }), "{without_python:?}");
    let no_directory = load_in(&directory.path().join("nowhere"), None).expect_err("no directory");
    assert!(matches!(no_directory, Error::Io { act: "find", .. }), "{no_directory:?}");
    if let Some(loaded) = smoke("", None) {
        assert!(loaded.is_err());
        let empty = load_in(directory.path(), None).expect_err("empty");
        assert_eq!(empty.to_string(), "plugin.py not found");
    }
}

#[test]
fn a_plugin_sees_no_other_variable_than_those_that_find_python() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let source = "import os\nclass Plugin:\n def run(self, p, c): return {'secret': os.environ.get('SECRET')}";
    fs::write(directory.path().join("plugin.py"), source).expect("written");
    let mut launcher = launcher(Sandbox::default());
    launcher.python.variables.push(("SECRET".into(), "shared".into()));
    let (payload, stop) = (Map::new(), AtomicBool::new(false));
    let room = Room { entries: 10, file_bytes: 1 << 20, total_bytes: 1 << 20 };
    let loading = Loading {
        launcher: &launcher,
        directory: directory.path(),
        id: "of-tests",
        declared: &[],
        payload: Some(&payload),
        patience: PATIENCE,
        room,
        stop: &stop,
    };
    match load(&loading) {
        Err(Error::NoPython { .. }) => eprintln!("SKIPPED: there is no python3, so nothing was loaded"),
        loaded => assert_eq!(loaded.expect("loads").result, Some(json!({ "secret": null }))),
    }
}

#[test]
fn a_program_that_is_no_python_is_no_fault_of_a_plugin() {
    let directory = tempfile::tempdir().expect("temporary directory");
    fs::write(directory.path().join("plugin.py"), "class Plugin:\n def run(self, p, c): return {}").expect("written");
    for program in ["/bin/echo", "/bin/sh"] {
        let error = load_with(program, directory.path(), None, PATIENCE, &AtomicBool::new(false)).expect_err(program);
        assert!(matches!(error, Error::NotStarted { .. }), "{program}: {error:?}");
    }
}
