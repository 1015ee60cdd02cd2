//! What a signature covers beyond the host's contract: every file, through one key of the manifest.
//!
//! The host's signature covers the manifest and `*.py`. A manifest that states the digest of the whole
//! tree extends it to every file, and stays readable to every verifier that knows only the contract.

use std::collections::{BTreeMap, BTreeSet};

use aisoc_manifests::digest::{CoveredTreeDigest, FileDigest};
use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::file_map::{FileEntry, FileMap, TreeScheme, write_list};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{Document, ManifestFile};
use aisoc_manifests::value::{Node, Value};

use crate::bytecode::is_bytecode_of_source;
use crate::key::Fingerprint;
use crate::macos;
use crate::signature::{SIGNATURE_DIRECTORY, SIGNATURE_FILE};

/// The manifest's key.
pub const INTEGRITY_KEY: &str = "integrity";
/// The list that was hashed, shipped so that a refusal can name the file. Never needed to verify.
pub const FILE_LIST: &str = "plugin.sig.d/files";
/// Hexadecimal digits of `tree_sha256`.
pub(crate) const DIGITS: usize = 64;

/// What the manifest states about the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Integrity {
    /// What the list covers.
    pub(crate) scheme: TreeScheme,
    /// SHA-256 of the list of all covered files.
    pub(crate) tree: CoveredTreeDigest,
    /// Which byte of the manifest the first of its digits is.
    pub(crate) digits_at: usize,
    /// Which byte of the manifest the scheme's name begins at, if it stands there as it is read.
    pub(crate) scheme_at: Option<usize>,
}

impl Integrity {
    /// What `document`, which was read from `manifest`, states; `None` when it states nothing.
    ///
    /// # Errors
    /// `integrity_unknown` for any other form than `{scheme: aisoc.tree/v2, tree_sha256: <64 digits>}`, or
    /// v1: a statement that cannot be checked is not the same as none. The digits must stand in the
    /// manifest as they are read, and once, because the manifest is hashed without them.
    pub(crate) fn read(document: &Document, manifest: &[u8]) -> Result<Option<Self>> {
        let Some(node) = document.root().get(INTEGRITY_KEY) else { return Ok(None) };
        let unknown = |at: Node<'_>, message: &str| {
            Fault::new(Reason::IntegrityUnknown, message).at(Location::new(document.file().name(), at.position()))
        };
        if !matches!(node.value(), Value::Mapping(_)) {
            return Err(unknown(node, "`integrity` is not a mapping"));
        }
        if let Some((key, _)) = node.members().find(|(key, _)| !matches!(key.as_str(), Some("scheme" | "tree_sha256")))
        {
            return Err(unknown(key, "`integrity` has a key besides `scheme` and `tree_sha256`"));
        }
        let scheme = node.get("scheme").ok_or_else(|| unknown(node, "`integrity` has no `scheme`"))?;
        let Some(known) = scheme.as_str().and_then(TreeScheme::find) else {
            let found = scheme.as_str().map_or_else(|| scheme.value().kind().to_owned(), str::to_owned);
            return Err(
                unknown(scheme, "the scheme of `integrity` is unknown").expected(TreeScheme::CURRENT.as_str(), found)
            );
        };
        let digits = node.get("tree_sha256").ok_or_else(|| unknown(node, "`integrity` has no `tree_sha256`"))?;
        let tree = digits
            .as_str()
            .and_then(CoveredTreeDigest::from_hex)
            .ok_or_else(|| unknown(digits, "`tree_sha256` is not a string of 64 lower-case hexadecimal digits"))?;
        let digits_at = literal(document, digits, &tree.hex(), manifest)
            .filter(|_| stands_once(&tree.hex(), manifest))
            .ok_or_else(|| {
                unknown(digits, "the digits of `tree_sha256` do not stand in the manifest literally and once")
            })?;
        let scheme_at = literal(document, scheme, known.as_str(), manifest);
        Ok(Some(Self { scheme: known, tree, digits_at, scheme_at }))
    }

    /// The manifest as the list has it: with zeros in place of the digits, which depend on the list.
    pub(crate) fn blank(&self, manifest: &[u8]) -> BlankManifest {
        let end = self.digits_at + DIGITS;
        let mut hasher = FileDigest::hasher();
        for piece in [&manifest[..self.digits_at], &[b'0'; DIGITS], &manifest[end..]] {
            hasher.update(piece);
        }
        BlankManifest { digest: hasher.finish(), size: manifest.len() as u64 }
    }
}

