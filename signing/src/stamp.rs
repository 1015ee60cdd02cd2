//! `stamp`: writes into a manifest what its tree is, and leaves every other byte as its author wrote it.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::file_map::{FileMap, TreeScheme};
use aisoc_manifests::plugin::{Document, ManifestFile, UNSIGNED_KEYS};

use crate::tree::{Covered, DIGITS, INTEGRITY_KEY, Integrity};

/// A manifest that states its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// Its bytes.
    pub manifest: Vec<u8>,
    /// The list whose SHA-256 it states.
    pub list: Vec<u8>,
    /// That SHA-256.
    pub tree: Digest,
}

/// The manifest with the statement what its tree is: `files`, and the manifest itself.
///
/// A statement that is there already is replaced where it stands, one of an older scheme included; else
/// the key is added at the end. What comes out is read again, and must be what went in but for that key.
///
/// # Errors
/// `manifest_*` for a manifest that cannot be read; `integrity_unknown` for a statement in another form;
/// `manifest_invalid` when nothing can be added at the end.
pub fn stamp(file: ManifestFile, manifest: &[u8], files: &FileMap) -> Result<Stamped> {
    let document = Document::read(file, manifest)?;
    refuse_unsigned_keys(&document)?;
    let stated = Integrity::read(&document, manifest)
        .map_err(|fault| fault.hint(format!("remove the key `{INTEGRITY_KEY}`, then sign again")))?;
    // Digits that stand nowhere else, until the right ones are known.
    let digits = Digest::of(manifest).hex();
    let candidates = match (stated, file) {
        (Some(integrity), _) => vec![restated(manifest, integrity, &digits)],
        (None, ManifestFile::Yaml) => vec![appended_block(manifest, &document, &digits), inserted(manifest, &digits)],
        (None, ManifestFile::Json) => vec![inserted(manifest, &digits)],
    };
    let faithful = candidates.into_iter().find_map(|stated| fill(file, stated, &document, files));
    faithful.ok_or_else(|| match stated {
        Some(_) => Fault::new(Reason::ManifestInvalid, format!("`{INTEGRITY_KEY}` in {file} cannot be replaced"))
            .hint(format!("remove the key `{INTEGRITY_KEY}`, then sign again")),
        None => Fault::new(Reason::ManifestInvalid, format!("`{INTEGRITY_KEY}` cannot be added at the end of {file}"))
            .hint("end the file in a newline, without `...` or an open block scalar, then sign again"),
    })
}

/// Puts the digest into a manifest that has other digits in its place; `None` when what comes out would not
/// be read as `document` and that statement.
fn fill(file: ManifestFile, mut manifest: Vec<u8>, document: &Document, files: &FileMap) -> Option<Stamped> {
    let read = |manifest: &[u8]| {
        let again = Document::read(file, manifest).ok()?;
        let stated = Integrity::read(&again, manifest).ok()??;
        let is_same = again.canonical_without(INTEGRITY_KEY).ok() == document.canonical_without(INTEGRITY_KEY).ok();
        (is_same && stated.scheme == TreeScheme::CURRENT).then_some(stated)
    };
    let stated = read(&manifest)?;
    let covered = Covered { scheme: stated.scheme, files, manifest_file: file, blank: stated.blank(&manifest) };
    let list = covered.list();
    let tree = Digest::of(&list);
    manifest[stated.digits_at..stated.digits_at + DIGITS].copy_from_slice(tree.hex().as_bytes());
    let filled = read(&manifest)?;
    let is_filled = filled.tree == tree && filled.digits_at == stated.digits_at;
    is_filled.then_some(Stamped { manifest, list, tree })
}

/// A signature covers no such key, and a signature of the whole tree promises to cover everything.
fn refuse_unsigned_keys(document: &Document) -> Result<()> {
    let key_node = |name: &&str| document.root().members().find(|(key, _)| key.as_str() == Some(name));
    match UNSIGNED_KEYS.iter().find_map(|name| key_node(name).map(|(key, _)| (name, key))) {
        None => Ok(()),
        Some((name, key)) => {
            let message = format!("the top-level key `{name}` is left out of what is signed");
            let location = Location::new(document.file().name(), key.position());
            Err(Fault::new(Reason::UnsignedKey, message).at(location))
        }
    }
}

