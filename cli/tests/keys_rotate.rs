//! `keys rotate`: from a key that verifies everything to one that is revoked, and nothing is refused in between.

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use support::{Bench, Run};

const HERE: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const ROTATE: [&str; 8] = ["keys", "rotate", "--new", "next.pem", "--retire", "old", "--reason", "ticket 12"];
const PLUGINS: [&str; 3] = ["shodan", "virustotal", "whois"];

/// Three plugins of a layout, installed, signed by the key `old`, and a key `next` that nobody trusts yet.
fn bench() -> Bench {
    let bench = Bench::new();
    for key in ["old", "next"] {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
    }
    bench.write("keys/old.pem", fs::read(bench.path("old.pem")).expect("a key"));
    for id in PLUGINS {
        bench.run(&["plugin", "new", id, "--type", "enricher"]).ok();
        let reference = format!("oci:layout:{id}");
        bench.run(&["plugin", "release", id, &reference, "--private-key", "old.key"]).ok();
        bench.install(&reference).ok();
    }
    bench
}

fn rotate(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&ROTATE[..], words, &HERE].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// Each step with its state.
fn states(document: &Value) -> Vec<String> {
    let steps = document["steps"].as_array().expect("steps").iter();
    steps
        .map(|step| format!("{} {}", step["step"].as_str().expect("a step"), step["state"].as_str().expect("a state")))
        .collect()
}

/// What was changed, as actions of the journal.
fn changes(document: &Value) -> Vec<&str> {
    let changes = document["changes"].as_array().expect("changes").iter();
    changes.map(|change| change["action"].as_str().expect("an action")).collect()
}

/// The commands that the answer prints.
fn commands(document: &Value) -> Vec<String> {
    let dependents = document["dependents"].as_array().expect("dependents").iter();
    let commands = dependents.flat_map(|dependent| dependent["commands"].as_array().expect("commands").iter());
    commands.map(|command| command.as_str().expect("a command").to_owned()).collect()
}

/// Types a command as it is printed.
fn typed(bench: &Bench, command: &str) {
    let words: Vec<&str> = command.strip_prefix("aisoc ").expect("a command of ours").split(' ').collect();
    bench.run(&words).ok();
}

/// Lets so many days pass for whoever judges keys here.
fn days_pass(bench: &Bench, days: i64) {
    let later = Timestamp::now() + SignedDuration::from_hours(24 * days);
    // In one step, for somebody reads it all the time.
    let written = bench.write("later", format!("{later:.0}\n"));
    fs::rename(written, bench.path("plugins/.aisoc/last-seen")).expect("moved");
}

fn actions(bench: &Bench) -> Vec<String> {
    let text = fs::read_to_string(bench.path("keys/keys.journal")).unwrap_or_default();
    text.lines().map(|line| line.split('\t').nth(1).expect("an action").to_owned()).collect()
}

#[test]
fn three_plugins_and_two_keys_and_nothing_is_refused_from_the_first_step_to_the_last() {
    let bench = bench();
    let (is_over, checks) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let verifying = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let run = bench.run(&[&["plugins", "verify", "--quiet"], &HERE[..]].concat());
                assert_eq!(run.code, 0, "after {checks:?} checks: {run:?}");
                assert!(PLUGINS.iter().all(|id| run.stdout.contains(id)), "{run:?}");
                checks.fetch_add(1, Ordering::Relaxed);
            }
        });
        rotation(&bench);
        let at_the_end = checks.load(Ordering::Relaxed);
        while checks.load(Ordering::Relaxed) < at_the_end + 3 && !verifying.is_finished() {
            std::thread::yield_now();
        }
        is_over.store(true, Ordering::Relaxed);
        verifying.join().expect("nothing was refused");
    });
    let checks = checks.into_inner();
    assert!(checks > 10, "{checks}");
    eprintln!("keys_rotate: {checks} checks of {} plugins during the rotation, 0 failures", PLUGINS.len());
}

