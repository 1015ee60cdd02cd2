//! `Links`: what a manifest or an index names, whoever has made it and whatever it is for. What is moved as it is needs
//! no more of it.

use serde::Deserialize;

use crate::fault::{Fault, Reason, Result};
use crate::oci::{
    Annotations, DOCKER_LIST_MEDIA_TYPE, DOCKER_MEDIA_TYPE, Descriptor, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE,
};
use crate::text::shown;

/// What a document names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links {
    /// The document's own type: what it says, else what its members say.
    pub media_type: String,
    /// The kind of artifact: what it says, else the type of its config (OCI image specification 1.1, "Guidelines for
    /// Artifact Usage").
    pub artifact_type: Option<String>,
    /// Config and layers, of a manifest.
    pub blobs: Vec<Descriptor>,
    /// Manifests and indexes, of an index.
    pub manifests: Vec<Descriptor>,
    /// What it is about, if it is a signature or an attestation.
    pub subject: Option<Descriptor>,
    /// Notes.
    pub annotations: Annotations,
}

impl Links {
    /// Reads a manifest or an index, of OCI or of Docker.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` for what is neither, or both (CVE-2021-41190), or of a type that is not known: what it
    /// names could not be told.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Document {
            schema_version: u32,
            media_type: Option<String>,
            artifact_type: Option<String>,
            config: Option<Descriptor>,
            layers: Option<Vec<Descriptor>>,
            manifests: Option<Vec<Descriptor>>,
            subject: Option<Descriptor>,
            annotations: Option<Annotations>,
        }
        let refuse = |what: &str| Fault::new(Reason::NotAPluginArtifact, what);
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|source| refuse("the manifest is neither an image manifest nor an index").caused_by(source))?;
        if document.schema_version != 2 {
            let found = document.schema_version.to_string();
            return Err(refuse("the manifest has another schema version").expected("2", found));
        }
        let (known, blobs, manifests): (&[&str], Vec<_>, Vec<_>) =
            match (document.config, document.layers, document.manifests) {
                (Some(config), Some(layers), None) => {
                    (&[MANIFEST_MEDIA_TYPE, DOCKER_MEDIA_TYPE], std::iter::once(config).chain(layers).collect(), vec![])
                }
                (None, None, Some(manifests)) => (&[INDEX_MEDIA_TYPE, DOCKER_LIST_MEDIA_TYPE], vec![], manifests),
                _ => {
                    return Err(refuse(
                        "the manifest is to have `config` and `layers`, or `manifests`, and nothing of both",
                    ));
                }
            };
        let media_type = document.media_type.unwrap_or_else(|| known[0].to_owned());
        if !known.contains(&media_type.as_str()) {
            return Err(refuse("the manifest is of another type").expected(known[0], shown(&media_type, 120)));
        }
        let of_config = || blobs.first().map(|config: &Descriptor| config.media_type.clone());
        Ok(Self {
            media_type,
            artifact_type: document.artifact_type.or_else(of_config),
            blobs,
            manifests,
            subject: document.subject,
            annotations: document.annotations.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn descriptor(media_type: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":2}}"#, Digest::of(b"{}"))
    }

    #[test]
    fn a_manifest_names_its_config_its_layers_and_its_subject() {
        let (config, layer) = (descriptor("application/x.config"), descriptor("application/x.layer"));
        let subject = descriptor(MANIFEST_MEDIA_TYPE);
        let text = format!(
            r#"{{"schemaVersion":2,"config":{config},"layers":[{layer},{layer}],"subject":{subject},"new":1}}"#
        );
        let links = Links::read(text.as_bytes()).expect("a manifest");
        assert_eq!((links.blobs.len(), links.manifests.len()), (3, 0));
        assert_eq!(links.media_type, MANIFEST_MEDIA_TYPE);
        assert_eq!(links.artifact_type.as_deref(), Some("application/x.config"));
        assert_eq!(links.subject.expect("a subject").digest, Digest::of(b"{}"));
    }

    #[test]
    fn an_index_names_manifests() {
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{DOCKER_LIST_MEDIA_TYPE}","manifests":[{}]}}"#,
            descriptor(MANIFEST_MEDIA_TYPE)
        );
        let links = Links::read(text.as_bytes()).expect("a list");
        assert_eq!((links.blobs.len(), links.manifests.len()), (0, 1));
        assert_eq!((links.media_type.as_str(), links.artifact_type), (DOCKER_LIST_MEDIA_TYPE, None));
    }

    #[test]
    fn what_could_name_something_else_is_refused() {
        let config = descriptor("application/x.config");
        for text in [
            format!(r#"{{"schemaVersion":2,"config":{config},"layers":[],"manifests":[]}}"#),
            format!(r#"{{"schemaVersion":2,"config":{config}}}"#),
            format!(r#"{{"schemaVersion":2,"config":{config},"manifests":[]}}"#),
            r#"{"schemaVersion":2,"layers":[]}"#.to_owned(),
            r#"{"schemaVersion":2}"#.to_owned(),
            r#"{"schemaVersion":1,"manifests":[]}"#.to_owned(),
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX_MEDIA_TYPE}","config":{config},"layers":[]}}"#),
            format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST_MEDIA_TYPE}","manifests":[]}}"#),
            r#"{"schemaVersion":2,"mediaType":"application/x","manifests":[]}"#.to_owned(),
            r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#.to_owned(),
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"md5:00","size":2}]}"#.to_owned(),
            "[]".to_owned(),
        ] {
            let fault = Links::read(text.as_bytes()).expect_err(&text);
            assert_eq!(fault.reason(), Reason::NotAPluginArtifact, "{text}");
        }
    }
}
