//! Kept versions, rollback, gc and the lock, as an operator meets them: every step a process of its own.

mod support;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

/// `demo` in the versions 0.1.0 and 0.2.0, the second installed over the first.
fn upgraded() -> Bench {
    let bench = Bench::new();
    bench.published();
    publish(&bench, "0.2.0");
    bench.install("oci-archive:demo.tar").ok();
    bench.install("oci-archive:0.2.0.tar").ok();
    bench
}

/// Signs `demo` as another version and packs it in an archive of that name.
fn publish(bench: &Bench, version: &str) {
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    let lines = manifest.lines().map(|line| match line.starts_with("version:") {
        true => format!("version: \"{version}\"\n"),
        false => format!("{line}\n"),
    });
    bench.write("demo/plugin.yaml", lines.collect::<String>());
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &format!("{version}.tar")]).ok();
}

fn rollback(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "rollback", "demo"][..], words, &PLACES].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("JSON")
}

/// Version and whether it is installed, of every version of `demo`.
fn versions(bench: &Bench) -> Vec<(String, bool)> {
    let list = json(&bench.run(&[&["plugin", "list", "--versions", "--json"][..], &PLACES].concat()));
    let [plugin] = list["plugins"].as_array().expect("plugins").as_slice() else { panic!("one plugin: {list}") };
    assert_eq!((&plugin["objection"], &plugin["signature_status"]), (&Value::Null, &"verified".into()), "{list}");
    let row = |row: &Value| {
        assert!(row["artifact_digest"].as_str().expect("a digest").starts_with("sha256:"), "{row}");
        assert!(row["disk_bytes"].as_u64().expect("a size") > 0 && row["signature_status"] == "verified", "{row}");
        assert!(row["installed_at"].as_str().expect("a time").ends_with('Z'), "{row}");
        (row["version"].as_str().expect("a version").to_owned(), row["current"] == true)
    };
    plugin["versions"].as_array().expect("versions").iter().map(row).collect()
}

fn named(expected: &[(&str, bool)]) -> Vec<(String, bool)> {
    expected.iter().map(|(version, current)| ((*version).to_owned(), *current)).collect()
}

#[test]
fn an_upgrade_can_be_rolled_back_and_forth() {
    let bench = upgraded();
    assert_eq!(versions(&bench), named(&[("0.2.0", true), ("0.1.0", false)]));
    let after = bench.snapshot("plugins/demo");
    let answer = json(&rollback(&bench, &["--json"]));
    assert_eq!((&answer["version"], &answer["previous_version"]), (&"0.1.0".into(), &"0.2.0".into()));
    assert_eq!((&answer["signature_status"], &answer["signing_key_id"]), (&"verified".into(), &"release".into()));
    assert_eq!(versions(&bench), named(&[("0.1.0", true), ("0.2.0", false)]));
    let digest = answer["artifact_digest"].as_str().expect("a digest").to_owned();
    let back = rollback(&bench, &["--to", "0.2.0"]);
    assert!(back.ok().stdout.starts_with("sha256:"), "{back:?}");
    assert!(back.stderr.contains("demo from 0.1.0 to 0.2.0"), "{back:?}");
    assert_eq!(bench.snapshot("plugins/demo"), after);
    rollback(&bench, &["--to", "0.2.0"]).ok();
    assert_eq!(bench.snapshot("plugins/demo"), after, "what is in place already stays");
    rollback(&bench, &["--to", &digest]).ok();
    assert_eq!(versions(&bench), named(&[("0.1.0", true), ("0.2.0", false)]));
    let text = bench.run(&[&["plugin", "list", "--versions"][..], &PLACES].concat());
    for word in ["current", "kept", "0.1.0", "0.2.0", "verified", "KiB"] {
        assert!(text.ok().stdout.contains(word), "{text:?}");
    }
}

