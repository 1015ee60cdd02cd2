//! Section B of the catalogue through the commands: signing refuses what readers disagree on and writes
//! nothing, what a manifest says leads nowhere outside, and what it shows is inert.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::Bench;

const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\ndescription: d\nauthor: a\n";
const CODE: &str = "class Plugin:\n    def run(self, payload, context):\n        return {}\n";

fn bench_with(manifest: &str) -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.write("p/plugin.yaml", manifest);
    bench.write("p/plugin.py", CODE);
    bench
}

/// Signs although it may be ambiguous, and packs.
fn packed(bench: &Bench) {
    let sign = ["plugin", "sign", "--plugin-dir", "p", "--private-key", "release.key", "--allow-ambiguous"];
    bench.run(&sign).ok();
    // Another plugin of the same directory before it, perhaps.
    let _ = fs::remove_file(bench.path("p.tar"));
    bench.run(&["plugin", "package", "--plugin-dir", "p", "--out", "p.tar"]).ok();
}

#[test]
fn sign_refuses_every_ambiguity_with_its_reason_and_writes_nothing() {
    let bench = bench_with(MANIFEST);
    for (lines, reason) in [
        ("v: 1\nv: 2\n", "manifest_duplicate_key"),
        ("v: yes\n", "manifest_ambiguous_scalar"),
        ("v: 010\n", "manifest_ambiguous_scalar"),
        ("v: 123456789012345678901234567890\n", "manifest_number"),
        ("v: .nan\n", "manifest_number"),
        ("v: {1: a}\n", "manifest_key_type"),
        ("v: 2024-01-01\n", "manifest_type"),
        ("<<: {id: evil}\n", "manifest_merge_key"),
        ("v: &x 1\nw: *x\n", "manifest_alias"),
        ("v: !foo x\n", "manifest_tag"),
        ("# c\u{85}id: evil\n", "manifest_forbidden_character"),
        ("v: \"\\ud800\"\n", "manifest_forbidden_character"),
        ("trust: {level: high}\n", "manifest_unsigned_key"),
        ("---\nv: 1\n", "manifest_invalid"),
    ] {
        bench.write("p/plugin.yaml", format!("{MANIFEST}{lines}"));
        let run = bench.sign("p");
        assert_eq!(run.code, 1, "{lines:?}: {run:?}");
        assert!(
            run.stderr.lines().any(|line| line.starts_with(&format!("error[{reason}]: p/plugin.yaml:"))),
            "{run:?}"
        );
        assert!(run.stderr.contains("\nhint: ") && run.stdout.is_empty(), "{run:?}");
        assert!(!bench.path("p/plugin.sig").exists(), "{lines:?}");
    }
    bench.write("p/plugin.yaml", format!("%YAML 1.2\n---\n{MANIFEST}"));
    bench.sign("p").refused(1, "manifest_directive");
    let deep = format!("{MANIFEST}v: {}{}\n", "[".repeat(70), "]".repeat(70));
    bench.write("p/plugin.yaml", deep);
    bench.sign("p").refused(1, "manifest_too_deep");
    bench.write("p/plugin.yaml", format!("{MANIFEST}v: \"{}\"\n", "x".repeat(300 << 10)));
    bench.sign("p").refused(1, "manifest_too_large");
    bench.write("p/plugin.yaml", "- a\n");
    bench.sign("p").refused(1, "manifest_invalid");
    assert!(!bench.path("p/plugin.sig").exists());
}

