//! The gates as a list: which there are, in which order they are asked, and what each asks.
//!
//! The order is part of what users see: of several things that are wrong the first is named. It follows
//! the order in which the verifier comes to know things (`aisoc_signing::examine`), and then the site. The numbers are
//! those of the manual (`aisoc help trust`, "The gates"), which has one list for every source of plugins.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use aisoc_manifests::capability::Capability;
use aisoc_manifests::fault::Fault;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::text::printable;
use aisoc_manifests::version_order::compare_or_same;
use aisoc_signing::{Coverage, Findings, KeyCoverage, KeyPlace, Outcome, Signer, Standing, Verified};

use super::trace::{Question, Trace};
use crate::continuity::known;
use crate::facts::{CapabilityConsent, Errand, Facts, InPlace};
use crate::mode::{CoverageRule, SignatureStatus};
use crate::policy::Policy;
use crate::refusal;
use crate::verdict::Verdict;

/// What the gates about the manifest are asked about.
pub(super) struct ManifestCase<'a> {
    pub(super) policy: &'a Policy,
    /// What it asks of the host; why that cannot be read, where it cannot.
    pub(super) grants: Result<&'a BTreeSet<String>, &'a Fault>,
    /// The fields that a host asks for; why it takes none of them, where it does not.
    pub(super) manifest: Result<&'a Manifest, &'a Fault>,
}

/// What the gate about publishers is asked about: what the gates about proof let pass.
pub(super) struct PublisherCase<'a> {
    pub(super) policy: &'a Policy,
    pub(super) verdict: Option<&'a Verdict>,
}

/// What the gates about proof are asked about.
pub(super) struct ProofCase<'a> {
    pub(super) policy: &'a Policy,
    pub(super) findings: &'a Findings,
    /// Nothing when the claim could not be judged: its manifest has no canonical form.
    pub(super) outcome: Option<&'a Outcome>,
}

/// What the gates about the site are asked about.
pub(super) struct SiteCase<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) facts: &'a Facts,
    /// What it asks of the host; why that cannot be read, where it cannot.
    pub(super) grants: Result<&'a BTreeSet<String>, &'a Fault>,
    /// Why a host could not grant it.
    pub(super) ungrantable: Option<&'a Fault>,
    /// The version that the manifest of the verdict's tree states.
    pub(super) version: Option<&'a str>,
}

enum Answer {
    Passed(String),
    Objects(Fault),
    /// It has nothing to go by.
    NotAsked,
    /// It cannot tell, for that reason, and whoever lets something in refuses it by itself.
    Unable(String),
}

/// The gates by the numbers of the manual, for every source of plugins, and of what the gates here say nothing: who
/// asks that.
pub const NUMBERED: [(&str, &str, &str); 9] = [
    ("1", "id and path", ""),
    ("2", "kill switch", "asked of drop-ins alone"),
    ("3a", "manifest", ""),
    ("4", "capabilities", ""),
    ("5", "signature", ""),
    ("6", "publisher", ""),
    ("7", "lock", "asked where a lock is named: `aisoc plugins verify`"),
    ("8", "duplicate id", "asked beside what is installed"),
    ("3b", "contract check", "asked of entry points alone, once 5 to 7 have let them pass: it runs their code"),
];

/// A question, and who answers it.
struct Gate<Case> {
    question: Question,
    ask: fn(&Case) -> Answer,
}

const fn gate<Case>(number: &'static str, name: &'static str, ask: fn(&Case) -> Answer) -> Gate<Case> {
    Gate { question: Question { number, name }, ask }
}

impl ManifestCase<'_> {
    const GATES: [Gate<Self>; 3] = [
        gate("1", "id", id),
        gate("3a", "manifest", manifest),
        gate("4", "capabilities allowed here", capabilities_allowed),
    ];

    /// Asks the gates about the manifest. No mode overrules them: what a plugin may ask for is no matter of who has
    /// signed it.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        Self::GATES.iter().find_map(|gate| gate.ask(self, trace))
    }
}

impl PublisherCase<'_> {
    const GATE: Gate<Self> = gate("6", "publisher", publisher);

    /// Asks the gate about publishers. No mode overrules it: who sets a list means nobody else.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        Self::GATE.ask(self, trace)
    }
}

