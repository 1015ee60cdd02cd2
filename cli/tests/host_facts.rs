//! Facts that plugins keep in a host: whose they are, what is found, and what a crash leaves.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::asking::{CODE, put, said, said_as};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, Run};

const FACTS: [&str; 4] = ["facts.read", "facts.write", "recall.read", "recall.write"];

fn token(bench: &Bench, tenant: &str) -> String {
    let words = ["token", "create", tenant, "--scope", "plugins:execute", "--scope", "plugins:admin"];
    bench.run(&[&words[..], &["--tenant", tenant, "--tokens", "tokens.json"]].concat()).ok().stdout.trim().to_owned()
}

fn written(name: &str, value: &Value) -> Value {
    json!(["get_facts_writer", "put", { "name": name, "value": value }])
}

fn read(name: &str) -> Value {
    json!(["get_facts_reader", "get", { "name": name }])
}

#[test]
fn facts_are_of_one_plugin_one_publisher_and_one_tenant() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "keeps", &FACTS, CODE, "release.key");
    put(&bench, "other", &FACTS, CODE, "release.key");
    let (acme, globex) = (token(&bench, "acme"), token(&bench, "globex"));
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
    let one = json!([
        written("a/1", &json!({"kind": "scanner"})),
        written("a/2", &json!("Scanner")),
        read("a/1"),
        ["get_facts_reader", "list", {"prefix": "a/"}],
        ["get_recall_writer", "pin", {"name": "a/1"}],
        ["get_recall_writer", "annotate", {"name": "a/1", "note": "seen twice"}],
        ["get_recall_reader", "search", {"query": "scanner"}],
        ["get_facts_reader", "usage"],
    ]);
    let came = said_as(&host, &acme, "keeps", one);
    assert_eq!(came[2]["value"], json!({"kind": "scanner"}));
    assert_eq!(came[3]["value"], json!(["a/1", "a/2"]));
    let found = came[6]["value"].as_array().expect("found");
    let names: Vec<_> = found.iter().map(|fact| (&fact["name"], &fact["mark"], &fact["note"])).collect();
    assert_eq!(
        names,
        [(&json!("a/1"), &json!("pinned"), &json!("seen twice")), (&json!("a/2"), &json!(null), &json!(null))]
    );
    assert_eq!((&came[7]["value"]["facts"], &came[7]["value"]["max_facts"]), (&json!(2), &json!(20_000)));
    // Another tenant of the same plugin and another plugin of the same tenant see nothing, and change nothing.
    let nothing = |token: &str, id: &str| {
        let steps = json!([
            read("a/1"),
            ["get_facts_reader", "list"],
            ["get_recall_reader", "search", {"query": "scanner"}],
            ["get_facts_writer", "delete", {"name": "a/1"}],
            ["get_recall_writer", "demote", {"name": "a/1"}],
        ]);
        let came = said_as(&host, token, id, steps);
        let expected = json!(["not_found", [], [], false, "not_found"]);
        let came: Vec<Value> = came.iter().map(|one| one.get("failed").unwrap_or(&one["value"]).clone()).collect();
        assert_eq!(json!(came), expected, "{id}");
    };
    nothing(&globex, "keeps");
    nothing(&acme, "other");
    assert_eq!(said_as(&host, &acme, "keeps", json!([read("a/2")]))[0]["value"], "Scanner");
    drop(host);

    // The same id by another publisher sees nothing of it.
    bench.run(&["plugin", "keygen", "--out", "others"]).ok();
    fs::copy(bench.path("others.pem"), bench.path("keys/others.pem")).expect("copied");
    fs::remove_dir_all(bench.path("plugins/keeps")).expect("uninstalled");
    put(&bench, "keeps", &FACTS, CODE, "others.key");
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
    nothing_of(&host, &acme);
    drop(host);
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    fs::copy(bench.path("second.pem"), bench.path("keys/second.pem")).expect("copied");
    let reads = |host: &ServedHost| said_as(host, &acme, "keeps", json!([read("a/2")]))[0]["value"].clone();
    let signed_by = |keys: &[&str]| {
        fs::remove_dir_all(bench.path("plugins/keeps")).expect("uninstalled");
        put(&bench, "keeps", &FACTS, CODE, keys[0]);
        for key in &keys[1..] {
            bench.run(&["plugin", "sign", "--add", "--plugin-dir", "plugins/keeps", "--private-key", key]).ok();
        }
    };
    let fingerprint = |pem: &str| {
        let printed = bench.run(&["keys", "fingerprint", pem]).ok().stdout.clone();
        printed.split_whitespace().next().expect("one").to_owned()
    };
    let (old, new) = (fingerprint("keys/release.pem"), fingerprint("second.pem"));
    // Of what two have signed nobody can tell whose code it is, in whatever order they stand there.
    for keys in [["release.key", "second.key"], ["second.key", "release.key"]] {
        signed_by(&keys);
        let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
        nothing_of(&host, &acme);
    }
    // Unless an operator says that one of them only signs what others publish: that gives it nothing of its own.
    bench.write("host.toml", format!("[handles]\ncountersigners = [\"{new}\"]\n"));
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json", "--config", "host.toml"]);
    assert_eq!(reads(&host), "Scanner");
    drop(host);
    signed_by(&["second.key"]);
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json", "--config", "host.toml"]);
    nothing_of(&host, &acme);
    host.wait_for(|host| host.said().contains("warning[facts_begun_anew]: keeps begins without what was kept"));
    drop(host);
    // By an operator's word, and by that of the key itself.
    bench.write("host.toml", format!("[handles.successors]\n\"{new}\" = [\"{old}\"]\n"));
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json", "--config", "host.toml"]);
    assert_eq!(reads(&host), "Scanner");
    drop(host);
    bench.write("keys/second.json", format!("{{\"schema_version\": 2, \"endorsed_by\": [\"{old}\"]}}"));
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
    assert_eq!(reads(&host), "Scanner");
    drop(host);
    for wrong in ["[handles.successors]\n\"second\" = [\"release\"]\n", "[handles]\ncountersigners = [\"second\"]\n"] {
        bench.write("host.toml", wrong);
        bench
            .run(&["serve", "--config", "host.toml", "--state", "host.json", "--plugins-dir", "plugins"])
            .refused(1, "configuration_invalid");
    }
}

