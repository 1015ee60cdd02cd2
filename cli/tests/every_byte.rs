//! Verified means every byte, at the command line: payloads behind a signature, beside it and in the
//! manifest, and what `sign` does about them.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use support::{Bench, Run};

fn verified(bench: &Bench) -> Run {
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"])
}

fn set_mode(bench: &Bench, name: &str, mode: u32) {
    fs::set_permissions(bench.path(name), fs::Permissions::from_mode(mode)).expect("set");
}

fn read(bench: &Bench, name: &str) -> String {
    fs::read_to_string(bench.path(name)).expect("read")
}

#[test]
fn a_payload_behind_a_valid_signature_is_no_signature() {
    let bench = Bench::new();
    bench.published();
    let signature = read(&bench, "demo/plugin.sig");
    let program: String = (0..200_000_u32).map(|line| format!("echo {}\n", line.wrapping_mul(2_654_435_761))).collect();
    let payload = format!("{signature:<1100}\n#!/bin/sh\n{program}");
    bench.write("demo/plugin.sig", &payload);
    set_mode(&bench, "demo/plugin.sig", 0o755);
    verified(&bench).refused(3, "signature_malformed");
    // No trust mode shows it as verified, and no way into a plugins directory takes it.
    let warned = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--trust-mode", "warn"]);
    assert!(warned.ok().stdout.starts_with("invalid"), "{warned:?}");
    let packed = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "payload.tar"]);
    packed.refused(3, "signature_malformed");
    bench.forge("demo", "payload.tar");
    bench.install("oci-archive:payload.tar").refused(3, "signature_malformed");
    assert!(!bench.path("plugins").exists());
}

#[test]
fn a_signature_in_another_form_is_verified_as_code_and_named() {
    let bench = Bench::new();
    bench.published();
    assert!(verified(&bench).ok().stdout.contains("coverage=full"));
    let signature = read(&bench, "demo/plugin.sig");
    bench.write("demo/plugin.sig", format!("{signature}\n"));
    let run = verified(&bench);
    assert!(run.ok().stdout.contains("coverage=code"), "{run:?}");
    assert!(run.stderr.contains("`plugin.sig`"), "{run:?}");
    let full = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--trust-coverage", "full"]);
    full.refused(3, "coverage_partial");
    assert!(full.error_line().contains("`plugin.sig`"), "{full:?}");
    bench.write("demo/plugin.sig", &signature);
    set_mode(&bench, "demo/plugin.sig", 0o755);
    assert!(verified(&bench).ok().stdout.contains("coverage=code"));
    // No other bit counts: umask and git change them.
    set_mode(&bench, "demo/plugin.sig", 0o600);
    assert!(verified(&bench).ok().stdout.contains("coverage=full"));
    set_mode(&bench, "demo/plugin.sig", 0o755);
    bench.sign("demo").ok();
    assert!(verified(&bench).ok().stdout.contains("coverage=full"), "signing again takes the bit away");
}

#[test]
fn a_program_beside_a_signature_of_the_code_alone_is_named() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/plugin.yaml", read(&bench, "demo/plugin.yaml").split("integrity:").next().expect("a manifest"));
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", "code"]).ok();
    let before = verified(&bench);
    bench.write("demo/plugin.sig.d/files", "#!/bin/sh\nevil\n".repeat(200_000));
    set_mode(&bench, "demo/plugin.sig.d/files", 0o755);
    let run = verified(&bench);
    run.refused(3, "coverage_partial");
    assert!(run.error_line().contains("`plugin.sig.d/files`"), "{before:?} {run:?}");
}

#[test]
fn signing_again_moves_an_old_statement_on() {
    let bench = Bench::new();
    bench.published();
    let manifest = read(&bench, "demo/plugin.yaml");
    let old = manifest.replace("aisoc.tree/v2", "aisoc.tree/v1");
    bench.write("demo/plugin.yaml", &old);
    verified(&bench).refused(3, "signature_invalid");
    bench.sign("demo").ok();
    assert_eq!(read(&bench, "demo/plugin.yaml"), manifest, "the same statement as before");
    assert!(verified(&bench).ok().stdout.contains("coverage=full"));
}

#[test]
fn an_empty_directory_is_neither_signed_nor_shipped() {
    let bench = Bench::new();
    bench.published();
    fs::create_dir_all(bench.path("demo/requests/below")).expect("made");
    let before = bench.snapshot("demo");
    for words in [
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"][..],
        &["plugin", "package", "--plugin-dir", "demo", "--out", "other.tar"],
        &["plugin", "release", "--plugin-dir", "demo", "--private-key", "release.key", "oci-archive:other.tar"],
    ] {
        let run = bench.run(words);
        run.refused(1, "forbidden_entry");
        assert!(run.error_line().contains("`requests/`"), "{run:?}");
    }
    assert_eq!(bench.snapshot("demo"), before);
    let run = verified(&bench);
    run.refused(3, "coverage_mismatch");
    assert!(run.error_line().contains("`requests/`"), "{run:?}");
}

/// `sign` makes the directory before the first file in it: killed in between, it must work again.
#[test]
fn signing_again_after_a_kill_is_not_stopped_by_our_own_empty_directory() {
    let bench = Bench::new();
    bench.published();
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    fs::create_dir(bench.path("demo/plugin.sig.d")).expect("made");
    bench.sign("demo").ok();
    assert!(verified(&bench).ok().stdout.contains("coverage=full"));
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    fs::create_dir(bench.path("demo/plugin.sig.d")).expect("made");
    let elsewhere = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"];
    bench.run(&[&elsewhere[..], &["--coverage", "code", "--out", "detached.sig"]].concat()).ok();
    assert!(!bench.path("demo/plugin.sig.d").exists(), "nothing is left of it when it would be empty");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "again.tar"]).ok();
}

#[test]
fn a_manifest_that_repeats_its_digits_is_refused_at_once() {
    let bench = Bench::new();
    bench.published();
    let manifest = read(&bench, "demo/plugin.yaml");
    let digits = manifest.rsplit('"').nth(1).expect("digits");
    bench.write("demo/plugin.yaml", format!("{manifest}{}", format!("# {digits}\n").repeat(3_500)));
    let started = std::time::Instant::now();
    bench.sign("demo").refused(3, "integrity_unknown");
    verified(&bench).refused(3, "integrity_unknown");
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_legacy_detection_without_its_rules_is_refused() {
    let bench = Bench::new();
    bench.published();
    let manifest = "id: rules\nname: R\nversion: \"1.0.0\"\nplugin_type: detection\nentry_point: rules/\n";
    bench.write("legacy/plugin.yaml", manifest);
    bench.write("legacy/README.md", "# R\n");
    bench.write("legacy/rules/a.yaml", "a: 1\n");
    let sign = ["plugin", "sign", "--plugin-dir", "legacy", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&sign).ok();
    let verify = || bench.run(&["plugin", "verify", "legacy", "--keys", "keys"]);
    verify().refused(3, "coverage_partial");
    bench.write("legacy/rules/a.yaml", "");
    verify().refused(3, "coverage_mismatch");
    bench.write("legacy/rules/a.md", "all rules are gone\n");
    verify().refused(3, "coverage_mismatch");
    fs::remove_dir_all(bench.path("legacy/rules")).expect("removed");
    let run = verify();
    run.refused(3, "coverage_mismatch");
    assert!(run.error_line().contains("`rules/`"), "{run:?}");
}
