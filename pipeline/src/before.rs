//! What stands in the place of a plugin before it is replaced, and what the replacing changes about it.

use std::cmp::Ordering;
use std::path::PathBuf;

use aisoc_installation::{Access, InstallRecord, Present, RecordedSigner, SeenTree, Site};
use aisoc_manifests::digest::TreeDigest;
use aisoc_manifests::fault::Result;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::reference::Reference;
use aisoc_manifests::version_order::compare_or_same;
use aisoc_packaging::Limits;
use aisoc_signing::Coverage;
use aisoc_trust::{Examined, InPlace, KnownSigner, SignatureStatus, SignedBy, Verdict};

use crate::judge::Judge;

/// The tree in place, read before the lock is taken, where it matters who else has signed it than its record
/// says: a publisher who signs with an old and a new key is known by the new one once that is trusted.
#[derive(Debug)]
pub(crate) struct Before(Option<SeenTree>);

impl Before {
    /// Looks at the site without a lock.
    ///
    /// # Errors
    /// I/O reasons, and `interrupted`.
    pub(crate) fn look(site: &Site, id: &PluginId, examined: &Examined, access: &Access) -> Result<Self> {
        let facts = site.observe()?.facts(id, access)?;
        if !examined.asks_who_signed(&facts) {
            return Ok(Self(None));
        }
        site.seen_tree(id, &Limits::until(&access.cancellation)).map(Self)
    }

    /// Tells the gate what was seen. `false` when that is about another tree than the one in place, and what is
    /// written down of this one does not settle it: then somebody has to look again.
    pub(crate) fn tell(&self, present: &mut Present<'_>, examined: &Examined, judge: &Judge<'_>) -> bool {
        let is_told = self.0.as_ref().is_some_and(|seen| present.signed_by(seen, found_in(seen, judge)));
        is_told || !examined.asks_who_signed(aisoc_trust::UnderLock::facts(present))
    }
}

/// The keys of today that have signed the manifest and the code in place, whether or not they count. What else
/// was added to the tree, such as bytecode, is nobody's signature and takes none away; but content that is not
/// what was recorded is somebody else's.
fn found_in(seen: &SeenTree, judge: &Judge<'_>) -> Vec<KnownSigner> {
    let Some(claim) = seen.claim() else { return Vec::new() };
    // Where nobody has looked who signed it, those count who were known before: whoever came unread is not known by
    // having come.
    let is_unread = |record: &InstallRecord| record.signature_status == SignatureStatus::Skipped.as_str();
    if seen.record().is_some_and(|record| is_unread(record) && !record.signers.is_empty()) {
        return Vec::new();
    }
    let recorded = seen.record().and_then(|record| record.canonical_digest);
    let is_recorded = |digest| recorded.is_none_or(|recorded| recorded == digest);
    match claim.statement() {
        Ok(statement) if is_recorded(statement.digest()) => judge.signers_of(claim),
        _ => Vec::new(),
    }
}

/// What was replaced, and what is another than before.
#[derive(Debug)]
pub struct Replaced {
    /// Its version, when it is known.
    pub version: Option<String>,
    /// Where it came from, when that was written down.
    pub reference: Option<String>,
    /// Who has signed it, as far as anybody could tell.
    pub signers: SignedBy,
    /// Whether what replaces it comes from others.
    pub is_signer_changed: bool,
    /// Whether somebody has signed it, and nobody has looked who has signed what replaces it.
    pub is_signer_unread: bool,
    /// The signers that are new beside one that goes on: each may replace the plugin alone from now on.
    pub added_signers: Vec<KnownSigner>,
    /// The repository before and now, when they differ.
    pub repositories: Option<(String, String)>,
    /// How its version compares with the one that replaces it; nothing when nobody can tell.
    pub order: Option<Ordering>,
    /// Whether every file is as it was but for the signatures.
    pub is_signed_again: bool,
    /// Whether it is written down what it was: of the rest nobody can tell whether it was the same artifact.
    pub is_recorded: bool,
    /// The record of it that could not be understood.
    pub damaged_record: Option<PathBuf>,
}

impl Replaced {
    /// What `verdict` and `now` replace; nothing when that is the same tree.
    pub(crate) fn of(
        in_place: Option<&InPlace>,
        before: Option<&InstallRecord>,
        verdict: &Verdict,
        now: &InstallRecord,
    ) -> Option<Self> {
        let in_place = in_place.filter(|in_place| in_place.recorded != Some(now.tree_digest))?;
        // Mode `disabled` has read no signature, and knows of no change.
        let is_unread = verdict.status() == SignatureStatus::Skipped;
        let is_same = is_unread || in_place.signers.go_on_in(verdict);
        let reference = before.map(|record| record.reference.clone());
        Some(Self {
            version: in_place.version.clone(),
            repositories: reference.as_deref().and_then(|before| other_repository(before, &now.reference)),
            reference,
            signers: in_place.signers.clone(),
            is_signer_changed: !is_same,
            is_signer_unread: is_unread && in_place.signers.is_signed(),
            added_signers: if is_same { in_place.signers.added_by(verdict) } else { Vec::new() },
            order: in_place.version.as_deref().and_then(|version| compare_or_same(version, &now.version)),
            is_recorded: in_place.recorded.is_some(),
            damaged_record: in_place.damaged_record.clone(),
            is_signed_again: before.is_some_and(|before| is_signed_again(before, now)),
        })
    }
}

/// Whether two versions differ in their signatures alone, which is what is known when both cover every file: the
/// manifest that is signed states them all.
fn is_signed_again(before: &InstallRecord, now: &InstallRecord) -> bool {
    let covers_all = |record: &InstallRecord| record.coverage.as_deref() == Some(Coverage::Full.as_str());
    covers_all(before) && covers_all(now) && before.canonical_digest == now.canonical_digest
}

/// The repositories of two references, when both have one and they differ.
pub(crate) fn other_repository(before: &str, now: &str) -> Option<(String, String)> {
    let repository = |text: &str| text.parse::<Reference>().ok()?.repository();
    repository(before).zip(repository(now)).filter(|(before, now)| before != now)
}

/// The signers to write down: those that were verified, and those that were known before of the same tree, or of any
/// where nobody has looked.
pub(crate) fn signers_to_record(
    verdict: &Verdict,
    before: Option<&InstallRecord>,
    tree: TreeDigest,
) -> Vec<RecordedSigner> {
    let verified = verdict.signers().iter().map(KnownSigner::from);
    let mut signers = SignedBy::recorded(verified.collect(), None);
    let is_unread = verdict.status() == SignatureStatus::Skipped;
    if let Some(record) = before.filter(|record| is_unread || record.tree_digest == tree) {
        signers.and_found(record.signed_by().signers().iter().cloned());
    }
    signers.signers().iter().map(RecordedSigner::from).collect()
}
