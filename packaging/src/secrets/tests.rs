//! Every form in every encoding and at every border, and the many files that only speak of keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::*;

/// Random to every rule, the same in every run, and nobody's key.
fn random(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|n| Sha256::digest(n.to_le_bytes())).take(length).collect()
}

fn word(length: usize) -> String {
    STANDARD.encode(random(length)).replace(['+', '/', '='], "7")[..length].to_owned()
}

fn body(bytes: usize) -> String {
    let encoded = STANDARD.encode(random(bytes));
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join("\n")
}

/// Never whole in this file, which others search too.
fn armour(edge: &str, label: &str) -> String {
    format!("-----{edge} {label}-----")
}

fn pem(label: &str) -> String {
    format!("{}\n{}\n{}\n", armour("BEGIN", label), body(48), armour("END", label))
}

fn wrapped(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join("\n")
}

fn secrets() -> Vec<(&'static str, String)> {
    let key = pem("PRIVATE KEY");
    let line = body(48);
    let seed = STANDARD
        .encode([&b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"[..], &random(32)].concat());
    let user_info = STANDARD.encode("me:hunter2hunter");
    let certificate = format!("{}\n{}\n{}\n", armour("BEGIN", "CERTIFICATE"), body(600), armour("END", "CERTIFICATE"));
    let joined = key.trim_end().lines().map(|line| format!("    \"{line}\\n\"\n")).collect::<String>();
    let comment = key.lines().map(|line| format!("# {line}\n")).collect::<String>();
    vec![
        ("PKCS#8", key.clone()),
        ("RSA", pem("RSA PRIVATE KEY")),
        ("EC", pem("EC PRIVATE KEY")),
        ("DSA", pem("DSA PRIVATE KEY")),
        ("OpenSSH", pem("OPENSSH PRIVATE KEY")),
        ("encrypted", pem("ENCRYPTED PRIVATE KEY")),
        ("cosign", pem("ENCRYPTED COSIGN PRIVATE KEY")),
        ("sigstore", pem("ENCRYPTED SIGSTORE PRIVATE KEY")),
        (
            "OpenPGP",
            pem("PGP PRIVATE KEY BLOCK").replacen('\n', "\nVersion: GnuPG v2\nComment: mine, and long enough\n\n", 1),
        ),
        (
            "RFC 1421",
            pem("RSA PRIVATE KEY").replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0011223344\n\n", 1),
        ),
        (
            "SSH2",
            format!("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{line}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----"),
        ),
        ("CRLF", key.replace('\n', "\r\n")),
        ("one line", key.replace('\n', " ")),
        ("nothing in between", key.replace('\n', "")),
        ("JSON", format!("{{\"private_key\": \"{}\"}}", key.replace('\n', "\\n"))),
        ("JSON in JSON", format!("\"{}\"", key.replace('\n', "\\\\n"))),
        ("strings that are joined", format!("KEY = (\n{joined})")),
        ("strings with a plus", key.lines().map(|line| format!("\"{line}\" +\n")).collect()),
        ("comment", comment.clone()),
        ("slashes", comment.replace("# ", "// ")),
        ("indented", key.lines().map(|line| format!("      {line}\n")).collect()),
        ("cut before its end", key.split(&armour("END", "PRIVATE KEY")).next().expect("a beginning").to_owned()),
        ("base64 of PEM", format!("tls.key: {}\n", STANDARD.encode(&key))),
        ("a seed without armour", format!("key={seed}")),
        ("RSA without armour", format!("MIIEpAIBAAKCAQEA{}", word(600))),
        ("P-256 without armour", format!("MHcCAQEEI{}", word(110))),
        ("hex of DER", format!("302e020100300506032b657004220420{}", aisoc_manifests::digest::hex(&random(32)))),
        ("PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\nPrivate-Lines: 1\nAAAA\n".to_owned()),
        ("age", format!("AGE-SECRET-KEY-1{}", word(58).to_uppercase())),
        ("minisign", format!("untrusted comment: minisign encrypted secret key\nRWRTY0Iy{}", word(204))),
        ("JSON web key", format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{0}\",\"d\":\"{0}\"}}", word(43))),
        ("Amazon", format!("id = AKIA{}\nsecret = {}\n", "Q3EGR7XW5ZTNB2LM", word(40))),
        ("Amazon's settings", format!("aws_secret_access_key = {}\n", word(40))),
        ("GitHub", format!("token: ghp_{}", word(36))),
        ("GitHub, in an application", format!("'ghs_{}'", word(36))),
        ("GitHub, fine-grained", format!("github_pat_{}", word(82))),
        ("GitLab", format!("glpat-{}", word(20))),
        ("Slack", format!("xoxb-1234567890-{}", word(24))),
        ("npm", format!("//registry.npmjs.org/:_authToken={}", word(36))),
        ("Docker", format!("{{\"auths\": {{\"ghcr.io\": {{\"auth\": \"{}\"}}}}}}", word(20))),
        ("netrc", "machine ghcr.io login me password hunter2hunter".to_owned()),
        (
            "Docker, far below",
            format!("{{\"auths\": {{{}\"ghcr.io\": {{\"auth\": \"{}\"}}}}}}", "\n".repeat(9000), user_info),
        ),
        ("npm, basic", format!("//registry.npmjs.org/:_auth={user_info}\n")),
        ("npm, a password", format!("//registry.npmjs.org/:_password=\"{}\"\n", STANDARD.encode("hunter2hunter"))),
        ("yarn", format!("npmAuthToken: \"{}\"\n", word(36))),
        ("pypi", "[pypi]\nusername = me\npassword = hunter2hunter\n".to_owned()),
        ("Anthropic", format!("key=sk-ant-api03-{}", word(90))),
        ("OpenAI", format!("\"sk-proj-{}\"", word(90))),
        ("Google", format!("AIza{}", word(35))),
        ("Google, of an application", format!("GOCSPX-{}", word(28))),
        ("Hugging Face", format!("hf_{}", word(34))),
        ("SendGrid", format!("SG.{}.{}", word(22), word(43))),
        ("DigitalOcean", format!("dop_v1_{}", aisoc_manifests::digest::hex(&random(32)))),
        ("Vault", format!("hvs.{}", word(90))),
        ("Slack, a hook", format!("https://hooks.slack.com/services/T012AB3CD/B012AB3CD/{}", word(24))),
        ("base64 of PEM, one byte in", STANDARD.encode(format!("x{key}"))),
        ("base64 of PEM, two bytes in", STANDARD.encode(format!("xy{key}"))),
        ("base64 of a certificate and PEM", STANDARD.encode(format!("{certificate}{key}"))),
        ("base64 of PEM in lines", wrapped(&format!("xy{key}"))),
        ("netrc with tabs", "machine\tghcr.io\tlogin\tme\tpassword\thunter2hunter".to_owned()),
        ("netrc with an account", "machine ghcr.io login me account us password hunter2hunter".to_owned()),
        ("netrc, the password first", "machine ghcr.io password hunter2hunter login me".to_owned()),
        ("netrc for every host", "default login me password hunter2hunter".to_owned()),
        ("netrc, a word in the password", "machine ghcr.io login me password tokenABC12345x".to_owned()),
        ("netrc on lines", "machine ghcr.io\n  login me\n  password hunter2hunter\n".to_owned()),
    ]
}

fn binary_secrets() -> Vec<(&'static str, Vec<u8>)> {
    let secret = random(64);
    let with = |header: &[u8]| [header, &secret].concat();
    vec![
        ("Ed25519", with(b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20")),
        ("X25519", with(b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x6e\x04\x22\x04\x20")),
        ("RSA", with(b"\x30\x82\x04\xbd\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04\x82\x04\xa7\x30\x82\x04\xa3\x02\x01\x00")),
        ("RSA, PKCS#1", with(b"\x30\x82\x04\xa3\x02\x01\x00\x02\x82\x01\x01\x00")),
        ("P-256", [&b"\x30\x77\x02\x01\x01\x04\x20"[..], &secret[..32], b"\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"].concat()),
        ("key store", with(b"\x30\x82\x09\x51\x02\x01\x03\x30\x82\x09\x17\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x82")),
        ("OpenSSH", with(b"openssh-key-v1\0\0\0\0\x04none")),
    ]
}

fn found(content: &[u8], piece: usize) -> Option<(Kind, Place)> {
    let mut scanner = Scanner::default();
    content.chunks(piece).for_each(|piece| scanner.see(piece));
    scanner.finish()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn finds_every_form_in_every_encoding() {
    for (what, secret) in secrets() {
        for (encoding, bytes) in [
            ("UTF-8", secret.clone().into_bytes()),
            ("UTF-16LE", utf16(&secret, u16::to_le_bytes)),
            ("UTF-16BE", utf16(&secret, u16::to_be_bytes)),
            ("UTF-16LE with a mark", [vec![0xff, 0xfe], utf16(&secret, u16::to_le_bytes)].concat()),
            ("UTF-16 at an odd place", [vec![b'x'], utf16(&secret, u16::to_le_bytes)].concat()),
        ] {
            assert!(found(&bytes, 1 << 17).is_some(), "{what} in {encoding}");
        }
    }
    for (what, secret) in binary_secrets() {
        assert!(found(&secret, 1 << 17).is_some(), "{what}");
    }
}

#[test]
fn finds_it_wherever_a_piece_ends() {
    let secret = pem("PRIVATE KEY").into_bytes();
    for piece in [1 << 10, 1 << 12, 1 << 16, 1 << 17] {
        for offset in (0..secret.len() + 2).step_by(7) {
            let content = [vec![b'x'; 3 * piece - offset], secret.clone(), vec![b'\n'; piece]].concat();
            assert!(found(&content, piece).is_some(), "pieces of {piece}, {offset} before a border");
        }
    }
    assert!(found(&[vec![b' '; 1 << 20], secret.clone()].concat(), 1000).is_some(), "the last bytes of a file");
    assert!(found(&secret, 1).is_some());
}

#[test]
fn names_the_line_or_the_byte() {
    let key = pem("PRIVATE KEY");
    assert_eq!(found(format!("a\nb\n{key}").as_bytes(), 1 << 17), Some(("a private key", Place::Line(3))));
    let far = [vec![b'x'; 1 << 20], key.into_bytes()].concat();
    assert_eq!(found(&far, 1 << 17), Some(("a private key", Place::Byte(1 << 20))));
    assert_eq!((Place::Line(3).to_string(), Place::Byte(9).to_string()), ("line 3".to_owned(), "byte 9".to_owned()));
}

/// The same identifier stands before the octets of a signature, in what an authority of RSA has signed.
#[test]
fn a_timestamp_by_rsa_is_no_key() {
    let token = include_bytes!("../../../testdata/timestamps/rsa.tsr");
    assert!(token.windows(12).any(|bytes| bytes == b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x04"));
    assert_eq!(found(token, 1 << 17), None);
}

#[test]
fn what_only_speaks_of_secrets_is_none() {
    let begin = armour("BEGIN", "PRIVATE KEY");
    let end = armour("END", "PRIVATE KEY");
    for harmless in [
        format!("PATTERN = re.compile(rb'{begin}[A-Za-z0-9+/=\\\\s]+{end}')"),
        format!(
            "rule key {{ strings: $a = \"{begin}\" $b = /BEGIN (RSA|EC|OPENSSH) PRIVATE KEY/ condition: any of them }}"
        ),
        format!("if b\"{begin}\" in data:\n    raise ValueError(\"private key found in the configuration file\")\n"),
        format!("MARKS = [\n    \"{begin}\",\n    \"{}\",\n    \"{end}\",\n]\n", armour("BEGIN", "RSA PRIVATE KEY")),
        format!("A key looks like this:\n\n```\n{begin}\n...\n{end}\n```\n"),
        format!("{begin}\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC...\n{end}\n"),
        format!("{begin}\nBASE64 ENCODED KEY MATERIAL GOES HERE, NEVER COMMITTED\n{end}\n"),
        format!("{begin}\n{}\n{end}\n", "A".repeat(64)),
        format!("{begin}\n${{PRIVATE_KEY_BODY_FROM_THE_VAULT_OF_THE_TEAM}}\n{end}\n"),
        "Put your PRIVATE KEY into the vault, never into the plugin's directory.".to_owned(),
        format!("{}\n{}\n{}\n", armour("BEGIN", "CERTIFICATE"), body(600), armour("END", "CERTIFICATE")),
        format!("{}\nMCowBQYDK2VwAyEA{}=\n{}\n", armour("BEGIN", "PUBLIC KEY"), word(43), armour("END", "PUBLIC KEY")),
        "TOKEN = re.compile(r'ghp_[0-9A-Za-z]{36}|glpat-[0-9a-zA-Z_-]{20}|AKIA[0-9A-Z]{16}')".to_owned(),
        format!("ghp_{}", "x".repeat(36)),
        "the id AKIAIOSFODNN7EXAMPLE and the secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY of the manual".to_owned(),
        format!("AKIA{} alone is a name and no secret", "Q3EGR7XW5ZTNB2LM"),
        "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']".to_owned(),
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}".to_owned(),
        "{\"auths\": {\"ghcr.io\": {\"auth\": \"<base64 of user:password>\"}}}".to_owned(),
        "Each machine has a login and a password; the machine that you login to asks for a password once.".to_owned(),
        "machine api.example.com login USER password $TOKEN".to_owned(),
        "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}".to_owned(),
        "basic_auth = requests.auth.HTTPBasicAuthentication2(user, password)".to_owned(),
        "//registry.npmjs.org/:_auth=${NPM_AUTH}\n:_password=${NPM_PASSWORD}".to_owned(),
        "[pypi]\nusername = __token__\npassword = <your-token>\n".to_owned(),
        "the default login is admin and the password is on the back; machine learning login".to_owned(),
        "machine ftp.example.com login anonymous password me@example.com".to_owned(),
        "{\"auth\": \"basic\", \"auth\": \"c29tZXRoaW5nIGVsc2U=\"}".to_owned(),
        "from hf_hub_download_of_every_model_in_2024 import hf_transfer".to_owned(),
        "re.compile(r'SG\\.[\\w-]{22}\\.[\\w-]{43}|AIza[0-9A-Za-z_-]{35}|hvs\\.[\\w-]{24,}|sk-ant-[\\w-]{80,}')"
            .to_owned(),
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX".to_owned(),
        STANDARD.encode(format!("{}\n{}", armour("BEGIN", "CERTIFICATE"), body(600))),
        format!("{}  plugin.py\n", aisoc_manifests::digest::hex(&random(32))),
        "PuTTY-User-Key-File- is how its files begin".to_owned(),
        "AGE-SECRET-KEY-1 is how age's keys begin".to_owned(),
    ] {
        assert_eq!(found(harmless.as_bytes(), 1 << 17), None, "{harmless}");
        assert_eq!(found(&utf16(&harmless, u16::to_le_bytes), 1 << 17), None, "{harmless} in UTF-16");
    }
    assert_eq!(found(&random(1 << 22), 1 << 17), None, "noise");
    assert_eq!(found(&vec![0; 1 << 20], 1 << 17), None);
}

#[test]
fn gives_the_whole_secret_of_a_text_and_nothing_else() {
    let text = format!("before {}after ghp_{} end", pem("PRIVATE KEY"), word(36));
    let ranges = secrets_in(&text);
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    let mut rest = text.clone();
    ranges.iter().rev().for_each(|range| rest.replace_range(range.clone(), "#"));
    assert_eq!(rest, "before #\nafter # end");
    assert!(secrets_in("nothing").is_empty());
}

/// In debug, on a busy machine; it was minutes.
#[test]
fn a_file_of_nothing_but_fixed_strings_takes_no_longer_than_another() {
    let begun = std::time::Instant::now();
    let pem = STANDARD.encode(armour("BEGIN", "PRIVATE KEY") + "/");
    for crowd in ["\"kty\"", "\"auths\"", "LS0tLS1CRUdJTi", "LS0tLS1CRUdJTi ", &pem] {
        assert_eq!(found(crowd.repeat((4 << 20) / crowd.len()).as_bytes(), 1 << 17), None, "{crowd}");
    }
    for form in forms::TEXT {
        for gap in ["", " ", "-", "{\"d\" \"d\"", &"\n".repeat(40)] {
            let crowd = format!("{}{gap}", String::from_utf8_lossy(form.anchor));
            found(crowd.repeat((1 << 16) / crowd.len()).as_bytes(), 1 << 17);
        }
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn finds_a_secret_at_the_end_of_a_crowd() {
    for (what, secret) in secrets() {
        let anchors: String = ["\"kty\"", "\"auths\"", "machine ", "ghp_ ", "LS0tLS1CRUdJTi "].concat();
        let content = format!("{}\n{secret}", anchors.repeat(500));
        assert!(found(content.as_bytes(), 1 << 17).is_some(), "{what}");
    }
}

/// Whether there is something to find in that text.
fn holds(text: &str) -> bool {
    found(text.as_bytes(), 1 << 17).is_some()
}

#[test]
fn a_token_counts_from_its_shortest_length_on() {
    for (prefix, shortest) in [
        ("ghp_", 36),
        ("gho_", 36),
        ("ghu_", 36),
        ("ghs_", 36),
        ("ghr_", 36),
        ("github_pat_", 36),
        ("glpat-", 20),
        ("npm_", 36),
        ("dckr_pat_", 16),
        ("sk_live_", 19),
        ("rk_live_", 19),
        ("xoxb-", 20),
        ("xoxp-", 20),
        ("xapp-", 20),
        ("GOCSPX-", 24),
        ("hf_", 30),
        ("hvs.", 24),
    ] {
        assert!(holds(&format!("{prefix}{}", word(shortest))), "{prefix} and {shortest}");
        assert!(!holds(&format!("{prefix}{}", word(shortest - 1))), "{prefix} and one fewer");
        assert!(!holds(&format!("x{prefix}{}", word(shortest))), "{prefix} inside of a word");
        assert!(!holds(&format!("{prefix}{}", "ab".repeat(40))), "{prefix} and no random word");
    }
    for length in [34, 36] {
        assert!(!holds(&format!("AIza{}", word(length))), "as long as Google's and no other length: {length}");
    }
    assert!(!holds(&format!("xoxq-{}", word(40))), "no kind of token");
}

#[test]
fn armour_needs_forty_characters_of_a_body_in_whole_lines() {
    let key = |lines: &[&str]| {
        format!("{}\n{}\n{}\n", armour("BEGIN", "PRIVATE KEY"), lines.join("\n"), armour("END", "PRIVATE KEY"))
    };
    let random = word(64);
    assert!(holds(&key(&[&random[..40]])));
    assert!(!holds(&key(&[&random[..39]])));
    // Lines may be short, and words of a text are shorter.
    let pieces =
        |length: usize| random.as_bytes().chunks(length).map(|piece| std::str::from_utf8(piece).expect("ASCII"));
    assert!(holds(&key(&pieces(8).collect::<Vec<_>>())));
    assert!(!holds(&key(&pieces(7).collect::<Vec<_>>())));
    for body in [random.to_lowercase(), random.to_uppercase(), "aA0".repeat(20)] {
        assert!(!holds(&key(&[&body])), "{body}");
    }
}

#[test]
fn a_file_that_is_made_to_hold_keys_needs_no_body_and_any_other_does() {
    let begin = format!("{}\n", armour("BEGIN", "PRIVATE KEY"));
    let searched = |name: &str, text: &str| {
        let mut scanner = Secrets::default().searcher(&RelPath::parse(name).expect("a path")).expect("searched");
        scanner.see(text.as_bytes());
        scanner.finish().is_some()
    };
    for name in ["a.pem", "sub/A.PEM", "a.crt", "a.cer", "a.cert", "a.pub", "a.asc", "a.pem.bak", "a.pem.1~"] {
        assert!(searched(name, &begin), "{name}");
        assert!(!searched(name, "PRIVATE KEY"), "{name}: what only speaks of one");
    }
    for name in ["a.py", "a.md", "pem", "a.pem.py"] {
        assert!(!searched(name, &begin), "{name}");
        assert!(searched(name, &pem("PRIVATE KEY")), "{name}: with a body");
    }
    assert!(Secrets::Unsearched.searcher(&RelPath::parse("a.pem").expect("a path")).is_none());
}

#[test]
fn the_line_is_counted_as_long_as_the_beginning_is_at_hand() {
    let secret = format!("ghp_{}", word(36));
    for lines in [0, 1, 2, 100] {
        let text = format!("{}{secret}\n", "\n".repeat(lines));
        assert_eq!(found(text.as_bytes(), 1 << 17), Some(("an access token", Place::Line(lines + 1))));
        let mut wide = utf16(&text, u16::to_be_bytes);
        assert_eq!(found(&wide, 1 << 17), Some(("an access token", Place::Line(lines + 1))), "in UTF-16");
        wide.insert(0, b'\n');
        assert_eq!(found(&wide, 1 << 17), Some(("an access token", Place::Line(lines + 2))), "at an odd place");
    }
    for at in [200_000, 200_001] {
        let text = [vec![b'\n'; at], secret.clone().into_bytes()].concat();
        assert_eq!(found(&text, 1 << 10), Some(("an access token", Place::Byte(at as u64))));
    }
}

#[test]
fn the_first_secret_of_a_file_is_the_one_that_is_named() {
    let (token, key) = (format!("ghp_{}\n", word(36)), pem("PRIVATE KEY"));
    for (text, kind) in [(format!("{token}{key}"), "an access token"), (format!("{key}{token}"), "a private key")] {
        for piece in [100, 1 << 17] {
            assert_eq!(found(text.as_bytes(), piece), Some((kind, Place::Line(1))));
        }
    }
}

#[test]
fn a_text_gives_every_secret_in_order_and_apart() {
    let token = format!("ghp_{}", word(36));
    for between in ["", " ", "\n", "; "] {
        let text = [token.as_str(); 3].join(between);
        let ranges = secrets_in(&text);
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start), "{ranges:?}");
        let rest: usize = text.len() - ranges.iter().map(ExactSizeIterator::len).sum::<usize>();
        assert!(rest <= 2 * between.len(), "{between:?} leaves {rest} bytes of {text}");
    }
    let padded = format!("{}{token}", " ".repeat(5000));
    assert_eq!(secrets_in(&padded).first(), Some(&(5000..padded.len())), "in a long text");
}
