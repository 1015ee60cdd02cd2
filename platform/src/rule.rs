//! `Rule`: what a policy is, and whether it is one.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Glob, GlobError, Identity, Risk};

/// One rule over all commands: a file says it, or a plugin. Its axes are joined by "and", and one that is empty
/// restricts nothing.
///
/// ```
/// use aisoc_platform::{Risk, Rule};
///
/// let rule: Rule = serde_json::from_str(r#"{"name": "agents", "allow": ["plugin/**"], "max_risk": "read"}"#)?;
/// assert_eq!(rule.max_risk, Some(Risk::Read));
/// assert!(!rule.allow_unannotated && rule.faults().is_empty());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// What it is there for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Patterns of which a command has to match one; all commands when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// Patterns of which a command matches none, whatever is allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
    /// The most harm that a command may do.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "risk_or_none")]
    pub max_risk: Option<Risk>,
    /// As whom commands may be given: a command that says for whom it is has to be for one of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// Whether commands that say nothing of their risk are allowed. A risk that is none is refused all the same: that
    /// is a mistake, and no missing word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_unannotated: bool,
}

/// An empty text says nothing about the risk.
fn risk_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Risk>, D::Error> {
    Ok(Some(Risk::deserialize(deserializer)?).filter(|risk| !risk.as_str().is_empty()))
}

impl Rule {
    /// All that is wrong with it; a rule with a fault is never put to work.
    ///
    /// ```
    /// use aisoc_platform::{Risk, Rule};
    ///
    /// let rule = Rule { deny: vec!["plugin/[a".into()], max_risk: Some(Risk::from("nuclear")), ..Rule::default() };
    /// let faults: Vec<String> = rule.faults().iter().map(ToString::to_string).collect();
    /// assert_eq!(faults, [
    ///     "invalid max_risk \"nuclear\": must be one of read|write|high-risk-write",
    ///     "invalid deny glob \"plugin/[a\": syntax error in pattern",
    /// ]);
    /// ```
    pub fn faults(&self) -> Vec<RuleFault> {
        let risk = self.max_risk.iter().filter(|risk| !risk.is_valid()).cloned().map(RuleFault::MaxRisk);
        let identities = self.identities.iter().enumerate();
        let identities = identities.filter(|(_, identity)| !identity.is_valid());
        let identities = identities.map(|(entry, identity)| RuleFault::Identity { entry, identity: identity.clone() });
        let globs = [("allow", &self.allow), ("deny", &self.deny)];
        let globs = globs.into_iter().flat_map(|(list, patterns)| glob_faults(list, patterns));
        risk.chain(identities).chain(globs).collect()
    }
}

fn glob_faults<'a>(list: &'static str, patterns: &'a [String]) -> impl Iterator<Item = RuleFault> + 'a {
    patterns.iter().enumerate().filter_map(move |(entry, pattern)| {
        let fault = Glob::new(pattern).err()?;
        Some(RuleFault::Glob { list, entry, pattern: pattern.clone(), fault })
    })
}

/// What is wrong with a rule, and where in it.
///
/// ```
/// use aisoc_platform::{Identity, Rule, RuleFault};
///
/// let rule = Rule { identities: vec![Identity::User, Identity::from("root")], ..Rule::default() };
/// let RuleFault::Identity { entry, .. } = &rule.faults()[0] else { panic!("an identity") };
/// assert_eq!(*entry, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleFault {
    /// `max_risk` is no level.
    MaxRisk(Risk),
    /// One of `identities` is none.
    Identity {
        /// Which of them, from 0.
        entry: usize,
        /// What it says.
        identity: Identity,
    },
    /// One of the patterns is none.
    Glob {
        /// The list: `allow` or `deny`.
        list: &'static str,
        /// Which of them, from 0.
        entry: usize,
        /// What it says.
        pattern: String,
        /// Why it is none.
        fault: GlobError,
    },
}

impl RuleFault {
    /// The key of the rule, and which entry of its list, from 0.
    ///
    /// ```
    /// use aisoc_platform::{Risk, Rule};
    ///
    /// let rule = Rule { max_risk: Some(Risk::from("none")), allow: vec![String::new()], ..Rule::default() };
    /// let places: Vec<_> = rule.faults().iter().map(|fault| fault.place()).collect();
    /// assert_eq!(places, [("max_risk", None), ("allow", Some(0))]);
    /// ```
    pub const fn place(&self) -> (&'static str, Option<usize>) {
        match self {
            Self::MaxRisk(_) => ("max_risk", None),
            Self::Identity { entry, .. } => ("identities", Some(*entry)),
            Self::Glob { list, entry, .. } => (list, Some(*entry)),
        }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRisk(risk) => {
                write!(formatter, "invalid max_risk {:?}: must be one of read|write|high-risk-write", risk.as_str())
            }
            Self::Identity { identity, .. } => {
                write!(formatter, "invalid identities entry {:?}: must be 'user' or 'bot'", identity.as_str())
            }
            Self::Glob { list, pattern, fault, .. } => write!(formatter, "invalid {list} glob {pattern:?}: {fault}"),
        }
    }
}

impl std::error::Error for RuleFault {}
