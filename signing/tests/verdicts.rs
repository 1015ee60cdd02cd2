//! Every verdict on a claim, and which of two it is where more than one thing is wrong.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::digest::{FileDigest, TreeDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::file_map::{FileEntry, FileMap};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use aisoc_signing::{
    Appearance, Cause, Claim, ClaimedTree, Content, Coverage, Findings, Keyring, MAX_SIGNATURES, Outcome, Overwrite,
    Proof, Publishable, SignedStatement, SigningKey, Standing, examine, sign, stamp, verify, write_key_pair,
};
use jiff::Timestamp;

const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\n";

/// A plugin in memory: its files, and the signature files beside them.
#[derive(Clone)]
struct Plugin {
    manifest: String,
    files: Vec<(String, Vec<u8>)>,
    signatures: Vec<(String, Content)>,
    /// The one file that may be run.
    executable: Option<&'static str>,
}

impl Plugin {
    fn new(manifest: &str) -> Self {
        let code = ("plugin.py".to_owned(), b"class Plugin: ...\n".to_vec());
        Self { manifest: manifest.to_owned(), files: vec![code], signatures: Vec::new(), executable: None }
    }

    /// One whose manifest states every file.
    fn stamped() -> Self {
        let plugin = Self::new(MANIFEST);
        let stamped = stamp(ManifestFile::Yaml, MANIFEST.as_bytes(), &plugin.file_map()).expect("stamped");
        Self { manifest: String::from_utf8(stamped.manifest).expect("text"), ..plugin }
    }

    fn with(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.retain(|(other, _)| other != name);
        self.files.push((name.to_owned(), content.into()));
        self
    }

    fn signature(mut self, name: &str, content: Content) -> Self {
        self.signatures.push((name.to_owned(), content));
        self
    }

    /// `plugin.sig` by the first key, and a named one by each when there are more.
    fn signed(self, keys: &[&SigningKey]) -> Self {
        let content = |key: &SigningKey| Content::Whole(self.signature_by(key).into_bytes());
        let first = ("plugin.sig".to_owned(), content(keys[0]));
        let named = keys.iter().map(|key| (named(key), content(key))).filter(|_| keys.len() > 1);
        let signatures = named.chain([first]).collect();
        Self { signatures, ..self }
    }

    fn signature_by(&self, key: &SigningKey) -> String {
        sign(self.claim().statement().expect("a statement"), key).expect("signed").signature().to_hex()
    }

    fn file_map(&self) -> FileMap {
        let signatures = self.signatures.iter().map(|(name, content)| (name, content.whole().unwrap_or_default()));
        let files = self.files.iter().map(|(name, content)| (name, content.as_slice())).chain(signatures);
        let manifest = ("plugin.yaml", self.manifest.as_bytes());
        let entries = files.map(|(name, content)| (name.as_str(), content)).chain([manifest]).map(entry);
        let is_executable = |path: &RelPath| self.executable == Some(path.as_str());
        entries
            .map(|(path, entry)| {
                let executable = is_executable(&path);
                (path, FileEntry { executable, ..entry })
            })
            .collect()
    }

    fn claim(&self) -> Claim {
        let python = self.files.iter().filter(|(name, _)| name.ends_with(".py"));
        let python: PythonFiles =
            python.map(|(name, content)| (Text::from(name.as_str()), FileDigest::of(content))).collect();
        Claim::new(ClaimedTree {
            subject: TreeDigest::of(format!("{:?}", self.file_map()).as_bytes()),
            manifest_file: ManifestFile::Yaml,
            manifest: self.manifest.clone().into_bytes(),
            python,
            files: Arc::new(self.file_map()),
            strange: Vec::new(),
            empty_directories: Vec::new(),
            signature_files: self.signatures.iter().cloned().collect(),
        })
    }
}

