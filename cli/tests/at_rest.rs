//! `plugins verify`: everything installed, read again and judged by today's keys.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const VERIFY: [&str; 6] = ["plugins", "verify", "--trusted-keys", "keys", "--plugins-dir", "plugins"];

fn verify(bench: &Bench, options: &[&str]) -> Run {
    bench.run(&[&VERIFY, options].concat())
}

/// Status and coverage of each plugin, by id.
fn rows(run: &Run) -> Vec<(String, String, String)> {
    let document: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(document["schema_version"], 2);
    let text = |row: &Value, key: &str| row[key].as_str().expect("text").to_owned();
    let plugins = document["plugins"].as_array().expect("rows").iter();
    plugins.map(|row| (text(row, "id"), text(row, "signature_status"), text(row, "coverage"))).collect()
}

/// `demo` installed from an artifact, `other` put there by hand.
fn two_plugins() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    place(&bench, "other", "other");
    bench
}

/// Puts the signed plugin `id` into the directory of that name.
fn place(bench: &Bench, id: &str, directory: &str) {
    let source = format!("made-{id}");
    if !bench.path(&source).exists() {
        bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", &source]).ok();
        let manifest = fs::read_to_string(bench.path(&source).join("demo/plugin.yaml")).expect("a manifest");
        let lines = manifest.lines().map(|line| match line.starts_with("id:") {
            true => format!("id: \"{id}\"\n"),
            false => format!("{line}\n"),
        });
        bench.write(&format!("{source}/demo/plugin.yaml"), lines.collect::<String>());
        bench.sign(&format!("{source}/demo")).ok();
    }
    copy_tree(&bench.path(&source).join("demo"), &bench.path("plugins").join(directory));
}

fn row(id: &str, status: &str, coverage: &str) -> (String, String, String) {
    (id.to_owned(), status.to_owned(), coverage.to_owned())
}

#[test]
fn every_plugin_is_judged_and_one_no_is_a_no() {
    let bench = two_plugins();
    let run = verify(&bench, &["--json"]);
    assert_eq!(rows(run.ok()), [row("demo", "verified", "full"), row("other", "verified", "full")]);
    bench.write("plugins/other/README.md", "changed\n");
    let run = verify(&bench, &[]);
    assert_eq!(run.code, 3);
    assert!(run.error_line().starts_with("error[coverage_mismatch]: other: "), "{run:?}");
    assert!(run.stdout.contains("demo   0.1.0    verified   full      release\n"), "{run:?}");
    verify(&bench, &["demo"]).ok();
    assert_eq!(verify(&bench, &["other"]).code, 3);
    verify(&bench, &["demo", "nobody"]).refused(1, "plugin_not_found");
}

#[test]
fn a_change_since_the_install_names_the_file_and_the_way_back() {
    let bench = two_plugins();
    bench.write("plugins/demo/plugin.py", "import os\n");
    let run = verify(&bench, &["demo"]);
    assert_eq!(run.code, 3);
    assert!(run.error_line().contains("`plugin.py`"), "{run:?}");
    let again = format!("`aisoc plugin install oci-archive:{} ", bench.path("demo.tar").display());
    assert!(run.stderr.contains(&format!("hint: install it again: {again}")), "{run:?}");
}

#[test]
fn a_plugin_that_lost_its_manifest_or_is_gone_is_refused_and_not_passed_over() {
    let damages: [fn(&Bench); 4] = [
        |bench| fs::remove_file(bench.path("plugins/demo/plugin.yaml")).expect("removed"),
        |bench| fs::remove_dir_all(bench.path("plugins/demo")).expect("removed"),
        |bench| std::os::unix::fs::symlink("plugin.py", bench.path("plugins/demo/link")).expect("linked"),
        |bench| {
            fs::rename(bench.path("plugins/demo"), bench.path("away")).expect("moved");
            std::os::unix::fs::symlink("../away", bench.path("plugins/demo")).expect("linked");
        },
    ];
    for damage in damages {
        let bench = two_plugins();
        damage(&bench);
        for ids in [&[][..], &["demo"]] {
            let run = verify(&bench, ids);
            assert_eq!(run.code, 3, "{run:?}");
            assert!(run.error_line().starts_with("error[tree_modified]: demo: "), "{run:?}");
            assert!(run.stderr.contains("hint: install it again: "), "{run:?}");
        }
        let list = bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"]);
        assert!(list.ok().stdout.contains("tree_modified: "), "{list:?}");
    }
}

#[test]
fn a_file_that_would_run_as_its_owner_is_named_as_that_and_not_as_added() {
    for name in ["plugin.yaml", "plugin.py", "README.md"] {
        let bench = two_plugins();
        let path = bench.path("plugins/other").join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4644)).expect("set");
        let run = verify(&bench, &["other"]);
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.error_line().ends_with(&format!(": `{name}`")), "{run:?}");
        assert!(run.stderr.contains("found:    one that runs as its owner or group, or "), "{run:?}");
    }
}

