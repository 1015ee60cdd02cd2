//! The coverage floor: what was once verified whole is not replaced by less, whatever way is taken.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const LOWER: [&str; 3] = ["--lower-coverage", "--reason", "ticket 12: the vendor cannot sign whole trees"];
const FLOOR: &str = "plugins/.aisoc/floors/demo";
const JOURNAL: &str = "plugins/.aisoc/plugins.journal";

/// `full.tar` is `demo` 1.0.0 signed whole; `code.tar` is 2.0.0 with its code signed; `bare.tar` is 3.0.0, unsigned.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    for (name, version, coverage) in [("full", "1.0.0", "full"), ("code", "2.0.0", "code"), ("bare", "3.0.0", "none")] {
        publish(&bench, "demo", name, version, coverage);
    }
    bench
}

fn publish(bench: &Bench, id: &str, name: &str, version: &str, coverage: &str) {
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", name]).ok();
    let manifest = fs::read_to_string(bench.path(name).join("demo/plugin.yaml")).expect("a manifest");
    let lines = manifest.lines().map(|line| match line.split(':').next() {
        Some("version") => format!("version: \"{version}\"\n"),
        Some("id") => format!("id: {id}\n"),
        _ => format!("{line}\n"),
    });
    bench.write(&format!("{name}/demo/plugin.yaml"), lines.collect::<String>());
    let (source, archive) = (format!("{name}/demo"), format!("{name}.tar"));
    if coverage != "none" {
        let sign = ["plugin", "sign", "--plugin-dir", &source, "--private-key", "release.key", "--coverage", coverage];
        bench.run(&sign).ok();
    }
    let meant: &[&str] = match coverage {
        "full" => &[],
        "code" => &["--trusted-keys", "keys"],
        _ => &["--unsigned"],
    };
    bench.run(&[&["plugin", "package", "--plugin-dir", &source, "--out", &archive], meant].concat()).ok();
}

fn install(bench: &Bench, name: &str, words: &[&str]) -> Run {
    let reference = format!("oci-archive:{name}.tar");
    // Which version is older is no matter of the floor.
    bench.run(&[&["plugin", "install", &reference, "--allow-downgrade"][..], words, &PLACES].concat())
}

fn rollback(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "rollback", "demo"][..], words, &PLACES].concat())
}

fn verify(bench: &Bench) -> Run {
    bench.run(&[&["plugins", "verify"][..], &PLACES].concat())
}

fn uninstall(bench: &Bench) -> Run {
    bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"])
}

fn floor(bench: &Bench) -> Option<String> {
    let text = fs::read(bench.path(FLOOR)).ok()?;
    let floor: Value = serde_json::from_slice(&text).expect("JSON");
    Some(floor["coverage"].as_str().expect("a word").to_owned())
}

/// What the site's journal says of lowerings.
fn lines(bench: &Bench) -> Vec<Value> {
    let words = ["plugins", "journal", "show", "--plugins-dir", "plugins", "--action", "floor-lower", "--json"];
    let run = bench.run(&words);
    let answer: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    answer["entries"].as_array().expect("a list").clone()
}

/// Everything below `plugins` but who held the lock last.
fn state(bench: &Bench) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    bench.snapshot("plugins").into_iter().filter(|(path, _)| !path.ends_with("write.lock")).collect()
}

#[test]
fn no_mode_that_verifies_replaces_full_by_less_and_strict_refuses_it_afterwards() {
    let bench = bench();
    install(&bench, "full", &[]).ok();
    assert_eq!(floor(&bench).as_deref(), Some("full"));
    let before = state(&bench);
    for (name, mode) in [("code", "strict"), ("code", "warn"), ("bare", "warn")] {
        let run = install(&bench, name, &["--trust-mode", mode]);
        run.refused(3, "coverage_downgrade");
        assert!(run.stderr.contains("expected: coverage full, as verified before\n"), "{run:?}");
        assert_eq!(state(&bench), before, "{name} {mode}");
    }
    install(&bench, "code", &[]).refused(3, "coverage_downgrade");
}

