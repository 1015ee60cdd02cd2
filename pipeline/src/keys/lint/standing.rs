//! What is wrong with keys that can be read: by their dates, their notes, and where else they stand.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_files::shell_word;
use aisoc_signing::{Fingerprint, HeldKey, KeyCoverage, KeyPlace, SignatureKind, Standing, Survey};
use jiff::Timestamp;

use super::finding::Finding;
use super::rule::Rule;
use super::when::When;

/// Everything that is said of keys by themselves and beside each other.
pub(super) fn findings(survey: &Survey, when: &When) -> Vec<Finding> {
    let single = survey.keys.iter().flat_map(|key| of_key(key, survey, when));
    let beside = twins(survey).into_iter().chain(namesakes(survey)).chain(endorsed(survey, when.at));
    single.chain(beside).chain(none_counts(survey, when.at)).collect()
}

fn of_key(key: &HeldKey, survey: &Survey, when: &When) -> Vec<Finding> {
    let trusted = if key.place == KeyPlace::Trusted { of_trusted(key, survey, when) } else { None };
    let notes = [since(key, survey), never(key, survey), coverage(key, survey)];
    trusted.into_iter().chain(notes.into_iter().flatten()).collect()
}

/// The one thing that its dates make of a trusted key.
fn of_trusted(key: &HeldKey, survey: &Survey, when: &When) -> Option<Finding> {
    let standing = key.standing(when.at);
    let file = shell_word(&key.file);
    let of = |rule, hint: String| {
        Finding::of_key(rule, key, survey, format!("key `{}` {standing}, and stands among the trusted ones", key.id))
            .hint(hint)
    };
    match &standing {
        Standing::Revoked { .. } => {
            Some(of(Rule::RevokedAtTop, format!("move it away: `aisoc keys revoke {file} --reason TEXT`")))
        }
        Standing::Expired(_) => {
            Some(of(Rule::Expired, format!("move it away: `aisoc keys retire {file} --reason TEXT`")))
        }
        Standing::NotYet(_) => {
            Some(of(Rule::NotYetValid, "keep it in `staged/` until then, where no host trusts it".to_owned()))
        }
        Standing::Current => ending(key, survey, when),
        _ => None,
    }
}

fn ending(key: &HeldKey, survey: &Survey, when: &When) -> Option<Finding> {
    let end = key.planned_end()?;
    let is_near = end.at() <= when.horizon();
    let hint = format!("see what depends on it: `aisoc keys impact {}`", shell_word(&key.file));
    let rule = match (is_near, end.is_revocation()) {
        (true, _) => Rule::Expiring,
        (false, true) => Rule::PlannedRevocation,
        (false, false) => return None,
    };
    Some(Finding::of_key(rule, key, survey, format!("key `{}` {end}", key.id)).hint(hint))
}

fn since(key: &HeldKey, survey: &Survey) -> Option<Finding> {
    let since = key.notes()?.revoked.as_ref()?.since?;
    let message = format!("`since` {since} of key `{}` has no effect but on signatures with a timestamp", key.id);
    Some(Finding::of_key(Rule::SinceWithoutEffect, key, survey, message))
}

/// Whether no time is left between the latest beginning and the first end that the note says.
fn never(key: &HeldKey, survey: &Survey) -> Option<Finding> {
    let (from, until) = (key.first_moment()?, key.planned_end()?.at());
    let message = format!("key `{}` never counts: it begins at {from} and ends at {until}", key.id);
    let hint =
        format!("correct its dates: `aisoc keys annotate {} --not-before TIME --reason TEXT`", shell_word(&key.file));
    (until <= from).then(|| Finding::of_key(Rule::NeverCounts, key, survey, message).hint(hint))
}

fn coverage(key: &HeldKey, survey: &Survey) -> Option<Finding> {
    let is_lenient = key.notes()?.coverage == Some(KeyCoverage::Code);
    let message = match key.coverage() {
        Some(KeyCoverage::Code) => {
            format!("the signatures of key `{}` count although they cover the manifest and `*.py` alone", key.id)
        }
        _ => format!("the note on key `{}` says that code is enough, and another note on it asks for more", key.id),
    };
    is_lenient.then(|| Finding::of_key(Rule::CoverageCode, key, survey, message))
}

