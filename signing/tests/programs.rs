//! Programs that sign, and what becomes of those that do not: a refusal each, and never a word of a secret.

use std::time::{Duration, Instant};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_programs::Program;
use aisoc_signing::{KeyHolder as _, ProgramSigner, Reply, SIGNER_PATIENCE, SigningKey, sign_message};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const MESSAGE: &[u8] = &[7; 32];

/// A script that answers `public_key` with the first text and `sign` with the second, each a line of shell.
fn script(public_key: &str, sign: &str) -> Program {
    let text = format!("read -r question; case $question in *'\"sign\"'*) {sign};; *) {public_key};; esac");
    Program { name: "sh".into(), arguments: ["-c", &text].map(Into::into).to_vec() }
}

fn echo(reply: &Reply) -> String {
    format!("echo '{}'", serde_json::to_string(reply).expect("JSON").replace('\\', "\\\\"))
}

fn key() -> SigningKey {
    SigningKey::generate().expect("random numbers")
}

fn seed(key: &SigningKey) -> [u8; 32] {
    let pem = key.to_pem();
    let der = STANDARD.decode(pem.lines().nth(1).expect("a body")).expect("base64");
    der[16..].try_into().expect("32 bytes")
}

fn signature(key: &SigningKey) -> Reply {
    let hex = sign_message(key, MESSAGE).expect("signed").to_hex();
    let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hexadecimal");
    Reply::signature(&std::array::from_fn(byte))
}

fn asked(program: Program) -> Result<ProgramSigner, Fault> {
    ProgramSigner::ask(program, None, SIGNER_PATIENCE, &Cancellation::default())
}

#[test]
fn a_program_signs_as_its_key_would() {
    let key = key();
    let signer = asked(script(&echo(&Reply::public_key(&key.public_key())), &echo(&signature(&key)))).expect("a key");
    assert_eq!(signer.public_key(), key.public_key());
    assert_eq!(sign_message(&signer, MESSAGE).expect("signed"), sign_message(&key, MESSAGE).expect("signed"));
    // The same answer over something else.
    assert_eq!(sign_message(&signer, b"other").expect_err("refused").reason(), Reason::SignerMismatch);
}

#[test]
fn what_it_says_wrong_is_refused_and_said() {
    let (own, other) = (key(), key());
    let (named, good) = (echo(&Reply::public_key(&own.public_key())), echo(&signature(&own)));
    let weak = format!("{{\"protocol_version\":1,\"public_key_base64\":\"{}\"}}", STANDARD.encode([0; 32]));
    let lines = [
        (named.clone(), echo(&signature(&other)), Reason::SignerMismatch, "does not verify"),
        (named.clone(), echo(&Reply::signature(&[0; 64])), Reason::SignerMismatch, "does not verify"),
        (named.clone(), named.clone(), Reason::SignerFailed, "answers without `signature_base64`"),
        (good.clone(), good.clone(), Reason::SignerFailed, "answers without one usable Ed25519 public key"),
        (format!("echo '{weak}'"), good.clone(), Reason::SignerFailed, "answers without one usable"),
        ("true".to_owned(), good.clone(), Reason::SignerFailed, "not one JSON document"),
        (format!("{named}; {named}"), good.clone(), Reason::SignerFailed, "not one JSON document"),
        ("echo '{\"protocol_version\":2}'".to_owned(), good.clone(), Reason::SignerFailed, "another version"),
        (echo(&Reply::error("the vault is sealed", false)), good.clone(), Reason::SignerFailed, "says that it cannot"),
        (echo(&Reply::error("rate limit", true)), good.clone(), Reason::SignerUnavailable, "says that it cannot"),
        (format!("{named}; exit 3"), good.clone(), Reason::SignerFailed, "failed with exit code 3"),
        ("kill -9 $$".to_owned(), good.clone(), Reason::SignerFailed, "was ended by signal 9"),
        ("cat /dev/zero".to_owned(), good.clone(), Reason::SignerFailed, "prints more than an answer"),
        (named, "exit 1".to_owned(), Reason::SignerFailed, "failed with exit code 1"),
    ];
    for (public_key, sign, reason, words) in lines {
        let fault = asked(script(&public_key, &sign)).and_then(|signer| sign_message(&signer, MESSAGE));
        let fault = fault.expect_err(words);
        assert_eq!(fault.reason(), reason, "{fault}");
        assert!(fault.message().contains(words), "{fault}");
    }
}

/// Its words are shown, in one line that moves no terminal; nothing else of what it prints is.
#[test]
fn its_last_words_are_the_cause() {
    let said = "printf 'trying\\n\\033[31mno token\\033[0m here\\n\\n' >&2; echo hunter2; exit 4";
    let fault = asked(script(said, "true")).err().expect("refused");
    assert_eq!(std::error::Error::source(&fault).expect("a cause").to_string(), "\\u{1b}[31mno token\\u{1b}[0m here");
    assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
    let long = asked(script("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", "true")).err().expect("refused");
    assert!(std::error::Error::source(&long).expect("a cause").to_string().chars().count() < 250);
}

