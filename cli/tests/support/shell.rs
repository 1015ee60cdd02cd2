//! A shell as a reader of a page has it: a fresh home, the binary in `PATH`, and what is printed as it comes.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use rustix::process::{Pid, Signal, kill_process_group};

use super::pages;

/// What comes between what two commands print.
const MARK: &str = "::end-of-command::";
/// How long one command may take; a debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(120);
/// The ports of the registries and hosts on the pages. Here each is one that is free: the one thing that is not as printed.
const PORTS: [u16; 3] = [5000, 5001, 8000];

/// One shell, from the first command of a page to the last.
pub(crate) struct Shell {
    place: tempfile::TempDir,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    ports: Vec<(u16, u16)>,
}

impl Shell {
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().expect("a directory");
        for name in ["home", "scripts"] {
            fs::create_dir(place.path().join(name)).expect("a directory");
        }
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc"]).current_dir(place.path().join("home")).process_group(0).env_clear();
        bash.envs([("HOME", place.path().join("home").into_os_string()), ("PATH", path_with_binary())]);
        bash.envs([("LC_ALL", "C.UTF-8"), ("COLUMNS", "80")]);
        bash.stdin(Stdio::piped()).stdout(writer.try_clone().expect("a pipe")).stderr(writer);
        let mut child = bash.spawn().expect("bash runs");
        let stdin = child.stdin.take().expect("a pipe");
        drop(bash); // and with it our end of what it writes to
        Self {
            place,
            child,
            stdin,
            lines: lines_of(reader),
            ports: PORTS.iter().map(|port| (*port, free_port())).collect(),
        }
    }

    /// Runs a command as it is printed; its exit code, and what it printed on both streams. What a command in the
    /// background prints is in `background`.
    pub(crate) fn run(&mut self, command: &pages::Command) -> (i32, String) {
        let script = self.place.path().join("scripts/command");
        fs::write(&script, self.here(&command.text)).expect("written");
        let elsewhere = match command.is_background() {
            true => format!(">{} 2>&1", self.log().display()),
            false => String::new(),
        };
        // Sourced, so that `cd`, variables and jobs stay; without an input, as nobody answers.
        writeln!(self.stdin, ". {} </dev/null {elsewhere}\nprintf '\\n{MARK}%s\\n' $?", script.display())
            .expect("bash reads");
        self.collect(&command.text)
    }

    /// Where the commands run.
    pub(crate) fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    /// Waits until what runs in the background has printed what is shown; else how that differs.
    pub(crate) fn background(&self, shown: &str) -> Option<String> {
        let until = Instant::now() + PATIENCE / 4;
        loop {
            let difference =
                pages::difference(shown, &self.as_printed(&fs::read_to_string(self.log()).unwrap_or_default()));
            if difference.is_none() || Instant::now() > until {
                return difference;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> PathBuf {
        self.place.path().join("scripts/background.log")
    }

    fn collect(&mut self, command: &str) -> (i32, String) {
        let mut printed = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("`{command}` does not end; until then it printed:\n{printed}"));
            if let Some(code) = line.strip_prefix(MARK) {
                let printed = printed.strip_suffix('\n').unwrap_or(&printed);
                return (code.trim().parse().expect("an exit code"), self.as_printed(printed));
            }
            printed.push_str(&line);
        }
    }

    /// A command for this machine: the registries of the pages are on other ports.
    fn here(&self, command: &str) -> String {
        let serve = "registry serve";
        let here = format!("{serve} --listen 127.0.0.1:{}", self.ports[0].1);
        let command = match command.contains(serve) && !command.contains("--listen") {
            true => command.replace(serve, &here),
            false => command.to_owned(),
        };
        self.ports.iter().fold(command, |text, (shown, here)| text.replace(&format!(":{shown}"), &format!(":{here}")))
    }

    fn as_printed(&self, text: &str) -> String {
        self.ports
            .iter()
            .fold(text.to_owned(), |text, (shown, here)| text.replace(&format!(":{here}"), &format!(":{shown}")))
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // The group is this shell's own, with whatever it started.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process_group(group, Signal::KILL);
        }
        let _ended = self.child.wait();
    }
}

fn path_with_binary() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_aisoc")).parent().expect("a directory").to_owned();
    let others = env::var_os("PATH").unwrap_or_default();
    env::join_paths([binary].into_iter().chain(env::split_paths(&others))).expect("a path")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn lines_of(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    receiver
}
