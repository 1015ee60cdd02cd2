//! The tag under which a version is published: what installs it by name.

use crate::digest::ArtifactDigest;
use crate::fault::{Fault, Reason, Result};
use crate::reference::{LayoutReference, Reference, Tag};
use crate::text::shown;
use crate::version_order::is_semantic;

impl Tag {
    /// The tag that is the version. `+`, which begins build metadata (SemVer 2.0.0, 10) and is no character of a tag
    /// (OCI distribution 1.1, Pulling manifests), is written as `_`, as Helm does.
    ///
    /// # Errors
    /// `invalid_version` for a version that is no tag all the same: empty, too long, with blanks.
    pub fn of_version(version: &str) -> Result<Self> {
        version.replace('+', "_").parse().map_err(|_| {
            Fault::new(Reason::InvalidVersion, format!("the version `{}` cannot be a tag", shown(version, 80)))
                .expected("letters, digits, `.`, `_`, `-` and `+`, at most 128", shown(version, 80))
                .hint("write the version in the manifest as \"MAJOR.MINOR.PATCH\", or name a tag")
        })
    }

    /// The version that [`Tag::of_version`] makes this tag of; nothing of another name, such as `latest` or `1.2`.
    pub fn version(&self) -> Option<String> {
        // No version holds a `_`, so that it stands for one `+` alone.
        let version = self.as_str().replacen('_', "+", 1);
        is_semantic(&version).then_some(version)
    }
}

impl Reference {
    /// Whether nothing in it says which artifact of the place is meant.
    pub fn names_no_artifact(&self) -> bool {
        self.tag().is_none() && self.digest().is_none()
    }

    /// The same place with that tag.
    #[must_use]
    pub fn tagged(&self, tag: Tag) -> Self {
        match self {
            Self::Registry(registry) => Self::Registry(registry.tagged(tag)),
            Self::Layout(layout) => Self::Layout(LayoutReference { tag: Some(tag), ..layout.clone() }),
        }
    }
}

impl Reference {
    /// Exactly that artifact of the same place, with the tag that has led to it: the digest decides, and the tag says
    /// of which version it is.
    #[must_use]
    pub fn tagged_at(&self, tag: Tag, digest: ArtifactDigest) -> Self {
        match self {
            Self::Registry(registry) => Self::Registry(registry.pinned(digest).tagged(tag)),
            Self::Layout(layout) => {
                Self::Layout(LayoutReference { tag: Some(tag), digest: Some(digest), ..layout.clone() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_version_that_it_is_made_of() {
        for version in ["1.2.0", "1.0.0-rc.1", "1.0.0+build.7", "1.0.0-rc.1+a-b"] {
            assert_eq!(Tag::of_version(version).expect(version).version().as_deref(), Some(version));
        }
        for other in ["latest", "v1.2.0", "1.2", "1", "1.2.0_", "_1.2.0", "1.0.0_a_b", "1.2.0-resigned_", "sha256-ab"] {
            assert_eq!(other.parse::<Tag>().expect(other).version(), None, "{other}");
        }
    }

    #[test]
    fn an_artifact_is_bound_to_its_digest_and_has_the_tag_beside_it() {
        let (old, new) = (format!("@sha256:{}", "0".repeat(64)), format!("sha256:{}", "1".repeat(64)));
        for place in ["ghcr.io/o/p", "oci:/dir"] {
            for reference in [format!("{place}:1.0.0"), format!("{place}:1.0.0{old}"), format!("{place}{old}")] {
                let reference = reference.parse::<Reference>().expect("a reference");
                let bound = reference.tagged_at("1.1.0".parse().expect("a tag"), new.parse().expect("a digest"));
                assert_eq!(bound.to_string(), format!("{place}:1.1.0@{new}"));
                assert_eq!(bound.to_string().parse::<Reference>().expect("the same"), bound);
            }
        }
    }

    #[test]
    fn a_version_is_its_tag_and_what_is_none_says_so() {
        for (version, tag) in [
            ("1.2.0", "1.2.0"),
            ("1.0.0-rc.1", "1.0.0-rc.1"),
            ("1.0.0+build.7", "1.0.0_build.7"),
            ("1.0.0-rc.1+a+b", "1.0.0-rc.1_a_b"),
            ("v2", "v2"),
            ("+1", "_1"),
        ] {
            assert_eq!(Tag::of_version(version).expect(version).as_str(), tag);
        }
        for version in ["", "1 0", "1:0", "1/0", "\u{e9}", "-1", ".1", &"1".repeat(129)] {
            assert_eq!(Tag::of_version(version).expect_err(version).reason(), Reason::InvalidVersion, "{version:?}");
        }
    }

    #[test]
    fn a_tag_stands_where_one_was_missing() {
        let tag = || Tag::of_version("1.0.0+x").expect("a tag");
        for (text, tagged) in [
            ("ghcr.io/o/p", "ghcr.io/o/p:1.0.0_x"),
            ("oci:dir", "oci:dir:1.0.0_x"),
            ("oci-archive:x.tar", "oci-archive:x.tar:1.0.0_x"),
        ] {
            let reference = text.parse::<Reference>().expect(text);
            assert!(reference.names_no_artifact());
            assert_eq!(reference.tagged(tag()).to_string(), tagged);
            assert!(!reference.tagged(tag()).names_no_artifact());
        }
    }
}
