//! What is wrong with single files and places, whatever their keys are limited to.

use std::ffi::OsStr;
use std::path::{Component, Path};

use aisoc_files::{Insecure, shell_word};
use aisoc_signing::{FileKind, KeyFlaw, KeyPlace, Passed, Survey, SurveyedFile};

use super::finding::Finding;
use super::rule::Rule;

/// Everything that is said of files and places.
pub(super) fn findings(survey: &Survey) -> Vec<Finding> {
    let places = survey.insecure.iter().flat_map(writable);
    let unlisted = survey.unlisted.iter().map(|fault| Finding::of(Rule::PlaceUnlisted, survey.directory(), fault));
    places.chain(unlisted).chain(survey.files.iter().flat_map(|file| of_file(file, survey))).collect()
}

/// One for each thing that others may change, with what mends all of the place.
fn writable(insecure: &Insecure) -> Vec<Finding> {
    let hint = insecure.remedy().unwrap_or_else(|| "find out who made it so, then correct its owner and mode".into());
    let finding = |weakness: &aisoc_files::Weakness| {
        let message = format!("{weakness}: expected {}", insecure.expected());
        Finding::at(Rule::WritableByOthers, &weakness.path, message).hint(hint.clone())
    };
    insecure.weaknesses.iter().map(finding).collect()
}

fn of_file(file: &SurveyedFile, survey: &Survey) -> Vec<Finding> {
    let path = survey.path_of(&file.file);
    let content = match &file.kind {
        FileKind::Key { flaw, refusal, block_count } => {
            let refusal = refusal.as_ref().map(|fault| Finding::of(rule_of_refusal(file.place, fault), &path, fault));
            let flaw = flaw.as_ref().map(|(flaw, fault)| Finding::of(rule_of_flaw(*flaw), &path, fault));
            let blocks = (*block_count > 1).then(|| several_blocks(&path, *block_count));
            [flaw, refusal, blocks].into_iter().flatten().collect()
        }
        FileKind::Note { fault, is_in_flight } => {
            let fault = fault.as_ref().map(|fault| Finding::of(Rule::NoteInvalid, &path, fault));
            fault.or_else(|| is_in_flight.then(|| in_flight(file, &path))).into_iter().collect()
        }
        FileKind::Stray { fault, holds } => {
            let private = (*holds == Passed::PrivateKey).then(|| private_key(&path));
            [Some(Finding::of(Rule::OrphanNote, &path, fault)), private].into_iter().flatten().collect::<Vec<_>>()
        }
        FileKind::Passed(holds) => vec![passed(*holds, &path)],
    };
    let is_key = matches!(file.kind, FileKind::Key { .. });
    let name = is_key.then(|| odd_name(file, &path)).flatten();
    let is_read = !matches!(file.kind, FileKind::Passed(_));
    content.into_iter().chain(name).chain(is_read.then(|| link(file, &path)).flatten()).collect()
}

const fn rule_of_flaw(flaw: KeyFlaw) -> Rule {
    match flaw {
        KeyFlaw::Unreadable => Rule::Unreadable,
        KeyFlaw::Private => Rule::PrivateKey,
        KeyFlaw::Weak => Rule::WeakKey,
        KeyFlaw::OtherAlgorithm => Rule::OtherAlgorithm,
        KeyFlaw::Note => Rule::NoteInvalid,
        KeyFlaw::NoKey => Rule::NoKey,
    }
}

/// A revoked key that is not noted is refused for what stands in its file alone.
fn rule_of_refusal(place: KeyPlace, fault: &aisoc_manifests::fault::Fault) -> Rule {
    match (place, fault.reason()) {
        (_, aisoc_manifests::fault::Reason::KeyNoteInvalid) => Rule::NotedKeyUnusable,
        (KeyPlace::Revoked, _) => Rule::RevokedKeyUnusable,
        _ => Rule::NotedKeyUnusable,
    }
}

