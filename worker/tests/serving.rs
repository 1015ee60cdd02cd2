//! Plugins that are held, each in a real process. One file, and long: all are started by one fixture, and those that start
//! as many processes as they can wait for the others by one lock, which holds within a test program alone.
#![expect(clippy::print_stderr, reason = "without Python there is nothing to test, which is said")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_worker::serving::{Ask, Call, Entry, LogLine, MAX_CALL_BYTES, Plugin, Reply, Serving, Worker};
use aisoc_worker::{Bounds, Error, KEPT_VARIABLES, Launcher, Loading, Room, Sandbox, load};
use rustix::process::{Pid, test_kill_process};
use serde_json::{Map, Value, json};
use support::launcher;

const STEP: Duration = Duration::from_millis(5);

/// How many processes a user may have is counted over all plugins of that user: one that starts as many as it can leaves
/// none to those beside it, so that tests that start some do not stand beside that one.
static STARTING: RwLock<()> = RwLock::new(());

fn start_few() -> RwLockReadGuard<'static, ()> {
    STARTING.read().unwrap_or_else(PoisonError::into_inner)
}

fn start_many() -> RwLockWriteGuard<'static, ()> {
    STARTING.write().unwrap_or_else(PoisonError::into_inner)
}

fn class(file: &str, class: &str) -> Entry {
    Entry::Class { file: file.to_owned(), class: class.to_owned(), is_required: true }
}

struct Fixture {
    directory: tempfile::TempDir,
    sources: BTreeMap<String, Vec<u8>>,
    config: Map<String, Value>,
    entry: Entry,
    site_paths: Vec<PathBuf>,
    log: Arc<Mutex<Vec<LogLine>>>,
    launcher: Launcher,
}

impl Fixture {
    fn of(source: &str) -> Self {
        let sources = BTreeMap::from([("plugin.py".to_owned(), source.as_bytes().to_vec())]);
        let directory = tempfile::tempdir().expect("a directory");
        Self {
            directory,
            sources,
            config: Map::new(),
            entry: class("plugin.py", "Plugin"),
            site_paths: Vec::new(),
            log: Arc::default(),
            launcher: launcher(Sandbox::default()),
        }
    }

    /// Kept from nothing by the kernel: what it can still do then, it must not keep.
    fn unconfined(mut self) -> Self {
        self.launcher = launcher(Sandbox::Off);
        self
    }

    fn with(mut self, path: &str, source: &str) -> Self {
        self.sources.insert(path.to_owned(), source.as_bytes().to_vec());
        self
    }

    fn start_within(&self, patience: Duration) -> Result<Worker, Error> {
        let plugin = Plugin {
            id: "of-tests",
            entry: &self.entry,
            sources: &self.sources,
            directory: self.directory.path(),
            site_paths: &self.site_paths,
            config: &self.config,
        };
        let (log, stop) = (Arc::clone(&self.log), AtomicBool::new(false));
        let serving = Serving {
            launcher: &self.launcher,
            bounds: Bounds::default(),
            patience,
            stop: &stop,
            log: Box::new(move |line| log.lock().expect("no panic").push(line)),
        };
        Worker::start(&plugin, serving)
    }

    /// Nothing, visibly, without Python.
    fn start(&self) -> Option<Result<Worker, Error>> {
        let started = self.start_within(Duration::from_secs(20));
        if matches!(started, Err(Error::NoPython { .. })) {
            eprintln!("SKIPPED: there is no python3, so nothing was loaded");
            return None;
        }
        Some(started)
    }

    fn printed(&self) -> Vec<LogLine> {
        self.log.lock().expect("no panic").clone()
    }
}

/// A host that grants everything and has nothing.
fn nothing_provided(_: &Ask) -> Reply {
    Reply::Value { value: Value::Null }
}

fn call_within(worker: &Worker, payload: Value, patience: Duration) -> Result<Value, Error> {
    let Value::Object(payload) = payload else { panic!("an object") };
    let (context, stop) = (Map::new(), AtomicBool::new(false));
    worker
        .call(&Call {
            payload: &payload,
            context: &context,
            patience,
            stop: &stop,
            may_begin: &|| true,
            answer: &nothing_provided,
        })
        .map(Value::Object)
}

fn call(worker: &Worker, payload: Value) -> Result<Value, Error> {
    call_within(worker, payload, Duration::from_secs(20))
}

/// Starts a plugin of one file, or leaves the test.
macro_rules! started {
    ($fixture:expr) => {
        match $fixture.start() {
            Some(started) => started.expect("loads"),
            None => return,
        }
    };
}

