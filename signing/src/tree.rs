//! What a signature covers beyond the host's contract: every file, through one key of the manifest.
//!
//! The host's signature covers the manifest and `*.py`. A manifest that states the digest of the whole
//! tree extends it to every file, and stays readable to every verifier that knows only the contract.

use std::collections::BTreeMap;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap, TREE_SCHEME};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile};
use aisoc_manifests::value::{Node, Value};

use crate::signature::{SIGNATURE_DIRECTORY, SIGNATURE_FILE};

/// The manifest's key.
pub const INTEGRITY_KEY: &str = "integrity";
/// The list that was hashed, shipped so that a refusal can name the file. Never needed to verify.
pub const FILE_LIST: &str = "plugin.sig.d/files";

/// What the manifest states about the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integrity {
    /// SHA-256 of the list of all covered files.
    pub tree: Digest,
}

impl Integrity {
    /// What `document` states; `None` when it states nothing.
    ///
    /// # Errors
    /// `integrity_unknown` for any other form than `{scheme: aisoc.tree/v1, tree_sha256: <64 digits>}`:
    /// a statement that cannot be checked is not the same as none.
    pub fn read(document: &Document) -> Result<Option<Self>> {
        let Some(node) = document.root().get(INTEGRITY_KEY) else { return Ok(None) };
        let unknown = |at: Node<'_>, message: &str| {
            Fault::new(Reason::IntegrityUnknown, message).at(at.position().in_file(document.file().name()))
        };
        if !matches!(node.value(), Value::Mapping(_)) {
            return Err(unknown(node, "`integrity` is not a mapping"));
        }
        if let Some((key, _)) = node.members().find(|(key, _)| !matches!(key.as_str(), Some("scheme" | "tree_sha256")))
        {
            return Err(unknown(key, "`integrity` has a key besides `scheme` and `tree_sha256`"));
        }
        match node.get("scheme") {
            Some(scheme) if scheme.as_str() == Some(TREE_SCHEME) => {}
            Some(scheme) => {
                let found = scheme.as_str().map_or_else(|| scheme.value().kind().to_owned(), str::to_owned);
                return Err(unknown(scheme, "the scheme of `integrity` is unknown").expected(TREE_SCHEME, found));
            }
            None => return Err(unknown(node, "`integrity` has no `scheme`")),
        }
        let digits = node.get("tree_sha256").ok_or_else(|| unknown(node, "`integrity` has no `tree_sha256`"))?;
        let tree = digits
            .as_str()
            .and_then(Digest::from_hex)
            .ok_or_else(|| unknown(digits, "`tree_sha256` is not a string of 64 lower-case hexadecimal digits"))?;
        Ok(Some(Self { tree }))
    }
}

/// The digest that a manifest states about `files`: of every file but the manifest itself and the
/// files that hold signatures.
pub fn covered_digest(files: &FileMap, manifest: ManifestFile) -> Digest {
    files.list_digest(|path| is_covered(path, manifest))
}

/// The list behind [`covered_digest`].
pub fn covered_list(files: &FileMap, manifest: ManifestFile) -> Vec<u8> {
    let mut list = Vec::new();
    files.write_list(|path| is_covered(path, manifest), |piece| list.extend_from_slice(piece.as_bytes()));
    list
}

/// Whether the tree digest covers a file. What it leaves out is bound in other ways: the manifest by
/// the signature, the signatures by their form, the list by being a function of the tree.
pub(crate) fn is_covered(path: &RelPath, manifest: ManifestFile) -> bool {
    path.as_str() != manifest.name() && !is_signature_file(path.as_str())
}

/// Whether a file belongs to the signature and not to what is signed.
pub fn is_signature_file(path: &str) -> bool {
    path == SIGNATURE_FILE || path == FILE_LIST || added_signature(path).is_some()
}

/// The fingerprint of the key whose signature the file of that name claims to hold.
pub fn claimed_signer(path: &str) -> Option<String> {
    added_signature(path).map(|digits| format!("SHA256:{digits}"))
}

/// The 64 digits of `plugin.sig.d/<fingerprint>.sig`.
pub(crate) fn added_signature(path: &str) -> Option<&str> {
    let digits = path.strip_prefix(SIGNATURE_DIRECTORY)?.strip_prefix('/')?.strip_suffix(".sig")?;
    Digest::from_hex(digits).is_some().then_some(digits)
}

/// What a comparison of the stated tree with the present one says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeFinding {
    /// The manifest states no tree: only it and `*.py` are covered.
    NotStated,
    /// Every file is as stated, none is missing, none was added.
    Exact,
    /// Something differs.
    Differs(Box<TreeDifference>),
}

