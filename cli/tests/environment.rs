//! The environment is read in one file, so that what a command depends on can be read there, and no library
//! turns a check off by a variable that nobody passed to it.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::workspace;

/// The file that reads it.
const READER: &str = "cli/src/environment.rs";
/// A program of its own, with one argument.
const HELPER: &str = "pkcs11-signer/src/main.rs";
/// How it could be read. `tempfile::env::temp_dir` is the library's own reading, for the same directory that
/// it makes files in.
const READS: [&str; 6] = ["env::var", "env::args", "env::temp_dir", "env::home_dir", "env::set_", "/environ"];

#[test]
fn the_environment_is_read_in_one_file() {
    let sources = workspace::sources();
    assert!(sources.len() > 150, "only {} files were read", sources.len());
    let mut reads = 0;
    for (name, code) in sources {
        for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
            let line = line.replace("tempfile::env::", "tempfile::");
            let is_read = READS.iter().any(|read| line.contains(read)) || line.contains("use std::env::");
            assert!(!is_read || name == READER || name == HELPER, "{name} reads the environment: `{line}`");
            reads += usize::from(is_read);
        }
    }
    assert!(reads > 0, "{READER} reads nothing, so nothing was checked");
}

/// A page of the manual.
fn page(name: &str) -> String {
    std::fs::read_to_string(workspace::root().join("docs").join(name)).expect("the page")
}

/// Variable → its default, of every table on a page whose first columns are these.
fn defaults(page: &str) -> BTreeMap<String, String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows = rows.filter(|(name, _)| is_name(name));
    // Behind a name may stand others, in brackets.
    let rows = rows.filter_map(|(name, rest)| Some((name, rest.split_once("| ")?.1)));
    rows.map(|(name, rest)| (name.to_owned(), rest.split(" | ").next().unwrap_or_default().trim().to_owned())).collect()
}

fn is_name(text: &str) -> bool {
    text.len() > 2 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// What is read and stands on no page is a setting that nobody knows of.
#[test]
fn every_variable_that_is_read_is_on_the_page() {
    let source = std::fs::read_to_string(workspace::root().join(READER)).expect("read");
    let code = source.split("#[cfg(test)]\nmod tests").next().expect("code");
    let names: BTreeSet<&str> = code.split('"').skip(1).step_by(2).filter(|text| is_name(text)).collect();
    assert!(names.len() > 60, "{names:?}");
    let page = page("environment.md");
    let missing: Vec<_> = names.into_iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in `cli/src/variables/list.rs`: {missing:?}");
}

/// The page about trust has some of them, and says the same.
#[test]
fn a_default_is_the_same_wherever_it_stands() {
    let (all, trust) = (defaults(&page("environment.md")), page("trust.md"));
    let of_trust = trust.split("| variable | default | purpose |").nth(1).expect("the table");
    let of_trust = defaults(of_trust.split("\n\n").next().expect("its end"));
    assert!(of_trust.len() >= 10, "{of_trust:?}");
    for (name, default) in of_trust {
        let there = all.iter().find(|(row, _)| row.as_str() == name).map(|(_, default)| default.as_str());
        assert_eq!(there, Some(default.as_str()), "{name}");
    }
}
