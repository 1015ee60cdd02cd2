//! Keys on a token of SoftHSM2, where there is one, through the program as aisoc runs it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason};
use aisoc_programs::Program;
use aisoc_signing::{KeyHolder as _, ProgramSigner, SIGNER_PATIENCE, sign_message};

const PIN: &str = "hunter2";
const MODULES: [&str; 3] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"];

/// Tokens `release` and `other`. On the first the keys `signing` (id 01) and twice `twin` (02 and 03), and one of
/// RSA, `rsa`.
struct Tokens {
    place: tempfile::TempDir,
    module: &'static str,
}

impl Tokens {
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    fn new() -> Option<Self> {
        let module = MODULES.into_iter().find(|module| PathBuf::from(module).is_file());
        let has = |tool: &str| Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let (Some(module), Ok(_), Ok(_)) = (module, has("softhsm2-util"), has("pkcs11-tool")) else {
            eprintln!("SKIPPED: there is no SoftHSM2 with pkcs11-tool (packages softhsm2 and opensc)");
            return None;
        };
        let tokens = Self { place: tempfile::tempdir().expect("a directory"), module };
        std::fs::create_dir(tokens.place.path().join("tokens")).expect("made");
        let conf = format!("directories.tokendir = {}/tokens\n", tokens.place.path().display());
        std::fs::write(tokens.place.path().join("conf"), conf).expect("written");
        for label in ["release", "other"] {
            tokens
                .run("softhsm2-util", &["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678"]);
        }
        for (kind, label, id) in
            [("EC:edwards25519", "signing", "01"), ("EC:edwards25519", "twin", "02"), ("EC:edwards25519", "twin", "03")]
        {
            tokens.generate(kind, label, id);
        }
        tokens.generate("rsa:2048", "rsa", "04");
        Some(tokens)
    }

    fn generate(&self, kind: &str, label: &str, id: &str) {
        let token = ["--module", self.module, "--token-label", "release", "--login", "--pin", PIN];
        self.run(
            "pkcs11-tool",
            &[&token[..], &["--keypairgen", "--key-type", kind, "--label", label, "--id", id]].concat(),
        );
    }

    fn run(&self, program: &str, words: &[&str]) {
        let conf = self.place.path().join("conf");
        let output = Command::new(program).args(words).env("SOFTHSM2_CONF", conf).output().expect("runs");
        assert!(output.status.success(), "{program} {words:?}: {output:?}");
    }

    /// The program finds the tokens by a variable, as it would a library's other settings.
    fn ask(&self, key: &str, pin: Option<&str>) -> Result<ProgramSigner, Fault> {
        let conf = format!("SOFTHSM2_CONF={}/conf", self.place.path().display());
        let uri = key.replace("MODULE", self.module);
        let words = [&conf, env!("CARGO_BIN_EXE_aisoc-pkcs11"), &uri].map(Into::into).to_vec();
        let program = Program { name: "env".into(), arguments: words };
        ProgramSigner::ask(program, pin.map(|pin| pin.to_owned().into()), SIGNER_PATIENCE, &Cancellation::default())
    }
}

#[test]
fn a_key_on_a_token_signs_however_it_is_named() {
    let Some(tokens) = Tokens::new() else { return };
    let mut keys = Vec::new();
    for key in [
        "pkcs11:token=release;object=signing?module-path=MODULE",
        "pkcs11:token=release;id=%01?module-name=softhsm2",
        "pkcs11:token=release;object=signing;id=%01;type=private;manufacturer=SoftHSM%20project?module-path=MODULE",
        "pkcs11:token=release;object=twin;id=%02?module-path=MODULE",
    ] {
        let signer = tokens.ask(key, Some(PIN)).unwrap_or_else(|fault| panic!("{key}: {fault:?}"));
        sign_message(&signer, &[7; 32]).expect("signed, and verified");
        keys.push(signer.public_key());
    }
    assert!(keys[0] == keys[1] && keys[1] == keys[2] && keys[2] != keys[3], "{keys:?}");
}

#[test]
fn what_is_not_there_not_open_or_not_one_is_said() {
    let Some(tokens) = Tokens::new() else { return };
    let signing = "pkcs11:token=release;object=signing?module-path=MODULE";
    for (key, pin, reason, words) in [
        (signing, Some("wrong-pin"), Reason::SignerFailed, "the PIN is wrong"),
        (signing, None, Reason::SignerFailed, "seen with the PIN alone"),
        ("pkcs11:token=release;object=none?module-path=MODULE", Some(PIN), Reason::SignerFailed, "no such Ed25519"),
        ("pkcs11:token=release;object=rsa?module-path=MODULE", Some(PIN), Reason::SignerFailed, "no such Ed25519"),
        ("pkcs11:token=release;object=twin?module-path=MODULE", Some(PIN), Reason::SignerFailed, "the token has 2"),
        ("pkcs11:token=nowhere;object=a?module-path=MODULE", Some(PIN), Reason::SignerUnavailable, "but `"),
        ("pkcs11:object=signing?module-path=MODULE", Some(PIN), Reason::SignerFailed, "2 tokens are meant"),
        ("pkcs11:object=a?module-path=/etc/passwd", Some(PIN), Reason::SignerFailed, "the module cannot be loaded"),
        ("pkcs11:object=a?module-path=libsofthsm2.so", Some(PIN), Reason::SignerFailed, "no path from `/` on"),
        ("pkcs11:object=a?module-name=none", Some(PIN), Reason::SignerFailed, "no module of that name"),
        ("pkcs11:object=a?module-name=../softhsm2", Some(PIN), Reason::SignerFailed, "is a path"),
        ("pkcs11:token=release", Some(PIN), Reason::SignerFailed, "names no key"),
    ] {
        let fault = tokens.ask(key, pin).err().unwrap_or_else(|| panic!("{key} signs"));
        let said = std::error::Error::source(&fault).expect("a cause").to_string();
        assert!(fault.reason() == reason && said.contains(words), "{key}: {fault:?}: {said}");
        assert!(!said.contains("wrong-pin") && !said.contains(PIN), "{said}");
    }
}

#[test]
fn what_is_no_question_is_refused_in_the_words_of_the_contract() {
    let ask = |argument: &[&str], question: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aisoc-pkcs11"));
        let mut child = command.args(argument).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
        // One that refuses its argument need not read the question.
        drop(std::io::Write::write_all(&mut child.stdin.take().expect("piped"), question.as_bytes()));
        let output = child.wait_with_output().expect("ended");
        assert!(!output.status.success());
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let uri = "pkcs11:object=a?module-path=/none.so";
    for (argument, question, words) in [
        (&[][..], "{}", "it takes one argument"),
        (&["pkcs11:"], "{}", "names no key"),
        (&[uri], "hunter2", "no document of the contract"),
        (&[uri], "{\"protocol_version\":1,\"operation\":\"public_key\",\"algorithm\":\"rsa\"}", "another algorithm"),
        (&[uri], "{\"protocol_version\":1,\"operation\":\"public_key\",\"algorithm\":\"ed25519\"}", "cannot be loaded"),
    ] {
        let said = ask(argument, question);
        assert!(said.starts_with("{\"protocol_version\":1,\"error\":\"") && said.contains(words), "{words}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
