//! What the lock decides: of what is installed, rolled back, accepted and explained, by whole processes.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run};

const PLACE: [&str; 4] = ["--plugins-dir", "plugins", "--trusted-keys", "keys"];
const PRODUCTION: [&str; 2] = ["--plugin-mode", "production"];

/// Signs `demo` as another version that asks for those capabilities, and packs it in an archive of that name.
fn publish(bench: &Bench, version: &str, capabilities: &str) {
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("there");
    let is_other = |line: &&str| !line.starts_with("version:") && !line.starts_with("capabilities:");
    let lines: String = manifest.lines().filter(is_other).map(|line| format!("{line}\n")).collect();
    bench.write("demo/plugin.yaml", format!("{lines}version: \"{version}\"\ncapabilities: [{capabilities}]\n"));
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &format!("{version}.tar")]).ok();
}

/// A bench with versions 1 to 3 of `demo`, of which the third asks for more.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    for (version, capabilities) in
        [("1.0.0", "facts.read"), ("2.0.0", "facts.read"), ("3.0.0", "facts.read, facts.write")]
    {
        publish(&bench, version, capabilities);
    }
    // `demo` is the plugin of that id from here on.
    fs::rename(bench.path("demo"), bench.path("source")).expect("moved");
    bench
}

fn install(bench: &Bench, version: &str, words: &[&str]) -> Run {
    let source = format!("oci-archive:{version}.tar");
    bench.run(&[&["plugin", "install", &source], words, &PLACE[..]].concat())
}

fn rollback(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["plugin", "rollback", "demo"], words, &PLACE[..]].concat())
}

fn lock(bench: &Bench) -> String {
    fs::read_to_string(bench.path("plugins.lock")).expect("a lock")
}

/// What `aisoc explain` says, and of gate 7 its result and its only check.
fn explained(bench: &Bench, words: &[&str]) -> (Value, String, Value) {
    let run = bench.run(&[&["explain"], words, &PLACE[..], &["--json"]].concat());
    let decision: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let gate = decision["gates"].as_array().expect("gates").iter().find(|gate| gate["gate"] == "7").expect("gate 7");
    let check = gate["checks"].as_array().expect("checks").first().cloned().unwrap_or_default();
    (decision.clone(), gate["result"].as_str().expect("a word").to_owned(), check)
}

#[test]
fn a_rollback_goes_where_an_install_would_and_nowhere_else_in_production() {
    let bench = bench();
    for version in ["1.0.0", "2.0.0"] {
        install(&bench, version, &["--lock", "--reason", "read"]).ok();
    }
    let before = bench.snapshot("plugins");
    // The lock accepts the second: neither command brings back the first.
    let back = rollback(&bench, &PRODUCTION);
    let line = back.refused(3, "version_mismatch").error_line();
    assert!(line.contains("version (expected='2.0.0', actual='1.0.0')"), "{back:?}");
    // The command of the hint is about this plugin, and works as it is printed.
    assert!(back.stderr.contains("`aisoc plugins trust demo --reason TEXT"), "{back:?}");
    install(&bench, "1.0.0", &[&PRODUCTION[..], &["--allow-downgrade"]].concat()).refused(3, "version_mismatch");
    bench
        .run_with(&[&["plugin", "rollback", "demo"][..], &PLACE].concat(), &[("AISOC_PLUGIN_MODE", "production")])
        .refused(3, "version_mismatch");
    rollback(&bench, &[&PRODUCTION[..], &["--plugins-lock", "absent.lock"]].concat()).refused(1, "io_not_found");
    assert_eq!(bench.snapshot("plugins"), before);
    // Nor does a lock that is not there.
    fs::rename(bench.path("plugins.lock"), bench.path("kept.lock")).expect("moved");
    let missing = rollback(&bench, &PRODUCTION);
    let places = ["plugins.lock", ".config/aisoc/plugins.lock"].map(|name| bench.path(name).display().to_string());
    let said = format!("there is no `{}`, and no `{}`", places[0], places[1]);
    assert!(missing.refused(2, "lock_missing").error_line().ends_with(&said), "{missing:?}");
    assert_eq!(bench.snapshot("plugins"), before);
    fs::rename(bench.path("kept.lock"), bench.path("plugins.lock")).expect("moved back");
    // The floor of the lock holds whoever accepts what comes back.
    let floor = rollback(&bench, &["--lock", "--reason", "ticket 7"]);
    assert!(floor.refused(3, "version_downgrade").error_line().contains("version_floor"), "{floor:?}");
    assert_eq!(bench.snapshot("plugins"), before);
    bench.write("plugins.lock", lock(&bench).replace("version_floor = \"2.0.0\"", "version_floor = \"1.0.0\""));
    let done = rollback(&bench, &["--lock", "--reason", "ticket 7", "--json"]);
    let document: Value = serde_json::from_str(&done.ok().stdout).expect("JSON");
    assert_eq!((&document["version"], &document["is_locked"]), (&"1.0.0".into(), &true.into()));
    assert!(lock(&bench).contains("\nversion = \"1.0.0\"\n"), "{}", lock(&bench));
    let named = rollback(&bench, &[&PRODUCTION[..], &["--to", "1.0.0"]].concat());
    named.ok();
    bench.run(&[&["plugins", "verify"], &PLACE[..]].concat()).ok();
    // In dev the lock is no matter of a rollback.
    rollback(&bench, &["--to", "2.0.0"]).ok();
    // Where what is in place is asked for again, the lock is asked as well.
    rollback(&bench, &[&PRODUCTION[..], &["--to", "2.0.0"]].concat()).refused(3, "version_mismatch");
}

