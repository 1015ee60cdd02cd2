//! The Python that a plugin is loaded in: what it is given, what is read from it, and its end.

use std::env;
use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_packaging::Limits;
use tokio::sync::oneshot::{self, Receiver};
use tokio::time::timeout;

use super::descendants;
use super::lowered::{self, Lowered};

/// Stops a plugin that prints for ever from filling the memory.
pub(super) const OUTPUT_LIMIT: u64 = 1024 * 1024;

const HOST: &str = include_str!("host.py");
/// How long a child that said nothing may take to end and to be read.
const GRACE: Duration = Duration::from_secs(1);
/// What finds Python and makes it start, also behind a version manager's shim; nothing secret.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "HOME", "PYENV_VERSION", "SYSTEMROOT"];

/// The child. Dropping it ends it, and all that it started.
pub(super) struct Host {
    child: Child,
    began: u64,
    has_ended: bool,
    /// One line with its line feed; without one when the child ended, or wrote more than the limit.
    answer: Receiver<Vec<u8>>,
    /// What the plugin printed, as soon as nothing can print any more.
    printed: Receiver<Vec<u8>>,
    /// Where it runs when it may not run where the plugin is. Removed after it has ended.
    _lowered: Option<Lowered>,
}

impl Host {
    pub(super) fn start(python: &OsStr, directory: &Path, request: &str, limits: &Limits) -> Result<Self> {
        let lowered = Lowered::of(directory, limits)?;
        descendants::adopt()?;
        let mut command = Command::new(python);
        command
            // Isolated (no user site, no PYTHON* variables, no current directory on the path),
            // no bytecode beside the sources, UTF-8 whatever the locale.
            .args(["-I", "-B", "-X", "utf8", "-c", HOST])
            .arg(lowered.as_ref().map_or(directory, Lowered::plugin))
            .arg(std::process::id().to_string())
            .env_clear()
            .envs(KEPT_VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .stdin(spool(request)?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(lowered) = &lowered {
            command.uid(lowered::NOBODY).gid(lowered::NOBODY).env("HOME", lowered.plugin()).current_dir("/");
        }
        let mut child = command.spawn().map_err(|source| not_started(python, source))?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        Ok(Self {
            began: descendants::beginning(child.id()),
            child,
            has_ended: false,
            answer: in_background(move || first_line(stdout)),
            printed: in_background(move || all_that_is_printed(stderr)),
            _lowered: lowered,
        })
    }

    /// What the child wrote: empty when it wrote nothing and ended.
    pub(super) async fn answer(&mut self) -> Vec<u8> {
        (&mut self.answer).await.unwrap_or_default()
    }

    /// Why there is no answer: how the child ended, and the last line that it printed.
    pub(super) async fn unanswered(&mut self) -> Fault {
        let message = match self.exit_status().await {
            Some(status) => format!("Python ended without an answer ({status})"),
            None => "Python closed its standard output without an answer".to_owned(),
        };
        let fault = Fault::new(Reason::EntryPointInvalid, message).hint(super::HINT);
        // With everything that could hold the pipe open.
        if let Err(left) = self.end() {
            return left;
        }
        let printed = timeout(GRACE, &mut self.printed).await.ok().and_then(Result::ok).unwrap_or_default();
        match String::from_utf8_lossy(&printed).lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => fault.caused_by(shown(line.trim(), super::MAX_SHOWN)),
            None => fault,
        }
    }

    /// How the child ended. Its descriptors close a moment before the system knows, hence the grace.
    async fn exit_status(&mut self) -> Option<ExitStatus> {
        const STEP: Duration = Duration::from_millis(10);
        for _ in 0..GRACE.as_millis() / STEP.as_millis() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            tokio::time::sleep(STEP).await;
        }
        None
    }

    /// Ends the child and everything that descends from it.
    ///
    /// # Errors
    /// `entry_point_invalid` when something of it cannot be ended.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        self.has_ended = true;
        // Both fail only for a child that has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
        descendants::end_all(self.began)
    }
}

impl Drop for Host {
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
fn spool(request: &str) -> Result<Stdio> {
    let write = || {
        let mut file = tempfile::tempfile()?;
        file.write_all(request.as_bytes())?;
        file.rewind()?;
        Ok(file)
    };
    write().map(Stdio::from).map_err(|source| Fault::io("write to", &env::temp_dir(), source))
}

/// Reads in a thread of its own, which ends when its pipe does. A failed read is an empty one.
fn in_background(read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || sender.send(read().unwrap_or_default()));
    receiver
}

/// Whether there is such a program, for us to see.
fn is_found(program: &OsStr) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    program.as_encoded_bytes().contains(&b'/') || env::split_paths(&path).any(|place| place.join(program).exists())
}

fn not_started(python: &OsStr, source: io::Error) -> Fault {
    let shown = python.to_string_lossy();
    // To nobody, a directory of the search path that is root's is a refusal, and not an absence.
    let is_absent = source.kind() == ErrorKind::PermissionDenied && !is_found(python);
    match source.kind() {
        kind if kind == ErrorKind::NotFound || is_absent => {
            Fault::new(Reason::IoNotFound, format!("there is no Python: `{shown}` was not found"))
                .hint("install Python 3.9 or newer, or set AISOC_PYTHON to its path")
                .caused_by(source)
        }
        _ => Fault::io("start", Path::new(python), source)
            .hint("set AISOC_PYTHON to the path of a Python 3.9 or newer that every user may run"),
    }
}
