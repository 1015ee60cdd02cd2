//! What an index of one plugin for several platforms has to be, whoever reads or makes it.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::text::shown;

use crate::signature_look::SignatureLook;

/// Most platforms of an index that is published: each is read whole, and an index of 4 MiB lists ten thousand.
pub(crate) const MAX_PLATFORMS: usize = 64;
/// Longest version that a message repeats.
const MAX_SHOWN: usize = 80;

/// Refuses more platforms than there may be.
///
/// # Errors
/// `not_a_plugin_artifact`.
pub(crate) fn require_few_platforms(count: usize) -> Result<()> {
    match count > MAX_PLATFORMS {
        true => Err(Fault::new(Reason::NotAPluginArtifact, "the index is for more platforms than are published")
            .expected(format!("at most {MAX_PLATFORMS}"), count.to_string())),
        false => Ok(()),
    }
}

/// Refuses another plugin, or another version: whoever installs could get either by one name.
///
/// # Errors
/// `not_a_plugin_artifact`, with both.
pub(crate) fn require_same_plugin(first: (&str, &str), other: (&str, &str)) -> Result<()> {
    if first == other {
        return Ok(());
    }
    let named = |(id, version): (&str, &str)| format!("{id} {}", shown(version, MAX_SHOWN));
    let message = "an index is of one plugin in one version, and this is another";
    Err(Fault::new(Reason::NotAPluginArtifact, message)
        .expected(named(first), named(other))
        .hint("leave out what is none of its builds; give each other plugin, and each version, a tag of its own"))
}

/// The one plugin that all of an index are.
#[derive(Debug, Default)]
pub(crate) struct OnePlugin {
    known: Option<(PluginId, String)>,
    signature: Option<SignatureLook>,
}

impl OnePlugin {
    /// Takes in what is for one more platform.
    ///
    /// # Errors
    /// As [`require_same_plugin`].
    pub(crate) fn add(&mut self, (id, version): (&PluginId, &str), signature: SignatureLook) -> Result<()> {
        match &self.known {
            Some((first, of)) => require_same_plugin((first.as_str(), of), (id.as_str(), version))?,
            None => self.known = Some((id.clone(), version.to_owned())),
        }
        self.signature = Some(self.signature.map_or(signature, |known| known.least(signature)));
        Ok(())
    }

    /// Id, version, and what is known of every signature.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` for nothing at all.
    pub(crate) fn known(self) -> Result<((PluginId, String), SignatureLook)> {
        let known = self.known.zip(self.signature);
        known.ok_or_else(|| Fault::new(Reason::NotAPluginArtifact, "the index lists nothing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_platforms_and_no_more() {
        for (count, is_let) in [(1, true), (MAX_PLATFORMS, true), (MAX_PLATFORMS + 1, false)] {
            let refusal = require_few_platforms(count).map_err(|fault| fault.reason());
            assert_eq!(refusal, if is_let { Ok(()) } else { Err(Reason::NotAPluginArtifact) }, "{count}");
        }
    }

    #[test]
    fn another_plugin_and_another_version_are_refused_with_both() {
        require_same_plugin(("demo", "1.0.0"), ("demo", "1.0.0")).expect("the same");
        for other in [("demo", "1.0.1"), ("other", "1.0.0")] {
            let fault = require_same_plugin(("demo", "1.0.0"), other).expect_err("another");
            let difference = fault.difference().expect("both");
            assert_eq!(difference.expected, "demo 1.0.0");
            assert_eq!(difference.found, format!("{} {}", other.0, other.1));
        }
    }
}