/// Where in `manifest` the text of `node` stands, if it stands there exactly as it is read: in quotes or
/// without, with no escape, fold or alias between.
fn literal(document: &Document, node: Node<'_>, text: &str, manifest: &[u8]) -> Option<usize> {
    let begin = document.byte_of(node, manifest)?;
    let begin = begin + usize::from(matches!(manifest.get(begin), Some(b'"' | b'\'')));
    manifest.get(begin..)?.starts_with(text.as_bytes()).then_some(begin)
}

/// A second place with these digits would be one that nobody knows which of them is meant.
fn stands_once(digits: &str, manifest: &[u8]) -> bool {
    manifest.windows(digits.len()).filter(|window| *window == digits.as_bytes()).take(2).count() == 1
}

/// The manifest's digest with zeros for the digits of `tree_sha256`, and its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlankManifest {
    pub(crate) digest: FileDigest,
    pub(crate) size: u64,
}

/// The files that a list covers: all but those that hold signatures, and the manifest as its scheme says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Covered<'a> {
    pub(crate) scheme: TreeScheme,
    pub(crate) files: &'a FileMap,
    pub(crate) manifest_file: ManifestFile,
    pub(crate) blank: BlankManifest,
}

impl<'a> Covered<'a> {
    /// In byte order of names.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'a RelPath, FileEntry)> {
        self.files.iter().filter_map(move |(path, entry)| {
            if path.as_str() != self.manifest_file.name() {
                return (!is_signature_file(path.as_str())).then_some((path, *entry));
            }
            let BlankManifest { digest, size } = self.blank;
            (self.scheme == TreeScheme::V2).then_some((path, FileEntry { digest, size, ..*entry }))
        })
    }

    /// The list.
    pub(crate) fn list(self) -> Vec<u8> {
        let mut list = Vec::new();
        write_list(self.scheme, self.entries(), |piece| list.extend_from_slice(piece.as_bytes()));
        list
    }

    /// Its SHA-256.
    pub(crate) fn digest(self) -> CoveredTreeDigest {
        let mut hasher = CoveredTreeDigest::hasher();
        write_list(self.scheme, self.entries(), |piece| hasher.update(piece));
        hasher.finish()
    }
}

/// Whether a file belongs to the signature and not to what is signed.
pub fn is_signature_file(path: &str) -> bool {
    path == SIGNATURE_FILE || path == FILE_LIST || added_signature(path).is_some() || stamped_signer(path).is_some()
}

/// Whether a file holds a timestamp of a signature.
pub fn is_timestamp_file(path: &str) -> bool {
    stamped_signer(path).is_some()
}

/// The file that holds the timestamp of that key's signature, beside it.
pub fn timestamp_place(signer: Fingerprint) -> String {
    format!("{SIGNATURE_DIRECTORY}/{}.tsr", signer.hex())
}

/// The file that holds the signature of that key, among those of several.
pub fn signature_place(signer: Fingerprint) -> String {
    format!("{SIGNATURE_DIRECTORY}/{}.sig", signer.hex())
}

/// The fingerprint of the key whose signature the file of that name claims to hold.
pub fn claimed_signer(path: &str) -> Option<String> {
    added_signature(path).map(|signer| signer.to_string())
}

/// The signer that `plugin.sig.d/<fingerprint>.sig` names.
pub(crate) fn added_signature(path: &str) -> Option<Fingerprint> {
    named_signer(path, ".sig")
}

/// The signer that `plugin.sig.d/<fingerprint>.tsr` names.
pub(crate) fn stamped_signer(path: &str) -> Option<Fingerprint> {
    named_signer(path, ".tsr")
}

fn named_signer(path: &str, suffix: &str) -> Option<Fingerprint> {
    Fingerprint::of_hex(path.strip_prefix(SIGNATURE_DIRECTORY)?.strip_prefix('/')?.strip_suffix(suffix)?)
}

