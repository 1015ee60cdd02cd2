//! The tags that a place has, for whoever has named none.

use std::cmp::Ordering;

use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::{Reference, Tag};
use aisoc_registry_client::{ClientOptions, Tagging as _, Target};

use aisoc_manifests::version_order::{compare, is_pre_release};

/// The tags of a repository or a layout, the newest version first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    fn sorted(mut tags: Vec<Tag>) -> Self {
        // What is no version has no place among versions, and comes behind them, by name. Those with the same version, but
        // for its build metadata, stand by name as well.
        tags.sort_by(|one, other| match compare(&version(one), &version(other)) {
            Some(Ordering::Equal) => one.cmp(other),
            Some(order) => order.reverse(),
            None => is_version(other).cmp(&is_version(one)).then_with(|| one.cmp(other)),
        });
        Self(tags)
    }

    /// All of them.
    pub fn all(&self) -> &[Tag] {
        &self.0
    }

    /// The newest version that is no pre-release, or whatever comes first.
    pub fn newest(&self) -> Option<&Tag> {
        let is_release = |tag: &&Tag| is_version(tag) && !is_pre_release(&version(tag));
        self.0.iter().find(is_release).or(self.0.first())
    }
}

/// The version that a tag stands for, as tags write it (`_` for `+`); its own name where it is none of SemVer, which may still
/// be one that can be compared, such as `v1.2`.
fn version(tag: &Tag) -> String {
    tag.version().unwrap_or_else(|| tag.to_string())
}

fn is_version(tag: &Tag) -> bool {
    let version = version(tag);
    compare(&version, &version).is_some()
}

/// Asks for the tags of the place that a reference names.
///
/// # Errors
/// What the place refuses.
pub async fn tags(reference: &Reference, options: &ClientOptions) -> Result<Tags> {
    Ok(Tags::sorted(Target::open(reference, options)?.tags().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(tags: &[&str]) -> (Vec<String>, Option<String>) {
        let tags = Tags::sorted(tags.iter().map(|tag| tag.parse().expect("a tag")).collect());
        (tags.all().iter().map(ToString::to_string).collect(), tags.newest().map(ToString::to_string))
    }

    #[test]
    fn versions_come_first_the_newest_of_them_before_all() {
        let (tags, newest) = sorted(&["latest", "1.9.0", "1.10.0", "main", "2.0.0-rc.1", "1.10.0-rc.1"]);
        assert_eq!(tags, ["2.0.0-rc.1", "1.10.0", "1.10.0-rc.1", "1.9.0", "latest", "main"]);
        assert_eq!(newest.as_deref(), Some("1.10.0"), "nobody is led to a pre-release");
        let (tags, newest) =
            sorted(&["edge", "1.9.0", "1.10.0_build-2", "1.10.0-rc.1_build", "v1.11", "1.10.0_build-1"]);
        assert_eq!(tags, ["v1.11", "1.10.0_build-1", "1.10.0_build-2", "1.10.0-rc.1_build", "1.9.0", "edge"]);
        assert_eq!(newest.as_deref(), Some("v1.11"));
        assert_eq!(sorted(&["1.0.0_x-1", "0.9.0"]).1.as_deref(), Some("1.0.0_x-1"), "build metadata is no pre-release");
        assert_eq!(sorted(&["2.0.0-rc.1", "edge"]).1.as_deref(), Some("2.0.0-rc.1"));
        assert_eq!(sorted(&["main", "edge"]).1.as_deref(), Some("edge"));
        assert_eq!(sorted(&[]), (Vec::new(), None));
    }
}