impl ProofCase<'_> {
    const GATES: [Gate<Self>; 6] = [
        gate("5", "signature present", signature_present),
        gate("5", "signature form", signature_form),
        gate("5", "trusted keys", trusted_keys),
        gate("5", "signed by a trusted key", signed_by_a_trusted_key),
        gate("5", "files as signed", files_as_signed),
        gate("5", "policy", policy),
    ];

    /// Asks the gates about proof, up to the first that objects: what the verifier would come to know next it does
    /// not know without what is missing.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        let mut objection = None;
        for gate in &Self::GATES {
            match objection {
                None => objection = gate.ask(self, trace),
                Some(_) => trace.not_reached(gate.question, ""),
            }
        }
        objection
    }
}

impl SiteCase<'_> {
    const GATES: [Gate<Self>; 6] = [
        gate("4", "capabilities known", capabilities_known),
        gate("4", "no new capabilities", no_new_capabilities),
        gate("8", "one spelling of the id", one_spelling),
        gate("5", "coverage floor", coverage_floor),
        gate("5", "no older version", no_older_version),
        gate("5", "same signer", same_signer),
    ];

    /// What the plugin is accepted to ask for beside what is in its place, once no gate has objected.
    pub(super) fn accepted(&self) -> BTreeSet<String> {
        grown_by(self).and_then(Result::ok).unwrap_or_default()
    }

    /// Asks all gates about the site, and refuses with all that they object to: each is about something else, and
    /// whoever can answer for one of them should hear of the others before that. None is for a mode to overrule:
    /// each holds what was promised of a plugin that is installed already.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        let objections = Self::GATES.iter().filter_map(|gate| gate.ask(self, trace));
        objections.reduce(|first, next| first.and(&next))
    }
}

/// In mode `disabled` no gate about proof is asked.
pub(super) fn pass_over(trace: &mut Trace) {
    ProofCase::GATES.iter().for_each(|gate| trace.not_reached(gate.question, "trust mode disabled"));
}

impl<Case> Gate<Case> {
    /// Asks, and writes down the answer.
    fn ask(&self, case: &Case, trace: &mut Trace) -> Option<Fault> {
        match (self.ask)(case) {
            Answer::Passed(evidence) => trace.passed(self.question, evidence),
            Answer::NotAsked => trace.not_reached(self.question, ""),
            Answer::Unable(why) => trace.not_reached(self.question, &why),
            Answer::Objects(fault) => {
                trace.failed(self.question, &fault);
                return Some(fault);
            }
        }
        None
    }
}

/// An id that could be no directory is none, and whoever installs refuses it before. A verdict about content says
/// nothing of it.
fn id(case: &ManifestCase<'_>) -> Answer {
    match case.manifest {
        Ok(manifest) => Answer::Passed(manifest.id.to_string()),
        Err(_) => Answer::Unable("the manifest states none that can be read".to_owned()),
    }
}

fn manifest(case: &ManifestCase<'_>) -> Answer {
    match case.manifest {
        Ok(manifest) => Answer::Passed(format!("{} {}", manifest.plugin_type, printable(&manifest.version))),
        Err(fault) => Answer::Unable(format!("{}: {fault}", fault.reason())),
    }
}

/// What a site lets no plugin ask for. A manifest that cannot be read may ask for it.
fn capabilities_allowed(case: &ManifestCase<'_>) -> Answer {
    let denied = &case.policy.denied_capabilities;
    match case.grants {
        _ if denied.is_empty() => Answer::Passed(String::new()),
        Err(fault) => Answer::Objects(fault.clone()),
        Ok(grants) => match grants_among(grants, denied).as_slice() {
            [] => Answer::Passed(format!("none of the {} that are denied", denied.len())),
            found => Answer::Objects(refusal::capabilities_denied(found)),
        },
    }
}

fn grants_among(grants: &BTreeSet<String>, these: &BTreeSet<Capability>) -> Vec<Capability> {
    these.iter().copied().filter(|capability| grants.contains(capability.as_str())).collect()
}

