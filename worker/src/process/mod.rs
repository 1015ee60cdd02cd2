//! `Process`: the shim of one Python with all that descends from it, the channel to that, and what it prints.

mod answers;
mod asks;
mod lines;
mod log;

use std::io::{self, PipeWriter};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::answers::{Answers, End};
pub(crate) use self::answers::{Expected, Waited};
pub use self::answers::{MAX_CALL_BYTES, MAX_CALLS};
pub(crate) use self::asks::Refusal;
pub use self::asks::{Ask, MAX_ASK_BYTES, MAX_ASKS, MAX_REPLY_BYTES, Reply};
use self::lines::Lines;
pub(crate) use self::lines::Written;
pub use self::log::LogLine;
use crate::descendants;
use crate::error::Error;
use crate::groups::Group;
use crate::interpreter::Compiled;
use crate::python::Python;
use crate::sandbox::{Layers, Scratch};
use crate::shim::{FAILED, Order, Said, ShimProgram, status_of_python};

/// How long what has ended may take to be gone.
const END_PATIENCE: Duration = Duration::from_secs(12);
/// And what it printed to be read.
const PRINTED_PATIENCE: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(2);

/// An order, and what has to be there as long as what is ordered.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) order: Order,
    pub(crate) group: Option<Group>,
    pub(crate) scratch: Option<Scratch>,
    /// Which Python was meant.
    pub(crate) python: Python,
    /// What it reads before anything else.
    pub(crate) compiled: Option<Arc<Compiled>>,
}

/// A shim and all that descends from it. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Process {
    lines: Arc<Lines>,
    pub(crate) answers: Arc<Answers>,
    shim: Mutex<Child>,
    python: Python,
    /// All that is in there is it, or of it.
    group: Option<Group>,
    /// Where it may write. Removed after it has ended.
    _scratch: Option<Scratch>,
}

/// How long a start may take, and who may stop it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting<'a> {
    pub(crate) deadline: Instant,
    pub(crate) patience: Duration,
    pub(crate) stop: &'a AtomicBool,
}

impl<'a> Waiting<'a> {
    pub(crate) fn begin(patience: Duration, stop: &'a AtomicBool) -> Self {
        Self { deadline: Instant::now() + patience, patience, stop }
    }
}

/// A Python that is confined as it has to be, and waits for its first line.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) process: Process,
    /// What it is confined by; nothing where it is not to be.
    pub(crate) layers: Option<Layers>,
    /// Its first answer.
    pub(crate) first: Expected,
}

impl Process {
    /// # Errors
    /// [`Error::Unconfined`], and whatever else keeps it from being started.
    pub(crate) fn begin(
        prepared: Prepared,
        log: impl FnMut(LogLine) + Send + 'static,
        waiting: Waiting<'_>,
    ) -> Result<Begun, Error> {
        let Prepared { order, group, scratch, python, compiled } = prepared;
        let shim = order.shim.clone();
        let failed = |source| Error::NotStarted { program: shim.program.clone().into(), source };
        let is_confined = order.confinement.is_some();
        let order = serde_json::to_string(&order).map_err(|source| failed(source.into()))?;
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let (printed, printing) = io::pipe().map_err(failed)?;
        let (answering, lines) = (ours.try_clone().map_err(failed)?, Arc::new(Lines::new(ours).map_err(failed)?));
        let started = spawn(&shim, order, theirs, printing).map_err(failed)?;
        let answers = Arc::new(Answers::default());
        let confined = answers.expect()?;
        let first = answers.expect()?;
        answers.read(answering, Arc::clone(&lines));
        log::read(printed, log);
        let process = Self { lines, answers, shim: Mutex::new(started), python, group, _scratch: scratch };
        if let Some(compiled) = compiled {
            process.write_beginning(&compiled.bytes, waiting.deadline);
        }
        let layers = if is_confined { Some(process.layers(&confined, waiting)?) } else { None };
        Ok(Begun { process, layers, first })
    }

    /// What Python begins with. One that has ended by now is asked why next.
    fn write_beginning(&self, bytes: &[u8], deadline: Instant) {
        if self.lines.write_bytes(bytes, deadline).is_err() {
            self.kill();
        }
    }

    /// What the shim says, before anything of a plugin begins.
    fn layers(&self, confined: &Expected, waiting: Waiting<'_>) -> Result<Layers, Error> {
        match confined.wait(waiting.deadline, waiting.stop)? {
            Waited::Answer(said) => {
                let said: Said = serde_json::from_slice(&said).map_err(|source| Error::Unreadable { source })?;
                if said.goes_on { Ok(said.layers) } else { Err(Error::Unconfined { layers: said.layers }) }
            }
            // Nothing of a plugin runs yet, and whoever asks has no call.
            Waited::Ended | Waited::Asked(_) => Err(self.not_started(None)),
            Waited::TimedOut => Err(Error::TimedOut { patience: waiting.patience }),
        }
    }

    /// One line, whole, or the plugin is ended: half of one would be read as part of the next. A plugin that reads it slowly has
    /// until the deadline, as one has that answers slowly.
    ///
    /// # Errors
    /// What has ended the plugin.
    pub(crate) fn write(&self, line: &str, deadline: Instant) -> Result<(), Error> {
        self.lines.write(line, deadline).map_err(|_| {
            self.kill();
            self.ended()
        })
    }

