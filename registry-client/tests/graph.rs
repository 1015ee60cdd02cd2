//! Copies of whole artifacts: what belongs to one arrives, in an order in which nobody finds half of it, and under the
//! same digests.

mod support;

use std::collections::BTreeSet;

use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::{Reason, Result};
use aisoc_manifests::oci::{
    Annotations, Descriptor, INDEX_MEDIA_TYPE, ImageIndex, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes,
};
use aisoc_manifests::reference::Tag;
use aisoc_registry_client::graph::{Counts, Destination, GraphCopy};
use aisoc_registry_client::{Fetch as _, Manifest, Push as _, Referrers as _, ReplaceTag, Tagging as _, Target};
use aisoc_testkit::registry::{Act, Registry, Rule};
use support::{Sample, options, push, reading, reference, sample, writing};

const SIGNATURE: &str = "application/vnd.example.signature";

fn tag(text: &str) -> Tag {
    text.parse().expect(text)
}

/// A manifest of the blobs of that sample which is about `subject`.
fn about(subject: &Manifest, sample: &Sample, note: &str) -> Manifest {
    let document = ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
        artifact_type: Some(SIGNATURE.to_owned()),
        config: sample.config.clone(),
        layers: vec![sample.layer.clone()],
        subject: Some(subject.descriptor()),
        annotations: Annotations::from([("note".to_owned(), note.to_owned())]),
    };
    Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document))
}

fn index_of(manifests: &[&Manifest]) -> Manifest {
    let listed = manifests.iter().map(|manifest| manifest.descriptor()).collect();
    Manifest::new(INDEX_MEDIA_TYPE, to_bytes(&ImageIndex::new(listed)))
}

/// An index of two artifacts, a signature of the index and one of the first artifact, and a signature of that signature.
struct Family {
    index: Manifest,
    children: [Manifest; 2],
    of_index: Manifest,
    of_child: Manifest,
    of_signature: Manifest,
}

/// The family in that place, whose index has the tag `1`.
async fn family(place: &Target) -> Family {
    let [first, second] = [sample(0), sample(1)];
    for sample in [&first, &second] {
        for (descriptor, source) in &sample.blobs {
            place.push_blob(descriptor, source).await.expect("a blob");
        }
        place.push_manifest(&sample.manifest).await.expect("an artifact");
    }
    let index = index_of(&[&first.manifest, &second.manifest]);
    place.tag(&tag("1"), &index, ReplaceTag::No).await.expect("an index");
    let of_index = about(&index, &first, "of the index");
    let of_child = about(&first.manifest, &first, "of the first");
    let of_signature = about(&of_index, &second, "of the signature");
    for manifest in [&of_index, &of_child, &of_signature] {
        place.push_manifest(manifest).await.expect("a referrer");
    }
    Family { index, children: [first.manifest, second.manifest], of_index, of_child, of_signature }
}

async fn copy(source: &Target, destination: &Target, root: ArtifactDigest, is_recursive: bool) -> Result<Counts> {
    let mut copying = GraphCopy::new(source, Destination::Write(destination), is_recursive, &|_| {});
    copying.bring(root, Some(&tag("1")), ReplaceTag::No).await?;
    copying.finish().await
}

async fn referrers(place: &Target, subject: &Manifest) -> BTreeSet<Digest> {
    let found = place.referrers(subject.digest()).await.expect("referrers");
    found.iter().map(|descriptor| descriptor.digest).collect()
}

fn of(manifests: &[&Manifest]) -> BTreeSet<Digest> {
    manifests.iter().map(|manifest| manifest.digest().blob()).collect()
}

/// Whether all of the family is there, and each says what it is.
async fn check(place: &Target, family: &Family) {
    let found = place.tag_digest(&tag("1"), family.index.digest().algorithm()).await.expect("a tag");
    assert_eq!(found, Some(family.index.digest()));
    for manifest in family.children.iter().chain([&family.index, &family.of_index, &family.of_child]) {
        let found = place.fetch_manifest(Some(manifest.digest())).await.expect("a manifest");
        assert_eq!(&found, manifest, "{place:?}");
        let document = serde_json::from_slice::<ImageManifest>(manifest.bytes());
        for blob in document.iter().flat_map(|document| document.layers.iter().chain([&document.config])) {
            place.fetch_blob_bytes(blob, 1 << 20).await.expect("a blob");
        }
    }
    assert_eq!(referrers(place, &family.index).await, of(&[&family.of_index]));
    assert_eq!(referrers(place, &family.children[0]).await, of(&[&family.of_child]));
    assert_eq!(referrers(place, &family.children[1]).await, of(&[]));
    assert_eq!(referrers(place, &family.of_index).await, of(&[&family.of_signature]));
}

