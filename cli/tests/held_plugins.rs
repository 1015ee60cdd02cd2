//! The program as the process between a host and a plugin: reached by a host, and by nobody else.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_worker::serving::{Ask, Call, Entry, Plugin, Reply, Serving, Worker};
use aisoc_worker::{Bounds, Error, KEPT_VARIABLES, Launcher, Python, Sandbox, ShimProgram};
use serde_json::{Map, Value, json};
use support::host::descendants_of;
use support::{Bench, Run};

const WORD: &str = "attend-held-plugin";

fn python() -> Python {
    let variables = KEPT_VARIABLES.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
    Python { program: "python3".into(), variables: variables.collect() }
}

/// Nothing without Python.
fn start(source: &str) -> Option<Worker> {
    let sources = BTreeMap::from([("plugin.py".to_owned(), source.as_bytes().to_vec())]);
    let place = tempfile::tempdir().expect("a directory");
    let plugin = Plugin {
        id: "of-tests",
        entry: &Entry::Class { file: "plugin.py".to_owned(), class: "Plugin".to_owned(), is_required: true },
        sources: &sources,
        directory: place.path(),
        site_paths: &[],
        config: &Map::new(),
    };
    let shim = ShimProgram { program: env!("CARGO_BIN_EXE_aisoc").into(), arguments: vec![WORD.into()] };
    let serving = Serving {
        launcher: &Launcher::new(python(), shim, Sandbox::Off),
        bounds: Bounds::default(),
        patience: Duration::from_secs(30),
        stop: &AtomicBool::new(false),
        log: Box::new(drop),
    };
    match Worker::start(&plugin, serving) {
        Err(Error::NoPython { .. }) => None,
        started => Some(started.expect("loads")),
    }
}

fn call(worker: &Worker) -> Value {
    let (nothing, stop) = (Map::new(), AtomicBool::new(false));
    let patience = Duration::from_secs(30);
    let answer = |_: &Ask| Reply::Value { value: Value::Null };
    let call =
        Call { payload: &nothing, context: &nothing, patience, stop: &stop, may_begin: &|| true, answer: &answer };
    worker.call(&call).expect("answers").into()
}

#[test]
fn a_host_holds_a_plugin_through_the_program() {
    let source = "import os\nclass Plugin:\n def run(self, p, c): return [os.getpid(), os.getppid()]";
    let Some(worker) = start(source) else {
        return eprintln!("SKIPPED: there is no python3, so nothing was loaded");
    };
    let ids = call(&worker)["result"].clone();
    assert_eq!(call(&worker)["result"], ids, "it was loaded again");
    let shim = ids[1].as_i64().expect("a number");
    let command = fs::read_to_string(format!("/proc/{shim}/cmdline")).expect("it is there");
    assert!(command.contains(WORD), "{command}");
    drop(worker);
    assert!(ids.as_array().expect("two").iter().all(|id| !Path::new(&format!("/proc/{id}")).exists()), "{ids}");
}

fn os_text(text: &[u8]) -> Value {
    json!({ "Unix": text })
}

