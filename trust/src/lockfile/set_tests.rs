//! Locks as sets, what they make of the lock of a site, and what that site remembers of them.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason};
use jiff::Timestamp;

use super::applied::{AppliedLock, followed};
use super::brought::{Brought, EntryChange};
use super::entry::{LockEntry, Provenance};
use super::place::LockPlace;
use super::read::Lockfile;
use super::session::{LockAccess, LockSession, Remembered};
use super::set::{LockSet, MAX_LOCKSET_BYTES};
use crate::journal::Writer;
use crate::keys::{SetHead, SignedSet as _, SyncSettings};
use crate::state_lock::Patience;

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn head(version: u64) -> SetHead {
    let (issued_at, expires_at) = (time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
    SetHead { name: "fleet".to_owned(), version, issued_at, expires_at }
}

fn parsed(text: &str) -> Lockfile {
    Lockfile::parse(text.as_bytes().to_vec(), Path::new("plugins.lock")).expect("a lock")
}

fn entry(id: &str, version: &str, floor: Option<&str>) -> LockEntry {
    LockEntry {
        id: id.to_owned(),
        package: "pack".to_owned(),
        version: version.to_owned(),
        entry_point: "pack:One".to_owned(),
        distribution_hash: "sha256:11".to_owned(),
        provenance: Provenance { version_floor: floor.map(str::to_owned), ..Provenance::default() },
    }
}

fn lock(entries: &[LockEntry]) -> Lockfile {
    entries.iter().fold(Lockfile::empty(), |lock, entry| lock.with(entry).expect("added"))
}

fn set(lock: &Lockfile, version: u64) -> LockSet {
    LockSet::of(lock, head(version)).expect("a set")
}

fn digest(set: &LockSet) -> Digest {
    Digest::of(&set.to_payload())
}

/// What became of each entry: its id, and its version before and after.
fn said(changes: &[EntryChange]) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let version = |entry: &'_ Option<LockEntry>| entry.as_ref().map(|entry| entry.version.clone());
    let mut said = Vec::new();
    for change in changes {
        let [before, after] = [version(&change.before), version(&change.after)];
        let leaked = |version: Option<String>| version.map(|version| &*version.leak());
        said.push((change.id.as_str(), leaked(before), leaked(after)));
    }
    said
}

#[test]
fn a_set_is_read_as_it_was_written_and_says_the_text_of_the_lock() {
    let lock = parsed("# ours\nversion = 1\n");
    let first = set(&lock, 1);
    let again = LockSet::read(&first.to_payload()).expect("our own form");
    assert_eq!((&again, again.head()), (&first, head(1)));
    assert_eq!(again.lockfile().expect("a lock").text(), "# ours\nversion = 1\n");
}