#[test]
fn a_rollback_passes_the_gate_with_todays_keys() {
    let bench = upgraded();
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    let before = bench.snapshot("plugins/demo");
    rollback(&bench, &[]).refused(3, "no_trusted_keys");
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::copy(bench.path("other.pem"), bench.path("keys/other.pem")).expect("copied");
    rollback(&bench, &[]).refused(3, "untrusted_key");
    assert_eq!(bench.snapshot("plugins/demo"), before);
    rollback(&bench, &["--trust-mode", "warn"]).refused(3, "coverage_downgrade");
    let lower = ["--trust-mode", "warn", "--lower-coverage", "--reason", "the vendor's key is on its way"];
    let warned = rollback(&bench, &lower);
    assert!(warned.ok().stderr.contains("rolled back `demo` although"), "{warned:?}");
}

#[test]
fn a_kept_version_that_was_changed_is_refused_and_nothing_changes() {
    let bench = upgraded();
    bench.write("plugins/.aisoc/versions/demo/1/tree/plugin.py", "import os\n");
    let before = bench.snapshot("plugins/demo");
    let run = rollback(&bench, &[]);
    run.refused(3, "tree_modified");
    assert!(run.stderr.contains("expected: sha256:") && run.stderr.contains("found:    sha256:"), "{run:?}");
    assert_eq!(bench.snapshot("plugins/demo"), before);
    assert_eq!(versions(&bench), named(&[("0.2.0", true), ("0.1.0", false)]));
}

#[test]
fn what_is_not_kept_is_named() {
    let bench = upgraded();
    let run = rollback(&bench, &["--to", "9.9.9"]);
    run.refused(1, "version_not_found");
    assert!(run.stderr.contains("expected: 0.1.0\n") && run.stderr.contains("found:    9.9.9\n"), "{run:?}");
    bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]).ok();
    let run = rollback(&bench, &[]);
    run.refused(1, "plugin_not_found");
    assert!(run.stderr.contains("no version of it is kept"), "{run:?}");
    bench.run(&["plugin", "rollback", "../x", "--plugins-dir", "plugins"]).refused(2, "usage");
    bench.install("oci-archive:demo.tar").ok();
    rollback(&bench, &[]).refused(1, "version_not_found");
}

#[test]
fn keeps_as_many_versions_as_it_is_told() {
    let bench = upgraded();
    for (version, keep, expected) in [("0.3.0", "2", 3), ("0.4.0", "0", 1), ("0.5.0", "32", 2)] {
        publish(&bench, version);
        let reference = format!("oci-archive:{version}.tar");
        bench.run(&[&["plugin", "install", &reference, "--keep", keep][..], &PLACES].concat()).ok();
        assert_eq!(versions(&bench).len(), expected, "{version}");
    }
    bench.run(&["plugin", "install", "oci-archive:demo.tar", "--keep", "33"]).refused(2, "usage");
    let freed = json(&bench.run(&["plugin", "gc", "--keep", "0", "--plugins-dir", "plugins", "--json"]));
    assert_eq!(
        (&freed["removed"][0]["kind"], freed["removed"].as_array().map(Vec::len)),
        (&"kept version".into(), Some(1))
    );
    assert_eq!(freed["freed_bytes"], freed["removed"][0]["disk_bytes"]);
    assert!(freed["freed_bytes"].as_u64().expect("bytes") > 0);
    assert_eq!(versions(&bench).len(), 1);
    let nothing = bench.run(&["plugin", "gc", "--plugins-dir", "plugins"]);
    assert_eq!(nothing.ok().stdout, "0 removed, 0 bytes freed\n");
}

/// What a command that was killed while it removed an old tree leaves.
fn leave_staging(bench: &Bench) {
    bench.write("plugins/.aisoc-staging-killed/removed-1/tree/plugin.py", "old\n");
    bench.abandon("plugins/.aisoc-staging-killed");
}

#[test]
fn commands_that_have_nothing_to_do_finish_what_a_kill_left() {
    let bench = upgraded();
    let staging = bench.path("plugins/.aisoc-staging-killed");
    leave_staging(&bench);
    let same = bench.install("oci-archive:0.2.0.tar");
    assert!(same.ok().stderr.contains("Up to date") && !staging.exists(), "{same:?}");
    leave_staging(&bench);
    rollback(&bench, &["--to", "0.2.0"]).ok();
    assert!(!staging.exists());
    let uninstall = ["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"];
    bench.run(&uninstall).ok();
    leave_staging(&bench);
    bench.run(&uninstall).refused(1, "plugin_not_found");
    assert!(!staging.exists());
    leave_staging(&bench);
    bench.run(&["plugin", "uninstall", "demo", "--plugins-dir", "plugins"]).refused(1, "plugin_not_found");
    assert!(!staging.exists());
}

