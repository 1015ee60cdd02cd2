//! `Packed`: a directory that was packed, with its bytes where nobody finds them.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::fault::{Fault, Result};
use aisoc_manifests::oci::{Descriptor, MANIFEST_MEDIA_TYPE};
use aisoc_packaging::{Assembled, PackOptions, assemble};
use aisoc_registry_client::{BlobSource, Manifest as StoredManifest};

use crate::packaged::Packaged;
use crate::publication::{PackageOptions, Publication};
use crate::signature_look::SignatureLook;

/// A packed directory with its bytes in a temporary place.
pub(crate) struct Packed {
    assembled: Assembled,
    /// The layer. The file has no name, so nothing stays of it, however the process ends.
    layer: Arc<File>,
    pub(crate) summary: Packaged,
}

impl PackageOptions {
    pub(crate) fn pack(&self) -> PackOptions {
        PackOptions { threads: self.threads, mtime: self.mtime }
    }
}

pub(crate) fn pack(publication: &Publication, options: &PackageOptions) -> Result<Packed> {
    let failed = |error| Fault::io("write a layer in", &tempfile::env::temp_dir(), error);
    let layer = tempfile::tempfile().map_err(failed)?;
    let (assembled, summary) = pack_to(publication, options, &layer)?;
    Ok(Packed { assembled, layer: Arc::new(layer), summary })
}

pub(crate) fn pack_to(
    publication: &Publication,
    options: &PackageOptions,
    out: impl Write,
) -> Result<(Assembled, Packaged)> {
    let Publication { plugin, manifest, publishable } = publication;
    let assembled = assemble(plugin, publishable, manifest, &options.pack(), out)?;
    let summary = Packaged::of(plugin, manifest, &assembled, SignatureLook::of(publishable));
    Ok((assembled, summary))
}

/// What was packed, as whoever fetches it reads it.
pub(crate) fn artifact_of(assembled: &Assembled) -> Result<Artifact> {
    Artifact::read(assembled.manifest.clone(), None)
}

impl Packed {
    pub(crate) fn artifact(&self) -> Result<Artifact> {
        artifact_of(&self.assembled)
    }

    /// The manifest as it is stored, and what it names with where the bytes are.
    pub(crate) fn to_store(&self) -> (StoredManifest, [(Descriptor, BlobSource); 2]) {
        let manifest = StoredManifest::new(MANIFEST_MEDIA_TYPE, self.assembled.manifest.clone());
        let layer = BlobSource::File { file: Arc::clone(&self.layer), offset: 0 };
        let blobs = [
            (self.assembled.config_descriptor.clone(), BlobSource::Bytes(self.assembled.config.clone().into())),
            (self.assembled.layer.clone(), layer),
        ];
        (manifest, blobs)
    }
}