/// The statement with those digits, and of today's scheme. Edited where it was read, and nowhere else that
/// looks like it.
fn restated(manifest: &[u8], integrity: Integrity, digits: &str) -> Vec<u8> {
    let mut restated = manifest.to_vec();
    restated[integrity.digits_at..integrity.digits_at + DIGITS].copy_from_slice(digits.as_bytes());
    // The names of all schemes are equally long. One that is not written literally is left, and found wanting.
    if let Some(at) = integrity.scheme_at {
        let name = TreeScheme::CURRENT.as_str().as_bytes();
        restated[at..at + name.len()].copy_from_slice(name);
    }
    restated
}

/// A block at the end, indented as the mapping that it joins.
fn appended_block(manifest: &[u8], document: &Document, digits: &str) -> Vec<u8> {
    let newline = if manifest.ends_with(b"\r\n") { "\r\n" } else { "\n" };
    let separator = if manifest.ends_with(b"\n") { "" } else { newline };
    let margin = " ".repeat(document.root().position().column - 1);
    let scheme = TreeScheme::CURRENT.as_str();
    let block = format!(
        "{separator}{margin}{INTEGRITY_KEY}:{newline}{margin}  scheme: {scheme}{newline}{margin}  tree_sha256: \"{digits}\"{newline}"
    );
    [manifest, block.as_bytes()].concat()
}

/// A member before the last brace, on a line of its own where the other members have one.
fn inserted(manifest: &[u8], digits: &str) -> Vec<u8> {
    let Some(brace) = manifest.iter().rposition(|byte| *byte == b'}') else { return Vec::new() };
    let end = manifest[..brace].iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    // Nothing stands between the first member and its brace, and YAML takes a comma after the last one.
    let needs_none = manifest[..end].ends_with(b"{") || manifest[..end].ends_with(b",");
    let comma = if needs_none { "" } else { "," };
    let scheme = TreeScheme::CURRENT.as_str();
    let member = format!("\"{INTEGRITY_KEY}\": {{\"scheme\": \"{scheme}\", \"tree_sha256\": \"{digits}\"}}");
    [&manifest[..end], comma.as_bytes(), &margin(manifest), member.as_bytes(), &manifest[end..]].concat()
}

