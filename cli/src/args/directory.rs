//! Where an author's plugin is.

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::Result;
use clap::Args;

/// The plugin's directory, as a word or as an option: one of the two.
#[derive(Debug, Args)]
pub(crate) struct DirectoryArgs {
    /// The plugin's directory [default: the working directory]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The same as DIR
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    plugin_dir: Option<PathBuf>,
}

impl DirectoryArgs {
    /// The directory that is meant.
    ///
    /// # Errors
    /// `usage` for a manifest.
    pub(crate) fn path(&self) -> Result<&Path> {
        let path = self.dir.as_deref().or(self.plugin_dir.as_deref()).unwrap_or(Path::new("."));
        aisoc_pipeline::require_no_manifest(path).map(|()| path)
    }
}
