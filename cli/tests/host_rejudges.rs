//! What a host holds is judged again while it runs: keys, notes and the lock change, and so does the disk.

mod support;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use support::Bench;
use support::host::{ServedHost, bench, command, has_python, unconfined};

/// A bench with two plugins: one by `release`, one by `other`.
fn two_publishers() -> Bench {
    let bench = bench();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::copy(bench.path("other.pem"), bench.path("keys/other.pem")).expect("copied");
    for (id, key) in [("shodan", "release.key"), ("censys", "other.key")] {
        bench.run(&["plugin", "new", id, "--type", "enricher", "-o", "plugins"]).ok();
        bench.run(&["plugin", "sign", "--plugin-dir", &format!("plugins/{id}"), "--private-key", key]).ok();
    }
    bench
}

const SITE: [&str; 4] = ["--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];

/// A host in production of what is there, all of which the lock accepts.
fn in_production(bench: &Bench) -> ServedHost {
    let words = ["plugins", "lock", "--from-installed", "--reason", "x", "--trusted-keys", "keys"];
    bench.run(&[&words[..], &SITE].concat()).ok();
    ServedHost::start(bench, &["--plugin-mode", "production", "--plugins-lock", "plugins.lock"])
}

fn run(host: &ServedHost, id: &str) -> support::host::Answered {
    let (path, body) = (format!("/api/v1/plugins/{id}/run"), r#"{"payload": {"indicator": "203.0.113.7"}}"#);
    host.send("POST", &path, "Content-Type: application/json\r\n", body)
}

fn quarantined(host: &ServedHost, id: &str) -> bool {
    host.plugin(id)["quarantined"] == Value::Bool(true)
}

#[test]
fn what_is_revoked_takes_no_more_calls_and_nothing_else_notices() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let mut serving = command(&bench, &[]);
    let host = ServedHost::ready(serving.env("AISOC_LOG_FILE", bench.path("events")));
    let before = host.plugin("shodan");
    assert_eq!((&before["quarantined"], &before["no_longer_admitted"]), (&false.into(), &Value::Null));
    let words = ["keys", "revoke", "release", "--reason", "stolen", "--force", "--trusted-keys", "keys"];
    bench.run(&[&words[..], &["--plugins-dir", "plugins"]].concat()).ok();
    host.wait_for(|host| quarantined(host, "shodan"));
    let shown = host.plugin("shodan");
    // The state stays one of the six.
    assert_eq!((shown["state"].as_str(), shown["enabled"].as_bool()), (Some("enabled"), Some(true)), "{shown}");
    assert!(shown["no_longer_admitted"].as_str().is_some_and(|why| why.contains("revoked")), "{shown}");
    assert_eq!((&shown["error"], &shown["reason_code"]), (&Value::Null, &"key_revoked".into()), "{shown}");
    let refused = run(&host, "shodan");
    assert_eq!((refused.status, refused.json()["reason_code"].as_str()), (422, Some("key_revoked")), "{refused:?}");
    let detail = refused.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.starts_with("[shodan] plugin is quarantined: "), "{detail}");
    assert!(!quarantined(&host, "censys"));
    run(&host, "censys").ok();
    // Nobody reloads a way out of it.
    let reloaded = host.post("/api/v1/plugins/shodan/reload", "");
    assert_eq!((reloaded.status, reloaded.json()["reason_code"].as_str()), (400, Some("key_revoked")), "{reloaded:?}");
    assert!(quarantined(&host, "shodan"));

    let words = ["keys", "restore", "release", "--reason", "found", "--trusted-keys", "keys", "--yes"];
    bench.run(&words).ok();
    host.wait_for(|host| !quarantined(host, "shodan"));
    run(&host, "shodan").ok();
    let events = fs::read_to_string(bench.path("events")).expect("read");
    let count = |name: &str| events.lines().filter(|line| line.contains(&format!("\"event\":\"{name}\""))).count();
    assert_eq!((count("plugin.quarantined"), count("plugin.admitted_again")), (1, 1), "{events}");
    assert_eq!(host.terminate(), Some(0));
    // And in the journal, which holds.
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("a journal");
    let lines: Vec<Vec<&str>> = journal.lines().map(|line| line.split('\t').collect()).collect();
    let decided: Vec<_> = lines.iter().filter(|line| ["refuse", "admit"].contains(&line[1])).collect();
    let [refused, admitted] = decided.as_slice() else { panic!("{journal}") };
    assert_eq!((&refused[1..3], &admitted[1..3]), (&["refuse", "shodan"][..], &["admit", "shodan"][..]));
    assert!(refused[4].starts_with("sha256:") && refused[5].starts_with("key_revoked: "), "{journal}");
    assert_eq!((refused[4], admitted[5]), (admitted[4], "-"), "{journal}");
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
}

