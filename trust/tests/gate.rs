//! The gate's table: verdict × trust mode → decision.

use std::cell::Cell;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_signing::{Claim, Keyring, Outcome, Overwrite, SigningKey, sign, verify, write_key_pair};
use aisoc_trust::{MalformedSignature, Policy, SignatureStatus, TrustMode, admit};

const MANIFEST: &[u8] = b"id: demo.one\nname: D\nversion: \"1\"\nplugin_type: enricher\n";

fn claim(subject: &[u8], manifest: &[u8], signature: Option<Vec<u8>>) -> Claim {
    Claim::new(Digest::of(subject), ManifestFile::Yaml, manifest.to_vec(), PythonFiles::default(), signature)
}

/// What each verdict but the good one becomes in strict mode, and its word in warn mode.
fn verdicts() -> Vec<(Outcome, Reason, SignatureStatus)> {
    let malformed = Fault::new(Reason::SignatureMalformed, "nonsense");
    vec![
        (Outcome::Unsigned, Reason::Unsigned, SignatureStatus::Unsigned),
        (Outcome::Malformed(malformed), Reason::SignatureMalformed, SignatureStatus::Invalid),
        (
            Outcome::NoTrustedKeys { directory: "keys".into(), skipped: vec![] },
            Reason::NoTrustedKeys,
            SignatureStatus::Invalid,
        ),
        (
            Outcome::Untrusted { digest: Digest::of(b""), tried: vec![] },
            Reason::SignatureInvalid,
            SignatureStatus::Invalid,
        ),
    ]
}

#[test]
fn strict_refuses_every_verdict_but_the_good_one() {
    for (outcome, reason, _) in verdicts() {
        let refusal =
            admit(&Policy::of(TrustMode::Strict), &claim(b"t", MANIFEST, None), |_| Ok(outcome)).expect_err("no");
        assert_eq!((refusal.reason(), refusal.class().exit_code()), (reason, 3));
    }
}

#[test]
fn warn_lets_in_and_keeps_the_objection() {
    for (outcome, reason, status) in verdicts() {
        let admitted =
            admit(&Policy::of(TrustMode::Warn), &claim(b"t", MANIFEST, None), |_| Ok(outcome)).expect("let in");
        assert_eq!(admitted.status(), status);
        assert_eq!(admitted.objection().expect("kept").reason(), reason);
        assert_eq!((admitted.key_id(), admitted.subject()), (None, Digest::of(b"t")));
    }
}

#[test]
fn the_hosts_own_reading_of_a_malformed_signature_is_a_switch() {
    let policy = Policy { mode: TrustMode::Warn, malformed: MalformedSignature::Refused };
    let malformed = Outcome::Malformed(Fault::new(Reason::SignatureMalformed, "nonsense"));
    let refusal = admit(&policy, &claim(b"t", MANIFEST, None), |_| Ok(malformed)).expect_err("no");
    assert_eq!(refusal.reason(), Reason::SignatureMalformed);
}

#[test]
fn disabled_looks_at_nothing() {
    let asked = Cell::new(false);
    let admitted = admit(&Policy::of(TrustMode::Disabled), &claim(b"t", MANIFEST, None), |_| {
        asked.set(true);
        Ok(Outcome::Unsigned)
    });
    assert_eq!(admitted.expect("let in").status(), SignatureStatus::Skipped);
    assert!(!asked.get());
}

#[test]
fn nothing_to_judge_is_a_refusal_in_every_mode_that_verifies() {
    for mode in [TrustMode::Strict, TrustMode::Warn] {
        let unreadable = |_: &Claim| Err(Fault::new(Reason::ManifestInvalid, "unreadable"));
        let refusal = admit(&Policy::of(mode), &claim(b"t", MANIFEST, None), unreadable).expect_err("no");
        assert_eq!(refusal.reason(), Reason::ManifestInvalid);
    }
}

#[test]
fn a_good_verdict_lets_in_the_tree_it_is_about_and_no_other() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = SigningKey::generate().expect("random numbers");
    write_key_pair(&keys.path().join("release"), &key, Overwrite::Refuse).expect("written");
    let keyring = Keyring::read(keys.path()).expect("readable");
    let signature = sign(claim(b"t", MANIFEST, None).statement().expect("a statement"), &key).signature().to_hex();
    let good = claim(b"t", MANIFEST, Some(signature.clone().into_bytes()));
    let admitted = admit(&Policy::default(), &good, |claim| verify(claim, &keyring)).expect("verified");
    assert_eq!(admitted.status(), SignatureStatus::Verified);
    assert_eq!(admitted.key_id().map(|id| id.as_str()), Some("release"));
    let other = claim(b"another tree", MANIFEST, None);
    let refusal = admit(&Policy::default(), &other, |_| verify(&good, &keyring)).expect_err("another tree");
    assert_eq!(refusal.reason(), Reason::Internal);
    // Every bit of the manifest and of the signature counts.
    for at in 0..MANIFEST.len() {
        let mut manifest = MANIFEST.to_vec();
        manifest[at] ^= 1;
        let tampered = claim(b"t", &manifest, Some(signature.clone().into_bytes()));
        let refused = admit(&Policy::default(), &tampered, |claim| verify(claim, &keyring));
        // A comment or a blank more is the same document; here no flip makes one.
        assert!(refused.is_err(), "byte {at} of the manifest");
    }
    for at in 0..signature.len() {
        let mut hex = signature.clone().into_bytes();
        hex[at] = if hex[at] == b'0' { b'1' } else { b'0' };
        let tampered = claim(b"t", MANIFEST, Some(hex));
        assert!(admit(&Policy::default(), &tampered, |claim| verify(claim, &keyring)).is_err(), "digit {at}");
    }
}
