//! `RegistryPlace`: a registry as a whole, or a repository of one.

use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_manifests::reference::Reference;
use aisoc_manifests::registry_host::RegistryHost;

/// A registry, and a repository or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryPlace {
    pub(crate) registry: RegistryHost,
    /// Empty for the registry as a whole.
    pub(crate) repository: String,
}

impl FromStr for RegistryPlace {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        // What has no `/` is a host, and no reference into a registry is one.
        if !text.contains('/') && !text.starts_with("oci:") && !text.starts_with("oci-archive:") {
            return Ok(Self { registry: text.parse()?, repository: String::new() });
        }
        match text.parse()? {
            Reference::Registry(reference) => {
                Ok(Self { registry: (&reference).into(), repository: reference.repository().to_owned() })
            }
            Reference::Layout(_) => Err(Fault::new(Reason::Usage, format!("`{text}` is a layout, and in no registry"))
                .hint("name a registry, or a reference into one: `ghcr.io` or `ghcr.io/team/plugin:1.0.0`")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_registry_or_a_repository_of_one() {
        for (text, registry, repository) in [
            ("ghcr.io", "ghcr.io", ""),
            ("localhost:5000", "localhost:5000", ""),
            ("oci.example", "oci.example", ""),
            ("ghcr.io/team/demo:1", "ghcr.io", "team/demo"),
            ("ghcr.io/team", "ghcr.io", "team"),
        ] {
            let place: RegistryPlace = text.parse().expect(text);
            assert_eq!((place.registry.as_str(), place.repository.as_str()), (registry, repository));
        }
        for (text, reason) in [
            ("oci:directory", Reason::Usage),
            ("oci-archive:file.tar:1", Reason::Usage),
            ("ghcr.io/", Reason::InvalidReference),
            ("ghcr", Reason::InvalidReference),
            ("", Reason::InvalidReference),
        ] {
            assert_eq!(text.parse::<RegistryPlace>().expect_err(text).reason(), reason, "{text}");
        }
    }
}
