//! The documents as programs read them: which fields, in which order, and which of them go when they are
//! empty. Whoever changes one changes what scripts see.

use aisoc_manifests::fault::Reason;
use aisoc_pipeline::documents::{
    AllowedSecret, CanonicalDigest, ChangedFile, Check, CollectedGarbage, Explanation, FileState, InstalledPlugin, Key,
    KeyPair, ListedPlugin, LoadedPlugin, ManifestProblem, NewPlugin, PackedArtifact, PluginList, PluginVerdict,
    PluginVerdicts, PluginVersion, PulledArtifact, PushedArtifact, ReasonCode, ReasonCodes, RefusedManifest,
    RemovedGarbage, RolledBackPlugin, SignatureFile, SignatureJudgement, SignedPlugin, SourceVerdict, UncoveredFile,
    UninstalledPlugin, ValidManifest, VerdictCounts,
};
use serde::Serialize;

fn text(word: &str) -> String {
    word.to_owned()
}

#[track_caller]
fn is(document: &impl Serialize, json: &str) {
    assert_eq!(serde_json::to_string(document).expect("plain data"), json);
}

fn judgement() -> SignatureJudgement {
    SignatureJudgement {
        signature_status: Some("verified"),
        signing_key_id: Some(text("release")),
        coverage: Some("full"),
    }
}

fn unjudged() -> SignatureJudgement {
    SignatureJudgement { signature_status: None, signing_key_id: None, coverage: None }
}

fn secret() -> AllowedSecret {
    AllowedSecret { path: text("p"), kind: "a key", place: None, reason: text("r") }
}

