//! An image index with a plugin for each of several platforms: which one is installed, what is written down of it, and
//! what it is held to.

mod support;

use std::fs;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::platform::PlatformName;
use serde_json::{Value, json};
use support::{Bench, Run};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const OTHER: &str = "plan9/s390x";

/// Versions of `demo` for platforms, in an OCI layout and in a registry.
struct Published {
    bench: Bench,
    registry: support::Registry,
}

impl Published {
    fn new() -> Self {
        let bench = Bench::new();
        bench.published();
        let registry = bench.registry();
        Self { bench, registry }
    }

    fn place(&self, tag: &str) -> String {
        format!("{}/team/demo:{tag}", self.registry.address)
    }

    /// Packs that version for a platform, whose files differ, and gives what an index says of it.
    fn packed(&self, version: &str, platform: &str) -> Value {
        self.bench.write("demo/platform.txt", platform);
        self.bench.signed_version("demo", version, "release.key");
        self.entry("demo", platform)
    }

    fn entry(&self, directory: &str, platform: &str) -> Value {
        let tag = platform.replace('/', "-");
        self.bench.run(&["plugin", "package", directory, "--out", "layout", "--tag", &tag]).ok();
        let listed = self.layout()["manifests"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|listed| listed["annotations"]["org.opencontainers.image.ref.name"] == tag.as_str())
            .expect("the tag")
            .clone();
        let (os, architecture) = platform.split_once('/').expect("two words");
        json!({
            "mediaType": listed["mediaType"], "digest": listed["digest"], "size": listed["size"],
            "platform": {"os": os, "architecture": architecture},
        })
    }

    /// For this machine what was signed for another platform, with other files beside that signature.
    fn forged(&self) -> Value {
        self.bench.write("demo/platform.txt", here());
        self.bench.forge("demo", "forged.tar");
        self.bench.run(&["copy", "oci-archive:forged.tar", "oci:layout:forged", "--replace-tag"]).ok();
        let listed = self.layout()["manifests"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|listed| listed["annotations"]["org.opencontainers.image.ref.name"] == "forged")
            .expect("copied")
            .clone();
        let here = here();
        let (os, architecture) = here.split_once('/').expect("two words");
        json!({
            "mediaType": listed["mediaType"], "digest": listed["digest"], "size": listed["size"],
            "platform": {"os": os, "architecture": architecture},
        })
    }

    fn layout(&self) -> Value {
        serde_json::from_slice(&fs::read(self.bench.path("layout/index.json")).expect("there")).expect("JSON")
    }

    /// Pushes an index of those entries under a tag, and gives its digest.
    fn push(&self, tag: &str, entries: &[Value]) -> String {
        self.push_noted(tag, entries, "")
    }

    fn push_noted(&self, tag: &str, entries: &[Value], note: &str) -> String {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index =
            json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries, "annotations": {"note": note}});
        let bytes = index.to_string();
        let digest = Digest::of(bytes.as_bytes());
        self.bench.write(&format!("layout/blobs/sha256/{}", digest.hex()), &bytes);
        let mut layout = self.layout();
        let listed = layout["manifests"].as_array_mut().expect("a list");
        listed.retain(|listed| listed["annotations"]["org.opencontainers.image.ref.name"] != "all");
        listed.push(json!({
            "mediaType": media_type, "digest": digest.to_string(), "size": bytes.len(),
            "annotations": {"org.opencontainers.image.ref.name": "all"},
        }));
        self.bench.write("layout/index.json", layout.to_string());
        self.bench.run(&["copy", "oci:layout:all", &self.place(tag), "--replace-tag"]).ok();
        digest.to_string()
    }

    fn install(&self, tag: &str, options: &[&str]) -> Run {
        self.bench.run(&[&["plugin", "install", &self.place(tag)], &PLACES[..], options].concat())
    }

    fn record(&self) -> Value {
        serde_json::from_slice(&fs::read(self.bench.path("plugins/.aisoc/records/demo.json")).expect("there"))
            .expect("JSON")
    }

    fn installed_for(&self) -> String {
        fs::read_to_string(self.bench.path("plugins/demo/platform.txt")).expect("there")
    }
}

fn here() -> String {
    PlatformName::here().to_string()
}

