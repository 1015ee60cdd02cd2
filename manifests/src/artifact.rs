//! `Artifact`: an OCI manifest whose bytes match their digest, and which layers of it make a plugin.
//!
//! Nothing else is known about an artifact: its annotations are claims, its layers are unread.
//! Accepts what `oras pull` unpacks (layers titled with the directory or the file they become),
//! because that is how plugins were shipped before aisoc, a single untitled plugin layer, and a single layer
//! that is an archive by its type or name and that `oras pull` leaves packed.

use crate::digest::{Algorithm, ArtifactDigest, ContentDigest};
use crate::fault::{Fault, Reason, Result};
use crate::oci::{ARTIFACT_TYPE, CONTENT_DIGEST, Descriptor, ImageManifest, TITLE, UNPACK};
use crate::path::RelPath;
use crate::plugin::ManifestFile;
use crate::text::shown;

/// Most layers of one artifact. A plugin of ours has one; one layer per file exists in the wild.
/// More would make one install ask a registry for as many blobs as an attacker likes.
pub const MAX_LAYERS: usize = 512;

/// How the media types of compressed tar archives end, OCI's and Docker's.
const COMPRESSED_TARS: [&str; 4] = [".tar+gzip", ".tar.gzip", ".tar+zstd", ".tar.zstd"];
/// How the names of gzipped tar archives end. `oras` gives what it pushes the type of a plain tar unless told.
const GZIPPED_TARS: [&str; 2] = [".tgz", ".tar.gz"];

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
        // By the algorithm that it was asked for by: that name is the one that is recorded and pinned.
        let algorithm = expected.map_or(Algorithm::Sha256, |expected| expected.algorithm());
        let digest = ArtifactDigest::of_by(algorithm, &bytes);
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
    if let [only] = layers.as_mut_slice()
        && is_archive_by_name(only)
    {
        only.form = LayerForm::Archive { title: None, content_digest: content_digest(&only.descriptor) };
    }
    if layers.is_empty()
        && let [descriptor] = manifest.layers.as_slice()
        && is_plugin_by_type(manifest, descriptor)
    {
        let form = LayerForm::Archive { title: None, content_digest: None };
        layers.push(PluginLayer { descriptor: descriptor.clone(), form });
    }
    if layers.is_empty() { Err(without_plugin(manifest)) } else { Ok(layers) }
}

/// Whether an only layer without a title is a plugin, because it or the artifact says so.
fn is_plugin_by_type(manifest: &ImageManifest, layer: &Descriptor) -> bool {
    layer.media_type.starts_with(ARTIFACT_TYPE) || (states_plugin(manifest) && is_compressed_tar(&layer.media_type))
}

fn states_plugin(manifest: &ImageManifest) -> bool {
    manifest.artifact_type.as_deref() == Some(ARTIFACT_TYPE)
}

fn without_plugin(manifest: &ImageManifest) -> Fault {
    let fault = Fault::new(Reason::NotAPluginArtifact, "no layer of the artifact is a plugin");
    if states_plugin(manifest) {
        let untitled = format!("{} layers, and none with a title", manifest.layers.len());
        return fault.expected(format!("layers with the annotation `{TITLE}`"), untitled);
    }
    let found = manifest.artifact_type.as_deref().unwrap_or(&manifest.config.media_type);
    fault.expected(ARTIFACT_TYPE, shown(found, 120))
}

/// By the end of its media type, whose parameters say nothing.
fn is_compressed_tar(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim_end();
    COMPRESSED_TARS.iter().any(|ending| essence.ends_with(ending))
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
    Ok(Some(LayerForm::Archive { title, content_digest: content_digest(descriptor) }))
}

/// A digest that cannot be read is a note in another form, as `oras` holds it; one that can binds.
fn content_digest(descriptor: &Descriptor) -> Option<ContentDigest> {
    descriptor.annotations.get(CONTENT_DIGEST).and_then(|text| text.parse().ok())
}

