//! What each kind of secret looks like around the one string that every secret of its kind holds.
//!
//! A form has to tell a secret from the many files that only speak of one: documents, rules that search
//! for keys, programs that read them. So nothing counts without the random part that makes it a secret.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::found::Kind;
use super::pem_form::pem;
use super::tokens::{find, is_base64, is_pem_body, is_varied, is_word, run, run_back};

/// Looks at a window in which the fixed string begins at that place; gives where the secret is.
pub(super) type Check = fn(&[u8], usize) -> Option<Range<usize>>;

pub(super) struct Form {
    pub(super) anchor: &'static [u8],
    pub(super) kind: Kind,
    pub(super) check: Check,
}

const fn form(anchor: &'static [u8], kind: Kind, check: Check) -> Form {
    Form { anchor, kind, check }
}

/// In every PEM form of a private key: PKCS#8, encrypted or not, RSA, EC, OpenSSH, OpenPGP.
pub(super) const PRIVATE_KEY: &[u8] = b"PRIVATE KEY";

const KEY: Kind = "a private key";
const TOKEN: Kind = "an access token";
const CREDENTIALS: Kind = "credentials";

/// Forms of text, which are also looked for in UTF-16.
pub(super) const TEXT: &[Form] = &[
    form(PRIVATE_KEY, KEY, pem),
    form(b"LS0tLS1CRUdJTi", KEY, pem_in_base64),
    // `PRIVATE KEY` in base64, after a multiple of three bytes, one more, and two more.
    form(b"UFJJVkFURSBL", KEY, pem_in_base64),
    form(b"SVZBVEUgS0VZ", KEY, pem_in_base64),
    form(b"UklWQVRFIEtF", KEY, pem_in_base64),
    form(b"wBQYDK2VwBCIEI", KEY, bare_base64), // the header of an Ed25519 seed
    form(b"wBQYDK2VuBCIEI", KEY, bare_base64), // X25519
    form(b"BADANBgkqhkiG9w0BAQEFAAS", KEY, bare_base64), // RSA in PKCS#8
    form(b"AgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG", KEY, bare_base64), // P-256 in PKCS#8
    form(b"b3BlbnNzaC1rZXktdjE", KEY, bare_base64), // OpenSSH
    form(b"IBAAKC", KEY, rsa_old_base64),      // RSA in PKCS#1
    form(b"MHcCAQEEI", KEY, bare_base64),      // P-256 in SEC1
    form(b"06032b657004220420", KEY, ed25519_hex),
    form(b"06032B657004220420", KEY, ed25519_hex),
    form(b"PuTTY-User-Key-File-", KEY, putty),
    form(b"AGE-SECRET-KEY-1", KEY, age),
    form(b"AGE-PLUGIN-", KEY, age),
    form(b"RWRTY0Iy", KEY, minisign),
    form(b"RWQAAEIy", KEY, minisign),
    form(b"\"kty\"", KEY, json_web_key),
    form(b"AKIA", CREDENTIALS, amazon_id),
    form(b"ASIA", CREDENTIALS, amazon_id),
    form(b"aws_secret_access_key", CREDENTIALS, amazon_secret),
    form(b"AWS_SECRET_ACCESS_KEY", CREDENTIALS, amazon_secret),
    form(b"SecretAccessKey", CREDENTIALS, amazon_secret),
    form(b"\"auths\"", CREDENTIALS, docker_config),
    form(b"\"auth\"", CREDENTIALS, docker_auth),
    form(b"machine", CREDENTIALS, netrc),
    form(b"default", CREDENTIALS, netrc),
    form(b"pypi]", CREDENTIALS, pypirc),
    form(b"_auth", TOKEN, npmrc),
    form(b":_password", CREDENTIALS, npm_password),
    form(b"npmAuthToken", TOKEN, yarnrc),
    form(b"ghp_", TOKEN, token::<36>),
    form(b"gho_", TOKEN, token::<36>),
    form(b"ghu_", TOKEN, token::<36>),
    form(b"ghs_", TOKEN, token::<36>),
    form(b"ghr_", TOKEN, token::<36>),
    form(b"github_pat_", TOKEN, token::<40>),
    form(b"glpat-", TOKEN, token::<20>),
    form(b"npm_", TOKEN, token::<36>),
    form(b"pypi-AgE", TOKEN, token::<50>),
    form(b"dckr_pat_", TOKEN, token::<20>),
    form(b"sk_live_", TOKEN, token::<24>),
    form(b"rk_live_", TOKEN, token::<24>),
    form(b"xox", TOKEN, slack),
    form(b"xapp-", TOKEN, token::<20>),
    form(b"sk-ant-", TOKEN, token::<40>),
    form(b"sk-proj-", TOKEN, token::<40>),
    form(b"GOCSPX-", TOKEN, token::<24>),
    form(b"dop_v1_", TOKEN, token::<60>),
    form(b"AIza", TOKEN, google),
    form(b"hf_", TOKEN, hugging_face),
    form(b"SG.", TOKEN, sendgrid),
    form(b"hvs.", TOKEN, vault),
    form(b"hooks.slack.com/services/", TOKEN, slack_hook),
];

