//! Extensions of tar headers: PAX records and GNU long names, as few of them as plugins need.

use crate::fault::Result;
use crate::text;

use super::header::{refuse, shown};

/// What an extension says about the entry that follows it: a name, or nothing that counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extension(
    /// The name in place of the header's own.
    pub Option<Vec<u8>>,
);

/// Records that say nothing about names, kinds or contents: what writers add about owner and time.
const IGNORED: [&str; 11] = [
    "atime",
    "comment",
    "ctime",
    "gid",
    "gname",
    "mtime",
    "uid",
    "uname",
    "LIBARCHIVE.creationtime",
    "SCHILY.dev",
    "SCHILY.ino",
];

/// Reads the records of an `x` header.
///
/// Everything that is not known to be harmless is refused: extended attributes carry file
/// capabilities, `linkpath` and the `GNU.sparse` family change what the entry is. A `size` is needed
/// only beyond 8 GiB, and readers that apply it to the wrong header see entries in what others skip as
/// content, or skip entries that others see (CVE-2025-62518).
///
/// # Errors
/// `unsafe_archive`.
pub fn attributes(content: &[u8]) -> Result<Extension> {
    let mut extension = Extension::default();
    let mut seen: Vec<&str> = Vec::new();
    for (key, value) in records(content)? {
        if seen.contains(&key) {
            return Err(refuse(format!("the PAX record `{}` stands twice", text::shown(key, 80))));
        }
        seen.push(key);
        match key {
            "path" => extension.0 = Some(value.to_vec()),
            _ if IGNORED.contains(&key) => {}
            _ => return Err(refuse(format!("the PAX record `{}` is not one that plugins need", text::shown(key, 80)))),
        }
    }
    Ok(extension)
}

/// Reads a `g` header: `git archive` writes one that holds the commit as a comment. Any other record
/// would hold for the rest of the archive in some readers and be skipped by others.
///
/// # Errors
/// `unsafe_archive`.
pub fn only_comments(content: &[u8]) -> Result<()> {
    match records(content)?.iter().find(|(key, _)| *key != "comment") {
        None => Ok(()),
        Some((key, _)) => Err(refuse(format!("a global header sets `{}`", text::shown(key, 80)))),
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
        let value = &record[equals + 1..];
        if value.is_empty() || value.contains(&0) {
            // An empty value deletes an attribute in some readers and empties it in others.
            return Err(refuse(format!("the PAX record {} has no value", shown(key.as_bytes()))));
        }
        records.push((key, value));
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
            b"25 SCHILY.xattr.user.a=b\n",
            b"22 GNU.sparse.major=1\n",
            b"21 hdrcharset=BINARY\n",
            b"10 size=7\n",
            b"\0\0\0",
            b"5 a\n",
        ] {
            assert!(attributes(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_global_header_may_only_comment() {
        only_comments(b"15 comment=abc\n").expect("as git archive writes");
        assert!(only_comments(b"12 path=a/b\n").is_err());
    }
}
