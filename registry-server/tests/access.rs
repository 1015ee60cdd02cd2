//! Users, tokens and rights, over a socket: who is let in, what is not told to whom, and what becomes of files that change.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::{Digest, TokenDigest};
use aisoc_manifests::fault::Reason;
use aisoc_registry_server::{Access, AccessFiles, AccessLog, ServeOptions, Store, serve};
use jiff::Timestamp;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const TOKEN: &str = "aisoc-registry-0123456789abcdef";
/// `analytical engine` and `difference engine`.
const USERS: &str = "ada:$2y$04$DA6S3jBzKrNxQwNRjBjYou.NauLo2gzgk/rurwuuf5P8ugDlTEDcK\n\
                     charles:$2y$05$DA6S3jBzKrNxQwNRjBjYouoky86cV04FDpIKnBJwTIP6oF1yxEkhi\n";
const ADA: (&str, &str) = ("ada", "analytical engine");
const CHARLES: (&str, &str) = ("charles", "difference engine");
const CI: (&str, &str) = ("ci", TOKEN);
const RIGHTS: &str = r#"
metrics = ["ci"]

[[allow]]
who = ["ada"]
repositories = ["team/*"]
actions = ["pull", "push", "delete"]

[[allow]]
who = ["ci"]
repositories = ["team/*"]
actions = ["pull", "push"]

[[allow]]
who = ["*"]
repositories = ["free/*"]
actions = ["pull", "push"]

[[allow]]
who = ["charles"]
repositories = ["drop/box"]
actions = ["push"]
"#;

type Told = Arc<Mutex<Vec<Result<(), Reason>>>>;

struct Served {
    root: TempDir,
    base: String,
    client: Client,
    told: Told,
}

fn clock() -> Timestamp {
    "2026-11-29T07:00:00Z".parse().expect("a time")
}

fn write_tokens(root: &Path) {
    let kept = TokenDigest::of(TOKEN.as_bytes()).hex();
    let over = TokenDigest::of(b"aisoc-registry-of-yesterday").hex();
    let text = format!(
        "[tokens.ci]\nsha256 = \"{kept}\"\n[tokens.old]\nsha256 = \"{over}\"\nexpires_at = 2026-11-29T07:00:00Z\n"
    );
    fs::write(root.join("tokens.toml"), text).expect("written");
}

fn access(root: &Path, told: &Told) -> Arc<Access> {
    let files = AccessFiles {
        htpasswd: Some(root.join("htpasswd")),
        tokens: Some(root.join("tokens.toml")),
        rights: root.join("rights.toml"),
    };
    let told = Arc::clone(told);
    let tell = Arc::new(move |read: Result<(), aisoc_manifests::fault::Fault>| {
        told.lock().expect("whole").push(read.map_err(|fault| fault.reason()));
    });
    Arc::new(Access::begin(files, clock, tell).expect("access"))
}

