//! `Marks`: what a collection of garbage leaves where it is, because something names it that stays.
//!
//! A manifest stays when it has a name; when it has none, unless those are to go that nobody has asked for in so long.
//! One that goes by that rule stays all the same when another that stays names it, as an index does its children, or
//! when it is about one that stays, as a signature is. What stays keeps whatever its bytes name.
//!
//! Marks only ever grow: a name that was seen keeps its blob, also when its manifest is deleted a moment later. So they
//! may be read while others write, and completed once nobody does.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::{Algorithm, ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::MAX_MANIFEST_BYTES;
use serde::Deserialize;

use super::catalog::Catalog;
use super::directory::Directory;

/// Most digests that the manifests of one layout may name, before it is not collected: 80 bytes or so each.
const MAX_NAMED: usize = 4_000_000;

/// What may go, by its age.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The time by which ages are judged.
    pub now: SystemTime,
    /// How long a blob stays that nothing names, since it was sent, mounted or asked for last: its manifest may be on its
    /// way.
    pub grace: Duration,
    /// How long a manifest without a tag stays, since it was sent or asked for last or lost its tag; for ever where
    /// it is not said.
    pub untagged: Option<Duration>,
}

impl Rule {
    /// Whether what was changed then is as old as that. What is younger than now, by a clock that was set back, is not.
    pub(super) fn is_past(&self, changed: SystemTime, age: Duration) -> bool {
        self.now.duration_since(changed).is_ok_and(|past| past >= age)
    }
}

/// What stays of a layout.
#[derive(Debug)]
pub(super) struct Marks {
    rule: Rule,
    /// Whatever is named by something that stays.
    named: HashSet<Digest>,
    /// The documents that stay and were read for what they name.
    read: HashSet<Digest>,
    /// The manifests that go unless they are named, by what they are about.
    about: HashMap<Digest, Vec<Digest>>,
    /// Those of them whose subject is known.
    known: HashSet<Digest>,
    most: usize,
}

/// What of a document names something, in an image and in an index.
#[derive(Debug, Default, Deserialize)]
struct Document {
    config: Option<Named>,
    layers: Option<Vec<Named>>,
    manifests: Option<Vec<Named>>,
    subject: Option<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    digest: Digest,
}

impl Marks {
    pub(super) fn new(rule: Rule) -> Self {
        let (named, read, known) = (HashSet::new(), HashSet::new(), HashSet::new());
        Self { rule, named, read, about: HashMap::new(), known, most: MAX_NAMED }
    }

    /// Whether something names it that stays.
    pub(super) fn has(&self, digest: Digest) -> bool {
        self.named.contains(&digest)
    }

    /// Reads what is listed and was not read before. Says which manifests nothing keeps.
    ///
    /// # Errors
    /// `layout_invalid` for a manifest that is missing, damaged or none, which it names: what such a one would name is
    /// not known; `interrupted`, `io_` reasons.
    pub(super) fn complete(
        &mut self,
        layout: &Directory,
        catalog: &Catalog,
        cancellation: &Cancellation,
    ) -> Result<Vec<ArtifactDigest>> {
        let (mut waiting, mut going) = (Vec::new(), Vec::<ArtifactDigest>::new());
        for listed in catalog.manifests() {
            let digest = listed.digest;
            if self.read.contains(&digest) {
                continue;
            }
            if self.goes(layout, catalog, digest)? {
                self.learn_subject(layout, digest)?;
                going.push(listed.artifact_digest());
            } else {
                waiting.push(digest);
            }
        }
        while let Some(digest) = waiting.pop() {
            cancellation.check()?;
            if !self.read.contains(&digest) {
                waiting.extend(self.follow(layout, catalog, digest)?);
            }
        }
        going.retain(|digest| !self.read.contains(&digest.blob()));
        Ok(going)
    }

