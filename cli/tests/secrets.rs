//! A private key that is typed, or that lies in a plugin, is neither shown nor shipped.

mod support;

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{Bench, Run};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.published();
    bench
}

fn pem(bench: &Bench) -> String {
    fs::read_to_string(bench.path("release.key")).expect("a key")
}

/// Every way in which somebody pastes a key: whole, its one line, its seed in base64 and in hexadecimal.
fn pasted(bench: &Bench) -> Vec<String> {
    let pem = pem(bench);
    let line = pem.lines().nth(1).expect("a body").to_owned();
    let seed = STANDARD.decode(&line).expect("base64")[16..].to_vec();
    let hex: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![pem.trim_end().replace('\n', " "), pem.clone(), line, STANDARD.encode(&seed), hex.to_uppercase(), hex]
}

/// Pieces of the key that no output may hold, whatever it does about the rest.
#[track_caller]
fn shows_nothing(run: &Run, bench: &Bench) {
    let said = format!("{}{}", run.stdout, run.stderr);
    let said = said.replace("\\n", "").replace(['\n', ' '], "");
    for secret in pasted(bench).iter().skip(2) {
        let tail = &secret[secret.len() - 20..];
        assert!(!said.contains(tail) && !said.contains(&secret[secret.len() / 2..]), "{tail} is in {run:?}");
    }
}

#[test]
fn a_key_that_is_typed_where_its_path_is_expected_is_never_echoed() {
    let bench = bench();
    for key in pasted(&bench) {
        let (option, variable, other) =
            (format!("--private-key={key}"), format!("env:{key}"), format!("--private-kye={key}"));
        let reference = "127.0.0.1:1/team/demo:1";
        for words in [
            &["plugin", "sign", "--plugin-dir", "demo", "--private-key", &key][..],
            &["plugin", "sign", "--plugin-dir", "demo", &option],
            &["plugin", "sign", "--plugin-dir", "demo", &other],
            &["plugin", "sign", "--plugin-dir", "demo", "--private-key", &variable],
            &["plugin", "sign", "--plugin-dir", "demo", "--add", &option],
            &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", &key],
            &["plugin", "release", "--plugin-dir", "demo", "--private-key", &key, reference],
            &["plugin", "release", "--plugin-dir", "demo", "--private-key", &variable, reference],
            &["plugin", "keygen", "--out", &key],
            &["keygen", "--out", "x", &key],
            &[&key],
            &["plugin", &key],
            &["plugin", "gc", "--keep", &key],
        ] {
            let run = bench.run(words);
            shows_nothing(run.refused(run.code, if run.code == 2 { "usage" } else { "key_invalid" }), &bench);
            assert!(matches!(run.code, 1 | 2), "{words:?}: {run:?}");
            shows_nothing(&bench.run(&[words, &["--json"]].concat()), &bench);
        }
    }
    let names: Vec<_> =
        fs::read_dir(bench.path("")).expect("listed").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 5, "no file was made under the name of a key: {names:?}");
}

#[test]
fn a_key_as_a_positional_argument_is_not_echoed_by_any_command() {
    let bench = bench();
    // 64 hexadecimal digits are a digest to every command but those that take a key.
    for key in pasted(&bench).into_iter().take(4) {
        for words in [
            &["plugin", "verify", &key][..],
            &["plugin", "inspect", &key],
            &["plugin", "install", &key],
            &["plugin", "push", &key, "x"],
            &["plugin", "pull", &key, "--out", "x"],
            &["plugin", "uninstall", &key],
            &["plugin", "validate", &key],
            &["plugin", "new", &key, "--type", "enricher"],
            &["plugin", "package", "--plugin-dir", &key, "--out", "x"],
            &["reasons", &key],
            &["help", &key],
            &["plugin", "verify", "demo", "--trust-mode", &key],
        ] {
            let run = bench.run(words);
            shows_nothing(run.refused(2, "usage"), &bench);
        }
    }
}

#[test]
fn a_key_in_a_variable_that_holds_something_else_is_not_echoed() {
    let bench = bench();
    let key = pem(&bench);
    let line = key.lines().nth(1).expect("a body").to_owned();
    for key in [key, line] {
        for variable in ["AISOC_PLUGINS_DIR", "PLUGIN_TRUSTED_KEYS_DIR"] {
            let run = bench.run_with(&["plugin", "list"], &[(variable, &key)]);
            shows_nothing(run.refused(2, "usage"), &bench);
        }
        for variable in
            ["PLUGIN_TRUST_MODE", "PLUGIN_TRUST_COVERAGE", "SOURCE_DATE_EPOCH", "AISOC_PYTHON", "ENVIRONMENT"]
        {
            for words in [
                &["plugin", "verify", "demo", "--keys", "keys"][..],
                &["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"],
                &["plugin", "validate", "demo", "--load"],
            ] {
                shows_nothing(&bench.run_with(words, &[(variable, &key)]), &bench);
            }
        }
    }
}

