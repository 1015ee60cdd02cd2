//! `plugins sync` and `plugin install --locked`: hosts that are brought to what one site has accepted.

mod support;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use aisoc_testkit::registry::{Act, Registry, Rule};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use support::{Bench, Run};

/// A site that signs its lock, a registry, and hosts that follow. All trust `root` for locks and `ops` for plugins.
struct Fleet {
    bench: Bench,
    registry: Registry,
}

const SETTINGS: [&str; 5] = ["--name", "fleet", "--required-signatures", "1", "--save"];
const HQ: [&str; 6] = ["--plugins-lock", "hq.lock", "--plugins-dir", "hq", "--keys", "keys"];

impl Fleet {
    fn new() -> Self {
        let bench = Bench::new();
        for directory in ["keys", "hq", "one", "two"] {
            fs::create_dir(bench.path(directory)).expect("made");
        }
        for key in ["root", "ops", "stranger"] {
            bench.run(&["plugin", "keygen", "--out", key]).ok();
        }
        for key in [&["root.pem", "--may-sign", "lock"][..], &["ops.pem"]] {
            bench.run(&[&["keys", "add"], key, &["--keys", "keys", "--reason", "ticket 12"]].concat()).ok();
        }
        Self { bench, registry: Registry::start() }
    }

    /// As [`Fleet::new`], where `alpha` and `beta` are accepted, pushed, and on host one.
    fn synced() -> Self {
        let fleet = Self::new();
        fleet.accept("alpha", "0.1.0");
        fleet.accept("beta", "0.1.0");
        fleet.push();
        fleet.follow("one", &[]).ok();
        fleet
    }

    /// What a host says once.
    fn followed(&self) -> Vec<String> {
        [&[self.set().as_str()], &SETTINGS[..]].concat().into_iter().map(str::to_owned).collect()
    }

    /// The first sync of a host.
    fn follow(&self, host: &str, words: &[&str]) -> Run {
        let followed = self.followed();
        self.sync(host, &followed.iter().map(String::as_str).chain(words.iter().copied()).collect::<Vec<_>>())
    }

    fn set(&self) -> String {
        self.registry.reference("team/fleet:set")
    }

    /// A plugin of that version, in the registry and accepted at headquarters.
    fn accept(&self, id: &str, version: &str) {
        self.bench.signed_version(id, version, "ops.key");
        let reference = self.registry.reference(&format!("team/{id}:{version}"));
        self.bench.run(&["plugin", "push", id, &reference]).ok();
        let words = ["plugin", "install", &reference, "--lock", "--reason", "read, ticket 7", "--allow-downgrade"];
        self.bench.run(&[&words, &HQ[..]].concat()).ok();
    }

    fn untrust(&self, id: &str) {
        let words =
            ["plugins", "untrust", id, "--reason", "ticket 8", "--plugins-lock", "hq.lock", "--plugins-dir", "hq"];
        self.bench.run(&words).ok();
    }

    fn push(&self) {
        let set = self.set();
        let words =
            ["plugins", "lock", "push", &set, "--name", "fleet", "--private-key", "root.key", "--expires", "30d"];
        self.bench.run(&[&words[..], &["--plugins-lock", "hq.lock", "--keys", "keys"]].concat()).ok();
    }