fn publisher(case: &PublisherCase<'_>) -> Answer {
    match case.verdict {
        None => Answer::NotAsked,
        // Nobody was looked for.
        Some(verdict) if verdict.status() == SignatureStatus::Skipped => Answer::NotAsked,
        Some(_) if !case.policy.publishers.are_limited() => Answer::Passed("every trusted key".to_owned()),
        Some(verdict) => match case.policy.decision_on(&known(verdict.signers())) {
            Some(decision) => Answer::Passed(decision.as_str().replace('_', " ")),
            // What nobody has signed is from nobody: a signature that was removed is no way around a list.
            None if verdict.status() != SignatureStatus::Verified => {
                let objection = verdict.objection().cloned();
                Answer::Objects(objection.unwrap_or_else(refusal::unsigned).caused_by(refusal::BY_A_LIST))
            }
            None => {
                let required = case.policy.required_signers.get();
                Answer::Objects(refusal::untrusted_publisher(&known(verdict.signers()), required))
            }
        },
    }
}

/// Nothing new comes that asks for what no host can grant. What is installed already has been agreed to, and may be
/// put back as it was.
fn capabilities_known(case: &SiteCase<'_>) -> Answer {
    let is_accepted = case.facts.consent.capabilities == CapabilityConsent::AcceptedBefore;
    match case.ungrantable {
        None => Answer::Passed(String::new()),
        Some(_) if case.facts.errand != Errand::Arrival || is_accepted => {
            Answer::Passed("not all, and accepted before".to_owned())
        }
        Some(fault) => Answer::Objects(fault.clone()),
    }
}

/// What a plugin asks for and what is in its place was not accepted with; nothing where nothing is replaced, or by the
/// same.
fn grown_by(case: &SiteCase<'_>) -> Option<Result<BTreeSet<String>, Fault>> {
    let in_place = replaced(case.verdict, case.facts).filter(|_| case.facts.errand == Errand::Arrival)?;
    Some(match case.grants {
        Ok(grants) => Ok(in_place.capabilities.as_ref().map_or(grants.clone(), |before| grants - before)),
        Err(fault) => Err(fault.clone()),
    })
}

/// Whoever has accepted a plugin has accepted what it asked for then, and the same signer may ask for more later.
fn no_new_capabilities(case: &SiteCase<'_>) -> Answer {
    let is_known = case.facts.in_place.as_ref().is_none_or(|in_place| in_place.capabilities.is_some());
    match (grown_by(case), &case.facts.consent.capabilities) {
        (None, _) => Answer::Passed(String::new()),
        (Some(Err(fault)), _) => Answer::Objects(fault),
        (Some(Ok(grown)), _) if grown.is_empty() => Answer::Passed("no more than before".to_owned()),
        (Some(Ok(grown)), CapabilityConsent::AcceptedBefore) => {
            Answer::Passed(format!("{}, as accepted before", refusal::listed(&grown)))
        }
        (Some(Ok(grown)), CapabilityConsent::These(these)) if is_exactly(&grown, these) => {
            Answer::Passed(format!("{}, as was said", refusal::listed(&grown)))
        }
        (Some(Ok(grown)), consent) => Answer::Objects(refusal::capabilities_grown(&grown, consent, is_known)),
    }
}

fn is_exactly(grown: &BTreeSet<String>, these: &BTreeSet<Capability>) -> bool {
    grown.iter().map(String::as_str).eq(sorted(these))
}

/// The names in their order, which is not that of the reference.
fn sorted(these: &BTreeSet<Capability>) -> BTreeSet<&'static str> {
    these.iter().map(|capability| capability.as_str()).collect()
}

fn signature_present(case: &ProofCase<'_>) -> Answer {
    match case.outcome {
        Some(Outcome::Unsigned) => Answer::Objects(refusal::unsigned()),
        _ => Answer::Passed(String::new()),
    }
}

fn signature_form(case: &ProofCase<'_>) -> Answer {
    match case.outcome {
        Some(Outcome::Malformed(fault)) => Answer::Objects(fault.clone()),
        _ => Answer::Passed(String::new()),
    }
}

