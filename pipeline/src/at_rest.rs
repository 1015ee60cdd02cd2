//! Verification at rest: every installed plugin, read whole and judged by today's keys.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_packaging::{
    InstallRecord, InstalledDir, InstalledPlugin, Limits, ReferenceDir, StatFingerprint, candidates, default_threads,
    recorded, while_in_place,
};
use aisoc_signing::{Claim, Keyring, verify};
use aisoc_trust::{Admitted, SignatureStatus, TrustMode, admit};

use crate::install::Judgement;
use crate::verdict_cache::{CachedVerdict, VerdictCache};
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
    /// Whether what was verified before has to be read again.
    pub unchanged: Unchanged,
    /// How much is read of each plugin, and until when.
    pub limits: Limits,
}

/// What to do about plugins that look as they did when they were verified last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unchanged {
    /// Read every byte again.
    Read,
    /// Believe the verdict that was noted then. Nothing is ever loaded on the strength of it.
    Believed,
}

/// An installed plugin and its verdict.
#[derive(Debug)]
pub struct PluginAtRest {
    /// The name of its directory.
    pub directory: String,
    /// Where it is.
    pub path: PathBuf,
    /// The version that its manifest states, when it can be read.
    pub version: Option<String>,
    /// What its install wrote down; not read for a verdict that was believed.
    pub record: Option<InstallRecord>,
    /// What the gate says.
    pub verdict: Result<Judgement>,
    /// Where the verdict is from.
    pub evidence: Evidence,
}

/// Where a verdict is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Every byte was read.
    Read,
    /// Nothing has changed since every byte was read, as far as the file system tells.
    Believed,
}

/// All verdicts.
#[derive(Debug)]
pub struct AtRest {
    /// In order of their directories.
    pub plugins: Vec<PluginAtRest>,
    /// Key files that are not used, `file: reason`.
    pub skipped_keys: Vec<String>,
    /// Why verdicts could not be noted, or noted ones not be used.
    pub cache_problem: Option<Fault>,
}

/// Verifies installed plugins, on as many threads as there are processors.
///
/// # Errors
/// `plugin_not_found` for one that was asked for, and I/O reasons when plugins or keys cannot be
/// listed. What is refused is a verdict.
pub fn verify_at_rest(options: &AtRestOptions) -> Result<AtRest> {
    let names = wanted(options)?;
    // In mode `disabled` nothing is read, keys included.
    let keyring = match options.trust.policy.mode {
        TrustMode::Disabled => Keyring::default(),
        TrustMode::Strict | TrustMode::Warn => options.trust.keyring()?,
    };
    let mut cache = match options.unchanged {
        Unchanged::Read => VerdictCache::unused(),
        Unchanged::Believed => VerdictCache::read(&options.plugins_dir, &keyring, &options.trust.policy),
    };
    let threads = default_threads();
    let judge = Judge {
        options,
        keyring: &keyring,
        cache: &cache,
        // Few plugins are read on all processors each, many one beside the other.
        threads_each: if names.len() > 1 { NonZeroUsize::MIN } else { threads },
    };
    let judged = on_threads(&names, threads, |name| judge.plugin(name))?;
    // Half of the verdicts are none.
    options.limits.cancellation.check()?;
    let mut notes = BTreeMap::new();
    let mut plugins = Vec::new();
    for (plugin, note) in judged.into_iter().flatten() {
        notes.extend(note.map(|note| (plugin.directory.clone(), note)));
        plugins.push(plugin);
    }
    let missing = options.only.iter().find(|id| plugins.iter().all(|plugin| plugin.directory != **id));
    if let Some(id) = missing {
        return Err(not_found(id, &options.plugins_dir));
    }
    let skipped_keys = keyring.skipped().iter().map(ToString::to_string).collect();
    Ok(AtRest { plugins, skipped_keys, cache_problem: cache.update(notes, options.only.is_empty().then_some(&names)) })
}

/// What can be a plugin, and what should be one by its record: a plugin that is gone is no good news.
fn wanted(options: &AtRestOptions) -> Result<Vec<String>> {
    let mut names = candidates(&options.plugins_dir)?;
    names.extend(recorded(&options.plugins_dir)?);
    names.sort();
    names.dedup();
    if options.only.is_empty() {
        return Ok(names);
    }
    names.retain(|name| options.only.contains(name));
    Ok(names)
}

fn not_found(id: &str, plugins_dir: &Path) -> Fault {
    Fault::new(Reason::PluginNotFound, format!("no plugin `{}` in `{}`", id.escape_debug(), plugins_dir.display()))
}

