//! `--dry-run` of what changes a plugins directory: it decides what the real run decides, with its documents, its
//! warnings and its exit codes, and not a byte, a name or a time below the directory is other than before.

mod support;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::{Bench, Run, copy_tree};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const PLUGINS: [&str; 2] = ["--plugins-dir", "plugins"];
const ACCEPTED: [&str; 2] = ["--accept-capabilities", "network.outbound"];

/// Two versions of `demo` that ask for different things, in `old.tar` and `new.tar`, and another plugin in `other.tar`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    fs::rename(bench.path("demo.tar"), bench.path("old.tar")).expect("moved");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    let more = manifest.replace("0.1.0", "0.2.0")
        + "capabilities:
  - network.outbound
";
    bench.write("demo/plugin.yaml", more);
    package(&bench, "demo", "release.key", "new.tar");
    bench.run(&["plugin", "new", "other", "--type", "widget"]).ok();
    package(&bench, "other", "release.key", "other.tar");
    bench
}

fn package(bench: &Bench, directory: &str, key: &str, archive: &str) {
    bench.run(&["plugin", "sign", directory, "--private-key", key]).ok();
    bench.run(&["plugin", "package", directory, "--out", archive]).ok();
}

/// What a command says as documents, without the word that it was a dry run.
fn documents(run: &Run) -> [Value; 2] {
    let mut documents = [&run.stdout, &run.stderr].map(|text| serde_json::from_str(text).unwrap_or(Value::Null));
    if let Some(result) = documents[0].as_object_mut() {
        result.remove("dry_run");
    }
    documents
}

/// The codes of the warnings, and of the refusal if there is one.
fn codes(report: &Value) -> Vec<&str> {
    let warnings = report["warnings"].as_array().into_iter().flatten().filter_map(|warning| warning["code"].as_str());
    warnings.chain(report["error"]["detail"]["reason_code"].as_str()).collect()
}

/// Runs it dry, in words and as documents, which changes nothing, and then for real: they end alike, and say the same.
/// Gives the words of the dry run.
#[track_caller]
fn alike(bench: &Bench, words: &[&str]) -> Run {
    alike_as(bench, &|words| bench.run(words), words)
}

/// As [`alike`], run by whoever `run` runs as.
#[track_caller]
fn alike_as(bench: &Bench, run: &dyn Fn(&[&str]) -> Run, words: &[&str]) -> Run {
    let (before, temporary) = (bench.state(), names(&std::env::temp_dir()));
    let dry = run(&[words, &["--dry-run"]].concat());
    let json = run(&[words, &["--dry-run", "--json"]].concat());
    assert_eq!(bench.state(), before, "{words:?}: {dry:?}");
    assert_eq!(names(&std::env::temp_dir()), temporary, "{words:?} leaves nothing elsewhere");
    let real = run(&[words, &["--json"]].concat());
    assert_eq!((dry.code, json.code), (real.code, real.code), "{words:?}: {dry:?} {json:?} {real:?}");
    let ([foreseen, foretold], [result, report]) = (documents(&json), documents(&real));
    assert_eq!(foreseen, result, "{words:?}");
    assert_eq!(codes(&foretold), codes(&report), "{words:?}: {foretold} {report}");
    assert!(json.stdout.is_empty() || json.stdout.contains("\"dry_run\": true"), "{words:?}: {json:?}");
    dry
}

/// Other processes come and go there; those that we would leave have our name.
fn names(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry").file_name());
    names.map(|name| name.to_string_lossy().into_owned()).filter(|name| name.starts_with(".aisoc")).collect()
}

fn says(run: &Run, line: &str) {
    assert!(run.ok().stderr.contains(line), "{line:?}: {run:?}");
    for done in ["Activating", "Installed ", "Upgraded ", "Switched ", "Uninstalled ", "Up to date"] {
        assert!(!run.stderr.contains(done), "{done}: {run:?}");
    }
}

fn install<'a>(archive: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    [&["plugin", "install", archive][..], &PLACES, options].concat()
}