fn trusted_keys(case: &ProofCase<'_>) -> Answer {
    let Findings { keys, skipped, .. } = case.findings;
    match case.outcome {
        Some(Outcome::NoTrustedKeys { directory, skipped }) => {
            Answer::Objects(refusal::no_trusted_keys(directory, skipped))
        }
        _ => {
            let trusted = || keys.iter().filter(|key| key.place == KeyPlace::Trusted);
            let counting = trusted().filter(|key| key.standing == Standing::Current).count();
            Answer::Passed(format!("{counting} of {} count", trusted().count() + skipped.len()))
        }
    }
}

fn signed_by_a_trusted_key(case: &ProofCase<'_>) -> Answer {
    match case.outcome {
        Some(Outcome::Untrusted { digest, tried, skipped, cause }) => {
            Answer::Objects(refusal::untrusted(*digest, tried, skipped, cause))
        }
        Some(Outcome::NotCounted { key_id, standing }) => Answer::Objects(refusal::not_counted(key_id, standing)),
        // A tree that is stated in an unknown form is refused before any key is tried.
        None | Some(Outcome::UnknownIntegrity(_)) => Answer::NotAsked,
        Some(_) => Answer::Passed(signers(case.findings)),
    }
}

fn signers(findings: &Findings) -> String {
    let counts = |key: &&aisoc_signing::KeyTried| !key.verifies.is_empty() && key.standing == Standing::Current;
    let names: Vec<String> = findings.keys.iter().filter(counts).map(|key| key.key_id.to_string()).collect();
    names.join(", ")
}

fn files_as_signed(case: &ProofCase<'_>) -> Answer {
    match case.outcome {
        Some(Outcome::OtherTree { key_id, difference }) => Answer::Objects(refusal::other_tree(key_id, difference)),
        Some(Outcome::UnknownIntegrity(fault)) => Answer::Objects(fault.clone()),
        None => Answer::NotAsked,
        Some(_) => Answer::Passed(match case.findings.tree.claimed {
            Some(Coverage::Full) => "every file is covered".to_owned(),
            _ => {
                let open = case.findings.tree.uncovered.len();
                format!("manifest and *.py are covered, {open} other files are not")
            }
        }),
    }
}

fn policy(case: &ProofCase<'_>) -> Answer {
    match case.outcome {
        Some(Outcome::Verified(verified)) => {
            shortfall(case.policy, verified).map_or_else(|| Answer::Passed(String::new()), Answer::Objects)
        }
        _ => Answer::NotAsked,
    }
}

/// What the policy misses in a verified signature.
fn shortfall(policy: &Policy, verified: &Verified) -> Option<Fault> {
    if verified.signers().len() < policy.required_signers.get() {
        return Some(refusal::too_few(policy.required_signers.get(), verified));
    }
    // Whatever the rule: what was taken away is no matter of what may stand beside the code.
    if !verified.absent().is_empty() {
        return Some(refusal::absent(verified.absent()));
    }
    let by_rule = uncovered(policy.coverage, verified)?;
    let is_enough = |signer: &&Signer| uncovered(rule_of(signer, policy.coverage), verified).is_none();
    let enough = verified.signers().iter().filter(is_enough).count();
    (enough < policy.required_signers.get()).then_some(by_rule)
}

/// What a rule misses in the coverage of a verified signature.
fn uncovered(rule: CoverageRule, verified: &Verified) -> Option<Fault> {
    match (verified.coverage(), rule) {
        (Coverage::Full, _) | (_, CoverageRule::Code) => None,
        (_, CoverageRule::InertRest) => refusal::hazardous(verified.uncovered()),
        (_, CoverageRule::Full) => Some(refusal::partial(verified.uncovered())),
    }
}

/// The rule that a signer is held to: its note may accept less than the default, and never less than a site that asks
/// for every file.
fn rule_of(signer: &Signer, site: CoverageRule) -> CoverageRule {
    match (site, signer.coverage) {
        (CoverageRule::InertRest, Some(KeyCoverage::Code)) => CoverageRule::Code,
        (site, _) => site,
    }
}

/// Two ids that one file system or one host takes for each other are one plugin, and the second would
/// replace the first without being its upgrade.
fn one_spelling(case: &SiteCase<'_>) -> Answer {
    match &case.facts.other_spelling {
        Some(fault) => Answer::Objects(fault.clone()),
        None => Answer::Passed(String::new()),
    }
}

