//! Verification at rest: every installed plugin, read whole and judged by today's keys.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aisoc_files::parallel;
use aisoc_installation::{
    InstallRecord, InstalledPlugin, Placed, coverage_floor, escaped, expected, identity_conflicts, manifest_id,
    require_guarded, require_secure_plugins, stated_id, while_in_place,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::text::printable;
use aisoc_packaging::{InstalledDir, Limits, ReferenceDir, default_threads};
use aisoc_signing::{Claim, Coverage, Keyring, verify};
use aisoc_trust::{Admitted, SignatureStatus, admit};

use crate::install::Judgement;
use crate::verify::TrustInputs;

/// What to verify.
#[derive(Debug)]
pub struct AtRestOptions {
    /// Where plugins live.
    pub plugins_dir: PathBuf,
    /// These plugins alone; all of them when there is none.
    pub only: Vec<String>,
    /// Whom to trust, and how far.
    pub trust: TrustInputs,
    /// How much is read of each plugin, and until when.
    pub limits: Limits,
}

/// An installed plugin and its verdict.
#[derive(Debug)]
pub struct PluginAtRest {
    /// The id that its manifest states; the name of its directory when that cannot be read.
    pub id: String,
    /// The name of its directory, [`escaped`].
    pub directory: String,
    /// Where it is.
    pub path: PathBuf,
    /// The version that its manifest states, when it can be read.
    pub version: Option<String>,
    /// What its install wrote down; not read for a verdict that was believed.
    pub record: Option<InstallRecord>,
    /// What the gate says.
    pub verdict: Result<Judgement>,
    /// What the signature is worth; nothing where nobody has judged it.
    pub signature: Option<SignatureStatus>,
    /// How much of the plugin it covers; nothing where that is not known.
    pub coverage: Option<Coverage>,
}

/// All verdicts.
#[derive(Debug)]
pub struct AtRest {
    /// In order of their directories.
    pub plugins: Vec<PluginAtRest>,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
}

/// Verifies installed plugins, on as many threads as there are processors.
///
/// # Errors
/// `directory_insecure` when others can change the plugins directory, in which case nothing in it is
/// judged; `plugin_not_found` for one that was asked for, and I/O reasons when plugins or keys cannot be
/// listed. What is refused is a verdict.
pub fn verify_at_rest(options: &AtRestOptions) -> Result<AtRest> {
    require_secure_plugins(&options.plugins_dir)?;
    let (wanted, others) = wanted(options)?;
    let keyring = options.trust.keyring()?;
    let threads = default_threads();
    let judge = Judge {
        options,
        keyring: &keyring,
        // Few plugins are read on all processors each, many one beside the other.
        threads_each: if wanted.len() > 1 { NonZeroUsize::MIN } else { threads },
    };
    let judged = parallel::map(&wanted, threads, |directory| judge.plugin(directory))
        .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    // Half of the verdicts are none.
    options.limits.cancellation.check()?;
    let mut judged: Vec<_> = judged.into_iter().flatten().collect();
    refuse_ambiguous(&mut judged, others);
    let plugins: Vec<PluginAtRest> = judged.into_iter().map(|judged| judged.plugin).collect();
    let missing =
        options.only.iter().find(|id| plugins.iter().all(|plugin| plugin.id != **id && plugin.directory != **id));
    if let Some(id) = missing {
        return Err(not_found(id, &options.plugins_dir));
    }
    let skipped_keys = keyring.skipped().iter().map(ToString::to_string).collect();
    Ok(AtRest { plugins, skipped_keys })
}

/// What can be a plugin, and what should be one by its record, a plugin that is gone being no good news:
/// those that are asked for, and the identities of all others, beside which they are seen.
fn wanted(options: &AtRestOptions) -> Result<(Vec<OsString>, Vec<Placed>)> {
    let plugins = expected(&options.plugins_dir)?;
    if options.only.is_empty() {
        return Ok((plugins.into_iter().map(|plugin| plugin.directory).collect(), Vec::new()));
    }
    let place = |plugin: InstalledPlugin| {
        let id = plugin.id();
        Placed { directory: plugin.directory, path: plugin.path, id }
    };
    let is_asked_for = |place: &Placed| {
        let (id, name) = (place.id.as_ref().map(PluginId::as_str), escaped(&place.directory));
        options.only.iter().any(|asked| id == Some(asked) || name == *asked)
    };
    let (asked, others): (Vec<_>, Vec<_>) = plugins.into_iter().map(place).partition(is_asked_for);
    Ok((asked.into_iter().map(|place| place.directory).collect(), others))
}

/// A plugin that was read, and which one it is.
struct Judged {
    plugin: PluginAtRest,
    placed: Placed,
}

/// Nobody can rely on a verdict about a plugin that may be taken for another one.
fn refuse_ambiguous(judged: &mut [Judged], others: Vec<Placed>) {
    let placed: Vec<Placed> = judged.iter().map(|judged| judged.placed.clone()).chain(others).collect();
    for (judged, conflict) in judged.iter_mut().zip(identity_conflicts(&placed)) {
        if let Some(conflict) = conflict {
            judged.plugin.verdict = Err(conflict.fault());
            (judged.plugin.signature, judged.plugin.coverage) = (None, None);
        }
    }
}

fn not_found(id: &str, plugins_dir: &Path) -> Fault {
    Fault::new(Reason::PluginNotFound, format!("no plugin `{}` in `{}`", printable(id), plugins_dir.display()))
}

struct Judge<'a> {
    options: &'a AtRestOptions,
    keyring: &'a Keyring,
    threads_each: NonZeroUsize,
}

