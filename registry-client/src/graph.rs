//! Moving artifacts whole: an index with all that it lists, and what refers to each of them.
//!
//! What a manifest names is there before it, and what refers to it before the tag names it: whoever finds an artifact
//! by its tag finds its signatures. Nothing is made anew, so all digests stay. A copy that is cut short leaves what it
//! has brought, and the next one goes on from there.

use std::collections::BTreeSet;

use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::links::Links;
use aisoc_manifests::oci::Descriptor;
use aisoc_manifests::reference::Tag;

use crate::copy::{Progress, Step, store};
use crate::limits::{MAX_COPIED_MANIFESTS, MAX_INDEX_DEPTH};
use crate::storage::{BlobSource, Fetch as _, Manifest, Push as _, Pushed, Referrers as _, ReplaceTag, Tagging as _};
use crate::target::Target;

/// Stores what an index is going to list, without a tag and read back: in a layout it is found by the index alone.
///
/// # Errors
/// As [`crate::copy::push`].
pub async fn push_part(
    destination: &Target,
    manifest: &Manifest,
    blobs: &[(Descriptor, BlobSource)],
    progress: Progress<'_>,
) -> Result<()> {
    store(destination, manifest, blobs, true, progress).await.map(drop)
}

/// Where a copy goes.
#[derive(Debug, Clone, Copy)]
pub enum Destination<'a> {
    /// Into this place.
    Write(&'a Target),
    /// Nowhere: it is said what would be sent to this place, which may not be there yet.
    Foresee(Option<&'a Target>),
}

/// A copy from one place to another, of as many artifacts as there are.
pub struct GraphCopy<'a> {
    source: &'a Target,
    destination: Destination<'a>,
    with_referrers: bool,
    progress: Progress<'a>,
    /// What is there by now, or is being brought.
    seen: BTreeSet<Digest>,
    /// Bytes that were sent of what was brought.
    sent: u64,
    /// Blobs that would be there by now.
    foreseen: BTreeSet<Digest>,
    counts: Counts,
}

/// How many manifests were looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub manifests: usize,
    /// Those that came because they refer to another one.
    pub referrers: usize,
}

impl Counts {
    /// Those of another copy as well.
    pub fn add_all(&mut self, other: Self) {
        self.manifests += other.manifests;
        self.referrers += other.referrers;
    }

    fn add(&mut self, node: &Node) -> Result<()> {
        self.manifests += 1;
        self.referrers += usize::from(matches!(node.found, Found::Refers(_)));
        for (name, most, found) in [
            ("manifests", MAX_COPIED_MANIFESTS, self.manifests),
            ("levels of indexes and referrers", MAX_INDEX_DEPTH, node.depth),
        ] {
            if found > most {
                let message = format!("the copy comes to more {name} than there may be, at {}", node.digest);
                let fault = Fault::new(Reason::RegistryProtocol, message);
                return Err(fault.expected(format!("at most {most}"), found.to_string()));
            }
        }
        Ok(())
    }
}

/// How a manifest was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It was named.
    Named,
    /// An index lists it.
    Listed,
    /// It refers to that one.
    Refers(ArtifactDigest),
}

/// One manifest on its way.
#[derive(Debug, Clone, Copy)]
struct Node {
    digest: ArtifactDigest,
    /// Bytes, as far as whoever named it has said.
    size: Option<u64>,
    found: Found,
    depth: usize,
}

/// What is to be done, the last one first.
enum Task {
    Visit(Node),
    Store(Box<(Node, Manifest, Links)>),
    /// What refers to it comes after it.
    Refer(Node),
}

impl<'a> GraphCopy<'a> {
    /// Nothing yet.
    pub fn new(source: &'a Target, destination: Destination<'a>, with_referrers: bool, progress: Progress<'a>) -> Self {
        Self {
            source,
            destination,
            with_referrers,
            progress,
            seen: BTreeSet::new(),
            sent: 0,
            foreseen: BTreeSet::new(),
            counts: Counts::default(),
        }
    }

    /// Brings the artifact `root` with all that belongs to it, and points the tag at it, if there is one.
    ///
    /// # Errors
    /// `tag_exists`; `not_a_plugin_artifact` for a document of which it cannot be told what it names;
    /// `registry_protocol` for more or deeper than there may be, and for what does not refer to what it is listed for;
    /// what either side refuses.
    pub async fn bring(&mut self, root: ArtifactDigest, tag: Option<&Tag>, replace: ReplaceTag) -> Result<()> {
        let manifest = self.source.fetch_manifest(Some(root)).await?;
        let mut tasks = Vec::new();
        let node = Node { digest: root, size: None, found: Found::Named, depth: 0 };
        if self.seen.insert(root.blob()) {
            self.open(node, manifest.clone(), &mut tasks)?;
        }
        while let Some(task) = tasks.pop() {
            match task {
                Task::Visit(node) => self.visit(node, &mut tasks).await?,
                Task::Store(found) => self.store(&found).await?,
                Task::Refer(node) => self.refer(node, &mut tasks).await?,
            }
        }
        let (Some(tag), Destination::Write(destination)) = (tag, self.destination) else { return Ok(()) };
        (self.progress)(Step::Tagged(tag, destination.tag(tag, &manifest, replace).await?));
        Ok(())
    }

