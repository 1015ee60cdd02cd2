//! The commands that change who is trusted, as an admin types them.

mod support;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use support::{Bench, Run};

const REASON: [&str; 2] = ["--reason", "ticket 12"];

/// Two keys, and a plugin that the first has signed.
struct Site(Bench);

impl Site {
    fn new() -> Self {
        let bench = Bench::new();
        fs::create_dir(bench.path("trusted")).expect("made");
        for key in ["old", "new"] {
            bench.run(&["plugin", "keygen", "--out", key]).ok();
        }
        fs::copy(bench.path("old.pem"), bench.path("trusted/old.pem")).expect("copied");
        bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
        bench.run(&["plugin", "sign", "shodan", "--private-key", "old.key"]).ok();
        bench.run(&["plugin", "install", "shodan", "--plugins-dir", "plugins", "--keys", "trusted"]).ok();
        Self(bench)
    }

    fn keys(&self, words: &[&str]) -> Run {
        let ours = ["--keys", "trusted"];
        let asks = matches!(words[0], "retire" | "revoke");
        let place = if asks { &["--plugins-dir", "plugins"][..] } else { &[] };
        self.0.run(&[&["keys"], words, &ours, &REASON, place].concat())
    }

    fn verify(&self) -> Run {
        self.0.run(&["plugins", "verify", "--keys", "trusted", "--plugins-dir", "plugins"])
    }

    /// The plugin is refused for that reason; what is said of it.
    fn refused_for(&self, reason: &str) -> String {
        let run = self.verify();
        assert_eq!(run.code, 3, "{run:?}");
        assert!(run.stderr.contains(&format!("error[{reason}]")), "{}", run.stderr);
        run.stderr
    }

    fn files(&self) -> Vec<String> {
        let is_key = |name: &String| [".pem", ".json"].iter().any(|end| name.ends_with(end));
        let top = self.0.path("trusted");
        let below = |path: PathBuf| path.strip_prefix(&top).expect("below").display().to_string();
        self.0.snapshot("trusted").into_keys().map(below).filter(is_key).collect()
    }

    fn journal(&self) -> Vec<[String; 3]> {
        let text = fs::read_to_string(self.0.path("trusted/keys.journal")).unwrap_or_default();
        let column = |line: &str, at: usize| line.split('\t').nth(at).expect("six columns").to_owned();
        text.lines().map(|line| [column(line, 1), column(line, 2), column(line, 5)]).collect()
    }
}

fn line(action: &str, id: &str) -> [String; 3] {
    [action, id, "ticket 12"].map(str::to_owned)
}

#[test]
fn a_key_goes_from_staged_to_revoked_and_each_step_is_written_down() {
    let site = Site::new();
    site.keys(&["stage", "new.pem", "--owner", "Ada"]).ok();
    assert_eq!(site.files(), ["old.pem", "staged/new.json", "staged/new.pem"]);
    site.keys(&["promote", "new"]).ok();
    assert_eq!(site.files(), ["new.json", "new.pem", "old.pem"]);
    site.0.run(&["plugin", "sign", "shodan", "--private-key", "new.key", "--add"]).ok();
    site.0.run(&["plugin", "install", "shodan", "--plugins-dir", "plugins", "--keys", "trusted", "--keep", "0"]).ok();
    site.keys(&["retire", "old"]).ok();
    site.verify().ok();
    site.keys(&["revoke", "old"]).ok();
    site.verify().ok();
    assert_eq!(site.files(), ["new.json", "new.pem", "revoked/old.json", "revoked/old.pem"]);
    let expected = [("key-stage", "new"), ("key-promote", "new"), ("key-retire", "old"), ("key-revoke", "old")];
    assert_eq!(site.journal(), expected.map(|(action, id)| line(action, id)));
}

