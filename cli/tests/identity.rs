//! Which plugin a directory is, and what a host would load from it: judged as strictly as an install.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

/// `demo` installed from an artifact; [`place`] puts others beside it by hand.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    bench
}

/// Puts the signed plugin `id` into a directory of that name.
fn place(bench: &Bench, id: &str, directory: impl AsRef<OsStr>) {
    copy_tree(&source(bench, id), &bench.path("plugins").join(directory.as_ref()));
}

fn source(bench: &Bench, id: &str) -> std::path::PathBuf {
    let made = format!("made-{id}");
    let source = bench.path(&made).join("demo");
    if !source.exists() {
        bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", &made]).ok();
        let manifest = fs::read_to_string(source.join("plugin.yaml")).expect("a manifest");
        let lines = manifest.lines().map(|line| match line.starts_with("id:") {
            true => format!("id: \"{id}\"\n"),
            false => format!("{line}\n"),
        });
        bench.write(&format!("{made}/demo/plugin.yaml"), lines.collect::<String>());
        bench.sign(&format!("{made}/demo")).ok();
    }
    source
}

fn verify(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugins", "verify"][..], words, &PLACES].concat())
}

/// Id, name of the directory and error code of every plugin.
fn rows(bench: &Bench) -> Vec<(String, String, Option<String>)> {
    let run = verify(bench, &["--json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let row = |row: &Value| {
        let code = row["objection"]["reason_code"].as_str().map(str::to_owned);
        let directory = row["directory"].as_str().expect("a directory").strip_prefix("plugins/").expect("below");
        assert_eq!(code.is_none(), row["signature_status"] == "verified", "{row}");
        if matches!(code.as_deref(), Some("identity_ambiguous" | "directory_insecure" | "forbidden_entry")) {
            assert_eq!((&row["signature_status"], &row["coverage"]), (&Value::Null, &Value::Null), "nobody judged it");
        }
        (row["id"].as_str().expect("an id").to_owned(), directory.to_owned(), code)
    };
    document["plugins"].as_array().expect("rows").iter().map(row).collect()
}

fn row(id: &str, directory: &str, error: &str) -> (String, String, Option<String>) {
    (id.to_owned(), directory.to_owned(), Some(error.to_owned()).filter(|error| !error.is_empty()))
}

#[test]
fn a_plugin_under_another_name_is_listed_under_its_id_with_the_name_beside_it() {
    let bench = bench();
    place(&bench, "other", "other-2.0");
    assert_eq!(rows(&bench), [row("demo", "demo", ""), row("other", "other-2.0", "")]);
    let list = bench.run(&[&["plugin", "list", "--json"][..], &PLACES].concat());
    let list: Value = serde_json::from_str(&list.ok().stdout).expect("JSON");
    assert_eq!(
        (&list["plugins"][1]["id"], &list["plugins"][1]["directory"]),
        (&"other".into(), &"plugins/other-2.0".into())
    );
    for words in [&["plugins", "verify"][..], &["plugin", "list"]] {
        let run = bench.run(&[words, &PLACES].concat());
        let lines: Vec<&str> = run.ok().stdout.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("other ")).expect("its id");
        assert_eq!(lines[at + 1], "  in the directory `other-2.0`");
    }
    for asked in ["other", "other-2.0"] {
        assert_eq!(verify(&bench, &[asked]).ok().stdout.lines().filter(|line| line.contains("verified")).count(), 1);
    }
}

#[test]
fn a_directory_whose_name_is_no_text_is_seen_and_refused() {
    let bench = bench();
    place(&bench, "other", OsStr::from_bytes(b"oth\xffr"));
    assert_eq!(rows(&bench), [row("demo", "demo", ""), row("other", "oth\\xFFr", "identity_ambiguous")]);
    let run = verify(&bench, &[]);
    assert_eq!(run.code, 3);
    assert!(run.error_line().contains("`oth\\xFFr`"), "{run:?}");
    let list = bench.run(&[&["plugin", "list"][..], &PLACES].concat());
    assert!(list.ok().stdout.contains("  in the directory `oth\\xFFr`\n  identity_ambiguous: "), "{list:?}");
}

