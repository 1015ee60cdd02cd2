//! Private keys with a passphrase: read as OpenSSL writes them, written as OpenSSL reads them, and never at any cost.

use std::path::Path;
use std::process::Command;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{EncryptedKey, KeySource, PrivateKey, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn read(pem: &[u8]) -> Result<EncryptedKey, Fault> {
    match PrivateKey::read(pem, &KeySource::Variable("KEY".to_owned()))? {
        PrivateKey::Encrypted(key) => Ok(key),
        PrivateKey::Open(_) => panic!("it is not encrypted"),
    }
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

/// What openssl prints, or nothing where there is none.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn openssl(words: &[&str], directory: &Path) -> Option<Vec<u8>> {
    let output = Command::new("openssl").args(words).current_dir(directory).output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: there is no openssl, so nothing was compared");
        return None;
    };
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

#[test]
fn a_key_is_opened_by_its_passphrase_and_by_no_other() {
    let key = key();
    for passphrase in ["hunter2", "pass phrase with blanks ", "ünïcode 密", "x"] {
        let pem = key.to_encrypted_pem(passphrase.as_bytes()).expect("encrypted");
        assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{}", *pem);
        let encrypted = read(pem.as_bytes()).expect("our own form");
        let opened = encrypted.open(passphrase.as_bytes()).expect("its passphrase");
        assert_eq!(opened.public_key(), key.public_key());
        for wrong in ["", "hunter3", "pass phrase with blanks"] {
            let fault = encrypted.open(wrong.as_bytes()).err().expect("not its passphrase");
            assert_eq!(fault.reason(), Reason::PassphraseInvalid);
            assert!(fault.message().contains("the variable `KEY`"), "{fault}");
        }
    }
}

/// One wrong passphrase in 256 leaves a padding that looks right.
#[test]
fn no_wrong_passphrase_of_many_gives_a_key_or_another_refusal() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("k"), key().to_pem().as_bytes()).expect("written");
    let words = ["pkcs8", "-topk8", "-in", "k", "-passout", "pass:right", "-iter", "1"];
    let Some(pem) = openssl(&words, directory.path()) else { return };
    let encrypted = read(&pem).expect("as OpenSSL writes it");
    for number in 0..1500 {
        let fault = encrypted.open(format!("wrong {number}").as_bytes()).err().expect("not its passphrase");
        assert_eq!(fault.reason(), Reason::PassphraseInvalid, "{number}: {fault}");
    }
    encrypted.open(b"right").expect("its passphrase");
}

#[test]
fn what_openssl_writes_is_read() {
    let (directory, key) = (tempfile::tempdir().expect("a directory"), key());
    std::fs::write(directory.path().join("k"), key.to_pem().as_bytes()).expect("written");
    let base = ["pkcs8", "-topk8", "-in", "k", "-passout", "pass:hunter2"];
    for more in [
        &[][..],
        &["-v2", "aes-128-cbc"],
        &["-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"],
        &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA384", "-iter", "100000"],
        &["-scrypt"],
        &["-scrypt", "-scrypt_N", "1024", "-scrypt_r", "4", "-scrypt_p", "2"],
    ] {
        let Some(pem) = openssl(&[&base[..], more].concat(), directory.path()) else { return };
        let opened = read(&pem).expect("read").open(b"hunter2").unwrap_or_else(|fault| panic!("{more:?}: {fault}"));
        assert_eq!(opened.public_key(), key.public_key(), "{more:?}");
        // As build systems keep it.
        let wrapped = read(STANDARD.encode(&pem).as_bytes()).expect("in base64").open(b"hunter2").expect("opened");
        assert_eq!(wrapped.public_key(), key.public_key());
    }
}

#[test]
fn openssl_reads_what_is_written_here() {
    let (directory, key) = (tempfile::tempdir().expect("a directory"), key());
    let pem = key.to_encrypted_pem(b"hunter2").expect("encrypted");
    std::fs::write(directory.path().join("k"), pem.as_bytes()).expect("written");
    let Some(public) = openssl(&["pkey", "-in", "k", "-passin", "pass:hunter2", "-pubout"], directory.path()) else {
        return;
    };
    assert_eq!(String::from_utf8_lossy(&public), key.public_key().to_pem());
}

