//! The index that a registry keeps: it says what is on the disk, whoever wrote it, and other tools read what it says.

mod common;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::layout::Directory;
use aisoc_registry_server::{ServeOptions, Store, serve_until};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// One registry process, as it were: nothing of it is left when it has stopped but the directory.
struct Served {
    client: Client,
    base: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn served(root: &TempDir) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let (stop, stopped) = oneshot::channel::<()>();
    let opened = Store::open(root.path()).expect("store");
    let options = ServeOptions { stop_timeout: Duration::from_millis(10), ..ServeOptions::default() };
    let ended = tokio::spawn(async move {
        serve_until(listener, opened, options, async { drop(stopped.await) }).await.expect("served");
    });
    Served { client: common::client().build().expect("client"), base, stop, ended }
}

fn layout(root: &TempDir) -> PathBuf {
    root.path().join("a/_layout")
}

impl Served {
    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Response {
        let url = format!("{}{path}", self.base);
        let request = self.client.request(method.parse().expect("a method"), url).header("content-type", kind);
        request.body(body).send().await.expect("an answer")
    }

    async fn status(&self, method: &str, path: &str) -> u16 {
        self.send(method, path, "", vec![]).await.status().as_u16()
    }

    async fn json(&self, path: &str) -> (Value, Option<String>) {
        let answer = self.send("GET", path, "", vec![]).await;
        assert_eq!(answer.status(), 200, "{path}");
        let link = answer.headers().get("link").map(|link| link.to_str().expect("text").to_owned());
        (serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON"), link)
    }

    async fn tags(&self) -> Vec<String> {
        let (found, _) = self.json("/v2/a/tags/list").await;
        found["tags"].as_array().expect("a list").iter().map(|tag| tag.as_str().expect("text").to_owned()).collect()
    }

    async fn referrers(&self, subject: Digest, query: &str) -> Vec<String> {
        let (found, _) = self.json(&format!("/v2/a/referrers/{subject}{query}")).await;
        let listed = found["manifests"].as_array().expect("a list").iter();
        listed.map(|entry| entry["digest"].as_str().expect("text").to_owned()).collect()
    }

    /// Stores an image with `extra` in it under that tag, or under its digest, and says the digest.
    async fn put(&self, tag: &str, extra: Value) -> Digest {
        let config = Digest::of(b"{}");
        let path = format!("/v2/a/blobs/uploads/?digest={config}");
        assert_eq!(self.send("POST", &path, "", b"{}".to_vec()).await.status(), 201);
        let mut document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": EMPTY, "digest": config, "size": 2 },
        });
        document.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
        let bytes = document.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let name = if tag.is_empty() { digest.to_string() } else { tag.to_owned() };
        assert_eq!(self.send("PUT", &format!("/v2/a/manifests/{name}"), MANIFEST, bytes).await.status(), 201);
        digest
    }

    async fn end(self) {
        self.stop.send(()).expect("it serves");
        self.ended.await.expect("ended");
    }
}

fn about(subject: Digest, kind: &str, number: usize) -> Value {
    let subject = json!({ "mediaType": MANIFEST, "digest": subject, "size": 2 });
    json!({ "subject": subject, "artifactType": kind, "annotations": { "number": number.to_string() } })
}

/// The tags that a reader of `index.json` alone sees.
fn tags_of_document(root: &TempDir) -> Vec<String> {
    let bytes = fs::read(layout(root).join("index.json")).expect("there");
    let document: Value = serde_json::from_slice(&bytes).expect("an index");
    let names = document["manifests"].as_array().expect("a list").iter();
    let name = |entry: &Value| entry["annotations"]["org.opencontainers.image.ref.name"].as_str().map(str::to_owned);
    names.filter_map(name).collect()
}

