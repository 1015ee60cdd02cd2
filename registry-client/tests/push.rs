//! Writing to a registry: in what order, what is not sent, and what is refused.

mod support;

use std::io::Write as _;

use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::oci::{Descriptor, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::Tag;
use aisoc_registry_client::copy::{self, Step};
use aisoc_registry_client::{BlobSource, Fetch as _, Manifest, Push as _, Pushed, ReplaceTag, Tagging as _, Target};
use aisoc_testkit::registry::{Act, Registry, Rule, lie};
use support::{lines, options, push, reading, reference, sample, shown, stocked, writing};

fn tag(text: &str) -> Tag {
    text.parse().expect(text)
}

#[tokio::test]
async fn blobs_go_first_then_the_manifest_then_a_look_back_and_the_tag_last() {
    let (registry, sample) = (Registry::start(), sample(0));
    push(&writing(&registry, "team/plugin:1"), &sample).await.expect("pushed");
    assert_eq!(
        lines(&registry, &sample),
        [
            "HEAD /v2/team/plugin/blobs/CONFIG",
            "POST /v2/team/plugin/blobs/uploads/",
            "PUT /v2/team/plugin/blobs/uploads/ID",
            "HEAD /v2/team/plugin/blobs/LAYER",
            "POST /v2/team/plugin/blobs/uploads/",
            "PUT /v2/team/plugin/blobs/uploads/ID",
            "HEAD /v2/team/plugin/manifests/MANIFEST",
            "PUT /v2/team/plugin/manifests/MANIFEST",
            "GET /v2/team/plugin/manifests/MANIFEST",
            "GET /v2/team/plugin/manifests/1",
            "PUT /v2/team/plugin/manifests/1",
        ]
    );
}

#[tokio::test]
async fn the_second_push_uploads_nothing() {
    let (registry, sample) = stocked().await;
    push(&writing(&registry, "plugin:1"), &sample).await.expect("pushed");
    let seen = lines(&registry, &sample);
    assert!(seen.iter().all(|line| line.starts_with("HEAD ") || line.starts_with("GET ")), "{seen:?}");

    // A new tag for the same artifact is one small request.
    registry.forget();
    let target = writing(&registry, "plugin:2");
    assert_eq!(target.tag(&tag("2"), &sample.manifest, ReplaceTag::Yes).await.expect("tagged"), Pushed::Uploaded);
    assert_eq!(target.tag(&tag("2"), &sample.manifest, ReplaceTag::Yes).await.expect("tagged"), Pushed::Present);
}

#[tokio::test]
async fn tells_what_a_tag_names_by_hashing_it() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/manifests/", Act::Header("docker-content-digest", lie()))]);
    let target = writing(&registry, "plugin:1");
    assert_eq!(target.tag_digest(&tag("1"), Algorithm::Sha256).await.expect("asked"), Some(sample.manifest.digest()));
    assert_eq!(target.tag_digest(&tag("2"), Algorithm::Sha256).await.expect("asked"), None);
    let other = writing(&registry, "other:1");
    assert_eq!(other.tag_digest(&tag("1"), Algorithm::Sha256).await.expect("asked"), None);
}