fn rotation(bench: &Bench) {
    let words = ["--overlap", "30d", "--revoke", "--owner", "Ada", "--json"];
    let run = || json(rotate(bench, &words).ok());
    let begun = run();
    assert_eq!(changes(&begun), ["key-stage", "key-promote"]);
    let expected = ["stage done", "promote done", "resign waiting", "retire waiting", "revoke later"];
    assert_eq!(states(&begun), expected);
    let printed = commands(&begun);
    assert_eq!(printed.len(), 2 * PLUGINS.len(), "{printed:?}");
    printed.iter().for_each(|command| typed(bench, command));
    // What the new signatures have replaced is kept, and signed by the old key alone.
    let kept = run();
    assert_eq!((states(&kept), changes(&kept)), (expected.map(str::to_owned).to_vec(), vec![]));
    commands(&kept).iter().for_each(|command| typed(bench, command));
    let signed = run();
    assert_eq!(states(&signed)[2..4], ["resign done", "retire waiting"]);
    assert!(commands(&signed).is_empty() && signed["retires_at"].is_string(), "{signed}");
    days_pass(bench, 29);
    assert!(changes(&run()).is_empty(), "a day too early");
    days_pass(bench, 31);
    let ended = run();
    assert_eq!((changes(&ended), &ended["is_finished"]), (vec!["key-retire", "key-revoke"], &Value::Bool(true)));
    let before = bench.snapshot("keys");
    let again = run();
    assert_eq!((changes(&again), &again["is_finished"]), (vec![], &Value::Bool(true)));
    assert_eq!(bench.snapshot("keys"), before, "what is finished stays as it is");
    assert_eq!(actions(bench), ["key-stage", "key-promote", "key-retire", "key-revoke"]);
    assert_eq!(again["old"]["state"], "revoked");
}

#[test]
fn a_dry_run_is_the_plan_as_it_will_be_and_changes_nothing() {
    let bench = bench();
    // One of the plugins has the new signature already: the plan foresees that it counts.
    let both = ["plugin", "resign", "oci:layout:whois", "--private-key", "next.key", "--keys", "old.pem"];
    bench.run(&[&both[..], &["--add", "--replace-tag"]].concat()).ok();
    bench
        .run(&["plugin", "install", "oci:layout:whois", "--keys", "keys", "--plugins-dir", "plugins", "--keep", "0"])
        .ok();
    let before = (bench.snapshot("keys"), bench.snapshot("plugins"));
    let plan = json(rotate(&bench, &["--overlap", "2w", "--dry-run", "--json"]).ok());
    assert_eq!(states(&plan), ["stage due", "promote due", "resign waiting", "retire waiting"]);
    assert_eq!(plan["dependents"].as_array().map(Vec::len), Some(2), "{plan}");
    assert_eq!((&plan["new"]["state"], plan["overlap"].as_str()), (&Value::Null, Some("14d")));
    assert!(!bench.path("keys/.aisoc").exists());
    assert_eq!((bench.snapshot("keys"), bench.snapshot("plugins")), before);
    let run = json(rotate(&bench, &["--overlap", "2w", "--json"]).ok());
    let same = |member: &str| assert_eq!(plan[member], run[member], "{member}");
    ["dependents", "failed", "is_finished", "old"].iter().for_each(|member| same(member));
}

/// A key `idle` that nothing depends on, trusted beside the others.
fn with_idle_key(bench: &Bench) {
    bench.run(&["plugin", "keygen", "--out", "idle"]).ok();
    bench.write("keys/idle.pem", fs::read(bench.path("idle.pem")).expect("a key"));
}

fn rotate_idle(bench: &Bench, words: &[&str]) -> Run {
    let idle = ["keys", "rotate", "--new", "next.pem", "--retire", "idle", "--reason", "ticket 12"];
    bench.run(&[&idle, words, &HERE[..]].concat())
}

fn key_files(bench: &Bench) -> Vec<String> {
    let top = bench.path("keys");
    let names = bench.snapshot("keys").into_keys().filter(|path| path.extension().is_some_and(|end| end == "pem"));
    names.map(|path| path.strip_prefix(&top).expect("below").display().to_string()).collect()
}

