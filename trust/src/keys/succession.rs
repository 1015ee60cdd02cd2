//! Whether a site follows an endorsement: who of those that signed it may vouch for a successor here, how many that has
//! to be, and what the successor gets. Nothing is read or written here.

use std::collections::BTreeSet;

use aisoc_files::shell_word;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::printable;
use aisoc_signing::{
    Envelope, Fingerprint, HeldKey, KeyId, KeyNotes, KeyPlace, Keyring, SignatureKind, Standing, Succession, inherited,
};
use jiff::Timestamp;

use super::change::KeyChange;
use super::plan::{Addition, Grounds};
use crate::refusal::reason_of;

/// What somebody asks a site to follow.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The endorsement.
    pub envelope: &'a Envelope,
    /// How many endorsers this site asks for; more where the endorsement itself asks for more.
    pub required: usize,
    /// Under which id the successor is to be trusted.
    pub id: String,
    /// Until when this site lets the successor count, in place of the time at which its endorsers end.
    pub not_after: Option<Timestamp>,
    /// The time to judge keys by.
    pub at: Timestamp,
    /// The keys that the journal speaks of: those were here before.
    pub known: BTreeSet<Fingerprint>,
}

/// What came of it.
#[derive(Debug)]
pub struct Acceptance {
    /// What the endorsers say.
    pub succession: Succession,
    /// Those that vouch for the successor here.
    pub endorsers: Vec<KeyId>,
    /// Those that signed it and do not count here, and why.
    pub not_counted: Vec<(KeyId, Fingerprint, Fault)>,
    /// How many there have to be.
    pub required: usize,
    /// What is done.
    pub outcome: Outcome,
}

/// What is done about a successor that may be trusted.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing: it is trusted already, under that id, and stands so.
    Unchanged(KeyId, Standing),
    /// It becomes a trusted key, with that note.
    Accepted(Box<KeyChange>, Box<KeyNotes>),
}

/// Those that have signed an endorsement, judged by where they stand here.
struct Signers<'a> {
    counting: Vec<&'a HeldKey>,
    others: Vec<(KeyId, Fingerprint, Fault)>,
}

/// Judges an endorsement by the keys as they are.
///
/// # Errors
/// `untrusted_key` when nobody known has signed it, `signature_invalid` when it was changed; `key_revoked`,
/// `key_expired`, `key_not_yet_valid`, `key_out_of_scope` and `untrusted_key` when none of those that signed it counts for
/// this; `signers_too_few`; `statement_invalid`, `statement_expired`; `weak_key`, `key_invalid`, `key_revoked` of the
/// successor; `endorsement_replayed` for a successor that was here and was taken away, `endorsement_conflict` for an
/// endorser that has another living successor; as [`KeyChange::add`].
pub fn accept(keyring: &Keyring, asked: &Asked<'_>, why: &Grounds) -> Result<Acceptance> {
    let opened = asked.envelope.open(keyring.all_keys().iter().map(|key| &key.key))?;
    let signers = Signers::of(keyring, opened.signers(), asked.at);
    // The word of nobody who counts is not even read.
    if let (true, Some((_, _, fault))) = (signers.counting.is_empty(), signers.others.first()) {
        return Err(fault.clone());
    }
    let succession = Succession::read(opened.payload())?;
    let counting: Vec<&HeldKey> =
        signers.counting.into_iter().filter(|key| succession.endorsers.contains(&key.fingerprint)).collect();
    let required = succession.required.max(asked.required);
    require_enough(&succession, &counting, &signers.others, required)?;
    require_in_time(&succession, asked.at)?;
    let outcome = outcome(keyring, asked, &succession, &counting, why)?;
    let endorsers = counting.iter().map(|key| key.id.clone()).collect();
    Ok(Acceptance { succession, endorsers, not_counted: signers.others, required, outcome })
}

impl<'a> Signers<'a> {
    /// One key is one signer, whatever its files are called; what limits it under one name limits it under all.
    fn of(keyring: &'a Keyring, signed: &BTreeSet<Fingerprint>, at: Timestamp) -> Self {
        let (mut counting, mut others) = (Vec::new(), Vec::new());
        for fingerprint in signed {
            // The trusted ones come first.
            let Some(key) = keyring.all_keys().iter().find(|key| key.fingerprint == *fingerprint) else { continue };
            match key.standing_as(SignatureKind::Succession, at) {
                Standing::Current => counting.push(key),
                standing => others.push((key.id.clone(), *fingerprint, does_not_count(key, &standing))),
            }
        }
        Self { counting, others }
    }
}

