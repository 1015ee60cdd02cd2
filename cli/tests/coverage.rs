//! What the host's own signature does not cover, and a signature of the whole tree does.
//!
//! For each way to change a signed plugin that the host does not notice: the digest that the host's
//! signature is over stays the same, and we refuse, by name, in a directory and in an artifact.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use support::{Bench, copy_tree};

/// A plugin with a helper and data, signed whole.
fn signed_whole() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/helper.py", "VALUE = 1\n");
    bench.write("demo/rules/block.yaml", "block: [a]\n");
    bench.write("demo/widget.html", "<p>ok</p>\n");
    bench.sign("demo").ok();
    bench
}

type Tamper = fn(&Path);

fn put(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, content).expect("written");
}

fn bytecode(flags: u8) -> Vec<u8> {
    // PEP 552: magic number, flags (0 timestamp, 1 unchecked hash, 3 checked hash), eight bytes of freshness.
    [&[0xa7, 0x0d, b'\r', b'\n', flags, 0, 0, 0][..], &[0; 8], b"code"].concat()
}

/// Each change, and the file that a refusal has to name.
const CHANGES: &[(&str, &str, Tamper)] = &[
    ("bytecode that is never checked", "__pycache__/plugin.cpython-311.pyc", |root| {
        put(root, "__pycache__/plugin.cpython-311.pyc", &bytecode(1));
    }),
    ("bytecode with a forged time", "__pycache__/plugin.cpython-312.pyc", |root| {
        put(root, "__pycache__/plugin.cpython-312.pyc", &bytecode(0));
    }),
    ("bytecode with a forged hash", "__pycache__/plugin.cpython-313.pyc", |root| {
        put(root, "__pycache__/plugin.cpython-313.pyc", &bytecode(3));
    }),
    ("native code beside a module", "helper.cpython-311-x86_64-linux-gnu.so", |root| {
        put(root, "helper.cpython-311-x86_64-linux-gnu.so", b"\x7fELF");
    }),
    ("native code under the stable name", "helper.abi3.so", |root| put(root, "helper.abi3.so", b"\x7fELF")),
    ("a package of native code instead of a module", "helper/__init__.so", |root| {
        put(root, "helper/__init__.so", b"\x7fELF");
    }),
    ("a package without source instead of a module", "helper/__init__.pyc", |root| {
        put(root, "helper/__init__.pyc", &bytecode(1));
    }),
    ("another entry point", "plugin.so", |root| put(root, "plugin.so", b"\x7fELF")),
    ("a module of the standard library", "colorsys.pyc", |root| put(root, "colorsys.pyc", &bytecode(1))),
    ("a start-up module", "sitecustomize.pyc", |root| put(root, "sitecustomize.pyc", &bytecode(1))),
    ("a start-up path file", "x.pth", |root| put(root, "x.pth", b"import os\n")),
    ("a changed rule", "rules/block.yaml", |root| put(root, "rules/block.yaml", b"block: []\n")),
    ("an added rule", "rules/allow.yaml", |root| put(root, "rules/allow.yaml", b"allow: [b]\n")),
    ("a removed rule", "rules/block.yaml", |root| fs::remove_dir_all(root.join("rules")).expect("removed")),
    ("a comment in the manifest", "plugin.yaml", |root| edit_manifest(root, |text| format!("# another\n{text}"))),
    ("a key before the one that counts", "plugin.yaml", |root| {
        edit_manifest(root, |text| format!("id: evil\nversion: \"9.9.9\"\n{text}"));
    }),
    ("other line ends in the manifest", "plugin.yaml", |root| edit_manifest(root, |text| text.replace('\n', "\r\n"))),
    ("a manifest that may be executed", "plugin.yaml", |root| {
        fs::set_permissions(root.join("plugin.yaml"), fs::Permissions::from_mode(0o755)).expect("set");
    }),
    ("an environment file", ".env", |root| put(root, ".env", b"TOKEN=1\n")),
    ("a changed page", "widget.html", |root| put(root, "widget.html", b"<script>x</script>\n")),
    ("a model", "model.pkl", |root| put(root, "model.pkl", b"cos\nsystem\n")),
    ("another build", "requirements.txt", |root| put(root, "requirements.txt", b"evil\n")),
    ("source of another language", "go/main.go", |root| put(root, "go/main.go", b"package main\n")),
    ("a second manifest", "aisoc-plugin.json", |root| put(root, "aisoc-plugin.json", b"{}")),
    ("Python in another case", "plugin.PY", |root| put(root, "plugin.PY", b"import os\n")),
    ("an archive to import from", "lib.zip", |root| put(root, "lib.zip", b"PK\x03\x04")),
    ("a file that may be executed", "widget.html", |root| {
        fs::set_permissions(root.join("widget.html"), fs::Permissions::from_mode(0o755)).expect("set");
    }),
    ("a key that no signature covers", "plugin.yaml", |root| {
        let manifest = fs::read_to_string(root.join("plugin.yaml")).expect("read");
        put(root, "plugin.yaml", format!("{manifest}trust: {{level: root}}\n").as_bytes());
    }),
    ("another list of files", "plugin.sig.d/files", |root| put(root, "plugin.sig.d/files", b"aisoc.tree/v2\n")),
];