fn entry((name, content): (&str, &[u8])) -> (RelPath, FileEntry) {
    let entry = FileEntry { digest: FileDigest::of(content), size: content.len() as u64, executable: false };
    (RelPath::parse(name).expect("a name"), entry)
}

fn named(key: &SigningKey) -> String {
    format!("plugin.sig.d/{}.sig", key.public_key().fingerprint().hex())
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

/// Those keys, with a note on each that has one.
fn keyring(keys: &[(&str, &SigningKey, Option<&str>)]) -> Keyring {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, key, note) in keys {
        let path = directory.path().join(name);
        write_key_pair(&path, key, Overwrite::Refuse).expect("written");
        if let Some(note) = note {
            // The older form wherever it has the words.
            let schema = if note.contains("coverage") { 2 } else { 1 };
            let note = format!("{{\"schema_version\":{schema},{note}}}");
            fs::write(path.with_extension("json"), note).expect("written");
        }
    }
    Keyring::read(directory.path()).expect("readable")
}

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

/// The verdict in the middle of 2026.
fn verdict(plugin: &Plugin, keyring: &Keyring) -> Outcome {
    verify(&plugin.claim(), keyring, at("2026-06-01T00:00:00Z")).expect("a readable manifest")
}

/// Why no trusted key verifies.
#[track_caller]
fn cause(outcome: Outcome) -> Cause {
    match outcome {
        Outcome::Untrusted { cause, .. } => cause,
        other => panic!("{other:?}"),
    }
}

/// A time at which every revocation of these tests has come.
fn after_all_notes() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

#[test]
fn a_verdict_says_who_has_signed_what_and_how_much_of_it() {
    let (alice, bob, eve) = (key(), key(), key());
    let keyring = keyring(&[("alice", &alice, None), ("bob", &bob, None)]);
    let plugin = Plugin::stamped();
    for (signers, expected) in [
        (vec![&alice], vec!["alice"]),
        (vec![&bob], vec!["bob"]),
        (vec![&bob, &alice], vec!["bob", "alice"]),
        // Whoever else has signed takes nothing away.
        (vec![&alice, &eve], vec!["alice"]),
        (vec![&alice, &alice], vec!["alice"]),
    ] {
        let plugin = plugin.clone().signed(&signers);
        let Outcome::Verified(verified) = verdict(&plugin, &keyring) else { panic!("{expected:?}") };
        let found: Vec<&str> = verified.signers().iter().map(|signer| signer.key_id.as_str()).collect();
        assert_eq!(found[0], expected[0], "the first is that of `plugin.sig`");
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(expected.iter().all(|name| found.contains(name)), "{found:?}");
        assert_eq!(verified.subject(), plugin.claim().subject());
        assert_eq!(verified.digest(), plugin.claim().statement().expect("a statement").digest());
        assert_eq!((verified.coverage(), verified.uncovered().len()), (Coverage::Full, 0));
        let statement = SignedStatement::verified(&verified);
        assert_eq!(statement.proof(), Proof::Key);
        assert_eq!(Publishable::from(statement).subject(), plugin.claim().subject());
    }
}

