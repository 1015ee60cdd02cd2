//! The page is what is built here, and what it shows is what happens.

use std::process::Command;

const PAGE: &str = include_str!("../../../docs/extend.md");

/// What stands in the block of that language.
fn block(language: &str) -> &'static str {
    let begin = format!("```{language}\n");
    let (_, behind) = PAGE.split_once(&begin).expect("a block");
    let (block, behind) = behind.split_once("```\n").expect("its end");
    assert!(!behind.contains(&begin), "one block of {language}");
    block
}

#[test]
fn the_fork_of_the_page_is_this_one() {
    assert_eq!(block("rust"), include_str!("../src/main.rs"));
    let dependencies = |manifest: &str| {
        let (_, behind) = manifest.split_once("[dependencies]\n").expect("a list");
        let listed = behind.lines().take_while(|line| !line.is_empty());
        listed.filter_map(|line| line.split(['.', ' ']).next().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(dependencies(block("toml")), dependencies(include_str!("../Cargo.toml")));
}

#[test]
fn what_the_page_shows_is_what_happens() {
    let home = tempfile::tempdir().expect("a directory");
    let shown: Vec<&str> = PAGE.split("```sh\ncargo run -q -- ").skip(1).collect();
    assert!(shown.len() > 1);
    for command in shown {
        let (words, behind) = command.split_once("\n```\n\n```text\n").expect("a command, and what it prints");
        let (expected, _) = behind.split_once("```\n").expect("its end");
        let mut fork = Command::new(env!("CARGO_BIN_EXE_first-fork"));
        let output = fork.args(words.split(' ')).env_clear().env("HOME", home.path()).current_dir(home.path()).output();
        let output = output.expect("it runs");
        let printed = [output.stdout, output.stderr].concat();
        assert_eq!(String::from_utf8(printed).expect("UTF-8"), expected, "{words}");
    }
}
