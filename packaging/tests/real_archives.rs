//! The tar archives that people's tools write, by their bytes: the same plugin in the dialect of each. What a
//! tool adds about owners, times and machines lands nowhere, and whatever it does about long names gives one name.

mod common;

use aisoc_manifests::digest::FileDigest;
use aisoc_testkit::archive::{Entry, TarBuilder, gzip, record, sign};
use common::{GZIP, MANIFEST, TAR, accepts, inspect, path, refuses, titled};

/// A name that no field of a header holds, and how far the header's own goes.
const LONG: &str = "demo/rules/a-detection-whose-name-is-longer-than-the-hundred-bytes-that-a-header-has-room-for-\
                    because-it-says-everything.yaml";
const GNU: [u8; 8] = *b"ustar  \0";
/// What is in each archive, below the title.
const FILES: [&str; 3] = [
    "plugin.py",
    "plugin.yaml",
    "rules/a-detection-whose-name-is-longer-than-the-hundred-bytes-that-a-header-has-room-for-because-it-says-\
     everything.yaml",
];

/// A header with fields as that tool writes them, which [`Entry`] writes in another way.
fn edited(entry: &Entry, fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut block = entry.header();
    for (at, bytes) in fields {
        block[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    sign(&mut block);
    let mut bytes = [&block[..], &entry.content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The plugin's entries with what stands before each, and every header with those fields.
fn archive(magic: [u8; 8], before: impl Fn(&str) -> Vec<u8>, fields: &[(usize, &[u8])]) -> TarBuilder {
    let file = |name: &str, content: &str| Entry { magic, ..Entry::file(&name[..name.len().min(100)], content) };
    let entries = [
        ("demo/", Entry { magic, ..Entry::directory("demo/") }),
        ("demo/plugin.py", file("demo/plugin.py", "pass\n")),
        ("demo/plugin.yaml", file("demo/plugin.yaml", MANIFEST)),
        ("demo/rules/", Entry { magic, ..Entry::directory("demo/rules/") }),
        (LONG, file(LONG, "x: 1\n")),
    ];
    entries.iter().fold(TarBuilder::new(), |tar, (name, entry)| tar.raw(&before(name)).raw(&edited(entry, fields)))
}

/// A PAX header with records whose values are bytes.
fn pax(kind: u8, header: &str, records: &str) -> Vec<u8> {
    TarBuilder::new().entry(&Entry { kind, ..Entry::file(header, records) }).unended()
}

/// The long name alone, as PAX has it.
fn pax_path(name: &str) -> String {
    if name.len() > 100 { record("path", name) } else { String::new() }
}

/// The long name alone, as GNU tar has it.
fn long_link(name: &str) -> Vec<u8> {
    let entry = Entry { kind: b'L', magic: GNU, ..Entry::file("././@LongLink", format!("{name}\0")) };
    if name.len() > 100 { TarBuilder::new().entry(&entry).unended() } else { Vec::new() }
}

/// The records in a header before every entry, with the long name among them.
fn recorded(header: &'static str, records: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Vec<u8> {
    move |name| {
        let all: String = records.iter().map(|(key, value)| record(key, value)).collect();
        pax(b'x', header, &(pax_path(name) + &all))
    }
}

/// Writers, and what each of them makes of the plugin.
fn dialects() -> Vec<(&'static str, TarBuilder)> {
    let posix = *b"ustar\x0000";
    let git = pax(b'g', "pax_global_header", &record("comment", "3d5f6c1f0f1b6a1f3c2c7d1c4e2b6a9d8e7f6a5b"));
    let prefix_of = |name: &str| pax(b'x', "3d5f6c1f.paxheader", &pax_path(name));
    let only_long = |name: &str| if name.len() > 100 { prefix_of(name) } else { Vec::new() };
    vec![
        ("GNU tar", archive(GNU, long_link, &[(108, b"0001750\0"), (265, b"alice\0"), (297, b"users\0")])),
        (
            "GNU tar, ids beyond seven digits and a time before 1970",
            archive(
                GNU,
                long_link,
                &[(108, b"\x80\0\0\0\0\x98\x96\x7f"), (136, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfb")],
            ),
        ),
        (
            "GNU tar --format=posix",
            archive(
                posix,
                recorded(
                    "./PaxHeaders/plugin.py",
                    &[("mtime", "1700000000.123456789"), ("atime", "1700000000.1"), ("ctime", "1700000000.1")],
                ),
                &[(265, b"alice\0")],
            ),
        ),
        (
            "GNU tar --xattrs --acls --selinux",
            archive(
                posix,
                recorded(
                    "./PaxHeaders/plugin.py",
                    &[
                        ("SCHILY.acl.access", "user::rw-,group::r--,other::r--"),
                        ("RHT.security.selinux", "unconfined_u:object_r:user_home_t:s0\0"),
                        ("SCHILY.xattr.user.comment", "hello"),
                    ],
                ),
                &[],
            ),
        ),
        (
            "bsdtar of macOS",
            archive(
                posix,
                recorded(
                    "PaxHeader/plugin.py",
                    &[
                        ("SCHILY.fflags", "compressed"),
                        ("LIBARCHIVE.creationtime", "1700000000"),
                        ("mtime", "1700000000.5"),
                        ("LIBARCHIVE.xattr.com.apple.provenance", "AQIAa8LvAAAA"),
                        ("SCHILY.xattr.com.apple.provenance", "\u{1}\u{2}\0k"),
                        ("LIBARCHIVE.xattr.com.apple.metadata:kMDItemWhereFroms", "YnBsaXN0MDA"),
                        ("SCHILY.acl.ace", "group:everyone::deny delete"),
                        ("SCHILY.dev", "16777232"),
                        ("SCHILY.ino", "1152921500312572912"),
                        ("SCHILY.nlink", "1"),
                    ],
                ),
                // Numbers end in a blank.
                &[(100, b"000644 \0"), (108, b"000765 \0"), (116, b"000024 \0"), (136, b"14524200000 ")],
            ),
        ),
        (
            "bsdtar of a machine without a locale",
            archive(posix, recorded("PaxHeader/plugin.py", &[("hdrcharset", "BINARY"), ("uname", "j\u{f6}rg")]), &[]),
        ),
        ("git archive", TarBuilder::new().raw(&git).raw(&archive(posix, only_long, &[(265, b"root\0")]).unended())),
        ("busybox", archive(GNU, long_link, &[(108, b"0000000\0"), (329, b"\0\0\0\0\0\0\0\0")])),
        ("Go", archive(posix, only_long, &[(329, b"0000000\0")])),
        ("Python", archive(posix, recorded("././@PaxHeader", &[("mtime", "1700000000.25")]), &[(265, b"alice\0")])),
        ("7-Zip", archive(GNU, long_link, &[(329, b"\0\0\0\0\0\0\0\0")])),
        (
            ".NET",
            archive(
                posix,
                recorded(
                    "./PaxHeaders.1/plugin.py",
                    &[("mtime", "1700000000"), ("uname", "alice"), ("gname", "users")],
                ),
                &[],
            ),
        ),
    ]
}

#[test]
fn every_writer_gives_the_same_plugin() {
    let mut subjects = Vec::new();
    for (writer, archive) in dialects() {
        // GNU tar and its kind pad to 20 blocks.
        let mut whole = archive.end();
        whole.resize(whole.len().next_multiple_of(10_240), 0);
        let staged =
            inspect(&titled("demo"), TAR, whole.as_slice()).unwrap_or_else(|fault| panic!("{writer}: {fault}"));
        subjects.push((writer, staged.subject()));
        accepts(&titled("demo"), GZIP, &gzip(&whole), &FILES);
        let digest = staged.files().get(&path(FILES[2])).expect(writer).digest;
        assert_eq!(digest, FileDigest::of(b"x: 1\n"), "{writer}");
    }
    for (writer, subject) in &subjects {
        assert_eq!(*subject, subjects[0].1, "{writer} and {}", subjects[0].0);
    }
}

#[test]
fn what_a_writer_adds_that_changes_an_entry_is_refused_in_every_dialect() {
    for (key, value) in [
        ("size", "5"),
        ("linkpath", "plugin.yaml"),
        ("GNU.sparse.realsize", "5"),
        ("SCHILY.realsize", "5"),
        ("SCHILY.filetype", "sparse"),
        ("SCHILY.xattr.security.capability", "\u{1}\0\0\u{2}"),
        ("LIBARCHIVE.xattr.trusted.overlay.opaque", "eQ"),
        ("hdrcharset", "ISO-IR 8859 1 1998"),
        ("unheard.of", "x"),
    ] {
        let header = pax(b'x', "PaxHeader/plugin.py", &record(key, value));
        let layer =
            archive(*b"ustar\x0000", |name| if name.ends_with(".py") { header.clone() } else { long_link(name) }, &[]);
        refuses(&layer.end(), key);
    }
}

#[test]
fn a_header_of_the_oldest_kind_says_too_little_and_is_refused_by_name() {
    let layer = archive(*b"\0\0\0\0\0\0\0\0", long_link, &[]);
    refuses(&layer.end(), "neither the POSIX nor the GNU format");
}
