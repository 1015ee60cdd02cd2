//! Drop-ins in a host: the bytes that were hashed run, and are said before they do; data does not, and no switch is missed.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use aisoc_manifests::digest::FileDigest;
use serde_json::{Value, json};
use support::Bench;
use support::host::{Answered, ServedHost, bench, has_python, marks, unconfined};

const NOTE: &str = r#"{"schema_version": 2, "may_sign": ["dropin"]}"#;

/// A host's command that finds the drop-ins of the bench, and writes down what happens.
fn serving(bench: &Bench, words: &[&str]) -> Command {
    let mut command = unconfined(bench, words);
    command.env("AISOC_DATA_DIR", bench.path("data")).env("AISOC_LOG_FILE", bench.path("events"));
    command
}

fn dropin(bench: &Bench, name: &str, content: &str) {
    bench.write(&format!("data/plugins/{name}"), content);
}

/// What was written down, of the events of that name.
fn events(bench: &Bench, name: &str) -> Vec<Value> {
    let log = fs::read_to_string(bench.path("events")).unwrap_or_default();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["event"] == name).collect()
}

fn run(host: &ServedHost, id: &str, payload: &Value) -> Answered {
    host.post_json(&format!("/api/v1/plugins/{}/run", id.replace('/', "%2F")), &json!({ "payload": payload }))
}

fn plugin(host: &ServedHost, id: &str) -> Value {
    host.plugin(&id.replace('/', "%2F"))
}

fn ids(host: &ServedHost) -> Vec<(String, String)> {
    let listed = host.get("/api/v1/plugins").ok();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    listed.as_array().expect("a list").iter().map(|one| (text(&one["id"]), text(&one["state"]))).collect()
}

fn hash(content: &str) -> String {
    FileDigest::of(content.as_bytes()).hex().to_string()
}

