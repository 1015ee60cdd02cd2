//! `aisoc plugin outdated` and `aisoc plugin upgrade`: the newest version that an install would let in is found among the
//! tags of the place that a plugin came from, shown, and installed by the digest that was judged.

mod support;

use std::fs;

use aisoc_pipeline::MAX_CANDIDATES;
use aisoc_testkit::registry::{Act, Registry as Scripted, Rule};
use serde_json::Value;
use support::terminal::Terminal;
use support::{Bench, Run, copy_tree};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

/// A bench with three keys, of which those of `a` and `b` are trusted, and a repository `REGISTRY/team`.
struct Published {
    bench: Bench,
    registry: support::Registry,
}

impl Published {
    fn new() -> Self {
        let bench = Bench::new();
        fs::create_dir(bench.path("keys")).expect("made");
        for key in ["a", "b", "stranger"] {
            bench.run(&["plugin", "keygen", "--out", key]).ok();
            if key != "stranger" {
                fs::copy(bench.path(&format!("{key}.pem")), bench.path(&format!("keys/{key}.pem"))).expect("copied");
            }
        }
        let registry = bench.registry();
        Self { bench, registry }
    }

    /// With `demo` in these versions, signed by `a`, of which the first is installed.
    fn of(versions: &[&str]) -> Self {
        let published = Self::new();
        versions.iter().for_each(|version| published.push("demo", version, "a"));
        published.install("demo", versions[0]);
        published
    }

    fn place(&self, id: &str) -> String {
        format!("{}/team/{id}", self.registry.address)
    }

    /// Signs and pushes a version of a plugin under the tag that it has by itself.
    fn push(&self, id: &str, version: &str, key: &str) {
        self.bench.signed_version(id, version, &format!("{key}.key"));
        self.tag(id, &version.replace('+', "_"));
    }

    /// Pushes what stands in the plugin's directory under that tag.
    fn tag(&self, id: &str, tag: &str) {
        self.bench.run(&["plugin", "push", id, &format!("{}:{tag}", self.place(id)), "--replace-tag"]).ok();
    }

    fn install(&self, id: &str, tag: &str) {
        self.bench.install(&format!("{}:{tag}", self.place(id))).ok();
    }

    fn run(&self, words: &[&str], options: &[&str]) -> Run {
        self.bench.run(&[&["plugin"], words, &PLACES, options].concat())
    }

    fn outdated(&self, options: &[&str]) -> Value {
        json(self.run(&["outdated"], &[&["--json"], options].concat()).ok())["plugins"][0].clone()
    }

    fn installed(&self, id: &str) -> Value {
        let list = json(&self.run(&["list", id], &["--json"]));
        list["plugins"][0].clone()
    }

    fn version(&self, id: &str) -> String {
        self.installed(id)["version"].as_str().expect("a version").to_owned()
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("JSON: {run:?}"))
}

/// The standing, and the versions that are installed, would be let in and are published.
fn seen(row: &Value) -> [&str; 4] {
    ["standing", "installed_version", "admitted_version", "published_version"]
        .map(|name| row[name].as_str().unwrap_or("-"))
}

/// The versions that were passed over, each with why.
fn passed_over(row: &Value) -> Vec<(&str, &str)> {
    let rows = row["passed_over"].as_array().expect("a list").iter();
    rows.map(|one| (one["version"].as_str().expect("one"), one["objection"]["reason_code"].as_str().expect("one")))
        .collect()
}

