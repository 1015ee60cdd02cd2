//! `Here`: what is here, as a lock compares it, and what its signatures are worth.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use aisoc_discovery::{Discovered, Discovery, Failed, Origin, Source, StatedPlugins};
use aisoc_installation::{SharedDirectories, Site};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_packaging::Limits;
use aisoc_signing::{Coverage, FileOutcome};
use aisoc_trust::drift::{Comparison, Present, compare};
use aisoc_trust::lockfile::Lockfile;
use aisoc_trust::{FileVerdict, FoundSignature, PluginMode, SignatureStatus, judge_file};

use crate::at_rest::{AtRest, AtRestOptions, PluginAtRest, taken, verify_at_rest};
use crate::discovered::{Noticed, SiteSources, discover_beside};
use crate::judge::{Judge, TrustInputs};

/// Where to look, and whom to trust.
#[derive(Debug)]
pub struct HereOptions {
    /// Every place where plugins are looked for.
    pub sources: SiteSources,
    /// Whom to trust, and how far: of what has a signature.
    pub trust: TrustInputs,
    /// How much is read, and until when.
    pub limits: Limits,
    /// Whether a plugins directory that everybody may write is acceptable.
    pub shared_directories: SharedDirectories,
}

/// One pass over all sources.
#[derive(Debug)]
pub(super) struct Here {
    /// What was found.
    pub(super) discovery: Discovery,
}

/// What is here, beside the lock.
#[derive(Debug)]
pub(crate) struct SeenByLock {
    pub(crate) plugins: Vec<Discovered>,
    pub(crate) comparison: Comparison,
    pub(crate) failed: Vec<Failed>,
    /// What is known of the signature of each, in their order.
    pub(crate) judged: Vec<JudgedHere>,
    /// Where plugins are installed.
    pub(crate) site: Option<Site>,
    pub(crate) skipped_keys: Vec<String>,
    pub(crate) shared: Option<String>,
    pub(crate) noticed: Noticed,
}

/// What gate 5 says of a plugin that is here, and what else a lock can be about.
#[derive(Debug, Default)]
pub(crate) struct JudgedHere {
    /// Why it is not admitted.
    pub(crate) refusal: Option<Fault>,
    /// What it asks of the host, where that was read.
    pub(crate) grants: Option<BTreeSet<String>>,
    /// How much is verified of it, where anything is.
    pub(crate) coverage: Option<Coverage>,
    /// Who has signed it, of those whose signatures count.
    pub(crate) signed_by: Vec<String>,
}

impl JudgedHere {
    fn of(plugin: &Discovered, signatures: &mut Signatures) -> Self {
        match signatures.take(plugin) {
            Some(Ok(judged)) => {
                let PluginAtRest { verdict, grants, .. } = *judged;
                let signers = verdict.as_ref().map(|verdict| verdict.signers.as_slice()).unwrap_or_default();
                let signed_by = signers.iter().map(|signer| signer.fingerprint.to_string()).collect();
                let coverage = verdict.as_ref().ok().map(|verdict| verdict.coverage);
                Self { refusal: verdict.err(), grants, coverage, signed_by }
            }
            Some(Err(refusal)) => Self { refusal: Some(refusal), ..Self::default() },
            None => match signatures.take_file(plugin).map(|file| file.said) {
                Some(FoundSignature::Refused(refusal)) => Self { refusal: Some(refusal), ..Self::default() },
                _ => Self::default(),
            },
        }
    }
}

impl HereOptions {
    /// Looks at every source.
    ///
    /// # Errors
    /// As [`crate::discover_site`]: what cannot be read is found to have failed.
    pub(super) fn look(&self) -> Result<Here> {
        self.look_beside(StatedPlugins::new())
    }

    /// As [`HereOptions::look`]; what is in `stated` was read by whoever has judged it, and is not read again.
    ///
    /// # Errors
    /// As [`HereOptions::look`].
    pub(super) fn look_beside(&self, stated: StatedPlugins) -> Result<Here> {
        Ok(Here { discovery: discover_beside(&self.sources, stated, &self.limits)? })
    }

    /// Looks at every source and asks gate 5 of what has a signature: what is compared with a lock is what was judged.
    ///
    /// # Errors
    /// As [`HereOptions::look`].
    pub(super) fn look_and_judge(&self, mode: PluginMode) -> Result<(Here, Signatures)> {
        let mut signatures = self.trees()?;
        let here = self.look_beside(taken(signatures.plugins.values_mut().map(Box::as_mut)))?;
        signatures.add(files(&here.discovery, &self.trust, mode));
        Ok((here, signatures))
    }

    /// What is here as a lock compares it, with the refusals of gate 5 beside it.
    ///
    /// # Errors
    /// As [`HereOptions::look_and_judge`].
    pub(crate) fn seen_by_lock(&self, lock: &Lockfile, mode: PluginMode) -> Result<SeenByLock> {
        let (Here { mut discovery }, mut signatures) = self.look_and_judge(mode)?;
        let noticed = Noticed::of(&mut discovery);
        let Discovery { plugins, failed, .. } = discovery;
        let here: Vec<Present> = plugins.iter().map(present).collect();
        let judged = plugins.iter().map(|plugin| JudgedHere::of(plugin, &mut signatures)).collect();
        let Signatures { skipped_keys, shared, .. } = signatures;
        let (comparison, site) = (compare(lock, &here), self.sources.site.clone());
        Ok(SeenByLock { plugins, comparison, failed, judged, site, skipped_keys, shared, noticed })
    }

    /// Gate 5 of what has a signature: of plugins by their directories, of drop-ins by what was read of them. Where there is
    /// none of either, no keys are needed.
    pub(super) fn signatures(&self, here: &Here, mode: PluginMode) -> Result<Signatures> {
        let mut signatures = self.trees()?;
        signatures.add(files(&here.discovery, &self.trust, mode));
        Ok(signatures)
    }