#[test]
fn an_installation_from_its_first_plugin_to_its_last_is_foreseen_step_by_step() {
    let bench = bench();
    let at = |words: &[&'static str], options: &[&'static str]| [&["plugin"], words, options].concat();
    says(&alike(&bench, &install("old.tar", &[])), "Would install demo 0.1.0 in plugins/demo (verified, key release");
    says(&alike(&bench, &install("old.tar", &[])), "  Would keep demo 0.1.0 in plugins/demo (verified");
    alike(&bench, &install("new.tar", &[])).refused(3, "capabilities_not_accepted");
    let run = alike(&bench, &install("new.tar", &ACCEPTED));
    says(&run, "Would upgrade demo 0.1.0 → 0.2.0 in plugins/demo (verified, key release");
    assert!(run.stderr.contains("warning[capabilities_grown]: "), "{run:?}");
    assert!(alike(&bench, &install("old.tar", &[])).refused(3, "version_downgrade").stderr.contains("0.2.0 → 0.1.0"));
    let run = alike(&bench, &install("old.tar", &["--allow-downgrade"]));
    says(&run, "Would downgrade demo 0.2.0 → 0.1.0 in plugins/demo");
    assert!(run.stderr.contains("warning[older_version]: "), "{run:?}");
    says(&alike(&bench, &at(&["rollback", "demo"], &PLACES)), "Would roll back demo from 0.1.0 to 0.2.0");
    says(
        &alike(&bench, &at(&["rollback", "demo", "--to", "0.1.0"], &PLACES)),
        "Would roll back demo from 0.2.0 to 0.1.0",
    );
    says(&alike(&bench, &at(&["rollback", "demo", "--to", "0.1.0"], &PLACES)), "Would keep demo 0.1.0");
    alike(&bench, &at(&["rollback", "demo", "--to", "9.9.9"], &PLACES)).refused(1, "version_not_found");
    says(&alike(&bench, &install("other.tar", &["--allow-downgrade"])), "Would install other 0.1.0 in plugins/other");
    let run = alike(&bench, &at(&["gc", "--keep", "0"], &PLUGINS));
    assert!(run.ok().stdout.starts_with("kept version  .aisoc/versions/demo/"), "{run:?}");
    assert!(run.stdout.contains("\nwould remove 1, ") && !run.stdout.contains("removed"), "{run:?}");
    let run = alike(&bench, &at(&["uninstall", "demo", "absent", "other", "--yes"], &PLUGINS));
    assert!(run.stderr.contains("Would uninstall demo from plugins\n"), "{run:?}");
    assert!(run.stderr.contains("Would uninstall other from plugins\n"), "{run:?}");
    assert!(run.error_line().starts_with("error[plugin_not_found]: absent: "), "{run:?}");
    assert_eq!(run.stdout, "demo\nother\n");
    alike(&bench, &at(&["gc"], &PLUGINS)).ok();
}