fn edit_manifest(root: &Path, edit: impl Fn(&str) -> String) {
    let manifest = fs::read_to_string(root.join("plugin.yaml")).expect("read");
    put(root, "plugin.yaml", edit(&manifest).as_bytes());
}

/// Changes that only a directory can have: no artifact that we unpack holds them.
const DIRECTORY_CHANGES: &[(&str, &str, Tamper)] = &[
    ("a link to the same bytes", "helper.py", |root| {
        fs::rename(root.join("helper.py"), root.parent().expect("a parent").join("outside.py")).expect("moved");
        symlink("../outside.py", root.join("helper.py")).expect("linked");
    }),
    ("a linked directory", "vendor", |root| {
        put(root.parent().expect("a parent"), "elsewhere/x.py", b"import os\n");
        symlink("../elsewhere", root.join("vendor")).expect("linked");
    }),
    ("a FIFO with a module's name", "pipe.py", |root| {
        let made = std::process::Command::new("mkfifo").arg(root.join("pipe.py")).status().expect("mkfifo runs");
        assert!(made.success());
    }),
    ("a directory with a module's name", "late.py/__init__.pyc", |root| {
        put(root, "late.py/__init__.pyc", &bytecode(1));
    }),
    ("a file that runs as its owner", "helper.py", |root| {
        fs::set_permissions(root.join("helper.py"), fs::Permissions::from_mode(0o4644)).expect("set");
    }),
];

/// Directories without a file: an install makes none, and `package` refuses them.
const EMPTY_DIRECTORIES: &[(&str, &str, Tamper)] = &[
    ("an emptied directory", "rules/block.yaml", |root| {
        fs::remove_file(root.join("rules/block.yaml")).expect("removed")
    }),
    ("an added directory", "requests/", |root| fs::create_dir_all(root.join("requests/below")).expect("made")),
];

fn tampered(bench: &Bench, change: Tamper) -> String {
    let _ = fs::remove_dir_all(bench.path("tampered"));
    let _ = fs::remove_dir_all(bench.path("elsewhere"));
    copy_tree(&bench.path("demo"), &bench.path("tampered"));
    change(&bench.path("tampered"));
    bench.run(&["plugin", "digest", "tampered"]).ok().stdout.clone()
}

#[test]
fn every_change_that_the_host_does_not_notice_is_refused_by_name() {
    let bench = signed_whole();
    let digest = bench.run(&["plugin", "digest", "demo"]).ok().stdout.clone();
    for (name, file, change) in CHANGES.iter().chain(DIRECTORY_CHANGES).chain(EMPTY_DIRECTORIES) {
        assert_eq!(tampered(&bench, *change), digest, "{name}: the host would notice");
        let run = bench.run(&["plugin", "verify", "tampered", "--keys", "keys"]);
        run.refused(3, "coverage_mismatch");
        assert!(run.error_line().contains(&format!("`{file}")), "{name}: {run:?}");
        // No rule and no mode makes it verified; what an operator lets in says what it is.
        let code = bench.run(&["plugin", "verify", "tampered", "--keys", "keys", "--trust-coverage", "code"]);
        code.refused(3, "coverage_mismatch");
        let warned = bench.run(&["plugin", "verify", "tampered", "--keys", "keys", "--trust-mode", "warn"]);
        assert!(warned.ok().stdout.starts_with("invalid"), "{name}: {warned:?}");
    }
    println!("{} changes", CHANGES.len() + DIRECTORY_CHANGES.len() + EMPTY_DIRECTORIES.len());
}

