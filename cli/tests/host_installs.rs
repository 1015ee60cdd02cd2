//! What operators install and roll back over the API of a host: by the line of the command line, and then held.

mod support;

use std::fs;
use std::io::Write as _;
use std::thread;
use std::time::{Duration, Instant};

use aisoc_manifests::platform::PlatformName;
use aisoc_testkit::registry::{Act, Registry, Rule};
use serde_json::{Value, json};
use support::host::{Answered, ServedHost, bench, command, has_python};
use support::{Bench, copy_tree};

/// What every test says without Python.
const SKIPPED: &str = "SKIPPED: there is no python3, so nothing was loaded";

/// A plugin that says which version it is, and takes its time where it is told to.
fn source(version: &str) -> String {
    format!(
        "import time\nclass Plugin:\n    def run(self, payload, context):\n        if 'seconds' in payload: \
         print('sleeps', flush=True); time.sleep(payload['seconds'])\n        return '{version}'\n"
    )
}

/// Pushes that version of `demo`, signed by that key, and gives its reference.
fn publish_as(bench: &Bench, registry: &Registry, version: &str, source: &str, key: &str) -> String {
    if !bench.path("demo").exists() {
        bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    }
    bench.write("demo/plugin.py", source);
    bench.signed_version("demo", version, key);
    let reference = registry.reference(&format!("team/demo:{version}"));
    bench.run(&["plugin", "push", "demo", &reference]).ok();
    reference
}

fn publish(bench: &Bench, registry: &Registry, version: &str) -> String {
    publish_as(bench, registry, version, &source(version), "release.key")
}

fn install(host: &ServedHost, reference: &str) -> Answered {
    host.post_json("/api/v1/plugins/install_from_oci", &json!({ "oci_ref": reference }))
}

fn roll_back(host: &ServedHost, body: &Value) -> Answered {
    host.post_json("/api/v1/plugins/demo/rollback", body)
}

fn run(host: &ServedHost) -> Value {
    host.post("/api/v1/plugins/demo/run", "").ok()["result"]["result"].clone()
}

/// The versions of `demo` that are kept, by the command line.
fn kept(bench: &Bench) -> Vec<String> {
    let words = ["plugin", "list", "--versions", "--plugins-dir", "plugins", "--keys", "keys", "--json"];
    let listed: Value = serde_json::from_str(&bench.run(&words).ok().stdout).expect("JSON");
    let versions = listed["plugins"][0]["versions"].as_array().expect("a list");
    let kept = versions.iter().filter(|version| version["current"] == false);
    kept.map(|version| version["version"].as_str().expect("a version").to_owned()).collect()
}

#[test]
fn of_an_index_the_plugin_of_this_machine_is_installed_and_one_without_it_is_refused() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let here = PlatformName::here().to_string();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    let packed = |name: &str, platform: &str| {
        bench.write("demo/plugin.py", source(name));
        bench.signed_version("demo", "1.0.0", "release.key");
        copy_tree(&bench.path("demo"), &bench.path(name));
        format!("{platform}={name}")
    };
    let (own, other) = (packed("own", &here), packed("other", "plan9/s390x"));
    for (archive, platforms) in [("both.tar", &[&own, &other][..]), ("foreign.tar", &[&other])] {
        let options = platforms.iter().flat_map(|platform| ["--platform", platform.as_str()]);
        let words: Vec<&str> = ["plugin", "package", "--out", archive].into_iter().chain(options).collect();
        bench.run(&words).ok();
        let reference = registry.reference(&format!("team/{}:1.0.0", archive.trim_end_matches(".tar")));
        bench.run(&["plugin", "push", archive, &reference]).ok();
    }
    let host = ServedHost::begin(&mut command(&bench, &[]));
    let foreign = install(&host, &registry.reference("team/foreign:1.0.0"));
    assert!(foreign.status >= 400 && foreign.text.contains("platform_missing"), "{foreign:?}");
    assert!(!bench.path("plugins/demo").exists(), "nothing was installed");
    let installed = install(&host, &registry.reference("team/both:1.0.0"));
    assert_eq!(installed.status, 201, "{installed:?}");
    assert_eq!(run(&host), "own");
}

