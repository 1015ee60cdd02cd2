//! What is in place, read whole and judged as a new install would be.

use aisoc_files::shell_word;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use aisoc_installation::{Access, CoverageFloor, InstallRecord, Site, TreeInPlace, require_guarded, stated_id};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_packaging::{Limits, default_threads};
use aisoc_signing::{Claim, WITHOUT_BYTECODE};
use aisoc_trust::Examined;

use crate::grants::stated_grants;
use crate::judge::{Judge, Judgement, TrustInputs};
use crate::proofs::{Coming, keep_proofs};

/// A tree that is as its record says, and has passed the gates about proof.
pub(crate) struct Intact {
    pub(crate) tree: TreeInPlace,
    pub(crate) claim: Claim,
    pub(crate) examined: Examined,
}

/// Reads the plugin at `path` whole, without a lock, and examines it.
///
/// # Errors
/// What the gates about proof refuse, which names the file where it can; `tree_modified` when something was
/// changed, added or removed since the install that the signature does not name: an entry that no install
/// makes, the manifest, the whole plugin; `directory_insecure` for what others can write.
pub(crate) fn read_intact(
    path: &Path,
    record: &InstallRecord,
    coming: &Coming<'_>,
    judge: &Judge<'_>,
    threads: NonZeroUsize,
    limits: &Limits,
) -> Result<Intact> {
    let reinstall = format!("install it again: `aisoc plugin install {}`", shell_word(&record.reference));
    let modified = |what: &str| {
        let message = format!("`{}` was changed since it was installed{what}", record.id);
        Fault::new(Reason::TreeModified, message).hint(&reinstall)
    };
    // What it leads to can be changed without anything here changing.
    if path.is_symlink() {
        return Err(modified(": it is a link"));
    }
    let tree = TreeInPlace::read(path, record, threads, limits).map_err(|fault| match fault.reason() {
        Reason::ForbiddenEntry | Reason::ManifestMissing | Reason::IoNotFound => modified(&format!(": {fault}")),
        _ => fault,
    })?;
    let claim = tree.claim();
    let examined = judge.examine(&claim, coming.clone());
    if tree.subject() != record.tree_digest {
        let (cause, remedy) = match tree.has_bytecode_added() {
            true => (": bytecode was added to it", format!("{reinstall}; {WITHOUT_BYTECODE}")),
            false => ("", reinstall.clone()),
        };
        let named = examined.refusal().filter(|refusal| refusal.class() == Reason::TreeModified.class());
        let digests = || modified(cause).expected(record.tree_digest.to_string(), tree.subject().to_string());
        return Err(named.cloned().unwrap_or_else(digests).hint(remedy));
    }
    if let Some(refusal) = examined.refusal() {
        return Err(refusal.clone());
    }
    require_recorded(record, &stated_id(claim.document()?)?, &examined).map_err(|fault| fault.hint(reinstall))?;
    require_guarded(path)?;
    Ok(Intact { tree, claim, examined })
}

/// A record is no evidence, but what it says about the tree has to be true.
fn require_recorded(record: &InstallRecord, stated: &PluginId, examined: &Examined) -> Result<()> {
    if *stated != record.id {
        return Err(Fault::new(Reason::IdentityAmbiguous, "the record is about another plugin than the one in place")
            .expected(record.id.to_string(), stated.to_string()));
    }
    let verified = examined.verdict().and_then(|verdict| verdict.digest());
    match record.canonical_digest.zip(verified) {
        Some((recorded, found)) if recorded != found => {
            let message = format!("the record of `{}` is about other content", record.id);
            Err(Fault::new(Reason::RecordInvalid, message).expected(found.to_string(), recorded.to_string()))
        }
        _ => Ok(()),
    }
}

/// What was confirmed to be in place.
pub(crate) struct Confirmed {
    pub(crate) signature: Judgement,
    pub(crate) grants: BTreeSet<String>,
    pub(crate) leftovers: Vec<PathBuf>,
    /// What was confirmed.
    pub(crate) claim: Claim,
}

/// Admits what is in place as a new install would be, and changes nothing: hashed without the lock, and judged
/// under it. `None` when another process has put something else there in between.
///
/// Nothing is lowered for what changes nothing: a floor that has to be lowered asks for an install.
///
/// # Errors
/// As [`read_intact`], what the gates refuse, and those of beginning a session.
pub(crate) fn confirm_in_place(
    site: &Site,
    record: &InstallRecord,
    coming: &Coming<'_>,
    trust: &TrustInputs,
    access: &Access,
) -> Result<Option<Confirmed>> {
    let limits = Limits::until(&access.cancellation);
    let path = site.plugin(&record.id);
    let tree = read_intact(&path, record, coming, &Judge::new(trust)?, default_threads(), &limits)?.tree;
    let access = Access { coverage_floor: CoverageFloor::Held, ..access.clone() };
    let mut has_begun = false;
    let confirmed = site.session(&access, |session| {
        has_begun = true;
        let mut present = session.present(&record.id)?;
        present.comes(record.digest);
        // The keys as they are now: they may have changed while the lock was waited for.
        let judge = Judge::new(trust)?;
        let (examined, proofs) = judge.examine_noting(&tree.claim(), coming);
        let admitted = judge.decide(examined, &present).outcome?;
        keep_proofs((site, &session), coming, &proofs, (record.digest, tree.subject()))?;
        let signature = judge.judgement(admitted.verdict());
        let leftovers = session.confirm(admitted, present, &tree)?;
        Ok(leftovers.map(|leftovers| Confirmed { signature, grants: grants(&tree), leftovers, claim: tree.claim() }))
    });
    match confirmed {
        // No lock can be taken where nothing can be written, as on a read-only volume. What fails under the lock
        // is another matter: keys or floors that cannot be read are no reason to look away.
        Err(fault) if !has_begun && matches!(fault.reason(), Reason::IoDenied | Reason::IoNoSpace) => {
            observe_in_place(site, &tree, coming, trust)
        }
        confirmed => confirmed,
    }
}

/// As [`confirm_in_place`], for a directory that this process cannot write to: the same gates, asked of what is
/// observed. Nothing follows from it that would need an admission.
fn observe_in_place(
    site: &Site,
    tree: &TreeInPlace,
    coming: &Coming<'_>,
    trust: &TrustInputs,
) -> Result<Option<Confirmed>> {
    let judge = Judge::new(trust)?;
    let facts = site.observe()?.facts_again(&tree.record().id, &Access::default())?;
    let verdict = judge.observe(judge.examine(&tree.claim(), coming.clone()), Some(&facts)).outcome?;
    let confirmed = Confirmed {
        signature: judge.judgement(&verdict),
        grants: grants(tree),
        leftovers: Vec::new(),
        claim: tree.claim(),
    };
    Ok(site.is_in_place(tree)?.then_some(confirmed))
}

/// What an admitted tree asks to be allowed.
fn grants(tree: &TreeInPlace) -> BTreeSet<String> {
    stated_grants(&tree.claim()).unwrap_or_default()
}
