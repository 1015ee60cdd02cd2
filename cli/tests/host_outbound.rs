//! What a plugin reaches of the network: what its operator has written down, through its host, and nothing unseen.

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aisoc_testkit::tls;
use serde_json::{Value, json};
use support::asking::put;
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run};

const CODE: &str = "from aisoc_context import HandleError


class Plugin:
    def run(self, payload, context):
        network = context.get_network_outbound()
        if network is None:
            return {'network': None}
        try:
            answer = network.fetch(payload.get('method', 'GET'), payload['url'], payload.get('headers'), payload.get('body'))
        except HandleError as error:
            return {'failed': error.code, 'message': str(error)}
        return {
            'status': answer.status, 'text': answer.text()[:100], 'length': len(answer.body), 'url': answer.url,
            'json': answer.json() if answer.header('X-Kind') == 'json' else None,
        }
";

/// A server on this machine that answers by the path, and keeps what it was asked.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("connected");
            let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
            while !read.windows(4).any(|part| part == b"\r\n\r\n") {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => read.extend_from_slice(&buffer[..count]),
                }
            }
            let request = String::from_utf8_lossy(&read).into_owned();
            let head =
                |length: usize, more: &str| format!("Content-Length: {length}\r\nConnection: close\r\n{more}\r\n");
            let answer = match request.split(' ').nth(1).unwrap_or_default() {
                // Nobody answers for longer than any call waits.
                "/silent" => {
                    thread::spawn(move || (thread::sleep(Duration::from_secs(60)), stream));
                    continue;
                }
                "/json" => format!("HTTP/1.1 200 OK\r\n{}{{\"a\": 1}}", head(8, "X-Kind: json\r\n")),
                "/away" => format!("HTTP/1.1 302 Found\r\n{}", head(0, "Location: http://127.0.0.1:9/\r\n")),
                "/large" => format!("HTTP/1.1 200 OK\r\n{}{}", head(2 << 20, ""), "x".repeat(2 << 20)),
                "/larger" => format!("HTTP/1.1 200 OK\r\n{}{}", head((2 << 20) + 1, ""), "x".repeat((2 << 20) + 1)),
                _ => format!("HTTP/1.1 404 Not Found\r\n{}no", head(2, "")),
            };
            seen.lock().expect("unpoisoned").push(request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, asked)
}

fn run(host: &ServedHost, id: &str, payload: &Value) -> Value {
    host.post_json(&format!("/api/v1/plugins/{id}/run"), &json!({ "payload": payload })).ok()["result"].clone()
}

fn served(bench: &Bench, url: &str, requests: u32) -> ServedHost {
    let allowed = format!("[handles.outbound.looks]\ninside = [\"{url}\"]\nrequests_per_minute = {requests}\n");
    bench.write("plugins.toml", allowed);
    ServedHost::ready(&mut command(bench, &["--config", "plugins.toml"]))
}