fn json(run: &Run) -> Value {
    serde_json::from_str::<Value>(&run.ok().stdout).expect("JSON")["plugins"][0].clone()
}

#[test]
fn the_one_for_this_machine_is_installed_unless_another_one_is_named() {
    let published = Published::new();
    let entries = [published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())];
    let index = published.push("1.0.0", &entries);
    let installed = json(&published.install("1.0.0", &["--json"]));
    assert_eq!((&installed["platform"], &installed["index_digest"]), (&here().into(), &index.as_str().into()));
    assert_eq!((&installed["artifact_digest"], published.installed_for()), (&entries[1]["digest"], here()));
    let record = published.record();
    assert_eq!(
        (&record["digest"], &record["index_digest"], &record["platform"]),
        (&entries[1]["digest"], &index.as_str().into(), &here().into())
    );
    assert_eq!(json(&published.install("1.0.0", &["--json"]))["change"], "unchanged");

    let other = json(&published.install("1.0.0", &["--platform", OTHER, "--json"]));
    assert_eq!((&other["artifact_digest"], published.installed_for()), (&entries[0]["digest"], OTHER.to_owned()));
    let before = published.bench.snapshot("plugins");
    let run = published.install("1.0.0", &["--platform", "linux/riscv64"]);
    let mut offered = [here().as_str().to_owned(), OTHER.to_owned()];
    offered.sort();
    let said = format!("  expected: linux/riscv64\n  found:    {}\n", offered.join(", "));
    assert!(run.refused(1, "platform_missing").stderr.contains(&said), "{said}: {run:?}");
    assert_eq!(published.install("1.0.0", &["--platform", "linux"]).code, 2);
    assert_eq!(published.bench.snapshot("plugins"), before, "what is refused leaves no trace");
}

#[test]
fn the_digest_of_the_index_and_of_the_artifact_may_be_required_and_no_other() {
    let published = Published::new();
    let entries = [published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())];
    let index = published.push("1.0.0", &entries);
    let digest = |at: usize| entries[at]["digest"].as_str().expect("one");
    for required in [&index, digest(1)] {
        published.install("1.0.0", &["--require-digest", required]).ok();
    }
    let _ = fs::remove_dir_all(published.bench.path("plugins"));
    // The artifact for another platform is another one.
    published.install("1.0.0", &["--require-digest", digest(0)]).refused(3, "digest_mismatch");
    let bound = format!("{}@{index}", published.place("1.0.0"));
    published.bench.run(&[&["plugin", "install", &bound], &PLACES[..]].concat()).ok();
    assert_eq!(published.record()["index_digest"], index.as_str());
}

#[test]
fn another_index_of_the_same_artifact_is_a_change_that_is_written_down() {
    let published = Published::new();
    let entries = [published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())];
    published.push("1.0.0", &entries);
    published.install("1.0.0", &[]).ok();
    let moved = published.push_noted("1.0.0", &entries, "another");
    let installed = json(&published.install("1.0.0", &["--json"]));
    assert_eq!((&installed["change"], &installed["artifact_digest"]), (&"replaced".into(), &entries[1]["digest"]));
    assert_eq!(published.record()["index_digest"], moved.as_str());
    assert_eq!(json(&published.install("1.0.0", &["--json"]))["change"], "unchanged");
}

#[test]
fn the_signature_of_one_platform_stands_for_no_other() {
    let published = Published::new();
    let good = published.packed("1.0.0", OTHER);
    let forged = published.forged();
    published.push("1.0.0", &[good, forged]);
    published.install("1.0.0", &[]).refused(3, "coverage_mismatch");
    assert!(!published.bench.path("plugins/demo").exists());
    published.install("1.0.0", &["--platform", OTHER]).ok();
}

#[test]
fn an_index_of_one_is_followed_as_it_is_and_held_to_a_platform_that_is_named() {
    let published = Published::new();
    published.push("1.0.0", &[published.packed("1.0.0", OTHER)]);
    published.install("1.0.0", &["--platform", &here()]).refused(1, "platform_missing");
    let installed = json(&published.install("1.0.0", &["--json"]));
    assert_eq!((&installed["platform"], published.installed_for()), (&Value::Null, OTHER.to_owned()));
}

