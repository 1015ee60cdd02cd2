//! What this site has accepted of Python distributions and drop-ins, and what an install has to do with the lock.

mod support;

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::{Bench, Run};

const PROCEDURES: &str = "from pydantic import BaseModel\n
class Config(BaseModel):
    pass

class Good:
    id = 'capa.contrib.good'
    name = 'Good'
    version = '1.0'
    config_model = Config
    required_capabilities = frozenset()
    required_channels = ()
    uses_method = False

    async def preflight(self, *args):
        return None

    async def run(self, *args):
        return None

class NoRun(Good):
    id = 'capa.contrib.experimental'
    run = None

class Same(Good):
    pass
";

/// A bench with a site-packages directory, in which a distribution has those entry points.
struct Packages(Bench);

impl Packages {
    fn with(entry_points: &[(&str, &str)]) -> Self {
        let packages = Self(Bench::new());
        fs::create_dir(packages.0.path("empty")).expect("made");
        packages.0.write("site/pydantic.py", "class BaseModel:\n    pass\n");
        packages.0.write("site/lab.py", PROCEDURES);
        packages.declare("1.0", entry_points);
        packages
    }

    fn declare(&self, version: &str, entry_points: &[(&str, &str)]) {
        let metadata = format!("Metadata-Version: 2.1\nName: lab-procedures\nVersion: {version}\n");
        self.0.write("site/lab.dist-info/METADATA", metadata);
        self.0.write("site/lab.dist-info/RECORD", "lab.py,,\n");
        let lines: String = entry_points.iter().map(|(name, object)| format!("{name} = lab:{object}\n")).collect();
        self.0.write("site/lab.dist-info/entry_points.txt", format!("[capa.procedures]\n{lines}"));
    }

    fn run(&self, words: &[&str]) -> Run {
        self.0.run(&[words, &["--site-packages", "site", "--plugins-dir", "empty"]].concat())
    }

    fn rejected(&self, words: &[&str]) -> Vec<String> {
        let run = self.run(&[&["plugins", "list"], words].concat());
        let lines = run.ok().stdout.lines().skip_while(|line| *line != "Rejected:").skip(1);
        lines.take_while(|line| line.starts_with("  ")).map(str::to_owned).collect()
    }
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED: there is no python3");
    }
    found
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn procedures_are_listed_by_what_they_call_themselves_and_held_to_their_contract() {
    if !has_python() {
        return;
    }
    let packages = Packages::with(&[("good", "Good"), ("experimental", "NoRun"), ("same", "Same"), ("gone", "Absent")]);
    let listed = packages.run(&["plugins", "list"]);
    let row = "capa.contrib.good                         lab-procedures        1.0         sha256:";
    assert!(listed.ok().stdout.contains(row), "{listed:?}");
    let rejected = packages.rejected(&[]);
    assert!(
        rejected.contains(&"  experimental: contract_check_failed: missing async run()".to_owned()),
        "{rejected:?}"
    );
    assert!(rejected.iter().any(|line| line.contains("duplicate plugin id (entry point lab:Same)")), "{rejected:?}");
    assert_eq!(rejected.len(), 3, "{rejected:?}");
    packages.0.write("site/lab.py", "raise RuntimeError('no')\n");
    let rejected = packages.rejected(&[]);
    assert!(rejected.iter().all(|line| line.contains(": import_failed: ")), "{rejected:?}");
}

