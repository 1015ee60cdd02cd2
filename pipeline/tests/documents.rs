//! The documents as programs read them: which fields, in which order, and which of them go when they are
//! empty. Whoever changes one changes what scripts see.

use aisoc_manifests::fault::Reason;
use aisoc_pipeline::documents::{
    AllowedSecret, CanonicalDigest, ChangedFile, Check, CollectedGarbage, Explanation, FileState, InstalledPlugin, Key,
    KeyPair, ListedPlugin, LoadedPlugin, ManifestProblem, NewPlugin, Objection, PackedArtifact, PlatformArtifact,
    PluginList, PluginVerdict, PluginVerdicts, PluginVersion, PulledArtifact, PushedArtifact, ReasonCode, ReasonCodes,
    RemovedGarbage, RolledBackPlugin, SignatureFile, SignatureJudgement, SignedPlugin, Signer, SourceVerdict,
    TimestampFile, UncoveredFile, UninstalledPlugin, ValidManifest, VerdictCounts,
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
        signing_key_fingerprint: Some(text("SHA256:f")),
        coverage: Some("full"),
        coverage_accepted_from: Vec::new(),
        trust_decision: None,
    }
}

fn unjudged() -> SignatureJudgement {
    SignatureJudgement {
        signature_status: None,
        signing_key_id: None,
        signing_key_fingerprint: None,
        coverage: None,
        coverage_accepted_from: Vec::new(),
        trust_decision: None,
    }
}

fn secret() -> AllowedSecret {
    AllowedSecret { path: text("p"), kind: "a key", place: None, reason: text("r") }
}

