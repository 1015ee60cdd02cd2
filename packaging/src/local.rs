//! `LocalArtifact`: what an install of a directory receives: the artifact that `package` would make of it.
//!
//! It is packed and staged as any artifact, so that what is judged is what lands, and the same directory has the
//! same digest wherever it is installed. No evidence of a signature is asked for, because nothing gives its bytes
//! out: they go through a file without a name into a [`Staging`], which every gate is still in front of.

use std::fs::File;
use std::io::Seek as _;

use aisoc_manifests::artifact::Artifact;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::progress::Act;

use crate::assemble::unpublished;
use crate::dir::PluginDir;
use crate::pack::PackOptions;
use crate::stage::{Staged, Staging};

/// An artifact of a directory, on this machine alone.
#[derive(Debug)]
pub struct LocalArtifact {
    artifact: Artifact,
    /// The layer. The file has no name, so nobody else opens it, and nothing of it stays.
    layer: File,
    /// How much it holds.
    unpacked_bytes: u64,
}

impl LocalArtifact {
    /// Packs a directory.
    ///
    /// # Errors
    /// As [`crate::pack`].
    pub fn pack(plugin: &PluginDir, manifest: &Manifest, options: &PackOptions) -> Result<Self> {
        let layer = tempfile::tempfile().map_err(failed)?;
        let assembled = unpublished(plugin, manifest, options, &layer)?;
        let unpacked_bytes = plugin.files().total_bytes();
        Ok(Self { artifact: Artifact::read(assembled.manifest, None)?, layer, unpacked_bytes })
    }

    /// The manifest, whose digest is what `package` prints.
    pub fn artifact(&self) -> &Artifact {
        &self.artifact
    }

    /// Stages the plugin as if it had been received.
    ///
    /// # Errors
    /// As [`Staging::layer`] and [`Staging::finish`].
    pub fn stage<P>(mut self, mut staging: Staging<P>) -> Result<Staged<P>> {
        let [layer] = self.artifact.layers() else {
            return Err(Fault::new(Reason::Internal, "a directory was packed into more than one layer"));
        };
        self.layer.rewind().map_err(failed)?;
        let cancellation = staging.cancellation().clone();
        let _unpacking = cancellation.begin(Act::Unpacking, self.unpacked_bytes);
        staging.layer(&layer.form, &layer.descriptor.media_type, &self.layer)?;
        staging.finish()
    }
}

fn failed(error: std::io::Error) -> Fault {
    Fault::io("pack a directory in", &tempfile::env::temp_dir(), error)
}