#[test]
fn a_key_that_something_depends_on_stays_unless_it_is_in_the_wrong_hands() {
    let site = Site::new();
    site.keys(&["add", "new.pem"]).ok();
    for verb in ["retire", "revoke"] {
        let refused = site.keys(&[verb, "old"]);
        refused.refused(3, "key_needed");
        assert!(refused.stderr.contains("`shodan` 0.1.0"), "{}", refused.stderr);
        assert_eq!(site.files(), ["new.pem", "old.pem"], "{verb}");
    }
    let forced = site.keys(&["revoke", "old", "--force", "--since", "2026-01-01T00:00:00Z"]);
    forced.ok();
    for said in ["warning[depends_on_key]: `shodan` 0.1.0", "warning[since_decides_nothing]"] {
        assert!(forced.stderr.contains(said), "{}", forced.stderr);
    }
    let refused = site.refused_for("key_revoked");
    assert!(refused.contains("ticket 12"), "{refused}");
}

#[test]
fn the_last_key_that_counts_is_not_taken_away_by_accident() {
    let site = Site::new();
    fs::remove_dir_all(site.0.path("plugins")).expect("removed");
    site.keys(&["retire", "old"]).refused(1, "io_not_found");
    fs::create_dir(site.0.path("plugins")).expect("made");
    site.keys(&["stage", "new.pem"]).ok();
    let refused = site.keys(&["retire", "old"]);
    refused.refused(3, "key_needed");
    assert!(refused.stderr.contains("the last key that counts"), "{}", refused.stderr);
    site.keys(&["add", "new.pem", "--id", "sets"]).refused(1, "already_exists");
    site.keys(&["promote", "new"]).ok();
    // One that counts for other things than plugins is none.
    site.keys(&["annotate", "new", "--may-sign", "keyset"]).ok();
    site.keys(&["retire", "old"]).refused(3, "key_needed");
    site.keys(&["annotate", "new", "--clear", "may-sign"]).ok();
    site.keys(&["retire", "old"]).ok();
}

#[test]
fn a_revoked_key_is_restored_by_somebody_who_says_so() {
    let site = Site::new();
    site.keys(&["revoke", "old", "--force"]).ok();
    let asked = site.keys(&["restore", "old"]);
    asked.refused(10, "confirmation_required");
    assert!(asked.stderr.contains("trusting a revoked key again"), "{}", asked.stderr);
    site.refused_for("key_revoked");
    site.keys(&["restore", "old", "--dry-run"]).ok();
    site.refused_for("key_revoked");
    site.keys(&["restore", "old", "--yes"]).ok();
    site.verify().ok();
    site.keys(&["restore", "old", "--yes"]).refused(2, "usage");
}

#[test]
fn a_note_says_what_was_typed_and_is_asked_at_the_next_verify() {
    let site = Site::new();
    let from = "2026-01-01T00:00:00Z";
    let until = "2999-01-01T00:00:00Z";
    let dates = ["--not-before", from, "--not-after", until];
    let people = ["annotate", "old", "--owner", "Ada", "--comment", "signing machine"];
    let scope = ["--plugin", "acme-*", "--plugin", "sho*", "--repository", "ghcr.io/acme"];
    let uses = ["--coverage", "full", "--may-sign", "plugin", "--may-sign", "keyset"];
    site.keys(&[&people[..], &dates, &scope, &uses].concat()).ok();
    let read = || -> Value {
        serde_json::from_slice(&fs::read(site.0.path("trusted/old.json")).expect("there")).expect("JSON")
    };
    let expected = serde_json::json!({
        "schema_version": 2, "owner": "Ada", "comment": "signing machine", "not_before": from, "not_after": until,
        "scope": {"plugins": ["acme-*", "sho*"], "repositories": ["ghcr.io/acme"]},
        "coverage": "full", "may_sign": ["plugin", "keyset"],
    });
    assert_eq!(read(), expected);
    let refused = site.refused_for("key_out_of_scope");
    assert!(refused.contains("where this comes from is not known"), "{refused}");
    site.keys(&["annotate", "old", "--clear", "repository", "--clear", "comment", "--owner", "Bob"]).ok();
    let note = read();
    assert_eq!(note["owner"], "Bob");
    assert!(note["comment"].is_null() && note["scope"]["repositories"].is_null(), "{note}");
    site.verify().ok();
    let members = ["owner", "not-before", "not-after", "plugin", "coverage", "may-sign"];
    let clear: Vec<&str> = members.iter().flat_map(|member| ["--clear", member]).collect();
    site.keys(&[&["annotate", "old"][..], &clear].concat()).ok();
    assert_eq!(site.files(), ["old.pem"], "a note that says nothing is none");
    for words in [
        &["annotate", "old"][..],
        &["annotate", "old", "--owner", "x", "--clear", "owner"],
        &["annotate", "old", "--clear", "colour"],
        &["annotate", "old", "--coverage", "inert"],
        &["annotate", "old", "--not-after", "tomorrow"],
    ] {
        site.keys(words).refused(2, "usage");
    }
    site.keys(&["annotate", "old", "--plugin", "a//b"]).refused(1, "key_note_invalid");
    assert_eq!(site.files(), ["old.pem"]);
}

