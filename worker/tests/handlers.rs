//! Handlers of hooks, each in a real process: what they are given, what is said of what they answer, and their ends.
#![expect(clippy::print_stderr, reason = "without Python there is nothing to test, which is said")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_worker::serving::{Ask, Entry, HandlerAnswer, HookCall, Plugin, Reply, Serving, Worker};
use aisoc_worker::{Bounds, Error, HookHandler, HookManifest, Sandbox};
use serde_json::{Map, Value, json};
use support::launcher;

const LONG: Duration = Duration::from_secs(20);
/// What every plugin here begins with: there is no such distribution, so it is the host's.
const HEAD: &str = "from stigmem_node.plugins import *\nimport sys\n";

fn start(source: &str) -> Option<Result<Worker, Error>> {
    let directory = tempfile::tempdir().expect("a directory");
    let sources = BTreeMap::from([("lab.py".to_owned(), format!("{HEAD}{source}").into_bytes())]);
    let entry = Entry::Object { module: "lab".to_owned(), object: "manifest".to_owned(), has_hooks: true };
    let (config, stop, launcher) = (Map::new(), AtomicBool::new(false), launcher(Sandbox::default()));
    let (site_paths, directory) = (vec![directory.path().to_owned()], directory.path());
    let plugin = Plugin {
        id: "lab-hooks",
        entry: &entry,
        sources: &sources,
        directory,
        site_paths: &site_paths,
        config: &config,
    };
    let (bounds, log) = (Bounds::default(), Box::new(|_| {}));
    let started = Worker::start(&plugin, Serving { launcher: &launcher, bounds, patience: LONG, stop: &stop, log });
    if matches!(started, Err(Error::NoPython { .. })) {
        eprintln!("SKIPPED: there is no python3, so no handler was called");
        return None;
    }
    Some(started)
}

/// Starts a plugin with these handlers, or leaves the test.
macro_rules! started {
    ($source:expr) => {
        match start($source) {
            Some(started) => started.expect("loads"),
            None => return,
        }
    };
}

/// A plugin with a manifest that names functions of its module.
fn plugin(functions: &str, hooks: &str) -> String {
    format!(
        "{functions}\ndef manifest(): return PluginManifest(name='lab-hooks', version='1.0.0', \
         capabilities={{'audit.emit'}}, hooks={{{hooks}}})\n"
    )
}

/// A host that provides nothing, and denies what is not declared.
fn provided(ask: &Ask) -> Reply {
    match ask.handle.as_str() {
        "audit.emit" => Reply::Value { value: Value::Null },
        // As whoever has called words it.
        handle => Reply::Denied {
            denied: format!("plugin 'lab-hooks' cannot call get_facts_reader: capability '{handle}' not declared"),
        },
    }
}

fn fire_within(
    worker: &Worker,
    hook: &str,
    value: Option<&Value>,
    payload: Value,
    patience: Duration,
) -> Result<HandlerAnswer, Error> {
    let Value::Object(payload) = payload else { panic!("an object") };
    let stop = AtomicBool::new(false);
    let call = HookCall {
        hook,
        value,
        payload: &payload,
        is_own: false,
        patience,
        stop: &stop,
        may_begin: &|| true,
        answer: &provided,
    };
    worker.fire(&call)
}

fn fire(worker: &Worker, hook: &str, value: Option<&Value>, payload: Value) -> HandlerAnswer {
    fire_within(worker, hook, value, payload, LONG).expect("answered")
}

fn value(type_name: &str, value: Value) -> HandlerAnswer {
    HandlerAnswer::Value { type_name: type_name.to_owned(), value }
}

fn raised(error_type: &str, message: &str) -> HandlerAnswer {
    HandlerAnswer::Raised { error_type: error_type.to_owned(), message: message.to_owned() }
}

