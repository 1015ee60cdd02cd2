//! The operator's line, whole: a reference becomes an installed plugin, or nothing happens.

use std::cell::OnceCell;
use std::cmp::Ordering;
use std::path::PathBuf;
use std::sync::Arc;

use aisoc_files::shell_word;
use aisoc_installation::{
    Access, InstallRecord, Installed, Leaving, Previous, Site, StagingDirectory, TreeInPlace, escaped,
};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::plugin::{Manifest, Problem};
use aisoc_manifests::reference::Reference;
use aisoc_manifests::version_order::compare;
use aisoc_packaging::{Limits, Staged, Staging, StagingPlace as _, default_threads};
use aisoc_registry_client::{ClientOptions, Timeout, Unreached};
use aisoc_signing::{Claim, Origin};
use aisoc_trust::{Facts, LockFacts, UnderLock as _, Verdict};
use jiff::Timestamp;

use crate::accepted::{Arriving, InLock, LockGuard, LockRule, came_in, lock_unchanged};
use crate::arrival::Arrival;
use crate::before::{Before, Replaced, other_repository, signers_to_record};
use crate::events::{Event, Reporter};
use crate::grants::{Grants, GrantsBefore};
use crate::intact::{Confirmed, confirm_in_place};
use crate::judge::{Judge, Judgement, TrustInputs};
use crate::loadable::unloadable;
use crate::proofs::{Coming, OfferedFile, keep_proofs};
use crate::reference_rules::ReferenceRules;
use crate::rollback::RollbackOptions;
use crate::source::Source;
use crate::staying::beside;

/// How often what is in place is looked at again that another command has replaced meanwhile.
const ATTEMPTS: usize = 64;

/// What an install is told.
#[derive(Debug, Clone)]
pub struct InstallOptions {
    /// Where plugins live; made when it is missing.
    pub site: Site,
    /// Whom to trust, and how far; its time is the time of the install.
    pub trust: TrustInputs,
    /// The only plugin that is acceptable.
    pub only: Option<PluginId>,
    /// The only artifact that is acceptable.
    pub require_digest: Option<ArtifactDigest>,
    /// Which references are.
    pub references: ReferenceRules,
    /// Bundles that are at hand, beside what refers to an artifact.
    pub bundles: Arc<[OfferedFile]>,
    /// What plugins.lock has to do with it.
    pub lock: LockRule,
    /// How to reach registries.
    pub client: ClientOptions,
    /// How many versions that were replaced stay, for a rollback.
    pub keep: u8,
    /// Whether what it replaces has to be there still once it is known whether the new one is any good.
    pub is_on_trial: bool,
    /// Who changes the plugins directory.
    pub access: Access,
}

impl InstallOptions {
    /// The same for another run of a process that goes on: by the time of now, until it is told to stop.
    #[must_use]
    pub fn anew(&self, judging_time: Timestamp, clock: Timestamp, cancellation: &Cancellation) -> Self {
        let mut options = self.clone();
        options.trust.at = judging_time;
        options.access = Access { at: clock, cancellation: cancellation.clone(), ..options.access };
        // Who could not be reached for one run may be there for the next.
        options.client = ClientOptions {
            cancellation: cancellation.clone(),
            unreached: Unreached::remembered(),
            timeout: options.client.timeout.map(Timeout::anew),
            ..options.client
        };
        options
    }

    /// What a rollback to the version of that name is told, by the same site's rules.
    pub fn back_to(&self, id: PluginId, to: Option<String>) -> RollbackOptions {
        let Self { site, trust, lock, access, .. } = self.clone();
        RollbackOptions { site, id, to, trust, lock, accepted_capabilities: None, leaving: Leaving::IsKept, access }
    }

    /// The same, with one version more that stays: until it is known whether the new one is any good
    /// ([`InstallOptions::settle`]). What could not stay, because no install made it, is not replaced.
    #[must_use]
    pub fn on_trial(self) -> Self {
        Self { keep: self.keep.saturating_add(1), is_on_trial: true, ..self }
    }

    /// Lets only as many versions of a plugin stay as are to stay, once a new one is known to be good; gives what could
    /// not be removed.
    ///
    /// # Errors
    /// As [`Site::session`].
    pub fn settle(&self, id: &PluginId) -> Result<Vec<PathBuf>> {
        self.site.session(&self.access, |session| session.keep_newest(id, self.keep))
    }

