//! What operators have a host do, in the journal of its site; and how the host does, in numbers.

mod support;

use std::fs;
use std::io::Write as _;
use std::thread;

use serde_json::{Value, json};
use support::Bench;
use support::host::{ServedHost, command, has_python};

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
    ServedHost::ready(command.env("ENVIRONMENT", "production"))
}

/// The lines of the journal, each in its six columns.
fn lines(bench: &Bench) -> Vec<Vec<String>> {
    let text = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).unwrap_or_default();
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn holds(bench: &Bench) {
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
}

#[test]
fn whatever_changes_something_is_written_down_with_its_actor_before_it_is_done() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let (ops, ci) = (token(&bench, "ops", "*"), token(&bench, "ci", "plugins:execute"));
    let host = with_login(&bench);
    assert_eq!(lines(&bench), Vec::<Vec<String>>::new(), "what the host does by itself is no operator's");
    let send = |method: &str, path: &str, head: &str| host.send(method, path, &format!("{ops}{head}"), "").status;
    let reason = "X-Request-Id: change-1\r\nX-Reason: ticket OPS-7: noisy\r\n";
    assert_eq!(send("POST", "/api/v1/plugins/demo/disable", reason), 200);
    // What changes nothing has no line: a switch that stands so, a call, and what is refused.
    assert_eq!(send("POST", "/api/v1/plugins/demo/disable", ""), 200);
    assert_eq!(host.send("POST", "/api/v1/plugins/demo/run", &ci, "").status, 422);
    assert_eq!(host.send("POST", "/api/v1/plugins/demo/enable", &ci, "").status, 403);
    assert_eq!(send("POST", "/api/v1/plugins/absent/enable", ""), 404);
    assert_eq!(send("POST", "/api/v1/plugins/demo/enable", "X-Reason: \r\n"), 400);
    assert_eq!(send("POST", "/api/v1/plugins/demo/enable", ""), 200);
    assert_eq!(send("POST", "/api/v1/plugins/demo/reload", ""), 200);
    assert_eq!(send("DELETE", "/api/v1/plugins/demo", ""), 204);
    assert_eq!(send("POST", "/api/v1/plugins/demo/reload", ""), 400);
    assert_eq!(send("POST", "/api/v1/plugins/discover", ""), 200);
    let lines = lines(&bench);
    let said: Vec<[&str; 3]> = lines.iter().map(|line| [&line[1], &line[2], &line[5]].map(String::as_str)).collect();
    let expected = [
        ["disable", "demo", "ticket OPS-7: noisy"],
        ["enable", "demo", "-"],
        ["reload", "demo", "-"],
        ["unload", "demo", "-"],
        ["discover", "-", "-"],
    ];
    assert_eq!(said, expected);
    assert!(lines[..4].iter().all(|line| line[3] == "0.1.0" && line[4].starts_with("sha256:")), "{lines:?}");
    holds(&bench);
    // Who answers for a token stands beside it.
    let words = ["token", "create", "ada", "--scope", "plugins:admin", "--operator", "Ada Lovelace"];
    let made = bench.run(&[&words[..], &["--tokens", "tokens.json"]].concat());
    let ada = format!("Authorization: Bearer {}\r\n", made.ok().stdout.trim());
    host.wait_for(|host| host.send("GET", "/api/v1/audit", &ada, "").status == 200);
    assert_eq!(host.send("POST", "/api/v1/plugins/demo/disable", &ada, "").status, 200);
    let newest = host.send("GET", "/api/v1/audit?limit=1", &ops, "").ok();
    let who = newest["entries"][0]["user"].as_str().expect("who").to_owned();
    assert!(who.ends_with(", asked by ada (operator Ada Lovelace)"), "{newest}");
    let audit = host.send("GET", "/api/v1/audit?after=6", &ops, "").ok();
    let entries = audit["entries"].as_array().expect("lines");
    assert_eq!(entries.iter().map(|entry| &entry["line"]).collect::<Vec<_>>(), [5, 4, 3, 2, 1]);
    let first = &entries[4];
    assert_eq!((&first["action"], &first["standing"]), (&json!("disable"), &json!("written")), "{first}");
    assert_eq!(first["ci_run"], "request change-1");
    assert!(first["user"].as_str().expect("who").ends_with(", asked by ops"), "{first}");
    assert_eq!(audit["next"], Value::Null);
}

