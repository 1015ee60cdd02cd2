//! Garbage: what is collected of a store, what never is, and what a registry that serves it answers meanwhile.

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_registry_client::layout::{Collected, Rule};
use aisoc_registry_server::{CollectedRepository, ServeOptions, Store, collect_garbage, serve};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Served {
    client: Client,
    base: String,
    root: TempDir,
}

async fn served() -> Served {
    let root = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let store = Store::open(root.path()).expect("store");
    tokio::spawn(async move { serve(listener, store, ServeOptions::default()).await.expect("served") });
    Served { client: common::client().build().expect("client"), base, root }
}

fn descriptor(kind: &str, digest: Digest, size: usize) -> Value {
    json!({ "mediaType": kind, "digest": digest, "size": size })
}

fn image(config: Digest, layers: &[(Digest, usize)], extra: Value) -> Vec<u8> {
    let layers: Vec<_> = layers.iter().map(|(digest, size)| descriptor("t/layer", *digest, *size)).collect();
    let mut document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": layers, "config": descriptor("t/config", config, 2),
    });
    document.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    document.to_string().into_bytes()
}

impl Served {
    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Response {
        let request = self.client.request(method.parse().expect("a method"), format!("{}{path}", self.base));
        request.header("content-type", kind).body(body).send().await.expect("an answer")
    }

    async fn status(&self, method: &str, path: &str) -> u16 {
        self.send(method, path, "", vec![]).await.status().as_u16()
    }

    async fn blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        assert_eq!(self.send("POST", &path, "", bytes.to_vec()).await.status(), 201);
        digest
    }

    async fn manifest(&self, repository: &str, name: &str, kind: &str, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        let name = if name.is_empty() { digest.to_string() } else { name.to_owned() };
        let answer = self.send("PUT", &format!("/v2/{repository}/manifests/{name}"), kind, bytes).await;
        assert_eq!(answer.status(), 201, "{:?}", answer.text().await);
        digest
    }

    /// An image with a layer of its own.
    async fn image(&self, repository: &str, name: &str, layer: &str, extra: Value) -> (Digest, Digest) {
        let config = self.blob(repository, b"{}").await;
        let layer = (self.blob(repository, layer.as_bytes()).await, layer.len());
        let digest = self.manifest(repository, name, MANIFEST, image(config, &[layer], extra)).await;
        (digest, layer.0)
    }

    fn path(&self, repository: &str, digest: Digest) -> PathBuf {
        self.root.path().join(repository).join("_layout/blobs/sha256").join(digest.hex())
    }

    /// Makes every file among the blobs older by so much, as if nobody had asked for one since.
    fn age(&self, by: Duration) {
        for blob in blobs(self.root.path()) {
            let file = File::open(&blob).expect("opened");
            let modified = file.metadata().expect("found").modified().expect("a time");
            file.set_modified(modified - by).expect("set");
        }
    }

    fn collect(&self, grace: Duration, untagged: Option<Duration>, dry_run: DryRun) -> Vec<CollectedRepository> {
        let rule = Rule { now: SystemTime::now(), grace, untagged };
        collect_garbage(self.root.path(), rule, dry_run, &Cancellation::default(), |_| ()).expect("collected")
    }

    fn collect_one(&self, grace: Duration, untagged: Option<Duration>) -> Result<Collected, Fault> {
        let mut all = self.collect(grace, untagged, DryRun::No);
        assert_eq!(all.len(), 1);
        all.remove(0).outcome
    }
}

/// Every file below a directory of blobs.
fn blobs(root: &Path) -> BTreeSet<PathBuf> {
    let (mut open, mut found) = (vec![root.to_owned()], BTreeSet::new());
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("listed") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false if path.components().any(|part| part.as_os_str() == "blobs") => drop(found.insert(path)),
                false => {}
            }
        }
    }
    found
}

#[tokio::test]
async fn what_nothing_names_goes_once_its_grace_is_over_and_what_something_names_stays() {
    let served = served().await;
    let (tagged, layer) = served.image("a", "1", "layer", json!({})).await;
    let (pinned, pinned_layer) = served.image("a", "", "pinned", json!({})).await;
    let (deleted, orphan) = served.image("a", "gone", "orphan", json!({})).await;
    assert_eq!(served.status("DELETE", &format!("/v2/a/manifests/{deleted}")).await, 202);
    let collected = served.collect_one(DAY, None).expect("collected");
    assert_eq!(collected, Collected::default(), "it is too young");
    served.age(DAY);
    let foreseen = served.collect(DAY, None, DryRun::Yes).remove(0).outcome.expect("foreseen");
    assert!(served.path("a", orphan).exists());
    let collected = served.collect_one(DAY, None).expect("collected");
    assert_eq!(collected, Collected { manifests: vec![], blobs: 1, freed_bytes: 6 });
    assert_eq!(foreseen, collected, "a dry run says what a real one does");
    assert!(!served.path("a", orphan).exists());
    for digest in [tagged, layer, pinned, pinned_layer] {
        assert!(served.path("a", digest).exists(), "{digest}");
    }
    assert_eq!(served.status("GET", "/v2/a/manifests/1").await, 200);
    assert_eq!(served.status("GET", &format!("/v2/a/manifests/{pinned}")).await, 200);
    assert_eq!(served.collect_one(DAY, None).expect("collected"), Collected::default(), "nothing is left to do");
}