#[test]
fn what_is_installed_is_what_the_command_line_installs_and_is_held() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let reference = publish(&bench, &registry, "1.0.0");
    let mut command = command(&bench, &[]);
    let host = ServedHost::begin(command.env("AISOC_LOG_FILE", bench.path("events.jsonl")));
    for path in ["/api/v1/plugins/install_from_oci", "/api/v1/plugins/install/oci"] {
        let installed = host.post_json(path, &json!({ "oci_ref": reference, "plugin_id": "demo" }));
        assert_eq!(installed.status, 201, "{installed:?}");
        // Exactly what the command line says of it.
        let words = ["plugin", "install", &reference, "--plugins-dir", "other", "--trusted-keys", "keys"];
        let pinned = bench.run(&words).ok().stdout.trim().to_owned();
        assert_eq!(installed.json(), json!({ "plugin_id": "demo", "oci_ref": pinned }));
    }
    let demo = host.plugin("demo");
    assert_eq!(
        (&demo["state"], &demo["signature_status"], &demo["source"]),
        (&json!("enabled"), &json!("verified"), &json!("oci"))
    );
    assert_eq!(run(&host), "1.0.0");
    let record = |site: &str| -> Value {
        let text = fs::read(bench.path(site).join(".aisoc/records/demo.json")).expect("a record");
        let mut record: Value = serde_json::from_slice(&text).expect("JSON");
        // When it was written, and the sum over that.
        record
            .as_object_mut()
            .expect("an object")
            .retain(|name, _| !["installed_at", "checksum"].contains(&name.as_str()));
        record
    };
    assert_eq!(record("plugins"), record("other"), "a record says the same, whoever has it written");
    let events = fs::read_to_string(bench.path("events.jsonl")).expect("written");
    for event in ["plugin.oci_unpinned", "plugin.installed", "plugin.registered", "plugin.enabled"] {
        assert!(events.contains(&format!("\"{event}\"")), "{event}: {events}");
    }
    // The same again is nothing: the plugin is not loaded anew for it.
    let loaded_at = demo["loaded_at"].clone();
    assert_eq!(install(&host, &reference).status, 201);
    assert_eq!(host.plugin("demo")["loaded_at"], loaded_at);
}

