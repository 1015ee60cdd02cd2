//! Every change of the keys, made whole, and stopped behind each of its steps.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_files::{Links, read_small};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{HeldKey, KeyCoverage, KeyNotes, Keyring, Scope, SignatureKind, SigningKey, Standing};
use jiff::Timestamp;

use super::change::KeyChange;
use super::session::{KeysAccess, KeysSession};
use super::{Addition, Foreseen, Grounds, counting, counts_beside};
use crate::journal::{HeldDirectory, JournalPlace, Writer};
use crate::state_lock::Patience;

/// A directory with the key `ops`, which a note limits.
struct Site {
    place: tempfile::TempDir,
    ops: SigningKey,
}

const NOTE: &str = r#"{"schema_version":2,"owner":"Ada","scope":{"plugins":["acme-*"]}}"#;

impl Site {
    fn new() -> Self {
        let site = Self { place: tempfile::tempdir().expect("a directory"), ops: key() };
        site.write("ops.pem", &site.ops.public_key().to_pem());
        site.write("ops.json", NOTE);
        site
    }

    fn path(&self) -> &Path {
        self.place.path()
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }

    fn keyring(&self) -> Keyring {
        Keyring::read(self.path()).unwrap_or_else(|fault| panic!("{fault:?}: {:?}", self.files()))
    }

    fn begin(&self) -> Result<KeysSession> {
        KeysSession::begin(self.path(), &access(DryRun::No))
    }

    fn change(&self, decide: impl FnOnce(&Keyring, &Grounds) -> Result<KeyChange>) -> Result<()> {
        let session = self.begin()?;
        let change = decide(session.keyring(), &why())?;
        session.make(&change)
    }

    /// The names of all files but those of ours.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut open = vec![self.path().to_owned()];
        while let Some(directory) = open.pop() {
            let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("entry").path());
            let (directories, found): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
            open.extend(directories.into_iter().filter(|path| !path.ends_with(".aisoc")));
            files.extend(found);
        }
        let relative = |path: PathBuf| path.strip_prefix(self.path()).expect("below").display().to_string();
        let mut names: Vec<String> = files.into_iter().map(relative).filter(|name| !name.contains("journal")).collect();
        names.sort();
        names
    }

    fn journal(&self) -> Vec<(String, String)> {
        let open = |path: &Path| HeldDirectory::open(path).expect("opened");
        let own = open(&self.path().join(".aisoc"));
        let place = JournalPlace::of_keys(open(self.path()).expect("there"), own);
        let mut lines = Vec::new();
        let read = place.read(|seen| {
            let entry = seen.entry().expect("a line");
            lines.push((entry.action.to_string(), entry.id.expect("an id")));
            Ok(())
        });
        assert!(read.expect("readable").broken.is_none());
        lines
    }
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

fn why() -> Grounds {
    Grounds { at: now(), reason: "ticket 12".parse().expect("a reason") }
}

fn access(dry_run: DryRun) -> KeysAccess {
    let patience = Patience { lock_timeout: Duration::ZERO, cancellation: Cancellation::default() };
    KeysAccess { patience, writer: Writer::default(), dry_run }
}

fn of<'a>(keyring: &'a Keyring, file: &str) -> &'a HeldKey {
    keyring.all_keys().iter().find(|key| key.file == file).unwrap_or_else(|| panic!("no {file}"))
}

fn addition(key: &SigningKey, id: &str) -> Addition {
    let note = KeyNotes { owner: Some("Ada".to_owned()), coverage: Some(KeyCoverage::Full), ..KeyNotes::new() };
    Addition { key: key.public_key(), id: id.to_owned(), note: Some(note) }
}

type Decide = Box<dyn Fn(&Keyring, &Grounds) -> Result<KeyChange>>;

/// What is done before, what is done, what stands there then, and the standing of the key at the moment.
struct Case {
    name: &'static str,
    before: Option<Decide>,
    decide: Decide,
    files: &'static [&'static str],
    standing: fn(&Standing) -> bool,
}

