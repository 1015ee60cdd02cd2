//! What happens in a host, as it happens: to whom it is told, at whose word it was, and what is missing.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::Bench;
use support::host::{PATIENCE, ServedHost, command, has_python};

/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";

/// A bench with a signed plugin.
fn bench() -> Bench {
    let bench = support::host::bench();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    fs::rename(bench.path("demo"), bench.path("plugins/demo")).expect("moved");
    bench.sign("plugins/demo").ok();
    bench
}

fn token(bench: &Bench, name: &str, scope: &str) -> String {
    let made = bench.run(&["token", "create", name, "--scope", scope, "--tokens", "tokens.json"]);
    format!("Authorization: Bearer {}\r\n", made.ok().stdout.trim())
}

fn with_login(bench: &Bench) -> ServedHost {
    let mut command = command(bench, &["--tokens", "tokens.json"]);
    ServedHost::ready(command.env("ENVIRONMENT", "production").env("AISOC_LOG_FILE", bench.path("log")))
}

/// Somebody who watches.
struct Watcher {
    lines: BufReader<TcpStream>,
}

/// What they are told.
#[derive(Debug, PartialEq)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

impl Watcher {
    fn begin(host: &ServedHost, head: &str) -> Self {
        let mut stream = host.connect();
        let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n{head}\r\n", host.address);
        stream.write_all(request.as_bytes()).expect("sent");
        let mut lines = BufReader::new(stream);
        let mut said = String::new();
        while !said.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut said).expect("a head") > 0, "{said}");
        }
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("content-type: text/event-stream"), "{said}");
        Self { lines }
    }

    /// The next event, without the sizes of chunks between the lines; nothing once it is over.
    fn next(&mut self) -> Option<Event> {
        let began = Instant::now();
        let (mut event, mut line) =
            (Event { id: String::new(), name: String::new(), data: Value::Null }, String::new());
        loop {
            line.clear();
            // A host says now and then that it is there.
            assert!(began.elapsed() < PATIENCE, "nothing happens");
            self.lines.read_line(&mut line).ok().filter(|read| *read > 0)?;
            // The last chunk.
            if line == "0\r\n" {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("id", id)) => event.id = id.to_owned(),
                Some(("event", name)) => event.name = name.to_owned(),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("JSON"),
                _ if line == "\n" && !event.name.is_empty() => return Some(event),
                _ => {}
            }
        }
    }
}

#[test]
fn whoever_watches_is_told_of_each_step_with_its_actor_and_its_request() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let (admin, read) = (token(&bench, "ops", "plugins:admin"), token(&bench, "watch", "plugins:read"));
    let host = with_login(&bench);
    let mut watcher = Watcher::begin(&host, &read);
    let ask = |verb: &str, head: &str| {
        host.send("POST", &format!("/api/v1/plugins/demo/{verb}"), &format!("{admin}{head}"), "").ok();
    };
    ask("disable", "X-Request-Id: deploy-17\r\n");
    let first = watcher.next().expect("told");
    assert_eq!(first.name, "plugin.disabled");
    let expected = json!({
        "event": "plugin.disabled", "level": "info", "plugin_id": "demo", "state": "disabled", "actor": "ops",
        "request_id": "deploy-17", "timestamp": first.data["timestamp"]
    });
    assert_eq!(first.data, expected);
    bench.write("plugins/demo/plugin.py", "changed = 1\n");
    host.send("POST", "/api/v1/plugins/demo/reload", &admin, "");
    let doubted = watcher.next().expect("told");
    let of_signature = (doubted.name.as_str(), &doubted.data["plugin_id"], &doubted.data["path"]);
    assert_eq!(of_signature, ("plugin.signature.invalid", &json!("demo"), &json!("plugins/demo")), "{doubted:?}");
    assert!(doubted.data["message"].as_str().is_some_and(|why| why.contains("plugin.py")), "{doubted:?}");
    let second = watcher.next().expect("told");
    assert_eq!((second.name.as_str(), &second.data["state"]), ("plugin.load.failed", &json!("disabled")), "{second:?}");
    assert!(second.data["message"].as_str().is_some_and(|why| !why.is_empty()), "{second:?}");
    assert_ne!(second.data["request_id"], "deploy-17");
    // What came behind the first, for whoever has seen that.
    let mut back = Watcher::begin(&host, &format!("{read}Last-Event-ID: {}\r\n", first.id));
    assert_eq!((back.next(), back.next()), (Some(doubted), Some(second)));
    // The same, for machines; the host's own look has been first.
    let log = fs::read_to_string(bench.path("log")).expect("written");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let actors: Vec<&str> = lines.iter().map(|line| line["actor"].as_str().expect("somebody")).collect();
    assert_eq!(actors, ["host", "host", "ops", "host", "ops"], "{log}");
    assert_eq!(lines[2], first.data);
    // A host that ends lets them go at once.
    let began = Instant::now();
    assert_eq!(host.terminate(), Some(0));
    assert_eq!((watcher.next(), back.next()), (None, None));
    assert!(began.elapsed() < Duration::from_secs(8), "it waited for them: {:?}", began.elapsed());
}