#[test]
fn what_is_refused_leaves_every_byte_as_it_was() {
    let (bench, registry) = (bench(), Registry::start());
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let other = publish_as(&bench, &registry, "1.0.0", &source("1.0.0"), "other.key");
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.write("demo/plugin.sig", "0".repeat(128));
    bench.run(&["plugin", "push", "demo", &registry.reference("team/demo:forged")]).ok();
    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    bench.run(&["plugin", "push", "demo", &registry.reference("team/demo:bare"), "--unsigned"]).ok();
    let good = publish(&bench, &registry, "2.0.0");
    let host = ServedHost::start(&bench, &[]);
    let before = bench.snapshot("plugins");
    let refused = |body: Value, reason: &str| {
        host.post_json("/api/v1/plugins/install_from_oci", &body).refused_for(400, reason);
        assert_eq!(bench.snapshot("plugins"), before, "{reason} left something behind");
    };
    let of = |reference: &str| json!({ "oci_ref": reference });
    refused(of(&other), "untrusted_key");
    refused(of(&registry.reference("team/demo:forged")), "signature_invalid");
    refused(of(&registry.reference("team/demo:bare")), "unsigned");
    refused(of(&registry.reference("team/demo:none")), "reference_not_found");
    refused(json!({ "oci_ref": good, "plugin_id": "another" }), "other_plugin");
    refused(json!({ "oci_ref": good, "plugin_id": "../demo" }), "invalid_plugin_id");
    for (reference, reason) in [
        ("", "invalid_ref"),
        ("-demo:1", "invalid_ref"),
        ("demo", "invalid_ref"),
        ("/etc/passwd", "invalid_ref"),
        ("./demo", "invalid_ref"),
        ("oci:layout", "invalid_ref"),
        ("oci-archive:demo.tar", "invalid_ref"),
        ("oci://oci://ghcr.io/a/b:1", "invalid_ref"),
        ("169.254.169.254/a:1", "forbidden_registry"),
        ("x/Metadata.Google.internal:1", "forbidden_registry"),
    ] {
        refused(of(reference), reason);
    }
    refused(of(&registry.reference("team/demo")), "invalid_ref");
    for (rule, reason) in [
        (Rule::on("/blobs/", Act::OtherBytes), "pull_failed"),
        (Rule::on("/manifests/", Act::Html), "registry_protocol"),
        (Rule::on("/manifests/", Act::Status(403)), "registry_denied"),
        (Rule::on("/manifests/", Act::RedirectTo("http://10.0.0.1/".to_owned())), "redirect_refused"),
    ] {
        registry.set_rules(vec![rule]);
        refused(of(&good), reason);
    }
    registry.set_rules(Vec::new());
    for (body, reason) in [
        ("", "usage"),
        ("{}", "usage"),
        ("[]", "usage"),
        (r#"{"oci_ref": 1}"#, "usage"),
        (r#"{"oci_ref": "a", "x": 1}"#, "usage"),
    ] {
        let head = "Content-Type: application/json\r\n";
        host.send("POST", "/api/v1/plugins/install/oci", head, body).refused_for(400, reason);
    }
    assert_eq!(host.get("/api/v1/plugins").ok(), json!([]));
    // What the environment of the host allows is what it allows on the command line.
    drop(host);
    for (variable, value, reason) in [
        ("AISOC_PLUGIN_REGISTRY_ALLOWLIST", "ghcr.io", "registry_not_allowed"),
        ("AISOC_PLUGIN_ALLOW_UNPINNED", "0", "unpinned_ref"),
    ] {
        let mut command = command(&bench, &[]);
        let host = ServedHost::begin(command.env(variable, value));
        install(&host, &good).refused_for(400, reason);
        assert_eq!(bench.snapshot("plugins"), before, "{variable}");
    }
}

#[test]
fn a_version_that_cannot_be_loaded_is_taken_back_and_the_one_before_goes_on() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let [first, second] = ["1.0.0", "2.0.0"].map(|version| publish(&bench, &registry, version));
    let broken = publish_as(&bench, &registry, "3.0.0", "raise ValueError('broken on purpose')\n", "release.key");
    let empty = publish_as(&bench, &registry, "3.0.1", "VALUE = 1\n", "release.key");
    let host = ServedHost::start(&bench, &[]);
    // Of what was not there before nothing stays.
    let detail = install(&host, &broken).refused_for(400, "import_failed");
    assert!(detail.contains("broken on purpose"), "{detail}");
    assert!(!bench.path("plugins/demo").exists());
    assert_eq!(host.get("/api/v1/plugins").ok(), json!([]));
    for reference in [&first, &second] {
        assert_eq!(install(&host, reference).status, 201);
    }
    assert_eq!(kept(&bench), ["1.0.0"]);
    let before = bench.snapshot_but_journal("plugins");
    for reference in [&broken, &empty] {
        install(&host, reference).refused_for(400, "import_failed");
        assert_eq!(
            bench.snapshot_but_journal("plugins"),
            before,
            "the version before is there, and what it has replaced is kept"
        );
        let demo = host.plugin("demo");
        assert_eq!((&demo["state"], &demo["manifest"]["version"]), (&json!("enabled"), &json!("2.0.0")));
        assert!(demo["error"].as_str().is_some_and(|why| !why.is_empty()), "{demo}");
        assert_eq!(run(&host), "2.0.0");
    }
    // And it is what the next host loads.
    assert_eq!(host.terminate(), Some(0));
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(run(&host), "2.0.0");
}

#[test]
fn a_version_whose_import_hangs_is_taken_back_and_nothing_waits_for_it() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let first = publish(&bench, &registry, "1.0.0");
    let hanging = publish_as(&bench, &registry, "2.0.0", "import time\ntime.sleep(600)\n", "release.key");
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(install(&host, &first).status, 201);
    let before = bench.snapshot_but_journal("plugins");
    thread::scope(|scope| {
        let installing = scope.spawn(|| install(&host, &hanging));
        host.wait_for(|host| host.said().contains("1.0.0 → 2.0.0"));
        // The old one is asked, listed and disabled meanwhile, and nobody waits.
        let began = Instant::now();
        assert_eq!(run(&host), "1.0.0");
        assert_eq!(host.plugin("demo")["manifest"]["version"], "1.0.0");
        assert!(began.elapsed() < Duration::from_secs(10) && !installing.is_finished());
        installing.join().expect("no panic").refused_for(400, "import_failed");
    });
    assert_eq!((bench.snapshot_but_journal("plugins"), run(&host)), (before, json!("1.0.0")));
}