#[test]
fn what_users_have_put_there_runs_when_a_host_starts_and_is_said_before() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), marks());
    let mark = |name: &str| format!("open({:?}, 'x').close()\n", marks.path().join(name));
    let tidy = format!("{}def run(payload, context): return payload.get('text', '').strip()\n", mark("tidy"));
    let crash = format!("{}raise ValueError('broken on purpose')\n", mark("crash"));
    dropin(&bench, "cleaners/tidy.py", &tidy);
    dropin(&bench, "tools/crash_plugin.py", &crash);
    dropin(&bench, "tools/plugin_none.py", &mark("none"));
    dropin(&bench, "domains/lab.jsonld", r#"{"a": 1}"#);
    dropin(&bench, "domains/broken.jsonld", "{");
    let words = ["plugins", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let data = bench.path("data");
    let listed = bench.run_with(&words, &[("AISOC_DATA_DIR", data.to_str().expect("text"))]);
    assert!(listed.ok().stderr.contains("warning[user_plugin_loaded]"), "{listed:?}");
    assert!(!marks.path().join("tidy").exists(), "a listing has run it");

    let host = ServedHost::ready(&mut serving(&bench, &[]));
    for (name, is_run) in [("tidy", true), ("crash", true), ("none", false)] {
        assert_eq!(marks.path().join(name).exists(), is_run, "{name}: {}", host.said());
    }
    let states = [
        ("cleaner/tidy", "enabled"),
        ("domain/broken", "failed"),
        ("domain/lab", "discovered"),
        ("tool/crash_plugin", "failed"),
    ];
    assert_eq!(ids(&host), states.map(|(id, state)| (id.to_owned(), state.to_owned())));
    let shown = plugin(&host, "cleaner/tidy");
    assert_eq!((&shown["source"], &shown["kind"]), (&json!("dropin"), &json!("cleaner")));
    assert_eq!(shown["signature_status"], "unsigned");
    let error = plugin(&host, "tool/crash_plugin")["error"].as_str().expect("why").to_owned();
    assert!(error.starts_with("error importing crash_plugin.py: broken on purpose"), "{error}");
    let error = plugin(&host, "domain/broken")["error"].as_str().expect("why").to_owned();
    assert!(error.contains("is no JSON document"), "{error}");
    assert_eq!(run(&host, "cleaner/tidy", &json!({ "text": " a " })).ok()["result"], json!({ "result": "a" }));
    let data = run(&host, "domain/lab", &json!({}));
    data.refused(422, "plugin_not_loaded", "[domain/lab] plugin is discovered");

    // One line for each file, with the path from the root on and the hash; also of what has crashed.
    let said = events(&bench, "user_plugin_loaded");
    let expected = [
        ("domains/lab.jsonld", hash(r#"{"a": 1}"#)),
        ("cleaners/tidy.py", hash(&tidy)),
        ("tools/crash_plugin.py", hash(&crash)),
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for (name, sha256) in expected {
        let path = fs::canonicalize(bench.path("data/plugins")).expect("there").join(name);
        let line = said.iter().find(|line| line["path"] == path.to_str().expect("text")).expect(name);
        assert_eq!((&line["level"], &line["sha256"]), (&json!("warning"), &json!(sha256)), "{name}");
        let warning = format!("warning[user_plugin_loaded]: `{}` (", path.display());
        assert_eq!(host.said().matches(&warning).count(), 1, "{name}: {}", host.said());
    }
    let log = fs::read_to_string(bench.path("events")).expect("read");
    let before = log.find("crash_plugin.py").expect("said");
    assert!(before < log.find(r#""plugin_id":"tool/crash_plugin""#).expect("failed"), "{log}");
    // It is looked at again and again, and said once.
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(events(&bench, "user_plugin_loaded").iter().filter(|line| line["sha256"] == hash(&tidy)).count(), 1);
}

#[test]
fn what_runs_is_what_was_hashed_until_somebody_asks_for_what_stands_there() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let code = |value: &str| format!("class Plugin:\n def run(self, payload, context): return '{value}'\n");
    dropin(&bench, "cleaners/tidy.py", &code("first"));
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    let value = || run(&host, "cleaner/tidy", &json!({})).ok()["result"]["result"].clone();
    let ask = |verb: &str| host.post(&format!("/api/v1/plugins/cleaner%2Ftidy/{verb}"), "");
    assert_eq!((value(), plugin(&host, "cleaner/tidy")["on_disk"].clone()), (json!("first"), json!("same")));
    dropin(&bench, "cleaners/tidy.py", &code("second"));
    host.wait_for(|host| plugin(host, "cleaner/tidy")["on_disk"] == "differs");
    assert_eq!(value(), "first");
    assert_eq!(ask("reload").ok()["on_disk"], "same");
    assert_eq!(value(), "second");
    assert_eq!(events(&bench, "user_plugin_loaded").len(), 2);
    dropin(&bench, "cleaners/tidy.py", "1 / 0\n");
    assert!(ask("reload").refused_for(400, "import_failed").contains("division by zero"));
    assert_eq!(value(), "second");
    assert_eq!(ask("disable").ok()["state"], "disabled");
    run(&host, "cleaner/tidy", &json!({})).refused(422, "plugin_disabled", "[cleaner/tidy] plugin is disabled");
    ask("enable").ok();
    assert_eq!(host.delete("/api/v1/plugins/cleaner%2Ftidy").status, 204);
    dropin(&bench, "cleaners/tidy.py", &code("third"));
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["cleaner/tidy"] }));
    assert_eq!(value(), "third");
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
    // The command line names it as it is called.
    let url = format!("http://{}", host.address);
    let called = bench.run(&["api", "run", "cleaner/tidy", "--url", &url]);
    assert!(called.ok().stdout.contains("third"), "{called:?}");
    assert!(bench.run(&["api", "get", "cleaner/tidy", "--url", &url]).ok().stdout.contains("enabled"));
    bench.run(&["api", "get", "cleaner/../tidy", "--url", &url]).refused(2, "usage");
}

#[test]
fn the_switch_keeps_all_of_them_out_and_no_other_text_does() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), marks());
    dropin(&bench, "cleaners/tidy.py", &format!("open({:?}, 'x')", marks.path().join("ran")));
    dropin(&bench, "domains/lab.jsonld", "{}");
    for name in ["AISOC_ALLOW_USER_PLUGINS", "CHAOSCYPHER_ALLOW_USER_PLUGINS"] {
        let _ = fs::remove_file(bench.path("events"));
        let host = ServedHost::ready(serving(&bench, &[]).env(name, "0"));
        assert_eq!(ids(&host), []);
        let skipped: Vec<_> =
            events(&bench, "user_plugin_disabled_skip").iter().map(|one| one["path"].clone()).collect();
        assert_eq!(skipped.len(), 2, "{skipped:?}");
        assert!(events(&bench, "user_plugin_loaded").is_empty());
        assert!(!marks.path().join("ran").exists());
    }
    for text in ["false", "", "00"] {
        let _ = fs::remove_file(marks.path().join("ran"));
        let host = ServedHost::ready(serving(&bench, &[]).env("AISOC_ALLOW_USER_PLUGINS", text));
        assert_eq!(plugin(&host, "cleaner/tidy")["state"], "enabled", "{text:?}");
        assert!(marks.path().join("ran").exists(), "{text:?}");
    }
}