fn cases(new: &SigningKey) -> Vec<Case> {
    let stage = |new: &SigningKey| -> Decide {
        let addition = addition(new, "new");
        Box::new(move |ring, why| KeyChange::stage(ring, &addition, why))
    };
    let added = addition(new, "new");
    let on_ops = |file: &'static str, decide: fn(&Keyring, &HeldKey, &Grounds) -> Result<KeyChange>| -> Decide {
        Box::new(move |ring, why| decide(ring, of(ring, file), why))
    };
    let retire = || on_ops("ops.pem", |ring, key, why| KeyChange::retire(ring, key, None, why));
    let revoke = || on_ops("ops.pem", |ring, key, why| KeyChange::revoke(ring, key, None, why));
    let restored = |file| on_ops(file, KeyChange::restore);
    let current = |it: &Standing| *it == Standing::Current;
    let retired = |it: &Standing| *it == Standing::Retired;
    let staged = |it: &Standing| *it == Standing::Staged;
    let revoked =
        |it: &Standing| matches!(it, Standing::Revoked { at: Some(_), reason: Some(why) } if why == "ticket 12");
    let case = |name, before, decide, files, standing| Case { name, before, decide, files, standing };
    vec![
        case("stage", None, stage(new), &["ops.json", "ops.pem", "staged/new.json", "staged/new.pem"], staged),
        case(
            "add",
            None,
            Box::new(move |ring, why| KeyChange::add(ring, &added, why)),
            &["new.json", "new.pem", "ops.json", "ops.pem"],
            current,
        ),
        case(
            "promote",
            Some(stage(new)),
            on_ops("staged/new.pem", KeyChange::promote),
            &["new.json", "new.pem", "ops.json", "ops.pem"],
            current,
        ),
        case("retire", None, retire(), &["retired/ops.json", "retired/ops.pem"], retired),
        case(
            "retire later",
            None,
            on_ops("ops.pem", |ring, key, why| {
                KeyChange::retire(ring, key, Some("2026-07-01T00:00:00Z".parse().expect("a time")), why)
            }),
            &["ops.json", "ops.pem"],
            current,
        ),
        case("revoke", None, revoke(), &["revoked/ops.json", "revoked/ops.pem"], revoked),
        case("restore the retired", Some(retire()), restored("retired/ops.pem"), &["ops.json", "ops.pem"], current),
        case("restore the revoked", Some(revoke()), restored("revoked/ops.pem"), &["ops.json", "ops.pem"], current),
        case(
            "annotate",
            None,
            on_ops("ops.pem", |_, key, why| {
                let note = key.notes().cloned().map(|note| KeyNotes { owner: Some("Bob".to_owned()), ..note });
                KeyChange::annotate(key, note, why)
            }),
            &["ops.json", "ops.pem"],
            current,
        ),
        case(
            "unannotate",
            None,
            on_ops("ops.pem", |_, key, why| KeyChange::annotate(key, None, why)),
            &["ops.pem"],
            current,
        ),
    ]
}

/// What a reader may rely on of each key.
fn standings(keyring: &Keyring) -> Vec<(String, Standing)> {
    let mut standings: Vec<(String, Standing)> = keyring
        .all_keys()
        .iter()
        .map(|key| (key.fingerprint.to_string(), key.standing_for(Some("other"), &now().into())))
        .collect();
    standings.sort_by(|one, other| one.0.cmp(&other.0));
    standings
}

#[test]
fn every_change_leaves_what_it_says_and_one_line_in_the_journal() {
    for case in cases(&key()) {
        let site = Site::new();
        if let Some(before) = case.before {
            site.change(before).expect(case.name);
        }
        let mut action = String::new();
        let mut id = String::new();
        site.change(|ring, why| {
            let change = (case.decide)(ring, why)?;
            action = change.action().to_string();
            id = change.entry.id.clone().expect("an id");
            Ok(change)
        })
        .expect(case.name);
        assert_eq!(site.files(), case.files, "{}", case.name);
        assert_eq!(site.journal().last(), Some(&(action, id.clone())), "{}", case.name);
        let keyring = site.keyring();
        let changed = keyring.all_keys().iter().find(|key| key.id.as_str() == id).expect("there");
        assert!((case.standing)(&changed.standing(now())), "{}: {:?}", case.name, changed.standing(now()));
        assert!(site.begin().expect("again").finished().is_none(), "{}", case.name);
    }
}

