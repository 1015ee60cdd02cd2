//! Section C of the catalogue, where files come in: signature files and signing keys that are not what
//! they are called, and keys that would be lost.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use support::{Bench, Run};

/// Longer than any of these commands takes; what hangs is killed, and fails the test.
const SECONDS: &str = "20";

fn within_time(bench: &Bench, words: &[&str]) -> Run {
    let output = Command::new("timeout")
        .arg(SECONDS)
        .arg(env!("CARGO_BIN_EXE_aisoc"))
        .args(words)
        .current_dir(bench.path("."))
        .stdin(Stdio::null())
        .output()
        .expect("timeout runs");
    Run {
        code: output.status.code().expect("no signal"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn verified(bench: &Bench) -> Run {
    within_time(bench, &["plugin", "verify", "demo", "--trusted-keys", "keys"])
}

fn make_fifo(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

#[test]
fn a_signature_taken_out_of_the_artifact() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let before = bench.snapshot("plugins");
    fs::remove_file(bench.path("demo/plugin.sig")).expect("removed");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "stripped.tar"]).refused(3, "unsigned");
    bench.forge("demo", "stripped.tar");
    bench.install("oci-archive:stripped.tar").refused(3, "unsigned");
    bench.run(&["plugin", "verify", "oci-archive:stripped.tar", "--trusted-keys", "keys"]).refused(3, "unsigned");
    assert_eq!(bench.snapshot("plugins"), before);
}

#[test]
fn a_signature_file_that_is_a_fifo_or_has_no_end() {
    let bench = Bench::new();
    bench.published();
    let signature = bench.path("demo/plugin.sig");
    fs::remove_file(&signature).expect("removed");
    make_fifo(&signature);
    verified(&bench).refused(3, "signature_malformed");
    within_time(&bench, &["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]).refused(1, "forbidden_entry");
    fs::remove_file(&signature).expect("removed");
    fs::File::create(&signature).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
    verified(&bench).refused(3, "signature_malformed");
    fs::remove_file(&signature).expect("removed");
    symlink("/dev/zero", &signature).expect("linked");
    verified(&bench).refused(3, "signature_malformed");
}

/// Verifying a directory reads what the host reads, links included; what is shipped has none.
#[test]
fn a_signature_file_that_is_a_link_is_not_shipped() {
    let bench = Bench::new();
    bench.published();
    fs::rename(bench.path("demo/plugin.sig"), bench.path("elsewhere.sig")).expect("moved");
    symlink(bench.path("elsewhere.sig"), bench.path("demo/plugin.sig")).expect("linked");
    let packaged = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]);
    assert!(packaged.refused(1, "forbidden_entry").error_line().contains("symbolic link"), "{packaged:?}");
    assert!(!bench.path("x.tar").exists());
    fs::remove_file(bench.path("elsewhere.sig")).expect("removed");
    verified(&bench).refused(3, "unsigned");
}

#[test]
fn a_signature_moved_to_another_plugin() {
    let bench = Bench::new();
    bench.published();
    support::copy_tree(&bench.path("demo"), &bench.path("other"));
    let manifest = fs::read_to_string(bench.path("other/plugin.yaml")).expect("a manifest");
    let renamed = |line: &str| if line.starts_with("id:") { "id: other\n".to_owned() } else { format!("{line}\n") };
    bench.write("other/plugin.yaml", manifest.lines().map(renamed).collect::<String>());
    bench.run(&["plugin", "package", "--plugin-dir", "other", "--out", "other.tar"]).refused(3, "coverage_mismatch");
    bench.forge("other", "other.tar");
    bench.install("oci-archive:other.tar").refused(3, "signature_invalid");
    assert!(!bench.path("plugins").exists());
}

/// Nobody may read a verdict into silence: what cannot be said is no success.
#[test]
fn a_verdict_that_cannot_be_written_is_no_success() {
    let bench = Bench::new();
    bench.published();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("there");
    let mut command = bench.command(&["plugin", "verify", "demo", "--trusted-keys", "keys"]);
    let status = command.stdout(full).stderr(Stdio::null()).status().expect("the binary runs");
    assert!(status.code().is_some_and(|code| code != 0), "{status}");
}

#[test]
fn signing_keys_that_are_no_key_files() {
    let bench = Bench::new();
    bench.published();
    make_fifo(&bench.path("fifo.key"));
    fs::create_dir(bench.path("directory.key")).expect("made");
    bench.write("empty.key", "");
    bench.write("large.key", vec![b'\n'; 100 << 10]);
    let block = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    bench.write("encrypted.key", block("ENCRYPTED PRIVATE KEY", "AAAA"));
    bench.write("old.key", format!("{}Proc-Type: 4,ENCRYPTED\n", block("RSA PRIVATE KEY", "AAAA")));
    bench.write("openssh.key", block("OPENSSH PRIVATE KEY", "AAAA"));
    // PKCS#8 of an X25519 key: the right form and length, the wrong algorithm.
    bench.write("x25519.key", block("PRIVATE KEY", "MC4CAQAwBQYDK2VuBCIEIEiCYgfbR4L1Lz8rUWIU6Sq8ikHGXKTxCT0yQh4mPmBK"));
    let before = bench.snapshot("demo");
    for (key, word) in [
        ("fifo.key", "not a regular file"),
        ("directory.key", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("empty.key", "is empty"),
        ("large.key", "larger than a key"),
        ("encrypted.key", "encrypted in a way that is not read"),
        ("old.key", "an RSA key"),
        ("openssh.key", "a private key of OpenSSH"),
        ("x25519.key", "an X25519 key"),
        ("keys/release.pem", "the public half"),
    ] {
        let run = within_time(&bench, &["plugin", "sign", "--plugin-dir", "demo", "--private-key", key]);
        assert!(run.refused(1, "key_invalid").error_line().contains(word), "{run:?}");
        assert_eq!(bench.snapshot("demo"), before, "{key}");
    }
}

/// `--private-key <(command)` is how a vault hands a key over without a file.
#[test]
fn a_key_from_a_pipe_of_the_shell_signs() {
    let bench = Bench::new();
    bench.published();
    let script =
        format!("{} plugin sign --plugin-dir demo --private-key <(cat release.key)", env!("CARGO_BIN_EXE_aisoc"));
    let output = Command::new("bash").arg("-c").arg(script).current_dir(bench.path(".")).output().expect("bash runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn keygen_leaves_what_is_there_alone() {
    for (present, make) in [
        ("release.key", (|bench| drop(bench.write("release.key", "mine"))) as fn(&Bench)),
        ("release.pem", |bench| drop(bench.write("release.pem", "mine"))),
        ("release.key", |bench| symlink("nowhere", bench.path("release.key")).expect("linked")),
        ("release.pem", |bench| symlink("nowhere", bench.path("release.pem")).expect("linked")),
        ("release.key", |bench| fs::create_dir(bench.path("release.key")).expect("made")),
    ] {
        let bench = Bench::new();
        make(&bench);
        let run = bench.run(&["plugin", "keygen", "--out", "release"]);
        assert!(run.refused(1, "key_exists").error_line().contains(present), "{run:?}");
        let names = fs::read_dir(bench.path(".")).expect("listed").count();
        assert_eq!(names, 1, "nothing was added beside {present}");
        assert!(!bench.path("nowhere").exists());
    }
}

#[test]
fn forced_keygen_replaces_both_halves() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "release", "--force"]).ok();
    bench.sign("demo").ok();
    verified(&bench).refused(3, "untrusted_key");
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    verified(&bench).ok();
}

