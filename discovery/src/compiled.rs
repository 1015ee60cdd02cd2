//! `compiled`: plugins that the host's own program holds.

use std::path::PathBuf;

use aisoc_manifests::digest::FileDigest;

use crate::discovered::{Discovered, Kind, Origin, Source};

/// The package of what is compiled in.
const PACKAGE: &str = "aisoc";

/// Plugins of one program, as whoever built it lists them.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The running program.
    pub executable: PathBuf,
    /// Of its bytes.
    pub digest: FileDigest,
    /// Name and version of each plugin.
    pub plugins: Vec<(String, String)>,
}

impl Compiled {
    /// In order of their names.
    pub(crate) fn plugins(&self) -> Vec<Discovered> {
        let mut plugins = self.plugins.clone();
        plugins.sort();
        let plugin = |(name, version): (String, String)| Discovered {
            entry_point: format!("compiled:{name}"),
            id: name,
            version,
            kind: Kind::Sdk,
            source: Source::Compiled,
            package: PACKAGE.to_owned(),
            hash: format!("sha256:{}", self.digest.hex()),
            place: self.executable.clone(),
            origin: Origin::None,
        };
        plugins.into_iter().map(plugin).collect()
    }
}