#[test]
fn a_manifest_without_end_is_refused_before_it_is_read() {
    let bench = bench_with(MANIFEST);
    fs::File::create(bench.path("p/plugin.yaml")).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    let started = Instant::now();
    for words in [&["plugin", "validate", "p"][..], &["plugin", "verify", "p", "--trusted-keys", "keys"]] {
        bench.run(words).refused(1, "manifest_too_large");
    }
    bench.sign("p").refused(1, "manifest_too_large");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn a_version_that_is_a_path_leads_nowhere() {
    let bench = bench_with(&MANIFEST.replace("1.0.0", "../../../../escaped"));
    let validated = bench.run(&["plugin", "validate", "p"]);
    assert!(validated.code == 1 && validated.stderr.contains("error[invalid_version]"), "{validated:?}");
    // The host takes any text for a version, so what is signed with one installs; nothing is named for it.
    packed(&bench);
    fs::create_dir_all(bench.path("a/b/c/d")).expect("made");
    let install =
        ["plugin", "install", "oci-archive:p.tar", "--trusted-keys", "keys", "--plugins-dir", "a/b/c/d/plugins"];
    let before = bench.snapshot("a").len();
    bench.run(&install).ok();
    let elsewhere = |path: &std::path::PathBuf| !path.starts_with(bench.path("a/b/c/d/plugins"));
    assert_eq!(bench.snapshot("a").keys().filter(|path| elsewhere(path)).count(), before);
    assert!(!bench.snapshot("a").keys().any(|path| path.to_string_lossy().contains("escaped")));
    assert!(!bench.path("escaped").exists() && bench.path("a/b/c/d/plugins/demo/plugin.py").is_file());
}

#[test]
fn texts_of_a_manifest_cannot_act_on_a_terminal() {
    let hostile = "\\u001b]0;pwned\\u0007\\u001b[2J<script>alert(1)</script>%s%n\\u202e\\r\\nerror[ok]: fake";
    let manifest = format!(
        "id: demo\nname: \"{hostile}\"\nversion: \"{hostile}\"\nplugin_type: enricher\ndescription: \"{hostile}\"\nauthor: \"{hostile}\"\ntags: [\"{hostile}\"]\n"
    );
    let bench = bench_with(&manifest);
    packed(&bench);
    bench.install("oci-archive:p.tar").ok();
    for words in [
        &["plugin", "list", "--trusted-keys", "keys", "--plugins-dir", "plugins"][..],
        &["plugin", "inspect", "oci-archive:p.tar"],
        &["plugin", "verify", "oci-archive:p.tar", "--trusted-keys", "keys"],
        &["plugin", "validate", "p"],
    ] {
        let run = bench.run(words);
        for shown in [&run.stdout, &run.stderr] {
            let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!shown.contains(acts), "{words:?}: {shown:?}");
            assert!(!shown.lines().any(|line| line.starts_with("error[ok]")), "{words:?}: {shown:?}");
        }
    }
}

#[test]
fn a_schema_is_data_and_nothing_follows_it() {
    let nothing = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    nothing.set_nonblocking(true).expect("set");
    let address = nothing.local_addr().expect("an address");
    let schema = format!(
        "config_schema:\n  $ref: \"#\"\n  $id: \"http://{address}/schema.json\"\n  type: object\n  properties:\n    a:\n      $ref: \"http://{address}/remote.json\"\n    b:\n      type: string\n      pattern: \"(a+)+$\"\n      default: \"{}!\"\n    c:\n      type: array\n      maxItems: 1000000000\n  definitions:\n    x:\n      allOf:\n      - $ref: \"#/definitions/x\"\n",
        "a".repeat(64)
    );
    let bench = bench_with(&format!("{MANIFEST}{schema}"));
    let started = Instant::now();
    bench.run(&["plugin", "validate", "p"]).ok();
    bench.sign("p").ok();
    packed(&bench);
    bench.install("oci-archive:p.tar").ok();
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert!(nothing.accept().is_err(), "somebody asked for a remote schema");
}

#[test]
fn a_second_spelling_of_an_installed_id_is_refused() {
    let bench = bench_with(&MANIFEST.replace("id: demo", "id: Demo"));
    bench.install("oci-archive:demo.tar").ok();
    packed(&bench);
    let before = bench.snapshot("plugins");
    bench.install("oci-archive:p.tar").refused(1, "already_exists");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn an_id_of_the_same_module_as_an_installed_one_is_refused() {
    let bench = bench_with(&MANIFEST.replace("id: demo", "id: a_b.c"));
    packed(&bench);
    bench.install("oci-archive:p.tar").ok();
    let before = bench.snapshot("plugins");
    for second in ["a-b.c", "a_b_c", "a.b-c", "A-B_C"] {
        let bench_manifest = MANIFEST.replace("id: demo", &format!("id: {second}"));
        bench.write("p/plugin.yaml", bench_manifest);
        packed(&bench);
        let run = bench.install("oci-archive:p.tar");
        run.refused(1, "already_exists");
        assert!(run.error_line().contains("`a_b.c`") && run.stderr.contains(second), "{run:?}");
        assert_eq!(bench.snapshot("plugins"), before, "{second}");
    }
    bench.write("p/plugin.yaml", MANIFEST.replace("id: demo", "id: a_bc"));
    packed(&bench);
    bench.install("oci-archive:p.tar").ok();
}
