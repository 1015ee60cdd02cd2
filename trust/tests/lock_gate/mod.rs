//! Gate 7: what plugins.lock says of what comes and of what stays, in one list with the other gates and in its order.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::common::{MANIFEST, claim_with, facts};

use aisoc_manifests::capability::Capability;
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{Claim, Coverage, Outcome};
use aisoc_trust::drift::{DriftKind, Present, compare};
use aisoc_trust::lockfile::{LockEntry, Lockfile, Provenance};
use aisoc_trust::{
    Answered, Asking, CameIn, CapabilityConsent, Consent, Errand, Facts, FoundPlugin, FoundSignature, InPlace,
    LockDemand, LockFacts, LockListed, NUMBERED, PluginMode, Policy, SignedBy, Step, Traces, TrustMode, Verdict,
    examine, observe,
};

const ID: &str = "demo.one";

fn entry(version: &str, hash: &str) -> LockEntry {
    LockEntry {
        id: ID.to_owned(),
        package: "<local>".to_owned(),
        version: version.to_owned(),
        entry_point: "plugin.py:Plugin".to_owned(),
        distribution_hash: format!("sha256:{hash}"),
        provenance: Provenance::default(),
    }
}

fn present(version: &str, hash: &str) -> Present {
    Present {
        id: ID.to_owned(),
        entry_point_name: None,
        is_provisional: false,
        package: "<local>".to_owned(),
        version: version.to_owned(),
        entry_point: "plugin.py:Plugin".to_owned(),
        hash: format!("sha256:{hash}"),
    }
}

fn artifact(digit: &str) -> String {
    format!("sha256:{}", digit.repeat(64))
}

/// The artifact of `b`, of the index of that digit, by that platform.
fn came_in(index: Option<&str>, platform: Option<&str>) -> CameIn {
    CameIn { digest: artifact("b"), index_digest: index.map(artifact), platform: platform.map(str::to_owned) }
}

/// What a lock with that entry says of version 1 with the content `aa`, which came in the artifact of `b`.
fn says(demand: LockDemand, entry: Option<LockEntry>) -> LockFacts {
    let lock = entry.iter().fold(Lockfile::empty(), |lock, entry| lock.with(entry).expect("one entry"));
    let listed = Some(LockListed::of(&lock, &present("1", "aa"), Some(came_in(Some("d"), Some("linux/amd64")))));
    LockFacts { demand, path: PathBuf::from("plugins.lock").into(), listed }
}

fn no_lock(demand: LockDemand) -> LockFacts {
    LockFacts { demand, path: PathBuf::from("plugins.lock").into(), listed: None }
}

fn unsigned(manifest: &[u8]) -> Claim {
    claim_with(b"t", manifest, Vec::new(), &[])
}

/// What mode `warn` says of an unsigned plugin beside those facts, and the step of gate 7.
fn beside(manifest: &[u8], facts: &Facts) -> (Result<Verdict, Fault>, Vec<Step>) {
    let examined = examine(&Policy::of(TrustMode::Warn), &unsigned(manifest), |_, _| Ok(Outcome::Unsigned));
    let decision = observe(examined, Some(facts));
    (decision.outcome, decision.trace.steps().to_vec())
}

fn locked(lock: LockFacts) -> Facts {
    Facts { lock: Some(lock), ..facts(Ok(Coverage::None)) }
}

fn gate_seven(steps: &[Step]) -> &Step {
    let mut asked = steps.iter().filter(|step| step.number == "7");
    let step = asked.next().expect("asked");
    assert!(asked.next().is_none(), "once");
    step
}

