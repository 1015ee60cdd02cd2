//! A set of plugins: what is read has one form, and its lock is one that every site can take.
#![no_main]

use aisoc_trust::keys::SignedSet as _;
use aisoc_trust::lockfile::{Brought, LockSet, MAX_LOCKSET_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let Ok(set) = LockSet::read(content) else { return };
    assert!(content.len() as u64 <= MAX_LOCKSET_BYTES);
    assert!(set.version >= 1 && set.issued_at < set.expires_at);
    let lock = set.lockfile().expect("a lock that was read");
    assert_eq!(lock.text(), set.lock);
    assert!(lock.entries().iter().all(|entry| !entry.is_below_its_floor()));
    let brought = Brought::of(None, &lock, false).expect("there is no floor here");
    assert_eq!(brought.lock.entries(), lock.entries());
    assert_eq!(brought.changes.len(), lock.entries().len());
    let again = Brought::of(Some(&brought.lock), &lock, false).expect("its own floors");
    assert!(again.changes.is_empty());
    let payload = set.to_payload();
    let again = LockSet::read(&payload).expect("our own form");
    assert_eq!(again, set);
    assert_eq!(again.to_payload(), payload);
});
