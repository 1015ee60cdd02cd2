//! What is documented is what happens. Every command on every page is run as it is printed, in order, by a shell in
//! a fresh directory, and what a page shows below it is compared with what was printed. `support/pages.rs` says how
//! a page is written; `support/shell.rs` what is not as printed: the ports.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use support::pages::{self, Block, Command};
use support::shell::Shell;
use support::{Bench, workspace};

/// Why what needs a token is not run here, and what that is.
const TOKEN: &str = "needs SoftHSM2; checks/interop/signers runs the same";
const SOFTHSM: [&str; 3] = [
    "softhsm2-util --init-token --free --label release --pin \"$TOKEN_PIN\" --so-pin \"$SO_PIN\"",
    "pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --token-label release --login --pin \"$TOKEN_PIN\" \
     --keypairgen --key-type EC:edwards25519 --label signing",
    "aisoc plugin sign shodan --private-key \"pkcs11:token=release;object=signing?module-name=softhsm2\" --passphrase \
     env:TOKEN_PIN",
];

/// What signs without a key.
const KEYLESS: &str = "aisoc plugin attest registry.example/team/shodan:0.1.0 --type slsa --predicate shodan.slsa.json --keyless \\
  --fulcio-url https://fulcio.example --rekor-url https://rekor.example \\
  --timestamp-server-url https://timestamp.example/api/v1/timestamp --trusted-root trusted_root.json";

/// What is not run, and why. A row that no page needs is refused.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("README.md", "cargo install --path cli --locked", "sets up: the binary under test is what it builds"),
    (
        "README.md",
        "cargo install --path cli --locked --no-default-features --features tls-pure",
        "sets up; .ci/run builds it so, with no C compiler",
    ),
    ("docs/signing-keys.md", SOFTHSM[0], TOKEN),
    ("docs/signing-keys.md", SOFTHSM[1], TOKEN),
    ("docs/signing-keys.md", SOFTHSM[2], TOKEN),
    ("README.md", "cargo run --release -- demo", "sets up; .ci/run runs the demo of a release build"),
    ("README.md", "cargo test --workspace", "this test is a part of it"),
    ("fuzz/README.md", "fuzz/run smoke", ".ci/run runs it"),
    ("fuzz/README.md", "fuzz/run long 60", "an hour for each target"),
    ("fuzz/README.md", "fuzz/run tar_walk fuzz/artifacts/tar_walk/crash-…", "there is no crash"),
    ("packaging/README.md", "cargo run --release -p aisoc-packaging --example attack_staging -- 1000000", "minutes"),
    ("docs/attestations.md", KEYLESS, "off in this build, and tests/keyless.rs runs it against services of its own"),
    ("docs/extend.md", "cargo run -q -- reasons unsigned", "examples/first-fork runs it"),
    ("docs/extend.md", "cargo run -q -- plugin validate nope", "examples/first-fork runs it"),
    ("docs/performance.md", "checks/perf/run", "measures; .ci/run prints a part of it"),
    ("docs/performance.md", "checks/perf/run --only install,memory --large", "measures"),
    ("docs/performance.md", "TMPDIR=/dev/shm checks/perf/run", "measures"),
    ("docs/performance.md", "checks/perf/at_rest.py --whole", "measures"),
    ("docs/performance.md", "checks/perf/dispatch.py target/release/scripted-fork", "the same"),
    ("docs/performance.md", "checks/perf/lazy.py", "the same"),
    ("docs/performance.md", "checks/perf/handles.py", "the same"),
    ("docs/performance.md", "checks/perf/host.py target/release/aisoc", "the same"),
    ("docs/performance.md", "cargo run --release -p aisoc-discovery --example many_directories", "measures"),
];

/// What stands on a page whose commands need what the README's have made.
const GOES_ON: &str = "The commands on this page go on where the README's first hour ends.";

/// Names of options in prose that are another tool's.
const OPTIONS_OF_OTHERS: &[&str] = &[
    "--no-mac-metadata",
    "--pairs",
    "--key",
    "--insecure-ignore-tlog",
    "--new-bundle-format",
    "--locked",
    "--features",
    "--path",
    "-----BEGIN",
];

/// A page by its path from the top of the repository.
struct Page {
    name: String,
    text: String,
}

