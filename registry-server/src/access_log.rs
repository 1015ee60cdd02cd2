//! `AccessLog`: a line of JSON for each request, once it is answered.
//!
//! A request never waits for its line. Lines wait for the disk instead, so many and no more; how many were left out is a line,
//! too. What a client sent is escaped, and cut where it has no end. What is secret is in no field: nothing of
//! `Authorization`, no query, and no id of an upload, which is as good as a key to it.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aisoc_files::{Links, open_append, open_directory};
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::{printable_json, shown};
use jiff::Timestamp;
use serde::Serialize;

/// Most lines that wait for the disk.
const MAX_WAITING_LINES: usize = 8_192;
/// Most characters of a client's own words in a field.
const MAX_SHOWN: usize = 200;
/// How long whoever stops waits for the last lines.
const LAST_LINES_PATIENCE: Duration = Duration::from_secs(2);

/// What is noted of a request.
#[derive(Debug, Serialize)]
pub(crate) struct Entry<'a> {
    /// Where it came from.
    pub(crate) remote: String,
    /// Who has proven to ask.
    pub(crate) user: Option<&'a str>,
    pub(crate) method: &'a str,
    /// What kind of thing was asked for.
    pub(crate) route: &'static str,
    pub(crate) repository: Option<&'a str>,
    /// The tag or the digest.
    pub(crate) reference: Option<&'a str>,
    pub(crate) user_agent: Option<&'a str>,
    /// None where the client has gone before there was an answer.
    pub(crate) status: Option<u16>,
    /// Bytes of the body that came, and of the one that was sent.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) seconds: f64,
    /// Whether all of the answer was taken.
    pub(crate) complete: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    #[serde(flatten)]
    entry: Entry<'a>,
}

/// Where each request is noted.
pub struct AccessLog {
    lines: Mutex<Option<SyncSender<String>>>,
    left_out: Arc<AtomicU64>,
    ended: Mutex<Receiver<()>>,
    clock: fn() -> Timestamp,
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").finish_non_exhaustive()
    }
}

impl AccessLog {
    /// Notes requests in that file: appended to, made where there is none, and made anew where it was moved away.
    ///
    /// # Errors
    /// `usage` for a path without a name, and I/O reasons for what cannot be opened or is no regular file.
    pub fn to_file(path: &Path, clock: fn() -> Timestamp) -> Result<Self> {
        let file = open(path)?;
        Self::begin(Place::File { file, path: path.to_owned() }, clock)
    }

    /// Notes requests on standard output.
    ///
    /// # Errors
    /// `io_error` where the system has no thread for it.
    pub fn to_stdout(clock: fn() -> Timestamp) -> Result<Self> {
        Self::begin(Place::Stdout, clock)
    }

    fn begin(mut place: Place, clock: fn() -> Timestamp) -> Result<Self> {
        let (lines, waiting) = sync_channel::<String>(MAX_WAITING_LINES);
        let (end, ended) = sync_channel::<()>(1);
        let left_out = Arc::new(AtomicU64::new(0));
        let missing = Arc::clone(&left_out);
        // A thread of its own: a disk that hangs, or a pipe that nobody reads, must not take one of those that answer.
        let write = move || {
            while let Ok(line) = waiting.recv() {
                let mut text = line;
                waiting.try_iter().for_each(|line| text += &line);
                let left_out = missing.swap(0, Ordering::Relaxed);
                if left_out > 0 {
                    text += &format!("{{\"left_out\":{left_out}}}\n");
                }
                // What cannot be written is counted as what was left out, and said as soon as something can be.
                if place.write(text.as_bytes()).is_err() {
                    let lost = text.lines().count() as u64 + left_out - u64::from(left_out > 0);
                    missing.fetch_add(lost, Ordering::Relaxed);
                }
            }
            let _ = end.send(());
        };
        std::thread::Builder::new().name("access-log".to_owned()).spawn(write).map_err(|error| {
            Fault::new(Reason::IoError, "the system gives no thread for the access log").caused_by(error)
        })?;
        Ok(Self { lines: Mutex::new(Some(lines)), left_out, ended: Mutex::new(ended), clock })
    }

