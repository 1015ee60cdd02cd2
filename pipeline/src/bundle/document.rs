//! The list of a bundle.

use std::collections::BTreeSet;

use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_manifests::reference::Tag;
use aisoc_manifests::text::shown;
use serde::{Deserialize, Serialize};

use crate::platforms::require_same_plugin;

/// `artifactType` of the list of a bundle.
pub(super) const ARTIFACT_TYPE: &str = "application/vnd.aisoc.bundle.v1";
/// What its only layer is.
pub(super) const LIST_MEDIA_TYPE: &str = "application/vnd.aisoc.bundle.v1+json";
/// The tag of the list. No plugin has it: theirs hold a `-`.
pub(super) const TAG: &str = "bundle";
/// Most plugins of one bundle: each is read whole, on both sides.
pub const MAX_BUNDLED_PLUGINS: usize = 1_000;
/// Largest list that is read: a thousand plugins, each with a long reference and with many signers.
pub const MAX_BUNDLE_LIST_BYTES: u64 = 4 << 20;

/// What a bundle holds. Unknown members refuse it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleList {
    /// Always 1.
    schema_version: u32,
    /// By their ids, of which each is there once.
    pub(super) plugins: Vec<BundledPlugin>,
}

/// A plugin in a bundle, as it was where the bundle was exported. All of it is a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledPlugin {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Digest of what was named: of the artifact's manifest, or of an index.
    pub artifact_digest: ArtifactDigest,
    /// Where it was fetched from; nothing for what was on that machine, whose paths are nobody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The keys by which it was accepted there.
    pub signers: Vec<BundledSigner>,
}

/// A key that was trusted where a bundle was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundledSigner {
    /// How it was called there.
    pub key_id: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

/// What every form says of itself.
#[derive(Deserialize)]
struct Form {
    schema_version: u32,
}

impl BundleList {
    const SCHEMA_VERSION: u32 = 1;

    /// The list of these plugins.
    ///
    /// # Errors
    /// `usage` for an id that is there twice: the second would replace the first wherever it is imported.
    pub(super) fn of(mut plugins: Vec<BundledPlugin>) -> Result<Self> {
        plugins.sort_by(|one, other| one.id.cmp(&other.id));
        if let Some([one, other]) = plugins.array_windows().find(|[one, other]| one.id == other.id) {
            let message = format!("`{}` is there twice, in versions {} and {}", one.id, one.version, other.version);
            return Err(Fault::new(Reason::Usage, message)
                .expected("each plugin once", "twice")
                .hint("name one of the two, and export a bundle of its own for the other"));
        }
        Ok(Self { schema_version: Self::SCHEMA_VERSION, plugins })
    }

    /// What is written. The same plugins have the same bytes.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }

    /// Reads what somebody has written.
    ///
    /// # Errors
    /// `bundle_invalid`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let Form { schema_version } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if schema_version != Self::SCHEMA_VERSION {
            return Err(invalid("the list of the bundle has a form that is not known here")
                .expected(format!("schema_version {}", Self::SCHEMA_VERSION), schema_version.to_string())
                .hint("use a version of aisoc that knows the form"));
        }
        let list: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        let plugins = list.plugins.len();
        if !(1..=MAX_BUNDLED_PLUGINS).contains(&plugins) {
            return Err(invalid("the bundle lists too few or too many plugins")
                .expected(format!("1 to {MAX_BUNDLED_PLUGINS}"), plugins.to_string()));
        }
        let mut ids = BTreeSet::new();
        for plugin in &list.plugins {
            plugin
                .id
                .parse::<PluginId>()
                .map_err(|fault| invalid("the bundle lists what is no plugin").caused_by(fault))?;
            if !ids.insert(plugin.id.as_str()) {
                let message = format!("the bundle lists `{}` twice", plugin.id);
                return Err(invalid(message).expected("each plugin once", "twice"));
            }
        }
        Ok(list)
    }
}

impl BundledPlugin {
    /// The tag that it has in the bundle, for people and other tools: `ID-VERSION`.
    ///
    /// # Errors
    /// `invalid_version` for what is no tag.
    pub(super) fn tag(&self) -> Result<Tag> {
        Tag::of_version(&format!("{}-{}", self.id, self.version)).map_err(|fault| fault.about(&self.id))
    }