    /// Refuses another plugin than the one that was named.
    fn require(&self, id: &PluginId) -> Result<()> {
        match self.only.as_ref().filter(|only| *only != id) {
            Some(only) => Err(Fault::new(Reason::OtherPlugin, format!("what came is `{id}`, and not `{only}`"))
                .expected(only.to_string(), id.to_string())),
            None => Ok(()),
        }
    }
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
    /// The index that the reference names, when it names one that this was taken of.
    pub index: Option<ArtifactDigest>,
    /// The platform by which it was taken of an index of several, or that somebody has named.
    pub platform: Option<PlatformName>,
    /// Where it is.
    pub directory: PathBuf,
    /// What happened to the directory.
    pub change: Change,
    /// Status, key, and what strict mode would have refused it for.
    pub signature: Judgement,
    /// What it asks of the host, and what was asked before.
    pub grants: Grants,
    /// What it has replaced; nothing when its place was free or held the same tree.
    pub replaced: Option<Replaced>,
    /// What keeps a host from loading it; nothing of what was installed already.
    pub unloadable: Vec<Problem>,
    /// The coverage that the floor was lowered from for it, in one word.
    pub lowered_from: Option<&'static str>,
    /// What could not be removed of what was there before.
    pub leftovers: Vec<PathBuf>,
    /// What plugins.lock says of it.
    pub lock: InLock,
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
    let id = OnceCell::new();
    // Boxed: what comes of a reference is deep, and whoever installs within work of their own holds it all.
    let installed = Box::pin(install_noting(source, options, reporter, &id)).await;
    installed.map_err(|fault| beside(fault, &options.site, id.get(), source))
}

/// As [`install`], and notes which plugin it is as soon as that was read.
async fn install_noting(
    source: &Source,
    options: &InstallOptions,
    reporter: &dyn Reporter,
    id: &OnceCell<PluginId>,
) -> Result<Installation> {
    options.site.check(&options.access)?;
    options.trust.require_acknowledged()?;
    if let Some(Reference::Registry(reference)) = source.artifact() {
        options.references.allow(reference, options.require_digest)?;
    }
    Judge::require_keys(&options.trust)?;
    source.require_beside(options.site.path())?;
    options.trust.demands.require_artifact(source)?;
    let origin = source.origin()?;
    let client = ClientOptions {
        // A dry run writes nothing.
        partials: (!options.access.dry_run.is_on()).then(|| options.site.partials()),
        ..options.client.clone()
    };
    let arrival = Arrival::of(source, options.require_digest, &client, reporter).await?;
    let most = Judge::new(&options.trust)?.largest_proof_of(&Origin::recorded(&origin));
    let at_hand = arrival.proofs(&options.bundles, most).await?;
    let coming = Coming::with(Origin::recorded(&origin), at_hand.as_ref());
    let digest = arrival.digest();
    let (index, platform) = arrival.index();
    if let Some(unchanged) = already_installed(digest, index, &coming, options)? {
        return Ok(Installation { index, platform, ..unchanged });
    }
    let (mut staged, claim) = stage(arrival, source, options, reporter).await?;
    let manifest = Manifest::from_document(claim.document()?)?;
    let _ = id.set(manifest.id.clone());
    options.require(&manifest.id)?;
    let arriving = Arriving::of(&manifest, &claim, Some(&origin), Some(came_in(digest, index, platform.as_ref())));
    let incoming = Incoming { manifest, claim, origin: &origin, coming, digest, index, platform, arriving, options };
    for _ in 0..ATTEMPTS {
        let before = incoming.refuse_early()?;
        if !options.access.dry_run.is_on() {
            reporter.before_activation(&incoming.manifest.id)?;
            reporter.event(&Event::Activating { id: &incoming.manifest.id, version: &incoming.manifest.version });
        }
        if let Some(installed) = incoming.activate(&before, &mut staged)? {
            return Ok(installed);
        }
    }
    Err(Fault::new(Reason::Locked, format!("other commands keep changing `{}`", incoming.manifest.id))
        .hint("run it again when they are done"))
}

/// Reads the artifact whole, beside its place; for a dry run by the same walk, and written nowhere.
async fn stage(
    arrival: Arrival,
    source: &Source,
    options: &InstallOptions,
    reporter: &dyn Reporter,
) -> Result<(Option<Staged<StagingDirectory>>, Claim)> {
    if options.access.dry_run.is_on() {
        options.site.require_writable(&options.access)?;
        let (_, claim) =
            arrival.stage(source, Staging::hash_only(Limits::until(&options.client.cancellation)), reporter).await?;
        return Ok((None, claim));
    }
    let staging = Staging::into_place(options.site.staging()?, Limits::until(&options.client.cancellation))?;
    let (staged, claim) = arrival.stage(source, staging, reporter).await?;
    Ok((Some(staged), claim))
}

/// What is staged, and what it says about itself.
struct Incoming<'a> {
    manifest: Manifest,
    claim: Claim,
    /// What the record says it came from.
    origin: &'a str,
    /// The same for the judge, with what is at hand of its proofs.
    coming: Coming<'a>,
    digest: ArtifactDigest,
    /// The index that it was taken of, and the platform by which it was.
    index: Option<ArtifactDigest>,
    platform: Option<PlatformName>,
    /// As a lock compares it; why nothing can be compared with it, which its proof is refused for.
    arriving: Result<Arriving>,
    options: &'a InstallOptions,
}