    fn sync(&self, host: &str, words: &[&str]) -> Run {
        self.bench.run(&words_of(host, words).iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// What is refused changes neither the lock nor a plugin.
    fn refused(&self, words: &[&str], code: i32, reason: &str) -> Run {
        let before = (self.bench.snapshot("one"), self.lock("one"));
        let run = self.sync("one", words);
        run.refused(code, reason);
        assert_eq!((self.bench.snapshot("one"), self.lock("one")), before, "{words:?}");
        run
    }

    fn lock(&self, host: &str) -> Option<String> {
        fs::read_to_string(self.bench.path(&format!("{host}.lock"))).ok()
    }

    /// The version in place; nothing where there is none.
    fn version(&self, host: &str, id: &str) -> Option<String> {
        let manifest = fs::read_to_string(self.bench.path(&format!("{host}/{id}/plugin.yaml"))).ok()?;
        let line = manifest.lines().find(|line| line.starts_with("version:")).expect("a version");
        Some(line.trim_start_matches("version:").trim().trim_matches('"').to_owned())
    }

    /// The trees of a host, without what aisoc keeps beside them.
    fn trees(&self, host: &str) -> Vec<(String, Vec<u8>)> {
        let root = self.bench.path(host);
        let below = |path: &std::path::Path| path.strip_prefix(&root).expect("below").display().to_string();
        let snapshot = self.bench.snapshot(host).into_iter().map(|(path, content)| (below(&path), content));
        snapshot.filter(|(path, _)| !path.starts_with(".aisoc")).collect()
    }

    /// Path and method of what was asked since the last look.
    fn asked(&self) -> Vec<String> {
        let seen = self.registry.requests();
        self.registry.forget();
        seen.into_iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect()
    }
}

fn words_of(host: &str, words: &[&str]) -> Vec<String> {
    let place = ["--plugins-lock", &format!("{host}.lock"), "--plugins-dir", host, "--keys", "keys"];
    [&["plugins", "sync"], words, &place].concat().into_iter().map(str::to_owned).collect()
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// Id, action and whether it is done, of each plugin.
fn actions(document: &Value) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let plugins = document["plugins"].as_array().expect("plugins").iter();
    plugins.map(|row| (text(&row["id"]), text(&row["action"]), row["is_done"] == true)).collect()
}

fn row(id: &str, action: &str, is_done: bool) -> (String, String, bool) {
    (id.to_owned(), action.to_owned(), is_done)
}

#[test]
fn a_host_is_brought_to_exactly_what_the_set_accepts_and_a_second_run_asks_for_the_set_alone() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    fleet.accept("beta", "0.1.0");
    fleet.push();
    let planned = fleet.follow("one", &["--dry-run"]);
    assert_eq!(planned.ok().stdout, "install alpha 0.1.0: not installed\ninstall beta 0.1.0: not installed\n");
    assert_eq!((fleet.lock("one"), fleet.trees("one").len()), (None, 0), "a dry run");
    let done = fleet.follow("one", &["--json"]);
    let said = document(done.ok());
    assert_eq!(actions(&said), [row("alpha", "install", true), row("beta", "install", true)], "{said}");
    assert_eq!((&said["is_complete"], &said["followed"]["set_version"]), (&true.into(), &1.into()), "{said}");
    assert!(!done.stderr.contains("Accepted"), "the set accepts, and nobody here: {done:?}");
    assert_eq!(fleet.lock("one"), fleet.lock("hq"));
    assert_eq!(fleet.trees("one"), fleet.trees("hq"));
    let before = (fleet.bench.snapshot("one"), fleet.lock("one"));
    fleet.asked();
    let again = fleet.sync("one", &["--json"]);
    assert_eq!(actions(&document(again.ok())), [row("alpha", "keep", true), row("beta", "keep", true)]);
    assert_eq!(fleet.asked(), ["GET /v2/team/fleet/manifests/set"], "one for the set, and none for a plugin");
    assert_eq!(fleet.sync("one", &[]).ok().stdout, "");
    assert_eq!((fleet.bench.snapshot("one"), fleet.lock("one")), before);
    fleet
        .bench
        .run(&["plugins", "verify", "--plugins-lock", "one.lock", "--plugins-dir", "one", "--keys", "keys"])
        .ok();
}

#[test]
fn versions_go_up_and_down_with_the_lock_and_what_it_does_not_accept_is_named_and_stays() {
    let fleet = Fleet::synced();
    fleet.accept("alpha", "0.2.0");
    fleet.accept("gamma", "1.0.0");
    fleet.untrust("beta");
    fleet.push();
    let planned = fleet.sync("one", &["--dry-run"]);
    let expected = "upgrade alpha 0.2.0: version_mismatch: 0.1.0 → 0.2.0\ninstall gamma 1.0.0: not installed\n\
                    extra beta 0.1.0: not in plugins.lock (oci)\n";
    assert_eq!(planned.ok().stdout, expected);
    assert_eq!(fleet.version("one", "alpha").as_deref(), Some("0.1.0"), "a dry run");
    let done = fleet.sync("one", &[]);
    assert_eq!(done.ok().stdout, expected);
    assert_eq!(fleet.version("one", "alpha").as_deref(), Some("0.2.0"));
    assert_eq!(fleet.version("one", "beta").as_deref(), Some("0.1.0"), "nobody has asked for that to go");
    // Nothing is fetched for it: that version is kept.
    fleet.asked();
    let back = ["--rollback", "--reason", "breaks OPS-1299"];
    let planned = fleet.sync("one", &[&back[..], &["--dry-run"]].concat());
    assert!(planned.ok().stdout.starts_with("downgrade alpha 0.1.0: version_mismatch: 0.2.0 → 0.1.0\n"), "{planned:?}");
    assert_eq!(fleet.version("one", "alpha").as_deref(), Some("0.2.0"), "a dry run");
    for run in ["once", "and again"] {
        let done = fleet.sync("one", &back);
        assert!(done.ok().stdout.ends_with("extra gamma 1.0.0: not in plugins.lock (oci)\n"), "{run}: {done:?}");
        assert_eq!(fleet.version("one", "alpha").as_deref(), Some("0.1.0"), "{run}");
    }
    assert_eq!(fleet.asked(), [""; 0]);
    // It stays so until a newer set comes.
    fleet.sync("one", &[]).ok();
    assert_eq!(fleet.version("one", "alpha").as_deref(), Some("0.1.0"));
    fleet.accept("alpha", "0.3.0");
    fleet.push();
    fleet.sync("one", &[]).ok();
    assert_eq!(fleet.version("one", "alpha").as_deref(), Some("0.3.0"));
}

#[test]
fn what_stands_in_the_place_of_a_plugin_and_is_another_one_stays_and_is_a_refusal() {
    let fleet = Fleet::synced();
    fs::remove_dir_all(fleet.bench.path("one/alpha")).expect("removed");
    fs::remove_dir_all(fleet.bench.path("one/.aisoc")).expect("removed");
    fleet.bench.signed_version("gamma", "1.0.0", "ops.key");
    fs::rename(fleet.bench.path("gamma"), fleet.bench.path("one/alpha")).expect("moved");
    let run = fleet.sync("one", &[]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.error_line().starts_with("error[already_exists]: alpha: something else stands in its place"),
        "{run:?}"
    );
    assert!(run.stderr.contains("  found:    `gamma`\n"), "{run:?}");
    fs::remove_dir_all(fleet.bench.path("one/alpha")).expect("removed");
    fleet.bench.write("one/alpha/notes.txt", "mine\n");
    let run = fleet.sync("one", &["--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(fs::read_to_string(fleet.bench.path("one/alpha/notes.txt")).expect("there"), "mine\n");
}

/// The same artifact, of which less is accepted now: by whom it is signed, and what it may ask for.
/// A second tree of an accepted plugin, which somebody has put beside it or in its place.
#[test]
fn a_plugin_in_two_places_is_refused_with_both_and_nothing_is_fetched_for_it() {
    let fleet = Fleet::synced();
    let copy = fleet.bench.path("one/copy");
    copy_tree(&fleet.bench.path("one/alpha"), &copy);
    fs::remove_file(fleet.bench.path("one.lock.sync")).expect("removed");
    fs::remove_file(fleet.bench.path("one.lock.set")).expect("removed");
    fleet.asked();
    for _ in ["once", "and again"] {
        let run = fleet.sync("one", &[]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.error_line().starts_with("error[already_exists]: alpha: the plugin `alpha` stands in"), "{run:?}");
        assert!(
            run.error_line().contains("one/copy` as well as in its own, `") && run.error_line().contains("one/alpha`")
        );
        assert!(run.stderr.contains("`aisoc plugin uninstall copy --plugins-dir one`"), "{run:?}");
    }
    assert_eq!(fleet.asked(), [""; 0], "what would be refused is not fetched");
    fleet.bench.run(&["plugin", "uninstall", "copy", "--plugins-dir", "one", "--yes"]).ok();
    fleet.sync("one", &[]).ok();
    // The one that was installed is gone, and the other one is not as it was accepted.
    fs::rename(fleet.bench.path("one/alpha"), &copy).expect("moved");
    fleet.bench.write("one/copy/plugin.py", "print('other')\n");
    let run = fleet.sync("one", &[]);
    assert!(run.error_line().contains("one/copy` and not in its own, `"), "{run:?}");
    assert_eq!(fleet.asked(), [""; 0]);
}

fn copy_tree(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type").is_dir() {
            true => copy_tree(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).expect("copied")),
        }
    }
}

