//! The file of an endorsement: read whole and bounded, and never written over another one.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use aisoc_files::{Draft, Existing, Links, SmallFileError, parent, read_small, read_stream, shell_word};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_signing::{Envelope, JOURNAL, OWN_DIRECTORY, PayloadType};

use crate::context::Context;
use crate::waiting::Waiting;

/// Larger than an endorsement by sixteen keys.
const MAX_ENDORSEMENT_BYTES: u64 = 64 << 10;
/// How a draft of one is called.
const DRAFT: &str = ".aisoc-endorsement-";

/// Reads an endorsement, from a file or from standard input for `-`.
///
/// # Errors
/// `statement_invalid` for what is none, and I/O reasons.
pub(super) fn read(source: &str, context: &Context) -> Result<Envelope> {
    let (content, shown) = match source {
        "-" => (standard_input(context), "standard input".to_owned()),
        path => (
            read_small(Path::new(path), MAX_ENDORSEMENT_BYTES, Links::Followed).map(|file| file.content),
            format!("`{path}`"),
        ),
    };
    context.cancellation()?.check()?;
    let content = content.map_err(|error| unread(source, &shown, error))?;
    Envelope::read(&content, PayloadType::KeySuccession).map_err(|fault| fault.about(shown))
}

fn standard_input(context: &Context) -> Result<Vec<u8>, SmallFileError> {
    let stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let cancellation = context.cancellation().map_err(std::io::Error::other)?;
    read_stream(Waiting::new(stdin, cancellation), MAX_ENDORSEMENT_BYTES)
}

fn unread(source: &str, shown: &str, error: SmallFileError) -> Fault {
    match error {
        SmallFileError::Io(error) => Fault::io("read the endorsement", Path::new(source), error),
        SmallFileError::NotAFile => {
            Fault::new(Reason::StatementInvalid, format!("{shown} is no endorsement, and no regular file"))
        }
        SmallFileError::TooLarge { max_bytes, .. } => {
            Fault::new(Reason::StatementInvalid, format!("{shown} is larger than an endorsement"))
                .expected(format!("at most {max_bytes} bytes"), "more")
        }
    }
}

/// Where an endorsement is written, and over what.
pub(super) struct Target {
    path: PathBuf,
    existing: Existing,
}

impl Target {
    /// A new file: one that holds another endorsement stays as it is.
    ///
    /// # Errors
    /// As [`Target::of`].
    pub(super) fn new(path: &Path, context: &Context) -> Result<Self> {
        Self::of(path, Existing::Keep, context)
    }

    /// The file from which it was read, to which a signature was added.
    ///
    /// # Errors
    /// As [`Target::of`].
    pub(super) fn same(path: &Path, context: &Context) -> Result<Self> {
        Self::of(path, Existing::Replace, context)
    }

    /// # Errors
    /// `usage` for a place among trusted keys: a file there that is neither a key nor a note refuses all of them.
    fn of(path: &Path, existing: Existing, context: &Context) -> Result<Self> {
        let directory = parent(path);
        let is_there = |name: &str| directory.join(name).symlink_metadata().is_ok();
        let same =
            |one: &Path| one.canonicalize().ok().filter(|one| directory.canonicalize().ok().as_ref() == Some(one));
        if is_there(JOURNAL) || is_there(OWN_DIRECTORY) || same(&context.keys_directory(None)).is_some() {
            let message =
                format!("`{}` is among trusted keys, and an endorsement there refuses all of them", path.display());
            return Err(Fault::new(Reason::Usage, message)
                .expected("a path outside of a directory of trusted keys", path.display().to_string())
                .hint("write it somewhere else: `--out FILE`"));
        }
        Ok(Self { path: path.to_owned(), existing })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, unless the file holds it already.
    ///
    /// # Errors
    /// `already_exists` for a file that holds something else, and I/O reasons.
    pub(super) fn write(&self, content: &str) -> Result<()> {
        let present = read_small(&self.path, MAX_ENDORSEMENT_BYTES, Links::Followed);
        if present.is_ok_and(|file| file.content == content.as_bytes()) {
            return Ok(());
        }
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => self.taken(),
            _ => Fault::io("write the endorsement", &self.path, error),
        };
        let mut draft = Draft::create(parent(&self.path), DRAFT, 0o644).map_err(failed)?;
        draft.write_all(content.as_bytes()).map_err(failed)?;
        draft.publish(&self.path, self.existing).map_err(failed)
    }

    fn taken(&self) -> Fault {
        let path = shell_word(&self.path);
        Fault::new(
            Reason::AlreadyExists,
            format!("`{}` is there already, and holds something else", self.path.display()),
        )
        .expected("no file, or this endorsement", "another file")
        .hint(format!("choose another name with `--out FILE`; to sign what is in it as well: `--add {path}`"))
    }
}