#[test]
fn a_private_key_that_it_prints_is_refused_and_shown_nowhere() {
    let own = key();
    let (named, good) = (echo(&Reply::public_key(&own.public_key())), echo(&signature(&own)));
    let (pem, seed) = (own.to_pem().to_string(), STANDARD.encode(seed(&own)));
    let body = pem.lines().nth(1).expect("a body");
    let other = key().to_pem().to_string();
    for printed in [
        // Beside a right answer, in the words of a failure, on either stream, as PEM, as DER and as the bare seed.
        (format!("echo '{pem}' >&2; {named}"), good.clone()),
        (format!("echo '{body}' >&2; {named}"), good.clone()),
        (format!("echo 'seed={seed}' >&2; {named}"), good.clone()),
        (named.clone(), format!("echo '{seed}' >&2; {good}")),
        (named.clone(), format!("echo '{other}' >&2; exit 1")),
        (named.clone(), format!("echo '{pem}'")),
        (named.clone(), echo(&Reply::error(&pem, true))),
        (named.clone(), format!("echo '{{\"protocol_version\":1,\"error\":\"{seed}\"}}'")),
    ] {
        let (public_key, sign) = &printed;
        let fault = asked(script(public_key, sign)).and_then(|signer| sign_message(&signer, MESSAGE));
        let fault = fault.expect_err("a secret was printed");
        assert_eq!(fault.reason(), Reason::SignerFailed, "{printed:?}");
        assert!(fault.message().contains("printed a private key"), "{fault}");
        let shown = format!("{fault:?} {fault} {}", fault.next_step());
        assert!(![body, &seed, "PRIVATE"].iter().any(|secret| shown.contains(secret)), "{shown}");
    }
}

#[test]
fn a_program_that_hangs_or_is_no_longer_wanted_is_ended() {
    let patience = Duration::from_millis(300);
    let hangs = || script("sleep 60", "sleep 60");
    let fault = ProgramSigner::ask(hangs(), None, patience, &Cancellation::default()).err().expect("hangs");
    assert_eq!(fault.reason(), Reason::SignerUnavailable);
    let (cancellation, began) = (Cancellation::default(), Instant::now());
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| {
            std::thread::sleep(patience);
            cancellation.cancel();
        });
        let fault = ProgramSigner::ask(hangs(), None, SIGNER_PATIENCE, &cancellation).err().expect("stopped");
        assert_eq!(fault.reason(), Reason::Interrupted);
        stopping.join().expect("no panic");
    });
    assert!(began.elapsed() < SIGNER_PATIENCE / 2, "{:?}", began.elapsed());
}

#[test]
fn what_is_no_program_is_said_with_what_to_write() {
    for (name, hint) in [("/no/such/signer", "the path of the program"), ("./sign.sh --key prod", "small script")] {
        let fault = asked(Program { name: name.into(), arguments: Vec::new() }).err().expect("no program");
        assert_eq!(fault.reason(), Reason::SignerFailed);
        assert!(fault.message().contains(name) && fault.next_step().contains(hint), "{fault}: {}", fault.next_step());
    }
}

/// A PIN reaches the program in its question, and stands nowhere else that others could read.
#[test]
fn a_passphrase_is_in_the_question_alone() {
    let key = key();
    let named = serde_json::to_string(&Reply::public_key(&key.public_key())).expect("JSON").replace('\\', "\\\\");
    let text = format!(
        "read -r question; case $question in *'\"passphrase\":\"hunter2\"'*) ;; *) echo no passphrase >&2; exit 1;; esac; \
         if tr '\\0' ' ' </proc/$$/environ /proc/$PPID/cmdline | grep -q hunter2; then echo it shows >&2; exit 1; fi; \
         echo '{named}'"
    );
    let program = || Program { name: "sh".into(), arguments: ["-c", &text].map(Into::into).to_vec() };
    let ask = |passphrase: Option<&str>| {
        let passphrase = passphrase.map(|passphrase| passphrase.to_owned().into());
        ProgramSigner::ask(program(), passphrase, SIGNER_PATIENCE, &Cancellation::default())
    };
    assert!(ask(None).is_err(), "it is asked for");
    let fault = ask(Some("hunter3")).err().expect("another");
    assert!(!format!("{fault:?}").contains("hunter3"), "{fault:?}");
    assert_eq!(ask(Some("hunter2")).unwrap_or_else(|fault| panic!("{fault:?}")).public_key(), key.public_key());
}

/// No beginning of a right answer is one, and no second answer behind it.
#[test]
fn an_answer_is_read_to_its_last_byte() {
    let reply = serde_json::to_string(&signature(&key())).expect("JSON");
    let named = echo(&Reply::public_key(&key().public_key()));
    for cut in (0..reply.len()).step_by(17) {
        let signer = asked(script(&named, &format!("printf %s '{}'", &reply[..cut]))).expect("a key");
        let fault = sign_message(&signer, MESSAGE).expect_err("cut");
        assert!(fault.message().contains("not one JSON document"), "{cut}: {fault}");
    }
    let signer = asked(script(&named, &format!("echo '{reply}'; echo x"))).expect("a key");
    assert!(sign_message(&signer, MESSAGE).expect_err("more").message().contains("not one JSON document"));
}
