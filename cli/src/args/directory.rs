//! Where an author's plugin is.

use std::path::{Path, PathBuf};

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
    pub(crate) fn path(&self) -> &Path {
        self.dir.as_deref().or(self.plugin_dir.as_deref()).unwrap_or(Path::new("."))
    }
}
