//! A clock that is set back makes no key count again, one that jumps ends none for ever, and what a site has seen is
//! mended by a command that leaves a line.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use support::{Bench, Run};

const SEEN: &str = "plugins/.aisoc/last-seen";
const DAY: i64 = 24;
const YEAR: i64 = 366 * DAY;

/// So many hours from now, to the second.
fn from_now(hours: i64) -> String {
    format!("{:.0}", Timestamp::now() + SignedDuration::from_hours(hours))
}

/// A bench whose plugin `demo` is installed, and whose site has seen a time so many hours from now.
fn seen(hours: i64) -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    bench.write(SEEN, format!("{}\n", from_now(hours)));
    bench
}

fn limit(bench: &Bench, member: &str, at: &str) {
    bench.write("keys/release.json", format!(r#"{{"schema_version": 1, "{member}": "{at}"}}"#));
}

/// What asks the keys of the site, each with whether it holds the lock.
fn judges(bench: &Bench) -> Vec<Run> {
    let site = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
    let run = |words: &[&str]| bench.run(&[words, &site].concat());
    vec![
        run(&["plugins", "verify"]),
        run(&["plugin", "verify", "demo.tar"]),
        run(&["plugin", "verify", "demo"]),
        run(&["plugin", "install", "oci-archive:demo.tar"]),
    ]
}

fn clock(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugins", "clock", "--plugins-dir", "plugins"], words].concat())
}

fn state(bench: &Bench) -> Value {
    serde_json::from_str(&clock(bench, &["--json"]).ok().stdout).expect("JSON")
}

#[test]
fn a_clock_that_was_set_back_makes_no_key_count_again() {
    for hours in [2, 30 * DAY, YEAR, 70 * YEAR] {
        let bench = seen(hours);
        limit(&bench, "not_after", &from_now(1));
        for run in judges(&bench) {
            assert_eq!(run.code, 3, "{run:?}");
            assert!(run.stderr.contains("[key_expired]") && run.stderr.contains("warning[clock_behind]"), "{run:?}");
            assert_eq!(run.stderr.matches("clock_behind").count(), 1, "{run:?}");
        }
        let list = bench.run(&["plugin", "list", "--trusted-keys", "keys", "--plugins-dir", "plugins"]);
        assert!(list.ok().stdout.contains("key_expired"), "{list:?}");
        assert_eq!(state(&bench)["state"], "behind");
    }
}

#[test]
fn a_minute_is_no_difference_and_is_not_spoken_of() {
    let bench = seen(0);
    for run in judges(&bench) {
        assert!(run.ok().stderr.find("clock_").is_none(), "{run:?}");
    }
    assert_eq!(state(&bench)["state"], "goes_on");
}

#[test]
fn only_who_changes_the_site_writes_down_what_the_clock_says() {
    let bench = seen(-2 * DAY);
    let before = fs::read_to_string(bench.path(SEEN)).expect("a time");
    let site = ["--plugins-dir", "plugins"];
    let trust = ["--trusted-keys", "keys"];
    for words in [
        &["plugins", "verify", trust[0], trust[1]][..],
        &["plugin", "list", trust[0], trust[1]],
        &["plugin", "verify", "demo", trust[0], trust[1]],
        &["plugins", "clock"],
        &["plugin", "gc", "--dry-run"],
        &["plugins", "clock", "--reset", "--reason", "a dry run", "--dry-run"],
    ] {
        bench.run(&[words, &site].concat()).ok();
        assert_eq!(fs::read_to_string(bench.path(SEEN)).expect("a time"), before, "{words:?}");
    }
    for words in [
        &["plugin", "gc"][..],
        &["plugin", "install", "oci-archive:demo.tar", trust[0], trust[1]],
        &["plugin", "uninstall", "demo", "--yes"],
    ] {
        bench.write(SEEN, &before);
        bench.run(&[words, &site].concat()).ok();
        let after = fs::read_to_string(bench.path(SEEN)).expect("a time");
        assert!(after > before && after <= format!("{}\n", from_now(1)), "{words:?}: {after}");
        assert_eq!(fs::metadata(bench.path(SEEN)).expect("there").permissions().mode() & 0o777, 0o644);
    }
}

#[test]
fn a_jump_is_judged_by_and_not_written_down_until_somebody_says_that_it_is_right() {
    let bench = seen(-2 * YEAR);
    let before = fs::read_to_string(bench.path(SEEN)).expect("a time");
    let gc = bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]);
    assert!(gc.ok().stderr.contains("warning[clock_ahead]"), "{gc:?}");
    assert_eq!(fs::read_to_string(bench.path(SEEN)).expect("a time"), before);
    limit(&bench, "not_after", &from_now(-YEAR));
    assert!(judges(&bench).iter().all(|run| run.code == 3), "by the clock the key has expired");
    assert_eq!(state(&bench)["state"], "far_ahead");
    clock(&bench, &["--reset", "--reason", "this site was asleep", "--yes"]).ok();
    assert_eq!(state(&bench)["state"], "goes_on");
    assert!(!bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]).ok().stderr.contains("clock_ahead"));
}

