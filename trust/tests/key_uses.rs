//! What a key is trusted for, as the gates see it: its scope, what it has to cover, and where it stands.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{Circumstances, Claim, Coverage, Keyring, Origin, SigningKey, examine as prove, verify};
use aisoc_trust::{CoverageRule, Policy, TrustMode, Verdict, examine, observe};
use common::{MANIFEST, claim_with, keyring, now, read, signature_files};

#[expect(dead_code, reason = "the facts of a site, of which other tests ask")]
mod common;

fn key() -> SigningKey {
    SigningKey::generate().expect("random")
}

fn by(policy: &Policy, claim: &Claim, ring: &Keyring, origin: Origin) -> Result<Verdict, Fault> {
    let circumstances = Circumstances { at: now(), origin };
    observe(examine(policy, claim, |claim, findings| prove(claim, ring, &circumstances, findings)), None).outcome
}

fn strict(claim: &Claim, ring: &Keyring) -> Result<Verdict, Fault> {
    by(&Policy::default(), claim, ring, Origin::unknown())
}

fn note(directory: &Path, name: &str, content: &str) {
    fs::write(directory.join(format!("{name}.json")), content).expect("written");
}

/// Moves a key to another place.
fn set_aside(directory: &Path, name: &str, place: &str) {
    fs::create_dir_all(directory.join(place)).expect("made");
    let file = format!("{name}.pem");
    fs::rename(directory.join(&file), directory.join(place).join(&file)).expect("moved");
}

