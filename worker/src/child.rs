//! The Python that a plugin is loaded in: what it is given, what is read from it, and its end.
#![expect(clippy::disallowed_methods, reason = "its room: the one place that starts a process that is not ours")]

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::descendants;
use crate::error::Error;
use crate::lowered::Lowered;
use crate::nobody::NOBODY;
use crate::waiting::{go_on, wait};

/// Stops a plugin that prints for ever from filling the memory.
const OUTPUT_LIMIT: u64 = 1024 * 1024;

/// Loads a plugin's directory.
pub(crate) const LOAD: &str = concat!(include_str!("child.py"), include_str!("load.py"));
/// Imports an entry point and holds it to its contract.
pub(crate) const CONTRACT: &str = concat!(include_str!("child.py"), include_str!("contract.py"));
/// How long a child that said nothing may take to end and to be read.
const GRACE: Duration = Duration::from_secs(1);
/// What finds Python and makes it start, also behind a version manager's shim; nothing secret. The child sees
/// no other variable.
pub const KEPT_VARIABLES: [&str; 4] = ["PATH", "HOME", "PYENV_VERSION", "SYSTEMROOT"];

/// Which Python loads a plugin, and what it sees of the caller's environment.
#[derive(Debug, Clone)]
pub struct Python {
    /// A path, or a name that is looked for in the `PATH` below.
    pub program: OsString,
    /// Names and values; what is not one of [`KEPT_VARIABLES`] is not passed on.
    pub variables: Vec<(OsString, OsString)>,
}

impl Python {
    pub(crate) fn kept_variables(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let variables = self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
        variables.filter(|(name, _)| KEPT_VARIABLES.iter().any(|kept| name == kept))
    }

    /// Where the program is, for us to see: the path that is named, else the first of that name in the `PATH` above.
    pub fn path(&self) -> Option<PathBuf> {
        if self.program.as_encoded_bytes().contains(&b'/') {
            return Some(PathBuf::from(&self.program)).filter(|path| path.exists());
        }
        let path = self.kept_variables().find(|(name, _)| *name == "PATH").map(|(_, path)| path).unwrap_or_default();
        std::env::split_paths(path).map(|place| place.join(&self.program)).find(|path| path.exists())
    }

    /// Whether there is such a program; a path that is named was meant, whatever is there.
    fn is_found(&self) -> bool {
        self.program.as_encoded_bytes().contains(&b'/') || self.path().is_some()
    }

    pub(crate) fn not_started(&self, source: io::Error) -> Error {
        let program = self.program.clone();
        // To nobody, a directory of the search path that is root's is a refusal, and not an absence.
        let is_absent = source.kind() == ErrorKind::PermissionDenied && !self.is_found();
        match source.kind() {
            kind if kind == ErrorKind::NotFound || is_absent => Error::NoPython { program, source },
            _ => Error::NotStarted { program, source },
        }
    }
}

/// What a child runs.
pub(crate) struct Script<'a> {
    /// One of the scripts of ours.
    pub(crate) text: &'static str,
    /// Of Python, beside those of every child.
    pub(crate) options: &'a [&'a str],
    /// Behind the process to die with.
    pub(crate) arguments: &'a [&'a Path],
    /// On its standard input.
    pub(crate) request: &'a str,
}

/// The child. Dropping it ends it, and all that it started.
pub(crate) struct Child {
    process: process::Child,
    began: u64,
    has_ended: bool,
    /// One line with its line feed; without one when the child ended, or wrote more than the limit.
    answer: Receiver<Vec<u8>>,
    /// What the plugin printed, as soon as nothing can print any more.
    printed: Receiver<Vec<u8>>,
    /// Where it runs when it may not run where the plugin is. Removed after it has ended.
    _lowered: Lowered,
}

