//! What a text is that should be a key: read, or named without a piece of it in the refusal.

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_signing::{KeySource, PublicKey, SigningKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn refused(content: &[u8], source: &KeySource) -> Fault {
    let fault = SigningKey::read(content, source).err().expect("refused");
    assert_eq!((fault.reason(), fault.class().exit_code()), (Reason::KeyInvalid, 1), "{fault:?}");
    fault
}

/// What one layer after another makes of a text.
type Wrap = fn(&str) -> Vec<u8>;

const WRAPS: [(&str, Wrap); 4] = [
    ("escapes", |text| text.replace('\n', "\\n").into()),
    ("base64", |text| STANDARD.encode(text).into()),
    ("UTF-16", |text| text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
    ("quotes", |text| format!("\"{text}\"").into()),
];

#[test]
fn a_private_key_comes_out_of_every_wrapping_and_of_two() {
    let key = key();
    for (outer, wrap) in WRAPS {
        for (inner, first) in WRAPS {
            // Nobody puts the characters of one around the bytes of the other.
            if inner == "UTF-16" && outer != "base64" {
                continue;
            }
            let once = String::from_utf8(first(&key.to_pem())).expect("ASCII and zeros");
            let found = SigningKey::read(&wrap(&once), &KeySource::Input).map(|found| found.public_key());
            assert_eq!(found.as_ref().ok(), Some(&key.public_key()), "{outer} of {inner}: {found:?}");
        }
    }
}

#[test]
fn wrapped_more_often_than_anybody_does_it_is_no_key() {
    let mut text = key().to_pem().to_string();
    for _ in 0..4 {
        text = STANDARD.encode(text);
    }
    refused(text.as_bytes(), &KeySource::Input);
}

#[test]
fn a_public_key_comes_out_of_no_wrapping() {
    let key = key().public_key();
    for (name, wrap) in &WRAPS[..3] {
        let fault = PublicKey::read(&wrap(&key.to_pem()), &KeySource::file("keys/a.pem")).expect_err(name);
        assert!(fault.message().starts_with("`keys/a.pem` holds no public key, but a PEM text "), "{name}: {fault:?}");
        assert!(fault.next_step().contains("> repaired-signing.pem`"), "{name}: {}", fault.next_step());
    }
}

#[test]
fn a_private_key_in_any_form_has_no_place_among_trusted_ones() {
    let private = key().to_pem();
    let der = STANDARD.decode(private.lines().nth(1).expect("a body")).expect("base64");
    let mut contents: Vec<Vec<u8>> = WRAPS.iter().map(|(_, wrap)| wrap(&private)).collect();
    contents.extend([der.clone(), STANDARD.encode(&der).into(), b"AGE-SECRET-KEY-1QQ".to_vec()]);
    for content in contents {
        let fault = PublicKey::from_pem(&content).expect_err("a private key");
        assert!(fault.message().contains("holds a private key, which has no place on a host"), "{fault:?}");
    }
}

#[test]
fn a_refusal_says_where_it_looked_and_shows_nothing() {
    let seed = "c2VlZC1vZi0zMi1ieXRlcy1pbi1iYXNlNjQtb2s1Nv8=";
    for (source, place, command) in [
        (KeySource::file("a b.key"), "`a b.key` holds", "cat 'a b.key' | LC_ALL=C tr -dc "),
        (KeySource::Variable("RK".to_owned()), "the variable `RK` holds", "printenv RK | LC_ALL=C tr -dc "),
        (KeySource::Variable("A-B".to_owned()), "the variable `A-B` holds", "printenv A-B | LC_ALL=C tr -dc "),
        (KeySource::Input, "standard input holds", "cat KEY | LC_ALL=C tr -dc "),
        (KeySource::Unnamed, "the key file holds", "cat KEY | LC_ALL=C tr -dc "),
    ] {
        let fault = refused(seed.as_bytes(), &source);
        assert!(fault.message().starts_with(place), "{fault:?}");
        assert!(fault.next_step().contains(command), "{}", fault.next_step());
        let difference = fault.difference().expect("two values");
        let said = format!("{fault:?} {} {} {}", fault.next_step(), difference.expected, difference.found);
        assert!(!said.contains(&seed[..8]), "{said}");
    }
}

#[test]
fn the_label_of_a_block_that_nobody_knows_is_not_shown() {
    let fault = refused(b"-----BEGIN hunter2-----\nAAAA\n-----END hunter2-----\n", &KeySource::Input);
    assert!(fault.message().ends_with("but a PEM block of another kind") && !format!("{fault:?}").contains("hunter2"));
}

#[test]
fn the_same_private_key_twice_is_one_and_two_are_none() {
    let (one, other) = (key(), key());
    let twice = format!("{}{}", *one.to_pem(), one.to_pem().replace('\n', "\r\n"));
    let found = SigningKey::from_pem(twice.as_bytes()).expect("one key");
    assert_eq!(found.public_key(), one.public_key());
    for second in
        [&other.to_pem()[..], "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"]
    {
        let fault = refused(format!("{}{second}", *one.to_pem()).as_bytes(), &KeySource::Input);
        assert!(fault.message().ends_with("but several private keys"), "{fault:?}");
    }
}

#[test]
fn what_looks_like_two_bytes_for_a_character_and_is_not_is_no_text() {
    for content in [&b"\xff\xfe"[..], b"\xff\xfe-", b"-\0-\xd8", b"\0", b"\0\0", b"\xfe\xff\0"] {
        refused(content, &KeySource::Input);
        PublicKey::from_pem(content).expect_err("no key");
    }
}
