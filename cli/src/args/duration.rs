//! Lengths of time as people type them: `30d`, `4w`, `36h`.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Longest that is taken: a hundred years, as the longest that a key is given. What is longer is a slip, and what waits for its end would wait for ever.
const MAX_DURATION_DAYS: i64 = 36_500;
const LONGEST: SignedDuration = SignedDuration::from_hours(MAX_DURATION_DAYS * 24);

/// A length of time, not below zero: `30d`, `2w`, `1d 12h`, `P30D`. A day has 24 hours, whatever clocks do. A month is no
/// length, and neither is a number alone.
///
/// # Errors
/// `usage`.
pub(crate) fn duration(text: &str) -> Result<SignedDuration> {
    let span: Option<Span> = text.parse().ok();
    let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    length.filter(|length| (SignedDuration::ZERO..=LONGEST).contains(length)).ok_or_else(|| {
        Fault::new(Reason::Usage, format!("`{}` is no length of time", shown(text, 40)))
            .expected(format!("weeks, days or hours, at most {MAX_DURATION_DAYS}d"), format!("`{}`", shown(text, 40)))
            .hint("write for example 30d, 4w or 36h")
    })
}

/// As [`duration`], for what has to take time.
///
/// # Errors
/// `usage`.
pub(crate) fn some_duration(text: &str) -> Result<SignedDuration> {
    duration(text).and_then(|length| match length.is_positive() {
        true => Ok(length),
        false => Err(Fault::new(Reason::Usage, "that length of time is none")
            .expected("more than nothing", format!("`{}`", shown(text, 40)))
            .hint("write for example 30d, 4w or 36h")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_some_time_and_at_most_a_hundred_years() {
        const HOUR: i64 = 3_600;
        for (text, seconds) in [
            ("30d", 720 * HOUR),
            ("4w", 672 * HOUR),
            ("36h", 36 * HOUR),
            ("1d 12h", 36 * HOUR),
            ("90 minutes", 5_400),
            ("P30D", 720 * HOUR),
            ("36500d", 36_500 * 24 * HOUR),
        ] {
            for parsed in [duration(text), some_duration(text)] {
                assert_eq!(parsed.expect(text).as_secs(), seconds, "{text}");
            }
        }
        let no_length = [
            "",
            "d",
            "30",
            "-1d",
            "1d ago",
            "36501d",
            "36500d 1s",
            "1mo",
            "1y",
            "soon",
            "99999999999999999999d",
            "1e9d",
            "3é",
        ];
        for text in no_length {
            for parsed in [duration(text), some_duration(text)] {
                assert_eq!(parsed.expect_err(text).reason(), Reason::Usage, "{text}");
            }
        }
        assert!(duration("0d").expect("none").is_zero());
        assert_eq!(some_duration("0d").expect_err("none").reason(), Reason::Usage);
    }
}