#[tokio::test]
async fn a_family_arrives_whole_wherever_it_goes() {
    let root = tempfile::tempdir().expect("a directory");
    let registries = [Registry::start(), Registry::start()];
    let layout = format!("oci:{}", root.path().join("layout").display());
    let archive = format!("oci-archive:{}", root.path().join("archive.tar").display());
    let places =
        [registries[0].reference("a/b"), layout, archive, registries[1].reference("c"), registries[1].reference("d")];
    let create = |place: &String| Target::create(&reference(place), &options()).expect("a destination");
    let open = |place: &String| Target::open(&reference(place), &options()).expect("a source");
    let family = family(&create(&places[0])).await;
    for pair in places.windows(2) {
        let counts = copy(&open(&pair[0]), &create(&pair[1]), family.index.digest(), true).await.expect("copied");
        assert_eq!(counts, Counts { manifests: 6, referrers: 3 }, "{pair:?}");
        check(&open(&pair[1]), &family).await;
        assert_eq!(open(&pair[1]).tags().await.expect("tags"), [tag("1")], "{pair:?}");
    }
}

#[tokio::test]
async fn without_recursion_no_referrer_comes() {
    let (from, to) = (Registry::start(), Registry::start());
    let family = family(&writing(&from, "a")).await;
    let counts = copy(&reading(&from, "a"), &writing(&to, "b"), family.index.digest(), false).await.expect("copied");
    assert_eq!(counts, Counts { manifests: 3, referrers: 0 });
    assert_eq!(referrers(&reading(&to, "b"), &family.index).await, of(&[]));
    assert!(from.requests().iter().all(|seen| !seen.path.contains("/referrers/")));
}

#[tokio::test]
async fn a_signature_that_an_index_lists_is_found_by_what_it_signs_too() {
    let root = tempfile::tempdir().expect("a directory");
    let from = Registry::start();
    let place = writing(&from, "a");
    let signed = sample(0);
    push(&place, &signed).await.expect("pushed");
    let signature = about(&signed.manifest, &signed, "listed");
    place.push_manifest(&signature).await.expect("a referrer");
    let index = index_of(&[&signed.manifest, &signature]);
    place.tag(&tag("all"), &index, ReplaceTag::No).await.expect("an index");
    let layout = reference(&format!("oci:{}", root.path().join("layout").display()));
    let made = Target::create(&layout, &options()).expect("made");
    copy(&reading(&from, "a"), &made, index.digest(), false).await.expect("copied");
    let layout = Target::open(&layout, &options()).expect("opened");
    assert_eq!(referrers(&layout, &signed.manifest).await, of(&[&signature]));
}

