//! What is published, or lies somewhere, and depends on keys: whole repositories, artifacts, directories.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use aisoc_installation::{escaped, while_in_place};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::{LayoutReference, Reference, Tag};
use aisoc_packaging::{Limits, ReferenceDir, Staging, default_threads};
use aisoc_registry_client::ClientOptions;
use aisoc_signing::{Claim, Fingerprint, Origin};
use futures_util::StreamExt as _;
use futures_util::stream::iter;

use super::dependence::{Place, Rule};
use super::impact::{Impact, require_judging};
use super::judged::Judged;
use crate::afterwards::Afterwards;
use crate::events::{Event, Reporter, Silent};
use crate::fetch::{Fetched, fetch};
use crate::foresight::Foresight;
use crate::judge::{Judge, TrustInputs};
use crate::proofs::{AtHand, Coming};
use crate::source::Source;
use crate::tags::tags;

/// How many artifacts are asked for at once: enough to wait for a registry once and not for each.
const IN_FLIGHT: usize = 4;

/// A reference, and whether somebody has named it: of a repository every tag is asked, also those of other things.
struct Asked {
    reference: Reference,
    is_named: bool,
}

/// An artifact that was found, by every reference that leads to it.
struct Found {
    fetched: Fetched,
    reference: Reference,
    others: Vec<String>,
}

/// What would become of what is published, if those keys were taken away together. A repository or a layout of which no
/// artifact is named is asked for all its tags. Each artifact is received once, whatever leads to it, and nothing is
/// written.
///
/// # Errors
/// `usage` in mode `disabled`, `interrupted`, those of reading the keys, and of the settings by which registries are
/// reached. What cannot be asked is in the answer.
pub async fn impact_of_sources(
    sources: &[Source],
    gone: &BTreeSet<Fingerprint>,
    trust: &TrustInputs,
    client: &ClientOptions,
) -> Result<Impact> {
    require_judging(trust)?;
    let rule = Rule { policy: &trust.policy, gone };
    let trust = &trust.by_keys_alone();
    let judge = Judge::new(trust)?;
    let reader = Reader { foresight: &Foresight::of(&judge, Afterwards::Without(gone)), judge: &judge, client };
    let mut impact = Impact { skipped_keys: judge.skipped_keys(), ..Impact::default() };
    let mut asked = Vec::new();
    for source in sources {
        match source {
            Source::Directory(directory) => impact.add(reader.directory(directory), &rule),
            Source::Artifact(reference) => match expanded(reference, client).await {
                Ok(references) => asked.extend(references),
                Err(fault) => impact.failed.push((reference.to_string(), answered(reference, fault)?)),
            },
        }
    }
    client.cancellation.check()?;
    let found = found(asked, &reader, &mut impact).await?;
    let total = found.iter().map(|found| found.fetched.layer_bytes()).fold(0, u64::saturating_add);
    let reading = client.cancellation.begin(aisoc_manifests::progress::Act::Fetching, total);
    let judged: Vec<Judged> = iter(&found).map(|found| reader.artifact(found)).buffered(IN_FLIGHT).collect().await;
    drop(reading);
    client.cancellation.check()?;
    judged.into_iter().for_each(|judged| impact.add(judged, &rule));
    impact.sort();
    Ok(impact)
}

/// A reference without tag and digest stands for all tags; one that has none for itself, which says what is wrong.
async fn expanded(reference: &Reference, client: &ClientOptions) -> Result<Vec<Asked>> {
    let itself = || vec![Asked { reference: reference.clone(), is_named: true }];
    if reference.tag().is_some() || reference.digest().is_some() {
        return Ok(itself());
    }
    let tags = tags(reference, client).await?;
    let tagged = |tag: &Tag| Asked { reference: tagged(reference, tag), is_named: false };
    let asked: Vec<Asked> = tags.all().iter().map(tagged).collect();
    Ok(if asked.is_empty() { itself() } else { asked })
}

fn tagged(reference: &Reference, tag: &Tag) -> Reference {
    match reference {
        Reference::Registry(registry) => Reference::Registry(registry.tagged(tag.clone())),
        Reference::Layout(layout) => Reference::Layout(LayoutReference { tag: Some(tag.clone()), ..layout.clone() }),
    }
}