#[test]
fn what_the_lock_says_is_said_and_decides_where_it_is_asked_to() {
    use Answered::{Failed, NotReached, Passed};
    let of_artifact = |digit: &str| {
        let oci_digest = Some(artifact(digit));
        LockEntry { provenance: Provenance { oci_digest, ..Provenance::default() }, ..entry("1", "aa") }
    };
    let covered = |coverage: &str| {
        let coverage = Some(coverage.to_owned());
        LockEntry { provenance: Provenance { coverage, ..Provenance::default() }, ..entry("1", "aa") }
    };
    let of_index = |digit: &str, platform: &str| {
        let (oci_digest, oci_index_digest) = (Some(artifact("b")), Some(artifact(digit)));
        let oci_platform = Some(platform.to_owned());
        let provenance = Provenance { oci_digest, oci_index_digest, oci_platform, ..Provenance::default() };
        LockEntry { provenance, ..entry("1", "aa") }
    };
    let for_another = LockEntry { version: "2".to_owned(), ..of_index("d", "linux/arm64") };
    let moved = LockEntry { entry_point: "other.py:Plugin".to_owned(), ..entry("1", "aa") };
    let full = "plugins.lock accepts it with a signature that covers more";
    for (entry, reason, evidence) in [
        (Some(entry("1", "aa")), None, "1 sha256:aa"),
        (Some(of_artifact("b")), None, "1 sha256:aa"),
        (Some(covered("none")), None, "1 sha256:aa"),
        (None, Some(Reason::MissingFromLock), "missing_from_lock (expected=None, actual='<local>==1')"),
        (Some(entry("2", "aa")), Some(Reason::VersionMismatch), "version (expected='2', actual='1')"),
        (Some(entry("1", "bb")), Some(Reason::HashMismatch), "hash (expected='sha256:bb', actual='sha256:aa')"),
        (Some(moved), Some(Reason::EntryPointMismatch), "entry_point (expected='other.py:Plugin'"),
        (Some(of_artifact("c")), Some(Reason::HashMismatch), "another artifact"),
        (Some(of_index("d", "linux/amd64")), None, "1 sha256:aa"),
        (Some(of_index("e", "linux/amd64")), Some(Reason::HashMismatch), "of another image index"),
        (Some(of_index("d", "linux/arm64")), Some(Reason::PlatformMismatch), "for another platform"),
        // What differs besides differs because of that.
        (Some(for_another), Some(Reason::PlatformMismatch), "for another platform"),
        (Some(covered("full")), Some(Reason::CoverageDowngrade), full),
    ] {
        let (outcome, steps) = beside(MANIFEST, &locked(says(LockDemand::Exactly, entry.clone())));
        let step = gate_seven(&steps);
        assert_eq!(outcome.as_ref().err().map(Fault::reason), reason, "{evidence}");
        assert_eq!(step.answered, if reason.is_some() { Failed } else { Passed }, "{evidence}");
        assert!(step.evidence.contains(evidence), "{step:?}");
        assert_eq!((step.reason, step.remedy.is_some()), (reason, reason.is_some()));
        if let Err(refusal) = outcome {
            assert!(refusal.difference().is_some() && refusal.class().exit_code() == 3, "{refusal:?}");
        }
        // In dev the same is said, and let pass.
        let (outcome, steps) = beside(MANIFEST, &locked(says(LockDemand::Dev, entry)));
        let step = gate_seven(&steps);
        assert!(outcome.is_ok() && step.answered == Passed && step.evidence.contains(evidence), "{step:?}");
        assert_eq!(step.evidence.contains("dev lets pass"), reason.is_some(), "{step:?}");
    }
    let (outcome, steps) = beside(MANIFEST, &locked(no_lock(LockDemand::Exactly)));
    assert_eq!(outcome.expect_err("no lock").reason(), Reason::LockMissing);
    assert_eq!(gate_seven(&steps).answered, Failed);
    let (outcome, steps) = beside(MANIFEST, &locked(no_lock(LockDemand::Dev)));
    assert!(outcome.is_ok() && gate_seven(&steps).answered == NotReached);
    assert!(gate_seven(&steps).evidence.contains("dev asks for none"), "{steps:?}");
}

#[test]
fn what_is_going_to_be_accepted_is_held_to_its_floor_alone() {
    let other = Some(entry("2", "bb"));
    let (outcome, steps) = beside(MANIFEST, &locked(says(LockDemand::Recording(None), other.clone())));
    assert!(outcome.is_ok() && gate_seven(&steps).answered == Answered::Passed, "{steps:?}");
    let floor = Fault::new(Reason::VersionDowngrade, "no older one");
    let (outcome, _) = beside(MANIFEST, &locked(says(LockDemand::Recording(Some(floor)), other)));
    assert_eq!(outcome.expect_err("below it").reason(), Reason::VersionDowngrade);
}

/// A lock that accepts a plugin with those capabilities.
fn locked_with(names: &[&str]) -> LockFacts {
    let capabilities = Some(names.iter().map(|name| (*name).to_owned()).collect());
    says(
        LockDemand::Dev,
        Some(LockEntry { provenance: Provenance { capabilities, ..Provenance::default() }, ..entry("1", "aa") }),
    )
}

