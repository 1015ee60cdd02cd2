//! The gate's table: verdict × trust mode → decision.

mod common;

use std::cell::Cell;
use std::fs;
use std::num::NonZeroUsize;

use aisoc_manifests::digest::{CanonicalDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::ManifestFile;
use aisoc_signing::{Cause, Claim, Coverage, Keyring, Outcome, SigningKey, Stamped, stamp, verify};
use aisoc_trust::{
    Answered, CoverageRule, Facts, MalformedSignature, Policy, SignatureStatus, TrustMode, Verdict, admit, examine,
    observe,
};
use common::{MANIFEST, Site, claim_with, facts, keyring, now, read, signature_files, signed, tree};

fn claim(subject: &[u8], manifest: &[u8], signature: Option<Vec<u8>>) -> Claim {
    claim_with(subject, manifest, signature.map(|content| ("plugin.sig".to_owned(), content)), &[])
}

/// What the gates about proof say.
fn judge(
    policy: &Policy,
    claim: &Claim,
    prove: impl FnOnce(&Claim) -> Result<Outcome, Fault>,
) -> Result<Verdict, Fault> {
    observe(examine(policy, claim, |claim, _| prove(claim)), None).outcome
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
            Outcome::Untrusted {
                digest: CanonicalDigest::of(b""),
                tried: vec![],
                skipped: vec![],
                cause: Cause::Unknown,
            },
            Reason::SignatureInvalid,
            SignatureStatus::Invalid,
        ),
        (
            Outcome::Untrusted {
                digest: CanonicalDigest::of(b""),
                tried: vec![],
                skipped: vec![],
                cause: Cause::UnknownSigners(vec![
                    format!("SHA256:{}", "ab".repeat(32)).parse().expect("a fingerprint"),
                ]),
            },
            Reason::UntrustedKey,
            SignatureStatus::Invalid,
        ),
        (
            Outcome::UnknownIntegrity(Fault::new(Reason::IntegrityUnknown, "v2")),
            Reason::IntegrityUnknown,
            SignatureStatus::Invalid,
        ),
    ]
}

#[test]
fn strict_refuses_every_verdict_but_the_good_one() {
    for (outcome, reason, _) in verdicts() {
        let refusal =
            judge(&Policy::of(TrustMode::Strict), &claim(b"t", MANIFEST, None), |_| Ok(outcome)).expect_err("no");
        assert_eq!((refusal.reason(), refusal.class().exit_code()), (reason, 3));
    }
}

#[test]
fn what_was_examined_says_what_it_came_to() {
    let claim = claim(b"t", MANIFEST, None);
    let refused = examine(&Policy::default(), &claim, |_, _| Ok(Outcome::Unsigned));
    assert_eq!(refused.refusal().map(Fault::reason), Some(Reason::Unsigned));
    assert!(refused.verdict().is_none());
    let let_in = examine(&Policy::of(TrustMode::Warn), &claim, |_, _| Ok(Outcome::Unsigned));
    assert_eq!(let_in.verdict().map(Verdict::status), Some(SignatureStatus::Unsigned));
    assert!(let_in.refusal().is_none());
}

#[test]
fn a_signature_that_is_not_enough_is_verified_all_the_same() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&key]), &[]);
    let required_signers = NonZeroUsize::new(2).expect("two");
    let policy = Policy { required_signers, coverage: CoverageRule::Code, ..Policy::of(TrustMode::Warn) };
    let examined = examine(&policy, &claim, |claim, _| verify(claim, &ring, now()));
    let verdict = examined.verdict().expect("let in");
    assert_eq!(verdict.status(), SignatureStatus::Verified);
    assert_eq!(verdict.objection().map(Fault::reason), Some(Reason::SignersTooFew));
    assert!(!observe(examine(&policy, &claim, |_, _| Ok(Outcome::Unsigned)), None).trace.is_proved());
}

#[test]
fn warn_lets_in_and_keeps_the_objection() {
    for (outcome, reason, status) in verdicts() {
        let admitted =
            judge(&Policy::of(TrustMode::Warn), &claim(b"t", MANIFEST, None), |_| Ok(outcome)).expect("let in");
        assert_eq!(admitted.status(), status);
        assert_eq!(admitted.objection().expect("kept").reason(), reason);
        assert_eq!((admitted.key_id(), admitted.subject()), (None, TreeDigest::of(b"t")));
    }
}

