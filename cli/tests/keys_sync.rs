//! `keys export` and `keys sync`: a directory of keys as a signed set, and the sites that follow it. One
//! file, and long: every test goes by one publisher and its sites, `Fleet`.

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use aisoc_files::{LockWait, PassingLock, Waited};
use aisoc_testkit::registry::Registry;
use serde_json::Value;
use support::signers::{program, reference};
use support::{Bench, Run};

/// A directory that is exported, and a site that trusts `root` for sets.
struct Fleet(Bench);

const SETTINGS: [&str; 5] = ["--name", "fleet", "--required-signatures", "1", "--save"];

impl Fleet {
    fn new() -> Self {
        let bench = Bench::new();
        for directory in ["master", "site", "plugins"] {
            fs::create_dir(bench.path(directory)).expect("made");
        }
        for key in ["root", "ops", "new"] {
            bench.run(&["plugin", "keygen", "--out", key]).ok();
        }
        let fleet = Self(bench);
        for directory in ["master", "site"] {
            fleet.keys(&["add", "root.pem", "--may-sign", "keyset"], directory).ok();
        }
        fleet.keys(&["add", "ops.pem"], "master").ok();
        fleet
    }

    fn keys(&self, words: &[&str], directory: &str) -> Run {
        // What hosts have installed is no matter of the directory that is exported.
        let is_guarded = matches!(words[0], "retire" | "revoke") || (words[0] == "annotate" && directory == "site");
        let place = if is_guarded { &["--plugins-dir", "plugins"][..] } else { &[] };
        self.0.run(&[&["keys"], words, &["--keys", directory, "--reason", "ticket 12"], place].concat())
    }

    fn export(&self, words: &[&str]) -> Run {
        self.0.run(
            &[&["keys", "export", "fleet.keyset", "--private-key", "root.key", "--keys", "master"], words].concat(),
        )
    }

    fn exported(&self) {
        let name: &[&str] = if self.0.path("fleet.keyset").exists() { &[] } else { &["--name", "fleet"] };
        self.export(&[&["--expires", "30d"], name].concat()).ok();
    }

    fn sync(&self, words: &[&str]) -> Run {
        self.0.run(&[&["keys", "sync", "--keys", "site", "--plugins-dir", "plugins"], words].concat())
    }

    /// A site that has applied the first version.
    fn followed() -> Self {
        let fleet = Self::new();
        fleet.exported();
        fleet.sync(&[&["fleet.keyset"][..], &SETTINGS].concat()).ok();
        fleet
    }

    /// Nothing is written when a set is refused.
    fn refused(&self, words: &[&str], code: i32, reason: &str) -> Run {
        let before = self.0.snapshot("site");
        let run = self.sync(words);
        run.refused(code, reason);
        assert_eq!(self.0.snapshot("site"), before, "{words:?}");
        run
    }

    fn has(&self, file: &str) -> bool {
        self.0.path(&format!("site/{file}")).exists()
    }

    /// The id, the version and the reason of each line.
    fn journal(&self) -> Vec<[String; 3]> {
        let text = fs::read_to_string(self.0.path("site/keys.journal")).expect("a journal");
        let column = |line: &str, at: usize| line.split('\t').nth(at).expect("six columns").to_owned();
        let synced = text.lines().filter(|line| column(line, 1) == "key-sync");
        synced.map(|line| [column(line, 2), column(line, 3), column(line, 5)]).collect()
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.path(file)).expect("there");
        assert!(text.contains(from), "{text}");
        self.0.write(file, text.replace(from, to));
    }
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("a document")
}

#[test]
fn a_site_follows_a_set_from_the_first_key_to_a_revocation_and_nothing_is_refused_in_between() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    assert!(fleet.has("ops.pem"));
    let verify = || bench.run(&["plugins", "verify", "--keys", "site", "--plugins-dir", "plugins"]);
    bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "shodan", "--private-key", "ops.key"]).ok();
    bench.run(&["plugin", "install", "shodan", "--keys", "site", "--plugins-dir", "plugins"]).ok();
    // The new key comes, and the old one goes once nothing depends on it: the site says what does.
    fleet.keys(&["add", "new.pem", "--owner", "Ada"], "master").ok();
    fleet.keys(&["retire", "ops", "--force"], "master").ok();
    fleet.exported();
    for _ in 0..2 {
        let waiting = fleet.sync(&[]);
        assert!(waiting.ok().stderr.contains("warning[depends_on_key]: key `ops` is to go and waits for shodan 0.1.0"));
        assert!(fleet.has("new.pem") && fleet.has("new.json") && fleet.has("ops.pem"), "{waiting:?}");
        verify().ok();
    }
    bench.run(&["plugin", "sign", "shodan", "--private-key", "new.key", "--add"]).ok();
    bench.run(&["plugin", "install", "shodan", "--keys", "site", "--plugins-dir", "plugins", "--keep", "0"]).ok();
    let retired = document(&fleet.sync(&["--json"]));
    assert_eq!(retired["changes"][0]["change"], "retired", "{retired}");
    assert!(fleet.has("retired/ops.pem") && !fleet.has("ops.pem"));
    verify().ok();
    fleet.keys(&["revoke", "ops"], "master").ok();
    fleet.exported();
    fleet.sync(&["--reason", "ops lost its laptop"]).ok();
    assert!(fleet.has("revoked/ops.pem"));
    verify().ok();
    let version = |version: &str| ["fleet".to_owned(), version.to_owned(), format!("set fleet, version {version}")];
    let key = |id: &str, reason: &str| [id.to_owned(), "-".to_owned(), reason.to_owned()];
    let expected = [
        version("1"),
        key("ops", "trusted: set fleet, version 1"),
        version("2"),
        key("new", "trusted: set fleet, version 2"),
        key("ops", "retired: set fleet, version 2"),
        ["fleet".to_owned(), "3".to_owned(), "ops lost its laptop".to_owned()],
        key("ops", "revoked: ops lost its laptop"),
    ];
    assert_eq!(fleet.journal(), expected);
    bench.run(&["keys", "journal", "verify", "--keys", "site"]).ok();
}

