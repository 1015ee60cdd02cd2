//! Beginnings and ends: cut, continued, inflated without end, of another form, or not one plugin.

use aisoc_manifests::fault::Reason;

use super::corpus::{Corpus, Fate, GZIP, MANIFEST, TAR, TITLE, benign, benign_untitled};
use crate::archive::{Entry, TarBuilder, gzip};

pub(super) fn add(corpus: &mut Corpus) {
    ends(corpus);
    bombs(corpus);
    members(corpus);
    forms(corpus);
    layouts(corpus);
}

fn unsafe_gzip(corpus: &mut Corpus, row: u16, name: impl Into<String>, layer: Vec<u8>, word: &'static str) {
    corpus.add(row, name, (Some(TITLE), GZIP), layer, Fate::Refused(Reason::UnsafeArchive, word));
}

fn ends(corpus: &mut Corpus) {
    let archive = benign().end();
    for length in (1..archive.len() - 512).step_by(307).chain([archive.len() - 512, archive.len() - 1]) {
        corpus.refused(120, format!("cut after {length} bytes"), archive[..length].to_vec(), "");
    }
    let layer = gzip(&archive);
    for length in (1..layer.len() - 8).step_by(23).chain([layer.len() - 8, layer.len() - 1]) {
        unsafe_gzip(corpus, 120, format!("gzip cut after {length} bytes"), layer[..length].to_vec(), "");
    }
    corpus.refused(120, "no end", benign().unended(), "ends early");
    corpus.refused(120, "one block of zeros", benign().raw(&[0; 512]).unended(), "ends early");
    corpus.refused(120, "a byte behind the end", benign().raw(&[0; 1024]).raw(b"x").unended(), "after its end");
    let second = benign().raw(&[0; 1024]).raw(&benign().file("demo/evil.py", "").end()).unended();
    corpus.refused(120, "a second archive", second, "after its end");
    let gap = benign().raw(&[0; 512]).raw(&benign().end()).unended();
    corpus.refused(120, "a second archive behind one block of zeros", gap, "after a block of zeros");
}

fn bombs(corpus: &mut Corpus) {
    let zeros = benign().entry(&Entry::file("demo/zeros", vec![0; 32 << 20])).end();
    unsafe_gzip(corpus, 123, "32 MiB of zeros in a file", gzip(&zeros), "300 times");
    let padding = benign().raw(&vec![0; 32 << 20]).unended();
    unsafe_gzip(corpus, 123, "32 MiB of zeros behind the end", gzip(&padding), "300 times");
    let twice = benign().entry(&Entry::file("demo/bomb.gz", gzip(&zeros))).end();
    let titled = (Some(TITLE), GZIP);
    // What is not unpacked cannot explode: the inner bomb stays a file of a few kilobytes.
    corpus.add(131, "a bomb in a bomb", titled, gzip(&twice), Fate::Normalised);
}

fn members(corpus: &mut Corpus) {
    let archive = benign().end();
    let member = gzip(&archive);
    for (what, trailing) in
        [("a byte", b"x".to_vec()), ("a zero", vec![0]), ("itself", member.clone()), ("an empty member", gzip(b""))]
    {
        unsafe_gzip(corpus, 124, format!("a member and {what}"), [&member[..], &trailing].concat(), "goes on");
    }
    let halves = [gzip(&archive[..700]), gzip(&archive[700..])].concat();
    unsafe_gzip(corpus, 124, "one archive in two members", halves, "ends early");
    for (what, at) in [("checksum", member.len() - 8), ("length", member.len() - 4)] {
        let mut changed = member.clone();
        changed[at] ^= 1;
        unsafe_gzip(corpus, 124, format!("another {what}"), changed, "inflate");
    }
    for (what, flags) in [("reserved flags", 0xe0), ("all flags", 0xff), ("a header checksum", 0x02)] {
        let mut changed = member.clone();
        changed[3] = flags;
        unsafe_gzip(corpus, 124, what, changed, "");
    }
    let mut method = member;
    method[2] = 7;
    unsafe_gzip(corpus, 124, "another method", method, "");
}

fn forms(corpus: &mut Corpus) {
    let archive = benign().end();
    for (what, magic) in [
        ("zip", &b"PK\x03\x04"[..]),
        ("7z", b"7z\xbc\xaf\x27\x1c"),
        ("xz", b"\xfd7zXZ\0"),
        ("bzip2", b"BZh91AY&SY"),
        ("zstd", b"\x28\xb5\x2f\xfd"),
        ("lz4", b"\x04\x22\x4d\x18"),
        ("compress", b"\x1f\x9d\x90"),
        ("a web page", b"<!DOCTYPE html>"),
    ] {
        let layer = [magic, &archive].concat();
        unsafe_gzip(corpus, 125, format!("{what} under the type of gzip"), layer.clone(), "another way");
        let word = if what == "zstd" { "another way" } else { "" };
        corpus.refused(125, format!("{what} under the type of tar"), layer, word);
    }
    unsafe_gzip(corpus, 125, "tar under the type of gzip", archive, "another way");
    let zip = benign().raw(&[0; 1024]).raw(b"PK\x05\x06").raw(&[0; 18]).unended();
    corpus.refused(125, "tar and zip at once", zip, "after its end");
    for (what, layer) in [("nothing", vec![]), ("two blocks of zeros", vec![0; 1024]), ("padding", vec![0; 10_240])] {
        corpus.refused(126, what, layer, "");
    }
    unsafe_gzip(corpus, 126, "a member of nothing", gzip(b""), "ends early");
    unsafe_gzip(corpus, 126, "a member of padding", gzip(&[0; 10_240]), "empty");
}

fn layouts(corpus: &mut Corpus) {
    let two = TarBuilder::new().file("a/plugin.yaml", MANIFEST).file("b/plugin.yaml", MANIFEST).end();
    let neither = TarBuilder::new().file("a/x", "").file("b/y", "").end();
    let json = TarBuilder::new().file("a/plugin.yaml", MANIFEST).file("b/aisoc-plugin.json", "{}").end();
    for (what, layer) in [("two plugins", two), ("two directories", neither), ("two kinds of manifests", json)] {
        let fate = Fate::Refused(Reason::AmbiguousLayout, "several directories");
        corpus.add(127, what, (None, TAR), layer, fate);
    }
    let large = format!("# {}\n{MANIFEST}", "x".repeat(1 << 20));
    let crowd = (0..6).fold(TarBuilder::new(), |tar, n| tar.file(&format!("d{n}/plugin.yaml"), &large)).end();
    corpus.add(
        127,
        "a crowd of manifests",
        (None, TAR),
        crowd,
        Fate::Refused(Reason::UnsafeArchive, "many large manifests"),
    );
    let stray = benign_untitled().directory("demo/").file("demo/plugin.yaml", "id: evil\n").end();
    corpus.add(127, "a manifest below the manifest", (None, TAR), stray, Fate::Normalised);
}