/// Forms of bytes.
pub(super) const BINARY: &[Form] = &[
    form(b"\x06\x03\x2b\x65\x70\x04\x22\x04\x20", KEY, edwards_der), // Ed25519
    form(b"\x06\x03\x2b\x65\x6e\x04\x22\x04\x20", KEY, edwards_der), // X25519
    form(b"\x06\x03\x2b\x65\x71\x04\x3b\x04\x39", KEY, edwards_der), // Ed448
    form(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04", KEY, rsa_der),
    form(b"\x02\x01\x00\x02\x82", KEY, rsa_old_der),
    form(b"\x02\x01\x01\x04\x20", KEY, elliptic_der), // P-256
    form(b"\x02\x01\x01\x04\x30", KEY, elliptic_der), // P-384
    form(b"\x02\x01\x01\x04\x42", KEY, elliptic_der), // P-521
    form(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0", KEY, pkcs12),
    form(b"openssh-key-v1\0", KEY, openssh),
];

/// A PEM file that was encoded once more, as clusters keep it; the armour begins there or before.
fn pem_in_base64(window: &[u8], at: usize) -> Option<Range<usize>> {
    // Most of what begins so is a certificate.
    decoded(&window[at..], 96).filter(|start| find(start, b"PRIVATE KEY", 0, 64).is_some() || holds_label(start))?;
    let start = label_start(window, at);
    let decoded = decoded(&window[start..], 1536)?;
    let label = find(&decoded, b"PRIVATE KEY", 0, 128)?;
    pem(&decoded, label)?;
    Some(at..run(window, at, |byte| is_base64(byte) || byte.is_ascii_whitespace()))
}

/// `-----BEGIN ENCRYPTED COSIGN ` in base64, rounded up.
const MAX_ENCODED_LABEL: usize = 76;

/// So far before the fixed string that the whole armour is in it, and whole groups of four characters.
fn label_start(window: &[u8], at: usize) -> usize {
    let is_in = |byte: u8| is_pem_body(byte) || byte.is_ascii_whitespace();
    let before = run_back(&window[at.saturating_sub(2 * MAX_ENCODED_LABEL)..at], at.min(2 * MAX_ENCODED_LABEL), is_in);
    let near = at.saturating_sub(2 * MAX_ENCODED_LABEL) + before;
    let places: Vec<usize> =
        (near..at).rev().filter(|place| is_pem_body(window[*place])).take(MAX_ENCODED_LABEL).collect();
    places.chunks_exact(4).last().map_or(at, |group| group[3])
}

/// A fixed string within the label decodes to a piece of it, and its dashes follow.
fn holds_label(start: &[u8]) -> bool {
    let is_piece = [&b"PRIVATE K"[..], b"IVATE KEY", b"RIVATE KE"].iter().any(|piece| start.starts_with(piece));
    is_piece && find(start, b"----", 0, 24).is_some()
}

/// The first characters of base64, with line ends and their escapes left out.
fn decoded(text: &[u8], characters: usize) -> Option<Vec<u8>> {
    let mut encoded = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at).filter(|_| encoded.len() < characters) {
        match byte {
            b'\\' => at += 1,
            byte if byte.is_ascii_whitespace() => {}
            byte if is_pem_body(*byte) && *byte != b'=' => encoded.push(*byte),
            _ => break,
        }
        at += 1;
    }
    encoded.truncate(encoded.len() / 4 * 4);
    STANDARD_NO_PAD.decode(&encoded).ok()
}

/// The base64 of a key's DER without any armour.
fn bare_base64(window: &[u8], at: usize) -> Option<Range<usize>> {
    let (start, end) = (run_back(window, at, is_base64), run(window, at, is_base64));
    (end - at >= 50 && is_varied(&window[at..end])).then_some(start..end)
}

/// The version and the modulus, right behind the length of the whole.
fn rsa_old_base64(window: &[u8], at: usize) -> Option<Range<usize>> {
    let begins = window[at.saturating_sub(8)..at].windows(3).any(|bytes| bytes == b"MII");
    begins.then(|| bare_base64(window, at)).flatten().filter(|found| found.len() >= 200)
}

fn ed25519_hex(window: &[u8], at: usize) -> Option<Range<usize>> {
    let is_hex = |byte: u8| byte.is_ascii_hexdigit();
    let (start, end) = (run_back(window, at, is_hex), run(window, at, is_hex));
    (end - at >= 18 + 64).then_some(start..end)
}

/// An object identifier, and then the octets of the key: in a public key a bit string follows.
fn edwards_der(window: &[u8], at: usize) -> Option<Range<usize>> {
    let end = at + 9 + 32;
    let key = window.get(at + 9..end)?;
    (at >= 7 && is_varied(key)).then(|| at - 7..end)
}

/// The octets of PKCS#8 are a sequence that begins with version 0 (RFC 8017, A.1.2). Where a token of CMS is signed by RSA, as a
/// timestamp is, the same identifier and the octets of a signature stand there.
fn rsa_der(window: &[u8], at: usize) -> Option<Range<usize>> {
    let octets = behind_length(window, at + 12)?;
    let (tag, version) = (*window.get(octets)?, behind_length(window, octets + 1)?);
    let is_key = tag == 0x30 && window.get(version..version + 3)? == [0x02, 0x01, 0x00];
    (is_key && window.len() > at + 64).then_some(at..at + 64)
}

/// The place behind a length in its long form of at most three bytes: any key of RSA is so long.
fn behind_length(window: &[u8], at: usize) -> Option<usize> {
    let form = *window.get(at)?;
    (0x81..=0x83).contains(&form).then(|| at + 1 + usize::from(form & 0x7f))
}

/// PKCS#1: a sequence that begins with version 0 and the modulus.
fn rsa_old_der(window: &[u8], at: usize) -> Option<Range<usize>> {
    let header = window.get(at.checked_sub(4)?..at)?;
    let modulus = window.get(at + 7..at + 64)?;
    (header.starts_with(b"\x30\x82") && is_varied(modulus)).then_some(at - 4..at + 64)
}

/// RFC 5915, alone or in PKCS#8: a sequence of version 1, the octets, and the curve before or behind them.
fn elliptic_der(window: &[u8], at: usize) -> Option<Range<usize>> {
    const CURVES: [&[u8]; 2] = [b"\x2a\x86\x48\xce\x3d", b"\x2b\x81\x04\x00"];
    let end = at + 5 + usize::from(*window.get(at + 4)?);
    let key = window.get(at + 5..end)?;
    let is_sequence = window[at.saturating_sub(3)..at].contains(&0x30);
    let has_curve = CURVES.iter().any(|curve| find(window, curve, at.saturating_sub(40), end + 24).is_some());
    (is_sequence && has_curve && is_varied(key)).then_some(at..end)
}

/// The outermost sequence of a key store: version 3, and its data.
fn pkcs12(window: &[u8], at: usize) -> Option<Range<usize>> {
    let before = &window[at.saturating_sub(16)..at];
    let is_store = before.windows(4).any(|bytes| bytes == b"\x02\x01\x03\x30") && before.ends_with(b"\x06\x09");
    is_store.then_some(at..window.len())
}

fn openssh(window: &[u8], at: usize) -> Option<Range<usize>> {
    // The length of the cipher's name, and the name.
    let cipher = window.get(at + 15..at + 23)?;
    (cipher[..3] == [0; 3] && cipher[4..].iter().all(u8::is_ascii_graphic)).then_some(at..window.len())
}

fn putty(window: &[u8], at: usize) -> Option<Range<usize>> {
    let lines = find(window, b"Private-Lines: ", at, at + 4096)?;
    Some(at..lines)
}

fn age(window: &[u8], at: usize) -> Option<Range<usize>> {
    let near = &window[..window.len().min(at + 256)];
    let end = run(near, at, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-');
    (end - at >= 60 && is_varied(&window[at..end]) && find(window, b"-1", at, end).is_some()).then_some(at..end)
}

fn minisign(window: &[u8], at: usize) -> Option<Range<usize>> {
    let end = run(window, at, is_pem_body);
    (end - at >= 200).then_some(at..end)
}

/// RFC 7517: the member `d` is the private half.
fn json_web_key(window: &[u8], at: usize) -> Option<Range<usize>> {
    let near = at.saturating_sub(512)..(at + 2048).min(window.len());
    let object = object_around(window, near, at);
    let mut from = object.start;
    for _ in 0..MAX_MEMBERS {
        let member = find(window, b"\"d\"", from, object.end)?;
        let value = run(window, member + 3, |byte| byte.is_ascii_whitespace() || matches!(byte, b':' | b'"'));
        let end = run(window, value, is_base64);
        if end - value >= 40 && is_varied(&window[value..end]) {
            return Some(at.min(member)..end.max(at));
        }
        from = member + 3;
    }
    None
}

/// A key has one member `d`, and may have values that look like the name of it.
const MAX_MEMBERS: usize = 8;

/// From the brace before `at` to the one after it.
fn object_around(window: &[u8], near: Range<usize>, at: usize) -> Range<usize> {
    let start = memchr::memrchr(b'{', &window[near.start..at]).map_or(near.start, |brace| near.start + brace);
    let end = memchr::memchr(b'}', &window[at..near.end]).map_or(near.end, |brace| at + brace);
    start..end
}

/// Twenty characters that name a key, and near them the forty that are its secret.
fn amazon_id(window: &[u8], at: usize) -> Option<Range<usize>> {
    let is_id = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    let end = run(window, at, is_id);
    let stands_alone = end - at == 20 && (at == 0 || !window[at - 1].is_ascii_alphanumeric());
    if !stands_alone || window[at..end].ends_with(b"EXAMPLE") {
        return None;
    }
    let near = at.saturating_sub(256)..(end + 512).min(window.len());
    let secret = runs(window, near).find(|run| is_amazon_secret(&window[run.clone()]))?;
    Some(at.min(secret.start)..end.max(secret.end))
}

fn amazon_secret(window: &[u8], at: usize) -> Option<Range<usize>> {
    let window = &window[..window.len().min(at + 256)];
    let name = run(window, at, is_word);
    let value =
        run(window, name, |byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b':' | b'"' | b'\'' | b','));
    let end = run(window, value, is_secret_character);
    (value > name && is_amazon_secret(&window[value..end])).then_some(at..end)
}

fn is_secret_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn is_amazon_secret(run: &[u8]) -> bool {
    let has = |is_in: fn(&u8) -> bool| run.iter().any(is_in);
    run.len() == 40
        && is_varied(run)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
        && !run.ends_with(b"EXAMPLEKEY")
        && !run.iter().all(u8::is_ascii_hexdigit)
}

fn runs(window: &[u8], within: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = within.start;
    std::iter::from_fn(move || {
        at += window[at..within.end].iter().position(|byte| is_secret_character(*byte))?;
        let start = at;
        at = run(window, at, is_secret_character).min(within.end);
        Some(start..at)
    })
}

/// What `docker login` writes: for a host, a name and a password in base64, or a token.
fn docker_config(window: &[u8], at: usize) -> Option<Range<usize>> {
    [&b"\"auth\""[..], b"\"identitytoken\"", b"\"password\""].iter().find_map(|member| {
        let member_at = find(window, member, at + 7, window.len())?;
        let value = run(window, member_at + member.len(), |byte| byte.is_ascii_whitespace() || byte == b':');
        let start = value + usize::from(window.get(value) == Some(&b'"'));
        let end = run(window, start, |byte| byte.is_ascii_graphic() && byte != b'"');
        (end - start >= 8 && !is_placeholder(&window[start..end])).then_some(at..end)
    })
}

/// The same for one host, however far it is from the beginning: a name and a password in base64.
fn docker_auth(window: &[u8], at: usize) -> Option<Range<usize>> {
    assigned(window, at + 6, is_pem_body)
        .filter(|value| is_user_info(&window[value.clone()]))
        .map(|value| at..value.end)
}

/// What stands behind a name and `=` or `:`, quoted or not, on the same line.
fn assigned(window: &[u8], name_end: usize, is_in: fn(u8) -> bool) -> Option<Range<usize>> {
    let near = &window[..window.len().min(name_end + 512)];
    let is_blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'');
    let sign = run(near, name_end, is_blank);
    near.get(sign).filter(|byte| matches!(byte, b'=' | b':'))?;
    let value = run(near, sign + 1, is_blank);
    Some(value..run(near, value, is_in))
}

