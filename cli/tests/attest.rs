//! `aisoc plugin attest`, and the list of what refers to an artifact: what is said stands beside it, is found again where
//! it was carried, and nothing is sent that was refused.

mod support;

use std::fs;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::oci::{Descriptor, INDEX_MEDIA_TYPE, ImageIndex, ImageManifest, MANIFEST_MEDIA_TYPE, to_bytes};
use aisoc_manifests::reference::Reference;
use aisoc_registry_client::{ClientOptions, Fetch as _, Manifest, Push as _, ReplaceTag, Tagging as _, Target};
use aisoc_signing::{AttestationBundle, AttestationOutcome, Circumstances, Keyring};
use aisoc_testkit::registry::{Act, Registry, Rule};
use serde_json::{Value, json};
use support::signers::{program, reference as program_text, with_agent};
use support::{Bench, Run};

const SBOM: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}"#;
const CYCLONEDX: &str = "https://cyclonedx.org/bom";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A bench whose plugin `demo` is in a registry as `team/demo:1`, and a bill of materials of it.
fn stocked(rules: Vec<Rule>) -> (Bench, Registry, String) {
    let (bench, registry) = (Bench::new(), Registry::with_rules(rules));
    bench.published();
    bench.write("sbom.json", SBOM);
    let reference = registry.reference("team/demo:1");
    bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
    registry.forget();
    (bench, registry, reference)
}

/// A registry that knows nothing of referrers.
fn of_another_time() -> Vec<Rule> {
    vec![
        Rule::on("/referrers/", Act::Status(404)),
        Rule::on("/manifests/", Act::Header("oci-subject", String::new())).method("PUT"),
    ]
}

fn attest(bench: &Bench, reference: &str, words: &[&str]) -> Run {
    let fixed = ["plugin", "attest", reference, "--type", "sbom", "--predicate", "sbom.json"];
    bench.run(&[&fixed[..], &["--private-key", "release.key"], words].concat())
}

fn attested(bench: &Bench, reference: &str, words: &[&str]) -> Value {
    json(attest(bench, reference, &[words, &["--json"]].concat()).ok())
}

fn inspected(bench: &Bench, reference: &str) -> Value {
    json(bench.run(&["plugin", "inspect", reference, "--json"]).ok())["artifact"].clone()
}

