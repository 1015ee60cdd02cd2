//! Who signs in place of a key that is read: a program, OpenSSH's agent, a token.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use super::{Bench, Run, workspace};

/// A key on a token.
pub(crate) const TOKEN: &str = "pkcs11:token=release;object=signing?module-path=/usr/lib/m.so";

/// A program of the bench.
pub(crate) fn program(bench: &Bench, name: &str, text: &str) {
    let path = bench.write(name, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// The program of the manual.
pub(crate) fn reference() -> String {
    let page = fs::read_to_string(workspace::root().join("docs/signing-keys.md")).expect("a page");
    let (_, rest) = page.split_once("cat > sign-with-openssl <<'EOF'\n").expect("the program");
    rest.split_once("EOF\n").expect("its end").0.to_owned()
}

/// OpenSSH's agent with a key, in a shell that runs `line`.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn with_agent(bench: &Bench, line: &str) -> Option<Run> {
    let has_agent = Command::new("ssh-agent").arg("-h").output().is_ok();
    if !has_agent {
        eprintln!("SKIPPED: there is no ssh-agent");
        return None;
    }
    let script = format!(
        "set -e; eval \"$(ssh-agent)\" >/dev/null; trap 'ssh-agent -k >/dev/null' EXIT; \
         test -e id || ssh-keygen -q -t ed25519 -N '' -C work -f id; ssh-add -q id; \
         f=$(ssh-keygen -lf id.pub | cut -d ' ' -f 2); aisoc() {{ {} \"$@\"; }}; {line}",
        env!("CARGO_BIN_EXE_aisoc")
    );
    let mut shell = Command::new("bash");
    Some(Run::of(shell.args(["-c", &script]).current_dir(bench.path(".")).stdin(Stdio::null())))
}

/// A program beside aisoc that answers as `aisoc-pkcs11` would, to the PIN 1234 and that URI alone.
pub(crate) fn with_token(bench: &Bench, command: &[&str], words: &[&str]) -> Run {
    let text = reference()
        .replace("    if request[\"protocol_version\"]", "    if request[\"passphrase\"] != \"1234\" or sys.argv[1:] != [os.environ[\"URI\"]]:\n        return {\"error\": \"the PIN is wrong\"}\n    if request[\"protocol_version\"]");
    program(bench, "aisoc-pkcs11", &text);
    let own = bench.path("aisoc");
    // A second name where that can be: what was just written may still be open in a process of another test.
    let linked = own.exists() || fs::hard_link(env!("CARGO_BIN_EXE_aisoc"), &own).is_ok();
    if !linked {
        fs::copy(env!("CARGO_BIN_EXE_aisoc"), &own).expect("copied");
    }
    let mut run = Command::new(own);
    run.args(command).args(words).current_dir(bench.path("."));
    run.envs([("SIGNER_KEY", "release.key"), ("PIN", "1234"), ("WRONG", "hunter2"), ("URI", words[0])]);
    Run::of(run.stdin(Stdio::null()))
}
