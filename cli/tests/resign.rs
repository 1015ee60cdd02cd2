//! A rotation as a publisher's build system does it: the new key signs what the old one has published, and nothing of
//! it changes.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use aisoc_manifests::digest::Digest;
use aisoc_testkit::registry::{Act, Registry, Rule};
use serde_json::{Value, json};
use support::signers::{TOKEN, program, reference as program_text, with_agent, with_token};
use support::{Bench, Run, copy_tree};

const SUFFIX: [&str; 2] = ["--tag-suffix", "-new"];
const REPLACE: [&str; 1] = ["--replace-tag"];

/// A plugin `demo` by the key `old`, released as `team/demo:0.1.0`, and a key `new` that has signed nothing. The trusted
/// keys of an operator who knows both are in `both`.
fn rotation() -> (Bench, Registry, String) {
    let bench = Bench::new();
    let registry = Registry::start();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.write("demo/.hidden", "a file that is shipped");
    bench.run(&["plugin", "keygen", "--out", "old"]).ok();
    bench.run(&["plugin", "keygen", "--out", "new"]).ok();
    for name in ["old.pem", "new.pem"] {
        bench.write(&format!("both/{name}"), fs::read(bench.path(name)).expect("a key"));
    }
    let reference = registry.reference("team/demo:0.1.0");
    bench.run(&["plugin", "release", "demo", &reference, "--private-key", "old.key"]).ok();
    (bench, registry, reference)
}

fn resign(bench: &Bench, sources: &[&str], words: &[&str]) -> Run {
    let fixed = ["--private-key", "new.key", "--trusted-keys", "old.pem"];
    bench.run(&[&["plugin", "resign"], sources, &fixed, words].concat())
}

fn verify(bench: &Bench, reference: &str, keys: &str) -> Run {
    bench.run(&["plugin", "verify", reference, "--trusted-keys", keys])
}