#[tokio::test]
async fn asking_mounting_and_sending_renew_the_grace() {
    let served = served().await;
    for round in ["asked", "mounted", "mounted there", "sent", "left"] {
        let digest = served.blob("a", round.as_bytes()).await;
        if round == "mounted there" {
            served.blob("b", round.as_bytes()).await;
        }
        served.age(DAY * 2);
        match round {
            "asked" => assert_eq!(served.status("HEAD", &format!("/v2/a/blobs/{digest}")).await, 200),
            "mounted" | "mounted there" => {
                let path = format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
                assert_eq!(served.status("POST", &path).await, 201);
            }
            "sent" => drop(served.blob("a", round.as_bytes()).await),
            _ => {}
        }
        served.collect(DAY, None, DryRun::No).into_iter().for_each(|one| drop(one.outcome.expect("collected")));
        let expected = if round == "left" { (false, 404) } else { (true, 200) };
        let path = |repository: &str| format!("/v2/{repository}/blobs/{digest}");
        assert_eq!((served.path("a", digest).exists(), served.status("GET", &path("a")).await), expected, "{round}");
        if round.starts_with("mounted") {
            assert_eq!(served.status("GET", &path("b")).await, 200, "{round}");
        }
    }
}

#[tokio::test]
async fn a_manifest_whose_blobs_are_gone_is_refused_and_makes_no_repository() {
    let served = served().await;
    let config = served.blob("a", b"{}").await;
    let layer = (served.blob("a", b"layer").await, 5);
    served.age(DAY);
    assert_eq!(served.collect_one(DAY, None).expect("collected").blobs, 2);
    for repository in ["a", "new/one"] {
        let path = format!("/v2/{repository}/manifests/1");
        let answer = served.send("PUT", &path, MANIFEST, image(config, &[layer], json!({}))).await;
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.expect("a body").contains("MANIFEST_BLOB_UNKNOWN"), "{repository}");
    }
    assert!(!served.root.path().join("new").exists());
}

#[tokio::test]
async fn manifests_without_a_tag_go_by_their_age_unless_something_keeps_them() {
    let served = served().await;
    let (child, child_layer) = served.image("a", "", "child", json!({})).await;
    let size = fs::metadata(served.path("a", child)).expect("there").len() as usize;
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(MANIFEST, child, size)] });
    let index = served.manifest("a", "1", INDEX, index.to_string().into_bytes()).await;
    let subject = |digest| {
        let size = fs::metadata(served.path("a", digest)).expect("there").len() as usize;
        json!({ "subject": descriptor(MANIFEST, digest, size), "artifactType": "sig/x" })
    };
    let (signature, _) = served.image("a", "", "signature", subject(child)).await;
    let (second, _) = served.image("a", "", "of the signature", subject(signature)).await;
    let (old, old_layer) = served.image("a", "", "old", json!({})).await;
    let (about_old, _) = served.image("a", "", "about old", subject(old)).await;
    let (moved, _) = served.image("a", "moved", "moved", json!({})).await;
    let (untagged, _) = served.image("a", "untagged", "untagged", json!({})).await;
    let (pinned, _) = served.image("a", "", "pinned", json!({})).await;
    let everything = blobs(served.root.path());
    served.age(DAY * 30);
    // Nobody has said that they may go.
    assert_eq!(served.collect_one(DAY, None).expect("collected"), Collected::default());
    assert_eq!(blobs(served.root.path()), everything);
    // What lost its tag a moment ago had one until then, and what somebody asked for is somebody's.
    served.image("a", "moved", "another", json!({})).await;
    assert_eq!(served.status("DELETE", "/v2/a/manifests/untagged").await, 202);
    assert_eq!(served.status("HEAD", &format!("/v2/a/manifests/{pinned}")).await, 200);
    let foreseen = served.collect(DAY, Some(DAY * 7), DryRun::Yes).remove(0).outcome.expect("foreseen");
    let mut collected = served.collect_one(DAY, Some(DAY * 7)).expect("collected");
    assert_eq!((foreseen.blobs, foreseen.freed_bytes), (collected.blobs, collected.freed_bytes));
    collected.manifests.sort();
    let mut expected = [old, about_old].map(|digest| digest.to_string());
    expected.sort();
    assert_eq!(collected.manifests.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
    assert!(!served.path("a", old_layer).exists() && !served.path("a", old).exists());
    for digest in [index, child, signature, second, moved, untagged, pinned] {
        assert_eq!(served.status("GET", &format!("/v2/a/manifests/{digest}")).await, 200, "{digest}");
    }
    assert!(served.path("a", child_layer).exists());
    for digest in [old, about_old] {
        assert_eq!(served.status("GET", &format!("/v2/a/manifests/{digest}")).await, 404);
    }
    let found = served.send("GET", &format!("/v2/a/referrers/{old}"), "", vec![]).await;
    let found: Value = serde_json::from_slice(&found.bytes().await.expect("a body")).expect("JSON");
    assert_eq!(found["manifests"], json!([]));
}