#[test]
fn what_gc_cannot_remove_is_an_error_and_in_the_answer() {
    let bench = upgraded();
    // A directory where a record would be: not ours, and no file that could be removed as one.
    bench.write("plugins/.aisoc/records/gone.json/x", "");
    let gc = ["plugin", "gc", "--keep", "0", "--plugins-dir", "plugins"];
    let run = bench.run(&[&gc[..], &["--json"]].concat());
    assert_eq!(run.code, 1, "{run:?}");
    let answer: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!((&answer["ok"], &answer["leftovers"][0]), (&false.into(), &"plugins/.aisoc/records/gone.json".into()));
    assert_eq!(answer["removed"][0]["kind"], "kept version", "the rest is removed all the same");
    let envelope = run.stderr.lines().skip_while(|line| *line != "{").collect::<String>();
    let envelope: Value = serde_json::from_str(&envelope).expect("JSON");
    assert_eq!(envelope["error"]["detail"]["reason_code"], "garbage_left");
    let run = bench.run(&gc);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(run.error_line(), "error[garbage_left]: not all was collected: 1 not removed");
    assert!(
        run.stderr.contains("warning[not_removed]: could not remove `plugins/.aisoc/records/gone.json`"),
        "{run:?}"
    );
    fs::remove_dir_all(bench.path("plugins/.aisoc/records/gone.json")).expect("removed");
    bench.run(&gc).ok();
}

#[test]
fn a_record_that_rotted_is_replaced_and_loses_no_requirement() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let record = bench.path("plugins/.aisoc/records/demo.json");
    let rot = || {
        let text = fs::read_to_string(&record).expect("there");
        fs::write(&record, text.replace("\"coverage\": \"full\"", "\"coverage\": \"none\"")).expect("written");
    };
    rot();
    let list = bench.run(&[&["plugin", "list"][..], &PLACES].concat());
    assert!(list.ok().stdout.contains("record_invalid"), "{list:?}");
    // The tree in place still says what it was signed for.
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    bench.write("demo/plugin.yaml", manifest.split("integrity:").next().expect("the author's part"));
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&sign).ok();
    let package = ["plugin", "package", "--plugin-dir", "demo", "--out", "stripped.tar", "--trusted-keys", "keys"];
    bench.run(&package).ok();
    bench.install("oci-archive:stripped.tar").refused(3, "coverage_downgrade");
    bench.install("oci-archive:demo.tar").ok();
    assert_eq!(versions(&bench), named(&[("0.1.0", true)]));
}

#[test]
fn the_umask_changes_nothing() {
    for umask in ["000", "077"] {
        let bench = Bench::new();
        bench.published();
        publish(&bench, "0.2.0");
        for archive in ["demo.tar", "0.2.0.tar"] {
            let script = format!(
                "umask {umask}; exec \"$0\" plugin install oci-archive:{archive} --keys keys --plugins-dir a/plugins"
            );
            let status = Command::new("sh")
                .args(["-c", &script, env!("CARGO_BIN_EXE_aisoc")])
                .current_dir(bench.path(""))
                .output();
            let output = status.expect("run");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let mode =
            |name: &str| fs::metadata(bench.path("a/plugins").join(name)).expect(name).permissions().mode() & 0o7777;
        for name in ["", "demo", ".aisoc", ".aisoc/records", ".aisoc/pending"] {
            assert_eq!(mode(name), 0o755, "{name} under umask {umask}");
        }
        for name in ["demo/plugin.py", ".aisoc/records/demo.json"] {
            assert_eq!(mode(name), 0o644, "{name} under umask {umask}");
        }
        assert_eq!(mode(".aisoc/write.lock"), 0o600, "under umask {umask}");
        for name in [".aisoc/versions", ".aisoc/versions/demo", ".aisoc/versions/demo/1"] {
            assert_eq!(mode(name), 0o700, "{name} under umask {umask}");
        }
    }
}

#[test]
fn an_insecure_plugins_directory_is_refused_before_anything_is_fetched() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("plugins")).expect("made");
    fs::set_permissions(bench.path("plugins"), fs::Permissions::from_mode(0o777)).expect("set");
    let run = bench.install("oci-archive:demo.tar");
    run.refused(1, "directory_insecure");
    assert!(run.stderr.contains("mode 0777") && run.stderr.contains("`plugins`"), "{run:?}");
    assert_eq!(fs::read_dir(bench.path("plugins")).expect("listed").count(), 0);
    fs::set_permissions(bench.path("plugins"), fs::Permissions::from_mode(0o755)).expect("set");
    std::os::unix::fs::symlink(bench.path("plugins"), bench.path("link")).expect("linked");
    for link in ["link", "link/"] {
        bench
            .run(&["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", link])
            .refused(1, "directory_insecure");
    }
    for verb in [&["gc"][..], &["uninstall", "demo", "--yes"], &["rollback", "demo", "--keys", "keys"]] {
        bench.install("oci-archive:demo.tar").ok();
        bench.run(&[&["plugin"][..], verb, &["--plugins-dir", "link"]].concat()).refused(1, "directory_insecure");
    }
}

