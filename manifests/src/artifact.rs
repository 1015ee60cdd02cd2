//! `Artifact`: an OCI manifest whose bytes match their digest, and which layers of it make a plugin.
//!
//! Nothing else is known about an artifact: its annotations are claims, its layers are unread.
//! Accepts what `oras pull` unpacks (layers titled with the directory or the file they become),
//! because that is how plugins were shipped before aisoc, and a single untitled plugin layer.

use crate::digest::{ArtifactDigest, ContentDigest};
use crate::fault::{Fault, Reason, Result};
use crate::oci::{ARTIFACT_TYPE, CONTENT_DIGEST, Descriptor, ImageManifest, TITLE, UNPACK};
use crate::path::RelPath;
use crate::text::shown;

/// Most layers of one artifact. A plugin of ours has one; one layer per file exists in the wild.
/// More would make one install ask a registry for as many blobs as an attacker likes.
pub const MAX_LAYERS: usize = 512;

/// A plugin artifact: its manifest bytes match `digest`.
#[derive(Debug)]
pub struct Artifact {
    digest: ArtifactDigest,
    bytes: Vec<u8>,
    manifest: ImageManifest,
    layers: Vec<PluginLayer>,
}

/// One layer that becomes files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginLayer {
    /// Which blob.
    pub descriptor: Descriptor,
    /// What it becomes.
    pub form: LayerForm,
}

/// What a layer becomes when it is unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LayerForm {
    /// A tar archive, compressed or not, whose names all begin with `title`
    /// (`None`: the archive's names are used as they are).
    Archive {
        /// The directory that every name must be below.
        title: Option<RelPath>,
        /// Digest of the uncompressed archive, when the publisher noted one.
        content_digest: Option<ContentDigest>,
    },
    /// One file.
    File {
        /// Its name.
        path: RelPath,
    },
}

impl Artifact {
    /// Reads the manifest `bytes`, whose digest must be `expected` when one is known.
    ///
    /// # Errors
    /// `pull_failed` for other bytes, `not_a_plugin_artifact` when no layer can be a plugin,
    /// `unsafe_archive` for a title that leaves its directory or stands twice.
    pub fn read(bytes: Vec<u8>, expected: Option<ArtifactDigest>) -> Result<Self> {
        let digest = ArtifactDigest::of(&bytes);
        if let Some(expected) = expected {
            expected.require(&digest, Reason::PullFailed, "the manifest does not match its digest")?;
        }
        let manifest = ImageManifest::read(&bytes)?;
        if manifest.layers.len() > MAX_LAYERS {
            return Err(Fault::new(Reason::UnsafeArchive, "the artifact has too many layers")
                .expected(format!("at most {MAX_LAYERS}"), manifest.layers.len().to_string()));
        }
        let layers = plugin_layers(&manifest)?;
        Ok(Self { digest, bytes, manifest, layers })
    }

    /// Digest of the manifest: the artifact's identity.
    pub fn digest(&self) -> ArtifactDigest {
        self.digest
    }

    /// The manifest's bytes, exactly as they were read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The manifest.
    pub fn manifest(&self) -> &ImageManifest {
        &self.manifest
    }

    /// The layers that become files, in order.
    pub fn layers(&self) -> &[PluginLayer] {
        &self.layers
    }
}

fn plugin_layers(manifest: &ImageManifest) -> Result<Vec<PluginLayer>> {
    let mut layers: Vec<PluginLayer> = Vec::new();
    for descriptor in &manifest.layers {
        if let Some(form) = titled_form(descriptor)? {
            if layers.iter().any(|present| present.form.is_at_the_same_place(&form)) {
                return Err(Fault::new(
                    Reason::UnsafeArchive,
                    format!("two layers have the title `{}`", descriptor.annotations[TITLE]),
                ));
            }
            layers.push(PluginLayer { descriptor: descriptor.clone(), form });
        }
    }
    if layers.is_empty()
        && let [descriptor] = manifest.layers.as_slice()
        && descriptor.media_type.starts_with(ARTIFACT_TYPE)
    {
        let form = LayerForm::Archive { title: None, content_digest: None };
        layers.push(PluginLayer { descriptor: descriptor.clone(), form });
    }
    if layers.is_empty() {
        let found = manifest.artifact_type.as_deref().unwrap_or(&manifest.config.media_type);
        return Err(Fault::new(Reason::NotAPluginArtifact, "no layer of the artifact is a plugin")
            .expected(ARTIFACT_TYPE, shown(found, 120)));
    }
    Ok(layers)
}