impl Incoming<'_> {
    /// Refuses what is refused whatever is installed before the lock is taken, so that it leaves no trace and keeps
    /// nobody waiting. What is refused beside something that is installed is refused under the lock: without it that
    /// may be half of what another command is removing.
    fn refuse_early(&self) -> Result<Before> {
        let InstallOptions { site, trust, access, lock, .. } = self.options;
        let judge = Judge::new(trust)?;
        let examined = judge.examine(&self.claim, self.coming.clone());
        let locked = self.locked(&lock.read()?)?;
        if examined.refusal().is_some() || locked.as_ref().is_some_and(LockFacts::refuses) {
            // All that is known to be wrong, in the order of the gates.
            let facts = Facts { lock: locked, ..site.observe()?.facts(&self.manifest.id, access)? };
            if let Err(refusal) = judge.observe(examined, Some(&facts)).outcome {
                return Err(self.refused(refusal, None));
            }
            return Err(Fault::new(Reason::Internal, "what was refused is refused no more"));
        }
        site.require_possible(&self.manifest.id)?;
        let before = Before::look(site, &self.manifest.id, &examined, access)?;
        Ok(before)
    }

    /// Takes the lock, asks the gates, and puts it into its place; `None` when another command has put another
    /// tree there than the one that was seen.
    fn activate(&self, before: &Before, staged: &mut Option<Staged<StagingDirectory>>) -> Result<Option<Installation>> {
        let place = staged.as_ref().map(|staged| staged.place().path().to_owned());
        self.options.site.session_beside(place.as_deref(), &self.options.access, |session| {
            let mut present = session.present(&self.manifest.id)?;
            present.comes(self.digest);
            self.require_way_back(present.record())?;
            // The keys and rules as they are now: they may have changed while the lock was waited for.
            let judge = Judge::new(&self.options.trust)?;
            let (examined, proofs) = judge.examine_noting(&self.claim, &self.coming);
            if !before.tell(&mut present, &examined, &judge) {
                return Ok(None);
            }
            // The lock's own lock is held until the entry stands there.
            let InstallOptions { site, access, lock, trust, .. } = self.options;
            let guard = lock.begin(site, access).map_err(|refusal| self.refused(refusal, present.record()))?;
            if let Some(locked) = self.locked(&guard)? {
                present.locked(locked);
            }
            let outcome = judge.decide(examined, &present).outcome;
            let admitted = outcome.map_err(|refusal| self.refused(refusal, present.record()))?;
            let record = self.record(admitted.verdict(), present.record());
            let signature = judge.judgement(admitted.verdict());
            let in_place = present.facts().in_place.as_ref();
            let replaced = Replaced::of(in_place, present.record(), admitted.verdict(), &record);
            let grants = Grants { before: GrantsBefore::of(in_place), now: self.manifest.grants() };
            keep_proofs((site, &session), &self.coming, &proofs, (self.digest, admitted.verdict().subject()))?;
            let active = session.activate(admitted, present, staged.take(), &record, self.options.keep)?;
            let mut installation = Installation { replaced, ..self.installation(active, signature, grants) };
            if let (true, Ok(arriving)) = (guard.is_asked(), &self.arriving) {
                let capabilities = self.manifest.grants().into_iter().collect();
                let recorded = guard.record(arriving, &record, &installation.signature, capabilities, trust.at);
                let done = format!("{} {} is installed", record.id, record.version);
                installation.lock = recorded.map_err(|fault| fault.although(done))?;
            }
            Ok(Some(installation))
        })
    }

    /// Refuses to replace, on trial, what would be kept nowhere: a tree is kept with its record, and of one artifact one is.
    fn require_way_back(&self, record: Option<&InstallRecord>) -> Result<()> {
        let Self { manifest, options, .. } = self;
        let place = options.site.plugin(&manifest.id);
        if !options.is_on_trial || place.symlink_metadata().is_err() {
            return Ok(());
        }
        let shown = escaped(place.as_os_str());
        let hint = format!("replace it at the command line: `aisoc plugin install {}`", shell_word(self.origin));
        let Some(record) = record else {
            let what = format!("no install has put `{shown}` there, so nobody could go back to it");
            return Err(Fault::new(Reason::AlreadyExists, what).hint(hint));
        };
        if record.digest != self.digest {
            return Ok(());
        }
        let tree = TreeInPlace::read(&place, record, default_threads(), &Limits::until(&options.access.cancellation))?;
        match tree.subject() == record.tree_digest {
            true => Ok(()),
            false => {
                let what = format!("`{shown}` was changed since it was installed, so nobody could go back to it");
                Err(Fault::new(Reason::TreeModified, what)
                    .expected(record.tree_digest.to_string(), tree.subject().to_string())
                    .hint(hint))
            }
        }
    }

    /// What the lock says of it, for the gate; nothing in dev where nothing can be compared with it.
    fn locked(&self, guard: &LockGuard<'_>) -> Result<Option<LockFacts>> {
        match &self.arriving {
            Ok(arriving) => Ok(Some(guard.facts(arriving, self.options.trust.at))),
            Err(fault) if guard.is_asked() => Err(self.refused(fault.clone(), None)),
            Err(_) => Ok(None),
        }
    }

    /// A refusal, with what it is about, and with the version that is kept where going back is what was meant.
    fn refused(&self, refusal: Fault, installed: Option<&InstallRecord>) -> Fault {
        let Manifest { id, version, .. } = &self.manifest;
        let is_kept = || {
            let kept = self.options.site.previous_versions(id).unwrap_or_default();
            kept.iter().any(|kept| kept.record.version == *version && kept.record.digest == self.digest)
        };
        let moved = installed.and_then(|record| other_repository(&record.reference, self.origin));
        let refusal = match (refusal.reason(), moved) {
            (Reason::VersionDowngrade, _) if is_kept() => refusal.hint(format!(
                "that version is kept: `aisoc plugin rollback {id} --to {}` goes back to it",
                shell_word(version)
            )),
            (Reason::UnknownCapability, _) => {
                let hint = format!("its publisher has to correct that entry: {}", refusal.next_step());
                refusal.hint(hint)
            }
            (Reason::SignerChanged, Some((before, now))) => {
                refusal.caused_by(format!("and it comes from another repository: {before} → {now}"))
            }
            _ => refusal,
        };
        refusal.about(format_args!("{id} {version}"))
    }

    fn record(&self, verdict: &Verdict, before: Option<&InstallRecord>) -> InstallRecord {
        InstallRecord {
            schema_version: InstallRecord::SCHEMA_VERSION,
            id: self.manifest.id.clone(),
            version: self.manifest.version.clone(),
            reference: self.origin.to_owned(),
            digest: self.digest,
            index_digest: self.index,
            platform: self.platform.as_ref().map(ToString::to_string),
            tree_digest: verdict.subject(),
            canonical_digest: verdict.digest(),
            signature_status: verdict.status().as_str().to_owned(),
            signing_key_id: verdict.key_id().map(ToString::to_string),
            signers: signers_to_record(verdict, before, verdict.subject()),
            coverage: Some(verdict.coverage().as_str().to_owned()),
            capabilities: Some(self.manifest.grants()),
            installed_at: format!("{:.0}", self.options.trust.at),
            rolled_back_at: None,
            rolled_back_from: None,
        }
    }

    fn installation(&self, active: Installed, signature: Judgement, grants: Grants) -> Installation {
        Installation {
            id: self.manifest.id.clone(),
            version: self.manifest.version.clone(),
            digest: self.digest,
            index: self.index,
            platform: self.platform.clone(),
            change: Change::of(&active, &self.manifest.version),
            directory: active.path,
            signature,
            grants,
            replaced: None,
            unloadable: unloadable(&self.claim),
            lowered_from: active.lowered_from,
            leftovers: active.leftovers,
            lock: InLock::default(),
        }
    }
}

