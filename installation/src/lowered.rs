//! Lowerings of coverage floors that an earlier version has written down: `<plugins-dir>/.aisoc/lowered`, one JSON
//! object a line. The site's journal takes them over, each once, when it is next written to; the file stays beside it under
//! another name.

use std::collections::HashMap;
use std::io::ErrorKind;

use aisoc_files::{SmallFileError, open_file_in, read_open};
use aisoc_manifests::digest::ArtifactDigest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_signing::Coverage;
use aisoc_trust::journal::{Action, Entry, Journal, JournalPlace, JournalTime, Writer};
use jiff::Timestamp;
use rustix::io::Errno;
use serde::Deserialize;

use crate::layout::LOWERED;
use crate::plugins::Place;
use crate::sealed::is_link;
use crate::secure::require_secure;

/// What a floor that could not be read is lowered from.
pub(crate) const UNKNOWN: &str = "unknown";
/// Most that is taken over: thousands of lowerings.
const MAX_BYTES: u64 = 16 << 20;
/// Most files of lowerings that stay.
const MAX_TAKEN_OVER: u32 = 1_000;
/// Longest part of a line that cannot be read which is taken over.
const MAX_SHOWN: usize = 200;

/// What a lowering says in the reason of its line.
pub(crate) fn reason(from: Option<Coverage>, to: Coverage, why: &str) -> String {
    format!("from {} to {to}: {why}", from.map_or(UNKNOWN, Coverage::as_str))
}

/// One line of the file.
#[derive(Debug, Deserialize)]
struct LoweredLine {
    id: String,
    from: String,
    to: String,
    reason: String,
    digest: ArtifactDigest,
    at: Timestamp,
    by: String,
}

/// Takes over what is there, under the lock. A process that is killed meanwhile has taken over some of it: those
/// lines are known by what they say, and stand there once.
///
/// # Errors
/// `directory_insecure` for a file that others could have written, `record_invalid` for one that is larger than any,
/// those of the journal, and I/O reasons.
pub(crate) fn take_over(own: &Place, place: &JournalPlace, journal: &mut Journal<'_>, by: &Writer) -> Result<()> {
    let Some(text) = read(own)? else { return Ok(()) };
    let mut known = lowerings_in(place)?;
    for entry in entries(&text) {
        match known.get_mut(&entry.to_string()) {
            Some(count) if *count > 0 => *count -= 1,
            _ => journal.append(&entry, by)?,
        }
    }
    put_aside(own)
}

fn read(own: &Place) -> Result<Option<Vec<u8>>> {
    let path = own.path.join(LOWERED);
    let no_file = || Fault::new(Reason::DirectoryInsecure, format!("`{}` is no regular file", path.display()));
    let failed = |error| match error {
        SmallFileError::NotAFile => no_file(),
        SmallFileError::Io(error) if is_link(&error) => no_file(),
        SmallFileError::Io(error) => Fault::io("read", &path, error),
        error => Fault::new(Reason::RecordInvalid, format!("`{}` is no file of ours", path.display())).caused_by(error),
    };
    let file = match open_file_in(&own.directory, LOWERED) {
        Err(error) if error.is_absent() => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    // Nobody but us may have written it.
    require_secure(&file, &path)?;
    Ok(Some(read_open(file, MAX_BYTES).map_err(failed)?.content))
}

/// The lines of a journal that say that a floor was lowered, and how often each stands there.
fn lowerings_in(place: &JournalPlace) -> Result<HashMap<String, usize>> {
    let mut lowerings = HashMap::new();
    place.read(|seen| {
        if let Some(entry) = seen.entry().ok().filter(|entry| entry.action == Action::FloorLower) {
            *lowerings.entry(entry.to_string()).or_default() += 1;
        }
        Ok(())
    })?;
    Ok(lowerings)
}

/// What the lines say. One that a power cut has shortened is taken over as it is, with the time of the one before.
fn entries(text: &[u8]) -> Vec<Entry> {
    let mut last = Timestamp::UNIX_EPOCH;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| match serde_json::from_slice::<LoweredLine>(line) {
            Ok(line) => {
                last = line.at;
                entry_of(line)
            }
            Err(_) => {
                let what = shown(&String::from_utf8_lossy(line), MAX_SHOWN);
                lowering(last, None, None, format!("a line of `{LOWERED}` that cannot be read: {what}"))
            }
        })
        .collect()
}

fn entry_of(line: LoweredLine) -> Entry {
    let LoweredLine { id, from, to, reason, digest, at, by } = line;
    lowering(at, Some(id), Some(digest.to_string()), format!("from {from} to {to}: {reason} (by {by})"))
}

fn lowering(at: Timestamp, id: Option<String>, hash: Option<String>, reason: String) -> Entry {
    let (at, action, version, reason) = (JournalTime::utc(at), Action::FloorLower, None, Some(reason));
    Entry { at, action, id, version, hash, reason }
}

/// Gives the file a name under which it is not taken over again, and that no other one has.
fn put_aside(own: &Place) -> Result<()> {
    for number in 1..=MAX_TAKEN_OVER {
        match own.give(LOWERED, &own.directory, &format!("{LOWERED}.{number}")) {
            Err(Errno::EXIST) => {}
            Err(error) => return Err(Fault::io("rename", &own.path.join(LOWERED), error.into())),
            Ok(()) => return own.sync_parent_of(LOWERED),
        }
    }
    Err(Fault::io("rename", &own.path.join(LOWERED), ErrorKind::AlreadyExists.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_has_written_is_read_and_a_shortened_line_is_not_lost() {
        let line = format!(
            r#"{{"schema_version":1,"id":"demo","from":"full","to":"code","reason":"a\tticket","digest":"sha256:{}","at":"2026-05-24T14:32:00Z","by":"uid 7"}}"#,
            "0".repeat(64)
        );
        let text = format!("{{\"schema\n{line}\n\n{}", &line[..40]);
        let shown: Vec<String> = entries(text.as_bytes()).iter().map(ToString::to_string).collect();
        let hash = format!("sha256:{}", "0".repeat(64));
        assert_eq!(shown.len(), 3);
        assert!(shown[0].starts_with("1970-01-01T00:00:00.000000+00:00\tfloor-lower\t-\t-\t-\ta line of"), "{shown:?}");
        assert_eq!(
            shown[1],
            format!(
                "2026-05-24T14:32:00.000000+00:00\tfloor-lower\tdemo\t-\t{hash}\tfrom full to code: a\\tticket (by uid 7)"
            )
        );
        assert!(shown[2].starts_with("2026-05-24T14:32:00.000000+00:00\tfloor-lower\t-\t-\t-\t"), "{shown:?}");
    }
}
