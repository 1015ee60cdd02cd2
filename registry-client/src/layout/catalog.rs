//! `Catalog`: what an index lists, held so that a tag or a digest is found without looking at all of it, and one
//! is changed without writing all of it.
//!
//! It says what `index` says of a parsed document, in a tenth of the memory, and its order is the same.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::fmt;
use std::io::{self, Write};
use std::ops::Bound;
use std::sync::Arc;

use aisoc_manifests::digest::{ArtifactDigest, Digest};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, ImageIndex, REF_NAME, to_bytes};
use aisoc_manifests::reference::Tag;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::changes::Change;

/// The entries of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// What has a name, by it. Two manifests under one name are an error of whoever wrote them, and shown as one.
    named: BTreeMap<Arc<str>, Vec<Entry>>,
    /// What has none.
    unnamed: BTreeMap<Digest, Entry>,
    /// The names of each manifest that has some.
    names: BTreeMap<Digest, Vec<Arc<str>>>,
    /// What the index says of itself, without its entries.
    head: Head,
    /// Bytes of the entries in an `index.json`.
    bytes: u64,
}

/// The fields of an index besides its entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Head {
    media_type: Option<String>,
    annotations: Annotations,
}

/// One entry, without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    digest: Digest,
    is: Described,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Described {
    /// No more than it must.
    Plainly { media_type: Arc<str>, size: u64 },
    /// Platforms, notes: seldom.
    Richly(Box<Descriptor>),
}

impl Entry {
    fn of(descriptor: Descriptor) -> Self {
        let digest = descriptor.digest;
        let is_plain =
            descriptor.annotations.is_empty() && descriptor.artifact_type.is_none() && descriptor.platform.is_none();
        let is = match is_plain {
            true => Described::Plainly { media_type: descriptor.media_type.into(), size: descriptor.size },
            false => Described::Richly(Box::new(descriptor)),
        };
        Self { digest, is }
    }

    fn descriptor(&self) -> Descriptor {
        match &self.is {
            Described::Plainly { media_type, size } => {
                let descriptor = Descriptor::of(media_type, b"");
                Descriptor { digest: self.digest, size: *size, ..descriptor }
            }
            Described::Richly(descriptor) => (**descriptor).clone(),
        }
    }

    /// As it stands in an index.
    fn written(&self, name: Option<&str>) -> Vec<u8> {
        let mut descriptor = self.descriptor();
        descriptor.annotations.extend(name.map(|name| (REF_NAME.to_owned(), name.to_owned())));
        to_bytes(&descriptor)
    }

    /// Bytes that it takes in an index, with the comma after it.
    fn length(&self, name: Option<&str>) -> u64 {
        self.written(name).len() as u64 + 1
    }
}

