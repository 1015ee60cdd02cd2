//! A plugin that is held: loaded once, in a process of its own, and called until it is ended.
//!
//! What runs is what the caller hands over, byte for byte: no module is read from a disk. Dropping a [`Worker`] ends
//! the plugin, and everything that it started.

mod answers;
mod log;
mod queue;
mod shim;

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{self, ExitStatus};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use serde::Serialize;
use serde_json::{Map, Value, json};

use self::answers::{Answer, Answers, End, Expected, Waited};
pub use self::answers::{MAX_CALL_BYTES, MAX_CALLS};
pub use self::log::LogLine;
use self::queue::Queue;
pub use self::shim::{Bounds, ShimProgram, attend};
use self::shim::{NOT_STARTED, Order};
use crate::child::Python;
use crate::descendants;
use crate::error::Error;
use crate::nobody::is_root;

/// How long a plugin that was told to cancel a call has to stop it; then it is ended.
const CANCEL_PATIENCE: Duration = Duration::from_millis(500);
/// How long what has ended may take to be gone.
const END_PATIENCE: Duration = Duration::from_secs(12);
const STEP: Duration = Duration::from_millis(2);

/// A plugin, as it is loaded.
#[derive(Debug)]
pub struct Plugin<'a> {
    /// Its id.
    pub id: &'a str,
    /// What is called of it.
    pub entry: &'a Entry,
    /// The content of every `*.py`, by its path below the directory.
    pub sources: &'a BTreeMap<String, Vec<u8>>,
    /// What it finds its data beside: `__file__` is in there. Its modules are not read from it.
    pub directory: &'a Path,
    /// Where it finds modules, behind those of Python and its own.
    pub site_paths: &'a [PathBuf],
    /// What its constructor is given.
    pub config: &'a Map<String, Value>,
}

/// What is called of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// An object of the class of that name, in a file below the plugin's directory.
    Class {
        /// The file.
        file: String,
        /// The class.
        class: String,
        /// Whether a file without it is refused; otherwise the functions of the file are called in its place.
        is_required: bool,
    },
    /// An object in a module; of a class that has something to call, an object of that.
    Object {
        /// The module, dotted.
        module: String,
        /// The object in it, dotted.
        object: String,
    },
}

/// In what a plugin is loaded.
pub struct Serving<'a> {
    /// The Python that loads it.
    pub python: &'a Python,
    /// The process between.
    pub shim: &'a ShimProgram,
    /// What it may take.
    pub bounds: Bounds,
    /// How long it may take to be loaded.
    pub patience: Duration,
    /// Set when it is to stop.
    pub stop: &'a AtomicBool,
    /// What it prints.
    pub log: Box<dyn FnMut(LogLine) + Send>,
}

impl fmt::Debug for Serving<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("python", self.python).field("shim", self.shim).finish_non_exhaustive()
    }
}

/// A plugin that is loaded. Dropping it ends it.
#[derive(Debug)]
pub struct Worker {
    process: Process,
    /// Python's version, such as `3.12.1`.
    python: String,
    /// Where its calls wait, unless it answers several beside each other.
    queue: Option<Queue>,
}

impl Worker {
    /// Loads a plugin.
    ///
    /// # Errors
    /// [`Error::Refused`] in the host's words, and whatever else keeps a plugin from being loaded; then nothing of it is
    /// left.
    pub fn start(plugin: &Plugin<'_>, serving: Serving<'_>) -> Result<Self, Error> {
        let Serving { python, patience, stop, .. } = serving;
        let process = Process::start(serving)?;
        let hello = process.answers.expect()?;
        process.write(&order(plugin))?;
        match hello.wait(Instant::now() + patience, stop)? {
            Waited::Answer(Answer::Loaded { python, is_asynchronous }) => {
                let queue = (!is_asynchronous).then(Queue::default);
                Ok(Self { process, python, queue })
            }
            Waited::Answer(Answer::Refused { refusal, cause }) => Err(Error::Refused { refusal, cause }),
            Waited::Answer(Answer::Unreadable(source)) => Err(Error::Unreadable { source }),
            Waited::Answer(Answer::Done { .. }) | Waited::Ended => Err(process.not_started(python)),
            Waited::TimedOut => Err(Error::TimedOut { patience }),
        }
    }

