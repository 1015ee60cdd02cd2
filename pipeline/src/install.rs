//! The operator's line, whole: a reference becomes an installed plugin, or nothing happens.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{
    Access, InstallRecord, Installed, Limits, Previous, Staged, Staging, activate, coverage_floor, default_threads,
    finish_interrupted, installed, require_guarded,
};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Coverage, verify};
use aisoc_trust::{Admitted, admit};

use crate::at_rest::intact_admission;
use crate::events::{Event, Reporter};
use crate::fetch::fetch;
use crate::verify::TrustInputs;

/// What an install is told.
#[derive(Debug)]
pub struct InstallOptions {
    /// Where plugins live; made when it is missing.
    pub plugins_dir: PathBuf,
    /// Whom to trust, and how far; its time is the time of the install.
    pub trust: TrustInputs,
    /// The only artifact that is acceptable.
    pub require_digest: Option<Digest>,
    /// How to reach registries.
    pub client: ClientOptions,
    /// How many versions that were replaced stay, for a rollback.
    pub keep: u8,
    /// Who changes the plugins directory.
    pub access: Access,
}

/// An installed plugin, and what the gate said about it.
#[derive(Debug)]
pub struct Installation {
    /// The plugin.
    pub id: PluginId,
    /// Its version, as its manifest states it.
    pub version: String,
    /// Digest of the artifact's manifest.
    pub digest: Digest,
    /// Where it is.
    pub directory: PathBuf,
    /// What happened to the directory.
    pub change: Change,
    /// Status, key, and what strict mode would have refused it for.
    pub signature: Judgement,
    /// The coverage that the floor was lowered from for it, in one word.
    pub lowered_from: Option<&'static str>,
    /// What could not be removed of what was there before.
    pub leftovers: Vec<PathBuf>,
}

/// What the gate said, as facts to show. Evidence no more: the admission was used up.
#[derive(Debug)]
pub struct Judgement {
    /// The status word.
    pub status: aisoc_trust::SignatureStatus,
    /// The key that verified it.
    pub key_id: Option<String>,
    /// How much the signature covers.
    pub coverage: Coverage,
    /// What strict mode would have refused it for.
    pub objection: Option<String>,
}

/// What an install did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing: the same artifact was installed, intact and still admitted.
    Unchanged,
    /// The plugin is new.
    Installed,
    /// An older version was exchanged for this one.
    Upgraded {
        /// The version that was there.
        from: String,
    },
    /// A newer version was exchanged for this one.
    Downgraded {
        /// The version that was there.
        from: String,
    },
    /// Another tree was exchanged for this one: of the same version, or of one that nothing compares with it.
    Replaced {
        /// Its version, if its record says so.
        from: Option<String>,
    },
}

/// Fetches, stages, verifies, admits and activates.
///
/// The same artifact again costs one request and changes nothing, provided that what is on disk
/// still has the recorded content and today's keys still admit it.
///
/// # Errors
/// Every refusal of the line. What is refused leaves the plugins directory as it was.
pub async fn install(reference: &Reference, options: &InstallOptions, reporter: &dyn Reporter) -> Result<Installation> {
    options.access.check(&options.plugins_dir)?;
    // Before anything is fetched; the keys that judge are read when there is something to judge.
    options.trust.keyring()?;
    reporter.event(&Event::Resolving { reference });
    let fetched = fetch(reference, options.require_digest, &options.client).await?;
    let digest = fetched.artifact.digest();
    if let Some(unchanged) = already_installed(digest, options)? {
        finish_interrupted(&options.plugins_dir, &options.access)?;
        return Ok(unchanged);
    }
    reporter.event(&Event::Fetching { artifact: &reference.pinned(digest) });
    let staging = Staging::begin(&options.plugins_dir, Limits::default())?;
    let staged = fetched.stage(staging, reporter).await?;
    let (manifest, admitted) = judge(&staged, options)?;
    reporter.event(&Event::Activating { id: &manifest.id, version: &manifest.version });
    let record = record(&manifest, reference, digest, &admitted, options);
    let signature = Judgement::of(&admitted);
    let active = activate(admitted, staged, &record, options.keep, &options.access)?;
    let change = Change::of(&active, &manifest.version);
    Ok(Installation {
        id: manifest.id,
        version: manifest.version,
        digest,
        directory: active.path,
        change,
        signature,
        lowered_from: active.lowered_from,
        leftovers: active.leftovers,
    })
}

/// `Staged` → `Claim` → `Outcome` → `Admitted`. The identity comes from the staged bytes alone.
fn judge(staged: &Staged, options: &InstallOptions) -> Result<(Manifest, Admitted)> {
    let claim = staged.claim()?;
    let manifest = Manifest::from_document(claim.document()?)?;
    let admitted = admit(&options.trust.policy, &claim, |claim| verify(claim, &options.trust.keyring()?));
    let admitted = admitted.map_err(|refusal| refusal.about(format_args!("{} {}", manifest.id, manifest.version)))?;
    Ok((manifest, admitted))
}

fn record(
    manifest: &Manifest,
    reference: &Reference,
    digest: Digest,
    admitted: &Admitted,
    options: &InstallOptions,
) -> InstallRecord {
    InstallRecord {
        schema_version: InstallRecord::SCHEMA_VERSION,
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        reference: reference.to_string(),
        digest,
        tree_digest: admitted.subject(),
        canonical_digest: admitted.digest(),
        signature_status: admitted.status().as_str().to_owned(),
        signing_key_id: admitted.key_id().map(ToString::to_string),
        coverage: Some(admitted.coverage().as_str().to_owned()),
        installed_at: format!("{:.0}", options.trust.at),
    }
}

