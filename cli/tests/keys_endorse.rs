//! Keys that name their successors, and a site that follows them when it is asked to, and never further than it should.
//! One file, and long: every test goes by one site and the keys of one publisher, `Site`.

mod support;

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use aisoc_manifests::digest::Digest;
use aisoc_signing::{Envelope, KeyHolder, PayloadType, SigningKey};
use aisoc_testkit::registry::{Login, Registry};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::signers::{TOKEN, program, reference, with_agent, with_token};
use support::{Bench, Run, workspace};

const REASON: [&str; 4] = ["--keys", "trusted", "--reason", "ticket 12"];
const FILE: &str = "new.endorsement";

/// Keys, of which `old` is trusted and may name its successor, and a plugin that `new` has signed.
struct Site(Bench);

impl Site {
    fn new() -> Self {
        let bench = Bench::new();
        for key in ["old", "second", "third", "new", "other"] {
            bench.run(&["plugin", "keygen", "--out", key]).ok();
        }
        fs::create_dir(bench.path("trusted")).expect("made");
        let site = Self(bench);
        site.trust("old", &[]);
        site
    }

    /// A trusted key that may name its successor, and what else is said of it.
    fn trust(&self, key: &str, limits: &[&str]) {
        let may = ["--may-sign", "plugin", "--may-sign", "succession"];
        self.keys(&[&["add", &format!("{key}.pem")], &may[..], limits].concat()).ok();
    }

    fn keys(&self, words: &[&str]) -> Run {
        self.0.run(&[&["keys"], words, &REASON].concat())
    }

    fn endorse(&self, words: &[&str]) -> Run {
        self.0.run(&[&["keys", "endorse"], words].concat())
    }

    /// An endorsement of `new` by `old`.
    fn endorsed(&self) {
        self.endorse(&["new.pem", "--private-key", "old.key", "--out", FILE]).ok();
    }

    fn accept(&self, words: &[&str]) -> Run {
        let before = self.0.snapshot("trusted");
        let run = self.0.run(&[&["keys", "accept", FILE], words, &REASON].concat());
        if run.code != 0 {
            assert_eq!(self.0.snapshot("trusted"), before, "what is refused changes nothing");
        }
        run
    }

    fn note(&self, id: &str) -> Value {
        serde_json::from_slice(&fs::read(self.0.path(&format!("trusted/{id}.json"))).expect("a note")).expect("JSON")
    }

    fn fingerprint(&self, key: &str) -> String {
        self.key(key).public_key().fingerprint().to_string()
    }

    fn key(&self, name: &str) -> SigningKey {
        SigningKey::from_pem(&fs::read(self.0.path(&format!("{name}.key"))).expect("there")).expect("a key")
    }

    /// An endorsement that says whatever it says, signed as it should be.
    fn forged(&self, change: impl Fn(&mut Value)) {
        let made = self.endorse(&["new.pem", "--private-key", "old.key"]).ok().stdout.clone();
        let made: Value = serde_json::from_str(&made).expect("JSON");
        let payload = STANDARD.decode(made["payload"].as_str().expect("a text")).expect("base64");
        let mut payload: Value = serde_json::from_slice(&payload).expect("JSON");
        change(&mut payload);
        let key = self.key("old");
        let signers: [&dyn KeyHolder; 1] = [&key];
        let payload = payload.to_string().into_bytes();
        let envelope = Envelope::sign(PayloadType::KeySuccession, payload, &signers).expect("signed");
        self.0.write(FILE, envelope.to_json());
    }
}

/// A layout of one artifact without a tag, of that type and with those layers.
fn layout(bench: &Bench, name: &str, artifact_type: Option<&str>, layers: &[(&str, &[u8])]) {
    let put = |media_type: &str, content: &[u8]| {
        let digest = Digest::of(content);
        bench.write(&format!("{name}/blobs/sha256/{}", digest.hex()), content);
        json!({ "mediaType": media_type, "digest": digest, "size": content.len() })
    };
    let config = put("application/vnd.oci.empty.v1+json", b"{}");
    let layers: Vec<Value> = layers.iter().map(|(media_type, content)| put(media_type, content)).collect();
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let mut manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
    if let Some(artifact_type) = artifact_type {
        manifest["artifactType"] = artifact_type.into();
    }
    let manifest = put(media_type, manifest.to_string().as_bytes());
    bench.write(&format!("{name}/index.json"), json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string());
    bench.write(&format!("{name}/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#);
}

/// What a forger makes of an endorsement.
type Change<'a> = &'a dyn Fn(&mut Value);

#[test]
fn a_successor_is_trusted_when_somebody_asks_for_it_and_verifies_from_then_on() {
    let site = Site::new();
    let bench = &site.0;
    bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "shodan", "--private-key", "new.key"]).ok();
    let verify = || bench.run(&["plugin", "verify", "shodan", "--keys", "trusted"]);
    site.endorsed();
    verify().refused(3, "untrusted_key");
    let before = bench.snapshot("trusted");
    let planned = site.accept(&["--dry-run"]);
    assert!(planned.ok().stderr.contains("Would trust key new"), "{planned:?}");
    assert_eq!(bench.snapshot("trusted"), before, "a dry run changes nothing");
    let done = site.accept(&[]);
    assert!(done.ok().stderr.contains("on the word of `old`"), "{done:?}");
    assert!(done.stderr.contains("aisoc keys retire old --after "), "{done:?}");
    verify().ok();
    let journal = fs::read_to_string(bench.path("trusted/keys.journal")).expect("there");
    let last = journal.lines().last().expect("a line").split('\t').collect::<Vec<_>>();
    assert_eq!(last[1..], ["key-accept", "new", "-", site.fingerprint("new").as_str(), "ticket 12"]);
    let note = site.note("new");
    assert_eq!(
        (&note["endorsed_by"], &note["may_sign"]),
        (&json!([site.fingerprint("old")]), &json!(["plugin", "succession"]))
    );
    let after = bench.snapshot("trusted");
    let again = site.accept(&[]);
    assert!(again.ok().stderr.contains("Unchanged key new"), "{again:?}");
    assert_eq!(bench.snapshot("trusted"), after, "what is trusted already stays as it is");
}

