//! `plugins journal` and `keys journal`: what they say of lines that aisoc wrote, that somebody added by hand, and that
//! somebody changed.

mod support;

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::{Bench, Run, workspace};

const JOURNAL: &str = "plugins/.aisoc/plugins.journal";
const LOCK: [&str; 4] = ["--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"];
/// As the page of capa has it.
const BY_HAND: &str =
    "2026-05-24T14:32:00+02:00\trevoke\tcapa.contrib.my_procedure\t-\t-\trevoked: see ticket OPS-1290\n";

/// A site whose journal has two lines of aisoc's and the other installed artifact to make a third.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    for coverage in ["code", "full"] {
        let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", coverage];
        bench.run(&sign).ok();
        let out = format!("{coverage}.tar");
        let package = ["plugin", "package", "--plugin-dir", "demo", "--out", &out, "--trusted-keys", "release.pem"];
        bench.run(&package).ok();
    }
    lower(&bench, "one");
    lower(&bench, "two");
    bench
}

/// Adds one line.
fn lower(bench: &Bench, reason: &str) -> Run {
    let install = |artifact: &str, words: &[&str]| {
        let reference = format!("oci-archive:{artifact}.tar");
        let places = ["--trusted-keys", "release.pem", "--plugins-dir", "plugins", "--trust-coverage", "code"];
        bench.run(&[&["plugin", "install", &reference], words, &places].concat())
    };
    install("full", &[]).ok();
    install("code", &["--lower-coverage", "--reason", reason])
}

fn journal(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugins", "journal"], words, &["--plugins-dir", "plugins"]].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// A refusal that has a result all the same: the two documents go by the same code.
#[track_caller]
fn refused(run: &Run, code: i32, reason: &str) {
    assert_eq!(run.code, code, "{run:?}");
    assert!(run.error_line().starts_with(&format!("error[{reason}]: ")), "{run:?}");
    assert!(run.stderr.contains("\nhint: "), "{run:?}");
}

#[test]
fn a_journal_that_nobody_touched_holds_and_shows_who_did_what_and_why() {
    let bench = bench();
    let run = journal(&bench, &["verify"]);
    assert!(
        run.ok()
            .stdout
            .starts_with("plugins/.aisoc/plugins.journal holds: 2 lines, 2 of them chained\n  newest: line 2, sha256:")
    );
    assert_eq!(run.stderr, "");
    let text = journal(&bench, &["show"]).ok().stdout.clone();
    for expected in
        ["floor-lower  demo  0.1.0", "\n  from full to code: one\n", "\n  from full to code: two\n  by uid "]
    {
        assert!(text.contains(expected), "{text}");
    }
    let shown = json(journal(&bench, &["show", "--json"]).ok());
    let entries = shown["entries"].as_array().expect("a list");
    assert_eq!((entries.len(), &shown["matching_count"]), (2, &2.into()));
    assert_eq!((&entries[1]["line"], &entries[1]["standing"]), (&2.into(), &"written".into()));
    let exported = journal(&bench, &["export"]).ok().stdout.clone();
    let exported: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("a document")).collect();
    assert_eq!(&exported, entries);
    let held = json(journal(&bench, &["verify", "--json"]).ok());
    assert_eq!(held["journals"][0]["newest_chain_digest"], exported[1]["chain_digest"]);
}

#[test]
fn what_was_kept_elsewhere_is_found_again_or_missed() {
    let bench = bench();
    let newest = || json(journal(&bench, &["verify", "--json"]).ok())["journals"][0]["newest_chain_digest"].clone();
    let kept = newest();
    let kept = kept.as_str().expect("a hash");
    lower(&bench, "three").ok();
    journal(&bench, &["verify", "--includes", kept]).ok();
    // Another history that holds: the three files of another site.
    let other = self::bench();
    for file in ["plugins.journal", "plugins.journal.chain", "plugins.journal.head"] {
        let name = format!("plugins/.aisoc/{file}");
        fs::copy(other.path(&name), bench.path(&name)).expect("copied");
    }
    journal(&bench, &["verify"]).ok();
    let run = journal(&bench, &["verify", "--includes", kept]);
    refused(&run, 3, "journal_broken");
    assert!(run.stderr.contains(&format!("expected: a line with {kept}\n")), "{run:?}");
    journal(&bench, &["verify", "--includes", "sha256:12"]).refused(2, "usage");
}

