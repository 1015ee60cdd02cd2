//! Two algorithms beside each other: what was stored under a digest is found under it, and under no other.

mod common;

use std::os::unix::fs::{PermissionsExt as _, symlink};

use aisoc_manifests::digest::{Algorithm, Digest};
use aisoc_registry_server::{ServeOptions, Store, serve};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const BOTH: [Algorithm; 2] = Algorithm::ALL;

struct Served {
    client: Client,
    base: String,
    store: TempDir,
}

async fn served() -> Served {
    let store = tempfile::tempdir().expect("directory");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    tokio::spawn(serve(listener, Store::open(store.path()).expect("store"), ServeOptions::default()));
    Served { client: common::client().build().expect("client"), base, store }
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

    async fn status(&self, method: &str, path: &str) -> u16 {
        self.send(method, path, &[], b"").await.status().as_u16()
    }

    async fn put_blob(&self, digest: Digest, bytes: &[u8]) {
        let answer = self.send("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], bytes).await;
        assert_eq!(
            (answer.status(), header(&answer, "docker-content-digest")),
            (StatusCode::CREATED, digest.to_string())
        );
    }

    async fn put_manifest(&self, name: &str, bytes: &[u8]) -> Response {
        self.send("PUT", &format!("/v2/a/manifests/{name}"), &[("content-type", MANIFEST)], bytes).await
    }

    /// Begins an upload and says where it goes on.
    async fn begin(&self, query: &str) -> String {
        let answer = self.send("POST", &format!("/v2/a/blobs/uploads/{query}"), &[], b"").await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        header(&answer, "location")
    }
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default()
}

async fn refusal(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.expect("body")).expect("an OCI error");
    (status, body["errors"][0]["code"].as_str().expect("a code").to_owned())
}

fn of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    Digest::of_by(algorithm, bytes)
}

fn other(algorithm: Algorithm) -> Algorithm {
    BOTH.into_iter().find(|other| *other != algorithm).expect("there are two")
}

/// An image without layers, all of whose digests are of that algorithm.
fn image(algorithm: Algorithm, more: &Value) -> Vec<u8> {
    let config = json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": of(algorithm, b"{}").to_string(), "size": 2 });
    let mut document = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [] });
    document.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    document.to_string().into_bytes()
}

#[tokio::test]
async fn a_blob_arrives_in_every_way_and_is_found_under_its_own_digest_alone() {
    let served = served().await;
    for algorithm in BOTH {
        let whole = |way: &str| format!("{way} of {algorithm}").into_bytes();
        let one = whole("in one request");
        served.put_blob(of(algorithm, &one), &one).await;

        let mut arrived = vec![one];
        // What the sender says at the beginning, and what the digest says at the end, in all combinations.
        for begun in ["", "?digest-algorithm=sha256", "?digest-algorithm=sha512"] {
            let bytes = whole(&format!("in parts begun with `{begun}`"));
            let (first, last) = bytes.split_at(bytes.len() / 2);
            let place = served.begin(begun).await;
            let answer = served.send("PATCH", &place, &[], first).await;
            assert_eq!(answer.status(), StatusCode::ACCEPTED, "{begun}");
            let end = format!("{place}?digest={}", of(algorithm, &bytes));
            let answer = served.send("PUT", &end, &[], last).await;
            let named = (answer.status(), header(&answer, "docker-content-digest"));
            assert_eq!(named, (StatusCode::CREATED, of(algorithm, &bytes).to_string()), "{begun}");
            arrived.push(bytes);
        }

        for bytes in arrived {
            let (own, foreign) = (of(algorithm, &bytes), of(other(algorithm), &bytes));
            let answer = served.send("GET", &format!("/v2/a/blobs/{own}"), &[], b"").await;
            assert_eq!((answer.status(), header(&answer, "docker-content-digest")), (StatusCode::OK, own.to_string()));
            assert_eq!(answer.bytes().await.expect("body"), bytes);
            let answer = served.send("GET", &format!("/v2/a/blobs/{own}"), &[("range", "bytes=3-5")], b"").await;
            assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
            assert_eq!(answer.bytes().await.expect("body"), bytes[3..6]);
            let answer = served.send("HEAD", &format!("/v2/a/blobs/{own}"), &[], b"").await;
            assert_eq!((answer.status(), header(&answer, "content-length")), (StatusCode::OK, bytes.len().to_string()));
            // The same bytes under a name that nobody has proved for them.
            for method in ["GET", "HEAD", "DELETE"] {
                assert_eq!(served.status(method, &format!("/v2/a/blobs/{foreign}")).await, 404, "{method} {foreign}");
            }
            let file = served.store.path().join(format!("a/_layout/blobs/{algorithm}/{}", own.hex()));
            assert_eq!(std::fs::read(file).expect("where every tool looks for it"), bytes);
        }
    }
}