/// The white space before the first member.
fn margin(manifest: &[u8]) -> Vec<u8> {
    let Some(brace) = manifest.iter().position(|byte| *byte == b'{') else { return Vec::new() };
    let space: Vec<u8> = manifest[brace + 1..].iter().copied().take_while(u8::is_ascii_whitespace).collect();
    if space.is_empty() { b" ".to_vec() } else { space }
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::file_map::FileEntry;
    use aisoc_manifests::path::RelPath;

    use super::*;

    fn stamped(file: ManifestFile, manifest: &str) -> Result<Stamped> {
        let name = RelPath::parse(file.name()).expect("a name");
        let entry = |content: &str| FileEntry { digest: Digest::of(content.as_bytes()), size: 1, executable: false };
        let other = RelPath::parse("a.py").expect("a name");
        stamp(file, manifest.as_bytes(), &FileMap::from_iter([(name, entry(manifest)), (other, entry("x"))]))
    }

    /// The stamped text, with zeros for the digits.
    fn blank(file: ManifestFile, manifest: &str) -> String {
        let stamped = stamped(file, manifest).expect("stamped");
        let text = String::from_utf8(stamped.manifest).expect("text");
        assert_eq!(text.matches(&stamped.tree.hex()).count(), 1, "{text}");
        text.replace(&stamped.tree.hex(), &zeros())
    }

    fn zeros() -> String {
        "0".repeat(64)
    }

    fn block(margin: &str, newline: &str) -> String {
        let zeros = zeros();
        format!(
            "{margin}integrity:{newline}{margin}  scheme: aisoc.tree/v2{newline}{margin}  tree_sha256: \"{zeros}\"{newline}"
        )
    }

    #[test]
    fn appends_a_block_and_keeps_every_other_byte() {
        for (manifest, separator, margin, newline) in [
            ("id: a\nname: b\n", "", "", "\n"),
            ("# c\r\nid: a\r\n", "", "", "\r\n"),
            ("---\nid: a", "\n", "", "\n"),
            ("  id: a\n  tags: [x]\n", "", "  ", "\n"),
            ("id: a\nlist:\n- 1\n- 2\n\n# the end\n", "", "", "\n"),
            ("id: a\ntext: |\n  one\n  two\n", "", "", "\n"),
            ("id: a\ntext: |+\n  one\n\n", "", "", "\n"),
            (&format!("id: a\n# {}\n", zeros()), "", "", "\n"),
        ] {
            let expected = format!("{manifest}{separator}{}", block(margin, newline));
            assert_eq!(blank(ManifestFile::Yaml, manifest), expected, "{manifest:?}");
        }
    }

    #[test]
    fn inserts_a_member_before_the_last_brace() {
        let member = format!("\"integrity\": {{\"scheme\": \"aisoc.tree/v2\", \"tree_sha256\": \"{}\"}}", zeros());
        for (manifest, expected) in [
            ("{\"id\": \"a\"}\n", format!("{{\"id\": \"a\", {member}}}\n")),
            ("{}", format!("{{ {member}}}")),
            ("{\n  \"id\": \"}\"\n}\n", format!("{{\n  \"id\": \"}}\",\n  {member}\n}}\n")),
        ] {
            assert_eq!(blank(ManifestFile::Json, manifest), expected, "{manifest:?}");
        }
        for (manifest, expected) in [
            ("{id: a, name: b}\n", format!("{{id: a, name: b, {member}}}\n")),
            ("{id: a, name: b,}\n", format!("{{id: a, name: b, {member}}}\n")),
        ] {
            assert_eq!(blank(ManifestFile::Yaml, manifest), expected);
        }
    }

    #[test]
    fn the_list_has_a_line_for_the_manifest_without_its_digits() {
        let Stamped { manifest, list, tree } = stamped(ManifestFile::Yaml, "id: a\n").expect("stamped");
        let blank = format!("id: a\n{}", block("", "\n"));
        let line = |content: &str, size: usize, name: &str| {
            format!("{} - {size} {name}\n", Digest::of(content.as_bytes()).hex())
        };
        let expected = format!("aisoc.tree/v2\n{}{}", line("x", 1, "a.py"), line(&blank, blank.len(), "plugin.yaml"));
        assert_eq!(String::from_utf8(list).expect("text"), expected);
        assert_eq!(tree, Digest::of(expected.as_bytes()));
        assert_eq!(manifest, blank.replace(&zeros(), &tree.hex()).into_bytes());
    }

    #[test]
    fn a_stated_digest_is_replaced_where_it_stands() {
        let digits = Digest::of(b"other").hex();
        for scheme in ["aisoc.tree/v1", "aisoc.tree/v2"] {
            let before =
                format!("id: a\nintegrity:\n  scheme: {scheme}\n  tree_sha256: \"{digits}\"\n# after {scheme}\n");
            let again = stamped(ManifestFile::Yaml, &before).expect("stamped");
            let expected = before.replacen(scheme, "aisoc.tree/v2", 1).replace(&digits, &again.tree.hex());
            assert_eq!(String::from_utf8(again.manifest.clone()).expect("text"), expected);
            let text = String::from_utf8(again.manifest.clone()).expect("text");
            assert_eq!(stamped(ManifestFile::Yaml, &text).expect("stamped"), again, "twice is once");
        }
    }

    /// A manifest made of the digits it states would be read once for each of them.
    #[test]
    fn refuses_a_manifest_that_repeats_its_digits() {
        let digits = Digest::of(b"other").hex();
        let stated = format!("id: a\nintegrity: {{scheme: aisoc.tree/v2, tree_sha256: \"{digits}\"}}\n");
        let repeated = stated.clone() + &format!("# {digits}\n").repeat(15_000);
        assert_eq!(stamped(ManifestFile::Yaml, &repeated).expect_err("repeated").reason(), Reason::IntegrityUnknown);
        stamped(ManifestFile::Yaml, &stated).expect("once");
    }

    #[test]
    fn refuses_keys_that_no_signature_covers() {
        for manifest in ["id: a\ntrust: x\n", "signature: {}\nid: a\n"] {
            let fault = stamped(ManifestFile::Yaml, manifest).expect_err(manifest);
            assert_eq!(fault.reason(), Reason::UnsignedKey, "{manifest:?}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_add_to_without_changing_it() {
        for manifest in ["id: a\n...\n", "- a\n", "id: a\ntext: |\n  one"] {
            let fault = stamped(ManifestFile::Yaml, manifest).expect_err(manifest);
            assert_eq!(fault.reason(), Reason::ManifestInvalid, "{manifest:?}");
        }
        for stated in ["x", "{scheme: aisoc.tree/v2, tree_sha256: x}", "{scheme: aisoc.tree/v1}", "[]"] {
            let fault = stamped(ManifestFile::Yaml, &format!("id: a\nintegrity: {stated}\n")).expect_err(stated);
            assert_eq!(fault.reason(), Reason::IntegrityUnknown, "{stated}");
        }
    }
}