#[test]
fn what_cannot_be_written_down_is_not_done() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    host.post("/api/v1/plugins/demo/disable", "").ok();
    // Somebody has changed the line.
    let path = "plugins/.aisoc/plugins.journal";
    let text = fs::read_to_string(bench.path(path)).expect("written");
    bench.write(path, text.replace("disable", "enable"));
    let verbs = [("POST", "/enable"), ("POST", "/reload"), ("DELETE", "")];
    for (method, path) in verbs {
        let refused = host.send(method, &format!("/api/v1/plugins/demo{path}"), "", "");
        // It is the host that cannot, whoever asks for it in which way.
        assert_eq!(refused.status, 500, "{refused:?}");
        assert_eq!(refused.json()["reason_code"], "journal_broken", "{refused:?}");
        assert_eq!(host.plugin("demo")["state"], "disabled", "{method} {path}");
    }
    assert_eq!(host.post("/api/v1/plugins/discover", "").status, 500);
    let audit = host.get("/api/v1/audit").ok();
    assert_eq!(audit["objection"]["reason_code"], "journal_broken", "{audit}");
    bench.write(path, text);
    assert_eq!(host.post("/api/v1/plugins/demo/enable", "").ok()["state"], "enabled");
    holds(&bench);
}

/// What a host remembers of the journal counts for nothing once somebody has changed any of it, whatever its length is.
#[test]
fn a_change_of_what_was_written_long_ago_is_found_by_the_next_line() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    let switch = |verb: &str| host.post(&format!("/api/v1/plugins/demo/{verb}"), "");
    for verb in ["disable", "enable", "disable", "enable"] {
        switch(verb).ok();
    }
    let path = |name: &str| bench.path("plugins/.aisoc").join(name);
    let mut verbs = ["disable", "enable"].into_iter().cycle();
    for name in ["plugins.journal", "plugins.journal.chain", "plugins.journal.head"] {
        // In its place, and as another file in its place.
        for is_renamed in [false, true] {
            let good = fs::read(path(name)).expect("written");
            let mut changed = good.clone();
            // One letter in its middle, which leaves it as long as it was.
            let at = changed.len() / 2;
            changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
            let put = |text: &[u8]| match is_renamed {
                false => fs::write(path(name), text).expect("written"),
                true => {
                    fs::write(path("other"), text).expect("written");
                    fs::set_permissions(path("other"), fs::metadata(path(name)).expect("there").permissions())
                        .expect("set");
                    fs::rename(path("other"), path(name)).expect("renamed");
                }
            };
            put(&changed);
            let verb = verbs.next().expect("endless");
            assert!(!switch(verb).refused_for(500, "journal_broken").is_empty(), "{name} {is_renamed}");
            put(&good);
            switch(verb).ok();
        }
    }
    holds(&bench);
    // A line by hand, and one of a command, are gone on behind.
    let mut by_hand = fs::OpenOptions::new().append(true).open(path("plugins.journal")).expect("opened");
    by_hand.write_all(b"2026-05-24T14:32:00+02:00\tdisable\tdemo\t-\t-\tby hand\n").expect("written");
    switch("disable").ok();
    switch("enable").ok();
    holds(&bench);
    assert_eq!(lines(&bench).len(), 4 + 6 + 3);
}

#[test]
fn a_host_and_a_command_write_one_after_the_other() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for verb in ["disable", "enable", "reload"].iter().cycle().take(9) {
                        host.post(&format!("/api/v1/plugins/demo/{verb}"), "").ok();
                    }
                })
            })
            .collect();
        while !asking.iter().all(thread::ScopedJoinHandle::is_finished) {
            bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]).ok();
        }
    });
    holds(&bench);
    let lines = lines(&bench);
    assert!(lines.iter().filter(|line| line[1] == "reload").count() == 12, "{lines:?}");
    assert!(lines.iter().all(|line| line.len() == 6), "{lines:?}");
}

