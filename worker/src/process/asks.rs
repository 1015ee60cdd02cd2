//! What a plugin asks while a call of it runs, and what it is told.
//!
//! An ask is a line `?CALL NUMBER {"handle": …, "method": …, "arguments": {…}}`. Whoever has made that call answers it, on
//! the thread that waits for the result: so nobody else waits for what it takes, and an ask is on behalf of one call.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exact_json::{NotExact, require_exact};

/// Longest line that asks.
pub const MAX_ASK_BYTES: usize = 128 << 10;
/// Longest line that answers one: the answer of a server, in base64, with its headers.
pub const MAX_REPLY_BYTES: usize = 3 << 20;
/// Most asks of one call that have no answer yet.
pub const MAX_ASKS: usize = 32;
/// How a line begins that asks.
pub(super) const ASK: u8 = b'?';
/// How long nothing more is read of a plugin whose ask is not looked at.
pub(super) const REFUSAL_PAUSE: Duration = Duration::from_millis(5);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Of what.
    pub handle: String,
    /// What is to be done.
    pub method: String,
    /// With what.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

/// What a plugin is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// What it has asked for.
    Value {
        /// That.
        value: Value,
    },
    /// It may not, in the words of a host.
    Denied {
        /// Those words.
        denied: String,
    },
    /// It may, and it was not done.
    Failed {
        /// Why, in one word.
        failed: &'static str,
        /// And in a sentence.
        message: String,
    },
}

impl Reply {
    /// The line that says so.
    pub(crate) fn line(&self, number: u64) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            ask: u64,
            #[serde(flatten)]
            reply: &'a Reply,
        }
        let line = |reply: &Self| serde_json::to_string(&Line { ask: number, reply }).unwrap_or_default();
        match line(self) {
            short if short.len() <= MAX_REPLY_BYTES => short,
            _ => line(&Refusal::Long.reply()),
        }
    }
}

/// Why what is asked is not even looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no such call, or it has ended.
    NoCall,
    /// Too many are not answered yet.
    Busy,
    /// It is too long.
    Large,
    /// What it would be answered is too long.
    Long,
    /// It is not of the form that it has to have.
    Unreadable,
    /// It holds what cannot be kept as it is.
    NotExact(NotExact),
}

impl Refusal {
    pub(crate) fn reply(self) -> Reply {
        let (failed, message) = match self {
            Self::NoCall => ("no_call", "no call is under way that could ask".to_owned()),
            Self::Busy => ("busy", format!("{MAX_ASKS} asks of the call wait already")),
            Self::Large => ("too_large", format!("more than {MAX_ASK_BYTES} bytes are asked with")),
            Self::Long => ("too_large", format!("the answer has more than {MAX_REPLY_BYTES} bytes")),
            Self::Unreadable => ("invalid_argument", "what is asked cannot be read".to_owned()),
            Self::NotExact(why) => ("invalid_argument", format!("what is asked is not taken: {why}")),
        };
        Reply::Failed { failed, message }
    }
}

/// An ask as it came.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) call: u64,
    pub(crate) number: u64,
    text: Vec<u8>,
    is_large: bool,
}

impl Asked {
    /// Whose it is. What is asked is read by whoever answers.
    ///
    /// # Errors
    /// For a line that nobody could be answered about.
    pub(super) fn read(line: &[u8]) -> serde_json::Result<Self> {
        let mut parts = line[1..].splitn(3, |byte| *byte == b' ');
        let mut next = || parts.next().unwrap_or_default();
        let (call, number) = (serde_json::from_slice(next())?, serde_json::from_slice(next())?);
        let text = next();
        // What is too long is not kept.
        let is_large = line.len() > MAX_ASK_BYTES;
        Ok(Self { call, number, text: if is_large { Vec::new() } else { text.to_vec() }, is_large })
    }

    pub(super) fn require_small(&self) -> Result<(), Refusal> {
        if self.is_large { Err(Refusal::Large) } else { Ok(()) }
    }

    /// What is asked.
    pub(crate) fn ask(&self) -> Result<Ask, Refusal> {
        require_exact(&self.text).map_err(Refusal::NotExact)?;
        serde_json::from_slice(&self.text).map_err(|_| Refusal::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(bytes: usize) -> Vec<u8> {
        let mut line = b"?7 9 {\"handle\": \"a\", \"method\": \"b\"}".to_vec();
        line.resize(bytes.max(line.len()), b' ');
        line
    }

    #[test]
    fn an_ask_says_whose_it_is_and_is_of_a_size() {
        let asked = Asked::read(&line(MAX_ASK_BYTES)).expect("read");
        assert_eq!((asked.call, asked.number), (7, 9));
        assert!(asked.require_small().is_ok());
        let expected = Ask { handle: "a".to_owned(), method: "b".to_owned(), arguments: Map::new() };
        assert_eq!(asked.ask().expect("understood"), expected);
        let asked = Asked::read(&line(MAX_ASK_BYTES + 1)).expect("read");
        assert_eq!((asked.number, asked.require_small()), (9, Err(Refusal::Large)));
        for text in ["?", "?7", "?7 ", "?x 9 {}", "?7 9x {}", "? 7 9 {}", "?-1 9 {}", "?7 99999999999999999999 {}"] {
            assert!(Asked::read(text.as_bytes()).is_err(), "{text}");
        }
        for text in [
            "?7 9",
            "?7 9 ",
            "?7 9 []",
            "?7 9 {",
            "?7 9 {\"handle\": \"a\"}",
            "?7 9 {\"handle\": 1, \"method\": \"b\"}",
        ] {
            let asked = Asked::read(text.as_bytes()).expect("somebody is told");
            assert_eq!((asked.require_small(), asked.ask()), (Ok(()), Err(Refusal::Unreadable)), "{text}");
        }
        let large = "?7 9 {\"handle\": \"a\", \"method\": \"b\", \"arguments\": {\"value\": 18446744073709551616}}";
        let refused = Asked::read(large.as_bytes()).expect("somebody is told").ask();
        assert_eq!(refused, Err(Refusal::NotExact(NotExact::Integer)));
    }

    #[test]
    fn an_answer_is_of_a_size_or_says_that_it_is_not() {
        let length = |text: usize| Reply::Value { value: json!("a".repeat(text)) }.line(3).len();
        let around = length(0);
        assert_eq!(length(MAX_REPLY_BYTES - around), MAX_REPLY_BYTES);
        let line = Reply::Value { value: json!("a".repeat(MAX_REPLY_BYTES - around + 1)) }.line(3);
        assert!(line.starts_with(r#"{"ask":3,"failed":"too_large","message":"the answer has more than"#), "{line}");
    }
}