fn nothing_of(host: &ServedHost, token: &str) {
    let came = said_as(host, token, "keeps", json!([read("a/1"), ["get_facts_reader", "list"]]));
    assert_eq!((&came[0]["failed"], &came[1]["value"]), (&json!("not_found"), &json!([])));
}

#[test]
fn what_is_shared_is_shared_for_the_tenant_that_a_call_is_for() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "keeps", &FACTS, CODE, "release.key");
    put(&bench, "looks", &["facts.read", "recall.read"], CODE, "release.key");
    bench.write("plugins.toml", "[handles.shared_facts]\nlooks = [\"keeps\"]\n");
    let [acme, other, none] = ["acme", "other", "third"].map(|tenant| token(&bench, tenant));
    let words = ["--config", "plugins.toml", "--tokens", "tokens.json"];
    let host = ServedHost::start(&bench, &words);
    said_as(&host, &acme, "keeps", json!([written("a", &json!("of acme")), written("only", &json!(1))]));
    said_as(&host, &other, "keeps", json!([written("a", &json!("of other"))]));
    let steps = json!([
        ["get_facts_reader", "get", { "name": "a", "of": "keeps" }],
        ["get_facts_reader", "get", { "name": "only", "of": "keeps" }],
        ["get_facts_reader", "list", { "of": "keeps" }],
    ]);
    for (token, value, names) in [
        (&acme, json!("of acme"), json!(["a", "only"])),
        (&other, json!("of other"), json!(["a"])),
        (&none, json!(null), json!([])),
    ] {
        let came = said_as(&host, token, "looks", steps.clone());
        assert_eq!(came[0].get("value").cloned().unwrap_or_default(), value, "{came:?}");
        assert_eq!(came[1].get("value").is_some(), names == json!(["a", "only"]), "{came:?}");
        assert_eq!(came[2]["value"], names, "{came:?}");
    }
}

