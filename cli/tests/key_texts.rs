//! What people make of a key on its way into a build system and a directory of trusted keys: each text is read
//! as the key that it is, or named for what it is, with a command that mends it.

mod support;

use std::fs;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use support::{Bench, Run};

/// What becomes of a text.
#[derive(Clone, Copy)]
enum Outcome {
    /// It is read.
    Read,
    /// It is named with these words.
    Named(&'static str),
    /// It is named with these words, and the command of the hint makes a key file of it.
    Mended(&'static str),
}

use Outcome::{Mended, Named, Read};

/// A text that is made of a key, and what becomes of it as a private key and among the trusted ones.
struct Case {
    name: &'static str,
    made: fn(&Half) -> Vec<u8>,
    private: Outcome,
    public: Outcome,
}

/// One half of a key pair, as its PEM text.
struct Half(String);

impl Half {
    fn body(&self) -> &str {
        self.0.lines().nth(1).expect("a body")
    }

    fn der(&self) -> Vec<u8> {
        STANDARD.decode(self.body()).expect("base64")
    }

    fn bytes(&self) -> Vec<u8> {
        let der = self.der();
        der[der.len() - 32..].to_vec()
    }

    fn utf16(&self, mark: &[u8], bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        [mark.to_vec(), self.0.encode_utf16().flat_map(bytes).collect()].concat()
    }
}

fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
}

fn in_two_lines(text: &str) -> String {
    let (first, second) = text.split_at(31);
    format!("{first}\r\n{second}")
}

const ESCAPED: &str = r"with `\n` in place of its line breaks";
const SEED: &str = "the bare bytes of what may be a private key";
const RAW: &str = "the bare bytes of what may be a private key, a raw seed";
const BARE: &str = "without its PEM lines";
const CUT: &str = "a piece of a PEM text, cut off";
const DAMAGED: &str = "a PEM text that is damaged";
const UTF16: &str = "a PEM text in UTF-16";
const BASE64: &str = "a PEM text in base64";

/// One row for each thing that variables, forms, shells and editors do to a text.
const MADE: &[Case] = &[
    Case { name: "as it is", made: |half| half.0.clone().into(), private: Read, public: Read },
    Case { name: "CRLF", made: |half| half.0.replace('\n', "\r\n").into(), private: Read, public: Read },
    Case { name: "no last line break", made: |half| half.0.trim_end().into(), private: Read, public: Read },
    Case { name: "blanks around", made: |half| format!("\n  {}\t\n ", half.0).into(), private: Read, public: Read },
    Case { name: "blanks for line breaks", made: |half| half.0.replace('\n', " ").into(), private: Read, public: Read },
    Case { name: "no line breaks", made: |half| half.0.replace('\n', "").into(), private: Read, public: Read },
    Case {
        name: "quotes around",
        made: |half| format!("\"{}\"", half.0.trim_end()).into(),
        private: Read,
        public: Read,
    },
    Case { name: "UTF-8 mark", made: |half| format!("\u{feff}{}", half.0).into(), private: Read, public: Read },
    Case {
        name: "text around",
        made: |half| format!("# of CI\n{}# end\n", half.0).into(),
        private: Read,
        public: Read,
    },
    Case { name: "twice", made: |half| half.0.repeat(2).into(), private: Read, public: Read },
    Case {
        name: "escaped line breaks",
        made: |half| half.0.replace('\n', "\\n").into(),
        private: Read,
        public: Mended(ESCAPED),
    },
    Case {
        name: "escaped CRLF in quotes",
        made: |half| format!("'{}'", half.0.replace('\n', "\\r\\n")).into(),
        private: Read,
        public: Mended(ESCAPED),
    },
    Case {
        name: "escaped twice",
        made: |half| half.0.replace('\n', "\\\\n").into(),
        private: Read,
        public: Mended(ESCAPED),
    },
    Case { name: "base64", made: |half| STANDARD.encode(&half.0).into(), private: Read, public: Mended(BASE64) },
    Case {
        name: "base64 in lines",
        made: |half| STANDARD.encode(&half.0).as_bytes().chunks(76).collect::<Vec<_>>().join(&b'\n'),
        private: Read,
        public: Mended(BASE64),
    },
    Case {
        name: "base64 for URLs",
        made: |half| URL_SAFE_NO_PAD.encode(&half.0).into(),
        private: Read,
        public: Mended(BASE64),
    },
    Case {
        name: "base64 of escaped line breaks",
        made: |half| STANDARD.encode(half.0.replace('\n', "\\n")).into(),
        private: Read,
        public: Mended(BASE64),
    },
    Case {
        name: "base64 three times",
        made: |half| STANDARD.encode(STANDARD.encode(STANDARD.encode(&half.0))).into(),
        private: Read,
        public: Mended(BASE64),
    },
    Case {
        name: "base64 with a mark, in quotes and in lines of CRLF",
        made: |half| format!("\u{feff}\"{}\"\r\n", in_two_lines(&STANDARD.encode(&half.0))).into(),
        private: Read,
        public: Mended(BASE64),
    },
    Case {
        name: "base64 in UTF-16",
        made: |half| Half(STANDARD.encode(&half.0)).utf16(&[0xff, 0xfe], u16::to_le_bytes),
        private: Read,
        public: Mended(UTF16),
    },
    Case {
        name: "UTF-16 of PowerShell",
        made: |half| half.utf16(&[0xff, 0xfe], u16::to_le_bytes),
        private: Read,
        public: Mended(UTF16),
    },
    Case {
        name: "UTF-16, the other order",
        made: |half| half.utf16(&[0xfe, 0xff], u16::to_be_bytes),
        private: Read,
        public: Mended(UTF16),
    },
    Case {
        name: "UTF-16 without a mark",
        made: |half| half.utf16(&[], u16::to_le_bytes),
        private: Read,
        public: Mended(UTF16),
    },
    Case { name: "DER", made: Half::der, private: Mended(BARE), public: Mended(BARE) },
    Case { name: "the body alone", made: |half| half.body().into(), private: Mended(BARE), public: Mended(BARE) },
    Case {
        name: "DER in hexadecimal",
        made: |half| hexadecimal(&half.der()),
        private: Mended(BARE),
        public: Mended(BARE),
    },
    Case {
        name: "the body in quotes, in lines of CRLF",
        made: |half| format!("\"{}\"\r\n", in_two_lines(half.body())).into(),
        private: Mended(BARE),
        public: Mended(BARE),
    },
    Case {
        name: "the body for URLs behind a mark",
        made: |half| format!("\u{feff}{}", URL_SAFE_NO_PAD.encode(half.der())).into(),
        private: Mended(BARE),
        public: Mended(BARE),
    },
    Case {
        name: "DER in hexadecimal, in quotes",
        made: |half| [b"'", &hexadecimal(&half.der())[..], b"'\n"].concat(),
        private: Mended(BARE),
        public: Mended(BARE),
    },
    Case { name: "32 bytes", made: Half::bytes, private: Mended(RAW), public: Named(RAW) },
    Case {
        name: "32 bytes for URLs, in quotes",
        made: |half| format!("\"{}\"", URL_SAFE_NO_PAD.encode(half.bytes())).into(),
        private: Mended(SEED),
        public: Named(SEED),
    },
    Case {
        name: "the body in base64 once more",
        made: |half| STANDARD.encode(half.body()).into(),
        private: Named("something that is no key"),
        public: Named("something that is no key"),
    },
    Case {
        name: "32 bytes in hexadecimal",
        made: |half| hexadecimal(&half.bytes()),
        private: Mended(SEED),
        public: Named(SEED),
    },
    Case {
        name: "32 bytes in base64",
        made: |half| STANDARD.encode(half.bytes()).into(),
        private: Mended(SEED),
        public: Named(SEED),
    },
    Case {
        name: "64 bytes in base64",
        made: |half| STANDARD.encode(half.bytes().repeat(2)).into(),
        private: Mended(SEED),
        public: Named(SEED),
    },
    Case {
        name: "the first line",
        made: |half| half.0.lines().next().expect("a line").into(),
        private: Named(CUT),
        public: Named(CUT),
    },
    Case { name: "cut off", made: |half| half.0[..40].into(), private: Named(CUT), public: Named(CUT) },
    Case { name: "cut at the beginning", made: |half| half.0[9..].into(), private: Named(CUT), public: Named(CUT) },
    Case {
        name: "base64, cut off",
        made: |half| STANDARD.encode(&half.0)[..120].into(),
        private: Named(CUT),
        public: Named(CUT),
    },
    Case {
        name: "cut in the middle",
        made: |half| half.0.replace(&half.body()[20..40], "").into(),
        private: Named(DAMAGED),
        public: Named(DAMAGED),
    },
    Case {
        name: "a sign that is no base64",
        made: |half| half.0.replace(&half.body()[20..24], "****").into(),
        private: Named(DAMAGED),
        public: Named(DAMAGED),
    },
    Case { name: "nothing", made: |_| Vec::new(), private: Named("is empty"), public: Named("is empty") },
    Case { name: "blanks", made: |_| b" \r\n\t".into(), private: Named("is empty"), public: Named("is empty") },
];

/// A text that is the same whoever's key is meant, with the words that name it in either place.
const OTHERS: &[(&str, &str, &str)] = &[
    ("a key with a passphrase", "ENCRYPTED PRIVATE KEY", "a private key that is encrypted in a way that is not read"),
    ("OpenSSH", "OPENSSH PRIVATE KEY", "a private key of OpenSSH"),
    ("RSA", "RSA PRIVATE KEY", "an RSA key"),
    ("EC", "EC PRIVATE KEY", "an EC key"),
    ("cosign", "ENCRYPTED SIGSTORE PRIVATE KEY", "an encrypted private key of cosign"),
    ("PGP", "PGP PRIVATE KEY BLOCK", "a PGP block"),
    ("a certificate", "CERTIFICATE", "a certificate"),
    ("a request", "CERTIFICATE REQUEST", "a certificate request"),
    ("PKCS#7", "PKCS7", "a PKCS#7 container"),
    ("something else", "SOMETHING", "a PEM block of another kind"),
];

const TEXTS: &[(&str, &str)] = &[
    ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB ops@example", "a public key of OpenSSH"),
    ("ecdsa-sha2-nistp256 AAAAE2VjZHNh ops@example", "a public key of OpenSSH"),
    ("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n", "a private key"),
    ("untrusted comment: minisign public key 1\nRWQ", "a key of minisign or signify"),
    ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "a key of age"),
    ("/run/secrets/signing.key", "the name of a file or a place"),
    ("release.key", "the name of a file or a place"),
    ("op://vault/signing/key", "the name of a file or a place"),
    ("$SIGNING_KEY", "the name of a variable"),
    ("${{ secrets.SIGNING_KEY }}", "the name of a variable"),
    ("%SIGNING_KEY%", "the name of a variable"),
    ("correct horse battery staple", "something that is no key"),
];

