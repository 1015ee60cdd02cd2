//! Findings as SARIF 2.1.0, which code scanning reads
//! (<https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>). Numbers in comments are its sections.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use aisoc_manifests::digest::Digest;
use aisoc_pipeline::keys::lint::{Finding, Rule};
use serde::Serialize;
use serde_json::{Value, json};

use crate::output::{Answer, Form};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// A log (3.13), and what it makes of the command.
#[derive(Debug, Serialize)]
pub(super) struct Sarif {
    #[serde(flatten)]
    log: Value,
    #[serde(skip)]
    exit_code: u8,
}

impl Sarif {
    /// One run (3.14) with every rule, whether it has found something or not. `hint` completes a hint.
    pub(super) fn of(findings: &[Finding], exit_code: u8, hint: impl Fn(&str) -> String) -> Self {
        let mut seen = BTreeMap::new();
        let results: Vec<Value> = findings.iter().map(|finding| result(finding, &mut seen, &hint)).collect();
        let rules: Vec<Value> = Rule::ALL.iter().map(rule).collect();
        let driver = json!({ "name": "aisoc", "version": env!("CARGO_PKG_VERSION"), "rules": rules });
        let run = json!({ "tool": { "driver": driver }, "results": results });
        Self { log: json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] }), exit_code }
    }
}

/// 3.49, `reportingDescriptor`.
fn rule(rule: &Rule) -> Value {
    json!({
        "id": rule.as_str(),
        "shortDescription": { "text": rule.title() },
        "fullDescription": { "text": rule.meaning() },
        "help": { "text": "See \"Looking for faults\" in `aisoc help keys`." },
        "defaultConfiguration": { "level": rule.level().as_str() },
    })
}

/// 3.27. A key is one line of meaning, and code scanning shows only what has a line.
fn result(finding: &Finding, seen: &mut BTreeMap<String, usize>, hint: &dyn Fn(&str) -> String) -> Value {
    let next = finding.hint.as_deref().map(|next| format!(". {}", hint(next))).unwrap_or_default();
    let place = json!({ "artifactLocation": { "uri": uri(&finding.path) }, "region": { "startLine": 1 } });
    json!({
        "ruleId": finding.rule.as_str(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": finding.level().as_str(),
        "message": { "text": format!("{}{next}", finding.message) },
        "locations": [{ "physicalLocation": place }],
        "partialFingerprints": { "aisocFinding/v1": identity(finding, seen) },
    })
}

/// By which the same finding is known again in the next run (3.27.17): not by its words, which may be put better. Two of
/// one kind about one file are two.
fn identity(finding: &Finding, seen: &mut BTreeMap<String, usize>) -> String {
    let key = finding.key.as_ref().map(|(_, fingerprint)| fingerprint.to_string()).unwrap_or_default();
    let about = format!("{}\0{}\0{key}", finding.rule.as_str(), uri(&finding.path));
    let count = seen.entry(about.clone()).or_default();
    *count += 1;
    match *count {
        1 => Digest::of(about.as_bytes()).hex(),
        count => Digest::of(format!("{about}\0{count}").as_bytes()).hex(),
    }
}

/// A relative reference (RFC 3986, section 4.2), from the directory in which the command ran on; of an absolute path a
/// `file` URI.
fn uri(path: &Path) -> String {
    let mut uri = if path.is_absolute() { "file://".to_owned() } else { String::new() };
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

impl Answer for Sarif {
    fn text(&self) -> String {
        format!("{:#}\n", self.log)
    }

    fn form(&self) -> Form {
        Form::Json
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_reference_that_leads_there() {
        for (path, expected) in [
            ("keys/ops.pem", "keys/ops.pem"),
            ("a b/c:d%.pem", "a%20b/c%3Ad%25.pem"),
            ("/etc/é.pem", "file:///etc/%C3%A9.pem"),
            ("../keys", "../keys"),
        ] {
            assert_eq!(uri(Path::new(path)), expected);
        }
    }
}
