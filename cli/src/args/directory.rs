//! Where an author's plugin is.

use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
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
        meant(self.dir.as_deref(), self.plugin_dir.as_deref())
    }
}

/// The one of the two that is there, which is no manifest; else the working directory.
fn meant<'a>(word: Option<&'a Path>, option: Option<&'a Path>) -> Result<&'a Path> {
    let path = word.or(option).unwrap_or(Path::new("."));
    aisoc_pipeline::require_no_manifest(path).map(|()| path)
}

/// What is signed: a plugin's directory, one file, or an artifact.
#[derive(Debug, Args)]
pub(crate) struct SignedArgs {
    /// The plugin's directory [default: the working directory], or one file: a drop-in, which a host loads because it is
    /// there; with --cosign, a reference, or a layout such as `oci:DIR:TAG`
    #[arg(value_name = "DIR|FILE|REF")]
    path: Option<PathBuf>,
    /// The same as DIR
    #[arg(long, value_name = "DIR", conflicts_with = "path")]
    plugin_dir: Option<PathBuf>,
}

impl SignedArgs {
    /// What is meant.
    ///
    /// # Errors
    /// `usage` for a manifest.
    pub(crate) fn path(&self) -> Result<&Path> {
        meant(self.path.as_deref(), self.plugin_dir.as_deref())
    }

    /// The artifact that is meant.
    ///
    /// # Errors
    /// `invalid_ref` for what is no reference, `usage` for nothing.
    pub(crate) fn reference(&self) -> Result<Reference> {
        let path = self.path.as_deref().ok_or_else(|| {
            Fault::new(Reason::Usage, "`--cosign` signs an artifact, and none is named")
                .expected("a reference", "nothing")
                .hint("name it: `HOST/REPOSITORY:TAG`, or `oci:DIR:TAG` in a layout")
        })?;
        let text = path.to_str().ok_or_else(|| {
            Fault::new(Reason::InvalidReference, format!("`{}` is no reference: it is no UTF-8", path.display()))
        })?;
        text.parse()
    }

    /// The file that is meant, where it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.path.as_deref().filter(|path| path.is_file())
    }
}