#[tokio::test]
async fn what_is_not_what_its_digest_says_is_refused_whatever_was_said_before() {
    let served = served().await;
    for algorithm in BOTH {
        let digest = of(algorithm, b"what was meant");
        let answer = served.send("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], b"another").await;
        assert_eq!(refusal(answer).await, (400, "DIGEST_INVALID".to_owned()));
        for begun in ["", "?digest-algorithm=sha256", "?digest-algorithm=sha512"] {
            let place = served.begin(begun).await;
            let answer = served.send("PUT", &format!("{place}?digest={digest}"), &[], b"another").await;
            assert_eq!(refusal(answer).await, (400, "DIGEST_INVALID".to_owned()), "{begun}");
        }
        assert_eq!(served.status("HEAD", &format!("/v2/a/blobs/{digest}")).await, 404);
        let answer = served.put_manifest(&digest.to_string(), &image(algorithm, &json!({}))).await;
        assert_eq!(refusal(answer).await, (400, "DIGEST_INVALID".to_owned()));
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_registered_is_refused_wherever_a_digest_stands() {
    let served = served().await;
    let digits = of(Algorithm::Sha512, b"x").hex();
    let place = served.begin("").await;
    for digest in [
        format!("sha512:{}", &digits[1..]),
        format!("sha512:{digits}0"),
        format!("sha512:{}", &digits[..64]),
        format!("sha512:{}", digits.to_uppercase()),
        format!("SHA512:{digits}"),
        format!("sha256:{digits}"),
        format!("sha384:{}", &digits[..96]),
        format!("blake3:{}", &digits[..64]),
        "md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        "sha512:".to_owned(),
    ] {
        for (method, path) in [
            ("GET", format!("/v2/a/blobs/{digest}")),
            ("DELETE", format!("/v2/a/blobs/{digest}")),
            ("GET", format!("/v2/a/manifests/{digest}")),
            ("PUT", format!("/v2/a/manifests/{digest}")),
            ("DELETE", format!("/v2/a/manifests/{digest}")),
            ("GET", format!("/v2/a/referrers/{digest}")),
            ("POST", format!("/v2/a/blobs/uploads/?digest={digest}")),
            ("POST", format!("/v2/a/blobs/uploads/?mount={digest}&from=b")),
            ("PUT", format!("{place}?digest={digest}")),
        ] {
            let answer = served.send(method, &path, &[("content-type", MANIFEST)], b"{}").await;
            assert_eq!(refusal(answer).await, (400, "DIGEST_INVALID".to_owned()), "{method} {path}");
        }
    }
    for name in ["", "sha384", "SHA512", "sha512:", "sha-512", "blake3"] {
        let answer = served.send("POST", &format!("/v2/a/blobs/uploads/?digest-algorithm={name}"), &[], b"").await;
        assert_eq!(refusal(answer).await, (400, "DIGEST_INVALID".to_owned()), "{name}");
    }
    // A refused end leaves the upload where it was.
    let digest = of(Algorithm::Sha512, b"x");
    let answer = served.send("PUT", &format!("{place}?digest={digest}"), &[], b"x").await;
    assert_eq!(answer.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_manifest_is_shown_under_the_digest_that_it_was_stored_under() {
    let served = served().await;
    for algorithm in BOTH {
        served.put_blob(of(algorithm, b"{}"), b"{}").await;
        let bytes = image(algorithm, &json!({}));
        let (own, foreign) = (of(algorithm, &bytes), of(other(algorithm), &bytes));
        let answer = served.put_manifest(&own.to_string(), &bytes).await;
        assert_eq!((answer.status(), header(&answer, "docker-content-digest")), (StatusCode::CREATED, own.to_string()));
        let answer = served.send("GET", &format!("/v2/a/manifests/{own}"), &[], b"").await;
        assert_eq!(header(&answer, "docker-content-digest"), own.to_string());
        assert_eq!(answer.bytes().await.expect("body"), bytes);
        assert_eq!(served.status("GET", &format!("/v2/a/manifests/{foreign}")).await, 404);

        // Stored under both, it is two entries; one goes and the other stays.
        assert_eq!(served.put_manifest(&foreign.to_string(), &bytes).await.status(), StatusCode::CREATED);
        assert_eq!(served.status("DELETE", &format!("/v2/a/manifests/{own}")).await, 202);
        assert_eq!(served.status("GET", &format!("/v2/a/manifests/{own}")).await, 404);
        let answer = served.send("GET", &format!("/v2/a/manifests/{foreign}"), &[], b"").await;
        assert_eq!((answer.status(), header(&answer, "docker-content-digest")), (StatusCode::OK, foreign.to_string()));

        // By a tag alone nobody has said an algorithm, and it is the usual one.
        let answer = served.put_manifest("one", &bytes).await;
        assert_eq!(header(&answer, "docker-content-digest"), of(Algorithm::Sha256, &bytes).to_string());
    }
}

#[tokio::test]
async fn what_a_manifest_names_must_be_here_under_that_very_digest() {
    let served = served().await;
    served.put_blob(of(Algorithm::Sha256, b"{}"), b"{}").await;
    let long = image(Algorithm::Sha512, &json!({}));
    let answer = served.put_manifest("one", &long).await;
    assert_eq!(refusal(answer).await, (400, "MANIFEST_BLOB_UNKNOWN".to_owned()));
    served.put_blob(of(Algorithm::Sha512, b"{}"), b"{}").await;
    assert_eq!(served.put_manifest("one", &long).await.status(), StatusCode::CREATED);
    let unknown = String::from_utf8(long).expect("text").replace("sha512:", "sha384:");
    assert_eq!(
        refusal(served.put_manifest("one", unknown.as_bytes()).await).await,
        (400, "MANIFEST_INVALID".to_owned())
    );
}

#[tokio::test]
async fn referrers_are_those_of_the_subject_under_that_digest() {
    let served = served().await;
    let subject = image(Algorithm::Sha256, &json!({}));
    for algorithm in BOTH {
        served.put_blob(of(algorithm, b"{}"), b"{}").await;
    }
    for algorithm in BOTH {
        let named =
            json!({ "mediaType": MANIFEST, "digest": of(algorithm, &subject).to_string(), "size": subject.len() });
        let referrer = image(algorithm, &json!({ "subject": named, "annotations": { "by": algorithm.name() } }));
        let answer = served.put_manifest(&of(algorithm, &referrer).to_string(), &referrer).await;
        assert_eq!(header(&answer, "oci-subject"), of(algorithm, &subject).to_string());
        let answer = served.send("GET", &format!("/v2/a/referrers/{}", of(algorithm, &subject)), &[], b"").await;
        let index: Value = serde_json::from_slice(&answer.bytes().await.expect("body")).expect("an index");
        let found: Vec<_> =
            index["manifests"].as_array().expect("a list").iter().map(|entry| &entry["digest"]).collect();
        assert_eq!(found, [&json!(of(algorithm, &referrer).to_string())], "one, by the digest that it has here");
    }
}

#[tokio::test]
async fn a_push_by_digest_takes_tags_with_it_all_or_none() {
    let served = served().await;
    for algorithm in BOTH {
        served.put_blob(of(algorithm, b"{}"), b"{}").await;
        let bytes = image(algorithm, &json!({}));
        let digest = of(algorithm, &bytes);
        let query = |count: usize| (0..count).map(|at| format!("tag={algorithm}-{at}")).collect::<Vec<_>>().join("&");
        for (count, expected) in [(1, 201), (10, 201), (100, 201), (101, 414)] {
            let answer = served.put_manifest(&format!("{digest}?{}", query(count)), &bytes).await;
            assert_eq!(answer.status().as_u16(), expected, "{count} tags");
            let taken = header(&answer, "oci-tag");
            let taken = taken.split(", ").filter(|tag| !tag.is_empty()).count();
            assert_eq!(taken, if expected == 201 { count } else { 0 });
        }
        for at in [0, 99] {
            let answer = served.send("HEAD", &format!("/v2/a/manifests/{algorithm}-{at}"), &[], b"").await;
            assert_eq!(header(&answer, "docker-content-digest"), digest.to_string());
        }
        let answer = served.put_manifest(&format!("{digest}?tag=good-{algorithm}&tag=-bad"), &bytes).await;
        assert_eq!(refusal(answer).await, (400, "MANIFEST_INVALID".to_owned()));
        assert_eq!(served.status("HEAD", &format!("/v2/a/manifests/good-{algorithm}")).await, 404);
        let twice = served.put_manifest(&format!("{digest}?tag=x&tag=x"), &bytes).await;
        assert_eq!(header(&twice, "oci-tag"), "x");
    }
    assert_eq!(header(&served.put_manifest("y?tag=z", &image(Algorithm::Sha256, &json!({}))).await, "oci-tag"), "");
    assert_eq!(served.status("HEAD", "/v2/a/manifests/z").await, 404);
}

#[tokio::test]
async fn a_blob_is_mounted_under_the_digest_that_is_asked_for() {
    let served = served().await;
    let mount = |digest: Digest| format!("/v2/b/blobs/uploads/?mount={digest}&from=a");
    for algorithm in BOTH {
        let bytes = format!("mounted by {algorithm}").into_bytes();
        let (own, foreign) = (of(algorithm, &bytes), of(other(algorithm), &bytes));
        served.put_blob(own, &bytes).await;
        assert_eq!(served.status("POST", &mount(foreign)).await, 202, "what is not there is sent");
        let answer = served.send("POST", &mount(own), &[], b"").await;
        assert_eq!((answer.status(), header(&answer, "docker-content-digest")), (StatusCode::CREATED, own.to_string()));
        let answer = served.send("GET", &format!("/v2/b/blobs/{own}"), &[], b"").await;
        assert_eq!(answer.bytes().await.expect("body"), bytes);
        // Without a repository it is looked for in all of them, that which asks first.
        let anywhere = |to: &str, digest: Digest| format!("/v2/{to}/blobs/uploads/?mount={digest}");
        assert_eq!(served.status("POST", &anywhere("c/d", foreign)).await, 202);
        for to in ["c/d", "c/d", "a"] {
            let answer = served.send("POST", &anywhere(to, own), &[], b"").await;
            assert_eq!(
                (answer.status(), header(&answer, "docker-content-digest")),
                (StatusCode::CREATED, own.to_string())
            );
            assert_eq!(header(&answer, "location"), format!("/v2/{to}/blobs/{own}"));
        }
        let answer = served.send("GET", &format!("/v2/c/d/blobs/{own}"), &[], b"").await;
        assert_eq!(answer.bytes().await.expect("body"), bytes);
    }
}

#[tokio::test]
async fn nothing_is_mounted_from_a_repository_that_is_not_served() {
    let served = served().await;
    let digest = of(Algorithm::Sha256, b"kept back");
    served.put_blob(digest, b"kept back").await;
    let layout = served.store.path().join("a/_layout");
    let anywhere = format!("/v2/b/blobs/uploads/?mount={digest}");
    let set = |mode| std::fs::set_permissions(&layout, std::fs::Permissions::from_mode(mode)).expect("set");
    set(0o777);
    assert_eq!(served.status("POST", &anywhere).await, 202, "others may write it");
    set(0o755);
    std::fs::rename(&layout, served.store.path().join("elsewhere")).expect("moved");
    symlink("../elsewhere", &layout).expect("linked");
    assert_eq!(served.status("POST", &anywhere).await, 202, "a link leads to it");
    std::fs::remove_file(&layout).expect("removed");
    std::fs::rename(served.store.path().join("elsewhere"), &layout).expect("moved back");
    assert_eq!(served.status("POST", &anywhere).await, 201, "and it is found where it belongs");
}

#[tokio::test]
async fn the_directory_of_the_other_algorithm_is_held_to_the_same_rule() {
    for case in ["a link", "a file", "others may write"] {
        let served = served().await;
        served.put_blob(of(Algorithm::Sha256, b"{}"), b"{}").await;
        let place = served.store.path().join("a/_layout/blobs/sha512");
        assert!(!place.exists(), "made for the first blob that it gets");
        let elsewhere = tempfile::tempdir().expect("directory");
        match case {
            "a link" => symlink(elsewhere.path(), &place).expect("linked"),
            "a file" => std::fs::write(&place, "").expect("written"),
            _ => {
                std::fs::create_dir(&place).expect("made");
                std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o777)).expect("set");
            }
        }
        let digest = of(Algorithm::Sha512, b"new");
        let answer = served.send("POST", &format!("/v2/a/blobs/uploads/?digest={digest}"), &[], b"new").await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{case}");
        assert_eq!(served.status("GET", &format!("/v2/a/blobs/{digest}")).await, 500, "{case}");
        assert_eq!(elsewhere.path().read_dir().expect("listed").count(), 0, "{case}");
    }
}