/// A host that is killed has no time to end anything.
#[test]
fn a_plugin_ends_with_a_host_that_is_killed() {
    let scratch = tempfile::tempdir().expect("a directory");
    let confinement = json!({
        "is_required": false,
        "view": { "readable": [], "executable": ["/usr/bin/python3", "/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"], "scratch": scratch.path() },
        "namespaces": null,
        "is_alone": false,
    });
    // Confined, it starts no other program; what it forks has to end as well.
    let alone = "import os, time\nif os.fork() == 0:\n os.setsid()\n time.sleep(600)\n";
    let starting = "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n";
    for (confinement, python, source) in
        [(json!(null), "python3", starting), (json!(null), "python3", alone), (confinement, "/usr/bin/python3", alone)]
    {
        let (mut host, theirs) = UnixStream::pair().expect("a pair");
        let variables = self::python().variables.into_iter();
        let variables: Vec<_> =
            variables.map(|(name, value)| [name, value].map(|text| os_text(text.as_encoded_bytes()))).collect();
        let is_confined = !confinement.is_null();
        let order = json!({
            "shim": { "program": env!("CARGO_BIN_EXE_aisoc"), "arguments": [os_text(WORD.as_bytes())] },
            "python": os_text(python.as_bytes()),
            "script": "Serve",
            "arguments": [],
            "variables": variables,
            "home": "/nonexistent",
            "bounds": Bounds::default(),
            "is_counted": false,
            "is_lowered": false,
            "confinement": confinement,
        });
        let mut shim = shim(theirs, &order.to_string());
        let source = format!("{source}class Plugin:\n def run(self, p, c): return 1");
        let hexadecimal: String = source.bytes().map(|byte| format!("{byte:02x}")).collect();
        let plugin = json!({
            "id": "of-tests", "entry": { "file": "plugin.py", "class": "Plugin", "is_required": true },
            "module": "of_tests", "config": {}, "sources": { "plugin.py": hexadecimal }, "directory": "/",
            "site_paths": [], "limit": 1000, "ask_limit": 1000,
        });
        // A shim that could not start anything has closed its end.
        let confined = if is_confined { line(&mut host) } else { Some("0".to_owned()) };
        let said = confined.and_then(|_said| {
            writeln!(host, "{plugin}").ok()?;
            line(&mut host)
        });
        let Some(said) = said else {
            let code = shim.wait().expect("ends").code();
            assert!(code == Some(127) || !Path::new("/usr/bin/python3").exists(), "{code:?}");
            return eprintln!("SKIPPED: there is no python3, so nothing was loaded");
        };
        assert!(said.starts_with("1 {\"python\""), "{said}");
        let living = descendants_of(shim.id());
        assert!(living.len() >= if is_confined { 3 } else { 2 }, "{living:?}");
        drop(host);
        let deadline = Instant::now() + Duration::from_secs(20);
        while shim.try_wait().expect("ours").is_none() {
            assert!(Instant::now() < deadline, "the shim is left");
            thread::sleep(Duration::from_millis(5));
        }
        for id in living {
            assert!(!Path::new(&format!("/proc/{id}")).exists(), "{id} is left");
        }
    }
}

fn shim(channel: UnixStream, order: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aisoc"));
    command.args([WORD, order]).stdin(Stdio::from(OwnedFd::from(channel)));
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
}

/// Nothing at the end.
fn line(channel: &mut UnixStream) -> Option<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while channel.read(&mut byte).ok()? == 1 {
        match byte[0] {
            b'\n' => return String::from_utf8(line).ok(),
            other => line.push(other),
        }
    }
    None
}

#[test]
fn nobody_else_reaches_it() {
    let bench = Bench::new();
    // Standard input is no socket: the word is that of no command.
    let run = bench.run(&[WORD, "{}"]);
    run.refused(2, "usage");
    assert!(run.error_line().contains(WORD), "{run:?}");
    let socket = || Stdio::from(OwnedFd::from(UnixStream::pair().expect("a pair").0));
    for words in [&[WORD][..], &[WORD, "{}", "{}"], &["--json", WORD, "{}"], &["help", WORD]] {
        let run = Run::of(bench.command(words).stdin(socket()));
        assert_eq!(run.code, 2, "{words:?}: {run:?}");
    }
    // With a socket, what is no order starts nothing.
    for order in ["", "{}", "{\"python\": 1}", "x"] {
        let run = Run::of(bench.command(&[WORD, order]).stdin(socket()));
        assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{order}: {run:?}");
    }
    // By another name of the program it is the same.
    let run = Run::of(bench.command(&[WORD, "{}"]).arg0("another").stdin(socket()));
    assert_eq!(run.code, 125, "{run:?}");
    let help = bench.run(&["help"]);
    assert!(!help.ok().stdout.contains(WORD), "{help:?}");
}