fn is_gone(id: i64) -> bool {
    let id = Pid::from_raw(i32::try_from(id).expect("a process")).expect("a process");
    test_kill_process(id).is_err()
}

#[test]
fn is_loaded_once_and_called_often() {
    let source =
        "count = 0\nclass Plugin:\n def run(self, p, c):\n  global count\n  count += 1\n  return [count, p, c]";
    let worker = started!(Fixture::of(source));
    for count in 1..=3 {
        let result = call(&worker, json!({ "a": "é" })).expect("runs");
        assert_eq!(result, json!({ "result": [count, { "a": "é" }, {}] }));
    }
    assert!(worker.python().starts_with('3') && worker.is_alive());
}

#[test]
fn what_it_runs_in_was_compiled_before_and_nothing_is_left_of_that_to_be_read() {
    let source = "import os, __main__\nclass Plugin:\n def run(self, p, c):\n  return [hasattr(__main__, 'begin'), \
                  os.read(0, 1).hex()]";
    for sandbox in [Sandbox::BestEffort, Sandbox::Off] {
        let worker = started!(Fixture { launcher: launcher(sandbox), ..Fixture::of(source) });
        assert_eq!(call(&worker, json!({})).expect("runs"), json!({ "result": [true, ""] }), "{sandbox}");
    }
}

#[test]
fn both_contracts_and_every_kind_of_constructor_and_method() {
    let cases = [
        ("class Plugin:\n def run(self, p, c): return {'ok': 1}", json!({ "ok": 1 })),
        (
            "class Plugin:\n def __init__(self, config): self.c = config\n def run(self, p, c): return self.c",
            json!({ "k": "v" }),
        ),
        (
            "class Plugin:\n def __init__(self, settings): self.c = settings\n async def run(self, p, c): return self.c",
            json!({ "k": "v" }),
        ),
        (
            "class Plugin:\n def __init__(self, client=None): self.c = client\n def run(self, p, c): return self.c",
            json!({ "result": null }),
        ),
        (
            "class Plugin:\n def __init__(self, instance_id, tenant_id, config): self.c = instance_id\n def run(self, p, c): return self.c",
            json!({ "result": "of-tests" }),
        ),
        (
            "class Plugin:\n async def execute(self, action, params, context): return [action, params, context]",
            json!({ "result": ["block", { "n": 1 }, {}] }),
        ),
        ("class Plugin:\n def fetch_data(self, context): return context", json!({})),
        (
            "class Plugin:\n def run(self, p, c):\n  async def later(): return {'late': 1}\n  return later()",
            json!({ "late": 1 }),
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Plugin:\n config: dict\n def run(self, p, c): return self.config",
            json!({ "k": "v" }),
        ),
    ];
    for (source, expected) in cases {
        let mut fixture = Fixture::of(source);
        fixture.config.insert("k".to_owned(), "v".into());
        let worker = started!(fixture);
        let result = call(&worker, json!({ "action": "block", "params": { "n": 1 } })).expect(source);
        assert_eq!(result, expected, "{source}");
    }
}

#[test]
fn what_cannot_be_loaded_is_refused_in_the_words_of_a_host() {
    let cases = [
        ("import nowhere_at_all", "error importing plugin.py: No module named 'nowhere_at_all'", "plugin.py line 1"),
        ("\ndef f(:", "error importing plugin.py: ", "SyntaxError, plugin.py line 2"),
        ("import sys\nsys.exit(3)", "error importing plugin.py: 3", "SystemExit, plugin.py line 2"),
        ("x = 1", "plugin.py must define a class named 'Plugin'", ""),
        ("class Plugin:\n def __init__(self, a, b): pass", "error making Plugin: ", "TypeError"),
        ("import os\nos._exit(3)", "Python ended without an answer (exit status: 3)", ""),
        ("import os\nos.kill(os.getpid(), 11)", "Python ended without an answer (signal: 11", ""),
        ("import ctypes\nctypes.string_at(0)", "Python ended without an answer (signal: 11", ""),
        ("x = b'x' * (1 << 33)", "error importing plugin.py: MemoryError", ""),
    ];
    for (source, message, cause) in cases {
        let Some(started) = Fixture::of(source).start() else { return };
        let error = started.expect_err(source);
        assert!(error.to_string().starts_with(message), "{source}: {error}");
        assert!(format!("{error:?}").contains(cause), "{source}: {error:?}");
    }
    let fixture = Fixture { entry: class("widget.py", "Plugin"), ..Fixture::of("") };
    let Some(started) = fixture.start() else { return };
    assert_eq!(started.expect_err("no such file").to_string(), "widget.py not found");
}