struct Judge<'a> {
    options: &'a AtRestOptions,
    keyring: &'a Keyring,
    cache: &'a VerdictCache,
    threads_each: NonZeroUsize,
}

impl Judge<'_> {
    /// `None` for what is no plugin. A tree that is exchanged while it is read is read again: half of the
    /// old and half of the new is no verdict about either.
    fn plugin(&self, name: &str) -> Option<(PluginAtRest, Option<CachedVerdict>)> {
        let path = self.options.plugins_dir.join(name);
        let look = || self.cache.is_used().then(|| StatFingerprint::of(&self.options.plugins_dir, name).ok()).flatten();
        let fingerprint = look();
        if let Some(verdict) = fingerprint.as_ref().and_then(|fingerprint| self.cache.verdict(name, fingerprint)) {
            return Some((believed(name, path, verdict), None));
        }
        let judged = while_in_place(&path, || self.read(name))?;
        let unchanged = fingerprint.filter(|before| look().as_ref() == Some(before));
        let note = unchanged.and_then(|fingerprint| CachedVerdict::of(&judged, fingerprint, self.options.trust.at));
        Some((judged, note))
    }

    fn read(&self, name: &str) -> Option<PluginAtRest> {
        let InstalledPlugin { directory, path, record, .. } = InstalledPlugin::read(&self.options.plugins_dir, name)?;
        let (record, judged) = match record {
            Ok(Some(record)) => {
                let judged = self.recorded(&path, &record);
                (Some(record), judged)
            }
            Ok(None) => (None, self.found(&path)),
            Err(fault) => (None, Err(fault)),
        };
        let (version, verdict) = match judged {
            Ok((version, admitted)) => (version, Ok(Judgement::of(&admitted))),
            Err(fault) => (record.as_ref().map(|record| record.version.clone()), Err(fault)),
        };
        Some(PluginAtRest { directory, path, version, record, verdict, evidence: Evidence::Read })
    }

    fn recorded(&self, path: &Path, record: &InstallRecord) -> Result<(Option<String>, Admitted)> {
        let admitted =
            intact_admission(path, record, &self.options.trust, self.keyring, self.threads_each, &self.options.limits)?;
        Ok((Some(record.version.clone()), admitted))
    }

    /// A plugin that somebody else put there: judged as the host would.
    fn found(&self, path: &Path) -> Result<(Option<String>, Admitted)> {
        let claim = ReferenceDir::read_with(path, self.threads_each, &self.options.limits)?.claim();
        let admitted = self.admit(&claim)?;
        Ok((stated_version(&claim), admitted))
    }

    fn admit(&self, claim: &Claim) -> Result<Admitted> {
        admit(&self.options.trust.policy, claim, |claim| verify(claim, self.keyring))
    }
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
    let admitted = admit(&trust.policy, &present.claim(), |claim| verify(claim, keyring));
    if present.subject() != record.tree_digest {
        let named = admitted.err().filter(|refusal| refusal.class() == Reason::TreeModified.class());
        let digests = || modified("").expected(record.tree_digest.to_string(), present.subject().to_string());
        return Err(named.unwrap_or_else(digests).hint(reinstall));
    }
    let admitted = admitted?;
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

fn believed(name: &str, path: PathBuf, verdict: &CachedVerdict) -> PluginAtRest {
    PluginAtRest {
        directory: name.to_owned(),
        path,
        version: verdict.version.clone(),
        record: None,
        verdict: Ok(Judgement {
            status: SignatureStatus::Verified,
            key_id: Some(verdict.key_id.clone()),
            coverage: verdict.coverage(),
            objection: None,
        }),
        evidence: Evidence::Believed,
    }
}

/// Applies `work` to every item, in order of items.
fn on_threads<T: Sync, U: Send>(items: &[T], threads: NonZeroUsize, work: impl Fn(&T) -> U + Sync) -> Result<Vec<U>> {
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, work(item)));
        }
    };
    let done: Result<Vec<(usize, U)>> = thread::scope(|scope| {
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, run);
        let workers: std::io::Result<Vec<_>> = (1..threads.get().min(items.len())).map(spawn).collect();
        let workers = workers.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
        let mut done = run();
        for worker in workers {
            done.extend(worker.join().map_err(|_| Fault::new(Reason::Internal, "a thread panicked"))?);
        }
        Ok(done)
    });
    let mut done = done?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}