#[test]
fn no_artifact_with_such_a_change_is_installed() {
    let bench = signed_whole();
    for (name, file, change) in CHANGES {
        tampered(&bench, *change);
        // Packed without the rules that leave caches out, as an attacker would.
        bench.write("tampered/.aisocignore", "!__pycache__/\n!*.pyc\n!.env\n");
        let packed = bench.run(&["plugin", "package", "--plugin-dir", "tampered", "--out", "tampered.tar"]);
        if matches!(*file, ".env" | "plugin.PY") {
            packed.refused(1, "forbidden_entry"); // Not even packed: a secret, and a second spelling.
            continue;
        }
        packed.refused(3, "coverage_mismatch");
        assert!(!bench.path("tampered.tar").exists(), "{name}: packed");
        fs::remove_file(bench.path("tampered/.aisocignore")).expect("removed");
        bench.forge("tampered", "tampered.tar");
        let run = bench.install("oci-archive:tampered.tar");
        run.refused(3, "coverage_mismatch");
        fs::remove_file(bench.path("tampered.tar")).expect("removed");
        assert!(run.error_line().contains(&format!("`{file}")), "{name}: {run:?}");
        assert!(!bench.path("plugins").exists(), "{name}: something was left");
    }
}

#[test]
fn a_signature_of_the_code_alone_is_refused_when_the_rest_could_run() {
    let bench = Bench::new();
    bench.published();
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", "code"];
    bench.write("demo/lib.so", "\u{7f}ELF");
    bench.run(&sign).refused(3, "coverage_mismatch");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    bench.write("demo/plugin.yaml", manifest.split("integrity:").next().expect("the author's part"));
    bench.run(&sign).ok();
    let run = bench.run(&["plugin", "verify", "demo", "--keys", "keys"]);
    run.refused(3, "coverage_partial");
    assert!(run.error_line().contains("`lib.so` (native code"), "{run:?}");
    let asked = ["plugin", "verify", "demo", "--keys", "keys", "--trust-coverage", "code"];
    assert!(bench.run(&asked).ok().stdout.starts_with("verified key=release coverage=code "));
    let by_variable = bench.run_with(&asked[..5], &[("PLUGIN_TRUST_COVERAGE", "code")]);
    by_variable.ok();
    let misspelt = bench.run_with(&asked[..5], &[("PLUGIN_TRUST_COVERAGE", "cod")]);
    assert!(misspelt.stderr.contains("falling back to full"), "{misspelt:?}");
    assert_eq!(misspelt.code, 3);
}

#[test]
fn a_plugin_that_was_signed_whole_is_not_replaced_by_one_that_is_not() {
    let bench = Bench::new();
    bench.published();
    bench.install("oci-archive:demo.tar").ok();
    let before = bench.snapshot("plugins");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    let stripped = manifest.split("integrity:").next().expect("the author's part").replace("0.1.0", "0.2.0");
    bench.write("demo/plugin.yaml", stripped);
    fs::remove_dir_all(bench.path("demo/plugin.sig.d")).expect("removed");
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&sign).ok();
    let package = ["plugin", "package", "--plugin-dir", "demo", "--out", "stripped.tar", "--trusted-keys", "keys"];
    bench.run(&package).ok();
    bench.install("oci-archive:stripped.tar").refused(3, "coverage_downgrade");
    let installed =
        |name: &str| bench.snapshot(name).into_iter().filter(|(path, _)| !path.ends_with("write.lock")).collect();
    let after: Vec<_> = installed("plugins");
    assert_eq!(after, before.into_iter().filter(|(path, _)| !path.ends_with("write.lock")).collect::<Vec<_>>());
}

#[test]
fn stripping_the_key_breaks_the_signature_everywhere() {
    let bench = signed_whole();
    let digest = bench.run(&["plugin", "digest", "demo"]).ok().stdout.clone();
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    bench.write("demo/plugin.yaml", manifest.split("integrity:").next().expect("the author's part"));
    assert_ne!(bench.run(&["plugin", "digest", "demo"]).ok().stdout, digest);
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "signature_invalid");
}

#[test]
fn signing_leaves_every_byte_of_the_author_alone_and_signing_again_changes_nothing() {
    let bench = Bench::new();
    bench.run(&["plugin", "new", "demo", "--type", "enricher"]).ok();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    let written = fs::read(bench.path("demo/plugin.yaml")).expect("read");
    bench.sign("demo").ok();
    let signed = bench.snapshot("demo");
    assert!(signed[&bench.path("demo/plugin.yaml")].starts_with(&written));
    bench.sign("demo").ok();
    assert_eq!(bench.snapshot("demo"), signed);
}