#[test]
fn a_revocation_gets_through_although_something_depends_on_the_key() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "shodan", "--private-key", "ops.key"]).ok();
    bench.run(&["plugin", "install", "shodan", "--keys", "site", "--plugins-dir", "plugins"]).ok();
    fleet.keys(&["add", "new.pem"], "master").ok();
    fleet.keys(&["revoke", "ops", "--force"], "master").ok();
    fleet.exported();
    let foreseen = document(&fleet.sync(&["--dry-run", "--json"]));
    assert_eq!((foreseen["dry_run"].as_bool(), fleet.has("revoked/ops.pem")), (Some(true), false), "{foreseen}");
    // A journal that somebody has broken keeps no revocation from getting through.
    fleet.edit("site/keys.journal", "ticket 12", "ticket 13");
    let run = fleet.sync(&[]);
    run.refused(3, "journal_broken");
    assert!(fleet.has("revoked/ops.pem") && run.stderr.contains("the keys are changed"), "{run:?}");
    let verify = bench.run(&["plugins", "verify", "--keys", "site", "--plugins-dir", "plugins"]);
    assert!(verify.code == 3 && verify.stderr.contains("key_revoked"), "{verify:?}");
}

#[test]
fn what_is_older_or_another_set_or_signed_by_nobody_who_counts_changes_nothing() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    fs::copy(bench.path("fleet.keyset"), bench.path("first")).expect("copied");
    fleet.exported();
    fs::copy(bench.path("fleet.keyset"), bench.path("second")).expect("copied");
    fleet.sync(&[]).ok();
    assert!(fleet.sync(&[]).ok().stderr.contains("applied already"));
    let line = fleet.refused(&["first"], 3, "keyset_rollback").stderr;
    assert!(line.contains("version 2 or a later one") && line.contains("version 1"), "{line}");
    let export = |destination: &str, key: &str, words: &[&str]| {
        let words =
            [&["keys", "export", destination, "--private-key", key, "--keys", "master", "--expires", "30d"], words];
        bench.run(&words.concat())
    };
    // Two sets of one version.
    fleet.keys(&["add", "new.pem"], "master").ok();
    export("twin", "root.key", &["--name", "fleet", "--set-version", "2"]).ok();
    fleet.refused(&["twin"], 3, "keyset_rollback");
    export("other", "root.key", &["--name", "other", "--set-version", "9"]).ok();
    fleet.refused(&["other"], 3, "keyset_mismatch");
    // A key that signs plugins alone, and one that nobody knows here.
    let doubtful = export("plain", "ops.key", &["--name", "fleet", "--set-version", "9"]);
    assert!(doubtful.ok().stderr.contains("warning[signer_doubtful]"), "{doubtful:?}");
    let said = fleet.refused(&["plain"], 3, "signers_too_few").stderr;
    assert!(said.contains("`ops` signs plugin alone, and no keyset"), "{said}");
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    export("strange", "stranger.key", &["--name", "fleet", "--set-version", "9"]).ok();
    fleet.refused(&["strange"], 3, "untrusted_key");
    // A payload that was changed, and what is no set.
    let text = fs::read_to_string(bench.path("second")).expect("there");
    let mut envelope: Value = serde_json::from_str(&text).expect("an envelope");
    let payload = envelope["payload"].as_str().expect("base64").to_owned();
    envelope["payload"] = format!("{}{}", &payload[..4], payload[4..].replacen("MS", "OS", 1)).into();
    bench.write("changed", envelope.to_string());
    fleet.refused(&["changed"], 3, "signature_invalid");
    for (name, content) in [("empty", String::new()), ("none", "{}".to_owned()), ("huge", "x".repeat((4 << 20) + 1))] {
        bench.write(name, content);
        let run = fleet.refused(&[name], 1, if name == "huge" { "keyset_invalid" } else { "statement_invalid" });
        assert!(!run.stderr.contains("xxx"), "{name}");
    }
    fleet.refused(&["nowhere"], 1, "io_not_found");
    // Who signs sets is retired here, and a newer one comes all the same.
    fleet.exported();
    fleet.keys(&["retire", "root", "--force"], "site").ok();
    let said = fleet.refused(&["fleet.keyset"], 3, "signers_too_few").stderr;
    assert!(said.contains("`root` was retired"), "{said}");
}

