//! Under which tag a version is found once it is signed again.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::{LayoutReference, Reference, Tag};
use aisoc_registry_client::ReplaceTag;

use crate::fetch::Fetched;

/// What the tag of the result is. Without a word for it nothing gets a tag away from what operators have pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Naming {
    /// The tag that names it now, as long as it does.
    Replaced,
    /// That one.
    Tag(Tag),
    /// The tag that names it now, and this behind it.
    Suffix(String),
}

/// The place of a result: where the version was found, under a tag that is known.
#[derive(Debug)]
pub(super) struct Destination {
    pub(super) reference: Reference,
    pub(super) tag: Tag,
    is_replaced: bool,
}

impl Naming {
    /// Where the result of `source` goes.
    ///
    /// # Errors
    /// `usage` for a source without a tag of which another one is made, `invalid_ref` when that is no tag.
    pub(super) fn destination(&self, source: &Reference) -> Result<Destination> {
        let tag = match self {
            Self::Tag(tag) => tag.clone(),
            Self::Replaced => own_tag(source)?.clone(),
            Self::Suffix(suffix) => format!("{}{suffix}", own_tag(source)?).parse()?,
        };
        let reference = match source {
            Reference::Registry(registry) => Reference::Registry(registry.tagged(tag.clone()).without_digest()),
            Reference::Layout(layout) => {
                Reference::Layout(LayoutReference { tag: Some(tag.clone()), digest: None, ..layout.clone() })
            }
        };
        Ok(Destination { reference, tag, is_replaced: *self == Self::Replaced })
    }

    /// Where the result of `source` goes, in words.
    ///
    /// # Errors
    /// As a result that has no tag.
    pub fn place(&self, source: &Reference) -> Result<String> {
        self.destination(source).map(|destination| destination.reference.to_string())
    }
}

fn own_tag(source: &Reference) -> Result<&Tag> {
    source.tag().ok_or_else(|| {
        Fault::new(Reason::Usage, format!("`{source}` names no tag"))
            .expected("a tag, which is replaced or of which another one is made", "none")
            .hint("write the tag behind the reference, or name that of the result with `--tag TAG`")
    })
}

impl Destination {
    /// What the tag may be taken from: of the same name, the artifact that was read.
    ///
    /// # Errors
    /// `tag_exists` for a tag that names an index, in which more than the plugin may be.
    pub(super) fn replace(&self, fetched: &Fetched) -> Result<ReplaceTag> {
        let artifact = fetched.artifact.digest();
        match (self.is_replaced, fetched.index) {
            (false, _) => Ok(ReplaceTag::No),
            (true, None) => Ok(ReplaceTag::Only(artifact)),
            (true, Some(index)) => Err(Fault::new(
                Reason::TagExists,
                format!("the tag `{}` names an index, which would be lost", self.tag),
            )
            .expected(artifact.to_string(), index.to_string())
            .hint(
                "push the result under a tag of its own, with `--tag TAG`; builds for several platforms become an index again \
                 with `aisoc plugin package --platform OS/ARCHITECTURE=SRC`",
            )),
        }
    }
}
