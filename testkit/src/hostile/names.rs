//! Names that lead out, that have two spellings, that deceive, or that are one with another name.

use super::corpus::{ABSOLUTE, Corpus, Fate, TAR, TITLE, benign, benign_untitled, long_name, with};
use crate::archive::{Entry, TarBuilder};
use aisoc_manifests::fault::Reason;

pub(super) fn add(corpus: &mut Corpus) {
    ways_out(corpus);
    second_spellings(corpus);
    deceptive(corpus);
    not_utf8(corpus);
    equal_somewhere(corpus);
    of_windows(corpus);
    too_long(corpus);
}

/// The same name in every place where tar can hold one; each must be judged by the same rules.
fn everywhere(corpus: &mut Corpus, row: u16, name: &str, word: &'static str) {
    let shown = name.escape_debug();
    if name.len() <= 100 {
        corpus.refused(row, format!("`{shown}` in the header"), with(&[Entry::file(name, "x")]), word);
    }
    let pax = [Entry::pax(b'x', &[("path", name)]), Entry::file("demo/x", "x")];
    corpus.refused(row, format!("`{shown}` in a PAX record"), with(&pax), word);
    let gnu = [long_name(name.as_bytes()), Entry::file("demo/x", "x")];
    corpus.refused(row, format!("`{shown}` as a GNU long name"), with(&gnu), word);
    if let Some((prefix, rest)) = name.split_once('/').filter(|(prefix, rest)| !prefix.is_empty() && rest.len() <= 100)
    {
        let split = Entry { prefix: prefix.into(), ..Entry::file(rest, "x") };
        corpus.refused(row, format!("`{shown}` in prefix and name"), with(&[split]), word);
    }
    let directory = Entry { kind: b'5', ..Entry::file("demo/x", "") };
    let directory = [Entry::pax(b'x', &[("path", name)]), directory];
    corpus.refused(row, format!("`{shown}` as a directory"), with(&directory), word);
}

fn ways_out(corpus: &mut Corpus) {
    for name in [
        "../evil",
        "../../../evil",
        "demo/../../evil",
        "demo/..",
        "..",
        "demo/sub/../plugin.py",
        "demo/sub/../../../../evil",
    ] {
        everywhere(corpus, 102, name, "leaves");
    }
    everywhere(corpus, 103, ABSOLUTE, "absolute");
    everywhere(corpus, 103, &format!("/{ABSOLUTE}"), "absolute");
    for name in ["demo/a\\..\\evil", "..\\evil", "C:\\evil", "\\\\?\\C:\\evil"] {
        everywhere(corpus, 104, name, "backslash");
    }
    everywhere(corpus, 104, "//?/C:/evil", "absolute");
    everywhere(corpus, 104, "demo/C:evil", "colon");
    for name in ["evil.py", "demon/x.py", "other/plugin.yaml", "C:evil"] {
        everywhere(corpus, 127, name, "outside of");
    }
}

fn second_spellings(corpus: &mut Corpus) {
    for (name, word) in [("demo/./a", "`.`"), ("demo//a", "empty component"), ("./demo/a", "`.`"), (".", "`.`")] {
        everywhere(corpus, 105, name, word);
    }
    corpus.refused(105, "an empty name", with(&[Entry::file("", "x")]), "empty");
    corpus.refused(105, "a file with a slash", with(&[Entry::file("demo/a/", "x")]), "a directory at once");
    let dotted = benign_untitled().file("./plugin.py", "evil\n").end();
    let fate = Fate::Refused(Reason::UnsafeArchive, "twice");
    corpus.add(105, "`plugin.py` and `./plugin.py`", (None, TAR), dotted, fate);
    let mut rest = Entry::file("demo/x", "x").header();
    rest[90] = b'y';
    crate::archive::sign(&mut rest);
    corpus.refused(105, "a name behind the name's end", benign().raw(&rest).end(), "goes on");
}

