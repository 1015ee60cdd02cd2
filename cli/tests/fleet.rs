//! `plugins lock push` and `plugins lock pull`: what one site has accepted, on the sites that follow it.

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{Bench, Run};

/// A site that signs its lock, and a host that follows it. Both trust `root` for locks and `ops` for plugins.
struct Fleet(Bench);

const SETTINGS: [&str; 5] = ["--name", "fleet", "--required-signatures", "1", "--save"];
const HQ: [&str; 6] = ["--plugins-lock", "hq.lock", "--plugins-dir", "hq", "--keys", "keys"];
const HOST: [&str; 6] = ["--plugins-lock", "host.lock", "--plugins-dir", "host", "--keys", "keys"];

impl Fleet {
    fn new() -> Self {
        let bench = Bench::new();
        for directory in ["keys", "hq", "host"] {
            fs::create_dir(bench.path(directory)).expect("made");
        }
        for key in ["root", "ops", "stranger"] {
            bench.run(&["plugin", "keygen", "--out", key]).ok();
        }
        let fleet = Self(bench);
        fleet.keys(&["add", "root.pem", "--may-sign", "lock"]).ok();
        fleet.keys(&["add", "ops.pem"]).ok();
        fleet
    }

    fn keys(&self, words: &[&str]) -> Run {
        let is_guarded = matches!(words[0], "retire" | "revoke" | "annotate");
        let place = if is_guarded { &["--plugins-dir", "host"][..] } else { &[] };
        self.0.run(&[&["keys"], words, &["--keys", "keys", "--reason", "ticket 12"], place].concat())
    }

    /// A plugin of that version, packed and accepted at headquarters.
    fn accept(&self, id: &str, version: &str) {
        let bench = &self.0;
        bench.signed_version(id, version, "ops.key");
        let archive = format!("{id}-{version}.tar");
        bench.run(&["plugin", "package", id, "--out", &archive]).ok();
        let source = format!("oci-archive:{archive}");
        bench.run(&[&["plugin", "install", &source, "--lock", "--reason", "read, ticket 7"], &HQ[..]].concat()).ok();
    }

    fn push(&self, destination: &str, key: &str, words: &[&str]) -> Run {
        let lock = ["--plugins-lock", "hq.lock", "--keys", "keys"];
        self.0.run(&[&["plugins", "lock", "push", destination, "--private-key", key], words, &lock].concat())
    }

    fn pushed(&self) {
        let name: &[&str] = if self.0.path("fleet.lockset").exists() { &[] } else { &["--name", "fleet"] };
        self.push("fleet.lockset", "root.key", &[&["--expires", "30d"], name].concat()).ok();
    }

    fn pull(&self, words: &[&str]) -> Run {
        self.0.run(&[&["plugins", "lock", "pull"], words, &HOST].concat())
    }

    /// A host that has applied the first version, which accepts `shodan` 0.1.0.
    fn followed() -> Self {
        let fleet = Self::new();
        fleet.accept("shodan", "0.1.0");
        fleet.pushed();
        fleet.pull(&[&["fleet.lockset"][..], &SETTINGS].concat()).ok();
        fleet
    }

    /// Nothing is written when a set is refused.
    fn refused(&self, words: &[&str], code: i32, reason: &str) -> Run {
        let before = self.state();
        let run = self.pull(words);
        run.refused(code, reason);
        assert_eq!(self.state(), before, "{words:?}");
        run
    }

    /// The host's lock, and what stands beside it.
    fn state(&self) -> Vec<Option<String>> {
        let names = ["host.lock", "host.lock.set", "host.lock.sync", "host.lock.journal", "host.lock.journal.chain"];
        names.iter().map(|name| fs::read_to_string(self.0.path(name)).ok()).collect()
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.0.path("host.lock")).expect("a lock")
    }

    /// Action, id, version and reason of each line of the host's journal.
    fn journal(&self) -> Vec<[String; 4]> {
        let text = fs::read_to_string(self.0.path("host.lock.journal")).expect("a journal");
        let column = |line: &str, at: usize| line.split('\t').nth(at).expect("six columns").to_owned();
        text.lines().map(|line| [1, 2, 3, 5].map(|at| column(line, at))).collect()
    }
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("a document")
}