#[test]
fn what_is_no_set_is_refused() {
    let payload = String::from_utf8(set(&Lockfile::empty(), 1).to_payload()).expect("text");
    let read = |from: &str, to: &str| -> Fault {
        assert!(payload.contains(from), "{payload}");
        LockSet::read(payload.replace(from, to).as_bytes()).expect_err(to)
    };
    for (from, to, reason) in [
        (r#""schema_version":1"#, r#""schema_version":2"#, Reason::LocksetInvalid),
        (r#""schema_version":1"#, r#""schema_version":1,"more":1"#, Reason::LocksetInvalid),
        (r#""version":1,"#, r#""version":0,"#, Reason::LocksetInvalid),
        (r#""version":1,"#, r#""version":-1,"#, Reason::LocksetInvalid),
        (r#""name":"fleet""#, r#""name":"../fleet""#, Reason::LocksetInvalid),
        ("2027-01-01", "2025-01-01", Reason::LocksetInvalid),
        ("version = 1", "version = [", Reason::LocksetInvalid),
        ("version = 1", "version = 3", Reason::LockSchemaUnsupported),
        ("version = 1", "more = 1", Reason::LocksetInvalid),
    ] {
        assert_eq!(read(from, to).reason(), reason, "{to}");
    }
    for content in [&b""[..], b"{}", b"null", b"[]", &payload.as_bytes()[..payload.len() - 1], b"\xff"] {
        assert_eq!(LockSet::read(content).expect_err("none").reason(), Reason::LocksetInvalid);
    }
    let huge = vec![b' '; usize::try_from(MAX_LOCKSET_BYTES).expect("fits") + 1];
    assert_eq!(LockSet::read(&huge).expect_err("too large").reason(), Reason::LocksetInvalid);
    // What somebody has typed is no set that cannot be understood.
    let typed = |head: SetHead| LockSet::of(&Lockfile::empty(), head).expect_err("refused").reason();
    assert_eq!(typed(SetHead { name: "a b".to_owned(), ..head(1) }), Reason::Usage);
    assert_eq!(typed(SetHead { expires_at: time("2020-01-01T00:00:00Z"), ..head(1) }), Reason::Usage);
}

#[test]
fn an_entry_below_its_own_floor_is_read_by_nobody() {
    let made = set(&lock(&[entry("one", "2.0", Some("2.0"))]), 1);
    let payload = String::from_utf8(made.to_payload()).expect("text");
    let older = payload.replace(r#"version = \"2.0\"\nentry"#, r#"version = \"1.0\"\nentry"#);
    assert_ne!(older, payload);
    let fault = LockSet::read(older.as_bytes()).expect_err("refused");
    assert_eq!(fault.reason(), Reason::LocksetInvalid, "{fault}");
    assert!(format!("{fault:?}").contains("`version` is below `version_floor`"), "{fault:?}");
}

#[test]
fn entries_come_change_and_go() {
    let wanted = lock(&[entry("one", "1.1", None), entry("two", "1.0", None), entry("four", "1.0", None)]);
    let first = Brought::of(None, &wanted, false).expect("brought");
    assert_eq!(first.lock.text(), wanted.text());
    assert_eq!(first.changes.len(), 3);
    let here = lock(&[entry("three", "1.0", None), entry("one", "1.0", None), entry("two", "1.0", None)]);
    let brought = Brought::of(Some(&here), &wanted, false).expect("brought");
    let expected = [("one", Some("1.0"), Some("1.1")), ("four", None, Some("1.0")), ("three", Some("1.0"), None)];
    assert_eq!(said(&brought.changes), expected);
    let ids: Vec<&str> = brought.lock.entries().iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["one", "two", "four"], "where they stand, and new ones at the end");
    let again = Brought::of(Some(&brought.lock), &wanted, false).expect("brought");
    assert!(again.changes.is_empty() && again.lock.text() == brought.lock.text());
}

#[test]
fn what_somebody_has_written_stays_and_what_nobody_has_touched_becomes_what_was_signed() {
    let here = lock(&[entry("one", "1.0", None)]);
    let here = parsed(&here.text().replace("[[plugins]]", "# read by Ada\n[[plugins]]"));
    let wanted = lock(&[entry("one", "1.1", None)]);
    let wanted = parsed(&format!("# the fleet's\n{}", wanted.text()));
    let touched = Brought::of(Some(&here), &wanted, false).expect("brought");
    assert_eq!(touched.lock.text(), here.text().replace("1.0", "1.1"));
    let untouched = Brought::of(Some(&here), &wanted, true).expect("brought");
    assert_eq!(untouched.lock.text(), wanted.text());
    assert_eq!(said(&touched.changes), said(&untouched.changes));
    // More that go than are taken out one by one: the text that was signed.
    let many: Vec<LockEntry> = (0..201).map(|number| entry(&format!("p{number}"), "1.0", None)).collect();
    let crowded = here.with_all(&many).expect("added");
    let whole = Brought::of(Some(&crowded), &wanted, false).expect("brought");
    assert_eq!((whole.lock.text(), whole.changes.len()), (wanted.text(), 202));
    let in_place = Brought::of(Some(&here), &lock(&many), false).expect("brought");
    assert!(in_place.lock.text().contains("# read by Ada") && in_place.lock.entries().len() == 201);
}

#[test]
fn a_floor_of_this_site_only_grows() {
    let here = lock(&[entry("one", "1.5", Some("1.2"))]);
    let of =
        |version: &str, floor: Option<&str>| Brought::of(Some(&here), &lock(&[entry("one", version, floor)]), true);
    let floor = |version: &str, floor: Option<&str>| {
        let brought = of(version, floor).expect("brought");
        brought.lock.entry("one").expect("there").provenance.version_floor.clone()
    };
    assert_eq!(floor("1.6", None).as_deref(), Some("1.2"));
    assert_eq!(floor("1.6", Some("1.1")).as_deref(), Some("1.2"));
    assert_eq!(floor("1.6", Some("1.6")).as_deref(), Some("1.6"));
    assert_eq!(floor("1.2", Some("1.0")).as_deref(), Some("1.2"));
    assert_eq!(of("1.1", Some("1.0")).expect_err("below").reason(), Reason::VersionDowngrade);
    // Going back is what somebody here has decided.
    let back = Brought::back(Some(&here), &lock(&[entry("one", "1.0", Some("1.0"))])).expect("back");
    assert_eq!(said(&back.changes), [("one", Some("1.5"), Some("1.0"))]);
}

#[test]
fn what_is_remembered_is_the_last_version_and_the_lock_before() {
    let (one, two) = (lock(&[entry("one", "1.0", None)]), lock(&[entry("two", "1.0", None)]));
    let (first, second) = (set(&one, 1), set(&two, 2));
    let applied = AppliedLock::of(&first, digest(&first), &one, None, None);
    assert_eq!((applied.version, &applied.previous), (1, &None));
    assert!(applied.is_untouched(Some(&one)) && !applied.is_untouched(Some(&two)) && !applied.is_untouched(None));
    let then = AppliedLock::of(&second, digest(&second), &two, Some(&applied), Some(&one));
    let previous = then.previous.clone().expect("the lock before");
    assert_eq!((previous.version, previous.lock.as_str()), (Some(1), one.text()));
    // A run that was killed and is finished does not make its own beginning the lock before.
    let finished = AppliedLock::of(&second, digest(&second), &two, Some(&then), Some(&two));
    assert_eq!(finished, then);
    // Twice is where one was.
    let back = then.gone_back(&one, Some(&two));
    assert!(back.is_rolled_back && back.version == 2 && back.is_untouched(Some(&one)));
    let forth = back.gone_back(&two, Some(&one));
    assert!(!forth.is_rolled_back && forth.is_untouched(Some(&two)));
    assert_eq!(forth.previous.expect("there").lock, one.text());
    // Whoever follows another set for a while does not come back to an older one.
    let other = LockSet { name: "other".to_owned(), ..first };
    let other = AppliedLock::of(&other, digest(&other), &one, Some(&then), Some(&two));
    assert_eq!(other.last_of("fleet").expect("known").version, 2);
    assert_eq!(other.last_of("other").expect("known").version, 1);
    assert_eq!(other.last_of("third"), None);
}

/// A directory with a lock in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn session(&self, dry_run: DryRun) -> LockSession {
        let patience = Patience { lock_timeout: Duration::ZERO, cancellation: Cancellation::default() };
        let access = LockAccess { patience, writer: Writer::of_process(None), dry_run };
        LockSession::begin(&self.0.path().join("plugins.lock"), None, &access).expect("begun")
    }

    fn place(&self) -> LockPlace {
        LockPlace::open(&self.0.path().join("plugins.lock")).expect("opened").expect("there")
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.0.path().join(name), content).expect("written");
    }
}

#[test]
fn a_set_is_remembered_beside_the_lock_and_what_nobody_understands_is_refused() {
    let place = Place::new();
    let one = lock(&[entry("one", "1.0", None)]);
    let first = set(&one, 1);
    let applied = AppliedLock::of(&first, digest(&first), &one, None, None);
    let settings = SyncSettings::new("ghcr.io/acme/plugins:fleet".to_owned(), "fleet".to_owned(), NonZeroUsize::MIN);
    let remembered = Remembered { settings: Some(&settings), applied: Some(&applied) };
    place.session(DryRun::Yes).commit_set(&one, &[], &remembered).expect("nothing");
    assert!(AppliedLock::read(&place.place()).expect("none").is_none());
    assert!(followed(&place.place()).expect("none").is_none());
    place.session(DryRun::No).commit_set(&one, &[], &remembered).expect("written");
    let session = place.session(DryRun::No);
    assert_eq!(session.applied().expect("readable"), Some(applied.clone()));
    assert_eq!(session.lock().expect("a lock").text(), one.text());
    drop(session);
    assert_eq!(followed(&place.place()).expect("readable"), Some(settings));
    let then = applied.gone_back(&one, None);
    place.session(DryRun::No).remember_alone(&Remembered { settings: None, applied: Some(&then) }).expect("written");
    assert_eq!(AppliedLock::read(&place.place()).expect("readable"), Some(then));
    for content in ["", "{}", "null", "{\"schema_version\":2}"] {
        place.write("plugins.lock.set", content);
        place.write("plugins.lock.sync", content);
        let fault = AppliedLock::read(&place.place()).expect_err(content);
        assert_eq!(fault.reason(), Reason::RecordInvalid, "{content}");
        assert_eq!(followed(&place.place()).expect_err(content).reason(), Reason::RecordInvalid, "{content}");
    }
    assert_eq!(place.place().read().expect("readable").expect("there").text(), one.text());
}

/// What is begun is remembered before anything else is written: a run that stops behind that is finished by the next,
/// and goes back to what stood there before it.
#[test]
fn a_run_that_has_stopped_in_between_is_finished_and_keeps_the_lock_before() {
    let place = Place::new();
    let (one, two) = (lock(&[entry("one", "1.0", None)]), lock(&[entry("two", "1.0", None)]));
    let (first, second) = (set(&one, 1), set(&two, 2));
    let applied = AppliedLock::of(&first, digest(&first), &one, None, None);
    place
        .session(DryRun::No)
        .commit_set(&one, &[], &Remembered { settings: None, applied: Some(&applied) })
        .expect("one");
    let begun = AppliedLock::of(&second, digest(&second), &two, Some(&applied), Some(&one));
    place.session(DryRun::No).remember_alone(&Remembered { settings: None, applied: Some(&begun) }).expect("begun");
    let session = place.session(DryRun::No);
    let before = session.applied().expect("readable").expect("there");
    assert_eq!((before.version, session.lock().expect("a lock").text()), (2, one.text()));
    assert!(!before.is_untouched(session.lock()), "what stands there is not what was written last");
    let Brought { lock: then, changes } = Brought::of(session.lock(), &two, false).expect("brought");
    assert_eq!(said(&changes), [("two", None, Some("1.0")), ("one", Some("1.0"), None)]);
    let finished = AppliedLock::of(&second, digest(&second), &then, Some(&before), session.lock());
    assert_eq!(finished.previous.as_ref().expect("the lock before").lock, one.text());
    session.commit_set(&then, &[], &Remembered { settings: None, applied: Some(&finished) }).expect("finished");
    assert!(finished.is_untouched(place.place().read().expect("readable").as_ref()));
}

/// An editor asks no lock of ours: what it has written meanwhile is neither replaced nor remembered as ours.
#[test]
fn a_lock_that_was_changed_meanwhile_is_left_and_nothing_is_remembered() {
    let place = Place::new();
    let one = lock(&[entry("one", "1.0", None)]);
    let first = set(&one, 1);
    let applied = AppliedLock::of(&first, digest(&first), &one, None, None);
    place.write("plugins.lock", "version = 1\n");
    let session = place.session(DryRun::No);
    place.write("plugins.lock", "version = 1\n# a note\n");
    let remembered = Remembered { settings: None, applied: Some(&applied) };
    let fault = session.commit_set(&one, &[], &remembered).expect_err("changed");
    assert_eq!(fault.reason(), Reason::Locked);
    assert!(AppliedLock::read(&place.place()).expect("none").is_none());
    assert_eq!(place.place().read().expect("readable").expect("there").text(), "version = 1\n# a note\n");
}

#[test]
fn a_file_beside_a_lock_that_others_can_change_is_believed_by_nobody() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let one = lock(&[entry("one", "1.0", None)]);
    let first = set(&one, 1);
    let applied = AppliedLock::of(&first, digest(&first), &one, None, None);
    let remembered = Remembered { settings: None, applied: Some(&applied) };
    place.session(DryRun::No).commit_set(&one, &[], &remembered).expect("written");
    let path = place.0.path().join("plugins.lock.set");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("set");
    assert_eq!(AppliedLock::read(&place.place()).expect_err("anybody's").reason(), Reason::DirectoryInsecure);
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("made");
    assert_eq!(AppliedLock::read(&place.place()).expect_err("no file").reason(), Reason::RecordInvalid);
    fs::remove_dir(&path).expect("removed");
    std::os::unix::fs::symlink("plugins.lock", &path).expect("linked");
    assert!(AppliedLock::read(&place.place()).is_err(), "a link");
}

/// What was to come back does no more once it stands: whoever writes there from then on means it.
#[test]
fn what_was_to_come_back_is_forgotten_when_it_stands() {
    let place = Place::new();
    let (one, two) = (lock(&[entry("one", "1.0", None)]), lock(&[entry("two", "1.0", None)]));
    let (first, second) = (set(&one, 1), set(&two, 2));
    let applied = AppliedLock::of(&first, digest(&first), &one, None, None);
    let then = AppliedLock::of(&second, digest(&second), &two, Some(&applied), Some(&one));
    assert!(then.returned().is_none(), "nothing was to come back");
    let remembered = Remembered { settings: None, applied: Some(&then) };
    place.session(DryRun::No).commit_set(&two, &[], &remembered).expect("two");
    let back = then.gone_back(&one, Some(&two));
    assert_eq!(back.unfinished(Some(&two)).expect("begun").lock, one.text());
    assert!(back.unfinished(Some(&one)).is_none(), "it stands");
    assert!(back.returned().expect("to be forgotten").returned().is_none());
    let remembered = Remembered { settings: None, applied: Some(&back) };
    place.session(DryRun::No).commit_set(&one, &[], &remembered).expect("back");
    let stored = AppliedLock::read(&place.place()).expect("readable").expect("there");
    assert!(stored.returned().is_none() && stored.is_rolled_back);
    assert!(stored.unfinished(Some(&two)).is_none(), "whoever writes the other one by hand means it");
}