#[test]
fn as_many_as_this_site_asks_for_have_to_have_signed() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    let two = ["--name", "fleet", "--required-signatures", "2", "--save"];
    fleet.keys(&["add", "new.pem", "--id", "second", "--may-sign", "keyset"], "site").ok();
    fleet.keys(&["add", "new.pem", "--id", "second", "--may-sign", "keyset"], "master").ok();
    fleet.exported();
    fleet.refused(&[&["fleet.keyset"][..], &two].concat(), 3, "signers_too_few");
    // One signature twice is one.
    let text = fs::read_to_string(bench.path("fleet.keyset")).expect("there");
    let mut envelope: Value = serde_json::from_str(&text).expect("an envelope");
    let signature = envelope["signatures"][0].clone();
    envelope["signatures"].as_array_mut().expect("a list").push(signature);
    bench.write("twice", envelope.to_string());
    fleet.refused(&[&["twice"][..], &two].concat(), 3, "signers_too_few");
    let add =
        |key: &str| bench.run(&["keys", "export", "fleet.keyset", "--add", "--private-key", key, "--keys", "master"]);
    add("root.key").refused(2, "usage");
    let payload = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["payload"].clone();
    let added = document(&bench.run(&[
        "keys",
        "export",
        "fleet.keyset",
        "--add",
        "--private-key",
        "new.key",
        "--keys",
        "master",
        "--json",
    ]));
    assert_eq!(added["signers"].as_array().map(Vec::len), Some(2), "{added}");
    let both = fs::read_to_string(bench.path("fleet.keyset")).expect("there");
    assert_eq!(payload(&both), payload(&text), "not a byte of what was signed changes");
    fleet.sync(&[&["fleet.keyset"][..], &two].concat()).ok();
    // Fewer are not enough because somebody has typed a smaller number.
    fleet.refused(&["fleet.keyset", "--required-signatures", "1"], 2, "usage");
    fleet.refused(&["fleet.keyset", "--name", "other"], 2, "usage");
    fleet.sync(&[]).ok();
}

#[test]
fn a_set_after_which_nobody_counts_is_neither_made_nor_applied() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    // The set brings a key for plugins that is revoked here, and revokes the one that is trusted.
    fleet.keys(&["add", "new.pem"], "site").ok();
    fleet.keys(&["revoke", "new", "--force"], "site").ok();
    fleet.keys(&["add", "new.pem"], "master").ok();
    fleet.keys(&["revoke", "ops", "--force"], "master").ok();
    fleet.exported();
    let line = fleet.refused(&[], 3, "keyset_lockout").stderr;
    assert!(line.contains("nothing would be verified"), "{line}");
    fleet.keys(&["revoke", "new", "--force"], "master").ok();
    let before = fs::read(bench.path("fleet.keyset")).expect("there");
    fleet.export(&["--expires", "30d"]).refused(3, "keyset_lockout");
    assert_eq!(fs::read(bench.path("fleet.keyset")).expect("there"), before);
}

/// The last key for plugins is in the wrong hands, and there is no other yet: whoever says so reaches every site.
#[test]
fn the_revocation_of_the_last_key_goes_as_a_set_where_both_ends_say_so() {
    let fleet = Fleet::followed();
    fleet.keys(&["revoke", "ops", "--force"], "master").ok();
    let run = fleet.export(&["--expires", "30d"]);
    assert!(run.refused(3, "keyset_lockout").stderr.contains("says so with `--force`"), "{run:?}");
    fleet.export(&["--expires", "30d", "--force", "--dry-run"]).ok();
    fleet.export(&["--expires", "30d", "--force"]).ok();
    let run = fleet.refused(&[], 3, "keyset_lockout");
    assert!(run.stderr.contains("says so with `--force`"), "{run:?}");
    assert!(fleet.has("ops.pem"));
    let applied = fleet.sync(&["--force"]);
    assert!(applied.ok().stdout.contains("revoked ops"), "{applied:?}");
    assert!(fleet.has("revoked/ops.pem") && !fleet.has("ops.pem"));
    // A site that has lost its keys for plugins follows still.
    fleet.keys(&["add", "new.pem"], "master").ok();
    fleet.exported();
    fleet.sync(&[]).ok();
    assert!(fleet.has("new.pem"));
    // Nothing is revoked by a set that only lacks the last key: nobody can answer for that.
    let fleet = Fleet::followed();
    fleet.keys(&["retire", "ops", "--force"], "master").ok();
    fleet.export(&["--expires", "30d", "--force"]).refused(3, "keyset_lockout");
}