#[test]
fn a_lock_follows_what_headquarters_accepts_and_says_so_line_by_line() {
    let fleet = Fleet::followed();
    assert_eq!(fleet.lock(), fs::read_to_string(fleet.0.path("hq.lock")).expect("a lock"), "as it was signed");
    assert!(fleet.pull(&[]).ok().stderr.contains("applied already"));
    fleet.accept("shodan", "0.2.0");
    fleet.accept("virustotal", "1.0.0");
    fleet.pushed();
    let foreseen = document(&fleet.pull(&["--dry-run", "--json"]));
    assert_eq!((&foreseen["set_version"], &foreseen["changed"]), (&2.into(), &false.into()), "{foreseen}");
    assert!(!fleet.lock().contains("virustotal"), "a dry run");
    let done = document(&fleet.pull(&["--json"]));
    let changes = |document: &Value| -> Vec<String> {
        let changes = document["changes"].as_array().expect("a list");
        changes.iter().map(|it| format!("{} {}", it["change"], it["id"]).replace('"', "")).collect()
    };
    assert_eq!(changes(&done), ["changed shodan", "accepted virustotal"], "{done}");
    assert_eq!(changes(&done), changes(&foreseen));
    // What is accepted no more is revoked here.
    let untrust =
        ["plugins", "untrust", "shodan", "--reason", "gone", "--plugins-lock", "hq.lock", "--plugins-dir", "hq"];
    fleet.0.run(&untrust).ok();
    fleet.pushed();
    assert!(fleet.pull(&["--reason", "ticket 9"]).ok().stdout.contains("revoked shodan 0.2.0"));
    let line = |action: &str, id: &str, version: &str, reason: &str| [action, id, version, reason].map(str::to_owned);
    let of = |version: &str| format!("set fleet, version {version}");
    let expected = [
        line("lock-sync", "fleet", "1", &of("1")),
        line("trust", "shodan", "0.1.0", &of("1")),
        line("lock-sync", "fleet", "2", &of("2")),
        line("trust", "shodan", "0.2.0", &of("2")),
        line("trust", "virustotal", "1.0.0", &of("2")),
        line("lock-sync", "fleet", "3", "ticket 9"),
        line("revoke", "shodan", "-", "set fleet, version 3: ticket 9"),
    ];
    assert_eq!(fleet.journal(), expected);
    let verify = ["plugins", "journal", "verify", "--plugins-lock", "host.lock", "--plugins-dir", "host"];
    fleet.0.run(&verify).ok();
}

#[test]
fn what_is_older_or_another_set_or_signed_by_nobody_who_counts_changes_nothing() {
    let fleet = Fleet::followed();
    let bench = &fleet.0;
    fs::copy(bench.path("fleet.lockset"), bench.path("first")).expect("copied");
    fleet.accept("shodan", "0.2.0");
    fleet.pushed();
    fleet.pull(&[]).ok();
    let line = fleet.refused(&["first"], 3, "lockset_rollback").stderr;
    assert!(line.contains("version 2 or a later one") && line.contains("version 1"), "{line}");
    let new = |destination: &str, key: &str, name: &str, version: &str, expires: &str| {
        fleet.push(destination, key, &["--name", name, "--set-version", version, "--expires", expires])
    };
    fleet.accept("virustotal", "1.0.0");
    new("twin", "root.key", "fleet", "2", "30d").ok();
    fleet.refused(&["twin"], 3, "lockset_rollback");
    new("other", "root.key", "other", "9", "30d").ok();
    fleet.refused(&["other"], 3, "lockset_mismatch");
    // A key that signs plugins alone, and one that nobody knows here.
    assert!(new("plain", "ops.key", "fleet", "9", "30d").ok().stderr.contains("warning[signer_doubtful]"));
    let said = fleet.refused(&["plain"], 3, "signers_too_few").stderr;
    assert!(said.contains("`ops` signs plugin alone, and no lock"), "{said}");
    new("strange", "stranger.key", "fleet", "9", "30d").ok();
    fleet.refused(&["strange"], 3, "untrusted_key");
    // A set of keys is no set of plugins, and a payload that was changed is nobody's.
    let export = ["keys", "export", "keyset", "--name", "fleet", "--expires", "30d", "--private-key", "root.key"];
    bench.run(&[&export[..], &["--keys", "keys"]].concat()).ok();
    fleet.refused(&["keyset"], 1, "statement_invalid");
    let text = fs::read_to_string(bench.path("fleet.lockset")).expect("there");
    let mut envelope: Value = serde_json::from_str(&text).expect("an envelope");
    let payload = envelope["payload"].as_str().expect("base64").to_owned();
    envelope["payload"] = format!("{}{}", &payload[..4], payload[4..].replacen("MS", "OS", 1)).into();
    bench.write("changed", envelope.to_string());
    fleet.refused(&["changed"], 3, "signature_invalid");
    for (name, content) in [("empty", String::new()), ("none", "{}".to_owned())] {
        bench.write(name, content);
        fleet.refused(&[name], 1, "statement_invalid");
    }
    bench.write("huge", "x".repeat((24 << 20) + 1));
    assert!(!fleet.refused(&["huge"], 1, "lockset_invalid").stderr.contains("xxx"));
    fleet.refused(&["nowhere"], 1, "io_not_found");
    fleet.refused(&["fleet.lockset", "--name", "other"], 2, "usage");
    // Who signs sets is retired here, or revoked, and a newer one comes all the same.
    fleet.pushed();
    fleet.keys(&["retire", "root", "--force"]).ok();
    let said = fleet.refused(&[], 3, "signers_too_few").stderr;
    assert!(said.contains("`root` was retired"), "{said}");
    fleet.keys(&["revoke", "root", "--force"]).ok();
    let said = fleet.refused(&[], 3, "signers_too_few").stderr;
    assert!(said.contains("`root` was revoked"), "{said}");
}

