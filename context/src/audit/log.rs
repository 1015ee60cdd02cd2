//! `AuditLog`: JSON lines in one file, and so many files behind it. A line is there when whoever reports it is told so.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use aisoc_files::append_lines;
use aisoc_manifests::fault::{Fault, Reason, Result as Outcome};
use aisoc_manifests::text::printable_json;
use jiff::Timestamp;

use super::event::{Event, Line, MAX_LINE_BYTES};
use super::files::{Last, LogFiles, last_number};
use super::share::Shares;
use crate::caller::Caller;
use crate::granted::Granted;
use crate::notice::{Notice, Tell, Teller};
use crate::patience::waited;
use crate::refusal::{Refusal, Why};

/// Largest file of the log. The next line begins a new one.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The log, for whoever writes and reads it.
#[derive(Debug, Clone)]
pub(crate) struct AuditLog {
    files: LogFiles,
    written: Arc<Mutex<Written>>,
    tell: Arc<Teller>,
}

#[derive(Debug)]
struct Written {
    /// The one that stands where lines are read, when it was looked at last.
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
    pub(crate) fn open(directory: &Path, tell: Arc<Tell>) -> Outcome<Self> {
        Self::open_with(directory, MAX_FILE_BYTES, tell)
    }

    fn open_with(directory: &Path, max_file_bytes: u64, tell: Arc<Tell>) -> Outcome<Self> {
        let files = LogFiles::in_directory(directory).map_err(|error| Fault::io("open", directory, error))?;
        let path = files.path();
        let file = files.append().map_err(|error| Fault::io("append to", &path, error))?;
        let read = |file: &File| last_number(file).map_err(|error| Fault::io("read", &path, error));
        let last = match (read(&file)?, files.before().map_err(|error| Fault::io("read", &path, error))?) {
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
        let written = Written { file, next, max_file_bytes, shares: Shares::default() };
        Ok(Self { files, written: Arc::new(Mutex::new(written)), tell: Arc::new(Teller::of(tell)) })
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
        let failed = |error: io::Error| {
            self.tell.tell(Notice::AuditRefused(&format!("`{}`: {error}", self.files.path().display())));
            Refusal::unavailable("the audit log cannot be written")
        };
        let mut written = waited(&self.written)?;
        self.follow(&mut written).map_err(failed)?;
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
        // Whoever looks at it in a terminal sees what is there.
        let text = printable_json(&text);
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
        self.append(&mut written, &text).map_err(failed)?;
        written.next += 1;
        written.shares.take(&plugin.id, text.len(), now);
        Ok(line.line)
    }

    /// What is written is what is read: where somebody has moved the file away, or put another into its place, the one that
    /// stands there is gone on with.
    fn follow(&self, written: &mut Written) -> io::Result<()> {
        if self.files.stands(&written.file)? {
            return Ok(());
        }
        let file = self.files.append()?;
        written.next = match last_number(&file)? {
            Last::Nothing => written.next,
            Last::Number(number) => written.next.max(number + 1),
            Last::Unreadable => return Err(io::Error::other("its last line is none of a host's")),
        };
        written.file = file;
        self.tell.tell(Notice::AuditRefused(&format!(
            "`{}` was moved or replaced while it was written: the log goes on in what stands there now",
            self.files.path().display()
        )));
        Ok(())
    }

    /// Writes that behind what there is.
    fn append(&self, written: &mut Written, text: &str) -> io::Result<()> {
        let length = written.file.metadata()?.len();
        if length > 0 && length + text.len() as u64 >= written.max_file_bytes {
            written.file = self.files.rotated()?;
        }
        append_lines(&mut written.file, text.as_bytes())
    }

    /// Every file of the log that there is, the newest first, as they are at this moment.
    pub(super) fn files(&self) -> Result<Vec<File>, Refusal> {
        let _written = waited(&self.written)?;
        self.files.all().map_err(|_| Refusal::unavailable("the audit log cannot be read"))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::event::Outcome as Ended;
    use super::super::files::MAX_OLD_FILES;
    use super::super::reader::tests::{caller, granted};
    use super::*;

    fn open_with(place: &Path, max_file_bytes: u64) -> Outcome<AuditLog> {
        AuditLog::open_with(place, max_file_bytes, Arc::new(|_| ()))
    }

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
        let log = open_with(place.path(), 1000).expect("opened");
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
        let log = open_with(place.path(), 1000).expect("opened");
        assert_eq!(write(&log, &held), Ok(61));
    }

    #[test]
    fn no_plugin_writes_what_others_have_written_away() {
        let place = tempfile::tempdir().expect("a directory");
        let log = open_with(place.path(), 1 << 20).expect("opened");
        assert_eq!(write_by(By::Plugin, &log, "other", "evidence"), Ok(1));
        let held = "a".repeat(60_000);
        let refused = (0..200).find_map(|_| write(&log, &held).err()).expect("that is more than its share");
        let Refusal::Failed(Why::RateLimited, words) = refused else { panic!("{refused:?}") };
        assert!(words.starts_with("the plugin has written its share of the audit log"), "{words}");
        let again = AuditLog::clone(&log);
        assert!(write(&again, &held).is_err(), "wherever it is written from");
        write_by(By::Plugin, &log, "other", &held).expect("others have theirs");
        write_by(By::Host, &log, "demo", &held).expect("what the host says of it is said");
        let files = fs::read_dir(place.path()).expect("listed");
        let read = |entry: io::Result<fs::DirEntry>| fs::read_to_string(entry.expect("there").path()).expect("read");
        let written: String = files.map(read).collect();
        assert!(written.contains("evidence") && written.len() < 3 << 20, "{}", written.len());
    }

    #[test]
    fn what_a_cut_has_left_is_no_line_and_what_is_no_log_is_left_as_it_is() {
        let place = tempfile::tempdir().expect("a directory");
        let log = open_with(place.path(), MAX_FILE_BYTES).expect("opened");
        write(&log, "one").expect("written");
        let path = place.path().join("audit.jsonl");
        let whole = fs::read_to_string(&path).expect("read");
        fs::write(&path, format!("{whole}{{\"line\": 2, \"ti")).expect("cut");
        let log = open_with(place.path(), MAX_FILE_BYTES).expect("opened");
        assert_eq!(write(&log, "two"), Ok(2));
        assert_eq!(fs::read_to_string(&path).expect("read").lines().count(), 3);

        fs::write(&path, "something else\n").expect("written");
        let refused = open_with(place.path(), MAX_FILE_BYTES).expect_err("no log");
        assert_eq!(refused.reason(), Reason::RecordInvalid);
        assert_eq!(fs::read_to_string(&path).expect("read"), "something else\n");
    }

    #[test]
    fn a_log_that_is_moved_goes_on_where_it_is_read_and_its_operator_is_told() {
        let place = tempfile::tempdir().expect("a directory");
        let told = Arc::new(AtomicUsize::new(0));
        let tell = Arc::clone(&told);
        let log = AuditLog::open_with(
            place.path(),
            MAX_FILE_BYTES,
            Arc::new(move |_| _ = tell.fetch_add(1, Ordering::Relaxed)),
        )
        .expect("opened");
        let path = place.path().join("audit.jsonl");
        let lines = |path: &Path| fs::read_to_string(path).expect("read").lines().count();
        assert_eq!(write(&log, "one"), Ok(1));
        // Moved away, as programs do that rotate logs; removed; another one put there, which has lines of its own or none.
        let moved = place.path().join("moved");
        fs::rename(&path, &moved).expect("moved");
        assert_eq!(write(&log, "two"), Ok(2));
        assert_eq!((lines(&moved), lines(&path)), (1, 1));
        fs::remove_file(&path).expect("removed");
        assert_eq!((write(&log, "three"), write(&log, "four")), (Ok(3), Ok(4)));
        assert_eq!(lines(&path), 2);
        fs::rename(&moved, &path).expect("put back");
        assert_eq!((write(&log, "five"), lines(&path)), (Ok(5), 2));
        fs::write(&moved, fs::read_to_string(&path).expect("read").replace("\"line\":5", "\"line\":41"))
            .expect("written");
        fs::rename(&moved, &path).expect("put there");
        assert_eq!(write(&log, "six"), Ok(42));
        assert_eq!(told.load(Ordering::Relaxed), 1, "once a minute");

        // What is none of a log, or a link, is left as it is, and nothing is said to be written.
        fs::write(&moved, "something else\n").expect("written");
        fs::rename(&moved, &path).expect("put there");
        assert!(write(&log, "seven").is_err());
        assert_eq!(fs::read_to_string(&path).expect("read"), "something else\n");
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("elsewhere", &path).expect("made");
        assert!(write(&log, "eight").is_err() && !place.path().join("elsewhere").exists());
        fs::remove_file(&path).expect("removed");
        assert_eq!(write(&log, "nine"), Ok(43));
        // Nor where there is no place for it.
        fs::rename(place.path(), place.path().with_extension("away")).expect("moved");
        assert!(write(&log, "ten").is_err());
        fs::rename(place.path().with_extension("away"), place.path()).expect("put back");
        assert_eq!(write(&log, "eleven"), Ok(44));
    }

    #[test]
    fn what_cannot_be_shown_is_written_as_an_escape() {
        let place = tempfile::tempdir().expect("a directory");
        let log = open_with(place.path(), MAX_FILE_BYTES).expect("opened");
        let said = "a\u{9b}31m\u{202e}b\u{e9}";
        write(&log, said).expect("written");
        let text = fs::read_to_string(place.path().join("audit.jsonl")).expect("read");
        assert!(text.contains("a\\u009b31m\\u202eb\u{e9}"), "{text}");
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).expect("JSON");
        assert_eq!(line["metadata"]["text"], said);
    }
}