#[test]
fn todays_keys_decide_and_not_those_of_the_install() {
    let bench = two_plugins();
    bench.write("keys/release.json", r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#);
    let run = verify(&bench, &["--json"]);
    assert_eq!(run.code, 3);
    assert!(rows(&run).iter().all(|(_, status, coverage)| status == "invalid" && coverage == "none"), "{run:?}");
    assert!(run.stderr.contains("key_revoked"), "{run:?}");
}

#[test]
fn no_option_makes_it_believe_an_earlier_verdict() {
    let bench = two_plugins();
    verify(&bench, &["--cached"]).refused(2, "usage");
    // What an earlier build noted is neither read nor in the way.
    bench.write("plugins/.aisoc/verified.json", r#"{"schema_version": 1}"#);
    verify(&bench, &[]).ok();
}

/// Maps a file, closes it, and changes its first byte through the mapping whenever it is asked to.
const MAPPING: &str = "
import mmap, os, sys
file = os.open(sys.argv[1], os.O_RDWR)
mapped = mmap.mmap(file, 0)
os.close(file)
print('mapped', flush=True)
for _ in sys.stdin:
    mapped[0] ^= 1
    print('changed', flush=True)
";

#[test]
fn a_change_through_a_mapping_whose_file_was_closed_before_is_noticed() {
    let bench = two_plugins();
    let mut command = Command::new("python3");
    command.args(["-c", MAPPING]).arg(bench.path("plugins/demo/plugin.py"));
    let mut writer = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 runs");
    let mut ask = writer.stdin.take().expect("piped");
    let mut answers = BufReader::new(writer.stdout.take().expect("piped")).lines().map(|line| line.expect("read"));
    assert_eq!(answers.next().as_deref(), Some("mapped"));
    for is_as_signed in [false, true, false] {
        ask.write_all(b"\n").expect("asked");
        assert_eq!(answers.next().as_deref(), Some("changed"));
        let run = verify(&bench, &["demo"]);
        match is_as_signed {
            true => assert_eq!(run.code, 0, "{run:?}"),
            false => assert!(run.error_line().starts_with("error[signature_invalid]: demo: "), "{run:?}"),
        }
    }
    drop(ask);
    assert!(writer.wait().expect("ended").success());
}

#[test]
fn what_strict_would_refuse_is_said_beforehand_with_what_mends_it_and_is_no_failure() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let foresee = |keys: &str, words: &[&str]| {
        let fixed = ["plugins", "verify", "--plugins-dir", "plugins", "--trust-mode", "strict", "--dry-run", "--keys"];
        bench.run(&[&fixed[..], &[keys], words].concat())
    };
    assert!(!foresee("keys", &[]).ok().stdout.contains("cure:"));
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let shown = bench.run(&["plugin", "verify", "demo.tar", "--keys", "keys", "--json"]).ok().stdout.clone();
    let at = shown.find("SHA256:").expect("a signer");
    let signer = &shown[at..at + 71];
    let cures = |run: &Run| {
        let text = run.ok().stdout.clone();
        text.lines().filter_map(|line| line.trim().strip_prefix("cure: ").map(str::to_owned)).collect::<Vec<_>>()
    };
    let unknown = foresee("other.pem", &[]);
    let [cure] = &cures(&unknown)[..] else { panic!("{unknown:?}") };
    assert!(cure.contains(signer) && cure.contains("NAME.pem"), "{cure}");
    let document: Value = serde_json::from_str(&foresee("other.pem", &["--json"]).ok().stdout).expect("one document");
    assert_eq!((&document["refused_count"], &document["dry_run"]), (&1.into(), &true.into()));
    assert!(document["plugins"][0]["objection"]["hint"].as_str().is_some_and(|hint| hint.contains(signer)));
    for (place, word) in [("staged", "promote"), ("retired", "plugin resign")] {
        bench.write(
            &format!("{place}-keys/{place}/release.pem"),
            fs::read(bench.path("keys/release.pem")).expect("a key"),
        );
        bench.write(&format!("{place}-keys/other.pem"), fs::read(bench.path("other.pem")).expect("a key"));
        let run = foresee(&format!("{place}-keys"), &[]);
        assert!(matches!(&cures(&run)[..], [cure] if cure.contains(word)), "{place}: {run:?}");
    }
    for (note, reason) in [
        (r#"{"schema_version": 2, "scope": {"plugins": ["acme-*"]}}"#, "key_out_of_scope"),
        (r#"{"schema_version": 1, "not_after": "2020-01-01T00:00:00Z"}"#, "key_expired"),
    ] {
        bench.write("keys/release.json", note);
        let run = foresee("keys", &[]);
        assert!(run.ok().stdout.contains(reason) && cures(&run).len() == 1, "{run:?}");
    }
    for run in [foresee("keys", &[]), foresee("other.pem", &[])] {
        for relaxing in ["--trust-mode", "disabled", "--trust-coverage", "warn"] {
            assert!(cures(&run).iter().all(|cure| !cure.contains(relaxing)), "{run:?}");
        }
    }
    // What cannot be read is no answer.
    foresee("nowhere", &[]).refused(1, "io_not_found");
    foresee("keys", &["--nonsense"]).refused(2, "usage");
}
