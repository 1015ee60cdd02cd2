//! The directory of trusted keys, or the one file in its place: who may change it, and what its notes take away. One
//! file holds both, because every rule of the directory is asked of the file as well.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{Keyring, SigningKey, Standing};
use jiff::Timestamp;

const REVOKED: &str = r#"{"schema_version":1,"revoked_at":"2026-01-01T00:00:00Z","reason":"laptop stolen"}"#;
const MAX_FILE_BYTES: usize = 64 << 10;

/// A directory `site/keys` with the key of `alice`.
struct Site {
    place: tempfile::TempDir,
    alice: SigningKey,
}

impl Site {
    fn new() -> Self {
        let site = Self { place: tempfile::tempdir().expect("a directory"), alice: key() };
        fs::create_dir_all(site.keys()).expect("made");
        site.write("alice.pem", site.alice.public_key().to_pem());
        site
    }

    fn keys(&self) -> PathBuf {
        self.place.path().join("site/keys")
    }

    fn write(&self, name: impl AsRef<OsStr>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.keys().join(name.as_ref());
        fs::write(&path, content).expect("written");
        path
    }

    fn read(&self) -> Result<Keyring, Fault> {
        Keyring::read(&self.keys())
    }

    #[track_caller]
    fn refused(&self, reason: Reason, named: &str) -> Fault {
        let fault = self.read().expect_err(named);
        assert_eq!(fault.reason(), reason, "{named}: {fault:?}");
        assert_eq!(fault.class().exit_code(), 1, "{named}: {fault:?}");
        assert!(fault.message().contains(named), "{named}: {fault:?}");
        fault
    }
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// Makes a file a stranger's, which root alone can.
fn give_away(path: &Path) -> bool {
    lchown(path, Some(12_345), None).is_ok()
}

type Damage = fn(&Path);

/// A time at which every revocation of these tests has come.
fn after_all_notes() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

#[test]
fn every_file_that_everybody_may_write_is_named_with_owner_and_mode() {
    let names = ["site", "site/keys", "site/keys/alice.pem", "site/keys/alice.json"];
    for name in names {
        for mode in [0o757, 0o777, 0o1777, 0o646, 0o602] {
            let site = Site::new();
            site.write("alice.json", REVOKED);
            let mode = if site.place.path().join(name).is_dir() { mode | 0o500 } else { mode };
            set_mode(&site.place.path().join(name), mode);
            // A shared directory of root's is no place for keys, and may stand above one.
            if (name, mode) == ("site", 0o1777) && belongs_to_root(site.place.path()) {
                site.read().expect("what stands in it is judged by itself");
                continue;
            }
            let fault = site.refused(Reason::DirectoryInsecure, &format!("{name}` can be written by everybody"));
            let found = fault.difference().expect("two values").found.clone();
            assert!(found.starts_with("owner ") && found.ends_with(&format!("mode {mode:04o}")), "{found}");
        }
    }
    let site = Site::new();
    for name in ["site", "site/keys", "site/keys/alice.pem"] {
        set_mode(&site.place.path().join(name), 0o777);
    }
    let fault = site.refused(Reason::DirectoryInsecure, "keys/alice.pem` can be written by everybody");
    for named in ["site`", "site/keys`", "alice.pem`"] {
        assert!(fault.message().contains(named), "{fault:?}");
    }
    let paths = ["site", "site/keys", "site/keys/alice.pem"].map(|name| site.place.path().join(name));
    let paths: String = paths.iter().map(|path| format!(" {}", path.display())).collect();
    assert!(fault.next_step().contains(&format!("`chmod o-w{paths}`")), "{}", fault.next_step());
}

/// Whether what this process makes belongs to root.
fn belongs_to_root(path: &Path) -> bool {
    fs::metadata(path).expect("there").uid() == 0
}

#[test]
fn every_file_that_belongs_to_another_user_is_named() {
    for name in ["site", "site/keys", "site/keys/alice.pem", "site/keys/alice.json"] {
        let site = Site::new();
        site.write("alice.json", REVOKED);
        if !give_away(&site.place.path().join(name)) {
            eprintln!("SKIPPED: only root gives files away");
            return;
        }
        let fault = site.refused(Reason::DirectoryInsecure, &format!("{name}` belongs to another user"));
        assert!(fault.message().contains("owner 12345, mode 0"), "{fault:?}");
        // What is above the keys may be somebody's home, and is not taken from them.
        match name {
            "site" => assert!(!fault.next_step().contains("chown"), "{}", fault.next_step()),
            _ => assert!(fault.next_step().contains("`chown -h 0 "), "{}", fault.next_step()),
        }
    }
}

#[test]
fn a_link_is_judged_with_the_way_to_what_it_leads_to() {
    let elsewhere = |site: &Site| {
        let elsewhere = site.place.path().join("elsewhere/deep");
        fs::create_dir_all(&elsewhere).expect("made");
        fs::rename(site.keys().join("alice.pem"), elsewhere.join("key")).expect("moved");
        symlink("../../elsewhere/deep/key", site.keys().join("alice.pem")).expect("linked");
        elsewhere
    };
    let site = Site::new();
    elsewhere(&site);
    assert_eq!(site.read().expect("a link that only we can change").keys().len(), 1);
    for (name, mode) in [("elsewhere", 0o777), ("elsewhere/deep", 0o777), ("elsewhere/deep/key", 0o666)] {
        let site = Site::new();
        elsewhere(&site);
        set_mode(&site.place.path().join(name), mode);
        site.refused(Reason::DirectoryInsecure, &format!("{name}` can be written by everybody"));
    }
    let site = Site::new();
    elsewhere(&site);
    if give_away(&site.keys().join("alice.pem")) {
        site.refused(Reason::DirectoryInsecure, "site/keys/alice.pem` belongs to another user");
    } else {
        eprintln!("SKIPPED in part: only root gives files away");
    }
    // The directory itself may be a link: the way through it is judged the same.
    let site = Site::new();
    fs::rename(site.keys(), site.place.path().join("real")).expect("moved");
    symlink("../real", site.keys()).expect("linked");
    assert_eq!(site.read().expect("a link").keys().len(), 1);
    set_mode(&site.place.path().join("real"), 0o777);
    site.refused(Reason::DirectoryInsecure, "real` can be written by everybody");
}

#[test]
fn a_group_may_write_and_what_is_no_key_and_no_note_is_not_looked_at() {
    let site = Site::new();
    site.write("alice.json", REVOKED);
    for (name, mode) in [("", 0o2775), ("alice.pem", 0o664), ("alice.json", 0o660)] {
        set_mode(&site.keys().join(name), mode);
    }
    for name in ["README", "README.md", "LICENSE", ".gitkeep", "4913", "ca.crt", "ca.cer", "bob.txt", "..2026.txt"] {
        set_mode(&site.write(name, "anything"), 0o666);
    }
    site.write("bundle.crt", vec![b'x'; 2 * MAX_FILE_BYTES]);
    for name in ["sub", "..2026_11_26", "certificates.d"] {
        fs::create_dir(site.keys().join(name)).expect("made");
    }
    symlink("..2026_11_26", site.keys().join("..data")).expect("linked");
    symlink("nowhere", site.keys().join("dangling")).expect("linked");
    site.write("data.pem", site.alice.public_key().to_pem());
    let keyring = site.read().expect("readable");
    assert!(matches!(keyring.keys()[0].standing(after_all_notes()), Standing::Revoked { .. }));
    assert!(keyring.skipped().is_empty());
}

#[test]
fn a_note_that_fits_no_key_is_named_with_the_key_that_it_may_mean() {
    let site = Site::new();
    for (note, meant) in [
        ("alice.pem.json", true),
        ("Alice.json", true),
        ("ALICE.JSON", true),
        ("alice.JSON", true),
        ("alcie.json", true),
        ("alice.json ", true),
        ("alice .json", true),
        ("\u{430}lice.json", true),
        ("al\u{200b}ice.json", true),
        ("alice..json", true),
        ("alice.pem.Json", true),
        ("alice.jsno", true),
        ("alice.jsn", true),
        ("alice.json\u{a0}", true),
        ("alice.json.", true),
        ("alice.json5", true),
        ("nobody.json", false),
        (".json", false),
    ] {
        let path = site.write(note, REVOKED);
        let fault = site.refused(Reason::KeyNoteInvalid, note);
        assert_eq!(
            fault.next_step() == "if it is about `alice.pem`, rename it to `alice.json`; else keep it elsewhere",
            meant,
            "{fault:?}"
        );
        fs::remove_file(path).expect("removed");
    }
    let path = site.write(OsStr::from_bytes(b"al\xffice.json"), REVOKED);
    site.refused(Reason::KeyNoteInvalid, "al\u{fffd}ice.json");
    fs::remove_file(path).expect("removed");
    // Beside the right one the other spelling is no less wrong.
    site.write("alice.json", REVOKED);
    site.write("alice.JSON", REVOKED);
    let fault = site.refused(Reason::KeyNoteInvalid, "alice.JSON");
    assert_eq!(
        fault.next_step(),
        "if it is about `alice.pem`, put what it says into `alice.json`; else keep it elsewhere"
    );
}

/// What a slip, an editor, a package manager or a download makes of `alice.json`.
const STRAYS: [&str; 31] = [
    "alice.json.txt",
    "alice.json.bak",
    "alice.json.new",
    "alice.json.rpmsave",
    "alice.json~",
    "alice.json (1)",
    "alice (1).json",
    "alice.json.gz",
    "alice.js",
    "alice_json",
    "alicejson",
    "alice",
    "alice~",
    "alice.txt",
    "ALICE.TXT",
    "alice.yaml",
    "alice.revoked",
    "alice.revoked.bak",
    "alice.pem.bak",
    "alice.json\t",
    "alice.json\u{200b}",
    "al\u{200b}ice.txt",
    "alice.\u{ff4a}\u{ff53}\u{ff4f}\u{ff4e}",
    "\u{ff41}lice.txt",
    ".alice.json.swp",
    ".alice.pem.swp",
    ".#alice.json",
    "#alice.json#",
    "json",
    "bob.JSON.old",
    "..json",
];

#[test]
fn what_may_be_a_note_under_another_name_refuses_every_key() {
    let refused = |site: &Site, path: &Path, name: &str| {
        let fault = site.refused(Reason::KeyNoteInvalid, name);
        assert!(fault.next_step().contains("elsewhere"), "{fault:?}");
        fs::remove_file(path).expect("removed");
        site.read().expect("without it");
    };
    for has_note in [false, true] {
        let site = Site::new();
        if has_note {
            site.write("alice.json", REVOKED);
        }
        for name in STRAYS {
            for content in [REVOKED, "", "revoked"] {
                refused(&site, &site.write(name, content), name);
            }
        }
        for name in [&b"alice.json\xff"[..], b"alice.j\xffson", b"\xffalice.json\xff", b"alice.\xff"] {
            let name = OsStr::from_bytes(name);
            refused(&site, &site.write(name, REVOKED), "lice");
        }
    }
}

#[test]
fn what_reads_like_a_note_is_one_whatever_its_name() {
    let marked = [&b"\xef\xbb\xbf"[..], b"\n\t {", REVOKED.as_bytes()].concat();
    let wide: Vec<u8> = format!("\u{feff}{REVOKED}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let large = format!("{REVOKED}{}", " ".repeat(MAX_FILE_BYTES));
    let contents = [REVOKED.as_bytes(), &marked, &wide, large.as_bytes(), b"revoked_at: 2026-01-01T00:00:00Z"];
    for name in ["revoked", "bob.txt", "README", "4913", "..x", "old.crt", "bob.pem", "bob.pub"] {
        for content in contents {
            let site = Site::new();
            // A key file that large holds no key, and is named with the others that do not.
            if content.len() > MAX_FILE_BYTES && name.starts_with("bob.p") {
                continue;
            }
            set_mode(&site.write(name, content), 0o600);
            site.refused(Reason::KeyNoteInvalid, name);
        }
    }
}

#[test]
fn what_has_not_begun_within_the_bound_may_be_a_note() {
    let noted = |blanks: usize| format!("{}Keys of the team, and more\n", " ".repeat(blanks));
    let site = Site::new();
    site.write("README", noted(MAX_FILE_BYTES - 1).as_bytes());
    assert!(site.read().is_ok(), "a text that begins at the last byte that is looked at");
    for late in [noted(MAX_FILE_BYTES), format!("{}{REVOKED}", "\n".repeat(MAX_FILE_BYTES + 1))] {
        site.write("README", late.as_bytes());
        site.refused(Reason::KeyNoteInvalid, "README");
    }
}

#[test]
fn what_stands_beside_a_key_is_refused_without_being_read() {
    let make: [(&str, Damage); 4] = [
        ("a directory", |path| fs::create_dir(path).expect("made")),
        ("a FIFO", |path| {
            assert!(std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
        }),
        ("a link to nothing", |path| symlink("nowhere", path).expect("linked")),
        ("a socket", |path| drop(std::os::unix::net::UnixListener::bind(path).expect("bound"))),
    ];
    for (what, make) in make {
        println!("{what}");
        let site = Site::new();
        make(&site.keys().join("alice.txt"));
        site.refused(Reason::KeyNoteInvalid, "alice.txt");
        fs::rename(site.keys().join("alice.txt"), site.keys().join("other.txt")).expect("moved");
        site.read().expect("it is beside no key, and holds nothing");
    }
}

#[test]
fn the_strictest_limit_of_a_key_is_its_limit_under_every_name() {
    let limit = |member: &str, year: u16| format!("{{\"schema_version\":1,\"{member}\":\"{year}-01-01T00:00:00Z\"}}");
    let (expired, not_yet, current) = (limit("not_after", 1960), limit("not_before", 2030), limit("not_after", 2030));
    let is = |standing: &Standing| match standing {
        Standing::Current => "current",
        Standing::NotYet(_) => "not yet",
        Standing::Expired(_) => "expired",
        Standing::Revoked { .. } => "revoked",
        other => panic!("{other}"),
    };
    let cases: [(&[&str], &str); 6] = [
        (&[&current], "current"),
        (&[&expired], "expired"),
        (&[&not_yet, &current], "not yet"),
        (&[&not_yet, &expired], "expired"),
        (&[&expired, REVOKED, &not_yet], "revoked"),
        (&[REVOKED, &expired], "revoked"),
    ];
    for (notes, expected) in cases {
        let site = Site::new();
        for (number, note) in notes.iter().enumerate() {
            site.write(format!("k{number}.pem"), site.alice.public_key().to_pem());
            site.write(format!("k{number}.json"), note);
        }
        site.write("zoe.pub", site.alice.public_key().to_pem());
        site.write("other.pem", key().public_key().to_pem());
        for key in site.read().expect("readable").keys() {
            let expected = if key.file == "other.pem" { "current" } else { expected };
            assert_eq!(is(&key.standing(after_all_notes())), expected, "{}: {notes:?}", key.file);
        }
    }
}

#[test]
fn a_private_key_anywhere_in_a_key_file_refuses_the_file() {
    let site = Site::new();
    let (public, private) = (site.alice.public_key().to_pem(), site.alice.to_pem());
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let cut = private.lines().next().expect("a line");
    for content in [
        format!("{public}{}", *private),
        format!("{}{public}", *private),
        format!("{public}{}", private.replace('\n', "\r\n")),
        format!("{public}{cut}\n"),
        format!("{public}{public}# old\n{}", *private),
        format!("{public}{}", block("ENCRYPTED PRIVATE KEY")),
        format!("{public}{}", block("OPENSSH PRIVATE KEY")),
        format!("{public}{}", block("RSA PRIVATE KEY")),
        format!("{public}{}", block("PGP PRIVATE KEY BLOCK")),
    ] {
        site.write("alice.pem", content.as_bytes());
        let keyring = site.read().expect("readable");
        assert!(keyring.keys().is_empty());
        let fault = &keyring.skipped()[0].fault;
        assert_eq!(fault.reason(), Reason::KeyInvalid);
        assert!(fault.message().contains("holds a private key, which has no place on a host"), "{fault:?}");
    }
    // What only speaks of one is a key as before.
    site.write("alice.pem", format!("# the private key is at the notary's\n{public}{public}"));
    assert_eq!(site.read().expect("readable").keys().len(), 1);
}

#[test]
fn a_note_that_cannot_be_read_refuses_every_key() {
    let make: [(&str, Reason, Damage); 6] = [
        ("a directory", Reason::KeyNoteInvalid, |note| fs::create_dir(note).expect("made")),
        ("a FIFO", Reason::KeyNoteInvalid, |note| {
            assert!(std::process::Command::new("mkfifo").arg(note).status().expect("mkfifo runs").success());
        }),
        ("a link to nothing", Reason::IoNotFound, |note| symlink("nowhere", note).expect("linked")),
        ("a link to itself", Reason::IoError, |note| symlink("alice.json", note).expect("linked")),
        ("a device", Reason::KeyNoteInvalid, |note| symlink("/dev/null", note).expect("linked")),
        ("a socket", Reason::KeyNoteInvalid, |note| drop(std::os::unix::net::UnixListener::bind(note).expect("bound"))),
    ];
    for (what, reason, make) in make {
        println!("{what}");
        let site = Site::new();
        site.write("copy.pem", site.alice.public_key().to_pem());
        make(&site.keys().join("alice.json"));
        site.refused(reason, "alice.json");
    }
    for content in ["", "{", "null", "\u{feff}{\"schema_version\":1,\"revoked_at\":\"2026-01-01T00:00:00Z\"}"] {
        let site = Site::new();
        site.write("copy.pem", site.alice.public_key().to_pem());
        site.write("alice.json", content);
        site.refused(Reason::KeyNoteInvalid, "alice.json");
    }
}

#[test]
fn a_note_is_read_whole_up_to_its_bound_and_refused_above() {
    let site = Site::new();
    let padded = |bytes: usize| format!("{REVOKED}{}", " ".repeat(bytes - REVOKED.len()));
    for (bytes, is_read) in [(MAX_FILE_BYTES - 1, true), (MAX_FILE_BYTES, true), (MAX_FILE_BYTES + 1, false)] {
        site.write("alice.json", padded(bytes));
        assert_eq!(site.read().is_ok(), is_read, "{bytes}");
    }
    let fault = site.refused(Reason::KeyNoteInvalid, "alice.json");
    assert_eq!(fault.difference().expect("two values").found, "65537");
    // What stands after a good beginning is part of the note.
    site.write("alice.json", [padded(MAX_FILE_BYTES - 2).as_bytes(), b"{}"].concat());
    site.refused(Reason::KeyNoteInvalid, "alice.json");
}

#[test]
fn a_directory_of_more_files_than_keys_is_no_directory_of_keys() {
    let site = Site::new();
    for number in 0..9_999 {
        fs::File::create(site.keys().join(format!("{number}.txt"))).expect("made");
    }
    assert_eq!(site.read().expect("ten thousand").keys().len(), 1);
    site.write("one-more.txt", "");
    let fault = site.read().expect_err("too many");
    assert_eq!(fault.class().exit_code(), 1, "{fault:?}");
}

#[test]
fn a_note_on_a_key_that_cannot_be_used_refuses_the_same_key_under_another_name() {
    let spoil: [(&str, Damage); 4] = [
        ("not a key", |key| fs::write(key, "not a key").expect("written")),
        ("too large", |key| fs::write(key, vec![b'x'; MAX_FILE_BYTES + 1]).expect("written")),
        ("a directory", |key| {
            fs::remove_file(key).expect("removed");
            fs::create_dir(key).expect("made");
        }),
        ("a link to nothing", |key| {
            fs::remove_file(key).expect("removed");
            symlink("nowhere", key).expect("linked");
        }),
    ];
    for (what, spoil) in spoil {
        let site = Site::new();
        site.write("copy.pem", site.alice.public_key().to_pem());
        site.write("alice.json", REVOKED);
        assert!(
            site.read()
                .expect("readable")
                .keys()
                .iter()
                .all(|key| key.standing(after_all_notes()) != Standing::Current),
            "{what}"
        );
        spoil(&site.keys().join("alice.pem"));
        let fault = site.refused(Reason::KeyNoteInvalid, "alice.json");
        assert!(fault.message().contains("`alice.pem`"), "{what}: {fault:?}");
        // Without a note it is skipped, as ever.
        fs::remove_file(site.keys().join("alice.json")).expect("removed");
        assert_eq!(site.read().expect("readable").skipped().len(), 1, "{what}");
    }
}

#[test]
fn a_note_is_about_every_key_of_its_name() {
    let site = Site::new();
    let other = key();
    site.write("alice.pub", other.public_key().to_pem());
    site.write("copy.pem", other.public_key().to_pem());
    site.write("free.pem", key().public_key().to_pem());
    site.write("alice.json", REVOKED);
    let keyring = site.read().expect("readable");
    let current = keyring.keys().iter().filter(|key| key.standing(after_all_notes()) == Standing::Current);
    assert_eq!(current.map(|key| key.file.as_str()).collect::<Vec<_>>(), ["free.pem"]);
    // One of them that cannot be used may be the one that is here again.
    site.write("alice.PUB", "not a key");
    site.refused(Reason::KeyNoteInvalid, "alice.json");
}

#[test]
fn names_that_are_not_text_have_notes_too() {
    let site = Site::new();
    site.write(OsStr::from_bytes(b"\xff.pem"), key().public_key().to_pem());
    site.write(OsStr::from_bytes(b"\xff.json"), REVOKED);
    let keyring = site.read().expect("readable");
    let revoked = keyring.keys().iter().filter(|key| key.standing(after_all_notes()) != Standing::Current).count();
    assert_eq!((keyring.keys().len(), revoked), (2, 1));
}

#[test]
fn what_is_not_there_is_no_key_and_what_is_no_directory_is_an_error() {
    let place = tempfile::tempdir().expect("a directory");
    fs::write(place.path().join("file"), "").expect("written");
    symlink("nowhere", place.path().join("dangling")).expect("linked");
    let read = |name: &str| Keyring::read(&place.path().join(name));
    for name in ["absent", "dangling", "absent/keys"] {
        assert!(read(name).expect("no keys").keys().is_empty(), "{name}");
    }
    for name in ["file", "file/keys"] {
        assert_eq!(read(name).expect_err(name).class().exit_code(), 1);
    }
    for (name, missing) in [("absent", true), ("dangling", true), ("absent/keys", true), (".", false)] {
        let there = read(name).expect("no keys").require_there();
        assert_eq!(there.err().map(|fault| fault.reason()), missing.then_some(Reason::IoNotFound), "{name}");
    }
}

fn ids(keyring: &Keyring) -> Vec<&str> {
    keyring.keys().iter().map(|key| key.id.as_str()).collect()
}

#[test]
fn one_file_is_that_key_and_no_other() {
    let site = Site::new();
    for name in ["bob.pem", "alice.pub", "Alice.pem"] {
        site.write(name, key().public_key().to_pem());
    }
    let read = |name: &str| Keyring::read(&site.keys().join(name)).expect(name);
    for (name, id) in [("alice.pem", "alice"), ("bob.pem", "bob"), ("alice.pub", "alice")] {
        let keyring = read(name);
        assert_eq!(ids(&keyring), [id], "{name}");
        assert_eq!(keyring.keys()[0].file, name);
        assert!(keyring.skipped().is_empty(), "{name}");
    }
    assert_eq!(read("alice.pem").keys()[0].key, site.alice.public_key());
    // Notes of others, and what lies about on a bench, are nothing to it.
    for name in ["bob.json", "package.json", "alice.tar", "alice.key", "alice.txt"] {
        site.write(name, if name == "bob.json" { REVOKED } else { "what it says" });
    }
    fs::create_dir(site.keys().join("alice")).expect("made");
    assert_eq!(ids(&read("alice.pem")), ["alice"]);
}

#[test]
fn one_file_has_the_note_beside_the_name_that_was_given() {
    let site = Site::new();
    let current = |path: &Path| {
        let keyring = Keyring::read(path).expect("readable");
        keyring.keys()[0].standing(after_all_notes()) == Standing::Current
    };
    fs::create_dir(site.keys().join("linked")).expect("made");
    symlink("../alice.pem", site.keys().join("linked/release.pem")).expect("linked");
    assert!(current(&site.keys().join("alice.pem")) && current(&site.keys().join("linked/release.pem")));
    site.write("linked/release.json", REVOKED);
    assert!(current(&site.keys().join("alice.pem")) && !current(&site.keys().join("linked/release.pem")));
    site.write("alice.json", REVOKED);
    assert!(!current(&site.keys().join("alice.pem")));
}

#[test]
fn what_may_be_the_note_on_one_file_refuses_it() {
    let site = Site::new();
    let file = site.keys().join("alice.pem");
    for (name, content) in [
        ("alice.json", "not JSON"),
        ("Alice.json", REVOKED),
        ("alice.json.txt", REVOKED),
        ("alice.pem.json", REVOKED),
        ("alice.revoked", REVOKED),
        ("alice", REVOKED),
    ] {
        let note = site.write(name, content);
        let fault = Keyring::read(&file).expect_err(name);
        assert_eq!(fault.reason(), Reason::KeyNoteInvalid, "{name}");
        assert!(fault.message().contains(&note.display().to_string()), "{name}: {fault:?}");
        fs::remove_file(note).expect("removed");
    }
    assert_eq!(ids(&Keyring::read(&file).expect("readable")), ["alice"]);
}

#[test]
fn one_file_is_held_to_the_rule_of_a_directory() {
    let site = Site::new();
    let file = site.keys().join("alice.pem");
    for (path, mode) in [(file.clone(), 0o644), (site.keys(), 0o755)] {
        set_mode(&path, 0o777);
        let fault = Keyring::read(&file).expect_err("insecure");
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{}", path.display());
        assert!(fault.message().contains(&path.display().to_string()), "{fault:?}");
        set_mode(&path, mode);
    }
    for name in ["alice.key", "alice", "alice.txt", ".pem"] {
        let fault = Keyring::read(&site.write(name, site.alice.public_key().to_pem())).expect_err(name);
        assert_eq!(fault.reason(), Reason::KeyInvalid, "{name}: {fault:?}");
    }
    let bad = Keyring::read(&site.write("bad.pem", "no key")).expect("a verdict about one file");
    assert_eq!((bad.keys().len(), bad.skipped().len()), (0, 1));
}

#[test]
fn a_keyring_that_outlives_a_key_says_so_at_each_use() {
    let site = Site::new();
    let note = r#"{"schema_version": 1, "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-02-01T00:00:00Z"}"#;
    site.write("alice.json", note);
    let keyring = site.read().expect("readable");
    let alice = &keyring.keys()[0];
    for (at, counts) in [
        ("2025-12-31T23:59:59Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-01-31T23:59:59Z", true),
        ("2026-02-01T00:00:00Z", false),
    ] {
        let standing = alice.standing(at.parse().expect("a time"));
        assert_eq!(standing == Standing::Current, counts, "{at}: {standing:?}");
    }
}
