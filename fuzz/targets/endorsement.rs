//! An endorsement of a key: what is read can be followed, and comes back as the same words in the one form.
#![no_main]

use aisoc_signing::Succession;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let Ok(read) = Succession::read(content) else { return };
    read.require_sound().expect("what is read can be followed");
    assert!(!read.endorsers.contains(&read.successor.fingerprint()), "nobody vouches for himself");
    assert!((1..=read.endorsers.len()).contains(&read.required) && read.endorsers.len() <= 16);
    assert!(read.not_before < read.until);
    let written = read.to_json();
    let again = Succession::read(&written).expect("our own form");
    assert_eq!(again, read);
    assert_eq!(again.to_json(), written);
});
