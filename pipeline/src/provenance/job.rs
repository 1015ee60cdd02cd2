//! `Job`: what a CI system says of one of its jobs, in the variables that provenance is made of.

use std::collections::BTreeMap;

use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::redact::holds_credentials;

/// Longest value of a variable: addresses and names, and none of those is longer anywhere.
const MAX_VALUE_BYTES: usize = 2_048;

/// A CI system whose jobs say where they come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiSystem {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
}

impl CiSystem {
    /// Every variable that is read, and no other is.
    pub const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::GitHub => &[
                "GITHUB_SERVER_URL",
                "GITHUB_REPOSITORY",
                "GITHUB_REPOSITORY_ID",
                "GITHUB_REPOSITORY_OWNER_ID",
                "GITHUB_REF",
                "GITHUB_SHA",
                "GITHUB_WORKFLOW_REF",
                "GITHUB_RUN_ID",
                "GITHUB_RUN_ATTEMPT",
                "GITHUB_EVENT_NAME",
                "RUNNER_ENVIRONMENT",
            ],
            Self::GitLab => &[
                "CI_PROJECT_URL",
                "CI_COMMIT_SHA",
                "CI_COMMIT_REF_NAME",
                "CI_COMMIT_TAG",
                "CI_CONFIG_PATH",
                "CI_JOB_NAME",
                "CI_JOB_URL",
                "CI_PIPELINE_ID",
                "CI_PIPELINE_SOURCE",
                "CI_RUNNER_ID",
            ],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::GitHub => "GitHub Actions",
            Self::GitLab => "GitLab CI",
        }
    }
}

/// A job, by the values of those variables that are set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    system: CiSystem,
    values: BTreeMap<&'static str, String>,
}

impl Job {
    /// Asks `value` for each variable, and for no other.
    ///
    /// # Errors
    /// Those of `value`; `usage` for a value that is no public one: it is too long, or holds a login or a token.
    pub fn of(system: CiSystem, value: impl Fn(&'static str) -> Result<Option<String>>) -> Result<Self> {
        let mut values = BTreeMap::new();
        for name in system.variables() {
            if let Some(value) = value(name)? {
                require_public(name, &value)?;
                values.insert(*name, value);
            }
        }
        Ok(Self { system, values })
    }

    /// Whose job it is.
    pub fn system(&self) -> CiSystem {
        self.system
    }

    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// # Errors
    /// `usage` where it is not set.
    pub(super) fn required(&self, name: &str) -> Result<&str> {
        self.optional(name).ok_or_else(|| {
            Fault::new(Reason::Usage, format!("`{name}` is not set in this job of {}", self.system.name()))
                .hint(format!("hand `{name}` on to the step, as {} sets it for each job", self.system.name()))
        })
    }

    /// The address that a variable holds, without a slash at its end.
    pub(super) fn address(&self, name: &str) -> Result<&str> {
        let value = self.required(name)?;
        require_address(&format!("`{name}`"), value).map(|()| value.trim_end_matches('/'))
    }

    /// The commit that a variable holds.
    pub(super) fn commit(&self, name: &str) -> Result<&str> {
        let value = self.required(name)?;
        require_commit(&format!("`{name}`"), value).map(|()| value)
    }
}

/// # Errors
/// `usage`, which does not repeat the value.
pub(super) fn require_public(what: &str, value: &str) -> Result<()> {
    if value.len() > MAX_VALUE_BYTES {
        let message = format!("`{what}` is longer than what provenance says of a build");
        return Err(Fault::new(Reason::Usage, message)
            .expected(format!("{MAX_VALUE_BYTES} bytes at most"), format!("{} bytes", value.len()))
            .hint(format!("correct `{what}`")));
    }
    if holds_credentials(value) {
        let message = format!("`{what}` holds a login or a token, and provenance is public");
        return Err(Fault::new(Reason::Usage, message).hint(format!("leave the login out of `{what}`")));
    }
    Ok(())
}

pub(super) fn require_address(what: &str, value: &str) -> Result<()> {
    let host = ["https://", "http://"].iter().find_map(|scheme| value.strip_prefix(scheme));
    match host.is_some_and(|host| !host.is_empty() && !value.contains(char::is_whitespace)) {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, format!("{what} is no address"))
            .hint("an address begins with https://, as https://github.com/acme/plugins does")),
    }
}

pub(super) fn require_commit(what: &str, value: &str) -> Result<()> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match matches!(value.len(), 40 | 64) && value.bytes().all(is_digit) {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, format!("{what} is no commit"))
            .expected("the 40 or 64 hexadecimal digits of a commit", format!("{} characters", value.chars().count()))
            .hint("print a commit whole with `git rev-parse HEAD`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_an_end() {
        for (bytes, is_taken) in [(MAX_VALUE_BYTES - 1, true), (MAX_VALUE_BYTES, true), (MAX_VALUE_BYTES + 1, false)] {
            let job = Job::of(CiSystem::GitHub, |_| Ok(Some("x".repeat(bytes))));
            assert_eq!(job.is_ok(), is_taken, "{bytes}");
        }
    }

    #[test]
    fn a_value_with_a_login_or_a_token_is_refused_and_not_repeated() {
        for value in
            ["https://ci:hunter2@gitlab.example/acme", &format!("ghp_{}", "A1b2C3d4E5".repeat(4)[..36].to_owned())]
        {
            let of = |name| Ok((name == "CI_PROJECT_URL").then(|| value.to_owned()));
            let fault = Job::of(CiSystem::GitLab, of).expect_err(value);
            assert_eq!(fault.reason(), Reason::Usage);
            assert!(fault.message().contains("CI_PROJECT_URL") && !fault.to_string().contains(value), "{fault}");
        }
    }

    #[test]
    fn no_variable_is_asked_for_that_is_not_listed() {
        for system in [CiSystem::GitHub, CiSystem::GitLab] {
            let asked = std::cell::RefCell::new(Vec::new());
            let job = Job::of(system, |name| {
                asked.borrow_mut().push(name);
                Ok(None)
            });
            assert_eq!(asked.into_inner(), system.variables());
            let fault = job.expect("nothing is set").required(system.variables()[0]).map(str::to_owned);
            assert!(fault.expect_err("not set").message().contains(system.variables()[0]));
        }
    }

    #[test]
    fn a_commit_has_all_its_digits_and_an_address_a_scheme() {
        for (text, is_one) in [
            ("0".repeat(40), true),
            ("f".repeat(64), true),
            ("0".repeat(39), false),
            ("0".repeat(41), false),
            ("F".repeat(40), false),
            ("main".to_owned(), false),
        ] {
            assert_eq!(require_commit("it", &text).is_ok(), is_one, "{text}");
        }
        for (text, is_one) in [
            ("https://github.com", true),
            ("http://gitlab.corp/acme", true),
            ("https://", false),
            ("github.com", false),
            ("https://a b", false),
        ] {
            assert_eq!(require_address("it", text).is_ok(), is_one, "{text}");
        }
    }
}