/// What was accepted of the plugin in its place.
fn replacing(names: Option<&[&str]>, lock: Option<LockFacts>) -> Facts {
    let in_place = InPlace {
        recorded: Some(TreeDigest::of(b"before")),
        damaged_record: None,
        version: Some("1".to_owned()),
        signers: SignedBy::default(),
        is_gone: false,
        capabilities: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
    };
    Facts { in_place: Some(in_place), lock, ..facts(Ok(Coverage::None)) }
}

#[test]
fn who_has_accepted_less_is_named_and_the_place_before_the_lock() {
    let asks = [MANIFEST, b"capabilities: [facts.write]\n".as_slice()].concat();
    let (of_place, of_lock, of_nobody) =
        ("what is installed was accepted with", "plugins.lock accepts of it", "cannot be read");
    for (place, lock, said) in [
        (Some(&[][..]), None, of_place),
        (Some(&[][..]), Some(locked_with(&[])), of_place),
        (Some(&["facts.write"][..]), Some(locked_with(&[])), of_lock),
        (None, None, of_nobody),
        (None, Some(locked_with(&["facts.write"])), of_nobody),
    ] {
        let shown = format!("{place:?} {lock:?}");
        let (outcome, _) = beside(&asks, &replacing(place, lock));
        let refusal = outcome.expect_err(&shown);
        assert_eq!(refusal.reason(), Reason::CapabilitiesNotAccepted, "{shown}");
        assert!(refusal.message().contains(said), "{shown}: {refusal}");
    }
    let (outcome, _) = beside(&asks, &replacing(Some(&["facts.write"]), Some(locked_with(&["facts.write"]))));
    outcome.expect("both have accepted it");
}

#[test]
fn what_cannot_be_read_is_held_to_whatever_was_accepted() {
    let unreadable = [MANIFEST, b"capabilities: [facts.read, 7]\n".as_slice()].concat();
    let consent = Consent { capabilities: CapabilityConsent::AcceptedBefore, ..Consent::default() };
    let said = |facts: Facts| beside(&unreadable, &Facts { consent: consent.clone(), ..facts }).0.map(drop);
    for held in [
        replacing(Some(&["facts.read"]), None),
        replacing(None, None),
        locked(locked_with(&["facts.read"])),
        replacing(Some(&["facts.read"]), Some(locked_with(&["facts.read"]))),
    ] {
        let shown = format!("{held:?}");
        assert_eq!(said(held).expect_err(&shown).reason(), Reason::FieldType, "{shown}");
    }
    said(facts(Ok(Coverage::None))).expect("nothing was accepted that it could be held to");
    said(locked(says(LockDemand::Dev, Some(entry("1", "aa")))))
        .expect("an entry that says nothing of what it may ask for");
}

#[test]
fn the_first_objection_counts_whichever_gate_has_it() {
    let found = FoundPlugin { place: "/data/x.py", kind: "tool", is_allowed: Some(true) };
    let fault = |reason| Fault::new(reason, "no");
    let mut asking = Asking::found(&found, Traces::Kept);
    asking.signature(&FoundSignature::Passes("signed".to_owned()));
    asking.contract(None);
    assert_eq!(asking.refusal().map(Fault::reason), None);
    asking.contract(Some(&fault(Reason::ContractCheckFailed)));
    assert_eq!(asking.refusal().map(Fault::reason), Some(Reason::ContractCheckFailed));
    let mut asking = Asking::found(&found, Traces::Kept);
    asking.signature(&FoundSignature::Refused(fault(Reason::Unsigned)));
    asking.contract(Some(&fault(Reason::ContractCheckFailed)));
    assert_eq!(asking.refusal().map(Fault::reason), Some(Reason::Unsigned));
    let of = |number| asking.trace().steps().iter().find(|step| step.number == number).map(|step| step.answered);
    assert_eq!((of("5"), of("3b")), (Some(Answered::Failed), Some(Answered::Failed)), "all of them are asked");
    assert!(asking.trace().has_objected(Reason::Unsigned) && !asking.trace().has_objected(Reason::HashMismatch));
}