#[test]
fn what_the_lock_accepts_a_plugin_to_ask_for_is_not_passed_by() {
    let bench = bench();
    install(&bench, "2.0.0", &["--lock", "--reason", "read"]).ok();
    install(&bench, "3.0.0", &[]).refused(3, "capabilities_not_accepted");
    install(&bench, "3.0.0", &["--accept-capabilities", "facts.write"]).ok();
    // Installed with more than the lock accepts: the same again does not get it into the lock unasked.
    let narrow = lock(&bench);
    assert!(narrow.contains("capabilities = [\"facts.read\"]"), "{narrow}");
    let again = install(&bench, "3.0.0", &["--lock", "--reason", "x"]);
    let line = again.refused(3, "capabilities_not_accepted").error_line();
    assert!(line.ends_with("the plugin asks for more than plugins.lock accepts of it: facts.write"), "{again:?}");
    assert_eq!(lock(&bench), narrow);
    // Nor does another way to it: back to the second, and up again.
    rollback(&bench, &[]).ok();
    let up = rollback(&bench, &["--to", "3.0.0"]);
    assert!(up.refused(3, "capabilities_not_accepted").stderr.contains("--accept-capabilities facts.write"), "{up:?}");
    rollback(&bench, &["--to", "3.0.0", "--accept-capabilities", "facts.read"]).refused(3, "capabilities_not_accepted");
    rollback(&bench, &["--to", "3.0.0", "--accept-capabilities", "facts.write"]).ok();
    let accepted = ["--accept-capabilities", "facts.write", "--lock", "--reason", "ticket 8"];
    let done = install(&bench, "3.0.0", &accepted);
    assert!(done.ok().stderr.contains("Accepted demo 3.0.0 in plugins.lock"), "{done:?}");
    assert!(lock(&bench).contains("capabilities = [\"facts.read\", \"facts.write\"]"), "{}", lock(&bench));
    install(&bench, "3.0.0", &["--locked"]).ok();
}

#[test]
fn what_is_accepted_is_exactly_what_is_new() {
    let bench = bench();
    install(&bench, "2.0.0", &[]).ok();
    let before = bench.snapshot("plugins");
    // Below it, beside it, above it.
    for accepted in ["facts.read", "audit.emit", "facts.write,audit.emit", "facts.read,facts.write"] {
        let refused = install(&bench, "3.0.0", &["--accept-capabilities", accepted]);
        let line = refused.refused(3, "capabilities_not_accepted").stderr.clone();
        assert!(line.contains("--accept-capabilities facts.write"), "{accepted}: {refused:?}");
        assert_eq!(bench.snapshot("plugins"), before, "{accepted}");
    }
    let done = install(&bench, "3.0.0", &["--accept-capabilities", "facts.write"]);
    done.ok();
    let journal = fs::read_to_string(bench.path("plugins/.aisoc/plugins.journal")).expect("a journal");
    assert_eq!(journal.matches("accepted capabilities: facts.write").count(), 1, "{journal}");
}

