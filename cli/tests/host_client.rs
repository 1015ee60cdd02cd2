//! `aisoc api`: a host is asked from the command line, and whoever is not one learns nothing.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::host::{PATIENCE, ServedHost, bench, command, has_python};
use support::{Bench, Run};

/// A host with a plugin that runs and one that is refused, and the tokens that open it.
fn served() -> (Bench, ServedHost) {
    let bench = bench();
    for (id, kind) in [("shodan", "enricher"), ("bare", "widget")] {
        bench.run(&["plugin", "new", id, "--type", kind, "-o", "plugins"]).ok();
    }
    bench.run(&["plugin", "sign", "--plugin-dir", "plugins/shodan", "--private-key", "release.key"]).ok();
    for (name, scope) in [("all", "*"), ("reader", "plugins:read")] {
        let made = bench.run(&["token", "create", name, "--scope", scope, "--tokens", "tokens.json"]);
        bench.write(&format!("{name}.token"), &made.ok().stdout);
    }
    let host = ServedHost::ready(command(&bench, &["--tokens", "tokens.json"]).env("ENVIRONMENT", "production"));
    (bench, host)
}

/// As an operator types it.
fn ask(bench: &Bench, host: &ServedHost, words: &[&str]) -> Run {
    let url = format!("http://{}", host.address);
    bench.run(&[&["api"], words, &["--url", &url, "--token-file", "all.token"]].concat())
}

#[test]
fn an_operator_does_without_curl() {
    if !has_python() {
        return;
    }
    let (bench, host) = served();
    let listed = ask(&bench, &host, &["list"]);
    let rows: Vec<Vec<&str>> = listed.ok().stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "VERSION", "STATE", "SIGNATURE", "KEY", "REASON"]);
    assert_eq!(rows[1], ["bare", "0.1.0", "failed", "unsigned", "-", "unsigned"]);
    assert_eq!(rows[2], ["shodan", "0.1.0", "enabled", "verified", "release", "-"]);
    let widgets = ask(&bench, &host, &["list", "--plugin-type", "widget", "--json"]);
    let widgets: Value = serde_json::from_str(&widgets.ok().stdout).expect("JSON");
    assert_eq!(widgets["plugins"].as_array().map(Vec::len), Some(1));
    let shown = ask(&bench, &host, &["get", "bare"]);
    assert!(
        shown.ok().stdout.contains("\nreason     unsigned\nerror      the plugin has no `plugin.sig`\n"),
        "{shown:?}"
    );

    let payload = r#"{"indicator": "203.0.113.7"}"#;
    bench.write("alert.json", payload);
    for given in [payload, "@alert.json"] {
        let called = ask(&bench, &host, &["run", "shodan", "--payload", given]);
        let result: Value = serde_json::from_str(&called.ok().stdout).expect("JSON");
        assert_eq!(result["indicator"], "203.0.113.7");
    }
    let state = |words: &[&str]| {
        let document: Value = serde_json::from_str(&ask(&bench, &host, words).ok().stdout).expect("JSON");
        (document["schema_version"].is_u64(), document["state"].as_str().map(str::to_owned))
    };
    assert_eq!(state(&["disable", "shodan", "--json"]), (true, Some("disabled".to_owned())));
    ask(&bench, &host, &["run", "shodan"]).refused(1, "plugin_disabled");
    assert_eq!(state(&["reload", "shodan", "--json"]), (true, Some("disabled".to_owned())));
    assert_eq!(state(&["enable", "shodan", "--json"]), (true, Some("enabled".to_owned())));
    assert_eq!(ask(&bench, &host, &["discover"]).ok().stdout, "");
    assert_eq!(ask(&bench, &host, &["unload", "shodan"]).ok().stdout, "shodan\n");
    assert_eq!(ask(&bench, &host, &["discover"]).ok().stdout, "shodan\n");

    ask(&bench, &host, &["get", "nobody"]).refused(1, "plugin_not_found");
    ask(&bench, &host, &["reload", "bare"]).refused(1, "plugin_not_loaded");
    ask(&bench, &host, &["get", "../bare"]).refused(2, "usage");
}