/// What says in its code what it asks for is held to what a site denies, and to what the lock accepts where that says it.
#[test]
fn what_is_declared_in_code_is_no_more_than_what_is_allowed_and_accepted() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let of = |declared: &[&str], denied: &[Capability], accepted: Option<&[&str]>| {
        let denied_capabilities = denied.iter().copied().collect();
        let policy = Policy { denied_capabilities, ..Policy::of(TrustMode::Disabled) };
        let found = FoundPlugin { place: "site/x", kind: "hook", is_allowed: None };
        let mut asking = Asking::found(&found, Traces::Kept);
        asking.declared(&names(declared), &policy, accepted.map(names).as_ref());
        let fours: Vec<_> = asking.trace().steps().iter().filter(|step| step.number == "4").cloned().collect();
        assert_eq!(fours.len(), 2, "{fours:?}");
        asking.refusal().cloned()
    };
    use Capability::{AuditRead, FactsRead};
    let (read, both) = (&["facts.read"][..], &["audit.read", "facts.read"][..]);
    for passes in [
        of(&[], &[FactsRead], Some(&[])),
        of(read, &[], None),
        of(read, &[AuditRead], Some(read)),
        of(read, &[], Some(both)),
    ] {
        assert!(passes.is_none(), "{passes:?}");
    }
    let denied = of(both, &[FactsRead], Some(both)).expect("denied");
    assert_eq!(denied.reason(), Reason::CapabilityDenied);
    let grown = of(both, &[], Some(read)).expect("grown");
    assert_eq!(grown.reason(), Reason::CapabilitiesNotAccepted);
    let difference = grown.difference().expect("both");
    assert!(difference.expected.ends_with("accepted: facts.read"), "{difference:?}");
    assert!(difference.found.contains("audit.read"), "{difference:?}");
    assert_eq!(of(read, &[], Some(&[])).expect("grown").reason(), Reason::CapabilitiesNotAccepted);
    let two = of(both, &[FactsRead], Some(read)).expect("both");
    assert!(two.message().contains("; and the plugin asks for more"), "{two}");
}

#[test]
fn without_a_lock_to_ask_the_gate_is_not_asked() {
    let (outcome, steps) = beside(MANIFEST, &facts(Ok(Coverage::None)));
    assert!(outcome.is_ok() && steps.iter().all(|step| step.number != "7"), "{steps:?}");
}

#[test]
fn questions_are_asked_in_the_order_of_the_manual_whoever_has_refused() {
    let order = |steps: &[Step]| -> Vec<usize> {
        let place = |step: &Step| NUMBERED.iter().position(|(number, ..)| *number == step.number).expect("a gate");
        steps.iter().map(place).collect()
    };
    let beside = |mode| {
        let examined = examine(&Policy::of(mode), &unsigned(MANIFEST), |_, _| Ok(Outcome::Unsigned));
        observe(examined, Some(&locked(says(LockDemand::Exactly, None)))).trace.steps().to_vec()
    };
    for mode in [TrustMode::Strict, TrustMode::Warn, TrustMode::Disabled] {
        let steps = beside(mode);
        assert!(order(&steps).is_sorted(), "{mode}: {steps:?}");
        assert_eq!(steps.len(), 17, "every question has a line, asked or not");
        // Whoever is refused before hears what the lock says all the same.
        assert_eq!(gate_seven(&steps).answered, Answered::Failed, "{mode}");
    }
}

