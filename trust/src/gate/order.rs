//! The gates as a list: which there are, in which order they are asked, and what each asks.
//!
//! The order is part of what users see: of several things that are wrong the first is named. It follows
//! the order in which the verifier comes to know things (`aisoc_signing::examine`), and then the site. The numbers are
//! those of the manual (`aisoc help trust`, "The gates"), which has one list for every source of plugins. It is one file,
//! because it is read as that list: whoever asks why something was refused reads the gates one after the other.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::text::printable;
use aisoc_manifests::version_order::compare_or_same;
use aisoc_signing::{Coverage, Findings, KeyCoverage, KeyPlace, Outcome, Signer, Standing, Verified};

use super::beyond::{Proofs, RequiredShown};
use super::found::{FoundPlugin, FoundSignature};
use super::growth::{Grown, Growth};
use super::trace::{FILES_AS_SIGNED, Question, Trace};
use crate::continuity::known;
use crate::facts::{CapabilityConsent, Errand, Facts, InPlace};
use crate::lock_facts::{LockDemand, LockFacts};
use crate::mode::{CoverageRule, SignatureStatus};
use crate::policy::Policy;
use crate::refusal;
use crate::verdict::Verdict;

/// What is asked of what nobody has read, once nothing else is against it.
pub(super) const ACKNOWLEDGED: Question = Question { number: "5", name: "known to be unsigned" };

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

/// What the gates are asked about that hold what a plugin asks for to what this site has accepted.
pub(super) struct GrantsCase<'a> {
    pub(super) subject: TreeDigest,
    pub(super) facts: &'a Facts,
    /// What it asks of the host; why that cannot be read, where it cannot.
    pub(super) grants: Result<&'a BTreeSet<String>, &'a Fault>,
    /// Why a host could not grant it.
    pub(super) ungrantable: Option<&'a Fault>,
}

/// What the gates are asked about that hold who has signed it, and what, to what is in its place.
pub(super) struct PlaceCase<'a> {
    pub(super) verdict: &'a Verdict,
    pub(super) facts: &'a Facts,
    /// The version that the manifest of the verdict's tree states.
    pub(super) version: Option<&'a str>,
}

/// What the gate about the lock is asked about.
pub(super) struct LockCase<'a> {
    pub(super) lock: Option<&'a LockFacts>,
    /// What was verified, where anything was.
    pub(super) coverage: Option<Coverage>,
    /// By whose signatures.
    pub(super) signed_by: Vec<String>,
}

/// What the gate about names is asked about.
pub(super) struct NameCase<'a> {
    /// Who has the id, or a spelling of it.
    pub(super) other: Option<&'a Fault>,
}

/// What is asked about everything that is found, wherever that is.
pub(super) struct FoundCase<'a> {
    pub(super) plugin: &'a FoundPlugin<'a>,
}

/// What is asked about the signature of what is found.
pub(super) struct SignatureCase<'a> {
    pub(super) signature: &'a FoundSignature,
}

/// What is asked about a plugin that was run.
pub(super) struct ContractCase<'a> {
    /// Why it does not keep its contract, if it does not.
    pub(super) broken: Option<&'a Fault>,
}

/// What is asked about what the code of a plugin says that it asks for.
pub(super) struct DeclaredCase<'a> {
    pub(super) grants: &'a BTreeSet<String>,
    pub(super) policy: &'a Policy,
    /// What plugins.lock accepts of it; nothing where it does not say.
    pub(super) accepted: Option<&'a BTreeSet<String>>,
}

/// What is asked about proofs beyond a key, one question for each that is required.
pub(super) struct BeyondCase<'a> {
    pub(super) proofs: &'a Proofs,
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
    ("7", "lock", "asked where plugins are listed, installed and explained"),
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
        gate("5", FILES_AS_SIGNED, files_as_signed),
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

impl BeyondCase<'_> {
    /// Asks about each that is required: of several that are missing all are named.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        all_of(self.proofs.0.iter().filter_map(|required| gate("5", required.name, shown).ask(required, trace)))
    }
}

impl GrantsCase<'_> {
    const GATES: [Gate<Self>; 2] =
        [gate("4", "capabilities known", capabilities_known), gate("4", "no new capabilities", no_new_capabilities)];

    /// What the plugin is accepted to ask for beside what was accepted before, once no gate has objected.
    pub(super) fn accepted(&self) -> BTreeSet<String> {
        let growth = |grants| Growth::of(self.facts, self.subject, grants).whole();
        self.grants.map(growth).unwrap_or_default()
    }

    /// Asks both. None is for a mode to overrule: each holds what was promised of a plugin that is here already.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        all_of(Self::GATES.iter().filter_map(|gate| gate.ask(self, trace)))
    }
}

