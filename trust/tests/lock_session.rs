//! A lock file on disk: read under its lock, changed whole with its journal, and never through a link.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Reason, Result};
use aisoc_trust::Patience;
use aisoc_trust::journal::{Action, Entry, HeldDirectory, JournalTime, Writer};
use aisoc_trust::lockfile::{
    Changed, LockAccess, LockEntry, LockPlace, LockSession, Lockfile, MAX_LOCK_BYTES, Provenance, Unjournaled,
    unjournaled,
};
use tempfile::TempDir;

/// What a lock is written as before it has its name.
const DRAFT: &str = ".plugins.lock.aisoc-new";
const HASH: &str = "sha256:a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90";

struct Site {
    root: TempDir,
}

impl Site {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir(root.path().join("own")).expect("made");
        Self { root }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("plugins.lock")
    }

    fn begin(&self, access: &LockAccess) -> Result<LockSession> {
        let head = HeldDirectory::open(&self.root.path().join("own")).expect("opened");
        LockSession::begin(&self.path(), head, access)
    }

    fn accept(&self, id: &str, version: &str, hash: &str, reason: &str) -> Result<()> {
        self.accept_entry(&entry(id, version, hash), reason)
    }

    fn accept_entry(&self, entry: &LockEntry, reason: &str) -> Result<()> {
        let session = self.begin(&access())?;
        let lock = session.lock().cloned().unwrap_or_else(Lockfile::empty);
        let changed = lock.with(entry)?;
        let line = line(Action::Trust, &entry.id, Some(&entry.distribution_hash), reason);
        session.commit(&changed, &[Entry { version: Some(entry.version.clone()), ..line }])
    }

    fn revoke(&self, id: &str) -> Result<()> {
        let session = self.begin(&access())?;
        let changed = session.lock().expect("there").without(id)?.expect("listed");
        session.commit(&changed, &[line(Action::Revoke, id, None, "ticket 2")])
    }

    fn lock(&self) -> Lockfile {
        LockPlace::open(&self.path()).expect("opened").expect("a directory").read().expect("a lock").expect("there")
    }

    fn unjournaled(&self) -> Vec<Unjournaled> {
        let session = self.begin(&access()).expect("begun");
        unjournaled(session.lock().expect("there"), session.journal()).expect("read").0
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.root.path()).expect("listed");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }
}

fn access() -> LockAccess {
    let patience = Patience { lock_timeout: Duration::from_secs(30), cancellation: Cancellation::default() };
    LockAccess { patience, writer: Writer::default(), dry_run: DryRun::No }
}

fn entry(id: &str, version: &str, hash: &str) -> LockEntry {
    let [id, version, distribution_hash] = [id, version, hash].map(str::to_owned);
    let (package, entry_point) = ("pack".to_owned(), "pack:One".to_owned());
    LockEntry { id, package, version, entry_point, distribution_hash, provenance: Provenance::default() }
}

fn line(action: Action, id: &str, hash: Option<&str>, reason: &str) -> Entry {
    Entry {
        at: JournalTime::read("2026-05-24T14:32:00+02:00").expect("a time"),
        action,
        id: Some(id.to_owned()),
        version: hash.map(|_| "1".to_owned()),
        hash: hash.map(str::to_owned),
        reason: Some(reason.to_owned()),
    }
}

fn other_hash() -> String {
    HASH.replace("a1", "b2")
}

#[test]
fn a_lock_that_is_new_begins_with_its_version_and_leaves_nothing_beside_it_but_its_journal() {
    let site = Site::new();
    site.accept("one", "1", HASH, "read it").expect("accepted");
    assert!(site.lock().text().starts_with("version = 1\n\n[[plugins]]\nid = \"one\"\n"));
    assert_eq!(site.names(), ["own", "plugins.lock", "plugins.lock.journal", "plugins.lock.journal.chain"]);
    assert_eq!(fs::metadata(site.path()).expect("there").permissions().mode() & 0o7777, 0o644);
    assert_eq!(site.unjournaled(), []);
}