#[test]
fn the_hosts_own_reading_of_a_malformed_signature_is_a_switch() {
    let policy = Policy { malformed: MalformedSignature::Refused, ..Policy::of(TrustMode::Warn) };
    let malformed = Outcome::Malformed(Fault::new(Reason::SignatureMalformed, "nonsense"));
    let refusal = judge(&policy, &claim(b"t", MANIFEST, None), |_| Ok(malformed)).expect_err("no");
    assert_eq!(refusal.reason(), Reason::SignatureMalformed);
}

#[test]
fn disabled_looks_at_nothing() {
    let asked = Cell::new(false);
    let admitted = judge(&Policy::of(TrustMode::Disabled), &claim(b"t", MANIFEST, None), |_| {
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
        let refusal = judge(&Policy::of(mode), &claim(b"t", MANIFEST, None), unreadable).expect_err("no");
        assert_eq!(refusal.reason(), Reason::ManifestInvalid);
    }
}

#[test]
fn a_good_verdict_lets_in_the_tree_it_is_about_and_no_other() {
    let key = SigningKey::generate().expect("random numbers");
    let (_keys, keyring) = keyring(&[("release", &key)]);
    let signature = String::from_utf8(signed(MANIFEST, &key)).expect("text");
    let good = claim(b"t", MANIFEST, Some(signature.clone().into_bytes()));
    let admitted = judge(&Policy::default(), &good, |claim| verify(claim, &keyring, now())).expect("verified");
    assert_eq!(admitted.status(), SignatureStatus::Verified);
    assert_eq!(admitted.key_id().map(|id| id.as_str()), Some("release"));
    let other = claim(b"another tree", MANIFEST, None);
    let refusal = judge(&Policy::default(), &other, |_| verify(&good, &keyring, now())).expect_err("another tree");
    assert_eq!(refusal.reason(), Reason::Internal);
    // Every bit of the manifest and of the signature counts.
    for at in 0..MANIFEST.len() {
        let mut manifest = MANIFEST.to_vec();
        manifest[at] ^= 1;
        let tampered = claim(b"t", &manifest, Some(signature.clone().into_bytes()));
        let refused = judge(&Policy::default(), &tampered, |claim| verify(claim, &keyring, now()));
        // A comment or a blank more is the same document; here no flip makes one.
        assert!(refused.is_err(), "byte {at} of the manifest");
    }
    for at in 0..signature.len() {
        let mut hex = signature.clone().into_bytes();
        hex[at] = if hex[at] == b'0' { b'1' } else { b'0' };
        let tampered = claim(b"t", MANIFEST, Some(hex));
        assert!(judge(&Policy::default(), &tampered, |claim| verify(claim, &keyring, now())).is_err(), "digit {at}");
    }
}

fn strict(claim: &Claim, keyring: &Keyring) -> Result<Verdict, Fault> {
    judge(&Policy::default(), claim, |claim| verify(claim, keyring, now()))
}

/// A manifest that states a tree of those files.
fn stamped(files: &[&str]) -> Stamped {
    stamp(ManifestFile::Yaml, MANIFEST, &tree(MANIFEST, files)).expect("stamped")
}

#[test]
fn a_second_signer_carries_a_rotation_without_a_gap() {
    let (old, new) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let files = signature_files(MANIFEST, &[&old, &new]);
    let claim = claim_with(b"t", MANIFEST, files, &[]);
    for keys in [vec![("old", &old)], vec![("new", &new)], vec![("a-old", &old), ("new", &new)]] {
        let (_directory, keyring) = keyring(&keys);
        let admitted = strict(&claim, &keyring).expect("verified");
        assert_eq!(admitted.key_id().map(|id| id.as_str()), Some(keys[0].0));
        assert_eq!(admitted.signers().len(), keys.len());
    }
}

#[test]
fn a_threshold_counts_distinct_keys_and_not_names_or_files() {
    let (one, two) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let (_directory, keyring) = keyring(&[("one", &one), ("one-again", &one), ("two", &two)]);
    let policy = Policy { required_signers: NonZeroUsize::new(2).expect("two"), ..Policy::default() };
    let by = |keys: &[&SigningKey]| claim_with(b"t", MANIFEST, signature_files(MANIFEST, keys), &[]);
    let refusal = judge(&policy, &by(&[&one]), |claim| verify(claim, &keyring, now())).expect_err("one key");
    assert_eq!(refusal.reason(), Reason::SignersTooFew);
    assert!(refusal.difference().expect("values").found.starts_with("1: one"), "{refusal:?}");
    let admitted = judge(&policy, &by(&[&one, &two]), |claim| verify(claim, &keyring, now())).expect("two keys");
    assert_eq!(admitted.signers().len(), 2);
}

#[test]
fn a_signature_that_names_a_trusted_key_and_is_not_its_own_refuses_all() {
    let (one, two) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let (_directory, keyring) = keyring(&[("one", &one), ("two", &two)]);
    let mut files = signature_files(MANIFEST, &[&one]);
    files.push((format!("plugin.sig.d/{}.sig", two.public_key().fingerprint().hex()), signed(MANIFEST, &one)));
    let refusal = strict(&claim_with(b"t", MANIFEST, files, &[]), &keyring).expect_err("contradicted");
    assert_eq!(refusal.reason(), Reason::SignatureInvalid);
}

#[test]
fn a_first_signature_that_nobody_made_refuses_all() {
    let (one, stranger) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let (_directory, keyring) = keyring(&[("one", &one)]);
    let mut files = signature_files(MANIFEST, &[&one]);
    let (_, first) = files.last_mut().expect("plugin.sig");
    first[5] = if first[5] == b'0' { b'1' } else { b'0' };
    let refusal = strict(&claim_with(b"t", MANIFEST, files, &[]), &keyring).expect_err("changed");
    assert_eq!(refusal.reason(), Reason::SignatureInvalid);
    // Signed again by a program that knows `plugin.sig` alone: what it signed is verified.
    let mut files = signature_files(MANIFEST, &[&stranger]);
    *files.last_mut().expect("plugin.sig") = ("plugin.sig".to_owned(), signed(MANIFEST, &one));
    assert_eq!(strict(&claim_with(b"t", MANIFEST, files, &[]), &keyring).expect("verified").signers().len(), 1);
}

#[test]
fn the_reasons_for_no_tell_themselves_apart() {
    let (key, stranger) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let (directory, ring) = keyring(&[("release", &key)]);
    let covered = ["rules/a.yaml"];
    let Stamped { manifest, list, .. } = stamped(&covered);
    let files = || signature_files(&manifest, &[&key]);
    let listed = || files().into_iter().chain([("plugin.sig.d/files".to_owned(), list.clone())]);
    let reason = |claim: &Claim, ring: &Keyring| strict(claim, ring).expect_err("no").reason();

    let good = claim_with(b"t", &manifest, listed(), &covered);
    assert_eq!(strict(&good, &ring).expect("verified").coverage(), Coverage::Full);

    assert_eq!(reason(&claim_with(b"t", &manifest, [], &covered), &ring), Reason::Unsigned);
    let by_stranger = claim_with(b"t", &manifest, signature_files(&manifest, &[&stranger]), &covered);
    assert_eq!(reason(&by_stranger, &ring), Reason::UntrustedKey);
    let edited = [&manifest[..], b"extra: 1\n"].concat();
    assert_eq!(reason(&claim_with(b"t", &edited, listed(), &covered), &ring), Reason::SignatureInvalid);

    let refusal = strict(&claim_with(b"t", &manifest, listed(), &["rules/a.yaml", "x.so"]), &ring).expect_err("added");
    assert_eq!(refusal.reason(), Reason::CoverageMismatch);
    assert!(refusal.message().contains("`x.so`"), "{refusal}");
    let refusal = strict(&claim_with(b"t", &manifest, listed(), &[]), &ring).expect_err("missing");
    assert!(refusal.message().contains("`rules/a.yaml`"), "{refusal}");
    let unlisted = strict(&claim_with(b"t", &manifest, files(), &[]), &ring).expect_err("missing, and no list");
    assert_eq!(unlisted.reason(), Reason::CoverageMismatch);

    for (notes, expected) in [
        (r#"{"schema_version":1,"revoked_at":"2026-01-01T00:00:00Z"}"#, Reason::KeyRevoked),
        (r#"{"schema_version":1,"not_after":"2026-05-31T00:00:00Z"}"#, Reason::KeyExpired),
        (r#"{"schema_version":1,"not_before":"2026-07-01T00:00:00Z"}"#, Reason::KeyNotYetValid),
    ] {
        fs::write(directory.path().join("release.json"), notes).expect("written");
        assert_eq!(reason(&good, &read(directory.path())), expected, "{notes}");
    }
}

#[test]
fn a_revoked_key_is_revoked_under_every_name_and_a_second_signer_still_counts() {
    let (leaked, other) = (SigningKey::generate().expect("random"), SigningKey::generate().expect("random"));
    let (directory, _) = keyring(&[("a-copy", &leaked), ("leaked", &leaked), ("other", &other)]);
    let notes = r#"{"schema_version":1,"revoked_at":"2026-01-01T00:00:00Z","reason":"laptop stolen"}"#;
    fs::write(directory.path().join("leaked.json"), notes).expect("written");
    let ring = read(directory.path());
    let alone = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&leaked]), &[]);
    assert_eq!(strict(&alone, &ring).expect_err("revoked").reason(), Reason::KeyRevoked);
    let both = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&leaked, &other]), &[]);
    assert_eq!(strict(&both, &ring).expect("verified").key_id().map(|id| id.as_str()), Some("other"));
}