#[test]
fn a_value_that_names_no_file_is_not_quoted_and_a_file_is() {
    let bench = bench();
    let sign = |key: &str| bench.run(&["plugin", "sign", "--plugin-dir", "demo", "--private-key", key]);
    for value in ["correct-horse-battery", "env:correct-horse-battery", "env:", "env:a=b"] {
        let run = sign(value);
        assert!(!run.refused(1, "key_invalid").stderr.contains("horse"), "{run:?}");
    }
    bench.write("bad.key", "nothing");
    bench.write("large.key", vec![b'x'; (64 << 10) + 1]);
    bench.write("whole.key", [pem(&bench).into_bytes(), vec![b'\n'; (64 << 10) - pem(&bench).len()]].concat());
    assert!(sign("large.key").refused(1, "key_invalid").error_line().contains("`large.key` is larger"));
    sign("bad.key").refused(1, "key_invalid");
    sign("whole.key").ok();
    let run = bench.run_with(
        &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "env:RELEASE_KEY"],
        &[("RELEASE_KEY", &pem(&bench))],
    );
    shows_nothing(run.ok(), &bench);
}

#[test]
fn what_a_result_says_of_a_refusal_shows_no_token() {
    let bench = bench();
    let token = format!("ghp_{}", "16C7e42F292c6912E7710c838347Ae178B4a");
    let sources = [format!("oci-archive:{token}"), format!("oci-archive:{token}.tar")];
    let words = ["plugin", "install", &sources[0], &sources[1], "--trusted-keys", "release.pem"];
    for words in [words.to_vec(), [&words[..], &["--json"]].concat()] {
        let run = bench.run(&words);
        assert!(run.code == 1 && !format!("{run:?}").contains(&token), "{run:?}");
    }
}

#[test]
fn passwords_are_not_echoed() {
    let bench = bench();
    for words in [
        &["plugin", "push", "demo.tar", "me:hunter2hunter2@ghcr.io/x:1"][..],
        &["plugin", "push", "demo.tar", "https://me:hunter2hunter2@ghcr.io/x:1"],
        &["plugin", "push", "demo.tar", "x", "--password=hunter2hunter2"],
        &["plugin", "validate", "https://me:hunter2hunter2@ghcr.io/x"],
        &["plugin", "verify", "demo", "--trust-mode", "me:hunter2hunter2@ghcr.io"],
    ] {
        for words in [words.to_vec(), [words, &["--json"]].concat()] {
            let run = bench.run(&words);
            assert!(run.code != 0 && !format!("{run:?}").contains("hunter2"), "{run:?}");
        }
    }
}

/// What each file is, and how it looks.
fn planted(bench: &Bench) -> Vec<(&'static str, Vec<u8>)> {
    let key = pem(bench);
    let wide = |bytes: fn(u16) -> [u8; 2]| key.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let token = STANDARD.encode(key.as_bytes()).replace(['+', '/', '='], "a")[30..66].to_owned();
    vec![
        ("signing_key", b"x".to_vec()),
        ("release.key.bak", b"x".to_vec()),
        (".ssh/deploy", b"x".to_vec()),
        (".env.production", b"A=1\n".to_vec()),
        (".npmrc", b"a=b\n".to_vec()),
        (".netrc", b"x".to_vec()),
        (".aws/credentials", b"x".to_vec()),
        (".docker/config.json", b"{}".to_vec()),
        ("store.p12", b"x".to_vec()),
        ("certs/server.crt", key.clone().into_bytes()),
        ("helper.py", format!("KEY = '''{key}'''\n").into_bytes()),
        ("little.txt", wide(u16::to_le_bytes)),
        ("big.txt", wide(u16::to_be_bytes)),
        ("far.bin", [vec![b'x'; 3 << 20], key.clone().into_bytes()].concat()),
        ("border.bin", [vec![b'x'; (128 << 10) - 20], key.clone().into_bytes(), vec![b'x'; 1 << 20]].concat()),
        ("service.json", format!("{{\"private_key\": \"{}\"}}", key.replace('\n', "\\n")).into_bytes()),
        ("settings.toml", format!("token = 'ghp_{token}'\n").into_bytes()),
        ("__pycache__/kept.py", format!("# {key}").replace('\n', "\n# ").into_bytes()),
    ]
}

