//! `keys list` and `keys show`: which keys there are, where each stands, and what it verifies here.

mod support;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use support::{Bench, Run};

const HERE: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

fn keys(bench: &Bench, words: &[&str]) -> Run {
    bench.run(&[&["keys"], words, &HERE].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// `demo`, installed and verified by `release`, and a staged key of another publisher.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    fs::create_dir(bench.path("keys/staged")).expect("made");
    fs::copy(bench.path("other.pem"), bench.path("keys/staged/other.pem")).expect("copied");
    bench
}

/// The row of a key by its file below the directory.
fn row<'a>(list: &'a Value, file: &str) -> &'a Value {
    let rows = list["keys"].as_array().expect("rows");
    rows.iter().find(|row| row["path"] == format!("keys/{file}")).unwrap_or_else(|| panic!("{file}: {list}"))
}

#[test]
fn every_key_is_listed_with_its_state_and_what_it_verifies() {
    let bench = bench();
    bench.write("keys/broken.pem", "no key");
    let list = json(keys(&bench, &["list", "--json"]).ok());
    let release = row(&list, "release.pem");
    assert_eq!((&release["state"], &release["counts"]), (&"trusted".into(), &true.into()));
    assert_eq!((&release["plugins"], &release["plugin_count"]), (&serde_json::json!(["demo"]), &1.into()));
    let other = row(&list, "staged/other.pem");
    assert_eq!(
        (&other["state"], &other["counts"], &other["plugin_count"]),
        (&"staged".into(), &false.into(), &0.into())
    );
    let unused = &list["unused_keys"][0];
    assert_eq!(
        (&unused["path"], &unused["objection"]["reason_code"]),
        (&"keys/broken.pem".into(), &"key_invalid".into())
    );
    let text = keys(&bench, &["list"]).ok().stdout.clone();
    assert!(text.contains(&format!("\n  {}\n", release["fingerprint"].as_str().expect("text"))), "{text}");
    assert!(text.contains("not used: keys/broken.pem\n  key_invalid: "), "{text}");
}

