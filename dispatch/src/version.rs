//! The versions of the command that a plugin asks for.

use std::cmp::Ordering;
use std::fmt;

/// One comparison with a version: `>=0.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionConstraint {
    comparator: Comparator,
    version: [u64; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparator {
    Equal,
    AtLeast,
    Above,
    AtMost,
    Below,
}

/// A text that is no constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MalformedConstraint(String);

impl fmt::Display for MalformedConstraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is no constraint on versions: one of =, >=, >, <=, < and up to three numbers", self.0)
    }
}

impl std::error::Error for MalformedConstraint {}

impl VersionConstraint {
    /// Reads a constraint; none for an empty text.
    ///
    /// # Errors
    /// A text that is none.
    pub fn parse(text: &str) -> Result<Option<Self>, MalformedConstraint> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(None);
        }
        let comparators = [
            (">=", Comparator::AtLeast),
            ("<=", Comparator::AtMost),
            (">", Comparator::Above),
            ("<", Comparator::Below),
            ("=", Comparator::Equal),
        ];
        let found = comparators.into_iter().find_map(|(sign, is)| Some((trimmed.strip_prefix(sign)?, is)));
        let (version, comparator) = found.unwrap_or((trimmed, Comparator::Equal));
        let version = numbers(version.trim_start()).ok_or_else(|| MalformedConstraint(text.to_owned()))?;
        Ok(Some(Self { comparator, version }))
    }

    /// Whether a version satisfies it. What is no version, such as that of a development build, satisfies everything.
    pub fn is_met_by(&self, version: &str) -> bool {
        let Some(version) = numbers(version) else { return true };
        let order = version.cmp(&self.version);
        match self.comparator {
            Comparator::Equal => order == Ordering::Equal,
            Comparator::AtLeast => order != Ordering::Less,
            Comparator::Above => order == Ordering::Greater,
            Comparator::AtMost => order != Ordering::Greater,
            Comparator::Below => order == Ordering::Less,
        }
    }
}

/// Up to three numbers, of which those that are missing are 0. What follows `-` or `+` says nothing about the order here.
fn numbers(text: &str) -> Option<[u64; 3]> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let release = text.split(['-', '+']).next()?;
    let mut version = [0; 3];
    for (at, part) in release.split('.').enumerate() {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        *version.get_mut(at)? = part.parse().ok().filter(|_| is_number)?;
    }
    Some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constraint_is_one_comparison() {
        for (constraint, version, is_met) in [
            ("1.2.3", "1.2.3", true),
            ("1.2.3", "1.2.4", false),
            ("=1.2", "1.2.0", true),
            ("= 1.2", "1.2.0", true),
            (">=1.2.0", "1.2.0", true),
            (">=1.2.0", "1.1.9", false),
            (">=1", "1.0.0", true),
            (">1.2", "1.2.0", false),
            (">1.2", "1.2.1", true),
            ("<=1.2", "1.2.0", true),
            ("<=1.2", "1.2.1", false),
            ("<2", "1.99.99", true),
            ("<2", "2.0.0", false),
            (">=v1.0", "v1.0.0", true),
            (">=1.2.0-rc1", "1.2.0", true),
            (">=1.2.0+build", "1.2.0-alpha", true),
            (" >=1.0 ", "1.0", true),
            (">=99.0.0", "DEV", true),
            (">=99.0.0", "", true),
            (">=99.0.0", "main-1234", true),
            (">=1.10", "1.9.0", false),
        ] {
            let parsed = VersionConstraint::parse(constraint).expect("a constraint").expect("not empty");
            assert_eq!(parsed.is_met_by(version), is_met, "{version} {constraint}");
        }
        assert_eq!(VersionConstraint::parse(""), Ok(None));
        assert_eq!(VersionConstraint::parse("  "), Ok(None));
    }

    #[test]
    fn what_is_no_comparison_is_refused() {
        for text in [
            ">=abc",
            "1.2.3.4",
            "1..2",
            ">=",
            "~1.2",
            "^1.2",
            "1.x",
            ">=1.2,<2",
            "!=1",
            "1.2 beta",
            "==1",
            "+1",
            "99999999999999999999",
        ] {
            assert_eq!(VersionConstraint::parse(text), Err(MalformedConstraint(text.to_owned())), "{text}");
        }
    }
}
