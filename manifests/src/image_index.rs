//! Image indexes: what of an index is an artifact, and when an index of one stands for it.
//!
//! A plugin is a single manifest. Tools wrap it all the same: buildx in an index with attestations, `docker
//! buildx imagetools create` and `oras manifest index create` in one for a platform, `cosign save` beside its
//! signatures. Such an index has one reading as long as it holds one artifact.

use std::collections::BTreeSet;

use crate::digest::ArtifactDigest;
use crate::fault::{Fault, Reason, Result};
use crate::oci::{Descriptor, Document, ImageIndex};

/// What buildx notes on what it puts beside an image: a manifest about it, which nobody installs.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// How cosign notes the kind of each entry of a layout that it saves.
const COSIGN_KIND: &str = "kind";
const COSIGN_BESIDE: [&str; 2] = ["dev.cosignproject.cosign/sigs", "dev.cosignproject.cosign/atts"];
/// What tools write for a manifest that is for no platform.
const UNKNOWN: &str = "unknown";
/// Most artifacts of an index that a refusal names.
const MAX_SHOWN: usize = 4;

impl ImageIndex {
    /// Reads an index, refusing documents that two readers could take for two things.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` when it is a manifest, another type of document, or ambiguous.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let refuse = |what: &str| Fault::new(Reason::NotAPluginArtifact, what);
        if Document::of(bytes)? == Document::Manifest {
            return Err(refuse("a manifest stands where an image index should"));
        }
        let index: Self =
            serde_json::from_slice(bytes).map_err(|source| refuse("the image index is malformed").caused_by(source))?;
        match index.schema_version {
            2 => Ok(index),
            other => Err(refuse("the image index has another schema version").expected("2", other.to_string())),
        }
    }

    /// The artifacts of the index, each once, in its order: all entries but signatures and attestations that
    /// stand beside an artifact. What says that it is for no platform is beside one that says for which it is.
    /// Nothing is beside nothing: of an index of attestations alone they are the artifacts.
    pub fn artifacts(&self) -> Vec<&Descriptor> {
        let mut artifacts = narrowed(self.manifests.iter().collect(), |entry| !is_beside_another(entry));
        if artifacts.iter().any(|entry| is_for_a_platform(entry)) {
            artifacts.retain(|entry| !is_for_no_platform(entry));
        }
        let mut seen = BTreeSet::new();
        artifacts.retain(|entry| seen.insert(entry.digest));
        artifacts
    }

    /// The only artifact of the index.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` when there are several, naming `MAX_SHOWN` of them by `reference`, or none.
    pub fn only_artifact(&self, reference: impl Fn(ArtifactDigest) -> String) -> Result<&Descriptor> {
        let artifacts = self.artifacts();
        if let [only] = artifacts.as_slice() {
            return Ok(only);
        }
        let fault =
            Fault::new(Reason::NotAPluginArtifact, "the reference names an image index, and a plugin is one manifest")
                .expected("an index of one manifest, signatures and attestations apart", artifacts.len().to_string());
        let choices: Vec<String> =
            artifacts.iter().take(MAX_SHOWN).map(|entry| format!("`{}`", reference(entry.artifact_digest()))).collect();
        Err(match (choices.is_empty(), artifacts.len() > MAX_SHOWN) {
            (true, _) => fault,
            (false, true) => fault.hint(format!("name the one that is meant: {}, …", choices.join(", "))),
            (false, false) => fault.hint(format!("name the one that is meant: {}", choices.join(" or "))),
        })
    }
}

