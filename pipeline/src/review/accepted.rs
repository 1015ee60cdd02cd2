//! What this site has accepted of a plugin: the entry of its lock, else what is installed.

use std::path::Path;

use aisoc_installation::{InstallRecord, Site, while_in_place};
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{Limits, ReferenceDir, default_threads};
use aisoc_trust::lockfile::Lockfile;

use super::edition::{Edition, KnownFrom};
use super::look::{Looked, Whence};

/// The version that was accepted of what is looked at: by the lock, where one lists it; else by its install. Nothing
/// where nobody has accepted any.
///
/// # Errors
/// I/O reasons for what is installed and cannot be read, and `interrupted`.
pub fn accepted(looked: &Looked, lock: Option<&Lockfile>, site: &Site, limits: &Limits) -> Result<Option<Edition>> {
    let Some(id) = looked.verification.id.as_ref() else { return Ok(None) };
    let installed = match &looked.whence {
        Whence::Installed(record) => record.as_deref().map(Edition::of_record),
        Whence::Directory(_) | Whence::Artifact(_) => match id.parse() {
            Ok(id) => installed(&id, site, limits)?,
            Err(_) => None,
        },
    };
    let entry = lock.and_then(|lock| lock.entry(id)).map(Edition::of_entry);
    Ok(match (entry, installed) {
        // The same content, of which the lock says less.
        (Some(entry), Some(installed)) if entry.hash == installed.hash => Some(entry.filled_from(&installed)),
        (Some(entry), _) => Some(entry),
        (None, installed) => installed,
    })
}

/// What is installed under an id, read whole. Where that is not what its install put there, what the install wrote down
/// is what was accepted.
fn installed(id: &PluginId, site: &Site, limits: &Limits) -> Result<Option<Edition>> {
    let Some(place) = site.observe()?.place_of(id) else { return Ok(None) };
    while_in_place(&place, || {
        let claim = ReferenceDir::read_with(&place, default_threads(), limits)?.claim();
        let found = Edition::of_claim(KnownFrom::Installed, &claim);
        Ok(Some(match record(site, &place) {
            None => found,
            Some(record) if Some(record.tree_digest) == found.tree => {
                let Edition { source, reference, artifact_digest, coverage, signers, capabilities, .. } =
                    Edition::of_record(&record);
                let capabilities = capabilities.or(found.capabilities.clone());
                Edition { source, reference, artifact_digest, coverage, signers, capabilities, ..found }
            }
            Some(record) => Edition::of_record(&record),
        }))
    })
}

/// What the install wrote down; one that is damaged says nothing, which the gates say.
fn record(site: &Site, place: &Path) -> Option<InstallRecord> {
    site.read(place.file_name()?)?.record.ok().flatten()
}