#[test]
fn the_first_thing_that_is_wrong_is_the_verdict() {
    let (alice, eve) = (key(), key());
    let nobody = Keyring::read(Path::new("/nowhere/keys")).expect("no keys");
    let trusted = keyring(&[("alice", &alice, None)]);
    let nonsense = Content::Whole(b"nonsense".to_vec());
    let unsigned = Plugin::new("no manifest: [");
    assert!(matches!(verdict(&unsigned, &nobody), Outcome::Unsigned), "nothing else is read");
    let added_only = Plugin::new(MANIFEST).signature(&named(&alice), nonsense.clone());
    assert!(matches!(verdict(&added_only, &trusted), Outcome::Unsigned), "hosts know `plugin.sig` alone");
    let malformed = Plugin::new("no manifest: [").signature("plugin.sig", nonsense);
    let Outcome::Malformed(fault) = verdict(&malformed, &nobody) else { panic!("nonsense") };
    assert_eq!(fault.reason(), Reason::SignatureMalformed);
    let signed = Plugin::new(MANIFEST).signed(&[&eve]);
    let Outcome::NoTrustedKeys { directory, skipped } = verdict(&signed, &nobody) else { panic!("no keys") };
    assert_eq!((directory.as_path(), skipped.len()), (Path::new("/nowhere/keys"), 0));
    let unreadable = Plugin { manifest: "no manifest: [".to_owned(), ..signed };
    assert_eq!(
        verify(&unreadable.claim(), &trusted, Timestamp::UNIX_EPOCH).expect_err("unread").class().exit_code(),
        1
    );
    let unknown = Plugin::new(&format!("{MANIFEST}integrity: x\n")).signed(&[&eve]);
    let Outcome::UnknownIntegrity(fault) = verdict(&unknown, &trusted) else { panic!("no key is tried") };
    assert_eq!(fault.reason(), Reason::IntegrityUnknown);
    let Outcome::Untrusted { digest, tried, cause, .. } = verdict(&Plugin::new(MANIFEST).signed(&[&eve]), &trusted)
    else {
        panic!("eve is not trusted")
    };
    assert_eq!(digest, Plugin::new(MANIFEST).claim().statement().expect("a statement").digest());
    assert_eq!(tried.iter().map(ToString::to_string).collect::<Vec<_>>(), ["alice"]);
    assert!(matches!(cause, Cause::Unknown), "{cause:?}");
}

#[test]
fn a_signature_file_that_is_none_makes_all_of_them_worthless() {
    let alice = key();
    let trusted = keyring(&[("alice", &alice, None)]);
    for bad in [Content::Whole(b"nonsense".to_vec()), Content::TooLarge { max_bytes: 1024 }, Content::NotAFile] {
        let plugin = Plugin::stamped().signed(&[&alice]).signature(&named(&key()), bad);
        assert!(matches!(verdict(&plugin, &trusted), Outcome::Malformed(_)));
        assert!(matches!(Appearance::of(&plugin.claim()).expect("readable"), Appearance::Malformed(_)));
    }
}

#[test]
fn as_many_signatures_are_read_as_may_be_and_no_more() {
    let alice = key();
    let trusted = keyring(&[("alice", &alice, None)]);
    let mut plugin = Plugin::new(MANIFEST).signed(&[&alice]);
    let content = plugin.signatures[0].1.clone();
    plugin = plugin.signature(&named(&alice), content);
    while plugin.signatures.len() <= MAX_SIGNATURES {
        let other = key();
        let content = Content::Whole(plugin.signature_by(&other).into_bytes());
        plugin = plugin.signature(&named(&other), content);
    }
    assert!(matches!(verdict(&plugin, &trusted), Outcome::Verified(_)), "one, and {MAX_SIGNATURES} added");
    let other = key();
    let content = Content::Whole(plugin.signature_by(&other).into_bytes());
    let Outcome::Malformed(fault) = verdict(&plugin.signature(&named(&other), content), &trusted) else {
        panic!("one more")
    };
    assert!(fault.message().contains(&MAX_SIGNATURES.to_string()), "{fault:?}");
}

