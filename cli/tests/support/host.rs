//! `aisoc serve` on a free port, and a client of its API.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Bench;

/// How long anything of a host may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(20);

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// What stands before it.
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Holds a refusal to its status, its reason code and its words.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, reason: &str, detail: &str) {
        let said = self.json();
        assert_eq!((self.status, said["reason_code"].as_str()), (status, Some(reason)), "{self:?}");
        assert_eq!(said["detail"].as_str(), Some(detail), "{self:?}");
    }

    /// As [`Answered::refused`], where the words are not the matter.
    #[track_caller]
    pub(crate) fn refused_for(&self, status: u16, reason: &str) -> String {
        let said = self.json();
        assert_eq!((self.status, said["reason_code"].as_str()), (status, Some(reason)), "{self:?}");
        said["detail"].as_str().expect("why").to_owned()
    }

    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()
    }
}

/// A host in a process of its own.
pub(crate) struct ServedHost {
    child: Child,
    pub(crate) address: String,
    /// What it has answered, with `--json`.
    pub(crate) served: Value,
    stderr: Arc<Mutex<String>>,
}

impl ServedHost {
    /// One that has looked for its plugins.
    pub(crate) fn start(bench: &Bench, words: &[&str]) -> Self {
        Self::ready(&mut command(bench, words))
    }

    /// As [`ServedHost::begin`], of one that has looked for its plugins as well.
    pub(crate) fn ready(command: &mut Command) -> Self {
        let host = Self::begin(command);
        host.wait_for(|host| host.get("/readyz").status == 200);
        host
    }

    /// One that answers.
    pub(crate) fn begin(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the host starts");
        let (mut address, stderr) = (String::new(), Arc::new(Mutex::new(String::new())));
        let (said, mut reading) = (Arc::clone(&stderr), BufReader::new(child.stderr.take().expect("piped")));
        thread::spawn(move || {
            let mut line = String::new();
            while reading.read_line(&mut line).is_ok_and(|read| read > 0) {
                said.lock().expect("no panic").push_str(&std::mem::take(&mut line));
            }
        });
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut address).expect("an address");
        // Where it is otherwise than over plain HTTP, it is asked by the command line.
        let served = serde_json::from_str::<Value>(&address).unwrap_or_default();
        let address = served["address"].as_str().unwrap_or(address.trim());
        let address = address.strip_prefix("http://").unwrap_or(address).to_owned();
        assert!(!address.is_empty(), "{}", stderr.lock().expect("no panic"));
        Self { child, address, served, stderr }
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "not in time: {}", self.said());
            thread::sleep(STEP);
        }
    }

    /// What it has said on stderr.
    pub(crate) fn said(&self) -> String {
        self.stderr.lock().expect("no panic").clone()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn get(&self, path: &str) -> Answered {
        self.send("GET", path, "", "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Answered {
        self.send("POST", path, "", body)
    }

    pub(crate) fn post_json(&self, path: &str, body: &Value) -> Answered {
        self.send("POST", path, "Content-Type: application/json\r\n", &body.to_string())
    }

    pub(crate) fn delete(&self, path: &str) -> Answered {
        self.send("DELETE", path, "", "")
    }

    /// A request with these lines of its head beside those that it needs.
    pub(crate) fn send(&self, method: &str, path: &str, head: &str, body: &str) -> Answered {
        let (address, length) = (&self.address, body.len());
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n{body}"
        ))
    }

    /// Bytes as they are; the answer up to the end of the connection.
    pub(crate) fn raw(&self, request: &str) -> Answered {
        let mut stream = self.connect();
        // Whoever refuses a head does not read on.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).expect("UTF-8");
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        Answered { status, head: head.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// One plugin, as the host shows it.
    #[track_caller]
    pub(crate) fn plugin(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/plugins/{id}")).ok()
    }

    /// Its exit code after SIGTERM.
    pub(crate) fn terminate(self) -> Option<i32> {
        self.tell_to_end();
        self.end()
    }

    /// SIGTERM.
    pub(crate) fn tell_to_end(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
    }

    /// Its exit code, once it has ended.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// As the system does it to one that takes too much.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

impl Drop for ServedHost {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bench with a key that is trusted and an empty plugins directory.
pub(crate) fn bench() -> Bench {
    let bench = Bench::new();
    bench.run(&["plugin", "keygen", "--out", "release"]).ok();
    fs::create_dir(bench.path("keys")).expect("made");
    fs::copy(bench.path("release.pem"), bench.path("keys/release.pem")).expect("copied");
    fs::create_dir(bench.path("plugins")).expect("made");
    bench
}

/// What descends from a process, as it is numbered here: in a namespace of its own a plugin has other numbers.
pub(crate) fn descendants_of(ancestor: u32) -> Vec<u32> {
    let parent = |id: u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let ids = fs::read_dir("/proc").expect("listed").flatten();
    let ids: Vec<u32> = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let descends = |id: &u32| std::iter::successors(Some(*id), |id| parent(*id)).skip(1).any(|above| above == ancestor);
    ids.into_iter().filter(descends).collect()
}

/// Those of them that are still there.
pub(crate) fn left_of(processes: &[u32]) -> Vec<u32> {
    processes.iter().copied().filter(|id| std::path::Path::new(&format!("/proc/{id}")).exists()).collect()
}

/// A host whose plugins leave marks outside, by which a test sees what they do: they are not confined.
pub(crate) fn unconfined(bench: &Bench, words: &[&str]) -> Command {
    let mut command = command(bench, words);
    command.env("AISOC_SANDBOX", "off");
    command
}

/// A directory that everybody may write, because root's plugins run as nobody: what they leave in it says that they ran.
pub(crate) fn marks() -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("a directory");
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o777)).expect("set");
    place
}

/// Whether there is a Python to load plugins with.
pub(crate) fn has_python() -> bool {
    Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A host of the bench's plugins in a development environment.
pub(crate) fn command(bench: &Bench, words: &[&str]) -> Command {
    let fixed = ["serve", "--listen", "127.0.0.1:0", "--state", "host.json", "--plugins-dir", "plugins"];
    let mut command = bench.command(&[&fixed[..], &["--trusted-keys", "keys"], words].concat());
    command.env("ENVIRONMENT", "development");
    command
}
