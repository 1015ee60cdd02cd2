//! What a plugin that is held asks its host while it is called, each in a real process.
#![expect(clippy::print_stderr, reason = "without Python there is nothing to test, which is said")]

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_worker::serving::{Ask, Call, Entry, MAX_ASKS, Plugin, Reply, Serving, Worker};
use aisoc_worker::{Bounds, Error, Sandbox};
use serde_json::{Map, Value, json};
use support::launcher;

/// Starts a plugin of one file; nothing, visibly, without Python.
fn started(source: &str) -> Option<(Worker, tempfile::TempDir)> {
    let sources = BTreeMap::from([("plugin.py".to_owned(), source.as_bytes().to_vec())]);
    let (directory, config, stop) = (tempfile::tempdir().expect("a directory"), Map::new(), AtomicBool::new(false));
    let entry = Entry::Class { file: "plugin.py".to_owned(), class: "Plugin".to_owned(), is_required: true };
    let plugin = Plugin {
        id: "of-tests",
        entry: &entry,
        sources: &sources,
        directory: directory.path(),
        site_paths: &[],
        config: &config,
    };
    let launcher = launcher(Sandbox::default());
    let log = Box::new(|line| eprintln!("{line:?}"));
    let (bounds, patience) = (Bounds::default(), Duration::from_secs(20));
    match Worker::start(&plugin, Serving { launcher: &launcher, bounds, patience, stop: &stop, log }) {
        Err(Error::NoPython { .. }) => {
            eprintln!("SKIPPED: there is no python3, so nothing was loaded");
            None
        }
        worker => Some((worker.expect("loads"), directory)),
    }
}

fn called(worker: &Worker, payload: Value, answer: &dyn Fn(&Ask) -> Reply) -> Result<Value, Error> {
    let Value::Object(payload) = payload else { panic!("an object") };
    let (context, stop, patience) = (Map::new(), AtomicBool::new(false), Duration::from_secs(20));
    let call = Call { payload: &payload, context: &context, patience, stop: &stop, may_begin: &|| true, answer };
    worker.call(&call).map(Value::Object)
}

/// Grants everything, and says what was asked.
fn echo(ask: &Ask) -> Reply {
    match ask.method.as_str() {
        "open" => Reply::Value { value: json!(true) },
        _ => Reply::Value { value: json!([ask.handle, ask.method, ask.arguments]) },
    }
}

fn nobody(_: &Ask) -> Reply {
    panic!("nothing reaches whoever has called")
}

/// What a plugin writes on the channel itself, and reads of it.
const BY_ITSELF: &str = "
import gc, sys
def channel():
    return next(found for found in gc.get_objects() if type(found).__name__ == 'Channel')
def by_itself(line, number):
    found = channel()
    found.asked.add(number)
    found.write(line)
    return found.wait(lambda: found.replies.pop(number, None))
";

#[test]
fn what_is_asked_is_answered_and_what_is_refused_is_said_in_the_hosts_words() {
    let Some((worker, _directory)) = started(
        "from aisoc_context import CapabilityError, HandleError
class Plugin:
    def run(self, payload, context):
        reader = context.get_facts_reader()
        said = [reader.get('a'), reader.list(prefix='b', limit=2), type(reader).__name__]
        try:
            context.get_audit_reader()
        except PermissionError as error:
            said.append([type(error).__name__, isinstance(error, CapabilityError), str(error)])
        try:
            context.get_recall_reader().search('x')
        except HandleError as error:
            said.append([error.code, str(error)])
        for wrong in (lambda: reader.get('a', 'b', 'c'), lambda: reader.get('a', name='b'), lambda: reader.put('a', 1)):
            try:
                said.append(wrong())
            except (TypeError, AttributeError) as error:
                said.append(type(error).__name__)
        return {'said': said, 'nothing': context.get_tenant_writer(), 'payload': payload, 'context': context}",
    ) else {
        return;
    };
    let answer = |ask: &Ask| match (ask.handle.as_str(), ask.method.as_str()) {
        ("audit.read", _) => Reply::Denied { denied: "no, \u{e4} and \u{1f600}".to_owned() },
        ("recall.read", "search") => Reply::Failed { failed: "quota_exceeded", message: "full".to_owned() },
        ("tenant.write", _) => Reply::Value { value: Value::Null },
        _ => echo(ask),
    };
    let result = called(&worker, json!({"p": 1}), &answer).expect("answered");
    assert_eq!(
        result,
        json!({
            "said": [
                ["facts.read", "get", {"name": "a"}],
                ["facts.read", "list", {"prefix": "b", "limit": 2}],
                "Handle",
                ["CapabilityError", true, "no, \u{e4} and \u{1f600}"],
                ["quota_exceeded", "full"],
                "TypeError", "TypeError", "AttributeError",
            ],
            "nothing": null,
            "payload": {"p": 1},
            "context": {},
        })
    );
}

