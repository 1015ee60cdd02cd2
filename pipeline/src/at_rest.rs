//! Verification at rest: every installed plugin, read whole and judged by today's keys.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aisoc_discovery::{Stated, StatedPlugins};
use aisoc_files::{Walk, parallel};
use aisoc_installation::{
    InstallRecord, InstalledPlugin, Observed, Placed, SharedDirectories, Site, Whereabouts, escaped,
    identity_conflicts, manifest_id, read_guarded, stated_id, while_in_place,
};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::progress::{Act, Measured};
use aisoc_manifests::text::printable;
use aisoc_packaging::{Limits, default_threads, stated_bytes};
use aisoc_signing::{Claim, Coverage, Origin};
use aisoc_trust::{Examined, SignatureStatus, TrustMode};

use crate::afterwards::Afterwards;
use crate::bytecode::{cure, mended};
use crate::foresight::{Foreseeing, Foresight, Foretold};
use crate::grants::stated_grants;
use crate::intact::{Intact, read_intact};
use crate::judge::{Judge, Judgement, TrustInputs};
use crate::proofs::Coming;

/// Of so many plugins it is said how many bytes are read, of more how many plugins.
const FEW: usize = 100;

/// What to verify.
#[derive(Debug)]
pub struct AtRestOptions {
    /// Where plugins live.
    pub site: Site,
    /// These plugins alone; all of them when there is none.
    pub only: Vec<String>,
    /// Whom to trust, and how far.
    pub trust: TrustInputs,
    /// How much is read of each plugin, and until when.
    pub limits: Limits,
    /// Whether a plugins directory that everybody may write is acceptable.
    pub shared_directories: SharedDirectories,
}

impl AtRestOptions {
    /// The same plugins, judged by what keys vouch for alone.
    pub(crate) fn by_keys_alone(&self) -> Self {
        let Self { site, only, trust, limits, shared_directories } = self;
        Self {
            site: site.clone(),
            only: only.clone(),
            trust: trust.by_keys_alone(),
            limits: limits.clone(),
            shared_directories: *shared_directories,
        }
    }
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
    /// What it asks of the host ([`Manifest::grants`]), as far as that was read; nothing when it was not.
    pub grants: Option<BTreeSet<String>>,
    /// What its manifest states, and the digest of what was read; nothing when it was not.
    pub stated: Option<Stated>,
    /// What its install wrote down; not read for a verdict that was believed.
    pub record: Option<Box<InstallRecord>>,
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
    /// What everybody may write of the plugins directory and the way to it, where that was accepted.
    pub shared: Option<String>,
}

impl AtRest {
    /// What the manifests of those that were read state, for whoever compares the same bytes with a lock.
    pub fn take_stated(&mut self) -> StatedPlugins {
        taken(self.plugins.iter_mut())
    }
}

/// As [`AtRest::take_stated`].
pub(crate) fn taken<'a>(plugins: impl Iterator<Item = &'a mut PluginAtRest>) -> StatedPlugins {
    plugins.filter_map(|plugin| Some((plugin.path.clone(), plugin.stated.take()?))).collect()
}

/// Verifies installed plugins, on as many threads as there are processors.
///
/// # Errors
/// `directory_insecure` when others can change the plugins directory, in which case nothing in it is
/// judged; `plugin_not_found` for one that was asked for, and I/O reasons when plugins or keys cannot be
/// listed. What is refused is a verdict.
pub fn verify_at_rest(options: &AtRestOptions) -> Result<AtRest> {
    let (seen, rest) = see_at_rest(options, Afterwards::Without(&BTreeSet::new()))?;
    Ok(AtRest { plugins: seen.into_iter().map(|seen| seen.plugin).collect(), ..rest })
}

/// An installed plugin as it is judged today, and as it would be without some of the keys, or with other notes on them.
pub(crate) struct Seen {
    pub(crate) plugin: PluginAtRest,
    /// Nothing where none of those keys has signed it, nor shows a proof of it, which is no other verdict.
    pub(crate) foreseen: Option<Foretold>,
}