#[test]
fn in_production_one_runs_that_was_signed_and_accepted_for_as_long_as_it_is() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), marks());
    dropin(&bench, "cleaners/tidy.py", "def run(payload, context): return 1\n");
    dropin(&bench, "cleaners/bare.py", &format!("open({:?}, 'x')", marks.path().join("ran")));
    bench.write("keys/release.json", NOTE);
    bench.run(&["plugin", "sign", "data/plugins/cleaners/tidy.py", "--private-key", "release.key"]).ok();
    let data = bench.path("data");
    let site = ["--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];
    let asked = |words: &[&str]| {
        bench.run_with(&[words, &site].concat(), &[("AISOC_DATA_DIR", data.to_str().expect("text"))]).ok();
    };
    asked(&["plugins", "lock", "--from-installed", "--reason", "x", "--trusted-keys", "keys"]);
    let words = ["--plugin-mode", "production", "--plugins-lock", "plugins.lock"];
    let host = ServedHost::ready(&mut serving(&bench, &words));
    let states = [("cleaner/bare", "failed"), ("cleaner/tidy", "enabled")];
    assert_eq!(ids(&host), states.map(|(id, state)| (id.to_owned(), state.to_owned())));
    assert!(!marks.path().join("ran").exists(), "what is refused has run");
    assert_eq!(events(&bench, "user_plugin_loaded").len(), 1, "what is refused is not said to run");
    let signed = plugin(&host, "cleaner/tidy");
    assert_eq!((&signed["signature_status"], &signed["signing_key_id"]), (&json!("verified"), &json!("release")));
    let is_quarantined = |host: &ServedHost| plugin(host, "cleaner/tidy")["quarantined"] == Value::Bool(true);
    asked(&["plugins", "untrust", "cleaner/tidy", "--reason", "x"]);
    host.wait_for(is_quarantined);
    assert_eq!(run(&host, "cleaner/tidy", &json!({})).status, 422);
    asked(&["plugins", "trust", "cleaner/tidy", "--reason", "x", "--trusted-keys", "keys"]);
    host.wait_for(|host| !is_quarantined(host));
    run(&host, "cleaner/tidy", &json!({})).ok();
    // A key of which nobody says any more that it signs such things.
    fs::remove_file(bench.path("keys/release.json")).expect("removed");
    host.wait_for(is_quarantined);
    assert!(run(&host, "cleaner/tidy", &json!({})).refused_for(422, "key_out_of_scope").contains("quarantined"));
}

#[test]
fn what_nobody_can_read_is_said_without_a_hash_and_a_place_of_the_systems_is_said() {
    let bench = bench();
    dropin(&bench, "cleaners/tidy.py", "x = 1");
    symlink("tidy.py", bench.path("data/plugins/cleaners/link.py")).expect("linked");
    let host = ServedHost::ready(&mut serving(&bench, &[]));
    assert_eq!(plugin(&host, "cleaner/link")["state"], "failed");
    let link = fs::canonicalize(bench.path("data/plugins/cleaners")).expect("there").join("link.py");
    let of_link = |name: &str| {
        let said = events(&bench, name);
        let said: Vec<_> = said.into_iter().filter(|line| line["path"] == link.to_str().expect("text")).collect();
        assert_eq!(said.len(), 1, "{name}: {said:?}");
        said[0].clone()
    };
    assert_eq!(of_link("user_plugin_loaded")["sha256"], "");
    assert!(of_link("user_plugin_audit_hash_failed")["error"].as_str().expect("why").contains("is a link"));
    assert!(host.said().contains("warning[user_plugin_audit_hash_failed]"), "{}", host.said());
    drop(host);
    let mut elsewhere = serving(&bench, &[]);
    let host = ServedHost::ready(elsewhere.env("AISOC_DATA_DIR", Path::new("/etc/aisoc-is-not-there")));
    assert_eq!(events(&bench, "path_settings_suspicious_data_dir").len(), 1);
    assert!(host.said().contains("warning[path_settings_suspicious_data_dir]"), "{}", host.said());
    assert_eq!(host.terminate(), Some(0));
}

