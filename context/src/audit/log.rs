//! `AuditLog`: JSON lines in one file, and so many files behind it. A line is there when whoever reports it is told so.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aisoc_files::{Links, SmallFileError, append_lines, open_append, open_directory, open_file, sync_directory};
use aisoc_manifests::fault::{Fault, Reason, Result as Outcome};
use jiff::Timestamp;
use rustix::io::Errno;

use super::event::{Event, Line};
use super::share::Shares;
use crate::caller::Caller;
use crate::granted::Granted;
use crate::patience::waited;
use crate::refusal::{Refusal, Why};

/// Largest file of the log. The next line begins a new one.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// Most files behind the one that is written. The oldest goes.
const MAX_OLD_FILES: u32 = 7;
/// Longest line: what is said of an event, in escapes, and who says it.
pub(super) const MAX_LINE_BYTES: usize = 64 << 10;
const NAME: &str = "audit.jsonl";

/// The log, for whoever writes and reads it.
#[derive(Debug, Clone)]
pub(crate) struct AuditLog {
    directory: PathBuf,
    written: Arc<Mutex<Written>>,
}

#[derive(Debug)]
struct Written {
    file: File,
    /// The number of the next line.
    next: u64,
    max_file_bytes: u64,
    shares: Shares,
}

/// Whose words a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The plugin's, or what it brings about at will: none beyond its share of the log.
    Plugin,
    /// The host's, which says it in any case.
    Host,
}

impl AuditLog {
    /// Opens the log in a directory, which is made where there is none.
    ///
    /// # Errors
    /// `record_invalid` where its last line has no number, and I/O reasons.
    pub(crate) fn open(directory: &Path) -> Outcome<Self> {
        Self::open_with(directory, MAX_FILE_BYTES)
    }

    fn open_with(directory: &Path, max_file_bytes: u64) -> Outcome<Self> {
        let failed = |error| Fault::io("open", directory, error);
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
        let path = directory.join(NAME);
        let file = append_to(directory).map_err(|error| Fault::io("append to", &path, error))?;
        let read = |file: &File| last_number(file).map_err(|error| Fault::io("read", &path, error));
        let last =
            match (read(&file)?, opened(&directory.join(old(1))).map_err(|error| Fault::io("read", &path, error))?) {
                (Last::Nothing, Some(before)) => read(&before)?,
                (last, _) => last,
            };
        let next = match last {
            Last::Nothing => 1,
            Last::Number(number) => number + 1,
            Last::Unreadable => {
                let what = format!("the last line of `{}` is none of a host's", path.display());
                return Err(Fault::new(Reason::RecordInvalid, what)
                    .hint("put the log aside: the host begins a new one, and goes on counting nowhere"));
            }
        };
        Ok(Self {
            directory: directory.to_owned(),
            written: Arc::new(Mutex::new(Written { file, next, max_file_bytes, shares: Shares::default() })),
        })
    }

    /// Writes a line, and gives its number.
    ///
    /// # Errors
    /// `unavailable` where it is not written, `rate_limited` where the plugin has no share left; then nothing was reported.
    pub(super) fn write(
        &self,
        by: By,
        plugin: &Granted,
        caller: &Caller,
        event: &Event<'_>,
        at: Timestamp,
    ) -> Result<u64, Refusal> {
        let mut written = waited(&self.written)?;
        let line = Line {
            line: written.next,
            timestamp: at,
            event: event.event.to_owned(),
            plugin: plugin.id.clone(),
            signers: plugin.line.clone(),
            actor: caller.name.clone(),
            tenant: caller.tenant.clone(),
            request_id: caller.request_id.clone(),
            target: event.target.map(str::to_owned),
            outcome: event.outcome,
            metadata: event.metadata.clone(),
        };
        let text = serde_json::to_string(&line).map_err(|_| Refusal::invalid("what is said cannot be written"))?;
        if text.len() > MAX_LINE_BYTES {
            return Err(Refusal::invalid(format!("the line has more than {MAX_LINE_BYTES} bytes")));
        }
        let now = Instant::now();
        if by == By::Plugin {
            written.shares.require(&plugin.id, text.len(), now).map_err(|wait| {
                let words = "the plugin has written its share of the audit log: the next line may be written in";
                Refusal::Failed(Why::RateLimited, format!("{words} {:.1} s", wait.as_secs_f64()))
            })?;
        }
        let failed = |_| Refusal::unavailable("the audit log cannot be written");
        let length = written.file.metadata().map_err(failed)?.len();
        if length > 0 && length + text.len() as u64 >= written.max_file_bytes {
            written.file = self.rotated().map_err(failed)?;
        }
        append_lines(&mut written.file, text.as_bytes()).map_err(failed)?;
        written.next += 1;
        written.shares.take(&plugin.id, text.len(), now);
        Ok(line.line)
    }