#[test]
fn what_an_author_makes() {
    let new = NewPlugin { id: text("a"), plugin_type: text("widget"), directory: text("d"), paths: vec![text("f")] };
    is(&new, r#"{"id":"a","plugin_type":"widget","directory":"d","paths":["f"]}"#);
    let pair =
        KeyPair { private_key_path: text("a"), public_key_path: text("b"), signing_key_fingerprint: Some(text("c")) };
    is(&pair, r#"{"private_key_path":"a","public_key_path":"b","signing_key_fingerprint":"c"}"#);
    let digest = CanonicalDigest { canonical_digest: text("a"), python_file_count: 1, canonical_json: None };
    is(&digest, r#"{"canonical_digest":"a","python_file_count":1}"#);
    is(
        &CanonicalDigest { canonical_json: Some(text("{}")), ..digest },
        r#"{"canonical_digest":"a","python_file_count":1,"canonical_json":"{}"}"#,
    );
    let signed = SignedPlugin {
        signature_path: text("f"),
        signature: text("s"),
        canonical_digest: text("d"),
        signing_key_fingerprint: text("k"),
        coverage: "full",
        signed_at: None,
        allowed_secrets: Vec::new(),
    };
    is(
        &signed,
        r#"{"signature_path":"f","signature":"s","canonical_digest":"d","signing_key_fingerprint":"k","coverage":"full"}"#,
    );
    is(
        &SignedPlugin { allowed_secrets: vec![secret()], ..signed },
        r#"{"signature_path":"f","signature":"s","canonical_digest":"d","signing_key_fingerprint":"k","coverage":"full","allowed_secrets":[{"path":"p","kind":"a key","place":null,"reason":"r"}]}"#,
    );
}

#[test]
fn what_is_right_or_wrong_with_a_manifest() {
    let loaded = LoadedPlugin { python_version: text("3"), class: text("Plugin"), run_is_async: true, result: None };
    let valid = ValidManifest { path: text("m"), profile: text("strict"), loaded: None };
    is(&valid, r#"{"path":"m","profile":"strict"}"#);
    is(
        &ValidManifest { loaded: Some(loaded), ..valid },
        r#"{"path":"m","profile":"strict","loaded":{"python_version":"3","class":"Plugin","run_is_async":true,"result":null}}"#,
    );
    let problem = ManifestProblem {
        reason_code: "field_type",
        path: text("f"),
        line: 1,
        column: 2,
        message: text("m"),
        hint: text("h"),
    };
    is(&problem, r#"{"reason_code":"field_type","path":"f","line":1,"column":2,"message":"m","hint":"h"}"#);
}

#[test]
fn what_is_packed_pushed_and_pulled() {
    let packed = PackedArtifact {
        id: text("a"),
        version: text("1"),
        path: text("p"),
        tag: Some(text("1")),
        artifact_digest: text("d"),
        layer_digest: Some(text("l")),
        layer_bytes: 1,
        file_count: 2,
        unpacked_bytes: 3,
        signed: true,
        signature_status: "present",
        excluded: vec![text("x")],
        allowed_secrets: Vec::new(),
        platforms: Vec::new(),
    };
    is(
        &packed,
        r#"{"id":"a","version":"1","path":"p","tag":"1","artifact_digest":"d","layer_digest":"l","layer_bytes":1,"file_count":2,"unpacked_bytes":3,"signed":true,"signature_status":"present","excluded":["x"]}"#,
    );
    let pushed = PushedArtifact {
        reference: text("r"),
        id: Some(text("a")),
        version: None,
        artifact_digest: Some(text("d")),
        tag: None,
        signature_status: "not_read",
        uploaded_blob_count: 1,
        uploaded_bytes: 2,
        mounted_blob_count: 3,
        present_blob_count: 4,
        allowed_secrets: Vec::new(),
        platforms: vec![PlatformArtifact { platform: text("linux/arm64"), artifact_digest: text("m") }],
    };
    is(
        &pushed,
        r#"{"reference":"r","id":"a","version":null,"artifact_digest":"d","tag":null,"signature_status":"not_read","uploaded_blob_count":1,"uploaded_bytes":2,"mounted_blob_count":3,"present_blob_count":4,"platforms":[{"platform":"linux/arm64","artifact_digest":"m"}]}"#,
    );
    let pulled = PulledArtifact {
        reference: text("r"),
        artifact_digest: text("d"),
        index_digest: None,
        platform: None,
        directory: text("o"),
        file_count: 1,
        signature_status: "skipped",
    };
    is(
        &pulled,
        r#"{"reference":"r","artifact_digest":"d","directory":"o","file_count":1,"signature_status":"skipped"}"#,
    );
}

fn signer() -> Signer {
    Signer { signing_key_id: Some(text("release")), signing_key_fingerprint: text("SHA256:f") }
}

#[test]
fn what_changed_in_a_plugins_directory() {
    let installed = InstalledPlugin {
        id: text("a"),
        version: text("1"),
        reference: text("r"),
        artifact_digest: text("d"),
        index_digest: None,
        platform: None,
        directory: text("p"),
        signature: judgement(),
        change: "upgraded",
        signers: vec![signer()],
        previous_version: Some(text("0")),
        previous_signers: Some(vec![signer()]),
        added_signers: Some(Vec::new()),
        previous_reference: Some(text("s")),
        capabilities: vec![text("facts.read"), text("facts.write")],
        added_capabilities: Some(vec![text("facts.write")]),
        removed_capabilities: Some(Vec::new()),
        lowered_from: None,
        is_locked: false,
        objection: None,
    };
    is(
        &installed,
        r#"{"id":"a","version":"1","reference":"r","artifact_digest":"d","directory":"p","signature_status":"verified","signing_key_id":"release","signing_key_fingerprint":"SHA256:f","coverage":"full","change":"upgraded","signers":[{"signing_key_id":"release","signing_key_fingerprint":"SHA256:f"}],"previous_version":"0","previous_signers":[{"signing_key_id":"release","signing_key_fingerprint":"SHA256:f"}],"added_signers":[],"previous_reference":"s","capabilities":["facts.read","facts.write"],"added_capabilities":["facts.write"],"removed_capabilities":[],"lowered_from":null,"is_locked":false,"objection":null}"#,
    );
    let rolled_back = RolledBackPlugin {
        id: text("a"),
        version: text("1"),
        artifact_digest: text("d"),
        directory: text("p"),
        signature: judgement(),
        signers: Vec::new(),
        previous_version: None,
        previous_signers: None,
        added_signers: None,
        previous_reference: None,
        capabilities: vec![text("c")],
        added_capabilities: None,
        removed_capabilities: Some(vec![text("r")]),
        lowered_from: Some("full"),
        is_locked: false,
        objection: Some(Objection {
            reason_code: "coverage_partial",
            message: text("o"),
            expected: None,
            found: None,
            hint: text("h"),
        }),
    };
    is(
        &rolled_back,
        r#"{"id":"a","version":"1","artifact_digest":"d","directory":"p","signature_status":"verified","signing_key_id":"release","signing_key_fingerprint":"SHA256:f","coverage":"full","signers":[],"previous_version":null,"previous_signers":null,"added_signers":null,"previous_reference":null,"capabilities":["c"],"added_capabilities":null,"removed_capabilities":["r"],"lowered_from":"full","is_locked":false,"objection":{"reason_code":"coverage_partial","message":"o","hint":"h"}}"#,
    );
    is(&UninstalledPlugin { id: text("a"), plugins_directory: text("p") }, r#"{"id":"a","plugins_directory":"p"}"#);
    let removed = RemovedGarbage { kind: "staging", path: text("s"), disk_bytes: 1 };
    let garbage = CollectedGarbage {
        plugins_directory: text("p"),
        removed: vec![removed],
        freed_bytes: 1,
        finished_changes: Vec::new(),
        leftovers: Vec::new(),
        unfinished_changes: Vec::new(),
    };
    is(
        &garbage,
        r#"{"plugins_directory":"p","removed":[{"kind":"staging","path":"s","disk_bytes":1}],"freed_bytes":1,"finished_changes":[],"leftovers":[],"unfinished_changes":[]}"#,
    );
}

#[test]
fn what_is_installed_and_how_it_stands() {
    let version = PluginVersion {
        version: text("1"),
        artifact_digest: text("d"),
        installed_at: text("t"),
        signature_status: text("verified"),
        disk_bytes: 1,
        current: true,
    };
    let listed = ListedPlugin {
        id: text("a"),
        version: None,
        capabilities: Some(vec![text("x.y")]),
        unknown_capabilities: vec![text("x.y")],
        admitted: false,
        signature: unjudged(),
        reference: None,
        artifact_digest: None,
        installed_at: None,
        rolled_back_at: None,
        rolled_back_from: None,
        directory: text("p"),
        name: Some(text("never shown")),
        objection: None,
        note: None,
        versions: None,
    };
    let row = r#"{"id":"a","version":null,"capabilities":["x.y"],"unknown_capabilities":["x.y"],"admitted":false,"signature_status":null,"signing_key_id":null,"signing_key_fingerprint":null,"coverage":null,"reference":null,"artifact_digest":null,"installed_at":null,"rolled_back_at":null,"rolled_back_from":null,"directory":"p","objection":null,"note":null"#;
    is(&listed, &format!("{row}}}"));
    let listed = ListedPlugin { versions: Some(vec![version]), ..listed };
    let versions = r#""versions":[{"version":"1","artifact_digest":"d","installed_at":"t","signature_status":"verified","disk_bytes":1,"current":true}]"#;
    let list = PluginList { plugins_directory: text("p"), shared: false, plugins: vec![listed] };
    is(&list, &format!(r#"{{"plugins_directory":"p","shared":false,"plugins":[{row},{versions}}}]}}"#));
    let verdict = PluginVerdict {
        id: text("a"),
        directory: text("p"),
        name: Some(text("never shown")),
        version: Some(text("1")),
        admitted: true,
        signature: judgement(),
        objection: None,
    };
    let counts = VerdictCounts { verified: 1, ..VerdictCounts::default() };
    is(
        &PluginVerdicts { plugins_directory: text("p"), shared: true, counts, plugins: vec![verdict], lock: None },
        r#"{"plugins_directory":"p","shared":true,"verified_count":1,"verified_in_part_count":0,"unsigned_count":0,"invalid_count":0,"skipped_count":0,"refused_count":0,"plugins":[{"id":"a","directory":"p","version":"1","admitted":true,"signature_status":"verified","signing_key_id":"release","signing_key_fingerprint":"SHA256:f","coverage":"full","objection":null}]}"#,
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
    let state = |digest: &str| FileState { content_digest: text(digest), content_bytes: 1, executable: false };
    let explanation = Explanation {
        verdict: "refused",
        objection: Some(Objection {
            reason_code: "coverage_mismatch",
            message: text("m"),
            expected: Some(text("e")),
            found: Some(text("f")),
            hint: text("h"),
        }),
        signature_status: "invalid",
        coverage: "none",
        checks: vec![
            Check { gate: "4", name: "m", result: "passed", evidence: text("c"), hint: None },
            Check { gate: "5", name: "n", result: "failed", evidence: text("d"), hint: Some(text("w")) },
        ],
        keys: vec![Key {
            signing_key_id: text("k"),
            path: text("k.pem"),
            signing_key_fingerprint: text("f"),
            verifies: Vec::new(),
            signed_at: Some(text("t")),
            why_not: None,
        }],
        skipped_keys: vec![text("s")],
        signatures: vec![SignatureFile {
            path: text("plugin.sig"),
            stated_key_fingerprint: None,
            signing_key_id: None,
        }],
        timestamps: vec![TimestampFile {
            path: text("x.tsr"),
            signed_at: text("t"),
            timestamp_authority: None,
            why_not: Some(text("w")),
        }],
        file_list: Some("intact"),
        changed: vec![ChangedFile { path: text("p"), signed: state("a"), found: state("b") }],
        extra: vec![text("x")],
        missing: vec![text("y")],
        uncovered: vec![UncoveredFile { path: text("u"), hazard: None }],
    };
    let verdict = SourceVerdict {
        source: text("s"),
        id: None,
        signature_status: "invalid",
        signing_key_id: None,
        signing_key_fingerprint: None,
        signers: vec![Signer { signing_key_id: Some(text("k")), signing_key_fingerprint: text("f") }],
        coverage: "none",
        coverage_accepted_from: Vec::new(),
        excluded: Vec::new(),
        canonical_digest: None,
        artifact_digest: None,
        index_digest: None,
        platform: None,
        proofs: Vec::new(),
        objection: None,
        explanation,
    };
    is(
        &verdict,
        concat!(
            r#"{"source":"s","id":null,"signature_status":"invalid","signing_key_id":null,"signing_key_fingerprint":null,"signers":[{"signing_key_id":"k","signing_key_fingerprint":"f"}],"#,
            r#""coverage":"none","canonical_digest":null,"artifact_digest":null,"objection":null,"explanation":{"verdict":"refused","#,
            r#""objection":{"reason_code":"coverage_mismatch","message":"m","expected":"e","found":"f","hint":"h"},"signature_status":"invalid","coverage":"none","checks":[{"gate":"4","name":"m","#,
            r#""result":"passed","evidence":"c"},{"gate":"5","name":"n","result":"failed","evidence":"d","hint":"w"}],"keys":[{"signing_key_id":"k","path":"k.pem","signing_key_fingerprint":"f","verifies":[],"#,
            r#""signed_at":"t","why_not":null}],"skipped_keys":["s"],"signatures":[{"path":"plugin.sig","stated_key_fingerprint":null,"#,
            r#""signing_key_id":null}],"timestamps":[{"path":"x.tsr","signed_at":"t","timestamp_authority":null,"why_not":"w"}],"file_list":"intact","changed":[{"path":"p","signed":{"content_digest":"a","content_bytes":1,"#,
            r#""executable":false},"found":{"content_digest":"b","content_bytes":1,"executable":false}}],"extra":["x"],"missing":["y"],"#,
            r#""uncovered":[{"path":"u","hazard":null}]}}"#
        ),
    );
}
