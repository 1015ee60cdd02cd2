//! What differs between two versions of a plugin.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_manifests::file_map::FileMap;

use super::edition::Edition;
use crate::documents::{
    ChangedField, ComparedVersion, FileChanges, FileState, InspectedFile, NameChanges, PluginChanges, ReplacedFile,
    Signer, SignerChanges,
};

/// Signers by fingerprint, and the names under which they are known.
type Signers = BTreeMap<String, Option<String>>;

/// One text of an edition.
type Field = fn(&Edition) -> &Option<String>;

/// What differs. What is not known of one of them is not compared, and is named; where it came from is no difference.
pub fn compare(before: &Edition, after: &Edition) -> PluginChanges {
    let before = &told_by_hash(before, after);
    let changed_fields = changed_fields(before, after);
    let capability_changes = both(&before.capabilities, &after.capabilities).map(names);
    let dependency_changes = both(&before.requirements, &after.requirements).map(names);
    let signer_changes = both(&before.signers, &after.signers).map(signers);
    let file_changes = files(before, after);
    let is_different = [
        !changed_fields.is_empty(),
        [&capability_changes, &dependency_changes].into_iter().flatten().any(|changes| !changes.is_empty()),
        signer_changes.as_ref().is_some_and(|changes| !changes.is_empty()),
        file_changes.as_ref().is_some_and(|changes| !changes.is_empty()),
    ];
    let unknown = [
        ("version", before.version.is_none() || after.version.is_none()),
        ("hash", before.hash.is_none() || after.hash.is_none()),
        ("coverage", before.coverage.is_none() || after.coverage.is_none()),
        ("capabilities", capability_changes.is_none()),
        ("signers", signer_changes.is_none()),
        ("dependencies", dependency_changes.is_none()),
        ("files", file_changes.is_none()),
    ];
    PluginChanges {
        before: version(before),
        after: version(after),
        differs: is_different.contains(&true),
        changed_fields,
        capability_changes,
        signer_changes,
        dependency_changes,
        file_changes,
        not_compared: unknown.into_iter().filter(|(_, is_unknown)| *is_unknown).map(|(name, _)| name).collect(),
    }
}

/// The hash is over manifest and code: where it is the same, so is what these say.
fn told_by_hash(before: &Edition, after: &Edition) -> Edition {
    let before = before.clone();
    if before.hash.is_none() || before.hash != after.hash {
        return before;
    }
    Edition {
        kind: before.kind.or_else(|| after.kind.clone()),
        capabilities: before.capabilities.or_else(|| after.capabilities.clone()),
        requirements: before.requirements.or_else(|| after.requirements.clone()),
        ..before
    }
}

fn both<'a, T>(before: &'a Option<T>, after: &'a Option<T>) -> Option<(&'a T, &'a T)> {
    before.as_ref().zip(after.as_ref())
}

fn version(edition: &Edition) -> ComparedVersion {
    ComparedVersion {
        known_from: edition.known_from.as_str(),
        version: edition.version.clone(),
        reference: edition.reference.clone(),
        artifact_digest: edition.artifact_digest.clone(),
        hash: edition.hash.clone(),
    }
}

fn changed_fields(before: &Edition, after: &Edition) -> Vec<ChangedField> {
    let fields: [(&str, Field); 5] = [
        ("version", |edition| &edition.version),
        ("kind", |edition| &edition.kind),
        ("entry_point", |edition| &edition.entry_point),
        ("hash", |edition| &edition.hash),
        ("coverage", |edition| &edition.coverage),
    ];
    let changed = fields.into_iter().filter_map(|(field, of)| {
        let (before, after) = both(of(before), of(after))?;
        (before != after).then(|| ChangedField { field, before: before.clone(), after: after.clone() })
    });
    changed.collect()
}

fn names((before, after): (&BTreeSet<String>, &BTreeSet<String>)) -> NameChanges {
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect();
    NameChanges { added: only(after, before), removed: only(before, after) }
}

fn signers((before, after): (&Signers, &Signers)) -> SignerChanges {
    let only = |one: &Signers, other: &Signers| {
        let missing = one.iter().filter(|(fingerprint, _)| !other.contains_key(*fingerprint));
        missing.map(|(fingerprint, name)| signer(fingerprint, name)).collect()
    };
    SignerChanges { added: only(after, before), removed: only(before, after) }
}

pub(super) fn signer(fingerprint: &str, name: &Option<String>) -> Signer {
    Signer { signing_key_id: name.clone(), signing_key_fingerprint: fingerprint.to_owned() }
}

/// By the files, or by one digest over them all, which says that none differs and not which.
fn files(before: &Edition, after: &Edition) -> Option<FileChanges> {
    match both(&before.files, &after.files) {
        Some((before, after)) => Some(changed_files(before, after)),
        None => {
            both(&before.tree, &after.tree).filter(|(before, after)| before == after).map(|_| FileChanges::default())
        }
    }
}

fn changed_files(before: &FileMap, after: &FileMap) -> FileChanges {
    let only = |one: &FileMap, other: &FileMap| {
        one.iter().filter(|(path, _)| other.get(path).is_none()).map(InspectedFile::from).collect()
    };
    let changed = before.iter().filter_map(|(path, before)| {
        let after = after.get(path).filter(|after| *after != before)?;
        Some(ReplacedFile { path: path.to_string(), before: FileState::of(before), after: FileState::of(after) })
    });
    FileChanges { added: only(after, before), removed: only(before, after), changed: changed.collect() }
}
