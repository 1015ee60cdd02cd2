//! From a directory to a published plugin in one command: what it asks for, and what it says to whoever goes on.

mod support;

use std::fs;

use aisoc_testkit::registry::Registry;
use serde_json::Value;
use support::terminal::{CTRL_C, CTRL_D, Terminal, drawn};
use support::{Bench, Run, copy_tree};

const NEW: [&str; 5] = ["plugin", "new", "demo", "--type", "enricher"];

fn release(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "release"], words].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn three_commands_lead_from_nothing_to_an_installed_plugin() {
    let bench = Bench::new();
    let registry = Registry::start();
    let reference = registry.reference("team/demo");
    bench.run(&NEW).ok();
    let released = release(&bench, &["demo", &reference, "--new-key"]);
    let line = format!("aisoc plugin install {reference}:0.1.0 --trusted-keys demo.pem");
    assert!(released.ok().stderr.contains(&line), "{released:?}");
    let install =
        bench.run(&[&line.split(' ').skip(1).collect::<Vec<_>>()[..], &["--plugins-dir", "plugins"]].concat());
    assert!(install.ok().stderr.contains("verified, key demo"), "{install:?}");
    assert!(!bench.path("demo/plugin.sig").exists(), "the directory stays as it is");
}

#[test]
fn the_two_words_may_stand_on_both_sides_of_an_option_and_one_alone_is_where_it_goes() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    for (at, words) in [
        ["demo", "oci:layout", "--private-key", "release.key"],
        ["demo", "--private-key", "release.key", "oci:layout"],
        ["--private-key", "release.key", "demo", "oci:layout"],
    ]
    .iter()
    .enumerate()
    {
        let run = release(&bench, words);
        let said = &run.ok().stderr;
        assert!(said.contains(if at == 0 { "Pushed" } else { "Present" }), "{words:?}: {said}");
    }
    release(&bench, &["--plugin-dir", "demo", "--private-key", "release.key", "oci:layout"]).ok();
    release(&bench, &["demo", "oci:layout", "--plugin-dir", "demo"]).refused(2, "usage");
    let missing = release(&bench, &["demo", "--private-key", "release.key"]);
    assert!(missing.refused(2, "usage").stderr.contains("`demo` is a directory, and where to push is missing"));
}

#[test]
fn a_key_is_never_made_unless_it_is_asked_for_and_never_over_another() {
    let bench = Bench::new();
    let registry = Registry::start();
    let reference = registry.reference("team/demo");
    bench.run(&NEW).ok();
    let asked = release(&bench, &["demo", &reference]);
    assert!(asked.refused(2, "usage").stderr.contains("`--new-key`"), "{asked:?}");
    for words in
        [&["--new-key=demo/release"][..], &["--new-key=demo/../demo/release"], &["--new-key", "--private-key=x"]]
    {
        release(&bench, &[&["demo", &reference], words].concat()).refused(2, "usage");
    }
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    assert_eq!(fs::read_dir(bench.path(".")).expect("listed").count(), 1, "nothing was made");
    bench.write("demo.pem", "not ours");
    release(&bench, &["demo", &reference, "--new-key"]).refused(1, "key_exists");
    release(&bench, &["demo", &reference, "--new-key=keys"]).ok();
    assert_eq!(fs::read(bench.path("demo.pem")).expect("there"), b"not ours");
    assert!(bench.path("keys.key").exists() && bench.path("keys.pem").exists());
}

const QUESTION: &str = "Make a new signing key, demo.key and demo.pem? [y/N] ";

/// The exit code of a release on a terminal at which that is typed, and what the terminal was sent.
fn answered(bench: &Bench, keys: &str) -> (i32, String) {
    let words = format!("exec '{}' plugin release demo oci:layout", env!("CARGO_BIN_EXE_aisoc"));
    let mut terminal = Terminal::run(&bench.path("."), 100, &words);
    terminal.until(|text| text.contains(QUESTION));
    terminal.press(keys);
    let (code, text) = terminal.end();
    (code, drawn(&text).join("\n"))
}

