//! Trust modes: what to do about a package that is not verified.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

/// What the gate does about a package that no trusted key verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrustMode {
    /// Refuse. The default, and the only mode for production.
    #[default]
    Strict,
    /// Let it in and say so: for the time in which publishers begin to sign.
    Warn,
    /// Check nothing: for throw-away machines.
    Disabled,
}

impl TrustMode {
    /// The mode as it is written in `PLUGIN_TRUST_MODE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Warn => "warn",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for TrustMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TrustMode {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "strict" => Ok(Self::Strict),
            "warn" => Ok(Self::Warn),
            "disabled" => Ok(Self::Disabled),
            _ => Err(Fault::new(Reason::Usage, format!("`{}` is not a trust mode", shown(text, 80)))
                .hint("the trust modes are strict, warn and disabled")),
        }
    }
}

/// What `warn` does about a signature file that is not a signature.
///
/// The lifecycle page lets it in as `invalid`; the host's code refuses it. We follow the page, and
/// keep the host's reading so that its recorded outcomes can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MalformedSignature {
    /// Let in as `invalid`, as the lifecycle page says.
    #[default]
    ReadsAsInvalid,
    /// Refused, as the host's code does.
    Refused,
}

/// How much of a tree a signature has to cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CoverageRule {
    /// Every file.
    Full,
    /// Every file that could run or be loaded: documents may stand beside. The default.
    #[default]
    InertRest,
    /// The manifest and `*.py`, as the host's own check: for packages that were signed before trees were.
    Code,
}

impl CoverageRule {
    /// The rule as it is written in `PLUGIN_TRUST_COVERAGE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::InertRest => "inert",
            Self::Code => "code",
        }
    }
}

impl FromStr for CoverageRule {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "full" => Ok(Self::Full),
            "inert" => Ok(Self::InertRest),
            "code" => Ok(Self::Code),
            _ => Err(Fault::new(Reason::Usage, format!("`{}` is not a coverage rule", shown(text, 80)))
                .hint("the coverage rules are full, inert and code")),
        }
    }
}

/// The four words of the lifecycle page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureStatus {
    /// A trusted key signed it.
    Verified,
    /// It has no signature file.
    Unsigned,
    /// It has one, and no trusted key verifies it.
    Invalid,
    /// Nothing was checked.
    Skipped,
}

impl SignatureStatus {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unsigned => "unsigned",
            Self::Invalid => "invalid",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for SignatureStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_variables_and_results_are_these() {
        for (word, mode) in
            [("strict", TrustMode::Strict), ("warn", TrustMode::Warn), ("disabled", TrustMode::Disabled)]
        {
            assert_eq!((mode.as_str(), mode.to_string().as_str()), (word, word));
            assert_eq!(format!(" {} ", word.to_uppercase()).parse::<TrustMode>().expect(word), mode);
        }
        for (word, rule) in
            [("full", CoverageRule::Full), ("inert", CoverageRule::InertRest), ("code", CoverageRule::Code)]
        {
            assert_eq!(rule.as_str(), word);
            assert_eq!(format!(" {} ", word.to_uppercase()).parse::<CoverageRule>().expect(word), rule);
        }
        for (word, status) in [
            ("verified", SignatureStatus::Verified),
            ("unsigned", SignatureStatus::Unsigned),
            ("invalid", SignatureStatus::Invalid),
            ("skipped", SignatureStatus::Skipped),
        ] {
            assert_eq!((status.as_str(), status.to_string().as_str()), (word, word));
        }
    }

    #[test]
    fn a_word_that_is_none_is_refused_and_becomes_no_default() {
        for word in ["", "stric", "strictly", "none", "off", "st rict"] {
            assert_eq!(word.parse::<TrustMode>().expect_err(word).reason(), Reason::Usage);
            assert_eq!(word.parse::<CoverageRule>().expect_err(word).reason(), Reason::Usage);
        }
    }
}
