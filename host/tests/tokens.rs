//! The file of tokens: what is written down, what is refused, and what nobody loses.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::time::Duration;

use aisoc_host::access::{Grant, Made, NewToken, Permission, Role, Scope, TokenFile, TokenName};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::Patience;
use jiff::Timestamp;

struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self) -> PathBuf {
        self.root.path().join("tokens.json")
    }

    fn file(&self) -> TokenFile {
        TokenFile::at(self.path())
    }

    fn create(&self, name: &str) -> Result<Made> {
        self.file().create(new(name, None), now(), false, &patience())
    }

    fn names(&self) -> Vec<String> {
        self.file().tokens().expect("read").iter().map(|token| token.name.to_string()).collect()
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("there")
    }

    fn refused(&self) -> Fault {
        self.file().tokens().expect_err("it is no file of tokens")
    }
}

fn now() -> Timestamp {
    "2026-05-01T00:00:00Z".parse().expect("a time")
}

fn patience() -> Patience {
    Patience { lock_timeout: Duration::from_secs(30), cancellation: Cancellation::default() }
}

fn name(text: &str) -> TokenName {
    text.parse().expect("a name")
}

fn new(called: &str, expires_at: Option<&str>) -> NewToken {
    let expires_at = expires_at.map(|time| time.parse().expect("a time"));
    NewToken {
        name: name(called),
        grant: Grant::Scopes(vec![Scope::One(Permission::Read)]),
        operator: None,
        tenant: None,
        expires_at,
    }
}

#[test]
fn what_is_kept_of_a_token_is_its_digest() {
    let place = Place::new();
    let made = place.create("ci").expect("made");
    assert!(!place.text().contains(made.token.text()) && !place.text().contains(&made.token.text()[6..]));
    let [record] = &place.file().tokens().expect("read")[..] else { panic!("one") };
    assert_eq!((record, record.digest), (&made.record, made.token.digest()));
    let metadata = fs::metadata(place.path()).expect("there");
    assert_eq!(metadata.mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(place.root.path()).expect("listed").count(), 1, "neither a lock nor a draft is left");
}

#[test]
fn a_name_is_one_token_that_counts() {
    let place = Place::new();
    let first = place.create("ci").expect("made").record;
    let before = place.text();
    let fault = place.create("ci").expect_err("it counts");
    assert_eq!(fault.reason(), Reason::TokenExists);
    assert!(fault.next_step().contains("`aisoc token revoke ci --tokens /"), "{fault:?}");
    assert_eq!(place.text(), before);
    let revoked = place.file().revoke(&name("ci"), now(), false, &patience()).expect("revoked");
    assert_eq!((revoked.state(now()), revoked.revoked_at), ("revoked", Some(now())));
    let once = place.text();
    let later = now() + Duration::from_secs(60);
    let again = place.file().revoke(&name("ci"), later, false, &patience()).expect("revoked already");
    assert_eq!((again, place.text()), (revoked, once), "the first time counts");
    let second = place.create("ci").expect("the one before counts no more").record;
    assert_eq!(place.names(), ["ci"]);
    assert_ne!(first.digest, second.digest);
}

#[test]
fn a_token_counts_up_to_its_end_and_not_at_it() {
    let place = Place::new();
    let create = |time| place.file().create(new("ci", Some(time)), now(), false, &patience());
    for time in ["2026-04-30T23:59:59Z", "2026-05-01T00:00:00Z"] {
        assert_eq!(create(time).expect_err("it would never count").reason(), Reason::Usage, "{time}");
    }
    assert!(!place.path().exists());
    let token = create("2026-05-01T00:00:02Z").expect("made").record;
    let at = |seconds| token.state(now() + Duration::from_secs(seconds));
    assert_eq!([at(1), at(2), at(3)], ["active", "expired", "expired"]);
    let later = now() + Duration::from_secs(2);
    place.file().create(new("ci", None), later, false, &patience()).expect("the one before has ended");
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let place = Place::new();
    let file = place.file();
    file.create(new("ci", None), now(), true, &patience()).expect("it would be made");
    assert!(!place.path().exists());
    place.create("ci").expect("made");
    let before = place.text();
    file.create(new("ci", None), now(), true, &patience()).expect_err("it counts");
    file.revoke(&name("ci"), now(), true, &patience()).expect("it would be revoked");
    assert_eq!(file.revoke(&name("no"), now(), true, &patience()).expect_err("none").reason(), Reason::TokenNotFound);
    assert_eq!(place.text(), before);
}