#[test]
fn one_look_at_a_clock_in_2099_ends_no_key_for_ever() {
    let bench = seen(0);
    bench.write(SEEN, "2099-01-01T00:00:00Z\n");
    limit(&bench, "not_after", &from_now(YEAR));
    assert!(judges(&bench).iter().all(|run| run.code == 3));
    clock(&bench, &["--reset", "--reason", "the battery was empty, OPS-7", "--yes"]).ok();
    for run in judges(&bench) {
        assert!(!run.ok().stderr.contains("clock_"), "{run:?}");
    }
}

#[test]
fn a_reset_is_confirmed_has_a_reason_and_leaves_a_line() {
    let bench = seen(5 * DAY);
    let before = fs::read_to_string(bench.path(SEEN)).expect("a time");
    clock(&bench, &["--reset"]).refused(2, "usage");
    clock(&bench, &["--reset", "--reason", " "]).refused(2, "usage");
    clock(&bench, &["--reason", "x"]).refused(2, "usage");
    clock(&bench, &["--yes"]).refused(2, "usage");
    clock(&bench, &["--reset", "--reason", "x"]).refused(10, "confirmation_required");
    assert_eq!(fs::read_to_string(bench.path(SEEN)).expect("a time"), before);
    assert!(!bench.path("plugins/.aisoc/plugins.journal").exists());
    let run = clock(&bench, &["--reset", "--reason", "five days ahead", "--yes", "--json"]);
    let document: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    assert_eq!((&document["reset"], &document["state"]), (&true.into(), &"goes_on".into()));
    assert_eq!(document["previous_seen_at"], before.trim());
    assert_eq!(document["last_seen_at"], document["clock_at"]);
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("a journal");
    let [line] = journal.lines().collect::<Vec<_>>()[..] else { panic!("{journal}") };
    let columns: Vec<&str> = line.split('\t').collect();
    assert_eq!(columns[1..5], ["clock-reset", "-", "-", "-"]);
    assert_eq!(columns[5], format!("five days ahead (last seen was {})", before.trim()));
    assert_eq!(
        fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal.chain")).expect("a chain").lines().count(),
        1
    );
}

#[test]
fn what_cannot_be_believed_refuses_everything_and_is_mended_by_the_command_that_is_named() {
    let bench = seen(0);
    let damage: [(&str, &dyn Fn(), &str); 4] = [
        ("no time", &|| drop(bench.write(SEEN, "yesterday\n")), "record_invalid"),
        ("cut off", &|| drop(bench.write(SEEN, "2026-01-3")), "record_invalid"),
        (
            "writable",
            &|| {
                bench.write(SEEN, "2020-01-01T00:00:00Z\n");
                fs::set_permissions(bench.path(SEEN), fs::Permissions::from_mode(0o666)).expect("mode");
            },
            "directory_insecure",
        ),
        (
            "a link",
            &|| {
                fs::remove_file(bench.path(SEEN)).expect("removed");
                std::os::unix::fs::symlink("/dev/null", bench.path(SEEN)).expect("linked");
            },
            "record_invalid",
        ),
    ];
    for (name, damage, reason) in damage {
        damage();
        let mut runs = judges(&bench);
        runs.push(bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]));
        runs.push(bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]));
        runs.push(clock(&bench, &[]));
        for run in runs {
            let hint = "aisoc plugins clock --reset --reason \"TEXT\" --plugins-dir plugins";
            assert!(run.refused(1, reason).stderr.contains(hint), "{name}: {run:?}");
        }
        clock(&bench, &["--reset", "--reason", name, "--yes"]).ok();
        assert_eq!(state(&bench)["state"], "goes_on", "{name}");
        assert!(judges(&bench).iter().all(|run| run.code == 0), "{name}");
    }
}

#[test]
fn a_site_that_is_not_there_has_no_time_and_is_not_made_for_the_question() {
    let bench = Bench::new();
    for words in [&[][..], &["--reset", "--reason", "x", "--yes"]] {
        clock(&bench, words).refused(1, "io_not_found");
    }
    assert!(!bench.path("plugins").exists());
}