#[test]
fn a_change_is_refused_named_and_shown_and_nothing_is_added_to_it() {
    let bench = bench();
    let text = fs::read_to_string(bench.path(JOURNAL)).expect("read");
    fs::write(bench.path(JOURNAL), text.replace("code: one", "code: ONE")).expect("changed");
    let run = journal(&bench, &["verify"]);
    refused(&run, 3, "journal_broken");
    assert!(
        run.stderr.starts_with("error[journal_broken]: plugins/.aisoc/plugins.journal:1:1: the line, or"),
        "{run:?}"
    );
    assert!(run.stderr.contains("\n  expected: sha256:") && run.stderr.contains("\n  found:    sha256:"));
    assert!(run.stdout.starts_with("plugins/.aisoc/plugins.journal does not hold: 2 lines, 0 of them chained\n"));
    let run = journal(&bench, &["verify", "--json"]);
    let (held, report) = (json(&run), serde_json::from_str::<Value>(&run.stderr).expect("one document"));
    let objection = &held["journals"][0]["objection"];
    assert_eq!((run.code, &held["ok"], &objection["reason_code"]), (3, &false.into(), &"journal_broken".into()));
    assert_eq!((&report["error"]["detail"]["line"], &report["ok"]), (&1.into(), &false.into()));
    // Whoever looks for what was done sees all that is there, and that nothing of it is certain.
    let run = journal(&bench, &["show"]);
    refused(&run, 3, "journal_broken");
    assert_eq!(run.stdout.matches("NOT VERIFIED").count(), 2, "{run:?}");
    let run = journal(&bench, &["export"]);
    refused(&run, 3, "journal_broken");
    assert_eq!(run.stdout.matches("\"standing\":\"unverified\"").count(), 2, "{run:?}");
    let before = bench.snapshot("plugins/.aisoc");
    let run = lower(&bench, "three");
    run.refused(3, "journal_broken");
    let without_lock = |mut files: std::collections::BTreeMap<_, _>| {
        files.retain(|path: &std::path::PathBuf, _| {
            path.starts_with(bench.path(JOURNAL).parent().expect("a directory"))
                && path.to_string_lossy().contains("journal")
        });
        files
    };
    assert_eq!(without_lock(bench.snapshot("plugins/.aisoc")), without_lock(before));
}

#[test]
fn the_line_of_capas_page_is_a_line_and_holds_from_the_next_one_on() {
    let bench = bench();
    let text = fs::read_to_string(bench.path(JOURNAL)).expect("read");
    fs::write(bench.path(JOURNAL), text + BY_HAND).expect("added");
    let run = journal(&bench, &["verify"]);
    let said = "warning[journal_unchained]: `plugins/.aisoc/plugins.journal`: line 3 is not chained yet";
    assert!(run.ok().stderr.contains(said), "{run:?}");
    lower(&bench, "three").ok();
    let shown = json(journal(&bench, &["show", "--action", "revoke", "--json"]).ok());
    let entry = &shown["entries"][0];
    assert_eq!((&shown["matching_count"], &entry["id"]), (&1.into(), &"capa.contrib.my_procedure".into()));
    assert_eq!((&entry["standing"], &entry["bound_by_line"]), (&"by_hand".into(), &4.into()));
    assert_eq!(journal(&bench, &["verify"]).ok().stderr, "");
}