#[test]
fn a_new_private_key_is_its_owners_whatever_the_umask() {
    for mask in ["000", "022", "077", "777"] {
        let bench = Bench::new();
        let script = format!("umask {mask}; exec {} plugin keygen --out k", env!("CARGO_BIN_EXE_aisoc"));
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).current_dir(bench.path(".")).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(shell.status().expect("sh runs").success(), "umask {mask}");
        let mode = |name: &str| fs::metadata(bench.path(name)).expect("there").permissions().mode() & 0o7777;
        assert_eq!([mode("k.key"), mode("k.pem")], [0o600, 0o644], "umask {mask}");
    }
}

#[test]
fn a_key_file_that_others_can_get_at_is_refused_with_the_fix() {
    let bench = Bench::new();
    bench.published();
    let set = |mode| fs::set_permissions(bench.path("release.key"), fs::Permissions::from_mode(mode)).expect("set");
    for mode in [0o600, 0o400, 0o700, 0o711] {
        set(mode);
        bench.sign("demo").ok();
    }
    let before = bench.snapshot("demo");
    for mode in [0o640, 0o604, 0o644, 0o620, 0o602, 0o666, 0o1644] {
        set(mode);
        let run = bench.sign("demo");
        run.refused(1, "private_key_exposed");
        let values = format!("  expected: mode {:04o}\n  found:    mode {mode:04o}\n", mode & !0o066);
        assert!(run.stderr.contains(&values) && run.stderr.contains("`chmod 600 release.key`"), "{run:?}");
        assert_eq!(bench.snapshot("demo"), before);
    }
    let text = fs::read_to_string(bench.path("release.key")).expect("there");
    let words = |source| ["plugin", "sign", "--plugin-dir", "demo", "--private-key", source];
    bench.run_with(&words("env:KEY"), &[("KEY", &text)]).ok();
    // The same file by another way is the same file; what a pipe holds was never in one.
    let key = || fs::File::open(bench.path("release.key")).expect("there");
    let run = Run::of(bench.command(&words("-")).stdin(key()));
    assert!(run.refused(1, "private_key_exposed").stderr.contains("/release.key`"), "{run:?}");
    symlink("release.key", bench.path("link.key")).expect("linked");
    bench.run(&words("link.key")).refused(1, "private_key_exposed");
    let mut piped = Command::new("sh");
    piped.args(["-c", "cat release.key | \"$0\" \"$@\"", env!("CARGO_BIN_EXE_aisoc")]);
    assert!(piped.args(words("-")).current_dir(bench.path(".")).status().expect("runs").success());
    // What the hint says mends it.
    set(0o600);
    bench.sign("demo").ok();
}