#[test]
fn a_manifest_is_read_with_its_handlers_when_it_is_loaded() {
    let functions = "@handler_timeout(0.5)\ndef vote(ctx, **rest): return Allow()\n\
                     class Tidy:\n def __call__(self, ctx, value): return value\n\
                     def any(*all): pass\nasync def late(ctx): pass\n";
    let hooks = "'pre_assert_authorize': vote, 'recall_filter': Tidy(), 'audit_emit': any, 'post_assert_persist': late";
    let worker = started!(&plugin(functions, hooks));
    let handler = |hook: &str, function: &str, positional_count, timeout_seconds| HookHandler {
        hook: hook.to_owned(),
        function: Some(function.to_owned()),
        positional_count,
        timeout_seconds,
    };
    let expected = HookManifest {
        name: "lab-hooks".to_owned(),
        version: "1.0.0".to_owned(),
        requires: ">=0.9.0a10".to_owned(),
        capabilities: vec!["audit.emit".to_owned()],
        depends_on: Vec::new(),
        is_async_safe: true,
        handlers: vec![
            handler("pre_assert_authorize", "vote", Some(1), Some(0.5)),
            handler("recall_filter", "", Some(2), None),
            handler("audit_emit", "any", None, None),
            handler("post_assert_persist", "late", Some(1), None),
        ],
        has_health_check: Some(false),
    };
    assert_eq!(worker.manifest(), Some(&expected));
    // A dictionary says the same, and what cannot be called is said to be none.
    let worker = started!(
        "def manifest(): return {'name': 'lab-hooks', 'version': '1.0.0', 'hooks': {'audit_emit': 3}, 'health_check': 4}"
    );
    let manifest = worker.manifest().expect("a manifest");
    assert_eq!((manifest.handlers[0].function.as_deref(), manifest.has_health_check), (None, None));
    for (source, message) in [
        ("def manifest(): raise ValueError('no')", "error making the manifest of lab:manifest: no"),
        (
            "def manifest(): return {'name': 'x'}",
            "error making the manifest of lab:manifest: the manifest has no version",
        ),
        (
            "def manifest(): return {'name': 'x', 'version': '1', 'hooks': [1]}",
            "error making the manifest of lab:manifest: the manifest's hooks must be a mapping",
        ),
        (
            "def manifest(): return PluginManifest(name='x', version='1', hook={})",
            "error making the manifest of lab:manifest: unknown manifest fields: hook",
        ),
    ] {
        let error = start(source).expect("Python").expect_err(source);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_handler_is_given_its_context_the_value_and_the_rest_by_name() {
    let functions = "def vote(ctx, *, source, event): return Deny('%s %s %s %s' % (ctx.plugin_name, ctx.plugin_version, source, event.outcome.status))\n\
                     def tidy(ctx, value, **rest): return [value, rest, event_of(rest)]\n\
                     def event_of(rest): return rest['event']['n'] + rest['event'].n\n";
    let worker = started!(&plugin(functions, "'pre_assert_authorize': vote, 'recall_filter': tidy"));
    let payload = json!({ "source": "agent:a", "event": { "outcome": { "status": "success" } } });
    let reason = "lab-hooks 1.0.0 agent:a success".to_owned();
    assert_eq!(fire(&worker, "pre_assert_authorize", None, payload), HandlerAnswer::Deny { reason });
    let answer = fire(&worker, "recall_filter", Some(&json!({ "a": 1 })), json!({ "event": { "n": 2 } }));
    assert_eq!(answer, value("list", json!([{ "a": 1 }, { "event": { "n": 2 } }, 4])));
    // What it does not take is an error of Python's, and of nobody else; the names are whoever's fires the hook.
    let raised = |payload: Value| match fire(&worker, "pre_assert_authorize", None, payload) {
        HandlerAnswer::Raised { error_type, message } => (error_type, message),
        other => panic!("it takes nothing of that: {other:?}"),
    };
    let (error_type, message) = raised(json!({ "SECRET-4711": 1 }));
    assert_eq!(error_type, "TypeError");
    assert_eq!(message, "the handler does not take what the hook is fired with");
    let (error_type, message) = raised(json!({ "source": "a", "event": { "outcome": "no object" } }));
    assert!(error_type == "AttributeError" && message.contains("status"), "its own words: {error_type} {message}");
    assert!(worker.is_alive());
}

#[test]
fn whatever_a_handler_returns_or_raises_is_said_and_it_goes_on() {
    let functions = "class Own: pass\nclass Deny2(Deny): pass\n\
                     def of(ctx, value=None, **rest):\n  what = value or rest['what']\n  return eval(what)\n\
                     def throw(error): raise error\n";
    let worker = started!(&plugin(functions, "'pre_assert_authorize': of, 'recall_filter': of"));
    let vote = |what: &str| fire(&worker, "pre_assert_authorize", None, json!({ "what": what }));
    let of = |what: &str| fire(&worker, "recall_filter", Some(&json!(what)), json!({}));
    let deny = |reason: &str| HandlerAnswer::Deny { reason: reason.to_owned() };
    assert_eq!(vote("Allow()"), HandlerAnswer::Allow {});
    assert_eq!(vote("Deny('no')"), deny("no"));
    assert_eq!(vote("Deny2(5)"), deny("5"));
    assert_eq!(vote("Deny('\\ud800')"), deny("\\ud800"), "half a character is written as what it is");
    assert_eq!(vote("throw(RejectError('late'))"), HandlerAnswer::Rejected { reason: "late".to_owned() });
    assert_eq!(vote("None"), HandlerAnswer::Nothing {});
    assert_eq!(vote("Allow"), value("type", Value::Null), "the class is no vote");
    assert_eq!(vote("True"), value("bool", Value::Null));
    // Where nothing is made of a value it is not even looked at.
    assert_eq!(vote("Own()"), value("Own", Value::Null));
    assert_eq!(of("{'a': 0.5, 3: 1}"), value("dict", json!({ "a": 0.5, "3": 1 })));
    assert_eq!(of("None"), HandlerAnswer::Nothing {});
    let unwritable = |type_name: &str| {
        raised(
            "TypeError",
            &format!("what it returned cannot be written as JSON: Object of type {type_name} is not JSON serializable"),
        )
    };
    assert_eq!(of("Own()"), unwritable("Own"));
    assert_eq!(of("{1, 2}"), unwritable("set"));
    for bad in ["float('nan')", "'\\ud800'"] {
        let HandlerAnswer::Raised { error_type, .. } = of(bad) else { panic!("{bad}") };
        assert_eq!(error_type, "TypeError", "{bad}");
    }
    assert_eq!(vote("throw(ValueError('no disk'))"), raised("ValueError", "no disk"));
    assert_eq!(vote("sys.exit(3)"), raised("SystemExit", "3"));
    let denied = "plugin 'lab-hooks' cannot call get_facts_reader: capability 'facts.read' not declared";
    assert_eq!(vote("ctx.get_facts_reader()"), raised("CapabilityError", denied));
    assert_eq!(vote("ctx.get_audit_emitter()"), HandlerAnswer::Nothing {}, "declared, and the host gives nothing");
    // Too much for its host is an answer to that call, and of no other.
    let error = fire_within(&worker, "recall_filter", Some(&json!("'x' * (1 << 20)")), json!({}), LONG);
    let error = error.expect_err("too large").to_string();
    assert_eq!(error, "what its handler returned is larger than 1048576 bytes");
    assert_eq!(vote("Allow()"), HandlerAnswer::Allow {});
}

#[test]
fn handlers_that_are_asynchronous_wait_beside_each_other_and_one_alone_may_be() {
    let wait = "async def vote(ctx, **rest):\n import asyncio\n await asyncio.sleep(0.4)\n return Allow()\n";
    let worker = started!(&plugin(wait, "'pre_assert_authorize': vote"));
    // The first one imports what it waits with.
    fire(&worker, "pre_assert_authorize", None, json!({}));
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert_eq!(fire(&worker, "pre_assert_authorize", None, json!({})), HandlerAnswer::Allow {});
            });
        }
    });
    assert!(begun.elapsed() < Duration::from_millis(8 * 400), "{:?}", begun.elapsed());
    // One that hangs is cancelled, and the plugin stays.
    let hangs = "async def vote(ctx, **rest):\n import asyncio\n await asyncio.sleep(60)\n";
    let worker = started!(&plugin(hangs, "'pre_assert_authorize': vote"));
    let error = fire_within(&worker, "pre_assert_authorize", None, json!({}), Duration::from_millis(300));
    assert!(matches!(error, Err(Error::TimedOut { .. })), "{error:?}");
    assert!(worker.is_alive());
    // Beside one that is not, each is called behind the other.
    let both = format!("{wait}def tidy(ctx, value): return value\n");
    let worker = started!(&plugin(&both, "'pre_assert_authorize': vote, 'recall_filter': tidy"));
    assert_eq!(fire(&worker, "pre_assert_authorize", None, json!({})), HandlerAnswer::Allow {});
    assert_eq!(fire(&worker, "recall_filter", Some(&json!(1)), json!({})), value("int", json!(1)));
}

