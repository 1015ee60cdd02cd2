//! What a key gets that others have named their successor: at most what all of them have, and never more.

use jiff::Timestamp;

use aisoc_manifests::fault::{Fault, Reason, Result};

use super::held::HeldKey;
use super::kind::{KeyCoverage, SignatureKind};
use super::notes::KeyNotes;
use super::scope::Scope;

/// The note of a successor, by whatever limits its endorsers: every note on each of them, under whatever name.
///
/// The scope holds what all scopes hold, by pattern: of two patterns the one that is within the other. Two that only
/// overlap give nothing, which is narrower than it could be and never wider.
///
/// # Errors
/// `key_out_of_scope` when nothing is left that it could sign, and for scopes that together are larger than a note takes.
pub fn inherited(endorsers: &[&HeldKey], not_before: Timestamp) -> Result<KeyNotes> {
    let limits = || endorsers.iter().flat_map(|key| key.limits.notes.iter());
    let scopes: Vec<&Scope> = limits().filter_map(|notes| notes.scope.as_ref()).collect();
    let may_sign = kinds(endorsers);
    if may_sign.is_empty() {
        return Err(nothing_left("its endorsers have nothing in common that they all sign"));
    }
    let notes = KeyNotes {
        owner: owner(endorsers),
        not_before: Some(not_before),
        not_after: endorsers.iter().filter_map(|key| key.planned_end()).map(|end| end.at()).min(),
        scope: scope(&scopes)?,
        coverage: coverage(endorsers),
        may_sign: Some(may_sign),
        endorsed_by: Some(endorsers.iter().map(|key| key.fingerprint).collect()),
        ..KeyNotes::new()
    };
    let unfit =
        |fault: Fault| nothing_left("what its endorsers may sign together is no scope of a note").caused_by(fault);
    notes.require_sound().map_err(unfit)?;
    Ok(notes)
}

/// What a key may do that another one may not: a member of a note, and what it says for either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wider {
    /// The member: `may_sign`, `scope` or `coverage`.
    pub member: &'static str,
    /// For the key.
    pub own: String,
    /// For the other one.
    pub other: String,
}

/// Whether a key may do more than another one, by every note on either: sign other things, sign in a wider scope, or be
/// believed with less. Dates are those of each key alone.
pub fn wider(key: &HeldKey, other: &HeldKey) -> Option<Wider> {
    let (own_kinds, kinds) = (kinds(&[key]), kinds(&[other]));
    if own_kinds.iter().any(|kind| !kinds.contains(kind)) {
        let named = |kinds: &[SignatureKind]| match kinds.is_empty() {
            true => "nothing".to_owned(),
            false => kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        };
        return Some(Wider { member: "may_sign", own: named(&own_kinds), other: named(&kinds) });
    }
    let (own, scope) = (common_scope(key), common_scope(other));
    let is_within = match (&own, &scope) {
        // A key whose notes have no scope in common signs nothing.
        (Err(_), _) | (_, Ok(None)) => true,
        (Ok(_), Err(_)) | (Ok(None), Ok(Some(_))) => false,
        (Ok(Some(own)), Ok(Some(scope))) => own.is_within(scope),
    };
    if !is_within {
        let named = |scope: Result<Option<Scope>>| match scope {
            Ok(Some(scope)) => scope.to_string(),
            Ok(None) => "everything".to_owned(),
            Err(_) => "nothing".to_owned(),
        };
        return Some(Wider { member: "scope", own: named(own), other: named(scope) });
    }
    let is_wider = match (key.coverage(), other.coverage()) {
        (Some(KeyCoverage::Full), _) => false,
        (None, other) => other == Some(KeyCoverage::Full),
        (Some(KeyCoverage::Code), other) => other != Some(KeyCoverage::Code),
    };
    let named = |coverage: Option<KeyCoverage>| coverage.map_or("as the site asks", KeyCoverage::as_str).to_owned();
    is_wider.then(|| Wider { member: "coverage", own: named(key.coverage()), other: named(other.coverage()) })
}

/// The scope that every note on a key leaves it; nothing where none limits it.
fn common_scope(key: &HeldKey) -> Result<Option<Scope>> {
    let scopes: Vec<&Scope> = key.limits.notes.iter().filter_map(|notes| notes.scope.as_ref()).collect();
    scope(&scopes)
}

fn nothing_left(what: &str) -> Fault {
    Fault::new(Reason::KeyOutOfScope, format!("the successor could sign nothing: {what}"))
        .hint("see what each of them is limited to: `aisoc keys list`; `aisoc keys show ID` says it of one")
}

/// The one owner of all, where all have one.
fn owner(endorsers: &[&HeldKey]) -> Option<String> {
    let owner = endorsers.first()?.notes()?.owner.clone()?;
    let is_same = |key: &&HeldKey| key.notes().and_then(|notes| notes.owner.as_ref()) == Some(&owner);
    endorsers.iter().all(is_same).then_some(owner)
}

fn kinds(endorsers: &[&HeldKey]) -> Vec<SignatureKind> {
    let may = |key: &HeldKey, kind: SignatureKind| match key.limits.notes.is_empty() {
        true => KeyNotes::new().may_sign(kind),
        false => key.limits.notes.iter().all(|notes| notes.may_sign(kind)),
    };
    SignatureKind::ALL.into_iter().filter(|kind| endorsers.iter().all(|key| may(key, *kind))).collect()
}

/// The strictest: `full` before what the site asks for, and `code`, which gives something, where all have it.
fn coverage(endorsers: &[&HeldKey]) -> Option<KeyCoverage> {
    let asked: Vec<Option<KeyCoverage>> = endorsers.iter().map(|key| key.coverage()).collect();
    match asked.contains(&Some(KeyCoverage::Full)) {
        true => Some(KeyCoverage::Full),
        false => asked.iter().all(|one| *one == Some(KeyCoverage::Code)).then_some(KeyCoverage::Code),
    }
}

fn scope(scopes: &[&Scope]) -> Result<Option<Scope>> {
    let Some((first, others)) = scopes.split_first() else { return Ok(None) };
    let both = others.iter().try_fold((*first).clone(), |one, other| one.intersection(other));
    let empty = || nothing_left("no plugin and no repository is in the scope of all its endorsers");
    both.map(Some).ok_or_else(empty)
}
