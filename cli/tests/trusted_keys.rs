//! Who may change what trusts: the trusted keys, the plugins directory, and every directory on the way to
//! them, for every command that reads them.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{Bench, Run};

/// What judges plugins, each with the keys of `keys`. The registry is not there, and is never asked.
const JUDGING: &[&[&str]] = &[
    &["plugin", "install", "oci-archive:demo.tar", "--plugins-dir", "plugins"],
    &["plugin", "install", "127.0.0.1:1/team/demo:1", "--plugins-dir", "plugins"],
    &["plugin", "rollback", "demo", "--plugins-dir", "plugins"],
    &["plugin", "verify", "demo"],
    &["plugin", "verify", "demo", "--as-shipped"],
    &["plugin", "verify", "demo", "--explain"],
    &["plugin", "verify", "oci-archive:demo.tar"],
    &["plugin", "verify", "127.0.0.1:1/team/demo:1"],
    &["plugin", "list", "--plugins-dir", "plugins"],
    &["plugins", "verify", "--plugins-dir", "plugins"],
    &["plugins", "verify", "demo", "--plugins-dir", "plugins"],
    &["keys", "sync", "none.keyset", "--name", "fleet", "--required-signatures", "1", "--plugins-dir", "plugins"],
];

/// Two versions of a plugin installed, so that there is one to go back to.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    bench.write("demo/README.md", "another version\n");
    bench.sign("demo").ok();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "demo.tar"]).ok();
    bench.install("oci-archive:demo.tar").ok();
    bench
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

fn refused_everywhere(bench: &Bench, reason: &str, named: &str) {
    let before = (bench.snapshot("plugins"), bench.snapshot("keys"));
    for words in JUDGING {
        for mode in ["strict", "warn"] {
            let run = bench.run(&[words, &["--trusted-keys", "keys", "--trust-mode", mode][..]].concat());
            assert!(run.refused(1, reason).error_line().contains(named), "{words:?}: {run:?}");
        }
        let run = bench.run(&[words, &["--trusted-keys", "keys", "--json"][..]].concat());
        let envelope: serde_json::Value = serde_json::from_str(&run.stderr).expect("an envelope");
        let code = &envelope["error"]["detail"]["reason_code"];
        assert_eq!((run.code, code.as_str(), run.stdout.as_str()), (1, Some(reason), ""), "{words:?}: no verdict");
    }
    assert_eq!((bench.snapshot("plugins"), bench.snapshot("keys")), before);
}

#[test]
fn keys_that_others_can_change_judge_nothing() {
    let bench = bench();
    set_mode(&bench.path("keys"), 0o777);
    refused_everywhere(&bench, "directory_insecure", "`keys` can be written by everybody (owner ");
}

#[test]
fn a_key_that_a_stranger_dropped_judges_nothing() {
    let bench = bench();
    bench.run(&["plugin", "keygen", "--out", "stranger"]).ok();
    fs::copy(bench.path("stranger.pem"), bench.path("keys/stranger.pem")).expect("copied");
    if std::os::unix::fs::chown(bench.path("keys/stranger.pem"), Some(12_345), None).is_err() {
        eprintln!("SKIPPED: only root gives files away");
        return;
    }
    refused_everywhere(&bench, "directory_insecure", "`keys/stranger.pem` belongs to another user (owner 12345, ");
}

#[test]
fn a_revocation_that_fits_no_key_or_cannot_be_read_judges_nothing() {
    let revoked = r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#;
    let bench = bench();
    bench.write("keys/Release.json", revoked);
    refused_everywhere(
        &bench,
        "key_note_invalid",
        "`keys/Release.json` may be a note on a key, and is the note of none",
    );
    fs::rename(bench.path("keys/Release.json"), bench.path("keys/release.json")).expect("renamed");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "key_revoked");
    bench.write("keys/release.json", format!("\u{feff}{revoked}"));
    fs::copy(bench.path("keys/release.pem"), bench.path("keys/copy.pem")).expect("copied");
    refused_everywhere(&bench, "key_note_invalid", "`keys/release.json` cannot be understood");
}

#[test]
fn a_revocation_under_the_name_of_a_copy_judges_nothing() {
    let bench = bench();
    for name in ["release.json.txt", "release.json (1)", "release.revoked", "release.\u{ff4a}\u{ff53}\u{ff4f}\u{ff4e}"]
    {
        let path = format!("keys/{name}");
        bench.write(&path, r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#);
        refused_everywhere(&bench, "key_note_invalid", &format!("`{path}` may be a note on a key"));
        fs::remove_file(bench.path(&path)).expect("removed");
    }
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).ok();
}

