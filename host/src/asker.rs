//! `Asker`: on whose behalf a host does something.

use std::fmt;
use std::str::FromStr;

use aisoc_context::CallerKind;
use aisoc_manifests::digest::hex;
use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::stated_reason::StatedReason;

use crate::access::{Operator, Subject, TokenName, Who};

/// Longest id of a request.
const MAX_REQUEST_ID_BYTES: usize = 64;
/// As much as no two requests share.
const RANDOM_BYTES: usize = 12;

/// Who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// The host itself: nobody has asked.
    Host,
    /// Whoever is on the machine, where there is no login.
    Development,
    /// Whoever has a token of that name, for which somebody answers, or nobody.
    Token(TokenName, Option<Operator>),
    /// Whoever a token of an issuer is about.
    Subject(Subject),
}

impl From<Who> for Actor {
    fn from(somebody: Who) -> Self {
        match somebody {
            Who::Token(name, operator) => Self::Token(name, operator),
            Who::Subject(subject) => Self::Subject(subject),
        }
    }
}

impl Actor {
    /// By what they are known.
    pub(crate) const fn kind(&self) -> CallerKind {
        match self {
            Self::Host => CallerKind::Host,
            Self::Development => CallerKind::Development,
            Self::Token(..) => CallerKind::Token,
            Self::Subject(_) => CallerKind::Subject,
        }
    }

    /// Who answers for the token that was shown.
    pub(crate) const fn operator(&self) -> Option<&Operator> {
        match self {
            Self::Token(_, operator) => operator.as_ref(),
            Self::Host | Self::Development | Self::Subject(_) => None,
        }
    }

    /// In one word, as events and the journal have it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Host => TokenName::OF_HOST,
            Self::Development => TokenName::OF_DEVELOPMENT,
            Self::Token(name, _) => name.as_str(),
            Self::Subject(subject) => subject.as_str(),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// By what one request is told from all others, in its answer, in events and in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// A new one.
    ///
    /// # Errors
    /// `io_error` where the system has no randomness.
    pub(crate) fn generate() -> Result<Self> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(|error| {
            Fault::new(Reason::IoError, "the system gives no randomness for a request").caused_by(error)
        })?;
        Ok(Self(hex(&random)))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = ();

    /// Letters, digits, `.`, `_` and `-`: what is a word in every log.
    fn from_str(text: &str) -> Result<Self, ()> {
        let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        let fits = !text.is_empty() && text.len() <= MAX_REQUEST_ID_BYTES;
        (is_word && fits).then(|| Self(text.to_owned())).ok_or(())
    }
}

/// Who asks, in which request, and why they say they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// Who.
    pub actor: Actor,
    /// In which request; nothing where there is none.
    pub request_id: Option<RequestId>,
    /// Why.
    pub reason: Option<StatedReason>,
}

impl Asker {
    /// The host, which does it by itself.
    pub const fn host() -> Self {
        Self { actor: Actor::Host, request_id: None, reason: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_request_is_a_word_and_no_two_are_one() {
        for (length, is_one) in [(0, false), (1, true), (MAX_REQUEST_ID_BYTES, true), (MAX_REQUEST_ID_BYTES + 1, false)]
        {
            assert_eq!("a".repeat(length).parse::<RequestId>().is_ok(), is_one, "{length}");
        }
        for other in ["a b", "a\n", "a\"", "ä", "a/b", "{a}"] {
            assert!(other.parse::<RequestId>().is_err(), "{other:?}");
        }
        let [one, other] = [(); 2].map(|()| RequestId::generate().expect("random"));
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one));
    }
}