#[test]
fn the_newest_version_is_found_among_other_names_and_installed_by_its_digest() {
    let published = Published::of(&["0.2.0", "0.9.0", "0.10.0", "0.11.0-rc.1"]);
    published.bench.signed_version("demo", "99.0.0", "a.key");
    for other in ["latest", "nightly", "v99.0.0", "99.0", "99", "99.0.0.1", "099.0.0"] {
        published.tag("demo", other);
    }
    assert_eq!(seen(&published.outdated(&[])), ["outdated", "0.2.0", "0.10.0", "0.10.0"]);
    assert_eq!(seen(&published.outdated(&["--pre"])), ["outdated", "0.2.0", "0.11.0-rc.1", "0.11.0-rc.1"]);
    let text = &published.run(&["outdated"], &[]).ok().stdout.clone();
    assert!(
        text.starts_with(
            "ID    INSTALLED  ADMITTED  PUBLISHED  STANDING\ndemo  0.2.0      0.10.0    0.10.0     outdated\n"
        ),
        "{text}"
    );

    let before = published.bench.snapshot("plugins");
    let foreseen = json(published.run(&["upgrade", "demo"], &["--dry-run", "--json"]).ok());
    assert_eq!(published.bench.snapshot("plugins"), before, "a dry run changes nothing");
    let run = published.run(&["upgrade", "demo"], &["--yes"]);
    assert!(run.ok().stderr.contains("Upgrade demo 0.2.0 → 0.10.0 (verified, key a, coverage full)"), "{run:?}");
    let record = published.installed("demo");
    let digest = record["artifact_digest"].as_str().expect("a digest");
    let bound = format!("{}:0.10.0@{digest}", published.place("demo"));
    assert_eq!((&record["version"], &record["reference"]), (&"0.10.0".into(), &bound.as_str().into()));
    assert_eq!(run.stdout, format!("{}@{digest}\n", published.place("demo")));
    let upgraded = &foreseen["upgraded"][0];
    assert_eq!((&upgraded["artifact_digest"], &upgraded["change"]), (&digest.into(), &"upgraded".into()));
    assert_eq!((&foreseen["dry_run"], &upgraded["previous_version"]), (&true.into(), &"0.2.0".into()));

    // What came by its digest has its tag, and is looked at by it again.
    let again = published.run(&["upgrade", "--all"], &[]);
    assert!(again.ok().stdout.is_empty() && again.stderr.contains("demo 0.10.0 is the newest"), "{again:?}");
    published.run(&["upgrade", "demo"], &["--pre", "--yes"]).ok();
    assert_eq!(published.version("demo"), "0.11.0-rc.1");
    published.push("demo", "0.11.0-rc.2", "a");
    published.push("demo", "0.12.0-rc.1", "a");
    assert_eq!(
        published.outdated(&[])["admitted_version"],
        "0.11.0-rc.2",
        "of the release that it is a pre-release of"
    );
}

#[test]
fn build_metadata_makes_no_version_newer_and_comes_with_a_newer_one() {
    let published = Published::of(&["0.2.0", "0.2.0+build.9"]);
    assert_eq!(seen(&published.outdated(&[])), ["current", "0.2.0", "-", "0.2.0"]);
    published.push("demo", "0.3.0+build.1", "a");
    published.run(&["upgrade", "demo"], &["--yes"]).ok();
    assert_eq!(published.version("demo"), "0.3.0+build.1");
    assert!(published.installed("demo")["reference"].as_str().expect("one").contains(":0.3.0_build.1@sha256:"));
}