#[test]
fn where_plugins_get_their_process_with_their_first_call_it_is_said_then() {
    if !has_python() {
        return;
    }
    let bench = bench();
    dropin(&bench, "cleaners/tidy.py", "def run(payload, context): return 1\n");
    let host = ServedHost::ready(&mut serving(&bench, &["--lazy"]));
    assert_eq!(plugin(&host, "cleaner/tidy")["state"], "enabled");
    assert!(events(&bench, "user_plugin_loaded").is_empty(), "nothing of it has run");
    dropin(&bench, "cleaners/tidy.py", "def run(payload, context): return 2\n");
    assert_eq!(run(&host, "cleaner/tidy", &json!({})).ok()["result"], json!({ "result": 1 }), "what was hashed runs");
    assert_eq!(events(&bench, "user_plugin_loaded").len(), 1);
}

/// What a host has said of a drop-in, in its order: that bytes are going to run, by their hash, and that they do.
#[derive(Debug, PartialEq, Eq)]
enum Said {
    Warned(String),
    Ran(String),
}

/// Code that says when it runs.
fn telling(version: &str) -> String {
    format!(
        "print('ran {version}', flush=True)\nimport os\ndef run(payload, context):\n    \
         if payload.get('do') == 'exit': os._exit(3)\n    return '{version}'\n"
    )
}

/// What was said of the one at that path, on stderr.
fn order(host: &ServedHost, path: &Path) -> Vec<Said> {
    let warned = format!("warning[user_plugin_loaded]: `{}` (CleanerRegistry) sha256=", path.display());
    let line = |line: &str| match (line.strip_prefix(&warned), line.split_once("cleaner/tidy: ran ")) {
        (Some(hash), _) => Some(Said::Warned(hash.to_owned())),
        (None, Some((_, version))) => Some(Said::Ran(version.to_owned())),
        (None, None) => None,
    };
    host.said().lines().filter_map(line).collect()
}

fn ran(host: &ServedHost, path: &Path) -> usize {
    order(host, path).iter().filter(|said| matches!(said, Said::Ran(_))).count()
}

#[test]
fn each_time_that_bytes_of_a_drop_in_run_their_hash_is_said_before() {
    if !has_python() {
        return;
    }
    for words in [&[][..], &["--lazy", "--idle", "1"]] {
        let is_lazy = !words.is_empty();
        let bench = bench();
        dropin(&bench, "cleaners/tidy.py", &telling("1"));
        let path = fs::canonicalize(bench.path("data/plugins/cleaners/tidy.py")).expect("there");
        let host = ServedHost::ready(&mut serving(&bench, words));
        let ask = |verb: &str| host.post(&format!("/api/v1/plugins/cleaner%2Ftidy/{verb}"), "");
        let called = |payload: Value| run(&host, "cleaner/tidy", &payload);
        let so_many = |count: usize| host.wait_for(|host| ran(host, &path) == count);
        let mut versions = Vec::new();
        let mut begun = |version: &'static str| {
            versions.push(version);
            so_many(versions.len());
        };
        // When the host starts, or with the first call.
        called(json!({})).ok();
        begun("1");
        // Once more, of the same bytes.
        ask("reload").ok();
        begun("1");
        if is_lazy {
            // Its process has ended, and what stands there now is not what was admitted.
            dropin(&bench, "cleaners/tidy.py", &telling("2"));
            std::thread::sleep(std::time::Duration::from_millis(3000));
            assert_eq!(called(json!({})).ok()["result"], json!({ "result": "1" }));
            begun("1");
        }
        // It ends by itself, and others stand there when it is tried again.
        dropin(&bench, "cleaners/tidy.py", &telling("2"));
        called(json!({ "do": "exit" })).refused_for(422, "execution_failed");
        if is_lazy {
            host.wait_for(|host| plugin(host, "cleaner/tidy")["state"] == "enabled");
        }
        host.wait_for(|_| run(&host, "cleaner/tidy", &json!({})).status == 200);
        assert_eq!(called(json!({})).ok()["result"], json!({ "result": "2" }));
        begun("2");
        // What fails while it runs has run.
        let broken = format!("print('ran 3', flush=True)\n{}", "raise ValueError('x')\n");
        dropin(&bench, "cleaners/tidy.py", &broken);
        ask("reload").refused_for(400, "import_failed");
        begun("3");
        assert_eq!(called(json!({})).ok()["result"], json!({ "result": "2" }));
        // Gone from memory, and brought back.
        assert_eq!(host.delete("/api/v1/plugins/cleaner%2Ftidy").status, 204);
        dropin(&bench, "cleaners/tidy.py", &telling("4"));
        host.post("/api/v1/plugins/discover", "").ok();
        called(json!({})).ok();
        begun("4");
        // What takes no calls is loaded by a reload all the same.
        ask("disable").ok();
        dropin(&bench, "cleaners/tidy.py", &telling("5"));
        ask("reload").ok();
        begun("5");
        assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": [] }));

        let hash_of = |version: &str| if version == "3" { hash(&broken) } else { hash(&telling(version)) };
        let expected: Vec<Said> = versions
            .iter()
            .flat_map(|version| [Said::Warned(hash_of(version)), Said::Ran((*version).to_owned())])
            .collect();
        assert_eq!(order(&host, &path), expected, "{words:?}: {}", host.said());
        // The log says the same, of each of them.
        let logged: Vec<_> = events(&bench, "user_plugin_loaded")
            .into_iter()
            .map(|line| (line["path"].clone(), line["sha256"].clone(), line["level"].clone()))
            .collect();
        let path = path.to_str().expect("text");
        let expected: Vec<_> =
            versions.iter().map(|version| (json!(path), json!(hash_of(version)), json!("warning"))).collect();
        assert_eq!(logged, expected);
    }
}