#[test]
fn a_key_that_has_expired_under_one_name_has_under_another() {
    let bench = bench();
    fs::copy(bench.path("keys/release.pem"), bench.path("keys/another.pem")).expect("copied");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).ok();
    bench.write("keys/release.json", r#"{"schema_version": 1, "not_after": "2026-01-01T00:00:00Z"}"#);
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "key_expired");
}

#[test]
fn a_public_key_with_its_private_half_behind_it_verifies_nothing() {
    let bench = bench();
    let halves = [bench.path("keys/release.pem"), bench.path("release.key")];
    let halves = halves.map(|path| fs::read(path).expect("there")).concat();
    fs::write(bench.path("keys/release.pem"), halves).expect("written");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert_eq!((run.code, run.stdout.contains("verified")), (3, false), "{run:?}");
    assert!(run.stderr.contains("holds a private key, which has no place on a host"), "{run:?}");
}

#[test]
fn root_is_not_told_to_take_a_home_from_its_user() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir(bench.path("home")).expect("made");
    fs::rename(bench.path("keys"), bench.path("home/keys")).expect("moved");
    if std::os::unix::fs::chown(bench.path("home"), Some(12_345), None).is_err() {
        eprintln!("SKIPPED: only root gives files away");
        return;
    }
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "home/keys"]);
    run.refused(1, "directory_insecure");
    assert!(!run.stderr.contains("chown"), "{run:?}");
    assert!(run.stderr.contains("copy what belongs there into a directory of root's"), "{run:?}");
}

#[test]
fn without_trust_no_keys_are_read() {
    let bench = bench();
    set_mode(&bench.path("keys"), 0o777);
    for words in [&["plugin", "verify", "demo"][..], &["plugins", "verify", "--plugins-dir", "plugins"]] {
        let run = bench.run(&[words, &["--keys", "keys", "--trust-mode", "disabled"][..]].concat());
        assert!(run.ok().stdout.contains("skipped"), "{run:?}");
    }
}

#[test]
fn a_plugins_directory_is_judged_with_the_way_to_it() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir_all(bench.path("open/below")).expect("made");
    symlink("open/below", bench.path("way")).expect("linked");
    for plugins in ["open/below/plugins", "way/plugins", "open/below/to/be/made"] {
        let install = || {
            let words = ["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", plugins];
            bench.run(&words)
        };
        install().ok();
        set_mode(&bench.path("open"), 0o777);
        let gc = bench.run(&["plugin", "gc", "--plugins-dir", plugins]);
        let uninstall = bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", plugins]);
        for run in [install(), gc, uninstall] {
            let named = run.refused(1, "directory_insecure").error_line();
            assert!(named.contains("`open` can be written by everybody (owner "), "{plugins}: {run:?}");
        }
        set_mode(&bench.path("open"), 0o755);
    }
    set_mode(&bench.path("open"), 0o777);
    let missing = "open/not/yet";
    let words = ["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", missing];
    bench.run(&words).refused(1, "directory_insecure");
    assert!(!bench.path("open/not").exists());
}

