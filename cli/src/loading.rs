//! Loading a plugin in Python, as `aisoc-worker` does it, in the words of every other refusal.

use std::path::Path;

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;
use aisoc_packaging::Limits;
use aisoc_pipeline::room;
use aisoc_worker::{Error, Launcher, Loading, PATIENCE, Report};
use serde_json::{Map, Value};

/// Most characters that are shown of what the plugin says.
const MAX_SHOWN: usize = 300;
const CORRECT_IT: &str = "correct plugin.py, then load it again; `aisoc plugin new` makes one that loads";

/// What is loaded.
#[derive(Debug)]
pub(crate) struct Loaded<'a> {
    /// The plugin's directory.
    pub(crate) directory: &'a Path,
    /// Its id, and which capabilities it declares.
    pub(crate) id: &'a str,
    pub(crate) declared: &'a [String],
}

/// Loads a plugin; with a payload, which is the text of a JSON object, calls its `run` too.
///
/// # Errors
/// `usage` for a payload that is no object; `entry_point_invalid` for what the host refuses, in the host's
/// words; I/O reasons, `forbidden_entry`, `interrupted`.
pub(crate) fn load(launcher: &Launcher, loaded: &Loaded<'_>, payload: Option<&str>, limits: &Limits) -> Result<Report> {
    let Loaded { directory, id, declared } = *loaded;
    let payload: Option<Map<String, Value>> = payload
        .map(serde_json::from_str)
        .transpose()
        .map_err(|source| Fault::new(Reason::Usage, "the payload is not a JSON object").caused_by(source))?;
    let stop = limits.cancellation.flag();
    let loading = Loading {
        launcher,
        directory,
        id,
        declared,
        payload: payload.as_ref(),
        patience: PATIENCE,
        room: room(limits),
        stop: &stop,
    };
    aisoc_worker::load(&loading).map_err(fault)
}

/// The worker's error with its reason code and what to do about it.
fn fault(error: Error) -> Fault {
    let message = error.to_string();
    let invalid = |message: String| Fault::new(Reason::EntryPointInvalid, message);
    match error {
        Error::Io { act, path, source } => Fault::io(act, &path, source),
        Error::NoPython { source, .. } => Fault::new(Reason::ImportFailed, message)
            .hint("install Python 3.9 or newer, or set AISOC_PYTHON to its path")
            .caused_by(source),
        Error::NotStarted { program, source } => Fault::io("start", Path::new(&program), source)
            .hint("set AISOC_PYTHON to the path of a Python 3.9 or newer that every user may run"),
        Error::Unconfined { .. } => Fault::new(Reason::SandboxUnavailable, message),
        Error::TooMuch { .. } => Fault::new(Reason::ForbiddenEntry, message)
            .hint("take it out of the plugin's directory; `aisoc help limits` says how much a plugin may hold"),
        Error::Stopped => aisoc_manifests::cancellation::Cancelled.into(),
        Error::Left => {
            invalid(message).hint("look for them with `ps -ef`, and correct plugin.py so that it starts none")
        }
        Error::TimedOut { .. } => invalid(message).hint("let `Plugin()` and `run` return sooner, then load it again"),
        Error::Unanswered { printed, .. } => because(invalid(message).hint(CORRECT_IT), printed),
        Error::Unreadable { source } => invalid(message).caused_by(source),
        Error::Refused { refusal, cause } => because(invalid(shown(&refusal, MAX_SHOWN)).hint(CORRECT_IT), cause),
        // The rest, and what a later worker may find out: the plugin was not loaded.
        _ => invalid(message),
    }
}