#[test]
fn with_a_word_a_host_only_says_so() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let host = ServedHost::start(&bench, &["--on-revoked", "warn"]);
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    host.wait_for(|host| host.plugin("shodan")["no_longer_admitted"].is_string());
    assert!(!quarantined(&host, "shodan"));
    run(&host, "shodan").ok();
    assert!(host.said().contains("Warned of shodan, which would not be loaded any more: "), "{}", host.said());
}

#[test]
fn keys_that_cannot_be_read_take_nothing_away() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let host = ServedHost::start(&bench, &[]);
    // Others may change them now, so nobody goes by them.
    fs::set_permissions(bench.path("keys"), Permissions::from_mode(0o777)).expect("set");
    host.wait_for(|host| host.said().contains("warning[not_judged_again]: "));
    assert!(host.said().contains("keys"), "{}", host.said());
    run(&host, "shodan").ok();
    assert!(!quarantined(&host, "shodan"));
    // What is asked for anew is refused as ever.
    assert_eq!(host.post("/api/v1/plugins/shodan/reload", "").status, 400);
    fs::set_permissions(bench.path("keys"), Permissions::from_mode(0o755)).expect("set");
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    host.wait_for(|host| quarantined(host, "shodan"));
    assert_eq!(run(&host, "shodan").json()["reason_code"].as_str(), Some("untrusted_key"));
    // One warning for as long as nothing else is wrong.
    assert_eq!(host.said().matches("warning[not_judged_again]: ").count(), 1, "{}", host.said());
}

#[test]
fn what_was_loaded_is_judged_whatever_the_disk_says_by_now() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let host = ServedHost::start(&bench, &[]);
    assert_eq!(host.plugin("shodan")["on_disk"].as_str(), Some("same"));
    let code = fs::read_to_string(bench.path("plugins/shodan/plugin.py")).expect("read");
    bench.write("plugins/shodan/plugin.py", format!("{code}\n# changed\n"));
    fs::rename(bench.path("plugins/censys"), bench.path("censys")).expect("moved");
    host.wait_for(|host| host.plugin("shodan")["on_disk"] == "differs" && host.plugin("censys")["on_disk"] == "gone");
    // The disk would be refused, and is not what runs.
    run(&host, "shodan").ok();
    run(&host, "censys").ok();
    assert!(!quarantined(&host, "shodan") && !quarantined(&host, "censys"));
    fs::remove_file(bench.path("keys/other.pem")).expect("removed");
    host.wait_for(|host| quarantined(host, "censys"));
    assert!(!quarantined(&host, "shodan"));
    bench.write("plugins/shodan/plugin.py", code);
    host.wait_for(|host| host.plugin("shodan")["on_disk"] == "same");
}

#[test]
fn what_the_lock_accepts_no_more_is_quarantined() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let host = in_production(&bench);
    run(&host, "shodan").ok();
    bench.run(&[&["plugins", "untrust", "shodan", "--reason", "x"], &SITE[..]].concat()).ok();
    host.wait_for(|host| quarantined(host, "shodan"));
    assert_eq!(run(&host, "shodan").status, 422);
    assert!(!quarantined(&host, "censys"));
    bench.run(&[&["plugins", "trust", "shodan", "--reason", "x", "--trusted-keys", "keys"], &SITE[..]].concat()).ok();
    host.wait_for(|host| !quarantined(host, "shodan"));
    run(&host, "shodan").ok();
}

