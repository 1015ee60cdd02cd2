//! Bundles, trusted roots and keys of proofs: whatever the bytes are, each is read or refused by its own reason, and no
//! bundle shows that somebody has signed what nobody has.

#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::AttestationBundle;
use aisoc_signing::proof::{
    Bundle, COSIGN_SIGNATURE, Constraint, DSSE_MEDIA_TYPE, Identity, Logged, ProofKey, SIMPLE_SIGNING_MEDIA_TYPE,
    Subject, TaggedLayer, TaggedSignature, TrustedRoot, verify_bundle, verify_bundle_by_key, verify_tagged_by_key,
};
use libfuzzer_sys::fuzz_target;

const NOBODY_SIGNED: &[u8] = b"an artifact that nobody has signed";
const KEY: &[u8] = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAREvJyNZGjX6B3DAIuD3BTg9rIwV00GY8Xg5FU+IFDUQ=\n-----END PUBLIC KEY-----\n";

static ROOT: LazyLock<TrustedRoot> = LazyLock::new(|| {
    let root = sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT;
    TrustedRoot::read("root", root.as_bytes(), &[]).expect("a root")
});

fn is_said(fault: &Fault, reason: Reason) {
    assert_eq!(fault.reason(), reason, "{fault:?}");
    assert!(fault.message().len() < 4000 && !fault.message().contains(char::is_control), "{fault:?}");
}

/// What stands under a tag of cosign, in either form: it is refused, whatever it is.
fn is_no_tagged_proof(content: &[u8]) {
    let key = ProofKey::read("key", KEY, &[]).expect("a key");
    let annotations = BTreeMap::from([(COSIGN_SIGNATURE.to_owned(), "AAAA".to_owned())]);
    for media_type in [SIMPLE_SIGNING_MEDIA_TYPE, DSSE_MEDIA_TYPE] {
        let layer = TaggedLayer { media_type, annotations: &annotations, content };
        let judged = TaggedSignature::read("layer", &layer).and_then(|tagged| {
            verify_tagged_by_key(&tagged, Subject::Content(NOBODY_SIGNED), &key, Logged::NotRequired)
        });
        let fault = judged.expect_err("nobody has signed it");
        assert!(fault.message().len() < 4000 && !fault.message().contains(char::is_control), "{fault:?}");
    }
}

fuzz_target!(|content: &[u8]| {
    if let Err(fault) = TrustedRoot::read("root", content, &[]) {
        is_said(&fault, Reason::TrustedRootInvalid);
    }
    if let Err(fault) = ProofKey::read("key", content, &[]) {
        is_said(&fault, Reason::ProofKeyInvalid);
    }
    if let Err(fault) = AttestationBundle::read(content) {
        is_said(&fault, Reason::AttestationInvalid);
    }
    is_no_tagged_proof(content);
    let bundle = match Bundle::read("bundle", content) {
        Ok(bundle) => bundle,
        Err(fault) => return is_said(&fault, Reason::ProofMalformed),
    };
    let anybody = || Constraint::pattern("^(?s:.*)$").expect("a pattern");
    let identity = Identity { name: anybody(), issuer: anybody() };
    let subject = Subject::Content(NOBODY_SIGNED);
    assert!(verify_bundle(&bundle, subject, &ROOT, &identity).is_err(), "nobody has signed it");
    let key = ProofKey::read("key", KEY, &[]).expect("a key");
    for logged in [Logged::NotRequired, Logged::Required(&ROOT)] {
        assert!(verify_bundle_by_key(&bundle, subject, &key, logged).is_err(), "nobody has signed it");
    }
    assert!(bundle.predicate_type().is_none_or(|kind| kind.len() <= content.len()));
});
