//! `strict-mode`: the identity that a site is bound to, in a file of one word.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

use aisoc_dispatch::StrictMode;
use aisoc_files::{Arrival, Links, PassingLock, Replacement, Walk};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_platform::Identity;
use aisoc_trust::{Patience, changeable};

use super::directory::ConfigDirectory;

const FILE: &str = "strict-mode";
/// Longer than each word, with what editors put around it.
const MAX_FILE_BYTES: u64 = 64;
/// How much of another word is shown.
const MAX_SHOWN: usize = 32;
const WORDS: &str = "user, bot or off";
/// Of a directory and a file that are made: whoever may change them decides what this user may do.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// Held while the file is changed.
const LOCK: &str = ".aisoc-strict-mode.lock";

/// Whether a site is bound to one identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StrictModeSetting {
    /// To this one.
    To(Identity),
    /// It is not.
    Off,
}

impl StrictModeSetting {
    /// As what is set up says it.
    pub(crate) fn of(strict_mode: Option<&StrictMode>) -> Self {
        strict_mode.map_or(Self::Off, |StrictMode(identity)| Self::To(identity.clone()))
    }
}

impl FromStr for StrictModeSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, Identity::parse(text)) {
            ("off", _) => Ok(Self::Off),
            (_, Ok(Some(identity))) => Ok(Self::To(identity)),
            _ => Err(format!("it is none of {WORDS}")),
        }
    }
}

impl fmt::Display for StrictModeSetting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(identity) => identity.fmt(formatter),
            Self::Off => formatter.write_str("off"),
        }
    }
}

impl ConfigDirectory {
    /// The identity that the site is bound to, if it is bound to one.
    ///
    /// # Errors
    /// `configuration_invalid` for a file that says nothing that is known, and as [`ConfigDirectory::read`]: what cannot be
    /// read may bind the site.
    pub(crate) fn strict_mode(&self) -> Result<Option<StrictMode>> {
        let Some(bytes) = self.read(FILE, MAX_FILE_BYTES)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes);
        match text.trim().parse() {
            Ok(StrictModeSetting::To(identity)) => Ok(Some(StrictMode(identity))),
            Ok(StrictModeSetting::Off) => Ok(None),
            Err(_) => {
                let what = format!("`{}` does not say which identity this site is bound to", self.shown(FILE));
                Err(Fault::new(Reason::ConfigurationInvalid, what)
                    .expected(WORDS, shown(text.trim(), MAX_SHOWN))
                    .hint("write one of these words into the file"))
            }
        }
    }

    /// Writes down the identity that the site is bound to. A dry run looks at everything, and writes nothing.
    ///
    /// # Errors
    /// `directory_insecure` where others may change the directory, `locked`, and I/O reasons. Each leaves the file as it was.
    pub(crate) fn bind(&self, setting: &StrictModeSetting, is_dry_run: bool, patience: &Patience) -> Result<()> {
        let path = self.path().join(FILE);
        let failed = |error: std::io::Error| Fault::io("write", &path, error);
        let mut walk = Walk::default();
        let arrival = match is_dry_run {
            true => walk.to(self.path(), Links::Followed),
            false => walk.make(self.path(), Links::Followed, DIRECTORY_MODE),
        };
        let arrival = arrival.map_err(failed)?;
        walk.finish().map_err(changeable)?;
        let place = match arrival {
            Arrival::Directory(place) => place,
            Arrival::Missing(_) if is_dry_run => return Ok(()),
            _ => return Err(Fault::no_directory(self.path())),
        };
        if is_dry_run {
            return Ok(());
        }
        let directory = place.open().map_err(failed)?;
        let _held = patience.wait_for(&path, &self.path().join(LOCK), |wait| {
            PassingLock::acquire_in(&directory, LOCK, wait).map_err(failed)
        })?;
        let mut walk = Walk::default();
        let before = match walk.open_file(&place, OsStr::new(FILE)) {
            Ok(file) => Some(file.metadata().map_err(failed)?),
            Err(error) if error.is_absent() => None,
            Err(error) => return Err(failed(std::io::Error::other(error))),
        };
        walk.finish().map_err(changeable)?;
        Replacement::write(directory, FILE, format!("{setting}\n").as_bytes(), before.as_ref(), FILE_MODE)
            .and_then(Replacement::publish)
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_one_of_three_words() {
        for word in ["user", "bot", "off"] {
            assert_eq!(word.parse::<StrictModeSetting>().expect("a word").to_string(), word);
        }
        for other in ["", "User", "bot ", "none", "root"] {
            assert!(other.parse::<StrictModeSetting>().is_err(), "{other}");
        }
    }
}
