//! Reading from a registry that misbehaves: each case gives one reason and nothing unverified.

mod support;

use std::time::Duration;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Class, Fault, Reason};
use aisoc_manifests::oci::{MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES};
use aisoc_registry_client::{Fetch as _, ReplaceTag, Resolve as _, Tagging as _, Target};
use aisoc_testkit::registry::{Act, Rule, lie};
use support::{lines, options, push, reading, reading_impatiently, reference, sample, shown, stocked, writing};

/// Fetches the manifest by tag, then both blobs, as an install does.
async fn pull(target: &Target) -> Result<(), Fault> {
    let manifest = target.fetch_manifest(None).await?;
    let document = aisoc_manifests::oci::ImageManifest::read(manifest.bytes())?;
    target.fetch_blob_bytes(&document.config, MAX_CONFIG_BYTES).await?;
    target.fetch_blob_bytes(&document.layers[0], 1 << 20).await.map(|_| ())
}

#[tokio::test]
async fn resolves_a_tag_with_one_head_request() {
    let (registry, sample) = stocked().await;
    let found = reading(&registry, "plugin:1").resolve().await.expect("resolved");
    assert_eq!(found, sample.manifest.descriptor());
    assert_eq!(lines(&registry, &sample), ["HEAD /v2/plugin/manifests/1"]);
}

#[tokio::test]
async fn resolves_a_digest_without_a_request() {
    let (registry, sample) = stocked().await;
    let target = reading(&registry, &format!("plugin:moved@{}", sample.manifest.digest()));
    assert_eq!(target.resolve().await.expect("resolved").artifact_digest(), sample.manifest.digest());
    assert_eq!(lines(&registry, &sample).len(), 0);
    target.fetch_manifest(None).await.expect("fetched");
    assert_eq!(lines(&registry, &sample), ["GET /v2/plugin/manifests/MANIFEST"]);
}

#[tokio::test]
async fn resolves_by_hashing_when_the_registry_does_not_say_the_digest() {
    let (registry, sample) = stocked().await;
    for rule in [
        Rule::on("/manifests/", Act::Header("docker-content-digest", String::new())),
        Rule::on("/manifests/", Act::Header("docker-content-digest", "sha256:../../x".into())),
        Rule::on("/manifests/", Act::Status(405)).method("HEAD"),
    ] {
        registry.set_rules(vec![rule.clone()]);
        let found = reading(&registry, "plugin:1").resolve().await.expect("resolved");
        assert_eq!(found.artifact_digest(), sample.manifest.digest(), "{rule:?}");
    }
}

#[tokio::test]
async fn a_pull_is_one_request_per_document() {
    let (registry, sample) = stocked().await;
    pull(&reading(&registry, "plugin:1")).await.expect("pulled");
    assert_eq!(
        lines(&registry, &sample),
        ["GET /v2/plugin/manifests/1", "GET /v2/plugin/blobs/CONFIG", "GET /v2/plugin/blobs/LAYER"]
    );
}