    /// Python's version, such as `3.12.1`.
    pub fn python(&self) -> &str {
        &self.python
    }

    /// Whether it can still be called.
    pub fn is_alive(&self) -> bool {
        !self.process.answers.have_ended()
    }

    /// Calls its `run`, or what its kind has instead. Always an object, as a host wraps the rest.
    ///
    /// Several calls wait beside each other; a plugin that is not asynchronous answers one after the other, and sees none of
    /// those that wait: a call has its time from its turn on. One that is not answered in time is cancelled; a plugin that
    /// does not let go of it is ended, and the other calls with it. One that nobody wants any more is cancelled as well, and
    /// has what is left of its time to end: who goes away ends nobody's plugin.
    ///
    /// # Errors
    /// [`Error::Refused`] in the host's words, [`Error::TimedOut`], [`Error::Stopped`], [`Error::Busy`],
    /// [`Error::NotReached`], [`Error::CallTooLarge`], [`Error::Withdrawn`], and those of a plugin that has ended:
    /// [`Error::Unanswered`], [`Error::Unreadable`], [`Error::TooLarge`].
    pub fn call(&self, call: &Call<'_>) -> Result<Map<String, Value>, Error> {
        let Call { payload, context, patience, stop, may_begin } = call;
        let expected = self.process.answers.expect()?;
        let line = json!({ "id": expected.id, "payload": payload, "context": context }).to_string();
        if line.len() > MAX_CALL_BYTES {
            return Err(Error::CallTooLarge { at_most: MAX_CALL_BYTES });
        }
        let _turn = match &self.queue {
            None => None,
            Some(queue) => {
                let turn = queue.turn(Instant::now() + *patience, stop, may_begin)?;
                Some(turn.ok_or(Error::NotReached { patience: *patience })?)
            }
        };
        if !may_begin() {
            return Err(Error::Withdrawn);
        }
        self.process.write(&line)?;
        let deadline = Instant::now() + *patience;
        let (failed, until) = match expected.wait(deadline, stop) {
            Ok(Waited::Answer(Answer::Done { result })) => return Ok(result),
            Ok(Waited::Answer(Answer::Refused { refusal, cause })) => return Err(Error::Refused { refusal, cause }),
            Ok(Waited::Answer(Answer::Unreadable(why))) => {
                return Err(Error::Refused {
                    refusal: format!("the result of run cannot be read: {why}"),
                    cause: None,
                });
            }
            Ok(Waited::Answer(Answer::Loaded { .. }) | Waited::Ended) => return Err(self.process.ended()),
            Ok(Waited::TimedOut) => (Error::TimedOut { patience: *patience }, Instant::now() + CANCEL_PATIENCE),
            Err(stopped) => (stopped, deadline.max(Instant::now() + CANCEL_PATIENCE)),
        };
        self.cancel(&expected, until);
        Err(failed)
    }

    /// Ends it now, whoever still waits for an answer.
    pub fn end(&self) {
        self.process.kill();
    }

    /// Nobody wants the answer any more. A plugin that does not let go of the call until then is ended.
    fn cancel(&self, expected: &Expected, until: Instant) {
        let asked = self.process.write(&json!({ "cancel": expected.id }).to_string());
        let is_over = asked.is_ok()
            && matches!(expected.wait(until, &AtomicBool::new(false)), Ok(Waited::Answer(_) | Waited::Ended));
        if !is_over {
            self.process.kill();
        }
    }
}

/// One call of a plugin.
pub struct Call<'a> {
    /// What it is given.
    pub payload: &'a Map<String, Value>,
    /// On whose behalf, and whatever else the host says.
    pub context: &'a Map<String, Value>,
    /// How long it may take.
    pub patience: Duration,
    /// Set when it is to be cancelled.
    pub stop: &'a AtomicBool,
    /// Asked once it is its turn, just before the plugin sees it: whether it still may be called.
    pub may_begin: &'a dyn Fn() -> bool,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in it may be anybody's secret.
        f.debug_struct("Call").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// A shim and all that descends from it, and the channel to the plugin.