#[test]
fn a_version_below_the_floor_of_this_site_is_not_brought_back() {
    let fleet = Fleet::followed();
    let floor = |from: &str, to: &str| {
        let text = fleet.lock();
        assert!(text.contains(from), "{text}");
        fleet.0.write("host.lock", text.replace(from, to));
    };
    floor("version = \"0.1.0\"", "version = \"0.3.0\"");
    floor("version_floor = \"0.1.0\"", "version_floor = \"0.3.0\"");
    fleet.accept("shodan", "0.2.0");
    fleet.pushed();
    let said = fleet.refused(&[], 3, "version_downgrade").stderr;
    assert!(said.contains("0.3.0 or newer") && said.contains("0.2.0"), "{said}");
    // A floor of this site that is higher than the set's stays what it is.
    floor("version_floor = \"0.3.0\"", "version_floor = \"0.1.5\"");
    floor("[[plugins]]", "# looked at by Ada\n[[plugins]]");
    let hq = fs::read_to_string(fleet.0.path("hq.lock")).expect("a lock");
    fleet.0.write("hq.lock", hq.replace("version_floor = \"0.2.0\"", "version_floor = \"0.1.0\""));
    fleet.pushed();
    fleet.pull(&[]).ok();
    assert!(fleet.lock().contains("version_floor = \"0.1.5\"") && fleet.lock().contains("version = \"0.2.0\""));
    assert!(fleet.lock().contains("# looked at by Ada"), "what somebody here has written stays");
}

#[test]
fn an_expired_set_is_not_applied_and_what_it_accepted_stays() {
    let fleet = Fleet::followed();
    fleet
        .push("short", "root.key", &["--name", "fleet", "--set-version", "7", "--expires", "2020-01-01T00:00:00Z"])
        .refused(2, "usage");
    let issued = [("SOURCE_DATE_EPOCH", "1577836800")];
    let words =
        ["plugins", "lock", "push", "old", "--private-key", "root.key", "--name", "fleet", "--set-version", "7"];
    let place = ["--expires", "30d", "--plugins-lock", "hq.lock", "--keys", "keys"];
    fleet.0.run_with(&[&words[..], &place].concat(), &issued).ok();
    fleet.refused(&["old"], 3, "lockset_expired");
}