struct Place {
    bench: Bench,
    private: Half,
    public: Half,
}

impl Place {
    fn new() -> Self {
        let bench = Bench::new();
        bench.published();
        bench.run(&["plugin", "new", "plain", "--type", "enricher"]).ok();
        let half = |name: &str| Half(fs::read_to_string(bench.path(name)).expect("a key"));
        let (private, public) = (half("release.key"), half("release.pem"));
        Self { bench, private, public }
    }

    fn signs(&self, key: &str, variable: &[u8]) -> Run {
        use std::os::unix::ffi::OsStrExt as _;
        let words = ["plugin", "sign", "--plugin-dir", "plain", "--private-key", key];
        let mut command = self.bench.command(&words);
        command.env("RK", std::ffi::OsStr::from_bytes(variable));
        let output = command.output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code().expect("no signal"), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// With a key that its passphrase opens.
    fn signs_with(&self, key: &str) -> Run {
        let words = ["plugin", "sign", "plain", "--private-key", key, "--passphrase", "env:PASSPHRASE"];
        self.bench.run_with(&words, &[("PASSPHRASE", "secret")])
    }

    /// Every way in: a file, and a variable unless there is a zero byte, which none can hold.
    fn private(&self, name: &str, content: &[u8], outcome: Outcome) {
        self.bench.write("given.key", content);
        fs::set_permissions(self.bench.path("given.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("set");
        self.judge(name, "`given.key`", &self.signs("given.key", b""), outcome, b"");
        if !content.contains(&0) {
            self.judge(name, "the variable `RK`", &self.signs("env:RK", content), outcome, content);
        }
    }

    fn judge(&self, name: &str, place: &str, run: &Run, outcome: Outcome, variable: &[u8]) {
        shows_nothing(run, &self.private);
        let words = match outcome {
            Read => {
                run.ok();
                return;
            }
            Named(words) | Mended(words) => words,
        };
        let line = run.refused(1, "key_invalid").error_line();
        assert!(line.contains(words) && line.contains(place), "{name}: {run:?}");
        if let Mended(_) = outcome {
            self.follow_hint(run, variable);
            let again = match fs::read(self.bench.path("repaired-signing.key")).expect("made") {
                made if made.starts_with(b"-----BEGIN ENCRYPTED") => self.signs_with("repaired-signing.key"),
                _ => self.signs("repaired-signing.key", b""),
            };
            assert_eq!(again.code, 0, "{name}: {run:?} {again:?}");
            fs::remove_file(self.bench.path("repaired-signing.key")).expect("removed");
        }
    }

    /// The command between the backquotes, as a shell takes it.
    fn follow_hint(&self, run: &Run, variable: &[u8]) {
        use std::os::unix::ffi::OsStrExt as _;
        let command = run.stderr.split('`').find(|part| part.contains("repaired-signing.")).expect("a command");
        // Where nobody can be asked.
        let command = command.replace("-aes-256-cbc", "-passin pass:secret -passout pass:secret -aes-256-cbc");
        let mut shell = Command::new("sh");
        shell
            .args(["-euc", &command])
            .current_dir(self.bench.path(""))
            .env("RK", std::ffi::OsStr::from_bytes(variable));
        let output = shell.stdin(Stdio::null()).output().expect("runs");
        assert!(output.status.success(), "{command}: {output:?}");
    }

    /// As the only trusted key.
    fn public(&self, name: &str, content: &[u8], outcome: Outcome) {
        self.bench.write("keys/release.pem", content);
        let verify = || self.bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
        let run = verify();
        shows_nothing(&run, &self.private);
        let words = match outcome {
            Read => {
                run.ok();
                return;
            }
            Named(words) | Mended(words) => words,
        };
        run.refused(3, "no_trusted_keys");
        let warning = run.stderr.lines().find(|line| line.contains("key not used: release.pem: error[key_invalid]: "));
        assert!(warning.is_some_and(|line| line.contains(words)), "{name}: {run:?}");
        if let Mended(_) = outcome {
            self.follow_hint(&run, b"");
            fs::rename(self.bench.path("repaired-signing.pem"), self.bench.path("keys/release.pem")).expect("moved");
            assert_eq!(verify().code, 0, "{name}: {run:?}");
        }
    }
}

/// Pieces of the private key that no output may hold.
fn shows_nothing(run: &Run, private: &Half) {
    let said = format!("{}{}", run.stdout, run.stderr);
    let hex = String::from_utf8(hexadecimal(&private.bytes())).expect("ASCII");
    let (line, seed) = (private.body(), STANDARD.encode(private.bytes()));
    let encoded = STANDARD.encode(&private.0);
    for secret in [&line[24..44], &seed[..20], &hex[..20], &encoded[60..80]] {
        assert!(!said.contains(secret), "{run:?}");
    }
}

/// The commands of the hints are made of these.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn has_tools() -> bool {
    let is_there = |tool: &str| Command::new("sh").args(["-c", &format!("command -v {tool}")]).output();
    let missing = ["openssl", "xxd", "iconv", "base64", "awk"]
        .into_iter()
        .find(|tool| !is_there(tool).is_ok_and(|found| found.status.success()));
    if let Some(tool) = missing {
        eprintln!("SKIPPED in part: there is no {tool}, so that no command of a hint is run");
    }
    missing.is_none()
}

fn without_commands(outcome: Outcome) -> Outcome {
    match outcome {
        Mended(words) => Named(words),
        outcome => outcome,
    }
}

#[test]
fn every_form_of_a_key_is_read_or_named_for_what_it_is() {
    let place = Place::new();
    let has_tools = has_tools();
    let expected = |outcome| if has_tools { outcome } else { without_commands(outcome) };
    for Case { name, made, private, public } in MADE {
        place.private(name, &made(&place.private), expected(*private));
        place.public(name, &made(&place.public), expected(*public));
    }
}

#[test]
fn what_is_no_key_of_ours_is_named_in_either_place() {
    let place = Place::new();
    for (name, label, words) in OTHERS {
        let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        place.private(name, text.as_bytes(), Named(words));
        let is_private = label.contains("PRIVATE KEY");
        place.public(name, text.as_bytes(), Named(if is_private { "holds a private key" } else { words }));
    }
    for (text, words) in TEXTS {
        place.private(text, text.as_bytes(), Named(words));
        place.public(text, text.as_bytes(), Named(words));
    }
    // Among the trusted keys, what begins as a note does may be one.
    let json = r#"{"type": "service_account", "private_key": "x"}"#;
    place.private("JSON", json.as_bytes(), Named("a JSON document"));
    place.bench.write("keys/release.pem", json);
    place.bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(1, "key_note_invalid");
}

#[test]
fn one_half_in_the_place_of_the_other_is_named_in_every_form() {
    let place = Place::new();
    for Case { name, made, private, public } in MADE {
        if matches!(private, Read) {
            place.private(name, &made(&place.public), Named("the public half of an Ed25519 key"));
            place.public(name, &made(&place.private), Named("holds a private key, which has no place on a host"));
        }
        if matches!((private, public), (Mended(BARE), Mended(BARE))) {
            place.private(name, &made(&place.public), Named("a public key without its PEM lines"));
            place.public(name, &made(&place.private), Named("holds a private key, which has no place on a host"));
        }
    }
    let both = format!("{}{}", place.public.0, place.private.0);
    place.private("both halves", both.as_bytes(), Read);
    place.public("both halves", both.as_bytes(), Named("holds a private key"));
}

#[test]
fn keys_of_other_algorithms_are_called_by_their_names() {
    let place = Place::new();
    if !has_tools() {
        return;
    }
    for (options, name) in [
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"][..], "an RSA key"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "an EC key"),
        (&["-algorithm", "X25519"], "an X25519 key, which agrees on secrets"),
        (&["-algorithm", "ED448"], "an Ed448 key"),
    ] {
        let openssl = |words: &[&str]| {
            let made = Command::new("openssl").args(words).current_dir(place.bench.path("")).output().expect("runs");
            assert!(made.status.success(), "{made:?}");
        };
        openssl(&[&["genpkey", "-out", "other.key"], options].concat());
        openssl(&["pkey", "-in", "other.key", "-pubout", "-out", "other.pem"]);
        let read = |name: &str| fs::read(place.bench.path(name)).expect("there");
        place.private(name, &read("other.key"), Named(name));
        place.public(name, &read("other.pem"), Named(name));
    }
}

#[test]
fn the_line_of_openssh_becomes_the_key_that_it_is() {
    let place = Place::new();
    let blob = [&b"\0\0\0\x0bssh-ed25519\0\0\0 "[..], &place.public.bytes()].concat();
    let key = STANDARD.encode(blob);
    let outcome = Mended("a public key in the form of OpenSSH");
    let outcome = if has_tools() { outcome } else { without_commands(outcome) };
    for line in [
        format!("ssh-ed25519 {key} ops@example\n"),
        format!("ssh-ed25519  {key}  ops@example"),
        format!("ssh-ed25519\t{key}\r\n"),
        format!("\n\u{20}ssh-ed25519 {key}\n"),
        format!("\"ssh-ed25519 {key}\"\n"),
        format!("\u{feff}ssh-ed25519 {key}\n"),
        format!("ssh-ed25519 {key} one\nssh-ed25519 {key} two\n"),
    ] {
        place.private(&line, line.as_bytes(), Named("a public key in the form of OpenSSH"));
        place.public(&line, line.as_bytes(), outcome);
    }
    // What was cut off has no command that would make a key of it.
    place.public("cut off", format!("ssh-ed25519 {}", &key[..40]).as_bytes(), Named("a public key of OpenSSH"));
    assert!(!place.bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).stderr.contains("repaired-signing"));
}

/// OpenSSL reads neither text around a block nor lines that were joined, and aisoc does.
#[test]
fn a_certificate_gives_its_key_and_an_old_encryption_gives_way_to_a_new_one() {
    let place = Place::new();
    if !has_tools() {
        return;
    }
    let openssl = |words: &[&str]| {
        let made = Command::new("openssl").args(words).current_dir(place.bench.path("")).output().expect("runs");
        assert!(made.status.success(), "{made:?}");
    };
    openssl(&["req", "-x509", "-new", "-key", "release.key", "-subj", "/CN=ops", "-days", "9", "-out", "ops.crt"]);
    let locked = ["pkcs8", "-topk8", "-in", "release.key", "-passout", "pass:secret", "-out", "locked.key"];
    openssl(&locked);
    openssl(&[&locked[..6], &["-out", "old.key", "-v1", "PBE-SHA1-3DES"]].concat());
    let read = |name: &str| Half(fs::read_to_string(place.bench.path(name)).expect("there"));
    let (certificate, locked, old) = (read("ops.crt"), read("locked.key"), read("old.key"));
    for (name, wrap) in WRAPS {
        place.public(name, &wrap(&certificate), Mended("a certificate"));
        place.private(name, &wrap(&old), Mended("encrypted in a way that is not read"));
        // What is read in any wrapping is read in each when it needs a passphrase.
        place.bench.write("given.key", wrap(&locked));
        assert_eq!(place.signs_with("given.key").code, 0, "{name}");
    }
}

/// What is made of a text.
type Wrap = fn(&Half) -> Vec<u8>;

/// How else one of several lines is kept.
const WRAPS: &[(&str, Wrap)] = &[
    ("as it is", |half| half.0.clone().into()),
    ("CRLF", |half| half.0.replace('\n', "\r\n").into()),
    ("text before", |half| format!("Bag Attributes\n    localKeyID: 00\n\"{}\"", half.0).into()),
    ("blanks for line breaks", |half| half.0.replace('\n', " ").into()),
    ("no line breaks", |half| half.0.replace('\n', "").into()),
    ("escapes in quotes", |half| format!("\"{}\"", half.0.replace('\n', "\\n")).into()),
    ("base64", |half| STANDARD.encode(&half.0).into()),
    ("base64 for URLs of escapes", |half| URL_SAFE_NO_PAD.encode(half.0.replace('\n', "\\n")).into()),
    ("UTF-16", |half| half.utf16(&[0xff, 0xfe], u16::to_le_bytes)),
    ("UTF-16 without a mark", |half| half.utf16(&[], u16::to_be_bytes)),
    ("base64 of UTF-16", |half| STANDARD.encode(half.utf16(&[0xff, 0xfe], u16::to_le_bytes)).into()),
];

/// PKCS#8 of the second version, which OpenSSL 3.0 does not read: RFC 5958 puts the public key behind the seed.
#[test]
fn a_seed_with_its_public_key_behind_it_becomes_a_key() {
    let place = Place::new();
    let mut der = place.private.der();
    (der[1], der[4]) = (0x51, 1);
    der.extend([0x81, 0x21, 0x00]);
    der.extend(place.public.bytes());
    let outcome = if has_tools() { Mended(BARE) } else { Named(BARE) };
    place.private("DER", &der, outcome);
    place.private("base64", STANDARD.encode(&der).as_bytes(), outcome);
    place.private("hexadecimal", &hexadecimal(&der), outcome);
    place.public("base64", STANDARD.encode(&der).as_bytes(), Named("holds a private key"));
}

/// A command is printed for a path that a shell finds as it stands there, and for no other.
#[test]
fn the_path_of_a_key_in_its_variable_is_passed_by_a_command_only_where_that_finds_it() {
    let place = Place::new();
    let key = place.bench.path("release.key");
    for (value, is_path) in [
        (format!("{}", key.display()), true),
        (format!("{}\n", key.display()), true),
        ("./release.key".to_owned(), true),
        (format!("\"{}\"", key.display()), false),
        (format!(" {}", key.display()), false),
        ("~/release.key".to_owned(), false),
        ("~ops/release.key".to_owned(), false),
        ("op://vault/release.key".to_owned(), false),
    ] {
        let run = place.signs("env:RK", value.as_bytes());
        run.refused(1, "key_invalid");
        let command = run.stderr.split('`').find(|part| part.starts_with("--private-key "));
        assert_eq!(command.is_some(), is_path, "{value:?}: {run:?}");
        if let Some(command) = command {
            let passed = command.trim_start_matches("--private-key ");
            let mut shell = Command::new("sh");
            shell.args(["-euc", &format!("test -f {passed}")]).current_dir(place.bench.path("")).env("RK", &value);
            assert!(shell.status().expect("runs").success(), "{value:?}: {run:?}");
        }
    }
}

#[test]
fn two_private_keys_sign_nothing() {
    let place = Place::new();
    place.bench.run(&["plugin", "keygen", "--out", "next"]).ok();
    let next = fs::read_to_string(place.bench.path("next.key")).expect("a key");
    let both = format!("{}{next}", place.private.0);
    place.private("two keys", both.as_bytes(), Named("several private keys"));
    place.private("two keys", STANDARD.encode(both).as_bytes(), Named("several private keys"));
}

/// The host reads the first key of a file, and so does aisoc: what stands behind it is named and not trusted.
#[test]
fn a_second_public_key_in_a_file_is_named_and_not_trusted() {
    let place = Place::new();
    place.bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let other = fs::read_to_string(place.bench.path("other.pem")).expect("a key");
    fs::remove_file(place.bench.path("keys/release.pem")).expect("removed");
    place.bench.write("keys/ops.pem", format!("{}{other}", place.public.0));
    let verify = || place.bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    let warns =
        |run: &Run| run.stderr.contains("key not used: ops.pem: error[key_invalid]: `keys/ops.pem` holds SHA256:");
    let run = verify();
    assert!(run.ok().stdout.starts_with("verified key=ops ") && warns(&run), "{run:?}");
    place.bench.write("keys/ops.pem", format!("{other}{}", place.public.0));
    let run = verify();
    assert!(warns(run.refused(3, "untrusted_key")), "{run:?}");
    let install = place.bench.install("oci-archive:demo.tar");
    assert!(install.refused(3, "untrusted_key").stderr.contains("holds SHA256:"), "the refusal says it: {install:?}");
}

/// In the directory of the keys, whoever has a `key-1.pem` keeps it, and a second run loses nothing of the first.
#[test]
fn the_command_that_splits_a_file_of_two_keys_overwrites_none() {
    if !has_tools() {
        return;
    }
    for joined in ["\n", " ", "\r", ""] {
        let place = Place::new();
        place.bench.run(&["plugin", "keygen", "--out", "other"]).ok();
        let other = fs::read_to_string(place.bench.path("other.pem")).expect("a key");
        fs::remove_file(place.bench.path("keys/release.pem")).expect("removed");
        place.bench.write("key-1.pem", "of somebody");
        place.bench.write("keys/ops.pem", format!("{other}{}", place.public.0).replace('\n', joined));
        let verify = || place.bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
        let run = verify();
        let command = run.refused(3, "untrusted_key").stderr.split('`').find(|part| part.contains("awk"));
        let split = || {
            let mut shell = Command::new("sh");
            shell.args(["-euc", command.expect("a command")]).current_dir(place.bench.path(""));
            shell
        };
        assert!(split().status().expect("runs").success(), "{joined:?}: {run:?}");
        assert_eq!(fs::read(place.bench.path("key-1.pem")).expect("there"), b"of somebody");
        assert!(!split().stderr(Stdio::null()).status().expect("runs").success(), "a second time");
        for (made, name) in [("key-1.pem", "ops.pem"), ("key-2.pem", "two.pem")] {
            fs::rename(place.bench.path("split-keys").join(made), place.bench.path("keys").join(name)).expect("moved");
        }
        let run = verify();
        assert!(run.ok().stdout.starts_with("verified key=two ") && !run.stderr.contains("key not used"), "{run:?}");
    }
}