#[test]
fn behind_every_step_a_reader_meets_the_old_state_or_the_new_one_and_the_next_session_finishes_it() {
    let mut stopped = 0;
    for index in 0..cases(&key()).len() {
        for taken in 0.. {
            let new = key();
            let case = cases(&new).swap_remove(index);
            let site = Site::new();
            if let Some(before) = case.before {
                site.change(before).expect(case.name);
            }
            let old = standings(&site.keyring());
            let session = site.begin().expect("a session");
            let change = (case.decide)(session.keyring(), &why()).expect(case.name);
            let steps = change.steps.len();
            // One more than there are steps: then the line is written down, and the change is not forgotten.
            session.stop_after(&change, taken).expect("stopped");
            let meanwhile = standings(&site.keyring());
            let session = site.begin().unwrap_or_else(|fault| panic!("{} {taken}: {fault:?}", case.name));
            assert_eq!(session.finished(), Some(&change.entry), "{} {taken}", case.name);
            drop(session);
            assert_eq!(site.files(), case.files, "{} {taken}", case.name);
            let lines = site.journal().iter().filter(|line| line.0 == change.action().to_string()).count();
            assert_eq!(lines, 1, "{} {taken}", case.name);
            let finished = standings(&site.keyring());
            for (key, standing) in &meanwhile {
                let in_state = |state: &[(String, Standing)]| state.iter().any(|(it, is)| it == key && is == standing);
                // A key that comes is staged on its way, which trusts nobody.
                let is_on_its_way = *standing == Standing::Staged;
                assert!(in_state(&old) || in_state(&finished) || is_on_its_way, "{} {taken}: {standing}", case.name);
            }
            stopped += 1;
            if taken > steps {
                break;
            }
        }
    }
    assert!(stopped > 30, "{stopped}");
}

#[test]
fn what_cannot_be_done_is_refused_and_leaves_no_trace() {
    let (site, other) = (Site::new(), key());
    site.write("retired/old.pem", &key().public_key().to_pem());
    site.write("revoked/lost.pem", &other.public_key().to_pem());
    let files = site.files();
    let refused = |decide: &dyn Fn(&Keyring) -> Result<KeyChange>, reason: Reason, named: &str| {
        let fault: Fault = site.change(|ring, _| decide(ring)).expect_err(named);
        assert_eq!(fault.reason(), reason, "{named}: {fault:?}");
        assert!(!fault.next_step().is_empty() && fault.difference().is_some() || reason == Reason::Usage, "{fault:?}");
        assert_eq!((site.files(), site.journal().len()), (files.clone(), 0), "{named}");
    };
    let ops = site.ops.public_key();
    let add = |key, id: &str| Addition { key, id: id.to_owned(), note: None };
    refused(&|ring| KeyChange::add(ring, &add(ops, "again"), &why()), Reason::AlreadyExists, "a key that is there");
    refused(&|ring| KeyChange::stage(ring, &add(other.public_key(), "x"), &why()), Reason::KeyRevoked, "a revoked key");
    for id in ["ops", "OPS", "old", "lost"] {
        refused(&|ring| KeyChange::add(ring, &add(key().public_key(), id), &why()), Reason::AlreadyExists, id);
    }
    let (long, just) = ("a".repeat(129), "a".repeat(128));
    for id in ["", ".ops", "-ops", "a/b", "a b", "é", "../x", long.as_str()] {
        refused(&|ring| KeyChange::add(ring, &add(key().public_key(), id), &why()), Reason::Usage, id);
    }
    assert!(KeyChange::add(&site.keyring(), &add(key().public_key(), &just), &why()).is_ok());
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    refused(&|ring| KeyChange::promote(ring, of(ring, "ops.pem"), &why()), Reason::Usage, "a trusted key");
    refused(&|ring| KeyChange::retire(ring, of(ring, "retired/old.pem"), None, &why()), Reason::Usage, "a retired key");
    for over in [now(), at("2026-05-31T23:59:59Z")] {
        refused(&|ring| KeyChange::retire(ring, of(ring, "ops.pem"), Some(over), &why()), Reason::Usage, "over");
    }
    refused(&|ring| KeyChange::restore(ring, of(ring, "ops.pem"), &why()), Reason::Usage, "a key that counts");
    let later = Some(at("2026-06-01T00:00:01Z"));
    refused(&|ring| KeyChange::revoke(ring, of(ring, "ops.pem"), later, &why()), Reason::Usage, "lost tomorrow");
    assert!(KeyChange::revoke(&site.keyring(), of(&site.keyring(), "ops.pem"), Some(now()), &why()).is_ok());
    let same = |ring: &Keyring| KeyChange::annotate(of(ring, "ops.pem"), of(ring, "ops.pem").notes().cloned(), &why());
    assert_eq!(site.change(|ring, _| same(ring)).expect_err("same").reason(), Reason::AlreadyExists);
    let empty = Some(KeyNotes { scope: Some(Scope { plugins: None, repositories: None }), ..KeyNotes::new() });
    let unsound = site.change(|ring, why| KeyChange::annotate(of(ring, "ops.pem"), empty, why)).expect_err("unsound");
    assert_eq!(unsound.reason(), Reason::KeyNoteInvalid);
}

