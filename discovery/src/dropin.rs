//! `dropin`: files in the data directory, which a host loads because they are there.
//!
//! They are looked at and hashed, and nothing in them runs: domains are data and are read as JSON, Python files are
//! only bytes here.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aisoc_files::{
    Entry, Links, SmallFileError, entries_of, open_directory, open_directory_in, open_file_in, parallel, read_open,
};
use aisoc_installation::escaped;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::first_hidden;
use aisoc_manifests::warning::Warning;
use aisoc_packaging::{Limits, default_threads};
use aisoc_signing::{Content, FILE_SIGNATURE_SUFFIX, FileStatement, MAX_SIGNATURE_FILE_BYTES};
use rustix::fs::FileType;
use rustix::io::Errno;
use serde::de::IgnoredAny;

use crate::archive;
use crate::directory::LOCAL_PACKAGE;
use crate::discovered::{About, Discovered, DropinFile, Failed, Found, Kind, Note, Origin, Source};
use crate::unlisted::{unlisted, unopened};

/// The directory of all drop-ins, in the data directory.
const PLUGINS: &str = "plugins";
/// Most names in a directory of drop-ins.
const MAX_NAMES: usize = 10_000;
/// Largest drop-in, code or domain: it is read whole.
pub const MAX_DROPIN_BYTES: u64 = 8 << 20;
/// All code among the drop-ins together: it is held until whoever has asked for it lets go.
const MAX_CODE_BYTES: u64 = 256 << 20;
/// The version of what has none.
const VERSION: &str = "0.0.0+local";
/// Directories of the system, in which a data directory is a mistake.
const SYSTEM: [&str; 11] =
    ["/etc", "/root", "/boot", "/sys", "/proc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/dev"];
/// Stems that a host takes for its own modules.
const RESERVED_STEMS: [&str; 2] = ["base", "registry"];

/// Whether drop-ins count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserPlugins {
    /// They do.
    #[default]
    Allowed,
    /// None does, domains too.
    Disabled,
}

impl UserPlugins {
    /// What the kill switch says: off for exactly `0`. Every other text, an empty one too, is on, as hosts read it.
    pub fn of_switch(value: Option<&OsStr>) -> Self {
        if value.is_some_and(|value| value == "0") { Self::Disabled } else { Self::Allowed }
    }
}

/// One directory of drop-ins, and what counts in it.
struct Place {
    name: &'static str,
    kind: Kind,
    /// The registry of a host that loads them, for its log.
    registry: &'static str,
    /// The ends of names that count.
    ends: &'static [&'static str],
    /// Whether names that a host's own package has are passed over.
    has_reserved_stems: bool,
}

const PLACES: [Place; 5] = [
    Place {
        name: "loaders",
        kind: Kind::Loader,
        registry: "LoaderRegistry",
        ends: &["_loader.py"],
        has_reserved_stems: false,
    },
    Place {
        name: "tools",
        kind: Kind::Tool,
        registry: "ToolRegistry",
        ends: &["_plugin.py"],
        has_reserved_stems: false,
    },
    Place {
        name: "cleaners",
        kind: Kind::Cleaner,
        registry: "CleanerRegistry",
        ends: &[".py"],
        has_reserved_stems: true,
    },
    Place {
        name: "archive_handlers",
        kind: Kind::ArchiveHandler,
        registry: "ArchiveHandlerRegistry",
        ends: &[".py"],
        has_reserved_stems: true,
    },
    Place {
        name: "domains",
        kind: Kind::Domain,
        registry: "DomainRegistry",
        ends: &[".jsonld", ".json"],
        has_reserved_stems: false,
    },
];

/// Names of a domain's file in a directory of its own.
const DOMAIN_FILES: [&str; 2] = ["domain.jsonld", "domain.json"];

impl Place {
    fn counts(&self, name: &str) -> bool {
        let stem = name.strip_suffix(".py").unwrap_or(name);
        let is_reserved = self.has_reserved_stems && (stem.starts_with('_') || RESERVED_STEMS.contains(&stem));
        !is_reserved && self.ends.iter().any(|end| name.ends_with(end))
    }
}