#[tokio::test]
async fn pages_of_tags_end_where_they_should() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    for tag in ["b", "a", "c"] {
        served.put(tag, json!({})).await;
    }
    for (query, expected, is_more) in [
        ("", vec!["a", "b", "c"], false),
        ("?n=0", vec![], false),
        ("?n=2", vec!["a", "b"], true),
        ("?n=3", vec!["a", "b", "c"], false),
        ("?n=4", vec!["a", "b", "c"], false),
        ("?n=18446744073709551615", vec!["a", "b", "c"], false),
        ("?n=1&last=a", vec!["b"], true),
        ("?n=1&last=b", vec!["c"], false),
        ("?n=1&last=c", vec![], false),
        ("?last=aa", vec!["b", "c"], false),
        ("?last=zzz", vec![], false),
    ] {
        let (found, link) = served.json(&format!("/v2/a/tags/list{query}")).await;
        assert_eq!((&found["tags"], link.is_some()), (&json!(expected), is_more), "{query}");
        let next =
            expected.last().map(|last| format!("</v2/a/tags/list?n={}&last={last}>; rel=\"next\"", expected.len()));
        assert_eq!(link, next.filter(|_| is_more), "{query}");
    }
    for query in ["?n=18446744073709551616", "?n=-1", "?n=x", "?n="] {
        assert_eq!(served.status("GET", &format!("/v2/a/tags/list{query}")).await, 400, "{query}");
    }
}

#[tokio::test]
async fn a_tag_is_on_the_disk_when_it_is_answered_and_others_read_it_soon() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    served.put("1", json!({})).await;
    let changes = layout(&root).join(".aisoc-changes");
    let line = fs::read_to_string(&changes).expect("a line for each change");
    assert!(line.ends_with('\n') && line.contains("\"tag\":\"1\""), "{line}");
    let read = Directory::open(&layout(&root)).expect("a layout").index().expect("an index");
    assert_eq!(read.manifests.len(), 1, "aisoc reads the lines, too");
    for _ in 0..100 {
        if tags_of_document(&root) == ["1"] {
            assert!(!changes.exists(), "what is in the document is no change to it");
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("the document is never written");
}

#[tokio::test]
async fn whoever_stops_leaves_a_whole_document_and_who_begins_reads_what_a_kill_has_left() {
    let root = tempfile::tempdir().expect("directory");
    let first = served(&root).await;
    let digest = first.put("1", json!({})).await;
    first.end().await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(tags_of_document(&root), ["1"]);

    // A kill between the lines and the document, with a line that a power cut has left half.
    let manifest = json!({ "mediaType": MANIFEST, "digest": digest, "size": 1 });
    let line = json!({ "change": "put", "manifest": manifest, "tag": "2" });
    fs::write(layout(&root).join(".aisoc-changes"), format!("{line}\n{{\"change\":\"unt")).expect("written");
    let second = served(&root).await;
    assert_eq!(second.tags().await, ["1", "2"]);
    second.put("3", json!({})).await;
    assert_eq!(second.status("DELETE", "/v2/a/manifests/1").await, 202);
    second.end().await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(tags_of_document(&root), ["2", "3"]);
}

#[tokio::test]
async fn lines_that_cannot_be_read_are_an_error_and_no_shorter_list() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    served.put("1", json!({})).await;
    fs::write(layout(&root).join(".aisoc-changes"), "{\"change\":\"other\"}\n").expect("written");
    assert_eq!(served.status("GET", "/v2/a/tags/list").await, 500);
    assert_eq!(served.status("GET", "/v2/a/manifests/1").await, 500);
}

#[tokio::test]
async fn what_another_tool_writes_is_seen_at_once() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    let digest = served.put("1", json!({})).await;
    assert_eq!(served.tags().await, ["1"]);
    let layout = Directory::open(&layout(&root)).expect("a layout");
    let entry = layout.index().expect("an index").manifests.remove(0);
    // Ours, which keeps other writers out, and takes over what was not in the document yet.
    layout
        .update(|index| {
            aisoc_registry_client::layout::index::insert(index, &entry, Some(&"2".parse().expect("a tag")));
            Ok(())
        })
        .expect("updated");
    assert_eq!(served.tags().await, ["1", "2"]);
    assert_eq!(served.status("HEAD", "/v2/a/manifests/2").await, 200);
    // Another one, which writes the document and knows of nothing else.
    sleep(Duration::from_millis(50)).await;
    let path = root.path().join("a/_layout/index.json");
    let written = fs::read_to_string(&path).expect("read").replace("\"2\"", "\"3\"");
    fs::write(&path, written).expect("written in place");
    assert_eq!(served.tags().await, ["1", "3"]);
    served.put("4", json!({})).await;
    assert_eq!(served.tags().await, ["1", "3", "4"]);
    assert_eq!(served.status("DELETE", &format!("/v2/a/manifests/{digest}")).await, 202);
    assert_eq!(served.tags().await, Vec::<String>::new());
}

