//! `SettingFile`: a file that settings name, and what is in it.
//!
//! Who can change it can speak for a registry, or make us speak as somebody else. So it is judged as the settings are: it,
//! and every directory on the way to it, by its owner and mode. What is read is what was judged, the open file: of a
//! directory of certificates that was judged as a whole it is at hand already, and nothing is opened by its path again.

use std::fmt;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aisoc_files::{Arrival, Insecure, Links, SmallFileError, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};

use crate::limits::MAX_CERTIFICATE_BYTES;

/// A file that settings name. Nothing of it is shown but where it is.
#[derive(Clone)]
pub struct SettingFile {
    path: PathBuf,
    held: Held,
}

#[derive(Clone)]
enum Held {
    /// Nothing: it is read when it is needed.
    Nothing,
    /// What is in it.
    Content(Arc<[u8]>),
    /// It is open, for whoever knows how such a file is read.
    Open(Arc<File>),
}

impl SettingFile {
    /// One of that path, which is read when it is needed.
    pub(super) fn named(path: PathBuf) -> Self {
        Self { path, held: Held::Nothing }
    }

    /// One that was read and judged.
    pub(super) fn holding(path: PathBuf, content: Vec<u8>) -> Self {
        Self { path, held: Held::Content(content.into()) }
    }

    /// One that was judged and is open.
    pub(super) fn opened(path: PathBuf, file: File) -> Self {
        Self { path, held: Held::Open(Arc::new(file)) }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, where it is open already.
    pub(crate) fn open(&self) -> Option<&File> {
        match &self.held {
            Held::Open(file) => Some(file),
            Held::Nothing | Held::Content(_) => None,
        }
    }

    /// What is in it.
    ///
    /// # Errors
    /// `directory_insecure` where others can change it, `registry_settings_invalid` for what is no small file, and `io_`
    /// reasons.
    pub(crate) fn content(&self) -> Result<Arc<[u8]>> {
        match &self.held {
            Held::Content(content) => Ok(Arc::clone(content)),
            Held::Nothing | Held::Open(_) => judged(&self.path).map(Into::into),
        }
    }
}

impl PartialEq for SettingFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for SettingFile {}

impl fmt::Debug for SettingFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SettingFile({})", self.path.display())
    }
}

fn judged(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Fault::io("read", path, error);
    let mut walk = Walk::default();
    let name = path.file_name().ok_or_else(|| failed(ErrorKind::IsADirectory.into()))?;
    let place = match walk.to(aisoc_files::parent(path), Links::Followed).map_err(failed)? {
        Arrival::Directory(place) => place,
        Arrival::Missing(_) => return Err(failed(ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => return Err(failed(ErrorKind::NotADirectory.into())),
    };
    let content = walk.read_file(&place, name, MAX_CERTIFICATE_BYTES).map_err(|error| unreadable(path, error))?;
    walk.finish()
        .map_err(|insecure| changeable(&format!("what registries.toml takes from `{}`", path.display()), &insecure))?;
    Ok(content)
}

/// The fault of a file that cannot be read.
pub(super) fn unreadable(path: &Path, error: SmallFileError) -> Fault {
    match error {
        SmallFileError::Io(error) => Fault::io("read", path, error),
        error => {
            let message = format!("`{}` holds no certificate", path.display());
            Fault::new(Reason::RegistrySettingsInvalid, message).caused_by(error)
        }
    }
}

/// The fault of what others can change.
pub(super) fn changeable(what: &str, insecure: &Insecure) -> Fault {
    let message = format!("others can change {what}: {insecure}");
    Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_others_can_change_is_not_read_and_neither_is_what_lies_where_they_can() {
        let root = tempfile::tempdir().expect("a directory");
        let inside = root.path().join("tls");
        fs::create_dir(&inside).expect("made");
        let path = inside.join("ca.pem");
        fs::write(&path, "ca").expect("written");
        let file = SettingFile::named(path.clone());
        assert_eq!(&*file.content().expect("read"), b"ca");
        for open in [&path, &inside] {
            let before = fs::metadata(open).expect("there").permissions();
            fs::set_permissions(open, fs::Permissions::from_mode(0o777)).expect("set");
            let fault = file.content().expect_err("open to all");
            assert_eq!(fault.reason(), Reason::DirectoryInsecure, "{}", open.display());
            assert!(fault.message().contains("ca.pem"), "{fault}");
            fs::set_permissions(open, before).expect("set");
        }
        file.content().expect("closed again");
        // Only root can give a file away; for anybody else there is nothing to try.
        if std::os::unix::fs::chown(&path, Some(65534), None).is_ok() {
            assert_eq!(file.content().expect_err("another user's").reason(), Reason::DirectoryInsecure);
        }
    }

    #[test]
    fn what_is_no_small_file_is_refused() {
        let root = tempfile::tempdir().expect("a directory");
        let at = |name: &str| SettingFile::named(root.path().join(name)).content();
        assert_eq!(at("nowhere").expect_err("missing").reason(), Reason::IoNotFound);
        assert_eq!(at("nowhere/ca.pem").expect_err("missing").reason(), Reason::IoNotFound);
        fs::create_dir(root.path().join("directory")).expect("made");
        assert_eq!(at("directory").expect_err("a directory").reason(), Reason::RegistrySettingsInvalid);
        let most = usize::try_from(MAX_CERTIFICATE_BYTES).expect("small");
        for (bytes, is_taken) in [(most - 1, true), (most, true), (most + 1, false)] {
            fs::write(root.path().join("large"), vec![b'#'; bytes]).expect("written");
            assert_eq!(at("large").is_ok(), is_taken, "{bytes}");
        }
    }
}
