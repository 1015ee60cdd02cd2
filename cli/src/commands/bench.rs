//! What several author commands share: finding and reading the manifest on the bench, and showing
//! all of its problems at once.

use std::path::{Path, PathBuf};

use aisoc_files::{Links, SmallFileError, read_small};
use aisoc_manifests::fault::{Fault, Location, Reason, Result};
use aisoc_manifests::plugin::{ManifestFile, Problem};
use serde::Serialize;

use crate::context::Context;
use crate::output::{self, Answer};

/// Largest manifest that is read at all; the profiles ask for less.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// A manifest on the author's bench.
pub(crate) struct Bench {
    pub(crate) directory: PathBuf,
    pub(crate) file: ManifestFile,
    pub(crate) bytes: Vec<u8>,
    /// The manifest's path as the user would write it.
    pub(crate) shown: String,
}

impl Bench {
    /// Reads the manifest of a plugin's directory, or the manifest that `path` names.
    ///
    /// # Errors
    /// `io_not_found`, `manifest_missing`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
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

    /// Whether a path exists in the plugin's directory; with a `/` at the end, as a directory.
    pub(crate) fn has(&self, path: &str) -> bool {
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
        Err(SmallFileError::Io(error)) => Err(Fault::io("read the manifest", path, error)),
        Err(SmallFileError::NotAFile) => {
            Err(Fault::new(Reason::ManifestInvalid, format!("`{}` is not a regular file", path.display())))
        }
        Err(SmallFileError::TooLarge { bytes, .. }) => {
            let found = bytes.map_or("more".to_owned(), |bytes| format!("{bytes} bytes"));
            Err(Fault::new(Reason::TooLarge, format!("the manifest `{}` is too large", path.display()))
                .expected(format!("at most {MAX_MANIFEST_BYTES} bytes"), found))
        }
    }
}

/// A problem as a JSON row.
#[derive(Serialize)]
pub(crate) struct ProblemRow {
    reason_code: &'static str,
    file: String,
    line: usize,
    column: usize,
    message: String,
    instead: Option<String>,
}

/// The rows of problems, with the path as the user would write it.
pub(crate) fn rows(shown: &str, problems: Vec<Problem>) -> Vec<ProblemRow> {
    let row = |problem: Problem| ProblemRow {
        reason_code: problem.reason.as_str(),
        file: shown.to_owned(),
        line: problem.location.line,
        column: problem.location.column,
        message: output::redacted(&problem.message),
        instead: problem.instead.as_deref().map(output::redacted),
    };
    problems.into_iter().map(row).collect()
}

/// A manifest that was refused, as a JSON document.
#[derive(Serialize)]
struct Refused {
    manifest: String,
    problems: Vec<ProblemRow>,
    #[serde(skip)]
    exit_code: u8,
}

impl Answer for Refused {
    fn text(&self) -> String {
        String::new()
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

/// Shows every problem, each as an error of its own or all in one JSON document, and gives the exit
/// code of the first.
pub(crate) fn refuse(shown: &str, problems: Vec<Problem>, context: &Context) -> Result<u8> {
    let exit_code = problems.first().map_or(0, |problem| problem.reason.class().exit_code());
    if context.output.json() {
        let problems = rows(shown, problems);
        return context.output.answer(&Refused { manifest: shown.to_owned(), problems, exit_code });
    }
    for Problem { reason, location, message, instead } in problems {
        let fault = Fault::new(reason, message).at(Location { file: shown.to_owned(), ..location });
        output::report(&instead.into_iter().fold(fault, Fault::hint), false);
    }
    Ok(exit_code)
}
