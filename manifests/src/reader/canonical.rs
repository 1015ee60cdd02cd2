//! Canonical JSON: the bytes under the signature.
//!
//! They are what Python's `json.dumps(value, sort_keys=True, separators=(",", ":"))` writes, which is
//! neither RFC 8785 nor any Rust crate's output: other float texts, other escapes, and members that are
//! sorted before their keys become text.

use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::reader::error::{Defect, ReadError};
use crate::reader::value::{Integer, Node, NodeId, Text, Value};
use crate::text::shown;

/// No manifest is signed whose canonical form is longer: nested aliases could fill the memory.
pub const MAX_CANONICAL_BYTES: usize = 16 << 20;
/// Deeper values would exhaust the reference's stack.
const MAX_DEPTH: usize = 400;

type Written = Result<(), ReadError>;

/// The canonical JSON of a node.
///
/// # Errors
/// [`Defect::NotCanonical`], naming the value that has no canonical form, such as a date.
pub fn canonical(node: Node<'_>) -> Result<Vec<u8>, ReadError> {
    let mut output = String::with_capacity(1024);
    write(node, |_| true, &mut output)?;
    Ok(output.into_bytes())
}

/// Writes the canonical JSON of a node, with only those members of the outermost mapping whose key is `kept`.
pub(crate) fn write(node: Node<'_>, kept: impl Fn(&Text) -> bool, output: &mut String) -> Written {
    let mut writer = Writer { output, path: Vec::new(), open: Vec::new() };
    match node.value() {
        Value::Mapping(_) => {
            let is_kept = |key: Node<'_>| !matches!(key.value(), Value::Text(text) if !kept(text));
            let members = node.members().filter(|(key, _)| is_kept(*key)).collect();
            writer.open.push(node.id());
            writer.mapping(node, members)
        }
        _ => writer.node(node),
    }
}

/// Writes a string as JSON, in ASCII.
pub(crate) fn write_text(text: &Text, output: &mut String) {
    output.push('"');
    match text.as_str().filter(|text| text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')) {
        Some(plain) => output.push_str(plain),
        None => text.code_points().for_each(|code| write_code_point(code, output)),
    }
    output.push('"');
}

fn write_code_point(code: u32, output: &mut String) {
    let escape = |unit: u32, output: &mut String| {
        output.push_str("\\u");
        for shift in [12, 8, 4, 0] {
            output.push(char::from_digit(unit >> shift & 0xF, 16).unwrap_or('0'));
        }
    };
    match code {
        0x22 => output.push_str("\\\""),
        0x5C => output.push_str("\\\\"),
        0x0A => output.push_str("\\n"),
        0x0D => output.push_str("\\r"),
        0x09 => output.push_str("\\t"),
        0x0C => output.push_str("\\f"),
        0x08 => output.push_str("\\b"),
        0x20..=0x7E => output.push(char::from(code as u8)),
        0x1_0000.. => {
            let offset = code - 0x1_0000;
            escape(0xD800 + (offset >> 10), output);
            escape(0xDC00 + (offset & 0x3FF), output);
        }
        _ => escape(code, output),
    }
}

/// The text of a double: the shortest digits that read back, laid out as Python's `repr` does.
pub fn float_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = shortest(value);
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let digits = digits.replace('.', "");
    let mut text = sign.to_owned();
    if (-4..16).contains(&exponent) {
        push_fixed(&mut text, &digits, exponent);
    } else {
        let (first, rest) = digits.split_at(1);
        text.push_str(first);
        if !rest.is_empty() {
            text.push('.');
            text.push_str(rest);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a string cannot fail.
        let _ = write!(text, "e{sign}{:02}", exponent.abs());
    }
    text
}