/// `name:password` in base64, and neither is a placeholder.
fn is_user_info(encoded: &[u8]) -> bool {
    let digits = encoded.iter().take_while(|byte| **byte != b'=').count();
    let Ok(decoded) = STANDARD_NO_PAD.decode(&encoded[..digits]) else { return false };
    let mut halves = decoded.splitn(2, |byte| *byte == b':');
    let (Some(name), Some(password)) = (halves.next(), halves.next()) else { return false };
    decoded.iter().all(u8::is_ascii_graphic) && !name.is_empty() && password.len() >= 4 && !is_placeholder(password)
}

/// `machine HOST login NAME account NAME password WORD` or `default login …`, in any order, on one line or
/// on several.
fn netrc(window: &[u8], at: usize) -> Option<Range<usize>> {
    let text = &window[at..window.len().min(at + 512)];
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is_host = |host: &[u8]| host.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-:_".contains(byte));
    let entry = words.next()?;
    if (at > 0 && is_word(window[at - 1])) || !(entry == b"default" || entry == b"machine" && is_host(words.next()?)) {
        return None;
    }
    // In a sentence other words stand in between.
    let (mut login, mut password) = (None, None);
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        match name {
            b"login" => login = login.or(Some(value)),
            b"password" => password = password.or(Some(value)),
            b"account" => {}
            _ => break,
        }
    }
    let secret = password.filter(|word| word.len() >= 6 && !is_placeholder(word))?;
    login.filter(|login| *login != b"anonymous")?;
    Some(at..at + find(text, secret, 0, text.len())? + secret.len())
}

