//! `LoginFile`: the file of logins that `docker login` keeps, and whoever keeps them in its place.
//!
//! A login is written where Docker would write it: with the helper of the registry, else with the store of all, else into
//! the file. The file is changed under a lock against others like us, and given up when it changed meanwhile, because
//! Docker and its kin know of no lock. It is this user's own file under its own name: what a link leads to is somebody
//! else's to change, and what another user owns they read.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aisoc_files::{
    Arrival, Links, LockWait, PassingLock, Place as Way, Replacement, SmallFileError, Waited, Walk, effective_user,
    open_file_in, parent, read_open, shell_word,
};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::lock::Lock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::config::{Config, Keeper};
use super::document::Document;
use super::lookup::LoginPart;
use super::place::Place;
use super::program;
use super::source::MAX_CONFIG_BYTES;
use crate::options::Secret;
use crate::worker::blocking;

/// How long to wait for another command that changes the file: each takes a moment.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// Held while the file is changed.
const LOCK: &str = ".aisoc-logins.lock";
/// Of a directory that is made. Of the file, whatever it was before: there are passwords in it.
const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The file in which Docker keeps logins.
#[derive(Debug, Clone)]
pub struct LoginFile {
    path: PathBuf,
    cancellation: Cancellation,
}

/// A login that is kept from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLogin {
    /// Who keeps it: an entry of the file, or the program that the file names.
    pub part: LoginPart,
}

/// What became of a login that was to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenLogin {
    /// What held it; nothing where there was none.
    pub parts: Vec<LoginPart>,
}

/// The file as it was read.
struct Read {
    content: Vec<u8>,
    /// Nothing where there is no file.
    metadata: Option<Metadata>,
}

