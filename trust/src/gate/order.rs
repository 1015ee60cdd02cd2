//! The gates as a list: which there are, in which order they are asked, and what each asks.
//!
//! The order is part of what users see: of several things that are wrong the first is named. It follows
//! the order in which the verifier comes to know things (`aisoc_signing::examine`), and then the site.

use std::cmp::Ordering;

use aisoc_manifests::fault::Fault;
use aisoc_manifests::version_order::compare_or_same;
use aisoc_signing::{Coverage, Findings, KeyCoverage, KeyPlace, Outcome, Signer, Standing, Verified};

use super::trace::Trace;
use crate::facts::{Facts, InPlace};
use crate::mode::{CoverageRule, Policy, SignatureStatus};
use crate::refusal;
use crate::verdict::Verdict;

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
    /// The version that the manifest of the verdict's tree states.
    pub(super) version: Option<&'a str>,
}

enum Answer {
    Passed(String),
    Objects(Fault),
    /// It has nothing to go by.
    NotAsked,
}

/// A question with a name.
struct Gate<Case> {
    name: &'static str,
    ask: fn(&Case) -> Answer,
}

impl ProofCase<'_> {
    const GATES: [Gate<Self>; 6] = [
        Gate { name: "signature present", ask: signature_present },
        Gate { name: "signature form", ask: signature_form },
        Gate { name: "trusted keys", ask: trusted_keys },
        Gate { name: "signed by a trusted key", ask: signed_by_a_trusted_key },
        Gate { name: "files as signed", ask: files_as_signed },
        Gate { name: "policy", ask: policy },
    ];

    /// Asks the gates about proof, up to the first that objects: what the verifier would come to know next it does
    /// not know without what is missing.
    pub(super) fn ask(&self, trace: &mut Trace) -> Option<Fault> {
        let mut objection = None;
        for gate in &Self::GATES {
            match objection {
                None => objection = gate.ask(self, trace),
                Some(_) => trace.not_reached(gate.name, ""),
            }
        }
        objection
    }
}

impl SiteCase<'_> {
    const GATES: [Gate<Self>; 4] = [
        Gate { name: "one spelling of the id", ask: one_spelling },
        Gate { name: "coverage floor", ask: coverage_floor },
        Gate { name: "no older version", ask: no_older_version },
        Gate { name: "same signer", ask: same_signer },
    ];

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
    ProofCase::GATES.iter().for_each(|gate| trace.not_reached(gate.name, "trust mode disabled"));
}

impl<Case> Gate<Case> {
    /// Asks, and writes down the answer.
    fn ask(&self, case: &Case, trace: &mut Trace) -> Option<Fault> {
        match (self.ask)(case) {
            Answer::Passed(evidence) => trace.passed(self.name, evidence),
            Answer::NotAsked => trace.not_reached(self.name, ""),
            Answer::Objects(fault) => {
                trace.failed(self.name, &fault);
                return Some(fault);
            }
        }
        None
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