#[test]
fn a_plugin_goes_where_its_operator_lets_it_and_each_request_is_written_down() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "looks", &["network.outbound"], CODE, "release.key");
    put(&bench, "elsewhere", &["network.outbound"], CODE, "release.key");
    let (url, asked) = server();
    let host = served(&bench, &url, 100);
    // Declared, and the operator says nothing of it.
    assert_eq!(run(&host, "elsewhere", &json!({ "url": url })), json!({ "network": null }));
    let to = |path: &str| format!("{url}{path}");
    let headers = json!({ "X-Api-Key": "hunter2" });
    let posted = json!({ "method": "POST", "url": to("/json"), "headers": headers, "body": "what" });
    let found = run(&host, "looks", &posted);
    assert_eq!((&found["status"], &found["json"]), (&json!(200), &json!({ "a": 1 })), "{found}");
    let request = asked.lock().expect("unpoisoned")[0].to_ascii_lowercase();
    assert!(request.starts_with("post /json ") && request.contains("x-api-key: hunter2"), "{request}");
    assert_eq!(run(&host, "looks", &json!({ "url": to("/none") }))["status"], 404, "an answer all the same");
    assert_eq!(run(&host, "looks", &json!({ "url": to("/large") }))["length"], 2 << 20);
    for (payload, code, said) in [
        (json!({ "url": "http://169.254.169.254/latest?hunter2" }), "not_allowed", "http://169.254.169.254:80"),
        (json!({ "url": "https://example.com/" }), "not_allowed", "https://example.com:443"),
        (json!({ "url": to("/away") }), "not_allowed", "http://127.0.0.1:9"),
        (json!({ "url": to("/larger") }), "too_large", "2097152 bytes"),
        (json!({ "url": to("/"), "method": "CONNECT" }), "invalid_argument", "the method"),
        (json!({ "url": to("/"), "headers": { "A": "b\r\nHost: c" } }), "invalid_argument", "the headers"),
        (json!({ "url": to("/"), "headers": { "Host": "c" } }), "invalid_argument", "`host`"),
        (json!({ "url": "file:///etc/passwd" }), "invalid_argument", "the URL"),
        (json!({ "url": to("/"), "body": "x".repeat((64 << 10) + 1) }), "invalid_argument", "at most 65536"),
    ] {
        let refused = run(&host, "looks", &payload);
        assert_eq!(refused["failed"], code, "{payload}: {refused}");
        assert!(refused["message"].as_str().expect("a text").contains(said), "{refused}");
    }
    assert_eq!(asked.lock().expect("unpoisoned").len(), 5, "what is refused is not sent");
    let log = std::fs::read_to_string(bench.path("host.context/audit.jsonl")).expect("a log");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let (left, ended, refused) =
        (of("plugin.network_outbound"), of("plugin.network_ended"), of("plugin.network_refused"));
    assert_eq!((left.len(), ended.len(), refused.len()), (5, 5, 2), "{log}");
    assert!(!log.contains("hunter2") && !log.contains("/json"), "{log}");
    assert_eq!(left[0]["metadata"], json!({ "method": "POST", "destination": url }));
    let first = &ended[0]["metadata"];
    assert_eq!((&first["line"], &first["destinations"]), (&left[0]["line"], &json!([url])));
    assert_eq!(
        (&first["status"], &first["received_bytes"], &ended[0]["outcome"]),
        (&json!(200), &json!(8), &json!("success"))
    );
    let sent = "what".len() + "x-api-key: hunter2\r\n".len() + to("/json").len();
    assert_eq!(first["sent_bytes"], sent, "the URL, the headers and the body");
    assert_eq!(
        (&ended[3]["metadata"]["refused"], &ended[3]["outcome"]),
        (&json!("destination_not_allowed"), &json!("failure"))
    );
    let [address, invalid] = refused[..] else { panic!("{refused:?}") };
    assert_eq!(
        (&address["metadata"]["refused"], &address["outcome"]),
        (&json!("destination_not_allowed"), &json!("denied"))
    );
    assert_eq!(address["metadata"]["destinations"], json!(["http://169.254.169.254:80"]));
    assert_eq!(invalid["metadata"]["refused"], "invalid_request");
}

#[test]
fn a_plugin_asks_the_network_as_often_as_its_operator_says_whatever_is_loaded_anew() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "looks", &["network.outbound"], CODE, "release.key");
    let (url, asked) = server();
    let host = served(&bench, &url, 4);
    let ask = || run(&host, "looks", &json!({ "url": url }));
    for number in 0..4 {
        assert_eq!(ask()["status"], 404, "{number}");
        if number == 1 {
            host.post("/api/v1/plugins/looks/reload", "").ok();
        }
    }
    assert_eq!(ask()["failed"], "rate_limited");
    assert_eq!(asked.lock().expect("unpoisoned").len(), 4);
}

/// The lines of the audit log that say that event.
fn said(bench: &Bench, event: &str) -> Vec<Value> {
    let log = std::fs::read_to_string(bench.path("host.context/audit.jsonl")).expect("a log");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["event"] == event).collect()
}

#[test]
fn what_never_leaves_is_counted_and_no_line_each() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "looks", &["network.outbound"], CODE, "release.key");
    let (url, asked) = server();
    let host = served(&bench, &url, 1);
    assert_eq!(run(&host, "looks", &json!({ "url": url }))["status"], 404);
    let long = format!("https://{}.example.com/", "\"".repeat(3_900));
    for _ in 0..10 {
        for (url, method, code) in [
            (url.as_str(), "GET", "rate_limited"),
            ("https://example.com/", "GET", "not_allowed"),
            (url.as_str(), "CONNECT", "invalid_argument"),
            (long.as_str(), "GET", "invalid_argument"),
        ] {
            let refused = run(&host, "looks", &json!({ "url": url, "method": method }));
            assert_eq!(refused["failed"], code, "{refused}");
        }
    }
    assert_eq!(asked.lock().expect("unpoisoned").len(), 1);
    let refused = said(&bench, "plugin.network_refused");
    let reasons: Vec<_> = refused.iter().map(|line| line["metadata"]["refused"].as_str().expect("a reason")).collect();
    assert_eq!(reasons, ["rate_limited", "destination_not_allowed", "invalid_request"], "{refused:?}");
    assert!(refused.iter().all(|line| line["outcome"] == "denied" && line["metadata"]["passed_over"] == 0));
    let log = std::fs::read_to_string(bench.path("host.context/audit.jsonl")).expect("a log");
    assert_eq!(log.lines().count(), 5, "two lines of what has left: {log}");
    assert!(log.lines().all(|line| line.len() < 1_024), "{log}");
}

