//! The page of packages is Cargo.toml's: every dependency has a row, and what is said to be replaced or not
//! yet needed is none.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use support::workspace;

const PAGE: &str = include_str!("../../docs/packages.md");

/// Package → its standing and what is said about it.
fn rows() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let mut rows = BTreeMap::new();
    for line in PAGE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [package, standing, why] = cells[..] else { panic!("not three cells: {line}") };
        let known = rows.insert(package.trim_matches('`'), (standing, why));
        assert!(known.is_none(), "{package} stands twice");
    }
    rows
}

fn with_standing(wanted: &str) -> BTreeSet<String> {
    let rows = rows().into_iter().filter(|(_, (standing, _))| *standing == wanted);
    rows.map(|(package, _)| package.to_owned()).collect()
}

/// The names in a table of dependencies that are not of this workspace.
fn external(dependencies: Option<&toml::Value>) -> BTreeSet<String> {
    let names = dependencies.and_then(toml::Value::as_table).into_iter().flat_map(|table| table.keys());
    names.filter(|name| !name.starts_with("aisoc-")).cloned().collect()
}

/// What the crates depend on under one heading, on any target.
fn depended_on(crates: &[String], heading: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in crates {
        let manifest = workspace::root().join(name).join("Cargo.toml");
        let manifest: toml::Table = fs::read_to_string(manifest).expect("a manifest").parse().expect("TOML");
        found.extend(external(manifest.get(heading)));
        let targets = manifest.get("target").and_then(toml::Value::as_table).into_iter().flatten();
        targets.for_each(|(_, target)| found.extend(external(target.get(heading))));
    }
    found
}

#[test]
fn every_dependency_has_a_row_and_every_used_package_is_one() {
    let shipped = workspace::shipped_crates();
    let used = &depended_on(&shipped, "dependencies") | &depended_on(&shipped, "build-dependencies");
    let all =
        &depended_on(&workspace::crates(), "dependencies") | &depended_on(&workspace::crates(), "dev-dependencies");
    assert!(used.len() > 20, "{used:?}");
    assert_eq!(with_standing("used"), used, "left: docs/packages.md, right: what is shipped depends on");
    assert_eq!(with_standing("used by tests"), &all - &used, "left: docs/packages.md, right: Cargo.toml");
}

#[test]
fn the_workspace_offers_no_package_that_is_not_used() {
    let offered = external(workspace::manifest()["workspace"].get("dependencies"));
    assert_eq!(offered, &with_standing("used") | &with_standing("used by tests"), "left: Cargo.toml");
}

#[test]
fn what_is_replaced_says_by_what_and_why_and_how_that_was_measured() {
    let replaced = with_standing("replaced");
    assert!(replaced.len() > 10 && with_standing("not yet").len() > 5);
    for (package, (standing, why)) in rows() {
        assert!(["used", "used by tests", "replaced", "not yet"].contains(&standing), "{package}: {standing}");
        assert!(!why.is_empty(), "{package} says nothing");
        if replaced.contains(package) {
            let says_all =
                why.starts_with("by ") && why.contains(", because ") && why.to_lowercase().contains("measured ");
            assert!(says_all, "{package} is replaced by what, because of what, measured how?");
        }
    }
}

#[test]
fn the_packages_that_a_reader_expects_are_there() {
    let rows = rows();
    for package in "oci-distribution oci-client sigstore ed25519-dalek tar flate2 reqwest clap serde_yaml tokio \
                    zip semver unicase jiff strsim pkcs8 http-auth globset"
        .split_whitespace()
    {
        assert!(rows.contains_key(package), "docs/packages.md has no row for `{package}`");
    }
}

#[test]
fn every_place_that_the_page_names_is_there() {
    let rooms = [workspace::crates(), vec!["checks".to_owned()]].concat();
    let mut named = 0;
    for (package, (_, why)) in rows() {
        let words = why.split('`').skip(1).step_by(2);
        for path in
            words.filter(|word| word.split_once('/').is_some_and(|(room, _)| rooms.iter().any(|name| name == room)))
        {
            assert!(workspace::root().join(path).exists(), "{package} names `{path}`, which is gone");
            named += 1;
        }
    }
    assert!(named > 10, "{named} places");
}