#[test]
fn what_cannot_be_rotated_is_refused_and_nothing_is_begun() {
    let bench = bench();
    with_idle_key(&bench);
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let copies = [("old", "retired/gone.pem"), ("next", "staged/twice.pem"), ("other", "twice.pem")];
    for (place, file) in [("retired", "gone"), ("revoked", "lost")] {
        bench.run(&["plugin", "keygen", "--out", file]).ok();
        bench.write(&format!("keys/{place}/{file}.pem"), fs::read(bench.path(&format!("{file}.pem"))).expect("a key"));
    }
    for (key, file) in &copies[1..] {
        bench.write(&format!("keys/{file}"), fs::read(bench.path(&format!("{key}.pem"))).expect("a key"));
    }
    let files = bench.snapshot("keys");
    let secret = fs::read_to_string(bench.path("next.key")).expect("a key");
    let body = secret.lines().nth(1).expect("base64");
    let run = |new: &str, old: &str, words: &[&str]| {
        let fixed = ["keys", "rotate", "--new", new, "--retire", old, "--reason", "ticket 12", "--overlap", "0d"];
        bench.run(&[&fixed[..], words, &HERE].concat())
    };
    for (new, old, code, reason, said) in [
        ("old.pem", "old", 2, "usage", "is the one that is to be retired"),
        ("other.pem", "nobody", 1, "key_not_found", "`nobody`"),
        ("other.pem", "twice", 2, "usage", "`staged/twice.pem ("),
        ("other.pem", "staged/twice", 2, "usage", "is staged"),
        ("gone.pem", "old", 1, "already_exists", "was retired here"),
        ("lost.pem", "old", 3, "key_revoked", "was revoked"),
        ("next.key", "old", 1, "key_invalid", "next.key"),
        (body, "old", 2, "usage", "is a private key, and not the path of one"),
        ("absent.pem", "old", 1, "io_not_found", "absent.pem"),
        ("shodan/plugin.yaml", "old", 1, "key_invalid", "plugin.yaml"),
    ] {
        for dry in [&[][..], &["--dry-run"]] {
            let refused = run(new, old, dry);
            refused.refused(code, reason);
            assert!(refused.stderr.contains(said), "{new} {old}: {}", refused.stderr);
            assert!(!refused.stderr.contains(body), "{new} {old}");
        }
    }
    bench.run(&["plugin", "keygen", "--out", "fresh"]).ok();
    for dry in [&["--id", "idle"][..], &["--id", "idle", "--dry-run"], &["--id", "twice"]] {
        run("fresh.pem", "old", dry).refused(1, "already_exists");
    }
    run("fresh.pem", "old", &["--id", "a/b"]).refused(2, "usage");
    run("fresh.pem", "old", &["--trust-mode", "disabled"]).refused(2, "usage");
    run("fresh.pem", "old", &["--retire", "idle"]).refused(2, "usage");
    for overlap in ["30", "1mo", "36501d", "soon", ""] {
        let words = ["keys", "rotate", "--new", "fresh.pem", "--retire", "old", "--reason", "x", "--overlap", overlap];
        bench.run(&[&words[..], &HERE].concat()).refused(2, "usage");
    }
    bench.run(&["keys", "rotate", "--new", "fresh.pem", "--retire", "old", "--overlap", "0d"]).refused(2, "usage");
    let one = ["--reason", "x", "--overlap", "0d", "--keys", "keys/old.pem", "--plugins-dir", "plugins"];
    bench.run(&[&["keys", "rotate", "--new", "fresh.pem", "--retire", "old"], &one[..]].concat()).refused(2, "usage");
    let after = bench.snapshot("keys");
    let ours = |path: &&std::path::PathBuf| !path.components().any(|part| part.as_os_str() == ".aisoc");
    assert!(files.keys().eq(after.keys().filter(ours)), "{after:?}");
}

