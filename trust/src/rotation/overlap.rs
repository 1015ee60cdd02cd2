//! `Overlap`: how long the old key and the new one count beside each other.

use std::fmt;
use std::str::FromStr;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// Longest overlap: ten years. What is longer is a slip, and the old key would never go.
const MAX_OVERLAP_DAYS: i64 = 3_650;
const HOURS_OF_A_DAY: i64 = 24;
const SECONDS_OF_A_DAY: i64 = HOURS_OF_A_DAY * 3_600;

/// A length of time of at most ten years, in which a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap(SignedDuration);

impl Overlap {
    /// When an overlap that begins then is over.
    pub fn end(self, since: Timestamp) -> Timestamp {
        since.checked_add(self.0).unwrap_or(Timestamp::MAX)
    }
}

/// `30d`, `2w`, `12h`, `1d 12h`. A month is no length of time, and neither is a number alone.
impl FromStr for Overlap {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self> {
        let longest = SignedDuration::from_hours(MAX_OVERLAP_DAYS * HOURS_OF_A_DAY);
        let span: Option<Span> = text.parse().ok();
        let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        match length.filter(|length| (SignedDuration::ZERO..=longest).contains(length)) {
            Some(length) => Ok(Self(length)),
            None => Err(Fault::new(Reason::Usage, format!("`{}` is no overlap", shown(text, 40)))
                .expected(format!("a length of time from 0d to {MAX_OVERLAP_DAYS}d"), shown(text, 40))
                .hint("say it in weeks, days or hours: `--overlap 30d`")),
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() % SECONDS_OF_A_DAY {
            0 => write!(f, "{}d", self.0.as_secs() / SECONDS_OF_A_DAY),
            _ => write!(f, "{:#}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlap_is_a_length_of_time_from_none_to_ten_years() {
        for (text, seconds, shown) in [
            ("30d", 30 * SECONDS_OF_A_DAY, "30d"),
            ("0d", 0, "0d"),
            ("2w", 14 * SECONDS_OF_A_DAY, "14d"),
            ("12h", 43_200, "12h"),
            ("1d 12h", 129_600, "36h"),
            ("90 minutes", 5_400, "1h 30m"),
            ("3650d", 3_650 * SECONDS_OF_A_DAY, "3650d"),
            ("P30D", 30 * SECONDS_OF_A_DAY, "30d"),
        ] {
            let overlap: Overlap = text.parse().expect(text);
            assert_eq!((overlap.0.as_secs(), overlap.to_string().as_str()), (seconds, shown), "{text}");
        }
        for text in
            ["", "30", "d", "-1d", "1d ago", "3651d", "3650d 1s", "1mo", "1y", "soon", "99999999999999d", "1e9d"]
        {
            let fault = text.parse::<Overlap>().expect_err(text);
            assert_eq!(fault.reason(), Reason::Usage, "{text}");
        }
    }

    #[test]
    fn an_overlap_that_goes_beyond_all_time_never_ends_early() {
        let overlap: Overlap = "3650d".parse().expect("ten years");
        assert_eq!(overlap.end(Timestamp::MAX), Timestamp::MAX);
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        assert_eq!("1d".parse::<Overlap>().expect("a day").end(since).to_string(), "2026-01-02T00:00:00Z");
    }
}