#[test]
fn a_token_comes_from_a_file_a_pipe_or_a_variable() {
    let (bench, host) = served();
    let url = format!("http://{}", host.address);
    let variable = |token: &str| bench.run_with(&["api", "list", "--url", &url], &[("AISOC_HOST_TOKEN", token)]);
    let token = |name: &str| fs::read_to_string(bench.path(&format!("{name}.token"))).expect("read");
    variable(token("reader").trim()).ok();
    let refused = bench.run(&["api", "list", "--url", &url]);
    refused.refused(1, "not_authenticated");
    assert!(refused.stderr.contains("hint: give it with `--token-file FILE`"), "{refused:?}");
    for (text, code, reason) in [
        ("aisoc_ffffffffffffffffffffffffffffffffffffffffffffffff", 1, "not_authenticated"),
        ("two words", 1, "not_authenticated"),
    ] {
        let refused = variable(text);
        assert!(!refused.stderr.contains(text), "{refused:?}");
        refused.refused(code, reason);
    }
    // By whatever is set beside it, the file counts.
    let words = ["api", "disable", "bare", "--url", &url, "--token-file", "reader.token"];
    let lacking = bench.run_with(&words, &[("AISOC_HOST_TOKEN", token("all").trim())]);
    lacking.refused(1, "permission_missing");
    assert!(lacking.stderr.contains("--scope plugins:admin "), "{lacking:?}");
    for (file, reason) in
        [("missing", "io_not_found"), ("keys", "not_authenticated"), ("release.pem", "not_authenticated")]
    {
        bench.run(&["api", "list", "--url", &url, "--token-file", file]).refused(1, reason);
    }
    let mut piped = bench.command(&["api", "list", "--token-file", "-"]);
    let mut piped =
        piped.env("AISOC_HOST_URL", &url).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().expect("runs");
    piped.stdin.take().expect("piped").write_all(token("reader").as_bytes()).expect("written");
    assert!(piped.wait().expect("ends").success());
}

/// Somebody who is no host: answers every request with those bytes, and tells what it was asked.
fn impostor(answer: Vec<u8>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            let _ = tell.send(String::from_utf8_lossy(&request[..read]).into_owned());
            let _ = stream.write_all(&answer);
        }
    });
    (url, told)
}

fn answer(status: &str, head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{head}\r\n{body}").into_bytes()
}

#[test]
fn whoever_is_no_host_is_told_so() {
    let bench = bench();
    for (said, what) in [
        (answer("200 OK", "", "<html>"), "answers with no JSON"),
        (answer("200 OK", "", "{\"plugins\": 1}"), "answers something else than was asked"),
        (answer("404 Not Found", "", "404 page not found"), "and not as a host does"),
        (answer("502 Bad Gateway", "", ""), "and not as a host does"),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "does not answer"),
        (Vec::new(), "does not answer"),
    ] {
        let (url, _told) = impostor(said);
        let refused = bench.run(&["api", "list", "--url", &url]);
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(refused.stderr.contains(what), "{what}: {refused:?}");
        assert!(refused.stderr.contains(&url), "{refused:?}");
    }
    for verb in ["get", "enable", "reload", "rollback"] {
        for said in ["{}", "[]", r#"{"id": "censys"}"#, r#"{"id": 1}"#] {
            let (url, _told) = impostor(answer("200 OK", "", said));
            let refused = bench.run(&["api", verb, "shodan", "--url", &url]);
            refused.refused(4, "host_protocol");
            assert!(refused.stderr.contains("answers something else than was asked"), "{said}: {refused:?}");
        }
    }
    let nobody = bench.run(&["api", "list", "--url", "http://127.0.0.1:1"]);
    nobody.refused(4, "host_unavailable");
    bench.run(&["api", "list", "--url", "http://192.0.2.1:1"]).refused(2, "usage");
    bench.run_with(&["api", "list"], &[("AISOC_HOST_URL", "http://192.0.2.1:1")]).refused(2, "usage");
}

#[test]
fn an_answer_without_an_end_is_not_read_to_it() {
    let bench = bench();
    let mut endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..65 {
        endless.extend_from_slice(b"100000\r\n");
        endless.resize(endless.len() + (1 << 20), b' ');
        endless.extend_from_slice(b"\r\n");
    }
    let (url, _told) = impostor(endless);
    let refused = bench.run(&["api", "list", "--url", &url]);
    refused.refused(4, "host_protocol");
    assert!(refused.stderr.contains("answers with more than 67108864 bytes"), "{refused:?}");
}

#[test]
fn a_token_is_shown_to_the_host_that_was_named_and_nobody_else() {
    let bench = bench();
    bench.write("x.token", "hunter2\n");
    let (elsewhere, told_elsewhere) = impostor(answer("200 OK", "", "[]"));
    let (url, told) = impostor(answer("307 Temporary Redirect", &format!("Location: {elsewhere}/\r\n"), ""));
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let words = ["api", "list", "--url", &url, "--token-file", "x.token", "--json"];
        let refused = bench.run_with(&words, &[(variable, &elsewhere)]);
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(!format!("{refused:?}").contains("hunter2"), "{refused:?}");
        let asked = told.recv_timeout(PATIENCE).expect("asked").to_lowercase();
        assert!(asked.starts_with("get /api/v1/plugins http/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nauthorization: bearer hunter2\r\n"), "{asked}");
    }
    assert!(told_elsewhere.try_recv().is_err());
}

