//! Two algorithms beside each other, in every kind of place: what is kept under a digest is found under it, and is proved
//! by its own algorithm.

mod support;

use std::fs;
use std::os::unix::fs::symlink;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest};
use aisoc_manifests::fault::Reason;
use aisoc_registry_client::layout::{Directory, blob_directory};
use aisoc_registry_client::{
    ClientOptions, Fetch as _, Manifest, ReplaceTag, Resolve as _, Tagging as _, Target, copy,
};
use aisoc_testkit::registry::Registry;
use support::{Sample, artifact_by, push, reference, writing};

const BOTH: [Algorithm; 2] = Algorithm::ALL;

fn sample(algorithm: Algorithm) -> Sample {
    artifact_by(algorithm, b"{}", &b"a layer of some length ".repeat(20_000))
}

fn open(text: &str) -> Target {
    Target::open(&reference(text), &ClientOptions::default()).expect(text)
}

fn create(text: &str) -> Target {
    Target::create(&reference(text), &ClientOptions::default()).expect(text)
}

async fn check(target: &Target, sample: &Sample) {
    let found = target.fetch_manifest(Some(sample.manifest.digest())).await.expect("by its digest");
    assert_eq!(found, sample.manifest);
    let layer = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("proved by its own algorithm");
    assert_eq!(layer, sample.layer_bytes);
    // The same bytes, which nobody has stored under that name.
    for algorithm in BOTH.into_iter().filter(|algorithm| *algorithm != sample.manifest.digest().algorithm()) {
        let foreign = ArtifactDigest::of_by(algorithm, sample.manifest.bytes());
        let fault = target.fetch_manifest(Some(foreign)).await.expect_err("another name");
        assert_eq!(fault.reason(), Reason::ReferenceNotFound, "{fault:?}");
    }
}

#[tokio::test]
async fn an_artifact_of_either_algorithm_goes_from_any_place_to_any_other() {
    let root = tempfile::tempdir().expect("directory");
    let registry = Registry::start();
    for algorithm in BOTH {
        let sample = sample(algorithm);
        let place =
            |kind: &str, name: &str| format!("{kind}:{}", root.path().join(format!("{name}-{algorithm}")).display());
        let first = place("oci", "first");
        push(&create(&first), &sample).await.expect("pushed");
        let mut before = open(&first);
        let (archive, last) = (place("oci-archive", "archive.tar"), place("oci", "last"));
        for next in [archive.as_str(), &last] {
            let to = create(next);
            let tag = "1".parse().expect("a tag");
            copy::copy(&before, &to, sample.manifest.digest(), Some(&tag), ReplaceTag::No, &|_| {}).await.expect(next);
            before = open(next);
            check(&before, &sample).await;
            assert_eq!(before.resolve().await.expect("named").artifact_digest(), sample.manifest.digest());
        }
        // Once more into the archive, which is taken over whole.
        let again = create(&archive);
        again.tag(&"2".parse().expect("a tag"), &sample.manifest, ReplaceTag::No).await.expect("tagged");
        again.finish().await.expect("written");
        check(&open(&archive), &sample).await;

        let remote = writing(&registry, &format!("{algorithm}/plugin:1"));
        let digest = sample.manifest.digest();
        copy::copy(&before, &remote, digest, None, ReplaceTag::No, &|_| {}).await.expect("sent");
        check(&remote, &sample).await;
        // A tag alone says no algorithm, so a registry keeps what it names by the usual one, too.
        let tag = "1".parse().expect("a tag");
        copy::copy(&before, &remote, digest, Some(&tag), ReplaceTag::No, &|_| {}).await.expect("tagged");
        for by in BOTH {
            let named = remote.tag_digest(&tag, by).await.expect("asked");
            assert_eq!(named, Some(ArtifactDigest::of_by(by, sample.manifest.bytes())), "as it is compared");
            let named = before.tag_digest(&tag, by).await.expect("asked");
            assert_eq!(named, Some(ArtifactDigest::of_by(by, sample.manifest.bytes())), "in a layout too");
        }
        // The same again is no other artifact, by whichever algorithm the registry names the tag.
        copy::copy(&before, &remote, digest, Some(&tag), ReplaceTag::No, &|_| {}).await.expect("there");
    }
}

#[test]
fn what_arrives_is_proved_by_the_algorithm_that_it_is_named_by_however_it_began() {
    let root = tempfile::tempdir().expect("directory");
    let layout = Directory::create(&root.path().join("layout")).expect("made");
    for begun in BOTH {
        for named in BOTH {
            let bytes = format!("begun as {begun}, named by {named} ").repeat(20_000).into_bytes();
            let digest = Digest::of_by(named, &bytes);
            let arrived = layout.ingest_by(begun).expect("begun").write(&bytes).expect("written");
            layout.keep(arrived, digest).expect("the same");
            assert!(layout.blob(digest).expect("looked").expect("there").is(digest, bytes.len() as u64));
            let arrived = layout.ingest_by(begun).expect("begun").write(b"another").expect("written");
            let other = Digest::of_by(named, b"what was meant");
            let fault = layout.keep(arrived, other).expect_err("another");
            assert_eq!(fault.reason(), Reason::PullFailed);
            assert!(layout.blob(other).expect("looked").is_none());
        }
    }
}

#[test]
fn the_directory_of_the_other_algorithm_is_made_when_it_is_needed_and_never_followed() {
    let root = tempfile::tempdir().expect("directory");
    let path = root.path().join("layout");
    let layout = Directory::create(&path).expect("made");
    let place = path.join(blob_directory(Algorithm::Sha512));
    assert!(!place.exists());
    let put = |bytes: &[u8]| {
        let arrived = layout.ingest().expect("begun").write(bytes).expect("written");
        layout.keep(arrived, Digest::of_by(Algorithm::Sha512, bytes))
    };
    put(b"first").expect("made");
    assert_eq!(place.read_dir().expect("listed").count(), 1);

    let elsewhere = root.path().join("elsewhere");
    fs::rename(&place, &elsewhere).expect("moved");
    symlink(&elsewhere, &place).expect("linked");
    assert_eq!(put(b"second").expect_err("a link").reason(), Reason::LayoutInvalid);
    assert_eq!(Directory::open(&path).expect_err("a link").reason(), Reason::LayoutInvalid);
    assert_eq!(elsewhere.read_dir().expect("listed").count(), 1);
}

#[test]
fn one_manifest_under_two_digests_is_two_entries() {
    let root = tempfile::tempdir().expect("directory");
    let layout = Directory::create(&root.path().join("layout")).expect("made");
    let bytes = sample(Algorithm::Sha256).manifest.bytes().to_vec();
    for algorithm in BOTH {
        let manifest = Manifest::named_by(algorithm, "application/vnd.oci.image.manifest.v1+json", bytes.clone());
        assert_eq!(manifest.descriptor().digest.algorithm(), algorithm);
        layout.put_manifest(&manifest, &[], ReplaceTag::No).expect("stored");
    }
    let named: Vec<_> = layout.index().expect("read").manifests.iter().map(|entry| entry.digest.algorithm()).collect();
    assert_eq!(named, BOTH);
}
