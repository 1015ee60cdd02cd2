//! One rule and one command: the axes, in their order, and which of them decides.

use aisoc_manifests::fault::Reason;
use aisoc_platform::{CommandView, Glob, Identity, Risk, Rule, RuleFault};

use super::denial::{Denial, Layer};

/// What nobody denies: whoever is denied something finds out by whom.
const DIAGNOSTICS: [&str; 2] = ["config/policy/show", "config/plugins/show"];

/// Whether a command is never denied.
pub(super) fn is_diagnostic(path: &str) -> bool {
    DIAGNOSTICS.contains(&path)
}

/// Where a rule is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// The plugin of that name.
    Plugin(String),
    /// The file. Its path is told to nobody.
    Yaml,
}

/// A rule that is put to work.
#[derive(Debug, Clone)]
pub struct Policy {
    source: PolicySource,
    rule: Rule,
    allow: Vec<Glob>,
    deny: Vec<Glob>,
}

/// What of a rule looks at a command, in that order. The first that refuses decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Commands by which others are understood are always allowed.
    Diagnostics,
    /// What the command says of its risk.
    Risk,
    /// Patterns that deny.
    Deny,
    /// Patterns that allow.
    Allow,
    /// The most harm.
    MaxRisk,
    /// For whom it is.
    Identities,
}

impl Axis {
    /// The axis in one word: the key of the rule, where there is one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Diagnostics => "diagnostics",
            Self::Risk => "risk",
            Self::Deny => "deny",
            Self::Allow => "allow",
            Self::MaxRisk => "max_risk",
            Self::Identities => "identities",
        }
    }
}

/// What one axis says of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisOutcome {
    /// The axis.
    pub axis: Axis,
    /// The code with which it refuses; none when it lets the command through.
    pub refuses: Option<Reason>,
    /// Why, in words.
    pub because: String,
    /// The pattern that decided, where one did.
    pub pattern: Option<String>,
}

impl AxisOutcome {
    fn passes(axis: Axis, because: impl Into<String>) -> Self {
        Self { axis, refuses: None, because: because.into(), pattern: None }
    }

    fn refuses(axis: Axis, code: Reason, because: impl Into<String>) -> Self {
        Self { axis, refuses: Some(code), because: because.into(), pattern: None }
    }

    fn by(mut self, pattern: &Glob) -> Self {
        self.pattern = Some(pattern.as_str().to_owned());
        self
    }
}

/// Every axis that was asked, up to the first that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation(pub Vec<AxisOutcome>);

impl Explanation {
    /// The axis that refused; none when the command is allowed.
    pub fn refusing(&self) -> Option<&AxisOutcome> {
        self.0.last().filter(|outcome| outcome.refuses.is_some())
    }
}

impl Policy {
    /// Puts a rule to work.
    ///
    /// # Errors
    /// All that is wrong with it: no part of such a rule is put to work.
    pub fn new(source: PolicySource, rule: Rule) -> Result<Self, Vec<RuleFault>> {
        let faults = rule.faults();
        if !faults.is_empty() {
            return Err(faults);
        }
        // None of them has a fault.
        let globs = |patterns: &[String]| patterns.iter().filter_map(|pattern| Glob::new(pattern).ok()).collect();
        Ok(Self { allow: globs(&rule.allow), deny: globs(&rule.deny), source, rule })
    }

    /// Where it is from.
    pub const fn source(&self) -> &PolicySource {
        &self.source
    }

    /// The rule.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// `plugin:audit`, `yaml`, or `yaml:agents` when the rule has a name.
    pub fn source_label(&self) -> String {
        match &self.source {
            PolicySource::Plugin(name) => format!("plugin:{name}"),
            PolicySource::Yaml if self.rule.name.is_empty() => "yaml".to_owned(),
            PolicySource::Yaml => format!("yaml:{}", self.rule.name),
        }
    }