#[test]
fn a_version_that_no_gate_lets_in_is_passed_over_and_said() {
    let published = Published::of(&["0.1.0"]);
    published.push("demo", "0.3.0", "stranger");
    let held_back = published.outdated(&[]);
    assert_eq!(seen(&held_back), ["held_back", "0.1.0", "-", "0.3.0"]);
    assert_eq!(passed_over(&held_back), [("0.3.0", "untrusted_key")]);
    let before = published.bench.snapshot("plugins");
    published.run(&["upgrade", "demo"], &["--yes"]).refused(3, "untrusted_key");
    published.run(&["upgrade", "--all"], &["--yes"]).refused(3, "untrusted_key");
    assert_eq!(published.bench.snapshot("plugins"), before, "what is refused leaves no trace");

    published.push("demo", "0.2.0", "a");
    // Another plugin, an older version and no plugin at all, under tags of newer ones.
    published.tag("demo", "0.4.0");
    published.bench.signed_version("other", "0.5.0", "a.key");
    published.bench.run(&["plugin", "push", "other", &format!("{}:0.5.0", published.place("demo"))]).ok();
    let row = published.outdated(&[]);
    assert_eq!(seen(&row), ["outdated", "0.1.0", "0.2.0", "0.5.0"]);
    let others = [("0.5.0", "other_plugin"), ("0.4.0", "other_version"), ("0.3.0", "untrusted_key")];
    assert_eq!(passed_over(&row), others);
    let text = published.run(&["outdated"], &[]).ok().stdout.clone();
    assert!(text.contains("\n  0.3.0: untrusted_key: "), "{text}");
    let run = published.run(&["upgrade", "demo"], &["--yes"]);
    assert!(
        run.ok().stderr.contains("warning[version_passed_over]: `demo` 0.3.0 is passed over: untrusted_key: "),
        "{run:?}"
    );
    assert_eq!(published.version("demo"), "0.2.0");
    assert_eq!(published.outdated(&[])["standing"], "held_back");
    assert_eq!(published.run(&["outdated"], &["--exit-code"]).code, 1, "what is held back is outdated as well");
}

#[test]
fn so_many_versions_are_judged_and_no_more() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    published.bench.signed_version("demo", "1.0.0", "stranger.key");
    for minor in 1..MAX_CANDIDATES {
        published.tag("demo", &format!("1.{minor}.0"));
    }
    let row = published.outdated(&[]);
    assert_eq!((passed_over(&row).len(), &row["unjudged_count"]), (MAX_CANDIDATES - 1, &0.into()));
    assert_eq!(seen(&row), ["outdated", "0.1.0", "0.2.0", "1.7.0"]);
    published.tag("demo", &format!("1.{MAX_CANDIDATES}.0"));
    let row = published.outdated(&[]);
    assert_eq!((passed_over(&row).len(), &row["unjudged_count"]), (MAX_CANDIDATES, &1.into()));
    assert_eq!(seen(&row), ["held_back", "0.1.0", "-", "1.8.0"]);
    assert!(published.run(&["outdated"], &[]).ok().stdout.contains("  1 newer version behind these not looked at\n"));
    published.run(&["upgrade", "demo"], &["--yes"]).refused(3, "untrusted_key");
}

#[test]
fn a_version_that_asks_for_more_needs_what_an_install_asks_for() {
    let published = Published::of(&["0.1.0"]);
    let manifest = fs::read_to_string(published.bench.path("demo/plugin.yaml")).expect("there");
    published.bench.write("demo/plugin.yaml", format!("{manifest}capabilities: [network.outbound]\n"));
    published.push("demo", "0.2.0", "a");
    let run = published.run(&["upgrade", "demo"], &["--yes"]);
    let hint =
        "`aisoc plugin upgrade demo --accept-capabilities network.outbound --plugins-dir plugins --trusted-keys keys`";
    assert!(run.refused(3, "capabilities_not_accepted").stderr.contains(hint), "{run:?}");
    let all = published.run(&["upgrade", "--all"], &["--yes"]);
    assert!(all.refused(3, "capabilities_not_accepted").stderr.contains(hint), "{all:?}");
    assert_eq!(published.version("demo"), "0.1.0");
    let accepted = ["--yes", "--accept-capabilities", "network.outbound", "--json"];
    let document = json(published.run(&["upgrade", "demo"], &accepted).ok());
    assert_eq!(document["upgraded"][0]["added_capabilities"], serde_json::json!(["network.outbound"]));
    published.push("demo", "0.3.0", "a");
    let run = published.run(&["upgrade", "demo"], &["--yes"]);
    assert!(!run.ok().stderr.contains("network.outbound"), "what was accepted before is not asked again: {run:?}");
}