    /// Every file one place further, and a new one.
    fn rotated(&self) -> io::Result<File> {
        for number in (0..MAX_OLD_FILES).rev() {
            let [from, to] = [number, number + 1].map(|number| self.directory.join(old(number)));
            match rustix::fs::rename(&from, &to) {
                Err(Errno::NOENT) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        sync_directory(&self.directory)?;
        append_to(&self.directory)
    }

    /// Every file of the log that there is, the newest first, as they are at this moment.
    pub(super) fn files(&self) -> Result<Vec<File>, Refusal> {
        let _written = waited(&self.written)?;
        let files = (0..=MAX_OLD_FILES).map_while(|number| opened(&self.directory.join(old(number))).transpose());
        files.collect::<io::Result<_>>().map_err(|_| Refusal::unavailable("the audit log cannot be read"))
    }
}

fn append_to(directory: &Path) -> io::Result<File> {
    open_append(open_directory(directory, Links::Followed)?, NAME)
}

/// A file of the log; nothing where there is none.
fn opened(path: &Path) -> io::Result<Option<File>> {
    match open_file(path, Links::Refused) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.is_absent() => Ok(None),
        Err(SmallFileError::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn old(number: u32) -> String {
    if number == 0 { NAME.to_owned() } else { format!("audit.{number}.jsonl") }
}

enum Last {
    Nothing,
    Number(u64),
    Unreadable,
}

/// The number of the last whole line. What a cut has left behind that is none.
fn last_number(file: &File) -> io::Result<Last> {
    let length = file.metadata()?.len();
    let begin = length.saturating_sub(2 * MAX_LINE_BYTES as u64);
    let mut end = vec![0; usize::try_from(length - begin).map_err(io::Error::other)?];
    file.read_exact_at(&mut end, begin)?;
    let lines = end.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for line in lines {
        if let Ok(line) = serde_json::from_slice::<Line>(line) {
            return Ok(Last::Number(line.line));
        }
    }
    Ok(if length == 0 { Last::Nothing } else { Last::Unreadable })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::event::Outcome as Ended;
    use super::super::reader::tests::{caller, granted};
    use super::*;

    fn write(log: &AuditLog, text: &str) -> Result<u64, Refusal> {
        write_by(By::Plugin, log, "demo", text)
    }

    fn write_by(by: By, log: &AuditLog, id: &str, text: &str) -> Result<u64, Refusal> {
        let mut metadata = serde_json::Map::new();
        metadata.insert("text".to_owned(), text.into());
        let event = Event { event: "told", target: None, outcome: Ended::Success, metadata: &metadata };
        log.write(by, &granted(id, "line"), &caller(None), &event, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn lines_are_counted_across_files_and_hosts_and_the_oldest_go() {
        let place = tempfile::tempdir().expect("a directory");
        let log = AuditLog::open_with(place.path(), 1000).expect("opened");
        let held = "a".repeat(300);
        for number in 1..=60 {
            assert_eq!(write(&log, &held), Ok(number));
        }
        let files = fs::read_dir(place.path()).expect("listed").count();
        assert_eq!(files, 1 + usize::try_from(MAX_OLD_FILES).expect("few"));
        for entry in fs::read_dir(place.path()).expect("listed") {
            assert!(entry.expect("there").metadata().expect("there").len() <= 1000);
        }
        drop(log);
        let log = AuditLog::open_with(place.path(), 1000).expect("opened");
        assert_eq!(write(&log, &held), Ok(61));
    }

    #[test]
    fn no_plugin_writes_what_others_have_written_away() {
        let place = tempfile::tempdir().expect("a directory");
        let log = AuditLog::open_with(place.path(), 1 << 20).expect("opened");
        assert_eq!(write_by(By::Plugin, &log, "other", "evidence"), Ok(1));
        let held = "a".repeat(60_000);
        let refused = (0..200).find_map(|_| write(&log, &held).err()).expect("that is more than its share");
        let Refusal::Failed(Why::RateLimited, words) = refused else { panic!("{refused:?}") };
        assert!(words.starts_with("the plugin has written its share of the audit log"), "{words}");
        let again = AuditLog::clone(&log);
        assert!(write(&again, &held).is_err(), "wherever it is written from");
        write_by(By::Plugin, &log, "other", &held).expect("others have theirs");
        write_by(By::Host, &log, "demo", &held).expect("what the host says of it is said");
        let files = (0..=MAX_OLD_FILES).map(|number| fs::read_to_string(place.path().join(old(number))));
        let written: String = files.filter_map(Result::ok).collect();
        assert!(written.contains("evidence") && written.len() < 3 << 20, "{}", written.len());
    }

    #[test]
    fn what_a_cut_has_left_is_no_line_and_what_is_no_log_is_left_as_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let log = AuditLog::open(place.path()).expect("opened");
        write(&log, "one").expect("written");
        let path = place.path().join(NAME);
        let whole = fs::read_to_string(&path).expect("read");
        fs::write(&path, format!("{whole}{{\"line\": 2, \"ti")).expect("cut");
        let log = AuditLog::open(place.path()).expect("opened");
        assert_eq!(write(&log, "two"), Ok(2));
        assert_eq!(fs::read_to_string(&path).expect("read").lines().count(), 3);

        fs::write(&path, "something else\n").expect("written");
        let refused = AuditLog::open(place.path()).expect_err("no log");
        assert_eq!(refused.reason(), Reason::RecordInvalid);
        assert_eq!(fs::read_to_string(&path).expect("read"), "something else\n");
    }
}