/// As [`verify_at_rest`], and what would be said of each plugin `afterwards`: of the same bytes, read once.
/// What is given beside the plugins has none in it.
///
/// # Errors
/// As [`verify_at_rest`].
pub(crate) fn see_at_rest(options: &AtRestOptions, afterwards: Afterwards<'_>) -> Result<(Vec<Seen>, AtRest)> {
    options.site.require_secure(options.shared_directories)?;
    let shared = options.site.shared()?;
    let observed = options.site.observe()?;
    let (wanted, others) = wanted(options, &observed);
    let judge = Judge::new(&options.trust)?;
    let threads = default_threads();
    let reader = Reader {
        options,
        observed: &observed,
        judge: &judge,
        foresight: &Foresight::of(&judge, afterwards),
        // Few plugins are read on all processors each, many one beside the other.
        threads_each: if wanted.len() > 1 { NonZeroUsize::MIN } else { threads },
        walk: Walk::default(),
    };
    let reading = begin(options, &wanted);
    let judged = parallel::map(&wanted, threads, |directory| {
        let judged = reader.plugin(directory);
        options.limits.cancellation.advance_plugin();
        judged
    })
    .map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    drop(reading);
    // Half of the verdicts are none.
    options.limits.cancellation.check()?;
    // Of ten thousand nothing large is moved from list to list.
    let mut judged: Vec<Box<Judged>> = judged.into_iter().flatten().collect();
    refuse_ambiguous(&mut judged, others, &options.site);
    let seen: Vec<Seen> = judged.into_iter().map(|judged| judged.seen).collect();
    let is_missing = |id: &&String| seen.iter().all(|seen| seen.plugin.id != **id && seen.plugin.directory != **id);
    if let Some(id) = options.only.iter().find(is_missing) {
        return Err(not_found(id, options.site.path()));
    }
    Ok((seen, AtRest { plugins: Vec::new(), skipped_keys: judge.skipped_keys(), shared }))
}

/// What can be a plugin, and what should be one by its record, a plugin that is gone being no good news:
/// those that are asked for, and the identities of all others, beside which they are seen.
fn wanted(options: &AtRestOptions, observed: &Observed) -> (Vec<OsString>, Vec<Placed>) {
    let directories = observed.directories();
    if options.only.is_empty() {
        return (directories, Vec::new());
    }
    let is_asked_for = |place: &Placed| {
        let (id, name) = (place.id.as_ref().map(PluginId::as_str), escaped(&place.directory));
        options.only.iter().any(|asked| id == Some(asked) || name == *asked)
    };
    let places = directories.iter().filter_map(|directory| observed.placed(directory));
    let (asked, others): (Vec<_>, Vec<_>) = places.partition(is_asked_for);
    (asked.into_iter().map(|place| place.directory).collect(), others)
}

/// Begins to judge all of them: each by itself would begin anew. Of a few the bytes are counted, which one large plugin
/// may be the most of; of more the plugins, whose sizes nobody looks up only to say how far it is. What cannot be looked
/// at is refused by whoever reads it.
fn begin<'a>(options: &'a AtRestOptions, wanted: &[OsString]) -> Option<Measured<'a>> {
    let cancellation = &options.limits.cancellation;
    let stated = |name| stated_bytes(&options.site.path().join(name), &options.limits).unwrap_or_default();
    match wanted.len() {
        0 | 1 => None,
        ..=FEW => Some(cancellation.begin(Act::Reading, wanted.iter().map(stated).sum())),
        many => Some(cancellation.begin(Act::Judging, many as u64)),
    }
}

/// A plugin that was read, and which one it is.
struct Judged {
    seen: Seen,
    placed: Placed,
}