#[test]
fn the_next_version_stands_in_the_place_of_the_one_before_and_of_nothing_else() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    fleet.export(&["--expires", "30d"]).refused(2, "usage");
    fleet.exported();
    let first = fs::read(bench.path("fleet.keyset")).expect("there");
    for (words, code, reason) in [
        (&["--expires", "30d", "--name", "other"][..], 3, "keyset_mismatch"),
        (&["--expires", "30d", "--set-version", "1"], 1, "already_exists"),
        (&["--expires", "2020-01-01T00:00:00Z"], 2, "usage"),
        (&["--expires", "tomorrow"], 2, "usage"),
        (&["--expires", "30d", "--set-version", "0"], 2, "usage"),
    ] {
        fleet.export(words).refused(code, reason);
        assert_eq!(fs::read(bench.path("fleet.keyset")).expect("there"), first, "{words:?}");
    }
    let dry = document(&fleet.export(&["--expires", "30d", "--dry-run", "--json"]));
    assert_eq!((dry["set_version"].as_u64(), dry["previous_set_version"].as_u64()), (Some(2), Some(1)), "{dry}");
    assert_eq!(fs::read(bench.path("fleet.keyset")).expect("there"), first);
    // The same keys and the same words give the same bytes.
    let made = |name: &str| {
        let words = [
            "keys",
            "export",
            name,
            "--name",
            "fleet",
            "--expires",
            "30d",
            "--private-key",
            "root.key",
            "--keys",
            "master",
        ];
        bench.run_with(&words, &[("SOURCE_DATE_EPOCH", "1700000000")]).ok();
        fs::read(bench.path(name)).expect("there")
    };
    assert_eq!(made("one"), made("another"));
    // A private key that somebody has left among the keys is no part of a set.
    fs::copy(bench.path("ops.key"), bench.path("master/left.pem")).expect("copied");
    fleet.exported();
    let envelope: Value = serde_json::from_slice(&fs::read(bench.path("fleet.keyset")).expect("there")).expect("JSON");
    let payload = envelope["payload"].as_str().expect("base64");
    assert!(!payload.contains("UFJJVkFUR") && !payload.contains("BSSVZBVE"), "PRIVATE, in base64");
    bench.write("fleet.keyset", "something else");
    fleet.export(&["--expires", "30d", "--name", "fleet"]).refused(1, "statement_invalid");
    assert_eq!(fs::read_to_string(bench.path("fleet.keyset")).expect("there"), "something else");
}

#[test]
fn every_command_that_judges_by_an_expired_set_says_so_and_no_expired_one_is_applied() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "shodan", "--private-key", "ops.key"]).ok();
    bench.run(&["plugin", "install", "shodan", "--keys", "site", "--plugins-dir", "plugins"]).ok();
    let state: Value =
        serde_json::from_slice(&fs::read(bench.path("site/.aisoc/keyset.json")).expect("there")).expect("JSON");
    fleet.edit("site/.aisoc/keyset.json", state["expires_at"].as_str().expect("a time"), "2026-01-01T00:00:00Z");
    let here = ["--keys", "site"];
    let site = ["--keys", "site", "--plugins-dir", "plugins"];
    for words in [
        [&["plugin", "verify", "shodan"][..], &here].concat(),
        [&["plugin", "list"][..], &site].concat(),
        [&["plugins", "verify"][..], &site].concat(),
        [&["plugin", "install", "shodan"][..], &site].concat(),
        [&["keys", "list"][..], &site].concat(),
        [&["keys", "show", "ops"][..], &site].concat(),
        [&["plugin", "package", "shodan", "--out", "out.tar"][..], &here].concat(),
    ] {
        let run = bench.run(&words);
        let said =
            run.stderr.matches("warning[keyset_stale]: version 1 of the set of keys `fleet` has expired").count();
        assert_eq!((run.code, said), (0, 1), "{words:?}: {run:?}");
    }
    let old = [
        "keys",
        "export",
        "old",
        "--name",
        "fleet",
        "--set-version",
        "8",
        "--expires",
        "1h",
        "--private-key",
        "root.key",
    ];
    bench.run_with(&[&old[..], &["--keys", "master"]].concat(), &[("SOURCE_DATE_EPOCH", "1700000000")]).ok();
    fleet.refused(&["old"], 3, "keyset_expired");
    fleet.exported();
    fleet.sync(&[]).ok();
    let run = bench.run(&[&["plugins", "verify"][..], &site].concat());
    assert!(!run.ok().stderr.contains("keyset_stale"), "{run:?}");
    bench.write("site/.aisoc/keyset.json", "{}");
    let run = bench.run(&[&["plugins", "verify"][..], &site].concat());
    assert!(run.ok().stderr.contains("warning[keyset_stale]: nobody can tell"), "{run:?}");
    fleet.refused(&[], 1, "record_invalid");
}

#[test]
fn a_set_is_an_artifact_whose_tag_goes_forward_and_whose_source_may_be_down() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    let registry = Registry::start();
    let remote = registry.reference("team/keys:fleet");
    for place in ["oci:layout:fleet", &remote] {
        let export = |words: &[&str]| {
            let words = [&["keys", "export", place, "--private-key", "root.key", "--keys", "master"], words];
            bench.run(&words.concat())
        };
        let first = document(&export(&["--name", "fleet", "--expires", "30d", "--json"]));
        assert_eq!((first["set_version"].as_u64(), first["artifact_digest"].is_string()), (Some(1), true), "{first}");
        let second = document(&export(&["--expires", "30d", "--json"]));
        assert_eq!(
            (second["set_version"].as_u64(), second["destination"].as_str()),
            (Some(2), Some(place)),
            "{second}"
        );
        export(&["--expires", "30d", "--set-version", "2"]).refused(1, "already_exists");
        fs::remove_dir_all(bench.path("site")).expect("removed");
        fs::create_dir(bench.path("site")).expect("made");
        fleet.keys(&["add", "root.pem", "--may-sign", "keyset"], "site").ok();
        fleet.sync(&[&[place][..], &SETTINGS].concat()).ok();
        fleet.sync(&[]).ok();
        assert!(fleet.has("ops.pem"), "{place}");
    }
    let untagged = ["keys", "export", "oci:layout", "--name", "x", "--expires", "1d", "--private-key", "root.key"];
    bench.run(&[&untagged[..], &["--keys", "master"]].concat()).refused(2, "usage");
    // What is no set of keys.
    bench.published();
    let said = fleet.refused(&["oci-archive:demo.tar", "--name", "fleet"], 1, "keyset_invalid").stderr;
    assert!(said.contains("application/vnd.aisoc.plugin.v1"), "{said}");
    drop(registry);
    let said = fleet.refused(&[], 4, "registry_unavailable").stderr;
    assert!(said.contains("the keys stay as version 2 of `fleet` has left them"), "{said}");
}

