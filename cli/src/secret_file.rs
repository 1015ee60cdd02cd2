//! What holds a secret: a file, a pipe, a variable. It is opened without waiting, judged as it is open, and read into
//! one buffer that never grows, because a buffer that does leaves its old self behind; it is wiped when it is dropped.

use std::fs::{File, Metadata};
use std::io::Seek as _;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::FileTypeExt as _;

use aisoc_files::{SmallFileError, read_into};
use aisoc_manifests::cancellation::Cancellation;
use aisoc_manifests::counted;
use aisoc_manifests::fault::{Fault, Reason, Result};
use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::exposure;
use crate::waiting::Waiting;

/// What was read, and why it must not be used although it could be.
pub(crate) struct Found {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    exposed: Option<Fault>,
}

impl Found {
    /// Refuses what others can get at. Asked when it is known that it is a secret: of a public key, or of a wrong file,
    /// other words are due.
    ///
    /// # Errors
    /// `private_key_exposed`.
    pub(crate) fn refuse_exposed(self) -> Result<Zeroizing<Vec<u8>>> {
        self.exposed.map_or(Ok(self.bytes), Err)
    }
}

/// A kind of secret, for the words of a refusal.
pub(crate) struct Secret {
    /// What it is called, without an article.
    pub(crate) name: &'static str,
    /// Why it is refused when it cannot be read.
    pub(crate) reason: Reason,
    /// Nothing of the kind is larger.
    pub(crate) max_bytes: usize,
    /// How it can be given.
    pub(crate) ways: &'static str,
}

impl Secret {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(self.reason, message).hint(self.ways)
    }

    /// What the file of that path holds.
    ///
    /// # Errors
    /// The kind's own reason when it is no file of that size, `interrupted`; that it cannot be opened, `unreadable`
    /// says.
    pub(crate) fn file(
        &self,
        path: &str,
        cancellation: &Cancellation,
        unreadable: impl Fn(std::io::Error) -> Fault,
    ) -> Result<Found> {
        let (file, metadata) = open(path).map_err(&unreadable)?;
        let is_given_by_shell = metadata.file_type().is_fifo() && path.starts_with("/dev/");
        if !metadata.is_file() && !is_given_by_shell {
            return Err(self.fault(format!("the {} `{path}` is not a regular file", self.name)));
        }
        self.read(file, &metadata, Some(path), cancellation)
    }

    /// What a regular file holds that is open already, from its beginning; `path` is where it was found.
    ///
    /// # Errors
    /// As [`Secret::file`].
    pub(crate) fn opened(
        &self,
        file: &File,
        path: &str,
        cancellation: &Cancellation,
        unreadable: impl Fn(std::io::Error) -> Fault,
    ) -> Result<Found> {
        let rewound = file.try_clone().and_then(|mut file| file.rewind().map(|()| file));
        let file = rewound.map_err(&unreadable)?;
        let metadata = file.metadata().map_err(&unreadable)?;
        self.read(file, &metadata, Some(path), cancellation)
    }

    /// What is on standard input. Not through the buffer of `std::io::stdin`, which lives as long as the process.
    ///
    /// # Errors
    /// As [`Secret::file`].
    pub(crate) fn input(&self, cancellation: &Cancellation) -> Result<Found> {
        let failed = |error| Fault::io("read", "standard input".as_ref(), error);
        let file = File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(failed)?);
        let metadata = file.metadata().map_err(failed)?;
        self.read(file, &metadata, None, cancellation)
    }

    /// What a variable holds; `None` when it is not set. A copy stays where the system put the environment; only a
    /// new process has none.
    pub(crate) fn variable(name: &str, environment: &Environment) -> Option<Found> {
        let is_name = !name.is_empty() && !name.contains(['=', '\0']);
        let value = is_name.then(|| environment.named(name)).flatten()?;
        Some(Found { bytes: Zeroizing::new(value.into_vec()), exposed: None })
    }

    fn read(&self, file: File, metadata: &Metadata, path: Option<&str>, cancellation: &Cancellation) -> Result<Found> {
        let exposed = if metadata.is_file() { exposure::of(self.name, &file, metadata, path) } else { None };
        let shown = path.map_or_else(|| "standard input".to_owned(), |path| format!("`{path}`"));
        let mut buffer = Zeroizing::new(vec![0; self.max_bytes]);
        let read = read_into(Waiting::new(file, cancellation), &mut buffer);
        // A signal ends the wait as a failed read.
        cancellation.check()?;
        let length = read.map_err(|error| match error {
            SmallFileError::TooLarge { .. } => self
                .fault(format!("{shown} is larger than a {}", self.name.rsplit(' ').next().unwrap_or(self.name)))
                .expected(format!("at most {} bytes", self.max_bytes), "more"),
            error => self.fault(format!("cannot read the {} from {shown}", self.name)).caused_by(error),
        })?;
        // What the system makes up while it is read, as in `/proc`, was put there by nobody.
        if path.is_some() && metadata.is_file() && length as u64 != metadata.len() {
            return Err(self
                .fault(format!("{shown} has not the size that it says, so it holds no {}", self.name))
                .expected(counted(metadata.len(), "byte"), counted(length as u64, "byte")));
        }
        buffer.truncate(length);
        Ok(Found { bytes: buffer, exposed })
    }
}

/// Opens the file without waiting for whoever would write into a FIFO, and judges what is open. A shell's
/// `<(…)` is a pipe too, and has its writer.
fn open(path: &str) -> std::io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    Ok((file, metadata))
}
