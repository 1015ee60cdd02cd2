//! Extensions of tar headers: PAX records and GNU long names, as few of them as plugins need.

use std::collections::BTreeSet;

use crate::fault::Result;

use super::header::{refuse, shown};

/// What an extension says about the entry that follows it: a name, or nothing that counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extension(
    /// The name in place of the header's own.
    pub Option<Vec<u8>>,
);

/// Records that say nothing about names, kinds or contents: what writers add about owner and time, about the
/// inode that they read, and about who may read it. None of it lands.
const IGNORED: [&str; 17] = [
    "atime",
    "comment",
    "ctime",
    "gid",
    "gname",
    "mtime",
    "uid",
    "uname",
    "LIBARCHIVE.creationtime",
    "RHT.security.selinux",
    "SCHILY.acl.access",
    "SCHILY.acl.ace",
    "SCHILY.acl.default",
    "SCHILY.dev",
    "SCHILY.fflags",
    "SCHILY.ino",
    "SCHILY.nlink",
];

/// How the two writers of extended attributes begin their records: bsdtar writes both, star, GNU tar and Go
/// the second.
const ATTRIBUTES: [&str; 2] = ["LIBARCHIVE.xattr.", "SCHILY.xattr."];
/// Attributes that Linux itself acts on. A file that needs one is no file of a plugin.
const RIGHTS: [&str; 3] = ["security.", "system.", "trusted."];
/// Attributes in which a file system keeps a content, or the whole of a directory, other than the one that is read:
/// overlayfs where users may mount it, macOS where it compresses (the flag for that says nothing without it).
const CONTENTS: [&str; 3] = ["user.overlay.", "com.apple.decmpfs", "com.apple.ResourceFork"];
/// What some readers look for anywhere in a header, values of other records among it.
const CHARSET: &[u8] = b"hdrcharset=";
/// The only ones of them that say what a machine made of the file, and not what it may do.
const LABELS: [&str; 3] = ["security.selinux", "security.ima", "security.evm"];

/// How names are encoded, as POSIX has it unless a record says otherwise, and as bsdtar says that it is not sure.
const UTF_8: &[u8] = b"ISO-IR 10646 2000 UTF-8";
const BINARY: &[u8] = b"BINARY";

/// Reads the records of an `x` header.
///
/// Read over is what changes nothing that lands, for no attribute, owner or time is written. Everything that is
/// not known to be harmless is refused: file capabilities give rights, `linkpath` and the `GNU.sparse` family
/// change what the entry is. A `size` is needed only beyond 8 GiB, and readers that apply it to the wrong header
/// see entries in what others skip as content, or skip entries that others see (CVE-2025-62518).
///
/// # Errors
/// `unsafe_archive`.
pub fn attributes(content: &[u8]) -> Result<Extension> {
    let mut extension = Extension::default();
    let mut charset = UTF_8;
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for (key, value) in records(content)? {
        if !seen.insert(key) {
            return Err(refuse(format!("the PAX record {} stands twice", shown(key.as_bytes()))));
        }
        match key {
            "path" => extension.0 = Some(plain(key, value)?.to_vec()),
            "hdrcharset" => charset = value,
            _ if value.windows(CHARSET.len()).any(|part| part == CHARSET) => {
                return Err(refuse(format!("the PAX record {} hides another one", shown(key.as_bytes()))));
            }
            _ if IGNORED.contains(&key) || is_harmless_attribute(key) => {}
            _ => return Err(refuse(format!("the PAX record {} is not one that plugins need", shown(key.as_bytes())))),
        }
    }
    require_one_reading(charset, extension.0.as_deref())?;
    Ok(extension)
}

/// Whether a key names an extended attribute that no system takes a right or a content from. A name that one reader decodes
/// (`%2E`), or that hides a line for a reader that looks for lines, is none.
fn is_harmless_attribute(key: &str) -> bool {
    let Some(name) = ATTRIBUTES.iter().find_map(|family| key.strip_prefix(family)) else { return false };
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    let is_acted_on = RIGHTS.iter().chain(&CONTENTS).any(|space| name.starts_with(space));
    is_plain && (LABELS.contains(&name) || !is_acted_on)
}

