//! Section A of the catalogue, as far as it is about kinds, names and modes of files: on the author's
//! bench, and in a tree that is installed.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Command;

use support::{Bench, Run};

/// What `list` says of the installed plugin, one line for its state and one for the reason.
fn listed(bench: &Bench) -> String {
    bench.run(&["plugin", "list", "--keys", "keys", "--plugins-dir", "plugins"]).ok().stdout.clone()
}

fn packaged(bench: &Bench) -> Run {
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "again.tar"])
}

/// Signing is refused for that reason, and neither a signature nor an artifact appears.
#[track_caller]
fn refuses_to_sign(bench: &Bench, reason: &str, word: &str) {
    let before = bench.snapshot("demo");
    let run = bench.sign("demo");
    assert!(run.refused(1, reason).error_line().contains(word), "{run:?}");
    assert_eq!(bench.snapshot("demo"), before);
    packaged(bench).refused(1, reason);
    assert!(!bench.path("again.tar").exists());
}

fn make_fifo(path: &std::path::Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo runs").success());
}

#[test]
fn an_installed_file_replaced_by_a_link_to_the_same_bytes() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    assert!(listed(&bench).contains("verified"));
    fs::rename(bench.path("plugins/demo/plugin.py"), bench.path("elsewhere.py")).expect("moved");
    symlink(bench.path("elsewhere.py"), bench.path("plugins/demo/plugin.py")).expect("linked");
    let list = listed(&bench);
    assert!(
        list.contains("tree_modified: `demo` was changed since it was installed: `plugin.py` is a symbolic link")
            && !list.contains("verified"),
        "{list}"
    );
}

#[test]
fn an_installed_directory_replaced_by_a_link() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/sub/helper.py", "VALUE = 1\n");
    bench.sign("demo").ok();
    packaged(&bench).ok();
    bench.install("oci-archive:again.tar").ok();
    fs::rename(bench.path("plugins/demo/sub"), bench.path("elsewhere")).expect("moved");
    symlink(bench.path("elsewhere"), bench.path("plugins/demo/sub")).expect("linked");
    let list = listed(&bench);
    assert!(
        list.contains("tree_modified: `demo` was changed since it was installed: `sub` is a symbolic link")
            && !list.contains("verified"),
        "{list}"
    );
}

#[test]
fn what_is_installed_is_a_copy_and_never_a_link() {
    let bench = Bench::new();
    bench.published();
    let outside = bench.write("outside.py", "VALUE = 1\n");
    fs::hard_link(&outside, bench.path("demo/helper.py")).expect("linked");
    bench.sign("demo").ok();
    packaged(&bench).ok();
    bench.install("oci-archive:again.tar").ok();
    fs::write(&outside, "VALUE = 'changed'\n").expect("written");
    let installed = bench.path("plugins/demo/helper.py");
    assert_eq!(fs::read_to_string(&installed).expect("there"), "VALUE = 1\n");
    assert_eq!(fs::metadata(&installed).expect("there").nlink(), 1);
    assert!(listed(&bench).contains("verified"));
}

#[test]
fn special_files_neither_hang_nor_pass() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    make_fifo(&bench.path("plugins/demo/x.py"));
    let list = listed(&bench);
    assert!(list.contains("tree_modified: `demo` was changed since it was installed: `x.py` is a FIFO"), "{list}");
    make_fifo(&bench.path("demo/x.py"));
    for run in [bench.sign("demo"), packaged(&bench)] {
        assert!(run.refused(1, "forbidden_entry").error_line().contains("is a FIFO"), "{run:?}");
    }
    assert!(!bench.path("again.tar").exists());
}

/// What a loader leaves in the tree at run time is not what was admitted, and the next look says so.
#[test]
fn bytecode_that_was_written_into_an_installed_tree() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    bench.write("plugins/demo/__pycache__/plugin.cpython-311.pyc", b"\x00poisoned");
    let list = listed(&bench);
    assert!(
        list.contains(
            "coverage_mismatch: the plugin is not what key `release` signed: `__pycache__/plugin.cpython-311.pyc`"
        ),
        "{list}"
    );
    assert!(!list.contains("verified"), "{list}");
    bench.install("oci-archive:demo.tar").ok();
    assert!(!bench.path("plugins/demo/__pycache__").exists(), "installing again mends it");
}

/// Runs as somebody who may not read everything: root may, and would see nothing to refuse.
fn sign_as_nobody(bench: &Bench) -> Option<Run> {
    let program = bench.path("aisoc");
    fs::copy(env!("CARGO_BIN_EXE_aisoc"), &program).expect("copied");
    fs::set_permissions(bench.path("."), fs::Permissions::from_mode(0o755)).expect("set");
    let is_root = fs::metadata(bench.path("demo")).expect("there").uid() == 0;
    if is_root {
        std::os::unix::fs::chown(bench.path("release.key"), Some(65534), None).expect("given away");
    }
    let mut command = if is_root { Command::new("setpriv") } else { Command::new("env") };
    if is_root {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.arg(program).args(["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"]);
    let output = command.current_dir(bench.path(".")).output().ok()?;
    Some(Run {
        code: output.status.code()?,
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    })
}

#[test]
fn a_directory_that_cannot_be_read_is_not_left_out_of_the_signature() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/sub/hidden.py", "VALUE = 1\n");
    fs::set_permissions(bench.path("demo/sub"), fs::Permissions::from_mode(0o700)).expect("set");
    if fs::metadata(bench.path("demo")).expect("there").uid() != 0 {
        fs::set_permissions(bench.path("demo/sub"), fs::Permissions::from_mode(0o000)).expect("set");
    }
    let before = bench.snapshot("demo");
    let Some(run) = sign_as_nobody(&bench) else {
        eprintln!("SKIPPED: setpriv is not here");
        return;
    };
    fs::set_permissions(bench.path("demo/sub"), fs::Permissions::from_mode(0o755)).expect("set");
    assert!(run.refused(1, "io_denied").error_line().contains("demo/sub"), "{run:?}");
    let after = bench.snapshot("demo");
    assert!(before.iter().all(|(path, content)| after.get(path) == Some(content)));
}