/// What a comparison of the stated tree with the present one says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeFinding {
    /// The manifest states no tree: only it and `*.py` are covered.
    NotStated,
    /// Every file that the scheme covers is as stated, none is missing, none was added.
    Exact(TreeScheme),
    /// Something differs.
    Differs(Box<TreeDifference>),
}

/// How a tree differs from what the manifest states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDifference {
    /// What the manifest states.
    pub stated: CoveredTreeDigest,
    /// What the files give.
    pub found: CoveredTreeDigest,
    /// Whether the shipped list is the one that was signed, so that files can be named.
    pub list: ListState,
    /// Files with other content, size or executable bit.
    pub changed: Vec<ChangedFile>,
    /// Files that are present and were not signed.
    pub extra: Vec<String>,
    /// Files that were signed and are not present.
    pub missing: Vec<String>,
    /// Those of `extra` that stand where Python keeps the bytecode of a source of the tree.
    pub bytecode: BTreeSet<String>,
    /// Those of `extra` that have the names of what macOS adds.
    pub notes_of_macos: BTreeSet<String>,
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

/// Compares what the manifest states with what is there. `extra` are entries that no list can name.
pub(crate) fn compare(
    stated: CoveredTreeDigest,
    covered: Covered<'_>,
    extra: Vec<String>,
    list: Option<&[u8]>,
) -> TreeFinding {
    let found = covered.digest();
    // By the digest of the whole file: of a very long list nothing is at hand.
    let shipped = RelPath::parse(FILE_LIST).ok().and_then(|path| covered.files.get(&path)).map(|entry| entry.digest);
    let state = match shipped {
        None => ListState::Missing,
        Some(digest) if stated.is_of(digest) => ListState::Intact,
        Some(_) => ListState::Changed,
    };
    if found == stated && extra.is_empty() && state != ListState::Changed {
        return TreeFinding::Exact(covered.scheme);
    }
    let mut difference = TreeDifference {
        stated,
        found,
        list: state,
        changed: Vec::new(),
        extra,
        missing: Vec::new(),
        bytecode: BTreeSet::new(),
        notes_of_macos: BTreeSet::new(),
    };
    // What is at hand may be another file than the one that was hashed; only the bytes that were signed count.
    let signed = list.filter(|list| CoveredTreeDigest::of(list) == stated);
    match signed.and_then(|list| FileMap::read_list(covered.scheme, list)) {
        Some(signed) => difference.name_files(&signed, covered),
        None if found == stated && state == ListState::Changed => difference.extra.push(FILE_LIST.to_owned()),
        None => {}
    }
    TreeFinding::Differs(Box::new(difference))
}

impl TreeDifference {
    /// Whether nothing but bytecode of its own sources was added.
    pub fn is_bytecode_alone(&self) -> bool {
        let Self { changed, extra, missing, bytecode, .. } = self;
        changed.is_empty()
            && missing.is_empty()
            && !extra.is_empty()
            && extra.iter().all(|path| bytecode.contains(path))
    }

    fn name_files(&mut self, signed: &FileMap, covered: Covered<'_>) {
        let present: BTreeMap<_, _> = covered.entries().collect();
        for (path, entry) in signed.iter() {
            match present.get(path) {
                None => self.missing.push(path.to_string()),
                Some(found) if found == entry => {}
                Some(found) => {
                    self.changed.push(ChangedFile { path: path.to_string(), signed: *entry, found: *found });
                }
            }
        }
        // A directory whose files are gone is a consequence: what is missing says more.
        let missing = &self.missing;
        self.extra.retain(|name| !(name.ends_with('/') && missing.iter().any(|path| path.starts_with(name))));
        let added = || present.keys().filter(|path| signed.get(path).is_none()).map(|path| path.to_string());
        // What was added vouches for nothing that was added.
        let is_signed = |path: &str| RelPath::parse(path).is_ok_and(|path| signed.get(&path).is_some());
        self.bytecode = added().filter(|path| is_bytecode_of_source(path, is_signed)).collect();
        self.notes_of_macos = added().filter(|path| macos::is_note(path, is_signed)).collect();
        self.extra.extend(added());
        self.extra.sort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, content: &[u8]) -> (RelPath, FileEntry) {
        let entry = FileEntry { digest: FileDigest::of(content), size: content.len() as u64, executable: false };
        (RelPath::parse(name).expect("a name"), entry)
    }