/// What is among the drop-ins.
#[derive(Default)]
pub(crate) struct Dropins {
    /// In order of their ids.
    pub(crate) found: Vec<Found>,
    /// Every file that counts, in the order in which they were read.
    pub(crate) files: Vec<DropinFile>,
    /// What somebody should know.
    pub(crate) notes: Vec<Note>,
}

/// Every drop-in.
///
/// # Errors
/// `interrupted`; `io_error` when no thread can be started.
pub(crate) fn plugins(data_dir: &Path, user_plugins: UserPlugins, limits: &Limits) -> Result<Dropins> {
    let mut dropins = Dropins { notes: suspicious(data_dir).into_iter().collect(), ..Dropins::default() };
    if let Err(fault) = archives_in(data_dir, &mut dropins.notes) {
        let path = data_dir.join(PLUGINS);
        dropins.found.push(Err(failed(path.clone(), escaped(path.as_os_str()), None, fault)));
    }
    let mut candidates = Vec::new();
    for place in &PLACES {
        match candidates_in(place, data_dir, &mut dropins.notes) {
            Ok(named) => candidates.extend(named),
            Err(fault) => {
                let path = data_dir.join(PLUGINS).join(place.name);
                dropins.found.push(Err(failed(path.clone(), escaped(path.as_os_str()), Some(place.kind), fault)));
            }
        }
    }
    if user_plugins == UserPlugins::Disabled {
        dropins.notes.extend(candidates.iter().map(Candidate::skipped));
        return Ok(Dropins { found: Vec::new(), ..dropins });
    }
    dropins.notes.extend(dropins.found.iter().filter_map(|found| unlisted_place(found.as_ref().err()?)));
    let room = CodeRoom::of(MAX_CODE_BYTES);
    let read = parallel::map(&candidates, default_threads(), |candidate| candidate.read(&room));
    let read = read.map_err(|error| Fault::new(Reason::IoError, "cannot start a thread").caused_by(error))?;
    limits.cancellation.check()?;
    for Read { found, file, unread } in read {
        dropins.files.push(file);
        dropins.notes.extend(unread);
        dropins.found.push(found);
    }
    // The sort is stable: of two claims of one id the one of the first name stays first.
    dropins.found.sort_by(|one, other| id(one).cmp(id(other)));
    Ok(dropins)
}

fn id(found: &Found) -> &str {
    found.as_ref().map_or_else(|failed| failed.name.as_str(), |plugin| plugin.id.as_str())
}

fn failed(place: PathBuf, name: String, kind: Option<Kind>, fault: Fault) -> Box<Failed> {
    Box::new(Failed { name, source: Source::Dropin, kind, version: None, place, fault })
}

/// A file that a host would load, by its name.
struct Candidate {
    place: &'static Place,
    /// What its id is made of; nothing for a name that is no text.
    stem: Option<String>,
    /// Below the place: a name, or a directory and a name.
    within: PathBuf,
    path: PathBuf,
    /// Where it stands, open.
    parent: Result<Arc<OwnedFd>>,
    kind: FileType,
}

/// What has come of looking at one.
struct Read {
    found: Found,
    file: DropinFile,
    /// That its hash is not known: of a link, and of what is too large, neither.
    unread: Option<Note>,
}

fn is_archive(name: &OsStr, kind: FileType) -> bool {
    archive::is_called_archive(name) && kind != FileType::Directory
}

/// Names the archives beside the places. Why the directory cannot be opened is said of each place.
fn archives_in(data_dir: &Path, notes: &mut Vec<Note>) -> Result<()> {
    let path = data_dir.join(PLUGINS);
    let opened = open_directory(data_dir, Links::Followed).and_then(|top| open_directory_in(&top, PLUGINS));
    let Ok(directory) = opened else { return Ok(()) };
    let entries = entries_of(&directory, MAX_NAMES).map_err(|error| unlisted(&path, MAX_NAMES, error))?;
    let archives = entries.iter().filter(|entry| is_archive(&entry.name, entry.kind));
    notes.extend(archives.map(|entry| archive::passed_over(&path.join(&entry.name))));
    Ok(())
}

