//! `aisoc registry ls`, `tags` and `delete`, as somebody looks at what is there and takes some of it away.

mod support;

use aisoc_testkit::registry::{Act, Registry, Rule};
use serde_json::{Value, json};
use support::terminal::Terminal;
use support::{Bench, Run};

/// A bench whose plugin is in a registry as `team/demo`, under those tags.
fn stocked(tags: &[&str]) -> (Bench, Registry) {
    let (bench, registry) = (Bench::new(), Registry::start());
    bench.published();
    for tag in tags {
        bench.run(&["plugin", "push", "demo.tar", &registry.reference(&format!("team/demo:{tag}"))]).ok();
    }
    registry.forget();
    (bench, registry)
}

fn registry(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["registry"], words].concat())
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn tags(bench: &Bench, place: &str) -> Vec<String> {
    registry(bench, &["tags", place]).ok().stdout.lines().map(str::to_owned).collect()
}

fn deletions(registry: &Registry) -> usize {
    registry.requests().iter().filter(|seen| seen.method == "DELETE").count()
}

fn digest(bench: &Bench, reference: &str) -> String {
    let run = bench.run(&["copy", reference, "oci:nowhere-yet", "--dry-run", "--json"]);
    document(run.ok())["artifacts"][0]["artifact_digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn what_is_there_is_listed() {
    let (bench, remote) = stocked(&["1.9.0", "1.10.0", "latest"]);
    bench.run(&["plugin", "push", "demo.tar", &remote.reference("teams:1")]).ok();
    let (host, place) = (remote.host(), remote.reference("team/demo"));
    let lines = format!("{place}\n{host}/teams\n");
    assert_eq!(registry(&bench, &["ls", &host]).ok().stdout, lines);
    assert_eq!(registry(&bench, &["ls", &remote.reference("team")]).ok().stdout, format!("{place}\n"));
    let listed = document(registry(&bench, &["ls", &host, "--json"]).ok());
    assert_eq!([&listed["registry"], &listed["repositories"]], [&json!(host), &json!(["team/demo", "teams"])]);
    assert_eq!(registry(&bench, &["ls", &remote.reference("nothing")]).ok().stdout, "");

    assert_eq!(tags(&bench, &place), ["1.10.0", "1.9.0", "latest"]);
    let listed = document(registry(&bench, &["tags", &place, "--json"]).ok());
    assert_eq!([&listed["reference"], &listed["tags"]], [&json!(place), &json!(["1.10.0", "1.9.0", "latest"])]);
    bench.run(&["copy", "--all-tags", &place, "oci:layout"]).ok();
    bench.run(&["copy", "--all-tags", &place, "oci-archive:all.tar"]).ok();
    for layout in ["oci:layout", "oci-archive:all.tar"] {
        assert_eq!(tags(&bench, layout), ["1.10.0", "1.9.0", "latest"]);
    }
    let one = registry(&bench, &["tags", &format!("{place}:1.9.0")]);
    assert!(one.refused(2, "usage").stderr.contains(&format!("aisoc registry tags {place}`")), "{one:?}");
    registry(&bench, &["tags", &remote.reference("team/other")]).refused(1, "reference_not_found");
    for word in ["oci:layout", "team", "http://x", ""] {
        assert_eq!(registry(&bench, &["ls", word]).code, 2, "{word}");
    }
    remote.set_rules(vec![Rule::on("_catalog", Act::Status(404))]);
    registry(&bench, &["ls", &host]).refused(1, "registry_refused");
}

#[test]
fn a_tag_is_deleted_alone() {
    let (bench, remote) = stocked(&["1", "2"]);
    let (place, tag) = (remote.reference("team/demo"), remote.reference("team/demo:1"));
    let digest = digest(&bench, &tag);
    registry(&bench, &["delete", &tag]).refused(10, "confirmation_required");
    let foreseen = document(registry(&bench, &["delete", &tag, "--dry-run", "--json"]).ok());
    assert_eq!((deletions(&remote), foreseen["tags"].clone()), (0, json!(["1"])));
    let deleted = registry(&bench, &["delete", &tag, "--yes"]);
    assert_eq!(deleted.ok().stdout, format!("{tag}\n"));
    assert!(deleted.stderr.contains("stays") && !deleted.stderr.contains("warning"), "{deleted:?}");
    assert_eq!((deletions(&remote), tags(&bench, &place)), (1, vec!["2".to_owned()]));
    bench.install(&format!("{place}@{digest}")).ok();
    let gone = registry(&bench, &["delete", &tag, "--yes"]);
    assert!(gone.refused(1, "reference_not_found").stderr.contains('2'), "{gone:?}");
    assert_eq!(deletions(&remote), 1);
}

#[test]
fn a_manifest_takes_its_tags_with_it_only_when_that_was_said() {
    let (bench, remote) = stocked(&["1", "2"]);
    let place = remote.reference("team/demo");
    let pinned = format!("{place}@{}", digest(&bench, &format!("{place}:1")));
    for words in [&["--yes"][..], &["--dry-run"], &[]] {
        let run = registry(&bench, &[&["delete", &pinned], words].concat());
        let shown = &run.refused(10, "confirmation_required").stderr;
        assert!(shown.contains("2 tags") && shown.contains("1, 2") && shown.contains("--with-tags"), "{run:?}");
    }
    let words = ["delete", &pinned, "--with-tags", "--json"];
    registry(&bench, &words[..3]).refused(10, "confirmation_required");
    assert_eq!((registry(&bench, &words).code, deletions(&remote)), (10, 0));
    let deleted = document(registry(&bench, &[&words[..], &["--yes"]].concat()).ok());
    assert_eq!([&deleted["tags"], &deleted["deletes_manifest"]], [&json!(["1", "2"]), &json!(true)]);
    assert_eq!((deletions(&remote), tags(&bench, &place)), (1, Vec::new()));
    registry(&bench, &["delete", &pinned, "--yes"]).refused(1, "reference_not_found");
}

#[test]
fn what_is_about_a_manifest_stays_and_is_told() {
    let (bench, remote) = stocked(&["1"]);
    let place = remote.reference("team/demo");
    let digest = digest(&bench, &format!("{place}:1"));
    let other = format!("sha256:{}", "a".repeat(64));
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let about = json!({ "mediaType": kind, "digest": other, "size": 7 });
    let index = "application/vnd.oci.image.index.v1+json";
    let index_of = json!({ "schemaVersion": 2, "mediaType": index, "manifests": [about] }).to_string().into_bytes();
    let answer = Act::Answer(200, vec![("content-type", index.to_owned())], index_of);
    remote.set_rules(vec![Rule::on("/referrers/", answer)]);
    let run = registry(&bench, &["delete", &format!("{place}@{digest}"), "--with-tags", "--yes", "--json"]);
    assert_eq!(document(run.ok())["referrers"], json!([other]));
    assert!(run.stderr.contains("referrers_left"), "{run:?}");
}

#[test]
fn a_registry_that_takes_the_manifest_with_its_tag_is_told_of() {
    let (bench, remote) = stocked(&["1"]);
    let tag = remote.reference("team/demo:1");
    let digest = digest(&bench, &tag);
    let by_digest = format!("/manifests/{digest}");
    remote.set_rules(vec![Rule::on(&by_digest, Act::Status(404))]);
    let run = registry(&bench, &["delete", &tag, "--yes", "--json"]);
    assert_eq!(document(run.ok())["deletes_manifest"], true);
    assert!(run.stderr.contains("more_deleted"), "{run:?}");
}

#[test]
fn what_names_two_things_or_none_is_refused_before_anything_is_asked() {
    let (bench, remote) = stocked(&["1"]);
    let digest = format!("sha256:{}", "a".repeat(64));
    for (rest, options) in [("", &[][..]), (":1", &["--with-tags"]), (&*format!(":1@{digest}"), &[])] {
        let reference = remote.reference(&format!("team/demo{rest}"));
        registry(&bench, &[&["delete", &reference, "--yes"], options].concat()).refused(2, "usage");
    }
    registry(&bench, &["delete", "oci-archive:demo.tar:1", "--yes"]).refused(2, "usage");
    assert!(remote.requests().is_empty(), "{:?}", remote.requests());
}

#[test]
fn a_layout_is_deleted_from_as_a_registry_is() {
    let bench = Bench::new();
    bench.published();
    for tag in ["1", "2"] {
        bench.run(&["plugin", "push", "demo.tar", &format!("oci:layout:{tag}")]).ok();
    }
    let pinned = format!("oci:layout@{}", digest(&bench, "oci:layout:1"));
    let deleted = registry(&bench, &["delete", "oci:layout:1", "--yes"]);
    assert_eq!(deleted.ok().stdout, "oci:layout:1\n");
    assert!(pinned.ends_with(&digest(&bench, &pinned)), "what is pinned stays");
    registry(&bench, &["delete", &pinned, "--yes"]).refused(10, "confirmation_required");
    registry(&bench, &["delete", &pinned, "--yes", "--with-tags"]).ok();
    bench.run(&["copy", &pinned, "oci:nowhere-yet"]).refused(1, "reference_not_found");
    registry(&bench, &["delete", "oci:nowhere:1", "--yes"]).refused(1, "io_not_found");
    assert!(!bench.path("nowhere").exists());
}

#[test]
fn somebody_at_a_terminal_is_asked_and_a_tag_that_comes_meanwhile_is_not_taken() {
    let (bench, remote) = stocked(&["1"]);
    let place = remote.reference("team/demo");
    let pinned = format!("{place}@{}", digest(&bench, &format!("{place}:1")));
    let words = format!("'{}' registry delete {pinned} --with-tags", env!("CARGO_BIN_EXE_aisoc"));
    let asked = |answer: &str, meanwhile: &dyn Fn()| {
        let mut terminal = Terminal::run(&bench.path("."), 100, &words);
        terminal.until(|sent| sent.contains("[y/N]"));
        meanwhile();
        terminal.press(answer);
        terminal.end()
    };
    let (code, text) = asked("n\n", &|| {});
    assert!(code == 10 && text.contains("nothing was deleted") && text.contains("with 1 tag: 1"), "{code}: {text}");
    let push = || {
        bench.run(&["plugin", "push", "demo.tar", &format!("{place}:2")]).ok();
    };
    let (code, text) = asked("y\n", &push);
    assert!(code == 1 && text.contains("tag_exists"), "{code}: {text}");
    assert_eq!((deletions(&remote), tags(&bench, &place)), (0, vec!["2".to_owned(), "1".to_owned()]));
    let (code, text) = asked("y\n", &|| {});
    assert!(code == 0 && text.contains("Deleted"), "{code}: {text}");
    assert_eq!(tags(&bench, &place), Vec::<String>::new());
}
