//! Layouts on disk: what goes in comes out, twice the same bytes, and nothing odd is read.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::oci::{Descriptor, LAYER_MEDIA_TYPE, MANIFEST_MEDIA_TYPE};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_registry_client::copy;
use aisoc_registry_client::layout::{Directory, NewArtifact, OnePass};
use aisoc_registry_client::{
    ClientOptions, Fetch as _, Manifest, Push as _, Pushed, ReplaceTag, Resolve as _, Tagging as _, Target,
};
use aisoc_testkit::registry::Registry;
use support::{Sample, push, reading, reference, sample, shown, writing};

fn tag(text: &str) -> Tag {
    text.parse().expect(text)
}

fn open(text: &str) -> aisoc_manifests::fault::Result<Target> {
    Target::open(&reference(text), &ClientOptions::default())
}

fn create(text: &str) -> Target {
    Target::create(&reference(text), &ClientOptions::default()).expect(text)
}

/// Every file below `root` with its bytes.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root).expect("directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(
                files(&path)
                    .into_iter()
                    .map(|(name, bytes)| (Path::new(path.file_name().expect("name")).join(name), bytes)),
            );
        } else {
            found.insert(path.file_name().expect("name").into(), fs::read(&path).expect("file"));
        }
    }
    found
}

async fn check_content(target: &Target, sample: &Sample) {
    assert_eq!(target.resolve().await.expect("resolved"), sample.manifest.descriptor());
    assert_eq!(target.fetch_manifest(None).await.expect("manifest"), sample.manifest);
    let layer = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect("layer");
    assert_eq!(layer, sample.layer_bytes);
}

/// A layout directory and a layout archive that hold `sample(0)`.
async fn both(root: &Path) -> (String, String, Sample) {
    let sample = sample(0);
    let directory = format!("oci:{}", root.join("layout").display());
    let archive = format!("oci-archive:{}", root.join("layout.tar").display());
    for place in [&directory, &archive] {
        push(&create(place), &sample).await.expect("pushed");
    }
    (directory, archive, sample)
}

#[tokio::test]
async fn what_goes_in_comes_out() {
    let root = tempfile::tempdir().expect("directory");
    let (directory, archive, sample) = both(root.path()).await;
    for place in [directory, archive] {
        for suffix in ["", ":1", &format!("@{}", sample.manifest.digest())] {
            check_content(&open(&format!("{place}{suffix}")).expect("opened"), &sample).await;
        }
        let target = open(&place).expect("opened");
        assert_eq!(target.tags().await.expect("tags"), [tag("1")]);
        assert_eq!(
            target.tag_digest(&tag("1"), Algorithm::Sha256).await.expect("asked"),
            Some(sample.manifest.digest())
        );
        for suffix in [":2", &format!("@{}", ArtifactDigest::of(b"other"))] {
            let fault = open(&format!("{place}{suffix}")).expect("opened").resolve().await.expect_err("missing");
            assert_eq!(fault.reason(), Reason::ReferenceNotFound);
            assert_eq!(fault.next_step(), "it holds the tags: 1");
        }
    }
}

#[tokio::test]
async fn the_same_artifact_gives_the_same_bytes_and_adding_it_again_changes_nothing() {
    let (one, two) = (tempfile::tempdir().expect("directory"), tempfile::tempdir().expect("directory"));
    let (directory, archive, sample) = both(one.path()).await;
    both(two.path()).await;
    let before = files(one.path());
    assert_eq!(before, files(two.path()));
    for place in [&directory, &archive] {
        let target = create(place);
        let manifest = &sample.manifest;
        assert_eq!(target.push_blob(&sample.layer, &sample.blobs[1].1).await.expect("there"), Pushed::Present);
        assert_eq!(target.push_manifest(manifest).await.expect("there"), Pushed::Present);
        assert_eq!(target.tag(&tag("1"), manifest, ReplaceTag::Yes).await.expect("there"), Pushed::Present);
        target.finish().await.expect("finished");
    }
    assert_eq!(before, files(one.path()), "no temporary files, no changed bytes");
}

