//! Hints are followed: after each refusal, what it says to type next is typed, as it is printed, in the same
//! directory. Everything has a name that needs quotes, and is nowhere that a default looks.

mod support;

use std::path::Path;
use std::process::Command;

use support::Bench;

/// A refusal, and what becomes of each command of its hint.
struct Case {
    /// What has happened before, as a shell runs it.
    before: &'static str,
    typed: &'static str,
    reason: &'static str,
    /// For each command of the hint, in order: `done`, the reason of the refusal that comes next, or `-` for an
    /// option that is spoken of and not to be typed.
    then: &'static [&'static str],
}

const fn case(before: &'static str, typed: &'static str, reason: &'static str, then: &'static [&'static str]) -> Case {
    Case { before, typed, reason, then }
}

/// What everything is made of: a signed plugin, a newer one, one of a stranger, one without a signature; the first is
/// installed.
const WORLD: &str = r#"
set -e
aisoc plugin new demo --type enricher
mv demo "it's a demo"
aisoc plugin keygen --out 'my release'
aisoc plugin keygen --out stranger
aisoc plugin sign "it's a demo" --private-key 'my release.key'
aisoc plugin package "it's a demo" --out 'my demo.tar'
mkdir 'my keys' 'other keys'
cp 'my release.pem' 'my keys/'
cp stranger.pem 'other keys/'
cp -r "it's a demo" bare
rm -r bare/plugin.sig bare/plugin.sig.d
sed -i '/^integrity/d' bare/plugin.yaml
cp -r bare two
sed -i 's/^version: .*/version: "0.2.0"/' two/plugin.yaml
cp -r two strange
aisoc plugin sign two --private-key 'my release.key'
aisoc plugin package two --out 'my two.tar'
aisoc plugin sign strange --private-key stranger.key
aisoc plugin package strange --out 'my strange.tar'
aisoc plugin install 'my demo.tar' --plugins-dir 'my plugins' --trusted-keys 'my keys'
"#;

/// Words of a hint that stand for what only its reader knows, and what they are here.
const KNOWN: [(&str, &str); 9] = [
    ("REFERENCE", "'oci-archive:my demo.tar'"),
    ("REF", "'oci-archive:my demo.tar'"),
    ("KEY", "'my release.key'"),
    ("KEYS", "'my keys'"),
    ("DIR", "\"it's a demo\""),
    ("PREFIX", "fresh"),
    ("NAME", "fresh"),
    ("TYPE", "widget"),
    ("TEXT", "'it is an example'"),
];

const CASES: &[Case] = &[
    // Of operators.
    case("", "aisoc plugin install 'my two.tar' @ --trusted-keys 'no keys'", "io_not_found", &["-"]),
    case("", "aisoc plugin install 'my strange.tar' @ --trusted-keys 'other keys'", "signer_changed", &["-", "-"]),
    case(
        "aisoc plugin install 'my two.tar' @@",
        "aisoc plugin install 'my demo.tar' @@",
        "version_downgrade",
        &["done"],
    ),
    case("", "aisoc plugin install bare @@", "unsigned", &["done"]),
    case("", "aisoc plugin rollback demo @@", "version_not_found", &["done"]),
    case("", "aisoc plugin rollback demo --to 9.9.9 @@", "version_not_found", &["done"]),
    case("", "aisoc plugin rollback nobody @@", "plugin_not_found", &["done"]),
    case("", "aisoc plugin uninstall demo @", "confirmation_required", &["done"]),
    // Who removes names no keys, and none are where they are looked for then.
    case("", "aisoc plugin uninstall nobody --yes @", "plugin_not_found", &["io_not_found"]),
    case("", "aisoc plugin list nobody @@", "plugin_not_found", &["done"]),
    case("", "aisoc plugins verify nobody @@", "plugin_not_found", &["done"]),
    case("echo x >> 'my plugins/demo/plugin.py'", "aisoc plugins verify @@", "signature_invalid", &["done"]),
    case("echo x >> 'my plugins/demo/plugin.py'", "aisoc plugin verify demo @@", "signature_invalid", &["done"]),
    case("rm -r 'my plugins/demo'", "aisoc plugins verify @@", "tree_modified", &["done"]),
    case("chmod 777 'my plugins'", "aisoc plugin install 'my two.tar' @@", "directory_insecure", &["done", "-"]),
    case("chmod 777 'my keys'", "aisoc plugin install 'my two.tar' @@", "directory_insecure", &["done"]),
    case("chmod 666 'my keys/my release.pem'", "aisoc plugin list @@", "directory_insecure", &["done"]),
    case("", "aisoc plugin verify 'my demo.tar' --trusted-keys 'my keys' --require 2", "signers_too_few", &["done"]),
    case("", "aisoc plgin list @@", "usage", &["done"]),
    case("", "aisoc plugin list @@ -o json", "usage", &["done"]),
    case("", "aisoc list @@ --versoins", "usage", &["done"]),
    case("", "aisoc plugin install 'my two.tar' @@ --lower-coverage", "usage", &["done"]),
    case("", "aisoc plugin gc --keep 99 @", "usage", &["done"]),
    // Of authors.
    case(
        "echo x >> \"it's a demo/plugin.py\"",
        "aisoc plugin verify \"it's a demo\" --keys 'my keys'",
        "signature_invalid",
        &["done", "done"],
    ),
    case(
        "echo x >> \"it's a demo/plugin.py\"",
        "aisoc plugin package \"it's a demo\" --out x.tar",
        "coverage_mismatch",
        &["done"],
    ),
    case(
        "echo x >> \"it's a demo/plugin.py\"",
        "aisoc plugin push \"it's a demo\" oci:layout:1",
        "coverage_mismatch",
        &["done"],
    ),
    case("", "aisoc plugin package bare --out x.tar", "unsigned", &["done"]),
    case("", "aisoc plugin verify bare --keys 'my keys'", "unsigned", &["done"]),
    case(
        "touch \"it's a demo/x.pyc\"",
        "aisoc plugin verify \"it's a demo\" --keys 'my keys'",
        "coverage_mismatch",
        &["done", "done"],
    ),
    case(
        "echo 'id: [' > \"it's a demo/plugin.yaml\"",
        "aisoc plugin sign \"it's a demo\" --private-key 'my release.key'",
        "manifest_invalid",
        &["manifest_invalid"],
    ),
    case(
        "echo 'id: [' > \"it's a demo/plugin.yaml\"",
        "aisoc plugin verify \"it's a demo\" --keys 'my keys'",
        "manifest_invalid",
        &["manifest_invalid"],
    ),
    case("mkdir \"it's a demo/empty\"", "aisoc plugin inspect \"it's a demo\"", "forbidden_entry", &["done"]),
    case(
        "mkdir \"it's a demo/empty\"",
        "aisoc plugin verify \"it's a demo\" --keys 'my keys'",
        "coverage_mismatch",
        &[],
    ),
    case(
        "cp stranger.key \"it's a demo/\"",
        "aisoc plugin package \"it's a demo\" --out x.tar",
        "forbidden_entry",
        &["coverage_mismatch"],
    ),
    case(
        "cp stranger.key \"bare/it's mine.key\"",
        "aisoc plugin sign bare --private-key 'my release.key'",
        "forbidden_entry",
        &["done"],
    ),
    case("", "aisoc plugin sign bare --private-key 'no such.key'", "key_invalid", &["done"]),
    case("", "aisoc plugin sign bare --private-key 'my release.pem'", "key_invalid", &[]),
    case("", "aisoc plugin keygen --out 'my release'", "key_exists", &["-", "done"]),
    case("", "aisoc plugin release bare 'oci:my layout'", "usage", &["done", "done"]),
    case("", "aisoc plugin release bare 'oci:my layout' --new-key 'my new'", "usage", &["done"]),
    case("rm 'my release.pem'", "aisoc plugin release bare oci:layout '--new-key=my release'", "key_exists", &["done"]),
    case("", "aisoc plugin sign bare --private-key stranger.key --add --out x", "usage", &["done"]),
    case("", "aisoc plugin digest 'no dir'", "manifest_missing", &["done"]),
    case(
        "mkdir -p ghcr.io/o; cp -r two ghcr.io/o/p",
        "aisoc plugin verify ./ghcr.io/o/p --keys 'other keys'",
        "untrusted_key",
        &[],
    ),
    case(
        "aisoc plugin push \"it's a demo\" 'oci:my layout:1'",
        "aisoc plugin push two 'oci:my layout:1'",
        "tag_exists",
        &["done"],
    ),
    case("", "aisoc reasons nope", "usage", &["done"]),
    case("", "aisoc help nope", "usage", &["done"]),
    case("", "aisoc schema nope", "usage", &["done"]),
];

/// What a hint begins a command with.
const PROGRAMS: [&str; 6] = ["aisoc ", "chmod ", "openssl ", "rm ", "rmdir ", "--"];

fn shell(place: &Path, script: &str) -> (i32, String) {
    let script = script.replace("@@", "@ --trusted-keys 'my keys'").replace('@', "--plugins-dir 'my plugins'");
    let aisoc = Path::new(env!("CARGO_BIN_EXE_aisoc")).parent().expect("its directory").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(aisoc).chain(std::env::split_paths(&path))).expect("a path");
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).current_dir(place).env_clear().env("PATH", path).env("HOME", place);
    // What lost the directories that were typed changes a place of the test, and not of this machine.
    bash.env("AISOC_PLUGINS_DIR", place.join("default"));
    let output = bash.stdin(std::process::Stdio::null()).output().expect("bash");
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).expect("UTF-8"))
}