#[test]
fn two_people_who_rotate_at_once_do_every_step_once() {
    for _ in 0..3 {
        let bench = bench();
        with_idle_key(&bench);
        let command = || {
            let words = ["keys", "rotate", "--new", "next.pem", "--retire", "idle", "--revoke", "--overlap", "0d"];
            let mut command = bench.command(&[&words[..], &["--reason", "ticket 12", "--json"], &HERE].concat());
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().expect("it starts")
        };
        let people: Vec<_> = (0..4).map(|_| command()).collect();
        for person in people {
            let output = person.wait_with_output().expect("it ends");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{said}");
            let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
            assert_eq!(document["is_finished"], true, "{document}");
        }
        assert_eq!(actions(&bench), ["key-stage", "key-promote", "key-retire", "key-revoke"]);
        assert_eq!(key_files(&bench), ["next.pem", "old.pem", "revoked/idle.pem"]);
        bench.run(&["keys", "journal", "verify", "--keys", "keys"]).ok();
    }
}

#[test]
fn a_new_key_that_is_here_already_is_no_second_one() {
    // Put there by hand, under another name: the overlap begins when that is written down.
    let bench = bench();
    with_idle_key(&bench);
    bench.write("keys/by-hand.pem", fs::read(bench.path("next.pem")).expect("a key"));
    let run = json(rotate_idle(&bench, &["--overlap", "1d", "--json"]).ok());
    assert_eq!((changes(&run), states(&run)[3].as_str()), (vec!["key-add"], "retire waiting"));
    assert_eq!((key_files(&bench).len(), &run["new"]["key_id"]), (3, &Value::from("by-hand")));
    let again = json(rotate_idle(&bench, &["--overlap", "1d", "--json"]).ok());
    assert_eq!((changes(&again), &again["retires_at"]), (vec![], &run["retires_at"]));
    // The newest words count.
    let sooner = json(rotate_idle(&bench, &["--overlap", "0d", "--owner", "Ada", "--json"]).ok());
    assert_eq!(changes(&sooner), ["key-annotate", "key-retire"]);
    assert_eq!(key_files(&bench), ["by-hand.pem", "old.pem", "retired/idle.pem"]);
}

#[test]
fn the_same_line_goes_on_wherever_the_new_key_was_named() {
    let bench = bench();
    with_idle_key(&bench);
    bench.run(&["keys", "stage", "next.pem", "--keys", "keys", "--reason", "ticket 12"]).ok();
    for new in ["keys/staged/next.pem", "keys/staged/next.pem", "next", "next.pem"] {
        let words = ["keys", "rotate", "--new", new, "--retire", "idle", "--overlap", "1d", "--reason", "x", "--json"];
        let run = json(bench.run(&[&words[..], &HERE].concat()).ok());
        assert_eq!(states(&run)[..2], ["stage done", "promote done"], "{new}");
    }
    assert_eq!(actions(&bench), ["key-stage", "key-promote"]);
    // From standard input it needs a name as long as it has none here.
    let piped = |words: &[&str]| {
        let pem = fs::File::open(bench.path("next.pem")).expect("a key");
        let fixed = ["keys", "rotate", "--new", "-", "--retire", "idle", "--overlap", "1d", "--reason", "x"];
        Run::of(bench.command(&[&fixed[..], words, &HERE].concat()).stdin(pem))
    };
    piped(&[]).ok();
    fs::remove_file(bench.path("keys/next.pem")).expect("removed");
    piped(&[]).refused(2, "usage");
    piped(&["--id", "ci"]).ok();
    assert_eq!(key_files(&bench), ["ci.pem", "idle.pem", "old.pem"]);
}

#[test]
fn an_old_key_that_is_gone_already_leaves_the_other_steps_and_goes_under_all_its_names() {
    let bench = bench();
    with_idle_key(&bench);
    bench.write("keys/twin.pub", fs::read(bench.path("idle.pem")).expect("a key"));
    let run = json(rotate_idle(&bench, &["--overlap", "0d", "--json"]).ok());
    assert_eq!(changes(&run), ["key-stage", "key-promote", "key-retire", "key-retire"]);
    assert_eq!((&run["is_finished"], &run["retires_at"]), (&Value::Bool(true), &Value::Null));
    let run = json(rotate_idle(&bench, &["--overlap", "30d", "--revoke", "--json"]).ok());
    assert_eq!((changes(&run), &run["old"]["state"]), (vec!["key-revoke"], &Value::from("revoked")));
    assert!(changes(&json(rotate_idle(&bench, &["--overlap", "0d", "--json"]).ok())).is_empty());
}