/// Whether a layer is an archive that nothing says to unpack, as `oras push REFERENCE demo.tgz` makes it.
///
/// Asked of a layer that is the only one: as a file it would be the plugin's only file, and no manifest, so that
/// whoever takes it for one finds no plugin. Beside other layers it is a file of the plugin, whatever its name.
fn is_archive_by_name(layer: &PluginLayer) -> bool {
    let LayerForm::File { path } = &layer.form else { return false };
    let name = path.file_name().to_ascii_lowercase();
    let says_so =
        is_compressed_tar(&layer.descriptor.media_type) || GZIPPED_TARS.iter().any(|ending| name.ends_with(ending));
    let is_manifest = ManifestFile::ALL.iter().any(|file| file.name() == path.file_name());
    says_so && !is_manifest && !layer.descriptor.annotations.contains_key(UNPACK)
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
        read_as(None, layers)
    }

    fn read_as(artifact_type: Option<&str>, layers: Vec<Descriptor>) -> Result<Artifact> {
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: Some(MANIFEST_MEDIA_TYPE.into()),
            artifact_type: artifact_type.map(str::to_owned),
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
    fn an_only_layer_that_is_an_archive_by_type_or_name_is_unpacked_unless_something_else_is_said() {
        const OCI: &str = "application/vnd.oci.image.layer.v1.tar";
        let is_unpacked = |layers: Vec<Descriptor>| {
            let artifact = read(layers).expect("an artifact");
            matches!(artifact.layers(), [PluginLayer { form: LayerForm::Archive { title: None, .. }, .. }])
        };
        for (media_type, title, expected) in [
            (&*format!("{OCI}+gzip"), "demo.tgz", true),
            (&format!("{OCI}+gzip"), "demo", true),
            (&format!("{OCI}+gzip;charset=binary"), "dist/demo-1.0.0.tar.gz", true),
            (&format!("{OCI}+zstd"), "demo.tar.zst", true),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "demo.tgz", true),
            (OCI, "demo.tgz", true),
            ("application/gzip", "DEMO.TAR.GZ", true),
            (OCI, "demo.tar", false),
            (OCI, "plugin.py", false),
            ("application/vnd.aisoc.plugin.v1+tar", "plugin.tar", false),
            ("application/gzip", "rules.gz", false),
            (&format!("{OCI}+gzip"), "plugin.yaml", false),
            (&format!("{OCI}+gzip"), "demo/aisoc-plugin.json", false),
        ] {
            let only = |notes: &[(&str, &str)]| layer(media_type, &[&[(TITLE, title)], notes].concat());
            assert_eq!(is_unpacked(vec![only(&[])]), expected, "{title} of {media_type}");
            assert_eq!(is_unpacked(vec![layer("application/vnd.in-toto+json", &[]), only(&[])]), expected);
            assert!(!is_unpacked(vec![only(&[]), layer("text/markdown", &[(TITLE, "README.md")])]), "{title}");
            for said in ["True", "false", ""] {
                assert!(!is_unpacked(vec![only(&[(UNPACK, said)])]), "{title} that says `{said}`");
            }
        }
    }

    #[test]
    fn refuses_escaping_and_repeated_titles() {
        for layers in [
            vec![layer("t/x", &[(TITLE, "../evil")])],
            vec![layer("x.tar+gzip", &[(TITLE, "../evil.tgz")])],
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
    fn an_only_layer_without_a_title_is_a_plugin_when_it_or_the_artifact_says_so() {
        const OCI: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
        for (artifact_type, media_types, expected) in [
            (None, &["application/vnd.aisoc.plugin.v1.tar+gzip"][..], true),
            (Some(ARTIFACT_TYPE), &[OCI], true),
            (Some(ARTIFACT_TYPE), &["application/octet-stream"], false),
            (Some(ARTIFACT_TYPE), &[OCI, OCI], false),
            (Some(ARTIFACT_TYPE), &[], false),
            (Some("application/vnd.other"), &[OCI], false),
        ] {
            let layers = media_types.iter().map(|media_type| layer(media_type, &[])).collect();
            match read_as(artifact_type, layers) {
                Ok(artifact) => assert!(expected && artifact.layers().len() == 1, "{media_types:?}"),
                Err(fault) => {
                    assert!(!expected && fault.reason() == Reason::NotAPluginArtifact, "{media_types:?}: {fault:?}");
                    let difference = fault.difference().expect("two values");
                    assert_ne!(difference.expected, difference.found);
                }
            }
        }
    }

    #[test]
    fn refuses_other_bytes_than_the_digest_promised() {
        let fault = Artifact::read(b"{}".to_vec(), Some(ArtifactDigest::of(b"x"))).expect_err("differs");
        assert_eq!(fault.reason(), Reason::PullFailed);
        assert!(fault.difference().is_some());
    }
}