/// What a titled layer becomes; untitled layers are attestations and the like, and become nothing.
fn titled_form(descriptor: &Descriptor) -> Result<Option<LayerForm>> {
    let Some(title) = descriptor.annotations.get(TITLE) else {
        return Ok(None);
    };
    if descriptor.annotations.get(UNPACK).is_none_or(|unpack| unpack != "true") {
        return Ok(Some(LayerForm::File { path: RelPath::parse(title)? }));
    }
    let title = if title == "." { None } else { Some(RelPath::parse(title)?) };
    // A digest that cannot be read is a note in another form, as `oras` holds it; one that can binds.
    let content_digest = descriptor.annotations.get(CONTENT_DIGEST).and_then(|text| text.parse().ok());
    Ok(Some(LayerForm::Archive { title, content_digest }))
}

impl LayerForm {
    fn is_at_the_same_place(&self, other: &Self) -> bool {
        let place = |form: &Self| match form {
            Self::Archive { title, .. } => title.clone(),
            Self::File { path } => Some(path.clone()),
        };
        place(self) == place(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::{Annotations, MANIFEST_MEDIA_TYPE, to_bytes};

    fn layer(media_type: &str, notes: &[(&str, &str)]) -> Descriptor {
        let annotations: Annotations = notes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Descriptor { annotations, ..Descriptor::of(media_type, media_type.as_bytes()) }
    }

    fn read(layers: Vec<Descriptor>) -> Result<Artifact> {
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(MANIFEST_MEDIA_TYPE.into()),
            artifact_type: None,
            config: Descriptor::of("application/vnd.oci.empty.v1+json", b"{}"),
            layers,
            subject: None,
            annotations: Annotations::new(),
        };
        Artifact::read(to_bytes(&manifest), None)
    }

    #[test]
    fn takes_titled_layers_and_passes_over_untitled_ones() {
        let artifact =
            read(vec![layer("t/x", &[(TITLE, "demo"), (UNPACK, "true")]), layer("t/y", &[])]).expect("plugin");
        let [PluginLayer { form: LayerForm::Archive { title: Some(title), .. }, .. }] = artifact.layers() else {
            panic!()
        };
        assert_eq!(title.as_str(), "demo");
    }

    #[test]
    fn refuses_escaping_and_repeated_titles() {
        for layers in [
            vec![layer("t/x", &[(TITLE, "../evil")])],
            vec![layer("t/x", &[(TITLE, "/tmp/evil"), (UNPACK, "true")])],
            vec![layer("t/x", &[(TITLE, "a")]), layer("t/y", &[(TITLE, "a")])],
        ] {
            assert_eq!(read(layers).expect_err("unsafe").reason(), Reason::UnsafeArchive);
        }
    }

    #[test]
    fn refuses_images_and_charts() {
        for kind in
            ["application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"]
        {
            assert_eq!(read(vec![layer(kind, &[])]).expect_err(kind).reason(), Reason::NotAPluginArtifact);
        }
    }

    #[test]
    fn refuses_other_bytes_than_the_digest_promised() {
        let fault = Artifact::read(b"{}".to_vec(), Some(ArtifactDigest::of(b"x"))).expect_err("differs");
        assert_eq!(fault.reason(), Reason::PullFailed);
        assert!(fault.difference().is_some());
    }
}