#[test]
fn a_line_by_hand_that_is_none_is_named_with_line_and_column_until_it_is_bound() {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins")).expect("made");
    let verify = || bench.run(&[&["plugins", "journal", "verify"][..], &LOCK].concat());
    verify().refused(1, "io_not_found");
    bench.write("plugins.lock.journal", BY_HAND);
    verify().ok();
    for (line, column, found) in [
        (BY_HAND.replace('\t', "\\t"), 97, "1 column"),
        (BY_HAND.replace("revoke\t", "Revoke\t"), 27, "`Revoke`"),
        (BY_HAND.replace("OPS-1290", "OPS\t1290"), 88, "7 columns"),
    ] {
        bench.write("plugins.lock.journal", [BY_HAND, &line].concat());
        let run = verify();
        refused(&run, 1, "journal_invalid");
        let place = format!("error[journal_invalid]: plugins.lock.journal:2:{column}: ");
        assert!(run.error_line().starts_with(&place), "{run:?}");
        assert!(run.stderr.contains(&format!("\n  found:    {found}\n")), "{run:?}");
        let shown = bench.run(&[&["plugins", "journal", "show", "--json"][..], &LOCK].concat());
        let entry = &json(shown.ok())["entries"][1];
        assert_eq!(entry["objection"]["reason_code"], "journal_invalid");
        assert!(entry["text"].as_str().is_some_and(|text| text.starts_with("2026-05-24")), "{entry}");
    }
    // Where one of ours has bound it, it stays as it is and is worth a word.
    let site = self::bench();
    let text = fs::read_to_string(site.path(JOURNAL)).expect("read");
    fs::write(site.path(JOURNAL), text + "not a line\n").expect("added");
    refused(&journal(&site, &["verify"]), 1, "journal_invalid");
    lower(&site, "three").ok();
    let run = journal(&site, &["verify"]);
    assert!(run.ok().stderr.starts_with("warning[journal_unread]: plugins/.aisoc/plugins.journal:3:11: "), "{run:?}");
}

#[test]
fn what_is_asked_for_is_shown_the_newest_last_and_no_more_of_it() {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins")).expect("made");
    let line = |day: u32, id: &str| format!("2026-05-{day:02}T12:00:00+02:00\tinstall\t{id}\t1.0.0\t-\t-\n");
    let lines: Vec<String> = (1..=30).map(|day| line(day, if day % 2 == 0 { "even" } else { "odd" })).collect();
    bench.write("plugins.lock.journal", lines.concat());
    let show = |words: &[&str]| {
        let answer = json(bench.run(&[&["plugins", "journal", "show", "--json"], words, &LOCK].concat()).ok());
        let numbers = answer["entries"].as_array().expect("a list").iter().map(|entry| entry["line"].as_u64());
        (answer["matching_count"].as_u64(), numbers.collect::<Option<Vec<u64>>>().expect("numbers"))
    };
    assert_eq!(show(&[]).1, (1..=30).collect::<Vec<u64>>());
    assert_eq!(show(&["--limit", "2"]), (Some(30), vec![29, 30]));
    assert_eq!(show(&["--id", "even", "--limit", "1"]), (Some(15), vec![30]));
    assert_eq!(show(&["--since", "2026-05-29"]).1, [29, 30]);
    assert_eq!(show(&["--since", "2026-05-29T10:00:01Z", "--id", "even"]).1, [30]);
    assert_eq!(show(&["--since", "2026-05-29T10:00:01Z", "--id", "odd"]).0, Some(0));
    assert_eq!(show(&["--action", "revoke"]).0, Some(0));
    let text = bench.run(&[&["plugins", "journal", "show", "--limit", "2"][..], &LOCK].concat());
    assert!(text.ok().stdout.ends_with("the newest 2 of 30 lines; `--limit N` shows more\n"), "{text:?}");
    for wrong in [["--limit", "0"], ["--limit", "10001"], ["--since", "May"], ["--action", "key"], ["--id", ""]] {
        let run = bench.run(&[&["plugins", "journal", "show"], &wrong[..], &LOCK].concat());
        if wrong[0] == "--id" {
            assert_eq!(run.ok().stdout, "no line of a journal is what was asked for\n");
        } else {
            run.refused(2, "usage");
        }
    }
    let run = bench.run(&[&["plugins", "journal", "export", "--json"][..], &LOCK].concat());
    assert!(run.code == 2 && run.stderr.contains("`aisoc plugins journal show --json"), "{run:?}");
}