/// What no install has made is kept nowhere, so it is not replaced by what may turn out to be no good.
#[test]
fn what_was_put_there_by_hand_is_not_replaced() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let first = publish(&bench, &registry, "1.0.0");
    copy_tree(&bench.path("demo"), &bench.path("plugins/demo"));
    let broken = publish_as(&bench, &registry, "2.0.0", "raise ValueError('broken on purpose')\n", "release.key");
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(run(&host), "1.0.0");
    for reference in [&broken, &first] {
        let detail = install(&host, reference).refused_for(400, "already_exists");
        assert!(detail.contains("`plugins/demo`"), "{detail}");
        assert_eq!((run(&host), host.plugin("demo")["on_disk"].clone()), (json!("1.0.0"), json!("same")));
    }
    // Nor is what was changed since by what it was before.
    let healed = |bench: &Bench| {
        bench.run(&["plugin", "install", &first, "--plugins-dir", "plugins", "--trusted-keys", "keys"]).ok();
    };
    healed(&bench);
    bench.write("plugins/demo/local.txt", "mine");
    let detail = install(&host, &first).refused_for(400, "tree_modified");
    assert!(detail.contains("nobody could go back to it"), "{detail}");
    assert_eq!(fs::read_to_string(bench.path("plugins/demo/local.txt")).expect("there"), "mine");
    // Whoever does so at the command line says so.
    bench.run(&["plugin", "install", &first, "--plugins-dir", "plugins", "--trusted-keys", "keys"]).ok();
    install(&host, &broken).refused_for(400, "import_failed");
    host.wait_for(|host| host.plugin("demo")["on_disk"] == "same");
    assert_eq!(run(&host), "1.0.0");
}

/// Calls that have begun end in what they began in, and none is dropped.
#[test]
fn an_upgrade_under_fifty_calls_at_a_time_drops_none() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let references: Vec<String> =
        ["1.0.0", "2.0.0", "3.0.0"].iter().map(|version| publish(&bench, &registry, version)).collect();
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(install(&host, &references[0]).status, 201);
    thread::scope(|scope| {
        let begun = scope.spawn(|| host.post_json("/api/v1/plugins/demo/run", &json!({ "payload": { "seconds": 3 } })));
        host.wait_for(|host| host.said().contains("demo: sleeps"));
        assert_eq!(install(&host, &references[1]).status, 201);
        assert!(!begun.is_finished(), "the call was over before the upgrade was");
        assert_eq!(run(&host), "2.0.0", "those that come find the new one");
        assert_eq!(begun.join().expect("no panic").ok()["result"]["result"], "1.0.0");
        let calling: Vec<_> = (0..50).map(|_| scope.spawn(|| (0..6).map(|_| run(&host)).collect::<Vec<_>>())).collect();
        assert_eq!(install(&host, &references[2]).status, 201);
        let answers: Vec<Value> = calling.into_iter().flat_map(|calling| calling.join().expect("no panic")).collect();
        assert_eq!(answers.len(), 300);
        assert!(answers.iter().all(|answer| *answer == "2.0.0" || *answer == "3.0.0"), "{answers:?}");
    });
    assert_eq!(run(&host), "3.0.0");
}

