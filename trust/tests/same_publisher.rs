//! The gates that bind a plugin to its publisher and to its past: the same signer, and no older version.

mod common;

use std::collections::BTreeSet;

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::Reason;
use aisoc_signing::{Coverage, Keyring, SigningKey, verify};
use aisoc_trust::{
    Consent, CoverageRule, Facts, InPlace, KnownSigner, Policy, SignedBy, TrustMode, admit, examine, observe,
};
use common::{MANIFEST, Site, claim_with, facts, keyring, now, signature_files};

fn known(name: &str, key: &SigningKey) -> KnownSigner {
    KnownSigner { key_id: name.to_owned(), fingerprint: key.public_key().fingerprint() }
}

fn by(signers: &[KnownSigner]) -> SignedBy {
    SignedBy::recorded(signers.to_vec(), None)
}

fn in_place(version: Option<&str>, signers: SignedBy) -> InPlace {
    InPlace {
        recorded: Some(TreeDigest::of(b"before")),
        damaged_record: None,
        version: version.map(str::to_owned),
        signers,
        is_gone: false,
        capabilities: Some(BTreeSet::new()),
    }
}

/// What the gates say of version 1, signed by `keys`, where that stands.
fn beside(in_place: InPlace, consent: Consent, keys: &[&SigningKey], ring: &Keyring) -> Result<(), (Reason, String)> {
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, keys), &[]);
    let policy = Policy { coverage: CoverageRule::Code, ..Policy::default() };
    let examined = examine(&policy, &claim, |claim, _| verify(claim, ring, now()));
    let facts = Facts { in_place: Some(in_place), consent, ..facts(Ok(Coverage::None)) };
    let outcome = admit(examined, &Site(facts)).outcome.map(drop);
    outcome.map_err(|refusal| (refusal.reason(), format!("{refusal:?}")))
}

#[test]
fn one_signer_of_what_is_installed_has_signed_what_replaces_it() {
    let [old, new] = [(); 2].map(|()| SigningKey::generate().expect("random"));
    let (_directory, ring) = keyring(&[("old", &old), ("new", &new)]);
    let named = || SignedBy::recorded(Vec::new(), Some("old".to_owned()));
    for (signers, keys, is_same) in [
        (by(&[known("old", &old)]), &[&old][..], true),
        (by(&[known("old", &old)]), &[&new], false),
        (by(&[known("old", &old)]), &[&new, &old], true),
        (by(&[known("old", &old), known("new", &new)]), &[&new], true),
        // A name is no key, and what is not known is not nobody.
        (named(), &[&old], false),
        (SignedBy::not_known(), &[&old], false),
        (SignedBy::default(), &[&new], true),
    ] {
        let place = || in_place(Some("1"), signers.clone());
        let refused = beside(place(), Consent::default(), keys, &ring);
        assert_eq!(
            refused.as_ref().map_err(|(reason, _)| *reason),
            if is_same { Ok(&()) } else { Err(Reason::SignerChanged) }
        );
        assert!(refused.is_ok() || refused.expect_err("refused").1.contains(&signers.to_string()), "{signers}");
        let consent = Consent { signer_change: true, ..Consent::default() };
        assert_eq!(beside(place(), consent, keys, &ring), Ok(()), "{signers}");
    }
    let words = |signers: SignedBy| signers.to_string();
    let [first, second] = [known("old", &old), known("new", &new)];
    assert_eq!(words(by(&[])), "signed by nobody whose key is known");
    assert_eq!(words(SignedBy::not_known()), "signed, by whom is not known");
    assert_eq!(words(named()), "signed by key `old`, of which the name alone was written down");
    let both = format!("signed by key `old` ({}) and key `new` ({})", first.fingerprint, second.fingerprint);
    assert_eq!(words(by(&[first, second])), both);
}

#[test]
fn signers_that_are_found_are_added_once_and_those_that_join_are_told() {
    let [old, new] = [(); 2].map(|()| SigningKey::generate().expect("random"));
    let (_directory, ring) = keyring(&[("old", &old), ("new", &new)]);
    let mut signers = by(&[known("old", &old)]);
    signers.and_found([known("same key", &old), known("new", &new)]);
    assert_eq!(signers.signers(), [known("old", &old), known("new", &new)]);
    assert!(signers.include(new.public_key().fingerprint()) && signers.is_signed());
    assert!(!by(&[known("old", &old)]).include(new.public_key().fingerprint()));
    assert!(!SignedBy::default().is_signed() && SignedBy::not_known().is_signed());
    assert!(SignedBy::recorded(Vec::new(), Some("old".to_owned())).is_signed());
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, &[&old, &new]), &[]);
    let policy = Policy { coverage: CoverageRule::Code, ..Policy::default() };
    let verdict =
        observe(examine(&policy, &claim, |claim, _| verify(claim, &ring, now())), None).outcome.expect("verified");
    assert_eq!(by(&[known("old", &old)]).added_by(&verdict), [known("new", &new)]);
    assert_eq!(signers.added_by(&verdict), []);
    assert_eq!(SignedBy::default().added_by(&verdict), [], "nobody had signed it, and everybody is new");
}