#[test]
fn what_the_lock_says_is_explained_of_what_is_installed_and_of_what_is_offered() {
    let bench = bench();
    install(&bench, "1.0.0", &[]).ok();
    for subject in ["demo", "1.0.0.tar"] {
        // No lock: dev asks for none, production for one.
        let (decision, result, check) = explained(&bench, &[subject]);
        assert_eq!((&decision["verdict"], result.as_str()), (&"admitted".into(), "not_reached"), "{decision}");
        assert!(check["evidence"].as_str().expect("words").contains("dev asks for none"), "{check}");
        let (decision, result, check) = explained(&bench, &[&[subject], &PRODUCTION[..]].concat());
        assert_eq!((&decision["verdict"], result.as_str()), (&"refused".into(), "failed"), "{decision}");
        assert_eq!(decision["objection"]["reason_code"], "lock_missing");
        assert!(check["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{check}");
    }
    install(&bench, "1.0.0", &["--lock", "--reason", "read"]).ok();
    for subject in ["demo", "1.0.0.tar"] {
        let (decision, result, check) = explained(&bench, &[&[subject], &PRODUCTION[..]].concat());
        assert_eq!((&decision["verdict"], result.as_str()), (&"admitted".into(), "passed"), "{decision}");
        assert!(check["evidence"].as_str().expect("words").starts_with("1.0.0 sha256:"), "{check}");
    }
    // Another version, in both modes, with the two values.
    let differs = "version (expected='1.0.0', actual='2.0.0')";
    let (decision, result, check) = explained(&bench, &["2.0.0.tar"]);
    assert_eq!((&decision["verdict"], result.as_str()), (&"admitted".into(), "passed"), "{decision}");
    let evidence = check["evidence"].as_str().expect("words");
    assert!(evidence.contains(differs) && evidence.contains("dev lets pass"), "{check}");
    let (decision, result, check) = explained(&bench, &[&["2.0.0.tar"], &PRODUCTION[..]].concat());
    assert_eq!((&decision["verdict"], result.as_str()), (&"refused".into(), "failed"), "{decision}");
    assert_eq!(decision["objection"]["reason_code"], "version_mismatch");
    assert!(check["evidence"].as_str().expect("words").contains(differs), "{check}");
    // And what it does not list at all.
    bench.write("plugins.lock", "version = 1\n");
    let (decision, ..) = explained(&bench, &[&["demo"], &PRODUCTION[..]].concat());
    assert_eq!(decision["objection"]["reason_code"], "missing_from_lock");
    let text = bench.run(&[&["explain", "demo"], &PRODUCTION[..], &PLACE[..]].concat());
    for line in ["NO  7   lock\n", "            to change it: look at it, then accept it: `aisoc plugins trust"] {
        assert!(text.ok().stdout.contains(line), "{line:?} in {text:?}");
    }
    explained(&bench, &["demo"]);
    bench.run(&[&["explain", "demo", "--plugins-lock", "absent"][..], &PLACE].concat()).refused(1, "io_not_found");
}

#[test]
fn what_every_host_would_refuse_is_not_accepted() {
    let bench = bench();
    install(&bench, "1.0.0", &[]).ok();
    fs::create_dir_all(bench.path("plugins/bare")).expect("made");
    bench.write("plugins/bare/plugin.yaml", "id: bare\nname: B\nversion: '1'\nplugin_type: enricher\n");
    bench.write("plugins/bare/plugin.py", "class Plugin:\n    pass\n");
    let trust =
        |words: &[&str]| bench.run(&[&["plugins", "trust", "bare", "--reason", "x"], words, &PLACE[..]].concat());
    let refused = trust(&[]);
    assert!(refused.refused(3, "unsigned").error_line().contains("bare: "), "{refused:?}");
    assert!(!bench.path("plugins.lock").exists() && !bench.path("plugins.lock.journal").exists());
    trust(&["--trust-mode", "disabled"]).refused(2, "unsigned_not_acknowledged");
    bench.run(&["plugins", "trust", "bare", "--reason", "x", "--plugins-dir", "plugins"]).refused(1, "io_not_found");
    assert!(!bench.path("plugins.lock").exists());
    // What is locked with everything else leaves it out, and says so.
    let locked = bench.run(&[&["plugins", "lock", "--from-installed", "--reason", "x"][..], &PLACE].concat());
    assert!(locked.ok().stderr.contains("warning[not_locked]: `bare` is not in the lock: unsigned"), "{locked:?}");
    assert_eq!(lock(&bench).matches("[[plugins]]").count(), 1);
    // Where the trust mode lets it pass, it is accepted with that.
    let warned = trust(&["--trust-mode", "warn"]);
    assert!(warned.ok().stderr.contains("accepts `bare` although unsigned"), "{warned:?}");
    bench.acknowledge_unsigned();
    trust(&["--trust-mode", "disabled"]).ok();
}

/// What `aisoc explain` says of what is found beside the plugins directory.
fn found(bench: &Bench, words: &[&str], variables: &[(&str, &str)]) -> (Value, Vec<(String, String)>) {
    let places = ["--plugins-dir", "empty", "--trusted-keys", "keys", "--json"];
    let data = [("AISOC_DATA_DIR", "data")];
    let run = bench.run_with(&[&["explain"], words, &places].concat(), &[&data, variables].concat());
    let decision: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let gates = decision["gates"].as_array().expect("gates").iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let gates = gates.map(|gate| (text(&gate["gate"]), text(&gate["result"]))).collect();
    (decision, gates)
}

fn result<'a>(gates: &'a [(String, String)], number: &str) -> &'a str {
    &gates.iter().find(|(gate, _)| gate == number).expect("a gate").1
}