#[test]
fn a_name_that_is_or_looks_like_another_plugin_is_refused_and_the_other_is_not() {
    let names = [
        "DEMO",
        "Demo",
        "dem0",
        "DEM0",
        "dern0",
        "demo ",
        " demo",
        "demo\u{200b}",
        "d\u{435}mo",
        "\u{ff44}emo",
        "demo\u{202e}",
        "de\u{ad}mo",
        "demo\u{3164}",
        "demo\n",
        "x\u{e9}",
        "with blank",
        "-demo",
        "x",
        &"x".repeat(65),
    ];
    for name in names {
        let bench = bench();
        place(&bench, "other", name);
        let found = rows(&bench);
        let of = |id: &str| found.iter().find(|row| row.0 == id).unwrap_or_else(|| panic!("{name:?}: {found:?}"));
        assert_eq!(of("demo").2, None, "{name:?}");
        assert_eq!(of("other").2.as_deref(), Some("identity_ambiguous"), "{name:?}");
        let run = verify(&bench, &[]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(!run.stdout.contains(['\u{200b}', '\u{202e}', '\u{ad}']), "{run:?}");
    }
    // Not only installed plugins can be meant.
    let bench = bench();
    place(&bench, "first", "first");
    place(&bench, "second", "f1rst");
    place(&bench, "third", "fine");
    let expected = [
        row("demo", "demo", ""),
        row("second", "f1rst", "identity_ambiguous"),
        row("third", "fine", ""),
        row("first", "first", ""),
    ];
    assert_eq!(rows(&bench), expected);
}

#[test]
fn of_an_id_that_is_there_twice_every_one_is_refused_naming_both_places() {
    let bench = bench();
    copy_tree(&bench.path("demo"), &bench.path("plugins/copy"));
    place(&bench, "race-x", "race-x");
    place(&bench, "race_x", "race_x");
    place(&bench, "other", "other");
    for row in rows(&bench) {
        assert_eq!(row.2.as_deref(), (row.0 != "other").then_some("identity_ambiguous"), "{row:?}");
    }
    // Also of one that is refused for another reason.
    let mode = |mode| fs::set_permissions(bench.path("plugins/copy"), fs::Permissions::from_mode(mode)).expect("set");
    mode(0o777);
    assert_eq!(rows(&bench)[1], row("demo", "demo", "identity_ambiguous"));
    mode(0o755);
    let run = verify(&bench, &["demo"]);
    assert_eq!(run.code, 3);
    assert!(run.error_line().ends_with("the plugin `demo` is there more than once: `plugins/copy`, `plugins/demo`"));
    let run = verify(&bench, &["race_x"]);
    assert!(
        run.error_line()
            .ends_with("the ids race-x, race_x are one plugin to a host: `plugins/race-x`, `plugins/race_x`")
    );
}

#[test]
fn with_a_record_the_directory_is_named_as_the_manifest_says() {
    let bench = bench();
    fs::rename(bench.path("plugins/demo"), bench.path("plugins/moved")).expect("moved");
    let codes: Vec<_> = rows(&bench).into_iter().map(|row| row.2).collect();
    assert_eq!(codes, [Some("identity_ambiguous".to_owned()), Some("identity_ambiguous".to_owned())]);
    let run = verify(&bench, &[]);
    let places = "the plugin `demo` has more than one place: `plugins/demo` (recorded, and not there), `plugins/moved`";
    assert!(run.error_line().ends_with(places), "{run:?}");
    assert!(run.stderr.contains("found:    2, of which 1 only recorded"), "{run:?}");
    assert!(
        run.stdout.lines().any(|line| line.starts_with("demo ") && line.ends_with("-          -         -")),
        "{run:?}"
    );
    fs::rename(bench.path("plugins/moved"), bench.path("plugins/other")).expect("moved");
    fs::rename(bench.path("plugins/.aisoc/records/demo.json"), bench.path("plugins/.aisoc/records/other.json"))
        .expect("moved");
    assert_eq!(rows(&bench)[0].2.as_deref(), Some("record_invalid"));
    place(&bench, "third", "demo2");
    fs::rename(bench.path("plugins/demo2"), bench.path("plugins/demo")).expect("moved");
    assert_eq!(rows(&bench)[0], row("third", "demo", ""), "nothing is recorded any more");
}

#[test]
fn a_manifest_without_an_id_is_nobody_by_its_directory() {
    let bench = bench();
    place(&bench, "other", "other");
    let manifest = fs::read_to_string(bench.path("plugins/other/plugin.yaml")).expect("read");
    bench.write("plugins/other/plugin.yaml", manifest.replace("id: \"other\"\n", ""));
    assert_eq!(rows(&bench)[1], row("other", "other", "manifest_field_missing"));
    let warned = verify(&bench, &["--trust-mode", "warn"]);
    assert_eq!(warned.code, 1, "{warned:?}");
}

/// What others can write or own, or what no install makes, in a plugin that is recorded and in one that is not.
#[test]
fn what_others_can_change_is_refused_with_path_and_mode() {
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    for plugin in ["demo", "other"] {
        for (name, mode) in
            [("", 0o777), ("", 0o757), ("plugin.py", 0o666), ("plugin.sig.d", 0o777), ("plugin.yaml", 0o646)]
        {
            let bench = bench();
            place(&bench, "other", "other");
            let path = bench.path("plugins").join(plugin).join(name);
            chmod(&path, mode);
            let run = verify(&bench, &[]);
            assert_eq!(run.code, 1, "{run:?}");
            assert!(run.error_line().starts_with(&format!("error[directory_insecure]: {plugin}: ")), "{run:?}");
            let place = format!("`plugins/{plugin}/{name}`");
            assert!(run.error_line().contains(place.trim_end_matches("/`")), "{run:?}");
            assert!(run.stderr.contains(&format!("mode {mode:04o}")), "{run:?}");
            assert_eq!(verify(&bench, &[if plugin == "demo" { "other" } else { "demo" }]).code, 0);
            // The same artifact again is not "up to date", and mends it.
            bench.install("oci-archive:demo.tar").ok();
            assert_eq!(verify(&bench, &["demo"]).code, 0);
        }
    }
    let bench = bench();
    chmod(&bench.path("plugins/demo"), 0o775);
    chmod(&bench.path("plugins/demo/plugin.py"), 0o664);
    verify(&bench, &[]).ok();
}

#[test]
fn what_belongs_to_somebody_else_is_refused() {
    for path in ["plugins/demo", "plugins/demo/plugin.py", "plugins/other", "plugins/other/plugin.sig"] {
        let bench = bench();
        place(&bench, "other", "other");
        if chown(bench.path(path), Some(54_321), None).is_err() {
            eprintln!("SKIPPED: only root gives files away");
            return;
        }
        let run = verify(&bench, &[]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.error_line().contains(&format!("`{path}` belongs to another user")), "{run:?}");
        assert!(run.stderr.contains("found:    owner 54321, mode "), "{run:?}");
    }
}

#[test]
fn a_link_in_the_place_of_a_plugin_and_what_no_install_makes_are_refused() {
    let bench = bench();
    let away = source(&bench, "other");
    symlink(&away, bench.path("plugins/other")).expect("linked");
    assert_eq!(rows(&bench)[1], row("other", "other", "directory_insecure"));
    fs::remove_file(bench.path("plugins/other")).expect("removed");
    place(&bench, "other", "other");
    for make in ["ln -s plugin.py", "ln -s /", "mkfifo"] {
        let made =
            Command::new("sh").args(["-c", &format!("{make} plugins/other/odd")]).current_dir(bench.path("")).status();
        assert!(made.expect("run").success());
        assert_eq!(rows(&bench)[1], row("other", "other", "forbidden_entry"), "{make}");
        fs::remove_file(bench.path("plugins/other/odd")).expect("removed");
    }
    verify(&bench, &[]).ok();
}

#[test]
fn in_a_directory_that_others_can_change_nothing_is_judged() {
    let own = ["", "/records", "/pending", "/floors", "/versions"].map(|name| format!("plugins/.aisoc{name}"));
    for path in own.iter().map(String::as_str).chain(["plugins"]) {
        let bench = bench();
        fs::set_permissions(bench.path(path), fs::Permissions::from_mode(0o777)).expect("set");
        for words in
            [&["plugins", "verify"][..], &["plugins", "verify", "--trust-mode", "disabled"], &["plugin", "list"]]
        {
            let run = bench.run(&[words, &PLACES].concat());
            run.refused(1, "directory_insecure");
            assert!(run.error_line().contains(&format!("`{path}`")), "{run:?}");
        }
    }
    let bench = bench();
    fs::rename(bench.path("plugins"), bench.path("real")).expect("moved");
    symlink("real", bench.path("plugins")).expect("linked");
    verify(&bench, &[]).refused(1, "directory_insecure");
}

#[test]
fn a_record_that_others_could_have_written_is_not_believed() {
    let bench = bench();
    let record = "plugins/.aisoc/records/demo.json";
    let chmod = |mode| fs::set_permissions(bench.path(record), fs::Permissions::from_mode(mode)).expect("set");
    chmod(0o666);
    assert_eq!(rows(&bench), [row("demo", "demo", "directory_insecure")]);
    let run = verify(&bench, &[]);
    assert!(run.error_line().contains(&format!("`{record}` can be written by everybody")), "{run:?}");
    bench.install("oci-archive:demo.tar").refused(1, "directory_insecure");
    chmod(0o644);
    verify(&bench, &[]).ok();
    // A link is no record of ours, and is replaced as every other damaged one.
    fs::rename(bench.path(record), bench.path("record.json")).expect("moved");
    symlink("../../../record.json", bench.path(record)).expect("linked");
    assert_eq!(rows(&bench), [row("demo", "demo", "record_invalid")]);
    bench.install("oci-archive:demo.tar").ok();
    verify(&bench, &[]).ok();
}

#[test]
fn what_stands_under_another_name_is_removed_by_the_command_of_the_hint() {
    let hinted = |run: &Run| {
        let (_, rest) = run.stderr.split_once("hint: ").unwrap_or_else(|| panic!("a hint: {run:?}"));
        rest.split('`').nth(1).expect("a command").to_owned()
    };
    let bench = bench();
    let uninstall = |id: &str| bench.run(&["plugin", "uninstall", id, "--yes", "--plugins-dir", "plugins"]);
    uninstall("demo").ok();
    for name in [&b"de\xffmo"[..], b"d\"e'm$o", b"-demo", b"demo x", "d\u{e9}mo".as_bytes()] {
        place(&bench, "demo", OsStr::from_bytes(name));
        for run in [uninstall("demo"), bench.install("oci-archive:demo.tar")] {
            assert_eq!(run.code, 1, "{run:?}");
            assert!(hinted(&run).starts_with("rm -r "), "{run:?}");
        }
        let command = hinted(&bench.install("oci-archive:demo.tar"));
        let removed =
            Command::new("bash").args(["-c", &command]).current_dir(bench.path("")).status().expect("bash runs");
        assert!(removed.success() && !bench.path("plugins").join(OsStr::from_bytes(name)).exists(), "{command}");
    }
    place(&bench, "demo", "zz");
    let run = uninstall("demo");
    run.refused(1, "plugin_not_found");
    assert!(run.error_line().ends_with("the plugin stands in `plugins/zz`"), "{run:?}");
    assert_eq!(hinted(&run), "aisoc plugin uninstall zz --plugins-dir plugins");
    assert_eq!(hinted(&bench.install("oci-archive:demo.tar")), "aisoc plugin uninstall zz --plugins-dir plugins");
    uninstall("zz").ok();
    bench.install("oci-archive:demo.tar").ok();
}

#[test]
fn an_install_is_refused_beside_a_directory_that_is_the_plugin_already() {
    let bench = bench();
    let uninstall = ["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"];
    bench.run(&uninstall).ok();
    for (id, directory) in [("demo", "elsewhere"), ("other", "Demo"), ("Demo", "fine"), ("de.mo", "de.mo")] {
        place(&bench, id, directory);
        let run = bench.install("oci-archive:demo.tar");
        if id == "de.mo" {
            run.ok();
            continue;
        }
        run.refused(1, "already_exists");
        assert!(run.error_line().contains(directory), "{run:?}");
        fs::remove_dir_all(bench.path("plugins").join(directory)).expect("removed");
    }
}

#[test]
fn names_that_begin_with_a_dot_are_passed_over_as_the_host_does() {
    let bench = bench();
    place(&bench, "other", ".other");
    copy_tree(&bench.path("demo"), &bench.path("plugins/.demo"));
    assert_eq!(rows(&bench), [row("demo", "demo", "")]);
}
