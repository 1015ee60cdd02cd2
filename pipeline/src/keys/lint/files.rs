//! What is wrong with single files and places, whatever their keys are limited to.

use std::path::Path;

use aisoc_files::{Insecure, shell_word};
use aisoc_signing::{FileKind, KeyFlaw, KeyPlace, LinkOut, Passed, Survey, SurveyedFile};

use super::finding::Finding;
use super::rule::Rule;

/// Everything that is said of files and places.
pub(super) fn findings(survey: &Survey) -> Vec<Finding> {
    let places = survey.insecure.iter().flat_map(writable);
    let unlisted = survey.unlisted.iter().map(|fault| Finding::of(Rule::PlaceUnlisted, survey.directory(), fault));
    let own = survey.private_in_own.iter().map(|path| private_key(path));
    places.chain(unlisted).chain(own).chain(survey.files.iter().flat_map(of_file)).collect()
}

/// One for each thing that others may change, with what mends all of the place.
fn writable(insecure: &Insecure) -> Vec<Finding> {
    let hint = insecure.remedy().unwrap_or_else(|| "find out who made it so, then correct its owner and mode".into());
    let finding = |weakness: &aisoc_files::Weakness| {
        let message = format!("{weakness}: expected {}", insecure.expected());
        let found = format!("owner {}, mode {:04o}", weakness.owner, weakness.mode);
        let values = Some((insecure.expected(), found));
        Finding { values, ..Finding::at(Rule::WritableByOthers, &weakness.path, message).hint(hint.clone()) }
    };
    insecure.weaknesses.iter().map(finding).collect()
}

fn of_file(file: &SurveyedFile) -> Vec<Finding> {
    let path = &file.path;
    let content = match &file.kind {
        FileKind::Key { flaw, refusal, block_count } => {
            let refusal = refusal.as_ref().map(|fault| Finding::of(rule_of_refusal(file.place, fault), path, fault));
            let flaw = flaw.as_ref().map(|(flaw, fault)| Finding::of(rule_of_flaw(*flaw), path, fault));
            let blocks = (*block_count > 1).then(|| several_blocks(path, *block_count));
            [flaw, refusal, blocks].into_iter().flatten().collect()
        }
        FileKind::Note { fault, is_in_flight } => {
            let fault = fault.as_ref().map(|fault| Finding::of(Rule::NoteInvalid, path, fault));
            fault.or_else(|| is_in_flight.then(|| in_flight(file, path))).into_iter().collect()
        }
        FileKind::Stray { fault } => vec![Finding::of(Rule::OrphanNote, path, fault)],
        FileKind::Passed(_) if file.is_private => Vec::new(),
        FileKind::Passed(holds) => vec![passed(*holds, path)],
    };
    let is_told = content.iter().any(|finding| finding.rule == Rule::PrivateKey);
    let private = (file.is_private && !is_told).then(|| private_key(path));
    let is_key = matches!(file.kind, FileKind::Key { .. });
    let name = is_key.then(|| odd_name(file, path)).flatten();
    let link = file.link_out.as_ref().map(|link| link_outside(path, link));
    content.into_iter().chain(private).chain(name).chain(link).collect()
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
        Passed::PublicKey => {
            Finding::at(Rule::UnreadKey, path, format!("`{shown}` holds a public key, and is not named as one"))
                .hint("name it NAME.pem if it is to be trusted, and keep it elsewhere if not")
        }
        Passed::NoFile => Finding::at(Rule::Ignored, path, format!("`{shown}` is no file, and is not looked into")),
        Passed::Unsearched { max_bytes } => Finding::at(
            Rule::Ignored,
            path,
            format!("`{shown}` is larger than {max_bytes} bytes, and is searched for no key: look at it by hand"),
        ),
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
fn link_outside(path: &Path, LinkOut { link, target }: &LinkOut) -> Finding {
    let (shown, target) = (path.display(), target.display());
    let message = match path.ends_with(link) {
        true => format!("`{shown}` is a link to `{target}`"),
        false => format!("`{shown}` is led out of the directory by `{}`, a link to `{target}`", link.display()),
    };
    Finding::at(Rule::LinkOutside, path, message).hint("put the file itself there in place of the link")
}
