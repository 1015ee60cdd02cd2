//! Whose plugins a site takes: of all keys that it trusts, those that are on one of two lists, where there are any.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_signing::Fingerprint;

/// The keys whose plugins a site takes.
pub const TRUSTED_PUBLISHERS: &str = "AISOC_PLUGIN_TRUSTED_PUBLISHERS";
/// The keys whose plugins it takes as an exception that is written down each time.
pub const OVERRIDE_PUBLISHERS: &str = "AISOC_PLUGIN_TRUST_OVERRIDE_PUBLISHERS";
/// What says that somebody knows what it means to verify nothing.
pub const UNSIGNED_ACK: &str = "AISOC_PLUGIN_UNSIGNED_ACK";
/// What that has to hold, to the byte.
pub const UNSIGNED_ACK_TEXT: &str = "i-understand-plugins-are-unsigned";

/// Whose plugins a site takes. Without a list those of every key that it trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publishers {
    trusted: BTreeSet<String>,
    overriding: BTreeSet<String>,
}

impl Publishers {
    /// Those of every trusted key.
    pub const fn all() -> Self {
        Self { trusted: BTreeSet::new(), overriding: BTreeSet::new() }
    }

    /// Reads both lists: names of keys and fingerprints, with commas between them and blanks around them. A list that
    /// is not there names nobody.
    ///
    /// # Errors
    /// `usage` for a list that is there and has an empty entry.
    pub fn read(trusted: Option<&str>, overriding: Option<&str>) -> Result<Self> {
        Ok(Self {
            trusted: read_list(TRUSTED_PUBLISHERS, trusted)?,
            overriding: read_list(OVERRIDE_PUBLISHERS, overriding)?,
        })
    }

    /// Whether there is a list.
    pub fn are_limited(&self) -> bool {
        !self.trusted.is_empty() || !self.overriding.is_empty()
    }

    /// Whether each name on a list is that of one key of these: of two nobody can say which was meant.
    ///
    /// # Errors
    /// `usage` for a name that several keys have.
    pub fn require_plain<'a>(&self, keys: impl IntoIterator<Item = (&'a str, Fingerprint)>) -> Result<()> {
        let mut named: BTreeMap<&str, BTreeSet<Fingerprint>> = BTreeMap::new();
        let is_listed = |key_id: &str| self.trusted.contains(key_id) || self.overriding.contains(key_id);
        for (key_id, fingerprint) in keys.into_iter().filter(|(key_id, _)| is_listed(key_id)) {
            named.entry(key_id).or_default().insert(fingerprint);
        }
        let Some((key_id, fingerprints)) = named.into_iter().find(|(_, fingerprints)| fingerprints.len() > 1) else {
            return Ok(());
        };
        let list = if self.trusted.contains(key_id) { TRUSTED_PUBLISHERS } else { OVERRIDE_PUBLISHERS };
        let found: Vec<String> = fingerprints.iter().map(ToString::to_string).collect();
        Err(Fault::new(Reason::Usage, format!("{list} names `{key_id}`, and that is the name of several trusted keys"))
            .expected("the name of one key, or its fingerprint", found.join(" and "))
            .hint(format!(
                "see both with `aisoc keys list`; then put the fingerprint of the one that is meant into {list}"
            )))
    }

    /// What the lists say of what these keys have signed, of whom `required` have to be on one; nothing when too few
    /// are.
    pub fn decide(&self, signers: &[(&str, Fingerprint)], required: usize) -> Option<TrustDecision> {
        if !self.are_limited() {
            return Some(TrustDecision::TrustedPublisher);
        }
        let is_on = |list: &BTreeSet<String>, (key_id, fingerprint): &(&str, Fingerprint)| {
            list.contains(*key_id) || list.contains(&fingerprint.to_string())
        };
        let trusted = signers.iter().filter(|signer| is_on(&self.trusted, signer)).count();
        let on_either = |signer: &&(&str, Fingerprint)| is_on(&self.trusted, signer) || is_on(&self.overriding, signer);
        match required {
            enough if trusted >= enough => Some(TrustDecision::TrustedPublisher),
            enough if signers.iter().filter(on_either).count() >= enough => Some(TrustDecision::OperatorOverride),
            _ => None,
        }
    }
}

fn read_list(name: &str, list: Option<&str>) -> Result<BTreeSet<String>> {
    let entries = list.into_iter().flat_map(|list| list.split(',')).map(|entry| entry.trim().to_owned());
    let entries: BTreeSet<String> = entries.collect();
    if !entries.contains("") {
        return Ok(entries);
    }
    Err(Fault::new(Reason::Usage, format!("{name} has an entry that names nobody"))
        .expected(
            "names or fingerprints of keys, with one comma between two",
            format!("`{}`", shown(list.unwrap_or_default(), 120)),
        )
        .hint("see names and fingerprints with `aisoc keys list`"))
}

/// Why a plugin was let in, in the words of the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrustDecision {
    /// A key whose plugins this site takes has signed it.
    TrustedPublisher,
    /// A key has signed it whose plugins this site takes as an exception.
    OperatorOverride,
    /// Nobody has looked who has signed it, and somebody has said that this is known.
    DevelopmentUnsignedOverride,
}

impl TrustDecision {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TrustedPublisher => "trusted_publisher",
            Self::OperatorOverride => "operator_override",
            Self::DevelopmentUnsignedOverride => "development_unsigned_override",
        }
    }

    /// Whether it is an exception, which is written down each time.
    pub const fn is_exception(self) -> bool {
        !matches!(self, Self::TrustedPublisher)
    }
}

impl fmt::Display for TrustDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