/// Of a package index: a name, and a password behind it.
fn pypirc(window: &[u8], at: usize) -> Option<Range<usize>> {
    let section = &window[..window.len().min(at + 512)];
    let name = find(section, b"username", at, section.len())?;
    let password = find(section, b"\npassword", name, section.len())?;
    let value = assigned(section, password + 9, |byte| byte.is_ascii_graphic())?;
    (value.len() >= 6 && !is_placeholder(&section[value.clone()])).then_some(at..value.end)
}

/// `_authToken=TOKEN`, and `_auth=` with a name and a password in base64.
fn npmrc(window: &[u8], at: usize) -> Option<Range<usize>> {
    if window[at..].starts_with(b"_authToken") {
        let value = assigned(window, at + 10, |byte| is_base64(byte) || byte == b'.')?;
        let is_equal = window[at + 10..value.start].contains(&b'=');
        return (is_equal && is_token(&window[value.clone()])).then_some(at..value.end);
    }
    let value = assigned(window, at + 5, is_pem_body)?;
    is_user_info(&window[value.clone()]).then_some(at..value.end)
}

/// `//registry/:_password=BASE64`.
fn npm_password(window: &[u8], at: usize) -> Option<Range<usize>> {
    let value = assigned(window, at + 10, is_pem_body)?;
    (value.len() >= 8 && !is_placeholder(&window[value.clone()])).then_some(at..value.end)
}