#[test]
fn a_note_says_what_limits_a_key_and_by_it_what_state_it_is_in() {
    for (note, state, said) in [
        (r#"{"schema_version":2,"not_after":"2020-01-01T00:00:00Z"}"#, "expired", "expired at 2020-01-01T00:00:00Z"),
        (r#"{"schema_version":2,"not_before":"2920-01-01T00:00:00Z"}"#, "not_yet_valid", "does not count before 2920"),
        (
            r#"{"schema_version":2,"revoked":{"at":"2020-01-01T00:00:00Z","reason":"laptop stolen"}}"#,
            "revoked",
            "was revoked at 2020-01-01T00:00:00Z: laptop stolen",
        ),
        (r#"{"schema_version":2,"coverage":"code"}"#, "trusted", "coverage code"),
        (r#"{"schema_version":2,"scope":{"plugins":["acme-*"]}}"#, "trusted", "plugins acme-*"),
        (r#"{"schema_version":2,"scope":{"repositories":["ghcr.io/acme"]}}"#, "trusted", "from ghcr.io/acme"),
        (r#"{"schema_version":2,"may_sign":["keyset","lock"]}"#, "trusted", "signs keyset, lock"),
        (r#"{"schema_version":2,"owner":"Ada"}"#, "trusted", "Ada"),
    ] {
        let bench = bench();
        bench.write("keys/release.json", note);
        let list = keys(&bench, &["list"]);
        assert!(list.ok().stdout.contains(said), "{note}: {list:?}");
        assert_eq!(row(&json(&keys(&bench, &["list", "--json"])), "release.pem")["state"], state, "{note}");
        let shown = json(keys(&bench, &["show", "release", "--json"]).ok());
        assert_eq!((&shown["state"], &shown["note_path"]), (&state.into(), &"keys/release.json".into()));
    }
}

#[test]
fn what_limits_a_key_is_said_under_every_name_it_has() {
    let bench = bench();
    fs::create_dir(bench.path("keys/revoked")).expect("made");
    fs::copy(bench.path("release.pem"), bench.path("keys/revoked/stolen.pem")).expect("copied");
    let list = json(keys(&bench, &["list", "--json"]).ok());
    for file in ["release.pem", "revoked/stolen.pem"] {
        assert_eq!((&row(&list, file)["state"], &row(&list, file)["counts"]), (&"revoked".into(), &false.into()));
    }
    let shown = json(keys(&bench, &["show", "release", "--json"]).ok());
    assert_eq!(shown["other_paths"], serde_json::json!(["keys/revoked/stolen.pem"]));
}

#[test]
fn a_key_is_shown_with_who_else_verifies_what_it_does() {
    let bench = bench();
    let alone = keys(&bench, &["show", "release"]);
    assert!(alone.ok().stdout.contains("\n  demo 0.1.0: this key alone\n"), "{alone:?}");
    bench.run(&["plugin", "sign", "demo", "--private-key", "other.key", "--add"]).ok();
    fs::rename(bench.path("keys/staged/other.pem"), bench.path("keys/other.pem")).expect("moved");
    bench.install("./demo").ok();
    let both = keys(&bench, &["show", "release"]);
    assert!(both.ok().stdout.contains("\n  demo 0.1.0: also other\n"), "{both:?}");
    let since =
        r#"{"schema_version":2,"revoked":{"at":"2020-01-01T00:00:00Z","reason":"x","since":"2019-01-01T00:00:00Z"}}"#;
    bench.write("keys/release.json", since);
    let shown = keys(&bench, &["show", "release"]);
    assert!(shown.ok().stdout.contains("has no effect without an authenticated time"), "{shown:?}");
}

#[test]
fn a_name_of_two_keys_is_refused_with_the_names_of_both() {
    let bench = bench();
    fs::copy(bench.path("other.pem"), bench.path("keys/staged/release.pem")).expect("copied");
    let run = keys(&bench, &["show", "release"]);
    let refused = run.refused(2, "usage");
    assert!(
        refused.stderr.contains("`release.pem (SHA256:") && refused.stderr.contains("`staged/release.pem (SHA256:")
    );
    keys(&bench, &["show", "release.pem"]).ok();
    assert!(keys(&bench, &["show", "staged/release"]).ok().stdout.contains("state        staged\n"));
    keys(&bench, &["show", "nobody"]).refused(1, "key_not_found");
}

/// A host on which nothing was installed yet.
const NOWHERE: &[(&str, &str)] = &[("AISOC_PLUGINS_DIR", "nowhere")];

#[test]
fn without_a_plugins_directory_nobody_knows_what_a_key_verifies() {
    let bench = bench();
    let list = bench.run_with(&["keys", "list", "--trusted-keys", "keys"], NOWHERE);
    assert!(list.ok().stdout.contains("release  trusted  —"), "{list:?}");
    let run = bench.run_with(&["keys", "list", "--trusted-keys", "keys", "--json"], NOWHERE);
    let list = json(run.ok());
    assert_eq!((&list["plugins_directory"], &row(&list, "release.pem")["plugins"]), (&Value::Null, &Value::Null));
    bench.run(&["keys", "list", "--trusted-keys", "no-keys"]).refused(1, "io_not_found");
    bench.run(&["keys", "list", "--trusted-keys", "keys", "--plugins-dir", "nowhere"]).refused(1, "io_not_found");
    let one = bench.run(&["keys", "show", "release", "--trusted-keys", "release.pem", "--plugins-dir", "plugins"]);
    assert!(one.ok().stdout.contains("path         release.pem\n"), "{one:?}");
}

const VECTORS: &str = include_str!("../../testdata/vectors/public.json");

/// The plugin of a vector is put into the plugins directory as somebody would by hand, and judged as its host does,
/// which knows signatures of the code alone.
#[test]
fn the_key_that_a_host_names_is_the_one_that_is_listed_with_the_plugin() {
    let document: Value = serde_json::from_str(VECTORS).expect("JSON");
    let vectors = document["vectors"].as_array().expect("vectors").iter();
    let vectors: Vec<&Value> = vectors.filter(|vector| vector["category"] == "key-directory").collect();
    assert_eq!(vectors.len(), 21);
    for vector in vectors {
        let bench = Bench::new();
        let write = |name: String, content: &Value| match content.as_str() {
            Some(content) => _ = bench.write(&name, STANDARD.decode(content).expect("base64")),
            None => fs::create_dir_all(bench.path(&name)).expect("made"),
        };
        fs::create_dir(bench.path("keys")).expect("made");
        let files = vector["files"].as_object().expect("files").iter();
        files.for_each(|(name, content)| write(format!("plugins/demo.one/{name}"), content));
        write("plugins/demo.one/plugin.sig".to_owned(), &vector["plugin_sig"]);
        let held = vector["keys_dir"].as_object().expect("keys");
        held.iter().for_each(|(name, content)| write(format!("keys/{name}"), content));
        let name = &vector["name"];
        let list = json(keys(&bench, &["list", "--trust-coverage", "code", "--json"]).ok());
        let rows = list["keys"].as_array().expect("rows");
        let verifying: Vec<&Value> =
            rows.iter().filter(|row| row["plugin_count"] != 0).map(|row| &row["key_id"]).collect();
        match &vector["expect"]["verify"]["strict"]["key_id"] {
            Value::Null => assert!(verifying.is_empty(), "{name}: {list}"),
            // Anybody can sign for it: the host takes it for a key, and nobody should.
            _ if name == "key-directory/identity-point-key" => {
                assert_eq!(list["unused_keys"][0]["objection"]["reason_code"], "weak_key", "{list}");
            }
            key_id => assert_eq!(verifying.first(), Some(&key_id), "{name}: {list}"),
        }
        let is_key =
            |name: &&String| [".pem", ".pub"].iter().any(|end| name.len() > 4 && name.to_lowercase().ends_with(end));
        let unused = list["unused_keys"].as_array().expect("rows").iter().map(|row| &row["path"]);
        let paths: Vec<&Value> = rows.iter().map(|row| &row["path"]).chain(unused).collect();
        for file in held.keys().filter(is_key) {
            assert!(paths.contains(&&Value::from(format!("keys/{file}"))), "{name}: {file} is not in {list}");
        }
    }
}