    /// Whether it denies a command.
    pub fn judge(&self, command: &dyn CommandView) -> Option<Denial> {
        let explanation = self.explain(command);
        let refusing = explanation.refusing()?;
        Some(Denial {
            path: command.path(),
            layer: Layer::Policy,
            policy_source: self.source_label(),
            rule_name: self.rule.name.clone(),
            code: refusing.refuses?,
            reason: refusing.because.clone(),
            children: Vec::new(),
        })
    }

    /// Whether a pattern denies a command by another path that leads to it.
    pub(super) fn denies(&self, path: &str, command: &str) -> Option<Denial> {
        let outcome = self.is_denied(path);
        Some(Denial {
            path: command.to_owned(),
            layer: Layer::Policy,
            policy_source: self.source_label(),
            rule_name: self.rule.name.clone(),
            code: outcome.refuses.filter(|_| !is_diagnostic(command))?,
            reason: format!("{path:?} is the same command, and {}", outcome.because),
            children: Vec::new(),
        })
    }

    /// What each axis says of a command.
    pub fn explain(&self, command: &dyn CommandView) -> Explanation {
        let path = command.path();
        if is_diagnostic(&path) {
            return Explanation(vec![AxisOutcome::passes(
                Axis::Diagnostics,
                "it says who denies what, and is never denied",
            )]);
        }
        let risk = command.risk();
        let axes: [&dyn Fn() -> AxisOutcome; 5] = [
            &|| self.risk_is_said(risk.as_ref()),
            &|| self.is_denied(&path),
            &|| self.is_allowed(&path),
            &|| self.risk_is_low(risk.as_ref()),
            &|| self.identity_is_let_through(command.identities()),
        ];
        let mut outcomes = Vec::with_capacity(axes.len());
        for axis in axes {
            outcomes.push(axis());
            if outcomes.last().is_some_and(|outcome| outcome.refuses.is_some()) {
                break;
            }
        }
        Explanation(outcomes)
    }

    fn risk_is_said(&self, risk: Option<&Risk>) -> AxisOutcome {
        match risk {
            Some(Risk::Unknown(text)) => {
                let because = format!("invalid risk {text:?}; did you mean {:?}?", meant(text).as_str());
                AxisOutcome::refuses(Axis::Risk, Reason::RiskInvalid, because)
            }
            Some(risk) => AxisOutcome::passes(Axis::Risk, format!("its risk is {risk}")),
            None if self.rule.allow_unannotated => {
                AxisOutcome::passes(Axis::Risk, "allow_unannotated lets it say nothing")
            }
            None => AxisOutcome::refuses(Axis::Risk, Reason::RiskNotAnnotated, "it does not say what harm it can do"),
        }
    }

    fn is_denied(&self, path: &str) -> AxisOutcome {
        // A pattern that has a fault with this path denies it.
        match Glob::naming(&self.deny, path).next() {
            Some((glob, _)) => {
                let because = format!("the deny pattern {:?} names it", glob.as_str());
                AxisOutcome::refuses(Axis::Deny, Reason::CommandDenylisted, because).by(glob)
            }
            None => AxisOutcome::passes(Axis::Deny, "no deny pattern names it"),
        }
    }

    fn is_allowed(&self, path: &str) -> AxisOutcome {
        if self.allow.is_empty() {
            return AxisOutcome::passes(Axis::Allow, "there are no allow patterns");
        }
        match Glob::naming(&self.allow, path).find(|(_, named)| named.is_ok()) {
            Some((glob, _)) => {
                AxisOutcome::passes(Axis::Allow, format!("the allow pattern {:?} names it", glob.as_str())).by(glob)
            }
            None => {
                let because =
                    format!("no allow pattern names it: {}", listed(self.rule.allow.iter().map(String::as_str)));
                AxisOutcome::refuses(Axis::Allow, Reason::DomainNotAllowed, because)
            }
        }
    }

