//! `entry_point`: plugins of Python distributions, read from `*.dist-info` in site-packages directories.
//!
//! Nothing is imported: what a distribution declares stands in three text files. They are read as CPython's
//! `importlib.metadata` reads them, so that what is listed here is what a host would find there.

mod entry_points;
mod hash;
mod metadata;

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use aisoc_files::{
    Entry, Links, SmallFileError, entries_of, open_directory, open_directory_in, open_file_in, parallel, read_open,
};
use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::warning::Warning;
use aisoc_packaging::{Limits, default_threads};
use rustix::io::Errno;

use crate::discovered::{About, Discovered, Failed, Found, Note, Origin, Source};
use crate::unlisted::{unlisted, unopened};
use entry_points::EntryPoint;
pub use hash::{NotUtf8, distribution_hash};
use metadata::Metadata;

/// Most names in a site-packages directory: ten times what a large one has.
const MAX_NAMES: usize = 100_000;
/// Largest `METADATA`: it holds the distribution's whole README.
const MAX_METADATA_BYTES: u64 = 4 << 20;
/// Largest `RECORD`: a line of some hundred bytes for each file.
const MAX_RECORD_BYTES: u64 = 16 << 20;
/// Largest `entry_points.txt`.
const MAX_ENTRY_POINTS_BYTES: u64 = 1 << 20;
/// Distributions of older forms that a note names.
const SHOWN_NAMES: usize = 3;

/// Every entry point of our groups in those directories, in order of their names.
///
/// # Errors
/// `interrupted`; `io_error` when no thread can be started.
pub(crate) fn plugins(site_packages: &[PathBuf], notes: &mut Vec<Note>, limits: &Limits) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in site_packages {
        match SitePackages::open(path) {
            Ok(directory) => {
                notes.extend(directory.unread_distributions());
                found.extend(directory.plugins(limits)?);
            }
            Err(fault) => found.push(Err(failed(path.clone(), escaped(path.as_os_str()), fault))),
        }
    }
    // Of one name the one of the first directory stays the first, as on Python's path.
    found.sort_by(|one, other| name(one).cmp(name(other)));
    Ok(found)
}

fn name(found: &Found) -> &str {
    found.as_ref().map_or_else(|failed| failed.name.as_str(), |plugin| plugin.id.as_str())
}

fn failed(place: PathBuf, name: String, fault: Fault) -> Box<Failed> {
    Box::new(Failed { name, source: Source::EntryPoint, kind: None, version: None, place, fault })
}

/// A site-packages directory that is open and listed.
struct SitePackages<'a> {
    path: &'a Path,
    directory: OwnedFd,
    /// The names that end in `.dist-info`.
    dist_info: Vec<OsString>,
    /// The names of distributions of older forms.
    older: Vec<OsString>,
}

