//! Extensions, numbers and checksums: the places where two readers of one header see two entries.

use super::corpus::{Corpus, Fate, GNU, TAR, TITLE, benign, long_name, with};
use crate::archive::{Entry, TarBuilder, record, sign};

pub(super) fn add(corpus: &mut Corpus) {
    sizes(corpus);
    extensions(corpus);
    globals(corpus);
    sparse(corpus);
    checksums(corpus);
    owners_and_times(corpus);
}

/// The plugin and a header of the file `demo/x` that `change` has edited, with a right checksum.
fn edited(change: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut block = Entry::file("demo/x", "").header();
    change(&mut block);
    sign(&mut block);
    benign().raw(&block).end()
}

fn sizes(corpus: &mut Corpus) {
    let hidden = TarBuilder::new().file("demo/evil.py", "evil\n").end();
    for (pax, header) in [("1024", 0), ("0", 5), ("512", 1536), ("1", 1), ("0", hidden.len())] {
        let content = if header == hidden.len() { hidden.clone() } else { vec![b'x'; header] };
        let layer = with(&[Entry::pax(b'x', &[("size", pax)]), Entry::file("demo/x", content)]);
        corpus.refused(116, format!("a record says {pax}, the header {header}"), layer, "`size`");
    }
    let path_first = [Entry::pax(b'x', &[("path", "demo/y"), ("size", "512")]), Entry::file("demo/x", hidden.clone())];
    corpus.refused(116, "a size behind a path", with(&path_first), "`size`");
    let extended = Entry { size: 512, ..Entry::pax(b'x', &[("size", "1024")]) };
    corpus.refused(116, "an extension that is larger than its records", with(&[extended]), "");
    let directory = Entry { size: 512, content: vec![0; 512], ..Entry::directory("demo/d/") };
    corpus.refused(116, "a directory with content", with(&[directory]), "has content");
}

fn extensions(corpus: &mut Corpus) {
    let path = Entry::pax(b'x', &[("path", "demo/a")]);
    let gnu = long_name(b"demo/b");
    let file = Entry::file("demo/x", "");
    let raw = |content: &[u8]| Entry { kind: b'x', ..Entry::file("PaxHeaders/x", content) };
    for (what, entries, word) in [
        ("two PAX headers", vec![path.clone(), path.clone(), file.clone()], "extends another"),
        ("PAX before a GNU long name", vec![path.clone(), gnu.clone(), file.clone()], "extends another"),
        ("a GNU long name before PAX", vec![gnu.clone(), path.clone(), file.clone()], "extends another"),
        ("a PAX header at the end", vec![path.clone()], "ends where"),
        ("a GNU long name at the end", vec![gnu], "ends where"),
        (
            "two paths in one header",
            vec![Entry::pax(b'x', &[("path", "demo/a"), ("path", "demo/b")]), file.clone()],
            "twice",
        ),
        ("an unterminated record", vec![raw(b"16 path=demo/aaa"), file.clone()], "malformed"),
        ("a record without a value", vec![raw(b"8 path=\n"), file.clone()], "no value"),
        ("a record with a NUL", vec![raw(b"18 path=demo/a\0bc\n"), file.clone()], "no value"),
        ("a record that is too short", vec![raw(b"5 path=demo/a\n"), file.clone()], "malformed"),
        ("a record that is too long", vec![raw(b"99 path=demo/a\n"), file.clone()], "malformed"),
        ("a negative length", vec![raw(b"-1 path=demo/a\n"), file.clone()], "malformed"),
        ("a length with a sign", vec![raw(b"+15 path=demo/a\n"), file.clone()], "malformed"),
        ("a length of zero", vec![raw(b"0 path=demo/a\n"), file.clone()], "malformed"),
        ("NULs in place of records", vec![raw(&[0; 64]), file.clone()], ""),
        (
            "another character set",
            vec![Entry::pax(b'x', &[("hdrcharset", "ISO-IR 8859 1 1998")]), file.clone()],
            "hdrcharset",
        ),
        (
            "a name in none",
            vec![Entry::pax(b'x', &[("hdrcharset", "BINARY"), ("path", "demo/\u{e9}")]), file.clone()],
            "hdrcharset",
        ),
        ("an unknown record", vec![Entry::pax(b'x', &[("VENDOR.secret", "1")]), file.clone()], "VENDOR.secret"),
        (
            "an extension of 20,000 bytes",
            vec![raw(record("comment", &"x".repeat(20_000)).as_bytes()), file.clone()],
            "extension is larger",
        ),
        ("a link behind a PAX header", vec![path, Entry::special("demo/l", b'2', "..")], "link"),
    ] {
        corpus.refused(117, what, with(&entries), word);
    }
    corpus.refused(117, "no magic", edited(|block| block[257..265].fill(0)), "neither the POSIX nor the GNU");
    corpus.refused(117, "half a magic", edited(|block| block[262] = b' '), "neither the POSIX nor the GNU");
    let prefixed = Entry { magic: GNU, prefix: b"demo".to_vec(), ..Entry::file("demo/x", "") };
    corpus.refused(117, "a prefix in a GNU header", with(&[prefixed]), "GNU header");
    corpus.refused(117, "text behind the prefix", edited(|block| block[400] = b'x'), "goes on");
}

