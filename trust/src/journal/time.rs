//! `JournalTime`: when something was done, with the offset of the clock that said so.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The characters of `2026-05-24T14:32:00`.
const SHAPE: &[u8; 19] = b"dddd-dd-ddTdd:dd:dd";
const MINUTE: i32 = 60;
const MAX_OFFSET_HOURS: i32 = 23;

/// A point in time as a line has it: `2026-05-24T14:32:00.123456+02:00`.
///
/// Lines that aisoc writes have the offset `+00:00`. A line that was written by hand, or by another program, may have
/// any offset, and none at all, which is read as UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalTime {
    instant: Timestamp,
    offset: Option<Offset>,
}

impl JournalTime {
    /// That time, in UTC.
    pub fn utc(instant: Timestamp) -> Self {
        Self::new(instant, Some(Offset::UTC))
    }

    /// To the microsecond, as a line has it: what was written is equal to what is read.
    fn new(instant: Timestamp, offset: Option<Offset>) -> Self {
        let instant = Timestamp::from_microsecond(instant.as_microsecond()).unwrap_or(instant);
        Self { instant, offset }
    }

    /// The point in time.
    pub fn instant(self) -> Timestamp {
        self.instant
    }

    /// The time as RFC 3339 has it, which knows none without an offset.
    pub fn rfc3339(self) -> String {
        Self { offset: self.offset.or(Some(Offset::UTC)), ..self }.to_string()
    }

    /// What a text says: RFC 3339 with or without a fraction and an offset, as `date -Iseconds` and Python's
    /// `isoformat` write it.
    pub fn read(text: &str) -> Option<Self> {
        let (civil, rest) = text.split_at_checked(SHAPE.len())?;
        let has_shape = civil.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            literal => byte == *literal,
        });
        let fraction_end = rest.find(['+', '-', 'Z']).unwrap_or(rest.len());
        let (fraction, offset) = rest.split_at(fraction_end);
        if !has_shape || !is_fraction(fraction) {
            return None;
        }
        let offset = if offset.is_empty() { None } else { Some(read_offset(offset)?) };
        let civil: DateTime = format!("{civil}{}", fraction.replace(',', ".")).parse().ok()?;
        // A leap second is read as the second before, which would make one column of two spellings.
        let is_leap = text.get(17..19) == Some("60");
        let instant = offset.unwrap_or(Offset::UTC).to_timestamp(civil).ok().filter(|_| !is_leap)?;
        Some(Self::new(instant, offset))
    }
}

fn is_fraction(text: &str) -> bool {
    let digits = text.strip_prefix(['.', ',']);
    text.is_empty() || digits.is_some_and(|digits| (1..=9).contains(&digits.len()) && is_digits(digits))
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `Z`, or a sign, hours and minutes.
fn read_offset(text: &str) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 || !is_digits(hours) || !is_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_possible = hours <= MAX_OFFSET_HOURS && minutes < MINUTE;
    Offset::from_seconds(sign * (hours * MINUTE + minutes) * MINUTE).ok().filter(|_| is_possible)
}

impl fmt::Display for JournalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.offset.unwrap_or(Offset::UTC).to_datetime(self.instant);
        write!(f, "{}", civil.strftime("%Y-%m-%dT%H:%M:%S.%6f"))?;
        let Some(offset) = self.offset else { return Ok(()) };
        let minutes = offset.seconds() / MINUTE;
        let sign = if minutes < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", minutes.abs() / MINUTE, minutes.abs() % MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_date_and_python_write_is_read() {
        for (text, written, instant) in [
            ("2026-05-24T14:32:00.123456+02:00", "2026-05-24T14:32:00.123456+02:00", "2026-05-24T12:32:00.123456Z"),
            ("2026-05-24T14:32:00+02:00", "2026-05-24T14:32:00.000000+02:00", "2026-05-24T12:32:00Z"),
            ("2026-05-24T14:32:00-09:30", "2026-05-24T14:32:00.000000-09:30", "2026-05-25T00:02:00Z"),
            ("2026-05-24T14:32:00,123456789+02:00", "2026-05-24T14:32:00.123456+02:00", "2026-05-24T12:32:00.123456Z"),
            ("2026-05-24T14:32:00Z", "2026-05-24T14:32:00.000000+00:00", "2026-05-24T14:32:00Z"),
            ("2026-05-24T14:32:00.5", "2026-05-24T14:32:00.500000", "2026-05-24T14:32:00.5Z"),
            ("2026-05-24T14:32:00", "2026-05-24T14:32:00.000000", "2026-05-24T14:32:00Z"),
        ] {
            let time = JournalTime::read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((time.to_string(), time.instant().to_string()), (written.to_owned(), instant.to_owned()));
            assert!(time.rfc3339().starts_with(written) && time.rfc3339().len() == 32, "{}", time.rfc3339());
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "-",
            "2026-05-24",
            "2026-05-24 14:32:00Z",
            "2026-05-24t14:32:00Z",
            "2026-05-24T14:32Z",
            "2026-05-24T14:32:00z",
            "2026-05-24T14:32:00.Z",
            "2026-05-24T14:32:00.1234567890Z",
            "2026-05-24T14:32:00+0200",
            "2026-05-24T14:32:00+02",
            "2026-05-24T14:32:00+24:00",
            "2026-05-24T14:32:00+02:60",
            "2026-05-24T14:32:00+2:000",
            "2026-05-24T14:32:00Z ",
            "2026-05-24T14:32:00Z[Europe/Paris]",
            "2026-02-30T14:32:00Z",
            "2026-05-24T24:32:00Z",
            "2026-06-30T23:59:60Z",
            "+2026-05-24T14:32:00",
            "２026-05-24T14:32:00Z",
            "1779633120",
            "Sun May 24 14:32:00 CEST 2026",
        ] {
            assert_eq!(JournalTime::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_no_finer_than_its_line() {
        let fine: Timestamp = "2026-05-24T14:32:00.123456789Z".parse().expect("a time");
        let time = JournalTime::utc(fine);
        assert_eq!(JournalTime::read(&time.to_string()), Some(time));
    }

    proptest! {
        #[test]
        fn every_time_is_read_back_to_the_microsecond(seconds in -2_000_000_000_i64..=4_000_000_000, micros in 0..1_000_000_i64) {
            let time = JournalTime::utc(Timestamp::new(seconds, 0).expect("in range") + jiff::SignedDuration::from_micros(micros));
            prop_assert_eq!(JournalTime::read(&time.to_string()), Some(time));
        }
    }
}