#[test]
fn an_ask_is_on_behalf_of_the_call_in_which_it_is_asked() {
    let Some((worker, _directory)) = started(
        "import asyncio
class Plugin:
    def __init__(self, config, context):
        self.context = context
    async def run(self, payload, context):
        said = []
        for turn in range(20):
            await asyncio.sleep(0)
            said.append(context.get_identity_reader().caller()[0])
            said.append(self.context.get_identity_reader().caller()[0])
            said.append((await asyncio.to_thread(context.get_identity_reader().caller))[0])
            said.append((await asyncio.to_thread(self.context.get_identity_reader().caller))[0])
        return {'said': sorted(set(said)), 'count': len(said)}",
    ) else {
        return;
    };
    thread::scope(|scope| {
        for caller in 0..8 {
            let worker = &worker;
            scope.spawn(move || {
                let answer = |ask: &Ask| match ask.method.as_str() {
                    "open" => Reply::Value { value: json!(true) },
                    _ => Reply::Value { value: json!([caller]) },
                };
                let result = called(worker, json!({}), &answer).expect("answered");
                assert_eq!(result, json!({"said": [caller], "count": 80}));
            });
        }
    });
}

#[test]
fn threads_of_a_plugin_ask_beside_each_other() {
    let Some((worker, _directory)) = started(
        "import threading
class Plugin:
    def run(self, payload, context):
        reader, said = context.get_facts_reader(), []
        def ask(number):
            for turn in range(50):
                said.append(reader.get('%d-%d' % (number, turn))[2]['name'] == '%d-%d' % (number, turn))
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        [thread.start() for thread in threads]
        ask(8)
        [thread.join() for thread in threads]
        return {'all': all(said), 'count': len(said)}",
    ) else {
        return;
    };
    assert_eq!(called(&worker, json!({}), &echo).expect("answered"), json!({"all": true, "count": 450}));
}

#[test]
fn whoever_has_no_call_is_told_so_and_is_in_nobodys_way() {
    let source = format!(
        "{BY_ITSELF}
import threading, time
from aisoc_context import HandleError
class Plugin:
    def __init__(self, config, context):
        self.said, self.context = [], context
        self.ask(context)
        self.said.append(by_itself(b'?1 77 {{\"handle\": \"facts.read\", \"method\": \"get\"}}\\n', 77)['failed'])
    def ask(self, context):
        try:
            self.said.append(context.get_facts_reader())
        except HandleError as error:
            self.said.append(error.code)
    def run(self, payload, context):
        if 'leave' in payload:
            self.kept = context
            def later():
                time.sleep(0.3)
                self.ask(context)
            self.thread = threading.Thread(target=later)
            self.thread.start()
            return {{'said': self.said}}
        self.thread.join()
        self.ask(self.kept)
        for call in (0, 1, 2, 3, 99, 2 ** 63):
            line = b'?%d %d {{\"handle\": \"facts.read\", \"method\": \"get\"}}\\n' % (call, 500 + call % 100)
            if call != 3:
                self.said.append(by_itself(line, 500 + call % 100)['failed'])
        return {{'said': self.said}}"
    );
    let Some((worker, _directory)) = started(&source) else { return };
    let left = called(&worker, json!({"leave": 1}), &nobody).expect("answered");
    assert_eq!(left, json!({"said": ["no_call", "no_call"]}));
    let later = called(&worker, json!({}), &nobody).expect("answered");
    assert_eq!(later, json!({"said": vec!["no_call"; 9]}), "the thread's own, and those by number");
}