#[test]
fn that_a_key_is_trusted_is_written_down_and_nothing_else_is_changed() {
    let site = Site::new();
    site.write("staged/new.pem", &key().public_key().to_pem());
    let files = site.files();
    site.change(|ring, why| KeyChange::write_down(of(ring, "ops.pem"), why)).expect("written down");
    assert_eq!((site.files(), site.journal().last()), (files, Some(&("key-add".to_owned(), "ops".to_owned()))));
    let staged = site.change(|ring, why| KeyChange::write_down(of(ring, "staged/new.pem"), why));
    assert_eq!(staged.expect_err("not trusted").reason(), Reason::Usage);
    assert!(site.begin().expect("free").finished().is_none());
}

#[test]
fn a_key_is_revoked_under_every_name_in_one_change() {
    let site = Site::new();
    let pem = site.ops.public_key().to_pem();
    for name in ["twin.pub", "staged/ops.pem", "retired/third.pem"] {
        site.write(name, &pem);
    }
    site.change(|ring, why| KeyChange::revoke(ring, of(ring, "twin.pub"), None, why)).expect("revoked");
    let expected = ["ops.json", "ops.pem", "third.json", "third.pem", "twin.json", "twin.pub"];
    assert_eq!(site.files(), expected.map(|name| format!("revoked/{name}")));
    let again = site.change(|ring, why| KeyChange::revoke(ring, of(ring, "revoked/ops.pem"), None, why));
    assert_eq!(again.expect_err("done").reason(), Reason::AlreadyExists);
    let twins = site.change(|ring, why| KeyChange::restore(ring, of(ring, "revoked/ops.pem"), why));
    assert_eq!(twins.expect_err("two names").reason(), Reason::KeyRevoked);
}

#[test]
fn the_end_of_a_key_is_never_put_off_by_retiring_it() {
    let site = Site::new();
    let until = |text: &str| Some(text.parse::<Timestamp>().expect("a time"));
    let retire = |after| site.change(|ring, why| KeyChange::retire(ring, of(ring, "ops.pem"), until(after), why));
    retire("2026-07-01T00:00:00Z").expect("retired later");
    for later in ["2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z"] {
        assert_eq!(retire(later).expect_err(later).reason(), Reason::AlreadyExists);
    }
    retire("2026-06-15T00:00:00Z").expect("sooner");
    let keyring = site.keyring();
    let notes = of(&keyring, "ops.pem").notes().expect("a note");
    assert_eq!((notes.not_after, notes.owner.as_deref()), (until("2026-06-15T00:00:00Z"), Some("Ada")));
}

#[test]
fn one_admin_at_a_time_and_a_dry_run_changes_nothing() {
    let site = Site::new();
    let held = site.begin().expect("a session");
    assert_eq!(site.begin().expect_err("held").reason(), Reason::Locked);
    assert_eq!(KeysSession::begin(site.path(), &access(DryRun::Yes)).expect_err("held").reason(), Reason::Locked);
    drop(held);
    let files = site.files();
    let dry = KeysSession::begin(site.path(), &access(DryRun::Yes)).expect("a dry run");
    let change = KeyChange::retire(dry.keyring(), of(dry.keyring(), "ops.pem"), None, &why()).expect("decided");
    dry.make(&change).expect("nothing");
    assert_eq!((site.files(), site.journal().len()), (files, 0));
    let fresh = tempfile::tempdir().expect("a directory");
    KeysSession::begin(fresh.path(), &access(DryRun::Yes)).expect("a dry run");
    assert_eq!(fs::read_dir(fresh.path()).expect("listed").count(), 0, "not even the lock");
}

