//! What the name of an output promises: a reader of `x.tgz` takes it for an archive, whatever it is.

use std::path::{Path, PathBuf};

use aisoc_files::shell_word;

/// Ends of names that promise another archive than the one that aisoc writes.
const OTHER_ARCHIVES: [&str; 16] =
    ["tgz", "gz", "tbz", "tbz2", "bz2", "txz", "xz", "tzst", "zst", "zip", "7z", "rar", "oci", "whl", "egg", "aisoc"];

/// How references begin that name a layout.
const LAYOUTS: [&str; 2] = ["oci:", "oci-archive:"];

/// What somebody who reads the name takes it for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// A layout: a plain `.tar`, or one that is said in words.
    Layout,
    /// An archive of a kind that is never written.
    OtherArchive,
    /// A directory, or nothing in particular.
    Directory,
}

impl Promise {
    /// By the end of the name. A directory that is there has its name already, and `x.tgz/` says what it is.
    pub(super) fn of(path: &Path) -> Self {
        if layout_in_words(path).is_some() {
            return Self::Layout;
        }
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Self::Directory;
        }
        match path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).as_deref() {
            Some("tar") => Self::Layout,
            Some(other) if OTHER_ARCHIVES.contains(&other) && !path.is_dir() => Self::OtherArchive,
            _ => Self::Directory,
        }
    }
}

/// The name of a layout as references have it, where it is one: `oci:dist`, `oci-archive:dist.tar`.
pub(super) fn layout_in_words(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| LAYOUTS.iter().any(|form| text.starts_with(form)))
}

/// The same name as that of a layout's archive, as a shell takes it.
pub(super) fn as_layout(path: &Path) -> String {
    let plain = without_archive(path);
    shell_word(plain.with_added_extension("tar"))
}

/// The same name as that of a directory, as a shell takes it.
pub(super) fn as_directory(path: &Path) -> String {
    shell_word(without_archive(path))
}

/// `x` for `x.tgz`, `x.tar`, `x.tar.gz` and `oci-archive:x.tar`.
fn without_archive(path: &Path) -> PathBuf {
    let named = layout_in_words(path).and_then(|text| text.split_once(':'));
    let path = named.map_or(path, |(_, name)| Path::new(name));
    if Promise::of(path) == Promise::Directory {
        return path.to_owned();
    }
    let plain = path.with_extension("");
    let is_tar = plain.extension().is_some_and(|inner| inner.eq_ignore_ascii_case("tar"));
    if is_tar { plain.with_extension("") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_promises_what_its_reader_takes_it_for() {
        for (name, promise) in [
            ("x.tar", Promise::Layout),
            ("a/X.TAR", Promise::Layout),
            ("x.tgz.tar", Promise::Layout),
            ("oci:x", Promise::Layout),
            ("oci-archive:x.tar", Promise::Layout),
            ("x.tgz", Promise::OtherArchive),
            ("x.tar.GZ", Promise::OtherArchive),
            ("x", Promise::Directory),
            ("demo-1.2.0", Promise::Directory),
            ("x.d", Promise::Directory),
            ("x.tgz/", Promise::Directory),
            ("x.tar/", Promise::Directory),
            (".tar", Promise::Directory),
            ("..", Promise::Directory),
        ] {
            assert_eq!(Promise::of(Path::new(name)), promise, "{name}");
        }
    }

    #[test]
    fn the_same_name_is_offered_for_what_can_be_written() {
        for (name, layout, directory) in [
            ("x.tgz", "x.tar", "x"),
            ("oci:x-1.2", "x-1.2.tar", "x-1.2"),
            ("oci-archive:x.tar", "x.tar", "x"),
            ("x.tar", "x.tar", "x"),
            ("a/x.tar.gz", "a/x.tar", "a/x"),
            ("a b.ZIP", "'a b.tar'", "'a b'"),
        ] {
            assert_eq!((as_layout(Path::new(name)), as_directory(Path::new(name))), (layout.into(), directory.into()));
        }
    }
}