#[tokio::test]
async fn each_misbehaviour_has_one_reason() {
    let (registry, sample) = stocked().await;
    let layer = sample.layer.digest.to_string();
    let gzip = || Act::Header("content-encoding", "gzip".into());
    for (path, act, reason) in [
        ("/manifests/", Act::Status(401), Reason::RegistryDenied),
        ("/manifests/", Act::Status(403), Reason::RegistryDenied),
        ("/manifests/", Act::Status(404), Reason::ReferenceNotFound),
        ("/manifests/", Act::Status(500), Reason::RegistryUnavailable),
        ("/manifests/", Act::Status(503), Reason::RegistryUnavailable),
        ("/manifests/", Act::Status(429), Reason::RegistryUnavailable),
        ("/manifests/", Act::Status(418), Reason::RegistryRefused),
        ("/manifests/", Act::Status(501), Reason::RegistryRefused),
        ("/manifests/", Act::Html, Reason::RegistryProtocol),
        ("/manifests/", Act::Endless, Reason::RegistryProtocol),
        ("/manifests/", Act::CutAfter(10), Reason::RegistryUnavailable),
        ("/manifests/", Act::StallAfter(10), Reason::RegistryUnavailable),
        ("/manifests/", Act::Silence, Reason::RegistryUnavailable),
        ("/manifests/", gzip(), Reason::RegistryProtocol),
        (
            "/manifests/",
            Act::Header("content-type", "application/vnd.oci.image.index.v1+json".into()),
            Reason::RegistryProtocol,
        ),
        (&layer, Act::Status(403), Reason::RegistryDenied),
        (&layer, Act::Status(404), Reason::ReferenceNotFound),
        (&layer, Act::Status(502), Reason::RegistryUnavailable),
        (&layer, Act::Html, Reason::RegistryProtocol),
        (&layer, Act::OtherBytes, Reason::PullFailed),
        (&layer, Act::CutAfter(1000), Reason::RegistryUnavailable),
        (&layer, Act::Endless, Reason::DownloadDamaged),
        (&layer, Act::StallAfter(1000), Reason::RegistryUnavailable),
        (&layer, Act::Answer(200, vec![], b"short".to_vec()), Reason::DownloadDamaged),
        (&layer, Act::Answer(204, vec![], vec![]), Reason::RegistryProtocol),
        (&layer, Act::RedirectTo("http://169.254.169.254/latest".into()), Reason::RedirectRefused),
        (&layer, Act::RedirectTo("http://10.0.0.1/".into()), Reason::RedirectRefused),
        (&layer, Act::RedirectTo("file:///etc/passwd".into()), Reason::RedirectRefused),
        (&layer, Act::RedirectTo("http://".into()), Reason::RedirectRefused),
    ] {
        registry.set_rules(vec![Rule::on(path, act.clone())]);
        let silent = matches!(act, Act::Silence | Act::StallAfter(_));
        let target = if silent { reading_impatiently } else { reading }(&registry, "plugin:1");
        let fault = pull(&target).await.expect_err("misbehaves");
        assert_eq!(fault.reason(), reason, "{act:?}: {}", shown(&fault));
        assert!(!fault.message().contains(['\u{1b}', '\n']), "{act:?}: {fault}");
        assert!(!fault.next_step().is_empty());
    }
}

#[tokio::test]
async fn no_and_could_not_tell_have_different_classes() {
    for (reason, class) in [
        (Reason::PullFailed, Class::Refused),
        (Reason::DownloadDamaged, Class::Unavailable),
        (Reason::RegistryUnavailable, Class::Unavailable),
        (Reason::RegistryProtocol, Class::Unavailable),
        (Reason::RegistryDenied, Class::Failed),
        (Reason::RegistryRefused, Class::Failed),
        (Reason::RedirectRefused, Class::Failed),
        (Reason::ReferenceNotFound, Class::Failed),
    ] {
        assert_eq!(reason.class(), class);
    }
}

#[tokio::test]
async fn says_which_registry_was_asked_for_what() {
    let (registry, sample) = stocked().await;
    let host = registry.host();
    let said = async |rest: &str| pull(&reading(&registry, rest)).await.expect_err("refused").to_string();
    assert_eq!(
        said("plugin:2").await,
        format!("`{host}` has no tag `2` in `plugin` (404 to GET /v2/plugin/manifests/2)")
    );
    assert!(said("other:1").await.starts_with(&format!("`{host}` has no repository `other` (404 to ")));
    let missing = Digest::of(b"missing");
    assert!(said(&format!("plugin@{missing}")).await.contains(&format!("has no manifest {missing} in `plugin`")));
    assert!(said("plugin").await.contains("names neither a tag nor a digest"));

    registry.set_rules(vec![Rule::on(&sample.layer.digest.to_string(), Act::Status(403))]);
    let fault = pull(&reading(&registry, "plugin:1")).await.expect_err("refused");
    assert!(fault.message().contains("TOOBAD: as the script\\u{1b}[31m says"), "{fault}");
    assert!(fault.next_step().contains(&format!("aisoc registry login {host}")), "{}", fault.next_step());
}

#[tokio::test]
async fn a_manifest_has_its_own_type_whatever_a_file_server_calls_it() {
    let (registry, sample) = stocked().await;
    for said in [
        "",
        "application/json",
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON",
    ] {
        registry.set_rules(vec![Rule::on("/manifests/", Act::Header("content-type", said.to_owned()))]);
        let found = reading(&registry, "plugin:1").fetch_manifest(None).await.expect(said);
        assert_eq!(found, sample.manifest, "{said}");
    }
    let bare = br#"{"schemaVersion":2}"#.to_vec();
    registry.set_rules(vec![Rule::on("/manifests/", Act::Answer(200, vec![], bare))]);
    let found = reading(&registry, "plugin:1").fetch_manifest(None).await.expect("a manifest");
    assert_eq!(found.media_type(), aisoc_manifests::oci::MANIFEST_MEDIA_TYPE);
}