#[test]
fn a_key_out_of_its_scope_is_refused_with_what_it_is_for_and_what_it_was_asked_for() {
    let release = key();
    let (directory, _) = keyring(&[("release", &release)]);
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&release]), &[]);
    for (scope, origin, found) in [
        (r#"{"plugins":["acme.*"]}"#, Origin::unknown(), Some(("`acme.*`", "`demo.one`"))),
        (r#"{"plugins":["demo.*"]}"#, Origin::unknown(), None),
        (r#"{"repositories":["ghcr.io/acme"]}"#, Origin::recorded("ghcr.io/acme/demo:1"), None),
        (
            r#"{"repositories":["ghcr.io/acme"]}"#,
            Origin::recorded("ghcr.io/evil/demo:1"),
            Some(("`ghcr.io/acme`", "ghcr.io/evil/demo")),
        ),
        (r#"{"repositories":["ghcr.io"]}"#, Origin::unknown(), Some(("`ghcr.io`", "no registry that is known"))),
    ] {
        note(directory.path(), "release", &format!(r#"{{"schema_version":2,"scope":{scope}}}"#));
        let verdict = by(&Policy::default(), &claim, &read(directory.path()), origin);
        match (verdict, found) {
            (Ok(verdict), None) => assert_eq!(verdict.key_id().map(|id| id.as_str()), Some("release")),
            (Err(fault), Some((expected, found))) => {
                assert_eq!(fault.reason(), Reason::KeyOutOfScope, "{scope}");
                let difference = fault.difference().expect("two values");
                assert_eq!((difference.expected.as_str(), difference.found.as_str()), (expected, found), "{scope}");
            }
            (verdict, _) => panic!("{scope}: {verdict:?}"),
        }
    }
    note(directory.path(), "release", r#"{"schema_version":2,"may_sign":["keyset"]}"#);
    assert_eq!(strict(&claim, &read(directory.path())).expect_err("keysets").reason(), Reason::KeyOutOfScope);
}

#[test]
fn a_second_signer_in_scope_still_counts_and_one_out_of_it_makes_no_threshold() {
    let (here, elsewhere) = (key(), key());
    let (directory, _) = keyring(&[("elsewhere", &elsewhere), ("here", &here)]);
    note(directory.path(), "elsewhere", r#"{"schema_version":2,"scope":{"plugins":["acme-*"]}}"#);
    let ring = read(directory.path());
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&elsewhere, &here]), &[]);
    let verdict = strict(&claim, &ring).expect("verified");
    assert_eq!(verdict.signers().len(), 1);
    assert_eq!(verdict.known_by().collect::<Vec<_>>(), [here.public_key().fingerprint()], "nobody is known by it");
    let two = Policy { required_signers: NonZeroUsize::new(2).expect("two"), ..Policy::default() };
    let refusal = by(&two, &claim, &ring, Origin::unknown()).expect_err("one");
    assert_eq!(refusal.reason(), Reason::SignersTooFew);
}

#[test]
fn a_note_may_accept_code_alone_but_never_below_a_site_that_asks_for_every_file() {
    let (old, other) = (key(), key());
    let (directory, _) = keyring(&[("old", &old), ("other", &other)]);
    note(directory.path(), "old", r#"{"schema_version":2,"coverage":"code"}"#);
    let ring = read(directory.path());
    let with = |keys: &[&SigningKey]| claim_with(b"t", MANIFEST, signature_files(MANIFEST, keys), &["lib.so"]);
    let judged = |coverage, required, keys: &[&SigningKey]| {
        let required_signers = NonZeroUsize::new(required).expect("some");
        let policy = Policy { coverage, required_signers, ..Policy::of(TrustMode::Strict) };
        by(&policy, &with(keys), &ring, Origin::unknown()).map(|verdict| verdict.coverage()).map_err(|it| it.reason())
    };
    assert_eq!(judged(CoverageRule::InertRest, 1, &[&old]), Ok(Coverage::Code));
    assert_eq!(judged(CoverageRule::InertRest, 1, &[&other]), Err(Reason::CoveragePartial));
    assert_eq!(judged(CoverageRule::InertRest, 1, &[&other, &old]), Ok(Coverage::Code));
    assert_eq!(judged(CoverageRule::InertRest, 2, &[&other, &old]), Err(Reason::CoveragePartial), "one of two");
    assert_eq!(judged(CoverageRule::Full, 1, &[&old]), Err(Reason::CoveragePartial), "the site's floor");
    assert_eq!(judged(CoverageRule::Code, 2, &[&other, &old]), Ok(Coverage::Code));
}

#[test]
fn a_note_may_demand_every_file_of_its_own_key() {
    let (strict_one, other) = (key(), key());
    let (directory, _) = keyring(&[("other", &other), ("strict", &strict_one)]);
    note(directory.path(), "strict", r#"{"schema_version":2,"coverage":"full"}"#);
    let ring = read(directory.path());
    let with = |keys: &[&SigningKey]| claim_with(b"t", MANIFEST, signature_files(MANIFEST, keys), &["README.md"]);
    let refusal = strict(&with(&[&strict_one]), &ring).expect_err("short");
    assert_eq!(refusal.reason(), Reason::CoveragePartial);
    assert!(refusal.message().contains("key `strict`"), "{refusal}");
    let verdict = strict(&with(&[&strict_one, &other]), &ring).expect("the other one");
    assert_eq!(verdict.signers().iter().map(|it| it.key_id.as_str()).collect::<Vec<_>>(), ["other"]);
    assert_eq!(verdict.known_by().collect::<Vec<_>>(), [other.public_key().fingerprint()]);
}

#[test]
fn a_key_that_was_set_aside_says_why_nobody_vouches_any_more() {
    let (gone, other) = (key(), key());
    for (place, reason, said) in [
        ("revoked", Reason::KeyRevoked, "was revoked"),
        ("retired", Reason::UntrustedKey, "was retired"),
        ("staged", Reason::UntrustedKey, "is staged"),
    ] {
        let (directory, _) = keyring(&[("gone", &gone), ("other", &other)]);
        set_aside(directory.path(), "gone", place);
        let ring = read(directory.path());
        let bare = |keys: &[&SigningKey]| {
            let first = signature_files(MANIFEST, keys).pop().expect("plugin.sig");
            claim_with(b"t", MANIFEST, [first], &[])
        };
        let named = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&gone]), &[]);
        for claim in [&named, &bare(&[&gone])] {
            let refusal = strict(claim, &ring).expect_err(place);
            assert_eq!(refusal.reason(), reason, "{place}: {refusal:?}");
            assert!(refusal.message().contains("`gone`") && refusal.message().contains(said), "{refusal}");
        }
        let both = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&gone, &other]), &[]);
        let verdict = strict(&both, &ring).expect("the other one counts");
        assert_eq!(verdict.signers().len(), 1, "{place}");
        // The key alone, and no trusted one beside it.
        fs::remove_file(directory.path().join("other.pem")).expect("removed");
        let alone = strict(&named, &read(directory.path())).expect_err(place);
        assert_eq!(alone.reason(), reason, "{place}: {alone:?}");
        let stranger = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&other]), &[]);
        let nobody = strict(&stranger, &read(directory.path())).expect_err(place);
        assert_eq!(nobody.reason(), Reason::NoTrustedKeys, "{place}: {nobody:?}");
    }
}

#[test]
fn what_a_set_aside_key_did_not_sign_is_no_contradiction() {
    let (gone, other) = (key(), key());
    let (directory, _) = keyring(&[("gone", &gone), ("other", &other)]);
    set_aside(directory.path(), "gone", "retired");
    let elsewhere = signature_files(b"id: another\nname: A\nversion: \"1\"\nplugin_type: enricher\n", &[&gone]);
    let stale = elsewhere.into_iter().filter(|(name, _)| name != "plugin.sig");
    let files = signature_files(MANIFEST, &[&other]).into_iter().chain(stale);
    let claim = claim_with(b"t", MANIFEST, files, &[]);
    let verdict =
        observe(examine(&Policy::default(), &claim, |claim, _| verify(claim, &read(directory.path()), now())), None);
    assert_eq!(verdict.outcome.expect("verified").signers().len(), 1, "as a key that nobody knows");
}