impl Catalog {
    /// Reads an `index.json`, an entry at a time.
    ///
    /// # Errors
    /// What is no index, as the parser words it.
    pub(super) fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Index {
            schema_version: u32,
            media_type: Option<String>,
            manifests: Entries,
            #[serde(default)]
            annotations: Annotations,
        }
        let Index { schema_version, media_type, manifests: Entries(mut catalog), annotations } =
            serde_json::from_slice(bytes)?;
        if schema_version != 2 {
            let message = format!("the schema version is {schema_version}, and should be 2");
            return Err(serde::de::Error::custom(message));
        }
        catalog.head = Head { media_type, annotations };
        Ok(catalog)
    }

    /// The manifest of that tag.
    ///
    /// # Errors
    /// `layout_invalid` when the tag stands at two manifests: two readers would take two artifacts.
    pub fn tagged(&self, tag: &Tag) -> Result<Option<Descriptor>> {
        match self.named.get(tag.as_str()).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([entry]) => Ok(Some(entry.descriptor())),
            Some(_) => {
                Err(Fault::new(Reason::LayoutInvalid, format!("the index gives the tag `{tag}` to two manifests")))
            }
        }
    }

    /// The manifest of that digest, if the index lists it.
    pub fn manifest(&self, digest: ArtifactDigest) -> Option<Descriptor> {
        let digest = digest.blob();
        let unnamed = self.unnamed.get(&digest);
        let named = || self.named.get(self.names.get(&digest)?.first()?)?.iter().find(|entry| entry.digest == digest);
        unnamed.or_else(named).map(Entry::descriptor)
    }

    /// Whether the index lists the blob as a manifest.
    pub fn lists(&self, digest: Digest) -> bool {
        self.names.contains_key(&digest) || self.unnamed.contains_key(&digest)
    }

    /// Whether the index lists the blob under some name.
    pub fn is_named(&self, digest: Digest) -> bool {
        self.names.contains_key(&digest)
    }

    /// What has that name.
    pub fn named_by(&self, name: &str) -> impl Iterator<Item = Digest> {
        self.named.get(name).into_iter().flatten().map(|entry| entry.digest)
    }

    /// Whether something has that name.
    pub fn has_name(&self, name: &str) -> bool {
        self.named.contains_key(name)
    }

    /// The tags that sort after that text, in order. Names that are no tags (other tools write whole references)
    /// are left out.
    pub fn tags_after<'a>(&'a self, last: Option<&str>) -> impl Iterator<Item = Tag> + use<'a> {
        self.names_after(last).filter_map(|(name, _)| name.parse().ok())
    }

    fn names_after(&self, last: Option<&str>) -> Range<'_, Arc<str>, Vec<Entry>> {
        let after = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.named.range::<str, _>((after, Bound::Unbounded))
    }

    /// Every manifest, once, in no order that means anything.
    pub fn manifests(&self) -> impl Iterator<Item = Descriptor> {
        let is_first = |name: &str, digest| {
            let names = self.names.get(&digest).filter(|_| !self.unnamed.contains_key(&digest));
            names.and_then(|names| names.first()).is_some_and(|first| **first == *name)
        };
        let listed = move |(name, entry): &(Option<&str>, &Entry)| name.is_none_or(|name| is_first(name, entry.digest));
        self.entries().filter(listed).map(|(_, entry)| entry.descriptor())
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.named.values().map(Vec::len).sum::<usize>() + self.unnamed.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.unnamed.is_empty()
    }

    /// Bytes that the index takes when it is written, about.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes that the `index.json` has at most once these changes are made: what they take away is not counted.
    pub(super) fn bytes_after(&self, changes: &[Change]) -> u64 {
        let head = to_bytes(&self.index_of(vec![])).len() as u64;
        let more = changes.iter().map(|change| match change {
            Change::Put { manifest, tag } => Entry::of(manifest.clone()).length(tag.as_deref()),
            Change::Untag { .. } | Change::Remove { .. } => 0,
        });
        // There is a comma less than there are entries.
        (head + self.bytes + more.sum::<u64>()).saturating_sub(1)
    }

    /// Makes the change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { manifest, tag: None } => {
                let digest = manifest.digest;
                if !self.lists(digest) {
                    self.add(manifest.clone(), None);
                }
            }
            Change::Put { manifest, tag: Some(tag) } => {
                self.unname(tag);
                // An entry without a name says nothing that the named one does not.
                self.take_unnamed(manifest.digest);
                self.add(manifest.clone(), Some(tag));
            }
            Change::Untag { tag } => {
                self.unname(tag);
            }
            Change::Remove { digest } => self.remove(digest.blob()),
        }
    }

    /// Takes the name away from what has it, which stays.
    fn unname(&mut self, name: &str) {
        for entry in self.named.remove(name).unwrap_or_default() {
            self.bytes -= entry.length(Some(name));
            if let Some(names) = self.names.get_mut(&entry.digest) {
                names.retain(|other| **other != *name);
                if names.is_empty() {
                    self.names.remove(&entry.digest);
                }
            }
            if !self.lists(entry.digest) {
                self.bytes += entry.length(None);
                self.unnamed.insert(entry.digest, entry);
            }
        }
    }

    fn remove(&mut self, digest: Digest) {
        self.take_unnamed(digest);
        for name in self.names.remove(&digest).unwrap_or_default() {
            let Some(entries) = self.named.get_mut(&name) else { continue };
            for entry in entries.iter().filter(|entry| entry.digest == digest) {
                self.bytes -= entry.length(Some(&name));
            }
            entries.retain(|entry| entry.digest != digest);
            if entries.is_empty() {
                self.named.remove(&name);
            }
        }
    }

    fn take_unnamed(&mut self, digest: Digest) {
        if let Some(entry) = self.unnamed.remove(&digest) {
            self.bytes -= entry.length(None);
        }
    }

    /// Adds an entry. One that stands there already is replaced: of two that say the same one is enough.
    fn add(&mut self, descriptor: Descriptor, name: Option<&str>) {
        let entry = Entry::of(descriptor);
        let (digest, length) = (entry.digest, entry.length(name));
        let replaced = match name {
            None => self.unnamed.insert(digest, entry),
            Some(name) => self.add_named(name.into(), entry),
        };
        self.bytes += length;
        self.bytes -= replaced.map_or(0, |entry| entry.length(name));
    }

    fn add_named(&mut self, name: Arc<str>, entry: Entry) -> Option<Entry> {
        let digest = entry.digest;
        let entries = self.named.entry(Arc::clone(&name)).or_default();
        match entries.binary_search_by_key(&digest, |entry| entry.digest) {
            Ok(at) => Some(std::mem::replace(&mut entries[at], entry)),
            Err(at) => {
                entries.insert(at, entry);
                let names = self.names.entry(digest).or_default();
                let place = names.partition_point(|other| *other < name);
                names.insert(place, name);
                None
            }
        }
    }

    fn entries(&self) -> impl Iterator<Item = (Option<&str>, &Entry)> {
        let unnamed = self.unnamed.values().map(|entry| (None, entry));
        let named = self.named.iter().flat_map(|(name, entries)| entries.iter().map(|entry| (Some(&**name), entry)));
        unnamed.chain(named)
    }

    /// Writes the `index.json`, an entry at a time, with the bytes that the parsed document would have.
    pub(super) fn write(&self, mut to: impl Write) -> io::Result<()> {
        let whole = to_bytes(&self.index_of(vec![]));
        // A media type that reads so would have its quotes escaped.
        const LIST: &[u8] = br#""manifests":[]"#;
        let at = whole.windows(LIST.len()).position(|part| part == LIST).map_or(whole.len(), |at| at + LIST.len() - 1);
        to.write_all(&whole[..at])?;
        for (number, (name, entry)) in self.entries().enumerate() {
            to.write_all(if number == 0 { b"" } else { b"," })?;
            to.write_all(&entry.written(name))?;
        }
        to.write_all(&whole[at..])
    }

    /// The document.
    pub fn index(&self) -> ImageIndex {
        let named = |name: Option<&str>, entry: &Entry| {
            let mut descriptor = entry.descriptor();
            descriptor.annotations.extend(name.map(|name| (REF_NAME.to_owned(), name.to_owned())));
            descriptor
        };
        self.index_of(self.entries().map(|(name, entry)| named(name, entry)).collect())
    }

    fn index_of(&self, manifests: Vec<Descriptor>) -> ImageIndex {
        let Head { media_type, annotations } = self.head.clone();
        ImageIndex { schema_version: 2, media_type, manifests, annotations }
    }
}