impl Judge<'_> {
    /// `None` for what is no plugin. A tree that is exchanged while it is read is read again: half of the
    /// old and half of the new is no verdict about either.
    fn plugin(&self, directory: &OsString) -> Option<Judged> {
        let path = self.options.plugins_dir.join(directory);
        while_in_place(&path, || Some(self.read(InstalledPlugin::read(&self.options.plugins_dir, directory)?)))
    }

    fn read(&self, plugin: InstalledPlugin) -> Judged {
        let InstalledPlugin { directory, path, record, .. } = plugin;
        let (id, record, judged) = match record {
            Ok(Some(record)) => {
                let judged = self.recorded(&path, &record);
                (Some(record.id.clone()), Some(record), judged)
            }
            Ok(None) => {
                let judged = self.found(&path);
                let id = judged.as_ref().map_or_else(|_| manifest_id(&path), |read| Some(read.id.clone()));
                (id, None, judged)
            }
            Err(fault) => (directory.to_str().and_then(|name| name.parse().ok()), None, Err(fault)),
        };
        let recorded_version = record.as_ref().map(|record| record.version.clone());
        let (version, known, verdict) = match judged {
            Ok(Read { version, admitted, id }) => {
                let held = self.hold_to_floor(&id, &admitted).map(|()| Judgement::of(&admitted));
                let known = match held.as_ref().err().map(Fault::reason) {
                    None | Some(Reason::CoverageDowngrade) => (Some(admitted.status()), Some(admitted.coverage())),
                    Some(_) => (None, None),
                };
                (version, known, held)
            }
            Err(fault) => (recorded_version, known_of_refusal(fault.reason()), Err(fault)),
        };
        let (signature, coverage) = known;
        let plugin = PluginAtRest {
            id: shown(id.as_ref(), &directory),
            directory: escaped(&directory),
            path: path.clone(),
            version,
            record,
            verdict,
            signature,
            coverage,
        };
        Judged { plugin, placed: Placed { directory, path, id } }
    }

    fn recorded(&self, path: &Path, record: &InstallRecord) -> Result<Read> {
        let Self { options, keyring, threads_each } = self;
        let admitted = intact_admission(path, record, &options.trust, keyring, *threads_each, &options.limits)?;
        require_guarded(path)?;
        Ok(Read { id: record.id.clone(), version: Some(record.version.clone()), admitted })
    }

    /// A plugin that somebody else put there: held to what an install would have made of it, and judged
    /// as the host would.
    fn found(&self, path: &Path) -> Result<Read> {
        require_guarded(path)?;
        let claim = ReferenceDir::read_with(path, self.threads_each, &self.options.limits)?.claim();
        let id = stated_id(claim.document()?)?;
        let admitted = self.admit(&claim)?;
        Ok(Read { id, version: stated_version(&claim), admitted })
    }

    fn hold_to_floor(&self, id: &PluginId, admitted: &Admitted) -> Result<()> {
        let floor = coverage_floor(&self.options.plugins_dir, id)?;
        admitted.require_coverage(floor.unwrap_or(Coverage::None))
    }

    fn admit(&self, claim: &Claim) -> Result<Admitted> {
        admit(&self.options.trust.policy, claim, |claim| verify(claim, self.keyring))
    }
}

