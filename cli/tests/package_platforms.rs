//! A plugin's builds for several platforms, packed as one image index and pushed.

mod support;

use std::fs;

use aisoc_manifests::platform::PlatformName;
use serde_json::Value;
use support::{Bench, Run, copy_tree};

const ONE: &str = "linux/amd64";
const OTHER: &str = "linux/arm64";

/// A bench with a build of `demo` for each of two platforms.
fn builds() -> Bench {
    let bench = Bench::new();
    bench.published();
    for (directory, platform) in [("one", ONE), ("other", OTHER)] {
        build(&bench, directory, platform);
    }
    bench
}

/// A signed build of `demo`, which says for which platform it is.
fn build(bench: &Bench, directory: &str, content: &str) {
    bench.write("demo/platform.txt", content);
    bench.signed_version("demo", "1.0.0", "release.key");
    copy_tree(&bench.path("demo"), &bench.path(directory));
}

fn package(bench: &Bench, builds: &[(&str, &str)], options: &[&str]) -> Run {
    let words: Vec<String> = builds
        .iter()
        .flat_map(|(platform, source)| ["--platform".to_owned(), format!("{platform}={source}")])
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    bench.run(&[&["plugin", "package"], &words[..], options].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.ok().stdout).expect("JSON")
}

#[test]
fn the_order_and_the_form_of_what_is_packed_leave_the_index_as_it_is() {
    let bench = builds();
    let both = [(ONE, "one"), (OTHER, "other")];
    let packed = json(&package(&bench, &both, &["--out", "a.tar", "--json"]));
    let platforms = packed["platforms"].as_array().expect("a list");
    let named: Vec<&str> = platforms.iter().map(|of| of["platform"].as_str().expect("one")).collect();
    assert_eq!(named, [ONE, OTHER]);
    assert_eq!(
        (&packed["id"], &packed["tag"], &packed["layer_digest"]),
        (&"demo".into(), &"1.0.0".into(), &Value::Null)
    );
    let digest = format!("{}\n", packed["artifact_digest"].as_str().expect("one"));

    let turned = [(OTHER, "other"), (ONE, "one")];
    assert_eq!(package(&bench, &turned, &["--out", "b.tar"]).ok().stdout, digest);
    assert_eq!(fs::read(bench.path("a.tar")).expect("there"), fs::read(bench.path("b.tar")).expect("there"));
    assert_eq!(package(&bench, &turned, &["--out", "layout"]).ok().stdout, digest);
    assert_eq!(package(&bench, &turned, &["--out", "none", "--dry-run"]).ok().stdout, digest);
    assert!(!bench.path("none").exists());

    // Of what is packed already: alone, and as an entry of an index. Another spelling is the same platform.
    bench.run(&["plugin", "package", "other", "--out", "other.tar"]).ok();
    let of_packed = [("linux/aarch64", "other.tar"), (ONE, "oci:layout")];
    assert_eq!(package(&bench, &of_packed, &["--out", "c.tar"]).ok().stdout, digest);
    // Into a layout that has something: it stays.
    bench.run(&["plugin", "package", "other", "--out", "more", "--tag", "plain"]).ok();
    assert_eq!(package(&bench, &both, &["--out", "more"]).ok().stdout, digest);
    assert_eq!(package(&bench, &both, &["--out", "more"]).ok().stdout, digest);
    assert_eq!(bench.run(&["registry", "tags", "oci:more"]).ok().stdout, "1.0.0\nplain\n");
}

#[test]
fn what_was_packed_is_compared_whole() {
    let bench = builds();
    let both = [(ONE, "one"), (OTHER, "other")];
    package(&bench, &both, &["--out", "a.tar"]).ok();
    let before = bench.state();
    package(&bench, &both, &["--out", "a.tar", "--check"]).ok();
    assert_eq!(bench.state(), before);
    build(&bench, "third", "another content");
    let run = package(&bench, &[(ONE, "one"), (OTHER, "third")], &["--out", "a.tar", "--check"]);
    run.refused(1, "not_reproducible");
    package(&bench, &[(ONE, "one")], &["--out", "a.tar", "--check"]).refused(1, "not_reproducible");
}