#[test]
fn a_reference_of_an_entry_that_names_nothing_is_named_with_what_is_wrong_with_it() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    let lock = fleet.lock("hq").expect("a lock");
    let line = |key: &str| lock.lines().find(|line| line.starts_with(key)).expect("a line").to_owned();
    for (text, found) in [
        (lock.replace(&line("oci_ref"), "oci_ref = \"no such reference!\""), "`no such reference!`: "),
        (lock.replace(&line("oci_digest"), ""), "no `oci_digest` says which artifact it is"),
    ] {
        assert_ne!(text, lock);
        fleet.bench.write("one.lock", text);
        let run = fleet.sync("one", &[]);
        assert_eq!(run.code, 3, "{run:?}");
        let expected = "`oci_ref` of `alpha` in plugins.lock names nothing that can be fetched";
        assert!(run.error_line().ends_with(expected), "{run:?}");
        assert!(run.stderr.contains(found), "{run:?}");
        let place = ["--plugins-lock", "one.lock", "--plugins-dir", "one", "--keys", "keys"];
        let installed = fleet.bench.run(&[&["plugin", "install", "--locked"], &place[..]].concat());
        assert!(installed.error_line().ends_with(expected), "{installed:?}");
    }
}

/// Three plugins, and nobody at the registry's port.
#[test]
fn a_registry_that_is_down_is_asked_once_and_a_repository_that_is_missing_says_nothing_of_others() {
    let fleet = Fleet::new();
    for id in ["alpha", "beta", "gamma"] {
        fleet.accept(id, "0.1.0");
    }
    fs::copy(fleet.bench.path("hq.lock"), fleet.bench.path("one.lock")).expect("copied");
    for status in [401, 404] {
        fleet.registry.set_rules(vec![Rule::on("/team/alpha/manifests", Act::Status(status))]);
        let said = document(&fleet.sync("one", &["--json", "--dry-run"]));
        assert!(said["plugins"][0]["objection"].is_object() && said["plugins"][1]["objection"].is_null(), "{said}");
        assert!(said["plugins"][2]["objection"].is_null(), "{said}");
    }
    drop(fleet.registry);
    let words = words_of("one", &["--json"]);
    let run = fleet.bench.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 4, "{run:?}");
    let said = document(&run);
    let message = |at: usize| said["plugins"][at]["objection"]["message"].as_str().expect("a message").to_owned();
    assert!(message(0).starts_with("cannot connect to `127.0.0.1:"), "{said}");
    for at in [1, 2] {
        assert_eq!(said["plugins"][at]["objection"]["reason_code"], "registry_unavailable", "{said}");
        let expected = "not asked again, because it was not reached before: cannot connect to `127.0.0.1:";
        assert!(message(at).starts_with(expected), "{said}");
    }
}