#[test]
fn a_version_of_another_signer_needs_what_an_install_asks_for() {
    let published = Published::of(&["0.1.0"]);
    published.push("demo", "0.2.0", "b");
    published.run(&["upgrade", "demo"], &["--yes"]).refused(3, "signer_changed");
    let run = published.run(&["upgrade", "demo"], &["--yes", "--allow-signer-change"]);
    assert!(run.ok().stderr.contains("Signers before signed by key `a`"), "{run:?}");
    assert!(run.stderr.contains("warning[other_signer]: "), "{run:?}");
    assert_eq!(published.version("demo"), "0.2.0");
}

#[test]
fn what_was_shown_is_installed_whatever_the_tag_leads_to_by_then() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    let shown = published.outdated(&[])["admitted_reference"].as_str().expect("one").to_owned();
    let program = env!("CARGO_BIN_EXE_aisoc");
    let line = format!("{program} plugin upgrade demo {}", PLACES.join(" "));
    let mut terminal = Terminal::run(&published.bench.path(""), 200, &line);
    terminal.until(|sent| sent.contains("Upgrade 1 plugin? [y/N]"));
    published.bench.write("demo/README.md", "another artifact of this version\n");
    published.push("demo", "0.2.0", "a");
    assert_ne!(published.outdated(&[])["admitted_reference"], shown.as_str(), "the tag was moved");
    terminal.press("y\n");
    let (code, sent) = terminal.end();
    assert_eq!(code, 0, "{sent}");
    let record = published.installed("demo");
    assert_eq!(record["reference"], shown.as_str());
    assert!(shown.ends_with(record["artifact_digest"].as_str().expect("a digest")), "{record}");
}

#[test]
fn nothing_is_replaced_without_a_yes() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    let before = published.bench.snapshot("plugins");
    published.run(&["upgrade", "demo"], &[]).refused(10, "confirmation_required");
    assert_eq!(published.run(&["upgrade", "--all"], &["--json"]).code, 10);
    let program = env!("CARGO_BIN_EXE_aisoc");
    let line = format!("{program} plugin upgrade --all {}", PLACES.join(" "));
    let mut terminal = Terminal::run(&published.bench.path(""), 200, &line);
    terminal.until(|sent| sent.contains("[y/N]")).sent();
    terminal.press("n\n");
    let (code, sent) = terminal.end();
    assert!(code == 10 && sent.contains("nothing was upgraded"), "{code}: {sent}");
    assert_eq!(published.bench.snapshot("plugins"), before);
}

#[test]
fn one_registry_that_is_down_hides_and_stops_no_other() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    let elsewhere = Scripted::start();
    published.bench.signed_version("apart", "0.1.0", "a.key");
    let reference = elsewhere.reference("team/apart:0.1.0");
    published.bench.run(&["plugin", "push", "apart", &reference]).ok();
    published.bench.install(&reference).ok();
    elsewhere.set_rules(vec![Rule::on("/v2/", Act::Status(503))]);
    let run = published.run(&["outdated"], &["--json"]);
    assert_eq!(run.code, 4, "{run:?}");
    let document = json(&run);
    let standings = document["plugins"].as_array().expect("a list").iter().map(|row| (&row["id"], &row["standing"]));
    assert_eq!(
        standings.collect::<Vec<_>>(),
        [(&"apart".into(), &"unknown".into()), (&"demo".into(), &"outdated".into())]
    );
    assert_eq!(document["plugins"][0]["objection"]["reason_code"], "registry_unavailable");
    let run = published.run(&["upgrade", "--all"], &["--yes", "--json"]);
    assert_eq!(run.code, 4, "{run:?}");
    let document = json(&run);
    assert_eq!((&document["upgraded"][0]["id"], &document["failed"][0]["id"]), (&"demo".into(), &"apart".into()));
    assert_eq!((published.version("demo"), published.version("apart")), ("0.2.0".into(), "0.1.0".into()));
}