/// Holds the verdict to the widest coverage that was ever verified of the plugin. Mode `warn` is for
/// publishers who do not sign yet, and lets nobody take back what they have signed; mode `disabled` has
/// read nothing that could be held to anything, and nothing that could be lowered to.
fn coverage_floor(case: &SiteCase<'_>) -> Answer {
    let SiteCase { verdict, facts, .. } = case;
    let is_unread = verdict.status() == SignatureStatus::Skipped;
    match &facts.coverage_floor {
        Err(_) | Ok(_) if facts.lowers_floor && !is_unread => Answer::Passed("lowered, with a reason".to_owned()),
        Err(fault) => Answer::Objects(fault.clone()),
        Ok(_) if is_unread => Answer::Passed("nothing was read".to_owned()),
        Ok(floor) if verdict.coverage() >= *floor => Answer::Passed(format!("{floor}")),
        Ok(floor) => Answer::Objects(refusal::downgrade(*floor, verdict)),
    }
}

/// A version that is not known, in words.
const NO_VERSION: &str = "an unknown version";

/// What stands in the place that another tree would take: the same tree again replaces nothing.
fn replaced<'a>(verdict: &Verdict, facts: &'a Facts) -> Option<&'a InPlace> {
    facts.in_place.as_ref().filter(|in_place| in_place.recorded != Some(verdict.subject()))
}

/// A registry can offer an older version that was signed well, and whose mistakes are known by now. Where nobody can
/// tell which one is older it is refused too: by way of `nightly` any version would lead to any other.
fn no_older_version(case: &SiteCase<'_>) -> Answer {
    let Some(in_place) = replaced(case.verdict, case.facts) else { return Answer::Passed(String::new()) };
    // A directory that holds nothing of anybody's has no version either.
    if in_place.version.is_none() && !in_place.signers.is_signed() {
        return Answer::Passed("no version is in place".to_owned());
    }
    let (before, now) = (in_place.version.as_deref(), case.version);
    let order = before.zip(now).and_then(|(before, now)| compare_or_same(before, now));
    let (before, now) = (before.unwrap_or(NO_VERSION), now.unwrap_or(NO_VERSION));
    match order {
        Some(Ordering::Less | Ordering::Equal) => Answer::Passed(format!("{before} → {now}")),
        _ if case.facts.consent.downgrade => Answer::Passed(format!("{before} → {now}, as was said")),
        Some(Ordering::Greater) => Answer::Objects(refusal::older(before, now, in_place, case.verdict)),
        None => Answer::Objects(refusal::uncompared(before, now, in_place, case.verdict)),
    }
}

/// Every trusted key may sign every plugin, so the key of one publisher would do for the plugin of another. Mode
/// `disabled` reads no signature, and knows neither.
fn same_signer(case: &SiteCase<'_>) -> Answer {
    let SiteCase { verdict, facts, .. } = case;
    let Some(in_place) = replaced(verdict, facts) else { return Answer::Passed(String::new()) };
    // Whoever accepts that a plugin is not signed any more has accepted that nobody has signed it.
    let is_loss_accepted = facts.lowers_floor && verdict.signers().is_empty();
    match verdict.status() {
        SignatureStatus::Skipped => Answer::Passed("nothing was read".to_owned()),
        _ if in_place.signers.go_on_in(verdict) => Answer::Passed(in_place.signers.to_string()),
        _ if facts.consent.signer_change => Answer::Passed("another one, as was said".to_owned()),
        _ if is_loss_accepted => Answer::Passed("none, with a reason".to_owned()),
        _ => Answer::Objects(refusal::other_signer(&in_place.signers, verdict)),
    }
}

/// Whether what is known of the signers in place settles neither who has signed it nor who is new. Where the tree is
/// gone there is nothing to look at.
pub(super) fn asks_who_signed(verdict: &Verdict, facts: &Facts) -> bool {
    let is_new = |in_place: &InPlace| verdict.signers().iter().any(|it| !in_place.signers.include(it.fingerprint));
    let is_open = |in_place: &InPlace| !in_place.is_gone && (verdict.signers().is_empty() || is_new(in_place));
    verdict.status() != SignatureStatus::Skipped && replaced(verdict, facts).is_some_and(is_open)
}