#[test]
fn a_call_that_fails_is_refused_and_the_next_one_is_answered() {
    let source = "class Plugin:\n def run(self, p, c): return eval(p['do'])";
    let worker = started!(Fixture::of(source));
    for (expression, message) in [
        ("1 / 0", "execution error: division by zero"),
        ("{1, 2}", "the result of run cannot be written as JSON"),
        ("float('nan')", "the result of run cannot be written as JSON"),
        ("'\\ud800'", "the result of run cannot be written as JSON"),
        ("(lambda x: (x.append(x), x)[1])([])", "the result of run cannot be written as JSON"),
        ("'x' * 2000000", "the result of run is larger than 1048576 bytes"),
        ("(_ for _ in ()).throw(SystemExit(2))", "execution error: 2"),
        ("b'x' * (1 << 33)", "execution error: MemoryError"),
    ] {
        let error = call(&worker, json!({ "do": expression })).expect_err(expression);
        assert!(error.to_string().starts_with(message), "{expression}: {error}");
        assert_eq!(call(&worker, json!({ "do": "7" })).expect("still there"), json!({ "result": 7 }), "{expression}");
    }
    let error = call(&worker, json!({ "do": "x".repeat(MAX_CALL_BYTES) })).expect_err("too large");
    assert!(matches!(error, Error::CallTooLarge { .. }), "{error:?}");
    let missing = started!(Fixture::of("class Plugin: pass"));
    assert_eq!(call(&missing, json!({})).expect_err("no run").to_string(), "Plugin class missing 'run' method");
}

#[test]
fn modules_are_read_out_of_memory_alone() {
    let source = "import helper, package.inner, pathlib\nclass Plugin:\n def run(self, p, c):\n  \
                  return [helper.x, package.inner.y, helper.__loader__.get_source('helper'), \
                  pathlib.Path(__file__).parent.joinpath('data').read_text()]";
    let fixture = Fixture::of(source)
        .with("helper.py", "x = 'verified'\n")
        .with("package/__init__.py", "")
        .with("package/inner.py", "from . import other\ny = other.z\n")
        .with("package/other.py", "z = 3\n");
    // What is on the disk is not what was verified.
    fs::write(fixture.directory.path().join("helper.py"), "x = 'changed'").expect("written");
    fs::write(fixture.directory.path().join("added.py"), "").expect("written");
    // Python looks for what is in a package in the place of the package first.
    fs::create_dir(fixture.directory.path().join("package")).expect("made");
    for name in ["__init__", "inner", "other", "added"] {
        fs::write(fixture.directory.path().join(format!("package/{name}.py")), "y = z = 'changed'").expect("written");
    }
    fs::write(fixture.directory.path().join("data"), "data").expect("written");
    // Whoever is nobody reads it too.
    fs::set_permissions(fixture.directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    let worker = started!(fixture);
    let result = call(&worker, json!({})).expect("runs");
    assert_eq!(result, json!({ "result": ["verified", 3, "x = 'verified'\n", "data"] }));
    let mut directory = fixture.directory;
    for module in ["added", "package.added"] {
        let added = Fixture { directory, ..Fixture::of(&format!("import {module}")).with("package/__init__.py", "") };
        let error = added.start().expect("Python").expect_err("not in memory").to_string();
        assert!(error.contains(&format!("No module named '{module}'")), "{error}");
        directory = added.directory;
    }
}

#[test]
fn asynchronous_calls_wait_beside_each_other_and_are_cancelled_alone() {
    let source =
        "import asyncio\nclass Plugin:\n async def run(self, p, c):\n  await asyncio.sleep(p['s'])\n  return p";
    let worker = started!(Fixture::of(source));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| call(&worker, json!({ "s": 0.5 })).expect("answered"));
        }
        scope.spawn(|| {
            let error = call_within(&worker, json!({ "s": 60 }), Duration::from_millis(200)).expect_err("too long");
            assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
        });
    });
    assert!(began.elapsed() < Duration::from_secs(3), "one after the other");
    assert!(worker.is_alive(), "the others were ended with it");
    assert_eq!(call(&worker, json!({ "s": 0 })).expect("answered"), json!({ "s": 0 }));
}