#[tokio::test]
async fn a_login_page_of_unknown_length_is_no_part_of_a_blob() {
    let (registry, sample) = stocked().await;
    // Without a length, as pages that are made on the way come.
    let headers = vec![("content-type", "text/html".to_owned()), ("content-length", String::new())];
    registry.set_rules(vec![Rule::on("/blobs/", Act::Answer(200, headers, b"<html>Please log in</html>".to_vec()))]);
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("a page");
    assert_eq!(fault.reason(), Reason::RegistryProtocol, "{}", shown(&fault));
}

#[tokio::test]
async fn a_manifest_without_a_type_is_not_given_one_that_it_is_not() {
    let index = "application/vnd.oci.image.index.v1+json";
    let manifest = aisoc_manifests::oci::MANIFEST_MEDIA_TYPE;
    for (document, said, taken) in [
        (r#"{"schemaVersion":2,"config":{},"layers":[]}"#, index, false),
        (r#"{"schemaVersion":2,"config":{},"layers":[]}"#, manifest, true),
        (r#"{"schemaVersion":2,"manifests":[]}"#, index, true),
        (r#"{"schemaVersion":2,"manifests":[]}"#, manifest, false),
    ] {
        let (registry, _) = stocked().await;
        let headers = vec![("content-type", said.to_owned())];
        registry.set_rules(vec![Rule::on("/manifests/", Act::Answer(200, headers, document.as_bytes().to_vec()))]);
        let found = reading(&registry, "plugin:1").fetch_manifest(None).await;
        assert_eq!(found.is_ok(), taken, "{document} as {said}: {found:?}");
    }
}

#[tokio::test]
async fn a_digest_is_compared_with_the_bytes_and_not_with_the_header() {
    let (registry, sample) = stocked().await;
    let pinned = reading(&registry, &format!("plugin@{}", sample.manifest.digest()));
    registry.set_rules(vec![Rule::on("/manifests/", Act::Header("docker-content-digest", lie()))]);
    assert_eq!(pinned.fetch_manifest(None).await.expect("same bytes").digest(), sample.manifest.digest());

    registry.set_rules(vec![Rule::on("/manifests/", Act::OtherBytes)]);
    let fault = pinned.fetch_manifest(None).await.expect_err("other bytes");
    assert_eq!(fault.reason(), Reason::PullFailed);
    assert_eq!(fault.difference().expect("both").expected, sample.manifest.digest().to_string());

    // What a tag resolves to is a claim; the fetch by that digest is what notices.
    registry.set_rules(vec![Rule::on("/manifests/1", Act::Header("docker-content-digest", lie()))]);
    let claimed = reading(&registry, "plugin:1").resolve().await.expect("claimed").artifact_digest();
    assert_eq!(claimed.to_string(), lie());
    let fault = reading(&registry, "plugin:1").fetch_manifest(Some(claimed)).await.expect_err("nothing there");
    assert_eq!(fault.reason(), Reason::ReferenceNotFound);
}

#[tokio::test]
async fn tries_again_when_that_may_help_and_not_more_than_five_times() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![
        Rule::on("/manifests/", Act::Status(503)).times(2),
        Rule::on("/blobs/", Act::Status(429)).times(4),
    ]);
    pull(&reading(&registry, "plugin:1")).await.expect("pulled in the end");

    registry.forget();
    registry.set_rules(vec![Rule::on("/manifests/", Act::Status(503))]);
    pull(&reading(&registry, "plugin:1")).await.expect_err("never well");
    assert_eq!(lines(&registry, &sample).len(), 5);

    registry.forget();
    registry.set_rules(vec![Rule::on("/manifests/", Act::Status(403))]);
    pull(&reading(&registry, "plugin:1")).await.expect_err("refused");
    assert_eq!(lines(&registry, &sample).len(), 1, "a refusal is not tried again");
}

#[tokio::test]
async fn waits_as_long_as_the_registry_asks_but_not_for_ever() {
    let (registry, sample) = stocked().await;
    let later = |seconds: &str| Act::Answer(429, vec![("retry-after", seconds.to_owned())], vec![]);
    registry.set_rules(vec![Rule::on("/manifests/", later("1")).times(1)]);
    let started = std::time::Instant::now();
    pull(&reading(&registry, "plugin:1")).await.expect("pulled");
    assert!(started.elapsed() >= Duration::from_secs(1));

    registry.forget();
    registry.set_rules(vec![Rule::on("/manifests/", later("1000000000"))]);
    let started = std::time::Instant::now();
    let fault = pull(&reading(&registry, "plugin:1")).await.expect_err("not today");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(lines(&registry, &sample).len(), 1);
}

#[tokio::test]
async fn resumes_where_the_connection_broke() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/blobs/", Act::CutAfter(100_000)).times(2)]);
    let target = reading(&registry, "plugin:1");
    let bytes = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("whole");
    assert_eq!(bytes, sample.layer_bytes);
    let ranges: Vec<_> = registry.requests().into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges.len(), 3);
    assert_eq!(ranges[0], None);
    assert!(ranges[1].as_ref().is_some_and(|range| range == "bytes=100000-"), "{ranges:?}");
    assert!(ranges[2].as_ref().is_some_and(|range| range == "bytes=200000-"), "{ranges:?}");
}