#[test]
fn mode_and_comments_stay_when_it_is_changed() {
    let site = Site::new();
    fs::write(site.path(), "# ours\nversion = 1\n").expect("written");
    for mode in [0o600, 0o640, 0o664] {
        fs::set_permissions(site.path(), Permissions::from_mode(mode)).expect("set");
        let before = fs::metadata(site.path()).expect("there");
        site.accept("one", &format!("{mode}"), HASH, "read it").expect("accepted");
        let after = fs::metadata(site.path()).expect("there");
        assert_eq!((after.permissions().mode() & 0o7777, after.uid(), after.gid()), (mode, before.uid(), before.gid()));
        assert!(site.lock().text().starts_with("# ours\nversion = 1\n"));
    }
}

#[test]
fn every_change_without_its_line_is_found() {
    let site = Site::new();
    for id in ["one", "two"] {
        site.accept(id, "1", HASH, "read it").expect("accepted");
    }
    site.revoke("two").expect("revoked");
    site.accept("two", "2", HASH, "read it again").expect("accepted");
    assert_eq!(site.unjournaled(), []);
    let found = |id: &str, journaled: Option<&str>, locked: Option<&str>| {
        let [journaled, locked] = [journaled, locked].map(|hash| hash.map(str::to_owned));
        Unjournaled { id: id.to_owned(), journaled, locked, revoked: None, changed: None }
    };
    let lock = site.lock();
    let write = |lock: &Lockfile| fs::write(site.path(), lock.text()).expect("written by hand");
    // One entry is changed, one is new, one is gone.
    let other = other_hash();
    write(&lock.with(&entry("one", "1", &other)).expect("changed").with(&entry("new", "1", HASH)).expect("added"));
    assert_eq!(site.unjournaled(), [found("one", Some(HASH), Some(&other)), found("new", None, Some(HASH))]);
    write(&lock.without("one").expect("possible").expect("there"));
    assert_eq!(site.unjournaled(), [found("one", Some(HASH), None)]);
    write(&lock);
    assert_eq!(site.unjournaled(), []);
    // An entry that was revoked and is there all the same.
    site.revoke("one").expect("revoked");
    write(&lock);
    let [change] = <[Unjournaled; 1]>::try_from(site.unjournaled()).expect("one");
    let revoked = change.revoked.clone().expect("the last line is a revocation");
    assert_eq!(Unjournaled { revoked: None, ..change }, found("one", None, Some(HASH)));
    assert_eq!(revoked.reason.as_deref(), Some("ticket 2"));
}

#[test]
fn what_is_no_file_of_its_own_is_refused_and_stays_what_it_was() {
    let site = Site::new();
    let victim = site.root.path().join("victim");
    fs::write(&victim, "version = 1\n").expect("written");
    symlink(&victim, site.path()).expect("linked");
    let fault = site.accept("one", "1", HASH, "read it").expect_err("a link");
    assert_eq!(fault.reason(), Reason::LockInvalid);
    assert!(fault.message().contains("is a link"), "{fault:?}");
    assert_eq!(fs::read_to_string(&victim).expect("read"), "version = 1\n");
    assert!(site.path().is_symlink());
    fs::remove_file(site.path()).expect("removed");
    fs::create_dir(site.path()).expect("made");
    assert_eq!(site.begin(&access()).expect_err("a directory").reason(), Reason::LockInvalid);
    fs::remove_dir(site.path()).expect("removed");
    // The name of the draft leads nowhere else either.
    symlink(&victim, site.root.path().join(DRAFT)).expect("linked");
    site.accept("one", "1", HASH, "read it").expect_err("a link that we have not made");
    assert_eq!(fs::read_to_string(&victim).expect("read"), "version = 1\n");
    assert!(!site.path().exists() && !site.root.path().join("plugins.lock.journal").exists());
}

