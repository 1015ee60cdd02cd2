//! What is read of an archive: each bound below, at and above it, and content to the byte at the borders
//! of blocks and chunks.

mod common;

use std::io::{self, Read};

use aisoc_manifests::artifact::LayerForm;
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::{Reason, Result};
use aisoc_packaging::{Limits, Staged, Staging};
use aisoc_signing::Content;
use aisoc_testkit::archive::{Entry, TarBuilder, record};
use common::{DEMO, MANIFEST, TAR, accepts, good, inspect, path, refusal_of, refuses, stage_into, titled, untitled};

fn walk(archive: &[u8], limits: Limits) -> Result<Staged> {
    let mut staging = Staging::hash_only(limits);
    staging.layer(&titled("demo"), TAR, archive)?;
    staging.finish()
}

#[track_caller]
fn holds(archive: &[u8], within: Limits, beyond: Limits, word: &str) {
    walk(archive, within).expect("at the bound");
    let fault = walk(archive, beyond).err().expect("above the bound");
    assert_eq!(fault.reason(), Reason::UnsafeArchive, "{fault:?}");
    assert!(fault.message().contains(word), "{fault:?} does not say `{word}`");
}

#[test]
fn every_bound_of_an_archive_is_met_at_its_last_byte() {
    let archive = good().file("demo/large", &"x".repeat(3000)).end();
    // The title, which whoever packs does not count, is free.
    let entries = |max_entries| Limits { max_entries, ..Limits::default() };
    holds(&archive, entries(3), entries(2), "more than 2 files and directories");
    let names_of = |max_name_bytes| Limits { max_name_bytes, ..Limits::default() };
    let long = format!("demo/{}", "n".repeat(95));
    let named = good().file(&long, "").end();
    holds(&named, names_of(100 - 65), names_of(100 - 65 - 1), "bytes of names");
    let file = |max_file_bytes| Limits { max_file_bytes, ..Limits::default() };
    holds(&archive, file(3000), file(2999), "`demo/large` is larger than 2999 bytes");
    let total = |max_total_bytes| Limits { max_total_bytes, ..Limits::default() };
    let files = (MANIFEST.len() + "pass\n".len() + 3000) as u64;
    holds(&archive, total(files), total(files - 1), "unpacks to more than");
    // Headers and padding come on top of it, and have a bound of their own.
    let padded = good().file("demo/large", &"x".repeat(3000)).raw(&vec![0; 20_000]).unended();
    let stream = |max_name_bytes| Limits { max_entries: 3, max_name_bytes, ..total(files) };
    let beside = (padded.len() as u64 - files).div_ceil(2) as usize - 3 * 2560 / 2;
    holds(&padded, stream(beside), stream(beside - 1), "unpacks to more than");
}

#[test]
fn headers_that_make_no_entry_count_like_those_that_do() {
    // Three entries, and as many comments as there may be headers beside them.
    let comments = |number| {
        let global = Entry::pax(b'g', &[("comment", "x")]);
        (0..number).fold(TarBuilder::new(), |tar, _| tar.entry(&global)).raw(&good().end()).unended()
    };
    let limits = || Limits { max_entries: 3, ..Limits::default() };
    walk(&comments(3), limits()).expect("six headers");
    let fault = walk(&comments(4), limits()).err().expect("seven headers");
    assert!(fault.message().contains("more than 6 headers"), "{fault:?}");
}

#[test]
fn the_archives_own_top_counts_as_a_header() {
    let tops = |number| (0..number).fold(TarBuilder::new(), |tar, _| tar.directory("./")).file("plugin.yaml", MANIFEST);
    let walk = |archive: TarBuilder| {
        let mut staging = Staging::hash_only(Limits { max_entries: 1, ..Limits::default() });
        staging.layer(&untitled(), TAR, archive.end().as_slice())
    };
    walk(tops(1)).expect("two headers");
    assert!(walk(tops(2)).expect_err("three headers").message().contains("more than 2 headers"));
}

#[test]
fn an_extension_is_held_up_to_its_bound() {
    let bound = Limits::default().max_extension_bytes as usize;
    let comment = |bytes: usize| {
        let content = record("comment", &"x".repeat(bytes - "16384 comment=\n".len()));
        assert_eq!(content.len(), bytes);
        good().entry(&Entry { kind: b'g', ..Entry::file("x", content) }).end()
    };
    accepts(&titled("demo"), TAR, &comment(bound), &DEMO);
    refuses(&comment(bound + 1), "extension is larger than 16384 bytes");
}

