//! Deletions: what was named and no more, of registries that do it, refuse it, or only say so.

mod support;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::reference::Tag;
use aisoc_registry_client::options::{Credentials, Login as Given, Secret};
use aisoc_registry_client::{ClientOptions, Delete as _, Fetch as _, ManifestName, ReplaceTag, Tagging as _, Target};
use aisoc_testkit::registry::{Act, Login, Registry, Rule, TokenService};
use support::{Sample, options, push, reading, reference, sample, stocked, writing};

const DELETE: &str = "DELETE";

fn tag(text: &str) -> Tag {
    text.parse().expect(text)
}

fn named(text: &str) -> ManifestName {
    ManifestName::Tag(tag(text))
}

fn deleting(registry: &Registry, rest: &str) -> Target {
    deleting_with(registry, rest, &options())
}

fn deleting_with(registry: &Registry, rest: &str, options: &ClientOptions) -> Target {
    Target::open_to_delete(&reference(&registry.reference(rest)), options).expect("a target")
}

/// A registry whose `plugin` has `sample(0)` as `1`, `2` and `latest`, and `sample(1)` as `other`.
async fn tagged() -> (Registry, Sample, Sample) {
    let (registry, first) = stocked().await;
    let (target, second) = (writing(&registry, "plugin:1"), sample(1));
    for name in ["2", "latest"] {
        target.tag(&tag(name), &first.manifest, ReplaceTag::No).await.expect("tagged");
    }
    let other = writing(&registry, "plugin:other");
    push(&writing(&registry, "aside:1"), &second).await.expect("pushed");
    let aside = reading(&registry, "aside:1");
    aisoc_registry_client::copy::copy(
        &aside,
        &other,
        second.manifest.digest(),
        Some(&tag("other")),
        ReplaceTag::No,
        &|_| {},
    )
    .await
    .expect("copied");
    registry.forget();
    (registry, first, second)
}

async fn tags(registry: &Registry) -> Vec<String> {
    let tags = reading(registry, "plugin").tags().await.expect("listed");
    tags.iter().map(ToString::to_string).collect()
}

async fn has(registry: &Registry, digest: ArtifactDigest) -> bool {
    match reading(registry, "plugin").fetch_manifest(Some(digest)).await {
        Ok(_) => true,
        Err(fault) if fault.reason() == Reason::ReferenceNotFound => false,
        Err(fault) => panic!("{fault:?}"),
    }
}

fn deletions(registry: &Registry) -> Vec<String> {
    let seen = registry.requests().into_iter().filter(|seen| seen.method == DELETE);
    seen.map(|seen| seen.path).collect()
}

fn reason(outcome: Result<(), Fault>) -> Result<(), Reason> {
    outcome.map_err(|fault| fault.reason())
}

#[tokio::test]
async fn a_tag_goes_alone_and_a_manifest_with_its_tags() {
    let (registry, first, second) = tagged().await;
    let (digest, target) = (first.manifest.digest(), deleting(&registry, "plugin"));
    assert_eq!(target.tags_of(digest).await.expect("asked"), [tag("1"), tag("2"), tag("latest")]);
    assert_eq!(target.tags_of(second.manifest.digest()).await.expect("asked"), [tag("other")]);
    assert_eq!(target.tags_of(ArtifactDigest::of(b"nothing")).await.expect("asked"), []);
    assert!(deletions(&registry).is_empty());

    target.delete(&named("2"), digest).await.expect("deleted");
    assert_eq!(tags(&registry).await, ["1", "latest", "other"]);
    assert!(has(&registry, digest).await, "what is pinned stays");
    target.delete(&ManifestName::Digest(digest), digest).await.expect("deleted");
    assert_eq!(tags(&registry).await, ["other"]);
    assert!(!has(&registry, digest).await && has(&registry, second.manifest.digest()).await);
    assert_eq!(deletions(&registry), ["/v2/plugin/manifests/2".to_owned(), format!("/v2/plugin/manifests/{digest}")]);
    for name in [named("2"), ManifestName::Digest(digest)] {
        assert_eq!(reason(target.delete(&name, digest).await), Err(Reason::ReferenceNotFound), "{name}");
    }
    assert_eq!(deletions(&registry).len(), 2, "what is not there is not deleted");
}

