//! Lowering a coverage floor: an operator's reason, and the line that stays of it.
//!
//! `<plugins-dir>/.aisoc/lowered` is only ever appended to, one JSON object a line, so that whatever
//! keeps a journal later can take the lines over as they are.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::str::FromStr;

use aisoc_manifests::digest::Digest;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::id::PluginId;
use aisoc_signing::Coverage;
use rustix::fs::{Mode, OFlags};
use serde::Serialize;

use crate::access::require_secure;
use crate::plugins::Place;

pub(crate) const LOWERED: &str = "lowered";
/// What a floor that could not be read is lowered from.
pub(crate) const UNKNOWN: &str = "unknown";
const SCHEMA_VERSION: u32 = 1;
/// Longest reason: a sentence or two, not a document.
const MAX_REASON_BYTES: usize = 1024;
/// Letters that show nothing: fillers of Hangul syllables.
const BLANK_LETTERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Why somebody accepts that less of a plugin is signed than before: one line that people can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweringReason(String);

impl FromStr for LoweringReason {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let refuse = |what: &str| {
            Err(Fault::new(Reason::Usage, format!("the reason {what}"))
                .hint("say in one line why this plugin may be signed less widely: `--reason \"TEXT\"`"))
        };
        let is_seen = |c: char| c.is_alphanumeric() && !BLANK_LETTERS.contains(&c);
        if !text.contains(is_seen) {
            return refuse("is blank");
        }
        if text.len() > MAX_REASON_BYTES {
            return refuse(&format!("is longer than {MAX_REASON_BYTES} bytes"));
        }
        // Escaping changes what does not print: control, invisible and text-direction characters, ends of lines.
        let unquoted = text.replace(['"', '\'', '\\'], "");
        if unquoted.contains(BLANK_LETTERS) || !unquoted.escape_debug().eq(unquoted.chars()) {
            return refuse("holds a tab, a line break, or a character that does not print");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for LoweringReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One line of the file.
#[derive(Debug, Serialize)]
pub(crate) struct LoweredLine<'a> {
    schema_version: u32,
    id: &'a PluginId,
    from: &'static str,
    to: &'static str,
    reason: &'a str,
    /// The artifact that is accepted.
    digest: Digest,
    at: String,
    /// The user, by number: a name is for whoever can write the environment to choose.
    by: String,
}

impl<'a> LoweredLine<'a> {
    pub(crate) fn new(
        id: &'a PluginId,
        from: Option<Coverage>,
        to: Coverage,
        reason: &'a LoweringReason,
        digest: Digest,
    ) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            id,
            from: from.map_or(UNKNOWN, Coverage::as_str),
            to: to.as_str(),
            reason: &reason.0,
            digest,
            at: format!("{:.0}", jiff::Timestamp::now()),
            by: format!("uid {}", rustix::process::getuid().as_raw()),
        }
    }

    /// Appends the line and syncs it.
    ///
    /// # Errors
    /// `directory_insecure` for a file that others could have written, and I/O reasons.
    pub(crate) fn append(&self, own: &Place) -> Result<()> {
        let path = own.path.join(LOWERED);
        let failed = |error: std::io::Error| Fault::io("write", &path, error);
        let mut line = serde_json::to_vec(self)
            .map_err(|error| Fault::new(Reason::Internal, "a line cannot be written as JSON").caused_by(error))?;
        line.push(b'\n');
        let mut file = open(own, &path)?;
        if is_cut(&mut file).map_err(failed)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line).and_then(|()| file.sync_all()).map_err(failed)?;
        own.sync_parent_of(LOWERED)
    }
}

/// The file, which nobody but us may have written.
fn open(own: &Place, shown: &Path) -> Result<File> {
    let failed = |error: std::io::Error| Fault::io("write", shown, error);
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::openat(&own.directory, LOWERED, flags, Mode::from_raw_mode(0o644));
    let file = File::from(opened.map_err(|error| failed(error.into()))?);
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(Fault::new(Reason::DirectoryInsecure, format!("`{}` is no regular file", shown.display())));
    }
    require_secure(&file, shown)?;
    Ok(file)
}

/// Whether the last line has no end, because a power cut took it.
fn is_cut(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_people_can_read() {
        for good in ["ticket 12", "Müller: \"code\" only, vendor's build \\ 2", " trimmed ", "理由", &"x".repeat(1024)]
        {
            assert_eq!(good.parse::<LoweringReason>().expect(good).to_string(), good.trim());
        }
        let bad = ["", " ", "\u{200b}", "\u{3164}", "\u{2800}", "--", "a\tb", "a\nb", "a\rb", "a\u{85}b", "a\u{9b}b"];
        for bad in bad.into_iter().chain(["a\u{202e}b", "a\u{2028}b", "a\u{ad}b", "a\u{7f}b", "a\0b", "a\u{3164}b"]) {
            assert_eq!(bad.parse::<LoweringReason>().expect_err(bad).reason(), Reason::Usage);
        }
        assert!("x".repeat(1025).parse::<LoweringReason>().is_err());
    }
}
