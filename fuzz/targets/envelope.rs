//! A signed statement: what is read comes back as it was read, is the kind that was asked for, and is believed by nobody
//! whose key has not signed these very bytes.
#![no_main]

use std::sync::LazyLock;

use aisoc_signing::{Envelope, KeyHolder, PayloadType, SigningKey};
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().expect("random numbers"));

fuzz_target!(|content: &[u8]| {
    let read = PayloadType::ALL.map(|kind| Envelope::read(content, kind));
    assert!(read.iter().filter(|read| read.is_ok()).count() <= 1, "one kind at most");
    for (kind, envelope) in PayloadType::ALL.into_iter().zip(read) {
        let Ok(envelope) = envelope else { continue };
        assert_eq!(envelope.payload_type(), kind);
        assert!(content.len() as u64 <= kind.max_envelope_bytes());
        let named = envelope.named_signers();
        assert!((1..=16).contains(&named.len()));
        let again = Envelope::read(envelope.to_json().as_bytes(), kind).expect("our own form");
        assert_eq!(again.unverified_payload(), envelope.unverified_payload());
        assert_eq!((again.to_json(), again.named_signers()), (envelope.to_json(), named));
        // Made after the input: nothing in it can be by this key.
        assert!(envelope.open([&KEY.public_key()]).is_err());
        let Ok(signed) = envelope.signed_by(&*KEY as &dyn KeyHolder) else { continue };
        let key = KEY.public_key();
        let opened = signed.open([&key]).expect("it has signed");
        assert_eq!(opened.payload(), signed.unverified_payload());
        assert_eq!(opened.signers().len(), 1);
    }
});