#[test]
fn of_two_that_have_one_id_the_second_is_refused_and_does_not_run() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), marks());
    let mark = |name: &str| format!("open({:?}, 'x').close()\n", marks.path().join(name));
    // A domain as one file, as another, and as a directory.
    for name in ["domains/lab.jsonld", "domains/lab.json", "domains/lab/domain.json"] {
        dropin(&bench, name, "{}");
    }
    // And somebody who calls himself as a drop-in is called.
    dropin(&bench, "cleaners/tidy.py", &format!("{}def run(payload, context): return 'dropin'\n", mark("dropin")));
    let other = "import pydantic\nclass Config(pydantic.BaseModel): pass\nclass Tidy:\n    id = 'cleaner/tidy'\n    \
                 name = 'Tidy'\n    version = '1.0'\n    config_model = Config\n    \
                 required_capabilities = frozenset()\n    required_channels = ()\n    uses_method = False\n    \
                 async def preflight(self, *args): return None\n    \
                 async def run(self, payload, context): return 'other'\n";
    bench.write("site/pydantic.py", "class BaseModel:\n    pass\n");
    bench.write("site/other.py", other);
    bench.write("site/other-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n");
    bench.write("site/other-1.0.dist-info/entry_points.txt", "[capa.procedures]\nother = other:Tidy\n");
    bench.write("site/other-1.0.dist-info/RECORD", "other.py,,\nother-1.0.dist-info/RECORD,,\n");
    for place in ["", "site", "site/other-1.0.dist-info"] {
        fs::set_permissions(bench.path(place), Permissions::from_mode(0o755)).expect("set");
    }
    for lazy in [&[][..], &["--lazy"]] {
        let _ = fs::remove_file(marks.path().join("dropin"));
        let host = ServedHost::ready(&mut serving(&bench, &[lazy, &["--site-packages", "site"]].concat()));
        let of = |wanted: &str| -> Vec<Value> {
            let listed = host.get("/api/v1/plugins").ok();
            listed.as_array().expect("a list").iter().filter(|one| one["id"] == wanted).cloned().collect()
        };
        let domains = of("domain/lab");
        let states: Vec<_> = domains.iter().map(|one| one["state"].as_str().expect("a state")).collect();
        assert_eq!(states.iter().filter(|state| **state == "discovered").count(), 1, "{domains:?}");
        assert_eq!(states.iter().filter(|state| **state == "failed").count(), 2, "{domains:?}");
        for refused in domains.iter().filter(|one| one["state"] == "failed") {
            let why = refused["error"].as_str().expect("why");
            assert!(why.starts_with("Duplicate user plugin id 'domain/lab': already registered from "), "{why}");
            assert!(why.contains(refused["place"].as_str().expect("a place")), "both are named: {why}");
        }
        let both = of("cleaner/tidy");
        assert_eq!(both.len(), 2, "{both:?}");
        let [admitted, refused] = ["enabled", "failed"]
            .map(|state| both.iter().find(|one| one["state"] == state).unwrap_or_else(|| panic!("{both:?}")));
        assert!(refused["error"].as_str().expect("why").contains("'cleaner/tidy' is registered from"), "{both:?}");
        // Whoever is asked by the id is the one that was admitted, and the other one does nothing.
        let said = run(&host, "cleaner/tidy", &json!({})).ok()["result"]["result"].clone();
        let is_dropin = admitted["source"] == "dropin";
        assert_eq!(said, if is_dropin { "dropin" } else { "other" });
        assert_eq!(marks.path().join("dropin").exists(), is_dropin);
        assert_eq!(events(&bench, "plugin.duplicate_id").len(), 3);
        fs::remove_file(bench.path("events")).expect("removed");
    }
}

