//! The page of limits is the source's: every constant and field that bounds what is read has a row that
//! names it, holds its value and says what it stops, and no row names a limit that is gone.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::workspace;

const PAGE: &str = include_str!("../../docs/limits.md");

/// Limits by their path, `crate::module::NAME`, with the value if it is written as a number.
fn limits_of_the_source() -> BTreeMap<String, Option<u128>> {
    let mut limits = BTreeMap::new();
    for (file, code) in workspace::sources() {
        let module = module_of(&file);
        for (limit, value) in limits_of(&code) {
            let known = limits.insert(format!("{module}::{limit}"), value);
            assert!(known.is_none(), "{module}::{limit} stands twice");
        }
    }
    limits
}

/// `registry_client::remote` of `registry-client/src/remote/mod.rs`.
fn module_of(file: &str) -> String {
    let (name, path) = file.split_once("/src/").expect("a source");
    let path = path.strip_suffix(".rs").expect("Rust");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    [name.replace('-', "_").as_str()].into_iter().chain(path.split('/')).collect::<Vec<_>>().join("::")
}

/// `const MAX_…: T = value;`, `const …_LIMIT: T = value;`, and the defaults of the fields `max_…` in the
/// struct of an archive's limits.
fn limits_of(code: &str) -> Vec<(String, Option<u128>)> {
    let has_fields = code.contains("pub struct Limits");
    let mut limits = Vec::new();
    for line in code.lines().map(str::trim) {
        if let Some((name, value)) = line.split_once("const ").and_then(|(_, rest)| constant(rest)) {
            limits.push((name, value));
        } else if has_fields
            && line.starts_with("max_")
            && let Some((name, value)) = line.trim_end_matches(',').split_once(": ")
        {
            limits.push((name.to_owned(), number(value)));
        }
    }
    limits
}

fn constant(rest: &str) -> Option<(String, Option<u128>)> {
    let (name, rest) = rest.split_once(": ")?;
    let is_limit = name.starts_with("MAX_") || name.ends_with("_LIMIT");
    let value = rest.split_once(" = ").and_then(|(_, value)| number(value.trim_end_matches(';')));
    is_limit.then(|| (name.to_owned(), value))
}

/// The value of `n`, `a << b` and `a * b`; another expression has none that the page must repeat.
fn number(text: &str) -> Option<u128> {
    let whole = |text: &str| {
        let digits = text.trim().replace('_', "");
        match digits.strip_prefix("0o") {
            Some(octal) => u128::from_str_radix(octal, 8).ok(),
            None => digits.parse().ok(),
        }
    };
    match (text.split_once(" << "), text.split_once(" * ")) {
        (Some((left, right)), _) => Some(whole(left)? << whole(right)?),
        (None, Some((left, right))) => Some(whole(left)? * whole(right)?),
        (None, None) => whole(text),
    }
}

/// The number as the page writes it: `1,048,576`.
fn written(number: u128) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}

/// The rows of the page: limit → (at most, what it limits, what it stops).
fn rows() -> BTreeMap<String, (String, String, String)> {
    let mut rows = BTreeMap::new();
    for line in PAGE.lines().filter(|line| line.starts_with('|') && line.contains("::")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [most, what, stops, constant] = cells[..] else { panic!("not four cells: {line}") };
        let row = (most.to_owned(), what.to_owned(), stops.to_owned());
        assert!(rows.insert(constant.trim_matches('`').to_owned(), row).is_none(), "{constant} stands twice");
    }
    rows
}

#[test]
fn every_limit_of_the_source_is_on_the_page_with_its_value_and_the_attack() {
    let rows = rows();
    for (limit, value) in limits_of_the_source() {
        let (most, what, stops) = rows.get(&limit).unwrap_or_else(|| panic!("docs/limits.md has no row for `{limit}`"));
        assert!(!what.is_empty() && !stops.is_empty(), "the row of `{limit}` does not say what it is and stops");
        if let Some(value) = value {
            let first = most.split(' ').next().unwrap_or_default();
            assert_eq!(first, written(value), "the row of `{limit}` has another value than the source");
        }
    }
}

#[test]
fn every_row_of_the_page_is_a_limit_of_the_source() {
    let known: BTreeSet<String> = limits_of_the_source().into_keys().collect();
    let written: BTreeSet<String> = rows().into_keys().collect();
    let gone: Vec<_> = written.difference(&known).collect();
    assert!(gone.is_empty(), "docs/limits.md names what is no limit: {gone:?}");
}

#[test]
fn limits_are_read_from_source_text() {
    let text = "/// x\npub const MAX_A: usize = 1 << 10;\nconst B_LIMIT: u64 = 1024 * 1024;\nconst C: u8 = 1;\n\
                pub(super) const MAX_D: u64 = 0o17;\nconst MAX_E: usize = MAX_D / 9;\nconst MAX_G: usize =\n    7;\n#[cfg(test)]\nmod tests {\n    const MAX_F: u8 = 1;\n}\n";
    let expected =
        [("MAX_A", Some(1024)), ("B_LIMIT", Some(1 << 20)), ("MAX_D", Some(15)), ("MAX_E", None), ("MAX_G", None)];
    assert_eq!(limits_of(workspace::without_tests(text)), expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(written(1_048_576), "1,048,576");
    assert_eq!(module_of("registry-client/src/remote/mod.rs"), "registry_client::remote");
}
