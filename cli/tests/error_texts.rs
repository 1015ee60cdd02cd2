//! The words of refusals, as a user reads them: exit code, stdout and stderr of one bad command each,
//! compared with `testdata/golden/errors.txt`. To accept new words, run the test with
//! `AISOC_ACCEPT_GOLDEN=1` and read the difference.

mod support;

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use support::{Bench, copy_tree};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/golden/errors.txt");
const VECTORS: &str = include_str!("../../testdata/vectors/public.json");
const MANIFEST: &str = "id: demo\nname: Demo\nversion: \"1.0.0\"\nplugin_type: enricher\ndescription: d\nauthor: a\n";

/// A bench on which every byte is known: the vectors' key A, and plugins that go wrong in one way each.
fn bench() -> Bench {
    let bench = Bench::new();
    let vectors: Value = serde_json::from_str(VECTORS).expect("JSON");
    let key = |name: &str, half: &str| vectors["keys"][name][half].as_str().expect("a key").to_owned();
    bench.write("a.key", key("A", "private_pem"));
    bench.write("keys/release.pem", key("A", "public_pem"));
    bench.write("other/somebody.pem", key("B", "public_pem"));
    bench.write("good/plugin.yaml", MANIFEST);
    bench.write("good/plugin.py", "class Plugin:\n    def run(self, payload, context):\n        return {}\n");
    bench.run(&["plugin", "sign", "--plugin-dir", "good", "--private-key", "a.key"]).ok();
    bench.run(&["plugin", "package", "--plugin-dir", "good", "--out", "good.tar"]).ok();
    for (name, file, content) in [
        ("tampered", "plugin.py", "import os\n"),
        ("malformed", "plugin.sig", "nonsense"),
        ("tab", "plugin.yaml", "id:\tdemo\n"),
        ("date", "plugin.yaml", "id: demo\nname: D\nversion: \"1\"\nplugin_type: enricher\nwhen: 2024-01-01\n"),
        ("ambiguous", "plugin.yaml", "id: demo\nname: D\nversion: 1.10\nplugin_type: enricher\nflag: yes\n"),
        ("fields", "plugin.yaml", "id: demo\n"),
        ("secret", ".env", "TOKEN=x\n"),
    ] {
        copy_tree(&bench.path("good"), &bench.path(name));
        bench.write(&format!("{name}/{file}"), content);
    }
    copy_tree(&bench.path("good"), &bench.path("unsigned"));
    fs::remove_file(bench.path("unsigned/plugin.sig")).expect("removed");
    bench.write("empty/README.md", "");
    for (name, label) in [("older.key", "EC PRIVATE KEY"), ("of-cosign.key", "ENCRYPTED SIGSTORE PRIVATE KEY")] {
        bench.write(name, format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n"));
    }
    bench.write("bom.json", "{\"bomFormat\": \"Other\"}");
    bench.write("twice.json", "{\"a\": 1, \"a\": 2}");
    bench.write("said.json", "{\"_type\": \"https://in-toto.io/Statement/v1\"}");
    bench
}

const COMMANDS: &[&[&str]] = &[
    &["plugin"],
    &["plugin", "sgin"],
    &["plugin", "install"],
    &["plugin", "install", "user:pw@host.example/x", "--keys", "keys"],
    &["plugin", "install", "a b", "--keys", "keys"],
    &["plugin", "install", "ghcr.io/x/y", "--keys", "keys"],
    &["plugin", "install", "169.254.169.254/x/y:1", "--keys", "keys"],
    &["plugin", "install", "oci:nowhere", "--keys", "keys"],
    &["plugin", "install", "oci-archive:good.tar", "--trusted-keys", "other", "--plugins-dir", "plugins"],
    &["plugin", "install", "oci-archive:good.tar", "--trusted-keys", "empty", "--plugins-dir", "plugins"],
    &["plugin", "install", "oci-archive:good.tar", "--trusted-keys", "nowhere", "--plugins-dir", "plugins"],
    &[
        "plugin",
        "install",
        "oci-archive:good.tar",
        "--require-digest",
        "sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "--keys",
        "keys",
    ],
    &["plugin", "verify", "tampered", "--keys", "keys"],
    &["plugin", "verify", "malformed", "--keys", "keys"],
    &["plugin", "verify", "unsigned", "--keys", "keys"],
    &["plugin", "verify", "good", "--keys", "keys", "--trust-mode", "yolo"],
    &["plugin", "digest", "tab"],
    &["plugin", "digest", "date"],
    &["plugin", "digest", "empty"],
    &["plugin", "sign", "--plugin-dir", "ambiguous", "--private-key", "a.key"],
    &["plugin", "sign", "--plugin-dir", "good", "--private-key", "keys/release.pem"],
    &["plugin", "sign", "--plugin-dir", "good", "--private-key", "nowhere.key"],
    &["plugin", "sign", "--plugin-dir", "good", "--private-key", "env:NOWHERE"],
    &["plugin", "package", "--plugin-dir", "fields", "--out", "x.tar"],
    &["plugin", "package", "--plugin-dir", "secret", "--out", "x.tar"],
    &["plugin", "package", "--plugin-dir", "tampered", "--out", "good.tar", "--check"],
    &["plugin", "validate", "ambiguous"],
    &["plugin", "validate", "good", "--profile", "nope"],
    &["plugin", "new", "../x", "--type", "enricher"],
    &["plugin", "new", "good", "--type", "enricher"],
    &["plugin", "keygen", "--out", "a"],
    &["plugin", "uninstall", "demo", "--plugins-dir", "plugins", "--yes"],
    &["plugin", "pull", "oci-archive:good.tar", "--out", "good"],
    &[
        "plugin",
        "attest",
        "oci-archive:good.tar",
        "--type",
        "bill",
        "--predicate",
        "bom.json",
        "--private-key",
        "a.key",
    ],
    &[
        "plugin",
        "attest",
        "oci-archive:good.tar",
        "--type",
        "sbom",
        "--predicate",
        "bom.json",
        "--private-key",
        "a.key",
    ],
    &[
        "plugin",
        "attest",
        "oci-archive:good.tar",
        "--type",
        "vex",
        "--predicate",
        "twice.json",
        "--private-key",
        "a.key",
    ],
    &["plugin", "attest", "oci-archive:good.tar", "--type", "slsa", "--predicate", "a.key", "--private-key", "a.key"],
    &[
        "plugin",
        "attest",
        "oci-archive:good.tar",
        "--type",
        "vex",
        "--predicate",
        "said.json",
        "--private-key",
        "a.key",
    ],
    &["plugin", "sign", "oci-archive:good.tar", "--cosign", "--private-key", "older.key"],
    &["plugin", "sign", "oci-archive:good.tar", "--cosign", "--private-key", "of-cosign.key"],
    &["plugin", "sign", "--cosign", "--private-key", "a.key"],
    &["plugin", "sign", "good", "--plain-http", "--private-key", "a.key"],
    &["reasons", "nope"],
    &["help", "nope"],
    &["plugin", "verify", "tampered", "--keys", "keys", "--json"],
];

#[test]
fn every_refusal_reads_as_agreed() {
    let bench = bench();
    let mut text = String::new();
    for words in COMMANDS {
        let run = bench.run(words);
        let _ = writeln!(text, "$ aisoc {}\nexit {}", words.join(" "), run.code);
        for line in run.stdout.lines().chain(run.stderr.lines()) {
            let _ = writeln!(text, "| {line}");
        }
        text.push('\n');
    }
    if std::env::var_os("AISOC_ACCEPT_GOLDEN").is_some() {
        fs::write(GOLDEN, &text).expect("written");
    }
    let golden = fs::read_to_string(GOLDEN).expect("the golden file");
    for (found, expected) in text.split("\n\n").zip(golden.split("\n\n")) {
        assert_eq!(found, expected);
    }
    assert_eq!(text.len(), golden.len());
}
