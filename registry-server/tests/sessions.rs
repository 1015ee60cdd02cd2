//! Uploads that are begun and not ended: clients that hang, come back, stay away, or begin too many.

mod common;

use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_registry_server::{ServeOptions, Store, serve};
use reqwest::{Client, Response};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

struct Served {
    client: Client,
    address: String,
    root: TempDir,
}

async fn served(options: ServeOptions) -> Served {
    let root = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    let store = Store::open(root.path()).expect("store");
    tokio::spawn(async move { serve(listener, store, options).await.expect("served") });
    Served { client: common::client().build().expect("client"), address, root }
}

impl Served {
    async fn send(&self, method: &str, path: &str, range: Option<&str>, body: &'static [u8]) -> Response {
        let request = self.client.request(method.parse().expect("a method"), format!("http://{}{path}", self.address));
        let request = range.into_iter().fold(request, |request, range| request.header("content-range", range));
        request.body(body).send().await.expect("an answer")
    }

    async fn begin(&self, repository: &str) -> String {
        let begun = self.send("POST", &format!("/v2/{repository}/blobs/uploads/"), None, b"").await;
        assert_eq!(begun.status(), 202);
        begun.headers()["location"].to_str().expect("text").to_owned()
    }

    async fn is_open(&self, session: &str) -> bool {
        self.send("GET", session, None, b"").await.status() == 204
    }

    /// Begins a PATCH of ten bytes, sends so many of them, and hangs.
    async fn hang(&self, session: &str, bytes: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).await.expect("connected");
        let head = format!("PATCH {session} HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\n{bytes}", self.address);
        stream.write_all(head.as_bytes()).await.expect("sent");
        let end = format!("0-{}", bytes.len() - 1);
        for _ in 0..200 {
            let status = self.send("GET", session, None, b"").await;
            assert_eq!(status.status(), 204, "also while somebody writes");
            if status.headers()["range"] == end.as_str() {
                return stream;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("what arrived is not seen");
    }

    /// Files that uploads wait in.
    fn waiting(&self) -> usize {
        let entries = std::fs::read_dir(self.root.path()).expect("listed").flatten();
        let uploads = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(".aisoc-uploads-"));
        let files = uploads.flat_map(|entry| std::fs::read_dir(entry.path()).expect("listed").flatten());
        files.filter(|entry| entry.file_name().to_string_lossy().starts_with("file-")).count()
    }
}

#[tokio::test]
async fn an_upload_is_asked_about_and_gone_on_with_while_a_request_hangs() {
    let served = served(ServeOptions::default()).await;
    let session = served.begin("a").await;
    let hangs = served.hang(&session, "01234").await;
    let digest = Digest::of(b"0123456789");
    for range in ["4-8", "6-10"] {
        let refused = served.send("PATCH", &session, Some(range), b"45678").await;
        assert_eq!(refused.status(), 416, "{range}");
    }
    let blind = served.send("PATCH", &session, None, b"56789").await;
    assert_eq!(blind.status(), 429, "it does not know what it would follow");
    let began = Instant::now();
    let done = served.send("PUT", &format!("{session}?digest={digest}"), Some("5-9"), b"56789").await;
    assert_eq!(done.status(), 201);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let blob = served.send("GET", &format!("/v2/a/blobs/{digest}"), None, b"").await;
    assert_eq!(blob.bytes().await.expect("a body"), &b"0123456789"[..]);
    assert!(!served.is_open(&session).await);
    drop(hangs);
    assert_eq!(served.waiting(), 0);
}

#[tokio::test]
async fn an_upload_that_is_deleted_while_a_request_hangs_is_gone() {
    let served = served(ServeOptions::default()).await;
    let session = served.begin("a").await;
    let _hangs = served.hang(&session, "01234").await;
    assert_eq!(served.send("DELETE", &session, None, b"").await.status(), 204);
    assert!(!served.is_open(&session).await);
    for _ in 0..100 {
        if served.waiting() == 0 {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("what arrived is kept");
}

#[tokio::test]
async fn an_upload_that_nobody_comes_back_for_ends() {
    let served = served(ServeOptions { upload_timeout: Duration::from_millis(400), ..Default::default() }).await;
    let (left, written) = (served.begin("a").await, served.begin("a").await);
    for _ in 0..6 {
        sleep(Duration::from_millis(150)).await;
        assert_eq!(served.send("PATCH", &written, None, b"x").await.status(), 202, "its client comes back");
    }
    assert!(!served.is_open(&left).await);
    sleep(Duration::from_millis(1_000)).await;
    assert!(!served.is_open(&written).await);
    assert_eq!(served.waiting(), 0);
}

#[tokio::test]
async fn who_begins_too_many_is_in_their_own_way() {
    let served = served(ServeOptions { max_uploads: 4, ..ServeOptions::default() }).await;
    let quiet = served.begin("quiet").await;
    let mut many = Vec::new();
    for _ in 0..3 {
        many.push(served.begin("many").await);
    }
    for session in many.iter().chain([&quiet]) {
        assert!(served.is_open(session).await, "four are not too many");
    }
    for _ in 0..10 {
        many.push(served.begin("many").await);
    }
    assert!(served.is_open(&quiet).await);
    let mut open = 0;
    for session in &many {
        open += usize::from(served.is_open(session).await);
    }
    assert_eq!(open, 3);
    assert!(served.is_open(many.last().expect("some")).await, "the one that was idle longest goes");
    // A newcomer takes the place of one of theirs.
    let newcomer = served.begin("new").await;
    assert!(served.is_open(&newcomer).await && served.is_open(&quiet).await);
    // What is being written to is not taken away.
    let second = served.begin("quiet").await;
    let _hangs = served.hang(&second, "01234").await;
    for _ in 0..4 {
        served.begin("many").await;
    }
    assert!(served.is_open(&second).await);
}
