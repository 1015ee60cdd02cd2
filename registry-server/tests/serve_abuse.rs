//! Clients of the registry that mean harm: pages under a borrowed name, requests of two meanings,
//! connections that hold what they do not use, documents that fill the memory.

mod common;

use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::Slowest;
use aisoc_registry_server::{ServeOptions, Store, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

struct Served {
    address: String,
    client: reqwest::Client,
    _store: TempDir,
}

async fn served(options: ServeOptions) -> Served {
    let store = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    let opened = Store::open(store.path()).expect("store");
    tokio::spawn(async move { serve(listener, opened, options).await.expect("served") });
    let client = common::client().build().expect("client");
    Served { address, client, _store: store }
}

fn impatient() -> ServeOptions {
    ServeOptions {
        idle_timeout: Duration::from_millis(300),
        slowest: Slowest { bytes: 10_000, within: Duration::from_millis(300) },
        ..ServeOptions::default()
    }
}

impl Served {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("connected")
    }

    /// Sends the bytes and reads until the registry hangs up or says nothing more.
    async fn say(&self, bytes: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        while let Ok(Ok(read)) = timeout(Duration::from_millis(300), stream.read(&mut part)).await {
            if read == 0 {
                break;
            }
            answer.extend_from_slice(&part[..read]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// The status of one request with that head.
    async fn status(&self, head: &str) -> String {
        let answer = self.say(&format!("{head}\r\nConnection: close\r\n\r\n")).await;
        answer.strip_prefix("HTTP/1.1 ").map(|rest| rest.chars().take(3).collect()).unwrap_or(answer)
    }

    async fn send(&self, method: &str, path: &str, kind: &str, body: Vec<u8>) -> reqwest::Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("http://{}{path}", self.address) };
        let request = self.client.request(method.parse().expect("a method"), url).header("content-type", kind);
        request.body(body).send().await.expect("an answer")
    }

    async fn put_blob(&self, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/a/blobs/uploads/?digest={digest}");
        assert_eq!(self.send("POST", &path, "application/octet-stream", bytes.to_vec()).await.status(), 201);
        digest
    }

    /// Stores a manifest about `subject` with so many bytes of notes.
    async fn put_referrer(&self, subject: Digest, number: usize, notes: usize) -> Digest {
        let empty = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2 });
        let document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": format!("sig/{}", number % 2), "layers": [],
            "config": empty, "subject": { "mediaType": MANIFEST, "digest": subject, "size": 2 },
            "annotations": { "note": "x".repeat(notes), "number": number.to_string() },
        });
        let bytes = document.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        assert_eq!(self.send("PUT", &format!("/v2/a/manifests/{digest}"), MANIFEST, bytes).await.status(), 201);
        digest
    }
}

#[tokio::test]
async fn answers_under_its_own_names_only() {
    let served = served(ServeOptions { allowed_hosts: vec!["Registry.example".into()], ..Default::default() }).await;
    let port = served.address.rsplit_once(':').expect("a port").1.to_owned();
    for (host, status) in [
        (served.address.clone(), "200"),
        (format!("localhost:{port}"), "200"),
        (format!("[::1]:{port}"), "200"),
        ("registry.example".into(), "200"),
        ("registry.example:443".into(), "200"),
        (format!("evil.example:{port}"), "421"),
        (format!("localhost.evil.example:{port}"), "421"),
        (format!("localhost.:{port}"), "421"),
        (format!("127.0.0.1.nip.io:{port}"), "421"),
        (format!("2130706433:{port}"), "421"),
        (format!("x@localhost:{port}"), "421"),
        ("localhost".into(), "421"),
        ("localhost:1".into(), "421"),
        (String::new(), "421"),
    ] {
        for method in ["GET", "HEAD", "POST", "DELETE"] {
            let found = served.status(&format!("{method} /v2/ HTTP/1.1\r\nHost: {host}")).await;
            let is_read = matches!(method, "GET" | "HEAD");
            let expected = if status == "200" && !is_read { "405" } else { status };
            assert_eq!(found, expected, "{method} {host}");
        }
    }
    let both = format!("GET http://evil.example/v2/ HTTP/1.1\r\nHost: {}", served.address);
    assert_eq!(served.status(&both).await, "421", "the name in the request line counts too");
    let same = format!("GET http://{0}/v2/ HTTP/1.1\r\nHost: {0}", served.address);
    assert_eq!(served.status(&same).await, "200");
    let refused = served.say(&format!("GET /v2/ HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n")).await;
    assert!(refused.contains("\"code\":\"DENIED\"") && !refused.contains("evil"), "{refused}");
}

