//! `dir` and `oci`: what stands in the plugins directory.
//!
//! The identity is the one that the manifest states, whatever its directory is called. What an install has written
//! down beside it makes a plugin `oci`, and is held to that identity.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aisoc_files::parallel;
use aisoc_installation::{InstallRecord, InstalledPlugin, Site, escaped};
use aisoc_manifests::digest::CanonicalDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{Manifest, PluginType};
use aisoc_manifests::reference::{LayoutReference, Reference};
use aisoc_packaging::{CanonicalDir, Limits, default_threads};

use crate::archive;
use crate::discovered::{Discovered, Failed, Found, Kind, Note, Origin, Source};

/// The package of what somebody put there.
pub const LOCAL_PACKAGE: &str = "<local>";
/// What a host loads of a directory that does not say otherwise.
const ENTRY_POINT: &str = "plugin.py:Plugin";

/// What the manifest of a plugin in a directory states, as a lock compares it, and the digest of what was read.
#[derive(Debug, Clone)]
pub struct Stated {
    id: String,
    version: String,
    plugin_type: PluginType,
    entry_point: String,
    hash: String,
}

/// What was read of plugins by whoever has judged them, by the paths of their directories: what was judged and what is
/// compared with a lock are the same bytes then, read once.
pub type StatedPlugins = HashMap<PathBuf, Stated>;

impl Stated {
    /// Of a manifest and the digest that a signature of the plugin covers.
    pub fn of(manifest: &Manifest, digest: CanonicalDigest) -> Self {
        Self {
            id: manifest.id.to_string(),
            version: manifest.version.clone(),
            plugin_type: manifest.plugin_type,
            entry_point: lock_entry_point(manifest),
            hash: format!("sha256:{}", digest.hex()),
        }
    }

    /// `sha256:` and the digest.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    fn read(path: &Path, limits: &Limits) -> Result<Self> {
        let read = CanonicalDir::read(path, limits)?;
        let manifest = Manifest::from_document(&read.document).map_err(|fault| fault.below(path))?;
        Ok(Self::of(&manifest, read.digest))
    }
}

/// Everything that is a plugin there, or should be one by its record, in order of the directories. What is in `stated`
/// is not read again. What somebody should know goes into `notes`.
///
/// # Errors
/// `interrupted`; `io_error` when no thread can be started.
pub(crate) fn plugins(
    site: &Site,
    stated: &StatedPlugins,
    notes: &mut Vec<Note>,
    limits: &Limits,
) -> Result<Vec<Found>> {
    let observed = match site.observe() {
        Ok(observed) => observed,
        Err(fault) => return Ok(vec![Err(unlisted(site, fault))]),
    };
    let names = observed.directories();
    notes.extend(archive::among_plugins(site, &names));
    let found = parallel::map(&names, default_threads(), |name| {
        let InstalledPlugin { path, record, .. } = observed.read(name)?;
        Some(match record {
            Ok(record) => plugin(path, name, record, stated, limits),
            Err(fault) => Err(failed(path, name, Source::Oci, fault)),
        })
    });
    let found = found.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    // What was interrupted is not what failed.
    limits.cancellation.check()?;
    let mut found: Vec<Found> = found.into_iter().flatten().collect();
    // Within one source the order of the directories stays, behind those that somebody means.
    found.sort_by_key(|found| match found {
        Ok(plugin) => (!site.means(&plugin.id, &plugin.place), plugin.source),
        Err(failed) => (true, failed.source),
    });
    Ok(found)
}

fn unlisted(site: &Site, fault: Fault) -> Box<Failed> {
    let place = site.path().to_owned();
    let name = escaped(place.as_os_str());
    Box::new(Failed { name, source: Source::Dir, kind: None, version: None, place, fault })
}

fn failed(place: PathBuf, directory: &OsStr, source: Source, fault: Fault) -> Box<Failed> {
    Box::new(Failed { name: escaped(directory), source, kind: None, version: None, place, fault })
}

fn plugin(
    path: PathBuf,
    directory: &OsStr,
    record: Option<InstallRecord>,
    stated: &StatedPlugins,
    limits: &Limits,
) -> Found {
    let source = if record.is_some() { Source::Oci } else { Source::Dir };
    let stated = match stated.get(&path).map_or_else(|| Stated::read(&path, limits), |stated| Ok(stated.clone())) {
        Ok(stated) => stated,
        Err(fault) => return Err(failed(path, directory, source, fault)),
    };
    let Stated { id, version, plugin_type, entry_point, hash } = stated;
    let plugin = Discovered {
        id,
        version,
        kind: Kind::Manifest(plugin_type),
        source,
        package: record.as_ref().map_or_else(|| LOCAL_PACKAGE.to_owned(), |record| lock_package(&record.reference)),
        entry_point,
        hash,
        place: path,
        origin: Origin::None,
    };
    match record {
        None => Ok(plugin),
        Some(record) if *record.id.as_str() == plugin.id => {
            Ok(Discovered { origin: Origin::Installed(Box::new(record)), ..plugin })
        }
        Some(record) => {
            let what = "the record is about another plugin than the one in place";
            let fault = Fault::new(Reason::IdentityAmbiguous, what).expected(record.id.to_string(), plugin.id.clone());
            Err(Box::new(Failed::of(plugin, fault)))
        }
    }
}

/// What a lock calls the package of a plugin that was installed from there: without the tag, which moves, the repository,
/// or the path of a layout.
pub fn lock_package(reference: &str) -> String {
    match reference.parse::<Reference>() {
        Ok(Reference::Layout(layout)) => {
            Reference::Layout(LayoutReference { tag: None, digest: None, ..layout }).to_string()
        }
        Ok(parsed) => parsed.repository().unwrap_or_else(|| reference.to_owned()),
        Err(_) => reference.to_owned(),
    }
}

/// What a lock calls what is loaded of a plugin in a directory; it always holds a `:`.
pub fn lock_entry_point(manifest: &Manifest) -> String {
    match manifest.entry_point.as_deref() {
        None | Some("plugin.py") => ENTRY_POINT.to_owned(),
        Some(named) if named.contains(':') => named.to_owned(),
        Some(named) => format!("file:{named}"),
    }
}