#[test]
fn a_lock_that_is_too_large_or_that_others_can_write_is_not_read() {
    let site = Site::new();
    let file = fs::File::create(site.path()).expect("made");
    file.set_len(MAX_LOCK_BYTES + 1).expect("sparse");
    let fault = site.begin(&access()).expect_err("too large");
    assert_eq!(
        (fault.reason(), fault.difference().expect("both").found.as_str()),
        (Reason::LockInvalid, "16777217 bytes")
    );
    file.set_len(0).expect("cut");
    site.begin(&access()).expect("an empty one");
    fs::set_permissions(site.path(), Permissions::from_mode(0o666)).expect("set");
    assert_eq!(site.begin(&access()).expect_err("open to all").reason(), Reason::DirectoryInsecure);
    fs::set_permissions(site.path(), Permissions::from_mode(0o644)).expect("set");
    fs::set_permissions(site.root.path(), Permissions::from_mode(0o777)).expect("set");
    assert_eq!(site.begin(&access()).expect_err("open to all").reason(), Reason::DirectoryInsecure);
    fs::set_permissions(site.root.path(), Permissions::from_mode(0o700)).expect("set");
    assert_eq!(
        LockPlace::open(Path::new("/")).expect_err("no name").reason(),
        Reason::Usage,
        "a path that names no file"
    );
    assert!(LockPlace::open(&site.root.path().join("absent/plugins.lock")).expect("no fault").is_none());
}

#[test]
fn what_somebody_writes_by_hand_meanwhile_is_not_overwritten() {
    let site = Site::new();
    site.accept("one", "1", HASH, "read it").expect("accepted");
    let session = site.begin(&access()).expect("begun");
    let changed = session.lock().expect("there").with(&entry("two", "1", HASH)).expect("added");
    fs::write(site.path(), "version = 1\n# mine\n").expect("written by hand");
    let fault = session.commit(&changed, &[line(Action::Trust, "two", Some(HASH), "read it")]).expect_err("changed");
    assert_eq!(fault.reason(), Reason::Locked);
    assert_eq!(fs::read_to_string(site.path()).expect("read"), "version = 1\n# mine\n");
    assert_eq!(fs::read_to_string(site.root.path().join("plugins.lock.journal")).expect("read").lines().count(), 1);
    // And one that came into being.
    fs::remove_file(site.path()).expect("removed");
    let session = site.begin(&access()).expect("begun");
    fs::write(site.path(), "# mine\n").expect("written by hand");
    session.commit(&Lockfile::empty(), &[]).expect_err("there is one now");
    assert_eq!(fs::read_to_string(site.path()).expect("read"), "# mine\n");
    assert!(!site.names().contains(&DRAFT.to_owned()), "{:?}", site.names());
}

#[test]
fn a_dry_run_makes_nothing_and_a_blank_reason_changes_nothing() {
    let site = Site::new();
    let dry = LockAccess { dry_run: DryRun::Yes, ..access() };
    let session = site.begin(&dry).expect("begun");
    session.commit(&Lockfile::empty(), &[line(Action::Trust, "one", Some(HASH), "x")]).expect("possible");
    assert_eq!(site.names(), ["own"]);
    let fault = site.accept("one", "1", HASH, " \t").expect_err("blank");
    assert_eq!(fault.reason(), Reason::Usage);
    assert!(!site.path().exists());
}

#[test]
fn many_at_once_all_have_their_entry_and_their_line() {
    let site = Site::new();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let site = &site;
            scope.spawn(move || site.accept(&format!("plugin-{number}"), "1", HASH, "read it").expect("accepted"));
        }
    });
    assert_eq!(site.lock().entries().len(), 16);
    assert_eq!(site.unjournaled(), []);
    let journal = fs::read_to_string(site.root.path().join("plugins.lock.journal")).expect("read");
    assert_eq!(journal.lines().count(), 16);
}

#[test]
fn a_site_without_a_place_for_the_head_keeps_none() {
    let site = Site::new();
    let session = LockSession::begin(&site.path(), None, &access()).expect("begun");
    let changed = Lockfile::empty().with(&entry("one", "1", HASH)).expect("added");
    session.commit(&changed, &[line(Action::Trust, "one", Some(HASH), "a\tb\nc\u{1b}[0m")]).expect("accepted");
    let session = LockSession::begin(&site.path(), None, &access()).expect("begun");
    let (found, reading) = unjournaled(session.lock().expect("there"), session.journal()).expect("read");
    assert_eq!((found, reading.summary.has_head), (vec![], false));
    let journal = fs::read_to_string(site.root.path().join("plugins.lock.journal")).expect("read");
    assert_eq!((journal.lines().count(), journal.trim_end().split('\t').count()), (1, 6));
    assert!(journal.trim_end().ends_with(r"a\tb\nc\u{1b}[0m"), "{journal}");
}