/// One finding for each key that stands in several files, at the first of them.
fn twins(survey: &Survey) -> Vec<Finding> {
    let mut files: BTreeMap<Fingerprint, Vec<&HeldKey>> = BTreeMap::new();
    survey.keys.iter().for_each(|key| files.entry(key.fingerprint).or_default().push(key));
    files.values().filter(|keys| keys.len() > 1).flat_map(|keys| of_twins(keys, survey)).collect()
}

fn of_twins(keys: &[&HeldKey], survey: &Survey) -> Vec<Finding> {
    let Some(first) = keys.first() else { return Vec::new() };
    let named: Vec<String> = keys.iter().map(|key| format!("`{}`", key.file)).collect();
    // A key that is revoked under two names is revoked.
    let is_open = keys.iter().any(|key| key.place != KeyPlace::Revoked);
    let duplicate = is_open.then(|| {
        Finding::of_key(Rule::DuplicateKey, first, survey, format!("one key stands in {}", named.join(", ")))
            .hint("keep one of the files, and take the others away")
    });
    let is_in = |place: KeyPlace| keys.iter().any(|key| key.place == place);
    let retired = (is_in(KeyPlace::Trusted) && is_in(KeyPlace::Retired)).then(|| {
        let message = format!("key `{}` is retired, and is trusted as `{}`", first.id, first.file);
        Finding::of_key(Rule::RetiredAtTop, first, survey, message)
            .hint("take one of the two files away: that at the top if it is not to be trusted any more")
    });
    duplicate.into_iter().chain(retired).collect()
}

/// Different keys in one place that have one id, and so one note.
fn namesakes(survey: &Survey) -> Vec<Finding> {
    let mut named: BTreeMap<(KeyPlace, &str), Vec<&HeldKey>> = BTreeMap::new();
    survey.keys.iter().for_each(|key| named.entry((key.place, key.id.as_str())).or_default().push(key));
    let differ = |keys: &&Vec<&HeldKey>| keys.iter().any(|key| key.fingerprint != keys[0].fingerprint);
    named
        .values()
        .filter(differ)
        .map(|keys| {
            let files: Vec<String> = keys.iter().map(|key| format!("`{}`", key.file)).collect();
            let message = format!("{} are different keys, and each is called `{}`", files.join(", "), keys[0].id);
            Finding::of_key(Rule::AmbiguousId, keys[0], survey, message).hint("give one of the files another name")
        })
        .collect()
}

/// Keys that were accepted on the word of one that is revoked now.
fn endorsed(survey: &Survey, at: Timestamp) -> Vec<Finding> {
    let is_revoked = |key: &&HeldKey| matches!(key.standing(at), Standing::Revoked { .. });
    let revoked: BTreeSet<Fingerprint> = survey.keys.iter().filter(is_revoked).map(|key| key.fingerprint).collect();
    let counts = |key: &&HeldKey| key.place == KeyPlace::Trusted && !revoked.contains(&key.fingerprint);
    survey
        .keys
        .iter()
        .filter(counts)
        .filter_map(|key| {
            let mut endorsers = key.notes()?.endorsed_by.iter().flatten();
            let endorser = endorsers.find(|endorser| revoked.contains(endorser))?;
            let message = format!("key `{}` was accepted on the word of {endorser}, which was revoked", key.id);
            let hint = format!(
                "ask its owner whether it is theirs; if nobody can say: `aisoc keys revoke {} --reason TEXT`",
                shell_word(&key.file)
            );
            Some(Finding::of_key(Rule::EndorserRevoked, key, survey, message).hint(hint))
        })
        .collect()
}

fn none_counts(survey: &Survey, at: Timestamp) -> Option<Finding> {
    let counts = |key: &HeldKey| key.standing_as(SignatureKind::Plugin, at) == Standing::Current;
    let path = survey.directory();
    let message = format!("no key of `{}` verifies a plugin today", path.display());
    (!survey.keys.iter().any(counts)).then(|| {
        Finding::at(Rule::NoKeyCounts, path, message)
            .hint("trust the publisher's key: `aisoc keys add PEM --reason TEXT`")
    })
}