#[test]
fn modes_are_not_taken_over() {
    let bench = Bench::new();
    bench.published();
    let tool = bench.write("demo/tool.py", "x = 1\n");
    for bits in [0o4755, 0o2755] {
        fs::set_permissions(&tool, fs::Permissions::from_mode(bits)).expect("set");
        refuses_to_sign(&bench, "forbidden_entry", "`tool.py` runs as its owner or group");
    }
    for (name, mode) in [("tool.py", 0o777), ("data.txt", 0o666), ("closed.txt", 0o600), ("sticky.py", 0o1755)] {
        let path = bench.write(&format!("demo/{name}"), "x = 1\n");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }
    bench.sign("demo").ok();
    packaged(&bench).ok();
    bench.install("oci-archive:again.tar").ok();
    let mode = |name: &str| fs::metadata(bench.path("plugins/demo").join(name)).expect("there").mode() & 0o7777;
    let modes = ["tool.py", "data.txt", "closed.txt", "sticky.py", ""].map(mode);
    assert_eq!(modes, [0o755, 0o644, 0o644, 0o755, 0o755]);
}

#[test]
fn names_that_deceive_or_are_no_text_are_not_signed() {
    for name in [&b"a\nb.py"[..], b"\x1b[2J.py", "\u{202e}yp.x.py".as_bytes(), b"x\xff.py", b"a\\b.py"] {
        let bench = Bench::new();
        bench.published();
        fs::write(bench.path("demo").join(OsStr::from_bytes(name)), "").expect("written");
        let run = bench.sign("demo");
        run.refused(1, "forbidden_entry");
        assert!(run.stderr.bytes().all(|byte| byte == b'\n' || byte >= b' '), "{run:?}");
        packaged(&bench).refused(1, "forbidden_entry");
    }
}

#[test]
fn names_that_are_one_somewhere_are_not_signed() {
    for pair in [["rules.py", "Rules.py"], ["\u{e9}.py", "e\u{301}.py"]] {
        let bench = Bench::new();
        bench.published();
        for name in pair {
            bench.write(&format!("demo/{name}"), "");
        }
        refuses_to_sign(&bench, "forbidden_entry", "one name");
    }
}

/// The host signs such names, so signing them is no fault; shipping them is.
#[test]
fn names_that_windows_reads_otherwise_are_not_shipped() {
    for (name, word) in [("con.py", "device"), ("aux", "device"), ("x.py ", "blank or dot"), ("a:b", "colon")] {
        let bench = Bench::new();
        bench.published();
        bench.write(&format!("demo/{name}"), "");
        bench.sign("demo").ok();
        let run = packaged(&bench);
        assert!(run.refused(1, "forbidden_entry").error_line().contains(word), "{run:?}");
        assert!(!bench.path("again.tar").exists());
    }
}

#[test]
fn a_second_manifest_is_not_released() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/aisoc-plugin.json", "{\"id\": \"evil\"}");
    let run = bench.run(&["plugin", "validate", "demo"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("error[manifest_ambiguous]"), "{run:?}");
    let release = ["plugin", "release", "oci:layout:1", "--plugin-dir", "demo", "--private-key", "release.key"];
    let release = bench.run(&release);
    assert!(release.refused(1, "manifest_ambiguous").stdout.is_empty() && !bench.path("layout").exists());
}

#[test]
fn entry_points_that_lead_elsewhere_or_are_not_covered() {
    let bench = Bench::new();
    bench.published();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("a manifest");
    let kept: String =
        manifest.lines().filter(|line| !line.starts_with("entry_point")).map(|line| format!("{line}\n")).collect();
    for name in ["plugin.pyw", "run", "native.so"] {
        bench.write(&format!("demo/{name}"), "");
    }
    for entry_point in ["../../x.py", "/etc/passwd", "nowhere.py", "plugin.pyw", "run", "native.so"] {
        bench.write("demo/plugin.yaml", format!("{kept}entry_point: {entry_point}\n"));
        let run = bench.run(&["plugin", "validate", "demo"]);
        assert!(run.code == 1 && run.stderr.contains("error[entry_point_invalid]"), "{entry_point}: {run:?}");
    }
    symlink("/etc/passwd", bench.path("demo/linked.py")).expect("linked");
    bench.write("demo/plugin.yaml", format!("{kept}entry_point: linked.py\n"));
    refuses_to_sign(&bench, "forbidden_entry", "symbolic link");
}