#[tokio::test]
async fn a_layout_holds_several_artifacts_and_asks_which() {
    let root = tempfile::tempdir().expect("directory");
    let (directory, archive, first) = both(root.path()).await;
    let second = sample(1);
    for place in [&directory, &archive] {
        let target = create(place);
        for (descriptor, source) in &second.blobs {
            target.push_blob(descriptor, source).await.expect("pushed");
        }
        target.tag(&tag("2"), &second.manifest, ReplaceTag::Yes).await.expect("tagged");
        target.finish().await.expect("finished");
        check_content(&open(&format!("{place}:1")).expect("opened"), &first).await;
        check_content(&open(&format!("{place}:2")).expect("opened"), &second).await;
        let fault = open(place).expect("opened").resolve().await.expect_err("which?");
        assert_eq!(fault.reason(), Reason::ReferenceNotFound);
        assert!(fault.next_step().ends_with("it holds: 1, 2"), "{}", fault.next_step());
    }
}

#[tokio::test]
async fn an_artifact_crosses_an_air_gap() {
    let root = tempfile::tempdir().expect("directory");
    let (outside, inside) = (Registry::start(), Registry::start());
    let sample = sample(7);
    push(&writing(&outside, "plugin:1"), &sample).await.expect("pushed");
    let archive = format!("oci-archive:{}:1", root.path().join("carried.tar").display());
    let digest = sample.manifest.digest();
    copy::copy(&reading(&outside, "plugin:1"), &create(&archive), digest, Some(&tag("1")), ReplaceTag::Yes, &|_| {})
        .await
        .expect("exported");
    copy::copy(
        &open(&archive).expect("opened"),
        &writing(&inside, "plugin:1"),
        digest,
        Some(&tag("1")),
        ReplaceTag::Yes,
        &|_| {},
    )
    .await
    .expect("imported");
    check_content(&reading(&inside, "plugin:1"), &sample).await;
}

