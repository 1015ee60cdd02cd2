//! `foresee`: what has to be done so that what is here is what the lock accepts.
//!
//! Nothing is fetched for it. Whatever it says, each plugin is judged by every gate when its turn comes, and by the lock
//! as it is then.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::Path;

use aisoc_discovery::{Discovered, Failed, Source as PluginSource};
use aisoc_files::shell_word;
use aisoc_installation::stands_elsewhere;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::platform::PlatformName;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;
use aisoc_manifests::version_order::compare;
use aisoc_trust::lockfile::{LockEntry, Lockfile};
use aisoc_trust::{CapabilityConsent, Consent, LockListed, PluginMode};

use crate::accepted::{HereOptions, JudgedHere, SeenByLock, found};
use crate::discovered::Noticed;

/// Most characters of a reference that a message repeats.
const MAX_SHOWN: usize = 200;

/// What has to be done, and what is here beside it.
#[derive(Debug)]
pub struct SyncPlan {
    /// One for each entry, in the order of the lock.
    pub steps: Vec<SyncStep>,
    /// What the lock does not accept.
    pub extras: Vec<Extra>,
    /// Key files that are not used.
    pub skipped_keys: Vec<String>,
    /// What everybody may write of the plugins directory and the way to it, where that was accepted.
    pub shared: Option<String>,
    /// What somebody should know.
    pub noticed: Noticed,
}

/// What has to be done about one entry.
#[derive(Debug)]
pub struct SyncStep {
    /// The entry.
    pub entry: LockEntry,
    /// The version that is here.
    pub present_version: Option<String>,
    /// What has to be done.
    pub act: SyncAct,
    /// In what it is not here as it was accepted; nothing where it is.
    pub differs: Option<Fault>,
}

/// What becomes of one plugin.
#[derive(Debug)]
pub enum SyncAct {
    /// Nothing: it is here as it was accepted.
    Keep,
    /// It is fetched, and put where there is none.
    Install(LockedArtifact),
    /// It takes the place of an older version.
    Upgrade(LockedArtifact),
    /// It takes the place of a newer version.
    Downgrade(LockedArtifact),
    /// It takes the place of something else of that version, or of what nobody can compare it with.
    Replace(LockedArtifact),
    /// Nothing that a sync could do: it is not here and comes from no registry, it differs, or it is below its floor.
    Refuse,
}

/// The artifact that a lock accepts, and where it is.
#[derive(Debug, Clone)]
pub struct LockedArtifact {
    /// The plugin.
    pub id: PluginId,
    /// Where it is, by its digest and by no tag.
    pub reference: Reference,
    /// Its digest.
    pub digest: ArtifactDigest,
    /// The digest of the image index that it is taken of, which `reference` names then.
    pub index_digest: Option<ArtifactDigest>,
    /// The platform by which it is taken of that.
    pub platform: Option<PlatformName>,
    /// What the entry answers for beside what is here.
    pub consent: Consent,
}

/// A plugin that is here, and that the lock does not accept.
#[derive(Debug)]
pub struct Extra {
    /// Its id; of what cannot be read, its name.
    pub id: String,
    /// Its version, where that is known.
    pub version: Option<String>,
    /// Where it was found.
    pub source: PluginSource,
    /// Why nobody can tell what it is, if nobody can.
    pub fault: Option<Fault>,
}

impl SyncAct {
    /// The act in one word.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Install(_) => "install",
            Self::Upgrade(_) => "upgrade",
            Self::Downgrade(_) => "downgrade",
            Self::Replace(_) => "replace",
            Self::Refuse => "refuse",
        }
    }

    /// What has to come, if anything has.
    pub const fn artifact(&self) -> Option<&LockedArtifact> {
        match self {
            Self::Install(artifact) | Self::Upgrade(artifact) | Self::Downgrade(artifact) | Self::Replace(artifact) => {
                Some(artifact)
            }
            Self::Keep | Self::Refuse => None,
        }
    }
}

impl LockedArtifact {
    /// What an entry says of where its plugin is; nothing of one that came in no artifact, or in a directory.
    pub fn of(entry: &LockEntry) -> Option<Self> {
        Self::named(entry)?.ok()
    }