#[test]
fn a_drop_in_is_explained_by_its_id_and_by_its_file() {
    let bench = bench();
    fs::create_dir(bench.path("empty")).expect("made");
    let file = "data/plugins/tools/weather_plugin.py";
    bench.write(file, "x = 1\n");
    bench.write("data/plugins/domains/bad.json", "{");
    for named in ["tool/weather_plugin", file] {
        let (decision, gates) = found(&bench, &[named], &[]);
        assert_eq!((&decision["verdict"], &decision["id"]), (&"admitted".into(), &"tool/weather_plugin".into()));
        for (number, expected) in [("1", "passed"), ("2", "passed"), ("3a", "passed"), ("7", "not_reached")] {
            assert_eq!(result(&gates, number), expected, "{number}: {decision}");
        }
        let (decision, gates) = found(&bench, &[named], &[("AISOC_ALLOW_USER_PLUGINS", "0")]);
        assert_eq!(decision["objection"]["reason_code"], "user_plugins_disabled", "{decision}");
        assert_eq!(result(&gates, "2"), "failed");
        let (decision, gates) = found(&bench, &[&[named], &PRODUCTION[..]].concat(), &[]);
        assert_eq!((&decision["verdict"], result(&gates, "7")), (&"refused".into(), "failed"), "{decision}");
    }
    let (decision, gates) = found(&bench, &["domain/bad"], &[]);
    assert_eq!(decision["objection"]["reason_code"], "dropin_invalid", "{decision}");
    assert_eq!(result(&gates, "3a"), "failed");
    let words = ["explain", "tool/absent_plugin", "--plugins-dir", "empty", "--trusted-keys", "keys"];
    bench.run_with(&words, &[("AISOC_DATA_DIR", "data")]).refused(1, "io_not_found");
}

#[test]
fn an_entry_point_is_explained_without_being_run_until_everything_else_lets_it_pass() {
    let bench = bench();
    fs::create_dir(bench.path("empty")).expect("made");
    bench.write("site/lab.py", "raise RuntimeError('it was run')\n");
    bench.write("site/lab.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab-procedures\nVersion: 1.0\n");
    bench.write("site/lab.dist-info/RECORD", "lab.py,,\n");
    bench.write("site/lab.dist-info/entry_points.txt", "[capa.procedures]\ngood = lab:Good\n");
    let site = ["--site-packages", "site"];
    let (decision, gates) = found(&bench, &[&["good"], &site[..]].concat(), &[]);
    assert_eq!(decision["objection"]["reason_code"], "import_failed", "{decision}");
    for (number, expected) in [("1", "passed"), ("5", "not_reached"), ("7", "not_reached"), ("3b", "failed")] {
        assert_eq!(result(&gates, number), expected, "{number}: {decision}");
    }
    bench.write("plugins.lock", "version = 1\n");
    let (decision, gates) = found(&bench, &[&["good"], &site[..], &PRODUCTION].concat(), &[]);
    assert_eq!(decision["objection"]["reason_code"], "missing_from_lock", "{decision}");
    assert_eq!((result(&gates, "7"), result(&gates, "3b")), ("failed", "not_reached"), "{decision}");
}

