//! What macOS writes beside files, and its `tar` and `zip` pack with them: told apart for the words of a refusal, and
//! refused as any other file that nobody signed.

/// Whether a file of that name is what macOS adds: `.DS_Store`, or `._x` about a file `x` (AppleDouble). One that ends
/// with `.py` could be run, so it counts only beside the source that it is about, for which `is_there` says whether
/// the tree holds it. What merely stands in a directory of such a name is somebody's.
pub(crate) fn is_note(path: &str, is_there: impl Fn(&str) -> bool) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let Some(about) = name.strip_prefix("._") else { return name == ".DS_Store" };
    // `zip` keeps the notes apart, in a tree of their own.
    let directory = directory.strip_prefix("__MACOSX").map_or(directory, |below| below.trim_start_matches('/'));
    let about = if directory.is_empty() { about.to_owned() } else { format!("{directory}/{about}") };
    !name.ends_with(".py") || is_there(&about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_macos_is_told_by_its_own_name() {
        let is_there = |path: &str| ["plugin.py", "sub/more.py"].contains(&path);
        for path in [
            ".DS_Store",
            "sub/.DS_Store",
            "._README.md",
            "._plugin.py",
            "sub/._more.py",
            "__MACOSX/._plugin.py",
            "__MACOSX/sub/._more.py",
            "__MACOSX/._x.yaml",
        ] {
            assert!(is_note(path, is_there), "{path}");
        }
        for path in [
            "__MACOSX/evil.py",
            ".DS_Store/evil.py",
            "._sub/evil.py",
            "__MACOSX/evil.sh",
            "._evil.py",
            "sub/._plugin.py",
            "__MACOSX/._evil.py",
            "DS_Store",
            "__MACOSX/",
            ".DS_Store/",
        ] {
            assert!(!is_note(path, is_there), "{path}");
        }
    }
}