#[tokio::test]
async fn copies_between_registries_and_reports_each_step() {
    let (source, sample) = stocked().await;
    let destination = Registry::start();
    let steps = std::sync::Mutex::new(Vec::new());
    let bytes = std::sync::Mutex::new(vec![(0, u64::MAX)]);
    let note = |step: Step<'_>| {
        let what = match step {
            Step::Sent { done, total } => return bytes.lock().expect("lock").push((done, total)),
            Step::Moving { .. } => return,
            Step::Blob(_, pushed) => format!("blob {pushed:?}"),
            Step::Manifest(_, pushed) => format!("manifest {pushed:?}"),
            Step::ReadBack(_) => "read back".to_owned(),
            Step::Tagged(tag, pushed) => format!("tag {tag} {pushed:?}"),
        };
        steps.lock().expect("lock").push(what);
    };
    let (from, to) = (reading(&source, "plugin:1"), writing(&destination, "mirror/plugin:9"));
    let root = copy::copy(&from, &to, sample.manifest.digest(), Some(&tag("9")), ReplaceTag::Yes, &note)
        .await
        .expect("copied");
    assert_eq!(root, sample.manifest.descriptor());
    assert_eq!(
        steps.into_inner().expect("lock"),
        ["blob Uploaded", "blob Uploaded", "manifest Uploaded", "read back", "tag 9 Uploaded"]
    );
    let bytes = bytes.into_inner().expect("lock");
    let whole = sample.config.size + sample.layer.size;
    assert_eq!(bytes.last(), Some(&(whole, whole)), "all that was sent, of all there was to send");
    assert!(bytes.is_sorted_by(|one, next| one.0 <= next.0 && one.1 >= next.1), "{bytes:?}");
    let copied = reading(&destination, "mirror/plugin:9");
    assert_eq!(copied.fetch_manifest(None).await.expect("there"), sample.manifest);
    assert_eq!(copied.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("there"), sample.layer_bytes);
}

#[tokio::test]
async fn mounts_blobs_within_one_registry_instead_of_sending_them() {
    let (registry, sample) = stocked().await;
    let (from, to) = (reading(&registry, "plugin:1"), writing(&registry, "other:1"));
    copy::copy(&from, &to, sample.manifest.digest(), Some(&tag("1")), ReplaceTag::Yes, &|_| {}).await.expect("copied");
    let seen = lines(&registry, &sample);
    assert!(!seen.iter().any(|line| line.starts_with("PUT") && line.contains("/blobs/")), "{seen:?}");
    assert!(registry.requests().iter().any(|seen| seen.query.contains("from=plugin")));
    let copied = reading(&registry, "other:1");
    assert_eq!(copied.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("there"), sample.layer_bytes);
}

#[tokio::test]
async fn sends_the_blob_when_the_registry_does_not_mount() {
    let (registry, sample) = stocked().await;
    // 202 with a session is the legal way to say no.
    let source = BlobSource::from(reading(&registry, "gone:1"));
    let target = writing(&registry, "other:1");
    let fault = target.push_blob(&sample.layer, &source).await.expect_err("the source has it not");
    assert_eq!(fault.reason(), Reason::ReferenceNotFound, "{}", shown(&fault));

    let (elsewhere, _) = stocked().await;
    let source = BlobSource::from(reading(&elsewhere, "plugin:1"));
    assert_eq!(target.push_blob(&sample.layer, &source).await.expect("sent"), Pushed::Uploaded);
}

#[tokio::test]
async fn sends_the_blob_when_the_registry_refuses_to_mount() {
    for refusal in [400, 401, 403, 404, 405, 500, 501] {
        let (registry, sample) = stocked().await;
        let source = BlobSource::from(reading(&registry, "plugin:1"));
        let tries = if refusal == 500 { 5 } else { 1 };
        registry.set_rules(vec![Rule::on("/uploads/", Act::Status(refusal)).method("POST").times(tries)]);
        let pushed = writing(&registry, "other:1").push_blob(&sample.layer, &source).await;
        assert_eq!(pushed.map_err(|fault| shown(&fault)), Ok(Pushed::Uploaded), "{refusal}");
        let last = registry.requests().into_iter().rfind(|seen| seen.method == "POST").expect("a session");
        assert_eq!(last.query, "", "{refusal}: the second question names no other repository");
    }
}

#[tokio::test]
async fn what_was_done_is_done_whatever_type_the_answer_has() {
    let page = || Act::Header("content-type", "text/html; charset=utf-8".to_owned());
    for path in ["/uploads/", "/manifests/", "/blobs/"] {
        for method in ["HEAD", "POST", "PUT"] {
            let (registry, sample) = (Registry::start(), sample(0));
            registry.set_rules(vec![Rule::on(path, page()).method(method)]);
            push(&writing(&registry, "plugin:1"), &sample)
                .await
                .unwrap_or_else(|fault| panic!("{method} {path}: {fault}"));
            push(&writing(&registry, "plugin:1"), &sample).await.expect("a second time");
        }
    }
}