#[test]
fn a_plugins_directory_that_is_a_file_or_a_link_is_named_with_what_was_meant() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    fleet.bench.write("file", "x");
    std::os::unix::fs::symlink("one", fleet.bench.path("link")).expect("made");
    let sync = |directory: &str| {
        let place = ["--plugins-lock", "hq.lock", "--plugins-dir", directory, "--keys", "keys"];
        fleet.bench.run(&[&["plugins", "sync"], &place[..]].concat())
    };
    for (directory, hint) in [
        ("file", ": `file` is a file\n"),
        ("file/below", ": `file` is a file\n"),
        ("link", "hint: find out who made the link; if `one` is what was meant, name that"),
    ] {
        let run = sync(directory);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains(hint), "{run:?}");
    }
}

#[test]
fn what_goes_beyond_its_entry_is_a_refusal_although_its_content_is_accepted() {
    let fleet = Fleet::synced();
    fs::remove_file(fleet.bench.path("one.lock.sync")).expect("removed");
    fs::remove_file(fleet.bench.path("one.lock.set")).expect("removed");
    let lock = fleet.lock("one").expect("a lock");
    let line = lock.lines().find(|line| line.starts_with("signed_by")).expect("a signer").to_owned();
    let other = format!("signed_by = [\"SHA256:{}\"]", "0".repeat(64));
    fleet.bench.write("one.lock", lock.replacen(&line, &other, 1));
    let run = fleet.sync("one", &[]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.error_line().contains("nobody whose signature plugins.lock accepts has signed it"), "{run:?}");
    // And before it is installed, on a host that has nothing yet.
    fs::copy(fleet.bench.path("one.lock"), fleet.bench.path("two.lock")).expect("copied");
    let run = fleet.sync("two", &["--json"]);
    assert_eq!((run.code, fleet.version("two", "alpha")), (3, None), "{run:?}");
    assert_eq!(document(&run)["plugins"][0]["objection"]["reason_code"], "signer_changed", "{run:?}");
    assert_eq!(fleet.version("two", "beta").as_deref(), Some("0.1.0"));
}