#[test]
fn no_journal_is_no_fault_and_no_directory_is_one() {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins")).expect("made");
    for words in [["plugins", "--plugins-dir"], ["keys", "--trusted-keys"]] {
        for command in ["verify", "show", "export"] {
            let run =
                |place: &str| bench.run(&[words[0], "journal", command, words[1], place, "--plugins-dir", "plugins"]);
            let run = |place: &str| match words[0] {
                "plugins" => bench.run(&["plugins", "journal", command, words[1], place]),
                _ => run(place),
            };
            run("absent").refused(1, "io_not_found");
            fs::create_dir_all(bench.path("empty")).expect("made");
            assert_eq!(run("empty").ok().stderr, "");
        }
    }
    bench
        .run(&["plugins", "journal", "verify", "--plugins-dir", "empty", "--plugins-lock", "no/plugins.lock"])
        .refused(1, "io_not_found");
    bench.run(&["plugins", "journal", "verify", "--plugins-dir", "empty", "--plugins-lock", ".."]).refused(2, "usage");
    // One key file alone is no keyring, and has no journal.
    bench.write("one.pem", "");
    bench.run(&["keys", "journal", "show", "--trusted-keys", "one.pem"]).refused(1, "directory_insecure");
}

#[test]
fn the_journal_of_keys_that_cannot_be_written_stands_in_the_site() {
    let bench = Bench::new();
    for directory in ["keys", "plugins/.aisoc"] {
        fs::create_dir_all(bench.path(directory)).expect("made");
    }
    let paths = || {
        let words = ["keys", "journal", "verify", "--trusted-keys", "keys", "--plugins-dir", "plugins", "--json"];
        let answer = json(bench.run(&words).ok());
        let paths = answer["journals"].as_array().expect("a list").iter();
        paths.map(|journal| journal["path"].as_str().expect("a path").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(paths(), ["keys/keys.journal"]);
    bench.write("plugins/.aisoc/keys.journal", BY_HAND);
    assert_eq!(paths(), ["plugins/.aisoc/keys.journal"]);
    bench.write("keys/keys.journal", BY_HAND);
    assert_eq!(paths(), ["keys/keys.journal", "plugins/.aisoc/keys.journal"]);
    let words = ["keys", "journal", "show", "--trusted-keys", "keys", "--plugins-dir", "plugins", "--json"];
    assert_eq!(json(bench.run(&words).ok())["matching_count"], 2);
}

#[test]
fn the_page_of_the_manual_is_enough_to_check_a_journal_without_aisoc() {
    let bench = bench();
    let text = fs::read_to_string(bench.path(JOURNAL)).expect("read");
    fs::write(bench.path(JOURNAL), text + BY_HAND + "half a").expect("added");
    lower(&bench, "three").ok();
    let chain = bench.path("plugins/.aisoc/plugins.journal.chain");
    fs::write(&chain, fs::read_to_string(&chain).expect("read") + "6\tsha").expect("torn");
    lower(&bench, "four").ok();
    let program = workspace::root().join("checks/interop/journal.py");
    let head = bench.path("plugins/.aisoc/plugins.journal.head");
    let Ok(output) = Command::new("python3").arg("-B").arg(program).arg(bench.path(JOURNAL)).arg(head).output() else {
        eprintln!("SKIPPED: there is no python3");
        return;
    };
    let newest = &json(journal(&bench, &["verify", "--json"]).ok())["journals"][0];
    let expected = format!("{}\t{}\n", newest["newest_line"], newest["newest_chain_digest"].as_str().expect("a hash"));
    assert_eq!(
        (newest["newest_line"].as_u64(), String::from_utf8_lossy(&output.stdout)),
        (Some(6), expected.into()),
        "{output:?}"
    );
}

#[test]
fn who_may_read_the_site_may_read_its_journal_whatever_the_umask_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = bench();
    fs::remove_dir_all(bench.path("plugins")).expect("removed");
    let install = |artifact: &str, words: &str| {
        let places = "--trusted-keys release.pem --plugins-dir plugins --trust-coverage code";
        let aisoc = env!("CARGO_BIN_EXE_aisoc");
        let script = format!("umask 077; exec {aisoc} plugin install oci-archive:{artifact}.tar {places} {words}");
        let mut shell = Command::new("sh");
        assert!(shell.args(["-c", &script]).current_dir(bench.path(".")).status().expect("sh runs").success());
    };
    install("full", "");
    install("code", "--lower-coverage --reason 'ticket 12'");
    for end in ["", ".chain", ".head"] {
        let mode = fs::metadata(bench.path(&format!("{JOURNAL}{end}"))).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o644, "{end}");
    }
}