    /// Takes in what an index lists beside it.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` for another plugin, or another version: an import could install either.
    pub(super) fn is_for_another_platform(&mut self, other: Self) -> Result<()> {
        require_same_plugin((&self.id, &self.version), (&other.id, &other.version))?;
        let new = other.signers.into_iter().filter(|signer| !self.signers.contains(signer));
        let new: Vec<_> = new.collect();
        self.signers.extend(new);
        Ok(())
    }

    /// Who has signed it, by the names and the keys of where it was exported, for messages.
    pub fn signed_by(&self) -> String {
        let named =
            |signer: &BundledSigner| format!("{} {}", shown(&signer.key_id, 80), shown(&signer.fingerprint, 80));
        match self.signers.iter().map(named).collect::<Vec<_>>() {
            signers if signers.is_empty() => "nobody".to_owned(),
            signers => signers.join(" and "),
        }
    }

    /// What it is said to be, for messages.
    pub fn described(&self) -> String {
        format!("`{}` {}, said there to be signed by {}", self.id, shown(&self.version, 80), self.signed_by())
    }
}

fn unreadable(error: serde_json::Error) -> Fault {
    invalid("the list of the bundle cannot be read").caused_by(error)
}

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(Reason::BundleInvalid, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plugin(id: &str) -> BundledPlugin {
        BundledPlugin {
            id: id.to_owned(),
            version: "1.0.0".to_owned(),
            artifact_digest: ArtifactDigest::of(id.as_bytes()),
            reference: Some(format!("registry.example/{id}:1.0.0")),
            signers: vec![BundledSigner { key_id: "release".to_owned(), fingerprint: "SHA256:x".to_owned() }],
        }
    }

    fn refusal(document: &Value) -> Fault {
        BundleList::read(document.to_string().as_bytes()).expect_err("refused")
    }

    #[test]
    fn a_list_is_read_as_it_was_written_in_one_order() {
        let list = BundleList::of(vec![plugin("beta"), plugin("alpha")]).expect("a list");
        let read = BundleList::read(&list.to_bytes()).expect("readable");
        assert_eq!(read.plugins, [plugin("alpha"), plugin("beta")]);
        assert_eq!(list.to_bytes(), BundleList::of(vec![plugin("alpha"), plugin("beta")]).expect("a list").to_bytes());
    }

    #[test]
    fn a_plugin_is_in_a_bundle_once() {
        let fault =
            BundleList::of(vec![plugin("alpha"), plugin("beta"), plugin("alpha")]).map(drop).expect_err("twice");
        assert_eq!(fault.reason(), Reason::Usage);
        let document = json!({"schema_version": 1, "plugins": [plugin("alpha"), plugin("alpha")]});
        assert_eq!(refusal(&document).reason(), Reason::BundleInvalid);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let good = json!({"schema_version": 1, "plugins": [plugin("alpha")]});
        BundleList::read(good.to_string().as_bytes()).expect("good");
        let with = |at: &str, value: Value| {
            let mut document = good.clone();
            *document.pointer_mut(at).expect("there") = value;
            document
        };
        let mut more = good.clone();
        more["plugins"][0]["trusted"] = json!(true);
        for document in [
            with("/schema_version", json!(2)),
            with("/plugins", json!([])),
            with("/plugins/0/id", json!("../a")),
            with("/plugins/0/artifact_digest", json!("sha256:1")),
            more,
            json!({"schema_version": 1}),
            json!([]),
        ] {
            assert_eq!(refusal(&document).reason(), Reason::BundleInvalid, "{document}");
        }
    }

    #[test]
    fn a_bundle_has_as_many_plugins_as_it_may() {
        let list = |count: usize| BundleList {
            schema_version: 1,
            plugins: (0..count).map(|number| plugin(&format!("p{number}"))).collect(),
        };
        for (count, is_let) in [
            (0, false),
            (1, true),
            (MAX_BUNDLED_PLUGINS - 1, true),
            (MAX_BUNDLED_PLUGINS, true),
            (MAX_BUNDLED_PLUGINS + 1, false),
        ] {
            let read = BundleList::read(&list(count).to_bytes()).map(|list| list.plugins.len());
            assert_eq!(
                read.map_err(|fault| fault.reason()),
                if is_let { Ok(count) } else { Err(Reason::BundleInvalid) }
            );
        }
    }
}
