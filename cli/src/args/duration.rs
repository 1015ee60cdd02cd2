//! Lengths of time as people type them: `30d`, `4w`, `36h`.

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use jiff::SignedDuration;

/// Longest that is taken: ten thousand days are as far ahead as anybody plans.
const MAX_HOURS: i64 = 240_000;

/// A number and what it counts: hours, days or weeks. A day has 24 hours, whatever clocks do.
///
/// # Errors
/// `usage`.
pub(crate) fn duration(text: &str) -> Result<SignedDuration> {
    let hours = |unit: char| match unit {
        'h' => Some(1),
        'd' => Some(24),
        'w' => Some(24 * 7),
        _ => None,
    };
    let unit = text.chars().last().and_then(hours);
    let number =
        text.get(..text.len().saturating_sub(1)).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse::<i64>().ok());
    let length = number.zip(unit).and_then(|(number, hours)| number.checked_mul(hours));
    length.filter(|hours| *hours <= MAX_HOURS).map(SignedDuration::from_hours).ok_or_else(|| {
        Fault::new(Reason::Usage, format!("`{}` is no length of time", shown(text, 40)))
            .expected("a number and `h`, `d` or `w`, at most 10000d", format!("`{}`", shown(text, 40)))
            .hint("write for example 30d, 4w or 36h")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        for (text, hours) in [("30d", 720), ("4w", 672), ("36h", 36), ("0d", 0), ("10000d", 240_000), ("007d", 168)] {
            assert_eq!(duration(text).expect(text), SignedDuration::from_hours(hours), "{text}");
        }
        for text in ["", "d", "30", "-1d", "1.5d", "30 d", "30D", "1y", "10001d", "99999999999999999999d", "3é", "é"]
        {
            assert_eq!(duration(text).expect_err(text).reason(), Reason::Usage, "{text}");
        }
    }
}
