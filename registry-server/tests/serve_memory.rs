//! What the registry keeps in memory. A test program of its own: the memory of others would count too.

mod common;

use aisoc_manifests::digest::Digest;
use aisoc_registry_server::{ServeOptions, Store, serve};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Connections of each kind, with 3 MiB each.
const COUNT: usize = 25;

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// Stores a manifest with 3 MiB of notes about `subject`.
async fn put_referrer(base: &str, subject: Digest) {
    let client = common::client().build().expect("client");
    let config = Digest::of(b"{}");
    let blob = client.post(format!("{base}/v2/a/blobs/uploads/?digest={config}")).body("{}");
    assert_eq!(blob.send().await.expect("an answer").status(), 201);
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2 },
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 2 },
        "annotations": { "note": "x".repeat(3 << 20) },
    });
    let manifest = client.put(format!("{base}/v2/a/manifests/1")).header("content-type", MANIFEST);
    assert_eq!(manifest.body(document.to_string()).send().await.expect("an answer").status(), 201);
}

#[tokio::test]
async fn documents_on_their_way_wait_in_files_and_not_in_memory() {
    let store = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    let opened = Store::open(store.path()).expect("store");
    tokio::spawn(async move { serve(listener, opened, ServeOptions::default()).await.expect("served") });
    let subject = Digest::of(b"a subject");
    put_referrer(&format!("http://{address}"), subject).await;

    let get = format!("GET /v2/a/referrers/{subject} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let put = format!("PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: {address}\r\nContent-Length: 4000000\r\n\r\n");
    let unfinished = vec![b' '; 3 << 20];
    let before = resident();
    let mut held = Vec::new();
    for _ in 0..COUNT {
        let mut deaf = TcpStream::connect(&address).await.expect("connected");
        deaf.write_all(get.as_bytes()).await.expect("sent");
        let mut slow = TcpStream::connect(&address).await.expect("connected");
        slow.write_all(put.as_bytes()).await.expect("sent");
        slow.write_all(&unfinished).await.expect("sent");
        held.extend([deaf, slow]);
    }
    let more = resident().saturating_sub(before);
    assert!(more < 64 << 20, "150 MiB of documents on their way take {} MiB", more >> 20);
}