impl<'a> SitePackages<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        // The operator has named it, and may have named a link.
        let directory = open_directory(path, Links::Followed).map_err(|error| Fault::io("open", path, error))?;
        let entries = entries_of(&directory, MAX_NAMES).map_err(|error| unlisted(path, MAX_NAMES, error))?;
        let (mut dist_info, mut older) = (Vec::new(), Vec::new());
        for Entry { name, .. } in entries {
            match Path::new(&name).extension().map(OsStr::as_bytes) {
                Some(b"dist-info") => dist_info.push(name),
                Some(b"egg-info" | b"egg-link" | b"egg") => older.push(name),
                _ => {}
            }
        }
        Ok(Self { path, directory, dist_info, older })
    }

    /// A host finds entry points in the older forms as well. What is not read is at least said.
    fn unread_distributions(&self) -> Option<Note> {
        let shown: Vec<String> =
            self.older.iter().take(SHOWN_NAMES).map(|name| format!("`{}`", escaped(name))).collect();
        let more = self.older.len().saturating_sub(SHOWN_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!shown.is_empty()).then(|| Note {
            warning: Warning::DistributionNotRead,
            message: format!(
                "`{}` holds distributions that are no `*.dist-info`, and whose entry points are not read: {}{more}",
                escaped(self.path.as_os_str()),
                shown.join(", ")
            ),
            place: self.path.to_owned(),
            about: About::Place,
        })
    }

    fn plugins(&self, limits: &Limits) -> Result<Vec<Found>> {
        let read = parallel::map(&self.dist_info, default_threads(), |name| {
            // Nobody waits for what nobody is told.
            if limits.cancellation.is_cancelled() { Vec::new() } else { self.distribution(name) }
        });
        let read = read.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
        limits.cancellation.check()?;
        Ok(read.into_iter().flatten().collect())
    }

    /// What one distribution declares in our groups; nothing for the many that declare nothing.
    fn distribution(&self, name: &OsStr) -> Vec<Found> {
        let place = self.path.join(name);
        self.declared(name, &place).unwrap_or_else(|fault| vec![Err(failed(place, escaped(name), fault))])
    }

    fn declared(&self, name: &OsStr, place: &Path) -> Result<Vec<Found>> {
        let directory = open_directory_in(&self.directory, name).map_err(|error| unopened(place, error))?;
        let distribution = DistInfo { directory, place };
        let Some(text) = distribution.text("entry_points.txt", MAX_ENTRY_POINTS_BYTES)? else { return Ok(Vec::new()) };
        let entry_points = entry_points::of_our_groups(&text);
        if entry_points.is_empty() {
            return Ok(Vec::new());
        }
        let metadata = distribution.read("METADATA", MAX_METADATA_BYTES)?;
        let record = distribution.read("RECORD", MAX_RECORD_BYTES)?;
        let hash = distribution_hash(metadata.as_deref(), record.as_deref())
            .map_err(|error| distribution.invalid(error.to_string()))?;
        let Some(metadata) = metadata else { return Err(distribution.invalid("it has no METADATA")) };
        // It was hashed as UTF-8.
        let metadata =
            Metadata::read(&String::from_utf8_lossy(&metadata)).map_err(|what| distribution.invalid(what))?;
        Ok(entry_points.into_iter().map(|declared| self.plugin(declared, place, &metadata, &hash)).collect())
    }

    fn plugin(
        &self,
        declared: std::result::Result<EntryPoint, entry_points::Malformed>,
        place: &Path,
        metadata: &Metadata,
        hash: &str,
    ) -> Found {
        match declared {
            Ok(EntryPoint { group, kind, name, object }) => Ok(Discovered {
                id: name.clone(),
                version: metadata.version.clone(),
                kind,
                source: Source::EntryPoint,
                package: metadata.name.clone(),
                entry_point: object,
                hash: hash.to_owned(),
                place: place.to_owned(),
                origin: Origin::EntryPoint { group, name, site_packages: self.path.to_owned(), capabilities: None },
            }),
            Err(entry_points::Malformed { name, kind, what }) => {
                let fault = Fault::new(Reason::EntryPointInvalid, format!("`{}`: {what}", escaped(place.as_os_str())))
                    .hint("ask who made the distribution for one whose entry points are `NAME = MODULE:OBJECT`");
                let failed = failed(place.to_owned(), escaped(OsStr::new(&name)), fault);
                Err(Box::new(Failed { kind: Some(kind), version: Some(metadata.version.clone()), ..*failed }))
            }
        }
    }
}

/// The `*.dist-info` of one distribution, open.
struct DistInfo<'a> {
    directory: OwnedFd,
    place: &'a Path,
}

impl DistInfo<'_> {
    /// A file of it, whole; nothing when there is none.
    fn read(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>> {
        match open_file_in(&self.directory, name).and_then(|opened| read_open(opened, most)) {
            Ok(file) => Ok(Some(file.content)),
            Err(error) if error.is_absent() => Ok(None),
            Err(SmallFileError::Io(error)) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                Err(self.invalid(format!("its {name} is a link")))
            }
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &self.place.join(name), error)),
            Err(error @ (SmallFileError::NotAFile | SmallFileError::TooLarge { .. })) => {
                Err(self.invalid(format!("its {name} cannot be read")).caused_by(error))
            }
        }
    }

    fn text(&self, name: &str, most: u64) -> Result<Option<String>> {
        let content = self.read(name, most)?;
        let text = content.map(String::from_utf8).transpose();
        text.map_err(|_| self.invalid(format!("its {name} is not UTF-8")))
    }

    fn invalid(&self, what: impl std::fmt::Display) -> Fault {
        let place = escaped(self.place.as_os_str());
        Fault::new(Reason::DistributionInvalid, format!("the distribution `{place}` cannot be read: {what}"))
    }
}