#[test]
fn a_host_has_no_file_where_there_is_none_and_revoking_makes_none() {
    let place = Place::new();
    assert_eq!(place.refused().reason(), Reason::IoNotFound);
    let fault = place.file().revoke(&name("ci"), now(), false, &patience()).expect_err("no file");
    assert_eq!(fault.reason(), Reason::IoNotFound);
    assert_eq!(fs::read_dir(place.root.path()).expect("listed").count(), 0);
}

#[test]
fn a_directory_that_is_not_there_is_named_as_that() {
    let file = TokenFile::at(Place::new().root.path().join("absent/tokens.json"));
    assert_eq!(file.tokens().expect_err("no directory").reason(), Reason::IoNotFound);
    for is_dry in [true, false] {
        let made = file.create(new("ci", None), now(), is_dry, &patience());
        assert_eq!(made.expect_err("no directory").reason(), Reason::IoNotFound);
    }
}

#[test]
fn what_others_could_have_written_lets_nobody_in() {
    let place = Place::new();
    place.create("ci").expect("made");
    for (mode, expected) in
        [(0o666, Some(Reason::DirectoryInsecure)), (0o602, Some(Reason::DirectoryInsecure)), (0o644, None)]
    {
        fs::set_permissions(place.path(), Permissions::from_mode(mode)).expect("set");
        assert_eq!(place.file().tokens().err().map(|fault| fault.reason()), expected, "{mode:o}");
    }
    fs::set_permissions(place.root.path(), Permissions::from_mode(0o777)).expect("set");
    assert_eq!(place.refused().reason(), Reason::DirectoryInsecure, "another file could be put there");
    assert_eq!(place.create("more").expect_err("nor is one made").reason(), Reason::DirectoryInsecure);
    assert_eq!(fs::read_dir(place.root.path()).expect("listed").count(), 1);
}

#[test]
fn what_is_no_file_of_tokens_is_refused_and_left() {
    let place = Place::new();
    place.create("ci").expect("made");
    let good = place.text();
    let twice = good.replace("\"tokens\": [", &format!("\"tokens\": [{},", record(&good)));
    for (bad, word) in [
        (String::new(), "EOF"),
        ("{}".to_owned(), "missing field"),
        (good.replace("\"schema\": 1", "\"schema\": 2"), "another version"),
        (good.replace("\"schema\": 1", "\"schema\": 1, \"more\": 1"), "unknown field"),
        (good.replace("\"name\"", "\"nam\""), "unknown field"),
        (good.replace("plugins:read", "plugins:write"), "no scope"),
        (good.replace("\"ci\"", "\"\""), "no name"),
        (good.replace("sha256:", "sha512:"), "digest"),
        (good.replace("sha256:", "sha256:00"), "digest"),
        (good[..good.len() / 2].to_owned(), "EOF"),
        (twice, "two tokens are called `ci`"),
        (
            good.replace("\"tokens\": [", &format!("\"tokens\": [{},", record(&good).replace("\"ci\"", "\"other\""))),
            "two tokens are one",
        ),
        (good.replace("2026-05-01T00:00:00Z", "yesterday"), "no file of tokens"),
        (" ".repeat((1 << 20) + 1), "more than 1048576 bytes"),
    ] {
        fs::write(place.path(), &bad).expect("written");
        let fault = place.refused();
        assert_eq!(fault.reason(), Reason::RecordInvalid, "{word}: {fault:?}");
        assert!(fault.message().contains(word), "{word}: {fault:?}");
        place.create("more").expect_err("nothing is added to it");
        assert_eq!(place.text(), bad);
    }
    fs::remove_file(place.path()).expect("removed");
    fs::create_dir(place.path()).expect("made");
    assert_eq!(place.refused().reason(), Reason::RecordInvalid);
}

