//! Every word that a command takes, as the page of commands lists them: a path that is missing, and one that is no
//! UTF-8. What is new on that page is tried here without being written down again.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use support::{Bench, Run, workspace};

/// An option or a positional, as help shows it: its long name, empty for a positional, and what its value is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    option: String,
    value: String,
}

/// Command → the words that it takes. Groups of commands take none.
fn commands() -> BTreeMap<String, BTreeSet<Word>> {
    let page = std::fs::read_to_string(workspace::root().join("docs/commands.md")).expect("the page");
    let mut commands: BTreeMap<String, BTreeSet<Word>> = BTreeMap::new();
    for section in page.split("\n## aisoc ").skip(1) {
        let (name, help) = section.split_once('\n').expect("a title");
        if !help.contains("\nCommands:\n") {
            commands.insert(name.to_owned(), help.lines().filter_map(word).collect());
        }
    }
    commands
}

/// `      --ca-file <FILE>  …`, `  -o, --output-dir <DIR>  …`, `  <SOURCE>`, `  [DIR]  …`
fn word(line: &str) -> Option<Word> {
    let text = line.strip_prefix("  ")?.trim_start();
    let text = text
        .strip_prefix('-')
        .filter(|text| !text.starts_with('-'))
        .map_or(text, |short| short.split_once(", ").map_or(short, |(_, long)| long));
    let name = |text: &str| text.split([' ', '=']).next().unwrap_or_default().to_owned();
    let value =
        |text: &str| text.trim_start_matches(['<', '[']).split(['>', ']']).next().unwrap_or_default().to_owned();
    match text.split_once(['<', '[']) {
        Some((before, _)) if before.starts_with("--") && before.trim_end().len() == name(before).len() => {
            Some(Word { option: name(before), value: value(&text[before.len()..]) })
        }
        Some(("", _)) if text.ends_with([']', '>', '.']) || text.contains("  ") => {
            Some(Word { option: String::new(), value: value(text) })
        }
        _ if text.starts_with("--") => Some(Word { option: name(text.trim_end()), value: String::new() }),
        _ => None,
    }
}