#[test]
fn what_was_verified_in_warn_sets_the_floor_and_what_was_not_sets_none() {
    let bench = bench();
    install(&bench, "bare", &["--trust-mode", "warn"]).ok();
    assert_eq!(floor(&bench), None);
    install(&bench, "code", &["--trust-mode", "warn"]).ok();
    assert_eq!(floor(&bench).as_deref(), Some("code"));
    install(&bench, "bare", &["--trust-mode", "warn"]).refused(3, "coverage_downgrade");
    install(&bench, "full", &["--trust-mode", "warn"]).ok();
    assert_eq!(floor(&bench).as_deref(), Some("full"));
    install(&bench, "code", &[]).refused(3, "coverage_downgrade");
}

#[test]
fn a_mode_that_reads_nothing_lowers_nothing() {
    let bench = bench();
    install(&bench, "full", &[]).ok();
    bench.acknowledge_unsigned();
    install(&bench, "code", &["--trust-mode", "disabled"]).ok();
    assert_eq!(floor(&bench).as_deref(), Some("full"));
    let run = verify(&bench);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.error_line().starts_with("error[coverage_downgrade]: demo: "), "{run:?}");
    // The same artifact again is no longer "up to date" once somebody checks it.
    install(&bench, "code", &[]).refused(3, "coverage_downgrade");
    install(&bench, "code", &["--trust-mode", "warn"]).refused(3, "coverage_downgrade");
    install(&bench, "code", &[&["--trust-mode", "disabled"][..], &LOWER].concat()).refused(2, "usage");
    assert_eq!((floor(&bench).as_deref(), lines(&bench).len()), (Some("full"), 0));
    install(&bench, "full", &[]).ok();
    verify(&bench).ok();
}

#[test]
fn a_rollback_to_less_is_refused_without_a_reason() {
    let bench = bench();
    install(&bench, "code", &[]).ok();
    install(&bench, "full", &[]).ok();
    let before = state(&bench);
    rollback(&bench, &[]).refused(3, "coverage_downgrade");
    rollback(&bench, &["--trust-mode", "warn"]).refused(3, "coverage_downgrade");
    assert_eq!(state(&bench), before);
    rollback(&bench, &LOWER).ok();
    assert_eq!(floor(&bench).as_deref(), Some("code"));
    assert!(lines(&bench)[0]["reason"].as_str().is_some_and(|reason| reason.starts_with("from full to code: ")));
    verify(&bench).ok();
    // Forward again the floor rises, and the way back is closed again.
    rollback(&bench, &[]).ok();
    assert_eq!(floor(&bench).as_deref(), Some("full"));
    rollback(&bench, &[]).refused(3, "coverage_downgrade");
}

#[test]
fn the_floor_outlives_the_plugin_and_its_record() {
    let losses: [fn(&Bench); 4] = [
        |bench| assert_eq!(uninstall(bench).code, 0),
        |bench| fs::remove_file(bench.path("plugins/.aisoc/records/demo.json")).expect("removed"),
        |bench| {
            fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
            bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]).ok();
        },
        |bench| drop(bench.write("plugins/.aisoc/records/demo.json", "{}\n")),
    ];
    for lose in losses {
        let bench = bench();
        install(&bench, "full", &[]).ok();
        lose(&bench);
        for mode in ["strict", "warn"] {
            install(&bench, "code", &["--trust-mode", mode]).refused(3, "coverage_downgrade");
        }
        install(&bench, "full", &[]).ok();
    }
}

#[test]
fn a_site_that_is_older_than_floors_keeps_what_its_records_and_trees_say() {
    let forget = |bench: &Bench| fs::remove_dir_all(bench.path("plugins/.aisoc/floors")).expect("removed");
    let record = "plugins/.aisoc/records/demo.json";
    let changes: [fn(&Bench); 4] = [
        |_| {},
        |bench| assert_eq!(uninstall(bench).code, 0),
        |bench| {
            bench.acknowledge_unsigned();
            assert_eq!(install(bench, "code", &["--trust-mode", "disabled"]).code, 0);
        },
        |bench| assert_eq!(uninstall(bench).code, 0),
    ];
    for (loses_record, change) in [false, false, false, true].into_iter().zip(changes) {
        let bench = bench();
        install(&bench, "full", &[]).ok();
        forget(&bench);
        if loses_record {
            fs::remove_file(bench.path(record)).expect("removed");
        }
        change(&bench);
        install(&bench, "code", &[]).refused(3, "coverage_downgrade");
        install(&bench, "full", &[]).ok();
    }
    // Nothing says what it was: it is not taken for nothing.
    let bench = bench();
    install(&bench, "full", &[]).ok();
    forget(&bench);
    bench.write(record, "{}\n");
    bench.write("plugins/demo/plugin.yaml", "id: [\n");
    let run = install(&bench, "code", &[]);
    run.refused(1, "record_invalid");
    assert!(run.stderr.contains("`aisoc plugin uninstall demo --plugins-dir plugins`"), "{run:?}");
    uninstall(&bench).ok();
    install(&bench, "code", &[]).refused(3, "coverage_downgrade");
    install(&bench, "full", &[]).ok();
}

