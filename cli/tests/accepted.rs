//! What this site has accepted: plugins.lock, its journal and its drift, in whole processes.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use serde_json::Value;
use support::{Bench, Run};

const PLACE: [&str; 4] = ["--plugins-dir", "plugins", "--trusted-keys", "keys"];

/// A bench with signed plugins in a plugins directory, and a lock in its own.
struct Site(Bench);

impl Site {
    fn with(ids: &[&str]) -> Self {
        let bench = Bench::new();
        bench.run(&["plugin", "keygen", "--out", "release"]).ok();
        fs::create_dir(bench.path("keys")).expect("made");
        fs::create_dir(bench.path("plugins")).expect("made");
        fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
        let site = Self(bench);
        ids.iter().for_each(|id| site.add(id));
        site
    }

    fn add(&self, id: &str) {
        self.0.run(&["plugin", "new", id, "--type", "enricher", "-o", "plugins"]).ok();
        self.0.sign(&format!("plugins/{id}")).ok();
    }

    /// Another version of a plugin, signed again.
    fn bump(&self, id: &str, version: &str) {
        let path = format!("plugins/{id}/plugin.yaml");
        let text = fs::read_to_string(self.0.path(&path)).expect("a manifest");
        let line = text.lines().find(|line| line.starts_with("version:")).expect("a version").to_owned();
        self.0.write(&path, text.replace(&line, &format!("version: \"{version}\"")));
        self.0.sign(&format!("plugins/{id}")).ok();
    }

    fn list(&self, words: &[&str]) -> Run {
        self.0.run(&[&["plugins", "list"], &PLACE[..], words].concat())
    }

    fn trust(&self, id: &str) -> Run {
        self.0.run(&[&["plugins", "trust", id, "--reason", "read by GB, ticket 12"][..], &PLACE].concat())
    }

    fn untrust(&self, id: &str) -> Run {
        self.0.run(&["plugins", "untrust", id, "--reason", "ticket 13", "--plugins-dir", "plugins"])
    }

    fn verify(&self, words: &[&str]) -> Run {
        self.0.run(&[&["plugins", "verify"], &PLACE[..], words].concat())
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.0.path("plugins.lock")).expect("a lock")
    }

    fn journal(&self) -> String {
        fs::read_to_string(self.0.path("plugins.lock.journal")).expect("a journal")
    }

    fn shown(&self, name: &str) -> String {
        self.0.path(name).canonicalize().expect("there").display().to_string()
    }
}