/// The same artifact asks for what it asked for before, of which nothing is accepted now.
#[test]
fn what_asks_for_more_than_is_accepted_by_now_is_a_refusal() {
    let fleet = Fleet::new();
    fleet.bench.run(&["plugin", "new", "alpha", "--type", "enricher"]).ok();
    let manifest = fs::read_to_string(fleet.bench.path("alpha/plugin.yaml")).expect("there");
    let kept: Vec<&str> = manifest.lines().filter(|line| !line.starts_with("capabilities:")).collect();
    fleet.bench.write("alpha/plugin.yaml", kept.join("\n") + "\ncapabilities: [facts.read]\n");
    fleet.accept("alpha", "0.1.0");
    let lock = fleet.lock("hq").expect("a lock");
    fs::copy(fleet.bench.path("hq.lock"), fleet.bench.path("one.lock")).expect("copied");
    fleet.sync("one", &[]).ok();
    let narrow = lock.replace("capabilities = [\"facts.read\"]", "capabilities = []");
    assert_ne!(narrow, lock);
    fleet.bench.write("one.lock", narrow);
    let run = fleet.sync("one", &[]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.error_line().starts_with("error[capabilities_not_accepted]: alpha"), "{run:?}");
    assert!(
        run.stderr.contains("hint: read what it asks for and who has signed it: `aisoc plugin inspect 127."),
        "{run:?}"
    );
    // What is wrong beside it has its own next step, and neither is an option that a sync has not.
    let lock = fleet.lock("one").expect("a lock");
    let otherwise =
        lock.replace("version = \"0.1.0\"", "version = \"0.2.0\"").replace("version_floor = \"0.1.0\"\n", "");
    fleet.bench.write("two.lock", otherwise);
    let run = fleet.sync("two", &[]);
    assert_eq!((run.code, fleet.version("two", "alpha")), (3, None), "{run:?}");
    let hint = run.stderr.lines().rfind(|line| line.starts_with("hint: ")).expect("a hint");
    for said in ["hint: read what it asks for and who", "; install the version that was accepted"] {
        assert!(hint.contains(said), "{said}: {run:?}");
    }
    assert!(!hint.contains("--accept-capabilities"), "{run:?}");
}

#[test]
fn a_host_that_has_followed_a_set_is_told_from_where_or_refused() {
    let fleet = Fleet::synced();
    fs::remove_file(fleet.bench.path("one.lock.sync")).expect("removed");
    let run = fleet.refused(&[], 2, "usage");
    assert!(run.stderr.contains("`aisoc plugins sync REF --name NAME"), "{run:?}");
}

#[test]
fn what_was_changed_or_removed_by_hand_comes_back() {
    let fleet = Fleet::synced();
    let accepted = fleet.trees("one");
    fleet.bench.write("one/alpha/plugin.py", "print('other')\n");
    fs::remove_dir_all(fleet.bench.path("one/beta")).expect("removed");
    let done = document(fleet.sync("one", &["--json"]).ok());
    assert_eq!(actions(&done), [row("alpha", "replace", true), row("beta", "replace", true)], "{done}");
    assert_eq!(fleet.trees("one"), accepted);
}