#[test]
fn a_call_that_waits_for_its_turn_can_be_withdrawn_and_is_seen_by_nobody() {
    let source = "import time\nseen = []\nclass Plugin:\n def run(self, p, c):\n  seen.append(p['n'])\n  \
                  time.sleep(p.get('s', 0))\n  return seen";
    let worker = started!(Fixture::of(source));
    let may = AtomicBool::new(true);
    thread::scope(|scope| {
        let first = scope.spawn(|| call(&worker, json!({ "n": 1, "s": 1 })).expect("answered"));
        thread::sleep(Duration::from_millis(200));
        let second = scope.spawn(|| {
            let (Value::Object(payload), context) = (json!({ "n": 2 }), Map::new()) else { panic!("an object") };
            let (patience, stop) = (Duration::from_secs(20), AtomicBool::new(false));
            let may_begin = || may.load(Ordering::SeqCst);
            worker.call(&Call {
                payload: &payload,
                context: &context,
                patience,
                stop: &stop,
                may_begin: &may_begin,
                answer: &nothing_provided,
            })
        });
        thread::sleep(Duration::from_millis(100));
        // One that has no time to wait for its turn leaves the plugin alone.
        let hurried = call_within(&worker, json!({ "n": 3 }), Duration::from_millis(50)).expect_err("no time");
        assert!(matches!(hurried, Error::NotReached { .. }), "{hurried:?}");
        may.store(false, Ordering::SeqCst);
        first.join().expect("no panic");
        let withdrawn = second.join().expect("no panic").expect_err("withdrawn");
        assert!(matches!(withdrawn, Error::Withdrawn), "{withdrawn:?}");
    });
    assert_eq!(call(&worker, json!({ "n": 4 })).expect("answered"), json!({ "result": [1, 4] }));
}

#[test]
fn a_call_that_does_not_let_go_ends_the_plugin_and_everything_it_started() {
    let _starting = start_few();
    let source = "import os, subprocess, sys, time\nchild = subprocess.Popen(['sleep', '600'], start_new_session=True)\n\
                  class Plugin:\n def run(self, p, c):\n  if p: return [os.getpid(), child.pid]\n  time.sleep(600)";
    let worker = started!(Fixture::of(source).unconfined());
    let ids = call(&worker, json!({ "ids": 1 })).expect("answered");
    let error = call_within(&worker, json!({}), Duration::from_millis(100)).expect_err("hangs");
    assert!(matches!(error, Error::TimedOut { .. }), "{error:?}");
    assert!(matches!(call(&worker, json!({})).expect_err("ended"), Error::Unanswered { .. }));
    assert!(!worker.is_alive());
    drop(worker);
    for id in ids["result"].as_array().expect("two") {
        assert!(is_gone(id.as_i64().expect("a number")), "{id} is left");
    }
}

#[test]
fn dropping_it_ends_what_ignores_every_signal_and_left_its_session() {
    let _starting = start_few();
    let source = "import os, signal, time\nids = []\n\
                  for n in range(1, 65):\n try: signal.signal(n, signal.SIG_IGN)\n except (OSError, ValueError): pass\n\
                  for _ in range(3):\n id = os.fork()\n if id == 0:\n  os.setsid()\n  time.sleep(600)\n ids.append(id)\n\
                  class Plugin:\n def run(self, p, c): return ids + [os.getpid(), os.getppid()]";
    let worker = started!(Fixture::of(source).unconfined());
    let ids = call(&worker, json!({})).expect("answered");
    drop(worker);
    for id in ids["result"].as_array().expect("five") {
        assert!(is_gone(id.as_i64().expect("a number")), "{id} is left");
    }
}

#[test]
fn a_load_that_takes_too_long_or_is_stopped_leaves_nothing() {
    let fixture = Fixture::of("import os\nprint(os.getpid(), flush=True)\nwhile True: pass").unconfined();
    match fixture.start_within(Duration::from_secs(1)) {
        Err(Error::NoPython { .. }) => return eprintln!("SKIPPED: there is no python3"),
        started => assert!(matches!(started.expect_err("hangs"), Error::TimedOut { .. })),
    }
    let printed = fixture.printed();
    let id = printed.iter().find_map(|line| match line {
        // Behind what the program of these tests prints itself.
        LogLine::Printed(line) => line.rsplit(' ').next()?.parse().ok(),
        LogLine::Dropped(_) => None,
    });
    assert!(is_gone(id.expect("its number")), "{printed:?}");
}