#[test]
fn a_procedure_is_accepted_under_its_own_id_and_gated_without_being_run() {
    if !has_python() {
        return;
    }
    let packages = Packages::with(&[("good", "Good")]);
    let production = ["--plugin-mode", "production"];
    let trust = |id: &str| packages.run(&["plugins", "trust", id, "--reason", "read it"]);
    // Nothing is run for whoever gives no reason.
    for words in [&["plugins", "trust", "capa.contrib.good"][..], &["plugins", "trust", "good", "--reason", " "]] {
        let refused = packages.run(words);
        assert!(refused.refused(2, "usage").error_line().contains("trust: --reason is required"), "{refused:?}");
        assert!(!refused.stderr.contains("Loading"), "{refused:?}");
    }
    let refused = trust("capa.contrib.goood");
    let line = refused.refused(2, "usage").error_line();
    assert!(line.ends_with("not found among installed plugins. Available: capa.contrib.good"), "{refused:?}");
    let done = trust("capa.contrib.good");
    assert!(done.ok().stdout.starts_with("trusted: capa.contrib.good 1.0 (sha256:"), "{done:?}");
    assert!(done.stderr.contains("Loading lab:Good of lab-procedures 1.0"), "{done:?}");
    let lock = fs::read_to_string(packages.0.path("plugins.lock")).expect("a lock");
    for line in ["id = \"capa.contrib.good\"", "package = \"lab-procedures\"", "entry_point = \"lab:Good\""] {
        assert!(lock.contains(line), "{lock}");
    }
    let accepted = packages.run(&[&["plugins", "list"], &production[..]].concat());
    assert!(accepted.ok().stdout.contains("capa.contrib.good  ") && !accepted.stdout.contains("Drift"), "{accepted:?}");
    packages.run(&["plugins", "verify"]).ok();

    // What is not accepted any more is not run: it would say so.
    packages.0.write("site/lab.py", "raise RuntimeError('it was run')\n");
    fs::write(packages.0.path("site/lab.dist-info/RECORD"), "lab.py,,11\n").expect("written");
    let rejected = packages.rejected(&production);
    assert!(rejected[0].starts_with("  capa.contrib.good: hash_mismatch: "), "{rejected:?}");
    // The class alone is another: what it is installed from is what it was.
    packages.0.write("site/lab.py", PROCEDURES);
    packages.declare("1.0", &[("good", "Same")]);
    let rejected = packages.rejected(&production);
    let moved = "  capa.contrib.good: entry_point_mismatch: ";
    assert!(rejected.len() == 1 && rejected[0].starts_with(moved), "{rejected:?}");
    assert!(rejected[0].contains("entry_point (expected='lab:Good', actual='lab:Same')"), "{rejected:?}");
    packages.0.write("site/lab.py", "raise RuntimeError('it was run')\n");
    packages.declare("1.1", &[("good", "Same")]);
    let rejected = packages.rejected(&production);
    for label in ["version_mismatch", "version (expected='1.0', actual='1.1')", "entry_point (expected='lab:Good'"] {
        assert!(rejected[0].contains(label), "{rejected:?}");
    }
    let drift = packages.run(&["plugins", "verify"]);
    assert_eq!(drift.code, 3, "{drift:?}");
    assert!(!drift.stdout.contains("import_failed"), "{drift:?}");
    let run = packages.rejected(&[]);
    assert!(run.len() == 1 && run[0].contains(": import_failed: "), "in dev it is run: {run:?}");
    // Without a lock production admits nothing, and nothing is run either.
    let other = packages.run(&["plugins", "list", "--plugin-mode", "production", "--plugins-lock", "absent.lock"]);
    assert!(!other.ok().stdout.contains("import_failed") && !other.stderr.contains("Loading"), "{other:?}");
}

/// The hash of a distribution is that of its metadata: a module that is stated without a hash can be changed without it.
#[test]
fn a_procedure_that_calls_itself_otherwise_is_not_what_was_accepted() {
    if !has_python() {
        return;
    }
    let packages = Packages::with(&[("capa.contrib.good", "Good")]);
    packages.run(&["plugins", "trust", "capa.contrib.good", "--reason", "read it"]).ok();
    let production = ["--plugin-mode", "production"];
    assert_eq!(packages.rejected(&production), Vec::<String>::new());
    packages.0.write("site/lab.py", PROCEDURES.replace("capa.contrib.good", "capa.contrib.other"));
    let rejected = packages.rejected(&production);
    assert!(
        rejected.len() == 1 && rejected[0].starts_with("  capa.contrib.other: missing_from_lock: "),
        "{rejected:?}"
    );
}