/// A command line that is right but for the word that is tried, which stands where `?` does.
fn right(command: &str) -> &'static [&'static str] {
    match command {
        "plugin validate" | "plugin digest" | "plugin inspect" | "plugin sbom" => &["demo"],
        "plugin provenance" => {
            &["demo", "--source", "https://github.com/acme/x", "--commit", "0123456789abcdef0123456789abcdef01234567"]
        }
        "plugin sign" => &["--plugin-dir", "demo", "--private-key", "release.key"],
        "plugin verify" | "explain" | "plugin index" => &["demo", "--trusted-keys", "keys"],
        "plugins search" => &["demo", "--plugins-dir", "plugins"],
        "plugin package" => &["--plugin-dir", "demo", "--out", "out.tar"],
        "plugin push" => &["demo.tar", "oci:layout:1"],
        "copy" => &["oci-archive:demo.tar", "oci:layout:1"],
        "bundle export" => &["oci-archive:demo.tar", "--trusted-keys", "keys", "--out", "out.tar"],
        "bundle import" => &["fleet.tar", "--trusted-keys", "keys", "--plugins-dir", "made"],
        "plugin pull" => &["oci-archive:demo.tar", "--out", "pulled"],
        "plugin install" => &["oci-archive:demo.tar", "--trusted-keys", "keys", "--plugins-dir", "made"],
        "plugin list" | "plugins list" | "plugins verify" => &["--trusted-keys", "keys", "--plugins-dir", "plugins"],
        "plugins trust" => &["demo", "--reason", "x", "--plugins-dir", "plugins", "--trusted-keys", "keys"],
        "plugins untrust" => &["demo", "--reason", "x", "--plugins-dir", "plugins"],
        "plugins lock" => &["--from-installed", "--reason", "x", "--plugins-dir", "plugins"],
        "plugins lock push" => &[
            "out.lockset",
            "--name",
            "x",
            "--expires",
            "30d",
            "--private-key",
            "release.key",
            "--trusted-keys",
            "keys",
        ],
        "plugins lock pull" | "plugins sync" => &[
            "some.lockset",
            "--name",
            "x",
            "--required-signatures",
            "1",
            "--trusted-keys",
            "keys",
            "--plugins-dir",
            "plugins",
        ],
        "api list" | "api discover" | "api events" | "api hooks" => &["--url", "http://127.0.0.1:1"],
        "api fire" => &["audit_emit", "--url", "http://127.0.0.1:1"],
        "api get" | "api enable" | "api disable" | "api reload" | "api unload" | "api run" | "api rollback"
        | "api install" => &["shodan", "--url", "http://127.0.0.1:1"],
        "config policy explain" => &["plugin", "sign"],
        "config policy test" => &["cases.yml", "--policy", "policy.yml"],
        "trust policy explain" => &["demo"],
        "trust policy test" => &["cases.toml", "--trust-policy", "trust.toml"],
        "config policy validate" => &["policy.yml"],
        "token create" => &["monitor", "--role", "viewer", "--tokens", "tokens.json"],
        "registry login" => &["127.0.0.1:1", "-u", "me", "--password-stdin"],
        "registry logout" | "registry auth explain" => &["127.0.0.1:1"],
        "registry ls" => &["127.0.0.1:1"],
        "registry tags" => &["127.0.0.1:1/team/demo"],
        "registry delete" => &["127.0.0.1:1/team/demo:1", "--yes"],
        "registry whoami" => &["127.0.0.1:1", "--offline"],
        "token list" => &["--tokens", "tokens.json"],
        "token revoke" => &["monitor", "--tokens", "tokens.json"],
        "plugin rollback" => &["demo", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        "plugin uninstall" => &["demo", "--yes", "--plugins-dir", "plugins"],
        "plugin outdated" => &["demo", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        "plugin upgrade" => &["demo", "--yes", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        "plugin gc" => &["--plugins-dir", "plugins"],
        "plugins journal verify" | "plugins journal show" | "plugins journal export" => &["--plugins-dir", "plugins"],
        "keys journal verify" | "keys journal show" | "keys journal export" => &["--trusted-keys", "keys"],
        "keys lint" | "keys calendar" | "keys list" => &["--trusted-keys", "keys", "--plugins-dir", "plugins"],
        "keys fingerprint" => &["release.pem", "--trusted-keys", "keys"],
        "keys show" => &["release", "--trusted-keys", "keys", "--plugins-dir", "plugins"],
        "keys impact" => {
            &["release", "--registry", "oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", "plugins"]
        }
        "keys export" => {
            &["out.keyset", "--name", "x", "--expires", "30d", "--private-key", "release.key", "--trusted-keys", "keys"]
        }
        "keys sync" => &[
            "some.keyset",
            "--name",
            "x",
            "--required-signatures",
            "1",
            "--trusted-keys",
            "keys",
            "--plugins-dir",
            "plugins",
        ],
        "keys add" | "keys stage" => &["release.pem", "--id", "again", "--trusted-keys", "keys", "--reason", "x"],
        "keys retire" | "keys revoke" => {
            &["release", "--trusted-keys", "keys", "--reason", "x", "--plugins-dir", "plugins"]
        }
        "keys rotate" => &[
            "--new",
            "new.pem",
            "--retire",
            "release",
            "--overlap",
            "0d",
            "--registry",
            "oci-archive:demo.tar",
            "--reason",
            "x",
            "--trusted-keys",
            "keys",
            "--plugins-dir",
            "plugins",
        ],
        "keys promote" | "keys restore" => &["release", "--trusted-keys", "keys", "--reason", "x"],
        "keys endorse" => &["new.pem", "--private-key", "release.key", "--out", "oci:made:1"],
        "keys accept" => &["release.endorsement", "--trusted-keys", "keys", "--reason", "x"],
        "keys annotate" => &["release", "--owner", "Ada", "--trusted-keys", "keys", "--reason", "x"],
        "plugin release" => &["--plugin-dir", "demo", "oci:layout:2", "--private-key", "release.key"],
        "plugins usage" => &["demo"],
        "plugins describe" | "plugins diff" => &["oci-archive:demo.tar", "--keys", "keys", "--plugins-dir", "plugins"],
        "doctor" | "plugins doctor" => &["--keys", "keys", "--plugins-dir", "plugins"],
        "plugin resign" => &["oci-archive:demo.tar", "--private-key", "release.key", "--keys", "keys", "--tag", "new"],
        "plugin attest" => {
            &["oci-archive:demo.tar", "--type", "sbom", "--predicate", "sbom.json", "--private-key", "release.key"]
        }
        "plugin new" => &["fresh", "--type", "widget"],
        _ => &[],
    }
}

/// Where a path is made and not read.
const MADE: [&str; 3] = ["--out", "--output-dir", "--keep"];

fn names_a_path(word: &Word) -> bool {
    let is_path = word.value.split('|').any(|kind| ["DIR", "FILE", "PATH", "ARCHIVE", "LAYOUT"].contains(&kind));
    // A file of the plugin, by its path in it.
    (is_path || word.option == "--private-key") && word.option != "--allow-secret"
}

/// The right command line with that word's value in it.
fn with(command: &str, word: &Word, value: &OsStr) -> Vec<OsString> {
    let mut words: Vec<OsString> = right(command).iter().map(OsString::from).collect();
    let aliases = ["--trusted-keys", "--keys"];
    let is_it = |typed: &OsString| {
        *typed == *word.option
            || (aliases.contains(&word.option.as_str()) && aliases.iter().any(|alias| *typed == **alias))
    };
    match word.option.as_str() {
        // The first word that is no option is the positional.
        "" if words.first().is_some_and(|first| !first.as_bytes().starts_with(b"--")) => words[0] = value.to_owned(),
        "" => {
            let directory = words.iter().position(|word| *word == *"--plugin-dir");
            if let Some(at) = directory {
                words.drain(at..at + 2);
            }
            words.insert(0, value.to_owned());
        }
        option => match words.iter().position(is_it) {
            Some(at) => words[at + 1] = value.to_owned(),
            None => {
                // The option in place of the positional that says the same.
                words.retain(|word| option != "--plugin-dir" || *word != *"demo");
                words.extend([OsString::from(option), value.to_owned()]);
            }
        },
    }
    // A certificate is nothing without its key.
    let pair = ["--tls-certificate", "--tls-private-key"];
    if let Some(at) = pair.iter().position(|option| *option == word.option) {
        words.extend([OsString::from(pair[1 - at]), value.to_owned()]);
    }
    // Nor keys of an issuer without what it calls itself and this host.
    if word.option == "--jwks" {
        words.extend(["--jwt-issuer", "x", "--jwt-audience", "x"].map(OsString::from));
    }
    // Certificates are read for registries alone, and for hosts wherever they are named.
    if word.option == "--ca-file"
        && !command.starts_with("api ")
        && !command.starts_with("registry ")
        && !["serve", "plugin outdated", "plugin upgrade"].contains(&command)
    {
        let is_reference = |word: &OsString| word.as_bytes().starts_with(b"oci");
        let place = words.iter().position(is_reference).unwrap_or(0);
        words[place] = "localhost:1/team/demo:1".into();
    }
    command.split(' ').map(OsString::from).chain(words).collect()
}

fn run(bench: &Bench, words: &[OsString]) -> Run {
    let output = bench.command(&[]).args(words).stdin(std::process::Stdio::null()).output().expect("run");
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_path_that_is_missing_is_a_failure_of_what_was_given_wherever_it_is_named() {
    let mut tried = 0;
    for (command, words) in commands() {
        for word in words.iter().filter(|word| names_a_path(word)) {
            let is_made = MADE.contains(&word.option.as_str()) || command == "registry serve";
            let installs = ["plugin install", "plugins sync", "bundle import"].contains(&command.as_str());
            if is_made || (installs && word.option == "--plugins-dir") {
                continue;
            }
            // Who signs with a key reads nothing of what who signs without one is asked by: see `keyless.rs`.
            if command == "plugin attest" && ["--trusted-root", "--identity-token-file"].contains(&&*word.option) {
                continue;
            }
            let bench = Bench::new();
            bench.published();
            bench.run(&["plugin", "keygen", "--out", "new"]).ok();
            bench.install("oci-archive:demo.tar").ok();
            if command == "keys accept" {
                bench.run(&["plugin", "keygen", "--out", "next"]).ok();
                let out = ["--out", "release.endorsement"];
                bench.run(&[&["keys", "endorse", "next.pem", "--private-key", "release.key"], &out[..]].concat()).ok();
            }
            // Where there is nothing to ask, nobody reads how it would be reached.
            let mut registry = None;
            if ["plugin outdated", "plugin upgrade"].contains(&command.as_str()) && word.option == "--ca-file" {
                let serving = registry.insert(bench.registry());
                let reference = format!("{}/team/demo:0.1.0", serving.address);
                bench.run(&["plugin", "push", "demo.tar", &reference]).ok();
                bench.run(&["plugin", "uninstall", "demo", "--yes", "--plugins-dir", "plugins"]).ok();
                bench.install(&reference).ok();
            }
            if command == "bundle import" {
                bench.run(&["bundle", "export", "oci-archive:demo.tar", "--keys", "keys", "--out", "fleet.tar"]).ok();
            }
            if command == "plugins lock push" {
                bench.write("plugins.lock", "version = 1\n");
            }
            if command == "plugin attest" {
                bench.write("sbom.json", r#"{"bomFormat": "CycloneDX"}"#);
            }
            if command == "config policy test" {
                bench.write("policy.yml", "name: x\n");
            }
            if command == "trust policy test" {
                bench.write("trust.toml", "schema_version = 1\nrules = [{ name = \"all\", plugins = [\"**\"] }]\n");
            }
            let mut typed = with(&command, word, OsStr::new("nowhere/at-all"));
            // A directory is signed where it is; of an artifact a registry is asked.
            if command == "plugin sign" && word.option == "--ca-file" {
                let words = ["plugin", "sign", "localhost:1/team/demo:1", "--cosign", "--private-key", "release.key"];
                typed = words.iter().chain(&["--ca-file", "nowhere/at-all"]).map(OsString::from).collect();
            }
            // What proofs are judged by is read where one is required.
            let required: &[&str] = match word.option.as_str() {
                "--bundle" => &["--require", "sbom"],
                "--proof-key" => &["--require", "sbom", "--unlogged"],
                "--timestamp-root" if ["plugin sign", "plugin release", "plugin resign"].contains(&&*command) => {
                    &["--timestamp", "answer"]
                }
                "--trusted-root" => {
                    &["--require", "sbom", "--certificate-identity", "a", "--certificate-oidc-issuer", "b"]
                }
                _ => &[],
            };
            typed.extend(required.iter().map(OsString::from));
            let run = run(&bench, &typed);
            let context = format!("{typed:?} ({word:?}): {run:?}");
            // An installed plugin is looked for in a plugins directory by commands that take other things as well.
            if ["plugin verify", "plugin inspect", "explain"].contains(&command.as_str())
                && word.option == "--plugins-dir"
            {
                assert_eq!(run.code, 0, "{context}");
                continue;
            }
            // As capa does: a listing goes on, and says that there is no lock.
            if command == "plugins list" && word.option == "--plugins-lock" {
                assert!(run.code == 0 && run.stdout.contains("plugins.lock: (none"), "{context}");
                continue;
            }
            // Whoever has no login, or an empty password, is told so before a registry is asked.
            if ["registry login", "registry whoami"].contains(&command.as_str()) && word.option == "--ca-file" {
                assert!(run.code != 0 && run.stdout.is_empty(), "{context}");
                continue;
            }
            assert_eq!(run.code, 1, "{context}");
            // What stands where a private key is named may be one, and is not repeated.
            let is_named = run.stderr.contains("nowhere/at-all") || word.option == "--private-key";
            assert!(run.stdout.is_empty() && is_named, "{context}");
            tried += 1;
        }
    }
    assert!(tried >= 25, "{tried}");
}

#[test]
fn a_word_that_is_no_text_is_answered_wherever_it_stands() {
    let bench = Bench::new();
    let raw = OsStr::from_bytes(b"caf\xe9");
    let mut tried = 0;
    let mut try_words = |words: &[&OsStr]| {
        let words: Vec<OsString> = words.iter().map(|word| (*word).to_owned()).collect();
        let run = run(&bench, &words);
        assert!((0..=4).contains(&run.code) || run.code == 10, "{words:?}: {run:?}");
        assert!(run.code == 0 || run.stderr.contains("error"), "{words:?}: {run:?}");
        assert!(!run.stderr.contains("internal") && !run.stderr.contains("panicked"), "{words:?}: {run:?}");
        tried += 1;
    };
    for (command, words) in commands() {
        let typed: Vec<&OsStr> = command.split(' ').filter(|word| !word.is_empty()).map(OsStr::new).collect();
        for position in 0..=typed.len() {
            for others in [&["--nonsense"][..], &["--json"], &["--", "x"]] {
                let mut words = typed.clone();
                words.insert(position, raw);
                words.extend(others.iter().map(OsStr::new));
                try_words(&words);
            }
        }
        for word in words.iter().filter(|word| !word.option.is_empty()) {
            let makes = [("registry serve", "--dir"), ("demo", "--keep")];
            if makes.contains(&(command.as_str(), word.option.as_str())) {
                continue;
            }
            let joined = [word.option.as_bytes(), b"=", raw.as_bytes()].concat();
            try_words(&[&typed[..], &[OsStr::new(&word.option), raw, OsStr::new("--nonsense")]].concat());
            try_words(&[&typed[..], &[OsStr::from_bytes(&joined), OsStr::new("--nonsense")]].concat());
        }
    }
    assert!(tried > 300, "{tried}");
}