#[test]
fn one_that_fails_keeps_no_other_from_coming_and_the_next_run_fetches_that_one_alone() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    fleet.accept("beta", "0.1.0");
    fleet.push();
    let rules = vec![Rule::on("/team/alpha/blobs", Act::Status(404))];
    fleet.registry.set_rules(rules);
    let run = fleet.follow("one", &["--json"]);
    assert_ne!(run.code, 0, "{run:?}");
    let said = document(&run);
    assert_eq!(actions(&said), [row("alpha", "install", false), row("beta", "install", true)], "{said}");
    assert_eq!(said["is_complete"], false, "{said}");
    assert!(said["plugins"][0]["objection"]["reason_code"].is_string(), "{said}");
    assert_eq!((fleet.version("one", "alpha"), fleet.version("one", "beta").is_some()), (None, true));
    fleet.registry.set_rules(Vec::new());
    fleet.asked();
    fleet.sync("one", &[]).ok();
    assert!(fleet.asked().iter().all(|asked| !asked.contains("beta")), "what is done is not fetched again");
    assert_eq!(fleet.trees("one"), fleet.trees("hq"));
}

#[test]
fn two_hosts_reach_one_set_through_a_registry_that_pushes_back_and_hangs_up() {
    let fleet = Fleet::new();
    for id in ["alpha", "beta", "gamma"] {
        fleet.accept(id, "0.1.0");
    }
    fleet.push();
    let busy = || Act::Answer(429, vec![("retry-after", "0".to_owned())], Vec::new());
    fleet.registry.set_rules(vec![
        Rule::on("/team/fleet/manifests", busy()).times(2),
        Rule::on("/team/alpha/manifests", Act::HangUp).times(2),
        Rule::on("/team/alpha/blobs", Act::CutAfter(100)).times(2),
        Rule::on("/team/beta/blobs", busy()).times(3),
        Rule::on("/team/gamma", Act::HangUp).times(2),
    ]);
    let followed = fleet.followed();
    let followed: Vec<&str> = followed.iter().map(String::as_str).collect();
    let start = |host: &str| {
        let words = words_of(host, &followed);
        let mut command = fleet.bench.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let hosts = ["one", "two"].map(start);
    for host in hosts {
        let output = host.wait_with_output().expect("ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let pushed_back = fleet.registry.requests().len();
    assert!(pushed_back > 2 * 3 * 3 + 2, "the script was played: {pushed_back}");
    for host in ["one", "two"] {
        assert_eq!((fleet.lock(host), fleet.trees(host)), (fleet.lock("hq"), fleet.trees("hq")), "{host}");
    }
}

#[test]
fn a_set_that_does_not_count_changes_neither_lock_nor_plugins() {
    let fleet = Fleet::synced();
    let push = |destination: &str, key: &str, words: &[&str]| {
        let words =
            [&["plugins", "lock", "push", destination, "--private-key", key, "--expires", "30d"], words].concat();
        fleet.bench.run(&[&words[..], &["--plugins-lock", "hq.lock", "--keys", "keys"]].concat()).ok();
    };
    let before = fleet.lock("hq").expect("a lock");
    fleet.accept("alpha", "0.2.0");
    push("strange.lockset", "stranger.key", &["--name", "fleet", "--set-version", "2"]);
    fleet.refused(&["strange.lockset", "--name", "fleet"], 3, "untrusted_key");
    push("old.lockset", "root.key", &["--name", "fleet", "--set-version", "1"]);
    fleet.refused(&["old.lockset", "--name", "fleet"], 3, "lockset_rollback");
    push("other.lockset", "root.key", &["--name", "others", "--set-version", "9"]);
    fleet.refused(&["other.lockset", "--name", "fleet"], 3, "lockset_mismatch");
    // Below the floor of this host.
    fleet.push();
    fleet.sync("one", &[]).ok();
    fleet.bench.write("hq.lock", before);
    push("low.lockset", "root.key", &["--name", "fleet", "--set-version", "3"]);
    fleet.refused(&["low.lockset", "--name", "fleet"], 3, "version_downgrade");
    drop(fleet.registry);
    let run = fleet.bench.run(&words_of("one", &[]).iter().map(String::as_str).collect::<Vec<_>>());
    run.refused(4, "registry_unavailable");
}

#[test]
fn a_host_that_is_new_has_no_plugins_directory_yet() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    fleet.push();
    fs::remove_dir(fleet.bench.path("one")).expect("removed");
    fleet.follow("one", &["--dry-run"]).ok();
    assert!(!fleet.bench.path("one").exists(), "a dry run");
    fleet.follow("one", &[]).ok();
    assert_eq!(fleet.trees("one"), fleet.trees("hq"));
}

#[test]
fn a_host_that_follows_no_set_is_brought_to_its_lock_and_without_one_is_told_what_to_say() {
    let fleet = Fleet::new();
    let run = fleet.refused(&[], 2, "lock_missing");
    assert!(run.stderr.contains("aisoc plugins sync REF --name NAME --required-signatures COUNT --save"), "{run:?}");
    fleet.accept("alpha", "0.1.0");
    fs::copy(fleet.bench.path("hq.lock"), fleet.bench.path("one.lock")).expect("copied");
    fleet.asked();
    fleet.sync("one", &[]).ok();
    assert!(fleet.asked().iter().all(|asked| asked.contains("/team/alpha/")));
    assert_eq!(fleet.trees("one"), fleet.trees("hq"));
}

#[test]
fn what_comes_in_no_artifact_is_compared_and_keeps_the_host_from_being_complete() {
    let fleet = Fleet::synced();
    fleet.bench.signed_version("local", "1.0.0", "ops.key");
    fs::rename(fleet.bench.path("local"), fleet.bench.path("one/local")).expect("moved");
    let words =
        ["plugins", "trust", "local", "--reason", "ticket 9", "--plugins-lock", "one.lock", "--plugins-dir", "one"];
    fleet.bench.run(&[&words, &["--keys", "keys"][..]].concat()).ok();
    fs::remove_file(fleet.bench.path("one.lock.sync")).expect("removed");
    fs::remove_file(fleet.bench.path("one.lock.set")).expect("removed");
    assert_eq!(fleet.sync("one", &[]).ok().stdout, "");
    fleet.bench.write("one/local/plugin.py", "print('other')\n");
    let run = fleet.sync("one", &["--json"]);
    assert_eq!(run.code, 3, "{run:?}");
    let said = document(&run);
    assert!(actions(&said).contains(&row("local", "refuse", false)), "{said}");
    fs::remove_dir_all(fleet.bench.path("one/local")).expect("removed");
    let run = fleet.sync("one", &[]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.error_line().starts_with("error[missing_from_install]: local: "), "{run:?}");
}

#[test]
fn two_runs_at_once_do_the_work_once_and_one_that_is_interrupted_is_finished_by_the_next() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    fleet.accept("beta", "0.1.0");
    fleet.push();
    let followed = fleet.followed();
    let followed: Vec<&str> = followed.iter().map(String::as_str).collect();
    fleet.registry.set_rules(vec![Rule::on("/team/beta/blobs", Act::StallAfter(10)).times(1)]);
    let words = words_of("one", &followed);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    fleet.asked();
    let child = fleet.bench.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    while !fleet.registry.requests().iter().any(|seen| seen.path.contains("/team/beta/blobs")) {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("sent");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((fleet.version("one", "alpha").is_some(), fleet.version("one", "beta")), (true, None));
    let start = || fleet.bench.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let both = [start(), start()].map(|child| child.wait_with_output().expect("ends"));
    for output in &both {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!((fleet.lock("one"), fleet.trees("one")), (fleet.lock("hq"), fleet.trees("hq")));
}

impl Fleet {
    /// Three that are accepted, of which the second hangs in the middle of a run with these words, which is stopped then.
    fn stopped_at_the_second(&self, words: &[&str]) -> Run {
        for id in ["alpha", "beta", "gamma"] {
            self.accept(id, "0.1.0");
        }
        self.registry.set_rules(vec![Rule::on("/team/beta/blobs", Act::StallAfter(10)).times(1)]);
        self.registry.forget();
        let child = self.bench.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        while !self.registry.requests().iter().any(|seen| seen.path.contains("/team/beta/blobs")) {
            std::thread::sleep(Duration::from_millis(20));
        }
        kill_process(Pid::from_child(&child), Signal::INT).expect("sent");
        let output = child.wait_with_output().expect("ends");
        Run {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

#[test]
fn a_sync_that_is_stopped_says_what_is_done_what_was_undone_and_what_was_not_begun() {
    let fleet = Fleet::new();
    let words = words_of("one", &["--json"]).into_iter().map(|word| word.replace("one.lock", "hq.lock"));
    let words: Vec<String> = words.collect();
    let run = fleet.stopped_at_the_second(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 130, "{run:?}");
    let said = document(&run);
    let rows = [row("alpha", "install", true), row("beta", "install", false), row("gamma", "install", false)];
    assert_eq!(actions(&said), rows, "{said}");
    assert_eq!((&said["is_complete"], &said["ok"]), (&false.into(), &false.into()), "{said}");
    let objection = |at: usize| &said["plugins"][at]["objection"];
    assert!(objection(0).is_null(), "{said}");
    assert_eq!(objection(1)["reason_code"], "interrupted", "{said}");
    assert_eq!(objection(2)["reason_code"], "interrupted", "{said}");
    assert!(objection(2)["message"].as_str().is_some_and(|text| text.starts_with("not begun")), "{said}");
    let error: Value = serde_json::from_str(&run.stderr).expect("one document");
    assert_eq!(error["error"]["detail"]["reason_code"], "interrupted", "{error}");
    assert_eq!((fleet.version("one", "alpha").is_some(), fleet.version("one", "beta")), (true, None));
    assert_eq!(fleet.version("one", "gamma"), None);
}

#[test]
fn installs_that_are_stopped_say_what_is_installed_and_what_is_not() {
    let fleet = Fleet::new();
    let references = ["alpha", "beta", "gamma"].map(|id| fleet.registry.reference(&format!("team/{id}:0.1.0")));
    let named = [&["plugin", "install", "--json"], &references.each_ref().map(String::as_str)[..]].concat();
    let locked = ["plugin", "install", "--locked", "--json", "--plugins-lock", "hq.lock"];
    for (host, words) in [("one", &named[..]), ("two", &locked)] {
        let run = fleet.stopped_at_the_second(&[words, &["--plugins-dir", host, "--keys", "keys"]].concat());
        assert_eq!(run.code, 130, "{run:?}");
        let said = document(&run);
        let ids = |list: &str, key: &str| -> Vec<String> {
            let rows = said[list].as_array().expect("rows").iter();
            rows.map(|row| row[key].as_str().expect("text").to_owned()).collect()
        };
        assert_eq!(ids("plugins", "id"), ["alpha"], "{said}");
        let failed = ids("failed", "source");
        assert!(failed.len() == 2 && failed[0].contains("beta") && failed[1].contains("gamma"), "{said}");
        assert_eq!(said["failed"][1]["objection"]["reason_code"], "interrupted", "{said}");
    }
}

#[test]
fn a_locked_install_without_a_source_installs_what_the_lock_accepts_and_nothing_else() {
    let fleet = Fleet::new();
    fleet.accept("alpha", "0.1.0");
    fleet.accept("beta", "0.1.0");
    let place = ["--plugins-lock", "hq.lock", "--plugins-dir", "one", "--keys", "keys"];
    let install = |words: &[&str]| fleet.bench.run(&[&["plugin", "install"], words, &place].concat());
    install(&[]).refused(2, "usage");
    install(&["--locked", "--allow-downgrade"]).refused(2, "usage");
    let run = install(&["--locked"]);
    assert_eq!(run.ok().stdout.lines().count(), 2, "{run:?}");
    assert!(!run.stderr.contains("Accepted"), "{run:?}");
    assert_eq!(fleet.trees("one"), fleet.trees("hq"));
    assert!(install(&["--locked"]).ok().stderr.contains("Up to date"));
    fleet.bench.signed_version("gamma", "1.0.0", "ops.key");
    fleet.bench.run(&["plugin", "push", "gamma", &fleet.registry.reference("team/gamma:1")]).ok();
    install(&["--locked", &fleet.registry.reference("team/gamma:1")]).refused(3, "missing_from_lock");
    // What the artifact says of itself is not what was accepted under its digest.
    let lock = fs::read_to_string(fleet.bench.path("hq.lock")).expect("a lock");
    fleet.bench.write("hq.lock", lock.replacen("version = \"0.1.0\"", "version = \"0.2.0\"", 1));
    let run = install(&["--locked"]);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.error_line().contains("alpha"), "{run:?}");
    assert_eq!(fleet.trees("one"), fleet.trees("hq"));
    fs::remove_file(fleet.bench.path("hq.lock")).expect("removed");
    install(&["--locked"]).refused(2, "lock_missing");
}
