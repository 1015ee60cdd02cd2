//! Entries that are neither files nor directories, and entries that are two things at once.

use super::corpus::{ABSOLUTE, Corpus, Fate, TAR, TITLE, benign, long_name, with};
use crate::archive::{Entry, TarBuilder};

const SYMLINK: u8 = b'2';
const HARD_LINK: u8 = b'1';

pub(super) fn add(corpus: &mut Corpus) {
    links(corpus);
    specials(corpus);
    twice(corpus);
    normalised(corpus);
}

fn link(kind: u8, name: &str, target: &str) -> Entry {
    Entry::special(name, kind, target)
}

fn links(corpus: &mut Corpus) {
    let outside = format!("{ABSOLUTE}/x");
    for target in ["..", "../../..", "/etc/passwd", "plugin.py", ABSOLUTE, "."] {
        let through = with(&[link(SYMLINK, "demo/l", target), Entry::file("demo/l/evil", "x")]);
        corpus.refused(106, format!("a file through a link to {target}"), through, "symbolic link");
        let replaced = with(&[link(SYMLINK, "demo/l", target), Entry::file("demo/l", "x")]);
        corpus.refused(111, format!("a file in place of a link to {target}"), replaced, "symbolic link");
        let directory = Entry { mode: 0o777, ..Entry::directory("demo/l/") };
        let chmod = with(&[link(SYMLINK, "demo/l", target), directory]);
        corpus.refused(109, format!("a directory in place of a link to {target}"), chmod, "symbolic link");
        let hard = with(&[link(HARD_LINK, "demo/l", target), Entry::file("demo/l", "x")]);
        corpus.refused(108, format!("a hard link to {target}"), hard, "hard link");
    }
    let chain = [link(SYMLINK, "demo/a/b", ".."), link(SYMLINK, "demo/c", "a/b/.."), Entry::file("demo/c/evil", "x")];
    corpus.refused(107, "a chain that is inside link by link", with(&chain), "symbolic link");
    let directory = [Entry::directory("demo/a/"), link(SYMLINK, "demo/a/b", "."), link(SYMLINK, "demo/a/b/c", "..")];
    corpus.refused(107, "a chain through a directory", with(&directory), "symbolic link");
    let secret = with(&[link(HARD_LINK, "demo/l", ".aws/credentials")]);
    corpus.refused(108, "a hard link into the working directory", secret, "hard link");
    let fallback = with(&[link(SYMLINK, "demo/s", &outside), link(HARD_LINK, "demo/h", "demo/s")]);
    corpus.refused(110, "a hard link to a link of the archive", fallback, "symbolic link");
    let first = TarBuilder::new().entry(&link(HARD_LINK, "demo/h", "demo/s")).raw(&with(&[])).unended();
    corpus.refused(110, "a hard link before its target", first, "hard link");
    for (row, entry) in [
        (22, link(SYMLINK, "demo/helper.py", "/usr/lib/python3/x.py")),
        (23, link(SYMLINK, "demo/sub", "../elsewhere")),
    ] {
        corpus.refused(row, "in place of a file of the plugin", with(&[entry]), "symbolic link");
    }
    corpus.refused(
        24,
        "in place of a file of the plugin",
        with(&[link(HARD_LINK, "demo/helper.py", "/etc/hosts")]),
        "hard link",
    );
    let pax = [Entry::pax(b'x', &[("linkpath", ABSOLUTE)]), Entry::file("demo/l", "x")];
    corpus.refused(106, "a link target in a PAX record", with(&pax), "linkpath");
    let gnu = [Entry { kind: b'K', ..long_name(ABSOLUTE.as_bytes()) }, Entry::file("demo/l", "x")];
    corpus.refused(106, "a GNU long link target", with(&gnu), "link");
    let both = Entry { link: b"/etc/passwd".to_vec(), ..Entry::file("demo/l", "x") };
    corpus.refused(106, "a file with a link target", with(&[both]), "a link at once");
    let named = [long_name(b"demo/l"), link(SYMLINK, "x", "..")];
    corpus.refused(106, "a link with a long name", with(&named), "link");
}

