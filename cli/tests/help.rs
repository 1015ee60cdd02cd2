//! What a newcomer meets first: help, the version, completions, and what is said of a line that is not understood.

mod support;

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use support::{Bench, Run};

/// The hint, without its label.
fn hint(run: &Run) -> &str {
    let hint = run.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("no hint: {run:?}"))
}

#[test]
fn a_line_that_is_not_understood_is_answered_with_the_one_that_was_meant() {
    let bench = Bench::new();
    for (typed, expected) in [
        (&["sign"][..], "did you mean `aisoc plugin sign`? see `aisoc plugin sign --help`"),
        (&["plugin", "instal"], "did you mean `aisoc plugin install`? see `aisoc plugin install --help`"),
        (
            &["plugin", "rm", "a-b", "--plugins-dir", "my plugins"],
            "did you mean `aisoc plugin uninstall a-b --plugins-dir 'my plugins'`?",
        ),
        (&["--verison"], "did you mean `aisoc --version`?"),
        (&["plugins", "ls"], "did you mean `aisoc plugin list`?"),
        (&["help", "instal"], "did you mean `aisoc help plugin install`?"),
        (&["help", "signing-fromat"], "did you mean `aisoc help signing-format`?"),
        (&["help", "plugin", "instal"], "did you mean `aisoc help plugin install`?"),
        (&["help", "sign"], "did you mean `aisoc help plugin sign`?"),
        (&["help", "nonsense"], "see the pages with `aisoc help`"),
        (&["plugin", "zzz"], "see `aisoc plugin --help`"),
        (&["key"], "did you mean `aisoc plugin keygen`? see `aisoc plugin keygen --help`"),
    ] {
        let run = bench.run(typed);
        assert_eq!(hint(run.refused(2, "usage")), expected, "{typed:?}");
    }
}

/// What is quoted is one word again, whatever it holds; a shell that is given the hint runs what was meant.
#[test]
fn the_line_that_is_suggested_does_what_was_meant() {
    let bench = Bench::new();
    for directory in ["a b", "it's", "$(touch gone)", "a`b", "café", "-x"] {
        fs::create_dir_all(bench.path(directory)).expect("made");
        let run = bench.run(&["plguin", "lst", &format!("--plugins-dir=./{directory}"), "--keys", "."]);
        let hint = hint(run.refused(2, "usage"));
        let line = hint.strip_prefix("did you mean `").and_then(|line| line.strip_suffix("`?")).expect("a line");
        let aisoc = Path::new(env!("CARGO_BIN_EXE_aisoc"));
        let path =
            std::env::join_paths([aisoc.parent().expect("its directory"), Path::new("/usr/bin"), Path::new("/bin")]);
        let mut shell = Command::new("bash");
        shell.args(["-c", line]).current_dir(bench.path(".")).env("PATH", path.expect("a path"));
        let output = shell.output().expect("bash");
        assert_eq!(output.status.code(), Some(0), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!bench.path("gone").exists());
    }
}

/// A key that stands in the place of a word is not given back.
#[test]
fn what_may_be_a_secret_is_in_no_suggestion() {
    let bench = Bench::new();
    let token = format!("ghp_{}", "0123456789abcdefghijABCDEFGHIJ012345");
    let run = bench.run(&["plguin", "lst", "--plugins-dir", &format!("https://u:{token}@host/")]);
    run.refused(2, "usage");
    assert!(!run.stderr.contains(&token), "{run:?}");
}

#[test]
fn the_version_is_one_line_and_what_it_was_built_from_on_request() {
    let bench = Bench::new();
    let line = format!("aisoc {}\n", env!("CARGO_PKG_VERSION"));
    for words in [&["--version"][..], &["-V"], &["version"], &["-q", "-V"]] {
        assert_eq!(bench.run(words).ok().stdout, line, "{words:?}");
    }
    for words in [&["--version", "--verbose"][..], &["-V", "-v"], &["version", "--verbose"]] {
        let run = bench.run(words);
        let names: Vec<&str> = run.ok().stdout.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["aisoc", "commit", "date", "target", "rustc", "features", "TLS"], "{run:?}");
        assert!(run.stdout.contains(std::env::consts::ARCH), "{run:?}");
    }
    for words in [&["--version", "--json"][..], &["--json", "-V"], &["version", "--json", "--verbose"]] {
        let document: serde_json::Value = serde_json::from_str(&bench.run(words).ok().stdout).expect("JSON");
        assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
        assert!(document["rustc"].as_str().is_some_and(|rustc| rustc.starts_with("rustc 1.")), "{document}");
        assert_eq!(document["tls_provider"], "aws-lc-rs");
        assert!(document["commit"].is_null() || document["commit"].as_str().is_some_and(|commit| commit.len() >= 40));
    }
}

