//! Every refusal has a code of the specification's table ("Error Codes") and the status that it has for it.

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;

use aisoc_manifests::digest::Digest;
use aisoc_registry_server::{ServeOptions, Store, serve};
use reqwest::header::HOST;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The table: `code-1` to `code-14`.
const CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

/// Method, path, headers, body; status and code of the answer.
type Row<'a> = (&'a str, String, Vec<(&'a str, &'a str)>, Vec<u8>, u16, &'a str);

struct Served {
    client: Client,
    base: String,
    store: TempDir,
}

async fn served(options: ServeOptions) -> Served {
    let store = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    tokio::spawn(serve(listener, Store::open(store.path()).expect("store"), options));
    Served { client: common::client().build().expect("client"), base, store }
}

impl Served {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let request = self.client.request(method.parse().expect("method"), format!("{}{path}", self.base));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(body.to_vec()).send().await.expect("an answer")
    }
}

/// Status and code; the body holds nothing else that the specification does not have.
async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    let body: Value = serde_json::from_slice(&answer.bytes().await.expect("body")).expect("JSON");
    let [error] = body["errors"].as_array().expect("a list").as_slice() else { panic!("{body}") };
    let members: BTreeSet<_> = error.as_object().expect("an object").keys().map(String::as_str).collect();
    assert!(members.is_subset(&BTreeSet::from(["code", "message", "detail"])), "{error}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
    assert_eq!(kind, "application/json");
    (status, error["code"].as_str().expect("a code").to_owned())
}

fn image(digest: &Digest, size: usize) -> Vec<u8> {
    let config =
        json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": digest.to_string(), "size": size });
    json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] }).to_string().into_bytes()
}