fn does_not_count(key: &HeldKey, standing: &Standing) -> Fault {
    let state = printable(&standing.to_string()).into_owned();
    let fault = Fault::new(reason_of(standing), format!("key `{}` endorses no successor here: it {state}", key.id));
    let fault = match standing {
        Standing::OutOfScope(scope) => fault.expected(scope.allowed(), scope.found()),
        _ => fault.expected("a trusted key that counts", state),
    };
    fault.hint(format!(
        "see what the key may sign here: `aisoc keys show {}`; whether it may name its successor is for whoever \
         administers this site to say, in its note (`may_sign`: `succession`, `aisoc help trust`)",
        shell_word(&key.file)
    ))
}

fn require_enough(
    succession: &Succession,
    counting: &[&HeldKey],
    others: &[(KeyId, Fingerprint, Fault)],
    required: usize,
) -> Result<()> {
    if counting.len() >= required {
        return Ok(());
    }
    let counts = |fingerprint: &&Fingerprint| counting.iter().any(|key| key.fingerprint == **fingerprint);
    let missing: Vec<String> =
        succession.endorsers.iter().filter(|one| !counts(one)).map(ToString::to_string).collect();
    let refused = |(id, _, fault): &(KeyId, Fingerprint, Fault)| format!("`{id}` does not count ({})", fault.reason());
    let mut found = vec![format!("{}", counting.len())];
    found.extend(others.iter().map(refused));
    Err(Fault::new(Reason::SignersTooFew, "fewer keys endorse the successor than are required")
        .expected(format!("{required} that count here"), found.join("; "))
        .hint(format!(
            "have one more of its endorsers sign it: `aisoc keys endorse NEW.pem --private-key KEY --add FILE`; these do \
             not count yet: {}",
            missing.join(", ")
        )))
}

fn require_in_time(succession: &Succession, at: Timestamp) -> Result<()> {
    match at < succession.until {
        true => Ok(()),
        false => Err(Fault::new(Reason::StatementExpired, "the time of the endorsement is over")
            .expected(format!("a time before {}", succession.until), at.to_string())
            .hint("ask the owner of the keys for a new endorsement: an old one may come from whoever has found the old key")),
    }
}

fn outcome(
    keyring: &Keyring,
    asked: &Asked<'_>,
    succession: &Succession,
    counting: &[&HeldKey],
    why: &Grounds,
) -> Result<Outcome> {
    let fingerprint = succession.successor.fingerprint();
    let there = keyring.all_keys().iter().filter(|key| key.fingerprint == fingerprint);
    match there.max_by_key(|key| key.place) {
        Some(key) if key.place == KeyPlace::Trusted && !matches!(key.standing(asked.at), Standing::Revoked { .. }) => {
            require_same_end(key, asked)?;
            return Ok(Outcome::Unchanged(key.id.clone(), key.standing(asked.at)));
        }
        Some(key) if key.place == KeyPlace::Retired => return Err(replayed(fingerprint, "was retired here")),
        None if asked.known.contains(&fingerprint) => {
            return Err(replayed(fingerprint, "was here, and was taken away"));
        }
        _ => {}
    }
    require_one_successor(keyring, fingerprint, counting, asked.at)?;
    require_end_to_come(asked, succession)?;
    let note = inherited(counting, succession.not_before)?;
    let note = KeyNotes { not_after: asked.not_after.or(note.not_after), ..note };
    let addition = Addition { key: succession.successor, id: asked.id.clone(), note: Some(note.clone()) };
    let change = KeyChange::accept(keyring, &addition, why)?;
    Ok(Outcome::Accepted(Box::new(change), Box::new(note)))
}

/// Who says an end means one that the key reaches.
fn require_end_to_come(asked: &Asked<'_>, succession: &Succession) -> Result<()> {
    let begins = asked.at.max(succession.not_before);
    match asked.not_after.filter(|end| *end <= begins) {
        None => Ok(()),
        Some(end) => Err(Fault::new(Reason::Usage, "the successor would never count")
            .expected(format!("`--not-after` behind {begins}"), end.to_string())
            .hint("say an end that is to come, or leave it out: then it ends with those who endorse it")),
    }
}