#[test]
fn a_new_key_that_may_sign_less_waits_for_what_it_may_not_sign() {
    let bench = bench();
    let stage = ["keys", "stage", "next.pem", "--plugin", "shodan", "--keys", "keys", "--reason", "x"];
    bench.run(&stage).ok();
    for id in PLUGINS {
        let reference = format!("oci:layout:{id}");
        let both = ["plugin", "resign", &reference, "--add", "--private-key", "next.key", "--keys", "old.pem"];
        bench.run(&[&both[..], &["--replace-tag"]].concat()).ok();
        bench.run(&["plugin", "install", &reference, "--keys", "keys", "--plugins-dir", "plugins", "--keep", "0"]).ok();
    }
    for words in [&["--dry-run"][..], &[]] {
        let run = json(rotate(&bench, &[words, &["--overlap", "0d", "--json"]].concat()).ok());
        let dependents = run["dependents"].as_array().expect("dependents");
        let lost: Vec<_> = dependents.iter().filter_map(|dependent| dependent["id"].as_str()).collect();
        assert_eq!((lost, &run["is_finished"]), (vec!["virustotal", "whois"], &Value::Bool(false)), "{words:?}");
    }
    bench.run(&["keys", "annotate", "next", "--clear", "plugin", "--keys", "keys", "--reason", "x"]).ok();
    assert_eq!(changes(&json(rotate(&bench, &["--overlap", "0d", "--json"]).ok())), ["key-retire"]);
}

