//! `aisoc copy`: artifacts from one place to another as they are, for mirrors, promotion and places without a network.
//!
//! Nothing is decided about trust: whoever installs judges by their own keys what arrives, which is what left, to the
//! byte.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_registry_client::copy::Step;
use aisoc_registry_client::graph::{Counts, Destination, GraphCopy};
use aisoc_registry_client::{ClientOptions, Fetch as _, ReplaceTag, Tagging as _, Target};

use crate::destination::{check_destination, check_digest};
use crate::dry_run::look_at;
use crate::events::{Event, Reporter, Silent};
use crate::proofs::tags_of_all;
use crate::pushed::Pushed;
use crate::sent::Sent;

/// What is copied, and how.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// Whether what refers to it comes as well: signatures, attestations, bills of materials, and what refers to these.
    pub with_referrers: bool,
    /// Whether tags of the destination may be taken from other artifacts.
    pub replace_tag: ReplaceTag,
    /// Whether anything is copied at all.
    pub dry_run: DryRun,
    /// How registries are asked.
    pub client: ClientOptions,
}

/// What was copied.
#[derive(Debug)]
pub struct Copied {
    /// Each artifact.
    pub artifacts: Vec<CopiedRoot>,
    /// How many manifests there were.
    pub counts: Counts,
    /// What became of their blobs.
    pub pushed: Pushed,
}

/// An artifact, where it is now.
#[derive(Debug)]
pub struct CopiedRoot {
    /// The place, with the tag, if it has one there.
    pub place: Reference,
    /// The digest, which is the same in both places.
    pub digest: ArtifactDigest,
}

/// One artifact, and the tag that it gets.
#[derive(Clone)]
struct Root {
    digest: ArtifactDigest,
    tag: Option<Tag>,
}

/// Copies the artifact that `source` names to where `destination` says; without a tag there, under its own.
///
/// # Errors
/// `tag_exists` when the tag names another artifact there; `digest_mismatch` when the destination is pinned to another
/// one; `not_a_plugin_artifact` for a document of which it cannot be told what it names; what either side refuses.
pub async fn copy_artifact(
    source: &Reference,
    destination: &Reference,
    options: &CopyOptions,
    reporter: &dyn Reporter,
) -> Result<Copied> {
    let from = Target::open(source, &options.client)?;
    // By its bytes, and not by what the place says of it; from here on it is asked for by this digest alone.
    let digest = from.fetch_manifest(None).await?.digest();
    let tag = match destination.names_no_artifact() {
        true => source.tag().cloned(),
        false => destination.tag().cloned(),
    };
    copy(&from, destination, &[Root { digest, tag }], options, reporter).await
}

/// Copies every tag of the repository or the layout `source`, each under its own name.
///
/// # Errors
/// As [`copy_artifact`]; `reference_not_found` when there is no tag. What was copied before something is refused stays.
pub async fn copy_all_tags(
    source: &Reference,
    destination: &Reference,
    options: &CopyOptions,
    reporter: &dyn Reporter,
) -> Result<Copied> {
    let place = Target::open(source, &options.client)?;
    let tags = place.tags().await?;
    if tags.is_empty() {
        return Err(Fault::new(Reason::ReferenceNotFound, format!("`{source}` has no tags")));
    }
    let mut roots = Vec::with_capacity(tags.len());
    for tag in tags {
        let named = Target::open(&source.tagged(tag.clone()), &options.client)?;
        let digest = named.fetch_manifest(None).await?.digest();
        roots.push(Root { digest, tag: Some(tag) });
    }
    copy(&place, destination, &roots, options, reporter).await
}