fn install(bench: &Bench, reference: &str, keys: &str, words: &[&str]) -> Run {
    let fixed = ["plugin", "install", reference, "--plugins-dir", "plugins", "--trusted-keys", keys];
    bench.run(&[&fixed, words].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

/// What a reference unpacks to, but for the files that hold signatures.
fn authored(bench: &Bench, reference: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let place = format!("pulled-{}", Digest::of(reference.as_bytes()).hex());
    let _ = fs::remove_dir_all(bench.path(&place));
    bench.run(&["plugin", "pull", reference, "--out", &place]).ok();
    let root = bench.path(&place);
    let is_signature = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "sig");
    let files = bench.snapshot(&place).into_iter().filter(|(path, _)| path.is_file() && !is_signature(path));
    files.map(|(path, content)| (path.strip_prefix(&root).expect("below").to_owned(), content)).collect()
}

/// The digest that a tag names.
fn named(bench: &Bench, reference: &str) -> String {
    let inspected = bench.run(&["plugin", "inspect", reference, "--json"]);
    json(inspected.ok())["artifact"]["artifact_digest"].as_str().expect("a digest").to_owned()
}

#[test]
fn the_new_key_alone_gives_the_artifact_that_it_would_have_released() {
    let (bench, registry, reference) = rotation();
    let direct = registry.reference("team/direct:0.1.0");
    bench.run(&["plugin", "release", "demo", &direct, "--private-key", "new.key"]).ok();
    let run = resign(&bench, &[&reference], &[&SUFFIX[..], &["--json"]].concat());
    let artifact = &json(run.ok())["artifacts"][0];
    assert_eq!(artifact["artifact_digest"], named(&bench, &direct), "not a byte of it is another one");
    assert_eq!(
        (&artifact["tag"], &artifact["change"], &artifact["coverage"]),
        (&json!("0.1.0-new"), &json!("replaced"), &json!("full"))
    );
    assert_eq!(artifact["vouched_by"][0]["signing_key_id"], "old");
    assert_eq!(
        artifact["removed_signers"][0]["signing_key_fingerprint"],
        artifact["vouched_by"][0]["signing_key_fingerprint"]
    );
    let result = format!("{reference}-new");
    assert_eq!(authored(&bench, &reference), authored(&bench, &result));
    assert!(verify(&bench, &result, "new.pem").ok().stdout.contains("coverage=full"));
    verify(&bench, &result, "old.pem").refused(3, "untrusted_key");
    verify(&bench, &reference, "old.pem").ok();
}

#[test]
fn added_it_verifies_by_either_key_and_its_install_goes_on() {
    let (bench, _registry, reference) = rotation();
    install(&bench, &reference, "old.pem", &[]).ok();
    let run = resign(&bench, &[&reference], &[&["--add"][..], &REPLACE].concat());
    assert!(run.ok().stdout.starts_with(reference.strip_suffix(":0.1.0").expect("a tag")), "{run:?}");
    for keys in ["old.pem", "new.pem", "both"] {
        verify(&bench, &reference, keys).ok();
    }
    bench.run(&["plugin", "verify", &reference, "--trusted-keys", "both", "--require", "2"]).ok();
    let installed = install(&bench, &reference, "both", &[]);
    assert!(installed.ok().stderr.contains("[signer_added]") && !installed.stderr.contains("[version_repeated]"));
    // The old key's signature can go now, and nobody is asked whether the new one may come.
    resign(&bench, &[&reference], &REPLACE).ok();
    install(&bench, &reference, "new.pem", &[]).ok();
    verify(&bench, &reference, "old.pem").refused(3, "untrusted_key");
}

#[test]
fn without_a_signer_that_goes_on_an_operator_has_to_agree() {
    let (bench, _registry, reference) = rotation();
    install(&bench, &reference, "old.pem", &[]).ok();
    resign(&bench, &[&reference], &SUFFIX).ok();
    let result = format!("{reference}-new");
    install(&bench, &result, "both", &[]).refused(3, "signer_changed");
    install(&bench, &result, "both", &["--allow-signer-change"]).ok();
}

#[test]
fn again_is_nothing_and_says_so_whatever_the_old_key_is_worth_by_then() {
    let (bench, registry, reference) = rotation();
    for words in [&["--add", "--replace-tag"][..], &REPLACE] {
        resign(&bench, &[&reference], words).ok();
        let digest = named(&bench, &reference);
        registry.forget();
        let again = resign(&bench, &[&reference], &[words, &["--json"]].concat());
        let artifact = &json(again.ok())["artifacts"][0];
        assert_eq!(
            (&artifact["change"], &artifact["artifact_digest"]),
            (&json!("unchanged"), &json!(digest)),
            "{words:?}"
        );
        let written = registry.requests().into_iter().filter(|seen| seen.method != "GET" && seen.method != "HEAD");
        assert_eq!(written.count(), 0, "{words:?}");
        assert!(resign(&bench, &[&reference], words).ok().stderr.contains("Unchanged"), "{words:?}");
    }
    // Under another tag what is signed already is found there too: a script goes on with that tag.
    resign(&bench, &[&reference], &["--tag", "stable"]).ok();
    assert_eq!(named(&bench, &registry.reference("team/demo:stable")), named(&bench, &reference));
    // The same from the same: two runs have one digest.
    resign(&bench, &[&reference], &SUFFIX).ok();
    resign(&bench, &[&reference], &SUFFIX).ok();
}

#[test]
fn a_dry_run_says_the_digest_and_sends_nothing() {
    let (bench, registry, reference) = rotation();
    registry.forget();
    let run = resign(&bench, &[&reference], &["--replace-tag", "--dry-run", "--json"]);
    let foreseen = json(run.ok())["artifacts"][0]["artifact_digest"].clone();
    assert!(registry.requests().iter().all(|seen| seen.method == "GET" || seen.method == "HEAD"));
    assert!(resign(&bench, &[&reference], &["--replace-tag", "--dry-run"]).ok().stderr.contains("Would sign"));
    let run = resign(&bench, &[&reference], &["--replace-tag", "--json"]);
    assert_eq!(json(run.ok())["artifacts"][0]["artifact_digest"], foreseen);
}

#[test]
fn what_nobody_vouches_for_is_not_signed() {
    let (bench, _registry, reference) = rotation();
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    let digest = named(&bench, &reference);
    let signed = |keys: &str| {
        bench.run(&[
            "plugin",
            "resign",
            &reference,
            "--private-key",
            "new.key",
            "--trusted-keys",
            keys,
            "--replace-tag",
        ])
    };
    signed("stranger.pem").refused(3, "untrusted_key");
    signed("nowhere").refused(1, "io_not_found");
    for (note, reason) in [
        (r#"{"schema_version": 1, "revoked_at": "2020-01-01T00:00:00Z", "reason": "stolen"}"#, "key_revoked"),
        (r#"{"schema_version": 1, "not_after": "2020-01-01T00:00:00Z"}"#, "key_expired"),
    ] {
        bench.write("old.json", note);
        signed("old.pem").refused(3, reason);
    }
    fs::remove_file(bench.path("old.json")).expect("removed");
    assert_eq!(named(&bench, &reference), digest);
    signed("old.pem").ok();
}

#[test]
fn what_is_not_sound_is_not_signed() {
    let (bench, registry, reference) = rotation();
    bench.run(&["plugin", "pull", &reference, "--out", "sound"]).ok();
    for (name, file, content, reason) in [
        ("changed", "README.md", Some("another text"), "coverage_mismatch"),
        ("added", "rules/more.yaml", Some("x: 1"), "coverage_mismatch"),
        ("malformed", "plugin.sig", Some("nonsense"), "signature_malformed"),
        ("unsigned", "plugin.sig", None, "unsigned"),
    ] {
        copy_tree(&bench.path("sound"), &bench.path(name));
        match content {
            Some(content) => drop(bench.write(&format!("{name}/{file}"), content)),
            None => fs::remove_file(bench.path(&format!("{name}/{file}"))).expect("removed"),
        }
        bench.forge(name, &format!("{name}.tar"));
        let stored = registry.reference(&format!("team/{name}:1"));
        bench.run(&["plugin", "push", &format!("{name}.tar"), &stored]);
        let source = format!("oci-archive:{name}.tar");
        let run = resign(&bench, &[&source], &["--tag", "new"]);
        assert!(run.refused(3, reason).error_line().contains(&source), "{run:?}");
    }
}

#[test]
fn the_key_that_signs_vouches_for_what_it_has_signed_and_for_no_other_file() {
    let (bench, _registry, reference) = rotation();
    resign(&bench, &[&reference], &["--add", "--replace-tag"]).ok();
    bench.run(&["plugin", "pull", &reference, "--out", "pulled"]).ok();
    bench.write("pulled/plugin.py", "import os\n");
    bench.forge("pulled", "changed.tar");
    resign(&bench, &["oci-archive:changed.tar"], &["--tag", "new"]).refused(3, "coverage_mismatch");
}

#[test]
fn a_signature_of_the_code_alone_stays_one() {
    let (bench, registry, _) = rotation();
    bench.write("demo/rules/block.yaml", "x: 1");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    let words = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "old.key", "--coverage", "code"];
    bench.run(&words).ok();
    // As the host's own tool leaves it.
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    let reference = registry.reference("team/code:1");
    let push = ["plugin", "push", "demo", &reference, "--trusted-keys", "old.pem", "--trust-coverage", "code"];
    bench.run(&push).ok();
    for words in [&["--add", "--tag-suffix", "-both"][..], &SUFFIX] {
        let run = resign(&bench, &[&reference], &[words, &["--json"]].concat());
        assert_eq!(json(run.ok())["artifacts"][0]["coverage"], "code", "{words:?}");
    }
    for (suffix, keys, verifies) in
        [("-both", "old.pem", true), ("-both", "new.pem", true), ("-new", "new.pem", true), ("-new", "old.pem", false)]
    {
        let result = format!("{reference}{suffix}");
        let run = bench.run(&["plugin", "verify", &result, "--trusted-keys", keys, "--trust-coverage", "code"]);
        assert_eq!(run.code, if verifies { 0 } else { 3 }, "{suffix} {keys} {run:?}");
        let files = authored(&bench, &result);
        assert_eq!(files[&PathBuf::from("plugin.yaml")], manifest.as_bytes(), "no key is added to the manifest");
        assert_eq!(files, authored(&bench, &reference));
    }
}

#[test]
fn what_a_directory_would_not_ship_stays_in_what_is_published() {
    let (bench, _registry, reference) = rotation();
    bench.run(&["plugin", "pull", &reference, "--out", "pulled"]).ok();
    bench.write("pulled/.aisocignore", "*.md\n");
    bench.write("pulled/.env", "TOKEN=public\n");
    bench.write("pulled/__pycache__/notes.txt", "kept");
    let manifest = fs::read_to_string(bench.path("pulled/plugin.yaml")).expect("a manifest");
    bench.write("pulled/plugin.yaml", manifest.split("integrity:").next().expect("the author's"));
    let words = ["plugin", "sign", "--plugin-dir", "pulled", "--private-key", "old.key", "--coverage", "code"];
    bench.run(&[&words[..], &["--allow-secret", ".env", "--reason", "public"]].concat()).ok();
    bench.forge("pulled", "forged.tar");
    let run = resign(&bench, &["oci-archive:forged.tar"], &["--tag", "new"]);
    run.ok();
    let files = authored(&bench, "oci-archive:forged.tar:new");
    for name in [".aisocignore", ".env", "README.md", "__pycache__/notes.txt"] {
        assert!(files.contains_key(&PathBuf::from(name)), "{name}: {:?}", files.keys());
    }
}

/// The manifest that has the tag `1` in a layout directory.
fn manifest_of(bench: &Bench, layout: &str) -> Value {
    let index: Value =
        serde_json::from_slice(&fs::read(bench.path(&format!("{layout}/index.json"))).expect("an index"))
            .expect("JSON");
    let entries = index["manifests"].as_array().expect("entries");
    let tagged = entries.iter().find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == "1");
    let digest = tagged.expect("a tag")["digest"].as_str().expect("a digest").replace(':', "/");
    let path = bench.path(&format!("{layout}/blobs/{digest}"));
    serde_json::from_slice(&fs::read(&path).expect("a manifest")).expect("JSON")
}

#[test]
fn what_a_publisher_has_said_beside_the_plugin_stays() {
    let (bench, _registry, reference) = rotation();
    bench.run(&["plugin", "push", &reference, "oci:layout:1"]).ok();
    let mut manifest = manifest_of(&bench, "layout");
    let note = b"an attestation";
    let digest = Digest::of(note);
    bench.write(&format!("layout/blobs/sha256/{}", digest.hex()), note);
    let untitled = json!({"mediaType": "application/vnd.in-toto+json", "digest": digest, "size": note.len(), "urls": ["https://x.test"]});
    manifest["annotations"]["com.example.build"] = json!("17");
    manifest["layers"][0]["annotations"]["com.example.layer"] = json!("noted");
    manifest["layers"].as_array_mut().expect("layers").push(untitled.clone());
    manifest["config"] = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2, "data": "e30="});
    bench.write(&format!("layout/blobs/sha256/{}", Digest::of(b"{}").hex()), "{}");
    let bytes = serde_json::to_vec(&manifest).expect("JSON");
    bench.write(&format!("layout/blobs/sha256/{}", Digest::of(&bytes).hex()), &bytes);
    let entry = json!({"mediaType": manifest["mediaType"], "digest": Digest::of(&bytes), "size": bytes.len(),
        "annotations": {"org.opencontainers.image.ref.name": "1"}});
    bench.write("layout/index.json", json!({"schemaVersion": 2, "manifests": [entry]}).to_string());
    resign(&bench, &["oci:layout:1"], &REPLACE).ok();
    let after = manifest_of(&bench, "layout");
    assert_ne!(after["layers"][0]["digest"], manifest["layers"][0]["digest"]);
    assert_eq!(after["layers"][0]["annotations"]["com.example.layer"], "noted");
    assert_eq!(
        (&after["annotations"], &after["config"], &after["layers"][1]),
        (&manifest["annotations"], &manifest["config"], &untitled)
    );
    verify(&bench, "oci:layout:1", "new.pem").ok();
}