#[test]
fn what_is_known_about_why_no_key_verifies_is_said() {
    let (alice, eve) = (key(), key());
    let trusted = keyring(&[("alice", &alice, None)]);
    let both = Plugin::stamped().signed(&[&alice, &eve]);
    // Alice is named, and has signed another manifest: every file is as this one states.
    let other = Plugin { manifest: both.manifest.replace("Demo", "Other"), ..both.clone() };
    let files = other.manifest.replace("Other", "Demo");
    let restated = stamp(ManifestFile::Yaml, files.replace("Demo", "Other").as_bytes(), &other.file_map());
    let restated = String::from_utf8(restated.expect("stamped").manifest).expect("text");
    match cause(verdict(&Plugin { manifest: restated, ..both.clone() }, &trusted)) {
        Cause::ManifestChanged(key_id) => assert_eq!(key_id.as_str(), "alice"),
        other => panic!("{other:?}"),
    }
    match cause(verdict(&both.clone().with("plugin.py", "evil"), &trusted)) {
        Cause::FilesChanged(difference) => assert_eq!(difference.missing.len(), 0),
        other => panic!("{other:?}"),
    }
    let eves = Plugin::stamped().signed(&[&eve]);
    assert!(matches!(cause(verdict(&eves.clone().with("plugin.py", "evil"), &trusted)), Cause::FilesChanged(_)));
    assert!(matches!(cause(verdict(&eves, &trusted)), Cause::Unknown));
    let stranger = key();
    match cause(verdict(&Plugin::stamped().signed(&[&eve, &stranger]), &trusted)) {
        Cause::UnknownSigners(mut signers) => {
            let mut expected = [&eve, &stranger].map(|key| key.public_key().fingerprint());
            signers.sort();
            expected.sort();
            assert_eq!(signers, expected);
        }
        other => panic!("{other:?}"),
    }
    // `plugin.sig` is exchanged for the signature of somebody who is not among the named.
    let mut replaced = both;
    let content = Content::Whole(replaced.signature_by(&stranger).into_bytes());
    replaced.signatures.retain(|(name, _)| name != "plugin.sig");
    let replaced = replaced.signature("plugin.sig", content);
    assert!(matches!(cause(verdict(&replaced, &trusted)), Cause::FirstSignatureReplaced));
}

#[test]
fn a_key_counts_by_the_time_at_which_it_is_asked_and_one_that_counts_is_enough() {
    let (alice, bob) = (key(), key());
    let limits = r#""not_before":"2026-01-01T00:00:00Z","not_after":"2026-02-01T00:00:00Z""#;
    let limited = keyring(&[("alice", &alice, Some(limits)), ("bob", &bob, None)]);
    let by = |keys: &[&SigningKey], time| verify(&Plugin::stamped().signed(keys).claim(), &limited, at(time));
    for (time, counts) in [
        ("2025-12-31T23:59:59Z", false),
        ("2026-01-01T00:00:00Z", true),
        ("2026-01-31T23:59:59Z", true),
        ("2026-02-01T00:00:00Z", false),
    ] {
        match by(&[&alice], time).expect("judged") {
            Outcome::Verified(_) => assert!(counts, "{time}"),
            Outcome::NotCounted { key_id, standing } => {
                assert!(!counts && key_id.as_str() == "alice" && standing != Standing::Current, "{time}: {standing:?}");
            }
            other => panic!("{time}: {other:?}"),
        }
    }
    let Outcome::Verified(verified) = by(&[&alice, &bob], "2027-01-01T00:00:00Z").expect("judged") else {
        panic!("bob counts")
    };
    assert_eq!(verified.signers().iter().map(|signer| signer.key_id.as_str()).collect::<Vec<_>>(), ["bob"]);
    let [ended] = verified.ended() else { panic!("{:?}", verified.ended()) };
    assert_eq!((ended.key_id.as_str(), ended.fingerprint), ("alice", alice.public_key().fingerprint()));
    assert_ne!(ended.standing, Standing::Current);
}

