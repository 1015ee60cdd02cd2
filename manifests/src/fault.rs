//! `Fault`: the one shape of every refusal and failure in aisoc.
//!
//! A fault says what could not be done and on what, names the two values that differ, and carries
//! the cause and the next command as separate parts, so that a terminal, a JSON envelope and a
//! snapshot test all read the same fields. Only the command line renders it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::cancellation::Cancelled;
use crate::position::Position;
pub use crate::reason::{Class, Reason};

/// The result of anything that can be refused.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// One refusal: a reason code, one sentence, and the evidence for it.
#[derive(Clone)]
pub struct Fault(Box<Parts>);

#[derive(Clone)]
struct Parts {
    reason: Reason,
    message: String,
    location: Option<Location>,
    difference: Option<Difference>,
    hint: Option<String>,
    /// Of several that are refused together, what to do about each.
    steps: Vec<(Reason, String)>,
    problems: Vec<Fault>,
    installed: Option<InstalledVersion>,
    /// What programs are told beside all of this, in the words of a contract.
    detail: Option<serde_json::Value>,
    /// Shared, because a refusal stands in the trace of a decision and is its outcome as well.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// Where in a text file something was found. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file as the user named it, or as it is called inside the plugin.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Location {
    /// A position in the file of that name.
    pub fn new(file: impl Into<String>, position: Position) -> Self {
        Self { file: file.into(), line: position.line, column: position.column }
    }
}

/// The version of a plugin that is in place, and stays there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledVersion {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// The two values that should have been equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was required.
    pub expected: String,
    /// What was there.
    pub found: String,
}

impl Fault {
    /// A fault with the hint that its reason carries by default.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            reason,
            message: message.into(),
            location: None,
            difference: None,
            hint: None,
            steps: Vec::new(),
            problems: Vec::new(),
            installed: None,
            detail: None,
            source: None,
        }))
    }

    /// Says what the fault is about, for checks that do not know the name of what they look at.
    #[must_use]
    pub fn about(mut self, subject: impl fmt::Display) -> Self {
        self.0.message = format!("{subject}: {}", self.0.message);
        self
    }

    /// Says what has happened all the same, for a failure that comes after the deed.
    #[must_use]
    pub fn although(mut self, done: impl fmt::Display) -> Self {
        self.0.message = format!("{done}, but {}", self.0.message);
        self
    }

    /// Says what else is refused about the same, behind the first: its values are the ones that are shown.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let mut steps = self.steps();
        steps.extend(other.steps());
        self.0.hint = Some(joined(steps.iter().map(|(_, step)| step.as_str())));
        self.0.steps = steps;
        self.0.message = format!("{}; and {other}", self.0.message);
        self
    }

    /// Replaces the hint where `by` has another for its reason: of several that are refused together, those of the others
    /// stay, and what is the same for two is said once.
    #[must_use]
    pub fn hint_by(mut self, by: impl Fn(Reason) -> Option<String>) -> Self {
        let mut steps = self.steps();
        for (reason, step) in &mut steps {
            *step = by(*reason).unwrap_or_else(|| std::mem::take(step));
        }
        let is_first = |at: usize| !steps[..at].iter().any(|(_, step)| *step == steps[at].1);
        let shown = (0..steps.len()).filter(|at| is_first(*at)).map(|at| steps[at].1.as_str());
        self.0.hint = Some(joined(shown));
        self.0.steps = if steps.len() > 1 { steps } else { Vec::new() };
        self
    }

    /// The next step of each that is refused, as far as nobody has replaced them all.
    fn steps(&self) -> Vec<(Reason, String)> {
        match self.0.steps.as_slice() {
            [] => vec![(self.reason(), self.next_step().to_owned())],
            steps => steps.to_vec(),
        }
    }

    /// Names the file, line and column that decided.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.0.location = Some(location);
        self
    }

    /// Names the two values that differ, the required one first.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.0.difference = Some(Difference { expected: expected.into(), found: found.into() });
        self
    }

    /// `directory_insecure` with both values, and the remedy in place of the default hint if there is one.
    #[must_use]
    pub fn insecure(
        message: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: Option<String>,
    ) -> Self {
        let fault = Self::new(Reason::DirectoryInsecure, message).expected(expected, found);
        match remedy {
            Some(remedy) => fault.hint(remedy),
            None => fault,
        }
    }

    /// `directory_insecure` for what is no directory where one is needed. A link is none: whoever made it says
    /// where it leads.
    #[must_use]
    pub fn no_directory(path: &std::path::Path) -> Self {
        let message = format!("`{}` is a link or a file, where a directory is needed", path.display());
        let hint = match path.read_link() {
            Ok(target) => format!("find out who made the link; if `{}` is what was meant, name that", target.display()),
            Err(_) => "find out what it is and who put it there; name the directory that was meant".to_owned(),
        };
        Self::new(Reason::DirectoryInsecure, message).hint(hint)
    }

    /// Replaces the default hint of the reason. A hint is the next command, never "trust less".
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self.0.steps.clear();
        self
    }

    /// Says what stays in place although something else was to take it.
    #[must_use]
    pub fn beside(mut self, installed: InstalledVersion) -> Self {
        self.0.installed = Some(installed);
        self
    }

    /// Tells programs more, in the words of a contract: an object.
    #[must_use]
    pub fn detailed(mut self, detail: serde_json::Value) -> Self {
        self.0.detail = Some(detail);
        self
    }

    /// Attaches the cause, which is printed on a line of its own and never inside the message.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// Names all that is wrong, for a refusal that stands for several, each of which has a place and a next step.
    #[must_use]
    pub fn problems_are(mut self, problems: Vec<Self>) -> Self {
        self.0.problems = problems;
        self
    }

    /// Renames the file in the location, for callers that know the path the user typed.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        if let Some(location) = &mut self.0.location {
            location.file = file.into();
        }
        self
    }

    /// Puts the file of the location below the directory that the user named.
    #[must_use]
    pub fn below(mut self, directory: &std::path::Path) -> Self {
        if let Some(location) = &mut self.0.location {
            location.file = directory.join(&location.file).display().to_string();
        }
        self
    }

    /// The reason code, stable across releases.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// Whose turn it is, which decides the exit code.
    pub fn class(&self) -> Class {
        self.0.reason.class()
    }

    /// Whether the system did not let something be read or written: what it is about may be anything.
    pub fn is_unread(&self) -> bool {
        matches!(self.0.reason, Reason::IoDenied | Reason::IoError | Reason::IoNoSpace)
    }

    /// One lower-case clause: what, and on what.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// File, line and column, when a text file decided.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The two values that differ, when the refusal is a comparison.
    pub fn difference(&self) -> Option<&Difference> {
        self.0.difference.as_ref()
    }

    /// The refusals that this one stands for.
    pub fn problems(&self) -> &[Self] {
        &self.0.problems
    }

    /// The version that stays in place, when the refusal is of a change and that is known.
    pub fn installed(&self) -> Option<&InstalledVersion> {
        self.0.installed.as_ref()
    }

    /// What programs are told beside all of this.
    pub fn detail(&self) -> Option<&serde_json::Value> {
        self.0.detail.as_ref()
    }

    /// What to do next.
    pub fn next_step(&self) -> &str {
        self.0.hint.as_deref().unwrap_or_else(|| self.0.reason.remedy())
    }

    /// A failed file operation. The path is part of the message because `io::Error` lost it.
    pub fn io(act: &str, path: &std::path::Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        if let Some(cancelled) = source.get_ref().and_then(|inner| inner.downcast_ref::<Cancelled>()) {
            return (*cancelled).into();
        }
        let reason = match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Reason::IoNoSpace,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Reason::IoDenied,
            ErrorKind::NotFound => Reason::IoNotFound,
            _ => Reason::IoError,
        };
        // The system does not say which part of the path it is.
        let in_the_way =
            (source.kind() == ErrorKind::NotADirectory).then(|| path.ancestors().find(|part| is_no_way(part)));
        let message = format!("cannot {act} `{}`", path.display());
        match in_the_way.flatten() {
            Some(part) => Self::new(reason, format!("{message}: `{}` is a file", part.display()))
                .caused_by(source)
                .hint("name the directory that was meant, or move the file away"),
            None => Self::new(reason, message).caused_by(source),
        }
    }
}

