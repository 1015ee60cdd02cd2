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
use aisoc_signing::{Fingerprint, KeyNotes, Keyring, PublicKey, SignatureKind, SigningKey, Standing};
use jiff::Timestamp;

use super::super::change::KeyChange;
use super::super::plan::Grounds;
use super::super::session::{KeysAccess, KeysSession};
use super::*;
use crate::journal::Writer;
use crate::state_lock::Patience;

fn key() -> PublicKey {
    SigningKey::generate().expect("random numbers").public_key()
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

fn note(json: &str) -> KeyNotes {
    KeyNotes::read(Path::new("test.json"), json.as_bytes()).expect("a note")
}

const ROOT: &str = r#"{"schema_version":2,"may_sign":["keyset"]}"#;
const STOLEN: &str = r#"{"schema_version":2,"revoked":{"at":"2026-05-01T00:00:00Z","reason":"stolen"}}"#;

/// A directory of keys.
struct Site(tempfile::TempDir);

impl Site {
    fn of(files: &[(&str, &str)]) -> Self {
        let site = Self(tempfile::tempdir().expect("a directory"));
        files.iter().for_each(|(name, content)| site.write(name, content));
        site
    }

    fn text(&self, name: &str) -> String {
        let file = read_small(&self.path().join(name), 1 << 20, Links::Refused).expect("there");
        String::from_utf8(file.content).expect("text")
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }

    fn keyring(&self) -> Keyring {
        Keyring::read(self.path()).expect("keys")
    }

    /// The set that this directory is.
    fn set(&self, version: u64) -> KeySet {
        let expires_at = "2027-01-01T00:00:00Z".parse().expect("a time");
        let head = SetHead { name: "fleet".to_owned(), version, issued_at: now(), expires_at };
        KeySet::of(&self.keyring(), head).expect("a set")
    }

    fn begin(&self) -> KeysSession {
        let patience = Patience { lock_timeout: Duration::ZERO, cancellation: Cancellation::default() };
        let access = KeysAccess { patience, writer: Writer::default(), dry_run: DryRun::No };
        KeysSession::begin(self.path(), &access).expect("a session")
    }

    fn applied(&self) -> Option<Applied> {
        Applied::read(self.path()).expect("readable")
    }

    fn planned<T>(&self, set: &KeySet, then: impl FnOnce(&Following<'_>, SyncPlan) -> T) -> T {
        let (keyring, before) = (self.keyring(), self.applied());
        let digest = Digest::of(&set.to_payload());
        let following = Following { keyring: &keyring, before: before.as_ref(), set, digest, at: now() };
        let plan = SyncPlan::of(&following).expect("a plan");
        then(&following, plan)
    }

    fn change(&self, set: &KeySet) -> Option<KeyChange> {
        let why = Grounds { at: now(), reason: "test".parse().expect("a reason") };
        self.planned(set, |following, plan| plan.change(following, &BTreeSet::new(), None, &why))
    }

    fn sync(&self, set: &KeySet) {
        let session = self.begin();
        if let Some(change) = self.change(set) {
            session.make(&change).expect("made");
        }
    }

    fn left(&self, set: &KeySet) -> Vec<WhyLeft> {
        self.planned(set, |_, plan| plan.left.iter().map(|left| left.why).collect())
    }

    fn moves(&self, set: &KeySet) -> Vec<String> {
        self.planned(set, |_, plan| plan.moves.iter().map(|it| format!("{} {}", it.word(), it.key_id)).collect())
    }

    /// The files of the keys and their notes.
    fn files(&self) -> Vec<String> {
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

    fn standing(&self, key: &PublicKey) -> Vec<Standing> {
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
    let of = |site: &Site, name: &str| KeySet::of(&site.keyring(), head(name)).expect_err("no set").reason();
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
        advance(set, digest(set), name, before.as_ref(), at).map_err(|fault: Fault| fault.reason())
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
    let signers = KeysetSigners::of(&site.keyring(), &signed, now());
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
fn what_a_set_brings_comes_and_goes_and_what_is_the_sites_own_stays() {
    let [root, old, new, own] = std::array::from_fn(|_| key());
    let master = Site::of(&[("old.pem", &old.to_pem()), ("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("root.json", ROOT), ("own.pem", &own.to_pem())]);
    site.sync(&master.set(1));
    assert_eq!(site.files(), ["/old.pem", "/own.pem", "/root.json", "/root.pem"]);
    assert!(site.moves(&master.set(1)).is_empty() && site.left(&master.set(1)).is_empty(), "once is enough");
    // Another key of a name that is taken gets one of its own, and what is in the set no more is retired.
    fs::remove_file(master.path().join("old.pem")).expect("removed");
    master.write("own.pem", &new.to_pem());
    site.sync(&master.set(2));
    let named = format!("/own-{}.pem", &new.fingerprint().hex()[..8]);
    let mut expected =
        vec![named.clone(), "/own.pem".into(), "/root.json".into(), "/root.pem".into(), "retired/old.pem".into()];
    expected.sort();
    assert_eq!(site.files(), expected);
    assert_eq!(site.standing(&old), [Standing::Retired]);
    // It is still the set's, which may take it up again.
    master.write("staged/old.pem", &old.to_pem());
    site.sync(&master.set(3));
    assert!(site.files().contains(&"staged/old.pem".to_owned()), "{:?}", site.files());
}

#[test]
fn what_somebody_here_has_changed_moved_or_removed_is_left_and_named() {
    let [root, a, b, c] = std::array::from_fn(|_| key());
    let master = Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem()), ("c.pem", &c.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    site.write("a.json", r#"{"schema_version":2,"scope":{"plugins":["acme-*"]}}"#);
    fs::remove_file(site.path().join("b.pem")).expect("removed");
    fs::create_dir(site.path().join("retired")).expect("made");
    fs::rename(site.path().join("c.pem"), site.path().join("retired/c.pem")).expect("moved");
    let before = site.files();
    let note = r#"{"schema_version":2,"owner":"Ada"}"#;
    ["a.json", "b.json", "c.json"].iter().for_each(|name| master.write(name, note));
    site.sync(&master.set(2));
    assert_eq!(site.files(), before);
    assert_eq!(site.left(&master.set(2)), [WhyLeft::ChangedHere, WhyLeft::RemovedHere, WhyLeft::ChangedHere]);
    // Whoever puts it back as it was gives it back to the set.
    fs::remove_file(site.path().join("a.json")).expect("removed");
    site.sync(&master.set(3));
    assert!(site.files().contains(&"/a.json".to_owned()));
    let changed = site.text("a.json");
    assert!(changed.contains("Ada"), "{changed}");
}

#[test]
fn a_revocation_is_never_taken_back_and_always_gets_through() {
    let [root, old, own, changed] = std::array::from_fn(|_| key());
    let master =
        Site::of(&[("changed.pem", &changed.to_pem()), ("old.pem", &old.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("mine.pem", &own.to_pem())]);
    site.sync(&master.set(1));
    // The set's own, one that was annotated here, and one that is the site's.
    site.write("changed.json", r#"{"schema_version":2,"owner":"ours"}"#);
    for name in ["old", "changed"] {
        fs::create_dir_all(master.path().join("revoked")).expect("made");
        fs::rename(master.path().join(format!("{name}.pem")), master.path().join(format!("revoked/{name}.pem")))
            .expect("moved");
    }
    master.write("revoked/mine.pem", &own.to_pem());
    ["changed", "mine", "old"].iter().for_each(|name| master.write(&format!("revoked/{name}.json"), STOLEN));
    assert_eq!(site.left(&master.set(2)), [WhyLeft::OwnKeyRevoked]);
    site.sync(&master.set(2));
    for key in [&old, &own, &changed] {
        let standings = site.standing(key);
        assert!(
            standings.iter().all(|it| matches!(it, Standing::Revoked { reason: Some(why), .. } if why == "stolen")),
            "{standings:?}"
        );
    }
    assert!(site.files().contains(&"/mine.pem".to_owned()), "the site's own file is not touched");
    let kept = site.text("revoked/changed.json");
    assert!(kept.contains("ours") && kept.contains("stolen"), "{kept}");
    assert!(site.moves(&master.set(2)).is_empty(), "{:?}", site.moves(&master.set(2)));
    // No later set makes any of them count again.
    fs::remove_dir_all(master.path().join("revoked")).expect("removed");
    for (name, key) in [("old", &old), ("changed", &changed), ("mine", &own)] {
        master.write(&format!("{name}.pem"), &key.to_pem());
    }
    site.sync(&master.set(3));
    for key in [&old, &own, &changed] {
        assert!(site.standing(key).iter().all(|it| matches!(it, Standing::Revoked { .. })));
    }
    assert_eq!(site.left(&master.set(3)), [WhyLeft::RevokedHere; 3]);
}

#[test]
fn a_note_that_revokes_revokes_wherever_the_key_stands_in_the_set() {
    let [root, old] = std::array::from_fn(|_| key());
    let master = Site::of(&[("old.pem", &old.to_pem()), ("root.pem", &root.to_pem())]);
    let site = Site::of(&[("root.pem", &root.to_pem())]);
    site.sync(&master.set(1));
    master.write("old.json", STOLEN);
    let set = master.set(2);
    assert_eq!(set.keys[0].note, Some(note(STOLEN)));
    assert_eq!(site.moves(&set), ["revoked old"]);
    site.sync(&set);
    assert_eq!(site.files(), ["/root.pem", "revoked/old.json", "revoked/old.pem"]);
    assert!(site.moves(&set).is_empty());
}

#[test]
fn a_set_that_would_lock_this_site_out_is_not_applied() {
    let [root, ops, mine] = std::array::from_fn(|_| key());
    let master = Site::of(&[("ops.pem", &ops.to_pem()), ("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let site = Site::of(&[("root.pem", &root.to_pem()), ("root.json", ROOT)]);
    let asked = |set: &KeySet, required: NonZeroUsize| {
        site.planned(set, |following, plan| require_way_in(&plan, following, required)).map_err(|fault| fault.reason())
    };
    assert_eq!(asked(&master.set(1), one()), Ok(()));
    assert_eq!(
        asked(&master.set(1), one().saturating_add(1)),
        Err(Reason::KeysetLockout),
        "one signs sets, two have to"
    );
    site.sync(&master.set(1));
    // The only key for plugins is replaced by one that is revoked here.
    site.write("revoked/mine.pem", &mine.to_pem());
    fs::remove_file(master.path().join("ops.pem")).expect("removed");
    master.write("mine.pem", &mine.to_pem());
    assert_eq!(asked(&master.set(2), one()), Err(Reason::KeysetLockout));
    master.write("more.pem", &key().to_pem());
    assert_eq!(asked(&master.set(3), one()), Ok(()));
    // The set revokes who signs sets, and brings nobody else.
    fs::create_dir(master.path().join("revoked")).expect("made");
    fs::rename(master.path().join("root.pem"), master.path().join("revoked/root.pem")).expect("moved");
    fs::remove_file(master.path().join("root.json")).expect("removed");
    assert_eq!(asked(&master.set(4), one()), Err(Reason::KeysetLockout));
}

/// Behind each step of the change a reader finds for every key the old standing or the new one, and nothing is
/// forgotten; the next session finishes it, with each line once.
#[test]
fn a_set_that_is_applied_half_is_finished_and_allows_nothing_else_meanwhile() {
    let [root, a, b, c, d] = std::array::from_fn(|_| key());
    let build = || {
        let master = Site::of(&[("a.pem", &a.to_pem()), ("b.pem", &b.to_pem()), ("root.pem", &root.to_pem())]);
        let site = Site::of(&[("root.pem", &root.to_pem())]);
        site.sync(&master.set(1));
        fs::create_dir(master.path().join("revoked")).expect("made");
        fs::rename(master.path().join("a.pem"), master.path().join("revoked/a.pem")).expect("moved");
        master.write("revoked/a.json", STOLEN);
        fs::remove_file(master.path().join("b.pem")).expect("removed");
        master.write("c.pem", &c.to_pem());
        master.write("c.json", r#"{"schema_version":2,"not_after":"2027-01-01T00:00:00Z"}"#);
        master.write("staged/d.pem", &d.to_pem());
        (master.set(2), site)
    };
    let (set, whole) = build();
    let before: Vec<Vec<Standing>> = [&a, &b, &c, &d].map(|key| whole.standing(key)).into();
    whole.sync(&set);
    let after: Vec<Vec<Standing>> = [&a, &b, &c, &d].map(|key| whole.standing(key)).into();
    let lines = |site: &Site| site.text("keys.journal").lines().count();
    let mut stops = 0;
    for taken in 0.. {
        let (set, site) = build();
        let session = site.begin();
        let change = site.change(&set).expect("a change");
        let end = change.steps.len() + change.entries().count();
        session.stop_after(&change, taken).expect("stopped");
        for (at, key) in [&a, &b, &c, &d].into_iter().enumerate() {
            let now = site.standing(key);
            let is_one_of = now.iter().any(|it| before[at].contains(it) || after[at].contains(it));
            let counts = now.contains(&Standing::Current);
            let may = before[at].contains(&Standing::Current) || after[at].contains(&Standing::Current);
            assert!(
                (now.is_empty() || is_one_of || now.contains(&Standing::Staged)) && (!counts || may),
                "{taken}: {now:?}"
            );
        }
        drop(site.begin());
        assert_eq!((site.files(), lines(&site)), (whole.files(), lines(&whole)), "{taken}");
        assert_eq!(site.applied(), whole.applied(), "{taken}");
        stops += 1;
        if taken >= end {
            break;
        }
    }
    assert!(stops > 12, "{stops}");
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
