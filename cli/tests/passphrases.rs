//! Keys that need a passphrase: given by an option, or by the person at the terminal; never waited for without one.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::terminal::{CTRL_C, CTRL_D, Terminal};
use support::{Bench, Run};

const PASSPHRASE: &str = "correct horse 密 battery";

/// A plugin, `release.key` with a passphrase, and `open.key` without one.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "keygen", "--out", "open"]).ok();
    let words = ["plugin", "keygen", "--out", "release", "--encrypt", "--passphrase", "env:PASS"];
    bench.run_with(&words, &[("PASS", PASSPHRASE)]).ok();
    bench
}

fn sign(bench: &Bench, more: &[&str]) -> Run {
    let words = [&["plugin", "sign", "demo", "--private-key", "release.key"], more].concat();
    bench.run_with(&words, &[("PASS", PASSPHRASE), ("WRONG", "hunter2"), ("EMPTY", ""), ("LINE", "correct\n")])
}

fn says_no_secret(run: &Run) {
    for secret in ["hunter2", "battery"] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(secret), "{run:?}");
    }
}

#[test]
fn a_passphrase_comes_from_a_variable_a_file_or_a_descriptor() {
    let bench = bench();
    let text = fs::read_to_string(bench.path("release.key")).expect("a key");
    assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{text}");
    for end in ["", "\n", "\r\n"] {
        bench.write("passphrase.key", format!("{PASSPHRASE}{end}"));
        sign(&bench, &["--passphrase", "file:passphrase.key"]).ok();
    }
    sign(&bench, &["--passphrase", "env:PASS"]).ok();
    bench.run(&["plugin", "verify", "demo", "--trusted-keys", "release.pem"]).ok();
    let words = "plugin sign demo --private-key release.key --passphrase fd:7";
    for given in ["7<passphrase.key", "7<<<\"$PASS\"", "7< <(printf %s \"$PASS\")"] {
        let line = format!("{} {words} {given}", env!("CARGO_BIN_EXE_aisoc"));
        let mut shell = Command::new("bash");
        shell.args(["-c", &line]).current_dir(bench.path(".")).env("PASS", PASSPHRASE).stdin(Stdio::null());
        Run::of(&mut shell).ok();
    }
}

#[test]
fn each_wrong_passphrase_has_its_refusal_and_none_is_shown() {
    let bench = bench();
    bench.write("lax", PASSPHRASE);
    bench.write("long.key", "x".repeat(1025));
    let before = bench.snapshot("demo");
    for (source, code, reason, words) in [
        ("env:WRONG", 1, "passphrase_invalid", "does not open the private key of `release.key`"),
        ("env:LINE", 1, "passphrase_invalid", "does not open"),
        ("env:EMPTY", 1, "passphrase_invalid", "the passphrase is empty"),
        ("env:UNSET", 1, "passphrase_invalid", "is not set"),
        ("fd:97", 1, "passphrase_invalid", "cannot read the passphrase `/dev/fd/97`"),
        ("file:nowhere", 1, "passphrase_invalid", "cannot read the passphrase `nowhere`"),
        ("file:demo", 1, "passphrase_invalid", "is not a regular file"),
        ("file:long.key", 1, "passphrase_invalid", "larger than a passphrase"),
        ("file:lax", 1, "private_key_exposed", "the passphrase in `lax` can be read"),
        ("hunter2", 2, "usage", "names no place of a passphrase"),
        ("pass:hunter2", 2, "usage", "names no place of a passphrase"),
    ] {
        let run = sign(&bench, &["--passphrase", source]);
        assert!(run.refused(code, reason).error_line().contains(words), "{source}: {run:?}");
        says_no_secret(&run);
    }
    assert_eq!(bench.snapshot("demo"), before);
}

#[test]
fn without_a_terminal_nobody_is_asked_and_the_option_is_named() {
    let bench = bench();
    let began = Instant::now();
    for more in [&[][..], &["--json"]] {
        let run = sign(&bench, more);
        assert_eq!(run.code, 1, "{run:?}");
        for words in ["passphrase_invalid", "there is no terminal to ask", "--passphrase env:VARIABLE"] {
            assert!(run.stderr.contains(words), "{run:?}");
        }
    }
    let keygen = bench.run(&["plugin", "keygen", "--out", "new", "--encrypt"]);
    keygen.refused(1, "passphrase_invalid");
    assert!(!bench.path("new.key").exists() && !bench.path("new.pem").exists());
    assert!(began.elapsed() < Duration::from_secs(20), "something waited");
}