#[test]
fn another_spelling_of_the_id_begins_with_the_same_floor() {
    let bench = bench();
    publish(&bench, "Demo", "spelling", "2.0.0", "code");
    install(&bench, "full", &[]).ok();
    // Gate 5 is asked before gate 8, and both are named.
    let refused = install(&bench, "spelling", &[]);
    let line = refused.refused(3, "coverage_downgrade").error_line();
    assert!(line.ends_with("; and the plugin `demo` is installed"), "{refused:?}");
    uninstall(&bench).ok();
    install(&bench, "spelling", &[]).refused(3, "coverage_downgrade");
    let lowered = install(&bench, "spelling", &LOWER);
    assert!(
        lowered
            .ok()
            .stderr
            .contains("warning[coverage_floor_lowered]: the coverage floor of Demo was lowered from full to code"),
        "{lowered:?}"
    );
    verify(&bench).ok();
    let lowered: Vec<_> = lines(&bench).into_iter().map(|line| (line["id"].clone(), line["reason"].clone())).collect();
    let reason = Value::from(format!("from full to code: {}", LOWER[2]));
    assert_eq!(lowered, [("Demo".into(), reason.clone()), ("demo".into(), reason)]);
    // It was lowered for every spelling.
    bench.run(&["plugin", "uninstall", "Demo", "--yes", "--plugins-dir", "plugins"]).ok();
    install(&bench, "code", &[]).ok();
}

#[test]
fn the_floor_is_the_widest_of_all_spellings_and_their_records() {
    let by_floors: fn(&Bench) = |bench| assert_eq!(uninstall(bench).code, 0);
    let by_record: fn(&Bench) = |bench| {
        fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
        fs::remove_file(bench.path(FLOOR)).expect("removed");
    };
    for lose in [by_floors, by_record] {
        let bench = bench();
        publish(&bench, "Demo", "spelling", "2.0.0", "code");
        install(&bench, "spelling", &[]).ok();
        bench.run(&["plugin", "uninstall", "Demo", "--yes", "--plugins-dir", "plugins"]).ok();
        install(&bench, "full", &[]).ok();
        lose(&bench);
        assert!(bench.path("plugins/.aisoc/floors/Demo").exists());
        for mode in ["strict", "warn"] {
            install(&bench, "spelling", &["--trust-mode", mode]).refused(3, "coverage_downgrade");
        }
        // A change that cannot be made lowers none of them.
        let obstacle = bench.path("plugins/.aisoc/records/Demo.json");
        fs::create_dir(&obstacle).expect("made");
        assert_eq!(install(&bench, "spelling", &LOWER).code, 1);
        fs::remove_dir(&obstacle).expect("removed");
        install(&bench, "spelling", &[]).refused(3, "coverage_downgrade");
        install(&bench, "spelling", &LOWER).ok();
        assert_eq!(floor(&bench).as_deref(), Some("code"));
        assert!(!bench.path("plugins/.aisoc/records/demo.json").exists());
        verify(&bench).ok();
    }
}