/// What the build script says in a repository, in one that holds the sources as strangers, and in none.
#[test]
fn a_release_says_its_commit_and_what_is_not_known_is_empty() {
    let bench = Bench::new();
    let script = bench.path("build-script");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiled = Command::new(&rustc).args(["--edition", "2024", source, "-o"]).arg(&script).status().expect("rustc");
    assert!(compiled.success());
    fs::create_dir_all(bench.path("tree/crate/src")).expect("made");
    fs::copy(source, bench.path("tree/crate/build.rs")).expect("copied");
    let said = |profile: &str, given: &[(&str, &str)]| {
        let mut command = Command::new(&script);
        command
            .current_dir(bench.path("tree/crate"))
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command
            .env("PROFILE", profile)
            .env("TARGET", "t")
            .env("CARGO_FEATURE_TLS_PURE", "1")
            .envs(given.iter().copied());
        let output = command.output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let value = |name: &str| {
            let prefix = format!("cargo::rustc-env=AISOC_BUILT_{name}=");
            text.lines().find_map(|line| line.strip_prefix(&prefix)).expect("it is said").to_owned()
        };
        assert_eq!((value("TARGET"), value("FEATURES")), ("t".to_owned(), "tls-pure".to_owned()));
        (value("COMMIT"), value("SOURCE_TIME"))
    };
    let git = |words: &[&str]| {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
            .args(words)
            .current_dir(bench.path("tree"));
        let output = command.env("GIT_COMMITTER_DATE", "1764154800 +0000").output().expect("git");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    let unknown = (String::new(), String::new());
    assert_eq!(said("release", &[]), unknown, "no repository");
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "others"]);
    assert_eq!(said("release", &[]), unknown, "sources that were unpacked into another repository");
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "ours"]);
    let commit = git(&["rev-parse", "HEAD"]);
    assert_eq!(said("release", &[]), (commit.clone(), "1764154800".to_owned()));
    assert_eq!(said("debug", &[]), unknown);
    fs::write(bench.path("tree/crate/build.rs"), "fn main() {}").expect("written");
    assert_eq!(said("release", &[]).0, format!("{commit}-dirty"));
    let given = [("AISOC_BUILD_COMMIT", "c"), ("SOURCE_DATE_EPOCH", "1")];
    assert_eq!(said("release", &given), ("c".to_owned(), "1".to_owned()));
}

#[test]
fn completions_are_scripts_that_their_shells_read() {
    let bench = Bench::new();
    let mut checked = 0;
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bench.run(&["completions", shell]).ok().stdout.clone();
        assert!(script.contains("rollback") && script.contains("plugins-dir"), "{shell}");
        fs::write(bench.path(shell), script).expect("written");
        let check = Command::new(shell).arg("-n").arg(bench.path(shell)).output();
        match check {
            Ok(output) => {
                assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
                checked += 1;
            }
            Err(_) => eprintln!("SKIPPED: there is no {shell}"),
        }
    }
    assert!(checked > 0, "no shell is here at all");
    bench.run(&["completions", "tcsh"]).refused(2, "usage");
    let json: serde_json::Value =
        serde_json::from_str(&bench.run(&["completions", "bash", "--json"]).ok().stdout).expect("JSON");
    assert_eq!(json["script"].as_str(), Some(fs::read_to_string(bench.path("bash")).expect("a script").as_str()));
}

/// Asks bash itself what it would complete.
#[test]
fn bash_completes_commands_and_options() {
    let bench = Bench::new();
    fs::write(bench.path("script"), bench.run(&["completions", "bash"]).ok().stdout.as_bytes()).expect("written");
    for (words, expected) in [
        (&["aisoc", "plugin", "roll"][..], &["rollback"][..]),
        (&["aisoc", "pl"], &["plugin", "plugins"]),
        (&["aisoc", "plugin", "install", "--plugins-d"], &["--plugins-dir"]),
        (&["aisoc", "plugin", "new", "x", "--type", "wid"], &["widget"]),
        (&["aisoc", "completions", "f"], &["fish"]),
        (&["aisoc", "plugin", "validate", "--profile", "man"], &["manager"]),
        (&["aisoc", "plugin", "install", "--trust-mode", "st"], &["strict"]),
        (&["aisoc", "plugins", "verify", "--trust-coverage", "in"], &["inert"]),
        (&["aisoc", "help", "tru"], &["trust"]),
        (&["aisoc", "reasons", "signature_in"], &["signature_invalid"]),
        (&["aisoc", "schema", "rep"], &["report"]),
    ] {
        let last = words.len() - 1;
        let quoted = words.join(" ");
        let ask = format!(
            ". ./script; COMP_WORDS=({quoted}); COMP_CWORD={last}; _aisoc aisoc {} {} 2>/dev/null; printf '%s\\n' \
             \"${{COMPREPLY[@]}}\"",
            words[last],
            words[last - 1]
        );
        let output = Command::new("bash").args(["-c", &ask]).current_dir(bench.path(".")).output().expect("bash");
        let completed = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(completed.lines().collect::<Vec<_>>(), expected, "{quoted}: {:?}", output.stderr);
    }
}

