//! `Arguments`: what a plugin asks with. What is not understood is refused, and nothing is guessed.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::refusal::Refusal;

/// What an ask comes with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a> {
    given: &'a Map<String, Value>,
}

impl<'a> Arguments<'a> {
    /// Those of a method that takes these, and no others.
    pub(crate) fn of(given: &'a Map<String, Value>, known: &[&str]) -> Result<Self, Refusal> {
        match given.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(Self { given }),
            Some(_) if known.is_empty() => Err(Refusal::invalid("it takes no arguments")),
            Some(_) => Err(Refusal::invalid(format!("it takes `{}` and nothing else", known.join("`, `")))),
        }
    }

    /// What is given under that name; null is nothing.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.given.get(name).filter(|value| !value.is_null())
    }

    /// A text of so many bytes.
    pub(crate) fn text(&self, name: &str, bytes: RangeInclusive<usize>) -> Result<&'a str, Refusal> {
        self.optional_text(name, bytes)?.ok_or_else(|| Refusal::invalid(format!("`{name}` is missing")))
    }

    pub(crate) fn optional_text(&self, name: &str, bytes: RangeInclusive<usize>) -> Result<Option<&'a str>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) if bytes.contains(&text.len()) => Ok(Some(text)),
            Some(_) => {
                let (least, most) = (bytes.start(), bytes.end());
                Err(Refusal::invalid(format!("`{name}` is a text of {least} to {most} bytes")))
            }
        }
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str, of: RangeInclusive<u64>) -> Result<Option<u64>, Refusal> {
        match self.value(name) {
            None => Ok(None),
            Some(value) => match value.as_u64().filter(|number| of.contains(number)) {
                Some(number) => Ok(Some(number)),
                None => Err(Refusal::invalid(format!("`{name}` is a whole number of {} to {}", of.start(), of.end()))),
            },
        }
    }

    /// An object; an empty one where nothing is given.
    pub(crate) fn object(&self, name: &str) -> Result<Map<String, Value>, Refusal> {
        match self.value(name) {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object.clone()),
            Some(_) => Err(Refusal::invalid(format!("`{name}` is an object"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_understood_is_refused() {
        let Value::Object(given) = json!({"text": "four", "number": 7, "object": {"a": 1}, "nothing": null}) else {
            panic!("an object")
        };
        let arguments = Arguments::of(&given, &["text", "number", "object", "nothing"]).expect("all are known");
        for (bytes, fits) in [(1..=3, false), (1..=4, true), (4..=9, true), (5..=9, false)] {
            assert_eq!(arguments.text("text", bytes.clone()).is_ok(), fits, "{bytes:?}");
        }
        for (of, fits) in [(1..=6, false), (1..=7, true), (7..=9, true), (8..=9, false)] {
            assert_eq!(arguments.number("number", of.clone()).is_ok(), fits, "{of:?}");
        }
        assert_eq!(arguments.optional_text("nothing", 1..=9), Ok(None));
        assert_eq!(arguments.object("nothing"), Ok(Map::new()));
        assert!(arguments.text("nothing", 0..=9).is_err() && arguments.text("number", 0..=9).is_err());
        assert!(arguments.number("text", 0..=9).is_err() && arguments.object("text").is_err());
        assert!(Arguments::of(&given, &["text", "number", "object"]).is_err());
        assert!(Arguments::of(&given, &[]).is_err());
    }
}
