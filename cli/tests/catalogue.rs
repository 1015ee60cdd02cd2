//! The catalogue of bad inputs is tied to tests: every row names some that exist and run, or says why
//! there is none. `cargo test --test catalogue -- --nocapture` prints how many rows of each section do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Reason;
use serde::Deserialize;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const TABLE: &str = include_str!("../../testdata/attacks/catalogue.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    section: Vec<Section>,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    letter: String,
    title: String,
    /// First and last number of each run of rows.
    rows: Vec<(u16, u16)>,
}

impl Section {
    fn numbers(&self) -> impl Iterator<Item = u16> {
        self.rows.iter().flat_map(|(first, last)| *first..=*last)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    number: u16,
    attack: String,
    #[serde(default)]
    reasons: Vec<String>,
    outcome: Option<String>,
    #[serde(default)]
    tests: Vec<String>,
    gap: Option<String>,
    uncovered: Option<String>,
}

fn catalogue() -> Catalogue {
    toml::from_str(TABLE).expect("the catalogue is a table of sections and rows")
}

/// The names of the tests in a source text that `cargo test` runs without being asked.
fn tests_of(source: &str) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            is_ignored |= line.starts_with("#[ignore");
        } else if let Some(name) = line.strip_prefix("fn ").or_else(|| line.strip_prefix("async fn ")) {
            let name = name.split('(').next().unwrap_or_default();
            if is_test && !is_ignored {
                tests.insert(name.to_owned());
            }
            (is_test, is_ignored) = (false, false);
        } else if !line.starts_with("//") {
            (is_test, is_ignored) = (false, false);
        }
    }
    tests
}

/// Whether that is a script of the reliability harness which is called in both of its extents.
fn is_run_script(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(name) = path.strip_prefix("checks/reliability/") else { return false };
    let run = fs::read_to_string(Path::new(ROOT).join("checks/reliability/run")).expect("there");
    let calls = run.lines().map(str::trim_start).filter_map(|line| line.strip_prefix("script "));
    let called = calls.filter(|call| call.split_whitespace().next() == Some(name)).count();
    let found = fs::metadata(Path::new(ROOT).join(path));
    called == 2 && found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 == 0o111)
}

/// A test's own file, what stands in directories beside it for all tests to share, and the corpus of
/// archives if the file uses it: where its expectations are written.
fn written_around(file: &Path) -> String {
    let mut text = fs::read_to_string(file).unwrap_or_default();
    let mut folders: Vec<PathBuf> =
        ["common", "support", "gauntlet"].iter().map(|name| file.with_file_name(name)).collect();
    if text.contains("hostile::") {
        folders.push(Path::new(ROOT).join("testkit/src/hostile"));
    }
    for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten() {
        text += &fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default();
    }
    text
}

#[test]
fn rows_are_numbered_without_a_gap_and_without_a_double() {
    let catalogue = catalogue();
    let numbers: Vec<u16> = catalogue.row.iter().map(|row| row.number).collect();
    let expected: Vec<u16> = catalogue.section.iter().flat_map(Section::numbers).collect();
    assert_eq!(numbers, expected, "rows stand in the order of their sections, each once");
    let attacks: BTreeSet<_> = catalogue.row.iter().map(|row| &row.attack).collect();
    assert_eq!(attacks.len(), numbers.len(), "two rows are about the same attack");
}

#[test]
fn every_row_is_either_tested_or_says_why_not() {
    for Row { number, attack, reasons, outcome, tests, gap, uncovered } in catalogue().row {
        assert!(!attack.is_empty());
        match uncovered {
            Some(why) => {
                assert!(!why.is_empty(), "row {number} does not say why");
                let nothing = reasons.is_empty() && outcome.is_none() && tests.is_empty() && gap.is_none();
                assert!(nothing, "row {number} is covered and uncovered");
            }
            None => {
                assert!(!tests.is_empty(), "row {number} has no test and does not say why");
                assert_eq!(reasons.is_empty(), outcome.is_some(), "row {number} is refused or comes out as something");
            }
        }
    }
}

#[test]
fn every_named_test_exists_and_runs() {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in catalogue().row {
        for test in &row.tests {
            let Some((file, name)) = test.split_once("::") else {
                assert!(is_run_script(test), "row {}: `checks/reliability/run` runs no `{test}`", row.number);
                continue;
            };
            let tests = files.entry(file.to_owned()).or_insert_with(|| {
                let path = Path::new(ROOT).join(file);
                tests_of(
                    &fs::read_to_string(&path).unwrap_or_else(|error| panic!("row {}: {file}: {error}", row.number)),
                )
            });
            assert!(tests.contains(name), "row {}: {file} has no test `{name}` that runs", row.number);
        }
    }
    assert!(files.len() > 5);
}

#[test]
fn every_reason_is_one_of_ours_and_stands_where_its_row_is_tested() {
    for row in catalogue().row {
        let around: String = row
            .tests
            .iter()
            .map(|test| test.split_once("::").map_or(test.as_str(), |(file, _)| file))
            .map(|file| written_around(&Path::new(ROOT).join(file)))
            .collect();
        for code in &row.reasons {
            let reason = Reason::from_code(code).unwrap_or_else(|| panic!("row {}: no reason `{code}`", row.number));
            let is_asserted = around.contains(code.as_str()) || around.contains(&format!("Reason::{reason:?}"));
            assert!(is_asserted, "row {}: none of its tests knows `{code}`", row.number);
        }
    }
}

#[test]
fn prints_how_much_is_covered() {
    let catalogue = catalogue();
    for section in &catalogue.section {
        let rows: Vec<&Row> =
            section.numbers().filter_map(|number| catalogue.row.iter().find(|row| row.number == number)).collect();
        let covered = rows.iter().filter(|row| row.uncovered.is_none()).count();
        let with_gap = rows.iter().filter(|row| row.gap.is_some()).count();
        println!("{} {covered}/{}, {with_gap} with a gap: {}", section.letter, rows.len(), section.title);
        assert!(!rows.is_empty());
    }
}

#[test]
fn a_script_counts_when_the_harness_runs_it() {
    assert!(is_run_script("checks/reliability/kill_points"));
    for other in [
        "checks/reliability/run",
        "checks/reliability/README.md",
        "checks/reliability/harness/oracle.py",
        "checks/perf/run",
        "kill_points",
    ] {
        assert!(!is_run_script(other), "{other}");
    }
}

#[test]
fn a_renamed_an_ignored_and_a_helper_function_are_no_tests() {
    let source = "#[test]\nfn one() {\n    let x = 1;\n}\n\n#[test]\n#[ignore = \"slow\"]\nfn two() {}\n\nfn three() {}\n\n\
                  #[tokio::test(flavor = \"current_thread\")]\nasync fn four() {}\n\n#[test]\n// why\n#[cfg(unix)]\nfn five() {}\n\
                  mod tests {\n    #[test]\n    fn six() {}\n}\n#[cfg(test)]\nfn seven() {}\n";
    let found: Vec<String> = tests_of(source).into_iter().collect();
    assert_eq!(found, ["five", "four", "one", "six"]);
}
