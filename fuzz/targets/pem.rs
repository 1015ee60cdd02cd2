//! Key files: an accepted public key is one point of large order in its one spelling, and both halves
//! come back from what we write as the same key.
#![no_main]

use aisoc_manifests::fault::{Reason, Result};
use aisoc_signing::{PublicKey, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;

/// y of the eight points of small order, without the sign of x (RFC 7748, curve25519 torsion).
const SMALL_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fuzz_target!(|content: &[u8]| {
    check_public(PublicKey::from_pem(content));
    if let Some(bytes) = content.first_chunk() {
        let key = PublicKey::from_bytes(bytes);
        // Bytes that spell what only private keys hold make a PEM file that is refused as one that holds such a key.
        let is_refused = |key: &PublicKey| PublicKey::from_pem(key.to_pem().as_bytes()).is_err();
        if !key.as_ref().is_ok_and(is_refused) {
            check_public(key);
        }
    }
    if let Ok(key) = SigningKey::from_pem(content) {
        let again = SigningKey::from_pem(key.to_pem().as_bytes()).expect("our own form");
        assert_eq!(again.public_key(), key.public_key());
        check_public(Ok(key.public_key()));
        let refusal = PublicKey::from_pem(content).expect_err("a private key is never trusted");
        assert_eq!(refusal.reason(), Reason::KeyInvalid);
    }
});

fn check_public(key: Result<PublicKey>) {
    let key = match key {
        Ok(key) => key,
        Err(fault) => return assert!(matches!(fault.reason(), Reason::KeyInvalid | Reason::WeakKey), "{fault:?}"),
    };
    let text = key.to_pem();
    let again = PublicKey::from_pem(text.as_bytes()).expect("our own form");
    assert_eq!((again.fingerprint(), again.to_pem()), (key.fingerprint(), text.clone()));

    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    let mut y: [u8; 32] = *der.last_chunk().expect("32 bytes of key");
    y[31] &= 0x7f;
    assert!(!SMALL_ORDER.contains(&aisoc_manifests::digest::hex(&y).as_str()), "anybody can sign for {text}");
    // 2^255 - 19, most significant byte first.
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0x7f, 0xed);
    y.reverse();
    assert!(y < prime, "a second spelling of a key: {text}");
}
