//! Timestamps of signatures, and the files that name authorities: whatever the bytes are, each is read or refused by its own
//! reason, what is read is written in one way, and no time counts but the one that an authority has signed.

#![no_main]

use std::sync::LazyLock;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_registry_client::signature_verifiers;
use aisoc_signing::{Signature, TimestampAuthorities, TimestampToken, standard_reply};
use libfuzzer_sys::fuzz_target;

/// What the authorities have signed, and of when.
const SIGNED: [u8; 64] = [7; 64];
const SIGNED_AT: &str = "2026-02-01T00:00:00Z";
const PLACE: &str = "a.tsr";

static NAMED: LazyLock<[TimestampAuthorities; 2]> = LazyLock::new(|| {
    let ecdsa = include_bytes!("../../testdata/timestamps/ecdsa.pem");
    let rsa = include_bytes!("../../testdata/timestamps/rsa.pem");
    [&ecdsa[..], &rsa[..]]
        .map(|pem| TimestampAuthorities::read("tsa.pem", pem, signature_verifiers()).expect("an authority"))
});

fn signature(bytes: [u8; 64]) -> Signature {
    Signature::read(&bytes).expect("64 bytes")
}

fn is_said(fault: &Fault, reason: Reason) {
    assert_eq!(fault.reason(), reason, "{fault:?}");
    assert!(fault.message().len() < 4000 && !fault.message().contains(char::is_control), "{fault:?}");
}

/// Whether it is about what was signed, and the time that it states where it counts.
fn counts_for_what_was_signed_alone(token: &TimestampToken) {
    for authorities in &*NAMED {
        assert!(authorities.judge(token, &signature([8; 64])).is_err(), "nobody has signed it");
        match authorities.judge(token, &signature(SIGNED)) {
            Ok(shown) => assert_eq!(shown.at.to_string(), SIGNED_AT),
            Err(why) => assert!(why.len() < 4000 && !why.contains(char::is_control), "{why}"),
        }
    }
}

fuzz_target!(|content: &[u8]| {
    if let Err(fault) = TimestampAuthorities::read("tsa.pem", content, signature_verifiers()) {
        is_said(&fault, Reason::TrustedRootInvalid);
    }
    match TimestampToken::read(PLACE, content) {
        Err(fault) => is_said(&fault, Reason::TimestampInvalid),
        Ok(token) => {
            assert_eq!(token.as_bytes(), content);
            counts_for_what_was_signed_alone(&token);
        }
    }
    // What an authority answers is kept in one way, which is read again as the same.
    match standard_reply(PLACE, content, &signature(SIGNED)) {
        Err(fault) => is_said(&fault, Reason::TimestampInvalid),
        Ok(kept) => {
            let again = standard_reply(PLACE, kept.as_bytes(), &signature(SIGNED)).expect("as it is kept");
            assert_eq!(again.as_bytes(), kept.as_bytes());
            counts_for_what_was_signed_alone(&kept);
        }
    }
});