#[test]
fn what_looks_like_a_secret_is_neither_signed_nor_packed_nor_pushed() {
    let bench = bench();
    let registry = aisoc_testkit::registry::Registry::start();
    let reference = registry.reference("team/demo:1");
    for (path, content) in planted(&bench) {
        let file = bench.write(&format!("demo/{path}"), content);
        for words in [
            &["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key"][..],
            &["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"],
            &["plugin", "package", "--plugin-dir", "demo", "--out", "x"],
            &["plugin", "push", "demo", &reference],
            &["plugin", "release", "--plugin-dir", "demo", "--private-key", "release.key", &reference],
        ] {
            let run = bench.run(words);
            let line = run.refused(1, "forbidden_entry").error_line();
            assert!(line.contains(&format!("`{path}` looks like a secret")), "{path}: {run:?}");
            shows_nothing(&run, &bench);
        }
        let warned = bench.run(&["plugin", "validate", "demo"]);
        assert!(warned.ok().stderr.contains(path), "{warned:?}");
        fs::remove_file(&file).expect("removed");
        // Only an empty one goes: the next secret is to be the only thing that is wrong.
        let _ = fs::remove_dir(file.parent().expect("a parent"));
    }
    assert!(!bench.path("x.tar").exists() && !bench.path("x").exists());
    assert!(registry.requests().is_empty(), "{:?}", registry.requests());
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]).ok();
}

#[test]
fn a_secret_that_is_meant_to_be_public_is_allowed_by_its_path_and_a_reason() {
    let bench = bench();
    bench.write("demo/tests/a.key", "x");
    bench.write("demo/tests/b.txt", pem(&bench));
    let package = |words: &[&str]| {
        bench.run(&[&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar", "--json"], words].concat())
    };
    let both = ["--allow-secret", "tests/a.key", "--allow-secret", "tests/b.txt"];
    let refused = |words: &[&str], code: i32| {
        let run = package(words);
        assert!(run.code == code && !bench.path("x.tar").exists(), "{words:?}: {run:?}");
    };
    refused(&[&both[..2], &["--reason", "vectors"]].concat(), 1);
    refused(&both, 2);
    refused(&[&both[..], &["--reason", " \t"]].concat(), 2);
    refused(&["--reason", "vectors"], 2);
    for unknown in ["nowhere.key", "plugin.py", "tests", "tests/", "../a.key", "", "TESTS/A.KEY", "tests/*"] {
        refused(&[&both[..], &["--allow-secret", unknown, "--reason", "vectors"]].concat(), 2);
    }
    let sign = ["plugin", "sign", "--plugin-dir", "demo", "--private-key", "release.key", "--reason", "vectors"];
    let signed = bench.run(&[&sign[..], &both].concat());
    assert!(signed.ok().stderr.contains("`tests/b.txt` looks like a secret"), "{signed:?}");
    let run = package(&[&both[..], &["--reason", "vectors of the manual"]].concat());
    let json: serde_json::Value = serde_json::from_str(&run.ok().stdout).expect("JSON");
    assert_eq!(json["allowed_secrets"][0]["path"], "tests/a.key");
    assert_eq!(json["allowed_secrets"][1]["place"], "line 1");
    assert_eq!(json["allowed_secrets"][1]["reason"], "vectors of the manual");
    assert!(run.stderr.contains("vectors of the manual"), "{run:?}");
    shows_nothing(&run, &bench);
    bench
        .run(&["plugin", "push", "x.tar", "127.0.0.1:1/x:1", "--allow-secret", "a", "--reason", "b"])
        .refused(2, "usage");
    bench.run(&["plugin", "verify", "demo", "--keys", "keys", "--as-shipped"]).ok();
}

#[test]
fn drafts_of_killed_commands_are_never_packed() {
    let bench = bench();
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "clean.tar"]).ok();
    bench.write("demo/.aisoc-key-aB3dEf", pem(&bench));
    bench.write("demo/sub/.aisoc-sign-x", "x");
    bench.write("demo/.ingest-1/blob", "x");
    bench.write("demo/.aisoc-package-x/layout/oci-layout", "{}");
    bench.write("demo/.aisocignore", "!.aisoc-*\n!.ingest-*\n");
    bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "drafts.tar"]).ok();
    assert_eq!(fs::read(bench.path("clean.tar")).expect("packed"), fs::read(bench.path("drafts.tar")).expect("packed"));
    bench.write("demo/.aisoc-package-x/evil.py", "import os\n");
    let run = bench.run(&["plugin", "package", "--plugin-dir", "demo", "--out", "x.tar"]);
    assert!(run.refused(1, "forbidden_entry").error_line().contains("killed command"), "{run:?}");
}
