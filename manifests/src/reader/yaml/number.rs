//! Text to numbers, as Python's `int` and `float` read them.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::reader::value::{Integer, MAX_INTEGER_DIGITS, Value};

/// The value of an integer in the notations of YAML 1.1, or `None` when Python raises.
///
/// (`construct_yaml_int`.) More than the pattern for plain scalars lets through, because a tag can send any
/// text here: `!!int +-5` is -5, `!!int 1:-5` is 55, and digits of any script are digits.
pub(super) fn integer(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (negative, text) = split_sign(&text);
    let whole = if text.is_empty() {
        return None;
    } else if let Some(bits) = text.strip_prefix("0b") {
        Signed::parse(bits, 2)?
    } else if let Some(digits) = text.strip_prefix("0x") {
        Signed::parse(digits, 16)?
    } else if text.starts_with('0') && text != "0" {
        Signed::parse(text, 8)?
    } else {
        base_60(text)?
    };
    Some(whole.into_value(negative))
}

/// The value of a float in the notations of YAML 1.1, or `None` when Python raises.
///
/// (`construct_yaml_float`.) `!!float 1e5` is a number although `1e5` alone is text.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.replace('_', "").to_lowercase();
    let (negative, text) = split_sign(&text);
    let magnitude = match text {
        ".inf" => f64::INFINITY,
        ".nan" => return Some(f64::NAN),
        _ if text.contains(':') => base_60_float(text)?,
        _ => python_float(text)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn split_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Decimal parts between colons, each sixty times the next. One part is a plain decimal number.
fn base_60(text: &str) -> Option<Signed> {
    let (mut positive, mut negative) = (Magnitude::default(), Magnitude::default());
    for part in text.split(':') {
        let Signed { negative: is_negative, magnitude } = Signed::parse(part, 10)?;
        positive.multiply_add(60, 0);
        negative.multiply_add(60, 0);
        if is_negative { &mut negative } else { &mut positive }.add(&magnitude);
    }
    Some(Signed::difference(positive, negative))
}

/// As the reference adds it: from the last part, each product and sum rounded to a double.
/// Adding from the first part could be rounded otherwise in the last digit, and that digit is signed.
fn base_60_float(text: &str) -> Option<f64> {
    let parts: Option<Vec<f64>> = text.split(':').map(python_float).collect();
    let mut base = Magnitude::from(1);
    let mut sum = 0.0;
    for part in parts?.into_iter().rev() {
        // Python refuses to turn an integer beyond the doubles into one.
        let factor: f64 = base.to_decimal().parse().ok().filter(|factor: &f64| factor.is_finite())?;
        sum += part * factor;
        base.multiply_add(60, 0);
    }
    Some(sum)
}

/// `float(text)`: blanks around it, one sign, digits or `inf`, `infinity`, `nan`.
fn python_float(text: &str) -> Option<f64> {
    let text = to_ascii_digits(text)?;
    let text = trim(&text);
    let (_, unsigned) = split_sign(text);
    let is_word = matches!(unsigned, "inf" | "infinity" | "nan");
    let is_decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
    // Rust's grammar of decimal numbers is Python's, once other words are kept out.
    if is_word || is_decimal { text.parse().ok() } else { None }
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c| matches!(c, '\t'..='\r' | ' '))
}

/// Decimal digits of any script become ASCII digits, blanks beyond ASCII become spaces.
///
/// Python's `int` and `float` take them by Unicode's property; which code points have it is a table here,
/// because the standard library of Rust follows another version of Unicode.
fn to_ascii_digits(text: &str) -> Option<Cow<'_, str>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text));
    }
    let digit = |c: char| {
        let code = u32::from(c);
        let zero = DIGIT_ZEROS[..DIGIT_ZEROS.partition_point(|zero| *zero <= code)].last()?;
        char::from_digit(code - zero, 10).filter(|_| code - zero < 10)
    };
    let ascii = |c: char| match c {
        c if c.is_ascii() => Some(c),
        c if c.is_whitespace() => Some(' '),
        c => digit(c),
    };
    text.chars().map(ascii).collect::<Option<String>>().map(Cow::Owned)
}

/// A sign and a magnitude.
struct Signed {
    negative: bool,
    magnitude: Magnitude,
}

impl Signed {
    /// `int(text, base)`, for a base of 2, 8, 10 or 16.
    ///
    /// 4,300 digits are Python's own bound for conversions that take quadratic time (CVE-2020-10735). For
    /// bases that are powers of two it has none, since those take no time; it then fails to print what it has
    /// read.
    fn parse(text: &str, base: u32) -> Option<Self> {
        let text = to_ascii_digits(text)?;
        let (negative, digits) = split_sign(trim(&text));
        let prefix = match base {
            2 => ["0b", "0B"],
            8 => ["0o", "0O"],
            16 => ["0x", "0X"],
            _ => ["", ""],
        };
        let digits = prefix.iter().find_map(|prefix| digits.strip_prefix(prefix)).unwrap_or(digits);
        let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
        let is_short_enough = base != 10 || digits.len() <= MAX_INTEGER_DIGITS;
        (is_number && is_short_enough).then(|| Self { negative, magnitude: Magnitude::parse(digits, base) })
    }

    fn difference(mut positive: Magnitude, mut negative: Magnitude) -> Self {
        if positive.compare(&negative) == Ordering::Less {
            negative.subtract(&positive);
            return Self { negative: true, magnitude: negative };
        }
        positive.subtract(&negative);
        Self { negative: false, magnitude: positive }
    }