#[test]
fn whoever_holds_the_lock_keeps_the_others_waiting_and_is_named() {
    let site = Site::new();
    let held = site.begin(&access()).expect("begun");
    let patience = Patience { lock_timeout: Duration::ZERO, ..access().patience };
    let fault = site.begin(&LockAccess { patience, ..access() }).expect_err("held");
    assert_eq!(fault.reason(), Reason::Locked);
    assert!(fault.message().contains("plugins.lock` is being changed by"), "{fault:?}");
    // Whoever only looks needs none.
    assert!(LockPlace::open(&site.path()).expect("opened").expect("there").read().expect("read").is_none());
    site.begin(&LockAccess { dry_run: DryRun::Yes, ..access() }).expect("a dry run waits for nobody");
    drop(held);
    site.accept("one", "1", HASH, "read it").expect("accepted");
    // Another lock of the same directory is a lock of its own, with a journal of its own.
    let other = site.root.path().join("other.lock");
    let session = LockSession::begin(&other, None, &access()).expect("begun");
    assert!(session.lock().is_none());
    assert!(session.journal().path().ends_with("other.lock.journal"));
    session.commit(&Lockfile::empty(), &[]).expect("made");
    assert_eq!(fs::read_to_string(&other).expect("read"), "version = 1\n");
    assert_eq!(site.lock().entries().len(), 1);
}

#[test]
fn a_journal_that_does_not_hold_takes_no_line_and_the_lock_stays() {
    let site = Site::new();
    for id in ["one", "two"] {
        site.accept(id, "1", HASH, "read it").expect("accepted");
    }
    let journal = site.root.path().join("plugins.lock.journal");
    let lines = fs::read_to_string(&journal).expect("read");
    let before = site.lock().text().to_owned();
    let cut: String = lines.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(&journal, &cut).expect("cut");
    assert_eq!(site.accept("three", "1", HASH, "read it").expect_err("broken").reason(), Reason::JournalBroken);
    assert_eq!(site.revoke("two").expect_err("broken").reason(), Reason::JournalBroken);
    assert_eq!((site.lock().text(), fs::read_to_string(&journal).expect("read")), (before.as_str(), cut));
    assert!(!site.names().contains(&DRAFT.to_owned()), "{:?}", site.names());
    // What is said of the lock is what the lines say that are left; the reading says that it is broken.
    let session = site.begin(&access()).expect("begun");
    let (found, reading) = unjournaled(session.lock().expect("there"), session.journal()).expect("read");
    assert_eq!(found.iter().map(|found| found.id.as_str()).collect::<Vec<_>>(), ["one"]);
    assert!(reading.broken.is_some());
}

#[test]
fn a_journal_is_asked_before_anything_is_changed_that_it_has_to_answer_for() {
    let site = Site::new();
    site.accept("one", "1", HASH, "read it").expect("accepted");
    let journal = site.root.path().join("plugins.lock.journal");
    let written = fs::read_to_string(&journal).expect("there");
    for access in [access(), LockAccess { dry_run: DryRun::Yes, ..access() }] {
        let begin = || site.begin(&access).expect("begun").with_journal();
        assert!(begin().expect("it holds").slip().is_none());
        // A reason is missing, and the line can still be corrected.
        fs::write(&journal, written.clone() + "2026-05-24T14:32:00+02:00\trevoke\tone\t-\t-\n").expect("by hand");
        let session = begin().expect("it holds");
        let slip = session.slip().expect("no line");
        assert_eq!(slip.reason(), Reason::JournalInvalid);
        let place = slip.location().expect("a place");
        assert!(place.file.ends_with("plugins.lock.journal") && place.line == 2, "{place:?}");
        drop(session);
        // A line that says what it means is none.
        let right = "2026-05-24T14:32:00+02:00\trevoke\tone\t-\t-\tticket 3\n";
        fs::write(&journal, written.clone() + right).expect("by hand");
        assert!(begin().expect("it holds").slip().is_none());
        fs::write(&journal, written.replace("read it", "read over it")).expect("by hand");
        assert_eq!(begin().expect_err("another line").reason(), Reason::JournalBroken);
        fs::write(&journal, &written).expect("back");
    }
    assert_eq!(site.lock().entries().len(), 1);
}

