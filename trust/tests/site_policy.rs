//! The gates about what a site wants of every plugin: what it may ask for, whose it is, and whether somebody has to
//! have said something before it comes.

mod common;
mod lock_gate;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{Claim, Coverage, Keyring, Outcome, SigningKey, verify};
use aisoc_trust::{
    Answered, CapabilityConsent, Consent, CoverageRule, Decision, Errand, Facts, InPlace, NUMBERED, Policy, Publishers,
    SignedBy, TrustDecision, TrustMode, Verdict, admit, examine, observe,
};
use common::{MANIFEST, Site, claim_with, facts, keyring, now, signature_files};

/// A manifest that asks for that.
fn asking(capabilities: &str) -> Vec<u8> {
    [MANIFEST, format!("capabilities: {capabilities}\n").as_bytes()].concat()
}

fn unsigned(manifest: &[u8]) -> Claim {
    claim_with(b"t", manifest, Vec::new(), &[])
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn capabilities(list: &str) -> BTreeSet<Capability> {
    Capability::read_list(list).expect("a list")
}

/// The plugin in place, which was accepted to ask for that.
fn accepted(capabilities: Option<BTreeSet<String>>) -> InPlace {
    InPlace {
        recorded: Some(TreeDigest::of(b"before")),
        damaged_record: None,
        version: Some("1".to_owned()),
        signers: SignedBy::default(),
        is_gone: false,
        capabilities,
    }
}

/// What mode `warn` says of an unsigned plugin that asks for that, beside those facts.
fn beside(asks: &str, facts: Facts) -> Result<Verdict, Fault> {
    let examined = examine(&Policy::of(TrustMode::Warn), &unsigned(&asking(asks)), |_, _| Ok(Outcome::Unsigned));
    observe(examined, Some(&facts)).outcome
}

fn replacing(in_place: InPlace, capabilities: CapabilityConsent) -> Facts {
    let consent = Consent { capabilities, ..Consent::default() };
    Facts { in_place: Some(in_place), consent, ..facts(Ok(Coverage::None)) }
}

#[test]
fn more_than_was_accepted_comes_once_exactly_that_is_accepted() {
    use CapabilityConsent::{AcceptedBefore, Nothing, These};
    let before = || accepted(Some(names(&["facts.read"])));
    for (asks, consent, grown_by) in [
        ("[facts.read]", Nothing, Some(&[][..])),
        ("[]", Nothing, Some(&[])),
        ("[facts.read, alerts]", Nothing, Some(&[])),
        ("[facts.read]", These(capabilities("audit.read")), Some(&[])),
        ("[facts.write]", Nothing, None),
        ("[facts.write]", These(capabilities("facts.write")), Some(&["facts.write"])),
        ("[facts.write, audit.read]", These(capabilities("facts.write")), None),
        ("[facts.write]", These(capabilities("facts.write,audit.read")), None),
        (
            "[audit.read, tenant.write]",
            These(capabilities("tenant.write,audit.read")),
            Some(&["audit.read", "tenant.write"]),
        ),
        ("[facts.write]", AcceptedBefore, Some(&["facts.write"])),
    ] {
        let shown = format!("{asks} {consent:?}");
        match (beside(asks, replacing(before(), consent)), grown_by) {
            (Ok(verdict), Some(grown_by)) => assert_eq!(*verdict.accepted_capabilities(), names(grown_by), "{shown}"),
            (Err(refusal), None) => assert_eq!(refusal.reason(), Reason::CapabilitiesNotAccepted, "{shown}"),
            (outcome, _) => panic!("{shown}: {outcome:?}"),
        }
    }
}

#[test]
fn a_refusal_for_more_names_all_that_is_new_and_what_to_type() {
    let place = accepted(Some(names(&["facts.read"])));
    let consent = CapabilityConsent::These(capabilities("audit.emit"));
    let refusal = beside("[tenant.write, facts.read, audit.read]", replacing(place, consent)).expect_err("more");
    assert!(refusal.message().ends_with("was accepted with: audit.read, tenant.write"), "{refusal}");
    assert!(refusal.next_step().contains("`--accept-capabilities audit.read,tenant.write`"), "{refusal:?}");
    assert_eq!(refusal.difference().expect("both").found, "accepted: audit.emit");
    assert_eq!(refusal.class().exit_code(), 3);
}

#[test]
fn what_was_accepted_and_is_not_known_is_nothing() {
    let refused = |asks| beside(asks, replacing(accepted(None), CapabilityConsent::Nothing)).map(drop);
    let refusal = refused("[facts.read]").expect_err("nobody knows");
    assert_eq!(refusal.reason(), Reason::CapabilitiesNotAccepted);
    assert!(refusal.message().contains("cannot be read, and it asks for facts.read"), "{refusal}");
    refused("[]").expect("what asks for nothing asks for nothing new");
    let consent = CapabilityConsent::These(capabilities("facts.read"));
    beside("[facts.read]", replacing(accepted(None), consent)).expect("accepted");
}

#[test]
fn a_new_plugin_the_same_again_and_one_that_stays_ask_for_what_they_ask() {
    let place = || accepted(Some(BTreeSet::new()));
    let again = InPlace { recorded: Some(TreeDigest::of(b"t")), ..place() };
    for facts in [
        facts(Ok(Coverage::None)),
        replacing(again, CapabilityConsent::Nothing),
        Facts { errand: Errand::Return, ..replacing(place(), CapabilityConsent::Nothing) },
        Facts { errand: Errand::Stay, ..facts(Ok(Coverage::None)) },
    ] {
        let shown = format!("{facts:?}");
        beside("[facts.write]", facts).expect(&shown);
    }
}

#[test]
fn what_no_host_can_grant_does_not_come_and_may_come_back_or_stay() {
    let of = |errand| Facts { errand, ..facts(Ok(Coverage::None)) };
    for asks in ["[process.spawn]", "facts.read", "[facts.read, 7]"] {
        let refusal = beside(asks, of(Errand::Arrival)).expect_err(asks);
        assert!([Reason::UnknownCapability, Reason::FieldType].contains(&refusal.reason()), "{refusal:?}");
        beside(asks, of(Errand::Return)).expect(asks);
        beside(asks, of(Errand::Stay)).expect(asks);
        let consent = Consent { capabilities: CapabilityConsent::AcceptedBefore, ..Consent::default() };
        beside(asks, Facts { consent, ..of(Errand::Arrival) }).expect(asks);
        let consent = Consent { capabilities: CapabilityConsent::These(capabilities("*.read")), ..Consent::default() };
        beside(asks, Facts { consent, ..of(Errand::Arrival) }).expect_err(asks);
    }
}

#[test]
fn what_a_site_denies_is_refused_in_every_mode_before_anything_else_is() {
    for mode in [TrustMode::Strict, TrustMode::Warn, TrustMode::Disabled] {
        let policy = |list| Policy { denied_capabilities: capabilities(list), ..Policy::of(mode) };
        let examined = |list, asks| examine(&policy(list), &unsigned(&asking(asks)), |_, _| Ok(Outcome::Unsigned));
        let refused = examined("*.write", "[facts.read, tenant.write]");
        assert_eq!(refused.refusal().map(Fault::reason), Some(Reason::CapabilityDenied), "{mode}");
        assert!(refused.refusal().expect("one").message().contains("tenant.write, which"), "{mode}");
        let other = examined("*.write", "[facts.read]").refusal().map(Fault::reason);
        assert_eq!(other, (mode == TrustMode::Strict).then_some(Reason::Unsigned));
        // Nobody can tell what it asks for.
        let unreadable = examine(&policy("*.write"), &unsigned(b"["), |_, _| Ok(Outcome::Unsigned));
        assert_eq!(unreadable.refusal().map(Fault::reason), Some(Reason::ManifestInvalid), "{mode}");
    }
}

/// What lists say of a plugin that both keys have signed.
fn by_lists(trusted: Option<&str>, overriding: Option<&str>, required: usize) -> Result<Option<TrustDecision>, Reason> {
    let [old, new] = [(); 2].map(|()| SigningKey::generate().expect("random"));
    let (_directory, ring) = keyring(&[("old", &old), ("new", &new)]);
    let trusted = trusted.map(|list| list.replace("OLD-PRINT", &old.public_key().fingerprint().to_string()));
    let publishers = Publishers::read(trusted.as_deref(), overriding).map_err(|fault| fault.reason())?;
    let required_signers = NonZeroUsize::new(required).expect("some");
    let policy = Policy { publishers, required_signers, coverage: CoverageRule::Code, ..Policy::default() };
    judged(&policy, &[&old, &new], &ring).map(|verdict| verdict.decision()).map_err(|refusal| refusal.reason())
}

fn judged(policy: &Policy, keys: &[&SigningKey], ring: &Keyring) -> Result<Verdict, Fault> {
    let claim = claim_with(b"t", MANIFEST, signature_files(MANIFEST, keys), &[]);
    observe(examine(policy, &claim, |claim, _| verify(claim, ring, now())), None).outcome
}

#[test]
fn lists_say_whose_plugins_are_taken_and_how() {
    use TrustDecision::{OperatorOverride, TrustedPublisher};
    for (trusted, overriding, required, expected) in [
        (None, None, 1, Ok(Some(TrustedPublisher))),
        (Some("old"), None, 1, Ok(Some(TrustedPublisher))),
        (Some("OLD-PRINT"), None, 1, Ok(Some(TrustedPublisher))),
        (Some("other, new "), Some("old"), 1, Ok(Some(TrustedPublisher))),
        (None, Some("new"), 1, Ok(Some(OperatorOverride))),
        (Some("other"), Some("new"), 1, Ok(Some(OperatorOverride))),
        (Some("old"), Some("new"), 2, Ok(Some(OperatorOverride))),
        (Some("old,new"), None, 2, Ok(Some(TrustedPublisher))),
        (Some("old"), None, 2, Err(Reason::UntrustedPublisher)),
        (Some("other"), None, 1, Err(Reason::UntrustedPublisher)),
        (None, Some("Old"), 1, Err(Reason::UntrustedPublisher)),
        (Some("old.pem"), None, 1, Err(Reason::UntrustedPublisher)),
        (Some(""), None, 1, Err(Reason::Usage)),
        (Some("old,,new"), None, 1, Err(Reason::Usage)),
        (Some("old"), Some(" "), 1, Err(Reason::Usage)),
    ] {
        assert_eq!(by_lists(trusted, overriding, required), expected, "{trusted:?} {overriding:?} {required}");
    }
    for (decision, word, is_exception) in [
        (TrustedPublisher, "trusted_publisher", false),
        (OperatorOverride, "operator_override", true),
        (TrustDecision::DevelopmentUnsignedOverride, "development_unsigned_override", true),
    ] {
        assert_eq!((decision.as_str(), decision.is_exception()), (word, is_exception));
    }
}

#[test]
fn a_list_holds_in_mode_warn_and_the_refusal_names_both_settings() {
    let [one, other] = [(); 2].map(|()| SigningKey::generate().expect("random"));
    let (_directory, ring) = keyring(&[("one", &one), ("other", &other)]);
    let publishers = Publishers::read(Some("one"), None).expect("read");
    let policy = Policy { publishers, coverage: CoverageRule::Code, ..Policy::of(TrustMode::Warn) };
    let refusal = judged(&policy, &[&other], &ring).expect_err("not on it");
    assert_eq!((refusal.reason(), refusal.class().exit_code()), (Reason::UntrustedPublisher, 3));
    for name in ["AISOC_PLUGIN_TRUSTED_PUBLISHERS", "AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS"] {
        assert!(refusal.next_step().contains(name), "{refusal:?}");
    }
    // What nobody has signed is on no list, whatever the mode lets in without one.
    let unsigned = observe(examine(&policy, &unsigned(MANIFEST), |_, _| Ok(Outcome::Unsigned)), None).outcome;
    assert_eq!(unsigned.expect_err("from nobody").reason(), Reason::Unsigned);
    let open = examine(&Policy::of(TrustMode::Warn), &self::unsigned(MANIFEST), |_, _| Ok(Outcome::Unsigned));
    assert_eq!(open.verdict().expect("let in").decision(), None);
}

#[test]
fn what_nobody_reads_is_judged_and_not_admitted_without_the_word_for_it() {
    let site = || Site(facts(Ok(Coverage::None)));
    let publishers = Publishers::read(Some("one"), None).expect("read");
    let policy = |is_unsigned_acknowledged| Policy {
        is_unsigned_acknowledged,
        publishers: publishers.clone(),
        ..Policy::of(TrustMode::Disabled)
    };
    let examined = |said| examine(&policy(said), &unsigned(MANIFEST), |_, _| panic!("nobody looks"));
    let Decision { outcome, .. } = admit(examined(false), &site());
    let refusal = outcome.expect_err("not said");
    assert_eq!((refusal.reason(), refusal.class().exit_code()), (Reason::UnsignedNotAcknowledged, 2));
    let verdict = observe(examined(false), Some(&site().0)).outcome.expect("judged");
    assert_eq!(verdict.decision(), Some(TrustDecision::DevelopmentUnsignedOverride));
    assert_eq!(admit(examined(true), &site()).outcome.expect("said").verdict().decision(), verdict.decision());
}

#[test]
fn every_question_has_the_number_of_its_gate() {
    let examined = examine(&Policy::default(), &unsigned(MANIFEST), |_, _| Ok(Outcome::Unsigned));
    let trace = observe(examined, Some(&facts(Ok(Coverage::None)))).trace;
    let steps: Vec<(&str, &str)> = trace.steps().iter().map(|step| (step.number, step.name)).collect();
    let first = [("1", "id"), ("3a", "manifest"), ("4", "capabilities allowed here"), ("4", "capabilities known")];
    assert_eq!(steps[..4], first);
    assert_eq!(steps[4..6], [("4", "no new capabilities"), ("5", "signature present")]);
    let numbers: Vec<&str> = NUMBERED.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, ["1", "2", "3a", "4", "5", "6", "7", "8", "3b"]);
    for (number, name) in &steps {
        assert!(numbers.contains(number), "{name}");
    }
    // Of whatever asks nothing here somebody says who asks it.
    for (number, name, elsewhere) in NUMBERED {
        let is_asked = steps.iter().any(|(asked, _)| *asked == number);
        assert!(is_asked || !elsewhere.is_empty(), "{number} {name}");
    }
    let unreadable = examine(&Policy::default(), &unsigned(b"["), |_, _| Ok(Outcome::Unsigned));
    let unread = observe(unreadable, None).trace;
    let evidence: Vec<&str> = unread.steps()[..2].iter().map(|step| step.evidence.as_str()).collect();
    assert_eq!(evidence[0], "the manifest states none that can be read");
    assert!(evidence[1].starts_with("manifest_invalid: "), "{evidence:?}");
    assert!(steps.contains(&("6", "publisher")), "{steps:?}");
    let of = |name| trace.steps().iter().find(|step| step.name == name).expect("asked").answered;
    assert_eq!(of("signature present"), Answered::Failed);
    assert_eq!(of("publisher"), Answered::NotReached);
}