impl PlaceCase<'_> {
    const GATES: [Gate<Self>; 3] = [
        gate("5", "coverage floor", coverage_floor),
        gate("5", "no older version", no_older_version),
        gate("5", "same signer", same_signer),
    ];

    /// Asks all of them. None is for a mode to overrule either.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        all_of(Self::GATES.iter().filter_map(|gate| gate.ask(self, trace)))
    }

    /// They compare with what was verified, and nothing was.
    pub(super) fn pass_over(trace: &mut Trace) {
        Self::GATES.iter().for_each(|gate| trace.not_reached(gate.question, ""));
    }
}

impl FoundCase<'_> {
    const GATES: [Gate<Self>; 3] = [
        gate("1", "place", found_place),
        gate("2", "drop-ins allowed here", found_switch),
        gate("3a", "kind", found_kind),
    ];

    /// Asks what is asked of everything that is found.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        all_of(Self::GATES.iter().filter_map(|gate| gate.ask(self, trace)))
    }

    /// Of what is no plugin, or one that another has the id of: the gate that has found that out.
    pub(super) fn fail(fault: &Fault, trace: &mut Trace) -> Fault {
        let (number, name) = match fault.reason() {
            Reason::DuplicatePluginId => ("8", NameCase::NAME),
            Reason::ForbiddenEntry | Reason::DirectoryInsecure => ("1", "place"),
            _ if fault.is_unread() => ("1", "place"),
            _ => ("3a", "manifest"),
        };
        trace.failed(Question { number, name }, fault);
        fault.clone()
    }
}

impl SignatureCase<'_> {
    const GATE: Gate<Self> = gate("5", "signature", found_signature);

    /// Asks what was said of its signature.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        Self::GATE.ask(self, trace)
    }
}

impl ContractCase<'_> {
    const GATE: Gate<Self> = gate("3b", "contract", contract);

    /// Asks what came of running it.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        Self::GATE.ask(self, trace)
    }
}

impl DeclaredCase<'_> {
    const GATES: [Gate<Self>; 2] =
        [gate("4", "capabilities allowed here", declared_allowed), gate("4", "no new capabilities", declared_accepted)];

    /// Asks both, behind gate 3b: nobody knows before what the code says.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        all_of(Self::GATES.iter().filter_map(|gate| gate.ask(self, trace)))
    }
}

impl LockCase<'_> {
    const GATE: Gate<Self> = gate("7", "accepted by plugins.lock", lock);

    /// Asks the gate about the lock. Trust modes say who has made some bytes, and this whether anybody here has looked at
    /// them: neither overrules the other.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        trace.forget("7");
        self.lock.and_then(|_| Self::GATE.ask(self, trace))
    }
}

impl NameCase<'_> {
    const NAME: &'static str = "one plugin of the id";
    const GATE: Gate<Self> = gate("8", Self::NAME, one_name);

    /// Asks the gate about names.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        Self::GATE.ask(self, trace)
    }
}

/// All objections in one: each is about something else, and whoever can answer for one of them should hear of the others
/// before that.
pub(super) fn all_of(objections: impl IntoIterator<Item = Fault>) -> Option<Fault> {
    objections.into_iter().reduce(|first, next| first.and(&next))
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
    match case.grants {
        _ if case.policy.denied_capabilities.is_empty() => Answer::Passed(String::new()),
        Err(fault) => Answer::Objects(fault.clone()),
        Ok(grants) => allowed(grants, case.policy),
    }
}

fn declared_allowed(case: &DeclaredCase<'_>) -> Answer {
    allowed(case.grants, case.policy)
}

fn allowed(grants: &BTreeSet<String>, policy: &Policy) -> Answer {
    match (policy.denial_of(grants), policy.denied_capabilities.len()) {
        (Some(fault), _) => Answer::Objects(fault),
        (None, 0) => Answer::Passed(String::new()),
        (None, denied) => Answer::Passed(format!("none of the {denied} that are denied")),
    }
}

