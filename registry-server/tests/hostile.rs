//! Clients that mean harm, over raw sockets, against a registry that listens. Each test is one way to attack, by name. It says
//! what the registry answers, and then, in [`World::unharmed`], that nothing was written where nothing should be, that nothing
//! was left behind, and that the next client is answered.
#![expect(clippy::print_stderr, reason = "how long the next client has waited, and what this system does not allow")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aisoc_manifests::digest::Digest;
use aisoc_registry_client::Slowest;
use aisoc_registry_server::{Access, AccessFiles, ServeOptions, Store, serve};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// How long a client waits for more of an answer.
const SILENCE: Duration = Duration::from_millis(400);
/// `analytical engine` and `difference engine`.
const USERS: &str = "ada:$2y$04$DA6S3jBzKrNxQwNRjBjYou.NauLo2gzgk/rurwuuf5P8ugDlTEDcK\n\
                     charles:$2y$05$DA6S3jBzKrNxQwNRjBjYouoky86cV04FDpIKnBJwTIP6oF1yxEkhi\n";
const RIGHTS: &str = "[[allow]]\nwho = [\"ada\"]\nrepositories = [\"*\"]\nactions = [\"pull\", \"push\", \"delete\"]\n\
                      [[allow]]\nwho = [\"charles\"]\nrepositories = [\"free\"]\nactions = [\"pull\", \"push\"]\n";

/// Every file and directory below a place, with what is in it.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// A registry, what surrounds it, and what both were.
struct World {
    root: TempDir,
    address: String,
    before: Tree,
    /// The uploads that were begun, each with the header lines of its user.
    begun: Mutex<Vec<(String, String)>>,
}

fn tree(root: &Path) -> Tree {
    let (mut found, mut open) = (Tree::new(), vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("listed") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                open.push(path);
            } else {
                let content = fs::read(&path).expect("read");
                found.insert(path, content);
            }
        }
    }
    found
}

fn clock() -> Timestamp {
    "2026-11-29T07:00:00Z".parse().expect("a time")
}

/// A registry with one blob and one manifest in `team/a`, beside a file that is none of its own.
async fn world_with(adapt: impl FnOnce(&Path, ServeOptions) -> ServeOptions) -> World {
    let root = tempfile::tempdir().expect("directory");
    fs::write(root.path().join("outside"), "a secret").expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    let seeding = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let seeds = seeding.local_addr().expect("address").to_string();
    let store = Store::open(&root.path().join("store")).expect("store");
    let seed = tokio::spawn(serve(seeding, store.clone(), ServeOptions::default()));
    let mut world = World { root, address: seeds, before: Tree::new(), begun: Mutex::default() };
    let digest = world.put_blob("team/a", b"a blob").await;
    world.put_blob("team/a", b"{}").await;
    let answer = world.put_manifest("team/a", "1", MANIFEST, &image(&[(digest, 6)]).to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    world.settled().await;
    seed.abort();
    world.address = address;
    let options = adapt(world.root.path(), ServeOptions::default());
    tokio::spawn(async move { serve(listener, store, options).await.expect("served") });
    world.before = tree(world.root.path());
    world
}

async fn world() -> World {
    world_with(|_, options| options).await
}

/// One that loses patience within moments.
async fn hasty() -> World {
    let slowest = Slowest { bytes: 10_000, within: Duration::from_millis(300) };
    world_with(|_, options| ServeOptions { idle_timeout: Duration::from_millis(300), slowest, ..options }).await
}

/// One that asks who is there.
async fn guarded() -> World {
    world_with(|root, options| {
        fs::write(root.join("htpasswd"), USERS).expect("written");
        fs::write(root.join("rights"), RIGHTS).expect("written");
        let files = AccessFiles { htpasswd: Some(root.join("htpasswd")), tokens: None, rights: root.join("rights") };
        let access = Access::begin(files, clock, Arc::new(|_| {})).expect("access");
        ServeOptions { access: Some(Arc::new(access)), ..options }
    })
    .await
}

fn image(layers: &[(Digest, u64)]) -> Value {
    let describe = |media_type: &str, digest: Digest, size: u64| json!({ "mediaType": media_type, "digest": digest, "size": size });
    let layers = layers.iter().map(|(digest, size)| describe("application/octet-stream", *digest, *size));
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": layers.collect::<Vec<_>>(),
        "config": describe("application/vnd.oci.empty.v1+json", Digest::of(b"{}"), 2),
    })
}

fn basic(name: &str, secret: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{secret}")))
}

fn ada() -> String {
    basic("ada", "analytical engine")
}

fn charles() -> String {
    basic("charles", "difference engine")
}

/// The statuses of the answers, in their order.
fn statuses(answers: &str) -> Vec<u16> {
    let parts = answers.split("HTTP/1.1 ").skip(1);
    parts.map(|part| part.get(..3).and_then(|status| status.parse().ok()).unwrap_or_default()).collect()
}

/// Status and code of one answer.
fn code(answer: &str) -> (u16, String) {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let status = statuses(answer).first().copied().unwrap_or_default();
    (status, body["errors"][0]["code"].as_str().unwrap_or_default().to_owned())
}

#[track_caller]
fn assert_code(answer: &str, status: u16, expected: &str) {
    assert_eq!(code(answer), (status, expected.to_owned()), "{answer}");
}