    /// As [`LockedArtifact::of`], with what is wrong with what an entry says of it; nothing where it says nothing.
    fn named(entry: &LockEntry) -> Option<Result<Self>> {
        let reference = entry.provenance.oci_ref.as_ref()?;
        Some(Self::at(entry, reference).map_err(|fault| {
            let message = format!("`oci_ref` of `{}` in plugins.lock names nothing that can be fetched", entry.id);
            let found = format!("`{}`: {fault}", shown(reference, MAX_SHOWN));
            Fault::new(Reason::MissingFromInstall, message)
                .expected("a reference and its `oci_digest`", found)
                .hint("correct it where the lock is made; what `aisoc plugin install REF --lock` locks can be fetched")
        }))
    }

    /// Why this machine does not take it by itself: it was accepted for another platform.
    fn for_another_machine(&self) -> Option<Fault> {
        let (accepted, here) = (self.platform.as_ref()?, PlatformName::here());
        (!here.taken().contains(accepted)).then(|| {
            let place = shell_word(self.reference.to_string());
            let platform = shell_word(accepted.to_string());
            Fault::new(Reason::PlatformMismatch, "plugins.lock accepts it for another platform than this machine's")
                .expected(accepted.to_string(), here.to_string())
                .hint(format!(
                    "install it where that platform is; where it is meant for this machine all the same: \
                     `aisoc plugin install {place} --locked --platform {platform}`"
                ))
        })
    }

    fn at(entry: &LockEntry, reference: &str) -> Result<Self> {
        let provenance = &entry.provenance;
        let reference: Reference = reference.parse()?;
        let digest = provenance
            .oci_digest
            .as_ref()
            .ok_or_else(|| Fault::new(Reason::InvalidReference, "no `oci_digest` says which artifact it is"))?;
        let digest: ArtifactDigest = digest.parse()?;
        let capabilities = match provenance.capabilities {
            Some(_) => CapabilityConsent::AcceptedBefore,
            None => CapabilityConsent::Nothing,
        };
        // Whose signatures count instead, gate 7 asks by the entry.
        let consent = Consent { downgrade: true, signer_change: provenance.signed_by.is_some(), capabilities };
        let id = PluginId::installable(&entry.id)?;
        let index_digest = provenance.oci_index_digest.as_deref().map(str::parse::<ArtifactDigest>).transpose()?;
        let platform = provenance.oci_platform.as_deref().map(str::parse::<PlatformName>).transpose()?;
        let reference = reference.pinned(index_digest.unwrap_or(digest));
        Ok(Self { id, reference, digest, index_digest, platform, consent })
    }
}

/// Compares the lock with what is here, and with what its signatures are worth.
///
/// # Errors
/// `interrupted`, and I/O reasons for sources that cannot be listed.
pub fn foresee(lock: &Lockfile, options: &HereOptions, mode: PluginMode) -> Result<SyncPlan> {
    let seen = options.seen_by_lock(lock, mode)?;
    let places = Places::of(&seen);
    let steps = lock.entries().iter().enumerate().map(|(at, entry)| step(at, entry, &seen, &places)).collect();
    let is_unlisted = |failed: &&Failed| lock.entry(&failed.name).is_none();
    let unlisted = seen.plugins.iter().enumerate().filter(|(at, _)| seen.comparison.entries[*at].is_none());
    let extra = |plugin: &Discovered| Extra {
        id: plugin.id.clone(),
        version: Some(plugin.version.clone()),
        source: plugin.source,
        fault: None,
    };
    let unread = |failed: &Failed| Extra {
        id: failed.name.clone(),
        version: failed.version.clone(),
        source: failed.source,
        fault: Some(failed.fault.clone()),
    };
    let extras = unlisted.map(|(_, plugin)| extra(plugin));
    let extras = extras.chain(seen.failed.iter().filter(is_unlisted).map(unread)).collect();
    Ok(SyncPlan { steps, extras, skipped_keys: seen.skipped_keys, shared: seen.shared, noticed: seen.noticed })
}

/// Where what an entry is about was found: ten thousand entries are not each compared with ten thousand plugins.
struct Places<'a> {
    /// The plugin, by the place of the entry.
    here: HashMap<usize, usize>,
    /// Why nobody can tell, by the name.
    failed: HashMap<&'a str, &'a Fault>,
    /// The directory of another name that a plugin stands in, by its id.
    elsewhere: HashMap<&'a str, &'a Path>,
}