fn reason(stderr: &str) -> &str {
    let line = stderr.lines().find_map(|line| line.strip_prefix("error["));
    line.and_then(|line| line.split_once(']')).map_or("none", |(reason, _)| reason)
}

/// The commands of the hint, with what stands for something put in its place.
fn commands(stderr: &str, typed: &str) -> Vec<String> {
    let hint = stderr.lines().rev().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default();
    let spans = hint.split('`').skip(1).step_by(2);
    let known =
        |word: &str| KNOWN.iter().find(|(name, _)| *name == word).map_or(word.to_owned(), |(_, is)| (*is).to_owned());
    let commands = spans.filter(|span| PROGRAMS.iter().any(|program| span.starts_with(program)));
    commands
        .map(|span| span.split(' ').map(known).collect::<Vec<_>>().join(" "))
        .map(|command| if command.starts_with("--") { format!("{typed} {command}") } else { command })
        .collect()
}

#[test]
fn what_a_refusal_says_to_type_does_what_it_says() {
    let (mut followed, mut wrong) = (0, Vec::new());
    let bench = Bench::new();
    let world = bench.path("the world");
    let place = bench.path("what's \"tried\"");
    for (number, Case { before, typed, reason: expected, then }) in CASES.iter().enumerate() {
        std::fs::create_dir_all(&world).expect("made");
        if number == 0 {
            let (code, said) = shell(&world, WORLD);
            assert_eq!(code, 0, "{said}");
        }
        let renewed = || {
            let copied = Command::new("bash")
                .args(["-c", "rm -rf \"$2\" && cp -a \"$1\" \"$2\"", "bash"])
                .args([&world, &place])
                .status()
                .expect("bash");
            assert!(copied.success());
            assert_eq!(shell(&place, before).0, 0, "{before}");
            shell(&place, typed)
        };
        let (_, said) = renewed();
        let commands = commands(&said, typed);
        if reason(&said) != *expected || commands.len() != then.len() {
            wrong.push(format!("{typed}: {said}{commands:#?}"));
        }
        for (command, outcome) in commands.iter().zip(*then).filter(|(_, outcome)| **outcome != "-") {
            renewed();
            let (code, said) = shell(&place, command);
            let found = if code == 0 { "done" } else { reason(&said) };
            if found != *outcome {
                wrong.push(format!("{typed} says `{command}`, which is {found}: {said}"));
            }
            followed += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(followed >= 40, "{followed}");
}
