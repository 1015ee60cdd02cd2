//! The example plugins: each is signed, installed, served and called as it stands, and what it declares is what it uses.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aisoc_manifests::digest::FileDigest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::host::{ServedHost, bench, command, has_python};
use support::{Bench, workspace};

/// A copy of an example, to sign it.
fn copied(bench: &Bench, name: &str) {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("made");
        for entry in fs::read_dir(from).expect("an example") {
            let entry = entry.expect("an entry");
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).expect("copied");
            }
        }
    }
    copy(&workspace::root().join("examples/plugins").join(name), &bench.path(name));
}

fn token(bench: &Bench, tenant: &str) -> String {
    let words =
        ["token", "create", tenant, "--scope", "plugins:execute", "--tenant", tenant, "--tokens", "tokens.json"];
    bench.run(&words).ok().stdout.trim().to_owned()
}

fn log(bench: &Bench) -> Vec<Value> {
    let text = fs::read_to_string(bench.path("host.context/audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// M14, of a plugin in a directory.
#[test]
fn what_is_in_a_directory_is_signed_installed_and_called_for_each_tenant_by_itself() {
    if !has_python() {
        return;
    }
    let bench = bench();
    copied(&bench, "sightings");
    bench.run(&["plugin", "validate", "./sightings", "--load"]).ok();
    bench.run(&["plugin", "sign", "./sightings", "--private-key", "release.key"]).ok();
    bench.run(&["plugin", "package", "./sightings", "--out", "sightings.tar"]).ok();
    let places = ["--plugins-dir", "plugins", "--keys", "keys"];
    bench.run(&[&["plugin", "install", "oci-archive:sightings.tar"], &places[..]].concat()).ok();

    let page = bench.run(&[&["plugins", "describe", "sightings", "--json"], &places[..]].concat());
    let page: Value = serde_json::from_str(&page.ok().stdout).expect("a page");
    let asked: Vec<_> = page["asked_capabilities"].as_array().expect("some").iter().map(|one| &one["name"]).collect();
    assert_eq!(asked, ["audit.emit", "facts.read", "facts.write"]);
    assert_eq!((&page["signature_status"], &page["writes_without_audit"]), (&json!("verified"), &json!(false)));

    let (acme, globex) = (token(&bench, "acme"), token(&bench, "globex"));
    let host = ServedHost::start(&bench, &["--tokens", "tokens.json"]);
    let called = |token: &str, indicator: &str| {
        let head = format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
        let body = json!({ "payload": { "indicator": indicator } }).to_string();
        host.send("POST", "/api/v1/plugins/sightings/run", &head, &body)
    };
    let seen = |token: &str, indicator: &str| called(token, indicator).ok()["result"]["seen_before"].clone();
    assert_eq!(
        [
            seen(&acme, "203.0.113.7"),
            seen(&acme, " 203.0.113.7 "),
            seen(&acme, "203.0.113.8"),
            seen(&globex, "203.0.113.7")
        ],
        [0, 1, 0, 0].map(|count| json!(count))
    );
    called(&acme, " ").refused_for(422, "execution_failed");
    // The first time of each tenant, and on whose behalf, which the plugin says nothing of.
    let lines = log(&bench);
    let told: Vec<_> = lines.iter().map(|line| (&line["event"], &line["target"], &line["tenant"])).collect();
    let first = json!("indicator.first.seen");
    assert_eq!(
        told,
        [("203.0.113.7", "acme"), ("203.0.113.8", "acme"), ("203.0.113.7", "globex")]
            .map(|(target, tenant)| (first.clone(), json!(target), json!(tenant)))
            .iter()
            .map(|(event, target, tenant)| (event, target, tenant))
            .collect::<Vec<_>>()
    );
}

/// What an installer makes of its project: the module, what it is, what it is found by, and a RECORD of all that.
fn installed(bench: &Bench) {
    let project = workspace::root().join("examples/plugins/assertion-quota");
    let written = fs::read_to_string(project.join("pyproject.toml")).expect("a project");
    let written: toml::Table = written.parse().expect("TOML");
    let of = |key: &str| written["project"][key].as_str().expect("a text").to_owned();
    let (name, version) = (of("name").replace('-', "_"), of("version"));
    let points = written["project"]["entry-points"]["stigmem.plugins"].as_table().expect("a table");
    let points: String =
        points.iter().map(|(point, object)| format!("{point} = {}\n", object.as_str().expect("a text"))).collect();
    let info = format!("{name}-{version}.dist-info");
    let files = [
        (format!("{name}.py"), fs::read_to_string(project.join(format!("src/{name}.py"))).expect("a module")),
        (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")),
        (format!("{info}/entry_points.txt"), format!("[stigmem.plugins]\n{points}")),
    ];
    let mut record = format!("{info}/RECORD,,\n");
    for (path, text) in &files {
        bench.write(&format!("site/{path}"), text);
        let hash = URL_SAFE_NO_PAD.encode(FileDigest::of(text.as_bytes()).as_bytes());
        record = format!("{path},sha256={hash},{}\n{record}", text.len());
    }
    bench.write(&format!("site/{info}/RECORD"), record);
    // Whoever is nobody imports it too.
    for place in ["", "site", &format!("site/{info}")] {
        fs::set_permissions(bench.path(place), fs::Permissions::from_mode(0o755)).expect("set");
    }
}

/// M14, of a distribution: what stands in its RECORD runs, once this site has accepted it.
#[test]
fn what_is_a_distribution_is_accepted_and_called_at_its_hooks() {
    if !has_python() {
        return;
    }
    let bench = bench();
    installed(&bench);
    let places = ["--site-packages", "site", "--plugins-lock", "accepted.lock"];
    let words =
        ["plugins", "trust", "assertion-quota", "--reason", "read", "--plugins-dir", "plugins", "--keys", "keys"];
    bench.run(&[&words[..], &places].concat()).ok();
    let host = ServedHost::ready(&mut command(&bench, &[&places[..], &["--plugin-mode", "production"]].concat()));
    let shown = host.plugin("assertion-quota");
    assert_eq!((&shown["state"], &shown["code_checked_against"]), (&json!("enabled"), &json!("record")), "{shown}");

    let fire = |hook: &str, source: &str| {
        host.post_json(&format!("/api/v1/hooks/{hook}"), &json!({ "payload": { "source": source } })).ok()
    };
    let decision = |source: &str| {
        let fired = fire("pre_assert_authorize", source);
        (fired["decision"].clone(), fired["reason"].clone())
    };
    let allowed = (json!("allow"), Value::Null);
    assert_eq!(decision("agent:a"), allowed);
    // A vote counts nothing: only what was kept does.
    for count in 0..100 {
        assert_eq!(decision("agent:a"), allowed, "{count}");
        let told = fire("post_assert_persist", "agent:a");
        assert_eq!(told["handlers"][0]["outcome"], "returned", "{told}");
    }
    assert_eq!(decision("agent:a"), (json!("deny"), json!("agent:a has asserted 100 facts today")));
    // Nor does one source for another, whose name begins as its own.
    assert_eq!(decision("agent:"), allowed);
    assert_eq!(decision(""), (json!("deny"), json!("an assertion has a source")));
    let lines = log(&bench);
    let told: Vec<_> = lines.iter().map(|line| (&line["event"], &line["target"], &line["outcome"])).collect();
    assert_eq!(told, [(&json!("assertion.quota.exceeded"), &json!("agent:a"), &json!("denied"))], "{lines:?}");
}