/// An entry of the lock that says what it accepts accepts no more than that, in every mode: its hash is about the code, and
/// this about what somebody has agreed to.
fn declared_accepted(case: &DeclaredCase<'_>) -> Answer {
    let Some(accepted) = case.accepted else { return Answer::Passed(String::new()) };
    let grown: BTreeSet<String> = case.grants - accepted;
    match grown.is_empty() {
        true => Answer::Passed("no more than before".to_owned()),
        false => Answer::Objects(refusal::capabilities_beyond_lock(&grown, accepted)),
    }
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

fn shown(required: &RequiredShown) -> Answer {
    match &required.outcome {
        Ok(by) => Answer::Passed(printable(by).into_owned()),
        Err(fault) => Answer::Objects(fault.clone()),
    }
}

fn found_place(case: &FoundCase<'_>) -> Answer {
    Answer::Passed(case.plugin.place.to_owned())
}

fn found_switch(case: &FoundCase<'_>) -> Answer {
    match case.plugin.is_allowed {
        None => Answer::NotAsked,
        Some(true) => Answer::Passed(String::new()),
        Some(false) => Answer::Objects(refusal::user_plugins_disabled()),
    }
}

fn found_kind(case: &FoundCase<'_>) -> Answer {
    Answer::Passed(case.plugin.kind.to_owned())
}

fn found_signature(case: &SignatureCase<'_>) -> Answer {
    match case.signature {
        FoundSignature::OfNoKind => Answer::Unable("nobody signs what is installed by a package manager".to_owned()),
        FoundSignature::Passes(evidence) => Answer::Passed(evidence.clone()),
        FoundSignature::Refused(fault) => Answer::Objects(fault.clone()),
    }
}

fn contract(case: &ContractCase<'_>) -> Answer {
    case.broken.map_or_else(|| Answer::Passed(String::new()), |fault| Answer::Objects(fault.clone()))
}

/// Nothing new comes that asks for what no host can grant. What is installed already has been agreed to, and may be
/// put back as it was.
fn capabilities_known(case: &GrantsCase<'_>) -> Answer {
    use CapabilityConsent::{AcceptedBefore, AcceptedBeforeAnd};
    let is_accepted = matches!(case.facts.consent.capabilities, AcceptedBefore | AcceptedBeforeAnd(_));
    match case.ungrantable {
        None => Answer::Passed(String::new()),
        Some(_) if case.facts.errand != Errand::Arrival || is_accepted => {
            Answer::Passed("not all, and accepted before".to_owned())
        }
        Some(fault) => Answer::Objects(fault.clone()),
    }
}

/// Whoever has accepted a plugin has accepted what it asked for then, and the same signer may ask for more later.
fn no_new_capabilities(case: &GrantsCase<'_>) -> Answer {
    let GrantsCase { subject, facts, grants, .. } = case;
    match grants {
        Err(fault) if Growth::is_held(facts, *subject) => Answer::Objects((*fault).clone()),
        Err(_) => Answer::Passed(String::new()),
        Ok(grants) => match Growth::of(facts, *subject, grants).decide(&facts.consent.capabilities) {
            Grown::Passes(evidence) => Answer::Passed(evidence),
            Grown::Refused(fault) => Answer::Objects(fault),
        },
    }
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
    let named = |key: &aisoc_signing::KeyTried| match &key.signed_at {
        Some(signed) => format!("{} (signed at {}, says `{}`)", key.key_id, signed.at, signed.authority),
        None => key.key_id.to_string(),
    };
    let names: Vec<String> = findings.keys.iter().filter(counts).map(named).collect();
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

/// A signature says who has made some bytes, the lock that this site has looked at them. What dev lets pass is said all
/// the same.
fn lock(case: &LockCase<'_>) -> Answer {
    let Some(LockFacts { demand, path, listed }) = case.lock else { return Answer::NotAsked };
    if let LockDemand::Recording(objection) = demand {
        let accepted = || Answer::Passed("accepted as it comes".to_owned());
        return objection.clone().map_or_else(accepted, Answer::Objects);
    }
    let Some(listed) = listed else {
        return match demand {
            LockDemand::Dev => Answer::Unable("there is no plugins.lock, and dev asks for none".to_owned()),
            _ => Answer::Objects(refusal::lock_missing(path)),
        };
    };
    let accepted = || listed.entry.as_ref().map(|entry| format!("{} {}", entry.version, entry.distribution_hash));
    let by_others = || match demand {
        LockDemand::AsSigned => listed.signer_objection(&case.signed_by),
        _ => None,
    };
    match listed.objection(case.coverage).or_else(by_others) {
        None => Answer::Passed(printable(&accepted().unwrap_or_default()).into_owned()),
        Some(objection) if matches!(demand, LockDemand::Dev) => {
            Answer::Passed(format!("not as it is, which dev lets pass: {objection}"))
        }
        Some(objection) => Answer::Objects(objection),
    }
}

/// Two ids that one file system or one host takes for each other are one plugin, and the second would
/// replace the first without being its upgrade.
fn one_name(case: &NameCase<'_>) -> Answer {
    match case.other {
        Some(fault) => Answer::Objects(fault.clone()),
        None => Answer::Passed(String::new()),
    }
}

/// Holds the verdict to the widest coverage that was ever verified of the plugin. Mode `warn` is for
/// publishers who do not sign yet, and lets nobody take back what they have signed; mode `disabled` has
/// read nothing that could be held to anything, and nothing that could be lowered to.
fn coverage_floor(case: &PlaceCase<'_>) -> Answer {
    let PlaceCase { verdict, facts, .. } = case;
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

/// A registry can offer an older version that was signed well, and whose mistakes are known by now. Where nobody can
/// tell which one is older it is refused too: by way of `nightly` any version would lead to any other.
fn no_older_version(case: &PlaceCase<'_>) -> Answer {
    let Some(in_place) = case.facts.replaced(case.verdict.subject()) else { return Answer::Passed(String::new()) };
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
fn same_signer(case: &PlaceCase<'_>) -> Answer {
    let PlaceCase { verdict, facts, .. } = case;
    let Some(in_place) = facts.replaced(verdict.subject()) else { return Answer::Passed(String::new()) };
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
    verdict.status() != SignatureStatus::Skipped && facts.replaced(verdict.subject()).is_some_and(is_open)
}