#[tokio::test]
async fn two_registries_of_one_directory_say_the_same() {
    let root = tempfile::tempdir().expect("directory");
    let (one, other) = (served(&root).await, served(&root).await);
    for number in 0..20 {
        let (writer, reader) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        writer.put(&format!("v{number:02}"), json!({})).await;
        assert_eq!(reader.tags().await.len(), number + 1);
    }
    assert_eq!(other.status("DELETE", "/v2/a/manifests/v00").await, 202);
    assert_eq!(one.status("GET", "/v2/a/manifests/v00").await, 404);
}

#[tokio::test]
async fn pushes_of_one_blob_and_one_tag_at_once_leave_one_of_them() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    let pushed = (0..40).map(|number| served.put("same", json!({ "annotations": { "n": (number % 4).to_string() } })));
    let digests = futures_util::future::join_all(pushed).await;
    let answer = served.send("GET", "/v2/a/manifests/same", "", vec![]).await;
    let bytes = answer.bytes().await.expect("a body");
    assert!(digests.contains(&Digest::of(&bytes)));
    assert_eq!(served.tags().await, ["same"]);
    for digest in digests {
        assert_eq!(served.status("GET", &format!("/v2/a/manifests/{digest}")).await, 200, "what lost its tag is kept");
    }
}

#[tokio::test]
async fn a_manifest_that_is_deleted_and_pushed_at_once_is_there_or_not() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    let digest = served.put("1", json!({})).await;
    for _ in 0..20 {
        let path = format!("/v2/a/manifests/{digest}");
        futures_util::future::join(served.put("1", json!({})), served.status("DELETE", &path)).await;
        let (tags, status) = (served.tags().await, served.status("GET", "/v2/a/manifests/1").await);
        assert_eq!((tags.len(), status), if status == 200 { (1, 200) } else { (0, 404) });
    }
}

#[tokio::test]
async fn referrers_follow_pushes_deletes_and_restarts() {
    let root = tempfile::tempdir().expect("directory");
    let first = served(&root).await;
    let probe = first.put("", json!({ "annotations": { "name": "subject" } })).await;
    assert_eq!(first.status("DELETE", &format!("/v2/a/manifests/{probe}")).await, 202);
    // Before what they are about is there.
    let signature = first.put("", about(probe, "sig/x", 1)).await.to_string();
    let report = first.put("report", about(probe, "sbom/x", 2)).await.to_string();
    let mut both = vec![signature.clone(), report.clone()];
    both.sort();
    assert_eq!(first.referrers(probe, "").await, both);
    assert_eq!(first.put("subject", json!({ "annotations": { "name": "subject" } })).await, probe);
    assert_eq!(first.referrers(probe, "").await, both);
    assert_eq!(first.referrers(probe, "?artifactType=sig/x").await, std::slice::from_ref(&signature));
    assert_eq!(first.referrers(probe, "?artifactType=other").await, Vec::<String>::new());
    first.end().await;

    let second = served(&root).await;
    assert_eq!(second.referrers(probe, "").await, both);
    assert_eq!(second.status("DELETE", &format!("/v2/a/manifests/{signature}")).await, 202);
    assert_eq!(second.referrers(probe, "").await, std::slice::from_ref(&report));
    assert_eq!(second.status("DELETE", "/v2/a/manifests/report").await, 202);
    assert_eq!(second.referrers(probe, "").await, [report], "a tag less, and the manifest is there");
    assert_eq!(second.status("DELETE", &format!("/v2/a/manifests/{probe}")).await, 202);
    assert_eq!(second.put("", about(probe, "sig/x", 1)).await.to_string(), signature);
    assert_eq!(second.referrers(probe, "").await, both);
}

#[tokio::test]
async fn a_question_for_referrers_reads_those_alone() {
    let root = tempfile::tempdir().expect("directory");
    let served = served(&root).await;
    let (subject, other) = (Digest::of(b"a subject"), Digest::of(b"another"));
    let mine = served.put("", about(subject, "sig/x", 1)).await.to_string();
    let damaged = served.put("", about(other, "sig/x", 2)).await;
    assert_eq!(served.referrers(subject, "").await, std::slice::from_ref(&mine));
    let path = layout(&root).join("blobs/sha256").join(damaged.hex());
    fs::write(path, "damaged").expect("written");
    assert_eq!(served.referrers(subject, "").await, [mine]);
    assert_eq!(served.status("GET", &format!("/v2/a/referrers/{other}")).await, 400, "this one is asked for");
}