#[test]
fn a_key_that_is_revoked_under_another_name_counts_no_more_behind_any_step_and_is_revoked_at_the_end() {
    let mut stopped = 0;
    for taken in 0.. {
        let site = Site::new();
        fs::create_dir(site.path().join("revoked")).expect("made");
        let other = key().public_key();
        site.write("revoked/ops.pem", &other.to_pem());
        let session = site.begin().expect("a session");
        let change =
            KeyChange::revoke(session.keyring(), of(session.keyring(), "ops.pem"), None, &why()).expect("decided");
        let steps = change.steps.len();
        session.stop_after(&change, taken).expect("stopped");
        let ops = site.ops.public_key().fingerprint();
        let standings = |keyring: &Keyring| -> Vec<bool> {
            let files = keyring.all_keys().iter().filter(|key| key.fingerprint == ops);
            files.map(|key| matches!(key.standing(now()), Standing::Revoked { .. })).collect()
        };
        let now = standings(&site.keyring());
        assert!(!now.is_empty() && now.iter().all(|revoked| *revoked == (taken > 0)), "{taken}: {now:?}");
        drop(site.begin().expect("finished"));
        let name = format!("revoked/ops-{}", &ops.hex()[..8]);
        assert_eq!(site.files(), [format!("{name}.json"), format!("{name}.pem"), "revoked/ops.pem".to_owned()]);
        assert_eq!((standings(&site.keyring()), site.journal().len()), (vec![true], 1));
        stopped += 1;
        if taken > steps {
            break;
        }
    }
    assert_eq!(stopped, 6, "put, note, both files at the top, the line, and none");
}

#[test]
fn what_is_no_directory_of_keys_or_open_to_others_is_not_changed() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = Site::new();
    let begin = |path: &Path| KeysSession::begin(path, &access(DryRun::No)).expect_err("refused").reason();
    assert_eq!(begin(&site.path().join("ops.pem")), Reason::Usage);
    assert_eq!(begin(&site.path().join("absent")), Reason::IoNotFound);
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o777)).expect("set");
    assert_eq!(begin(site.path()), Reason::DirectoryInsecure);
    fs::set_permissions(site.path(), fs::Permissions::from_mode(0o755)).expect("set");
    assert!(!site.path().join(".aisoc").exists(), "nothing was made");
}

#[test]
fn a_key_that_was_exchanged_meanwhile_is_not_moved() {
    let site = Site::new();
    let decide = |session: &KeysSession| {
        KeyChange::retire(session.keyring(), of(session.keyring(), "ops.pem"), None, &why()).expect("decided")
    };
    let exchange = || site.write("ops.pem", &key().public_key().to_pem());
    let session = site.begin().expect("a session");
    let change = decide(&session);
    exchange();
    assert_eq!(session.make(&change).expect_err("another key").reason(), Reason::KeyInvalid);
    assert!(site.begin().expect("nothing was begun").finished().is_none());
    // Exchanged behind the beginning, the change waits for the key that it is about.
    site.write("ops.pem", &site.ops.public_key().to_pem());
    let session = site.begin().expect("a session");
    let change = decide(&session);
    session.stop_after(&change, 0).expect("begun");
    exchange();
    assert_eq!(site.begin().expect_err("it is still not there").reason(), Reason::KeyInvalid);
    site.write("ops.pem", &site.ops.public_key().to_pem());
    assert!(site.begin().expect("goes on").finished().is_some());
    assert_eq!(site.files(), ["retired/ops.json", "retired/ops.pem"]);
}

