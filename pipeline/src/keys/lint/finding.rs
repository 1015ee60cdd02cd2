//! `Finding`: one thing that somebody should know of a directory of keys.

use std::path::PathBuf;

use aisoc_manifests::fault::Fault;
use aisoc_signing::{Fingerprint, HeldKey, Survey};

use super::rule::{Level, Rule};

/// What was found, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// The file or directory, as the user would write it.
    pub path: PathBuf,
    /// The key, by its name and content, when it can be read.
    pub key: Option<(String, Fingerprint)>,
    /// What was found, in one sentence.
    pub message: String,
    /// What should be there, and what is, where these are two values; the message has them.
    pub values: Option<(String, String)>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Of a file or a directory.
    pub(super) fn at(rule: Rule, path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { rule, path: path.into(), key: None, message: message.into(), values: None, hint: None }
    }

    /// Of a refusal, with the values that differ and what it is caused by.
    pub(super) fn of(rule: Rule, path: impl Into<PathBuf>, fault: &Fault) -> Self {
        let mut message = fault.message().to_owned();
        if let Some(values) = fault.difference() {
            message.push_str(&format!(": expected {}, found {}", values.expected, values.found));
        }
        message.push_str(&causes(fault));
        let values = fault.difference().map(|values| (values.expected.clone(), values.found.clone()));
        Self { values, ..Self::at(rule, path, message).hint(fault.next_step()) }
    }

    /// Of a key that can be read.
    pub(super) fn of_key(rule: Rule, key: &HeldKey, survey: &Survey, message: impl Into<String>) -> Self {
        let key_of = Some((key.id.to_string(), key.fingerprint));
        Self { key: key_of, ..Self::at(rule, survey.path_of(&key.file), message) }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// How much it weighs.
    pub fn level(&self) -> Level {
        self.rule.level()
    }
}

/// What a refusal is caused by, as it stands behind its message.
pub(crate) fn causes(fault: &Fault) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(fault);
    while let Some(because) = cause {
        text.push_str(&format!("; {because}"));
        cause = because.source();
    }
    text
}