#[test]
fn what_is_printed_is_a_bounded_log_and_never_an_answer() {
    let source = "import os, sys\nprint('{\"id\": 0, \"python\": \"9\"}', flush=True)\nprint('x' * 10000)\n\
                  os.write(1, b'\\xff\\n')\nfor _ in range(100000): os.write(2, b'flood\\n')\n\
                  class Plugin:\n def run(self, p, c): return [sys.stdin.read(), sorted(os.listdir('/proc/self/fd')), dict(os.environ)]";
    let fixture = Fixture::of(source).unconfined();
    let worker = started!(fixture);
    assert!(!worker.python().starts_with('9'));
    let result = call(&worker, json!({})).expect("answered");
    // Standard input is empty; beside the three there is the channel, and the directory that is listed.
    assert_eq!(result["result"][0], "");
    assert_eq!(result["result"][1].as_array().expect("a list").len(), 5, "{result}");
    let variables = result["result"][2].as_object().expect("variables");
    let is_kept = |name: &String| KEPT_VARIABLES.contains(&name.as_str()) || name == "LC_CTYPE";
    assert!(variables.keys().all(is_kept), "{variables:?}");
    drop(worker);
    let deadline = Instant::now() + Duration::from_secs(5);
    while !fixture.printed().iter().any(|line| matches!(line, LogLine::Dropped(_))) && Instant::now() < deadline {
        thread::sleep(STEP);
    }
    let printed = fixture.printed();
    assert!(printed.contains(&LogLine::Printed("x".repeat(4096))));
    assert!(printed.contains(&LogLine::Printed("\u{fffd}".to_owned())));
    assert!(printed.len() < 1000, "{}", printed.len());
}

#[test]
fn a_plugin_that_writes_what_is_no_answer_is_ended() {
    for (write, ends) in [("b'no json\\n'", "Unreadable"), ("b'x' * (1 << 21)", "TooLarge")] {
        let source = format!(
            "import os\nclass Plugin:\n def run(self, p, c):\n  for fd in range(3, 300):\n   try: os.write(fd, {write})\n   \
             except OSError: pass"
        );
        let worker = started!(Fixture::of(&source));
        let error = call(&worker, json!({})).expect_err("no answer");
        assert!(format!("{error:?}").starts_with(ends), "{error:?}");
        assert!(!worker.is_alive());
    }
}

/// Whoever calls may choose what a plugin that does nothing wrong returns or says: that is one call's, and nobody else's.
#[test]
fn what_nobody_can_read_is_one_calls_and_ends_no_plugin() {
    let body = "def do(p):\n what = p['what']\n if what == 'deep': v = 0\n if what == 'deep':\n  for _ in range(p['n']): v = [v]\n  \
                return {'v': v}\n if what == 'number': return {'v': 10 ** p['n']}\n if what == 'many': return {'v': [{'': 0}] * p['n']}\n if what == 'half': raise ValueError('no ' + chr(0xd800))\n \
                if what == 'mute': raise Mute()\n if what == 'key': return {chr(0xd800): 1}\n return {'v': 'well'}\n\
                class Mute(Exception):\n def __str__(self): raise RuntimeError('mute')\n";
    for run in ["def run(self, p, c): return do(p)", "async def run(self, p, c): return do(p)"] {
        let worker = started!(Fixture::of(&format!("{body}class Plugin:\n {run}")));
        for (payload, words) in [
            (json!({ "what": "deep", "n": 200 }), "cannot be read: recursion limit exceeded"),
            (json!({ "what": "deep", "n": 20_000 }), "cannot be written as JSON"),
            (json!({ "what": "number", "n": 400 }), "cannot be read: an integer in it has more than 64 bits"),
            (json!({ "what": "number", "n": 20 }), "cannot be read: an integer in it has more than 64 bits"),
            (json!({ "what": "many", "n": 25_000 }), "cannot be read: it has more than 50000 values"),
            (json!({ "what": "number", "n": 5000 }), "cannot be written as JSON"),
            (json!({ "what": "half" }), "execution error: no \\ud800"),
            (json!({ "what": "mute" }), "execution error: Mute"),
            (json!({ "what": "key" }), "cannot be written as JSON"),
        ] {
            let error = call(&worker, payload.clone()).expect_err("nobody reads that");
            assert!(
                matches!(&error, Error::Refused { refusal, .. } if refusal.contains(words)),
                "{payload}: {error:?}"
            );
        }
        assert!(call(&worker, json!({ "what": "deep", "n": 100 })).expect("read")["v"][0][0].is_array());
        let kept = call(&worker, json!({ "what": "number", "n": 19 })).expect("64 bits");
        assert_eq!(kept, json!({ "v": 10_000_000_000_000_000_000_u64 }));
        assert_eq!(call(&worker, json!({ "what": "" })).expect("goes on"), json!({ "v": "well" }));
        assert!(worker.is_alive());
    }
    let load = started_or_refused("raise ValueError(chr(0xd800))\nclass Plugin:\n def run(self, p, c): return {}");
    let Some(load) = load else { return };
    assert!(matches!(&load, Error::Refused { refusal, .. } if refusal.contains("\\ud800")), "{load:?}");
}