#[test]
fn a_tag_that_moves_meanwhile_keeps_what_it_names() {
    let (bench, registry, reference) = rotation();
    let before = named(&bench, &reference);
    let empty = json!({"mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}"), "size": 2});
    let other = json!({"schemaVersion": 2, "layers": [], "config": empty});
    let moved = Act::Answer(
        200,
        vec![("content-type", "application/vnd.oci.image.manifest.v1+json".to_owned())],
        other.to_string().into_bytes(),
    );
    // Read, asked before anything is signed, before anything is sent, and right before the tag is set.
    for asked in 1..=3 {
        let rule = |act| Rule::on("/manifests/0.1.0", act).method("GET");
        registry.set_rules(vec![rule(Act::Relabel(200)).times(asked), rule(moved.clone())]);
        let run = resign(&bench, &[&reference], &REPLACE);
        assert!(run.refused(1, "tag_exists").stderr.contains(&before), "after {asked}: {run:?}");
        registry.set_rules(Vec::new());
        assert_eq!(named(&bench, &reference), before, "after {asked}");
    }
}

#[test]
fn a_tag_that_names_something_else_is_not_taken() {
    let (bench, registry, reference) = rotation();
    bench.run(&["plugin", "push", &reference, &registry.reference("team/demo:taken")]).ok();
    resign(&bench, &[&reference], &["--tag", "taken"]).refused(1, "tag_exists");
    assert_eq!(named(&bench, &registry.reference("team/demo:taken")), named(&bench, &reference));
}

