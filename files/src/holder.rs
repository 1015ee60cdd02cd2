//! Who holds a lock: a line in its file, for whoever waits for it.
#![expect(clippy::disallowed_methods, reason = "since when a lock is held is a note for people, and decides nothing")]

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use crate::small::{Links, read_small, read_stream};

/// Longest note of a holder that is read back.
const MAX_HOLDER_BYTES: u64 = 512;
/// Larger than what the system says about a process.
const MAX_STAT_BYTES: u64 = 4096;

/// A line for people, and one by which a process is told from a later one of the same number.
pub(crate) fn write_holder(mut file: &File, command: &str) -> std::io::Result<()> {
    let system = rustix::system::uname();
    let process = std::process::id();
    let note = format!(
        "process {process}, {command}, host {}, since {:.0}\n{}\n",
        system.nodename().to_string_lossy(),
        jiff::Timestamp::now(),
        start_of(process).unwrap_or_default(),
    );
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(note.as_bytes())
}

/// The line that the holder wrote, as it stands there: of a process that is gone, or that another host or container
/// counts, there is nothing to say.
pub(crate) fn holder(mut file: &File) -> Option<String> {
    file.rewind().ok()?;
    let note = String::from_utf8(read_stream(file, MAX_HOLDER_BYTES).ok()?).ok()?;
    named(&note).map(str::to_owned)
}

fn named(note: &str) -> Option<&str> {
    let (line, rest) = note.split_once('\n')?;
    let process = line.strip_prefix("process ")?.split_once(',')?.0.parse().ok()?;
    (start_of(process)? == rest.strip_suffix('\n')?).then_some(line)
}

/// When a process was started, in ticks since the boot: the 22nd field of what the system says about it.
/// The second is its name in brackets, which may hold anything.
fn start_of(process: u32) -> Option<String> {
    let path = format!("/proc/{process}/stat");
    let text = read_small(Path::new(&path), MAX_STAT_BYTES, Links::Refused).ok()?.content;
    let text = String::from_utf8_lossy(&text).into_owned();
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_is_there_and_the_same_is_named() {
        let process = std::process::id();
        let start = start_of(process).expect("this process");
        let note = |process: u32, start: &str| format!("process {process}, aisoc, host x, since y\n{start}\n");
        let line = format!("process {process}, aisoc, host x, since y");
        assert_eq!(named(&note(process, &start)), Some(line.as_str()));
        // The largest number that a process can have is 2^22.
        for other in [note(process, "1"), note(1 << 23, &start), note(process, ""), line, String::new()] {
            assert_eq!(named(&other), None, "{other}");
        }
    }
}