/// Every file below a directory, with its content.
fn contents(root: &std::path::Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let (mut open, mut found) = (vec![root.to_owned()], std::collections::BTreeMap::new());
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("listed") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.clone(), fs::read(path).expect("read"))),
            }
        }
    }
    found
}

#[tokio::test]
async fn a_store_that_is_read_alone_has_the_changes_of_another_process_and_is_left_as_it_is() {
    let root = tempfile::tempdir().expect("directory");
    let first = served(&root).await;
    let digest = first.put("1", json!({})).await;
    first.end().await;
    sleep(Duration::from_millis(100)).await;
    let size = fs::metadata(layout(&root).join("blobs/sha256").join(digest.hex())).expect("there").len();
    let manifest = json!({ "mediaType": MANIFEST, "digest": digest, "size": size });
    let line = |tag: &str| format!("{}\n", json!({ "change": "put", "manifest": manifest, "tag": tag }));
    fs::write(layout(&root).join(".aisoc-changes"), line("2") + "{\"change\":\"unt").expect("written");
    let before = contents(root.path());

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let store = Store::open_read_only(root.path()).expect("store");
    let options = ServeOptions { read_only: true, ..ServeOptions::default() };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(async move {
        serve_until(listener, store, options, async { drop(stopped.await) }).await.expect("served");
    });
    let reader = Served { client: common::client().build().expect("client"), base, stop, ended };
    assert_eq!(reader.tags().await, ["1", "2"]);
    for name in ["1", "2", &digest.to_string()] {
        assert_eq!(reader.status("GET", &format!("/v2/a/manifests/{name}")).await, 200, "{name}");
    }
    assert_eq!(reader.status("HEAD", &format!("/v2/a/blobs/{digest}")).await, 200);
    // Longer than a document is left behind where it may be written.
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(contents(root.path()), before);
    // The other process goes on.
    let more = fs::OpenOptions::new().append(true).open(layout(&root).join(".aisoc-changes")).expect("opened");
    std::io::Write::write_all(&mut &more, format!("~\n{}", line("3")).as_bytes()).expect("written");
    assert_eq!(reader.tags().await, ["1", "2", "3"]);
    reader.end().await;
    assert_eq!(contents(root.path()).len(), before.len());
}

#[tokio::test]
async fn a_page_has_so_many_referrers_and_one_more_is_on_the_next() {
    const PAGE: usize = 1_000;
    let root = tempfile::tempdir().expect("directory");
    let first = served(&root).await;
    first.put("1", json!({})).await;
    first.end().await;
    sleep(Duration::from_millis(100)).await;
    let subject = Digest::of(b"subject");
    // As another tool writes them: a push of each would sync a thousand files.
    let mut listed = Vec::new();
    for number in 0..=PAGE {
        let mut document = about(subject, "sig/x", number);
        document["schemaVersion"] = 2.into();
        document["mediaType"] = MANIFEST.into();
        let bytes = document.to_string();
        let digest = Digest::of(bytes.as_bytes());
        fs::write(layout(&root).join("blobs/sha256").join(digest.hex()), &bytes).expect("written");
        listed.push(json!({ "mediaType": MANIFEST, "digest": digest, "size": bytes.len() }));
    }
    let second = served(&root).await;
    for (count, sizes) in [(PAGE - 1, vec![PAGE - 1]), (PAGE, vec![PAGE]), (PAGE + 1, vec![PAGE, 1])] {
        let index = json!({ "schemaVersion": 2, "manifests": listed[..count] });
        fs::write(layout(&root).join("index.json"), index.to_string()).expect("written");
        let (mut path, mut found) = (Some(format!("/v2/a/referrers/{subject}")), Vec::new());
        while let Some(next) = path {
            let (page, link) = second.json(&next).await;
            found.push(page["manifests"].as_array().expect("a list").len());
            let target = link.as_deref().and_then(|link| link.strip_prefix('<')?.split('>').next());
            path = target.map(str::to_owned);
        }
        assert_eq!(found, sizes, "{count}");
    }
}
