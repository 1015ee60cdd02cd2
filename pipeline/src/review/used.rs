//! What a plugin has really called of a host, beside what it declares.

use crate::documents::{DescribedPlugin, PublisherUsage, UsedPlugin};

/// Of what nobody has signed.
const NOBODY: &str = "unsigned";

impl DescribedPlugin {
    /// The page with what a host has written down of the plugin: what those have used who have signed this one is held against
    /// what it declares.
    #[must_use]
    pub fn beside(mut self, used: UsedPlugin) -> Self {
        let signers: Vec<&str> = self.signers.iter().map(|signer| signer.signing_key_fingerprint.as_str()).collect();
        let is_theirs = |usage: &&PublisherUsage| match signers.as_slice() {
            [] => usage.signed_by.starts_with(NOBODY),
            signers => usage.signed_by.split('+').all(|key| signers.contains(&key)),
        };
        if let (Some(usage), Some(item)) =
            (used.publishers.iter().find(is_theirs), self.checklist.iter_mut().find(|item| item.item == "2"))
        {
            item.finding = format!("{}; {}", item.finding, said(usage));
        }
        self.used = Some(used);
        self
    }
}

/// What differs between what it declares and what it has called.
fn said(usage: &PublisherUsage) -> String {
    let denied: Vec<&str> =
        usage.accessors.iter().filter(|one| one.denied_count > 0).map(|one| one.capability).collect();
    let never = (!usage.never_used.is_empty()).then(|| format!("it has never used {}", usage.never_used.join(", ")));
    let denied = (!denied.is_empty()).then(|| format!("it was denied {}", denied.join(", ")));
    let found: Vec<String> = [never, denied].into_iter().flatten().collect();
    if found.is_empty() { "it has used all that it declares".to_owned() } else { found.join(", and ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::UsedAccessor;

    #[test]
    fn what_differs_from_what_is_declared_is_said() {
        let accessor = |denied_count| UsedAccessor {
            capability: "facts.read",
            accessor: "get_facts_reader",
            is_declared: denied_count == 0,
            opened_count: 0,
            used_count: 0,
            failed_count: 0,
            denied_count,
            last_used_at: None,
            last_denied_at: None,
        };
        let usage = |denied: &[u64], never_used: &[&'static str]| PublisherUsage {
            signed_by: NOBODY.to_owned(),
            accessors: denied.iter().map(|count| accessor(*count)).collect(),
            never_used: never_used.to_vec(),
        };
        assert_eq!(said(&usage(&[0], &[])), "it has used all that it declares");
        assert_eq!(said(&usage(&[], &["audit.emit"])), "it has never used audit.emit");
        assert_eq!(said(&usage(&[3], &["audit.emit"])), "it has never used audit.emit, and it was denied facts.read");
    }
}
