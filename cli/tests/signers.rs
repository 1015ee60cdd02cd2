//! Who signs when it is no key that the command reads: the result is the plugin.sig that the key itself would make.

mod support;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use support::signers::{TOKEN, program, reference, with_agent};
use support::{Bench, Run, signers};

/// A plugin, and a key that verifies it.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench
}

fn sign(bench: &Bench, signer: &str) -> Run {
    let words = ["plugin", "sign", "demo", "--private-key", signer];
    bench.run_with(&words, &[("SIGNER_KEY", "release.key"), ("PYTHONDONTWRITEBYTECODE", "1")])
}

#[test]
fn a_program_signs_what_the_key_signs_byte_for_byte() {
    let bench = bench();
    program(&bench, "sign-with-openssl", &reference());
    bench.sign("demo").ok();
    let expected = bench.snapshot("demo");
    for file in ["plugin.sig", "plugin.sig.d"] {
        let path = bench.path("demo").join(file);
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).expect("removed");
    }
    let run = sign(&bench, "exec:./sign-with-openssl");
    assert!(run.ok().stderr.contains("Next aisoc plugin verify demo --trusted-keys KEYS"), "{run:?}");
    assert_eq!(bench.snapshot("demo"), expected);
    bench.run(&["plugin", "verify", "demo", "--trusted-keys", "release.pem"]).ok();
}

#[test]
fn a_release_takes_programs_beside_keys_and_no_key_twice() {
    let bench = bench();
    program(&bench, "sign-with-openssl", &reference());
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let release = |second: &str| {
        let words = ["plugin", "release", "demo", "oci:out:0.1.0", "--private-key", "exec:./sign-with-openssl"];
        let words = [&words[..], &["--private-key", second, "--json"]].concat();
        bench.run_with(&words, &[("SIGNER_KEY", "release.key")])
    };
    let run = release("release.key");
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("names the same key twice"), "{run:?}");
    let answer: serde_json::Value = serde_json::from_str(&release("other.key").ok().stdout).expect("JSON");
    assert_eq!(answer["signers"].as_array().expect("signers").len(), 2, "{answer}");
}

#[test]
fn a_program_that_lets_the_key_out_signs_nothing_and_is_not_quoted() {
    let bench = bench();
    let text = reference().replace("print(", "print(open(KEY).read(), file=sys.stderr); print(");
    program(&bench, "leaky", &text);
    let (before, key) = (bench.snapshot("demo"), fs::read_to_string(bench.path("release.key")).expect("a key"));
    let run = sign(&bench, "exec:./leaky");
    assert!(run.refused(1, "signer_failed").error_line().contains("printed a private key"), "{run:?}");
    assert!(!run.stderr.contains(key.lines().nth(1).expect("a body")), "{run:?}");
    assert_eq!(bench.snapshot("demo"), before);
}

#[test]
fn a_program_that_signs_with_another_key_is_a_refusal_of_trust() {
    let bench = bench();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let text = reference().replace("\"-inkey\", KEY", "\"-inkey\", \"other.key\"");
    program(&bench, "mistaken", &text);
    let before = bench.snapshot("demo");
    let run = sign(&bench, "exec:./mistaken");
    assert!(run.refused(3, "signer_mismatch").stderr.contains("expected: a signature by SHA256:"), "{run:?}");
    assert_eq!(bench.snapshot("demo"), before);
}

#[test]
fn what_is_no_program_is_refused_with_what_to_write() {
    let bench = bench();
    bench.write("not-executable", "#!/bin/sh\n");
    for (signer, code, reason, hint) in [
        ("exec:", 2, "usage", "write `exec:` and the path"),
        ("exec:./nowhere", 1, "signer_failed", "the path of the program"),
        ("exec:./sign --key prod", 1, "signer_failed", "write a small script"),
        ("exec:./not-executable", 1, "signer_failed", "aisoc help signing-keys"),
        ("exec:/", 1, "signer_failed", "aisoc help signing-keys"),
    ] {
        let run = sign(&bench, signer);
        assert!(run.refused(code, reason).stderr.contains(hint), "{signer}: {run:?}");
    }
}

