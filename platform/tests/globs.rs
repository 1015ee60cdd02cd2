//! Globs against what doublestar says, row by row.

use aisoc_platform::{Glob, GlobError};
use serde_json::Value;

const PUBLIC: &str = include_str!("../../testdata/vectors/globs_public.json");

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().expect("a text")
}

fn holds(row: &Value, key: &str) -> bool {
    row[key].as_bool().expect("yes or no")
}

/// What is wrong with a row; nothing when the two agree.
fn difference(row: &Value) -> Option<String> {
    let (pattern, path) = (text(row, "pattern"), text(row, "path"));
    let glob = Glob::new(pattern);
    let found = match &glob {
        Ok(glob) => glob.matches(path),
        Err(error) => Err(*error),
    };
    let expected = if holds(row, "error") { Err(GlobError::Malformed) } else { Ok(holds(row, "match")) };
    // A pattern that is refused is never asked.
    let agrees = glob.is_ok() == holds(row, "valid") && (glob.is_err() || found == expected);
    (!agrees).then(|| format!("{row}: {found:?}"))
}

#[test]
fn every_public_vector_is_met() {
    let vectors: Value = serde_json::from_str(PUBLIC).expect("JSON");
    let rows = vectors["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1736, "vectors were added or lost");
    let different: Vec<String> = rows.iter().filter_map(difference).collect();
    assert_eq!(different, Vec::<String>::new());
    println!("globs_public.json: {0} of {0}", rows.len());
}

/// Random patterns and paths that went through doublestar 4.9.1: nested braces, braces in classes, `**` in odd places,
/// letters of more than one byte.
#[test]
fn every_odd_vector_is_met() {
    let rows: Vec<Value> = include_str!("../../testdata/vectors/globs_odd.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a row"))
        .collect();
    assert_eq!(rows.len(), 3000, "vectors were added or lost");
    let count = |is: fn(&Value) -> bool| rows.iter().filter(|row| is(row)).count();
    assert!(count(|row| holds(row, "match")) > 500 && count(|row| !holds(row, "valid")) > 500);
    assert!(count(|row| holds(row, "valid") && holds(row, "error")) > 5, "faults that only some paths lead to");
    let different: Vec<String> = rows.iter().filter_map(difference).collect();
    assert_eq!(different, Vec::<String>::new());
}
