//! Bundles of the conformance suite of sigstore: each ends as its name says, and no changed byte of a good one is taken.

#![expect(clippy::print_stdout, reason = "what was tried is listed by name, and what is not here is said")]

use std::fs;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Fault;
use aisoc_signing::proof::{
    Bundle, Constraint, Identity, Logged, ProofKey, RsaVerifiers, Subject, TrustedRoot, verify_bundle,
    verify_bundle_by_key,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;

const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// The suite, where it lies beside the project: it is somebody else's, and not in it.
fn suite() -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vendor/sigstore");
    if !place.is_dir() {
        println!("skipped: the conformance suite of sigstore is not here");
        return None;
    }
    Some(place)
}

struct Case {
    name: String,
    bundle: Vec<u8>,
    root: Vec<u8>,
    artifact: Vec<u8>,
    identity: Identity,
    key: Option<Vec<u8>>,
}

/// Who hands in what: the artifact, or its digest.
#[derive(Debug, Clone, Copy)]
enum By {
    Path,
    Digest,
}

impl Case {
    fn read(suite: &Path, place: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(place.join(name)).ok();
        let exact = |written: Option<String>, usual: &str| {
            Constraint::exact(written.as_deref().unwrap_or(usual).trim()).expect("a name")
        };
        let artifact =
            fs::read(place.join("artifact")).or_else(|_| fs::read(suite.join("a.txt"))).expect("an artifact");
        Self {
            name: place.file_name().expect("a name").to_string_lossy().into_owned(),
            bundle: fs::read(place.join("bundle.sigstore.json")).expect("a bundle"),
            root: text("trusted_root.json").unwrap_or_else(|| SIGSTORE_PRODUCTION_TRUSTED_ROOT.to_owned()).into_bytes(),
            artifact,
            identity: Identity { name: exact(text("identity"), BEACON), issuer: exact(text("issuer"), GITHUB) },
            key: fs::read(place.join("key.pub")).ok(),
        }
    }

    fn is_good(&self) -> bool {
        !self.name.ends_with("_fail")
    }

    fn root(&self) -> Result<TrustedRoot, Fault> {
        TrustedRoot::read("trusted_root.json", &self.root, rsa())
    }

    fn judged(&self, root: &TrustedRoot, bundle: &[u8], by: By) -> Result<(), Fault> {
        let bundle = Bundle::read("bundle", bundle)?;
        let subject = match by {
            By::Path => Subject::Content(&self.artifact),
            By::Digest => Subject::Digest(Sha256::digest(&self.artifact).into()),
        };
        match &self.key {
            None => verify_bundle(&bundle, subject, root, &self.identity).map(drop),
            Some(key) => {
                let key = ProofKey::read("key.pub", key, rsa())?;
                verify_bundle_by_key(&bundle, subject, &key, Logged::Required(root)).map(drop)
            }
        }
    }
}

fn rsa() -> RsaVerifiers {
    rustls_graviola::default_provider().signature_verification_algorithms.all
}

fn cases() -> Vec<Case> {
    let Some(suite) = suite() else { return Vec::new() };
    let mut places: Vec<_> =
        fs::read_dir(&suite).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    places.retain(|place| place.is_dir());
    places.sort();
    places.iter().map(|place| Case::read(&suite, place)).collect()
}

#[test]
fn each_case_ends_as_its_name_says_by_path_and_by_digest() {
    let mut wrong = Vec::new();
    for case in cases() {
        for by in [By::Path, By::Digest] {
            let judged = case.root().and_then(|root| case.judged(&root, &case.bundle, by));
            let shown = judged.as_ref().map_or_else(|fault| fault.reason().as_str(), |()| "taken");
            println!("{:<60} {by:?}: {shown}", case.name);
            if judged.is_ok() != case.is_good() {
                wrong.push(format!("{} {by:?}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Numbers that are the same in every run.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// What of a bundle is evidence: signatures of a tree by others than the log that the bundle names are not.
fn evidence(bundle: &[u8]) -> Value {
    let mut document: Value = serde_json::from_slice(bundle).expect("JSON");
    for entry in document["verificationMaterial"]["tlogEntries"].as_array_mut().expect("entries") {
        let log = STANDARD.decode(entry["logId"]["keyId"].as_str().expect("a name")).expect("base64");
        let checkpoint = entry.pointer_mut("/inclusionProof/checkpoint/envelope");
        let Some(checkpoint) = checkpoint else { continue };
        let (body, lines) = checkpoint.as_str().expect("a note").rsplit_once("\n\n").expect("signatures");
        let is_of_log = |line: &&str| {
            let signature = line.rsplit(' ').next().expect("a signature");
            STANDARD.decode(signature).is_ok_and(|bytes| bytes.starts_with(&log[..4]))
        };
        let lines: Vec<_> = lines.lines().filter(is_of_log).collect();
        *checkpoint = format!("{body}\n\n{}", lines.join("\n")).into();
    }
    document
}

#[test]
fn no_changed_bit_of_a_good_bundle_is_taken() {
    let mut next = numbers(0x5eed_0b17);
    let (mut tried, mut taken) = (0, Vec::new());
    for case in cases().iter().filter(|case| case.is_good()) {
        let root = case.root().expect("a root");
        for _ in 0..400 {
            let mut bundle = case.bundle.clone();
            let (at, bit) = ((next() % bundle.len() as u64) as usize, next() % 8);
            bundle[at] ^= 1 << bit;
            tried += 1;
            if case.judged(&root, &bundle, By::Digest).is_ok() && evidence(&bundle) != evidence(&case.bundle) {
                let around = &bundle[at.saturating_sub(40)..(at + 20).min(bundle.len())];
                taken.push(format!("{} at {at}: {}", case.name, String::from_utf8_lossy(around)));
            }
        }
    }
    println!("{tried} changed bundles, {} taken", taken.len());
    assert!(taken.is_empty(), "{taken:#?}");
}
