//! Proofs of artifacts that are installed, or were: kept, so that what was shown when something came can be judged again
//! where it stands, and by the rules of that day. They are named by the artifact that they are of, whose manifest they
//! hold, so that nothing is asked of a registry for it.
//!
//! What is in them is for whoever judges. Each shows who has signed by itself; what this directory adds is which tree the
//! artifact became, as a record does.

use std::collections::BTreeSet;

use aisoc_files::{Links, SmallFileError, open_file, read_open};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;

use crate::census::{Census, list};
use crate::change::Transaction;
use crate::collect::{Garbage, Removed};
use crate::layout::{Layout, PROOFS};
use crate::plugins::OPEN_TO_READERS;
use crate::secure::{own_directory, require_secure};
use crate::{previous, recorded};

/// The largest file of proofs: as much as is looked at of what refers to one artifact, in base64.
pub(crate) const MAX_KEPT_PROOFS_BYTES: u64 = 88 << 20;

/// How the file of the proofs of that artifact is called.
fn file_name(artifact: ArtifactDigest) -> String {
    format!("{}.json", artifact.to_string().replace(':', "-"))
}

/// The artifact whose proofs are in a file of that name, if it is one that we would write.
fn artifact_of(name: &str) -> Option<ArtifactDigest> {
    let artifact: ArtifactDigest = name.strip_suffix(".json")?.replacen('-', ":", 1).parse().ok()?;
    (file_name(artifact) == name).then_some(artifact)
}

/// What is kept of that artifact; nothing where nothing is.
///
/// # Errors
/// `record_invalid` for what is no file, or too large; `directory_insecure` for one that others can change, and I/O reasons.
pub(crate) fn kept(layout: &Layout, artifact: ArtifactDigest) -> Result<Option<Vec<u8>>> {
    let path = layout.ours(PROOFS).join(file_name(artifact));
    let failed = |error| match error {
        SmallFileError::Io(error) => Fault::io("read", &path, error),
        error => Fault::new(Reason::RecordInvalid, format!("`{}` is not read", path.display()))
            .expected(format!("a file of at most {MAX_KEPT_PROOFS_BYTES} bytes"), error.to_string()),
    };
    let file = match open_file(&path, Links::Refused) {
        Err(error) if error.is_absent() => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    require_secure(&file, &path)?;
    read_open(file, MAX_KEPT_PROOFS_BYTES).map(|file| Some(file.content)).map_err(failed)
}

/// Writes down what is kept of that artifact, over what was.
///
/// # Errors
/// `record_invalid` for more than would be read again, and I/O reasons.
pub(crate) fn write(transaction: &Transaction, artifact: ArtifactDigest, text: &[u8]) -> Result<()> {
    if text.len() as u64 > MAX_KEPT_PROOFS_BYTES {
        return Err(Fault::new(Reason::RecordInvalid, "the proofs that would have to be kept are too large")
            .expected(format!("at most {MAX_KEPT_PROOFS_BYTES} bytes"), format!("{} bytes", text.len()))
            .hint("have the publisher attach smaller ones"));
    }
    let (plugins, staging) = (&transaction.plugins, &transaction.staging);
    let name = file_name(artifact);
    let directory = own_directory(&plugins.own.directory, &plugins.own.path, PROOFS, OPEN_TO_READERS)?;
    staging.write(&name, text)?;
    // On disk before it has its name: what has that name is whole.
    staging.sync()?;
    let path = plugins.own.path.join(PROOFS).join(&name);
    let failed = |error: rustix::io::Errno| Fault::io("write", &path, error.into());
    rustix::fs::renameat(staging.held(), &name, &directory, &name).map_err(failed)?;
    rustix::fs::fsync(&directory).map_err(failed)
}

/// The proofs of artifacts that nothing here came of. None where nobody can tell what came of which.
///
/// # Errors
/// I/O reasons.
pub(crate) fn unneeded(layout: &Layout, census: &Census, versioned: &[PluginId]) -> Result<Vec<(String, Removed)>> {
    let directory = layout.ours(PROOFS);
    let names: Vec<String> = list(&directory)?.iter().filter_map(|name| Some(name.to_str()?.to_owned())).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut needed = BTreeSet::new();
    for id in &census.recorded {
        let Ok(record) = recorded::read_file(layout, id) else { return Ok(Vec::new()) };
        needed.extend(record.map(|record| record.digest));
    }
    for id in versioned {
        needed.extend(previous::previous_versions(layout, id)?.into_iter().map(|version| version.record.digest));
    }
    let is_unneeded = |name: &String| artifact_of(name).is_some_and(|artifact| !needed.contains(&artifact));
    let removed = |name: String| {
        let path = directory.join(&name);
        let bytes = path.symlink_metadata().map_or(0, |found| found.len());
        (name, Removed::new(Garbage::Proofs, layout, &path, bytes))
    };
    Ok(names.into_iter().filter(is_unneeded).map(removed).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_proofs_is_named_by_its_artifact_and_another_name_is_not_ours() {
        let artifact = ArtifactDigest::of(b"{}");
        assert_eq!(artifact_of(&file_name(artifact)), Some(artifact));
        for other in ["notes.json", "sha256-00.json", &file_name(artifact).replace(".json", ""), ".json"] {
            assert_eq!(artifact_of(other), None, "{other}");
        }
        assert_eq!(artifact_of(&file_name(artifact).to_uppercase()), None);
    }
}
