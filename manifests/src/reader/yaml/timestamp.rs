//! Dates: what looks like one, and whether the calendar has it.

/// The fields of a timestamp, as text.
///
/// No date is ever computed: a date has no canonical form and cannot be signed. What counts is whether Python
/// would make one or raise, because a manifest that raises is unreadable, and one with a date can still be
/// read.
#[derive(Default)]
struct Fields<'a> {
    year: &'a [u8],
    month: &'a [u8],
    day: &'a [u8],
    time: Option<Time<'a>>,
}

struct Time<'a> {
    hour: &'a [u8],
    minute: &'a [u8],
    second: &'a [u8],
    /// Hours and minutes of an offset other than `Z`.
    offset: Option<(&'a [u8], &'a [u8])>,
}

/// Whether a plain scalar is taken for a timestamp: a date without time needs two-digit fields.
pub(super) fn is_implicit(text: &[u8]) -> bool {
    parse(text).is_some_and(|fields| fields.time.is_some() || text.len() == 10)
}

/// Whether the text is a date that exists, from year 1 to 9999. A leap second does not.
pub(super) fn is_valid(text: &[u8]) -> bool {
    let Some(fields) = parse(text) else { return false };
    let (year, month, day) = (number(fields.year), number(fields.month), number(fields.day));
    let date_exists = year > 0 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    let time_exists = fields.time.is_none_or(|time| {
        let offset = time.offset.map_or(0, |(hours, minutes)| number(hours) * 60 + number(minutes));
        number(time.hour) < 24 && number(time.minute) < 60 && number(time.second) < 60 && offset < 24 * 60
    });
    date_exists && time_exists
}

/// The pattern of the constructor, which takes months and days of one digit without a time, too.
fn parse(text: &[u8]) -> Option<Fields<'_>> {
    let (year, rest) = digits(text, 4, 4)?;
    let (month, rest) = digits(rest.strip_prefix(b"-")?, 1, 2)?;
    let (day, rest) = digits(rest.strip_prefix(b"-")?, 1, 2)?;
    let time = if rest.is_empty() { None } else { Some(parse_time(rest)?) };
    Some(Fields { year, month, day, time })
}

/// `T` or blanks, hours of one digit or two, minutes and seconds of two, a fraction of any length, a zone.
/// Behind a zone nothing may follow, and blanks before it only if it is there.
fn parse_time(text: &[u8]) -> Option<Time<'_>> {
    let clock = match text {
        [b'T' | b't', rest @ ..] => rest,
        [b' ' | b'\t', ..] => skip_blanks(text),
        _ => return None,
    };
    let (hour, rest) = digits(clock, 1, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(b":")?, 2, 2)?;
    let (second, rest) = digits(rest.strip_prefix(b":")?, 2, 2)?;
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => digits(fraction, 0, usize::MAX)?.1,
        None => rest,
    };
    let zone = skip_blanks(rest);
    let offset = match zone {
        [] if rest.is_empty() => None,
        b"Z" => None,
        [b'+' | b'-', zone @ ..] => {
            let (hours, rest) = digits(zone, 1, 2)?;
            let minutes = match rest.strip_prefix(b":") {
                Some(minutes) => minutes,
                None if rest.is_empty() => rest,
                None => return None,
            };
            if !(minutes.is_empty() && rest.is_empty()) && digits(minutes, 2, 2)?.1 != b"" {
                return None;
            }
            Some((hours, minutes))
        }
        _ => return None,
    };
    Some(Time { hour, minute, second, offset })
}

/// The run of at least `least` and at most `most` digits that begins the text.
fn digits(text: &[u8], least: usize, most: usize) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    (length >= least).then(|| text.split_at(length))
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
}

/// `datetime` has the Gregorian calendar for all years, back to the first.
fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
