//! What a stopped command leaves: nothing that stays, and nothing that is half.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
    bench.write("layout/.ingest-killed/file-1", "half a blob");
    bench.write(".aisoc-package-killed/content/layout/oci-layout", "{}");
    for name in ["layout/.ingest-killed", ".aisoc-package-killed"] {
        bench.abandon(name);
    }
    bench.run(&package).ok();
    assert_eq!(bench.snapshot("layout"), whole);
    assert_eq!(names(&bench), before);
}

#[test]
fn signing_again_removes_what_a_killed_run_left() {
    let bench = signed();
    let whole = bench.snapshot("demo");
    for place in ["demo/.aisoc-sign-killed", "demo/plugin.sig.d/.aisoc-sign-killed"] {
        bench.write(&format!("{place}/file-1"), "half a signature");
        bench.abandon(place);
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

const PLACES: [&str; 4] = ["--trusted-keys", "keys", "--plugins-dir", "plugins"];

#[test]
fn an_upgrade_that_is_told_to_stop_at_any_time_once_or_twice_is_made_or_not() {
    let bench = signed();
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    for version in ["0.1.0", "0.2.0"] {
        let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
        bench.write("demo/plugin.yaml", manifest.replace("version: \"0.1.0\"", &format!("version: \"{version}\"")));
        bench.sign("demo").ok();
        bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", &format!("{version}.tar")]).ok();
    }
    let words = [&["plugin", "install", "oci-archive:0.2.0.tar"][..], &PLACES].concat();
    let reset = || {
        let _ = fs::remove_dir_all(bench.path("plugins"));
        bench.install("oci-archive:0.1.0.tar").ok();
    };
    reset();
    let begin = Instant::now();
    bench.run(&words).ok();
    let takes = begin.elapsed();
    let mut outcomes = [0, 0];
    for step in 0..40 {
        reset();
        let child = bench.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("started");
        thread::sleep(takes * step / 40);
        let signals = [&["-INT", "-TERM"][..], &["-INT"], &["-TERM"], &["-INT", "-INT"]][step as usize % 4];
        for signal in signals {
            // It may have ended meanwhile, which is as good.
            let _ = Command::new("kill").args([*signal, &child.id().to_string()]).stderr(Stdio::null()).status();
            thread::sleep(Duration::from_millis(1));
        }
        let output = child.wait_with_output().expect("ended");
        let list = bench.run(&[&["plugin", "list"][..], &PLACES].concat());
        let is_new = list.ok().stdout.contains("demo  0.2.0    verified");
        assert!(is_new || list.stdout.contains("demo  0.1.0    verified"), "step {step}: {list:?} {output:?}");
        match output.status.code() {
            Some(0) => assert!(is_new, "step {step}: {output:?}"),
            Some(130) => assert!(!is_new, "step {step}: {output:?}"),
            // So early that nobody listened, or by the second signal.
            code => assert_eq!(code, None, "step {step}: {output:?}"),
        }
        outcomes[usize::from(is_new)] += 1;
        bench.run(&words).ok();
        let left: Vec<_> = fs::read_dir(bench.path("plugins")).expect("listed").flatten().collect();
        assert_eq!(left.len(), 2, "step {step}: the plugin and ours: {left:?}");
    }
    assert!(outcomes[0] > 0, "it was never stopped in time: {outcomes:?}");
}