#[test]
fn whatever_was_changed_of_an_entry_is_no_longer_what_was_accepted() {
    let site = Site::new();
    let accepted = LockEntry {
        provenance: Provenance {
            source: Some("oci".to_owned()),
            oci_ref: Some("r.test/one:1".to_owned()),
            oci_digest: Some(format!("sha256:{}", "1".repeat(64))),
            oci_index_digest: Some(format!("sha256:{}", "2".repeat(64))),
            oci_platform: Some("linux/arm64".to_owned()),
            signed_by: Some(vec![format!("SHA256:{}", "1".repeat(64))]),
            coverage: Some("full".to_owned()),
            capabilities: Some(vec!["facts.read".to_owned()]),
            version_floor: Some("1".to_owned()),
            accepted_at: Some("2026-01-31T12:00:00Z".to_owned()),
        },
        ..entry("one", "1", HASH)
    };
    site.accept_entry(&accepted, "read it").expect("accepted");
    assert_eq!(site.unjournaled(), []);
    let lock = site.lock();
    let text = lock.text().to_owned();
    for (line, other) in [
        ("version = \"1\"", "version = \"2\""),
        ("package = ", "package = \"x\" # "),
        ("entry_point = ", "entry_point = \"other:Class\" # "),
        ("source = ", "source = \"dir\" # "),
        ("oci_ref = ", "oci_ref = \"r.test/other:1\" # "),
        ("oci_digest = ", "# "),
        ("oci_index_digest = ", "# "),
        ("oci_platform = ", "oci_platform = \"linux/amd64\" # "),
        ("signed_by = ", "# "),
        ("coverage = ", "coverage = \"code\" # "),
        ("capabilities = ", "capabilities = [\"facts.read\", \"network.outbound\"] # "),
        ("version_floor = ", "# "),
        ("accepted_at = ", "accepted_at = \"2026-01-31T12:00:01Z\" # "),
    ] {
        assert!(text.contains(line), "{line}: {text}");
        fs::write(site.path(), text.replacen(line, other, 1)).expect("written by hand");
        let [change] =
            <[Unjournaled; 1]>::try_from(site.unjournaled()).unwrap_or_else(|found| panic!("{line}: {found:?}"));
        let expected = match line.contains("\"1\"") {
            true => Changed::Version("1".to_owned(), "2".to_owned()),
            false => Changed::Other,
        };
        assert_eq!((change.changed, change.journaled), (Some(expected), change.locked), "{line}");
    }
    // A comment, another order and other blanks say the same.
    fs::write(site.path(), text.replacen("version_floor", "# read twice\nversion_floor  ", 1))
        .expect("written by hand");
    assert_eq!(site.unjournaled(), []);
}

#[test]
fn what_nobody_has_answered_for_is_said_in_one_sentence() {
    let site = Site::new();
    site.accept("one", "1", HASH, "read it").expect("accepted");
    let lock = site.lock();
    let write = |lock: &Lockfile| fs::write(site.path(), lock.text()).expect("written by hand");
    let said = || site.unjournaled().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(said(), Vec::<String>::new());
    write(&Lockfile::empty());
    assert_eq!(said(), ["unjournaled change: the entry `one` is gone, and the journal has no revocation of it"]);
    write(&lock.with(&entry("one", "1", &other_hash())).expect("changed"));
    assert_eq!(said(), ["unjournaled change: the entry `one` accepts another hash than its last line in the journal"]);
    write(&lock.with(&entry("two", "1", HASH)).expect("added"));
    assert_eq!(said(), ["unjournaled change: the journal has no line that accepts the entry `two`"]);
    write(&lock);
    site.revoke("one").expect("revoked");
    write(&lock);
    let [sentence] = <[String; 1]>::try_from(said()).expect("one");
    assert!(sentence.starts_with("`one` was revoked at "), "{sentence}");
    assert!(sentence.ends_with(": ticket 2; and the lock still accepts it"), "{sentence}");
}