/// What counts in one place; nothing where it is not there.
fn candidates_in(place: &'static Place, data_dir: &Path, notes: &mut Vec<Note>) -> Result<Vec<Candidate>> {
    let path = data_dir.join(PLUGINS).join(place.name);
    let Some(directory) = open_place(data_dir, place)? else { return Ok(Vec::new()) };
    let directory = Arc::new(directory);
    let entries = entries_of(&directory, MAX_NAMES).map_err(|error| unlisted(&path, MAX_NAMES, error))?;
    let mut candidates = Vec::new();
    for Entry { name, kind } in entries {
        let (shown, path) = (name.to_string_lossy(), path.join(&name));
        if is_archive(&name, kind) {
            notes.push(archive::passed_over(&path));
        } else if place.counts(&shown) && kind != FileType::Directory {
            let stem = name.to_str().and_then(|name| Some(name.rsplit_once('.')?.0.to_owned()));
            let parent = Ok(Arc::clone(&directory));
            candidates.push(Candidate { place, stem, within: PathBuf::from(&name), path, parent, kind });
        } else if place.kind == Kind::Domain && !shown.starts_with('_') {
            candidates.extend(domain_in(place, &directory, &name, path, kind)?);
        }
    }
    Ok(candidates)
}

/// The data directory is where the operator says, through a link too; below it no link leads anywhere.
fn open_place(data_dir: &Path, place: &Place) -> Result<Option<OwnedFd>> {
    let plugins = data_dir.join(PLUGINS);
    let opened = open_directory(data_dir, Links::Followed)
        .map_err(|error| (data_dir.to_owned(), error))
        .and_then(|top| open_directory_in(&top, PLUGINS).map_err(|error| (plugins.clone(), error)))
        .and_then(|top| open_directory_in(&top, place.name).map_err(|error| (plugins.join(place.name), error)));
    match opened {
        Ok(directory) => Ok(Some(directory)),
        Err((_, error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err((path, error)) => Err(unopened(&path, error)),
    }
}

/// The files of a domain that has a directory of its own. A link in the place of one, and a directory that cannot be
/// opened, is a candidate that fails: a host would follow the one, and may open the other.
fn domain_in(
    place: &'static Place,
    domains: &OwnedFd,
    name: &OsStr,
    path: PathBuf,
    kind: FileType,
) -> Result<Vec<Candidate>> {
    let stem = name.to_str().map(str::to_owned);
    let directory = match kind {
        FileType::Directory => open_directory_in(domains, name).map_err(|error| unopened(&path, error)),
        FileType::Symlink => Err(Fault::no_directory(&path)),
        _ => return Ok(Vec::new()),
    };
    let directory = match directory {
        Ok(directory) => Arc::new(directory),
        Err(fault) => {
            return Ok(vec![Candidate { place, stem, within: PathBuf::from(name), path, parent: Err(fault), kind }]);
        }
    };
    let entries = entries_of(&directory, MAX_NAMES).map_err(|error| unlisted(&path, MAX_NAMES, error))?;
    let files = entries.into_iter().filter(|entry| DOMAIN_FILES.iter().any(|file| entry.name == *file));
    let candidate = |file: Entry| Candidate {
        place,
        stem: stem.clone(),
        within: Path::new(name).join(&file.name),
        path: path.join(&file.name),
        parent: Ok(Arc::clone(&directory)),
        kind: file.kind,
    };
    Ok(files.map(candidate).collect())
}

impl Candidate {
    /// `KIND/STEM`.
    fn id(&self) -> Result<String> {
        match self.stem.as_ref().filter(|stem| !stem.is_empty() && first_hidden(stem).is_none()) {
            Some(stem) => Ok(format!("{}/{stem}", self.place.kind)),
            None => Err(Fault::new(
                Reason::ForbiddenEntry,
                format!("`{}` has a name that no plugin can have", escaped(self.path.as_os_str())),
            )),
        }
    }

    fn read(&self, room: &CodeRoom) -> Read {
        let (content, id) = (self.content(), self.id());
        let unread = content.as_ref().err().map(|fault| hash_failed(&self.path, self.place.registry, fault));
        // Where the working directory is nobody knows, the path is what was typed.
        let place = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let digest = content.as_ref().ok().map(|content| FileStatement::of(content).digest());
        let file = DropinFile { place, registry: self.place.registry, digest };
        let name = id.as_ref().map_or_else(|_| escaped(self.within.as_os_str()), Clone::clone);
        let found = id.and_then(|id| self.plugin(id, content?, room));
        let found = found.map_err(|fault| failed(self.path.clone(), name, Some(self.place.kind), fault));
        Read { found, file, unread }
    }

    fn plugin(&self, id: String, content: Vec<u8>, room: &CodeRoom) -> Result<Discovered> {
        let statement = FileStatement::of(&content);
        let code = match self.place.kind {
            Kind::Domain => {
                require_json(&content, &self.path)?;
                None
            }
            _ => Some(room.hold(content, &self.path)?),
        };
        let relative = Path::new(self.place.name).join(&self.within);
        Ok(Discovered {
            id,
            version: VERSION.to_owned(),
            kind: self.place.kind,
            source: Source::Dropin,
            package: LOCAL_PACKAGE.to_owned(),
            entry_point: format!("file:{}", relative.display()),
            hash: format!("sha256:{}", statement.digest().hex()),
            place: self.path.clone(),
            origin: Origin::File { registry: self.place.registry, statement, signature: self.signature()?, code },
        })
    }

    fn content(&self) -> Result<Vec<u8>> {
        let parent = self.parent.as_ref().map_err(Fault::clone)?;
        let name = self.within.file_name().unwrap_or_default();
        let forbidden = |what: String| {
            let path = escaped(self.path.as_os_str());
            Fault::new(Reason::ForbiddenEntry, format!("`{path}` {what}")).hint("put a regular file there")
        };
        match open_file_in(parent, name).and_then(|opened| read_open(opened, MAX_DROPIN_BYTES)) {
            Ok(file) => Ok(file.content),
            Err(_) if self.kind == FileType::Symlink => Err(forbidden("is a link".to_owned())),
            Err(SmallFileError::NotAFile) => Err(forbidden("is no regular file".to_owned())),
            Err(error @ SmallFileError::TooLarge { .. }) => Err(forbidden(format!("is too large: {error}"))),
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &self.path, error)),
        }
    }

    /// What stands beside it under its name and `.sig`, in the directory that it was read from. It is judged by the bytes
    /// that were read, whatever stands there later.
    fn signature(&self) -> Result<Option<Content>> {
        let parent = self.parent.as_ref().map_err(Fault::clone)?;
        let mut name = self.within.file_name().unwrap_or_default().to_owned();
        name.push(FILE_SIGNATURE_SUFFIX);
        match open_file_in(parent, &name).and_then(|opened| read_open(opened, MAX_SIGNATURE_FILE_BYTES)) {
            Ok(file) => Ok(Some(Content::Whole(file.content))),
            Err(SmallFileError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(SmallFileError::TooLarge { .. }) => Ok(Some(Content::TooLarge { max_bytes: MAX_SIGNATURE_FILE_BYTES })),
            Err(SmallFileError::NotAFile) => Ok(Some(Content::NotAFile)),
            // A link is none of ours, wherever it leads.
            Err(SmallFileError::Io(error)) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                Ok(Some(Content::NotAFile))
            }
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &self.path.with_file_name(&name), error)),
        }
    }

    /// What a host writes of a file that it would have loaded.
    fn skipped(&self) -> Note {
        let path = escaped(self.path.as_os_str());
        Note {
            warning: Warning::UserPluginDisabledSkip,
            message: format!("`{path}` is not loaded ({}): drop-ins are switched off", self.place.registry),
            place: self.path.clone(),
            about: About::Dropin { registry: self.place.registry, error: None },
        }
    }
}

