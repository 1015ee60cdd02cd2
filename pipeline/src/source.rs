//! What a user names: a directory, an archive, or a reference. A text that could be a path and a reference
//! is refused, because whoever can make a directory would otherwise choose what is verified and pushed.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_files::shell_word;
use aisoc_installation::escaped;
use aisoc_manifests::address::is_this_machine;
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::plugin::ManifestFile;
use aisoc_manifests::reference::{LayoutReference, Reference};
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

    /// Tells what `text` names. What begins with `/`, `./` or `../` is a path; what begins with `oci://` is in
    /// a registry; what is a reference is one, as long as there is no path of that name; everything else is a
    /// path. What is not UTF-8 is no reference.
    ///
    /// # Errors
    /// `usage` when it is both, `io_not_found` for a path that is missing, `invalid_ref` for what was meant for a
    /// reference and is none: it holds a `:` or an `@`, or begins with the name of a host.
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
            Err(fault) if !is_meant_for_reference(text, &fault) => Err(missing(path)),
            Err(fault) => Err(fault),
        }
    }

    /// Exactly this artifact, as it was named: what a script should hand on. A directory has no place for a digest,
    /// and is where it is.
    ///
    /// # Errors
    /// As [`Source::origin`].
    pub fn pinned(&self, digest: ArtifactDigest) -> Result<String> {
        match self {
            Self::Artifact(reference) => Ok(reference.pinned(digest).to_string()),
            Self::Directory(_) => self.origin(),
        }
    }

    /// Where it is, as it can be named again from any directory: what an install writes down. A layout has its
    /// whole path; of a path that is not UTF-8 it can only be read what it was.
    ///
    /// # Errors
    /// I/O reasons when the current directory is gone.
    pub fn origin(&self) -> Result<String> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(|error| Fault::io("find", path, error));
        Ok(match self {
            Self::Directory(directory) => escaped(absolute(directory)?.as_os_str()),
            Self::Artifact(Reference::Layout(layout)) => {
                let whole = Reference::Layout(LayoutReference { path: absolute(&layout.path)?, ..layout.clone() });
                match whole.to_string() {
                    text if text.parse().is_ok_and(|read: Reference| read == whole) => text,
                    // A name that would be read as another one, such as one with a `:`.
                    _ => escaped(absolute(&layout.path)?.as_os_str()),
                }
            }
            Self::Artifact(reference) => reference.to_string(),
        })
    }

    /// Refuses a plugins directory inside of the plugin's own directory: what is installed would be files of the plugin.
    ///
    /// # Errors
    /// `usage`, and I/O reasons.
    pub fn require_beside(&self, plugins: &Path) -> Result<()> {
        let Self::Directory(directory) = self else { return Ok(()) };
        let failed = |error| Fault::io("find", plugins, error);
        let directory = directory.canonicalize().map_err(|error| Fault::io("find", directory, error))?;
        let whole = std::path::absolute(plugins).map_err(failed)?;
        // It may have to be made: what is there of its path says where.
        let is_there = |path: &&Path| path.symlink_metadata().is_ok();
        let there = whole.ancestors().find(is_there).unwrap_or(Path::new("/")).canonicalize().map_err(failed)?;
        if !there.starts_with(&directory) {
            return Ok(());
        }
        let message =
            format!("the plugins directory `{}` is inside of the plugin that is installed", plugins.display());
        Err(Fault::new(Reason::Usage, message)
            .expected(format!("a place outside of `{}`", directory.display()), there.display().to_string())
            .hint("name another one with `--plugins-dir PATH`"))
    }

    fn at(path: &Path) -> Result<Self> {
        let found = path.metadata().map_err(|error| match error.kind() {
            ErrorKind::NotFound => missing(path),
            _ => Fault::io("find", path, error),
        })?;
        require_no_manifest(path)?;
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

/// Refuses a manifest where its plugin is wanted, as somebody may type who has it open.
///
/// # Errors
/// `usage`, with the directory in the hint.
pub fn require_no_manifest(path: &Path) -> Result<()> {
    let is_named_so = |file: &ManifestFile| path.file_name().is_some_and(|name| name == file.name());
    if !ManifestFile::ALL.iter().any(is_named_so) || !path.is_file() {
        return Ok(());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Err(Fault::new(Reason::Usage, format!("`{}` is a manifest, and its plugin is wanted", path.display()))
        .expected("a plugin's directory", "a file in it")
        .hint(format!("name the directory: `{}`", shell_word(directory))))
}

fn in_registry(text: &str, reference: &str) -> Result<Source> {
    // Read as a whole, what has a path behind the slashes says what is written in its place.
    if reference.starts_with('/') {
        text.parse::<Reference>()?;
    }
    match reference.parse()? {
        Reference::Layout(_) => Err(Fault::new(
            Reason::InvalidReference,
            format!("`{}` names no registry after `{REGISTRY}`", shown(text, 120)),
        )),
        registry => Ok(Source::Artifact(registry)),
    }
}

/// Whether whoever typed it meant a registry or a layout, so that what is wrong with it is wrong with a reference.
pub(crate) fn is_meant_for_reference(text: &str, fault: &Fault) -> bool {
    let host = text.split_once('/').map(|(host, _)| host);
    let is_spelled_so = text.is_empty() || text.starts_with('-') || text.contains([':', '@']);
    is_spelled_so
        || fault.reason() == Reason::ForbiddenRegistry
        || host.is_some_and(|host| host.contains('.') || is_this_machine(host))
}

fn missing(path: &Path) -> Fault {
    let message = format!("there is no file or directory `{}`", shown(&path.display().to_string(), 240));
    Fault::new(Reason::IoNotFound, message).hint(
        "check the path: it is a plugin's directory, an archive or a layout; what is in a registry is written \
         HOST/REPOSITORY:TAG",
    )
}

pub(crate) fn is_spelled_as_path(text: &str) -> bool {
    matches!(text, "." | "..") || ["/", "./", "../"].iter().any(|beginning| text.starts_with(beginning))
}

/// Whether anything has that name, a link that leads nowhere included. What cannot be looked at is
/// no answer.
pub(crate) fn is_there(path: &Path) -> Result<bool> {
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

pub(crate) fn ambiguous(text: &str, reference: &Reference) -> Fault {
    let quoted = shown(text, 120);
    let fault = Fault::new(Reason::Usage, format!("`{quoted}` is a path here and a reference as well"));
    let path = shell_word(format!("./{text}"));
    match reference {
        Reference::Registry(_) => fault
            .expected("one of the two", format!("the path `./{quoted}`, and `{REGISTRY}{quoted}` in a registry"))
            .hint(format!(
                "write `{path}` for the path or `{}` for the registry",
                shell_word(format!("{REGISTRY}{text}"))
            )),
        Reference::Layout(layout) => {
            let layout = layout.path.display().to_string();
            fault
                .expected("one of the two", format!("the path `./{quoted}`, and the layout `{layout}`"))
                .hint(format!("write `{path}` for the path; to mean the layout, rename that path first"))
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
        for text in [
            "oci://oci:x",
            "oci://",
            "oci://oci-archive:x.tar",
            "oci://x",
            "",
            "demo:1.0.0",
            "team/demo:1.0.0",
            "ghcr.io/Team/demo",
            "user:secret@host",
            "localhost/A",
        ] {
            assert_eq!(Source::parse(text).expect_err(text).reason(), Reason::InvalidReference, "{text}");
        }
        for text in ["no-such-directory", "nope.tar", "nope.tgz", "dist/nope.tar", "a b", "../nope.tar"] {
            let fault = Source::parse(text).expect_err(text);
            assert_eq!(fault.reason(), Reason::IoNotFound, "{text}");
            assert!(fault.message().contains(&format!("`{text}`")), "{fault:?}");
        }
    }

    #[test]
    fn an_origin_can_be_named_again_from_anywhere() {
        let place = tempfile::tempdir().expect("a directory");
        let plugin = place.path().join("a plugin:1");
        fs::create_dir_all(&plugin).expect("made");
        let origin = Source::parse(&plugin).expect("there").origin().expect("absolute");
        assert!(matches!(Source::parse(&origin), Ok(Source::Directory(path)) if path == plugin), "{origin}");
        for (text, origin) in [("oci:x:1", "/x:1"), ("oci-archive:y.tar", "/y.tar")] {
            let source = Source::parse(text).expect("a reference");
            let whole = source.origin().expect("absolute");
            assert!(whole.starts_with(&text[..text.find(':').expect("one") + 1]) && whole.ends_with(origin), "{whole}");
            let again = Source::parse(&whole).expect("a reference").origin().expect("absolute");
            assert_eq!(again, whole);
        }
        assert_eq!(Source::parse("ghcr.io/o/p:1").expect("a reference").origin().expect("itself"), "ghcr.io/o/p:1");
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
