//! What a registry stands on: a store that others can change is not served, and no link in it is followed.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::Reason;
use aisoc_registry_server::{ServeOptions, Store, serve};
use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

const STRANGER: u32 = 12_345;
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// A store in `served`, and where it answers.
async fn served() -> (TempDir, String) {
    let root = tempfile::tempdir().expect("directory");
    let store = Store::open(&root.path().join("served")).expect("a store that is made");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    tokio::spawn(serve(listener, store, ServeOptions::default()));
    (root, base)
}

async fn ask(method: &str, url: &str, body: &[u8]) -> StatusCode {
    let client = common::client().build().expect("client");
    let request = client.request(method.parse().expect("method"), url).body(body.to_vec());
    request.send().await.expect("an answer").status()
}

/// Every name below a directory.
fn names(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("listed").map(|entry| entry.expect("an entry")) {
        found.push(entry.path().display().to_string());
        if entry.file_type().expect("a type").is_dir() {
            found.extend(names(&entry.path()));
        }
    }
    found.sort();
    found
}

/// Asks everything of `repository` that reads or writes one, and says that all of it was refused.
async fn assert_refused(base: &str, repository: &str, here: Digest) {
    let new = Digest::of(b"attack");
    for (method, path, body) in [
        ("GET", format!("{repository}/blobs/{here}"), ""),
        ("HEAD", format!("{repository}/blobs/{here}"), ""),
        ("DELETE", format!("{repository}/blobs/{here}"), ""),
        ("GET", format!("{repository}/tags/list"), ""),
        ("GET", format!("{repository}/manifests/1"), ""),
        ("GET", format!("{repository}/referrers/{here}"), ""),
        ("POST", format!("{repository}/blobs/uploads/?digest={new}"), "attack"),
        ("POST", format!("{repository}/blobs/uploads/"), ""),
        ("POST", format!("{repository}/blobs/uploads/?mount={here}&from=good"), ""),
        ("POST", format!("other/blobs/uploads/?mount={here}&from={repository}"), ""),
    ] {
        let status = ask(method, &format!("{base}/v2/{path}"), body.as_bytes()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{method} {path}");
    }
    let url = format!("{base}/v2/{repository}/manifests/1");
    let client = common::client().build().expect("client");
    let manifest = r#"{"schemaVersion":2,"manifests":[]}"#;
    let put = client.put(url).header("content-type", INDEX).body(manifest);
    assert_eq!(put.send().await.expect("an answer").status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_link_in_a_store_is_neither_written_nor_read_through() {
    let (root, base) = served().await;
    let blob = Digest::of(b"secret");
    for name in ["good", "victim/below"] {
        let url = format!("{base}/v2/{name}/blobs/uploads/?digest={blob}");
        assert_eq!(ask("POST", &url, b"secret").await, StatusCode::CREATED);
    }
    let (store, victim) = (root.path().join("served"), root.path().join("victim"));
    fs::rename(store.join("victim"), &victim).expect("moved out");
    let layout = victim.join("below/_layout");
    for (repository, link, target) in [
        ("a/below", "a", victim.clone()),
        ("b", "b", victim.join("below")),
        ("c/d", "c/d", victim.join("below")),
        ("e", "e/_layout", layout.clone()),
        ("f", "f/_layout/blobs", layout.join("blobs")),
        ("g", "g/_layout/blobs/sha256", layout.join("blobs/sha256")),
        ("h", "h", root.path().join("absent")),
        ("i", "i/_layout", root.path().join("absent")),
    ] {
        let link = store.join(link);
        fs::create_dir_all(link.parent().expect("a parent")).expect("made");
        symlink(target, link).expect("linked");
        let before = names(root.path());
        assert_refused(&base, repository, blob).await;
        assert_eq!(names(root.path()), before, "{repository}");
    }
    assert_eq!(ask("GET", &format!("{base}/v2/good/blobs/{blob}"), b"").await, StatusCode::OK);
}

#[tokio::test]
async fn a_repository_that_others_can_change_is_neither_written_nor_read() {
    let (root, base) = served().await;
    let blob = Digest::of(b"bytes");
    for name in ["good", "team/open"] {
        let url = format!("{base}/v2/{name}/blobs/uploads/?digest={blob}");
        assert_eq!(ask("POST", &url, b"bytes").await, StatusCode::CREATED);
    }
    let store = root.path().join("served");
    for part in ["team", "team/open", "team/open/_layout", "team/open/_layout/blobs", "team/open/_layout/blobs/sha256"]
    {
        let (part, before) = (store.join(part), names(&store));
        set_mode(&part, 0o777);
        assert_refused(&base, "team/open", blob).await;
        set_mode(&part, 0o755);
        if chown(&part, Some(STRANGER), None).is_ok() {
            assert_refused(&base, "team/open", blob).await;
            chown(&part, Some(0), None).expect("given back");
        }
        assert_eq!(names(&store), before, "{}", part.display());
    }
    assert_eq!(ask("GET", &format!("{base}/v2/team/open/blobs/{blob}"), b"").await, StatusCode::OK);
}

/// Status and code of the answer.
async fn refused(method: &str, url: &str, body: &[u8]) -> (u16, String) {
    let client = common::client().build().expect("client");
    let request = client.request(method.parse().expect("method"), url).body(body.to_vec());
    let answer = request.header("content-type", INDEX).send().await.expect("an answer");
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("an OCI error");
    (status, body["errors"][0]["code"].as_str().expect("a code").to_owned())
}

#[tokio::test]
async fn a_file_in_a_repositorys_place_is_no_repository_and_no_failure() {
    let (root, base) = served().await;
    let blob = Digest::of(b"bytes");
    assert_eq!(ask("POST", &format!("{base}/v2/good/blobs/uploads/?digest={blob}"), b"bytes").await, 201);
    let store = root.path().join("served");
    fs::write(store.join("readme"), "not a repository").expect("written");
    fs::create_dir(store.join("team")).expect("made");
    drop(UnixListener::bind(store.join("team/socket")).expect("bound"));
    let before = names(root.path());
    let new = Digest::of(b"attack");
    for repository in ["readme", "readme/below", "team/socket", "team/socket/deep/er"] {
        for (method, path, body, expected) in [
            ("GET", "manifests/1".to_owned(), "", (404, "NAME_UNKNOWN")),
            ("GET", "tags/list".to_owned(), "", (404, "NAME_UNKNOWN")),
            ("DELETE", "manifests/1".to_owned(), "", (404, "NAME_UNKNOWN")),
            ("GET", format!("blobs/{blob}"), "", (404, "BLOB_UNKNOWN")),
            ("DELETE", format!("blobs/{blob}"), "", (404, "BLOB_UNKNOWN")),
            ("POST", "blobs/uploads/".to_owned(), "", (400, "NAME_INVALID")),
            ("POST", format!("blobs/uploads/?digest={new}"), "attack", (400, "NAME_INVALID")),
            ("POST", format!("blobs/uploads/?mount={blob}&from=good"), "", (400, "NAME_INVALID")),
            ("PUT", "manifests/1".to_owned(), r#"{"schemaVersion":2,"manifests":[]}"#, (400, "NAME_INVALID")),
        ] {
            let answer = refused(method, &format!("{base}/v2/{repository}/{path}"), body.as_bytes()).await;
            assert_eq!(answer, (expected.0, expected.1.to_owned()), "{method} {repository}/{path}");
        }
        assert_eq!(names(root.path()), before, "{repository}: nothing was made");
    }
    let from = format!("{base}/v2/other/blobs/uploads/?mount={blob}&from=readme");
    assert_eq!(ask("POST", &from, b"").await, StatusCode::ACCEPTED, "there is nothing to mount, so it is sent");
}

#[tokio::test]
async fn an_upload_whose_end_would_be_refused_is_not_begun() {
    let (root, base) = served().await;
    let begin = async |repository: &str| ask("POST", &format!("{base}/v2/{repository}/blobs/uploads/"), b"").await;
    let store = root.path().join("served");
    fs::create_dir_all(store.join("broken/_layout")).expect("made");
    fs::write(store.join("broken/_layout/oci-layout"), r#"{"imageLayoutVersion":"9.0.0"}"#).expect("written");
    fs::create_dir_all(store.join("strange")).expect("made");
    fs::write(store.join("strange/_layout"), "no layout").expect("written");
    for repository in ["broken", "strange"] {
        assert_eq!(begin(repository).await, StatusCode::INTERNAL_SERVER_ERROR, "{repository}");
    }
    for repository in ["new", "team/new", "broken/below"] {
        assert_eq!(begin(repository).await, StatusCode::ACCEPTED, "{repository}");
    }
    assert!(!store.join("new").exists(), "a repository is made at the end and not at the beginning");
}

#[test]
fn a_store_that_others_can_change_is_not_served() {
    let root = tempfile::tempdir().expect("directory");
    let path = |name: &str| root.path().join(name);
    for name in ["open", "above/store", "real", "shared/store", "shared"] {
        fs::create_dir_all(path(name)).expect("made");
    }
    set_mode(&path("open"), 0o777);
    set_mode(&path("above"), 0o777);
    symlink("real", path("link")).expect("linked");
    symlink("absent", path("dangling")).expect("linked");
    fs::write(path("file"), "").expect("written");
    let mut refused =
        vec!["open", "open/new", "above/store", "above/new/store", "link", "dangling", "file", "file/new"];
    set_mode(&path("shared"), 0o1777);
    if chown(path("shared/store"), Some(STRANGER), None).is_ok() {
        refused.extend(["shared/store", "shared/store/new"]);
    }
    let before = names(root.path());
    for name in refused {
        let fault = Store::open(&path(name)).expect_err(name);
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{name}: {fault}");
    }
    assert_eq!(names(root.path()), before, "nothing was made");
}

#[test]
fn a_store_that_is_missing_is_made_for_nobody_else_to_write() {
    let root = tempfile::tempdir().expect("directory");
    symlink(root.path(), root.path().join("link")).expect("linked");
    for name in ["new", "deep/er/store", "link/below"] {
        let path = root.path().join(name);
        drop(Store::open(&path).expect(name));
        let mode = path.metadata().expect("made").permissions().mode();
        assert_eq!((mode & 0o022, mode & 0o700), (0, 0o700), "{name}: {mode:o}");
        drop(Store::open(&path).expect("opened again"));
    }
}