/// How much code may still be held.
struct CodeRoom {
    left: AtomicU64,
}

impl CodeRoom {
    fn of(bytes: u64) -> Self {
        Self { left: AtomicU64::new(bytes) }
    }

    /// The code of that file, where there is room for it.
    fn hold(&self, code: Vec<u8>, path: &Path) -> Result<Arc<[u8]>> {
        let take = |left: u64| left.checked_sub(code.len() as u64);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(code.into()),
            Err(_) => {
                let path = escaped(path.as_os_str());
                let what = format!("with `{path}` there are more than {MAX_CODE_BYTES} bytes of code in drop-ins");
                Err(Fault::new(Reason::ForbiddenEntry, what).hint("take away those that nobody uses"))
            }
        }
    }
}

/// Whether a domain is JSON, as far as anybody relies on it here: it is read to its end, and holds an object or a list.
fn require_json(content: &[u8], path: &Path) -> Result<()> {
    let invalid = |source: Box<dyn std::error::Error + Send + Sync>| {
        let path = escaped(path.as_os_str());
        Fault::new(Reason::DropinInvalid, format!("the domain `{path}` is no JSON document")).caused_by(source)
    };
    let text = std::str::from_utf8(content).map_err(|error| invalid(error.into()))?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| invalid(error.into()))?;
    match text.trim_start().starts_with(['{', '[']) {
        true => Ok(()),
        false => Err(invalid("it is neither an object nor a list".into())),
    }
}