/// How a tree differs from what the manifest states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDifference {
    /// What the manifest states.
    pub stated: Digest,
    /// What the files give.
    pub found: Digest,
    /// Whether the shipped list is the one that was signed, so that files can be named.
    pub list: ListState,
    /// Files with other content, size or executable bit.
    pub changed: Vec<ChangedFile>,
    /// Files that are present and were not signed.
    pub extra: Vec<String>,
    /// Files that were signed and are not present.
    pub missing: Vec<String>,
}

/// Whether the differing files can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListState {
    /// The list has the stated digest.
    Intact,
    /// There is no list.
    Missing,
    /// There is a list with another digest.
    Changed,
}

/// One file, as it was signed and as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its name.
    pub path: String,
    /// As signed.
    pub signed: FileEntry,
    /// As it is.
    pub found: FileEntry,
}

/// Compares what the manifest states with what is there. `strange` are entries that no list can name.
pub(crate) fn compare(
    integrity: Option<Integrity>,
    files: &FileMap,
    manifest: ManifestFile,
    strange: &[String],
    list: Option<&[u8]>,
) -> TreeFinding {
    let Some(Integrity { tree: stated }) = integrity else { return TreeFinding::NotStated };
    let found = covered_digest(files, manifest);
    // By the digest of the whole file: of a very long list only the beginning is at hand.
    let shipped = RelPath::parse(FILE_LIST).ok().and_then(|path| files.get(&path)).map(|entry| entry.digest);
    let state = match shipped.or_else(|| list.map(Digest::of)) {
        None => ListState::Missing,
        Some(digest) if digest == stated => ListState::Intact,
        Some(_) => ListState::Changed,
    };
    if found == stated && strange.is_empty() && state != ListState::Changed {
        return TreeFinding::Exact;
    }
    let mut difference = TreeDifference {
        stated,
        found,
        list: state,
        changed: Vec::new(),
        extra: strange.to_vec(),
        missing: Vec::new(),
    };
    let signed = list.filter(|_| state == ListState::Intact).and_then(FileMap::read_list);
    match signed {
        Some(signed) => difference.name_files(&signed, files, manifest),
        None if found == stated && state == ListState::Changed => difference.extra.push(FILE_LIST.to_owned()),
        None => {}
    }
    TreeFinding::Differs(Box::new(difference))
}

impl TreeDifference {
    fn name_files(&mut self, signed: &FileMap, files: &FileMap, manifest: ManifestFile) {
        let present: BTreeMap<_, _> = files.iter().filter(|(path, _)| is_covered(path, manifest)).collect();
        for (path, entry) in signed.iter() {
            match present.get(path) {
                None => self.missing.push(path.to_string()),
                Some(found) if *found == entry => {}
                Some(found) => {
                    self.changed.push(ChangedFile { path: path.to_string(), signed: *entry, found: **found });
                }
            }
        }
        self.extra.extend(present.keys().filter(|path| signed.get(path).is_none()).map(|path| path.to_string()));
        self.extra.sort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8]) -> (RelPath, FileEntry) {
        let entry = FileEntry { digest: Digest::of(content), size: content.len() as u64, executable: false };
        (RelPath::parse(name).expect("a name"), entry)
    }

    #[test]
    fn a_list_of_which_only_the_beginning_is_at_hand_is_judged_whole() {
        let covered = FileMap::from_iter([file("a.py", b"1"), file("rules/b.yaml", b"2")]);
        let list = covered_list(&covered, ManifestFile::Yaml);
        let stated = Some(Integrity { tree: Digest::of(&list) });
        let with_list = |content: &[u8]| {
            covered.iter().map(|(path, entry)| (path.clone(), *entry)).chain([file(FILE_LIST, content)]).collect()
        };
        let beginning = Some(&list[..20]);
        let whole: FileMap = with_list(&list);
        assert_eq!(compare(stated, &whole, ManifestFile::Yaml, &[], beginning), TreeFinding::Exact);
        let TreeFinding::Differs(difference) =
            compare(stated, &with_list(b"other"), ManifestFile::Yaml, &[], Some(b"other"))
        else {
            panic!("another list");
        };
        assert_eq!((difference.list, &difference.extra), (ListState::Changed, &vec![FILE_LIST.to_owned()]));
    }

    #[test]
    fn only_what_sign_writes_belongs_to_the_signature() {
        let digits = "ab".repeat(32);
        for name in ["plugin.sig", "plugin.sig.d/files", &format!("plugin.sig.d/{digits}.sig")] {
            assert!(is_signature_file(name), "{name}");
        }
        for name in [
            "Plugin.sig",
            "sub/plugin.sig",
            "plugin.sig.d/files/x",
            "plugin.sig.d/notes",
            &format!("plugin.sig.d/{}.sig", digits.to_uppercase()),
            &format!("plugin.sig.d/x/{digits}.sig"),
            &format!("plugin.sig.d/{digits}.sig.py"),
            &format!("plugin.sig.d/{}.sig", &digits[..62]),
        ] {
            assert!(!is_signature_file(name), "{name}");
        }
    }
}
