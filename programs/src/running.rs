//! A program that runs, and its end.
#![expect(
    clippy::disallowed_methods,
    reason = "its room: the one place that starts a program which answers a question"
)]

use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::answer::{Answer, Failure};
use crate::pipe::{Input, Output, open};
use crate::question::{Program, Question};

/// How often a program that says nothing is looked at.
const STEP: Duration = Duration::from_millis(10);
/// How often a program whose file is still being written is tried again.
const BUSY_TRIES: usize = 20;

/// Dropping it ends the program, with what it started in its group.
pub(crate) struct Running<'a> {
    process: Child,
    input: Input<'a>,
    answer: Output,
    complaint: Output,
    has_ended: bool,
}

impl<'a> Running<'a> {
    pub(crate) fn start(program: &Program, question: &Question<'a>) -> Result<Self, Failure> {
        let hears_complaints = question.complaint_bytes > 0;
        let mut command = Command::new(&program.name);
        command
            .args(&program.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(if hears_complaints { Stdio::piped() } else { Stdio::null() })
            // So that what a script has started is ended with it.
            .process_group(0);
        let process = spawn(&mut command).map_err(|error| match error.kind() {
            ErrorKind::NotFound => Failure::NotFound,
            _ => Failure::NotStarted(error),
        })?;
        let mut running = Self {
            process,
            input: Input { end: None, rest: question.input },
            answer: Output::new(None, question.answer_bytes),
            complaint: Output::new(None, question.complaint_bytes),
            has_ended: false,
        };
        running.connect().map_err(Failure::Broken)?;
        Ok(running)
    }

    fn connect(&mut self) -> io::Result<()> {
        self.input.end = open(self.process.stdin.take())?;
        self.answer.end = open(self.process.stdout.take())?;
        self.complaint.end = open(self.process.stderr.take())?;
        Ok(())
    }

    /// One look: moves what can be moved, and says how the program ended once there is nothing more. What it left
    /// behind may hold the pipes open, and is not waited for.
    pub(crate) fn step(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.process.try_wait()?;
        self.has_ended = status.is_some();
        self.wait(if self.has_ended { Duration::ZERO } else { STEP })?;
        self.input.write();
        let may_be_more = [self.answer.read()?, self.complaint.read()?].contains(&true);
        Ok(status.filter(|_| !may_be_more))
    }

    /// Until something can be moved, or so long.
    fn wait(&self, patience: Duration) -> io::Result<()> {
        let read = [&self.answer.end, &self.complaint.end].into_iter().flatten().map(|end| (end, PollFlags::IN));
        let ends = read.chain(self.input.end.iter().map(|end| (end, PollFlags::OUT)));
        let mut ends: Vec<_> = ends.map(|(end, flags)| PollFd::new(end, flags)).collect();
        if ends.is_empty() {
            thread::sleep(patience);
            return Ok(());
        }
        let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut ends, Some(&patience)) {
            // A signal says nothing about the pipes.
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn has_said_too_much(&self) -> bool {
        self.answer.is_over()
    }

    /// `None` when the last piece was one too many.
    pub(crate) fn answer(&mut self, status: ExitStatus) -> Option<Answer> {
        let is_whole = !self.answer.is_over();
        is_whole.then(|| Answer { status, printed: self.answer.take(), complaint: self.complaint.take() })
    }
}

/// A file that is open for writing cannot be run: one that a job has just made, while another process of it that was
/// started meanwhile still has it open. That ends in a moment.
fn spawn(command: &mut Command) -> io::Result<Child> {
    for _ in 0..BUSY_TRIES {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => thread::sleep(STEP),
            spawned => return spawned,
        }
    }
    command.spawn()
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // Fails only when nobody is left in it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}