/// A place of which nobody can tell what is in it.
fn unlisted_place(failed: &Failed) -> Option<Note> {
    let is_unread = failed.fault.is_unread() || failed.fault.reason() == Reason::IoNotFound;
    let place = PLACES.iter().find(|place| Some(place.kind) == failed.kind).filter(|_| is_unread)?;
    Some(hash_failed(&failed.place, place.registry, &failed.fault))
}

fn hash_failed(place: &Path, registry: &'static str, fault: &Fault) -> Note {
    Note {
        warning: Warning::UserPluginAuditHashFailed,
        message: format!("`{}` has no SHA-256: {}", escaped(place.as_os_str()), fault.message()),
        place: place.to_owned(),
        about: About::Dropin { registry, error: Some(fault.message().to_owned()) },
    }
}

/// A data directory among the system's own is said, and used.
fn suspicious(data_dir: &Path) -> Option<Note> {
    // What is not there yet is where its name says.
    let resolved = data_dir.canonicalize().or_else(|_| std::path::absolute(data_dir)).ok()?;
    let root = SYSTEM.into_iter().find(|root| resolved.starts_with(root))?;
    let shown = escaped(resolved.as_os_str());
    Some(Note {
        warning: Warning::PathSettingsSuspiciousDataDir,
        message: format!("the data directory `{shown}` is below `{root}`, which is the system's"),
        place: resolved,
        about: About::System { root },
    })
}

#[cfg(test)]
mod tests {
    use aisoc_manifests::id::HostedId;

    use super::*;

    #[test]
    fn the_switch_is_off_for_exactly_one_text() {
        for (value, expected) in [
            (Some("0"), UserPlugins::Disabled),
            (Some(""), UserPlugins::Allowed),
            (Some("00"), UserPlugins::Allowed),
            (Some("0 "), UserPlugins::Allowed),
            (Some("false"), UserPlugins::Allowed),
            (Some("no"), UserPlugins::Allowed),
            (Some("1"), UserPlugins::Allowed),
            (None, UserPlugins::Allowed),
        ] {
            assert_eq!(UserPlugins::of_switch(value.map(OsStr::new)), expected, "{value:?}");
        }
    }

    #[test]
    fn whoever_asks_a_host_can_name_every_drop_in() {
        for place in &PLACES {
            let id = format!("{}/tidy", place.kind);
            assert_eq!(id.parse::<HostedId>().expect("an id").as_str(), id);
        }
    }

    #[test]
    fn so_much_code_is_held_and_no_more() {
        let room = CodeRoom::of(10);
        let hold = |bytes: usize| room.hold(vec![b'#'; bytes], Path::new("x.py"));
        assert_eq!(hold(4).expect("below").len(), 4);
        assert_eq!(hold(7).expect_err("above").reason(), Reason::ForbiddenEntry);
        assert_eq!(hold(6).expect("at").len(), 6);
        assert!(hold(1).is_err());
        assert!(hold(0).is_ok());
    }

    #[test]
    fn a_data_directory_of_the_systems_is_said_and_a_name_that_only_begins_so_is_not() {
        for (path, is_said) in
            [("/etc/x", true), ("/etc", true), ("/usr/share", true), ("/etcetera", false), ("/srv", false)]
        {
            assert_eq!(suspicious(Path::new(path)).is_some(), is_said, "{path}");
        }
    }
}