#[test]
fn what_could_not_be_finished_is_not_begun() {
    use std::os::unix::fs::symlink;
    let in_the_way: [fn(&Site); 4] = [
        |site| site.write("retired/ops.pem", "no key"),
        |site| fs::create_dir_all(site.path().join("retired/ops.pem")).expect("made"),
        |site| {
            let real = site.path().join("elsewhere");
            fs::rename(site.path().join("ops.pem"), &real).expect("moved");
            symlink(&real, site.path().join("ops.pem")).expect("linked");
        },
        |site| {
            let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"o\xff.pem");
            fs::rename(site.path().join("ops.pem"), site.path().join(name)).expect("moved");
            fs::remove_file(site.path().join("ops.json")).expect("removed");
        },
    ];
    for (number, stands) in in_the_way.into_iter().enumerate() {
        let site = Site::new();
        stands(&site);
        let refused = site.change(|ring, why| KeyChange::retire(ring, &ring.keys()[0], None, why));
        refused.expect_err(&number.to_string());
        assert!(site.begin().expect("free").finished().is_none(), "{number}");
        assert_eq!((site.keyring().keys().len(), site.journal().len()), (1, 0), "{number}");
    }
}

#[test]
fn no_note_is_written_that_nobody_reads() {
    const MAX: usize = 64 << 10;
    let note = |bytes: usize| {
        let of = |comment: usize| KeyNotes { comment: Some("x".repeat(comment)), ..KeyNotes::new() };
        of(bytes - (of(1).to_json().len() - 1))
    };
    for (bytes, is_written) in [(MAX - 1, true), (MAX, true), (MAX + 1, false)] {
        let site = Site::new();
        assert_eq!(note(bytes).to_json().len(), bytes);
        let made = site.change(|ring, why| KeyChange::annotate(of(ring, "ops.pem"), Some(note(bytes)), why));
        assert_eq!(made.as_ref().err().map(Fault::reason), (!is_written).then_some(Reason::Usage), "{bytes}");
        assert_eq!(site.keyring().keys()[0].notes().expect("a note").comment.is_some(), is_written, "{bytes}");
    }
}

#[test]
fn a_broken_journal_keeps_nobody_from_revoking_a_key() {
    let site = Site::new();
    site.change(|ring, why| KeyChange::stage(ring, &addition(&key(), "new"), why)).expect("staged");
    let journal = read_small(&site.path().join("keys.journal"), 1 << 20, Links::Refused).expect("read").content;
    let journal = String::from_utf8(journal).expect("text");
    site.write("keys.journal", &journal.replace("ticket 12", "ticket 13"));
    let fault = site.change(|ring, why| KeyChange::revoke(ring, of(ring, "ops.pem"), None, why)).expect_err("broken");
    assert_eq!(fault.reason(), Reason::JournalBroken);
    assert!(fault.message().contains("the keys are changed"), "{fault:?}");
    assert!(matches!(of(&site.keyring(), "revoked/ops.pem").standing(now()), Standing::Revoked { .. }));
    site.write("keys.journal", &journal);
    assert!(site.begin().expect("mended").finished().is_some());
    assert_eq!(site.journal().last(), Some(&("key-revoke".to_owned(), "ops".to_owned())));
}

#[test]
fn a_note_of_a_change_that_nobody_understands_stops_every_change() {
    for content in ["", "{}", "not json", r#"{"schema_version":2,"line":"","steps":[]}"#] {
        let site = Site::new();
        drop(site.begin().expect("a session"));
        site.write(".aisoc/pending.json", content);
        let fault = site.begin().expect_err(content);
        assert_eq!(fault.reason(), Reason::RecordInvalid, "{content}");
    }
}

#[test]
fn a_broken_journal_stops_a_change_before_anything_is_begun() {
    let site = Site::new();
    site.change(|ring, why| KeyChange::stage(ring, &addition(&key(), "new"), why)).expect("staged");
    let journal = read_small(&site.path().join("keys.journal"), 1 << 20, Links::Refused).expect("read").content;
    site.write("keys.journal", &String::from_utf8(journal).expect("text").replace("ticket 12", "ticket 13"));
    let files = site.files();
    let fault = site.change(|ring, why| KeyChange::retire(ring, of(ring, "ops.pem"), None, why)).expect_err("broken");
    assert_eq!(fault.reason(), Reason::JournalBroken);
    assert_eq!(site.files(), files);
    assert!(!site.path().join(".aisoc/pending.json").exists());
}