/// Admits what is in place as a new install would be: as recorded, in nobody else's hands, and no less
/// widely signed than before.
pub(crate) fn again_admitted(
    plugins_dir: &Path,
    record: &InstallRecord,
    trust: &TrustInputs,
    access: &Access,
) -> Result<Admitted> {
    let path = plugins_dir.join(record.id.as_str());
    let limits = Limits::until(&access.cancellation);
    let admitted = intact_admission(&path, record, trust, &trust.keyring()?, default_threads(), &limits)?;
    require_guarded(&path)?;
    admitted.require_coverage(coverage_floor(plugins_dir, &record.id)?.unwrap_or(Coverage::None))?;
    Ok(admitted)
}

/// The installed plugin of that artifact, if there is one and it is as good as a new install: every
/// byte as recorded, and admitted by today's keys and policy. Anything less is installed again.
fn already_installed(digest: Digest, options: &InstallOptions) -> Result<Option<Installation>> {
    for plugin in installed(&options.plugins_dir)? {
        // Whatever cannot be read here is read again, and refused, before it is replaced.
        let Ok(Some(record)) = plugin.record else { continue };
        if record.digest != digest || plugin.directory != *record.id.as_str() {
            continue;
        }
        let Ok(admitted) = again_admitted(&options.plugins_dir, &record, &options.trust, &options.access) else {
            options.access.cancellation.check()?;
            continue;
        };
        return Ok(Some(Installation {
            id: record.id,
            version: record.version,
            digest,
            directory: plugin.path,
            change: Change::Unchanged,
            signature: Judgement::of(&admitted),
            lowered_from: None,
            leftovers: Vec::new(),
        }));
    }
    Ok(None)
}

impl Judgement {
    pub(crate) fn of(admitted: &Admitted) -> Self {
        Self {
            status: admitted.status(),
            key_id: admitted.key_id().map(ToString::to_string),
            coverage: admitted.coverage(),
            objection: admitted.objection().map(|objection: &Fault| format!("{}: {objection}", objection.reason())),
        }
    }
}

impl Change {
    fn of(active: &Installed, version: &str) -> Self {
        if active.previous == Previous::None {
            return Self::Installed;
        }
        let from = active.replaced.as_ref().map(|record| record.version.clone());
        match from.map(|from| (compare(&from, version), from)) {
            Some((Some(Ordering::Less), from)) => Self::Upgraded { from },
            Some((Some(Ordering::Greater), from)) => Self::Downgraded { from },
            Some((_, from)) => Self::Replaced { from: Some(from) },
            None => Self::Replaced { from: None },
        }
    }

    /// The change in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Installed => "installed",
            Self::Upgraded { .. } => "upgraded",
            Self::Downgraded { .. } => "downgraded",
            Self::Replaced { .. } => "replaced",
        }
    }

    /// The version that was there before, where one was and its record says so.
    pub fn from(&self) -> Option<&str> {
        match self {
            Self::Unchanged | Self::Installed => None,
            Self::Upgraded { from } | Self::Downgraded { from } => Some(from),
            Self::Replaced { from } => from.as_deref(),
        }
    }
}

/// Compares two versions as semver.org does. Hosts take any text for a version: what is not
/// MAJOR.MINOR.PATCH, with or without a pre-release, is neither older nor newer.
fn compare(one: &str, other: &str) -> Option<Ordering> {
    let ((one, one_before), (other, other_before)) = (parse(one)?, parse(other)?);
    Some(one.cmp(&other).then_with(|| match (one_before, other_before) {
        (None, None) => Ordering::Equal,
        // A pre-release comes before its release.
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(one), Some(other)) => compare_pre_releases(one, other),
    }))
}

/// The three numbers, and the pre-release. Build metadata does not count.
fn parse(version: &str) -> Option<([u64; 3], Option<&str>)> {
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (numbers, pre_release) = match version.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (version, None),
    };
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Option<Vec<u64>> = numbers.split('.').map(|part| Some(part).filter(is_number)?.parse().ok()).collect();
    Some((numbers?.try_into().ok()?, pre_release))
}

/// Numbers before words, and by value; of two lists of which one begins the other, the longer is later.
fn compare_pre_releases(one: &str, other: &str) -> Ordering {
    let key =
        |part: &str| part.parse::<u64>().map_or_else(|_| (1, 0, part.to_owned()), |number| (0, number, String::new()));
    one.split('.').map(key).cmp(other.split('.').map(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_and_what_is_no_version_does_not() {
        for (older, newer) in [
            ("0.9.9", "0.10.0"),
            ("1.9.0", "2.0.0"),
            ("1.0.0-rc.1", "1.0.0"),
            ("1.0.0-alpha", "1.0.0-alpha.1"),
            ("1.0.0-alpha.2", "1.0.0-alpha.10"),
            ("1.0.0-1", "1.0.0-alpha"),
        ] {
            assert_eq!(compare(older, newer), Some(Ordering::Less), "{older} {newer}");
            assert_eq!(compare(newer, older), Some(Ordering::Greater), "{newer} {older}");
        }
        assert_eq!(compare("1.0.0", "1.0.0+build"), Some(Ordering::Equal));
        for odd in ["", "1.0", "1.0.0.0", "1.+1.0", "v1.0.0", "latest", "1.0.99999999999999999999"] {
            assert_eq!(compare(odd, "1.0.0"), None, "{odd}");
        }
    }
}