impl<'a> Places<'a> {
    /// Of several the first has the id.
    fn of(seen: &'a SeenByLock) -> Self {
        let (mut here, mut failed, mut elsewhere) = (HashMap::new(), HashMap::new(), HashMap::new());
        let in_directories = |plugin: &&Discovered| matches!(plugin.source, PluginSource::Dir | PluginSource::Oci);
        for plugin in seen.plugins.iter().filter(in_directories) {
            if plugin.place.file_name() != Some(OsStr::new(&plugin.id)) {
                elsewhere.entry(plugin.id.as_str()).or_insert(plugin.place.as_path());
            }
        }
        for (at, entry) in seen.comparison.entries.iter().enumerate() {
            if let Some(entry) = entry {
                here.entry(*entry).or_insert(at);
            }
        }
        for Failed { name, fault, .. } in &seen.failed {
            failed.entry(name.as_str()).or_insert(fault);
        }
        Self { here, failed, elsewhere }
    }
}

fn step(at: usize, entry: &LockEntry, seen: &SeenByLock, places: &Places<'_>) -> SyncStep {
    let here = places.here.get(&at).copied();
    let failed = places.failed.get(entry.id.as_str()).copied();
    let differs = here.map_or_else(|| failed.cloned(), |here| difference(entry, here, seen));
    let present_version = here.map(|here| seen.plugins[here].version.clone());
    // What stands there by hand is nobody's to remove: what comes would be refused for it, each time.
    let elsewhere = places.elsewhere.get(entry.id.as_str()).copied();
    let (artifact, unusable) = match LockedArtifact::named(entry) {
        Some(Ok(artifact)) => match artifact.for_another_machine() {
            None => (Some(artifact), None),
            Some(fault) => (None, Some(fault)),
        },
        Some(Err(fault)) => (None, Some(fault)),
        None => (None, None),
    };
    let (act, differs) = match (artifact, here, differs) {
        (_, Some(_), None) => (SyncAct::Keep, None),
        _ if entry.is_below_its_floor() => refused(below_floor(entry)),
        (Some(LockedArtifact { id, .. }), _, Some(_)) if let Some(place) = elsewhere => {
            refused(stands_elsewhere(&id, place))
        }
        (Some(artifact), Some(_), Some(differs)) => {
            (exchange(artifact, entry, present_version.as_deref()), Some(differs))
        }
        (Some(artifact), None, Some(unread)) => (SyncAct::Replace(artifact), Some(unread)),
        (Some(artifact), None, None) => match occupied(entry, seen) {
            Some(occupied) => refused(occupied),
            None => (SyncAct::Install(artifact), Some(missing(entry))),
        },
        (None, _, Some(differs)) => refused(match unusable {
            Some(unusable) => differs.and(&unusable),
            None => differs,
        }),
        (None, None, None) => refused(unusable.unwrap_or_else(|| {
            missing(entry)
                .although("the lock names no artifact of it that can be fetched")
                .hint("install it the way it comes; what `aisoc plugin install REF --lock` locks can be fetched")
        })),
    };
    SyncStep { entry: entry.clone(), present_version, act, differs }
}

fn said(fault: &Fault) -> String {
    match fault.difference() {
        Some(difference) => format!("{}: {} → {}", fault.reason(), difference.found, difference.expected),
        None => format!("{}: {fault}", fault.reason()),
    }
}

fn refused(fault: Fault) -> (SyncAct, Option<Fault>) {
    (SyncAct::Refuse, Some(fault))
}

/// In what the plugin that is here is not what was accepted: in what gate 7 asks, by its signature, or in what it asks for.
fn difference(entry: &LockEntry, here: usize, seen: &SeenByLock) -> Option<Fault> {
    let (plugin, judged) = (&seen.plugins[here], &seen.judged[here]);
    let artifact = found(plugin);
    let drifts = seen.comparison.blocking(here).cloned().collect();
    let listed = LockListed { entry: Some(entry.clone()), drifts, artifact };
    let objection = listed.objection(judged.coverage).or_else(|| judged.refusal.clone());
    objection.or_else(|| listed.signer_objection(&judged.signed_by)).or_else(|| beyond(entry, judged))
}

/// A plugin that asks for more than was accepted of it.
fn beyond(entry: &LockEntry, judged: &JudgedHere) -> Option<Fault> {
    let (accepted, asked) = (entry.provenance.capabilities.as_ref()?, judged.grants.as_ref()?);
    let more: Vec<&str> = asked.iter().filter(|asked| !accepted.contains(asked)).map(String::as_str).collect();
    if more.is_empty() {
        return None;
    }
    let accepted = if accepted.is_empty() { "nothing".to_owned() } else { accepted.join(", ") };
    let message = format!("it asks for more than plugins.lock accepts: {}", more.join(", "));
    Some(Fault::new(Reason::CapabilitiesNotAccepted, message).expected(accepted, more.join(", ")))
}