#[test]
fn no_older_version_replaces_a_newer_one_and_the_same_tree_replaces_nothing() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let signers = || by(&[known("release", &key)]);
    let said = |version: Option<&str>, consent| beside(in_place(version, signers()), consent, &[&key], &ring);
    let downgrade = Consent { downgrade: true, ..Consent::default() };
    for (version, is_older) in
        [(Some("0.9"), false), (Some("1.0.0"), false), (Some("1.0.1"), true), (Some("nightly"), true), (None, true)]
    {
        let refused = said(version, Consent::default()).map_err(|(reason, _)| reason);
        assert_eq!(refused, if is_older { Err(Reason::VersionDowngrade) } else { Ok(()) }, "{version:?}");
        assert_eq!(said(version, downgrade.clone()), Ok(()), "{version:?}");
    }
    assert!(said(Some("1.0.1"), Consent::default()).expect_err("older").1.contains("1.0.1 → 1"));
    // Nobody's directory has no version, and is in nobody's way.
    let nobodys = in_place(None, SignedBy::default());
    assert_eq!(beside(nobodys, Consent::default(), &[&key], &ring), Ok(()));
    let gone = InPlace { is_gone: true, ..in_place(Some("1.0.1"), signers()) };
    assert!(beside(gone, Consent::default(), &[&key], &ring).expect_err("older").1.contains("whose directory is gone"));
    let same = InPlace { recorded: Some(TreeDigest::of(b"t")), ..in_place(Some("9"), SignedBy::not_known()) };
    assert_eq!(beside(same, Consent::default(), &[&key], &ring), Ok(()));
}

/// As [`signature_files`], of nobody as well.
fn files_of(keys: &[&SigningKey]) -> Vec<(String, Vec<u8>)> {
    if keys.is_empty() { Vec::new() } else { signature_files(MANIFEST, keys) }
}

#[test]
fn the_tree_in_place_is_looked_at_where_what_is_known_does_not_settle_who_signed() {
    let [old, new] = [(); 2].map(|()| SigningKey::generate().expect("random"));
    let (_directory, ring) = keyring(&[("old", &old), ("new", &new)]);
    let asks = |policy: &Policy, keys: &[&SigningKey], in_place: InPlace| {
        let claim = claim_with(b"t", MANIFEST, files_of(keys), &[]);
        let examined = examine(policy, &claim, |claim, _| verify(claim, &ring, now()));
        examined.asks_who_signed(&Facts { in_place: Some(in_place), ..facts(Ok(Coverage::None)) })
    };
    let policy = |mode| Policy { coverage: CoverageRule::Code, ..Policy::of(mode) };
    let place = || in_place(Some("1"), by(&[known("old", &old)]));
    let (strict, warn, disabled) = (policy(TrustMode::Strict), policy(TrustMode::Warn), policy(TrustMode::Disabled));
    assert!(!asks(&strict, &[&old], place()), "he is known");
    assert!(asks(&strict, &[&new], place()) && asks(&strict, &[&old, &new], place()), "one of them is new");
    assert!(asks(&warn, &[], place()), "nobody has signed what comes");
    assert!(!asks(&disabled, &[&new], place()), "nobody looks");
    assert!(!asks(&strict, &[&new], InPlace { is_gone: true, ..place() }), "there is nothing to look at");
    assert!(
        !asks(&strict, &[&new], InPlace { recorded: Some(TreeDigest::of(b"t")), ..place() }),
        "nothing is replaced"
    );
}

#[test]
fn who_is_asked_for_no_signer_is_who_reads_none_or_has_accepted_the_loss() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let said = |mode, keys: &[&SigningKey], lowers_floor| {
        let claim = claim_with(b"t", MANIFEST, files_of(keys), &[]);
        let policy = Policy { coverage: CoverageRule::Code, is_unsigned_acknowledged: true, ..Policy::of(mode) };
        let examined = examine(&policy, &claim, |claim, _| verify(claim, &ring, now()));
        let in_place = Some(in_place(Some("1"), SignedBy::not_known()));
        let site = Site(Facts { in_place, lowers_floor, ..facts(Ok(Coverage::None)) });
        let decision = admit(examined, &site);
        (decision.outcome.map(drop).map_err(|fault| fault.reason()), decision.trace.steps().len())
    };
    let changed = Err(Reason::SignerChanged);
    assert_eq!(said(TrustMode::Warn, &[], false), (changed, 16));
    assert_eq!(said(TrustMode::Warn, &[], true), (Ok(()), 16));
    assert_eq!(said(TrustMode::Warn, &[&key], true), (changed, 16), "somebody else is no loss");
    assert_eq!(said(TrustMode::Disabled, &[&key], false), (Ok(()), 16), "each gate is named, asked or not");
}