/// The one record of a file.
fn record(text: &str) -> String {
    let (begin, end) = (text.find("[").expect("a list"), text.rfind("]").expect("a list"));
    text[begin + 1..end].trim().to_owned()
}

#[test]
fn a_file_that_is_mounted_through_a_link_is_read() {
    let place = Place::new();
    let made = place.create("ci").expect("made");
    fs::create_dir(place.root.path().join("data")).expect("made");
    fs::rename(place.path(), place.root.path().join("data/tokens")).expect("moved");
    symlink("data/tokens", place.path()).expect("linked");
    assert_eq!(place.file().tokens().expect("read"), [made.record]);
    // What would be written is the link's name alone: the token would go on to count for who reads the file.
    let revoked = place.file().revoke(&name("ci"), now(), false, &patience());
    assert_eq!(revoked.expect_err("a second name").reason(), Reason::Usage);
    assert!(place.path().is_symlink());
    fs::remove_file(place.path()).expect("removed");
    fs::hard_link(place.root.path().join("data/tokens"), place.path()).expect("linked");
    let revoked = place.file().revoke(&name("ci"), now(), false, &patience());
    assert_eq!(revoked.expect_err("a second name").reason(), Reason::Usage);
}

#[test]
fn there_are_as_many_tokens_as_a_host_knows_and_no_more() {
    let place = Place::new();
    place.create("token-0").expect("made");
    let one = record(&place.text());
    let mut written: serde_json::Value = serde_json::from_str(&place.text()).expect("JSON");
    let tokens: Vec<serde_json::Value> = (0..999)
        .map(|number| {
            let digest = format!("sha256:{number:064x}");
            let mut token: serde_json::Value = serde_json::from_str(&one).expect("JSON");
            token["name"] = format!("token-{number}").into();
            token["digest"] = digest.into();
            token
        })
        .collect();
    written["tokens"] = tokens.into();
    fs::write(place.path(), written.to_string()).expect("written");
    place.create("last").expect("the thousandth");
    assert_eq!(place.create("more").expect_err("one too many").reason(), Reason::Usage);
    assert_eq!(place.names().len(), 1000);
    place.file().revoke(&name("last"), now(), false, &patience()).expect("revoked");
    place.create("last").expect("in the place of one that counts no more");
}

#[test]
fn of_many_at_once_none_is_lost() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..16 {
            let place = &place;
            scope.spawn(move || place.create(&format!("token-{number}")).expect("made"));
        }
    });
    let mut names = place.names();
    names.sort();
    let mut expected: Vec<String> = (0..16).map(|number| format!("token-{number}")).collect();
    expected.sort();
    assert_eq!(names, expected);
}

#[test]
fn names_are_one_word_for_every_list() {
    let long = "x".repeat(64);
    for good in ["a", "0", "ci-2026.release_1", &long] {
        assert_eq!(good.parse::<TokenName>().expect(good).as_str(), good);
    }
    let longer = "x".repeat(65);
    for bad in ["", "-x", ".x", "a b", "a/b", "a\n", "ä", "../x", &longer] {
        assert_eq!(bad.parse::<TokenName>().expect_err(bad).reason(), Reason::Usage, "{bad:?}");
    }
}

#[test]
fn a_role_grants_what_it_does() {
    for role in Role::ALL {
        let holds = Permission::ALL.map(|permission| Grant::Role(role).holds(permission));
        let is_admin = matches!(role, Role::Admin | Role::PlatformAdmin);
        assert_eq!(holds, [is_admin; 4], "{role:?}");
    }
    let two = Grant::Scopes(vec![Scope::One(Permission::Read), Scope::One(Permission::Execute)]);
    assert_eq!(Permission::ALL.map(|permission| two.holds(permission)), [true, true, false, false]);
    assert_eq!(Permission::ALL.map(|permission| Grant::Scopes(Vec::new()).holds(permission)), [false; 4]);
}