/// Code that does that when it is called, and whose import waits as long as there is a file.
fn waits(bench: &Bench, id: &str, key: &str, run: &str) {
    let code = format!(
        "import os, time\nwhile os.path.exists({:?}):\n    time.sleep(0.05)\n\n\
         class Plugin:\n    def run(self, payload, context):\n        {run}\n",
        bench.path("closed")
    );
    bench.write(&format!("plugins/{id}/plugin.py"), code);
    bench.run(&["plugin", "sign", "--plugin-dir", &format!("plugins/{id}"), "--private-key", key]).ok();
}

/// Asks for a reload, does that once what is there was judged, and lets it be loaded then.
fn reload_around(host: &ServedHost, bench: &Bench, act: impl FnOnce()) -> support::host::Answered {
    bench.write("closed", "");
    thread::scope(|scope| {
        let reloading = scope.spawn(|| host.post("/api/v1/plugins/shodan/reload", ""));
        thread::sleep(Duration::from_secs(1));
        act();
        fs::remove_file(bench.path("closed")).expect("removed");
        reloading.join().expect("no panic")
    })
}

/// Calls that do not end as long as there is a file.
fn calls_wait(bench: &Bench) {
    let run = format!("[time.sleep(0.05) for _ in iter(lambda: os.path.exists({:?}), False)]", bench.path("held"));
    waits(bench, "shodan", "release.key", &format!("{run}; return {{'ok': True}}"));
}

/// Calls it, and does that while the first call is under way and the others wait for their turn.
fn calls_around(host: &ServedHost, bench: &Bench, act: impl FnOnce()) -> Vec<support::host::Answered> {
    bench.write("held", "");
    thread::scope(|scope| {
        let first = scope.spawn(|| run(host, "shodan"));
        thread::sleep(Duration::from_secs(1));
        let waiting: Vec<_> = (0..3).map(|_| scope.spawn(|| run(host, "shodan"))).collect();
        thread::sleep(Duration::from_secs(1));
        act();
        fs::remove_file(bench.path("held")).expect("removed");
        [first].into_iter().chain(waiting).map(|call| call.join().expect("no panic")).collect()
    })
}

fn revoke(bench: &Bench) {
    let words = ["keys", "revoke", "release", "--reason", "stolen", "--force", "--trusted-keys", "keys"];
    bench.run(&[&words[..], &["--plugins-dir", "plugins"]].concat()).ok();
}

#[test]
fn a_key_that_is_revoked_while_a_reload_loads_is_no_way_in() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    waits(&bench, "shodan", "release.key", "return {'ok': True}");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    run(&host, "shodan").ok();
    let reloaded = reload_around(&host, &bench, || {
        revoke(&bench);
        host.wait_for(|host| quarantined(host, "shodan"));
    });
    assert_eq!((reloaded.status, reloaded.json()["reason_code"].as_str()), (400, Some("key_revoked")), "{reloaded:?}");
    assert!(quarantined(&host, "shodan"));
    assert_eq!(run(&host, "shodan").status, 422);
}

/// A reload that was judged may be kept waiting before it is written down: by whoever changes the directory.
#[test]
fn a_key_that_goes_while_a_reload_waits_for_others_is_no_way_in() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let host = ServedHost::ready(&mut command(&bench, &[]));
    host.post("/api/v1/plugins/shodan/reload", "").ok();
    let writing = File::options().write(true).open(bench.path("plugins/.aisoc/write.lock")).expect("there");
    writing.lock().expect("held");
    let reloaded = thread::scope(|scope| {
        let reloading = scope.spawn(|| host.post("/api/v1/plugins/shodan/reload", ""));
        thread::sleep(Duration::from_secs(2));
        assert!(!reloading.is_finished(), "it waits");
        fs::rename(bench.path("keys/release.pem"), bench.path("away.pem")).expect("moved");
        host.wait_for(|host| quarantined(host, "shodan"));
        writing.unlock().expect("released");
        reloading.join().expect("no panic")
    });
    assert_eq!(reloaded.status, 400, "{reloaded:?}");
    assert!(quarantined(&host, "shodan"), "from one round to the next");
    assert_eq!(run(&host, "shodan").status, 422);
}