#[test]
fn what_is_not_read_is_named_with_the_command_that_makes_it_readable() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("k"), key().to_pem().as_bytes()).expect("written");
    let base = ["pkcs8", "-topk8", "-in", "k", "-passout", "pass:hunter2"];
    for more in [&["-v1", "PBE-SHA1-3DES"][..], &["-v2", "des3"], &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA1"]] {
        let Some(pem) = openssl(&[&base[..], more].concat(), directory.path()) else { return };
        let fault = read(&pem).err().unwrap_or_else(|| panic!("{more:?} is read"));
        assert_eq!(fault.reason(), Reason::KeyInvalid);
        assert!(fault.message().contains("encrypted in a way that is not read"), "{more:?}: {fault}");
        assert!(fault.next_step().contains("-aes-256-cbc -out repaired-signing.key"), "{}", fault.next_step());
    }
}

#[test]
fn a_key_of_another_algorithm_is_told_from_a_wrong_passphrase() {
    let directory = tempfile::tempdir().expect("a directory");
    let words = ["genpkey", "-algorithm", "x25519", "-aes-256-cbc", "-pass", "pass:hunter2"];
    let Some(pem) = openssl(&words, directory.path()) else { return };
    let encrypted = read(&pem).expect("encrypted");
    let fault = encrypted.open(b"hunter2").err().expect("of another algorithm");
    assert_eq!(fault.reason(), Reason::KeyInvalid);
    assert!(fault.message().contains("X25519"), "{fault}");
    assert_eq!(encrypted.open(b"hunter3").err().expect("wrong").reason(), Reason::PassphraseInvalid);
}

/// A file that asks for hours, or for all memory, is refused before anybody types a passphrase.
#[test]
fn what_a_passphrase_costs_is_bounded_before_it_is_asked_for() {
    let pem = key().to_encrypted_pem(b"hunter2").expect("encrypted");
    let der: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let der = STANDARD.decode(der).expect("base64");
    // The cost of scrypt stands in two bytes: 2^14 is 40 00. One of three is made of it, and of p.
    let cost = der.windows(4).position(|bytes| bytes == [0x02, 0x02, 0x40, 0x00]).expect("a cost");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = der.clone();
        change(&mut changed);
        let body = STANDARD.encode(changed);
        format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n")
    };
    assert!(read(with(&|_| {}).as_bytes()).is_ok());
    // r: 8 becomes 127, which with 2^14 takes 254 MiB; p: 127 goes through them 127 times.
    assert!(read(with(&|der| der[cost + 6] = 127).as_bytes()).is_ok());
    let fault = read(with(&|der| (der[cost + 6], der[cost + 9]) = (127, 127)).as_bytes()).err().expect("too much work");
    let difference = fault.difference().expect("both");
    assert_eq!(fault.reason(), Reason::KeyInvalid);
    assert!(difference.expected.contains("1073741824") && difference.found == "33824964608", "{difference:?}");
    let fault = read(with(&|der| (der[cost + 2], der[cost + 6]) = (0x7f, 127)).as_bytes()).err().expect("too large");
    assert!(fault.difference().expect("both").expected.contains("268435456 bytes of memory"), "{fault:?}");
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("k"), key().to_pem().as_bytes()).expect("written");
    let words = ["pkcs8", "-topk8", "-in", "k", "-passout", "pass:x", "-iter", "10000001"];
    let Some(pem) = openssl(&words, directory.path()) else { return };
    assert!(read(&pem).err().expect("too many").difference().expect("both").expected.contains("10000000 rounds"));
}

#[test]
fn what_is_cut_or_changed_is_no_key_and_no_panic() {
    let pem = key().to_encrypted_pem(b"hunter2").expect("encrypted");
    let der: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let der = STANDARD.decode(der).expect("base64");
    let opens = |bytes: &[u8]| {
        let body = STANDARD.encode(bytes);
        let pem = format!("-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}\n-----END ENCRYPTED PRIVATE KEY-----\n");
        read(pem.as_bytes()).and_then(|key| key.open(b"hunter2"))
    };
    for at in 0..der.len() {
        assert!(opens(&der[..at]).is_err(), "cut at {at}");
    }
    // Of the parameters: each is a fresh derivation, so not every byte.
    for at in (0..der.len() - 64).step_by(7) {
        let mut changed = der.clone();
        changed[at] ^= 1;
        assert!(opens(&changed).is_err(), "changed at {at}");
    }
}
