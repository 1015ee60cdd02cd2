//! When a signature was made, as an authority vouches for it, and what that is worth to a key that has ended since.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::file_map::{FileEntry, FileMap, TreeScheme};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_signing::proof::{MAX_TRUSTED_ROOT_BYTES, RsaVerifiers};
use aisoc_signing::{
    Circumstances, Claim, ClaimedTree, Content, Coverage, Findings, Keyring, MAX_AUTHORITIES,
    MAX_AUTHORITY_CERTIFICATES, MAX_TIMESTAMP_BYTES, MAX_TIMESTAMP_CERTIFICATES, Origin, Outcome, Overwrite, Signature,
    SigningKey, Standing, TimestampAuthorities, TimestampQuery, TimestampToken, TreeFinding, examine,
    is_signature_file, is_timestamp_file, sign, standard_reply, write_key_pair,
};
use aisoc_testkit::timestamps::{Stamp, TimestampAuthority, Usage};
use serde_json::json;
use sigstore_verify::tsa::verify_timestamp_for_authority;
use sigstore_verify::types::{DerCertificate, SignatureBytes, TimestampToken as OtherToken, TsaAuthority};

const MANIFEST: &[u8] = b"id: demo.one\nname: D\nversion: \"1\"\nplugin_type: enricher\n";
/// When everything is judged.
const NOW: &str = "2026-06-01T00:00:00Z";
const EXPIRED: &str = r#""not_before":"2026-01-01T00:00:00Z","not_after":"2026-03-01T00:00:00Z""#;
const LONG_LIFE: [&str; 2] = ["240101000000Z", "490101000000Z"];

/// A plugin that one key has signed, which is trusted as its note says.
struct World {
    keys: tempfile::TempDir,
    key: SigningKey,
    signature: Signature,
    authority: TimestampAuthority,
}

fn claim(files: &[(String, Vec<u8>)]) -> Claim {
    Claim::new(ClaimedTree {
        subject: TreeDigest::of(b"t"),
        manifest_file: ManifestFile::Yaml,
        manifest: MANIFEST.to_vec(),
        python: PythonFiles::default(),
        files: Arc::new(FileMap::default()),
        strange: Vec::new(),
        empty_directories: Vec::new(),
        signature_files: files.iter().cloned().map(|(name, content)| (name, Content::Whole(content))).collect(),
    })
}

fn authorities(content: impl AsRef<[u8]>) -> TimestampAuthorities {
    TimestampAuthorities::read("tsa.pem", content.as_ref(), rsa()).expect("authorities")
}

/// What verifies RSA, of the one implementation of TLS that a process has.
fn rsa() -> RsaVerifiers {
    rustls_graviola::default_provider().signature_verification_algorithms.all
}

fn circumstances(at: &str) -> Circumstances {
    Circumstances { at: at.parse().expect("a time"), origin: Origin::unknown() }
}

impl World {
    fn new() -> Self {
        let (keys, key) = (tempfile::tempdir().expect("a directory"), SigningKey::generate().expect("random"));
        write_key_pair(&keys.path().join("release"), &key, Overwrite::Refuse).expect("written");
        fs::remove_file(keys.path().join("release.key")).expect("removed");
        let signed = sign(claim(&[]).statement().expect("a statement"), &key).expect("signed");
        let signature = *signed.signature();
        Self { keys, key, signature, authority: TimestampAuthority::numbered(1) }
    }

    fn noted(self, note: &str) -> Self {
        self.note("", note);
        self
    }

