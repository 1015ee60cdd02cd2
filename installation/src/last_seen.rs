//! `last-seen`: the latest time that a command which held the site's lock has seen.
//!
//! Keys end by the clock. Whoever sets it back makes a key count again that has expired, or one whose revocation was
//! to come; so keys are judged by the later of the two times, the clock's and this one. It is written under the lock
//! alone, by commands that change the site, and only ever grows, but for [`Transaction::reset_clock`], which says why.
//!
//! A clock that runs ahead is no way in: it makes keys expire that have not. But what it says must not stay: one look
//! at a clock that stands in 2099 would end every key for ever. So a step of more than [`MAX_STEP`] is judged by and
//! not written down, until somebody who has looked at the clock says that it is right.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;
use aisoc_manifests::text::shown;
use aisoc_trust::journal::{Action, Entry, JournalTime, Writer};
use jiff::{SignedDuration, Timestamp};

use crate::change::Transaction;
use crate::layout::{LAST_SEEN, Layout};
use crate::sealed;

/// The least that it grows by: a command more or less in a minute makes no difference to any key, and a write to the disk less.
const MIN_STEP: SignedDuration = SignedDuration::from_mins(1);
/// The most that it grows by at once: a site that nobody has changed for longer is rarer than a clock that is wrong.
pub const MAX_STEP: SignedDuration = SignedDuration::from_hours(366 * 24);
const HOW_TO_MEND: &str =
    "find out who has changed it; `aisoc plugins clock --reset --reason \"TEXT\"` begins a new one";

/// How a clock stands beside what was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Nothing was seen before.
    Unknown,
    /// It goes on.
    GoesOn,
    /// It is more than a minute behind.
    Behind,
    /// It is so far ahead that it is not written down.
    FarAhead,
}

impl ClockState {
    /// The state of a clock that says `at`, on a site where `seen` was seen last.
    pub fn of(at: Timestamp, seen: Option<Timestamp>) -> Self {
        match seen.map(|seen| at.duration_since(seen)) {
            None => Self::Unknown,
            Some(step) if step < -MIN_STEP => Self::Behind,
            Some(step) if step > MAX_STEP => Self::FarAhead,
            Some(_) => Self::GoesOn,
        }
    }

    /// The state in one word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::GoesOn => "goes_on",
            Self::Behind => "behind",
            Self::FarAhead => "far_ahead",
        }
    }
}

/// What was seen last; nothing where nothing is written down.
///
/// # Errors
/// `record_invalid` for a file that does not hold one time, `directory_insecure` for one that others can write, and
/// I/O reasons: what cannot be read is not nothing, or taking it away would be a way to set the clock back.
pub(crate) fn read(layout: &Layout) -> Result<Option<Timestamp>> {
    let path = layout.ours(LAST_SEEN);
    let Some(content) = sealed::read(&path).map_err(|fault| fault.hint(HOW_TO_MEND))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&content);
    let time: Option<Timestamp> = text.strip_suffix('\n').and_then(|line| line.parse().ok());
    match time.filter(|time| line(*time) == *text) {
        Some(time) => Ok(Some(time)),
        None => Err(Fault::new(Reason::RecordInvalid, format!("`{}` holds no time", path.display()))
            .expected("one line such as 2026-01-31T12:00:00Z", shown(text.trim_end(), 40))
            .hint(HOW_TO_MEND)),
    }
}

/// To the second: it is about keys that end, and people read it.
fn line(time: Timestamp) -> String {
    format!("{time:.0}\n")
}

/// Whether a command that has seen `at` writes it down.
fn grows(at: Timestamp, seen: Option<Timestamp>) -> bool {
    match seen {
        // The epoch is the time of a caller that has none.
        None => at > Timestamp::UNIX_EPOCH,
        Some(seen) => {
            let step = at.duration_since(seen);
            step >= MIN_STEP && step <= MAX_STEP
        }
    }
}

