//! `ConfigDirectory`: where it is, and how a file of it is read.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Links, Place, SmallFileError, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_trust::changeable;

use crate::environment::{CONFIG_DIR, Environment};

/// In the user's home, where nobody names another directory.
const DEFAULT: &str = ".aisoc";

/// Whether a name goes on with it.
fn is_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || ['-', '_', '.'].contains(&letter)
}

/// The directory. Nothing of it is open.
#[derive(Debug, Clone)]
pub(crate) struct ConfigDirectory {
    path: PathBuf,
    home: Option<PathBuf>,
    is_named: bool,
}

impl ConfigDirectory {
    /// The one that is named, else the one in the user's home; none where there is neither.
    pub(crate) fn of(environment: &Environment) -> Option<Self> {
        let home = environment.home();
        let named = environment.path(CONFIG_DIR);
        let is_named = named.is_some();
        let path = named.or_else(|| Some(home.as_ref()?.join(DEFAULT)))?;
        Some(Self { path, home, is_named })
    }

    /// Refuses a directory that somebody has named and that is not there: what was set up in it would count no more, and
    /// nobody would know.
    ///
    /// # Errors
    /// `usage`, and I/O reasons.
    pub(crate) fn require(&self) -> Result<()> {
        if !self.is_named || self.place(&mut Walk::default())?.is_some() {
            return Ok(());
        }
        let what = format!("{CONFIG_DIR} names a directory that is not there: `{}`", self.told(&self.shown("")));
        Err(Fault::new(Reason::Usage, what)
            .hint("make the directory, or correct the variable: what is set up in it would not count"))
    }

    /// How a file of it is called where nobody needs to know where homes are.
    pub(crate) fn shown(&self, name: &str) -> String {
        let path = if name.is_empty() { self.path.clone() } else { self.path.join(name) };
        self.told(&path.display().to_string())
    }

    /// Words without where the user's home is.
    pub(super) fn told(&self, words: &str) -> String {
        let home = self.home.as_ref().map(|home| home.display().to_string());
        match home.as_deref().map(|home| home.trim_end_matches('/')).filter(|home| !home.is_empty()) {
            Some(home) => {
                // Not where it is the beginning of another name.
                let mut parts = words.split(home);
                let first = parts.next().unwrap_or_default().to_owned();
                parts.fold(first, |told, behind| {
                    match behind.starts_with(|next: char| next == '/' || !is_of_a_name(next)) {
                        true => told + "~" + behind,
                        false if behind.is_empty() => told + "~",
                        false => told + home + behind,
                    }
                })
            }
            None => words.to_owned(),
        }
    }

    /// What is in a file of it; nothing where there is none. What was judged and what is read is the open file.
    ///
    /// # Errors
    /// `directory_insecure` where others could have written it, `configuration_invalid` for what is no file or is too large,
    /// and I/O reasons.
    pub(super) fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>> {
        let mut walk = Walk::default();
        let Some(place) = self.place(&mut walk)? else { return Ok(None) };
        match walk.read_file(&place, OsStr::new(name), max_bytes) {
            Ok(content) => walk.finish().map_err(changeable).map(|()| Some(content)),
            Err(error) if error.is_absent() => Ok(None),
            Err(SmallFileError::Io(error)) => Err(Fault::io("read", &self.path.join(name), error)),
            Err(error) => {
                let what = format!("`{}` cannot be read", self.shown(name));
                Err(Fault::new(Reason::ConfigurationInvalid, what).caused_by(error))
            }
        }
    }

    /// The directory itself, if it is there.
    fn place(&self, walk: &mut Walk) -> Result<Option<Place>> {
        let arrived = match walk.to(&self.path, Links::Followed) {
            // A home that this user may not even look into is somebody else's, as with `sudo` and in hardened units: it
            // holds nothing for them.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && !self.is_named => return Ok(None),
            arrived => arrived.map_err(|error| Fault::io("look at", &self.path, error))?,
        };
        match arrived {
            Arrival::Directory(place) => Ok(Some(place)),
            Arrival::Missing(_) => Ok(None),
            // A home such as `/dev/null`, for whoever has none.
            Arrival::NoWay if !self.is_named => Ok(None),
            Arrival::Other(..) | Arrival::NoWay => Err(Fault::no_directory(&self.path)),
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_told_as_one_and_other_names_are_not() {
        let directory = |home: &str| ConfigDirectory {
            path: PathBuf::from(home).join(DEFAULT),
            home: Some(home.into()),
            is_named: false,
        };
        for (home, words, told) in [
            ("/home/ada", "cannot read `/home/ada/.aisoc`", "cannot read `~/.aisoc`"),
            ("/home/ada/", "/home/ada", "~"),
            ("/home/ada", "/home/ada2/x and /home/ada/x", "/home/ada2/x and ~/x"),
            ("/home/ada", "`/home/ada`: x", "`~`: x"),
            ("/", "/etc/x", "/etc/x"),
        ] {
            assert_eq!(directory(home).told(words), told, "{home} {words}");
        }
    }
}
