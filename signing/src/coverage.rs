//! How much of a tree a signature covers, and what the rest of it could do.

use std::fmt;

use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::ManifestFile;

use crate::tree::is_covered;

/// How much of a tree a verified signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Nothing: no signature, or none that a trusted key verifies.
    None,
    /// The manifest and every `*.py`.
    Code,
    /// Every file, nothing added, nothing missing.
    Full,
}

impl Coverage {
    /// The word in listings, records and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Code => "code",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A file that the signature does not cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uncovered {
    /// Its name, relative to the plugin.
    pub path: String,
    /// What it could do; `None` when it is inert.
    pub hazard: Option<&'static str>,
}

/// The files of a tree whose signature covers the manifest and `*.py` only, in order of their names.
pub(crate) fn uncovered(files: &FileMap, strange: &[String], manifest: ManifestFile) -> Vec<Uncovered> {
    let beyond = files.iter().filter(|(path, _)| is_covered(path, manifest) && !path.as_str().ends_with(".py"));
    let mut uncovered: Vec<_> =
        beyond.map(|(path, entry)| Uncovered { path: path.to_string(), hazard: hazard(path, entry) }).collect();
    let strange = strange.iter().map(|entry| Uncovered { path: entry.clone(), hazard: Some("no regular file") });
    uncovered.extend(strange);
    uncovered.sort_by(|a, b| a.path.cmp(&b.path));
    uncovered
}

/// What an unsigned file could do to the host; `None` when it is inert. Everything that is not known to
/// be inert counts as data that the plugin loads: rules, models and templates decide what a plugin does.
fn hazard(path: &RelPath, entry: &FileEntry) -> Option<&'static str> {
    let name = path.file_name().to_ascii_lowercase();
    let (stem, suffix) = name.rsplit_once('.').unwrap_or((&name, ""));
    let first = name.split('.').next().unwrap_or_default();
    if path.components().any(|component| component.eq_ignore_ascii_case("__pycache__"))
        || matches!(suffix, "pyc" | "pyo")
    {
        return Some("Python bytecode, which runs instead of the source");
    }
    if matches!(suffix, "so" | "pyd" | "dll" | "dylib") || name.contains(".so.") {
        return Some("native code, which runs instead of the source");
    }
    if suffix == "pth" || matches!(first, "sitecustomize" | "usercustomize") {
        return Some("a start-up hook of Python");
    }
    if matches!(suffix, "zip" | "egg" | "whl" | "pyz" | "jar") {
        return Some("an archive that code can be imported from");
    }
    if ManifestFile::ALL.iter().any(|file| file.name() == name) {
        return Some("a second manifest");
    }
    if matches!(suffix, "py" | "pyw" | "pyx" | "pyi") {
        return Some("Python source that the signature passes over");
    }
    if entry.executable {
        return Some("an executable file");
    }
    if is_document(stem, suffix, path.components().count()) || entry.size == 0 {
        return None;
    }
    Some("data that the plugin could load")
}

/// What people read and no host does.
fn is_document(stem: &str, suffix: &str, depth: usize) -> bool {
    const NAMES: [&str; 10] = [
        "readme",
        "license",
        "licence",
        "notice",
        "copying",
        "changelog",
        "authors",
        "contributing",
        "security",
        "code_of_conduct",
    ];
    let is_named = depth == 1 && NAMES.contains(&stem);
    matches!(suffix, "md" | "rst" | "adoc") || (is_named && matches!(suffix, "" | "txt"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aisoc_manifests::digest::Digest;

    fn hazard_of(name: &str) -> Option<&'static str> {
        let entry = FileEntry { digest: Digest::of(b"x"), size: 1, executable: false };
        hazard(&RelPath::parse(name).expect("a name"), &entry)
    }

    #[test]
    fn only_documents_are_inert() {
        for inert in ["README.md", "README", "LICENSE", "LICENSE.txt", "docs/usage.md", "CHANGELOG.rst", "Notice"] {
            assert_eq!(hazard_of(inert), None, "{inert}");
        }
        for (name, word) in [
            ("__pycache__/plugin.cpython-311.pyc", "bytecode"),
            ("__PYCACHE__/README.md", "bytecode"),
            ("helper/__init__.pyc", "bytecode"),
            ("helper.cpython-311-x86_64-linux-gnu.so", "native"),
            ("libx.so.1", "native"),
            ("x.pth", "start-up"),
            ("sitecustomize.cfg", "start-up"),
            ("lib.egg", "archive"),
            ("aisoc-plugin.json", "second manifest"),
            ("plugin.PY", "passes over"),
            ("rules/block.yaml", "data"),
            ("requirements.txt", "data"),
            ("docs/LICENSE", "data"),
            (".env", "data"),
            ("widget.html", "data"),
            ("plugin.sig.d/notes", "data"),
            ("README.so", "native"),
        ] {
            assert!(hazard_of(name).is_some_and(|hazard| hazard.contains(word)), "{name}: {:?}", hazard_of(name));
        }
    }

    #[test]
    fn an_empty_file_is_inert_unless_its_name_or_mode_does_something() {
        let entry = |executable| FileEntry { digest: Digest::of(b""), size: 0, executable };
        let path = |name: &str| RelPath::parse(name).expect("a name");
        assert_eq!(hazard(&path("py.typed"), &entry(false)), None);
        assert!(hazard(&path("py.typed"), &entry(true)).is_some());
        assert!(hazard(&path("__init__.pyc"), &entry(false)).is_some());
    }
}