#[test]
fn without_python_a_procedure_is_accepted_by_the_name_of_its_entry_point() {
    let packages = Packages::with(&[("good", "Good")]);
    let words = ["plugins", "trust", "good", "--reason", "x", "--site-packages", "site", "--plugins-dir", "empty"];
    // Production, where nothing that is not accepted is loaded, is no reason not to accept it.
    let variables = [("AISOC_PYTHON", "/nowhere/python3"), ("AISOC_PLUGIN_MODE", "production")];
    let done = packages.0.run_with(&words, &variables);
    assert!(done.ok().stdout.starts_with("trusted: good 1.0"), "{done:?}");
    assert!(done.stderr.contains("warning[id_not_asked]"), "{done:?}");
    packages.run(&["plugins", "verify"]).ok();
    if has_python() {
        // By the name that it has, nobody has accepted it yet.
        let rejected = packages.rejected(&["--plugin-mode", "production"]);
        assert!(rejected[0].starts_with("  capa.contrib.good: missing_from_lock: "), "{rejected:?}");
        packages.run(&["plugins", "trust", "capa.contrib.good", "--reason", "x"]).ok();
        assert_eq!(packages.rejected(&["--plugin-mode", "production"]), Vec::<String>::new());
    }
}

#[test]
fn drop_ins_are_accepted_like_everything_else() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).expect("made");
    bench.write("data/plugins/tools/weather_plugin.py", "x = 1\n");
    let run =
        |words: &[&str]| bench.run_with(&[words, &["--plugins-dir", "empty"]].concat(), &[("AISOC_DATA_DIR", "data")]);
    let listed = run(&["plugins", "list", "--json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let plugin = &json(&listed)["plugins"][0];
    assert_eq!(
        (&plugin["source"], &plugin["package"], &plugin["version"]),
        (&"dropin".into(), &"<local>".into(), &"0.0.0+local".into())
    );
    let id = plugin["id"].as_str().expect("an id").to_owned();
    run(&["plugins", "trust", &id, "--reason", "read it"]).ok();
    run(&["plugins", "verify"]).ok();
    bench.write("data/plugins/tools/weather_plugin.py", "x = 2\n");
    let drift = run(&["plugins", "verify"]);
    assert_eq!(drift.code, 3, "{drift:?}");
    assert!(drift.stdout.contains(&format!("  {id}: hash (expected='sha256:")), "{drift:?}");
}

/// A bench with a signed plugin as an archive, in two versions.
fn published() -> Bench {
    let bench = Bench::new();
    bench.published();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    bench.write("demo/plugin.yaml", manifest.replace("0.1.0", "0.2.0"));
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "second.tar"]).ok();
    bench
}

const PLACE: [&str; 4] = ["--plugins-dir", "plugins", "--trusted-keys", "keys"];

/// Whoever reads schema version 1 alone refuses a lock of version 2: an install that makes one of it says so.
#[test]
fn an_install_that_raises_the_schema_of_a_lock_says_so_once() {
    let bench = published();
    let install = |words: &[&str]| bench.run(&[&["plugin", "install"], words, &PLACE[..]].concat());
    let recorded = ["oci-archive:demo.tar", "--lock", "--reason", "ticket 12"];
    let raised = "/plugins.lock` is now of schema version 2, and was of version 1\n";
    // One that it makes was nobody's before.
    assert!(!install(&recorded).ok().stderr.contains("lock_schema_raised"));
    bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]).ok();
    bench.write("plugins.lock", "version = 1\n");
    let foreseen = install(&[&recorded[..], &["--dry-run"]].concat());
    assert!(
        foreseen.ok().stderr.contains("/plugins.lock` would be of schema version 2, and is of version 1"),
        "{foreseen:?}"
    );
    assert_eq!(fs::read_to_string(bench.path("plugins.lock")).expect("read"), "version = 1\n");
    let done = install(&recorded);
    assert!(done.ok().stderr.contains(raised), "{done:?}");
    assert!(fs::read_to_string(bench.path("plugins.lock")).expect("read").starts_with("version = 2\n"));
    let again = install(&recorded);
    assert!(!again.ok().stderr.contains("lock_schema_raised"), "{again:?}");
    // What is installed already, and is written down all the same.
    bench.write("plugins.lock", "version = 1\n");
    let unchanged = install(&recorded);
    assert!(unchanged.ok().stderr.contains(raised) && unchanged.stderr.contains("Up to date"), "{unchanged:?}");
}