#[test]
fn what_a_signature_of_the_code_leaves_uncovered_decides_under_the_default_rule() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let with = |files: &[&str]| claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&key]), files);
    let by_rule = |coverage, files: &[&str]| {
        judge(&Policy { coverage, ..Policy::default() }, &with(files), |claim| verify(claim, &ring, now()))
    };
    let documents = ["README.md", "LICENSE"];
    assert_eq!(by_rule(CoverageRule::InertRest, &documents).expect("inert").coverage(), Coverage::Code);
    for hazard in ["lib.so", "x.pth", "__pycache__/p.pyc", "rules/a.yaml", "aisoc-plugin.json", "plugin.PY"] {
        let refusal = by_rule(CoverageRule::InertRest, &["README.md", hazard]).expect_err(hazard);
        assert_eq!(refusal.reason(), Reason::CoveragePartial);
        assert!(refusal.message().contains(hazard), "{refusal}");
        assert_eq!(by_rule(CoverageRule::Code, &[hazard]).expect("asked for").coverage(), Coverage::Code);
    }
    assert_eq!(by_rule(CoverageRule::Full, &[]).expect_err("partial").reason(), Reason::CoveragePartial);
    let admitted = judge(&Policy::of(TrustMode::Warn), &with(&["lib.so"]), |claim| verify(claim, &ring, now()));
    let admitted = admitted.expect("let in");
    assert_eq!(admitted.status(), SignatureStatus::Verified);
    assert_eq!(admitted.objection().expect("kept").reason(), Reason::CoveragePartial);
}