#[test]
fn a_key_that_asks_for_the_whole_tree_counts_for_nothing_less() {
    let (alice, bob) = (key(), key());
    let keyring = keyring(&[("alice", &alice, Some(r#""coverage":"full""#)), ("bob", &bob, None)]);
    let of_code = |keys: &[&SigningKey]| verdict(&Plugin::new(MANIFEST).signed(keys), &keyring);
    match of_code(&[&alice]) {
        Outcome::NotCounted { key_id, standing } => {
            assert_eq!((key_id.as_str(), standing), ("alice", Standing::CoversTooLittle));
        }
        other => panic!("{other:?}"),
    }
    for (outcome, counts, ended) in [
        (of_code(&[&alice, &bob]), &["bob"][..], &["alice"][..]),
        (verdict(&Plugin::stamped().signed(&[&alice]), &keyring), &["alice"], &[]),
    ] {
        let Outcome::Verified(verified) = outcome else { panic!("{outcome:?}") };
        let signers: Vec<&str> = verified.signers().iter().map(|signer| signer.key_id.as_str()).collect();
        let short: Vec<&str> = verified.ended().iter().map(|signer| signer.key_id.as_str()).collect();
        assert_eq!((signers.as_slice(), short.as_slice()), (counts, ended));
    }
}

#[test]
fn a_directory_whose_keys_are_all_set_aside_is_one_without_trusted_keys() {
    let (old, stranger) = (key(), key());
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("retired")).expect("made");
    fs::write(directory.path().join("retired/old.pem"), old.public_key().to_pem()).expect("written");
    let keyring = Keyring::read(directory.path()).expect("readable");
    match verdict(&Plugin::stamped().signed(&[&stranger]), &keyring) {
        Outcome::NoTrustedKeys { directory: named, .. } => assert_eq!(named, directory.path()),
        other => panic!("{other:?}"),
    }
    match verdict(&Plugin::stamped().signed(&[&old]), &keyring) {
        Outcome::NotCounted { key_id, standing } => assert_eq!((key_id.as_str(), standing), ("old", Standing::Retired)),
        other => panic!("{other:?}"),
    }
    let mut findings = Findings::default();
    let claim = Plugin::stamped().signed(&[&old, &stranger]).claim();
    examine(&claim, &keyring, &after_all_notes().into(), &mut findings).expect("judged");
    let verifies: Vec<_> = findings.keys.iter().map(|key| (key.key_id.as_str(), key.verifies.as_slice())).collect();
    assert_eq!(verifies, [("old", &["plugin.sig".to_owned(), named(&old)][..])], "a key that is set aside, once");
}

#[test]
fn a_trusted_key_that_signed_another_tree_is_named_with_what_differs() {
    let alice = key();
    let trusted = keyring(&[("alice", &alice, None)]);
    let signed = Plugin::stamped().signed(&[&alice]);
    for plugin in [signed.clone().with("rules.yaml", "added"), signed.clone().with("notes.md", "")] {
        let Outcome::OtherTree { key_id, difference } = verdict(&plugin, &trusted) else { panic!("it was added") };
        assert_eq!(key_id.as_str(), "alice");
        assert_ne!(difference.stated, difference.found);
        let Appearance::OtherTree(seen) = Appearance::of(&plugin.claim()).expect("readable") else { panic!("seen") };
        assert_eq!(seen, difference);
    }
    assert!(matches!(verdict(&signed, &trusted), Outcome::Verified(_)));
}

#[test]
fn the_findings_end_with_the_check_that_decided() {
    let (alice, eve) = (key(), key());
    let trusted = keyring(&[("alice", &alice, None), ("eve", &eve, Some(r#""revoked_at":"2026-01-01T00:00:00Z""#))]);
    let findings = |plugin: &Plugin| {
        let mut findings = Findings::default();
        examine(&plugin.claim(), &trusted, &after_all_notes().into(), &mut findings).expect("judged");
        findings
    };
    let unsigned = findings(&Plugin::stamped());
    assert_eq!((unsigned.keys.len(), unsigned.digest, unsigned.signatures.len()), (2, None, 0));
    assert!(unsigned.tree.claimed.is_none());
    let found = findings(&Plugin::stamped().signed(&[&alice, &eve]));
    assert_eq!(found.tree.claimed, Some(Coverage::Full));
    let [ours, theirs] = found.keys.as_slice() else { panic!("two keys") };
    assert_eq!((ours.key_id.as_str(), ours.standing.clone(), ours.verifies.len()), ("alice", Standing::Current, 2));
    assert!(matches!(theirs.standing, Standing::Revoked { .. }) && theirs.verifies == [named(&eve)]);
    let first = found.signatures.iter().find(|tried| tried.file == "plugin.sig").expect("tried");
    assert_eq!((first.named_signer.as_deref(), first.key_id.as_ref()), (None, Some(&ours.key_id)));
    assert_eq!(found.signatures.len(), 3);
}

#[test]
fn what_can_be_published_is_what_fits_or_is_meant_to_be_unsigned() {
    let alice = key();
    let appearance = |plugin: &Plugin| Appearance::of(&plugin.claim()).expect("readable");
    let Appearance::Unsigned(statement) = appearance(&Plugin::stamped()) else { panic!("unsigned") };
    let unsigned = Publishable::meant_unsigned(statement);
    assert!(unsigned.signed().is_none() && unsigned.subject() == Plugin::stamped().claim().subject());
    let fits = Plugin::stamped().signed(&[&alice]);
    let Appearance::Fits(statement) = appearance(&fits) else { panic!("it fits") };
    let signed = Publishable::from(statement);
    assert_eq!(signed.signed().map(SignedStatement::proof), Some(Proof::Tree));
    assert_eq!(signed.subject(), fits.claim().subject());
    let code = Plugin::new(MANIFEST).signed(&[&alice]);
    assert!(matches!(appearance(&code), Appearance::OnlyAKeyCanTell));
    // A signature in another form has bytes that nothing determines, so that the tree is not covered whole.
    let spaced = Content::Whole(format!("{}\n", fits.signature_by(&alice)).into_bytes());
    let loose = Plugin::stamped().signature("plugin.sig", spaced);
    assert!(matches!(appearance(&loose), Appearance::OnlyAKeyCanTell));
    let unknown = Plugin::new(&format!("{MANIFEST}integrity: x\n")).signed(&[&alice]);
    let words = [&Plugin::stamped(), &unknown, &fits.clone().with("a.md", "x"), &code, &fits];
    let words = words.map(|plugin| appearance(plugin).as_str());
    assert_eq!(words, ["unsigned", "malformed", "other_tree", "present", "present"]);
}

#[test]
fn a_signature_of_the_code_alone_misses_what_its_manifest_names_and_is_not_there() {
    let alice = key();
    let trusted = keyring(&[("alice", &alice, None)]);
    let absent = |members: &str, files: &[(&str, &str)]| -> Vec<String> {
        let mut plugin = Plugin::new(&format!("{MANIFEST}{members}"));
        for (name, content) in files {
            plugin = plugin.with(name, *content);
        }
        match verdict(&plugin.signed(&[&alice]), &trusted) {
            Outcome::Verified(verified) => verified.absent().to_vec(),
            other => panic!("{members}: {other:?}"),
        }
    };
    for (members, files, expected) in [
        ("entry_point: plugin.py\n", &[][..], &[][..]),
        ("entry_point: plugin\n", &[], &[]),
        ("entry_point: plugin.Class\n", &[], &[]),
        ("entry_point: plugin:Class\n", &[], &[]),
        ("entry_point: gone.py\n", &[], &["gone.py"]),
        ("entry_point: gone.py\n", &[("gone.py", "")], &["gone.py"]),
        ("entry_point: lib/\n", &[("lib/a.py", "x")], &[]),
        ("entry_point: lib/\n", &[("lib/a.py", "")], &["lib/"]),
        ("rules: rules/\n", &[("rules/a.yaml", "x")], &[]),
        ("rules: rules/\n", &[("rules/README.md", "moved")], &["rules/"]),
        ("rules: rules/\n", &[("rules/a.py", "x")], &["rules/"]),
        ("rules: [T1059, det-ssh-001]\n", &[], &[]),
        ("rules: [{path: rules/b.yaml}, rules/a.yaml, rules/a.yaml]\n", &[], &["rules/a.yaml", "rules/b.yaml"]),
        ("config: {model_file: model.bin}\n", &[], &["model.bin"]),
        ("config: {deep: {model_file: model.bin}}\n", &[], &[]),
        ("playbook: https://example.com/x.yaml\n", &[], &[]),
        ("playbooks: [/etc/x.yaml, \"run x.yaml\"]\n", &[], &[]),
        ("detections: detections/*.yaml\n", &[("detections/a.yaml", "x")], &[]),
    ] {
        assert_eq!(absent(members, files), expected, "{members} {files:?}");
    }
    // What a detection is are its rules; code beside them is none.
    let detection = MANIFEST.replace("enricher", "detection");
    for (entry, expected) in [("lib", vec!["lib"]), ("rules", vec![]), ("plugin", vec![]), ("plugin/", vec!["plugin/"])]
    {
        let plugin = Plugin::new(&format!("{detection}entry_point: {entry}\n"));
        let plugin = plugin.with("lib/a.py", "x").with("rules/a.yaml", "x").signed(&[&alice]);
        let Outcome::Verified(verified) = verdict(&plugin, &trusted) else { panic!("verified") };
        assert_eq!(verified.absent(), expected, "{entry}");
        assert_eq!(verified.coverage(), Coverage::Code);
        assert_eq!(verified.uncovered().iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["rules/a.yaml"]);
    }
}

#[test]
fn a_first_signature_that_a_trusted_key_verifies_needs_no_copy_among_the_named() {
    let (alice, eve) = (key(), key());
    let trusted = keyring(&[("alice", &alice, None)]);
    let signed = Plugin::stamped().signed(&[&alice]);
    let by_eve = Content::Whole(signed.signature_by(&eve).into_bytes());
    let Outcome::Verified(verified) = verdict(&signed.signature(&named(&eve), by_eve), &trusted) else {
        panic!("alice has signed it")
    };
    assert_eq!(verified.signers().iter().map(|signer| signer.key_id.as_str()).collect::<Vec<_>>(), ["alice"]);
}

#[test]
fn of_two_limits_that_are_equally_strict_the_first_is_said() {
    let alice = key();
    let note = |reason: &str| format!(r#""revoked_at":"2026-01-01T00:00:00Z","reason":"{reason}""#);
    let (first, second) = (note("first"), note("second"));
    let keyring = keyring(&[("b", &alice, Some(&second)), ("a", &alice, Some(&first)), ("c", &alice, None)]);
    for key in keyring.keys() {
        let Standing::Revoked { reason, .. } = key.standing(after_all_notes()) else { panic!("{key:?}") };
        assert_eq!(reason.as_deref(), Some("first"), "{}", key.id);
    }
}

#[test]
fn what_a_signature_leaves_open_is_named_in_order_and_its_own_loose_file_with_it() {
    let alice = key();
    let trusted = keyring(&[("alice", &alice, None)]);
    let uncovered = |plugin: &Plugin| -> Vec<String> {
        let Outcome::Verified(verified) = verdict(plugin, &trusted) else { panic!("verified") };
        verified.uncovered().iter().map(|file| file.path.clone()).collect()
    };
    let code = Plugin::new(MANIFEST).with("z.md", "x").with("a.md", "x").signed(&[&alice]);
    assert_eq!(uncovered(&code), ["a.md", "z.md"]);
    let mut loose = code;
    let upper = loose.signature_by(&alice).to_uppercase();
    loose.signatures = vec![("plugin.sig".to_owned(), Content::Whole(upper.into_bytes()))];
    assert_eq!(uncovered(&loose), ["a.md", "plugin.sig", "z.md"]);
    let mut whole = Plugin::stamped().signed(&[&alice]);
    assert_eq!(uncovered(&whole), Vec::<String>::new());
    whole.executable = Some("plugin.sig");
    assert_eq!(uncovered(&whole), ["plugin.sig"], "something could run it");
}