#[test]
fn an_install_records_what_it_has_installed_with_where_it_is_from() {
    let bench = published();
    let install = |words: &[&str]| bench.run(&[&["plugin", "install"], words, &PLACE[..]].concat());
    assert_eq!(install(&["oci-archive:demo.tar", "--lock"]).code, 2, "a reason is needed");
    assert_eq!(install(&["oci-archive:demo.tar", "--reason", "x"]).code, 2, "a reason for what");
    assert_eq!(install(&["oci-archive:demo.tar", "--lock", "--locked", "--reason", "x"]).code, 2);
    assert!(!bench.path("plugins.lock").exists());
    let done = install(&["oci-archive:demo.tar", "--lock", "--reason", "as reviewed, ticket 12"]);
    assert!(done.ok().stderr.contains("Accepted demo 0.1.0 in plugins.lock"), "{done:?}");
    let text = fs::read_to_string(bench.path("plugins.lock")).expect("a lock");
    for line in [
        "version = 2",
        "id = \"demo\"",
        "source = \"oci\"",
        "oci_digest = \"sha256:",
        "coverage = \"full\"",
        "version_floor = \"0.1.0\"",
        "signed_by = [\"SHA256:",
        "accepted_at = \"",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let journal = fs::read_to_string(bench.path("plugins.lock.journal")).expect("a journal");
    let columns: Vec<&str> = journal.trim_end().split('\t').collect();
    assert_eq!((columns[1], columns[2], columns[3], columns[5]), ("trust", "demo", "0.1.0", "as reviewed, ticket 12"));
    let verified = bench.run(&[&["plugins", "verify"], &PLACE[..]].concat());
    assert!(verified.ok().stdout.ends_with("(no drift)\n") && !verified.stderr.contains("unjournaled"), "{verified:?}");
    let listed = bench.run(&[&["plugins", "list", "--plugin-mode", "production"], &PLACE[..]].concat());
    assert!(listed.ok().stdout.contains("demo  ") && !listed.stdout.contains("Rejected"), "{listed:?}");
    // The same again is no second line; a lock that was lost is made again of what is in place.
    install(&["oci-archive:demo.tar", "--lock", "--reason", "x"]).ok();
    assert_eq!(fs::read_to_string(bench.path("plugins.lock.journal")).expect("read"), journal);
    fs::remove_file(bench.path("plugins.lock")).expect("removed");
    install(&["oci-archive:demo.tar", "--lock", "--reason", "x"]).ok();
    assert!(fs::read_to_string(bench.path("plugins.lock")).expect("a lock").contains("id = \"demo\""));
}

#[test]
fn a_locked_install_takes_exactly_what_the_lock_accepts() {
    let bench = published();
    let install = |words: &[&str]| bench.run(&[&["plugin", "install"], words, &PLACE[..]].concat());
    install(&["oci-archive:demo.tar", "--locked"]).refused(2, "lock_missing");
    bench.write("plugins.lock", "version = 1\n");
    install(&["oci-archive:demo.tar", "--locked"]).refused(3, "missing_from_lock");
    assert!(!bench.path("plugins/demo").exists());
    let recorded = install(&["oci-archive:demo.tar", "--lock", "--reason", "x"]);
    assert!(recorded.ok().stderr.contains("Accepted demo 0.1.0 in plugins.lock"), "{recorded:?}");
    let compared = install(&["oci-archive:demo.tar", "--locked"]);
    assert!(!compared.ok().stderr.contains("Accepted"), "{compared:?}");
    let before = bench.snapshot("plugins");
    let refused = install(&["oci-archive:second.tar", "--locked"]);
    assert!(refused.refused(3, "version_mismatch").stderr.contains("0.2.0"), "{refused:?}");
    // A host in production would refuse it as soon as it is there: so does an install there.
    for words in [&["oci-archive:second.tar", "--plugin-mode", "production"][..], &["oci-archive:second.tar"]] {
        let run = bench.run_with(
            &[&["plugin", "install"], words, &PLACE[..]].concat(),
            if words.len() == 1 { &[("AISOC_PLUGIN_MODE", "production")][..] } else { &[] },
        );
        run.refused(3, "version_mismatch");
    }
    assert_eq!(bench.snapshot("plugins"), before);
    let text = fs::read_to_string(bench.path("plugins.lock")).expect("a lock");
    // The same version with another content.
    bench.write(
        "plugins.lock",
        text.replace("version = \"0.1.0\"", "version = \"0.2.0\"").replace("version_floor = \"0.1.0\"\n", ""),
    );
    install(&["oci-archive:second.tar", "--locked"]).refused(3, "hash_mismatch");
    assert_eq!(bench.snapshot("plugins"), before);
    bench.write("plugins.lock", text);
    let upgraded =
        install(&["oci-archive:second.tar", "--plugin-mode", "production", "--lock", "--reason", "ticket 14"]);
    assert!(upgraded.ok().stderr.contains("Accepted demo 0.2.0 in plugins.lock"), "{upgraded:?}");
    install(&["oci-archive:second.tar", "--locked"]).ok();
    // And never back below what was accepted.
    let back = install(&["oci-archive:demo.tar", "--allow-downgrade", "--lock", "--reason", "x"]);
    back.refused(3, "version_downgrade");
}

#[test]
fn a_dry_run_of_a_recorded_install_leaves_no_trace() {
    let bench = published();
    fs::create_dir(bench.path("plugins")).expect("made");
    let before = bench.state();
    let words = ["plugin", "install", "oci-archive:demo.tar", "--lock", "--reason", "x", "--dry-run"];
    bench.run(&[&words[..], &PLACE[..]].concat()).ok();
    assert_eq!(bench.state(), before);
}

#[test]
fn entry_points_alone_need_no_keys_with_a_lock_and_without() {
    let packages = Packages::with(&[("good", "Good")]);
    let verify =
        |words: &[&str]| packages.run(&[&["plugins", "verify", "--trusted-keys", "absent-keys"], words].concat());
    let none = "(nothing here has a signature by its kind)\n";
    for (words, why) in [
        (&[][..], "there is no plugins.lock"),
        (&["good"], "there is no plugins.lock"),
        (&["--only", "signatures"], "the lock was not asked"),
    ] {
        let verified = verify(words);
        assert_eq!(verified.ok().stdout, none, "{verified:?}");
        let said = format!("warning[unverified_listed]: 1 entry point without a signature, and {why}\n");
        assert!(verified.stderr.contains(&said), "{verified:?}");
    }
    let document: Value = serde_json::from_str(&verify(&["--json"]).ok().stdout).expect("JSON");
    assert_eq!((&document["plugins"], &document["lock"]), (&serde_json::json!([]), &Value::Null), "{document}");
    // What has one is asked for all the same, and so is what is not here.
    verify(&["goood"]).refused(1, "io_not_found");
    let empty = packages.0.run(&["plugins", "verify", "--plugins-dir", "empty", "--trusted-keys", "absent-keys"]);
    empty.refused(1, "io_not_found");
    packages.run(&["plugins", "lock", "--from-installed", "--reason", "read"]).ok();
    for words in [&[][..], &["capa.contrib.good"]] {
        let verified = verify(words);
        assert!(verified.ok().stdout.ends_with("(no drift)\n"), "{verified:?}");
        assert!(!verified.stderr.contains("unverified_listed"), "{verified:?}");
    }
    // Beside a plugin that has a signature it is verified alone, and the entry point is asked of the lock alone.
    packages.0.run(&["plugin", "new", "bare", "--type", "enricher", "-o", "empty"]).ok();
    verify(&[]).refused(1, "io_not_found");
    let named = verify(&["good", "--only", "signatures"]);
    assert_eq!(named.ok().stdout, none, "{named:?}");
}
