//! A terminal for a command: what it is sent, and somebody at the keyboard.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Far longer than anything that is waited for.
const LONG: Duration = Duration::from_secs(60);
/// What a terminal makes of Ctrl-C, and of Ctrl-D.
pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";

/// A terminal in which a command runs.
pub(crate) struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    sent: Arc<Mutex<String>>,
}

impl Terminal {
    /// Runs the words of a shell in `directory`, on a terminal of that width.
    pub(crate) fn run(directory: &Path, columns: usize, words: &str) -> Self {
        // The terminal sends a Ctrl-C to the shell as well, and the exit code is to be that of the command: some
        // shells end by the signal as soon as the command has ended.
        let line = format!("trap : INT; stty rows 24 cols {columns}; {words}");
        let mut script = Command::new("script");
        script.args(["-qefc", &line, "/dev/null"]).current_dir(directory).env("TERM", "xterm").env_remove("NO_COLOR");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script of util-linux");
        let (keyboard, mut screen) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let sent = Arc::new(Mutex::new(String::new()));
        let drawn = Arc::clone(&sent);
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                drawn.lock().expect("whole").push_str(&String::from_utf8_lossy(&piece[..length]));
            }
        });
        Self { child, keyboard, sent }
    }

    /// What the terminal was sent so far.
    pub(crate) fn sent(&self) -> String {
        self.sent.lock().expect("whole").clone()
    }

    /// Waits until it was sent something of that kind.
    #[track_caller]
    pub(crate) fn until(&self, what: impl Fn(&str) -> bool) -> &Self {
        let begin = Instant::now();
        while !what(&self.sent()) {
            assert!(begin.elapsed() < LONG, "{}", self.sent());
            thread::sleep(Duration::from_millis(20));
        }
        self
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("typed");
    }

    /// The exit code, and everything that was sent.
    #[track_caller]
    pub(crate) fn end(mut self) -> (i32, String) {
        let begin = Instant::now();
        while self.child.try_wait().expect("asked").is_none() {
            assert!(begin.elapsed() < LONG, "it hangs: {}", self.sent());
            thread::sleep(Duration::from_millis(20));
        }
        // What is on its way still.
        thread::sleep(Duration::from_millis(50));
        (self.child.wait().expect("ended").code().unwrap_or(-1), self.sent())
    }
}

/// Without the sequences that steer a terminal and what it repeats of the keyboard, cut wherever it goes to the beginning of a line.
pub(crate) fn drawn(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '\u{1b}' => drop(rest.by_ref().skip(1).find(char::is_ascii_alphabetic)),
            other => plain.push(other),
        }
    }
    plain.replace("^C", "").split(['\r', '\n']).filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}
