//! What a user names: a directory, an archive, or a reference. A text that could be a path and a reference
//! is refused, because whoever can make a directory would otherwise choose what is verified and pushed.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::reference::Reference;
use aisoc_manifests::text::shown;

/// What a user named.
#[derive(Debug)]
pub enum Source {
    /// A plugin's directory.
    Directory(PathBuf),
    /// An artifact: in a registry, a layout directory or an archive.
    Artifact(Reference),
}

/// Says that a reference follows, whatever there is on this machine.
const REGISTRY: &str = "oci://";

impl Source {
    /// The artifact, if it is one.
    pub fn artifact(&self) -> Option<&Reference> {
        match self {
            Self::Artifact(reference) => Some(reference),
            Self::Directory(_) => None,
        }
    }

    /// Tells what `text` names. What begins with `/`, `./` or `../`, or is no reference, is a path;
    /// what begins with `oci://` is in a registry; everything else is a reference, as long as there is
    /// no path of that name. What is not UTF-8 is no reference.
    ///
    /// # Errors
    /// `usage` when it is both, `io_not_found` for a path that is missing, `invalid_ref` when it is neither.
    pub fn parse(text: impl AsRef<OsStr>) -> Result<Self> {
        let Some(text) = text.as_ref().to_str() else { return Self::at(Path::new(text.as_ref())) };
        if let Some(reference) = text.strip_prefix(REGISTRY) {
            return in_registry(text, reference);
        }
        let path = Path::new(text);
        if is_spelled_as_path(text) {
            return Self::at(path);
        }
        match text.parse() {
            Ok(reference) if is_there(path)? => Err(ambiguous(text, &reference)),
            Ok(reference) => Ok(Self::Artifact(reference)),
            Err(_) if is_there(path)? => Self::at(path),
            Err(fault) => Err(fault),
        }
    }

    fn at(path: &Path) -> Result<Self> {
        let found = path.metadata().map_err(|error| Fault::io("find", path, error))?;
        if found.is_file() {
            return Ok(Self::Artifact(Reference::layout_archive(path)));
        }
        if !found.is_dir() {
            let message = format!("`{}` is neither a directory nor a regular file", path.display());
            return Err(Fault::new(Reason::InvalidReference, message));
        }
        Ok(match path.join("oci-layout").is_file() {
            true => Self::Artifact(Reference::layout_directory(path)),
            false => Self::Directory(path.to_owned()),
        })
    }
}

fn in_registry(text: &str, reference: &str) -> Result<Source> {
    match reference.parse()? {
        Reference::Layout(_) => Err(Fault::new(
            Reason::InvalidReference,
            format!("`{}` names no registry after `{REGISTRY}`", shown(text, 120)),
        )),
        registry => Ok(Source::Artifact(registry)),
    }
}

fn is_spelled_as_path(text: &str) -> bool {
    matches!(text, "." | "..") || ["/", "./", "../"].iter().any(|beginning| text.starts_with(beginning))
}

/// Whether anything has that name, a link that leads nowhere included. What cannot be looked at is
/// no answer.
fn is_there(path: &Path) -> Result<bool> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
                Ok(false)
            }
            _ => Err(Fault::io("look at", path, error)),
        },
    }
}

fn ambiguous(text: &str, reference: &Reference) -> Fault {
    let shown = shown(text, 120);
    let fault = Fault::new(Reason::Usage, format!("`{shown}` is a path here and a reference as well"));
    match reference {
        Reference::Registry(_) => fault
            .expected("one of the two", format!("the path `./{shown}`, and `{REGISTRY}{shown}` in a registry"))
            .hint(format!("write `./{shown}` for the path or `{REGISTRY}{shown}` for the registry")),
        Reference::Layout(layout) => {
            let layout = layout.path.display().to_string();
            fault
                .expected("one of the two", format!("the path `./{shown}`, and the layout `{layout}`"))
                .hint(format!("write `./{shown}` for the path; to mean the layout, rename that path first"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_spelling_decides_before_the_file_system_does() {
        let place = tempfile::tempdir().expect("a directory");
        let missing = place.path().join("nothing").display().to_string();
        assert_eq!(Source::parse(&missing).expect_err("missing").reason(), Reason::IoNotFound);
        assert!(matches!(Source::parse("."), Ok(Source::Directory(_))));
        let raw: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
        assert_eq!(Source::parse(raw).expect_err("no reference, and missing").reason(), Reason::IoNotFound);
        for text in ["oci://localhost:5000/x:1", "oci://ghcr.io/o/p", "localhost:5000/x:1", "ghcr.io/o/p"] {
            assert!(matches!(Source::parse(text), Ok(Source::Artifact(Reference::Registry(_)))), "{text}");
        }
        for text in ["oci://oci:x", "oci://", "oci://oci-archive:x.tar", "oci://x", "no-such-directory"] {
            assert_eq!(Source::parse(text).expect_err(text).reason(), Reason::InvalidReference, "{text}");
        }
    }

    #[test]
    fn a_path_is_a_layout_an_archive_a_directory_or_nothing() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |name: &str| Source::parse(place.path().join(name));
        fs::create_dir_all(place.path().join("layout")).expect("made");
        fs::write(place.path().join("layout/oci-layout"), "{}").expect("written");
        fs::write(place.path().join("a.tar"), "x").expect("written");
        assert!(matches!(at("layout"), Ok(Source::Artifact(Reference::Layout(_)))));
        assert!(matches!(at("a.tar"), Ok(Source::Artifact(Reference::Layout(_)))));
        assert!(matches!(at("."), Ok(Source::Directory(_))));
        let _socket = std::os::unix::net::UnixListener::bind(place.path().join("socket")).expect("bound");
        assert_eq!(at("socket").expect_err("a socket").reason(), Reason::InvalidReference);
    }
}