    #[test]
    fn a_list_that_is_too_long_to_be_at_hand_is_judged_by_its_digest() {
        let covered =
            FileMap::from_iter([file("a.py", b"1"), file("plugin.yaml", b"id: a"), file("rules/b.yaml", b"2")]);
        let blank = BlankManifest { digest: FileDigest::of(b"blank"), size: 5 };
        let of = |files| Covered { scheme: TreeScheme::V2, files, manifest_file: ManifestFile::Yaml, blank };
        let list = of(&covered).list();
        let stated = CoveredTreeDigest::of(&list);
        let with_list = |content: &[u8]| -> FileMap {
            covered.iter().map(|(path, entry)| (path.clone(), *entry)).chain([file(FILE_LIST, content)]).collect()
        };
        let whole = with_list(&list);
        assert_eq!(compare(stated, of(&whole), Vec::new(), None), TreeFinding::Exact(TreeScheme::V2));
        let other = with_list(b"other");
        for at_hand in [Some(&b"other"[..]), None] {
            let TreeFinding::Differs(difference) = compare(stated, of(&other), Vec::new(), at_hand) else {
                panic!("another list");
            };
            assert_eq!((difference.list, &difference.extra), (ListState::Changed, &vec![FILE_LIST.to_owned()]));
        }
    }

    fn integrity(manifest: &str) -> Result<Option<Integrity>> {
        Integrity::read(
            &Document::read(ManifestFile::Yaml, manifest.as_bytes()).expect("a manifest"),
            manifest.as_bytes(),
        )
    }

    #[test]
    fn the_digits_are_found_where_they_are_read() {
        let digits = CoveredTreeDigest::of(b"t").hex();
        for manifest in [
            format!("id: a\nintegrity:\n  scheme: aisoc.tree/v2\n  tree_sha256: \"{digits}\"\n"),
            format!(
                "# \u{e9}\u{2028}# \u{fe0f}\r\n\rid: \"\u{1f600}\"\r\nintegrity: {{tree_sha256: '{digits}', scheme: aisoc.tree/v2}}\n"
            ),
            format!("\u{feff}integrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{digits}\"}}\n"),
            format!("integrity: {{scheme: aisoc.tree/v2, tree_sha256: {digits}}}\n"),
        ] {
            let found = integrity(&manifest).expect("known").expect("stated");
            assert_eq!(Some(found.digits_at), manifest.find(&digits), "{manifest:?}");
            assert_eq!(found.scheme_at, manifest.find("aisoc.tree/v2"), "{manifest:?}");
            let blanked = manifest.replace(&digits, &"0".repeat(64));
            let expected = BlankManifest { digest: FileDigest::of(blanked.as_bytes()), size: blanked.len() as u64 };
            assert_eq!(found.blank(manifest.as_bytes()), expected);
        }
    }

    #[test]
    fn digits_that_do_not_stand_there_literally_and_once_are_unknown() {
        let digits = CoveredTreeDigest::of(b"t").hex();
        let escaped = format!("\\x{:02x}{}", digits.as_bytes()[0], &digits[1..]);
        for manifest in [
            format!("integrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{digits}\"}} # {digits}\n"),
            format!("# {digits}\nintegrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{digits}\"}}\n"),
            format!("x: &d \"{digits}\"\nintegrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{escaped}\"}}\n"),
            format!("integrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{escaped}\"}} # {digits}\n"),
            format!("integrity:\n  scheme: aisoc.tree/v2\n  tree_sha256: >-\n    {digits}\n"),
            format!("integrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{}\\\n{}\"}}\n", &digits[..9], &digits[9..]),
        ] {
            assert_eq!(integrity(&manifest).expect_err(&manifest).reason(), Reason::IntegrityUnknown, "{manifest:?}");
        }
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
