//! `Whereabouts`: whether a directory stands where a host loads plugins from, told by what lies beside it.

use std::io::ErrorKind;
use std::path::{Component, Path};

use aisoc_files::PARTIALS;

use crate::layout::{Layout, STAGING_PREFIX};
use crate::recorded;

/// What is known of the place of a directory. Words follow from it and no verdict: it is looked at without a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whereabouts {
    /// In a plugins directory, with the reference that an install wrote down; nothing where none can be read.
    Plugins(Option<String>),
    /// Where no plugins directory is seen.
    Elsewhere,
}

impl Whereabouts {
    /// Those of `directory`, by the path as it is given and by the one that it leads to: a host follows links. What
    /// cannot be looked at counts as a plugins directory.
    pub fn of(directory: &Path) -> Self {
        let ways = [std::path::absolute(directory), directory.canonicalize()];
        let known = ways.into_iter().map(|way| way.map_or(Self::Plugins(None), |way| Self::of_absolute(&way)));
        known.fold(Self::Elsewhere, |before, other| match before {
            Self::Plugins(Some(_)) => before,
            _ if other == Self::Elsewhere => before,
            _ => other,
        })
    }

    fn of_absolute(directory: &Path) -> Self {
        let Some((parent, name)) = directory.parent().zip(directory.file_name()) else { return Self::Elsewhere };
        let layout = Layout::of(parent);
        if is_missing(&layout.own()) {
            return if directory.components().any(is_ours) { Self::Plugins(None) } else { Self::Elsewhere };
        }
        let id = name.to_str().and_then(|name| name.parse().ok());
        let record = id.and_then(|id| recorded::read(&layout, &id).ok().flatten());
        Self::Plugins(record.map(|record| record.reference))
    }
}

fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Kept versions, and what is being staged.
fn is_ours(component: Component<'_>) -> bool {
    let name = component.as_os_str();
    name == crate::layout::OWN_DIRECTORY
        || name == PARTIALS
        || name.as_encoded_bytes().starts_with(STAGING_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_directory_is_among_plugins_by_any_way_that_leads_to_it() {
        let root = tempfile::tempdir().expect("a directory");
        let of = |path: &str| Whereabouts::of(&root.path().join(path));
        for directory in ["pd/.aisoc/versions/demo/1/tree", "pd/demo/sub", "pd/.aisoc-staging-x/demo", "bench/demo"] {
            fs::create_dir_all(root.path().join(directory)).expect("made");
        }
        symlink(root.path().join("bench/demo"), root.path().join("pd/linked")).expect("linked");
        symlink(root.path().join("pd/demo"), root.path().join("bench/link")).expect("linked");
        for path in [
            "pd/demo",
            "pd/demo/",
            "pd/demo/.",
            "pd/demo/sub/..",
            "pd/linked",
            "bench/link",
            "pd/.aisoc/versions/demo/1/tree",
            "pd/.aisoc-staging-x/demo",
            "absent",
        ] {
            assert_eq!(of(path), Whereabouts::Plugins(None), "{path}");
        }
        for path in ["bench/demo", "bench/demo/", "pd/../bench/demo", "bench"] {
            assert_eq!(of(path), Whereabouts::Elsewhere, "{path}");
        }
    }
}
