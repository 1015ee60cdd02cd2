//! What a host does not do itself: a provider of the operator's does it, where there is one, and whatever that one does is the
//! trouble of who asks it, and of nobody else.

mod support;

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use aisoc_testkit::tls;
use serde_json::{Value, json};
use support::asking::{CODE, put, said, said_as};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run, workspace};

const ALL: [&str; 4] = ["federation.read", "federation.write", "tenant.write", "tenant.read"];
const TOKEN: &str = "hunter2";

/// The reference, in a process of its own.
struct Reference {
    child: Child,
    place: String,
}

impl Reference {
    fn begin(bench: &Bench, place: &str) -> Self {
        let script = workspace::root().join("cli/tests/support/provider.py");
        let log = bench.path("asked.jsonl");
        let mut child = Command::new("python3")
            .args([script.as_os_str(), place.as_ref(), log.as_os_str(), TOKEN.as_ref()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut place = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut place).expect("it listens");
        Self { child, place: place.trim().to_owned() }
    }

    fn at_socket(bench: &Bench) -> Self {
        Self::begin(bench, bench.path("provider.sock").to_str().expect("UTF-8"))
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the reference was asked.
fn asked(bench: &Bench) -> Vec<Value> {
    let text = fs::read_to_string(bench.path("asked.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// The lines of the audit log about that.
fn written(bench: &Bench, event: &str) -> Vec<Value> {
    let text = fs::read_to_string(bench.path("host.context/audit.jsonl")).expect("a log");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["event"] == event).collect()
}

const ASKED: &str = "plugin.provider_asked";
const ENDED: &str = "plugin.provider_ended";

fn configured(bench: &Bench, address: &str) -> Command {
    let secret = bench.path("token");
    fs::write(&secret, format!("{TOKEN}\n")).expect("written");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("set");
    let table = |name: &str| {
        format!("[handles.providers.{name}]\naddress = \"{address}\"\ntoken = {{ from_file = \"token\" }}\n")
    };
    bench.write("plugins.toml", table("federation") + &table("tenant"));
    command(bench, &["--config", "plugins.toml"])
}

fn at_socket(bench: &Bench) -> Command {
    configured(bench, &format!("unix:{}", bench.path("provider.sock").display()))
}

fn step(accessor: &str, method: &str, arguments: Value) -> Value {
    json!([accessor, method, arguments])
}

#[test]
fn what_a_provider_does_plugins_get_and_it_is_told_who_asks_for_whom() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "asks", &ALL, CODE, "release.key");
    put(&bench, "reads", &["federation.read"], CODE, "release.key");
    let _reference = Reference::at_socket(&bench);
    let words = ["token", "create", "ops", "--scope", "plugins:execute", "--scope", "plugins:read", "--tenant", "acme"];
    let token = bench.run(&[&words[..], &["--tokens", "tokens.json"]].concat()).ok().stdout.trim().to_owned();
    let host = ServedHost::begin(at_socket(&bench).args(["--tokens", "tokens.json"]));
    let ready = |host: &ServedHost| host.get("/readyz").status == 200;
    host.wait_for(ready);
    let (reader, writer, tenants) = ("get_federation_reader", "get_federation_writer", "get_tenant_writer");
    let steps = json!([
        [reader],
        step(reader, "peers", json!({})),
        step(reader, "peers", json!({"limit": 1, "after": "a.example"})),
        step(reader, "peer", json!({"name": "a.example"})),
        step(writer, "trust", json!({"name": "a.example", "settings": {"trust": "full"}})),
        step(writer, "publish", json!({"name": "sighting", "value": {"ip": "203.0.113.7"}})),
        step(writer, "publish", json!({"name": "sighting", "value": 1, "peers": ["b.example"]})),
        step(tenants, "create", json!({"name": "new-one", "settings": {"isolation": "strict"}})),
        step(tenants, "update", json!({"name": "new-one"})),
        step(reader, "peer", json!({"name": "c.example"})),
        step(writer, "publish", json!({"name": "secret", "value": 1})),
        step(tenants, "create", json!({"name": "new-one"})),
    ]);
    let (a, b) = (json!({"name": "a.example", "trust": "none"}), json!({"name": "b.example", "trust": "full"}));
    let failed = |code: &str, message: &str| json!({ "failed": code, "message": message });
    let value = |value: Value| json!({ "value": value });
    assert_eq!(
        said_as(&host, &token, "asks", steps),
        [
            json!({ "handle": "Handle" }),
            value(json!([a, b])),
            value(json!([b])),
            value(a.clone()),
            value(json!(null)),
            value(json!(["a.example", "b.example"])),
            value(json!(["b.example"])),
            value(json!(null)),
            value(json!(null)),
            failed("not_found", "no such peer"),
            failed("not_allowed", "that stays here\\u{7}"),
            failed("quota_exceeded", "it is there already"),
        ]
    );
    let first = json!({
        "path": "/", "token": format!("Bearer {TOKEN}"), "version": 1, "capability": "federation.read", "method": "peers",
        "arguments": { "limit": 100, "after": null }, "plugin": asked(&bench)[0]["plugin"],
        "caller": { "name": "ops", "kind": "token" }, "tenant": "acme", "request_id": asked(&bench)[0]["request_id"],
    });
    assert_eq!(asked(&bench)[0], first);
    assert_eq!(first["plugin"]["id"], "asks");
    assert!(first["plugin"]["signers"].as_str().is_some_and(|line| !line.is_empty() && line != "unsigned"), "{first}");
    assert!(first["request_id"].is_string(), "{first}");
    assert_eq!(asked(&bench).len(), 11, "once for each");
    // Who declares less gets less.
    let less = said_as(&host, &token, "reads", json!([[writer], [tenants], step(reader, "peers", json!({}))]));
    assert!(less[0]["denied"].is_string() && less[1]["denied"].is_string() && less[2]["value"].is_array(), "{less:?}");
    // Each is two lines, in which there is nothing of what was asked or answered.
    let (begun, lines) = (written(&bench, ASKED), written(&bench, ENDED));
    assert_eq!((begun.len(), lines.len()), (12, 12));
    for (begun, ended) in begun.iter().zip(&lines) {
        assert_eq!(ended["metadata"]["line"], begun["line"], "{ended}");
        assert_eq!(ended["metadata"]["method"], begun["metadata"]["method"], "{ended}");
    }
    let said = lines[9]["metadata"].as_object().expect("an object");
    assert_eq!((&said["provider"], &said["method"]), (&json!("federation"), &json!("publish")));
    assert_eq!((&said["refused"], &lines[9]["outcome"]), (&json!("not_allowed"), &json!("failure")));
    assert_eq!((&lines[0]["outcome"], &lines[0]["tenant"]), (&json!("success"), &json!("acme")));
    let log = fs::read_to_string(bench.path("host.context/audit.jsonl")).expect("a log");
    for secret in ["203.0.113.7", "sighting", "b.example", "stays here", TOKEN] {
        assert!(!log.contains(secret) && !host.said().contains(secret), "{secret}: {log}");
    }
    host.terminate();
    let usage = bench.run(&["plugins", "usage", "asks", "--state", "host.json", "--json"]);
    let usage: Value = serde_json::from_str(&usage.ok().stdout).expect("JSON");
    let accessors = usage["publishers"][0]["accessors"].as_array().unwrap_or_else(|| panic!("{usage}"));
    let of = |name: &str| accessors.iter().find(|one| one["capability"] == name).expect(name);
    assert_eq!(
        (&of("tenant.write")["used_count"], &of("tenant.write")["failed_count"]),
        (&json!(2), &json!(1)),
        "{usage}"
    );
}

#[test]
fn what_cannot_be_asked_so_is_not_sent() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "asks", &ALL, CODE, "release.key");
    let _reference = Reference::at_socket(&bench);
    let host = ServedHost::ready(&mut at_socket(&bench));
    let (reader, writer, tenants) = ("get_federation_reader", "get_federation_writer", "get_tenant_writer");
    let text = |bytes: usize| "a".repeat(bytes);
    // `"a…"` in an object: {"a":"…"}.
    let object = |bytes: usize| json!({ "a": text(bytes - 8) });
    let many = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    for (accessor, method, arguments, code) in [
        (reader, "peers", json!({"limit": 0}), Some("invalid_argument")),
        (reader, "peers", json!({"limit": 1000}), None),
        (reader, "peers", json!({"limit": 1001}), Some("invalid_argument")),
        (reader, "peer", json!({"name": text(256)}), Some("not_found")),
        (reader, "peer", json!({"name": text(257)}), Some("invalid_argument")),
        (reader, "peer", json!({"name": ""}), Some("invalid_argument")),
        (writer, "trust", json!({"name": "a.example", "settings": object(16 << 10)}), None),
        (writer, "trust", json!({"name": "a.example", "settings": object((16 << 10) + 1)}), Some("too_large")),
        (writer, "trust", json!({"name": "a.example", "settings": [1]}), Some("invalid_argument")),
        (writer, "publish", json!({"name": "x", "value": text((64 << 10) - 2)}), None),
        (writer, "publish", json!({"name": "x", "value": text((64 << 10) - 1)}), Some("too_large")),
        (writer, "publish", json!({"name": "x"}), Some("invalid_argument")),
        (writer, "publish", json!({"name": "x", "value": 1, "peers": []}), Some("invalid_argument")),
        (writer, "publish", json!({"name": "x", "value": 1, "peers": [""]}), Some("invalid_argument")),
        (writer, "publish", json!({"name": "x", "value": 1, "peers": many(1000)}), None),
        (writer, "publish", json!({"name": "x", "value": 1, "peers": many(1001)}), Some("invalid_argument")),
        (tenants, "create", json!({"name": "A"}), Some("invalid_argument")),
        (tenants, "create", json!({"name": text(64)}), None),
        (tenants, "create", json!({"name": text(65)}), Some("invalid_argument")),
    ] {
        let before = asked(&bench).len();
        let came = said(&host, "asks", json!([step(accessor, method, arguments.clone())])).remove(0);
        let shown = format!("{method} {}: {came}", &arguments.to_string()[..arguments.to_string().len().min(60)]);
        assert_eq!(came["failed"].as_str(), code, "{shown}");
        let is_sent = !matches!(code, Some("invalid_argument" | "too_large"));
        assert_eq!(asked(&bench).len(), before + usize::from(is_sent), "{shown}");
    }
}

#[test]
fn over_tls_a_provider_is_one_that_the_operators_certificates_name() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "asks", &ALL, CODE, "release.key");
    let reference = Reference::begin(&bench, "tcp");
    let behind = format!("127.0.0.1:{}", reference.place);
    let authority = tls::certificate("authority").display().to_string();
    let peers = json!([step("get_federation_reader", "peers", json!({}))]);
    for (name, words, is_asked) in [
        ("issued", vec!["--ca-file", authority.as_str()], true),
        ("issued", vec![], false),
        ("issued-expired", vec!["--ca-file", authority.as_str()], false),
    ] {
        let port = tls::serve(name, &behind).port();
        let mut served = configured(&bench, &format!("https://localhost:{port}/aisoc/v1"));
        let host = ServedHost::ready(served.args(&words));
        let before = asked(&bench).len();
        let came = said(&host, "asks", peers.clone()).remove(0);
        assert_eq!(came["value"].is_array(), is_asked, "{name} {words:?}: {came}");
        assert_eq!(asked(&bench).len(), before + usize::from(is_asked), "{name}: no token goes there");
        if is_asked {
            assert_eq!(asked(&bench)[before]["path"], "/aisoc/v1");
        } else {
            assert_eq!(came["failed"], "unavailable");
        }
    }
}