/// The artifacts that the references lead to, each once in every repository: the same bytes elsewhere come from
/// elsewhere, which a key can be limited by.
async fn found(asked: Vec<Asked>, reader: &Reader<'_>, impact: &mut Impact) -> Result<Vec<Found>> {
    let named = iter(&asked).map(|asked| fetch(&asked.reference, None, reader.client, &Silent));
    let fetched: Vec<Result<Fetched>> = named.buffered(IN_FLIGHT).collect().await;
    let mut found: Vec<Found> = Vec::new();
    for (Asked { reference, is_named }, fetched) in asked.into_iter().zip(fetched) {
        match fetched {
            Err(fault) if fault.reason() == Reason::NotAPluginArtifact && !is_named => impact.independent_count += 1,
            Err(fault) => impact.failed.push((reference.to_string(), answered(&reference, fault)?)),
            Ok(fetched) => match found.iter_mut().find(|known| known.is(&reference, fetched.artifact.digest())) {
                Some(known) => known.others.push(reference.to_string()),
                None => found.push(Found { fetched, reference, others: Vec::new() }),
            },
        }
    }
    Ok(found)
}

/// What a registry answered, or did not. A file of this machine by which it would be reached, such as one of
/// certificates, is no matter of the registry, and the next one would fail by it as well.
fn answered(reference: &Reference, fault: Fault) -> Result<Fault> {
    let is_local = fault.is_unread() || fault.reason() == Reason::IoNotFound;
    if is_local && matches!(reference, Reference::Registry(_)) { Err(fault) } else { Ok(fault) }
}

impl Found {
    fn is(&self, reference: &Reference, digest: ArtifactDigest) -> bool {
        self.fetched.artifact.digest() == digest && self.reference.pinned(digest) == reference.pinned(digest)
    }
}

struct Reader<'a> {
    judge: &'a Judge<'a>,
    foresight: &'a Foresight<'a>,
    client: &'a ClientOptions,
}

impl Reader<'_> {
    fn directory(&self, directory: &Path) -> Judged {
        let source = escaped(directory.as_os_str());
        let limits = Limits::until(&self.client.cancellation);
        let read = || Ok(ReferenceDir::read_with(directory, default_threads(), &limits)?.claim());
        self.judged(source, while_in_place(directory, read), &Origin::unknown().into())
    }

    async fn artifact(&self, found: &Found) -> Judged {
        let Found { fetched, reference, others } = found;
        let progress = Summed { cancellation: &self.client.cancellation, done: AtomicU64::new(0) };
        let staging = Staging::hash_only(Limits::until(&self.client.cancellation));
        let claim = match fetched.stage(staging, &progress).await {
            Ok(staged) => fetched.claim(&staged),
            Err(fault) => Err(fault),
        };
        let origin = Origin::of(reference);
        let most = self.judge.largest_proof_of(&origin);
        let judged = match AtHand::gather(fetched, &[], most).await {
            Ok(at_hand) => self.judged(reference.to_string(), claim, &Coming::with(origin, at_hand.as_ref())),
            Err(fault) => self.judged(reference.to_string(), claim.and(Err(fault)), &origin.into()),
        };
        Judged { also_named: others.clone(), ..judged }
    }

    fn judged(&self, source: String, claim: Result<Claim>, coming: &Coming<'_>) -> Judged {
        let unread = |fault: Fault| Judged { is_unread: true, ..Judged::of(Place::Named, source.clone(), Err(fault)) };
        let claim = match claim {
            Ok(claim) => claim,
            Err(fault) => return unread(fault),
        };
        let examined = self.judge.examine(&claim, coming.clone());
        let foreseen = self.foresight.examine(&claim, coming, &examined);
        let today = self.judge.observe(examined, None).outcome.map(|verdict| self.judge.judgement(&verdict));
        let manifest = claim.document().and_then(Manifest::from_document).ok();
        Judged {
            id: manifest.as_ref().map(|manifest| manifest.id.to_string()),
            version: manifest.map(|manifest| manifest.version),
            foreseen: self.foresight.observe(foreseen, None),
            ..Judged::of(Place::Named, source, today)
        }
    }
}

/// Adds what several artifacts have received at once to one sum.
struct Summed<'a> {
    cancellation: &'a Cancellation,
    done: AtomicU64,
}

impl Reporter for Summed<'_> {
    fn event(&self, event: &Event<'_>) {
        if let Event::Bytes { done, .. } = event {
            let before = self.done.swap(*done, Ordering::Relaxed);
            self.cancellation.advance(done.saturating_sub(before));
        }
    }
}