#[test]
fn a_set_comes_by_standard_input_and_two_runs_at_once_apply_it_once() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    fleet.exported();
    let here = ["--keys", "site", "--plugins-dir", "plugins"];
    let start = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aisoc"));
        command.args([&["keys", "sync"], words, &here].concat()).current_dir(bench.path("."));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let mut piped = start(&["-", "--name", "fleet", "--required-signatures", "1"]);
    let content = fs::read(bench.path("fleet.keyset")).expect("there");
    piped.stdin.take().expect("piped").write_all(&content).expect("written");
    assert!(piped.wait_with_output().expect("ends").status.success());
    assert!(fleet.has("ops.pem") && !fleet.has(".aisoc/sync.json"));
    fleet.refused(&[&["-"][..], &SETTINGS].concat(), 2, "usage");
    fleet.refused(&[], 2, "usage");
    fleet.keys(&["add", "new.pem"], "master").ok();
    fleet.exported();
    let words = ["fleet.keyset", "--name", "fleet", "--required-signatures", "1"];
    let both = [start(&words), start(&words)].map(|child| child.wait_with_output().expect("ends"));
    assert!(both.iter().all(|output| output.status.success()), "{both:?}");
    let lines = fleet.journal();
    assert_eq!(lines.iter().filter(|line| line[0] == "new").count(), 1, "{lines:?}");
}

/// A number of signers is worth that number when each has looked.
#[test]
fn nobody_signs_a_set_as_well_that_holds_other_keys_than_his_own() {
    let fleet = Fleet::new();
    fleet.exported();
    let bench = &fleet.0;
    fs::create_dir(bench.path("second")).expect("made");
    bench.run(&["plugin", "keygen", "--out", "root2"]).ok();
    fleet.keys(&["add", "root.pem", "--may-sign", "keyset"], "second").ok();
    let add = ["keys", "export", "fleet.keyset", "--add", "--private-key", "root2.key", "--keys", "second"];
    let before = fs::read(bench.path("fleet.keyset")).expect("there");
    fleet.keys(&["add", "new.pem"], "second").ok();
    let run = bench.run(&add);
    run.refused(3, "keyset_mismatch");
    assert!(run.stderr.contains("expected: `new` trusted\n  found:    `ops` trusted\n"), "{run:?}");
    assert_eq!(fs::read(bench.path("fleet.keyset")).expect("there"), before);
    fleet.keys(&["revoke", "new", "--force"], "second").ok();
    bench.run(&add).refused(3, "keyset_lockout");
    fs::remove_dir_all(bench.path("second/revoked")).expect("removed");
    fleet.keys(&["add", "ops.pem"], "second").ok();
    bench.run(&add).ok();
}

/// What was applied once needs nobody's word to stay, and somebody's to bring a key.
#[test]
fn a_set_that_was_applied_brings_no_key_once_its_signers_are_gone() {
    let fleet = Fleet::new();
    fleet.keys(&["add", "ops.pem"], "site").ok();
    fleet.keys(&["add", "new.pem", "--may-sign", "plugin", "--may-sign", "keyset"], "site").ok();
    fleet.exported();
    fleet.sync(&[&["fleet.keyset"][..], &SETTINGS].concat()).ok();
    fleet.keys(&["revoke", "root", "--force"], "site").ok();
    fleet.sync(&[]).ok();
    // More signers are asked for than the set has.
    let more = ["fleet.keyset", "--name", "fleet", "--required-signatures", "2", "--save"];
    fleet.refused(&more, 3, "signers_too_few");
    fs::remove_file(fleet.0.path("site/ops.pem")).expect("removed");
    let run = fleet.sync(&[]);
    assert!(run.code == 3 && !fleet.has("ops.pem"), "{run:?}");
}

/// The hint for settings that cannot be read is a line that mends them.
#[test]
fn settings_that_cannot_be_read_are_replaced_by_those_that_are_said_whole() {
    let fleet = Fleet::followed();
    fleet.0.write("site/.aisoc/sync.json", "{}");
    fleet.refused(&[], 1, "record_invalid");
    fleet.refused(&["fleet.keyset", "--name", "fleet", "--required-signatures", "1"], 1, "record_invalid");
    fleet.sync(&[&["fleet.keyset"][..], &SETTINGS].concat()).ok();
    fleet.sync(&[]).ok();
}