impl Page {
    fn read(name: &str) -> Self {
        let path = workspace::root().join(name);
        Self { name: name.to_owned(), text: fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {name}")) }
    }

    fn blocks(&self) -> Vec<Block> {
        pages::blocks(&self.name, &self.text)
    }

    fn is_listed(&self, command: &Command) -> bool {
        NOT_RUN.iter().any(|(page, line, _)| *page == self.name && *line == words_of(command))
    }
}

/// A command without the comment behind it.
fn words_of(command: &Command) -> &str {
    command.text.split(" #").next().unwrap_or_default().trim()
}

/// Every page that somebody wrote: what is generated from the table of commands is checked where the table is.
fn pages() -> Vec<Page> {
    let root = workspace::root();
    let mut names = vec!["README.md".to_owned(), "SECURITY.md".to_owned(), "CHANGELOG.md".to_owned()];
    let in_directories = fs::read_dir(root).expect("the repository").map(|entry| entry.expect("an entry").path());
    names.extend(
        in_directories.filter(|path| path.join("README.md").is_file()).map(|path| name_of(path.join("README.md"))),
    );
    names.extend(fs::read_dir(root.join("docs")).expect("docs").map(|entry| name_of(entry.expect("an entry").path())));
    names.retain(|name| name.ends_with(".md") && name != "docs/commands.md");
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

fn name_of(path: PathBuf) -> String {
    path.strip_prefix(workspace::root()).expect("below the root").to_str().expect("UTF-8").to_owned()
}

/// What is wrong with a page: where, and what.
type Problems = Vec<String>;

/// Runs the blocks of a page in that shell; how many commands that were.
fn run(page: &Page, shell: &mut Shell, problems: &mut Problems) -> usize {
    let (mut ran, mut printed, mut is_background) = (0, None::<String>, false);
    for block in page.blocks() {
        match (block.language.as_str(), block.follows) {
            ("sh", _) => {
                printed = Some(String::new());
                for command in pages::commands(&block) {
                    if page.is_listed(&command) {
                        printed = None;
                        continue;
                    }
                    let (code, output) = shell.run(&command);
                    ran += 1;
                    is_background = command.is_background();
                    if code != command.exit_code() {
                        problems.push(format!("{}:{}: exits with {code}:\n{output}", page.name, command.line));
                    }
                    printed.get_or_insert_default().push_str(&output);
                }
            }
            ("text", true) => {
                let difference = match (printed.take(), is_background) {
                    (_, true) => shell.background(&block.text),
                    (Some(printed), _) => {
                        pages::difference(&block.text, &printed).map(|line| format!("{line}; all of it:\n{printed}"))
                    }
                    (None, _) => None,
                };
                problems.extend(difference.map(|what| format!("{}:{}: {what}", page.name, block.line)));
            }
            _ => printed = None,
        }
    }
    ran
}

/// Prints past the test's own capture, so that the count is seen where everything passes.
fn say(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").expect("a stream");
}

#[test]
fn every_command_of_every_page_does_what_the_page_says() {
    let (mut problems, mut ran, mut on) = (Problems::new(), 0, 0);
    for page in pages() {
        let mut shell = Shell::new();
        if page.text.contains(GOES_ON) {
            let mut before = Problems::new();
            run(&Page::read("README.md"), &mut shell, &mut before);
            assert!(before.is_empty(), "the README is wrong: {before:#?}");
        }
        let here = run(&page, &mut shell, &mut problems);
        (ran, on) = (ran + here, on + usize::from(here > 0));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(ran > 40, "only {ran} commands were run");
    say(&format!(
        "documentation: {ran} commands of {on} pages were run as printed, {} are listed and not",
        NOT_RUN.len()
    ));
}

#[test]
fn the_readme_of_every_scaffold_does_what_it_says() {
    let (mut problems, mut ran) = (Problems::new(), 0);
    for kind in ["enricher", "connector", "responder", "detection", "widget"] {
        let mut shell = Shell::new();
        let new = Command { line: 0, text: format!("aisoc plugin new \"My {kind}\" --type {kind}") };
        assert_eq!(shell.run(&new).0, 0, "{kind}");
        let text = fs::read_to_string(shell.home().join(format!("my-{kind}/README.md"))).expect("a README");
        ran += run(&Page { name: format!("the README of a {kind}"), text }, &mut shell, &mut problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(ran > 5 * 5, "only {ran} commands were run");
    say(&format!("documentation: {ran} commands of the scaffolds' READMEs were run as printed"));
}

#[test]
fn every_block_is_run_or_shows_what_a_command_printed_or_is_none_of_a_shell() {
    let (mut problems, mut unused) = (Problems::new(), NOT_RUN.to_vec());
    for page in pages() {
        for block in page.blocks() {
            if block.language == "sh" {
                let here = pages::commands(&block);
                unused.retain(|(name, line, _)| {
                    *name != page.name || !here.iter().any(|command| words_of(command) == *line)
                });
                continue;
            }
            let looks_run =
                |line: &str| ["aisoc ", "$ ", "cargo "].iter().any(|word| line.trim_start().starts_with(word));
            if !(block.language == "text" && block.follows) && block.text.lines().any(looks_run) {
                problems.push(format!("{}:{}: commands in a block that is not run", page.name, block.line));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(unused.is_empty(), "no page needs these rows of NOT_RUN any longer: {unused:#?}");
}

/// `aisoc …` in a sentence: it is not run, for most name no real plugin; but there has to be such a command with
/// such options. The parser looks at every word before it answers `--help`.
#[test]
fn every_command_in_a_sentence_is_one() {
    let bench = Bench::new();
    let (mut problems, mut seen) = (Problems::new(), BTreeSet::new());
    for page in pages().into_iter().filter(|page| page.name != "CHANGELOG.md") {
        for (line, span) in pages::spans(&page.text) {
            let Some(words) = span.strip_prefix("aisoc ").filter(|_| !span.contains('|')) else { continue };
            if !seen.insert(words.to_owned()) || words == "--version" {
                continue;
            }
            let mut words: Vec<&str> = words.split(' ').filter(|word| *word != "…").map(meant).collect();
            // A topic of the manual and a code are looked up; nothing else is done with the words.
            let is_looked_up =
                ["help", "reasons"].contains(&words[0]) && !words.contains(&"TOPIC") && !words.contains(&"CODE");
            words.extend((!is_looked_up).then_some("--help"));
            let run = bench.run(&words);
            if run.code != 0 {
                problems.push(format!("{}:{line}: `{span}`: {}", page.name, run.stderr));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(seen.len() > 20, "{seen:?}");
}

/// A word that stands for what is no word of its own.
fn meant(word: &str) -> &str {
    match word {
        "TYPE" => "enricher",
        "HOST" => "registry.example",
        "REF" => "registry.example/team/my-plugin:1.2.0",
        word => word,
    }
}

#[test]
fn every_option_in_a_sentence_is_one() {
    let commands = fs::read_to_string(workspace::root().join("docs/commands.md")).expect("generated");
    let known: BTreeSet<&str> = commands.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).collect();
    let mut problems = Problems::new();
    for page in pages().into_iter().filter(|page| page.name != "CHANGELOG.md" && page.name != "docs/packages.md") {
        for (line, span) in pages::spans(&page.text) {
            for word in span.split(' ').filter(|word| word.starts_with("--") && word.len() > 2) {
                let option = word.split(['=', ',', '`']).next().unwrap_or_default();
                if !known.contains(option) && !OPTIONS_OF_OTHERS.contains(&option) {
                    problems.push(format!("{}:{line}: `{option}` in `{span}`", page.name));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn every_link_leads_to_a_file_and_every_page_is_in_the_manual() {
    let mut problems = Problems::new();
    let readme = Page::read("README.md");
    for page in pages() {
        let directory = workspace::root().join(&page.name).parent().map(PathBuf::from).expect("a directory");
        for link in page.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { workspace::root().join(&page.name) } else { directory.join(file) };
            if link.contains("://") || !link.contains(['.', '#', '/']) {
                continue;
            }
            match fs::read_to_string(&target) {
                Ok(text) if heading.is_empty() || headings(&text).contains(heading) => {}
                Ok(_) => problems.push(format!("{}: no heading {link}", page.name)),
                Err(_) if target.exists() => {}
                Err(_) => problems.push(format!("{}: nothing is at {link}", page.name)),
            }
        }
        if page.name.starts_with("docs/") && !readme.text.contains(&format!("]({}", page.name)) {
            problems.push(format!("README.md does not lead to {}", page.name));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The anchors that the headings of a page get where it is shown.
fn headings(page: &str) -> BTreeSet<String> {
    let titles = page.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |title: &str| {
        let kept =
            title.to_lowercase().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>();
        kept.replace(' ', "-")
    };
    titles.map(anchor).collect()
}

#[test]
fn what_is_shown_is_compared_to_the_line() {
    let matches = |shown: &str, found: &str| pages::difference(shown, found).is_none();
    assert!(matches("a\nb\n", "a\nb\n") && matches("sha256:…\n", "sha256:12\n") && matches("…\n", "a\nb\n"));
    assert!(matches("a … c … e\n", "a b c d e\n") && matches("a\n…\nz\n", "a\nz\n"));
    assert!(!matches("a\n", "a\nb\n") && !matches("a\nb\n", "a\n") && !matches("a … c\n", "a b\n"));
    assert!(!matches("a … b … c\n", "a c b\n") && !matches("", "a\n") && !matches("a\n…\nz\n", "a\nb\n"));
}

#[test]
fn a_block_is_taken_apart_as_a_shell_does() {
    let page =
        "```sh\n# first\none \\\n  two\ncat > x <<'EOF'\nthree\nEOF\nserve &   # behind\nno   # exits with 3\n```\n";
    let blocks = pages::blocks("a page", page);
    let commands = pages::commands(&blocks[0]);
    let texts: Vec<&str> = commands.iter().map(|command| command.text.as_str()).collect();
    assert_eq!(texts[..2], ["one \\\n  two", "cat > x <<'EOF'\nthree\nEOF"]);
    assert_eq!(commands.iter().map(Command::is_background).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!(commands.iter().map(Command::exit_code).collect::<Vec<_>>(), [0, 0, 0, 3]);
}

#[test]
#[should_panic(expected = "a block by indentation")]
fn a_block_that_nobody_could_tell_from_prose_is_refused() {
    pages::blocks("a page", "Do this:\n\n    aisoc demo\n");
}

/// What the examples of the help speak of: a plugin in two versions, keys, a registry, and what is installed.
const WORLD: &str = r#"
aisoc registry serve --dir ../registry &
mkdir world && cd world
export AISOC_PLUGINS_DIR=installed PLUGIN_TRUSTED_KEYS_DIR=keys
aisoc plugin keygen --out release && aisoc plugin keygen --out new
mkdir keys && cp release.pem new.pem keys
for id in acme-2025 acme-2026 acme-2027 old older next gone first second third successor; do aisoc plugin keygen --out $id; done
mkdir keys/staged keys/retired && cp old.pem older.pem keys && cp next.pem keys/staged && cp gone.pem keys/retired
aisoc keys annotate older --may-sign plugin --may-sign succession --reason 'ticket 12'
aisoc keys endorse successor.pem --private-key older.key --out successor.endorsement
aisoc keys endorse successor.pem --private-key older.key --out localhost:5000/team/keys:successor
for id in release new; do aisoc keys annotate $id --may-sign plugin --may-sign keyset --may-sign lock --reason world; done
aisoc keys export localhost:5000/team/keys:fleet --name fleet --expires 30d --private-key release.key --private-key new.key
aisoc plugin new my-plugin --type enricher
sed -i 's/^version: .*/version: "1.1.0"/' my-plugin/plugin.yaml
aisoc plugin release --plugin-dir my-plugin --private-key release.key localhost:5000/team/my-plugin:1.1.0
aisoc plugin install localhost:5000/team/my-plugin:1.1.0
sed -i 's/^version: .*/version: "1.2.0"/' my-plugin/plugin.yaml
aisoc plugin sign --plugin-dir my-plugin --private-key release.key
aisoc plugin package --plugin-dir my-plugin --out my-plugin.tar
mkdir build && cp -r my-plugin build/amd64 && cp -r my-plugin build/arm64
export DIGEST="$(aisoc plugin push my-plugin.tar localhost:5000/team/my-plugin:1.2.0 | sed 's/.*@//')"
aisoc plugin install localhost:5000/team/my-plugin:1.2.0
aisoc plugin push my-plugin localhost:5000/team/my-enricher:0.1.0
cp my-plugin/plugin.yaml my-plugin/plugin.py .
for id in shodan virustotal; do aisoc plugin new $id --type enricher --output-dir other; done
for id in shodan virustotal; do aisoc plugin release --plugin-dir other/$id --private-key release.key localhost:5000/team/$id:0.1.0; done
for id in shodan virustotal; do aisoc plugin install localhost:5000/team/$id:0.1.0; done
aisoc bundle export localhost:5000/team/my-plugin:1.2.0 localhost:5000/team/shodan:0.1.0 --out plugins.tar
aisoc plugins lock --from-installed --with-provenance --reason world --plugins-lock fleet.lock
aisoc plugins lock push localhost:5000/team/plugins:fleet --name fleet --expires 30d --private-key release.key --plugins-lock fleet.lock
aisoc token create ci --scope plugins:execute --tokens tokens.json
aisoc token create me --role admin --tokens tokens.json > ops.token
AISOC_PLUGIN_MODE=dev aisoc serve --listen 127.0.0.1:8000 --state ../host.json --tokens tokens.json &
export AISOC_HOST_URL=http://127.0.0.1:8000 AISOC_HOST_TOKEN="$(cat ops.token)"
echo '{"indicator": "203.0.113.7"}' > alert.json
echo '[{"id": "a"}]' > found.json
echo '{"bomFormat": "CycloneDX", "specVersion": "1.6"}' > my-plugin.cdx.json
echo '{"buildDefinition": {}, "runDetails": {}}' > provenance.json
until aisoc api get shodan 2> /dev/null | grep -q enabled; do sleep 0.1; done
mkdir -p aisoc-registry registry
mkdir -p tools && printf "x = 1\n" > tools/weather_plugin.py
mkdir -p ~/.local/share/bash-completion/completions ~/.config/fish/completions ~/.zfunc
mkdir -p ~/.aisoc && echo 'name: world' > ~/.aisoc/policy.yml
echo 'deny: ["plugin/uninstall"]' > policy.yml
echo 'cases: [{command: plugin/uninstall, expect: denied}]' > cases.yml
printf 'schema_version = 1\nrules = [{ name = "all", plugins = ["**"] }]\n' > trust.toml
printf 'cases = [{ plugin = "my-plugin", expect = "admitted" }]\n' > cases.toml
export RELEASE_KEY="$(cat release.key)" NEW_KEY="$(cat new.key)"
cd ..
"#;

/// Examples that are not run, and why.
const EXAMPLES_NOT_RUN: &[(&str, &str)] = &[
    ("aisoc registry serve", "goes on for ever; the pages run it"),
    ("printf hunter2", "asks a registry of somebody; `registry_logins` does so"),
    ("aisoc registry logout registry.example", "the same"),
    ("aisoc registry whoami", "the same"),
    ("ENVIRONMENT=development aisoc serve", "the same"),
    ("aisoc serve", "the same"),
    ("aisoc api events", "goes on for ever"),
    ("aisoc api reload shodan --from", "the page of the host does so"),
    ("aisoc plugins usage", "asks what a host has kept where hosts keep it; `host_facts` does so"),
    ("aisoc demo --keep /tmp/aisoc-demo", "leaves a directory outside of its own"),
];

/// The examples of each section of the page that is generated from the table of commands.
fn examples() -> Vec<(String, Vec<Command>)> {
    let page = Page::read("docs/commands.md");
    let mut found = Vec::new();
    for block in page.blocks() {
        let text: String = block
            .text
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .map(|line| format!("{}\n", &line[2..]))
            .collect();
        let commands = pages::commands(&Block { text, ..block.clone() });
        if !commands.is_empty() {
            found.push((format!("docs/commands.md:{}", block.line), commands));
        }
    }
    found
}

#[test]
fn the_examples_of_the_help_do_what_they_say() {
    let mut shell = Shell::new();
    for command in pages::commands(&Block { line: 0, language: "sh".into(), text: WORLD.to_owned(), follows: false }) {
        let (code, output) = shell.run(&command);
        assert_eq!(code, 0, "`{}`: {output}", command.text);
    }
    let (mut problems, mut ran, mut unused) = (Problems::new(), 0, EXAMPLES_NOT_RUN.to_vec());
    for (section, (place, commands)) in examples().into_iter().enumerate() {
        let fresh =
            Command { line: 0, text: format!("rm -rf here && cp -r world here-{section} && cd here-{section}") };
        assert_eq!(shell.run(&fresh).0, 0, "{place}");
        for command in commands {
            let is_listed = |(line, _): &(&str, &str)| {
                words_of(&command).starts_with(line) && (*line != "aisoc demo" || words_of(&command) == *line)
            };
            if EXAMPLES_NOT_RUN.iter().any(is_listed) {
                unused.retain(|row| !is_listed(row));
                continue;
            }
            if words_of(&command).ends_with("keygen --out ../release") {
                let begin = Command { line: 0, text: "rm -f ../release.key ../release.pem".to_owned() };
                assert_eq!(shell.run(&begin).0, 0, "a key is made where there is none");
            }
            // The one thing that is nobody's here is the name of somebody's registry.
            let text = command.text.replace("registry.example/", "localhost:5000/");
            let (code, output) = shell.run(&Command { text, ..command.clone() });
            ran += 1;
            if code != 0 {
                problems.push(format!("{place}: `{}` exits with {code}: {output}", command.text));
            }
        }
        assert_eq!(shell.run(&Command { line: 0, text: "cd ..".to_owned() }).0, 0);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(unused.is_empty(), "no example needs these rows any longer: {unused:?}");
    assert!(ran > 40, "only {ran} examples were run");
    say(&format!("documentation: {ran} examples of the help were run"));
}