/// The entries of an index that is read, none of which is held twice.
struct Entries(Catalog);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Entries;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of descriptors")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Entries, A::Error> {
                let mut catalog = Catalog::default();
                while let Some(mut descriptor) = entries.next_element::<Descriptor>()? {
                    let name = descriptor.annotations.remove(REF_NAME);
                    catalog.add(descriptor, name.as_deref());
                }
                Ok(Entries(catalog))
            }
        }
        deserializer.deserialize_seq(Reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::index;

    fn tag(text: &str) -> Tag {
        text.parse().expect(text)
    }

    fn written(catalog: &Catalog) -> Vec<u8> {
        let mut bytes = Vec::new();
        catalog.write(&mut bytes).expect("written");
        bytes
    }

    /// What both say after the same changes, and that it is the same.
    fn assert_same(catalog: &Catalog, document: &ImageIndex) {
        assert_eq!(String::from_utf8(written(catalog)), String::from_utf8(to_bytes(document)));
        assert_eq!(&catalog.index(), document);
        assert_eq!(&Catalog::read(&to_bytes(document)).expect("read"), catalog);
        assert_eq!(catalog.tags_after(None).collect::<Vec<_>>(), index::tags(document));
        let entries: u64 = document.manifests.iter().map(|entry| to_bytes(entry).len() as u64 + 1).sum();
        assert_eq!(catalog.bytes(), entries);
        let mut once: Vec<_> = document.manifests.iter().map(|entry| entry.digest).collect();
        once.sort();
        once.dedup();
        let mut listed: Vec<_> = catalog.manifests().map(|entry| entry.digest).collect();
        listed.sort();
        assert_eq!(listed, once);
    }

    #[test]
    fn says_what_the_document_says_after_any_changes() {
        let mut noted = Descriptor::of("t/y", b"c");
        noted.artifact_type = Some("kind/x".to_owned());
        let manifests = [Descriptor::of("t/x", b"a"), Descriptor::of("t/x", b"b"), noted];
        let (mut catalog, mut document) = (Catalog::default(), ImageIndex::new(vec![]));
        catalog.head.media_type.clone_from(&document.media_type);
        // Some thousand steps that a simple generator of numbers chooses: the same at every run.
        let mut number: u32 = 7;
        let mut choose = |below: u32| {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (number >> 16) % below
        };
        for step in 0..3_000 {
            let manifest = manifests[choose(3) as usize].clone();
            let tag = tag(&format!("v{}", choose(5)));
            let change = match choose(8) {
                0 => Change::Remove { digest: manifest.artifact_digest() },
                1 | 2 => Change::Untag { tag: tag.to_string() },
                3 => Change::Put { manifest, tag: None },
                _ => Change::Put { manifest, tag: Some(tag.to_string()) },
            };
            match &change {
                Change::Put { manifest, tag } => {
                    index::insert(&mut document, manifest, tag.as_ref().map(|tag| tag.parse().expect("tag")).as_ref());
                }
                Change::Untag { tag } => drop(index::untag(&mut document, &tag.parse().expect("tag"))),
                Change::Remove { digest } => drop(index::remove(&mut document, *digest)),
            }
            catalog.apply(&change);
            assert_same(&catalog, &document);
            let once = catalog.clone();
            catalog.apply(&change);
            assert_eq!(catalog, once, "step {step}: made again, {change:?} changes nothing");
        }
    }

    #[test]
    fn what_the_index_says_of_itself_and_of_entries_is_kept() {
        let notes = Annotations::from([("note".to_owned(), "\"manifests\":[]".to_owned())]);
        let mut named = Descriptor { annotations: notes.clone(), ..Descriptor::of("\"manifests\":[]", b"a") };
        named.annotations.insert(REF_NAME.to_owned(), "1".to_owned());
        let plain = Descriptor::of("t/x", b"b");
        let document = ImageIndex { annotations: notes, ..ImageIndex::new(vec![plain, named]) };
        assert_same(&Catalog::read(&to_bytes(&document)).expect("read"), &document);
    }

    #[test]
    fn a_tag_at_two_manifests_is_an_error_until_it_is_set() {
        let named = |bytes: &[u8]| Descriptor {
            annotations: Annotations::from([(REF_NAME.to_owned(), "1".to_owned())]),
            ..Descriptor::of("t/x", bytes)
        };
        let document = ImageIndex::new(vec![named(b"a"), named(b"b"), named(b"b")]);
        let mut catalog = Catalog::read(&to_bytes(&document)).expect("read");
        assert_eq!(catalog.len(), 2, "what stands twice is one entry");
        assert_eq!(catalog.tagged(&tag("1")).expect_err("two").reason(), Reason::LayoutInvalid);
        let manifest = Descriptor::of("t/x", b"a");
        catalog.apply(&Change::Put { manifest: manifest.clone(), tag: Some("1".to_owned()) });
        assert_eq!(catalog.tagged(&tag("1")).expect("one").expect("found"), manifest);
        assert!(catalog.manifest(named(b"b").artifact_digest()).is_some(), "what lost its name is kept");
    }

    #[test]
    fn pages_begin_after_what_need_not_be_there() {
        let mut catalog = Catalog::default();
        let manifest = Descriptor::of("t/x", b"a");
        for name in ["b", "a", "c", "not a tag", "registry.test/x:1"] {
            catalog.apply(&Change::Put { manifest: manifest.clone(), tag: Some(name.to_owned()) });
        }
        for (last, expected) in [
            (None, &["a", "b", "c"][..]),
            (Some(""), &["a", "b", "c"]),
            (Some("a"), &["b", "c"]),
            (Some("aa"), &["b", "c"]),
            (Some("c"), &[]),
            (Some("zz"), &[]),
        ] {
            let found: Vec<_> = catalog.tags_after(last).map(|tag| tag.to_string()).collect();
            assert_eq!(found, expected, "{last:?}");
        }
    }

    #[test]
    fn another_document_is_refused() {
        for document in [
            "",
            "[]",
            "{}",
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"manifests":{}}"#,
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"x/y","size":1}]}"#,
        ] {
            assert!(Catalog::read(document.as_bytes()).is_err(), "{document}");
        }
    }
}