#[test]
fn an_operator_shares_facts_and_what_is_damaged_is_told_and_left() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "keeps", &FACTS, CODE, "release.key");
    put(&bench, "looks", &["facts.read"], CODE, "release.key");
    bench.write("plugins.toml", "[handles.shared_facts]\nlooks = [\"keeps\", \"absent\"]\n");
    let host = ServedHost::ready(&mut command(&bench, &["--config", "plugins.toml"]));
    said(&host, "keeps", json!([written("a", &json!(1))]));
    let of = |name: &str, of: &str| json!(["get_facts_reader", "get", { "name": name, "of": of }]);
    let steps = json!([
        ["get_facts_reader", "shared"],
        of("a", "keeps"),
        ["get_facts_reader", "list", {"of": "keeps"}],
        of("a", "absent"),
        of("a", "other"),
        read("a"),
    ]);
    let came = said(&host, "looks", steps);
    assert_eq!(came[0]["value"], json!(["absent", "keeps"]));
    assert_eq!((&came[1]["value"], &came[2]["value"]), (&json!(1), &json!(["a"])));
    assert_eq!((&came[3]["failed"], &came[4]["failed"]), (&json!("unavailable"), &json!("not_found")));
    assert_eq!(came[5]["failed"], "not_found", "its own are its own");
    // Nobody shares back.
    assert_eq!(said(&host, "keeps", json!([of("a", "looks")]))[0]["failed"], "not_found");
    // A version of somebody else's that does not come to run changes nothing of whose are seen.
    host.post("/api/v1/plugins/keeps/reload", "").ok();
    bench.run(&["plugin", "keygen", "--out", "others"]).ok();
    fs::copy(bench.path("others.pem"), bench.path("keys/others.pem")).expect("copied");
    let signed_by = |key: &str| {
        fs::remove_dir_all(bench.path("plugins/keeps")).expect("removed");
        put(&bench, "keeps", &FACTS, CODE, key);
    };
    signed_by("others.key");
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("read");
    bench.write("plugins/.aisoc/plugins.journal", journal.replacen("reload", "relaod", 1));
    let refused = host.post("/api/v1/plugins/keeps/reload", "");
    assert_eq!(refused.json()["reason_code"], "journal_broken", "{refused:?}");
    bench.write("plugins/.aisoc/plugins.journal", journal);
    assert_eq!(said(&host, "looks", json!([of("a", "keeps")]))[0]["value"], 1);
    signed_by("release.key");
    drop(host);

    let file = files(&bench);
    assert_eq!(file.len(), 1, "{file:?}");
    let name = format!("host.context/facts/{}", file.first().expect("one"));
    let whole = fs::read(bench.path(&name)).expect("read");
    bench.write(&name, "nonsense");
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(said(&host, "keeps", json!([read("a"), written("a", &json!(2))]))[1]["failed"], "unavailable");
    host.wait_for(|host| host.said().contains("warning[facts_refused]"));
    assert_eq!(fs::read(bench.path(&name)).expect("read"), b"nonsense");
    // Everything else goes on.
    assert_eq!(said(&host, "looks", json!([["get_facts_reader", "list"]]))[0]["value"], json!([]));
    drop(host);
    bench.write(&name, whole);
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(said(&host, "keeps", json!([read("a")]))[0]["value"], 1);
    // A second host is refused before it touches anything.
    Run::of(&mut command(&bench, &[])).refused(4, "locked");
}

fn files(bench: &Bench) -> BTreeSet<String> {
    let listed = fs::read_dir(bench.path("host.context/facts")).expect("listed");
    listed.map(|entry| entry.expect("there").file_name().into_string().expect("a name")).collect()
}

#[test]
fn a_host_that_is_killed_has_lost_nothing_that_it_has_acknowledged() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let code = "class Plugin:
    def run(self, payload, context):
        writer = context.get_facts_writer()
        number = payload['from']
        while True:
            writer.put('fact-%06d' % number, {'number': number})
            print('kept %d.' % number, flush=True)
            number += 1
";
    put(&bench, "writes", &["facts.write"], code, "release.key");
    let mut from = 0;
    for round in 0..5 {
        let host = ServedHost::start(&bench, &[]);
        thread::scope(|scope| {
            let body = json!({ "payload": { "from": from } }).to_string();
            let address = host.address.clone();
            scope.spawn(move || {
                let request = format!(
                    "POST /api/v1/plugins/writes/run HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
                     Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let mut stream = std::net::TcpStream::connect(&address).expect("it listens");
                std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
                // It ends with the host.
                let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
            });
            host.wait_for(|host| acknowledged(host).is_some_and(|last| last > from + 20));
            thread::sleep(Duration::from_millis(13 * round));
            let last = acknowledged(&host).expect("some");
            host.kill();
            from = last + 1;
        });
        // Everything up to the last that it was told of is there, each whole.
        put(&bench, "writes", &["facts.read"], CODE, "release.key");
        let host = ServedHost::start(&bench, &[]);
        let steps: Vec<Value> = (0..from).map(|number| read(&format!("fact-{number:06}"))).collect();
        for (steps, first) in steps.chunks(500).zip((0..).step_by(500)) {
            for (came, number) in said(&host, "writes", json!(steps)).iter().zip(first..) {
                assert_eq!(came["value"], json!({ "number": number }), "round {round}");
            }
        }
        assert!(!host.said().contains("facts_refused"), "{}", host.said());
        drop(host);
        put(&bench, "writes", &["facts.write"], code, "release.key");
    }
}

