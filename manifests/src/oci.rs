//! The OCI image documents that carry a plugin, as we write them and as strictly as we read them.
//!
//! Source: OCI image specification 1.1, `manifest.md`, `descriptor.md`, `image-layout.md`,
//! `image-index.md`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{ArtifactDigest, Digest, LayerDigest};
use crate::fault::{Fault, Reason, Result};
use crate::text::shown;

/// Media type of an image manifest.
pub const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an image index.
pub const INDEX_MEDIA_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of the list of manifests that Docker had before the image index.
pub const DOCKER_LIST_MEDIA_TYPE: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of the manifest that Docker had before the image manifest.
pub const DOCKER_MEDIA_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// `artifactType` of a plugin.
pub const ARTIFACT_TYPE: &str = "application/vnd.aisoc.plugin.v1";
/// Media type of a plugin's config document.
pub const CONFIG_MEDIA_TYPE: &str = "application/vnd.aisoc.plugin.config.v1+json";
/// Media type of a plugin's layer.
pub const LAYER_MEDIA_TYPE: &str = "application/vnd.aisoc.plugin.v1.tar+gzip";
/// Media type of a config that says nothing (OCI image specification 1.1, `manifest.md`, Guidelines for Artifact Usage).
pub const EMPTY_MEDIA_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// That config.
pub const EMPTY_DOCUMENT: &[u8] = b"{}";
/// The name under which a client unpacks a layer.
pub const TITLE: &str = "org.opencontainers.image.title";
/// `true` when the layer is an archive that is unpacked at its title.
pub const UNPACK: &str = "io.deis.oras.content.unpack";
/// The version, as the publisher writes it (OCI image specification, Annotations).
pub const VERSION: &str = "org.opencontainers.image.version";
/// Digest of the uncompressed archive.
pub const CONTENT_DIGEST: &str = "io.deis.oras.content.digest";
/// The tag of an entry in a layout's index.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Largest manifest or index that we read; the distribution specification asks registries for 4 MiB.
pub const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// Largest config document that we read; ours are below 4 KiB.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Annotations, sorted by key so that equal content has equal bytes.
pub type Annotations = BTreeMap<String, String>;

/// What an entry is for, as far as it says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The processor.
    #[serde(default)]
    pub architecture: String,
    /// The operating system.
    #[serde(default)]
    pub os: String,
    /// Everything else, which is kept and not read.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// What a blob is: type, digest, size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// Notes, such as the title.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
    /// The kind of artifact that a manifest descriptor points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What a manifest descriptor in an index is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// The descriptor of `bytes`.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            annotations: Annotations::new(),
            artifact_type: None,
            platform: None,
        }
    }

    /// The artifact that it names, for one that stands where a manifest's does: in an index, as a subject,
    /// as the answer to a reference. A claim, as everything that a descriptor states.
    pub fn artifact_digest(&self) -> ArtifactDigest {
        ArtifactDigest::named(self.digest)
    }

    /// The layer that it names, for one that stands in a manifest's list of layers.
    pub fn layer_digest(&self) -> LayerDigest {
        LayerDigest::named(self.digest)
    }
}

/// An image manifest: a config, layers, notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST_MEDIA_TYPE`]; some writers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The kind of artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The config document.
    pub config: Descriptor,
    /// The content.
    pub layers: Vec<Descriptor>,
    /// The manifest that this one is about, when it is a signature or an attestation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Descriptor>,
    /// Notes.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl ImageManifest {
    /// The manifest of an artifact that is one document: its config says nothing.
    pub fn of_document(artifact_type: &str, document: Descriptor) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(MANIFEST_MEDIA_TYPE.to_owned()),
            artifact_type: Some(artifact_type.to_owned()),
            config: Descriptor::of(EMPTY_MEDIA_TYPE, EMPTY_DOCUMENT),
            layers: vec![document],
            subject: None,
            annotations: Annotations::new(),
        }
    }
}

/// An image index: a list of manifests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX_MEDIA_TYPE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it lists.
    pub manifests: Vec<Descriptor>,
    /// Notes.
    #[serde(default, skip_serializing_if = "Annotations::is_empty")]
    pub annotations: Annotations,
}

