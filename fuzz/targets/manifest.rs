//! A manifest in both of its forms: what is read can be signed or is refused with a place, what is
//! signed is ASCII that reads back as itself, and `validate` never praises what a host refuses.
#![no_main]

use aisoc_manifests::canonical::MAX_CANONICAL_BYTES;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::plugin::{
    Document, MAX_MANIFEST_BYTES, Manifest, ManifestFile, Problem, Profile, PythonFiles, validate,
};
use aisoc_manifests::value::{Node, Value};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for file in ManifestFile::ALL {
        check(file, bytes);
    }
});

fn check(file: ManifestFile, bytes: &[u8]) {
    let problems = |profile| {
        let problems = validate(file, bytes, &|name| name == "plugin.py", profile);
        problems.iter().for_each(|problem| check_problem(problem, bytes));
        problems
    };
    let (strict, manager) = (problems(Profile::Strict), problems(Profile::Manager));
    let document = match Document::read(file, bytes) {
        Ok(document) => document,
        Err(fault) => {
            check_fault(&fault, bytes);
            return assert!(!strict.is_empty() && !manager.is_empty(), "nothing is wrong with what cannot be read");
        }
    };
    match Manifest::from_document(&document) {
        Ok(manifest) => assert!(!manifest.name.is_empty() && !manifest.version.is_empty()),
        Err(fault) => {
            check_fault(&fault, bytes);
            assert!(!strict.is_empty() && !manager.is_empty(), "nothing is wrong with {fault:?}");
        }
    }
    match document.canonical() {
        Ok(canonical) => check_canonical(&document, &canonical),
        Err(fault) => {
            check_fault(&fault, bytes);
            assert_eq!(fault.reason(), Reason::ManifestNotCanonical);
            assert!(document.signed_payload(&PythonFiles::default()).is_err() || has_unsigned_keys(&document));
            assert!(!strict.is_empty(), "nothing is wrong with {fault:?}");
        }
    }
}

fn check_canonical(document: &Document, canonical: &[u8]) {
    assert!(canonical.iter().all(|byte| matches!(byte, b' '..=b'~')), "not printable ASCII");
    // The bound is looked at between values: one more of them may follow, no longer than the file.
    assert!(canonical.len() <= MAX_CANONICAL_BYTES + 12 * MAX_MANIFEST_BYTES);
    let is_object = matches!(document.root().value(), Value::Mapping(_));
    if is_object && !has_unsigned_keys(document) {
        let payload = document.signed_payload(&PythonFiles::default()).expect("its manifest has a form");
        assert_eq!(payload, [b"{\"files\":{},\"manifest\":", canonical, b"}"].concat());
    }
    if canonical.len() <= MAX_MANIFEST_BYTES {
        let again = rewritten(canonical);
        match has_plain_keys(document.root()) {
            true => assert_eq!(again, canonical, "the canonical form of the canonical form is another"),
            // Keys that became text may sort and collapse in another way, once.
            false => assert_eq!(rewritten(&again), again),
        }
    }
}

fn rewritten(canonical: &[u8]) -> Vec<u8> {
    let document = Document::read(ManifestFile::Json, canonical).expect("our own form");
    document.canonical().expect("our own form")
}

/// Whether every key is text without surrogates, which JSON keeps apart and in order. Aliases are
/// looked at as often as they stand, which the length of the canonical form bounds.
fn has_plain_keys(node: Node<'_>) -> bool {
    node.items().all(has_plain_keys)
        && node.members().all(|(key, value)| key.as_str().is_some() && has_plain_keys(value))
}

fn has_unsigned_keys(document: &Document) -> bool {
    ["signature", "trust"].iter().any(|key| document.root().get(key).is_some())
}

fn check_problem(problem: &Problem, bytes: &[u8]) {
    let texts = [Some(&problem.message), problem.instead.as_ref()];
    assert!(texts.into_iter().flatten().all(|text| !text.is_empty() && text.len() < 4096), "{problem:?}");
    check_line(problem.location.line, bytes);
}

fn check_fault(fault: &Fault, bytes: &[u8]) {
    assert!(!fault.message().is_empty() && fault.message().len() < 4096, "{fault:?}");
    check_line(fault.location().expect("a manifest's fault has a place").line, bytes);
}

fn check_line(line: usize, bytes: &[u8]) {
    let breaks = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r' | 0x85 | 0xa8 | 0xa9)).count();
    assert!((1..=breaks + 1).contains(&line), "line {line} of {}", breaks + 1);
}