#[test]
fn a_host_that_does_not_answer_is_waited_for_no_longer_than_was_said() {
    let bench = bench();
    let silent = TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let begun = Instant::now();
    let refused = bench.run(&["api", "enable", "shodan", "--url", &url, "--timeout", "1"]);
    refused.refused(4, "host_unavailable");
    assert!(refused.stderr.contains("did not answer in 1 s"), "{refused:?}");
    // Whoever changes something is told that it may be done.
    assert!(refused.stderr.contains("hint: it may be done all the same"), "{refused:?}");
    assert!((Duration::from_secs(1)..PATIENCE).contains(&begun.elapsed()));

    let asked = bench.command(&["api", "list", "--url", &url]).stderr(Stdio::piped()).spawn().expect("runs");
    // The one before has asked as well.
    let _open = [silent.accept().expect("asked"), silent.accept().expect("asked")];
    assert!(Command::new("kill").args(["-INT", &asked.id().to_string()]).status().expect("kill runs").success());
    assert_eq!(asked.wait_with_output().expect("ends").status.code(), Some(130));
    for seconds in ["0", "3601"] {
        bench.run(&["api", "list", "--url", &url, "--timeout", seconds]).refused(2, "usage");
    }
}

#[test]
fn what_happens_is_watched_and_gone_on_with() {
    let (bench, host) = served();
    let url = format!("http://{}", host.address);
    let watch = |words: &[&str]| {
        let fixed = ["api", "events", "--url", &url, "--token-file", "all.token", "--timeout", "2"];
        let mut command = bench.command(&[&fixed[..], words].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let mut watching = watch(&["--json", "--after", "1-1"]);
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("read")).expect("JSON") };
    // Of a host that was not this one something is missing.
    let gap = next();
    assert_eq!((gap["name"].as_str(), &gap["event_id"]), (Some("gap"), &Value::Null), "{gap}");
    let failed = loop {
        let event = next();
        if event["said"]["plugin_id"] == "bare" {
            break event;
        }
    };
    assert_eq!(failed["name"].as_str(), Some("plugin.load.failed"), "{failed}");
    let seen = failed["event_id"].as_str().expect("an id").to_owned();
    ask(&bench, &host, &["discover"]).ok();
    assert_eq!(host.terminate(), Some(0));
    let ended = watching.wait_with_output().expect("ends");
    assert_eq!(ended.status.code(), Some(4));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("aisoc api events --after "), "{said}");
    assert!(seen.contains('-'), "{seen}");

    for after in ["", "1-", "-", "a", "1\n2", "ä", &"1".repeat(65)] {
        bench.run(&["api", "events", "--after", after, "--url", &url]).refused(2, "usage");
    }
    let mut forged = bench.command(&["api", "events", "--url", "http://127.0.0.1:1"]);
    Run::of(&mut forged).refused(4, "host_unavailable");
    let (url, _told) = impostor(answer("200 OK", "", "data: {\n\n"));
    bench.run(&["api", "events", "--url", &url]).refused(4, "host_protocol");
}

/// A host that hangs up again and again: what it says to each that comes, and what each has shown.
fn hanging_up(said: Vec<&'static str>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (tell, told) = channel();
    thread::spawn(move || {
        for said in said {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            tell.send(String::from_utf8_lossy(&request[..read]).into_owned()).expect("told");
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";
            let answer = if said.starts_with("HTTP/") { said.to_owned() } else { format!("{head}{said}") };
            stream.write_all(answer.as_bytes()).expect("written");
        }
    });
    (url, told)
}