/// Whether something is there that has nothing below it.
fn is_no_way(path: &std::path::Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_dir())
}

/// Several next steps as one.
fn joined<'a>(steps: impl Iterator<Item = &'a str>) -> String {
    steps.collect::<Vec<_>>().join("; ")
}

impl From<Cancelled> for Fault {
    fn from(cancelled: Cancelled) -> Self {
        Self::new(Reason::Interrupted, cancelled.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Location { file, line, column }) = &self.0.location {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {self}", self.0.reason)?;
        if let Some(Difference { expected, found }) = &self.0.difference {
            write!(f, " (expected {expected}, found {found})")?;
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, "; caused by: {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|error| error as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_never_repeats_the_cause() {
        let fault = Fault::io("read", std::path::Path::new("x/plugin.yaml"), std::io::Error::other("boom"));
        assert_eq!(fault.to_string(), "cannot read `x/plugin.yaml`");
        assert_eq!(fault.source().expect("kept").to_string(), "boom");
    }

    #[test]
    fn location_leads_the_message() {
        let fault = Fault::new(Reason::ManifestInvalid, "a tab cannot separate tokens").at(Location {
            file: "plugin.yaml".into(),
            line: 3,
            column: 7,
        });
        assert_eq!(fault.to_string(), "plugin.yaml:3:7: a tab cannot separate tokens");
    }

    #[test]
    fn a_hint_is_replaced_for_its_reason_and_those_beside_it_stay() {
        let refused = |reason, hint: &str| Fault::new(reason, "no").hint(hint);
        let asks = || refused(Reason::CapabilitiesNotAccepted, "repeat it with `--accept-capabilities`");
        let older = || refused(Reason::VersionDowngrade, "install the newest");
        let other = || refused(Reason::SignerChanged, "ask the publisher");
        let by = |reason| match reason {
            Reason::CapabilitiesNotAccepted | Reason::SignerChanged => Some("ask whoever makes the lock".to_owned()),
            _ => None,
        };
        for (fault, hint) in [
            (older(), "install the newest"),
            (asks(), "ask whoever makes the lock"),
            (asks().and(&older()), "ask whoever makes the lock; install the newest"),
            (older().and(&asks()).about("demo"), "install the newest; ask whoever makes the lock"),
            (asks().and(&older()).and(&other()), "ask whoever makes the lock; install the newest"),
            (older().and(&asks().and(&other())), "install the newest; ask whoever makes the lock"),
            (asks().and(&older()).hint("wait"), "ask whoever makes the lock"),
        ] {
            let message = fault.message().to_owned();
            let replaced = fault.hint_by(by);
            assert_eq!((replaced.next_step(), replaced.message()), (hint, message.as_str()));
        }
        // A second one is said behind what the first replacement has made.
        let twice = asks().and(&older()).hint_by(by).and(&other());
        assert_eq!(twice.next_step(), "ask whoever makes the lock; install the newest; ask the publisher");
    }

    #[test]
    fn a_fault_is_one_pointer_wide() {
        assert_eq!(size_of::<Fault>(), size_of::<usize>());
    }
}
