//! The registry, asked in plain HTTP: every endpoint of the specification that we promise.

mod common;

use std::time::Duration;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Reason;
use aisoc_registry_server::{Listeners, ServeOptions, Store, serve_until};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

struct Served {
    client: Client,
    base: String,
    store: TempDir,
    stop: Option<oneshot::Sender<()>>,
}

async fn served(options: ServeOptions) -> Served {
    let store = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let (stop, stopped) = oneshot::channel::<()>();
    let opened = Store::open(store.path()).expect("store");
    tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        serve_until(listener, opened, options, stopped).await.expect("served");
    });
    let client = common::client().build().expect("client");
    Served { client, base, store, stop: Some(stop) }
}

impl Served {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request = self.client.request(method.parse().expect("method"), url).body(body.to_vec());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.expect("an answer")
    }

    async fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], b"").await
    }

    async fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let path = format!("/v2/{repository}/blobs/uploads/?digest={digest}");
        assert_eq!(self.send("POST", &path, &[], bytes).await.status(), StatusCode::CREATED);
        digest
    }

    /// Stores an image manifest without layers and says its digest.
    async fn put_image(&self, repository: &str, name: &str, extra: Value) -> (Digest, Response) {
        let config = self.put_blob(repository, b"{}").await;
        let mut document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config.to_string(), "size": 2 },
        });
        for (key, value) in extra.as_object().expect("an object") {
            document[key] = value.clone();
        }
        let bytes = document.to_string().into_bytes();
        let digest = Digest::of(&bytes);
        let name = if name.is_empty() { digest.to_string() } else { name.to_owned() };
        let path = format!("/v2/{repository}/manifests/{name}");
        (digest, self.send("PUT", &path, &[("content-type", MANIFEST)], &bytes).await)
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.expect("body")).expect("an OCI error");
    (status, body["errors"][0]["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn says_what_it_is_and_refuses_the_rest_in_the_words_of_the_specification() {
    let served = served(ServeOptions::default()).await;
    assert_eq!(served.get("/v2/").await.status(), StatusCode::OK);
    let digest = Digest::of(b"nothing");
    for (method, path, status, expected) in [
        ("GET", "/".to_owned(), 404, "UNSUPPORTED"),
        ("POST", "/v2/".to_owned(), 405, "UNSUPPORTED"),
        ("GET", "/v2/a/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("GET", format!("/v2/a/blobs/{digest}"), 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/a/blobs/sha256:xyz".to_owned(), 400, "DIGEST_INVALID"),
        ("GET", "/v2/A/tags/list".to_owned(), 400, "NAME_INVALID"),
        ("GET", "/v2/a/tags/list".to_owned(), 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a/blobs/uploads/1".to_owned(), 404, "BLOB_UPLOAD_UNKNOWN"),
        ("PATCH", "/v2/a/manifests/1".to_owned(), 405, "UNSUPPORTED"),
        ("DELETE", format!("/v2/a/manifests/{digest}"), 404, "NAME_UNKNOWN"),
        ("DELETE", format!("/v2/a/blobs/{digest}"), 404, "BLOB_UNKNOWN"),
        ("POST", "/v2/a/tags/list".to_owned(), 405, "UNSUPPORTED"),
    ] {
        let answer = code(served.send(method, &path, &[], b"").await).await;
        assert_eq!(answer, (status, expected.to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn an_address_that_this_machine_does_not_have_is_passed_over_as_long_as_it_has_another() {
    let address = |text: &str| text.parse().expect("an address");
    // Of those for documentation (RFC 5737): nobody has it.
    let (here, nowhere) = (address("127.0.0.1:0"), address("192.0.2.1:0"));
    for both in [[here, nowhere], [nowhere, here]] {
        let listeners = Listeners::bind(&both).await.expect("one is enough");
        assert_eq!(listeners.addresses().expect("known").len(), 1);
    }
    for none in [&[nowhere][..], &[]] {
        assert_eq!(Listeners::bind(none).await.expect_err("nowhere").reason(), Reason::IoError);
    }
}

#[tokio::test]
async fn a_method_that_is_not_there_is_refused_with_those_that_are() {
    let served = served(ServeOptions::default()).await;
    let digest = Digest::of(b"nothing");
    for (path, allowed) in [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/a/tags/list".to_owned(), "GET, HEAD"),
        (format!("/v2/a/referrers/{digest}"), "GET, HEAD"),
        ("/v2/a/manifests/1".to_owned(), "GET, HEAD, PUT, DELETE"),
        (format!("/v2/a/blobs/{digest}"), "GET, HEAD, DELETE"),
        ("/v2/a/blobs/uploads/".to_owned(), "POST"),
        ("/v2/a/blobs/uploads/1".to_owned(), "GET, PATCH, PUT, DELETE"),
    ] {
        let refused = served.send("OPTIONS", &path, &[], b"").await;
        assert_eq!((refused.status(), header(&refused, "allow")), (StatusCode::METHOD_NOT_ALLOWED, allowed), "{path}");
    }
}

#[tokio::test]
async fn serves_blobs_whole_and_in_parts() {
    let served = served(ServeOptions::default()).await;
    let digest = served.put_blob("team/a", b"0123456789").await;
    let path = format!("/v2/team/a/blobs/{digest}");
    let head = served.send("HEAD", &path, &[], b"").await;
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, "10"));
    assert_eq!(header(&head, "docker-content-digest"), digest.to_string());
    assert_eq!(served.get(&path).await.bytes().await.expect("body"), &b"0123456789"[..]);

    let part = served.send("GET", &path, &[(RANGE.as_str(), "bytes=3-5")], b"").await;
    assert_eq!((part.status(), header(&part, "content-range")), (StatusCode::PARTIAL_CONTENT, "bytes 3-5/10"));
    assert_eq!(part.bytes().await.expect("body"), &b"345"[..]);
    let asked = [(RANGE.as_str(), "bytes=3-5")];
    let head = served.send("HEAD", &path, &asked, b"").await;
    assert_eq!((head.status(), header(&head, "content-length")), (StatusCode::OK, "10"), "ranges are for GET");
    let guarded = served.send("GET", &path, &[asked[0], ("if-range", "\"another version\"")], b"").await;
    assert_eq!(guarded.bytes().await.expect("body"), &b"0123456789"[..], "a part of that version only");
    let none = served.send("GET", &path, &[(RANGE.as_str(), "bytes=10-")], b"").await;
    assert_eq!((none.status(), header(&none, "content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */10"));

    assert_eq!(served.get(&path.replace("team/a", "team/b")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(served.send("DELETE", &path, &[], b"").await.status(), StatusCode::ACCEPTED);
    assert_eq!(served.get(&path).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn takes_a_blob_in_pieces_and_in_order() {
    let served = served(ServeOptions::default()).await;
    let opened = served.send("POST", "/v2/a/blobs/uploads/", &[], b"").await;
    assert_eq!(opened.status(), StatusCode::ACCEPTED);
    let session = header(&opened, LOCATION.as_str()).to_owned();
    let patch = |range: &'static str, body: &'static [u8]| {
        let (served, session) = (&served, session.clone());
        async move { served.send("PATCH", &session, &[(CONTENT_RANGE.as_str(), range)], body).await }
    };
    let first = patch("0-4", b"01234").await;
    assert_eq!((first.status(), header(&first, "range")), (StatusCode::ACCEPTED, "0-4"));
    for (range, body) in [("0-4", &b"01234"[..]), ("6-9", b"6789"), ("5-9", b"567"), ("x", b"5"), ("9-5", b"")] {
        assert_eq!(patch(range, body).await.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
    }
    let status = served.get(&session).await;
    assert_eq!((status.status(), header(&status, "range")), (StatusCode::NO_CONTENT, "0-4"));
    assert_eq!(patch("5-7", b"567").await.status(), StatusCode::ACCEPTED);

    let digest = Digest::of(b"0123456789");
    let done = served.send("PUT", &format!("{session}?digest={digest}"), &[], b"89").await;
    assert_eq!(done.status(), StatusCode::CREATED);
    assert_eq!(header(&done, LOCATION.as_str()), format!("/v2/a/blobs/{digest}"));
    assert_eq!(served.get(&format!("/v2/a/blobs/{digest}")).await.bytes().await.expect("body"), &b"0123456789"[..]);
    assert_eq!(served.get(&session).await.status(), StatusCode::NOT_FOUND, "the session is over");
}

#[tokio::test]
async fn an_upload_goes_on_after_its_connection_broke() {
    let served = served(ServeOptions::default()).await;
    let opened = served.send("POST", "/v2/a/blobs/uploads/", &[], b"").await;
    let session = header(&opened, LOCATION.as_str()).to_owned();
    let address = served.base.strip_prefix("http://").expect("address");
    let mut broken = TcpStream::connect(address).await.expect("connected");
    let head = format!("PATCH {session} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 10\r\n\r\n01234");
    broken.write_all(head.as_bytes()).await.expect("sent");
    drop(broken);
    let digest = Digest::of(b"0123456789");
    for _ in 0..100 {
        let status = served.get(&session).await;
        if header(&status, "range") == "0-4" {
            let range = (CONTENT_RANGE.as_str(), "5-9");
            let done = served.send("PUT", &format!("{session}?digest={digest}"), &[range], b"56789").await;
            assert_eq!(done.status(), StatusCode::CREATED);
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("what arrived was forgotten");
}

#[tokio::test]
async fn does_not_talk_to_web_pages() {
    let served = served(ServeOptions::default()).await;
    let digest = Digest::of(b"x");
    let path = format!("/v2/a/blobs/uploads/?digest={digest}");
    let answer = served.send("POST", &path, &[("origin", "http://evil.example")], b"x").await;
    assert_eq!(code(answer).await, (403, "DENIED".to_owned()));
    assert_eq!(served.get(&format!("/v2/a/blobs/{digest}")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refuses_a_blob_that_is_not_its_digest_and_keeps_nothing_of_it() {
    let served = served(ServeOptions { max_blob_bytes: 100, ..ServeOptions::default() }).await;
    let digest = Digest::of(b"right");
    let post = format!("/v2/a/blobs/uploads/?digest={digest}");
    let answer = code(served.send("POST", &post, &[], b"wrong").await).await;
    assert_eq!(answer, (400, "DIGEST_INVALID".to_owned()));
    let answer = code(served.send("POST", &post, &[], &[0; 101]).await).await;
    assert_eq!(answer, (413, "SIZE_INVALID".to_owned()));
    let opened = served.send("POST", "/v2/a/blobs/uploads/", &[], b"").await;
    let session = header(&opened, LOCATION.as_str()).to_owned();
    assert_eq!(served.send("PUT", &session, &[], b"").await.status(), StatusCode::BAD_REQUEST, "no digest");
    let other = session.replace("/v2/a/", "/v2/b/");
    assert_eq!(served.get(&other).await.status(), StatusCode::NOT_FOUND, "a session belongs to its repository");
    assert_eq!(served.send("DELETE", &session, &[], b"").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(served.send("DELETE", &session, &[], b"").await.status(), StatusCode::NOT_FOUND);
    let uploads = std::fs::read_dir(served.store.path()).expect("directory").flatten().map(|entry| entry.path());
    let uploads = uploads.filter(|path| path.to_string_lossy().contains("/.aisoc-uploads-")).collect::<Vec<_>>();
    assert_eq!(uploads.len(), 1);
    let left: Vec<_> = std::fs::read_dir(&uploads[0]).expect("directory").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, [aisoc_files::MARKER]);
}

#[tokio::test]
async fn mounts_what_another_repository_has() {
    let served = served(ServeOptions::default()).await;
    let digest = served.put_blob("a", b"shared").await;
    let mounted = served.send("POST", &format!("/v2/b/blobs/uploads/?mount={digest}&from=a"), &[], b"").await;
    assert_eq!(mounted.status(), StatusCode::CREATED);
    assert_eq!(served.send("DELETE", &format!("/v2/a/blobs/{digest}"), &[], b"").await.status(), StatusCode::ACCEPTED);
    assert_eq!(served.get(&format!("/v2/b/blobs/{digest}")).await.bytes().await.expect("body"), &b"shared"[..]);
    for from in ["a", "missing", "../etc", "_uploads"] {
        let path = format!("/v2/c/blobs/uploads/?mount={digest}&from={from}");
        assert_eq!(served.send("POST", &path, &[], b"").await.status(), StatusCode::ACCEPTED, "{from}: a session");
    }
}

#[tokio::test]
async fn serves_manifests_by_tag_and_by_digest() {
    let served = served(ServeOptions::default()).await;
    let (digest, stored) = served.put_image("team/plugin", "1.0", json!({})).await;
    assert_eq!(stored.status(), StatusCode::CREATED);
    assert_eq!(header(&stored, "docker-content-digest"), digest.to_string());
    assert_eq!(header(&stored, "oci-subject"), "");
    for name in ["1.0".to_owned(), digest.to_string()] {
        let path = format!("/v2/team/plugin/manifests/{name}");
        for method in ["HEAD", "GET"] {
            let found = served.send(method, &path, &[], b"").await;
            assert_eq!((found.status(), header(&found, "content-type")), (StatusCode::OK, MANIFEST));
            assert_eq!(header(&found, "docker-content-digest"), digest.to_string());
            assert_ne!(header(&found, "content-length"), "0");
        }
    }
    let config = Digest::of(b"{}");
    let answer = served.get(&format!("/v2/team/plugin/manifests/{config}")).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "a config is not a manifest");
    let layout = served.store.path().join("team/plugin/_layout/index.json");
    assert!(layout.is_file(), "each repository is a layout that other tools can read");
}

#[tokio::test]
async fn refuses_manifests_that_are_not_what_they_say_or_name_what_is_not_there() {
    let served = served(ServeOptions::default()).await;
    let config = served.put_blob("a", b"{}").await;
    let descriptor = json!({ "mediaType": "x/y", "digest": config.to_string(), "size": 2 });
    let missing = json!({ "mediaType": "x/y", "digest": Digest::of(b"no").to_string(), "size": 2 });
    let image = json!({ "schemaVersion": 2, "config": descriptor, "layers": [] });
    for (kind, document, expected) in [
        (MANIFEST, json!([]), "MANIFEST_INVALID"),
        (MANIFEST, json!({ "schemaVersion": 1, "config": descriptor, "layers": [] }), "MANIFEST_INVALID"),
        (MANIFEST, json!({ "schemaVersion": 2, "layers": [] }), "MANIFEST_INVALID"),
        (
            MANIFEST,
            json!({ "schemaVersion": 2, "config": descriptor, "layers": [], "manifests": [] }),
            "MANIFEST_INVALID",
        ),
        (
            MANIFEST,
            json!({ "schemaVersion": 2, "mediaType": INDEX, "config": descriptor, "layers": [] }),
            "MANIFEST_INVALID",
        ),
        (INDEX, image.clone(), "MANIFEST_INVALID"),
        ("text/html", image.clone(), "MANIFEST_INVALID"),
        ("", image, "MANIFEST_INVALID"),
        (MANIFEST, json!({ "schemaVersion": 2, "config": descriptor, "layers": [missing] }), "MANIFEST_BLOB_UNKNOWN"),
        (INDEX, json!({ "schemaVersion": 2, "manifests": [missing] }), "MANIFEST_BLOB_UNKNOWN"),
    ] {
        let bytes = document.to_string();
        let stored = served.send("PUT", "/v2/a/manifests/1", &[(CONTENT_TYPE.as_str(), kind)], bytes.as_bytes()).await;
        assert_eq!(code(stored).await, (400, expected.to_owned()), "{document}");
    }
    let path = format!("/v2/a/manifests/{}", Digest::of(b"other"));
    let stored = served.send("PUT", &path, &[(CONTENT_TYPE.as_str(), MANIFEST)], b"{}").await;
    assert_eq!(code(stored).await, (400, "DIGEST_INVALID".to_owned()));
    let large = vec![b' '; (4 << 20) + 1];
    let stored = served.send("PUT", "/v2/a/manifests/1", &[(CONTENT_TYPE.as_str(), MANIFEST)], &large).await;
    assert_eq!(code(stored).await, (413, "SIZE_INVALID".to_owned()));
    assert_eq!(served.get("/v2/a/manifests/1").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn refuses_manifests_that_give_what_they_name_another_size() {
    let served = served(ServeOptions::default()).await;
    let (config, layer) = (served.put_blob("a", b"{}").await, served.put_blob("a", b"a layer").await);
    let (subject, _) = served.put_image("a", "", json!({})).await;
    let described = |digest: Digest, size: Value| json!({ "mediaType": "x/y", "digest": digest, "size": size });
    let image = |config: Value, layers: Value| json!({ "schemaVersion": 2, "config": config, "layers": layers });
    let (right, first) = (described(config, 2.into()), described(layer, 7.into()));
    for size in [json!(0), json!(1), json!(8), json!(u64::MAX), json!(-7), json!(7.5), json!("7"), Value::Null] {
        let expected = if size.is_u64() { "SIZE_INVALID" } else { "MANIFEST_INVALID" };
        let wrong = described(layer, size.clone());
        let foreign = json!({ "mediaType": "x/foreign", "digest": layer, "size": size });
        let about = described(subject, size.clone());
        for (kind, document) in [
            (MANIFEST, image(wrong.clone(), json!([]))),
            (MANIFEST, image(right.clone(), json!([wrong]))),
            (MANIFEST, image(right.clone(), json!([first, wrong]))),
            (MANIFEST, image(right.clone(), json!([first, foreign]))),
            (INDEX, json!({ "schemaVersion": 2, "manifests": [first, wrong] })),
            (MANIFEST, json!({ "schemaVersion": 2, "config": right, "layers": [], "subject": about })),
        ] {
            let (bytes, headers) = (document.to_string(), [(CONTENT_TYPE.as_str(), kind)]);
            let stored = served.send("PUT", "/v2/a/manifests/1", &headers, bytes.as_bytes()).await;
            assert_eq!(code(stored).await, (400, expected.to_owned()), "{document}");
        }
    }
    assert_eq!(served.get("/v2/a/manifests/1").await.status(), StatusCode::NOT_FOUND);
    let bytes = image(right, json!([first])).to_string();
    let stored = served.send("PUT", "/v2/a/manifests/1", &[(CONTENT_TYPE.as_str(), MANIFEST)], bytes.as_bytes()).await;
    assert_eq!(stored.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn deletes_tags_and_manifests() {
    let served = served(ServeOptions::default()).await;
    let (digest, _) = served.put_image("a", "1", json!({})).await;
    served.put_image("a", "2", json!({})).await;
    let delete = async |name: &str| served.send("DELETE", &format!("/v2/a/manifests/{name}"), &[], b"").await.status();
    let get = async |name: &str| served.get(&format!("/v2/a/manifests/{name}")).await.status();
    assert_eq!(delete("1").await, StatusCode::ACCEPTED);
    assert_eq!((get("1").await, get("2").await), (StatusCode::NOT_FOUND, StatusCode::OK));
    assert_eq!(delete("1").await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&digest.to_string()).await, StatusCode::ACCEPTED);
    assert_eq!((get("2").await, get(&digest.to_string()).await), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    assert_eq!(served.get(&format!("/v2/a/blobs/{digest}")).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_tags_in_pages() {
    let served = served(ServeOptions::default()).await;
    for tag in ["c", "a", "b", "d"] {
        served.put_image("team/a", tag, json!({})).await;
    }
    let page = async |query: &str| {
        let response = served.get(&format!("/v2/team/a/tags/list{query}")).await;
        let link = header(&response, "link").to_owned();
        let body: Value = serde_json::from_slice(&response.bytes().await.expect("body")).expect("json");
        assert_eq!(body["name"], "team/a");
        (body["tags"].to_string(), link)
    };
    assert_eq!(page("").await, (r#"["a","b","c","d"]"#.to_owned(), String::new()));
    let next = "</v2/team/a/tags/list?n=2&last=b>; rel=\"next\"".to_owned();
    assert_eq!(page("?n=2").await, (r#"["a","b"]"#.to_owned(), next));
    assert_eq!(page("?n=2&last=b").await, (r#"["c","d"]"#.to_owned(), String::new()));
    assert_eq!(page("?n=0").await, ("[]".to_owned(), String::new()));
    assert_eq!(served.get("/v2/team/a/tags/list?n=x").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn lists_what_refers_to_a_manifest() {
    let served = served(ServeOptions::default()).await;
    let subject = Digest::of(b"pushed later");
    let about = json!({ "mediaType": MANIFEST, "digest": subject.to_string(), "size": 12 });
    let (_, stored) = served
        .put_image("a", "", json!({ "subject": about, "artifactType": "sig/x", "annotations": { "k": "v" } }))
        .await;
    assert_eq!(header(&stored, "oci-subject"), subject.to_string());
    served.put_image("a", "", json!({ "subject": about })).await;
    served.put_image("a", "1", json!({})).await;
    let list = async |query: &str| {
        let response = served.get(&format!("/v2/a/referrers/{subject}{query}")).await;
        assert_eq!((response.status(), header(&response, "content-type")), (StatusCode::OK, INDEX));
        let filtered = header(&response, "oci-filters-applied").to_owned();
        let body: Value = serde_json::from_slice(&response.bytes().await.expect("body")).expect("json");
        (body["manifests"].as_array().expect("manifests").clone(), filtered)
    };
    let (all, filtered) = list("").await;
    assert_eq!((all.len(), filtered.as_str()), (2, ""));
    let (some, filtered) = list("?artifactType=sig%2Fx").await;
    assert_eq!((some.len(), filtered.as_str()), (1, "artifactType"));
    assert_eq!((&some[0]["annotations"]["k"], &some[0]["artifactType"]), (&json!("v"), &json!("sig/x")));
    assert_eq!(list("?artifactType=application/vnd.oci.empty.v1%2Bjson").await.0.len(), 1, "the config's type");
    let none = served.get(&format!("/v2/other/referrers/{subject}")).await;
    assert_eq!(none.status(), StatusCode::OK);
}

#[tokio::test]
async fn sends_silent_clients_away_and_stops_when_told() {
    let options = ServeOptions {
        idle_timeout: Duration::from_millis(100),
        stop_timeout: Duration::from_millis(100),
        ..ServeOptions::default()
    };
    let mut served = served(options).await;
    let address = served.base.strip_prefix("http://").expect("address").to_owned();
    let mut silent = TcpStream::connect(&address).await.expect("connected");
    silent.write_all(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n").await.expect("sent");
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).await.expect("closed by the registry");

    let mut slow = TcpStream::connect(&address).await.expect("connected");
    let digest = Digest::of(b"x");
    let head =
        format!("POST /v2/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\n\r\nx");
    slow.write_all(head.as_bytes()).await.expect("sent");
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 408");

    drop(served.stop.take());
    for _ in 0..100 {
        if TcpStream::connect(&address).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("still listening");
}

#[tokio::test]
async fn serves_no_more_connections_than_it_may_and_all_in_turn() {
    let served = served(ServeOptions { max_connections: 2, ..ServeOptions::default() }).await;
    let asked = (0..20).map(|_| {
        let client = common::client().pool_max_idle_per_host(0).build().expect("client");
        let url = format!("{}/v2/", served.base);
        tokio::spawn(async move { client.request(Method::GET, url).send().await.expect("an answer").status() })
    });
    for answer in asked.collect::<Vec<_>>() {
        assert_eq!(answer.await.expect("done"), StatusCode::OK);
    }
}

#[tokio::test]
async fn beginning_to_serve_removes_nothing_but_what_a_killed_registry_left() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let root = tempfile::tempdir().expect("directory");
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("victim")).expect("made");
    fs::write(path("victim/file"), "mine").expect("written");
    fs::create_dir(path("served")).expect("made");
    symlink(path("victim"), path("served/_uploads")).expect("linked");
    for name in ["served/.aisoc-uploads-photos", "served/.aisoc-uploads-killed"] {
        fs::create_dir(path(name)).expect("made");
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o700)).expect("mode");
        fs::write(path(name).join("file-1"), "bytes").expect("written");
    }
    fs::write(path("served/.aisoc-uploads-killed").join(aisoc_files::MARKER), aisoc_files::MARKER_TEXT)
        .expect("written");
    let old = std::time::SystemTime::UNIX_EPOCH;
    for name in ["victim/file", "served/.aisoc-uploads-photos/file-1"] {
        fs::File::options().write(true).open(path(name)).expect("opened").set_modified(old).expect("old");
    }
    let store = Store::open(&path("served")).expect("opened");
    assert_eq!(fs::read_to_string(path("victim/file")).expect("there"), "mine");
    assert!(path("served/.aisoc-uploads-photos/file-1").exists() && !path("served/.aisoc-uploads-killed").exists());
    drop(store);
    assert_eq!(fs::read_dir(path("served")).expect("listed").count(), 2);
}