#[test]
fn what_is_not_asked_is_counted_and_what_cannot_be_written_down_is_not_asked() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "asks", &ALL, CODE, "release.key");
    let peers = || step("get_federation_reader", "peers", json!({}));
    let host = ServedHost::ready(&mut at_socket(&bench));
    let came = said(&host, "asks", json!([peers(), peers(), peers()]));
    assert!(came.iter().all(|came| came["failed"] == "unavailable"), "{came:?}");
    let refused = written(&bench, "plugin.provider_refused");
    assert_eq!(refused.len(), 1, "once in a minute: {refused:?}");
    assert_eq!(refused[0]["metadata"]["why"], "unreachable: there is no socket");
    assert_eq!(written(&bench, ASKED).len(), 0);
    let _reference = Reference::at_socket(&bench);
    assert!(said(&host, "asks", json!([peers()]))[0]["value"].is_array());
    assert_eq!((asked(&bench).len(), written(&bench, ASKED).len()), (1, 1));
    drop(host);
    // A log that is full, and of which no next file can be made: something else stands in its place.
    let path = bench.path("host.context/audit.jsonl");
    let lines = fs::read_to_string(&path).expect("a log");
    let full = format!("{}\n{}\n", "x\n".repeat((16 << 20) / 2), lines.lines().last().expect("a line"));
    fs::write(&path, full).expect("written");
    fs::create_dir(bench.path("host.context/.audit.next.jsonl")).expect("made");
    let host = ServedHost::ready(&mut at_socket(&bench));
    assert_eq!(said(&host, "asks", json!([peers()]))[0]["failed"], "unavailable");
    assert_eq!(asked(&bench).len(), 1, "nothing has left");
}