    fn risk_is_low(&self, risk: Option<&Risk>) -> AxisOutcome {
        let Some(most) = &self.rule.max_risk else {
            return AxisOutcome::passes(Axis::MaxRisk, "max_risk is not set");
        };
        let Some(risk) = risk else {
            return AxisOutcome::passes(Axis::MaxRisk, "it does not say its risk, and may");
        };
        match too_high(risk.rank(), most.rank(), risk.is_write()) {
            Some(code) => {
                AxisOutcome::refuses(Axis::MaxRisk, code, format!("its risk is {risk}, and max_risk is {most}"))
            }
            None => AxisOutcome::passes(Axis::MaxRisk, format!("its risk is {risk}, and max_risk is {most}")),
        }
    }

    fn identity_is_let_through(&self, identities: Option<Vec<Identity>>) -> AxisOutcome {
        let allowed = &self.rule.identities;
        let declared = identities.unwrap_or_default();
        if allowed.is_empty() {
            return AxisOutcome::passes(Axis::Identities, "identities are not set");
        }
        if declared.is_empty() {
            return AxisOutcome::passes(Axis::Identities, "it does not say for whom it is");
        }
        let names = |identities: &[Identity]| listed(identities.iter().map(Identity::as_str));
        let because = format!("it is for {}, and identities are {}", names(&declared), names(allowed));
        match declared.iter().any(|identity| allowed.contains(identity)) {
            true => AxisOutcome::passes(Axis::Identities, because),
            false => AxisOutcome::refuses(Axis::Identities, Reason::IdentityMismatch, because),
        }
    }
}

/// With which code a risk above the most is refused.
///
/// Of the three levels all above `read` write. Should there be one that does not, it has a code of its own.
fn too_high(rank: Option<u8>, most: Option<u8>, is_write: bool) -> Option<Reason> {
    let is_above = match (rank, most) {
        (Some(rank), Some(most)) => rank > most,
        // What is no level is above all of them.
        (None, _) | (_, None) => true,
    };
    is_above.then_some(if is_write { Reason::WriteNotAllowed } else { Reason::RiskTooHigh })
}

/// The level that was meant: the nearest, and of two the lower.
fn meant(text: &str) -> Risk {
    let text = text.to_lowercase();
    let nearest = Risk::ALL.into_iter().min_by_key(|risk| strsim::levenshtein(&text, risk.as_str()));
    nearest.unwrap_or(Risk::Read)
}

/// How many names a sentence holds.
const MAX_LISTED: usize = 8;

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(MAX_LISTED);
    let shown: Vec<&str> = names.take(MAX_LISTED).collect();
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_does_not_write_has_a_code_of_its_own() {
        for (rank, most, is_write, code) in [
            (Some(0), Some(0), false, None),
            (Some(1), Some(0), true, Some(Reason::WriteNotAllowed)),
            (Some(1), Some(1), true, None),
            (Some(2), Some(1), true, Some(Reason::WriteNotAllowed)),
            (Some(2), Some(2), true, None),
            // No level is like this yet.
            (Some(1), Some(0), false, Some(Reason::RiskTooHigh)),
            (None, Some(2), false, Some(Reason::RiskTooHigh)),
            (Some(0), None, false, Some(Reason::RiskTooHigh)),
        ] {
            assert_eq!(too_high(rank, most, is_write), code, "{rank:?} {most:?}");
        }
    }

    #[test]
    fn the_nearest_level_is_the_one_that_was_meant() {
        for (text, level) in [
            ("wrtie", Risk::Write),
            ("WRITE", Risk::Write),
            ("Read", Risk::Read),
            ("high_risk_write", Risk::HighRiskWrite),
            ("high-risk", Risk::HighRiskWrite),
            // As far from each as it is long: the lowest.
            ("", Risk::Read),
        ] {
            assert_eq!(meant(text), level, "{text}");
        }
    }
}
