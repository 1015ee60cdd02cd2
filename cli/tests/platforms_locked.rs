//! plugins.lock and an image index: which index and which platform were accepted, and what is refused for it.

mod support;

use std::fs;

use aisoc_manifests::platform::PlatformName;
use serde_json::Value;
use support::{Bench, Registry, Run, copy_tree};

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];
const OTHER: &str = "plan9/s390x";

/// Builds of `demo` for this machine and for another platform, and a registry.
struct Site {
    bench: Bench,
    registry: Registry,
    here: String,
}

impl Site {
    fn new() -> Self {
        let bench = Bench::new();
        bench.published();
        let here = PlatformName::here().to_string();
        for (directory, platform) in [("here", here.as_str()), ("other", OTHER)] {
            bench.write("demo/platform.txt", platform);
            bench.signed_version("demo", "1.0.0", "release.key");
            copy_tree(&bench.path("demo"), &bench.path(directory));
        }
        let registry = bench.registry();
        Self { bench, registry, here }
    }

    fn place(&self) -> String {
        format!("{}/team/demo:1.0.0", self.registry.address)
    }

    /// Points the tag at an index that has the build for this machine and, for that platform, the other one.
    fn publish(&self, other: &str) -> String {
        let builds = [format!("{}=here", self.here), format!("{other}=other")];
        let words = ["plugin", "package", "--platform", &builds[0], "--platform", &builds[1], "--out", "index.tar"];
        let index = self.bench.run(&words).ok().stdout.trim().to_owned();
        self.bench.run(&["plugin", "push", "index.tar", &self.place(), "--replace-tag"]).ok();
        index
    }

    fn install(&self, words: &[&str]) -> Run {
        self.bench.run(&[&["plugin", "install"], words, &PLACES[..]].concat())
    }

    fn lock(&self) -> String {
        fs::read_to_string(self.bench.path("plugins.lock")).expect("a lock")
    }

    fn record(&self) -> Value {
        serde_json::from_slice(&fs::read(self.bench.path("plugins/.aisoc/records/demo.json")).expect("there"))
            .expect("JSON")
    }

    fn forget(&self) {
        fs::remove_dir_all(self.bench.path("plugins")).expect("removed");
    }
}

#[test]
fn another_index_under_the_tag_is_a_change_though_the_artifact_is_the_same() {
    let site = Site::new();
    let place = site.place();
    let accepted = site.publish(OTHER);
    site.install(&[&place, "--lock", "--reason", "ticket 12"]).ok();
    let lock = site.lock();
    assert!(lock.contains(&format!("oci_index_digest = \"{accepted}\"\noci_platform = \"{}\"\n", site.here)), "{lock}");
    site.install(&[&place, "--locked"]).ok();

    let moved = site.publish("plan9/386");
    let before = site.bench.snapshot("plugins");
    let said = format!("  expected: {accepted}\n  found:    {moved}\n");
    for words in [&[place.as_str(), "--locked"][..], &[&place, "--plugin-mode", "production"]] {
        let run = site.install(words);
        assert!(run.refused(3, "hash_mismatch").stderr.contains(&said), "{run:?}");
    }
    assert_eq!((site.bench.snapshot("plugins"), site.lock()), (before, lock.clone()));
    let run = site.bench.run(&[
        "explain",
        &place,
        "--plugin-mode",
        "production",
        "--trusted-keys",
        "keys",
        "--plugins-dir",
        "plugins",
    ]);
    assert!(run.ok().stdout.contains("of another image index"), "{run:?}");
    // What is here is what was accepted, and comes again by the index that was.
    site.bench.run(&[&["plugins", "verify"], &PLACES[..]].concat()).ok();
    site.forget();
    site.install(&["--locked"]).ok();
    let record = site.record();
    assert_eq!((&record["index_digest"], &record["platform"]), (&accepted.as_str().into(), &site.here.as_str().into()));

    // An artifact that is named itself is what was accepted, whichever index lists it.
    let artifact = record["digest"].as_str().expect("one").to_owned();
    let by_itself = format!("{}/team/demo@{artifact}", site.registry.address);
    site.install(&[&by_itself, "--locked"]).ok();
    // A lock that was written before says nothing of the index.
    let older: String = lock
        .lines()
        .filter(|line| !line.starts_with("oci_index") && !line.starts_with("oci_pl"))
        .map(|line| format!("{line}\n"))
        .collect();
    site.bench.write("plugins.lock", &older);
    site.install(&[&place, "--locked"]).ok();
    site.bench.write("plugins.lock", &lock);

    // Somebody answers for the other index.
    site.install(&[&place, "--lock", "--reason", "ticket 13"]).ok();
    assert!(site.lock().contains(&format!("oci_index_digest = \"{moved}\"")));
    site.install(&[&place, "--locked"]).ok();
}

#[test]
fn what_was_accepted_for_another_platform_is_refused_with_both() {
    let site = Site::new();
    let place = site.place();
    let index = site.publish(OTHER);
    site.install(&[&place, "--platform", OTHER, "--lock", "--reason", "ticket 12"]).ok();
    assert!(site.lock().contains(&format!("oci_platform = \"{OTHER}\"")));
    // Where it stands it is what was accepted.
    site.install(&["--locked"]).ok();
    site.forget();
    let said = |expected: &str, found: &str| format!("  expected: {expected}\n  found:    {found}\n");
    for words in [&["--locked"][..], &[&place, "--locked"]] {
        let run = site.install(words);
        assert!(run.refused(3, "platform_mismatch").stderr.contains(&said(OTHER, &site.here)), "{run:?}");
        assert!(!site.bench.path("plugins/demo").exists());
    }
    let run = site.bench.run(&[&["plugins", "sync"], &PLACES[..]].concat());
    assert!(run.code == 3 && run.stderr.contains("platform_mismatch"), "{run:?}");
    // As the refusal says.
    let bound = format!("{}/team/demo@{index}", site.registry.address);
    site.install(&[&bound, "--locked", "--platform", OTHER]).ok();
    assert_eq!(fs::read_to_string(site.bench.path("plugins/demo/platform.txt")).expect("there"), OTHER);
}

#[test]
fn a_lock_of_what_is_installed_says_of_which_index_it_came() {
    let site = Site::new();
    let index = site.publish(OTHER);
    site.install(&[&site.place()]).ok();
    let words = ["plugins", "lock", "--from-installed", "--with-provenance", "--reason", "ticket 12"];
    site.bench.run(&[&words[..], &PLACES[..]].concat()).ok();
    let lock = site.lock();
    assert!(lock.contains(&format!("oci_index_digest = \"{index}\"\noci_platform = \"{}\"\n", site.here)), "{lock}");
    // Another index by hand is one that nobody has answered for, and not what is here.
    let other = index.replace(&index[7..11], "0000");
    site.bench.write("plugins.lock", lock.replace(&index, &other));
    let run = site.bench.run(&[&["plugins", "list", "--plugin-mode", "production"], &PLACES[..]].concat());
    assert!(run.stdout.contains("of another image index"), "{run:?}");
    let run = site.bench.run(&[&["plugins", "verify", "--only", "lock"], &PLACES[..]].concat());
    assert!(run.stderr.contains("lock_unjournaled"), "{run:?}");
}