async fn copy(
    from: &Target,
    destination: &Reference,
    roots: &[Root],
    options: &CopyOptions,
    reporter: &dyn Reporter,
) -> Result<Copied> {
    let to = place(destination, options.dry_run, &options.client)?;
    let mut all = roots.to_vec();
    if options.with_referrers {
        for root in roots {
            // Of all tags these are some.
            let others = tags_of_all(from, root.digest).await?.into_iter();
            let others = others.map(|(tag, digest)| Root { digest, tag: Some(tag) });
            all.extend(others.filter(|other| roots.iter().all(|root| root.tag != other.tag)));
        }
    }
    let asked = roots.iter().map(|root| root.place(destination));
    let others = all[roots.len()..].iter().map(|other| other.place_beside(destination));
    let places: Vec<_> = asked.chain(others).collect();
    for (root, place) in all.iter().zip(&places) {
        check(to.as_ref(), place, root.digest, options.replace_tag)
            .await
            // Of many tags, the one that it is about.
            .map_err(|fault| fault.about(place))?;
    }
    let how = Bringing {
        destination,
        replace_tag: options.replace_tag,
        with_referrers: options.with_referrers,
        dry_run: options.dry_run,
    };
    let (counts, pushed) = bring(from, to.as_ref(), &all, how, reporter).await?;
    let artifacts = places.into_iter().zip(roots).map(|(place, root)| CopiedRoot { place, digest: root.digest });
    Ok(Copied { artifacts: artifacts.collect(), counts, pushed })
}

/// The artifact `digest` with all that it lists, to where `destination` says, under the tag that it says: what a push is.
/// Nothing that refers to it comes as well.
///
/// # Errors
/// As [`copy_artifact`].
pub(crate) async fn push_artifact(
    from: &Target,
    digest: ArtifactDigest,
    destination: &Reference,
    (replace_tag, dry_run, client): (ReplaceTag, DryRun, &ClientOptions),
    reporter: &dyn Reporter,
) -> Result<Pushed> {
    let to = place(destination, dry_run, client)?;
    check(to.as_ref(), destination, digest, replace_tag).await?;
    let root = Root { digest, tag: destination.tag().cloned() };
    let how = Bringing { destination, replace_tag, with_referrers: false, dry_run };
    bring(from, to.as_ref(), &[root], how, reporter).await.map(|(_, pushed)| pushed)
}

/// Nothing where a dry run would have to make it.
fn place(destination: &Reference, dry_run: DryRun, client: &ClientOptions) -> Result<Option<Target>> {
    match dry_run.is_on() {
        true => look_at(destination, client),
        false => Target::create(destination, client).map(Some),
    }
}

async fn check(to: Option<&Target>, place: &Reference, digest: ArtifactDigest, replace: ReplaceTag) -> Result<()> {
    match to {
        Some(to) => check_destination(to, place, digest, replace).await,
        None => check_digest(place, digest),
    }
}

/// How artifacts are brought to a place that was asked whether they may be there.
#[derive(Clone, Copy)]
struct Bringing<'a> {
    destination: &'a Reference,
    replace_tag: ReplaceTag,
    with_referrers: bool,
    dry_run: DryRun,
}

async fn bring(
    from: &Target,
    to: Option<&Target>,
    roots: &[Root],
    how: Bringing<'_>,
    reporter: &dyn Reporter,
) -> Result<(Counts, Pushed)> {
    let (sent, written, reporter) = match to {
        Some(to) if !how.dry_run.is_on() => {
            reporter.event(&Event::Pushing { destination: how.destination });
            (Sent::to(to), Destination::Write(to), reporter)
        }
        // What is only foreseen has not happened to any blob.
        to => (Sent::default(), Destination::Foresee(to), &Silent as &dyn Reporter),
    };
    let note = |step: Step<'_>| sent.note(&step, reporter);
    let mut copying = GraphCopy::new(from, written, how.with_referrers, &note);
    for root in roots {
        copying.bring(root.digest, root.tag.as_ref(), how.replace_tag).await?;
    }
    let counts = copying.finish().await?;
    let first = roots.first().map(|root| root.digest);
    let pushed = sent.pushed(first.ok_or_else(|| Fault::new(Reason::Internal, "a copy of nothing"))?);
    Ok((counts, pushed))
}

impl Root {
    fn place(&self, destination: &Reference) -> Reference {
        match &self.tag {
            Some(tag) if destination.names_no_artifact() => destination.tagged(tag.clone()),
            _ => destination.clone(),
        }
    }

    /// The place of what comes along with what was asked for.
    fn place_beside(&self, destination: &Reference) -> Reference {
        match &self.tag {
            Some(tag) => destination.tagged_at(tag.clone(), self.digest),
            None => destination.clone(),
        }
    }
}