#[test]
fn what_an_author_makes() {
    let new = NewPlugin { id: text("a"), plugin_type: text("widget"), directory: text("d"), files: vec![text("f")] };
    is(&new, r#"{"id":"a","type":"widget","directory":"d","files":["f"]}"#);
    let pair = KeyPair { private_key: text("a"), public_key: text("b"), fingerprint: text("c") };
    is(&pair, r#"{"private_key":"a","public_key":"b","fingerprint":"c"}"#);
    let digest = CanonicalDigest { digest: text("a"), python_files: 1, canonical: None };
    is(&digest, r#"{"digest":"a","python_files":1}"#);
    is(
        &CanonicalDigest { canonical: Some(text("{}")), ..digest },
        r#"{"digest":"a","python_files":1,"canonical":"{}"}"#,
    );
    let signed = SignedPlugin {
        signature_file: text("f"),
        signature: text("s"),
        digest: text("d"),
        signer: text("k"),
        coverage: "full",
        allowed_secrets: Vec::new(),
    };
    is(&signed, r#"{"signature_file":"f","signature":"s","digest":"d","signer":"k","coverage":"full"}"#);
    is(
        &SignedPlugin { allowed_secrets: vec![secret()], ..signed },
        r#"{"signature_file":"f","signature":"s","digest":"d","signer":"k","coverage":"full","allowed_secrets":[{"path":"p","kind":"a key","place":null,"reason":"r"}]}"#,
    );
}

#[test]
fn what_is_right_or_wrong_with_a_manifest() {
    let loaded = LoadedPlugin { python: text("3"), class: text("Plugin"), run_is_async: true, result: None };
    let valid = ValidManifest { manifest: text("m"), profile: text("strict"), problems: [], loaded: None };
    is(&valid, r#"{"manifest":"m","profile":"strict","problems":[]}"#);
    is(
        &ValidManifest { loaded: Some(loaded), ..valid },
        r#"{"manifest":"m","profile":"strict","problems":[],"loaded":{"python":"3","class":"Plugin","run_is_async":true,"result":null}}"#,
    );
    let problem = ManifestProblem {
        reason_code: "field_type",
        file: text("f"),
        line: 1,
        column: 2,
        message: text("m"),
        instead: None,
    };
    is(
        &RefusedManifest { manifest: text("m"), problems: vec![problem] },
        r#"{"manifest":"m","problems":[{"reason_code":"field_type","file":"f","line":1,"column":2,"message":"m","instead":null}]}"#,
    );
}

#[test]
fn what_is_packed_pushed_and_pulled() {
    let packed = PackedArtifact {
        id: text("a"),
        version: text("1"),
        path: text("p"),
        digest: text("d"),
        layer_digest: text("l"),
        layer_size: 1,
        files: 2,
        unpacked_size: 3,
        signed: true,
        signature: "present",
        excluded: vec![text("x")],
        allowed_secrets: Vec::new(),
    };
    is(
        &packed,
        r#"{"id":"a","version":"1","path":"p","digest":"d","layer_digest":"l","layer_size":1,"files":2,"unpacked_size":3,"signed":true,"signature":"present","excluded":["x"]}"#,
    );
    let pushed = PushedArtifact {
        reference: text("r"),
        digest: text("d"),
        tag: None,
        signature: "not_read",
        uploaded_blobs: 1,
        uploaded_bytes: 2,
        mounted_blobs: 3,
        present_blobs: 4,
        allowed_secrets: Vec::new(),
    };
    is(
        &pushed,
        r#"{"reference":"r","digest":"d","tag":null,"signature":"not_read","uploaded_blobs":1,"uploaded_bytes":2,"mounted_blobs":3,"present_blobs":4}"#,
    );
    let pulled = PulledArtifact {
        reference: text("r"),
        digest: text("d"),
        index_digest: None,
        directory: text("o"),
        files: 1,
        signature_status: "skipped",
    };
    is(&pulled, r#"{"reference":"r","digest":"d","directory":"o","files":1,"signature_status":"skipped"}"#);
}

#[test]
fn what_changed_in_a_plugins_directory() {
    let installed = InstalledPlugin {
        id: text("a"),
        version: text("1"),
        reference: text("r"),
        digest: text("d"),
        index_digest: None,
        directory: text("p"),
        signature: judgement(),
        change: "upgraded",
        previous_version: Some(text("0")),
        lowered_from: None,
        objection: None,
    };
    is(
        &installed,
        r#"{"id":"a","version":"1","reference":"r","digest":"d","directory":"p","signature_status":"verified","signing_key_id":"release","coverage":"full","change":"upgraded","previous_version":"0","lowered_from":null,"objection":null}"#,
    );
    let rolled_back = RolledBackPlugin {
        id: text("a"),
        version: text("1"),
        digest: text("d"),
        directory: text("p"),
        signature: judgement(),
        previous_version: None,
        lowered_from: Some("full"),
        objection: Some(text("o")),
    };
    is(
        &rolled_back,
        r#"{"id":"a","version":"1","digest":"d","directory":"p","signature_status":"verified","signing_key_id":"release","coverage":"full","previous_version":null,"lowered_from":"full","objection":"o"}"#,
    );
    is(&UninstalledPlugin { id: text("a"), plugins_dir: text("p") }, r#"{"id":"a","plugins_dir":"p"}"#);
    let removed = RemovedGarbage { kind: "staging", path: text("s"), bytes: 1 };
    let garbage = CollectedGarbage {
        plugins_dir: text("p"),
        removed: vec![removed],
        freed_bytes: 1,
        finished_changes: Vec::new(),
        leftovers: Vec::new(),
        unfinished_changes: Vec::new(),
    };
    is(
        &garbage,
        r#"{"plugins_dir":"p","removed":[{"kind":"staging","path":"s","bytes":1}],"freed_bytes":1,"finished_changes":[],"leftovers":[],"unfinished_changes":[]}"#,
    );
}

#[test]
fn what_is_installed_and_how_it_stands() {
    let version = PluginVersion {
        version: text("1"),
        digest: text("d"),
        installed_at: text("t"),
        signature_status: text("verified"),
        bytes: 1,
        current: true,
    };
    let listed = ListedPlugin {
        id: text("a"),
        version: None,
        signature: unjudged(),
        reference: None,
        digest: None,
        installed_at: None,
        directory: text("p"),
        name: Some(text("never shown")),
        error: None,
        note: None,
        versions: None,
    };
    let row = r#"{"id":"a","version":null,"signature_status":null,"signing_key_id":null,"coverage":null,"reference":null,"digest":null,"installed_at":null,"directory":"p","error":null,"note":null"#;
    is(&listed, &format!("{row}}}"));
    let listed = ListedPlugin { versions: Some(vec![version]), ..listed };
    let versions = r#""versions":[{"version":"1","digest":"d","installed_at":"t","signature_status":"verified","bytes":1,"current":true}]"#;
    let list = PluginList { plugins_dir: text("p"), shared_directory: false, plugins: vec![listed] };
    is(&list, &format!(r#"{{"plugins_dir":"p","shared_directory":false,"plugins":[{row},{versions}}}]}}"#));
    let verdict = PluginVerdict {
        id: text("a"),
        directory: text("p"),
        name: Some(text("never shown")),
        version: Some(text("1")),
        signature: judgement(),
        error: None,
    };
    let counts = VerdictCounts { verified: 1, ..VerdictCounts::default() };
    is(
        &PluginVerdicts { plugins_dir: text("p"), shared_directory: true, counts, plugins: vec![verdict] },
        r#"{"plugins_dir":"p","shared_directory":true,"verified":1,"verified_in_part":0,"unsigned":0,"invalid":0,"skipped":0,"refused":0,"plugins":[{"id":"a","directory":"p","version":"1","signature_status":"verified","signing_key_id":"release","coverage":"full","error":null}]}"#,
    );
}

#[test]
fn a_reason_is_explained_as_the_registry_of_reasons_has_it() {
    let json =
        serde_json::to_value(ReasonCodes { reasons: vec![ReasonCode::from(Reason::Unsigned)], warnings: Vec::new() })
            .expect("data");
    let row = &json["reasons"][0];
    assert_eq!((&row["code"], &row["type"], &row["exit_code"]), (&"unsigned".into(), &"refused".into(), &3.into()));
    assert_eq!(row["meaning"], Reason::Unsigned.meaning());
    assert_eq!(row["hint"], Reason::Unsigned.remedy());
}

#[test]
fn a_verdict_and_how_it_came_about() {
    let state = |sha256: &str| FileState { sha256: text(sha256), size: 1, executable: false };
    let explanation = Explanation {
        verdict: "refused",
        reason_code: Some("coverage_mismatch"),
        signature_status: "invalid",
        coverage: "none",
        checks: vec![
            Check { name: "m", result: "passed", detail: text("c"), would_change_it: None },
            Check { name: "n", result: "failed", detail: text("d"), would_change_it: Some(text("w")) },
        ],
        keys: vec![Key {
            key_id: text("k"),
            file: text("k.pem"),
            fingerprint: text("f"),
            verifies: Vec::new(),
            why_not: None,
        }],
        skipped_keys: vec![text("s")],
        signatures: vec![SignatureFile { file: text("plugin.sig"), named_signer: None, verified_by: None }],
        file_list: Some("intact"),
        changed: vec![ChangedFile { path: text("p"), signed: state("a"), found: state("b") }],
        extra: vec![text("x")],
        missing: vec![text("y")],
        uncovered: vec![UncoveredFile { path: text("u"), hazard: None }],
        next: None,
    };
    let verdict = SourceVerdict {
        source: text("s"),
        id: None,
        signature_status: "invalid",
        signing_key_id: None,
        fingerprint: None,
        signers: Vec::new(),
        coverage: "none",
        digest: None,
        artifact_digest: None,
        index_digest: None,
        objection: None,
        explanation,
    };
    is(
        &verdict,
        concat!(
            r#"{"source":"s","id":null,"signature_status":"invalid","signing_key_id":null,"fingerprint":null,"signers":[],"#,
            r#""coverage":"none","digest":null,"artifact_digest":null,"objection":null,"explanation":{"verdict":"refused","#,
            r#""reason_code":"coverage_mismatch","signature_status":"invalid","coverage":"none","checks":[{"name":"m","#,
            r#""result":"passed","detail":"c"},{"name":"n","result":"failed","detail":"d","would_change_it":"w"}],"keys":[{"key_id":"k","file":"k.pem","fingerprint":"f","verifies":[],"#,
            r#""why_not":null}],"skipped_keys":["s"],"signatures":[{"file":"plugin.sig","named_signer":null,"#,
            r#""verified_by":null}],"file_list":"intact","changed":[{"path":"p","signed":{"sha256":"a","size":1,"#,
            r#""executable":false},"found":{"sha256":"b","size":1,"executable":false}}],"extra":["x"],"missing":["y"],"#,
            r#""uncovered":[{"path":"u","hazard":null}],"next":null}}"#
        ),
    );
}
