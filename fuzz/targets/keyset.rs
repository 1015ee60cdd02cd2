//! A set of keys: what is read has one form, names each key once, and its keys are what their fingerprints say.
#![no_main]

use std::collections::BTreeSet;

use aisoc_trust::keys::{KeySet, MAX_SET_BYTES, SignedSet as _};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let Ok(set) = KeySet::read(content) else { return };
    assert!(content.len() as u64 <= MAX_SET_BYTES && set.keys.len() <= 2_000);
    assert!(set.version >= 1 && set.issued_at < set.expires_at);
    let distinct: BTreeSet<_> = set.keys.iter().map(|key| key.fingerprint).collect();
    assert_eq!(distinct.len(), set.keys.len());
    let names: BTreeSet<_> = set.keys.iter().map(|key| (key.place, key.id.to_ascii_lowercase())).collect();
    assert_eq!(names.len(), set.keys.len());
    for key in &set.keys {
        assert!(!key.id.contains(['/', '\\', '\0']) && !key.id.starts_with('.') && !key.id.is_empty(), "{}", key.id);
        assert_eq!(key.key().expect("a key that was read").fingerprint(), key.fingerprint);
    }
    let payload = set.to_payload();
    let again = KeySet::read(&payload).expect("our own form");
    assert_eq!(again, set);
    assert_eq!(again.to_payload(), payload);
});