/// What is in place, and what it and the lock accept.
fn accepting(place: Option<&str>, lock: Option<&str>, errand: Errand, capabilities: CapabilityConsent) -> Facts {
    let names = |list: &str| -> BTreeSet<String> {
        list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let in_place = place.map(|list| InPlace {
        recorded: Some(TreeDigest::of(b"before")),
        damaged_record: None,
        version: Some("0".to_owned()),
        signers: SignedBy::default(),
        is_gone: false,
        capabilities: Some(names(list)),
    });
    let lock = lock.map(|list| {
        let capabilities = Some(names(list).into_iter().collect());
        let provenance = Provenance { capabilities, ..Provenance::default() };
        says(LockDemand::Dev, Some(LockEntry { provenance, ..entry("1", "aa") }))
    });
    let consent = Consent { capabilities, ..Consent::default() };
    Facts { in_place, lock, errand, consent, ..facts(Ok(Coverage::None)) }
}

#[test]
fn what_the_lock_accepts_of_a_plugin_is_no_less_than_what_is_in_its_place() {
    use CapabilityConsent::{AcceptedBefore, AcceptedBeforeAnd, Nothing, These};
    let asking = [MANIFEST, b"capabilities: [facts.read, facts.write]\n"].concat();
    let list = |list: &str| Capability::read_list(list).expect("a list");
    let (both, read) = ("facts.read,facts.write", "facts.read");
    for (place, lock, errand, consent, grown) in [
        // Narrower than what is installed, and narrower than what nobody has installed.
        (Some(both), Some(read), Errand::Arrival, Nothing, Err(())),
        (None, Some(read), Errand::Arrival, Nothing, Err(())),
        (None, Some(read), Errand::Return, Nothing, Err(())),
        (None, Some(both), Errand::Arrival, Nothing, Ok("")),
        (None, None, Errand::Arrival, Nothing, Ok("")),
        // Wider than what is installed makes what is installed no wider.
        (Some(read), Some(both), Errand::Arrival, Nothing, Err(())),
        // All that is new, by whichever.
        (Some(both), Some(read), Errand::Arrival, These(list("facts.write")), Ok("facts.write")),
        (Some(read), Some(""), Errand::Arrival, These(list("facts.write")), Err(())),
        (Some(read), Some(""), Errand::Arrival, These(list("facts.read,facts.write")), Ok("facts.read,facts.write")),
        // Going back means what was accepted here before, and not what the lock has never accepted.
        (Some(""), None, Errand::Arrival, AcceptedBefore, Ok("facts.read,facts.write")),
        (Some(""), Some(read), Errand::Arrival, AcceptedBefore, Err(())),
        (Some(""), Some(read), Errand::Arrival, AcceptedBeforeAnd(list("facts.write")), Ok("facts.read,facts.write")),
        (Some(""), Some(read), Errand::Arrival, AcceptedBeforeAnd(list("facts.read")), Err(())),
        (Some(""), Some(both), Errand::Arrival, AcceptedBefore, Ok("facts.read,facts.write")),
        // What stays is what it is.
        (None, Some(read), Errand::Stay, Nothing, Ok("")),
    ] {
        let shown = format!("{place:?} {lock:?} {errand:?} {consent:?}");
        let (outcome, _) = beside(&asking, &accepting(place, lock, errand, consent));
        match (outcome, grown) {
            (Ok(verdict), Ok(grown)) => {
                let names: Vec<&str> = verdict.accepted_capabilities().iter().map(String::as_str).collect();
                assert_eq!(names.join(","), grown, "{shown}");
            }
            (Err(refusal), Err(())) => assert_eq!(refusal.reason(), Reason::CapabilitiesNotAccepted, "{shown}"),
            (outcome, _) => panic!("{shown}: {outcome:?}"),
        }
    }
    let (outcome, _) = beside(&asking, &accepting(None, Some(read), Errand::Arrival, Nothing));
    let refusal = outcome.expect_err("more");
    assert_eq!(refusal.message(), "the plugin asks for more than plugins.lock accepts of it: facts.write");
    assert!(refusal.next_step().contains("--accept-capabilities facts.write"), "{refusal:?}");
}

#[test]
fn of_what_is_not_signed_nothing_is_to_be_accepted() {
    let facts = accepting(Some(""), None, Errand::Arrival, CapabilityConsent::Nothing);
    let refused = |asking: &[u8]| {
        let examined = examine(&Policy::default(), &unsigned(asking), |_, _| Ok(Outcome::Unsigned));
        observe(examined, Some(&facts)).outcome.expect_err("unsigned")
    };
    let more = refused(&[MANIFEST, b"capabilities: [facts.write]\n"].concat());
    assert_eq!(more.reason(), Reason::Unsigned);
    assert!(!more.next_step().contains("--accept-capabilities"), "{more:?}");
    // What no host knows is wrong whoever has signed it, and comes first.
    let unknown = refused(&[MANIFEST, b"capabilities: [facts.wrote]\n"].concat());
    assert_eq!(unknown.reason(), Reason::UnknownCapability);
    assert!(unknown.message().ends_with("; and the plugin has no `plugin.sig`"), "{unknown}");
}

#[test]
fn what_is_found_is_asked_gate_by_gate_and_refused_by_the_first() {
    let found = |is_allowed| FoundPlugin { place: "tools/x_plugin.py", kind: "tool", is_allowed };
    let mut asking = Asking::found(&found(Some(true)), Traces::Kept);
    asking.signature(&FoundSignature::OfNoKind);
    asking.lock(&says(LockDemand::Exactly, Some(entry("1", "bb"))), None);
    asking.lock(&says(LockDemand::Exactly, Some(entry("1", "aa"))), None);
    assert_eq!(gate_seven(asking.trace().steps()).answered, Answered::Passed, "the last answer counts");
    assert_eq!(asking.refusal().map(Fault::reason), Some(Reason::HashMismatch), "and the first objection refuses");

    let mut off = Asking::found(&found(Some(false)), Traces::Kept);
    off.name(Some(&Fault::new(Reason::DuplicatePluginId, "two")));
    assert_eq!(off.refusal().map(Fault::reason), Some(Reason::UserPluginsDisabled));
    let mut untraced = Asking::found(&found(Some(false)), Traces::Dropped);
    untraced.name(Some(&Fault::new(Reason::DuplicatePluginId, "two")));
    assert_eq!(untraced.refusal().map(Fault::reason), Some(Reason::UserPluginsDisabled));
    assert!(untraced.trace().steps().is_empty(), "the same objection, and nothing to read");
    let failed: Vec<&str> = {
        let steps = off.trace().steps().iter();
        steps.filter(|step| step.answered == Answered::Failed).map(|step| step.number).collect()
    };
    assert_eq!(failed, ["2", "8"]);
    for (reason, number) in [
        (Reason::DuplicatePluginId, "8"),
        (Reason::ForbiddenEntry, "1"),
        (Reason::IoDenied, "1"),
        (Reason::DropinInvalid, "3a"),
        (Reason::ManifestInvalid, "3a"),
    ] {
        let asking = Asking::failed(&Fault::new(reason, "no plugin"));
        let [step] = asking.trace().steps() else { panic!("{reason}") };
        assert_eq!(
            (step.number, step.reason, asking.refusal().map(Fault::reason)),
            (number, Some(reason), Some(reason))
        );
    }
}

#[test]
fn who_refuses_early_refuses_what_the_gate_refuses() {
    let covered = || {
        let coverage = Some("full".to_owned());
        LockEntry { provenance: Provenance { coverage, ..Provenance::default() }, ..entry("1", "aa") }
    };
    let floor = || Some(Fault::new(Reason::VersionDowngrade, "no older one"));
    for (lock, refuses) in [
        (says(LockDemand::Exactly, None), true),
        (says(LockDemand::Exactly, Some(entry("1", "aa"))), false),
        (says(LockDemand::Exactly, Some(entry("2", "aa"))), true),
        (says(LockDemand::Dev, None), false),
        (says(LockDemand::Recording(None), None), false),
        (says(LockDemand::Recording(floor()), None), true),
        (no_lock(LockDemand::Exactly), true),
        (no_lock(LockDemand::Dev), false),
        (no_lock(LockDemand::Recording(None)), false),
    ] {
        let shown = format!("{lock:?}");
        assert_eq!(lock.refuses(), refuses, "{shown}");
        let (outcome, _) = beside(MANIFEST, &locked(lock));
        assert_eq!(outcome.is_err(), refuses, "{shown}");
    }
    // What was verified is known later: nobody is refused early for it.
    assert!(!says(LockDemand::Exactly, Some(covered())).refuses());
    assert!(beside(MANIFEST, &locked(says(LockDemand::Exactly, Some(covered())))).0.is_err());
}

/// By whom it is signed is asked of the lock where nobody is there to answer for another signer, and of who has signed alone.
#[test]
fn a_lock_that_names_signers_is_satisfied_by_one_of_them_and_by_nobody_else() {
    let signed = |keys: Option<&[&str]>| {
        let signed_by = keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
        let entry = LockEntry { provenance: Provenance { signed_by, ..Provenance::default() }, ..entry("1", "aa") };
        LockListed { entry: Some(entry), drifts: Vec::new(), artifact: None }
    };
    let by = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    for (accepted, found, is_refused) in [
        (Some(&["a", "b"][..]), &["b"][..], false),
        (Some(&["a"]), &["c", "a"], false),
        (Some(&["a", "b"]), &["c"], true),
        (Some(&["a", "b"]), &["c", "d"], true),
        (Some(&[]), &["c"], true),
        (None, &["c"], false),
        (Some(&["a"]), &[], false),
    ] {
        let objection = signed(accepted).signer_objection(&by(found));
        let reason = objection.as_ref().map(Fault::reason);
        assert_eq!(reason, is_refused.then_some(Reason::SignerChanged), "{accepted:?} {found:?}");
    }
    // Whoever names the artifact itself asks for no index, and nobody knows for which platform it was taken.
    let of_index = Provenance {
        oci_index_digest: Some(artifact("e")),
        oci_platform: Some("linux/arm64".to_owned()),
        ..Provenance::default()
    };
    let entry_of_index = LockEntry { provenance: of_index, ..entry("1", "aa") };
    let named = LockListed { entry: Some(entry_of_index), drifts: Vec::new(), artifact: Some(came_in(None, None)) };
    assert!(named.objection(None).is_none());
    let nobody = LockListed { entry: None, drifts: Vec::new(), artifact: None };
    assert!(nobody.signer_objection(&by(&["c"])).is_none(), "what is not listed is refused for that");
    // Everything else is asked as in production.
    for (entry, is_refused) in [(Some(entry("1", "aa")), false), (Some(entry("1", "bb")), true), (None, true)] {
        let lock = says(LockDemand::AsSigned, entry);
        assert_eq!(lock.refuses(), is_refused);
        assert_eq!(beside(MANIFEST, &locked(lock)).0.is_err(), is_refused);
    }
    assert!(no_lock(LockDemand::AsSigned).refuses());
}

#[test]
fn all_that_is_wrong_is_named_in_the_order_of_the_gates() {
    let asking = [MANIFEST, b"capabilities: [facts.write]\n"].concat();
    let place = accepting(Some(""), None, Errand::Arrival, CapabilityConsent::Nothing);
    let older = place.in_place.map(|in_place| InPlace { version: Some("2".to_owned()), ..in_place });
    let other_spelling = Some(Fault::new(Reason::AlreadyExists, "the plugin `demo-one` is installed"));
    let lock = Some(says(LockDemand::Exactly, Some(entry("1", "bb"))));
    let all = Facts { in_place: older, other_spelling, lock, ..facts(Ok(Coverage::None)) };
    let refusal = beside(&asking, &all).0.expect_err("everything");
    assert_eq!(refusal.reason(), Reason::CapabilitiesNotAccepted);
    let parts = ["was accepted with: facts.write", "an older version", "plugins.lock drift", "`demo-one` is installed"];
    let places: Vec<_> = parts.iter().map(|part| refusal.message().find(part).expect(part)).collect();
    assert!(places.is_sorted(), "{refusal}");
    for step in ["--accept-capabilities facts.write", "--allow-downgrade", "find out what changed"] {
        assert!(refusal.next_step().contains(step), "{step}: {refusal:?}");
    }
}

#[test]
fn a_mode_of_the_host_says_what_its_lock_is_for() {
    assert!(matches!(LockDemand::from(PluginMode::Production), LockDemand::Exactly));
    assert!(matches!(LockDemand::from(PluginMode::Dev), LockDemand::Dev));
}

/// One plugin on its own is compared as it is among all others.
#[test]
fn what_a_lock_says_of_one_plugin_does_not_depend_on_what_else_it_lists() {
    let other = |id: &str| LockEntry { id: id.to_owned(), ..entry("7", "cc") };
    let lists = [None, Some(entry("1", "aa")), Some(entry("2", "bb")), Some(other("demo-one"))];
    for listed in lists {
        let entries: Vec<LockEntry> =
            [Some(other("before")), listed, Some(other("behind"))].into_iter().flatten().collect();
        let lock = Lockfile::empty().with_all(&entries).expect("a lock");
        let plugin = present("1", "aa");
        let comparison = compare(&lock, std::slice::from_ref(&plugin));
        let among = LockListed::compared(&lock, &comparison, 0, None);
        let alone = LockListed::of(&lock, &plugin, None);
        assert_eq!((&alone.entry, &alone.drifts), (&among.entry, &among.drifts), "{entries:?}");
        assert_eq!(alone.entry.is_none(), alone.drifts.iter().any(|drift| drift.kind == DriftKind::MissingFromLock));
    }
}