#[tokio::test]
async fn one_manifest_that_cannot_be_read_keeps_its_repository_and_no_other() {
    for damage in ["missing", "damaged", "no manifest"] {
        let served = served().await;
        let (broken, _) = served.image("a", "1", "layer", json!({})).await;
        for repository in ["a", "b"] {
            served.blob(repository, b"orphan").await;
        }
        let path = served.path("a", broken);
        match damage {
            "missing" => fs::remove_file(&path).expect("removed"),
            "damaged" => fs::write(&path, "{}").expect("written"),
            _ => {
                let other = Digest::of(b"text");
                fs::write(served.path("a", other), "text").expect("written");
                let index = served.root.path().join("a/_layout/index.json");
                let listed = json!({ "schemaVersion": 2, "manifests": [descriptor(MANIFEST, other, 4)] });
                fs::write(index, listed.to_string()).expect("written");
            }
        }
        served.age(DAY);
        let before = blobs(&served.root.path().join("a"));
        let all = served.collect(DAY, None, DryRun::No);
        let fault = all[0].outcome.as_ref().expect_err(damage);
        assert_eq!(fault.reason(), Reason::LayoutInvalid);
        let named = if damage == "no manifest" { Digest::of(b"text") } else { broken };
        assert!(fault.message().contains(&named.to_string()), "{fault}");
        assert_eq!(blobs(&served.root.path().join("a")), before, "{damage}");
        assert_eq!(all[1].outcome.as_ref().expect("collected").blobs, 1);
    }
}

#[tokio::test]
async fn foreign_files_stay_and_what_repositories_share_is_freed_by_the_last() {
    let served = served().await;
    let digest = served.blob("a", b"shared").await;
    let mount = format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    assert_eq!(served.status("POST", &mount).await, 201);
    let places = ["README", "a/_layout/README", "a/_layout/blobs/README", "a/_layout/blobs/sha256/README", "b/x"];
    for place in places {
        fs::write(served.root.path().join(place), "mine").expect("written");
    }
    served.age(DAY);
    let freed: Vec<_> =
        served.collect(DAY, None, DryRun::No).into_iter().map(|one| one.outcome.expect("done")).collect();
    let amounts: Vec<_> = freed.iter().map(|one| (one.blobs, one.freed_bytes)).collect();
    assert_eq!(amounts, [(1, 0), (1, 6)]);
    for place in places {
        assert_eq!(fs::read(served.root.path().join(place)).expect("there"), b"mine", "{place}");
    }
    let left: Vec<_> = fs::read_dir(served.root.path().join("a/_layout")).expect("listed").collect();
    assert_eq!(left.len(), 4, "index.json, oci-layout, blobs and the README: {left:?}");
}