#[test]
fn a_layer_that_is_one_file_is_held_to_the_largest_and_to_the_total() {
    let receive = |bytes: usize, limits: Limits| {
        let mut staging = Staging::hash_only(limits);
        staging.layer(&LayerForm::File { path: path("plugin.yaml") }, "t/x", vec![b'x'; bytes].as_slice())?;
        staging.finish().map(|staged| staged.files().total_bytes())
    };
    for (bytes, limits) in [
        (1000, Limits { max_file_bytes: 1000, ..Limits::default() }),
        (1000, Limits { max_total_bytes: 1000, ..Limits::default() }),
        // Larger than a chunk: what counts is the whole, and not the piece.
        (200_000, Limits { max_file_bytes: 200_000, ..Limits::default() }),
    ] {
        assert_eq!(receive(bytes, limits.clone()).expect("at the bound"), bytes as u64);
        assert_eq!(receive(bytes + 1, limits).expect_err("above the bound").reason(), Reason::UnsafeArchive);
    }
    assert_eq!(receive(0, Limits { max_file_bytes: 0, ..Limits::default() }).expect("empty"), 0);
}

// ---- content

#[test]
fn content_is_the_same_to_the_byte_at_every_border() {
    for size in [0, 1, 511, 512, 513, 1023, 1024, 1025, 65_535, 65_536, 65_537, 131_072, 200_001] {
        let content: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
        let layer = good().entry(&Entry::file("demo/x", content.clone())).file("demo/y", "behind it").end();
        let plugins = tempfile::tempdir().expect("a directory");
        let staged = stage_into(plugins.path(), &titled("demo"), TAR, layer.as_slice()).expect("staged");
        let entry = *staged.files().get(&path("x")).expect("there");
        assert_eq!((entry.size, entry.digest), (content.len() as u64, FileDigest::of(&content)));
        let behind = staged.files().get(&path("y")).expect("there").digest;
        assert_eq!(behind, FileDigest::of(b"behind it"), "behind {size} bytes");
        let (place, name) = staged.into_place();
        assert!(std::fs::read(place.path().join(name).join("x")).expect("written") == content, "{size} bytes");
    }
}

#[test]
fn rubbish_in_the_padding_is_nobodys_content() {
    let clean = good().file("demo/x", "short").end();
    let mut dirty = clean.clone();
    let begin = dirty.len() - 1024 - 512;
    assert_eq!(&dirty[begin..begin + 5], b"short");
    dirty[begin + 5..begin + 512].fill(b'#');
    let subject = |archive: &[u8]| inspect(&titled("demo"), TAR, archive).expect("walked").subject();
    assert_eq!(subject(&dirty), subject(&clean));
}

#[test]
fn only_the_owners_right_to_run_a_file_makes_it_executable() {
    for (mode, executable) in
        [(0o100, true), (0o755, true), (0o644, false), (0o011, false), (0, false), (0o6666, false)]
    {
        let layer = good().entry(&Entry { mode, ..Entry::file("demo/tool", "x") }).end();
        let staged = inspect(&titled("demo"), TAR, layer.as_slice()).expect("walked");
        assert_eq!(staged.files().get(&path("tool")).expect("there").executable, executable, "{mode:o}");
    }
}

#[test]
fn a_layer_that_is_one_file_is_never_executable_and_its_name_is_judged_like_any() {
    struct Interrupted<'a>(&'a [u8], bool);
    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(buffer) }
        }
    }
    let file = |name: &str| LayerForm::File { path: path(name) };
    let content = Interrupted(MANIFEST.as_bytes(), false);
    let staged = inspect(&file("plugin.yaml"), "application/yaml", content).expect("taken");
    let entry = staged.files().get(&path("plugin.yaml")).expect("there");
    assert_eq!((entry.digest, entry.executable), (FileDigest::of(MANIFEST.as_bytes()), false));
    for name in ["con.py", "demo/aux", "a/b:c"] {
        assert_eq!(refusal_of(&file(name), "t/x", b"x").reason(), Reason::UnsafeArchive, "{name}");
    }
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let fault = inspect(&file("plugin.yaml"), "t/x", (&b"half"[..]).chain(Broken)).err().expect("broken");
    assert_eq!(fault.reason(), Reason::PullFailed);
}

// ---- names and extensions

#[test]
fn an_extension_names_the_entry_that_follows_and_no_other() {
    let name = Entry::pax(b'x', &[("path", "demo/named.py")]);
    let layer = good().entry(&name).file("demo/x", "named").file("demo/y", "plain").end();
    let staged = inspect(&titled("demo"), TAR, layer.as_slice()).expect("walked");
    let digest = |name: &str| staged.files().get(&path(name)).map(|entry| entry.digest);
    assert_eq!(digest("named.py"), Some(FileDigest::of(b"named")));
    assert_eq!(digest("y"), Some(FileDigest::of(b"plain")));
    assert_eq!(digest("x"), None);
}