fn deceptive(corpus: &mut Corpus) {
    for name in [
        "demo/a\nb.py",
        "demo/a\rb.py",
        "demo/\u{1b}[2J.py",
        "demo/\u{202e}yp.x",
        "demo/\u{2066}x.py",
        "demo/\u{7f}.py",
        "demo/\u{9b}2J.py",
        "demo/a\u{200b}.py",
        "demo/a\u{ad}.py",
        "demo/\u{3164}",
        "demo/a\u{e0041}.py",
        "demo/a\u{fe0f}.py",
        "demo/\u{e000}",
        "demo/\u{338}.py",
    ] {
        everywhere(corpus, 29, name, "text-direction");
    }
}

fn not_utf8(corpus: &mut Corpus) {
    for (what, bytes) in
        [("a byte", &b"demo/x\xff.py"[..]), ("half a character", b"demo/\xc3"), ("overlong", b"demo/\xc0\xaf")]
    {
        let header = Entry { name: bytes.to_vec(), ..Entry::file("", "x") };
        corpus.refused(30, format!("{what} in the header"), with(&[header]), "not UTF-8");
        let gnu = [long_name(bytes), Entry::file("demo/x", "x")];
        corpus.refused(30, format!("{what} in a GNU long name"), with(&gnu), "not UTF-8");
    }
}

fn equal_somewhere(corpus: &mut Corpus) {
    for (first, second) in [
        ("demo/rules.py", "demo/Rules.py"),
        ("demo/Sub/a", "demo/sub/b"),
        ("demo/\u{e9}.py", "demo/e\u{301}.py"),
        ("demo/\u{c9}.py", "demo/e\u{301}.py"),
        ("demo/\u{212a}.py", "demo/k.py"),
        ("demo/\u{17f}.py", "demo/s.py"),
        ("demo/\u{3c3}.py", "demo/\u{3c2}.py"),
        ("demo/\u{df}/a.py", "demo/SS/b.py"),
        ("demo/\u{fb01}le.py", "demo/file.py"),
        ("demo/\u{ff50}lugin.yaml", "demo/PLUGIN.yaml"),
    ] {
        for (row, entry) in [(31, Entry::file(second, "x")), (114, Entry::file(second, "y"))] {
            let layer = with(&[Entry::file(first, "x"), entry]);
            corpus.refused(row, format!("{} and {}", first.escape_debug(), second.escape_debug()), layer, "one name");
        }
    }
    let manifest = with(&[Entry::file("demo/Plugin.yaml", "id: evil\n")]);
    corpus.refused(114, "a second manifest in other letters", manifest, "one name");
}

fn of_windows(corpus: &mut Corpus) {
    for name in [
        "demo/CON",
        "demo/con.py",
        "demo/aux/x.py",
        "demo/NUL.tar.gz",
        "demo/COM1.py",
        "demo/COM\u{b9}.py",
        "demo/lpt9",
        "demo/CONOUT$",
    ] {
        everywhere(corpus, 32, name, "device");
    }
    for name in ["demo/x.py.", "demo/x.py ", "demo/sub./x.py"] {
        everywhere(corpus, 32, name, "blank or dot");
    }
    for name in ["demo/x.py:stream", "demo/a:b"] {
        everywhere(corpus, 32, name, "colon");
    }
}

fn too_long(corpus: &mut Corpus) {
    let deep = format!("{TITLE}/{}", ["d"; 32].join("/"));
    everywhere(corpus, 122, &deep, "deeper");
    let long = format!("{TITLE}/{}x", "f/".repeat(600));
    everywhere(corpus, 122, &long, "longer");
    let component = format!("{TITLE}/{}", "f".repeat(256));
    let pax = [Entry::pax(b'x', &[("path", &component)]), Entry::file("demo/x", "x")];
    corpus.refused(122, "a component of 256 bytes", with(&pax), "component longer");
    let crowd = (0..50_001).fold(benign(), |tar: TarBuilder, number| tar.file(&format!("demo/{number}"), ""));
    corpus.refused(122, "50,001 files", crowd.end(), "files and directories");
    let flood = (0..100_001).fold(TarBuilder::new(), |tar, _| tar.entry(&Entry::pax(b'g', &[("comment", "x")])));
    corpus.refused(122, "100,001 headers", flood.end(), "headers");
}
