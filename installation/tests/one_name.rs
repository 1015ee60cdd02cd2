//! Two names that are one somewhere are never packed together, nor a name that is not seen as it is.

mod common;

use aisoc_installation::{Access, InstallRecord};
use aisoc_manifests::fault::Reason;
use aisoc_packaging::{PackOptions, PluginDir, pack};
use common::{
    MANIFEST, TAR, activate, admission, demo, directory, good, inspect, record, stage_into, titled, unsigned, untitled,
    write,
};
use unicode_normalization::UnicodeNormalization as _;

const PAIRS: usize = 2_000;

/// Letters with a second spelling: by case, by several letters for one, by composition, by compatibility.
const LETTERS: [&str; 40] = [
    "a", "K", "s", "I", "z", "ſ", "ß", "ẞ", "ς", "Σ", "ﬁ", "ﬀ", "ŉ", "ǰ", "ΐ", "ᾳ", "ᾼ", "ῼ", "ǅ", "Ǉ", "é", "Å", "ö",
    "ệ", "Ж", "Ӂ", "Ա", "և", "Ꭰ", "ꭰ", "ა", "Ა", "İ", "ı", "Ω", "µ", "Ａ", "가", "²", "𐐀",
];

/// What Unicode tells every reader to leave out.
const IGNORABLE: [char; 12] = [
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{180e}',
    '\u{200b}',
    '\u{200d}',
    '\u{2060}',
    '\u{3164}',
    '\u{fe0f}',
    '\u{e0041}',
    '\u{e0100}',
];

/// Numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("small")
    }
}

/// A name and another spelling of it, made with the standard library's tables and by insertion.
fn pair(numbers: &mut Numbers) -> (String, String) {
    loop {
        let length = 1 + numbers.below(4);
        let name: String = (0..length).map(|_| LETTERS[numbers.below(LETTERS.len())]).collect();
        let other = match numbers.below(7) {
            0 => name.to_uppercase(),
            1 => name.to_lowercase(),
            2 => name.nfd().collect(),
            3 => name.nfkc().collect(),
            4 => name.to_uppercase().nfkd().collect(),
            5 => name.to_uppercase().to_lowercase().nfc().collect(),
            _ => format!("{name}{}", IGNORABLE[numbers.below(IGNORABLE.len())]),
        };
        if name != other {
            return (name, other);
        }
    }
}

#[test]
fn packs_none_of_two_thousand_pairs_of_names_that_are_one_somewhere() {
    let mut numbers = Numbers(0x5eed_2026);
    let mut packed = Vec::new();
    for _ in 0..PAIRS {
        let (one, other) = pair(&mut numbers);
        let (one, other) = match numbers.below(3) {
            0 => (format!("{one}/a.txt"), format!("{other}/b.txt")),
            1 => (format!("data/{one}.py"), format!("data/{other}.py")),
            _ => (format!("{one}.txt"), format!("{other}.txt")),
        };
        let root = directory(&[("plugin.yaml", MANIFEST), (&one, "x"), (&other, "y")]);
        match PluginDir::open(root.path()) {
            Err(fault) => assert_eq!(fault.reason(), Reason::ForbiddenEntry, "{fault:?}"),
            Ok(_) => packed.push((one, other)),
        }
    }
    assert!(packed.is_empty(), "{} of {PAIRS} were read: {:?}", packed.len(), &packed[..packed.len().min(9)]);
}

#[test]
fn says_both_spellings() {
    let root = directory(&[("plugin.yaml", MANIFEST), ("straße.py", "x"), ("STRASSE.py", "y")]);
    let fault = PluginDir::open(root.path()).expect_err("one name");
    assert!(fault.message().contains("`straße.py`") && fault.message().contains("`STRASSE.py`"), "{fault:?}");
}

#[test]
fn names_in_many_scripts_are_packed_side_by_side() {
    let names =
        ["é.py", "e.py", "日本語.txt", "日本.txt", "Ωmega", "omega", "a b", "a-b", "x²y", "x3y", "Привет", "привет2"];
    let root = demo();
    write(root.path(), &names.map(|name| (name, "x")));
    PluginDir::open(root.path()).expect("different names");
}

#[test]
fn a_name_that_is_not_seen_as_it_is_is_refused_on_the_bench_and_in_an_archive() {
    for hidden in
        ['\u{200b}', '\u{ad}', '\u{202e}', '\u{206a}', '\u{3164}', '\u{e0041}', '\u{9b}', '\u{fe0f}', '\u{378}']
    {
        let name = format!("a{hidden}.py");
        let root = directory(&[("plugin.yaml", MANIFEST), (&name, "x")]);
        let fault = PluginDir::open(root.path()).expect_err(&name);
        assert_eq!(fault.reason(), Reason::ForbiddenEntry);
        assert!(fault.message().contains(&hidden.escape_unicode().to_string()), "{fault:?}");
        let archive = aisoc_testkit::archive::TarBuilder::new().file("plugin.yaml", MANIFEST).file(&name, "x").end();
        let fault = inspect(&untitled(), TAR, archive.as_slice()).err().expect(&name);
        assert_eq!(fault.reason(), Reason::UnsafeArchive);
    }
}

#[test]
fn packs_no_id_that_is_a_device_elsewhere() {
    let root = demo();
    let plugin = PluginDir::open(root.path()).expect("a plugin");
    for id in ["con", "CON", "com1", "NUL", "aux.py", "prn.txt", "lpt9", "demo."] {
        let fault = pack(&plugin, &unsigned(&plugin), &id.parse().expect(id), &PackOptions::default(), Vec::new())
            .expect_err(id);
        assert_eq!(fault.reason(), Reason::InvalidPluginId, "{fault:?}");
    }
    pack(&plugin, &unsigned(&plugin), &"console".parse().expect("an id"), &PackOptions::default(), Vec::new())
        .expect("packed");
}

#[test]
fn installs_no_id_that_is_a_device_elsewhere() {
    let place = tempfile::tempdir().expect("a directory");
    let plugins = place.path().join("plugins");
    std::fs::create_dir(&plugins).expect("made");
    for id in ["con", "NUL", "aux.py", "demo."] {
        let staged = stage_into(&plugins, &titled("demo"), TAR, good().end().as_slice()).expect("staged");
        let record = InstallRecord { id: id.parse().expect(id), ..record(&staged, "1.0.0") };
        let fault = activate(admission(&staged), staged, &record, 0, &Access::default()).expect_err(id);
        assert_eq!(fault.reason(), Reason::InvalidPluginId, "{fault:?}");
        assert!(!plugins.join(id).exists());
    }
}
