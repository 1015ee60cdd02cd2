//! A plugin may be called like a word of the API, and is asked for by its path all the same.

mod support;

use serde_json::{Value, json};
use support::asking::{CODE, put};
use support::host::{ServedHost, bench, command, has_python};

#[test]
fn whatever_a_plugin_is_called_it_is_shown_and_unloaded_by_its_path() {
    if !has_python() {
        return;
    }
    let bench = bench();
    let host = ServedHost::start(&bench, &[]);
    let document: Value = host.get("/openapi.json").ok();
    let paths = document["paths"].as_object().expect("paths").keys();
    // Those of ours that stand where an id does.
    let words: Vec<String> = paths
        .filter_map(|path| path.strip_prefix("/api/v1/plugins/"))
        .filter(|word| !word.contains(['/', '{']))
        .map(str::to_owned)
        .collect();
    assert!(words.contains(&"discover".to_owned()) && words.len() == 2, "{words:?}");
    for word in &words {
        let path = format!("/api/v1/plugins/{word}");
        assert_eq!(host.get(&path).status, 404, "{word}: none is called like that");
        assert_eq!(host.delete(&path).status, 404, "{word}");
        put(&bench, word, &[], CODE, "release.key");
    }
    host.post("/api/v1/plugins/discover", "").ok();
    for word in &words {
        let path = format!("/api/v1/plugins/{word}");
        assert_eq!(host.get(&path).ok()["id"], word.as_str());
        assert_eq!(
            host.get(&format!("/api/v1/plugins/%{:x}{}", word.as_bytes()[0], &word[1..])).ok()["id"],
            word.as_str()
        );
        host.post(&format!("{path}/disable"), "").ok();
        assert_eq!(host.plugin(word)["state"], "disabled");
        assert_eq!(host.send("PUT", &path, "", "").status, 405);
    }
    let address = format!("http://{}", host.address);
    bench.run(&["api", "unload", "discover", "--url", &address]).ok();
    assert_eq!(host.delete("/api/v1/plugins/install_from_oci").status, 204);
    assert_eq!(host.plugin("discover")["state"], "unloaded");
    // The word is still ours.
    assert_eq!(host.post("/api/v1/plugins/discover", "").ok()["discovered"], json!(["discover", "install_from_oci"]));
}

#[test]
fn who_may_look_shows_it_and_does_not_unload_it() {
    if !has_python() {
        return;
    }
    let bench = bench();
    put(&bench, "discover", &[], CODE, "release.key");
    let words = ["token", "create", "eve", "--scope", "plugins:read", "--tokens", "tokens.json"];
    let token = bench.run(&words).ok().stdout.trim().to_owned();
    let host = ServedHost::ready(&mut command(&bench, &["--tokens", "tokens.json"]));
    let (path, head) = ("/api/v1/plugins/discover", format!("Authorization: Bearer {token}\r\n"));
    assert_eq!(host.get(path).status, 401);
    assert_eq!(host.delete(path).status, 401);
    assert_eq!(host.send("GET", path, &head, "").ok()["id"], "discover");
    assert_eq!(host.send("DELETE", path, &head, "").status, 403);
}

#[test]
fn a_file_is_no_site_packages_directory() {
    let bench = bench();
    bench.write("site", "");
    for words in [
        &["plugins", "list", "--plugins-dir", "plugins", "--trusted-keys", "keys"][..],
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--state",
            "host.json",
            "--plugins-dir",
            "plugins",
            "--trusted-keys",
            "keys",
        ],
    ] {
        let ran = bench.run(&[words, &["--site-packages", "site"]].concat());
        ran.refused(1, "io_error");
        assert!(ran.stderr.contains("cannot list `site`: `site` is a file"), "{}", ran.stderr);
        assert!(!bench.path("host.json").exists(), "nothing was begun");
    }
}