/// The block of a listing below a title.
fn block<'a>(run: &'a Run, title: &str) -> Vec<&'a str> {
    let lines = run.stdout.lines().skip_while(|line| *line != title).skip(1);
    lines.take_while(|line| line.starts_with("  ")).collect()
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn the_listing_is_capas_to_the_byte() {
    let site = Site::with(&[]);
    let empty =
        "plugin mode: dev\nplugins.lock: (none — production mode requires one to gate trust)\n(no plugins loaded)\n";
    assert_eq!(site.list(&[]).ok().stdout, empty);
    site.add("shodan");
    let listed = site.list(&[]);
    let header = "id                                        package               version     hash\n";
    let (before, row) = listed.ok().stdout.split_once(header).expect("the header");
    assert_eq!(before, format!("{}\n", empty.replace("(no plugins loaded)\n", "")));
    let row = row.strip_suffix("…\n").expect("a short hash");
    let columns = "shodan                                    <local>               0.1.0       sha256:";
    let digits = row.strip_prefix(columns).expect("the columns");
    assert!(digits.len() == 12 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{row}");
    let missing = site.list(&["--plugins-lock", "absent/plugins.lock"]);
    assert!(missing.ok().stdout.contains("plugins.lock: (none — production mode"), "{missing:?}");
}

/// A help text in one line, however wide the terminal is.
fn help(words: &[&str]) -> String {
    let run = Bench::new().run(&[words, &["--help"]].concat());
    run.ok().stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_help_has_capas_words() {
    let group = help(&["plugins"]);
    for line in [
        " list List discovered procedure plugins trust ",
        " trust Add (or refresh) a discovered plugin in ``plugins.lock`` untrust ",
    ] {
        assert!(group.contains(line), "{group}");
    }
    let list = help(&["plugins", "list"]);
    assert!(list.starts_with("List discovered procedure plugins Usage: aisoc plugins list [OPTIONS] "), "{list}");
    for option in [
        " --plugins-lock <PATH> Path to plugins.lock; default ./plugins.lock, then ",
        " --plugin-mode <TEXT> dev|production; overrides $CAPA_PLUGIN_MODE and $AISOC_PLUGIN_MODE ",
    ] {
        assert!(list.contains(option), "{list}");
    }
    let trust = help(&["plugins", "trust"]);
    let start =
        "Add (or refresh) a discovered plugin in ``plugins.lock`` Usage: aisoc plugins trust [OPTIONS] <PLUGIN_ID>";
    assert!(trust.starts_with(start), "{trust}");
    for option in [
        " <PLUGIN_ID> Plugin id to add to plugins.lock ",
        " --plugins-lock <PATH> Path to plugins.lock; default ./plugins.lock, then ",
        " --reason <TEXT> Audit text recorded alongside the trust grant. Required ",
    ] {
        assert!(trust.contains(option), "{trust}");
    }
}

#[test]
fn the_mode_is_the_flags_then_the_environments() {
    let site = Site::with(&["shodan"]);
    let first = |words: &[&str], variables: &[(&str, &str)]| {
        let run = site.0.run_with(&[&["plugins", "list"], &PLACE[..], words].concat(), variables);
        (run.ok().stdout.lines().next().expect("a line").to_owned(), run.stderr.clone())
    };
    let mode = |words: &[&str], variables: &[(&str, &str)]| first(words, variables).0;
    assert_eq!(mode(&[], &[]), "plugin mode: dev");
    for variable in ["AISOC_PLUGIN_MODE", "CAPA_PLUGIN_MODE"] {
        assert_eq!(mode(&[], &[(variable, "production")]), "plugin mode: production");
        assert_eq!(mode(&["--plugin-mode", "dev"], &[(variable, "production")]), "plugin mode: dev");
    }
    let both = [("AISOC_PLUGIN_MODE", "dev"), ("CAPA_PLUGIN_MODE", "production")];
    assert_eq!(mode(&[], &both), "plugin mode: dev", "ours is asked first");
    let (line, said) = first(&[], &[("AISOC_PLUGIN_MODE", "prod")]);
    assert_eq!(line, "plugin mode: production", "a slip must not become less");
    assert!(said.contains("warning[variable_invalid]"), "{said}");
    let refused = site.list(&["--plugin-mode", "prod"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("dev|production") && refused.stderr.contains("prod"), "{refused:?}");
}

#[test]
fn the_lock_is_the_named_one_then_the_one_here_then_the_users() {
    let site = Site::with(&["shodan"]);
    let line = |words: &[&str], variables: &[(&str, &str)]| {
        let run = site.0.run_with(&[&["plugins", "list"], &PLACE[..], words].concat(), variables);
        run.ok().stdout.lines().nth(1).expect("a second line").to_owned()
    };
    let said = |site: &Site, name: &str| format!("plugins.lock: {} (schema v1)", site.shown(name));
    site.0.write(".config/aisoc/plugins.lock", "version = 1\n");
    assert_eq!(line(&[], &[]), said(&site, ".config/aisoc/plugins.lock"));
    site.0.write("xdg/aisoc/plugins.lock", "version = 1\n");
    let xdg = site.shown("xdg");
    assert_eq!(line(&[], &[("XDG_CONFIG_HOME", &xdg)]), said(&site, "xdg/aisoc/plugins.lock"));
    site.0.write("plugins.lock", "version = 1\n");
    assert_eq!(line(&[], &[("XDG_CONFIG_HOME", &xdg)]), said(&site, "plugins.lock"));
    site.0.write("other/my.lock", "version = 1\n");
    assert_eq!(line(&["--plugins-lock", "other/my.lock"], &[]), said(&site, "other/my.lock"));
}

#[test]
fn trust_writes_an_entry_and_a_line_and_says_so() {
    let site = Site::with(&["shodan", "virustotal"]);
    let done = site.trust("shodan");
    let hash = json(&site.list(&["--json"]))["plugins"][0]["hash"].as_str().expect("a hash").to_owned();
    let expected = format!(
        "trusted: shodan 0.1.0 ({}…)\n  lock:    {}\n  journal: {}\n",
        &hash[..30],
        site.shown("plugins.lock"),
        site.shown("plugins.lock.journal")
    );
    assert_eq!(done.ok().stdout, expected);
    let entry = |id: &str, version: &str, hash: &str| {
        format!(
            "\n[[plugins]]\nid = \"{id}\"\npackage = \"<local>\"\nversion = \"{version}\"\n\
             entry_point = \"plugin.py:Plugin\"\ndistribution_hash = \"{hash}\"\n"
        )
    };
    assert_eq!(site.lock(), format!("version = 1\n{}", entry("shodan", "0.1.0", &hash)));
    let columns: Vec<String> = site.journal().trim_end().split('\t').map(str::to_owned).collect();
    assert_eq!(columns[1..], ["trust", "shodan", "0.1.0", &hash, "read by GB, ticket 12"]);

    // The other one, and the first again: everything else stays.
    site.0.write("plugins.lock", site.lock().replace("version = 1\n", "version = 1 # ours\n# first\n"));
    site.trust("virustotal").ok();
    site.bump("shodan", "0.2.0");
    let before = site.lock();
    site.trust("shodan").ok();
    let new = json(&site.list(&["--json"]))["plugins"][0]["hash"].as_str().expect("a hash").to_owned();
    assert_ne!(new, hash);
    assert_eq!(site.lock(), before.replace(&hash, &new).replacen("\"0.1.0\"", "\"0.2.0\"", 1));
    assert_eq!(site.journal().lines().count(), 3);
    assert_eq!(site.list(&["--plugin-mode", "production"]).ok().stdout.matches("sha256:").count(), 2);
    let words = ["plugins", "trust", "shodan", "--reason", "x", "--plugins-lock", "a.lock"];
    let elsewhere = site.0.run(&[&words[..], &PLACE].concat());
    assert!(elsewhere.ok().stdout.ends_with("a.lock.journal\n"), "{elsewhere:?}");
    site.0.run(&["plugins", "journal", "verify", "--plugins-dir", "plugins", "--plugins-lock", "plugins.lock"]).ok();
}

#[test]
fn trust_says_why_it_refuses_and_what_is_here() {
    let site = Site::with(&["shodan", "virustotal"]);
    let run = |words: &[&str]| site.0.run(&[&["plugins", "trust"], words, &["--plugins-dir", "plugins"]].concat());
    assert_eq!(run(&["--reason", "x"]).code, 2, "an id is needed");
    for words in [&["shodan"][..], &["shodan", "--reason", ""], &["shodan", "--reason", " \t\u{200b}"]] {
        let refused = run(words);
        let said = "trust: --reason is required (recorded in audit journal)";
        assert!(refused.refused(2, "usage").error_line().ends_with(said), "{refused:?}");
    }
    for words in [&["shodann", "--reason", "x"][..], &["shodann"]] {
        let refused = run(words);
        let said = "trust: plugin 'shodann' not found among installed plugins. Available: shodan, virustotal";
        assert!(refused.refused(2, "usage").error_line().ends_with(said), "{refused:?}");
    }
    fs::create_dir(site.0.path("empty")).expect("made");
    let nothing = site.0.run(&["plugins", "trust", "x", "--reason", "x", "--plugins-dir", "empty"]);
    assert!(nothing.refused(2, "usage").error_line().ends_with("Available: <none>"), "{nothing:?}");
    // Two that claim one id: nobody can say which is meant.
    fs::create_dir(site.0.path("plugins/second")).expect("made");
    for file in ["plugin.yaml", "plugin.py", "plugin.sig"] {
        fs::copy(site.0.path(&format!("plugins/shodan/{file}")), site.0.path(&format!("plugins/second/{file}")))
            .expect("copied");
    }
    let ambiguous = run(&["shodan", "--reason", "x"]);
    let line = ambiguous.refused(2, "usage").error_line();
    assert!(line.contains("not one plugin") && line.contains("Available: "), "{ambiguous:?}");
    assert!(!site.0.path("plugins.lock").exists() && !site.0.path("plugins.lock.journal").exists());
}

#[test]
fn drift_is_named_in_dev_and_refused_in_production() {
    let site = Site::with(&["changed", "same", "unlisted"]);
    for id in ["changed", "same"] {
        site.trust(id).ok();
    }
    site.bump("changed", "0.3.1");
    let stale = site.lock().replace("id = \"same\"", "id = \"gone\"");
    let stale = stale.split("[[plugins]]").last().expect("an entry").to_owned();
    site.0.write("plugins.lock", format!("{}\n[[plugins]]{stale}", site.lock()));
    let dev = site.list(&[]);
    assert_eq!(dev.ok().stdout.matches("  0.").count(), 3, "{dev:?}");
    let drift = block(&dev, "Drift vs plugins.lock:");
    assert_eq!(drift[0], "  changed: version (expected='0.1.0', actual='0.3.1')");
    assert!(drift[1].starts_with("  changed: hash (expected='sha256:"), "{drift:?}");
    assert_eq!(
        drift[2..],
        [
            "  gone: missing_from_install (expected='<local>==0.1.0', actual=None)",
            "  unlisted: missing_from_lock (expected=None, actual='<local>==0.1.0')",
        ]
    );
    assert!(block(&dev, "Rejected:").is_empty());
    let production = site.list(&["--plugin-mode", "production"]);
    let rejected = block(&production, "Rejected:");
    assert!(
        rejected[0].starts_with("  changed: version_mismatch: plugins.lock drift; trust check failed"),
        "{rejected:?}"
    );
    assert!(rejected[1].starts_with("  unlisted: missing_from_lock: "), "{rejected:?}");
    assert_eq!((rejected.len(), block(&production, "Drift vs plugins.lock:")), (2, drift));
    let listed: Vec<&str> = production.stdout.lines().filter(|line| line.ends_with('…')).collect();
    assert!(listed.len() == 1 && listed[0].starts_with("same "), "{production:?}");

    let document = json(&site.list(&["--plugin-mode", "production", "--json"]));
    let states: Vec<_> = document["plugins"].as_array().expect("plugins").iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["failed", "discovered", "failed"]);
    assert_eq!(document["drift"][1]["kind"], "hash_mismatch");
    assert_eq!(document["plugins"][1]["signature_status"], "verified");
    for key in ["source", "kind", "signing_key_id", "coverage", "error", "is_locked"] {
        assert!(document["plugins"][0].get(key).is_some(), "{key}: {document}");
    }
    // Without a lock production names what it misses, and lists.
    let none = site.list(&["--plugin-mode", "production", "--plugins-lock", "absent.lock"]);
    assert!(none.ok().stdout.contains("(none — production mode requires one to gate trust)"), "{none:?}");
}

#[test]
fn a_signature_that_does_not_hold_is_a_rejection_whatever_the_lock_says() {
    let site = Site::with(&["shodan"]);
    fs::write(site.0.path("plugins/shodan/more.py"), "x = 1\n").expect("written");
    // What every host would refuse is not accepted either, and where the trust mode lets it pass, that is said.
    let refused = site.trust("shodan");
    assert!(refused.refused(3, "signature_invalid").error_line().contains("shodan: "), "{refused:?}");
    assert!(!site.0.path("plugins.lock").exists());
    let trust = [&["plugins", "trust", "shodan", "--reason", "x", "--trust-mode", "warn"][..], &PLACE].concat();
    let warned = site.0.run(&trust);
    assert!(warned.ok().stderr.contains("warning[admitted_despite]: accepts `shodan` although signature_invalid"));
    let listed = site.list(&[]);
    let rejected = block(&listed, "Rejected:");
    assert!(rejected.len() == 1 && rejected[0].starts_with("  shodan: signature_invalid: "), "{listed:?}");
    assert!(listed.ok().stdout.contains("(no plugins loaded)"), "{listed:?}");
    // And what cannot be read at all.
    site.0.write("plugins/shodan/plugin.yaml", "id: [");
    let listed = site.list(&[]);
    assert!(block(&listed, "Rejected:")[0].starts_with("  shodan: manifest_invalid: "), "{listed:?}");
    assert_eq!(block(&listed, "Drift vs plugins.lock:").len(), 1, "it was accepted, and is no plugin any more");
}

#[test]
fn untrust_takes_the_entry_out_and_says_so() {
    let site = Site::with(&["shodan", "virustotal"]);
    let before = |words: &[&str]| site.0.run(&[&["plugins", "untrust"], words, &["--plugins-dir", "plugins"]].concat());
    before(&["shodan", "--reason", "x"]).refused(2, "lock_missing");
    site.trust("shodan").ok();
    let one = site.lock();
    site.trust("virustotal").ok();
    for words in [&["virustotal"][..], &["virustotal", "--reason", " "]] {
        let refused = before(words);
        assert!(refused.refused(2, "usage").error_line().contains("untrust: --reason is required"), "{refused:?}");
    }
    let refused = before(&["other", "--reason", "x"]);
    assert!(refused.refused(2, "usage").error_line().ends_with("Accepted: shodan, virustotal"), "{refused:?}");
    let done = site.untrust("virustotal");
    assert!(done.ok().stdout.starts_with("untrusted: virustotal 0.1.0 (sha256:"), "{done:?}");
    assert_eq!(site.lock().trim_end(), one.trim_end());
    let line = site.journal().lines().last().expect("a line").split('\t').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(line[1..], ["revoke", "virustotal", "-", "-", "ticket 13"]);
    // By hand, and the line afterwards.
    site.0.write("plugins.lock", "version = 1\n");
    let warned = site.verify(&["--only", "lock"]);
    assert!(
        warned.stderr.contains("warning[lock_unjournaled]: unjournaled change: the entry `shodan` is gone"),
        "{warned:?}"
    );
    assert!(site.untrust("shodan").ok().stdout.contains("by hand"));
    fs::create_dir(site.0.path("empty")).expect("made");
    let clean = site.0.run(&["plugins", "verify", "--only", "lock", "--plugins-dir", "empty"]);
    assert!(clean.ok().stdout.contains("(no drift)") && !clean.stderr.contains("unjournaled"), "{clean:?}");
}

#[test]
fn a_reason_can_end_neither_its_column_nor_its_line() {
    let site = Site::with(&["shodan"]);
    let reason = "a\tb\nrevoke\tshodan\r\\ \u{1b}[31m\u{202e}é";
    site.0.run(&[&["plugins", "trust", "shodan", "--reason", reason][..], &PLACE].concat()).ok();
    let journal = site.journal();
    assert_eq!((journal.lines().count(), journal.trim_end().split('\t').count()), (1, 6));
    assert!(journal.ends_with("a\\tb\\nrevoke\\tshodan\\r\\\\ \\u{1b}[31m\\u{202e}é\n"), "{journal}");
    let shown = site.0.run(&["plugins", "journal", "show", "--plugins-lock", "plugins.lock", "--json"]);
    assert_eq!(json(&shown)["entries"][0]["reason"], reason, "{shown:?}");
}

#[test]
fn verify_asks_for_signatures_and_for_the_lock_each_where_there_is_something() {
    let site = Site::with(&["shodan"]);
    site.trust("shodan").ok();
    let both = site.verify(&[]);
    assert!(both.ok().stdout.contains("verified") && both.stdout.ends_with("(no drift)\n"), "{both:?}");
    site.bump("shodan", "0.2.0");
    let drift = site.verify(&[]);
    assert_eq!((drift.code, block(&drift, "Drift vs plugins.lock:").len()), (3, 2), "{drift:?}");
    assert!(
        drift.error_line().starts_with("error[version_mismatch]: shodan: plugins.lock drift: version"),
        "{drift:?}"
    );
    let only = |part: &str| site.verify(&["--only", part]);
    assert!(!only("signatures").ok().stdout.contains("plugins.lock"));
    let lock = only("lock");
    assert_eq!(lock.code, 3);
    assert!(!lock.stdout.contains("SIGNATURE") && lock.stdout.starts_with("plugins.lock: "), "{lock:?}");
    let document = json(&site.verify(&["--json"]));
    assert_eq!(document["lock"]["drift"][0]["actual"], "0.2.0", "{document}");
    assert_eq!(document["verified_count"], 1);
    site.verify(&["--dry-run"]).ok();
    // Nothing that has a signature, and no keys: the lock is asked alone.
    site.0.write("plugins.lock", "version = 1\n");
    fs::create_dir(site.0.path("empty")).expect("made");
    let alone = site.0.run(&["plugins", "verify", "--plugins-dir", "empty", "--trusted-keys", "absent-keys"]);
    site.0.run(&["plugins", "list", "--plugins-dir", "nowhere"]).refused(1, "io_not_found");
    assert!(alone.ok().stdout.ends_with("(no drift)\n"), "{alone:?}");
    fs::remove_file(site.0.path("plugins.lock")).expect("removed");
    site.verify(&["--only", "lock"]).refused(2, "lock_missing");
    assert!(!site.verify(&[]).ok().stdout.contains("plugins.lock"));
}

#[test]
fn a_lock_is_made_once_and_of_what_is_here() {
    let site = Site::with(&["shodan", "virustotal"]);
    let lock = |words: &[&str]| site.0.run(&[&["plugins", "lock"], words, &PLACE[..]].concat());
    lock(&[]).ok();
    assert_eq!(site.lock(), "version = 1\n");
    lock(&[]).refused(1, "already_exists");
    lock(&["--from-installed", "--reason", "x"]).refused(1, "already_exists");
    assert_eq!(site.lock(), "version = 1\n");
    fs::remove_file(site.0.path("plugins.lock")).expect("removed");
    assert_eq!(lock(&["--from-installed"]).code, 2, "a reason is needed");
    lock(&["--with-provenance"]).refused(2, "usage");
    site.0.write("plugins/broken/plugin.yaml", "id: [");
    let made = lock(&["--from-installed", "--with-provenance", "--reason", "as reviewed"]);
    assert_eq!(made.ok().stdout.matches("trusted: ").count(), 2, "{made:?}");
    assert!(made.stderr.contains("warning[not_locked]: `broken` is not in the lock: manifest_invalid"), "{made:?}");
    let text = site.lock();
    for line in [
        "version = 2",
        "source = \"dir\"",
        "coverage = \"full\"",
        "version_floor = \"0.1.0\"",
        "signed_by = [\"SHA256:",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(site.journal().lines().count(), 2);
    // The floor only grows.
    site.bump("shodan", "0.2.0");
    site.trust("shodan").ok();
    assert!(site.lock().contains("version_floor = \"0.2.0\""));
    site.bump("shodan", "0.1.9");
    site.trust("shodan").refused(3, "version_downgrade");
    let shown = site.list(&[]);
    assert!(shown.stdout.contains("(schema v2)"), "{shown:?}");
}

#[test]
fn a_lock_that_cannot_be_read_is_refused_by_every_command_and_never_written() {
    let site = Site::with(&["shodan"]);
    let commands: [&[&str]; 4] = [
        &["plugins", "list"],
        &["plugins", "verify"],
        &["plugins", "trust", "shodan", "--reason", "x", "--trusted-keys", "keys"],
        &["plugins", "untrust", "shodan", "--reason", "x"],
    ];
    for (text, reason, word) in [
        ("version = 3\n", "lock_schema_unsupported", "plugins.lock schema version 3 is newer than supported 2"),
        ("plugin = []\n", "lock_invalid", "`plugin`"),
        ("[[plugins]]\nid = \"a\"\n", "lock_invalid", "`package`"),
        ("<<<<<<< HEAD\nversion = 1\n", "lock_invalid", "merge"),
        ("version = 1\0\n", "lock_invalid", "TOML"),
        ("version = \"1\"\n", "lock_invalid", "`version`"),
    ] {
        site.0.write("plugins.lock", text);
        for words in commands {
            let run = site.0.run(&[words, &["--plugins-dir", "plugins"]].concat());
            let line = run.refused(2, reason).error_line();
            assert!(line.contains(word) && line.contains("plugins.lock:"), "{words:?}: {run:?}");
        }
        assert_eq!(site.lock(), text);
    }
    let large = fs::File::create(site.0.path("plugins.lock")).expect("made");
    large.set_len(100 << 20).expect("sparse");
    site.list(&[]).refused(2, "lock_invalid");
    fs::remove_file(site.0.path("plugins.lock")).expect("removed");
    let victim = site.0.write("victim", "version = 1\n");
    symlink(&victim, site.0.path("plugins.lock")).expect("linked");
    for words in commands {
        let run = site.0.run(&[words, &["--plugins-dir", "plugins"]].concat());
        assert!(run.refused(2, "lock_invalid").error_line().contains("is a link"), "{run:?}");
    }
    assert_eq!(fs::read_to_string(victim).expect("read"), "version = 1\n");
    assert!(!site.0.path("plugins.lock.journal").exists());
}

#[test]
fn processes_that_trust_at_once_all_have_their_entry() {
    let ids: Vec<String> = (0..8).map(|number| format!("plugin-{number}")).collect();
    let site = Site::with(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let children: Vec<_> = ids
        .iter()
        .map(|id| {
            let words = [&["plugins", "trust", id, "--reason", "x"][..], &PLACE].concat();
            site.0.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("it ends").success());
    }
    let clean = site.verify(&["--only", "lock"]);
    assert!(clean.ok().stdout.ends_with("(no drift)\n") && !clean.stderr.contains("unjournaled"), "{clean:?}");
    assert_eq!((site.lock().matches("[[plugins]]").count(), site.journal().lines().count()), (8, 8));
}

#[test]
fn a_dry_run_says_what_it_would_do_and_leaves_no_trace() {
    let site = Site::with(&["shodan"]);
    let before = site.0.state();
    let dry = |words: &[&str]| site.0.run(&[&["plugins"], words, &["--plugins-dir", "plugins", "--dry-run"]].concat());
    assert!(
        dry(&["trust", "shodan", "--reason", "x", "--trusted-keys", "keys"]).ok().stdout.starts_with("trusted: shodan")
    );
    dry(&["lock"]).ok();
    dry(&["untrust", "shodan", "--reason", "x"]).refused(2, "lock_missing");
    assert_eq!(site.0.state(), before);
}