#[test]
fn what_cannot_be_read_is_refused_and_what_is_no_line_ends_its_plugin_alone() {
    let source = format!(
        "{BY_ITSELF}
from aisoc_context import HandleError
class Plugin:
    def run(self, payload, context):
        call = context._call
        if 'line' in payload:
            return {{'said': by_itself(payload['line'].encode().replace(b'CALL', b'%d' % call) + b'\\n', 9)['failed']}}
        if 'bytes' in payload:
            try:
                return {{'said': context.get_facts_reader().get('a' * payload['bytes'])[0]}}
            except HandleError as error:
                return {{'said': error.code}}
        channel().write(b'?%d 9 ' % call + b'a' * payload['raw'] + b'\\n')
        return {{'said': 'gone'}}"
    );
    let Some((worker, _directory)) = started(&source) else { return };
    for line in [
        "?CALL 9 ",
        "?CALL 9 {",
        "?CALL 9 []",
        "?CALL 9 {\"handle\": \"facts.read\"}",
        "?CALL 9 {\"handle\": \"facts.read\", \"method\": \"get\", \"caller\": \"root\"}",
        "?CALL 9 {\"handle\": \"facts.read\", \"method\": \"get\", \"arguments\": 1}",
        "?CALL 9 \u{fffd}",
    ] {
        assert_eq!(called(&worker, json!({"line": line}), &nobody).expect(line), json!({"said": "invalid_argument"}));
    }
    for (bytes, said) in [(100_000, "facts.read"), (200_000, "too_large"), (100_000_000, "too_large")] {
        let answered = called(&worker, json!({"bytes": bytes}), &echo).expect("answered");
        assert_eq!(answered, json!({"said": said}), "{bytes}");
    }
    // Longer than any line may be: that plugin is ended, and nothing was kept of it.
    let ended = called(&worker, json!({"raw": 100_000_000}), &nobody);
    assert!(matches!(ended, Err(Error::TooLarge { .. })), "{ended:?}");
    assert!(!worker.is_alive());
    let Some((worker, _directory)) = started(&source.replace("b'?%d 9 '", "b'?x%d 9 '")) else { return };
    let ended = called(&worker, json!({"raw": 1}), &nobody);
    assert!(matches!(ended, Err(Error::Unreadable { .. })), "{ended:?}");
}

#[test]
fn a_flood_is_bounded_and_slows_nobody_down_but_itself() {
    let source = format!(
        "{BY_ITSELF}
class Plugin:
    def run(self, payload, context):
        found, count = channel(), payload['count']
        numbers = range(10_000, 10_000 + count)
        found.asked.update(numbers)
        for number in numbers:
            found.write(b'?%d %d {{\"handle\": \"facts.read\", \"method\": \"get\"}}\\n' % (context._call, number))
        said = [found.wait(lambda: found.replies.pop(number, None)) for number in numbers]
        return {{'busy': sum(one.get('failed') == 'busy' for one in said), 'count': len(said)}}"
    );
    let Some((flooding, _one)) = started(&source) else { return };
    let Some((quiet, _other)) = started("class Plugin:\n def run(self, payload, context): return {}") else { return };
    let (begun, held) = (Instant::now(), Mutex::new(Duration::ZERO));
    thread::scope(|scope| {
        let slow = |ask: &Ask| {
            thread::sleep(Duration::from_millis(50));
            echo(ask)
        };
        let flood = scope.spawn(move || called(&flooding, json!({"count": 200}), &slow).expect("answered"));
        while !flood.is_finished() {
            let asked = Instant::now();
            called(&quiet, json!({}), &nobody).expect("answered");
            let mut longest = held.lock().expect("no panic");
            *longest = longest.max(asked.elapsed());
        }
        let said = flood.join().expect("no panic");
        assert_eq!(said["count"], 200);
        let busy = said["busy"].as_u64().expect("a number");
        assert!((1..=200 - MAX_ASKS as u64).contains(&busy), "{busy} of 200 are not even looked at");
    });
    let longest = *held.lock().expect("no panic");
    assert!(longest < Duration::from_secs(2) && begun.elapsed() > Duration::from_secs(1), "{longest:?}");
}