#[test]
fn what_is_no_public_key_is_not_trusted_and_never_shown() {
    let site = Site::new();
    let secret = fs::read_to_string(site.0.path("new.key")).expect("there");
    let body = secret.lines().nth(1).expect("base64").to_owned();
    for (words, reason) in [
        (vec!["add", "new.key"], "key_invalid"),
        (vec!["add", "shodan/plugin.yaml"], "key_invalid"),
        (vec!["add", "shodan"], "key_invalid"),
        (vec!["add", "absent.pem"], "io_not_found"),
        (vec!["add", "old.pem"], "already_exists"),
        (vec!["stage", "old.pem", "--id", "other"], "already_exists"),
        (vec!["add", secret.as_str()], "usage"),
        (vec!["add", body.as_str()], "usage"),
        (vec!["add", "new.pem", "--id", "../new"], "usage"),
    ] {
        let refused = site.keys(&words);
        assert!(refused.stderr.contains(&format!("error[{reason}]")), "{}: {}", words[1], refused.stderr);
        assert!(!refused.stderr.contains(&body) && !refused.stdout.contains(&body), "{}", words[1]);
        assert_eq!((site.files(), site.journal().len()), (vec!["old.pem".to_owned()], 0), "{}", words[1]);
    }
    site.0.run(&["keys", "add", "new.pem", "--keys", "trusted"]).refused(2, "usage");
    site.0.run(&["keys", "add", "new.pem", "--keys", "trusted", "--reason", " "]).refused(2, "usage");
    site.0.run(&["keys", "add", "new.pem", "--keys", "trusted/old.pem", "--reason", "x"]).refused(2, "usage");
}

#[test]
fn a_key_comes_from_standard_input_with_a_name() {
    let site = Site::new();
    let pem = fs::read(site.0.path("new.pem")).expect("there");
    let add = |words: &[&str]| {
        let mut command = site.0.command(&[&["keys", "add", "-", "--keys", "trusted"], words, &REASON].concat());
        let piped = command.stdin(Stdio::piped()).stderr(Stdio::null()).stdout(Stdio::null());
        let mut child = piped.spawn().expect("run");
        // It may be gone before it has read anything.
        let _ = child.stdin.take().expect("piped").write_all(&pem);
        child.wait().expect("ended").code()
    };
    assert_eq!(add(&[]), Some(2), "it has no name");
    assert_eq!(add(&["--id", "ci-2026"]), Some(0));
    assert_eq!(site.files(), ["ci-2026.pem", "old.pem"]);
}