/// Only root can give a key away, and only then is there something to refuse.
#[test]
fn a_key_of_another_user_is_refused_and_one_of_roots_is_not() {
    let bench = Bench::new();
    bench.published();
    if std::os::unix::fs::chown(bench.path("release.key"), Some(12345), None).is_err() {
        eprintln!("SKIPPED: only root gives a file away");
        return;
    }
    let run = bench.sign("demo");
    assert!(run.refused(1, "private_key_exposed").stderr.contains("  found:    12345\n"), "{run:?}");
    assert!(run.stderr.contains("`chown \"$(id -u)\" release.key`"), "{run:?}");
}

/// A mount of a secret has a mode that nobody chose, and keeps everybody else out: Kubernetes' is in memory and
/// read-only, Docker's own for files of a host stands below `/run/secrets`.
#[test]
fn what_is_mounted_as_a_secret_signs_whatever_its_mode() {
    let bench = Bench::new();
    bench.published();
    let script = |mounts: &str, path: &str| {
        let sign = format!("{} plugin sign demo --private-key {path}", env!("CARGO_BIN_EXE_aisoc"));
        let text = format!("set -e; mkdir -p m; {mounts}; {sign}");
        Run::of(Command::new("unshare").args(["-m", "sh", "-c", &text]).current_dir(bench.path(".")))
    };
    if script("mount -t tmpfs none m", "release.key").code != 0 {
        eprintln!("SKIPPED: this user may mount nothing");
        return;
    }
    let kubernetes = "mount -t tmpfs none m; mkdir m/..1; cp release.key m/..1; ln -s ..1 m/..data; \
                      ln -s ..data/release.key m/tls.key; chmod 644 m/..1/release.key";
    script(&format!("{kubernetes}; mount -o remount,ro m"), "m/tls.key").ok();
    script(kubernetes, "m/tls.key").refused(1, "private_key_exposed");
    // Read-only alone is an image, which everybody can pull.
    let image = "cp release.key m/; chmod 644 m/release.key; mount --bind m m; mount -o remount,ro,bind m";
    script(image, "m/release.key").refused(1, "private_key_exposed");
    let place = "mount -t tmpfs none /run; mkdir -p /run/secrets; cp release.key /run/secrets/; \
                 chown 12345 /run/secrets/release.key; chmod 644 /run/secrets/release.key";
    script(place, "/run/secrets/release.key").ok();
    script(&format!("{place}; chmod 1777 /run/secrets"), "/run/secrets/release.key").refused(1, "private_key_exposed");
}