#[tokio::test]
async fn begins_again_when_the_registry_cannot_resume() {
    let (registry, sample) = stocked().await;
    registry
        .set_rules(vec![Rule::on("/blobs/", Act::CutAfter(100_000)).times(1), Rule::on("/blobs/", Act::IgnoreRange)]);
    let bytes = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("whole");
    assert_eq!(bytes, sample.layer_bytes);
}

/// A range that was refused, or that is not the one that was asked for.
fn odd_ranges() -> Vec<Act> {
    let partial = |range: &str| {
        let headers = match range {
            "" => vec![],
            range => vec![("content-range", range.to_owned())],
        };
        Act::Answer(206, headers, b"of another blob".to_vec())
    };
    vec![
        Act::Answer(416, vec![("content-range", "bytes */300000".to_owned())], vec![]),
        Act::Status(400),
        Act::Status(403),
        Act::Status(501),
        Act::WrongRange,
        partial(""),
        partial("bytes=100000-299999/300000"),
        partial("bytes 99999-299999/300000"),
        partial("bytes 100000-299998/300000"),
        partial("bytes 100000-299999/300001"),
        partial("bytes 100000-299999"),
        partial("items 100000-299999/300000"),
    ]
}

#[tokio::test]
async fn begins_again_when_the_rest_is_refused_or_is_another_rest() {
    for odd in odd_ranges() {
        let (registry, sample) = stocked().await;
        registry.set_rules(vec![
            Rule::on("/blobs/", Act::CutAfter(100_000)).times(1),
            Rule::on("/blobs/", odd.clone()).times(1),
        ]);
        let bytes = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await;
        assert_eq!(bytes.map_err(|fault| shown(&fault)), Ok(sample.layer_bytes.clone().into()), "{odd:?}");
        let ranges: Vec<_> = registry.requests().into_iter().map(|seen| seen.range).collect();
        assert_eq!(ranges, [None, Some("bytes=100000-".to_owned()), None], "{odd:?}");
    }
}

#[tokio::test]
async fn never_joins_two_ranges_that_do_not_meet() {
    let (registry, sample) = stocked().await;
    let odd = Act::Answer(206, vec![("content-range", "bytes 1-2/3".to_owned())], b"xy".to_vec());
    registry.set_rules(vec![Rule::on("/blobs/", Act::CutAfter(100_000)).times(1), Rule::on("/blobs/", odd)]);
    let target = reading(&registry, "plugin:1");
    let fault = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("another part");
    assert_eq!(fault.reason().class(), Class::Unavailable, "{}", shown(&fault));
}

#[tokio::test]
async fn what_is_cut_again_after_a_refused_range_ends_with_the_tries() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![
        Rule::on("/blobs/", Act::CutAfter(100_000)).times(1),
        Rule::on("/blobs/", Act::Status(416)).times(1),
        Rule::on("/blobs/", Act::CutAfter(100_000)),
    ]);
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("cut");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
    assert_eq!(registry.requests().len(), 6, "five tries, and one more for the range");
}

#[tokio::test]
async fn a_blob_is_judged_by_its_digest_and_not_by_the_labels_of_its_store() {
    let (registry, sample) = stocked().await;
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-type", ""),
        ("content-type", "application/xml"),
        ("content-encoding", "aws-chunked"),
        ("content-encoding", "aws-chunked, identity"),
        ("content-encoding", "gzip"),
        ("docker-content-digest", "sha256:x"),
    ] {
        registry.set_rules(vec![Rule::on("/blobs/", Act::Header(name, value.to_owned()))]);
        let bytes = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await;
        assert_eq!(bytes.map_err(|fault| shown(&fault)), Ok(sample.layer_bytes.clone().into()), "{name}: {value}");
    }
    // A body that was coded on its way is another one, and of unknown length.
    let coded = Act::Answer(200, vec![("content-encoding", "gzip".to_owned())], b"coded".to_vec());
    registry.set_rules(vec![Rule::on("/blobs/", coded)]);
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("coded");
    assert_eq!(fault.reason(), Reason::RegistryProtocol, "{}", shown(&fault));
}