async fn served_with(rights: &str, adapt: impl FnOnce(ServeOptions) -> ServeOptions) -> Served {
    let root = tempfile::tempdir().expect("directory");
    fs::write(root.path().join("htpasswd"), USERS).expect("written");
    fs::write(root.path().join("rights.toml"), rights).expect("written");
    write_tokens(root.path());
    let told = Told::default();
    let log = AccessLog::to_file(&root.path().join("access.log"), clock).expect("a log");
    let options = ServeOptions {
        access: Some(access(root.path(), &told)),
        access_log: Some(Arc::new(log)),
        ..ServeOptions::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let store = Store::open(&root.path().join("store")).expect("store");
    let options = adapt(options);
    tokio::spawn(async move { serve(listener, store, options).await.expect("served") });
    Served { root, base, client: common::client().build().expect("client"), told }
}

async fn served() -> Served {
    served_with(RIGHTS, |options| options).await
}

impl Served {
    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.client.request(method.parse().expect("a method"), format!("{}{path}", self.base))
    }

    async fn ask(&self, who: Option<(&str, &str)>, method: &str, path: &str, body: &[u8]) -> Response {
        let mut request = self.request(method, path).header("content-type", MANIFEST).body(body.to_vec());
        if let Some((name, secret)) = who {
            request = request.basic_auth(name, Some(secret));
        }
        request.send().await.expect("an answer")
    }

    /// Status and code.
    async fn refused(&self, who: Option<(&str, &str)>, method: &str, path: &str) -> (u16, String) {
        code(self.ask(who, method, path, b"").await).await
    }

    async fn push(&self, who: (&str, &str), repository: &str, bytes: &[u8]) -> u16 {
        let path = format!("/v2/{repository}/blobs/uploads/?digest={}", Digest::of(bytes));
        self.ask(Some(who), "POST", &path, bytes).await.status().as_u16()
    }

    async fn push_image(&self, who: (&str, &str), repository: &str) -> u16 {
        self.push(who, repository, b"{}").await;
        let config =
            json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2 });
        let document = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": config }).to_string();
        let path = format!("/v2/{repository}/manifests/1");
        self.ask(Some(who), "PUT", &path, document.as_bytes()).await.status().as_u16()
    }

    async fn told(&self, count: usize) -> Vec<Result<(), Reason>> {
        let began = Instant::now();
        loop {
            let told = self.told.lock().expect("whole").clone();
            if told.len() >= count {
                return told;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "told {told:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(&response.bytes().await.expect("body")).unwrap_or_default();
    (status, body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn who_shows_nothing_is_asked_who_they_are_and_told_nothing() {
    let served = served().await;
    assert_eq!(served.push(ADA, "team/a", b"x").await, 201);
    let digest = Digest::of(b"x");
    for (method, path) in [
        ("GET", "/v2/".to_owned()),
        ("GET", "/v2/_catalog".to_owned()),
        ("GET", "/v2/team/a/tags/list".to_owned()),
        ("GET", "/v2/absent/tags/list".to_owned()),
        ("HEAD", format!("/v2/team/a/blobs/{digest}")),
        ("GET", format!("/v2/team/a/referrers/{digest}")),
        ("POST", "/v2/team/a/blobs/uploads/".to_owned()),
        ("PUT", "/v2/team/a/manifests/1".to_owned()),
        ("DELETE", format!("/v2/team/a/blobs/{digest}")),
        ("GET", "/metrics".to_owned()),
    ] {
        let answer = served.ask(None, method, &path, b"").await;
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(challenge.as_deref(), Some("Basic realm=\"aisoc-registry\", charset=\"UTF-8\""), "{method} {path}");
        let expected = if method == "HEAD" { "" } else { "UNAUTHORIZED" };
        assert_eq!(code(answer).await, (401, expected.to_owned()), "{method} {path}");
    }
}

#[tokio::test]
async fn what_proves_nothing_is_refused_alike_whoever_it_names() {
    let served = served_with(RIGHTS, |options| options).await;
    let mut answers = Vec::new();
    for who in [
        ("ada", "wrong"),
        ("ada", ""),
        ("nobody", "analytical engine"),
        ("charles", "analytical engine"),
        ("ci", "analytical engine"),
        ("ada", TOKEN),
        ("old", "aisoc-registry-of-yesterday"),
        ("anonymous", ""),
    ] {
        let answer = served.ask(Some(who), "GET", "/v2/", b"").await;
        assert_eq!(answer.status(), 401, "{who:?}");
        assert!(answer.headers().contains_key("www-authenticate"));
        answers.push(answer.text().await.expect("a body"));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "nobody learns who there is");
    let bearer = served.request("GET", "/v2/").bearer_auth("aisoc-registry-0123456789abcdee").send().await;
    assert_eq!(bearer.expect("an answer").status(), 401);
}

#[tokio::test]
async fn users_and_tokens_may_what_the_rights_say_and_nothing_else() {
    let served = served().await;
    for who in [ADA, CHARLES, CI] {
        assert_eq!(served.ask(Some(who), "GET", "/v2/", b"").await.status(), 200, "{who:?}");
    }
    let bearer = served.request("GET", "/v2/").bearer_auth(TOKEN).send().await.expect("an answer");
    assert_eq!(bearer.status(), 200);
    assert_eq!(served.push_image(CI, "team/a").await, 201);
    assert_eq!(served.push(ADA, "team/a", b"x").await, 201);
    assert_eq!(served.push(CHARLES, "drop/box", b"y").await, 201);
    let digest = Digest::of(b"x");
    for (who, method, path, expected) in [
        (ADA, "GET", format!("/v2/team/a/blobs/{digest}"), (200, "")),
        (CI, "GET", format!("/v2/team/a/blobs/{digest}"), (200, "")),
        (CI, "DELETE", format!("/v2/team/a/blobs/{digest}"), (403, "DENIED")),
        (CHARLES, "DELETE", format!("/v2/team/a/blobs/{digest}"), (403, "DENIED")),
        (CHARLES, "PUT", "/v2/team/a/manifests/1".to_owned(), (403, "DENIED")),
        (CHARLES, "POST", "/v2/team/absent/blobs/uploads/".to_owned(), (403, "DENIED")),
        (CHARLES, "OPTIONS", "/v2/team/a/manifests/1".to_owned(), (403, "DENIED")),
        (ADA, "POST", "/v2/other/blobs/uploads/".to_owned(), (403, "DENIED")),
        (CHARLES, "GET", format!("/v2/drop/box/blobs/{}", Digest::of(b"y")), (404, "BLOB_UNKNOWN")),
        (ADA, "DELETE", format!("/v2/team/a/blobs/{digest}"), (202, "")),
    ] {
        assert_eq!(
            served.refused(Some(who), method, &path).await,
            (expected.0, expected.1.to_owned()),
            "{who:?} {path}"
        );
    }
}

#[tokio::test]
async fn what_somebody_may_not_pull_answers_as_what_is_not_there() {
    let served = served().await;
    assert_eq!(served.push_image(ADA, "team/secret").await, 201);
    let digest = Digest::of(b"{}");
    for method in ["GET", "HEAD"] {
        for path in [
            "tags/list".to_owned(),
            "tags/list?n=1".to_owned(),
            "manifests/1".to_owned(),
            format!("manifests/{digest}"),
            format!("blobs/{digest}"),
            format!("referrers/{digest}"),
            format!("referrers/{digest}?artifactType=a/b"),
        ] {
            let mut answers = Vec::new();
            // One that is there and may not be read, one that is neither, and one that may be read and is not there.
            for repository in ["team/secret", "team/absent", "free/absent"] {
                let answer = served.ask(Some(CHARLES), method, &format!("/v2/{repository}/{path}"), b"").await;
                let mut headers: Vec<_> =
                    answer.headers().iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
                headers.retain(|header| !header.starts_with("date:") && !header.starts_with("content-length:"));
                let status = answer.status();
                let body = answer.text().await.expect("a body").replace(repository, "…");
                answers.push((status, headers, body));
            }
            assert_eq!(answers[0], answers[2], "{method} {path}");
            assert_eq!(answers[1], answers[2], "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_blob_is_mounted_only_from_where_it_may_be_pulled() {
    let served = served().await;
    assert_eq!(served.push(ADA, "team/secret", b"secret").await, 201);
    let digest = Digest::of(b"secret");
    let mount = format!("/v2/free/a/blobs/uploads/?mount={digest}&from=team/secret");
    let answer = served.ask(Some(CHARLES), "POST", &mount, b"").await;
    assert_eq!(answer.status(), 202, "a session, as for one that is not there");
    assert_eq!(served.ask(Some(ADA), "GET", &format!("/v2/free/a/blobs/{digest}"), b"").await.status(), 404);
    // Nor from anywhere, where nobody says from which.
    let anywhere = format!("/v2/free/a/blobs/uploads/?mount={digest}");
    assert_eq!(served.ask(Some(CHARLES), "POST", &anywhere, b"").await.status(), 202);
    assert_eq!(served.ask(Some(CHARLES), "GET", &format!("/v2/free/a/blobs/{digest}"), b"").await.status(), 404);
    assert!(!served.root.path().join("store/free").exists(), "nothing was made");
    // Nor is it found for who names no repository and may read none that has it.
    let anywhere = format!("/v2/free/b/blobs/uploads/?mount={digest}");
    assert_eq!(served.ask(Some(CHARLES), "POST", &anywhere, b"").await.status(), 202);
    assert_eq!(served.ask(Some(ADA), "POST", &anywhere, b"").await.status(), 201);
    assert_eq!(served.ask(Some(ADA), "POST", &mount, b"").await.status(), 201);
    let pushed = format!("/v2/team/a/blobs/uploads/?mount={digest}&from=free/a");
    assert_eq!(served.ask(Some(CHARLES), "POST", &pushed, b"").await.status(), 403, "nor where it may not be pushed");
}

#[tokio::test]
async fn an_upload_is_its_users_alone() {
    let served = served().await;
    let begun = served.ask(Some(CI), "POST", "/v2/team/a/blobs/uploads/", b"").await;
    let place = begun.headers()["location"].to_str().expect("text").to_owned();
    for (who, path, expected) in [
        (ADA, place.clone(), (404, "BLOB_UPLOAD_UNKNOWN")),
        (CHARLES, place.clone(), (403, "DENIED")),
        (CI, place.replace("team/a", "team/b"), (404, "BLOB_UPLOAD_UNKNOWN")),
        (CI, place[..place.len() - 32].to_owned(), (404, "BLOB_UPLOAD_UNKNOWN")),
    ] {
        for method in ["GET", "PATCH", "PUT", "DELETE"] {
            let found = served.refused(Some(who), method, &path).await;
            let found = if method == "PUT" && found.1 == "DIGEST_INVALID" {
                (404, "BLOB_UPLOAD_UNKNOWN".to_owned())
            } else {
                found
            };
            assert_eq!(found, (expected.0, expected.1.to_owned()), "{method} {who:?} {path}");
        }
    }
    assert_eq!(served.ask(Some(CI), "PATCH", &place, b"abc").await.status(), 202, "it is untouched");
    let end = format!("{place}?digest={}", Digest::of(b"abc"));
    assert_eq!(served.ask(Some(CI), "PUT", &end, b"").await.status(), 201);
}

#[tokio::test]
async fn the_catalog_has_what_its_reader_may_pull_and_pages_tell_of_nothing_else() {
    let served = served().await;
    for repository in ["team/a", "team/b", "team/b/c", "free/x", "free-2"] {
        served.push(ADA, repository, b"x").await;
    }
    served.push(CHARLES, "drop/box", b"x").await;
    served.push(CHARLES, "free/y", b"x").await;
    let list = async |who, query: &str| {
        let answer = served.ask(Some(who), "GET", &format!("/v2/_catalog{query}"), b"").await;
        let link = answer.headers().get("link").map(|link| link.to_str().expect("text").to_owned());
        let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON");
        let names = body["repositories"].as_array().expect("a list").iter();
        (names.map(|name| name.as_str().expect("a name").to_owned()).collect::<Vec<_>>(), link)
    };
    assert_eq!(
        list(ADA, "").await,
        (vec!["free/x", "free/y", "team/a", "team/b", "team/b/c"].into_iter().map(str::to_owned).collect(), None)
    );
    assert_eq!(list(CHARLES, "").await.0, ["free/x", "free/y"]);
    assert_eq!(
        list(CHARLES, "?n=1").await,
        (vec!["free/x".to_owned()], Some("</v2/_catalog?n=1&last=free/x>; rel=\"next\"".to_owned()))
    );
    assert_eq!(list(CHARLES, "?n=1&last=free/x").await, (vec!["free/y".to_owned()], None));
    assert_eq!(list(CHARLES, "?n=0").await, (vec![], None));
    assert_eq!(list(CHARLES, "?last=zzz").await, (vec![], None));
    let bad = served.refused(Some(ADA), "GET", "/v2/_catalog?n=x").await;
    assert_eq!(bad, (400, "UNSUPPORTED".to_owned()));
}

#[tokio::test]
async fn whoever_shows_nothing_may_what_the_rights_give_to_them() {
    let rights = "[[allow]]\nwho = [\"anonymous\"]\nrepositories = [\"public/*\"]\nactions = [\"pull\"]\n\
                  [[allow]]\nwho = [\"ada\"]\nrepositories = [\"*\"]\nactions = [\"pull\", \"push\"]\n";
    let served = served_with(rights, |options| options).await;
    assert_eq!((served.push(ADA, "public/a", b"x").await, served.push(ADA, "private", b"x").await), (201, 201));
    let digest = Digest::of(b"x");
    for (path, expected) in [
        ("/v2/".to_owned(), 200),
        (format!("/v2/public/a/blobs/{digest}"), 200),
        (format!("/v2/private/blobs/{digest}"), 401),
        (format!("/v2/absent/blobs/{digest}"), 401),
    ] {
        assert_eq!(served.ask(None, "GET", &path, b"").await.status(), expected, "{path}");
    }
    assert_eq!(served.ask(None, "POST", "/v2/public/a/blobs/uploads/", b"").await.status(), 401);
    let wrong = served.ask(Some(("ada", "wrong")), "GET", &format!("/v2/public/a/blobs/{digest}"), b"").await;
    assert_eq!(wrong.status(), 401, "who is wrong about who they are is told so");
}

#[tokio::test]
async fn guesses_have_an_end_and_who_was_right_before_is_not_in_it() {
    let served = served().await;
    assert_eq!(served.ask(Some(ADA), "GET", "/v2/", b"").await.status(), 200);
    let mut statuses = Vec::new();
    for guess in 0..14 {
        statuses
            .push(served.ask(Some(("charles", &format!("guess {guess}"))), "GET", "/v2/", b"").await.status().as_u16());
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[12..], [429; 2], "{statuses:?}");
    let waits = served.ask(Some(CHARLES), "GET", "/v2/", b"").await;
    assert_eq!(waits.status(), 429, "the right password is not looked at either, or it would be guessed");
    let after: u64 = waits.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=7).contains(&after), "{after}");
    for who in [ADA, CI] {
        assert_eq!(served.ask(Some(who), "GET", "/v2/", b"").await.status(), 200, "{who:?}");
    }
}

#[tokio::test]
async fn files_that_change_are_read_anew_and_bad_ones_change_nothing() {
    let served = served().await;
    let rights = served.root.path().join("rights.toml");
    assert_eq!(served.ask(Some(CHARLES), "GET", "/v2/team/a/tags/list", b"").await.status(), 404);
    served.push_image(ADA, "team/a").await;
    fs::write(&rights, RIGHTS.replace("who = [\"ada\"]", "who = [\"ada\", \"charles\"]")).expect("written");
    assert_eq!(served.told(1).await, [Ok(())]);
    assert_eq!(served.ask(Some(CHARLES), "GET", "/v2/team/a/tags/list", b"").await.status(), 200);
    fs::write(&rights, "[[allow]]\nwho = [\"charles\"]\n").expect("written");
    assert_eq!(served.told(2).await[1], Err(Reason::RegistryAccessInvalid));
    assert_eq!(served.ask(Some(CHARLES), "GET", "/v2/team/a/tags/list", b"").await.status(), 200, "as before");
    fs::write(&rights, RIGHTS).expect("written");
    fs::set_permissions(&rights, fs::Permissions::from_mode(0o666)).expect("set");
    assert_eq!(served.told(3).await[2], Err(Reason::DirectoryInsecure));
    fs::set_permissions(&rights, fs::Permissions::from_mode(0o644)).expect("set");
    assert_eq!(served.told(4).await[3], Ok(()));
    assert_eq!(served.ask(Some(CHARLES), "GET", "/v2/team/a/tags/list", b"").await.status(), 404);
    fs::write(served.root.path().join("htpasswd"), USERS.lines().nth(1).expect("a line")).expect("written");
    assert_eq!(served.told(5).await[4], Ok(()));
    assert_eq!(served.ask(Some(ADA), "GET", "/v2/", b"").await.status(), 401, "also one who was right a moment ago");
}

#[test]
fn what_cannot_be_understood_or_trusted_is_not_begun_with() {
    let root = tempfile::tempdir().expect("directory");
    let path = |name: &str| root.path().join(name);
    let begin = || {
        let files =
            AccessFiles { htpasswd: Some(path("htpasswd")), tokens: Some(path("tokens")), rights: path("rights") };
        Access::begin(files, clock, Arc::new(|_| {}))
    };
    let reset = || {
        fs::write(path("htpasswd"), USERS).expect("written");
        fs::write(path("tokens"), "").expect("written");
        fs::write(path("rights"), RIGHTS).expect("written");
    };
    reset();
    begin().expect("access");
    let invalid = Reason::RegistryAccessInvalid;
    for (name, text, reason) in [
        ("htpasswd", "ada:secret\n".as_bytes(), invalid),
        (
            "tokens",
            b"[tokens.ada]\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"\n",
            invalid,
        ),
        ("tokens", b"[token.x]\n", invalid),
        ("rights", b"deny = []\n", invalid),
        ("rights", b"\xff", invalid),
    ] {
        fs::write(path(name), text).expect("written");
        let fault = begin().expect_err(name);
        assert_eq!(fault.reason(), reason, "{fault}");
        assert!(!fault.to_string().contains("secret"), "{fault}");
        reset();
    }
    fs::write(path("rights"), "x = 1\n").expect("written");
    let fault = begin().expect_err("an unknown key");
    let place = fault.location().expect("a place");
    assert_eq!((place.line, place.column), (1, 1));
    reset();
    fs::write(path("rights"), vec![b'#'; (4 << 20) + 1]).expect("written");
    assert_eq!(begin().expect_err("too large").reason(), invalid);
    fs::write(path("rights"), vec![b'#'; 4 << 20]).expect("written");
    begin().expect("the bound itself");
    for name in ["htpasswd", "tokens", "rights"] {
        reset();
        fs::set_permissions(path(name), fs::Permissions::from_mode(0o666)).expect("set");
        assert_eq!(begin().expect_err(name).reason(), Reason::DirectoryInsecure, "{name}");
        fs::remove_file(path(name)).expect("removed");
        assert_eq!(begin().expect_err(name).reason(), Reason::IoNotFound, "{name}");
    }
}

#[tokio::test]
async fn figures_are_for_whom_the_rights_name() {
    let served = served().await;
    served.push_image(CI, "team/a").await;
    served.ask(Some(("x", "y")), "GET", "/v2/", b"").await;
    assert_eq!(served.refused(Some(ADA), "GET", "/metrics").await, (404, "UNSUPPORTED".to_owned()));
    assert_eq!(served.refused(Some(ADA), "GET", "/nothing").await, (404, "UNSUPPORTED".to_owned()));
    let answer = served.ask(Some(CI), "GET", "/metrics", b"").await;
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.expect("a body");
    for line in [
        "aisoc_registry_http_requests_total{method=\"PUT\",route=\"manifests\",status=\"201\"} 1",
        "aisoc_registry_logins_total{outcome=\"refused\"} 1",
        "# TYPE aisoc_registry_http_request_seconds histogram",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("team") && !text.contains("ada"), "nothing of a client's stands in it: {text}");
    for method in ["BREW", "PROPFIND"] {
        served.ask(Some(CI), method, "/v2/", b"").await;
    }
    let text = served.ask(Some(CI), "GET", "/metrics", b"").await.text().await.expect("a body");
    assert!(text.contains("{method=\"other\",route=\"version\",status=\"405\"} 2") && !text.contains("BREW"), "{text}");
    assert_eq!(served.ask(Some(CI), "POST", "/metrics", b"").await.status(), 405);
}

#[tokio::test]
async fn the_log_has_a_line_for_each_request_and_no_secret() {
    let served = served().await;
    let digest = Digest::of(b"hello");
    served.push(ADA, "team/a", b"hello").await;
    served.ask(Some(ADA), "GET", &format!("/v2/team/a/blobs/{digest}"), b"").await.bytes().await.expect("a body");
    served.ask(Some(("ada", "wrong-password")), "GET", "/v2/", b"").await;
    let begun = served.ask(Some(ADA), "POST", "/v2/team/a/blobs/uploads/", b"").await;
    let place = begun.headers()["location"].to_str().expect("text").to_owned();
    served.ask(Some(ADA), "PATCH", &place, b"abc").await;
    served.ask(Some(CI), "GET", "/v2/etc/passwd?token=aisoc-secret", b"").await;
    let path = served.root.path().join("access.log");
    let began = Instant::now();
    let text = loop {
        let text = fs::read_to_string(&path).expect("a log");
        if text.lines().count() == 6 {
            break text;
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{text}");
    };
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut first = lines[0].clone();
    assert!(first["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{first}");
    first["seconds"] = json!(0);
    assert_eq!(
        first,
        json!({
            "timestamp": "2026-11-29T07:00:00Z", "remote": "127.0.0.1", "user": "ada", "method": "POST", "route": "uploads",
            "repository": "team/a", "reference": null, "user_agent": null, "status": 201, "received": 5, "sent": 0,
            "seconds": 0, "complete": true,
        })
    );
    assert_eq!((&lines[1]["sent"], &lines[1]["reference"]), (&json!(5), &json!(digest.to_string())));
    assert_eq!((&lines[2]["user"], &lines[2]["status"]), (&Value::Null, &json!(401)));
    assert_eq!((&lines[5]["route"], &lines[5]["user"]), (&json!("other"), &json!("ci")));
    let id = place.rsplit('/').next().expect("an id");
    for secret in ["wrong-password", "analytical", "Basic", TOKEN, id, "passwd", "aisoc-secret"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