#[test]
fn what_is_published_is_waited_for_and_what_nobody_could_ask_is_no_success() {
    let bench = bench();
    with_idle_key(&bench);
    bench.run(&["plugin", "new", "solo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "release", "solo", "oci:shop:1", "--private-key", "idle.key"]).ok();
    let shop = ["--registry", "oci:shop", "--overlap", "0d"];
    let run = json(rotate_idle(&bench, &[&shop[..], &["--json"]].concat()).ok());
    let printed = commands(&run);
    assert_eq!((states(&run)[2].as_str(), printed.len()), ("resign waiting", 1), "{run}");
    typed(&bench, &printed[0]);
    let unreachable = [&shop[..], &["--registry", "127.0.0.1:1/team/x:1", "--json"]].concat();
    let run = rotate_idle(&bench, &unreachable);
    assert_eq!((run.code, states(&json(&run))[2].as_str()), (4, "resign waiting"), "{run:?}");
    assert_eq!(json(&run)["failed"][0]["source"], "127.0.0.1:1/team/x:1");
    assert_eq!(changes(&json(rotate_idle(&bench, &[&shop[..], &["--json"]].concat()).ok())), ["key-retire"]);
}

#[test]
fn more_signers_than_the_new_key_can_be_are_waited_for() {
    let bench = bench();
    let keys = ["plugin", "sign", "shodan", "--add", "--private-key"];
    with_idle_key(&bench);
    bench.run(&["plugin", "sign", "shodan", "--private-key", "old.key"]).ok();
    bench.run(&[&keys[..], &["idle.key"]].concat()).ok();
    bench.run(&["plugin", "install", "./shodan", "--keys", "keys", "--plugins-dir", "plugins", "--keep", "0"]).ok();
    let run = json(rotate(&bench, &["--overlap", "0d", "--require", "2", "--json"]).ok());
    assert_eq!(run["dependents"][0]["dependence"], "below_required", "{run}");
    let printed = commands(&run);
    assert!(
        printed[0].starts_with("aisoc plugin sign /") && printed[1].starts_with("aisoc plugin install /"),
        "{printed:?}"
    );
    let text = rotate(&bench, &["--overlap", "0d", "--require", "2"]);
    assert!(text.ok().stdout.contains("shodan 0.1.0 (installed): below_required\n  aisoc plugin sign /"), "{text:?}");
    assert!(text.stderr.contains("Waiting retire: what depends on the old key alone comes first\n"), "{text:?}");
}

#[test]
fn a_run_that_fails_behind_its_first_steps_says_which_they_were_and_goes_on_later() {
    let bench = bench();
    with_idle_key(&bench);
    // Somebody changes what is installed all the time, beside whom no key is taken away.
    let lock = fs::File::open(bench.path("plugins/.aisoc/write.lock")).expect("there");
    lock.lock().expect("free");
    let failed = rotate_idle(&bench, &["--overlap", "0d", "--lock-timeout", "0"]);
    failed.refused(4, "locked");
    let said = "key-stage, key-promote is done, and the same line goes on behind it, but ";
    assert!(failed.error_line().contains(said), "{failed:?}");
    drop(lock);
    assert_eq!(changes(&json(rotate_idle(&bench, &["--overlap", "0d", "--json"]).ok())), ["key-retire"]);
}

/// What is in the way of a later step is found before the first one.
#[test]
fn what_stands_where_the_old_key_goes_and_is_no_key_is_found_before_anything_is_begun() {
    let bench = bench();
    with_idle_key(&bench);
    let in_the_way = bench.write("keys/retired/idle.pem", "no key");
    for words in [&["--overlap", "0d", "--dry-run"][..], &["--overlap", "0d"]] {
        rotate_idle(&bench, words).refused(1, "key_invalid");
        assert!(actions(&bench).is_empty(), "{words:?}");
    }
    fs::remove_file(in_the_way).expect("removed");
    let all = ["key-stage", "key-promote", "key-retire"];
    assert_eq!(changes(&json(rotate_idle(&bench, &["--overlap", "0d", "--json"]).ok())), all);
}

/// A publisher who may sign one plugin may sign no other because the key was changed.
#[test]
fn a_new_key_may_do_what_the_old_one_may_and_nothing_more() {
    let bench = bench();
    let limits = r#"{"schema_version":2,"owner":"Ada","scope":{"plugins":["shodan","virustotal","whois"]},"coverage":"full","may_sign":["plugin","keyset"]}"#;
    // The note stands on another file of the same key, and limits it under every name.
    bench.write("keys/again.pem", fs::read(bench.path("old.pem")).expect("a key"));
    bench.write("keys/again.json", limits);
    rotate(&bench, &["--overlap", "30d"]).ok();
    let shown = json(bench.run(&[&["keys", "show", "next", "--json"], &HERE[..]].concat()).ok());
    let expected: Value = serde_json::from_str(limits).expect("JSON");
    assert_eq!(shown["scope_plugins"], expected["scope"]["plugins"], "{shown}");
    assert_eq!((&shown["may_sign"], &shown["coverage"]), (&expected["may_sign"], &expected["coverage"]), "{shown}");
    // Whose key it is says whoever brings it, and the dates are those of the old key alone.
    assert!(shown["owner"].is_null() && shown["not_after"].is_null(), "{shown}");
    bench.run(&["plugin", "new", "another", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "another", "--private-key", "next.key"]).ok();
    bench.run(&["plugin", "verify", "another", "--trusted-keys", "keys"]).refused(3, "key_out_of_scope");
}

/// What could not be finished is not begun, and a dry run ends as the run would.
#[test]
fn a_name_that_is_taken_where_the_old_key_goes_is_found_before_the_new_one_is_trusted() {
    let bench = bench();
    bench.run(&["plugin", "keygen", "--out", "third"]).ok();
    bench.write("keys/retired/old.pem", fs::read(bench.path("third.pem")).expect("a key"));
    let files = || {
        // The lock stands in a directory of its own.
        let of_keys = |path: &std::path::PathBuf| !path.components().any(|part| part.as_os_str() == ".aisoc");
        bench.snapshot("keys").into_iter().filter(|(path, _)| of_keys(path)).collect::<Vec<_>>()
    };
    let before = files();
    for words in [&["--overlap", "0d", "--dry-run"][..], &["--overlap", "0d"]] {
        let line = ["keys", "rotate", "--new", "next.pem", "--retire", "old.pem", "--reason", "ticket 12"];
        bench.run(&[&line[..], words, &HERE].concat()).refused(1, "already_exists");
        assert_eq!(files(), before, "{words:?}");
    }
}

/// The same line runs again although the file that it names has moved, however the directory is spelled.
#[test]
fn a_key_of_the_directory_is_found_again_by_whatever_path_names_it() {
    let bench = bench();
    bench.write("keys/staged/next.pem", fs::read(bench.path("next.pem")).expect("a key"));
    let absolute = bench.path("keys/staged/next.pem").display().to_string();
    for word in ["./keys/staged/next.pem", "keys/./staged/next.pem", &absolute] {
        let words = ["keys", "rotate", "--new", word, "--retire", "old", "--reason", "ticket 12", "--overlap", "30d"];
        bench.run(&[&words[..], &HERE].concat()).ok();
    }
    assert!(bench.path("keys/next.pem").exists());
}

/// A key that ends before its turn is spoken of while something can be done about it.
#[test]
fn a_key_that_ends_before_the_rotation_does_is_said() {
    let bench = bench();
    let ends = |days: i64| format!("{:.0}", Timestamp::now() + SignedDuration::from_hours(24 * days));
    let note = |days| format!(r#"{{"schema_version":2,"not_after":"{}"}}"#, ends(days));
    bench.write("keys/old.json", note(10));
    let run = rotate(&bench, &["--overlap", "30d", "--dry-run"]);
    assert!(run.ok().stderr.contains("warning[key_ends]: key `old` ends at "), "{run:?}");
    let run = rotate(&bench, &["--overlap", "5d", "--dry-run"]);
    assert!(!run.ok().stderr.contains("key_ends"), "{run:?}");
    bench.write("keys/staged/next.pem", fs::read(bench.path("next.pem")).expect("a key"));
    for (days, is_said) in [(20, true), (40, false)] {
        bench.write("keys/staged/next.json", note(days));
        let run = rotate(&bench, &["--overlap", "5d", "--dry-run"]);
        assert_eq!(run.ok().stderr.contains("warning[key_ends]: key `next` ends at "), is_said, "{run:?}");
    }
}

/// Whoever had the old key may have named others: a rotation that revokes it says so, as `keys revoke` does.
#[test]
fn what_stands_on_the_word_of_the_old_key_is_named_when_it_is_revoked() {
    let bench = bench();
    bench.run(&["plugin", "keygen", "--out", "third"]).ok();
    bench.write("keys/third.pem", fs::read(bench.path("third.pem")).expect("a key"));
    let old = bench.run(&["keys", "fingerprint", "old.pem"]).stdout;
    let old = old.split(' ').next().expect("a fingerprint");
    bench.write("keys/third.json", format!(r#"{{"schema_version":2,"endorsed_by":["{old}"]}}"#));
    bench.write("none/README.md", "no plugins\n");
    let words = ["--overlap", "0d", "--revoke", "--trusted-keys", "keys", "--plugins-dir", "none"];
    let run = bench.run(&[&ROTATE[..], &words].concat());
    assert!(
        run.ok().stderr.contains("warning[successor_stands]: key `third` was accepted on the word of `old`"),
        "{run:?}"
    );
}

/// Secrets are mounted as links, and a link is not moved: that is found before the new key is trusted, in a dry run too.
#[test]
fn an_old_key_that_is_a_link_of_a_mount_is_found_before_anything_is_begun() {
    let bench = bench();
    bench.write("keys/..2026/old.pem", fs::read(bench.path("old.pem")).expect("a key"));
    fs::remove_file(bench.path("keys/old.pem")).expect("removed");
    std::os::unix::fs::symlink("..2026", bench.path("keys/..data")).expect("linked");
    std::os::unix::fs::symlink("..data/old.pem", bench.path("keys/old.pem")).expect("linked");
    bench.run(&[&["plugins", "verify"], &HERE[..]].concat()).ok();
    let keys = || key_files(&bench);
    let before = keys();
    for words in [&["--dry-run"][..], &[]] {
        let run = rotate(&bench, &[&["--overlap", "0d"], words].concat());
        run.refused(1, "key_invalid");
        let said = "`keys/old.pem` is a link, and a link is neither moved nor removed";
        assert!(run.stderr.contains(said) && run.stderr.contains("a link to `..data/old.pem`"), "{run:?}");
        assert_eq!(keys(), before, "{words:?}");
        assert!(actions(&bench).is_empty(), "{words:?}");
    }
    // The same rule for each command that would move it, and before it begins.
    for command in [&["retire", "old", "--force"][..], &["revoke", "old", "--force"]] {
        for words in [&["--dry-run"][..], &[]] {
            let fixed = ["--reason", "ticket 12"];
            bench.run(&[&["keys"], command, &fixed, words, &HERE].concat()).refused(1, "key_invalid");
            assert!(!bench.path("keys/.aisoc/pending.json").exists() && !bench.path("keys/retired").exists());
        }
    }
}

/// What was limited is the publisher: a key that somebody has staged with more than the old one has is not trusted by a
/// rotation, and of one that is trusted already it is said.
#[test]
fn a_new_key_that_is_here_gets_no_more_by_a_rotation_than_the_old_one_has() {
    let narrow = r#"{"schema_version":2,"scope":{"plugins":["shodan","virus*","whois"]},"coverage":"full"}"#;
    for (old, new, member) in [
        (narrow, r#"{"schema_version":2,"coverage":"full"}"#, Some("scope")),
        (narrow, r#"{"schema_version":2,"coverage":"full","scope":{"plugins":["*"]}}"#, Some("scope")),
        (narrow, r#"{"schema_version":2,"scope":{"plugins":["whois"]}}"#, Some("coverage")),
        (narrow, r#"{"schema_version":2,"coverage":"full","scope":{"plugins":["virustotal"]}}"#, None),
        (r#"{"schema_version":2,"owner":"Ada"}"#, r#"{"schema_version":2,"coverage":"code"}"#, Some("coverage")),
        (
            r#"{"schema_version":2,"owner":"Ada"}"#,
            r#"{"schema_version":2,"may_sign":["plugin","succession"]}"#,
            Some("may_sign"),
        ),
        (r#"{"schema_version":2,"owner":"Ada"}"#, r#"{"schema_version":2,"comment":"new"}"#, None),
    ] {
        let bench = bench();
        bench.write("keys/old.json", old);
        bench.write("keys/staged/next.pem", fs::read(bench.path("next.pem")).expect("a key"));
        bench.write("keys/staged/next.json", new);
        let before = key_files(&bench);
        for words in [&["--dry-run"][..], &[]] {
            let run = rotate(&bench, &[&["--overlap", "30d"], words].concat());
            match member {
                None => _ = run.ok(),
                Some(member) => {
                    run.refused(2, "usage");
                    assert!(run.stderr.contains(&format!("may do more than the old one: {member}")), "{run:?}");
                    assert_eq!(key_files(&bench), before, "{new}");
                }
            }
        }
        let Some(member) = member else { continue };
        for file in ["next.pem", "next.json"] {
            fs::rename(bench.path(&format!("keys/staged/{file}")), bench.path(&format!("keys/{file}"))).expect("moved");
        }
        let plan = json(rotate(&bench, &["--overlap", "30d", "--json"]).ok());
        let why = plan["steps"][1]["why"].as_str().expect("words");
        assert!(why.contains(&format!("it may do more than the old key: {member} is ")), "{plan}");
    }
}

#[test]
fn a_new_key_that_is_here_keeps_its_name() {
    let bench = bench();
    bench.write("keys/staged/next.pem", fs::read(bench.path("next.pem")).expect("a key"));
    for words in [&["--dry-run"][..], &[]] {
        let run = rotate(&bench, &[&["--overlap", "30d", "--id", "other"], words].concat());
        run.refused(2, "usage");
        assert!(run.stderr.contains("as `staged/next.pem`, and keeps its name"), "{run:?}");
        assert!(run.stderr.contains("expected: `--id next`, or none\n  found:    `--id other`"), "{run:?}");
    }
    rotate(&bench, &["--overlap", "30d", "--id", "next"]).ok();
    assert!(bench.path("keys/next.pem").exists());
}