#[test]
fn in_production_what_was_put_in_the_place_of_what_was_accepted_never_runs() {
    if !has_python() {
        return;
    }
    let (bench, marks) = (bench(), marks());
    let sign = || {
        let _ = fs::remove_file(bench.path("data/plugins/cleaners/tidy.py.sig"));
        bench.run(&["plugin", "sign", "data/plugins/cleaners/tidy.py", "--private-key", "release.key"]).ok();
    };
    bench.write("keys/release.json", NOTE);
    dropin(&bench, "cleaners/tidy.py", &telling("1"));
    sign();
    let data = bench.path("data");
    let site = ["--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];
    let asked =
        |words: &[&str]| bench.run_with(&[words, &site].concat(), &[("AISOC_DATA_DIR", data.to_str().expect("text"))]);
    asked(&["plugins", "lock", "--from-installed", "--reason", "x", "--trusted-keys", "keys"]).ok();
    let words = ["--plugin-mode", "production", "--plugins-lock", "plugins.lock"];
    let host = ServedHost::ready(&mut serving(&bench, &words));
    let path = fs::canonicalize(bench.path("data/plugins/cleaners/tidy.py")).expect("there");
    let value = || run(&host, "cleaner/tidy", &json!({})).ok()["result"]["result"].clone();
    assert_eq!(value(), "1");
    // Signed by whom the site trusts, and accepted by nobody.
    let changed = format!("open({:?}, 'x').close()\n{}", marks.path().join("ran"), telling("2"));
    dropin(&bench, "cleaners/tidy.py", &changed);
    sign();
    let reload = || host.post("/api/v1/plugins/cleaner%2Ftidy/reload", "");
    let refused = reload();
    assert!(refused.status == 400 && refused.json()["detail"].to_string().contains("lock"), "{refused:?}");
    assert_eq!(value(), "1");
    // By no signature at all, and by that of the bytes before.
    fs::remove_file(bench.path("data/plugins/cleaners/tidy.py.sig")).expect("removed");
    assert_eq!(reload().status, 400);
    dropin(&bench, "cleaners/tidy.py", &telling("1"));
    sign();
    dropin(&bench, "cleaners/tidy.py", &changed);
    assert_eq!(reload().status, 400);
    assert_eq!(value(), "1");
    // It ends, and nothing comes back before what was accepted stands there again.
    run(&host, "cleaner/tidy", &json!({ "do": "exit" })).refused_for(422, "execution_failed");
    host.wait_for(|host| plugin(host, "cleaner/tidy")["error"].as_str().is_some_and(|why| !why.contains("ended")));
    host.post("/api/v1/plugins/discover", "").ok();
    assert_eq!(plugin(&host, "cleaner/tidy")["state"], "failed");
    assert!(!marks.path().join("ran").exists(), "what nobody has accepted has run: {}", host.said());
    dropin(&bench, "cleaners/tidy.py", &telling("1"));
    sign();
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok(), json!({ "discovered": ["cleaner/tidy"] }));
    assert_eq!(value(), "1");
    let said = order(&host, &path);
    let once = || [Said::Warned(hash(&telling("1"))), Said::Ran("1".to_owned())];
    assert_eq!(said, once().into_iter().chain(once()).collect::<Vec<_>>());
}