/// Runs a script of the shell in namespaces of its own, or nothing where that is not allowed.
fn apart(bench: &Bench, options: &[&str], script: &str) -> Option<Run> {
    let probe = Command::new("unshare").args(options).arg("true").output();
    probe.ok().filter(|probe| probe.status.success())?;
    let mut command = Command::new("unshare");
    command.args(options).args(["sh", "-euc", script, "sh", env!("CARGO_BIN_EXE_aisoc")]);
    let output = command.current_dir(bench.path(".")).output().expect("unshare runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let code = output.status.code().expect("no signal");
    Some(Run { code, stdout: text(output.stdout), stderr: text(output.stderr) })
}

/// A volume as a cluster mounts secrets: everybody's mode, links, and a link to a link.
const VOLUME: &str = "
mkdir volume
mount -t tmpfs -o mode=1777 none volume
mkdir volume/..2026
cp keys/release.pem volume/..2026/
chmod 0666 volume/..2026/release.pem
ln -s ..2026 volume/..data
ln -s ..data/release.pem volume/release.pem
";

#[test]
fn a_volume_of_secrets_is_trusted_when_nobody_can_write_it() {
    let bench = Bench::new();
    bench.published();
    let verify = "exec \"$1\" plugin verify demo --trusted-keys volume";
    let read_only = format!("{VOLUME}mount -o remount,ro none volume\n{verify}");
    let Some(run) = apart(&bench, &["--mount"], &read_only) else {
        eprintln!("SKIPPED: mounting is not allowed here");
        return;
    };
    assert!(run.ok().stdout.starts_with("verified key=release "), "{run:?}");
    fs::remove_dir(bench.path("volume")).expect("removed");
    let run = apart(&bench, &["--mount"], &format!("{VOLUME}{verify}")).expect("as before");
    run.refused(1, "directory_insecure");
    for named in ["`volume`", "`volume/..2026/release.pem`"] {
        assert!(run.error_line().contains(named), "{run:?}");
    }
}

#[test]
fn in_a_user_namespace_an_owner_that_may_be_anybody_is_not_trusted() {
    let bench = Bench::new();
    bench.published();
    // Without a map of users this process and all others look like one.
    let script = "exec \"$1\" plugin verify demo --trusted-keys keys";
    let Some(run) = apart(&bench, &["--user"], script) else {
        eprintln!("SKIPPED: user namespaces are not allowed here");
        return;
    };
    let line = run.refused(1, "directory_insecure").error_line();
    assert!(line.contains("belongs to a user that this user namespace does not know"), "{run:?}");
}

#[test]
fn a_revocation_that_is_still_to_come_is_said_and_a_key_that_does_not_count_yet_has_not_expired() {
    let bench = Bench::new();
    bench.published();
    let note = |member: &str| {
        bench.write("keys/release.json", format!("{{\"schema_version\": 1, \"{member}\": \"2999-01-01T00:00:00Z\"}}"));
    };
    note("revoked_at");
    for words in [
        &["plugin", "verify", "demo", "--keys", "keys"][..],
        &["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", "plugins"],
        &["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"],
    ] {
        let run = bench.run(words);
        assert!(
            run.ok().stderr.contains("warning[key_ends]: key `release` counts until 2999-01-01T00:00:00Z"),
            "{run:?}"
        );
    }
    // A key that lives for centuries is not spoken of each time; one that expires soon is.
    note("not_after");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert!(!run.ok().stderr.contains("key_ends"), "{run:?}");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(29 * 24);
    bench.write("keys/release.json", format!("{{\"schema_version\": 1, \"not_after\": \"{soon:.0}\"}}"));
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    let said = format!("warning[key_ends]: key `release` counts until {soon:.0}, when it expires");
    assert!(run.ok().stderr.contains(&said), "{run:?}");
    note("not_before");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert!(!run.refused(3, "key_not_yet_valid").stderr.contains("expired"), "{run:?}");
    assert!(run.stderr.contains("key `release` alone, which does not count before 2999-01-01T00:00:00Z"), "{run:?}");
}

#[test]
fn a_key_behind_another_is_named_where_it_is_asked_for_and_where_it_is_not() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "other"]).ok();
    let read = |name: &str| fs::read_to_string(bench.path(name)).expect("there");
    let (first, second) = (read("other.pem"), read("release.pem"));
    bench.write("keys/release.pem", format!("{first}{second}"));
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    let stderr = &run.refused(3, "untrusted_key").stderr;
    assert!(stderr.contains("signed by a key that is in `release.pem`, which is not used"), "{stderr}");
    assert!(!stderr.contains("none of the trusted keys"), "{stderr}");
    bench.write("keys/release.pem", format!("{second}{first}"));
    let run = bench.run(&["plugin", "install", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", "plugins"]);
    assert!(run.ok().stderr.contains("warning[key_not_used]: "), "{run:?}");
    // Which key is in a file that is none cannot be told, so it is not said that the key is not there.
    bench.write("keys/other.pem", &first);
    bench.write("keys/release.pem", "what was a key");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert!(!run.refused(3, "untrusted_key").stderr.contains("none of the trusted keys"), "{run:?}");
    assert!(run.stderr.contains("skipped release.pem"), "{run:?}");
}

/// As PEM of whatever label, with nothing but what says which algorithm it is.
fn other_key(label: &str, algorithm: &[u8]) -> String {
    let inner = [&[0x30, algorithm.len() as u8], algorithm, &[0x03, 3, 0, 4, 1]].concat();
    let der = [&[0x30, inner.len() as u8], &inner[..]].concat();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

#[test]
fn a_key_of_another_algorithm_is_named_and_breaks_no_other() {
    let bench = Bench::new();
    bench.published();
    let public = |algorithm: &[u8]| other_key("PUBLIC KEY", algorithm);
    let of_release = fs::read_to_string(bench.path("keys/release.pem")).expect("a key");
    let body = of_release.lines().nth(1).expect("base64");
    let ec = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let files = [
        ("0-rsa.pem", public(&[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00])),
        ("1-p256.pem", public(&[&ec[..], &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]].concat())),
        // SEC 2: secp112r1, which has 112 bits and which libraries refuse with an error of its own.
        ("2-secp112r1.pem", public(&[&ec[..], &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x06]].concat())),
        ("3-x25519.pem", public(&[0x06, 0x03, 0x2b, 0x65, 0x6e])),
        ("4-ed448.pem", public(&[0x06, 0x03, 0x2b, 0x65, 0x71])),
        ("5-unknown.pem", public(&[0x06, 0x03, 0x2a, 0x03, 0x04])),
        ("6-certificate.pem", other_key("CERTIFICATE", &[0x06, 0x03, 0x2b, 0x65, 0x70])),
        ("7-openssh.pub", format!("ssh-rsa {} ada@host\n", STANDARD.encode(b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01"))),
        ("8-bare.pem", format!("{body}\n")),
    ];
    for (name, content) in &files {
        bench.write(&format!("keys/{name}"), content);
    }
    fs::write(bench.path("keys/9-der.pem"), STANDARD.decode(body).expect("base64")).expect("written");
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert!(run.ok().stdout.starts_with("verified key=release "), "{run:?}");
    for name in files.iter().map(|(name, _)| *name).chain(["9-der.pem"]) {
        assert!(run.stderr.contains(&format!("{name}: error[key_invalid]")), "{name}: {run:?}");
    }
    // What stands around the one block, and how its lines end, is the host's way to read it.
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "no_trusted_keys");
    for text in [of_release.replace('\n', "\r\n"), format!("Ada's key\n{of_release}end\n")] {
        bench.write("keys/release.pem", text);
        bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).ok();
    }
}

#[test]
fn one_key_is_one_signer_under_however_many_names_and_in_however_many_signatures() {
    let bench = Bench::new();
    bench.published();
    let verify = |required: &str| bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--require", required]);
    verify("1").ok();
    for copy in ["copy.pem", "staged/release.pem", "retired/release.pub"] {
        let content = fs::read(bench.path("keys/release.pem")).expect("a key");
        bench.write(&format!("keys/{copy}"), content);
        verify("2").refused(3, "signers_too_few");
    }
    // The same key again, by a signature in a file of its own beside the first.
    bench.run(&["plugin", "sign", "demo", "--add", "--private-key", "release.key"]);
    let added = fs::read_dir(bench.path("demo/plugin.sig.d")).expect("signatures").count();
    assert!(bench.path("demo/plugin.sig").exists() && added > 0);
    verify("2").refused(3, "signers_too_few");
    verify("1").ok();
}

#[test]
fn fewer_than_one_signer_cannot_be_required() {
    let bench = Bench::new();
    bench.published();
    for required in ["0", "-1", "", "none", "18446744073709551616"] {
        let words = ["plugin", "verify", "demo", "--keys", "keys", &format!("--require={required}")];
        bench.run(&words).refused(2, "usage");
    }
}

/// Nobody has the private half of what is no point of the curve, and nobody waits for that to be asked of a thousand keys;
/// where nobody that is known has signed, it may be the key that was meant.
#[test]
fn a_key_that_is_no_point_is_named_where_it_may_be_the_one_that_was_meant() {
    let bench = Bench::new();
    bench.published();
    let nowhere = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
    bench.write("keys/nowhere.pem", nowhere);
    let verify = || bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    assert!(!verify().ok().stderr.contains("nowhere"));
    let listed = bench.run(&["keys", "list", "--keys", "keys"]);
    assert!(listed.stderr.contains("nowhere.pem") || listed.stdout.contains("nowhere.pem"), "{listed:?}");
    let said = bench.run(&["keys", "lint", "--keys", "keys"]);
    assert!(said.stdout.contains("nowhere.pem"), "{said:?}");
    fs::remove_file(bench.path("keys/release.pem")).expect("removed");
    let run = verify();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stderr.contains("nowhere.pem: error[key_invalid]: the key is not a point of the curve"), "{run:?}");
}