impl World {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.expect("connected")
    }

    /// Sends the bytes and reads until the registry hangs up or says nothing more.
    async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // A registry that has refused the beginning may hang up before it has read the end.
        let _ = stream.write_all(bytes.as_ref()).await;
        heard(&mut stream).await
    }

    /// One request with those header lines and that body, over a connection of its own.
    async fn ask(&self, method: &str, target: &str, lines: &str, body: &[u8]) -> String {
        let length = if body.is_empty() && method == "GET" {
            String::new()
        } else {
            format!("Content-Length: {}\r\n", body.len())
        };
        let head =
            format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{lines}{length}\r\n", self.address);
        self.say([head.as_bytes(), body].concat()).await
    }

    async fn put_blob(&self, repository: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/?digest={digest}"), "", bytes).await;
        assert_eq!(statuses(&answer), [201], "{answer}");
        digest
    }

    async fn put_manifest(&self, repository: &str, name: &str, kind: &str, document: &str) -> String {
        let target = format!("/v2/{repository}/manifests/{name}");
        self.ask("PUT", &target, &format!("Content-Type: {kind}\r\n"), document.as_bytes()).await
    }

    /// Begins an upload, and says where it goes on.
    async fn begin(&self, repository: &str, lines: &str) -> String {
        let answer = self.ask("POST", &format!("/v2/{repository}/blobs/uploads/"), lines, b"").await;
        self.noted(&answer, lines).unwrap_or_else(|| panic!("no place: {answer}"))
    }

    /// Where an upload goes on that such an answer has begun.
    fn noted(&self, answer: &str, lines: &str) -> Option<String> {
        let place = answer.lines().find_map(|line| line.strip_prefix("location: "))?.to_owned();
        self.begun.lock().expect("whole").push((place.clone(), lines.to_owned()));
        Some(place)
    }

    /// Waits until what has changed stands in the `index.json` of its layout, which the registry writes a moment later, and
    /// until it has let go of the layout.
    async fn settled(&self) {
        for _ in 0..100 {
            let is_at_work = |path: &PathBuf| path.ends_with(".aisoc-changes") || path.ends_with(".aisoc-lock");
            if !tree(self.root.path()).keys().any(is_at_work) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("the index is not written");
    }

    /// That, but for uploads that are open and are ended here, nothing has changed, and the next client is answered within a second or so.
    async fn unharmed(&self) {
        self.answers_the_next().await;
        let begun = std::mem::take(&mut *self.begun.lock().expect("whole"));
        for (place, lines) in begun {
            let ended = self.ask("DELETE", &place, &lines, b"").await;
            assert!(matches!(statuses(&ended)[..], [204 | 404]), "{ended}");
        }
        let (before, after) = (&self.before, tree(self.root.path()));
        let names = |tree: &Tree| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(before), names(&after), "files have come or gone");
        assert!(*before == after, "what is in them has changed");
    }

    async fn answers_the_next(&self) {
        let began = Instant::now();
        let answer = self.ask("GET", "/v2/", "", b"").await;
        assert!(matches!(statuses(&answer).as_slice(), [200 | 401]), "{answer}");
        assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    }
}