/// A name in another encoding, or of bytes in none, is one name here and another where the encoding is obeyed.
fn require_one_reading(charset: &[u8], path: Option<&[u8]>) -> Result<()> {
    match charset {
        UTF_8 => Ok(()),
        BINARY if path.is_none_or(<[u8]>::is_ascii) => Ok(()),
        _ => Err(refuse(format!("the PAX record `hdrcharset` says that names are in {}", shown(charset)))
            .hint("have the publisher package it with `aisoc plugin package DIR --out NAME.tar`, or set `LC_ALL=C.UTF-8` for its `tar`")),
    }
}

/// An empty value deletes an attribute in some readers and empties it in others, and a NUL ends it in some.
fn plain<'a>(key: &str, value: &'a [u8]) -> Result<&'a [u8]> {
    match value.is_empty() || value.contains(&0) {
        true => Err(refuse(format!("the PAX record {} has no value", shown(key.as_bytes())))),
        false => Ok(value),
    }
}

/// Reads a `g` header: `git archive` writes one that holds the commit as a comment. Any other record
/// would hold for the rest of the archive in some readers and be skipped by others.
///
/// # Errors
/// `unsafe_archive`.
pub fn only_comments(content: &[u8]) -> Result<()> {
    match records(content)?.iter().find(|(key, _)| *key != "comment") {
        None => Ok(()),
        Some((key, _)) => Err(refuse(format!("a global header sets {}", shown(key.as_bytes())))),
    }
}

/// Reads an `L` header: the name and its NUL.
pub fn long_name(mut content: Vec<u8>) -> Extension {
    if content.last() == Some(&0) {
        content.pop();
    }
    Extension(Some(content))
}

/// Splits `LENGTH KEY=VALUE\n` records. A length that does not end at a newline is where readers part.
fn records(content: &[u8]) -> Result<Vec<(&str, &[u8])>> {
    let malformed = || refuse("a PAX record is malformed");
    let mut records = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let blank = rest.iter().take(8).position(|byte| *byte == b' ').ok_or_else(malformed)?;
        let length = usize::try_from(decimal(&rest[..blank])?).map_err(|_| malformed())?;
        if length <= blank + 1 || length > rest.len() {
            return Err(malformed());
        }
        let (record, after) = rest.split_at(length);
        let record = record[blank + 1..].strip_suffix(b"\n").ok_or_else(malformed)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
        let key = str::from_utf8(&record[..equals]).map_err(|_| malformed())?;
        records.push((key, &record[equals + 1..]));
        rest = after;
    }
    Ok(records)
}

