//! The reader against the host's own reader, on documents that nobody wrote: a short run of
//! `checks/interop/differential.py`, which says what it compares. Without a Python that has PyYAML it is skipped.

use std::path::Path;
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn reads_what_the_host_reads() {
    let python = Command::new("python3").args(["-c", "import yaml"]).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        println!("skipped: there is no python3 with PyYAML to compare with");
        return;
    }
    // `target/PROFILE/deps/differential-…`, and beside `deps` the examples.
    let program = std::env::current_exe().expect("it runs");
    let profile = program.ancestors().nth(2).expect("a profile's directory");
    let build = if cfg!(debug_assertions) { "--profile=dev" } else { "--profile=release" };
    // A test that is run alone does not build the examples.
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package=aisoc-manifests", "--example=read_documents", build, "--target-dir"])
        .arg(profile.parent().expect("the target directory"))
        .current_dir(ROOT)
        .status();
    assert!(built.expect("cargo runs").success(), "the example does not build");

    let differential = Command::new("python3")
        .arg(Path::new(ROOT).join("checks/interop/differential.py"))
        .args(["--seed=1", "--manifests=1500", "--doubles=20000", "--reader"])
        .arg(profile.join("examples/read_documents"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("it ran a moment ago");
    let report = String::from_utf8_lossy(&differential.stdout);
    println!("{report}");
    assert!(differential.status.success(), "{report}{}", String::from_utf8_lossy(&differential.stderr));
    assert!(report.contains("manifests: 1500 read by both, 0 differ"), "{report}");
    assert!(report.contains("doubles: 40000 texts compared, 0 differ"), "{report}");
}
