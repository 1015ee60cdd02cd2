//! What a pass finds: plugins, what should be one and cannot be read, and what somebody should know.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use aisoc_installation::InstallRecord;
use aisoc_manifests::digest::FileDigest;
use aisoc_manifests::fault::Fault;
use aisoc_manifests::plugin::PluginType;
use aisoc_manifests::warning::Warning;
use aisoc_signing::{Content, FileStatement};

/// Where a plugin is found, in the order in which ids are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Built into the host.
    Compiled,
    /// A directory with a manifest, which somebody put into the plugins directory.
    Dir,
    /// The same, put there by an install, which has written down from where.
    Oci,
    /// A Python distribution that is installed in a site-packages directory.
    EntryPoint,
    /// A file in the data directory.
    Dropin,
}

impl Source {
    /// All five, in their order.
    pub const ALL: [Self; 5] = [Self::Compiled, Self::Dir, Self::Oci, Self::EntryPoint, Self::Dropin];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Dir => "dir",
            Self::Oci => "oci",
            Self::EntryPoint => "entry_point",
            Self::Dropin => "dropin",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a plugin is to its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Built into the host.
    Sdk,
    /// What a manifest says of itself.
    Manifest(PluginType),
    /// Runs a procedure.
    Procedure,
    /// Is called at points of the host's work.
    Hook,
    /// Answers for a model.
    Provider,
    /// Extends the host in another way.
    Extension,
    /// Reads a source.
    Loader,
    /// Does something that is asked for.
    Tool,
    /// Cleans data.
    Cleaner,
    /// Unpacks archives.
    ArchiveHandler,
    /// Describes a domain, and is data alone.
    Domain,
}

impl Kind {
    /// The word for it; of a plugin with a manifest its `plugin_type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sdk => "sdk",
            Self::Manifest(plugin_type) => plugin_type.as_str(),
            Self::Procedure => "procedure",
            Self::Hook => "hook",
            Self::Provider => "provider",
            Self::Extension => "extension",
            Self::Loader => "loader",
            Self::Tool => "tool",
            Self::Cleaner => "cleaner",
            Self::ArchiveHandler => "archive_handler",
            Self::Domain => "domain",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A plugin that is here.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The id of the manifest; the name of the entry point, until its class has said otherwise; `KIND/STEM` of a file;
    /// the name of what is compiled in.
    pub id: String,
    /// The version of the manifest or of the distribution; `0.0.0+local` of a file.
    pub version: String,
    /// What it is to its host.
    pub kind: Kind,
    /// Where it was found.
    pub source: Source,
    /// The name of the distribution; the repository that it was installed from; `<local>` for what somebody put there;
    /// `aisoc` for what is compiled in.
    pub package: String,
    /// What a host would load, as a lock names it: always with a `:`.
    pub entry_point: String,
    /// `sha256:` and what a lock compares: the canonical digest of a directory, the hash of a distribution's
    /// `METADATA` and `RECORD`, the digest of a file, that of the executable.
    pub hash: String,
    /// Its directory, its `*.dist-info`, its file, or the executable.
    pub place: PathBuf,
    /// What else the source knows of it.
    pub origin: Origin,
}

impl Discovered {
    /// What it asks of its host, as its own code has said; nothing where no code was asked, or says nothing of it.
    pub fn declared_in_code(&self) -> Option<&BTreeSet<String>> {
        match &self.origin {
            Origin::EntryPoint { capabilities, .. } => capabilities.as_ref(),
            Origin::None | Origin::Installed(_) | Origin::File { .. } => None,
        }
    }
}

/// What a source knows of a plugin beside what all of them know.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Nothing more.
    None,
    /// What the install wrote down. A note, and no evidence.
    Installed(Box<InstallRecord>),
    /// Where the distribution declares it.
    EntryPoint {
        /// The group, such as `capa.procedures`.
        group: String,
        /// The name in the group, which stays what it is whatever id the class states.
        name: String,
        /// The directory that Python finds the distribution in.
        site_packages: PathBuf,
        /// What it asks of its host, as its own code says, once that was asked; nothing of a group in which nobody says that.
        capabilities: Option<BTreeSet<String>>,
    },
    /// Which part of a host loads the file.
    File {
        /// The host's name for it.
        registry: &'static str,
        /// What a signature is over: its bytes, as they were read.
        statement: FileStatement,
        /// What stands beside it as its signature; nothing where nothing does.
        signature: Option<Content>,
        /// Those bytes, of code: whoever runs it has no need of the path. Nothing of a domain, which nobody runs.
        code: Option<Arc<[u8]>>,
    },
}

/// What should be a plugin and cannot be told to be one, or is one that another has the id of.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The id, where it could be read; else the name of what was looked at, escaped for a terminal.
    pub name: String,
    /// Where it was found.
    pub source: Source,
    /// What it would be, where that is known.
    pub kind: Option<Kind>,
    /// Its version, where that could be read.
    pub version: Option<String>,
    /// Its directory, its `*.dist-info` or its file.
    pub place: PathBuf,
    /// Why.
    pub fault: Fault,
}

impl Failed {
    /// A plugin that was read, and is refused all the same.
    pub fn of(plugin: Discovered, fault: Fault) -> Self {
        let Discovered { id, version, kind, source, place, .. } = plugin;
        Self { name: id, source, kind: Some(kind), version: Some(version), place, fault }
    }
}

/// A file among the drop-ins, for whoever writes down what a host may run: where it is, and which bytes it has.
#[derive(Debug, Clone)]
pub struct DropinFile {
    /// From the root on, whatever the working directory is.
    pub place: PathBuf,
    /// Which part of a host loads it.
    pub registry: &'static str,
    /// Of the bytes that were read; nothing where nobody could read them.
    pub digest: Option<FileDigest>,
}

/// What one source has found of one thing that it looked at.
pub(crate) type Found = Result<Discovered, Box<Failed>>;

/// What somebody should know although nothing has failed.
#[derive(Debug, Clone)]
pub struct Note {
    /// What it is.
    pub warning: Warning,
    /// In words, with the paths in it.
    pub message: String,
    /// What it is about.
    pub place: PathBuf,
    /// What else a host's log has of it.
    pub about: About,
}

/// What is known of something that was noticed, as hosts write it down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum About {
    /// Its place.
    #[default]
    Place,
    /// A drop-in, or a directory of them.
    Dropin {
        /// Which part of a host loads it.
        registry: &'static str,
        /// Why it was not read, where it should have been.
        error: Option<String>,
    },
    /// A directory below one of the system's own.
    System {
        /// The system's.
        root: &'static str,
    },
    /// A drop-in in the place of what is compiled in.
    Override {
        /// The id of both.
        id: String,
        /// Which part of a host loads it.
        registry: &'static str,
        /// Where the other one is.
        prior: PathBuf,
    },
}

/// Everything that one pass has found.
#[derive(Debug, Default)]
pub struct Discovery {
    /// In the order of the sources, and within one in the order of code points.
    pub plugins: Vec<Discovered>,
    /// In the same order.
    pub failed: Vec<Failed>,
    /// In the order in which they were noticed.
    pub notes: Vec<Note>,
    /// Every drop-in that counts, whatever else is said of it, in the order in which they were read.
    pub dropin_files: Vec<DropinFile>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_in_the_order_in_which_they_claim_ids() {
        assert!(Source::ALL.is_sorted());
        assert_eq!(Source::ALL.map(Source::as_str), ["compiled", "dir", "oci", "entry_point", "dropin"]);
    }
}