    fn trees(&self) -> Result<Signatures> {
        let Some(site) = &self.sources.site else { return Ok(Signatures::default()) };
        match site.observe() {
            Ok(observed) if observed.directories().is_empty() => return Ok(Signatures::default()),
            // What cannot be listed is found to have failed.
            Ok(_) | Err(_) => {}
        }
        let options = AtRestOptions {
            site: site.clone(),
            only: Vec::new(),
            trust: self.trust.clone(),
            limits: self.limits.clone(),
            shared_directories: self.shared_directories,
        };
        match verify_at_rest(&options) {
            Ok(AtRest { plugins, skipped_keys, shared }) => {
                let plugins = plugins.into_iter().map(|plugin| (plugin.path.clone(), Box::new(plugin))).collect();
                Ok(Signatures { plugins, skipped_keys, shared, ..Signatures::default() })
            }
            // Without keys, or where others may write, nothing is judged, and nothing of it is loaded.
            Err(refusal) => {
                self.limits.cancellation.check()?;
                Ok(Signatures { refusal: Some(refusal), ..Signatures::default() })
            }
        }
    }
}

/// Whether what is found there has a signature by its kind: a tree that is covered by one.
pub(super) fn has_signature(source: Source) -> bool {
    matches!(source, Source::Dir | Source::Oci)
}

/// What gate 5 says of the plugins in directories.
#[derive(Debug, Default)]
pub(super) struct Signatures {
    plugins: HashMap<PathBuf, Box<PluginAtRest>>,
    /// What is said of drop-ins.
    files: HashMap<PathBuf, FileVerdict>,
    /// Why none of them could be judged.
    refusal: Option<Fault>,
    pub(super) skipped_keys: Vec<String>,
    pub(super) shared: Option<String>,
}

/// What is said of drop-ins, by their places.
#[derive(Debug, Default)]
pub(super) struct JudgedFiles {
    pub(super) verdicts: HashMap<PathBuf, FileVerdict>,
    /// Key files that are not used, `file: reason`.
    pub(super) skipped_keys: Vec<String>,
}

/// What is said of each drop-in. Keys that cannot be read say nothing of one that has no signature; of one that has, they
/// are why it is refused, where its signature counts.
pub(super) fn files(discovery: &Discovery, trust: &TrustInputs, mode: PluginMode) -> JudgedFiles {
    if !discovery.plugins.iter().any(|plugin| matches!(plugin.origin, Origin::File { .. })) {
        return JudgedFiles::default();
    }
    let judge = Judge::new(trust);
    let said = |plugin: &Discovered| Some((plugin.place.clone(), said_of_file(plugin, &judge, trust, mode)?));
    let skipped_keys = judge.as_ref().map(Judge::skipped_keys).unwrap_or_default();
    JudgedFiles { verdicts: discovery.plugins.iter().filter_map(said).collect(), skipped_keys }
}

/// What is said of a drop-in by keys that were read, or could not be; nothing of what is none.
pub(super) fn said_of_file(
    plugin: &Discovered,
    judge: &Result<Judge<'_>>,
    trust: &TrustInputs,
    mode: PluginMode,
) -> Option<FileVerdict> {
    let Origin::File { statement, signature, .. } = &plugin.origin else { return None };
    Some(match (judge, signature) {
        (Ok(judge), signature) => judge.file((&plugin.id, &plugin.place), *statement, signature.as_ref(), mode),
        // Without trust rules keys that cannot be read say nothing of it; rules might.
        (Err(_), None) if trust.demands.rules.is_none() => {
            judge_file(&trust.policy, mode, &plugin.place, || FileOutcome::Unsigned)
        }
        (Err(fault), _) => {
            let said = match mode {
                PluginMode::Dev => FoundSignature::Passes(format!("not judged, which dev lets pass: {fault}")),
                PluginMode::Production => FoundSignature::Refused(fault.clone()),
            };
            let objection = Some(fault.clone());
            FileVerdict { status: SignatureStatus::Invalid, signer: None, decision: None, objection, said }
        }
    })
}

impl Signatures {
    /// Both are judged by the same keys, of which each says the same.
    fn add(&mut self, files: JudgedFiles) {
        self.files = files.verdicts;
        if self.skipped_keys.is_empty() {
            self.skipped_keys = files.skipped_keys;
        }
    }

    /// The verdict on a drop-in; nothing for what is none.
    pub(super) fn take_file(&mut self, plugin: &Discovered) -> Option<FileVerdict> {
        self.files.remove(&plugin.place)
    }

    /// The verdict on a plugin in a directory; nothing for what has no signature by its kind.
    pub(super) fn take(&mut self, plugin: &Discovered) -> Option<Result<Box<PluginAtRest>>> {
        if !has_signature(plugin.source) {
            return None;
        }
        Some(match (self.plugins.remove(&plugin.place), &self.refusal) {
            (Some(judged), _) => Ok(judged),
            (None, Some(refusal)) => Err(refusal.clone()),
            (None, None) => {
                Err(Fault::new(Reason::PluginNotFound, format!("`{}` went away while it was looked at", plugin.id))
                    .hint("run the command again"))
            }
        })
    }
}

/// A plugin as a lock compares it.
pub(super) fn present(plugin: &Discovered) -> Present {
    let is_entry_point = plugin.source == Source::EntryPoint;
    Present {
        id: plugin.id.clone(),
        entry_point_name: is_entry_point.then(|| plugin.id.clone()),
        is_provisional: is_entry_point,
        package: plugin.package.clone(),
        version: plugin.version.clone(),
        entry_point: plugin.entry_point.clone(),
        hash: plugin.hash.clone(),
    }
}