/// With the plugin's own words as its cause, cut and escaped.
fn because(fault: Fault, words: Option<String>) -> Fault {
    match words {
        Some(words) => fault.caused_by(shown(&words, MAX_SHOWN)),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::{self, ErrorKind};
    use std::time::Duration;

    use aisoc_worker::{Layer, Layers, Python, Sandbox, ShimProgram};

    use super::*;

    fn layers() -> Layers {
        let layer = |is_active, detail: &str| Layer { is_active, detail: detail.to_owned() };
        let landlock = layer(false, "cannot restrict anything");
        Layers { namespaces: layer(true, "pid"), landlock, seccomp: layer(true, "200 system calls") }
    }

    #[test]
    fn every_error_has_its_reason_and_its_hint() {
        let io = |kind: ErrorKind| io::Error::from(kind);
        let (path, program) = (Path::new("there").to_owned(), OsString::from("python9"));
        let cases = [
            (
                Error::Io { act: "find", path: path.clone(), source: io(ErrorKind::NotFound) },
                Reason::IoNotFound,
                "cannot find `there`",
                "",
            ),
            (
                Error::NoPython { program: program.clone(), source: io(ErrorKind::NotFound) },
                Reason::ImportFailed,
                "there is no Python: `python9` was not found",
                "AISOC_PYTHON",
            ),
            (
                Error::NotStarted { program, source: io(ErrorKind::PermissionDenied) },
                Reason::IoDenied,
                "cannot start `python9`",
                "AISOC_PYTHON",
            ),
            (
                Error::Unconfined { layers: layers() },
                Reason::SandboxUnavailable,
                "this system does not confine a plugin whole: landlock: cannot restrict anything",
                "aisoc doctor",
            ),
            (
                Error::TooMuch { path },
                Reason::ForbiddenEntry,
                "with `there` there is more than a plugin may hold",
                "limits",
            ),
            (Error::Stopped, Reason::Interrupted, "stopped by a signal", ""),
            (Error::Left, Reason::EntryPointInvalid, "the plugin started processes that cannot be ended", "ps -ef"),
            (
                Error::TimedOut { patience: Duration::from_secs(20) },
                Reason::EntryPointInvalid,
                "the plugin did not finish within 20 seconds",
                "return sooner",
            ),
            (
                Error::TooLarge { at_most: 1_048_576 },
                Reason::EntryPointInvalid,
                "the result of run is larger than 1048576 bytes",
                "",
            ),
            (
                Error::Unanswered { status: None, printed: Some("last words".to_owned()) },
                Reason::EntryPointInvalid,
                "Python closed its standard output without an answer",
                "correct plugin.py",
            ),
            (
                Error::Refused { refusal: "plugin.py not found".to_owned(), cause: None },
                Reason::EntryPointInvalid,
                "plugin.py not found",
                "correct plugin.py",
            ),
        ];
        for (error, reason, message, hint) in cases {
            let fault = fault(error);
            assert_eq!((fault.reason(), fault.message()), (reason, message));
            assert!(fault.next_step().contains(hint), "{message}: {}", fault.next_step());
        }
    }

    #[test]
    fn a_plugins_words_are_cut_and_escaped() {
        let long = format!("\u{1b}[31m{}", "x".repeat(10_000));
        let fault = fault(Error::Refused { refusal: long.clone(), cause: Some(long) });
        let cause = std::error::Error::source(&fault).expect("a cause").to_string();
        for text in [fault.message(), &cause] {
            assert!(text.chars().count() < MAX_SHOWN + 20 && !text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn a_payload_is_an_object() {
        let python = Python { program: "no-such-python".into(), variables: Vec::new() };
        let shim = ShimProgram { program: "/nowhere/aisoc".into(), arguments: Vec::new() };
        let launcher = Launcher::new(python, shim, Sandbox::Off);
        let refused = |payload| {
            let place = tempfile::tempdir().expect("a directory");
            let loaded = Loaded { directory: place.path(), id: "demo", declared: &[] };
            load(&launcher, &loaded, Some(payload), &Limits::default()).expect_err("refused").reason()
        };
        assert_eq!(refused("[1]"), Reason::Usage);
        assert_eq!(refused("{"), Reason::Usage);
        assert_eq!(refused("{}"), Reason::IoNotFound);
    }
}
