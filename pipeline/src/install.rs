//! The operator's line, whole: a reference becomes an installed plugin, or nothing happens.

use std::path::{Path, PathBuf};

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::Reference;
use aisoc_packaging::{
    Access, InstallRecord, InstalledDir, Limits, Previous, Staged, Staging, activate, default_threads,
    finish_interrupted, installed,
};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Coverage, TreeFinding, verify};
use aisoc_trust::{Admitted, Policy, admit};

use crate::at_rest::intact_admission;
use crate::fetch::fetch;
use crate::reporter::Reporter;
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
    /// Another tree was exchanged for this one.
    Upgraded {
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
    reporter.step("Resolving", &reference.to_string());
    let fetched = fetch(reference, options.require_digest, &options.client).await?;
    let digest = fetched.artifact.digest();
    if let Some(unchanged) = already_installed(digest, options)? {
        finish_interrupted(&options.plugins_dir, &options.access)?;
        return Ok(unchanged);
    }
    reporter.step("Fetching", &reference.pinned(digest).to_string());
    let staging = Staging::begin(&options.plugins_dir, Limits::default())?;
    let staged = fetched.stage(staging, reporter).await?;
    let (manifest, admitted) = judge(&staged, options)?;
    refuse_second_spelling(&manifest.id, options)?;
    reporter.step("Activating", &format!("{} {}", manifest.id, manifest.version));
    let from = InstallRecord::read_understood(&options.plugins_dir, &manifest.id)?.map(|record| record.version);
    let record = record(&manifest, reference, digest, &admitted, options);
    let signature = Judgement::of(&admitted);
    let active = activate(admitted, staged, &record, options.keep, &options.access)?;
    let change = match active.previous {
        Previous::None => Change::Installed,
        Previous::Replaced => Change::Upgraded { from },
    };
    Ok(Installation {
        id: manifest.id,
        version: manifest.version,
        digest,
        directory: active.path,
        change,
        signature,
        leftovers: active.leftovers,
    })
}

/// `Staged` → `Claim` → `Outcome` → `Admitted`. The identity comes from the staged bytes alone.
fn judge(staged: &Staged, options: &InstallOptions) -> Result<(Manifest, Admitted)> {
    let claim = staged.claim()?;
    let manifest = Manifest::from_document(claim.document()?)?;
    let policy = Policy { coverage_floor: installed_coverage(&manifest.id, options)?, ..options.trust.policy };
    let admitted = admit(&policy, &claim, |claim| verify(claim, &options.trust.keyring()?));
    let admitted = admitted.map_err(|refusal| refusal.about(format_args!("{} {}", manifest.id, manifest.version)))?;
    Ok((manifest, admitted))
}

/// What the signature of the installed version covers: a registry that offers less than that is
/// stripping it. Without a record that can be understood, the tree in place says what it was signed for.
fn installed_coverage(id: &PluginId, options: &InstallOptions) -> Result<Coverage> {
    match InstallRecord::read(&options.plugins_dir, id) {
        Ok(record) => {
            let recorded = record.and_then(|record| record.coverage);
            let stated = [Coverage::Full, Coverage::Code]
                .into_iter()
                .find(|coverage| recorded.as_deref() == Some(coverage.as_str()));
            Ok(stated.unwrap_or(Coverage::None))
        }
        Err(fault) if fault.reason() == Reason::RecordInvalid => {
            stated_coverage(&options.plugins_dir.join(id.as_str())).map_err(|_| {
                fault.hint(format!("remove what is left of it, then install: `aisoc plugin uninstall {id}`"))
            })
        }
        Err(fault) => Err(fault),
    }
}

/// What a tree claims to be signed for, whether or not anybody's key verifies it today.
fn stated_coverage(tree: &Path) -> Result<Coverage> {
    let claim = match InstalledDir::read(tree) {
        Err(fault) if fault.reason() == Reason::IoNotFound => return Ok(Coverage::None),
        tree => tree?.claim(),
    };
    Ok(match claim.compare_tree(claim.document()?)? {
        TreeFinding::NotStated if claim.signature().is_none() => Coverage::None,
        TreeFinding::NotStated => Coverage::Code,
        TreeFinding::Exact | TreeFinding::Differs(_) => Coverage::Full,
    })
}

/// Two ids that differ only in case are one directory on a file system that folds case, and two that
/// differ only in `-`, `_` and `.` are one module to the host: whoever installs second replaces the first.
fn refuse_second_spelling(id: &PluginId, options: &InstallOptions) -> Result<()> {
    let folded = |id: &str| id.to_ascii_lowercase().replace(['-', '.'], "_");
    let is_second = |present: &str| present != id.as_str() && folded(present) == folded(id.as_str());
    match installed(&options.plugins_dir)?.into_iter().find(|plugin| is_second(&plugin.directory)) {
        None => Ok(()),
        Some(plugin) => {
            Err(Fault::new(Reason::AlreadyExists, format!("the plugin `{}` is installed", plugin.directory))
                .expected("an id that differs in more than case, `-`, `_` and `.`", id.to_string())
                .hint(format!("uninstall `{}` first, if it is the same plugin", plugin.directory)))
        }
    }
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

pub(crate) fn again_admitted(
    path: &Path,
    record: &InstallRecord,
    trust: &TrustInputs,
    access: &Access,
) -> Result<Admitted> {
    intact_admission(path, record, trust, &trust.keyring()?, default_threads(), &Limits::until(&access.cancellation))
}

/// The installed plugin of that artifact, if there is one and it is as good as a new install: every
/// byte as recorded, and admitted by today's keys and policy. Anything less is installed again.
fn already_installed(digest: Digest, options: &InstallOptions) -> Result<Option<Installation>> {
    for plugin in installed(&options.plugins_dir)? {
        // Whatever cannot be read here is read again, and refused, before it is replaced.
        let Ok(Some(record)) = plugin.record else { continue };
        if record.digest != digest || record.id.as_str() != plugin.directory {
            continue;
        }
        let Ok(admitted) = again_admitted(&plugin.path, &record, &options.trust, &options.access) else {
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
    /// The change in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Installed => "installed",
            Self::Upgraded { .. } => "upgraded",
        }
    }
}