#[tokio::test]
async fn refuses_a_registry_that_sends_a_byte_now_and_then() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/blobs/", Act::Drip(Duration::from_millis(20)))]);
    let target = reading_impatiently(&registry, "plugin:1");
    let fault = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("crawls");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
    registry.set_rules(vec![Rule::on("/manifests/", Act::Drip(Duration::from_millis(20)))]);
    let fault = target.fetch_manifest(None).await.expect_err("crawls");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
}

#[tokio::test]
async fn follows_a_redirect_of_a_blob_and_resumes_behind_it() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectElsewhere)]);
    let bytes = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("whole");
    assert_eq!(bytes, sample.layer_bytes);
    assert_eq!(registry.requests_elsewhere().len(), 1);
}

#[tokio::test]
async fn refuses_redirects_in_circles() {
    let (registry, sample) = stocked().await;
    let own = format!("http://{}/v2/plugin/blobs/{}", registry.host(), sample.layer.digest);
    registry.set_rules(vec![Rule::on("/blobs/", Act::RedirectTo(own))]);
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("circles");
    assert_eq!(fault.reason(), Reason::RedirectRefused);
    assert_eq!(registry.requests().len(), 6);
}

#[tokio::test]
async fn refuses_a_blob_that_is_larger_than_it_may_be_before_asking_for_it() {
    let (registry, sample) = stocked().await;
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1000).await.expect_err("large");
    assert_eq!(fault.reason(), Reason::PullFailed);
    assert_eq!(registry.requests().len(), 0);
    let mut longer = sample.layer.clone();
    longer.size += 1;
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&longer, 1 << 20).await.expect_err("other size");
    assert_eq!(fault.reason(), Reason::DownloadDamaged);
    let mut shorter = sample.layer;
    shorter.size -= 1;
    let fault = reading(&registry, "plugin:1").fetch_blob_bytes(&shorter, 1 << 20).await.expect_err("other size");
    assert_eq!(fault.reason(), Reason::DownloadDamaged);
}

#[tokio::test]
async fn refuses_a_manifest_that_is_larger_than_any() {
    let (registry, _) = stocked().await;
    let large = vec![b' '; usize::try_from(MAX_MANIFEST_BYTES).expect("fits") + 1];
    registry.set_rules(vec![Rule::on("/manifests/", Act::Answer(200, vec![], large))]);
    let fault = reading(&registry, "plugin:1").fetch_manifest(None).await.expect_err("large");
    assert_eq!(fault.reason(), Reason::RegistryProtocol);
}

#[tokio::test]
async fn says_unavailable_when_nobody_listens_and_when_the_name_does_not_exist() {
    for place in ["127.0.0.1:1/plugin:1", "localhost:1/plugin:1", "does-not-exist.invalid/plugin:1"] {
        let target = Target::open(&reference(place), &options()).expect("a target");
        let fault = target.fetch_manifest(None).await.expect_err("nobody");
        assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
        assert!(fault.message().contains(place.split('/').next().expect("host")), "{fault}");
    }
}

#[tokio::test]
async fn lists_all_tags_across_pages() {
    let (registry, _) = stocked().await;
    let target = writing(&registry, "plugin:1");
    let more = sample(1);
    push(&target, &more).await.expect("pushed");
    for tag in ["b", "a", "c"] {
        target.tag(&tag.parse().expect("tag"), &more.manifest, ReplaceTag::Yes).await.expect("tagged");
    }
    let tags: Vec<String> = target.tags().await.expect("listed").iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["1", "a", "b", "c"]);

    let page = |link: &str, tags: &str| {
        let link = ("link", format!("<{link}>; rel=\"next\""));
        Act::Answer(200, vec![link], format!(r#"{{"name":"plugin","tags":{tags}}}"#).into_bytes())
    };
    let list = "/v2/plugin/tags/list?last=0";
    registry.set_rules(vec![Rule::on("/tags/list", page(list, r#"["z"]"#)).times(1)]);
    assert_eq!(target.tags().await.expect("two pages").len(), 5);
    registry.set_rules(vec![Rule::on("/tags/list", page(list, "null"))]);
    assert_eq!(target.tags().await.expect_err("endless").reason(), Reason::RegistryProtocol);
    registry.set_rules(vec![Rule::on("/tags/list", page("http://127.0.0.1:1/x", "[]"))]);
    assert_eq!(target.tags().await.expect_err("elsewhere").reason(), Reason::RedirectRefused);
}
