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

fn hexadecimal(bytes: &[u8], between: &str) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between)
}

fn in_lines(text: &str, width: usize, before: &str, end: &str) -> String {
    let lines = text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line));
    lines.map(|line| format!("{before}{line}{end}")).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    WRAPS[2].1(text)
}

/// What is beside a public key is looked at in every form that has a name.
#[test]
fn a_private_key_behind_a_public_one_or_before_it_is_found_in_every_form() {
    let key = key();
    let (private, public) = (key.to_pem(), key.public_key().to_pem());
    let body = private.lines().nth(1).expect("a body");
    let der = STANDARD.decode(body).expect("base64");
    let seed = &der[16..];
    let encoded = STANDARD.encode(&*private);
    let mut second = der.clone();
    (second[1], second[4]) = (0x51, 1);
    second.extend(
        [&[0x81, 0x21, 0x00][..], &STANDARD.decode(public.lines().nth(1).expect("a body")).expect("base64")[12..]]
            .concat(),
    );
    let rsa = [&[0x30, 0x82, 0x01, 0x04, 0x02, 0x01, 0x00, 0x02, 0x81][..], &[0x5a; 255]].concat();
    let encrypted =
        [&[0x30, 0x81, 0x80, 0x30, 0x0b, 0x06, 0x09][..], b"\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d", &[9; 115]].concat();
    let hidden: Vec<(&str, Vec<u8>)> = vec![
        ("base64 of PEM", encoded.clone().into()),
        ("in lines", in_lines(&encoded, 76, "", "\n").into()),
        ("in short lines of CRLF", in_lines(&encoded, 30, "", "\r\n").into()),
        ("in lines of a comment", in_lines(&encoded, 61, "# ", "\n").into()),
        ("behind a name", format!("KEY=\"{encoded}\"").into()),
        ("behind a word", format!("the other half: {encoded}").into()),
        ("for URLs", encoded.trim_end_matches('=').replace('+', "-").replace('/', "_").into()),
        ("base64 of base64", STANDARD.encode(&encoded).into()),
        ("base64 of base64 of base64", STANDARD.encode(STANDARD.encode(&encoded)).into()),
        ("base64 of escapes", STANDARD.encode(private.replace('\n', "\\n")).into()),
        ("base64 of UTF-16", STANDARD.encode(utf16(&private)).into()),
        ("hexadecimal of PEM", hexadecimal(private.as_bytes(), "").into()),
        ("escapes", private.replace('\n', "\\n").into()),
        ("UTF-16", utf16(&private)),
        ("UTF-16 of base64", utf16(&encoded)),
        ("DER", der.clone()),
        ("DER in base64", body.into()),
        ("DER in base64, glued to a dash", format!("-----{body}").into()),
        ("DER in hexadecimal", hexadecimal(&der, "").into()),
        ("DER in hexadecimal, upper case", hexadecimal(&der, "").to_uppercase().into()),
        ("DER as `xxd -p` prints it", in_lines(&hexadecimal(&der, ""), 60, "", "\n").into()),
        ("DER in JSON", format!(r#"{{"key":"{body}"}}"#).into()),
        ("the second version in base64", STANDARD.encode(&second).into()),
        ("RSA in base64", STANDARD.encode(&rsa).into()),
        ("RSA in base64 in lines", in_lines(&STANDARD.encode(&rsa), 64, "", "\n").into()),
        ("an encrypted one in base64", STANDARD.encode(&encrypted).into()),
        ("under the wrong lines", format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n").into()),
        ("the seed in hexadecimal", format!("seed: {}", hexadecimal(seed, "")).into()),
        ("the seed in base64", STANDARD.encode(seed).into()),
        ("the seed in JSON", format!(r#"{{"d":"{}"}}"#, STANDARD.encode(seed).trim_end_matches('=')).into()),
        (
            "the seed with its key",
            STANDARD.encode(second[16..48].iter().chain(&second[51..]).copied().collect::<Vec<_>>()).into(),
        ),
        (
            "as OpenSSL prints it",
            format!("priv:\n{}pub:\n", in_lines(&format!("{}:", hexadecimal(seed, ":")), 45, "    ", "\n")).into(),
        ),
        ("of OpenSSH without its lines", STANDARD.encode([&b"openssh-key-v1\0"[..], &[0; 99]].concat()).into()),
        ("of age in base64", STANDARD.encode("AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQ").into()),
    ];
    for (name, hidden) in hidden {
        for content in [[public.as_bytes(), &hidden].concat(), [&hidden, &b"\n"[..], public.as_bytes()].concat()] {
            let fault = PublicKey::from_pem(&content).expect_err(name);
            assert!(fault.message().contains("holds a private key"), "{name}: {fault:?}");
            let said = format!("{fault:?} {}", fault.next_step());
            assert!(!said.contains(&body[24..40]) && !said.contains(&encoded[60..76]), "{name}: {said}");
        }
    }
}

/// Notes of people and of tools stand beside keys, and 32 bytes are often a digest.
#[test]
fn what_is_no_private_key_may_stand_around_a_public_one() {
    let (key, other) = (key().public_key(), key());
    let public = key.to_pem();
    let body = public.lines().nth(1).expect("a body");
    let der = STANDARD.decode(body).expect("base64");
    for text in [
        "# the release key of the operations team, whose private half is in the vault\n".to_owned(),
        format!("# {}\n", key.fingerprint()),
        format!("fingerprint {}\n", STANDARD.encode(&der[..32])),
        format!("{body}\n"),
        format!("ED25519 Public-Key:\npub:\n{}", in_lines(&hexadecimal(&der[12..], ":"), 45, "    ", "\n")),
        format!("# before: {}", other.public_key().to_pem()),
        format!("commit {}\n", "0123456789abcdef".repeat(4)),
        format!("https://keys.example/{}/release.pem\n", "0123456789abcdef".repeat(8)),
        format!(
            "{}\n",
            STANDARD.encode("a long note that somebody has put into base64, for reasons that nobody knows")
        ),
        "gr\u{fc}\u{df}e, \u{43a}\u{43b}\u{44e}\u{447}\n".to_owned(),
        "-".repeat(70) + "\n",
    ] {
        for content in [format!("{public}{text}"), format!("{text}{public}")] {
            // Only the second key that precedes the first is another one.
            if !text.contains("before: ") || content.starts_with("-----BEGIN") {
                assert_eq!(PublicKey::from_pem(content.as_bytes()).as_ref().ok(), Some(&key), "{content}");
            }
        }
    }
}

/// As large as a file of keys may be, of what costs most to look at.
#[test]
fn a_file_that_is_full_of_what_may_be_keys_is_read_in_time() {
    let public = key().public_key().to_pem();
    let words = format!("{}\n", "MC4CAQAwBQYDK2VwAyEA".repeat(3)).repeat(1_000);
    let long = "A0:".repeat(20_000);
    let keys = public.repeat(500);
    for text in
        [words, long, keys, "-".repeat(60_000), "\0".repeat(60_000), STANDARD.encode(STANDARD.encode([0x41; 30_000]))]
    {
        let started = std::time::Instant::now();
        PublicKey::from_pem(format!("{public}{text}").as_bytes()).expect("a key");
        assert!(started.elapsed().as_secs() < 10, "{}: {:?}", &text[..9], started.elapsed());
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