#[test]
fn a_disabled_plugin_stays_so_across_upgrades_and_rollbacks() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let [first, second] = ["1.0.0", "2.0.0"].map(|version| publish(&bench, &registry, version));
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(install(&host, &first).status, 201);
    host.post("/api/v1/plugins/demo/disable", "").ok();
    assert_eq!(install(&host, &second).status, 201);
    let is_disabled = |version: &str| {
        let demo = host.plugin("demo");
        assert_eq!((&demo["state"], &demo["manifest"]["version"]), (&json!("disabled"), &json!(version)));
    };
    is_disabled("2.0.0");
    roll_back(&host, &json!({})).ok();
    is_disabled("1.0.0");
    // What was unloaded comes back by an install, as it would by a discovery.
    assert_eq!(host.delete("/api/v1/plugins/demo").status, 204);
    assert_eq!(install(&host, &second).status, 201);
    is_disabled("2.0.0");
    host.post("/api/v1/plugins/demo/enable", "").ok();
    assert_eq!(run(&host), "2.0.0");
}

#[test]
fn a_rollback_is_that_of_the_command_line_and_what_it_brings_is_held() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let [first, second] = ["1.0.0", "2.0.0"].map(|version| publish(&bench, &registry, version));
    let host = ServedHost::start(&bench, &["--keep", "3"]);
    roll_back(&host, &json!({})).refused_for(400, "plugin_not_found");
    assert_eq!(install(&host, &first).status, 201);
    roll_back(&host, &json!({})).refused_for(400, "version_not_found");
    assert_eq!(install(&host, &second).status, 201);
    // An install goes back to nothing by itself.
    let detail = install(&host, &first).refused_for(400, "version_downgrade");
    assert!(detail.contains("2.0.0"), "{detail}");
    let detail = roll_back(&host, &json!({ "to": "9.9.9" })).refused_for(400, "version_not_found");
    assert!(detail.contains("9.9.9") && detail.contains("1.0.0"), "{detail}");
    assert_eq!(run(&host), "2.0.0");
    let shown = roll_back(&host, &json!({ "to": "1.0.0" })).ok();
    assert_eq!((&shown["state"], &shown["manifest"]["version"]), (&json!("enabled"), &json!("1.0.0")));
    assert_eq!((run(&host), kept(&bench)), (json!("1.0.0"), vec!["2.0.0".to_owned()]));
    // What was changed where it is kept is no version any more, and what runs goes on.
    let slots = fs::read_dir(bench.path("plugins/.aisoc/versions/demo")).expect("listed");
    let slot = slots.map(|slot| slot.expect("an entry").path()).find(|slot| slot.join("tree").exists()).expect("one");
    fs::write(slot.join("tree/plugin.py"), source("forged")).expect("written");
    let before = bench.snapshot("plugins");
    roll_back(&host, &json!({})).refused_for(400, "tree_modified");
    assert_eq!((bench.snapshot("plugins"), run(&host)), (before, json!("1.0.0")));
    for body in [json!({ "to": 1 }), json!({ "version": "1.0.0" })] {
        roll_back(&host, &body).refused_for(400, "usage");
    }
}

