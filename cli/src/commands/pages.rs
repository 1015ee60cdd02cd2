//! Tests of what help says: it fits a terminal, and its examples are command lines.

use std::process::Command as Process;

use super::declaration::HELP_COLUMNS;
use super::parser::{Typed, parser};
use super::table::TABLE;
use crate::environment::Environment;

/// Prints each command line that it is given, a word per line, instead of running it.
const ECHO: &str = "aisoc() { printf '%s\\n' \"$@\"; echo; }; DIGEST=\
                    sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855; ";

fn every_page(command: &clap::Command, pages: &mut Vec<String>) {
    let mut command = command.clone();
    pages.push(command.render_help().to_string());
    pages.push(command.render_long_help().to_string());
    for inner in command.get_subcommands() {
        every_page(inner, pages);
    }
}

#[test]
fn every_page_fits_a_terminal_of_eighty_columns() {
    let (mut root, mut pages) = (parser(), Vec::new());
    root.build();
    every_page(&root, &mut pages);
    assert!(pages.len() > 40, "{}", pages.len());
    for line in pages.iter().flat_map(|page| page.lines()) {
        assert!(line.trim_end().chars().count() <= HELP_COLUMNS, "{line}");
    }
}

/// The command lines of an example as bash reads them, without what stands behind `<` and `>`: this runs nothing,
/// and writes nothing.
fn lines(examples: &str) -> Vec<Vec<String>> {
    let written = examples.lines().filter(|line| line.starts_with("  "));
    let script: String = written.map(|line| before(before(line, " > "), " < ").to_owned() + "\n").collect();
    let output = Process::new("bash").args(["-euc", &format!("{ECHO}\n{script}")]).output().expect("bash");
    assert!(output.status.success(), "{script}");
    let words = String::from_utf8(output.stdout).expect("UTF-8");
    words.split("\n\n").filter(|line| !line.is_empty()).map(|line| line.lines().map(str::to_owned).collect()).collect()
}

fn before<'a>(line: &'a str, end: &str) -> &'a str {
    line.split_once(end).map_or(line, |(before, _)| before)
}

#[test]
fn every_example_can_be_pasted() {
    let mut seen = 0;
    let root = parser().get_after_help().expect("examples").to_string();
    for examples in TABLE.iter().map(|command| command.declaration().examples).chain([root.as_str()]) {
        for line in lines(examples) {
            let arguments = std::iter::once("aisoc".to_owned()).chain(line.clone()).map(Into::into).collect();
            let parsed = Typed::parse(parser(), &Environment::with_arguments(arguments));
            assert!(parsed.is_ok(), "aisoc {line:?}: {}", parsed.err().expect("refused"));
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}
