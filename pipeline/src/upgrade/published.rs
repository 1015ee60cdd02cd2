//! Which versions are published beside an installed one, by their tags alone.

use std::cmp::Ordering;

use aisoc_manifests::reference::Tag;
use aisoc_manifests::version_order::{compare, is_of_same_release, is_pre_release};

/// Which pre-releases are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PreReleases {
    /// Those of the release that the installed one is a pre-release of: whoever has `2.0.0-rc.1` waits for `2.0.0`.
    #[default]
    OfInstalled,
    /// All.
    All,
}

/// A version that a tag stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublishedVersion {
    /// The version, as SemVer writes it.
    pub(crate) version: String,
    /// Its tag.
    pub(crate) tag: Tag,
}

/// The versions among those tags that somebody may want who has `installed`, the newest first. What is no version of
/// SemVer, such as `latest`, `1.2` and the digests of signatures, is none. Of versions that differ in their build metadata
/// alone neither is newer: the first by its text stands first.
pub(crate) fn published(tags: &[Tag], installed: &str, wanted: PreReleases) -> Vec<PublishedVersion> {
    let is_wanted = |version: &str| match wanted {
        PreReleases::All => true,
        PreReleases::OfInstalled => {
            !is_pre_release(version) || is_pre_release(installed) && is_of_same_release(version, installed)
        }
    };
    let version = |tag: &Tag| Some(PublishedVersion { version: tag.version()?, tag: tag.clone() });
    let mut found: Vec<PublishedVersion> =
        tags.iter().filter_map(version).filter(|found| is_wanted(&found.version)).collect();
    found.sort_by(|one, other| {
        let order = compare(&other.version, &one.version).unwrap_or(Ordering::Equal);
        order.then_with(|| one.tag.cmp(&other.tag))
    });
    found
}

/// Those of them that are newer than `installed`.
pub(crate) fn newer<'a>(published: &'a [PublishedVersion], installed: &str) -> Vec<&'a PublishedVersion> {
    let is_newer = |found: &&PublishedVersion| compare(&found.version, installed) == Some(Ordering::Greater);
    published.iter().filter(is_newer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tags: &[&str], installed: &str, wanted: PreReleases) -> (Vec<String>, Vec<String>) {
        let tags: Vec<Tag> = tags.iter().map(|tag| tag.parse().expect("a tag")).collect();
        let published = published(&tags, installed, wanted);
        let newer = newer(&published, installed).into_iter().map(|found| found.version.clone()).collect();
        (published.into_iter().map(|found| found.version).collect(), newer)
    }

    const TAGS: [&str; 13] = [
        "latest",
        "1.9.0",
        "v3.0.0",
        "1.10.0",
        "1.10",
        "2",
        "2.0.0-rc.1",
        "2.0.0-rc.10",
        "2.0.0-rc.9",
        "1.10.0_build.2",
        "1.10.0_build.1",
        "sha256-00ff",
        "nightly",
    ];

    #[test]
    fn versions_are_found_among_other_names_and_the_newest_comes_first() {
        let (published, newer) = of(&TAGS, "1.9.0", PreReleases::OfInstalled);
        assert_eq!(published, ["1.10.0", "1.10.0+build.1", "1.10.0+build.2", "1.9.0"]);
        assert_eq!(newer, ["1.10.0", "1.10.0+build.1", "1.10.0+build.2"]);
    }

    #[test]
    fn a_pre_release_is_for_whoever_has_one_of_its_release_or_asks_for_all() {
        let early = ["2.0.0-rc.10", "2.0.0-rc.9", "2.0.0-rc.1"];
        assert_eq!(of(&TAGS, "1.10.0", PreReleases::OfInstalled).1, [""; 0]);
        assert_eq!(of(&TAGS, "1.10.0", PreReleases::All).1, early);
        assert_eq!(of(&TAGS, "2.0.0-rc.1", PreReleases::OfInstalled).1, &early[..2]);
        assert_eq!(of(&TAGS, "2.1.0-rc.1", PreReleases::OfInstalled).1, [""; 0]);
        assert_eq!(
            of(&["2.1.0-rc.2", "2.1.0", "3.0.0-a"], "2.1.0-rc.1", PreReleases::OfInstalled).1,
            ["2.1.0", "2.1.0-rc.2"]
        );
    }

    #[test]
    fn nothing_is_newer_than_itself_with_other_build_metadata_or_than_what_is_newer_than_all() {
        assert_eq!(of(&TAGS, "1.10.0+build.1", PreReleases::OfInstalled).1, [""; 0]);
        let (published, newer) = of(&TAGS, "9.0.0", PreReleases::All);
        assert_eq!((published.first().map(String::as_str), newer.len()), (Some("2.0.0-rc.10"), 0));
        assert_eq!(of(&["latest"], "1.0.0", PreReleases::All), (vec![], vec![]));
    }
}