/// A site that takes away the last key for sets would learn of no revocation any more.
#[test]
fn the_last_key_that_signs_the_sets_of_a_site_stays_unless_it_is_forced() {
    let fleet = Fleet::followed();
    let before = fleet.0.snapshot("site");
    for words in [["retire", "root"], ["revoke", "root"]] {
        let run = fleet.keys(&words, "site");
        assert!(run.refused(3, "key_needed").stderr.contains("may sign the set `fleet`"), "{run:?}");
    }
    assert_eq!(fleet.0.snapshot("site"), before);
    let rotate = ["keys", "rotate", "--retire", "root", "--overlap", "0d", "--reason", "r", "--keys", "site"];
    let rotate = |new: &str| {
        document(&fleet.0.run(&[&rotate[..], &["--new", new, "--plugins-dir", "plugins", "--json"]].concat()))
    };
    // One that is here and may sign no sets is no successor for that.
    fleet.keys(&["add", "new.pem"], "site").ok();
    let waits = rotate("new.pem");
    assert!(waits["waits_for"].to_string().contains("too few other keys count that may sign `keyset`"), "{waits}");
    // One that comes with the rotation gets what the old one has.
    fleet.0.run(&["plugin", "keygen", "--out", "root2"]).ok();
    assert_eq!(rotate("root2.pem")["is_finished"], true);
    fleet.keys(&["revoke", "root2", "--force"], "site").ok();
}

/// A file that somebody has removed takes no revocation back; a person who trusts the key again does.
#[test]
fn a_key_that_was_revoked_here_comes_with_no_set_although_its_file_is_gone() {
    let fleet = Fleet::new();
    fleet.keys(&["add", "ops.pem"], "site").ok();
    fleet.keys(&["revoke", "ops", "--force"], "site").ok();
    fs::remove_dir_all(fleet.0.path("site/revoked")).expect("removed");
    fleet.keys(&["add", "new.pem"], "site").ok();
    fleet.exported();
    let run = fleet.sync(&[&["fleet.keyset"][..], &SETTINGS].concat());
    assert!(run.ok().stderr.contains("was revoked here, and no set takes that back"), "{run:?}");
    assert!(!fleet.has("ops.pem"));
    fleet.keys(&["add", "ops.pem"], "site").ok();
    fleet.exported();
    fleet.sync(&[]).ok();
    assert!(fleet.has("ops.pem"));
}

/// Five who sign at once are five signers: each adds to what the one before has put there.
#[test]
fn several_who_sign_a_set_at_once_lose_no_signature() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    fleet.exported();
    let keys: Vec<String> = (1..=5).map(|number| format!("signer{number}")).collect();
    keys.iter().for_each(|key| {
        bench.run(&["plugin", "keygen", "--out", key]).ok();
    });
    let start = |key: &String| {
        let key = format!("{key}.key");
        let words = ["keys", "export", "fleet.keyset", "--add", "--private-key", &key, "--keys", "master"];
        bench.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let running: Vec<_> = keys.iter().map(start).collect();
    for child in running {
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{output:?}");
    }
    let envelope: Value = serde_json::from_slice(&fs::read(bench.path("fleet.keyset")).expect("there")).expect("JSON");
    assert_eq!(envelope["signatures"].as_array().map(Vec::len), Some(6), "{envelope}");
    let left = fs::read_dir(bench.path(".")).expect("listed").map(|entry| entry.expect("an entry").file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".aisoc-statement")));
}

/// Who holds the file is named, and nothing is lost to a wait that is over.
#[test]
fn a_set_that_is_signed_by_somebody_else_just_now_is_waited_for() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    fleet.exported();
    let before = fs::read(bench.path("fleet.keyset")).expect("there");
    let wait = LockWait { command: "aisoc keys export", at_most: Duration::ZERO, go_on: &|| Ok(()), told: &|_| () };
    let held = PassingLock::acquire(&bench.path("."), ".aisoc-statement-lock", &wait).expect("asked");
    assert!(matches!(held, Waited::Ours(_)), "{held:?}");
    let words = ["keys", "export", "fleet.keyset", "--add", "--private-key", "new.key", "--keys", "master"];
    let mut waiting = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
    std::thread::sleep(Duration::from_millis(500));
    assert!(waiting.try_wait().expect("asked").is_none(), "it waits");
    assert_eq!(fs::read(bench.path("fleet.keyset")).expect("there"), before);
    drop(held);
    assert!(waiting.wait().expect("ends").success());
    assert_ne!(fs::read(bench.path("fleet.keyset")).expect("there"), before);
}