#[test]
fn a_manifest_in_json_is_signed_whole_too() {
    let bench = Bench::new();
    bench.published();
    let manifest = "{\n  \"id\": \"demo\",\n  \"name\": \"Demo\",\n  \"version\": \"1.0.0\",\n  \"plugin_type\": \"enricher\"\n}\n";
    bench.write("json/aisoc-plugin.json", manifest);
    bench.write("json/plugin.py", "class Plugin: pass\n");
    bench.write("json/data.bin", [0, 1, 2]);
    bench.sign("json").ok();
    let verify = ["plugin", "verify", "json", "--keys", "keys"];
    assert!(bench.run(&verify).ok().stdout.contains(" coverage=full "));
    bench.write("json/data.bin", [0, 1, 3]);
    bench.run(&verify).refused(3, "coverage_mismatch");
}

#[test]
fn a_plugin_without_python_is_covered_whole() {
    let bench = Bench::new();
    bench.published();
    bench.write("rules/plugin.yaml", "id: rules\nname: Rules\nversion: \"1.0.0\"\nplugin_type: detection\n");
    let files = ["rules/block.yaml", "model.pkl", "threats.sqlite", "page.html"];
    for file in files {
        bench.write(&format!("rules/{file}"), "as signed\n");
    }
    bench.sign("rules").ok();
    let verify = ["plugin", "verify", "rules", "--keys", "keys"];
    assert!(bench.run(&verify).ok().stdout.contains(" coverage=full "));
    let digest = bench.run(&["plugin", "digest", "rules"]).ok().stdout.clone();
    for file in files {
        bench.write(&format!("rules/{file}"), "swapped\n");
        assert_eq!(bench.run(&["plugin", "digest", "rules"]).ok().stdout, digest, "{file}: the host would notice");
        let run = bench.run(&verify);
        assert!(run.refused(3, "coverage_mismatch").error_line().contains(&format!("`{file}`")), "{run:?}");
        bench.write(&format!("rules/{file}"), "as signed\n");
    }
    let manifest = fs::read_to_string(bench.path("rules/plugin.yaml")).expect("read");
    bench.write("rules/plugin.yaml", manifest.split("integrity:").next().expect("the author's part"));
    let sign = ["plugin", "sign", "--plugin-dir", "rules", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&sign).ok();
    bench.run(&verify).refused(3, "coverage_partial");
}

#[test]
fn a_signature_of_the_code_alone_covers_no_link() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/helper.py", "VALUE = 1\n");
    let manifest = fs::read_to_string(bench.path("demo/plugin.yaml")).expect("read");
    bench.write("demo/plugin.yaml", manifest.split("integrity:").next().expect("the author's part"));
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--coverage", "code"];
    bench.run(&sign).ok();
    for (name, _, change) in &DIRECTORY_CHANGES[..2] {
        tampered(&bench, *change);
        let run = bench.run(&["plugin", "verify", "tampered", "--keys", "keys"]);
        run.refused(3, "coverage_partial");
        assert!(run.error_line().contains("(no regular file)"), "{name}: {run:?}");
    }
}

#[test]
fn a_rotation_has_no_moment_in_which_nobody_verifies() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "keygen", "--out", "next"]).ok();
    fs::create_dir(bench.path("next-keys")).expect("made");
    fs::copy(bench.path("next.pem"), bench.path("next-keys/next.pem")).expect("copied");
    let verify = |keys: &str| bench.run(&["plugin", "verify", "demo", "--keys", keys]);
    verify("next-keys").refused(3, "untrusted_key");
    let add = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "next.key", "--add"];
    bench.run(&add).ok();
    verify("keys").ok();
    verify("next-keys").ok();
    fs::copy(bench.path("next.pem"), bench.path("keys/next.pem")).expect("copied");
    let both = bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--require", "2"]);
    both.ok();
    bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--require", "3"]).refused(3, "signers_too_few");
    bench.write("keys/release.json", r#"{"schema_version": 1, "revoked_at": "2026-01-01T00:00:00Z"}"#);
    verify("keys").ok();
    fs::remove_file(bench.path("keys/next.pem")).expect("removed");
    verify("keys").refused(3, "key_revoked");
    // What nobody has signed cannot get one more signer.
    bench.write("demo/added.txt", "later\n");
    bench.run(&add).refused(3, "coverage_mismatch");
}

#[test]
fn an_author_verifies_what_is_shipped_and_not_what_lies_beside_it() {
    let bench = Bench::new();
    bench.published();
    bench.write("demo/__pycache__/plugin.cpython-311.pyc", bytecode(0));
    bench.run(&["plugin", "verify", "demo", "--keys", "keys"]).refused(3, "coverage_mismatch");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--as-shipped"]).ok();
    bench.run(&["plugin", "verify", "demo.tar", "--keys", "keys", "--as-shipped"]).refused(2, "usage");
}