#[test]
fn the_last_key_that_counts_is_known_as_that() {
    let (site, other) = (Site::new(), key());
    let ops = site.ops.public_key().fingerprint();
    assert!(!counts_beside(&site.keyring(), ops, now()));
    site.write("twin.pem", &site.ops.public_key().to_pem());
    site.write("staged/other.pem", &other.public_key().to_pem());
    assert!(!counts_beside(&site.keyring(), ops, now()), "the same key, and one that is not trusted");
    site.write("other.pem", &other.public_key().to_pem());
    assert!(counts_beside(&site.keyring(), ops, now()));
    site.write("other.json", r#"{"schema_version":2,"not_after":"2026-05-01T00:00:00Z"}"#);
    assert!(!counts_beside(&site.keyring(), ops, now()), "one that has expired");
}

#[test]
fn a_change_that_was_begun_is_seen_by_whoever_only_looks() {
    let site = Site::new();
    assert_eq!(super::unfinished(site.path()).expect("nothing"), None);
    let session = site.begin().expect("a session");
    let change = KeyChange::retire(session.keyring(), of(session.keyring(), "ops.pem"), None, &why()).expect("decided");
    session.stop_after(&change, 0).expect("begun");
    let files = site.files();
    assert_eq!(super::unfinished(site.path()).expect("begun").as_ref(), Some(&change.entry));
    assert_eq!(site.files(), files, "looking finishes nothing");
    drop(site.begin().expect("finished"));
    assert_eq!(super::unfinished(site.path()).expect("nothing"), None);
    site.write(".aisoc/pending.json", "{}");
    assert_eq!(super::unfinished(site.path()).expect_err("no change").reason(), Reason::RecordInvalid);
}

/// What each change would make of the keys is what it makes of them.
#[test]
fn what_a_change_would_make_of_the_keys_is_what_it_makes_of_them() {
    let said = |keyring: &Keyring| {
        let kinds = SignatureKind::ALL;
        let of =
            |key: &HeldKey| (key.file.clone(), key.standing(now()), kinds.map(|kind| key.standing_as(kind, now())));
        let mut said: Vec<_> = keyring.all_keys().iter().map(of).collect();
        said.sort_by(|one, other| one.0.cmp(&other.0));
        (said, kinds.map(|kind| counting(keyring, kind, now())))
    };
    let site = Site::new();
    site.write("copy.pem", &site.ops.public_key().to_pem());
    let second = key().public_key();
    let addition = Addition { key: second, id: "second".to_owned(), note: None };
    let note = KeyNotes { not_after: Some("2020-01-01T00:00:00Z".parse().expect("a time")), ..KeyNotes::new() };
    type Decide<'a> = &'a dyn Fn(&Keyring, &Grounds) -> Result<KeyChange>;
    let ops = site.ops.public_key().fingerprint();
    let changes: [(Decide<'_>, bool); 6] = [
        (&|keyring, why| KeyChange::stage(keyring, &addition, why), false),
        (&|keyring, why| KeyChange::promote(keyring, keyring.named("second")?, why), true),
        (&|keyring, why| KeyChange::annotate(keyring.named("second")?, Some(note.clone()), why), true),
        (&|keyring, why| KeyChange::retire(keyring, keyring.named("copy")?, None, why), true),
        (&|keyring, why| KeyChange::revoke(keyring, keyring.named("ops.pem")?, None, why), true),
        (
            &|keyring, why| {
                KeyChange::restore(
                    keyring,
                    keyring.named("retired/copy.pem").or(keyring.named("revoked/copy.pem"))?,
                    why,
                )
            },
            true,
        ),
    ];
    for (at, (decide, limits)) in changes.into_iter().enumerate() {
        let before = site.keyring();
        let Ok(change) = decide(&before, &why()) else { continue };
        let foreseen = Foreseen::of(&change, ops);
        assert_eq!(foreseen.limits_anew(&before), limits, "{at}");
        site.begin().expect("begun").make(&change).expect("made");
        assert_eq!(said(&foreseen.after(&before)), said(&site.keyring()), "{at}");
    }
    assert_eq!(said(&site.keyring()).1[0], 0, "nothing counts any more");
}