#[test]
fn what_the_real_run_refuses_its_dry_run_refuses_alike() {
    let bench = bench();
    bench.run(&install("old.tar", &[])).ok();
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    package(&bench, "demo", "stranger.key", "stranger.tar");
    fs::create_dir(bench.path("both")).expect("made");
    for key in ["release", "stranger"] {
        fs::copy(bench.path(&format!("{key}.pem")), bench.path(&format!("both/{key}.pem"))).expect("copied");
    }
    copy_tree(&bench.path("demo"), &bench.path("changed"));
    bench.write("changed/README.md", "another text");
    bench.forge("changed", "changed.tar");
    bench.run(&["plugin", "new", "unsigned", "--type", "enricher"]).ok();
    bench.forge("unsigned", "unsigned.tar");
    copy_tree(&bench.path("demo"), &bench.path("same/demo"));
    let manifest = fs::read_to_string(bench.path("same/demo/plugin.yaml")).expect("there");
    let asks_for_no_more = manifest.replace("0.2.0", "0.1.1").replace("capabilities:\n  - network.outbound\n", "");
    bench.write("same/demo/plugin.yaml", asks_for_no_more);
    package(&bench, "same/demo", "release.key", "same.tar");
    let half = fs::read(bench.path("new.tar")).expect("there");
    bench.write("half.tar", &half[..half.len() / 2]);
    bench.write("plugins/file", "no plugin");
    let (in_both, elsewhere) = (["--trusted-keys", "both", PLUGINS[0], PLUGINS[1]], ["--trusted-keys", "keys"]);
    let refused: [(&[&str], &[&str], &str); 13] = [
        (&["install", "stranger.tar"], &PLACES, "untrusted_key"),
        (&["install", "stranger.tar"], &in_both, "capabilities_not_accepted"),
        (&["install", "stranger.tar", ACCEPTED[0], ACCEPTED[1]], &in_both, "signer_changed"),
        (&["install", "changed.tar"], &PLACES, "signature_invalid"),
        (&["install", "unsigned.tar"], &PLACES, "unsigned"),
        (&["install", "half.tar"], &PLACES, "layout_invalid"),
        (&["install", "absent.tar"], &PLACES, "io_not_found"),
        (&["install", "new.tar", "--trusted-keys", "nowhere"], &PLUGINS, "io_not_found"),
        (&["install", "new.tar", "--plugins-dir", "plugins/file"], &elsewhere, "directory_insecure"),
        (
            &["install", "new.tar", "--require-digest", &format!("sha256:{}", "0".repeat(64))],
            &PLACES,
            "digest_mismatch",
        ),
        (&["rollback", "demo"], &PLACES, "version_not_found"),
        (&["rollback", "absent"], &PLACES, "plugin_not_found"),
        (&["gc", "--plugins-dir", "nowhere"], &[], "io_not_found"),
    ];
    for (words, places, reason) in refused {
        let run = alike(&bench, &[&["plugin"], words, places].concat());
        assert!(run.error_line().starts_with(&format!("error[{reason}]: ")), "{words:?}: {run:?}");
    }
    let several = alike(&bench, &install("unsigned.tar", &["same.tar", "other.tar"]));
    assert_eq!((several.code, several.stdout.lines().count()), (3, 2), "{several:?}");
    for line in
        ["Would upgrade demo 0.1.0 → 0.1.1", "Would install other 0.1.0", "     Failed unsigned.tar: unsigned: "]
    {
        assert!(several.stderr.contains(line), "{line}: {several:?}");
    }
}

#[test]
fn a_kept_version_that_was_changed_and_a_floor_that_would_be_lowered_are_foreseen() {
    let bench = bench();
    bench.run(&install("old.tar", &[])).ok();
    bench.run(&["plugin", "new", "demo", "--type", "enricher", "-o", "less"]).ok();
    bench.run(&["plugin", "sign", "less/demo", "--private-key", "release.key", "--coverage", "code"]).ok();
    bench.run(&["plugin", "package", "less/demo", "--out", "less.tar", "--trusted-keys", "keys"]).ok();
    let less = ["--trust-coverage", "code"];
    alike(&bench, &install("less.tar", &less)).refused(3, "coverage_downgrade");
    let run =
        alike(&bench, &install("less.tar", &[&less[..], &["--lower-coverage", "--reason", "an old tool"]].concat()));
    assert!(run.ok().stderr.contains("the coverage floor of demo would be lowered from full to code"), "{run:?}");
    let kept = bench.path("plugins/.aisoc/versions/demo/1/tree/plugin.py");
    fs::write(&kept, "changed = True\n").expect("written");
    alike(&bench, &[&["plugin", "rollback", "demo"][..], &PLACES].concat()).refused(3, "tree_modified");
    let unsigned = ["--trust-mode", "warn"];
    bench.run(&["plugin", "new", "unsigned", "--type", "enricher"]).ok();
    bench.forge("unsigned", "unsigned.tar");
    let run = alike(&bench, &install("unsigned.tar", &unsigned));
    assert!(run.ok().stderr.contains("would install `unsigned` although unsigned: "), "{run:?}");
}

