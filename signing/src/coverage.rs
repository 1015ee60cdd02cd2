//! How much of a tree a signature covers, and what the rest of it could do.

use std::fmt;

use aisoc_manifests::file_map::{FileEntry, TreeScheme};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::ManifestFile;

use crate::claim::{Claim, ClaimedTree};
use crate::signature::Signature;
use crate::tree::{FILE_LIST, TreeFinding, is_signature_file, is_timestamp_file};

/// How much of a tree a verified signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coverage {
    /// Nothing: no signature, or none that a trusted key verifies.
    None,
    /// The manifest and every `*.py`, or every file and yet not all of what a reader sees of them.
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

impl Claim {
    /// What a signature covers if it is one, given how the files compare with what the manifest states.
    pub fn coverage_if_signed(&self, finding: &TreeFinding) -> Coverage {
        match finding {
            TreeFinding::Differs(_) => Coverage::Full,
            TreeFinding::Exact(TreeScheme::V2) if uncovered(self, finding).is_empty() => Coverage::Full,
            TreeFinding::NotStated | TreeFinding::Exact(_) => Coverage::Code,
        }
    }
}

/// What of a tree its signature leaves open, in order of names; nothing when it covers all.
pub(crate) fn uncovered(claim: &Claim, finding: &TreeFinding) -> Vec<Uncovered> {
    let tree = claim.tree();
    let mut uncovered = loose_signature_files(tree);
    match finding {
        TreeFinding::NotStated => uncovered.extend(beyond_the_code(tree)),
        // The list leaves out what other readers of the manifest may see: comments, keys that stand twice.
        TreeFinding::Exact(TreeScheme::V1) => uncovered.push(inert(tree.manifest_file.name().to_owned())),
        TreeFinding::Exact(TreeScheme::V2) | TreeFinding::Differs(_) => {}
    }
    uncovered.sort_by(|a, b| a.path.cmp(&b.path));
    uncovered
}

/// Signature files in another form than the one that `sign` writes, or that something could execute. They
/// count as signatures, as they do for the host, and have bytes that nothing determines.
fn loose_signature_files(tree: &ClaimedTree) -> Vec<Uncovered> {
    let is_executable = |name: &str| {
        RelPath::parse(name).ok().and_then(|path| tree.files.get(&path)).is_some_and(|entry| entry.executable)
    };
    // The list of files is compared with the tree, or counts as a file of the plugin. A timestamp is written in one way,
    // or the signature beside it is none.
    let is_plain =
        |name: &str, content| name == FILE_LIST || is_timestamp_file(name) || Signature::is_written_plainly(content);
    let loose = tree.signature_files.iter().filter(|(name, content)| !is_plain(name, content) || is_executable(name));
    loose.map(|(name, _)| inert(name.clone())).collect()
}

/// What stands beside manifest and `*.py`.
fn beyond_the_code(tree: &ClaimedTree) -> impl Iterator<Item = Uncovered> {
    let is_signed = |path: &str| path == tree.manifest_file.name() || path.ends_with(".py");
    let is_signature = |path: &str| is_signature_file(path) && path != FILE_LIST;
    let files = tree.files.iter().filter(move |(path, _)| !is_signed(path.as_str()) && !is_signature(path.as_str()));
    let files = files.map(|(path, entry)| Uncovered { path: path.to_string(), hazard: hazard(path, entry) });
    let strange = tree.strange.iter();
    let strange = strange.map(|entry| Uncovered { path: entry.clone(), hazard: Some("no regular file") });
    files.chain(strange).chain(tree.empty_directories.iter().cloned().map(inert))
}

fn inert(path: String) -> Uncovered {
    Uncovered { path, hazard: None }
}

/// What an unsigned file could do to the host; `None` when it is inert. Everything that is not known to
/// be inert counts as data that the plugin loads: rules, models and templates decide what a plugin does.
pub(crate) fn hazard(path: &RelPath, entry: &FileEntry) -> Option<&'static str> {
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
    use aisoc_manifests::digest::FileDigest;

    fn hazard_of(name: &str) -> Option<&'static str> {
        let entry = FileEntry { digest: FileDigest::of(b"x"), size: 1, executable: false };
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
        let entry = |executable| FileEntry { digest: FileDigest::of(b""), size: 0, executable };
        let path = |name: &str| RelPath::parse(name).expect("a name");
        assert_eq!(hazard(&path("py.typed"), &entry(false)), None);
        assert!(hazard(&path("py.typed"), &entry(true)).is_some());
        assert!(hazard(&path("__init__.pyc"), &entry(false)).is_some());
    }
}