#[test]
fn a_newest_version_that_cannot_be_asked_leads_to_no_older_one() {
    let published = Published::new();
    let registry = Scripted::start();
    for version in ["0.1.0", "0.2.0", "0.3.0"] {
        published.bench.signed_version("demo", version, "a.key");
        published.bench.run(&["plugin", "push", "demo", &registry.reference(&format!("team/demo:{version}"))]).ok();
    }
    published.bench.install(&registry.reference("team/demo:0.1.0")).ok();
    registry.set_rules(vec![Rule::on("manifests/0.3.0", Act::Status(503))]);
    published.run(&["upgrade", "demo"], &["--yes"]).refused(4, "registry_unavailable");
    published.run(&["outdated", "demo"], &[]).refused(4, "registry_unavailable");
    assert_eq!(published.version("demo"), "0.1.0");
    registry.set_rules(Vec::new());
    published.run(&["upgrade", "demo"], &["--yes"]).ok();
    assert_eq!(published.version("demo"), "0.3.0");
}

#[test]
fn of_a_layout_nothing_older_comes_and_what_is_newer_does() {
    let published = Published::new();
    let pack = |version: &str| {
        published.bench.signed_version("demo", version, "a.key");
        published.bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "layout"]).ok();
    };
    pack("0.3.0");
    published.bench.install("oci:layout:0.3.0").ok();
    fs::remove_dir_all(published.bench.path("layout")).expect("removed");
    pack("0.1.0");
    assert_eq!(seen(&published.outdated(&[])), ["current", "0.3.0", "-", "0.1.0"]);
    published.run(&["upgrade", "demo"], &["--yes"]).ok();
    assert_eq!(published.version("demo"), "0.3.0");
    pack("0.4.0");
    published.run(&["upgrade", "demo"], &["--yes"]).ok();
    assert_eq!(published.version("demo"), "0.4.0");
    let bound = published.installed("demo")["reference"].as_str().expect("one").to_owned();
    assert!(bound.starts_with("oci:/") && bound.contains("/layout:0.4.0@sha256:"), "{bound}");
    assert_eq!(published.outdated(&[])["standing"], "current", "and it is found again: {bound}");
}

#[test]
fn what_has_no_versions_to_come_says_so_and_fails_for_whoever_names_it() {
    let published = Published::new();
    for (id, version) in [("archived", "0.1.0"), ("dated", "2026.06"), ("from-directory", "0.1.0"), ("pinned", "0.1.0")]
    {
        published.push(id, version, "a");
    }
    let bench = &published.bench;
    bench.run(&["plugin", "package", "--plugin-dir", "archived", "--out", "archived.tar"]).ok();
    bench.install("oci-archive:archived.tar").ok();
    published.install("dated", "2026.06");
    bench.install("./from-directory").ok();
    let pushed = bench.run(&["plugin", "push", "pinned", &format!("{}:0.1.0", published.place("pinned"))]);
    bench.install(pushed.ok().stdout.trim()).ok();
    bench.signed_version("by-hand", "0.1.0", "a.key");
    copy_tree(&bench.path("by-hand"), &bench.path("plugins/by-hand"));
    let document = json(published.run(&["outdated"], &["--json", "--exit-code"]).ok());
    let expected = [
        ("archived", "no_source"),
        ("by-hand", "no_source"),
        ("dated", "not_comparable"),
        ("from-directory", "no_source"),
        ("pinned", "pinned"),
    ];
    let standings = document["plugins"].as_array().expect("a list").iter();
    let standings = standings.map(|row| (row["id"].as_str().expect("one"), row["standing"].as_str().expect("one")));
    assert_eq!(standings.collect::<Vec<_>>(), expected);
    for (id, _) in expected {
        let run = published.run(&["upgrade", id], &["--yes"]);
        assert!(run.refused(1, "upgrade_unknown").stderr.contains(&format!("`{id}` cannot be upgraded: ")), "{run:?}");
    }
    let run = published.run(&["upgrade", "--all"], &["--yes"]);
    assert!(run.ok().stdout.is_empty() && run.stderr.contains("pinned 0.1.0 is bound to a digest"), "{run:?}");
}