#[tokio::test]
async fn what_stands_there_meanwhile_is_not_deleted() {
    let (registry, first, second) = tagged().await;
    let target = deleting(&registry, "plugin");
    let outcome = target.delete(&named("other"), first.manifest.digest()).await;
    assert_eq!(reason(outcome), Err(Reason::TagExists));
    // Moved between two tries: the first one finds the registry busy.
    registry.set_rules(vec![Rule::on("/manifests/1", Act::Status(503)).method(DELETE).times(1)]);
    let moved = async {
        while deletions(&registry).is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        writing(&registry, "plugin:1").tag(&tag("1"), &second.manifest, ReplaceTag::Yes).await.expect("moved");
    };
    let slow = ClientOptions { backoff: std::time::Duration::from_secs(1), ..options() };
    let target = deleting_with(&registry, "plugin", &slow);
    let name = named("1");
    let (outcome, ()) = tokio::join!(target.delete(&name, first.manifest.digest()), moved);
    assert_eq!(reason(outcome), Err(Reason::TagExists));
    assert_eq!(deletions(&registry).len(), 1);
    assert_eq!(tags(&registry).await, ["1", "2", "latest", "other"]);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out_about() {
    let (registry, first, _) = tagged().await;
    let digest = first.manifest.digest();
    // It does it, and says that it could not.
    registry.set_rules(vec![Rule::on("/manifests/2", Act::Relabel(503)).method(DELETE).times(1)]);
    deleting(&registry, "plugin").delete(&named("2"), digest).await.expect("deleted");
    assert_eq!(
        (tags(&registry).await, deletions(&registry).len()),
        (vec!["1".into(), "latest".into(), "other".into()], 1)
    );
    // It says no for ever.
    registry.set_rules(vec![Rule::on("/manifests/1", Act::Status(503)).method(DELETE)]);
    registry.forget();
    let outcome = deleting(&registry, "plugin").delete(&named("1"), digest).await;
    assert_eq!((reason(outcome), deletions(&registry).len()), (Err(Reason::RegistryUnavailable), 5));
    // It says yes, and does nothing.
    for status in [200, 202, 204] {
        registry.set_rules(vec![Rule::on("/manifests/1", Act::Answer(status, vec![], vec![])).method(DELETE)]);
        let outcome = deleting(&registry, "plugin").delete(&named("1"), digest).await;
        assert_eq!(reason(outcome), Err(Reason::RegistryProtocol), "{status}");
    }
}

#[tokio::test]
async fn a_registry_that_deletes_no_tag_is_not_asked_for_more() {
    let (registry, first, _) = tagged().await;
    let digest = first.manifest.digest();
    for status in [400, 405, 415, 501] {
        registry.set_rules(vec![Rule::on("/manifests/", Act::Status(status)).method(DELETE)]);
        registry.forget();
        let fault = deleting(&registry, "plugin").delete(&named("1"), digest).await.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RegistryRefused, "{status}");
        let told = format!("aisoc registry delete {}/plugin@{digest} --with-tags", registry.host());
        let hint = fault.next_step();
        assert!(hint.contains(&told) && hint.contains("1, 2, latest") && !hint.contains("other"), "{hint}");
        assert_eq!(deletions(&registry), ["/v2/plugin/manifests/1"], "{status}");
        let by_digest = deleting(&registry, "plugin").delete(&ManifestName::Digest(digest), digest).await;
        let fault = by_digest.expect_err("refused");
        assert_eq!(fault.reason(), Reason::RegistryRefused, "{status}");
        assert!(fault.next_step().contains("storage.delete.enabled"), "{}", fault.next_step());
    }
    // A no to this one says nothing of deletions.
    registry.set_rules(vec![Rule::on("/manifests/", Act::Status(409)).method(DELETE)]);
    let fault = deleting(&registry, "plugin").delete(&named("1"), digest).await.expect_err("refused");
    assert!(fault.reason() == Reason::RegistryRefused && !fault.next_step().contains("--with-tags"), "{fault:?}");
    assert_eq!(tags(&registry).await, ["1", "2", "latest", "other"]);
}

#[tokio::test]
async fn nothing_is_deleted_where_a_registry_leads() {
    let (registry, first, _) = tagged().await;
    let digest = first.manifest.digest();
    for act in [
        Act::RedirectElsewhere,
        Act::RedirectElsewhereWith(301),
        Act::RedirectElsewhereWith(308),
        Act::RedirectHome,
        Act::RedirectTo("/v2/other/manifests/1".to_owned()),
    ] {
        registry.set_rules(vec![Rule::on("/manifests/", act.clone()).method(DELETE)]);
        registry.forget();
        let outcome = deleting(&registry, "plugin").delete(&named("1"), digest).await;
        assert_eq!(reason(outcome), Err(Reason::RedirectRefused), "{act:?}");
        assert_eq!(deletions(&registry).len(), 1);
        assert!(registry.requests_elsewhere().is_empty(), "{act:?}");
    }
}

