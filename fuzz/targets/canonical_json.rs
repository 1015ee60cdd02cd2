//! aisoc-plugin.json: the canonical form is read back as itself, and another reader of JSON sees the
//! same value before and after.
#![no_main]

use aisoc_manifests::canonical::MAX_CANONICAL_BYTES;
use aisoc_manifests::plugin::{Document, ManifestFile};
use libfuzzer_sys::fuzz_target;
use serde_json::{Number, Value};

fuzz_target!(|bytes: &[u8]| {
    let other: Option<Value> = serde_json::from_slice(bytes).ok();
    let read = Document::read(ManifestFile::Json, bytes);
    let Ok(document) = read else {
        assert!(other.is_none(), "refused what is strict JSON: {:?}", read.err());
        return;
    };
    let canonical = document.canonical().expect("JSON holds nothing that has no canonical form");
    assert!(canonical.iter().all(|byte| matches!(byte, b' '..=b'~')), "not printable ASCII");
    assert!(canonical.len() <= MAX_CANONICAL_BYTES);
    let again = Document::read(ManifestFile::Json, &canonical).expect("our own form");
    assert_eq!(again.canonical().expect("our own form"), canonical);
    if let Some(value) = other {
        let value_of_canonical = serde_json::from_slice(&canonical).expect("what it has accepted before");
        assert!(is_same(&value, &value_of_canonical), "{value} became {value_of_canonical}");
    }
});

/// Equality, but for the one number that the two readers take for different kinds: `-0` is -0.0 here,
/// and the whole number 0 for the host.
fn is_same(left: &Value, right: &Value) -> bool {
    let is_zero = |number: &Number| number.as_f64() == Some(0.0);
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || is_zero(left) && is_zero(right),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| is_same(value, other)))
        }
        _ => left == right,
    }
}
