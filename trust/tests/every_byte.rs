//! `full` means every byte: what a signature, the manifest's bytes and the files of the signature itself
//! leave open is named, and is no full coverage.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use aisoc_manifests::digest::{CoveredTreeDigest, FileDigest, TreeDigest};
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::file_map::{FileEntry, FileMap, TreeScheme, write_list};
use aisoc_manifests::path::RelPath;
use aisoc_manifests::plugin::{ManifestFile, PythonFiles};
use aisoc_signing::{
    Claim, ClaimedTree, Content, Coverage, FILE_LIST, Keyring, Overwrite, SigningKey, Stamped, sign, stamp, verify,
    write_key_pair,
};
use aisoc_trust::{Consent, CoverageRule, Errand, Facts, Policy, TrustMode, Verdict, examine, observe};

const MANIFEST: &str = "id: demo\nname: D\nversion: \"1\"\nplugin_type: detection\n";

/// A plugin as files, and a key that is trusted.
struct Plugin {
    manifest: Vec<u8>,
    files: Vec<(String, Vec<u8>)>,
    executable: Vec<String>,
    empty_directories: Vec<String>,
    key: SigningKey,
    keys: tempfile::TempDir,
}

impl Plugin {
    fn new(manifest: impl Into<Vec<u8>>, files: &[(&str, &str)]) -> Self {
        let key = SigningKey::generate().expect("random");
        let keys = tempfile::tempdir().expect("a directory");
        write_key_pair(&keys.path().join("release"), &key, Overwrite::Refuse).expect("written");
        fs::remove_file(keys.path().join("release.key")).expect("removed");
        let files = files.iter().map(|(name, content)| ((*name).to_owned(), content.as_bytes().to_vec())).collect();
        Self { manifest: manifest.into(), files, executable: vec![], empty_directories: vec![], key, keys }
    }

    /// Signed whole.
    fn whole(files: &[(&str, &str)]) -> Self {
        let mut plugin = Self::new(MANIFEST, files);
        let Stamped { manifest, list, .. } =
            stamp(ManifestFile::Yaml, &plugin.manifest, &plugin.tree()).expect("stamped");
        plugin.manifest = manifest;
        plugin.put(FILE_LIST, &list);
        plugin.signed()
    }

    /// Signed under the scheme that leaves the manifest out.
    fn under_v1(files: &[(&str, &str)]) -> Self {
        let mut plugin = Self::new(MANIFEST, files);
        let tree = plugin.tree();
        let mut list = String::new();
        let covered = tree.iter().filter(|(path, _)| path.as_str() != "plugin.yaml");
        write_list(TreeScheme::V1, covered, |piece| list.push_str(piece));
        let digits = CoveredTreeDigest::of(list.as_bytes()).hex();
        plugin.manifest =
            format!("{MANIFEST}integrity:\n  scheme: aisoc.tree/v1\n  tree_sha256: \"{digits}\"\n").into_bytes();
        plugin.put(FILE_LIST, list.as_bytes());
        plugin.signed()
    }

    /// With `plugin.sig` and the same under its signer's name, over what is there.
    fn signed(mut self) -> Self {
        let signature =
            sign(self.claim().statement().expect("a statement"), &self.key).expect("signed").signature().to_hex();
        let named = self.named_signature();
        self.put("plugin.sig", signature.as_bytes());
        self.put(&named, signature.as_bytes());
        self
    }

    fn named_signature(&self) -> String {
        format!("plugin.sig.d/{}.sig", self.key.public_key().fingerprint().hex())
    }

    fn put(&mut self, name: &str, content: &[u8]) {
        self.files.retain(|(present, _)| present != name);
        self.files.push((name.to_owned(), content.to_vec()));
    }

    fn get(&self, name: &str) -> String {
        let file = self.files.iter().find(|(present, _)| present == name);
        String::from_utf8(file.expect("present").1.clone()).expect("text")
    }

    fn tree(&self) -> FileMap {
        let manifest = ("plugin.yaml".to_owned(), self.manifest.clone());
        let entry = |name: &str, content: &[u8]| FileEntry {
            digest: FileDigest::of(content),
            size: content.len() as u64,
            executable: self.executable.iter().any(|executable| executable == name),
        };
        let files = self.files.iter().chain([&manifest]);
        files.map(|(name, content)| (RelPath::parse(name).expect("a name"), entry(name, content))).collect()
    }