fn specials(corpus: &mut Corpus) {
    for (kind, word) in [
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "FIFO"),
        (b'7', "unknown"),
        (b'A', "unknown"),
        (b'D', "unknown"),
        (b'M', "unknown"),
        (b'N', "unknown"),
        (b'V', "unknown"),
        (b'X', "unknown"),
        (b's', "unknown"),
        (0xff, "unknown"),
    ] {
        let entry = Entry::special("demo/x.py", kind, "");
        corpus.refused(112, format!("kind {}", kind.escape_ascii()), with(std::slice::from_ref(&entry)), word);
        let hidden = [Entry::pax(b'x', &[("path", "demo/plugin2.py")]), entry];
        let layer = with(&hidden);
        // An extension before anything but a file or a directory is refused as such.
        corpus.refused(112, format!("kind {} behind a PAX record", kind.escape_ascii()), layer, "");
    }
    corpus.refused(25, "a FIFO that is called x.py", with(&[Entry::special("demo/x.py", b'6', "")]), "FIFO");
    corpus.refused(25, "a device that is called x.py", with(&[Entry::special("demo/x.py", b'3', "")]), "device");
}

fn twice(corpus: &mut Corpus) {
    for (what, again) in [
        ("other content", vec![Entry::file("demo/plugin.py", "evil\n")]),
        ("the same content", vec![Entry::file("demo/plugin.py", "pass\n")]),
        ("a PAX record", vec![Entry::pax(b'x', &[("path", "demo/plugin.py")]), Entry::file("demo/x", "evil\n")]),
        ("a GNU long name", vec![long_name(b"demo/plugin.py"), Entry::file("demo/x", "evil\n")]),
        ("prefix and name", vec![Entry { prefix: b"demo".to_vec(), ..Entry::file("plugin.py", "evil\n") }]),
        ("a directory twice", vec![Entry::directory("demo/")]),
        ("the old kind of file", vec![Entry { kind: 0, ..Entry::file("demo/plugin.py", "evil\n") }]),
    ] {
        corpus.refused(113, what, with(&again), "twice");
    }
    for (what, entries) in [
        ("a file, then its child", vec![Entry::file("demo/plugin.py/x", "evil\n")]),
        ("a child, then a file in its parent's place", vec![Entry::file("demo/s/x", ""), Entry::file("demo/s", "")]),
        ("a file, then a directory", vec![Entry::directory("demo/plugin.py/")]),
        ("a directory, then a file", vec![Entry::directory("demo/d/"), Entry::file("demo/d", "")]),
    ] {
        corpus.refused(115, what, with(&entries), "both a file and a directory");
    }
    let deep = with(&[Entry::directory("demo/d/"), Entry::directory("demo/d/"), Entry::file("demo/d/x", "")]);
    corpus.refused(115, "a directory twice around a file", deep, "twice");
}

fn normalised(corpus: &mut Corpus) {
    let titled = (Some(TITLE), TAR);
    for mode in [0o4755, 0o2755, 0o1777, 0o6777, 0o666, 0o000] {
        let layer = with(&[Entry { mode, ..Entry::file("demo/tool", "x") }]);
        corpus.add(28, format!("a file with mode {mode:o}"), titled, layer, Fate::Normalised);
    }
    for mode in [0o000, 0o444, 0o1777, 0o7777] {
        let closed = Entry { mode, ..Entry::directory("demo/closed/") };
        let layer = with(&[closed, Entry::file("demo/closed/x", "x")]);
        corpus.add(128, format!("a directory with mode {mode:o}"), titled, layer, Fate::Normalised);
    }
    let inner = benign().file("demo/inner.py", "evil\n").end();
    for name in ["demo/inner.tar", "demo/plugin.tar", "demo/inner.zip"] {
        let layer = with(&[Entry::file(name, inner.clone())]);
        corpus.add(131, format!("an archive called {name}"), titled, layer, Fate::Normalised);
    }
}