#[test]
fn there_is_a_page_for_man_of_every_command() {
    let bench = Bench::new();
    let run = bench.run(&["man", "--out", "share/man1"]);
    let listed: Vec<&str> = run.ok().stdout.lines().collect();
    let names =
        ["aisoc.1", "aisoc-plugin.1", "aisoc-plugin-install.1", "aisoc-plugins-verify.1", "aisoc-registry-serve.1"];
    for name in names {
        assert!(listed.contains(&format!("share/man1/{name}").as_str()), "{name}: {listed:?}");
    }
    assert!(!listed.iter().any(|path| path.contains("docs")), "hidden commands have no page");
    let there: Vec<_> =
        fs::read_dir(bench.path("share/man1")).expect("made").map(|entry| entry.expect("read").file_name()).collect();
    assert!(there.len() == listed.len() && there.iter().all(|name| name.as_bytes().starts_with(b"aisoc")), "{there:?}");
    let before = bench.snapshot("share");
    bench.run(&["man", "--out", "share/man1"]).ok();
    assert_eq!(bench.snapshot("share"), before, "the same pages again");
    let page = bench.path("share/man1/aisoc-plugin-install.1");
    assert!(fs::read_to_string(&page).expect("a page").contains("aisoc\\-plugin\\-install"));
    match Command::new("man")
        .args(["--warnings", "-l"])
        .arg(&page)
        .env("MANPAGER", "cat")
        .env("LC_ALL", "C.UTF-8")
        .output()
    {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(text.contains("plugins-dir") && output.stderr.is_empty(), "{output:?}");
        }
        other => eprintln!("SKIPPED: no man that formats pages: {other:?}"),
    }
    fs::write(bench.path("file"), "").expect("written");
    bench.run(&["man", "--out", "file"]).refused(1, "io_error");
}

/// A hint is about the places that the user named, and can be pasted.
#[test]
fn the_command_of_a_hint_is_about_the_same_places() {
    let bench = Bench::new();
    bench.published();
    let places = ["--plugins-dir", "my plugins", "--keys", "keys"];
    bench.run(&[&["plugin", "install", "oci-archive:demo.tar"], &places[..]].concat()).ok();
    let run = bench.run(&["plugin", "uninstall", "other", "--yes", "--plugins-dir", "my plugins"]);
    let hint = hint(run.refused(1, "plugin_not_found"));
    let line = hint.split('`').find(|part| part.starts_with("aisoc ")).unwrap_or_else(|| panic!("no command: {hint}"));
    assert!(line.ends_with("--plugins-dir 'my plugins'"), "{line}");
    let directory = Path::new(env!("CARGO_BIN_EXE_aisoc")).parent().expect("its directory");
    let path = std::env::join_paths([directory, Path::new("/usr/bin"), Path::new("/bin")]).expect("a path");
    let mut shell = Command::new("bash");
    let output = shell
        .args(["-c", &format!("{line} --keys keys")])
        .current_dir(bench.path("."))
        .env("PATH", path)
        .output()
        .expect("bash");
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("demo"), "{output:?}");
}

/// The commands of authors, operators and whoever looks for a fault, by the names under which they are known.
#[test]
fn every_command_that_there_has_to_be_is_there() {
    let bench = Bench::new();
    let below =
        |group: &str, names: &str| -> Vec<String> { names.split(' ').map(|name| format!("{group} {name}")).collect() };
    let commands = [
        below("plugin", "new validate keygen sign digest verify package push"),
        below("plugin", "pull install rollback uninstall inspect index"),
        below("plugins", "list describe trust untrust lock verify search doctor journal"),
        below(
            "keys",
            "list show fingerprint add stage promote annotate retire revoke restore lint impact rotate endorse",
        ),
        below("keys", "accept export sync calendar journal"),
        below("api", "list get discover enable disable reload unload run install rollback events"),
        below("token", "create list revoke"),
        below("config policy", "show validate explain test"),
        ["config plugins show", "config strict-mode"].map(str::to_owned).to_vec(),
        ["serve", "config show", "commands", "reasons", "doctor", "explain"].map(str::to_owned).to_vec(),
    ];
    for command in commands.into_iter().flatten() {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let run = bench.run(&words);
        assert!(run.code == 0 && run.stdout.contains(&format!("Usage: aisoc {command}")), "{command}: {run:?}");
    }
    // A second name is said where the command is.
    let publish = bench.run(&["plugin", "publish", "--help"]);
    assert!(publish.ok().stdout.contains("Usage: aisoc plugin release "), "{publish:?}");
    let scaffold = bench.run(&["plugin", "scaffold", "--help"]);
    assert!(scaffold.ok().stdout.contains("Usage: aisoc plugin new "), "{scaffold:?}");
    let doctor = bench.run(&["plugins", "doctor", "--help"]);
    assert!(doctor.ok().stdout.contains("--within <DURATION>"), "{doctor:?}");
}