/// A process that is stopped in the middle of what it does; it goes on when it is told to.
struct Stopped(Child);

impl Stopped {
    /// A rollback that holds the lock. It takes a while to read what is kept, and is stopped meanwhile.
    fn rollback(bench: &Bench) -> Self {
        for _ in 0..20 {
            let words = [&["plugin", "rollback", "demo"][..], &PLACES].concat();
            let child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_secs(10) {
                let owner = fs::read_to_string(bench.path("plugins/.aisoc/write.lock")).unwrap_or_default();
                if owner.starts_with(&format!("process {},", child.id())) {
                    break;
                }
            }
            signal(&child, "-STOP");
            let mut stopped = Self(child);
            if is_locked(bench) {
                return stopped;
            }
            stopped.go_on();
        }
        panic!("the rollback was never caught with the lock");
    }

    fn go_on(&mut self) {
        signal(&self.0, "-CONT");
        assert!(self.0.wait().expect("it ends").success());
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs").success());
}

fn is_locked(bench: &Bench) -> bool {
    File::open(bench.path("plugins/.aisoc/write.lock")).expect("there").try_lock().is_err()
}

#[test]
fn whoever_waits_is_told_who_holds_the_lock() {
    let bench = Bench::new();
    bench.published();
    // Large enough to be read for a while, and not so even that it is taken for an attack.
    let noise = (0..12_u32 << 18).flat_map(|i| i.wrapping_mul(2_654_435_761).rotate_left(i % 31).to_le_bytes());
    bench.write("demo/large.bin", noise.collect::<Vec<u8>>());
    publish(&bench, "0.2.0");
    publish(&bench, "0.3.0");
    bench.install("oci-archive:0.2.0.tar").ok();
    bench.install("oci-archive:0.3.0.tar").ok();
    let mut holder = Stopped::rollback(&bench);
    let owner = format!("process {}, aisoc plugin rollback, host ", holder.0.id());
    for verb in [
        &["install", "oci-archive:demo.tar", "--allow-downgrade", "--keys", "keys"][..],
        &["uninstall", "demo", "--yes"],
        &["rollback", "demo", "--keys", "keys"],
        &["gc"],
    ] {
        let words = [&["plugin"][..], verb, &["--plugins-dir", "plugins", "--lock-timeout", "0"]].concat();
        let run = bench.run(&words);
        run.refused(4, "locked");
        assert!(run.error_line().contains(&owner) && run.stderr.contains(", since 2"), "{run:?}");
    }
    let waits = ["plugin", "install", "oci-archive:demo.tar", "--allow-downgrade", "--lock-timeout", "60"];
    let words = [&waits[..], &PLACES].concat();
    let mut waiting = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    std::thread::sleep(Duration::from_millis(500));
    assert!(waiting.try_wait().expect("asked").is_none(), "it waits");
    holder.go_on();
    assert!(waiting.wait().expect("it ends").success());
    assert_eq!(versions(&bench)[0], ("0.1.0".to_owned(), true));
}
