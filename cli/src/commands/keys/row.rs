//! One key as every listing of keys says it.

use aisoc_installation::escaped;
use aisoc_pipeline::documents::{KeyNote, ListedKey, Signer};
use aisoc_pipeline::keys::KeysHere;
use aisoc_pipeline::{Judgement, PluginAtRest};
use aisoc_signing::{HeldKey, KeyCoverage, KeyNotes, SignatureKind, Standing};
use aisoc_trust::KnownSigner;
use jiff::Timestamp;

use crate::output::path_text;

/// A key, and what it verifies.
pub(super) fn row(key: &HeldKey, here: &KeysHere, at: Timestamp) -> ListedKey {
    let standing = key.standing(at);
    let plugins = verified_by(key, here).map(|plugins| plugins.map(|(plugin, _)| plugin.id.clone()).collect());
    ListedKey {
        key_id: key.id.to_string(),
        fingerprint: key.fingerprint.to_string(),
        path: path_text(&here.keyring.path_of(&key.file)),
        state: state(&standing),
        counts: standing == Standing::Current && key.standing_as(SignatureKind::Plugin, at) == Standing::Current,
        note: note_of(key.notes()),
        coverage: key.coverage().map(KeyCoverage::as_str),
        plugin_count: plugins.as_ref().map(Vec::len),
        plugins,
    }
}

/// The installed plugins that it verifies; nothing where there is no plugins directory.
pub(super) fn verified_by<'a>(
    key: &'a HeldKey,
    here: &'a KeysHere,
) -> Option<impl Iterator<Item = (&'a PluginAtRest, &'a Judgement)>> {
    let signed = |judgement: &&Judgement| judgement.signers.iter().any(|signer| signer.fingerprint == key.fingerprint);
    let plugins = here.installed.as_ref()?.plugins.iter();
    Some(plugins.filter_map(move |plugin| Some((plugin, plugin.verdict.as_ref().ok().filter(signed)?))))
}

/// The state of a key in one word.
pub(super) fn state(standing: &Standing) -> &'static str {
    match standing {
        // What it is asked for decides about these, and nobody has asked.
        Standing::Current | Standing::OutOfScope(_) | Standing::CoversTooLittle => "trusted",
        Standing::NotYet(_) => "not_yet_valid",
        Standing::Expired(_) => "expired",
        Standing::Staged => "staged",
        Standing::Retired => "retired",
        Standing::Revoked { .. } => "revoked",
    }
}

/// What a note says, as every document has it.
pub(in crate::commands) fn note_of(notes: Option<&KeyNotes>) -> KeyNote {
    let Some(notes) = notes else { return KeyNote { may_sign: may_sign(None), ..KeyNote::default() } };
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let scope = notes.scope.as_ref();
    let revoked = notes.revoked.as_ref();
    KeyNote {
        owner: notes.owner.clone(),
        comment: notes.comment.clone(),
        not_before: time(notes.not_before),
        not_after: time(notes.not_after),
        revoked_at: time(revoked.map(|revoked| revoked.at)),
        revoked_reason: revoked.and_then(|revoked| revoked.reason.clone()),
        revoked_since: time(revoked.and_then(|revoked| revoked.since)),
        scope_plugins: scope.and_then(|scope| scope.plugins.clone()),
        scope_repositories: scope.and_then(|scope| scope.repositories.clone()),
        may_sign: may_sign(notes.may_sign.as_deref()),
        endorsed_by: notes.endorsed_by.iter().flatten().map(ToString::to_string).collect(),
    }
}

fn may_sign(kinds: Option<&[SignatureKind]>) -> Vec<&'static str> {
    kinds.unwrap_or(&[SignatureKind::Plugin]).iter().map(|kind| kind.as_str()).collect()
}

/// `2026-01-01 – 2027-01-01`, as far as it is said.
pub(super) fn validity(note: &KeyNote) -> String {
    let day = |time: &String| time.split('T').next().unwrap_or(time).to_owned();
    match (note.not_before.as_ref().map(day), note.not_after.as_ref().map(day)) {
        (None, None) => "-".to_owned(),
        (Some(from), None) => format!("from {from}"),
        (None, Some(until)) => format!("until {until}"),
        (Some(from), Some(until)) => format!("{from} – {until}"),
    }
}

/// What a key is limited to, and what its note gives, each in a few words.
pub(super) fn limits(key: &ListedKey) -> Vec<String> {
    let ListedKey { note, coverage, .. } = key;
    let listed = |what: &str, patterns: &Option<Vec<String>>| {
        patterns.as_ref().map(|patterns| format!("{what} {}", patterns.join(", ")))
    };
    let kinds = (note.may_sign != ["plugin"]).then(|| format!("signs {}", note.may_sign.join(", ")));
    let coverage = coverage.map(|coverage| format!("coverage {coverage}"));
    let scope = [listed("plugins", &note.scope_plugins), listed("from", &note.scope_repositories)];
    scope.into_iter().chain([coverage, kinds]).flatten().collect()
}

/// A signer, as documents name it.
pub(super) fn signer(signer: &KnownSigner) -> Signer {
    Signer { signing_key_id: Some(signer.key_id.clone()), signing_key_fingerprint: signer.fingerprint.to_string() }
}

/// The place of a plugin, from which its path can be had back.
pub(super) fn place(plugin: &PluginAtRest) -> String {
    escaped(plugin.path.as_os_str())
}