#[test]
fn a_person_is_asked_whether_to_make_a_key_and_everything_but_a_yes_is_a_no() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    let is_untouched = || ["demo.key", "demo.pem", "layout"].iter().all(|name| !bench.path(name).exists());
    for no in ["n\n", "\n", "no\n", "yep\n", " \n", "y\u{4}\u{4}", CTRL_D] {
        let (code, text) = answered(&bench, no);
        // The first Ctrl-D passes on what was typed, the second ends the input: the line has not ended.
        let lines: Vec<_> = text.lines().collect();
        let hint = "hint: name one with `--private-key KEY`, or have a new one made with `--new-key`";
        assert_eq!(
            (code, &lines[lines.len() - 2..]),
            (10, &["error[confirmation_required]: nothing was released", hint][..]),
            "{no:?}: {text}"
        );
        assert!(is_untouched(), "{no:?}");
    }
    let (code, text) = answered(&bench, CTRL_C);
    assert!(code == 130 && text.contains("\nerror[interrupted]: "), "{code}: {text}");
    assert!(is_untouched());
    for (round, yes) in ["y\n", "Y\n", " yes \n"].into_iter().enumerate() {
        let (code, text) = answered(&bench, yes);
        assert!(code == 0 && text.contains("Keep demo.key secret"), "{yes:?}: {text}");
        assert!(bench.path("demo.key").exists() && bench.path("demo.pem").exists(), "{yes:?}");
        for name in ["demo.key", "demo.pem", "layout"] {
            fs::rename(bench.path(name), bench.path(&format!("{round}.{name}"))).expect("moved");
        }
    }
}

#[test]
fn a_key_that_is_there_is_named_and_nobody_is_asked_to_make_another() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    bench.run(&["plugin", "keygen", "--out", "demo"]).ok();
    let before = fs::read(bench.path("demo.key")).expect("a key");
    let words = format!("exec '{}' plugin release demo oci:layout", env!("CARGO_BIN_EXE_aisoc"));
    let (code, text) = Terminal::run(&bench.path("."), 100, &words).end();
    assert!(code == 1 && !text.contains("[y/N]"), "{text}");
    assert!(text.contains("sign with it: `--private-key demo.key`"), "{text}");
    assert_eq!(fs::read(bench.path("demo.key")).expect("a key"), before);
}

#[test]
fn nobody_is_asked_whose_question_would_not_be_seen_or_not_be_answered() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    for redirected in ["2>said", "</dev/null", "--json"] {
        let words = format!("exec '{}' plugin release demo oci:layout {redirected}", env!("CARGO_BIN_EXE_aisoc"));
        let (code, text) = Terminal::run(&bench.path("."), 100, &words).end();
        let said = text + &fs::read_to_string(bench.path("said")).unwrap_or_default();
        assert!(code == 2 && said.contains("there is no key to sign the release with"), "{redirected}: {said}");
        assert!(!said.contains("[y/N]") && !bench.path("demo.key").exists(), "{redirected}: {said}");
    }
}

#[test]
fn from_inside_the_directory_the_new_key_lies_outside() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    let output = bench
        .command(&["plugin", "release", "oci:../layout", "--new-key"])
        .current_dir(bench.path("demo"))
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    assert!(bench.path("demo.key").exists() && !bench.path("demo/demo.key").exists());
}

#[test]
fn a_key_that_was_made_stays_when_the_push_fails_and_the_hint_goes_on_with_it() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    bench.write("file", "no layout");
    let failed = release(&bench, &["demo", "oci:file", "--new-key"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.error_line().contains("`demo.key` was made and stays"), "{failed:?}");
    assert!(failed.stderr.contains("`--private-key demo.key`"), "{failed:?}");
    release(&bench, &["demo", "oci:layout", "--private-key", "demo.key"]).ok();
}

#[test]
fn two_keys_sign_one_release_and_either_verifies_it() {
    let bench = Bench::new();
    bench.run(&NEW).ok();
    for key in ["a", "b"] {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
        fs::create_dir(bench.path(&format!("keys-{key}"))).expect("made");
        fs::copy(bench.path(&format!("{key}.pem")), bench.path(&format!("keys-{key}/{key}.pem"))).expect("copied");
    }
    let keys = ["--private-key", "a.key", "--private-key", "b.key"];
    let released = release(&bench, &[&["demo", "oci-archive:demo.tar", "--json"], &keys[..]].concat());
    let document = json(released.ok());
    assert!(document["signing_key_fingerprint"].as_str().expect("text").starts_with("SHA256:"));
    assert_eq!(document["signers"][0]["signing_key_fingerprint"], document["signing_key_fingerprint"]);
    assert_eq!(document["signers"].as_array().expect("a list").len(), 2);
    assert_eq!((&document["coverage"], &document["version"]), (&"full".into(), &"0.1.0".into()));
    for keys in ["keys-a", "keys-b"] {
        bench.run(&["plugin", "verify", "demo.tar", "--trusted-keys", keys]).ok();
    }
    bench.run(&[&["plugin", "release", "demo", "oci:layout", "--update-checkout"], &keys[..]].concat()).ok();
    assert_eq!(fs::read_dir(bench.path("demo/plugin.sig.d")).expect("listed").count(), 3, "two and the list");
    for words in [["--private-key", "a.key", "--private-key", "a.key"], ["--private-key", "-", "--private-key", "-"]] {
        release(&bench, &[&["demo", "oci:layout"], &words[..]].concat()).refused(2, "usage");
    }
}