#[test]
fn nothing_stands_between_an_extension_and_its_entry() {
    let name = Entry::pax(b'x', &[("path", "demo/a")]);
    let comment = Entry::pax(b'g', &[("comment", "x")]);
    refuses(&good().entry(&name).entry(&comment).file("demo/x", "").end(), "extends another");
    let layer = good().entry(&comment).entry(&name).file("demo/x", "").end();
    accepts(&titled("demo"), TAR, &layer, &["a", "plugin.py", "plugin.yaml"]);
}

#[test]
fn an_extension_that_is_cut_is_no_shorter_extension() {
    let name = Entry::pax(b'x', &[("path", "demo/a")]);
    let archive = good().entry(&name).unended();
    // In the record, and in its padding.
    for missing in [1, 400, 490, 511] {
        let fault = walk(&archive[..archive.len() - missing], Limits::default()).err().expect("cut");
        assert!(fault.message().contains("ends early"), "{fault:?}");
    }
}

#[test]
fn the_top_of_an_archive_is_a_directory_of_an_untitled_one() {
    let manifest = || TarBuilder::new().file("plugin.yaml", MANIFEST);
    for top in ["./", "."] {
        let layer = manifest().directory(top).end();
        accepts(&untitled(), TAR, &layer, &["plugin.yaml"]);
        refuses(&good().directory(top).end(), "`.`");
    }
    for (name, word) in [("././a", "`.`"), ("./", "a directory at once"), (".", "`.`")] {
        let fault = refusal_of(&untitled(), TAR, &manifest().file(name, "x").end());
        assert!(fault.to_string().contains(word), "{name}: {fault:?}");
    }
    let fault = refusal_of(&untitled(), TAR, &manifest().directory("a//").end());
    assert_eq!(fault.reason(), Reason::UnsafeArchive);
}

#[test]
fn a_title_is_a_plugins_id_and_what_is_below_it_are_names() {
    let below = |file: &str| TarBuilder::new().directory("aux/").file("aux/plugin.yaml", MANIFEST).file(file, "").end();
    accepts(&titled("aux"), TAR, &below("aux/x.py"), &["plugin.yaml", "x.py"]);
    let fault = refusal_of(&titled("aux"), TAR, &below("aux/aux"));
    assert!(fault.message().contains("the name `aux` "), "{fault:?}");
    let fault = refusal_of(&untitled(), TAR, &below("aux/x.py"));
    assert!(fault.message().contains("aux"), "what nobody named is a name like any other: {fault:?}");
    refuses(&good().directory("demo/con/").end(), "con");
}

// ---- which directory, and what is held of it

#[test]
fn what_is_held_and_where_it_lies_follow_the_root() {
    let archive = TarBuilder::new()
        .file("outer/plugin.yaml", MANIFEST)
        .file("outer/plugin.sig", "ab")
        .file("beside/plugin.sig", "cd")
        .file("plugin.sig", "ef")
        .end();
    let plugins = tempfile::tempdir().expect("a directory");
    let staged = stage_into(plugins.path(), &untitled(), TAR, archive.as_slice()).expect("staged");
    assert_eq!(staged.root(), Some(&path("outer")));
    assert_eq!(staged.files().len(), 2);
    assert_eq!(staged.manifest().expect("held").1, MANIFEST.as_bytes());
    let claim = staged.claim().expect("a claim");
    assert_eq!(claim.signature(), Some(&Content::Whole(b"ab".to_vec())));
    assert_eq!(claim.tree().signature_files.len(), 1, "those of its neighbours are not its own");
    let (place, name) = staged.into_place();
    assert_eq!(name, "tree/outer");
    assert_eq!(std::fs::read(place.path().join(name).join("plugin.sig")).expect("there"), b"ab");
}

#[test]
fn a_plugin_at_the_top_is_the_tree_itself() {
    let archive = TarBuilder::new().file("plugin.yaml", MANIFEST).file("sub/plugin.yaml", "other").end();
    let plugins = tempfile::tempdir().expect("a directory");
    let staged = stage_into(plugins.path(), &untitled(), TAR, archive.as_slice()).expect("staged");
    assert_eq!((staged.root(), staged.files().len()), (None, 2));
    assert_eq!(staged.manifest().expect("held").1, MANIFEST.as_bytes());
    assert_eq!(staged.into_place().1, "tree");
}