#[test]
fn several_keys_have_one_passphrase_or_each_its_own() {
    let bench = bench();
    let keygen = ["plugin", "keygen", "--out", "second", "--encrypt", "--passphrase", "env:WRONG"];
    bench.run_with(&keygen, &[("WRONG", "hunter2")]).ok();
    let release = |keys: &[&str], passphrases: &[&str]| {
        let mut words = vec!["plugin", "release", "demo", "oci:out:0.1.0", "--replace-tag"];
        words.extend(keys.iter().flat_map(|key| ["--private-key", key]));
        words.extend(passphrases.iter().flat_map(|source| ["--passphrase", source]));
        bench.run_with(&words, &[("PASS", PASSPHRASE), ("WRONG", "hunter2")])
    };
    release(&["release.key", "open.key", "second.key"], &["env:PASS", "env:WRONG"]).ok();
    release(&["open.key", "release.key"], &["env:PASS"]).ok();
    release(&["open.key"], &[]).ok();
    bench.run_with(
        &["plugin", "keygen", "--out", "third", "--encrypt", "--passphrase", "env:PASS"],
        &[("PASS", PASSPHRASE)],
    );
    // A pipe gives it once, and it counts for both.
    let line = format!(
        "{} plugin release demo oci:out:0.1.0 --replace-tag --private-key release.key --private-key third.key \
         --passphrase fd:7 7< <(printf %s \"$PASS\")",
        env!("CARGO_BIN_EXE_aisoc")
    );
    let mut shell = Command::new("bash");
    Run::of(shell.args(["-c", &line]).current_dir(bench.path(".")).env("PASS", PASSPHRASE)).ok();
    for (keys, passphrases, found) in [
        (&["open.key"][..], &["env:PASS"][..], "1"),
        (&["release.key", "open.key"], &["env:PASS", "env:WRONG"], "2"),
        (&["release.key"], &["env:PASS", "env:PASS"], "2"),
    ] {
        let run = release(keys, passphrases);
        assert!(run.refused(2, "usage").stderr.contains(&format!("  found:    {found}\n")), "{run:?}");
    }
    release(&["release.key", "second.key"], &["env:WRONG", "env:PASS"]).refused(1, "passphrase_invalid");
}

fn terminal(bench: &Bench, words: &str) -> Terminal {
    Terminal::run(&bench.path("."), 100, &format!("{} {words}", env!("CARGO_BIN_EXE_aisoc")))
}

const QUESTION: &str = "Passphrase of the private key of `release.key`: ";

#[test]
fn the_person_at_the_terminal_is_asked_and_sees_nothing_of_what_is_typed() {
    let bench = bench();
    let mut asked = terminal(&bench, "plugin sign demo --private-key release.key");
    asked.until(|sent| sent.contains(QUESTION));
    asked.press(&format!("{PASSPHRASE}\n"));
    let (code, sent) = asked.end();
    assert!(code == 0 && sent.contains("demo as SHA256:") && !sent.contains("battery"), "{code}: {sent}");
    // A key on standard input leaves nobody to ask.
    let piped = terminal(&bench, "plugin sign demo --private-key - <release.key");
    let (code, sent) = piped.end();
    assert!(code == 1 && sent.contains("there is no terminal to ask"), "{code}: {sent}");
}

#[test]
fn a_wrong_answer_none_and_ctrl_c_sign_nothing_and_give_the_terminal_back() {
    let bench = bench();
    let before = bench.snapshot("demo");
    for (keys, code, words) in [
        ("hunter2\n", 1, "does not open the private key of `release.key`"),
        ("\n", 1, "the passphrase is empty"),
        (CTRL_D, 1, "no whole line was typed"),
        (CTRL_C, 130, "interrupted"),
    ] {
        let program = env!("CARGO_BIN_EXE_aisoc");
        let line = format!("{program} plugin sign demo --private-key release.key; code=$?; stty -a; exit $code");
        let mut asked = Terminal::run(&bench.path("."), 100, &line);
        asked.until(|sent| sent.contains(QUESTION));
        asked.press(keys);
        let (ended, sent) = asked.end();
        assert!(ended == code && sent.contains(words), "{keys:?}: {ended}: {sent}");
        assert!(sent.contains(" echo ") && !sent.contains(" -echo ") && !sent.contains("hunter2"), "{sent}");
    }
    assert_eq!(bench.snapshot("demo"), before);
}

#[test]
fn a_new_passphrase_is_asked_for_twice() {
    let bench = bench();
    for (second, code) in [("hunter3\n", 1), ("hunter2\n", 0)] {
        let mut asked = terminal(&bench, "plugin keygen --out new --encrypt");
        asked.until(|sent| sent.contains("New passphrase of `new.key`: "));
        asked.press("hunter2\n");
        asked.until(|sent| sent.contains("The same again: "));
        asked.press(second);
        let (ended, sent) = asked.end();
        assert!(ended == code && !sent.contains("hunter"), "{ended}: {sent}");
        assert_eq!(bench.path("new.key").exists(), code == 0, "{sent}");
    }
    let words = ["plugin", "sign", "demo", "--private-key", "new.key", "--passphrase", "env:WRONG"];
    bench.run_with(&words, &[("WRONG", "hunter2")]).ok();
}

#[test]
fn openssl_reads_the_key_of_keygen_and_its_public_half_is_the_other_file() {
    let bench = bench();
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-in", "release.key", "-passin", "env:PASS", "-pubout"]).current_dir(bench.path("."));
    let Ok(output) = openssl.env("PASS", PASSPHRASE).output() else {
        eprintln!("SKIPPED: there is no openssl");
        return;
    };
    assert_eq!(output.stdout, fs::read(bench.path("release.pem")).expect("a key"), "{output:?}");
}