fn decimal(digits: &[u8]) -> Result<u64> {
    let plain = !digits.is_empty() && digits.len() <= 18 && digits.iter().all(u8::is_ascii_digit);
    match plain {
        true => Ok(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))),
        false => Err(refuse(format!("the PAX number {} is malformed", shown(digits)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_path_and_passes_over_times() {
        let read = attributes(b"12 path=a/b\n20 mtime=1700000000\n").expect("valid");
        assert_eq!(read, Extension(Some(b"a/b".to_vec())));
    }

    #[test]
    fn refuses_records_that_readers_read_differently() {
        for bad in [
            &b"13 path=name"[..],
            b"8 path=\n",
            b"10 path=ab\n",
            b"12 path=a/b\n12 path=a/c\n",
            b"12 path=a\0b\n",
            b"-1 path=a/b\n",
            b"+12 path=a/b\n",
            b"012345678 path=a/b\n",
            b"14 linkpath=a\n",
            b"22 GNU.sparse.major=1\n",
            b"10 size=7\n",
            b"\0\0\0",
            b"5 a\n",
        ] {
            assert!(attributes(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn refuses_attributes_that_are_a_content_and_values_that_hide_a_record() {
        for (key, value) in [
            ("SCHILY.xattr.user.overlay.opaque", &b"y"[..]),
            ("SCHILY.xattr.user.overlay.redirect", b"/etc"),
            ("LIBARCHIVE.xattr.com.apple.decmpfs", b"ZnBtYw"),
            ("SCHILY.xattr.com.apple.ResourceFork", b"x"),
            ("SCHILY.xattr.user.a", b"\n21 hdrcharset=BINARY\n"),
            ("comment", b"21 hdrcharset=BINARY"),
        ] {
            assert!(attributes(&record(key, value)).is_err(), "{key}");
        }
        for (key, value) in [
            ("SCHILY.xattr.user.overlays", &b"y"[..]),
            ("SCHILY.fflags", b"nodump"),
            ("SCHILY.fflags", b"hidden,compressed"),
            ("SCHILY.xattr.user.a", b"hdrcharset"),
        ] {
            assert!(attributes(&record(key, value)).is_ok(), "{key}");
        }
    }

    /// One record.
    fn record(key: &str, value: &[u8]) -> Vec<u8> {
        let rest = key.len() + value.len() + 3;
        let length = (1..6).map(|digits| rest + digits).find(|length| length.to_string().len() == length - rest);
        let head = format!("{} {key}=", length.expect("a length"));
        [head.as_bytes(), value, b"\n"].concat()
    }

    #[test]
    fn what_a_mac_notes_about_a_file_changes_nothing_that_lands() {
        let written = [
            record("path", b"demo/plugin.py"),
            record("mtime", b"1700000000.123456789"),
            record("LIBARCHIVE.creationtime", b"1700000000"),
            record("LIBARCHIVE.xattr.com.apple.provenance", b"AQIAa8Lv"),
            // The other family has the bytes as they are.
            record("SCHILY.xattr.com.apple.provenance", b"\x01\x02\x00k\n12 path=a/b\n"),
            record("SCHILY.xattr.com.apple.metadata:kMDItemWhereFroms", b""),
            record("SCHILY.fflags", b"hidden"),
            record("SCHILY.acl.ace", b"group:everyone::deny delete"),
            record("SCHILY.dev", b"16777232"),
            record("SCHILY.nlink", b"1"),
        ]
        .concat();
        assert_eq!(attributes(&written).expect("harmless"), Extension(Some(b"demo/plugin.py".to_vec())));
    }

    #[test]
    fn an_attribute_that_gives_rights_or_has_two_names_is_refused() {
        for (name, is_taken) in [
            ("user.comment", true),
            ("com.dropbox.attrs", true),
            ("security.selinux", true),
            ("security.ima", true),
            ("security.capability", false),
            ("security.capability.v3", false),
            ("system.posix_acl_access", false),
            ("trusted.overlay.opaque", false),
            ("security%2Ecapability", false),
            ("user.a\n12 path", false),
            ("user.\u{e9}", false),
            ("", false),
        ] {
            for family in ATTRIBUTES {
                let key = format!("{family}{name}");
                assert_eq!(attributes(&record(&key, b"x")).is_ok(), is_taken, "{key}");
                assert!(only_comments(&record(&key, b"x")).is_err(), "{key} for a whole archive");
            }
        }
        for key in
            ["LIBARCHIVE.symlinktype", "SCHILY.realsize", "SCHILY.filetype", "SUN.holesdata", "xattr.user.a", "Path"]
        {
            assert!(attributes(&record(key, b"x")).is_err(), "{key}");
        }
    }

    #[test]
    fn names_are_in_utf_8_whatever_a_record_says() {
        for (charset, path, is_taken) in [
            (UTF_8, "demo/\u{e9}.py", true),
            (BINARY, "demo/e.py", true),
            (BINARY, "demo/\u{e9}.py", false),
            (b"ISO-IR 8859 1 1998", "demo/e.py", false),
            (b"", "demo/e.py", false),
        ] {
            let records = [record("hdrcharset", charset), record("path", path.as_bytes())].concat();
            assert_eq!(attributes(&records).is_ok(), is_taken, "{path} in {}", charset.escape_ascii());
        }
        assert!(attributes(&record("hdrcharset", BINARY)).is_ok(), "of a name that the header holds");
    }

    #[test]
    fn a_global_header_may_only_comment() {
        only_comments(b"15 comment=abc\n").expect("as git archive writes");
        assert!(only_comments(b"12 path=a/b\n").is_err());
    }
}