#[test]
fn an_upgrade_goes_on_with_the_platform_that_was_named() {
    let published = Published::new();
    published.push("1.0.0", &[published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())]);
    published.install("1.0.0", &["--platform", OTHER]).ok();
    published.push("1.1.0", &[published.packed("1.1.0", OTHER), published.packed("1.1.0", &here())]);
    // There is none of the newest version for it.
    published.push("1.2.0", &[published.packed("1.2.0", "linux/riscv64"), published.packed("1.2.0", &here())]);
    let run = published.bench.run(&[&["plugin", "upgrade", "demo", "--yes"], &PLACES[..]].concat());
    assert!(run.ok().stderr.contains("`demo` 1.2.0 is passed over: platform_missing: "), "{run:?}");
    let record = published.record();
    assert_eq!((&record["version"], &record["platform"]), (&"1.1.0".into(), &OTHER.into()));
    assert_eq!(published.installed_for(), OTHER);
}

#[test]
fn a_bundle_is_verified_for_every_platform_and_imported_for_this_one() {
    let published = Published::new();
    let bench = &published.bench;
    let entries = [published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())];
    let index = published.push("1.0.0", &entries);
    bench.run(&["bundle", "export", &published.place("1.0.0"), "--keys", "keys", "--out", "good.tar"]).ok();
    let installed = json(&bench.run(&[&["bundle", "import", "good.tar", "--json"], &PLACES[..]].concat()));
    assert_eq!((&installed["artifact_digest"], &installed["index_digest"]), (&entries[1]["digest"], &index.into()));
    assert_eq!(published.installed_for(), here());

    // What this machine would never install is carried to one that might.
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    bench.write("demo/platform.txt", OTHER);
    bench.signed_version("demo", "1.0.0", "stranger.key");
    published.push("strange", &[published.entry("demo", OTHER), entries[1].clone()]);
    let strange = published.place("strange");
    bench.run(&["bundle", "export", &strange, "--keys", "keys", "--out", "bad.tar"]).refused(3, "untrusted_key");
    let other = published.packed("2.0.0", OTHER);
    published.push("mixed", &[other, entries[1].clone()]);
    let mixed = bench.run(&["bundle", "export", &published.place("mixed"), "--keys", "keys", "--out", "bad.tar"]);
    mixed.refused(1, "not_a_plugin_artifact");
    assert!(!bench.path("bad.tar").exists());
}

#[test]
fn an_index_is_pushed_when_each_artifact_of_it_may_be() {
    let published = Published::new();
    let bench = &published.bench;
    let for_here = published.packed("1.0.0", &here());
    // The last, whose signature stands beside the files that are forged.
    let good = [published.packed("1.0.0", OTHER), for_here];
    published.push("good", &good);
    let to = published.place("pushed");
    bench.run(&["plugin", "push", "oci:layout:all", &to, "--trusted-keys", "keys"]).ok();

    // The signature of one platform under the manifest of another.
    let forged = published.forged();
    let tags = || bench.run(&["registry", "tags", &published.place("x")]).stdout;
    published.push("forged", &[good[0].clone(), forged]);
    let before = tags();
    let to = published.place("refused");
    for options in [&[][..], &["--trusted-keys", "keys"], &["--dry-run"]] {
        let run = bench.run(&[&["plugin", "push", "oci:layout:all", &to], options].concat());
        run.refused(3, "coverage_mismatch");
        assert!(run.error_line().contains(&format!("({})", here())), "{run:?}");
    }
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    bench.signed_version("demo", "1.0.0", "stranger.key");
    published.push("strange", &[published.entry("demo", OTHER), good[1].clone()]);
    let run = bench.run(&["plugin", "push", "oci:layout:all", &to, "--trusted-keys", "keys"]);
    run.refused(3, "untrusted_key");
    published.push("mixed", &[published.packed("2.0.0", OTHER), good[1].clone()]);
    let run = bench.run(&["plugin", "push", "oci:layout:all", &to]);
    assert!(run.refused(1, "not_a_plugin_artifact").stderr.contains("  expected: demo "), "{run:?}");
    assert_eq!(tags().replace("strange\n", "").replace("mixed\n", ""), before);
}