/// The digests of what refers to an artifact.
fn referrers(bench: &Bench, reference: &str) -> Vec<Value> {
    let listed = inspected(bench, reference)["referrers"].as_array().expect("a list").clone();
    listed.into_iter().map(|one| one["referrer_digest"].clone()).collect()
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn nothing_was_sent(registry: &Registry) {
    let requests = registry.requests();
    let sent: Vec<_> = requests.iter().filter(|seen| !matches!(seen.method.as_str(), "GET" | "HEAD")).collect();
    assert!(sent.is_empty(), "{sent:?}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// The manifest of an attestation, and its bundle.
fn found(reference: &str) -> (ImageManifest, Vec<u8>) {
    let reference: Reference = reference.parse().expect("a reference");
    runtime().block_on(async {
        let place = Target::open(&reference, &ClientOptions::default()).expect("opened");
        let manifest = ImageManifest::read(place.fetch_manifest(None).await.expect("there").bytes()).expect("one");
        let bundle = place.fetch_blob_bytes(&manifest.layers[0], 1 << 20).await.expect("there");
        (manifest, bundle.to_vec())
    })
}

#[test]
fn what_was_said_stands_beside_the_artifact_and_verifies_by_the_key() {
    let (bench, _registry, reference) = stocked(Vec::new());
    let before = inspected(&bench, &reference);
    let done = attested(&bench, &reference, &[]);
    assert_eq!(done["artifact_digest"], before["artifact_digest"], "the artifact stays as it is");
    assert_eq!([&done["predicate_type"], &done["already_attested"]], [&json!(CYCLONEDX), &json!(false)]);
    let (manifest, content) = found(text(&done["attestation_reference"]));
    assert_eq!(manifest.artifact_type.as_deref(), Some(BUNDLE));
    assert_eq!(manifest.config.media_type, "application/vnd.oci.empty.v1+json");
    assert_eq!(manifest.layers.len(), 1);
    assert_eq!(manifest.layers[0].media_type, BUNDLE);
    let subject = manifest.subject.expect("a subject");
    assert_eq!(subject.artifact_digest().to_string(), text(&done["artifact_digest"]));
    assert_eq!(subject.media_type, MANIFEST_MEDIA_TYPE);
    let notes = json!({"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": CYCLONEDX});
    assert_eq!(serde_json::to_value(&manifest.annotations).expect("JSON"), notes);
    let keyring = Keyring::read(&bench.path("keys")).expect("readable");
    let now: Circumstances = "2026-11-01T00:00:00Z".parse::<jiff::Timestamp>().expect("a time").into();
    let bundle = AttestationBundle::read(&content).expect("a bundle");
    let outcome = bundle.verify(subject.artifact_digest(), Some("demo"), &keyring, &now).expect("sound");
    let AttestationOutcome::Verified(found) = outcome else { panic!("{outcome:?}") };
    let said: Value = serde_json::from_slice(found.statement.payload()).expect("JSON");
    let hex = subject.digest.hex();
    let expected = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "demo", "digest": {"sha256": hex}}],
        "predicateType": CYCLONEDX,
        "predicate": serde_json::from_str::<Value>(SBOM).expect("JSON"),
    });
    assert_eq!(said, expected);
    // Whoever installs finds the plugin as it was.
    bench.install(&reference).ok();
}

#[test]
fn what_refers_to_an_artifact_is_listed_and_nothing_of_it_is_called_verified() {
    let (bench, _registry, reference) = stocked(Vec::new());
    let without = bench.run(&["plugin", "inspect", &reference]);
    assert!(!without.ok().stdout.contains("referrer"), "{without:?}");
    let done = attested(&bench, &reference, &[]);
    let shown = bench.run(&["plugin", "inspect", &reference]);
    let line = format!("referrer        {} {BUNDLE}, {CYCLONEDX}, not verified\n", text(&done["referrer_digest"]));
    assert!(shown.ok().stdout.contains(&line), "{shown:?}");
    let claims = format!("                claims to be signed by {}\n", text(&done["signing_key_fingerprint"]));
    assert!(shown.stdout.contains(&claims), "{shown:?}");
    let document = json(&bench.run(&["plugin", "inspect", &reference, "--json"]));
    assert_eq!(document["verified"], false);
    let expected = json!({
        "referrer_digest": done["referrer_digest"],
        "subject_digest": done["artifact_digest"],
        "tag": null,
        "kind": "sigstore_bundle",
        "supported": true,
        "claimed_artifact_type": BUNDLE,
        "claimed_predicate_type": CYCLONEDX,
        "claimed_signed_by": done["signing_key_fingerprint"],
        "objection": null,
    });
    let artifact = &document["artifact"];
    assert_eq!(artifact["referrers"], json!([expected]));
    assert_eq!([&artifact["unlisted_referrer_count"], &artifact["referrers_objection"]], [&json!(0), &Value::Null]);
}