#[test]
fn no_mode_that_verifies_lets_less_in_than_was_verified_before() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let partial = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&key]), &[]);
    let Stamped { manifest, .. } = stamped(&["lib.so"]);
    let whole = claim_with(b"t", &manifest, signature_files(&manifest, &[&key]), &["lib.so"]);
    let unsigned = claim_with(b"t", MANIFEST, Vec::new(), &[]);
    let held = |mode, claim: &Claim, floor| {
        let policy = Policy { coverage: CoverageRule::Code, is_unsigned_acknowledged: true, ..Policy::of(mode) };
        let examined = examine(&policy, claim, |claim, _| verify(claim, &ring, now()));
        admit(examined, &Site(facts(Ok(floor)))).outcome.map(drop).map_err(|refusal| refusal.reason())
    };
    let downgrade = Err(Reason::CoverageDowngrade);
    for mode in [TrustMode::Strict, TrustMode::Warn] {
        for floor in [Coverage::None, Coverage::Code, Coverage::Full] {
            assert_eq!(held(mode, &whole, floor), Ok(()));
            assert_eq!(held(mode, &partial, floor), if floor == Coverage::Full { downgrade } else { Ok(()) });
        }
    }
    assert_eq!(held(TrustMode::Warn, &unsigned, Coverage::None), Ok(()));
    assert_eq!(held(TrustMode::Warn, &unsigned, Coverage::Code), downgrade);
    assert_eq!(held(TrustMode::Disabled, &unsigned, Coverage::Full), Ok(()), "nothing was read");
}

