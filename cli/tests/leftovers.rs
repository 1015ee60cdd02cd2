//! What a stopped command leaves: nothing that stays, and nothing that is half.

mod support;

use std::fs;
use std::process::Command;

use support::Bench;

/// A signed plugin `demo` with a file that does not compress.
fn signed() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    let noise: Vec<u8> = (0..40_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    bench.write("demo/model.bin", noise);
    bench.sign("demo").ok();
    bench
}

fn names(bench: &Bench) -> Vec<String> {
    let entries = fs::read_dir(bench.path(".")).expect("listed");
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

#[test]
fn packaging_again_mends_a_layout_and_removes_what_a_killed_run_left() {
    let bench = signed();
    let package = ["plugin", "package", "--plugin-dir", "demo", "--out", "layout"];
    bench.run(&package).ok();
    let (before, whole) = (names(&bench), bench.snapshot("layout"));
    for blob in fs::read_dir(bench.path("layout/blobs/sha256")).expect("listed").flatten() {
        let mut content = fs::read(blob.path()).expect("read");
        content[0] ^= 1;
        fs::write(blob.path(), content).expect("damaged");
    }
    bench.write("layout/.ingest-killed", "half a blob");
    bench.write(".aisoc-package-killed/layout/oci-layout", "{}");
    bench.run(&package).ok();
    assert_eq!(bench.snapshot("layout"), whole);
    assert_eq!(names(&bench), before);
}

#[test]
fn signing_again_removes_what_a_killed_run_left() {
    let bench = signed();
    let whole = bench.snapshot("demo");
    for place in ["demo/.aisoc-sign-killed", "demo/plugin.sig.d/.aisoc-sign-killed"] {
        bench.write(place, "half a signature");
    }
    bench.sign("demo").ok();
    assert_eq!(bench.snapshot("demo"), whole);
}

#[test]
fn a_package_that_cannot_be_written_leaves_nothing() {
    let bench = signed();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "whole.tar"]).ok();
    let archive = fs::metadata(bench.path("whole.tar")).expect("written").len();
    let before = names(&bench);
    // Room for the layer, which is smaller, and not for the archive: a file system's limit of one file.
    let limit = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", archive / 512 - 2);
    let words = ["plugin", "package", "--plugin-dir", "demo", "--out", "other.tar"];
    let package = bench.command(&words);
    let mut limited = Command::new("sh");
    limited.args(["-c", &limit, "sh"]).arg(package.get_program()).args(package.get_args());
    limited.current_dir(bench.path("."));
    let output = limited.output().expect("sh runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("error[io_error]: cannot write"), "{errors}");
    assert_eq!(names(&bench), before);
}
