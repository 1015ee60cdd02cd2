//! `Finding`: one thing that somebody should know of a site.

use std::path::PathBuf;

use aisoc_manifests::fault::Fault;

use super::rule::Rule;
use crate::keys::lint::{self, Level, causes};

/// What was found, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The stable id of what it is about: of a [`Rule`], or of one of [`lint::Rule`].
    pub rule: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// The file or directory, or what else it is about: a plugin, a variable.
    pub place: PathBuf,
    /// What was found, in one sentence.
    pub message: String,
    /// What should be there, and what is, where these are two values.
    pub values: Option<(String, String)>,
    /// What to do about it.
    pub hint: String,
}

impl Finding {
    /// Of a place, with what should be there, and what is.
    pub fn at(
        rule: Rule,
        place: impl Into<PathBuf>,
        message: impl Into<String>,
        values: (impl Into<String>, impl Into<String>),
        hint: impl Into<String>,
    ) -> Self {
        Self {
            rule: rule.as_str(),
            level: rule.level(),
            place: place.into(),
            message: message.into(),
            values: Some((values.0.into(), values.1.into())),
            hint: hint.into(),
        }
    }

    /// Of a refusal, with the values that differ and what it is caused by.
    pub fn of(rule: Rule, place: impl Into<PathBuf>, fault: &Fault) -> Self {
        let values = fault.difference().map(|values| (values.expected.clone(), values.found.clone()));
        let message = format!("{}: {}{}", fault.reason(), fault.message(), causes(fault));
        let (place, hint) = (place.into(), fault.next_step().to_owned());
        Self { rule: rule.as_str(), level: rule.level(), place, message, values, hint }
    }

    /// As the keys' own lint has found it.
    pub(super) fn of_key(finding: lint::Finding) -> Self {
        let level = finding.level();
        let lint::Finding { rule, path, message, hint, values, .. } = finding;
        let hint = hint.unwrap_or_else(|| "see all of it with `aisoc keys lint`".to_owned());
        Self { rule: rule.as_str(), level, place: path, message, values, hint }
    }
}
