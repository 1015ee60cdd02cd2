//! What a reviewer goes through before a plugin is accepted: five questions, and what is known about each.

use std::collections::BTreeSet;

use aisoc_manifests::capability::{Capability, Impact};
use aisoc_trust::TrustDecision;

use crate::documents::{PluginChanges, ReviewItem};

/// What the questions are asked about.
#[derive(Debug)]
pub(super) struct Review<'a> {
    /// What the signature is worth, in one word; nothing of what has none by its kind.
    pub(super) signature_status: Option<&'a str>,
    /// Why it is let in.
    pub(super) trust_decision: Option<&'a str>,
    /// Why it is refused.
    pub(super) refusal: Option<&'a str>,
    /// Who has signed it, by the names under which they are known here.
    pub(super) signers: &'a [String],
    /// What it asks for; nothing of what declares nothing by its kind, or cannot be read.
    pub(super) capabilities: Option<&'a BTreeSet<String>>,
    /// What it says that it does.
    pub(super) description: Option<&'a str>,
    /// What differs from the version that was accepted.
    pub(super) changes: Option<&'a PluginChanges>,
}

/// Whether it asks to change something and not to report what it does.
pub fn writes_without_audit(capabilities: &BTreeSet<String>) -> bool {
    let known = known(capabilities);
    known.iter().any(|capability| capability.access() == "write") && !known.contains(&Capability::AuditEmit)
}

/// Those that a host knows.
fn known(capabilities: &BTreeSet<String>) -> Vec<Capability> {
    Capability::ALL.iter().copied().filter(|known| capabilities.contains(known.as_str())).collect()
}

/// The five questions, in order.
pub(super) fn checklist(review: &Review<'_>) -> Vec<ReviewItem> {
    vec![signed(review), documented(review), broad(review), audited(review), reviewed_again(review)]
}

const PASSED: &str = "ok";
const LOOK: &str = "look";
const REFUSED: &str = "no";

fn item(item: &'static str, question: &'static str, result: &'static str, finding: String) -> ReviewItem {
    ReviewItem { item, question, result, finding }
}

fn signed(review: &Review<'_>) -> ReviewItem {
    let by = match review.signers {
        [] => "signed by nobody who is trusted here".to_owned(),
        signers => format!("signed by {}", signers.join(" and ")),
    };
    let (result, finding) = match (review.refusal, review.trust_decision, review.signature_status) {
        (Some(refusal), ..) => (REFUSED, format!("{by}; refused: {refusal}")),
        (None, _, None) => (LOOK, "has no signature: prefer a source whose plugins are signed".to_owned()),
        (None, Some(decision), _) if decision == TrustDecision::TrustedPublisher.as_str() => {
            (PASSED, format!("{by}: {decision}"))
        }
        (None, Some(decision), _) => (LOOK, format!("{by}: let in by an exception, {decision}")),
        (None, None, Some(status)) => (LOOK, format!("{by}, signature {status}: let in by the trust mode alone")),
    };
    item(
        "1",
        "Who has signed it, and is its plugin taken from them, or by an exception that somebody answers for?",
        result,
        finding,
    )
}

fn documented(review: &Review<'_>) -> ReviewItem {
    let says =
        review.description.map_or_else(|| "it does not say what it does".to_owned(), |text| format!("it says: {text}"));
    let (result, finding) = match review.capabilities {
        None => (LOOK, format!("it declares nothing that could be compared; {says}")),
        Some(none) if none.is_empty() => (PASSED, format!("it asks for nothing; {says}")),
        Some(asked) => (LOOK, format!("it asks for {}; {says}", joined(asked.iter().map(String::as_str)))),
    };
    item("2", "Does what it asks for fit what its documentation says that it does?", result, finding)
}

fn broad(review: &Review<'_>) -> ReviewItem {
    let marked = |impact| {
        let asked = review.capabilities.map(known).unwrap_or_default();
        asked.into_iter().filter(|capability| capability.impact() == impact).map(Capability::as_str).collect::<Vec<_>>()
    };
    let (high, sensitive) = (marked(Impact::High), marked(Impact::Sensitive));
    let said = |what: &str, names: Vec<&str>| (!names.is_empty()).then(|| format!("{what}: {}", names.join(", ")));
    let found: Vec<String> = [said("high impact", high), said("sensitive", sensitive)].into_iter().flatten().collect();
    let (result, finding) = match (review.capabilities, found.as_slice()) {
        (None, _) => (LOOK, "not limited to anything".to_owned()),
        (Some(_), []) => (PASSED, "none of high impact, none sensitive".to_owned()),
        (Some(_), found) => (LOOK, found.join("; ")),
    };
    item(
        "3",
        "Is each broad one needed: to write, to reach tenants, peers, identities, or other machines?",
        result,
        finding,
    )
}

fn audited(review: &Review<'_>) -> ReviewItem {
    let (result, finding) = match review.capabilities {
        None => (LOOK, "it declares no audit events".to_owned()),
        Some(asked) if writes_without_audit(asked) => (LOOK, "writes without audit.emit".to_owned()),
        Some(asked) if asked.contains(Capability::AuditEmit.as_str()) => (PASSED, "asks for audit.emit".to_owned()),
        Some(_) => (PASSED, "asks to change nothing".to_owned()),
    };
    item("4", "Does it report what it changes?", result, finding)
}

fn reviewed_again(review: &Review<'_>) -> ReviewItem {
    let (result, finding) = match review.changes {
        None => (LOOK, "no version of it was accepted here before".to_owned()),
        Some(changes) => match (&changes.capability_changes, changes.differs) {
            (None, _) => (LOOK, "nobody can tell what the accepted version asked for".to_owned()),
            (Some(asked), _) if !asked.added.is_empty() => {
                (LOOK, format!("asks for more than what was accepted: {}", asked.added.join(", ")))
            }
            (Some(_), true) => (LOOK, "it has changed, and asks for no more than what was accepted".to_owned()),
            (Some(_), false) => (PASSED, "nothing differs from what was accepted".to_owned()),
        },
    };
    item("5", "Was it looked at again since it changed, whoever has signed it?", result, finding)
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