#[test]
fn as_many_as_this_site_asks_for_have_to_have_signed_what_they_accept_themselves() {
    let fleet = Fleet::new();
    let bench = &fleet.0;
    fleet.accept("shodan", "0.1.0");
    fleet.pushed();
    let two = ["--name", "fleet", "--required-signatures", "2", "--save"];
    fleet.refused(&[&["fleet.lockset"][..], &two].concat(), 3, "signers_too_few");
    bench.run(&["plugin", "keygen", "--out", "second"]).ok();
    fleet.keys(&["add", "second.pem", "--may-sign", "lock"]).ok();
    // Whoever accepts something else does not sign.
    bench.write("own.lock", "version = 1\n");
    let add = |lock: &str| {
        let words = ["plugins", "lock", "push", "fleet.lockset", "--add", "--private-key", "second.key"];
        bench.run(&[&words[..], &["--plugins-lock", lock, "--keys", "keys"]].concat())
    };
    let said = add("own.lock").refused(3, "lockset_mismatch").stderr.clone();
    assert!(said.contains("found:    shodan"), "{said}");
    add("hq.lock").ok();
    fleet.pull(&[&["fleet.lockset"][..], &two].concat()).ok();
    assert!(fleet.lock().contains("shodan"));
}

/// What is remembered is written before the lock: between the two, the lock that comes back stands nowhere else.
#[test]
fn going_back_that_was_killed_before_the_lock_was_written_is_finished_by_the_next_run() {
    let fleet = Fleet::followed();
    let first = fleet.lock();
    fleet.accept("shodan", "0.2.0");
    fleet.pushed();
    fleet.pull(&[]).ok();
    let second = fleet.lock();
    let back = ["--rollback", "--reason", "breaks us"];
    fleet.pull(&back).ok();
    let killed = |lock: &str, returning: &str| {
        let set = fs::read_to_string(fleet.0.path("host.lock.set")).expect("remembered");
        let mut set: Value = serde_json::from_str(&set).expect("JSON");
        assert!(set["returning"].is_null(), "it stands in its place: {set}");
        set["returning"] = json!({"version": null, "lock": returning});
        fleet.0.write("host.lock.set", set.to_string());
        fleet.0.write("host.lock", lock);
    };
    for finish in [&[][..], &back] {
        killed(&second, &first);
        let finished = fleet.pull(finish);
        assert!(finished.ok().stdout.contains("changed shodan 0.1.0"), "{finished:?}");
        assert_eq!(fleet.lock(), first, "{finish:?}");
        let held = document(&fleet.pull(&["--json"]));
        assert_eq!((&held["is_rolled_back"], &held["changed"]), (&true.into(), &false.into()), "{held}");
    }
    fleet.pull(&back).ok();
    assert_eq!(fleet.lock(), second, "twice is where one was");
    killed(&first, &second);
    fleet.pull(&[]).ok();
    assert_eq!(fleet.lock(), second, "and that is finished too");
    // Nothing is to be finished: what somebody has written there since stays.
    fleet.pull(&back).ok();
    fleet.0.write("host.lock", &second);
    fleet.pull(&[]).ok();
    assert_eq!(fleet.lock(), second, "by hand");
}

#[test]
fn the_lock_before_a_set_comes_back_and_stays_until_a_newer_version_comes() {
    let fleet = Fleet::followed();
    let back = ["--rollback", "--reason", "breaks us"];
    fleet.refused(&back, 1, "version_not_found");
    let first = fleet.lock();
    fleet.accept("shodan", "0.2.0");
    fleet.pushed();
    fleet.pull(&[]).ok();
    let second = fleet.lock();
    let state = fleet.state();
    fleet.pull(&[&back[..], &["--dry-run"]].concat()).ok();
    assert_eq!(fleet.state(), state, "a dry run");
    assert!(fleet.pull(&back).ok().stdout.contains("changed shodan 0.1.0"));
    assert_eq!(fleet.lock(), first);
    let held = document(&fleet.pull(&["--json"]));
    assert_eq!((&held["is_rolled_back"], &held["changed"]), (&true.into(), &false.into()), "{held}");
    assert_eq!(fleet.lock(), first, "it does not come back by itself");
    fleet.pull(&back).ok();
    assert_eq!(fleet.lock(), second, "twice is where one was");
    fleet.pull(&back).ok();
    fleet.accept("virustotal", "1.0.0");
    fleet.pushed();
    fleet.pull(&[]).ok();
    assert!(fleet.lock().contains("virustotal") && fleet.lock().contains("version = \"0.2.0\""));
}