    fn into_value(self, negate: bool) -> Value {
        let digits = self.magnitude.to_decimal();
        if self.magnitude.overflowed || digits.len() > MAX_INTEGER_DIGITS {
            return Value::Unprintable;
        }
        Value::Integer(Integer::from_decimal(self.negative != negate, &digits))
    }
}

/// A natural number in limbs of nine decimal digits, lowest first, without zero limbs at the end.
///
/// It stops growing a little beyond what Python prints, so that a megabyte of hexadecimal digits costs
/// no more than a few thousand.
///
/// Written by hand, because no more arithmetic is needed than this, and none of it on numbers that grow
/// without end.
#[derive(Default)]
struct Magnitude {
    limbs: Vec<u32>,
    overflowed: bool,
}

const LIMB: u64 = 1_000_000_000;
const MAX_LIMBS: usize = MAX_INTEGER_DIGITS / 9 + 10;

impl From<u32> for Magnitude {
    fn from(value: u32) -> Self {
        let mut magnitude = Self::default();
        magnitude.multiply_add(1, value);
        magnitude
    }
}

impl Magnitude {
    /// The number of some digits, which are digits of that base.
    fn parse(digits: &str, base: u32) -> Self {
        let mut magnitude = Self::default();
        // Seven digits at a time: 16^7 is less than a limb.
        for chunk in digits.trim_start_matches('0').as_bytes().chunks(7) {
            let value =
                chunk.iter().fold(0, |value, digit| value * base + char::from(*digit).to_digit(base).unwrap_or(0));
            magnitude.multiply_add(base.pow(chunk.len() as u32), value);
            if magnitude.overflowed {
                break;
            }
        }
        magnitude
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        if self.overflowed {
            return;
        }
        let mut carry = u64::from(summand);
        for limb in &mut self.limbs {
            let value = u64::from(*limb) * u64::from(factor) + carry;
            *limb = (value % LIMB) as u32;
            carry = value / LIMB;
        }
        self.push(carry);
    }

    fn add(&mut self, other: &Self) {
        self.overflowed |= other.overflowed;
        self.limbs.resize(self.limbs.len().max(other.limbs.len()), 0);
        let mut carry = 0;
        for (place, limb) in self.limbs.iter_mut().enumerate() {
            let value = u64::from(*limb) + u64::from(other.limbs.get(place).copied().unwrap_or(0)) + carry;
            *limb = (value % LIMB) as u32;
            carry = value / LIMB;
        }
        self.push(carry);
    }

    /// Takes away a number that is not larger.
    fn subtract(&mut self, other: &Self) {
        self.overflowed |= other.overflowed;
        let mut borrow = 0;
        for (place, limb) in self.limbs.iter_mut().enumerate() {
            let less = u64::from(other.limbs.get(place).copied().unwrap_or(0)) + borrow;
            let value = LIMB + u64::from(*limb) - less;
            *limb = (value % LIMB) as u32;
            borrow = u64::from(value < LIMB);
        }
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    /// Cuts what has grown beyond printing. Its digits are wrong from there on and are never looked at again:
    /// `overflowed` sticks.
    fn push(&mut self, carry: u64) {
        if carry > 0 {
            self.limbs.push(carry as u32);
        }
        if self.limbs.len() > MAX_LIMBS {
            self.limbs.truncate(MAX_LIMBS);
            self.overflowed = true;
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    fn to_decimal(&self) -> String {
        let mut limbs = self.limbs.iter().rev();
        let mut text = limbs.next().copied().unwrap_or(0).to_string();
        limbs.for_each(|limb| text.push_str(&format!("{limb:09}")));
        text
    }
}

/// The zeros of every run of ten decimal digits beyond ASCII, in Unicode 14, which Python 3.11 has.
const DIGIT_ZEROS: [u32; 65] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20,
    0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0,
    0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0,
    0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0,
    0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match integer(text) {
            Some(Value::Integer(value)) => value.to_string(),
            Some(_) => "unprintable".to_owned(),
            None => "refused".to_owned(),
        }
    }

    #[test]
    fn integers_of_every_base() {
        for (text, value) in [
            ("0", "0"),
            ("-0", "0"),
            ("0_", "0"),
            ("010", "8"),
            ("0b1_1", "3"),
            ("-0xff", "-255"),
            ("1_000", "1000"),
            ("1:30:00", "5400"),
            (" 12 ", "12"),
            ("\u{ff11}\u{ff12}", "12"),
            ("1:-5", "55"),
            ("-1:-100", "40"),
            ("0x", "refused"),
            ("08", "refused"),
            ("", "refused"),
            ("_", "refused"),
            ("0o17", "15"),
            ("+-5", "-5"),
            ("0xffffffffffffffffffffffff", "79228162514264337593543950335"),
        ] {
            assert_eq!(shown(text), value, "{text:?}");
        }
    }

    #[test]
    fn integers_stop_at_4300_digits() {
        assert_eq!(shown(&"9".repeat(4300)), "9".repeat(4300));
        assert_eq!(shown(&"9".repeat(4301)), "refused");
        assert_eq!(shown(&format!("0x{}", "f".repeat(100_000))), "unprintable");
    }

    #[test]
    fn floats_as_python_reads_them() {
        for (text, value) in [
            ("1_0.5", 10.5),
            ("1:30.5", 90.5),
            ("-.inf", f64::NEG_INFINITY),
            ("1e400", f64::INFINITY),
            (" Infinity ", f64::INFINITY),
            ("1.", 1.0),
            (".5", 0.5),
            ("1e5", 1e5),
        ] {
            assert_eq!(float(text), Some(value), "{text}");
        }
        for text in ["", ".", "e5", "x", "0x10", "1e", &vec!["1"; 200].join(":")] {
            assert_eq!(float(text), None, "{text}");
        }
    }
}
