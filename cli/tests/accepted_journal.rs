//! The journal beside a lock: what somebody has written into it by hand, and what comes of a broken one.

mod support;

use std::fs;

use serde_json::Value;
use support::{Bench, Run};

const PLACE: [&str; 4] = ["--plugins-dir", "plugins", "--trusted-keys", "keys"];

struct Site(Bench);

impl Site {
    /// One plugin that is signed, and accepted.
    fn new() -> Self {
        let site = Self(Bench::new());
        site.0.run(&["plugin", "keygen", "--out", "release"]).ok();
        fs::create_dir_all(site.0.path("keys")).expect("made");
        fs::copy(site.0.path("release.pem"), site.0.path("keys/release.pem")).expect("copied");
        for id in ["shodan", "virustotal"] {
            site.0.run(&["plugin", "new", id, "--type", "enricher", "-o", "plugins"]).ok();
            site.0.run(&["plugin", "sign", &format!("plugins/{id}"), "--private-key", "release.key"]).ok();
        }
        site.trust("shodan", &[]).ok();
        site
    }

    fn trust(&self, id: &str, words: &[&str]) -> Run {
        let trust = ["plugins", "trust", id, "--reason", "read it, ticket 12"];
        self.0.run(&[&trust, &PLACE[..], words].concat())
    }

    fn verify(&self, words: &[&str]) -> Run {
        self.0.run(&[&["plugins", "verify", "--only", "lock"], &PLACE[..], words].concat())
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.0.path("plugins.lock.journal")).expect("there")
    }

    fn by_hand(&self, line: &str) {
        self.0.write("plugins.lock.journal", &(self.journal() + line + "\n"));
    }
}

#[test]
fn the_job_that_has_accepted_something_is_in_the_chain_and_is_shown() {
    let site = Site::new();
    let job = [("GITHUB_RUN_ID", "12"), ("GITHUB_REPOSITORY", "acme/lab")];
    let trust = ["plugins", "trust", "virustotal", "--reason", "read"];
    site.0.run_with(&[&trust[..], &PLACE].concat(), &job).ok();
    // The six columns are what they are without it.
    let journal = site.journal();
    let line = journal.lines().last().expect("a line");
    assert!(line.split('\t').count() == 6 && !line.contains("acme"), "{line}");
    let show = ["plugins", "journal", "show", "--plugins-lock", "plugins.lock"];
    let shown = site.0.run(&[&show[..], &PLACE[..2]].concat());
    let (user, host) = (rustix::process::getuid().as_raw(), rustix::system::uname());
    let host = host.nodename().to_string_lossy();
    let text = &shown.ok().stdout;
    assert!(text.contains(&format!("by uid {user}")), "{text}");
    assert!(text.contains(&format!("on {host} in github acme/lab run 12")), "{text}");
    // Who writes another run over it, breaks the chain.
    let chain = site.0.path("plugins.lock.journal.chain");
    let entries = fs::read_to_string(&chain).expect("a chain");
    assert!(entries.contains("github acme/lab run 12"), "{entries}");
    fs::write(&chain, entries.replace("run 12", "run 13")).expect("written");
    site.verify(&[]).refused(3, "journal_broken");
}

#[test]
fn a_revocation_by_hand_is_said_as_what_it_is() {
    let site = Site::new();
    site.by_hand("2026-05-24T14:32:00+02:00\trevoke\tshodan\t-\t-\tit phones home");
    let found = site.verify(&["--json"]);
    let document: Value = serde_json::from_str(&found.stdout).expect("JSON");
    assert_eq!(document["lock"]["unjournaled"][0]["revoked_at"], "2026-05-24T14:32:00.000000+02:00", "{document}");
    let warned = site.verify(&[]).stderr;
    let said =
        "`shodan` was revoked at 2026-05-24T14:32:00.000000+02:00: it phones home; and the lock still accepts it";
    assert!(warned.contains(said) && warned.contains("aisoc plugins untrust shodan --reason TEXT"), "{warned}");
}