#[test]
fn a_dry_run_waits_for_the_lock_and_asks_no_question() {
    let bench = bench();
    bench.run(&install("old.tar", &[])).ok();
    let run = bench.run(&[&["plugin", "uninstall", "demo", "--dry-run"][..], &PLUGINS].concat());
    says(&run, "Would uninstall demo from plugins\n");
    assert!(!run.stderr.contains("which is kept"), "{run:?}");
    bench.run(&install("new.tar", &ACCEPTED)).ok();
    let run = bench.run(&[&["plugin", "uninstall", "demo", "--dry-run"][..], &PLUGINS].concat());
    says(&run, "Would remove demo 0.1.0, which is kept\n");
    bench.run(&[&["plugin", "rollback", "demo"][..], &PLACES].concat()).ok();
    bench.run(&[&["plugin", "uninstall", "demo"][..], &PLUGINS].concat()).refused(10, "confirmation_required");
    let path = bench.path("plugins/.aisoc/write.lock");
    let lock = File::options().read(true).write(true).open(&path).expect("there");
    lock.try_lock_shared().expect("free");
    let words = install("new.tar", &[&ACCEPTED[..], &["--lock-timeout", "0"]].concat());
    let dry = bench.run(&[&words[..], &["--dry-run"]].concat());
    says(&dry, "Would upgrade demo 0.1.0 → 0.2.0");
    lock.unlock().expect("unlocked");
    lock.try_lock().expect("free");
    for words in
        [&words[..], &[&["plugin", "uninstall", "demo", "--yes", "--lock-timeout", "0"][..], &PLUGINS].concat()]
    {
        alike(&bench, words).refused(4, "locked");
    }
}

/// A tmpfs at a place of the bench, or `None` where mounting is not allowed.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn mount(point: &'a Path) -> Option<Self> {
        fs::create_dir(point).expect("made");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m,mode=0755", "tmpfs"]).arg(point).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(point))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).output();
    }
}

#[test]
fn where_the_real_run_may_not_write_its_dry_run_is_refused() {
    let bench = bench();
    let point = bench.path("plugins");
    let Some(disk) = Disk::mount(&point) else {
        eprintln!("SKIPPED: mounting a tmpfs is not allowed here");
        return;
    };
    bench.run(&install("old.tar", &[])).ok();
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.0).output();
    assert!(remounted.is_ok_and(|output| output.status.success()));
    alike(&bench, &install("new.tar", &[])).refused(1, "io_denied");
    let below = ["plugin", "install", "other.tar", "--trusted-keys", "keys", "--plugins-dir", "plugins/below/here"];
    alike(&bench, &below).refused(1, "io_denied");
    for words in [&["plugin", "uninstall", "demo", "--yes"][..], &["plugin", "gc"]] {
        alike(&bench, &[words, &PLUGINS].concat()).refused(1, "io_denied");
    }
    says(&alike(&bench, &install("old.tar", &[])), "Would keep demo 0.1.0 in plugins/demo");
}

#[test]
fn a_user_who_may_not_write_is_told_so_by_a_dry_run_too() {
    let bench = bench();
    bench.run(&install("old.tar", &[])).ok();
    let Some(nobody) = bench.as_nobody() else {
        eprintln!("SKIPPED: only root runs a command as somebody else");
        return;
    };
    // Not at all; the directory and not what is ours in it; also the lock.
    for (mode, group, lock) in [(0o755, 0, 0), (0o775, 65_534, 0), (0o775, 65_534, 65_534)] {
        let path = bench.path("plugins/.aisoc/write.lock");
        chown(bench.path("plugins"), None, Some(group)).expect("set");
        fs::set_permissions(bench.path("plugins"), fs::Permissions::from_mode(mode)).expect("set");
        chown(&path, None, Some(lock)).expect("set");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o660)).expect("set");
        for words in [
            install("new.tar", &[]),
            install("other.tar", &[]),
            [&["plugin", "uninstall", "demo", "--yes"][..], &PLUGINS].concat(),
            [&["plugin", "rollback", "demo"][..], &PLACES].concat(),
            [&["plugin", "gc"][..], &PLUGINS].concat(),
        ] {
            let run = alike_as(&bench, &nobody, &words);
            assert!(run.error_line().starts_with("error[io_denied]: "), "{mode:o} {words:?}: {run:?}");
        }
        says(&alike_as(&bench, &nobody, &install("old.tar", &[])), "Would keep demo 0.1.0 in plugins/demo");
        let absent = [&["plugin", "uninstall", "absent", "--yes"][..], &PLUGINS].concat();
        alike_as(&bench, &nobody, &absent).refused(1, "plugin_not_found");
    }
}