#[tokio::test]
async fn a_registry_that_shows_a_manifest_a_moment_later_is_waited_for() {
    let (registry, sample) = (Registry::start(), sample(0));
    registry.set_rules(vec![Rule::on("/manifests/sha256", Act::Status(404)).method("GET").times(6)]);
    push(&writing(&registry, "plugin:1"), &sample).await.expect("there in the end");
    assert_eq!(reading(&registry, "plugin:1").fetch_manifest(None).await.expect("tagged"), sample.manifest);
    let (registry, sample) = (Registry::start(), self::sample(1));
    registry.set_rules(vec![Rule::on("/manifests/sha256", Act::Status(404)).method("GET").times(7)]);
    let fault = push(&writing(&registry, "plugin:1"), &sample).await.expect_err("never there");
    assert_eq!(fault.reason(), Reason::PushVerification, "{}", shown(&fault));
}

#[tokio::test]
async fn a_registry_that_does_not_see_its_own_blobs_yet_is_waited_for() {
    let unknown = |code: &str| Act::Answer(404, vec![], format!(r#"{{"errors":[{{"code":"{code}"}}]}}"#).into_bytes());
    for code in ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"] {
        let (registry, sample) = (Registry::start(), sample(0));
        registry.set_rules(vec![Rule::on("/manifests/", unknown(code)).method("PUT").times(6)]);
        push(&writing(&registry, "plugin:1"), &sample).await.expect("seen in the end");
    }
    for (code, puts) in [("MANIFEST_BLOB_UNKNOWN", 7), ("NAME_UNKNOWN", 1)] {
        let (registry, sample) = (Registry::start(), sample(0));
        registry.set_rules(vec![Rule::on("/manifests/", unknown(code)).method("PUT")]);
        let fault = push(&writing(&registry, "plugin:1"), &sample).await.expect_err("never seen");
        assert_eq!(fault.reason(), Reason::ReferenceNotFound, "{}", shown(&fault));
        let seen =
            registry.requests().iter().filter(|seen| seen.method == "PUT" && seen.path.contains("/manifests/")).count();
        assert_eq!(seen, puts, "{code}");
    }
}

fn page(status: u16) -> Act {
    Act::Answer(status, vec![("content-type", "text/html".to_owned())], b"<html>Please log in</html>".to_vec())
}

#[tokio::test]
async fn a_page_that_says_fine_has_stored_nothing() {
    for (method, path, reason) in [
        ("POST", "/uploads/", Reason::RegistryProtocol),
        ("PUT", "/uploads/", Reason::RegistryProtocol),
        ("PUT", "/manifests/sha256", Reason::PushVerification),
        ("PUT", "/manifests/1", Reason::PushVerification),
    ] {
        let (registry, sample) = (Registry::start(), sample(0));
        registry.set_rules(vec![Rule::on(path, page(200)).method(method)]);
        let fault = push(&writing(&registry, "plugin:1"), &sample).await.expect_err("nothing is there");
        assert_eq!(fault.reason(), reason, "{method} {path}: {}", shown(&fault));
    }
    // To HEAD it is no answer: the blobs are sent.
    let (registry, sample) = (Registry::start(), sample(0));
    registry.set_rules(vec![Rule::on("/", page(200)).method("HEAD")]);
    push(&writing(&registry, "plugin:1"), &sample).await.expect("sent");
    registry.set_rules(vec![]);
    let layer = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("there");
    assert_eq!(layer, sample.layer_bytes);
}

/// Stores the whole artifact without a tag.
async fn stored(target: &Target, sample: &support::Sample) {
    for (descriptor, source) in &sample.blobs {
        target.push_blob(descriptor, source).await.expect("stored");
    }
    target.push_manifest(&sample.manifest).await.expect("stored");
}

#[tokio::test]
async fn a_tag_is_not_taken_from_another_artifact_that_came_meanwhile() {
    for replace in [ReplaceTag::No, ReplaceTag::Yes] {
        let (registry, other) = stocked().await;
        let target = writing(&registry, "plugin:1");
        let mine = sample(1);
        stored(&target, &mine).await;
        let tagged = target.tag(&tag("1"), &mine.manifest, replace).await;
        let expected = if replace == ReplaceTag::No { other.manifest.digest() } else { mine.manifest.digest() };
        assert_eq!(tagged.is_ok(), replace == ReplaceTag::Yes, "{tagged:?}");
        assert_eq!(target.tag_digest(&tag("1"), Algorithm::Sha256).await.expect("asked"), Some(expected));
        if let Err(fault) = tagged {
            assert_eq!(fault.reason(), Reason::TagExists, "{}", shown(&fault));
        }
    }
}

#[tokio::test]
async fn a_tag_that_somebody_set_while_we_waited_is_theirs() {
    for replace in [ReplaceTag::No, ReplaceTag::Yes] {
        let (registry, other) = stocked().await;
        let target = writing(&registry, "plugin:1");
        let mine = sample(1);
        stored(&target, &mine).await;
        // Free at first, and then not any more; the first try is asked to come back later.
        registry.set_rules(vec![
            Rule::on("/manifests/1", Act::Status(404)).method("GET").times(1),
            Rule::on("/manifests/1", Act::Status(503)).method("PUT").times(1),
        ]);
        let tagged = target.tag(&tag("1"), &mine.manifest, replace).await;
        assert_eq!(tagged.is_ok(), replace == ReplaceTag::Yes, "{tagged:?}");
        let expected = if replace == ReplaceTag::No { other.manifest.digest() } else { mine.manifest.digest() };
        assert_eq!(target.tag_digest(&tag("1"), Algorithm::Sha256).await.expect("asked"), Some(expected));
    }
}

#[tokio::test]
async fn a_tag_that_is_set_in_the_middle_of_a_wait_is_seen_after_it() {
    let (registry, other) = stocked().await;
    let target = writing(&registry, "plugin:1");
    let mine = sample(1);
    stored(&target, &mine).await;
    let later = Act::Answer(503, vec![("retry-after", "1".to_owned())], vec![]);
    registry.set_rules(vec![Rule::on("/manifests/2", later).method("PUT").times(1)]);
    let somebody = async {
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        writing(&registry, "plugin:1").tag(&tag("2"), &other.manifest, ReplaceTag::No).await
    };
    let name = tag("2");
    let (ours, theirs) = tokio::join!(target.tag(&name, &mine.manifest, ReplaceTag::No), somebody);
    theirs.expect("free when they asked");
    assert_eq!(ours.expect_err("theirs").reason(), Reason::TagExists);
    assert_eq!(target.tag_digest(&name, Algorithm::Sha256).await.expect("asked"), Some(other.manifest.digest()));
}

#[tokio::test]
async fn a_tag_that_was_set_by_a_try_whose_answer_was_lost_is_set() {
    let (registry, sample) = (Registry::start(), sample(0));
    let target = writing(&registry, "plugin:1");
    push(&target, &sample).await.expect("pushed");
    // The first look sees nothing yet; the tag cannot be moved; the second look sees it.
    registry.set_rules(vec![
        Rule::on("/manifests/1", Act::Status(404)).method("GET").times(1),
        Rule::on("/manifests/1", Act::Status(400)).method("PUT"),
    ]);
    assert_eq!(target.tag(&tag("1"), &sample.manifest, ReplaceTag::No).await.expect("set"), Pushed::Uploaded);
}

#[tokio::test]
async fn what_is_waited_for_has_one_end() {
    let (registry, sample) = (Registry::start(), sample(0));
    registry.set_rules(vec![Rule::on("/manifests/sha256", Act::Silence).method("GET")]);
    let target = Target::create(&reference(&registry.reference("plugin:1")), &support::impatient()).expect("a target");
    let began = std::time::Instant::now();
    let fault = push(&target, &sample).await.expect_err("silent");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable, "{}", shown(&fault));
    assert!(began.elapsed() < std::time::Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_mount_that_is_not_answered_is_not_asked_for_again() {
    let (registry, sample) = stocked().await;
    registry.set_rules(vec![Rule::on("/uploads/", Act::Silence).method("POST").times(1)]);
    let source = BlobSource::from(reading(&registry, "plugin:1"));
    let target = Target::create(&reference(&registry.reference("other:1")), &support::impatient()).expect("a target");
    for descriptor in [&sample.config, &sample.layer] {
        assert_eq!(target.push_blob(descriptor, &source).await.expect("sent"), Pushed::Uploaded);
    }
    let mounts = registry.requests().iter().filter(|seen| seen.query.contains("from=")).count();
    assert_eq!(mounts, 1);
}

#[tokio::test]
async fn a_blob_of_unknown_standing_is_sent() {
    for head in [Act::Status(405), Act::Status(501), Act::Status(400), Act::Answer(200, vec![], b"x".to_vec())] {
        let (registry, sample) = stocked().await;
        registry.set_rules(vec![Rule::on("/blobs/sha256", head.clone()).method("HEAD")]);
        let source = BlobSource::Bytes(sample.layer_bytes.clone().into());
        let pushed = writing(&registry, "plugin:1").push_blob(&sample.layer, &source).await;
        assert_eq!(pushed.map_err(|fault| shown(&fault)), Ok(Pushed::Uploaded), "{head:?}");
    }
    for head in [Act::Status(401), Act::Status(403), Act::Status(503)] {
        let (registry, sample) = stocked().await;
        registry.set_rules(vec![Rule::on("/blobs/sha256", head.clone()).method("HEAD")]);
        let source = BlobSource::Bytes(sample.layer_bytes.clone().into());
        writing(&registry, "plugin:1").push_blob(&sample.layer, &source).await.expect_err("says no");
        assert!(!registry.requests().iter().any(|seen| seen.method == "POST"), "{head:?}");
    }
}

#[tokio::test]
async fn sends_a_file_from_its_offset() {
    let (registry, sample) = (Registry::start(), sample(3));
    let mut file = tempfile::NamedTempFile::new().expect("file");
    file.write_all(b"header").expect("write");
    file.write_all(&sample.layer_bytes).expect("write");
    let source = BlobSource::File { file: file.into_file().into(), offset: 6 };
    let target = writing(&registry, "plugin:1");
    assert_eq!(target.push_blob(&sample.layer, &source).await.expect("sent"), Pushed::Uploaded);
    assert_eq!(target.push_blob(&sample.layer, &source).await.expect("there"), Pushed::Present);
    assert_eq!(target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("there"), sample.layer_bytes);
}

#[tokio::test]
async fn a_file_that_changed_is_not_pushed_and_the_fault_says_so() {
    let (registry, sample) = (Registry::start(), sample(3));
    let file = tempfile::NamedTempFile::new().expect("file");
    std::fs::write(file.path(), vec![0; sample.layer_bytes.len()]).expect("write");
    let source = BlobSource::File { file: file.into_file().into(), offset: 0 };
    let target = writing(&registry, "plugin:1");
    let fault = target.push_blob(&sample.layer, &source).await.expect_err("changed");
    assert_eq!(fault.reason(), Reason::PullFailed, "{}", shown(&fault));
    assert!(!target.has_blob(&sample.layer).await.expect("asked"));
}

#[tokio::test]
async fn empty_blobs_travel_too() {
    let registry = Registry::start();
    let empty = Descriptor::of("application/octet-stream", b"");
    let target = writing(&registry, "plugin:1");
    let source = BlobSource::Bytes(Vec::new().into());
    assert_eq!(target.push_blob(&empty, &source).await.expect("sent"), Pushed::Uploaded);
    assert_eq!(target.fetch_blob_bytes(&empty, 10).await.expect("there"), b""[..]);
}

#[tokio::test]
async fn refuses_an_upload_session_at_another_host() {
    let (registry, sample) = (Registry::start(), sample(0));
    registry.set_rules(vec![Rule::on("/uploads/", Act::UploadElsewhere).method("POST")]);
    let fault = push(&writing(&registry, "plugin:1"), &sample).await.expect_err("elsewhere");
    assert_eq!(fault.reason(), Reason::RedirectRefused);
    assert_eq!(fault.difference().expect("both").found, format!("http://{}", registry.elsewhere()));
    assert_eq!(registry.requests_elsewhere(), []);
}

#[tokio::test]
async fn keeps_the_query_of_an_upload_session() {
    let (registry, sample) = (Registry::start(), sample(0));
    registry.set_rules(vec![Rule::on("/uploads/", Act::UploadAbsolute).method("POST")]);
    push(&writing(&registry, "plugin:1"), &sample).await.expect("pushed");
    let put = registry.requests().into_iter().find(|seen| seen.method == "PUT").expect("an upload");
    assert!(put.query.starts_with("_state=a%2Bb&digest=sha256"), "{}", put.query);
}

#[tokio::test]
async fn tries_an_upload_again_from_the_beginning() {
    let (registry, sample) = (Registry::start(), sample(0));
    registry.set_rules(vec![
        Rule::on("/uploads/", Act::Status(503)).method("PUT").times(2),
        Rule::on("/manifests/", Act::Status(500)).method("PUT").times(1),
    ]);
    push(&writing(&registry, "plugin:1"), &sample).await.expect("pushed in the end");
    let posts = registry.requests().iter().filter(|seen| seen.method == "POST").count();
    assert_eq!(posts, 4, "each try opens a session of its own");

    registry.forget();
    registry.set_rules(vec![Rule::on("/uploads/", Act::Status(503)).method("PUT")]);
    let fault = push(&writing(&registry, "other:1"), &sample).await.expect_err("never well");
    assert_eq!(fault.reason(), Reason::RegistryUnavailable);
    assert_eq!(registry.requests().iter().filter(|seen| seen.method == "PUT").count(), 5);
}

#[tokio::test]
async fn each_refused_push_has_one_reason_and_sets_no_tag() {
    let forgotten = || Act::Answer(201, vec![], vec![]);
    for (method, path, act, reason) in [
        ("POST", "/uploads/", Act::Status(403), Reason::RegistryDenied),
        ("POST", "/uploads/", Act::Status(404), Reason::ReferenceNotFound),
        ("POST", "/uploads/", Act::Answer(202, vec![], vec![]), Reason::RegistryProtocol),
        ("POST", "/uploads/", Act::Html, Reason::RegistryProtocol),
        ("POST", "/uploads/", Act::Status(405), Reason::RegistryRefused),
        ("POST", "/uploads/", Act::Answer(200, vec![], vec![]), Reason::RegistryProtocol),
        ("PUT", "/uploads/", Act::Status(400), Reason::RegistryRefused),
        ("PUT", "/uploads/", Act::Status(413), Reason::RegistryRefused),
        ("PUT", "/uploads/", Act::Status(501), Reason::RegistryRefused),
        ("PUT", "/uploads/", Act::Status(507), Reason::RegistryUnavailable),
        ("HEAD", "/blobs/", Act::Status(500), Reason::RegistryUnavailable),
        ("PUT", "/manifests/", Act::Status(401), Reason::RegistryDenied),
        ("PUT", "/manifests/", Act::Status(400), Reason::RegistryRefused),
        // Accepted, but lost, or changed by a cache.
        ("PUT", "/manifests/sha256", forgotten(), Reason::PushVerification),
        ("GET", "/manifests/sha256", Act::OtherBytes, Reason::PushVerification),
        ("GET", "/manifests/sha256", Act::Status(404), Reason::PushVerification),
        ("GET", "/manifests/sha256", Act::Status(500), Reason::RegistryUnavailable),
    ] {
        let (registry, sample) = (Registry::start(), sample(0));
        registry.set_rules(vec![Rule::on(path, act.clone()).method(method)]);
        let fault = push(&writing(&registry, "plugin:1"), &sample).await.expect_err("refused");
        assert_eq!(fault.reason(), reason, "{method} {act:?}: {}", shown(&fault));
        registry.set_rules(vec![]);
        let tagged = writing(&registry, "plugin:1").tag_digest(&tag("1"), Algorithm::Sha256).await.expect("asked");
        assert_eq!(tagged, None, "{method} {act:?}");
    }
}

#[tokio::test]
async fn refuses_to_copy_what_the_root_does_not_match() {
    let (registry, _) = stocked().await;
    let destination = Registry::start();
    let (from, to) = (reading(&registry, "plugin:1"), writing(&destination, "plugin:1"));
    let fault = copy::copy(&from, &to, ArtifactDigest::of(b"other"), None, ReplaceTag::Yes, &|_| {})
        .await
        .expect_err("missing");
    assert_eq!(fault.reason(), Reason::ReferenceNotFound);
    assert_eq!(destination.requests(), []);
}

#[tokio::test]
async fn a_damaged_source_leaves_no_manifest_at_the_destination() {
    let (source, sample) = stocked().await;
    source.set_rules(vec![Rule::on(&sample.layer.digest.to_string(), Act::OtherBytes)]);
    let directory = tempfile::tempdir().expect("directory");
    let layout = format!("oci:{}:1", directory.path().join("layout").display());
    let to = Target::create(&reference(&layout), &options()).expect("layout");
    let from = reading(&source, "plugin:1");
    let fault = copy::copy(&from, &to, sample.manifest.digest(), Some(&tag("1")), ReplaceTag::Yes, &|_| {})
        .await
        .expect_err("damaged");
    assert_eq!(fault.reason(), Reason::PullFailed);
    assert_eq!(to.tags().await.expect("listed"), []);
    assert!(!to.has_blob(&sample.layer).await.expect("asked"));
}

#[tokio::test]
async fn a_blob_that_the_registry_had_and_lost_is_sent_when_its_manifest_is_refused() {
    let (registry, sample) = (Registry::start(), sample(0));
    let layer = format!("/blobs/{}", sample.layer.digest);
    let has = Act::Answer(200, vec![("content-length", sample.layer.size.to_string())], vec![]);
    registry.set_rules(vec![Rule::on(&layer, has).method("HEAD").times(1)]);
    push(&writing(&registry, "plugin:1"), &sample).await.expect("sent after all");
    let seen = lines(&registry, &sample);
    let count = |line: &str| seen.iter().filter(|seen| *seen == line).count();
    // The configuration is asked for again, and is there.
    assert_eq!((count("POST /v2/plugin/blobs/uploads/"), count("HEAD /v2/plugin/blobs/CONFIG")), (2, 2), "{seen:?}");
    let found = reading(&registry, "plugin:1").fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("there");
    assert_eq!(found, sample.layer_bytes);
}

/// An artifact of five layers of 1 MiB and one byte each, and of one that is smaller.
fn many_layers() -> (Manifest, Vec<(Descriptor, BlobSource)>) {
    let blob = |seed: u8| {
        let size = (1 << 20) + usize::from(seed > 0) - usize::from(seed == 0);
        let bytes = vec![seed; size];
        (Descriptor::of("application/octet-stream", &bytes), BlobSource::Bytes(bytes.into()))
    };
    let blobs: Vec<_> = (0..6).map(blob).collect();
    let config = sample(0);
    let document = ImageManifest {
        layers: blobs.iter().map(|(descriptor, _)| descriptor.clone()).collect(),
        ..ImageManifest::read(config.manifest.bytes()).expect("a manifest")
    };
    let manifest = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document));
    (manifest, [vec![config.blobs[0].clone()], blobs].concat())
}