/// Why it is not loaded; nothing without Python.
fn started_or_refused(source: &str) -> Option<Error> {
    Fixture::of(source).start().map(|started| started.expect_err("not loaded"))
}

#[test]
fn what_it_may_take_is_bounded() {
    let _starting = start_many();
    let source = "import os\nclass Plugin:\n def run(self, p, c):\n  held = []\n  try:\n   while True: \
                  held.append(os.open('/dev/null', 0))\n  except OSError as e: opened = [len(held), e.strerror]\n  \
                  for fd in held: os.close(fd)\n  children = []\n  try:\n   for _ in range(500):\n    \
                  id = os.fork()\n    if id == 0:\n     import time; time.sleep(600)\n    children.append(id)\n  \
                  except OSError as e: return [opened, len(children), e.strerror]\n  return len(children)";
    let worker = started!(Fixture::of(source));
    let result = call(&worker, json!({})).expect("answered");
    let opened = result["result"][0][0].as_u64().expect("a number");
    assert!(opened < Bounds::default().descriptors, "{result}");
    let children = result["result"][1].as_u64().expect("forks are refused");
    assert!(children <= Bounds::default().tasks, "{result}");
}

/// Who calls can go away as often as they like.
#[test]
fn a_caller_who_goes_away_ends_no_plugin_that_ends_in_time() {
    let source = "import time\nclass Plugin:\n def run(self, p, c):\n  time.sleep(p.get('s', 0))\n  return p";
    let worker = started!(Fixture::of(source));
    for _ in 0..3 {
        let (Value::Object(payload), context) = (json!({ "s": 1 }), Map::new()) else { panic!("an object") };
        let stop = AtomicBool::new(true);
        let patience = Duration::from_secs(20);
        let call = Call {
            payload: &payload,
            context: &context,
            patience,
            stop: &stop,
            may_begin: &|| true,
            answer: &nothing_provided,
        };
        assert!(matches!(worker.call(&call), Err(Error::Stopped)));
    }
    assert_eq!(call(&worker, json!({ "s": 0 })).expect("answered"), json!({ "s": 0 }));
    // Its own time is a call's from its turn on.
    thread::scope(|scope| {
        let calls: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| call_within(&worker, json!({ "s": 0.8 }), Duration::from_millis(2000))))
            .collect();
        for answered in calls {
            answered.join().expect("no panic").expect("answered in its time");
        }
    });
    // One that takes too long is ended, whoever has gone away.
    let (Value::Object(payload), context) = (json!({ "s": 60 }), Map::new()) else { panic!("an object") };
    let (stop, patience) = (AtomicBool::new(true), Duration::from_millis(300));
    let call = Call {
        payload: &payload,
        context: &context,
        patience,
        stop: &stop,
        may_begin: &|| true,
        answer: &nothing_provided,
    };
    assert!(matches!(worker.call(&call), Err(Error::Stopped)));
    let deadline = Instant::now() + Duration::from_secs(20);
    while worker.is_alive() {
        assert!(Instant::now() < deadline, "it goes on");
        thread::sleep(STEP);
    }
}

/// Not to root, to whom nothing is closed: as root these plugins are nobody, as they are in a host.
#[test]
fn what_one_holds_in_memory_no_other_of_its_user_sees() {
    let _starting = start_few();
    let holds = "import os\nclass Plugin:\n def run(self, p, c): return os.getpid()";
    let looks = "import os\nclass Plugin:\n def run(self, p, c):\n  seen = {}\n  for what in ('mem', 'environ', 'maps', 'fd'):\n   \
                 place = '/proc/%d/%s' % (p['id'], what)\n   try:\n    seen[what] = bool(os.listdir(place) if what == 'fd' \
                 else open(place, 'rb'))\n   except OSError as error: seen[what] = error.strerror\n  return seen";
    let (holding, looking) = (started!(Fixture::of(holds).unconfined()), started!(Fixture::of(looks).unconfined()));
    let id = call(&holding, json!({})).expect("answered")["result"].clone();
    let seen = call(&looking, json!({ "id": id })).expect("answered");
    for what in ["mem", "environ", "maps", "fd"] {
        assert_eq!(seen[what], "Permission denied", "{what}: {seen}");
    }
}