    /// As [`Process::write`], of a line that begins something: one of which nothing was written until the deadline ends nobody.
    pub(crate) fn begin_line(&self, line: &str, deadline: Instant) -> Result<Written, Error> {
        self.lines.begin(line, deadline).map_err(|_| {
            self.kill();
            self.ended()
        })
    }

    /// Tells the shim to end everything, by closing what it watches.
    pub(crate) fn kill(&self) {
        self.lines.close();
    }

    /// How it has ended; nothing when it cannot be told in time.
    fn status(&self) -> Option<ExitStatus> {
        self.waited_for().or_else(|| {
            // The shim has had its time, and the system ends it with all that is left.
            self.group.as_ref()?.kill();
            self.waited_for()
        })
    }

    fn waited_for(&self) -> Option<ExitStatus> {
        let mut shim = self.shim.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + END_PATIENCE;
        while Instant::now() < deadline {
            match shim.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => thread::sleep(STEP),
                Err(_) => return None,
            }
        }
        None
    }

    /// Ends it, and all that it started, now.
    ///
    /// # Errors
    /// [`Error::Left`] when something of it cannot be ended.
    pub(crate) fn end(&self) -> Result<(), Error> {
        self.kill();
        match self.status() {
            // The system ends all that is in a group, and knows whether it has.
            Some(_) if self.group.is_some() => self.group.iter().all(Group::end).then_some(()).ok_or(Error::Left),
            Some(status) if status.code() != Some(FAILED.into()) => Ok(()),
            _ => Err(Error::Left),
        }
    }

    /// Why nothing more comes of a plugin that was loaded.
    pub(crate) fn ended(&self) -> Error {
        match self.why_ended() {
            Ok(status) => Error::Unanswered { status: status.map(status_of_python), printed: None },
            Err(error) => error,
        }
    }

    /// Why nothing came of one that was to be loaded. What it printed, where anybody reads it.
    pub(crate) fn not_started(&self, printed: Option<&Receiver<LogLine>>) -> Error {
        match self.why_ended() {
            Ok(status) => {
                let printed = printed.and_then(last_line);
                let not_started = status.and_then(|status| self.python.why_not_started(status, printed.as_deref()));
                not_started.unwrap_or(Error::Unanswered { status: status.map(status_of_python), printed })
            }
            Err(error) => error,
        }
    }

    fn why_ended(&self) -> Result<Option<ExitStatus>, Error> {
        let end = self.answers.take_end();
        self.kill();
        match end {
            Some(End::Unreadable(source)) => Err(Error::Unreadable { source }),
            Some(End::TooLarge) => Err(Error::TooLarge { at_most: MAX_CALL_BYTES as u64 }),
            Some(End::Gone) | None => {
                let status = self.status();
                match &self.group {
                    Some(group) if group.has_run_out_of_memory() => Err(Error::OutOfMemory),
                    _ => Ok(status),
                }
            }
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

/// Starts the shim, held: what ends another plugin of this process leaves it alone.
#[expect(clippy::disallowed_methods, reason = "it starts this program again")]
fn spawn(shim: &ShimProgram, order: String, channel: UnixStream, printing: PipeWriter) -> io::Result<Child> {
    let mut command = Command::new(&shim.program);
    command
        .args(&shim.arguments)
        .arg(order)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(channel)))
        .stdout(Stdio::from(printing.try_clone()?))
        .stderr(Stdio::from(printing));
    descendants::hold(|| command.spawn())
}

/// Asks a Python one question, and ends it with all that it started.
///
/// # Errors
/// As [`Process::begin`]; [`Error::TimedOut`], [`Error::Stopped`], [`Error::Unanswered`], [`Error::TooLarge`],
/// [`Error::Unreadable`], [`Error::Left`].
pub(crate) fn ask(prepared: Prepared, question: &str, waiting: Waiting<'_>) -> Result<Vec<u8>, Error> {
    let (sender, printed) = mpsc::channel();
    // Nobody reads any more once there is an answer.
    let log = move |line| drop(sender.send(line));
    let Begun { process, first, .. } = Process::begin(prepared, log, waiting)?;
    let answer = match process.write(question, waiting.deadline) {
        // It has ended already, which is looked into below.
        Err(_) => Waited::Ended,
        Ok(()) => first.wait(waiting.deadline, waiting.stop)?,
    };
    match answer {
        Waited::Answer(answer) => process.end().map(|()| answer),
        Waited::Ended | Waited::Asked(_) => Err(process.not_started(Some(&printed))),
        Waited::TimedOut => process.end().and(Err(Error::TimedOut { patience: waiting.patience })),
    }
}

/// The last line that says something, once nothing can print any more.
fn last_line(printed: &Receiver<LogLine>) -> Option<String> {
    let deadline = Instant::now() + PRINTED_PATIENCE;
    let mut last = None;
    loop {
        match printed.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(LogLine::Printed(line)) if !line.trim().is_empty() => last = Some(line.trim().to_owned()),
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return last,
        }
    }
}