#[test]
fn builds_that_are_not_one_plugin_in_one_version_are_refused_with_both() {
    let bench = builds();
    bench.signed_version("demo", "1.1.0", "release.key");
    bench.signed_version("another", "1.0.0", "release.key");
    for (directory, found) in [("demo", "demo 1.1.0"), ("another", "another 1.0.0")] {
        let run = package(&bench, &[(ONE, "one"), (OTHER, directory)], &["--out", "a.tar"]);
        let said = format!("  expected: demo 1.0.0\n  found:    {found}\n");
        assert!(run.refused(1, "not_a_plugin_artifact").stderr.contains(&said), "{run:?}");
        assert!(run.error_line().contains(&format!("]: {directory}: ")), "{run:?}");
    }
    let run = package(&bench, &[("linux/arm", "one"), ("linux/arm/v7", "other")], &["--out", "a.tar"]);
    let said = "two builds are for linux/arm/v7\n  expected: one for each platform\n  found:    `one` and `other`\n";
    assert!(run.refused(2, "usage").stderr.contains(said), "{run:?}");
    package(&bench, &[(ONE, "oci://localhost:5000/team/demo:1.0.0")], &["--out", "a.tar"]).refused(2, "usage");
    // Of an index the one for that platform, and no other one.
    package(&bench, &[(ONE, "one")], &["--out", "one.tar"]).ok();
    package(&bench, &[(OTHER, "one.tar")], &["--out", "a.tar"]).refused(1, "platform_missing");
    assert!(!bench.path("a.tar").exists());
}

#[test]
fn each_build_answers_for_itself() {
    let bench = builds();
    // What was signed for one platform, beside the files for another one.
    copy_tree(&bench.path("one"), &bench.path("mixed"));
    fs::copy(bench.path("other/platform.txt"), bench.path("mixed/platform.txt")).expect("copied");
    copy_tree(&bench.path("one"), &bench.path("unsigned"));
    fs::remove_file(bench.path("unsigned/plugin.sig")).expect("removed");
    bench.forge("mixed", "mixed.tar");
    for (source, reason) in
        [("mixed", "coverage_mismatch"), ("mixed.tar", "coverage_mismatch"), ("unsigned", "unsigned")]
    {
        for option in [&[][..], &["--dry-run"]] {
            let options = [&["--out", "a.tar"], option].concat();
            package(&bench, &[(ONE, "one"), (OTHER, source)], &options).refused(3, reason);
        }
    }
    // A key that is not trusted, of one of the two.
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    bench.run(&["plugin", "sign", "other", "--private-key", "stranger.key"]).ok();
    let options = ["--out", "a.tar", "--trusted-keys", "keys"];
    package(&bench, &[(ONE, "one"), (OTHER, "other")], &options).refused(3, "untrusted_key");
    assert!(!bench.path("a.tar").exists());
}

#[test]
fn a_tag_is_of_builds_for_platforms_or_of_one_artifact_and_stays_that() {
    let bench = builds();
    let both = [(ONE, "one"), (OTHER, "other")];
    for out in ["index", "index.tar"] {
        package(&bench, &both, &["--out", out]).ok();
        let before = bench.state();
        bench.run(&["plugin", "package", "one", "--out", out]).refused(1, "tag_exists");
        assert_eq!(bench.state(), before);
    }
    for out in ["plain", "plain.tar"] {
        bench.run(&["plugin", "package", "one", "--out", out]).ok();
        let before = bench.state();
        package(&bench, &both, &["--out", out]).refused(1, "tag_exists");
        assert_eq!(bench.state(), before);
    }
    // The builds of another plugin.
    bench.signed_version("another", "1.0.0", "release.key");
    package(&bench, &[(ONE, "another")], &["--out", "index"]).refused(1, "tag_exists");
    package(&bench, &both, &["--out", "index", "--tag", "stable"]).ok();
    assert_eq!(bench.run(&["registry", "tags", "oci:index"]).ok().stdout, "1.0.0\nstable\n");
}