#[test]
fn ctrl_c_ends_the_program_that_is_waited_for() {
    let bench = bench();
    program(&bench, "hangs", "#!/bin/sh\necho $$ > began.new; mv began.new began; sleep 60\n");
    let mut child = bench.command(&["plugin", "sign", "demo", "--private-key", "exec:./hangs"]);
    let child = child.stderr(std::process::Stdio::piped()).spawn().expect("starts");
    let began = Instant::now();
    while !bench.path("began").exists() {
        assert!(began.elapsed() < Duration::from_secs(20), "it never began");
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("sent");
    assert_eq!(child.wait_with_output().expect("ended").status.code(), Some(130));
    let number = fs::read_to_string(bench.path("began")).expect("a number");
    assert!(!fs::exists(format!("/proc/{}", number.trim())).expect("known"), "it still runs");
}

#[test]
fn the_ssh_agent_signs_by_either_fingerprint() {
    let bench = bench();
    let Some(run) = with_agent(&bench, "aisoc plugin sign demo --private-key ssh-agent:$f --json") else { return };
    let answer: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    let own = answer["signing_key_fingerprint"].as_str().expect("a fingerprint").to_owned();
    let line = format!("aisoc plugin release demo oci:out:0.1.0 --private-key ssh-agent:{own}");
    assert!(with_agent(&bench, &line).expect("an agent").ok().stderr.contains(&format!("Signed demo as {own}")));
    // The same key by both names is one key.
    let twice = format!("{line} --private-key ssh-agent:$f");
    let run = with_agent(&bench, &twice).expect("an agent");
    assert!(run.refused(2, "usage").error_line().contains("the same key twice"), "{run:?}");
}

#[test]
fn an_agent_that_does_not_sign_says_why_and_which_keys_there_are() {
    let bench = bench();
    let before = bench.snapshot("demo");
    let sign = "aisoc plugin sign demo --private-key ssh-agent:";
    let other = "SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8";
    for (line, code, reason, words) in [
        (format!("{sign}{other}"), 1, "signer_failed", "found:    SHA256:"),
        (format!("{sign}{other}"), 1, "signer_failed", " (work)\n"),
        (format!("ssh-add -q -D; {sign}$f"), 1, "signer_failed", "no key at all, as an agent that is locked"),
        (format!("{sign}work"), 2, "usage", "`ssh-add -l` lists the keys"),
        (sign.to_owned(), 2, "usage", "is no fingerprint of a key"),
        (format!("unset SSH_AUTH_SOCK; {sign}$f"), 1, "signer_failed", "SSH_AUTH_SOCK is not set"),
        (format!("SSH_AUTH_SOCK=nowhere; {sign}$f"), 4, "signer_unavailable", "no SSH agent answers at `nowhere`"),
    ] {
        let line = line.replace(
            "unset SSH_AUTH_SOCK; ",
            "a=$SSH_AUTH_SOCK; trap 'kill $SSH_AGENT_PID' EXIT; unset SSH_AUTH_SOCK; ",
        );
        let Some(run) = with_agent(&bench, &line) else { return };
        assert!(run.refused(code, reason).stderr.contains(words), "{line}: {run:?}");
        assert!(!run.stderr.contains("[redacted]"), "{run:?}");
    }
    assert_eq!(bench.snapshot("demo"), before);
}

/// As a token would sign the plugin.
fn with_token(bench: &Bench, words: &[&str]) -> Run {
    signers::with_token(bench, &["plugin", "sign", "demo", "--private-key"], words)
}

#[test]
fn a_token_is_asked_through_a_program_beside_this_one_with_the_pin_in_a_pipe() {
    let bench = bench();
    bench.write("pin.key", "1234\n");
    with_token(&bench, &[TOKEN, "--passphrase", "env:PIN"]).ok();
    bench.run(&["plugin", "verify", "demo", "--trusted-keys", "release.pem"]).ok();
    with_token(&bench, &[&format!("{TOKEN}&pin-source=env:PIN")]).ok();
    with_token(&bench, &[&format!("{TOKEN}&pin-source=file:{}", bench.path("pin.key").display())]).ok();
}

#[test]
fn a_token_that_cannot_be_asked_is_refused_and_no_pin_is_shown() {
    let bench = bench();
    for (words, code, reason, says) in [
        (&[TOKEN, "--passphrase", "env:WRONG"][..], 1, "signer_failed", "caused by: the PIN is wrong"),
        (&[TOKEN], 1, "passphrase_invalid", "the token needs a passphrase"),
        (&[&format!("{TOKEN}&pin-value=hunter2")], 2, "usage", "shows the PIN"),
        (&[&format!("{TOKEN}&pin-source=%7Ccat")], 2, "usage", "none that is read here"),
        (&[&format!("{TOKEN}&pin-source=env:PIN"), "--passphrase", "env:PIN"], 2, "usage", "`--passphrase`"),
        (&["pkcs11:token=release?module-path=/m.so"], 2, "usage", "names no key"),
    ] {
        let run = with_token(&bench, words);
        assert!(run.refused(code, reason).stderr.contains(says), "{words:?}: {run:?}");
        assert!(!run.stderr.contains("hunter2") && !run.stderr.contains("1234"), "{run:?}");
    }
    fs::remove_file(bench.path("aisoc-pkcs11")).expect("removed");
    let mut command = Command::new(bench.path("aisoc"));
    command
        .args(["plugin", "sign", "demo", "--private-key", TOKEN])
        .current_dir(bench.path("."))
        .env("PATH", "/nowhere");
    let run = Run::of(&mut command);
    assert!(run.refused(1, "signer_failed").stderr.contains("cargo install --path pkcs11-signer"), "{run:?}");
}