impl Transaction {
    /// Writes down that this time was seen, if it is later than what was seen before.
    pub(crate) fn see(&self) -> Result<()> {
        match grows(self.plugins.at, read(&self.plugins.layout)?) {
            true => self.write_last_seen(),
            false => Ok(()),
        }
    }

    fn write_last_seen(&self) -> Result<()> {
        self.staging.write(LAST_SEEN, line(self.plugins.at).as_bytes())?;
        self.staging.sync()?;
        self.plugins.own.take(self.staging.held(), LAST_SEEN, LAST_SEEN)
    }
}

impl Transaction {
    /// Makes this time the one that was seen last, whatever is written down, and leaves a line in the site's journal
    /// before that is done.
    pub(crate) fn reset_clock(&self, reason: &StatedReason, writer: &Writer) -> Result<()> {
        let before = match read(&self.plugins.layout) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(seen)) => format!("{seen:.0}"),
            Err(_) => "what could not be read".to_owned(),
        };
        self.note_reset(&before, reason, writer)?;
        self.write_last_seen()
    }

    fn note_reset(&self, before: &str, reason: &StatedReason, writer: &Writer) -> Result<()> {
        let entry = Entry {
            at: JournalTime::utc(self.plugins.at),
            action: Action::ClockReset,
            id: None,
            version: None,
            hash: None,
            reason: Some(format!("{reason} (last seen was {before})")),
        };
        self.plugins.write_down(&[entry], writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn it_grows_by_minutes_and_by_no_more_than_a_year() {
        let seen = time("2026-01-31T12:00:00Z");
        for (at, state, is_written) in [
            ("1970-01-01T00:00:00Z", ClockState::Behind, false),
            ("2025-01-31T12:00:00Z", ClockState::Behind, false),
            ("2026-01-31T11:58:59Z", ClockState::Behind, false),
            ("2026-01-31T11:59:00Z", ClockState::GoesOn, false),
            ("2026-01-31T12:00:00Z", ClockState::GoesOn, false),
            ("2026-01-31T12:00:59Z", ClockState::GoesOn, false),
            ("2026-01-31T12:01:00Z", ClockState::GoesOn, true),
            ("2027-02-01T12:00:00Z", ClockState::GoesOn, true),
            ("2027-02-01T12:00:01Z", ClockState::FarAhead, false),
            ("2099-01-01T00:00:00Z", ClockState::FarAhead, false),
        ] {
            assert_eq!(
                (ClockState::of(time(at), Some(seen)), grows(time(at), Some(seen))),
                (state, is_written),
                "{at}"
            );
        }
        assert_eq!(ClockState::of(seen, None), ClockState::Unknown);
        assert!(grows(seen, None) && !grows(Timestamp::UNIX_EPOCH, None));
    }

    #[test]
    fn one_spelling_is_read_and_nothing_else_is_a_time() {
        let site = tempfile::tempdir().expect("a directory");
        let layout = Layout::of(site.path());
        assert_eq!(read(&layout).expect("nothing"), None);
        std::fs::create_dir(layout.own()).expect("made");
        let path = layout.ours(LAST_SEEN);
        for good in ["2026-01-31T12:00:00Z", "1970-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
            std::fs::write(&path, format!("{good}\n")).expect("written");
            assert_eq!(read(&layout).expect(good), Some(time(good)));
        }
        for bad in [
            "",
            "\n",
            "2026-01-31T12:00:00Z",
            "2026-01-31\n",
            "2026-01-31T12:00:00+00:00\n",
            "2026-01-31T12:00:00.5Z\n",
            "2026-01-31T12:00:00Z\n\n",
            " 2026-01-31T12:00:00Z\n",
            "2026-13-31T12:00:00Z\n",
            "now\n",
            "\0\n",
        ] {
            std::fs::write(&path, bad).expect("written");
            let fault = read(&layout).expect_err(bad);
            assert_eq!(fault.reason(), Reason::RecordInvalid, "{bad:?}");
            assert!(fault.next_step().contains("aisoc plugins clock --reset"), "{fault:?}");
        }
    }
}