#[test]
fn gc_keeps_what_the_record_of_a_plugin_that_is_gone_said() {
    let record = "plugins/.aisoc/records/demo.json";
    let gone = || {
        let bench = bench();
        install(&bench, "full", &[]).ok();
        fs::remove_dir_all(bench.path("plugins/.aisoc/floors")).expect("removed");
        fs::remove_dir_all(bench.path("plugins/demo")).expect("removed");
        bench
    };
    let collect = |bench: &Bench| bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]);
    for is_damaged in [false, true] {
        let bench = gone();
        if is_damaged {
            bench.write(record, "{}\n");
            // Nothing says what it was, which is no reason to take it for nothing.
            install(&bench, "code", &[]).refused(1, "record_invalid");
        }
        assert!(collect(&bench).ok().stdout.contains("record without plugin"));
        assert_eq!((floor(&bench).as_deref(), bench.path(record).exists()), (Some("full"), false));
        install(&bench, "code", &[]).refused(3, "coverage_downgrade");
    }
    // What cannot be taken over is not removed.
    let bench = gone();
    fs::create_dir(bench.path("plugins/.aisoc/floors")).expect("made");
    bench.write(FLOOR, "{}\n");
    fs::set_permissions(bench.path(FLOOR), fs::Permissions::from_mode(0o666)).expect("set");
    let run = collect(&bench);
    assert!(run.code == 1 && run.error_line().starts_with("error[garbage_left]: "), "{run:?}");
    assert!(bench.path(record).exists());
}

#[test]
fn what_was_placed_by_hand_leaves_the_floor_of_its_id_and_not_of_its_directory() {
    let bench = bench();
    let floors = |bench: &Bench| {
        let entries = fs::read_dir(bench.path("plugins/.aisoc/floors")).expect("listed");
        entries.map(|entry| entry.expect("one").file_name()).collect::<Vec<_>>()
    };
    let uninstall = ["plugin", "uninstall", "zz", "--yes", "--plugins-dir", "plugins"];
    support::copy_tree(&bench.path("full/demo"), &bench.path("plugins/zz"));
    bench.write("plugins/zz/plugin.yaml", "id: [\n");
    bench.run(&uninstall).ok();
    assert!(floors(&bench).is_empty(), "nothing states an id");
    support::copy_tree(&bench.path("full/demo"), &bench.path("plugins/zz"));
    bench.run(&uninstall).ok();
    assert_eq!((floors(&bench), floor(&bench).as_deref()), (vec!["demo".into()], Some("full")));
    assert!(!bench.path("plugins/zz").exists());
    install(&bench, "code", &[]).refused(3, "coverage_downgrade");
}

#[test]
fn a_record_with_a_coverage_that_is_not_known_names_the_way_out() {
    let bench = bench();
    install(&bench, "full", &[]).ok();
    let record = "plugins/.aisoc/records/demo.json";
    let text = fs::read_to_string(bench.path(record)).expect("read");
    let mut members: Value = serde_json::from_str(&text).expect("JSON");
    let members = members.as_object_mut().expect("an object");
    let checksum = members.remove("checksum").expect("its end");
    members.insert("coverage".to_owned(), "fuller".into());
    let computed = aisoc_manifests::digest::RecordDigest::of(&serde_json::to_vec(&members).expect("JSON")).to_string();
    let text = text.replace("\"coverage\": \"full\"", "\"coverage\": \"fuller\"");
    bench.write(record, text.replace(checksum.as_str().expect("text"), &computed));
    for run in [verify(&bench), install(&bench, "full", &[]), install(&bench, "code", &[])] {
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.error_line().contains("the record names a coverage that is not known"), "{run:?}");
        assert!(run.stderr.contains("hint: see \"The coverage floor\" in `aisoc help install`"), "{run:?}");
    }
    install(&bench, "code", &LOWER).ok();
    verify(&bench).ok();
}

