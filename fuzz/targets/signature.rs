//! A signature file: read exactly when the host would read it, as the same 64 bytes.
#![no_main]

use aisoc_manifests::digest::hex;
use aisoc_signing::Signature;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|content: &[u8]| {
    let read = Signature::read(content).ok();
    assert_eq!(read.map(|signature| signature.to_hex()), as_the_host_reads(content));
    if let Some(signature) = read {
        let text = signature.to_hex();
        assert!(text.len() == 128 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        assert_eq!(Signature::read(text.as_bytes()).expect("our own form"), signature);
    }
});

/// `bytes.fromhex(content.strip())` of 64 bytes, else 64 raw bytes: the description, taken word by word.
fn as_the_host_reads(content: &[u8]) -> Option<String> {
    let is_space = |byte: &u8| matches!(byte, b'\t' | b'\n' | 0x0b | 0x0c | b'\r' | b' ');
    let words: Vec<&[u8]> = content.split(is_space).collect();
    let digits = words.concat().to_ascii_lowercase();
    let is_hex = words.iter().all(|word| word.len() % 2 == 0) && digits.iter().all(u8::is_ascii_hexdigit);
    match is_hex && digits.len() == 128 {
        true => String::from_utf8(digits).ok(),
        false => (content.len() == 64).then(|| hex(content)),
    }
}