impl ImageIndex {
    /// An index of those manifests.
    pub fn new(manifests: Vec<Descriptor>) -> Self {
        Self {
            schema_version: 2,
            media_type: Some(INDEX_MEDIA_TYPE.to_owned()),
            manifests,
            annotations: Annotations::new(),
        }
    }
}

/// Which of the two documents a reference has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// An image manifest, read by [`ImageManifest::read`].
    Manifest,
    /// An image index, read by [`ImageIndex::read`].
    Index,
}

impl Document {
    /// Tells by members and by type, which must agree: CVE-2021-41190 is one digest and two documents.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` for what is neither, or both.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        /// The members that decide.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            #[serde(default)]
            media_type: Option<String>,
            #[serde(default)]
            layers: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            manifests: Option<serde::de::IgnoredAny>,
        }
        let refuse = |what: &str| Fault::new(Reason::NotAPluginArtifact, what);
        let shape: Shape = serde_json::from_slice(bytes).map_err(unreadable)?;
        let own = match (&shape.layers, &shape.manifests) {
            (Some(_), Some(_)) => {
                return Err(refuse("the manifest has both `layers` and `manifests`, so two readers see two artifacts"));
            }
            (_, Some(_)) => Self::Index,
            (_, None) => Self::Manifest,
        };
        match (own, shape.media_type.as_deref()) {
            (_, None)
            | (Self::Manifest, Some(MANIFEST_MEDIA_TYPE))
            | (Self::Index, Some(INDEX_MEDIA_TYPE | DOCKER_LIST_MEDIA_TYPE)) => Ok(own),
            (Self::Manifest, Some(kind @ DOCKER_MEDIA_TYPE)) => {
                Err(refuse("the manifest is one of a Docker image, and a plugin is an OCI artifact")
                    .expected(MANIFEST_MEDIA_TYPE, kind)
                    .hint("push the plugin's directory with `aisoc plugin push DIR HOST/REPOSITORY:TAG`"))
            }
            (_, Some(kind)) => {
                Err(refuse("the manifest is of another type").expected(own.media_type(), shown(kind, 120)))
            }
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Manifest => MANIFEST_MEDIA_TYPE,
            Self::Index => INDEX_MEDIA_TYPE,
        }
    }
}

fn unreadable(source: serde_json::Error) -> Fault {
    Fault::new(Reason::NotAPluginArtifact, "the manifest is not an OCI image manifest").caused_by(source)
}

impl ImageManifest {
    /// Reads a manifest, refusing documents that two readers could take for two things.
    ///
    /// # Errors
    /// `not_a_plugin_artifact` when it is an index, another type of document, or ambiguous.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let refuse = |what: &str| Fault::new(Reason::NotAPluginArtifact, what);
        if Document::of(bytes)? == Document::Index {
            return Err(refuse("an image index stands where a plugin's manifest should"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        match manifest.schema_version {
            2 => Ok(manifest),
            other => Err(refuse("the manifest has another schema version").expected("2", other.to_string())),
        }
    }
}

/// The JSON bytes of a document that we made: compact, members in declaration order, maps sorted.
pub fn to_bytes<T: Serialize>(document: &T) -> Vec<u8> {
    serde_json::to_vec(document).expect("documents of strings and numbers always serialise")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;

    #[test]
    fn refuses_documents_with_two_readings() {
        for (document, word) in [
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[],"manifests":[]}}"#), "both"),
            (r#"{"schemaVersion":2,"manifests":[]}"#.to_owned(), "index"),
            (
                format!(
                    r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{CONFIG},"layers":[]}}"#
                ),
                "Docker",
            ),
            (format!(r#"{{"schemaVersion":1,"config":{CONFIG},"layers":[]}}"#), "schema"),
            (format!(r#"{{"schemaVersion":2,"config":{CONFIG},"layers":[],"layers":[]}}"#), "not an OCI"),
            ("[]".to_owned(), "not an OCI"),
            ("<html>".to_owned(), "not an OCI"),
        ] {
            let fault = ImageManifest::read(document.as_bytes()).expect_err(&document);
            assert_eq!(fault.reason(), Reason::NotAPluginArtifact);
            assert!(fault.message().contains(word), "{fault:?}");
        }
    }
}
