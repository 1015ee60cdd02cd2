//! Sets as values, and what they make of the keys of a site, stopped behind each step.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use aisoc_files::{Links, read_small};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::digest::Digest;
use aisoc_manifests::dry_run::DryRun;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Fingerprint, KeyNotes, Keyring, PayloadType, PublicKey, SignatureKind, SigningKey, Standing};
use jiff::Timestamp;

use super::super::change::KeyChange;
use super::super::plan::Grounds;
use super::super::session::{KeysAccess, KeysSession};
use super::*;
use crate::journal::Writer;
use crate::state_lock::Patience;

pub(super) fn key() -> PublicKey {
    SigningKey::generate().expect("random numbers").public_key()
}

pub(super) fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

pub(super) fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

pub(super) fn note(json: &str) -> KeyNotes {
    KeyNotes::read(Path::new("test.json"), json.as_bytes()).expect("a note")
}

pub(super) const ROOT: &str = r#"{"schema_version":2,"may_sign":["keyset"]}"#;
pub(super) const STOLEN: &str = r#"{"schema_version":2,"revoked":{"at":"2026-05-01T00:00:00Z","reason":"stolen"}}"#;

/// A directory of keys.
pub(super) struct Site(tempfile::TempDir);

impl Site {
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::tempdir().expect("a directory"));
        files.iter().for_each(|(name, content)| site.write(name, content));
        site
    }

    pub(super) fn text(&self, name: &str) -> String {
        let file = read_small(&self.path().join(name), 1 << 20, Links::Refused).expect("there");
        String::from_utf8(file.content).expect("text")
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        let to = self.path().join(to);
        fs::create_dir_all(to.parent().expect("a parent")).expect("made");
        fs::rename(self.path().join(from), to).expect("moved");
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }

    pub(super) fn keyring(&self) -> Keyring {
        Keyring::read(self.path()).expect("keys")
    }

    /// The set that this directory is.
    pub(super) fn set(&self, version: u64) -> KeySet {
        let expires_at = "2027-01-01T00:00:00Z".parse().expect("a time");
        let head = SetHead { name: "fleet".to_owned(), version, issued_at: now(), expires_at };
        KeySet::of(&self.keyring(), head, false).expect("a set")
    }

    pub(super) fn begin(&self) -> KeysSession {
        let patience = Patience { lock_timeout: Duration::ZERO, cancellation: Cancellation::default() };
        let access = KeysAccess { patience, writer: Writer::default(), dry_run: DryRun::No };
        KeysSession::begin(self.path(), &access).expect("a session")
    }

    pub(super) fn applied(&self) -> Option<Applied> {
        Applied::read(self.path()).expect("readable")
    }

    pub(super) fn planned<T>(&self, set: &KeySet, then: impl FnOnce(&Following<'_>, SyncPlan) -> T) -> T {
        let (keyring, before) = (self.keyring(), self.applied());
        let digest = Digest::of(&set.to_payload());
        let revoked = revoked_here(self.path()).expect("readable");
        let following =
            Following { keyring: &keyring, before: before.as_ref(), set, digest, revoked: &revoked, at: now() };
        let plan = SyncPlan::of(&following).expect("a plan");
        then(&following, plan)
    }

    pub(super) fn change(&self, set: &KeySet) -> Option<KeyChange> {
        let why = Grounds { at: now(), reason: "test".parse().expect("a reason") };
        self.planned(set, |following, plan| plan.change(following, &BTreeSet::new(), None, &why))
    }

    pub(super) fn sync(&self, set: &KeySet) {
        let session = self.begin();
        if let Some(change) = self.change(set) {
            session.make(&change).expect("made");
        }
    }

    pub(super) fn left(&self, set: &KeySet) -> Vec<WhyLeft> {
        self.planned(set, |_, plan| plan.left.iter().map(|left| left.why).collect())
    }

    pub(super) fn moves(&self, set: &KeySet) -> Vec<String> {
        self.planned(set, |_, plan| plan.moves.iter().map(|it| format!("{} {}", it.word(), it.key_id)).collect())
    }

    /// The files of the keys and their notes.
    pub(super) fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        for place in ["", "staged", "retired", "revoked"] {
            let Ok(entries) = fs::read_dir(self.path().join(place)) else { continue };
            let names = entries.map(|entry| entry.expect("entry").file_name().into_string().expect("text"));
            let is_key = |name: &String| name.ends_with(".pem") || name.ends_with(".json");
            files.extend(names.filter(is_key).map(|name| format!("{place}/{name}")));
        }
        files.sort();
        files
    }

    pub(super) fn standing(&self, key: &PublicKey) -> Vec<Standing> {
        let keyring = self.keyring();
        let held = keyring.all_keys().iter().filter(|held| held.fingerprint == key.fingerprint());
        held.map(|held| held.standing_as(SignatureKind::Plugin, now())).collect()
    }
}