#[test]
fn a_key_that_does_not_count_for_it_endorses_nobody() {
    let retired = ["retire", "old", "--force"];
    for (words, reason, found) in [
        (&["annotate", "old", "--clear", "may-sign"][..], "key_out_of_scope", "signs plugin alone"),
        (&["annotate", "old", "--may-sign", "plugin"], "key_out_of_scope", "signs plugin alone"),
        (
            &["annotate", "old", "--not-after", "2026-01-01T00:00:00Z", "--force"],
            "key_expired",
            "expired at 2026-01-01",
        ),
        (
            &["annotate", "old", "--not-before", "2999-01-01T00:00:00Z", "--force"],
            "key_not_yet_valid",
            "before 2999-01-01",
        ),
        (&["revoke", "old", "--force"], "key_revoked", "was revoked"),
        (&retired, "untrusted_key", "was retired"),
    ] {
        let site = Site::new();
        site.endorsed();
        site.keys(words).ok();
        let refused = site.accept(&[]);
        refused.refused(3, reason);
        assert!(refused.error_line().contains(found), "{refused:?}");
        assert!(refused.stderr.contains("hint: see what the key may sign here: `aisoc keys show"), "{refused:?}");
    }
    let site = Site::new();
    site.endorse(&["new.pem", "--private-key", "second.key", "--out", FILE]).ok();
    let refused = site.accept(&[]);
    refused.refused(3, "untrusted_key");
    assert!(refused.stderr.contains(&site.fingerprint("second")), "{refused:?}");
    site.keys(&["stage", "second.pem", "--may-sign", "succession"]).ok();
    assert!(site.accept(&[]).refused(3, "untrusted_key").stderr.contains("is staged"));
}