    /// How much was looked at so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Makes what was brought durable and visible, and says how much it was.
    ///
    /// # Errors
    /// `io_` reasons.
    pub async fn finish(self) -> Result<Counts> {
        if let Destination::Write(destination) = self.destination {
            destination.finish().await?;
        }
        Ok(self.counts)
    }

    async fn visit(&mut self, node: Node, tasks: &mut Vec<Task>) -> Result<()> {
        if !self.seen.insert(node.digest.blob()) {
            return Ok(());
        }
        let manifest = self.source.fetch_manifest(Some(node.digest)).await?;
        self.open(node, manifest, tasks)
    }

    /// Finds out what a manifest names.
    fn open(&mut self, node: Node, manifest: Manifest, tasks: &mut Vec<Task>) -> Result<()> {
        self.counts.add(&node)?;
        let links = Links::read(manifest.bytes())?;
        node.check(&manifest, &links)?;
        if self.with_referrers {
            tasks.push(Task::Refer(node));
        }
        let listed: Vec<_> = links.manifests.iter().map(|listed| node.leads_to(listed, Found::Listed)).collect();
        tasks.push(Task::Store(Box::new((node, manifest, links))));
        // Turned round, because the last one is done first.
        tasks.extend(listed.into_iter().rev().map(Task::Visit));
        Ok(())
    }

    async fn store(&mut self, (node, manifest, links): &(Node, Manifest, Links)) -> Result<()> {
        let destination = match self.destination {
            Destination::Write(destination) => destination,
            Destination::Foresee(place) => return self.foresee(place, links).await,
        };
        let blobs: Vec<_> =
            links.blobs.iter().map(|blob| (blob.clone(), BlobSource::from(self.source.clone()))).collect();
        // Each manifest begins with nothing sent, and who watches is to see one copy.
        let before = self.sent;
        let progress = |step: Step<'_>| match step {
            Step::Sent { done, total } => (self.progress)(Step::Sent { done: before + done, total: before + total }),
            step => (self.progress)(step),
        };
        // What is about another one is found by what it is about, and not by the index alone.
        let is_part = node.found == Found::Listed && links.subject.is_none();
        let sent = store(destination, manifest, &blobs, is_part, &progress).await?;
        self.sent = before + sent;
        Ok(())
    }

    /// What would become of its blobs.
    async fn foresee(&mut self, place: Option<&Target>, links: &Links) -> Result<()> {
        let mut own = BTreeSet::new();
        for blob in links.blobs.iter().filter(|blob| own.insert(blob.digest)) {
            let is_there = match place {
                _ if self.foreseen.contains(&blob.digest) => true,
                Some(place) => place.has_blob(blob).await?,
                None => false,
            };
            self.foreseen.insert(blob.digest);
            (self.progress)(Step::Blob(blob, if is_there { Pushed::Present } else { Pushed::Uploaded }));
        }
        Ok(())
    }

    async fn refer(&mut self, node: Node, tasks: &mut Vec<Task>) -> Result<()> {
        let referrers = self.source.referrers(node.digest).await?;
        let found = Found::Refers(node.digest);
        tasks.extend(referrers.iter().rev().map(|referrer| Task::Visit(node.leads_to(referrer, found))));
        Ok(())
    }
}

impl Node {
    fn leads_to(&self, descriptor: &Descriptor, found: Found) -> Self {
        Self { digest: descriptor.artifact_digest(), size: Some(descriptor.size), found, depth: self.depth + 1 }
    }

    /// Whether what came is what it was said to be.
    fn check(&self, manifest: &Manifest, links: &Links) -> Result<()> {
        let bytes = manifest.bytes().len() as u64;
        if let Some(size) = self.size.filter(|size| *size != bytes) {
            let fault = Fault::new(Reason::PullFailed, format!("the manifest {} has another size", self.digest));
            return Err(fault.expected(format!("{size} bytes"), format!("{bytes} bytes")));
        }
        let Found::Refers(subject) = self.found else { return Ok(()) };
        match &links.subject {
            Some(found) if found.digest == subject.blob() => Ok(()),
            found => {
                let found = found.as_ref().map_or_else(|| "none".to_owned(), |found| found.digest.to_string());
                let message = format!("the manifest {} is listed as what refers to another one", self.digest);
                Err(Fault::new(Reason::RegistryProtocol, message).expected(subject.to_string(), found))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_ends_where_there_are_too_many_manifests_or_too_many_levels() {
        let node = |depth| Node { digest: ArtifactDigest::of(b"{}"), size: None, found: Found::Listed, depth };
        for (before, depth, is_let) in [
            (MAX_COPIED_MANIFESTS - 2, 0, true),
            (MAX_COPIED_MANIFESTS - 1, 0, true),
            (MAX_COPIED_MANIFESTS, 0, false),
            (0, MAX_INDEX_DEPTH - 1, true),
            (0, MAX_INDEX_DEPTH, true),
            (0, MAX_INDEX_DEPTH + 1, false),
        ] {
            let mut counts = Counts { manifests: before, referrers: 0 };
            let counted = counts.add(&node(depth)).map_err(|fault| fault.reason());
            assert_eq!(counted, if is_let { Ok(()) } else { Err(Reason::RegistryProtocol) }, "{before}, {depth}");
            assert_eq!(counts, Counts { manifests: before + 1, referrers: 0 });
        }
    }
}