#[tokio::test]
async fn a_second_collection_and_a_stopped_one_change_nothing() {
    let served = served().await;
    let digest = served.blob("a", b"orphan").await;
    served.age(DAY);
    let rule = Rule { now: SystemTime::now(), grace: DAY, untagged: None };
    let collect = |cancellation: &Cancellation| {
        collect_garbage(served.root.path(), rule, DryRun::No, cancellation, |_| ()).map(|all| all.len())
    };
    let inner = std::cell::RefCell::new(None);
    // While one is under way.
    let outer = collect_garbage(served.root.path(), rule, DryRun::No, &Cancellation::default(), |_| {
        inner.replace(Some(collect(&Cancellation::default()).expect_err("refused")));
        assert!(served.path("a", digest).exists());
    });
    outer.expect("collected");
    assert_eq!(inner.into_inner().expect("asked").reason(), Reason::Locked);
    served.blob("a", b"orphan").await;
    served.age(DAY);
    let stopped = Cancellation::default();
    stopped.cancel();
    assert_eq!(collect(&stopped).expect_err("stopped").reason(), Reason::Interrupted);
    assert!(served.path("a", digest).exists());
    assert!(!served.root.path().join(".aisoc-gc-lock").exists());
    let nowhere = served.root.path().join("nowhere");
    let missing = collect_garbage(&nowhere, rule, DryRun::No, &Cancellation::default(), |_| ());
    assert_eq!(missing.expect_err("missing").reason(), Reason::IoNotFound);
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn a_layout_of_its_own_is_collected_with_the_children_that_it_does_not_list() {
    let served = served().await;
    let (child, layer) = served.image("a", "", "child", json!({})).await;
    let size = fs::metadata(served.path("a", child)).expect("there").len() as usize;
    let manifests = [descriptor(MANIFEST, child, size)];
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    let index = served.manifest("a", "1", INDEX, index.to_string().into_bytes()).await;
    let orphan = served.blob("a", b"orphan").await;
    // As other tools write it: the index alone is listed.
    let root = served.root.path().join("a/_layout");
    let size = fs::metadata(served.path("a", index)).expect("there").len() as usize;
    let document = json!({ "schemaVersion": 2, "manifests": [descriptor(INDEX, index, size)] });
    fs::write(root.join("index.json"), document.to_string()).expect("written");
    let _ = fs::remove_file(root.join(".aisoc-changes"));
    served.age(DAY);
    let rule = Rule { now: SystemTime::now(), grace: DAY, untagged: None };
    let mut all = collect_garbage(&root, rule, DryRun::No, &Cancellation::default(), |_| ()).expect("collected");
    assert_eq!((all.len(), &all[0].name), (1, &None));
    assert_eq!(all.remove(0).outcome.expect("collected").blobs, 1);
    assert!(!served.path("a", orphan).exists());
    assert!([index, child, layer].iter().all(|digest| served.path("a", *digest).exists()));
}

/// What a client saw answered with 201 can be fetched with all that it names, whatever was collected meanwhile, and what
/// was refused was refused because a blob is gone.
#[tokio::test]
async fn collecting_beside_pushes_mounts_and_skipped_uploads_leaves_nothing_unresolvable() {
    const PUSHES: usize = 200;
    let served = Arc::new(served().await);
    let done = Arc::new(AtomicBool::new(false));
    let rounds = Arc::new(AtomicUsize::new(0));
    let collector = {
        let (served, done, rounds) = (Arc::clone(&served), Arc::clone(&done), Arc::clone(&rounds));
        std::thread::spawn(move || {
            while !done.load(Ordering::SeqCst) {
                // No grace at all: whatever can go wrong, goes wrong here first.
                for one in served.collect(Duration::ZERO, None, DryRun::No) {
                    one.outcome.expect("collected");
                }
                rounds.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let (mut stored, mut refused) = (Vec::new(), 0);
    for number in 0..PUSHES {
        let repository = ["a", "b", "c"][number % 3];
        let layer = format!("layer {}", number / 4);
        let (config, digest) = (Digest::of(b"{}"), Digest::of(layer.as_bytes()));
        for (blob, bytes) in [(config, "{}"), (digest, layer.as_str())] {
            let from = ["b", "c", "a"][number % 3];
            let is_there = match number % 2 {
                0 => served.status("HEAD", &format!("/v2/{repository}/blobs/{blob}")).await == 200,
                _ => {
                    let path = format!("/v2/{repository}/blobs/uploads/?mount={blob}&from={from}");
                    served.status("POST", &path).await == 201
                }
            };
            if !is_there {
                served.blob(repository, bytes.as_bytes()).await;
            }
        }
        let bytes = image(config, &[(digest, layer.len())], json!({ "annotations": { "n": number.to_string() } }));
        let manifest = Digest::of(&bytes);
        let name = if number % 5 == 0 { manifest.to_string() } else { format!("v{number}") };
        let path = format!("/v2/{repository}/manifests/{name}");
        match served.send("PUT", &path, MANIFEST, bytes).await.status().as_u16() {
            201 => stored.push((repository, name, manifest, [config, digest])),
            400 => refused += 1,
            other => panic!("{other}"),
        }
    }
    done.store(true, Ordering::SeqCst);
    collector.join().expect("it collects to the end");
    for (repository, name, manifest, blobs) in &stored {
        let answer = served.send("GET", &format!("/v2/{repository}/manifests/{name}"), "", vec![]).await;
        assert_eq!(answer.status(), 200, "{name}");
        assert_eq!(Digest::of(&answer.bytes().await.expect("a body")), *manifest);
        for blob in blobs {
            let answer = served.send("GET", &format!("/v2/{repository}/blobs/{blob}"), "", vec![]).await;
            assert_eq!(answer.status(), 200, "{name} names {blob}");
            assert_eq!(Digest::of(&answer.bytes().await.expect("a body")), *blob);
        }
    }
    println!("{} stored, {refused} refused, {} collections", stored.len(), rounds.load(Ordering::SeqCst));
    assert!(stored.len() >= PUSHES / 4 && rounds.load(Ordering::SeqCst) > 5);
}