    fn note(&self, place: &str, note: &str) {
        let path = self.keys.path().join(place).join("release.json");
        fs::write(path, format!(r#"{{"schema_version":2,{note}}}"#)).expect("written");
    }

    fn bytes(&self) -> [u8; 64] {
        let text = self.signature.to_hex();
        std::array::from_fn(|index| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).expect("a byte"))
    }

    fn stamped(&self, at: &str) -> Vec<u8> {
        self.authority.stamps(&self.bytes(), Stamp::at(at))
    }

    fn place(&self, suffix: &str) -> String {
        format!("plugin.sig.d/{}.{suffix}", self.key.public_key().fingerprint().hex())
    }

    fn files(&self, timestamp: &[u8]) -> Vec<(String, Vec<u8>)> {
        let text = self.signature.to_hex().into_bytes();
        let signatures = [("plugin.sig".to_owned(), text.clone()), (self.place("sig"), text)];
        signatures.into_iter().chain([(self.place("tsr"), timestamp.to_vec())]).collect()
    }

    fn judged_in(&self, timestamp: &[u8], named: TimestampAuthorities, at: &str) -> (Outcome, Findings) {
        let keyring = Keyring::read(self.keys.path()).expect("keys").with_timestamp_authorities(named);
        let mut findings = Findings::default();
        let outcome = examine(&claim(&self.files(timestamp)), &keyring, &circumstances(at), &mut findings);
        (outcome.expect("judged"), findings)
    }

    fn judged(&self, timestamp: &[u8]) -> (Outcome, Findings) {
        self.judged_in(timestamp, authorities(self.authority.pem()), NOW)
    }

    fn counts(&self, timestamp: &[u8]) -> bool {
        self.counts_at(timestamp, NOW)
    }

    fn counts_at(&self, timestamp: &[u8], now: &str) -> bool {
        let (outcome, _) = self.judged_in(timestamp, authorities(self.authority.pem()), now);
        matches!(outcome, Outcome::Verified(_))
    }

    fn refused(&self, timestamp: &[u8], what: &str) {
        match self.judged(timestamp).0 {
            Outcome::Malformed(fault) => assert_eq!(fault.reason(), Reason::TimestampInvalid, "{what}"),
            outcome => panic!("{what}: {outcome:?}"),
        }
    }

    /// Moves the key to another place, with its note.
    fn set_aside(&self, place: &str) {
        fs::create_dir_all(self.keys.path().join(place)).expect("made");
        for file in ["release.pem", "release.json"] {
            fs::rename(self.keys.path().join(file), self.keys.path().join(place).join(file)).expect("moved");
        }
    }
}

#[test]
fn what_a_key_signed_between_its_dates_counts_when_it_has_expired() {
    let world = World::new().noted(EXPIRED);
    for (at, counts) in [
        ("20251231235959Z", false),
        ("20260101000000Z", true),
        ("20260101000001Z", true),
        ("20260228235959Z", true),
        ("20260301000000Z", false),
        ("20260301000001Z", false),
    ] {
        assert_eq!(world.counts(&world.stamped(at)), counts, "{at}");
    }
    let (outcome, findings) = world.judged(&world.stamped("20260201000000Z"));
    let Outcome::Verified(verified) = outcome else { panic!("{outcome:?}") };
    let [signer] = verified.signers() else { panic!("one signer") };
    let signed = signer.signed_at.as_ref().expect("a time");
    assert_eq!((signed.at.to_string().as_str(), signer.end), ("2026-02-01T00:00:00Z", None));
    assert_eq!(signed.authority, "CN=testkit time");
    assert_eq!(findings.keys[0].standing, Standing::Current);
}

#[test]
fn the_accuracy_of_a_timestamp_is_taken_at_its_worst() {
    let world = World::new().noted(EXPIRED);
    for (at, counts) in
        [("20260101000004Z", false), ("20260101000005Z", true), ("20260228235954Z", true), ("20260228235955Z", false)]
    {
        let stamp = Stamp { accuracy: Some(5), ..Stamp::at(at) };
        assert_eq!(world.counts(&world.authority.stamps(&world.bytes(), stamp)), counts, "{at}");
    }
}

#[test]
fn a_timestamp_is_evidence_where_its_authority_is_named_and_nowhere_else() {
    let world = World::new().noted(EXPIRED);
    let good = world.stamped("20260201000000Z");
    let other = || authorities(TimestampAuthority::numbered(2).pem());
    for (what, named) in [
        ("nobody", TimestampAuthorities::default()),
        ("another", other()),
        ("later", authorities(world.authority.trusted_root("2026-02-01T00:00:01Z").to_string())),
    ] {
        let (outcome, findings) = world.judged_in(&good, named, NOW);
        let Outcome::NotCounted { standing: Standing::Expired(_), .. } = outcome else { panic!("{what}: {outcome:?}") };
        assert!(findings.timestamps[0].shown.is_err(), "{what}: and it is said why");
    }
    let named = authorities(world.authority.trusted_root("2026-02-01T00:00:00Z").to_string());
    assert!(matches!(world.judged_in(&good, named, NOW).0, Outcome::Verified(_)), "a trusted root is another form");
    // A key in its window counts whatever stands there.
    let current = World::new();
    let (outcome, _) = current.judged_in(&current.stamped("19990101000000Z"), other(), NOW);
    assert!(matches!(outcome, Outcome::Verified(_)), "{outcome:?}");
}

#[test]
fn the_certificate_of_an_authority_has_to_be_valid_then_and_for_timestamps_alone() {
    let mut world = World::new().noted(EXPIRED);
    for (life, counts) in [
        (["240101000000Z", "260201000000Z"], true),
        (["240101000000Z", "260131235959Z"], false),
        (["260201000000Z", "490101000000Z"], true),
        (["260201000001Z", "490101000000Z"], false),
    ] {
        world.authority = TimestampAuthority::with(1, life, Usage::Timestamps);
        assert_eq!(world.counts(&world.stamped("20260201000000Z")), counts, "{life:?}");
    }
    for usage in [Usage::NotCritical, Usage::TimestampsAndCode, Usage::Unsaid] {
        let pem = TimestampAuthority::with(1, LONG_LIFE, usage).pem();
        let read = TimestampAuthorities::read("tsa.pem", pem.as_bytes(), &[]);
        assert_eq!(read.expect_err("an authority of something else").reason(), Reason::TrustedRootInvalid, "{usage:?}");
    }
}

#[test]
fn a_time_that_is_still_to_come_is_no_evidence() {
    let ends = r#""not_before":"2026-01-01T00:00:00Z","not_after":"2027-03-01T00:00:00Z""#;
    let world = World::new().noted(ends);
    for (stamp, now, counts) in [
        ("20270201000000Z", "2027-03-01T00:00:00Z", true),
        // The clock is a year behind: the key has not begun, and the timestamp is of a time to come.
        ("20260201000000Z", "2025-06-01T00:00:00Z", false),
        // It is a year ahead, and the key has ended as the clock has it.
        ("20260201000000Z", "2028-06-01T00:00:00Z", true),
    ] {
        assert_eq!(world.counts_at(&world.stamped(stamp), now), counts, "{stamp} at {now}");
    }
    // Of an authority whose time is not sure the last moment that it leaves open has to be over.
    let leaked = r#""revoked":{"at":"2026-05-01T00:00:00Z","reason":"stolen"}"#;
    let world = World::new().noted(&leaked.replace("stolen\"", "stolen\",\"since\":\"2026-05-01T00:00:00Z\""));
    let stamp = Stamp { accuracy: Some(5), ..Stamp::at("20260430235954Z") };
    assert!(world.counts_at(&world.authority.stamps(&world.bytes(), stamp), "2026-05-01T00:00:00Z"));
}

fn revoked(since: Option<&str>) -> String {
    let since = since.map(|since| format!(r#","since":"{since}""#)).unwrap_or_default();
    format!(r#""revoked":{{"at":"2026-05-01T00:00:00Z","reason":"stolen"{since}}}"#)
}

#[test]
fn what_was_signed_before_a_key_may_have_leaked_counts_and_nothing_later() {
    let world = World::new().noted(&revoked(Some("2026-04-20T00:00:00Z")));
    for place in ["", "revoked"] {
        if !place.is_empty() {
            world.set_aside(place);
        }
        for (at, counts) in [
            ("20260419235959Z", true),
            ("20260420000000Z", false),
            ("20260420000001Z", false),
            ("20260501000000Z", false),
        ] {
            assert_eq!(world.counts(&world.stamped(at)), counts, "{place}: {at}");
        }
    }
    // A `since` behind the revocation gives nothing beyond it.
    world.note("revoked", &revoked(Some("2026-05-20T00:00:00Z")));
    assert!(world.counts(&world.stamped("20260430235959Z")));
    assert!(!world.counts(&world.stamped("20260501000000Z")));
    // A revocation that is still to come counts where the key stands among the revoked.
    world.note("revoked", r#""revoked":{"at":"2026-07-01T00:00:00Z","reason":"x","since":"2026-01-01T00:00:00Z"}"#);
    assert!(world.counts(&world.stamped("20251231235959Z")));
    assert!(!world.counts(&world.stamped("20260101000000Z")));
}

#[test]
fn a_revocation_takes_back_all_where_it_does_not_say_since_when() {
    let world = World::new().noted(&revoked(None));
    let early = world.stamped("20260101000000Z");
    assert!(!world.counts(&early), "no `since`");
    world.set_aside("revoked");
    let since = revoked(Some("2026-04-20T00:00:00Z"));
    for (note, why) in [
        (revoked(None), "no `since`"),
        (r#""owner":"Ada""#.to_owned(), "no revocation in the note"),
        (format!(r#"{since},"not_after":"2025-01-01T00:00:00Z""#), "expired before"),
        (format!(r#"{since},"scope":{{"plugins":["acme.*"]}}"#), "another scope"),
        (format!(r#"{since},"may_sign":["keyset"]"#), "another kind"),
    ] {
        world.note("revoked", &note);
        assert!(!world.counts(&early), "{why}");
    }
    world.note("revoked", &since);
    assert!(world.counts(&early));
    let place = world.keys.path().join("revoked");
    fs::copy(place.join("release.pem"), place.join("twin.pem")).expect("copied");
    assert!(!world.counts(&early), "revoked for good under another name");
}

#[test]
fn a_key_that_was_never_trusted_or_is_no_more_gets_nothing_by_it() {
    for place in ["staged", "retired"] {
        let world = World::new().noted(EXPIRED);
        world.set_aside(place);
        assert!(!world.counts(&world.stamped("20260201000000Z")), "{place}");
    }
    let world = World::new().noted(r#""not_before":"2026-07-01T00:00:00Z""#);
    assert!(!world.counts(&world.stamped("20260201000000Z")), "one that has not begun");
}

#[test]
fn a_signature_counts_by_its_own_timestamp_and_not_by_that_of_another() {
    let world = World::new().noted(EXPIRED);
    let second = SigningKey::generate().expect("random");
    write_key_pair(&world.keys.path().join("second"), &second, Overwrite::Refuse).expect("written");
    fs::remove_file(world.keys.path().join("second.key")).expect("removed");
    let signed = sign(claim(&[]).statement().expect("a statement"), &second).expect("signed");
    let place = format!("plugin.sig.d/{}", second.public_key().fingerprint().hex());
    let text = signed.signature().to_hex();
    let bytes: Vec<u8> = (0..64).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("a byte")).collect();
    let stamp = world.authority.stamps(&bytes, Stamp::at("20260201000000Z"));
    let judged = |stamps: Vec<(String, Vec<u8>)>, note: &str| {
        fs::write(world.keys.path().join("second.json"), format!(r#"{{"schema_version":2,{note}}}"#)).expect("written");
        let own = world.files(&[]).into_iter().filter(|(name, _)| !name.ends_with(".tsr"));
        let files: Vec<_> = own.chain([(format!("{place}.sig"), text.clone().into_bytes())]).chain(stamps).collect();
        let keyring = Keyring::read(world.keys.path()).expect("keys");
        let keyring = keyring.with_timestamp_authorities(authorities(world.authority.pem()));
        let outcome = examine(&claim(&files), &keyring, &circumstances(NOW), &mut Findings::default());
        match outcome.expect("judged") {
            Outcome::Verified(verified) => verified.signers().iter().map(|one| one.key_id.to_string()).collect(),
            _ => Vec::new(),
        }
    };
    let (own, others) = ((world.place("tsr"), world.stamped("20260201000000Z")), (format!("{place}.tsr"), stamp));
    let (lives, ended) = (r#""owner":"Ada""#, EXPIRED);
    assert_eq!(judged(vec![own.clone(), others.clone()], ended), ["release", "second"]);
    assert_eq!(judged(vec![own.clone()], ended), ["release"]);
    assert_eq!(judged(vec![others.clone()], ended), ["second"]);
    assert_eq!(judged(vec![others], lives), ["second"], "of one that counts anyway it says nothing");
    assert_eq!(judged(vec![own], lives), ["release", "second"]);
    assert_eq!(judged(vec![], lives), ["second"]);
    assert_eq!(judged(vec![], ended), Vec::<String>::new());
}

#[test]
fn a_timestamp_is_outside_what_is_covered_and_can_be_nothing_that_runs() {
    let world = World::new();
    let covers = |mode: bool, name: &str| {
        let (path, content) = (RelPath::parse(name).expect("a name"), world.stamped("20260201000000Z"));
        let entry = FileEntry { digest: FileDigest::of(&content), size: content.len() as u64, executable: mode };
        let claim = Claim::new(ClaimedTree {
            subject: TreeDigest::of(b"t"),
            manifest_file: ManifestFile::Yaml,
            manifest: MANIFEST.to_vec(),
            python: PythonFiles::default(),
            files: Arc::new(FileMap::from_iter([(path, entry)])),
            strange: Vec::new(),
            empty_directories: Vec::new(),
            signature_files: [(name.to_owned(), Content::Whole(content))].into(),
        });
        claim.coverage_if_signed(&TreeFinding::Exact(TreeScheme::V2))
    };
    assert_eq!(covers(false, &world.place("tsr")), Coverage::Full);
    assert_eq!(covers(true, &world.place("tsr")), Coverage::Code);
    for name in ["plugin.sig.d/short.tsr", "plugin.tsr", "sub/plugin.sig.d/x.tsr", "plugin.sig.d/x.TSR"] {
        assert!(!is_signature_file(name) && !is_timestamp_file(name), "{name} is covered as any file");
    }
    assert!(is_signature_file(&world.place("tsr")) && !is_timestamp_file(&world.place("sig")));
}

#[test]
fn what_is_no_timestamp_of_that_signature_refuses_the_plugin() {
    let (world, stamp) = (World::new(), Stamp::at("20260201000000Z"));
    let good = world.stamped("20260201000000Z");
    world.refused(&world.authority.stamps(b"something else", stamp), "another imprint");
    world.refused(&World::new().stamped("20260201000000Z"), "of another plugin");
    world.refused(&good[..good.len() - 1], "cut off");
    world.refused(&[good.clone(), vec![0]].concat(), "a byte behind it");
    world.refused(b"", "nothing");
    for status in [1, 2, 3] {
        let with_status = world.authority.stamps_with_status(&[0x02, 1, status], &world.bytes(), stamp);
        world.refused(&with_status, "another status than granted");
    }
    let talking = [&[0x02, 1, 0][..], &[0x30, 4, 0x0c, 2, b'o', b'k']].concat();
    world.refused(&world.authority.stamps_with_status(&talking, &world.bytes(), stamp), "a status that says more");
    let files: Vec<_> = world.files(&good).into_iter().filter(|(name, _)| *name != world.place("sig")).collect();
    let keyring = Keyring::read(world.keys.path()).expect("keys");
    let outcome = examine(&claim(&files), &keyring, &circumstances(NOW), &mut Findings::default()).expect("judged");
    assert!(matches!(&outcome, Outcome::Malformed(fault) if fault.reason() == Reason::TimestampInvalid), "{outcome:?}");
}

#[test]
fn no_byte_of_a_timestamp_can_be_changed_to_any_use() {
    let world = World::new().noted(EXPIRED);
    let good = world.stamped("20260201000000Z");
    assert!(world.counts(&good));
    let mut tried = 0;
    for index in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut mutant = good.clone();
            mutant[index] ^= flip;
            assert!(!world.counts(&mutant), "byte {index} ^ {flip:#x}");
            tried += 1;
        }
    }
    println!("{tried} mutants: 0 make the key count");
    assert!(tried >= 500);
}

/// As an authority of RSA signs: what is said of those of ECDSA holds for it too.
#[test]
fn an_authority_may_sign_by_rsa() {
    let mut world = World::new().noted(EXPIRED);
    world.authority = TimestampAuthority::of_rsa(1, LONG_LIFE, Usage::Timestamps);
    let good = world.stamped("20260201000000Z");
    assert!(world.counts(&good));
    assert!(!world.counts(&world.stamped("20260301000000Z")), "the key had ended");
    assert!(!world.counts(&world.authority.stamps_bringing(
        &world.bytes(),
        Stamp::at("20260201000000Z"),
        &[TimestampAuthority::numbered(2).certificate().to_vec()],
    )));
    for index in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut mutant = good.clone();
            mutant[index] ^= flip;
            assert!(!world.counts(&mutant), "byte {index} ^ {flip:#x}");
        }
    }
    // The same certificate with another key, and of another root with the same key.
    let named = |pem: String| matches!(world.judged_in(&good, authorities(pem), NOW).0, Outcome::Verified(_));
    assert!(named(world.authority.pem()));
    assert!(!named(TimestampAuthority::numbered(1).pem()));
    // Certificates that do not lead to their root are none of an authority, whatever a token says.
    let other = TimestampAuthority::of_rsa(2, LONG_LIFE, Usage::Timestamps);
    let broken = world.authority.pem().replace(&world.authority.root_pem(), &other.root_pem());
    let fault = TimestampAuthorities::read("tsa.pem", broken.as_bytes(), rsa()).expect_err("another root");
    assert_eq!(fault.reason(), Reason::TrustedRootInvalid);
    assert!(fault.message().contains("one of them is not signed by the next"), "{fault:?}");
    // It had no certificate yet, or no more, or the operator did not take its word then.
    for (life, counts) in [
        (["240101000000Z", "260201000000Z"], true),
        (["240101000000Z", "260131235959Z"], false),
        (["260201000000Z", "490101000000Z"], true),
        (["260201000001Z", "490101000000Z"], false),
    ] {
        world.authority = TimestampAuthority::of_rsa(1, life, Usage::Timestamps);
        assert_eq!(world.counts(&world.stamped("20260201000000Z")), counts, "{life:?}");
    }
    world.authority = TimestampAuthority::of_rsa(1, LONG_LIFE, Usage::Timestamps);
    for (from, counts) in [("2026-02-01T00:00:00Z", true), ("2026-02-01T00:00:01Z", false)] {
        let root = authorities(world.authority.trusted_root(from).to_string());
        let (outcome, _) = world.judged_in(&world.stamped("20260201000000Z"), root, NOW);
        assert_eq!(matches!(outcome, Outcome::Verified(_)), counts, "{from}");
    }
    for usage in [Usage::NotCritical, Usage::TimestampsAndCode, Usage::Unsaid] {
        let pem = TimestampAuthority::of_rsa(1, LONG_LIFE, usage).pem();
        let read = TimestampAuthorities::read("tsa.pem", pem.as_bytes(), rsa());
        assert_eq!(read.expect_err("an authority of something else").reason(), Reason::TrustedRootInvalid, "{usage:?}");
    }
    // Without what verifies it, whoever names it hears so at once.
    let fault = TimestampAuthorities::read("tsa.pem", world.authority.pem().as_bytes(), &[]).expect_err("no RSA");
    assert!(fault.message().contains("is of RSA, by which this build verifies nothing"), "{fault:?}");
}

/// The library of proofs judges what is by ECDSA as well, and it lets count what counts here.
#[test]
fn what_counts_by_ecdsa_the_other_verifier_takes_too() {
    let world = World::new();
    let authority = |number: u8| {
        let pem = TimestampAuthority::numbered(number).pem();
        let der = aisoc_testkit::timestamps::certificates(&pem).map(DerCertificate::new);
        TsaAuthority::new(der[0].clone(), Vec::new(), der[1].clone(), None)
    };
    let signature = SignatureBytes::from_bytes(&world.bytes());
    for accuracy in [None, Some(3)] {
        let token = world.authority.stamps(&world.bytes(), Stamp { accuracy, ..Stamp::at("20260201000000Z") });
        for number in [1, 2] {
            let taken =
                verify_timestamp_for_authority(&OtherToken::new(token.clone()), &signature, &authority(number)).is_ok();
            let named = authorities(TimestampAuthority::numbered(number).pem());
            let read = TimestampToken::read("t", &token).expect("a timestamp");
            assert_eq!(named.judge(&read, &world.signature).is_ok(), taken, "{number} {accuracy:?}");
            assert_eq!(taken, number == 1);
        }
    }
}

/// What other readers begin with: tokens over 64 bytes of 7, and the certificates of their authorities.
#[test]
fn the_tokens_in_testdata_are_what_the_authorities_make() {
    let place = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/timestamps"));
    for (name, authority) in [
        ("ecdsa", TimestampAuthority::numbered(1)),
        ("rsa", TimestampAuthority::of_rsa(1, LONG_LIFE, Usage::Timestamps)),
    ] {
        let token = authority.stamps(&[7; 64], Stamp { accuracy: Some(1), ..Stamp::at("20260201000000Z") });
        let read = |ending: &str| fs::read(place.join(format!("{name}.{ending}"))).expect("a file");
        assert_eq!(read("tsr"), token, "{name}");
        assert_eq!(read("pem"), authority.pem().into_bytes(), "{name}");
        let read = TimestampToken::read(name, &token).expect("a timestamp");
        let shown = authorities(authority.pem())
            .judge(&read, &Signature::read(&[7; 64]).expect("a signature"))
            .expect("counts");
        assert_eq!(shown.earliest.to_string(), "2026-01-31T23:59:59Z", "{name}");
    }
}

#[test]
fn a_timestamp_is_bounded_and_so_are_its_certificates() {
    let (world, stamp) = (World::new().noted(EXPIRED), Stamp::at("20260201000000Z"));
    let bringing = |certificates: &[Vec<u8>]| {
        let answer = world.authority.stamps_bringing(&world.bytes(), stamp, certificates);
        standard_reply("answer", &answer, &world.signature).map(|token| token.as_bytes().to_vec())
    };
    let idle = |count: usize| -> Vec<_> {
        (0..count).map(|number| world.authority.idle_certificate(0, u8::try_from(number).expect("few") + 9)).collect()
    };
    for (count, is_one) in [
        (0, true),
        (MAX_TIMESTAMP_CERTIFICATES - 1, true),
        (MAX_TIMESTAMP_CERTIFICATES, true),
        (MAX_TIMESTAMP_CERTIFICATES + 1, false),
    ] {
        assert_eq!(bringing(&idle(count)).is_ok(), is_one, "{count}");
    }
    assert!(world.counts(&bringing(&[]).expect("one without certificates")));
    let (outcome, findings) = world.judged(&bringing(&idle(1)).expect("well-formed"));
    assert!(matches!(outcome, Outcome::NotCounted { .. }), "a certificate of nobody's: {outcome:?}");
    assert!(findings.timestamps[0].shown.as_ref().is_err_and(|why| why.contains("certificate")));
    let most = usize::try_from(MAX_TIMESTAMP_BYTES).expect("small");
    let padded = |padding, serial| {
        world.authority.stamps_bringing(&world.bytes(), stamp, &[world.authority.idle_certificate(padding, serial)])
    };
    let padding = most - padded(4096, 9).len() + 4096;
    // Signatures of certificates have 70 to 72 bytes, by what they are over: of several one has the size that is wanted.
    let at = |size: usize| {
        let tried = (padding - 16..=padding + 16).flat_map(|padding| (1..100).map(move |serial| (padding, serial)));
        let mut made = tried.map(|(padding, serial)| padded(padding, serial));
        made.find(|token| token.len() == size).expect("a size that can be made")
    };
    for (size, expected) in [(most - 1, Ok(())), (most, Ok(())), (most + 1, Err(Reason::TimestampInvalid))] {
        let read = TimestampToken::read("x.tsr", &at(size));
        assert_eq!(read.map(|_| ()).map_err(|fault| fault.reason()), expected, "{size}");
    }
}

#[test]
fn a_file_of_authorities_is_bounded_and_names_some() {
    let one = TimestampAuthority::numbered(1);
    let read =
        |content: &[u8]| TimestampAuthorities::read("tsa", content, &[]).map(|_| ()).map_err(|fault| fault.reason());
    let refused = Err(Reason::TrustedRootInvalid);
    let many = |count: usize| {
        let mut root = one.trusted_root("2026-01-01T00:00:00Z");
        root["timestampAuthorities"] = json!(vec![root["timestampAuthorities"][0].clone(); count]);
        read(root.to_string().as_bytes())
    };
    let most = MAX_AUTHORITIES;
    assert_eq!([0, 1, most - 1, most, most + 1].map(many), [refused, Ok(()), Ok(()), Ok(()), refused]);
    let chain = |count: usize| read((one.pem() + &one.root_pem().repeat(count - 2)).as_bytes());
    let most = MAX_AUTHORITY_CERTIFICATES;
    assert_eq!([most - 1, most, most + 1].map(chain), [Ok(()), Ok(()), refused]);
    let padded = |size: u64| {
        let text = one.pem();
        read((" ".repeat(usize::try_from(size).expect("small") - text.len()) + &text).as_bytes())
    };
    assert_eq!([MAX_TRUSTED_ROOT_BYTES, MAX_TRUSTED_ROOT_BYTES + 1].map(padded), [Ok(()), refused]);
    for nothing in ["", "{}", "nonsense", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        assert_eq!(read(nothing.as_bytes()), refused, "{nothing}");
    }
}

#[test]
fn an_answer_is_to_the_question_that_was_asked() {
    let world = World::new();
    let query = TimestampQuery::new(&world.signature).expect("random");
    let answer = world.authority.answers(&query.to_der(), "20260201000000Z");
    let token = query.answered("https://time.test", &answer).expect("an answer");
    assert_eq!(token.claimed_time().to_string(), "2026-02-01T00:00:00Z");
    let refused = |answer: &[u8], what: &str| {
        assert_eq!(query.answered("t", answer).expect_err(what).reason(), Reason::TimestampInvalid, "{what}");
    };
    refused(&world.stamped("20260201000000Z"), "no number");
    let asked = |signature| TimestampQuery::new(&signature).expect("random").to_der();
    refused(&world.authority.answers(&asked(world.signature), "20260201000000Z"), "another number");
    refused(&world.authority.answers(&asked(World::new().signature), "20260201000000Z"), "another signature");
    refused(&[0x30, 5, 0x30, 3, 0x02, 1, 2], "refused by its authority");
    refused(b"<html>", "something else");
    // A status that says more is said to whoever asked, and not kept.
    let talking = [&[0x02, 1, 1][..], &[0x30, 4, 0x0c, 2, b'o', b'k']].concat();
    let answer = world.authority.stamps_with_status(&talking, &world.bytes(), Stamp::at("20260201000000Z"));
    let kept = standard_reply("t", &answer, &world.signature).expect("granted");
    let again = TimestampToken::read("kept", kept.as_bytes()).expect("as it is kept");
    assert_eq!(again.as_bytes(), kept.as_bytes());
}

#[test]
fn openssl_takes_what_is_kept() {
    let Some(openssl) = Some(Path::new("/usr/bin/openssl")).filter(|path| path.exists()) else {
        println!("skipped: there is no openssl on this machine");
        return;
    };
    let world = World::new();
    let place = tempfile::tempdir().expect("a directory");
    let write = |name: &str, content: &[u8]| fs::write(place.path().join(name), content).expect("written");
    write("signature", &world.bytes());
    write("kept.tsr", &world.stamped("20260201000000Z"));
    write("root.pem", world.authority.root_pem().as_bytes());
    let words = ["ts", "-verify", "-in", "kept.tsr", "-data", "signature", "-CAfile", "root.pem"];
    let run = Command::new(openssl).args(words).current_dir(place.path()).output().expect("runs");
    assert!(run.status.success(), "{run:?}");
}