#[test]
fn a_stopped_call_is_cancelled() {
    let source = "import asyncio\nclass Plugin:\n async def run(self, p, c): await asyncio.sleep(60)";
    let worker = started!(Fixture::of(source));
    let (nothing, stop) = (Map::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::SeqCst);
        });
        let call = Call {
            payload: &nothing,
            context: &nothing,
            patience: Duration::from_secs(60),
            stop: &stop,
            may_begin: &|| true,
            answer: &nothing_provided,
        };
        assert!(matches!(worker.call(&call), Err(Error::Stopped)));
    });
    assert!(worker.is_alive());
}

#[test]
fn one_that_is_held_outlives_a_load_beside_it() {
    let _starting = start_few();
    let started = started!(Fixture::of("class Plugin:\n def run(self, p, c): return 1"));
    let beside = tempfile::tempdir().expect("a directory");
    fs::write(
        beside.path().join("plugin.py"),
        "import subprocess, time\nsubprocess.Popen(['sleep', '600'])\n\
                  class Plugin:\n def run(self, p, c): time.sleep(0.5)",
    )
    .expect("writes");
    let launcher = launcher(Sandbox::Off);
    let (payload, stop) = (Map::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        let loading = scope.spawn(|| {
            load(&Loading {
                launcher: &launcher,
                directory: beside.path(),
                id: "of-tests",
                declared: &[],
                payload: Some(&payload),
                patience: Duration::from_secs(20),
                room: Room { entries: 10, file_bytes: 1 << 20, total_bytes: 1 << 20 },
                stop: &stop,
            })
        });
        // Starts while the load goes on: it is younger than what the load started.
        thread::sleep(Duration::from_millis(200));
        let younger =
            Fixture::of("class Plugin:\n def run(self, p, c): return 2").start().expect("Python").expect("loads");
        loading.join().expect("no panic").expect("loads");
        assert_eq!(call(&younger, json!({})).expect("is alive"), json!({ "result": 2 }));
    });
    assert_eq!(call(&started, json!({})).expect("is alive"), json!({ "result": 1 }));
}

#[test]
fn a_file_without_a_class_is_called_by_its_functions_and_by_nothing_that_it_has_imported() {
    let entry = || Entry::Class { file: "tidy.py".to_owned(), class: "Plugin".to_owned(), is_required: false };
    let of = |source: &str| Fixture { entry: entry(), ..Fixture::of("").with("tidy.py", source) };
    let worker = started!(of("def run(payload, context): return [payload, context, __name__]"));
    let answered = json!({ "result": [{ "a": 1 }, {}, "aisoc_plugin_of_tests"] });
    assert_eq!(call(&worker, json!({ "a": 1 })).expect("answered"), answered);
    let worker = started!(of("class Plugin:\n def run(self, p, c): return 2\ndef run(p, c): return 1"));
    assert_eq!(call(&worker, json!({})).expect("answered"), json!({ "result": 2 }));
    let said = "tidy.py defines neither a class 'Plugin' nor a function 'run'";
    for source in ["x = 1", "from subprocess import run", "Plugin = 1"] {
        let worker = started!(of(source));
        assert_eq!(call(&worker, json!({ "args": ["true"] })).expect_err(source).to_string(), said, "{source}");
    }
    let error = of("1 / 0").start().expect("Python").expect_err("it fails");
    assert_eq!(error.to_string(), "error importing tidy.py: division by zero");
}

#[test]
fn an_object_of_a_distribution_comes_out_of_memory_and_what_it_needs_from_its_paths() {
    let fixture = |object: &str, source: &str| {
        let fixture =
            Fixture::of("").with("lab/__init__.py", "").with("lab/heat.py", source).with("ns/deep.py", "w = 4");
        let site = fixture.directory.path().to_owned();
        for (name, text) in [("lab/heat.py", "raise ValueError('changed')"), ("ns/deep.py", "w = 'changed'")] {
            fs::create_dir_all(site.join(name).parent().expect("a parent")).expect("made");
            fs::write(site.join(name), text).expect("written");
        }
        // Neither is Python's own to be had from there.
        fs::write(site.join("json.py"), "raise ValueError('not of Python')").expect("written");
        fs::write(site.join("needed.py"), "v = 3").expect("written");
        let entry = Entry::Object { module: "lab.heat".to_owned(), object: object.to_owned(), has_hooks: false };
        Fixture { entry, site_paths: vec![site], ..fixture }
    };
    let source = "import json, needed, ns.deep\nclass Inner:\n class Flux:\n  def __init__(self, config): self.config = config\n  \
                  async def run(self, p, c): return [needed.v, ns.deep.w, self.config]\n\
                  class Bare:\n def __init__(self, a, b): pass\nmade = Inner.Flux(5)\ndef hook(): raise ValueError('called')";
    for (object, answer) in [("Inner.Flux", json!([3, 4, {}])), ("made", json!([3, 4, 5]))] {
        let worker = started!(fixture(object, source));
        assert_eq!(call(&worker, json!({})).expect("answered"), json!({ "result": answer }), "{object}");
    }
    // What has nothing to call is not made, and not called.
    for (object, said) in [("Bare", "Bare has no method 'run'"), ("hook", "hook has no method 'run'")] {
        let worker = started!(fixture(object, source));
        assert_eq!(call(&worker, json!({})).expect_err(object).to_string(), said);
    }
    let error = fixture("nothing", source).start().expect("Python").expect_err("there is none");
    assert!(error.to_string().starts_with("error importing lab.heat:nothing: "), "{error}");
}