#[test]
fn a_dry_run_says_what_would_be_and_a_document_what_was() {
    let site = Site::new();
    let before = site.0.snapshot("trusted");
    let dry = site.keys(&["add", "new.pem", "--dry-run"]);
    dry.ok();
    assert!(dry.stderr.contains("Would trust key new"), "{}", dry.stderr);
    assert_eq!(site.0.snapshot("trusted"), before);
    let document: Value = serde_json::from_str(&site.keys(&["add", "new.pem", "--json"]).ok().stdout).expect("JSON");
    let shown = |member: &str| document[member].as_str().expect(member).to_owned();
    assert_eq!([shown("action"), shown("key_id"), shown("reason")], ["key-add", "new", "ticket 12"]);
    assert!(document["previous_state"].is_null() && shown("key_fingerprint").starts_with("SHA256:"));
    let again: Value = serde_json::from_str(&site.keys(&["retire", "new", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(again["previous_state"], "trusted");
}

/// At night nobody tidies up first: another key of that name among the revoked keeps no key from being revoked.
#[test]
fn a_key_is_revoked_although_another_revoked_one_has_its_name() {
    let site = Site::new();
    site.0.write("trusted/revoked/old.pem", fs::read(site.0.path("new.pem")).expect("a key"));
    site.0.write("trusted/old.json", r#"{"schema_version":2,"owner":"Ada"}"#);
    let key = fs::read(site.0.path("old.pem")).expect("a key");
    site.keys(&["revoke", "old.pem", "--force"]).ok();
    site.refused_for("key_revoked");
    let files = site.files();
    let (pem, note) = (&files[1], &files[0]);
    assert!(files.len() == 3 && files[2] == "revoked/old.pem", "{files:?}");
    assert!(pem.starts_with("revoked/old-") && note.starts_with("revoked/old-"), "{files:?}");
    assert_eq!(fs::read(site.0.path(&format!("trusted/{pem}"))).expect("there"), key);
    let note = fs::read_to_string(site.0.path(&format!("trusted/{note}"))).expect("there");
    assert!(note.contains("Ada") && note.contains("ticket 12"), "{note}");
}

/// Nothing comes in between the question what depends on a key and its going: who installs holds the lock of the plugins
/// directory, and who takes a key away shares it until it is gone. A key in the wrong hands waits for nobody.
#[test]
fn no_key_is_taken_away_while_something_is_installed() {
    let site = Site::new();
    site.keys(&["add", "new.pem"]).ok();
    let lock = fs::File::open(site.0.path("plugins/.aisoc/write.lock")).expect("there");
    lock.lock().expect("free");
    let before = site.files();
    for command in ["retire", "revoke"] {
        for words in [&["--dry-run"][..], &[]] {
            site.keys(&[&[command, "new", "--lock-timeout", "0"], words].concat()).refused(4, "locked");
            assert_eq!(site.files(), before, "{command} {words:?}");
        }
    }
    site.keys(&["revoke", "new", "--force", "--lock-timeout", "0"]).ok();
    assert!(site.files().contains(&"revoked/new.pem".to_owned()));
}

#[test]
fn of_an_install_and_the_end_of_its_only_key_one_comes_first_and_the_other_is_refused() {
    for round in 0..4 {
        let site = Site::new();
        site.keys(&["add", "new.pem"]).ok();
        site.0.run(&["plugin", "new", "whois", "--type", "enricher"]).ok();
        site.0.run(&["plugin", "sign", "whois", "--private-key", "new.key"]).ok();
        let place = ["--plugins-dir", "plugins", "--keys", "trusted"];
        let begin = |words: &[&str]| {
            let mut command = site.0.command(&[words, &place].concat());
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
        };
        let retire = ["keys", "retire", "new", REASON[0], REASON[1]];
        let [mut install, mut retire] = [&["plugin", "install", "whois"][..], &retire].map(begin);
        let [install, retire] = [&mut install, &mut retire].map(|child| child.wait().expect("ended").success());
        assert!(install != retire, "round {round}: {install} {retire}");
        site.verify().ok();
    }
}