#[test]
fn nothing_leaves_that_cannot_be_written_down() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "looks", &["network.outbound"], CODE, "release.key");
    let (url, asked) = server();
    let host = served(&bench, &url, 100);
    let posted = json!({ "method": "POST", "url": url, "body": "what nobody sees" });
    assert_eq!(run(&host, "looks", &posted)["status"], 404);
    drop(host);
    // A log that is full, and of which no next file can be made: something else stands in its place.
    let path = bench.path("host.context/audit.jsonl");
    let lines = std::fs::read_to_string(&path).expect("a log");
    let line = lines.lines().last().expect("a line");
    let full = format!("{}\n{line}\n", "x\n".repeat((16 << 20) / 2));
    std::fs::write(&path, &full).expect("written");
    std::fs::create_dir(bench.path("host.context/.audit.next.jsonl")).expect("made");
    let host = served(&bench, &url, 100);
    for _ in 0..3 {
        let refused = run(&host, "looks", &posted);
        assert_eq!(refused["failed"], "unavailable", "{refused}");
    }
    assert_eq!(asked.lock().expect("unpoisoned").len(), 1, "nothing has left");
}

#[test]
fn tls_is_spoken_with_whom_the_certificates_of_the_site_vouch_for() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "looks", &["network.outbound"], CODE, "release.key");
    let (url, asked) = server();
    let url = format!("https://localhost:{}", tls::serve("issued", url.trim_start_matches("http://")).port());
    bench.write("plugins.toml", format!("[handles.outbound.looks]\ninside = [\"{url}\"]\n"));
    let authority = tls::certificate("authority").display().to_string();
    for (flags, told) in [(vec!["--ca-file", authority.as_str()], json!(404)), (vec![], json!("unreachable"))] {
        let flags = [vec!["--config", "plugins.toml"], flags].concat();
        let host = ServedHost::ready(&mut command(&bench, &flags));
        let came = run(&host, "looks", &json!({ "url": url }));
        assert!(came["status"] == told || came["failed"] == told, "{flags:?}: {came}");
    }
    assert_eq!(asked.lock().expect("unpoisoned").len(), 1);
}

#[test]
fn whoever_does_not_answer_while_a_call_lasts_is_said_to_be_late_and_ends_nobodys_plugin() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "looks", &["network.outbound"], CODE, "release.key");
    let (url, _) = server();
    let host = served(&bench, &url, 100);
    let late = run(&host, "looks", &json!({ "url": format!("{url}/silent") }));
    assert_eq!(late["failed"], "timed_out", "{late}");
    let ended = said(&bench, "plugin.network_ended");
    assert_eq!(ended[0]["metadata"]["refused"], "timed_out", "{ended:?}");
    assert_eq!(run(&host, "looks", &json!({ "url": url }))["status"], 404, "it is there as before");
}

#[test]
fn a_line_that_is_no_destination_is_refused_when_the_host_starts() {
    let bench = bench();
    for (table, why) in [
        (
            "destinations = [\"http://127.0.0.1:1\"]",
            "`[handles.outbound.looks]`: `http://127.0.0.1:1` cannot be used: it is this machine",
        ),
        ("destinations = [\"https://*.com\"]", "`https://*.com` cannot be used: expected `*.` before two labels"),
        ("inside = [\"https://169.254.169.254\"]", "credentials of this machine are handed out there"),
        ("requests_per_minute = 0", "found 0"),
        ("hosts = []", "is no configuration of plugins"),
    ] {
        bench.write("plugins.toml", format!("[handles.outbound.looks]\n{table}\n"));
        let run = Run::of(&mut command(&bench, &["--config", "plugins.toml"]));
        run.refused(1, "configuration_invalid");
        assert!(run.stderr.contains(why), "{table}: {run:?}");
    }
}
