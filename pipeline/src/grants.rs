//! What a plugin asks of its host, beside what the one asked for that it replaces.

use std::collections::BTreeSet;

use aisoc_manifests::plugin;
use aisoc_signing::Claim;
use aisoc_trust::InPlace;

/// What a plugin that was installed asks to be allowed, by the names of its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// What it asks for now.
    pub now: BTreeSet<String>,
    /// What stood in its place asked for.
    pub before: GrantsBefore,
}

/// What was asked for by what stood in the place of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantsBefore {
    /// Its place was free.
    Nothing,
    /// Neither its record nor its manifest says.
    Unknown,
    /// What its record says, else its manifest.
    Known(BTreeSet<String>),
}

impl GrantsBefore {
    /// What the plugin in place was accepted to ask for, before it is replaced.
    pub(crate) fn of(in_place: Option<&InPlace>) -> Self {
        match in_place.map(|in_place| &in_place.capabilities) {
            None => Self::Nothing,
            Some(Some(grants)) => Self::Known(grants.clone()),
            Some(None) => Self::Unknown,
        }
    }
}

impl Grants {
    /// Of a plugin that stays what it was.
    pub(crate) fn unchanged(now: BTreeSet<String>) -> Self {
        Self { before: GrantsBefore::Known(now.clone()), now }
    }

    /// What is asked for and was not before; nothing where there is nothing to compare with.
    pub fn added(&self) -> Option<Vec<&str>> {
        let GrantsBefore::Known(before) = &self.before else { return None };
        Some(self.now.difference(before).map(String::as_str).collect())
    }

    /// What was asked for and is not any more; nothing where there is nothing to compare with.
    pub fn removed(&self) -> Option<Vec<&str>> {
        let GrantsBefore::Known(before) = &self.before else { return None };
        Some(before.difference(&self.now).map(String::as_str).collect())
    }
}

/// What a claim's manifest asks to be allowed; nothing when it cannot be read.
pub(crate) fn stated_grants(claim: &Claim) -> Option<BTreeSet<String>> {
    claim.document().and_then(plugin::stated_grants).ok()
}
