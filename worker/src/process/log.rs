//! What a plugin prints, as lines of a log: bounded in length and in number, whatever is printed.

use std::io::{BufRead as _, BufReader, PipeReader, Read as _};
use std::thread;
use std::time::{Duration, Instant};

/// Longest line that is kept of what a plugin prints; the rest of a longer one is dropped.
const MAX_LINE_BYTES: u64 = 4096;
/// Most lines of one plugin in each second.
const MAX_LINES: usize = 100;
const SECOND: Duration = Duration::from_secs(1);

/// What a plugin has printed. As it wrote it: whoever shows it escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLine {
    /// A line, without its end.
    Printed(String),
    /// So many lines came faster than any are kept.
    Dropped(usize),
}

/// Reads until nothing can print any more.
pub(super) fn read(printed: PipeReader, mut log: impl FnMut(LogLine) + Send + 'static) {
    thread::spawn(move || {
        let mut lines = Lines { printed: BufReader::new(printed) };
        let mut window = Window::begin();
        while let Some(line) = lines.next() {
            window.take(line, &mut log);
        }
        window.end(&mut log);
    });
}

struct Lines {
    printed: BufReader<PipeReader>,
}

impl Lines {
    /// Nothing at the end.
    fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        self.printed.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).ok().filter(|read| *read > 0)?;
        if line.pop_if(|last| *last == b'\n').is_none() && line.len() as u64 == MAX_LINE_BYTES {
            self.printed.skip_until(b'\n').ok()?;
        }
        Some(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned())
    }
}

/// The lines of one second.
struct Window {
    began: Instant,
    kept: usize,
    dropped: usize,
}

impl Window {
    fn begin() -> Self {
        Self { began: Instant::now(), kept: 0, dropped: 0 }
    }

    fn take(&mut self, line: String, log: &mut impl FnMut(LogLine)) {
        if self.began.elapsed() >= SECOND {
            self.end(log);
            *self = Self::begin();
        }
        if self.kept < MAX_LINES {
            self.kept += 1;
            log(LogLine::Printed(line));
        } else {
            self.dropped += 1;
        }
    }

    fn end(&self, log: &mut impl FnMut(LogLine)) {
        if self.dropped > 0 {
            log(LogLine::Dropped(self.dropped));
        }
    }
}
