//! `ManifestFile`: which of two files is a plugin's manifest.

use std::fmt;

use crate::fault::{Fault, Reason};

/// The two files that can be a plugin's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ManifestFile {
    /// plugin.yaml, which counts whenever it exists, even when it is broken.
    Yaml,
    /// aisoc-plugin.json, which counts only in the absence of plugin.yaml.
    Json,
}

impl ManifestFile {
    /// Both, in the order in which they count.
    pub const ALL: [Self; 2] = [Self::Yaml, Self::Json];

    /// The name inside the plugin directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "plugin.yaml",
            Self::Json => "aisoc-plugin.json",
        }
    }

    /// The refusal of a manifest that is a directory, a FIFO or a link where a file is needed; `path` is shown.
    pub fn not_a_file(path: impl fmt::Display) -> Fault {
        Fault::new(Reason::ManifestInvalid, format!("`{path}` is not a regular file"))
            .hint("put a regular file there, or make a plugin with `aisoc plugin new NAME --type TYPE`")
    }

    /// The file that counts, given which names exist.
    pub fn find(has: impl Fn(&str) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|file| has(file.name()))
    }
}

impl fmt::Display for ManifestFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