#[test]
fn what_is_not_installed_is_said_beside_what_is() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    published.run(&["upgrade", "missing"], &["--yes"]).refused(1, "plugin_not_found");
    published.run(&["outdated", "missing"], &[]).refused(1, "plugin_not_found");
    let run = published.run(&["upgrade", "missing", "demo"], &["--yes"]);
    assert_eq!((run.code, published.version("demo").as_str()), (1, "0.2.0"), "{run:?}");
    let nothing = published.bench.run(&["plugin", "outdated", "--plugins-dir", "none", "--trusted-keys", "none"]);
    assert_eq!(nothing.ok().stdout, "no plugins in none\n");
    let nothing =
        published.bench.run(&["plugin", "upgrade", "--all", "--plugins-dir", "none", "--trusted-keys", "none"]);
    assert!(nothing.ok().stdout.is_empty(), "{nothing:?}");
}

#[test]
fn a_command_line_that_names_nothing_or_too_much_is_none() {
    let published = Published::of(&["0.1.0"]);
    for words in [
        &["upgrade"][..],
        &["upgrade", "demo", "--all"],
        &["upgrade", "demo", "demo"],
        &["upgrade", "../demo"],
        &["upgrade", "demo", "other", "--accept-capabilities", "facts.read"],
        &["upgrade", "--all", "--accept-capabilities", "facts.read"],
        &["upgrade", "demo", "--lock"],
        &["outdated", "demo", "demo"],
    ] {
        assert_eq!(published.run(words, &[]).code, 2, "{words:?}");
    }
}

#[test]
fn what_plugins_lock_does_not_accept_is_passed_over_and_what_comes_can_be_accepted_with_it() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    let lock = ["--plugins-lock", "plugins.lock"];
    let accept = [&lock[..], &["--lock", "--reason", "reviewed", "--yes"]].concat();
    published.run(&["upgrade", "demo"], &accept).ok();
    assert_eq!(published.version("demo"), "0.2.0");
    published.push("demo", "0.3.0", "a");
    let row = published.outdated(&[&lock[..], &["--plugin-mode", "production"]].concat());
    assert_eq!((seen(&row)[0], passed_over(&row)), ("held_back", vec![("0.3.0", "version_mismatch")]));
    let locked = [&lock[..], &["--locked", "--yes"]].concat();
    published.run(&["upgrade", "demo"], &locked).refused(3, "version_mismatch");
    assert_eq!(published.version("demo"), "0.2.0");
    published.run(&["upgrade", "demo"], &accept).ok();
    assert_eq!(published.version("demo"), "0.3.0");
    published.run(&["upgrade", "demo"], &locked).ok();
}

#[test]
fn what_a_site_says_of_references_holds_for_upgrades() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    let run = |words: &[&str], variable: (&str, &str)| {
        published.bench.run_with(&[&["plugin"], words, &PLACES].concat(), &[variable])
    };
    let pinned = ("AISOC_PLUGIN_ALLOW_UNPINNED", "no");
    assert!(run(&["outdated"], pinned).ok().stdout.contains("outdated"));
    run(&["upgrade", "demo", "--yes"], pinned).refused(2, "unpinned_ref");
    let elsewhere = ("AISOC_PLUGIN_REGISTRY_ALLOWLIST", "registry.example");
    run(&["outdated", "demo"], elsewhere).refused(2, "registry_not_allowed");
    run(&["upgrade", "demo", "--yes"], elsewhere).refused(2, "registry_not_allowed");
    assert_eq!(published.version("demo"), "0.1.0");
}

#[test]
fn a_version_that_was_rolled_back_is_said_before_it_comes_again() {
    let published = Published::of(&["0.1.0", "0.2.0"]);
    published.run(&["upgrade", "demo"], &["--yes"]).ok();
    published.run(&["rollback", "demo"], &[]).ok();
    let run = published.run(&["upgrade", "demo"], &["--dry-run"]);
    assert!(run.ok().stderr.contains("Note demo was rolled back from 0.2.0 on "), "{run:?}");
}