impl LoginFile {
    /// The file of that path. Nothing is opened.
    pub fn at(path: impl Into<PathBuf>, cancellation: &Cancellation) -> Self {
        Self { path: path.into(), cancellation: cancellation.clone() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses a file that could not be changed: asked before a password is sent anywhere.
    ///
    /// # Errors
    /// `directory_insecure` for what others can change, or is a link; `registry_denied` for what is no such file; I/O
    /// reasons.
    pub async fn check(&self) -> Result<()> {
        let file = self.clone();
        blocking(move || {
            let Some(directory) = file.directory(false)? else { return Ok(()) };
            file.read_document(&directory).map(drop)
        })
        .await
    }

    pub(in crate::remote) async fn keep(&self, place: &Place, username: &str, password: &Secret) -> Result<KeptLogin> {
        let [server, _] = place.servers();
        if let Some((name, part)) = self.helper(place).await? {
            program::keep(&name, &server, username, password).await?;
            // The password of a login before there was a helper would stay readable, and come back with the helper gone.
            let file = self.clone();
            blocking(move || file.change(|document| document.without_entry(&server))).await?;
            return Ok(KeptLogin { part });
        }
        let (file, key) = (self.clone(), server.clone());
        let auth = Secret::new(STANDARD.encode(format!("{username}:{}", password.reveal())));
        blocking(move || file.change(|document| document.with_entry(&key, auth.reveal()).map(Some))).await?;
        Ok(KeptLogin { part: LoginPart::Entry(server) })
    }

    pub(in crate::remote) async fn forget(&self, place: &Place) -> Result<ForgottenLogin> {
        let ([server, _], mut parts) = (place.servers(), Vec::new());
        if let Some((name, part)) = self.helper(place).await?
            && program::forget(&name, &server).await?
        {
            parts.push(part);
        }
        // An older login may have left an entry beside the helper, and Docker itself writes an empty one.
        let (file, key) = (self.clone(), server.clone());
        if blocking(move || file.change(|document| document.without_entry(&key))).await? {
            parts.push(LoginPart::Entry(server));
        }
        Ok(ForgottenLogin { parts })
    }

    /// The helper or the store that keeps the login of that registry in place of the file.
    async fn helper(&self, place: &Place) -> Result<Option<(String, LoginPart)>> {
        let file = self.clone();
        let content = blocking(move || match file.directory(false)? {
            Some(directory) => file.read_document(&directory).map(|(read, _)| read.content),
            None => Ok(Vec::new()),
        })
        .await?;
        let config = Config::read(&content).map_err(|fault| self.unusable(fault))?;
        Ok(match config.keeper(place)? {
            Keeper::Helper(name) => Some((name.to_owned(), LoginPart::Helper(program::name(name)))),
            Keeper::Store(name) => Some((name.to_owned(), LoginPart::Store(program::name(name)))),
            Keeper::Entries => None,
        })
    }

    /// Changes the file, and makes it where there is none; says whether there was something to change.
    fn change(&self, change: impl FnOnce(Document) -> Result<Option<Document>>) -> Result<bool> {
        let directory = self.directory(true)?.ok_or_else(|| Fault::no_directory(parent(&self.path)))?;
        let directory = directory.open().map_err(|error| self.failed("open", error))?;
        let _held = self.hold(&directory)?;
        let (before, document) = self.read_document(&directory)?;
        let Some(document) = change(document).map_err(|fault| self.unusable(fault))? else { return Ok(false) };
        let text = document.text()?;
        if text.len() as u64 > MAX_CONFIG_BYTES {
            let fault = Fault::new(Reason::RegistryDenied, format!("`{}` would be too large", self.path.display()));
            return Err(fault.expected(format!("at most {MAX_CONFIG_BYTES} bytes"), text.len().to_string()));
        }
        let failed = |error| self.failed("write", error);
        let known = before.metadata.as_ref();
        let draft =
            Replacement::write_as(&directory, self.name()?, text.as_bytes(), known, FILE_MODE).map_err(failed)?;
        // Whoever does not know the lock may have written meanwhile: theirs would be gone.
        if self.read(&directory)?.content != before.content {
            return Err(self.changed_meanwhile());
        }
        match draft.publish() {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(self.changed_meanwhile()),
            published => published.map(|()| true).map_err(failed),
        }
    }

    /// The directory that it is in, judged; nothing where there is none and none is to be made.
    fn directory(&self, make: bool) -> Result<Option<Way>> {
        let parent = parent(&self.path);
        let mut walk = Walk::default();
        let arrival = match make {
            true => walk.make(parent, Links::Followed, DIRECTORY_MODE),
            false => walk.to(parent, Links::Followed),
        };
        let arrival = arrival.map_err(|error| self.failed("open", error))?;
        walk.finish().map_err(changeable)?;
        match arrival {
            Arrival::Directory(place) => Ok(Some(place)),
            Arrival::Missing(_) => Ok(None),
            Arrival::Other(..) | Arrival::NoWay => Err(Fault::no_directory(parent)),
        }
    }

    fn hold(&self, directory: impl AsFd) -> Result<PassingLock> {
        let (guards, path) = (format!("`{}`", self.path.display()), parent(&self.path).join(LOCK));
        let lock = Lock { guards: &guards, at_most: LOCK_TIMEOUT };
        let wait = LockWait {
            command: self.cancellation.command(),
            at_most: LOCK_TIMEOUT,
            go_on: &|| Ok(self.cancellation.check()?),
            told: &|holder| self.cancellation.waits_for(&lock.waiting(holder)),
        };
        let waited = PassingLock::acquire_in(directory, LOCK, &wait);
        match waited.map_err(|error| Fault::io("lock", &path, error))? {
            Waited::Ours(held) => Ok(held),
            Waited::Theirs(holder) => Err(lock.fault(holder.as_deref(), &shell_word(&path))),
        }
    }

    fn read_document(&self, directory: impl AsFd) -> Result<(Read, Document)> {
        let read = self.read(directory)?;
        let document = Document::read(&read.content).map_err(|fault| self.unusable(fault))?;
        Ok((read, document))
    }

    fn read(&self, directory: impl AsFd) -> Result<Read> {
        let file = match open_file_in(&directory, OsStr::new(self.name()?)) {
            Ok(file) => file,
            Err(error) if error.is_absent() => return Ok(Read { content: Vec::new(), metadata: None }),
            Err(error) => return Err(self.unread(error)),
        };
        self.require_own(&file)?;
        let read = read_open(file, MAX_CONFIG_BYTES).map_err(|error| self.unread(error))?;
        Ok(Read { content: read.content, metadata: Some(read.metadata) })
    }

    /// Refuses a file that is not this user's alone to change: by what is open, and not by its name.
    fn require_own(&self, file: &File) -> Result<()> {
        let metadata = file.metadata().map_err(|error| self.failed("look at", error))?;
        let user = effective_user();
        let refuse = |what: &str| Fault::new(Reason::DirectoryInsecure, format!("`{}` {what}", self.path.display()));
        if metadata.uid() != user {
            return Err(refuse("is another user's, who would read what is written into it")
                .expected(format!("owner {user}"), format!("owner {}", metadata.uid()))
                .hint("log in as its owner, or name a directory of your own: `export DOCKER_CONFIG=~/.docker`"));
        }
        if metadata.nlink() > 1 {
            return Err(refuse("has a second name, which would go on to lead to what is there now")
                .expected("1 name", format!("{} names", metadata.nlink()))
                .hint(format!("remove the other one: `find / -xdev -inum {}` finds both", metadata.ino())));
        }
        let mut walk = Walk::default();
        walk.judge_open(file, &self.path).map_err(|error| self.failed("look at", error))?;
        walk.finish().map_err(changeable)
    }

    fn name(&self) -> Result<&str> {
        let name = self.path.file_name().and_then(OsStr::to_str);
        name.ok_or_else(|| Fault::new(Reason::Usage, format!("`{}` names no file", self.path.display())))
    }

    fn unread(&self, error: SmallFileError) -> Fault {
        let refuse = |what: &str| Fault::new(Reason::DirectoryInsecure, format!("`{}` {what}", self.path.display()));
        match error {
            SmallFileError::Io(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                refuse("is a link, and what it leads to is not changed through it")
                    .expected("a regular file", "a link")
                    .hint(format!(
                        "name the directory that it leads into with DOCKER_CONFIG; see `readlink -f {}`",
                        shell_word(&self.path)
                    ))
            }
            SmallFileError::Io(error) => self.failed("read", error),
            SmallFileError::NotAFile => {
                refuse("is no regular file").hint("remove it, or name another directory with DOCKER_CONFIG")
            }
            SmallFileError::TooLarge { max_bytes, .. } => Fault::new(
                Reason::RegistryDenied,
                format!("`{}` is too large for a file of logins", self.path.display()),
            )
            .expected(format!("at most {max_bytes} bytes"), "more"),
        }
    }

    fn unusable(&self, fault: Fault) -> Fault {
        let path = shell_word(&self.path);
        fault
            .about(format!("`{}`", self.path.display()))
            .hint(format!("correct the file, or move it away: `mv {path} {path}.old`"))
    }

    fn failed(&self, act: &str, error: std::io::Error) -> Fault {
        Fault::io(act, &self.path, error)
    }

    fn changed_meanwhile(&self) -> Fault {
        Fault::new(
            Reason::Locked,
            format!("`{}` was changed by another program meanwhile; nothing was written", self.path.display()),
        )
        .hint("run the command again")
    }
}

fn changeable(insecure: aisoc_files::Insecure) -> Fault {
    Fault::insecure(insecure.to_string(), insecure.expected(), insecure.found(), insecure.remedy())
}