#[test]
fn one_that_hangs_and_does_not_let_go_is_ended_at_its_time() {
    let hangs = "def vote(ctx, **rest):\n while True: pass\n";
    let worker = started!(&plugin(hangs, "'pre_assert_authorize': vote"));
    let begun = Instant::now();
    let error = fire_within(&worker, "pre_assert_authorize", None, json!({}), Duration::from_millis(300));
    assert!(matches!(error, Err(Error::TimedOut { .. })), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5) && begun.elapsed() >= Duration::from_millis(300));
    let deadline = Instant::now() + LONG;
    while worker.is_alive() {
        assert!(Instant::now() < deadline, "it goes on");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_plugin_is_asked_how_it_does() {
    let ask = |check: &str| {
        let source = format!(
            "def check(ctx): {check}\ndef manifest(): return PluginManifest(name='lab-hooks', version='1.0.0', health_check=check)"
        );
        Some(start(&source)?.expect("loads").ask_health(LONG, &AtomicBool::new(false), &provided).expect("answered"))
    };
    let health =
        |status: &str, message: &str| HandlerAnswer::Health { status: status.to_owned(), message: message.to_owned() };
    let Some(answer) = ask("return PluginHealth(PluginHealthStatus.DEGRADED, ctx.plugin_name)") else { return };
    assert_eq!(answer, health("degraded", "lab-hooks"));
    assert_eq!(ask("return PluginHealth('healthy')"), Some(health("healthy", "")));
    assert_eq!(ask("return True"), Some(value("bool", Value::Null)));
    assert_eq!(ask("raise OSError('no disk')"), Some(raised("OSError", "no disk")));
}

/// A distribution that brings the module is what plugins import.
#[test]
fn a_stigmem_that_is_there_comes_before_the_hosts_own() {
    let own = "import types\nplugins = types.ModuleType('stigmem_node.plugins')\nclass Allow: pass\nplugins.Allow = Allow\n\
               sys.modules['stigmem_node.plugins'] = plugins\ndef vote(ctx, **rest): return rest['which']()\n";
    let source = format!(
        "Ours = Allow\n{own}def of(ctx, **rest): return Allow() if rest['is_there'] else Ours()\n\
         def manifest(): return {{'name': 'lab-hooks', 'version': '1.0.0', 'hooks': {{'pre_assert_authorize': of}}}}"
    );
    let worker = started!(&source);
    let vote = |is_there: bool| fire(&worker, "pre_assert_authorize", None, json!({ "is_there": is_there }));
    assert_eq!(vote(true), HandlerAnswer::Allow {});
    assert_eq!(vote(false), value("Allow", Value::Null), "one of another module is no vote");
}