    fn claim(&self) -> Claim {
        let held = |content: &[u8]| match content.len() {
            ..=1024 => Content::Whole(content.to_vec()),
            _ => Content::TooLarge { max_bytes: 1024 },
        };
        let signatures = self.files.iter().filter(|(name, _)| aisoc_signing::is_signature_file(name));
        Claim::new(ClaimedTree {
            subject: TreeDigest::of(b"subject"),
            manifest_file: ManifestFile::Yaml,
            manifest: self.manifest.clone(),
            python: PythonFiles::default(),
            files: Arc::new(self.tree()),
            strange: Vec::new(),
            empty_directories: self.empty_directories.clone(),
            signature_files: signatures.map(|(name, content)| (name.clone(), held(content))).collect(),
        })
    }

    fn judge(&self, policy: &Policy) -> Result<Verdict, Fault> {
        self.judge_beside(policy, None)
    }

    fn judge_beside(&self, policy: &Policy, facts: Option<&Facts>) -> Result<Verdict, Fault> {
        let keyring = Keyring::read(Path::new(self.keys.path()));
        let at = "2026-06-01T00:00:00Z".parse().expect("a time");
        observe(examine(policy, &self.claim(), |claim, _| verify(claim, &keyring?, at)), facts).outcome
    }

    fn strict(&self) -> Result<Verdict, Fault> {
        self.judge(&Policy::default())
    }
}