/// Nobody can rely on a verdict about a plugin that may be taken for another one.
fn refuse_ambiguous(judged: &mut [Box<Judged>], others: Vec<Placed>, site: &Site) {
    let placed: Vec<Placed> = judged.iter().map(|judged| judged.placed.clone()).chain(others).collect();
    // What is passed over is not the plugin, and is refused as a second one where both are listed.
    let (passed_over, counted): (Vec<bool>, Vec<Option<Placed>>) = placed
        .iter()
        .map(|one| (site.passes_over(one, &placed), one))
        .map(|(is_passed_over, one)| (is_passed_over, (!is_passed_over).then(|| one.clone())))
        .unzip();
    let counted: Vec<Placed> = counted.into_iter().flatten().collect();
    let mut conflicts = identity_conflicts(&counted).into_iter();
    for (judged, is_passed_over) in judged.iter_mut().zip(passed_over) {
        let conflict = if is_passed_over { None } else { conflicts.next().flatten() };
        if let Some(conflict) = conflict {
            let plugin = &mut judged.seen.plugin;
            plugin.verdict = Err(conflict.fault());
            (plugin.signature, plugin.coverage) = (None, None);
        }
    }
}

fn not_found(id: &str, plugins_dir: &Path) -> Fault {
    Fault::new(Reason::PluginNotFound, format!("no plugin `{}` in `{}`", printable(id), plugins_dir.display()))
}

struct Reader<'a> {
    options: &'a AtRestOptions,
    observed: &'a Observed,
    judge: &'a Judge<'a>,
    foresight: &'a Foresight<'a>,
    threads_each: NonZeroUsize,
    /// By whose rule what is opened is judged: which user this is was asked once.
    walk: Walk,
}

impl Reader<'_> {
    /// `None` for what is no plugin. A tree that is exchanged while it is read is read again: half of the
    /// old and half of the new is no verdict about either.
    fn plugin(&self, directory: &OsString) -> Option<Box<Judged>> {
        let path = self.options.site.path().join(directory);
        while_in_place(&path, || Some(Box::new(self.read(self.observed.read(directory)?))))
    }

    fn read(&self, plugin: InstalledPlugin) -> Judged {
        let InstalledPlugin { directory, path, record } = plugin;
        let (id, record, examined) = match record {
            Ok(Some(record)) => {
                let examined = self.recorded(&path, &record);
                (Some(record.id.clone()), Some(Box::new(record)), examined)
            }
            Ok(None) => {
                let examined = self.found(&path);
                let id = examined.as_ref().map_or_else(|_| manifest_id(&path), |read| Some(read.id.clone()));
                (id, None, examined)
            }
            Err(fault) => (directory.to_str().and_then(|name| name.parse().ok()), None, Err(fault)),
        };
        let version = match &examined {
            Ok(read) => read.version.clone(),
            Err(_) => record.as_ref().map(|record| record.version.clone()),
        };
        let (grants, stated) =
            examined.as_ref().map_or((None, None), |read| (read.grants.clone(), read.stated.clone()));
        let Verdicts { today, known: (signature, coverage), foreseen } = self.judge(examined);
        let plugin = PluginAtRest {
            id: shown(id.as_ref(), &directory),
            directory: escaped(&directory),
            path: path.clone(),
            version,
            grants,
            stated,
            record,
            verdict: today,
            signature,
            coverage,
        };
        Judged { seen: Seen { plugin, foreseen }, placed: Placed { directory, path, id } }
    }

    fn refused(&self, fault: Fault) -> Verdicts {
        let known = known_of_refusal(fault.reason(), self.options.trust.policy.mode);
        Verdicts { known, today: Err(fault), foreseen: None }
    }

    /// The verdict, and what is known of the signature even where it is a refusal.
    fn judge(&self, read: Result<Read>) -> Verdicts {
        let Read { id, examined, foreseen, .. } = match read {
            Ok(read) => read,
            Err(fault) => return self.refused(fault),
        };
        let known = examined.verdict().map(|verdict| (verdict.status(), verdict.coverage())).unzip();
        let facts = match self.observed.facts_at_rest(&id) {
            Ok(facts) => facts,
            Err(fault) => return self.refused(fault),
        };
        match self.judge.observe(examined, Some(&facts)).outcome {
            Ok(verdict) => {
                let foreseen = self.foresight.observe(foreseen, Some(&facts));
                Verdicts { today: Ok(self.judge.judgement(&verdict)), known, foreseen }
            }
            Err(fault) if fault.reason() == Reason::CoverageDowngrade => Verdicts { known, ..self.refused(fault) },
            Err(fault) => self.refused(fault),
        }
    }

    fn recorded(&self, path: &Path, record: &InstallRecord) -> Result<Read> {
        let coming = Coming::recorded(record, &self.options.site);
        let Intact { claim, examined, .. } =
            read_intact(path, record, &coming, self.judge, self.threads_each, &self.options.limits)?;
        let foreseen = self.foresight.examine(&claim, &coming, &examined);
        let read = Read::of(&claim, record.id.clone(), examined, foreseen);
        Ok(Read { version: Some(record.version.clone()), ..read })
    }

    /// A plugin that somebody else put there: held to what an install would have made of it, and judged
    /// as the host would.
    fn found(&self, path: &Path) -> Result<Read> {
        let read = read_guarded(path, &self.walk, self.threads_each, &self.options.limits)?;
        let unread = read.unread().cloned();
        let claim = read.claim();
        let id = stated_id(claim.document()?)?;
        let examined = self.judge.examine(&claim, Origin::unknown());
        if let Some(refusal) = examined.refusal() {
            if let Some(unread) = unread {
                return Err(unread);
            }
            let rule = self.options.trust.policy.coverage;
            return Err(mended(refusal.clone(), &claim, examined.findings(), rule, || {
                cure(&Whereabouts::Plugins(None), path)
            }));
        }
        let foreseen = self.foresight.examine(&claim, &Origin::unknown().into(), &examined);
        Ok(Read::of(&claim, id, examined, foreseen))
    }
}

