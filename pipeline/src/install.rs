//! The operator's line, whole: a reference becomes an installed plugin, or nothing happens.

use std::cmp::Ordering;
use std::path::PathBuf;

use aisoc_installation::{Access, InstallRecord, Installed, Previous, Site};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{Limits, Staging, StagingPlace as _};
use aisoc_registry_client::ClientOptions;
use aisoc_trust::{Examined, Verdict};

use crate::arrival::Arrival;
use crate::events::{Event, Reporter};
use crate::intact::{Confirmed, confirm_in_place};
use crate::judge::{Judge, Judgement, TrustInputs};
use crate::source::Source;
use crate::version_order::compare;

/// What an install is told.
#[derive(Debug)]
pub struct InstallOptions {
    /// Where plugins live; made when it is missing.
    pub site: Site,
    /// Whom to trust, and how far; its time is the time of the install.
    pub trust: TrustInputs,
    /// The only artifact that is acceptable.
    pub require_digest: Option<ArtifactDigest>,
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
    pub digest: ArtifactDigest,
    /// The index that the reference names, when it names one whose only artifact this is.
    pub index: Option<ArtifactDigest>,
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
pub async fn install(source: &Source, options: &InstallOptions, reporter: &dyn Reporter) -> Result<Installation> {
    options.site.check(&options.access)?;
    Judge::require_keys(&options.trust)?;
    let origin = source.origin()?;
    let arrival = Arrival::of(source, options.require_digest, &options.client, reporter).await?;
    let (digest, index) = (arrival.digest(), arrival.index());
    if let Some(unchanged) = already_installed(digest, options)? {
        return Ok(Installation { index, ..unchanged });
    }
    let staging = Staging::into_place(options.site.staging()?, Limits::default())?;
    let (staged, claim) = arrival.stage(source, staging, reporter).await?;
    let manifest = Manifest::from_document(claim.document()?)?;
    refuse_early(&Judge::new(&options.trust)?.examine(&claim), &manifest, options)?;
    reporter.event(&Event::Activating { id: &manifest.id, version: &manifest.version });
    let place = staged.place().path().to_owned();
    options.site.session_beside(&place, &options.access, |session| {
        let present = session.present(&manifest.id)?;
        // The keys as they are now: they may have changed while the lock was waited for.
        let judge = Judge::new(&options.trust)?;
        let admitted =
            judge.decide(judge.examine(&claim), &present).outcome.map_err(|refusal| about(refusal, &manifest))?;
        let record = record(&manifest, &origin, digest, admitted.verdict(), options);
        let signature = Judgement::of(admitted.verdict());
        let active = session.activate(admitted, present, staged, &record, options.keep)?;
        Ok(Installation { index, ..installation(manifest, digest, active, signature) })
    })
}

/// Refuses what is refused in any case before the lock is taken, so that it leaves no trace and keeps nobody
/// waiting. Silence says nothing: under the lock the gates are asked again.
fn refuse_early(examined: &Examined, manifest: &Manifest, options: &InstallOptions) -> Result<()> {
    if let Some(refusal) = examined.refusal() {
        return Err(about(refusal.clone(), manifest));
    }
    options.site.require_possible(&manifest.id)?;
    let facts = options.site.observe()?.facts(&manifest.id, &options.access.coverage_floor)?;
    examined.refused_beside(&facts).map_or(Ok(()), |refusal| Err(about(refusal, manifest)))
}

fn about(refusal: Fault, manifest: &Manifest) -> Fault {
    refusal.about(format_args!("{} {}", manifest.id, manifest.version))
}

fn record(
    manifest: &Manifest,
    origin: &str,
    digest: ArtifactDigest,
    verdict: &Verdict,
    options: &InstallOptions,
) -> InstallRecord {
    InstallRecord {
        schema_version: InstallRecord::SCHEMA_VERSION,
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        reference: origin.to_owned(),
        digest,
        tree_digest: verdict.subject(),
        canonical_digest: verdict.digest(),
        signature_status: verdict.status().as_str().to_owned(),
        signing_key_id: verdict.key_id().map(ToString::to_string),
        coverage: Some(verdict.coverage().as_str().to_owned()),
        installed_at: format!("{:.0}", options.trust.at),
    }
}

fn installation(manifest: Manifest, digest: ArtifactDigest, active: Installed, signature: Judgement) -> Installation {
    let change = Change::of(&active, &manifest.version);
    Installation {
        id: manifest.id,
        version: manifest.version,
        digest,
        index: None,
        directory: active.path,
        change,
        signature,
        lowered_from: active.lowered_from,
        leftovers: active.leftovers,
    }
}

/// The installed plugin of that artifact, if there is one and it is as good as a new install: every
/// byte as recorded, and admitted by today's keys and policy. Anything less is installed again.
fn already_installed(digest: ArtifactDigest, options: &InstallOptions) -> Result<Option<Installation>> {
    for plugin in options.site.observe()?.of_artifact(digest) {
        let Ok(Some(record)) = plugin.record else { continue };
        match confirm_in_place(&options.site, &record, &options.trust, &options.access) {
            Ok(Some(Confirmed { signature, leftovers })) => {
                return Ok(Some(Installation {
                    id: record.id,
                    version: record.version,
                    digest,
                    index: None,
                    directory: plugin.path,
                    change: Change::Unchanged,
                    signature,
                    lowered_from: None,
                    leftovers,
                }));
            }
            // Nobody waits twice for the same lock.
            Err(fault) if matches!(fault.reason(), Reason::Locked | Reason::Interrupted) => return Err(fault),
            Ok(None) | Err(_) => {}
        }
    }
    Ok(None)
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