#[tokio::test]
async fn what_says_that_it_is_about_something_and_is_of_no_known_kind_ends_a_copy() {
    let root = tempfile::tempdir().expect("a directory");
    let path = root.path().join("layout");
    let layout = reference(&format!("oci:{}", path.display()));
    let signed = sample(0);
    let place = Target::create(&layout, &options()).expect("made");
    push(&place, &signed).await.expect("pushed");
    let subject = String::from_utf8(to_bytes(&signed.manifest.descriptor())).expect("text");
    let kind = "application/vnd.oci.artifact.manifest.v1+json";
    let text = format!(r#"{{"mediaType":"{kind}","blobs":[],"subject":{subject}}}"#);
    place.push_manifest(&Manifest::new(kind, text.into_bytes())).await.expect("stored");
    let to = Registry::start();
    let from = Target::open(&layout, &options()).expect("opened");
    let refused = copy(&from, &writing(&to, "b"), signed.manifest.digest(), true).await.expect_err("a refusal");
    assert_eq!(refused.reason(), Reason::NotAPluginArtifact);
    assert_eq!(reading(&to, "b").tags().await.err().map(|fault| fault.reason()), None);
    assert!(reading(&to, "b").tags().await.expect("tags").is_empty(), "no tag names what came without it");
}

#[tokio::test]
async fn nothing_is_found_before_what_belongs_to_it() {
    let (from, to) = (Registry::start(), Registry::start());
    let family = family(&writing(&from, "a")).await;
    copy(&reading(&from, "a"), &writing(&to, "b"), family.index.digest(), true).await.expect("copied");
    let stored: Vec<String> =
        to.requests().iter().filter(|seen| seen.method == "PUT").map(|seen| seen.path.clone()).collect();
    let at = |manifest: &Manifest| {
        let path = format!("/v2/b/manifests/{}", manifest.digest());
        stored.iter().position(|stored| *stored == path).unwrap_or_else(|| panic!("{path} in {stored:?}"))
    };
    let last_blob = stored.iter().rposition(|path| path.contains("/blobs/")).expect("blobs");
    assert!(last_blob < at(&family.index), "{stored:?}");
    for child in &family.children {
        assert!(at(child) < at(&family.index), "{stored:?}");
    }
    for (subject, referrer) in [
        (&family.index, &family.of_index),
        (&family.children[0], &family.of_child),
        (&family.of_index, &family.of_signature),
    ] {
        assert!(at(subject) < at(referrer), "{stored:?}");
    }
    assert_eq!(stored.last().map(String::as_str), Some("/v2/b/manifests/1"));
}

/// A registry that knows nothing of referrers.
fn of_another_time() -> Vec<Rule> {
    vec![
        Rule::on("/referrers/", Act::Status(404)),
        Rule::on("/manifests/", Act::Header("oci-subject", String::new())).method("PUT"),
    ]
}

#[tokio::test]
async fn where_there_is_no_list_of_referrers_the_tag_that_stands_for_it_is_written_and_read() {
    let (from, to) = (Registry::start(), Registry::with_rules(of_another_time()));
    let family = family(&writing(&from, "a")).await;
    for run in 0..2 {
        copy(&reading(&from, "a"), &writing(&to, "b"), family.index.digest(), true).await.expect("copied");
        check(&reading(&to, "b"), &family).await;
        let listing = family.index.digest().to_string().replace(':', "-");
        let listed = reading(&to, &format!("b:{listing}")).fetch_manifest(None).await.expect("a listing");
        let index: ImageIndex = serde_json::from_slice(listed.bytes()).expect("an index");
        let [entry] = index.manifests.as_slice() else { panic!("run {run}: {index:?}") };
        assert_eq!(entry.digest, family.of_index.digest().blob());
        assert_eq!(entry.artifact_type.as_deref(), Some(SIGNATURE));
        assert_eq!(entry.annotations["note"], "of the index");
    }
    // And from there to where there is one.
    let back = Registry::start();
    copy(&reading(&to, "b"), &writing(&back, "c"), family.index.digest(), true).await.expect("copied");
    check(&reading(&back, "c"), &family).await;
}

#[tokio::test]
async fn who_has_read_an_old_listing_writes_nothing_over_the_new_one() {
    let to = Registry::with_rules(of_another_time());
    let place = writing(&to, "b");
    let subject = sample(0);
    push(&place, &subject).await.expect("pushed");
    let [first, second] = ["first", "second"].map(|note| about(&subject.manifest, &subject, note));
    place.push_manifest(&first).await.expect("a referrer");
    // What was true until a moment ago.
    let old = Rule::on("/manifests/sha256-", Act::Status(404)).method("GET").times(1);
    to.set_rules([old].into_iter().chain(of_another_time()).collect());
    place.push_manifest(&second).await.expect("a referrer");
    assert_eq!(referrers(&place, &subject.manifest).await, of(&[&first, &second]));
}

#[tokio::test]
async fn what_is_not_what_it_is_listed_as_is_refused() {
    let other = sample(1);
    let lie = |descriptor: Descriptor| to_bytes(&ImageIndex::new(vec![descriptor]));
    let lies = [
        ("another subject", lie(other.manifest.descriptor()), Reason::RegistryProtocol),
        ("another size", lie(Descriptor { size: 7, ..other.manifest.descriptor() }), Reason::PullFailed),
        ("nothing there", lie(Descriptor::of(MANIFEST_MEDIA_TYPE, b"{}")), Reason::ReferenceNotFound),
        ("no list", b"[]".to_vec(), Reason::RegistryProtocol),
    ];
    for (name, body, reason) in lies {
        let (from, to) = (Registry::start(), Registry::start());
        let family = family(&writing(&from, "a")).await;
        let kind = vec![("content-type", INDEX_MEDIA_TYPE.to_owned())];
        from.set_rules(vec![Rule::on("/referrers/", Act::Answer(200, kind, body))]);
        let refused = copy(&reading(&from, "a"), &writing(&to, "b"), family.index.digest(), true).await;
        assert_eq!(refused.expect_err(name).reason(), reason, "{name}");
        // What came before stays, and no tag names it.
        let asked = reading(&to, "b").tag_digest(&tag("1"), family.index.digest().algorithm()).await;
        assert_eq!(asked.expect("an answer"), None, "{name}");
    }
}

#[tokio::test]
async fn a_document_of_another_kind_is_not_copied() {
    let (from, to) = (Registry::start(), Registry::start());
    let whole = sample(0);
    push(&writing(&from, "a"), &whole).await.expect("pushed");
    let both = br#"{"schemaVersion":2,"manifests":[],"config":{},"layers":[]}"#.to_vec();
    let old = br#"{"schemaVersion":1,"fsLayers":[]}"#.to_vec();
    for (kind, body) in [(INDEX_MEDIA_TYPE, both), (MANIFEST_MEDIA_TYPE, old)] {
        let headers = vec![("content-type", kind.to_owned())];
        from.set_rules(vec![Rule::on("/manifests/", Act::Answer(200, headers, body.clone()))]);
        let refused = copy(&reading(&from, "a"), &writing(&to, "b"), ArtifactDigest::of(&body), false).await;
        assert_eq!(refused.expect_err("a refusal").reason(), Reason::NotAPluginArtifact);
        assert!(to.requests().is_empty());
    }
}