#[test]
fn what_a_host_before_has_told_is_missing_and_said_to_be() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    let mut watcher = Watcher::begin(&host, "");
    host.post("/api/v1/plugins/demo/disable", "").ok();
    let last = watcher.next().expect("told").id;
    host.kill();
    let host = ServedHost::start(&bench, &[]);
    let mut watcher = Watcher::begin(&host, &format!("Last-Event-ID: {last}\r\n"));
    let gap = watcher.next().expect("told");
    assert_eq!((gap.name.as_str(), &gap.data["after"], gap.id.as_str()), ("gap", &json!(last), ""));
    let next = watcher.next().expect("told");
    let number = |id: &str| id.split_once('-').map(|(began, _)| began.parse::<u64>().expect("a number"));
    assert!(number(&next.id) > number(&last), "{last} {next:?}");
    for other in ["x", "", "1", "1-", "-1", "01-1"] {
        let refused = host.send("GET", "/api/v1/events", &format!("Last-Event-ID: {other}\r\n"), "");
        refused.refused(400, "usage", "Last-Event-ID names no event of a host");
    }
}

#[test]
fn so_many_watch_and_no_more_and_only_as_long_as_their_token_counts() {
    let bench = bench();
    let read = token(&bench, "watch", "plugins:read");
    let other = token(&bench, "other", "plugins:*");
    let host = with_login(&bench);
    host.send("GET", "/api/v1/events", "", "").refused(401, "not_authenticated", "Not authenticated");
    for scope in ["plugins:execute", "plugins:admin"] {
        let short = token(&bench, &scope.replace(':', "-"), scope);
        let is_known = |host: &ServedHost| host.send("GET", "/api/v1/events", &short, "").status == 403;
        host.wait_for(is_known);
        let refused = host.send("GET", "/api/v1/events", &short, "");
        refused.refused(403, "permission_missing", "API key missing scope: plugins:read");
    }
    let mut watching: Vec<Watcher> = (0..32).map(|_| Watcher::begin(&host, &read)).collect();
    assert_eq!(host.send("GET", "/api/v1/events", &other, "").status, 503);
    // They hold places of their own, and are in nobody's way.
    assert_eq!(host.send("GET", "/api/v1/plugins", &other, "").status, 200);
    bench.run(&["token", "revoke", "watch", "--tokens", "tokens.json"]).ok();
    let began = Instant::now();
    for watcher in &mut watching {
        assert_eq!(watcher.next(), None);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    Watcher::begin(&host, &other);
}

#[test]
fn a_request_has_one_id_in_its_answer_and_in_what_is_wrong_with_it() {
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    let ask = |path: &str, head: &str| {
        let mut stream = host.connect();
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{head}\r\n", host.address);
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = std::io::read_to_string(stream).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("an id").to_owned();
        (id, serde_json::from_str::<Value>(body).expect("JSON"))
    };
    for path in ["/healthz", "/api/v1/plugins/absent", "/nowhere"] {
        let (id, body) = ask(path, "X-Request-Id: a.b_c-1\r\n");
        assert_eq!(id, "a.b_c-1", "{path}");
        if path != "/healthz" {
            assert_eq!(body["request_id"], "a.b_c-1", "{path}");
        }
        for other in ["X-Request-Id: a b\r\n", "X-Request-Id: \r\n", "X-Request-Id: a\r\nX-Request-Id: b\r\n", ""] {
            let (made, body) = ask(path, other);
            assert_eq!(made.len(), 24, "{path} {other}");
            assert!(path == "/healthz" || body["request_id"] == made.as_str(), "{body}");
            assert_ne!(made, ask(path, other).0, "{path} {other}");
        }
    }
    // Somebody else's page is refused with one too.
    let (id, body) = ask("/healthz", "Origin: http://evil.example\r\nX-Request-Id: page\r\n");
    assert_eq!((id.as_str(), &body["request_id"]), ("page", &json!("page")));
}

#[test]
fn no_token_is_called_as_somebody_else_is() {
    let bench = bench();
    for name in ["host", "development"] {
        let refused = bench.run(&["token", "create", name, "--role", "admin", "--tokens", "tokens.json"]);
        refused.refused(2, "usage");
    }
    assert!(!bench.path("tokens.json").exists());
}

#[test]
fn without_a_file_they_are_lines_on_stderr_of_a_host_that_answers_in_json() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let lines = |host: ServedHost| -> Vec<String> {
        host.post("/api/v1/plugins/demo/reload", "").ok();
        let is_told = |host: &ServedHost| {
            ["plugin.reload.completed", "Reloaded demo"].iter().any(|told| host.said().contains(told))
        };
        if !fs::exists(bench.path("log")).expect("asked") {
            host.wait_for(is_told);
        }
        host.said().lines().map(str::to_owned).collect()
    };
    let said = lines(ServedHost::ready(&mut command(&bench, &["--json"])));
    let documents: Vec<Value> =
        said.iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    let events: Vec<_> = documents.iter().filter_map(|document| document["event"].as_str()).collect();
    assert_eq!(events, ["plugin.loaded", "plugin.enabled", "plugin.reload.completed"], "{said:#?}");
    // What is warned of has a form of its own, which says so.
    assert!(documents.iter().all(|document| document["event"].is_string() != document["schema_version"].is_u64()));
    assert!(documents.iter().any(|document| document["warnings"][0]["code"] == "host_without_login"), "{said:#?}");
    // People are told in words, and where a file is named they are there.
    let in_words = lines(ServedHost::ready(&mut command(&bench, &[])));
    let mut logged = command(&bench, &["--json"]);
    let with_file = lines(ServedHost::ready(logged.env("AISOC_LOG_FILE", bench.path("log"))));
    for line in with_file.iter().chain(&in_words) {
        assert!(!line.contains("\"event\""), "{line}");
    }
    assert!(fs::read_to_string(bench.path("log")).expect("a log").contains("plugin.reload.completed"));
}