fn uncovered(admitted: &Verdict) -> Vec<&str> {
    admitted.uncovered().iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn the_bytes_and_the_mode_of_the_manifest_are_covered() {
    let good = Plugin::whole(&[("README.md", "x")]);
    assert_eq!(good.strict().expect("verified").coverage(), Coverage::Full);
    let text = String::from_utf8(good.manifest.clone()).expect("text");
    for changed in [
        format!("# a comment\n{text}"),
        format!("id: evil\nversion: \"9\"\n{text}"),
        format!("{text}\n"),
        format!("{text}# {}\n", "x".repeat(9)),
        text.replace("id: demo\n", "id: demo \n"),
        text.replace("id: demo\n", "\"id\": demo\n"),
        text.replace('\n', "\r\n"),
        format!("\u{feff}{text}"),
    ] {
        let mut plugin = Plugin { manifest: changed.clone().into_bytes(), ..Plugin::whole(&[("README.md", "x")]) };
        (plugin.files, plugin.key, plugin.keys) =
            (good.files.clone(), SigningKey::generate().expect("random"), copy(&good));
        let refusal = plugin.strict().expect_err(&changed);
        assert_eq!(refusal.reason(), Reason::CoverageMismatch, "{changed:?}");
        assert!(refusal.message().contains("`plugin.yaml`"), "{refusal}");
    }
    let mut executable = Plugin::whole(&[("README.md", "x")]);
    executable.executable.push("plugin.yaml".to_owned());
    assert_eq!(executable.strict().expect_err("a mode").reason(), Reason::CoverageMismatch);
}

fn copy(plugin: &Plugin) -> tempfile::TempDir {
    let keys = tempfile::tempdir().expect("a directory");
    fs::copy(plugin.keys.path().join("release.pem"), keys.path().join("release.pem")).expect("copied");
    keys
}

#[test]
fn the_digits_stand_in_the_manifest_once() {
    let mut plugin = Plugin::whole(&[]);
    let text = String::from_utf8(plugin.manifest.clone()).expect("text");
    let digits = text.rsplit('"').nth(1).expect("digits");
    plugin.manifest = format!("{text}# {digits}\n").into_bytes();
    assert_eq!(plugin.strict().expect_err("twice").reason(), Reason::IntegrityUnknown);
}

#[test]
fn a_tree_under_the_old_scheme_is_compared_and_is_at_most_code() {
    let mut plugin = Plugin::under_v1(&[("README.md", "x"), ("rules/a.yaml", "a: 1")]);
    let admitted = plugin.strict().expect("verified");
    assert_eq!((admitted.coverage(), uncovered(&admitted)), (Coverage::Code, vec!["plugin.yaml"]));
    let full = Policy { coverage: CoverageRule::Full, ..Policy::default() };
    let refusal = plugin.judge(&full).expect_err("not full");
    assert_eq!(refusal.reason(), Reason::CoveragePartial);
    assert!(refusal.message().contains("`plugin.yaml`"), "{refusal}");
    plugin.put("rules/a.yaml", b"a: 2");
    assert_eq!(plugin.strict().expect_err("changed").reason(), Reason::CoverageMismatch);
}

#[test]
fn a_signature_file_in_another_form_stays_verified_and_is_no_full_coverage() {
    type Rewrite = fn(&str) -> Vec<u8>;
    let forms: [(&str, Rewrite); 4] = [
        ("a newline", |text| format!("{text}\n").into_bytes()),
        ("upper case", |text| text.to_uppercase().into_bytes()),
        ("blanks up to the bound", |text| format!("{text:<1024}").into_bytes()),
        ("raw", |text| (0..64).map(|at| u8::from_str_radix(&text[2 * at..][..2], 16).expect("hexadecimal")).collect()),
    ];
    for (form, rewrite) in forms {
        let mut plugin = Plugin::whole(&[("rules/a.yaml", "a: 1")]);
        let named = plugin.named_signature();
        for file in ["plugin.sig", &named] {
            let text = plugin.get(file);
            plugin.put(file, &rewrite(&text));
            let admitted = plugin.strict().expect(form);
            assert_eq!((admitted.coverage(), uncovered(&admitted)), (Coverage::Code, vec![file]), "{form}");
            plugin.put(file, text.as_bytes());
        }
    }
    let mut plugin = Plugin::whole(&[]);
    for file in [plugin.named_signature(), "plugin.sig".to_owned(), FILE_LIST.to_owned()] {
        plugin.executable = vec![file.clone()];
        let admitted = plugin.strict().expect("verified");
        assert_eq!((admitted.coverage(), uncovered(&admitted)), (Coverage::Code, vec![file.as_str()]));
    }
}

#[test]
fn a_signature_file_beyond_the_bound_is_no_signature() {
    for (bytes, expected) in
        [(1024, None), (1025, Some(Reason::SignatureMalformed)), (3 << 20, Some(Reason::SignatureMalformed))]
    {
        let mut plugin = Plugin::whole(&[]);
        let named = plugin.named_signature();
        for file in ["plugin.sig", &named] {
            let text = plugin.get(file);
            let padded = text.clone() + &" ".repeat(bytes - text.len());
            plugin.put(file, padded.as_bytes());
            assert_eq!(plugin.strict().err().map(|fault| fault.reason()), expected, "{file} of {bytes} bytes");
            plugin.put(file, text.as_bytes());
        }
    }
}

#[test]
fn every_file_beside_the_signatures_is_recomputed_or_uncovered() {
    let mut legacy = Plugin::new(MANIFEST, &[]).signed();
    legacy.put(FILE_LIST, b"#!/bin/sh\nevil\n");
    let refusal = legacy.strict().expect_err("a program");
    assert_eq!(refusal.reason(), Reason::CoveragePartial);
    assert!(refusal.message().contains("`plugin.sig.d/files`"), "{refusal}");
    let code = Policy { coverage: CoverageRule::Code, ..Policy::default() };
    assert_eq!(uncovered(&legacy.judge(&code).expect("asked for")), ["plugin.sig.d/files"]);
    for plugin in [Plugin::whole(&[]), Plugin::under_v1(&[])] {
        let mut plugin = plugin;
        plugin.put(FILE_LIST, b"#!/bin/sh\nevil\n");
        let refusal = plugin.strict().expect_err("another list");
        assert_eq!(refusal.reason(), Reason::CoverageMismatch);
        assert!(refusal.message().contains("`plugin.sig.d/files`"), "{refusal}");
    }
    let mut noted = Plugin::whole(&[]);
    noted.put("plugin.sig.d/notes", b"x");
    assert_eq!(noted.strict().expect_err("added").reason(), Reason::CoverageMismatch);
}

#[test]
fn an_empty_directory_is_an_extra_of_a_whole_tree_and_named_beside_code() {
    let mut whole = Plugin::whole(&[]);
    whole.empty_directories = vec!["requests/".to_owned()];
    let refusal = whole.strict().expect_err("added");
    assert_eq!(refusal.reason(), Reason::CoverageMismatch);
    assert!(refusal.message().contains("`requests/`"), "{refusal}");
    let mut legacy = Plugin::new(MANIFEST, &[]).signed();
    legacy.empty_directories = vec!["requests/".to_owned()];
    assert_eq!(uncovered(&legacy.strict().expect("inert")), ["requests/"]);
}

#[test]
fn a_legacy_signature_is_refused_when_what_its_manifest_names_is_not_there() {
    let code = Policy { coverage: CoverageRule::Code, ..Policy::default() };
    for (keys, files, is_there) in [
        ("entry_point: rules/\n", &[("rules/a.yaml", "a: 1")][..], true),
        ("entry_point: ./rules\n", &[("rules/sub/a.yaml", "a: 1")], true),
        ("entry_point: rules/\n", &[], false),
        ("entry_point: rules\n", &[], false),
        ("entry_point: rules/\n", &[("rules/a.yaml", "")], false),
        ("entry_point: rules/\n", &[("rules/README.md", "all gone")], false),
        ("entry_point: rules/\n", &[("rules2/a.yaml", "a: 1")], false),
        ("entry_point: dist/index.html\n", &[("dist/index.html", "x")], true),
        ("entry_point: dist/index.html\n", &[("dist/index.html", "")], false),
        ("entry_point: plugin\n", &[("plugin.py", "x")], true),
        ("entry_point: pkg.main\n", &[("pkg/main.py", "x")], true),
        ("entry_point: pkg\n", &[("pkg/__init__.py", "x")], true),
        ("entry_point: enricher:run\n", &[], true),
        ("entry_point: ''\n", &[], true),
        ("rules: [rules/a.yaml, rules/b.yaml]\n", &[("rules/a.yaml", "a: 1")], false),
        ("rules: rules/a.yaml\n", &[("rules/a.yaml", "a: 1")], true),
        ("rules: rules\n", &[], false),
        ("rules: [rules]\n", &[], false),
        ("rules: [rules]\n", &[("rules/a.yaml", "a: 1")], true),
        ("rules_dir: rules/\n", &[("rules/__init__.py", "x")], false),
        ("detection: {rules: rules/x.yaml}\n", &[], false),
        ("entry_point: rules/\n", &[("rules/__init__.py", "x")], false),
        ("rules: [T1059, det-1.2, det-ssh-001]\n", &[], true),
        ("rules: [{name: Brute force, description: SSH/RDP brute force, domain: evil.com}]\n", &[], true),
        ("rules: [{id: a, file: rules/a.yaml}]\n", &[("rules/b.yaml", "b: 1")], false),
        ("rules: ['rules/*.yaml', './rules//a.yaml']\n", &[("rules/a.yaml", "a: 1")], true),
        ("rules: ['rules/*.yaml']\n", &[], false),
        ("models: {path: model.pkl}\n", &[], false),
        ("entry_point: plugin.Demo\n", &[("plugin.py", "x")], true),
        ("entry_point: python plugin.py\n", &[], true),
        ("homepage: example.com/x\n", &[], true),
    ] {
        let plugin = Plugin::new(format!("{MANIFEST}{keys}"), files).signed();
        match plugin.judge(&code) {
            Ok(_) => assert!(is_there, "{keys}{files:?}"),
            Err(refusal) => {
                assert!(!is_there, "{keys}{files:?}: {refusal:?}");
                assert_eq!(refusal.reason(), Reason::CoverageMismatch);
            }
        }
        let warned = plugin.judge(&Policy { coverage: CoverageRule::Code, ..Policy::of(TrustMode::Warn) });
        assert_eq!(warned.expect("let in").objection().is_none(), is_there, "{keys}{files:?}");
    }
}

#[test]
fn what_was_signed_whole_under_the_older_scheme_is_told_from_what_was_signed_less() {
    let refusal = |plugin: &Plugin| {
        let policy = Policy { coverage: CoverageRule::Code, ..Policy::default() };
        assert_eq!(plugin.judge(&policy).expect("verified").coverage(), Coverage::Code);
        let facts = Facts {
            plugin: "demo".parse().expect("an id"),
            coverage_floor: Ok(Coverage::Full),
            lowers_floor: false,
            other_spelling: None,
            in_place: None,
            errand: Errand::Arrival,
            consent: Consent::default(),
            lock: None,
        };
        let fault = plugin.judge_beside(&policy, Some(&facts)).expect_err("less than before");
        assert_eq!(fault.reason(), Reason::CoverageDowngrade);
        fault
    };
    let old = refusal(&Plugin::under_v1(&[("README.md", "x")]));
    assert!(old.message().starts_with("the plugin was signed whole under aisoc.tree/v1, "), "{old}");
    assert!(old.next_step().contains("`aisoc plugin sign DIR --private-key KEY`"));
    let code = refusal(&Plugin::new(MANIFEST, &[("README.md", "x")]).signed());
    assert_eq!(code.message(), "the plugin was signed more widely before than it is now");
}