#[test]
fn one_word_is_the_reference_and_two_are_directory_and_reference() {
    let bench = Bench::new();
    bench.published();
    let key = ["--private-key", "release.key"];
    let inside = |words: &[&str]| {
        let words = [&["plugin", "release"], words, &["--private-key", "../release.key"]].concat();
        bench.command(&words).current_dir(bench.path("demo")).output().expect("it runs").status.code()
    };
    assert_eq!(inside(&["oci:../one"]), Some(0));
    for words in [["demo", "oci:two"], ["--plugin-dir=demo", "oci:three"], ["oci:four", "--plugin-dir=demo"]] {
        release(&bench, &[&words[..], &key].concat()).ok();
    }
    for words in [&["demo", "oci:five", "--plugin-dir", "demo"][..], &["demo", "oci:five", "oci:six"], &[]] {
        release(&bench, &[words, &key].concat()).refused(2, "usage");
    }
    assert!(!bench.path("five").exists());
}

#[test]
fn every_author_command_takes_the_directory_as_a_word_or_as_an_option() {
    let bench = Bench::new();
    bench.published();
    for (command, words) in [
        ("sign", &["--private-key", "release.key"][..]),
        ("package", &["--out", "again.tar"]),
        ("digest", &[]),
        ("validate", &[]),
    ] {
        let run = |directory: &[&str]| bench.run(&[&["plugin", command], directory, words].concat());
        let [word, option] = [run(&["demo"]), run(&["--plugin-dir", "demo"])];
        assert_eq!(word.ok().stdout, option.ok().stdout, "{command}");
        run(&["demo", "--plugin-dir", "demo"]).refused(2, "usage");
    }
}

#[test]
fn the_tag_is_the_version_unless_another_is_asked_for_and_then_both_are_said() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let at = |name: &str| registry.reference(name);
    let key = ["--private-key", "release.key", "--json"];
    for (command, words) in [
        ("push", ["demo", &at("a/one")]),
        ("push", ["demo.tar", &at("a/two")]),
        ("push", [&at("a/one:0.1.0"), &at("b/one")]),
        ("push", ["demo", "oci:layout"]),
    ] {
        let pushed = bench.run(&[&["plugin", command], &words[..], &["--json"]].concat());
        let document = json(pushed.ok());
        assert_eq!(
            (&document["tag"], &document["id"], &document["version"]),
            (&"0.1.0".into(), &"demo".into(), &"0.1.0".into()),
            "{words:?}"
        );
        assert!(!pushed.stderr.contains("tag_not_version"), "{pushed:?}");
    }
    assert_eq!(json(release(&bench, &[&["demo", &at("a/three")], &key[..]].concat()).ok())["tag"], "0.1.0");
    for words in [["push", "demo", &at("a/one:latest")], ["release", "demo", &at("a/three:v1")]] {
        let key = if words[0] == "release" { &key[..2] } else { &[] };
        let run = bench.run(&[&["plugin"], &words[..], key].concat());
        assert!(run.ok().stderr.contains("and the version is `0.1.0`"), "{run:?}");
    }
    let packed = bench.run(&["plugin", "package", "demo", "--out", "x.tar", "--tag", "nightly"]);
    assert!(packed.ok().stderr.contains("warning[tag_not_version]: the tag is `nightly`, and the version is `0.1.0`"));
    // What a digest names needs no tag, and gets none.
    let digest = json(&bench.run(&["plugin", "push", "demo", &at("a/one"), "--json"]))["artifact_digest"].clone();
    let pinned = at(&format!("c/one@{}", digest.as_str().expect("a digest")));
    assert_eq!(json(bench.run(&["plugin", "push", "demo", &pinned, "--json"]).ok())["tag"], Value::Null);
}

