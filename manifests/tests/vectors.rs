//! The reader against what the host's own functions gave for the same bytes.
//!
//! `testdata/vectors` holds the inputs and outcomes; a row without `j` or `h` is one that the host
//! refuses, at the stage that `e` names.

use std::path::Path;

use aisoc_manifests::canonical::float_text;
use aisoc_manifests::digest::{CanonicalDigest, FileDigest};
use aisoc_manifests::fault::Reason;
use aisoc_manifests::id::PluginId;
use aisoc_manifests::plugin::{Document, ManifestFile, PythonFiles};
use aisoc_manifests::value::Text;
use base64::Engine as _;
use serde_json::Value as Json;

fn load(name: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/vectors").join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("vectors are JSON")
}

fn rows<'a>(tables: &'a Json, name: &str) -> &'a [Json] {
    tables[name]["rows"].as_array().expect("a table has rows")
}

fn from_base64(text: &Json) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(text.as_str().expect("text")).expect("base64")
}

/// The canonical JSON of a manifest, or the stage that refuses it.
fn outcome(file: ManifestFile, bytes: &[u8]) -> Result<Vec<u8>, &'static str> {
    let document = Document::read(file, bytes).map_err(|fault| {
        assert!(fault.location().is_some_and(|location| location.file == file.name()), "{fault:?}");
        "manifest"
    })?;
    document.canonical().map_err(|fault| {
        assert_eq!(fault.reason(), Reason::ManifestNotCanonical);
        assert!(fault.location().is_some_and(|location| location.file == file.name()), "{fault:?}");
        "digest"
    })
}

/// Compares every row of a table, and prints how many are equal.
#[expect(clippy::print_stdout, reason = "the counts are the point of the test")]
fn compare(table: &str, rows: &[Json], file: ManifestFile, input: impl Fn(&Json) -> Vec<u8>) {
    let mut equal = 0;
    let mut differing = Vec::new();
    for row in rows {
        let bytes = input(row);
        let found = outcome(file, &bytes);
        let is_equal = match (&found, row["e"].as_str()) {
            (Err(stage), Some(expected)) => *stage == expected,
            (Ok(canonical), None) => {
                let text_matches = row["j"].as_str().is_none_or(|text| text.as_bytes() == canonical);
                let digest = row["h"].as_str().or(row["sha256"].as_str());
                let digest_matches = digest.is_none_or(|digest| digest == CanonicalDigest::of(canonical).hex());
                assert!(row["j"].is_string() || digest.is_some(), "a row that expects nothing: {row}");
                text_matches && digest_matches
            }
            _ => false,
        };
        if is_equal {
            equal += 1;
        } else if differing.len() < 20 {
            let found = found.map(|canonical| String::from_utf8_lossy(&canonical).into_owned());
            differing.push(format!("{row}\n  document {:?}\n  found {found:?}", String::from_utf8_lossy(&bytes)));
        }
    }
    println!("{table} {equal} of {}", rows.len());
    assert_eq!(equal, rows.len(), "{table}\n{}", differing.join("\n"));
}

#[test]
fn yaml_scalars() {
    let tables = load("tables_public.json");
    let input = |row: &Json| {
        let scalar = row["s"].as_str().expect("a scalar is text");
        format!("v: {scalar}\n").into_bytes()
    };
    compare("yaml_scalars", rows(&tables, "yaml_scalars"), ManifestFile::Yaml, input);
}

#[test]
fn yaml_documents() {
    let tables = load("tables_public.json");
    compare("yaml_documents", rows(&tables, "yaml_documents"), ManifestFile::Yaml, |row| from_base64(&row["d"]));
}

#[test]
fn json_documents() {
    let tables = load("tables_public.json");
    compare("json_documents", rows(&tables, "json_documents"), ManifestFile::Json, |row| from_base64(&row["d"]));
}

#[test]
fn floats() {
    let tables = load("tables_public.json");
    let rows = rows(&tables, "floats");
    for row in rows {
        let bits = u64::from_str_radix(row["bits"].as_str().expect("bits"), 16).expect("hexadecimal");
        assert_eq!(float_text(f64::from_bits(bits)), row["j"].as_str().expect("text"), "{bits:016x}");
    }
    println!("floats {0} of {0}", rows.len());
}

#[test]
fn plugin_ids() {
    let tables = load("tables_public.json");
    let ids = tables["plugin_ids"].as_array().expect("a list");
    let (mut compared, mut not_text) = (0, 0);
    for row in ids {
        // An id that is no text is a matter of the manifest: see `ids_must_be_text` in `tests/manifest.rs`.
        let Some(id) = row["in"].as_str() else {
            assert_eq!(row["ok"], false);
            not_text += 1;
            continue;
        };
        // The host's pattern ends in `$`, which also matches before a final newline; ours does not.
        let expected = row["ok"].as_bool().expect("a boolean") && !id.ends_with('\n');
        assert_eq!(id.parse::<PluginId>().is_ok(), expected, "{id:?}");
        compared += 1;
    }
    println!("plugin_ids {compared} of {} equal, {not_text} are not text", ids.len());
}

/// The plugin directories: what is signed for them, from the manifest and the Python files.
#[test]
fn plugin_directories() {
    let public = load("public.json");
    let (mut equal, mut refused, mut skipped) = (0, 0, 0);
    for vector in public["vectors"].as_array().expect("a list") {
        let category = vector["category"].as_str().expect("text");
        let about_reading = category.starts_with("yaml-") || ["basic", "files", "json-manifest"].contains(&category);
        if !about_reading {
            continue;
        }
        if ["symlinks", "files_raw", "dirs"].iter().any(|key| !vector[*key].is_null()) {
            skipped += 1;
            continue;
        }
        let expect = &vector["expect"];
        match (signed_payload(vector), expect["digest_hex"].as_str()) {
            (Ok(payload), Some(digest)) => {
                assert_eq!(CanonicalDigest::of(&payload).hex(), digest, "{}", vector["name"]);
                if !expect["canonical_b64"].is_null() {
                    assert_eq!(payload, from_base64(&expect["canonical_b64"]), "{}", vector["name"]);
                }
                equal += 1;
            }
            (Err(stage), None) => {
                assert_eq!(expect["error"]["stage"].as_str(), Some(stage), "{}", vector["name"]);
                refused += 1;
            }
            (found, _) => panic!("{}: expected {expect}, found {found:?}", vector["name"]),
        }
    }
    println!("plugin directories: {equal} equal, {refused} refused at the same stage, {skipped} need a file system");
    assert!(equal > 50 && refused > 10);
}

fn signed_payload(vector: &Json) -> Result<Vec<u8>, &'static str> {
    let files = vector["files"].as_object().expect("an object");
    let file = ManifestFile::find(|name| files.contains_key(name)).ok_or("manifest")?;
    let document = Document::read(file, &from_base64(&files[file.name()])).map_err(|_| "manifest")?;
    let is_python = |name: &&String| name.ends_with(".py");
    let python: PythonFiles = files
        .keys()
        .filter(is_python)
        .map(|name| (Text::from(name.as_str()), FileDigest::of(&from_base64(&files[name]))))
        .collect();
    document.signed_payload(&python).map_err(|_| "digest")
}