fn floor_unknown() -> Result<Coverage, Fault> {
    Err(Fault::new(Reason::RecordInvalid, "nobody can tell"))
}

#[test]
fn a_floor_that_nobody_can_tell_refuses_in_every_mode() {
    for mode in [TrustMode::Strict, TrustMode::Warn, TrustMode::Disabled] {
        for lowers_floor in [false, true] {
            let key = SigningKey::generate().expect("random");
            let (_directory, ring) = keyring(&[("release", &key)]);
            let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&key]), &[]);
            let policy = Policy { coverage: CoverageRule::Code, ..Policy::of(mode) };
            let examined = examine(&policy, &claim, |claim, _| verify(claim, &ring, now()));
            let site = Site(Facts { lowers_floor, ..facts(floor_unknown()) });
            let refused = admit(examined, &site).outcome.map(drop).map_err(|refusal| refusal.reason());
            // What nobody has read is no ground to lower anything.
            let may_lower = lowers_floor && mode != TrustMode::Disabled;
            assert_eq!(refused, if may_lower { Ok(()) } else { Err(Reason::RecordInvalid) }, "{mode} {lowers_floor}");
        }
    }
}

#[test]
fn a_second_spelling_refuses_whatever_the_mode_and_behind_the_floor() {
    for mode in [TrustMode::Warn, TrustMode::Disabled] {
        let other_spelling = Some(Fault::new(Reason::AlreadyExists, "the plugin `demo-one` is installed"));
        let facts = Facts { other_spelling, ..facts(floor_unknown()) };
        let examined = examine(&Policy::of(mode), &claim(b"t", MANIFEST, None), |_, _| Ok(Outcome::Unsigned));
        let decision = admit(examined, &Site(facts));
        let refusal = decision.outcome.expect_err("two");
        assert_eq!(refusal.reason(), Reason::RecordInvalid);
        // What else is refused is said at once, behind it, in the order of the gates.
        let floor = floor_unknown().expect_err("nobody can tell");
        assert_eq!(refusal.message(), format!("{floor}; and the plugin `demo-one` is installed"));
        assert_eq!(refusal.next_step(), format!("{}; {}", floor.next_step(), Reason::AlreadyExists.remedy()));
        let failed = decision.trace.steps().iter().filter(|step| step.answered == Answered::Failed);
        let failed: Vec<_> = failed.map(|step| (step.number, step.name)).collect();
        let expected = [("5", "coverage floor"), ("8", "one plugin of the id")];
        assert!(failed.ends_with(&expected), "{failed:?}");
    }
}

#[test]
fn the_trace_is_the_order_in_which_the_gates_were_asked() {
    let words = |answers: &[Answered]| answers.iter().map(|answer| answer.as_str()).collect::<Vec<_>>();
    let (passed, failed, not_reached) = (Answered::Passed, Answered::Failed, Answered::NotReached);
    for (outcome, at) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3)] {
        let (outcome, reason, _) = verdicts().swap_remove(outcome);
        let examined = examine(&Policy::default(), &claim(b"t", MANIFEST, None), |_, _| Ok(outcome));
        let decision = observe(examined, None);
        // What a site lets no plugin ask for is asked before, and whose plugins it takes behind.
        let mut expected = vec![passed; 3 + at];
        expected.push(failed);
        expected.resize(10, not_reached);
        let answers: Vec<_> = decision.trace.steps().iter().map(|step| step.answered).collect();
        assert_eq!(words(&answers), words(&expected), "{reason}");
        let step = &decision.trace.steps()[3 + at];
        assert_eq!((step.reason, step.remedy.is_some()), (Some(reason), true));
    }
    // The form in which a tree is stated is judged before any key is tried.
    let unknown = || Outcome::UnknownIntegrity(Fault::new(Reason::IntegrityUnknown, "v9"));
    let examined = examine(&Policy::default(), &claim(b"t", MANIFEST, None), |_, _| Ok(unknown()));
    let answers: Vec<_> = observe(examined, None).trace.steps().iter().map(|step| step.answered).collect();
    assert_eq!(
        words(&answers),
        words(&[passed, passed, passed, passed, passed, passed, not_reached, failed, not_reached, not_reached])
    );
}