/// What was read of a plugin that has passed the gates about proof.
struct Read {
    id: PluginId,
    version: Option<String>,
    grants: Option<BTreeSet<String>>,
    stated: Option<Stated>,
    examined: Examined,
    /// The same without the keys that are asked about.
    foreseen: Option<Foreseeing>,
}

impl Read {
    /// With what the manifest states, as far as that can be read.
    fn of(claim: &Claim, id: PluginId, examined: Examined, foreseen: Option<Foreseeing>) -> Self {
        let manifest = claim.document().and_then(Manifest::from_document).ok();
        let digest = claim.statement().ok().map(|statement| statement.digest());
        Self {
            id,
            version: manifest.as_ref().map(|manifest| manifest.version.clone()),
            grants: stated_grants(claim),
            stated: manifest.zip(digest).map(|(manifest, digest)| Stated::of(&manifest, digest)),
            examined,
            foreseen,
        }
    }
}

/// What all gates say of a plugin.
struct Verdicts {
    today: Result<Judgement>,
    known: Known,
    foreseen: Option<Foretold>,
}

/// The signature's status and coverage, where somebody has judged it.
type Known = (Option<SignatureStatus>, Option<Coverage>);

/// What a refusal says of the signature and its coverage. One that is not the gate's says nothing: nobody
/// has come so far as to judge a signature.
fn known_of_refusal(reason: Reason, mode: TrustMode) -> Known {
    match reason {
        // Where a mode lets in what is not verified, trust rules refuse that as well.
        Reason::SignersTooFew if mode != TrustMode::Strict => (None, None),
        Reason::Unsigned => (Some(SignatureStatus::Unsigned), Some(Coverage::None)),
        Reason::CoveragePartial => (Some(SignatureStatus::Verified), Some(Coverage::Code)),
        Reason::SignersTooFew | Reason::UntrustedPublisher => (Some(SignatureStatus::Verified), None),
        Reason::SignatureMalformed
        | Reason::TimestampInvalid
        | Reason::NoTrustedKeys
        | Reason::SignatureInvalid
        | Reason::UntrustedKey
        | Reason::KeyRevoked
        | Reason::KeyExpired
        | Reason::KeyNotYetValid
        | Reason::KeyOutOfScope
        | Reason::CoverageMismatch
        | Reason::IntegrityUnknown => (Some(SignatureStatus::Invalid), Some(Coverage::None)),
        _ => (None, None),
    }
}

/// The id, or where there is none, the name of the directory.
fn shown(id: Option<&PluginId>, directory: &OsStr) -> String {
    id.map_or_else(|| escaped(directory), ToString::to_string)
}