#[test]
fn a_set_has_one_form_and_nothing_else_is_one() {
    let (a, b) = (key(), key());
    let site =
        Site::of(&[("b.pem", &b.to_pem()), ("a.pem", &a.to_pem()), ("a.json", r#"{"schema_version":2,"owner":"A"}"#)]);
    let set = site.set(3);
    let payload = set.to_payload();
    assert_eq!(KeySet::read(&payload).expect("itself"), set);
    assert_eq!(site.set(3).to_payload(), payload, "the same keys have the same bytes");
    assert_eq!(set.keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let text = String::from_utf8(payload).expect("text");
    for (from, to) in [
        ("\"schema_version\":1,\"name\"", "\"schema_version\":2,\"name\""),
        ("\"version\":3", "\"version\":0"),
        ("\"version\":3", "\"version\":-1"),
        ("\"version\":3", "\"version\":3,\"version\":4"),
        ("\"version\":3", "\"version\":3,\"threshold\":1"),
        ("\"name\":\"fleet\"", "\"name\":\"../fleet\""),
        ("\"id\":\"a\"", "\"id\":\"../a\""),
        ("\"id\":\"a\"", "\"id\":\"b\""),
        ("\"id\":\"a\"", "\"id\":\"z\""),
        ("\"place\":\"trusted\"", "\"place\":\"top\""),
        ("2027-01-01T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("-----BEGIN PUBLIC KEY-----", "-----BEGIN PRIVATE KEY-----"),
        ("PUBLIC KEY-----\\n\"", "PUBLIC KEY-----\\n\\n\""),
        (",\"note\":null", ""),
        ("\"owner\":\"A\"", "\"owner\":\" \""),
        ("\"owner\":\"A\"", "\"owners\":\"A\""),
        (&b.fingerprint().to_string(), &a.fingerprint().to_string()),
        (&a.fingerprint().to_string(), &key().fingerprint().to_string()),
        ("{", "["),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        let fault = KeySet::read(other.as_bytes()).expect_err(to);
        assert_eq!(fault.reason(), Reason::KeysetInvalid, "{to}: {fault:?}");
    }
    let weak = PublicKey::read(set.keys[0].pem.as_bytes(), &aisoc_signing::KeySource::Unnamed).expect("a key").to_pem();
    let zeros = "MCowBQYDK2VwAyEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let middle = weak.lines().nth(1).expect("base64");
    let fault = KeySet::read(text.replace(middle, zeros).as_bytes()).expect_err("weak");
    assert_eq!(fault.reason(), Reason::WeakKey);
}

#[test]
fn a_directory_that_would_lock_everybody_out_or_holds_a_key_twice_is_no_set() {
    let (root, ops) = (key(), key());
    let head = |name: &str| SetHead {
        name: name.to_owned(),
        version: 1,
        issued_at: now(),
        expires_at: "2027-01-01T00:00:00Z".parse().expect("a time"),
    };
    let of = |site: &Site, name: &str| KeySet::of(&site.keyring(), head(name), false).expect_err("no set").reason();
    let site = Site::of(&[("root.pem", &root.to_pem()), ("root.json", ROOT), ("staged/ops.pem", &ops.to_pem())]);
    assert_eq!(of(&site, "fleet"), Reason::KeysetLockout);
    site.write("ops.pem", &ops.to_pem());
    assert_eq!(of(&site, "fleet"), Reason::Usage, "one key under two names");
    fs::remove_file(site.path().join("staged/ops.pem")).expect("removed");
    assert_eq!(of(&site, "the fleet"), Reason::Usage);
    site.write("my key.pem", &key().to_pem());
    assert_eq!(of(&site, "fleet"), Reason::Usage, "a name that is none elsewhere");
}

#[test]
fn a_set_goes_forward_only() {
    let site = Site::of(&[("a.pem", &key().to_pem())]);
    let (two, three) = (site.set(2), site.set(3));
    let digest = |set: &KeySet| Digest::of(&set.to_payload());
    let here = Site::of(&[]);
    assert_eq!(advance(&two, digest(&two), "fleet", None, now()).expect("the first"), Advance::Newer);
    here.sync(&two);
    let before = here.applied();
    let asked = |set: &KeySet, name: &str, at: Timestamp| -> Result<Advance, Reason> {
        let last = before.as_ref().and_then(|before| before.last_of(name));
        advance(set, digest(set), name, last.as_ref(), at).map_err(|fault: Fault| fault.reason())
    };
    assert_eq!(asked(&two, "fleet", now()), Ok(Advance::Same));
    assert_eq!(asked(&three, "fleet", now()), Ok(Advance::Newer));
    assert_eq!(asked(&site.set(1), "fleet", now()), Err(Reason::KeysetRollback));
    site.write("b.pem", &key().to_pem());
    assert_eq!(asked(&site.set(2), "fleet", now()), Err(Reason::KeysetRollback), "two of one version");
    assert_eq!(asked(&three, "other", now()), Err(Reason::KeysetMismatch));
    for (at, expected) in
        [("2026-12-31T23:59:59Z", Ok(Advance::Newer)), ("2027-01-01T00:00:00Z", Err(Reason::KeysetExpired))]
    {
        assert_eq!(asked(&three, "fleet", at.parse().expect("a time")), expected, "{at}");
    }
    // Whoever follows another set for a while does not come back to an older one.
    let other = KeySet { name: "other".to_owned(), ..site.set(1) };
    here.sync(&other);
    let before = here.applied().expect("applied");
    assert_eq!((before.name.as_str(), before.last_of("fleet").expect("known").version), ("other", 2));
}

#[test]
fn signatures_count_of_keys_that_are_trusted_here_now_for_sets() {
    let [root, second, plain, retired, gone] = std::array::from_fn(|_| key());
    let site = Site::of(&[
        ("root.pem", &root.to_pem()),
        ("root.json", ROOT),
        ("copy.pem", &root.to_pem()),
        ("second.pem", &second.to_pem()),
        ("second.json", r#"{"schema_version":2,"may_sign":["plugin","keyset"],"not_after":"2026-05-01T00:00:00Z"}"#),
        ("plain.pem", &plain.to_pem()),
        ("retired/old.pem", &retired.to_pem()),
        ("retired/old.json", ROOT),
    ]);
    let signed: BTreeSet<Fingerprint> =
        [&root, &second, &plain, &retired, &gone].map(PublicKey::fingerprint).into_iter().collect();
    let signers = SetSigners::of(PayloadType::Keyset, &site.keyring(), &signed, now());
    assert_eq!(signers.counting.iter().map(|it| it.fingerprint).collect::<Vec<_>>(), [root.fingerprint()]);
    assert_eq!(signers.others.len(), 3);
    require_quorum(&signers, &[], one(), now()).expect("one is enough");
    let fault = require_quorum(&signers, &[gone.fingerprint()], NonZeroUsize::MIN.saturating_add(1), now());
    let fault = fault.expect_err("one under two names is one");
    assert_eq!(fault.reason(), Reason::SignersTooFew);
    let found = &fault.difference().expect("both").found;
    for said in ["`second` expired", "`plain` signs plugin", "`old` was retired", &gone.fingerprint().to_string()] {
        assert!(found.contains(said), "{found}");
    }
}

#[test]
fn settings_and_records_that_nobody_understands_are_refused() {
    let site = Site::of(&[("a.pem", &key().to_pem())]);
    assert_eq!(SyncSettings::read(site.path()).expect("none"), None);
    let settings = SyncSettings::new("ghcr.io/acme/keys:fleet".to_owned(), "fleet".to_owned(), one());
    site.write(".aisoc/sync.json", &settings.to_json());
    assert_eq!(SyncSettings::read(site.path()).expect("readable"), Some(settings));
    for content in [
        "",
        "{}",
        r#"{"schema_version":2,"from":"a","name":"b","required_signatures":1}"#,
        r#"{"schema_version":1,"from":"a","name":"b","required_signatures":0}"#,
        r#"{"schema_version":1,"from":"a","name":"../b","required_signatures":1}"#,
        r#"{"schema_version":1,"from":"a","name":"b"}"#,
        r#"{"schema_version":1,"from":"a","name":"b","required_signatures":1,"threshold":1}"#,
    ] {
        site.write(".aisoc/sync.json", content);
        let fault = SyncSettings::read(site.path()).expect_err(content);
        assert_eq!(fault.reason(), Reason::RecordInvalid, "{content}");
        site.write(".aisoc/keyset.json", content);
        assert_eq!(Applied::read(site.path()).expect_err(content).reason(), Reason::RecordInvalid, "{content}");
    }
}

#[test]
fn a_key_of_a_set_counts_as_it_would_in_a_directory() {
    let a = key();
    let at = |at: &str| at.parse::<Timestamp>().expect("a time");
    let limited = r#"{"schema_version":2,"not_before":"2026-02-01T00:00:00Z","not_after":"2026-08-01T00:00:00Z"}"#;
    for (file, content, when) in [
        ("a.pem", None, "2026-06-01T00:00:00Z"),
        ("staged/a.pem", None, "2026-06-01T00:00:00Z"),
        ("retired/a.pem", None, "2026-06-01T00:00:00Z"),
        ("revoked/a.pem", None, "2026-06-01T00:00:00Z"),
        ("a.pem", Some(limited), "2026-01-01T00:00:00Z"),
        ("a.pem", Some(limited), "2026-06-01T00:00:00Z"),
        ("a.pem", Some(limited), "2026-08-01T00:00:00Z"),
        ("retired/a.pem", Some(limited), "2026-08-01T00:00:00Z"),
        ("a.pem", Some(ROOT), "2026-06-01T00:00:00Z"),
        ("a.pem", Some(STOLEN), "2026-06-01T00:00:00Z"),
        ("a.pem", Some(STOLEN), "2026-04-01T00:00:00Z"),
        ("revoked/a.pem", Some(STOLEN), "2026-06-01T00:00:00Z"),
        ("staged/a.pem", Some(STOLEN), "2026-06-01T00:00:00Z"),
    ] {
        let site = Site::of(&[("other.pem", &key().to_pem()), (file, &a.to_pem())]);
        content.iter().for_each(|content| site.write(&file.replace(".pem", ".json"), content));
        let (set, keyring) = (site.set(1), site.keyring());
        let listed = set.keys.iter().find(|it| it.fingerprint == a.fingerprint()).expect("in the set");
        let held = keyring.all_keys().iter().find(|it| it.fingerprint == a.fingerprint()).expect("there");
        for kind in [SignatureKind::Plugin, SignatureKind::Keyset] {
            let (one, other) = (listed.standing_as(kind, at(when)), held.standing_as(kind, at(when)));
            assert_eq!(
                one == Standing::Current,
                other == Standing::Current,
                "{file} {kind} {when}: {one:?}, {other:?}"
            );
            assert_eq!(listed.is_revoked(at(when)), matches!(other, Standing::Revoked { .. }), "{file} {when}");
        }
    }
}

#[test]
fn a_note_of_the_older_form_is_one_of_the_newer_in_a_set() {
    let [a, b] = std::array::from_fn(|_| key());
    let site = Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem())]);
    site.write("a.json", r#"{"schema_version":1,"revoked_at":"2026-01-01T00:00:00Z"}"#);
    let set = site.set(1);
    let written = set.keys[0].note.as_ref().expect("a note");
    assert_eq!(written.schema_version, KeyNotes::SCHEMA_VERSION);
    assert!(set.keys[0].is_revoked(now()) && written.require_sound().is_ok(), "{written:?}");
    assert_eq!(KeySet::read(&set.to_payload()).expect("itself"), set);
}

#[test]
fn a_set_of_more_keys_than_any_is_none() {
    let site = Site::of(&[("a.pem", &key().to_pem())]);
    let set = site.set(1);
    let many = KeySet { keys: vec![set.keys[0].clone(); 2_001], ..set };
    let fault = KeySet::read(&many.to_payload()).expect_err("too many");
    assert_eq!(fault.difference().expect("both").found, "2001");
    let long = vec![b' '; usize::try_from(MAX_SET_BYTES).expect("small") + 1];
    assert_eq!(KeySet::read(&long).expect_err("too large").reason(), Reason::KeysetInvalid);
}

#[test]
fn what_a_site_follows_is_read_of_no_file_that_others_can_change() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let site = Site::of(&[("a.pem", &key().to_pem())]);
    let settings = SyncSettings::new("set".to_owned(), "fleet".to_owned(), one());
    assert_eq!(Applied::read(&site.path().join("a.pem")).expect("one file is no site"), None);
    assert_eq!(Applied::read(&site.path().join("nowhere")).expect("nothing"), None);
    site.write(".aisoc/sync.json", &settings.to_json());
    let set_mode = |name: &str, mode: u32| {
        fs::set_permissions(site.path().join(name), fs::Permissions::from_mode(mode)).expect("set");
    };
    for (name, usual) in [(".aisoc/sync.json", 0o644), (".aisoc", 0o755)] {
        set_mode(name, 0o777);
        let fault = SyncSettings::read(site.path()).expect_err(name);
        assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{name}");
        set_mode(name, usual);
        SyncSettings::read(site.path()).expect("as before");
    }
    fs::rename(site.path().join(".aisoc/sync.json"), site.path().join("elsewhere")).expect("moved");
    symlink("../elsewhere", site.path().join(".aisoc/sync.json")).expect("linked");
    assert!(SyncSettings::read(site.path()).is_err(), "a link leads elsewhere");
}

#[test]
fn keys_that_a_change_is_about_are_not_exported_half() {
    let site = Site::of(&[("root.pem", &key().to_pem())]);
    require_finished(site.path()).expect("nothing was begun");
    let master = Site::of(&[("a.pem", &key().to_pem())]);
    let session = site.begin();
    let change = site.change(&master.set(1)).expect("a change");
    session.stop_after(&change, 1).expect("stopped");
    assert_eq!(require_finished(site.path()).expect_err("begun").reason(), Reason::Locked);
    drop(site.begin());
    require_finished(site.path()).expect("finished");
}
