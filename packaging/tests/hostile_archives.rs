//! Archives that attackers write. Each is refused by the one reader that every command uses, with
//! nothing written: not into the plugins directory, and not beside it.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::fault::Reason;
use aisoc_packaging::{Limits, Staging};
use aisoc_testkit::archive::{Entry, TarBuilder, sign};
use common::{DEMO, TAR, accepts, good, path, refusal_of, refusal_quick, refuses, stage_into, titled, untitled};

// ---- names (rows 102–105, 29–32)

#[test]
fn refuses_names_that_leave_the_directory() {
    for (name, word) in [
        ("../evil", "leaves"),
        ("demo/../../evil", "leaves"),
        ("demo/..", "leaves"),
        ("/tmp/evil", "absolute"),
        ("//tmp/evil", "absolute"),
        ("demo/a\\..\\evil", "backslash"),
        ("C:\\evil", "backslash"),
    ] {
        refuses(&good().file(name, "x").end(), word);
    }
}

#[test]
fn refuses_a_second_spelling_of_a_name() {
    for (name, word) in [
        ("demo/./a", "`.`"),
        ("demo//a", "empty component"),
        ("./demo/a", "`.`"),
        ("", "empty"),
        (".", "`.`"),
        ("demo/a/", "a directory at once"),
    ] {
        refuses(&good().file(name, "x").end(), word);
    }
}

#[test]
fn refuses_names_that_deceive_a_reader() {
    for name in ["demo/a\nb.py", "demo/\u{1b}[2J.py", "demo/\u{202e}yp.x"] {
        refuses(&good().file(name, "x").end(), "text-direction");
    }
    let mut bytes = Entry::file("demo/x", "");
    bytes.name = b"demo/x\xff.py".to_vec();
    refuses(&good().entry(&bytes).end(), "not UTF-8");
}

#[test]
fn refuses_files_outside_of_the_title() {
    for name in ["evil.py", "demon/x.py", "other/plugin.yaml", "demo"] {
        refuses(&good().file(name, "x").end(), "outside of");
    }
    refuses(&good().directory("other/").end(), "outside of");
}

#[test]
fn refuses_deep_and_long_names() {
    let deep = format!("demo/{}", ["d"; 32].join("/"));
    refuses(&good().file(&deep, "x").end(), "deeper");
    let long = Entry::pax(b'x', &[("path", &format!("demo/{}", "f/".repeat(600)))]);
    refuses(&good().entry(&long).file("demo/x", "x").end(), "longer");
    let component = Entry::pax(b'x', &[("path", &format!("demo/{}", "f".repeat(256)))]);
    refuses(&good().entry(&component).file("demo/x", "x").end(), "component longer");
}

#[test]
fn refuses_names_that_are_one_somewhere() {
    refuses(&good().file("demo/Plugin.py", "evil").end(), "one name");
    refuses(&good().file("demo/\u{e9}.py", "").file("demo/e\u{301}.py", "").end(), "one name");
    refuses(&good().file("demo/Sub/a", "").file("demo/sub/b", "").end(), "one name");
}

// ---- kinds (rows 106–112, 119)

#[test]
fn refuses_links_of_every_kind() {
    for (link, target) in
        [("demo/l", "/etc/passwd"), ("demo/l", "plugin.py"), ("demo/l", ".."), ("demo/l", "demo/plugin.py")]
    {
        refuses(&good().entry(&Entry::special(link, b'2', target)).end(), "symbolic link");
        refuses(&good().entry(&Entry::special(link, b'1', target)).end(), "hard link");
    }
    let through = good().entry(&Entry::special("demo/l", b'2', "..")).file("demo/l/evil", "x").end();
    refuses(&through, "symbolic link");
    let pax = good().entry(&Entry::pax(b'x', &[("linkpath", "/etc/passwd")])).file("demo/l", "x").end();
    refuses(&pax, "linkpath");
    let both = Entry { link: b"/etc/passwd".to_vec(), ..Entry::file("demo/l", "x") };
    refuses(&good().entry(&both).end(), "a link at once");
}

#[test]
fn refuses_devices_pipes_and_unknown_kinds() {
    for (kind, word) in [
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "FIFO"),
        (b'7', "unknown"),
        (b'S', "sparse"),
        (b'K', "link"),
        (b'V', "unknown"),
    ] {
        refuses(&good().entry(&Entry::special("demo/x", kind, "")).end(), word);
    }
}

