//! The script: rules, and the ways to misbehave that they name.

use std::time::Duration;

use hyper::Method;

/// A rule: what to do with requests of that method and path.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) method: Option<Method>,
    pub(super) path: String,
    pub(super) times: usize,
    pub(super) side: Side,
    pub(super) act: Act,
}

/// Which of the two listeners is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Home,
    Elsewhere,
}

/// One way to misbehave.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers that status with an OCI error body.
    Status(u16),
    /// Answers that status with those headers and that body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Does what was asked, and answers it with that status.
    Relabel(u16),
    /// Closes the connection without an answer.
    HangUp,
    /// Answers 200 with a web page.
    Html,
    /// Sends other bytes of the same length.
    OtherBytes,
    /// Announces the whole body and breaks off after so many bytes.
    CutAfter(usize),
    /// Sends so many bytes, then nothing, without hanging up.
    StallAfter(usize),
    /// Sends one byte per pause.
    Drip(Duration),
    /// Sends the body and never stops.
    Endless,
    /// Answers a `Range` with the whole.
    IgnoreRange,
    /// Answers a `Range` with another one.
    WrongRange,
    /// Sends that header instead of, or besides, the right one; an empty value removes it.
    Header(&'static str, String),
    /// Takes so many bytes of what is sent, keeps them, and closes the connection without an answer.
    BreakBody(usize),
    /// Answers 413 to a body that is longer.
    LimitBody(u64),
    /// Redirects to the other listener, which has the same content.
    RedirectElsewhere,
    /// The same with that status in place of 307.
    RedirectElsewhereWith(u16),
    /// Redirects to the same path here.
    RedirectHome,
    /// Redirects to that URL.
    RedirectTo(String),
    /// Opens upload sessions at the other listener.
    UploadElsewhere,
    /// Opens upload sessions at an absolute URL of its own, with a query, as other registries do.
    UploadAbsolute,
    /// Answers that status to whoever shows no login, and asks for none.
    HiddenFromNobody(u16),
    /// Never answers.
    Silence,
}

impl Rule {
    /// Applies to every request whose path contains `path`.
    pub fn on(path: &str, act: Act) -> Self {
        Self { method: None, path: path.to_owned(), times: usize::MAX, side: Side::Home, act }
    }

    /// Applies to this method only.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self { method: Some(method.parse().expect("a method")), ..self }
    }

    /// Applies at the other listener, where the registry redirects to.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        Self { side: Side::Elsewhere, ..self }
    }

    /// Applies so many times.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}