#[test]
fn whoever_watches_comes_back_behind_what_was_seen_and_ends_when_the_host_stays_away() {
    let bench = bench();
    let event = |id: &str| format!("id: {id}\nevent: plugin.loaded\ndata: {{\"plugin_id\": \"{id}\"}}\n\n");
    let said: Vec<&'static str> = vec![
        event("7-1").leak(),
        // An event that was not whole was not seen.
        format!("{}id: 7-3\ndata: {{\"a\"", event("7-2")).leak(),
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 56\r\n\r\n\
         {\"detail\": \"too many watch\", \"reason_code\": \"host_busy\"}",
        event("7-3").leak(),
    ];
    let (url, told) = hanging_up(said);
    let begun = Instant::now();
    let run = bench.run(&["api", "events", "--url", &url, "--timeout", "4"]);
    // Two pauses of a second, then one of a second and one of two, then as long as an answer is waited for.
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(8) && took < PATIENCE, "{took:?}");
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.error_line().starts_with("error[host_unavailable]: "), "{run:?}");
    assert!(run.stderr.contains("aisoc api events --after 7-3"), "{run:?}");
    assert!(run.stderr.contains("goes on behind the event 7-1") && run.stderr.contains("it is asked again in 1 s"));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines, ["plugin.loaded 7-1", "plugin.loaded 7-2", "plugin.loaded 7-3"], "{run:?}");
    let asked: Vec<String> = told.iter().collect();
    let last = |request: &String| {
        request.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("last-event-id: ").map(str::to_owned))
    };
    let expected = [None, Some("7-1"), Some("7-2"), Some("7-2")].map(|id| id.map(str::to_owned));
    assert_eq!(asked.iter().map(last).collect::<Vec<_>>(), expected);

    // What is no lack of a host ends at once: a token that counts no more, and what is none.
    let denied = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 70\r\n\r\n\
                  {\"detail\": \"API key has expired\", \"reason_code\": \"not_authenticated\" }";
    let (url, told) = hanging_up(vec![event("8-1").leak(), denied]);
    let run = bench.run(&["api", "events", "--url", &url, "--timeout", "60"]);
    assert!(run.code == 1 && run.error_line().starts_with("error[not_authenticated]: "), "{run:?}");
    assert_eq!(told.iter().count(), 2);
    // One that was never there is not waited for.
    let begun = Instant::now();
    bench.run(&["api", "events", "--url", "http://127.0.0.1:1", "--timeout", "60"]).refused(4, "host_unavailable");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_host_that_is_started_again_is_watched_on() {
    let bench = bench();
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("an address").to_string();
    let begin = || {
        let fixed =
            ["serve", "--listen", &taken, "--state", "host.json", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
        let host = ServedHost::begin(bench.command(&fixed).env("ENVIRONMENT", "development"));
        host.wait_for(|host| host.get("/readyz").status == 200);
        host
    };
    bench.run(&["plugin", "new", "bare", "--type", "widget", "-o", "plugins"]).ok();
    let host = begin();
    let url = format!("http://{taken}");
    let mut watching = bench
        .command(&["api", "events", "--url", &url, "--timeout", "60", "--json", "--after", "1-1"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("piped")).lines();
    let mut until = |name: &str| loop {
        let line = lines.next().expect("a line").expect("read");
        let event: Value = serde_json::from_str(&line).expect("JSON");
        if event["name"] == name {
            break;
        }
    };
    until("plugin.load.failed");
    host.kill();
    let host = begin();
    // What was missed is said to be, and then what there is.
    until("gap");
    until("plugin.load.failed");
    drop(host);
    watching.kill().expect("ended");
    watching.wait().expect("gone");
}

#[test]
fn an_operator_installs_and_goes_back() {
    if !has_python() {
        return;
    }
    let (bench, host) = served();
    let registry = bench.registry();
    for version in ["1.0.0", "2.0.0"] {
        bench.signed_version("demo", version, "release.key");
        let reference = format!("{}/team/demo:{version}", registry.address);
        bench.run(&["plugin", "push", "demo", &reference]).ok();
        let installed = ask(&bench, &host, &["install", &reference, "--id", "demo"]);
        let digest = installed.ok().stdout.trim().to_owned();
        assert!(digest.starts_with(&format!("{}/team/demo@sha256:", registry.address)), "{installed:?}");
        assert!(ask(&bench, &host, &["get", "demo"]).ok().stdout.contains(&format!("version    {version}\n")));
    }
    let other = ask(&bench, &host, &["install", &format!("{}/team/demo:1.0.0", registry.address), "--id", "other"]);
    assert_ne!(other.code, 0, "{other:?}");
    let back = ask(&bench, &host, &["rollback", "demo", "--to", "1.0.0"]);
    assert!(back.ok().stdout.contains("version    1.0.0\n"), "{back:?}");
    ask(&bench, &host, &["rollback", "demo", "--to", "9.0.0"]).refused(1, "version_not_found");
    ask(&bench, &host, &["reload", "demo", "--from", "../keys"]).refused(2, "usage");
    ask(&bench, &host, &["install", "not a reference"]).refused(2, "invalid_ref");
}
