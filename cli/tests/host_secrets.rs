//! No part of a token is said to anybody, whichever it is and whatever becomes of it.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use aisoc_manifests::digest::FileDigest;
use aisoc_testkit::jwt::{self, part};
use serde_json::{Value, json};
use support::host::{ServedHost, bench, command};
use support::{Bench, Run};

const ISSUER: &str = "https://id.example/realm";
/// As many letters of a token, one behind the other, are a part of it.
const PART: usize = 10;
/// Routes of every kind: that show, that change, that call, that install, and that are none.
const ASKED: [(&str, &str, &str); 10] = [
    ("GET", "/api/v1/plugins", ""),
    ("GET", "/api/v1/plugins/bare", ""),
    ("GET", "/api/v1/audit", ""),
    ("GET", "/metrics", ""),
    ("POST", "/api/v1/plugins/discover", ""),
    ("POST", "/api/v1/plugins/bare/enable", ""),
    ("POST", "/api/v1/plugins/bare/run", "{\"payload\": 1}"),
    ("POST", "/api/v1/plugins/bare/reload", "{"),
    ("POST", "/api/v1/plugins/install_from_oci", "{\"oci_ref\": \"localhost:1/a:1\"}"),
    ("PUT", "/api/v1/plugins/bare", ""),
];

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A token of the issuer's, with these members instead.
fn issued(other: Value) -> String {
    let mut claims = json!({ "iss": ISSUER, "aud": "aisoc-host", "sub": "ops", "exp": now() + 600, "scope": "*" });
    let Value::Object(other) = other else { panic!("no object") };
    claims.as_object_mut().expect("an object").extend(other);
    jwt::token("ed25519", r#"{"alg":"EdDSA","kid":"ed25519"}"#, &claims.to_string())
}

fn made(bench: &Bench, name: &str, words: &[&str]) -> String {
    let fixed = ["token", "create", name, "--tokens", "tokens.json"];
    bench.run(&[&fixed[..], words].concat()).ok().stdout.trim().to_owned()
}

/// Every kind of token: that counts, that counts no more, that never did, and that is none.
fn tokens(bench: &Bench) -> Vec<(&'static str, String)> {
    let valid = issued(json!({}));
    let (signed, signature) = valid.rsplit_once('.').expect("three parts");
    let revoked = made(bench, "revoked", &["--role", "admin"]);
    bench.run(&["token", "revoke", "revoked", "--tokens", "tokens.json"]).ok();
    vec![
        ("own", made(bench, "own", &["--role", "admin"])),
        ("own that reads", made(bench, "reader", &["--scope", "plugins:read"])),
        ("own that has expired", made(bench, "short", &["--role", "admin", "--expires", "1s"])),
        ("own that was revoked", revoked),
        ("own that nobody made", format!("aisoc_{}", "0123456789ab".repeat(4))),
        ("own that is cut", format!("aisoc_{}", "fedcba987654".repeat(3))),
        ("issued", valid.clone()),
        ("issued that has expired", issued(json!({ "exp": now() - 600 }))),
        ("issued to somebody else", issued(json!({ "aud": "another-host" }))),
        ("issued by somebody else", issued(json!({ "iss": "https://evil.example" }))),
        ("issued of nobody", issued(json!({ "sub": "a b" }))),
        ("issued that allows nothing", issued(json!({ "scope": "openid" }))),
        ("issued and changed", format!("{signed}.{}", signature.chars().rev().collect::<String>())),
        ("signed by nobody", format!("{}.{}.", part(r#"{"alg":"none"}"#), part(r#"{"sub":"whoever-this-is"}"#))),
        ("no token", "somebody-has-typed-a-password".to_owned()),
        ("longer than any", format!("{}{signature}", "longest-token-".repeat(800))),
    ]
}

/// Which part of it stands there.
fn found<'a>(token: &'a str, text: &str) -> Option<&'a str> {
    // What all own tokens begin with is no secret.
    let secret = token.strip_prefix("aisoc_").unwrap_or(token);
    // The long one repeats itself.
    let ends = secret.len().min(1200);
    (0..=ends - PART).map(|start| &secret[start..start + PART]).find(|part| text.contains(part))
}

/// Every file below a directory, but for what tokens are kept in by whoever has them.
fn files(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("listed").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        if kind.is_dir() {
            files(&path, found);
        } else if kind.is_file() {
            let content = fs::read(&path).expect("read");
            found.push((path.display().to_string(), String::from_utf8_lossy(&content).into_owned()));
        }
    }
}

#[test]
fn whoever_shows_a_token_reads_it_nowhere_again() {
    let bench = bench();
    bench.run(&["plugin", "new", "bare", "--type", "widget", "-o", "plugins"]).ok();
    bench.write("jwks.json", jwt::key_set().to_string());
    fs::set_permissions(bench.path("jwks.json"), Permissions::from_mode(0o644)).expect("set");
    let tokens = tokens(&bench);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let words = ["--tokens", "tokens.json", "--jwks", "jwks.json", "--jwt-issuer", ISSUER];
    let mut serving = command(&bench, &[&words[..], &["--jwt-audience", "aisoc-host"]].concat());
    // Whatever a library would say, it is asked to say.
    serving.env("AISOC_LOG_FILE", bench.path("log")).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    let host = ServedHost::ready(&mut serving);
    let mut said: Vec<(String, String)> = Vec::new();
    let mut statuses = Vec::new();
    for (name, token) in &tokens {
        for (method, path, body) in ASKED {
            for head in [
                format!("Authorization: Bearer {token}\r\n"),
                format!("Authorization: bearer  {token} \r\nX-Reason: why it is done\r\n"),
                format!("Authorization: Bearer {token}\r\nAuthorization: Bearer {token}\r\n"),
                format!("Authorization: Basic {token}\r\n"),
                format!("Authorization: {token}\r\n"),
                format!("Cookie: session={token}\r\n"),
            ] {
                let answered = host.send(method, path, &head, body);
                statuses.push(answered.status);
                said.push((format!("the answer to {name}: {method} {path}"), answered.text));
            }
        }
        // Where a token does not belong, and somebody has put it nevertheless.
        host.get(&format!("/api/v1/plugins?access_token={token}"));
        host.get(&format!("/nowhere/{token}"));
        let url = format!("http://{}", host.address);
        let run = Run::of(bench.command(&["api", "discover", "--url", &url]).env("AISOC_HOST_TOKEN", token));
        said.push((format!("what a client says of {name}"), format!("{}{}", run.stdout, run.stderr)));
        bench.write("shown.token", token);
        let run = bench.run(&["api", "list", "--json", "--url", &url, "--token-file", "shown.token"]);
        said.push((format!("what a client says of the file of {name}"), format!("{}{}", run.stdout, run.stderr)));
        fs::remove_file(bench.path("shown.token")).expect("removed");
    }
    for status in [200, 400, 401, 403] {
        assert!(statuses.contains(&status), "nothing was answered by {status}: {statuses:?}");
    }
    let admin = format!("Authorization: Bearer {}\r\n", tokens[0].1);
    for path in ["/api/v1/audit?limit=1000", "/metrics", "/openapi.json"] {
        said.push((path.to_owned(), host.send("GET", path, &admin, "").text));
    }
    said.push(("stderr of the host".to_owned(), host.said()));
    assert_eq!(host.terminate(), Some(0));
    files(&bench.path(""), &mut said);
    for (place, written) in [("plugins.journal", "why it is done"), ("/api/v1/audit?limit=1000", "jwt:ops")] {
        assert!(said.iter().any(|(one, text)| one.ends_with(place) && text.contains(written)), "{place}");
    }
    for (name, token) in &tokens {
        assert!(found(token, &format!("<{token}>")).is_some(), "{name} would not be found");
        let digest = FileDigest::of(token.as_bytes()).hex().to_string();
        for (place, text) in &said {
            assert_eq!(found(token, text), None, "{name} is in {place}");
            let keeps = place.ends_with("tokens.json");
            assert!(keeps || !text.contains(&digest), "what is kept of {name} is in {place}");
        }
    }
}