/// What was read of a plugin that the gate lets in.
struct Read {
    id: PluginId,
    version: Option<String>,
    admitted: Admitted,
}

/// What a refusal says of the signature and its coverage. One that is not the gate's says nothing: nobody
/// has come so far as to judge a signature.
fn known_of_refusal(reason: Reason) -> (Option<SignatureStatus>, Option<Coverage>) {
    match reason {
        Reason::Unsigned => (Some(SignatureStatus::Unsigned), Some(Coverage::None)),
        Reason::CoveragePartial => (Some(SignatureStatus::Verified), Some(Coverage::Code)),
        Reason::SignersTooFew => (Some(SignatureStatus::Verified), None),
        Reason::SignatureMalformed
        | Reason::NoTrustedKeys
        | Reason::SignatureInvalid
        | Reason::UntrustedKey
        | Reason::KeyRevoked
        | Reason::KeyExpired
        | Reason::CoverageMismatch
        | Reason::IntegrityUnknown => (Some(SignatureStatus::Invalid), Some(Coverage::None)),
        _ => (None, None),
    }
}

/// The id, or where there is none, the name of the directory.
fn shown(id: Option<&PluginId>, directory: &OsStr) -> String {
    id.map_or_else(|| escaped(directory), ToString::to_string)
}

fn stated_version(claim: &Claim) -> Option<String> {
    claim.document().and_then(Manifest::from_document).ok().map(|manifest| manifest.version)
}

/// Admits an installed plugin again, provided that every byte is as its record says.
///
/// # Errors
/// What the gate refuses, which names the file where it can; `tree_modified` when something was changed,
/// added or removed since the install that the signature does not name: an entry that no install makes,
/// the manifest, the whole plugin.
pub(crate) fn intact_admission(
    path: &Path,
    record: &InstallRecord,
    trust: &TrustInputs,
    keyring: &Keyring,
    threads: NonZeroUsize,
    limits: &Limits,
) -> Result<Admitted> {
    let reinstall = format!("install it again: `aisoc plugin install {}`", record.reference);
    let modified = |what: &str| {
        let message = format!("`{}` was changed since it was installed{what}", record.id);
        Fault::new(Reason::TreeModified, message).hint(&reinstall)
    };
    // What it leads to can be changed without anything here changing.
    if path.is_symlink() {
        return Err(modified(": it is a link"));
    }
    let present = InstalledDir::read_with(path, threads, limits).map_err(|fault| match fault.reason() {
        Reason::ForbiddenEntry | Reason::ManifestMissing | Reason::IoNotFound => modified(&format!(": {fault}")),
        _ => fault,
    })?;
    let claim = present.claim();
    let admitted = admit(&trust.policy, &claim, |claim| verify(claim, keyring));
    if present.subject() != record.tree_digest {
        let named = admitted.err().filter(|refusal| refusal.class() == Reason::TreeModified.class());
        let digests = || modified("").expected(record.tree_digest.to_string(), present.subject().to_string());
        return Err(named.unwrap_or_else(digests).hint(reinstall));
    }
    let admitted = admitted?;
    let stated = stated_id(claim.document()?)?;
    if stated != record.id {
        return Err(Fault::new(Reason::IdentityAmbiguous, "the record is about another plugin than the one in place")
            .expected(record.id.to_string(), stated.to_string())
            .hint(reinstall));
    }
    // A record is no evidence, but what it says about the tree has to be true.
    match record.canonical_digest.zip(admitted.digest()) {
        Some((recorded, found)) if recorded != found => {
            let message = format!("the record of `{}` is about other content", record.id);
            Err(Fault::new(Reason::RecordInvalid, message)
                .expected(found.to_string(), recorded.to_string())
                .hint(reinstall))
        }
        _ => Ok(admitted),
    }
}