#[tokio::test]
async fn pages_are_not_served() {
    let served = served(ServeOptions::default()).await;
    let get = |extra: &str| format!("GET /v2/ HTTP/1.1\r\nHost: {}{extra}", served.address);
    for (header, status) in [
        ("\r\nOrigin: http://evil.example", "403"),
        ("\r\nOrigin: null", "403"),
        ("\r\nSec-Fetch-Site: cross-site", "403"),
        ("\r\nSec-Fetch-Site: same-site", "403"),
        ("\r\nSec-Fetch-Site: same-origin", "403"),
        ("\r\nSec-Fetch-Site: none", "200"),
        ("", "200"),
    ] {
        assert_eq!(served.status(&get(header)).await, status, "{header}");
    }
}

#[tokio::test]
async fn requests_that_two_readers_could_read_differently_are_refused() {
    let served = served(ServeOptions::default()).await;
    let host = &served.address;
    for (text, why) in [
        (format!("GET /v2/ HTTP/1.1\nHost: {host}\n\n"), "bare LF everywhere"),
        (format!("GET /v2/ HTTP/1.1\r\nHost: {host}\nx: y\r\n\r\n"), "one bare LF"),
        (format!("GET /v2/ HTTP/1.1\r\nHost: {host}\rx: y\r\n\r\n"), "a bare CR"),
        (format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"), "two Hosts"),
        (format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"), "two Hosts that differ"),
        ("GET /v2/ HTTP/1.1\r\n\r\n".into(), "no Host"),
        ("GET /v2/ HTTP/1.0\r\n\r\n".into(), "no Host in the old form"),
        (format!("GET /v2/ HTTP/1.1\r\nHost : {host}\r\n\r\n"), "a blank before the colon"),
        (format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\nx: y\r\n z\r\n\r\n"), "a folded line"),
        (
            format!("POST /v2/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n"),
            "two lengths",
        ),
        (
            format!(
                "POST /v2/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            "a length and chunks",
        ),
        (format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\nx: {}\r\n\r\n", "y".repeat(20_000)), "a long head"),
    ] {
        let answer = served.say(&text).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{why}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{why}: {answer}");
    }
}

#[tokio::test]
async fn a_second_request_is_looked_at_like_the_first() {
    let served = served(ServeOptions::default()).await;
    let host = &served.address;
    let good = format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let bad = format!("GET /v2/ HTTP/1.1\nHost: {host}\n\n");
    let with_body = format!("POST /v2/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\n\r\na\nb\n");
    let statuses = |answer: String| -> Vec<String> {
        answer.split("HTTP/1.1 ").skip(1).map(|part| part.chars().take(3).collect()).collect()
    };
    assert_eq!(statuses(served.say(&format!("{good}{good}")).await), ["200", "200"]);
    assert_eq!(statuses(served.say(&format!("{good}{bad}")).await), ["200", "400"]);
    assert_eq!(statuses(served.say(&format!("{with_body}{bad}")).await).first().map(String::as_str), Some("405"));
    // What follows a body in chunks is not answered at all.
    let chunks = format!("POST /v2/ HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(statuses(served.say(&format!("{chunks}{bad}")).await), ["405"]);
    assert_eq!(statuses(served.say(&format!("{chunks}{good}")).await), ["405"]);
}

#[tokio::test]
async fn bodies_that_drip_are_sent_away_and_free_their_slots() {
    let served = served(ServeOptions { max_connections: 4, ..impatient() }).await;
    let digest = Digest::of(b"x");
    let head = format!(
        "POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\n",
        served.address
    );
    let mut drips = Vec::new();
    for _ in 0..4 {
        let mut stream = served.connect().await;
        stream.write_all(head.as_bytes()).await.expect("sent");
        drips.push(tokio::spawn(async move {
            while stream.write_all(b"y").await.is_ok() {
                sleep(Duration::from_millis(50)).await;
            }
        }));
    }
    let began = Instant::now();
    assert_eq!(served.send("GET", "/v2/", "", vec![]).await.status(), 200);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    for drip in drips {
        timeout(Duration::from_secs(3), drip).await.expect("sent away").expect("ended");
    }
}

#[tokio::test]
async fn clients_that_do_not_read_are_sent_away() {
    let served = served(ServeOptions { max_connections: 2, ..impatient() }).await;
    let digest = served.put_blob(&vec![7; 32 << 20]).await;
    let get = format!("GET /v2/a/blobs/{digest} HTTP/1.1\r\nHost: {}\r\n\r\n", served.address);
    let mut deaf = Vec::new();
    for _ in 0..2 {
        let mut stream = served.connect().await;
        stream.write_all(get.as_bytes()).await.expect("sent");
        deaf.push(stream);
    }
    sleep(Duration::from_secs(1)).await;
    let began = Instant::now();
    assert_eq!(served.send("GET", "/v2/", "", vec![]).await.status(), 200);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    for mut stream in deaf {
        let mut all = Vec::new();
        let _ = timeout(Duration::from_secs(3), stream.read_to_end(&mut all)).await.expect("hung up on");
        assert!(all.len() < 32 << 20, "{} bytes were kept for a client that does not read", all.len());
    }
}

#[tokio::test]
async fn who_gets_on_is_not_in_the_way_of_who_does_not() {
    // Slots are full of connections that say nothing; the time limits alone would take half a minute.
    let served = served(ServeOptions { max_connections: 8, ..ServeOptions::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(served.connect().await);
    }
    let began = Instant::now();
    assert_eq!(served.send("GET", "/v2/", "", vec![]).await.status(), 200);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn heads_that_drip_have_an_end() {
    let served = served(impatient()).await;
    let mut stream = served.connect().await;
    let began = Instant::now();
    while stream.write_all(b"G").await.is_ok() {
        sleep(Duration::from_millis(20)).await;
        assert!(began.elapsed() < Duration::from_secs(3), "a head may take as long as it likes");
    }
}

#[tokio::test]
async fn referrers_come_in_pages_and_all_of_them() {
    let served = served(ServeOptions::default()).await;
    served.put_blob(b"{}").await;
    let subject = Digest::of(b"a subject");
    let mut expected = Vec::new();
    for number in 0..12 {
        expected.push(served.put_referrer(subject, number, 300_000).await.to_string());
    }
    served.put_referrer(Digest::of(b"another"), 99, 10).await;
    for (filter, count) in [("", 12), ("?artifactType=sig/1", 6)] {
        let (mut found, mut pages) = (Vec::new(), 0);
        let mut next = Some(format!("/v2/a/referrers/{subject}{filter}"));
        while let Some(path) = next.take() {
            let response = served.send("GET", &path, "", vec![]).await;
            assert_eq!(response.status(), 200);
            let link = response.headers().get("link").map(|link| link.to_str().expect("text").to_owned());
            next = link.map(|link| link.split(['<', '>']).nth(1).expect("a target").to_owned());
            let body = response.bytes().await.expect("a body");
            assert!(body.len() < 2 << 20, "a page of {} bytes", body.len());
            let index: Value = serde_json::from_slice(&body).expect("an index");
            let digests = index["manifests"].as_array().expect("a list").iter();
            found.extend(digests.map(|entry| entry["digest"].as_str().expect("a digest").to_owned()));
            pages += 1;
        }
        assert!(pages > 1, "{filter}");
        found.sort();
        let mut wanted: Vec<_> = expected.clone();
        wanted.sort();
        if filter.is_empty() {
            assert_eq!(found, wanted);
        }
        assert_eq!(found.len(), count);
    }
    let bad = served.send("GET", &format!("/v2/a/referrers/{subject}?last=x"), "", vec![]).await;
    assert_eq!(bad.status(), 400);
}

#[tokio::test]
async fn a_referrer_larger_than_a_page_is_a_page() {
    let served = served(ServeOptions::default()).await;
    served.put_blob(b"{}").await;
    let subject = Digest::of(b"a subject");
    for number in 0..2 {
        served.put_referrer(subject, number, 3 << 20).await;
    }
    let response = served.send("GET", &format!("/v2/a/referrers/{subject}"), "", vec![]).await;
    assert!(response.headers().contains_key("link"));
    let index: Value = serde_json::from_slice(&response.bytes().await.expect("a body")).expect("an index");
    assert_eq!(index["manifests"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn work_on_documents_takes_turns() {
    let options = ServeOptions { max_documents: 1, ..ServeOptions::default() };
    let served = served(options).await;
    served.put_blob(b"{}").await;
    let subject = Digest::of(b"a subject");
    served.put_referrer(subject, 0, 10).await;
    let path = format!("/v2/a/referrers/{subject}");
    let asked = (0..32).map(|_| served.send("GET", &path, "", vec![]));
    for response in futures_util::future::join_all(asked).await {
        assert_eq!(response.status(), 200);
    }
}