/// A registry has no lock for us: what was read is what a tag has to name still.
#[test]
fn a_tag_that_moves_while_a_set_is_signed_is_left_as_it_is() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    let export = ["keys", "export", "oci:layout:fleet", "--keys", "master", "--private-key"];
    bench.run(&[&export[..], &["root.key", "--name", "fleet", "--expires", "30d"]].concat()).ok();
    // While the second signs, the first has put the next version there.
    let meanwhile = format!(
        "#!/bin/sh\nread -r asked\ncase $asked in *message_base64*) '{}' {} root.key --expires 30d >/dev/null || exit 1;; \
         esac\nprintf '%s\\n' \"$asked\" | ./sign-with-openssl\n",
        env!("CARGO_BIN_EXE_aisoc"),
        export.join(" "),
    );
    program(bench, "sign-with-openssl", &reference());
    program(bench, "meanwhile", &meanwhile);
    let add = |signer: &str| {
        let words = [&export[..], &[signer, "--add", "--json"]].concat();
        bench.run_with(&words, &[("SIGNER_KEY", "new.key")])
    };
    let run = add("exec:./meanwhile");
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("tag_exists") && run.stderr.contains("run the command again"), "{run:?}");
    let done = document(&add("exec:./sign-with-openssl"));
    assert_eq!((done["set_version"].as_u64(), done["signers"].as_array().map(Vec::len)), (Some(2), Some(2)), "{done}");
}

#[test]
fn a_set_is_printed_and_signed_on_its_way_from_one_program_to_the_next() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    let export = |words: &[&str]| bench.run(&[&["keys", "export", "-", "--keys", "master"], words].concat());
    let first = ["--private-key", "root.key", "--name", "fleet", "--expires", "30d"];
    // Nothing says what was there before.
    export(&first).refused(2, "usage");
    export(&["--private-key", "root.key", "--set-version", "3", "--expires", "30d"]).refused(2, "usage");
    let numbered = [&first[..], &["--set-version", "3"]].concat();
    let printed = export(&numbered).ok().stdout.clone();
    bench.write("printed", &printed);
    let told = document(&export(&[&numbered[..], &["--json"]].concat()));
    assert!(
        told["destination"].is_null() && told["statement"].as_str().is_some_and(|it| it.contains("payload")),
        "{told}"
    );
    let planned = export(&[&numbered[..], &["--dry-run"]].concat());
    assert!(!planned.ok().stdout.contains("payload"), "what could be used is not printed: {planned:?}");
    let mut command = bench.command(&["keys", "export", "-", "--add", "--private-key", "new.key", "--keys", "master"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    child.stdin.take().expect("piped").write_all(printed.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("ends");
    let both: Value = serde_json::from_slice(&output.stdout).expect("an envelope");
    assert_eq!(both["signatures"].as_array().map(Vec::len), Some(2), "{output:?}");
    export(&["--add", "--private-key", "-"]).refused(2, "usage");
    assert!(!bench.path("-").exists(), "no file of that name is made");
    fleet.sync(&[&["printed"][..], &SETTINGS].concat()).ok();
    assert!(fleet.has("ops.pem"));
}

/// A set beside the keys would be taken for a note on one of them, and refuse all.
#[test]
fn no_set_is_written_among_trusted_keys() {
    let fleet = Fleet::new();
    let before = fleet.0.snapshot("master");
    let words = ["--name", "fleet", "--expires", "30d", "--private-key", "root.key", "--keys", "master"];
    for place in ["master/fleet.keyset", "site/fleet.keyset"] {
        fleet.0.run(&[&["keys", "export", place][..], &words].concat()).refused(2, "usage");
    }
    assert_eq!(fleet.0.snapshot("master"), before);
}

/// The day on which everybody would be warned stands in the list of what falls due, before it and after.
#[test]
fn the_end_of_a_set_is_in_the_calendar_until_a_newer_one_is_applied() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    let calendar = |words: &[&str]| bench.run(&[&["keys", "calendar", "--keys", "site"], words].concat());
    let due = document(&calendar(&["--within", "31d", "--json"]))["due"].clone();
    let state: Value =
        serde_json::from_slice(&fs::read(bench.path("site/.aisoc/keyset.json")).expect("there")).expect("JSON");
    let expected = serde_json::json!([{
        "at": state["expires_at"], "what": "set_expires", "is_over": false, "key_id": null, "fingerprint": null,
        "path": null, "state": null, "set_name": "fleet", "set_version": 1,
    }]);
    assert_eq!(due, expected);
    let text = calendar(&["--within", "31d"]).ok().stdout.clone();
    assert!(text.contains("  fleet  set    the set expires: a newer version is due\n"), "{text}");
    assert_eq!(document(&calendar(&["--within", "29d", "--json"]))["due"], serde_json::json!([]));
    fleet.edit("site/.aisoc/keyset.json", state["expires_at"].as_str().expect("a time"), "2026-01-01T00:00:00Z");
    let text = calendar(&[]).ok().stdout.clone();
    assert!(text.contains("2026-01-01  fleet  set    the set has expired"), "{text}");
    fleet.exported();
    fleet.sync(&[]).ok();
    let due = document(&calendar(&["--within", "31d", "--json"]))["due"].clone();
    assert_eq!((&due[0]["set_version"], &due[0]["is_over"]), (&2.into(), &false.into()), "{due}");
    bench.write("site/.aisoc/keyset.json", "{}");
    calendar(&[]).refused(1, "record_invalid");
}

/// The set's note on the one file takes from the key what it may do under its other name, too.
#[test]
fn a_key_that_has_a_second_file_here_loses_its_last_right_to_sets_with_the_note_of_the_set() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    fleet.keys(&["add", "new.pem", "--may-sign", "keyset"], "master").ok();
    fleet.exported();
    fleet.sync(&[&["fleet.keyset"][..], &SETTINGS].concat()).ok();
    // Of the two who may sign sets here one goes, and the other stands here in a file of this site as well.
    fleet.keys(&["retire", "root"], "site").ok();
    let mine = r#"{"schema_version": 2, "may_sign": ["keyset"]}"#;
    fs::copy(bench.path("new.pem"), bench.path("site/mine.pem")).expect("copied");
    bench.write("site/mine.json", mine);
    fleet.keys(&["annotate", "new", "--may-sign", "plugin"], "master").ok();
    bench
        .run(&[
            "keys",
            "export",
            "fleet.keyset",
            "--expires",
            "30d",
            "--private-key",
            "new.key",
            "--keys",
            "master",
            "--set-version",
            "2",
        ])
        .ok();
    let run = fleet.refused(&[], 3, "keyset_lockout");
    assert!(run.stderr.contains("expected: at least 1 key that may sign `keyset`"), "{run:?}");
}