#[test]
fn in_production_comes_what_the_lock_accepts_and_nothing_else() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let [first, second] = ["1.0.0", "2.0.0"].map(|version| publish(&bench, &registry, version));
    let lock = ["--plugins-lock", "plugins.lock"];
    let elsewhere = ["plugin", "install", &first, "--plugins-dir", "elsewhere", "--trusted-keys", "keys", "--lock"];
    bench.run(&[&elsewhere[..], &lock, &["--reason", "reviewed"]].concat()).ok();
    let host = ServedHost::start(&bench, &[&["--plugin-mode", "production"], &lock[..]].concat());
    let before = bench.snapshot("plugins");
    let detail = install(&host, &second).refused_for(400, "version_mismatch");
    assert!(detail.contains("2.0.0"), "{detail}");
    assert_eq!(bench.snapshot("plugins"), before);
    assert_eq!(install(&host, &first).status, 201);
    assert_eq!(run(&host), "1.0.0");
}

/// What somebody else waits for is stopped by whoever ends the host, and by whoever goes away.
#[test]
fn an_install_that_is_stopped_leaves_nothing() {
    let (bench, registry) = (bench(), Registry::start());
    let reference = publish(&bench, &registry, "1.0.0");
    let before = bench.snapshot_but_journal("plugins");
    let is_staging = |entry: &fs::DirEntry| entry.file_name() != ".aisoc";
    let staging = || {
        fs::read_dir(bench.path("plugins"))
            .expect("listed")
            .filter(|entry| entry.as_ref().is_ok_and(is_staging))
            .count()
    };
    let stall = || registry.set_rules(vec![Rule::on("/blobs/", Act::StallAfter(10))]);
    let host = ServedHost::start(&bench, &[]);
    stall();
    let body = json!({ "oci_ref": reference }).to_string();
    let mut client = host.connect();
    let head = format!(
        "POST /api/v1/plugins/install/oci HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: \
         {}\r\n\r\n{body}",
        host.address,
        body.len()
    );
    client.write_all(head.as_bytes()).expect("sent");
    host.wait_for(|_| staging() == 1);
    drop(client);
    host.wait_for(|_| bench.snapshot_but_journal("plugins") == before);
    // As many as may be at a time, and no more; nobody else waits for them. The one that was stopped gives its place up
    // some time after its files.
    let in_its_turn = || loop {
        let answered = install(&host, &reference);
        if answered.status != 503 || staging() == 4 {
            return answered;
        }
    };
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4).map(|_| scope.spawn(in_its_turn)).collect();
        host.wait_for(|_| staging() == 4);
        install(&host, &reference).refused_for(503, "host_busy");
        host.post("/api/v1/plugins/discover", "").ok();
        assert_eq!(staging(), 4);
        host.tell_to_end();
        for waiting in waiting {
            waiting.join().expect("no panic").refused_for(400, "interrupted");
        }
    });
    assert_eq!(host.end(), Some(0));
    assert_eq!(bench.snapshot_but_journal("plugins"), before);
}

/// Two requests for one plugin are one after the other, whatever comes first.
#[test]
fn two_installs_of_one_plugin_are_one_after_the_other() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let [first, second] = ["1.0.0", "2.0.0"].map(|version| publish(&bench, &registry, version));
    let broken =
        publish_as(&bench, &registry, "3.0.0", "import time\ntime.sleep(2)\nraise ValueError\n", "release.key");
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(install(&host, &first).status, 201);
    thread::scope(|scope| {
        let breaking = scope.spawn(|| install(&host, &broken));
        host.wait_for(|host| host.said().contains("1.0.0 → 3.0.0"));
        // What is being tried is not what it replaces: had it not waited, it would be older than what is there.
        assert_eq!(install(&host, &second).status, 201);
        breaking.join().expect("no panic").refused_for(400, "import_failed");
    });
    assert_eq!((run(&host), kept(&bench)), (json!("2.0.0"), vec!["1.0.0".to_owned()]));
}