#[test]
fn the_journal_is_shown_in_pages_to_who_may_change_plugins() {
    let bench = bench();
    let (read, admin) = (token(&bench, "read", "plugins:read"), token(&bench, "ops", "plugins:admin"));
    let host = with_login(&bench);
    host.get("/api/v1/audit").refused(401, "not_authenticated", "Not authenticated");
    let refused = host.send("GET", "/api/v1/audit", &read, "");
    refused.refused(403, "permission_missing", "API key missing scope: plugins:admin");
    let page = |query: &str| host.send("GET", &format!("/api/v1/audit{query}"), &admin, "");
    assert_eq!(page("").ok(), json!({ "entries": [], "next": null }));
    for _ in 0..5 {
        assert_eq!(host.send("POST", "/api/v1/plugins/discover", &admin, "").status, 200);
    }
    let shown = |query: &str| {
        let page = page(query).ok();
        let lines: Vec<u64> =
            page["entries"].as_array().expect("lines").iter().filter_map(|line| line["line"].as_u64()).collect();
        (lines, page["next"].as_u64())
    };
    assert_eq!(shown("?limit=2"), (vec![5, 4], Some(4)));
    assert_eq!(shown("?limit=2&after=4"), (vec![3, 2], Some(2)));
    assert_eq!(shown("?limit=2&after=2"), (vec![1], None));
    assert_eq!(shown("?limit=5"), (vec![5, 4, 3, 2, 1], None));
    assert_eq!(shown("?after=1"), (vec![], None));
    for (query, status) in [
        ("?limit=0", 400),
        ("?limit=1", 200),
        ("?limit=1000", 200),
        ("?limit=1001", 400),
        ("?limit=-1", 400),
        ("?after=x", 400),
        ("?limit=1&limit=2", 400),
        ("?since=1", 400),
    ] {
        assert_eq!(page(query).status, status, "{query}");
    }
}

#[test]
fn numbers_say_how_the_host_does_and_name_no_client_and_no_plugin() {
    let bench = bench();
    let (read, admin) = (token(&bench, "read", "plugins:read"), token(&bench, "ops", "plugins:*"));
    let host = with_login(&bench);
    host.get("/metrics").refused(401, "not_authenticated", "Not authenticated");
    let admin_alone = token(&bench, "admin", "plugins:admin");
    host.wait_for(|host| host.send("GET", "/metrics", &admin_alone, "").status == 403);
    for path in
        ["/api/v1/plugins/secret-name", "/api/v1/plugins/secret-other", "/secret/path", "/api/v1/plugins?x=secret"]
    {
        host.send("GET", path, &read, "");
    }
    host.send("SECRET", "/api/v1/plugins", &read, "");
    host.send("POST", "/api/v1/plugins/secret-name/run", &admin, "");
    let text = host.send("GET", "/metrics", &read, "").text;
    assert!(!text.contains("secret") && !text.contains("SECRET") && !text.contains("demo"), "{text}");
    let line = |start: &str| {
        let found = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no {start}: {text}"));
        found.rsplit(' ').next().expect("a value").parse::<f64>().expect("a number")
    };
    assert_eq!(line("aisoc_build_info{version=\"0.1.0\"}") as u64, 1);
    assert_eq!(line("aisoc_plugin_calls_total{outcome=\"refused\"}") as u64, 1);
    assert_eq!(
        line("aisoc_http_requests_total{method=\"GET\",route=\"/api/v1/plugins/{id}\",status=\"404\"}") as u64,
        2
    );
    assert_eq!(line("aisoc_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"}") as u64, 1);
    assert_eq!(line("aisoc_http_requests_total{method=\"other\",route=\"/api/v1/plugins\",status=\"405\"}") as u64, 1);
    assert!(line("aisoc_connections ") >= 1.0);
    let states: f64 = ["discovered", "loaded", "enabled", "disabled", "unloaded", "failed"]
        .iter()
        .map(|state| line(&format!("aisoc_plugins{{state=\"{state}\"}}")))
        .sum();
    assert!((states - 1.0).abs() < 0.1, "{text}");
    assert!(text.contains("# TYPE aisoc_plugin_call_seconds histogram"), "{text}");
    // Each name once, each line of the form that collectors read.
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    assert_eq!(types.len(), types.iter().collect::<std::collections::BTreeSet<_>>().len(), "{types:?}");
}