#[test]
fn a_floor_that_cannot_be_relied_on_is_a_refusal_and_no_absence() {
    fn replace(place: &Path, what: impl Fn(&Path)) {
        fs::remove_file(place).expect("removed");
        what(place);
    }
    let edit = |place: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(place).expect("read");
        assert!(text.contains(from));
        fs::write(place, text.replace(from, to)).expect("written");
    };
    type Damage<'a> = &'a dyn Fn(&Path);
    let damages: [(&str, &str, Damage<'_>); 11] = [
        ("empty", "record_invalid", &|place| fs::write(place, "").expect("written")),
        ("no JSON", "record_invalid", &|place| fs::write(place, "full\n").expect("written")),
        ("lowered by hand", "record_invalid", &|place| edit(place, "\"full\"", "\"none\"")),
        ("another word", "record_invalid", &|place| edit(place, "\"full\"", "\"fuller\"")),
        ("another plugin", "record_invalid", &|place| edit(place, "\"demo\"", "\"demo2\"")),
        ("another form", "record_invalid", &|place| edit(place, "\n", " \n")),
        ("too large", "record_invalid", &|place| fs::write(place, vec![b' '; (64 << 10) + 1]).expect("written")),
        ("a directory", "record_invalid", &|place| replace(place, |place| fs::create_dir(place).expect("made"))),
        ("a link", "record_invalid", &|place| replace(place, |place| symlink("/dev/null", place).expect("linked"))),
        ("open to all", "directory_insecure", &|place| {
            fs::set_permissions(place, fs::Permissions::from_mode(0o666)).expect("set");
        }),
        ("no directory", "io_error", &|place| {
            fs::remove_dir_all(place.parent().expect("a parent")).expect("removed");
            fs::write(place.parent().expect("a parent"), "").expect("written");
        }),
    ];
    for (name, reason, damage) in damages {
        let bench = bench();
        install(&bench, "full", &[]).ok();
        damage(&bench.path(FLOOR));
        let before = bench.snapshot("plugins/demo");
        for mode in ["strict", "warn"] {
            let run = install(&bench, "code", &["--trust-mode", mode]);
            assert_eq!(run.code, 1, "{name}: {run:?}");
            assert!(run.error_line().starts_with(&format!("error[{reason}]: ")), "{name}: {run:?}");
        }
        assert_eq!(bench.snapshot("plugins/demo"), before, "{name}");
        let run = verify(&bench);
        assert_eq!(run.code, 1, "{name}: {run:?}");
        assert!(!run.stdout.contains("verified"), "{name}: {run:?}");
        if reason == "record_invalid" {
            assert!(run.stderr.contains("\"The coverage floor\" in `aisoc help install`"), "{name}: {run:?}");
            install(&bench, "code", &LOWER).ok();
            assert_eq!(floor(&bench).as_deref(), Some("code"));
            let reason = lines(&bench)[0]["reason"].clone();
            assert!(reason.as_str().is_some_and(|reason| reason.starts_with("from unknown to code: ")), "{reason}");
        }
    }
}

#[test]
fn only_a_reason_that_people_can_read_lowers_the_floor() {
    let bench = bench();
    install(&bench, "full", &[]).ok();
    let before = state(&bench);
    install(&bench, "code", &["--lower-coverage"]).refused(2, "usage");
    install(&bench, "code", &["--reason", "x"]).refused(2, "usage");
    rollback(&bench, &["--lower-coverage"]).refused(2, "usage");
    let long = "x".repeat(1025);
    for reason in ["", " ", "a\tb", "a\nb", "a\u{9b}b", "a\u{202e}b", "\u{200b}", "\u{3164}", &long] {
        install(&bench, "code", &["--lower-coverage", "--reason", reason]).refused(2, "usage");
    }
    assert_eq!(state(&bench), before);
    install(&bench, "code", &["--lower-coverage", "--reason", &"x".repeat(1024)]).ok();
}

#[test]
fn lowering_writes_one_line_and_nothing_when_nothing_is_lowered() {
    let bench = bench();
    install(&bench, "full", &LOWER).ok();
    install(&bench, "full", &LOWER).ok();
    assert!(!bench.path(JOURNAL).exists());
    let run = install(&bench, "code", &[&["--json"][..], &LOWER].concat());
    let answer: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let answer = &answer["plugins"][0];
    let line = lines(&bench).remove(0);
    assert_eq!(
        (&line["action"], &line["id"], &line["version"]),
        (&"floor-lower".into(), &"demo".into(), &"2.0.0".into())
    );
    assert_eq!(line["reason"], format!("from full to code: {}", LOWER[2]));
    assert_eq!((&line["hash"], &line["standing"]), (&answer["artifact_digest"], &"written".into()));
    assert_eq!(answer["lowered_from"], "full");
    assert!(line["at"].as_str().expect("a time").ends_with("+00:00"));
    assert!(line["user"].as_str().expect("a user").starts_with("uid ") && line["host"].is_string());
    // A line that a power cut has shortened does not take the next one with it.
    let text = fs::read_to_string(bench.path(JOURNAL)).expect("read");
    fs::write(bench.path(JOURNAL), format!("{text}2026-05")).expect("written");
    install(&bench, "bare", &[&["--trust-mode", "warn"][..], &LOWER].concat()).ok();
    let last = lines(&bench).pop().expect("a line");
    assert_eq!((&last["line"], &last["reason"]), (&3.into(), &format!("from code to none: {}", LOWER[2]).into()));
    assert_eq!(floor(&bench).as_deref(), Some("none"));
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins"]).ok();
}