/// The fewest digits that read back as `value`, and of those the nearest to it, as `d.ddde-7`.
///
/// Rust and Python find the same number of digits. Where two numbers of so many digits are equally near
/// (140737488355328.125 lies between .12 and .13) Python takes the even one, as Rust's exact formatting
/// does; Rust's shortest form takes the upper one.
fn shortest(value: f64) -> String {
    let shortest = format!("{value:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit).count();
    let nearest = format!("{value:.*e}", digits.saturating_sub(1));
    // Beside a power of two the nearest of that length can belong to the neighbour.
    if nearest.parse() == Ok(value) { nearest } else { shortest }
}

/// `digits` with the point after the place that `exponent` says, and at least one digit behind it.
fn push_fixed(text: &mut String, digits: &str, exponent: i32) {
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    if whole == 0 {
        text.push_str("0.");
        text.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
        text.push_str(digits);
    } else if digits.len() > whole {
        text.push_str(&digits[..whole]);
        text.push('.');
        text.push_str(&digits[whole..]);
    } else {
        text.push_str(digits);
        text.extend(std::iter::repeat_n('0', whole - digits.len()));
        text.push_str(".0");
    }
}

/// A step from a collection to one of its members.
enum Step<'tree> {
    Key(Node<'tree>),
    Index(usize),
}

struct Writer<'output, 'tree> {
    output: &'output mut String,
    path: Vec<Step<'tree>>,
    /// The collections around the current value; meeting one again means that it contains itself.
    open: Vec<NodeId>,
}

impl<'tree> Writer<'_, 'tree> {
    fn node(&mut self, node: Node<'tree>) -> Written {
        if self.output.len() > MAX_CANONICAL_BYTES {
            let what = "makes the manifest longer than 16 MiB once its aliases are written out";
            return Err(self.refuse(node, what).instead("use fewer aliases"));
        }
        match node.value() {
            Value::Null => self.output.push_str("null"),
            Value::Bool(value) => self.output.push_str(if *value { "true" } else { "false" }),
            Value::Integer(value) => self.integer(value),
            Value::Float(value) => self.output.push_str(&float_text(*value)),
            Value::Text(text) => write_text(text, self.output),
            Value::List(_) | Value::Mapping(_) => return self.collection(node),
            Value::Unprintable => return Err(self.refuse(node, "has more than 4300 decimal digits")),
            Value::Date | Value::Bytes | Value::Set => {
                return Err(self.refuse(node, &format!("is {}, which cannot be signed", node.value().kind())));
            }
        }
        Ok(())
    }

    fn integer(&mut self, value: &Integer) {
        // Writing to a string cannot fail.
        let _ = write!(self.output, "{value}");
    }

    fn collection(&mut self, node: Node<'tree>) -> Written {
        if self.open.contains(&node.id()) {
            return Err(self.refuse(node, "contains itself").instead("write the value out instead of an alias"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self.refuse(node, "is nested too deep").instead("flatten it"));
        }
        self.open.push(node.id());
        if matches!(node.value(), Value::List(_)) {
            self.list(node)?;
        } else {
            self.mapping(node, node.members().collect())?;
        }
        self.open.pop();
        Ok(())
    }

    fn list(&mut self, node: Node<'tree>) -> Written {
        self.output.push('[');
        for (index, item) in node.items().enumerate() {
            if index > 0 {
                self.output.push(',');
            }
            self.path.push(Step::Index(index));
            self.node(item)?;
            self.path.pop();
        }
        self.output.push(']');
        Ok(())
    }

    fn mapping(&mut self, node: Node<'tree>, mut members: Vec<(Node<'tree>, Node<'tree>)>) -> Written {
        self.sort(node, &mut members)?;
        self.output.push('{');
        for (index, (key, value)) in members.into_iter().enumerate() {
            if index > 0 {
                self.output.push(',');
            }
            self.key(key)?;
            self.output.push(':');
            self.path.push(Step::Key(key));
            self.node(value)?;
            self.path.pop();
        }
        self.output.push('}');
        Ok(())
    }

    /// Sorts members by key, before the keys become text: strings among strings, numbers among numbers.
    fn sort(&self, node: Node<'tree>, members: &mut [(Node<'tree>, Node<'tree>)]) -> Written {
        if members.iter().all(|(key, _)| matches!(key.value(), Value::Text(_))) {
            members.sort_unstable_by(|(left, _), (right, _)| compare_text(*left, *right));
        } else if members.len() > 1 {
            if let Some((odd, _)) = members.iter().find(|(key, _)| !is_number(*key)) {
                let what = format!("has a key that is {} beside keys of another type", odd.value().kind());
                return Err(self.refuse(node, &what).instead("put every key in quotes"));
            }
            return self.sort_numbers(node, members);
        }
        Ok(())
    }

    fn sort_numbers(&self, node: Node<'tree>, members: &mut [(Node<'tree>, Node<'tree>)]) -> Written {
        if members.iter().any(|(key, _)| matches!(key.value(), Value::Unprintable)) {
            return Err(self.refuse(node, "has a key of more than 4300 decimal digits"));
        }
        let has_nan = members.iter().any(|(key, _)| matches!(key.value(), Value::Float(value) if value.is_nan()));
        if !has_nan {
            members.sort_by(|(left, _), (right, _)| compare_numbers(*left, *right).unwrap_or(Ordering::Equal));
        } else if members.len() < CPYTHON_MERGES_FROM {
            insertion_sort(members);
        } else {
            return Err(self.refuse(node, "has NaN as a key among too many others"));
        }
        Ok(())
    }

    fn key(&mut self, key: Node<'tree>) -> Written {
        if let Value::Text(text) = key.value() {
            write_text(text, self.output);
            return Ok(());
        }
        if matches!(key.value(), Value::List(_) | Value::Mapping(_)) {
            return Err(self.refuse(key, "has a list or a mapping as a key"));
        }
        self.output.push('"');
        self.node(key)?;
        self.output.push('"');
        Ok(())
    }

    fn refuse(&self, node: Node<'_>, what: &str) -> ReadError {
        let path = self.shown_path();
        let subject = if path.is_empty() { "the manifest".to_owned() } else { format!("`{path}`") };
        ReadError::at(node.position(), format!("{subject} {what}")).because(Defect::NotCanonical)
    }

    /// The way to the current value, as `config.fields[2].label`; its end when it is very long.
    fn shown_path(&self) -> String {
        let mut path = String::new();
        for step in &self.path[self.path.len().saturating_sub(12)..] {
            match step {
                Step::Index(index) => path.push_str(&format!("[{index}]")),
                Step::Key(key) => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    match key.value() {
                        Value::Text(text) => path.push_str(&shown(&text.to_str_lossy(), 60)),
                        other => path.push_str(other.kind()),
                    }
                }
            }
        }
        path
    }
}