#[test]
fn a_command_that_is_stopped_changes_nothing() {
    let site = Site::new();
    site.accept("one", "1", HASH, "read it").expect("accepted");
    let cancellation = Cancellation::default();
    let patience = Patience { cancellation: cancellation.clone(), ..access().patience };
    let session = site.begin(&LockAccess { patience, ..access() }).expect("begun");
    let changed = session.lock().expect("there").without("one").expect("possible").expect("there");
    cancellation.cancel();
    let line = line(Action::Revoke, "one", None, "ticket 2");
    assert_eq!(session.commit(&changed, &[line]).expect_err("stopped").reason(), Reason::Interrupted);
    assert_eq!((site.lock().entries().len(), site.unjournaled()), (1, vec![]));
}

/// Every moment of a kill, one after the other: the draft, the line, the lock.
#[test]
fn whatever_a_kill_leaves_is_named_and_finished_by_the_same_command() {
    let site = Site::new();
    site.accept("one", "1", HASH, "read it").expect("accepted");
    let before = site.lock().text().to_owned();
    let draft = site.root.path().join(DRAFT);
    // What somebody else keeps beside the lock is not ours, whatever it is called.
    let theirs = site.root.path().join("plugins.lock.new");
    fs::write(&theirs, "# to be reviewed\n").expect("written");
    // Behind the draft: nothing has happened.
    fs::write(&draft, "version = 1\n[[plug").expect("written");
    assert_eq!((site.lock().text(), site.unjournaled()), (before.as_str(), vec![]));
    // Behind the line: it is said that the lock does not bear it out.
    let session = site.begin(&access()).expect("begun");
    let mut journal = session.journal().open().expect("it holds");
    let other = other_hash();
    journal.append(&line(Action::Trust, "one", Some(&other), "read it"), &Writer::default()).expect("appended");
    drop(journal);
    drop(session);
    let found = site.unjournaled();
    assert_eq!((found[0].journaled.as_deref(), found[0].locked.as_deref()), (Some(other.as_str()), Some(HASH)));
    site.accept("one", "2", &other, "read it").expect("accepted");
    assert!(!draft.exists(), "the next change removes it");
    assert_eq!(fs::read_to_string(&theirs).expect("still there"), "# to be reviewed\n");
    assert_eq!((site.lock().entries().len(), site.unjournaled()), (1, vec![]));
    // The same of a revocation.
    let session = site.begin(&access()).expect("begun");
    let mut journal = session.journal().open().expect("it holds");
    journal.append(&line(Action::Revoke, "one", None, "ticket 2"), &Writer::default()).expect("appended");
    drop(journal);
    drop(session);
    assert_eq!(site.unjournaled().len(), 1);
    site.revoke("one").expect("revoked");
    assert_eq!((site.lock().entries().len(), site.unjournaled()), (0, vec![]));
}

