//! `Bench`: an author's plugin under work. Its manifest is found and read once, and asked as often as it takes.

use std::io;
use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::{self, Document, Manifest, ManifestFile, Problem, Profile, StrangeKey};
use aisoc_packaging::{Limits, PluginDir, default_threads};

/// Largest manifest that is read at all; the profiles ask for less.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// A manifest on the author's bench.
#[derive(Debug)]
pub struct Bench {
    /// The plugin's directory.
    pub directory: PathBuf,
    /// The manifest's path as the user would write it.
    pub shown: String,
    file: ManifestFile,
    bytes: Vec<u8>,
}

impl Bench {
    /// Reads the manifest of a plugin's directory, or the manifest that `path` names.
    ///
    /// # Errors
    /// `io_not_found` and other I/O reasons, `manifest_missing`; `manifest_invalid` for what is no regular file;
    /// `too_large`.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|error| Fault::io("find", path, error))?;
        let (directory, file, manifest) = if metadata.is_dir() {
            let file =
                ManifestFile::find(|name| path.join(name).symlink_metadata().is_ok()).ok_or_else(|| missing(path))?;
            (path.to_owned(), file, path.join(file.name()))
        } else {
            let file = match path.extension().is_some_and(|extension| extension == "json") {
                true => ManifestFile::Json,
                false => ManifestFile::Yaml,
            };
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            (directory.to_owned(), file, path.to_owned())
        };
        let bytes = read_manifest(&manifest)?;
        Ok(Self { directory, file, bytes, shown: manifest.display().to_string() })
    }

    /// What the manifest says.
    ///
    /// # Errors
    /// Those of [`Document::read`] and [`Manifest::from_document`].
    pub fn manifest(&self) -> Result<Manifest> {
        Manifest::from_document(&Document::read(self.file, &self.bytes)?)
    }

    /// Everything that is wrong with the manifest by the rules of a profile.
    pub fn problems(&self, profile: Profile) -> Vec<Problem> {
        plugin::validate(self.file, &self.bytes, &|path| self.has(path), profile)
    }

    /// The keys that nobody reads, and that are nearly others.
    pub fn strange_keys(&self) -> Vec<StrangeKey> {
        plugin::strange_keys(self.file, &self.bytes)
    }

    /// What YAML readers disagree on.
    pub fn ambiguities(&self) -> Vec<Problem> {
        plugin::ambiguities(self.file, &self.bytes)
    }

    /// What must not be signed.
    pub fn unsignable(&self) -> Vec<Problem> {
        plugin::unsignable(self.file, &self.bytes)
    }

    /// Whether the directory could be packed as it is.
    ///
    /// # Errors
    /// Why it could not: `forbidden_entry`, a name, a secret, I/O reasons, `interrupted`.
    pub fn require_packable(&self, limits: &Limits) -> Result<()> {
        PluginDir::open_with(&self.directory, default_threads(), limits).map(|_| ())
    }

    /// Whether a path exists in the plugin's directory; with a `/` at the end, as a directory.
    fn has(&self, path: &str) -> bool {
        match path.strip_suffix('/') {
            Some(directory) => self.directory.join(directory).is_dir(),
            None => self.directory.join(path).is_file(),
        }
    }
}

fn missing(directory: &Path) -> Fault {
    Fault::new(
        Reason::ManifestMissing,
        format!("there is no plugin.yaml and no aisoc-plugin.json in `{}`", directory.display()),
    )
}

fn read_manifest(path: &Path) -> Result<Vec<u8>> {
    // Judged when it is open, and not waited for: a FIFO could stand there, or come there meanwhile.
    match read_small(path, MAX_MANIFEST_BYTES, Links::Followed) {
        Ok(manifest) => Ok(manifest.content),
        Err(SmallFileError::Io(error)) => Err(unreadable(path, error)),
        Err(SmallFileError::NotAFile) => Err(ManifestFile::not_a_file(path.display())),
        Err(SmallFileError::TooLarge { bytes, .. }) => {
            let found = bytes.map_or("more".to_owned(), |bytes| format!("{bytes} bytes"));
            Err(Fault::new(Reason::TooLarge, format!("the manifest `{}` is too large", path.display()))
                .expected(format!("at most {MAX_MANIFEST_BYTES} bytes"), found))
        }
    }
}

/// What stands there was found by its name before: when nothing is behind it, it is a link.
fn unreadable(path: &Path, error: io::Error) -> Fault {
    let is_gone = error.kind() == io::ErrorKind::NotFound;
    let fault = Fault::io("read the manifest", path, error);
    match is_gone && path.is_symlink() {
        true => fault.hint("it is a link that leads nowhere: put a regular file there"),
        false => fault,
    }
}