fn yarnrc(window: &[u8], at: usize) -> Option<Range<usize>> {
    let value = assigned(window, at + 12, |byte| is_base64(byte) || byte == b'.')?;
    let has_digit = window[value.clone()].iter().any(u8::is_ascii_digit);
    (has_digit && is_token(&window[value.clone()])).then_some(at..value.end)
}

fn is_token(value: &[u8]) -> bool {
    value.len() >= 16 && !is_placeholder(value)
}

/// `$TOKEN`, `<password>`, `YOUR_TOKEN`, `xxxxxxxx`: to be replaced by something secret.
fn is_placeholder(word: &[u8]) -> bool {
    const HINTS: [&[u8]; 10] = [
        b"example",
        b"your",
        b"yourtoken",
        b"yourpassword",
        b"token",
        b"secret",
        b"password",
        b"mypassword",
        b"changeme",
        b"placeholder",
    ];
    let is_name = word.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_');
    let lower = word.to_ascii_lowercase();
    // Whole words: a password may have one of them in it.
    let says_so = lower.split(|byte| !byte.is_ascii_alphanumeric()).any(|part| HINTS.contains(&part));
    is_name
        || says_so
        || matches!(word.first(), Some(b'$' | b'<' | b'{' | b'%' | b'[' | b'*' | b'.'))
        || !has_variety(word)
}