#[derive(Debug)]
struct Process {
    calls: Mutex<UnixStream>,
    answers: Arc<Answers>,
    shim: Mutex<process::Child>,
}

impl Process {
    fn start(serving: Serving<'_>) -> Result<Self, Error> {
        let Serving { python, shim, bounds, patience, log, .. } = serving;
        let failed = |source| Error::NotStarted { program: shim.program.clone().into(), source };
        let order = Order {
            python: python.program.clone(),
            variables: python.kept_variables().map(|(name, value)| (name.into(), value.into())).collect(),
            bounds,
            is_lowered: is_root(),
        };
        let order = serde_json::to_string(&order).map_err(|source| failed(source.into()))?;
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let (printed, printing) = io::pipe().map_err(failed)?;
        // A plugin that does not read must not hold its callers up.
        ours.set_write_timeout(Some(patience)).map_err(failed)?;
        let answering = ours.try_clone().map_err(failed)?;
        let shim = shim::spawn(shim, order, theirs, printing).map_err(failed)?;
        let answers = Arc::new(Answers::default());
        answers.read(answering);
        log::read(printed, log);
        Ok(Self { calls: Mutex::new(ours), answers, shim: Mutex::new(shim) })
    }

    /// One line, whole, or the plugin is ended: half of one would be read as part of the next.
    fn write(&self, line: &str) -> Result<(), Error> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let written = calls.write_all(line.as_bytes()).and_then(|()| calls.write_all(b"\n"));
        drop(calls);
        written.map_err(|_| {
            self.kill();
            self.ended()
        })
    }

    /// Tells the shim to end everything, by closing what it watches.
    fn kill(&self) {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails for one that is closed already.
        let _ = calls.shutdown(Shutdown::Both);
    }

    /// How it has ended; nothing when it cannot be told in time.
    fn status(&self) -> Option<ExitStatus> {
        let mut shim = self.shim.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + END_PATIENCE;
        while Instant::now() < deadline {
            match shim.try_wait() {
                Ok(Some(status)) => return Some(of_python(status)),
                Ok(None) => thread::sleep(STEP),
                Err(_) => return None,
            }
        }
        None
    }

    /// Why nothing more comes of a plugin that was loaded.
    fn ended(&self) -> Error {
        let end = self.answers.take_end();
        self.kill();
        match end {
            Some(End::Unreadable(source)) => Error::Unreadable { source },
            Some(End::TooLarge) => Error::TooLarge { at_most: MAX_CALL_BYTES as u64 },
            Some(End::Gone) | None => Error::Unanswered { status: self.status(), printed: None },
        }
    }

    /// Why nothing came of one that was to be loaded.
    fn not_started(&self, python: &Python) -> Error {
        match self.ended() {
            Error::Unanswered { status: Some(status), .. } if status.code() == Some(NOT_STARTED.into()) => {
                python.not_started(io::ErrorKind::NotFound.into())
            }
            error => error,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let has_ended = self.status().is_some();
        let mut shim = self.shim.lock().unwrap_or_else(PoisonError::into_inner);
        if !has_ended {
            // It has had its time; what it leaves falls to this process.
            let _ = shim.kill();
            let _ = shim.wait();
        }
        descendants::let_go(&shim);
    }
}

/// What a shell's way of saying it, which is the shim's, says of Python.
fn of_python(shim: ExitStatus) -> ExitStatus {
    match shim.code() {
        Some(code) if code > 128 => ExitStatus::from_raw(code - 128),
        _ => shim,
    }
}

/// The first line. Bytes are hexadecimal digits: Python needs no module for those.
fn order(plugin: &Plugin<'_>) -> String {
    let Plugin { id, entry, sources, directory, site_paths, config } = plugin;
    let sources: Map<_, _> = sources.iter().map(|(path, bytes)| (path.clone(), hexadecimal(bytes).into())).collect();
    let is_of_a_name = |c: char| if c.is_alphanumeric() { c } else { '_' };
    let module = format!("aisoc_plugin_{}", id.chars().map(is_of_a_name).collect::<String>());
    json!({
        "id": id, "entry": entry, "module": module, "sources": sources, "config": config,
        "directory": directory, "site_paths": site_paths, "limit": MAX_CALL_BYTES,
    })
    .to_string()
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}