/// A provider that answers whatever stands in `says`, once something stands there.
fn misbehaving(bench: &Bench, says: &Arc<Mutex<Option<Vec<u8>>>>) {
    let listener = UnixListener::bind(bench.path("provider.sock")).expect("bound");
    fs::set_permissions(bench.path("provider.sock"), Permissions::from_mode(0o600)).expect("set");
    let says = Arc::clone(says);
    let answer = |mut stream: UnixStream, says: &Mutex<Option<Vec<u8>>>| {
        let mut buffer = [0; 65536];
        let _ = stream.read(&mut buffer);
        loop {
            if let Some(answer) = &*says.lock().expect("unpoisoned") {
                return drop(stream.write_all(answer));
            }
            thread::sleep(Duration::from_millis(20));
        }
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let says = Arc::clone(&says);
            thread::spawn(move || answer(stream, &says));
        }
    });
}

#[test]
fn a_provider_that_means_no_good_is_unavailable_and_hurts_nobody_else() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "asks", &ALL, CODE, "release.key");
    put(&bench, "other", &ALL, CODE, "release.key");
    let says = Arc::new(Mutex::new(None));
    misbehaving(&bench, &says);
    let host = ServedHost::ready(&mut at_socket(&bench));
    let peers = json!([step("get_federation_reader", "peers", json!({"limit": 1}))]);
    let whole = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let deep = format!("{{\"result\": {}{}}}", "[".repeat(500), "]".repeat(500));
    for body in [
        "",
        "no JSON",
        "[]",
        "{}",
        "{\"result\": [], \"error\": {\"code\": \"not_found\", \"message\": \"\"}}",
        "{\"result\": [], \"more\": 1}",
        "{\"result\": [], \"result\": [{\"name\": \"a\"}]}",
        "{\"result\": null}",
        "{\"result\": {}}",
        "{\"result\": [\"a\"]}",
        "{\"result\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}",
        "{\"error\": {\"code\": \"denied\", \"message\": \"\"}}",
        "{\"error\": {\"code\": \"not_found\"}}",
        "{\"error\": \"not_found\"}",
        "{\"result\": []}{\"result\": []}",
        &deep,
    ] {
        *says.lock().expect("unpoisoned") = Some(whole(body));
        let came = said(&host, "asks", peers.clone()).remove(0);
        assert_eq!(came["failed"], "unavailable", "{}: {came}", &body[..body.len().min(60)]);
        let told = came["message"].as_str().expect("a text");
        assert_eq!(told, "the provider of `federation` does not answer as it has to");
    }
    *says.lock().expect("unpoisoned") =
        Some(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n".to_vec());
    assert_eq!(said(&host, "asks", peers.clone())[0]["failed"], "unavailable");
    let last = written(&bench, ENDED).pop().expect("a line");
    assert_eq!(last["metadata"]["why"], "other_status: it answers with status 307, and not with 200");
    *says.lock().expect("unpoisoned") = Some(whole("{\"result\": [{\"name\": \"a\"}]}"));
    assert_eq!(said(&host, "asks", peers.clone())[0]["value"], json!([{ "name": "a" }]), "and well again");
    // While it hangs, who asks it waits, and nobody else.
    *says.lock().expect("unpoisoned") = None;
    thread::scope(|scope| {
        let (host, peers) = (&host, &peers);
        let hangs: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(move || {
                    host.post_json("/api/v1/plugins/asks/run", &json!({ "payload": { "steps": peers } }))
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        let began = Instant::now();
        assert_eq!(said(host, "other", json!([["get_tenant_reader", "current"]]))[0]["value"], json!(null));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert!(hangs.iter().all(|one| !one.is_finished()), "they wait");
        let (begun, ended) = (written(&bench, ASKED).len(), written(&bench, ENDED).len());
        assert_eq!(begun, ended + 1, "what has left is written down before anything comes of it");
        *says.lock().expect("unpoisoned") = Some(whole("{\"result\": []}"));
        for one in hangs {
            assert_eq!(one.join().expect("no panic").ok()["result"]["said"], json!([{ "value": [] }]));
        }
    });
    host.terminate();
}

#[test]
fn what_is_no_provider_is_refused_when_the_host_starts() {
    let bench = bench();
    let here = |name: &str| bench.path(name).display().to_string();
    fs::write(here("file"), "").expect("written");
    let _listener = UnixListener::bind(here("wide.sock")).expect("bound");
    fs::set_permissions(here("wide.sock"), Permissions::from_mode(0o777)).expect("set");
    let _listener = UnixListener::bind(here("well.sock")).expect("bound");
    fs::set_permissions(here("well.sock"), Permissions::from_mode(0o600)).expect("set");
    symlink("well.sock", here("link.sock")).expect("linked");
    fs::write(here("seen"), "hunter2").expect("written");
    fs::set_permissions(here("seen"), Permissions::from_mode(0o644)).expect("set");
    let unix = |name: &str| format!("address = \"unix:{}\"", here(name));
    for (table, reason, why) in [
        (
            "address = \"http://127.0.0.1:1\"".to_owned(),
            "configuration_invalid",
            "line 2, `[handles.providers.tenant]`: `http://",
        ),
        ("address = \"/run/x.sock\"".to_owned(), "configuration_invalid", "line 2"),
        ("address = \"unix:x.sock\"".to_owned(), "configuration_invalid", "from the root on"),
        ("address = \"https://me:hunter2@a.test\"".to_owned(), "configuration_invalid", "it has a login"),
        ("".to_owned(), "configuration_invalid", "from line"),
        ("address = \"https://a.test\"\ntimeout = 1".to_owned(), "configuration_invalid", "from line 3"),
        ("address = \"https://a.test\"\ntoken = \"hunter2\"".to_owned(), "configuration_invalid", "from line"),
        ("address = \"https://a.test\"\nrequests_per_minute = 0".to_owned(), "configuration_invalid", "line 3"),
        (
            "address = \"https://a.test\"\nrequests_per_minute = 60001".to_owned(),
            "configuration_invalid",
            "found 60001",
        ),
        ("address = \"https://a.test\"\ntoken = { from_file = \"none\" }".to_owned(), "io_not_found", "none"),
        ("address = \"https://a.test\"\ntoken = { from_file = \"seen\" }".to_owned(), "private_key_exposed", "seen"),
        (
            "address = \"https://a.test\"\ntoken = { from_environment = \"NONE\" }".to_owned(),
            "configuration_invalid",
            "NONE",
        ),
        (unix("file"), "configuration_invalid", "is no socket"),
        (unix("link.sock"), "configuration_invalid", "is no socket"),
        (unix("wide.sock"), "directory_insecure", "wide.sock"),
    ] {
        bench.write("plugins.toml", format!("[handles.providers.tenant]\n{table}\n"));
        let run = Run::of(&mut command(&bench, &["--config", "plugins.toml"]));
        assert!(!run.stderr.contains("hunter2"), "{run:?}");
        assert!(run.stderr.contains(&format!("error[{reason}]")), "{table}: {run:?}");
        assert!(run.stderr.contains(why) && run.stderr.contains("hint: "), "{table}: {run:?}");
    }
    bench.write("plugins.toml", format!("[handles.providers.other]\n{}\n", unix("well.sock")));
    Run::of(&mut command(&bench, &["--config", "plugins.toml"])).refused(1, "configuration_invalid");
    // Nothing stands there yet: its provider may come later.
    for name in ["well.sock", "later.sock"] {
        bench.write("plugins.toml", format!("[handles.providers.tenant]\n{}\n", unix(name)));
        ServedHost::ready(&mut command(&bench, &["--config", "plugins.toml"]));
    }
}