/// As many keys have to be left as a plugin needs on this site, and not one.
#[test]
fn a_set_leaves_as_many_keys_as_this_site_asks_to_have_signed() {
    let fleet = Fleet::new();
    fleet.exported();
    let first = ["fleet.keyset", "--name", "fleet", "--required-signatures", "1"];
    let run = fleet.refused(&[&first[..], &["--require", "2"]].concat(), 3, "keyset_lockout");
    assert!(run.stderr.contains("at least 2 keys that count for plugins") && run.stderr.contains("1 key"), "{run:?}");
    fleet.keys(&["add", "new.pem"], "master").ok();
    fleet.exported();
    fleet.sync(&[&first[..], &["--require", "2"]].concat()).ok();
    fleet.keys(&["retire", "new", "--force"], "master").ok();
    fleet.exported();
    fleet.refused(&[&first[..], &["--require", "2"]].concat(), 3, "keyset_lockout");
    fleet.sync(&first).ok();
    // And so when a key is taken away by hand: two count, and two are asked for.
    fleet.keys(&["add", "new.pem", "--id", "again"], "site").refused(1, "already_exists");
    fleet.keys(&["restore", "new"], "site").ok();
    fleet.keys(&["retire", "new", "--require", "2"], "site").refused(3, "key_needed");
    fleet.keys(&["retire", "new"], "site").ok();
}

/// A note that takes from a key what something installed stands on waits as a key does that is to go.
#[test]
fn a_note_of_a_set_that_excludes_what_is_installed_waits_and_one_by_hand_is_refused() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "shodan", "--private-key", "ops.key"]).ok();
    bench.run(&["plugin", "install", "shodan", "--keys", "site", "--plugins-dir", "plugins"]).ok();
    let verify = || bench.run(&["plugins", "verify", "--keys", "site", "--plugins-dir", "plugins"]);
    fleet.keys(&["annotate", "ops", "--plugin", "acme-*"], "master").ok();
    fleet.keys(&["add", "new.pem"], "master").ok();
    fleet.exported();
    for words in [&["--dry-run"][..], &[], &[]] {
        let run = fleet.sync(words);
        let said = "warning[depends_on_key]: key `ops` is to sign less and waits for shodan 0.1.0";
        assert!(run.ok().stderr.contains(said), "{run:?}");
        assert!(!fleet.has("ops.json"), "{run:?}");
        verify().ok();
    }
    assert!(fleet.has("new.pem"), "what takes nothing away waits for nothing");
    let told = document(&fleet.sync(&["--json"]));
    assert_eq!(told["waiting"][0]["dependents"], serde_json::json!(["shodan 0.1.0"]), "{told}");
    // A scope that holds what is installed is no loss.
    fleet.keys(&["annotate", "ops", "--plugin", "shod*"], "master").ok();
    fleet.exported();
    let run = document(&fleet.sync(&["--json"]));
    assert_eq!((&run["changes"][0]["change"], run["waiting"].as_array().map(Vec::len)), (&"annotated".into(), Some(0)));
    verify().ok();
    fleet.keys(&["annotate", "ops", "--plugin", "acme-*"], "master").ok();
    fleet.exported();
    fleet.sync(&["--force"]).ok();
    assert!(verify().stderr.contains("key_out_of_scope"));
    // By hand it is the same rule.
    fleet.keys(&["annotate", "ops", "--clear", "plugin"], "site").ok();
    let before = bench.snapshot("site");
    for narrow in [&["--plugin", "acme-*"][..], &["--may-sign", "keyset"], &["--not-before", "2999-01-01T00:00:00Z"]] {
        let run = fleet.keys(&[&["annotate", "ops"], narrow].concat(), "site");
        run.refused(3, "key_needed");
        assert!(run.stderr.contains("let the note allow what is installed"), "{run:?}");
        assert_eq!(bench.snapshot("site"), before);
    }
    fleet.keys(&["annotate", "ops", "--owner", "Ada"], "site").ok();
    fleet.keys(&["annotate", "ops", "--plugin", "shodan"], "site").ok();
    fleet.keys(&["annotate", "root", "--may-sign", "plugin"], "site").refused(3, "key_needed");
    fleet.keys(&["annotate", "ops", "--plugin", "acme-*", "--force"], "site").ok();
    assert!(verify().stderr.contains("key_out_of_scope"));
}