#[test]
fn the_same_words_by_the_same_key_are_the_same_attestation_in_every_place() {
    let (bench, registry, reference) = stocked(Vec::new());
    let first = attested(&bench, &reference, &[]);
    registry.forget();
    let second = attested(&bench, &reference, &[]);
    assert_eq!(second["referrer_digest"], first["referrer_digest"]);
    assert_eq!([&second["already_attested"], &second["uploaded_bytes"]], [&json!(true), &json!(0)]);
    assert!(attest(&bench, &reference, &[]).stderr.contains("Unchanged"), "nothing new is said to be new");
    assert_eq!(referrers(&bench, &reference).len(), 1);
    bench.run(&["copy", &reference, "oci:layout:1"]).ok();
    let offline = attested(&bench, "oci:layout:1", &[]);
    assert_eq!(offline["referrer_digest"], first["referrer_digest"]);
    assert_eq!(referrers(&bench, "oci:layout:1"), [first["referrer_digest"].clone()]);
    // Another key says it as well, and both stand there.
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let words =
        ["plugin", "attest", &reference, "--type", "sbom", "--predicate", "sbom.json", "--private-key", "other.key"];
    bench.run(&words).ok();
    assert_eq!(referrers(&bench, &reference).len(), 2);
}

#[test]
fn a_registry_without_a_list_of_referrers_notes_it_at_the_tag() {
    let (bench, _registry, reference) = stocked(of_another_time());
    for _ in 0..2 {
        let done = attested(&bench, &reference, &[]);
        assert_eq!(referrers(&bench, &reference), [done["referrer_digest"].clone()]);
    }
    bench.write("vex.json", r#"{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}"#);
    let key = ["--private-key", "release.key"];
    bench.run(&["plugin", "attest", &reference, "--type", "vex", "--predicate", "vex.json", key[0], key[1]]).ok();
    assert_eq!(referrers(&bench, &reference).len(), 2);
}

#[test]
fn copies_and_bundles_carry_it() {
    let (bench, _registry, reference) = stocked(Vec::new());
    let done = attested(&bench, &reference, &[]);
    let mine = vec![done["referrer_digest"].clone()];
    for rules in [Vec::new(), of_another_time()] {
        let to = Registry::with_rules(rules);
        let there = to.reference("inside/demo:1");
        bench.run(&["copy", "--recursive", &reference, &there]).ok();
        assert_eq!(referrers(&bench, &there), mine);
    }
    bench.run(&["copy", "-r", &reference, "oci:layout:1"]).ok();
    assert_eq!(referrers(&bench, "oci:layout:1"), mine);
    bench.run(&["copy", "-r", "oci:layout:1", "oci-archive:demo-and-all.tar:1"]).ok();
    assert_eq!(referrers(&bench, "oci-archive:demo-and-all.tar:1"), mine);
    bench.run(&["copy", &reference, "oci:alone:1"]).ok();
    assert_eq!(referrers(&bench, "oci:alone:1"), Vec::<Value>::new());
    let exported =
        json(bench.run(&["bundle", "export", &reference, "--keys", "keys", "--out", "out.tar", "--json"]).ok());
    assert_eq!(exported["referrer_count"], 1);
    let carried = format!("oci-archive:out.tar@{}", text(&done["artifact_digest"]));
    assert_eq!(referrers(&bench, &carried), mine);
    bench.run(&["bundle", "import", "out.tar", "--keys", "keys", "--plugins-dir", "plugins"]).ok();
}

#[test]
fn an_archive_is_attested_where_it_is() {
    let (bench, _registry, reference) = stocked(Vec::new());
    let there = attested(&bench, &reference, &[]);
    let here = attested(&bench, "oci-archive:demo.tar", &[]);
    assert_eq!(here["referrer_digest"], there["referrer_digest"]);
    // From now on it holds two, and the artifact is named by its tag.
    assert_eq!(referrers(&bench, "oci-archive:demo.tar:0.1.0"), [there["referrer_digest"].clone()]);
    bench.install("oci-archive:demo.tar:0.1.0").ok();
}

/// It has no tag, and is none of what nobody names any more.
#[test]
fn what_removes_manifests_without_a_tag_leaves_what_is_said_of_one_that_has_it() {
    let (bench, _registry, reference) = stocked(Vec::new());
    bench.run(&["copy", &reference, "oci:layout:1"]).ok();
    let done = attested(&bench, "oci:layout:1", &[]);
    let gc = ["registry", "gc", "--dir", "layout", "--grace", "0s", "--untagged", "--older-than", "0s", "--json"];
    assert_eq!(bench.run(&gc).code, 0);
    assert_eq!(referrers(&bench, "oci:layout:1"), [done["referrer_digest"].clone()]);
}

#[test]
fn each_type_has_its_uri_and_another_is_taken_as_it_stands() {
    let (bench, _registry, reference) = stocked(Vec::new());
    for (word, predicate, uri) in [
        ("slsa", r#"{"buildDefinition": {}, "runDetails": {}}"#, "https://slsa.dev/provenance/v1"),
        ("sbom", r#"{"spdxVersion": "SPDX-2.3"}"#, "https://spdx.dev/Document"),
        ("sbom", SBOM, CYCLONEDX),
        ("vex", r#"{"@context": "https://openvex.dev/ns/v0.2.0"}"#, "https://openvex.dev/ns/v0.2.0"),
        ("https://example.org/review/v1", r#"{"by": "Ada"}"#, "https://example.org/review/v1"),
    ] {
        bench.write("said.json", predicate);
        let key = ["--private-key", "release.key", "--json"];
        let words = [&["plugin", "attest", &reference, "--type", word, "--predicate", "said.json"][..], &key].concat();
        assert_eq!(json(bench.run(&words).ok())["predicate_type"], uri);
    }
    assert_eq!(referrers(&bench, &reference).len(), 5);
}

#[test]
fn what_is_refused_is_refused_with_a_reason_and_nothing_is_sent() {
    let (bench, registry, reference) = stocked(Vec::new());
    let pair = fs::read_to_string(bench.path("release.key")).expect("a key");
    let body = pair.lines().nth(1).expect("a body").to_owned();
    bench.write("leaky.json", json!({"bomFormat": "CycloneDX", "note": pair}).to_string());
    let token = format!("ghp_{}", "A1b2C3d4E5f6G7h8I9j0".repeat(2).chars().take(36).collect::<String>());
    bench.write("token.json", json!({"bomFormat": "CycloneDX", "note": token}).to_string());
    bench.write("twice.json", r#"{"bomFormat": "CycloneDX", "bomFormat": "CycloneDX"}"#);
    bench.write("list.json", "[]");
    bench.write("none.json", "{}");
    bench.write("statement.json", r#"{"_type": "https://in-toto.io/Statement/v1", "predicate": {}}"#);
    let large = fs::File::create(bench.path("large.json")).expect("made");
    large.set_len((16 << 20) + 1).expect("large");
    let missing = registry.reference("team/demo:2");
    let unnamed = registry.reference("team/demo");
    let nowhere = "oci:nowhere:1".to_owned();
    for (place, kind, predicate, code, reason) in [
        (&reference, "sbom", "leaky.json", 1, "forbidden_entry"),
        (&reference, "sbom", "token.json", 1, "forbidden_entry"),
        (&reference, "sbom", "twice.json", 1, "attestation_invalid"),
        (&reference, "sbom", "list.json", 1, "attestation_invalid"),
        (&reference, "sbom", "none.json", 1, "attestation_invalid"),
        (&reference, "slsa", "sbom.json", 1, "attestation_invalid"),
        (&reference, "vex", "sbom.json", 1, "attestation_invalid"),
        (&reference, "https://example.org/x", "statement.json", 1, "attestation_invalid"),
        (&reference, "sbom", "large.json", 1, "attestation_invalid"),
        (&reference, "sbom", "keys", 1, "attestation_invalid"),
        (&reference, "sbom", "nowhere.json", 1, "io_not_found"),
        (&reference, "provenance", "sbom.json", 2, "usage"),
        (&missing, "sbom", "sbom.json", 1, "reference_not_found"),
        (&unnamed, "sbom", "sbom.json", 2, "invalid_ref"),
        (&nowhere, "sbom", "sbom.json", 1, "io_not_found"),
    ] {
        for dry in [&["--dry-run"][..], &[]] {
            let words = ["plugin", "attest", place, "--type", kind, "--predicate", predicate];
            let refused = bench.run(&[&words, &["--private-key", "release.key"][..], dry].concat());
            refused.refused(code, reason);
            assert!(!refused.stderr.contains(&body) && !refused.stderr.contains(&token), "{refused:?}");
            nothing_was_sent(&registry);
        }
    }
    let words =
        ["plugin", "attest", &reference, "--type", "sbom", "--predicate", "sbom.json", "--private-key", "no.key"];
    bench.run(&words).refused(1, "key_invalid");
    nothing_was_sent(&registry);
    assert!(!bench.path("nowhere").exists());
    assert_eq!(referrers(&bench, &reference), Vec::<Value>::new());
}

#[test]
fn a_dry_run_says_the_digest_and_sends_nothing() {
    let (bench, registry, reference) = stocked(Vec::new());
    bench.run(&["copy", &reference, "oci:layout:1"]).ok();
    for place in [reference.as_str(), "oci:layout:1"] {
        let before = bench.state();
        let foreseen = attested(&bench, place, &["--dry-run"]);
        nothing_was_sent(&registry);
        assert_eq!(bench.state(), before);
        let done = attested(&bench, place, &[]);
        for member in
            ["referrer_digest", "artifact_digest", "uploaded_blob_count", "uploaded_bytes", "already_attested"]
        {
            assert_eq!(foreseen[member], done[member], "{member}");
        }
        registry.forget();
    }
}

#[test]
fn whoever_holds_a_key_attests_and_a_key_file_gives_the_same_bytes() {
    let (bench, _registry, reference) = stocked(Vec::new());
    let by_file = attested(&bench, &reference, &[]);
    program(&bench, "sign-with-openssl", &program_text());
    let words = ["plugin", "attest", &reference, "--type", "sbom", "--predicate", "sbom.json", "--json"];
    let words = |signer: &'static str| [&words[..], &["--private-key", signer]].concat();
    let by_program = bench.run_with(&words("exec:./sign-with-openssl"), &[("SIGNER_KEY", "release.key")]);
    assert_eq!(json(by_program.ok())["referrer_digest"], by_file["referrer_digest"]);
}

#[test]
fn an_agent_attests_what_it_takes_at_once_and_what_is_larger_is_refused() {
    let (bench, registry, reference) = stocked(Vec::new());
    bench.write("large.json", json!({"note": "x".repeat(256 << 10)}).to_string());
    let attest = |predicate: &str| {
        let words = format!("aisoc plugin attest {reference} --type urn:x --predicate {predicate}");
        with_agent(&bench, &format!("{words} --private-key \"ssh-agent:$f\" --json"))
    };
    let Some(large) = attest("large.json") else { return };
    assert_ne!(large.code, 0, "{large:?}");
    assert!(large.stderr.contains("signer_failed") && large.stderr.contains("at most 262144 bytes"), "{large:?}");
    nothing_was_sent(&registry);
    let done = json(attest("sbom.json").expect("an agent").ok());
    assert_eq!(referrers(&bench, &reference), [done["referrer_digest"].clone()]);
}

/// A layout with the artifact, and what the test puts beside it.
fn layout_with(bench: &Bench, reference: &str, beside: impl Fn(&Descriptor) -> Vec<Beside>) -> Value {
    bench.run(&["copy", reference, "oci:beside:1"]).ok();
    let place: Reference = format!("oci:{}:1", bench.path("beside").display()).parse().expect("a reference");
    runtime().block_on(async {
        let target = Target::create(&place, &ClientOptions::default()).expect("there");
        let subject = target.fetch_manifest(None).await.expect("there").descriptor();
        for Beside { kind, blob, subject, tag } in beside(&subject) {
            let layer = Descriptor::of(kind, &blob);
            let source = aisoc_registry_client::BlobSource::Bytes(blob.into());
            let document = ImageManifest { subject, ..ImageManifest::of_document(kind, layer.clone()) };
            let empty = aisoc_registry_client::BlobSource::Bytes((&b"{}"[..]).into());
            target.push_blob(&document.config, &empty).await.expect("pushed");
            target.push_blob(&layer, &source).await.expect("pushed");
            let manifest = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&document));
            target.push_manifest(&manifest).await.expect("pushed");
            if let Some(tag) = tag {
                target.tag(&tag.parse().expect("a tag"), &manifest, ReplaceTag::No).await.expect("tagged");
            }
        }
    });
    let listed = inspected(bench, "oci:beside:1");
    fs::remove_dir_all(bench.path("beside")).expect("gone");
    listed
}

struct Beside {
    kind: &'static str,
    blob: Vec<u8>,
    subject: Option<Descriptor>,
    tag: Option<String>,
}

#[test]
fn signatures_of_other_tools_are_named_and_what_is_no_bundle_is_said() {
    let (bench, _registry, reference) = stocked(Vec::new());
    let notation = "application/vnd.cncf.notary.signature";
    let listed = layout_with(&bench, &reference, |subject| {
        let about = |kind, blob: &[u8]| Beside { kind, blob: blob.to_vec(), subject: Some(subject.clone()), tag: None };
        let simple = "application/vnd.dev.cosign.simplesigning.v1+json";
        let tag = |ending| Some(format!("sha256-{}.{ending}", subject.digest.hex()));
        let sig = Beside { kind: simple, blob: b"{}".to_vec(), subject: None, tag: tag("sig") };
        let att = Beside {
            kind: "application/vnd.dsse.envelope.v1+json",
            blob: b"{}".to_vec(),
            subject: None,
            tag: tag("att"),
        };
        vec![about(notation, b"x"), about("text/spdx+json", b"{}"), about(BUNDLE, b"{}"), sig, att]
    });
    let row = |kind: &str| {
        let rows = listed["referrers"].as_array().expect("a list");
        rows.iter().find(|row| row["kind"] == kind).unwrap_or_else(|| panic!("no {kind}: {rows:?}")).clone()
    };
    let signature = row("notation_signature");
    assert_eq!([&signature["supported"], &signature["claimed_artifact_type"]], [&json!(false), &json!(notation)]);
    assert_eq!(row("other")["claimed_artifact_type"], "text/spdx+json");
    assert_eq!(row("sigstore_bundle")["objection"]["reason_code"], "attestation_invalid");
    let tags = [row("cosign_signature")["tag"].clone(), row("cosign_attestation")["tag"].clone()];
    let hex = text(&listed["artifact_digest"]).replacen("sha256:", "", 1);
    assert_eq!(tags, [json!(format!("sha256-{hex}.sig")), json!(format!("sha256-{hex}.att"))]);
    assert_eq!(listed["referrers"].as_array().expect("a list").len(), 5);
}

#[test]
fn an_attestation_that_is_noted_as_another_is_said_to_be() {
    let (bench, registry, reference) = stocked(Vec::new());
    let done = attested(&bench, &reference, &[]);
    let (manifest, _) = found(text(&done["attestation_reference"]));
    let mut annotations = manifest.annotations.clone();
    annotations.insert("dev.sigstore.bundle.predicateType".to_owned(), "https://slsa.dev/provenance/v1".to_owned());
    let lying = Manifest::new(MANIFEST_MEDIA_TYPE, to_bytes(&ImageManifest { annotations, ..manifest }));
    let place: Reference = registry.reference("team/demo:1").parse().expect("a reference");
    runtime().block_on(async {
        let target = Target::create(&place, &ClientOptions::default()).expect("there");
        target.push_manifest(&lying).await.expect("pushed");
    });
    let listed = inspected(&bench, &reference);
    let row = listed["referrers"].as_array().expect("a list").iter().find(|row| !row["objection"].is_null());
    assert_eq!(row.expect("one")["objection"]["reason_code"], "attestation_invalid");
}

/// A list of the registry's own making.
fn list(manifests: Vec<Descriptor>) -> Rule {
    let kind = vec![("content-type", INDEX_MEDIA_TYPE.to_owned())];
    Rule::on("/referrers/", Act::Answer(200, kind, to_bytes(&ImageIndex::new(manifests))))
}

#[test]
fn a_list_that_lies_is_said_to_and_the_plugin_is_shown_all_the_same() {
    let (bench, registry, reference) = stocked(Vec::new());
    bench.signed_version("other", "1.0.0", "release.key");
    bench.run(&["plugin", "push", "other", &registry.reference("team/demo:other")]).ok();
    let place: Reference = registry.reference("team/demo:other").parse().expect("a reference");
    let other = runtime().block_on(async {
        let target = Target::open(&place, &ClientOptions::default()).expect("there");
        target.fetch_manifest(None).await.expect("there").descriptor()
    });
    for (name, listed, code) in [
        ("another subject", other.clone(), "registry_protocol"),
        ("another size", Descriptor { size: 7, ..other.clone() }, "pull_failed"),
        ("nothing there", Descriptor::of(MANIFEST_MEDIA_TYPE, b"{}"), "reference_not_found"),
        ("larger than all", Descriptor { size: 65 << 20, ..other.clone() }, "registry_protocol"),
    ] {
        registry.set_rules(vec![list(vec![listed])]);
        let shown = inspected(&bench, &reference);
        assert_eq!(shown["referrers"][0]["objection"]["reason_code"], code, "{name}: {shown}");
        let text = bench.run(&["plugin", "inspect", &reference]);
        assert!(text.ok().stdout.contains("\nproblem ") && text.stdout.contains("not verified"), "{text:?}");
    }
    registry.set_rules(vec![Rule::on("/referrers/", Act::Status(500))]);
    let shown = inspected(&bench, &reference);
    assert!(shown["referrers_objection"]["reason_code"].is_string() && shown["referrers"] == json!([]), "{shown}");
    let text = bench.run(&["plugin", "inspect", &reference]);
    assert!(text.ok().stdout.contains("what refers to it is not known"), "{text:?}");
}

#[test]
fn more_than_a_hundred_are_counted_and_not_looked_at() {
    let (bench, registry, reference) = stocked(Vec::new());
    let listed = |count: usize| (0..count).map(|at| Descriptor::of(MANIFEST_MEDIA_TYPE, at.to_string().as_bytes()));
    for (count, shown, more) in [(99, 99, 0), (100, 100, 0), (101, 100, 1), (150, 100, 50)] {
        registry.set_rules(vec![list(listed(count).collect())]);
        let artifact = inspected(&bench, &reference);
        assert_eq!(artifact["referrers"].as_array().expect("a list").len(), shown, "{count}");
        assert_eq!(artifact["unlisted_referrer_count"], more, "{count}");
    }
    let text = bench.run(&["plugin", "inspect", &reference]);
    assert!(text.ok().stdout.contains("50 more, not looked at"), "{text:?}");
}

#[test]
fn a_tag_is_resolved_once_and_what_is_signed_names_the_digest() {
    let (bench, registry, reference) = stocked(Vec::new());
    let done = attested(&bench, &reference, &[]);
    let asked: Vec<_> = registry.requests().into_iter().filter(|seen| seen.path.ends_with("/manifests/1")).collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let digest: ArtifactDigest = text(&done["artifact_digest"]).parse().expect("a digest");
    let pinned = registry.reference(&format!("team/demo@{digest}"));
    assert_eq!(done["reference"], pinned);
    assert_eq!(attested(&bench, &pinned, &[])["referrer_digest"], done["referrer_digest"]);
}
