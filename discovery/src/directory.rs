//! `dir` and `oci`: what stands in the plugins directory.
//!
//! The identity is the one that the manifest states, whatever its directory is called. What an install has written
//! down beside it makes a plugin `oci`, and is held to that identity.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use aisoc_files::parallel;
use aisoc_installation::{InstallRecord, InstalledPlugin, Observed, Site, escaped};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::Manifest;
use aisoc_manifests::reference::{LayoutReference, Reference};
use aisoc_packaging::{CanonicalDir, Limits, default_threads};

use crate::discovered::{Discovered, Failed, Found, Kind, Origin, Source};

/// The package of what somebody put there.
const LOCAL: &str = "<local>";
/// What a host loads of a directory that does not say otherwise.
const ENTRY_POINT: &str = "plugin.py:Plugin";

/// Everything that is a plugin there, or should be one by its record, in order of the directories.
///
/// # Errors
/// `interrupted`; `io_error` when no thread can be started.
pub(crate) fn plugins(site: &Site, limits: &Limits) -> Result<Vec<Found>> {
    let observed = match site.observe() {
        Ok(observed) => observed,
        Err(fault) => return Ok(vec![Err(unlisted(site, fault))]),
    };
    let found = parallel::map(&observed.directories(), default_threads(), |name| read(&observed, name, limits));
    let found = found.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    // What was interrupted is not what failed.
    limits.cancellation.check()?;
    let mut found: Vec<Found> = found.into_iter().flatten().collect();
    // Within one source the order of the directories stays.
    found.sort_by_key(|found| found.as_ref().map_or_else(|failed| failed.source, |plugin| plugin.source));
    Ok(found)
}

fn unlisted(site: &Site, fault: Fault) -> Box<Failed> {
    let place = site.path().to_owned();
    let name = escaped(place.as_os_str());
    Box::new(Failed { name, source: Source::Dir, kind: None, version: None, place, fault })
}

/// `None` for what is no plugin.
fn read(observed: &Observed, directory: &OsString, limits: &Limits) -> Option<Found> {
    let InstalledPlugin { path, record, .. } = observed.read(directory)?;
    Some(match record {
        Ok(record) => plugin(path, directory, record, limits),
        Err(fault) => Err(failed(path, directory, Source::Oci, fault)),
    })
}

fn failed(place: PathBuf, directory: &OsStr, source: Source, fault: Fault) -> Box<Failed> {
    Box::new(Failed { name: escaped(directory), source, kind: None, version: None, place, fault })
}

fn plugin(path: PathBuf, directory: &OsStr, record: Option<InstallRecord>, limits: &Limits) -> Found {
    let source = if record.is_some() { Source::Oci } else { Source::Dir };
    let read = CanonicalDir::read(&path, limits).and_then(|read| {
        let manifest = Manifest::from_document(&read.document).map_err(|fault| fault.below(&path))?;
        Ok((manifest, read.digest))
    });
    let (manifest, digest) = match read {
        Ok(read) => read,
        Err(fault) => return Err(failed(path, directory, source, fault)),
    };
    let plugin = Discovered {
        id: manifest.id.to_string(),
        kind: Kind::Manifest(manifest.plugin_type),
        source,
        package: record.as_ref().map_or_else(|| LOCAL.to_owned(), |record| lock_package(&record.reference)),
        entry_point: lock_entry_point(&manifest),
        version: manifest.version,
        hash: format!("sha256:{}", digest.hex()),
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