#[test]
fn a_line_by_hand_that_says_nothing_is_named_before_it_is_final_and_after() {
    let site = Site::new();
    // The reason is forgotten.
    site.by_hand("2026-05-24T14:32:00+02:00\trevoke\tshodan\t-\t-");
    let warned = |run: &Run| run.stderr.contains("warning[journal_unread]") && run.stderr.contains("journal:2:");
    let before = site.verify(&[]);
    assert!(warned(&before), "{before:?}");
    let dry = site.trust("virustotal", &["--dry-run"]);
    assert!(warned(dry.ok()) && dry.stderr.contains("stays so from the next line on"), "{dry:?}");
    assert!(warned(site.trust("virustotal", &[]).ok()));
    let after = site.verify(&[]);
    assert!(warned(&after), "{after:?}");
}

#[test]
fn a_dry_run_says_what_a_run_would_and_that_it_was_none() {
    let site = Site::new();
    let before = (site.journal(), fs::read_to_string(site.0.path("plugins.lock")).expect("there"));
    let dry = site.trust("virustotal", &["--dry-run"]);
    assert!(dry.ok().stderr.contains("plugins.lock`, and a line into its journal"), "{dry:?}");
    let untrust = ["plugins", "untrust", "shodan", "--reason", "x", "--plugins-dir", "plugins", "--dry-run"];
    assert!(site.0.run(&untrust).ok().stderr.contains("Would write"));
    let after = (site.journal(), fs::read_to_string(site.0.path("plugins.lock")).expect("there"));
    assert_eq!(before, after);
    site.0.write("plugins.lock.journal", before.0.replace("read it", "read over it"));
    for words in [&["--dry-run"][..], &[]] {
        site.trust("virustotal", words).refused(3, "journal_broken");
    }
    site.0.run(&untrust).refused(3, "journal_broken");
    assert_eq!(fs::read_to_string(site.0.path("plugins.lock")).expect("there"), before.1);
}

#[test]
fn of_very_many_changes_the_first_are_named_and_the_others_counted() {
    let site = Site::new();
    let hash = format!("sha256:{}", "0".repeat(64));
    let entry = |id: usize| {
        format!(
            "\n[[plugins]]\nid = \"p{id}\"\npackage = \"x\"\nversion = \"1\"\nentry_point = \"m:C\"\ndistribution_hash = \"{hash}\"\n"
        )
    };
    let lock = fs::read_to_string(site.0.path("plugins.lock")).expect("there");
    for (more, said) in [(19, None), (20, None), (21, Some("1 more entry")), (30, Some("10 more entries"))] {
        site.0.write("plugins.lock", &(lock.clone() + &(0..more).map(entry).collect::<String>()));
        let found = site.verify(&[]);
        let named = found.stderr.matches("the journal has no line that accepts").count();
        assert_eq!(named, more.min(20), "{found:?}");
        assert_eq!(found.stderr.contains(said.unwrap_or("more entr")), said.is_some(), "{found:?}");
    }
}

#[test]
fn whoever_asks_about_the_journals_is_told_of_the_one_beside_the_lock_too() {
    let site = Site::new();
    let ask = |words: &[&str]| site.0.run(&[&["plugins", "journal"], words, &["--plugins-dir", "plugins"]].concat());
    assert!(ask(&["verify"]).ok().stdout.contains("plugins.lock.journal"));
    assert!(ask(&["show"]).ok().stdout.contains("shodan"));
    site.0.write("plugins.lock.journal", site.journal().replace("read it", "read over it"));
    let broken = ask(&["verify"]);
    assert!(broken.code == 3 && broken.error_line().starts_with("error[journal_broken]: "), "{broken:?}");
    // A lock in which nobody has accepted anything yet.
    site.0.run(&["plugins", "lock", "--plugins-lock", "new.lock", "--plugins-dir", "plugins"]).ok();
    ask(&["verify", "--plugins-lock", "new.lock"]).ok();
    ask(&["verify", "--plugins-lock", "absent.lock"]).refused(1, "io_not_found");
}