/// Something else in the place of a plugin that is not here: what that is, whoever put it there says.
fn occupied(entry: &LockEntry, seen: &SeenByLock) -> Option<Fault> {
    let place = seen.site.as_ref()?.plugin(&PluginId::installable(&entry.id).ok()?);
    // What cannot be looked at is something.
    if place.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return None;
    }
    let holder = seen.plugins.iter().find(|plugin| plugin.place == place);
    let found = holder.map_or_else(|| "no plugin that can be read".to_owned(), |plugin| format!("`{}`", plugin.id));
    Some(
        Fault::new(Reason::AlreadyExists, format!("something else stands in its place, `{}`", place.display()))
            .expected("nothing, or that plugin", found)
            .hint(format!("look at it with `ls -A {}`, then take it out of the plugins directory", shell_word(&place))),
    )
}

fn exchange(artifact: LockedArtifact, entry: &LockEntry, present: Option<&str>) -> SyncAct {
    match present.and_then(|present| compare(present, &entry.version)) {
        Some(Ordering::Less) => SyncAct::Upgrade(artifact),
        Some(Ordering::Greater) => SyncAct::Downgrade(artifact),
        Some(Ordering::Equal) | None => SyncAct::Replace(artifact),
    }
}

fn missing(entry: &LockEntry) -> Fault {
    let LockEntry { package, version, .. } = entry;
    Fault::new(Reason::MissingFromInstall, "plugins.lock accepts it, and it is not installed")
        .expected(format!("{package}=={version}"), "none")
}

fn below_floor(entry: &LockEntry) -> Fault {
    let floor = entry.provenance.version_floor.as_deref().unwrap_or_default();
    Fault::new(Reason::VersionDowngrade, "plugins.lock accepts a version below its own floor")
        .expected(format!("{floor} or newer"), &entry.version)
        .hint("accept a newer version; whoever answers for the older one lowers `version_floor` in the lock by hand")
}

impl SyncStep {
    /// Why that has to be done, in one line.
    pub fn why(&self) -> String {
        match (&self.act, &self.differs) {
            (SyncAct::Install(_), _) => "not installed".to_owned(),
            (_, Some(differs)) => said(differs),
            (_, None) => "as accepted".to_owned(),
        }
    }

    /// Whether the plugin is here as it was accepted.
    pub const fn is_done(&self) -> bool {
        matches!(self.act, SyncAct::Keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_trust::lockfile::Provenance;

    fn entry(reference: Option<&str>, digest: Option<&str>) -> LockEntry {
        let [id, package, version] = ["demo", "team/demo", "1.0.0"].map(str::to_owned);
        let [oci_ref, oci_digest] = [reference, digest].map(|text| text.map(str::to_owned));
        LockEntry {
            id,
            package,
            version,
            entry_point: "plugin:Demo".to_owned(),
            distribution_hash: "sha256:1".to_owned(),
            provenance: Provenance { oci_ref, oci_digest, ..Provenance::default() },
        }
    }

    #[test]
    fn an_artifact_is_fetched_by_its_digest_and_what_came_in_a_directory_is_not() {
        let digest = ArtifactDigest::of(b"x").to_string();
        let of = |reference| LockedArtifact::of(&entry(reference, Some(&digest)));
        let artifact = of(Some("localhost:5000/team/demo:1")).expect("in a registry");
        assert_eq!(artifact.reference.to_string(), format!("localhost:5000/team/demo@{digest}"));
        assert!(artifact.consent.downgrade && !artifact.consent.signer_change, "nobody is said to have signed it");
        assert_eq!(artifact.consent.capabilities, CapabilityConsent::Nothing);
        assert!(of(Some("/srv/demo")).is_none() && of(None).is_none());
        assert!(LockedArtifact::of(&entry(Some("localhost:5000/team/demo:1"), None)).is_none());
    }

    #[test]
    fn what_takes_whose_place_is_told_by_their_versions() {
        let digest = ArtifactDigest::of(b"x").to_string();
        let entry = entry(Some("localhost:5000/team/demo:1"), Some(&digest));
        let act = |present| {
            let artifact = LockedArtifact::of(&entry).expect("in a registry");
            exchange(artifact, &entry, present).as_str()
        };
        assert_eq!(act(Some("0.9")), "upgrade");
        assert_eq!(act(Some("1.0.1")), "downgrade");
        assert_eq!((act(Some("1.0.0")), act(Some("one"))), ("replace", "replace"));
    }
}