    /// Whether it has no name, and nobody has asked for it in so long.
    fn goes(&self, layout: &Directory, catalog: &Catalog, digest: Digest) -> Result<bool> {
        let Some(age) = self.rule.untagged.filter(|_| !catalog.is_named(digest)) else { return Ok(false) };
        let blob = layout.blob(digest)?.ok_or_else(|| unreadable(layout, digest, "it is listed, and missing"))?;
        let changed = blob.file.metadata().and_then(|found| found.modified());
        let changed = changed.map_err(|error| Fault::io("look at", &layout.blob_path(digest), error))?;
        Ok(self.rule.is_past(changed, age))
    }

    fn learn_subject(&mut self, layout: &Directory, digest: Digest) -> Result<()> {
        if !self.known.contains(&digest) {
            let bytes = document(layout, digest)?.ok_or_else(|| unreadable(layout, digest, "it is too large"))?;
            if let Some(subject) = parsed(layout, digest, &bytes)?.subject {
                self.about.entry(subject.digest).or_default().push(digest);
            }
            self.known.insert(digest);
        }
        Ok(())
    }

    /// Reads a document that stays. Says which others stay for it.
    fn follow(&mut self, layout: &Directory, catalog: &Catalog, digest: Digest) -> Result<Vec<Digest>> {
        let is_listed = catalog.lists(digest);
        let mut others = self.about.get(&digest).cloned().unwrap_or_default();
        self.name([digest], layout)?;
        // A child that is not listed may be elsewhere, and may be something that nobody reads as a manifest.
        let bytes = match layout.blob(digest)? {
            None if is_listed => return Err(unreadable(layout, digest, "it is listed, and missing")),
            None => None,
            Some(_) => document(layout, digest)?,
        };
        let found = match bytes {
            None if is_listed => return Err(unreadable(layout, digest, "it is too large")),
            None => None,
            Some(bytes) => match parsed(layout, digest, &bytes) {
                Err(fault) if is_listed => return Err(fault),
                found => Some((found.unwrap_or_default(), bytes)),
            },
        };
        if let Some((document, bytes)) = found {
            let subject = document.subject.as_ref().map(|subject| subject.digest);
            let children = document.manifests.into_iter().flatten().map(|named| named.digest);
            let parts = document.layers.into_iter().flatten().chain(document.config).map(|named| named.digest);
            // Also where other tools name something, in fields that we do not know.
            let written = digests_in(&bytes).filter(|digest| Some(*digest) != subject);
            let named: Vec<_> = parts.chain(written).collect();
            let children: Vec<_> = children.collect();
            self.name(named.iter().chain(&children).copied(), layout)?;
            others.extend(children);
            others.extend(named.into_iter().filter(|digest| catalog.lists(*digest)));
        }
        self.read.insert(digest);
        Ok(others)
    }

    fn name(&mut self, digests: impl IntoIterator<Item = Digest>, layout: &Directory) -> Result<()> {
        self.named.extend(digests);
        if self.named.len() <= self.most {
            return Ok(());
        }
        let message = format!("the manifests of `{}` name too much to be collected", layout.root().display());
        let found = format!("{} or more", self.named.len());
        Err(Fault::new(Reason::LayoutInvalid, message).expected(format!("at most {} digests", self.most), found))
    }
}

/// The bytes of a document, when they are those of its digest; nothing when they are more than any reader takes.
fn document(layout: &Directory, digest: Digest) -> Result<Option<Vec<u8>>> {
    let missing = || unreadable(layout, digest, "it is listed, and missing");
    let blob = layout.blob(digest)?.ok_or_else(missing)?;
    if blob.size > MAX_MANIFEST_BYTES {
        return Ok(None);
    }
    let damaged = |fault| unreadable(layout, digest, "it is damaged").caused_by(fault);
    blob.read(digest, MAX_MANIFEST_BYTES).map(Some).map_err(damaged)
}

fn parsed(layout: &Directory, digest: Digest, bytes: &[u8]) -> Result<Document> {
    serde_json::from_slice(bytes).map_err(|error| unreadable(layout, digest, "it is no manifest").caused_by(error))
}

