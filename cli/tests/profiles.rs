//! What each command refuses in a manifest, as one table: the command, the defect, and whether it is refused, said or
//! taken.

mod support;

use std::fs;

use support::{Bench, Run};

/// What a command makes of a defect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Refused,
    Warned,
    Taken,
}
use Made::{Refused, Taken, Warned};

const COMMANDS: [&str; 8] =
    ["validate", "sign", "package", "push", "release", "verify", "install", "package --profile strict"];

/// A manifest without one of its lines, with another in its place, and what each command of [`COMMANDS`] makes of it.
const DEFECTS: [(&str, &str, [Made; 8]); 9] = [
    ("", "", [Taken, Taken, Taken, Taken, Taken, Taken, Taken, Taken]),
    ("id:", "id: \"a b\"", [Refused, Refused, Refused, Refused, Refused, Taken, Refused, Refused]),
    ("id:", "id: \"../x\"", [Refused, Refused, Refused, Refused, Refused, Taken, Refused, Refused]),
    ("id:", "id: nul", [Refused, Refused, Refused, Refused, Refused, Taken, Refused, Refused]),
    ("id:", "id: Upper.Case", [Refused, Taken, Warned, Warned, Refused, Taken, Taken, Refused]),
    ("version:", "version: \"1.0\"", [Refused, Taken, Warned, Warned, Refused, Taken, Taken, Refused]),
    ("name:", "", [Refused, Warned, Refused, Refused, Refused, Taken, Refused, Refused]),
    ("author:", "", [Refused, Taken, Warned, Warned, Refused, Taken, Taken, Refused]),
    ("plugin_type:", "plugin_type: nope", [Refused, Warned, Refused, Refused, Refused, Taken, Refused, Refused]),
];

/// A directory of that manifest, signed where `sign` does it, and otherwise by the part that asks nothing.
fn made(bench: &Bench, number: usize, line: &str, instead: &str) -> String {
    let directory = format!("p{number}");
    support::copy_tree(&bench.path("plain"), &bench.path(&directory));
    let manifest = fs::read_to_string(bench.path("plain/plugin.yaml")).expect("a manifest");
    let lines = manifest.lines().map(|found| match !line.is_empty() && found.starts_with(line) {
        true => instead,
        false => found,
    });
    bench.write(&format!("{directory}/plugin.yaml"), lines.map(|line| format!("{line}\n")).collect::<String>());
    directory
}

/// Signs it whatever it says, as other tools do.
fn sign_anyway(bench: &Bench, directory: &str) {
    use aisoc_packaging::Limits;
    use aisoc_pipeline::{Signing, sign_directory};
    let key = aisoc_signing::SigningKey::read(
        &fs::read(bench.path("release.key")).expect("a key"),
        &aisoc_signing::KeySource::file("release.key"),
    );
    let how = Signing::WholeTree { out: None };
    sign_directory(&bench.path(directory), &key.expect("a key"), how, &Limits::default()).expect("signed");
}

fn run(bench: &Bench, command: &str, directory: &str) -> Run {
    let archive = format!("{directory}.tar");
    let out = format!("oci:{directory}-layout:1");
    // Each in a place of its own: no row is the upgrade of another.
    let plugins = format!("{directory}-plugins");
    let words: Vec<&str> = match command {
        "validate" => vec!["validate", directory],
        "sign" => vec!["sign", directory, "--private-key", "release.key"],
        "package" => vec!["package", directory, "--out", &archive],
        "package --profile strict" => vec!["package", directory, "--out", &archive, "--profile", "strict"],
        "push" => vec!["push", directory, &out],
        "release" => vec!["release", directory, &out, "--private-key", "release.key"],
        "verify" => vec!["verify", directory, "--trusted-keys", "keys"],
        "install" => {
            bench.forge(directory, &archive);
            vec!["install", &archive, "--trusted-keys", "keys", "--plugins-dir", &plugins]
        }
        other => panic!("{other}"),
    };
    bench.run(&[&["plugin"], &words[..]].concat())
}

#[test]
fn every_command_makes_the_same_of_a_defect_every_time_and_says_which_profile_it_holds_to() {
    let bench = Bench::new();
    bench.published();
    bench.run(&["plugin", "new", "plain", "--type", "enricher"]).ok();
    for (number, (line, instead, expected)) in DEFECTS.into_iter().enumerate() {
        for (command, expected) in COMMANDS.into_iter().zip(expected) {
            let directory = made(&bench, number, line, instead);
            if !matches!(command, "validate" | "sign" | "release") {
                sign_anyway(&bench, &directory);
            }
            let run = run(&bench, command, &directory);
            let found = match run.code {
                0 if run.stderr.contains("warning[manifest_not_strict]") => Warned,
                0 => Taken,
                1 => Refused,
                _ => panic!("{command} of `{instead}` for `{line}`: {run:?}"),
            };
            assert_eq!(found, expected, "{command} of `{instead}` for `{line}`: {run:?}");
            fs::remove_dir_all(bench.path(&directory)).expect("removed");
        }
    }
    for command in ["sign", "package", "push", "release"] {
        let help = bench.run(&["plugin", command, "--help"]).stdout;
        assert!(help.contains("--profile"), "{command}: {help}");
    }
}

#[test]
fn an_id_that_nobody_can_install_is_refused_wherever_one_is_typed() {
    let bench = Bench::new();
    bench.published();
    bench.install("demo.tar").ok();
    for id in ["a b", "../x", "nul", "con.txt", "x", "-x", "demo."] {
        let directory = ["--plugins-dir", "plugins"];
        for words in [&["plugin", "rollback", "--", id][..], &["plugin", "uninstall", "--yes", "--", id]] {
            let words: Vec<&str> = [&words[..2], &directory, &words[2..]].concat();
            bench.run(&words).refused(2, "usage");
        }
        assert_eq!(bench.run(&["plugin", "new", "--type", "enricher", "--", id]).code, if id == "a b" { 0 } else { 2 });
    }
}