#[test]
fn keys_that_cannot_be_read_any_more_once_it_is_loaded_let_nothing_in() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    waits(&bench, "shodan", "release.key", "return {'ok': True}");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    let reloaded = reload_around(&host, &bench, || {
        fs::set_permissions(bench.path("keys"), Permissions::from_mode(0o777)).expect("set");
    });
    assert_eq!(reloaded.status, 400, "{reloaded:?}");
    // What ran before runs on.
    run(&host, "shodan").ok();
}

#[test]
fn a_lock_that_cannot_be_read_hides_no_revocation_and_keys_hide_no_lock() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    let host = in_production(&bench);
    let lock = fs::read_to_string(bench.path("plugins.lock")).expect("read");
    bench.write("plugins.lock", "not a lock");
    host.wait_for(|host| host.said().contains("warning[not_judged_again]: "));
    assert!(!quarantined(&host, "shodan"));
    revoke(&bench);
    host.wait_for(|host| quarantined(host, "shodan"));
    assert_eq!(run(&host, "shodan").json()["reason_code"].as_str(), Some("key_revoked"));
    // Nothing says anything against this one.
    run(&host, "censys").ok();

    bench.write("plugins.lock", lock);
    bench.run(&[&["plugins", "untrust", "censys", "--reason", "x"], &SITE[..]].concat()).ok();
    host.wait_for(|host| quarantined(host, "censys"));
    bench.run(&[&["plugins", "trust", "censys", "--reason", "x", "--trusted-keys", "keys"], &SITE[..]].concat()).ok();
    host.wait_for(|host| !quarantined(host, "censys"));
    // The other way round.
    fs::set_permissions(bench.path("keys"), Permissions::from_mode(0o777)).expect("set");
    bench.run(&[&["plugins", "untrust", "censys", "--reason", "x"], &SITE[..]].concat()).ok();
    host.wait_for(|host| quarantined(host, "censys"));
}

#[test]
fn what_takes_long_to_come_up_keeps_no_revocation_waiting() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    waits(&bench, "censys", "other.key", "os._exit(1)");
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    bench.write("closed", "");
    assert_eq!(run(&host, "censys").status, 422);
    // It is tried again a second later.
    thread::sleep(Duration::from_secs(2));
    revoke(&bench);
    host.wait_for(|host| quarantined(host, "shodan"));
    assert_eq!(host.plugin("censys")["state"].as_str(), Some("discovered"), "it is still waited for");
}

#[test]
fn calls_that_wait_for_their_turn_do_not_begin_once_they_may_not() {
    if !has_python() {
        return;
    }
    let bench = two_publishers();
    calls_wait(&bench);
    let host = ServedHost::ready(&mut unconfined(&bench, &[]));
    let status = |answers: &[support::host::Answered]| answers.iter().map(|answer| answer.status).collect::<Vec<_>>();
    let answers = calls_around(&host, &bench, || drop(host.post("/api/v1/plugins/shodan/disable", "").ok()));
    assert_eq!(status(&answers), [200, 422, 422, 422], "{answers:?}");
    assert_eq!(answers[1].json()["detail"].as_str(), Some("[shodan] plugin is disabled"));

    host.post("/api/v1/plugins/shodan/enable", "").ok();
    // What takes its place answers those who have waited for the other.
    let answers = calls_around(&host, &bench, || {
        let code = "class Plugin:\n    def run(self, payload, context):\n        return {'new': True}\n";
        bench.write("plugins/shodan/plugin.py", code);
        bench.run(&["plugin", "sign", "--plugin-dir", "plugins/shodan", "--private-key", "release.key"]).ok();
        host.post("/api/v1/plugins/shodan/reload", "").ok();
    });
    let said: Vec<_> = answers.iter().map(|answer| answer.ok()["result"].to_string()).collect();
    assert_eq!(said, [r#"{"ok":true}"#, r#"{"new":true}"#, r#"{"new":true}"#, r#"{"new":true}"#]);

    calls_wait(&bench);
    host.post("/api/v1/plugins/shodan/reload", "").ok();
    let answers = calls_around(&host, &bench, || {
        revoke(&bench);
        host.wait_for(|host| quarantined(host, "shodan"));
    });
    assert_eq!(status(&answers), [200, 422, 422, 422], "{answers:?}");
    assert_eq!(answers[1].json()["reason_code"].as_str(), Some("key_revoked"));
}