#[tokio::test]
async fn large_blobs_are_sent_side_by_side_and_no_more_than_three() {
    let registry = Registry::start();
    registry.set_rules(vec![Rule::on("/uploads/", Act::Silence).method("PUT").times(4)]);
    let (manifest, blobs) = many_layers();
    let target = writing(&registry, "plugin:1");
    let shipment = copy::Shipment { manifest: &manifest, blobs: &blobs[1..], tag: None, replace: ReplaceTag::No };
    let push = copy::push(&target, &shipment, &|_| {});
    // The small one is silent first: nothing else begins before it is there.
    tokio::time::timeout(std::time::Duration::from_millis(700), push).await.expect_err("silent");
    let puts = |registry: &Registry| registry.requests().iter().filter(|seen| seen.method == "PUT").count();
    assert_eq!(puts(&registry), 1);
    registry.forget();
    let shipment = copy::Shipment { manifest: &manifest, blobs: &blobs[2..], tag: None, replace: ReplaceTag::No };
    let push = copy::push(&target, &shipment, &|_| {});
    tokio::time::timeout(std::time::Duration::from_millis(700), push).await.expect_err("silent");
    assert_eq!(puts(&registry), 3, "three wait, and the fourth has not begun");
}

#[tokio::test]
async fn blobs_side_by_side_are_all_there_and_the_first_refusal_ends_the_others() {
    let (registry, (manifest, blobs)) = (Registry::start(), many_layers());
    let told = std::sync::Mutex::new(Vec::new());
    let note = |step: Step<'_>| {
        if let Step::Sent { done, total } = step {
            told.lock().expect("lock").push((done, total));
        }
    };
    let shipment = copy::Shipment { manifest: &manifest, blobs: &blobs, tag: Some(&tag("1")), replace: ReplaceTag::No };
    copy::push(&writing(&registry, "plugin:1"), &shipment, &note).await.expect("pushed");
    let whole: u64 = blobs.iter().map(|(descriptor, _)| descriptor.size).sum();
    let told = told.into_inner().expect("lock");
    assert_eq!(told.last(), Some(&(whole, whole)));
    assert!(told.is_sorted_by(|one, next| one.0 <= next.0 && one.1 >= next.1), "{told:?}");
    let found = reading(&registry, "plugin:1");
    for (descriptor, _) in &blobs {
        found.fetch_blob_bytes(descriptor, 2 << 20).await.expect("there");
    }

    registry.set_rules(vec![
        Rule::on("/uploads/", Act::Silence).method("PUT").times(2),
        Rule::on("/uploads/", Act::Status(403)).method("PUT"),
    ]);
    let began = std::time::Instant::now();
    let shipment = copy::Shipment { manifest: &manifest, blobs: &blobs[2..], tag: None, replace: ReplaceTag::No };
    let fault = copy::push(&writing(&registry, "other:1"), &shipment, &|_| {}).await.expect_err("refused");
    assert_eq!(fault.reason(), Reason::RegistryDenied, "{}", shown(&fault));
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "the silent ones are not waited for");
}

#[tokio::test]
async fn large_blobs_are_written_into_a_layout_side_by_side_too() {
    let (manifest, blobs) = many_layers();
    let directory = tempfile::tempdir().expect("a directory");
    for form in ["oci", "oci-archive"] {
        let place = reference(&format!("{form}:{}:1", directory.path().join(form).display()));
        let target = Target::create(&place, &options()).expect("a target");
        let shipment =
            copy::Shipment { manifest: &manifest, blobs: &blobs, tag: Some(&tag("1")), replace: ReplaceTag::No };
        copy::push(&target, &shipment, &|_| {}).await.expect("pushed");
        let found = Target::open(&place, &options()).expect("there");
        for (descriptor, _) in &blobs {
            found.fetch_blob_bytes(descriptor, 2 << 20).await.expect("there");
        }
    }
}
