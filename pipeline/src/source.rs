//! What a user names: a directory, an archive, or a reference, told apart by looking once.

use std::path::PathBuf;

use aisoc_manifests::fault::Result;
use aisoc_manifests::reference::Reference;

/// What a user named.
#[derive(Debug)]
pub enum Source {
    /// A plugin's directory.
    Directory(PathBuf),
    /// An artifact: in a registry, a layout directory or an archive.
    Artifact(Reference),
}

impl Source {
    /// Tells what `text` names. A path that exists is that path; everything else is a reference, and
    /// is held to the grammar of one.
    ///
    /// # Errors
    /// `invalid_ref` when it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let path = PathBuf::from(text);
        if path.is_dir() {
            return Ok(match path.join("oci-layout").is_file() {
                true => Self::Artifact(Reference::layout_directory(path)),
                false => Self::Directory(path),
            });
        }
        if path.is_file() {
            return Ok(Self::Artifact(Reference::layout_archive(path)));
        }
        text.parse().map(Self::Artifact)
    }
}