#[test]
fn every_byte_of_a_lock_that_is_another_one_is_refused_or_says_what_it_is() {
    let entry = LockEntry {
        provenance: Provenance {
            source: Some("oci".to_owned()),
            version_floor: Some("1".to_owned()),
            ..Provenance::default()
        },
        ..entry("one", "1", HASH)
    };
    let lock = Lockfile::empty().with(&entry).expect("added");
    let (mut refused, mut other) = (0, 0);
    for at in 0..lock.text().len() {
        for byte in [b'x', b'"', b'\n', b'#', b'[', 0, 0xff] {
            let mut text = lock.text().as_bytes().to_vec();
            if std::mem::replace(&mut text[at], byte) == byte {
                continue;
            }
            match Lockfile::parse(text, Path::new("plugins.lock")) {
                Ok(changed) if changed.entries() == lock.entries() => {}
                Ok(changed) => {
                    other += 1;
                    let back = changed.with(&entry).expect("it can be put right");
                    assert_eq!(back.entry("one"), Some(&entry), "{}", changed.text());
                }
                Err(fault) => {
                    assert!(matches!(fault.reason(), Reason::LockInvalid | Reason::LockSchemaUnsupported), "{fault:?}");
                    assert!(fault.location().is_some(), "{fault:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1_000 && other > 50, "{refused} refused, {other} others");
}

#[test]
fn a_journal_is_about_no_more_plugins_than_any_site_has() {
    let site = Site::new();
    let journal = site.root.path().join("plugins.lock.journal");
    let lines = |count: usize| -> String {
        let line = |number| format!("2026-05-24T14:32:00Z\trevoke\tplugin-{number}\t-\t-\tticket 2\n");
        (0..count).map(line).collect()
    };
    fs::write(site.path(), "version = 1\n").expect("written");
    for (count, is_read) in [(99_999, true), (100_000, true), (100_001, false)] {
        fs::write(&journal, lines(count)).expect("written");
        let session = site.begin(&access()).expect("begun");
        match unjournaled(session.lock().expect("there"), session.journal()) {
            Ok((found, reading)) => {
                assert!(is_read && found.is_empty(), "{count}");
                assert_eq!(reading.summary.lines, count as u64);
            }
            Err(fault) => {
                assert!(!is_read, "{count}: {fault:?}");
                assert_eq!(fault.reason(), Reason::JournalInvalid);
                assert_eq!(fault.difference().expect("both").expected, "at most 100000 plugins");
            }
        }
    }
    // Many lines about one are one.
    fs::write(&journal, lines(1).repeat(100_001)).expect("written");
    let session = site.begin(&access()).expect("begun");
    assert_eq!(unjournaled(session.lock().expect("there"), session.journal()).expect("read").0, []);
}

/// A lock as capa writes it, with what people have added, through a year of changes.
#[test]
fn a_year_of_changes_leaves_everything_else_to_the_byte() {
    let site = Site::new();
    let entry = |id: &str, version: &str, hash: &str| {
        format!(
            "[[plugins]]\r\nid = \"{id}\"\r\npackage = \"pack\"\r\nversion = \"{version}\" # reviewed\r\n\
             entry_point = \"pack:One\"\r\ndistribution_hash = \"{hash}\"\r\n"
        )
    };
    let text = |entries: &[String]| format!("version = 1\r\n\r\n# lab 3\r\n{}# the end\r\n", entries.join("\r\n"));
    let [one, two, three] = ["one", "two", "three"].map(|id| entry(id, "1", HASH));
    fs::write(site.path(), text(&[one.clone(), two.clone(), three.clone()])).expect("written");
    assert_eq!(site.unjournaled().len(), 3, "nobody has answered for them");
    for id in ["one", "two", "three"] {
        site.accept(id, "1", HASH, "as it is").expect("accepted");
    }
    assert_eq!(site.lock().text(), text(&[one.clone(), two.clone(), three.clone()]), "the same is no change");
    assert_eq!(site.unjournaled(), []);

    let other = other_hash();
    site.accept("two", "2", &other, "read the changes").expect("accepted");
    let newer = entry("two", "2", &other);
    assert_eq!(site.lock().text(), text(&[one.clone(), newer.clone(), three.clone()]));
    site.revoke("one").expect("revoked");
    assert_eq!(site.lock().text(), text(&[newer.clone(), three.clone()]).replace("# lab 3\r\n", "# lab 3\r\n\r\n"));
    site.accept("one", "1", HASH, "again").expect("accepted");
    let end = "# the end\r\n\r\n[[plugins]]\r\nid = \"one\"\r\npackage = \"pack\"\r\nversion = \"1\"\r\n";
    assert!(site.lock().text().contains(end), "{}", site.lock().text());
    for id in ["two", "three", "one"] {
        site.revoke(id).expect("revoked");
    }
    let left = site.lock();
    assert_eq!((left.entries().len(), left.text().matches("[[plugins]]").count()), (0, 0));
    for kept in ["version = 1\r\n", "# lab 3\r\n", "# the end\r\n"] {
        assert!(left.text().contains(kept), "{}", left.text());
    }
    assert!(!left.text().replace("\r\n", "").contains('\n'), "{:?}", left.text());
    assert_eq!(site.unjournaled(), []);
    let journal = fs::read_to_string(site.root.path().join("plugins.lock.journal")).expect("read");
    assert_eq!(journal.lines().count(), 9, "{journal}");
}