fn globals(corpus: &mut Corpus) {
    for key in ["path", "linkpath", "size", "mtime", "uid", "GNU.sparse.name", "SCHILY.xattr.user.x"] {
        let global = Entry::pax(b'g', &[(key, "1")]);
        let first = TarBuilder::new().entry(&global).raw(&with(&[])).unended();
        corpus.refused(118, format!("`{key}` at the beginning"), first, key);
        corpus.refused(118, format!("`{key}` before a file"), with(&[global, Entry::file("demo/x", "")]), key);
    }
}

fn sparse(corpus: &mut Corpus) {
    for (what, records) in [
        ("version 0.0", &[("GNU.sparse.size", "1099511627776"), ("GNU.sparse.numblocks", "1")][..]),
        ("version 0.1", &[("GNU.sparse.map", "0,1"), ("GNU.sparse.size", "1099511627776")]),
        ("version 1.0", &[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "1099511627776")]),
        ("another name", &[("GNU.sparse.name", "../evil")]),
    ] {
        let layer = with(&[Entry::pax(b'x', records), Entry::file("demo/x", "x")]);
        corpus.refused(119, format!("a sparse file of {what}"), layer, "GNU.sparse");
    }
    corpus.refused(119, "an old GNU sparse file", with(&[Entry::special("demo/x", b'S', "")]), "sparse");
    for (what, field) in [
        ("base-256", *b"\x80\0\0\0\0\0\0\0\0\0\0\x01"),
        ("a huge base-256 number", *b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ("a negative base-256 number", *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("a negative number", *b"-0000000001\0"),
        ("a decimal number", *b"00000000009\0"),
        ("a hexadecimal number", *b"0x000000010\0"),
        ("a number with a gap", *b"0000 000001\0"),
    ] {
        let layer = edited(|block| block[124..136].copy_from_slice(&field));
        corpus.refused(119, format!("a size in {what}"), layer, "octal");
    }
    let huge = Entry { size: (8 << 30) - 1, ..Entry::file("demo/huge", "") };
    corpus.refused(119, "a size of 8 GiB", with(&[huge]), "larger than");
    let absent = Entry { size: 3 << 30, ..Entry::file("demo/huge", "") };
    corpus.refused(119, "a size whose content never comes", with(&[absent]), "ends early");
}

fn checksums(corpus: &mut Corpus) {
    let archive = benign().end();
    for at in [0, 99, 100, 124, 135, 136, 156, 157, 257, 263, 265, 329, 345, 499, 511] {
        let mut changed = archive.clone();
        changed[512 + at] ^= 0x40;
        corpus.refused(121, format!("byte {at} of a header changed"), changed, "");
    }
    for field in
        [*b"000000\0 ", *b"777777\0 ", *b"        ", *b"\0\0\0\0\0\0\0\0", *b"\xff\xff\xff\xff\xff\xff\xff\xff"]
    {
        let mut changed = archive.clone();
        changed[512 + 148..512 + 156].copy_from_slice(&field);
        corpus.refused(121, format!("the checksum {}", field.escape_ascii()), changed, "checksum");
    }
}

fn owners_and_times(corpus: &mut Corpus) {
    let noted = |key: &str| with(&[Entry::pax(b'x', &[(key, "x")]), Entry::file("demo/x", "x")]);
    for key in
        ["SCHILY.xattr.security.capability", "LIBARCHIVE.xattr.trusted.x", "SCHILY.xattr.system.posix_acl_access"]
    {
        corpus.refused(129, key, noted(key), key);
    }
    let titled = (Some(TITLE), TAR);
    for key in ["SCHILY.acl.access", "LIBARCHIVE.xattr.com.apple.provenance", "RHT.security.selinux"] {
        corpus.add(129, key, titled, noted(key), Fate::Normalised);
    }
    let foreign = with(&[
        Entry::pax(b'x', &[("uid", "0"), ("gid", "0"), ("uname", "root"), ("gname", "\u{1b}[2J")]),
        Entry::file("demo/x", "x"),
    ]);
    corpus.add(129, "owners", titled, foreign, Fate::Normalised);
    for time in ["-315619200", "1099511627776.5", "NaN", "99999999999999999999"] {
        let layer = with(&[Entry::pax(b'x', &[("mtime", time)]), Entry::file("demo/x", "x")]);
        corpus.add(130, format!("the time {time}"), titled, layer, Fate::Normalised);
    }
    for (what, field) in [("77777777777", *b"77777777777\0"), ("of base 256", [0xff; 12])] {
        let layer = edited(|block| block[136..148].copy_from_slice(&field));
        corpus.add(130, format!("a time {what}"), titled, layer, Fate::Normalised);
    }
}