#[test]
fn no_mode_makes_more_of_a_consent_than_it_is() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let manifest = asking("[facts.write]");
    let claim = claim_with(b"t", &manifest, signature_files(&manifest, &[&key]), &[]);
    for mode in [TrustMode::Strict, TrustMode::Warn, TrustMode::Disabled] {
        let policy = Policy { coverage: CoverageRule::Code, is_unsigned_acknowledged: true, ..Policy::of(mode) };
        let said = |capabilities| {
            let examined = examine(&policy, &claim, |claim, _| verify(claim, &ring, now()));
            let site = Site(replacing(accepted(Some(BTreeSet::new())), capabilities));
            let outcome = admit(examined, &site).outcome;
            outcome.map(|admitted| admitted.verdict().accepted_capabilities().clone()).map_err(|fault| fault.reason())
        };
        assert_eq!(said(CapabilityConsent::Nothing), Err(Reason::CapabilitiesNotAccepted), "{mode}");
        let other = CapabilityConsent::These(capabilities("facts.read"));
        assert_eq!(said(other), Err(Reason::CapabilitiesNotAccepted), "{mode}");
        let these = CapabilityConsent::These(capabilities("facts.write"));
        assert_eq!(said(these), Ok(names(&["facts.write"])), "{mode}");
    }
}