/// Who reads slowly is ended in the time of the call, and whoever ends it waits for nobody.
#[test]
fn a_plugin_that_reads_slowly_has_the_time_of_its_call_and_no_more() {
    let _starting = start_few();
    let source = "import __main__, os, time\ndef slow(self):\n while True:\n  os.read(3, 4096)\n  time.sleep(0.2)\n\
                  __main__.Channel.lines = slow\nclass Plugin:\n def run(self, p, c): return 1";
    let worker = started!(Fixture::of(source));
    let began = Instant::now();
    let large = json!({ "text": "x".repeat(900_000) });
    call_within(&worker, large, Duration::from_secs(1)).expect_err("not read in time");
    drop(worker);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// What a plugin writes that nobody waits for fills the channel, and not the memory of whoever holds many of them.
#[test]
fn what_nobody_waits_for_is_left_to_the_plugin_and_what_is_waited_for_is_read_whole() {
    let marks = tempfile::tempdir().expect("a directory");
    fs::set_permissions(marks.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("set");
    let (mark, length) = (marks.path().join("sent"), 900 << 10);
    // A line of a number that nobody waits for, whose end comes once it is called.
    let source = format!(
        "import os, stat, threading\n\
         def channel():\n for name in os.listdir('/proc/self/fd'):\n  try:\n   if stat.S_ISSOCK(os.fstat(int(name)).st_mode): return int(name)\n  except OSError: pass\n\
         class Plugin:\n def __init__(self):\n  self.done = threading.Event()\n  threading.Thread(target=self.write, daemon=True).start()\n \
         def write(self):\n  fd, sent = channel(), 0\n  import time; time.sleep(0.3)\n  line = b'999 ' + b'x' * ({length} - 4)\n  \
         while sent < len(line):\n   sent += os.write(fd, line[sent:sent + 4096])\n   open('{mark}', 'w').write(str(sent))\n  os.write(fd, b'\\n'); self.done.set()\n \
         def run(self, p, c):\n  self.done.wait(10)\n  return 'y' * p['length']",
        mark = mark.display()
    );
    let worker = started!(Fixture::of(&source).unconfined());
    let sent = || fs::read_to_string(&mark).ok().and_then(|sent| sent.parse::<usize>().ok()).unwrap_or_default();
    let begun = Instant::now();
    let mut before = (0, Instant::now());
    // Until nothing more goes out.
    while before.0 == 0 || before.1.elapsed() < Duration::from_millis(700) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", sent());
        if sent() != before.0 {
            before = (sent(), Instant::now());
        }
        thread::sleep(STEP);
    }
    assert!((1..length / 2).contains(&before.0), "{} of {length} bytes went out", before.0);
    assert!(worker.is_alive());
    // It is read on for whoever waits, to its end, and so is an answer that is as long.
    let answer = call(&worker, json!({ "length": length })).expect("answered");
    assert_eq!(answer["result"].as_str().map(str::len), Some(length));
    assert_eq!(sent(), length);
}

#[test]
fn a_plugin_that_ends_in_a_line_that_nobody_waits_for_has_ended() {
    let source = "import os, stat, threading, time\n\
        def channel():\n for name in os.listdir('/proc/self/fd'):\n  try:\n   if stat.S_ISSOCK(os.fstat(int(name)).st_mode): return int(name)\n  except OSError: pass\n\
        class Plugin:\n def __init__(self):\n  threading.Thread(target=self.write, daemon=True).start()\n \
        def write(self):\n  time.sleep(0.2)\n  os.write(channel(), b'999 ' + b'x' * (64 << 10))\n  time.sleep(0.5)\n  os._exit(7)\n \
        def run(self, p, c): return 1";
    let worker = started!(Fixture::of(source).unconfined());
    let begun = Instant::now();
    while worker.is_alive() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it is not seen that it has ended");
        thread::sleep(STEP);
    }
}