fn unreadable(layout: &Directory, digest: Digest, why: &str) -> Fault {
    let message = format!(
        "nothing is collected in `{}`: what {digest} names is not known, because {why}",
        layout.root().display()
    );
    Fault::new(Reason::LayoutInvalid, message)
        .hint("push that manifest again, or delete it, then run the command again")
}

/// Every digest that stands in the bytes, whatever it is there for.
fn digests_in(bytes: &[u8]) -> impl Iterator<Item = Digest> {
    Algorithm::ALL.into_iter().flat_map(move |algorithm| {
        let prefix = format!("{algorithm}:");
        let length = prefix.len() + Digest::of_by(algorithm, b"").hex().len();
        let starts = bytes.windows(length).filter(move |text| text.starts_with(prefix.as_bytes()));
        starts.filter_map(|text| std::str::from_utf8(text).ok()?.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Rule {
        Rule { now: SystemTime::UNIX_EPOCH + Duration::from_secs(1000), grace: Duration::ZERO, untagged: None }
    }

    #[test]
    fn what_is_as_old_as_said_may_go_and_what_is_younger_or_of_another_clock_may_not() {
        let then = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (changed, expected) in [(899, true), (900, true), (901, false), (1000, false), (2000, false)] {
            assert_eq!(rule().is_past(then(changed), Duration::from_secs(100)), expected, "{changed}");
        }
        assert!(rule().is_past(then(1000), Duration::ZERO));
    }

    #[test]
    fn digests_are_found_wherever_they_stand() {
        let (one, other) = (Digest::of(b"a"), Digest::of_by(Algorithm::Sha512, b"b"));
        let text = format!(r#"{{"fsLayers":[{{"blobSum":"{one}"}}],"x":"see {other}","y":"sha256:12"}}"#);
        assert_eq!(digests_in(text.as_bytes()).collect::<Vec<_>>(), [one, other]);
        assert_eq!(digests_in(&one.to_string().as_bytes()[1..]).count(), 0);
    }

    #[test]
    fn a_child_of_an_unknown_form_keeps_what_is_written_in_it() {
        let root = tempfile::tempdir().expect("directory");
        let layout = Directory::create(&root.path().join("layout")).expect("made");
        let keep = |bytes: &[u8]| {
            let digest = Digest::of(bytes);
            layout.keep(layout.ingest().expect("begun").write(bytes).expect("written"), digest).expect("kept");
            digest
        };
        let (named, waste) = (keep(b"named"), keep(b"waste"));
        let child = keep(format!(r#"{{"layers":"odd","blob":"{named}"}}"#).as_bytes());
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"t/x","digest":"{child}","size":1}}]}}"#);
        let index = crate::storage::Manifest::new("t/y", index.into_bytes());
        layout.put_manifest(&index, &[], crate::storage::ReplaceTag::No).expect("stored");
        let rule = Rule { now: SystemTime::now() + Duration::from_secs(1000), ..rule() };
        let collected = layout.collect(rule, aisoc_manifests::dry_run::DryRun::No, &Cancellation::default());
        assert_eq!(collected.expect("collected").blobs, 1);
        let is_there = |digest| layout.blob(digest).expect("asked").is_some();
        assert!(is_there(named) && is_there(child) && !is_there(waste));
    }

    #[test]
    fn what_names_more_than_can_be_held_is_not_collected() {
        let root = tempfile::tempdir().expect("directory");
        let layout = Directory::create(&root.path().join("layout")).expect("made");
        let digests = |count: u8| (0..count).map(|number| Digest::of(&[number]));
        for (count, is_taken) in [(2, true), (3, true), (4, false)] {
            let mut marks = Marks { most: 3, ..Marks::new(rule()) };
            assert_eq!(marks.name(digests(count), &layout).is_ok(), is_taken, "{count}");
        }
        assert_eq!(Marks::new(rule()).most, 4_000_000);
    }
}