    /// Notes a request that was answered.
    pub(crate) fn note(&self, entry: Entry<'_>) {
        let (method, agent) = (shown(entry.method, MAX_SHOWN), entry.user_agent.map(|agent| shown(agent, MAX_SHOWN)));
        let entry = Entry { method: &method, user_agent: agent.as_deref(), ..entry };
        let line = Line { timestamp: (self.clock)().to_string(), entry };
        // No field of it can fail to be written.
        let Ok(text) = serde_json::to_string(&line) else { return };
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let sent =
            lines.as_ref().is_some_and(|lines| lines.try_send(printable_json(&text).into_owned() + "\n").is_ok());
        if !sent {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were left out since that was last a line.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out.load(Ordering::Relaxed)
    }
}

impl Drop for AccessLog {
    /// The last lines are written, unless nothing can be.
    fn drop(&mut self) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let (Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)) =
            ended.recv_timeout(LAST_LINES_PATIENCE);
    }
}

enum Place {
    File { file: File, path: PathBuf },
    Stdout,
}

impl Place {
    fn write(&mut self, text: &[u8]) -> Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(text).and_then(|()| stdout.flush());
                written.map_err(|error| Fault::io("write to", Path::new("standard output"), error))
            }
            Self::File { file, path } => {
                // Whoever rotates it has moved it, and expects another one.
                if !stands(file, path)
                    && let Ok(anew) = open(path)
                {
                    *file = anew;
                }
                file.write_all(text).map_err(|error| Fault::io("append to", path, error))
            }
        }
    }
}

fn open(path: &Path) -> Result<File> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Fault::new(Reason::Usage, format!("`{}` names no file", path.display())));
    };
    let directory = open_directory(aisoc_files::parent(path), Links::Followed);
    directory.and_then(|directory| open_append(directory, name)).map_err(|error| Fault::io("append to", path, error))
}

/// Whether the file that is open stands at its path.
fn stands(file: &File, path: &Path) -> bool {
    let (held, found) = (file.metadata(), path.symlink_metadata());
    held.ok().zip(found.ok()).is_some_and(|(held, found)| (held.dev(), held.ino()) == (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn clock() -> Timestamp {
        "2026-11-29T07:00:00Z".parse().expect("a time")
    }

    fn entry<'a>(method: &'a str, user_agent: Option<&'a str>) -> Entry<'a> {
        Entry {
            remote: "127.0.0.1".to_owned(),
            user: Some("ada"),
            method,
            route: "blobs",
            repository: Some("team/a"),
            reference: None,
            user_agent,
            status: Some(200),
            received: 1,
            sent: 2,
            seconds: 0.5,
            complete: true,
        }
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(path).expect("a file");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is a document")).collect()
    }

    #[test]
    fn a_line_is_a_line_whatever_a_client_says() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("access.log");
        let log = AccessLog::to_file(&path, clock).expect("a log");
        let hostile = "a\n{\"status\":200}\r\u{1b}[2J\u{202e}\u{0}";
        log.note(entry("GET", Some(hostile)));
        log.note(entry(&"X".repeat(100_000), None));
        drop(log);
        let text = std::fs::read_to_string(&path).expect("a file");
        let is_plain = |c: char| c == '\n' || c == '…' || c.is_ascii_graphic() || c == ' ';
        assert!(text.chars().all(is_plain), "{text}");
        let lines = lines(&path);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["timestamp"], "2026-11-29T07:00:00Z");
        assert_eq!(lines[0]["user"], "ada");
        assert!(text.len() < 2_000, "{} bytes", text.len());
    }

    #[test]
    fn a_log_that_was_moved_away_begins_anew() {
        let root = tempfile::tempdir().expect("directory");
        let (path, moved) = (root.path().join("access.log"), root.path().join("access.log.1"));
        let log = AccessLog::to_file(&path, clock).expect("a log");
        log.note(entry("GET", None));
        let began = std::time::Instant::now();
        while lines(&path).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(5), "the line does not come");
        }
        std::fs::rename(&path, &moved).expect("moved");
        log.note(entry("PUT", None));
        drop(log);
        assert_eq!((lines(&moved).len(), lines(&path).len()), (1, 1));
        assert_eq!(lines(&path)[0]["method"], "PUT");
    }

    #[test]
    fn what_cannot_be_written_is_said_once_something_can() {
        let root = tempfile::tempdir().expect("directory");
        let path = root.path().join("access.log");
        let log = AccessLog::to_file(&path, clock).expect("a log");
        // As many as wait, with nobody who takes them meanwhile: the sender's side is what is tested.
        log.left_out.fetch_add(3, Ordering::Relaxed);
        log.note(entry("GET", None));
        drop(log);
        assert_eq!(lines(&path)[1], serde_json::json!({ "left_out": 3 }));
        for bad in ["..", "/"] {
            assert!(AccessLog::to_file(Path::new(bad), clock).is_err(), "{bad}");
        }
        assert!(AccessLog::to_file(root.path(), clock).is_err(), "a directory");
    }
}
