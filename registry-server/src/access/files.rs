//! The files by which people are let in. Who could change one could let himself in, so each is judged as it is open: nobody
//! but this user, root and the owner's group may change it, or a directory on the way to it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use aisoc_files::{Arrival, Insecure, Links, SmallFileError, Walk};
use aisoc_manifests::fault::{Fault, Location, Reason, Result};

use super::htpasswd::Users;
use super::known::Known;
use super::rights::Rights;
use super::tokens::Tokens;
use super::written::Written;

/// Larger than each of them with as much as it may hold.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Where it is said who may ask.
#[derive(Debug, Clone)]
pub struct AccessFiles {
    /// Users and their passwords, as `htpasswd -B` writes them.
    pub htpasswd: Option<PathBuf>,
    /// Tokens, by what is kept of them.
    pub tokens: Option<PathBuf>,
    /// What each of them may do in which repository.
    pub rights: PathBuf,
}

impl AccessFiles {
    /// All that they say. A name is one person's or one token's.
    ///
    /// # Errors
    /// `directory_insecure` where others could have written one, `registry_access_invalid` with line and column for what it
    /// may not hold, and I/O reasons.
    pub(super) fn read(&self) -> Result<Known> {
        let users = self.htpasswd.as_ref().map(|path| read(path, Users::read)).transpose()?.unwrap_or_default();
        let tokens = self.tokens.as_ref().map(|path| read(path, Tokens::read)).transpose()?.unwrap_or_default();
        let rights = read(&self.rights, Rights::read)?;
        if let Some(twice) = tokens.names().find(|name| users.get(name).is_some()) {
            let message = format!("`{twice}` is the name of a user and of a token: nobody could tell who has asked");
            return Err(invalid(self.tokens.as_ref().unwrap_or(&self.rights), message));
        }
        Ok(Known { users, tokens, rights })
    }
}

/// What is in one of them.
fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Written<T>) -> Result<T> {
    let bytes = open(path)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Err(invalid(path, "it is no text in UTF-8"));
    };
    parse(text).map_err(|wrong| {
        let place = Location::new(path.display().to_string(), wrong.position);
        Fault::new(Reason::RegistryAccessInvalid, wrong.message).at(place)
    })
}

/// What was judged and what is read is the open file.
fn open(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Fault::io("read", path, error);
    let Some(name) = path.file_name() else {
        return Err(Fault::new(Reason::Usage, format!("`{}` names no file", path.display())));
    };
    let mut walk = Walk::default();
    let parent = aisoc_files::parent(path);
    let place = match walk.to(parent, Links::Followed).map_err(failed)? {
        Arrival::Directory(place) => place,
        Arrival::Missing(_) => return Err(failed(std::io::ErrorKind::NotFound.into())),
        Arrival::Other(..) | Arrival::NoWay => return Err(Fault::no_directory(parent)),
    };
    let read = walk.read_file(&place, OsStr::new(name), MAX_FILE_BYTES).map_err(|error| match error {
        SmallFileError::Io(error) => failed(error),
        error => invalid(path, "it cannot be read").caused_by(error),
    })?;
    walk.finish().map_err(changeable).map(|()| read)
}

fn invalid(path: &Path, message: impl Into<String>) -> Fault {
    Fault::new(Reason::RegistryAccessInvalid, message.into()).about(format!("`{}`", path.display()))
}

fn changeable(insecure: Insecure) -> Fault {
    let message = format!("others can change who is let in: {insecure}");
    Fault::insecure(message, insecure.expected(), insecure.found(), insecure.remedy())
}