/// Those of the entries that pass, or all of them when none does.
fn narrowed<'a>(entries: Vec<&'a Descriptor>, passes: impl Fn(&&'a Descriptor) -> bool) -> Vec<&'a Descriptor> {
    let narrower: Vec<_> = entries.iter().copied().filter(passes).collect();
    if narrower.is_empty() { entries } else { narrower }
}

fn is_beside_another(entry: &Descriptor) -> bool {
    let kind = entry.annotations.get(COSIGN_KIND).map(String::as_str);
    entry.annotations.contains_key(REFERENCE_TYPE) || kind.is_some_and(|kind| COSIGN_BESIDE.contains(&kind))
}

fn is_for_a_platform(entry: &Descriptor) -> bool {
    let is_named = |word: &str| !word.is_empty() && word != UNKNOWN;
    entry.platform.as_ref().is_some_and(|platform| is_named(&platform.os) && is_named(&platform.architecture))
}

fn is_for_no_platform(entry: &Descriptor) -> bool {
    entry.platform.as_ref().is_some_and(|platform| platform.os == UNKNOWN && platform.architecture == UNKNOWN)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::oci::{INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE};

    fn entry(content: &str, more: Value) -> Value {
        let mut entry = serde_json::to_value(Descriptor::of(MANIFEST_MEDIA_TYPE, content.as_bytes())).expect("JSON");
        entry.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        entry
    }

    fn index(entries: Vec<Value>) -> ImageIndex {
        let document = json!({"schemaVersion": 2, "mediaType": INDEX_MEDIA_TYPE, "manifests": entries});
        ImageIndex::read(document.to_string().as_bytes()).expect("an index")
    }

    #[test]
    fn nothing_is_left_out_beside_an_entry_that_names_no_platform() {
        for beside in [json!({}), json!({"platform": {"os": "", "architecture": ""}}), platform("unknown", "amd64")] {
            let both = index(vec![entry("a", beside.clone()), entry("b", platform("unknown", "unknown"))]);
            assert_eq!(both.artifacts().len(), 2, "{beside}");
        }
        let one = index(vec![entry("a", platform("linux", "amd64")), entry("b", platform("unknown", "unknown"))]);
        assert_eq!(one.artifacts().len(), 1);
    }

    fn platform(os: &str, architecture: &str) -> Value {
        json!({"platform": {"os": os, "architecture": architecture}})
    }

    #[test]
    fn an_index_of_one_artifact_and_what_stands_beside_it_has_one_reading() {
        let attestation = json!({
            "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        });
        let unnoted = platform("unknown", "unknown");
        let cosign = |kind: &str| json!({"annotations": {"kind": format!("dev.cosignproject.cosign/{kind}")}});
        for entries in [
            vec![entry("plugin", json!({}))],
            vec![entry("plugin", platform("linux", "amd64"))],
            vec![entry("plugin", platform("linux", "amd64")), entry("provenance", attestation.clone())],
            vec![entry("provenance", attestation.clone()), entry("plugin", unnoted.clone())],
            vec![entry("plugin", platform("linux", "amd64")), entry("sbom", unnoted.clone())],
            vec![entry("plugin", platform("linux", "amd64")), entry("plugin", platform("linux", "arm64"))],
            vec![entry("plugin", cosign("image")), entry("signature", cosign("sigs")), entry("sbom", cosign("atts"))],
            vec![entry("plugin", unnoted)],
        ] {
            let shown = format!("{entries:?}");
            let index = index(entries);
            let only = index.only_artifact(|digest| digest.to_string()).expect(&shown);
            assert_eq!(only.artifact_digest(), ArtifactDigest::of(b"plugin"), "{shown}");
        }
    }

    #[test]
    fn of_several_artifacts_none_is_guessed_and_each_is_named() {
        let two = index(vec![entry("a", platform("linux", "amd64")), entry("b", platform("linux", "arm64"))]);
        let fault = two.only_artifact(|digest| format!("reg/x@{digest}")).expect_err("two");
        assert_eq!(fault.reason(), Reason::NotAPluginArtifact);
        for artifact in ["a", "b"] {
            let reference = format!("`reg/x@{}`", ArtifactDigest::of(artifact.as_bytes()));
            assert!(fault.next_step().contains(&reference), "{}", fault.next_step());
        }
        let many = (0..5).map(|number| entry(&number.to_string(), json!({}))).collect();
        let fault = index(many).only_artifact(|digest| digest.to_string()).expect_err("five");
        assert_eq!(fault.next_step().matches("sha256:").count(), MAX_SHOWN);
        assert!(fault.next_step().ends_with(", …"), "{}", fault.next_step());
        let none = index(vec![]).only_artifact(|digest| digest.to_string()).expect_err("none");
        assert_eq!(none.difference().expect("numbers").found, "0");
    }

    #[test]
    fn refuses_an_index_with_two_readings() {
        for document in [
            r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#,
            r#"{"schemaVersion":1,"manifests":[]}"#,
            r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","config":{},"layers":[]}"#,
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
            "[]",
        ] {
            let fault = ImageIndex::read(document.as_bytes()).expect_err(document);
            assert_eq!(fault.reason(), Reason::NotAPluginArtifact, "{document}");
        }
    }

    #[test]
    fn what_an_entry_says_of_its_platform_is_kept_when_an_index_is_written_again() {
        let whole = json!({"platform": {"architecture": "arm", "os": "linux", "os.version": "1", "variant": "v7"}});
        let index = index(vec![entry("a", whole.clone())]);
        let written: Value = serde_json::from_slice(&crate::oci::to_bytes(&index)).expect("JSON");
        assert_eq!(written["manifests"][0]["platform"], whole["platform"]);
    }
}