fn has_variety(word: &[u8]) -> bool {
    word.iter().any(|byte| *byte != word[0])
}

/// A prefix that the issuer chose to be found by, and at least `N` random characters.
fn token<const N: usize>(window: &[u8], at: usize) -> Option<Range<usize>> {
    let prefix = run(window, at, |byte| !matches!(byte, b'_' | b'-')) + 1;
    random_word(window, at, prefix).filter(|found| found.end - prefix >= N)
}

/// The word at that place, if it begins there and what follows its prefix is random.
fn random_word(window: &[u8], at: usize, prefix: usize) -> Option<Range<usize>> {
    if at > 0 && is_word(window[at - 1]) {
        return None;
    }
    let end = run(window, prefix.min(window.len()), is_word);
    let random = window.get(prefix..end)?;
    (random.iter().any(u8::is_ascii_digit) && is_varied(random)).then_some(at..end)
}

/// One that has every class of characters, as no name has.
fn mixed(window: &[u8], found: Range<usize>) -> Option<Range<usize>> {
    let word = &window[found.clone()];
    let has = |is_in: fn(&u8) -> bool| word.iter().any(is_in);
    (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)).then_some(found)
}

fn google(window: &[u8], at: usize) -> Option<Range<usize>> {
    random_word(window, at, at + 4).filter(|found| found.len() == 39)
}

fn hugging_face(window: &[u8], at: usize) -> Option<Range<usize>> {
    let found = random_word(window, at, at + 3).filter(|found| found.len() >= 33)?;
    let is_one_word = window[at + 3..found.end].iter().all(u8::is_ascii_alphanumeric);
    is_one_word.then(|| mixed(window, at + 3..found.end)).flatten().map(|_| found)
}

/// Two random words, of 22 and of 43 characters.
fn sendgrid(window: &[u8], at: usize) -> Option<Range<usize>> {
    let id = random_word(window, at, at + 3).filter(|found| found.len() >= 3 + 16)?;
    window.get(id.end).filter(|byte| **byte == b'.')?;
    let end = run(window, id.end + 1, is_word);
    let secret = &window[id.end + 1..end];
    (secret.len() >= 32 && is_varied(secret)).then_some(at..end)
}

fn vault(window: &[u8], at: usize) -> Option<Range<usize>> {
    random_word(window, at, at + 4).filter(|found| found.len() >= 4 + 24).and_then(|found| mixed(window, found))
}

fn slack(window: &[u8], at: usize) -> Option<Range<usize>> {
    let is_kind = window.get(at + 3).is_some_and(|kind| b"abprs".contains(kind)) && window.get(at + 4) == Some(&b'-');
    is_kind.then(|| token::<20>(window, at)).flatten()
}

/// The team, the application, and 24 random characters.
fn slack_hook(window: &[u8], at: usize) -> Option<Range<usize>> {
    let path = at + b"hooks.slack.com/services/".len();
    let near = &window[..window.len().min(path + 96)];
    let end = run(near, path, |byte| byte.is_ascii_alphanumeric() || byte == b'/');
    let secret = near[path..end].split(|byte| *byte == b'/').nth(2)?;
    (secret.len() >= 20 && is_varied(secret)).then_some(at..end)
}