/// The installed plugin of that artifact, if there is one and it is as good as a new install: every
/// byte as recorded, and admitted by today's keys and policy. Anything less is installed again, and so is what comes of an
/// index of another digest: the record says of which.
fn already_installed(
    digest: ArtifactDigest,
    index: Option<ArtifactDigest>,
    coming: &Coming<'_>,
    options: &InstallOptions,
) -> Result<Option<Installation>> {
    for plugin in options.site.observe()?.of_artifact(digest) {
        let Ok(Some(record)) = plugin.record else { continue };
        if index.is_some() && record.index_digest != index {
            continue;
        }
        options.require(&record.id)?;
        match confirm_in_place(&options.site, &record, coming, &options.trust, &options.access) {
            Ok(Some(confirmed)) => {
                let InstallOptions { site, trust, access, lock, .. } = options;
                let lock = lock_unchanged(&record, &confirmed, coming, lock, (site, trust, access))?;
                let Confirmed { signature, grants, leftovers, .. } = confirmed;
                return Ok(Some(Installation {
                    id: record.id,
                    version: record.version,
                    digest,
                    index: None,
                    platform: None,
                    directory: plugin.path,
                    change: Change::Unchanged,
                    signature,
                    grants: Grants::unchanged(grants),
                    replaced: None,
                    unloadable: Vec::new(),
                    lowered_from: None,
                    leftovers,
                    lock,
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