#[test]
fn what_was_signed_and_can_never_be_followed_is_refused_for_what_it_is() {
    let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    let site = Site::new();
    let other = site.fingerprint("other");
    let changes: [(Change<'_>, i32, &str, &str); 6] = [
        (&|it| it["successor"]["public_key_pem"] = weak.into(), 3, "weak_key", "small order"),
        (&|it| it["successor"]["public_key_pem"] = "x".into(), 1, "key_invalid", "the successor that is endorsed"),
        (&|it| it["successor"]["fingerprint"] = other.clone().into(), 1, "statement_invalid", "names two successors"),
        (&|it| it["required"] = 2.into(), 1, "statement_invalid", "a number of endorsers that cannot be"),
        (&|it| it["scope"] = json!({}), 1, "statement_invalid", "none that can be understood"),
        (&|it| it["until"] = "2026-11-01T00:00:00Z".into(), 1, "statement_invalid", "over before it begins"),
    ];
    for (change, code, reason, words) in changes {
        site.forged(change);
        let refused = site.accept(&[]);
        assert!(refused.refused(code, reason).stderr.contains(words), "{refused:?}");
    }
    site.forged(|it| {
        it["not_before"] = "2026-01-01T00:00:00Z".into();
        it["until"] = "2026-02-01T00:00:00Z".into();
    });
    let refused = site.accept(&[]);
    assert!(
        refused.refused(3, "statement_expired").stderr.contains("expected: a time before 2026-02-01"),
        "{refused:?}"
    );
    for (content, reason, code) in [("", "statement_invalid", 1), ("{}", "statement_invalid", 1)] {
        site.0.write(FILE, content);
        site.accept(&[]).refused(code, reason);
    }
    fs::remove_file(site.0.path(FILE)).expect("removed");
    site.accept(&[]).refused(1, "io_not_found");
    site.0.write(FILE, " ".repeat(70_000));
    site.accept(&[]).refused(1, "statement_invalid");
}

#[test]
fn what_was_changed_on_its_way_is_nobodys_word() {
    let site = Site::new();
    site.endorsed();
    let content = fs::read_to_string(site.0.path(FILE)).expect("there");
    let mut envelope: Value = serde_json::from_str(&content).expect("JSON");
    let other = site.endorse(&["other.pem", "--private-key", "second.key"]).ok().stdout.clone();
    envelope["payload"] = serde_json::from_str::<Value>(&other).expect("JSON")["payload"].clone();
    site.0.write(FILE, envelope.to_string());
    site.accept(&[]).refused(3, "signature_invalid");
    site.0.write(FILE, content.replace("key-succession.v1", "keyset.v1"));
    site.accept(&[]).refused(1, "statement_invalid");
}

#[test]
fn an_endorsement_is_not_followed_again_once_its_successor_was_taken_away() {
    let site = Site::new();
    site.endorsed();
    site.accept(&[]).ok();
    site.keys(&["retire", "new", "--force"]).ok();
    let refused = site.accept(&[]);
    assert!(refused.refused(3, "endorsement_replayed").stderr.contains("was retired here"), "{refused:?}");
    site.keys(&["revoke", "new", "--force"]).ok();
    site.accept(&[]).refused(3, "key_revoked");
    for file in ["new.pem", "new.json"] {
        fs::remove_file(site.0.path(&format!("trusted/revoked/{file}"))).expect("removed");
    }
    let refused = site.accept(&["--id", "again"]);
    assert!(refused.refused(3, "endorsement_replayed").stderr.contains("was taken away"), "{refused:?}");
    site.accept(&["--id", "again", "--dry-run"]).refused(3, "endorsement_replayed");
}

#[test]
fn of_two_successors_the_first_stays_until_somebody_has_decided() {
    let site = Site::new();
    site.endorsed();
    site.accept(&[]).ok();
    site.endorse(&["other.pem", "--private-key", "old.key", "--out", "other.endorsement"]).ok();
    fs::rename(site.0.path("other.endorsement"), site.0.path(FILE)).expect("moved");
    let refused = site.accept(&["--id", "other"]);
    refused.refused(3, "endorsement_conflict");
    for said in [site.fingerprint("new"), site.fingerprint("other"), "`aisoc keys retire new.pem".to_owned()] {
        assert!(refused.stderr.contains(&said), "{said}: {refused:?}");
    }
    site.keys(&["retire", "new", "--force"]).ok();
    site.accept(&["--id", "other"]).ok();
}

#[test]
fn as_many_endorse_as_the_endorsement_and_the_site_ask_for() {
    let site = Site::new();
    let others = ["--endorser", "second.pem", "--endorser", "third.pem", "--require", "2"];
    site.endorse(&[&["new.pem", "--private-key", "old.key", "--out", FILE], &others[..]].concat()).ok();
    let refused = site.accept(&[]);
    assert!(refused.refused(3, "signers_too_few").stderr.contains("expected: 2 that count here"), "{refused:?}");
    for (words, code, reason) in [
        (&["other.pem", "--private-key", "second.key"][..], 3, "endorsement_conflict"),
        (&["new.pem", "--private-key", "other.key"], 2, "usage"),
        (&["new.pem", "--private-key", "second.key", "--overlap", "1d"], 2, "usage"),
    ] {
        let before = fs::read(site.0.path(FILE)).expect("there");
        site.endorse(&[words, &["--add", FILE]].concat()).refused(code, reason);
        assert_eq!(fs::read(site.0.path(FILE)).expect("there"), before);
    }
    let add = || site.endorse(&["new.pem", "--private-key", "second.key", "--add", FILE]);
    assert!(add().ok().stderr.contains("signed by 2 of 3 endorsers, 2 required"));
    assert!(add().ok().stderr.contains("Unchanged"));
    // The second is nobody here, and then one that may not say so.
    site.accept(&[]).refused(3, "signers_too_few");
    site.keys(&["add", "second.pem"]).ok();
    let refused = site.accept(&[]);
    assert!(
        refused.refused(3, "signers_too_few").stderr.contains("`second` does not count (key_out_of_scope)"),
        "{refused:?}"
    );
    site.keys(&["annotate", "second", "--may-sign", "plugin", "--may-sign", "succession"]).ok();
    site.accept(&["--require", "3"]).refused(3, "signers_too_few");
    site.keys(&["add", "third.pem"]).ok();
    site.endorse(&["new.pem", "--private-key", "third.key", "--add", FILE]).ok();
    let done = site.accept(&["--json"]);
    let told: Value = serde_json::from_str(&done.ok().stdout).expect("JSON");
    assert_eq!((&told["endorsers"].as_array().expect("a list").len(), &told["required_count"]), (&2, &json!(2)));
    let not_counted = &told["endorsers_not_counted"][0];
    assert_eq!(
        (&not_counted["key_id"], &not_counted["objection"]["reason_code"]),
        (&json!("third"), &json!("key_out_of_scope"))
    );
}

#[test]
fn a_successor_gets_at_most_what_all_its_endorsers_have() {
    let site = Site::new();
    let end = "2999-01-01T00:00:00Z";
    site.keys(&[
        "annotate",
        "old",
        "--plugin",
        "acme-*",
        "--plugin",
        "x",
        "--coverage",
        "code",
        "--may-sign",
        "plugin",
        "--may-sign",
        "succession",
        "--may-sign",
        "keyset",
    ])
    .ok();
    site.trust(
        "second",
        &[
            "--plugin",
            "acme-tools-*",
            "--plugin",
            "y",
            "--repository",
            "ghcr.io/acme",
            "--coverage",
            "full",
            "--not-after",
            end,
        ],
    );
    let both = ["--private-key", "old.key", "--private-key", "second.key"];
    site.endorse(
        &[
            &["new.pem", "--out", FILE, "--not-before", "2026-01-01T00:00:00Z", "--until", "2998-01-01T00:00:00Z"],
            &both[..],
        ]
        .concat(),
    )
    .ok();
    let done = site.accept(&[]);
    assert!(done.ok().stderr.contains(&format!("warning[key_ends]: key `new` counts until {end}")), "{done:?}");
    let note = site.note("new");
    let expected = json!({
        "schema_version": 2, "not_before": "2026-01-01T00:00:00Z", "not_after": end, "coverage": "full",
        "scope": {"plugins": ["acme-tools-*"], "repositories": ["ghcr.io/acme"]},
        "may_sign": ["plugin", "succession"], "endorsed_by": note["endorsed_by"],
    });
    assert_eq!(note, expected);
    assert_eq!(note["endorsed_by"].as_array().expect("a list").len(), 2);
    // Nothing in common is nothing to sign.
    let site = Site::new();
    site.keys(&["annotate", "old", "--plugin", "acme-*"]).ok();
    site.trust("second", &["--plugin", "*-acme"]);
    site.endorse(&[&["new.pem", "--out", FILE], &both[..]].concat()).ok();
    let refused = site.accept(&[]);
    assert!(refused.refused(3, "key_out_of_scope").stderr.contains("could sign nothing"), "{refused:?}");
}

#[test]
fn the_site_says_until_when_a_successor_counts_and_what_it_is_called() {
    let site = Site::new();
    site.endorsed();
    site.accept(&["--id", "../x"]).refused(2, "usage");
    site.accept(&["--id", "old"]).refused(1, "already_exists");
    site.accept(&["--not-after", "2999-01-01T00:00:00Z", "--id", "acme"]).ok();
    assert_eq!(site.note("acme")["not_after"], "2999-01-01T00:00:00Z");
    let run = site.0.run(&["keys", "accept", "-", "--keys", "trusted", "--reason", "x"]);
    run.refused(1, "statement_invalid");
}

/// A site counts by its own end, whatever that of the endorser is; and one that was set is not moved on the way.
#[test]
fn an_end_of_the_site_is_one_to_come_and_stays_as_it_was_set() {
    let site = Site::new();
    site.keys(&["annotate", "old", "--not-after", "2998-01-01T00:00:00Z"]).ok();
    site.endorsed();
    site.accept(&["--not-after", "2020-01-01T00:00:00Z"]).refused(2, "usage");
    site.accept(&["--not-after", "soon"]).refused(2, "usage");
    let planned = site.accept(&["--not-after", "2999-01-01T00:00:00Z", "--dry-run"]);
    assert!(planned.ok().stderr.contains("counts until 2999-01-01T00:00:00Z"), "{planned:?}");
    site.accept(&["--not-after", "2999-01-01T00:00:00Z"]).ok();
    assert_eq!(site.note("new")["not_after"], "2999-01-01T00:00:00Z");
    site.accept(&["--not-after", "2999-01-01T00:00:00Z"]).ok();
    let other = site.accept(&["--not-after", "2997-01-01T00:00:00Z"]);
    let hint = "`aisoc keys annotate new.pem --not-after 2997-01-01T00:00:00Z --reason TEXT";
    assert!(other.refused(1, "already_exists").stderr.contains(hint), "{other:?}");
    assert_eq!(site.note("new")["not_after"], "2999-01-01T00:00:00Z");
    // Where nothing is said it ends with its endorser.
    let site = Site::new();
    site.keys(&["annotate", "old", "--not-after", "2998-01-01T00:00:00Z"]).ok();
    site.endorsed();
    site.accept(&[]).ok();
    assert_eq!(site.note("new")["not_after"], "2998-01-01T00:00:00Z");
}

#[test]
fn the_same_words_make_the_same_file_and_no_other_one_is_lost() {
    let site = Site::new();
    let made = |words: &[&str]| site.endorse(&[&["new.pem", "--private-key", "old.key"], words].concat());
    let at = ["--issued-at", "2026-11-01T00:00:00Z"];
    let first = made(&at).ok().stdout.clone();
    assert_eq!(made(&at).ok().stdout, first);
    let epoch = [("SOURCE_DATE_EPOCH", "1793491200")];
    assert_eq!(site.0.run_with(&["keys", "endorse", "new.pem", "--private-key", "old.key"], &epoch).ok().stdout, first);
    made(&[&at[..], &["--out", FILE]].concat()).ok();
    assert_eq!(fs::read_to_string(site.0.path(FILE)).expect("there"), first);
    made(&[&at[..], &["--out", FILE]].concat()).ok();
    made(&["--out", FILE, "--overlap", "2w"]).refused(1, "already_exists");
    assert_eq!(fs::read_to_string(site.0.path(FILE)).expect("there"), first);
    let planned = made(&["--out", "planned.endorsement", "--dry-run"]);
    assert!(
        planned.ok().stderr.contains("Would endorse") && !site.0.path("planned.endorsement").exists(),
        "{planned:?}"
    );
    assert!(!made(&["--dry-run"]).ok().stdout.contains("payload"), "what could be used is not printed either");
    // A file among trusted keys that is neither a key nor a note refuses all of them.
    made(&["--out", "trusted/new.endorsement"]).refused(2, "usage");
    for overlap in ["0d", "-1d", "1mo", "soon", ""] {
        let overlap = format!("--overlap={overlap}");
        made(&[&overlap]).refused(2, "usage");
    }
}

#[test]
fn only_another_key_that_is_one_is_endorsed_and_an_encrypted_key_endorses_too() {
    let site = Site::new();
    site.0.write("weak.pem", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n");
    for (successor, code, reason) in [
        ("weak.pem", 3, "weak_key"),
        ("new.key", 1, "key_invalid"),
        ("old.pem", 2, "usage"),
        ("absent.pem", 1, "io_not_found"),
    ] {
        site.endorse(&[successor, "--private-key", "old.key"]).refused(code, reason);
    }
    site.endorse(&["new.pem", "--private-key", "old.key", "--private-key", "old.key"]).refused(2, "usage");
    site.endorse(&["-", "--private-key", "-"]).refused(2, "usage");
    let passphrase = [("PASSPHRASE", "correct horse")];
    let encrypted = ["plugin", "keygen", "--out", "locked", "--encrypt", "--passphrase", "env:PASSPHRASE"];
    site.0.run_with(&encrypted, &passphrase).ok();
    site.trust("locked", &[]);
    let endorse =
        ["keys", "endorse", "new.pem", "--private-key", "locked.key", "--passphrase", "env:PASSPHRASE", "--out", FILE];
    site.0.run_with(&endorse, &passphrase).ok();
    site.accept(&[]).ok();
}

/// The key in the wrong hands is gone first, whoever answers and whatever is said of the others.
#[test]
fn what_stands_on_the_word_of_a_revoked_key_is_named_and_goes_with_it_when_that_is_said() {
    let accepted = || {
        let site = Site::new();
        site.endorsed();
        site.accept(&[]).ok();
        site.endorse(&["other.pem", "--private-key", "new.key", "--out", "other.endorsement"]).ok();
        site.keys(&["accept", "other.endorsement"]).ok();
        site.keys(&["add", "third.pem"]).ok();
        site
    };
    let states = |site: &Site| {
        let is_revoked = |key: &&str| site.0.path(&format!("trusted/revoked/{key}.pem")).exists();
        ["old", "new", "other", "third"].into_iter().filter(is_revoked).collect::<Vec<_>>()
    };
    for (words, revoked, warnings) in [
        (&[][..], &["old"][..], 2),
        (&["--keep-successors"], &["old"], 2),
        (&["--with-successors", "--dry-run"], &[], 0),
        (&["--with-successors"], &["old", "new", "other"], 0),
    ] {
        let site = accepted();
        fs::create_dir(site.0.path("plugins")).expect("made");
        let run = site.keys(&[&["revoke", "old", "--plugins-dir", "plugins"], words].concat());
        run.ok();
        assert_eq!(states(&site), revoked, "{words:?}: {run:?}");
        assert_eq!(run.stderr.matches("warning[successor_stands]").count(), warnings, "{run:?}");
        if warnings > 0 {
            assert!(run.stderr.contains("`aisoc keys revoke new --reason TEXT"), "{run:?}");
        }
    }
    let site = accepted();
    fs::create_dir(site.0.path("plugins")).expect("made");
    let run = site.keys(&["revoke", "old", "--plugins-dir", "plugins", "--json"]);
    let told: Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let named: Vec<_> =
        told["successors"].as_array().expect("a list").iter().map(|key| key["key_id"].clone()).collect();
    assert_eq!((named, &told["successors"][0]["revoked"]), (vec![json!("new"), json!("other")], &json!(false)));
    site.keys(&["revoke", "new", "--plugins-dir", "plugins", "--with-successors", "--keep-successors"])
        .refused(2, "usage");
}

/// One of them that is needed keeps nobody from revoking the others, and the way on is a command that works.
#[test]
fn a_successor_that_is_needed_is_left_with_the_command_that_revokes_it_and_the_others_go() {
    let site = Site::new();
    site.endorsed();
    site.accept(&[]).ok();
    site.endorse(&["other.pem", "--private-key", "new.key", "--out", "other.endorsement"]).ok();
    site.keys(&["accept", "other.endorsement"]).ok();
    let bench = &site.0;
    bench.run(&["plugin", "new", "shodan", "--type", "enricher"]).ok();
    bench.run(&["plugin", "sign", "shodan", "--private-key", "new.key"]).ok();
    bench.run(&["plugin", "install", "shodan", "--trusted-keys", "trusted", "--plugins-dir", "plugins"]).ok();
    let is_revoked = |key: &str| bench.path(&format!("trusted/revoked/{key}.pem")).exists();
    let revoke = ["revoke", "old", "--plugins-dir", "plugins", "--with-successors"];
    let run = site.keys(&revoke);
    run.refused(3, "key_needed");
    assert_eq!([is_revoked("old"), is_revoked("new"), is_revoked("other")], [true, false, true], "{run:?}");
    let fingerprint = bench.run(&["keys", "fingerprint", "new.pem"]).stdout;
    let command = format!("aisoc keys revoke {} --force", fingerprint.split(' ').next().expect("a fingerprint"));
    assert!(run.stderr.contains(&command), "{run:?}");
    // The same line again says what is left of it.
    let again = site.keys(&revoke);
    again.refused(1, "already_exists");
    assert!(
        again.stderr.contains("keys count still that were accepted on its word: `aisoc keys revoke SHA256:"),
        "{again:?}"
    );
    let words: Vec<&str> = command.split(' ').skip(2).collect();
    site.keys(&[&words[..], &["--plugins-dir", "plugins"]].concat()).ok();
    assert!(is_revoked("new"));
    assert!(!site.keys(&revoke).stderr.contains("count still"));
}

/// One successor after the other, each as if those before it were gone: so the last key that counts stays, and a dry run
/// ends as the run does.
#[test]
fn a_dry_run_keeps_the_last_key_that_counts_as_the_run_does() {
    for words in [&["--dry-run"][..], &[]] {
        let site = Site::new();
        site.endorsed();
        site.accept(&[]).ok();
        site.endorse(&["other.pem", "--private-key", "new.key", "--out", "other.endorsement"]).ok();
        site.keys(&["accept", "other.endorsement"]).ok();
        fs::create_dir(site.0.path("plugins")).expect("made");
        let run = site.keys(&[&["revoke", "old", "--plugins-dir", "plugins", "--with-successors"], words].concat());
        run.refused(3, "key_needed");
        assert!(run.stderr.contains("key `other`: it is the last key that counts"), "{words:?}: {run:?}");
        let is_revoked = |key: &&str| site.0.path(&format!("trusted/revoked/{key}.pem")).exists();
        let revoked: Vec<_> = ["old", "new", "other"].into_iter().filter(is_revoked).collect();
        assert_eq!(revoked, if words.is_empty() { vec!["old", "new"] } else { vec![] }, "{run:?}");
    }
}

/// The page on the format is enough to verify one: this program knows nothing else.
#[test]
fn an_independent_program_verifies_an_endorsement_and_refuses_what_was_changed() {
    let site = Site::new();
    site.endorsed();
    let content = fs::read_to_string(site.0.path(FILE)).expect("there");
    site.0.write("changed", content.replace("key-succession.v1", "keyset.v1"));
    let program = workspace::root().join("checks/interop/statement.py");
    let verify = |file: &str, pem: &str| {
        let (file, pem) = (site.0.path(file), site.0.path(pem));
        let output = Command::new("python3").arg("-B").arg(&program).arg(file).arg(pem).output().ok()?;
        let (told, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (!why.contains("ModuleNotFoundError")).then(|| (output.status.code(), told.into_owned()))
    };
    let Some((code, told)) = verify(FILE, "old.pem") else {
        eprintln!("SKIPPED: there is no python3 with `cryptography`");
        return;
    };
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!((code, lines.last().copied()), (Some(0), Some(site.fingerprint("old").as_str())), "{told}");
    assert!(lines[0].contains(&site.fingerprint("new")), "{told}");
    for (file, pem) in [(FILE, "other.pem"), ("changed", "old.pem")] {
        assert_eq!(verify(file, pem).expect("it ran").0, Some(3), "{file} {pem}");
    }
}

/// One form for a file, a registry and a layout: whoever signs as well finds it where the first has put it.
#[test]
fn an_endorsement_goes_by_a_registry_or_a_layout_and_one_more_signs_it_there() {
    let registry = Registry::start();
    let remote = registry.reference("team/keys:new");
    for (place, absent) in [("oci:layout:new", "io_not_found"), (&remote, "reference_not_found")] {
        let site = Site::new();
        site.trust("second", &[]);
        let at = ["--issued-at", "2026-11-01T00:00:00Z", "--overlap", "36500d"];
        let others = ["--endorser", "second.pem", "--require", "2"];
        let begin = [&["new.pem", "--private-key", "old.key", "--out", place], &at[..], &others].concat();
        let planned = site.endorse(&[&begin[..], &["--dry-run", "--json"]].concat());
        let planned: Value = serde_json::from_str(&planned.ok().stdout).expect("JSON");
        assert_eq!((&planned["destination"], &planned["artifact_digest"]), (&json!(place), &Value::Null));
        site.0.run(&["keys", "accept", place, "--keys", "trusted", "--reason", "x"]).refused(1, absent);
        let made = site.endorse(&[&begin[..], &["--json"]].concat());
        let made: Value = serde_json::from_str(&made.ok().stdout).expect("JSON");
        assert!(made["destination"] == *place && made["artifact_digest"].is_string(), "{made}");
        // The same again is there already, and another one takes nobody's place.
        let again = site.endorse(&begin);
        assert!(again.ok().stderr.contains(&format!("--add {place}   # by each of the others")), "{again:?}");
        let other = site.endorse(&["other.pem", "--private-key", "old.key", "--out", place]);
        other.refused(1, "tag_exists");
        assert!(
            other.stderr.contains(&format!("`--add {place}`")) && !other.stderr.contains("replace-tag"),
            "{other:?}"
        );
        let accept = |words: &[&str]| {
            let words = [&["keys", "accept", place, "--keys", "trusted", "--reason", "x"], words].concat();
            site.0.run(&words)
        };
        accept(&[]).refused(3, "signers_too_few");
        let elsewhere = place.replace(":new", ":other");
        let accepted = ["keys", "accept", &elsewhere, "--keys", "trusted", "--reason", "x"];
        site.0.run(&accepted).refused(1, "reference_not_found");
        let add = |successor: &str| site.endorse(&[successor, "--private-key", "second.key", "--add", place]);
        add("other.pem").refused(3, "endorsement_conflict");
        assert!(add("new.pem").ok().stderr.contains("signed by 2 of 2 endorsers, 2 required"));
        assert!(add("new.pem").ok().stderr.contains("Unchanged"));
        let before = site.0.snapshot("trusted");
        accept(&["--dry-run"]).ok();
        assert_eq!(site.0.snapshot("trusted"), before);
        let done = accept(&[]);
        assert!(done.ok().stderr.contains("Trusted key new ("), "named after the tag: {done:?}");
        assert!(site.0.path("trusted/new.pem").exists());
    }
}

#[test]
fn an_endorsement_in_a_registry_is_had_by_the_rules_of_registries() {
    let site = Site::new();
    let registry = Registry::start().login(Login::Basic("me", "hunter2"));
    let place = registry.reference("team/keys:new");
    let host = registry.host();
    let login = [
        ("AISOC_REGISTRY_HOST", host.as_str()),
        ("AISOC_REGISTRY_USERNAME", "me"),
        ("AISOC_REGISTRY_PASSWORD", "hunter2"),
    ];
    let endorse = ["keys", "endorse", "new.pem", "--private-key", "old.key", "--out", &place];
    let accept = ["keys", "accept", &place, "--keys", "trusted", "--reason", "x"];
    let before = site.0.snapshot("trusted");
    site.0.run(&endorse).refused(1, "registry_denied");
    site.0.run_with(&endorse, &login).ok();
    let denied = site.0.run(&accept);
    denied.refused(1, "registry_denied");
    assert!(!site.0.run_with(&accept, &login[..2]).stderr.contains("hunter2"));
    site.0.run_with(&[&accept[..], &["--plain-http=false"]].concat(), &login).refused(1, "registry_tls");
    site.0
        .run(&["keys", "accept", "ghcr.io/Team/keys:new", "--keys", "trusted", "--reason", "x"])
        .refused(2, "invalid_ref");
    assert_eq!(site.0.snapshot("trusted"), before);
    site.0.run_with(&accept, &login).ok();
    drop(registry);
    site.0.run_with(&accept, &login).refused(4, "registry_unavailable");
}

#[test]
fn an_artifact_that_is_no_endorsement_is_refused_for_what_it_is() {
    let site = Site::new();
    let bench = &site.0;
    site.endorsed();
    let content = fs::read(bench.path(FILE)).expect("there");
    let [kind, set, ..] = PayloadType::ALL.map(PayloadType::as_str);
    let layer = "application/vnd.dsse.envelope.v1+json";
    let at_most = |bytes: usize| [&content[..], &vec![b' '; bytes - content.len()]].concat();
    let (largest, larger) = (at_most(65_536), at_most(65_537));
    let accept = |name: &str| {
        let before = bench.snapshot("trusted");
        let run =
            bench.run(&["keys", "accept", &format!("oci:{name}"), "--id", "new", "--keys", "trusted", "--reason", "x"]);
        assert!(run.code == 0 || bench.snapshot("trusted") == before, "{run:?}");
        run
    };
    type Layers<'a> = &'a [(&'a str, &'a [u8])];
    let faulty: [(&str, Option<&str>, Layers<'_>, &str); 6] = [
        ("set", Some(set), &[(layer, &content)], set),
        ("plugin", Some("application/vnd.aisoc.plugin.v1"), &[(layer, &content)], "application/vnd.aisoc.plugin.v1"),
        ("nameless", None, &[(layer, &content)], "no artifactType"),
        ("empty", Some(kind), &[], "0 layers"),
        ("two", Some(kind), &[(layer, &content), (layer, b"{}")], "2 layers"),
        ("other", Some(kind), &[("text/plain", &content)], "text/plain"),
    ];
    for (name, artifact_type, layers, found) in faulty {
        layout(bench, name, artifact_type, layers);
        let refused = accept(name);
        refused.refused(1, "statement_invalid");
        assert!(refused.stderr.contains(&format!("\n  found:    {found}\n")), "{refused:?}");
    }
    layout(bench, "larger", Some(kind), &[(layer, &larger)]);
    let refused = accept("larger");
    assert!(refused.refused(1, "statement_invalid").stderr.contains("at most 65536 bytes"), "{refused:?}");
    // Of a set that somebody calls an endorsement, the type that was signed decides.
    bench
        .run(&[
            "keys",
            "export",
            "some.keyset",
            "--name",
            "x",
            "--expires",
            "1d",
            "--private-key",
            "old.key",
            "--keys",
            "trusted",
        ])
        .ok();
    let some = fs::read(bench.path("some.keyset")).expect("there");
    layout(bench, "renamed", Some(kind), &[(layer, &some)]);
    accept("renamed").refused(1, "statement_invalid");
    // What names no tag has no name of its own.
    layout(bench, "largest", Some(kind), &[(layer, &largest)]);
    bench.run(&["keys", "accept", "oci:largest", "--keys", "trusted", "--reason", "x"]).refused(2, "usage");
    accept("largest").ok();
    // And an endorsement is no set.
    let sync = ["keys", "sync", "oci:largest", "--name", "x", "--required-signatures", "1", "--keys", "trusted"];
    let refused = bench.run(&sync);
    assert!(refused.refused(1, "keyset_invalid").stderr.contains(kind), "{refused:?}");
}

#[test]
fn an_endorsement_is_signed_on_its_way_from_one_program_to_the_next() {
    let site = Site::new();
    let piped = |words: &[&str], input: &str| {
        let mut command = site.0.command(&[&["keys", "endorse"], words].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("ends");
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let first = site.endorse(&["new.pem", "--private-key", "old.key", "--endorser", "second.pem"]).ok().stdout.clone();
    let (code, both) = piped(&["new.pem", "--private-key", "second.key", "--add", "-"], &first);
    let envelope = Envelope::read(both.as_bytes(), PayloadType::KeySuccession).expect("an endorsement");
    assert_eq!((code, envelope.named_signers().len()), (Some(0), 2));
    assert!(!site.0.path("-").exists(), "no file of that name is made");
    let pem = fs::read_to_string(site.0.path("new.pem")).expect("there");
    assert_eq!(piped(&["-", "--private-key", "second.key", "--add", "-"], &pem).0, Some(2));
}

/// The signature of each is there in the end: nobody puts back what he read before another one had signed.
#[test]
fn several_who_sign_an_endorsement_at_once_lose_no_signature() {
    let site = Site::new();
    let signers = ["second", "third", "other"];
    let endorsers: Vec<String> =
        signers.iter().flat_map(|key| ["--endorser".to_owned(), format!("{key}.pem")]).collect();
    let endorsers: Vec<&str> = endorsers.iter().map(String::as_str).collect();
    site.endorse(&[&["new.pem", "--private-key", "old.key", "--out", FILE], &endorsers[..]].concat()).ok();
    let start = |key: &&str| {
        let key = format!("{key}.key");
        let mut command = site.0.command(&["keys", "endorse", "new.pem", "--private-key", &key, "--add", FILE]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let running: Vec<_> = signers.iter().map(start).collect();
    for child in running {
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{output:?}");
    }
    let content = fs::read(site.0.path(FILE)).expect("there");
    let envelope = Envelope::read(&content, PayloadType::KeySuccession).expect("an endorsement");
    assert_eq!(envelope.named_signers().len(), 4);
    let left = fs::read_dir(site.0.path(".")).expect("listed").map(|entry| entry.expect("an entry").file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".aisoc-statement")));
}

/// Where the key is, is nobody's business who follows the endorsement.
#[test]
fn a_program_and_a_token_endorse_as_the_key_in_a_file_does() {
    let site = Site::new();
    let bench = &site.0;
    let words = ["keys", "endorse", "new.pem", "--issued-at", "2026-11-01T00:00:00Z", "--overlap", "36500d"];
    let by = |signer: &str, variables: &[(&str, &str)]| {
        bench.run_with(&[&words[..], &["--private-key", signer]].concat(), variables)
    };
    let expected = by("old.key", &[]).ok().stdout.clone();
    program(bench, "sign-with-openssl", &reference());
    assert_eq!(by("exec:./sign-with-openssl", &[("SIGNER_KEY", "old.key")]).ok().stdout, expected);
    // A program that is asked for one signature does not give one of another key.
    let mistaken = reference().replace("\"-inkey\", KEY", "\"-inkey\", \"other.key\"");
    program(bench, "mistaken", &mistaken);
    by("exec:./mistaken", &[("SIGNER_KEY", "old.key")]).refused(3, "signer_mismatch");
    fs::copy(bench.path("old.key"), bench.path("release.key")).expect("copied");
    let token = |words_of_token: &[&str]| with_token(bench, &[&words[..], &["--private-key"]].concat(), words_of_token);
    assert_eq!(token(&[TOKEN, "--passphrase", "env:PIN"]).ok().stdout, expected);
    let refused = token(&[TOKEN, "--passphrase", "env:WRONG"]);
    assert!(!refused.refused(1, "signer_failed").stderr.contains("hunter2"), "{refused:?}");
    bench.write(FILE, &expected);
    site.accept(&[]).ok();
}

#[test]
fn the_ssh_agent_endorses_a_successor_that_a_site_accepts() {
    let site = Site::new();
    let line = format!("aisoc keys endorse new.pem --private-key ssh-agent:$f --out {FILE}");
    let Some(run) = with_agent(&site.0, &line) else { return };
    run.ok();
    // RFC 8709: the name of the type, and the 32 bytes of the key. RFC 8410: those behind twelve others.
    let public = fs::read_to_string(site.0.path("id.pub")).expect("there");
    let blob = STANDARD.decode(public.split(' ').nth(1).expect("a key")).expect("base64");
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", &blob[blob.len() - 32..]].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der));
    site.0.write("agent.pem", pem);
    site.accept(&[]).refused(3, "untrusted_key");
    site.trust("agent", &[]);
    let done = site.accept(&[]);
    assert!(done.ok().stderr.contains("on the word of `agent`"), "{done:?}");
}