/// The last fact whose writer was told that it is kept.
fn acknowledged(host: &ServedHost) -> Option<u64> {
    let said = host.said();
    said.rsplit("kept ").find_map(|rest| rest.split_once('.')?.0.parse().ok())
}

#[test]
fn ten_thousand_facts_are_written_and_found_and_a_read_takes_no_time() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let code = "import time
class Plugin:
    def run(self, payload, context):
        reader, writer, recall = context.get_facts_reader(), context.get_facts_writer(), context.get_recall_reader()
        begun = time.perf_counter()
        for start in range(0, 10_000, 500):
            writer.put_many({'host-%05d' % n: {'kind': 'scanner', 'n': n} for n in range(start, start + 500)})
        wrote = time.perf_counter() - begun
        found = [fact['name'] for fact in recall.search('scanner 4711')]
        begun = time.perf_counter()
        recall.search('scanner 8150')
        searched = time.perf_counter() - begun
        reads = []
        for n in range(2000):
            begun = time.perf_counter()
            reader.get('host-%05d' % n)
            reads.append(time.perf_counter() - begun)
        reads.sort()
        return {'found': found, 'wrote': wrote, 'searched': searched, 'p50': reads[1000], 'p99': reads[1980]}
";
    put(&bench, "many", &FACTS, code, "release.key");
    let host = ServedHost::start(&bench, &[]);
    let begun = Instant::now();
    let result = host.post("/api/v1/plugins/many/run", "").ok()["result"].clone();
    assert_eq!(result["found"], json!(["host-04711"]));
    eprintln!("10,000 facts in {:?} in all: {result}", begun.elapsed());
    assert!(result["p50"].as_f64().expect("seconds") < 0.005, "{result}");
}

#[test]
fn what_plugins_have_really_called_is_counted_beside_what_they_declare() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "asks", &["facts.read", "facts.write", "audit.emit"], CODE, "release.key");
    let host = ServedHost::start(&bench, &[]);
    let steps = json!([
        written("a", &json!(1)),
        read("a"),
        read("b"),
        ["get_audit_reader", "read"],
        ["get_audit_reader", "read"],
    ]);
    said(&host, "asks", steps);
    let usage = |words: &[&str]| bench.run(&[&["plugins", "usage", "asks", "--state", "host.json"], words].concat());
    host.wait_for(|_| usage(&["--json"]).ok().stdout.contains("\"denied_count\": 2"));
    let said: Value = serde_json::from_str(&usage(&["--json"]).ok().stdout).expect("JSON");
    let publisher = &said["publishers"][0];
    let accessors = publisher["accessors"].as_array().expect("a list").iter();
    let counts: Vec<Value> = accessors
        .map(|one| {
            let numbers = ["is_declared", "opened_count", "used_count", "failed_count", "denied_count"];
            json!([one["capability"], numbers.map(|name| &one[name])])
        })
        .collect();
    assert_eq!(
        json!(counts),
        json!([
            ["facts.read", [true, 2, 1, 1, 0]],
            ["facts.write", [true, 1, 1, 0, 0]],
            ["audit.emit", [true, 0, 0, 0, 0]],
            ["audit.read", [false, 0, 0, 0, 2]],
        ])
    );
    assert_eq!(publisher["never_used"], json!(["audit.emit"]));
    assert!(publisher["signed_by"].as_str().expect("a key").starts_with("SHA256:"), "{publisher}");
    // It holds when the host ends, and nobody counts for it.
    assert_eq!(host.terminate(), Some(0));
    let text = usage(&[]).ok().stdout.clone();
    assert!(text.contains("declared and never used: audit.emit") && text.contains("audit.read   no"), "{text}");
    let none = bench.run(&["plugins", "usage", "other", "--state", "host.json"]);
    assert_eq!(none.ok().stdout, "other has called nothing of this host\n");
}