#[tokio::test]
async fn every_refusal_has_a_code_of_the_table() {
    let served = served(ServeOptions { max_blob_bytes: 1000, ..ServeOptions::default() }).await;
    let (here, missing) = (Digest::of(b"{}"), Digest::of(b"missing"));
    served.send("POST", &format!("/v2/a/blobs/uploads/?digest={here}"), &[], b"{}").await;
    let begun = served.send("POST", "/v2/a/blobs/uploads/", &[], b"").await;
    let place = begun.headers()["location"].to_str().expect("text").to_owned();
    // What an error of the store comes to.
    std::fs::create_dir(served.store.path().join("broken")).expect("made");
    symlink("/nowhere", served.store.path().join("broken/_layout")).expect("linked");

    let (get, put, post, patch, delete) = ("GET", "PUT", "POST", "PATCH", "DELETE");
    let typed = ("content-type", MANIFEST);
    let large = vec![b' '; 1001];
    let manifest = |name: &str| format!("/v2/a/manifests/{name}");
    let rows: Vec<Row<'_>> = vec![
        (get, format!("/v2/a/blobs/{missing}"), vec![], vec![], 404, "BLOB_UNKNOWN"),
        (delete, format!("/v2/a/blobs/{missing}"), vec![], vec![], 404, "BLOB_UNKNOWN"),
        (patch, place.clone(), vec![("content-range", "5-9")], b"after".to_vec(), 416, "BLOB_UPLOAD_INVALID"),
        (patch, place.clone(), vec![("content-range", "x")], b"after".to_vec(), 416, "BLOB_UPLOAD_INVALID"),
        (get, "/v2/a/blobs/uploads/x".to_owned(), vec![], vec![], 404, "BLOB_UPLOAD_UNKNOWN"),
        (get, place.replace("/a/", "/b/"), vec![], vec![], 404, "BLOB_UPLOAD_UNKNOWN"),
        (put, place.clone(), vec![], vec![], 400, "DIGEST_INVALID"),
        (post, "/v2/a/blobs/uploads/?digest=sha384:00".to_owned(), vec![], vec![], 400, "DIGEST_INVALID"),
        (post, format!("/v2/a/blobs/uploads/?digest={missing}"), vec![], b"other".to_vec(), 400, "DIGEST_INVALID"),
        (put, manifest(&missing.to_string()), vec![typed], image(&here, 2), 400, "DIGEST_INVALID"),
        (put, manifest("1"), vec![typed], image(&missing, 2), 400, "MANIFEST_BLOB_UNKNOWN"),
        (put, manifest("1"), vec![typed], b"{".to_vec(), 400, "MANIFEST_INVALID"),
        (put, manifest("1"), vec![("content-type", "text/html")], image(&here, 2), 400, "MANIFEST_INVALID"),
        (get, manifest("1"), vec![], vec![], 404, "MANIFEST_UNKNOWN"),
        (get, manifest("..no-tag"), vec![], vec![], 404, "MANIFEST_UNKNOWN"),
        (delete, manifest(&missing.to_string()), vec![], vec![], 404, "MANIFEST_UNKNOWN"),
        (get, "/v2/A/tags/list".to_owned(), vec![], vec![], 400, "NAME_INVALID"),
        (get, "/v2/b/tags/list".to_owned(), vec![], vec![], 404, "NAME_UNKNOWN"),
        (get, "/v2/b/manifests/1".to_owned(), vec![], vec![], 404, "NAME_UNKNOWN"),
        (put, manifest("1"), vec![typed], image(&here, 3), 400, "SIZE_INVALID"),
        (post, format!("/v2/a/blobs/uploads/?digest={missing}"), vec![], large, 413, "SIZE_INVALID"),
        (get, "/v2/".to_owned(), vec![("origin", "http://x")], vec![], 403, "DENIED"),
        (get, "/v2/".to_owned(), vec![(HOST.as_str(), "other.example")], vec![], 421, "DENIED"),
        (get, "/v2/a/tags/list?n=x".to_owned(), vec![], vec![], 400, "UNSUPPORTED"),
        (get, "/v2/a/tags/list?n=-1".to_owned(), vec![], vec![], 400, "UNSUPPORTED"),
        (get, "/other".to_owned(), vec![], vec![], 404, "UNSUPPORTED"),
        (patch, manifest("1"), vec![], vec![], 405, "UNSUPPORTED"),
        (get, "/v2/broken/tags/list".to_owned(), vec![], vec![], 500, "UNSUPPORTED"),
        (post, format!("/v2/broken/blobs/uploads/?digest={here}"), vec![], b"{}".to_vec(), 500, "UNSUPPORTED"),
    ];
    let mut met = BTreeSet::new();
    for (method, path, headers, body, status, code) in rows {
        let found = refusal(served.send(method, &path, &headers, &body).await).await;
        assert_eq!(found, (status, code.to_owned()), "{method} {path}");
        met.insert(code);
    }
    let unmet: Vec<&str> = CODES.into_iter().filter(|code| !met.contains(code)).collect();
    // Of who must log in, and of who waits too long.
    assert_eq!(unmet, ["UNAUTHORIZED", "TOOMANYREQUESTS"]);
    assert!(met.iter().all(|code| CODES.contains(code)));
}

#[tokio::test]
async fn who_is_refused_before_they_have_sent_all_is_told_that_the_connection_ends() {
    let served = served(ServeOptions::default()).await;
    let begun = served.send("POST", "/v2/a/blobs/uploads/", &[], b"").await;
    let place = begun.headers()["location"].to_str().expect("text").to_owned();
    let digest = Digest::of(b"x");
    let out_of_order = ("content-range", "5-9");
    for (method, path, headers, body, ends) in [
        ("PATCH", place.clone(), vec![out_of_order], &b"after"[..], true),
        ("PUT", format!("{place}?digest=none"), vec![], b"x", true),
        ("POST", "/v2/A/blobs/uploads/".to_owned(), vec![], b"x", true),
        ("PATCH", "/v2/a/blobs/uploads/none".to_owned(), vec![], b"x", true),
        // A session that nobody asked to send in, and what is refused after it was received.
        ("POST", "/v2/a/blobs/uploads/".to_owned(), vec![], b"x", true),
        ("POST", format!("/v2/a/blobs/uploads/?digest={digest}"), vec![], b"other", false),
        ("POST", format!("/v2/a/blobs/uploads/?digest={digest}"), vec![], b"x", false),
        ("GET", "/v2/b/tags/list".to_owned(), vec![], b"", false),
    ] {
        let answer = served.send(method, &path, &headers, body).await;
        let said = answer.headers().get("connection").map(|value| value.to_str().expect("text"));
        assert_eq!(said, ends.then_some("close"), "{method} {path}: {}", answer.status());
    }
}