/// What is trusted already stays as it is: an end that is asked for here would be dropped without a word.
fn require_same_end(key: &HeldKey, asked: &Asked<'_>) -> Result<()> {
    let end = key.notes().and_then(|notes| notes.not_after);
    let Some(wanted) = asked.not_after.filter(|wanted| Some(*wanted) != end) else { return Ok(()) };
    let end = end.map_or_else(|| "no end".to_owned(), |end| end.to_string());
    let id = shell_word(&key.file);
    let time = shell_word(wanted.to_string());
    Err(Fault::new(Reason::AlreadyExists, format!("key `{}` is trusted already, and keeps its end", key.id))
        .expected(format!("`--not-after` left out, or {end}"), wanted.to_string())
        .hint(format!("change its note: `aisoc keys annotate {id} --not-after {time} --reason TEXT`")))
}

/// Somebody has decided about that key after it was endorsed, and the endorsement knows nothing of it.
fn replayed(fingerprint: Fingerprint, what: &str) -> Fault {
    Fault::new(Reason::EndorsementReplayed, format!("the successor {what}, and the endorsement is older than that"))
        .expected("a key that was never here", fingerprint.to_string())
        .hint("see who took it away and why: `aisoc keys journal show`; ask the owner of the keys for a new key")
}

/// An endorser has one successor at a time. Of two, one may be an attacker's, and which one no signature tells.
fn require_one_successor(
    keyring: &Keyring,
    successor: Fingerprint,
    counting: &[&HeldKey],
    at: Timestamp,
) -> Result<()> {
    let by_one_of_them = |key: &&HeldKey| counting.iter().find(|one| is_endorsed_by(key, one.fingerprint));
    let living = successors(keyring, at).filter(|key| key.fingerprint != successor);
    let Some((other, endorser)) = living.filter_map(|key| Some((key, *by_one_of_them(&key)?))).next() else {
        return Ok(());
    };
    Err(Fault::new(
        Reason::EndorsementConflict,
        format!("key `{}` has another successor here, `{}`", endorser.id, other.id),
    )
    .expected(other.fingerprint.to_string(), successor.to_string())
    .hint(format!(
        "ask the owner of the keys, on another way than this file came, which of the two is theirs. If it is the new \
         one, retire the other first: `aisoc keys retire {} --reason TEXT`, or revoke it",
        shell_word(&other.file)
    )))
}

/// The keys that count, or are going to, and stand here on the word of others.
fn successors(keyring: &Keyring, at: Timestamp) -> impl Iterator<Item = &HeldKey> {
    keyring.all_keys().iter().filter(move |key| !is_over(key, at) && !endorsers_of(key).is_empty())
}

fn is_over(key: &HeldKey, at: Timestamp) -> bool {
    matches!(key.standing(at), Standing::Revoked { .. } | Standing::Expired(_) | Standing::Retired)
}

fn endorsers_of(key: &HeldKey) -> &[Fingerprint] {
    key.notes().and_then(|notes| notes.endorsed_by.as_deref()).unwrap_or_default()
}

fn is_endorsed_by(key: &HeldKey, endorser: Fingerprint) -> bool {
    endorsers_of(key).contains(&endorser)
}

/// The keys that have named that one their successor here, and those that had named them: each once.
pub fn predecessors_of(keyring: &Keyring, key: Fingerprint) -> BTreeSet<Fingerprint> {
    let (mut found, mut asked) = (BTreeSet::new(), vec![key]);
    while let Some(key) = asked.pop() {
        for endorser in keyring.all_keys().iter().filter(|held| held.fingerprint == key).flat_map(endorsers_of) {
            if found.insert(*endorser) {
                asked.push(*endorser);
            }
        }
    }
    found
}

/// The living keys that stand here on the word of that one, or on the word of one that does: each once. A key that has
/// ended in between has said so all the same.
pub fn accepted_on_word_of(keyring: &Keyring, endorser: Fingerprint, at: Timestamp) -> Vec<&HeldKey> {
    let (mut found, mut asked, mut known): (Vec<&HeldKey>, _, _) = (Vec::new(), vec![endorser], BTreeSet::new());
    while let Some(endorser) = asked.pop() {
        for key in keyring.all_keys().iter().filter(|key| is_endorsed_by(key, endorser)) {
            if known.insert(key.fingerprint) {
                asked.push(key.fingerprint);
                found.extend(Some(key).filter(|key| !is_over(key, at)));
            }
        }
    }
    found
}