#[test]
fn whoever_looks_at_one_of_several_says_which_or_sees_this_machines() {
    let published = Published::new();
    let bench = &published.bench;
    let entries = [published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())];
    let index = published.push("1.0.0", &entries);
    let place = published.place("1.0.0");
    let keys = ["--trusted-keys", "keys"];
    for (option, platform, entry) in
        [(&[][..], here(), &entries[1]), (&["--platform", OTHER], OTHER.to_owned(), &entries[0])]
    {
        let run = bench.run(&[&["plugin", "verify", &place, "--json"], &keys[..], option].concat());
        let verdict = serde_json::from_str::<Value>(&run.ok().stdout).expect("JSON");
        assert_eq!(
            (&verdict["artifact_digest"], &verdict["index_digest"], &verdict["platform"]),
            (&entry["digest"], &index.as_str().into(), &platform.as_str().into())
        );
        bench.run(&[&["explain", &place, "--plugins-dir", "plugins"], &keys[..], option].concat()).ok();
        let out = platform.replace('/', "-");
        bench.run(&[&["plugin", "pull", &place, "--out", &out], option].concat()).ok();
        assert_eq!(fs::read_to_string(bench.path(&out).join("platform.txt")).expect("there"), platform);
        let run = bench.run(&[&["plugin", "inspect", &place, "--json"], option].concat());
        let seen = serde_json::from_str::<Value>(&run.ok().stdout).expect("JSON");
        assert_eq!(
            (&seen["artifact"]["platform"], &seen["artifact"]["artifact_digest"]),
            (&platform.as_str().into(), &entry["digest"])
        );
        assert_eq!(seen["artifact"]["platforms"].as_array().map(Vec::len), Some(2));
    }
    for (command, keys) in [("verify", &keys[..]), ("inspect", &[])] {
        let run = bench.run(&[&["plugin", command, &place, "--platform", "linux/riscv64"], keys].concat());
        run.refused(1, "platform_missing");
        bench.run(&["plugin", command, "./demo", "--platform", OTHER]).refused(2, "usage");
    }
    // What is for no machine here is seen all the same.
    published.push("other", &[entries[0].clone(), published.packed("1.0.0", "plan9/386")]);
    let run = bench.run(&["plugin", "inspect", &published.place("other")]);
    assert!(run.ok().stdout.contains("shown for       plan9/386\n"), "{run:?}");
    bench.run(&[&["plugin", "verify", &published.place("other")], &keys[..]].concat()).refused(1, "platform_missing");
}

#[test]
fn what_is_verified_of_an_index_is_the_signature_of_that_platform() {
    let published = Published::new();
    let good = published.packed("1.0.0", OTHER);
    published.push("1.0.0", &[good, published.forged()]);
    let verify = |option: &[&str]| {
        published
            .bench
            .run(&[&["plugin", "verify", &published.place("1.0.0"), "--trusted-keys", "keys"], option].concat())
    };
    verify(&[]).refused(3, "coverage_mismatch");
    verify(&["--platform", OTHER]).ok();
}

#[test]
fn one_of_several_is_signed_again_under_a_tag_of_its_own() {
    let published = Published::new();
    let bench = &published.bench;
    published.push("1.0.0", &[published.packed("1.0.0", OTHER), published.packed("1.0.0", &here())]);
    bench.run(&["plugin", "keygen", "--out", "next"]).ok();
    let place = published.place("1.0.0");
    let resign = |options: &[&str]| {
        let words = ["plugin", "resign", &place, "--private-key", "next.key", "--trusted-keys", "keys"];
        bench.run(&[&words[..], options].concat())
    };
    resign(&["--tag-suffix", "-x"]).refused(1, "not_a_plugin_artifact");
    resign(&["--platform", OTHER, "--replace-tag"]).refused(1, "tag_exists");
    resign(&["--platform", OTHER, "--tag-suffix", "-other"]).ok();
    let other = published.place("1.0.0-other");
    bench.run(&["plugin", "verify", &other, "--trusted-keys", "next.pem"]).ok();
    bench.run(&["plugin", "pull", &other, "--out", "signed"]).ok();
    assert_eq!(fs::read_to_string(bench.path("signed/platform.txt")).expect("there"), OTHER);
}
