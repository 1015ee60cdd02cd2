//! `aisoc copy`, as somebody promotes and carries: what arrives installs as what it was copied from.

mod support;

use std::path::Path;

use aisoc_testkit::registry::{Act, Registry, Rule};
use serde_json::Value;
use support::{Bench, Run};

/// A bench whose plugin is in a registry as `team/demo:1` and `team/demo:2`.
fn stocked() -> (Bench, Registry) {
    let (bench, registry) = (Bench::new(), Registry::start());
    bench.published();
    for tag in ["1", "2"] {
        bench.run(&["plugin", "push", "demo.tar", &registry.reference(&format!("team/demo:{tag}"))]).ok();
    }
    (bench, registry)
}

fn copy(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["copy"], words].concat())
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).expect("a document")
}

/// Digests of what a copy said that it brought.
fn digests(document: &Value) -> Vec<&str> {
    let artifacts = document["artifacts"].as_array().expect("artifacts");
    artifacts.iter().map(|artifact| artifact["artifact_digest"].as_str().expect("a digest")).collect()
}

#[test]
fn what_was_copied_around_installs_under_the_same_digest() {
    let (bench, from) = stocked();
    let to = Registry::start();
    let there = to.reference("inside/demo");
    let out = copy(&bench, &["--all-tags", &from.reference("team/demo"), "oci-archive:all.tar", "--json"]);
    let out = document(out.ok());
    let back = copy(&bench, &["--all-tags", "-r", "oci-archive:all.tar", &there, "--json"]);
    let back = document(back.ok());
    assert_eq!(digests(&out), digests(&back));
    let tags: Vec<_> = back["artifacts"].as_array().expect("artifacts").iter().map(|one| &one["tag"]).collect();
    assert_eq!(tags, ["1", "2"]);
    assert_eq!([&back["manifest_count"], &back["referrer_count"]], [1, 0]);
    let pinned = format!("{there}@{}", digests(&out)[0]);
    bench.install(&pinned).ok();
    let again = document(copy(&bench, &["--all-tags", "oci-archive:all.tar", &there, "--json"]).ok());
    assert_eq!([&again["uploaded_blob_count"], &again["uploaded_bytes"]], [0, 0]);
}

#[test]
fn a_dry_run_says_what_a_copy_sends_and_sends_nothing() {
    let (bench, from) = stocked();
    let to = Registry::start();
    let (source, there) = (from.reference("team/demo"), to.reference("a"));
    for destination in [there.as_str(), "oci:layout"] {
        let words = ["--all-tags", source.as_str(), destination, "--json"];
        let foreseen = document(copy(&bench, &[&words[..], &["--dry-run"]].concat()).ok());
        assert!(to.requests().iter().all(|seen| seen.method == "GET" || seen.method == "HEAD"));
        assert!(!bench.path("layout").exists());
        let mut copied = document(copy(&bench, &words).ok());
        // What says that it was a dry run stands in it alone.
        for (key, value) in foreseen.as_object().expect("an object") {
            if !copied.as_object().expect("an object").contains_key(key) {
                copied[key] = value.clone();
            }
        }
        assert_eq!(foreseen, copied);
        assert_eq!(foreseen["uploaded_blob_count"], 2);
        to.forget();
    }
    let again = document(copy(&bench, &["--dry-run", "--all-tags", &source, &there, "--json"]).ok());
    assert_eq!([&again["uploaded_blob_count"], &again["present_blob_count"]], [0, 2]);
}

#[test]
fn an_artifact_keeps_its_tag_unless_another_is_said() {
    let (bench, from) = stocked();
    let to = Registry::start();
    let source = from.reference("team/demo:1");
    copy(&bench, &[&source, &to.reference("a")]).ok();
    copy(&bench, &[&source, &to.reference("a:stable")]).ok();
    for tag in ["1", "stable"] {
        bench.run(&["plugin", "inspect", &to.reference(&format!("a:{tag}"))]).ok();
    }
}

#[test]
fn a_tag_that_names_something_else_is_kept_unless_it_may_be_moved() {
    let (bench, from) = stocked();
    let to = Registry::start();
    bench.run(&["plugin", "new", "other", "--type", "enricher"]).ok();
    bench.sign("other").ok();
    bench.run(&["plugin", "push", "other", &to.reference("a:2")]).ok();
    to.forget();
    for words in [&[][..], &["--all-tags"]] {
        let source = from.reference(if words.is_empty() { "team/demo:2" } else { "team/demo" });
        let refused = copy(&bench, &[words, &[source.as_str(), to.reference("a").as_str()]].concat());
        refused.refused(1, "tag_exists");
        assert!(refused.error_line().contains(&to.reference("a:2")), "{refused:?}");
        // Asked before anything is sent.
        assert!(to.requests().iter().all(|seen| seen.method == "GET" || seen.method == "HEAD"), "{words:?}");
    }
    copy(&bench, &["--replace-tag", &from.reference("team/demo:2"), &to.reference("a")]).ok();
}

#[test]
fn what_cannot_be_copied_is_refused_and_nothing_is_written() {
    let (bench, from) = stocked();
    let to = Registry::start();
    let destination = to.reference("a");
    let other_digest = format!("a@sha256:{}", "0".repeat(64));
    let other_digest = to.reference(&other_digest);
    for (words, code, reason) in [
        (vec![from.reference("team/demo:3"), destination.clone()], 1, "reference_not_found"),
        (vec![from.reference("team/demo"), destination.clone()], 2, "invalid_ref"),
        (vec!["--all-tags".into(), from.reference("team/demo:1"), destination.clone()], 2, "usage"),
        (vec!["--all-tags".into(), from.reference("team/demo"), to.reference("a:1")], 2, "usage"),
        (vec!["--all-tags".into(), from.reference("team/none"), destination.clone()], 1, "reference_not_found"),
        (vec![from.reference("team/demo:1"), other_digest], 3, "digest_mismatch"),
        (vec!["oci:nowhere:1".into(), destination.clone()], 1, "io_not_found"),
    ] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let refused = copy(&bench, &words);
        refused.refused(code, reason);
        assert!(to.requests().iter().all(|seen| seen.method == "GET" || seen.method == "HEAD"), "{words:?}");
    }
    let refused = copy(&bench, &[&from.reference("team/demo:1"), "oci:demo:1"]);
    refused.refused(1, "layout_invalid");
    assert!(!bench.path("demo/index.json").exists());
}

#[test]
fn a_blob_that_changes_on_its_way_ends_the_copy_without_a_tag() {
    let (bench, from) = stocked();
    let to = Registry::start();
    from.set_rules(vec![Rule::on("/blobs/", Act::OtherBytes).method("GET")]);
    let refused = copy(&bench, &[&from.reference("team/demo:1"), &to.reference("a")]);
    assert!(refused.code != 0, "{refused:?}");
    assert!(to.requests().iter().all(|seen| !(seen.method == "PUT" && seen.path.contains("/manifests/"))));
    assert!(!Path::new(&bench.path("a")).exists());
    from.set_rules(vec![]);
    copy(&bench, &[&from.reference("team/demo:1"), &to.reference("a")]).ok();
}
