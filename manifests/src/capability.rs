//! The capabilities that a host can grant to a plugin: a closed list.
//!
//! An entry of `capabilities` with a dot in it is one of these, or a mistake. Entries without a dot are
//! the tags that connectors of AiSOC have long listed under the same key; they grant nothing.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

macro_rules! capabilities {
    ($($variant:ident $name:literal $high_impact:literal $meaning:literal)*) => {
        /// A permission that a manifest asks for and a host may grant.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Capability {
            $(#[doc = $meaning] $variant,)*
        }

        impl Capability {
            /// Every capability, in the order of the reference.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in a manifest.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it permits, in one clause.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }

            /// Whether a reviewer should ask why the plugin needs it.
            pub const fn is_high_impact(self) -> bool {
                match self { $(Self::$variant => $high_impact,)* }
            }
        }
    };
}

capabilities! {
    FactsRead "facts.read" false "Reads facts in the scopes the plugin works on."
    FactsWrite "facts.write" true "Writes facts."
    RecallRead "recall.read" false "Reads recall, which may combine facts into richer context."
    RecallWrite "recall.write" true "Changes recall, and so what ranks high."
    AuditEmit "audit.emit" false "Writes audit events, without reading any."
    AuditRead "audit.read" true "Reads the audit trail: actors, targets, tenants."
    FederationRead "federation.read" false "Reads which peers there are and how they are trusted."
    FederationWrite "federation.write" true "Changes how peers are trusted and what reaches them."
    IdentityRead "identity.read" true "Reads identities, on which authorization rests."
    TenantRead "tenant.read" false "Reads which tenant is served."
    TenantWrite "tenant.write" true "Changes the isolation and the routing of tenants."
    ConfigRead "config.read" false "Reads the configuration, which may hold secrets."
    NetworkOutbound "network.outbound" true "Opens connections to other machines."
}

impl Capability {
    /// The capability whose name is nearest to a word, if any is near at all.
    pub fn nearest(word: &str) -> Option<Self> {
        nearest(word, Self::ALL.iter().map(|capability| (*capability, capability.as_str())))
    }
}

/// Whether an entry of `capabilities` asks for a grant, and is no tag.
pub fn is_grant(entry: &str) -> bool {
    entry.contains('.')
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|capability| capability.as_str() == text).ok_or_else(|| {
            let message = format!("`{}` is not a capability that a host can grant", shown(text, 80));
            let fault = Fault::new(Reason::UnknownCapability, message);
            match Self::nearest(text) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault,
            }
        })
    }
}

/// The candidate whose name takes the fewest changes to make from `word`, at most a third of its length.
pub(crate) fn nearest<T>(word: &str, candidates: impl Iterator<Item = (T, &'static str)>) -> Option<T> {
    // Longer words are no slip of the fingers, and comparing costs their length.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase();
    candidates
        .map(|(candidate, name)| (distance(&word, name), name.len() / 3, candidate))
        .filter(|(distance, limit, _)| distance <= limit)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(.., candidate)| candidate)
}

/// Levenshtein: insertions, deletions and replacements that turn one word into the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_thirteen_and_every_name_reads_back() {
        assert_eq!(Capability::ALL.len(), 13);
        for capability in Capability::ALL {
            assert_eq!(capability.as_str().parse::<Capability>().expect("its own name"), *capability);
        }
    }

    #[test]
    fn slips_are_named() {
        assert_eq!(Capability::nearest("fact.read"), Some(Capability::FactsRead));
        assert_eq!(Capability::nearest("Network.Outbuond"), Some(Capability::NetworkOutbound));
        assert_eq!(Capability::nearest("filesystem.everything"), None);
        let fault = "facts.reed".parse::<Capability>().expect_err("a slip");
        assert_eq!((fault.reason(), fault.next_step()), (Reason::UnknownCapability, "did you mean `facts.read`?"));
    }

    #[test]
    fn distance_counts_single_changes() {
        for (left, right, expected) in [("", "abc", 3), ("kitten", "sitting", 3), ("same", "same", 0)] {
            assert_eq!(distance(left, right), expected);
        }
    }
}
