//! `Masked`: the secrets of a plugin that its configuration refers to, and its words without them: logs and events are read by
//! more people than those secrets are for.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use aisoc_worker::Error;
use aisoc_worker::serving::{HandlerAnswer, LogLine};

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shortest that is looked for: what is shorter stands in many words, and none of those says it.
const MIN_BYTES: usize = 4;
/// Most lines of secrets that are known of one plugin; of more, which were replaced while it runs, the oldest is forgotten.
const MAX_SECRETS: usize = 1024;

/// The secrets of one plugin, those that were replaced with them: a process that has read them may still say them.
#[derive(Default)]
pub(crate) struct Masked(Mutex<VecDeque<String>>);

impl fmt::Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masked")
    }
}

impl Masked {
    /// Whatever is said from now on is said without these. What a plugin prints is looked at line by line, and so are they.
    pub(crate) fn add<'a>(&self, secrets: impl IntoIterator<Item = &'a String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in secrets.into_iter().flat_map(|secret| secret.lines()).map(str::trim) {
            if line.len() >= MIN_BYTES && !known.iter().any(|one| one == line) {
                known.push_back(line.to_owned());
            }
        }
        let forgotten = known.len().saturating_sub(MAX_SECRETS);
        known.drain(..forgotten);
    }

    /// Those words without them.
    pub(crate) fn text(&self, words: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<&String> = known.iter().filter(|secret| words.contains(secret.as_str())).collect();
        // One may be part of another.
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.into_iter().fold(words.to_owned(), |words, secret| words.replace(secret.as_str(), MASK))
    }

    /// What a plugin has printed.
    pub(crate) fn line(&self, line: LogLine) -> LogLine {
        match line {
            LogLine::Printed(text) => LogLine::Printed(self.text(&text)),
            dropped @ LogLine::Dropped(_) => dropped,
        }
    }

    /// Why it could not be loaded or called, where those are its own words.
    pub(crate) fn error(&self, error: Error) -> Error {
        match error {
            Error::Refused { refusal, cause } => {
                Error::Refused { refusal: self.text(&refusal), cause: cause.map(|cause| self.text(&cause)) }
            }
            Error::Unanswered { status, printed } => {
                Error::Unanswered { status, printed: printed.map(|printed| self.text(&printed)) }
            }
            other => other,
        }
    }

    /// What a handler has answered, where those are words for people.
    pub(crate) fn answer(&self, answer: HandlerAnswer) -> HandlerAnswer {
        match answer {
            HandlerAnswer::Deny { reason } => HandlerAnswer::Deny { reason: self.text(&reason) },
            HandlerAnswer::Rejected { reason } => HandlerAnswer::Rejected { reason: self.text(&reason) },
            HandlerAnswer::Raised { error_type, message } => {
                HandlerAnswer::Raised { error_type, message: self.text(&message) }
            }
            HandlerAnswer::Health { status, message } => HandlerAnswer::Health { status, message: self.text(&message) },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(secrets: &[&str]) -> Masked {
        let masked = Masked::default();
        masked.add(&secrets.iter().map(|secret| (*secret).to_owned()).collect::<Vec<_>>());
        masked
    }

    #[test]
    fn words_are_said_without_secrets() {
        let masked = of(&["hunter2", "hunter2-and-more", "abc", "abcd", "first line\n  second line \n"]);
        for (words, said) in [
            ("the key is hunter2", "the key is ***"),
            ("hunter2hunter2", "******"),
            ("hunter2-and-more", "***"),
            ("abc is too short to be found in words", "abc is too short to be found in words"),
            ("abcd", "***"),
            ("of it the second line alone", "of it the *** alone"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(masked.text(words), said);
        }
        let refused =
            masked.error(Error::Refused { refusal: "no hunter2".to_owned(), cause: Some("hunter2".to_owned()) });
        assert!(!refused.to_string().contains("hunter2") && !format!("{refused:?}{masked:?}").contains("hunter2"));
    }

    #[test]
    fn so_many_are_known() {
        let masked = of(&["oldest"]);
        masked.add(&(1..MAX_SECRETS).map(|number| format!("secret {number:05}")).collect::<Vec<_>>());
        assert_eq!(masked.text("oldest, secret 00001"), "***, ***");
        masked.add(&["one more".to_owned(), "one more".to_owned()]);
        assert_eq!(masked.text("oldest, secret 00001, one more"), "oldest, ***, ***");
    }
}