#[test]
fn an_index_is_pushed_whole_and_installed_from() {
    let bench = Bench::new();
    bench.published();
    let here = PlatformName::here().to_string();
    build(&bench, "one", &here);
    build(&bench, "other", "plan9/s390x");
    let registry = bench.registry();
    let place = format!("{}/team/demo", registry.address);
    let both = [(here.as_str(), "one"), ("plan9/s390x", "other")];
    let digest = package(&bench, &both, &["--out", "a.tar"]).ok().stdout.trim().to_owned();

    let foreseen = json(&bench.run(&["plugin", "push", "a.tar", &place, "--dry-run", "--json"]));
    assert_eq!(foreseen["artifact_digest"], digest.as_str());
    assert_eq!(bench.run(&["registry", "tags", &place]).code, 1, "nothing is there yet");
    let pushed = json(&bench.run(&["plugin", "push", "a.tar", &place, "--json"]));
    assert_eq!(pushed["reference"], format!("{place}@{digest}"));
    for count in ["uploaded_blob_count", "uploaded_bytes"] {
        assert_eq!(foreseen[count], pushed[count], "{count}");
    }
    assert_eq!(pushed["platforms"].as_array().map(Vec::len), Some(2));
    assert_eq!((&pushed["id"], &pushed["version"]), (&"demo".into(), &"1.0.0".into()));

    let again = bench.run(&["plugin", "push", "a.tar", &place]);
    assert!(again.ok().stderr.contains("     Present "), "{again:?}");
    // From one registry's tag to another, as it is.
    let copied = json(&bench.run(&["plugin", "push", &format!("{place}:1.0.0"), &format!("{place}:stable"), "--json"]));
    assert_eq!(
        (&copied["artifact_digest"], &copied["signature_status"]),
        (&digest.as_str().into(), &"not_read".into())
    );

    let installed = bench.run(&[
        "plugin",
        "install",
        &format!("{place}:1.0.0"),
        "--trusted-keys",
        "keys",
        "--plugins-dir",
        "plugins",
        "--json",
    ]);
    assert_eq!(json(&installed)["plugins"][0]["index_digest"], digest.as_str());
    assert_eq!(fs::read_to_string(bench.path("plugins/demo/platform.txt")).expect("there"), here);

    // Another index under the tag is another artifact.
    package(&bench, &both[..1], &["--out", "b.tar"]).ok();
    bench.run(&["plugin", "push", "b.tar", &place]).refused(1, "tag_exists");
    bench.run(&["plugin", "push", "b.tar", &place, "--replace-tag"]).ok();
    let one = json(&bench.run(&["plugin", "inspect", &format!("{place}:1.0.0"), "--json"]));
    assert_eq!(one["artifact"]["platforms"].as_array().map(Vec::len), Some(1));
}

#[test]
fn of_an_index_one_artifact_is_attested_and_nobody_guesses_which() {
    let bench = builds();
    package(&bench, &[(ONE, "one"), (OTHER, "other")], &["--out", "both.tar"]).ok();
    let registry = bench.registry();
    let place = format!("{}/team/demo:1.0.0", registry.address);
    bench.run(&["plugin", "push", "both.tar", &place, "--trusted-keys", "keys"]).ok();
    bench.write("said.json", "{}");
    let words = ["plugin", "attest", &place, "--type", "urn:x", "--predicate", "said.json"];
    let words = [&words[..], &["--private-key", "release.key"]].concat();
    bench.run(&words).refused(1, "not_a_plugin_artifact");
    let done = json(&bench.run(&[&words[..], &["--platform", OTHER, "--json"]].concat()));
    let shown = |platform: &str| {
        json(&bench.run(&["plugin", "inspect", &place, "--platform", platform, "--json"]))["artifact"].clone()
    };
    let (one, other) = (shown(ONE), shown(OTHER));
    assert_eq!(one["referrers"], Value::Array(Vec::new()));
    assert_eq!(other["referrers"][0]["referrer_digest"], done["referrer_digest"]);
    assert_eq!(other["artifact_digest"], done["artifact_digest"]);
    // With what belongs to each, and with what is said of the index as well.
    bench.run(&["copy", "-r", &place, "oci:all:1"]).ok();
    let copied = json(&bench.run(&["plugin", "inspect", "oci:all:1", "--platform", OTHER, "--json"]));
    assert_eq!(copied["artifact"]["referrers"], other["referrers"]);
}