fn several_blocks(path: &Path, count: usize) -> Finding {
    Finding::at(
        Rule::SeveralBlocks,
        path,
        format!("`{}` holds {count} PEM blocks: expected 1, found {count}", path.display()),
    )
    .hint("keep the first one there, and give each other key a file of its own")
}

fn in_flight(file: &SurveyedFile, path: &Path) -> Finding {
    let message = format!("`{}` is the note on a key that stands in another place", path.display());
    let id = Path::new(&file.file).file_stem().unwrap_or_default();
    Finding::at(Rule::NoteInFlight, path, message).hint(format!(
        "see where the key stands with `aisoc keys show {}`, and move the note beside it",
        shell_word(id)
    ))
}

fn private_key(path: &Path) -> Finding {
    Finding::at(
        Rule::PrivateKey,
        path,
        format!("`{}` holds a private key, which has no place on a host", path.display()),
    )
    .hint(
        "take the file away, make a new key with `aisoc plugin keygen --out PREFIX`, and give hosts its public half only",
    )
}

fn passed(holds: Passed, path: &Path) -> Finding {
    let shown = path.display();
    match holds {
        Passed::PrivateKey => private_key(path),
        Passed::PublicKey => {
            Finding::at(Rule::UnreadKey, path, format!("`{shown}` holds a public key, and is not named as one"))
                .hint("name it NAME.pem if it is to be trusted, and keep it elsewhere if not")
        }
        Passed::NoFile => Finding::at(Rule::Ignored, path, format!("`{shown}` is no file, and is not looked into")),
        Passed::Other => Finding::at(Rule::Ignored, path, format!("`{shown}` is neither a key nor a note on one")),
    }
}

/// What `keys add` would not call a key.
fn odd_name(file: &SurveyedFile, path: &Path) -> Option<Finding> {
    let name = file.file.rsplit('/').next().unwrap_or(&file.file);
    let is_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_char);
    let what = if name.starts_with('.') { "is hidden" } else { "has a name that commands do not take" };
    (!is_plain).then(|| {
        Finding::at(Rule::OddName, path, format!("`{}` {what}", path.display()))
            .hint("give it and its note a name of letters, digits, `.`, `_` and `-`, a letter or digit first")
    })
}

/// A link within the directory is how clusters mount keys.
fn link(file: &SurveyedFile, path: &Path) -> Option<Finding> {
    let target = file.link.as_ref().filter(|target| leads_out(file.place, target))?;
    let message = format!("`{}` is a link to `{}`", path.display(), target.display());
    Some(Finding::at(Rule::LinkOutside, path, message).hint("put the file itself there in place of the link"))
}

fn leads_out(place: KeyPlace, target: &Path) -> bool {
    let mut depth = if place == KeyPlace::Trusted { 0 } else { 1 };
    target.components().any(|component| {
        match component {
            Component::RootDir | Component::Prefix(_) => depth = -1,
            Component::ParentDir => depth -= 1,
            Component::Normal(name) if name != OsStr::new("") => depth += 1,
            Component::Normal(_) | Component::CurDir => {}
        }
        depth < 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_out_as_soon_as_one_step_of_it_does() {
        for (place, target, expected) in [
            (KeyPlace::Trusted, "other.pem", false),
            (KeyPlace::Trusted, "..data/ops.pem", false),
            (KeyPlace::Trusted, "./staged/../ops.pem", false),
            (KeyPlace::Trusted, "/keys/ops.pem", true),
            (KeyPlace::Trusted, "../ops.pem", true),
            (KeyPlace::Trusted, "staged/../../keys/ops.pem", true),
            (KeyPlace::Staged, "../ops.pem", false),
            (KeyPlace::Retired, "../../ops.pem", true),
        ] {
            assert_eq!(leads_out(place, Path::new(target)), expected, "{place:?} {target}");
        }
    }
}
