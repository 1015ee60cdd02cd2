//! What is said about a plugin that was replaced by another one.

use std::cmp::Ordering;

use aisoc_manifests::id::PluginId;
use aisoc_manifests::warning::Warning;
use aisoc_pipeline::documents::Signer;
use aisoc_pipeline::{Judgement, Replaced};
use aisoc_trust::{KnownSigner, SignedBy};

use crate::output::Output;

/// Says what is another than before. Where an operator has to agree to it, the gate has asked for that already.
pub(crate) fn warn(id: &PluginId, version: &str, now: &Judgement, replaced: &Replaced, output: &Output) {
    let before = replaced.version.as_deref().unwrap_or("an unknown version");
    let say = |code, said: String| output.warning(code, said);
    if replaced.is_signer_changed {
        let signers = SignedBy::recorded(now.signers.clone(), None);
        say(
            Warning::OtherSigner,
            format!("`{id}` comes from others: {before} was {}, {version} is {signers}", replaced.signers),
        );
    }
    if replaced.is_signer_unread {
        let said = format!("`{id}` {before} was {}, and nobody has read who has signed {version}", replaced.signers);
        say(Warning::OtherSigner, said);
    }
    if !replaced.added_signers.is_empty() {
        let signers: Vec<String> = replaced.added_signers.iter().map(ToString::to_string).collect();
        let said = format!(
            "`{id}` {version} is signed by {} as well, which may replace it alone from now on",
            signers.join(" and ")
        );
        say(Warning::SignerAdded, said);
    }
    if let Some((before, now)) = &replaced.repositories {
        say(Warning::RepositoryChanged, format!("`{id}` comes from another repository: {before} → {now}"));
    }
    match replaced.order {
        Some(Ordering::Less) => {}
        // In a rotation one version gets another signature, and is no other release.
        Some(Ordering::Equal) if replaced.is_signed_again => {}
        Some(Ordering::Greater) => {
            say(Warning::OlderVersion, format!("`{id}` is older than it was: {before} → {version}"))
        }
        Some(Ordering::Equal) => repeated(id, before, version, replaced, output),
        None => say(
            Warning::VersionsUncompared,
            format!("which version of `{id}` is older cannot be told: {before} → {version}"),
        ),
    }
}

/// What has no record to go by may have been the same artifact.
fn repeated(id: &PluginId, before: &str, version: &str, replaced: &Replaced, output: &Output) {
    let code = Warning::VersionRepeated;
    let versions = format!("the same version: {before} → {version}");
    match &replaced.damaged_record {
        _ if replaced.is_recorded => {
            output.warning(code, format!("another artifact of `{id}` has {versions}"));
        }
        Some(record) => {
            let record = record.display();
            let said = format!(
                "what `{id}` takes the place of has {versions}; whether it was the same artifact cannot be told, because \
                 its record `{record}` was damaged"
            );
            let hint = "find out who wrote into the record; what is in place now was verified, and has a record again";
            output.warning_with(code, said, Some(hint));
        }
        None => {
            let said = format!(
                "what `{id}` takes the place of has {versions}; whether it was the same artifact cannot be told, because \
                 no install has recorded it"
            );
            output.warning_with(code, said, None);
        }
    }
}

/// The signers as documents show them.
pub(crate) fn signers(signers: &[KnownSigner]) -> Vec<Signer> {
    let of = |signer: &KnownSigner| Signer {
        signing_key_id: Some(signer.key_id.clone()),
        signing_key_fingerprint: signer.fingerprint.to_string(),
    };
    signers.iter().map(of).collect()
}