impl Child {
    /// # Errors
    /// Everything that keeps a child from being started as it has to be; then there is none.
    pub(crate) fn start(python: &Python, script: &Script<'_>, lowered: Lowered) -> Result<Self, Error> {
        descendants::adopt().map_err(|source| Error::CannotEnd { source })?;
        let mut command = Command::new(&python.program);
        command
            // Isolated (no user site, no PYTHON* variables, no current directory on the path),
            // no bytecode beside the sources, UTF-8 whatever the locale.
            .args(["-I", "-B", "-X", "utf8"])
            .args(script.options)
            .args(["-c", script.text])
            .arg(process::id().to_string())
            .args(script.arguments)
            .env_clear()
            .envs(python.kept_variables())
            .stdin(spool(script.request)?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(home) = lowered.home() {
            command.uid(NOBODY).gid(NOBODY).env("HOME", home).current_dir("/");
        }
        let mut process = command.spawn().map_err(|source| python.not_started(source))?;
        let stdout = process.stdout.take().expect("stdout is piped");
        let stderr = process.stderr.take().expect("stderr is piped");
        Ok(Self {
            began: descendants::beginning(process.id()),
            process,
            has_ended: false,
            answer: in_background(move || first_line(stdout)),
            printed: in_background(move || all_that_is_printed(stderr)),
            _lowered: lowered,
        })
    }

    /// The line that the child writes, without which nothing that it did counts; and its end.
    ///
    /// # Errors
    /// Those of an answer that does not come in time, is too long or is no line, and those of [`Child::end`].
    pub(crate) fn line(mut self, patience: Duration, stop: &AtomicBool) -> Result<Vec<u8>, Error> {
        let line = match wait(&self.answer, Instant::now() + patience, stop)? {
            Some(line) if line.ends_with(b"\n") => Ok(line),
            Some(line) if line.len() as u64 == OUTPUT_LIMIT => Err(Error::TooLarge { at_most: OUTPUT_LIMIT }),
            Some(_) => Err(self.unanswered(stop)?),
            None => Err(Error::TimedOut { patience }),
        };
        self.end()?;
        line
    }

    /// Why there is no answer: how the child ended, and the last line that was printed.
    ///
    /// # Errors
    /// [`Error::Left`], [`Error::Stopped`].
    fn unanswered(&mut self, stop: &AtomicBool) -> Result<Error, Error> {
        let status = self.exit_status(stop)?;
        // With everything that could hold the pipe open.
        self.end()?;
        let printed = wait(&self.printed, Instant::now() + GRACE, stop)?.unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        let printed = printed.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
        Ok(Error::Unanswered { status, printed })
    }

    /// How the child ended. Its descriptors close a moment before the system knows, hence the grace.
    fn exit_status(&mut self, stop: &AtomicBool) -> Result<Option<ExitStatus>, Error> {
        const STEP: Duration = Duration::from_millis(10);
        for _ in 0..GRACE.as_millis() / STEP.as_millis() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Ok(Some(status));
            }
            go_on(stop)?;
            thread::sleep(STEP);
        }
        Ok(None)
    }

    /// Ends the child and everything that descends from it.
    ///
    /// # Errors
    /// [`Error::Left`] when something of it cannot be ended.
    fn end(&mut self) -> Result<(), Error> {
        if self.has_ended {
            return Ok(());
        }
        self.has_ended = true;
        // Both fail only for a child that has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
        descendants::end_all(self.began)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Whoever drops it early says why already.
        drop(self.end());
    }
}

fn first_line(stdout: impl Read) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(stdout).take(OUTPUT_LIMIT).read_until(b'\n', &mut line)?;
    Ok(line)
}

fn all_that_is_printed(mut stderr: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    stderr.by_ref().take(OUTPUT_LIMIT).read_to_end(&mut kept)?;
    // The rest is read too, and dropped: a full pipe would hold the plugin up.
    io::copy(&mut stderr, &mut io::sink())?;
    Ok(kept)
}

/// The request as a file, which cannot block on a child that never reads, and ends.
fn spool(request: &str) -> Result<Stdio, Error> {
    let write = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(request.as_bytes())?;
        file.rewind()?;
        Ok(file)
    };
    write().map(Stdio::from).map_err(Error::io("write to", &tempfile::env::temp_dir()))
}

/// Reads in a thread of its own, which ends when its pipe does. A failed read is an empty one.
fn in_background(read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || sender.send(read().unwrap_or_default()));
    receiver
}
