//! Which references a site installs from: of which registries, and whether a tag is enough.

use std::collections::BTreeSet;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::RegistryReference;
use aisoc_manifests::text::shown;

/// The registries that plugins are installed from.
pub const REGISTRY_ALLOWLIST: &str = "AISOC_PLUGIN_REGISTRY_ALLOWLIST";
/// Whether a reference needs no digest.
pub const ALLOW_UNPINNED: &str = "AISOC_PLUGIN_ALLOW_UNPINNED";
/// The words that mean that it does not.
const YES: [&str; 4] = ["1", "true", "yes", "on"];

/// Which references are taken. What is on this machine, a layout, an archive or a directory, has none of a registry,
/// and is whoever's who put it there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReferenceRules {
    /// The only registries, `HOST` or `HOST:PORT`; all where nothing is said.
    registries: Option<BTreeSet<String>>,
    /// Whether a reference has to name a digest.
    are_pinned: bool,
}

impl ReferenceRules {
    /// Reads both settings. Every word but those that mean yes asks for a digest: somebody wanted something, and it
    /// must not become less.
    ///
    /// # Errors
    /// `usage` for a list of registries with an entry that can be none.
    pub fn read(allowed_registries: Option<&str>, allow_unpinned: Option<&str>) -> Result<Self> {
        let is_yes = |word: &str| YES.contains(&word.trim().to_ascii_lowercase().as_str());
        Ok(Self {
            registries: allowed_registries.map(read_registries).transpose()?,
            are_pinned: allow_unpinned.is_some_and(|word| !is_yes(word)),
        })
    }

    /// Whether a reference has to name a digest.
    pub fn are_pinned(&self) -> bool {
        self.are_pinned
    }

    /// The only registries, where there is a list.
    pub fn registries(&self) -> Option<&BTreeSet<String>> {
        self.registries.as_ref()
    }

    /// Refuses a reference before anything is asked of its registry. `required` is the only artifact that is
    /// acceptable, if there is one.
    ///
    /// # Errors
    /// `registry_not_allowed` and `unpinned_ref`.
    pub fn allow(&self, reference: &RegistryReference, required: Option<ArtifactDigest>) -> Result<()> {
        let registry = reference.registry().to_ascii_lowercase();
        if let Some(registries) = self.registries.as_ref().filter(|registries| !registries.contains(&registry)) {
            let listed: Vec<&str> = registries.iter().map(String::as_str).collect();
            return Err(Fault::new(
                Reason::RegistryNotAllowed,
                format!("`{reference}`: nothing is installed from `{registry}` here"),
            )
            .expected(format!("one of {REGISTRY_ALLOWLIST}: {}", listed.join(", ")), registry));
        }
        if self.are_pinned && required.is_none() && reference.digest().is_none() {
            return Err(Fault::new(Reason::UnpinnedReference, format!("`{reference}` names no digest"))
                .expected("a reference with a digest, such as `@sha256:` and 64 digits", "a tag alone"));
        }
        Ok(())
    }
}

fn read_registries(list: &str) -> Result<BTreeSet<String>> {
    let entries: BTreeSet<String> = list.split(',').map(|entry| entry.trim().to_ascii_lowercase()).collect();
    // A repository below a registry, or a URL: neither would ever match, and whoever wrote it would not know.
    match entries.iter().find(|entry| entry.is_empty() || entry.contains(['/', '@', ' '])) {
        None => Ok(entries),
        Some(entry) => Err(Fault::new(Reason::Usage, format!("{REGISTRY_ALLOWLIST} has an entry that is no registry"))
            .expected("HOST or HOST:PORT, with one comma between two", format!("`{}`", shown(entry, 80)))
            .hint("write it as in references: what stands there before the first `/`")),
    }
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::reference::Reference;

    use super::*;

    fn allow(list: Option<&str>, unpinned: Option<&str>, reference: &str) -> std::result::Result<(), Reason> {
        let Ok(Reference::Registry(reference)) = reference.parse() else { panic!("{reference}") };
        let rules = ReferenceRules::read(list, unpinned).map_err(|fault| fault.reason())?;
        rules.allow(&reference, None).map_err(|fault| fault.reason())
    }

    #[test]
    fn a_registry_is_on_the_list_with_its_port_or_not_at_all() {
        let list = Some(" ghcr.io , Registry.Example:5000");
        for reference in ["ghcr.io/acme/x:1", "registry.example:5000/x:1"] {
            assert_eq!(allow(list, None, reference), Ok(()), "{reference}");
            assert_eq!(allow(None, None, reference), Ok(()), "{reference}");
        }
        for reference in
            ["registry.example/x:1", "registry.example:5001/x:1", "ghcr.io:443/acme/x:1", "evil.example/ghcr.io/x:1"]
        {
            assert_eq!(allow(list, None, reference), Err(Reason::RegistryNotAllowed), "{reference}");
        }
        for list in [",", "", "ghcr.io,", "ghcr.io/acme", "https://ghcr.io", "a b"] {
            assert_eq!(allow(Some(list), None, "ghcr.io/acme/x:1"), Err(Reason::Usage), "{list}");
        }
    }

    #[test]
    fn four_words_let_a_tag_do_and_every_other_one_asks_for_a_digest() {
        let pinned = format!("ghcr.io/acme/x@sha256:{}", "0".repeat(64));
        for yes in ["1", "true", "yes", "on", " TRUE "] {
            assert_eq!(allow(None, Some(yes), "ghcr.io/acme/x:1"), Ok(()), "{yes}");
        }
        for no in ["0", "false", "no", "off", "2", "tru", " "] {
            assert_eq!(allow(None, Some(no), "ghcr.io/acme/x:1"), Err(Reason::UnpinnedReference), "{no}");
            assert_eq!(allow(None, Some(no), &pinned), Ok(()), "{no}");
        }
        let Ok(Reference::Registry(reference)) = "ghcr.io/acme/x:1".parse() else { panic!("a reference") };
        let rules = ReferenceRules::read(None, Some("0")).expect("read");
        let digest = format!("sha256:{}", "0".repeat(64)).parse().expect("a digest");
        assert_eq!(rules.allow(&reference, Some(digest)).map_err(|fault| fault.reason()), Ok(()));
    }
}