#[test]
fn every_command_that_misses_a_lock_names_every_place_and_every_one_that_goes_by_one_says_which() {
    let bench = bench();
    fs::create_dir(bench.path("plugins")).expect("made");
    let [here, of_user] =
        ["plugins.lock", ".config/aisoc/plugins.lock"].map(|name| bench.path(name).display().to_string());
    let said = format!("there is no `{here}`, and no `{of_user}`");
    let sync = ["plugins", "sync", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    for words in [
        &["plugins", "untrust", "demo", "--reason", "x", "--plugins-dir", "plugins"][..],
        &["plugins", "verify", "--only", "lock", "--plugins-dir", "plugins"],
        &[
            "plugins",
            "lock",
            "push",
            "oci:there:1",
            "--name",
            "acme",
            "--expires",
            "90d",
            "--private-key",
            "release.key",
            "--trusted-keys",
            "keys",
        ],
        &["plugin", "install", "--locked", "--plugins-dir", "plugins", "--trusted-keys", "keys"],
        &sync,
    ] {
        let missing = bench.run(words);
        assert!(missing.refused(2, "lock_missing").error_line().ends_with(&said), "{words:?}: {missing:?}");
    }
    let install = |words: &[&str]| install(&bench, "1.0.0", words);
    assert!(install(&PRODUCTION).refused(2, "lock_missing").error_line().ends_with(&said));
    let doctor =
        bench.run(&["doctor", "--plugin-mode", "production", "--plugins-dir", "plugins", "--trusted-keys", "keys"]);
    assert!(doctor.stdout.contains(&said), "{doctor:?}");

    let line = format!("plugins.lock (auto-discovered): {of_user}");
    let is_said = |run: &Run| run.stderr.lines().any(|said| said == line);
    bench.write(".config/aisoc/plugins.lock", "version = 1\n");
    let refused = install(&PRODUCTION);
    assert!(refused.code == 3 && is_said(&refused), "{refused:?}");
    assert!(is_said(install(&["--lock", "--reason", "read"]).ok()));
    assert!(is_said(bench.run(&sync).ok()));
    let locked = ["plugin", "install", "--locked", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    assert!(is_said(bench.run(&locked).ok()));
    // Not where it decides nothing, was named, or nobody reads it.
    for words in [&[][..], &["--plugins-lock", &of_user], &["--locked", "-q"], &["--locked", "--json"]] {
        let run = install(words);
        assert!(!format!("{}{}", run.ok().stdout, run.stderr).contains("auto-discovered"), "{words:?}: {run:?}");
    }
}

#[test]
fn in_production_without_a_lock_the_listing_says_of_each_what_explain_says() {
    let bench = bench();
    bench.write("site/lab.dist-info/METADATA", "Metadata-Version: 2.1\nName: lab\nVersion: 1\n");
    bench.write("site/lab.dist-info/RECORD", "");
    bench.write("site/lab.dist-info/entry_points.txt", "[chaoscypher.cleaners]\nlab = lab:Lab\n");
    bench.write("site/lab.py", "raise RuntimeError('ran')\n");
    install(&bench, "1.0.0", &[]).ok();
    let places = ["--site-packages", "site", "--plugins-dir", "plugins", "--trusted-keys", "keys"];
    let run = |words: &[&str]| bench.run(&[words, &places[..], &PRODUCTION].concat());
    let listed = run(&["plugins", "list"]);
    let start = "plugin mode: production\nplugins.lock: (none — production mode requires one to gate trust)\n\
                 (no plugins loaded)\n\nRejected:\n";
    let rejected = listed.ok().stdout.strip_prefix(start).unwrap_or_else(|| panic!("{listed:?}"));
    let document: Value = serde_json::from_str(&run(&["plugins", "list", "--json"]).ok().stdout).expect("JSON");
    for (row, id) in document["plugins"].as_array().expect("rows").iter().zip(["demo", "lab"]) {
        assert_eq!((&row["id"], &row["state"]), (&id.into(), &"failed".into()), "{document}");
        let explained: Value = serde_json::from_str(&run(&["explain", id, "--json"]).ok().stdout).expect("JSON");
        assert_eq!(row["error"]["reason_code"], "lock_missing", "{document}");
        let is_said = |document: &Value| {
            let message = document["objection"]["message"].as_str().expect("a message");
            message.ends_with(row["error"]["message"].as_str().expect("a message"))
        };
        assert!(is_said(&explained), "{explained}");
        let described: Value =
            serde_json::from_str(&run(&["plugins", "describe", id, "--json"]).ok().stdout).expect("JSON");
        assert!(is_said(&described), "{described}");
        assert!(rejected.contains(&format!("  {id}: lock_missing: there is no `")), "{listed:?}");
    }
    assert_eq!(rejected.lines().count(), 2, "{listed:?}");
    // In dev nothing asks for one, and only there anything is run.
    let dev = bench.run(&[&["plugins", "list"][..], &places].concat());
    assert!(dev.ok().stdout.ends_with("\nRejected:\n  lab: import_failed: ran\n"), "{dev:?}");
}