#[test]
fn a_line_that_cannot_be_written_lowers_nothing() {
    let places: [fn(&Path); 3] = [
        |place| fs::create_dir(place).expect("made"),
        |place| symlink("/dev/null", place).expect("linked"),
        |place| {
            fs::write(place, "").expect("written");
            fs::set_permissions(place, fs::Permissions::from_mode(0o666)).expect("set");
        },
    ];
    for spoil in places {
        let bench = bench();
        install(&bench, "full", &[]).ok();
        spoil(&bench.path(JOURNAL));
        let run = install(&bench, "code", &LOWER);
        assert_eq!(run.code, 1, "{run:?}");
        assert_eq!(floor(&bench).as_deref(), Some("full"));
        assert!(bench.run(&[&["plugin", "list"][..], &PLACES].concat()).stdout.contains("1.0.0"));
    }
}

#[test]
fn a_change_that_fails_leaves_the_floor_where_it_was() {
    for (first, second, words) in [("full", "code", &LOWER[..]), ("code", "full", &[])] {
        let bench = bench();
        install(&bench, first, &[]).ok();
        let record = bench.path("plugins/.aisoc/records/demo.json");
        let mounted = Command::new("mount").arg("--bind").args([&record, &record]).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: mounting is not allowed here");
            return;
        }
        let run = install(&bench, second, words);
        Command::new("umount").arg(&record).output().expect("unmounted");
        assert_eq!(run.code, 1, "{run:?}");
        assert_eq!(floor(&bench).as_deref(), Some(first));
        verify(&bench).ok();
    }
}

#[test]
fn what_is_refused_below_the_floor_is_not_called_verified() {
    let bench = bench();
    install(&bench, "full", &[]).ok();
    bench.acknowledge_unsigned();
    install(&bench, "bare", &["--trust-mode", "disabled"]).ok();
    for words in [&["plugins", "verify", "--json"][..], &["plugin", "list", "--json"]] {
        let run = bench.run(&[words, &["--trust-mode", "warn"], &PLACES].concat());
        let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
        let row = &document["plugins"][0];
        assert_eq!((&row["signature_status"], &row["coverage"]), (&"unsigned".into(), &"none".into()), "{run:?}");
        assert!(row["objection"]["reason_code"] == "coverage_downgrade", "{run:?}");
    }
}

#[test]
fn a_kept_version_that_others_could_write_does_not_come_back() {
    let bench = bench();
    install(&bench, "code", &[]).ok();
    fs::set_permissions(bench.path("plugins/demo/plugin.py"), fs::Permissions::from_mode(0o666)).expect("set");
    install(&bench, "full", &[]).ok();
    rollback(&bench, &LOWER).refused(1, "directory_insecure");
    assert_eq!((floor(&bench).as_deref(), lines(&bench).len()), (Some("full"), 0));
}

#[test]
fn of_two_installs_at_once_the_guards_ask_the_second_after_the_first() {
    let bench = bench();
    publish(&bench, "race-x", "x", "1.0.0", "full");
    publish(&bench, "race_x", "y", "1.0.0", "full");
    let at_once = |names: [&str; 2]| {
        let _ = fs::remove_dir_all(bench.path("plugins"));
        fs::create_dir(bench.path("plugins")).expect("made");
        std::thread::scope(|scope| {
            let runs = names.map(|name| scope.spawn(|| install(&bench, name, &[])));
            runs.map(|run| run.join().expect("run"))
        })
    };
    for round in 0..10 {
        let runs = at_once(["x", "y"]);
        assert_eq!(runs.iter().filter(|run| run.code == 0).count(), 1, "{round}: {runs:?}");
        assert!(runs.iter().any(|run| run.stderr.contains("error[already_exists]")), "{round}: {runs:?}");
        let [full, code] = at_once(["full", "code"]);
        full.ok();
        assert!(code.code == 0 || code.stderr.contains("error[coverage_downgrade]"), "{round}: {code:?}");
        assert!(verify(&bench).ok().stdout.contains("1.0.0"), "{round}");
    }
}