#[test]
fn several_are_each_tried_and_the_worst_counts() {
    let (bench, registry, reference) = rotation();
    let other = registry.reference("team/other:0.1.0");
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    bench.run(&["plugin", "release", "demo", &other, "--private-key", "stranger.key"]).ok();
    let missing = registry.reference("team/missing:1");
    let sources = [missing.as_str(), &other, &reference];
    let run = resign(&bench, &sources, &SUFFIX);
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.lines().count() == 1 && run.stderr.matches("Failed").count() == 2, "{run:?}");
    let run = resign(&bench, &sources, &[&SUFFIX[..], &["--json"]].concat());
    let document = json(&run);
    let failed: Vec<_> = document["failed"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| it["objection"]["reason_code"].clone())
        .collect();
    assert_eq!((run.code, failed), (3, vec![json!("reference_not_found"), json!("untrusted_key")]), "{document}");
    assert_eq!(document["artifacts"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_command_line_that_says_no_one_place_for_each_is_refused_before_anything_is_asked() {
    let (bench, registry, reference) = rotation();
    let repository = reference.strip_suffix(":0.1.0").expect("a tag");
    let pinned = format!("{repository}@{}", named(&bench, &reference));
    registry.forget();
    for (sources, words) in [
        (vec![reference.as_str()], &[][..]),
        (vec![&reference], &["--tag", "x", "--replace-tag"]),
        (vec![&reference, &reference], &SUFFIX),
        (vec![&reference, &pinned], &["--tag", "x"]),
        (vec![&pinned], &REPLACE),
        (vec![&pinned], &SUFFIX),
        (vec!["demo"], &REPLACE),
        (vec![], &REPLACE),
    ] {
        resign(&bench, &sources, words).refused(2, "usage");
    }
    resign(&bench, &[&reference], &["--tag-suffix", "/x"]).refused(2, "invalid_ref");
    resign(&bench, &[&reference], &["--tag", "a b"]).refused(2, "invalid_ref");
    bench.run(&["plugin", "resign", &reference, "--private-key", "new.key", "--replace-tag"]).refused(2, "usage");
    assert!(registry.requests().is_empty());
    resign(&bench, &[repository], &["--tag", "x"]).refused(2, "invalid_ref");
    resign(&bench, &[&pinned], &["--tag", "x"]).ok();
}

/// Whoever has the key signs what is published: a program, a token, an agent.
#[test]
fn what_is_published_is_signed_as_well_by_a_program_a_token_and_an_agent() {
    let (bench, _registry, published) = rotation();
    let fixed = ["plugin", "resign", &published, "--add", "--trusted-keys", "old.pem"];
    let named_by = |tag: &str| format!("{}{tag}", published.strip_suffix("0.1.0").expect("a tag"));
    bench.run(&[&fixed[..], &["--private-key", "new.key", "--tag", "file"]].concat()).ok();
    program(&bench, "sign-with-openssl", &program_text());
    let by_program = [&fixed[..], &["--private-key", "exec:./sign-with-openssl", "--tag", "program"]].concat();
    bench.run_with(&by_program, &[("SIGNER_KEY", "new.key")]).ok();
    fs::copy(bench.path("new.key"), bench.path("release.key")).expect("copied");
    let command = [&fixed[..], &["--tag", "token", "--private-key"]].concat();
    with_token(&bench, &command, &[TOKEN, "--passphrase", "env:PIN"]).ok();
    let expected = named(&bench, &named_by("file"));
    for tag in ["program", "token"] {
        assert_eq!(named(&bench, &named_by(tag)), expected, "{tag}: the same key makes the same artifact");
    }
    let line = format!("aisoc {} --tag agent --private-key ssh-agent:$f", fixed.join(" "));
    let Some(run) = with_agent(&bench, &line) else { return };
    run.ok();
    verify(&bench, &named_by("agent"), "old.pem").ok();
    verify(&bench, &named_by("agent"), "new.pem").refused(3, "untrusted_key");
    assert_ne!(named(&bench, &named_by("agent")), expected);
}