#[tokio::test]
async fn a_damaged_manifest_can_be_deleted() {
    let (registry, first, _) = tagged().await;
    let digest = first.manifest.digest();
    registry.set_rules(vec![Rule::on(&format!("/manifests/{digest}"), Act::OtherBytes).method("GET").times(1)]);
    let target = deleting(&registry, "plugin");
    target.delete(&ManifestName::Digest(digest), digest).await.expect("deleted");
    assert_eq!(tags(&registry).await, ["other"]);
}

#[tokio::test]
async fn a_token_is_asked_for_that_deletes_in_this_repository_and_does_not_push() {
    let (registry, first, _) = tagged().await;
    let service = TokenService { user: Some(("me", "hunter2")), anonymous_pull: true, ..TokenService::default() };
    let registry = registry.login(Login::Bearer(service));
    let given = Given { registry: registry.host(), username: "me".to_owned(), password: Secret::new("hunter2") };
    let logged_in =
        ClientOptions { credentials: Credentials { login: Some(given), ..Credentials::default() }, ..options() };
    let target = deleting_with(&registry, "plugin", &logged_in);
    target.delete(&named("1"), first.manifest.digest()).await.expect("deleted");
    let tokens: Vec<_> = registry.requests().into_iter().filter(|seen| seen.path == "/token").collect();
    let [token] = &tokens[..] else { panic!("{tokens:?}") };
    assert!(token.query.contains("scope=repository%3Aplugin%3Apull%2Cdelete"), "{token:?}");
    registry.forget();
    let nobody = deleting(&registry, "plugin").delete(&named("2"), first.manifest.digest()).await;
    assert_eq!(reason(nobody), Err(Reason::RegistryDenied));
}

#[tokio::test]
async fn a_layout_loses_what_was_named_and_an_archive_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |kind: &str, rest: &str| reference(&format!("{kind}:{}/layout{rest}", directory.path().display()));
    let (first, second) = (sample(0), sample(1));
    let target = Target::create(&at("oci", ":1"), &options()).expect("a target");
    push(&target, &first).await.expect("pushed");
    target.tag(&tag("2"), &first.manifest, ReplaceTag::No).await.expect("tagged");
    push(&Target::create(&at("oci", ":1"), &options()).expect("a target"), &second).await.expect("pushed");
    let (digest, other) = (first.manifest.digest(), second.manifest.digest());

    let target = Target::open_to_delete(&at("oci", ""), &options()).expect("a target");
    assert_eq!(target.tags_of(digest).await.expect("asked"), [tag("2")]);
    assert_eq!(reason(target.delete(&named("1"), digest).await), Err(Reason::TagExists));
    assert_eq!(reason(target.delete(&named("3"), digest).await), Err(Reason::ReferenceNotFound));
    target.delete(&named("2"), digest).await.expect("deleted");
    let reads = |digest| {
        let target = Target::open(&at("oci", ""), &options()).expect("a target");
        async move { target.fetch_manifest(Some(digest)).await.map(|_| ()) }
    };
    assert_eq!(target.tags().await.expect("listed"), [tag("1")]);
    assert_eq!(reason(reads(digest).await), Ok(()), "what is pinned stays");
    target.delete(&ManifestName::Digest(digest), digest).await.expect("deleted");
    assert_eq!(reason(reads(digest).await), Err(Reason::ReferenceNotFound));
    assert_eq!(reason(reads(other).await), Ok(()));
    assert_eq!(reason(target.delete(&ManifestName::Digest(digest), digest).await), Err(Reason::ReferenceNotFound));
    let index = std::fs::read_to_string(directory.path().join("layout/index.json")).expect("an index");
    assert!(index.contains(&other.to_string()) && !index.contains(&digest.to_string()), "other tools see it: {index}");

    let archive = Target::open_to_delete(&at("oci-archive", ""), &options()).expect_err("an archive");
    assert_eq!(archive.reason(), Reason::Usage);
    let missing = reference(&format!("oci:{}/nowhere", directory.path().display()));
    assert_eq!(Target::open_to_delete(&missing, &options()).expect_err("missing").reason(), Reason::IoNotFound);
    assert!(!directory.path().join("nowhere").exists());
}