fn compare_text(left: Node<'_>, right: Node<'_>) -> Ordering {
    match (left.value(), right.value()) {
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

fn is_number(node: Node<'_>) -> bool {
    matches!(node.value(), Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Unprintable)
}

/// From this many elements on CPython's sort merges runs.
const CPYTHON_MERGES_FROM: usize = 64;

/// Sorts numbers as CPython sorts few of them: a run that is in order already, then binary insertion.
///
/// NaN has no order, so what comes out depends on the algorithm.
fn insertion_sort(members: &mut [(Node<'_>, Node<'_>)]) {
    let less = |left: Node<'_>, right: Node<'_>| compare_numbers(left, right) == Some(Ordering::Less);
    let mut sorted = 1;
    let descending = less(members[1].0, members[0].0);
    while sorted < members.len() && less(members[sorted].0, members[sorted - 1].0) == descending {
        sorted += 1;
    }
    if descending {
        members[..sorted].reverse();
    }
    for next in sorted..members.len() {
        let pivot = members[next].0;
        let (mut low, mut high) = (0, next);
        while low < high {
            let middle = low + (high - low) / 2;
            if less(pivot, members[middle].0) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        members[low..=next].rotate_right(1);
    }
}

/// The order of two numbers; none when one is NaN.
fn compare_numbers(left: Node<'_>, right: Node<'_>) -> Option<Ordering> {
    let whole = |value: &Value| match value {
        Value::Bool(value) => Some(Integer::from_decimal(false, if *value { "1" } else { "0" })),
        Value::Integer(value) => Some(value.clone()),
        _ => None,
    };
    match (left.value(), right.value()) {
        (Value::Float(left), Value::Float(right)) => left.partial_cmp(right),
        (Value::Float(left), right) if !left.is_nan() => whole(right)?.compare_float(*left).reverse().into(),
        (left, Value::Float(right)) if !right.is_nan() => whole(left)?.compare_float(*right).into(),
        (left, right) => whole(left)?.cmp(&whole(right)?).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_laid_out_as_python_does() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1e16, "1e+16"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (1e15, "1000000000000000.0"),
            (1.5e300, "1.5e+300"),
            (140_737_488_355_328.12, "140737488355328.12"),
            (806_993_505_438_287.2, "806993505438287.2"),
            (2f64.powi(-44), "5.684341886080802e-14"),
            (5e-324, "5e-324"),
            (123.456, "123.456"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(float_text(value), text);
        }
    }

    #[test]
    fn strings_are_ascii_with_short_escapes() {
        let mut text = Text::from("a\"\\/\n\u{8}\u{7f}é\u{1f600}");
        text.push_code_point(0xD800);
        let mut output = String::new();
        write_text(&text, &mut output);
        assert_eq!(output, r#""a\"\\/\n\b\u007f\u00e9\ud83d\ude00\ud800""#);
    }
}