#[test]
fn build_metadata_is_written_with_an_underscore_and_what_is_no_tag_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let reference = registry.reference("team/demo");
    let version = |version: &str| {
        let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
        let lines = manifest.lines().map(|line| match line.starts_with("version:") {
            true => format!("version: \"{version}\""),
            false => line.to_owned(),
        });
        bench.write("demo/plugin.yaml", lines.map(|line| line + "\n").collect::<String>());
        bench.sign("demo").ok();
    };
    version("no tag");
    bench.run(&["plugin", "push", "demo", &reference]).refused(1, "invalid_version");
    let words = ["demo", &reference, "--private-key", "release.key", "--profile", "manager"];
    release(&bench, &words).refused(1, "invalid_version");
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    version("1.0.0-rc.1+build.7");
    assert_eq!(json(bench.run(&["plugin", "push", "demo", &reference, "--json"]).ok())["tag"], "1.0.0-rc.1_build.7");
    let named = format!("{reference}:1.0.0-rc.1_build.7");
    assert!(!bench.run(&["plugin", "push", "demo", &named]).ok().stderr.contains("tag_not_version"));
}

#[test]
fn the_reference_is_printed_although_the_outputs_cannot_be_written_and_that_is_a_failure() {
    let bench = Bench::new();
    bench.published();
    let registry = Registry::start();
    let reference = registry.reference("team/demo");
    let words = ["plugin", "release", "demo", &reference, "--private-key", "release.key"];
    for variable in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"] {
        let run = bench.run_with(&words, &[(variable, "/nowhere/output")]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stdout.starts_with(&format!("{reference}@sha256:")), "{run:?}");
        assert!(run.error_line().contains("is released, but cannot append to"), "{run:?}");
        // Both documents say whether it went as it should.
        let run = bench.run_with(&[&words[..], &["--json"]].concat(), &[(variable, "/nowhere/output")]);
        let [answer, report] =
            [&run.stdout, &run.stderr].map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
        assert_eq!((run.code, &answer["ok"], &report["ok"]), (1, &false.into(), &false.into()), "{run:?}");
        assert!(answer["reference"].is_string(), "{run:?}");
    }
}

#[test]
fn on_github_a_refusal_is_an_annotation_that_no_value_can_forge() {
    let bench = Bench::new();
    bench.published();
    bench.write(
        "demo/plugin.yaml",
        "id: demo\nname: Demo\nversion: \"1\\n::error::forged ##[error]x\"\nplugin_type: nope\n",
    );
    let words = ["plugin", "release", "demo", "oci:layout", "--private-key", "release.key"];
    // A step may run below the repository.
    let here = bench.path("demo").parent().expect("the working directory").to_owned();
    let workspace = here.parent().expect("one above").display().to_string();
    let step = here.file_name().and_then(|name| name.to_str()).expect("a name");
    let on = bench.run_with(&words, &[("GITHUB_ACTIONS", "true"), ("GITHUB_WORKSPACE", &workspace)]);
    let annotations: Vec<_> = on.stderr.lines().filter(|line| line.trim_start().starts_with("::")).collect();
    assert!(annotations.len() >= 3, "{on:?}");
    let file = format!("::error file={step}/demo/plugin.yaml,line=");
    let line = format!("{file}3,col=10,title=invalid_version::");
    assert!(annotations.iter().any(|annotation| annotation.starts_with(&line)), "{on:?}");
    assert!(annotations.iter().all(|annotation| annotation.starts_with(&file)), "{on:?}");
    for line in on.stderr.lines().filter(|line| !line.starts_with("::")) {
        assert!(!line.contains("##["), "{line}");
    }
    for variables in [&[][..], &[("GITHUB_ACTIONS", "false")]] {
        assert!(!bench.run_with(&words, variables).stderr.contains("\n::error"));
    }
    let json = bench.run_with(&[&words[..], &["--json"]].concat(), &[("GITHUB_ACTIONS", "true")]);
    assert!(!json.stderr.contains("\n::error"), "{json:?}");
}

#[test]
fn the_smoke_test_of_a_release_refuses_what_a_host_cannot_load() {
    let bench = Bench::new();
    bench.published();
    copy_tree(&bench.path("demo"), &bench.path("broken"));
    bench.write("broken/plugin.py", "class Plugin:\n    def __init__(self):\n        raise ValueError('no')\n");
    let words = |directory| ["plugin", "release", directory, "oci:layout", "--private-key", "release.key", "--load"];
    let broken = bench.run(&words("broken"));
    if broken.stderr.contains("io_not_found") {
        eprintln!("skipped: there is no Python here");
        return;
    }
    broken.refused(1, "entry_point_invalid");
    assert!(!bench.path("layout").exists());
    bench.run(&words("demo")).ok();
}
