//! The index of a layout: which manifests it holds and which tags name them.

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::oci::{Annotations, Descriptor, ImageIndex, REF_NAME};
use aisoc_manifests::reference::{LayoutReference, Tag};

/// The manifest that the reference names: by digest, else by tag, else the only one.
pub fn find(index: &ImageIndex, reference: &LayoutReference) -> Result<Descriptor> {
    let missing = |what: &str| {
        Fault::new(Reason::ReferenceNotFound, format!("`{}` has no {what}", reference.path.display()))
            .hint(format!("it holds the tags: {}", listed(index)))
    };
    if let Some(digest) = reference.digest {
        let found = index.manifests.iter().find(|descriptor| descriptor.artifact_digest() == digest);
        return found.map(plain).ok_or_else(|| missing(&format!("manifest {digest}")));
    }
    if let Some(tag) = &reference.tag {
        return tagged(index, tag)?.ok_or_else(|| missing(&format!("tag `{tag}`")));
    }
    match index.artifacts().as_slice() {
        [] => return Err(missing("manifest")),
        [only] => return Ok(plain(only)),
        _ => {}
    }
    let message = format!("`{}` holds several artifacts, and the reference names none", reference.path.display());
    Err(Fault::new(Reason::ReferenceNotFound, message)
        .hint(format!("add a tag: `oci:PATH:TAG`; it holds: {}", listed(index))))
}

/// The descriptor under that digest. A manifest that only another manifest lists is not in the index.
pub fn listed_as(index: &ImageIndex, digest: ArtifactDigest) -> Option<Descriptor> {
    index.manifests.iter().find(|descriptor| descriptor.artifact_digest() == digest).map(plain)
}

/// The manifest of that tag.
///
/// # Errors
/// `layout_invalid` when the tag stands at two manifests: two readers would take two artifacts.
pub fn tagged(index: &ImageIndex, tag: &Tag) -> Result<Option<Descriptor>> {
    let mut found = index.manifests.iter().filter(|descriptor| name(descriptor) == Some(tag.as_str()));
    let first = found.next();
    match first {
        Some(first) if found.any(|other| other.digest != first.digest) => {
            Err(Fault::new(Reason::LayoutInvalid, format!("the index gives the tag `{tag}` to two manifests")))
        }
        first => Ok(first.map(plain)),
    }
}

/// All tags, sorted. Names that are no tags (other tools write whole references) are left out.
pub fn tags(index: &ImageIndex) -> Vec<Tag> {
    let mut tags: Vec<Tag> = index.manifests.iter().filter_map(|entry| name(entry)?.parse().ok()).collect();
    tags.sort();
    tags.dedup();
    tags
}

/// The tags of that manifest, sorted.
pub fn tags_of(index: &ImageIndex, digest: ArtifactDigest) -> Vec<Tag> {
    let named = index.manifests.iter().filter(|entry| entry.artifact_digest() == digest).cloned().collect();
    tags(&ImageIndex::new(named))
}

/// Adds the manifest, and moves the tag to it. Entries stay sorted, so that the same content has the
/// same bytes in whatever order it was added.
pub fn insert(index: &mut ImageIndex, descriptor: &Descriptor, tag: Option<&Tag>) {
    if let Some(tag) = tag {
        untag(index, tag);
        // An entry without a name says nothing that the named one does not.
        index.manifests.retain(|entry| entry.digest != descriptor.digest || name(entry).is_some());
        let annotations = Annotations::from([(REF_NAME.to_owned(), tag.to_string())]);
        index.manifests.push(Descriptor { annotations, ..descriptor.clone() });
    } else if index.manifests.iter().all(|entry| entry.digest != descriptor.digest) {
        index.manifests.push(plain(descriptor));
    }
    index.manifests.sort_by(|a, b| (name(a), a.digest).cmp(&(name(b), b.digest)));
}

/// Takes the tag away and keeps what it named. Says whether the tag was there.
pub fn untag(index: &mut ImageIndex, tag: &Tag) -> bool {
    let Some(at) = index.manifests.iter().position(|entry| name(entry) == Some(tag.as_str())) else {
        return false;
    };
    let entry = index.manifests.remove(at);
    insert(index, &plain(&entry), None);
    true
}

/// Takes the manifest and its tags away. Says whether it was there.
pub fn remove(index: &mut ImageIndex, digest: ArtifactDigest) -> bool {
    let before = index.manifests.len();
    index.manifests.retain(|entry| entry.artifact_digest() != digest);
    index.manifests.len() < before
}

fn name(descriptor: &Descriptor) -> Option<&str> {
    descriptor.annotations.get(REF_NAME).map(String::as_str)
}

/// The entry without the tag: what a reader is told about the manifest itself.
fn plain(descriptor: &Descriptor) -> Descriptor {
    let mut plain = descriptor.clone();
    plain.annotations.remove(REF_NAME);
    plain
}

fn listed(index: &ImageIndex) -> String {
    let tags = tags(index);
    let shown: Vec<&str> = tags.iter().take(10).map(Tag::as_str).collect();
    match (shown.is_empty(), tags.len() > shown.len()) {
        (true, _) => "none".to_owned(),
        (false, true) => format!("{}, …", shown.join(", ")),
        (false, false) => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Tag {
        text.parse().expect(text)
    }

    #[test]
    fn a_tag_names_one_manifest_and_the_order_of_writing_does_not_show() {
        let (a, b) = (Descriptor::of("t/x", b"a"), Descriptor::of("t/x", b"b"));
        let mut one = ImageIndex::new(vec![]);
        insert(&mut one, &a, None);
        insert(&mut one, &a, Some(&tag("1")));
        insert(&mut one, &b, Some(&tag("2")));
        insert(&mut one, &b, Some(&tag("2")));
        let mut other = ImageIndex::new(vec![]);
        insert(&mut other, &b, Some(&tag("2")));
        insert(&mut other, &a, Some(&tag("1")));
        assert_eq!(one, other);
        assert_eq!(tags(&one), [tag("1"), tag("2")]);
        assert_eq!(tags_of(&one, a.artifact_digest()), [tag("1")]);

        insert(&mut one, &b, Some(&tag("1")));
        assert_eq!(tagged(&one, &tag("1")).expect("one").expect("found").digest, b.digest);
        assert!(one.manifests.iter().any(|entry| entry.digest == a.digest), "what lost its tag is kept");
        assert!(untag(&mut one, &tag("2")) && !untag(&mut one, &tag("2")));
        let removed = a.artifact_digest();
        assert!(remove(&mut one, removed) && !remove(&mut one, removed));
    }

    #[test]
    fn refuses_a_tag_at_two_manifests() {
        let named = |bytes: &[u8]| Descriptor {
            annotations: Annotations::from([(REF_NAME.to_owned(), "1".to_owned())]),
            ..Descriptor::of("t/x", bytes)
        };
        let index = ImageIndex::new(vec![named(b"a"), named(b"b")]);
        assert_eq!(tagged(&index, &tag("1")).expect_err("two").reason(), Reason::LayoutInvalid);
    }
}