/// What `curl` sends where nobody tells it of what kind a body is.
const AS_CURL: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn an_operator_goes_from_an_artifact_to_a_fix_with_five_calls() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let reference = publish(&bench, &registry, "1.2.0");
    let token = bench.run(&["token", "create", "ops", "--role", "admin", "--tokens", "tokens.json"]);
    let head = format!("Authorization: Bearer {}\r\n{AS_CURL}", token.ok().stdout.trim());
    let mut serving = command(&bench, &["--tokens", "tokens.json", "--plugin-mode", "dev"]);
    let host = ServedHost::ready(serving.env("ENVIRONMENT", "production"));
    let ask = |path: &str, body: &str| host.send("POST", &format!("/api/v1/plugins/{path}"), &head, body);

    let installed = ask("install_from_oci", &json!({ "oci_ref": reference }).to_string());
    assert_eq!((installed.status, &installed.json()["plugin_id"]), (201, &json!("demo")), "{installed:?}");
    let called = ask("demo/run", r#"{"payload": {"ip": "1.1.1.1"}}"#);
    assert_eq!(called.ok(), json!({ "plugin_id": "demo", "result": { "result": "1.2.0" } }));
    assert_eq!(ask("demo/disable", "").ok()["state"], "disabled");
    // The fix is in the plugin's directory, signed as what was there before.
    bench.write("plugins/demo/plugin.py", source("1.2.0, mended"));
    bench.run(&["plugin", "sign", "plugins/demo", "--private-key", "release.key"]).ok();
    let fixed = ask("demo/reload", "");
    // An installed version is changed by an install and by nothing else.
    assert_eq!((fixed.status, fixed.json()["reason_code"].as_str()), (400, Some("tree_modified")), "{fixed:?}");
    publish_as(&bench, &registry, "1.2.1", &source("1.2.1"), "release.key");
    let fix = json!({ "oci_ref": registry.reference("team/demo:1.2.1") }).to_string();
    assert_eq!(ask("install_from_oci", &fix).status, 201);
    assert_eq!(ask("demo/reload", "").ok()["state"], "disabled");
    assert_eq!(ask("demo/enable", "").ok()["state"], "enabled");
    assert_eq!(ask("demo/run", "").ok()["result"]["result"], "1.2.1");
    assert_eq!(ask("discover", "").ok(), json!({ "discovered": [] }));
    // Without a token, as without a login, what a page could send is not read.
    let form = host.send("POST", "/api/v1/plugins/demo/run", AS_CURL, "{}");
    assert_eq!(form.status, 401, "{form:?}");
}

#[test]
fn the_journal_names_what_was_installed_and_put_back_by_the_hash_that_is_judged() {
    if !has_python() {
        return eprintln!("{SKIPPED}");
    }
    let (bench, registry) = (bench(), Registry::start());
    let [first, second] = ["1.0.0", "2.0.0"].map(|version| publish(&bench, &registry, version));
    let host = ServedHost::start(&bench, &[]);
    let hash = || -> String {
        let listed = bench.run(&["plugins", "list", "--json", "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
        let listed: Value = serde_json::from_str(&listed.ok().stdout).expect("JSON");
        listed["plugins"][0]["hash"].as_str().expect("a hash").to_owned()
    };
    assert_eq!(install(&host, &first).status, 201);
    let of_first = hash();
    assert_eq!(install(&host, &second).status, 201);
    let of_second = hash();
    assert_ne!(of_first, of_second);
    host.post("/api/v1/plugins/demo/rollback", "").ok();
    host.post("/api/v1/plugins/demo/disable", "").ok();
    let text = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("written");
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').skip(1).take(4).collect()).collect();
    let expected = [
        ["install", "demo", "1.0.0", &of_first],
        ["install", "demo", "2.0.0", &of_second],
        ["reload", "demo", "2.0.0", &of_second],
        ["rollback", "demo", "1.0.0", &of_first],
        ["reload", "demo", "1.0.0", &of_first],
        ["disable", "demo", "1.0.0", &of_first],
    ];
    assert_eq!(lines, expected);
}