#[tokio::test]
async fn two_writers_do_not_lose_each_others_tags() {
    let root = tempfile::tempdir().expect("directory");
    let place = format!("oci:{}", root.path().join("layout").display());
    create(&place);
    let writers = (0..8u8).map(|seed| {
        let place = place.clone();
        tokio::spawn(async move {
            let (target, sample) = (create(&place), sample(seed));
            target.tag(&tag(&format!("t{seed}")), &sample.manifest, ReplaceTag::Yes).await.expect("tagged");
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("done");
    }
    assert_eq!(open(&place).expect("opened").tags().await.expect("tags").len(), 8);
}

#[tokio::test]
async fn refuses_directories_that_are_no_layouts() {
    let root = tempfile::tempdir().expect("directory");
    let path = root.path().join("layout");
    let place = format!("oci:{}", path.display());
    assert_eq!(open(&place).expect_err("nothing").reason(), Reason::IoNotFound);
    fs::create_dir(&path).expect("made");
    fs::write(path.join("notes.txt"), "mine").expect("written");
    assert_eq!(open(&place).expect_err("no marker").reason(), Reason::LayoutInvalid);
    let fault = Target::create(&reference(&place), &ClientOptions::default()).expect_err("occupied");
    assert_eq!(fault.reason(), Reason::LayoutInvalid);
    assert_eq!(files(&path).len(), 1, "nothing was added");

    let file = format!("oci:{}", path.join("notes.txt").display());
    assert!(open(&file).is_err());
    assert!(Target::create(&reference(&file), &ClientOptions::default()).is_err());
}

#[tokio::test]
async fn refuses_a_layout_that_was_tampered_with() {
    let blob = |sample: &Sample| format!("blobs/sha256/{}", sample.layer.digest.hex());
    let manifest = |sample: &Sample| format!("blobs/sha256/{}", sample.manifest.digest().hex());
    type Tamper = Box<dyn Fn(&Path, &Sample)>;
    let write = |name: &'static str, text: &'static str| -> Tamper {
        Box::new(move |root, _| fs::write(root.join(name), text).expect("written"))
    };
    let cases: Vec<(&str, Tamper, Reason)> = vec![
        ("version", write("oci-layout", r#"{"imageLayoutVersion":"9.0.0"}"#), Reason::LayoutInvalid),
        ("marker", write("oci-layout", "not json"), Reason::LayoutInvalid),
        ("index", write("index.json", "[]"), Reason::LayoutInvalid),
        ("schema", write("index.json", r#"{"schemaVersion":1,"manifests":[]}"#), Reason::LayoutInvalid),
        (
            "digest",
            write(
                "index.json",
                r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","size":1,"digest":"sha256:../../x"}]}"#,
            ),
            Reason::LayoutInvalid,
        ),
        (
            "large index",
            Box::new(|root, _| fs::write(root.join("index.json"), vec![b' '; (4 << 20) + 1]).expect("written")),
            Reason::LayoutInvalid,
        ),
        (
            "no index",
            Box::new(|root, _| fs::remove_file(root.join("index.json")).expect("removed")),
            Reason::LayoutInvalid,
        ),
        (
            "linked index",
            Box::new(|root, _| {
                fs::rename(root.join("index.json"), root.join("real.json")).expect("renamed");
                symlink("real.json", root.join("index.json")).expect("linked");
            }),
            Reason::LayoutInvalid,
        ),
        (
            "linked blob",
            Box::new(move |root, sample| {
                let path = root.join(blob(sample));
                fs::rename(&path, root.join("real")).expect("renamed");
                symlink(root.join("real"), path).expect("linked");
            }),
            Reason::LayoutInvalid,
        ),
        (
            "linked blobs directory",
            Box::new(|root, _| {
                fs::rename(root.join("blobs"), root.join("real")).expect("renamed");
                symlink("real", root.join("blobs")).expect("linked");
            }),
            Reason::LayoutInvalid,
        ),
        (
            "directory for a blob",
            Box::new(move |root, sample| {
                fs::remove_file(root.join(blob(sample))).expect("removed");
                fs::create_dir(root.join(blob(sample))).expect("made");
            }),
            Reason::LayoutInvalid,
        ),
        (
            "no blob",
            Box::new(move |root, sample| fs::remove_file(root.join(blob(sample))).expect("removed")),
            Reason::LayoutInvalid,
        ),
        (
            "other blob",
            Box::new(move |root, sample| fs::write(root.join(blob(sample)), vec![0; 300_000]).expect("written")),
            Reason::PullFailed,
        ),
        (
            "longer blob",
            Box::new(move |root, sample| {
                let mut file = fs::File::options().append(true).open(root.join(blob(sample))).expect("opened");
                file.write_all(b"x").expect("written");
            }),
            Reason::PullFailed,
        ),
        (
            "short blob",
            Box::new(move |root, sample| fs::write(root.join(blob(sample)), b"x").expect("written")),
            Reason::PullFailed,
        ),
        (
            "other manifest",
            Box::new(move |root, sample| fs::write(root.join(manifest(sample)), b"{}").expect("written")),
            Reason::PullFailed,
        ),
        (
            "no manifest",
            Box::new(move |root, sample| fs::remove_file(root.join(manifest(sample))).expect("removed")),
            Reason::ReferenceNotFound,
        ),
    ];
    for (what, tamper, reason) in cases {
        let root = tempfile::tempdir().expect("directory");
        let (place, _, sample) = both(root.path()).await;
        tamper(&root.path().join("layout"), &sample);
        let read = async {
            let target = open(&format!("{place}:1"))?;
            target.fetch_manifest(None).await?;
            target.fetch_blob_bytes(&sample.layer, 1 << 20).await
        };
        let fault = read.await.expect_err(what);
        assert_eq!(fault.reason(), reason, "{what}: {}", shown(&fault));
    }
}

/// A tar file of those entries: name, type, content.
fn archive(path: &Path, entries: &[(&str, tar::EntryType, &[u8])]) {
    let mut builder = tar::Builder::new(fs::File::create(path).expect("file"));
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        // `set_path` refuses `..`; attackers do not use it.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        if kind.is_symlink() || kind.is_hard_link() {
            header.set_link_name("/etc/passwd").expect("link");
        }
        header.set_cksum();
        builder.append(&header, *content).expect("entry");
    }
    builder.finish().expect("finished");
}

#[tokio::test]
async fn refuses_archives_with_entries_that_have_two_readings() {
    use tar::EntryType::{Char, Directory, Fifo, Link, Regular, Symlink};
    const MARKER: (&str, tar::EntryType, &[u8]) = ("oci-layout", Regular, br#"{"imageLayoutVersion":"1.0.0"}"#);
    const INDEX: (&str, tar::EntryType, &[u8]) = ("./index.json", Regular, br#"{"schemaVersion":2,"manifests":[]}"#);
    let root = tempfile::tempdir().expect("directory");
    let path = root.path().join("layout.tar");
    let place = format!("oci-archive:{}", path.display());
    archive(&path, &[MARKER, INDEX, ("./blobs/", Directory, b"")]);
    assert_eq!(open(&place).expect("fine").tags().await.expect("tags"), []);

    for (what, odd) in [
        ("link", ("blobs/sha256/x", Symlink, &b""[..])),
        ("hard link", ("blobs/sha256/x", Link, b"")),
        ("device", ("blobs/sha256/x", Char, b"")),
        ("fifo", ("blobs/sha256/x", Fifo, b"")),
        ("twice", ("index.json", Regular, br#"{"schemaVersion":2,"manifests":[]}"#)),
        ("twice in another spelling", ("./oci-layout", Regular, b"{}")),
        ("climbing", ("../x", Regular, b"")),
        ("climbing inside", ("blobs/../../x", Regular, b"")),
        ("absolute", ("/etc/x", Regular, b"")),
        ("backslash", ("blobs\\x", Regular, b"")),
    ] {
        archive(&path, &[MARKER, INDEX, odd]);
        let fault = open(&place).expect_err(what);
        assert_eq!(fault.reason(), Reason::LayoutInvalid, "{what}: {}", shown(&fault));
    }
    archive(&path, &[INDEX]);
    assert_eq!(open(&place).expect_err("no marker").reason(), Reason::LayoutInvalid);
    fs::write(&path, b"\x1f\x8b\x08\x00 compressed").expect("written");
    assert_eq!(open(&place).expect_err("gzip").reason(), Reason::LayoutInvalid);
    fs::write(&path, b"").expect("written");
    assert_eq!(open(&place).expect_err("empty").reason(), Reason::LayoutInvalid);
    let fault = Target::create(&reference(&place), &ClientOptions::default()).expect_err("not overwritten");
    assert_eq!(fault.reason(), Reason::LayoutInvalid);
    fs::remove_file(&path).expect("removed");
    assert_eq!(open(&place).expect_err("gone").reason(), Reason::IoNotFound);
}

#[tokio::test]
async fn refuses_an_archive_that_was_cut_or_changed() {
    let root = tempfile::tempdir().expect("directory");
    let (_, place, sample) = both(root.path()).await;
    let path = root.path().join("layout.tar");
    let whole = fs::read(&path).expect("read");
    let at = whole.windows(32).position(|window| window == &sample.layer_bytes[..32]).expect("the layer is in it");
    let mut changed = whole.clone();
    changed[at + 5] ^= 1;
    fs::write(&path, &changed).expect("written");
    let target = open(&format!("{place}:1")).expect("opened");
    let fault = target.fetch_blob_bytes(&sample.layer, 1 << 20).await.expect_err("changed");
    assert_eq!(fault.reason(), Reason::PullFailed);
    fs::write(&path, &whole[..at + 100]).expect("written");
    assert_eq!(open(&place).expect_err("cut").reason(), Reason::LayoutInvalid);
}

#[tokio::test]
async fn an_archive_that_was_cut_in_its_padding_or_lengthened_is_refused() {
    let root = tempfile::tempdir().expect("directory");
    let (_, archive, _) = both(root.path()).await;
    let path = archive.trim_start_matches("oci-archive:").to_owned();
    let whole = fs::read(&path).expect("read");
    for kept in [whole.len() - 1, whole.len() - 512, whole.len() - 1024] {
        fs::write(&path, &whole[..kept]).expect("written");
        assert!(shown(&open(&archive).expect_err("cut")).contains("cut before its end"), "{kept}");
    }
    let appended = |bytes: &[u8]| fs::write(&path, [&whole[..], bytes].concat()).expect("written");
    appended(&[0; 10_240]);
    open(&archive).expect("padded, as for a tape");
    appended(b"x");
    assert!(shown(&open(&archive).expect_err("more")).contains("something after its end"));
    appended(&vec![0; 2 << 20]);
    assert!(shown(&open(&archive).expect_err("much more")).contains("more than padding"));
}

#[test]
fn many_writers_can_begin_a_layout_at_once() {
    for _ in 0..50 {
        let place = tempfile::tempdir().expect("directory");
        let root = place.path().join("deep/er");
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let root = &root;
                scope.spawn(move || {
                    let layout = Directory::create(root).expect("made or found");
                    let name: Tag = format!("t{number}").parse().expect("a tag");
                    let manifest = Manifest::new(MANIFEST_MEDIA_TYPE, vec![b'{', number, b'}']);
                    layout.put_manifest(&manifest, std::slice::from_ref(&name), ReplaceTag::Yes).expect("stored");
                });
            }
        });
        let index = Directory::open(&root).expect("complete").index().expect("readable");
        assert_eq!(index.manifests.len(), 8, "a tag was lost");
        assert_eq!(fs::read_dir(place.path().join("deep")).expect("listed").count(), 1, "something stayed behind");
    }
}

#[tokio::test]
async fn pushing_again_mends_blobs_that_were_damaged() {
    let root = tempfile::tempdir().expect("directory");
    let (place, _, sample) = both(root.path()).await;
    let blobs = root.path().join("layout/blobs/sha256");
    let whole = files(&blobs);
    for damage in [|bytes: &mut Vec<u8>| bytes[0] ^= 1, |bytes: &mut Vec<u8>| bytes.truncate(1), Vec::clear] {
        for (name, content) in &whole {
            let mut content = content.clone();
            damage(&mut content);
            fs::write(blobs.join(name), content).expect("damaged");
        }
        assert_ne!(files(&blobs), whole);
        push(&create(&place), &sample).await.expect("pushed");
        assert_eq!(files(&blobs), whole);
    }
}

#[tokio::test]
async fn the_next_writer_removes_what_a_killed_one_left() {
    let root = tempfile::tempdir().expect("directory");
    let abandon = |name: &str, content: &str| {
        fs::create_dir_all(root.path().join(name).join(content)).expect("made");
        fs::write(root.path().join(name).join(aisoc_files::MARKER), aisoc_files::MARKER_TEXT).expect("written");
        fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(0o700)).expect("mode");
    };
    abandon(".aisoc-layout-killed", "content/blobs");
    let (place, _, sample) = both(root.path()).await;
    abandon("layout/.ingest-killed", "file-1");
    push(&create(&place), &sample).await.expect("pushed");
    let mut names: Vec<_> =
        fs::read_dir(root.path()).expect("listed").flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, ["layout", "layout.tar"]);
    assert!(!root.path().join("layout/.ingest-killed").exists());
}

/// A layout archive that begins with a long name of `size` bytes for an empty file.
fn with_long_name(place: &Path, whole: &[u8], size: u64) {
    use aisoc_manifests::tar::{Written, pad, write};
    let header = |name, kind, size| Written { name, kind, size, mode: 0o644, mtime: 0 };
    let mut bytes = Vec::new();
    write(&mut bytes, &header("././@LongLink", b'L', size));
    if size < 1 << 20 {
        bytes.resize(bytes.len() + usize::try_from(size).expect("small"), b'x');
        pad(&mut bytes, size);
        write(&mut bytes, &header("x", b'0', 0));
        bytes.extend_from_slice(whole);
        fs::write(place, bytes).expect("written");
    } else {
        fs::write(place, bytes).expect("written");
        fs::File::options().write(true).open(place).expect("opened").set_len(size + 4096).expect("sparse");
    }
}

#[tokio::test]
async fn a_long_name_is_held_to_its_bound_before_it_is_read() {
    use aisoc_manifests::tar::MAX_EXTENSION_BYTES;
    let root = tempfile::tempdir().expect("directory");
    let (_, tar, _) = both(root.path()).await;
    let whole = fs::read(root.path().join("layout.tar")).expect("read");
    let other = root.path().join("other.tar");
    let place = tar.replace("layout.tar", "other.tar");
    for (size, is_read) in [
        (MAX_EXTENSION_BYTES - 1, true),
        (MAX_EXTENSION_BYTES, true),
        (MAX_EXTENSION_BYTES + 1, false),
        (4 << 30, false),
    ] {
        with_long_name(&other, &whole, size);
        let opened = open(&place);
        assert_eq!(opened.is_ok(), is_read, "{size}");
        if let Err(fault) = opened {
            assert_eq!(fault.reason(), Reason::LayoutInvalid);
            assert!(fault.difference().expect("two sizes").found.contains(&size.to_string()), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn headers_without_end_are_counted() {
    use aisoc_manifests::tar::{Written, write};
    let root = tempfile::tempdir().expect("directory");
    let mut bytes = Vec::new();
    for number in 0..=65_536 {
        write(&mut bytes, &Written { name: &format!("{number}"), kind: b'0', size: 0, mode: 0o644, mtime: 0 });
    }
    bytes.resize(bytes.len() + 1024, 0);
    fs::write(root.path().join("many.tar"), bytes).expect("written");
    let fault = open(&format!("oci-archive:{}/many.tar", root.path().display())).expect_err("too many");
    assert!(fault.message().contains("too many entries"), "{fault:?}");
}

#[tokio::test]
async fn what_only_looks_like_a_draft_survives_a_push() {
    let root = tempfile::tempdir().expect("directory");
    let (place, tar, sample) = both(root.path()).await;
    let names = [".aisoc-archive-photos", ".ingest-backup", ".aisoc-layout-mine01", "layout/.ingest-backup"];
    for name in names {
        fs::create_dir(root.path().join(name)).expect("made");
        fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(0o700)).expect("mode");
        fs::write(root.path().join(name).join("holiday"), "mine").expect("written");
    }
    fs::write(root.path().join(".ingest-myfile"), "mine").expect("written");
    for target in [&place, &tar] {
        push(&create(target), &sample).await.expect("pushed");
    }
    for name in names {
        assert_eq!(fs::read_to_string(root.path().join(name).join("holiday")).expect(name), "mine");
    }
    assert_eq!(fs::read_to_string(root.path().join(".ingest-myfile")).expect("there"), "mine");
}

#[tokio::test]
async fn the_lock_of_a_layout_goes_with_its_holder() {
    let root = tempfile::tempdir().expect("directory");
    let (place, _, sample) = both(root.path()).await;
    push(&create(&place), &sample).await.expect("pushed");
    let names: Vec<_> =
        fs::read_dir(root.path().join("layout")).expect("listed").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

/// Writes a layer into a layout while it is made, piece by piece.
fn in_one_pass(place: &str, layer: &[u8]) -> OnePass {
    let Reference::Layout(layout) = reference(place) else { panic!("a layout") };
    let mut pass = OnePass::begin(&layout, &Cancellation::default()).expect("begun");
    layer.chunks(1000).for_each(|piece| pass.write_all(piece).expect("written"));
    pass
}

#[tokio::test]
async fn a_layer_that_is_written_where_it_stays_gives_the_bytes_of_any_other_way() {
    for layer_bytes in [&b"x"[..], &[7; 511], &[8; 512], &vec![9; 70_000]] {
        let root = tempfile::tempdir().expect("directory");
        let config = b"{\"of\":\"a config that is longer than the smallest layers\"}".to_vec();
        let layer = Descriptor::of(LAYER_MEDIA_TYPE, layer_bytes);
        let sample = support::artifact(&config, layer_bytes);
        let at = |name: &str| root.path().join(name).display().to_string();
        for (kind, extension) in [("oci", ""), ("oci-archive", ".tar")] {
            let (one, other) = (at(&format!("one{extension}")), at(&format!("other{extension}")));
            push(&create(&format!("{kind}:{other}")), &sample).await.expect("pushed");
            let pass = in_one_pass(&format!("{kind}:{one}:1"), layer_bytes);
            let tag = tag("1");
            let artifact = NewArtifact { manifest: &sample.manifest, config: &config, layer: &layer, tag: Some(&tag) };
            pass.finish(&artifact).expect("finished");
            check_content(&open(&format!("{kind}:{one}:1")).expect("a layout"), &sample).await;
            if kind == "oci" {
                assert_eq!(files(Path::new(&one)), files(Path::new(&other)));
            } else {
                assert_eq!(fs::read(&one).expect("read"), fs::read(&other).expect("read"), "{}", layer_bytes.len());
            }
        }
        assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 4, "something stayed behind");
    }
}

#[test]
fn a_layer_that_never_ends_or_ends_otherwise_leaves_nothing() {
    let root = tempfile::tempdir().expect("directory");
    let (config, layer) = (b"{}".to_vec(), b"a layer".to_vec());
    let sample = support::artifact(&config, &layer);
    let place = format!("oci-archive:{}", root.path().join("x.tar").display());
    drop(in_one_pass(&place, &layer));
    let described = Descriptor::of(LAYER_MEDIA_TYPE, b"another layer");
    let artifact = NewArtifact { manifest: &sample.manifest, config: &config, layer: &described, tag: None };
    let fault = in_one_pass(&place, &layer).finish(&artifact).expect_err("another size");
    assert_eq!(fault.reason(), Reason::Internal);
    assert_eq!(fs::read_dir(root.path()).expect("listed").count(), 0);
}