#[test]
fn refuses_a_sparse_file_in_pax_clothes() {
    let sparse = Entry::pax(b'x', &[("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "1099511627776")]);
    refuses(&good().entry(&sparse).file("demo/x", "x").end(), "GNU.sparse");
}

#[test]
fn refuses_extended_attributes() {
    let capability = Entry::pax(b'x', &[("SCHILY.xattr.security.capability", "x")]);
    refuses(&good().entry(&capability).file("demo/x", "x").end(), "xattr");
}

#[test]
fn normalises_modes_owners_and_times() {
    let setuid = Entry { mode: 0o6777, ..Entry::file("demo/tool", "x") };
    let closed = Entry { mode: 0, ..Entry::directory("demo/closed/") };
    let layer = good().entry(&setuid).entry(&closed).file("demo/closed/x", "x").end();
    let plugins = tempfile::tempdir().expect("a directory");
    let staged = stage_into(plugins.path(), &titled("demo"), TAR, layer.as_slice()).expect("staged");
    let (place, name) = staged.into_place();
    let out = place.path().join(name);
    let mode = |name: &str| fs::metadata(out.join(name)).expect("there").permissions().mode() & 0o7777;
    assert_eq!([mode("tool"), mode("closed"), mode("closed/x"), mode("")], [0o755, 0o755, 0o644, 0o755]);
}

// ---- duplicates (rows 113–115)

#[test]
fn refuses_a_name_that_stands_twice() {
    refuses(&good().file("demo/plugin.py", "evil").end(), "twice");
    refuses(&good().directory("demo/").end(), "twice");
    refuses(&good().file("demo/plugin.py/x", "evil").end(), "both a file and a directory");
    refuses(&good().file("demo/sub/x", "").file("demo/sub", "").end(), "both a file and a directory");
    refuses(&good().directory("demo/plugin.py/").end(), "both a file and a directory");
}

#[test]
fn refuses_a_name_that_stands_in_two_layers() {
    let mut staging = Staging::hash_only(Limits::default());
    staging.layer(&titled("demo"), TAR, good().end().as_slice()).expect("the first");
    let second = LayerForm::File { path: path("demo/plugin.py") };
    let fault = staging.layer(&second, "application/octet-stream", &b"evil"[..]).expect_err("the second");
    assert!(fault.message().contains("twice"), "{fault:?}");
}

// ---- headers and extensions (rows 116–118, 121)

#[test]
fn refuses_a_size_beside_the_headers_own() {
    for (pax, header) in [("1024", 0), ("0", 5), ("512", 1536), ("1", 1)] {
        let lie = Entry::file("demo/x", vec![b'x'; header]);
        refuses(&good().entry(&Entry::pax(b'x', &[("size", pax)])).entry(&lie).end(), "`size`");
    }
}

#[test]
fn refuses_ambiguous_extensions() {
    let path_record = Entry::pax(b'x', &[("path", "demo/a")]);
    let long_name = Entry { kind: b'L', ..Entry::file("././@LongLink", "demo/b\0") };
    refuses(&good().entry(&path_record).entry(&path_record).file("demo/x", "").end(), "extends another");
    refuses(&good().entry(&path_record).entry(&long_name).file("demo/x", "").end(), "extends another");
    refuses(&good().entry(&long_name).entry(&path_record).file("demo/x", "").end(), "extends another");
    refuses(&good().entry(&path_record).end(), "ends where");
    refuses(&good().entry(&long_name).end(), "ends where");
    let twice = Entry::pax(b'x', &[("path", "demo/a"), ("path", "demo/b")]);
    refuses(&good().entry(&twice).file("demo/x", "").end(), "twice");
    let unterminated = Entry { kind: b'x', ..Entry::file("PaxHeaders/x", "16 path=demo/aaa") };
    refuses(&good().entry(&unterminated).file("demo/x", "").end(), "malformed");
    let empty = Entry { kind: b'x', ..Entry::file("PaxHeaders/x", "8 path=\n") };
    refuses(&good().entry(&empty).file("demo/x", "").end(), "no value");
    let charset = Entry::pax(b'x', &[("hdrcharset", "BINARY"), ("path", "demo/\u{e9}.py")]);
    refuses(&good().entry(&charset).file("demo/x", "").end(), "hdrcharset");
}

#[test]
fn refuses_global_headers_that_set_anything() {
    for key in ["path", "linkpath", "size", "mtime"] {
        refuses(&TarBuilder::new().entry(&Entry::pax(b'g', &[(key, "1")])).end(), key);
    }
    let git =
        TarBuilder::new().entry(&Entry::pax(b'g', &[("comment", "0123456789abcdef")])).raw(&good().end()).unended();
    accepts(&titled("demo"), TAR, &git, &DEMO);
}

#[test]
fn refuses_headers_that_readers_disagree_on() {
    let with = |change: &dyn Fn(&mut [u8; 512])| {
        let mut block = Entry::file("demo/x", "").header();
        change(&mut block);
        sign(&mut block);
        good().raw(&block).end()
    };
    refuses(&with(&|block| block[90] = b'x'), "goes on");
    refuses(&with(&|block| block[257..265].fill(0)), "neither the POSIX nor the GNU");
    refuses(&with(&|block| block[124] = 0x80), "octal");
    refuses(&with(&|block| block[124..136].fill(0xff)), "octal");
    refuses(&with(&|block| block[124..136].copy_from_slice(b"-0000000001\0")), "octal");
    refuses(&with(&|block| block[100..108].copy_from_slice(b"rw-r--r-")), "octal");
    let mut gnu_prefix = Entry { magic: *b"ustar  \0", ..Entry::file("demo/x", "") };
    gnu_prefix.prefix = b"demo".to_vec();
    refuses(&good().entry(&gnu_prefix).end(), "GNU header");
    let directory = Entry { size: 512, content: vec![0; 512], ..Entry::directory("demo/d/") };
    refuses(&good().entry(&directory).end(), "has content");
}

#[test]
fn refuses_a_wrong_checksum() {
    let archive = good().end();
    for position in (0..512).filter(|position| !(148..156).contains(position)) {
        let mut changed = archive.clone();
        changed[512 + position] ^= 0x40;
        assert_eq!(refusal_quick(&changed).reason(), Reason::UnsafeArchive, "byte {position}");
    }
}

#[test]
fn refuses_the_seven_differential_archives() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vendor/tar");
    let Ok(entries) = fs::read_dir(directory) else {
        eprintln!("SKIPPED: the vendored tar archives are not at {directory}");
        return;
    };
    let mut refused = 0;
    for entry in entries {
        let file = entry.expect("an entry").path();
        if file.extension().is_some_and(|extension| extension == "tar") {
            let bytes = fs::read(&file).expect("read");
            assert_eq!(refusal_of(&untitled(), TAR, &bytes).reason(), Reason::UnsafeArchive, "{}", file.display());
            refused += 1;
        }
    }
    assert_eq!(refused, 7);
}
