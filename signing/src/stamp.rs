//! `stamp`: writes into a manifest what its tree is, and leaves every other byte as its author wrote it.

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::file_map::TREE_SCHEME;
use aisoc_manifests::plugin::{Document, ManifestFile, UNSIGNED_KEYS};

use crate::tree::{INTEGRITY_KEY, Integrity};

/// The manifest with the statement that its tree has the digest `tree`.
///
/// A digest that is stated already is replaced where it stands; else the key is added at the end. What
/// comes out is read again, and must be what went in but for that key.
///
/// # Errors
/// `manifest_*` for a manifest that cannot be read; `integrity_unknown` for a statement in another form;
/// `manifest_invalid` when nothing can be added at the end.
pub fn stamp(file: ManifestFile, manifest: &[u8], tree: Digest) -> Result<Vec<u8>> {
    let document = Document::read(file, manifest)?;
    refuse_unsigned_keys(&document)?;
    let stated = Integrity::read(&document)
        .map_err(|fault| fault.hint(format!("remove the key `{INTEGRITY_KEY}`, then sign again")))?;
    let candidates = match (stated, file) {
        (Some(integrity), _) if integrity.tree == tree => return Ok(manifest.to_vec()),
        (Some(integrity), _) => replaced(manifest, integrity.tree, tree),
        (None, ManifestFile::Yaml) => vec![appended_block(manifest, &document, tree), inserted(manifest, tree)],
        (None, ManifestFile::Json) => vec![inserted(manifest, tree)],
    };
    let is_faithful = |stamped: &Vec<u8>| {
        Document::read(file, stamped).is_ok_and(|again| {
            Integrity::read(&again).is_ok_and(|found| found == Some(Integrity { tree }))
                && again.canonical_without(INTEGRITY_KEY).ok() == document.canonical_without(INTEGRITY_KEY).ok()
        })
    };
    candidates.into_iter().find(is_faithful).ok_or_else(|| {
        Fault::new(Reason::ManifestInvalid, format!("`{INTEGRITY_KEY}` cannot be added at the end of {file}"))
            .hint("end the file in a newline, without `...` or an open block scalar, then sign again")
    })
}

/// A signature covers no such key, and a signature of the whole tree promises to cover everything.
fn refuse_unsigned_keys(document: &Document) -> Result<()> {
    let key_node = |name: &&str| document.root().members().find(|(key, _)| key.as_str() == Some(name));
    match UNSIGNED_KEYS.iter().find_map(|name| key_node(name).map(|(key, _)| (name, key))) {
        None => Ok(()),
        Some((name, key)) => {
            let message = format!("the top-level key `{name}` is left out of what is signed");
            let location = key.position().in_file(document.file().name());
            Err(Fault::new(Reason::UnsignedKey, message).at(location))
        }
    }
}

/// The digits in another place than the statement would show when the result is read again.
fn replaced(manifest: &[u8], old: Digest, new: Digest) -> Vec<Vec<u8>> {
    let (old, new) = (old.hex(), new.hex());
    let places = manifest.windows(old.len()).enumerate().filter(|(_, window)| *window == old.as_bytes());
    places.map(|(at, _)| [&manifest[..at], new.as_bytes(), &manifest[at + old.len()..]].concat()).collect()
}

/// A block at the end, indented as the mapping that it joins.
fn appended_block(manifest: &[u8], document: &Document, tree: Digest) -> Vec<u8> {
    let newline = if manifest.ends_with(b"\r\n") { "\r\n" } else { "\n" };
    let separator = if manifest.ends_with(b"\n") { "" } else { newline };
    let margin = " ".repeat(document.root().position().column - 1);
    let block = format!(
        "{separator}{margin}{INTEGRITY_KEY}:{newline}{margin}  scheme: {TREE_SCHEME}{newline}{margin}  tree_sha256: \"{}\"{newline}",
        tree.hex()
    );
    [manifest, block.as_bytes()].concat()
}

/// A member before the last brace, on a line of its own where the other members have one.
fn inserted(manifest: &[u8], tree: Digest) -> Vec<u8> {
    let Some(brace) = manifest.iter().rposition(|byte| *byte == b'}') else { return Vec::new() };
    let end = manifest[..brace].iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |last| last + 1);
    let is_first = manifest[..end].ends_with(b"{");
    let comma = if is_first { "" } else { "," };
    let member = format!("\"{INTEGRITY_KEY}\": {{\"scheme\": \"{TREE_SCHEME}\", \"tree_sha256\": \"{}\"}}", tree.hex());
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
    use super::*;

    fn stamped(file: ManifestFile, manifest: &str) -> Result<String> {
        stamp(file, manifest.as_bytes(), Digest::of(b"t")).map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    fn block(margin: &str, newline: &str) -> String {
        let digits = Digest::of(b"t").hex();
        format!(
            "{margin}integrity:{newline}{margin}  scheme: aisoc.tree/v1{newline}{margin}  tree_sha256: \"{digits}\"{newline}"
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
        ] {
            let expected = format!("{manifest}{separator}{}", block(margin, newline));
            assert_eq!(stamped(ManifestFile::Yaml, manifest).expect("stamped"), expected, "{manifest:?}");
        }
    }

    #[test]
    fn inserts_a_member_before_the_last_brace() {
        let member = format!(
            "\"integrity\": {{\"scheme\": \"aisoc.tree/v1\", \"tree_sha256\": \"{}\"}}",
            Digest::of(b"t").hex()
        );
        for (manifest, expected) in [
            ("{\"id\": \"a\"}\n", format!("{{\"id\": \"a\", {member}}}\n")),
            ("{}", format!("{{ {member}}}")),
            ("{\n  \"id\": \"}\"\n}\n", format!("{{\n  \"id\": \"}}\",\n  {member}\n}}\n")),
        ] {
            assert_eq!(stamped(ManifestFile::Json, manifest).expect("stamped"), expected, "{manifest:?}");
        }
        let flow = stamped(ManifestFile::Yaml, "{id: a, name: b}\n").expect("stamped");
        assert_eq!(flow, format!("{{id: a, name: b, {member}}}\n"));
    }

    #[test]
    fn a_stated_digest_is_replaced_where_it_stands() {
        let other = stamp(ManifestFile::Yaml, b"id: a\n", Digest::of(b"other")).expect("stamped");
        let moved = format!("{}# after\n", String::from_utf8(other).expect("text"));
        let again = stamped(ManifestFile::Yaml, &moved).expect("stamped");
        assert_eq!(again, moved.replace(&Digest::of(b"other").hex(), &Digest::of(b"t").hex()));
        assert_eq!(stamped(ManifestFile::Yaml, &again).expect("stamped"), again, "twice is once");
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