/// What comes; the first of it may take until there is a place.
async fn heard(stream: &mut TcpStream) -> String {
    let (mut answer, mut part) = (Vec::new(), vec![0; 1 << 16]);
    let patience = |answer: &Vec<u8>| if answer.is_empty() { 8 * SILENCE } else { SILENCE };
    while let Ok(Ok(read @ 1..)) = timeout(patience(&answer), stream.read(&mut part)).await {
        answer.extend_from_slice(&part[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

// --- names that lead elsewhere

#[tokio::test]
async fn a_repository_name_that_climbs() {
    let world = world().await;
    for name in ["..", "../..", "a/../../outside", "a/..", ".", "a/./b", "...", "a//b", "/a"] {
        for (method, rest) in [("GET", "tags/list"), ("POST", "blobs/uploads/"), ("PUT", "manifests/1")] {
            let answer = world.ask(method, &format!("/v2/{name}/{rest}"), "", b"").await;
            assert_code(&answer, 400, "NAME_INVALID");
        }
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_repository_name_that_climbs_in_disguise() {
    let world = world().await;
    for name in
        ["%2e%2e", "%2E%2E/%2E%2E", "..%2f..", "team%2fa", "%252e%252e", "..%5c..", "a%00", "%c0%ae%c0%ae", "a%0d%0ab"]
    {
        for (method, rest) in [("GET", "tags/list"), ("POST", "blobs/uploads/")] {
            let answer = world.ask(method, &format!("/v2/{name}/{rest}"), "", b"").await;
            assert_code(&answer, 400, "NAME_INVALID");
        }
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_path_of_bytes_that_are_no_text() {
    let world = world().await;
    for path in [b"/v2/\xc0\xae\xc0\xae/tags/list".as_slice(), b"/v2/a\\b/tags/list", b"/v2/\xff\xfe/tags/list"] {
        let host = format!(" HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", world.address);
        let answer = world.say([b"GET ", path, host.as_bytes()].concat()).await;
        assert_eq!(statuses(&answer), [400], "{answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_repository_called_as_the_registry_calls_its_own() {
    let world = world().await;
    for name in ["_layout", "team/a/_layout", ".aisoc-uploads-x", "team/.hidden", "_catalog/a", "team/a/_layout/blobs"]
    {
        let answer = world.ask("POST", &format!("/v2/{name}/blobs/uploads/"), "", b"").await;
        assert_code(&answer, 400, "NAME_INVALID");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_repository_name_beyond_its_longest() {
    let world = world().await;
    for (length, status) in [(255, 202), (256, 400), (10_000, 400)] {
        let answer = world.ask("POST", &format!("/v2/{}/blobs/uploads/", "a".repeat(length)), "", b"").await;
        assert_eq!(statuses(&answer), [status], "{length}: {answer}");
        world.noted(&answer, "");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_tag_beyond_its_longest() {
    let world = world_with(|_, options| options).await;
    let document = image(&[]).to_string();
    for (length, status) in [(129, 404), (5_000, 404), (128, 201)] {
        let answer = world.put_manifest("team/a", &"t".repeat(length), MANIFEST, &document).await;
        assert_eq!(statuses(&answer), [status], "{length}: {answer}");
        if status != 201 {
            world.unharmed().await;
        }
    }
    world.answers_the_next().await;
}

#[tokio::test]
async fn a_tag_that_climbs() {
    let world = world().await;
    for tag in ["..", "..%2f..%2foutside", ".hidden", "-x", "a%2fb", "%00"] {
        let answer = world.put_manifest("team/a", tag, MANIFEST, &image(&[]).to_string()).await;
        assert_eq!(statuses(&answer), [404], "{tag}: {answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_digest_that_climbs() {
    let world = world().await;
    for digest in ["sha256:..%2f..%2f..%2foutside", "sha256:..", "sha256:%2e%2e", "..:..", "sha256:/etc/passwd"] {
        let answer = world.ask("GET", &format!("/v2/team/a/blobs/{digest}"), "", b"").await;
        assert!(matches!(statuses(&answer)[..], [400 | 404]), "{digest}: {answer}");
        assert!(!answer.contains("a secret"), "{answer}");
        let answer = world.ask("POST", &format!("/v2/team/a/blobs/uploads/?digest={digest}"), "", b"x").await;
        assert_code(&answer, 400, "DIGEST_INVALID");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn an_upload_id_that_climbs() {
    let world = world().await;
    for id in ["..", "..%2f..%2foutside", "%2e%2e", ".aisoc-uploads-x", "", "%00"] {
        for method in ["PATCH", "DELETE"] {
            let answer = world.ask(method, &format!("/v2/team/a/blobs/uploads/{id}"), "", b"").await;
            assert!(matches!(statuses(&answer)[..], [404 | 405]), "{id}: {answer}");
        }
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_mount_from_a_name_that_climbs() {
    let world = world().await;
    let digest = Digest::of(b"a blob");
    for from in ["..", "../outside", "/etc", "%2e%2e%2foutside", "team/a/_layout", "team/../team/a"] {
        let answer = world.ask("POST", &format!("/v2/free/blobs/uploads/?mount={digest}&from={from}"), "", b"").await;
        assert_eq!(statuses(&answer), [202], "{from}: {answer}");
        world.noted(&answer, "");
    }
    world.unharmed().await;
}

// --- digests that are others

#[tokio::test]
async fn a_digest_in_another_spelling() {
    let world = world().await;
    let right = Digest::of(b"a blob").to_string();
    let digits = &right[7..];
    for digest in [
        right.to_uppercase(),
        format!("sha256:{}", digits.to_uppercase()),
        format!("SHA256:{digits}"),
        format!("sha256:{}", &digits[1..]),
        format!("sha256:{digits}0"),
        format!("sha256:{digits}%20"),
        format!("sha256%3A{digits}"),
        format!("sha1:{}", &digits[..40]),
        format!("md5:{}", &digits[..32]),
        format!("sha512:{digits}"),
        "sha256:".to_owned(),
        digits.to_owned(),
    ] {
        let answer = world.ask("GET", &format!("/v2/team/a/blobs/{digest}"), "", b"").await;
        assert_code(&answer, 400, "DIGEST_INVALID");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn bytes_under_the_digest_of_others() {
    let world = world().await;
    let digest = Digest::of(b"what was promised");
    let answer = world.ask("POST", &format!("/v2/team/a/blobs/uploads/?digest={digest}"), "", b"what came").await;
    assert_code(&answer, 400, "DIGEST_INVALID");
    let place = world.begin("team/a", "").await;
    let answer = world.ask("PUT", &format!("{place}?digest={digest}"), "", b"what came").await;
    assert_code(&answer, 400, "DIGEST_INVALID");
    let answer = world.ask("HEAD", &format!("/v2/team/a/blobs/{digest}"), "", b"").await;
    assert_eq!(statuses(&answer), [404]);
    world.unharmed().await;
}

#[tokio::test]
async fn two_digests_of_one_blob() {
    let world = world().await;
    let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
    let answer =
        world.ask("POST", &format!("/v2/team/a/blobs/uploads/?digest={one}&digest={other}"), "", b"other").await;
    assert_code(&answer, 400, "DIGEST_INVALID");
    world.unharmed().await;
}

#[tokio::test]
async fn a_manifest_under_the_digest_of_another() {
    let world = world().await;
    let answer =
        world.put_manifest("team/a", &Digest::of(b"another").to_string(), MANIFEST, &image(&[]).to_string()).await;
    assert_code(&answer, 400, "DIGEST_INVALID");
    world.unharmed().await;
}

#[tokio::test]
async fn a_blob_asked_for_as_a_manifest() {
    let world = world().await;
    let answer = world.ask("GET", &format!("/v2/team/a/manifests/{}", Digest::of(b"a blob")), "", b"").await;
    assert_code(&answer, 404, "MANIFEST_UNKNOWN");
    world.unharmed().await;
}

// --- uploads of others

#[tokio::test]
async fn an_upload_of_another_repository() {
    let world = world().await;
    let place = world.begin("team/a", "").await.replace("team/a", "free");
    for method in ["GET", "PATCH", "DELETE"] {
        assert_code(&world.ask(method, &place, "", b"").await, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn an_upload_of_another_user() {
    let world = guarded().await;
    let place = world.begin("free", &ada()).await;
    for method in ["GET", "PATCH", "DELETE"] {
        assert_code(&world.ask(method, &place, &charles(), b"").await, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    let end = format!("{place}?digest={}", Digest::of(b"evil"));
    assert_code(&world.ask("PUT", &end, &charles(), b"evil").await, 404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(statuses(&world.ask("GET", &place, &ada(), b"").await), [204], "it is still its own user's");
    world.unharmed().await;
}

#[tokio::test]
async fn an_upload_that_has_ended() {
    let world = world().await;
    let place = world.begin("team/a", "").await;
    assert_eq!(statuses(&world.ask("DELETE", &place, "", b"").await), [204]);
    for method in ["GET", "PATCH", "DELETE"] {
        assert_code(&world.ask(method, &place, "", b"").await, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn upload_ids_that_are_guessed() {
    let world = world().await;
    let place = world.begin("team/a", "").await;
    let id = place.rsplit('/').next().expect("an id").to_owned();
    let other = if id.starts_with('0') { "1" } else { "0" };
    for guess in [
        format!("{other}{}", &id[1..]),
        id.to_uppercase() + "x",
        "0".repeat(id.len()),
        "a".repeat(8_000),
        "1".to_owned(),
    ] {
        assert_code(&world.ask("GET", &place.replace(&id, &guess), "", b"").await, 404, "BLOB_UPLOAD_UNKNOWN");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn content_ranges_that_lie() {
    let world = world().await;
    let place = world.begin("team/a", "").await;
    for range in ["5-9", "1-5", "4-0", "0-9", "0-3", "-1-4", "0-18446744073709551615", "x-y", "0-4/5/6", "bytes 1-5"] {
        let answer = world.ask("PATCH", &place, &format!("Content-Range: {range}\r\n"), b"hello").await;
        assert_eq!(statuses(&answer), [416], "{range}: {answer}");
    }
    let answer = world.ask("PATCH", &place, "Content-Range: 0-4\r\n", b"hello").await;
    assert_eq!(statuses(&answer), [202], "the truth is taken: {answer}");
    world.unharmed().await;
}

// --- requests that two readers read differently

/// What follows a refused head is no request, whatever it looks like.
async fn refused_as_one(lines: &str, body: &str) {
    let world = world().await;
    let hidden = format!("DELETE /v2/team/a/manifests/1 HTTP/1.1\r\nHost: {}\r\n\r\n", world.address);
    let head = format!("POST /v2/ HTTP/1.1\r\nHost: {}\r\n{lines}\r\n{body}", world.address);
    let answer = world.say(head + &hidden).await;
    assert_eq!(statuses(&answer), [400], "{answer}");
    world.unharmed().await;
}

#[tokio::test]
async fn a_length_beside_chunks() {
    refused_as_one("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n").await;
}

#[tokio::test]
async fn two_lengths_that_differ() {
    refused_as_one("Content-Length: 0\r\nContent-Length: 44\r\n", "").await;
}

#[tokio::test]
async fn two_lengths_that_agree() {
    refused_as_one("Content-Length: 0\r\nContent-Length: 0\r\n", "").await;
}

#[tokio::test]
async fn a_length_in_another_notation() {
    for length in ["+0", "0x0", "0, 0", "-1", "1e1", "", "0 0", "99999999999999999999999"] {
        refused_as_one(&format!("Content-Length: {length}\r\n"), "").await;
    }
}

#[tokio::test]
async fn a_header_that_goes_on_in_the_next_line() {
    refused_as_one("X: a\r\n Content-Length: 99\r\n", "").await;
}

#[tokio::test]
async fn lines_that_end_with_half_an_end() {
    refused_as_one("X: a\nContent-Length: 99\r\n", "").await;
    refused_as_one("X: a\rContent-Length: 99\r\n", "").await;
}

#[tokio::test]
async fn codings_that_only_look_like_chunks() {
    for coding in ["xchunked", "chunked, identity", "identity, chunked", "gzip, chunked", "\"chunked\"", "chunked\t,"] {
        refused_as_one(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n").await;
    }
    refused_as_one("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n").await;
}

#[tokio::test]
async fn a_header_name_with_a_blank() {
    refused_as_one("Content-Length : 99\r\n", "").await;
    refused_as_one("Content Length: 99\r\n", "").await;
}

#[tokio::test]
async fn two_hosts() {
    refused_as_one("Host: 127.0.0.1\r\n", "").await;
}

#[tokio::test]
async fn two_logins() {
    refused_as_one(&(ada() + &charles()), "").await;
}

#[tokio::test]
async fn control_characters_in_a_header() {
    for byte in ["\0", "\u{1b}[2J", "\u{7f}", "\u{8}"] {
        refused_as_one(&format!("X: a{byte}b\r\n"), "").await;
    }
}

#[tokio::test]
async fn a_request_behind_chunks() {
    let world = world().await;
    let hidden = format!("DELETE /v2/team/a/manifests/1 HTTP/1.1\r\nHost: {}\r\n\r\n", world.address);
    for chunks in ["0\r\n\r\n", "1\r\nx\r\n0\r\n\r\n", "1;a=b\r\nx\r\n0\r\n\r\n", "0\r\nX: y\r\n\r\n"] {
        let head =
            format!("POST /v2/ HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}", world.address);
        assert_eq!(statuses(&world.say(head + &hidden).await), [405], "{chunks}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn chunks_with_extensions_and_trailers_are_their_bytes_alone() {
    let world = world().await;
    let digest = Digest::of(b"hello");
    let head = format!(
        "POST /v2/team/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        world.address
    );
    let answer =
        world.say(head + "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nContent-Length: 99\r\nAuthorization: x\r\n\r\n").await;
    assert_eq!(statuses(&answer), [201], "{answer}");
    assert!(world.ask("GET", &format!("/v2/team/a/blobs/{digest}"), "", b"").await.ends_with("hello"));
    world.answers_the_next().await;
}

#[tokio::test]
async fn chunks_that_count_wrongly() {
    let world = world().await;
    let digest = Digest::of(b"hello");
    for chunks in [
        "-5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "ffffffffffffffffff\r\nhello\r\n0\r\n\r\n".to_owned(),
        "0x5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "5 5\r\nhello\r\n0\r\n\r\n".to_owned(),
        "5\r\nhello!\r\n0\r\n\r\n".to_owned(),
        "5\nhello\n0\n\n".to_owned(),
        format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(1 << 20)),
    ] {
        let head = format!(
            "POST /v2/team/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
            world.address
        );
        let answer = world.say(head + &chunks).await;
        assert!(!statuses(&answer).contains(&201), "{chunks:.40}: {answer}");
    }
    world.unharmed().await;
}

// --- bodies that are not what was said

#[tokio::test]
async fn a_body_shorter_than_said() {
    let world = world().await;
    let digest = Digest::of(b"hello");
    let mut stream = world.connect().await;
    let head = format!(
        "POST /v2/team/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nContent-Length: 50\r\n\r\nhello",
        world.address
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("half of it is closed");
    let answer = heard(&mut stream).await;
    assert!(matches!(statuses(&answer)[..], [] | [400]), "{answer}");
    world.unharmed().await;
}

#[tokio::test]
async fn a_body_longer_than_said() {
    let world = world().await;
    let digest = Digest::of(b"hello");
    let head = format!(
        "POST /v2/team/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nhello",
        world.address
    );
    let answer = world.say(head).await;
    assert_eq!(statuses(&answer).first(), Some(&400), "four of the five bytes are another blob: {answer}");
    world.unharmed().await;
}

#[tokio::test]
async fn chunks_without_an_end() {
    let world = world_with(|_, options| ServeOptions { max_blob_bytes: 1 << 20, ..options }).await;
    let head = format!(
        "POST /v2/team/a/blobs/uploads/?digest={} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        Digest::of(b"x"),
        world.address
    );
    let mut stream = world.connect().await;
    stream.write_all(head.as_bytes()).await.expect("sent");
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 1 << 16], b"\r\n"].concat();
    let mut sent = 0;
    while sent < 64 << 20 && stream.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 32 << 20, "{sent} bytes were taken");
    world.unharmed().await;
}

#[tokio::test]
async fn a_blob_larger_than_is_taken() {
    let world = world_with(|_, options| ServeOptions { max_blob_bytes: 1000, ..options }).await;
    for (length, status) in [(1001, 413), (5000, 413)] {
        let bytes = vec![b'x'; length];
        let target = format!("/v2/team/a/blobs/uploads/?digest={}", Digest::of(&bytes));
        assert_eq!(statuses(&world.ask("POST", &target, "", &bytes).await), [status], "{length}");
        world.unharmed().await;
    }
    world.put_blob("team/a", &vec![b'x'; 1000]).await;
}

/// A file system of one MiB at a place, as long as it lives; nothing where that is not allowed.
struct Small(PathBuf);

impl Small {
    fn mount(point: &Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0755", "tmpfs"]).arg(point);
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(point.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[tokio::test]
async fn a_disk_that_is_full_in_the_middle() {
    let root = tempfile::tempdir().expect("directory");
    fs::create_dir(root.path().join("store")).expect("made");
    let Some(_small) = Small::mount(&root.path().join("store")) else {
        eprintln!("SKIPPED: mounting a tmpfs is not allowed here");
        return;
    };
    let store = Store::open(&root.path().join("store")).expect("store");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    tokio::spawn(async move { serve(listener, store, ServeOptions::default()).await.expect("served") });
    let mut world = World { root, address, before: Tree::new(), begun: Mutex::default() };
    world.put_blob("team/a", b"a blob").await;
    world.settled().await;
    world.before = tree(world.root.path());
    let large = vec![7; 3 << 20];
    let target = format!("/v2/team/a/blobs/uploads/?digest={}", Digest::of(&large));
    for _ in 0..3 {
        let answer = world.ask("POST", &target, "", &large).await;
        assert!(matches!(statuses(&answer)[..], [] | [507]), "{answer}");
        world.unharmed().await;
    }
    let place = world.begin("team/a", "").await;
    let answer = world.ask("PATCH", &place, "", &large).await;
    assert!(matches!(statuses(&answer)[..], [] | [507]), "{answer}");
    world.ask("DELETE", &place, "", b"").await;
    let mut document = image(&[]);
    document["annotations"] = json!({ "note": "x".repeat(2 << 20) });
    let answer = world.put_manifest("team/a", "2", MANIFEST, &document.to_string()).await;
    assert!(matches!(statuses(&answer)[..], [] | [404 | 507]), "{answer}");
    world.unharmed().await;
    // Room that was taken is given back.
    world.put_blob("team/a", &vec![8; 600 << 10]).await;
}

#[tokio::test]
async fn a_body_that_drips() {
    let world = hasty().await;
    let mut stream = world.connect().await;
    let head = format!(
        "POST /v2/team/a/blobs/uploads/?digest={} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\n",
        Digest::of(b"x"),
        world.address
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let began = Instant::now();
    while stream.write_all(b"x").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5), "it may take as long as it likes");
        sleep(Duration::from_millis(50)).await;
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_promise_of_a_body_that_is_refused_before_it_comes() {
    let world = guarded().await;
    let head = |lines: &str| {
        format!(
            "POST /v2/team/a/blobs/uploads/?digest={} HTTP/1.1\r\nHost: {}\r\n{lines}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
            Digest::of(b"hello"),
            world.address
        )
    };
    assert_eq!(statuses(&world.say(head("")).await), [401], "nobody is asked to go on who would be refused");
    assert_eq!(statuses(&world.say(head(&charles())).await), [403]);
    assert_eq!(statuses(&world.say(head(&ada())).await), [100], "and who would not be is");
    world.unharmed().await;
}

// --- heads

#[tokio::test]
async fn a_header_without_an_end() {
    let world = world().await;
    for bytes in [15 << 10, 17 << 10, 1 << 20] {
        let head = format!(
            "GET /v2/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX: {}\r\n\r\n",
            world.address,
            "y".repeat(bytes)
        );
        let expected = if bytes == 15 << 10 { 200 } else { 400 };
        let answer = world.say(head).await;
        assert!(
            matches!(statuses(&answer)[..], [status] if status == expected) || bytes == 1 << 20,
            "{bytes}: {answer}"
        );
    }
    world.unharmed().await;
}

#[tokio::test]
async fn headers_without_number() {
    let world = world().await;
    for (count, expected) in [(50, 200), (101, 431), (1_500, 431)] {
        let mut head = format!("GET /v2/ HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", world.address);
        (0..count).for_each(|at| write!(head, "x{at}: y\r\n").expect("written"));
        let answer = world.say(head + "\r\n").await;
        assert_eq!(statuses(&answer), [expected], "{count}: {answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn other_versions_of_the_protocol() {
    let world = world().await;
    let host = &world.address;
    assert!(world.say(format!("GET /v2/ HTTP/1.0\r\nHost: {host}\r\n\r\n")).await.starts_with("HTTP/1.0 200"));
    for text in [
        "GET /v2/\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!("GET /v2/ HTTP/3.0\r\nHost: {host}\r\n\r\n"),
        format!("GET /v2/ HTTP/1.10\r\nHost: {host}\r\n\r\n"),
        "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}".to_owned() + &"x".repeat(600),
        format!("GET  /v2/  HTTP/1.1\r\nHost: {host}\r\n\r\n"),
    ] {
        let answer = world.say(&text).await;
        assert!(matches!(statuses(&answer)[..], [] | [400 | 505]), "{text:.30}: {answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn targets_of_other_forms() {
    let world = world().await;
    let host = &world.address;
    for (line, expected) in [
        (format!("GET http://{host}/v2/"), 200),
        ("GET http://evil.example/v2/".to_owned(), 421),
        (format!("GET http://evil.example@{host}/v2/"), 421),
        (format!("CONNECT {host}"), 404),
        ("OPTIONS *".to_owned(), 404),
        ("GET /v2/?x=1#y".to_owned(), 200),
        ("GET //v2/".to_owned(), 404),
        ("get /v2/".to_owned(), 405),
    ] {
        let answer = world.say(format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
        assert!(
            matches!(statuses(&answer)[..], [status] if status == expected || (expected >= 404 && status == 400)),
            "{line}: {answer}"
        );
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_page_under_a_borrowed_name() {
    let world = world().await;
    for host in ["evil.example", "127.0.0.1.nip.io", "2130706433", "localhost.evil.example"] {
        let port = world.address.rsplit_once(':').expect("a port").1;
        let head =
            format!("DELETE /v2/team/a/manifests/1 HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        assert_code(&world.say(head).await, 421, "DENIED");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_page_that_says_where_it_is_from() {
    let world = world().await;
    for line in ["Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        for method in ["GET", "POST", "DELETE"] {
            assert_code(&world.ask(method, "/v2/team/a/manifests/1", line, b"").await, 403, "DENIED");
        }
        assert_code(&world.ask("GET", "/metrics", line, b"").await, 403, "DENIED");
    }
    world.unharmed().await;
}

// --- documents

#[tokio::test]
async fn a_manifest_that_says_a_thing_twice() {
    let world = world().await;
    let document = image(&[]).to_string();
    let twice = document.replacen('{', "{\"layers\":[],", 1);
    assert_code(&world.put_manifest("team/a", "2", MANIFEST, &twice).await, 400, "MANIFEST_INVALID");
    world.unharmed().await;
}

#[tokio::test]
async fn a_manifest_that_nests_without_end() {
    let world = world().await;
    for depth in [1_000, 1 << 20] {
        let document = format!("{{\"schemaVersion\":2,\"annotations\":{}", "[".repeat(depth));
        assert_code(&world.put_manifest("team/a", "2", MANIFEST, &document).await, 400, "MANIFEST_INVALID");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_manifest_of_a_million_layers() {
    let world = world().await;
    let layer = format!("{{\"mediaType\":\"a/b\",\"digest\":\"{}\",\"size\":1}},", Digest::of(b"absent"));
    let count = (4 << 20) / layer.len() - 10;
    let document = |count: usize| {
        image(&[])
            .to_string()
            .replace("\"layers\":[]", &format!("\"layers\":[{}]", layer.repeat(count).trim_end_matches(',')))
    };
    let began = Instant::now();
    let answer = world.put_manifest("team/a", "2", MANIFEST, &document(count)).await;
    assert!(matches!(statuses(&answer)[..], [400 | 404]), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let answer = world.put_manifest("team/a", "2", MANIFEST, &document(1_000_000)).await;
    assert!(matches!(statuses(&answer)[..], [] | [413]), "{answer}");
    world.unharmed().await;
}

#[tokio::test]
async fn a_manifest_that_is_two_things() {
    let world = world().await;
    let mut both = image(&[]);
    both["manifests"] = json!([]);
    for (kind, document) in [
        (MANIFEST, both.to_string()),
        (INDEX, both.to_string()),
        (INDEX, image(&[]).to_string()),
        ("text/html", image(&[]).to_string()),
        ("", image(&[]).to_string()),
        (MANIFEST, json!({ "schemaVersion": 1 }).to_string()),
        (MANIFEST, "[]".to_owned()),
        (MANIFEST, String::new()),
        (MANIFEST, "null".to_owned()),
    ] {
        let answer = world.put_manifest("team/a", "2", kind, &document).await;
        assert!(matches!(statuses(&answer)[..], [400 | 415]), "{kind} {document}: {answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_manifest_that_lies_about_a_size() {
    let world = world().await;
    let digest = Digest::of(b"a blob");
    for size in ["5", "7", "0", "-1", "1e3", "18446744073709551616", "\"6\"", "6.5"] {
        let document = image(&[(digest, 6)]).to_string().replace("\"size\":6", &format!("\"size\":{size}"));
        let answer = world.put_manifest("team/a", "2", MANIFEST, &document).await;
        assert_eq!(statuses(&answer), [400], "{size}: {answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn a_manifest_of_what_is_not_there() {
    let world = world().await;
    let answer = world.put_manifest("team/a", "2", MANIFEST, &image(&[(Digest::of(b"absent"), 6)]).to_string()).await;
    assert!(matches!(statuses(&answer)[..], [400 | 404]), "{answer}");
    // What is in another repository is not in this one.
    let answer = world.put_manifest("free", "2", MANIFEST, &image(&[(Digest::of(b"a blob"), 6)]).to_string()).await;
    assert!(matches!(statuses(&answer)[..], [400 | 404]), "{answer}");
    assert_eq!(statuses(&world.ask("GET", "/v2/free/manifests/2", "", b"").await), [404]);
    world.answers_the_next().await;
}

#[tokio::test]
async fn a_manifest_larger_than_any() {
    let world = world().await;
    let mut document = image(&[]);
    document["annotations"] = json!({ "note": "x".repeat(4 << 20) });
    let answer = world.put_manifest("team/a", "2", MANIFEST, &document.to_string()).await;
    assert!(matches!(statuses(&answer)[..], [] | [413]), "{answer}");
    world.unharmed().await;
}

// --- ranges and pages

#[tokio::test]
async fn ranges_without_number() {
    let world = world().await;
    let target = format!("/v2/team/a/blobs/{}", Digest::of(b"a blob"));
    let many = (0..1_000).map(|_| "0-1").collect::<Vec<_>>().join(",");
    for (range, expected) in [
        (format!("bytes={many}"), 200),
        ("bytes=0-1,0-1".to_owned(), 200),
        ("bytes=6-".to_owned(), 416),
        ("bytes=-0".to_owned(), 416),
        ("bytes=18446744073709551615-".to_owned(), 416),
        ("bytes=0-18446744073709551615".to_owned(), 206),
        ("bytes=99999999999999999999-".to_owned(), 200),
        ("bytes=5-1".to_owned(), 416),
        ("bytes=+1-2".to_owned(), 200),
        ("lines=1-2".to_owned(), 200),
        ("bytes=-9999".to_owned(), 206),
    ] {
        let answer = world.ask("GET", &target, &format!("Range: {range}\r\n"), b"").await;
        assert_eq!(statuses(&answer), [expected], "{range:.40}: {answer}");
        assert!(answer.len() < 1_000, "{} bytes for a blob of six", answer.len());
    }
    world.unharmed().await;
}

#[tokio::test]
async fn pages_of_no_number() {
    let world = world().await;
    for list in ["/v2/team/a/tags/list", "/v2/_catalog"] {
        for n in ["-1", "x", "1e9", "99999999999999999999999", "", "0x1"] {
            assert_code(&world.ask("GET", &format!("{list}?n={n}"), "", b"").await, 400, "UNSUPPORTED");
        }
        for query in ["n=0", "n=18446744073709551615", "n=1&last=..%2f..%2foutside", "last=%00", "n=1&n=2"] {
            let answer = world.ask("GET", &format!("{list}?{query}"), "", b"").await;
            assert_eq!(statuses(&answer), [200], "{list} {query}: {answer}");
            assert!(!answer.contains("outside"), "{answer}");
        }
    }
    world.unharmed().await;
}

#[tokio::test]
async fn text_of_a_client_in_a_header_of_an_answer() {
    let world = world().await;
    for query in ["n=1%0d%0aSet-Cookie:x=y&last=a", "last=%0d%0aX:y", "n=1&last=%3E;rel=%22next%22"] {
        let answer = world.ask("GET", &format!("/v2/team/a/tags/list?{query}"), "", b"").await;
        let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
        assert!(!head.contains("set-cookie") && !head.contains("\nx:"), "{answer}");
    }
    world.unharmed().await;
}

// --- what others own

#[tokio::test]
async fn a_mount_from_a_repository_that_may_not_be_read() {
    let world = guarded().await;
    let digest = Digest::of(b"a blob");
    let target = format!("/v2/free/blobs/uploads/?mount={digest}&from=team/a");
    let answer = world.ask("POST", &target, &charles(), b"").await;
    assert_eq!(statuses(&answer), [202], "a session, as for what is not there");
    world.noted(&answer, &charles());
    let answer = world.ask("GET", &format!("/v2/free/blobs/{digest}"), &charles(), b"").await;
    assert_code(&answer, 404, "BLOB_UNKNOWN");
    world.unharmed().await;
}

#[tokio::test]
async fn names_that_are_asked_for_one_after_the_other() {
    let world = guarded().await;
    let (there, absent) = (Digest::of(b"a blob"), Digest::of(b"absent"));
    let mut told = Vec::new();
    for (repository, digest) in [("team/a", there), ("team/a", absent), ("team/b", there)] {
        let answer = world.ask("GET", &format!("/v2/{repository}/tags/list"), &charles(), b"").await;
        told.push((
            code(&answer),
            code(&world.ask("GET", &format!("/v2/{repository}/blobs/{digest}"), &charles(), b"").await),
        ));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    world.unharmed().await;
}

#[tokio::test]
async fn guesses_of_a_password() {
    let world = guarded().await;
    let mut found = Vec::new();
    for guess in 0..13 {
        let answer = world.ask("GET", "/v2/", &basic("ada", &format!("guess {guess}")), b"").await;
        found.push(statuses(&answer)[0]);
    }
    assert_eq!((found[0], found[12]), (401, 429), "{found:?}");
    world.unharmed().await;
}

#[tokio::test]
async fn logins_of_other_forms() {
    let world = guarded().await;
    for line in [
        "Authorization: Basic\r\n".to_owned(),
        "Authorization: Basic !!!!\r\n".to_owned(),
        format!("Authorization: Basic {}\r\n", STANDARD.encode("ada")),
        format!("Authorization: Basic {}\r\n", STANDARD.encode([b"ada:".as_slice(), &[0xff; 9000]].concat())),
        basic("ada", "analytical engine\0"),
        basic("ada", "analytical engine\0analytical engine"),
        basic("Ada", "analytical engine"),
        basic("../ada", "analytical engine"),
        format!("Authorization: Bearer {}\r\n", "x".repeat(9_000)),
        "Authorization: Negotiate x\r\n".to_owned(),
    ] {
        let answer = world.ask("GET", "/v2/team/a/tags/list", &line, b"").await;
        assert!(matches!(statuses(&answer)[..], [401 | 429]), "{line:.40}: {answer}");
    }
    world.unharmed().await;
}

#[tokio::test]
async fn writes_to_a_registry_that_is_read_alone() {
    let root = tempfile::tempdir().expect("directory");
    {
        let seeded = world().await;
        fs::rename(seeded.root.path().join("store"), root.path().join("store")).expect("moved");
    }
    let store = Store::open_read_only(&root.path().join("store")).expect("store");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    let options = ServeOptions { read_only: true, ..ServeOptions::default() };
    tokio::spawn(async move { serve(listener, store, options).await.expect("served") });
    let before = tree(root.path());
    let world = World { root, address, before, begun: Mutex::default() };
    let digest = Digest::of(b"a blob");
    for (method, path) in [
        ("POST", "/v2/team/a/blobs/uploads/".to_owned()),
        ("POST", format!("/v2/free/blobs/uploads/?mount={digest}&from=team/a")),
        ("POST", format!("/v2/free/blobs/uploads/?digest={digest}")),
        ("PUT", "/v2/team/a/manifests/2".to_owned()),
        ("PATCH", "/v2/team/a/blobs/uploads/1".to_owned()),
        ("PUT", format!("/v2/team/a/blobs/uploads/1?digest={digest}")),
        ("GET", "/v2/team/a/blobs/uploads/1".to_owned()),
        ("DELETE", "/v2/team/a/manifests/1".to_owned()),
        ("DELETE", format!("/v2/team/a/blobs/{digest}")),
    ] {
        let answer = world.ask(method, &path, "", b"a blob").await;
        assert_code(&answer, 405, "UNSUPPORTED");
        assert!(answer.contains("allow: GET, HEAD"), "{answer}");
    }
    assert!(world.ask("GET", &format!("/v2/team/a/blobs/{digest}"), "", b"").await.ends_with("a blob"));
    assert_eq!(statuses(&world.ask("GET", "/v2/team/a/manifests/1", "", b"").await), [200]);
    assert_eq!(statuses(&world.ask("GET", "/v2/team/a/tags/list", "", b"").await), [200]);
    world.unharmed().await;
}

// --- who holds what they do not use

/// As many descriptors as the system gives. How many connections one process can hold both ends of.
fn room_for(connections: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let most = usize::try_from(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let room = connections.min(most.saturating_sub(1_000));
    if room < connections {
        eprintln!("only {room} of {connections} connections: the system gives {most} descriptors");
    }
    room
}

/// A client that gets on: it reads a large blob again and again, as long as it lives. Says how often it was cut off.
fn transfer(address: String, digest: Digest, length: usize) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            let mut stream = TcpStream::connect(&address).await.expect("connected");
            let get = format!("GET /v2/team/a/blobs/{digest} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
            stream.write_all(get.as_bytes()).await.expect("sent");
            let (mut all, mut part) = (0, vec![0; 1 << 16]);
            while let Ok(read @ 1..) = stream.read(&mut part).await {
                all += read;
            }
            assert!(all >= length, "a transfer that got on was cut off after {all} bytes");
        }
    })
}

/// How long the next client waits, beside those connections and a transfer that goes on.
async fn next_beside(world: &World, held: Vec<TcpStream>, transfer: tokio::task::JoinHandle<()>) {
    let mut waits = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let answer = world.ask("GET", "/v2/", "", b"").await;
        assert_eq!(statuses(&answer), [200], "{answer}");
        waits.push(began.elapsed());
    }
    eprintln!("beside {} connections the next clients waited {waits:?}", held.len());
    assert!(waits.iter().all(|wait| *wait < Duration::from_millis(2_500)), "{waits:?}");
    assert!(!transfer.is_finished(), "the transfer goes on");
    transfer.abort();
}

async fn beside_idle(count: usize, first: impl Fn(&str) -> String) {
    let world = world().await;
    let large = vec![7; 8 << 20];
    let digest = world.put_blob("team/a", &large).await;
    let transfer = transfer(world.address.clone(), digest, large.len());
    let mut held = Vec::new();
    for _ in 0..room_for(count) {
        let mut stream = world.connect().await;
        let _ = stream.write_all(first(&world.address).as_bytes()).await;
        held.push(stream);
    }
    next_beside(&world, held, transfer).await;
}

#[tokio::test]
async fn connections_that_say_nothing_as_many_as_there_are_places() {
    beside_idle(260, |_| String::new()).await;
}

#[tokio::test]
async fn ten_thousand_connections_that_say_nothing() {
    beside_idle(10_000, |_| String::new()).await;
}

#[tokio::test]
async fn connections_that_say_half_a_head() {
    beside_idle(2_000, |host| format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\n")).await;
}

#[tokio::test]
async fn connections_that_were_answered_and_stay() {
    beside_idle(2_000, |host| format!("GET /v2/ HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
}

#[tokio::test]
async fn connections_that_promise_a_body() {
    let digest = Digest::of(b"x");
    beside_idle(260, |host| {
        format!(
            "POST /v2/team/a/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999\r\n\r\n"
        )
    })
    .await;
}

#[tokio::test]
async fn clients_that_read_a_byte_a_second() {
    let world = world().await;
    let large = vec![7; 8 << 20];
    let digest = world.put_blob("team/a", &large).await;
    let transfer = transfer(world.address.clone(), digest, large.len());
    let mut held = Vec::new();
    for _ in 0..260 {
        let mut stream = world.connect().await;
        let get = format!("GET /v2/team/a/blobs/{digest} HTTP/1.1\r\nHost: {}\r\n\r\n", world.address);
        let _ = stream.write_all(get.as_bytes()).await;
        held.push(stream);
    }
    for _ in 0..2 {
        for stream in &mut held {
            let _ = timeout(Duration::from_millis(1), stream.read_u8()).await;
        }
        sleep(Duration::from_secs(1)).await;
    }
    next_beside(&world, held, transfer).await;
}

#[tokio::test]
async fn a_head_that_drips() {
    let world = hasty().await;
    let mut stream = world.connect().await;
    let began = Instant::now();
    while stream.write_all(b"G").await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(5), "a head may take as long as it likes");
        sleep(Duration::from_millis(20)).await;
    }
    world.unharmed().await;
}

#[tokio::test]
async fn uploads_that_are_begun_and_left() {
    let world = world().await;
    let first = world.begin("team/a", "").await;
    for _ in 0..300 {
        world.begin("team/a", "").await;
    }
    let answer = world.ask("GET", &first, "", b"").await;
    assert!(matches!(statuses(&answer)[..], [204 | 404]), "{answer}");
    world.unharmed().await;
}