#[test]
fn a_plugin_that_asks_for_more_and_is_older_is_refused_for_both_at_once() {
    let place = InPlace { version: Some("2".to_owned()), ..accepted(Some(BTreeSet::new())) };
    let refusal = beside("[facts.write]", replacing(place, CapabilityConsent::Nothing)).expect_err("both");
    assert_eq!(refusal.reason(), Reason::CapabilitiesNotAccepted);
    assert!(refusal.message().contains("; and an older version would replace"), "{refusal}");
    for part in ["--accept-capabilities facts.write", "--allow-downgrade"] {
        assert!(refusal.next_step().contains(part), "{refusal:?}");
    }
}

#[test]
fn a_list_that_cannot_be_read_is_no_list_that_names_everybody() {
    for (trusted, overriding) in [(Some(","), None), (None, Some("a,")), (Some("a, ,b"), Some("c"))] {
        let fault = Publishers::read(trusted, overriding).expect_err("an empty entry");
        assert_eq!((fault.reason(), fault.class().exit_code()), (Reason::Usage, 2));
        assert!(fault.message().starts_with("AISOC_PLUGIN_TRUST"), "{fault}");
        assert_eq!(fault.next_step(), "see names and fingerprints with `aisoc keys list`");
    }
    assert!(!Publishers::read(None, None).expect("none").are_limited());
    assert_eq!(Publishers::read(None, None).expect("none"), Publishers::all());
    assert!(Publishers::read(Some("a"), None).expect("one").are_limited());
    assert!(Publishers::read(None, Some("a")).expect("one").are_limited());
}

#[test]
fn what_is_signed_well_and_denied_says_no_more_about_its_signature() {
    let key = SigningKey::generate().expect("random");
    let (_directory, ring) = keyring(&[("release", &key)]);
    let manifest = asking("[network.outbound]");
    let claim = claim_with(b"t", &manifest, signature_files(&manifest, &[&key]), &[]);
    let denied_capabilities = capabilities("network.outbound");
    let policy = Policy { denied_capabilities, coverage: CoverageRule::Code, ..Policy::default() };
    let examined = examine(&policy, &claim, |claim, _| verify(claim, &ring, now()));
    assert!(examined.verdict().is_none());
    let trace = observe(examined, None).trace;
    assert!(trace.is_proved(), "whatever else is objected to");
    let failed: Vec<&str> =
        trace.steps().iter().filter(|step| step.answered == Answered::Failed).map(|step| step.name).collect();
    assert_eq!(failed, ["capabilities allowed here"]);
    let of = |name| trace.steps().iter().find(|step| step.name == name).expect("asked");
    assert_eq!(of("signed by a trusted key").answered, Answered::Passed, "whoever explains it sees the rest as well");
    assert_eq!(of("publisher").evidence, "every trusted key");
}
