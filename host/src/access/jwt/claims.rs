//! `Claims`: what a token says, once it is known whose it is.

use std::fmt;

use aisoc_context::Tenant;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::permission::{Permission, Role, Scope};
use crate::strict_json;

/// How far the clocks of an issuer and of a host may be apart.
const MAX_SKEW_SECONDS: f64 = 60.0;
/// Longest name of whoever a token is about.
const MAX_SUBJECT_BYTES: usize = 128;
/// Most audiences, scopes and roles of one token that are looked at: one that has more is none.
const MAX_WORDS: usize = 100;
/// How events and the journal begin the name of somebody whom an issuer names. No token of our own is called so.
const PREFIX: &str = "jwt:";

/// Whoever a token is about, as events and the journal name them: `jwt:` and what the issuer calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject(String);

impl Subject {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a verified token says.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        match strict_json::value(payload).ok()? {
            Value::Object(claims) => Some(Self(claims)),
            _ => None,
        }
    }

    pub(super) fn are_of(&self, issuer: &str) -> bool {
        self.0.get("iss").and_then(Value::as_str) == Some(issuer)
    }

    pub(super) fn are_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(only)) => only == audience,
            Some(Value::Array(all)) => all.len() <= MAX_WORDS && all.iter().any(|one| one.as_str() == Some(audience)),
            _ => false,
        }
    }

    /// Whether it has begun and is not over. A token without an end is none, and a time is a number.
    pub(super) fn count_at(&self, now: Timestamp) -> bool {
        let now = now.as_duration().as_secs_f64();
        // What is there and is no time is no good news.
        let time = |name: &str| match self.0.get(name) {
            None => Some(None),
            Some(value) => value.as_f64().map(Some),
        };
        let (Some(Some(end)), Some(begin), Some(made)) = (time("exp"), time("nbf"), time("iat")) else { return false };
        let is_past = |time: Option<f64>| time.is_none_or(|time| time <= now + MAX_SKEW_SECONDS);
        now < end + MAX_SKEW_SECONDS && is_past(begin) && is_past(made)
    }

    /// Nothing where it is about nobody, or about somebody with a name that no line of a log should have.
    pub(super) fn subject(&self) -> Option<Subject> {
        let name = self.0.get("sub")?.as_str()?;
        let is_name =
            !name.is_empty() && name.len() <= MAX_SUBJECT_BYTES && name.bytes().all(|byte| byte.is_ascii_graphic());
        is_name.then(|| Subject(format!("{PREFIX}{name}")))
    }

    /// For which tenant whoever it is about asks (`tenant`); for none where it says nothing of one. What is there and names
    /// none makes a token none: whoever meant a tenant did not mean no tenant.
    pub(super) fn tenant(&self) -> Option<Option<Tenant>> {
        match self.0.get("tenant") {
            None => Some(None),
            Some(name) => name.as_str()?.parse().ok().map(Some),
        }
    }

    /// Whether it holds that permission: by its scopes (`scope`, RFC 9068, 2.2.3), and where it has none by the roles of
    /// whoever it is about (`role`, `roles`). A scope says how much of that was lent, so it is never more than it says.
    pub(super) fn hold(&self, permission: Permission) -> bool {
        match self.0.get("scope") {
            Some(scope) => words(scope).is_some_and(|words| {
                words.iter().filter_map(|word| word.parse().ok()).any(|scope: Scope| scope.holds(permission))
            }),
            None => {
                let roles = ["role", "roles"].into_iter().filter_map(|name| self.0.get(name));
                let roles = roles.map(list).collect::<Option<Vec<_>>>().unwrap_or_default();
                roles.iter().flatten().filter_map(|word| word.parse().ok()).any(|role: Role| role.holds_plugins())
            }
        }
    }
}

/// Words with one space between, as `scope` has them.
fn words(value: &Value) -> Option<Vec<&str>> {
    let words: Vec<&str> = value.as_str()?.split(' ').take(MAX_WORDS + 1).collect();
    (words.len() <= MAX_WORDS).then_some(words)
}

/// One text, or a list of them.
fn list(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(only) => Some(vec![only]),
        Value::Array(all) if all.len() <= MAX_WORDS => all.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
